package scim

import (
	"strings"

	"github.com/rollcall-scim/rollcall/internal/scim/filter"
)

// named is what a name in a request means for a resource type: a target, the
// whole core schema, or nothing. Every place where a name can occur resolves it
// by ResourceType.resolve or resolvePath, so that a spelling means the same in
// a body, a path, a filter, an order and a projection. RFC 7644 §3.10
type named struct {
	target
	// core reports that the name is the URN of the core schema.
	core bool
	// spelling is the kind of Notice that describes how the name differs from
	// RFC 7644 §3.10, "" if it does not.
	spelling string
	// candidates are the full names of the attributes that a name without a URN
	// could equally mean. It then means none of them.
	candidates []string
}

// known reports whether the name means something that a resource can have.
func (n named) known() bool { return n.attr != nil || n.extension != nil }

// resolve finds what a name means, in any ASCII case: an attribute of the core
// schema, with or without its URN, one of an extension after its URN, either
// with a sub-attribute after a dot, or the URN of an extension or of the core
// schema.
//
// A dot is accepted in place of the colon after a URN. A name that the core
// schema does not have, and exactly one extension has, is that extension's. RFC
// 7644 §3.10
func (rt *ResourceType) resolve(name string) named {
	if equalName(name, rt.Schema.ID) {
		return named{core: true}
	}
	if s := rt.Extension(name); s != nil {
		return named{target: target{extension: s}}
	}
	urn, local, dotted := rt.cutSchema(name)
	attribute, sub, hasSub := strings.Cut(local, ".")
	n := rt.attributeNamed(urn, attribute)
	if hasSub && n.attr != nil {
		n = n.withSub(sub)
	}
	return n.withDot(dotted)
}

// resolvePath is resolve for a parsed path; its filter is ignored.
func (rt *ResourceType) resolvePath(p filter.Path) named {
	n := rt.attributeNamed(p.URN, p.Attribute)
	if p.Sub != "" && n.attr != nil {
		n = n.withSub(p.Sub)
	}
	return n.withDot(p.Dotted)
}

func (n named) withSub(name string) named {
	if n.sub = n.attr.Sub(name); n.sub == nil {
		return named{}
	}
	return n
}

func (n named) withDot(dotted bool) named {
	if dotted && n.attr != nil {
		n.spelling = NoticeDottedURN
	}
	return n
}

// attributeNamed finds an attribute by its name and the URN before it, "" for
// none.
func (rt *ResourceType) attributeNamed(urn, name string) named {
	if urn != "" && !equalName(urn, rt.Schema.ID) {
		s := rt.Extension(urn)
		if s == nil || s.Attribute(name) == nil {
			return named{}
		}
		return named{target: target{extension: s, attr: s.Attribute(name)}}
	}
	if t, ok := rt.lookupIn(nil, name); ok {
		return named{target: t}
	}
	if urn != "" {
		return named{}
	}
	return rt.unqualified(name)
}

// unqualified finds an attribute of an extension by its name without a URN.
func (rt *ResourceType) unqualified(name string) named {
	var found []target
	for _, e := range rt.Extensions {
		if a := e.Schema.Attribute(name); a != nil {
			found = append(found, target{extension: e.Schema, attr: a})
		}
	}
	switch {
	case len(found) == 0:
		return named{}
	case len(found) > 1:
		var n named
		for _, t := range found {
			n.candidates = append(n.candidates, t.String())
		}
		return n
	case equalName(name, TeamAccount):
		return named{target: found[0], spelling: NoticeTopLevel}
	}
	return named{target: found[0], spelling: NoticeUnqualified}
}

// cutSchema removes the URN of one of the type's schemas from the beginning of
// a name, with the colon after it, or the dot in place of it. urn is "" if
// there is none.
func (rt *ResourceType) cutSchema(name string) (urn, local string, dotted bool) {
	if !strings.Contains(name, ":") {
		return "", name, false
	}
	for _, separator := range []byte{':', '.'} {
		for _, urn := range rt.urns() {
			if n := len(urn); len(name) > n && name[n] == separator && equalName(name[:n], urn) {
				return urn, name[n+1:], separator == '.'
			}
		}
	}
	return "", name, false
}

// urns returns the URNs of the type's schemas.
func (rt *ResourceType) urns() []string {
	urns := make([]string, 1, 1+len(rt.Extensions))
	urns[0] = rt.Schema.ID
	for _, e := range rt.Extensions {
		urns = append(urns, e.Schema.ID)
	}
	return urns
}

// parsePath parses a path of a PATCH, and adds a notice of a missing space. The
// error is an *Error: of type InvalidFilter if the fault is in the brackets,
// else of type InvalidPath. RFC 7644 §3.5.2, §3.12
func (rt *ResourceType) parsePath(path string, told *notices) (filter.Path, *Error) {
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
func (rt *ResourceType) unknownPath(name string, n named) *Error {
	if len(n.candidates) > 0 {
		return &Error{InvalidPath, ambiguousName("the path", name, n)}
	}
	detail := "unknown attribute of a " + rt.Name + ": " + noticeName(name)
	if meant := rt.meant(name); meant != "" {
		return &Error{InvalidPath, detail + "; write " + meant + "."}
	}
	return &Error{InvalidPath, detail + "; /Schemas lists those that it has."}
}

// ambiguousName returns what a name without a URN could mean; place is where it
// occurs.
func ambiguousName(place, name string, n named) string {
	return place + " names " + noticeName(name) + ", which more than one schema has; write " +
		strings.Join(n.candidates, " or ") + "."
}

// meant returns the full name of the one attribute that a name with a wrong URN
// can mean, "" if there is none, or more than one.
func (rt *ResourceType) meant(name string) string {
	at := strings.LastIndexByte(name, ':')
	if at < 0 {
		return ""
	}
	for local := name[at+1:]; ; {
		if n := rt.resolve(local); n.attr != nil {
			return n.String()
		}
		var dotted bool
		if _, local, dotted = strings.Cut(local, "."); !dotted {
			return ""
		}
	}
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
func (rt *ResourceType) foreignName(path string) (name string, ok bool) {
	name, brackets, filtered := strings.Cut(path, "[")
	at := strings.LastIndexByte(name, ':')
	if at <= 0 || rt.ownName(name) || looksCore(name) {
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
func (rt *ResourceType) ownName(name string) bool {
	begins := func(urn string) bool {
		n := len(urn)
		return len(name) >= n && equalName(name[:n], urn) && (len(name) == n || name[n] == ':' || name[n] == '.')
	}
	for _, urn := range rt.urns() {
		if begins(urn) {
			return true
		}
	}
	for urn := range standardURNs {
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
		if equalName(part, refused) {
			return false
		}
	}
	for i := range len(part) {
		if c := lower(part[i]); (c < 'a' || c > 'z') && (c < '0' || c > '9') && strings.IndexByte("-_$", c) < 0 {
			return false
		}
	}
	return part != "" && part[0] != '_'
}
