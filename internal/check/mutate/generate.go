package main

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"slices"
	"strconv"
	"strings"
)

//go:embed switch.go.txt
var switchSource string

// A generated is a package with all of its mutants.
type generated struct {
	*loaded
	mutants []Mutant
	files   map[string]string // the changed source, by file name
	dropped int               // mutants that do not compile
}

const switchFile = "mutate_switch.go"

// switchImports are the packages that the switch imports.
var switchImports = []string{"cmp", "fmt", "maps", "os", "slices", "strconv", "sync/atomic"}

// generate returns the package with its mutants. Those that do not compile, for example
// because a name is shadowed where the mutant needs it, are left out.
func generate(pattern string) (*generated, error) {
	p, err := load(pattern)
	if err != nil {
		return nil, err
	}
	skip := map[int]bool{}
	for {
		g := &generated{loaded: p, files: map[string]string{}}
		finders, total := g.build(skip)
		faults, err := g.faults(finders)
		if err != nil {
			return nil, err
		}
		if len(faults) == 0 {
			g.dropped = total - len(g.mutants)
			number(g.mutants)
			return g, nil
		}
		before := len(skip)
		for _, id := range faults {
			skip[id] = true
		}
		if len(skip) == before {
			return nil, errors.New("mutants that do not compile could not be left out")
		}
	}
}

// hash names the version of the package, and of its mutants.
func (g *generated) hash() string {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(g.files)) {
		fmt.Fprintf(h, "%s\n%s\n", name, g.files[name])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// spans are the output ranges of the edits of a file.
type spans struct {
	*finder
	places []placed // by edit: from its first text to its last
}

// build finds the mutants and applies the edits, and returns how many mutants there are
// with those to skip.
func (g *generated) build(skip map[int]bool) (files []spans, total int) {
	next := 1
	for i, file := range g.loaded.files {
		f := &finder{loaded: g.loaded, file: file, source: g.sources[i], next: &next, skip: skip}
		f.find()
		text, places := apply(f.source, f.edits)
		g.files[g.GoFiles[i]] = text
		files = append(files, spans{f, joined(places, f.edits)})
		made := map[int]bool{}
		for _, e := range f.edits {
			for _, id := range e.mutants {
				made[id] = true
			}
		}
		for _, m := range f.mutants {
			if made[m.ID] {
				g.mutants = append(g.mutants, m)
			}
		}
	}
	source := strings.Replace(switchSource, "package PACKAGE", "package "+g.Name, 1)
	g.files[switchFile] = strings.Replace(source, "MUTANTS", strconv.Itoa(next), 1)
	return files, next - 1
}

// joined returns the range of each edit, from its first text to its last.
func joined(places []placed, edits []edit) []placed {
	out := make([]placed, len(edits))
	for _, p := range places {
		if o := &out[p.edit]; o.end == 0 {
			*o = p
		} else {
			o.start, o.end = min(o.start, p.start), max(o.end, p.end)
		}
	}
	return out
}

// faults returns the mutants that do not compile.
func (g *generated) faults(files []spans) ([]int, error) {
	fset := token.NewFileSet()
	var parsed []*ast.File
	for name, text := range g.files {
		file, err := parser.ParseFile(fset, name, text, parser.SkipObjectResolution)
		if err != nil {
			return nil, fmt.Errorf("mutants of %s: %w", name, err)
		}
		parsed = append(parsed, file)
	}
	var faults []int
	var unknown error
	config := types.Config{Importer: g.importer, Error: func(err error) {
		var e types.Error
		if !errors.As(err, &e) || e.Soft && strings.Contains(e.Msg, "imported and not used") {
			return
		}
		at := fset.Position(e.Pos)
		ids := blame(files, at)
		if len(ids) == 0 {
			unknown = fmt.Errorf("%s: %s", at, e.Msg)
		}
		faults = append(faults, ids...)
	}}
	_, _ = config.Check(g.ImportPath, fset, parsed, nil) // its errors were given to Error
	if len(faults) == 0 {
		return nil, unknown
	}
	return faults, nil
}

// blame returns the mutants that cause an error: those of the smallest edit around it, or
// those after which a function may lack its last return.
func blame(files []spans, at token.Position) []int {
	for _, f := range files {
		if f.fset.Position(f.file.Pos()).Filename != at.Filename {
			continue
		}
		best := -1
		for i, p := range f.places {
			if p.start <= at.Offset && at.Offset < p.end && (best < 0 || p.end-p.start < f.places[best].end-f.places[best].start) {
				best = i
			}
		}
		if best >= 0 {
			return f.edits[best].mutants
		}
		if ids := f.ending(at.Line); len(ids) > 0 {
			return ids
		}
		return f.onLine(at.Line)
	}
	return nil
}

// onLine returns the mutants of a line.
func (f *finder) onLine(line int) []int {
	var ids []int
	for _, m := range f.mutants {
		if m.Line == line {
			ids = append(ids, m.ID)
		}
	}
	return ids
}

// ending returns the mutants that leave a statement early, of the function that ends in a
// line.
func (f *finder) ending(line int) []int {
	var ids []int
	ast.Inspect(f.file, func(n ast.Node) bool {
		var body *ast.BlockStmt
		switch n := n.(type) {
		case *ast.FuncDecl:
			body = n.Body
		case *ast.FuncLit:
			body = n.Body
		}
		if body == nil || f.fset.Position(body.End()).Line != line {
			return true
		}
		first := f.fset.Position(body.Pos()).Line
		for _, m := range f.mutants {
			if slices.Contains([]string{"skip case", "break", "no iteration"}, m.Kind) && m.Line >= first && m.Line <= line {
				ids = append(ids, m.ID)
			}
		}
		return true
	})
	return ids
}
