package resource

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"

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
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if !json.Valid(got) {
		t.Error("not JSON")
	}
}

// Covers: 7643-3.3-1, 7643-3.3-4
func TestEncode_ListsExtensionsWithValues(t *testing.T) {
	r := scim.Resource{"schemas": []any{scim.CoreUserURN}, scim.RollcallURN: map[string]any{"isTeamAccount": true}}
	want := `{"schemas":["` + scim.CoreUserURN + `","` + scim.RollcallURN + `"],"` + scim.RollcallURN + `":{"isTeamAccount":true}}`
	if got := string(Encode(scimtest.UserType(), r)); got != want {
		t.Errorf("got %s", got)
	}
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
		if got := string(scim.Splice(doc, []byte(test.meta))); got != test.want {
			t.Errorf("%s + %s = %s, want %s", test.doc, test.meta, got, test.want)
		}
		if string(doc) != test.doc {
			t.Errorf("%s became %s", test.doc, doc)
		}
	}
	if got := string(scim.SpliceAttribute([]byte(`{"id":"1"}`), "groups", []byte(`[]`))); got != `{"id":"1","groups":[]}` {
		t.Error(got)
	}
}

// Serving one document to two requests must not let them share bytes.
func TestSplice_CopiesTheDocument(t *testing.T) {
	doc := append(make([]byte, 0, 100), `{"id":"1"}`...)
	a, b := scim.Splice(doc, []byte(`"a"`)), scim.Splice(doc, []byte(`"b"`))
	if bytes.Equal(a, b) {
		t.Error("shared")
	}
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
		if got := Changed(scimtest.UserType(), test.before, test.after); !slices.Equal(got, test.want) {
			t.Errorf("%s: got %v, want %v", test.name, got, test.want)
		}
	}
}
