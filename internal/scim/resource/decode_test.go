package resource

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
	"github.com/rollcall-scim/rollcall/internal/scim/scimtest"
)

// userBody returns a POST body with the core schema and the members given.
func userBody(members string) []byte {
	return []byte(`{"schemas":["` + scim.CoreUserURN + `"],` + members + `}`)
}

// userDocument returns what Encode writes for a user without extensions.
func userDocument(members string) string { return string(userBody(members)) }

func TestDecodeResource(t *testing.T) {
	const ext = `"` + scim.RollcallURN + `"`
	withExt := func(urn, members string) string {
		return `{"schemas":["` + scim.CoreUserURN + `","` + urn + `"],` + members + `}`
	}
	tests := []struct {
		name, body, want string
		notices          []string
	}{
		// Covers: 7643-9.2-1, 7644-3.3-1
		{
			"okta-004: password, groups and externalId",
			`"userName":"a@x","externalId":"00u1","groups":[],"password":"1mz","active":true`,
			`"externalId":"00u1","userName":"a@x","active":true`, nil,
		},
		// Covers: 7643-3.1-11, 7644-3.3-1
		{
			"okta-014: id, meta and an empty middle name",
			`"id":"x","userName":"a@x","name":{"givenName":"A","middleName":""},"meta":{"resourceType":"User"}`,
			`"userName":"a@x","name":{"givenName":"A"}`, nil,
		},
		// Covers: 7643-2.1-3
		{
			"entra-011: names in any case",
			`"UserName":"a@x","Active":true,"emails":[{"Primary":true,"TYPE":"work","value":"a@x"}]`,
			`"userName":"a@x","active":true,"emails":[{"value":"a@x","type":"work","primary":true}]`, nil,
		},
		// Covers: 7643-2.5-1
		{
			"entra-008: empty roles", `"userName":"a@x","roles":[],"title":null`, `"userName":"a@x"`, nil,
		},
		{
			"entra-049: a role without a value",
			`"userName":"a@x","roles":[{"primary":true,"type":"WindowsAzureActiveDirectoryRole"}]`,
			`"userName":"a@x","roles":[{"type":"WindowsAzureActiveDirectoryRole","primary":true}]`, nil,
		},
		{
			"json-022: a boolean as a string", `"userName":"a@x","active":"False"`, `"userName":"a@x","active":false`,
			[]string{"string_boolean active"},
		},
		{
			"one object for an array", `"userName":"a@x","emails":{"value":"a@x"}`,
			`"userName":"a@x","emails":[{"value":"a@x"}]`,
			[]string{"single_value emails"},
		},
		{
			"entra-029: roles in a string",
			`"userName":"a@x","roles":[{"value":"{\"id\":\"06b0\",\"value\":\"Admin\",\"displayName\":\"Admins\"}","primary":"True"}]`,
			`"userName":"a@x","roles":[{"value":"Admin","display":"Admins","primary":true}]`,
			[]string{"stringified_value roles", "string_boolean roles.primary"},
		},
		{
			"a role that only looks like JSON", `"userName":"a@x","roles":[{"value":"{admin}"},{"value":"{\"id\":1}"}]`,
			`"userName":"a@x","roles":[{"value":"{admin}"},{"value":"{\"id\":1}"}]`, nil,
		},
		{
			"unknown attributes", `"userName":"a@x","isAdmin":true,"name":{"nick":"n"},"urn:example:x":{"a":1}`,
			`"userName":"a@x"`,
			[]string{"unknown_attribute isAdmin", "unknown_attribute name.nick", "unknown_attribute urn:example:x"},
		},
		{
			"dotted names", `"userName":"a@x","name.givenName":"A","name":{"familyName":"B"}`,
			`"userName":"a@x","name":{"familyName":"B","givenName":"A"}`, nil,
		},
		// Covers: 7644-3.10-1
		{
			"core URN in front", `"` + scim.CoreUserURN + `:userName":"a@x"`, `"userName":"a@x"`, nil,
		},
		// Covers: 7643-2.4-3
		{
			"json-026: two primary values",
			`"userName":"a@x","emails":[{"value":"a@x","primary":true},{"value":"b@x","primary":true}]`,
			`"userName":"a@x","emails":[{"value":"a@x","primary":true},{"value":"b@x","primary":false}]`,
			[]string{"second_primary emails"},
		},
		{
			"the same value twice",
			`"userName":"a@x","emails":[{"value":"a@x","primary":true},{"primary":true,"value":"a@x"},{"value":"a@x","type":"work"}]`,
			`"userName":"a@x","emails":[{"value":"a@x","primary":true},{"value":"a@x","type":"work"}]`, nil,
		},
		// Covers: 7643-2.4-8
		{
			"the same value and type, shown otherwise",
			`"userName":"a@x","emails":[{"value":"a@x","type":"work"},{"value":"A@x","type":"Work","display":"A","primary":true},{"value":"a@x","type":"home"}]`,
			`"userName":"a@x","emails":[{"value":"a@x","display":"A","type":"work","primary":true},{"value":"a@x","type":"home"}]`, nil,
		},
		{
			"photos that differ in case alone",
			`"userName":"a@x","photos":[{"value":"https://x/A"},{"value":"https://x/a"}]`,
			`"userName":"a@x","photos":[{"value":"https://x/A"},{"value":"https://x/a"}]`, nil,
		},
		{
			"addresses of one type",
			`"userName":"a@x","addresses":[{"type":"work","locality":"A"},{"type":"work","locality":"B"}]`,
			`"userName":"a@x","addresses":[{"locality":"A","type":"work"},{"locality":"B","type":"work"}]`, nil,
		},
		// Covers: 7643-2.3.7-2
		{
			"references that are no URIs",
			`"userName":"a@x","profileUrl":"my page","photos":[{"value":"https://x/ä"},{"value":"/photos/1?x=%20"}]`,
			`"userName":"a@x","profileUrl":"my page","photos":[{"value":"https://x/ä"},{"value":"/photos/1?x=%20"}]`,
			[]string{"not_a_uri photos.value", "not_a_uri profileUrl"},
		},
		// Covers: 7643-2.5-1
		{
			"empty objects", `"userName":"a@x","name":{},"emails":[{},null,{"value":null}]`, `"userName":"a@x"`, nil,
		},
		{
			"white space is kept", `"userName":" a@x ","title":"a\n\tb"`, `"userName":" a@x ","title":"a\n\tb"`, nil,
		},
		{
			"empty externalId", `"userName":"a@x","externalId":""`, `"userName":"a@x"`, nil,
		},
		{
			"joiners in a name to show", `"userName":"a@x","displayName":"👩‍💻"`, `"userName":"a@x","displayName":"👩‍💻"`, nil,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			checkDecode(t, userBody(test.body), userDocument(test.want), test.notices)
		})
	}
	whole := []struct {
		name, body, want string
		notices          []string
	}{
		// Covers: 7643-3-2
		{
			"no schemas", `{"userName":"a@x"}`, userDocument(`"userName":"a@x"`), []string{"schemas_missing schemas"},
		},
		{
			"empty schemas", `{"schemas":[],"userName":"a@x"}`, userDocument(`"userName":"a@x"`),
			[]string{"schemas_missing schemas"},
		},
		{
			"only an extension in schemas", `{"schemas":["` + scim.EnterpriseURN + `"],"userName":"a@x"}`,
			userDocument(`"userName":"a@x"`),
			[]string{"schemas_missing schemas"},
		},
		{
			"an extension without values", withExt(scim.EnterpriseURN, `"userName":"a@x"`), userDocument(`"userName":"a@x"`), nil,
		},
		// Covers: 7643-3-3
		{
			"a schema of somebody else's", withExt("urn:example:x", `"userName":"a@x"`), userDocument(`"userName":"a@x"`),
			[]string{"unknown_schema urn:example:x"},
		},
		{
			"an extension that schemas leaves out", userDocument(`"userName":"a@x",` + ext + `:{"isTeamAccount":true}`),
			withExt(scim.RollcallURN, `"userName":"a@x",`+ext+`:{"isTeamAccount":true}`), nil,
		},
		{
			"okta-030: isTeamAccount as a string", userDocument(`"userName":"a@x",` + ext + `:{"isTeamAccount":"true"}`),
			withExt(scim.RollcallURN, `"userName":"a@x",`+ext+`:{"isTeamAccount":true}`),
			[]string{"string_boolean " + scim.RollcallURN + ":isTeamAccount"},
		},
		{
			"okta-029: isTeamAccount at the top level", userDocument(`"userName":"a@x","IsTeamAccount":false`),
			withExt(scim.RollcallURN, `"userName":"a@x",`+ext+`:{"isTeamAccount":false}`),
			[]string{"top_level_attribute " + scim.RollcallURN + ":isTeamAccount"},
		},
		{
			"entra-022: URN and name in one", userDocument(`"userName":"a@x","` + scim.RollcallURN + `:isTeamAccount":false`),
			withExt(scim.RollcallURN, `"userName":"a@x",`+ext+`:{"isTeamAccount":false}`), nil,
		},
		{
			"the same value in two spellings",
			userDocument(`"userName":"a@x","isTeamAccount":true,` + ext + `:{"isTeamAccount":true}`),
			withExt(scim.RollcallURN, `"userName":"a@x",`+ext+`:{"isTeamAccount":true}`),
			[]string{"top_level_attribute " + scim.RollcallURN + ":isTeamAccount"},
		},
		{
			"a manager as a string", userDocument(`"userName":"a@x","` + scim.EnterpriseURN + `":{"manager":"m1"}`),
			withExt(scim.EnterpriseURN, `"userName":"a@x","`+scim.EnterpriseURN+`":{"manager":{"value":"m1"}}`),
			[]string{"bare_value " + scim.EnterpriseURN + ":manager"},
		},
		// Covers: 7643-4.3-2
		{
			"a manager's displayName",
			userDocument(`"userName":"a@x","` + scim.EnterpriseURN + `":{"manager":{"value":"m1","displayName":"M"}}`),
			withExt(scim.EnterpriseURN, `"userName":"a@x","`+scim.EnterpriseURN+`":{"manager":{"value":"m1"}}`), nil,
		},
		{
			"a null extension", userDocument(`"userName":"a@x","` + scim.EnterpriseURN + `":null`), userDocument(`"userName":"a@x"`), nil,
		},
	}
	for _, test := range whole {
		t.Run(test.name, func(t *testing.T) { checkDecode(t, []byte(test.body), test.want, test.notices) })
	}
}

