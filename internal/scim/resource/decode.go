// Package resource decodes resources and patches, with the notices of what was
// tolerated; applies PATCH and PUT; and encodes and projects resources.
//
// RFC 7644 §3
package resource

import (
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
)

// Decode decodes the body of a POST or a PUT into a resource of a type:
// canonical names, checked values, recomputed schemas, and no unknown or
// read-only attribute nor the password. Notices report what is accepted against
// the standard and what is left out; a value that cannot be stored is an
// *scim.Error. RFC 7644 §3.3, §3.5.1
func Decode(rt *schema.ResourceType, body []byte) (scim.Resource, []scim.Notice, error) {
	d, err := DecodeWhole(rt, body)
	return d.Resource, d.Notices, err
}

// A Decoded is a resource with what was noticed while it was decoded.
type Decoded struct {
	Resource scim.Resource
	Notices  []scim.Notice
	// Ignored are the attributes that were sent with a value, as the standard allows,
	// and that the service does not take over: groups and password.
	Ignored []string
}

// DecodeWhole does what Decode does, and names the attributes that it ignores.
func DecodeWhole(rt *schema.ResourceType, body []byte) (Decoded, error) {
	object, err := scim.DecodeObject(body)
	if err != nil {
		return Decoded{}, err
	}
	d := decoding{coercer: coercer{rt: rt}, r: scim.Resource{}}
	if err := d.object(object); err != nil {
		return Decoded{}, err
	}
	schema.SetSchemas(rt, d.r)
	if err := checkRequired(rt, d.r); err != nil {
		return Decoded{}, err
	}
	if err := checkExtensions(rt, nil, d.r); err != nil {
		return Decoded{}, err
	}
	if err := checkSize(rt, d.r); err != nil {
		return Decoded{}, err
	}
	return Decoded{Resource: d.r, Notices: d.notices, Ignored: d.ignored}, nil
}

// decoding is a resource while it is decoded.
type decoding struct {
	coercer
	r       scim.Resource
	ignored []string
}

func (d *decoding) object(object map[string]any) error {
	var schemas any
	for _, name := range scim.SortedNames(object) {
		v := object[name]
		n := d.rt.Resolve(name)
		var err error
		switch {
		case scim.EqualName(name, "schemas"):
			schemas = v
		case n.Core:
			err = d.core(v)
		default:
			err = d.member(n, name, v)
		}
		if err != nil {
			return err
		}
	}
	return d.notices.CheckSchemas(schemas, d.rt.Schema.ID, func(urn string) bool { return d.rt.Extension(urn) != nil })
}

// core decodes the members of an object under the URN of the core schema as
// those of the body.
func (d *decoding) core(v any) error {
	defer d.leaveText(d.inText)
	values, err := d.attributesOf(d.rt.Schema.ID, v)
	if len(values) > 0 {
		d.notices.Add(scim.NoticeCoreObject, d.rt.Schema.ID)
	}
	for _, name := range scim.SortedNames(values) {
		if err := d.member(d.rt.Resolve(name), name, values[name]); err != nil {
			return err
		}
	}
	return err
}

// member decodes one member of the body.
func (d *decoding) member(n schema.Name, name string, v any) error {
	if !n.Known() {
		n.NoteUnknown(name, &d.notices)
		return nil
	}
	n.NoteSpelling(&d.notices)
	return d.set(n.Target, name, v)
}

// set decodes one member of the body, or of an extension in it.
func (d *decoding) set(t schema.Target, name string, v any) error {
	if t.Attribute == nil {
		return d.extension(t.Extension, v)
	}
	if t.ReadOnly() || t.Extension == nil && t.Attribute.Name == "schemas" {
		if t.Attribute.Name == "groups" && !scim.IsNone(v) {
			d.ignored = append(d.ignored, t.Attribute.Name)
		}
		return nil
	}
	if t.Sub != nil && t.Attribute.MultiValued {
		d.notices.Add(scim.NoticeUnknownAttribute, name)
		return nil
	}
	if t.Sub != nil {
		v = map[string]any{t.Sub.Name: v}
	}
	v, err := d.attribute(t.Attribute, pathOf(t), v)
	if err != nil || v == nil {
		return err
	}
	if t.Attribute.Returned == schema.ReturnedNever {
		d.ignored = append(d.ignored, t.Attribute.Name)
		return nil
	}
	return d.merge(t, v)
}

// merge stores a value unless the body has another value for the same attribute
// under another spelling: name.givenName and name, or an attribute after its
// URN and inside its extension.
func (d *decoding) merge(t schema.Target, v any) error {
	old := schema.Part(d.r, t.Extension, t.Attribute.Name)
	before, ok1 := old.(map[string]any)
	parts, ok2 := v.(map[string]any)
	if ok1 && ok2 {
		merged := make(map[string]any, len(before)+len(parts))
		for name, v := range before {
			merged[name] = v
		}
		for name, v := range parts {
			if known, ok := merged[name]; ok && !scim.EqualValue(known, v) {
				return twiceError(t)
			}
			merged[name] = v
		}
		v = merged
	} else if old != nil && !scim.EqualValue(old, v) {
		return twiceError(t)
	}
	schema.SetPart(d.r, t.Extension, t.Attribute.Name, v)
	return nil
}

func twiceError(t schema.Target) error {
	return &scim.Error{Type: scim.InvalidSyntax, Rule: scim.RuleOnce, Attribute: t.String(), Detail: t.String() + " is given twice with different values: send it once."}
}

func (d *decoding) extension(s *schema.Schema, v any) error {
	defer d.leaveText(d.inText)
	values, err := d.attributesOf(s.ID, v)
	if err != nil {
		return err
	}
	for _, name := range scim.SortedNames(values) {
		t, ok := d.rt.LookupIn(s, name)
		if !ok {
			d.notices.Add(scim.NoticeUnknownAttribute, s.ID+":"+name)
			continue
		}
		if err := d.set(t, s.ID+":"+name, values[name]); err != nil {
			return err
		}
	}
	return nil
}

// pathOf returns the name of an attribute for checks and error details: the
// name in its schema, in an extension after the URN.
func pathOf(t schema.Target) string {
	return schema.Target{Extension: t.Extension, Attribute: t.Attribute}.String()
}
