package scim

import (
	"slices"

	"github.com/rollcall-scim/rollcall/internal/scim/filter"
)

// OnlyLooksUp tells whether all that a filter asks of a multi-valued attribute is
// whether elements with certain values are there, and lists the values: those
// that equalities joined by and at the top compare attribute.value with, as
// members eq "u1" and members[value eq "u2" and type eq "User"] do.
//
// If it does, Match says the same of a resource as of one that has, of the
// elements, just those whose value eq finds equal to one of the values (by
// bytes, in members and groups). So a group is judged by looking up two of its
// 100,000 members. The filter cannot hold unless each of the values is there; a
// filter that does not use the attribute needs no element at all.
//
// Whatever is told by the elements that are not there is no lookup: what stands
// under or and not, ne, pr, co.
//
// RFC 7644 §3.4.2.2
func (f *Filter) OnlyLooksUp(attribute string) ([]string, bool) {
	return matchOnly(nil, attribute, f.expr)
}

// matchOnly adds the values of an expression with canonical names.
func matchOnly(values []string, attribute string, e filter.Expr) ([]string, bool) {
	if and, ok := e.(*filter.And); ok {
		if values, ok = matchOnly(values, attribute, and.Left); !ok {
			return nil, false
		}
		return matchOnly(values, attribute, and.Right)
	}
	if !matchUses(attribute, e) {
		return values, true
	}
	// A term that is neither and, or nor not, and that promises an equality, says
	// that there is one element of which it is true, and that has the value.
	looks := false
	for _, l := range matchLookups(nil, "", e) {
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

// StartsWith is a text with which every match's value of an attribute begins: the
// longest that a comparison by sw asks for, joined to the rest by and. It is as the
// filter has it, not folded; ok is false when there is none. attribute is one of
// the core schema with one value. RFC 7644 §3.4.2.2
func (f *Filter) StartsWith(attribute string) (prefix string, ok bool) {
	return matchStart(attribute, f.expr)
}

func matchStart(attribute string, e filter.Expr) (prefix string, ok bool) {
	switch e := e.(type) {
	case *filter.And:
		left, inLeft := matchStart(attribute, e.Left)
		right, inRight := matchStart(attribute, e.Right)
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

// matchUses says whether an expression with canonical names looks at an
// attribute that is not an extension's.
func matchUses(attribute string, e filter.Expr) bool {
	var path filter.Path
	switch e := e.(type) {
	case *filter.And:
		return matchUses(attribute, e.Left) || matchUses(attribute, e.Right)
	case *filter.Or:
		return matchUses(attribute, e.Left) || matchUses(attribute, e.Right)
	case *filter.Not:
		return matchUses(attribute, e.Expr)
	case *filter.ValuePath:
		path = e.Path
	case *filter.Present:
		path = e.Path
	case *filter.Compare:
		path = e.Path
	}
	return path.URN == "" && path.Attribute == attribute
}
