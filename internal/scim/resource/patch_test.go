package resource

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
	"github.com/rollcall-scim/rollcall/internal/scim/scimtest"
)

// parseUser returns a user with the given members, schemas recomputed.
func parseUser(t testing.TB, members string) scim.Resource {
	t.Helper()
	r, err := scim.DecodeStored([]byte("{" + members + "}"))
	require.NoError(t, err)
	schema.SetSchemas(scimtest.UserType(), r)
	return r
}

func TestPatch_Apply(t *testing.T) {
	const (
		ent  = `"` + scim.EnterpriseURN + `"`
		ext  = `"` + scim.RollcallURN + `"`
		work = `{"value":"w@x","type":"work","primary":true}`
		home = `{"value":"h@x","type":"home"}`
	)
	tests := []struct {
		name, before, operations, want string
		notices                        []string
	}{
		// What IdPs send.
		{
			"entra-013: active as a string", `"id":"1","active":true`, `{"op":"Replace","path":"active","value":"False"}`,
			`"id":"1","active":false`,
			[]string{"operation_case op", "string_boolean active"},
		},
		// Covers: 7644-3.5.2.1-6
		{
			"entra-019: add to a singular attribute replaces", `"nickName":"N"`, `{"op":"Add","path":"nickName","value":"Babs"}`,
			`"nickName":"Babs"`,
			[]string{"operation_case op"},
		},
		{
			"entra-020: six at once",
			`"externalId":"e","userName":"a","name":{"familyName":"F","givenName":"G"},"displayName":"D","emails":[` + work + `]`,
			`{"op":"Replace","path":"displayName","value":"P V"},
			 {"op":"Replace","path":"emails[type eq \"work\"].value","value":"p@x"},
			 {"op":"Replace","path":"name.givenName","value":"P"},
			 {"op":"Replace","path":"name.familyName","value":"V"},
			 {"op":"Replace","path":"externalId","value":"e-9"},
			 {"op":"Replace","path":"` + scim.EnterpriseURN + `:employeeNumber","value":"42"}`,
			`"externalId":"e-9","userName":"a","name":{"familyName":"V","givenName":"P"},"displayName":"P V",` +
				`"emails":[{"value":"p@x","type":"work","primary":true}],` + ent + `:{"employeeNumber":"42"}`,
			[]string{"operation_case op"},
		},
		{
			"entra-022: URN and name as a key", `"id":"1"`, `{"op":"replace","value":{"` + scim.RollcallURN + `:isTeamAccount":"False"}}`,
			`"id":"1",` + ext + `:{"isTeamAccount":false}`,
			[]string{"path_in_value urn:ietf:params:scim:schemas:extension:rollcall:2.0:User:isTeamAccount", "string_boolean urn:ietf:params:scim:schemas:extension:rollcall:2.0:User:isTeamAccount"},
		},
		{
			"entra-023: URN and name as a path", `"id":"1",` + ext + `:{"isTeamAccount":false}`,
			`{"op":"Add","path":"` + scim.RollcallURN + `:isTeamAccount","value":"True"}`,
			`"id":"1",` + ext + `:{"isTeamAccount":true}`,
			[]string{"operation_case op", "string_boolean urn:ietf:params:scim:schemas:extension:rollcall:2.0:User:isTeamAccount"},
		},
		{
			"entra-024: add makes the value", `"id":"1"`, `{"op":"Add","path":"emails[type eq \"work\"].value","value":"n@x"}`,
			`"id":"1","emails":[{"value":"n@x","type":"work"}]`,
			[]string{"operation_case op", "made_value emails"},
		},
		{
			"entra-025: replace makes the value", `"emails":[` + home + `]`,
			`{"op":"Replace","path":"emails[type eq \"work\" and primary eq true].value","value":"n@x"}`,
			`"emails":[` + home + `,{"value":"n@x","type":"work","primary":true}]`,
			[]string{"operation_case op", "made_value emails"},
		},
		{
			"a clause that says nothing", `"id":"1"`, `{"op":"add","path":"emails[type eq \"\"].value","value":"n@x"}`,
			`"id":"1","emails":[{"value":"n@x"}]`,
			[]string{"made_value emails"},
		},
		// Covers: 7644-3.5.2-12
		{
			"entra-026: the second finds what the first made", `"id":"1"`,
			`{"op":"Add","path":"addresses[type eq \"work\"].streetAddress","value":"1 A St"},
			 {"op":"Add","path":"addresses[type eq \"work\"].locality","value":"Town"},
			 {"op":"Add","path":"phoneNumbers[type eq \"mobile\"].value","value":"+15550100"}`,
			`"id":"1","phoneNumbers":[{"value":"+15550100","type":"mobile"}],` +
				`"addresses":[{"streetAddress":"1 A St","locality":"Town","type":"work"}]`,
			[]string{"operation_case op", "made_value addresses", "made_value phoneNumbers"},
		},
		// Covers: 7644-3.5.2.3-7
		{
			"entra-027: a boolean in the filter", `"emails":[` + work + `,` + home + `]`,
			`{"op":"Replace","path":"emails[primary eq true].value","value":"x@x"}`,
			`"emails":[{"value":"x@x","type":"work","primary":true},` + home + `]`,
			[]string{"operation_case op"},
		},
		{
			"a boolean as a string in a filter that makes the value", `"id":"1"`,
			`{"op":"Replace","path":"roles[primary eq \"True\"].value","value":"Admin"}`,
			`"id":"1","roles":[{"value":"Admin","primary":true}]`,
			[]string{"operation_case op", "filter_boolean filter", "string_boolean roles.primary", "made_value roles"},
		},
		{
			"entra-029: roles in a string", `"id":"1"`,
			`{"op":"Add","path":"roles","value":[{"value":"{\"id\":\"06b0\",\"value\":\"Admin\",\"displayName\":\"Admin\"}"}]}`,
			`"id":"1","roles":[{"value":"Admin","display":"Admin"}]`,
			[]string{"operation_case op", "stringified_value roles"},
		},
		// Covers: 7644-3.5.2.3-3
		{
			"entra-031: roles replaced", `"roles":[{"value":"Admin","display":"Admin"}]`,
			`{"op":"Replace","path":"roles","value":[{"value":"{\"id\":\"8ae0\",\"value\":\"User\",\"displayName\":\"User\"}"}]}`,
			`"roles":[{"value":"User","display":"User"}]`,
			[]string{"operation_case op", "stringified_value roles"},
		},
		{
			"entra-032: a manager as a string", ent + `:{"manager":{"value":"m0","$ref":"../m0"}}`,
			`{"op":"Add","path":"` + scim.EnterpriseURN + `:manager","value":"m1"}`,
			ent + `:{"manager":{"value":"m1"}}`,
			[]string{"operation_case op", "bare_value urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager"},
		},
		{
			"an empty manager", `"id":"1",` + ent + `:{"manager":{"value":"m0"}}`,
			`{"op":"Replace","path":"` + scim.EnterpriseURN + `:manager","value":""}`, `"id":"1"`,
			[]string{"operation_case op"},
		},
		{
			"entra-035: removing what is absent", `"id":"1"`,
			`{"op":"Remove","path":"` + scim.EnterpriseURN + `:manager"},{"op":"remove","path":"emails[type eq \"work\"]"},
			 {"op":"remove","path":"emails[type eq \"work\" or type eq \"home\"].value"},{"op":"remove","path":"name.givenName"}`,
			`"id":"1"`,
			[]string{"operation_case op"},
		},
		// Covers: 7643-2.5-2
		{
			"entra-036: null", `"id":"1","name":{"familyName":"F","middleName":"M"},"title":"T"`,
			`{"op":"Replace","path":"title","value":null},{"op":"Replace","path":"name.middleName","value":null}`,
			`"id":"1","name":{"familyName":"F"}`,
			[]string{"operation_case op"},
		},
		// Covers: 7644-3.5.2-12
		{
			"entra-038: one after the other", `"externalId":"x","userName":"u"`,
			`{"op":"Remove","path":"externalId"},{"op":"Add","path":"externalId","value":"a"},{"op":"Replace","path":"externalId","value":"b"}`,
			`"externalId":"b","userName":"u"`,
			[]string{"operation_case op"},
		},
		// Covers: 7644-3.5.2.3-1, 7644-3.5.2.3-2
		{
			"okta-018: without a path", `"active":true`, `{"op":"replace","value":{"active":false}}`, `"active":false`, nil,
		},
		// Covers: 7643-9.2-1
		{
			"okta-020: the password is not kept", `"id":"1"`, `{"op":"replace","value":{"password":"n3w-Pass"}},{"op":"remove","path":"password"}`,
			`"id":"1"`, nil,
		},
		// Covers: 7644-3.5.2-11
		{
			"okta-032: an extension as an object", `"id":"1"`, `{"op":"replace","value":{` + ext + `:{"isTeamAccount":true}}}`,
			`"id":"1",` + ext + `:{"isTeamAccount":true}`, nil,
		},
		{
			"isTeamAccount without its URN", `"id":"1"`,
			`{"op":"replace","value":{"isTeamAccount":true}},{"op":"replace","path":"isTeamAccount","value":false}`,
			`"id":"1",` + ext + `:{"isTeamAccount":false}`,
			[]string{"top_level_attribute " + scim.RollcallURN + ":isTeamAccount"},
		},
		// Covers: 7644-3.5.2.3-5
		{
			"sailpoint-001: the rest of a name stays", `"name":{"formatted":"A B","familyName":"B","givenName":"A"}`,
			`{"op":"replace","path":"name","value":{"givenName":"New"}}`,
			`"name":{"formatted":"A B","familyName":"B","givenName":"New"}`, nil,
		},
		{
			"whole paths as keys", `"emails":[` + work + `]`,
			`{"op":"replace","value":{"emails[type eq \"work\"].value":"n@x","name.givenName":"G","URN:X":1,"` + scim.CoreUserURN + `:title":"T"}}`,
			`"name":{"givenName":"G"},"title":"T","emails":[{"value":"n@x","type":"work","primary":true}]`,
			[]string{"unknown_attribute URN:X", "path_in_value emails[type eq \"work\"].value", "path_in_value name.givenName", "path_in_value title"},
		},

		// RFC 7644 §3.5.2.
		// Covers: 7643-2.4-3, 7644-3.5.2-13
		{
			"rfc-018: a new primary takes over", `"emails":[` + work + `]`,
			`{"op":"add","path":"emails","value":[{"type":"home","value":"h@x","primary":true}]}`,
			`"emails":[{"value":"w@x","type":"work","primary":false},{"value":"h@x","type":"home","primary":true}]`, nil,
		},
		// Covers: 7643-2.4-3, 7644-3.5.2-13
		{
			"primary set by a path", `"emails":[` + work + `,` + home + `]`,
			`{"op":"replace","path":"emails[type eq \"home\"].primary","value":true}`,
			`"emails":[{"value":"w@x","type":"work","primary":false},{"value":"h@x","type":"home","primary":true}]`, nil,
		},
		{
			"a value that is there takes over what is new", `"emails":[` + work + `,` + home + `]`,
			`{"op":"add","path":"emails","value":[{"value":"h@x","type":"home","display":"H","primary":true}]}`,
			`"emails":[{"value":"w@x","type":"work","primary":false},{"value":"h@x","display":"H","type":"home","primary":true}]`, nil,
		},
		// Covers: 7644-3.5.2.1-5
		{
			"add a value of another type", `"emails":[` + work + `]`, `{"op":"add","path":"emails","value":{"value":"w@x","type":"other"}}`,
			`"emails":[` + work + `,{"value":"w@x","type":"other"}]`,
			[]string{"single_value emails"},
		},
		{
			"addresses without value", `"addresses":[{"locality":"A"}]`,
			`{"op":"add","path":"addresses","value":[{"locality":"A"},{"locality":"B"}]}`,
			`"addresses":[{"locality":"A"},{"locality":"B"}]`, nil,
		},
		{
			"add to a chosen value", `"emails":[` + work + `]`, `{"op":"add","path":"emails[type eq \"work\"]","value":{"display":"W"}}`,
			`"emails":[{"value":"w@x","display":"W","type":"work","primary":true}]`, nil,
		},
		{
			"add where nothing is chosen", `"emails":[` + work + `]`, `{"op":"add","path":"emails[type eq \"home\"]","value":{"value":"h@x"}}`,
			`"emails":[` + work + `,` + home + `]`,
			[]string{"made_value emails"},
		},
		{
			"replace a chosen value as a whole", `"emails":[` + work + `]`,
			`{"op":"replace","path":"emails[type eq \"work\"]","value":{"value":"n@x","type":"work"}}`,
			`"emails":[{"value":"n@x","type":"work"}]`, nil,
		},
		{
			"replace a chosen value by null", `"emails":[` + work + `,` + home + `]`,
			`{"op":"replace","path":"emails[type eq \"work\"]","value":null}`, `"emails":[` + home + `]`, nil,
		},
		// Covers: 7644-3.5.2.2-5
		{
			"remove a chosen value", `"id":"1","emails":[` + work + `]`, `{"op":"remove","path":"emails[value eq \"W@X\"]"}`, `"id":"1"`, nil,
		},
		// Covers: 7644-3.5.2.2-6
		{
			"remove a part of each value", `"emails":[` + work + `,` + home + `]`, `{"op":"remove","path":"emails.type"}`,
			`"emails":[{"value":"w@x","primary":true},{"value":"h@x"}]`, nil,
		},
		{
			"replace a part of each value", `"photos":[{"value":"a"},{"value":"b"}]`, `{"op":"replace","path":"photos.type","value":"photo"}`,
			`"photos":[{"value":"a","type":"photo"},{"value":"b","type":"photo"}]`, nil,
		},
		{
			"values that become one", `"photos":[{"value":"a"},{"value":"b"}]`, `{"op":"replace","path":"photos.value","value":"c"}`,
			`"photos":[{"value":"c"}]`, nil,
		},
		{
			"remove values by value", `"emails":[` + work + `,` + home + `,{"value":"w@x","type":"other"},{"value":"w@x"}]`,
			`{"op":"remove","path":"emails","value":[{"value":"w@x","type":"work"},{"value":"none"}]}`,
			`"emails":[` + home + `,{"value":"w@x","type":"other"}]`,
			[]string{"removed_values emails"},
		},
		{
			"remove no values", `"emails":[` + work + `]`, `{"op":"remove","path":"emails","value":[]}`, `"emails":[` + work + `]`,
			[]string{"removed_values emails"},
		},
		// Covers: 7644-3.5.2.2-3
		{
			"remove all values", `"id":"1","emails":[` + work + `]`, `{"op":"remove","path":"emails","value":null}`, `"id":"1"`, nil,
		},
		{
			"empty arrays", `"id":"1","emails":[` + work + `],"roles":[{"value":"r"}]`,
			`{"op":"replace","path":"emails","value":[]},{"op":"add","path":"roles","value":[]}`, `"id":"1","roles":[{"value":"r"}]`, nil,
		},
		{
			"a part that empties its name", `"id":"1","name":{"givenName":"A"}`, `{"op":"replace","value":{"name":{"givenName":""}}}`, `"id":"1"`, nil,
		},
		{
			"an extension by its path", ent + `:{"department":"D"}`,
			`{"op":"add","path":"` + scim.EnterpriseURN + `","value":{"division":"V","Department":null}}`, ent + `:{"department":"D","division":"V"}`, nil,
		},
		{
			"an extension replaced by its path", ent + `:{"department":"D"}`,
			`{"op":"replace","path":"` + scim.EnterpriseURN + `","value":{"division":"V","Department":null}}`, ent + `:{"division":"V"}`, nil,
		},
		{
			"remove an extension", `"id":"1",` + ent + `:{"department":"D","manager":{"value":"m"}}`, `{"op":"remove","path":"` + scim.EnterpriseURN + `"}`,
			`"id":"1"`, nil,
		},
		{
			"an extension that is null", `"id":"1",` + ent + `:{"department":"D"}`, `{"op":"replace","value":{` + ent + `:null}}`, `"id":"1"`, nil,
		},
		// Covers: 7644-3.5.2.1-3
		{
			"core URN as a path", `"id":"1"`, `{"op":"add","path":"` + scim.CoreUserURN + `","value":{"title":"T"}}`, `"id":"1","title":"T"`, nil,
		},
		{
			"okta-g05: the id that it has", `"id":"1","displayName":"D"`, `{"op":"replace","value":{"id":"1","displayName":"E"}}`,
			`"id":"1","displayName":"E"`, nil,
		},
		{
			"read-only attributes in a value", `"id":"1"`,
			`{"op":"replace","value":{"meta":{"version":"x"},"groups":[],"schemas":["x"],"title":"T",` + ent + `:{"manager":{"displayName":"M"}}}}`,
			`"id":"1","title":"T"`, nil,
		},
		{
			"unknown attributes in a value", `"id":"1"`, `{"op":"add","value":{"isAdmin":true,"name":{"nick":"x"},` + ent + `:{"boss":"b"}}}`, `"id":"1"`,
			[]string{"unknown_attribute isAdmin", "unknown_attribute name.nick", "unknown_attribute " + scim.EnterpriseURN + ":boss"},
		},
		{
			"schemas follow from the rest", `"id":"1"`, `{"op":"add","path":"schemas","value":["urn:example:x"]}`, `"id":"1"`,
			[]string{"schemas_ignored schemas"},
		},
		{
			"active and isTeamAccount are always set", `"active":false,` + ext + `:{"isTeamAccount":true}`,
			`{"op":"remove","path":"active"},{"op":"replace","value":{"active":null}},{"op":"remove","path":"` + scim.RollcallURN + `"}`,
			`"active":false,` + ext + `:{"isTeamAccount":true}`,
			[]string{"value_kept active", "value_kept " + scim.RollcallURN + ":isTeamAccount"},
		},
		{
			"no operations", `"id":"1","title":"T"`, ``, `"id":"1","title":"T"`,
			[]string{"no_operations Operations"},
		},
		{
			"entra-g16: other keys of an operation", `"id":"1"`, `{"name":"x","OP":"ADD","Path":" title ","VALUE":"T"}`, `"id":"1","title":"T"`,
			[]string{"operation_case op"},
		},
		{
			"salesforce-style-001: the path in the value", `"id":"1"`, `{"op":"add","path":"emails","value":{"emails":[{"value":"a"}]}}`,
			`"id":"1","emails":[{"value":"a"}]`,
			[]string{"nested_value emails"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			rt, before := scimtest.UserType(), parseUser(t, test.before)
			kept := string(Encode(rt, before))
			body := `{"schemas":["` + scim.PatchURN + `"],"Operations":[` + test.operations + `]}`
			after, notices, err := applyBody(rt, before, []byte(body))
			require.NoError(t, err)
			got := string(Encode(rt, before))
			assert.Equalf(t, kept, got, "before became %s", got)
			assert.Equal(t, string(Encode(rt, parseUser(t, test.want))), string(Encode(rt, after)))
			checkNotices(t, notices, test.notices)
		})
	}
}

