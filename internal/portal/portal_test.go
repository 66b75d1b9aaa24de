package portal_test

import (
	"encoding/json"
	"html"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/console"
	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/logline"
	"github.com/rollcall-scim/rollcall/internal/portal"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/embedded"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
	"github.com/rollcall-scim/rollcall/internal/web"
)

const origin = "https://scim.test"

// A deployment is the service with its portal, and a clock of its own.
type deployment struct {
	t      *testing.T
	app    *app.App
	portal http.Handler
	log    *stage.Log
	now    time.Time
	tokens map[string]string
}

func newDeployment(t *testing.T, engine table.Table) *deployment {
	t.Helper()
	d := &deployment{t: t, log: &stage.Log{}, now: time.Now().Truncate(time.Second).UTC(), tokens: map[string]string{}}
	options := app.Options{Now: func() time.Time { return d.now }, Retry: []table.RetryOption{table.RetryFor(50 * time.Millisecond)}}
	c := app.Config{BaseURL: origin + "/scim/v2"}
	a, err := app.NewWith(engine, c, logline.New(d.log), options)
	require.NoError(t, err)
	d.app = a.WithPortal()
	d.portal, err = portal.Local(engine, c, portal.Config{Brand: console.Brand{Name: "Example"}}, logline.New(d.log), options)
	require.NoError(t, err)
	for _, name := range []string{"acme", "acme2", "beta"} {
		_, d.tokens[name] = stage.Tenant(t, a.Store, name, 50)
		d.create(name, "secret-of-"+name+"@example.com")
	}
	return d
}

// memory returns a table of the embedded engine.
func memory(t *testing.T) table.Table {
	t.Helper()
	engine, err := embedded.Memory()
	require.NoError(t, err)
	return engine
}

// create creates a user by SCIM, and returns the answer.
func (d *deployment) create(of, userName string) *httptest.ResponseRecorder {
	d.t.Helper()
	r := httptest.NewRequestWithContext(d.t.Context(), http.MethodPost, origin+"/scim/v2/Users", strings.NewReader(
		`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"`+userName+`","externalId":"`+userName+`","emails":[{"value":"`+userName+`","primary":true}]}`))
	r.Header.Set("Authorization", "Bearer "+d.tokens[of])
	r.Header.Set("Content-Type", "application/scim+json")
	w := httptest.NewRecorder()
	d.app.Handler().ServeHTTP(w, r)
	return w
}

// decode reads a document of the admin API.
func decode(t *testing.T, w *httptest.ResponseRecorder, into any) {
	t.Helper()
	require.NoErrorf(t, json.Unmarshal(w.Body.Bytes(), into), "%d %s", w.Code, w.Body)
}

// admin sends a request of the application to the admin API.
func (d *deployment) admin(method, path, body string) *httptest.ResponseRecorder {
	d.t.Helper()
	r := httptest.NewRequestWithContext(d.t.Context(), method, origin+"/admin/v1"+path, strings.NewReader(body))
	r.Header.Set(web.OperatorHeader, "arn:aws:iam::123456789012:role/application")
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	d.app.AdminHandler().ServeHTTP(w, r)
	return w
}

// link returns a new link.
func (d *deployment) link(of, permissions string) string {
	d.t.Helper()
	w := d.admin(http.MethodPost, "/tenants/"+of+"/portal-links", `{"actor":"anna@`+of+`.example","permissions":["`+permissions+`"],"returnUrl":"https://app.example/settings"}`)
	require.Equal(d.t, http.StatusCreated, w.Code, w.Body)
	var made struct{ URL string }
	require.NoError(d.t, json.Unmarshal(w.Body.Bytes(), &made))
	return made.URL
}

// A browser keeps cookies, and knows the page that it shows.
type browser struct {
	d       *deployment
	cookies map[string]*http.Cookie
	address string
	shown   string
	from    string
}

func (d *deployment) browser() *browser {
	return &browser{d: d, cookies: map[string]*http.Cookie{}, from: "192.0.2.1:1234"}
}

// visitor returns a browser with a session.
func (d *deployment) visitor(of, permissions string) *browser {
	d.t.Helper()
	b := d.browser()
	require.Equal(d.t, http.StatusOK, b.get(d.link(of, permissions)).Code)
	require.Equal(d.t, http.StatusSeeOther, b.press("/portal/open", nil).Code)
	return b
}

