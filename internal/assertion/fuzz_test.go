package assertion_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/assertion"
	"github.com/rollcall-scim/rollcall/internal/assertion/assertiontest"
)

// No text but one that the client has signed proves it, and each refusal has a reason. What is
// accepted says what was expected.
func FuzzVerify(f *testing.F) {
	jwks := assertiontest.HostileJWKS()
	good := signer.Sign(nil)
	f.Add(good)
	f.Add(signer.SignES256(nil))
	for _, c := range assertiontest.Hostile {
		if text := c.Make(signer); len(text) < 4<<10 {
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		claims, peeked := assertion.Peek(text)
		v, err := assertion.Verify(t.Context(), text, wanted, assertion.StaticKeys(jwks), noon)
		if err != nil {
			var refused *assertion.Error
			require.True(t, errors.As(err, &refused) && refused.Reason != "", "%v", err)
			return
		}
		require.NoError(t, peeked)
		require.Equal(t, wanted.Issuer, claims.Issuer)
		require.Equal(t, wanted.Subject, claims.Subject)
		require.NotEmpty(t, v.ID)
		require.Equal(t, 2, strings.Count(text, "."))
	})
}

// A set of keys, whatever its bytes, is refused with a reason or gives keys.
func FuzzParseKeys(f *testing.F) {
	f.Add([]byte(assertiontest.JWKS()))
	f.Add([]byte(assertiontest.HostileJWKS()))
	f.Add([]byte(`{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"},{"kty":"EC","crv":"P-256","x":"","y":""}]}`))
	f.Add([]byte(`{"keys":[{"kty":"oct","k":"AA"}]}`))
	f.Fuzz(func(t *testing.T, set []byte) {
		keys, err := assertion.ParseKeys(set)
		require.Equal(t, err == nil, len(keys) > 0)
		for _, k := range keys {
			require.True(t, k.IsPublic())
		}
	})
}
