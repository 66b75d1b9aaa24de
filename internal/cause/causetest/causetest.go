// Package causetest finds the errors that a package can answer with, for tests
// that each has a cause: an error without one is answered as a fault of the service.
package causetest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Errors returns the exported errors of the package in a folder, by name: variables
// that begin with Err, and types that have a method Error. Each has the package's
// name in front.
func Errors(t testing.TB, folder string) []string {
	t.Helper()
	var names []string
	walk(t, folder, func(pkg string, d ast.Decl) {
		switch d := d.(type) {
		case *ast.GenDecl:
			if d.Tok != token.VAR {
				return
			}
			for _, spec := range d.Specs {
				for _, name := range spec.(*ast.ValueSpec).Names {
					if strings.HasPrefix(name.Name, "Err") {
						names = append(names, pkg+"."+name.Name)
					}
				}
			}
		case *ast.FuncDecl:
			if name := errorType(d); name != "" {
				names = append(names, pkg+"."+name)
			}
		}
	})
	slices.Sort(names)
	assert.NotEmptyf(t, names, "%s has no errors", folder)
	return names
}

// errorType returns the exported type of which a function is the method Error, or ""
// if there is none.
func errorType(f *ast.FuncDecl) string {
	if f.Recv == nil || f.Name.Name != "Error" {
		return ""
	}
	kind := f.Recv.List[0].Type
	if pointer, ok := kind.(*ast.StarExpr); ok {
		kind = pointer.X
	}
	if name, ok := kind.(*ast.Ident); ok && name.IsExported() {
		return name.Name
	}
	return ""
}

// Constants returns the names of the constants of a type that the package in a folder
// declares.
func Constants(t testing.TB, folder, kind string) []string {
	t.Helper()
	return slices.Sorted(maps.Keys(Values(t, folder, kind)))
}

// Values returns the constants of a text type that the package in a folder declares: the value
// of each by its name.
func Values(t testing.TB, folder, kind string) map[string]string {
	t.Helper()
	values := map[string]string{}
	walk(t, folder, func(_ string, d ast.Decl) {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.CONST {
			return
		}
		for _, spec := range g.Specs {
			v := spec.(*ast.ValueSpec)
			if of, ok := v.Type.(*ast.Ident); ok && of.Name == kind {
				for i, name := range v.Names {
					values[name.Name] = valueOf(v, i)
				}
			}
		}
	})
	assert.NotEmptyf(t, values, "%s has no constants of the type %s", folder, kind)
	return values
}

// valueOf returns the value of a constant, "" if it is not a text.
func valueOf(v *ast.ValueSpec, i int) string {
	if i >= len(v.Values) {
		return ""
	}
	literal, ok := v.Values[i].(*ast.BasicLit)
	if !ok {
		return ""
	}
	text, _ := strconv.Unquote(literal.Value)
	return text
}

func walk(t testing.TB, folder string, visit func(pkg string, d ast.Decl)) {
	t.Helper()
	files, err := fs.Glob(os.DirFS(folder), "*.go")
	require.NoError(t, err)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), path.Join(folder, file), nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, d := range parsed.Decls {
			visit(parsed.Name.Name, d)
		}
	}
}