// Covers: 7644-3.5.2-14
func TestPatch_Refuses(t *testing.T) {
	const before = `"id":"1","userName":"a@x","emails":[{"value":"w@x","type":"work"}]`
	tests := []struct {
		name, operation string
		want            scim.ErrorType
	}{
		// Covers: 7644-3.5.2.3-8
		{"rfc-014: replace of nothing", `{"op":"replace","path":"emails[type eq \"home\"]","value":{"value":"h@x"}}`, scim.NoTarget},
		{"replace of nothing, not described", `{"op":"replace","path":"emails[type eq \"home\" or type eq \"other\"].value","value":"h@x"}`, scim.NoTarget},
		{"replace of nothing that a clause contradicts", `{"op":"replace","path":"emails[value eq \"old@x\"].value","value":"h@x"}`, scim.NoTarget},
		{"add to nothing, not described", `{"op":"add","path":"emails[not (type eq \"work\")]","value":{"value":"h@x"}}`, scim.NoTarget},
		// Covers: 7644-3.5.2-6, 7644-3.5.2.2-1
		{"pat-007: remove without path", `{"op":"remove"}`, scim.NoTarget},
		{"remove with an empty path", `{"op":"remove","path":" "}`, scim.NoTarget},
		{"remove the core schema", `{"op":"remove","path":"` + scim.CoreUserURN + `"}`, scim.NoTarget},

		// Covers: 7643-7-12, 7644-3.5.2-8
		{"rfc-015: id by path", `{"op":"replace","path":"id","value":"zzz"}`, scim.NotMutable},
		{"another id in a value", `{"op":"replace","value":{"id":"zzz"}}`, scim.NotMutable},
		{"an id that is no string", `{"op":"replace","value":{"id":{"a":1}}}`, scim.NotMutable},
		{"groups by path", `{"op":"add","path":"groups","value":[{"value":"g"}]}`, scim.NotMutable},
		{"meta by path", `{"op":"replace","path":"meta.version","value":"x"}`, scim.NotMutable},
		{"a manager's displayName by path", `{"op":"replace","path":"` + scim.EnterpriseURN + `:manager.displayName","value":"x"}`, scim.NotMutable},

		// Covers: 7644-3.5.2-7
		{"rfc-017: an unknown path", `{"op":"replace","path":"noSuch.thing","value":1}`, scim.InvalidPath},
		{"json-027: __proto__", `{"op":"add","path":"__proto__.isAdmin","value":true}`, scim.InvalidPath},
		{"pat-006: a thousand segments", `{"op":"replace","path":"a` + strings.Repeat(".a", 1000) + `","value":"x"}`, scim.InvalidPath},
		{"an unknown sub-attribute", `{"op":"replace","path":"emails[type eq \"work\"].nick","value":"x"}`, scim.InvalidPath},
		{"an unknown attribute of an extension", `{"op":"add","path":"` + scim.EnterpriseURN + `:boss","value":"x"}`, scim.InvalidPath},
		{"a filter on a string", `{"op":"add","path":"userName[value eq \"a\"]","value":"x"}`, scim.InvalidPath},
		{"a filter on an extension", `{"op":"add","path":"` + scim.EnterpriseURN + `[a eq \"a\"].b","value":"x"}`, scim.InvalidPath},
		// Covers: 7644-3.5.2-7
		{"a path with an open bracket", `{"op":"add","path":"emails[type eq \"work\".value","value":"x"}`, scim.InvalidFilter},
		{"a key with an open bracket", `{"op":"add","value":{"emails[":"x"}}`, scim.InvalidFilter},
		{"a filter without an operator", `{"op":"add","path":"emails[type].value","value":"x"}`, scim.InvalidFilter},
		{"a filter without quotes", `{"op":"remove","path":"emails[type eq work]"}`, scim.InvalidFilter},
		{"an empty filter", `{"op":"remove","path":"emails[]"}`, scim.InvalidFilter},
		{"brackets in brackets", `{"op":"remove","path":"emails[value[a pr]]"}`, scim.InvalidFilter},
		{"a filter on a sub-attribute", `{"op":"remove","path":"emails.value[a pr]"}`, scim.InvalidPath},
		{"a word after the brackets", `{"op":"remove","path":"emails[type pr]value"}`, scim.InvalidPath},
		{"a quote after the brackets", `{"op":"remove","path":"emails[type pr]\"value"}`, scim.InvalidPath},
		{"two parts after the brackets", `{"op":"remove","path":"emails[type pr].value.x"}`, scim.InvalidPath},
		{"an unknown sub-attribute in a filter", `{"op":"remove","path":"emails[nick eq \"a\"]"}`, scim.InvalidFilter},

		// Covers: 7644-3.5.2.2-7
		{"remove a required attribute", `{"op":"remove","path":"userName"}`, scim.NotMutable},
		{"null for a required attribute", `{"op":"replace","path":"userName","value":null}`, scim.NotMutable},
		{"empty for a required attribute", `{"op":"replace","value":{"userName":""}}`, scim.NotMutable},
		{"blank for a required attribute", `{"op":"replace","path":"userName","value":" "}`, scim.InvalidValue},
		{"remove schemas", `{"op":"remove","path":"schemas"}`, scim.InvalidValue},
		// Covers: 7644-3.5.2.1-2
		{"no object without path", `{"op":"add","value":"x"}`, scim.InvalidValue},
		{"two objects without path", `{"op":"replace","value":[{"title":"T"},{"title":"U"}]}`, scim.InvalidValue},
		{"broken JSON in a string without path", `{"op":"replace","value":"{\"title\":"}`, scim.InvalidValue},
		{"JSON in JSON without path", `{"op":"replace","value":"[\"{}\"]"}`, scim.InvalidValue},
		// Covers: 7644-3.5.2.1-1
		{"no value", `{"op":"replace","path":"title"}`, scim.InvalidValue},
		// Covers: 7644-3.5.2-8
		{"a number for a string", `{"op":"replace","path":"title","value":1}`, scim.InvalidValue},
		{"yes for a boolean", `{"op":"replace","path":"active","value":"yes"}`, scim.InvalidValue},
		{"a string for name", `{"op":"replace","path":"name","value":"BATMAN"}`, scim.InvalidValue},
		{"a string for emails", `{"op":"replace","path":"emails","value":"a@x"}`, scim.InvalidValue},
		{"two strings for a chosen email", `{"op":"replace","path":"emails[type eq \"work\"]","value":["a@x","b@x"]}`, scim.InvalidValue},
		{"a string for a chosen address", `{"op":"replace","path":"addresses[type eq \"work\"]","value":"1 Main St"}`, scim.InvalidValue},
		{"a string for an extension", `{"op":"replace","path":"` + scim.EnterpriseURN + `","value":"a"}`, scim.InvalidValue},
		{"a password that is no string", `{"op":"replace","path":"password","value":{"a":1}}`, scim.InvalidValue},
		{"hidden characters", `{"op":"replace","path":"userName","value":"a\u2067@x"}`, scim.InvalidValue},
		{"no visible character", `{"op":"replace","path":"userName","value":"\u200b"}`, scim.InvalidValue},
		{"hidden characters in a chosen email", `{"op":"replace","path":"emails[type eq \"work\"].value","value":"a\u202e@x"}`, scim.InvalidValue},
		{"a long userName", `{"op":"replace","path":"userName","value":"` + strings.Repeat("a", scim.MaxFolded+1) + `"}`, scim.InvalidValue},

		// Covers: 7644-3.5.2-5
		{"rfc-019: an unknown op", `{"op":"move","path":"title","value":"x"}`, scim.InvalidSyntax},
		// Covers: 7644-3.5.2-5
		{"no op", `{"path":"title","value":"x"}`, scim.InvalidSyntax},
		{"an op that is no string", `{"op":1,"path":"title","value":"x"}`, scim.InvalidSyntax},
		{"a space after op", `{"op":"replace ","path":"title","value":"x"}`, scim.InvalidSyntax},
		{"a path that is no string", `{"op":"add","path":["title"],"value":"x"}`, scim.InvalidSyntax},
		{"no object", `"add"`, scim.InvalidSyntax},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := parseUser(t, before)
			kept := string(Encode(scimtest.UserType(), r))
			body := `{"schemas":["` + scim.PatchURN + `"],"Operations":[{"op":"replace","path":"title","value":"A"},` + test.operation + `]}`
			after, notices, err := applyBody(scimtest.UserType(), r, []byte(body))
			var e *scim.Error
			require.Truef(t, errors.As(err, &e) && e.Type == test.want && after == nil && notices == nil, "got %v, %v, want %s", after, err, test.want)
			assert.Truef(t, strings.HasPrefix(e.Detail, "Operation 2: ") && len(e.Detail) <= 500, "detail %q", e.Detail)
			got := string(Encode(scimtest.UserType(), r))
			assert.Equalf(t, kept, got, "before became %s", got)
		})
	}
}

