package fuzz

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"io"
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
	"github.com/rollcall-scim/rollcall/internal/credential"
	"github.com/rollcall-scim/rollcall/internal/dev/fixture"
	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/lambdahttp"
	"github.com/rollcall-scim/rollcall/internal/logline"
	"github.com/rollcall-scim/rollcall/internal/portal"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/web"
)

// portalCookie is the name of the cookie of a session.
const portalCookie = "__Host-rollcall-portal"

// A visitor is who sends a request to the portal.
type visitor struct {
	// tenant is that of the session, "" without one.
	tenant  string
	setup   bool
	cookies []string
	// form is the token of the forms that the visitor has.
	form string
}

// FuzzPortal sends any request to the portal, with sessions of two tenants and with none. FORM in
// a body is the token of the session's forms, and LINK a link of acme that was not used.
func FuzzPortal(f *testing.F) {
	w := newWorld(f)
	w.serve = portalServer()
	link := w.newLink(f, "acme", "view")
	visitors := w.visitors(f)
	w.reaches(f, visitors)
	for _, s := range portalSeeds() {
		f.Add(s.method, s.target, s.headers, []byte(s.body), s.who, uint16(0))
	}
	f.Fuzz(func(t *testing.T, method, target, headers string, body []byte, who uint8, bits uint16) {
		v := visitors[int(who)%len(visitors)]
		fill := strings.NewReplacer("FORM", v.form, "LINK", link).Replace
		encoding := form(bits) & (asBase64 | notBase64 | upperNames | asRawPath | asGzip | parametersOnly | withCookies | staged)
		s := sent{method, "/portal" + fill(target), headers, fill(string(body)), noToken | encoding}
		function, event := w.event(t, s)
		if function != "PortalFunction" {
			return
		}
		event.Cookies = append(event.Cookies, v.cookies...)
		r := w.send(t, function, event, method)
		r.checkPortal(t, w, v, method, strings.Contains(s.target+s.body, link))
	})
}

// maxAsked is how many requests are sent before the pages are made anew, so that no link has expired.
const maxAsked = 15_000

// portalServer returns what serves the portal on any table. Its pages are made once, and its clock
// moves with each request, so that the pace of a person is kept.
func portalServer() func(t testing.TB, a *app.App, on table.Table, function string, log io.Writer) http.Handler {
	var (
		on    struct{ table.Table }
		log   struct{ io.Writer }
		pages http.Handler
		asked int
		begun time.Time
	)
	return func(t testing.TB, _ *app.App, engine table.Table, _ string, to io.Writer) http.Handler {
		t.Helper()
		on.Table, log.Writer = engine, to
		if asked++; pages == nil || asked > maxAsked {
			asked, begun = 0, time.Now()
			var err error
			pages, err = portal.Local(&on, app.Config{BaseURL: fixture.BaseURL}, portal.Config{Brand: console.Brand{Name: "Example"}}, logline.New(&log), app.Options{
				Now: func() time.Time { return begun.Add(time.Duration(asked) * 200 * time.Millisecond) },
			})
			require.NoError(t, err)
		}
		return pages
	}
}

// newLink returns the secret of a new link.
func (w *world) newLink(f *testing.F, of, permission string) string {
	f.Helper()
	a, err := app.New(w.filled, app.Config{BaseURL: fixture.BaseURL}, logline.New(f.Output()))
	require.NoError(f, err)
	r := httptest.NewRequestWithContext(f.Context(), http.MethodPost, "/admin/v1/tenants/"+of+"/portal-links", strings.NewReader(`{"actor":"anna","permissions":["`+permission+`"],"minutes":60}`))
	r.Header.Set(web.OperatorHeader, operator)
	answer := httptest.NewRecorder()
	a.WithPortal().AdminHandler().ServeHTTP(answer, r)
	var made struct{ URL string }
	require.NoError(f, json.Unmarshal(answer.Body.Bytes(), &made), answer.Body)
	u, err := url.Parse(made.URL)
	require.NoError(f, err)
	return u.Query().Get("t")
}

// pageForm matches the token of a page's forms.
var pageForm = regexp.MustCompile(`name="form" value="([^"]+)"`)

