package match

import (
	"cmp"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/filter"
	"github.com/rollcall-scim/rollcall/internal/scim/fold"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
)

// valueTest returns the test of one value of a target against the literal of a
// comparison, by the type of the attribute. RFC 7644 §3.4.2.2, table 3
func (c *compiler) valueTest(t *target, e *filter.Compare) (func(any) bool, error) {
	leaf := t.leaf()
	equality := e.Op == filter.Eq || e.Op == filter.Ne
	substring := e.Op == filter.Co || e.Op == filter.Sw || e.Op == filter.Ew
	switch leaf.Type {
	case schema.TypeBoolean:
		want, ok := c.boolean(e.Value)
		switch {
		case !equality:
			return t.refuse(e, ", to which only eq, ne and pr apply")
		case !ok:
			return t.refuse(e, "; compare it with true or false, without quotes")
		}
		return func(v any) bool {
			b, ok := v.(bool)
			return (ok && b == want) == (e.Op == filter.Eq)
		}, nil
	case schema.TypeInteger, schema.TypeDecimal:
		switch {
		case substring:
			return t.refuse(e, ", to which co, sw and ew do not apply")
		case e.Value.Kind != filter.Number:
			return t.refuse(e, "; compare it with a number, without quotes")
		}
		return t.numberTest(e)
	case schema.TypeDateTime:
		if substring {
			return t.refuse(e, ", to which co, sw and ew do not apply; compare it by gt, ge, lt and le")
		}
		return t.instantTest(e)
	}
	switch {
	case leaf.Type == schema.TypeBinary && !equality:
		return t.refuse(e, ", to which only eq, ne and pr apply")
	case e.Value.Kind != filter.String:
		return t.refuse(e, "; compare it with a value in double quotes")
	case strings.Contains(e.Value.Text, "\x00"):
		return t.refuse(e, ", and no value contains the character U+0000")
	case leaf.Type == schema.TypeString && !leaf.CaseExact:
		return foldedTest(e.Op, e.Value.Text, &c.folds), nil
	}
	return textTest(leaf, e.Op, e.Value.Text), nil
}

// refuse refuses a comparison that the type of the target's values does not
// have.
func (t *target) refuse(e *filter.Compare, problem string) (func(any) bool, error) {
	return nil, refusal(scim.InvalidFilter, e.Path.Pos, "%s is of type %s%s", t.name(), t.leaf().Type, problem)
}

func (t *target) numberTest(e *filter.Compare) (func(any) bool, error) {
	want, ok := number(e.Value.Text)
	if !ok {
		return t.refuse(e, "; a number of that size or precision is out of range")
	}
	return orderedTest(e.Op, func(v any) (int, bool) {
		n, _ := v.(scim.Number)
		got, ok := number(string(n))
		if !ok {
			return 0, false
		}
		return got.Cmp(want), true
	}), nil
}

func (t *target) instantTest(e *filter.Compare) (func(any) bool, error) {
	want, ok := instant(e.Value.Text)
	if e.Value.Kind != filter.String || !ok {
		return t.refuse(e, `; compare it with one in double quotes, for example "2011-05-13T04:42:34Z" (the + of an offset is %2B in a URL)`)
	}
	return orderedTest(e.Op, func(v any) (int, bool) {
		s, _ := v.(string)
		got, ok := instant(s)
		return got.Compare(want), ok
	}), nil
}

// textTest tests strings that are case exact.
func textTest(leaf *schema.Attribute, op filter.Op, want string) func(any) bool {
	if leaf.Name != "$ref" || op != filter.Eq && op != filter.Ne {
		return exactTest(op, want)
	}
	return func(v any) bool {
		ref, ok := v.(string)
		return (ok && sameReference(ref, want)) == (op == filter.Eq)
	}
}

// boolean returns the literal that a boolean is compared with.
func (c *compiler) boolean(v filter.Value) (value, ok bool) {
	if v.Kind == filter.String && c.stringBooleans {
		c.notices.Add(scim.NoticeFilterBoolean, "filter")
		yes := scim.EqualName(v.Text, "true")
		return yes, yes || scim.EqualName(v.Text, "false")
	}
	return v.Bool, v.Kind == filter.Bool
}

