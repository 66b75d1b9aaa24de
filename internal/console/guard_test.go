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

	"github.com/rollcall-scim/rollcall/internal/web"
)

func TestHosts_AreThisMachinesNames(t *testing.T) {
	for address, want := range map[string][]string{
		"127.0.0.1:8090":   {"localhost:8090", "127.0.0.1:8090", "[::1]:8090", "127.0.0.1:8090"},
		"[::1]:8090":       {"localhost:8090", "127.0.0.1:8090", "[::1]:8090", "[::1]:8090"},
		"0.0.0.0:8090":     {"localhost:8090", "127.0.0.1:8090", "[::1]:8090"},
		"127.0.0.1:80":     {"localhost:80", "localhost", "127.0.0.1:80", "127.0.0.1", "[::1]:80", "[::1]", "127.0.0.1:80", "127.0.0.1"},
		"not an address":   nil,
		"192.168.1.5:8090": {"localhost:8090", "127.0.0.1:8090", "[::1]:8090", "192.168.1.5:8090"},
	} {
		got := Hosts(address)
		assert.Truef(t, slices.Equal(got, want), "%s: %q, want %q", address, got, want)
	}
}

// A page of another name that resolves to this machine gets nothing, with a session
// neither, and uses no link up.
func TestHost_OfAnotherNameIsRefused(t *testing.T) {
	b := visitor(t, healthy())
	link := b.console.Link("")
	for _, name := range []string{"evil.example", "evil.example:8090", "127.0.0.1", "127.0.0.1:8091", "localhost.evil.example:8090", "127.0.0.1:8090.evil.example", "", "[::1]"} {
		for _, path := range []string{"/console/t/acme", link, "/console/style.css"} {
			r := b.newRequest(http.MethodGet, path, "")
			r.Host = name
			a := b.send(r)
			if a.Code != http.StatusMisdirectedRequest || strings.Contains(a.Body.String(), "acme") || len(a.Result().Cookies()) > 0 {
				t.Errorf("%q %s: %d %s", name, path, a.Code, a.Body)
			}
		}
	}
	for _, name := range []string{"localhost:8090", "LOCALHOST:8090", "[::1]:8090"} {
		r := b.newRequest(http.MethodGet, "/console/t/acme", "")
		r.Host = name
		assert.Equalf(t, http.StatusOK, b.send(r).Code, "%q", name)
	}
	assert.Equal(t, http.StatusSeeOther, b.get(link).Code, "the link is used up")
}

func TestHeaders_AreOnEveryAnswer(t *testing.T) {
	b := visitor(t, healthy())
	stranger := outsider(t, healthy())
	misled := b.newRequest(http.MethodGet, "/console/", "")
	misled.Host = "evil.example"
	answers := map[string]answer{
		"style": b.get("/console/style.css"), "icon": b.get("/console/icon.svg"), "script": b.get("/console/script.js"), "no session": stranger.get("/console/t/acme"),
		"a wrong link": stranger.get("/console/?t=wrong"), "a link": stranger.get(stranger.console.Link("")), "another name": b.send(misled),
		"too long": b.get("/console/?x=" + strings.Repeat("x", maxQuery)), "without slash": b.get("/console"),
	}
	for _, path := range pages() {
		answers[path] = b.get(path)
	}
	for name, a := range answers {
		for header, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
			"X-Content-Type-Options":  "nosniff", "X-Frame-Options": "DENY", "Cache-Control": "no-store",
			"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
		} {
			got := a.Header().Values(header)
			assert.Truef(t, slices.Equal(got, []string{want}), "%s: %s is %q", name, header, got)
		}
		want := "no-referrer"
		if strings.HasPrefix(name, "/console") && a.Code != http.StatusSeeOther {
			want = formReferrer
		}
		got := a.Header().Get("Referrer-Policy")
		assert.Equalf(t, want, got, "%s: Referrer-Policy is %s", name, got)
	}
	for name, kind := range map[string]string{"style": "text/css; charset=utf-8", "icon": "image/svg+xml", "script": "text/javascript; charset=utf-8"} {
		if a := answers[name]; a.Code != http.StatusOK || a.Header().Get("Content-Type") != kind || a.Body.Len() == 0 {
			t.Errorf("%s: %d %s", name, a.Code, a.Header().Get("Content-Type"))
		}
	}
}

