package browsertest

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/console"
	"github.com/rollcall-scim/rollcall/internal/e2e/provoke"
	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/logline"
	"github.com/rollcall-scim/rollcall/internal/portal"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/web"
)

// visited is a service whose portal is served on this machine.
type visited struct {
	*provoke.Stage
	t    *testing.T
	base string
	app  *app.App
}

// servePortal serves the portal of a tenant with some seats. The clock moves by Pass.
func servePortal(t *testing.T, seats int64) *visited {
	t.Helper()
	engine := enginetest.Memory(t)
	v := &visited{Stage: provoke.NewAt(t, engine, seats, sceneTime), t: t}
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	v.base = "http://" + listener.Addr().String()
	c := app.Config{BaseURL: v.base + "/scim/v2"}
	options := app.Options{Now: v.Now, NewID: v.newID, Retry: []table.RetryOption{table.RetryClock(v.Now, func(ctx context.Context, d time.Duration) error {
		v.Pass(d)
		return ctx.Err()
	})}}
	a, err := app.NewWith(engine, c, logline.New(t.Output()), options)
	require.NoError(t, err)
	v.app = a.WithPortal()
	pages, err := portal.Local(engine, c, portal.Config{Brand: console.Brand{Name: "Example", Color: "#b3420f", Support: "https://example.com/help"}}, logline.New(t.Output()), options)
	require.NoError(t, err)
	server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v.Pass(time.Second) // a person's pace
		pages.ServeHTTP(w, r)
	})}}
	server.Start()
	t.Cleanup(server.Close)
	return v
}

// newID returns an id of the service's time: the log is in the order of ids.
func (v *visited) newID() string {
	id := uuid.Must(uuid.NewV7())
	binary.BigEndian.PutUint32(id[:4], uint32(v.Now().UnixMilli()>>16))
	binary.BigEndian.PutUint16(id[4:6], uint16(v.Now().UnixMilli()&0xffff))
	return id.String()
}

// link returns a link to the portal.
func (v *visited) link(permissions string) string {
	v.t.Helper()
	r := httptest.NewRequestWithContext(v.t.Context(), http.MethodPost, v.base+"/admin/v1/tenants/acme/portal-links",
		strings.NewReader(`{"actor":"anna@acme.example","permissions":["`+permissions+`"],"returnUrl":"https://app.example/settings"}`))
	r.Header.Set(web.OperatorHeader, provoke.Operator)
	w := httptest.NewRecorder()
	v.app.AdminHandler().ServeHTTP(w, r)
	var made struct{ URL string }
	require.NoErrorf(v.t, json.Unmarshal(w.Body.Bytes(), &made), "%d %s", w.Code, w.Body)
	return made.URL
}

// A sender is an identity provider with a credential.
type sender struct {
	v            *visited
	token, agent string
}

// send sends a request, and returns the id in its answer.
func (s sender) send(status int, method, path, body string) string {
	s.v.t.Helper()
	r := httptest.NewRequestWithContext(s.v.t.Context(), method, s.v.base+"/scim/v2"+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+s.token)
	r.Header.Set("Content-Type", "application/scim+json")
	r.Header.Set("User-Agent", s.agent)
	w := httptest.NewRecorder()
	s.v.app.Handler().ServeHTTP(w, r)
	require.Equalf(s.v.t, status, w.Code, "%s %s: %s", method, path, w.Body)
	s.v.Pass(time.Minute)
	var made struct{ ID string }
	_ = json.Unmarshal(w.Body.Bytes(), &made) // a list has none
	return made.ID
}

const (
	passed  = "passed"
	waiting = "waiting"
)

// checks fails the test unless the checks of a connection are as many done, in their order.
func (b *tab) checks(done int) {
	b.t.Helper()
	b.follow("#refresh", get(b, chromedp.Text(chromedp.CSS("h1"))))
	for i, kind := range []string{"connection", "user", "group", "deactivation"} {
		want := waiting
		if i < done {
			want = passed
		}
		b.says("#check-"+kind+" h3", want)
	}
}

// value returns the text of the field after a label.
func (b *tab) value(label string) string {
	b.t.Helper()
	return get(b, chromedp.Evaluate[string](`(() => {
		for (const l of document.querySelectorAll("p.value label")) if (l.textContent.trim().startsWith(`+quoted(label)+`)) return document.getElementById(l.htmlFor).value;
		return "";
	})()`))
}

