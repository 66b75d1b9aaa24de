package schema

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/e2e/corpus"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/filter"
)

// ownSchema returns a tenant's schema with the given attributes.
func ownSchema(attributes string) string {
	return `{"id":"urn:example:hr:1.0:Person","name":"Person","attributes":[` + attributes + `]}`
}

// Covers: 7643-2.2-1
func TestParseSchema_FillsInDefaults(t *testing.T) {
	s, err := Parse([]byte(`{"schemas":["` + scim.SchemaURN + `"],"id":"urn:example:hr:1.0:Person","attributes":[
		{"name":"badge"},
		{"NAME":"photo","Type":"Reference"},
		{"name":"key","type":"binary","caseExact":true},
		{"name":"level","type":"integer","caseExact":true,"multiValued":true},
		{"name":"desk","type":"complex","subAttributes":[{"name":"value"},{"name":"$ref","type":"reference","referenceTypes":["User","uri"]}]}
	],"meta":{"resourceType":"Schema"}}`))
	require.NoError(t, err)
	plain := Attribute{Type: TypeString, Mutability: ReadWrite, Returned: ReturnedDefault, Uniqueness: UniqueNone}
	want := func(name string, change func(*Attribute)) *Attribute {
		a := plain
		a.Name = name
		change(&a)
		return &a
	}
	wanted := &Schema{ID: "urn:example:hr:1.0:Person", Name: "Person", Attributes: []*Attribute{
		want("badge", func(*Attribute) {}),
		want("photo", func(a *Attribute) {
			a.Type, a.CaseExact, a.ReferenceTypes = TypeReference, true, []string{"external"}
		}),
		want("key", func(a *Attribute) { a.Type, a.CaseExact = TypeBinary, true }),
		want("level", func(a *Attribute) { a.Type, a.MultiValued = TypeInteger, true }),
		want("desk", func(a *Attribute) {
			a.Type = TypeComplex
			a.SubAttributes = []*Attribute{
				want("value", func(*Attribute) {}),
				want("$ref", func(a *Attribute) {
					a.Type, a.CaseExact, a.ReferenceTypes = TypeReference, true, []string{"User", "uri"}
				}),
			}
		}),
	}}
	got, _ := json.Marshal(s)
	expected, _ := json.Marshal(wanted)
	assert.Equalf(t, string(expected), string(got), "ParseSchema = %s\nwant          %s", got, expected)
	again, err := Parse(scim.EncodeValue(s.Document("https://x")))
	text, _ := json.Marshal(again)
	assert.Truef(t, err == nil && string(text) == string(got), "its document reads as %s, %v", text, err)
}

