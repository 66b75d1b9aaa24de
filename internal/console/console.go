package console

import (
	"embed"
	"errors"
	"html/template"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/rollcall-scim/rollcall/internal/adminclient"
	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/web"
)

// Prefix begins the path of every page.
const Prefix = "/console"

// secretParameter is the name in the query of the secret that a link has.
const secretParameter = "t"

// Config configures a Console.
type Config struct {
	// Client reads the service that the pages show.
	Client *adminclient.Client
	// Address is where the console listens, host:port.
	Address string
	// Place names the service in the foot of the page: a stack's name, or "this
	// machine".
	Place string
	// Log gets a line for each request.
	Log *slog.Logger
	// Now is the clock; the time of day when nil.
	Now func() time.Time
}

// Console serves the pages. Safe for concurrent use.
type Console struct {
	client   *adminclient.Client
	place    string
	log      *slog.Logger
	now      func() time.Time
	hosts    []string
	cookie   string
	sessions *sessions
	router   *web.Router[route]
	pages    map[string]*template.Template

	mu     sync.Mutex
	causes []adminwire.Cause
}

// files are the pages' templates and their stylesheet.
//
//go:embed templates/*.html style.css icon.svg
var files embed.FS

// New returns a Console.
func New(config Config) (*Console, error) {
	_, port, err := net.SplitHostPort(config.Address)
	if err != nil {
		return nil, err
	}
	c := &Console{
		client: config.Client, place: config.Place, log: config.Log, now: config.Now,
		hosts: Hosts(config.Address),
		// Cookies are shared by all ports of a host: each console has a name of its own.
		cookie: "rollcall-console-" + port,
	}
	if c.now == nil {
		// Links and sessions end while the machine sleeps, too.
		c.now = func() time.Time { return time.Now().Round(0) }
	}
	c.sessions = newSessions(c.now)
	if c.pages, err = parsePages(); err != nil {
		return nil, err
	}
	c.router = web.NewRouter(web.Exact, c.routes(), (*route).pattern)
	return c, nil
}

// Link returns the path of a page with a secret that works once, within ten minutes,
// and begins a session: a tenant's page, or the first page for "".
func (c *Console) Link(tenant string) string {
	page := Prefix + "/"
	if tenant != "" {
		page = of(tenant)
	}
	return page + question(url.Values{secretParameter: {c.sessions.link()}}.Encode())
}

// handler answers a request of a live session: its page is shown, or its error as a
// problem.
type handler func(q *request) (page, error)

// request is a request on its way.
type request struct {
	*http.Request
	w      http.ResponseWriter
	cookie string
	// tenant is that of the path, parameters are the values of the route's names.
	tenant     string
	parameters map[string]string
}

// ServeHTTP answers a request, and logs it in one line.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := c.now()
	recorded := &recorder{ResponseWriter: w}
	for name, value := range header {
		recorded.Header().Set(name, value)
	}
	route, fault := c.answer(recorded, r)
	c.logLine(r, route, recorded.status, start, fault)
}

// answer answers a request. route is its pattern, "" for none.
func (c *Console) answer(w http.ResponseWriter, r *http.Request) (route string, fault error) {
	switch {
	case !c.knownHost(r):
		// A page under another name learns nothing.
		http.Error(w, "This address is not the console's: use the link that rollcall printed.", http.StatusMisdirectedRequest)
		return "", nil
	case !bounded(r):
		return "", c.refuse(w, r, http.StatusRequestURITooLong)
	case r.Method == http.MethodGet && r.URL.Path == Prefix+"/style.css":
		return "GET " + Prefix + "/style.css", c.file(w, "style.css", "text/css; charset=utf-8")
	case r.Method == http.MethodGet && r.URL.Path == Prefix+"/icon.svg":
		return "GET " + Prefix + "/icon.svg", c.file(w, "icon.svg", "image/svg+xml")
	case r.Method == http.MethodGet && r.URL.Path == Prefix:
		w.Header().Set("Location", Prefix+"/"+question(r.URL.RawQuery))
		w.WriteHeader(http.StatusPermanentRedirect)
		return "GET " + Prefix, nil
	case r.URL.Query().Has(secretParameter):
		return "GET " + Prefix + "/?" + secretParameter, c.enter(w, r)
	}
	q := &request{Request: r, w: w, cookie: c.cookieOf(r)}
	if !c.sessions.known(q.cookie) {
		return "", c.refuse(w, r, http.StatusForbidden)
	}
	found, parameters, allowed := c.router.Find(r.Method, r.URL.EscapedPath())
	if found == nil {
		if len(allowed) > 0 {
			w.Header().Set("Allow", strings.Join(allowed, ", "))
			return "", c.show(q, problemPage(http.StatusMethodNotAllowed, "Method not allowed", "Go back, and follow a link or a button of the page."))
		}
		return "", c.show(q, noPage())
	}
	route = found.method + " " + found.path
	q.parameters, q.tenant = parameters, parameters["tenant"]
	if r.Method == http.MethodPost {
		if p, ok := c.checkForm(q); !ok {
			return route, c.show(q, p)
		}
	}
	p, err := found.handler(q)
	if err != nil {
		var told error
		if p, told = c.problemOf(q, err); told != nil {
			fault = told
		}
	}
	return route, errors.Join(fault, c.show(q, p))
}