func TestDecodePatch(t *testing.T) {
	operations := func(n int) string {
		list := make([]string, n)
		for i := range list {
			list[i] = fmt.Sprintf(`{"op":"replace","path":"title","value":"%d"}`, i)
		}
		return `"Operations":[` + strings.Join(list, ",") + `]}`
	}
	const schemas = `{"schemas":["` + scim.PatchURN + `"],`
	tests := []struct {
		name, body string
		want       scim.ErrorType
	}{
		{"a thousand operations", schemas + operations(scim.MaxOperations), ""},
		{"pat-001: one more", schemas + operations(scim.MaxOperations+1), scim.TooMany},
		// Covers: 7644-3.5.2-4
		{"pat-002: none", schemas + `"Operations":[]}`, ""},
		{"Operations in lower case", schemas + `"operations":[]}`, ""},
		{"schemas in another case", `{"Schemas":["` + strings.ToUpper(scim.PatchURN) + `"],"Operations":[]}`, ""},
		// Covers: 7644-3.5.2-2
		{"no schemas", `{"Operations":[]}`, ""},
		// Covers: 7644-3.5.2-3
		{"no Operations", schemas + `"x":1}`, scim.InvalidSyntax},
		{"null Operations", schemas + `"Operations":null}`, scim.InvalidSyntax},
		{"Operations as an object", schemas + `"Operations":{"op":"add"}}`, scim.InvalidSyntax},
		// Covers: 7644-3.5.2-1
		{"the wrong schema", `{"schemas":["` + scim.CoreUserURN + `"],"Operations":[]}`, scim.InvalidSyntax},
		{"schemas as a string", `{"schemas":"` + scim.PatchURN + `","Operations":[]}`, ""},
		{"schemas as an object", `{"schemas":{"a":"` + scim.PatchURN + `"},"Operations":[]}`, scim.InvalidSyntax},
		{"an array", `[]`, scim.InvalidSyntax},
		{"nothing", ``, scim.InvalidSyntax},
	}
	for _, test := range tests {
		_, err := DecodePatch([]byte(test.body))
		var e *scim.Error
		got := errors.As(err, &e)
		assert.Truef(t, got == (test.want != "") && (!got || e.Type == test.want), "%s: got %v, want %s", test.name, err, test.want)
	}
	_, notices, err := applyBody(scimtest.UserType(), nil, []byte(`{"Operations":[]}`))
	require.NoError(t, err)
	checkNotices(t, notices, []string{"schemas_missing schemas", "no_operations Operations"})
}