// The policy lets scripts of the console's own origin run: of all answers only the one script
// is a script, and it writes no markup.
func TestScript_IsTheOnlyOne(t *testing.T) {
	b := visitor(t, healthy())
	for _, path := range append(pages(), "/console/style.css", "/console/icon.svg") {
		assert.NotContains(t, b.get(path).Header().Get("Content-Type"), "script", path)
	}
	script, err := files.ReadFile("script.js")
	require.NoError(t, err)
	for _, what := range []string{"innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval", "Function(", "setTimeout(", "fetch(", "XMLHttp", "import", "createPolicy", "location", "cookie", "Storage"} {
		assert.NotContains(t, string(script), what)
	}
}

// Without a session nothing is asked of the service, and nothing of it is shown.
func TestSession_IsNeededForEveryPage(t *testing.T) {
	b := outsider(t, healthy())
	for _, path := range pages() {
		a := b.get(path)
		if a.Code != http.StatusForbidden || strings.Contains(a.Body.String(), "acme") || strings.Contains(a.Body.String(), "Sign out") {
			t.Errorf("%s: %d", path, a.Code)
		}
		a.page().says(t, "The console needs a link")
	}
	for _, r := range b.console.routes {
		if r.method == http.MethodPost {
			if a := b.post(strings.NewReplacer("{tenant}", "acme", "{token}", "tok1", "{user}", "u1", "{change}", "revoke").Replace(r.path), nil); a.Code != http.StatusForbidden {
				t.Errorf("%s: %d", r.path, a.Code)
			}
		}
	}
	for _, cookie := range []string{"wrong", "", "a=b", strings.Repeat("x", 4096)} {
		b.cookies = map[string]string{b.console.cookie: cookie}
		a := b.get("/console/t/acme")
		assert.Equalf(t, http.StatusForbidden, a.Code, "the cookie %.10q: %d", cookie, a.Code)
	}
	asked, _ := b.service.last()
	assert.Emptyf(t, asked, "asked %q", asked)
}

// Two cookies of one name are of two that set one: neither is believed.
func TestSession_BelongsToOneCookie(t *testing.T) {
	b := visitor(t, healthy())
	r := b.newRequest(http.MethodGet, "/console/t/acme", "")
	r.AddCookie(&http.Cookie{Name: b.console.cookie, Value: "another"})
	assert.Equal(t, http.StatusForbidden, b.send(r).Code)
}

func TestLink_WorksOnce(t *testing.T) {
	b := outsider(t, healthy())
	link := b.console.Link("acme")
	require.Truef(t, strings.HasPrefix(link, "/console/t/acme?t="), "the link is %s", link)
	a := b.get(link + "&x=1")
	if a.Code != http.StatusSeeOther || a.Header().Get("Location") != "/console/t/acme?x=1" {
		t.Errorf("%d %s", a.Code, a.Header().Get("Location"))
	}
	cookies := a.Result().Cookies()
	require.Lenf(t, cookies, 1, "cookies %v", cookies)
	c := cookies[0]
	if c.Name != "rollcall-console-8090" || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/console" || c.Domain != "" || c.MaxAge != 0 || !c.Expires.IsZero() || len(c.Value) < 40 || strings.Contains(link, c.Value) {
		t.Errorf("the cookie is %+v", c)
	}
	assert.Equal(t, http.StatusOK, b.get("/console/t/acme").Code, "with the cookie")
	if a := b.get(link); a.Code != http.StatusSeeOther || len(a.Result().Cookies()) > 0 {
		t.Errorf("again, by who is in: %d %v", a.Code, a.Result().Cookies())
	}
	b.cookies = map[string]string{}
	a = b.get(link)
	if a.Code != http.StatusForbidden || len(a.Result().Cookies()) > 0 {
		t.Errorf("again: %d %v", a.Code, a.Result().Cookies())
	}
	a.page().says(t, "Link already used", "rollcall console")
	_, secret, _ := strings.Cut(link, "?t=")
	if strings.Contains(b.log.String(), secret) || strings.Contains(b.log.String(), c.Value) || strings.Contains(a.Body.String(), secret) {
		t.Error("the secret is told")
	}
}

