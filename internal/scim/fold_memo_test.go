package scim

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// A filter computes the fold of a value once, however many comparisons need it.
func TestFilter_FoldsAValueOnce(t *testing.T) {
	long := map[string]string{"ASCII": strings.Repeat("Abc ", 1000), "letters": strings.Repeat("Äbc ", 1000)}
	for name, value := range long {
		for _, op := range []string{"co", "sw", "ew", "eq", "ne", "gt", "le"} {
			var terms []string
			for i := range 180 {
				terms = append(terms, fmt.Sprintf(`displayName %s "zz%d"`, op, i))
			}
			f, err := CompileFilter(UserType(RollcallURN), strings.Join(terms, map[bool]string{true: " and ", false: " or "}[op == "ne" || op == "le"]))
			if err != nil {
				t.Fatal(err)
			}
			r := Resource{"displayName": value}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			f.Match(r)
			runtime.ReadMemStats(&after)
			if bytes := after.TotalAlloc - before.TotalAlloc; bytes > 20*uint64(len(value)) {
				t.Errorf("%s %s: %d bytes for a value of %d", name, op, bytes, len(value))
			}
		}
	}
}

// Cached folds are the computed ones.
func TestFoldMemo_IsFold(t *testing.T) {
	var m foldMemo
	for i := range 300 {
		for _, s := range []string{
			"", "short", " Short ", strings.Repeat("Long ", 20+i), "  " + strings.Repeat("Straße ", 20+i) + " ", strings.Repeat("ＡＢ", 400),
			strings.Repeat("x", MaxString),
		} {
			if m.text(s) != foldText(s) || m.whole(s) != Fold(s) || !m.equal(s, Fold(s)) || m.equal(s, Fold(s)+"x") {
				t.Fatalf("%.40q has another fold", s)
			}
		}
		if m.bytes > maxFolds+4*MaxString {
			t.Fatalf("%d bytes are remembered", m.bytes)
		}
	}
}
