package console

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
)

const (
	clientID      = "rcc_acme_aaaaaaaaaaaaaaaa"
	oneSecretText = "rcs_acme_0123456789_secretsecretsecret_abcd"
	clientURL     = "/console/t/acme/clients/" + clientID
	clientCall    = acme + "/clients/" + clientID
	tokenEndpoint = "https://scim.example/oauth2/token"
)

func oneClient() adminwire.Client {
	after := func(d time.Duration) *time.Time { at := noon.Add(d); return &at }
	return adminwire.Client{
		ClientID: clientID, Label: "Entra", State: live, CreatedAt: after(-400 * 24 * time.Hour), LastUsedAt: after(-time.Hour), TokenEndpoint: tokenEndpoint,
		Secrets: []adminwire.ClientSecret{
			{SecretID: "s0", Label: "2025", LastFour: "0000", State: "revoked", CreatedAt: after(-400 * 24 * time.Hour), ExpiresAt: after(time.Hour), RevokedAt: after(-time.Hour)},
			{SecretID: "s1", LastFour: "1111", State: live, CreatedAt: after(-300 * 24 * time.Hour), ExpiresAt: after(29 * 24 * time.Hour), LastUsedAt: after(-time.Hour)},
		},
		Federation: &adminwire.Federation{Issuer: "https://issuer.example/", Subject: "sub", Audience: "aud", JWKSURI: "https://issuer.example/keys", Since: after(-48 * time.Hour)},
		Keys:       &adminwire.ClientKeys{JWKS: map[string]any{"keys": []any{map[string]any{"kid": "2027-01"}, map[string]any{"kty": "EC"}}}, Since: after(-48 * time.Hour)},
	}
}

// otherClient returns a client that cannot authenticate.
func otherClient() adminwire.Client {
	return adminwire.Client{ClientID: "rcc_acme_b", State: live, CreatedAt: &noon, TokenEndpoint: tokenEndpoint}
}

// withClients returns the answers of a service that changes clients.
func withClients() map[string]any {
	answers := healthy()
	ends := noon.Add(365 * 24 * time.Hour)
	answers["POST "+acme+"/clients"] = adminwire.CreatedClient{Client: oneClient(), Text: oneSecretText, SecretID: "s2", ExpiresAt: &ends}
	answers["POST "+clientCall+"/secrets"] = adminwire.CreatedClientSecret{
		ClientSecret: adminwire.ClientSecret{SecretID: "s2", LastFour: "abcd", State: live, ExpiresAt: &ends}, ClientID: clientID, Text: oneSecretText, TokenEndpoint: tokenEndpoint,
	}
	for _, path := range []string{"", "/secrets/s1", "/federation", "/keys"} {
		answers["DELETE "+clientCall+path] = nil
	}
	answers["PUT "+clientCall+"/federation"] = oneClient()
	answers["PUT "+clientCall+"/keys"] = oneClient()
	return answers
}

func TestClients_AreListed(t *testing.T) {
	b := visitor(t, withClients())
	p := b.get("/console/t/acme/clients").page()
	rows := p.id(t, "clients").named("tbody")[0].named("tr")
	rows[0].says(t, "Entra", clientID, "live 1 secret, federation, keys in 29 days", "soon 1 hour ago")
	rows[1].says(t, "no label", "cannot authenticate nothing", "never")
	assert.False(t, p.has("static-refused"))
	refusing, ok := withClients()["GET "+acme].(adminwire.Tenant)
	require.True(t, ok)
	refusing.StaticTokens = "refuse"
	b.service.set("GET "+acme, refusing)
	b.service.set("GET "+acme+"/clients", adminwire.Clients{})
	p = b.get("/console/t/acme/clients").page()
	p.id(t, "no-clients")
	p.id(t, "static-refused").says(t, "Only access tokens of these clients are accepted")
}

// A new secret is on one page, once, and in no address or line.
func TestCreateClient_ShowsTheSecretOnce(t *testing.T) {
	for path, tt := range map[string]struct{ call, body string }{
		"/console/t/acme/clients": {"POST " + acme + "/clients", `{"label":"Entra 2","expiresAt":"2027-01-31T12:00:00Z"}`},
		clientURL + "/secret":     {"POST " + clientCall + "/secrets", `{"label":"Entra 2","expiresAt":"2027-01-31T12:00:00Z"}`},
	} {
		b := visitor(t, withClients())
		b.service.last()
		a := b.post(path, url.Values{"label": {" Entra 2 "}, "expires": {"2027-01-31 12:00"}})
		asked, body := b.service.last()
		assert.Equal(t, tt.call, asked[len(asked)-1])
		assert.Equal(t, tt.body, body)
		to := a.Header().Get("Location")
		require.Truef(t, a.Code == http.StatusSeeOther && to == "/console/t/acme/client-secret", "%d %s", a.Code, to)
		assert.Equal(t, http.StatusSeeOther, b.send(b.newRequest(http.MethodHead, to, "")).Code, "HEAD")
		for _, other := range []string{"/console/t/beta/client-secret", "/console/t/acme/webhook-secret", "/console/t/acme/tokens/minted"} {
			assert.NotContainsf(t, b.get(other).Body.String(), oneSecretText, "%s shows it", other)
		}
		p := b.get(to).page()
		assert.Equal(t, [3]string{clientID, oneSecretText, tokenEndpoint}, [3]string{p.id(t, "client-id-text").words(), p.id(t, "client-secret-text").words(), p.id(t, "token-endpoint-text").words()})
		assert.Equal(t, clientURL, p.id(t, "done").attrs["href"])
		assert.Equal(t, http.StatusGone, b.get(to).Code, "again")
		assert.NotContains(t, b.log.String(), "rcs_acme", "the log shows it")
	}
}

