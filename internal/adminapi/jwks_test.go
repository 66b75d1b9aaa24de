package adminapi

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/assertion"
)

// The curve's key of RFC 7515, appendix A.3.1.
var curveKey = map[string]any{
	"kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
}

// number returns an odd number of some bits as base64url.
func number(bits int) string {
	b := []byte(strings.Repeat("\xff", (bits+7)/8))
	b[0] >>= (8 - bits%8) % 8
	return base64.RawURLEncoding.EncodeToString(b)
}

func TestCheckJWKS_TakesPublicKeysOnly(t *testing.T) {
	rsa := map[string]any{"kty": "RSA", "n": number(2048), "e": "AQAB"}
	with := func(key map[string]any, pairs ...any) map[string]any {
		key = maps.Clone(key)
		for i := 0; i < len(pairs); i += 2 {
			key[pairs[i].(string)] = pairs[i+1]
			if pairs[i+1] == nil {
				delete(key, pairs[i].(string))
			}
		}
		return key
	}
	keys := func(keys ...any) map[string]any { return map[string]any{"keys": keys} }
	many := func(n int) (all []any) {
		for i := range n {
			all = append(all, with(curveKey, "kid", fmt.Sprint(i)))
		}
		return all
	}
	for name, tt := range map[string]struct {
		set  map[string]any
		want string // "" for one that is taken
	}{
		"of a curve":             {keys(curveKey), ""},
		"RSA":                    {keys(rsa), ""},
		"RSA of the longest":     {keys(with(rsa, "n", number(4096))), ""},
		"with its use":           {keys(with(rsa, "kid", "a", "use", "sig", "alg", "RS256", "x5t", "ignored")), ""},
		"as many as there may":   {keys(many(10)...), ""},
		"both kinds":             {keys(with(rsa, "kid", "a"), with(curveKey, "kid", "b")), ""},
		"nothing":                {nil, "at least one"},
		"keys as a text":         {map[string]any{"keys": "x"}, "at least one"},
		"no keys":                {keys(), "at least one"},
		"too many":               {keys(many(11)...), "11 keys"},
		"a key as a text":        {keys("x"), "key 1 is not a JSON object"},
		"one kid twice":          {keys(with(rsa, "kid", "a"), with(curveKey, "kid", "a")), "key 2 has the kid of an earlier one"},
		"several without kid":    {keys(rsa, curveKey), "each needs its own"},
		"an empty kid":           {keys(with(rsa, "kid", "")), "kid"},
		"a kid as a number":      {keys(with(rsa, "kid", 1.0)), "kid"},
		"no kty":                 {keys(with(rsa, "kty", nil)), "kty"},
		"another kty":            {keys(with(rsa, "kty", "OKP")), "kty"},
		"for encryption":         {keys(with(rsa, "use", "enc")), "not for signatures"},
		"RSA with another alg":   {keys(with(rsa, "alg", "PS256")), "RS256"},
		"none":                   {keys(with(rsa, "alg", "none")), "RS256"},
		"a curve with RSA's alg": {keys(with(curveKey, "alg", "RS256")), "ES256"},
		"short RSA":              {keys(with(rsa, "n", number(2047))), "2048"},
		"too long RSA":           {keys(with(rsa, "n", number(4097))), "4096"},
		"even RSA":               {keys(with(rsa, "n", base64.RawURLEncoding.EncodeToString([]byte(strings.Repeat("\xfe", 256))))), "2048"},
		"RSA with a zero before": {keys(with(rsa, "n", base64.RawURLEncoding.EncodeToString([]byte("\x00"+strings.Repeat("\xff", 256))))), "2048"},
		"RSA without exponent":   {keys(with(rsa, "e", nil)), "2048"},
		"RSA of exponent 1":      {keys(with(rsa, "e", "AQ")), "2048"},
		"RSA of exponent 2":      {keys(with(rsa, "e", "Ag")), "2048"},
		"padded base64":          {keys(with(curveKey, "x", curveKey["x"].(string)+"=")), "P-256"},
		"another curve":          {keys(with(curveKey, "crv", "P-384")), "P-256"},
		"off the curve":          {keys(with(curveKey, "y", curveKey["x"])), "P-256"},
		"a short coordinate":     {keys(with(curveKey, "x", "AQAB")), "P-256"},
		"too large":              {keys(with(rsa, "x5c", strings.Repeat("x", maxJWKS))), "larger than"},
	} {
		text, err := checkJWKS(tt.set)
		checkProblem(t, name, err, tt.want)
		if err == nil { // the token endpoint reads all of them
			read, err := assertion.ParseKeys([]byte(text))
			require.NoError(t, err, name)
			assert.Len(t, read, len(tt.set["keys"].([]any)), name)
		}
	}
	for _, member := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"} {
		const hidden = "a-private-value"
		_, err := checkJWKS(keys(with(rsa, member, hidden)))
		checkProblem(t, member, err, "is a private or secret key ("+member+")")
		assert.NotContains(t, fmt.Sprintf("%+v", err), hidden)
	}
	text, err := checkJWKS(map[string]any{"keys": []any{curveKey}, "other": "x"})
	require.NoError(t, err)
	var stored map[string]any
	require.NoError(t, json.Unmarshal([]byte(text), &stored))
	assert.Equal(t, map[string]any{"keys": []any{curveKey}}, stored)
}

