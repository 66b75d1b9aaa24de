package console

import (
	"net/http"
	"net/url"
	"strings"
)

// route is one method on one path, in which {name} stands for one segment.
type route struct {
	method, path string
	handler      handler
}

// pattern returns what a request is matched with.
func (r *route) pattern() (method, path string) { return r.method, r.path }

// routes returns the routes of the pages and of their forms.
func (c *Console) routes() []route {
	const one = Prefix + "/t/{tenant}"
	return []route{
		{http.MethodGet, Prefix + "/", c.tenants},
		{http.MethodGet, Prefix + "/causes", c.causeList},
		{http.MethodGet, Prefix + "/causes/{cause}", c.cause},
		{http.MethodGet, one, c.overview},
		{http.MethodGet, one + "/failed", c.failed},
		{http.MethodGet, one + "/failed.csv", c.failedFile},
		{http.MethodGet, one + "/push-again", c.pushAgain},
		{http.MethodGet, one + "/push-again.csv", c.pushAgainFile},
		{http.MethodGet, one + "/dismissed", c.dismissed},
		{http.MethodGet, one + "/log", c.history},
		{http.MethodGet, one + "/log.csv", c.logFile},
		{http.MethodGet, one + "/requests", c.findRequest},
		{http.MethodPost, one + "/requests", c.explainText},
		{http.MethodGet, one + "/requests/{request}", c.explain},
		{http.MethodPost, one + "/requests/{request}/check", c.checkAgain},
		{http.MethodGet, one + "/requests/{request}/dismiss", c.confirmDismissal},
		{http.MethodPost, one + "/requests/{request}/dismiss", c.dismiss},
		{http.MethodGet, one + "/users", c.users},
		{http.MethodGet, one + "/users/{user}", c.user},
		{http.MethodGet, one + "/users/{user}/{change}", c.confirmUser},
		{http.MethodPost, one + "/users/{user}/{change}", c.changeUser},
		{http.MethodGet, one + "/groups", c.groups},
		{http.MethodGet, one + "/groups/{group}", c.group},
		{http.MethodGet, one + "/events", c.events},
		{http.MethodPost, one + "/events", c.createWebhook},
		{http.MethodGet, one + "/webhook-secret", c.webhookSecret},
		{http.MethodGet, one + "/events/{webhook}", c.webhook},
		{http.MethodPost, one + "/events/{webhook}/test", c.testWebhook},
		{http.MethodPost, one + "/events/{webhook}/redeliver", c.redeliver},
		{http.MethodGet, one + "/events/{webhook}/{change}", c.confirmWebhook},
		{http.MethodPost, one + "/events/{webhook}/{change}", c.changeWebhook},
		{http.MethodGet, one + "/tokens", c.tokens},
		{http.MethodPost, one + "/tokens", c.createToken},
		{http.MethodGet, one + "/tokens/minted", c.mintedToken},
		{http.MethodGet, one + "/tokens/{token}/{change}", c.confirmToken},
		{http.MethodPost, one + "/tokens/{token}/{change}", c.changeToken},
		{http.MethodGet, one + "/clients", c.clients},
		{http.MethodPost, one + "/clients", c.createClient},
		{http.MethodGet, one + "/client-secret", c.clientSecret},
		{http.MethodGet, one + "/clients/{client}", c.oauthClient},
		{http.MethodGet, one + "/clients/{client}/{change}", c.confirmClient},
		{http.MethodPost, one + "/clients/{client}/{change}", c.changeClient},
		{http.MethodGet, one + "/settings", c.settings},
		{http.MethodPost, one + "/settings", c.changeSettings},
		{http.MethodPost, Prefix + "/leave", c.leave},
	}
}

// address returns the path of a page with its segments escaped, and a query.
func address(query url.Values, segments ...string) string {
	var b strings.Builder
	b.WriteString(Prefix)
	for _, s := range segments {
		b.WriteString("/" + url.PathEscape(s))
	}
	return b.String() + question(query.Encode())
}

// of returns the path of a page of a tenant.
func of(tenant string, segments ...string) string {
	return address(nil, append([]string{"t", tenant}, segments...)...)
}

// Has reports whether a path belongs to the console.
func Has(path string) bool { return path == Prefix || strings.HasPrefix(path, Prefix+"/") }
