package console

import (
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/rollcall-scim/rollcall/internal/adminclient"
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

// Console serves the pages to an operator. Safe for concurrent use.
type Console struct {
	site
	client   *adminclient.Client
	hosts    []string
	cookie   string
	sessions *sessions
}

// New returns a Console.
func New(config Config) (*Console, error) {
	_, port, err := net.SplitHostPort(config.Address)
	if err != nil {
		return nil, err
	}
	c := &Console{
		site: site{
			root: Prefix, name: "console", brand: Brand{Name: "rollcall"}, place: config.Place, log: config.Log, now: config.Now,
			policy: policyOf(""),
		},
		client: config.Client, hosts: Hosts(config.Address),
		// Cookies are shared by all ports of a host: each console has a name of its own.
		cookie: "rollcall-console-" + port,
	}
	routes := below(Prefix+"/t/{tenant}", c.tenantRoutes())
	routes = append(routes, below(Prefix, c.causeRoutes())...)
	routes = append(routes,
		route{method: http.MethodGet, path: Prefix + "/", handler: c.tenants},
		route{method: http.MethodPost, path: Prefix + "/leave", handler: c.leave})
	if err := c.open(c, routes); err != nil {
		return nil, err
	}
	c.sessions = newSessions(c.now)
	return c, nil
}

// Link returns the path of a page with a secret that works once, within ten minutes,
// and begins a session: a tenant's page, or the first page for "".
func (c *Console) Link(tenant string) string {
	page := Prefix + "/"
	if tenant != "" {
		page = home{root: Prefix}.in(tenant).of()
	}
	return page + question(url.Values{secretParameter: {c.sessions.link()}}.Encode())
}

// consoleVisit is a visit to the console.
type consoleVisit struct {
	sessions *sessions
	cookie   string
}

func (v consoleVisit) formToken() string         { return v.sessions.formToken(v.cookie) }
func (v consoleVisit) storeNotice(notice string) { v.sessions.storeNotice(v.cookie, notice) }
func (v consoleVisit) takeNotice() string        { return v.sessions.takeNotice(v.cookie) }
func (v consoleVisit) keep(m minted)             { v.sessions.keep(v.cookie, m) }
func (v consoleVisit) shown(tenant string, kind mintedKind) *minted {
	return v.sessions.shown(v.cookie, tenant, kind)
}

// enter implements door: of a live session every request gets a page.
func (c *Console) enter(q *request) (p page, ok bool) {
	cookie := c.cookieOf(q.Request)
	q.visit, q.rights, q.client = consoleVisit{c.sessions, cookie}, operate, c.client
	q.at = home{root: Prefix}
	if !c.knownHost(q.Request) {
		// A page under another name learns nothing.
		return page{answer: plainText(http.StatusMisdirectedRequest, "This address is not the console's: use the link that rollcall printed.")}, false
	}
	if !bounded(q.Request) {
		return refuse(q, http.StatusRequestURITooLong), false
	}
	if p, ok := q.static(Prefix); ok {
		return p, false
	}
	switch {
	case q.Method == http.MethodGet && q.URL.Path == Prefix:
		q.event.Route = "GET " + Prefix
		return page{answer: web.Redirect(http.StatusPermanentRedirect, Prefix+"/"+question(q.URL.RawQuery))}, false
	case q.URL.Query().Has(secretParameter):
		q.event.Route = "GET " + Prefix + "/?" + secretParameter
		return c.useLink(q, cookie), false
	case !c.sessions.known(cookie):
		return refuse(q, http.StatusForbidden), false
	}
	return page{}, true
}

// locate implements door: the tenant is that of the path.
func (c *Console) locate(q *request) {
	if q.tenant = q.parameters["tenant"]; q.tenant != "" {
		q.at = q.at.in(q.tenant)
	}
}

// sent implements door.
func (c *Console) sent(q *request) bool {
	return ownForm(q.Request, "http://"+q.Host) && c.sessions.isForm(c.cookieOf(q.Request), q.PostForm.Get("form"))
}

// problem implements door.
func (c *Console) problem(q *request, err error) (page, error) { return problemOf(q, err) }

// dress implements door.
func (c *Console) dress(_ *request, f *frame) { f.First, f.Tenants = Prefix+"/", Prefix+"/" }

// cookieOf returns the session's cookie, or "" if there is none or more than
// one.
func (c *Console) cookieOf(r *http.Request) string {
	if sent := r.CookiesNamed(c.cookie); len(sent) == 1 {
		return sent[0].Value
	}
	return ""
}

// useLink begins a session with the secret in a link, and redirects to the page
// without the secret.
func (c *Console) useLink(q *request, cookie string) page {
	secrets := q.URL.Query()[secretParameter]
	switch {
	case q.Method != http.MethodGet:
		p := refuse(q, http.StatusMethodNotAllowed)
		p.allow = []string{http.MethodGet}
		return p
	case !opened(q.Request):
		return refuse(q, http.StatusForbidden) // and not counted as a guess
	case ahead(q.Request):
		// The link would be used up by a page that is not shown.
		return refuse(q, http.StatusServiceUnavailable)
	case len(secrets) != 1:
		return refuse(q, http.StatusForbidden)
	}
	switch made, e := c.sessions.enter(secrets[0]); {
	case e == entered:
		q.cookies = append(q.cookies, c.newCookie(made))
	case e == tooOften:
		p := refuse(q, http.StatusTooManyRequests)
		p.retryAfter = 60
		return p
	case !c.sessions.known(cookie): // else it is a link that this session has used before
		return refuse(q, http.StatusForbidden)
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

// leave ends the session.
func (c *Console) leave(q *request) (page, error) {
	c.sessions.leave(c.cookieOf(q.Request))
	q.cookies = append(q.cookies, c.newCookie(""))
	return page{status: http.StatusOK, name: "outside", title: "Signed out", data: outside{
		What: "You are signed out", Do: "The session has ended.", Fresh: true,
	}}, nil
}
