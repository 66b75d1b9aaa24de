package resource

import (
	"maps"
	"slices"

	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/fold"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
)

// singular applies an operation to a singular attribute, or to one
// sub-attribute of it. Both add and replace keep the sub-attributes that the
// value does not name. An add without a value does nothing; a replace without a
// value clears. An operation whose path has brackets that do not match the
// value is checked, and changes nothing. RFC 7644 §3.5.2.1, §3.5.2.3
func (w *patching) singular(op PatchOp, l location, v any) error {
	old := schema.Part(w.r, l.Extension, l.Attribute.Name)
	chosen, err := w.chooses(l, old)
	if err != nil {
		return err
	}
	if op == OpRemove {
		v = nil
	}
	if l.Sub == nil && l.Attribute.Type != schema.TypeComplex {
		now, err := w.attribute(l.Attribute, pathOf(l.Target), v)
		if err != nil || now == nil && op == OpAdd {
			return err
		}
		return w.set(l.Target, old, now)
	}
	parts, whole, err := w.singularParts(l, v)
	if err != nil || !chosen {
		return err
	}
	element, _ := old.(map[string]any)
	if op == OpAdd {
		maps.DeleteFunc(parts, isNil)
		if len(parts) == 0 {
			return nil
		}
		parts = withOld(l.Attribute, element, parts)
	}
	if whole {
		element = nil
	}
	now, err := w.merged(l.Target, element, parts)
	if err != nil {
		return err
	}
	if len(now) == 0 {
		return w.set(l.Target, old, nil)
	}
	return w.set(l.Target, old, now)
}

// chooses reports whether the brackets after a singular attribute, if there are
// any, match its value. Entra removes a manager by manager[value eq "…"], and
// the operation must not remove one that was set meanwhile:
// events/entra/remove_manager_by_value.
func (w *patching) chooses(l location, old any) (bool, error) {
	if l.matches == nil {
		return true, nil
	}
	if err := w.spend(old, l.cost); err != nil {
		return false, err
	}
	element, ok := old.(map[string]any)
	return ok && l.matches(element), nil
}

// singularParts returns the sub-attributes that an operation on a singular
// complex attribute sets, with nil for one to be removed. whole reports that
// they replace the old value: a value that is sent without its object, or
// empty, does not extend the old one.
func (w *patching) singularParts(l location, v any) (parts map[string]any, whole bool, err error) {
	path := pathOf(l.Target)
	if l.Sub != nil {
		parts, err = w.parts(l.Attribute, path, map[string]any{l.Sub.Name: v})
		return parts, false, err
	}
	defer w.leaveText(w.inText)
	sent, bare, err := w.object(l.Attribute, path, v)
	if err != nil {
		return nil, false, err
	}
	if parts, err = w.parts(l.Attribute, path, sent); err != nil {
		return nil, false, err
	}
	return parts, bare || len(sent) == 0 || hollow(l.Attribute, parts), nil
}

// withOld returns parts to be added: the values of a multi-valued sub-attribute
// are appended to the ones it has. RFC 7644 §3.5.2.1
func withOld(a *schema.Attribute, old, parts map[string]any) map[string]any {
	out := maps.Clone(parts)
	for name, v := range parts {
		added, _ := v.([]any)
		known, _ := old[name].([]any)
		if sub := a.Sub(name); sub != nil && sub.MultiValued && len(known) > 0 {
			out[name] = distinct(sub, slices.Concat(known, added))
		}
	}
	return out
}

// merged returns a copy of a complex value with some of its sub-attributes set
// or, with nil, removed.
func (w *patching) merged(t schema.Target, old, parts map[string]any) (map[string]any, error) {
	now := maps.Clone(old)
	if now == nil {
		now = make(map[string]any, len(parts))
	}
	for _, name := range scim.SortedNames(parts) {
		v, known := parts[name], now[name]
		if sub := t.Attribute.Sub(name); known != nil && sub.Mutability == schema.Immutable && !sameValue(known, v) {
			return nil, immutableError(schema.Target{Extension: t.Extension, Attribute: t.Attribute, Sub: sub})
		}
		if v == nil {
			delete(now, name)
		} else {
			now[name] = v
		}
	}
	return now, nil
}

// set replaces a value by a checked one; nil clears it.
func (w *patching) set(t schema.Target, old, now any) error {
	t.Sub = nil
	if now == nil {
		return w.clear(t)
	}
	if old != nil && t.Attribute.Mutability == schema.Immutable && !sameValue(old, now) {
		return immutableError(t)
	}
	if s, ok := now.(string); ok && t.Attribute.Required && fold.Value(s) == "" {
		return requiredError(t.Attribute)
	}
	schema.SetPart(w.r, t.Extension, t.Attribute.Name, now)
	return nil
}

// clear removes an attribute. A required attribute cannot be removed; active
// and others that always have a value stay as they are, as when a PUT leaves them out.
func (w *patching) clear(t schema.Target) error {
	old := schema.Part(w.r, t.Extension, t.Attribute.Name)
	switch {
	case t.Attribute.Required && !w.whole:
		return &scim.Error{Type: scim.NotMutable, Rule: scim.RuleRequired, Attribute: t.Attribute.Name, Detail: t.Attribute.Name + " is required and cannot be removed: replace its value."}
	case alwaysSet(t):
		w.notices.Add(scim.NoticeKept, t.String())
		return nil
	case old != nil && t.Attribute.Mutability == schema.Immutable:
		return immutableError(t)
	}
	schema.SetPart(w.r, t.Extension, t.Attribute.Name, nil)
	return nil
}
