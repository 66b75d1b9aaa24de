package web

import (
	"net/http"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/credential"
)

// correlationHeaders are the headers in which identity providers and proxies
// send their own id of a request, the most specific first: those of Okta and
// Microsoft, the common ones, and the W3C's trace.
var correlationHeaders = [...]string{
	"X-Okta-Request-Id",
	"Client-Request-Id",
	"X-Ms-Client-Request-Id",
	"X-Ms-Correlation-Id",
	"X-Correlation-Id",
	"X-Request-Id",
	"Traceparent",
}

// maxCorrelation is the longest id of a sender that is kept. Known ids are
// shorter: a UUID has 36 characters, a traceparent 55.
const maxCorrelation = 128

// Correlation returns the sender's id of the request, or "" if it has none that
// is well formed: it is the client's text, and goes into the log.
func Correlation(h http.Header) string {
	for _, name := range correlationHeaders {
		if values := h.Values(name); len(values) == 1 && isCorrelation(values[0]) {
			return values[0]
		}
	}
	return ""
}

// isCorrelation reports whether id has only the characters of ids, and cannot
// be one of our credentials.
func isCorrelation(id string) bool {
	if id == "" || len(id) > maxCorrelation || credential.In(id) {
		return false
	}
	for i := range len(id) {
		c := id[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' {
			continue
		}
		if strings.IndexByte("-_.:/+=@", c) < 0 {
			return false
		}
	}
	return true
}
