package httpapi_test

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"
)

// An attributeModel is one attribute of a schema as its JSON defines it, with
// its meaning implemented a second time: on maps, without the service's types.
type attributeModel struct {
	Name          string           `json:"name"`
	Type          string           `json:"type"`
	MultiValued   bool             `json:"multiValued"`
	Required      bool             `json:"required"`
	CaseExact     bool             `json:"caseExact"`
	Mutability    string           `json:"mutability"`
	Returned      string           `json:"returned"`
	SubAttributes []attributeModel `json:"subAttributes,omitempty"`
}

type schemaModel struct {
	ID         string           `json:"id"`
	Name       string           `json:"name"`
	Attributes []attributeModel `json:"attributes"`
	// required is set if the resource type requires the extension.
	required bool
}

func (s schemaModel) document() []byte {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return b
}

func named(all []attributeModel, name string) attributeModel {
	return all[slices.IndexFunc(all, func(a attributeModel) bool { return a.Name == name })]
}

// keeps returns what is stored of a value that is sent, nil for nothing; ok is
// false for an invalid value.
func (a attributeModel) keeps(v any) (kept any, ok bool) {
	if a.Mutability == "readOnly" {
		return nil, true
	}
	if !a.MultiValued {
		kept, ok = a.keepsOne(v)
	} else if v == nil {
		return nil, true
	} else {
		var list []any
		ok = true
		for _, v := range v.([]any) {
			one, fine := a.keepsOne(v)
			if ok = ok && fine; one != nil && !contains(list, one) {
				list = append(list, one)
			}
		}
		if len(list) > 0 {
			kept = list
		}
	}
	if a.Returned == "never" {
		kept = nil
	}
	return kept, ok
}

func (a attributeModel) keepsOne(v any) (any, bool) {
	if v == nil {
		return nil, true
	}
	s, isText := v.(string)
	n, isNumber := v.(float64)
	_, isBool := v.(bool)
	parts, isObject := v.(map[string]any)
	switch a.Type {
	case "boolean":
		return v, isBool
	case "integer":
		return v, isNumber && n == float64(int64(n))
	case "decimal":
		return v, isNumber
	case "dateTime":
		return v, isText && strings.HasPrefix(s, "20")
	case "binary":
		return v, isText && !strings.Contains(s, "%")
	case "string", "reference":
		return v, isText
	}
	if !isObject {
		return nil, false
	}
	kept, ok := map[string]any{}, true
	for name, v := range parts {
		part, fine := named(a.SubAttributes, name).keeps(v)
		if ok = ok && fine; part != nil {
			kept[name] = part
		}
	}
	if len(kept) == 0 {
		return nil, ok
	}
	return kept, ok
}

func contains(list []any, v any) bool {
	return slices.ContainsFunc(list, func(known any) bool { return reflect.DeepEqual(known, v) })
}

// same compares values of an attribute: multiple values have no order.
func same(a, b any) bool {
	some, ok1 := a.([]any)
	others, ok2 := b.([]any)
	if !ok1 || !ok2 {
		return reflect.DeepEqual(a, b)
	}
	for _, v := range some {
		if !contains(others, v) {
			return false
		}
	}
	return len(some) == len(others)
}

// complete reports whether the values of the extension, or of a complex value,
// include everything required.
func complete(all []attributeModel, values map[string]any) bool {
	for _, a := range all {
		v := values[a.Name]
		if a.Required && v == nil {
			return false
		}
		elements, ok := v.([]any)
		if !ok {
			elements = []any{v}
		}
		for _, element := range elements {
			if parts, ok := element.(map[string]any); ok && !complete(a.SubAttributes, parts) {
				return false
			}
		}
	}
	return true
}

// written returns what a POST, or a PUT over the values before, stores of the
// extension; ok is false if it is refused.
func (s schemaModel) written(before, sent map[string]any) (after map[string]any, ok bool) {
	kept := map[string]any{}
	for name, v := range sent {
		v, ok := named(s.Attributes, name).keeps(v)
		if !ok {
			return nil, false
		}
		if v != nil {
			kept[name] = v
		}
	}
	if len(kept) == 0 && s.required || len(kept) > 0 && !complete(s.Attributes, kept) {
		return nil, false
	}
	left := len(kept) == 0
	for _, a := range s.Attributes {
		old, now := before[a.Name], kept[a.Name]
		switch {
		case old == nil:
		case a.Mutability == "immutable" && now == nil:
			kept[a.Name] = old
		case a.Mutability == "immutable" && !same(old, now):
			return nil, false
		case a.Mutability == "immutable":
			kept[a.Name] = old
		case a.Type == "complex" && !a.MultiValued && now != nil:
			merged := maps.Clone(now.(map[string]any))
			for name, v := range old.(map[string]any) {
				if named(a.SubAttributes, name).Mutability != "immutable" {
					continue
				}
				if merged[name] != nil && !same(merged[name], v) {
					return nil, false
				}
				merged[name] = v
			}
			kept[a.Name] = merged
		}
	}
	// A request without the extension lacks what the extension requires, if
	// values of it remain.
	if left && len(kept) > 0 {
		for _, a := range s.Attributes {
			if a.Required && before[a.Name] != nil {
				kept[a.Name] = before[a.Name]
			}
		}
	}
	return kept, true
}

