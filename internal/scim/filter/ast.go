// Package filter is the grammar of SCIM filters and PATCH paths: it scans and
// parses them, and prints them back. It knows no schema: package match decides
// whether an attribute exists and which type it has.
//
// It imports the standard library only, never panics, and enforces hard limits
// while it parses, so that no text can cost more than its length allows.
//
// RFC 7644 §3.4.2.2, §3.5.2
package filter

// Expr is a parsed filter: *And, *Or, *Not, *Compare, *Present or *ValuePath.
// String prints it so that it parses to itself.
type Expr interface {
	String() string
	expr()
}

// And matches if both sides match.
type And struct{ Left, Right Expr }

// Or matches if either side matches.
type Or struct{ Left, Right Expr }

// Not matches if its operand does not.
type Not struct{ Expr Expr }

// Compare compares an attribute with a literal.
type Compare struct {
	Path  Path
	Op    Op
	Value Value
}

// Present matches if an attribute has a value that is not empty.
type Present struct{ Path Path }

// ValuePath matches if one element of a multi-valued complex attribute
// satisfies the whole filter in the brackets.
type ValuePath struct {
	Path   Path
	Filter Expr
}

func (*And) expr()       {}
func (*Or) expr()        {}
func (*Not) expr()       {}
func (*Compare) expr()   {}
func (*Present) expr()   {}
func (*ValuePath) expr() {}

// Path names an attribute as it was written: [URN:]Attribute[.Sub] or, where
// the grammar allows it, with a filter on the elements in between:
// Attribute[Filter].Sub. Names keep the case they were written in.
//
// A path with a Filter occurs in a PATCH operation and, as Entra sends it, on
// the left of a comparison: emails[type eq "work"].value eq "a@b.c".
type Path struct {
	URN       string
	Attribute string
	Filter    Expr
	Sub       string
	// Dotted reports that a dot was written between URN and Attribute. String
	// prints a colon instead.
	Dotted bool
	// Pos is the byte offset of the path in the text it was parsed from.
	Pos int
}

// Name returns the path without its filter.
func (p Path) Name() string {
	p.Filter = nil
	return p.String()
}

// Op is a comparison operator, in lower case.
type Op string

// The comparison operators. RFC 7644 §3.4.2.2, table 3
const (
	Eq Op = "eq"
	Ne Op = "ne"
	Co Op = "co"
	Sw Op = "sw"
	Ew Op = "ew"
	Gt Op = "gt"
	Ge Op = "ge"
	Lt Op = "lt"
	Le Op = "le"
)

// Value is a literal of the grammar: a JSON string, number, true, false or
// null.
type Value struct {
	Kind ValueKind
	// Text is the string's value for String, the number as written for Number.
	Text string
	// Bool is the value for Bool.
	Bool bool
}

// ValueKind is the kind of a literal.
type ValueKind int

// The kinds of literal.
const (
	Null ValueKind = iota
	Bool
	Number
	String
)

// Limits are the limits of what is parsed. A zero field means its default.
type Limits struct {
	// Length is the longest text in bytes, by default 8,192.
	Length int
	// Depth is the deepest nesting of parentheses and brackets, by default 40.
	Depth int
	// Terms is the largest number of comparisons, by default 200.
	Terms int
}

// Error is the fault of a text that does not parse: where, and what was
// expected there. It never quotes a literal of the input.
type Error struct {
	// Pos is the byte offset of the fault.
	Pos int
	// Problem says what is wrong and what was expected.
	Problem string
	// Inside reports that the fault is in the brackets of a value path.
	Inside bool
}
