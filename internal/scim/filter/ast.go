// Package filter is the grammar of SCIM filters and PATCH paths: it scans,
// parses and prints them back. It knows no schema: whether an attribute exists
// and which type it has is decided by package scim.
//
// It imports the standard library only, never panics, and keeps hard limits
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

// And holds when both sides hold.
type And struct{ Left, Right Expr }

// Or holds when either side holds.
type Or struct{ Left, Right Expr }

// Not holds when its operand does not.
type Not struct{ Expr Expr }

// Compare compares an attribute with a literal.
type Compare struct {
	Path  Path
	Op    Op
	Value Value
}

// Present holds when an attribute has a value that is not empty.
type Present struct{ Path Path }

// ValuePath holds when one element of a multi-valued complex attribute
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

// Path names an attribute as it was written: [URN:]Attribute[.Sub], and, where
// the grammar allows it, with a filter on the elements in between:
// Attribute[Filter].Sub. Names keep the case they were written in.
//
// A path with a Filter stands in a PATCH operation, and (as Entra sends it) on
// the left of a comparison: emails[type eq "work"].value eq "a@b.c".
type Path struct {
	URN       string
	Attribute string
	Filter    Expr
	Sub       string
	// Dotted reports that a dot stood between URN and Attribute, which String
	// prints as the colon that belongs there.
	Dotted bool
	// Pos is the byte offset of the path in the text it was parsed from.
	Pos int
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

// ValueKind tells the literals apart.
type ValueKind int

// The kinds of literal.
const (
	Null ValueKind = iota
	Bool
	Number
	String
)

// Limits bound what is parsed. A zero field stands for its default.
type Limits struct {
	// Length is the longest text in bytes, by default 8,192.
	Length int
	// Depth is the deepest nesting of brackets and not, by default 40.
	Depth int
	// Terms is the largest number of comparisons, by default 200.
	Terms int
}

// Error is a text that does not parse: where, and what was expected there. It
// never quotes a literal of the input.
type Error struct {
	// Pos is the byte offset of the fault.
	Pos int
	// Problem says what is wrong and what was expected.
	Problem string
	// Inside reports that the fault is in the brackets of a value path.
	Inside bool
}
