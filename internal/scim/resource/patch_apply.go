package resource

import (
	"maps"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
)

// Apply returns a resource after all the operations, each of which sees the
// result of those before it; or it fails as a whole. before is not changed; the
// result shares the values that did not change. RFC 7644 §3.5.2
func (p *Patch) Apply(rt *schema.ResourceType, before scim.Resource) (after scim.Resource, notices []scim.Notice, err error) {
	shown, hidden := rt.Visible(before)
	w := patching{coercer: coercer{rt: rt}, r: maps.Clone(shown)}
	w.notices = append(w.notices, p.notices...)
	if w.r == nil {
		w.r = scim.Resource{}
	}
	for _, o := range p.Operations {
		if err := w.operation(o); err != nil {
			return nil, nil, scim.InOperation(o.Number, err)
		}
	}
	if len(p.Operations) > 0 {
		if err := checkExtensions(rt, shown, w.r); err != nil {
			return nil, nil, err
		}
	}
	hidden.Restore(w.r)
	if len(p.Operations) > 0 {
		schema.SetSchemas(rt, w.r)
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
	r scim.Resource
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
	if o.Path == "" || scim.EqualName(o.Path, w.rt.Schema.ID) {
		if o.Op == OpRemove {
			return &scim.Error{Type: scim.NoTarget, Detail: "the path names no attribute."}
		}
		values, err := w.attributesOf("value", o.Value)
		if err != nil {
			return err
		}
		return w.attributes(o.Op, nil, values)
	}
	if name, ok := foreignName(w.rt, o.Path); ok {
		w.notices.Add(scim.NoticeUnknownPath, name)
		return nil
	}
	l, err := w.locate(o.Path)
	if err != nil {
		return err
	}
	if l.ReadOnly() {
		return &scim.Error{Type: scim.NotMutable, Rule: scim.RuleReadOnly, Attribute: l.String(), Detail: l.String() + " is read-only."}
	}
	return w.apply(o.Op, l, o.Value)
}

// attributes applies an operation to each attribute that a value names: those
// of the resource if within is nil, or those of an object under the URN of a
// schema. An unknown name is left out, as in a POST.
func (w *patching) attributes(op PatchOp, within *schema.Schema, values map[string]any) error {
	for _, name := range scim.SortedNames(values) {
		v := values[name]
		if within == nil && scim.EqualName(name, w.rt.Schema.ID) {
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
		if l.Attribute != nil && l.Attribute.Name == "id" && l.Extension == nil {
			if id, known := w.r["id"]; known && !scim.IsNone(v) && !scim.EqualValue(v, id) {
				return &scim.Error{Type: scim.NotMutable, Rule: scim.RuleReadOnly, Attribute: "id", Detail: "id is read-only, and the value sent is not the id of the resource."}
			}
		}
		if l.ReadOnly() || l.Attribute != nil && l.Attribute.Name == "schemas" {
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
	w.notices.Add(scim.NoticeCoreObject, w.rt.Schema.ID)
	return w.attributes(op, w.rt.Schema, values)
}

// locateName finds what a name inside a value means; ok is false, with a
// notice, if it means nothing. Okta and Entra also write whole paths there,
// with URN, sub-attribute and filter.
func (w *patching) locateName(within *schema.Schema, name string) (l location, ok bool, err error) {
	if within != nil && within != w.rt.Schema {
		t, ok := w.rt.LookupIn(within, name)
		if !ok {
			w.notices.Add(scim.NoticeUnknownAttribute, within.ID+":"+name)
		}
		return location{Target: t}, ok, nil
	}
	var n schema.Name
	sent := name
	if strings.Contains(name, "[") {
		if l, sent, n, err = w.find(name); err != nil {
			return l, false, err
		}
		w.notices.Add(scim.NoticePathInValue, name)
	} else {
		n = w.rt.Resolve(name)
		l = location{Target: n.Target}
		if n.Attribute != nil && strings.ContainsAny(name, ".:") {
			w.notices.Add(scim.NoticePathInValue, n.String())
		}
		n.NoteSpelling(&w.notices)
	}
	if !l.known() {
		n.NoteUnknown(sent, &w.notices)
	}
	return l, l.known(), nil
}

// apply applies one operation at one place.
func (w *patching) apply(op PatchOp, l location, v any) error {
	switch {
	case l.Attribute == nil:
		return w.wholeExtension(op, l, v)
	case l.Attribute.Returned == schema.ReturnedNever:
		return w.unkept(op, l, v)
	case l.Extension == nil && l.Attribute.Name == "schemas":
		if op == OpRemove || scim.IsNone(v) {
			return requiredError(l.Attribute)
		}
		w.notices.Add(scim.NoticeSchemasIgnored, "schemas")
		return nil
	case !l.Attribute.MultiValued:
		return w.singular(op, l, v)
	case l.filter == nil && l.Sub == nil:
		return w.plural(op, l, v)
	}
	return w.chosen(op, l, v)
}

// unkept checks a value that is never returned, and therefore not stored.
func (w *patching) unkept(op PatchOp, l location, v any) (err error) {
	switch {
	case op == OpRemove:
	case l.Sub != nil || l.filter != nil:
		_, _, err = w.sentParts(op, l, v)
	default:
		_, err = w.attribute(l.Attribute, pathOf(l.Target), v)
	}
	return err
}

// wholeExtension applies an operation to the attributes of an extension: to
// those that the value names, or to all of them if it removes the extension or
// replaces it with no value.
func (w *patching) wholeExtension(op PatchOp, l location, v any) error {
	s := l.Extension
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
		t := schema.Target{Extension: s, Attribute: a}
		if schema.Part(w.r, s, a.Name) == nil || t.ReadOnly() {
			continue
		}
		if err := w.clear(t); err != nil {
			return err
		}
	}
	return nil
}
