package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// maxMethods is the largest number of methods that one interface declares: one
// with more mixes several roles. An interface may be composed of others.
const maxMethods = 6

func TestInterfaces_HaveOneRole(t *testing.T) {
	found := 0
	err := filepath.WalkDir(filepath.Join(root(t), "internal"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			i, ok := n.(*ast.InterfaceType)
			if !ok {
				return true
			}
			found++
			methods := 0
			for _, m := range i.Methods.List {
				methods += len(m.Names) // an embedded interface has none
			}
			if methods > maxMethods {
				t.Errorf("%s: an interface of %d methods, want at most %d: one for each role", files.Position(i.Pos()), methods, maxMethods)
			}
			return true
		})
		return nil
	})
	assert.Truef(t, err == nil && found != 0, "%d interfaces, %v", found, err)
}