// question returns a query with its question mark.
func question(query string) string {
	if query == "" {
		return ""
	}
	return "?" + query
}

// cookieOf returns the session's cookie, "" for none or for several.
func (c *Console) cookieOf(r *http.Request) string {
	if sent := r.CookiesNamed(c.cookie); len(sent) == 1 {
		return sent[0].Value
	}
	return ""
}

// enter begins a session with a link's secret, and goes on to the page without it.
func (c *Console) enter(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodGet {
		w.Header().Set("Allow", http.MethodGet)
		return c.refuse(w, r, http.StatusMethodNotAllowed)
	}
	if !opened(r) {
		return c.refuse(w, r, http.StatusForbidden) // and not counted as a guess
	}
	if ahead(r) {
		// The link would be used up by a page that is not shown.
		return c.refuse(w, r, http.StatusServiceUnavailable)
	}
	secrets := r.URL.Query()[secretParameter]
	if len(secrets) != 1 {
		return c.refuse(w, r, http.StatusForbidden)
	}
	cookie, e := c.sessions.enter(secrets[0])
	switch e {
	case refused:
		if c.sessions.known(c.cookieOf(r)) {
			break // a link that this session has used before
		}
		return c.refuse(w, r, http.StatusForbidden)
	case tooOften:
		w.Header().Set("Retry-After", "60")
		return c.refuse(w, r, http.StatusTooManyRequests)
	case entered:
		http.SetCookie(w, &http.Cookie{Name: c.cookie, Value: cookie, Path: Prefix, HttpOnly: true, SameSite: http.SameSiteStrictMode})
	}
	w.Header().Set("Location", withoutSecret(r.URL))
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// checkForm reads a form and reports whether a page of this session sent it; p is
// shown otherwise.
func (c *Console) checkForm(q *request) (p page, ok bool) {
	q.Body = http.MaxBytesReader(q.w, q.Body, maxBody)
	kind, _, _ := strings.Cut(q.Header.Get("Content-Type"), ";")
	if strings.TrimSpace(kind) != "application/x-www-form-urlencoded" {
		return problemPage(http.StatusUnsupportedMediaType, "Unsupported media type", "Go back to the page and send its form."), false
	}
	if err := q.ParseForm(); err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return problemPage(http.StatusRequestEntityTooLarge, "The form is too large", "Nothing was changed. Go back and send less."), false
		}
		return problemPage(http.StatusBadRequest, "Invalid form", "Nothing was changed. Go back to the page and send its form again."), false
	}
	if !ownForm(q.Request) || !c.sessions.isForm(q.cookie, q.PostForm.Get("form")) {
		return problemPage(http.StatusForbidden, "The form did not come from this console", "Nothing was changed. Open the page again, here, and send the form from there."), false
	}
	return page{}, true
}

// leave ends the session.
func (c *Console) leave(q *request) (page, error) {
	c.sessions.leave(q.cookie)
	http.SetCookie(q.w, &http.Cookie{Name: c.cookie, Path: Prefix, MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteStrictMode})
	return page{status: http.StatusOK, name: "outside", title: "Signed out", data: outside{
		What: "You are signed out", Do: "The session has ended.", Fresh: true,
	}}, nil
}

// logLine logs a request without its query and without the values in its path.
func (c *Console) logLine(r *http.Request, route string, status int, start time.Time, fault error) {
	level := slog.LevelInfo
	switch {
	case status >= http.StatusInternalServerError:
		level = slog.LevelError
	case status >= http.StatusBadRequest:
		level = slog.LevelWarn
	}
	method := "OTHER"
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost:
		method = r.Method
	}
	attrs := []slog.Attr{
		slog.String("event", "console.request"), slog.String("method", method), slog.Int("status", status),
		slog.Float64("durationMs", float64(c.now().Sub(start).Microseconds())/1000),
	}
	if route != "" {
		attrs = append(attrs, slog.String("route", route))
	}
	if fault != nil {
		attrs = append(attrs, slog.String("error", fault.Error()))
	}
	c.log.LogAttrs(r.Context(), level, "console.request", attrs...)
}

// recorder records the status of an answer.
type recorder struct {
	http.ResponseWriter
	status int
}

// WriteHeader writes the status, and records it.
func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}