func (b *browser) get(address string, headers ...string) *httptest.ResponseRecorder {
	b.d.t.Helper()
	return b.send(http.MethodGet, address, "", headers...)
}

func (b *browser) send(method, address, body string, headers ...string) *httptest.ResponseRecorder {
	b.d.t.Helper()
	address = strings.TrimPrefix(address, origin)
	r := httptest.NewRequestWithContext(b.d.t.Context(), method, origin+address, strings.NewReader(body))
	r.RemoteAddr = b.from
	for _, c := range b.cookies {
		r.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", origin)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	b.d.portal.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		} else {
			b.cookies[c.Name] = c
		}
	}
	b.address, b.shown = address, w.Body.String()
	return w
}

var hidden = regexp.MustCompile(`<input type="hidden" name="(\w+)" value="([^"]*)"`)

// press sends a form of the page that is shown, with its hidden fields.
func (b *browser) press(to string, fields url.Values, headers ...string) *httptest.ResponseRecorder {
	b.d.t.Helper()
	form := url.Values{}
	maps.Copy(form, fields)
	for _, one := range hidden.FindAllStringSubmatch(b.shown, -1) {
		form.Set(one[1], html.UnescapeString(one[2]))
	}
	return b.send(http.MethodPost, to, form.Encode(), headers...)
}

// A link works once: programs that open it before its reader use nothing up.
func TestLink_WorksOnce(t *testing.T) {
	enginetest.Each(t, enginetest.Plain(), func(t *testing.T, engine enginetest.Engine) {
		d := newDeployment(t, engine.Open(t))
		link := d.link("acme", "view")
		require.True(t, strings.HasPrefix(link, origin+"/portal/open?t=rcl_acme_"), link)
		for range 3 { // a scanner
			scanner := d.browser()
			w := scanner.get(link)
			require.Equal(t, http.StatusOK, w.Code, w.Body)
			require.Empty(t, w.Result().Cookies())
			require.Equal(t, http.StatusOK, scanner.send(http.MethodHead, link, "").Code)
		}
		b := d.browser()
		b.get(link)
		assert.Contains(t, b.shown, "anna@acme.example")
		w := b.press("/portal/open", nil)
		require.Equal(t, http.StatusSeeOther, w.Code, w.Body)
		require.Equal(t, "/portal", w.Header().Get("Location"))
		cookie := w.Result().Cookies()[0]
		assert.True(t, cookie.HttpOnly && cookie.Secure && cookie.SameSite == http.SameSiteLaxMode && cookie.Path == "/" && cookie.Domain == "" &&
			strings.HasPrefix(cookie.Name, "__Host-") && cookie.MaxAge == 7200, "%+v", cookie)
		w = b.get("/portal")
		require.Equal(t, http.StatusOK, w.Code, w.Body)
		assert.Contains(t, b.shown, "anna@acme.example")
		assert.Contains(t, b.shown, "https://app.example/settings")

		again := d.browser()
		require.Equal(t, http.StatusForbidden, again.get(link).Code)
		again.shown = `<input type="hidden" name="t" value="` + strings.TrimPrefix(link, origin+"/portal/open?t=") + `"`
		w = again.press("/portal/open", nil)
		require.Equal(t, http.StatusForbidden, w.Code)
		require.Empty(t, w.Result().Cookies())
		assert.NotContains(t, d.log.String(), "rcl_", "a link is in the log")
		assert.NotContains(t, d.log.String(), "rcv_", "a cookie is in the log")
	})
}

// Of many that open one link at once, one gets a session.
func TestLink_IsOpenedByOne(t *testing.T) {
	d := newDeployment(t, memory(t))
	link := d.link("acme", "view")
	opened := make(chan int, 8)
	for range cap(opened) {
		go func() {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, origin+"/portal/open", strings.NewReader("t="+strings.TrimPrefix(link, origin+"/portal/open?t=")))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Origin", origin)
			w := httptest.NewRecorder()
			d.portal.ServeHTTP(w, r)
			opened <- w.Code
		}()
	}
	var codes []int
	for range cap(opened) {
		codes = append(codes, <-opened)
	}
	slices.Sort(codes)
	assert.Equal(t, http.StatusSeeOther, codes[0])
	assert.Equal(t, http.StatusForbidden, codes[1], codes)
}