func quoted(text string) string {
	b, _ := json.Marshal(text)
	return string(b)
}

// From the application's link to an identity provider that provisions, with a token and by OAuth,
// to a user who fails, to the screen that has to be corrected, to no failure.
func TestPortal_FromTheLinkToNoFailure(t *testing.T) {
	b := browse(t)
	v := servePortal(t, 20)
	b.open(v.link("setup"), "Open the portal")
	b.says("main", "acme", "anna@acme.example", "connect an identity provider")
	b.follow("#enter", "Overview")
	b.says(".brand", "Example")
	b.says("#actor", "anna@acme.example")

	// Okta, with a token.
	b.follow(`nav a[href="/portal/connect"]`, "Connect an identity provider")
	b.follow(`a[href="/portal/connect/okta"]`, "Connect Okta")
	b.follow("#create-credential button", "Connect Okta")
	okta := sender{v, b.value("Authorization"), "Okta SCIM Client 1.0.0"}
	require.True(t, strings.HasPrefix(okta.token, "rct_acme_"), "no token is shown")
	require.Equal(t, v.base+"/scim/v2", b.value("SCIM connector base URL"))
	b.checks(0)
	require.NotEqual(t, okta.token, b.value("Authorization"), "the token is shown twice")
	okta.send(200, "GET", "/Users?startIndex=1&count=2", "")
	b.checks(1)
	ann := okta.send(201, "POST", "/Users", stage.User(`"userName":"ann@example.com","externalId":"00u1","emails":[{"value":"ann@example.com","primary":true}]`))
	b.checks(2)
	b.keep("portal-connect")
	group := okta.send(201, "POST", "/Groups", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"Staff"}`)
	okta.send(200, "PATCH", "/Groups/"+group, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"add","path":"members","value":[{"value":"`+ann+`"}]}]}`)
	b.checks(3)
	okta.send(200, "PATCH", "/Users/"+ann, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","value":{"active":false}}]}`)
	b.checks(4)

	// Entra, with an OAuth client.
	b.open(v.base+"/portal/connect/entra-oauth", "Connect Microsoft Entra ID")
	b.follow("#create-credential button", "Connect Microsoft Entra ID")
	token := v.accessToken(b.value("Client Identifier"), b.value("Client Secret"))
	b.checks(0)
	entra := sender{v, token, ""}
	entra.send(200, "GET", `/Users?filter=`+url.QueryEscape(`userName eq "0f2f4d6a-0000-4000-8000-000000000001"`), "")
	b.checks(1)
	bert := entra.send(201, "POST", "/Users", stage.User(`"userName":"bert@example.com","externalId":"bert","active":true,"emails":[{"value":"bert@example.com","type":"work","primary":true}]`))
	b.checks(2)
	entra.send(201, "POST", "/Groups", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"externalId":"g","displayName":"Sales"}`)
	b.checks(3)
	entra.send(200, "PATCH", "/Users/"+bert, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"Replace","path":"active","value":"False"}]}`)
	b.checks(4)

	// A user fails: the page names the screen, and the failure goes when it is corrected.
	okta.send(400, "POST", "/Users", stage.User(`"userName":"cara@example.com","externalId":"00u3","emails":"cara"`))
	b.open(v.base+"/portal", "Overview")
	b.keep("portal-overview")
	b.follow("#failing-link", "Failed users")
	b.says("#failed", "cara@example.com", "Directory > Profile Editor")
	b.follow("#failed a.details", "Details of a request")
	b.says("#now", "Still failing")
	b.says("#what-to-do-1", "Directory > Profile Editor", "emails")
	okta.send(201, "POST", "/Users", stage.User(`"userName":"cara@example.com","externalId":"00u3","emails":[{"value":"cara@example.com"}]`))
	b.open(v.base+"/portal/failed", "Failed users")
	b.says("#nobody", "No failures")

	b.follow("#leave", "You are signed out")
	b.calm()
	b.expected = []string{"403"}
	b.open(v.base+"/portal/users", "Your session has ended")
	b.calm()
}

