package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
)

// expression adds the mutants of an expression, and reports whether to visit those within
// it.
func (f *finder) expression(e ast.Expr) bool {
	if call, ok := e.(*ast.CallExpr); ok && calls(call, "fmt.Errorf", "errors.New", "panic") {
		return false
	}
	if f.isConstant(e) && !f.isLeafConstant(e) {
		return true
	}
	f.condition(e)
	switch e := e.(type) {
	case *ast.BinaryExpr:
		f.binary(e)
	case *ast.BasicLit, *ast.Ident:
		f.number(e)
	case *ast.CompositeLit:
		f.composite(e)
	case *ast.CallExpr:
		f.call(e)
	case *ast.SelectorExpr:
		// The name after the dot is no expression of its own.
		ast.PreorderStack(e.X, append(f.stack, e), func(n ast.Node, stack []ast.Node) bool {
			f.stack = stack
			return f.visit(n)
		})
		return false
	}
	return true
}

func (f *finder) isLeafConstant(e ast.Expr) bool {
	switch e.(type) {
	case *ast.BasicLit, *ast.Ident:
		return true
	}
	return false
}

// ---- booleans ----------------------------------------------------------------

// condition adds the mutants of a boolean: its negation, and its removal from a
// conjunction or disjunction.
func (f *finder) condition(e ast.Expr) {
	if !f.isBool(e) {
		return
	}
	if parent, ok := f.parent().(*ast.BinaryExpr); ok && !isBoolean(e, parent.Op) {
		switch parent.Op {
		case token.LAND:
			f.one(e, "drop &&", "(mutateOn(%d) || (", "))")
		case token.LOR:
			f.one(e, "drop ||", "(!mutateOn(%d) && (", "))")
		}
	}
	if f.isNegatable(e) {
		f.one(e, "negate", "((", ") != mutateOn(%d))")
	}
}

// isBoolean reports whether an expression is one with the operator, && or ||.
func isBoolean(e ast.Expr, op token.Token) bool {
	binary, ok := e.(*ast.BinaryExpr)
	return ok && binary.Op == op
}

// isNegatable reports whether an expression is a comparison, true or false, or stands
// where a condition does and has no conditions within it.
func (f *finder) isNegatable(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.BinaryExpr:
		return e.Op != token.LAND && e.Op != token.LOR
	case *ast.ParenExpr:
		return false
	case *ast.UnaryExpr:
		return e.Op == token.NOT && !isParen(e.X) && f.isConditionPlace(e)
	}
	if f.isConstant(e) {
		return true
	}
	return f.isConditionPlace(e)
}

func isParen(e ast.Expr) bool {
	_, ok := e.(*ast.ParenExpr)
	return ok
}

func (f *finder) isConditionPlace(e ast.Expr) bool {
	switch parent := f.parent().(type) {
	case *ast.BinaryExpr:
		return parent.Op == token.LAND || parent.Op == token.LOR
	case *ast.IfStmt, *ast.ForStmt:
		return true
	case *ast.CaseClause:
		return f.isTagless(3)
	case *ast.ReturnStmt:
		_, call := e.(*ast.CallExpr)
		return call || isNot(e)
	}
	return false
}

func isNot(e ast.Expr) bool {
	_, ok := e.(*ast.UnaryExpr)
	return ok
}

// ---- operators ---------------------------------------------------------------

// operators are the binary operators with another one each, and the function that
// switches between them.
var operators = map[token.Token]struct{ kind, function string }{
	token.LSS: {"boundary", "mutateLess"},
	token.LEQ: {"boundary", "mutateLessEqual"},
	token.GTR: {"boundary", "mutateGreater"},
	token.GEQ: {"boundary", "mutateGreaterEqual"},
	token.ADD: {"arithmetic", "mutateAdd"},
	token.SUB: {"arithmetic", "mutateSubtract"},
	token.MUL: {"arithmetic", "mutateMultiply"},
	token.QUO: {"arithmetic", "mutateDivide"},
	token.REM: {"arithmetic", "mutateRemainder"},
}