// The membership layer reads the operations itself.
func TestDecodePatch_Operations(t *testing.T) {
	p, err := DecodePatch([]byte(`{"schemas":["` + scim.PatchURN + `"],"Operations":[
		{"op":"Add","path":"members","value":[{"value":"u1"}]},{"op":"remove","path":"members[value eq \"u2\"]"}]}`))
	require.NoError(t, err)
	want := []Operation{
		{Op: OpAdd, Path: "members", Value: []any{map[string]any{"value": "u1"}}, Number: 1},
		{Op: OpRemove, Path: `members[value eq "u2"]`, Number: 2},
	}
	assert.Equalf(t, fmt.Sprint(want), fmt.Sprint(p.Operations), "got %v, want %v", p.Operations, want)
}

// RFC 7644 §3.5.2.1 to §3.5.2.3 on a group, and what Entra and Okta send.
//
// Covers: 7643-4.2-3
func TestPatch_Members(t *testing.T) {
	const u1, u2, u3 = `{"value":"u1"}`, `{"value":"u2"}`, `{"value":"u3","type":"User"}`
	tests := []struct{ name, operation, want string }{
		{"add", `{"op":"add","path":"members","value":[{"display":"N","$ref":null,"value":"u4"}]}`, u1 + "," + u2 + "," + u3 + `,{"value":"u4"}`},
		// Covers: 7644-3.5.2-9
		{"add a present value", `{"op":"Add","path":"members","value":[{"value":"u1","$ref":"../Users/u1"},{"value":"u3"}]}`, `{"value":"u1","$ref":"../Users/u1"},` + u2 + "," + u3},
		{"single-object-members", `{"op":"add","path":"members","value":{"value":"u2"}}`, u1 + "," + u2 + "," + u3},
		{"remove one", `{"op":"remove","path":"members[value eq \"u2\"]"}`, u1 + "," + u3},
		{"entra-g07: remove by values", `{"op":"Remove","path":"members","value":[{"$ref":null,"value":"u3"},{"value":"u1","type":"User"}]}`, u2},
		{"entra-g09: remove another's", `{"op":"Remove","path":"members","value":[{"value":"u9"}]}`, u1 + "," + u2 + "," + u3},
		{"remove all", `{"op":"remove","path":"members"}`, ""},
		{"entra-g12: null", `{"op":"Replace","path":"members","value":null}`, ""},
		{"okta-g07: replace", `{"op":"replace","path":"members","value":[{"value":"u2","display":"b"},{"value":"u4"}]}`, u2 + `,{"value":"u4"}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			rt := schema.GroupType()
			before, err := scim.DecodeStored([]byte(`{"displayName":"G","members":[` + u1 + "," + u2 + "," + u3 + `]}`))
			require.NoError(t, err)
			after, _, err := applyBody(rt, before, []byte(`{"schemas":["`+scim.PatchURN+`"],"Operations":[`+test.operation+`]}`))
			require.NoError(t, err)
			want := `{"schemas":["` + scim.CoreGroupURN + `"],"displayName":"G"`
			if test.want != "" {
				want += `,"members":[` + test.want + `]`
			}
			got := string(Encode(rt, after))
			assert.Equalf(t, want+"}", got, "got  %s\nwant %s}", got, want)
		})
	}
	before, _ := scim.DecodeStored([]byte(`{"displayName":"G","members":[` + u1 + `]}`))
	_, _, err := applyBody(schema.GroupType(), before,
		[]byte(`{"schemas":["`+scim.PatchURN+`"],"Operations":[{"op":"replace","path":"members[value eq \"u1\"].value","value":"u2"}]}`))
	var e *scim.Error
	assert.Truef(t, errors.As(err, &e) && e.Type == scim.NotMutable, "a member's value is immutable: got %v", err)
}

// The work of a request is limited, whatever it asks for.
func TestPatch_CostIsBounded(t *testing.T) {
	elements := make([]string, scim.MaxElements)
	for i := range elements {
		elements[i] = fmt.Sprintf(`{"value":"%d","display":"%s"}`, i, strings.Repeat("é", 100))
	}
	operations := []string{`{"op":"add","path":"roles","value":[` + strings.Join(elements, ",") + `]}`}
	clause := strings.Repeat(` or display co \"ẞ\"`, 30)
	for range scim.MaxOperations - 1 {
		operations = append(operations, `{"op":"replace","path":"roles[value eq \"a\"`+clause+`].type","value":null}`)
	}
	_, _, err := applyBody(scimtest.UserType(), parseUser(t, `"userName":"a"`),
		[]byte(`{"schemas":["`+scim.PatchURN+`"],"Operations":[`+strings.Join(operations, ",")+`]}`))
	var e *scim.Error
	assert.Truef(t, errors.As(err, &e) && e.Type == scim.TooMany, "got %v, want tooMany", err)
	_, _, err = applyBody(scimtest.UserType(), parseUser(t, `"userName":"a"`), []byte(`{"schemas":["`+scim.PatchURN+`"],"Operations":[
		{"op":"add","path":"roles","value":[`+strings.Join(elements, ",")+`]},
		{"op":"replace","path":"roles.display","value":"`+strings.Repeat("x", scim.MaxString)+`"}]}`))
	assert.Truef(t, errors.As(err, &e) && e.Type == scim.InvalidValue, "got %v, want invalidValue", err)
}