// foldedTest tests strings without regard to case, by the folding that also
// keeps names unique.
func foldedTest(op filter.Op, literal string, folds *fold.Memo) func(any) bool {
	want, parts := fold.Value(literal), foldParts(literal)
	switch op {
	case filter.Eq, filter.Ne:
		return func(v any) bool {
			s, ok := v.(string)
			return (ok && folds.Equal(s, want)) == (op == filter.Eq)
		}
	case filter.Co:
		return func(v any) bool { s, ok := v.(string); return ok && anyOf(strings.Contains, folds.Part(s), parts) }
	case filter.Sw:
		return func(v any) bool { s, ok := v.(string); return ok && strings.HasPrefix(folds.Part(s), parts[0]) }
	case filter.Ew:
		return func(v any) bool { s, ok := v.(string); return ok && anyOf(strings.HasSuffix, folds.Part(s), parts) }
	}
	return orderedTest(op, func(v any) (int, bool) {
		s, ok := v.(string)
		return cmp.Compare(folds.Value(s), want), ok
	})
}

// foldParts returns the folded forms of a part of a value: as text and, if that
// differs, as the domain of an address or a part of it.
func foldParts(literal string) []string {
	part := fold.Part(literal)
	if domain := fold.Domain(part); domain != part {
		return []string{part, domain}
	}
	return []string{part}
}

// anyOf reports whether a test holds for one of several parts.
func anyOf(test func(s, part string) bool, s string, parts []string) bool {
	for _, part := range parts {
		if test(s, part) {
			return true
		}
	}
	return false
}

// exactTest tests strings byte by byte: case exact ones, references and binary
// values.
func exactTest(op filter.Op, want string) func(any) bool {
	switch op {
	case filter.Co:
		return func(v any) bool { s, ok := v.(string); return ok && strings.Contains(s, want) }
	case filter.Sw:
		return func(v any) bool { s, ok := v.(string); return ok && strings.HasPrefix(s, want) }
	case filter.Ew:
		return func(v any) bool { s, ok := v.(string); return ok && strings.HasSuffix(s, want) }
	}
	return orderedTest(op, func(v any) (int, bool) {
		s, ok := v.(string)
		return cmp.Compare(s, want), ok
	})
}

// orderedTest tests values by an order that returns how a value compares with
// the literal, and whether it is of the type at all.
func orderedTest(op filter.Op, order func(any) (int, bool)) func(any) bool {
	return func(v any) bool {
		n, ok := order(v)
		switch {
		case !ok:
			return op == filter.Ne
		case n < 0:
			return op == filter.Lt || op == filter.Le || op == filter.Ne
		case n > 0:
			return op == filter.Gt || op == filter.Ge || op == filter.Ne
		}
		return op == filter.Eq || op == filter.Ge || op == filter.Le
	}
}

// number returns the exact value of a JSON number, if it has the size and
// precision of 64-bit numbers: 1e999999999 is ten bytes of text and a number
// that does not fit into memory.
func number(s string) (*big.Rat, bool) {
	const largest, longest = 308, 400
	if len(s) > longest {
		return nil, false
	}
	if at := strings.IndexAny(s, "eE"); at >= 0 {
		exponent, err := strconv.Atoi(s[at+1:])
		if err != nil || exponent > largest || exponent < -largest {
			return nil, false
		}
	}
	return new(big.Rat).SetString(s)
}

// instant parses an xsd:dateTime; one without an offset is in UTC. RFC
// 7643 §2.3.5
func instant(s string) (time.Time, bool) {
	const local = "2006-01-02T15:04:05"
	// Package time accepts one digit for an hour, and a comma before a
	// fraction.
	if len(s) < len(local) || s[13] != ':' || strings.Contains(s, ",") {
		return time.Time{}, false
	}
	layout := local
	if strings.ContainsAny(s[len(local):], "Z+-") {
		layout = time.RFC3339
	}
	t, err := time.Parse(layout, s)
	return t, err == nil
}

// sameReference reports whether two references name the same resource: the
// version of the API before the endpoint may be present or not. RFC 7643 §2.4
func sameReference(a, b string) bool {
	root, resource := unversioned(a)
	otherRoot, otherResource := unversioned(b)
	return root == otherRoot && resource == otherResource
}

// unversioned cuts a reference before endpoint and id, and removes the version
// there: https://example.com/v2/Users/u1 becomes https://example.com and
// /Users/u1.
func unversioned(ref string) (root, resource string) {
	at := strings.LastIndexByte(ref, '/')
	if at > 0 {
		at = strings.LastIndexByte(ref[:at], '/')
	}
	if at < 0 {
		return "", ref
	}
	root, resource = ref[:at], ref[at:]
	version := root[strings.LastIndexByte(root, '/')+1:]
	if len(version) > 1 && version[0] == 'v' && strings.Trim(version[1:], "0123456789") == "" && len(version) < len(root) {
		root = root[:len(root)-len(version)-1]
	}
	return root, resource
}
