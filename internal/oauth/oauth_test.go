package oauth_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/httpapi"
	"github.com/rollcall-scim/rollcall/internal/logline"
	"github.com/rollcall-scim/rollcall/internal/provlog"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// A service is the token endpoint beside SCIM, with a clock of its own, a tenant and a client.
type service struct {
	t      *testing.T
	app    *app.App
	oauth  http.Handler
	scim   http.Handler
	log    *stage.Log
	now    time.Time
	tenant tenant.ID
	admin  *access.Clients
	// client is the client's public id, and secret its secret.
	client, secret string
}

const baseURL = "https://scim.test/scim/v2"

func newService(t *testing.T, engine table.Table) *service {
	t.Helper()
	return newServiceWith(t, engine, app.Config{BaseURL: baseURL})
}

func newServiceWith(t *testing.T, engine table.Table, c app.Config) *service {
	t.Helper()
	s := &service{t: t, log: &stage.Log{}, now: time.Now().Truncate(time.Second).UTC()}
	a, err := app.NewWith(engine, c, logline.New(s.log), app.Options{
		Now: func() time.Time { return s.now }, Retry: []table.RetryOption{table.RetryFor(50 * time.Millisecond)},
	})
	require.NoError(t, err)
	s.app, s.oauth, s.scim = a, a.OAuthHandler(), a.Handler()
	s.tenant = stage.ID(t, "acme")
	require.NoError(t, a.Store.CreateTenant(t.Context(), s.tenant, tenant.DefaultSettings(), 5, tenant.Unlimited, s.now))
	s.admin = access.NewClients(a.Store, func() time.Time { return s.now }).WithKeys(a.Store)
	s.client, s.secret = s.newClient()
	return s
}

// newClient creates another client.
func (s *service) newClient() (client, secret string) {
	s.t.Helper()
	c, secret, _, err := s.admin.Create(s.t.Context(), s.tenant, access.ClientWanted{Label: "Okta"})
	require.NoError(s.t, err)
	return access.ClientID(s.tenant, c.ID), secret
}

// short returns a client's id without tenant and prefix.
func short(client string) string { return client[strings.LastIndex(client, "_")+1:] }

// An answer is an answer of the service, with the request's log line.
type answer struct {
	status int
	header http.Header
	raw    string
	body   map[string]any
	event  map[string]any
}

// send sends a request: a form as body unless there is a Content-Type among the headers.
func (s *service) send(method, path, body string, headers ...string) answer {
	s.t.Helper()
	r := httptest.NewRequestWithContext(s.t.Context(), method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
		if headers[i] == "Content-Type" {
			r.Header.Set(headers[i], headers[i+1])
		}
	}
	s.log.Forget()
	w := httptest.NewRecorder()
	s.oauth.ServeHTTP(w, r)
	a := answer{status: w.Code, header: w.Header(), raw: w.Body.String()}
	if w.Body.Len() > 0 {
		require.NoErrorf(s.t, json.Unmarshal(w.Body.Bytes(), &a.body), "%s", w.Body)
	}
	lines := strings.Split(strings.TrimSpace(s.log.String()), "\n")
	require.Lenf(s.t, lines, 1, "%s", s.log)
	var err error
	a.event, err = stage.Event([]byte(lines[0]))
	require.NoError(s.t, err)
	return a
}

// token requests a token with parameters besides the grant type.
func (s *service) token(parameters string, headers ...string) answer {
	s.t.Helper()
	body := "grant_type=client_credentials"
	if parameters != "" {
		body += "&" + parameters
	}
	return s.send("POST", "/oauth2/token", body, headers...)
}

// users lists the users with a bearer token.
func (s *service) users(token string) int {
	s.t.Helper()
	r := httptest.NewRequestWithContext(s.t.Context(), "GET", "/scim/v2/Users", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	s.scim.ServeHTTP(w, r)
	return w.Code
}

func basic(id, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+secret))
}

func post(id, secret string) string {
	return url.Values{"client_id": {id}, "client_secret": {secret}}.Encode()
}

