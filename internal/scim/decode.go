package scim

// DecodeResource decodes the body of a POST or a PUT into a resource of a type:
// canonical names, checked values, recomputed schemas, and no unknown or
// read-only attribute nor the password. Notices report what is accepted against
// the standard and what is left out; a value that cannot be stored is an
// *Error. RFC 7644 §3.3, §3.5.1
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

// decoding is a resource while it is decoded.
type decoding struct {
	coercer
	r Resource
}

func (d *decoding) object(object map[string]any) error {
	var schemas any
	for _, name := range sortedNames(object) {
		v := object[name]
		n := d.rt.resolve(name)
		var err error
		switch {
		case EqualName(name, "schemas"):
			schemas = v
		case n.core:
			err = d.core(v)
		default:
			err = d.member(n, name, v)
		}
		if err != nil {
			return err
		}
	}
	return d.notices.checkSchemas(schemas, d.rt.Schema.ID, func(urn string) bool { return d.rt.Extension(urn) != nil })
}

// core decodes the members of an object under the URN of the core schema as
// those of the body.
func (d *decoding) core(v any) error {
	defer d.leaveText(d.inText)
	values, err := d.attributesOf(d.rt.Schema.ID, v)
	if len(values) > 0 {
		d.notices.add(NoticeCoreObject, d.rt.Schema.ID)
	}
	for _, name := range sortedNames(values) {
		if err := d.member(d.rt.resolve(name), name, values[name]); err != nil {
			return err
		}
	}
	return err
}

// member decodes one member of the body.
func (d *decoding) member(n named, name string, v any) error {
	if !n.known() {
		n.noteUnknown(name, &d.notices)
		return nil
	}
	n.noteSpelling(&d.notices)
	return d.set(n.target, name, v)
}

// set decodes one member of the body, or of an extension in it.
func (d *decoding) set(t target, name string, v any) error {
	if t.attr == nil {
		return d.extension(t.extension, v)
	}
	if t.readOnly() || t.extension == nil && t.attr.Name == "schemas" {
		return nil
	}
	if t.sub != nil && t.attr.MultiValued {
		d.notices.add(NoticeUnknownAttribute, name)
		return nil
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

// merge stores a value unless the body has another value for the same attribute
// under another spelling: name.givenName and name, or an attribute after its
// URN and inside its extension.
func (d *decoding) merge(t target, v any) error {
	old := part(d.r, t.extension, t.attr.Name)
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
	setPart(d.r, t.extension, t.attr.Name, v)
	return nil
}

func twiceError(t target) error {
	return &Error{InvalidSyntax, t.String() + " is given twice with different values: send it once."}
}

func (d *decoding) extension(s *Schema, v any) error {
	defer d.leaveText(d.inText)
	values, err := d.attributesOf(s.ID, v)
	if err != nil {
		return err
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

// pathOf returns the name of an attribute for checks and error details: the
// name in its schema, in an extension after the URN.
func pathOf(t target) string { return target{extension: t.extension, attr: t.attr}.String() }
