package assertion_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/assertion"
	"github.com/rollcall-scim/rollcall/internal/assertion/assertiontest"
	"github.com/rollcall-scim/rollcall/internal/cause"
)

var (
	noon   = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	signer = assertiontest.Signer{Issuer: "https://issuer.example/v2.0", Subject: "object-id", Audience: "api://rollcall", Now: noon}
	wanted = assertion.Expected{Issuer: signer.Issuer, Subject: signer.Subject, Audiences: []string{"https://scim.example/oauth2/token", signer.Audience}}
)

func verify(t *testing.T, text, jwks string) (assertion.Verified, error) {
	t.Helper()
	return assertion.Verify(t.Context(), text, wanted, assertion.StaticKeys(jwks), noon)
}

// wantReason fails unless an error has the reason, and no word of the assertion.
func wantReason(t *testing.T, want assertion.Reason, err error, name string) {
	t.Helper()
	var refused *assertion.Error
	if !errors.As(err, &refused) {
		t.Errorf("%s: %v is no refusal", name, err)
		return
	}
	assert.Equal(t, want, refused.Reason, "%s: %v", name, err)
	assert.NotContains(t, err.Error(), "example", name)
}

func TestVerify_RefusesHostileAssertions(t *testing.T) {
	jwks := assertiontest.HostileJWKS()
	met := map[assertion.Reason]bool{}
	for _, c := range assertiontest.Hostile {
		_, err := verify(t, c.Make(signer), jwks)
		wantReason(t, c.Reason, err, c.Name)
		met[c.Reason] = true
	}
	for _, r := range assertion.Reasons {
		fetched := r == assertion.Host || r == assertion.Unreachable
		assert.True(t, met[r] || fetched, "no hostile assertion is refused for %s", r)
		assert.NotEmpty(t, cause.Remedy("assertion_refused."+string(r)).Happened(), "no advice about %s", r)
	}
}

func TestDocument_IsMadeFromTheTable(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "reference", "hostile-assertions.md"))
	require.NoError(t, err)
	require.True(t, bytes.Equal(page, assertiontest.Document()), "docs/reference/hostile-assertions.md is out of date: make generate writes it")
}

func TestVerify_TakesGoodAssertions(t *testing.T) {
	jwks := assertiontest.JWKS()
	at := func(d time.Duration) int64 { return noon.Add(d).Unix() }
	for name, c := range map[string]struct{ text, jwks string }{
		"RS256":                         {signer.Sign(nil), jwks},
		"ES256":                         {signer.SignES256(nil), jwks},
		"among hostile keys":            {signer.Sign(nil), assertiontest.HostileJWKS()},
		"no kid in a set with one key":  {signer.Sign(nil), assertiontest.JWKSOf(assertiontest.RSA)},
		"several audiences":             {signer.Sign(assertiontest.Claims{"aud": []string{"x", signer.Audience}}), jwks},
		"the other expected audience":   {signer.Sign(assertiontest.Claims{"aud": wanted.Audiences[0]}), jwks},
		"no iat, no nbf":                {signer.Sign(assertiontest.Claims{"iat": nil, "nbf": nil}), jwks},
		"expired 59 seconds ago":        {signer.Sign(assertiontest.Claims{"exp": at(-59 * time.Second)}), jwks},
		"valid in a minute":             {signer.Sign(assertiontest.Claims{"nbf": at(time.Minute), "iat": at(time.Minute)}), jwks},
		"a fraction of a second":        {signer.Sign(assertiontest.Claims{"exp": float64(at(time.Minute)) + 0.5}), jwks},
		"Entra, a managed identity":     {signer.Sign(assertiontest.Claims{"iat": at(-5 * time.Minute), "nbf": at(-5 * time.Minute), "exp": at(24 * time.Hour)}), jwks},
		"Entra, 65 minutes":             {signer.Sign(assertiontest.Claims{"exp": at(65 * time.Minute), "ver": "2.0", "tid": "x", "idtyp": "app"}), jwks},
		"claims that nobody reads":      {signer.Sign(assertiontest.Claims{"x": map[string]any{"y": []any{1, "z", nil}}}), jwks},
		"a set with certificates in it": {signer.Sign(nil), strings.ReplaceAll(jwks, `"kty":"RSA"`, `"kty":"RSA","x5t":"abc","x5c":["not a certificate"],"issuer":"https://issuer.example/v2.0"`)},
	} {
		if strings.HasPrefix(name, "no kid") {
			c.text = assertiontest.WithoutKeyID(signer)
		}
		v, err := verify(t, c.text, c.jwks)
		require.NoError(t, err, name)
		assert.Equal(t, signer.Issuer, v.Issuer, name)
		assert.True(t, v.HasID && v.ID != "", name)
	}
}

