package schema

import (
	"strings"

	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/filter"
)

// Name is the meaning of a name in a request for a resource type: a target, the
// whole core schema, or nothing. Every place where a name can occur resolves it
// by ResourceType.Resolve or ResolvePath, so that a spelling means the same in
// a body, a path, a filter, an order and a projection. RFC 7644 §3.10
type Name struct {
	Target
	// Core reports that the name is the URN of the core schema.
	Core bool
	// Spelling is the kind of Notice that describes how the name differs from
	// RFC 7644 §3.10, "" if it does not.
	Spelling string
	// Candidates are the full names of the attributes that a name without a URN
	// could equally mean. It then means none of them.
	Candidates []string
}

// Known reports whether the name means something that a resource can have.
func (n Name) Known() bool { return n.Attribute != nil || n.Extension != nil }

// Resolve finds what a name means, in any ASCII case: an attribute of the core
// schema, with or without its URN, one of an extension after its URN, either
// with a sub-attribute after a dot, or the URN of an extension or of the core
// schema.
//
// A dot is accepted in place of the colon after a URN. A name that the core
// schema does not have, and exactly one extension has, is that extension's. RFC
// 7644 §3.10
func (rt *ResourceType) Resolve(name string) Name {
	if scim.EqualName(name, rt.Schema.ID) {
		return Name{Core: true}
	}
	if s := rt.Extension(name); s != nil {
		return Name{Target: Target{Extension: s}}
	}
	urn, local, dotted := rt.cutSchema(name)
	attribute, sub, hasSub := strings.Cut(local, ".")
	n := rt.attributeNamed(urn, attribute)
	if hasSub && n.Attribute != nil {
		n = n.withSub(sub)
	}
	return n.withDot(dotted)
}

// ResolvePath does for a parsed path what Resolve does for a text; the path's filter
// is ignored.
func (rt *ResourceType) ResolvePath(p filter.Path) Name {
	n := rt.attributeNamed(p.URN, p.Attribute)
	if p.Sub != "" && n.Attribute != nil {
		n = n.withSub(p.Sub)
	}
	return n.withDot(p.Dotted)
}

func (n Name) withSub(name string) Name {
	if n.Sub = n.Attribute.Sub(name); n.Sub == nil {
		return Name{}
	}
	return n
}

func (n Name) withDot(dotted bool) Name {
	if dotted && n.Attribute != nil {
		n.Spelling = scim.NoticeDottedURN
	}
	return n
}

// attributeNamed finds an attribute by its name and the URN before it, or "" if
// there is none.
func (rt *ResourceType) attributeNamed(urn, name string) Name {
	if urn != "" && !scim.EqualName(urn, rt.Schema.ID) {
		s := rt.Extension(urn)
		if s == nil || s.Attribute(name) == nil {
			return Name{}
		}
		return Name{Target: Target{Extension: s, Attribute: s.Attribute(name)}}
	}
	if t, ok := rt.LookupIn(nil, name); ok {
		return Name{Target: t}
	}
	if urn != "" {
		return Name{}
	}
	return rt.unqualified(name)
}

// unqualified finds an attribute of an extension by its name without a URN.
func (rt *ResourceType) unqualified(name string) Name {
	var found []Target
	for _, e := range rt.Extensions {
		if a := e.Schema.Attribute(name); a != nil {
			found = append(found, Target{Extension: e.Schema, Attribute: a})
		}
	}
	switch {
	case len(found) == 0:
		return Name{}
	case len(found) > 1:
		var n Name
		for _, t := range found {
			n.Candidates = append(n.Candidates, t.String())
		}
		return n
	case found[0].Attribute.Defaulted:
		return Name{Target: found[0], Spelling: scim.NoticeTopLevel}
	}
	return Name{Target: found[0], Spelling: scim.NoticeUnqualified}
}

// cutSchema removes the URN of one of the type's schemas from the beginning of
// a name, with the colon after it, or the dot in place of it. urn is "" if
// there is none.
func (rt *ResourceType) cutSchema(name string) (urn, local string, dotted bool) {
	if !strings.Contains(name, ":") {
		return "", name, false
	}
	for _, separator := range []byte{':', '.'} {
		for _, urn := range rt.URNs() {
			if n := len(urn); len(name) > n && name[n] == separator && scim.EqualName(name[:n], urn) {
				return urn, name[n+1:], separator == '.'
			}
		}
	}
	return "", name, false
}

// URNs returns the URNs of the type's schemas.
func (rt *ResourceType) URNs() []string {
	urns := make([]string, 1, 1+len(rt.Extensions))
	urns[0] = rt.Schema.ID
	for _, e := range rt.Extensions {
		urns = append(urns, e.Schema.ID)
	}
	return urns
}

// Ambiguity returns what a name without a URN could mean; place is where it
// occurs.
func (n Name) Ambiguity(place, name string) string {
	return place + " names " + scim.NoticeName(name) + ", which more than one schema has; write " +
		strings.Join(n.Candidates, " or ") + "."
}

// Meant returns the full name of the one attribute that a name with a wrong URN
// can mean, "" if there is none, or more than one.
func (rt *ResourceType) Meant(name string) string {
	at := strings.LastIndexByte(name, ':')
	if at < 0 {
		return ""
	}
	for local := name[at+1:]; ; {
		if n := rt.Resolve(local); n.Attribute != nil {
			return n.String()
		}
		var dotted bool
		if _, local, dotted = strings.Cut(local, "."); !dotted {
			return ""
		}
	}
}

// NoteSpelling adds a notice of how a known name differs from the standard's
// spelling of it, if it does.
func (n Name) NoteSpelling(notices *scim.Notices) {
	if n.Spelling != "" {
		notices.Add(n.Spelling, n.String())
	}
}

// NoteUnknown adds a notice of a name that was ignored, because it means nothing or
// could mean more than one attribute.
func (n Name) NoteUnknown(sent string, notices *scim.Notices) {
	if len(n.Candidates) > 0 {
		notices.AddInstead(scim.NoticeAmbiguous, sent, strings.Join(n.Candidates, " or "))
		return
	}
	notices.Add(scim.NoticeUnknownAttribute, sent)
}