func TestLink_EndsAfterTenMinutes(t *testing.T) {
	b := outsider(t, healthy())
	early, late := b.console.Link(""), b.console.Link("")
	b.now = b.now.Add(linkTime - time.Second)
	a := b.get(early)
	assert.Equalf(t, http.StatusSeeOther, a.Code, "before: %d", a.Code)
	b.cookies = map[string]string{}
	b.now = b.now.Add(time.Second)
	assert.Equal(t, http.StatusForbidden, b.get(late).Code, "behind")
}

func TestLink_IsNotUsedUpByOthers(t *testing.T) {
	b := outsider(t, healthy())
	link := b.console.Link("")
	head := b.newRequest(http.MethodHead, link, "")
	fetched := b.newRequest(http.MethodGet, link, "")
	fetched.Header.Set("Sec-Purpose", "prefetch;prerender")
	for want, r := range map[int]*http.Request{http.StatusMethodNotAllowed: head, http.StatusServiceUnavailable: fetched} {
		a := b.send(r)
		assert.Truef(t, a.Code == want && len(a.Result().Cookies()) == 0, "%s: %d", r.Method, a.Code)
	}
	for range 2 * maxWrong { // more than are looked at
		loaded := b.newRequest(http.MethodGet, link, "")
		loaded.Header.Set("Sec-Fetch-Dest", "image")
		a := b.send(loaded)
		assert.Truef(t, a.Code == http.StatusForbidden && len(a.Result().Cookies()) == 0, "loaded by another page: %d", a.Code)
	}
	assert.Equal(t, http.StatusForbidden, b.get(link+"&t=again").Code, "two secrets")
	assert.Equal(t, http.StatusSeeOther, b.get(link).Code, "the link")
}

func TestLink_IsNotGuessed(t *testing.T) {
	b := outsider(t, healthy())
	link := b.console.Link("")
	_, secret, _ := strings.Cut(link, "?t=")
	require.Truef(t, len(secret) >= 40, "a secret of %d characters", len(secret))
	for i := range maxWrong {
		require.Equalf(t, http.StatusForbidden, b.get("/console/?t="+secret[:len(secret)-1-i]).Code, "guess %d", i)
	}
	a := b.get(link)
	assert.Truef(t, a.Code == http.StatusTooManyRequests && a.Header().Get("Retry-After") != "", "the next one: %d", a.Code)
	a.page().says(t, "Too many wrong links")
	b.now = b.now.Add(wrongTime)
	assert.Equal(t, http.StatusSeeOther, b.get(link).Code, "a minute later")
}

func TestLinks_AreBounded(t *testing.T) {
	b := outsider(t, healthy())
	var links []string
	for range maxLinks + 1 {
		links = append(links, b.console.Link(""))
		b.now = b.now.Add(time.Second)
	}
	n := len(b.console.sessions.links)
	assert.Equalf(t, maxLinks, n, "%d links are kept", n)
	assert.Equal(t, http.StatusForbidden, b.get(links[0]).Code, "the oldest")
	for range maxSessions + 1 {
		b.cookies = map[string]string{}
		b.get(b.console.Link(""))
		b.now = b.now.Add(time.Second)
	}
	n = len(b.console.sessions.live)
	assert.Equalf(t, maxSessions, n, "%d sessions are kept", n)
}

func TestSession_Ends(t *testing.T) {
	for _, tt := range []struct {
		name  string
		every time.Duration
		times int
		ok    bool
	}{
		{"in use", idleTime - time.Second, 2, true},
		{"idle", idleTime, 1, false},
		{"used for long", time.Hour, 12, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := visitor(t, healthy())
			last := 0
			for range tt.times {
				b.now = b.now.Add(tt.every)
				last = b.get("/console/t/acme").Code
			}
			if ok := last == http.StatusOK; ok != tt.ok {
				t.Errorf("%d after %s", last, b.now.Sub(noon))
			}
		})
	}
}

