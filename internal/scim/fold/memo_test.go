package fold

import (
	"strings"
	"testing"

	"github.com/rollcall-scim/rollcall/internal/scim"
)

// Cached folds are the computed ones.
func TestFoldMemo_IsFold(t *testing.T) {
	var m Memo
	for i := range 300 {
		for _, s := range []string{
			"", "short", " Short ", strings.Repeat("Long ", 20+i), "  " + strings.Repeat("Straße ", 20+i) + " ", strings.Repeat("ＡＢ", 400),
			strings.Repeat("x", scim.MaxString),
		} {
			if m.Part(s) != Part(s) || m.Value(s) != Value(s) || !m.Equal(s, Value(s)) || m.Equal(s, Value(s)+"x") {
				t.Fatalf("%.40q has another fold", s)
			}
		}
		if m.bytes > maxBytes+4*scim.MaxString {
			t.Fatalf("%d bytes are remembered", m.bytes)
		}
	}
}
