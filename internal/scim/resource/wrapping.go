package resource

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
)

// Identity providers wrap values in what the schema does not have: one value in
// an array, an object around a string, JSON in a string. The functions here
// take the value out. A bare value and a wrapped one give the same result.

// filled returns the elements of an array that are values.
func filled(list []any) []any {
	if !slices.ContainsFunc(list, scim.IsNone) {
		return list
	}
	return slices.DeleteFunc(slices.Clone(list), scim.IsNone)
}

// alone takes the value of a singular attribute out of an array of one. Entra's
// old client sends such arrays, with an object around the value of a simple
// attribute: events/entra/disable_user_in_array.
func (c *coercer) alone(a *schema.Attribute, path string, v any) (any, error) {
	if a.MultiValued {
		return v, nil
	}
	switch sent := v.(type) {
	case map[string]any:
		inner, ok := nested(a, sent)
		if _, isObject := inner.(map[string]any); ok && (isObject || a.Type != schema.TypeComplex) {
			c.notices.Add(scim.NoticeNestedValue, path)
			return inner, nil
		}
	case []any:
		list := filled(sent)
		if len(list) == 0 {
			return nil, nil
		}
		if len(list) > 1 {
			return nil, severalError(path, len(list))
		}
		c.notices.Add(scim.NoticeWrappedValue, path)
		return c.wrappedValue(a, path, list[0]), nil
	}
	return v, nil
}

// severalError refuses several values for a singular attribute.
func severalError(path string, n int) error {
	return &scim.Error{Type: scim.InvalidValue, Rule: scim.RuleSingle, Attribute: path, Detail: fmt.Sprintf(
		"%s has one value, and the request sends an array of %d. Map one value to it.", path, n)}
}

// wrappedValue takes the value of a simple attribute out of an object in an
// array: {"$ref":null,"value":"x"} becomes "x". Anything else stays as it is.
func (c *coercer) wrappedValue(a *schema.Attribute, path string, v any) any {
	object, ok := v.(map[string]any)
	if !ok || a.Type == schema.TypeComplex {
		return v
	}
	if !isValueObject(object) {
		return v
	}
	c.notices.Add(scim.NoticeWrappedValue, path)
	return scim.Member(object, "value")
}

// isValueObject reports whether an object has a value and otherwise only
// members that describe the value.
func isValueObject(object map[string]any) bool {
	for name := range object {
		if !slices.ContainsFunc(commonParts, func(part string) bool { return scim.EqualName(part, name) }) {
			return false
		}
	}
	_, sent := scim.LookupMember(object, "value")
	return sent
}

// commonParts are the sub-attributes that any value of a multi-valued attribute
// may have. RFC 7643 §2.4
var commonParts = []string{"value", "$ref", "type", "display", "primary"}

// nested takes the value of an attribute out of an object that repeats its
// name.
func nested(a *schema.Attribute, v map[string]any) (any, bool) {
	for name, inner := range v {
		if len(v) == 1 && scim.EqualName(name, a.Name) && a.Sub(name) == nil {
			return inner, true
		}
	}
	return nil, false
}

// object returns the object that a value of a complex attribute is or stands
// for, nil if there is none. bare reports that it was sent as its bare value.
func (c *coercer) object(a *schema.Attribute, path string, v any) (sent map[string]any, bare bool, err error) {
	if v, err = c.alone(a, path, v); err != nil || scim.IsNone(v) {
		return nil, false, err
	}
	if object, ok := v.(map[string]any); ok {
		return object, false, nil
	}
	if text, ok := v.(string); ok {
		if inner, ok, err := c.readText(a, path, text); ok {
			if err != nil {
				return nil, false, err
			}
			return c.object(a, path, inner)
		}
	}
	if !takesBare(a, v) {
		return nil, false, typeError(a, path, v)
	}
	c.notices.Add(scim.NoticeBareValue, path)
	return map[string]any{"value": v}, true, nil
}

// takesBare reports whether a bare value stands for an object with it: whether
// the attribute has a value of the type that was sent.
func takesBare(a *schema.Attribute, v any) bool {
	sub := a.Sub("value")
	if sub == nil || sub.Mutability == schema.ReadOnly {
		return false
	}
	switch v.(type) {
	case string:
		return true
	case bool:
		return sub.Type == schema.TypeBoolean
	case scim.Number:
		return sub.Type == schema.TypeInteger || sub.Type == schema.TypeDecimal
	}
	return false
}

// isLoneAddress reports whether a text is one email address. A string in place
// of all emails may be a list of addresses, or a name: it is not accepted as an
// email then.
func isLoneAddress(text string) bool {
	local, domain, ok := strings.Cut(text, "@")
	return ok && local != "" && strings.Contains(strings.Trim(domain, "."), ".") &&
		!strings.ContainsAny(text, " \t\r\n,;<>\"()[]") && !strings.Contains(domain, "@")
}

