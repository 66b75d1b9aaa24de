package httpapi

import (
	"net/http"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/credential"
)

// correlationHeaders are where identity providers, and the proxies before them,
// name a request of theirs, the most telling first: Okta's and Microsoft's own
// names, the common ones, and the W3C's trace.
var correlationHeaders = [...]string{
	"X-Okta-Request-Id",
	"Client-Request-Id",
	"X-Ms-Client-Request-Id",
	"X-Ms-Correlation-Id",
	"X-Correlation-Id",
	"X-Request-Id",
	"Traceparent",
}

// maxCorrelation is the longest name of a request that is kept. What is known is
// shorter: a UUID has 36 characters, a traceparent 55.
const maxCorrelation = 128

// correlation is what the sender calls the request, "" when it says nothing or
// nothing well formed: it is the client's text, and goes into the log.
func correlation(h http.Header) string {
	for _, name := range correlationHeaders {
		if values := h.Values(name); len(values) == 1 && isCorrelation(values[0]) {
			return values[0]
		}
	}
	return ""
}

// isCorrelation takes what ids are made of, and nothing that may be a credential
// of ours.
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
