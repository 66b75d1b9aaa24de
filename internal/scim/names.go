package scim

import (
	"maps"
	"slices"
	"strings"
)

// EqualName reports whether two names are equal in any ASCII letter case, as
// names of attributes, URNs and the fixed segments of paths are compared.
// Unicode folding would make U+017F equal to s. RFC 7643 §2.1
func EqualName(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + ('a' - 'A')
	}
	return c
}

// LowerName returns a name in ASCII lower case.
func LowerName(name string) string {
	var b strings.Builder
	b.Grow(len(name))
	for i := range len(name) {
		b.WriteByte(lower(name[i]))
	}
	return b.String()
}

// names is the set of names of one object without regard to ASCII case. A few
// are compared one by one, many are looked up: an object of a hundred thousand
// names must not cost the square of that.
type names struct {
	few  []string
	many map[string]struct{}
}

func (n *names) add(name string) bool {
	if n.many == nil && len(n.few) < 16 {
		for _, known := range n.few {
			if EqualName(known, name) {
				return false
			}
		}
		n.few = append(n.few, name)
		return true
	}
	if n.many == nil {
		n.many = make(map[string]struct{}, 2*len(n.few))
		for _, known := range n.few {
			n.many[LowerName(known)] = struct{}{}
		}
	}
	key := LowerName(name)
	if _, ok := n.many[key]; ok {
		return false
	}
	n.many[key] = struct{}{}
	return true
}

// Member returns an object's value under a name in any ASCII case.
func Member(object map[string]any, name string) any {
	v, _ := LookupMember(object, name)
	return v
}

// LookupMember does what Member does, and reports whether there is a member of the
// name.
func LookupMember(object map[string]any, name string) (any, bool) {
	if v, ok := object[name]; ok {
		return v, true
	}
	for n, v := range object {
		if EqualName(n, name) {
			return v, true
		}
	}
	return nil, false
}

// SortedNames returns the names of an object in a fixed order, so that the
// first fault and the notices are the same every time.
func SortedNames[V any](object map[string]V) []string {
	return slices.Sorted(maps.Keys(object))
}
