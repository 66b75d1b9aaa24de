package schema

import (
	"maps"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/scim"
)

// Hidden is the part of a stored resource that its type does not describe:
// values of schemas that were removed, or changed so that they do not fit, or
// that only another instance of the service knows yet. They are not served, and
// stay stored until their attribute gets another value.
type Hidden struct {
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

// Shown returns the part of a stored resource that its type describes.
func (rt *ResourceType) Shown(stored scim.Resource) scim.Resource {
	if rt.past {
		stored, _ = rt.Visible(stored)
	}
	return stored
}

// Visible splits a stored resource into what its type describes and the rest.
// The resource is not changed; the result shares its values.
func (rt *ResourceType) Visible(stored scim.Resource) (scim.Resource, Hidden) {
	rest := Hidden{rt: rt}
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
		SetPart(shown, p.extension, p.name, p.shown)
	}
	SetSchemas(rt, shown)
	return shown, rest
}

// findParts finds the values of registered extensions that do not fit the
// current schemas.
func (h *Hidden) findParts(stored scim.Resource) {
	for _, e := range h.rt.Extensions {
		if !e.Registered {
			continue
		}
		values := scim.Object(stored[e.Schema.ID])
		for name, v := range values {
			p := hiddenPart{extension: e.Schema, name: name, stored: v}
			if a := e.Schema.Attribute(name); a != nil && a.Name == name {
				p.shown = a.fitting(v)
			}
			if !scim.EqualValue(p.stored, p.shown) {
				h.parts = append(h.parts, p)
			}
		}
	}
}

// Restore puts the hidden values back into a resource, except where the
// attribute got another value meanwhile.
func (h Hidden) Restore(r scim.Resource) {
	maps.Copy(r, h.whole)
	for _, p := range h.parts {
		if scim.EqualValue(Part(r, p.extension, p.name), p.shown) {
			SetPart(r, p.extension, p.name, p.stored)
		}
	}
}

// fitting returns the part of a stored value that is of the attribute's type,
// or nil if there is none.
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
	if !a.Fits(v) {
		return nil
	}
	if a.Type != TypeComplex {
		return v
	}
	fit := map[string]any{}
	for name, v := range scim.Object(v) {
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
