package scim

import (
	"slices"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/scim/filter"
)

// Filter is a filter that makes sense for a resource type: every attribute it
// names exists, may be filtered by, and is compared with a value of its type.
// What could be wrong with it was said by CompileFilter, so Match cannot fail.
//
// RFC 7644 leaves open what a comparison says of an attribute that is absent.
// Here absent, null, an empty array and a complex value without content are one
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
// A multi-valued attribute matches when any of its values does, ne included:
// emails.type ne "work" holds when one email is of another type or of none.
// That no email is of type work is not (emails.type eq "work").
//
// RFC 7644 §3.4.2.2
type Filter struct {
	// expr is the filter with canonical names: no URN of the core schema, and
	// the sub-attribute value spelled out where it is implied.
	expr filter.Expr
	test matchTest
	rt   *ResourceType
	// uses holds the names of the core and common attributes in the filter.
	uses    map[string]bool
	notices notices
	nothing bool
}

// matchTest says whether a resource, or an element of a multi-valued attribute,
// matches.
type matchTest func(values map[string]any) bool

// CompileFilter reads a filter on resources of a type. The error is an *Error:
// of type Sensitive where the filter asks for a value that is never returned,
// otherwise of type InvalidFilter; its detail holds the position of the fault
// and no value from the filter.
//
// An attribute that the type does not have is a fault and never a filter that
// matches nobody, or everybody: an IdP that asks by a misspelled name would
// conclude that a user does not exist.
//
// RFC 7644 §3.4.2.2, §3.12
func CompileFilter(rt *ResourceType, text string) (*Filter, error) {
	return CompileFilterAcross(rt, nil, text)
}

// CompileFilterAcross is CompileFilter for a query over several resource types: an
// attribute that only another of them has is one that these resources do not
// have. RFC 7644 §3.4.2.1
func CompileFilterAcross(rt *ResourceType, others []*ResourceType, text string) (*Filter, error) {
	urns := rt.urns()
	for _, other := range others {
		urns = append(urns, other.urns()...)
	}
	e, tight, err := filter.Read(text, filter.Limits{}, urns...)
	if err != nil {
		return nil, &Error{Type: InvalidFilter, Detail: "The filter cannot be read " + err.Error() + "."}
	}
	f := &Filter{rt: rt, uses: map[string]bool{}}
	if tight {
		f.notices.add(NoticeFilterSpaces, "filter")
	}
	c := matchCompiler{rt: rt, others: others, uses: f.uses, told: &f.notices, foreign: map[string]bool{}}
	if f.expr, f.test, err = c.compile(e); err != nil {
		return nil, err
	}
	for _, l := range matchLookups(nil, "", f.expr) {
		attribute, _, _ := strings.Cut(l.Attribute, ".")
		f.nothing = f.nothing || c.foreign[attribute]
	}
	return f, nil
}

// Match says whether a resource, as it would be served, satisfies the filter. A
// value that is not of its attribute's type matches nothing but ne and pr.
func (f *Filter) Match(r Resource) bool {
	if f.rt.past {
		r, _ = f.rt.visible(r)
	}
	return f.test(r)
}

// String is the filter in its canonical spelling, the same for filters that
// differ in case of names, in spaces or in needless parentheses. It holds the
// values compared with: user data, like the filter itself.
func (f *Filter) String() string { return f.expr.String() }

// MatchesNothing tells that no resource of the type can satisfy the filter: it wants
// a value of an attribute that only another type has.
func (f *Filter) MatchesNothing() bool { return f.nothing }

// Notices are the forms of the filter that the grammar does not have.
func (f *Filter) Notices() []Notice { return f.notices }

// Uses says whether the filter looks at a core or common attribute, by its
// canonical name: groups and members are only worth reading for a filter that
// does.
func (f *Filter) Uses(attribute string) bool { return f.uses[attribute] }

// Lookup is an equality that every match of a filter satisfies, on an attribute
// by which users or groups can be found without reading all of them. Value is
// as the filter has it, not folded.
type Lookup struct {
	// Attribute is id, userName, externalId, displayName, emails.value,
	// groups.value or members.value.
	Attribute string
	Value     string
}