func checkDecode(t *testing.T, body []byte, want string, notices []string) {
	t.Helper()
	rt := scimtest.UserType()
	r, got, err := Decode(rt, body)
	require.NoError(t, err)
	assert.Equal(t, want, string(Encode(rt, r)))
	checkNotices(t, got, notices)
}

func checkNotices(t *testing.T, got []scim.Notice, want []string) {
	t.Helper()
	texts := []string{}
	for _, n := range got {
		texts = append(texts, n.Kind+" "+n.Attribute)
	}
	assert.Equalf(t, fmt.Sprint(want), fmt.Sprint(texts), "notices %q, want %q", texts, want)
}

func TestDecodeResource_Refuses(t *testing.T) {
	emails := func(n int) string {
		var list []string
		for i := range n {
			list = append(list, fmt.Sprintf(`{"value":"%d@x"}`, i))
		}
		return `"userName":"a@x","emails":[` + strings.Join(list, ",") + `]`
	}
	long := func(n int) string { return strings.Repeat("a", n) }
	tests := []struct {
		name, members string
		want          scim.ErrorType
		detail        string
	}{
		{"json-003: U+017F is no s", `"uſerName":"evil@x"`, scim.InvalidValue, "userName is required"},
		{"no userName", `"title":"x"`, scim.InvalidValue, "userName is required"},
		{"uni-012: blank userName", `"userName":"   "`, scim.InvalidValue, "userName is required"},
		{"uni-013: empty userName", `"userName":""`, scim.InvalidValue, "userName is required"},
		{"priv-002: a number for a string", `"userName":"n@x","externalId":1`, scim.InvalidValue, "externalId must be a string, not a number"},
		{"json-025: a string for an array", `"userName":"a@x","emails":"a@x"`, scim.InvalidValue, "emails must be an array, each of its values an object, not a string"},
		{"addresses in one string", `"userName":"a@x","emails":"a@x.example, b@x.example"`, scim.InvalidValue, "emails must be an array"},
		// Covers: 7643-2.4-1
		{"strings in an array of objects without value", `"userName":"a@x","addresses":["1 Main St"]`, scim.InvalidValue, "addresses must be"},
		{"arrays in an array", `"userName":"a@x","emails":[[{"value":"a@x"}]]`, scim.InvalidValue, "emails must be"},
		{"several values for one", `"userName":["a@x","b@x"]`, scim.InvalidValue, "userName has one value, and the request sends an array of 2"},
		{"an array in an array for one value", `"userName":[["a@x"]]`, scim.InvalidValue, "userName must be a string, not an array"},
		{"an object for a string", `"userName":{"value":"a@x"}`, scim.InvalidValue, "userName must be a string, not an object"},
		{"a string for name", `"userName":"a@x","name":"A B"`, scim.InvalidValue, "name must be an object, not a string: send its parts, for example name.formatted and name.familyName."},
		{"JSON in a string that nests deep", `"userName":"a@x","roles":"` + strings.Repeat("[", scim.MaxDepth+1) + strings.Repeat("]", scim.MaxDepth+1) + `"`, scim.InvalidValue, "roles holds JSON in a string that nests deeper than 16 levels"},
		{"JSON in a string in an extension that nests deep", `"userName":"a@x","` + scim.EnterpriseURN + `":"{\"manager\":` + strings.Repeat("[", scim.MaxDepth) + strings.Repeat("]", scim.MaxDepth) + `}"`, scim.InvalidValue, "nests deeper than 16 levels"},
		{"okta-030: yes is no boolean", `"userName":"a@x","active":"yes"`, scim.InvalidValue, "active must be a boolean (\"True\" and \"False\" are also accepted), not a string"},
		{"falſe is no boolean", `"userName":"a@x","active":"falſe"`, scim.InvalidValue, "active must be"},
		{"1 is no boolean", `"userName":"a@x","active":1`, scim.InvalidValue, "active must be a boolean (\"True\" and \"False\" are also accepted), not a number"},
		{"a password that is no string", `"userName":"a@x","password":5`, scim.InvalidValue, "password must be a string"},
		{"an extension that is no object", `"userName":"a@x","` + scim.EnterpriseURN + `":"x"`, scim.InvalidValue, "must be an object"},
		{"two objects for an extension", `"userName":"a@x","` + scim.EnterpriseURN + `":[{"department":"A"},{"department":"B"}]`, scim.InvalidValue, "an array of 2"},
		// Covers: 7643-2.3.6-1, 7643-4.1.2-9
		{"a certificate that is no base64", `"userName":"a@x","x509Certificates":[{"value":"?"}]`, scim.InvalidValue, "x509Certificates.value must be a string in base64"},

		{"json-030: the other schema", `"schemas":["` + scim.CoreGroupURN + `"],"userName":"g@x"`, scim.InvalidSyntax, scim.CoreUserURN},
		{"both schemas", `"schemas":["` + scim.CoreUserURN + `","` + scim.CoreGroupURN + `"],"userName":"g@x"`, scim.InvalidSyntax, "does not belong"},
		{"the other schema beside one that means nothing", `"schemas":["urn:scim:schemas:core:1.0","` + scim.CoreGroupURN + `"],"userName":"g@x"`, scim.InvalidSyntax, "stands for a Group"},
		{"a message", `"schemas":["` + scim.PatchURN + `"],"userName":"g@x"`, scim.InvalidSyntax, "stands for a PATCH"},
		{"schemas as an object", `"schemas":{"a":"` + scim.CoreUserURN + `"},"userName":"g@x"`, scim.InvalidSyntax, "must be an array"},
		{"schemas with a number", `"schemas":[1],"userName":"g@x"`, scim.InvalidSyntax, "must be an array"},
		{"twice with different values", `"userName":"a@x","isTeamAccount":true,"` + scim.RollcallURN + `":{"isTeamAccount":false}`, scim.InvalidSyntax, "given twice"},
		{"twice with different parts", `"userName":"a@x","name.givenName":"A","name":{"givenName":"B"}`, scim.InvalidSyntax, "given twice"},

		{"only invisible characters", `"userName":"\u200b\u2800\u034f"`, scim.InvalidValue, "userName"},
		{"an email of invisible characters", `"userName":"a@x","emails":[{"value":"\u3164"}]`, scim.InvalidValue, "no visible character"},
		{"a left-to-right mark", `"userName":"a\u200eb@x"`, scim.InvalidValue, "U+200E"},
		{"an Arabic letter mark", `"userName":"a\u061cb@x"`, scim.InvalidValue, "U+061C"},
		{"a format character that is not left out", `"userName":"a\ufff9b@x"`, scim.InvalidValue, "U+FFF9"},
		{"uni-010: right to left", `"userName":"user\u202egpj@x"`, scim.InvalidValue, "U+202E"},
		{"uni-014: NUL", `"userName":"a\u0000b@x"`, scim.InvalidValue, "U+0000"},
		{"DEL", `"userName":"a\u007fb@x"`, scim.InvalidValue, "U+007F"},
		{"a C1 control", `"userName":"a\u0085b@x"`, scim.InvalidValue, "U+0085"},
		{"a line separator", `"userName":"a\u2028b@x"`, scim.InvalidValue, "U+2028"},
		{"a tab", `"userName":"a\tb@x"`, scim.InvalidValue, "U+0009"},
		{"a soft hyphen in externalId", `"userName":"a@x","externalId":"a\u00adb"`, scim.InvalidValue, "externalId"},
		{"an isolate in emails.value", `"userName":"a@x","emails":[{"value":"a\u2066b@x"}]`, scim.InvalidValue, "emails.value"},
		{"NUL elsewhere", `"userName":"a@x","name":{"givenName":"a\u0000"}`, scim.InvalidValue, "name.givenName"},

		{"uni-015: a long userName", `"userName":"` + long(scim.MaxFolded+1) + `"`, scim.InvalidValue, "at most 512"},
		{"a userName that is long when folded", `"userName":"` + strings.Repeat("ﷺ", 30) + `"`, scim.InvalidValue, "at most 512"},
		{"a long email", `"userName":"a@x","emails":[{"value":"` + long(scim.MaxFolded+1) + `"}]`, scim.InvalidValue, "at most 512"},
		{"json-031: a long string", `"userName":"a@x","displayName":"` + long(scim.MaxString+1) + `"`, scim.InvalidValue, "at most 8192"},
		{"a long photo", `"userName":"a@x","photos":[{"value":"` + long(scim.MaxLongString+1) + `"}]`, scim.InvalidValue, "at most 32768"},
		{"many emails", emails(scim.MaxEmails + 1), scim.InvalidValue, "at most 20"},
		{"many roles", `"userName":"a@x","roles":[` + strings.Repeat(`{"value":"a"},`, scim.MaxElements) + `{"value":"b"}]`, scim.InvalidValue, "at most 200"},
		{
			"a large resource",
			`"userName":"a@x","photos":[{"value":"` + long(scim.MaxLongString) + `"},{"value":"b` + long(scim.MaxLongString-1) + `"}]`,
			scim.InvalidValue, "at most 65536",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			body := userBody(test.members)
			if strings.HasPrefix(test.members, `"schemas"`) {
				body = []byte("{" + test.members + "}")
			}
			_, _, err := Decode(scimtest.UserType(), body)
			var e *scim.Error
			if !errors.As(err, &e) || e.Type != test.want || !strings.Contains(e.Detail, test.detail) {
				t.Errorf("got %v, want %s with %q", err, test.want, test.detail)
			}
			if len(err.Error()) > 500 {
				t.Errorf("the detail has %d bytes", len(err.Error()))
			}
		})
	}
	for _, body := range []string{"42", `"x"`, "null", "[]", "true", ""} {
		_, _, err := Decode(scimtest.UserType(), []byte(body))
		var e *scim.Error
		assert.Truef(t, errors.As(err, &e) && e.Type == scim.InvalidSyntax, "%q: %v, want invalidSyntax", body, err)
	}
}

