package scim

import (
	"fmt"
	"maps"
	"strings"
)

// PatchOp is what an operation of a PATCH does. RFC 7644 §3.5.2
type PatchOp string

// The operations.
const (
	OpAdd     PatchOp = "add"
	OpReplace PatchOp = "replace"
	OpRemove  PatchOp = "remove"
)

// Operation is one operation of a PATCH as it was sent.
type Operation struct {
	Op PatchOp
	// Path is empty when the value names the attributes itself.
	Path string
	// Value is what DecodeJSON made of the value; nil when there is none.
	Value any
}

// Patch is a decoded PATCH request. RFC 7644 §3.5.2
type Patch struct {
	Operations []Operation
	notices    notices
}

// DecodePatch reads the body of a PATCH. It checks the form of the request; what
// paths and values mean is decided by Apply. No operations at all are allowed.
// RFC 7644 §3.5.2
func DecodePatch(body []byte) (*Patch, error) {
	object, err := decodeObject(body)
	if err != nil {
		return nil, err
	}
	p := &Patch{}
	if err := p.checkSchemas(member(object, "schemas")); err != nil {
		return nil, err
	}
	list, ok := member(object, "Operations").([]any)
	if !ok {
		return nil, &Error{InvalidSyntax, "Operations must be an array of operations."}
	}
	if len(list) > MaxOperations {
		return nil, &Error{TooMany, fmt.Sprintf(
			"The PATCH has %d operations: at most %d at a time. Send the rest in further requests.",
			len(list), MaxOperations)}
	}
	p.Operations = make([]Operation, len(list))
	for i, v := range list {
		if p.Operations[i], err = decodeOperation(v); err != nil {
			return nil, inOperation(i, err)
		}
	}
	return p, nil
}

func (p *Patch) checkSchemas(v any) error {
	list, err := schemaList(v)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		p.notices.add(NoticeSchemasMissing, "schemas")
	}
	for i, urn := range list {
		if equalName(urn, PatchURN) {
			return nil
		}
		if i == len(list)-1 {
			return wrongSchema(PatchURN, urn)
		}
	}
	return nil
}

// decodeOperation reads one operation. Keys that are none of op, path and value
// are left alone: events/entra/entra-g16-op-extra-key.json.
func decodeOperation(v any) (Operation, error) {
	object, ok := v.(map[string]any)
	if !ok {
		return Operation{}, &Error{InvalidSyntax, "an operation must be an object, not " + kindOf(v) + "."}
	}
	var o Operation
	name, _ := member(object, "op").(string)
	switch o.Op = PatchOp(lowerName(name)); o.Op {
	case OpAdd, OpReplace, OpRemove:
	default:
		return Operation{}, &Error{InvalidSyntax, "op must be add, replace or remove."}
	}
	switch path := member(object, "path").(type) {
	case nil:
	case string:
		o.Path = strings.TrimSpace(path)
	default:
		return Operation{}, &Error{InvalidSyntax, "path must be a string, not " + kindOf(path) + "."}
	}
	if o.Path == "" && o.Op == OpRemove {
		return Operation{}, &Error{NoTarget, "remove needs a path: say which attribute to remove."}
	}
	value, sent := lookupMember(object, "value")
	if !sent && o.Op != OpRemove {
		return Operation{}, &Error{InvalidValue, string(o.Op) + " needs a value; null removes one."}
	}
	o.Value = value
	if _, ok := value.(map[string]any); o.Path == "" && !ok {
		return Operation{}, &Error{InvalidValue,
			"without a path, value must be an object of attributes, not " + kindOf(value) + "."}
	}
	return o, nil
}

// member is an object's value under a name in any ASCII case.
func member(object map[string]any, name string) any {
	v, _ := lookupMember(object, name)
	return v
}

func lookupMember(object map[string]any, name string) (any, bool) {
	if v, ok := object[name]; ok {
		return v, true
	}
	for n, v := range object {
		if equalName(n, name) {
			return v, true
		}
	}
	return nil, false
}

// inOperation says in which operation of the request, counted from 1, the fault
// is.
func inOperation(i int, err error) error {
	if e, ok := err.(*Error); ok {
		return &Error{e.Type, fmt.Sprintf("Operation %d: %s", i+1, e.Detail)}
	}
	return err
}

// Apply makes of a resource what it is after all the operations, each of which
// sees what those before it made; or fails as a whole. The resource given is
// never altered; the result shares the values that did not change.
// RFC 7644 §3.5.2
func (p *Patch) Apply(rt *ResourceType, before Resource) (after Resource, told []Notice, err error) {
	w := patching{coercer: coercer{rt: rt}, r: maps.Clone(before)}
	w.notices = append(w.notices, p.notices...)
	if w.r == nil {
		w.r = Resource{}
	}
	for i, o := range p.Operations {
		if err := w.operation(o); err != nil {
			return nil, nil, inOperation(i, err)
		}
	}
	if len(p.Operations) > 0 {
		setSchemas(rt, w.r)
		if err := checkSize(rt, w.r); err != nil {
			return nil, nil, err
		}
	}
	return w.r, w.notices, nil
}

