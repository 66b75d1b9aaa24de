package schema

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rollcall-scim/rollcall/internal/scim"
)

// userType returns the User type with an extension of the service under a URN.
func userType(urn string) *ResourceType {
	return UserType(&Schema{ID: urn, Name: "RollcallUser", Attributes: []*Attribute{
		boolean("isTeamAccount", "An attribute that always has a value.", defaulted),
	}})
}

// Covers: 7643-2.2-1, 7643-7-6, 7643-7-7, 7643-7-8, 7643-7-20
func TestSchemas_CharacteristicsAreComplete(t *testing.T) {
	var check func(t *testing.T, path string, a map[string]any)
	check = func(t *testing.T, path string, a map[string]any) {
		for _, name := range []string{
			"name", "type", "multiValued", "description", "required", "mutability", "returned", "uniqueness",
		} {
			assert.Truef(t, a[name] != nil && a[name] != "", "%s: no %s", path, name)
		}
		subs, isComplex := a["subAttributes"].([]any)
		assert.Truef(t, isComplex == (a["type"] == "complex") && (!isComplex || len(subs) != 0), "%s: subAttributes do not fit type %v", path, a["type"])
		_, ok := a["referenceTypes"]
		assert.Equalf(t, a["type"] == "reference", ok, "%s: referenceTypes do not fit type %v", path, a["type"])
		_, ok = a["caseExact"]
		assert.Equalf(t, a["type"] == "string" || a["type"] == "reference" || a["type"] == "binary", ok, "%s: caseExact does not fit type %v", path, a["type"])
		for _, sub := range subs {
			sub := sub.(map[string]any)
			check(t, path+"."+sub["name"].(string), sub)
		}
	}
	user, group := userType(scim.RollcallURN), GroupType()
	schemas := []*Schema{user.Schema, group.Schema}
	for _, e := range user.Extensions {
		schemas = append(schemas, e.Schema)
	}
	for _, s := range schemas {
		document := s.Document("https://scim.example.com/v2")
		got := document["meta"].(map[string]any)["location"]
		assert.Truef(t, got == "https://scim.example.com/v2/Schemas/"+s.ID, "%s: location %v", s.ID, got)
		for _, a := range document["attributes"].([]any) {
			a := a.(map[string]any)
			check(t, s.Name+":"+a["name"].(string), a)
		}
		body := string(scim.EncodeValue(document))
		assert.NotContainsf(t, body, "null", "%s: null in %s", s.ID, body)
	}
}

func TestSchemas_TellWhatTheServiceDoes(t *testing.T) {
	user, group := userType("urn:example:account:1.0"), GroupType()
	tests := []struct {
		rt         *ResourceType
		name       string
		required   bool
		caseExact  bool
		mutability Mutability
		returned   Returned
		uniqueness Uniqueness
	}{
		{user, "userName", true, false, ReadWrite, ReturnedDefault, UniqueServer},
		{user, "externalId", false, true, ReadWrite, ReturnedDefault, UniqueServer},
		{user, "id", false, true, ReadOnly, ReturnedAlways, UniqueServer},
		{user, "password", false, true, WriteOnly, ReturnedNever, UniqueNone},
		{user, "groups", false, false, ReadOnly, ReturnedDefault, UniqueNone},
		{user, "emails.value", false, false, ReadWrite, ReturnedDefault, UniqueNone},
		{user, scim.EnterpriseURN + ":manager.displayName", false, false, ReadOnly, ReturnedDefault, UniqueNone},
		{user, "urn:example:account:1.0:isTeamAccount", false, false, ReadWrite, ReturnedDefault, UniqueNone},
		{group, "displayName", true, false, ReadWrite, ReturnedDefault, UniqueServer},
		{group, "members.value", false, true, Immutable, ReturnedDefault, UniqueNone},
	}
	for _, test := range tests {
		target := test.rt.Resolve(test.name)
		if !target.Known() {
			t.Errorf("no %s", test.name)
			continue
		}
		a := target.Attribute
		if target.Sub != nil {
			a = target.Sub
		}
		if a.Required != test.required || a.CaseExact != test.caseExact || a.Mutability != test.mutability ||
			a.Returned != test.returned || a.Uniqueness != test.uniqueness {
			t.Errorf("%s: %+v", test.name, *a)
		}
	}
}

func TestResourceType_Document(t *testing.T) {
	got := string(scim.EncodeValue(userType(scim.RollcallURN).Document("https://scim.example.com/v2")))
	want := `{"description":"User Account","endpoint":"/Users","id":"User",` +
		`"meta":{"location":"https://scim.example.com/v2/ResourceTypes/User","resourceType":"ResourceType"},` +
		`"name":"User","schema":"` + scim.CoreUserURN + `","schemaExtensions":[{"required":false,"schema":"` + scim.EnterpriseURN +
		`"},{"required":false,"schema":"` + scim.RollcallURN + `"}],"schemas":["` + scim.ResourceTypeURN + `"]}`
	assert.Equal(t, want, got)
}

// Covers: 7643-2.1-3, 7644-3.10-1, 7644-3.10-2, 7644-3.10-3
func TestResolve(t *testing.T) {
	rt := userType(scim.RollcallURN)
	tests := []struct{ name, want string }{
		{"USERNAME", "userName"},
		{"Name.GivenName", "name.givenName"},
		{"externalid", "externalId"},
		{"meta.Location", "meta.location"},
		{scim.CoreUserURN + ":emails.VALUE", "emails.value"},
		{strings.ToUpper(scim.EnterpriseURN) + ":Manager.Value", scim.EnterpriseURN + ":manager.value"},
		{scim.EnterpriseURN, scim.EnterpriseURN},
		{"isteamaccount", scim.RollcallURN + ":isTeamAccount"},
		{"Department", scim.EnterpriseURN + ":department"},
		{"manager.VALUE", scim.EnterpriseURN + ":manager.value"},
		{scim.EnterpriseURN + ".department", scim.EnterpriseURN + ":department"},
		{scim.EnterpriseURN + ".manager.value", scim.EnterpriseURN + ":manager.value"},
		{strings.ToUpper(scim.CoreUserURN) + ".name.givenName", "name.givenName"},
		{scim.RollcallURN + ".isTeamAccount", scim.RollcallURN + ":isTeamAccount"},

		{"uſerName", ""},
		{"name.", ""},
		{"name.given", ""},
		{"userName.value", ""},
		{"manager.boss", ""},
		{scim.CoreUserURN + ":department", ""},
		{scim.CoreUserURN + ".department", ""},
		{scim.EnterpriseURN + ":", ""},
		{scim.EnterpriseURN + ".", ""},
		{scim.EnterpriseURN + "-department", ""},
		{scim.EnterpriseURN + ":userName", ""},
		{"urn:example:other:userName", ""},
		{"", ""},
		{".", ""},
		{"__proto__", ""},
	}
	for _, test := range tests {
		got := rt.Resolve(test.name)
		assert.Truef(t, got.String() == test.want && got.Known() == (test.want != ""), "%s: got %s, want %s", test.name, got, test.want)
	}
}
