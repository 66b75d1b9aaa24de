package scim

import (
	"strings"

	"github.com/rollcall-scim/rollcall/internal/scim/filter"
)

// location is the place in a resource that the path of an operation names: a
// target, and for the values of a multi-valued attribute which of them.
type location struct {
	target
	// explicit tells a path from a name inside a value: what it names must exist.
	explicit bool
	filter   filter.Expr
	// matches tells the chosen values; nil chooses all.
	matches func(element map[string]any) bool
	// cost is how much longer a look at a value takes because of the filter.
	cost int
}

// locate reads a path and finds what it names. RFC 7644 §3.5.2
func (c *coercer) locate(path string) (location, error) {
	rt := c.rt
	if s := rt.Extension(path); s != nil {
		return location{target: target{extension: s}, explicit: true}, nil
	}
	parsed, err := filter.ParsePath(path, filter.Limits{})
	if err != nil {
		return location{}, &Error{InvalidPath, "the path cannot be read " + err.Error() + "."}
	}
	t, ok := rt.lookup(nameOf(parsed))
	if !ok || t.attr == nil {
		return location{}, &Error{
			InvalidPath,
			"the path names no attribute of a " + rt.Name + ": " + noticeName(nameOf(parsed)) + ".",
		}
	}
	l := location{target: t, explicit: true, filter: parsed.Filter}
	if parsed.Filter == nil {
		return l, nil
	}
	if !t.attr.MultiValued || t.attr.Type != TypeComplex {
		return location{}, &Error{InvalidPath, t.attr.Name + " has no values that a filter could choose from."}
	}
	if l.matches, err = compileElement(t.attr, parsed.Filter, &c.notices); err != nil {
		return location{}, err
	}
	l.cost = len(path) / 8
	return l, nil
}

// nameOf is a path without its filter.
func nameOf(p filter.Path) string {
	var b strings.Builder
	if p.URN != "" {
		b.WriteString(p.URN)
		b.WriteByte(':')
	}
	b.WriteString(p.Attribute)
	if p.Sub != "" {
		b.WriteByte('.')
		b.WriteString(p.Sub)
	}
	return b.String()
}