// patching is a resource on its way from before to after. Values in it belong to
// before as well: they are replaced, never altered.
type patching struct {
	coercer
	r Resource
	// work is what the operations cost so far.
	work int
}

// maxWork bounds the bytes that the operations of one request look at: a
// thousand filters over a full attribute must not take minutes. Thirty filters
// over twenty emails look at a tenth of a megabyte.
const maxWork = 16 << 20

func (w *patching) operation(o Operation) error {
	if o.Path == "" || equalName(o.Path, w.rt.Schema.ID) {
		values, ok := o.Value.(map[string]any)
		if !ok || o.Op == OpRemove {
			return &Error{NoTarget, "the path names no attribute."}
		}
		return w.attributes(o.Op, nil, values, false)
	}
	l, err := w.rt.locate(o.Path)
	if err != nil {
		return err
	}
	if l.readOnly() {
		return &Error{NotMutable, l.String() + " is read-only."}
	}
	if l.extension != nil && l.attr != nil && equalName(o.Path, TeamAccount) {
		w.notices.add(NoticeTopLevel, l.String())
	}
	return w.apply(o.Op, l, o.Value)
}

// attributes applies an operation to each attribute that a value names: those of
// the resource, or of one extension. Where the path is explicit, a name that
// means nothing is a path that means nothing.
func (w *patching) attributes(op PatchOp, extension *Schema, values map[string]any, explicit bool) error {
	for _, name := range sortedNames(values) {
		l, ok, err := w.locateName(extension, name)
		if err != nil {
			return err
		}
		if !ok && explicit {
			return &Error{InvalidPath, extension.ID + " has no attribute " + noticeName(name) + "."}
		}
		if !ok {
			if extension != nil {
				name = extension.ID + ":" + name
			}
			w.notices.add(NoticeUnknownAttribute, name)
			continue
		}
		v := values[name]
		if l.attr != nil && l.attr.Name == "id" && l.extension == nil {
			if id, known := w.r["id"]; known && v != nil && !equalValue(v, id) {
				return &Error{NotMutable, "id is read-only, and the one in the value is not the resource's."}
			}
		}
		if l.readOnly() || l.attr != nil && l.attr.Name == "schemas" {
			continue
		}
		if extension == nil && l.extension != nil && equalName(name, TeamAccount) {
			w.notices.add(NoticeTopLevel, l.String())
		}
		if err := w.apply(op, l, v); err != nil {
			return err
		}
	}
	return nil
}

// locateName finds what a name inside a value means. Okta and Entra also write
// whole paths there, with URN, sub-attribute and filter.
func (w *patching) locateName(extension *Schema, name string) (location, bool, error) {
	if extension != nil {
		t, ok := w.rt.lookupIn(extension, name)
		return location{target: t}, ok, nil
	}
	if strings.Contains(name, "[") {
		l, err := w.rt.locate(name)
		return l, err == nil, err
	}
	t, ok := w.rt.lookup(name)
	return location{target: t}, ok, nil
}

// apply carries out one operation at one place.
func (w *patching) apply(op PatchOp, l location, v any) error {
	switch {
	case l.attr == nil:
		return w.wholeExtension(op, l, v)
	case l.attr.Returned == ReturnedNever:
		if op == OpRemove {
			return nil
		}
		_, err := w.attribute(l.attr, l.attr.Name, v)
		return err
	case l.extension == nil && l.attr.Name == "schemas":
		if op == OpRemove || v == nil {
			return requiredError(l.attr)
		}
		w.notices.add(NoticeSchemasIgnored, "schemas")
		return nil
	case !l.attr.MultiValued:
		return w.singular(op, l, v)
	case l.filter == nil && l.sub == nil:
		return w.plural(op, l, v)
	}
	return w.chosen(op, l, v)
}

// wholeExtension applies an operation to the attributes of an extension, all of
// them when it removes the extension.
func (w *patching) wholeExtension(op PatchOp, l location, v any) error {
	s := l.extension
	if values, ok := v.(map[string]any); ok && op != OpRemove {
		return w.attributes(op, s, values, l.explicit)
	}
	if v != nil && op != OpRemove {
		return &Error{InvalidValue, s.ID + " must be an object, not " + kindOf(v) + "."}
	}
	if op == OpAdd {
		return nil
	}
	for _, a := range s.Attributes {
		t := target{extension: s, attr: a}
		if w.r.part(s, a.Name) == nil || t.readOnly() {
			continue
		}
		if err := w.clear(t); err != nil {
			return err
		}
	}
	return nil
}
