package console

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/adminclient"
	"github.com/rollcall-scim/rollcall/internal/web"
)

// PortalPrefix begins the path of every page of the portal, and PortalLink is where its links
// lead to.
const (
	PortalPrefix = web.PortalPrefix
	PortalLink   = PortalPrefix + "/open"
)

// A Guest is the holder of a working link, or of a session.
type Guest struct {
	// ID is the session's, and not secret.
	ID, Tenant string
	// Actor names the person in the log.
	Actor string
	// Setup reports whether the person may connect identity providers. Everyone may view.
	Setup bool
	// ReturnURL is where the portal leads back to, "" for nowhere.
	ReturnURL string
	// Expires is when the link or the session ends.
	Expires time.Time
}

// A Porter lets the holders of links in. Implementations are safe for concurrent use.
type Porter interface {
	// Look returns whom a link is for, without using it.
	Look(ctx context.Context, link string, from netip.Addr) (Guest, error)
	// Open uses a link up and begins a session, whose browser keeps the cookie.
	Open(ctx context.Context, link string, from netip.Addr) (cookie string, g Guest, err error)
	// Enter returns the holder of a session, and the context in which its requests reach the
	// tenant of the session and no other.
	Enter(ctx context.Context, cookie string) (Guest, context.Context, error)
	// Leave ends the session with a cookie.
	Leave(ctx context.Context, cookie string) error
}

// The reasons for which a Porter lets nobody in. With any other error nothing is known of the link
// or the session.
var (
	ErrNoLink  = errors.New("console: unknown, used or expired link")
	ErrNoVisit = errors.New("console: unknown or expired session")
	// ErrTooFast: the session or the address sends more requests than a person does.
	ErrTooFast = errors.New("console: too many requests")
)

// PortalConfig configures a Portal.
type PortalConfig struct {
	Porter Porter
	// Client returns a client of the admin API that acts in the name of a guest.
	Client func(g Guest) *adminclient.Client
	// Origin is the scheme and host by which browsers reach the portal.
	Origin string
	Brand  Brand
	// Log gets a line for each request.
	Log *slog.Logger
	// Now is the clock; the time of day when nil.
	Now func() time.Time
}

// A Portal serves the pages to people of one tenant: of the customer, whose identity provider
// provisions it. It keeps nothing in memory but what its limits need, so that any number of
// instances serve a session. Safe for concurrent use.
type Portal struct {
	site
	porter Porter
	call   func(g Guest) *adminclient.Client
	origin string
	// cookie is the name of the session's, and secure whether it is sent by TLS alone.
	cookie string
	secure bool
	style  []byte
}

// NewPortal returns a Portal. The error says which setting is wrong.
func NewPortal(config PortalConfig) (*Portal, error) {
	if err := config.Brand.Check(); err != nil {
		return nil, err
	}
	origin, err := url.Parse(config.Origin)
	if err != nil || origin.Host == "" {
		return nil, errors.New("the portal's origin is not a scheme and a host")
	}
	p := &Portal{
		site: site{
			root: PortalPrefix, name: "portal", brand: config.Brand, log: config.Log, now: config.Now,
			policy: policyOf(config.Brand.imageOrigin()),
		},
		porter: config.Porter, call: config.Client, origin: strings.ToLower(config.Origin),
		// The browser sends a cookie with this name only over TLS and only to this host, and no
		// other host, also none below the same domain, can set it.
		cookie: "__Host-rollcall-portal", secure: true, style: config.Brand.style(),
	}
	if origin.Scheme != "https" {
		// Cookies are shared by all ports of a host.
		p.cookie, p.secure = "rollcall-portal-"+origin.Port(), false
	}
	routes := below(PortalPrefix, p.tenantRoutes())
	routes = append(routes, below(PortalPrefix, p.causeRoutes())...)
	routes = append(routes, route{method: http.MethodPost, path: PortalPrefix + "/leave", handler: p.leave})
	if err := p.open(p, routes); err != nil {
		return nil, err
	}
	return p, nil
}

