package resource

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
	"github.com/rollcall-scim/rollcall/internal/scim/scimtest"
)

// ownURN is a tenant's schema, with an attribute of each type, singular and
// multi-valued.
const wrappingURN = "urn:example:hr:1.0:User"

// wrappingTypes returns the types whose attributes are wrapped: of users, groups,
// the extensions, and a tenant's schema.
func wrappingTypes(t testing.TB) []*schema.ResourceType {
	t.Helper()
	var attributes []string
	for _, kind := range []string{"string", "boolean", "decimal", "integer", "dateTime", "binary", "reference"} {
		for _, several := range []bool{false, true} {
			attributes = append(attributes, fmt.Sprintf(`{"name":"%s%t","type":"%s","multiValued":%t}`, kind, several, kind, several))
		}
	}
	for _, several := range []bool{false, true} {
		for _, value := range []string{"value", "part"} {
			attributes = append(attributes, fmt.Sprintf(`{"name":"complex%s%t","type":"complex","multiValued":%t,"subAttributes":[
				{"name":"%s"},{"name":"type"},{"name":"number","type":"integer"},{"name":"flag","type":"boolean"},{"name":"tags","multiValued":true}]}`,
				value, several, several, value))
		}
	}
	s, err := schema.Parse([]byte(`{"id":"` + wrappingURN + `","attributes":[` + strings.Join(attributes, ",") + `]}`))
	require.NoError(t, err)
	user := scimtest.UserType()
	user.Extensions = append(slices.Clone(user.Extensions), schema.Extension{Schema: s, Registered: true})
	return []*schema.ResourceType{user, schema.GroupType()}
}

// legal draws a value of a simple attribute that is stored as it is sent.
func legal(t *rapid.T, a *schema.Attribute, path string) any {
	texts := []any{"alpha", "Beta", `"`, "a,b"}
	switch a.Type {
	case schema.TypeBoolean:
		return rapid.Bool().Draw(t, path)
	case schema.TypeInteger:
		return rapid.SampledFrom([]any{scim.Number("0"), scim.Number("-7")}).Draw(t, path)
	case schema.TypeDecimal:
		return rapid.SampledFrom([]any{scim.Number("0"), scim.Number("1.5")}).Draw(t, path)
	case schema.TypeDateTime:
		texts = []any{"2026-01-23T04:56:22Z"}
	case schema.TypeBinary:
		texts = []any{"AQ==", "AgI="}
	case schema.TypeReference:
		texts = []any{"https://example.com/a", "../Users/u1"}
	default:
		switch path {
		case "userName", "emails.value", "externalId":
			texts = []any{"a@example.com", "b@example.com"}
		case "members.type":
			texts = []any{"User"}
		}
	}
	return rapid.SampledFrom(texts).Draw(t, path)
}

// legalValue draws a value of an attribute in the form that the schema has.
func legalValue(t *rapid.T, a *schema.Attribute, path string) any {
	if !a.MultiValued {
		return legalOne(t, a, path)
	}
	list := []any{}
	for range rapid.IntRange(1, 3).Draw(t, path+" values") {
		list = append(list, legalOne(t, a, path))
	}
	return list
}

func legalOne(t *rapid.T, a *schema.Attribute, path string) any {
	if a.Type != schema.TypeComplex {
		return legal(t, a, path)
	}
	parts := map[string]any{}
	for _, sub := range a.SubAttributes {
		needed := sub.Name == "value" || len(parts) == 0
		if sub.Mutability != schema.ReadOnly && (needed || rapid.Bool().Draw(t, path+"."+sub.Name+" sent")) {
			parts[sub.Name] = legalValue(t, sub, path+"."+sub.Name)
		}
	}
	return parts
}

