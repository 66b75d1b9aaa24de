package scim

import (
	"strings"

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
		err = unknownPath(c.rt, name, n)
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
	parsed, fault := parsePath(rt, path, &c.notices)
	if fault != nil {
		return location{}, "", named{}, fault
	}
	if name, n = parsed.Name(), rt.resolvePath(parsed); n.attr == nil {
		return location{}, name, n, nil
	}
	n.noteSpelling(&c.notices)
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

// parsePath parses a path of a PATCH, and adds a notice of a missing space. The
// error is an *Error: of type InvalidFilter if the fault is in the brackets,
// else of type InvalidPath. RFC 7644 §3.5.2, §3.12
func parsePath(rt *ResourceType, path string, told *notices) (filter.Path, *Error) {
	parsed, tight, err := filter.ReadPath(path, filter.Limits{}, rt.urns()...)
	if err == nil {
		if tight {
			told.add(NoticeFilterSpaces, parsed.Attribute)
		}
		return parsed, nil
	}
	if fault, ok := err.(*filter.Error); ok && fault.Inside { //nolint:errorlint // ReadPath returns no other
		return parsed, &Error{InvalidFilter, "invalid filter in the path, " + err.Error() + "."}
	}
	return parsed, &Error{InvalidPath, "invalid path, " + err.Error() + "."}
}

// unknownPath returns the error for a path that names nothing. It says how to
// write the attribute that may be meant.
func unknownPath(rt *ResourceType, name string, n named) *Error {
	if len(n.candidates) > 0 {
		return &Error{InvalidPath, n.ambiguity("the path", name)}
	}
	detail := "unknown attribute of a " + rt.Name + ": " + noticeName(name)
	if meant := rt.meant(name); meant != "" {
		return &Error{InvalidPath, detail + "; write " + meant + "."}
	}
	return &Error{InvalidPath, detail + "; /Schemas lists those that it has."}
}

// foreignName returns the name in a path that follows the URN of a schema that
// this service does not have; ok is false for any other path. An operation on
// such a path is ignored, as such an attribute in a body is: a mapping of the
// identity provider without a counterpart here must not prevent the operation
// beside it from being applied, which may deactivate a leaver.
//
// A name that may well mean an attribute of ours is not foreign: without a URN,
// after the URN of one of our schemas or one that looks like a core schema's,
// and a name that decides on access: activity, a seat, the members of a group.
// Names of properties that every JavaScript object has are refused too: no
// schema has them, and only an attacker sends them.
func foreignName(rt *ResourceType, path string) (name string, ok bool) {
	name, brackets, filtered := strings.Cut(path, "[")
	at := strings.LastIndexByte(name, ':')
	if at <= 0 || ownName(rt, name) || looksCore(name) {
		return "", false
	}
	for part := range strings.SplitSeq(name[at+1:], ".") {
		if !foreignPart(part) {
			return "", false
		}
	}
	// The rest must be a valid path apart from its names.
	plain := name[:at] + ":a"
	if filtered {
		plain += "[" + brackets
	}
	parsed, err := filter.ParsePath(plain, filter.Limits{})
	if err != nil || parsed.Sub != "" && !foreignPart(parsed.Sub) {
		return "", false
	}
	return name, true
}

// ownName reports whether a name begins with the URN of a schema that the type
// or the service has.
func ownName(rt *ResourceType, name string) bool {
	begins := func(urn string) bool {
		n := len(urn)
		return len(name) >= n && EqualName(name[:n], urn) && (len(name) == n || name[n] == ':' || name[n] == '.')
	}
	for _, urn := range rt.urns() {
		if begins(urn) {
			return true
		}
	}
	for urn := range standardURNs() {
		if begins(urn) {
			return true
		}
	}
	return false
}

// looksCore reports whether a name's URN looks like that of a core schema, as
// those of earlier drafts do: urn:scim:schemas:core:1.0.
func looksCore(name string) bool {
	return strings.Contains(lowerName(name), ":schemas:core:")
}

// foreignPart reports whether a part of a name can be that of an attribute that
// is unrelated to ours.
func foreignPart(part string) bool {
	for _, refused := range []string{"active", TeamAccount, "members", "constructor", "prototype", "hasOwnProperty", "toString", "valueOf"} {
		if EqualName(part, refused) {
			return false
		}
	}
	for i := range len(part) {
		if c := part[i]; (c|' ' < 'a' || c|' ' > 'z') && (c < '0' || c > '9') && strings.IndexByte("-_$", c) < 0 {
			return false
		}
	}
	return part != "" && part[0] != '_'
}