func TestParseSchema_Refuses(t *testing.T) {
	many := make([]string, MaxAttributes+1)
	for i := range many {
		many[i] = fmt.Sprintf(`{"name":"a%d"}`, i)
	}
	tests := []struct{ name, body, says string }{
		{"no JSON", `{`, "ends too early"},
		{"no object", `[]`, "must be a JSON object"},
		{"another kind of document", `{"schemas":["` + scim.CoreUserURN + `"]}`, "does not belong here"},
		{"a member that it has not", `{"id":"urn:example:a","attribute":[]}`, "attribute, which is unknown there"},
		{"no id", `{"attributes":[{"name":"a"}]}`, "id must be a URN"},
		{"an id that is no URN", `{"id":"https://example.com/a","attributes":[{"name":"a"}]}`, "id must be a URN"},
		{"an id with spaces", `{"id":"urn:example:a b","attributes":[{"name":"a"}]}`, "id must be a URN"},
		{"an id that ends in a colon", `{"id":"urn:example:a:","attributes":[{"name":"a"}]}`, "id must be a URN"},
		{"an id of two parts", `{"id":"urn:example","attributes":[{"name":"a"}]}`, "id must be a URN"},
		{"an id that is a number", `{"id":5,"attributes":[{"name":"a"}]}`, "a number as id"},
		{"a long id", `{"id":"urn:example:` + strings.Repeat("a", 200) + `","attributes":[{"name":"a"}]}`, "at most 200"},
		{"a name with a line break", `{"id":"urn:example:a","name":"a\u0001","attributes":[{"name":"a"}]}`, "control character in its name"},
		{"no attributes", `{"id":"urn:example:a","attributes":[]}`, "needs attributes"},
		{"attributes that are an object", `{"id":"urn:example:a","attributes":{}}`, "needs attributes"},
		{"an attribute that is text", ownSchema(`"badge"`), "a string in attributes, at 1"},
		{"too many attributes", ownSchema(strings.Join(many, ",")), "more than 100 attributes"},
		{"too many in all", ownSchema(`{"name":"c","type":"complex","subAttributes":[` + strings.Join(many[1:], ",") + `]}`), "more than 100 attributes"},
		{"an attribute without a name", ownSchema(`{"type":"string"}`), "definition 1, has the invalid name"},
		{"a name that begins with a digit", ownSchema(`{"name":"1a"}`), "a letter, then letters"},
		{"a name with a dot", ownSchema(`{"name":"a.b"}`), "a letter, then letters"},
		{"a name with a colon", ownSchema(`{"name":"a:b"}`), "a letter, then letters"},
		{"a name with brackets", ownSchema(`{"name":"a[b eq 1]"}`), "a letter, then letters"},
		{"a name of other letters", ownSchema(`{"name":"größe"}`), "a letter, then letters"},
		{"$ref as an attribute", ownSchema(`{"name":"$ref"}`), "a letter, then letters"},
		{"a long name", ownSchema(`{"name":"` + strings.Repeat("a", 65) + `"}`), "at most 64"},
		{"the name of a common attribute", ownSchema(`{"name":"ExternalId"}`), "has another meaning already"},
		{"the name of the account type", ownSchema(`{"name":"isTeamAccount"}`), "has another meaning already"},
		{"a word of filters", ownSchema(`{"name":"not"}`), "has another meaning already"},
		{"a word of filters inside", ownSchema(`{"name":"c","type":"complex","subAttributes":[{"name":"PR"}]}`), "has another meaning already"},
		{"two of one name", ownSchema(`{"name":"badge"},{"name":"Badge"}`), "has Badge twice"},
		{"two of one name inside", ownSchema(`{"name":"c","type":"complex","subAttributes":[{"name":"a"},{"name":"A"}]}`), "has A twice"},
		{"a misspelled characteristic", ownSchema(`{"name":"a","mutabilty":"readOnly"}`), "mutabilty, which is unknown there"},
		{"an unknown type", ownSchema(`{"name":"a","type":"number"}`), "the type \"number\": one of [string boolean"},
		{"an unknown mutability", ownSchema(`{"name":"a","mutability":"sometimes"}`), "one of [readWrite readOnly"},
		{"an unknown returned", ownSchema(`{"name":"a","returned":"often"}`), "one of [default always"},
		{"required as text", ownSchema(`{"name":"a","required":"true"}`), "a string as required: true or false"},
		{"unique values", ownSchema(`{"name":"a","uniqueness":"server"}`), "use none"},
		{"globally unique values", ownSchema(`{"name":"a","uniqueness":"global"}`), "use none"},
		{"writeOnly, returned by default", ownSchema(`{"name":"a","mutability":"writeOnly"}`), "a writeOnly attribute is never returned"},
		{"readOnly, returned never", ownSchema(`{"name":"a","mutability":"readOnly","returned":"never"}`), "neither written nor read"},
		{"immutable, returned never", ownSchema(`{"name":"a","mutability":"immutable","returned":"never"}`), "cannot be compared"},
		{"required and readOnly", ownSchema(`{"name":"a","mutability":"readOnly","required":true}`), "required and readOnly"},
		{"required, returned never", ownSchema(`{"name":"a","returned":"never","required":true}`), "checked and not stored"},
		{"required inside readOnly", ownSchema(`{"name":"c","type":"complex","mutability":"readOnly","subAttributes":[{"name":"a","required":true}]}`), "in an attribute that is readOnly"},
		{"complex without sub-attributes", ownSchema(`{"name":"c","type":"complex"}`), "needs subAttributes"},
		{"complex in complex", ownSchema(`{"name":"c","type":"complex","subAttributes":[{"name":"d","type":"complex","subAttributes":[{"name":"e"}]}]}`), "one level only"},
		{"sub-attributes of a string", ownSchema(`{"name":"a","subAttributes":[{"name":"b"}]}`), "those are for complex"},
		{"a reference in any case", ownSchema(`{"name":"a","type":"reference","caseExact":false}`), "which is case exact"},
		{"binary in any case", ownSchema(`{"name":"a","type":"binary","caseExact":false}`), "which is case exact"},
		{"a reference to an unknown resource type", ownSchema(`{"name":"a","type":"reference","referenceTypes":["Device"]}`), "refers to Device"},
		{"reference types of a string", ownSchema(`{"name":"a","referenceTypes":["User"]}`), "those are for reference"},
		{"canonical values of a boolean", ownSchema(`{"name":"a","type":"boolean","canonicalValues":["true"]}`), "those are for strings"},
		{"canonical values that are numbers", ownSchema(`{"name":"a","canonicalValues":[1]}`), "array of strings"},
		{"primary that is text", ownSchema(`{"name":"c","type":"complex","multiValued":true,"subAttributes":[{"name":"primary"}]}`), "its type is boolean"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := Parse([]byte(tt.body))
			if err == nil {
				_, err = Registrations{}.Put(Types{User: userType(scim.RollcallURN), Group: GroupType()}, Registration{ResourceType: "User", Schema: s})
			}
			var refusal *scim.Error
			require.ErrorAsf(t, err, &refusal, "Parse = %+v, %v, want an *Error", s, err)
			assert.Contains(t, refusal.Detail, tt.says)
		})
	}
}

