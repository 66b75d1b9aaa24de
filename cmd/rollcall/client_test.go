package main

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/assertion/assertiontest"
)

// A client is created, found by its id and its label, changed and revoked.
func TestClient(t *testing.T) {
	s := start(t)
	defer s.end()
	out, _ := s.command(0, "client", "create", "acme", "--label", "Entra", "--expires", "90d")
	for _, want := range []string{"client id       rcc_acme_", "client secret   rcs_acme_", "/oauth2/token", "shown only once"} {
		assert.Contains(t, out, want)
	}
	made := s.object("client", "create", "acme", "--label", "Okta")
	id, text := made["clientId"].(string), made["clientSecret"].(string)
	ends, err := time.Parse(time.RFC3339, made["expiresAt"].(string))
	require.NoError(t, err)
	assert.InDelta(t, 365*24, time.Until(ends).Hours(), 1)
	for _, name := range []string{id, lastPart(id), "Okta"} {
		shown, _ := s.command(0, "client", "show", "acme", name)
		assert.Contains(t, shown, id)
		assert.NotContains(t, shown, text)
	}
	s.says(`CLIENT +LABEL +STATE +LAST USED +AUTHENTICATES BY +SECRETS END\n`, "client", "list", "acme")
	s.says(id+` +Okta +live +never +1 secret +`, "client", "list", "acme")

	second := s.object("client", "rotate", "acme", "Okta", "--label", "2027")
	s.says(`Secret `+made["secretId"].(string)+` is revoked`, "client", "rotate", "acme", "Okta", "--end", text[len(text)-4:], "--yes")
	s.refuses(exitNotFound, "secret not found", "client", "rotate", "acme", "Okta", "--end", "nosuch", "--yes")
	s.refuses(exitUsage, "Confirmation required", "client", "rotate", "acme", "Okta", "--end", "2027")
	s.says(second["secretId"].(string)+` +2027 +\S{4} +live`, "client", "show", "acme", "Okta")

	keys := filepath.Join(t.TempDir(), "keys.json")
	write := func(content string) {
		t.Helper()
		require.NoError(t, os.WriteFile(keys, []byte(content), 0o600))
	}
	write(`{"keys":[{"kty":"EC","crv":"P-256","kid":"2027-01","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}`)
	s.says(`own keys +2027-01\n`, "client", "keys", "acme", "Okta", "--jwks", keys)
	s.says(`issuer +https://issuer.example/\n`, "client", "federate", "acme", "Okta", "--issuer", "https://issuer.example/", "--subject", "s", "--audience", "a",
		"--jwks-uri", "https://login.microsoftonline.com/common/discovery/v2.0/keys")
	s.says(`1 secret, federation, keys`, "client", "list", "acme")
	s.refuses(exitRefused, "fetches keys only from login.microsoftonline.com", "client", "federate", "acme", "Okta", "--issuer", "i", "--subject", "s", "--audience", "a", "--jwks-uri", "https://example.com/keys")
	write(`{"keys":[{"kty":"EC","d":"hidden"}]}`)
	s.refuses(exitUsage, "has a private key; nothing was sent", "client", "keys", "acme", "Okta", "--jwks", keys)
	write(`{}`)
	s.refuses(exitUsage, `it has no "keys"`, "client", "keys", "acme", "Okta", "--jwks", keys)
	write(`[]`)
	s.refuses(exitUsage, "is not a JWK Set", "client", "keys", "acme", "Okta", "--jwks", keys)
	for _, method := range []string{"keys", "federate"} {
		s.says("stops working within 10 seconds", "client", method, "acme", "Okta", "--remove", "--yes")
		s.refuses(exitUsage, "Confirmation required", "client", method, "acme", "Okta", "--remove")
	}
	s.says(`label +Okta 2\n`, "client", "label", "acme", "Okta", "Okta 2")
	s.refuses(exitNotFound, "client list acme", "client", "label", "acme", "Okta", "Okta 3")
	s.refuses(exitUsage, "The label is a secret", "client", "label", "acme", "Okta 2", text)
	s.refuses(exitRefused, "label", "client", "label", "acme", "Okta 2", strings.Repeat("x", 101))
	s.says(`label +Okta\n`, "client", "label", "acme", id, "Okta")
	s.says(`Client `+id+` is revoked`, "client", "revoke", "acme", "Okta", "--yes")
	s.says(`state +revoked\n`, "client", "show", "acme", "Okta")
	s.refuses(exitRefused, "The client is revoked", "client", "rotate", "acme", id)
	s.says(`authenticate:\n  rollcall client federate acme rcc_acme_`, "client", "create", "acme", "--no-secret")
}