// enter implements door: of a live session every request gets a page.
func (p *Portal) enter(q *request) (page, bool) {
	q.at = home{root: PortalPrefix, path: PortalPrefix, offers: p.offers(view)}
	q.visit = &portalVisit{portal: p, q: q}
	if !bounded(q.Request) {
		return problemOutside(http.StatusRequestURITooLong, "The address is too long", "Go back, and search for less."), false
	}
	if found, ok := q.static(PortalPrefix); ok {
		return found, false
	}
	read := q.Method == http.MethodGet
	switch {
	case read && q.URL.Path == PortalPrefix+"/brand.css":
		q.event.Route = "GET " + PortalPrefix + "/brand.css"
		return page{answer: &web.Answer{Status: http.StatusOK, Body: p.style, MediaType: "text/css; charset=utf-8"}}, false
	case q.URL.Path == PortalLink:
		q.event.Route = q.event.Method + " " + PortalLink
		return p.useLink(q), false
	case read && q.URL.Path == PortalPrefix+"/":
		q.event.Route = "GET " + PortalPrefix + "/"
		return page{answer: web.Redirect(http.StatusPermanentRedirect, PortalPrefix)}, false
	}
	return p.enterSession(q)
}

// enterSession reports whether a request belongs to a live session, and sets what its pages
// need.
func (p *Portal) enterSession(q *request) (page, bool) {
	cookie := p.sentCookie(q.Request, p.cookie)
	if cookie == "" {
		return p.refusal(q, ErrNoVisit), false
	}
	guest, ctx, err := p.porter.Enter(q.Context(), cookie)
	if err != nil {
		return p.refusal(q, err), false
	}
	q.Request = q.WithContext(ctx)
	q.tenant, q.rights = guest.Tenant, view
	if guest.Setup {
		q.rights = setup
	}
	q.at.offers = p.offers(q.rights)
	q.client = p.call(guest)
	q.visit = &portalVisit{portal: p, q: q, cookie: cookie, guest: guest}
	q.event.Tenant, q.event.Actor = q.tenant, guest.Actor
	return page{}, true
}

// sentCookie returns the value of a cookie, or "" if there is none or more than one.
func (p *Portal) sentCookie(r *http.Request, name string) string {
	if sent := r.CookiesNamed(name); len(sent) == 1 {
		return sent[0].Value
	}
	return ""
}

// newCookie returns a cookie of the portal for some time, or ends it for "". The session's is sent
// with links from other sites, because the application's page leads here.
func (p *Portal) newCookie(name, value string, life time.Duration) *http.Cookie {
	cookie := &http.Cookie{Name: name, Value: value, Path: "/", HttpOnly: true, Secure: p.secure, SameSite: http.SameSiteLaxMode, MaxAge: int(life / time.Second)}
	if !p.secure {
		cookie.Path = PortalPrefix
	}
	if value == "" {
		cookie.MaxAge = -1
	}
	return cookie
}

// useLink answers a link: GET shows whom it is for, and a button, and POST of that button begins
// the session. Scanners of e-mail and previews of messengers open links too, and would use them up.
func (p *Portal) useLink(q *request) page {
	switch q.Method {
	case http.MethodGet, http.MethodHead:
		return p.showLink(q, q.URL.Query().Get(secretParameter))
	case http.MethodPost:
		return p.beginSession(q)
	}
	refused := problemOutside(http.StatusMethodNotAllowed, "Method not allowed", "Open the link in a browser.")
	refused.allow = []string{http.MethodGet, http.MethodHead, http.MethodPost}
	return refused
}

// showLink shows whom a link is for.
func (p *Portal) showLink(q *request, secret string) page {
	guest, err := p.porter.Look(q.Context(), secret, addressOf(q.Request))
	if err != nil {
		return p.refusal(q, err)
	}
	q.event.Tenant, q.event.Actor = guest.Tenant, guest.Actor
	return page{name: "open", title: "Open the portal", data: map[string]any{
		"Tenant": guest.Tenant, "Actor": guest.Actor, "Setup": guest.Setup, "Secret": secret, "To": PortalLink, "Ends": when(guest.Expires, p.now()),
	}}
}