func TestLink_Ends(t *testing.T) {
	d := newDeployment(t, memory(t))
	link := d.link("acme", "view")
	b := d.browser()
	b.get(link)
	d.now = d.now.Add(10 * time.Minute)
	require.Equal(t, http.StatusForbidden, b.press("/portal/open", nil).Code)

	visitor := d.visitor("acme", "setup")
	d.now = d.now.Add(2*time.Hour - time.Second)
	require.Equal(t, http.StatusOK, visitor.get("/portal").Code)
	d.now = d.now.Add(time.Second)
	require.Equal(t, http.StatusForbidden, visitor.get("/portal").Code)

	visitor = d.visitor("acme", "setup")
	visitor.get("/portal")
	cookies := maps.Clone(visitor.cookies)
	require.Equal(t, http.StatusOK, visitor.press("/portal/leave", nil).Code)
	require.Empty(t, visitor.cookies)
	visitor.cookies = cookies
	require.Equal(t, http.StatusForbidden, visitor.get("/portal").Code, "a session that was left goes on")
}

// What the application asks for is checked.
func TestLink_IsCheckedWhenItIsMade(t *testing.T) {
	d := newDeployment(t, memory(t))
	for body, detail := range map[string]string{
		`{}`: "actor", `{"actor":"","permissions":["view"]}`: "actor", `{"actor":"a\nb","permissions":["view"]}`: "actor",
		`{"actor":"` + strings.Repeat("x", 129) + `","permissions":["view"]}`: "actor",
		`{"actor":"a"}`:                                                                     "permissions",
		`{"actor":"a","permissions":[]}`:                                                    "permissions",
		`{"actor":"a","permissions":["admin"]}`:                                             "permissions",
		`{"actor":"a","permissions":["view","owner"]}`:                                      "permissions",
		`{"actor":"a","permissions":["view"],"returnUrl":"javascript:alert(1)"}`:            "returnUrl",
		`{"actor":"a","permissions":["view"],"returnUrl":"http://app.example"}`:             "returnUrl",
		`{"actor":"a","permissions":["view"],"returnUrl":"//app.example"}`:                  "returnUrl",
		`{"actor":"a","permissions":["view"],"returnUrl":"https://user:pass@app.example/"}`: "returnUrl",
		`{"actor":"a","permissions":["view"],"minutes":0}`:                                  "minutes",
		`{"actor":"a","permissions":["view"],"minutes":61}`:                                 "minutes",
		`{"actor":"a","permissions":["view"],"tenant":"beta"}`:                              "tenant",
	} {
		w := d.admin(http.MethodPost, "/tenants/acme/portal-links", body)
		assert.Equal(t, http.StatusBadRequest, w.Code, body)
		assert.Contains(t, w.Body.String(), detail, body)
	}
	assert.Equal(t, http.StatusNotFound, d.admin(http.MethodPost, "/tenants/nobody/portal-links", `{"actor":"a","permissions":["view"]}`).Code)
}

// Wrong links are refused, and an address that tries many gets no answer for a while.
func TestLink_WrongOnes(t *testing.T) {
	d := newDeployment(t, memory(t))
	good := d.link("acme", "view")
	b := d.browser()
	for _, wrong := range []string{"", "x", "rcl_acme_x", strings.Replace(good, "acme", "beta", 1), good + "0", good[:len(good)-1] + "z", strings.Replace(good, "rcl_", "rct_", 1)} {
		if !strings.HasPrefix(wrong, origin) {
			wrong = origin + "/portal/open?t=" + wrong
		}
		w := b.get(wrong)
		assert.Equal(t, http.StatusForbidden, w.Code, wrong)
		assert.Contains(t, w.Body.String(), "This link does not work")
	}
	used := d.link("acme", "view")
	b.get(used)
	b.press("/portal/open", nil)
	for range 10 {
		require.Equal(t, http.StatusForbidden, b.get(used).Code)
	}
	w := b.get(used)
	require.Equal(t, http.StatusTooManyRequests, w.Code)
	require.NotEmpty(t, w.Header().Get("Retry-After"))
	require.Equal(t, http.StatusTooManyRequests, b.get(good).Code)
	other := d.browser()
	other.from = "198.51.100.7:1"
	require.Equal(t, http.StatusOK, other.get(good).Code)
	d.now = d.now.Add(time.Minute)
	require.Equal(t, http.StatusOK, b.get(good).Code)
}

