package scim

import (
	"maps"
	"slices"
)

// equalValue compares two values: objects without regard to the order of their
// names, arrays with regard to the order of their elements.
func equalValue(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		return ok && maps.EqualFunc(a, b, equalValue)
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, equalValue)
	case string, bool, Number, nil:
		return a == b
	}
	return false
}

// sameValue compares two values of an attribute as a reader would: the order of
// several values is ignored. RFC 7643 §2.4
func sameValue(a, b any) bool {
	some, ok1 := a.([]any)
	others, ok2 := b.([]any)
	if !ok1 || !ok2 {
		return equalValue(a, b)
	}
	index := newValueIndex(nil)
	for i, v := range some {
		setFirst(index.whole, string(EncodeValue(v)), i)
	}
	for _, v := range others {
		if _, ok := index.whole[string(EncodeValue(v))]; !ok {
			return false
		}
	}
	return len(some) == len(others)
}

// sortedNames returns the names of an object in a fixed order, so that the
// first fault and the notices are the same every time.
func sortedNames[V any](object map[string]V) []string {
	return slices.Sorted(maps.Keys(object))
}

// part returns an attribute's value in an object that may be nil: the resource
// itself or an extension.
func (r Resource) part(extension *Schema, name string) any {
	if extension == nil {
		return r[name]
	}
	values, _ := r[extension.ID].(map[string]any)
	return values[name]
}

// setPart sets an attribute's value; nil removes it. The resource is changed;
// an extension in it is copied first.
func (r Resource) setPart(extension *Schema, name string, v any) {
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

// setSchemas sets a resource's schemas to those it has values of. RFC 7643 §3
func setSchemas(rt *ResourceType, r Resource) {
	schemas := []any{rt.Schema.ID}
	for _, e := range rt.Extensions {
		if _, ok := r[e.Schema.ID]; ok {
			schemas = append(schemas, e.Schema.ID)
		}
	}
	for _, name := range sortedNames(r) {
		if rt.unknownExtension(name) {
			schemas = append(schemas, name)
		}
	}
	r["schemas"] = schemas
}