// wrap draws a wrapping of a value and of all values in it. inText values are
// in a JSON string, in which strings are not decoded.
func wrap(t *rapid.T, a *schema.Attribute, path string, v any, inText bool) any {
	list, several := v.([]any)
	if !several {
		return wrapOne(t, a, path, v, inText)
	}
	form := "array"
	if forms := wrappingsOfSeveral(a, path, list, inText); len(forms) > 0 {
		form = rapid.SampledFrom(append(forms, form)).Draw(t, path+" wrapped")
	}
	inText = inText || form == "text" || form == "nested text"
	out := make([]any, len(list))
	for i, v := range list {
		out[i] = wrapOne(t, a, path, v, inText)
	}
	if rapid.IntRange(0, 3).Draw(t, path+" with nothing") == 0 && path != "members" {
		none := nothing(t)
		out = slices.Insert(out, rapid.IntRange(0, len(out)).Draw(t, path+" at"), none)
	}
	switch form {
	case "text":
		return string(scim.EncodeValue(out))
	case "nested":
		return map[string]any{a.Name: out}
	case "nested text":
		return map[string]any{a.Name: string(scim.EncodeValue(out))}
	case "one":
		return out[slices.IndexFunc(out, func(v any) bool { return !scim.IsNone(v) })]
	}
	return out
}

// nothing draws one of the forms of no value.
func nothing(t *rapid.T) any {
	return rapid.SampledFrom([]any{nil, "", []any{}, map[string]any{}}).Draw(t, "nothing")
}

func wrappingsOfSeveral(a *schema.Attribute, path string, list []any, inText bool) []string {
	forms := []string{"nested"}
	if a.Type == schema.TypeComplex && !inText {
		forms = append(forms, "text", "nested text")
	}
	_, isText := list[0].(string)
	if len(list) == 1 && (a.Type == schema.TypeComplex || isText) && path != "emails" {
		forms = append(forms, "one")
	}
	return forms
}

func wrapOne(t *rapid.T, a *schema.Attribute, path string, v any, inText bool) any {
	parts, isComplex := v.(map[string]any)
	forms := []string{"plain"}
	if !a.MultiValued {
		forms = append(forms, "array", "array with nothing")
	}
	if !isComplex {
		// An object around a simple value is accepted only in an array.
		if a.MultiValued {
			forms = append(forms, "object")
		} else {
			forms = append(forms, "object in an array", "nested")
		}
		if _, isBool := v.(bool); isBool {
			forms = append(forms, "text of a boolean")
		}
	} else {
		if len(parts) == 1 && parts["value"] != nil && a.Sub("value") != nil {
			forms = append(forms, "bare")
		}
		if !inText {
			forms = append(forms, "text")
		}
	}
	form := rapid.SampledFrom(forms).Draw(t, path+" as")
	if isComplex {
		inside := inText || form == "text"
		wrapped := make(map[string]any, len(parts))
		for _, name := range scim.SortedNames(parts) {
			part := parts[name]
			wrapped[name] = wrap(t, a.Sub(name), path+"."+name, part, inside)
			if form == "bare" {
				wrapped[name] = part
			}
		}
		if rapid.IntRange(0, 3).Draw(t, path+" with an empty part") == 0 && form != "bare" {
			for _, sub := range a.SubAttributes {
				if wrapped[sub.Name] == nil && sub.Mutability != schema.ReadOnly {
					wrapped[sub.Name] = nothing(t)
					break
				}
			}
		}
		v = wrapped
	}
	switch form {
	case "array":
		return []any{v}
	case "array with nothing":
		return []any{nothing(t), v}
	case "object":
		return map[string]any{"value": v, "$ref": nil}
	case "object in an array":
		return []any{map[string]any{"$ref": nil, "value": v}}
	case "nested":
		return map[string]any{a.Name: v}
	case "text of a boolean":
		return map[any]string{true: "True", false: "FALSE"}[v]
	case "bare":
		return v.(map[string]any)["value"]
	case "text":
		return string(scim.EncodeValue(v))
	}
	return v
}

