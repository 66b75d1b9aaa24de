package filter

import "unicode/utf8"

func (e *And) String() string       { return string(appendExpr(nil, e)) }
func (e *Or) String() string        { return string(appendExpr(nil, e)) }
func (e *Not) String() string       { return string(appendExpr(nil, e)) }
func (e *Compare) String() string   { return string(appendExpr(nil, e)) }
func (e *Present) String() string   { return string(appendExpr(nil, e)) }
func (e *ValuePath) String() string { return string(appendExpr(nil, e)) }

// String prints a path so that it parses to itself.
func (p Path) String() string { return string(appendPath(nil, p)) }

// String prints a literal as JSON.
func (v Value) String() string { return string(appendValue(nil, v)) }

// appendExpr prints with the fewest parentheses: only where the tree differs
// from the one that precedence and left association would build.
func appendExpr(b []byte, e Expr) []byte {
	switch e := e.(type) {
	case *And:
		b = appendOperand(b, e.Left, isOr(e.Left))
		b = append(b, " and "...)
		return appendOperand(b, e.Right, isOr(e.Right) || isAnd(e.Right))
	case *Or:
		b = appendExpr(b, e.Left)
		b = append(b, " or "...)
		return appendOperand(b, e.Right, isOr(e.Right))
	case *Not:
		return appendOperand(append(b, "not "...), e.Expr, true)
	case *Compare:
		b = append(appendPath(b, e.Path), ' ')
		b = append(append(b, e.Op...), ' ')
		return appendValue(b, e.Value)
	case *Present:
		return append(appendPath(b, e.Path), " pr"...)
	case *ValuePath:
		path := e.Path
		path.Filter = e.Filter
		return appendPath(b, path)
	}
	return b
}

func isAnd(e Expr) bool { _, ok := e.(*And); return ok }

func isOr(e Expr) bool { _, ok := e.(*Or); return ok }

func appendOperand(b []byte, e Expr, group bool) []byte {
	if !group {
		return appendExpr(b, e)
	}
	return append(appendExpr(append(b, '('), e), ')')
}

func appendPath(b []byte, p Path) []byte {
	if p.URN != "" {
		b = append(append(b, p.URN...), ':')
	}
	b = append(b, p.Attribute...)
	if p.Filter != nil {
		b = append(appendExpr(append(b, '['), p.Filter), ']')
	}
	if p.Sub != "" {
		b = append(append(b, '.'), p.Sub...)
	}
	return b
}

func appendValue(b []byte, v Value) []byte {
	switch v.Kind {
	case Bool:
		if v.Bool {
			return append(b, "true"...)
		}
		return append(b, "false"...)
	case Number:
		return append(b, v.Text...)
	case String:
		return appendString(b, v.Text)
	}
	return append(b, "null"...)
}

// appendString quotes a string as JSON. Bytes that are not UTF-8 become U+FFFD,
// because no literal can contain them.
func appendString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r == '\n':
			b = append(b, `\n`...)
		case r == '\r':
			b = append(b, `\r`...)
		case r == '\t':
			b = append(b, `\t`...)
		case r < ' ':
			b = append(b, `\u00`...)
			b = append(b, hex[r>>4], hex[r&0xf])
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return append(b, '"')
}
