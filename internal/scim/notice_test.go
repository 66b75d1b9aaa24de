package scim

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Every kind of notice has its own error for a tenant that accepts no dialect.
func TestNotice_EveryKindHasItsRefusal(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "notice.go", nil, 0)
	require.NoError(t, err)
	var kinds []string
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok && strings.HasPrefix(spec.Names[0].Name, "Notice") {
			kind, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			require.NoError(t, err)
			kinds = append(kinds, kind)
		}
		return true
	})
	slices.Sort(kinds)
	got := NoticeKinds()
	assert.Truef(t, slices.Equal(got, kinds), "refusals of %q, and notices are %q", got, kinds)
	seen := map[string]string{}
	for _, kind := range kinds {
		e := Notice{Kind: kind, Attribute: "nickName"}.Refusal()
		assert.Truef(t, e.Type != "" && strings.HasPrefix(e.Detail, "nickName ") && strings.Contains(e.Detail, "This tenant accepts only"), "%s: %v", kind, e)
		other := seen[e.Detail]
		assert.Emptyf(t, other, "%s and %s say the same: %s", kind, other, e.Detail)
		seen[e.Detail] = kind
	}
}
