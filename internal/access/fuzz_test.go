package access

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// A header is a credential only if it is the scheme, spaces and one token; and no error
// repeats what was sent.
func FuzzHeader(f *testing.F) {
	id, err := tenant.ParseID("acme")
	require.NoError(f, err)
	token, _ := Mint(id)
	for _, header := range []string{"", "Bearer", "Bearer ", "bearer  " + token, "Bearer " + token, token, "Bearer: " + token, `Bearer "` + token + `"`, "Bearer Bearer " + token, "Basic " + token, "Bearer\u00a0" + token, "Bearer " + token[:40], "“Bearer " + token, "Bearer eyJhbGciOiJub25lIn0.eyJpc3MiOiJodHRwczovL3N0cy53aW5kb3dzLm5ldC8ifQ.", "SSWS 00a", "Bearer 0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef"} {
		f.Add(header)
	}
	f.Fuzz(func(t *testing.T, header string) {
		parsed, err := parseHeader(header)
		if err != nil {
			assert.Zero(t, parsed)
			assert.NotContains(t, err.Error(), "rct_")
			return
		}
		scheme, text, _ := strings.Cut(header, " ")
		text = strings.TrimLeft(text, " ")
		assert.True(t, strings.EqualFold(scheme, "bearer"), header)
		assert.LessOrEqual(t, len(text), maxTokenSize)
		body := strings.Join([]string{Prefix, parsed.Tenant.String(), parsed.ID, parsed.secret}, "_")
		assert.Equal(t, body+"_"+checksum(body), text)
		assert.False(t, parsed.Tenant.IsZero())
	})
}