// A wrapped value gives the same result as the bare value: in a POST, and in a
// PATCH with and without a path, for each attribute of users, groups, the
// extensions and a tenant's schema, at every depth.
func TestWrappings_ComeToTheSame(t *testing.T) {
	for _, rt := range wrappingTypes(t) {
		t.Run(rt.Name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				target := rapid.SampledFrom(slices.DeleteFunc(targetsOf(rt), func(l schema.Target) bool {
					return l.ReadOnly() || l.Attribute.Returned == schema.ReturnedNever
				})).Draw(t, "target")
				path := pathOf(target)
				plain := legalValue(t, target.Attribute, path)
				sent := wrap(t, target.Attribute, path, plain, false)
				for _, form := range []string{"resource", "extension in a text", "path", "add", "pathless", "pathless text", "extension path"} {
					wanted, ok := taken(t, rt, form, target, plain)
					if !ok {
						continue
					}
					if strings.HasSuffix(form, "text") && hasText(sent) {
						continue // one text in another is no JSON
					}
					got, _ := taken(t, rt, form, target, sent)
					if got != wanted {
						t.Fatalf("%s of %s: %s becomes\n%s\nand alone it is\n%s", form, path, scim.EncodeValue(sent), got, wanted)
					}
				}
			})
		})
	}
}

// hasText reports whether there is JSON in a string of a value.
func hasText(v any) bool {
	switch v := v.(type) {
	case string:
		return strings.HasPrefix(v, "{") || strings.HasPrefix(v, "[")
	case []any:
		return slices.ContainsFunc(v, hasText)
	case map[string]any:
		for _, v := range v {
			if hasText(v) {
				return true
			}
		}
	}
	return false
}

// taken returns what a resource becomes if a value is sent in some form; ok is
// false if the form has no place for the attribute.
func taken(t *rapid.T, rt *schema.ResourceType, form string, l schema.Target, v any) (encoded string, ok bool) {
	t.Helper()
	name := map[string]string{"User": "userName", "Group": "displayName"}[rt.Name]
	body := map[string]any{name: "x@example.com"}
	attributes := map[string]any{l.Attribute.Name: v}
	whole := attributes
	if l.Extension != nil {
		whole = map[string]any{l.Extension.ID: attributes}
	}
	text := string(scim.EncodeValue(attributes))
	var operation map[string]any
	switch form {
	case "resource", "extension in a text":
		if form != "resource" && l.Extension == nil {
			return "", false
		}
		for name, v := range whole {
			if body[name] = v; form != "resource" {
				body[name] = text
			}
		}
		r, _, err := Decode(rt, scim.EncodeValue(body))
		if err != nil {
			t.Fatalf("%s of %s: %s: %v", form, pathOf(l), scim.EncodeValue(body), err)
		}
		return string(Encode(rt, r)), true
	case "path":
		operation = map[string]any{"op": "replace", "path": pathOf(l), "value": v}
	case "add":
		operation = map[string]any{"op": "add", "path": pathOf(l), "value": v}
	case "pathless":
		operation = map[string]any{"op": "replace", "value": whole}
	case "pathless text":
		operation = map[string]any{"op": "replace", "value": string(scim.EncodeValue(whole))}
	case "extension path":
		if l.Extension == nil {
			return "", false
		}
		operation = map[string]any{"op": "replace", "path": l.Extension.ID, "value": []any{attributes}}
	}
	before := scim.Resource{name: "x@example.com"}
	r, _, err := applyBody(rt, before, patchBody([]any{operation}))
	if err != nil {
		t.Fatalf("%s of %s: %s: %v", form, pathOf(l), scim.EncodeValue(operation), err)
	}
	return string(Encode(rt, r)), true
}