// Every page of the portal, of the console's that it has not, and each form.
func addresses() (pages, forms []string) {
	pages = []string{
		"", "/failed", "/failed.csv", "/push-again", "/push-again.csv", "/log", "/log.csv", "/requests", "/requests/x", "/users", "/users/x", "/groups", "/groups/x",
		"/causes", "/causes/unique_taken", "/tokens", "/tokens/minted", "/tokens/x/rotate", "/tokens/x/revoke", "/clients", "/clients/x", "/client-secret", "/clients/x/revoke", "/connect", "/connect/okta",
		"/dismissed", "/requests/x/dismiss", "/users/x/deactivate", "/events", "/events/x", "/webhook-secret", "/settings", "/t/acme", "/t/beta/users", "/nothing",
	}
	forms = []string{
		"/requests", "/requests/x/check", "/tokens", "/tokens/x/rotate", "/tokens/x/revoke", "/tokens/x/complete", "/clients", "/clients/x/secret", "/clients/x/revoke", "/clients/x/remove-keys", "/connect/okta",
		"/requests/x/dismiss", "/users/x/deactivate", "/events", "/events/x/test", "/events/x/delete", "/settings", "/leave",
	}
	return pages, forms
}

// Without a session there is no page, and nothing of a tenant is read.
func TestSession_IsNeeded(t *testing.T) {
	d := newDeployment(t, memory(t))
	genuine := d.visitor("acme", "setup")
	pages, forms := addresses()
	for _, cookie := range []string{"", "x", strings.Replace(genuine.cookies["__Host-rollcall-portal"].Value, "acme", "beta", 1), genuine.cookies["__Host-rollcall-portal"].Value + "0"} {
		b := d.browser()
		if cookie != "" {
			b.cookies["__Host-rollcall-portal"] = &http.Cookie{Name: "__Host-rollcall-portal", Value: cookie}
		}
		for _, p := range pages {
			assert.Equal(t, http.StatusForbidden, b.get("/portal"+p).Code, p)
			assert.NotContains(t, b.shown, "acme")
		}
		for _, f := range forms {
			assert.Equal(t, http.StatusForbidden, b.press("/portal"+f, nil).Code, f)
		}
	}
}

// Who may view changes nothing; who may set up changes nothing but credentials.
func TestPermissions_AreKept(t *testing.T) {
	d := newDeployment(t, memory(t))
	pages, forms := addresses()
	only := func(path string) bool {
		return strings.HasPrefix(path, "/dismissed") || strings.HasSuffix(path, "/dismiss") || strings.HasSuffix(path, "deactivate") || strings.HasPrefix(path, "/events") ||
			path == "/webhook-secret" || path == "/settings" || strings.HasPrefix(path, "/t/") || path == "/nothing" || strings.HasSuffix(path, "/revoke") || strings.HasSuffix(path, "/remove-keys")
	}
	setup := func(path string) bool {
		return strings.HasPrefix(path, "/tokens") || strings.HasPrefix(path, "/client") || strings.HasPrefix(path, "/connect")
	}
	for _, permissions := range []string{"view", "setup"} {
		for _, p := range pages {
			b := d.visitor("acme", permissions)
			d.now = d.now.Add(10 * time.Second)
			code := b.get("/portal" + p).Code
			if only(p) || permissions == "view" && setup(p) {
				assert.Equal(t, http.StatusNotFound, code, permissions+p)
				assert.Contains(t, b.shown, "Page not found", permissions+p)
			} else if code != http.StatusOK {
				assert.NotContains(t, b.shown, "Page not found", permissions+p)
			}
		}
		for _, f := range forms {
			b := d.visitor("acme", permissions)
			d.now = d.now.Add(10 * time.Second)
			b.get("/portal/requests")
			code := b.press("/portal"+f, nil).Code
			if only(f) || permissions == "view" && setup(f) {
				assert.Contains(t, []int{http.StatusNotFound, http.StatusMethodNotAllowed}, code, permissions+f)
			}
		}
	}
}

