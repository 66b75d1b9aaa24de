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
	if EqualName(name, rt.Schema.ID) {
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
	if urn != "" && !EqualName(urn, rt.Schema.ID) {
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
	case EqualName(name, TeamAccount):
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
			if n := len(urn); len(name) > n && name[n] == separator && EqualName(name[:n], urn) {
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

// ambiguity returns what a name without a URN could mean; place is where it
// occurs.
func (n named) ambiguity(place, name string) string {
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

// noteSpelling adds a notice of how a known name differs from the standard's
// spelling of it, if it does.
func (n named) noteSpelling(told *notices) {
	if n.spelling != "" {
		told.add(n.spelling, n.String())
	}
}

// noteUnknown adds a notice of a name that was ignored, because it means nothing or
// could mean more than one attribute.
func (n named) noteUnknown(sent string, told *notices) {
	if len(n.candidates) > 0 {
		told.instead(NoticeAmbiguous, sent, strings.Join(n.candidates, " or "))
		return
	}
	told.add(NoticeUnknownAttribute, sent)
}