// A patchModel is one operation of a PATCH on an attribute, on a sub-attribute,
// or, with neither, on the extension.
type patchModel struct {
	op, attribute, sub string
	value              any
}

func (s schemaModel) patched(before map[string]any, p patchModel) (after map[string]any, ok bool) {
	after = maps.Clone(before)
	if after == nil {
		after = map[string]any{}
	}
	values, _ := p.value.(map[string]any)
	switch {
	case p.attribute == "" && (p.op == "remove" || p.op == "replace" && len(values) == 0):
		for _, a := range s.Attributes {
			if before[a.Name] == nil || a.Mutability == "readOnly" {
				continue
			}
			if a.Mutability == "immutable" || a.Required && s.required {
				return nil, false
			}
			delete(after, a.Name)
		}
	case p.attribute == "":
		for name, v := range values {
			a := named(s.Attributes, name)
			if a.Mutability == "readOnly" {
				continue // with a path it is refused
			}
			if after, ok = s.patched(after, patchModel{op: p.op, attribute: name, value: v}); !ok {
				return nil, false
			}
		}
	default:
		a := named(s.Attributes, p.attribute)
		now, ok := a.patched(before[a.Name], p)
		if !ok {
			return nil, false
		}
		if now == nil {
			delete(after, a.Name)
		} else {
			after[a.Name] = now
		}
		return after, true
	}
	return after, true
}

// allowed does what patched does, and checks at the end what is required.
func (s schemaModel) allowed(before map[string]any, p patchModel) (after map[string]any, ok bool) {
	after, ok = s.patched(before, p)
	if !ok || len(after) == 0 && len(before) == 0 || reflect.DeepEqual(before, after) {
		return after, ok
	}
	if len(after) == 0 {
		return after, !s.required
	}
	return after, complete(s.Attributes, after)
}

func (a attributeModel) patched(old any, p patchModel) (now any, ok bool) {
	sub := attributeModel{}
	if p.sub != "" {
		sub = named(a.SubAttributes, p.sub)
	}
	if a.Mutability == "readOnly" || sub.Mutability == "readOnly" {
		return nil, false
	}
	value := p.value
	if p.op == "remove" {
		value = nil
	}
	if p.sub != "" {
		value = map[string]any{p.sub: value}
	}
	kept, ok := a.keeps(value)
	if !ok {
		return nil, false
	}
	if a.Returned == "never" {
		return nil, true
	}
	if kept == nil && p.op == "add" {
		return old, true // adding nothing
	}
	parts, isObject := value.(map[string]any)
	switch {
	case p.op == "remove" && p.sub == "", isObject && len(parts) == 0:
		now = nil
	case a.MultiValued && p.op == "add":
		list, _ := old.([]any)
		list = slices.Clone(list)
		added, _ := kept.([]any)
		for _, v := range added {
			if !contains(list, v) {
				list = append(list, v)
			}
		}
		if len(list) > 0 {
			now = list
		}
	case isObject:
		merged := map[string]any{}
		if old != nil {
			merged = maps.Clone(old.(map[string]any))
		}
		for name, v := range parts {
			sub := named(a.SubAttributes, name)
			if sub.Mutability == "readOnly" || sub.Returned == "never" {
				continue
			}
			part, _ := sub.keeps(v)
			if known, ok := merged[name].([]any); ok && p.op == "add" && part != nil {
				part = slices.Clone(known)
				for _, v := range v.([]any) {
					if v != nil && !contains(part.([]any), v) {
						part = append(part.([]any), v)
					}
				}
			} else if p.op == "add" && part == nil {
				part = merged[name] // adding no value adds nothing
			}
			if merged[name] != nil && sub.Mutability == "immutable" && !same(merged[name], part) {
				return nil, false
			}
			if merged[name] = part; part == nil {
				delete(merged, name)
			}
		}
		if len(merged) > 0 {
			now = merged
		}
	default:
		now = kept
	}
	switch {
	case now == nil && a.Required:
		return nil, false
	case old != nil && a.Mutability == "immutable" && !same(old, now):
		return nil, false
	case old != nil && a.Mutability == "immutable":
		return old, true
	}
	return now, true
}

// mentions are the attributes that a request names, each with the
// sub-attributes that it names, or nil for the whole attribute.
type mentions map[string]map[string]bool

