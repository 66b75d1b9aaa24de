package resource

import (
	"slices"

	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
)

// Encode returns a resource as JSON, the same bytes for the same values:
// schemas, id, externalId, the attributes in the order of their schemas, the
// extensions, and all other members by name. Numbers stay as they were written.
//
// schemas is always correct: an extension with values is listed even if the
// resource's own schemas lack it.
func Encode(rt *schema.ResourceType, r scim.Resource) []byte {
	b := make([]byte, 0, 1024)
	b = append(b, `{"schemas":`...)
	b = scim.AppendValue(b, listedSchemas(rt, r))
	done := map[string]bool{"schemas": true}
	field := func(name string, v any, subs []*schema.Attribute) {
		b = appendOrdered(scim.AppendName(b, name), v, subs)
		done[name] = true
	}
	for _, name := range []string{"id", "externalId"} {
		if v, ok := r[name]; ok {
			field(name, v, nil)
		}
	}
	for _, a := range rt.Schema.Attributes {
		if v, ok := r[a.Name]; ok {
			field(a.Name, v, a.SubAttributes)
		}
	}
	for _, e := range rt.Extensions {
		if v, ok := r[e.Schema.ID]; ok {
			field(e.Schema.ID, v, e.Schema.Attributes)
		}
	}
	if len(done) <= len(r) {
		for _, name := range scim.SortedNames(r) {
			if !done[name] {
				field(name, r[name], nil)
			}
		}
	}
	return append(b, '}')
}

// listedSchemas returns the schemas that a resource lists and those of the
// extensions it has values of, in the order of the resource type.
func listedSchemas(rt *schema.ResourceType, r scim.Resource) []any {
	listed, _ := r["schemas"].([]any)
	out := []any{rt.Schema.ID}
	for _, e := range rt.Extensions {
		_, has := r[e.Schema.ID]
		if has || slices.Contains(listed, any(e.Schema.ID)) {
			out = append(out, e.Schema.ID)
		}
	}
	for _, urn := range listed {
		if !slices.Contains(out, urn) {
			out = append(out, urn)
		}
	}
	return out
}

// appendOrdered appends a value; the names of objects are in the order of subs,
// followed by others in alphabetical order.
func appendOrdered(b []byte, v any, subs []*schema.Attribute) []byte {
	switch v := v.(type) {
	case []any:
		b = append(b, '[')
		for i, element := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendOrdered(b, element, subs)
		}
		return append(b, ']')
	case map[string]any:
		b = append(b, '{')
		written := 0
		for _, a := range subs {
			if part, ok := v[a.Name]; ok {
				b = appendOrdered(scim.AppendName(b, a.Name), part, a.SubAttributes)
				written++
			}
		}
		if written < len(v) {
			for _, name := range scim.SortedNames(v) {
				if !slices.ContainsFunc(subs, func(a *schema.Attribute) bool { return a.Name == name }) {
					b = scim.AppendValue(scim.AppendName(b, name), v[name])
				}
			}
		}
		return append(b, '}')
	}
	return scim.AppendValue(b, v)
}
