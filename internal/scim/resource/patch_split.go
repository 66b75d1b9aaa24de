package resource

import (
	"maps"
	"slices"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/filter"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
)

// Split takes the operations on one attribute of the core schema out of a
// patch, for a caller that stores its values elsewhere. own are these
// operations in order, each with a path that begins with the attribute's
// canonical name, however it was written. rest is the patch without them. An
// operation that cannot be read stays in rest, where Apply refuses it.
//
// The two may be applied one after the other, because no operation on an
// attribute depends on another attribute.
func (p *Patch) Split(rt *schema.ResourceType, attribute string) (own []Operation, rest *Patch) {
	rest = &Patch{notices: slices.Clone(p.notices)}
	s := splitting{rt: rt, attribute: attribute, notices: &rest.notices}
	for _, o := range p.Operations {
		if o.Path != "" && !scim.EqualName(o.Path, rt.Schema.ID) {
			if path, ok := s.pathIn(o.Path); ok {
				o.Path = path
				s.own = append(s.own, o)
			} else {
				rest.Operations = append(rest.Operations, o)
			}
			continue
		}
		c := coercer{inText: o.inText, notices: rest.notices}
		values, err := c.attributesOf("value", o.Value)
		if err != nil || o.Op == OpRemove {
			rest.Operations = append(rest.Operations, o)
			continue
		}
		o.Value, o.inText, rest.notices = values, c.inText, c.notices
		left := s.values(o, values, false)
		if len(left) == len(values) || len(left) > 0 {
			if values != nil {
				o.Value = left
			}
			rest.Operations = append(rest.Operations, o)
		}
	}
	return s.own, rest
}

// splitting is a patch while the operations on one attribute are taken out of
// it.
type splitting struct {
	rt        *schema.ResourceType
	attribute string
	notices   *scim.Notices
	own       []Operation
}

// values takes the attribute out of a value without a path, and returns the
// rest; within reports that the value is an object under the URN of the core
// schema.
func (s *splitting) values(o Operation, values map[string]any, within bool) map[string]any {
	left := maps.Clone(values)
	for _, name := range scim.SortedNames(values) {
		if !within && scim.EqualName(name, s.rt.Schema.ID) {
			s.core(o, left, name)
			continue
		}
		path, ok := s.pathIn(name)
		if !ok {
			continue
		}
		if strings.ContainsAny(name, ".:[") {
			s.notices.Add(scim.NoticePathInValue, name)
		}
		s.own = append(s.own, Operation{Op: o.Op, Path: path, Value: values[name], Number: o.Number, named: true, inText: o.inText})
		delete(left, name)
	}
	return left
}

// core takes the attribute out of an object under the URN of the core schema. A
// value that cannot be read stays where it is: Apply refuses it.
func (s *splitting) core(o Operation, left map[string]any, name string) {
	c := coercer{inText: o.inText}
	core, err := c.attributesOf(name, left[name])
	if err != nil {
		return
	}
	o.inText = c.inText
	if inner := s.values(o, core, true); len(inner) < len(core) {
		for _, n := range c.notices {
			s.notices.Add(n.Kind, n.Attribute)
		}
		s.notices.Add(scim.NoticeCoreObject, s.rt.Schema.ID)
		left[name] = inner
	}
}

// pathIn returns a path in canonical form if it names the attribute of the core
// schema, or a part of it.
func (s *splitting) pathIn(text string) (string, bool) {
	var notices scim.Notices
	p, fault := parsePath(s.rt, text, &notices)
	if fault != nil {
		return "", false
	}
	n := s.rt.ResolvePath(p)
	if n.Extension != nil || n.Attribute == nil || n.Attribute.Name != s.attribute {
		return "", false
	}
	for _, n := range notices {
		s.notices.Add(n.Kind, n.Attribute)
	}
	n.NoteSpelling(s.notices)
	path := filter.Path{Attribute: n.Attribute.Name, Filter: p.Filter}
	if n.Sub != nil {
		path.Sub = n.Sub.Name
	}
	return path.String(), true
}

// DecodeElements coerces a value that an operation sends for a multi-valued
// attribute of the core schema, as Decode does: one object is an array of one,
// a string is the value of one, null and an empty array mean no values.
func DecodeElements(rt *schema.ResourceType, attribute string, value any) ([]map[string]any, []scim.Notice, error) {
	a := rt.Schema.Attribute(attribute)
	if a == nil || !a.MultiValued || a.Type != schema.TypeComplex {
		return nil, nil, &scim.Error{Type: scim.InvalidPath, Detail: attribute + " is not a multi-valued complex attribute."}
	}
	c := coercer{rt: rt}
	list, err := c.elements(a, a.Name, value)
	if err != nil {
		return nil, nil, err
	}
	elements := make([]map[string]any, len(list))
	for i, v := range list {
		elements[i] = scim.Object(v)
	}
	return elements, c.notices, nil
}
