package assertion

import (
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"
)

// The examples of RFC 7515 are signed as they should be. They are no client assertions: they have
// neither sub nor aud. RFC 7515 §A.2, §A.3
func TestVerify_ExamplesOfTheStandard(t *testing.T) {
	const claims = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
	for name, c := range map[string]struct{ text, jwks string }{
		"RS256": {
			"eyJhbGciOiJSUzI1NiJ9." + claims + ".cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
			`{"keys":[{"kty":"RSA","e":"AQAB","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"}]}`,
		},
		"ES256": {
			"eyJhbGciOiJFUzI1NiJ9." + claims + ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
			`{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}`,
		},
	} {
		p, err := parse(c.text)
		require.NoError(t, err, name)
		require.NoError(t, p.header.check(), name)
		require.Equal(t, "joe", *p.payload.Issuer, name)
		require.Equal(t, time.Unix(1300819380, 0), p.payload.Expires.Time, name)
		keys, err := ParseKeys([]byte(c.jwks))
		require.NoError(t, err, name)
		require.NoError(t, p.verify(c.text, keys), name)
		require.Error(t, p.verify(c.text[:len(c.text)-2]+"AA", keys), name)

		_, err = Verify(t.Context(), c.text, Expected{Issuer: "joe"}, StaticKeys(c.jwks), time.Unix(1300819380, 0))
		var refused *Error
		require.ErrorAs(t, err, &refused, name)
		require.Equal(t, Malformed, refused.Reason, name)
	}
}

// The claims of an assertion of the standard are accepted, with its algorithm named. Its
// signature is left out there. RFC 7523 §4
func TestVerify_ClaimsOfTheStandard(t *testing.T) {
	var p payload
	require.NoError(t, decode("eyJpc3MiOiJodHRwczovL2p3dC1pZHAuZXhhbXBsZS5jb20iLCJzdWIiOiJtYWlsdG86bWlrZUBleGFtcGxlLmNvbSIsImF1ZCI6Imh0dHBzOi8vand0LXJwLmV4YW1wbGUubmV0IiwibmJmIjoxMzAwODE1NzgwLCJleHAiOjEzMDA4MTkzODAsImh0dHA6Ly9jbGFpbXMuZXhhbXBsZS5jb20vbWVtYmVyIjp0cnVlfQ", &p))
	require.NoError(t, p.check(Expected{Issuer: "https://jwt-idp.example.com", Subject: "mailto:mike@example.com", Audiences: []string{"https://jwt-rp.example.net"}}))
	require.NoError(t, p.checkTime(time.Unix(1300815780, 0)))
	require.NoError(t, header{Algorithm: string(jose.ES256), KeyID: "16"}.check())
}
