package resource

import (
	"maps"

	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
)

// Renew returns what a resource becomes by the POST that finds it again. It is
// Replace, except that an immutable attribute gets the value sent, because a
// POST creates. RFC 7643 §7
func Renew(rt *schema.ResourceType, before, sent scim.Resource) (scim.Resource, error) {
	return replace(rt, before, sent, true)
}

// Replace returns what a resource becomes by a PUT: what was sent, with the id
// and the read-only attributes it had. An omitted attribute is cleared, except
// for one that always has a value, which is kept; an immutable attribute may be
// set once. Neither argument is changed; the result shares their values. RFC
// 7644 §3.5.1
func Replace(rt *schema.ResourceType, before, sent scim.Resource) (scim.Resource, error) {
	return replace(rt, before, sent, false)
}

func replace(rt *schema.ResourceType, before, sent scim.Resource, anew bool) (scim.Resource, error) {
	before, hidden := rt.Visible(before)
	after := maps.Clone(sent)
	if after == nil {
		after = scim.Resource{}
	}
	delete(after, "id")
	if id, ok := before["id"]; ok {
		after["id"] = id
	}
	for _, t := range targetsOf(rt) {
		old := schema.Part(before, t.Extension, t.Attribute.Name)
		if old == nil {
			continue
		}
		now := schema.Part(after, t.Extension, t.Attribute.Name)
		switch {
		case t.Attribute.Mutability == schema.ReadOnly, now == nil && (alwaysSet(t) || t.Attribute.Mutability == schema.Immutable):
			schema.SetPart(after, t.Extension, t.Attribute.Name, old)
		case anew:
		case t.Attribute.Mutability == schema.Immutable && !sameValue(old, now):
			return nil, immutableError(t)
		case t.Attribute.Mutability == schema.Immutable:
			schema.SetPart(after, t.Extension, t.Attribute.Name, old)
		case now != nil && !t.Attribute.MultiValued && t.Attribute.Type == schema.TypeComplex:
			kept, err := keepParts(t, scim.Object(old), scim.Object(now))
			if err != nil {
				return nil, err
			}
			schema.SetPart(after, t.Extension, t.Attribute.Name, kept)
		}
	}
	keepRequired(rt, before, after)
	hidden.Restore(after)
	schema.SetSchemas(rt, after)
	if err := checkSize(rt, after); err != nil {
		return nil, err
	}
	return after, nil
}

// keepParts returns a complex value that replaces another, with the omitted
// sub-attributes that cannot be removed. RFC 7644 §3.5.1
func keepParts(t schema.Target, old, now map[string]any) (map[string]any, error) {
	kept := maps.Clone(now)
	for _, sub := range t.Attribute.SubAttributes {
		before, sent := old[sub.Name], now[sub.Name]
		switch {
		case before == nil:
		case sub.Mutability == schema.ReadOnly, sub.Mutability == schema.Immutable && sent == nil:
			kept[sub.Name] = before
		case sub.Mutability == schema.Immutable && !sameValue(before, sent):
			return nil, immutableError(schema.Target{Extension: t.Extension, Attribute: t.Attribute, Sub: sub})
		}
	}
	return kept, nil
}

// keepRequired keeps the required attributes of a registered extension if the
// extension stays because of attributes that cannot be removed: a client that
// does not know an extension leaves it valid.
func keepRequired(rt *schema.ResourceType, before, after scim.Resource) {
	for _, e := range rt.Extensions {
		if !e.Registered || after[e.Schema.ID] == nil {
			continue
		}
		for _, a := range e.Schema.Attributes {
			if a.Required && schema.Part(after, e.Schema, a.Name) == nil {
				if old := schema.Part(before, e.Schema, a.Name); old != nil {
					schema.SetPart(after, e.Schema, a.Name, old)
				}
			}
		}
	}
}

func immutableError(t schema.Target) error {
	return &scim.Error{Type: scim.NotMutable, Rule: scim.RuleImmutable, Attribute: t.String(), Detail: t.String() + " cannot be changed once it has a value."}
}

// targetsOf returns all attributes of a resource type except the common ones.
func targetsOf(rt *schema.ResourceType) []schema.Target {
	all := make([]schema.Target, 0, len(rt.Schema.Attributes)+8*len(rt.Extensions))
	for _, a := range rt.Schema.Attributes {
		all = append(all, schema.Target{Attribute: a})
	}
	for _, e := range rt.Extensions {
		for _, a := range e.Schema.Attributes {
			all = append(all, schema.Target{Extension: e.Schema, Attribute: a})
		}
	}
	return all
}

// alwaysSet reports that the attribute has a value in every resource: a request
// that omits it keeps it, because clearing it would change who may sign in.
func alwaysSet(t schema.Target) bool {
	return t.Attribute != nil && t.Sub == nil && t.Attribute.Defaulted
}