// A client gets an access token with its secret, sent in any of the ways of the standard, and
// the SCIM endpoints accept it.
func TestToken_IsIssuedForASecret(t *testing.T) {
	enginetest.RunOn(t, enginetest.Plain(), func(t *testing.T, open func(t testing.TB) table.Table) {
		t.Helper()
		s := newService(t, open(t))
		escaped := strings.NewReplacer("_", "%5F", "a", "%61")
		for name, send := range map[string]func() answer{
			// Covers: 6749-2.3.1-1, 6749-5.1-1, 6749-5.1-2, 6749-5.1-3, 6749-4.4.3-1, 6749-4.4.2-1
			"basic": func() answer { return s.token("", "Authorization", basic(s.client, s.secret)) },
			// Covers: 6749-2.3.1-2
			"basic, encoded": func() answer {
				return s.token("", "Authorization", basic(escaped.Replace(s.client), escaped.Replace(s.secret)))
			},
			"basic, lower case": func() answer {
				return s.token("", "Authorization", strings.Replace(basic(s.client, s.secret), "Basic", "basic", 1))
			},
			"basic, client_id": func() answer { return s.token("client_id="+s.client, "Authorization", basic(s.client, s.secret)) },
			// Covers: 6749-2.3.1-3
			"post": func() answer { return s.token(post(s.client, s.secret)) },
			"post, charset": func() answer {
				return s.token(post(s.client, s.secret), "Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
			},
			"scope": func() answer { return s.token(post(s.client, s.secret) + "&scope=scim") },
			// Covers: 6749-3.2-3
			"unknown parameters": func() answer { return s.token(post(s.client, s.secret) + "&audience=a&resource=b&resource=c&x=y") },
			// Covers: 6749-3.2-2
			"empty parameters": func() answer {
				return s.token(post(s.client, s.secret) + "&client_assertion=&client_assertion_type=&scope=&grant_type=")
			},
			"path": func() answer {
				return s.send("POST", "/oauth2/token/"+s.client, "grant_type=client_credentials&client_secret="+s.secret)
			},
			"path, basic": func() answer {
				return s.send("POST", "/oauth2/token/"+s.client, "grant_type=client_credentials", "Authorization", basic(s.client, s.secret))
			},
		} {
			a := send()
			require.Equalf(t, 200, a.status, "%s: %s", name, a.raw)
			token, _ := a.body["access_token"].(string)
			assert.Equalf(t, map[string]any{"access_token": token, "token_type": "Bearer", "expires_in": 3600.0}, a.body, name)
			assert.Equalf(t, "no-store no-cache application/json", a.header.Get("Cache-Control")+" "+a.header.Get("Pragma")+" "+a.header.Get("Content-Type"), name)
			assert.Equalf(t, 200, s.users(token), "%s: the token is not accepted", name)
			assert.Equalf(t, "oauth.token success acme "+short(s.client), strings.Join(texts(a.event, "event", "outcome", "tenant", "clientId"), " "), name)
			assert.LessOrEqualf(t, a.event["roundTrips"], 1.0, name)
			assert.NotContains(t, s.log.String(), strings.Split(s.secret, "_")[3])
		}
	})
}

func texts(event map[string]any, names ...string) (all []string) {
	for _, name := range names {
		text, _ := event[name].(string)
		all = append(all, text)
	}
	return all
}

// Every refusal has its error, its status, a description that says what to do, and a cause in
// the log.
func TestToken_Refusals(t *testing.T) {
	s := newService(t, enginetest.Memory(t))
	other, otherSecret := s.newClient()
	const wrong = "rcs_acme_aaaaaaaaaaaaaaaa_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa_"
	unknown := "rcc_acme_aaaaaaaaaaaaaaaa"
	for name, tt := range map[string]struct {
		send             func() answer
		status           int
		err, cause, says string
	}{
		// Covers: 6749-4.4.2-1, 6749-5.2-1, 6749-5.2-2, 6749-5.2-9
		"no grant type": {func() answer { return s.send("POST", "/oauth2/token", post(s.client, s.secret)) }, 400, "invalid_request", "oauth_request", "grant_type=client_credentials"},
		"empty grant type": {
			func() answer { return s.send("POST", "/oauth2/token", "grant_type=&"+post(s.client, s.secret)) },
			400, "invalid_request", "oauth_request", "grant_type is missing",
		},
		"grant type in the query": {
			func() answer {
				return s.send("POST", "/oauth2/token?grant_type=client_credentials", post(s.client, s.secret))
			},
			400, "invalid_request", "oauth_request", "in the body",
		},
		// Covers: 6749-5.2-7
		"another grant": {
			func() answer {
				return s.send("POST", "/oauth2/token", "grant_type=authorization_code&code=x&"+post(s.client, s.secret))
			},
			400, "unsupported_grant_type", "grant_unsupported", "client_credentials",
		},
		"grant in another case": {
			func() answer {
				return s.send("POST", "/oauth2/token", "grant_type=Client_Credentials&"+post(s.client, s.secret))
			},
			400, "unsupported_grant_type", "grant_unsupported", "client_credentials",
		},
		"JSON": {
			func() answer { return s.token("", "Content-Type", "application/json") }, 400, "invalid_request", "oauth_request", "is not a form",
		},
		"no media type": {func() answer { return s.token("", "Content-Type", "") }, 400, "invalid_request", "oauth_request", "not a form"},
		"compressed":    {func() answer { return s.token("", "Content-Encoding", "gzip") }, 400, "invalid_request", "oauth_request", "compressed"},
		"too large": {
			func() answer { return s.token("x=" + strings.Repeat("a", 16<<10)) }, 400, "invalid_request", "oauth_request", "16 KB",
		},
		"a broken escape": {func() answer { return s.token("client_id=%zz") }, 400, "invalid_request", "oauth_request", "not a valid form"},
		"a semicolon":     {func() answer { return s.token("a=b;c=d") }, 400, "invalid_request", "oauth_request", "not a valid form"},
		// Covers: 6749-3.2-4, 6749-5.2-2
		"a parameter twice": {func() answer { return s.token("grant_type=client_credentials&" + post(s.client, s.secret)) }, 400, "invalid_request", "oauth_request", "once"},
		"a secret twice":    {func() answer { return s.token(post(s.client, s.secret) + "&client_secret=" + s.secret) }, 400, "invalid_request", "oauth_request", "once"},
		// Covers: 6749-3.2.1-1, 6749-5.2-3
		"no authentication": {func() answer { return s.token("") }, 400, "invalid_client", "oauth_request", "no client authentication"},
		"a client ID alone": {func() answer { return s.token("client_id=" + s.client) }, 400, "invalid_client", "oauth_request", "no client authentication"},
		"an empty secret":   {func() answer { return s.token("client_secret=&client_id=" + s.client) }, 400, "invalid_client", "oauth_request", "no client authentication"},
		"a secret alone":    {func() answer { return s.token("client_secret=" + s.secret) }, 400, "invalid_request", "oauth_request", "has no client_id"},
		// Covers: 6749-2.3-1, 6749-5.2-2
		"basic and post": {func() answer { return s.token(post(s.client, s.secret), "Authorization", basic(s.client, s.secret)) }, 400, "invalid_request", "oauth_request", "in several ways"},
		"secret and an assertion": {
			func() answer {
				return s.token(post(s.client, s.secret) + "&client_assertion=a&client_assertion_type=b")
			},
			400, "invalid_request", "oauth_request", "in several ways",
		},
		"an assertion without a type": {
			func() answer { return s.token("client_id=" + s.client + "&client_assertion=a") }, 400, "invalid_request", "oauth_request", "client_assertion_type is missing",
		},
		// Covers: 7523-2.2-1, 6749-5.2-3
		"another type of assertion": {
			func() answer {
				return s.token("client_id=" + s.client + "&client_assertion=a&client_assertion_type=urn:ietf:params:oauth:client-assertion-type:saml2-bearer")
			},
			400, "invalid_client", "oauth_request", "jwt-bearer",
		},
		"two clients": {func() answer { return s.token("client_id="+other, "Authorization", basic(s.client, s.secret)) }, 400, "invalid_request", "oauth_request", "two clients"},
		"two clients, path": {func() answer {
			return s.send("POST", "/oauth2/token/"+other, "grant_type=client_credentials&"+post(s.client, s.secret))
		}, 400, "invalid_request", "oauth_request", "two clients"},
		"bearer":            {func() answer { return s.token("", "Authorization", "Bearer "+s.secret) }, 401, "invalid_client", "oauth_request", "not Basic"},
		"basic, not Base64": {func() answer { return s.token("", "Authorization", "Basic "+s.secret) }, 401, "invalid_client", "oauth_request", "in Base64"},
		"basic, no colon":   {func() answer { return s.token("", "Authorization", "Basic YWJj") }, 401, "invalid_client", "oauth_request", "no client ID"},
		"two headers": {func() answer {
			return s.token("", "Authorization", basic(s.client, s.secret)+","+basic(s.client, s.secret))
		}, 400, "invalid_request", "oauth_request", "more than one Authorization"},
		"not a client ID": {func() answer { return s.token(post("acme", s.secret)) }, 400, "invalid_client", "client_unknown", "it begins with rcc_"},
		// Covers: 6749-5.2-3
		"an unknown client": {func() answer { return s.token(post(unknown, s.secret)) }, 400, "invalid_client", "client_unknown", "unknown or revoked"},
		"an unknown tenant": {func() answer { return s.token(post(strings.Replace(s.client, "acme", "nobody", 1), s.secret)) }, 400, "invalid_client", "client_unknown", "unknown or revoked"},
		"another tenant":    {func() answer { return s.token(post(strings.Replace(s.client, "acme", "beta", 1), s.secret)) }, 400, "invalid_client", "client_unknown", "unknown or revoked"},
		"not a secret":      {func() answer { return s.token(post(s.client, "x")) }, 400, "invalid_client", "secret_unknown", "begins with rcs_"},
		"an unknown secret": {func() answer { return s.token(post(s.client, wrong)) }, 400, "invalid_client", "secret_unknown", "unknown or revoked"},
		// Covers: 6749-5.2-4
		"a secret of others": {func() answer { return s.token("", "Authorization", basic(s.client, otherSecret)) }, 401, "invalid_client", "secret_unknown", "unknown or revoked"},
		// Covers: 6749-2.3.1-4
		"a secret in the URL": {
			func() answer { return s.send("POST", "/oauth2/token?client_secret=a", "grant_type=client_credentials") },
			400, "invalid_request", "oauth_request", "in its URL",
		},
		"a secret in the path": {
			func() answer { return s.send("POST", "/oauth2/token/"+s.secret, "grant_type=client_credentials") }, 400, "invalid_request", "oauth_request", "in its URL",
		},
		// Covers: 6749-3.2-1
		"GET":  {func() answer { return s.send("GET", "/oauth2/token", "") }, 405, "invalid_request", "method_not_allowed", "POST"},
		"PUT":  {func() answer { return s.send("PUT", "/oauth2/token/"+s.client, "") }, 405, "invalid_request", "method_not_allowed", "POST"},
		"path": {func() answer { return s.send("POST", "/oauth2/authorize", "") }, 404, "invalid_request", "no_route", "https://scim.test/oauth2/token"},
	} {
		t.Run(name, func(t *testing.T) {
			a := tt.send()
			description, _ := a.body["error_description"].(string)
			if a.status != tt.status || a.body["error"] != tt.err || a.event["cause"] != tt.cause || a.event["oauthError"] != tt.err {
				t.Errorf("%d %s, %v, want %d %s %s", a.status, a.raw, a.event, tt.status, tt.err, tt.cause)
			}
			assert.Contains(t, description, tt.says)
			assert.Regexp(t, `^[\x20-\x21\x23-\x5B\x5D-\x7E]+$`, description, "RFC 6749 §5.2")
			assert.Contains(t, description, "(request "+a.header.Get("X-Request-Id")+")")
			assert.Equal(t, "failure", a.event["outcome"])
			assert.Equal(t, "no-store no-cache application/json", a.header.Get("Cache-Control")+" "+a.header.Get("Pragma")+" "+a.header.Get("Content-Type"))
			challenge := a.header.Get("WWW-Authenticate")
			assert.Equal(t, tt.status == 401, strings.HasPrefix(challenge, "Basic realm="), challenge)
			assert.Equal(t, tt.status == 405, a.header.Get("Allow") == "POST")
			for _, secret := range []string{s.secret, otherSecret, wrong} {
				assert.NotContains(t, s.log.String()+a.raw, strings.Split(secret, "_")[3])
			}
		})
	}
}

// Only a caller that knows a secret is told that it has ended; nobody else learns anything of
// the client.
func TestToken_OfEndedSecrets(t *testing.T) {
	s := newService(t, enginetest.Memory(t))
	id := short(s.client)
	second, ended, err := s.admin.AddSecret(t.Context(), s.tenant, id, access.SecretWanted{})
	require.NoError(t, err)
	require.Equal(t, 200, s.token(post(s.client, second)).status)
	require.NoError(t, s.admin.EndSecret(t.Context(), s.tenant, id, ended.ID))
	refused := func(secret, cause, says string) {
		t.Helper()
		a := s.token(post(s.client, secret))
		assert.Equal(t, "invalid_client "+cause, a.body["error"].(string)+" "+a.event["cause"].(string))
		assert.Contains(t, a.body["error_description"], says)
	}
	refused(second, "secret_revoked", "This client secret was revoked. Add a secret")
	require.Equal(t, 200, s.token(post(s.client, s.secret)).status)
	s.now = s.now.Add(access.SecretLife - 10*time.Minute)
	assert.Equal(t, 600.0, s.token(post(s.client, s.secret)).body["expires_in"], "a token does not outlive the secret")
	s.now = s.now.Add(10 * time.Minute)
	refused(s.secret, "secret_expired", "This client secret has expired. Add a secret")
	s.client, s.secret = s.newClient()
	require.NoError(t, s.admin.Revoke(t.Context(), s.tenant, short(s.client)))
	refused(s.secret, "client_revoked", "This OAuth client was revoked. Create a client")
	refused(second, "secret_unknown", "The client is unknown or revoked, or the client secret is wrong.")
}

// A tenant without SCIM gets no token, and the caller that has proven to be a client learns why.
// Covers: 6749-5.2-6
func TestToken_OfDisabledTenant(t *testing.T) {
	s := newService(t, enginetest.Memory(t))
	_, err := tenant.NewRegistry(s.app.Store, func() time.Time { return s.now }).Change(t.Context(), s.tenant, nil, func(t *tenant.Tenant) error {
		t.Settings.SCIMDisabled = true
		return nil
	})
	require.NoError(t, err)
	a := s.token(post(s.client, s.secret))
	assert.Equal(t, "400 unauthorized_client scim_disabled", fmt.Sprint(a.status, " ", a.body["error"], " ", a.event["cause"]))
	a = s.token(post(s.client, "x"))
	assert.Equal(t, "secret_unknown", a.event["cause"])
}

// A refusal of an existing client has an entry in the tenant's log, one a minute of each client
// and cause, with the real cause; one of an unknown client has none.
func TestToken_RefusalsAreInTheLog(t *testing.T) {
	enginetest.RunOn(t, enginetest.Plain(), func(t *testing.T, open func(t testing.TB) table.Table) {
		t.Helper()
		s := newService(t, open(t))
		other, _ := s.newClient()
		for range 3 {
			s.token(post(s.client, "x"))
			s.token(post(other, "x"))
			s.token(post("rcc_acme_aaaaaaaaaaaaaaaa", s.secret))
			s.token("", "Authorization", "Bearer x")
		}
		s.now = s.now.Add(time.Minute)
		a := s.token(post(s.client, "x"))
		assert.Nil(t, a.event["journalError"])
		page, err := s.app.Store.EntryPage(t.Context(), s.tenant, provlog.Span{Limit: 10})
		require.NoError(t, err)
		var got []string
		for _, e := range page.Items {
			got = append(got, fmt.Sprint(e.Operation, " ", e.Outcome, " ", e.Cause, " ", e.TokenID == short(s.client), " ", e.StandsFor))
			assert.Contains(t, e.Detail, "Wrong client secret: it is not one of this service.")
		}
		assert.Equal(t, []string{"token failure secret_unknown true 3", "token failure secret_unknown false 0", "token failure secret_unknown true 0"}, got)
	})
}

// Wrong secrets of one client cost a bounded number of reads, and the client still gets tokens.
// Covers: 6749-2.3.1-5
func TestToken_GuessingCostsLittle(t *testing.T) {
	s := newService(t, enginetest.Memory(t))
	reads := func(requests int, client, secret string) (spent int) {
		for range requests {
			if a := s.token(post(client, secret)); a.event["itemsRead"].(float64) > 0 || a.event["roundTrips"].(float64) > a.event["writeUnits"].(float64) {
				spent++
			}
		}
		return spent
	}
	s.token(post(s.client, "x")) // with its entry in the log
	assert.LessOrEqual(t, reads(200, s.client, "x"), 11, "of a known client")
	a := s.token(post(s.client, s.secret))
	assert.Equal(t, 200, a.status, "the client is shut out: %s", a.raw)
	assert.LessOrEqual(t, reads(200, "rcc_acme_aaaaaaaaaaaaaaaa", s.secret), 1, "of one unknown client")
	spent, crowded := 0, 0
	for i := range 200 {
		a := s.token(post(fmt.Sprintf("rcc_acme_aaaaaaaaaaaaa%c%c%c", 'a'+i%26, 'a'+i/26%26, 'b'), s.secret))
		if a.event["roundTrips"].(float64) > 0 {
			spent++
		}
		if a.status == 429 {
			crowded++
			assert.Equal(t, "temporarily_unavailable 1 rate_limit", fmt.Sprint(a.body["error"], " ", a.header.Get("Retry-After"), " ", a.event["cause"]))
		}
	}
	assert.LessOrEqual(t, spent, 10, "of unknown clients")
	assert.GreaterOrEqual(t, crowded, 180)
	assert.Equal(t, 200, s.token(post(s.client, s.secret)).status, "a known client among unknown ones")
	s.now = s.now.Add(time.Second)
	for range 9 {
		s.token(post(s.client, "x"))
	}
	next, err := s.admin.Client(t.Context(), s.tenant, short(s.client))
	require.NoError(t, err)
	require.NoError(t, s.admin.EndSecret(t.Context(), s.tenant, next.ID, next.Secrets[0].ID))
	s.now = s.now.Add(access.CacheTime)
	assert.Equal(t, 400, s.token(post(s.client, s.secret)).status, "an ended secret is accepted after the time of the cache")
}

// A tenant that asks for more tokens than its rate allows is told to wait.
func TestToken_IsHeldToTheRateOfTheTenant(t *testing.T) {
	s := newServiceWith(t, enginetest.Memory(t), app.Config{BaseURL: baseURL, TenantRate: httpapi.MinRate})
	refused := 0
	for range 4 * httpapi.MinRate {
		a := s.token(post(s.client, s.secret))
		if a.status == 200 {
			continue
		}
		refused++
		assert.Equal(t, "429 temporarily_unavailable 1 rate_limit", fmt.Sprint(a.status, " ", a.body["error"], " ", a.header.Get("Retry-After"), " ", a.event["cause"]))
	}
	assert.InDelta(t, 2*httpapi.MinRate, refused, 1)
	s.now = s.now.Add(time.Second)
	assert.Equal(t, 200, s.token(post(s.client, s.secret)).status)
}

// A table that does not answer is an error of the service, which is worth another try.
func TestToken_WithoutTheTable(t *testing.T) {
	engine := &unreachable{Table: enginetest.Memory(t)}
	s := newService(t, engine)
	engine.err = table.ErrUnavailable
	a := s.token(post(s.client, s.secret))
	assert.Equal(t, "503 temporarily_unavailable store_unavailable", fmt.Sprint(a.status, " ", a.body["error"], " ", a.event["cause"]))
	assert.NotEmpty(t, a.header.Get("Retry-After"))
	assert.NotEmpty(t, a.event["error"])
	assert.Equal(t, short(s.client), a.event["claimedClientId"])
}

// An unreachable table has no items to read while err is set.
type unreachable struct {
	table.Table
	err error
}

func (u *unreachable) Get(ctx context.Context, keys ...table.Key) (map[table.Key]table.Item, error) {
	if u.err != nil {
		return nil, u.err
	}
	return u.Table.Get(ctx, keys...)
}

// The metadata are those of RFC 8414, and name only what is there.
// Covers: 8414-2-1, 8414-2-2, 8414-2-3, 8414-2-4, 8414-3.1-1, 8414-3.2-1, 8414-3.3-1
func TestMetadata(t *testing.T) {
	s := newService(t, enginetest.Memory(t))
	a := s.send("GET", "/.well-known/oauth-authorization-server", "")
	assert.Equal(t, 200, a.status)
	assert.Equal(t, "application/json", a.header.Get("Content-Type"))
	assert.Equal(t, map[string]any{
		"issuer": "https://scim.test", "token_endpoint": "https://scim.test/oauth2/token", "response_types_supported": []any{},
		"grant_types_supported":                            []any{"client_credentials"},
		"token_endpoint_auth_methods_supported":            []any{"client_secret_basic", "client_secret_post", "private_key_jwt"},
		"token_endpoint_auth_signing_alg_values_supported": []any{"RS256", "ES256"},
		"service_documentation":                            "https://github.com/rollcall-scim/rollcall/blob/main/docs/reference/oauth.md",
	}, a.body)
	assert.Equal(t, "oauth.metadata success", strings.Join(texts(a.event, "event", "outcome"), " "))
	a = s.send("POST", "/.well-known/oauth-authorization-server", "")
	assert.Equal(t, "405 GET, HEAD", fmt.Sprint(a.status, " ", a.header.Get("Allow")))
}