func TestCreateClient_WithoutASecret(t *testing.T) {
	b := visitor(t, withClients())
	b.service.set("POST "+acme+"/clients", adminwire.CreatedClient{Client: oneClient()})
	a := b.post("/console/t/acme/clients", url.Values{"method": {"assertions"}, "label": {"Okta"}, "expires": {"soon"}})
	_, body := b.service.last()
	assert.Equal(t, `{"label":"Okta","secret":false}`, body)
	assert.Equal(t, clientURL, a.Header().Get("Location"))
	b.get(clientURL).page().id(t, "notice").says(t, "Set how it authenticates")
}

// A form that is refused says so at its field, keeps what was entered, and asks for nothing; that
// of the keys keeps nothing.
func TestClientForms_RefuseInvalidValues(t *testing.T) {
	const federation = clientURL + "/federation"
	set := func(name, value string) url.Values {
		form := url.Values{"issuer": {"i"}, "subject": {"s"}, "audience": {"a"}, "jwksUri": {"https://a.example/keys"}}
		form.Set(name, value)
		return form
	}
	for _, tt := range []struct {
		path  string
		form  url.Values
		field string
		says  string
		calls bool
	}{
		{"/console/t/acme/clients", url.Values{"label": {"two\nlines"}}, "label", "one line of at most 100 bytes", false},
		{"/console/t/acme/clients", url.Values{"expires": {"soon"}}, "expires", "Enter a time", false},
		{"/console/t/acme/clients", url.Values{"expires": {"2026-07-14 12:00"}}, "expires", "in the past", false},
		{"/console/t/acme/clients", url.Values{"expires": {"2099-01-01 12:00"}}, "expires", "expiresAt must be at most 3 years", true},
		{clientURL + "/secret", url.Values{"expires": {"soon"}}, "expires", "Enter a time", false},
		{clientURL + "/secret", url.Values{"expires": {"2099-01-01 12:00"}}, "expires", "expiresAt must be at most 3 years", true},
		{federation, set("issuer", ""), "issuer", "Enter the value", false},
		{federation, set("subject", strings.Repeat("x", maxClaim+1)), "subject", "at most 500 bytes", false},
		{federation, set("jwksUri", "http://a.example"), "jwksUri", "does not begin with https", true},
		{clientURL + "/keys", url.Values{"jwks": {`{"keys":[{"d":"private-part"`}}, "jwks", "is not JSON", false},
		{clientURL + "/keys", url.Values{"jwks": {"null"}}, "jwks", "is not JSON", false},
		{clientURL + "/keys", url.Values{"jwks": {`{"keys":[{"d":"private-part"}]}`}}, "jwks", "private or secret key", true},
	} {
		b := visitor(t, withClients())
		for call, detail := range map[string]string{
			"POST " + acme + "/clients": "expiresAt must be at most 3 years from now.", "POST " + clientCall + "/secrets": "expiresAt must be at most 3 years from now.",
			"PUT " + clientCall + "/federation": "jwksUri does not begin with https://.", "PUT " + clientCall + "/keys": "jwks: key 1 is a private or secret key (d).",
		} {
			b.service.set(call, refusal{400, "invalid-value", detail})
		}
		b.service.last()
		a := b.post(tt.path, tt.form)
		asked, _ := b.service.last()
		p := a.page()
		p.id(t, tt.field+"-wrong").says(t, tt.says)
		assert.Equalf(t, http.StatusBadRequest, a.Code, "%s %v", tt.path, tt.form)
		assert.Equal(t, "true", p.id(t, tt.field).attrs["aria-invalid"])
		assert.Equalf(t, tt.calls, slices.ContainsFunc(asked, func(s string) bool { return !strings.HasPrefix(s, "GET") }), "%s %v asked %q", tt.path, tt.form, asked)
		if tt.field == "jwks" {
			assert.NotContains(t, a.Body.String()+b.log.String(), "private-part")
		} else if !strings.Contains(tt.form.Get(tt.field), "\n") {
			assert.Equal(t, tt.form.Get(tt.field), p.id(t, tt.field).attrs["value"])
		}
	}
}

