package match_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/match"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
	"github.com/rollcall-scim/rollcall/internal/scim/scimtest"
)

// Covers: 7643-2.4-6
func TestMatch_ReferencesOfAnyVersion(t *testing.T) {
	group := scim.Resource{"members": []any{map[string]any{"value": "u1", "$ref": "https://x.test/scim/v2/Users/u1"}}}
	user := scim.Resource{"groups": []any{map[string]any{"value": "g1", "$ref": "https://x.test/scim/Groups/g1"}}}
	for _, tt := range []struct {
		rt   *schema.ResourceType
		r    scim.Resource
		text string
		want bool
	}{
		{schema.GroupType(), group, `members.$ref eq "https://x.test/scim/v2/Users/u1"`, true},
		{schema.GroupType(), group, `members.$ref eq "https://x.test/scim/v1/Users/u1"`, true},
		{schema.GroupType(), group, `members[$ref eq "https://x.test/scim/Users/u1"]`, true},
		{schema.GroupType(), group, `members.$ref ne "https://x.test/scim/Users/u1"`, false},
		{schema.GroupType(), group, `members.$ref eq "https://x.test/scim/v2/Users/u2"`, false},
		{schema.GroupType(), group, `members.$ref eq "https://x.test/scim/v2/Groups/u1"`, false},
		{schema.GroupType(), group, `members.$ref eq "https://y.test/scim/v2/Users/u1"`, false},
		{schema.GroupType(), group, `members.$ref eq "https://x.test/scim/v2x/Users/u1"`, false},
		{schema.GroupType(), group, `members.$ref eq "https://x.test/scim/v/Users/u1"`, false},
		{schema.GroupType(), group, `members.$ref ew "/v2/Users/u1"`, true},
		{scimtest.UserType(), user, `groups.$ref eq "https://x.test/scim/v2/Groups/g1"`, true},
		{scimtest.UserType(), user, `groups.$ref eq "u1"`, false},
	} {
		f, err := match.CompileFilter(tt.rt, tt.text)
		require.NoErrorf(t, err, "%s", tt.text)
		assert.Equalf(t, tt.want, f.Match(tt.r), "%s", tt.text)
	}
}
