package resource

import (
	"maps"

	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/fold"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
)

// onePrimary leaves one primary value in a list, in place, and reports whether
// it changed the list. The first primary one of the fresh values stays, else
// the first primary one. Two old or two fresh primary values are a notice; a
// fresh one replaces an old one without a notice, as the standard requires. RFC
// 7644 §3.5.2
func (c *coercer) onePrimary(a *schema.Attribute, path string, list []any, fresh []bool) bool {
	if a.Sub("primary") == nil {
		return false
	}
	var old, young []int
	for i, v := range list {
		if element, _ := v.(map[string]any); element["primary"] == true {
			if fresh != nil && fresh[i] {
				young = append(young, i)
			} else {
				old = append(old, i)
			}
		}
	}
	if len(old)+len(young) < 2 {
		return false
	}
	if len(old) > 1 || len(young) > 1 {
		c.notices.Add(scim.NoticeSecondPrimary, path)
	}
	for _, i := range append(young, old...)[1:] {
		element := maps.Clone(list[i].(map[string]any))
		element["primary"] = false
		list[i] = element
	}
	return true
}

// distinct returns a list without duplicates: without equal values, and without
// values of the same value and type, whose other parts are added to the first
// one. Elements of the list are not changed. RFC 7643 §2.4
func distinct(a *schema.Attribute, list []any) []any {
	if len(list) < 2 {
		return list
	}
	seen := make(map[string]int, len(list))
	kept := list[:0:0]
	for _, v := range list {
		key := identityKey(a, v)
		i, ok := seen[key]
		if !ok {
			seen[key] = len(kept)
			kept = append(kept, v)
			continue
		}
		first, _ := kept[i].(map[string]any)
		element, _ := v.(map[string]any)
		if first == nil || a.Name == "members" {
			continue
		}
		joined := maps.Clone(element)
		maps.Copy(joined, first)
		if element["primary"] == true {
			joined["primary"] = true
		}
		kept[i] = joined
	}
	return kept
}

// identityKey returns the same key for two elements that stand for one value:
// the value and type, compared as the schema says; without a value the whole
// element. Members are compared by their whole elements.
func identityKey(a *schema.Attribute, v any) string {
	value, kind, ok := identity(v)
	sub := a.Sub("value")
	if !ok || sub == nil || a.Name == "members" {
		return "=" + string(scim.EncodeValue(v))
	}
	if sub.Type == schema.TypeString && !sub.CaseExact {
		value = fold.Value(value)
	}
	return "v" + value + "\x00" + fold.Value(kind)
}

// valueIndex finds the element of a list that corresponds to a given one: with
// the same value and the same type, or any type if the given one has none. An
// element without a value, for example an address, corresponds only to an equal
// one. RFC 7643 §2.4
type valueIndex struct {
	typed map[[2]string]int
	any   map[string]int
	whole map[string]int
}

func newValueIndex(list []any) *valueIndex {
	x := &valueIndex{
		typed: make(map[[2]string]int, len(list)),
		any:   make(map[string]int, len(list)),
		whole: make(map[string]int),
	}
	for i, v := range list {
		x.add(v, i)
	}
	return x
}

func (x *valueIndex) add(v any, i int) {
	value, kind, ok := identity(v)
	if !ok {
		setFirst(x.whole, string(scim.EncodeValue(v)), i)
		return
	}
	setFirst(x.any, value, i)
	setFirst(x.typed, [2]string{value, kind}, i)
}

func (x *valueIndex) find(v any) (int, bool) {
	value, kind, ok := identity(v)
	var i int
	switch {
	case !ok:
		i, ok = x.whole[string(scim.EncodeValue(v))]
	case kind == "":
		i, ok = x.any[value]
	default:
		i, ok = x.typed[[2]string{value, kind}]
	}
	return i, ok
}

func setFirst[K comparable](m map[K]int, key K, i int) {
	if _, ok := m[key]; !ok {
		m[key] = i
	}
}

// identity returns what identifies an element within its attribute.
func identity(v any) (value, kind string, ok bool) {
	element, _ := v.(map[string]any)
	value, ok = element["value"].(string)
	kind, _ = element["type"].(string)
	return value, kind, ok
}

// selected reports whether an element is one that a removal by values names:
// the same value, and the same type if both have one; without a value, all that
// was sent. display and $ref are not compared if there is a value, because they
// become outdated.
func selected(element, sent map[string]any) bool {
	if value, ok := sent["value"]; ok {
		if element["value"] != value {
			return false
		}
		kind, sentKind := element["type"], sent["type"]
		return kind == nil || sentKind == nil || kind == sentKind
	}
	for name, v := range sent {
		if !scim.EqualValue(element[name], v) {
			return false
		}
	}
	return len(sent) > 0
}

// sameValue compares two values of an attribute as a reader would: the order of
// several values is ignored. RFC 7643 §2.4
func sameValue(a, b any) bool {
	some, ok1 := a.([]any)
	others, ok2 := b.([]any)
	if !ok1 || !ok2 {
		return scim.EqualValue(a, b)
	}
	index := newValueIndex(nil)
	for i, v := range some {
		setFirst(index.whole, string(scim.EncodeValue(v)), i)
	}
	for _, v := range others {
		if _, ok := index.whole[string(scim.EncodeValue(v))]; !ok {
			return false
		}
	}
	return len(some) == len(others)
}
