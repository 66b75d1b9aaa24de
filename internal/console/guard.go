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
	maxBody  = 4 << 10
	maxQuery = 8 << 10
	maxPath  = 2 << 10
)

// header are the answers' headers that do not depend on the page. Nothing is loaded
// but the stylesheet, nothing is sent elsewhere, nobody frames a page, and nothing is
// kept.
var header = map[string]string{
	"Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; " +
		"form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
	"X-Content-Type-Options":       "nosniff",
	"X-Frame-Options":              "DENY",
	"Referrer-Policy":              "no-referrer",
	"Cross-Origin-Opener-Policy":   "same-origin",
	"Cross-Origin-Resource-Policy": "same-origin",
	"Permissions-Policy":           "camera=(), geolocation=(), microphone=()",
	"X-Robots-Tag":                 "noindex, nofollow",
	"Cache-Control":                "no-store",
}

// formReferrer is the Referrer-Policy of a page with forms: under no-referrer a
// browser sends them with "Origin: null", which says nothing. Other origins learn
// nothing under either.
const formReferrer = "same-origin"

// Hosts are the values of the header Host by which a listener's address is asked: the
// address itself, and the names of this machine with its port. A page of another
// name, which resolves to this machine, does not get through.
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

// knownHost tells whether a request is for this machine by name.
func (c *Console) knownHost(r *http.Request) bool {
	return slices.Contains(c.hosts, strings.ToLower(r.Host))
}

// bounded tells whether a request is no longer than one is.
func bounded(r *http.Request) bool {
	return len(r.URL.RawQuery) <= maxQuery && len(r.URL.EscapedPath()) <= maxPath
}

// ownForm tells whether a form was sent by a page of this console: every browser
// names the page's origin, newer ones say whether it is this one.
func ownForm(r *http.Request) bool {
	origins := r.Header.Values("Origin")
	if len(origins) != 1 || !strings.EqualFold(origins[0], "http://"+r.Host) {
		return false
	}
	for _, site := range r.Header.Values("Sec-Fetch-Site") {
		if site != "same-origin" {
			return false
		}
	}
	return true
}

// opened tells whether a request is that of somebody who opens a page, as far as the
// browser says. Another page that loads one has nothing to do with links.
func opened(r *http.Request) bool {
	for _, what := range r.Header.Values("Sec-Fetch-Dest") {
		if what != "document" {
			return false
		}
	}
	return true
}

// ahead tells whether a browser asks for a page before its user does.
func ahead(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Sec-Purpose"), "prefetch") || r.Header.Get("Purpose") == "prefetch"
}

// withoutSecret is a URL of this console without the link's secret.
func withoutSecret(u *url.URL) string {
	query := u.Query()
	query.Del(secretParameter)
	clean := url.URL{Path: u.Path, RawPath: u.RawPath, RawQuery: query.Encode()}
	return clean.String()
}
