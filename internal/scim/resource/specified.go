package resource

import (
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
)

// Specified returns the names of the attributes that a resource was sent with.
func Specified(rt *schema.ResourceType, r scim.Resource) []string {
	var names []string
	for name, v := range r {
		if rt.Extension(name) == nil {
			names = append(names, name)
			continue
		}
		for sub, v := range scim.Object(v) {
			names = append(names, parts(name+":"+sub, v)...)
		}
	}
	return names
}

// parts returns the names of a value's sub-attributes, or the name itself if it
// has none.
func parts(name string, v any) []string {
	elements, ok := v.([]any)
	if !ok {
		elements = []any{v}
	}
	var names []string
	for _, element := range elements {
		for sub := range scim.Object(element) {
			names = append(names, name+"."+sub)
		}
	}
	if names == nil {
		return []string{name}
	}
	return names
}

// Specified returns the names of the attributes that a patch changes, as
// the function Specified does.
func (p *Patch) Specified(rt *schema.ResourceType) []string {
	var names []string
	for _, o := range p.Operations {
		prefix := ""
		switch {
		case o.Path == "" || scim.EqualName(o.Path, rt.Schema.ID):
		case rt.Extension(o.Path) != nil:
			prefix = o.Path + ":"
		default:
			if path, fault := parsePath(rt, o.Path, new(scim.Notices)); fault == nil {
				if path.Sub != "" {
					names = append(names, path.Name())
				} else {
					names = append(names, parts(path.Name(), o.Value)...)
				}
			}
			continue
		}
		c := coercer{inText: o.inText}
		values, _ := c.attributesOf("", o.Value)
		for name, v := range values {
			urn := ""
			switch {
			case prefix != "":
			case scim.EqualName(name, rt.Schema.ID):
				urn = name
			case rt.Extension(name) != nil:
				urn, prefix = name, name+":"
			}
			if urn == "" {
				names = append(names, parts(prefix+name, v)...)
				continue
			}
			within := coercer{inText: c.inText}
			inner, _ := within.attributesOf("", v)
			for name, v := range inner {
				names = append(names, parts(prefix+name, v)...)
			}
			prefix = ""
		}
	}
	return names
}
