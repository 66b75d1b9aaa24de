package console

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// A route is one method on one path, in which {name} stands for one segment.
type route struct {
	method, path string
	handler      handler
	// least is who gets its page.
	least rights
	// kept are the values of {change} that only operators get.
	kept []string
}

// gives reports whether a visitor with some rights gets the page of a change, "" for none.
func (r *route) gives(to rights, change string) bool {
	return to >= operate || to >= r.least && !slices.Contains(r.kept, change)
}

// rights are what a visitor may do, each level all of those before it.
type rights int

const (
	// view is to see what is provisioned and what fails, and to change nothing.
	view rights = iota
	// setup is also to connect an identity provider.
	setup
	// operate is everything: the console's visitors may.
	operate
)

// pattern returns what a request is matched with.
func (r *route) pattern() (method, path string) { return r.method, r.path }

// tenantRoutes returns the routes of one tenant's pages and of their forms. Their paths are
// relative to the tenant's first page.
func (c *site) tenantRoutes() []route {
	return []route{
		{http.MethodGet, "", c.overview, view, nil},
		{http.MethodGet, "/failed", c.failed, view, nil},
		{http.MethodGet, "/failed.csv", c.failedFile, view, nil},
		{http.MethodGet, "/push-again", c.pushAgain, view, nil},
		{http.MethodGet, "/push-again.csv", c.pushAgainFile, view, nil},
		{http.MethodGet, "/dismissed", c.dismissed, operate, nil},
		{http.MethodGet, "/log", c.history, view, nil},
		{http.MethodGet, "/log.csv", c.logFile, view, nil},
		{http.MethodGet, "/requests", c.findRequest, view, nil},
		{http.MethodPost, "/requests", c.explainText, view, nil}, // nothing is stored
		{http.MethodGet, "/requests/{request}", c.explain, view, nil},
		{http.MethodPost, "/requests/{request}/check", c.checkAgain, view, nil}, // nothing is stored
		{http.MethodGet, "/requests/{request}/dismiss", c.confirmDismissal, operate, nil},
		{http.MethodPost, "/requests/{request}/dismiss", c.dismiss, operate, nil},
		{http.MethodGet, "/users", c.users, view, nil},
		{http.MethodGet, "/users/{user}", c.user, view, nil},
		{http.MethodGet, "/users/{user}/{change}", c.confirmUser, operate, nil},
		{http.MethodPost, "/users/{user}/{change}", c.changeUser, operate, nil},
		{http.MethodGet, "/groups", c.groups, view, nil},
		{http.MethodGet, "/groups/{group}", c.group, view, nil},
		{http.MethodGet, "/events", c.events, operate, nil},
		{http.MethodPost, "/events", c.createWebhook, operate, nil},
		{http.MethodGet, "/webhook-secret", c.webhookSecret, operate, nil},
		{http.MethodGet, "/events/{webhook}", c.webhook, operate, nil},
		{http.MethodPost, "/events/{webhook}/test", c.testWebhook, operate, nil},
		{http.MethodPost, "/events/{webhook}/redeliver", c.redeliver, operate, nil},
		{http.MethodGet, "/events/{webhook}/{change}", c.confirmWebhook, operate, nil},
		{http.MethodPost, "/events/{webhook}/{change}", c.changeWebhook, operate, nil},
		{http.MethodGet, "/connect", c.connections, setup, nil},
		{http.MethodGet, "/connect/{connection}", c.connection, setup, nil},
		{http.MethodPost, "/connect/{connection}", c.createCredential, setup, nil},
		{http.MethodGet, "/tokens", c.tokens, setup, nil},
		{http.MethodPost, "/tokens", c.createToken, setup, nil},
		{http.MethodGet, "/tokens/minted", c.mintedToken, setup, nil},
		{http.MethodGet, "/tokens/{token}/{change}", c.confirmToken, setup, []string{"revoke"}},
		{http.MethodPost, "/tokens/{token}/{change}", c.changeToken, setup, []string{"revoke"}},
		{http.MethodGet, "/clients", c.clients, setup, nil},
		{http.MethodPost, "/clients", c.createClient, setup, nil},
		{http.MethodGet, "/client-secret", c.clientSecret, setup, nil},
		{http.MethodGet, "/clients/{client}", c.oauthClient, setup, nil},
		{http.MethodGet, "/clients/{client}/{change}", c.confirmClient, setup, []string{"revoke", "remove-federation", "remove-keys"}},
		{http.MethodPost, "/clients/{client}/{change}", c.changeClient, setup, []string{"revoke", "remove-federation", "remove-keys"}},
		{http.MethodGet, "/settings", c.settings, operate, nil},
		{http.MethodPost, "/settings", c.changeSettings, operate, nil},
	}
}

// causeRoutes returns the routes of the pages about causes, which are the same for all tenants.
func (c *site) causeRoutes() []route {
	return []route{
		{http.MethodGet, "/causes", c.causeList, view, nil},
		{http.MethodGet, "/causes/{cause}", c.cause, view, nil},
	}
}

// below returns routes below a path.
func below(path string, routes []route) []route {
	for i := range routes {
		routes[i].path = path + routes[i].path
	}
	return routes
}

// A home is where the pages of one tenant are: /console/t/acme, or /portal.
type home struct {
	// root begins every page, also those that are of no tenant.
	root string
	// path is that of the tenant's first page.
	path string
	// offers reports whether the visitor gets the page at a path, nil for all pages.
	offers func(path string) bool
}

// in returns the home of a tenant's pages in the console.
func (h home) in(tenant string) home {
	h.path = escaped(h.root, []string{"t", tenant})
	return h
}

// address returns the path of a page that is of no tenant, with its segments escaped.
func (h home) address(segments ...string) string { return h.offered(escaped(h.root, segments)) }

// of returns the path of a page of the tenant, with its segments escaped, or "" for one that the
// visitor does not get.
func (h home) of(segments ...string) string { return h.offered(escaped(h.path, segments)) }

// find returns the path of a page of the tenant with a query, or "".
func (h home) find(query url.Values, segments ...string) string {
	if to := h.of(segments...); to != "" {
		return to + question(query.Encode())
	}
	return ""
}

func (h home) offered(path string) string {
	if h.offers != nil && !h.offers(path) {
		return ""
	}
	return path
}

// escaped returns a path with segments.
func escaped(path string, segments []string) string {
	var b strings.Builder
	b.WriteString(path)
	for _, one := range segments {
		b.WriteString("/" + url.PathEscape(one))
	}
	return b.String()
}

// Has reports whether a path belongs to the console.
func Has(path string) bool { return path == Prefix || strings.HasPrefix(path, Prefix+"/") }
