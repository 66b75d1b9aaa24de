package match

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
	"github.com/rollcall-scim/rollcall/internal/scim/scimtest"
)

func TestOnlyLooksUp(t *testing.T) {
	user, group := scimtest.UserType(), schema.GroupType()
	tests := []struct {
		rt                *schema.ResourceType
		attribute, filter string
		want              []string
		ok                bool
	}{
		{group, "members", `members eq "u"`, []string{"u"}, true},
		{group, "members", `MEMBERS.Value EQ "u" and displayName sw "x"`, []string{"u"}, true},
		{group, "members", scim.CoreGroupURN + `:members eq "u"`, []string{"u"}, true},
		{group, "members", `members[value eq "u" and type eq "User"]`, []string{"u"}, true},
		{group, "members", `members[value eq "u"].type eq "User"`, []string{"u"}, true},
		{group, "members", `members[value eq "u"].type pr`, []string{"u"}, true},
		{group, "members", `members[not (type eq "User")].value eq "u"`, []string{"u"}, true},
		{group, "members", `members eq "u" and (members.value eq "v" and members eq "u")`, []string{"u", "v"}, true},
		{group, "members", `members[value eq "u" and (value eq "v" and display pr)]`, []string{"u", "v"}, true},
		{group, "members", `members eq "u" and not (displayName eq "x" or id eq "g")`, []string{"u"}, true},
		{group, "members", `members eq ""`, []string{""}, true},
		{group, "members", `displayName eq "x" or not (id pr)`, nil, true},
		{user, "groups", `groups eq "g" and active eq true`, []string{"g"}, true},
		{user, "groups", `groups[value eq "g"] and groups.value eq "G"`, []string{"g", "G"}, true},
		{user, "emails", `emails[type eq "work" and value eq "a@x"]`, []string{"a@x"}, true},
		{user, "groups", `emails[value eq "g"]`, nil, true},

		{group, "members", `not (members eq "u")`, nil, false},
		{group, "members", `not (not (members eq "u"))`, nil, false},
		{group, "members", `members eq "u" or id eq "g"`, nil, false},
		{group, "members", `members eq "u" or members eq "v"`, nil, false},
		{group, "members", `members[value eq "u" or value eq "v"]`, nil, false},
		{group, "members", `members eq "u" and members.value ne "v"`, nil, false},
		{group, "members", `members.value ne "v" and members eq "u"`, nil, false},
		{group, "members", `members eq "u" and not (members eq "v")`, nil, false},
		{group, "members", `members eq "u" and (members eq "v" or id eq "g")`, nil, false},
		{group, "members", `members eq "u" and members pr`, nil, false},
		{group, "members", `members pr`, nil, false},
		{group, "members", `members eq null`, nil, false},
		{group, "members", `members.value co "u"`, nil, false},
		{group, "members", `members.type eq "User"`, nil, false},
		{group, "members", `members[value ne "u"]`, nil, false},
		{group, "members", `members[not (value eq "u")]`, nil, false},
		{group, "members", `members[value eq "u"].type ne "User"`, nil, false},
		{group, "members", `members[value eq "u"].type eq null`, nil, false},
		{user, "groups", `groups eq "g" and groups.display sw "A"`, nil, false},
	}
	for _, tt := range tests {
		f, err := CompileFilter(tt.rt, tt.filter)
		if err != nil {
			t.Errorf("CompileFilter(%q): %v", tt.filter, err)
			continue
		}
		got, ok := f.OnlyLooksUp(tt.attribute)
		assert.Truef(t, ok == tt.ok && slices.Equal(got, tt.want), "%s of %s: %q, %t, want %q, %t", tt.filter, tt.attribute, got, ok, tt.want, tt.ok)
	}
}

