package resource

import (
	"fmt"
	"maps"
	"slices"

	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/filter"
	"github.com/rollcall-scim/rollcall/internal/scim/match"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
)

// plural applies an operation to all values of a multi-valued attribute. RFC
// 7644 §3.5.2.1, §3.5.2.2, §3.5.2.3
func (w *patching) plural(op PatchOp, l location, v any) error {
	list, err := w.list(l)
	if err != nil {
		return err
	}
	sent, err := w.elements(l.Attribute, pathOf(l.Target), v)
	if err != nil {
		return err
	}
	switch {
	case op == OpReplace:
		return w.setList(l, sent, nil)
	case op == OpAdd && len(sent) == 0:
		return nil
	case op == OpAdd:
		return w.addValues(l, list, sent)
	case v == nil:
		return w.setList(l, nil, nil)
	}
	return w.removeValues(l, list, sent)
}

// list returns the attribute's values.
func (w *patching) list(l location) ([]any, error) {
	list, _ := schema.Part(w.r, l.Extension, l.Attribute.Name).([]any)
	return list, w.spend(list, l.cost)
}

// spend adds the cost of reading a value with a filter.
func (w *patching) spend(v any, cost int) error {
	if w.work += sizeOf(v) * (1 + cost); w.work > maxWork {
		return &scim.Error{Type: scim.TooMany, Detail: "the PATCH is too large for one request: split it into several."}
	}
	return nil
}

// addValues adds values to a list. A value that exists already, by value and
// type, is not added again but gets the other parts that were sent. RFC 7644
// §3.5.2.1
func (w *patching) addValues(l location, list, sent []any) error {
	now := slices.Clone(list)
	fresh := make([]bool, len(now))
	index := newValueIndex(now)
	for _, v := range sent {
		i, ok := index.find(v)
		if !ok {
			index.add(v, len(now))
			now, fresh = append(now, v), append(fresh, true)
			continue
		}
		if l.Attribute.Type != schema.TypeComplex {
			continue
		}
		known, parts := scim.Object(now[i]), maps.Clone(scim.Object(v))
		maps.DeleteFunc(parts, func(name string, _ any) bool {
			return known[name] != nil && l.Attribute.Sub(name).Mutability == schema.Immutable
		})
		merged, err := w.merged(l.Target, known, withOld(l.Attribute, known, parts))
		if err != nil {
			return err
		}
		now[i], fresh[i] = merged, fresh[i] || parts["primary"] == true
	}
	return w.setList(l, now, fresh)
}

// removeValues removes the sent values from a list and keeps the others. In the
// standard a remove clears the attribute; Entra means only what it sends:
// internal/e2e/replay entra-g07-remove-member-value-array.
func (w *patching) removeValues(l location, list, sent []any) error {
	w.notices.Add(scim.NoticeRemovedValues, pathOf(l.Target))
	if l.Attribute.Type != schema.TypeComplex {
		gone := newValueIndex(sent)
		return w.setList(l, slices.DeleteFunc(slices.Clone(list), func(v any) bool {
			_, ok := gone.find(v)
			return ok
		}), nil)
	}
	byValue := map[string][]map[string]any{}
	var others []map[string]any
	for _, v := range sent {
		if value, _, ok := identity(v); ok {
			byValue[value] = append(byValue[value], scim.Object(v))
		} else {
			others = append(others, scim.Object(v))
		}
	}
	if len(others) > scim.MaxElements {
		return &scim.Error{Type: scim.TooMany, Detail: fmt.Sprintf("%s: at most %d values without a value can be removed at a time.",
			pathOf(l.Target), scim.MaxElements)}
	}
	now := slices.DeleteFunc(slices.Clone(list), func(v any) bool {
		value, _, _ := identity(v)
		is := func(sent map[string]any) bool { return selected(scim.Object(v), sent) }
		return l.Attribute.Name == "members" && byValue[value] != nil || // of whatever type
			slices.ContainsFunc(byValue[value], is) || slices.ContainsFunc(others, is)
	})
	return w.setList(l, now, nil)
}

// chosen applies an operation to the values that the path selects, or to one
// sub-attribute of each. If no value is selected, remove does nothing, and add
// creates the value that the filter describes, if it consists of equalities.
// replace creates one only for a sub-attribute of a value selected by type and
// primary: otherwise replacing nothing is noTarget, and a replace must not
// grant an entitlement that its path names by value. RFC 7644 §3.5.2.1,
// §3.5.2.2, §3.5.2.3
func (w *patching) chosen(op PatchOp, l location, v any) error {
	list, err := w.list(l)
	if err != nil {
		return err
	}
	parts, bare, err := w.sentParts(op, l, v)
	if err != nil {
		return err
	}
	switch {
	case op == OpAdd:
		maps.DeleteFunc(parts, isNil)
	case bare && op == OpReplace:
		l.Sub = l.Attribute.Sub("value")
	case l.Sub == nil && hollow(l.Attribute, parts):
		parts = nil
	}
	now := make([]any, 0, len(list)+1)
	fresh := make([]bool, 0, len(list)+1)
	found := false
	for _, old := range list {
		element := scim.Object(old)
		if l.matches != nil && !l.matches(element) {
			now, fresh = append(now, old), append(fresh, false)
			continue
		}
		found = true
		if element, err = w.changed(op, l, element, parts); err != nil {
			return err
		}
		if len(element) > 0 {
			now, fresh = append(now, element), append(fresh, parts["primary"] == true)
		}
	}
	if !found {
		element, err := w.described(op, l, parts)
		if err != nil || element == nil {
			return err
		}
		now, fresh = append(now, element), append(fresh, true)
	}
	return w.setList(l, now, fresh)
}

