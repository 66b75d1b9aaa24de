// Package match checks parsed filters and sort orders against a resource type,
// and applies them to resources.
//
// RFC 7644 §3.4.2
package match

import (
	"slices"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/filter"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
)

// Filter is a filter that is valid for a resource type: every attribute it
// names exists, may be filtered by, and is compared with a value of its type.
// CompileFilter reports all faults, so that Match cannot fail.
//
// RFC 7644 does not define the result of comparing an absent attribute. Here
// absent, null, an empty array and a complex value without content are one
// state, and an empty string is a value that is not present:
//
//	            absent   ""
//	pr          false    false
//	eq null     true     true    (the negation of pr)
//	ne null     false    false   (pr)
//	eq "x"      false    false
//	ne "x"      true     true
//	co sw ew    false    compared
//	gt ge lt le false    compared
//	not (…)     the plain negation of the filter inside
//
// A multi-valued attribute matches if any of its values does, also with ne:
// emails.type ne "work" matches if one email has another type or none. That no
// email is of type work is written not (emails.type eq "work").
//
// RFC 7644 §3.4.2.2
type Filter struct {
	// expr is the filter with canonical names: no URN of the core schema, and
	// the sub-attribute value spelled out where it is implied.
	expr filter.Expr
	test test
	rt   *schema.ResourceType
	// uses holds the names of the core and common attributes in the filter.
	uses    map[string]bool
	notices scim.Notices
	nothing bool
	work    *work
}

// work is what a filter has cost so far. It counts comparisons and the sizes of what
// they compare, not time, so that the same request costs the same everywhere.
type work struct {
	// terms is the number of comparisons in the filter.
	terms int
	units int
}

// workBytes is how long a text is that costs one unit more.
const workBytes = 64

// compared adds the comparison of a value.
func (w *work) compared(v any) {
	w.units++
	if text, ok := v.(string); ok {
		w.units += len(text) / workBytes
	}
}

// test reports whether a resource, or an element of a multi-valued
// attribute, matches.
type test func(values map[string]any) bool

// CompileFilter parses and checks a filter on resources of a type. The error is
// an *scim.Error: of type Sensitive if the filter compares a value that is never
// returned, otherwise of type InvalidFilter. Its detail has the position of the
// fault and no value from the filter.
//
// An attribute that the type does not have is an error, never a filter that
// matches nothing or everything: an IdP that misspells a name would conclude
// that a user does not exist.
//
// RFC 7644 §3.4.2.2, §3.12
func CompileFilter(rt *schema.ResourceType, text string) (*Filter, error) {
	return CompileFilterAcross(rt, nil, text)
}

// CompileFilterAcross compiles a filter as CompileFilter does, for a query over
// several resource types: an attribute that only another type has is absent in
// these resources. RFC 7644 §3.4.2.1
func CompileFilterAcross(rt *schema.ResourceType, others []*schema.ResourceType, text string) (*Filter, error) {
	urns := rt.URNs()
	for _, other := range others {
		urns = append(urns, other.URNs()...)
	}
	e, tight, err := filter.Read(text, filter.Limits{}, urns...)
	if err != nil {
		return nil, &scim.Error{Type: scim.InvalidFilter, Detail: "Invalid filter, " + err.Error() + "."}
	}
	f := &Filter{rt: rt, uses: map[string]bool{}, work: &work{}}
	if tight {
		f.notices.Add(scim.NoticeFilterSpaces, "filter")
	}
	c := compiler{rt: rt, others: others, uses: f.uses, notices: &f.notices, foreign: map[string]bool{}, work: f.work}
	if f.expr, f.test, err = c.compile(e); err != nil {
		return nil, err
	}
	for _, l := range lookups(nil, "", f.expr) {
		attribute, _, _ := strings.Cut(l.Attribute, ".")
		f.nothing = f.nothing || c.foreign[attribute]
	}
	return f, nil
}

// Match reports whether a resource, as it would be served, satisfies the
// filter. A value that is not of its attribute's type matches only ne and pr.
// A Filter counts its work, so calls must not run concurrently.
func (f *Filter) Match(r scim.Resource) bool {
	return f.test(f.rt.Shown(r))
}

// Work returns what the calls of Match have cost so far: a unit for each comparison
// that was evaluated, and one more for every 64 bytes of text that it compared.
func (f *Filter) Work() int { return f.work.units }

// Terms returns the number of comparisons in the filter.
func (f *Filter) Terms() int { return f.work.terms }

// String returns the filter in its canonical spelling, the same for filters
// that differ only in the case of names, in spaces or in needless parentheses.
// Like the filter, it contains the values compared with, which are user data.
func (f *Filter) String() string { return f.expr.String() }

