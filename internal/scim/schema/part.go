package schema

import (
	"maps"

	"github.com/rollcall-scim/rollcall/internal/scim"
)

// Part returns an attribute's value in an object that may be nil: the resource
// itself or an extension.
func Part(r scim.Resource, extension *Schema, name string) any {
	if extension == nil {
		return r[name]
	}
	values, _ := r[extension.ID].(map[string]any)
	return values[name]
}

// SetPart sets an attribute's value; nil removes it. The resource is changed;
// an extension in it is copied first.
func SetPart(r scim.Resource, extension *Schema, name string, v any) {
	if extension == nil {
		if v == nil {
			delete(r, name)
		} else {
			r[name] = v
		}
		return
	}
	old, _ := r[extension.ID].(map[string]any)
	values := maps.Clone(old)
	if values == nil {
		values = map[string]any{}
	}
	if v == nil {
		delete(values, name)
	} else {
		values[name] = v
	}
	if len(values) == 0 {
		delete(r, extension.ID)
	} else {
		r[extension.ID] = values
	}
}

// SetSchemas sets a resource's schemas to those it has values of. RFC 7643 §3
func SetSchemas(rt *ResourceType, r scim.Resource) {
	schemas := []any{rt.Schema.ID}
	for _, e := range rt.Extensions {
		if _, ok := r[e.Schema.ID]; ok {
			schemas = append(schemas, e.Schema.ID)
		}
	}
	for _, name := range scim.SortedNames(r) {
		if rt.unknownExtension(name) {
			schemas = append(schemas, name)
		}
	}
	r["schemas"] = schemas
}
