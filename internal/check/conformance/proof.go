package conformance

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// A Proof is a test with a marker.
type Proof struct {
	// Test is the folder below internal, and the function.
	Test string
	// Case is the case in the function's table, or "" for the whole test.
	Case string
	// At is the position of the marker.
	At string
}

const marker = "// Covers: "

// Proofs finds the markers in the tests of a tree, and returns the tests by the
// requirements that they name. Its faults are markers without a test.
func Proofs(tree fs.FS) (found map[string][]Proof, faults []string, err error) {
	found = make(map[string][]Proof)
	folders := make(map[string][]*source)
	err = fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(name, "_test.go") {
			return err
		}
		s, err := parse(tree, name)
		folders[path.Dir(name)] = append(folders[path.Dir(name)], s)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	for folder, sources := range folders {
		tests := make(map[string]bool)
		for _, s := range sources {
			for _, f := range s.functions() {
				tests[f.Name.Name] = true
			}
		}
		for _, s := range sources {
			for c, g := range s.markers() {
				p, fault := s.proof(g, c, tests)
				if fault != "" {
					faults = append(faults, p.At+": "+fault)
					continue
				}
				p.Test = folder + "." + p.Test
				for id := range strings.SplitSeq(strings.TrimPrefix(c.Text, marker), ",") {
					id = strings.TrimSpace(id)
					found[id] = append(found[id], p)
				}
			}
		}
	}
	for id, proofs := range found {
		found[id] = distinct(proofs)
	}
	slices.Sort(faults)
	return found, faults, nil
}

// distinct orders proofs; if a whole test is marked, its cases are left out.
func distinct(proofs []Proof) []Proof {
	slices.SortFunc(proofs, func(a, b Proof) int {
		return strings.Compare(a.Test+"\x00"+a.Case, b.Test+"\x00"+b.Case)
	})
	var kept []Proof
	for _, p := range proofs {
		if n := len(kept); n > 0 && kept[n-1].Test == p.Test && (kept[n-1].Case == "" || kept[n-1].Case == p.Case) {
			continue
		}
		kept = append(kept, p)
	}
	return kept
}

// A source is a parsed file.
type source struct {
	name string
	text []byte
	set  *token.FileSet
	file *ast.File
}

func parse(tree fs.FS, name string) (*source, error) {
	text, err := fs.ReadFile(tree, name)
	if err != nil {
		return nil, err
	}
	s := &source{name: name, text: text, set: token.NewFileSet()}
	s.file, err = parser.ParseFile(s.set, name, text, parser.ParseComments|parser.SkipObjectResolution)
	return s, err
}

func (s *source) functions() []*ast.FuncDecl {
	var all []*ast.FuncDecl
	for _, d := range s.file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil {
			all = append(all, f)
		}
	}
	return all
}

// markers returns the comments that are markers, each with its group.
func (s *source) markers() map[*ast.Comment]*ast.CommentGroup {
	all := make(map[*ast.Comment]*ast.CommentGroup)
	for _, g := range s.file.Comments {
		for _, c := range g.List {
			if strings.HasPrefix(c.Text, marker) {
				all[c] = g
			}
		}
	}
	return all
}

// proof returns the test of a marker.
func (s *source) proof(g *ast.CommentGroup, c *ast.Comment, tests map[string]bool) (p Proof, fault string) {
	p.At = fmt.Sprintf("%s:%d", s.name, s.line(c.Pos()))
	for _, f := range s.functions() {
		isDoc := f.Doc == g
		if !isDoc && (c.Pos() < f.Pos() || c.Pos() > f.End()) {
			continue
		}
		// A function testX is the body of TestX, which runs it on each engine.
		name := f.Name.Name
		if rest, ok := strings.CutPrefix(name, "test"); ok {
			name = "Test" + rest
		}
		if !tests[name] || !strings.HasPrefix(name, "Test") && !strings.HasPrefix(name, "Fuzz") {
			return p, f.Name.Name + " is not a test"
		}
		p.Test = name
		if isDoc {
			return p, ""
		}
		element := s.element(f, g, c)
		if element == nil {
			return p, "the marker is at no case of " + f.Name.Name
		}
		p.Case = caseName(element)
		return p, ""
	}
	return p, "the marker is at no function"
}

// element returns the case in a table that a comment is about: the next one, if
// the comment has a line of its own, or the one on its line.
func (s *source) element(f *ast.FuncDecl, g *ast.CommentGroup, c *ast.Comment) ast.Expr {
	start := s.set.Position(c.Pos()).Offset
	before := s.text[bytes.LastIndexByte(s.text[:start], '\n')+1 : start]
	alone := len(bytes.TrimSpace(before)) == 0
	var best ast.Expr
	size := func(e ast.Expr) int { return int(e.End() - e.Pos()) }
	ast.Inspect(f.Body, func(n ast.Node) bool {
		table, ok := n.(*ast.CompositeLit)
		if !ok || !isTable(table) {
			return true
		}
		for _, e := range table.Elts {
			first, last := s.line(e.Pos()), s.line(e.End())
			at := first <= s.line(c.Pos()) && s.line(c.Pos()) <= last
			if alone {
				at = first == s.line(g.End())+1
			}
			if at && (best == nil || size(e) < size(best)) {
				best = e
			}
		}
		return true
	})
	return best
}

func (s *source) line(p token.Pos) int { return s.set.Position(p).Line }

func isTable(c *ast.CompositeLit) bool {
	switch c.Type.(type) {
	case *ast.ArrayType, *ast.MapType:
		return true
	}
	return false
}

// caseName returns a case's key, its field name, or its first field, if that is
// a string, and "" otherwise.
func caseName(e ast.Expr) string {
	if kv, ok := e.(*ast.KeyValueExpr); ok {
		if name := text(kv.Key); name != "" {
			return name
		}
		e = kv.Value
	}
	fields, ok := e.(*ast.CompositeLit)
	if !ok {
		return text(e)
	}
	for i, field := range fields.Elts {
		if kv, ok := field.(*ast.KeyValueExpr); ok {
			if key, ok := kv.Key.(*ast.Ident); ok && key.Name == "name" {
				return text(kv.Value)
			}
		} else if i == 0 {
			return text(field)
		}
	}
	return ""
}

func text(e ast.Expr) string {
	literal, ok := e.(*ast.BasicLit)
	if !ok || literal.Kind != token.STRING {
		return ""
	}
	s, err := strconv.Unquote(literal.Value)
	if err != nil {
		return ""
	}
	return s
}