// What the times of an assertion are compared with is the clock alone, and its use is remembered
// until no clock takes it any more.
func TestVerify_UntilTheLeewayHasPassed(t *testing.T) {
	text := signer.Sign(nil)
	v, err := verify(t, text, assertiontest.JWKS())
	require.NoError(t, err)
	require.Equal(t, noon.Add(5*time.Minute+assertion.Leeway), v.Until.UTC())
	keys := assertion.StaticKeys(assertiontest.JWKS())
	_, err = assertion.Verify(t.Context(), text, wanted, keys, v.Until.Add(-1))
	require.NoError(t, err)
	_, err = assertion.Verify(t.Context(), text, wanted, keys, v.Until)
	wantReason(t, assertion.Expired, err, "at the end")
	_, err = assertion.Verify(t.Context(), text, wanted, keys, noon.Add(-assertion.Leeway))
	require.NoError(t, err)
	_, err = assertion.Verify(t.Context(), text, wanted, keys, noon.Add(-assertion.Leeway-1))
	wantReason(t, assertion.Early, err, "before the beginning")
}

// An assertion without jti is named by a hash of what is signed: the same for each form of the
// signature, and another for each assertion.
func TestVerify_NamesAssertionsWithoutAnID(t *testing.T) {
	none := assertiontest.Claims{"jti": nil}
	text := signer.SignES256(none)
	first, err := verify(t, text, assertiontest.JWKS())
	require.NoError(t, err)
	require.False(t, first.HasID)
	require.True(t, strings.HasPrefix(first.ID, "sha-256:"), first.ID)
	again, err := verify(t, assertiontest.OtherSignature(text), assertiontest.JWKS())
	require.NoError(t, err)
	require.Equal(t, first.ID, again.ID)
	other, err := verify(t, signer.SignES256(assertiontest.Claims{"jti": nil, "x": 1}), assertiontest.JWKS())
	require.NoError(t, err)
	require.NotEqual(t, first.ID, other.ID)
	named, err := verify(t, signer.Sign(assertiontest.Claims{"jti": "a"}), assertiontest.JWKS())
	require.NoError(t, err)
	require.Equal(t, "a", named.ID)
	empty, err := verify(t, signer.Sign(assertiontest.Claims{"jti": ""}), assertiontest.JWKS())
	require.NoError(t, err)
	require.False(t, empty.HasID)
}

// Nothing is expected of a client without a federation: no assertion proves it.
func TestVerify_ExpectsSomething(t *testing.T) {
	empty := assertiontest.Signer{Now: noon}
	_, err := assertion.Verify(t.Context(), empty.Sign(nil), assertion.Expected{Audiences: []string{""}}, assertion.StaticKeys(assertiontest.JWKS()), noon)
	wantReason(t, assertion.Issuer, err, "nothing")
	_, err = assertion.Verify(t.Context(), empty.Sign(assertiontest.Claims{"iss": "i"}), assertion.Expected{Issuer: "i"}, assertion.StaticKeys(assertiontest.JWKS()), noon)
	wantReason(t, assertion.Subject, err, "no subject")
}

func TestPeek(t *testing.T) {
	c, err := assertion.Peek(signer.Sign(assertiontest.Claims{"aud": []string{"a", "b"}}))
	require.NoError(t, err)
	require.Equal(t, assertion.Claims{Issuer: signer.Issuer, Subject: signer.Subject, Audience: []string{"a", "b"}, Algorithm: "RS256", KeyID: assertiontest.RSA}, c)
	c, err = assertion.Peek("e30.e30.")
	require.NoError(t, err)
	require.Equal(t, assertion.Claims{}, c)
	_, err = assertion.Peek("x")
	wantReason(t, assertion.Malformed, err, "no assertion")
}

