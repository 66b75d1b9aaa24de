package scim

import "testing"

// Covers: 7643-2.3.7-2
func TestIsURIReference(t *testing.T) {
	for text, want := range map[string]bool{
		"https://example.com/a?b=c#d": true, "/Users/1": true, "../Users/1": true, "a": true, "#x": true, "data:image/png;base64,iVBO+/==": true,
		"urn:x:y": true, "https://example.com/%C3%A4": true, "https://[::1]/x": true, "": true,
		"a b": false, "https://example.com/ä": false, "%zz": false, "https://example.com:port/": false, "a\nb": false, `a"b`: false, "a#b#c": false, "<a>": false,
	} {
		if got := isURIReference(text); got != want {
			t.Errorf("%q: %t", text, got)
		}
	}
}

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