func TestSession_EndsByLeaving(t *testing.T) {
	b := visitor(t, healthy())
	cookies := map[string]string{b.console.cookie: b.cookies[b.console.cookie]}
	a := b.post("/console/leave", nil)
	a.page().says(t, "You are signed out")
	assert.Truef(t, a.Code == http.StatusOK && len(b.cookies) == 0, "%d, cookies %v", a.Code, b.cookies)
	b.cookies = cookies
	if a := b.get("/console/t/acme"); a.Code != http.StatusForbidden {
		t.Errorf("with the cookie of before: %d", a.Code)
	}
}

// A form that no page of this session sent changes nothing.
func TestForms_AreAcceptedFromThisConsoleOnly(t *testing.T) {
	b := visitor(t, healthy())
	other := b.console.sessions.formToken("another session")
	own := b.console.sessions.formToken(b.cookies[b.console.cookie])
	for _, tt := range []struct {
		name   string
		change func(r *http.Request)
		form   url.Values
		want   int
	}{
		{"as a page sends it", nil, nil, http.StatusSeeOther},
		{"a browser without Sec-Fetch-Site", func(r *http.Request) { r.Header.Del("Sec-Fetch-Site") }, nil, http.StatusSeeOther},
		{"by another name of this machine", func(r *http.Request) { r.Host = "localhost:8090"; r.Header.Set("Origin", "http://localhost:8090") }, nil, http.StatusSeeOther},
		{"no origin", func(r *http.Request) { r.Header.Del("Origin") }, nil, http.StatusForbidden},
		{"an opaque origin", func(r *http.Request) { r.Header.Set("Origin", "null") }, nil, http.StatusForbidden},
		{"another origin", func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") }, nil, http.StatusForbidden},
		{"another port", func(r *http.Request) { r.Header.Set("Origin", "http://127.0.0.1:8091") }, nil, http.StatusForbidden},
		{"another scheme", func(r *http.Request) { r.Header.Set("Origin", "https://"+host) }, nil, http.StatusForbidden},
		{"two origins", func(r *http.Request) { r.Header.Add("Origin", "https://evil.example") }, nil, http.StatusForbidden},
		{"from another site", func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, nil, http.StatusForbidden},
		{"from the same site on another port", func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-site") }, nil, http.StatusForbidden},
		{"no token", nil, url.Values{"form": {""}}, http.StatusForbidden},
		{"another session's token", nil, url.Values{"form": {other}}, http.StatusForbidden},
		{"a token cut short", nil, url.Values{"form": {own[:len(own)-1]}}, http.StatusForbidden},
		{"the token in the query", func(r *http.Request) { r.URL.RawQuery = "form=" + own }, url.Values{"form": {""}}, http.StatusForbidden},
		{"no form", func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }, nil, http.StatusUnsupportedMediaType},
		{"no media type", func(r *http.Request) { r.Header.Del("Content-Type") }, nil, http.StatusUnsupportedMediaType},
		{"too large", nil, url.Values{"form": {own}, "x": {strings.Repeat("x", maxBody)}}, http.StatusRequestEntityTooLarge},
		{"not decodable", func(r *http.Request) {
			r.Body = http.NoBody
			r.URL.RawQuery = "%zz"
		}, nil, http.StatusBadRequest},
		{"from another name", func(r *http.Request) {
			r.Host = "evil.example:8090"
			r.Header.Set("Origin", "http://evil.example:8090")
		}, nil, http.StatusMisdirectedRequest},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for path, call := range map[string]string{
				"/console/t/acme/tokens":             "POST " + acme + "/tokens",
				"/console/t/acme/tokens/tok1/revoke": "DELETE " + acme + "/tokens/tok1",
			} {
				b.service.set("POST "+acme+"/tokens", map[string]any{"id": "tok5", "token": "rct_acme_new", "lastFour": "new"})
				b.service.set("DELETE "+acme+"/tokens/tok1", nil)
				b.service.last()
				form := url.Values{"form": {own}, "label": {"x"}}
				if tt.form != nil {
					form = tt.form
				}
				r := b.newRequest(http.MethodPost, path, form.Encode())
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				r.Header.Set("Origin", "http://"+host)
				r.Header.Set("Sec-Fetch-Site", "same-origin")
				if tt.change != nil {
					tt.change(r)
				}
				a := b.send(r)
				asked, _ := b.service.last()
				assert.Truef(t, a.Code == tt.want && slices.Contains(asked, call) == (tt.want == http.StatusSeeOther), "%s: %d, asked %q", path, a.Code, asked)
			}
		})
	}
}