// MatchesNothing reports that no resource of the type can satisfy the filter:
// it requires a value of an attribute that only another type has.
func (f *Filter) MatchesNothing() bool { return f.nothing }

// Notices returns the forms in the filter that the grammar does not have.
func (f *Filter) Notices() []scim.Notice { return f.notices }

// Uses reports whether the filter reads a core or common attribute, given by
// its canonical name: groups and members are read only for a filter that does.
func (f *Filter) Uses(attribute string) bool { return f.uses[attribute] }

// Lookup is an equality that every match of a filter satisfies, on an attribute
// by which users or groups can be found without reading all of them. Value is
// as written in the filter, not folded.
type Lookup struct {
	// Attribute is id, userName, externalId, displayName, emails.value,
	// groups.value or members.value.
	Attribute string
	Value     string
}

// Lookups returns the equalities that every match satisfies: those joined by
// and at the top level, or in the brackets of a value path there. None is taken
// from below or and not. A match must still satisfy the whole filter.
func (f *Filter) Lookups() []Lookup {
	return slices.DeleteFunc(lookups(nil, "", f.expr), func(l Lookup) bool {
		switch l.Attribute {
		case "id", "userName", "externalId", "displayName", "emails.value", "groups.value", "members.value":
			return false
		}
		return true
	})
}

// lookups adds the equalities that every match of an expression with
// canonical names satisfies, on any attribute of the core schema; they are
// sub-attributes of parent if that is not empty.
func lookups(found []Lookup, parent string, e filter.Expr) []Lookup {
	var path filter.Path
	switch e := e.(type) {
	case *filter.And:
		return lookups(lookups(found, parent, e.Left), parent, e.Right)
	case *filter.ValuePath:
		path = e.Path
		path.Filter = e.Filter
	case *filter.Present:
		path = e.Path
	case *filter.Compare:
		// Only a comparison that an absent value fails implies that an element
		// exists.
		if null := e.Value.Kind == filter.Null; null && e.Op == filter.Eq || !null && e.Op == filter.Ne {
			return found
		}
		path = e.Path
		if e.Op == filter.Eq && e.Value.Kind == filter.String && path.URN == "" {
			name := join(join(parent, path.Attribute), path.Sub)
			found = append(found, Lookup{Attribute: name, Value: e.Value.Text})
		}
	}
	if path.Filter != nil && path.URN == "" {
		found = lookups(found, path.Attribute, path.Filter)
	}
	return found
}

func join(parent, name string) string {
	if parent == "" || name == "" {
		return parent + name
	}
	return parent + "." + name
}

// CompileElement returns the test of a value path in a PATCH operation, for the
// elements of a complex attribute. The error is an *scim.Error of type
// InvalidFilter.
//
// A boolean may be compared with its name in a string, in any case: Entra
// selects a role by roles[primary eq "True"]. In the filter of a search this is
// refused, because there it can make a user seem not to exist.
//
// RFC 7644 §3.5.2, §3.12
func CompileElement(attr *schema.Attribute, e filter.Expr, notices *scim.Notices) (func(element map[string]any) bool, error) {
	if attr.Type != schema.TypeComplex {
		return nil, refusal(scim.InvalidFilter, 0, "%s has no sub-attributes, so it cannot have a filter in brackets", attr.Name)
	}
	c := compiler{element: attr, stringBooleans: true, uses: map[string]bool{}, notices: notices, work: &work{}}
	_, test, err := c.compile(e)
	if err != nil {
		return nil, err
	}
	return test, nil
}

// ElementEqualities returns the sub-attributes of the element that a value path
// describes, if it consists only of equalities joined by and that do not
// contradict each other: emails[type eq "work" and primary eq true] describes a
// primary element of that type. Names and values are as written, not checked
// against a schema; an equality with null adds nothing.
func ElementEqualities(e filter.Expr) (map[string]any, bool) {
	seen := map[string]filter.Value{}
	if !equalities(e, seen) {
		return nil, false
	}
	element := map[string]any{}
	for name, v := range seen {
		switch v.Kind {
		case filter.String:
			element[name] = v.Text
		case filter.Number:
			element[name] = scim.Number(v.Text)
		case filter.Bool:
			element[name] = v.Bool
		}
	}
	return element, true
}

func equalities(e filter.Expr, seen map[string]filter.Value) bool {
	switch e := e.(type) {
	case *filter.And:
		return equalities(e.Left, seen) && equalities(e.Right, seen)
	case *filter.Compare:
		if e.Op != filter.Eq || e.Path.URN != "" || e.Path.Filter != nil || e.Path.Sub != "" {
			return false
		}
		for name, v := range seen {
			if scim.EqualName(name, e.Path.Attribute) {
				return v == e.Value
			}
		}
		seen[e.Path.Attribute] = e.Value
		return true
	}
	return false
}
