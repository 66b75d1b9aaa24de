package httpapi

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// A detail names the attribute whose mapping sends the token, never the token,
// and is short whatever the attribute's name.
func TestBody_WithATokenIsRefused(t *testing.T) {
	id, err := tenant.ParseID("acme")
	require.NoError(t, err)
	token, _ := access.Mint(id)
	for name, c := range map[string]struct{ body, names string }{
		"an attribute":                {`{"userName":"TOKEN"}`, "of userName is"},
		"a sub-attribute of several":  {`{"emails":[{"value":"a@example.com"},{"value":"TOKEN"}]}`, "of emails.value is"},
		"an operation with a path":    {`{"Operations":[{"op":"replace","path":"userName","value":"TOKEN"}]}`, "of userName is"},
		"a filter in the path":        {`{"Operations":[{"op":"replace","path":"emails[type eq \"work\"].value","value":"TOKEN"}]}`, `of emails[type eq "work"].value is`},
		"an operation without a path": {`{"Operations":[{"op":"replace","value":{"userName":"TOKEN"}}]}`, "of value.userName is"},
		"the path itself":             {`{"Operations":[{"op":"replace","path":"TOKEN","value":"x"}]}`, "of path is"},
		"both":                        {`{"Operations":[{"op":"replace","path":"TOKEN","value":"TOKEN"}]}`, "of path is"},
		"a name":                      {`{"TOKEN":"x"}`, "of the body is"},
		"a long name":                 {`{"` + strings.Repeat("é", 100_000) + `":"TOKEN"}`, "ééé… is"},
		"a long path":                 {`{"Operations":[{"op":"add","path":"` + strings.Repeat("x", 100_000) + `","value":"TOKEN"}]}`, "xxx… is"},
	} {
		err := exposedInBody([]byte(strings.ReplaceAll(c.body, "TOKEN", token)))
		if err == nil {
			t.Errorf("%s: taken", name)
			continue
		}
		detail := problemOf(err).detail("", "", "id")
		assert.Truef(t, strings.Contains(detail, c.names) && !strings.Contains(detail, token) && len(detail) <= 600, "%s: %.700q", name, detail)
	}
}