// A form counts only if a page of this session sent it.
func TestForms_AreTheSessionsOwn(t *testing.T) {
	d := newDeployment(t, memory(t))
	b := d.visitor("acme", "setup")
	b.get("/portal/tokens")
	page := b.shown
	for name, headers := range map[string][]string{
		"another site":   {"Origin", "https://evil.example"},
		"no origin":      {"Origin", "null"},
		"another scheme": {"Origin", "http://scim.test"},
		"cross-site":     {"Sec-Fetch-Site", "cross-site"},
	} {
		b.shown = page
		assert.Equal(t, http.StatusForbidden, b.press("/portal/tokens", url.Values{"label": {"x"}}, headers...).Code, name)
	}
	b.shown = ""
	assert.Equal(t, http.StatusForbidden, b.press("/portal/tokens", url.Values{"label": {"x"}}).Code, "no form token")
	other := d.visitor("acme", "setup")
	other.get("/portal/tokens")
	b.shown = other.shown
	assert.Equal(t, http.StatusForbidden, b.press("/portal/tokens", url.Values{"label": {"x"}}).Code, "the form of another session")
	assert.Equal(t, http.StatusUnsupportedMediaType, b.send(http.MethodPost, "/portal/tokens", `{}`, "Content-Type", "application/json").Code)
}

// A new token is shown once, works at once, and the log names who made it.
func TestCredentials_AreShownOnce(t *testing.T) {
	d := newDeployment(t, memory(t))
	b := d.visitor("acme", "setup")
	b.get("/portal/tokens")
	d.log.Forget()
	w := b.press("/portal/tokens", url.Values{"label": {"Okta"}})
	require.Equal(t, http.StatusSeeOther, w.Code, w.Body)
	assert.NotContains(t, d.log.String(), "rct_")
	assert.Contains(t, d.log.String(), `"actor":"anna@acme.example"`)
	for _, c := range w.Result().Cookies() {
		assert.NotContains(t, c.Value, "rct_")
	}
	copied := maps.Clone(b.cookies)
	require.Equal(t, http.StatusOK, b.get(w.Header().Get("Location")).Code)
	token := regexp.MustCompile(`rct_acme_[a-z2-7_]+[0-9a-f]{32}`).FindString(b.shown)
	require.NotEmpty(t, token, b.shown)
	b.get(w.Header().Get("Location"))
	assert.NotContains(t, b.shown, token)
	d.tokens["acme"] = token
	assert.Equal(t, http.StatusCreated, d.create("acme", "new@example.com").Code)

	// The cookie that had it is nothing to another session, nor after its time.
	thief := d.visitor("acme", "setup")
	for name, c := range copied {
		if strings.HasSuffix(name, "-once") {
			thief.cookies[name] = c
		}
	}
	thief.get("/portal/tokens/minted")
	assert.NotContains(t, thief.shown, token)
	d.now = d.now.Add(6 * time.Minute)
	b.cookies = copied
	b.get("/portal/tokens/minted")
	assert.NotContains(t, b.shown, token)
}

// Whatever a visitor asks for, nothing of another tenant is in an answer.
func TestSession_ReachesItsTenantAlone(t *testing.T) {
	d := newDeployment(t, memory(t))
	var users struct{ Users []struct{ ID string } }
	require.NoError(t, json.Unmarshal(d.admin(http.MethodGet, "/tenants/beta/users", "").Body.Bytes(), &users))
	id := users.Users[0].ID
	b := d.visitor("acme", "setup")
	for _, path := range []string{
		"/portal/users/" + id, "/portal/users?subject=secret-of-beta@example.com", "/portal/log?subject=" + id, "/portal/failed?subject=" + id,
		"/portal/users?tenant=beta", "/portal/t/beta/users", "/portal/../t/beta/users", "/portal/users/..%2f..%2fbeta%2fusers", "/portal/users/" + id + "%23", "/portal/groups/" + id,
		"/portal/requests/" + id, "/portal/clients/rcc_beta_" + strings.Repeat("a", 16), "/portal/causes/unique_taken?tenant=beta", "/portal/users?after=" + id, "/portal/log?after=" + id,
		"/portal/acme2", "/portal/users/acme2%23USERS",
	} {
		w := b.get(path)
		assert.Less(t, w.Code, http.StatusInternalServerError, path)
		assert.NotContains(t, strings.ReplaceAll(w.Body.String(), "secret-of-beta@example.com\" autocomplete", ""), ">secret-of-beta", path)
		assert.NotContains(t, w.Body.String(), "secret-of-acme2", path)
	}
}