// sentParts returns the sub-attributes that an operation on selected values
// sets, with nil for one to be removed; no parts at all remove the whole value.
// bare reports that the value was sent without its object.
func (c *coercer) sentParts(op PatchOp, l location, v any) (parts map[string]any, bare bool, err error) {
	if op == OpRemove {
		v = nil
	}
	if l.Sub != nil {
		parts, err = c.parts(l.Attribute, pathOf(l.Target), map[string]any{l.Sub.Name: v})
		return parts, false, err
	}
	defer c.leaveText(c.inText)
	if text, ok := v.(string); ok {
		inner, ok, err := c.readText(l.Attribute, pathOf(l.Target), text)
		if err != nil {
			return nil, false, err
		}
		if ok {
			v = inner
		}
	}
	if list, ok := v.([]any); ok {
		if list = filled(list); len(list) > 1 {
			return nil, false, severalError(pathOf(l.Target), len(list))
		}
		if v = nil; len(list) == 1 {
			v = list[0]
		}
	}
	sent, bare, err := c.object(l.Attribute, pathOf(l.Target), v)
	if err != nil {
		return nil, false, err
	}
	parts, err = c.parts(l.Attribute, pathOf(l.Target), sent)
	return parts, bare, err
}

// changed returns what a selected value becomes, nil if nothing of it is left.
func (w *patching) changed(op PatchOp, l location, old, parts map[string]any) (map[string]any, error) {
	if op == OpAdd {
		parts = withOld(l.Attribute, old, parts)
	}
	if l.Sub != nil || op == OpAdd {
		return w.merged(l.Target, old, parts)
	}
	return w.merged(l.Target, nil, parts)
}

// described returns the value that an operation creates because the path
// selected none; nil if it creates none. Entra relies on it: internal/e2e/replay
// entra-025-email-replace-creates.
func (w *patching) described(op PatchOp, l location, parts map[string]any) (map[string]any, error) {
	parts = maps.Clone(parts)
	maps.DeleteFunc(parts, isNil)
	if op == OpRemove || len(parts) == 0 && (l.Sub != nil || op == OpAdd) {
		return nil, nil
	}
	none := &scim.Error{Type: scim.NoTarget, Rule: scim.RuleMatch, Attribute: pathOf(l.Target), Detail: pathOf(l.Target) + " has no value that matches the path. Add it without a filter, or map a part of it by type, for example emails[type eq \"work\"].value."}
	if l.Sub == nil && op == OpReplace {
		return nil, none
	}
	clauses := map[string]any{}
	if l.filter != nil {
		var ok bool
		if clauses, ok = match.ElementEqualities(l.filter); !ok || op == OpReplace && !byRole(l.filter) {
			return nil, none
		}
	}
	element, err := w.parts(l.Attribute, pathOf(l.Target), clauses)
	if err != nil {
		return nil, err
	}
	maps.DeleteFunc(element, isNil)
	if l.Sub != nil && element[l.Sub.Name] != nil {
		return nil, none
	}
	if l.filter != nil {
		w.notices.Add(scim.NoticeMadeValue, pathOf(l.Target))
	}
	return w.merged(l.Target, element, parts)
}

// byRole reports whether a filter of equalities selects only by type and
// primary: by the role of a value in its attribute, not by the value itself.
func byRole(e filter.Expr) bool {
	switch e := e.(type) {
	case *filter.And:
		return byRole(e.Left) && byRole(e.Right)
	case *filter.Compare:
		return scim.EqualName(e.Path.Attribute, "type") || scim.EqualName(e.Path.Attribute, "primary")
	}
	return false
}

// setList replaces the attribute's values by a list. fresh reports which of
// them the operation set: the first primary one of those becomes the only
// primary one.
func (w *patching) setList(l location, list []any, fresh []bool) error {
	if w.onePrimary(l.Attribute, pathOf(l.Target), list, fresh) || len(list) > 1 {
		list = distinct(l.Attribute, list)
	}
	if err := checkCount(pathOf(l.Target), len(list)); err != nil {
		return err
	}
	if n := sizeOf(list); n > scim.MaxResource && pathOf(l.Target) != "members" {
		return &scim.Error{Type: scim.InvalidValue, Detail: pathOf(l.Target) + " has more values than can be stored."}
	}
	old := schema.Part(w.r, l.Extension, l.Attribute.Name)
	if len(list) == 0 {
		return w.set(l.Target, old, nil)
	}
	return w.set(l.Target, old, list)
}

func isNil(_ string, v any) bool { return v == nil }

// sizeOf returns about how many bytes a value takes.
func sizeOf(v any) int {
	n := 8
	switch v := v.(type) {
	case string:
		n += len(v)
	case []any:
		for _, element := range v {
			n += sizeOf(element)
		}
	case map[string]any:
		for name, part := range v {
			n += len(name) + sizeOf(part)
		}
	}
	return n
}
