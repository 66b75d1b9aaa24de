package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"strings"
)

// block adds the mutants that leave out the body of a case or a loop.
func (f *finder) block(n ast.Node) {
	var body []ast.Stmt
	kind := "skip case"
	switch n := n.(type) {
	case *ast.CaseClause:
		if body = n.Body; n.List != nil && f.isTagless(2) {
			for _, e := range n.List {
				f.one(e, "never", "(!mutateOn(%d) && (", "))")
			}
			return
		}
	case *ast.BlockStmt:
		if _, ok := f.parent().(*ast.RangeStmt); !ok {
			return
		}
		body, kind = n.List, "no iteration"
	}
	if len(body) == 0 {
		return
	}
	id := f.add(n, kind, f.head(n))
	at := f.offset(body[0].Pos())
	f.put(edit{start: at, end: len(f.source), open: fmt.Sprintf("if mutateOn(%d) { break }; ", id)}, []int{id})
}

// isTagless reports whether a case belongs to a switch of conditions, which is so many
// nodes above the visited one.
func (f *finder) isTagless(above int) bool {
	s, ok := f.stack[len(f.stack)-above].(*ast.SwitchStmt)
	return ok && s.Tag == nil
}

// head returns the first line of a case, or of the loop around a body.
func (f *finder) head(n ast.Node) string {
	if _, ok := n.(*ast.BlockStmt); ok {
		n = f.parent()
	}
	text, _, _ := strings.Cut(f.text(n), "\n")
	return strings.TrimSuffix(text, " {")
}

func (f *finder) statement(n ast.Stmt) {
	switch n := n.(type) {
	case *ast.IfStmt:
		if n.Else != nil {
			f.one(n.Cond, "always", "(mutateOn(%d) || (", "))")
		}
		f.one(n.Cond, "never", "(!mutateOn(%d) && (", "))")
	case *ast.ForStmt:
		if n.Cond != nil {
			f.one(n.Cond, "no iteration", "(!mutateOn(%d) && (", "))")
		}
	case *ast.ReturnStmt:
		f.returned(n)
	case *ast.BranchStmt:
		f.branch(n)
	case *ast.ExprStmt, *ast.DeferStmt, *ast.AssignStmt, *ast.IncDecStmt:
		if f.inBlock() {
			f.removed(n)
			f.counted(n)
		}
	}
}

// inBlock reports whether the visited statement is one of a sequence.
func (f *finder) inBlock() bool {
	switch f.parent().(type) {
	case *ast.BlockStmt, *ast.CaseClause, *ast.CommClause:
		return true
	}
	return false
}

// removed adds the mutant that leaves out a statement.
func (f *finder) removed(n ast.Stmt) {
	condition := false
	switch n := n.(type) {
	case *ast.ExprStmt:
		if call, ok := n.X.(*ast.CallExpr); !ok || f.isUntestable(call) {
			return
		}
	case *ast.DeferStmt:
		if f.isUntestable(n.Call) {
			return
		}
	case *ast.AssignStmt:
		if n.Tok == token.DEFINE || isBlank(n.Lhs) {
			return
		}
		t := f.typeOf(n.Lhs[0])
		condition = t != nil && isCondition(t)
	}
	f.one(n, "remove", "if !mutateOn(%d) { ", " }")
	f.mutants[len(f.mutants)-1].Condition = condition
}

func isBlank(left []ast.Expr) bool {
	for _, e := range left {
		if id, ok := e.(*ast.Ident); !ok || id.Name != "_" {
			return false
		}
	}
	return true
}

// isUntestable reports whether a call has no effect that a test of one goroutine could
// notice: locks, which are the race detector's matter, the release of resources, and
// hints of size.
func (f *finder) isUntestable(call *ast.CallExpr) bool {
	if calls(call, "panic", "cancel") {
		return true
	}
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	if s, ok := f.info.Selections[sel]; ok && s.Obj().Pkg() != nil && s.Obj().Pkg().Path() == "sync" {
		return true
	}
	return sel.Sel.Name == "Close" || sel.Sel.Name == "Grow"
}