func TestAudiences(t *testing.T) {
	const id = "b5ba7a93-4452-4522-aeb4-a2b5da870c16"
	for configured, want := range map[string][]string{
		"https://scim.example/":          {"https://scim.example/"},
		"api://" + id:                    {"api://" + id, id},
		"api://" + id + "/.default":      {"api://" + id + "/.default", "api://" + id, id},
		"api://rollcall/.default":        {"api://rollcall/.default", "api://rollcall"},
		"api://rollcall":                 {"api://rollcall"},
		id:                               {id},
		"api://" + id[:35] + "g":         {"api://" + id[:35] + "g"},
		"api://" + id[:8] + "x" + id[9:]: {"api://" + id[:8] + "x" + id[9:]},
	} {
		assert.Equal(t, want, assertion.Audiences(configured), configured)
	}
}

// Every key of a set is judged by itself.
func TestParseKeys(t *testing.T) {
	const good = `{"kty":"EC","kid":"a","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}`
	for name, c := range map[string]struct {
		set  string
		keys int
	}{
		"one":                        {`{"keys":[` + good + `]}`, 1},
		"another kind":               {`{"keys":[` + good + `,{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`, 1},
		"a symmetric key":            {`{"keys":[` + good + `,{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ"}]}`, 1},
		"a point outside":            {`{"keys":[` + good + `,{"kty":"EC","crv":"P-256","x":"AAAA","y":"AAAA"}]}`, 1},
		"an unknown curve":           {`{"keys":[` + good + `,{"kty":"EC","crv":"P-999","x":"AAAA","y":"AAAA"}]}`, 1},
		"wrong types":                {`{"keys":[` + good + `,1,null,"x",[],{"kty":1},{"kty":"RSA","n":7,"e":[]}]}`, 1},
		"no modulus":                 {`{"keys":[` + good + `,{"kty":"RSA","e":"AQAB"}]}`, 1},
		"an endless modulus":         {`{"keys":[` + good + `,{"kty":"RSA","e":"AQAB","n":"` + strings.Repeat("_", 20000) + `"}]}`, 1},
		"a name twice in a key":      {`{"keys":[` + good + `,{"kty":"EC","kty":"RSA"}]}`, 0},
		"other members of the set":   {`{"version":1,"keys":[` + good + `]}`, 1},
		"more than 50":               {`{"keys":[` + strings.Repeat(good+",", 50) + good + `]}`, 0},
		"50":                         {`{"keys":[` + strings.Repeat(good+",", 49) + good + `]}`, 50},
		"larger than 64 KB":          {`{"keys":[` + good + `],"x":"` + strings.Repeat("x", assertion.MaxSet) + `"}`, 0},
		"no keys":                    {`{"keys":[]}`, 0},
		"keys that are an object":    {`{"keys":{}}`, 0},
		"a list":                     {`[` + good + `]`, 0},
		"null":                       {`null`, 0},
		"nothing":                    {``, 0},
		"HTML":                       {`<html>`, 0},
		"cut off":                    {`{"keys":[` + good, 0},
		"keys twice":                 {`{"keys":[` + good + `],"keys":[]}`, 0},
		"a byte order mark":          {"\ufeff" + `{"keys":[` + good + `]}`, 0},
		"deeply nested":              {`{"keys":[` + good + `],"x":` + strings.Repeat("[", 30000) + strings.Repeat("]", 30000) + `}`, 0},
		"only keys that are no keys": {`{"keys":[{"kty":"oct","k":"AAAA"}]}`, 0},
	} {
		keys, err := assertion.ParseKeys([]byte(c.set))
		assert.Len(t, keys, c.keys, name)
		if c.keys == 0 {
			wantReason(t, assertion.BadKeys, err, name)
		} else {
			assert.NoError(t, err, name)
		}
	}
}

// A set with a private key gives its public half alone.
func TestParseKeys_KeepsNoPrivateKey(t *testing.T) {
	keys, err := assertion.ParseKeys([]byte(`{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",` +
		`"y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}]}`))
	require.NoError(t, err)
	require.Len(t, keys, 1)
	require.True(t, keys[0].IsPublic())
}