// A tenant that is deleted takes its links and sessions with it.
func TestSession_EndsWithItsTenant(t *testing.T) {
	d := newDeployment(t, memory(t))
	b, link := d.visitor("acme", "setup"), d.link("acme", "view")
	require.Equal(t, http.StatusAccepted, d.admin(http.MethodDelete, "/tenants/acme?confirm=acme", "").Code)
	require.Equal(t, http.StatusForbidden, b.get("/portal").Code, "a session goes on while its tenant is deleted")
	require.Equal(t, http.StatusForbidden, d.browser().get(link).Code)
	for range 20 {
		d.now = d.now.Add(time.Minute)
		require.NoError(t, d.app.Sweep(t.Context()))
	}
	require.Equal(t, http.StatusNotFound, d.admin(http.MethodGet, "/tenants/acme", "").Code)
	d.now = d.now.Add(-20 * time.Minute)
	require.Equal(t, http.StatusForbidden, b.get("/portal").Code)
	require.Equal(t, http.StatusForbidden, d.browser().get(link).Code)
	// Nor do those of a later tenant of that name let anybody in.
	require.NoError(t, d.app.Store.CreateTenant(t.Context(), stage.ID(t, "acme"), tenant.DefaultSettings(), 5, tenant.Unlimited, d.now))
	require.Equal(t, http.StatusForbidden, b.get("/portal").Code)
}

// Names of people are text on every page.
func TestPages_ShowHostileNamesAsText(t *testing.T) {
	d := newDeployment(t, memory(t))
	w := d.admin(http.MethodPost, "/tenants/acme/portal-links", `{"actor":"<script>alert(1)</script>","permissions":["setup"],"returnUrl":"https://app.example/\"><b>"}`)
	require.Equal(t, http.StatusBadRequest, w.Code)
	w = d.admin(http.MethodPost, "/tenants/acme/portal-links", `{"actor":"<script>alert(1)</script>","permissions":["setup"]}`)
	var made struct{ URL string }
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &made))
	b := d.browser()
	b.get(made.URL)
	assert.NotContains(t, b.shown, "<script>alert")
	b.press("/portal/open", nil)
	b.get("/portal")
	assert.NotContains(t, b.shown, "<script>alert")
	assert.Contains(t, b.shown, "&lt;script&gt;alert")
}

// No answer is kept by a cache, framed, or loads anything from elsewhere.
func TestAnswers_HaveTheirHeaders(t *testing.T) {
	d := newDeployment(t, memory(t))
	b := d.visitor("acme", "setup")
	for _, path := range []string{"/portal", "/portal/users", "/portal/nothing", "/portal/open?t=x", "/portal/style.css", "/portal/script.js", "/portal/brand.css", "/portal/failed.csv"} {
		h := b.get(path).Header()
		assert.Equal(t, "no-store", h.Get("Cache-Control"), path)
		assert.Equal(t, "DENY", h.Get("X-Frame-Options"), path)
		assert.Contains(t, h.Get("Content-Security-Policy"), "frame-ancestors 'none'", path)
		assert.Contains(t, h.Get("Content-Security-Policy"), "default-src 'none'", path)
		assert.Equal(t, "nosniff", h.Get("X-Content-Type-Options"), path)
		assert.NotContains(t, h.Get("Referrer-Policy"), "unsafe", path)
	}
}

// A session sends no more requests than a person does.
func TestSession_HasAPace(t *testing.T) {
	d := newDeployment(t, memory(t))
	b := d.visitor("acme", "view")
	code := 0
	for range 60 {
		code = b.get("/portal/requests").Code
	}
	assert.Equal(t, http.StatusTooManyRequests, code)
	assert.Equal(t, http.StatusOK, d.visitor("acme", "view").get("/portal").Code)
	d.now = d.now.Add(10 * time.Second)
	assert.Equal(t, http.StatusOK, b.get("/portal").Code)
}

