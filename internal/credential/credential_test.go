package credential

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

const (
	token  = "rct_acme_abcdefghijklmnop_abcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqrst_0123abcd"
	client = "rcs_acme_abcdefghijklmnop_abcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqrst_0123abcd"
	access = "rcx_acme_abcdefghijklmnop_abcdefghijklmnopqrstuvwxyz234567abcdefghijkl_abcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqrst_0123abcd"
	admin  = "rca_local_abcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqrst"
	hook   = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw+/MfKQ9r8GKY="
)

func TestRedact(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"", ""},
		{"alice@example.com", "alice@example.com"},
		{"a_b_c", "a_b_c"},
		{"rct_", "rct_"},
		{"rct_acme", "rct_acme"},
		{"rct_acme_abcdefghijklmnop", "rct_acme_abcdefghijklmnop"}, // an id is no secret
		{token, "[token]"},
		{strings.ToUpper(token), "[token]"},
		{client, "[token]"},
		{strings.ToUpper(client), "[token]"},
		{client[:len(client)-20], "[token]"},
		{access, "[token]"},
		{strings.ToUpper(access), "[token]"},
		{access[:len(access)-30], "[token]"},
		{"rcc_acme_abcdefghijklmnop", "rcc_acme_abcdefghijklmnop"}, // the id of a client is no secret
		{admin, "[token]"},
		{"Bearer " + token + ", Bearer " + token, "Bearer [token], Bearer [token]"},
		{"x" + token + "@example.com", "x[token]@example.com"},
		{token[:len(token)-9], "[token]"},
		{token[:len(token)-20], "[token]"},
		{token[:40], token[:40]}, // what is left of the secret is not worth a look
		{hook, "[token]"},
		{hook[:len(hook)-1], "[token]"},
		{hook[:21], hook[:21]},
		{"a WHSEC_ secret, " + strings.ToUpper(hook) + ".", "a WHSEC_ secret, [token]."},
		{"whsec_" + hook, "whsec_[token]"},
		{hook + token, "[token][token]"},
		{"_rct_" + token, "_rct_[token]"},
		{`{"userName":"` + token + `"}`, `{"userName":"[token]"}`},
	} {
		assert.Equalf(t, tt.want, Redact(tt.text), "%s", tt.text)
		got := In(tt.text)
		assert.Equalf(t, tt.text != tt.want, got, "%s: in it %t", tt.text, got)
	}
}