func TestRegistrations_Put(t *testing.T) {
	const own = "urn:vendor:roll:1.0:User"
	base := Types{User: userType(own), Group: GroupType()}
	schema := func(urn string) *Schema {
		s, err := Parse([]byte(`{"id":"` + urn + `","attributes":[{"name":"a","description":"` + strings.Repeat("d", 900) + `"}]}`))
		require.NoError(t, err)
		return s
	}
	var s Registrations
	put := func(urn, kind string) (err error) {
		s, err = s.Put(base, Registration{ResourceType: kind, Schema: schema(urn)})
		return err
	}
	require.NoError(t, put("urn:example:hr:1.0:Person", "User"))
	assert.NoError(t, put("urn:ietf:params:scim:schemas:extension:Acme:2.0:User", "User"), "an extension below the standard's prefix, as Entra names them")
	for _, tt := range []struct{ name, urn, kind, says string }{
		{"a type that is not there", "urn:example:a", "Device", "User or Group"},
		{"the core schema", scim.CoreUserURN, "User", "choose your own URN"},
		{"the enterprise extension in capitals", strings.ToUpper(scim.EnterpriseURN), "User", "choose your own URN"},
		{"the account type", own, "User", "choose your own URN"},
		{"the account type of another deployment", scim.RollcallURN, "User", "choose your own URN"},
		{"longer than the account type's URN", own + ":more", "User", "choose your own URN"},
		{"a prefix of the account type's URN", "urn:vendor:roll:1.0", "Group", "choose your own URN"},
		{"a message of the standard", scim.PatchURN, "User", "choose your own URN"},
		{"a new core schema", "urn:ietf:params:scim:schemas:core:2.0:Device", "User", "choose your own URN"},
		{"longer than another schema's URN", "urn:example:hr:1.0:Person:More", "User", "one is a prefix of the other"},
		{"a prefix of another schema's URN", "URN:example:hr", "User", "one is a prefix of the other"},
	} {
		before := string(s.Encode())
		var refusal *scim.Error
		err := put(tt.urn, tt.kind)
		assert.Truef(t, errors.As(err, &refusal) && strings.Contains(refusal.Detail, tt.says), "%s: %v, want %q in an *Error", tt.name, err, tt.says)
		assert.Equalf(t, before, string(s.Encode()), "%s: what is refused changes the schemas", tt.name)
	}
	if err := put("urn:example:HR:1.0:Person", "Group"); err != nil || len(s.All()) != 2 {
		t.Errorf("a schema of a known URN in another case: %v, %d schemas, want it replaced", err, len(s.All()))
	}
	for i := range MaxRegistrations - 2 {
		require.NoError(t, put(fmt.Sprintf("urn:example:more%d", i), "User"))
	}
	var refusal *scim.Error
	if err := put("urn:example:onemore", "User"); !errors.As(err, &refusal) || !strings.Contains(refusal.Detail, "at most 10 schemas") {
		t.Errorf("one schema too many: %v", err)
	}
	again, err := DecodeRegistrations(s.Encode())
	if err != nil || string(again.Encode()) != string(s.Encode()) {
		t.Errorf("what is stored is read as %s, %v", again.Encode(), err)
	}
	left, ok := s.Remove("URN:EXAMPLE:MORE0")
	if !ok || len(left.All()) != len(s.All())-1 {
		t.Errorf("Remove left %d of %d", len(left.All()), len(s.All()))
	}
	if _, ok := left.Find("urn:example:more0"); ok {
		t.Error("a schema is found that was removed")
	}
	if _, ok := left.Remove("urn:example:more0"); ok {
		t.Error("a schema was removed twice")
	}
}