func TestForms_OfChangesHaveTheirToken(t *testing.T) {
	b := visitor(t, healthy())
	own := b.console.sessions.formToken(b.cookies[b.console.cookie])
	posts := 0
	for _, path := range pages() {
		for _, f := range b.follow(path).page().named("form") {
			hidden := f.all(func(e *element) bool { return e.attrs["name"] == "form" })
			post := f.attrs["method"] == "post"
			assert.Equalf(t, len(hidden) == 1 && hidden[0].attrs["value"] == own, post, "%s: %v has %v", path, f, hidden)
			if post {
				posts++
			}
			assert.Truef(t, strings.HasPrefix(f.attrs["action"], "/console/"), "%s: %v", path, f)
		}
	}
	assert.Truef(t, posts >= 10, "%d forms", posts)
}

func TestRequests_AreBounded(t *testing.T) {
	b := visitor(t, healthy())
	b.service.last()
	for _, path := range []string{"/console/t/acme/log?subject=" + strings.Repeat("x", maxQuery), "/console/t/" + strings.Repeat("x", maxPath)} {
		assert.Equal(t, http.StatusRequestURITooLong, b.get(path).Code)
	}
	asked, _ := b.service.last()
	assert.Emptyf(t, asked, "asked %q", asked)
}

func TestRequests_ThatPanicAreAnswered(t *testing.T) {
	b := visitor(t, healthy())
	b.console.router = web.NewRouter(web.Exact, []route{{http.MethodGet, Prefix + "/", func(*request) (page, error) { panic("secret") }, operate, nil}}, (*route).pattern)
	b.log.Reset()
	a := b.get("/console/")
	assert.Truef(t, a.Code == http.StatusInternalServerError && strings.Contains(a.Body.String(), "Internal error of the console"), "%d %s", a.Code, a.Body)
	e := b.events()
	assert.Truef(t, len(e) == 1 && e[0]["level"] == "ERROR" && e[0]["error"] != nil && !strings.Contains(b.log.String(), "secret"), "%s", b.log)
}

// A request's line has the route, and nothing of what was sent.
func TestLog_HasOneLineForEachRequest(t *testing.T) {
	b := visitor(t, healthy())
	b.log.Reset()
	b.get("/console/t/acme/log?subject=secret-name")
	b.get("/console/t/secret-tenant/failed")
	b.get("/console/secret-path")
	b.send(b.newRequest("SECRET", "/console/", ""))
	b.get("/console/style.css")
	b.get("/console/?t=secret-link")
	misled := b.newRequest(http.MethodGet, "/console/", "")
	misled.Host = "secret.example"
	b.send(misled)
	want := []map[string]any{
		{"level": "INFO", "method": "GET", "status": 200.0, "route": "GET /console/t/{tenant}/log"},
		{"level": "WARN", "method": "GET", "status": 404.0, "route": "GET /console/t/{tenant}/failed"},
		{"level": "WARN", "method": "GET", "status": 404.0},
		{"level": "WARN", "method": "other", "status": 405.0},
		{"level": "INFO", "method": "GET", "status": 200.0, "route": "GET /console/style.css"},
		{"level": "INFO", "method": "GET", "status": 303.0, "route": "GET /console/?t"},
		{"level": "WARN", "method": "GET", "status": 421.0},
	}
	got := b.events()
	require.Lenf(t, got, len(want), "%d lines: %s", len(got), b.log)
	for i, e := range got {
		assert.Truef(t, e["event"] == "console.request" && e["msg"] == "" && e["durationMs"] != nil, "line %d: %v", i, e)
		for _, field := range []string{"level", "method", "status", "route"} {
			assert.Truef(t, e[field] == want[i][field], "line %d: %s is %v, want %v", i, field, e[field], want[i][field])
		}
		assert.Truef(t, len(e) <= 7, "line %d has %v", i, e)
	}
	assert.NotContainsf(t, strings.ToLower(b.log.String()), "secret", "the log has a secret: %s", b.log)
}
