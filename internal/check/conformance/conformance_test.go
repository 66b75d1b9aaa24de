package conformance

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The claims of the documents are true, and they are generated from the
// requirements and the tests.
func TestDocument_IsWhatTheTestsProve(t *testing.T) {
	tree := os.DirFS(filepath.Join("..", "..", ".."))
	for i, page := range Pages {
		want, faults, err := Generate(tree, page)
		require.NoError(t, err)
		if i == 0 { // they are those of all pages
			for _, fault := range faults {
				t.Error(fault)
			}
		}
		got, err := fs.ReadFile(tree, page.Name)
		assert.Truef(t, err == nil && bytes.Equal(got, want), "%s is out of date: make generate writes it (%v)", page.Name, err)
	}
}

func TestReadRequirements_Refuses(t *testing.T) {
	for name, tt := range map[string]struct{ file, want string }{
		"no section":      {"7644-1-1\tMUST\tx\n", "in no section"},
		"wrong number":    {"# 7644-1 A\n7644-1-2\tMUST\tx\n", "should be 7644-1-1"},
		"another section": {"# 7644-1 A\n7644-2-1\tMUST\tx\n", "should be 7644-1-1"},
		"level":           {"# 7644-1 A\n7644-1-1\tmust\tx\n", "unknown level"},
		"no statement":    {"# 7644-1 A\n7644-1-1\tMUST\n", "says nothing"},
		"standing":        {"# 7644-1 A\n7644-1-1\tMUST\tx\tlater\tbecause\n", "unknown standing"},
		"no reason":       {"# 7644-1 A\n7644-1-1\tMUST\tx\tnot done\n", "without a reason"},
		"seven fields":    {"# 7644-1 A\n7644-1-1\tMUST\tx\t\t\t\tx\n", "at most 6"},
	} {
		_, err := ReadRequirements(strings.NewReader(tt.file))
		assert.Truef(t, err != nil && strings.Contains(err.Error(), tt.want), "%s: %v, want %q", name, err, tt.want)
	}
}

const sample = `package a

// Whole.
// Covers: 1-1-1, 1-1-2
func TestWhole(t *testing.T) {}

func TestTable(t *testing.T) { run(t, testTable) }

func testTable(t *testing.T) {
	tests := []struct{ name, in string }{
		{"first", ""}, // Covers: 1-1-3
		{"second", ""},
		// Covers: 1-1-3
		{in: "x", name: "third|"},
	}
	for name := range map[string]int{
		"key": 1, // Covers: 1-1-4
	} {
	}
	// Covers: 1-1-5
	t.Log()
}

// Covers: 1-1-6
func help() {}

// Covers: 1-1-7

var x = 1
`

func TestProofs(t *testing.T) {
	found, faults, err := Proofs(fstest.MapFS{
		"a/a_test.go": {Data: []byte(sample)},
		"a/a.go":      {Data: []byte("package a\n\n// Covers: 1-1-8\nfunc TestNone() {}\n")},
	})
	require.NoError(t, err)
	got := make(map[string]string)
	for id, proofs := range found {
		for _, p := range proofs {
			got[id] += p.Test + "/" + p.Case + " "
		}
	}
	want := map[string]string{
		"1-1-1": "a.TestWhole/ ", "1-1-2": "a.TestWhole/ ", "1-1-3": "a.TestTable/first a.TestTable/third| ", "1-1-4": "a.TestTable/key ",
	}
	for id := range want {
		assert.Equalf(t, want[id], got[id], "%s", id)
	}
	assert.Lenf(t, got, len(want), "found %v", got)
	wantFaults := []string{
		"a/a_test.go:20: the marker is at no case of testTable",
		"a/a_test.go:24: help is not a test",
		"a/a_test.go:27: the marker is at no function",
	}
	assert.Truef(t, slices.Equal(faults, wantFaults), "faults %q, want %q", faults, wantFaults)
}

func TestCheck(t *testing.T) {
	sections, err := ReadRequirements(strings.NewReader(`# 7644-1 A
7644-1-1	MUST	proved
7644-1-2	MUST	unproved
7644-1-3	MUST	replayed			line
7644-1-4	MUST	replayed by what is not there			none
7644-1-5	MUST	not done, and proved	not done	because
7644-1-6	SHOULD	not done	not done	because
7644-1-7	MUST	diverges	diverges	RFC 7644 §3.5: so
7644-1-8	MUST	diverges and is not listed	diverges	RFC 7644 §3: so
7644-1-9	MUST	disclaimed and proved	disclaimed	no bulk
# 7644-2 Empty
`))
	require.NoError(t, err)
	proof := []Proof{{Test: "a.TestA", Case: "b|c", At: "a_test.go:1"}}
	e := Evidence{
		Proofs: map[string][]Proof{"7644-1-1": proof, "7644-1-5": proof, "7644-1-9": proof, "7644-9-9": proof},
		Lines:  map[string]bool{"line": true}, Divergences: "| RFC 7644 §3.3, §3.5 | the standard | ours | why |\n",
	}
	want := []string{
		"7644-1-2 has neither a test nor a reason",
		"7644-1-4 names none, which the replay does not send",
		"7644-1-5 is not done, and a_test.go:1 claims it",
		"7644-1-8 diverges, and cites no section that docs/reference/scim-divergences.md has",
		"RFC 7644 §2 has no requirement",
		"a_test.go:1: unknown requirement 7644-9-9",
	}
	got := Check(sections, e)
	assert.Truef(t, slices.Equal(got, want), "got  %q\nwant %q", got, want)
	document := string(Document(Pages[0], sections, e.Proofs))
	for _, want := range []string{
		"| RFC 7644 | 9 | 4 | 2 | 1 | 0 | 2 | 1 |\n",
		"### RFC 7644 §1 A\n",
		"| MUST | proved | done | `a.TestA/b\\|c` |\n",
		"| MUST | replayed | done | replay `line` |\n",
		"| SHOULD | not done | **not done**: because |  |\n",
		"| [diverges](scim-divergences.md): RFC 7644 §3.5: so |",
	} {
		assert.Containsf(t, document, want, "the document has no %q:\n%s", want, document[len(preamble):])
	}
}