// counted adds the mutant that counts in the other direction.
func (f *finder) counted(n ast.Stmt) {
	text := f.text(n)
	if strings.Contains(text, "\n") || strings.Contains(text, "//") {
		return
	}
	other := ""
	switch n := n.(type) {
	case *ast.IncDecStmt:
		if n.Tok == token.INC {
			other = f.text(n.X) + "--"
		} else {
			other = f.text(n.X) + "++"
		}
	case *ast.AssignStmt:
		if len(n.Lhs) != 1 || !f.isNumber(n.Lhs[0]) {
			return
		}
		switch n.Tok {
		case token.ADD_ASSIGN:
			other = f.text(n.Lhs[0]) + " -= " + f.text(n.Rhs[0])
		case token.SUB_ASSIGN:
			other = f.text(n.Lhs[0]) + " += " + f.text(n.Rhs[0])
		}
	}
	if other != "" {
		f.one(n, "arithmetic", "if mutateOn(%d) { "+other+" } else { ", " }")
	}
}

// branch adds the mutant that breaks instead of continuing, or the reverse.
func (f *finder) branch(n *ast.BranchStmt) {
	if n.Label != nil || !f.inBlock() || !f.nearestIsLoop() {
		return
	}
	switch n.Tok {
	case token.BREAK:
		f.one(n, "continue", "if mutateOn(%d) { continue }; ", "")
	case token.CONTINUE:
		f.one(n, "break", "if mutateOn(%d) { break }; ", "")
	}
}

// nearestIsLoop reports whether break and continue mean the same loop.
func (f *finder) nearestIsLoop() bool {
	for i := len(f.stack) - 1; i >= 0; i-- {
		switch f.stack[i].(type) {
		case *ast.ForStmt, *ast.RangeStmt:
			return true
		case *ast.SwitchStmt, *ast.TypeSwitchStmt, *ast.SelectStmt, *ast.FuncLit:
			return false
		}
	}
	return false
}

// returned adds the mutants that return a zero value, of each result.
func (f *finder) returned(n *ast.ReturnStmt) {
	results := f.results()
	if len(n.Results) == 1 && len(results) > 1 {
		f.returnedCall(n, results)
		return
	}
	for i, e := range n.Results {
		lit, literal := e.(*ast.BasicLit)
		if f.isZero(e) || f.isConstant(e) && f.isBool(e) || literal && lit.Kind == token.INT {
			continue
		}
		f.one(e, zeroKind(results[i]), "mutateZero["+results[i]+"](%d, ", ")")
	}
}

func zeroKind(result string) string {
	if result == "error" {
		return "return no error"
	}
	return "return zero"
}

// returnedCall adds the same mutants for a call that returns several results.
func (f *finder) returnedCall(n *ast.ReturnStmt, results []string) {
	var names, values []string
	var ids []int
	for i, result := range results {
		name := fmt.Sprintf("mutate%d", i)
		id := f.add(n.Results[0], fmt.Sprintf("%s of result %d", zeroKind(result), i+1), f.line(n.Results[0]))
		ids, names = append(ids, id), append(names, name)
		values = append(values, fmt.Sprintf("mutateZero[%s](%d, %s)", result, id, name))
	}
	open := fmt.Sprintf("func() (%s) { %s := ", strings.Join(results, ", "), strings.Join(names, ", "))
	f.surround(n.Results[0], open, "; return "+strings.Join(values, ", ")+" }()", ids...)
}

// results returns the types of the results of the innermost function, as written.
func (f *finder) results() []string {
	var list *ast.FieldList
	for i := len(f.stack) - 1; i >= 0; i-- {
		if lit, ok := f.stack[i].(*ast.FuncLit); ok {
			list = lit.Type.Results
			break
		}
		if d, ok := f.stack[i].(*ast.FuncDecl); ok {
			list = d.Type.Results
			break
		}
	}
	if list == nil {
		return nil
	}
	var results []string
	for _, field := range list.List {
		for range max(1, len(field.Names)) {
			results = append(results, f.text(field.Type))
		}
	}
	return results
}

// elementType returns the type of the elements of a slice, or nil.
func elementType(t types.Type) types.Type {
	if t == nil {
		return nil
	}
	slice, ok := t.Underlying().(*types.Slice)
	if !ok {
		return nil
	}
	return slice.Elem()
}
