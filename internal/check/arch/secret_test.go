package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// secretFolders are the packages that compare secrets with what was sent.
var secretFolders = []string{"internal/access", "internal/console"}

// secretNames are the names of values that must be compared in constant time.
var secretNames = map[string]bool{"hash": true, "Hash": true, "secret": true, "formToken": true, "stored": true, "digest": true, "sent": true, "kept": true}

// TestSecrets_AreComparedInConstantTime finds comparisons of secrets and of their hashes
// whose time depends on how much of them is equal: only subtle.ConstantTimeCompare is used.
func TestSecrets_AreComparedInConstantTime(t *testing.T) {
	compared := 0
	for _, folder := range secretFolders {
		names, err := filepath.Glob(filepath.Join(root(t), folder, "*.go"))
		require.NoError(t, err)
		for _, path := range names {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			name, err := filepath.Rel(root(t), path)
			require.NoError(t, err)
			code := file(t, name)
			compared += strings.Count(code, "subtle.ConstantTimeCompare(")
			faults, err := leakyComparisons(name, code)
			require.NoError(t, err)
			require.Empty(t, faults, "compared in a time that depends on the secret")
		}
	}
	require.Positive(t, compared, "secrets are compared in another way: adapt the rule")
}

func TestSecrets_AreComparedInConstantTime_CanFail(t *testing.T) {
	for _, code := range []string{
		"hash(t.secret) == stored", "found.record.Hash != hash(t.secret)", "bytes.Equal(kept[:], sent[:])",
		"strings.HasPrefix(stored, hash(t.secret)[:8])", "strings.EqualFold(s.formToken(cookie), token)", "slices.Equal(kept, sent)",
	} {
		faults, err := leakyComparisons("x.go", "package x; func f() bool { return "+code+" }")
		require.NoError(t, err)
		require.NotEmpty(t, faults, code)
	}
	faults, err := leakyComparisons("x.go", `package x; func f() bool { return subtle.ConstantTimeCompare([]byte(hash(t.secret)), []byte(stored)) == 1 }`)
	require.NoError(t, err)
	require.Empty(t, faults)
}

// leakyComparisons returns where a file compares secrets by operators or functions that stop
// at the first difference.
func leakyComparisons(name, code string) (faults []string, err error) {
	files := token.NewFileSet()
	parsed, err := parser.ParseFile(files, name, code, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		var operands []ast.Expr
		switch n := n.(type) {
		case *ast.BinaryExpr:
			if n.Op == token.EQL || n.Op == token.NEQ {
				operands = []ast.Expr{n.X, n.Y}
			}
		case *ast.CallExpr:
			if f, ok := n.Fun.(*ast.SelectorExpr); ok && (f.Sel.Name == "Equal" || f.Sel.Name == "EqualFold" || f.Sel.Name == "HasPrefix" || f.Sel.Name == "Compare") {
				operands = n.Args
			}
		}
		for _, operand := range operands {
			if isSecret(operand) {
				faults = append(faults, files.Position(n.Pos()).String())
				break
			}
		}
		return true
	})
	return faults, nil
}

// isSecret reports whether an expression has a secret's name outside of a comparison in
// constant time, and is not compared as a whole with nothing: "" or nil.
func isSecret(e ast.Expr) bool {
	found := false
	ast.Inspect(e, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if f, ok := n.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "ConstantTimeCompare" {
				return false
			}
			if f, ok := n.Fun.(*ast.Ident); ok && f.Name == "len" {
				return false
			}
		case *ast.Ident:
			found = found || secretNames[n.Name]
		}
		return true
	})
	return found
}
