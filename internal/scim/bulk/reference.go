package bulk

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
)

// prefix begins a text that stands for the id of what an operation creates.
// RFC 7644 §3.7.2
const prefix = "bulkId:"

// referred returns the bulkId that a value refers to: the text after bulkId:,
// which in a $ref may come after the last slash.
func referred(name, text string) (before, id string, ok bool) {
	if id, ok := strings.CutPrefix(text, prefix); ok {
		return "", id, true
	}
	if scim.EqualName(name, "$ref") {
		if i := strings.LastIndex(text, "/"+prefix); i >= 0 {
			return text[:i+1], text[i+1+len(prefix):], true
		}
	}
	return "", "", false
}

// quotedReference matches references in the filter of a PATCH operation's path.
// It is compiled when it is first used: every function links this package.
var quotedReference = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`"` + prefix + `([^"\\]*)"`)
})

// exchange returns a value with every reference in it exchanged. A value
// without references is returned itself, not a copy. A password is never a
// reference, whatever it looks like. texts reports that a string may be the
// JSON of a value, in which references are exchanged too.
func exchange(name string, v any, texts bool, id func(string) string) any {
	switch v := v.(type) {
	case string:
		if before, referredTo, ok := referred(name, v); ok {
			return before + id(referredTo)
		}
		if inner := referringText(v); texts && inner != nil {
			return string(scim.EncodeValue(exchange(name, inner, false, id)))
		}
	case []any:
		out := make([]any, len(v))
		for i, element := range v {
			out[i] = exchange(name, element, texts, id)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, element := range v {
			if !isPassword(name) {
				element = exchange(name, element, texts, id)
			}
			out[name] = element
		}
		return out
	}
	return v
}

// referringText returns the JSON object or array in a text that may contain
// references, nil if it is neither.
func referringText(text string) any {
	if !strings.Contains(text, prefix) {
		return nil
	}
	v, _, _ := scim.DecodeText(text) // what cannot be read is refused by the operation
	return v
}

// nameTakesText reports whether JSON in a string is accepted for what a name means:
// for a complex value, the attributes of an extension, or those of the core
// schema.
func nameTakesText(n schema.Name) bool {
	return n.Core || n.Extension != nil && n.Attribute == nil || n.Attribute != nil && takesText(n.Target)
}

func takesText(t schema.Target) bool {
	return t.Attribute.Type == schema.TypeComplex && (t.Sub == nil || t.Sub.Type == schema.TypeComplex)
}

// isPassword reports whether a name is that of the password, with or without
// its URN.
func isPassword(name string) bool {
	return scim.EqualName(name[strings.LastIndexByte(name, ':')+1:], "password")
}

// exchangePatch exchanges the references in the operations of a PATCH: in their
// values, and in the filters of their paths.
func exchangePatch(rt *schema.ResourceType, data map[string]any, id func(string) string) map[string]any {
	out := make(map[string]any, len(data))
	for name, v := range data {
		list, ok := v.([]any)
		if ok && scim.EqualName(name, "Operations") {
			changed := make([]any, len(list))
			for i, o := range list {
				changed[i] = exchangeOperation(rt, o, id)
			}
			v = changed
		}
		out[name] = v
	}
	return out
}

func exchangeOperation(rt *schema.ResourceType, o any, id func(string) string) any {
	object, ok := o.(map[string]any)
	if !ok {
		return o
	}
	path, _ := scim.Member(object, "path").(string)
	out := make(map[string]any, len(object))
	for name, v := range object {
		switch {
		case scim.EqualName(name, "value") && !isPassword(path):
			v = exchangeOperand(rt, path, v, id)
		case scim.EqualName(name, "path") && path != "":
			v = quotedReference().ReplaceAllStringFunc(path, func(quoted string) string {
				return `"` + id(quoted[len(prefix)+1:len(quoted)-1]) + `"`
			})
		}
		out[name] = v
	}
	return out
}

// exchangeOperand exchanges the references in the value of an operation.
func exchangeOperand(rt *schema.ResourceType, path string, v any, id func(string) string) any {
	values, named := v.(map[string]any)
	if path != "" || !named {
		attribute, _, _ := strings.Cut(path, "[")
		return exchange("", v, path == "" || nameTakesText(rt.Resolve(attribute)), id)
	}
	out := make(map[string]any, len(values))
	for name, v := range values {
		attribute, _, _ := strings.Cut(name, "[")
		if !isPassword(name) {
			v = exchange(name, v, nameTakesText(rt.Resolve(attribute)), id)
		}
		out[name] = v
	}
	return out
}

// exchangeResource exchanges the references in a resource. Attributes that are
// unknown or read-only refer to nothing: a user's groups do not make the user
// wait for a group that waits for the user.
func exchangeResource(rt *schema.ResourceType, data map[string]any, id func(string) string) map[string]any {
	w := walk{rt, func(t schema.Target, name string, v any) (any, bool) {
		return exchange(name, v, takesText(t), id), true
	}}
	return w.attributes(data, false)
}

// walk visits each attribute of a resource that its type accepts: at the top
// level, in extensions, and in an object under the URN of the core schema. visit
// returns the value to put in its place; if it returns false, the attribute is
// left out.
type walk struct {
	rt    *schema.ResourceType
	visit func(t schema.Target, name string, v any) (any, bool)
}

// attributes returns a resource, visited; within reports that it is an object
// under the URN of the core schema.
func (w walk) attributes(data map[string]any, within bool) map[string]any {
	out := make(map[string]any, len(data))
	for _, name := range scim.SortedNames(data) {
		if v, keep := w.attribute(name, data[name], within); keep {
			out[name] = v
		}
	}
	return out
}

func (w walk) attribute(name string, v any, within bool) (any, bool) {
	n := w.rt.Resolve(name)
	whole := n.Core || n.Extension != nil && n.Attribute == nil
	if text, ok := v.(string); ok && whole {
		if inner, ok := referringText(text).(map[string]any); ok {
			v, _ = w.attribute(name, inner, within)
			return string(scim.EncodeValue(v)), true
		}
	}
	values, isObject := v.(map[string]any)
	switch {
	case n.Core && isObject && !within:
		return w.attributes(values, true), true
	case !n.Known() || n.ReadOnly() || isPassword(name) || scim.EqualName(name, "schemas"):
		return v, true
	case n.Attribute != nil:
		return w.visit(n.Target, name, v)
	case isObject:
		return w.extension(n.Extension, values), true
	}
	return v, true
}

func (w walk) extension(s *schema.Schema, values map[string]any) map[string]any {
	out := make(map[string]any, len(values))
	for _, name := range scim.SortedNames(values) {
		v, keep := values[name], true
		if t, ok := w.rt.LookupIn(s, name); ok && !t.ReadOnly() {
			v, keep = w.visit(t, name, v)
		}
		if keep {
			out[name] = v
		}
	}
	return out
}

// exchanged returns an operation's data with every reference exchanged.
func (o *Operation) exchanged(rt *schema.ResourceType, id func(string) string) map[string]any {
	switch {
	case o.Data == nil || rt == nil:
		return o.Data
	case o.Method == Patch:
		return exchangePatch(rt, o.Data, id)
	}
	return exchangeResource(rt, o.Data, id)
}

// cutPath splits a path that ends in a reference.
func (o *Operation) cutPath() (before, id string, ok bool) {
	i := strings.Index(o.Path, "/"+prefix)
	if i < 0 {
		return o.Path, "", false
	}
	return o.Path[:i+1], o.Path[i+1+len(prefix):], true
}

// Endpoint returns the operation's path with the placeholder "id" where it
// refers to another operation, so that its route is known before that operation
// is performed.
func (o *Operation) Endpoint() string {
	before, _, ok := o.cutPath()
	if ok {
		return before + "id"
	}
	return o.Path
}

// references returns the bulkIds that an operation refers to, each once.
func (o *Operation) references(rt *schema.ResourceType) []string {
	var ids []string
	note := func(id string) string {
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
		return id
	}
	if _, id, ok := o.cutPath(); ok {
		note(id)
	}
	o.exchanged(rt, note)
	return ids
}

// unescapePath unescapes the bulkId in a path if it is known only in its
// unescaped form.
func (o *Operation) unescapePath(known func(string) bool) {
	before, id, ok := o.cutPath()
	if !ok || known(id) {
		return
	}
	if plain, err := url.PathUnescape(id); err == nil && known(plain) {
		o.Path = before + prefix + plain
	}
}

// postpone removes from a resource what refers to one of the given bulkIds:
// single elements of multi-valued attributes, other attributes as a whole.
// operations are those of a PATCH that adds it.
func postpone(rt *schema.ResourceType, data map[string]any, ids []string) (rest map[string]any, operations []any, err error) {
	w := walk{rt, func(t schema.Target, name string, v any) (any, bool) {
		if !refersTo(t, name, v, ids) {
			return v, true
		}
		late := v
		var early []any
		if list, ok := v.([]any); ok {
			var those []any
			for _, element := range list {
				if refersTo(t, name, element, ids) {
					those = append(those, element)
				} else {
					early = append(early, element)
				}
			}
			late = those
		}
		if len(early) == 0 && t.Attribute.Required || t.Attribute.Mutability == schema.Immutable {
			err = &CircleError{Attribute: t.String()}
		}
		operations = append(operations, map[string]any{"op": "add", "path": t.String(), "value": late})
		return early, len(early) > 0
	}}
	rest = w.attributes(data, false)
	return rest, operations, err
}

// CircleError refuses an operation in a circle of references whose attribute
// cannot be set later. RFC 7644 §3.7.1
type CircleError struct{ Attribute string }

// Error names the attribute.
func (e *CircleError) Error() string {
	return "scim: " + e.Attribute + " refers to an operation that refers back, and cannot be set later"
}

func refersTo(t schema.Target, name string, v any, ids []string) bool {
	found := false
	exchange(name, v, takesText(t), func(id string) string {
		found = found || slices.Contains(ids, id)
		return id
	})
	return found
}
