package system

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/adminapi"
	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/web"
)

// A migration is a tenant that moves from a static token to OAuth under load: several instances
// of the service, each with what it keeps for access.CacheTime, and a clock that stands while
// requests are answered.
type migration struct {
	t         *testing.T
	now       time.Time
	instances []instance
}

// An instance has the handlers of one process.
type instance struct{ scim, oauth, admin http.Handler }

func newMigration(t *testing.T, engine table.Table) *migration {
	t.Helper()
	m := &migration{t: t, now: time.Now().Truncate(time.Second).UTC()}
	for range 3 {
		a, err := app.NewWith(engine, app.Config{BaseURL: "https://scim.test/scim/v2"}, slog.New(slog.DiscardHandler), app.Options{Now: func() time.Time { return m.now }})
		require.NoError(t, err)
		m.instances = append(m.instances, instance{a.Handler(), a.OAuthHandler(), a.AdminHandler()})
	}
	return m
}

// answered returns the status and the document of an answer.
func answered(h http.Handler, r *http.Request) (int, map[string]any) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	var document map[string]any
	_ = json.Unmarshal(w.Body.Bytes(), &document)
	return w.Code, document
}

// admin sends a request to the admin API, which must succeed.
func (m *migration) admin(method, path, body string) map[string]any {
	r := httptest.NewRequestWithContext(m.t.Context(), method, "https://scim.test"+adminapi.Prefix+path, strings.NewReader(body))
	r.Header.Set(web.OperatorHeader, operator)
	status, document := answered(m.instances[0].admin, r)
	assert.Lessf(m.t, status, 300, "%s %s: %v", method, path, document)
	return document
}

// An identityProvider sends requests with a static token, and with access tokens once it has a
// client.
type identityProvider struct {
	*migration

	name           string
	static         string
	client, secret string
	access         string
	renew          time.Time
	sent           int
}

// switchTo enters a client's id and secret in the identity provider.
func (p *identityProvider) switchTo(client, secret string) {
	p.client, p.secret, p.access = client, secret, ""
}

// bearer returns what the next request is sent with. An access token is renewed five minutes
// before its end.
func (p *identityProvider) bearer() string {
	if p.client == "" {
		return p.static
	}
	if p.access != "" && p.now.Before(p.renew) {
		return p.access
	}
	body := url.Values{"grant_type": {"client_credentials"}, "client_id": {p.client}, "client_secret": {p.secret}}.Encode()
	r := httptest.NewRequestWithContext(p.t.Context(), http.MethodPost, "https://scim.test/oauth2/token", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	status, document := answered(p.instances[p.sent%len(p.instances)].oauth, r)
	assert.Equalf(p.t, 200, status, "%s gets no access token: %v", p.name, document)
	p.access, _ = document["access_token"].(string)
	life, _ := document["expires_in"].(float64)
	p.renew = p.now.Add(time.Duration(life)*time.Second - 5*time.Minute)
	return p.access
}

// send sends a request through the next instance, and returns its status and detail.
func (p *identityProvider) send() (int, string) {
	bearer := p.bearer()
	p.sent++
	method, path, body := http.MethodGet, "/Users?count=1", ""
	if p.sent%3 == 0 {
		method, path, body = http.MethodPost, "/Users", userBody(fmt.Sprintf(`"userName":"%s-%d","active":false`, p.name, p.sent))
	}
	r := httptest.NewRequestWithContext(p.t.Context(), method, "https://scim.test/scim/v2"+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+bearer)
	r.Header.Set("Content-Type", "application/scim+json")
	status, document := answered(p.instances[p.sent%len(p.instances)].scim, r)
	detail, _ := document["detail"].(string)
	return status, detail
}

// round lets all identity providers send requests at once, while the operator makes a change,
// and passes time then. A refusal of any is a failure of the test.
func (m *migration) round(all []*identityProvider, pass time.Duration, change func()) {
	var wg sync.WaitGroup
	for _, p := range all {
		wg.Go(func() {
			for range 6 {
				status, detail := p.send()
				assert.Lessf(m.t, status, 300, "%s at %s: %s", p.name, m.now.Format(time.TimeOnly), detail)
			}
		})
	}
	if change != nil {
		wg.Go(change)
	}
	wg.Wait()
	m.now = m.now.Add(pass)
}

// No request of an identity provider that switched in time is refused: neither while the tenant
// moves to OAuth, nor when it refuses static tokens, nor while secrets are rotated.
func TestMigration_RefusesNoRequest(t *testing.T) {
	enginetest.RunOn(t, enginetest.Plain(), func(t *testing.T, open func(testing.TB) table.Table) { migrate(newMigration(t, open(t))) })
}

func migrate(m *migration) {
	m.admin("PUT", "/tenants/acme", "")
	token := m.admin("POST", "/tenants/acme/tokens", `{"label":"Entra"}`)
	static, _ := token["token"].(string)
	idps := make([]*identityProvider, 5)
	for i := range idps {
		idps[i] = &identityProvider{migration: m, name: fmt.Sprintf("idp%d", i), static: static}
	}
	late := &identityProvider{migration: m, name: "late", static: static}
	all := append([]*identityProvider{late}, idps...)
	m.round(all, time.Second, nil)

	// One after the other switches, as its administrator comes to it.
	secrets := map[*identityProvider]string{}
	for i, p := range idps {
		var made map[string]any
		m.round(all, 3*time.Second, func() { made = m.admin("POST", "/tenants/acme/clients", fmt.Sprintf(`{"label":"idp%d"}`, i)) })
		p.switchTo(made["clientId"].(string), made["clientSecret"].(string))
		secrets[p] = made["secretId"].(string)
	}
	m.round(all, time.Second, nil)
	m.round(idps, time.Second, func() { m.admin("PATCH", "/tenants/acme", `{"staticTokens":"refuse"}`) })
	for range 3 {
		m.round(idps, access.CacheTime/2, nil)
	}
	status, detail := late.send()
	assert.Equal(m.t, 401, status, "a static token")
	assert.Contains(m.t, detail, "access tokens")

	// The way back, and there again.
	m.round(idps, access.CacheTime+time.Second, func() { m.admin("PATCH", "/tenants/acme", `{"staticTokens":"take"}`) })
	m.round(all, time.Second, nil)
	m.round(idps, access.CacheTime+time.Second, func() { m.admin("PATCH", "/tenants/acme", `{"staticTokens":"refuse"}`) })
	m.round(idps, time.Second, func() { m.admin("DELETE", "/tenants/acme/tokens/"+token["id"].(string), "") })

	// A rotation of each secret, and the hours of the access tokens.
	for _, p := range idps {
		path := "/tenants/acme/clients/" + p.client + "/secrets"
		var made map[string]any
		m.round(idps, time.Minute, func() { made = m.admin("POST", path, "") })
		p.switchTo(p.client, made["clientSecret"].(string))
		m.round(idps, 20*time.Minute, func() { m.admin("DELETE", path+"/"+secrets[p], "") })
	}
	for range 4 {
		m.round(idps, 30*time.Minute, nil)
	}
	m.admin("DELETE", "/tenants/acme/clients/"+idps[0].client, "")
	m.round(idps[1:], access.CacheTime+time.Second, nil)
	status, _ = idps[0].send()
	assert.Equal(m.t, 401, status, "an access token of a revoked client")
}