var (
	reference = regexp.MustCompile(`href="([^"]*)"`)
	emptyRef  = regexp.MustCompile(`<(?:a|form)[^>]*(?:href|action)=""[^>]*>`)
)

// Every link and form of a page leads to a page that the visitor gets.
func TestPages_LeadToPages(t *testing.T) {
	d := newDeployment(t, memory(t))
	d.fill()
	require.Equal(t, http.StatusOK, d.admin(http.MethodPatch, "/tenants/acme", `{"staticTokens":"refuse"}`).Code)
	for _, permissions := range []string{"view", "setup"} {
		b := d.visitor("acme", permissions)
		seen, todo := map[string]bool{}, []string{"/portal"}
		for len(todo) > 0 {
			path := todo[0]
			todo = todo[1:]
			if key, _, _ := strings.Cut(path, "?"); seen[path] || strings.Count(strings.Join(slices.Collect(maps.Keys(seen)), " "), key+"?") > 12 {
				continue
			}
			seen[path] = true
			d.now = d.now.Add(time.Second)
			w := b.get(path)
			assert.Less(t, w.Code, 400, "%s %s: %s", permissions, path, b.shown)
			assert.Empty(t, emptyRef.FindString(b.shown), "%s %s", permissions, path)
			assert.NotContains(t, b.shown, "/console", path)
			for _, operators := range []string{"CloudWatch", "rollcall local", "jq "} {
				assert.NotContains(t, b.shown, operators, path)
			}
			for _, found := range reference.FindAllStringSubmatch(b.shown, -1) {
				to, _, _ := strings.Cut(html.UnescapeString(found[1]), "#")
				if strings.HasPrefix(to, "/portal") && !strings.HasPrefix(to, "/portal/leave") && !strings.HasSuffix(to, "/check") && !strings.HasSuffix(to, "/complete") && to != "/portal/requests" {
					todo = append(todo, to)
				}
			}
		}
		assert.Greater(t, len(seen), 25, permissions)
	}
}

// fill gives acme users and groups, some of which fail.
func (d *deployment) fill() {
	d.t.Helper()
	send := func(method, path, body string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(d.t.Context(), method, origin+"/scim/v2"+path, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+d.tokens["acme"])
		r.Header.Set("Content-Type", "application/scim+json")
		r.Header.Set("User-Agent", "Okta SCIM Client 1.0.0")
		w := httptest.NewRecorder()
		d.app.Handler().ServeHTTP(w, r)
		d.now = d.now.Add(time.Minute)
		return w
	}
	d.create("acme", "anna@example.com")
	require.Equal(d.t, http.StatusConflict, send(http.MethodPost, "/Users", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"bert@example.com","externalId":"b","emails":[{"value":"anna@example.com"}]}`).Code)
	require.Equal(d.t, http.StatusBadRequest, send(http.MethodPost, "/Users", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":""}`).Code)
	w := send(http.MethodPost, "/Groups", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"Engineering"}`)
	var group struct{ ID string }
	require.NoError(d.t, json.Unmarshal(w.Body.Bytes(), &group))
	send(http.MethodPatch, "/Groups/"+group.ID, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"add","path":"members","value":[{"value":"nobody"}]}]}`)
	require.Equal(d.t, http.StatusCreated, d.admin(http.MethodPost, "/tenants/acme/clients", `{"label":"Entra"}`).Code)
	for _, name := range []string{"inactive@example.com", "deleted@example.com"} {
		var user struct{ ID string }
		decode(d.t, d.create("acme", name), &user)
		require.Less(d.t, send(http.MethodPatch, "/Users/"+user.ID, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","path":"active","value":false}]}`).Code, 300)
		if name == "deleted@example.com" {
			require.Equal(d.t, http.StatusNoContent, send(http.MethodDelete, "/Users/"+user.ID, "").Code)
		}
	}
	require.Equal(d.t, http.StatusCreated, d.admin(http.MethodPost, "/tenants/acme/tokens", `{"label":"Okta"}`).Code)
}

// The settings are those of the function's variables. Under sam local no role is assumed.
func TestConfig_IsReadFromTheEnvironment(t *testing.T) {
	c, err := portal.ConfigFromEnv()
	require.NoError(t, err)
	assert.Equal(t, portal.Config{Off: true, Brand: console.Brand{Name: portal.DefaultName}}, c)
	for name, value := range map[string]string{"": "on", "_NAME": "Example", "_LOGO": "https://example.com/logo.svg", "_COLOR": "#1d50ba", "_SUPPORT": "mailto:help@example.com", "_ROLE": "arn:role"} {
		t.Setenv("ROLLCALL_PORTAL"+name, value)
	}
	c, err = portal.ConfigFromEnv()
	require.NoError(t, err)
	assert.Equal(t, portal.Config{Role: "arn:role", Brand: console.Brand{
		Name: "Example", Logo: "https://example.com/logo.svg", Color: "#1d50ba", Support: "mailto:help@example.com",
	}}, c)
	t.Setenv("AWS_SAM_LOCAL", "true")
	c, err = portal.ConfigFromEnv()
	require.NoError(t, err)
	assert.Empty(t, c.Role)
	for name, value := range map[string]string{
		"_LOGO": "http://example.com/logo.svg", "_COLOR": "red", "_SUPPORT": "javascript:alert(1)", "_NAME": strings.Repeat("x", 61),
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("ROLLCALL_PORTAL"+name, value)
			_, err := portal.ConfigFromEnv()
			require.ErrorContains(t, err, "ROLLCALL_PORTAL"+name)
		})
	}
}

