package console

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/pathname"
)

// route is one method on one path, in which {name} stands for one segment.
type route struct {
	method, path string
	handler      handler
}

// allRoutes are the pages and what their forms do.
func (c *Console) allRoutes() []route {
	const one = Prefix + "/t/{tenant}"
	return []route{
		{http.MethodGet, Prefix + "/", c.tenants},
		{http.MethodGet, Prefix + "/causes", c.causeList},
		{http.MethodGet, Prefix + "/causes/{cause}", c.cause},
		{http.MethodGet, one, c.overview},
		{http.MethodGet, one + "/failed", c.failed},
		{http.MethodGet, one + "/log", c.history},
		{http.MethodGet, one + "/requests", c.findRequest},
		{http.MethodGet, one + "/requests/{request}", c.explain},
		{http.MethodGet, one + "/groups", c.groups},
		{http.MethodGet, one + "/tokens", c.tokens},
		{http.MethodPost, one + "/tokens", c.createToken},
		{http.MethodGet, one + "/tokens/minted", c.mintedToken},
		{http.MethodGet, one + "/tokens/{token}/{change}", c.confirmToken},
		{http.MethodPost, one + "/tokens/{token}/{change}", c.changeToken},
		{http.MethodPost, Prefix + "/leave", c.leave},
	}
}

// match finds the route of a request, and the segments behind its names. When only
// the method is wrong it returns the methods that the path takes. The path is
// matched in its escaped form.
func match(routes []route, method, escapedPath string) (found *route, parameters map[string]string, allowed []string) {
	for i := range routes {
		r := &routes[i]
		values, ok := pathname.Match(r.path, escapedPath)
		if !ok {
			continue
		}
		if r.method == method || r.method == http.MethodGet && method == http.MethodHead {
			return r, values, nil
		}
		if r.method == http.MethodGet {
			allowed = append(allowed, http.MethodGet, http.MethodHead)
		} else {
			allowed = append(allowed, r.method)
		}
	}
	return nil, nil, allowed
}

// address is the path of a page, of segments that are escaped, with a query.
func address(query url.Values, segments ...string) string {
	var b strings.Builder
	b.WriteString(Prefix)
	for _, s := range segments {
		b.WriteString("/" + url.PathEscape(s))
	}
	return b.String() + question(query.Encode())
}

// of is the path of a page of a tenant.
func of(tenant string, segments ...string) string {
	return address(nil, append([]string{"t", tenant}, segments...)...)
}

// Has tells whether a path is one of the console's.
func Has(path string) bool { return path == Prefix || strings.HasPrefix(path, Prefix+"/") }
