package oauth_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/assertion/assertiontest"
	"github.com/rollcall-scim/rollcall/internal/httpapi"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// asserted returns the parameters of an assertion.
func asserted(text string) string {
	return url.Values{
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {text},
	}.Encode()
}

// signer returns the signer of the client's own assertions, whose keys the client then has.
func (s *service) signer(audience string) assertiontest.Signer {
	s.t.Helper()
	_, err := s.admin.SetKeys(s.t.Context(), s.tenant, short(s.client), assertiontest.JWKS())
	require.NoError(s.t, err)
	return assertiontest.Signer{Issuer: s.client, Subject: s.client, Audience: audience, Now: s.now}
}

// An issuer is an identity provider that publishes its keys.
type issuer struct {
	assertiontest.Signer
	// down makes it answer nothing.
	down  atomic.Bool
	reads atomic.Int64
	host  string
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	i := &issuer{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		i.reads.Add(1)
		if i.down.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(assertiontest.JWKS()))
	}))
	t.Cleanup(server.Close)
	i.host = strings.TrimPrefix(server.URL, "http://")
	return i
}

// federated returns a service with a client that trusts an issuer.
func federated(t *testing.T, engine table.Table, i *issuer) *service {
	t.Helper()
	s := newServiceWith(t, engine, app.Config{BaseURL: baseURL, JWKSHosts: []string{i.host}, LoopbackWebhooks: true})
	i.Signer = assertiontest.Signer{
		Issuer: "https://login.microsoftonline.com/T/v2.0", Subject: "9d0e4d5c", Audience: "11111111-2222-3333-4444-555555555555", Now: s.now,
	}
	_, err := s.admin.SetFederation(t.Context(), s.tenant, short(s.client), access.Federation{
		Issuer: i.Issuer, Subject: i.Subject, Audience: "api://" + i.Audience + "/.default", JWKSURI: "http://" + i.host + "/keys",
	})
	require.NoError(t, err)
	return s
}

// tampered returns an assertion with another signature.
func tampered(text string) string { return text[:len(text)-8] + "AAAAAAAA" }

// A client gets an access token with an assertion that it signs itself, for the token endpoint or
// for the issuer, and each assertion once.
// Covers: 7523-2.2-2, 7523-3-7, 7523-5-1
func TestToken_IsIssuedForOwnAssertions(t *testing.T) {
	enginetest.RunOn(t, enginetest.Plain(), func(t *testing.T, open func(t testing.TB) table.Table) {
		t.Helper()
		s := newService(t, open(t))
		endpoint := "https://scim.test/oauth2/token"
		signed := s.signer(endpoint)
		for audience, send := range map[string]func(text string) answer{
			endpoint:            func(text string) answer { return s.token(asserted(text)) },
			"https://scim.test": func(text string) answer { return s.token("client_id=" + s.client + "&" + asserted(text)) },
			endpoint + "/" + s.client: func(text string) answer {
				return s.send("POST", "/oauth2/token/"+s.client, "grant_type=client_credentials&"+asserted(text))
			},
		} {
			signed := signed
			signed.Audience = audience
			for _, text := range []string{signed.Sign(nil), signed.SignES256(nil), signed.Sign(assertiontest.Claims{"jti": nil})} {
				a := send(text)
				require.Equalf(t, 200, a.status, "%s: %s %v", audience, a.raw, a.event)
				assert.Equal(t, "private_key_jwt keys acme", strings.Join(texts(a.event, "clientAuth", "credential", "tenant"), " "))
				assert.LessOrEqual(t, a.event["roundTrips"], 2.0)
				assert.Equal(t, 200, s.users(a.body["access_token"].(string)))
				a = send(text)
				assert.Equal(t, "400 invalid_client assertion_refused", fmt.Sprint(a.status, " ", a.body["error"], " ", a.event["cause"]), "the second time")
				assert.Contains(t, a.body["error_description"], "The client assertion was used before.")
			}
		}
	})
}