func TestRegistrations_Put_RefusesTooManyBytes(t *testing.T) {
	base := Types{User: userType(scim.RollcallURN), Group: GroupType()}
	var s Registrations
	for i := 0; ; i++ {
		attributes := make([]string, 60)
		for j := range attributes {
			attributes[j] = fmt.Sprintf(`{"name":"a%d","description":"%s"}`, j, strings.Repeat("d", 200))
		}
		schema, err := Parse(fmt.Appendf(nil, `{"id":"urn:example:s%d","attributes":[%s]}`, i, strings.Join(attributes, ",")))
		require.NoError(t, err)
		next, err := s.Put(base, Registration{ResourceType: "User", Schema: schema})
		if err == nil {
			s = next
			continue
		}
		if !strings.Contains(err.Error(), "at most 65536") || i < 2 || len(s.Encode()) > MaxRegistrationsSize {
			t.Errorf("the schema number %d: %v", i+1, err)
		}
		return
	}
}

// TestTypes_With_LeavesOutTheServicesURN: a deployment whose own URN
// is changed to that of a tenant's schema keeps serving.
func TestTypes_With_LeavesOutTheServicesURN(t *testing.T) {
	schema, err := Parse([]byte(ownSchema(`{"name":"a"}`)))
	require.NoError(t, err)
	s, err := Registrations{}.Put(Types{User: userType(scim.RollcallURN), Group: GroupType()}, Registration{ResourceType: "User", Schema: schema})
	require.NoError(t, err)
	types := Types{User: userType(schema.ID), Group: GroupType()}
	n := len(types.With(s).User.Extensions)
	assert.Equalf(t, len(types.User.Extensions), n, "%d extensions, want the service's own alone", n)
}

func FuzzParseSchema(f *testing.F) {
	f.Add([]byte(ownSchema(`{"name":"badge","required":true},{"name":"c","type":"complex","multiValued":true,"subAttributes":[{"name":"value","caseExact":true},{"name":"primary","type":"boolean"}]}`)))
	f.Add([]byte(ownSchema(`{"name":"r","type":"reference","referenceTypes":["User"]},{"name":"s","mutability":"writeOnly","returned":"never"}`)))
	for _, s := range []*Schema{userSchema(), groupSchema(), enterpriseSchema()} {
		f.Add(scim.EncodeValue(s.Document("")))
	}
	for _, body := range corpus.Read(f, "../../..").Bodies {
		if strings.Contains(body, "attributes") {
			f.Add([]byte(body))
		}
	}
	base := Types{User: userType(scim.RollcallURN), Group: GroupType()}
	f.Fuzz(func(t *testing.T, body []byte) {
		s, err := Parse(body)
		if err != nil {
			_, ok := err.(*scim.Error)
			require.Truef(t, ok, "%T: %v", err, err)
			return
		}
		document := scim.EncodeValue(s.Document(""))
		again, err := Parse(document)
		require.Truef(t, err == nil && string(scim.EncodeValue(again.Document(""))) == string(document), "%s reads as %+v, %v", document, again, err)
		registered, err := Registrations{}.Put(base, Registration{ResourceType: "User", Schema: s})
		if err != nil {
			return
		}
		user := base.With(registered).User
		for _, a := range s.Attributes {
			// Any accepted schema has a name that filters and paths can
			// express.
			e, _, err := filter.Read(s.ID+":"+a.Name+" pr", filter.Limits{}, user.URNs()...)
			require.NoErrorf(t, err, "%s:%s pr", s.ID, a.Name)
			n := user.ResolvePath(e.(*filter.Present).Path)
			require.Truef(t, n.Attribute == a, "%s:%s pr reads %s", s.ID, a.Name, n)
			for _, sub := range a.SubAttributes {
				require.NotNilf(t, user.Resolve(s.ID+":"+a.Name+"."+sub.Name).Sub, "%s:%s.%s is not found", s.ID, a.Name, sub.Name)
			}
		}
		if stored, err := DecodeRegistrations(registered.Encode()); err != nil || string(stored.Encode()) != string(registered.Encode()) {
			t.Fatalf("stored as %s, %v", registered.Encode(), err)
		}
	})
}
