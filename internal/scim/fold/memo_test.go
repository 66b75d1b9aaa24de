package fold

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

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
			require.Truef(t, m.Part(s) == Part(s) && m.Value(s) == Value(s) && m.Equal(s, Value(s)) && !m.Equal(s, Value(s)+"x"), "%.40q has another fold", s)
		}
		require.Truef(t, m.bytes <= maxBytes+4*scim.MaxString, "%d bytes are remembered", m.bytes)
	}
}