// nothings returns the forms in which an attribute is sent without a value.
func nothings(a *schema.Attribute) []any {
	none := []any{nil, "", []any{}, map[string]any{}}
	forms := slices.Clone(none)
	if a.Name == "members" {
		return append(forms, "[]", "{}", map[string]any{"members": []any{}})
	}
	for _, v := range none {
		forms = append(forms, []any{v}, []any{v, v})
		if _, object := v.(map[string]any); a.MultiValued || a.Type != schema.TypeComplex || object {
			forms = append(forms, map[string]any{a.Name: v})
		}
		switch {
		case a.Type != schema.TypeComplex:
			forms = append(forms, []any{map[string]any{"$ref": nil, "value": v}})
			continue
		case a.Sub("value") != nil:
			forms = append(forms, map[string]any{"value": v}, []any{map[string]any{"value": v}})
		}
		for _, sub := range a.SubAttributes {
			if a.MultiValued { // of one value a part that is empty clears that part
				forms = append(forms, []any{map[string]any{sub.Name: v}})
			}
		}
	}
	if a.Type == schema.TypeComplex {
		forms = append(forms, "[]", "{}", "[{}]", `[""]`)
	}
	if a.Type == schema.TypeComplex && a.MultiValued && a.Sub("value") != nil {
		filled := map[string]any{"value": "", "type": "work"}
		if a.Sub("primary") != nil {
			filled["primary"] = "True"
		}
		forms = append(forms, []any{filled}, filled)
	}
	return forms
}

// All forms of no value are one state, at every depth: no value is left out of
// a resource, a replace by it clears, and adding it changes nothing. An
// attribute that always has a value keeps it, and a required one is not
// cleared.
func TestWrappings_OfNothing(t *testing.T) {
	for _, rt := range wrappingTypes(t) {
		for _, l := range targetsOf(rt) {
			if l.ReadOnly() || l.Attribute.Returned == schema.ReturnedNever {
				continue
			}
			// The value is the same every time; which value it is does not
			// matter.
			plain := rapid.Custom(func(t *rapid.T) any { return legalValue(t, l.Attribute, pathOf(l)) }).Example(1)
			for _, none := range nothings(l.Attribute) {
				checkNothing(t, rt, l, plain, none)
			}
		}
		for _, e := range rt.Extensions {
			for _, none := range []any{nil, "", []any{}, map[string]any{}, []any{map[string]any{}}, []any{nil}, "{}", "[]"} {
				checkNoExtension(t, rt, e.Schema, none)
			}
		}
	}
}

func checkNothing(t *testing.T, rt *schema.ResourceType, l schema.Target, plain, none any) {
	t.Helper()
	what := pathOf(l) + " as " + string(scim.EncodeValue(none))
	nested := func(v any) map[string]any {
		if l.Extension != nil {
			return map[string]any{l.Extension.ID: map[string]any{l.Attribute.Name: v}}
		}
		return map[string]any{l.Attribute.Name: v}
	}
	bare := map[string]any{"userName": "x@example.com"}
	if rt.Name == "Group" {
		bare = map[string]any{"displayName": "x"}
	}
	if !l.Attribute.Required {
		got, _, err := Decode(rt, scim.EncodeValue(mergedObjects(bare, nested(none))))
		want, _, _ := Decode(rt, scim.EncodeValue(bare))
		if err != nil || string(Encode(rt, got)) != string(Encode(rt, want)) {
			t.Errorf("POST of %s makes %s, %v", what, Encode(rt, got), err)
		}
	}
	before, _, err := Decode(rt, scim.EncodeValue(mergedObjects(bare, nested(plain))))
	if err != nil {
		t.Fatalf("%s: %v", pathOf(l), err)
	}
	cleared := scim.Resource(mergedObjects(before, nil))
	if !l.Attribute.Required && !alwaysSet(l) {
		schema.SetPart(cleared, l.Extension, l.Attribute.Name, nil)
	}
	schema.SetSchemas(rt, cleared)
	for form, operation := range map[string]map[string]any{
		"replace":          {"op": "replace", "path": pathOf(l), "value": none},
		"replace, no path": {"op": "replace", "value": nested(none)},
		"add":              {"op": "add", "path": pathOf(l), "value": none},
		"add, no path":     {"op": "add", "value": nested(none)},
	} {
		want := cleared
		if operation["op"] == "add" {
			want = before
		}
		after, _, err := applyBody(rt, before, patchBody([]any{operation}))
		if l.Attribute.Required && operation["op"] == "replace" {
			assert.Equalf(t, scim.NotMutable, errorType(err), "%s of %s: %v, want mutability", form, what, err)
			continue
		}
		if err != nil || string(Encode(rt, after)) != string(Encode(rt, want)) {
			t.Errorf("%s of %s makes %s, %v; want %s", form, what, Encode(rt, after), err, Encode(rt, want))
		}
	}
}