// memberFilters draws filters on groups, most of which compare members.
func memberFilters(depth int) *rapid.Generator[string] {
	id := rapid.SampledFrom([]string{"u1", "u2", "U1"})
	inner := rapid.Custom(func(t *rapid.T) string {
		clause := func() string {
			if rapid.Bool().Draw(t, "value") {
				return fmt.Sprintf(`value eq %q`, id.Draw(t, "id"))
			}
			return rapid.SampledFrom([]string{`type eq "user"`, `type pr`, `not (value eq "u1")`, `display co "a"`, `value ne "u2"`}).Draw(t, "clause")
		}
		out := clause()
		for range rapid.IntRange(0, 2).Draw(t, "more") {
			out = "(" + out + ")" + rapid.SampledFrom([]string{" and ", " and ", " or "}).Draw(t, "joined") + clause()
		}
		return out
	})
	return rapid.Custom(func(t *rapid.T) string {
		if depth > 0 {
			switch rapid.IntRange(0, 6).Draw(t, "joined") {
			case 0, 1, 2:
				return "(" + memberFilters(depth-1).Draw(t, "left") + ") and (" + memberFilters(depth-1).Draw(t, "right") + ")"
			case 3:
				return "(" + memberFilters(depth-1).Draw(t, "left") + ") or (" + memberFilters(depth-1).Draw(t, "right") + ")"
			case 4:
				return "not (" + memberFilters(depth-1).Draw(t, "operand") + ")"
			}
		}
		switch rapid.IntRange(0, 5).Draw(t, "term") {
		case 0, 1:
			return fmt.Sprintf(`members eq %q`, id.Draw(t, "id"))
		case 2:
			return `members[` + inner.Draw(t, "inner") + `]`
		case 3:
			return `members[` + inner.Draw(t, "inner") + `].` + rapid.SampledFrom([]string{
				`value eq "u1"`, `value ne "u1"`, `type eq "user"`, `type ne "user"`, `type pr`, `type eq null`, `display ne null`, `value sw "u"`,
			}).Draw(t, "test")
		case 4:
			return rapid.SampledFrom([]string{
				`members pr`, `members eq null`, `members ne "u1"`, `members.type eq "User"`, `members.display sw "a"`,
			}).Draw(t, "other")
		}
		return rapid.SampledFrom([]string{`displayName eq "a"`, `displayName pr`, `id eq "a"`}).Draw(t, "elsewhere")
	})
}

// A filter for which OnlyLooksUp says that a few members decide is decided by
// them.
func TestOnlyLooksUp_DecidesByTheValues(t *testing.T) {
	text := rapid.SampledFrom([]string{"", "a", "User", "user"})
	decided := 0
	rapid.Check(t, func(t *rapid.T) {
		filter := memberFilters(2).Draw(t, "filter")
		f, err := CompileFilter(schema.GroupType(), filter)
		require.NoError(t, err)
		values, ok := f.OnlyLooksUp("members")
		if !ok {
			return
		}
		decided++
		for range 5 {
			group := scim.Resource{}
			for _, name := range []string{"id", "displayName"} {
				if s := text.Draw(t, name); s != "" {
					group[name] = s
				}
			}
			var all, some []any
			for range rapid.IntRange(0, 4).Draw(t, "members") {
				member := map[string]any{}
				if id := rapid.SampledFrom([]string{"u1", "u2", "U1", "u3", ""}).Draw(t, "id"); id != "" {
					member["value"] = id
				}
				for _, name := range []string{"type", "display"} {
					if s := text.Draw(t, name); s != "" {
						member[name] = s
					}
				}
				all = append(all, member)
				if value, ok := member["value"].(string); ok && slices.Contains(values, value) {
					some = append(some, member)
				}
			}
			restricted := maps.Clone(group)
			if some != nil {
				restricted["members"] = some
			}
			group["members"] = all
			if f.Match(group) != f.Match(restricted) {
				t.Fatalf("%s says %t of %v, and not so of %v", f, f.Match(group), group, restricted)
			}
			for _, v := range values {
				has := slices.ContainsFunc(some, func(m any) bool { return m.(map[string]any)["value"] == v })
				require.Falsef(t, !has && f.Match(group), "%s matches %v without %q", f, group, v)
			}
		}
	})
	assert.NotEqual(t, 0, decided, "no filter is decided")
}

func TestStartsWith(t *testing.T) {
	for text, want := range map[string]string{
		`userName sw "a"`: "a",
		`userName sw "a" and userName sw "ab" and title pr`:             "ab",
		`title pr and (userName sw "a" and active eq true)`:             "a",
		scim.CoreUserURN + `:USERNAME sw "a"`:                           "a",
		`userName eq "a"`:                                               "-",
		`userName sw "a" or userName sw "b"`:                            "-",
		`not (userName sw "a")`:                                         "-",
		`displayName sw "a"`:                                            "-",
		`name.givenName sw "a"`:                                         "-",
		`emails[value sw "a"]`:                                          "-",
		`(userName sw "a" or title pr) and userName sw "b"`:             "b",
		scim.EnterpriseURN + `:department sw "a" and userName sw "b c"`: "b c",
	} {
		f, err := CompileFilter(scimtest.UserType(), text)
		require.NoError(t, err)
		got, ok := f.StartsWith("userName")
		if !ok {
			got = "-"
		}
		assert.Equalf(t, want, got, "%s starts with", text)
	}
}
