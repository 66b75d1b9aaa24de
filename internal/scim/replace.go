package scim

import "maps"

// Replace is what a resource becomes by a PUT of another: what was sent, with
// the id and the read-only attributes it had. An attribute that was left out is
// cleared, except for active and isTeamAccount, which are kept; an immutable
// attribute may be set once. Neither argument is altered; the result shares
// their values. RFC 7644 §3.5.1
func Replace(rt *ResourceType, before, sent Resource) (Resource, error) {
	after := maps.Clone(sent)
	if after == nil {
		after = Resource{}
	}
	delete(after, "id")
	if id, ok := before["id"]; ok {
		after["id"] = id
	}
	for _, t := range rt.targets() {
		old := before.part(t.extension, t.attr.Name)
		if old == nil {
			continue
		}
		now := after.part(t.extension, t.attr.Name)
		switch {
		case t.attr.Mutability == ReadOnly, now == nil && (t.alwaysSet() || t.attr.Mutability == Immutable):
			after.setPart(t.extension, t.attr.Name, old)
		case t.attr.Mutability == Immutable && !equalValue(old, now):
			return nil, immutableError(t)
		}
	}
	setSchemas(rt, after)
	if err := checkSize(rt, after); err != nil {
		return nil, err
	}
	return after, nil
}

func immutableError(t target) error {
	return &Error{NotMutable, t.String() + " cannot be changed once it has a value."}
}

// targets are all the attributes of a resource type but the common ones.
func (rt *ResourceType) targets() []target {
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