func checkNoExtension(t *testing.T, rt *schema.ResourceType, s *schema.Schema, none any) {
	t.Helper()
	body := map[string]any{"userName": "x@example.com"}
	before := scim.Resource{"userName": "x@example.com"}
	kept := before
	for _, a := range s.Attributes {
		if !a.MultiValued && a.Type == schema.TypeString {
			before = scim.Resource(mergedObjects(before, map[string]any{s.ID: map[string]any{a.Name: "v"}}))
			break
		}
		if a.Defaulted {
			before = scim.Resource(mergedObjects(before, map[string]any{s.ID: map[string]any{a.Name: true}}))
			kept = before
			break
		}
	}
	body[s.ID] = none
	if got, _, err := Decode(rt, scim.EncodeValue(body)); err != nil || got[s.ID] != nil {
		t.Errorf("POST of %s as %s: %v, %v", s.ID, scim.EncodeValue(none), got, err)
	}
	for form, operation := range map[string]map[string]any{
		"replace":          {"op": "replace", "path": s.ID, "value": none},
		"replace, no path": {"op": "replace", "value": map[string]any{s.ID: none}},
		"add":              {"op": "add", "path": s.ID, "value": none},
		"add, no path":     {"op": "add", "value": map[string]any{s.ID: none}},
	} {
		want := kept
		if operation["op"] == "add" {
			want = before
		}
		after, _, err := applyBody(rt, before, patchBody([]any{operation}))
		want = scim.Resource(mergedObjects(want, nil))
		schema.SetSchemas(rt, want)
		if err != nil || string(Encode(rt, after)) != string(Encode(rt, want)) {
			t.Errorf("%s of %s as %s makes %s, %v; want %s", form, s.ID, scim.EncodeValue(none), Encode(rt, after), err, Encode(rt, want))
		}
	}
}

func mergedObjects(a, b map[string]any) map[string]any {
	out := map[string]any{}
	maps.Copy(out, a)
	maps.Copy(out, b)
	return out
}

