package scim

import (
	"maps"
	"strings"
)

// hidden is the part of a stored resource that its type does not describe:
// values of schemas that were removed, or changed so that they do not fit, or
// that only another instance of the service knows yet. They are not served, and
// stay stored until their attribute gets another value.
type hidden struct {
	rt *ResourceType
	// whole are extensions that the type does not have.
	whole map[string]any
	parts []hiddenPart
}

// hiddenPart is an attribute's value that is shown only in part.
type hiddenPart struct {
	extension     *Schema
	name          string
	stored, shown any
}

// unknownExtension reports that a name at the top of a resource is the URN of
// an extension that the type does not have.
func (rt *ResourceType) unknownExtension(name string) bool {
	return strings.Contains(name, ":") && rt.Extension(name) == nil
}

// shown returns the part of a stored resource that its type describes.
func (rt *ResourceType) shown(stored Resource) Resource {
	if rt.past {
		stored, _ = rt.visible(stored)
	}
	return stored
}

// visible splits a stored resource into what its type describes and the rest.
// The resource is not changed; the result shares its values.
func (rt *ResourceType) visible(stored Resource) (Resource, hidden) {
	rest := hidden{rt: rt}
	for name, v := range stored {
		if rt.unknownExtension(name) {
			if rest.whole == nil {
				rest.whole = map[string]any{}
			}
			rest.whole[name] = v
		}
	}
	if rt.past {
		rest.findParts(stored)
	}
	if len(rest.whole) == 0 && len(rest.parts) == 0 {
		return stored, rest
	}
	shown := maps.Clone(stored)
	for name := range rest.whole {
		delete(shown, name)
	}
	for _, p := range rest.parts {
		setPart(shown, p.extension, p.name, p.shown)
	}
	setSchemas(rt, shown)
	return shown, rest
}

// findParts finds the values of a tenant's extensions that do not fit the
// current schemas.
func (h *hidden) findParts(stored Resource) {
	for _, e := range h.rt.Extensions {
		if !e.own {
			continue
		}
		values := asElement(stored[e.Schema.ID])
		for name, v := range values {
			p := hiddenPart{extension: e.Schema, name: name, stored: v}
			if a := e.Schema.Attribute(name); a != nil && a.Name == name {
				p.shown = a.fitting(v)
			}
			if !equalValue(p.stored, p.shown) {
				h.parts = append(h.parts, p)
			}
		}
	}
}

// restore puts the hidden values back into a resource, except where the
// attribute got another value meanwhile.
func (h hidden) restore(r Resource) {
	maps.Copy(r, h.whole)
	for _, p := range h.parts {
		if equalValue(part(r, p.extension, p.name), p.shown) {
			setPart(r, p.extension, p.name, p.stored)
		}
	}
}

// fitting returns the part of a stored value that is of the attribute's type,
// nil for none.
func (a *Attribute) fitting(v any) any {
	if a.Returned == ReturnedNever {
		return nil
	}
	list, plural := v.([]any)
	if plural != a.MultiValued {
		return nil
	}
	if !plural {
		return a.fittingOne(v)
	}
	var fit []any
	for _, v := range list {
		if v = a.fittingOne(v); v != nil {
			fit = append(fit, v)
		}
	}
	if len(fit) == 0 {
		return nil
	}
	return fit
}

func (a *Attribute) fittingOne(v any) any {
	if !a.fits(v) {
		return nil
	}
	if a.Type != TypeComplex {
		return v
	}
	fit := map[string]any{}
	for name, v := range asElement(v) {
		sub := a.Sub(name)
		if sub == nil || sub.Name != name {
			continue
		}
		if v = sub.fitting(v); v != nil {
			fit[name] = v
		}
	}
	if len(fit) == 0 {
		return nil
	}
	return fit
}