// visitor returns who has opened a new link.
func (w *world) visitor(f *testing.F, of, permission string) visitor {
	f.Helper()
	r := w.ask(f, visitor{}, http.MethodPost, "/open", "t="+w.newLink(f, of, permission))
	require.Equal(f, http.StatusSeeOther, r.response.StatusCode, r.response.Body)
	require.Len(f, r.response.Cookies, 1)
	cookie, _, _ := strings.Cut(r.response.Cookies[0], ";")
	v := visitor{tenant: of, setup: permission == "setup", cookies: []string{cookie}}
	found := pageForm.FindStringSubmatch(text(f, w.ask(f, v, http.MethodGet, "/requests", "").response))
	require.NotNil(f, found)
	v.form = html.UnescapeString(found[1])
	return v
}

// ask sends one request to the portal on the world's own table.
func (w *world) ask(f *testing.F, v visitor, method, path, body string) *result {
	f.Helper()
	return w.invoke(f, w.filled, "PortalFunction", lambdahttp.Event{
		RawPath: "/portal" + path, Body: body, Cookies: v.cookies,
		Headers: map[string]string{"content-type": "application/x-www-form-urlencoded", "origin": origin()},
	}, method)
}

func origin() string {
	u, _ := url.Parse(fixture.BaseURL)
	return u.Scheme + "://" + u.Host
}

// visitors returns those who send requests: with a session, and with what only looks like one.
func (w *world) visitors(f *testing.F) []visitor {
	f.Helper()
	setup, view, other := w.visitor(f, "acme", "setup"), w.visitor(f, "acme", "view"), w.visitor(f, "full", "setup")
	renamed := strings.Replace(setup.cookies[0], "rcv_acme_", "rcv_full_", 1)
	return []visitor{
		setup, view, other,
		{},
		{cookies: []string{renamed}, form: setup.form},
		{cookies: []string{setup.cookies[0], other.cookies[0]}, form: setup.form},
		{cookies: []string{strings.Replace(setup.cookies[0], portalCookie, "rollcall-portal", 1)}, form: setup.form},
		{cookies: []string{setup.cookies[0][:len(setup.cookies[0])-1]}, form: setup.form},
		{tenant: "acme", setup: true, cookies: setup.cookies, form: other.form},
	}
}

// reaches fails the test unless requests with a session do what they are for: otherwise the fuzzer
// would find nothing.
func (w *world) reaches(f *testing.F, visitors []visitor) {
	f.Helper()
	for who, want := range []int{http.StatusSeeOther, http.StatusNotFound, http.StatusSeeOther, http.StatusForbidden, http.StatusForbidden, http.StatusForbidden, http.StatusForbidden, http.StatusForbidden, http.StatusForbidden} {
		v := visitors[who]
		r := w.ask(f, v, http.MethodPost, "/tokens", "label=x&form="+v.form)
		require.Equal(f, want, r.response.StatusCode, "visitor %d: %s", who, r.response.Body)
		require.Equal(f, want == http.StatusSeeOther, slices.ContainsFunc(r.calls, func(c call) bool { return c.write }), "visitor %d", who)
	}
	page := text(f, w.ask(f, visitors[0], http.MethodGet, "/users", "").response)
	require.Contains(f, page, markers["acme"])
	require.NotContains(f, page, markers["full"])
}

// A portalSeed is a request to the portal.
type portalSeed struct {
	method, target, headers, body string
	who                           uint8
}

// portalSeeds are the pages and forms of the portal, with ids of both tenants.
func portalSeeds() []portalSeed {
	form := "origin: " + origin() + "\nsec-fetch-site: same-origin\ncontent-type: application/x-www-form-urlencoded"
	var all []portalSeed
	for _, target := range []string{
		"", "/", "/failed", "/failed?subject=" + fixture.Fay, "/failed.csv", "/push-again", "/log?outcome=failure&after=x", "/log.csv", "/requests", "/users?subject=fay%40example.com", "/users/" + fixture.Alice, "/users/" + fixture.Fay,
		"/users/..%2f..%2ffull%2fusers", "/users/full%23USERS", "/groups/" + fixture.Design, "/causes/seat_limit", "/tokens", "/tokens/minted", "/clients", "/clients/rcc_full_" + strings.Repeat("a", 16),
		"/connect", "/connect/okta?created=1&credential=x", "/connect/entra-oauth", "/t/full", "/settings", "/open?t=LINK", "/open?t=rcl_full_x", "/style.css",
	} {
		all = append(all, portalSeed{"GET", target, "", "", 0}, portalSeed{"GET", target, "", "", uint8(1 + len(all)/2%8)})
	}
	for _, target := range []string{"/requests", "/requests/x/check", "/tokens", "/tokens/x/rotate", "/tokens/x/complete", "/clients", "/clients/rcc_full_" + strings.Repeat("a", 16) + "/secret", "/connect/okta", "/connect/another-federation", "/users/" + fixture.Alice + "/deactivate", "/settings", "/leave"} {
		body := "form=FORM&label=x&tenant=full&text=403+Forbidden&issuer=https%3A%2F%2Fa.example&subject=s&audience=a&jwksUri=https%3A%2F%2F10.0.0.1%2F&maxSeats=9"
		all = append(all, portalSeed{"POST", target, form, body, 0}, portalSeed{"POST", target, form, body, 1}, portalSeed{"POST", target, form, body, uint8(2 + len(all)/3%7)})
	}
	return append(all, portalSeed{"POST", "/open", form, "t=LINK", 3}, portalSeed{"POST", "/open", "origin: https://evil.example\ncontent-type: application/x-www-form-urlencoded", "t=LINK", 2}, portalSeed{"HEAD", "/open?t=LINK", "", "", 3})
}

