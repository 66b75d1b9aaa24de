package scim

import "maps"

// Renew returns what a resource becomes by the POST that finds it again. It is
// Replace, except that an immutable attribute gets the value sent, because a
// POST creates. RFC 7643 §7
func Renew(rt *ResourceType, before, sent Resource) (Resource, error) {
	return replace(rt, before, sent, true)
}

// Replace returns what a resource becomes by a PUT: what was sent, with the id
// and the read-only attributes it had. An omitted attribute is cleared, except
// for active and isTeamAccount, which are kept; an immutable attribute may be
// set once. Neither argument is changed; the result shares their values. RFC
// 7644 §3.5.1
func Replace(rt *ResourceType, before, sent Resource) (Resource, error) {
	return replace(rt, before, sent, false)
}

func replace(rt *ResourceType, before, sent Resource, anew bool) (Resource, error) {
	before, hidden := rt.visible(before)
	after := maps.Clone(sent)
	if after == nil {
		after = Resource{}
	}
	delete(after, "id")
	if id, ok := before["id"]; ok {
		after["id"] = id
	}
	for _, t := range targetsOf(rt) {
		old := part(before, t.extension, t.attr.Name)
		if old == nil {
			continue
		}
		now := part(after, t.extension, t.attr.Name)
		switch {
		case t.attr.Mutability == ReadOnly, now == nil && (alwaysSet(t) || t.attr.Mutability == Immutable):
			setPart(after, t.extension, t.attr.Name, old)
		case anew:
		case t.attr.Mutability == Immutable && !sameValue(old, now):
			return nil, immutableError(t)
		case t.attr.Mutability == Immutable:
			setPart(after, t.extension, t.attr.Name, old)
		case now != nil && !t.attr.MultiValued && t.attr.Type == TypeComplex:
			kept, err := keepParts(t, asElement(old), asElement(now))
			if err != nil {
				return nil, err
			}
			setPart(after, t.extension, t.attr.Name, kept)
		}
	}
	keepRequired(rt, before, after)
	hidden.restore(after)
	setSchemas(rt, after)
	if err := checkSize(rt, after); err != nil {
		return nil, err
	}
	return after, nil
}

// keepParts returns a complex value that replaces another, with the omitted
// sub-attributes that cannot be removed. RFC 7644 §3.5.1
func keepParts(t target, old, now map[string]any) (map[string]any, error) {
	kept := maps.Clone(now)
	for _, sub := range t.attr.SubAttributes {
		before, sent := old[sub.Name], now[sub.Name]
		switch {
		case before == nil:
		case sub.Mutability == ReadOnly, sub.Mutability == Immutable && sent == nil:
			kept[sub.Name] = before
		case sub.Mutability == Immutable && !sameValue(before, sent):
			return nil, immutableError(target{extension: t.extension, attr: t.attr, sub: sub})
		}
	}
	return kept, nil
}

// keepRequired keeps the required attributes of a tenant's extension if the
// extension stays because of attributes that cannot be removed: a client that
// does not know an extension leaves it valid.
func keepRequired(rt *ResourceType, before, after Resource) {
	for _, e := range rt.Extensions {
		if !e.own || after[e.Schema.ID] == nil {
			continue
		}
		for _, a := range e.Schema.Attributes {
			if a.Required && part(after, e.Schema, a.Name) == nil {
				if old := part(before, e.Schema, a.Name); old != nil {
					setPart(after, e.Schema, a.Name, old)
				}
			}
		}
	}
}

func immutableError(t target) error {
	return &Error{NotMutable, t.String() + " cannot be changed once it has a value."}
}

// targetsOf returns all attributes of a resource type except the common ones.
func targetsOf(rt *ResourceType) []target {
	var all []target
	for _, a := range rt.Schema.Attributes {
		all = append(all, target{attr: a})
	}
	for _, e := range rt.Extensions {
		for _, a := range e.Schema.Attributes {
			all = append(all, target{extension: e.Schema, attr: a})
		}
	}
	return all
}

// alwaysSet reports that the attribute has a value in every resource: a request
// that omits it keeps it, because clearing it would change who may sign in or
// who holds a seat.
func alwaysSet(t target) bool { return t.attr != nil && t.sub == nil && t.attr.Defaulted }
