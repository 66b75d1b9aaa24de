package cause

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/idp"
)

// The setup pages have a row for every cause that their identity provider can meet, with
// the advice of the table.
func TestSetupTable_IsInTheSetupPages(t *testing.T) {
	for name, p := range map[string]idp.Provider{"connect-okta.md": idp.Okta, "connect-entra.md": idp.Entra} {
		file := filepath.Join("..", "..", "docs", "how-to", name)
		page, err := os.ReadFile(file)
		require.NoError(t, err)
		want, err := SetupPage(page, p)
		require.NoErrorf(t, err, "%s", name)
		assert.Truef(t, bytes.Equal(page, want), "%s is out of date: make generate writes it", name)
		for _, c := range Causes() {
			met, reason := c.Meets(p)
			rows := strings.Count(SetupTable(p), "| `"+string(c)+"` |")
			assert.Truef(t, met == (rows > 0) && met != (reason != ""), "%s: %d rows of %s, which it meets: %t (%s)", name, rows, c, met, reason)
		}
	}
}

// A cause that is declared has a meaning, and the other way round; its name can be
// searched for, and its documentation has the place that its link goes to.
func TestCauses_AreThoseOfTheTable(t *testing.T) {
	parsed, err := parser.ParseFile(token.NewFileSet(), "cause.go", nil, 0)
	require.NoError(t, err)
	var declared []Cause
	for _, d := range parsed.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.CONST {
			continue
		}
		for _, spec := range g.Specs {
			v := spec.(*ast.ValueSpec)
			if kind, ok := v.Type.(*ast.Ident); !ok || kind.Name != "Cause" {
				continue
			}
			name, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
			require.NoError(t, err)
			declared = append(declared, Cause(name))
		}
	}
	slices.Sort(declared)
	causes := Causes()
	assert.Truef(t, slices.Equal(declared, causes) && len(causes) >= 40, "declared %v, the table has %v", declared, causes)
	for _, c := range declared {
		assert.Truef(t, regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`).MatchString(string(c)), "%q is no name for a cause", c)
		_, anchor, _ := strings.Cut(c.Documentation(), "causes.md#")
		if strings.Count(string(Document(func(Cause) string { return "" }, func(Cause) string { return "" })), "\n## "+anchor+"\n") != 1 {
			t.Errorf("%s leads nowhere", c.Documentation())
		}
	}
}

func TestMeaning_OfAnUnknownCauseIsInternal(t *testing.T) {
	assert.Equal(t, Internal.Meaning(), Cause("none").Meaning(), "an unknown cause has a meaning of its own")
}
