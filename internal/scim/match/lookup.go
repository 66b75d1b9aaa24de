package match

import (
	"slices"

	"github.com/rollcall-scim/rollcall/internal/scim/filter"
)

// OnlyLooksUp reports whether a filter only asks of a multi-valued attribute
// that elements with certain values exist, and returns these values: those that
// equalities joined by and at the top level compare attribute.value with, as in
// members eq "u1" and members[value eq "u2" and type eq "User"].
//
// If so, Match gives the same result for a resource that has only those
// elements whose value equals one of the values (by bytes, in members and
// groups). A group can thus be judged by looking up two of its 100,000 members.
// Every match has all of the values; a filter that does not use the attribute
// needs no element at all.
//
// A term that depends on elements that are absent is not a lookup: a term below
// or and not, and ne, pr, co.
//
// RFC 7644 §3.4.2.2
func (f *Filter) OnlyLooksUp(attribute string) ([]string, bool) {
	return onlyLooksUp(nil, attribute, f.expr)
}

// onlyLooksUp adds the values of an expression with canonical names.
func onlyLooksUp(values []string, attribute string, e filter.Expr) ([]string, bool) {
	if and, ok := e.(*filter.And); ok {
		if values, ok = onlyLooksUp(values, attribute, and.Left); !ok {
			return nil, false
		}
		return onlyLooksUp(values, attribute, and.Right)
	}
	if !reads(attribute, e) {
		return values, true
	}
	// A term other than and, or, not that implies an equality requires one
	// element that satisfies it and has the value.
	looks := false
	for _, l := range lookups(nil, "", e) {
		if l.Attribute != attribute+".value" {
			continue
		}
		if looks = true; !slices.Contains(values, l.Value) {
			values = append(values, l.Value)
		}
	}
	if !looks {
		return nil, false
	}
	return values, true
}

// StartsWith returns a text with which every match's value of an attribute
// begins: the longest literal of a comparison by sw that is joined to the rest
// by and. It is as written in the filter, not folded; ok is false if there is
// none. attribute is a singular one of the core schema. RFC 7644 §3.4.2.2
func (f *Filter) StartsWith(attribute string) (prefix string, ok bool) {
	return startsWith(attribute, f.expr)
}

func startsWith(attribute string, e filter.Expr) (prefix string, ok bool) {
	switch e := e.(type) {
	case *filter.And:
		left, inLeft := startsWith(attribute, e.Left)
		right, inRight := startsWith(attribute, e.Right)
		if inRight && len(right) > len(left) {
			left = right
		}
		return left, inLeft || inRight
	case *filter.Compare:
		if e.Op == filter.Sw && e.Value.Kind == filter.String && e.Path.URN == "" && e.Path.Filter == nil &&
			e.Path.Attribute == attribute && e.Path.Sub == "" {
			return e.Value.Text, true
		}
	}
	return "", false
}

// reads reports whether an expression with canonical names reads an
// attribute of the core schema.
func reads(attribute string, e filter.Expr) bool {
	var path filter.Path
	switch e := e.(type) {
	case *filter.And:
		return reads(attribute, e.Left) || reads(attribute, e.Right)
	case *filter.Or:
		return reads(attribute, e.Left) || reads(attribute, e.Right)
	case *filter.Not:
		return reads(attribute, e.Expr)
	case *filter.ValuePath:
		path = e.Path
	case *filter.Present:
		path = e.Path
	case *filter.Compare:
		path = e.Path
	}
	return path.URN == "" && path.Attribute == attribute
}