func (f *finder) binary(e *ast.BinaryExpr) {
	switch e.Op {
	case token.LAND, token.LOR:
		kind := "&& to ||"
		if e.Op == token.LOR {
			kind = "|| to &&"
		}
		id := f.add(e, kind, f.line(e))
		chosen := fmt.Sprintf("mutateOn(%d)", id)
		if e.Op == token.LOR {
			chosen = "!" + chosen
		}
		f.infix(e, "(func() bool { if mutateL := (", "); mutateL == "+chosen+" { return mutateL }; return (", ") }())", id)
		return
	}
	op, ok := operators[e.Op]
	if !ok || op.kind == "arithmetic" && !f.isNumber(e) || f.isConstant(e.X) && f.isConstant(e.Y) {
		return
	}
	id := f.add(e, op.kind, f.line(e))
	f.infix(e, fmt.Sprintf("%s(%d, ", op.function, id), ",", ")", id)
}

// infix surrounds a binary expression, and replaces its operator.
func (f *finder) infix(e *ast.BinaryExpr, open, between, closing string, id int) {
	f.surround(e, open, closing, id)
	f.swap(e.OpPos, e.OpPos+token.Pos(len(e.Op.String())), between, id)
}

// number adds the mutants of an integer constant of this package: one more, and one less.
func (f *finder) number(e ast.Expr) {
	tv := f.info.Types[e]
	if tv.Value == nil || f.basic(e)&types.IsInteger == 0 || f.isHint(e) {
		return
	}
	if id, ok := e.(*ast.Ident); ok {
		constant, isConst := f.info.Uses[id].(*types.Const)
		if _, isBasic := types.Unalias(tv.Type).(*types.Basic); !isConst || !isBasic || constant.Pkg() != f.types {
			return
		}
	}
	if lit, ok := e.(*ast.BasicLit); ok && lit.Kind != token.INT {
		return
	}
	t := f.typeText(f.constantType(e))
	if t == "" {
		return
	}
	if !f.isZero(e) {
		f.one(e, "one less", "mutateBy["+t+"](%d, true, ", ")")
	}
	f.one(e, "one more", "mutateBy["+t+"](%d, false, ", ")")
}

// constantType returns the type that the visited constant has: within a constant
// expression it is that of the expression.
func (f *finder) constantType(e ast.Expr) types.Type {
	t := f.typeOf(e)
	for i := len(f.stack) - 1; i >= 0; i-- {
		switch n := f.stack[i].(type) {
		case *ast.UnaryExpr, *ast.BinaryExpr, *ast.ParenExpr:
			if around := n.(ast.Expr); f.isConstant(around) {
				t = f.typeOf(around)
				continue
			}
		}
		break
	}
	return t
}

// isHint reports whether the visited expression is a capacity, or an index of a literal.
func (f *finder) isHint(e ast.Expr) bool {
	var inner ast.Node = e
	for i := len(f.stack) - 1; i >= 0; i-- {
		switch n := f.stack[i].(type) {
		case *ast.CallExpr:
			if calls(n, "make") {
				last := n.Args[len(n.Args)-1]
				_, isSlice := f.typeOf(n.Args[0]).Underlying().(*types.Slice)
				return inner == last && (len(n.Args) == 3 || !isSlice)
			}
		case *ast.KeyValueExpr:
			if n.Key == inner {
				return true
			}
		case ast.Stmt:
			return false
		}
		inner = f.stack[i]
	}
	return false
}

// ---- literals and arguments --------------------------------------------------

func (f *finder) composite(e *ast.CompositeLit) {
	t := f.typeOf(e)
	if t == nil || len(e.Elts) == 0 {
		return
	}
	switch u := t.Underlying().(type) {
	case *types.Slice:
		if _, keyed := e.Elts[0].(*ast.KeyValueExpr); e.Type != nil && !keyed {
			f.elements(e, e.Elts, isCondition(t), "mutateWithout(%d, ", ")")
		}
	case *types.Map:
		if e.Type != nil {
			f.keys(e)
		}
	case *types.Struct:
		f.fields(e, u)
	}
}

// elements adds the mutants that leave out one of some elements: those of a list, or
// arguments.
func (f *finder) elements(n ast.Node, elements []ast.Expr, condition bool, open, closing string) {
	var ids []int
	for _, element := range elements {
		ids = append(ids, f.add(element, "without", f.line(element)))
		f.mutants[len(f.mutants)-1].Condition = condition
	}
	open = fmt.Sprintf(open, ids[0])
	if _, isCall := n.(*ast.CallExpr); !isCall {
		f.surround(n, open, closing, ids...)
		return
	}
	start, end := f.offset(elements[0].Pos()), f.offset(elements[len(elements)-1].End())
	f.put(edit{start: start, end: end, open: open, close: closing}, ids)
}