// A client gets an access token with a token of an issuer that it trusts. The keys are read once.
// A token with an id is accepted once; one without, as Entra's, while it is valid.
// Covers: 7523-3-2, 7523-3-3
func TestToken_IsIssuedForFederatedAssertions(t *testing.T) {
	enginetest.RunOn(t, enginetest.Plain(), func(t *testing.T, open func(t testing.TB) table.Table) {
		t.Helper()
		i := newIssuer(t)
		s := federated(t, open(t), i)
		text := i.Sign(nil)
		a := s.token("client_id=" + s.client + "&" + asserted(text))
		require.Equal(t, 200, a.status, a.raw)
		assert.Equal(t, "federation federation acme", strings.Join(texts(a.event, "clientAuth", "credential", "tenant"), " "))
		assert.LessOrEqual(t, a.event["roundTrips"], 2.0)
		assert.Equal(t, 200, s.users(a.body["access_token"].(string)))
		assert.Equal(t, 400, s.token("client_id="+s.client+"&"+asserted(text)).status, "the second time")
		text = i.Sign(assertiontest.Claims{"jti": nil})
		for range 3 {
			a := s.send("POST", "/oauth2/token/"+s.client, "grant_type=client_credentials&"+asserted(text))
			require.Equal(t, 200, a.status, a.raw)
			assert.LessOrEqual(t, a.event["roundTrips"], 1.0)
		}
		assert.Equal(t, int64(1), i.reads.Load())
		require.NoError(t, s.admin.EndFederation(t.Context(), s.tenant, short(s.client)))
		assert.Equal(t, 400, s.token("client_id="+s.client+"&"+asserted(text)).status, "after the end of the federation")
	})
}

// Each assertion that does not prove the client gets the answer of an unknown client; the log has
// the reason.
func TestToken_RefusedAssertions(t *testing.T) {
	i := newIssuer(t)
	s := federated(t, enginetest.Memory(t), i)
	own := s.signer("https://scim.test/oauth2/token")
	other, _ := s.newClient()
	unknown := "rcc_acme_aaaaaaaaaaaaaaaa"
	generic := s.token("client_id=" + unknown + "&" + asserted(own.Sign(nil))).body["error_description"].(string)
	for name, tt := range map[string]struct{ client, text, reason string }{
		// Covers: 7523-3-3, 7523-3.2-1
		"another audience": {s.client, own.Sign(assertiontest.Claims{"aud": "https://other.test"}), "is for another audience"},
		// Covers: 7523-3-2
		"another subject": {s.client, own.Sign(assertiontest.Claims{"sub": other}), "has another subject"},
		// Covers: 7523-3-1
		"another issuer": {s.client, i.Sign(assertiontest.Claims{"iss": "https://login.microsoftonline.com/U/v2.0"}), "has another issuer"},
		// Covers: 7523-3-4
		"expired": {s.client, i.Sign(assertiontest.Claims{"exp": s.now.Add(-2 * time.Minute).Unix()}), "has expired"},
		// Covers: 7523-3-6
		"valid too long": {s.client, i.Sign(assertiontest.Claims{"exp": s.now.Add(48 * time.Hour).Unix()}), "is valid for longer than 24 hours"},
		// Covers: 7523-3-5
		"not valid yet": {s.client, i.Sign(assertiontest.Claims{"nbf": s.now.Add(2 * time.Minute).Unix()}), "is not valid yet"},
		// Covers: 7523-3-8
		"another signature": {s.client, tampered(i.Sign(nil)), "signature of the client assertion is not valid"},
		// Covers: 7523-2.2-3
		"of another client":       {other, own.Sign(nil), "neither a federation nor keys"},
		"of a client without any": {other, i.Sign(nil), "neither a federation nor keys"},
	} {
		t.Run(name, func(t *testing.T) {
			a := s.token("client_id=" + tt.client + "&" + asserted(tt.text))
			assert.Equal(t, "400 invalid_client assertion_refused", fmt.Sprint(a.status, " ", a.body["error"], " ", a.event["cause"]))
			assert.Contains(t, a.event["detail"], tt.reason)
			without := func(text string) string { before, _, _ := strings.Cut(text, " (request "); return before }
			assert.Equal(t, without(generic), without(a.body["error_description"].(string)))
			assert.NotContains(t, s.log.String()+a.raw, tt.text[strings.LastIndex(tt.text, ".")+1:])
		})
	}
	t.Run("not a token", func(t *testing.T) {
		for _, client := range []string{s.client, unknown} {
			a := s.token("client_id=" + client + "&" + asserted("abc"))
			assert.Contains(t, a.body["error_description"], "is not a signed JSON Web Token")
		}
		a := s.token(asserted("abc"))
		assert.Equal(t, "400 invalid_client assertion_refused", fmt.Sprint(a.status, " ", a.body["error"], " ", a.event["cause"]))
		a = s.token(asserted(i.Sign(nil)))
		assert.Equal(t, "400 invalid_request oauth_request", fmt.Sprint(a.status, " ", a.body["error"], " ", a.event["cause"]))
	})
	t.Run("revoked", func(t *testing.T) {
		require.NoError(t, s.admin.Revoke(t.Context(), s.tenant, short(s.client)))
		s.now = s.now.Add(2 * access.CacheTime) // wrong assertions were sent before
		a := s.token("client_id=" + s.client + "&" + asserted(i.Sign(nil)))
		assert.Equal(t, "client_revoked", a.event["cause"])
		assert.Contains(t, a.body["error_description"], "This OAuth client was revoked.")
	})
}

