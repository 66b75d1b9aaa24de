package scim

import (
	"maps"

	"github.com/rollcall-scim/rollcall/internal/scim/filter"
)

// Split takes the operations on one attribute of the core schema out of a patch,
// for whoever keeps its values elsewhere: they come back in order, each with a
// path that begins with the attribute's canonical name, however it was written.
// rest is the patch without them. What cannot be read stays in rest, where Apply
// refuses it.
//
// The two may be applied one after the other, since no operation on an attribute
// looks at another.
func (p *Patch) Split(rt *ResourceType, attribute string) (own []Operation, rest *Patch) {
	rest = &Patch{notices: p.notices}
	for _, o := range p.Operations {
		if o.Path != "" && !equalName(o.Path, rt.Schema.ID) {
			if path, ok := rt.pathIn(attribute, o.Path); ok {
				o.Path = path
				own = append(own, o)
			} else {
				rest.Operations = append(rest.Operations, o)
			}
			continue
		}
		values, _ := o.Value.(map[string]any)
		left := maps.Clone(values)
		for _, name := range sortedNames(values) {
			if path, ok := rt.pathIn(attribute, name); ok {
				own = append(own, Operation{Op: o.Op, Path: path, Value: values[name], Number: o.Number, named: true})
				delete(left, name)
			}
		}
		if len(left) == len(values) || len(left) > 0 {
			if len(left) < len(values) {
				o.Value = left
			}
			rest.Operations = append(rest.Operations, o)
		}
	}
	return own, rest
}

// pathIn is a path in canonical form if it leads to, or into, an attribute of
// the core schema.
func (rt *ResourceType) pathIn(attribute, text string) (string, bool) {
	p, err := filter.ParsePath(text, filter.Limits{})
	if err != nil {
		return "", false
	}
	t, ok := rt.lookup(nameOf(p))
	if !ok || t.extension != nil || t.attr == nil || t.attr.Name != attribute {
		return "", false
	}
	path := filter.Path{Attribute: t.attr.Name, Filter: p.Filter}
	if t.sub != nil {
		path.Sub = t.sub.Name
	}
	return path.String(), true
}

// DecodeElements coerces a value that an operation sends for a multi-valued
// attribute of the core schema, as DecodeResource does: one object is an array
// of one, null and an empty array are no values.
func DecodeElements(rt *ResourceType, attribute string, value any) ([]map[string]any, []Notice, error) {
	a := rt.Schema.Attribute(attribute)
	if a == nil || !a.MultiValued || a.Type != TypeComplex {
		return nil, nil, &Error{InvalidPath, attribute + " has no values of its own."}
	}
	c := coercer{rt: rt}
	list, err := c.elements(a, a.Name, value)
	if err != nil {
		return nil, nil, err
	}
	elements := make([]map[string]any, len(list))
	for i, v := range list {
		elements[i] = asElement(v)
	}
	return elements, c.notices, nil
}
