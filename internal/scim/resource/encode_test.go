package resource

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/scimtest"
)

// Covers: 7643-3.3-2
func TestEncode_OrderAndEscapes(t *testing.T) {
	r := scim.Resource{
		"zeta": "z", "meta": map[string]any{"version": "v", "created": "c"},
		scim.EnterpriseURN: map[string]any{"manager": map[string]any{"$ref": "r", "value": "m"}, "costCenter": "</&>"},
		"emails":           []any{map[string]any{"primary": true, "type": "work", "value": "é\u2028\"\\\n\x01"}},
		"userName":         "a", "externalId": "e", "id": "1", "active": false,
		"x": scim.Number("1.50"),
	}
	want := `{"schemas":["` + scim.CoreUserURN + `","` + scim.EnterpriseURN + `"],"id":"1","externalId":"e","userName":"a","active":false,` +
		`"emails":[{"value":"é` + "\u2028" + `\"\\\n\u0001","type":"work","primary":true}],` +
		`"` + scim.EnterpriseURN + `":{"costCenter":"</&>","manager":{"value":"m","$ref":"r"}},` +
		`"meta":{"created":"c","version":"v"},"x":1.50,"zeta":"z"}`
	got := Encode(scimtest.UserType(), r)
	assert.Equalf(t, want, string(got), "got  %s\nwant %s", got, want)
	assert.True(t, json.Valid(got), "not JSON")
}

// Covers: 7643-3.3-1, 7643-3.3-4
func TestEncode_ListsExtensionsWithValues(t *testing.T) {
	r := scim.Resource{"schemas": []any{scim.CoreUserURN}, scim.RollcallURN: map[string]any{"isTeamAccount": true}}
	want := `{"schemas":["` + scim.CoreUserURN + `","` + scim.RollcallURN + `"],"` + scim.RollcallURN + `":{"isTeamAccount":true}}`
	assert.Equal(t, want, string(Encode(scimtest.UserType(), r)))
}

func TestDecode_RefusesWhatEncodeDoesNotWrite(t *testing.T) {
	for _, doc := range []string{"", "[]", `"x"`, "{", `{"a":`} {
		if r, err := scim.DecodeStored([]byte(doc)); err == nil {
			t.Errorf("%q: %v", doc, r)
		} else if _, ok := err.(*scim.Error); ok {
			t.Errorf("%q: a broken record is not the request's fault", doc)
		}
	}
}

func TestSplice(t *testing.T) {
	tests := []struct{ doc, meta, want string }{
		{`{"id":"1"}`, `{"version":"v"}`, `{"id":"1","meta":{"version":"v"}}`},
		{`{}`, `{"version":"v"}`, `{"meta":{"version":"v"}}`},
		{`{"id":"1"}`, ``, `{"id":"1"}`},
		{``, `{}`, ``},
	}
	for _, test := range tests {
		doc := []byte(test.doc)
		assert.Equalf(t, test.want, string(scim.Splice(doc, []byte(test.meta))), "%s + %s", test.doc, test.meta)
		assert.Equalf(t, test.doc, string(doc), "%s became %s", test.doc, doc)
	}
	assert.Equal(t, `{"id":"1","groups":[]}`, string(scim.SpliceAttribute([]byte(`{"id":"1"}`), "groups", []byte(`[]`))))
}

// Serving one document to two requests must not let them share bytes.
func TestSplice_CopiesTheDocument(t *testing.T) {
	doc := append(make([]byte, 0, 100), `{"id":"1"}`...)
	a, b := scim.Splice(doc, []byte(`"a"`)), scim.Splice(doc, []byte(`"b"`))
	assert.False(t, bytes.Equal(a, b), "shared")
}

func TestChanged(t *testing.T) {
	user := func(members string) scim.Resource { return parseUser(t, members) }
	const ext = `"` + scim.RollcallURN + `"`
	tests := []struct {
		name          string
		before, after scim.Resource
		want          []string
	}{
		{"nothing", user(`"userName":"a","name":{"givenName":"A","familyName":"B"}`), user(`"name":{"familyName":"B","givenName":"A"},"userName":"a"`), nil},
		{"both absent", nil, nil, nil},
		{"created", nil, user(`"id":"1","userName":"a","active":true`), []string{"active", "userName"}},
		{"gone", user(`"title":"T"`), user(`"id":"1"`), []string{"title"}},
		{"a part of a name", user(`"name":{"givenName":"A"}`), user(`"name":{"givenName":"B"}`), []string{"name"}},
		{"the order of values", user(`"emails":[{"value":"a"},{"value":"b"}]`), user(`"emails":[{"value":"b"},{"value":"a"}]`), []string{"emails"}},
		{"an extension", user(ext + `:{"isTeamAccount":true}`), user(ext + `:{"isTeamAccount":false}`), []string{scim.RollcallURN + ":isTeamAccount"}},
		{"a new extension", user(`"id":"1"`), user(`"` + scim.EnterpriseURN + `":{"division":"D","department":"E"}`), []string{scim.EnterpriseURN + ":department", scim.EnterpriseURN + ":division"}},
	}
	for _, test := range tests {
		got := Changed(scimtest.UserType(), test.before, test.after)
		assert.Truef(t, slices.Equal(got, test.want), "%s: got %v, want %v", test.name, got, test.want)
	}
}
