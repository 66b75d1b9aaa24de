package scim

import (
	"cmp"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/scim/filter"
)

// valueTest returns the test of one value of a target against the literal of a
// comparison, by the type of the attribute. RFC 7644 §3.4.2.2, table 3
func (c *matchCompiler) valueTest(t *matchTarget, e *filter.Compare) (func(any) bool, error) {
	leaf := t.leaf()
	refuse := func(problem string) (func(any) bool, error) {
		return nil, matchRefusal(InvalidFilter, e.Path.Pos, "%s is of type %s%s", t.name(), leaf.Type, problem)
	}
	equality := e.Op == filter.Eq || e.Op == filter.Ne
	substring := e.Op == filter.Co || e.Op == filter.Sw || e.Op == filter.Ew
	switch leaf.Type {
	case TypeBoolean:
		want, ok := c.boolean(e.Value)
		switch {
		case !equality:
			return refuse(", to which only eq, ne and pr apply")
		case !ok:
			return refuse("; compare it with true or false, without quotes")
		}
		return func(v any) bool {
			b, ok := v.(bool)
			return (ok && b == want) == (e.Op == filter.Eq)
		}, nil
	case TypeInteger, TypeDecimal:
		switch {
		case substring:
			return refuse(", to which co, sw and ew do not apply")
		case e.Value.Kind != filter.Number:
			return refuse("; compare it with a number, without quotes")
		}
		want, ok := matchNumber(e.Value.Text)
		if !ok {
			return refuse("; a number of that size or precision is out of range")
		}
		return matchOrdered(e.Op, func(v any) (int, bool) {
			n, _ := v.(Number)
			got, ok := matchNumber(string(n))
			if !ok {
				return 0, false
			}
			return got.Cmp(want), true
		}), nil
	case TypeDateTime:
		want, ok := matchInstant(e.Value.Text)
		switch {
		case substring:
			return refuse(", to which co, sw and ew do not apply; compare it by gt, ge, lt and le")
		case e.Value.Kind != filter.String || !ok:
			return refuse(`; compare it with one in double quotes, for example "2011-05-13T04:42:34Z" (the + of an offset is %2B in a URL)`)
		}
		return matchOrdered(e.Op, func(v any) (int, bool) {
			s, _ := v.(string)
			got, ok := matchInstant(s)
			return got.Compare(want), ok
		}), nil
	}
	switch {
	case leaf.Type == TypeBinary && !equality:
		return refuse(", to which only eq, ne and pr apply")
	case e.Value.Kind != filter.String:
		return refuse("; compare it with a value in double quotes")
	case strings.Contains(e.Value.Text, "\x00"):
		return refuse(", and no value contains the character U+0000")
	case leaf.Type == TypeString && !leaf.CaseExact:
		return matchFolded(e.Op, e.Value.Text, &c.folds), nil
	}
	return matchText(leaf, e.Op, e.Value.Text), nil
}

// matchText tests strings that are case exact.
func matchText(leaf *Attribute, op filter.Op, want string) func(any) bool {
	if leaf.Name != "$ref" || op != filter.Eq && op != filter.Ne {
		return matchExact(op, want)
	}
	return func(v any) bool {
		ref, ok := v.(string)
		return (ok && sameReference(ref, want)) == (op == filter.Eq)
	}
}

// boolean returns the literal that a boolean is compared with.
func (c *matchCompiler) boolean(v filter.Value) (value, ok bool) {
	if v.Kind == filter.String && c.stringBooleans {
		c.told.add(NoticeFilterBoolean, "filter")
		yes := EqualName(v.Text, "true")
		return yes, yes || EqualName(v.Text, "false")
	}
	return v.Bool, v.Kind == filter.Bool
}

// matchFolded tests strings without regard to case, by the folding that also
// keeps names unique.
func matchFolded(op filter.Op, literal string, folds *foldMemo) func(any) bool {
	want, parts := Fold(literal), foldParts(literal)
	switch op {
	case filter.Eq, filter.Ne:
		return func(v any) bool {
			s, ok := v.(string)
			return (ok && folds.equal(s, want)) == (op == filter.Eq)
		}
	case filter.Co:
		return func(v any) bool { s, ok := v.(string); return ok && anyOf(strings.Contains, folds.text(s), parts) }
	case filter.Sw:
		return func(v any) bool { s, ok := v.(string); return ok && strings.HasPrefix(folds.text(s), parts[0]) }
	case filter.Ew:
		return func(v any) bool { s, ok := v.(string); return ok && anyOf(strings.HasSuffix, folds.text(s), parts) }
	}
	return matchOrdered(op, func(v any) (int, bool) {
		s, ok := v.(string)
		return cmp.Compare(folds.whole(s), want), ok
	})
}

// foldParts returns the folded forms of a part of a value: as text and, if that
// differs, as the domain of an address or a part of it.
func foldParts(literal string) []string {
	part := foldText(literal)
	if domain := foldDomain(part); domain != part {
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

// matchExact tests strings byte by byte: case exact ones, references and binary
// values.
func matchExact(op filter.Op, want string) func(any) bool {
	switch op {
	case filter.Co:
		return func(v any) bool { s, ok := v.(string); return ok && strings.Contains(s, want) }
	case filter.Sw:
		return func(v any) bool { s, ok := v.(string); return ok && strings.HasPrefix(s, want) }
	case filter.Ew:
		return func(v any) bool { s, ok := v.(string); return ok && strings.HasSuffix(s, want) }
	}
	return matchOrdered(op, func(v any) (int, bool) {
		s, ok := v.(string)
		return cmp.Compare(s, want), ok
	})
}

// matchOrdered tests values by an order that returns how a value compares with
// the literal, and whether it is of the type at all.
func matchOrdered(op filter.Op, order func(any) (int, bool)) func(any) bool {
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

// matchNumber returns the exact value of a JSON number, if it has the size and
// precision of 64-bit numbers: 1e999999999 is ten bytes of text and a number
// that does not fit into memory.
func matchNumber(s string) (*big.Rat, bool) {
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

// matchInstant parses an xsd:dateTime; one without an offset is in UTC. RFC
// 7643 §2.3.5
func matchInstant(s string) (time.Time, bool) {
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