// A deployment without a portal answers nothing else.
func TestPortal_Off(t *testing.T) {
	off, err := portal.Local(memory(t), app.Config{BaseURL: origin + "/scim/v2"}, portal.Config{Off: true}, logline.New(&stage.Log{}), app.Options{})
	require.NoError(t, err)
	for _, path := range []string{"", "/open?t=x", "/style.css"} {
		w := httptest.NewRecorder()
		off.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, origin+"/portal"+path, http.NoBody))
		assert.Equal(t, http.StatusForbidden, w.Code, path)
	}
	d := newDeployment(t, memory(t))
	a, err := app.New(memory(t), app.Config{BaseURL: origin + "/scim/v2"}, logline.New(d.log))
	require.NoError(t, err)
	stage.Tenant(t, a.Store, "acme", 5)
	d.app = a
	assert.Equal(t, http.StatusConflict, d.admin(http.MethodPost, "/tenants/acme/portal-links", `{"actor":"a","permissions":["view"]}`).Code)
}

// The page of a user who has left shows nothing of the application's webhooks, in any state.
func TestPages_OfUsersWhoLeft(t *testing.T) {
	d := newDeployment(t, memory(t))
	require.Equal(t, http.StatusCreated, d.admin(http.MethodPost, "/webhooks", `{"url":"https://hooks.example.com/secret-path","label":"hook"}`).Code)
	d.fill()
	for _, permissions := range []string{"view", "setup"} {
		b := d.visitor("acme", permissions)
		for _, state := range []string{"inactive", "deleted"} {
			var found struct{ Users []struct{ ID string } }
			decode(t, d.admin(http.MethodGet, "/tenants/acme/users?state="+state, ""), &found)
			require.NotEmpty(t, found.Users, state)
			for _, user := range found.Users {
				assert.Equal(t, http.StatusOK, b.get("/portal/users/"+user.ID).Code, state)
				assert.NotContains(t, b.shown, "hooks.example.com")
			}
		}
	}
}

// The only way in which a client authenticates stays; a secret that has a successor can be ended.
func TestClients_KeepAWayToAuthenticate(t *testing.T) {
	d := newDeployment(t, memory(t))
	var client struct{ ClientID, SecretID string }
	decode(t, d.admin(http.MethodPost, "/tenants/acme/clients", `{"label":"Entra"}`), &client)
	b := d.visitor("acme", "setup")
	end := func() int {
		b.get("/portal/clients/" + client.ClientID)
		return b.press("/portal/clients/"+client.ClientID+"/end-secret", url.Values{"secret": {client.SecretID}}).Code
	}
	assert.Equal(t, http.StatusConflict, end())
	b.get("/portal/clients/" + client.ClientID)
	require.Equal(t, http.StatusSeeOther, b.press("/portal/clients/"+client.ClientID+"/secret", url.Values{"label": {"next"}}).Code)
	assert.Equal(t, http.StatusSeeOther, end())
}
