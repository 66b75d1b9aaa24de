package main

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"regexp"
	"strings"
)

// A finder finds the mutants of one file.
type finder struct {
	*loaded
	file    *ast.File
	source  string
	next    *int         // the next mutant's number
	skip    map[int]bool // those that do not compile
	mutants []Mutant
	edits   []edit
	stack   []ast.Node // the nodes around the one that is visited
}

// find returns the mutants of the file, and the edits that switch between them.
func (f *finder) find() {
	ast.PreorderStack(f.file, nil, func(n ast.Node, stack []ast.Node) bool {
		f.stack = stack
		return f.visit(n)
	})
}

// visit adds the mutants of a node, and reports whether to visit the nodes within it.
func (f *finder) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.ArrayType, *ast.StructType, *ast.FuncType, *ast.InterfaceType, *ast.MapType, *ast.ImportSpec, *ast.TypeSpec:
		return false
	case *ast.GenDecl:
		return n.Tok != token.CONST
	case *ast.FuncDecl:
		return n.Name.Name != "Error" && n.Name.Name != "String"
	case *ast.BlockStmt, *ast.CaseClause, *ast.CommClause:
		f.block(n)
	case ast.Stmt:
		f.statement(n)
	case ast.Expr:
		return f.expression(n)
	}
	return true
}

// ---- adding ------------------------------------------------------------------

// add adds a mutant, and returns its number.
func (f *finder) add(n ast.Node, kind, text string) int {
	id := *f.next
	*f.next++
	f.mutants = append(f.mutants, Mutant{
		ID: id, File: f.fset.Position(n.Pos()).Filename, Line: f.fset.Position(n.Pos()).Line,
		Func: f.function(), Kind: kind, Source: text,
	})
	return id
}

// one adds a mutant that one edit makes. %d in the edit's texts is its number.
func (f *finder) one(n ast.Node, kind, open, closing string) {
	id := f.add(n, kind, f.line(n))
	if strings.Contains(open, "%d") {
		open = fmt.Sprintf(open, id)
	}
	if strings.Contains(closing, "%d") {
		closing = fmt.Sprintf(closing, id)
	}
	f.surround(n, open, closing, id)
}

func (f *finder) surround(n ast.Node, open, closing string, ids ...int) {
	f.put(edit{start: f.offset(n.Pos()), end: f.offset(n.End()), open: open, close: closing}, ids)
}

func (f *finder) swap(from, to token.Pos, text string, ids ...int) {
	f.put(edit{start: f.offset(from), end: f.offset(to), open: text, replace: true}, ids)
}

// put adds an edit, unless one of its mutants does not compile: then only the others of
// its node remain.
func (f *finder) put(e edit, ids []int) {
	for _, id := range ids {
		if f.skip[id] {
			return
		}
	}
	e.mutants = ids
	f.edits = append(f.edits, e)
}

func (f *finder) offset(pos token.Pos) int { return f.fset.Position(pos).Offset }

func (f *finder) text(n ast.Node) string { return f.source[f.offset(n.Pos()):f.offset(n.End())] }

var spaces = regexp.MustCompile(`\s+`)

// line returns the text of a node in one line of at most 90 characters.
func (f *finder) line(n ast.Node) string {
	text := spaces.ReplaceAllString(f.text(n), " ")
	if runes := []rune(text); len(runes) > 90 {
		return string(runes[:90]) + "…"
	}
	return text
}

// function returns the name of the function that is visited.
func (f *finder) function() string {
	for _, n := range f.stack {
		d, ok := n.(*ast.FuncDecl)
		if !ok {
			continue
		}
		if d.Recv == nil || len(d.Recv.List) == 0 {
			return d.Name.Name
		}
		receiver := d.Recv.List[0].Type
		if star, ok := receiver.(*ast.StarExpr); ok {
			receiver = star.X
		}
		return f.text(receiver) + "." + d.Name.Name
	}
	return ""
}

func (f *finder) parent() ast.Node { return f.stack[len(f.stack)-1] }

// ---- types -------------------------------------------------------------------

func (f *finder) typeOf(e ast.Expr) types.Type { return f.info.Types[e].Type }

func (f *finder) isConstant(e ast.Expr) bool { return f.info.Types[e].Value != nil }

// isBool reports whether a boolean can be combined with that of the switch.
func (f *finder) isBool(e ast.Expr) bool {
	tv := f.info.Types[e]
	return tv.IsValue() && types.Identical(types.Default(tv.Type), types.Typ[types.Bool])
}

func (f *finder) isNumber(e ast.Expr) bool { return f.basic(e)&types.IsNumeric != 0 }

func (f *finder) basic(e ast.Expr) types.BasicInfo {
	t := f.typeOf(e)
	if t == nil {
		return 0
	}
	if b, ok := t.Underlying().(*types.Basic); ok {
		return b.Info()
	}
	return 0
}

// typeText returns how a type is written in the file, or "" if it cannot be.
func (f *finder) typeText(t types.Type) string {
	missing := false
	text := types.TypeString(types.Default(t), func(p *types.Package) string {
		if p == f.types {
			return ""
		}
		for _, spec := range f.file.Imports {
			if strings.Trim(spec.Path.Value, `"`) == p.Path() && spec.Name == nil {
				return p.Name()
			}
		}
		missing = true
		return p.Name()
	})
	if missing || strings.Contains(text, "untyped") {
		return ""
	}
	return text
}

// isCondition reports whether a type is a part of a transaction.
func isCondition(t types.Type) bool {
	if slice, ok := t.(*types.Slice); ok {
		t = slice.Elem()
	}
	named, ok := t.(*types.Named)
	if !ok || named.Obj().Pkg() == nil {
		return false
	}
	name := named.Obj().Pkg().Name() + "." + named.Obj().Name()
	return name == "table.Condition" || name == "table.Op" || name == "store.operation"
}

// isZero reports whether an expression is written as a zero value.
func (f *finder) isZero(e ast.Expr) bool {
	switch v := f.info.Types[e].Value; {
	case f.info.Types[e].IsNil():
		return true
	case v == nil:
		lit, ok := e.(*ast.CompositeLit)
		return ok && len(lit.Elts) == 0
	case v.Kind() == constant.String:
		return constant.StringVal(v) == ""
	case v.Kind() == constant.Bool:
		return !constant.BoolVal(v)
	default:
		return constant.Sign(v) == 0
	}
}

// isText reports whether an expression is a text for people.
func isText(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.BasicLit:
		return e.Kind == token.STRING
	case *ast.BinaryExpr:
		return isText(e.X) || isText(e.Y)
	case *ast.CallExpr:
		return calls(e, "fmt.Sprintf", "fmt.Sprint", "fmt.Errorf", "errors.New")
	}
	return false
}

// calls reports whether a call is one of some functions of packages.
func calls(call *ast.CallExpr, names ...string) bool {
	name := ""
	switch fun := call.Fun.(type) {
	case *ast.Ident:
		name = fun.Name
	case *ast.SelectorExpr:
		if x, ok := fun.X.(*ast.Ident); ok {
			name = x.Name + "." + fun.Sel.Name
		}
	}
	for _, n := range names {
		if name == n {
			return true
		}
	}
	return false
}
