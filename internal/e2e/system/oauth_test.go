package system

import (
	"encoding/json"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/assertion/assertiontest"
	"github.com/rollcall-scim/rollcall/internal/check/iam"
	"github.com/rollcall-scim/rollcall/internal/httpapi"
	"github.com/rollcall-scim/rollcall/internal/logline"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// requestToken requests an access token with parameters besides the grant type.
func (s *service) requestToken(a *app.App, parameters url.Values) answer {
	s.t.Helper()
	parameters.Set("grant_type", "client_credentials")
	r := httptest.NewRequestWithContext(s.t.Context(), "POST", "https://scim.test/oauth2/token", strings.NewReader(parameters.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	iam.Handler(a.OAuthHandler(), routed).ServeHTTP(w, r)
	got := answer{status: w.Code, header: w.Header()}
	require.NoError(s.t, json.Unmarshal(w.Body.Bytes(), &got.body))
	got.event = s.event(w.Header().Get("X-Request-Id"))
	return got
}

// A client that the application creates gets access tokens by its secret and by its keys, and
// provisions with them until it is revoked; the tenant's log has what was refused. The function of
// the token endpoint needs no more than its grants.
func TestOAuth_FromTheAdminAPIToTheLog(t *testing.T) {
	for _, engine := range enginetest.Plain() {
		t.Run(engine.Name, func(t *testing.T) {
			engine.Need(t)
			now := time.Now()
			clock := func() time.Time { return now }
			s := newService(t, engine.Open(t), 5, app.Options{Now: clock})
			client := s.mustAdmin(201, "POST", "/tenants/acme/clients", `{"label":"Okta"}`)
			id, _ := client["clientId"].(string)
			secret, _ := client["clientSecret"].(string)
			s.mustAdmin(200, "PUT", "/tenants/acme/clients/"+id+"/keys", `{"jwks":`+assertiontest.JWKS()+`}`)

			signed := url.Values{
				"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
				"client_assertion":      {assertiontest.Signer{Issuer: id, Subject: id, Audience: "https://scim.test/oauth2/token", Now: now}.Sign(nil)},
			}
			for _, credentials := range []url.Values{{"client_id": {id}, "client_secret": {secret}}, signed} {
				got := s.requestToken(s.app, credentials)
				require.Equal(t, 200, got.status, "%v", got.body)
				s.token, _ = got.body["access_token"].(string)
				assert.Equal(t, 200, s.send("GET", "/Users", "").status)
			}
			assert.Equal(t, 400, s.requestToken(s.app, signed).status, "an assertion twice")
			assert.Equal(t, 400, s.requestToken(s.app, url.Values{"client_id": {id}, "client_secret": {"x"}}).status)

			limited, err := app.NewWith(calls.Table(s.table), app.Config{BaseURL: "https://scim.test/scim/v2", TenantRate: httpapi.MinRate}, logline.New(s), app.Options{Now: clock})
			require.NoError(t, err)
			handler := limited.OAuthHandler()
			refused := 0
			for range 3 * httpapi.MinRate {
				parameters := url.Values{"grant_type": {"client_credentials"}, "client_id": {id}, "client_secret": {secret}}
				r := httptest.NewRequestWithContext(t.Context(), "POST", "https://scim.test/oauth2/token", strings.NewReader(parameters.Encode()))
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				w := httptest.NewRecorder()
				if iam.Handler(handler, routed).ServeHTTP(w, r); w.Code == 429 {
					refused++
				}
			}
			assert.Positive(t, refused)

			s.mustAdmin(204, "DELETE", "/tenants/acme/clients/"+id, "")
			now = now.Add(time.Minute)
			assert.Equal(t, 401, s.send("GET", "/Users", "").status, "an access token of a revoked client")
			var causes []any
			for _, entry := range s.mustAdmin(200, "GET", "/tenants/acme/log?outcome=failure", "")["entries"].([]any) {
				causes = append(causes, entry.(map[string]any)["operation"], entry.(map[string]any)["cause"])
			}
			assert.Subset(t, causes, []any{"token", "assertion_refused", "secret_unknown", "rate_limit"})
		})
	}
}
