package logline

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A credential of ours is in no line, wherever it was put: as a text, within one, in an
// error, in a list, in a text of a type of its own, and in the message.
func TestHandler_LeavesOutCredentials(t *testing.T) {
	type name string
	secret := strings.Repeat("s", 52)
	token := "rct_acme_abcdefghijklmnop_" + secret + "_0123abcd"
	for what, value := range map[string]any{
		"a text": token, "within a text": `Bearer "` + token + `".`, "an error": errors.New(token), "a wrapped error": fmt.Errorf("x: %w", errors.New(token)),
		"the field of an event": nil,
	} {
		var log bytes.Buffer
		if value == nil {
			event := struct {
				Names []string `log:"names"`
				Own   name     `log:"own"`
				Err   error    `log:"err"`
			}{[]string{"a", token}, name(token), errors.New(token)}
			New(&log).LogAttrs(t.Context(), 0, "x", Fields(event)...)
		} else {
			New(&log).Info("said", "value", value)
		}
		require.NotContains(t, log.String(), secret, what)
		require.Contains(t, log.String(), "[token]", what)
	}
	var log bytes.Buffer
	New(&log).Info("said " + token)
	require.NotContains(t, log.String(), secret)
}
