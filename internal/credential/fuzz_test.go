package credential_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/credential"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// Nothing before or after a token in a text keeps its secret in the text.
func FuzzRedact(f *testing.F) {
	for _, around := range [][2]string{
		{"", ""},
		{"Bearer ", ","},
		{"x", "y"},
		{"rct_", "_rct_"},
		{"rct_acme_", "0"},
		{"RCT_ACME_abcdefghijklmnop_", "_"},
		{"rct_acme_abcdefghijklmnop_aaaaaaaaaaaaaaaa", ""},
		{"rca_local_aaaaaaaaaaaaa", "aaaa"},
		{"rcx_acme_abcdefghijklmnop_", "_0"},
		{"\xff", "\x00"},
		{`"userName":"`, `"`},
		{"rct_a_abcdefghijklmnop_abcdefghijklmnop_0123456", "7"},
	} {
		f.Add(around[0], around[1])
	}
	id, err := tenant.ParseID("acme")
	require.NoError(f, err)
	token, _ := access.Mint(id)
	secret := strings.Split(token, "_")[3]
	const admin = credential.LocalAdmin + "abcdefghijklmnopqrstuvwxyz234567"
	const hook = credential.Webhook + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	client := credential.ClientSecret + strings.TrimPrefix(token, credential.Token)
	access := credential.AccessToken + "acme_abcdefghijklmnop_" + strings.Repeat("a", 44) + "_" + secret + "_0123abcd"
	f.Fuzz(func(t *testing.T, before, after string) {
		for _, kept := range []string{token, strings.ToUpper(token), client, access, admin, hook} {
			text := before + kept + after
			assert.True(t, credential.In(text), "%q", text)
			redacted := credential.Redact(text)
			assert.False(t, credential.In(redacted), "%q becomes %q", text, redacted)
			lower := strings.ToLower(redacted)
			if strings.Contains(strings.ToLower(before+"|"+after), secret) {
				continue // sent alone, it has no form
			}
			assert.NotContains(t, lower, secret[:40], "%q becomes %q", text, redacted)
			assert.Equal(t, redacted, credential.Redact(redacted))
		}
		if text := before + after; !credential.In(text) {
			assert.Equal(t, text, credential.Redact(text))
		}
	})
}
