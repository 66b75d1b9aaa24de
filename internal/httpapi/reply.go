package httpapi

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/cause"
)

// A reply is an answer before it is sent.
type reply struct {
	status int
	body   []byte
	// coding is the encoding of body, for Content-Encoding; "" is plain.
	coding string
	// location is the URL of the resource in the answer, or "" if it has none
	// or several.
	location string
	etag     string
	// refusal is the problem that the answer reports, nil for a success.
	refusal *problem
}

// send writes an answer. Every answer is sent here.
func (s *Service) send(w http.ResponseWriter, q *request, a *reply) {
	h := w.Header()
	h.Set("X-Request-Id", q.id)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	// Any answer may depend on it: one that does not fit is replaced.
	h.Set("Vary", "Accept-Encoding")
	if a.location != "" {
		h.Set("Location", a.location)
		if a.body != nil {
			h.Set("Content-Location", a.location) // RFC 7643 §3.1
		}
	}
	if a.etag != "" {
		h.Set("ETag", a.etag)
	}
	if p := a.refusal; p != nil {
		m := p.cause.Meaning()
		if m.Status == http.StatusUnauthorized {
			h.Set("WWW-Authenticate", challenge(p.cause))
		}
		if m.RetryAfter > 0 {
			h.Set("Retry-After", strconv.Itoa(m.RetryAfter))
		}
		if len(p.allow) > 0 {
			h.Set("Allow", strings.Join(p.allow, ", "))
		}
	}
	if a.body != nil {
		h.Set("Content-Type", mediaType)
		h.Set("Content-Length", strconv.Itoa(len(a.body)))
	}
	if a.coding != "" {
		h.Set("Content-Encoding", a.coding)
	}
	w.WriteHeader(a.status)
	if a.body != nil && q.Method != http.MethodHead {
		// It fails if the client has disconnected; the event has the request.
		_, _ = w.Write(a.body)
	}
}

// challenge returns the value of WWW-Authenticate. A request without a
// credential gets no error code. RFC 6750 §3
func challenge(c cause.Cause) string {
	switch c {
	case cause.TokenMissing:
		return `Bearer realm="SCIM"`
	case cause.TokenRepeated:
		return `Bearer realm="SCIM", error="invalid_request"`
	}
	return `Bearer realm="SCIM", error="invalid_token"`
}
