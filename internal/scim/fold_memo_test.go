package scim

import (
	"strings"
	"testing"
)

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
