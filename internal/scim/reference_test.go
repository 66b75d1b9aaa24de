package scim

import "testing"

// Covers: 7643-2.4-6
func TestMatch_ReferencesOfAnyVersion(t *testing.T) {
	group := Resource{"members": []any{map[string]any{"value": "u1", "$ref": "https://x.test/scim/v2/Users/u1"}}}
	user := Resource{"groups": []any{map[string]any{"value": "g1", "$ref": "https://x.test/scim/Groups/g1"}}}
	for _, tt := range []struct {
		rt   *ResourceType
		r    Resource
		text string
		want bool
	}{
		{GroupType(), group, `members.$ref eq "https://x.test/scim/v2/Users/u1"`, true},
		{GroupType(), group, `members.$ref eq "https://x.test/scim/v1/Users/u1"`, true},
		{GroupType(), group, `members[$ref eq "https://x.test/scim/Users/u1"]`, true},
		{GroupType(), group, `members.$ref ne "https://x.test/scim/Users/u1"`, false},
		{GroupType(), group, `members.$ref eq "https://x.test/scim/v2/Users/u2"`, false},
		{GroupType(), group, `members.$ref eq "https://x.test/scim/v2/Groups/u1"`, false},
		{GroupType(), group, `members.$ref eq "https://y.test/scim/v2/Users/u1"`, false},
		{GroupType(), group, `members.$ref eq "https://x.test/scim/v2x/Users/u1"`, false},
		{GroupType(), group, `members.$ref eq "https://x.test/scim/v/Users/u1"`, false},
		{GroupType(), group, `members.$ref ew "/v2/Users/u1"`, true},
		{UserType(""), user, `groups.$ref eq "https://x.test/scim/v2/Groups/g1"`, true},
		{UserType(""), user, `groups.$ref eq "u1"`, false},
	} {
		f, err := CompileFilter(tt.rt, tt.text)
		if err != nil {
			t.Fatalf("%s: %v", tt.text, err)
		}
		if got := f.Match(tt.r); got != tt.want {
			t.Errorf("%s: %t", tt.text, got)
		}
	}
}