// Lookups are the equalities without which the filter cannot hold: those
// joined by and at the top, or in the brackets of a value path there. None is
// taken from under or and not. A match must still satisfy the whole filter.
func (f *Filter) Lookups() []Lookup {
	return slices.DeleteFunc(matchLookups(nil, "", f.expr), func(l Lookup) bool {
		switch l.Attribute {
		case "id", "userName", "externalId", "displayName", "emails.value", "groups.value", "members.value":
			return false
		}
		return true
	})
}

// matchLookups adds the equalities that an expression with canonical names
// cannot hold without, on whichever attribute of the core; they are
// sub-attributes of parent if that is not empty.
func matchLookups(found []Lookup, parent string, e filter.Expr) []Lookup {
	var path filter.Path
	switch e := e.(type) {
	case *filter.And:
		return matchLookups(matchLookups(found, parent, e.Left), parent, e.Right)
	case *filter.ValuePath:
		path = e.Path
		path.Filter = e.Filter
	case *filter.Present:
		path = e.Path
	case *filter.Compare:
		// Only what an absent value fails promises that an element is there.
		if null := e.Value.Kind == filter.Null; null && e.Op == filter.Eq || !null && e.Op == filter.Ne {
			return found
		}
		path = e.Path
		if e.Op == filter.Eq && e.Value.Kind == filter.String && path.URN == "" {
			name := matchJoin(matchJoin(parent, path.Attribute), path.Sub)
			found = append(found, Lookup{Attribute: name, Value: e.Value.Text})
		}
	}
	if path.Filter != nil && path.URN == "" {
		found = matchLookups(found, path.Attribute, path.Filter)
	}
	return found
}

func matchJoin(parent, name string) string {
	if parent == "" || name == "" {
		return parent + name
	}
	return parent + "." + name
}

// compileElement makes the test of a value path in a PATCH operation, on the
// elements of a complex attribute. The error is an *Error of type
// InvalidFilter.
//
// A boolean may be compared with the string of its name in any case: Entra
// chooses a role by roles[primary eq "True"]. In a filter of a search the same
// is refused, for there it can make a user seem not to exist.
//
// RFC 7644 §3.5.2, §3.12
func compileElement(attr *Attribute, e filter.Expr, told *notices) (func(element map[string]any) bool, error) {
	if attr.Type != TypeComplex {
		return nil, matchRefusal(InvalidFilter, 0, "%s has no sub-attributes to choose its values by", attr.Name)
	}
	c := matchCompiler{element: attr, stringBooleans: true, uses: map[string]bool{}, told: told}
	_, test, err := c.compile(e)
	if err != nil {
		return nil, err
	}
	return test, nil
}

// elementEqualities are the sub-attributes of the element that a value path
// describes, if it does so by equalities joined by and alone, and they do not
// contradict each other: emails[type eq "work" and primary eq true] describes
// an element of that type that is primary. Names and values are as written,
// not checked against a schema; an equality with null adds nothing.
func elementEqualities(e filter.Expr) (map[string]any, bool) {
	seen := map[string]filter.Value{}
	if !matchEqualities(e, seen) {
		return nil, false
	}
	element := map[string]any{}
	for name, v := range seen {
		switch v.Kind {
		case filter.String:
			element[name] = v.Text
		case filter.Number:
			element[name] = Number(v.Text)
		case filter.Bool:
			element[name] = v.Bool
		}
	}
	return element, true
}

func matchEqualities(e filter.Expr, seen map[string]filter.Value) bool {
	switch e := e.(type) {
	case *filter.And:
		return matchEqualities(e.Left, seen) && matchEqualities(e.Right, seen)
	case *filter.Compare:
		if e.Op != filter.Eq || e.Path.URN != "" || e.Path.Filter != nil || e.Path.Sub != "" {
			return false
		}
		for name, v := range seen {
			if equalName(name, e.Path.Attribute) {
				return v == e.Value
			}
		}
		seen[e.Path.Attribute] = e.Value
		return true
	}
	return false
}