func (m mentions) add(name string, v any) {
	elements, ok := v.([]any)
	if !ok {
		elements = []any{v}
	}
	whole := true
	for _, element := range elements {
		if parts, ok := element.(map[string]any); ok && len(parts) > 0 {
			whole = false
			for sub := range parts {
				m.addSub(name, sub)
			}
		}
	}
	if whole {
		m[name] = nil
	}
}

func (m mentions) addSub(name, sub string) {
	subs, known := m[name]
	if known && subs == nil {
		return
	}
	if subs == nil {
		m[name] = map[string]bool{}
	}
	m[name][sub] = true
}

// An askedModel is the projection of a request: attributes, excludedAttributes, or
// neither. whole means that it names the extension.
type askedModel struct {
	parameter string
	whole     bool
	names     mentions
}

// shown returns what an answer has of the extension's values. mentioned are the
// attributes that the request itself wrote.
func (s schemaModel) shown(values map[string]any, q askedModel, mentioned mentions) map[string]any {
	out := map[string]any{}
	for _, a := range s.Attributes {
		v, subs := values[a.Name], q.names[a.Name]
		_, named := q.names[a.Name]
		writtenSubs, written := mentioned[a.Name]
		named = named || q.whole
		wholly := named && (q.whole || subs == nil)
		always := a.Returned == "always"
		see := func(sub attributeModel) bool {
			if sub.Returned == "always" {
				return true
			}
			switch q.parameter {
			case "attributes":
				if always && !wholly {
					return sub.Returned == "default" || subs[sub.Name]
				}
				return wholly || subs[sub.Name]
			case "excludedAttributes":
				if !wholly && subs[sub.Name] {
					return false
				}
			}
			return sub.Returned == "default" || written && (writtenSubs == nil || writtenSubs[sub.Name])
		}
		switch {
		case v == nil:
			continue
		case q.parameter == "attributes" && !named && !always,
			q.parameter == "excludedAttributes" && wholly && !always,
			q.parameter != "attributes" && a.Returned == "request" && !written:
			continue
		}
		if v = a.cut(v, see); v != nil {
			out[a.Name] = v
		}
	}
	return out
}

func (a attributeModel) cut(v any, see func(attributeModel) bool) any {
	if a.Type != "complex" {
		return v
	}
	if list, ok := v.([]any); ok {
		var out []any
		for _, element := range list {
			if element = a.cut(element, see); element != nil {
				out = append(out, element)
			}
		}
		if out == nil {
			return nil
		}
		return out
	}
	out := map[string]any{}
	for name, v := range v.(map[string]any) {
		if see(named(a.SubAttributes, name)) {
			out[name] = v
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// matches reports whether values satisfy a comparison; ok is false for a
// refused comparison.
func (s schemaModel) matches(values map[string]any, attribute, sub, op string, want any) (yes, ok bool) {
	a := named(s.Attributes, attribute)
	leaf := a
	if sub != "" {
		leaf = named(a.SubAttributes, sub)
	}
	if a.Returned == "never" || leaf.Returned == "never" || leaf.Type == "complex" && op != "pr" {
		return false, false
	}
	equality := op == "eq" || op == "ne"
	switch {
	case op == "pr":
	case (leaf.Type == "boolean" || leaf.Type == "binary") && !equality,
		op == "co" && leaf.Type != "string" && leaf.Type != "reference":
		return false, false
	}
	var found []any
	elements, plural := values[attribute].([]any)
	if !plural && values[attribute] != nil {
		elements = []any{values[attribute]}
	}
	absent := len(elements) == 0
	for _, element := range elements {
		if sub == "" {
			found = append(found, element)
			continue
		}
		switch v := element.(map[string]any)[sub].(type) {
		case nil:
			absent = true
		case []any:
			found = append(found, v...)
		default:
			found = append(found, v)
		}
	}
	switch op {
	case "pr":
		return slices.ContainsFunc(found, present), true
	case "ne":
		return absent || slices.ContainsFunc(found, func(v any) bool { return leaf.order(v, want) != 0 }), true
	}
	return slices.ContainsFunc(found, func(v any) bool {
		order := leaf.order(v, want)
		switch op {
		case "eq":
			return order == 0
		case "gt":
			return order > 0
		case "le":
			return order <= 0
		}
		return strings.Contains(leaf.folded(v.(string)), leaf.folded(want.(string)))
	}), true
}

func present(v any) bool { return v != "" }

func (a attributeModel) folded(s string) string {
	if a.Type == "string" && !a.CaseExact {
		return strings.ToLower(s)
	}
	return s
}

func (a attributeModel) order(v, want any) int {
	switch a.Type {
	case "boolean":
		if v == want {
			return 0
		}
		return 1
	case "integer", "decimal":
		return int(10 * (v.(float64) - want.(float64)))
	case "dateTime":
		at, _ := time.Parse(time.RFC3339, v.(string))
		than, _ := time.Parse(time.RFC3339, want.(string))
		return at.Compare(than)
	}
	return strings.Compare(a.folded(v.(string)), a.folded(want.(string)))
}