// hollow reports whether the sub-attributes sent mean that there is no value:
// value was sent empty, and no other part belongs to the value itself. A type
// and a primary flag do not, because a template fills them in for everyone.
func hollow(a *schema.Attribute, parts map[string]any) bool {
	if v, sent := parts["value"]; !sent || v != nil {
		return false
	}
	for name, v := range parts {
		if v != nil && (!a.MultiValued || name != "type" && name != "primary") {
			return false
		}
	}
	return true
}

// readText decodes the JSON object or array in a string that was sent for a
// complex value. From then on strings are not decoded until leaveText: a string
// within a string would bypass the limit of nesting. ok is false for a string
// that is not JSON.
func (c *coercer) readText(a *schema.Attribute, path, text string) (v any, ok bool, err error) {
	v, ok, err = c.decodeText(path, text)
	if !ok || err != nil {
		return nil, ok, err
	}
	c.notices.Add(scim.NoticeStringifiedValue, path)
	c.inText = true
	switch sent := v.(type) {
	case map[string]any:
		v = withDisplay(a, sent)
	case []any:
		for i, element := range sent {
			if object, ok := element.(map[string]any); ok {
				sent[i] = withDisplay(a, object)
			}
		}
	}
	return v, true, nil
}

// leaveText ends what readText began: a caller defers it with the state before.
func (c *coercer) leaveText(before bool) { c.inText = before }

// decodeText returns the JSON object or array in a string, if there is one.
// JSON that nests deeper than a body may is refused: it is not meant as a text.
func (c *coercer) decodeText(path, text string) (v any, ok bool, err error) {
	if c.inText {
		return nil, false, nil
	}
	v, ok, deep := scim.DecodeText(text)
	if deep {
		return nil, true, &scim.Error{Type: scim.InvalidValue, Detail: fmt.Sprintf("%s holds JSON in a string that nests deeper than %d levels.", path, scim.MaxDepth)}
	}
	return v, ok, nil
}

// withDisplay returns an object that was sent as JSON in a string, with its
// displayName as the display that the attribute has instead, and without the id
// that it has in the directory it comes from.
func withDisplay(a *schema.Attribute, object map[string]any) map[string]any {
	if a.Sub("display") == nil || a.Sub("displayName") != nil || a.Sub("id") != nil {
		return object
	}
	out := make(map[string]any, len(object))
	for name, v := range object {
		switch {
		case scim.EqualName(name, "id"):
		case !scim.EqualName(name, "displayName"):
			out[name] = v
		case scim.Member(object, "display") == nil:
			out["display"] = v
		}
	}
	return out
}

// textInValue takes a value out of the JSON string that Entra puts into its
// value: {"value":"{\"id\":…,\"value\":\"Admin\",\"displayName\":\"Admin\"}"}
// becomes {"value":"Admin","display":"Admin"}. Any other string stays as it is.
func (c *coercer) textInValue(a *schema.Attribute, path string, sent map[string]any) map[string]any {
	value := a.Sub("value")
	if !a.MultiValued || value == nil || value.Type != schema.TypeString || a.Sub("display") == nil {
		return sent
	}
	text, _ := scim.Member(sent, "value").(string)
	if len(text) > scim.MaxString || !strings.HasPrefix(text, "{") {
		return sent
	}
	v, _, err := c.decodeText(path, text)
	object, _ := v.(map[string]any)
	if err != nil {
		return sent
	}
	inner, ok := scim.Member(object, "value").(string)
	if !ok || strings.HasPrefix(inner, "{") {
		return sent
	}
	c.notices.Add(scim.NoticeStringifiedValue, path)
	out := map[string]any{}
	if display, ok := scim.Member(object, "displayName").(string); ok {
		out["display"] = display
	}
	for name, v := range sent {
		if sub := a.Sub(name); sub != nil {
			name = sub.Name
		}
		out[name] = v
	}
	out["value"] = inner
	return out
}

// attributesOf returns a value as an object of attributes: those of a resource,
// in an operation without a path, or of an extension. It returns nil for any
// other value.
func (c *coercer) attributesOf(name string, v any) (map[string]any, error) {
	if list, ok := v.([]any); ok {
		if list = filled(list); len(list) > 1 {
			return nil, severalError(name, len(list))
		}
		if v = nil; len(list) == 1 {
			c.notices.Add(scim.NoticeWrappedValue, name)
			v = list[0]
		}
	}
	if text, ok := v.(string); ok {
		if inner, ok, err := c.decodeText(name, text); ok {
			if err != nil {
				return nil, err
			}
			c.notices.Add(scim.NoticeStringifiedValue, name)
			c.inText = true
			return c.attributesOf(name, inner)
		}
	}
	object, ok := v.(map[string]any)
	if !ok && !scim.IsNone(v) {
		return nil, &scim.Error{Type: scim.InvalidValue, Rule: scim.RuleObject, Attribute: name, Detail: name + " must be an object of attributes, not " + scim.KindOf(v) + "."}
	}
	return object, nil
}
