package resource

import (
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/fold"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
)

// requires reports whether every resource of the type must have values of an
// extension.
func requires(rt *schema.ResourceType, s *schema.Schema) bool {
	for _, e := range rt.Extensions {
		if e.Schema == s {
			return e.Required
		}
	}
	return false
}

// checkExtensions refuses a resource that lacks what a registered extension
// requires: an extension that the type requires, and the required attributes of
// any extension that has values. What was missing before is not refused: a
// client that does not know an extension, or a resource that is older than it,
// can still be changed otherwise. RFC 7643 §6, §7
func checkExtensions(rt *schema.ResourceType, before, after scim.Resource) error {
	for _, e := range rt.Extensions {
		urn := e.Schema.ID
		if !e.Registered || before != nil && scim.EqualValue(before[urn], after[urn]) {
			continue
		}
		values, ok := after[urn].(map[string]any)
		if !ok {
			if e.Required {
				return &scim.Error{Type: scim.InvalidValue, Rule: scim.RuleRequired, Attribute: urn, Detail: "This tenant requires " + urn + ": send values of it, or have the tenant's administrator make it optional."}
			}
			continue
		}
		for _, a := range e.Schema.Attributes {
			if err := checkRequiredParts(a, values, urn+":"+a.Name, urn); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkRequiredParts refuses values that lack a required attribute, and elements of
// it that lack a required sub-attribute.
func checkRequiredParts(a *schema.Attribute, values map[string]any, path, within string) error {
	v := values[a.Name]
	if s, ok := v.(string); a.Required && (v == nil || ok && fold.Value(s) == "") {
		return &scim.Error{Type: scim.InvalidValue, Rule: scim.RuleRequired, Attribute: path, Detail: path + " is required wherever there are values of " + within + ", and must not be blank."}
	}
	elements, ok := v.([]any)
	if !ok {
		elements = []any{v}
	}
	for _, element := range elements {
		parts, ok := element.(map[string]any)
		for _, sub := range a.SubAttributes {
			if !ok {
				break
			}
			if err := checkRequiredParts(sub, parts, path+"."+sub.Name, path); err != nil {
				return err
			}
		}
	}
	return nil
}