// Each tolerance is reported, by its form.
func TestWrappings_AreNamed(t *testing.T) {
	const manager = `"` + scim.EnterpriseURN + `":{"manager":{"value":"m"}}`
	tests := []struct {
		sent, want string
		notices    []string
	}{
		{`"title":["T"]`, `"title":"T"`, []string{"wrapped_value title"}},
		{`"title":[{"$ref":null,"value":"T"}]`, `"title":"T"`, []string{"wrapped_value title"}},
		{`"title":[null,"T",""]`, `"title":"T"`, []string{"wrapped_value title"}},
		{`"active":[{"$ref":null,"value":"False"}]`, `"active":false`, []string{"wrapped_value active", "string_boolean active"}},
		{`"active":{"active":false}`, `"active":false`, []string{"nested_value active"}},
		{`"name":[{"givenName":["G"]}]`, `"name":{"givenName":"G"}`, []string{"wrapped_value name", "wrapped_value name.givenName"}},
		{`"name":"{\"givenName\":\"G\"}"`, `"name":{"givenName":"G"}`, []string{"stringified_value name"}},
		{`"roles":"r"`, `"roles":[{"value":"r"}]`, []string{"bare_value roles"}},
		{`"roles":["r",{"value":"s"}]`, `"roles":[{"value":"r"},{"value":"s"}]`, []string{"bare_value roles"}},
		{`"roles":"[{\"value\":\"r\",\"displayName\":\"R\",\"id\":\"1\"}]"`, `"roles":[{"value":"r","display":"R"}]`, []string{"stringified_value roles"}},
		{`"roles":["{\"value\":\"r\",\"displayName\":\"R\",\"id\":\"1\"}"]`, `"roles":[{"value":"r","display":"R"}]`, []string{"stringified_value roles"}},
		{`"entitlements":[{"value":"{\"value\":\"r\",\"displayName\":\"R\"}"}]`, `"entitlements":[{"value":"r","display":"R"}]`, []string{"stringified_value entitlements"}},
		{`"emails":"a@x.example"`, `"emails":[{"value":"a@x.example"}]`, []string{"bare_value emails"}},
		{`"emails":[{"value":["a@x"]}]`, `"emails":[{"value":"a@x"}]`, []string{"wrapped_value emails.value"}},
		{`"` + scim.EnterpriseURN + `":"{\"manager\":\"m\"}"`, manager, []string{"stringified_value " + scim.EnterpriseURN, "bare_value " + scim.EnterpriseURN + ":manager"}},
		{`"` + scim.EnterpriseURN + `":[{"manager":[{"value":"m"}]}]`, manager, []string{"wrapped_value " + scim.EnterpriseURN, "wrapped_value " + scim.EnterpriseURN + ":manager"}},

		// A string that is not JSON is a string; so is JSON within JSON.
		{`"roles":"{\"value\":"`, `"roles":[{"value":"{\"value\":"}]`, []string{"bare_value roles"}},
		{`"roles":"[\"{\\\"value\\\":\\\"r\\\"}\"]"`, `"roles":[{"value":"{\"value\":\"r\"}"}]`, []string{"stringified_value roles", "bare_value roles"}},
		{`"title":"{\"value\":\"T\"}"`, `"title":"{\"value\":\"T\"}"`, nil},

		// A wrapping without a value means no value, without a notice.
		{`"title":{},"active":"","name":[],"emails":{},"roles":[{},"",null,[]],"` + scim.EnterpriseURN + `":""`, ``, nil},
		{`"emails":[{"value":"","type":"work","primary":true}],"photos":[{"value":null}]`, ``, nil},
		{`"emails":[{"value":"","display":"A"}]`, `"emails":[{"display":"A"}]`, nil},
	}
	for _, test := range tests {
		want := `"userName":"a@x"`
		if test.want != "" {
			want += "," + test.want
		}
		t.Run(test.sent, func(t *testing.T) {
			checkDecode(t, userBody(`"userName":"a@x",`+test.sent), string(Encode(scimtest.UserType(), parseUser(t, want))), test.notices)
		})
	}
}

// One value stands for an array of simple values, in an object or bare.
func TestWrappings_OfSimpleValues(t *testing.T) {
	rt := wrappingTypes(t)[0]
	for _, sent := range []string{`"x"`, `["x"]`, `{"$ref":null,"value":"x"}`, `[{"value":"x"}]`, `{"stringtrue":["x"]}`, `["x","",null]`} {
		r, _, err := Decode(rt, userBody(`"userName":"a@x","`+wrappingURN+`":{"stringtrue":`+sent+`}`))
		got := string(scim.EncodeValue(scim.Object(r[wrappingURN])["stringtrue"]))
		assert.Truef(t, err == nil && got == `["x"]`, "%s becomes %s, %v", sent, got, err)
	}
	for _, sent := range []string{`{"value":"x","other":1}`, `[["x"]]`, `[{"a":"x"}]`} {
		_, _, err := Decode(rt, userBody(`"userName":"a@x","`+wrappingURN+`":{"stringtrue":`+sent+`}`))
		assert.Equalf(t, scim.InvalidValue, errorType(err), "%s: %v, want invalidValue", sent, err)
	}
}
