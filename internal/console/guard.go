package console

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Bounds of what is read.
const (
	// maxBody has room for the longest text that is explained, as a form escapes it.
	maxBody  = 256 << 10
	maxQuery = 8 << 10
	maxPath  = 2 << 10
)

// header are the answers' headers that do not depend on the page. Nothing is loaded
// but the stylesheet, the icon and the one script, which cannot turn text into markup.
// Inline scripts do not run, nothing is sent elsewhere, no page can be framed, and nothing
// is cached.
var header = map[string]string{
	"X-Content-Type-Options":       "nosniff",
	"X-Frame-Options":              "DENY",
	"Referrer-Policy":              "no-referrer",
	"Cross-Origin-Opener-Policy":   "same-origin",
	"Cross-Origin-Resource-Policy": "same-origin",
	"Permissions-Policy":           "camera=(), geolocation=(), microphone=()",
	"X-Robots-Tag":                 "noindex, nofollow",
	"Cache-Control":                "no-store",
}

// policyOf returns the Content-Security-Policy of pages that may show images of another origin
// too, "" for none.
func policyOf(images string) string {
	if images != "" {
		images = " " + images
	}
	return "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'" + images + "; " +
		"form-action 'self'; frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
}

// formReferrer is the Referrer-Policy of a page with forms: under no-referrer a
// browser sends them with "Origin: null", which proves nothing. Other origins learn
// nothing under either.
const formReferrer = "same-origin"

// Hosts returns the accepted values of the header Host for a listener's address: the
// address itself, and the names of this machine with its port. A page under another
// name that resolves to this machine is refused.
func Hosts(address string) []string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil
	}
	names := []string{"localhost", "127.0.0.1", "::1"}
	if ip := net.ParseIP(host); ip != nil && !ip.IsUnspecified() {
		names = append(names, host)
	}
	var hosts []string
	for _, name := range names {
		hosts = append(hosts, net.JoinHostPort(name, port))
		if port == "80" {
			hosts = append(hosts, strings.TrimSuffix(net.JoinHostPort(name, ""), ":"))
		}
	}
	return hosts
}

// knownHost reports whether a request names this machine as its host.
func (c *Console) knownHost(r *http.Request) bool {
	return slices.Contains(c.hosts, strings.ToLower(r.Host))
}

// bounded reports whether the path and the query of a request have a usual length.
func bounded(r *http.Request) bool {
	return len(r.URL.RawQuery) <= maxQuery && len(r.URL.EscapedPath()) <= maxPath
}

// ownForm reports whether a page of an origin sent a form: every browser names the
// origin of the page, and newer ones say whether it is the same.
func ownForm(r *http.Request, origin string) bool {
	origins := r.Header.Values("Origin")
	if len(origins) != 1 || !strings.EqualFold(origins[0], origin) {
		return false
	}
	for _, site := range r.Header.Values("Sec-Fetch-Site") {
		if site != "same-origin" {
			return false
		}
	}
	return true
}

// opened reports whether a request opens a page in the browser, as far as the browser
// says. A page that is loaded by another page must not use a link.
func opened(r *http.Request) bool {
	for _, what := range r.Header.Values("Sec-Fetch-Dest") {
		if what != "document" {
			return false
		}
	}
	return true
}

// ahead reports whether a browser loads a page before its user opens it.
func ahead(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Sec-Purpose"), "prefetch") || r.Header.Get("Purpose") == "prefetch"
}

// withoutSecret returns a URL of this console without the link's secret.
func withoutSecret(u *url.URL) string {
	query := u.Query()
	query.Del(secretParameter)
	clean := url.URL{Path: u.Path, RawPath: u.RawPath, RawQuery: query.Encode()}
	return clean.String()
}