// checkPortal fails the test unless the answer, the log and the table are as they must be after any
// request to the portal. linked is set if the request has acme's link.
func (r *result) checkPortal(t *testing.T, w *world, v visitor, method string, linked bool) {
	t.Helper()
	status := r.response.StatusCode
	assert.True(t, status >= 200 && status < 500, "status %d: %s", status, r.response.Body)
	log, own := string(bytes.Join(r.lines, []byte("\n"))), 0
	for _, line := range r.lines {
		var fields map[string]any
		require.NoError(t, json.Unmarshal(line, &fields), "%s", line)
		if fields["event"] == "portal.request" {
			own++
			assert.EqualValues(t, status, fields["status"], "%s", line)
		}
	}
	if own == 0 { // the event is none of API Gateway's
		assert.Equal(t, http.StatusBadRequest, status, r.response.Body)
		return
	}
	assert.Equal(t, 1, own, log)
	for name, want := range map[string]string{"Cache-Control": "no-store", "X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff"} {
		assert.Equal(t, want, r.response.Headers[name], name)
	}
	r.checkReach(t, v, method, linked)
	body := text(t, r.response)
	assert.False(t, credential.In(log), "a credential is in the log: %s", log)
	for _, cookie := range v.cookies {
		_, secret, _ := strings.Cut(cookie, "=")
		assert.NotContains(t, body+log, secret, "the cookie is told")
	}
	for name, marker := range markers {
		if name != v.tenant {
			assert.NotContains(t, body+log, marker, "data of another tenant")
		}
	}
	assert.Empty(t, w.grants.Refused(), "the role does not grant it")
	assert.LessOrEqual(t, r.trips, maxTrips, "round trips")
	assert.LessOrEqual(t, r.allocated, uint64(maxAllocated), "bytes allocated")
	assert.Less(t, r.took, maxTime)
}

// checkReach checks whose items were touched, and that only who may set up changes more than links
// and sessions.
func (r *result) checkReach(t *testing.T, v visitor, method string, linked bool) {
	t.Helper()
	for _, c := range r.calls {
		what := fmt.Sprintf("%s %q, written: %t", c.partition, c.sort, c.write)
		name := tenantOf(c.partition)
		switch {
		case c.partition == "KEYS":
			assert.False(t, c.write, what)
			continue
		case c.partition == "EXPIRING":
			assert.True(t, v.setup && strings.Contains(c.sort, "#"+v.tenant+"#"), what)
		case name != v.tenant || name == "":
			assert.True(t, linked && c.partition == "T#acme#PORTAL" || linked && !c.write && name == "acme", what)
		}
		if !c.write || strings.HasSuffix(c.partition, "#PORTAL") {
			continue
		}
		// A client whose federation or keys were refused stays, and cannot authenticate.
		refused := r.response.StatusCode >= http.StatusBadRequest
		assert.True(t, v.setup && method == http.MethodPost && (!refused || r.isBare(t, v.tenant, c)), "%d: %s", r.response.StatusCode, what)
		assert.True(t, c.partition == "T#"+v.tenant || c.partition == "EXPIRING", what)
	}
}

// isBare reports whether a call has created a client that cannot authenticate.
func (r *result) isBare(t *testing.T, of string, c call) bool {
	t.Helper()
	if c.sort == "CLIENTS" { // counts them
		return c.partition == "T#"+of
	}
	id, ok := strings.CutPrefix(c.sort, "CLIENT#")
	if !ok || c.partition != "T#"+of {
		return false
	}
	client, exists, err := r.app.Store.Client(t.Context(), stage.ID(t, of), id)
	require.NoError(t, err)
	return exists && client.Federation == nil && client.Keys == nil && len(client.Secrets) == 0
}
