package resource

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
	"github.com/rollcall-scim/rollcall/internal/scim/scimtest"
)

func TestReplace(t *testing.T) {
	const ext, ent = `"` + scim.RollcallURN + `"`, `"` + scim.EnterpriseURN + `"`
	tests := []struct{ name, before, sent, want string }{
		// Covers: 7644-3.5.1-2, 7644-3.5.1-3
		{
			"okta-014: what is left out is cleared",
			`"id":"1","externalId":"e","userName":"a","name":{"givenName":"A"},"title":"T","active":true,` + ent + `:{"department":"D"}`,
			`"userName":"b","name":{"familyName":"B"},"active":true`,
			`"id":"1","userName":"b","name":{"familyName":"B"},"active":true`,
		},
		{"okta-015: active is set", `"id":"1","userName":"a","active":true`, `"userName":"a","active":false`, `"id":"1","userName":"a","active":false`},
		// Covers: 7644-3.5.1-3
		{"okta-016: active is kept", `"id":"1","userName":"a","active":true`, `"userName":"a"`, `"id":"1","userName":"a","active":true`},
		{
			"okta-017: isTeamAccount is kept", `"id":"1","userName":"a",` + ext + `:{"isTeamAccount":true}`, `"userName":"a"`,
			`"id":"1","userName":"a",` + ext + `:{"isTeamAccount":true}`,
		},
		{
			"okta-031: isTeamAccount is set", `"id":"1","userName":"a",` + ext + `:{"isTeamAccount":true}`,
			`"userName":"a",` + ext + `:{"isTeamAccount":false}`, `"id":"1","userName":"a",` + ext + `:{"isTeamAccount":false}`,
		},
		// Covers: 7643-3.1-6, 7644-3.5.1-6
		{"the id is the record's", `"id":"1","userName":"a"`, `"id":"2","userName":"a"`, `"id":"1","userName":"a"`},
		// Covers: 7644-3.5.1-6
		{"read-only attributes stay", `"id":"1","userName":"a","groups":[{"value":"g"}]`, `"userName":"a"`, `"id":"1","userName":"a","groups":[{"value":"g"}]`},
		{"nothing before", ``, `"userName":"a"`, `"userName":"a"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			rt := scimtest.UserType()
			before, sent := parseUser(t, test.before), parseUser(t, test.sent)
			keptBefore, keptSent := string(Encode(rt, before)), string(Encode(rt, sent))
			after, err := Replace(rt, before, sent)
			require.NoError(t, err)
			assert.Equal(t, string(Encode(rt, parseUser(t, test.want))), string(Encode(rt, after)))
			assert.True(t, string(Encode(rt, before)) == keptBefore && string(Encode(rt, sent)) == keptSent, "an argument was altered")
		})
	}
}

// Covers: 7643-7-13, 7644-3.5.1-4, 7644-3.5.1-5
func TestReplace_KeepsImmutable(t *testing.T) {
	rt := &schema.ResourceType{Name: "Badge", Schema: &schema.Schema{ID: "urn:example:Badge", Attributes: []*schema.Attribute{
		{Name: "serial", Type: schema.TypeString, Mutability: schema.Immutable}, {Name: "note", Type: schema.TypeString, Mutability: schema.ReadWrite},
	}}}
	set := scim.Resource{"serial": "1", "note": "a"}
	tests := []struct {
		name         string
		before, sent scim.Resource
		want         string // the serial, "" for an error
	}{
		{"set once", scim.Resource{}, set, "1"},
		{"the same again", set, scim.Resource{"serial": "1"}, "1"},
		{"left out", set, scim.Resource{"note": "b"}, "1"},
		{"another one", set, scim.Resource{"serial": "2"}, ""},
	}
	for _, test := range tests {
		after, err := Replace(rt, test.before, test.sent)
		var e *scim.Error
		assert.Truef(t, (!errors.As(err, &e) || e.Type == scim.NotMutable) && after.Text("serial") == test.want, "%s: %v, %v", test.name, after, err)
	}
	for operation, ok := range map[string]bool{
		`{"op":"replace","path":"serial","value":"1"}`: true,
		`{"op":"replace","path":"serial","value":"2"}`: false,
		`{"op":"remove","path":"serial"}`:              false,
	} {
		_, _, err := applyBody(rt, set, []byte(`{"schemas":["`+scim.PatchURN+`"],"Operations":[`+operation+`]}`))
		var e *scim.Error
		if (err == nil) != ok || errors.As(err, &e) && e.Type != scim.NotMutable {
			t.Errorf("%s: %v", operation, err)
		}
	}
}
