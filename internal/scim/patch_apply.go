package scim

import (
	"maps"
	"strings"
)

// Apply returns a resource after all the operations, each of which sees the
// result of those before it; or it fails as a whole. before is not changed; the
// result shares the values that did not change. RFC 7644 §3.5.2
func (p *Patch) Apply(rt *ResourceType, before Resource) (after Resource, told []Notice, err error) {
	shown, hidden := rt.visible(before)
	w := patching{coercer: coercer{rt: rt}, r: maps.Clone(shown)}
	w.notices = append(w.notices, p.notices...)
	if w.r == nil {
		w.r = Resource{}
	}
	for _, o := range p.Operations {
		if err := w.operation(o); err != nil {
			return nil, nil, inOperation(o.Number, err)
		}
	}
	if len(p.Operations) > 0 {
		if err := checkExtensions(rt, shown, w.r); err != nil {
			return nil, nil, err
		}
	}
	hidden.restore(w.r)
	if len(p.Operations) > 0 {
		setSchemas(rt, w.r)
		if err := checkSize(rt, w.r); err != nil {
			return nil, nil, err
		}
	}
	return w.r, w.notices, nil
}

// patching is a resource while operations are applied. Its values may belong to
// before too: they are replaced, never changed.
type patching struct {
	coercer
	r Resource
	// work is the cost of the operations so far.
	work int
	// whole reports that a whole extension is being removed.
	whole bool
}

// maxWork limits the bytes that the operations of one request read: a thousand
// filters over a full attribute must not take minutes. Thirty filters over
// twenty emails read a tenth of a megabyte.
const maxWork = 16 << 20

func (w *patching) operation(o Operation) error {
	defer w.leaveText(w.inText)
	w.inText = o.inText
	if o.Path == "" || EqualName(o.Path, w.rt.Schema.ID) {
		if o.Op == OpRemove {
			return &Error{NoTarget, "the path names no attribute."}
		}
		values, err := w.attributesOf("value", o.Value)
		if err != nil {
			return err
		}
		return w.attributes(o.Op, nil, values)
	}
	if name, ok := foreignName(w.rt, o.Path); ok {
		w.notices.add(NoticeUnknownPath, name)
		return nil
	}
	l, err := w.locate(o.Path)
	if err != nil {
		return err
	}
	if l.readOnly() {
		return &Error{NotMutable, l.String() + " is read-only."}
	}
	return w.apply(o.Op, l, o.Value)
}

// attributes applies an operation to each attribute that a value names: those
// of the resource if within is nil, or those of an object under the URN of a
// schema. An unknown name is left out, as in a POST.
func (w *patching) attributes(op PatchOp, within *Schema, values map[string]any) error {
	for _, name := range sortedNames(values) {
		v := values[name]
		if within == nil && EqualName(name, w.rt.Schema.ID) {
			if err := w.coreAttributes(op, v); err != nil {
				return err
			}
			continue
		}
		l, ok, err := w.locateName(within, name)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		if l.attr != nil && l.attr.Name == "id" && l.extension == nil {
			if id, known := w.r["id"]; known && !isNone(v) && !equalValue(v, id) {
				return &Error{NotMutable, "id is read-only, and the value sent is not the id of the resource."}
			}
		}
		if l.readOnly() || l.attr != nil && l.attr.Name == "schemas" {
			continue
		}
		if err := w.apply(op, l, v); err != nil {
			return err
		}
	}
	return nil
}

// coreAttributes applies an operation to the attributes in an object under the
// URN of the core schema.
func (w *patching) coreAttributes(op PatchOp, v any) error {
	defer w.leaveText(w.inText)
	values, err := w.attributesOf(w.rt.Schema.ID, v)
	if err != nil || len(values) == 0 {
		return err
	}
	w.notices.add(NoticeCoreObject, w.rt.Schema.ID)
	return w.attributes(op, w.rt.Schema, values)
}

// locateName finds what a name inside a value means; ok is false, with a
// notice, if it means nothing. Okta and Entra also write whole paths there,
// with URN, sub-attribute and filter.
func (w *patching) locateName(within *Schema, name string) (l location, ok bool, err error) {
	if within != nil && within != w.rt.Schema {
		t, ok := w.rt.lookupIn(within, name)
		if !ok {
			w.notices.add(NoticeUnknownAttribute, within.ID+":"+name)
		}
		return location{target: t}, ok, nil
	}
	var n named
	sent := name
	if strings.Contains(name, "[") {
		if l, sent, n, err = w.find(name); err != nil {
			return l, false, err
		}
		w.notices.add(NoticePathInValue, name)
	} else {
		n = w.rt.resolve(name)
		l = location{target: n.target}
		if n.attr != nil && strings.ContainsAny(name, ".:") {
			w.notices.add(NoticePathInValue, n.String())
		}
		n.noteSpelling(&w.notices)
	}
	if !l.known() {
		n.noteUnknown(sent, &w.notices)
	}
	return l, l.known(), nil
}

// apply applies one operation at one place.
func (w *patching) apply(op PatchOp, l location, v any) error {
	switch {
	case l.attr == nil:
		return w.wholeExtension(op, l, v)
	case l.attr.Returned == ReturnedNever:
		return w.unkept(op, l, v)
	case l.extension == nil && l.attr.Name == "schemas":
		if op == OpRemove || isNone(v) {
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

// unkept checks a value that is never returned, and therefore not stored.
func (w *patching) unkept(op PatchOp, l location, v any) (err error) {
	switch {
	case op == OpRemove:
	case l.sub != nil || l.filter != nil:
		_, _, err = w.sentParts(op, l, v)
	default:
		_, err = w.attribute(l.attr, pathOf(l.target), v)
	}
	return err
}

// wholeExtension applies an operation to the attributes of an extension: to
// those that the value names, or to all of them if it removes the extension or
// replaces it with no value.
func (w *patching) wholeExtension(op PatchOp, l location, v any) error {
	s := l.extension
	if op != OpRemove {
		defer w.leaveText(w.inText)
		values, err := w.attributesOf(s.ID, v)
		if err != nil {
			return err
		}
		if op == OpAdd || len(values) > 0 {
			return w.attributes(op, s, values)
		}
	}
	// An extension that is not required is removed together with its required
	// attributes.
	w.whole = !requires(w.rt, s)
	defer func() { w.whole = false }()
	for _, a := range s.Attributes {
		t := target{extension: s, attr: a}
		if part(w.r, s, a.Name) == nil || t.readOnly() {
			continue
		}
		if err := w.clear(t); err != nil {
			return err
		}
	}
	return nil
}
