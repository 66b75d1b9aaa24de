package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// A listed is a package as go list describes it.
type listed struct {
	ImportPath, Dir, Name, Export string
	GoFiles                       []string
	DepOnly, Standard             bool
}

// A loaded is a package with its types.
type loaded struct {
	listed
	fset     *token.FileSet
	files    []*ast.File
	sources  []string // the text of each of files
	info     *types.Info
	types    *types.Package
	importer types.Importer
}

// load reads a package and its types, without its tests.
func load(pattern string) (*loaded, error) {
	arguments := append([]string{"list", "-export", "-deps", "-json=ImportPath,Dir,Name,Export,GoFiles,DepOnly,Standard", pattern}, switchImports...)
	cmd := exec.Command("go", arguments...) //nolint:gosec,noctx // go list of the caller's package
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list %s: %w", pattern, err)
	}
	exports := map[string]string{}
	p := &loaded{fset: token.NewFileSet()}
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var one listed
		if err := decoder.Decode(&one); err == io.EOF {
			break
		} else if err != nil {
			return nil, err
		}
		exports[one.ImportPath] = one.Export
		if !one.DepOnly && !one.Standard {
			p.listed = one
		}
	}
	p.importer = importer.ForCompiler(p.fset, "gc", func(path string) (io.ReadCloser, error) {
		return os.Open(exports[path])
	})
	for _, name := range p.GoFiles {
		source, err := os.ReadFile(filepath.Join(p.Dir, name))
		if err != nil {
			return nil, err
		}
		file, err := parser.ParseFile(p.fset, name, source, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		p.files, p.sources = append(p.files, file), append(p.sources, string(source))
	}
	p.info = &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{}, Selections: map[*ast.SelectorExpr]*types.Selection{}}
	p.types, err = (&types.Config{Importer: p.importer}).Check(p.ImportPath, p.fset, p.files, p.info)
	return p, err
}
