package console

import (
	"embed"
	"errors"
	"html/template"
	"log/slog"
	"net"
	"net/http"
	"net/url"
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

// files are the pages' templates, their stylesheet and their script.
//
//go:embed templates/*.html style.css script.js icon.svg
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

// handler returns the page that answers a request of a live session, or an error that a
// problem page is made of.
type handler func(q *request) (page, error)

// request is a request on its way.
type request struct {
	*http.Request
	event  *event
	cookie string
	// tenant is that of the path, parameters are the values of the route's names.
	tenant     string
	parameters map[string]string
	// setCookie is the cookie that the answer sets, or nil if there is none.
	setCookie *http.Cookie
}

// event is the log line of a request, without its query and without the values in its path.
type event struct {
	web.Event
	Error error `log:"error"`
}

// ServeHTTP answers a request, and logs it in one line.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := &request{Request: r, event: &event{Event: web.NewEvent("console.request", "", r.Method, c.now())}, cookie: c.cookieOf(r)}
	answer, err := c.answer(q)
	if answer == nil {
		answer = plainText(http.StatusInternalServerError, "Internal error of the console. The log of rollcall has the error.")
	}
	for name, value := range header {
		w.Header().Set(name, value)
	}
	if q.setCookie != nil {
		http.SetCookie(w, q.setCookie)
	}
	answer.Send(w, r, "")
	q.event.Error = err
	q.event.Finish(answer.Status, c.now())
	q.event.Log(r.Context(), c.log, false, q.event)
}

// answer returns the answer to a request. An error is only logged, unless there is no answer.
func (c *Console) answer(q *request) (a *web.Answer, err error) {
	defer web.Recovered(&err)
	p, err := c.page(q)
	var fault error
	if err != nil {
		p, fault = c.problemOf(q, err)
	}
	a, err = c.render(q, p)
	return a, errors.Join(fault, err)
}

// page returns the page that answers a request.
func (c *Console) page(q *request) (page, error) {
	if p, ok := c.guard(q); !ok {
		return p, nil
	}
	found, parameters, allowed := c.router.Find(q.Method, q.URL.EscapedPath())
	switch {
	case found == nil && len(allowed) > 0:
		p := problemPage(http.StatusMethodNotAllowed, "Method not allowed", "Go back, and follow a link or a button of the page.")
		p.allow = allowed
		return p, nil
	case found == nil:
		return noPage(), nil
	}
	q.event.Route = found.method + " " + found.path
	q.parameters, q.tenant = parameters, parameters["tenant"]
	if q.Method == http.MethodPost {
		if p, ok := c.checkForm(q); !ok {
			return p, nil
		}
	}
	return found.handler(q)
}

// guard reports whether a request belongs to a live session. p answers any other request:
// with a refusal, a file or a redirect.
func (c *Console) guard(q *request) (p page, ok bool) {
	read := q.Method == http.MethodGet
	switch {
	case !c.knownHost(q.Request):
		// A page under another name learns nothing.
		return page{answer: plainText(http.StatusMisdirectedRequest, "This address is not the console's: use the link that rollcall printed.")}, false
	case !bounded(q.Request):
		return q.refuse(http.StatusRequestURITooLong), false
	case read && q.URL.Path == Prefix+"/style.css":
		return q.file("style.css", "text/css; charset=utf-8"), false
	case read && q.URL.Path == Prefix+"/script.js":
		return q.file("script.js", "text/javascript; charset=utf-8"), false
	case read && q.URL.Path == Prefix+"/icon.svg":
		return q.file("icon.svg", "image/svg+xml"), false
	case read && q.URL.Path == Prefix:
		q.event.Route = "GET " + Prefix
		return page{answer: web.Redirect(http.StatusPermanentRedirect, Prefix+"/"+question(q.URL.RawQuery))}, false
	case q.URL.Query().Has(secretParameter):
		q.event.Route = "GET " + Prefix + "/?" + secretParameter
		return c.enter(q), false
	case !c.sessions.known(q.cookie):
		return q.refuse(http.StatusForbidden), false
	}
	return page{}, true
}

// question returns a query with its question mark.
func question(query string) string {
	if query == "" {
		return ""
	}
	return "?" + query
}

// cookieOf returns the session's cookie, or "" if there is none or more than
// one.
func (c *Console) cookieOf(r *http.Request) string {
	if sent := r.CookiesNamed(c.cookie); len(sent) == 1 {
		return sent[0].Value
	}
	return ""
}

// enter begins a session with the secret in a link, and redirects to the page
// without the secret.
func (c *Console) enter(q *request) page {
	secrets := q.URL.Query()[secretParameter]
	switch {
	case q.Method != http.MethodGet:
		p := q.refuse(http.StatusMethodNotAllowed)
		p.allow = []string{http.MethodGet}
		return p
	case !opened(q.Request):
		return q.refuse(http.StatusForbidden) // and not counted as a guess
	case ahead(q.Request):
		// The link would be used up by a page that is not shown.
		return q.refuse(http.StatusServiceUnavailable)
	case len(secrets) != 1:
		return q.refuse(http.StatusForbidden)
	}
	switch cookie, e := c.sessions.enter(secrets[0]); {
	case e == entered:
		q.setCookie = c.newCookie(cookie)
	case e == tooOften:
		p := q.refuse(http.StatusTooManyRequests)
		p.retryAfter = 60
		return p
	case !c.sessions.known(q.cookie): // else it is a link that this session has used before
		return q.refuse(http.StatusForbidden)
	}
	return goOn(withoutSecret(q.URL))
}

// newCookie returns the cookie that keeps a session, or ends it for "".
func (c *Console) newCookie(value string) *http.Cookie {
	cookie := &http.Cookie{Name: c.cookie, Value: value, Path: Prefix, HttpOnly: true, SameSite: http.SameSiteStrictMode}
	if value == "" {
		cookie.MaxAge = -1
	}
	return cookie
}

// checkForm reads a form and reports whether a page of this session sent it; p is
// shown otherwise.
func (c *Console) checkForm(q *request) (p page, ok bool) {
	q.Body = http.MaxBytesReader(nil, q.Body, maxBody)
	if web.MediaType(q.Request) != "application/x-www-form-urlencoded" {
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
	q.setCookie = c.newCookie("")
	return page{status: http.StatusOK, name: "outside", title: "Signed out", data: outside{
		What: "You are signed out", Do: "The session has ended.", Fresh: true,
	}}, nil
}