func TestClient_IsChangedOnceConfirmed(t *testing.T) {
	for _, tt := range []struct{ path, says, call, notice string }{
		{"/revoke", "Revoke the client", "DELETE " + clientCall, "Client revoked"},
		{"/end-secret?secret=s1", "…1111", "DELETE " + clientCall + "/secrets/s1", "Secret ended"},
		{"/remove-federation", "Remove the federation", "DELETE " + clientCall + "/federation", "Federation removed"},
		{"/remove-keys", "Remove the keys", "DELETE " + clientCall + "/keys", "Keys removed"},
	} {
		b := visitor(t, withClients())
		b.service.last()
		p := b.get(clientURL + tt.path).page()
		p.says(t, tt.says, clientID)
		f := p.id(t, "confirm")
		path, _, _ := strings.Cut(clientURL+tt.path, "?")
		assert.Equal(t, path, f.attrs["action"])
		form := url.Values{}
		for _, hidden := range f.named("input") {
			form.Set(hidden.attrs["name"], hidden.attrs["value"])
		}
		asked, _ := b.service.last()
		assert.Equal(t, []string{"GET " + clientCall}, asked, "the question")
		a := b.post(path, form)
		asked, _ = b.service.last()
		require.Truef(t, a.Code == http.StatusSeeOther && slices.Equal(asked, []string{tt.call}), "%d, asked %q", a.Code, asked)
		b.get(a.Header().Get("Location")).page().id(t, "notice").says(t, tt.notice)
	}
	b := visitor(t, withClients())
	for path, says := range map[string]string{"/end-secret?secret=s9": "Secret not found", "/end-secret": "Secret not found", "/eat": "Page not found"} {
		a := b.get(clientURL + path)
		a.page().says(t, says)
		assert.Equal(t, http.StatusNotFound, a.Code, path)
	}
	assert.Equal(t, http.StatusNotFound, b.post(clientURL+"/eat", nil).Code)
	b.service.set("GET "+clientCall, func() adminwire.Client {
		c := oneClient()
		c.State, c.RevokedAt = "revoked", &noon
		return c
	}())
	p := b.get(clientURL).page()
	p.id(t, "client").says(t, "revoked")
	for _, form := range []string{"set-label", "add-secret", "set-federation", "set-keys"} {
		assert.Falsef(t, p.has(form), "a revoked client has the form %s", form)
	}
}

func TestClient_FormsAreSent(t *testing.T) {
	b := visitor(t, withClients())
	p := b.get(clientURL).page()
	p.id(t, "key-names").says(t, "2027-01, EC without an id")
	assert.Equal(t, "https://issuer.example/keys", p.id(t, "jwksUri").attrs["value"])
	for path, tt := range map[string]struct {
		form url.Values
		body string
	}{
		"/federation": {url.Values{"issuer": {"i"}, "subject": {" s "}, "audience": {"a"}, "jwksUri": {"https://a.example/keys"}}, `{"issuer":"i","subject":"s","audience":"a","jwksUri":"https://a.example/keys"}`},
		"/keys":       {url.Values{"jwks": {` {"keys":[{"kid":"1"}]} `}}, `{"jwks":{"keys":[{"kid":"1"}]}}`},
	} {
		b.service.last()
		a := b.post(clientURL+path, tt.form)
		asked, body := b.service.last()
		assert.Equal(t, []string{"GET " + clientCall, "PUT " + clientCall + path}, asked)
		assert.Equal(t, tt.body, body)
		assert.Equal(t, clientURL, a.Header().Get("Location"))
	}
	b.service.set("GET "+acme+"/clients/rcc_acme_b", otherClient())
	b.get("/console/t/acme/clients/rcc_acme_b").page().id(t, "no-method").says(t, "cannot authenticate")
}

// The label of a client is changed, and a refused one is shown with the reason.
func TestClient_IsRelabelled(t *testing.T) {
	b := visitor(t, withClients())
	b.service.set("PATCH "+clientCall, oneClient())
	assert.Equal(t, "Entra", b.get(clientURL).page().id(t, "name").attrs["value"])
	b.service.last()
	a := b.post(clientURL+"/label", url.Values{"name": {" Entra production "}})
	asked, body := b.service.last()
	assert.Equal(t, []string{"GET " + clientCall, "PATCH " + clientCall}, asked)
	assert.JSONEq(t, `{"label":"Entra production"}`, body)
	b.get(a.Header().Get("Location")).page().id(t, "notice").says(t, "Label changed.")
	a = b.post(clientURL+"/label", url.Values{"name": {strings.Repeat("x", 200)}})
	assert.Equal(t, http.StatusBadRequest, a.Code)
	asked, _ = b.service.last()
	assert.NotContains(t, asked, "PATCH "+clientCall)
}

// A notice about a client leads to it, and not to the tokens.
func TestOverview_LeadsToTheClientOfANotice(t *testing.T) {
	b := visitor(t, withClients())
	b.service.set("GET "+acme+"/overview", adminwire.Overview{State: "warning", Notices: []adminwire.Notice{
		{Kind: "token_expires", Level: "warning", Text: "Secret …1111 of client Entra expires soon.", TokenID: "s1", ClientID: clientID},
	}})
	assert.Equal(t, clientURL, b.get("/console/t/acme").page().link(t, "Client"))
}
