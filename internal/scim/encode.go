package scim

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// Encode returns a resource as JSON, the same bytes for the same values:
// schemas, id, externalId, the attributes in the order of their schemas, the
// extensions, and all other members by name. Numbers stay as they were written.
//
// schemas is always correct: an extension with values is listed even if the
// resource's own schemas lack it.
func Encode(rt *ResourceType, r Resource) []byte {
	b := make([]byte, 0, 1024)
	b = append(b, `{"schemas":`...)
	b = appendValue(b, nil, listedSchemas(rt, r))
	done := map[string]bool{"schemas": true}
	field := func(name string, v any, subs []*Attribute) {
		b = appendField(b, name, v, subs)
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
		for _, name := range sortedNames(r) {
			if !done[name] {
				field(name, r[name], nil)
			}
		}
	}
	return append(b, '}')
}

// EncodeValue returns any value of this package's documents as JSON, names in
// order.
func EncodeValue(v any) []byte { return appendValue(nil, nil, v) }

// Decode decodes a resource that Encode wrote. Such documents are trusted:
// their names are not checked again.
func Decode(doc []byte) (Resource, error) {
	r := reader{body: doc, trusted: true, dec: jsontext.NewDecoder(bytes.NewBuffer(doc),
		jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))}
	v, err := r.value()
	if err != nil {
		return nil, fmt.Errorf("stored resource: %v", err) //nolint:errorlint // no fault of the request: not an *Error
	}
	object, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("stored resource: %s instead of an object", kindOf(v))
	}
	return object, nil
}

// Splice returns a document that Encode wrote with meta, given as JSON, added
// at its end. It decodes neither.
func Splice(doc, meta []byte) []byte { return SpliceAttribute(doc, "meta", meta) }

// SpliceAttribute returns a document that Encode wrote with one more attribute,
// given as JSON, at its end. The document itself is not changed.
func SpliceAttribute(doc []byte, name string, value []byte) []byte {
	end := bytes.LastIndexByte(doc, '}')
	if end < 0 || len(value) == 0 {
		return doc
	}
	out := make([]byte, 0, len(doc)+len(name)+len(value)+4)
	out = append(out, doc[:end]...)
	if len(bytes.TrimSpace(out)) > 1 {
		out = append(out, ',')
	}
	out = appendString(out, name)
	out = append(out, ':')
	out = append(out, value...)
	return append(out, '}')
}

// listedSchemas returns the schemas that a resource lists and those of the
// extensions it has values of, in the order of the resource type.
func listedSchemas(rt *ResourceType, r Resource) []any {
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

func appendField(b []byte, name string, v any, subs []*Attribute) []byte {
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	b = appendString(b, name)
	b = append(b, ':')
	return appendValue(b, subs, v)
}

// appendValue appends a value; the names of objects are in the order of subs,
// followed by others in alphabetical order.
func appendValue(b []byte, subs []*Attribute, v any) []byte {
	switch v := v.(type) {
	case string:
		return appendString(b, v)
	case bool:
		return strconv.AppendBool(b, v)
	case Number:
		return append(b, v...)
	case int:
		return strconv.AppendInt(b, int64(v), 10)
	case []any:
		b = append(b, '[')
		for i, element := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendValue(b, subs, element)
		}
		return append(b, ']')
	case map[string]any:
		return appendObject(b, subs, v)
	}
	return append(b, "null"...)
}

func appendObject(b []byte, subs []*Attribute, object map[string]any) []byte {
	b = append(b, '{')
	written := 0
	for _, a := range subs {
		if v, ok := object[a.Name]; ok {
			b = appendField(b, a.Name, v, a.SubAttributes)
			written++
		}
	}
	if written < len(object) {
		for _, name := range sortedNames(object) {
			if !slices.ContainsFunc(subs, func(a *Attribute) bool { return a.Name == name }) {
				b = appendField(b, name, object[name], nil)
			}
		}
	}
	return append(b, '}')
}

// appendString escapes only what JSON requires. Bytes that are not UTF-8 become
// U+FFFD.
func appendString(b []byte, s string) []byte {
	b, _ = jsontext.AppendQuote(b, s)
	return b
}