func TestDecodeResource_LimitsAreInclusive(t *testing.T) {
	for _, members := range []string{
		`"userName":"` + strings.Repeat("a", scim.MaxFolded) + `"`,
		`"userName":"a","displayName":"` + strings.Repeat("é", scim.MaxString/2) + `"`,
		`"userName":"a","photos":[{"value":"` + strings.Repeat("a", scim.MaxLongString) + `"}]`,
	} {
		_, _, err := Decode(scimtest.UserType(), userBody(members))
		assert.NoError(t, err)
	}
}

func TestDecodeResource_Group(t *testing.T) {
	head := `{"schemas":["` + scim.CoreGroupURN + `"],`
	r, notices, err := Decode(schema.GroupType(), []byte(head+
		`"displayName":"D","members":[{"value":"u1","$ref":null,"display":"A","name":"x"},{"value":"u1"}]}`))
	require.NoError(t, err)
	assert.Equal(t, head+`"displayName":"D","members":[{"value":"u1"}]}`, string(Encode(schema.GroupType(), r)))
	checkNotices(t, notices, []string{"unknown_attribute members.name"})

	tests := []struct {
		name, members string
		want          scim.ErrorType
	}{
		{"no displayName", `"externalId":"x"`, scim.InvalidValue},
		{"blank displayName", `"displayName":" \t"`, scim.InvalidValue},
		{"long displayName", `"displayName":"` + strings.Repeat("a", scim.MaxFolded+1) + `"`, scim.InvalidValue},
	}
	for _, test := range tests {
		_, _, err := Decode(schema.GroupType(), []byte(head+test.members+"}"))
		var e *scim.Error
		assert.Truef(t, errors.As(err, &e) && e.Type == test.want, "%s: %v, want %s", test.name, err, test.want)
	}
	// Only the directory knows how many members a request changes.
	r, _, err = Decode(schema.GroupType(), []byte(head+`"displayName":"big","members":[`+
		strings.Repeat(`{"value":"u"},`, 2*scim.MaxMembers)+`{"value":"x"}]}`))
	require.NoError(t, err)
	assert.Equal(t, head+`"displayName":"big","members":[{"value":"u"},{"value":"x"}]}`, string(Encode(schema.GroupType(), r)))
}