// beginSession uses a link up, and goes on to the first page.
func (p *Portal) beginSession(q *request) page {
	if refused, ok := q.readForm(); !ok {
		return problemOutside(refused.status, refused.title, "Open the link again.")
	}
	if !ownForm(q.Request, p.origin) {
		return problemOutside(http.StatusForbidden, "The form did not come from this portal", "Open the link again, and use its button.")
	}
	cookie, guest, err := p.porter.Open(q.Context(), q.PostForm.Get(secretParameter), addressOf(q.Request))
	if err != nil {
		return p.refusal(q, err)
	}
	q.event.Tenant, q.event.Actor = guest.Tenant, guest.Actor
	q.cookies = append(q.cookies, p.newCookie(p.cookie, cookie, guest.Expires.Sub(p.now())))
	return goOn(PortalPrefix)
}

// refusal answers a request without a session.
func (p *Portal) refusal(q *request, err error) page {
	switch {
	case errors.Is(err, ErrNoLink):
		return problemOutside(http.StatusForbidden, "This link does not work", "A link works once, and for a few minutes. Go back to "+p.brand.Name+", and open the portal from there again.")
	case errors.Is(err, ErrNoVisit):
		return problemOutside(http.StatusForbidden, "Your session has ended", "A session ends after two hours. Go back to "+p.brand.Name+", and open the portal from there again.")
	case errors.Is(err, ErrTooFast):
		refused := problemOutside(http.StatusTooManyRequests, "Too many requests", "Wait a minute, and try again.")
		refused.retryAfter = 60
		return refused
	}
	q.event.Error = err
	refused := problemOutside(http.StatusServiceUnavailable, "The portal cannot answer now", "Nothing was changed. Try again in a moment.")
	refused.retryAfter = 5
	return refused
}

// problemOutside returns a page without a session.
func problemOutside(status int, what, do string) page {
	return page{status: status, name: "outside", title: what, data: outside{What: what, Do: do}}
}

// locate implements door: the tenant is that of the session.
func (p *Portal) locate(*request) {}

// sent implements door.
func (p *Portal) sent(q *request) bool {
	return ownForm(q.Request, p.origin) && isToken(q.visit.formToken(), q.PostForm.Get("form"))
}

// leave ends the session.
func (p *Portal) leave(q *request) (page, error) {
	visit := q.visit.(*portalVisit)
	if err := p.porter.Leave(q.Context(), visit.cookie); err != nil {
		return p.refusal(q, err), nil
	}
	q.cookies = append(q.cookies, p.newCookie(p.cookie, "", 0))
	q.tenant = ""
	return page{name: "outside", title: "Signed out", data: outside{What: "You are signed out", Do: "The session has ended. To come back, open the portal from " + p.brand.Name + "."}}, nil
}

// dress implements door.
func (p *Portal) dress(q *request, f *frame) {
	if visit, ok := q.visit.(*portalVisit); ok && q.tenant != "" && !visit.guest.Expires.IsZero() {
		f.Actor, f.Until, f.Back = visit.guest.Actor, when(visit.guest.Expires, p.now()), visit.guest.ReturnURL
	}
}

// problem implements door.
func (p *Portal) problem(q *request, err error) (page, error) {
	var refusal *adminclient.Problem
	if errors.As(err, &refusal) && refusal.Status < http.StatusInternalServerError && refusal.Status != http.StatusUnauthorized {
		return problemOf(q, err)
	}
	shown := problemPage(http.StatusServiceUnavailable, "The portal cannot answer now", "Nothing was changed. Try again in a moment. If it fails again, ask the support of "+p.brand.Name+".")
	shown.retryAfter = 5
	return shown, err
}

// addressOf returns the address that sent a request, the zero value for none.
func addressOf(r *http.Request) netip.Addr {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	address, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Addr{}
	}
	return address.Unmap().WithZone("")
}
