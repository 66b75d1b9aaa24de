package sabotage

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const root = "../../.."

// Every sabotage applies to the code as it is now, leaves Go that can be parsed, and names a
// test that exists.
func TestSabotages_Apply(t *testing.T) {
	tree := os.DirFS(root)
	names := map[string]bool{}
	for _, s := range All() {
		t.Run(s.Name, func(t *testing.T) {
			require.False(t, names[s.Name], "two sabotages of one name")
			names[s.Name] = true
			require.NotEmpty(t, s.Breaks)
			changed, err := s.Apply(tree)
			require.NoError(t, err)
			_, err = parser.ParseFile(token.NewFileSet(), s.File, changed, parser.SkipObjectResolution)
			require.NoError(t, err)
			test, _, _ := strings.Cut(s.Test, "/")
			require.True(t, hasTest(t, s.Package, test), "%s has no %s", s.Package, test)
		})
	}
	require.Greater(t, len(names), 150)
}

// hasTest reports whether a folder has a test.
func hasTest(t *testing.T, folder, name string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, folder, "*_test.go"))
	require.NoError(t, err)
	return slices.ContainsFunc(files, func(file string) bool {
		code, err := os.ReadFile(file)
		require.NoError(t, err)
		return strings.Contains(string(code), "\nfunc "+name+"(t *testing.T)")
	})
}

// Every place in package store that writes a condition is removed by a sabotage, or is
// removed where the condition is used.
func TestConditions_AreAllSabotaged(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(root, "internal/store/*.go"))
	require.NoError(t, err)
	found, unused := 0, map[string]bool{}
	for place := range kept {
		unused[place] = true
	}
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		code, err := os.ReadFile(path)
		require.NoError(t, err)
		name := "internal/store/" + filepath.Base(path)
		for _, c := range conditionsIn(t, name, string(code)) {
			found++
			place := name + " " + c.function + " " + c.text
			delete(unused, place)
			if kept[place] == "" && !removes(t, name, string(code), c) {
				t.Errorf("no sabotage removes %s at offset %d: give it a row in condition.go, and one in the tests of its transaction", place, c.from)
			}
		}
	}
	require.Greater(t, found, 80, "conditions are written in another way")
	require.Empty(t, unused, "kept has places without a condition")
}

// place is where a condition is written.
type place struct {
	function, text string
	from, to       int
}

// conditionsIn returns where a file writes conditions.
func conditionsIn(t *testing.T, name, code string) (places []place) {
	t.Helper()
	files := token.NewFileSet()
	parsed, err := parser.ParseFile(files, name, code, parser.SkipObjectResolution)
	require.NoError(t, err)
	for _, decl := range parsed.Decls {
		function := ""
		if f, ok := decl.(*ast.FuncDecl); ok {
			function = f.Name.Name
		}
		ast.Inspect(decl, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			f, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || !slices.Contains([]string{"Absent", "Present", "Is", "Below", "Under"}, f.Sel.Name) {
				return true
			}
			if of, ok := f.X.(*ast.Ident); ok && of.Name == "table" {
				from, to := files.Position(call.Pos()).Offset, files.Position(call.End()).Offset
				places = append(places, place{function, code[from:to], from, to})
			}
			return true
		})
	}
	return places
}

// removes reports whether a sabotage removes the condition at a place, or all uses of the
// variable that has it.
func removes(t *testing.T, name, code string, c place) bool {
	t.Helper()
	for _, s := range All() {
		if s.File != name {
			continue
		}
		for _, e := range s.Edits {
			at, err := e.find(code)
			require.NoError(t, err)
			if at <= c.from && c.to <= at+len(e.Old) && !strings.Contains(e.New, c.text) {
				return true
			}
		}
	}
	return assigned(code, c) && usesRemoved(t, name, code, c)
}

// assigned reports whether the condition is the value of a variable.
func assigned(code string, c place) bool {
	line := code[strings.LastIndex(code[:c.from], "\n")+1 : c.from]
	return strings.HasSuffix(line, " := ") || strings.HasSuffix(line, " = ")
}

// usesRemoved reports whether each use of the variable in its function is removed by a
// sabotage, or for a variable of the package each in the file.
func usesRemoved(t *testing.T, name, code string, c place) bool {
	t.Helper()
	line := strings.Fields(code[strings.LastIndex(code[:c.from], "\n")+1 : c.from])
	variable := line[len(line)-2]
	end := len(code)
	if c.function != "" {
		end = c.to + strings.Index(code[c.to:], "\n}\n")
	}
	uses := 0
	for at := c.to; ; {
		i := strings.Index(code[at:end], variable)
		if i < 0 {
			return uses > 0
		}
		at += i
		if isWord(code, at, len(variable)) && !isComment(code, at) {
			uses++
			if !removesText(t, name, code, variable, at) {
				t.Logf("%s: the use of %s at offset %d is not removed", name, variable, at)
				return false
			}
		}
		at += len(variable)
	}
}

func isWord(code string, at, length int) bool {
	letter := func(b byte) bool {
		return b == '_' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b == '.'
	}
	return !letter(code[at-1]) && !(letter(code[at+length]) && code[at+length] != '.')
}

func isComment(code string, at int) bool {
	return strings.Contains(code[strings.LastIndex(code[:at], "\n")+1:at], "//")
}

// removesText reports whether a sabotage removes the use of a variable at a place.
func removesText(t *testing.T, name, code, variable string, at int) bool {
	t.Helper()
	for _, s := range All() {
		for _, e := range s.Edits {
			if s.File != name || strings.Count(e.New, variable) >= strings.Count(e.Old, variable) && !strings.Contains(e.New, "[:0]") {
				continue
			}
			from, err := e.find(code)
			require.NoError(t, err)
			if from <= at && at < from+len(e.Old) {
				return true
			}
		}
	}
	return false
}