// With --jwks-host, a federation's keys are read from a server on this machine.
func TestClient_FederatesWithAServerOnThisMachine(t *testing.T) {
	keys := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(assertiontest.JWKS()))
	}))
	defer keys.Close()
	s := start(t, "--jwks-host", strings.TrimPrefix(keys.URL, "http://"))
	defer s.end()
	made := s.object("client", "create", "acme", "--label", "Entra", "--no-secret")
	federate := func(uri string) []string {
		return []string{"client", "federate", "acme", "Entra", "--issuer", "https://issuer.example/", "--subject", "s", "--audience", "a", "--jwks-uri", uri}
	}
	s.refuses(exitRefused, "names an address", federate("http://127.0.0.1:1/keys")...)
	s.says(`issuer +https://issuer.example/\n`, federate(keys.URL+"/keys")...)
	text := assertiontest.Signer{Issuer: "https://issuer.example/", Subject: "s", Audience: "a", Now: time.Now()}.Sign(nil)
	answer, err := http.PostForm(made["tokenEndpoint"].(string), url.Values{
		"grant_type": {"client_credentials"}, "client_id": {made["clientId"].(string)}, "client_assertion": {text},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
	})
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	assert.Equal(t, http.StatusOK, answer.StatusCode)
}

// A label names a live client where a revoked one has it too, and nothing is guessed.
func TestClient_IsFoundByItsLabel(t *testing.T) {
	s := start(t)
	defer s.end()
	first := s.object("client", "create", "acme", "--label", "Entra")["clientId"].(string)
	s.command(0, "client", "revoke", "acme", "Entra", "--yes")
	second := s.object("client", "create", "acme", "--label", "Entra")
	assert.Equal(t, second["clientId"], s.object("client", "show", "acme", "Entra")["clientId"])
	assert.Equal(t, first, s.object("client", "show", "acme", first)["clientId"])
	s.command(0, "client", "create", "acme", "--label", "Entra")
	s.refuses(exitRefused, `"Entra" is the name of several clients of acme`, "client", "revoke", "acme", "Entra", "--yes")
	s.refuses(exitNotFound, `client not found: acme has none with the id or label "nosuch"; 'rollcall client list acme' lists them`, "client", "show", "acme", "nosuch")
	s.refuses(exitNotFound, "Tenant not found", "client", "list", "globex")
	for line, want := range map[string]string{
		"client create acme --expires x":               `--expires: "x" is not a time`,
		"client create acme --expires 90d --no-secret": "leave one of them out",
		"client federate acme x --issuer i":            "give all of --issuer, --subject, --audience and --jwks-uri",
		"client federate acme x --issuer i --remove":   "--remove takes no --issuer",
		"client keys acme x":                           "give --jwks FILE, or --remove",
		"client keys acme x --jwks f --remove":         "exclude each other",
		"client rotate acme x --end y --label z":       "--end takes neither --label nor --expires",
	} {
		s.refuses(exitUsage, want, strings.Fields(line)...)
	}
	s.refuses(exitRefused, "at most 3 years from now", "client", "create", "acme", "--expires", "1200d")
}