// The notices of a request are limited in number and safe to print.
func TestDecodeResource_NoticesAreBounded(t *testing.T) {
	var b strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&b, `"%d\u202e%s":1,`, i, strings.Repeat("x", 1000))
	}
	_, notices, err := Decode(scimtest.UserType(), userBody(b.String()+`"userName":"a"`))
	require.NoError(t, err)
	assert.Lenf(t, notices, 32, "%d notices", len(notices))
	for _, n := range notices {
		assert.Truef(t, len(n.Attribute) <= 128 && !strings.ContainsRune(n.Attribute, '\u202e'), "notice %q", n.Attribute)
	}
}

// Covers: 7643-3.3-2, 7643-4.3-1
func TestDecodeResource_RFC7643Examples(t *testing.T) {
	tests := []struct {
		file    string
		rt      *schema.ResourceType
		without []string
	}{
		{"rfc7643_8_1_minimal_user", scimtest.UserType(), nil},
		{"rfc7643_8_3_enterprise_user", scimtest.UserType(), []string{"password", "groups"}},
		{"rfc7643_8_4_group", schema.GroupType(), nil},
	}
	for _, test := range tests {
		t.Run(test.file, func(t *testing.T) {
			body, err := os.ReadFile("testdata/" + test.file + ".json")
			require.NoError(t, err)
			r, notices, err := Decode(test.rt, body)
			if err != nil || len(notices) > 0 {
				t.Fatal(err, notices)
			}
			v, err := scim.DecodeJSON(body)
			require.NoError(t, err)
			want := v.(map[string]any)
			for _, name := range append(test.without, "id", "meta") {
				delete(want, name)
			}
			for _, m := range asList(want["members"]) {
				delete(m.(map[string]any), "display")
			}
			if e := scim.Object(want[scim.EnterpriseURN]); e != nil {
				delete(scim.Object(e["manager"]), "displayName")
			}
			if !scim.EqualValue(map[string]any(r), want) {
				t.Errorf("got  %s\nwant %s", scim.EncodeValue(map[string]any(r)), scim.EncodeValue(want))
			}
			again, err := scim.DecodeStored(Encode(test.rt, r))
			assert.Truef(t, err == nil && scim.EqualValue(map[string]any(again), map[string]any(r)), "Decode(Encode(r)) = %v, %v", again, err)
		})
	}
}

func asList(v any) []any {
	list, _ := v.([]any)
	return list
}
