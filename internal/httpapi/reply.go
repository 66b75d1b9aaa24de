package httpapi

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/provlog"
)

// reply is an answer before it is sent.
type reply struct {
	status int
	body   []byte
	// coding is how the body is coded already, for Content-Encoding; "" is plain.
	coding string
	// location is where the one resource is that the answer is about, "" where it is
	// about none or several.
	location string
	etag     string
	// refusal is the problem that the answer tells of, nil for a success.
	refusal *problem
}

// send writes an answer. All answers pass here.
func (s *Service) send(w http.ResponseWriter, q *request, a *reply) {
	h := w.Header()
	h.Set("X-Request-Id", q.id)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	// Every answer may depend on it: one that does not fit is another.
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
		// The client is gone when this fails; the event tells of the request.
		_, _ = w.Write(a.body)
	}
}

// challenge is the value of WWW-Authenticate. RFC 6750 §3: without a credential
// there is no error code.
func challenge(c provlog.Cause) string {
	switch c {
	case provlog.TokenMissing:
		return `Bearer realm="SCIM"`
	case provlog.TokenRepeated:
		return `Bearer realm="SCIM", error="invalid_request"`
	}
	return `Bearer realm="SCIM", error="invalid_token"`
}