func (f *finder) keys(e *ast.CompositeLit) {
	for _, element := range e.Elts {
		pair, ok := element.(*ast.KeyValueExpr)
		if !ok {
			continue
		}
		id := f.add(pair, "without", f.line(pair))
		f.surround(e, fmt.Sprintf("mutateWithoutKey(%d, ", id), ", "+f.text(pair.Key)+")", id)
	}
}

func (f *finder) fields(e *ast.CompositeLit, s *types.Struct) {
	for _, element := range e.Elts {
		pair, ok := element.(*ast.KeyValueExpr)
		if !ok || f.isZero(pair.Value) || isText(pair.Value) || f.isConstant(pair.Value) && f.isBool(pair.Value) {
			continue
		}
		field := fieldOf(s, pair.Key)
		if field == nil || isOp(field.Type()) {
			continue
		}
		parameter := ""
		_, isInterface := field.Type().Underlying().(*types.Interface)
		if isInterface || f.isConstant(pair.Value) {
			text := f.typeText(field.Type())
			if text == "" {
				continue
			}
			parameter = "[" + text + "]"
		}
		id := f.add(pair, "zero field", f.line(pair))
		f.mutants[len(f.mutants)-1].Condition = isCondition(field.Type())
		f.surround(pair.Value, fmt.Sprintf("mutateZero%s(%d, ", parameter, id), ")", id)
	}
}

// isOp reports whether a type is an operation of a transaction: every engine refuses its
// zero value.
func isOp(t types.Type) bool {
	named, ok := t.(*types.Named)
	return ok && named.Obj().Name() == "Op"
}

func fieldOf(s *types.Struct, key ast.Expr) *types.Var {
	id, ok := key.(*ast.Ident)
	if !ok {
		return nil
	}
	for i := range s.NumFields() {
		if s.Field(i).Name() == id.Name {
			return s.Field(i)
		}
	}
	return nil
}

// call adds the mutants of a call: min to max, and each variadic argument left out.
func (f *finder) call(e *ast.CallExpr) {
	if builtin := f.builtin(e); builtin == "min" || builtin == "max" {
		if len(e.Args) == 2 {
			id := f.add(e, "min, max", f.line(e))
			function := map[string]string{"min": "mutateMin", "max": "mutateMax"}[builtin]
			f.swap(e.Pos(), e.Lparen+1, fmt.Sprintf("%s(%d, ", function, id), id)
		}
		return
	} else if builtin == "append" {
		f.appended(e)
		return
	} else if builtin != "" || e.Ellipsis.IsValid() {
		return
	}
	signature, ok := f.typeOf(e.Fun).(*types.Signature)
	if !ok || !signature.Variadic() {
		return
	}
	fixed := signature.Params().Len() - 1
	if len(e.Args) <= fixed {
		return
	}
	f.variadic(e, e.Args[fixed:], elementType(signature.Params().At(fixed).Type()))
}

func (f *finder) builtin(e *ast.CallExpr) string {
	id, ok := e.Fun.(*ast.Ident)
	if !ok {
		return ""
	}
	if b, ok := f.info.Uses[id].(*types.Builtin); ok {
		return b.Name()
	}
	return ""
}

// appended adds the mutants of an append of several elements. If one element is appended
// in an assignment, the removal of the assignment is the same.
func (f *finder) appended(e *ast.CallExpr) {
	_, assigned := f.parent().(*ast.AssignStmt)
	if e.Ellipsis.IsValid() || len(e.Args) < 2 || len(e.Args) == 2 && assigned {
		return
	}
	f.variadic(e, e.Args[1:], elementType(f.typeOf(e)))
}

func (f *finder) variadic(e *ast.CallExpr, arguments []ast.Expr, element types.Type) {
	if element == nil {
		return
	}
	if _, isInterface := element.Underlying().(*types.Interface); isInterface {
		return
	}
	parameter := ""
	for _, a := range arguments {
		if tv := f.info.Types[a]; tv.Value != nil || !types.Identical(tv.Type, element) {
			if parameter = f.typeText(element); parameter == "" {
				return
			}
			parameter = "[" + parameter + "]"
			break
		}
	}
	f.elements(e, arguments, isCondition(element), "mutateArguments"+parameter+"(%d, ", ")...")
}