// keep makes a picture of the page, which make console-shots writes.
func (b *tab) keep(name string) {
	b.t.Helper()
	get(b, chromedp.Evaluate[string](`scrollTo(0, 0), ""`))
	picture := get(b, chromedp.CaptureScreenshot())
	assert.Greater(b.t, len(picture), 10_000, name)
	if *shots != "" {
		require.NoError(b.t, os.WriteFile(filepath.Join(*shots, name+".png"), picture, 0o600))
	}
}

// accessToken gets an access token of an OAuth client.
func (v *visited) accessToken(client, secret string) string {
	v.t.Helper()
	r := httptest.NewRequestWithContext(v.t.Context(), http.MethodPost, v.base+"/oauth2/token", strings.NewReader(
		url.Values{"grant_type": {"client_credentials"}, "client_id": {client}, "client_secret": {secret}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	v.app.OAuthHandler().ServeHTTP(w, r)
	var got struct {
		Token string `json:"access_token"`
	}
	require.NoErrorf(v.t, json.Unmarshal(w.Body.Bytes(), &got), "%d %s", w.Code, w.Body)
	require.NotEmptyf(v.t, got.Token, "%q: %d %s", client, w.Code, w.Body)
	return got.Token
}

// Who may view sees no way to change anything, and has none.
func TestPortal_ViewersChangeNothing(t *testing.T) {
	b := browse(t)
	v := servePortal(t, 5)
	require.Equal(t, 201, v.Send("POST", "/Users", stage.User(`"userName":"ann@example.com"`)).Status)
	v.Send("POST", "/Users", stage.User(`"userName":"bert@example.com","emails":"bert"`))
	b.open(v.link("view"), "Open the portal")
	b.follow("#enter", "Overview")
	for _, page := range []string{"", "/failed", "/push-again", "/log", "/users", "/groups", "/causes"} {
		b.do(chromedp.Navigate(v.base + "/portal" + page))
		forms := get(b, chromedp.Evaluate[[]string](`[...document.querySelectorAll('form[method="post"]')].map((f) => f.getAttribute("action"))`))
		assert.Subset(t, []string{"/portal/leave", "/portal/requests"}, forms, page)
		assert.Zero(t, b.count(`a[href^="/portal/connect"], a[href^="/portal/tokens"], a[href^="/portal/clients"], a[href^="/portal/settings"]`), page)
	}
	b.open(v.base+"/portal/users", "Users")
	b.follow("#users a.subject", "User")
	assert.Zero(t, b.count("#deactivate, #protect, #offboarding"))
	b.calm()
	b.expected = []string{"404"}
	for _, page := range []string{"/connect", "/tokens", "/clients", "/settings", "/events"} {
		b.open(v.base+"/portal"+page, "Page not found")
	}
	b.calm()
}

// The portal's own pages keep the rules of axe, in light colours on a wide screen and in dark ones
// on a phone; the rest are the console's.
func TestPortal_KeepsTheRulesOfAxe(t *testing.T) {
	axe := axeSource(t)
	b := browse(t)
	v := servePortal(t, 5)
	v.Send("POST", "/Users", stage.User(`"userName":"bert@example.com","emails":"bert"`))
	b.expected = []string{"403"}
	check := func(page string) {
		t.Helper()
		for scheme, rules := range map[string]string{"light": allRules, "dark": screenRules} {
			b.shape(map[string]int64{"light": 1280, "dark": 390}[scheme], 800, scheme == "dark", scheme)
			assert.Zerof(t, get(b, wider), "%s is too wide in %s", page, scheme)
			found, ran := b.violations(axe, rules)
			for _, one := range found {
				assert.Failf(t, one.Rule, "%s, %s: %s\n%s", page, scheme, one.Element, one.Why)
			}
			assert.Contains(t, ran, "color-contrast", page)
		}
	}
	b.open(v.base+"/portal", "Your session has ended")
	check("no session")
	b.open(v.link("setup"), "Open the portal")
	check("a link")
	b.follow("#enter", "Overview")
	check("overview")
	for _, page := range []string{"/connect", "/connect/okta", "/failed", "/clients"} {
		b.do(chromedp.Navigate(v.base + "/portal" + page))
		check(page)
	}
	b.do(chromedp.Navigate(v.base + "/portal/connect/entra-oauth"))
	b.submit("#create-credential button")
	check("a new credential")
	b.calm()
}