// Every hostile assertion is refused, with its reason in the log and one text for the caller.
// Covers: 7523-3-9, 7644-2.1-1, 7644-7.3-1
func TestToken_RefusesHostileAssertions(t *testing.T) {
	s := newService(t, enginetest.Memory(t))
	_, err := s.admin.SetKeys(t.Context(), s.tenant, short(s.client), assertiontest.HostileJWKS())
	require.NoError(t, err)
	signer := assertiontest.Signer{Issuer: s.client, Subject: s.client, Audience: "https://scim.test/oauth2/token", Now: s.now}
	for _, hostile := range assertiontest.Hostile {
		a := s.token("client_id=" + s.client + "&" + asserted(hostile.Make(signer)))
		got := fmt.Sprint(a.status, " ", a.body["error"])
		assert.Containsf(t, []string{"400 invalid_client", "400 invalid_request"}, got, "%s: %v", hostile.Name, a.event)
	}
}

// An assertion that is refused for the rate of the tenant, or because SCIM is disabled, is accepted
// when it is sent again.
func TestToken_KeepsTheAssertionOfARequestThatIsRefused(t *testing.T) {
	s := newServiceWith(t, enginetest.Memory(t), app.Config{BaseURL: baseURL, TenantRate: httpapi.MinRate})
	text := s.signer("https://scim.test/oauth2/token").Sign(nil)
	for range 3 * httpapi.MinRate {
		s.token(post(s.client, s.secret))
	}
	require.Equal(t, 429, s.token(asserted(text)).status)
	s.now = s.now.Add(time.Second)
	disable := func(disabled bool) {
		_, err := tenant.NewRegistry(s.app.Store, func() time.Time { return s.now }).Change(t.Context(), s.tenant, nil, func(t *tenant.Tenant) error {
			t.Settings.SCIMDisabled = disabled
			return nil
		})
		require.NoError(t, err)
	}
	disable(true)
	require.Equal(t, "unauthorized_client", s.token(asserted(text)).body["error"])
	disable(false)
	require.Equal(t, 200, s.token(asserted(text)).status)
	require.Equal(t, 400, s.token(asserted(text)).status, "the second time")
}

// Keys that cannot be read are in the log. The caller, who has proven nothing, gets the answer of an
// unknown client.
func TestToken_WithoutTheKeysOfTheIssuer(t *testing.T) {
	i := newIssuer(t)
	s := federated(t, enginetest.Memory(t), i)
	i.down.Store(true)
	ask := func(client string) (a answer, seen string) {
		a = s.token("client_id=" + client + "&" + asserted(i.Sign(nil)))
		seen, _, _ = strings.Cut(fmt.Sprint(a.status, a.header.Get("Retry-After"), " ", a.raw), " (request ")
		return a, seen
	}
	a, seen := ask(s.client)
	_, unknown := ask("rcc_acme_aaaaaaaaaaaaaaaa")
	assert.Equal(t, unknown, seen)
	assert.Contains(t, a.event["detail"], "The keys of the federation could not be read.")
	i.down.Store(false)
	s.now = s.now.Add(10 * time.Second)
	a, _ = ask(s.client)
	assert.Equal(t, 200, a.status, "once the keys can be read")
	_, err := s.admin.SetFederation(t.Context(), s.tenant, short(s.client), access.Federation{
		Issuer: i.Issuer, Subject: i.Subject, Audience: i.Audience, JWKSURI: "https://keys.example.com/keys",
	})
	require.NoError(t, err)
	a = s.token("client_id=" + s.client + "&" + asserted(i.Sign(nil)))
	assert.Contains(t, a.event["detail"], "not one from which this deployment reads keys")
	assert.Equal(t, 400, a.status)
}