// checkProblem checks the detail of a refusal, "" for none.
func checkProblem(t *testing.T, name string, err error, want string) {
	t.Helper()
	var p *problem
	switch {
	case want == "":
		assert.NoError(t, err, name)
	case !errors.As(err, &p):
		t.Errorf("%s: %v, want %q", name, err, want)
	default:
		assert.Containsf(t, p.detail, want, "%s", name)
		assert.Equal(t, kindInvalid, p.kind, name)
	}
}

func TestCheckJWKSURI(t *testing.T) {
	deployed := &Service{Config: Config{JWKSHosts: []string{"Keys.example.com", "keys.example.com:8443"}}}
	here := &Service{Config: Config{JWKSHosts: []string{"127.0.0.1:9000"}, LoopbackWebhooks: true}}
	for _, tt := range []struct {
		of        *Service
		uri, want string
	}{
		{deployed, "https://keys.example.com/jwks", ""},
		{deployed, "https://KEYS.example.com:443/jwks?x=1", ""},
		{deployed, "https://keys.example.com:8443/jwks", ""},
		{deployed, "https://keys.example.com:80/jwks", "has the host keys.example.com:80"},
		{deployed, "https://keys.example.com./jwks", "has the host"},
		{deployed, "http://keys.example.com/jwks", "https"},
		{deployed, "https://other.example.com/jwks", "only from keys.example.com, keys.example.com:8443"},
		{deployed, "https://127.0.0.1:9000/jwks", "names an address"},
		{deployed, "https://user@keys.example.com/jwks", "user name"},
		{deployed, "https:keys.example.com", "is not a URL"},
		{deployed, "//keys.example.com/jwks", "https"},
		{deployed, "https://", "is not a URL"},
		{deployed, "https://keys.example.com/%zz", "is not a URL"},
		{here, "http://127.0.0.1:9000/jwks", ""},
		{here, "http://127.0.0.1:9001/jwks", "names an address"},
		{here, "http://keys.example.com/jwks", "https"},
		{&Service{}, "https://keys.example.com/jwks", "fetches no keys"},
	} {
		checkProblem(t, tt.uri, tt.of.checkJWKSURI(tt.uri), tt.want)
		// Keys are read from an address exactly if it can be set.
		err := assertion.NewFetcher(tt.of.JWKSHosts, tt.of.LoopbackWebhooks, time.Now).CheckURI(tt.uri)
		assert.Equalf(t, tt.want == "", err == nil, "%s: %v", tt.uri, err)
	}
}
