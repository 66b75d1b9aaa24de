package scim

import (
	"slices"
	"strings"
)

// DecodeResource reads the body of a POST or a PUT into a resource of a type:
// canonical names, checked values, schemas recomputed, and nothing that is
// unknown, read-only or the password. What IdPs send against the standard and
// what is left out is told in notices; what cannot be kept is an *Error.
// RFC 7644 §3.3, §3.5.1
func DecodeResource(rt *ResourceType, body []byte) (Resource, []Notice, error) {
	object, err := decodeObject(body)
	if err != nil {
		return nil, nil, err
	}
	d := decoding{coercer: coercer{rt: rt}, r: Resource{}}
	if err := d.object(object); err != nil {
		return nil, nil, err
	}
	setSchemas(rt, d.r)
	if err := checkRequired(rt, d.r); err != nil {
		return nil, nil, err
	}
	if err := checkExtensions(rt, nil, d.r); err != nil {
		return nil, nil, err
	}
	if err := checkSize(rt, d.r); err != nil {
		return nil, nil, err
	}
	return d.r, d.notices, nil
}

// decoding is one resource in the making.
type decoding struct {
	coercer
	r Resource
}

func (d *decoding) object(object map[string]any) error {
	var schemas any
	for _, name := range sortedNames(object) {
		if equalName(name, "schemas") {
			schemas = object[name]
			continue
		}
		t, ok := d.rt.lookup(name)
		if !ok {
			d.notices.add(NoticeUnknownAttribute, name)
			continue
		}
		if err := d.set(t, name, object[name]); err != nil {
			return err
		}
	}
	return d.schemas(schemas)
}

// set takes one member of the body, or of an extension in it.
func (d *decoding) set(t target, name string, v any) error {
	if t.attr == nil {
		return d.extension(t.extension, v)
	}
	if t.readOnly() || t.attr.Name == "schemas" {
		return nil
	}
	if t.sub != nil && t.attr.MultiValued {
		d.notices.add(NoticeUnknownAttribute, name)
		return nil
	}
	if t.extension != nil && equalName(name, TeamAccount) && !strings.Contains(name, ":") {
		d.notices.add(NoticeTopLevel, t.String())
	}
	if t.sub != nil {
		v = map[string]any{t.sub.Name: v}
	}
	v, err := d.attribute(t.attr, pathOf(t), v)
	if err != nil || v == nil || t.attr.Returned == ReturnedNever {
		return err
	}
	return d.merge(t, v)
}

// merge keeps a value unless the body gave the attribute another one under
// another spelling: name.givenName beside name, or an attribute behind its URN
// beside its extension.
func (d *decoding) merge(t target, v any) error {
	old := d.r.part(t.extension, t.attr.Name)
	before, ok1 := old.(map[string]any)
	parts, ok2 := v.(map[string]any)
	if ok1 && ok2 {
		merged := make(map[string]any, len(before)+len(parts))
		for name, v := range before {
			merged[name] = v
		}
		for name, v := range parts {
			if known, ok := merged[name]; ok && !equalValue(known, v) {
				return twiceError(t)
			}
			merged[name] = v
		}
		v = merged
	} else if old != nil && !equalValue(old, v) {
		return twiceError(t)
	}
	d.r.setPart(t.extension, t.attr.Name, v)
	return nil
}

func twiceError(t target) error {
	return &Error{InvalidSyntax, t.String() + " is given twice with different values: send it once."}
}

func (d *decoding) extension(s *Schema, v any) error {
	if v == nil {
		return nil
	}
	values, ok := v.(map[string]any)
	if !ok {
		return &Error{InvalidValue, s.ID + " must be an object, not " + kindOf(v) + "."}
	}
	for _, name := range sortedNames(values) {
		t, ok := d.rt.lookupIn(s, name)
		if !ok {
			d.notices.add(NoticeUnknownAttribute, s.ID+":"+name)
			continue
		}
		if err := d.set(t, s.ID+":"+name, values[name]); err != nil {
			return err
		}
	}
	return nil
}

// schemas checks what the body says it is. Entra lists extensions it sends no
// values of, and leaves out those it does; so the list only has to fit the
// resource type. It is recomputed from the values. RFC 7643 §3
func (d *decoding) schemas(v any) error {
	list, err := schemaList(v)
	if err != nil {
		return err
	}
	missing := true
	for _, urn := range list {
		switch {
		case equalName(urn, d.rt.Schema.ID):
			missing = false
		case d.rt.Extension(urn) != nil:
		case isStandardURN(urn):
			return wrongSchema(d.rt.Schema.ID, urn)
		default:
			d.notices.add(NoticeUnknownSchema, urn)
		}
	}
	if missing && slices.ContainsFunc(list, func(urn string) bool { return d.rt.Extension(urn) == nil }) {
		return &Error{InvalidSyntax, "schemas must list " + d.rt.Schema.ID + "."}
	}
	if missing {
		d.notices.add(NoticeSchemasMissing, "schemas")
	}
	return nil
}

// isStandardURN tells the URNs of RFC 7643 and RFC 7644 from those of vendors.
func isStandardURN(urn string) bool {
	for _, prefix := range []string{"urn:ietf:params:scim:schemas:core:", "urn:ietf:params:scim:api:messages:"} {
		if len(urn) >= len(prefix) && equalName(urn[:len(prefix)], prefix) {
			return true
		}
	}
	return false
}

func wrongSchema(want, got string) error {
	return &Error{InvalidSyntax, "schemas lists " + noticeName(got) + ", which does not belong here: send " + want + "."}
}

// schemaList reads a value of schemas; absent, null and empty are one.
func schemaList(v any) ([]string, error) {
	list, ok := v.([]any)
	if v != nil && !ok {
		return nil, &Error{InvalidSyntax, "schemas must be an array of strings, not " + kindOf(v) + "."}
	}
	urns := make([]string, len(list))
	for i, v := range list {
		if urns[i], ok = v.(string); !ok {
			return nil, &Error{InvalidSyntax, "schemas must be an array of strings; it holds " + kindOf(v) + "."}
		}
	}
	return urns, nil
}

// pathOf names an attribute in checks and details: by its schema's name for it,
// behind its URN in an extension.
func pathOf(t target) string { return target{extension: t.extension, attr: t.attr}.String() }
