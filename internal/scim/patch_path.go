package scim

import (
	"github.com/rollcall-scim/rollcall/internal/scim/filter"
)

// location is the place in a resource that the path of an operation names: a
// target and, for a multi-valued attribute, which of its values.
type location struct {
	target
	// explicit reports that the name is a path, not a name inside a value: it
	// must exist.
	explicit bool
	filter   filter.Expr
	// matches reports whether a value is selected; nil selects all.
	matches func(element map[string]any) bool
	// cost is how much longer reading a value takes because of the filter.
	cost int
}

// locate parses a path and finds what it names. RFC 7644 §3.5.2
func (c *coercer) locate(path string) (location, error) {
	l, name, n, err := c.find(path)
	if err == nil && !l.known() {
		err = c.rt.unknownPath(name, n)
	}
	return l, err
}

// known reports whether the path names something that a resource can have.
func (l location) known() bool { return l.attr != nil || l.extension != nil }

// find is locate for a path that may name nothing: it then returns the name in
// the path, and how it was resolved.
func (c *coercer) find(path string) (l location, name string, n named, err error) {
	rt := c.rt
	if s := rt.Extension(path); s != nil {
		return location{target: target{extension: s}, explicit: true}, path, named{}, nil
	}
	parsed, fault := rt.parsePath(path, &c.notices)
	if fault != nil {
		return location{}, "", named{}, fault
	}
	if name, n = nameOf(parsed), rt.resolvePath(parsed); n.attr == nil {
		return location{}, name, n, nil
	}
	c.notices.spelled(n)
	l = location{target: n.target, explicit: true, filter: parsed.Filter}
	if parsed.Filter == nil {
		return l, name, n, nil
	}
	if n.attr.Type != TypeComplex {
		return location{}, name, n, &Error{InvalidPath, n.attr.Name + " has no sub-attributes, so its path cannot have a filter."}
	}
	if !n.attr.MultiValued {
		c.notices.add(NoticeFilterForm, target{extension: n.extension, attr: n.attr}.String())
	}
	if l.matches, err = compileElement(n.attr, parsed.Filter, &c.notices); err != nil {
		return location{}, name, n, err
	}
	l.cost = len(path) / 8
	return l, name, n, nil
}

// nameOf returns a path without its filter.
func nameOf(p filter.Path) string {
	p.Filter = nil
	return p.String()
}
