package resource

import (
	"fmt"
	"maps"

	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
)

// coercer turns values as sent into values as stored: canonical names, the
// types of the schema, at most one primary value, nothing that is null or
// empty. POST, PUT and PATCH share it, so that they tolerate and refuse the
// same. It does not change its arguments.
type coercer struct {
	rt      *schema.ResourceType
	notices scim.Notices
	// inText reports that the current value was read out of JSON in a string:
	// strings in it are not decoded again.
	inText bool
}

// attribute coerces an attribute's whole value; nil is an attribute without a
// value. RFC 7643 §2.5
func (c *coercer) attribute(a *schema.Attribute, path string, v any) (any, error) {
	if !a.MultiValued {
		return c.single(a, path, v)
	}
	list, err := c.elements(a, path, v)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return list, nil
}

// elements coerces the value of a multi-valued attribute: distinct values, of
// which at most one is primary.
func (c *coercer) elements(a *schema.Attribute, path string, v any) ([]any, error) {
	defer c.leaveText(c.inText)
	sent, err := c.array(a, path, v)
	if err != nil {
		return nil, err
	}
	if err := checkCount(path, len(sent)); err != nil {
		return nil, err
	}
	list := make([]any, 0, len(sent))
	for i, v := range sent {
		if inner, ok := v.([]any); ok && len(inner) > 0 {
			return nil, typeError(a, path, v)
		}
		element, err := c.single(a, path, c.wrappedValue(a, path, v))
		if err == nil && path == "members" {
			element, err = c.member(a, path, i+1, scim.Object(element))
		}
		if err != nil {
			return nil, err
		}
		if element != nil {
			list = append(list, element)
		}
	}
	list = distinct(a, list)
	if c.onePrimary(a, path, list, nil) {
		list = distinct(a, list)
	}
	return list, nil
}

// array returns the array that was sent, or an array of the one value that was
// sent.
func (c *coercer) array(a *schema.Attribute, path string, v any) ([]any, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case []any:
		return v, nil
	case map[string]any:
		if len(v) == 0 {
			return nil, nil
		}
		if inner, ok := nested(a, v); ok {
			c.notices.Add(scim.NoticeNestedValue, path)
			return c.array(a, path, inner)
		}
		if a.Type == schema.TypeComplex || isValueObject(v) {
			c.notices.Add(scim.NoticeSingleValue, path)
			return []any{v}, nil
		}
		return nil, typeError(a, path, v)
	case string:
		if v == "" {
			return nil, nil
		}
		if a.Type != schema.TypeComplex {
			break
		}
		if inner, ok, err := c.readText(a, path, v); err != nil {
			return nil, err
		} else if ok {
			return c.array(a, path, inner)
		}
		if path == "emails" && !isLoneAddress(v) {
			return nil, &scim.Error{
				Type: scim.InvalidValue, Rule: scim.RuleAddress, Attribute: path,
				Detail: "emails must be an array, each of its values an object, not a string. A string is accepted only if it is one email address.",
			}
		}
	}
	if a.Type != schema.TypeComplex {
		c.notices.Add(scim.NoticeSingleValue, path)
	} else if !takesBare(a, v) {
		return nil, typeError(a, path, v)
	}
	return []any{v}, nil
}

// single coerces one value: that of a singular attribute, of a sub-attribute,
// or one element.
func (c *coercer) single(a *schema.Attribute, path string, v any) (any, error) {
	v, err := c.alone(a, path, v)
	if err != nil || scim.IsNone(v) {
		return nil, err
	}
	text, isText := v.(string)
	switch a.Type {
	case schema.TypeComplex:
		return c.complexValue(a, path, v)
	case schema.TypeBoolean:
		return c.boolean(a, path, v)
	case schema.TypeInteger, schema.TypeDecimal:
		if !a.Fits(v) {
			return nil, typeError(a, path, v)
		}
		return v, nil
	}
	if !isText {
		return nil, typeError(a, path, v)
	}
	if err := checkText(a, path, text); err != nil {
		return nil, err
	}
	if !a.Fits(text) {
		return nil, typeError(a, path, v)
	}
	if a.Type == schema.TypeReference && !isURIReference(text) {
		c.notices.Add(scim.NoticeNotURI, path)
	}
	if otherThanUser(path, text) {
		c.notices.Add(scim.NoticeMemberType, "members")
	}
	if path == "x509Certificates.value" && severalCertificates(text) {
		return nil, &scim.Error{Type: scim.InvalidValue, Rule: scim.RuleBinary, Attribute: path, Detail: path + " contains more than one certificate: send each as a separate value, DER in base64."}
	}
	return text, nil
}

func (c *coercer) boolean(a *schema.Attribute, path string, v any) (any, error) {
	switch v := v.(type) {
	case bool:
		return v, nil
	case string:
		for _, b := range []bool{true, false} {
			if scim.EqualName(v, fmt.Sprint(b)) {
				c.notices.Add(scim.NoticeStringBoolean, path)
				return b, nil
			}
		}
	}
	return nil, typeError(a, path, v)
}

func (c *coercer) complexValue(a *schema.Attribute, path string, v any) (any, error) {
	defer c.leaveText(c.inText)
	sent, _, err := c.object(a, path, v)
	if err != nil {
		return nil, err
	}
	parts, err := c.parts(a, path, sent)
	if err != nil || hollow(a, parts) {
		return nil, err
	}
	maps.DeleteFunc(parts, isNil)
	if len(parts) == 0 {
		return nil, nil
	}
	return parts, nil
}

// parts coerces the sub-attributes that an object sends; nil stands for a
// sub-attribute sent without a value. Unknown and read-only sub-attributes, and
// those never returned, are left out.
func (c *coercer) parts(a *schema.Attribute, path string, sent map[string]any) (map[string]any, error) {
	sent = c.textInValue(a, path, sent)
	parts := make(map[string]any, len(sent))
	for _, name := range scim.SortedNames(sent) {
		sub := a.Sub(name)
		if sub == nil {
			c.notices.Add(scim.NoticeUnknownAttribute, path+"."+name)
			continue
		}
		if sub.Mutability == schema.ReadOnly {
			continue
		}
		v, err := c.attribute(sub, path+"."+sub.Name, sent[name])
		if err != nil {
			return nil, err
		}
		if sub.Returned != schema.ReturnedNever {
			parts[sub.Name] = v
		}
	}
	return parts, nil
}
