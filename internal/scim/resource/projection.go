package resource

import (
	"strings"

	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
)

// Projection is the choice of attributes for a response. The zero Projection is
// the default: all but those that are never returned, or only on request. RFC
// 7644 §3.9
type Projection struct {
	include, exclude selection
	// written are attributes that the request itself set.
	written selection
	// asked reports that attributes were named, known or not.
	asked   bool
	notices scim.Notices
}

// Notices returns how the names differ from the standard's spellings of them.
func (p Projection) Notices() []scim.Notice { return p.notices }

// selection are attributes by their canonical names, those of extensions after
// their URN, and extensions by their URN. An attribute whose set of
// sub-attributes is nil is selected whole.
type selection map[string]map[string]bool

// ParseProjection parses the parameters attributes and excludedAttributes, of a
// query or a search request: names in any case, with or without URN and
// sub-attribute, separated by commas or as separate elements. Unknown names are
// ignored: what they name is in no response. The two parameters exclude each
// other. RFC 7644 §3.4.2.5, §3.10
func ParseProjection(rt *schema.ResourceType, attributes, excluded []string) (Projection, error) {
	include, exclude := splitNames(attributes), splitNames(excluded)
	if len(include) > 0 && len(exclude) > 0 {
		return Projection{}, &scim.Error{
			Type:   scim.InvalidValue,
			Detail: "attributes and excludedAttributes exclude each other: send one of them.",
		}
	}
	p := Projection{asked: len(include) > 0}
	p.include = selectNames(rt, include, &p.notices)
	p.exclude = selectNames(rt, exclude, &p.notices)
	return p, nil
}

// IsDefault reports that no attribute was chosen or excluded: what is stored
// can be served as it is.
func (p Projection) IsDefault() bool { return !p.asked && len(p.exclude) == 0 }

// Names reports whether the attributes parameter names an attribute of the core
// schema, or a part of it.
func (p Projection) Names(name string) bool {
	_, ok := p.include[name]
	return ok
}

// Wants reports whether a response has an attribute of the core schema, or a
// part of it, so that an attribute it does not have need not be read.
func (p Projection) Wants(name string) bool {
	if p.asked {
		return p.Names(name)
	}
	subs, excluded := p.exclude[name]
	return !excluded || subs != nil
}

// Answering returns the projection for the answer to a POST, PUT or PATCH: an
// attribute that is returned on request is included if the request itself set
// it. RFC 7643 §7
func (p Projection) Answering(rt *schema.ResourceType, specified []string) Projection {
	if !rt.ServedAsStored() {
		p.written = selectNames(rt, specified, new(scim.Notices))
	}
	return p
}

// AsStored reports that what is stored can be served without decoding: no
// attribute was chosen or excluded, and the type has none that is returned only
// on request.
func (p Projection) AsStored(rt *schema.ResourceType) bool {
	return p.IsDefault() && rt.ServedAsStored()
}

// Apply returns the part of a resource that a response has. It always has id
// and schemas, never the password. The resource is not changed; the result
// shares its values. RFC 7643 §7
func (p Projection) Apply(rt *schema.ResourceType, r scim.Resource) scim.Resource {
	r = rt.Shown(r)
	out := make(scim.Resource, len(r))
	for name, v := range r {
		if s := rt.Extension(name); s != nil {
			if v = p.extension(s, v); v != nil {
				out[name] = v
			}
			continue
		}
		t, ok := rt.LookupIn(nil, name)
		if ok && t.Attribute.Name == name {
			v = p.attribute(t.Attribute, "", name, v)
		} else if p.asked {
			v = nil
		}
		if v != nil {
			out[name] = v
		}
	}
	return out
}

func (p Projection) extension(s *schema.Schema, v any) any {
	values, _ := v.(map[string]any)
	out := make(map[string]any, len(values))
	for name, v := range values {
		if a := s.Attribute(name); a != nil {
			if v := p.attribute(a, s.ID, s.ID+":"+name, v); v != nil {
				out[name] = v
			}
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// attribute returns the part of one attribute's value that a response has, nil
// for nothing. urn is its extension, "" for the core schema.
func (p Projection) attribute(a *schema.Attribute, urn, key string, v any) any {
	always := a.Returned == schema.ReturnedAlways
	named, namedSubs := p.include.has(urn, key)
	excluded, excludedSubs := p.exclude.has(urn, key)
	written, writtenSubs := p.written.has(urn, key)
	switch {
	case a.Returned == schema.ReturnedNever:
		return nil
	case p.asked && !named && !always:
		return nil
	case p.asked:
		if !named || always && namedSubs != nil {
			// An attribute that is always returned is returned whole.
			return pick(a, v, func(sub *schema.Attribute) bool {
				return sub.Returned == schema.ReturnedDefault || namedSubs[sub.Name]
			})
		}
		return pick(a, v, func(sub *schema.Attribute) bool { return namedSubs == nil || namedSubs[sub.Name] })
	case excluded && excludedSubs == nil && !always, a.Returned == schema.ReturnedRequest && !written:
		return nil
	}
	return pick(a, v, func(sub *schema.Attribute) bool {
		if sub.Returned == schema.ReturnedRequest && (!written || writtenSubs != nil && !writtenSubs[sub.Name]) {
			return false
		}
		return !excludedSubs[sub.Name]
	})
}

// has reports whether an attribute is selected, by itself or with its
// extension, and which of its sub-attributes: nil for all.
func (s selection) has(urn, key string) (selected bool, subs map[string]bool) {
	if urn != "" {
		if _, whole := s[urn]; whole {
			return true, nil
		}
	}
	subs, selected = s[key]
	return selected, subs
}

// pick returns a value with only those sub-attributes that are wanted or always
// returned, and none that is never returned.
func pick(a *schema.Attribute, v any, wanted func(*schema.Attribute) bool) any {
	has := func(sub *schema.Attribute) bool {
		return sub.Returned == schema.ReturnedAlways || sub.Returned != schema.ReturnedNever && wanted(sub)
	}
	all := true
	for _, sub := range a.SubAttributes {
		all = all && has(sub)
	}
	if all {
		return v
	}
	switch v := v.(type) {
	case []any:
		out := make([]any, 0, len(v))
		for _, element := range v {
			if element = pick(a, element, wanted); element != nil {
				out = append(out, element)
			}
		}
		if len(out) > 0 {
			return out
		}
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, part := range v {
			if sub := a.Sub(name); sub != nil && has(sub) {
				out[name] = part
			}
		}
		if len(out) > 0 {
			return out
		}
	}
	return nil
}

func splitNames(values []string) []string {
	var names []string
	for _, value := range values {
		for name := range strings.SplitSeq(value, ",") {
			if name = strings.TrimSpace(name); name != "" {
				names = append(names, name)
			}
		}
	}
	return names
}

func selectNames(rt *schema.ResourceType, names []string, notices *scim.Notices) selection {
	s := selection{}
	for _, name := range names {
		t := rt.Resolve(name)
		switch {
		case t.Core:
			for _, a := range rt.Schema.Attributes {
				s[a.Name] = nil
			}
			continue
		case len(t.Candidates) > 0:
			t.NoteUnknown(name, notices)
			continue
		case !t.Known():
			continue
		}
		t.NoteSpelling(notices)
		key := schema.Target{Extension: t.Extension, Attribute: t.Attribute}.String()
		subs, known := s[key]
		switch {
		case t.Sub == nil:
			s[key] = nil
		case !known:
			s[key] = map[string]bool{t.Sub.Name: true}
		case subs != nil:
			subs[t.Sub.Name] = true
		}
	}
	return s
}
