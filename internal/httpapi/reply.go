package httpapi

import (
	"net/http"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/web"
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
func (a *reply) send(w http.ResponseWriter, q *request) {
	sent := web.Answer{Status: a.status, Body: a.body, MediaType: mediaType, Header: map[string]string{
		// Any answer may depend on it: one that does not fit is replaced.
		"Vary":     "Accept-Encoding",
		"Location": a.location, "ETag": a.etag, "Content-Encoding": a.coding,
	}}
	if a.body != nil {
		sent.Header["Content-Location"] = a.location // RFC 7643 §3.1
	}
	if p := a.refusal; p != nil {
		m := p.cause.Meaning()
		sent.Allow, sent.RetryAfter = p.allow, max(m.RetryAfter, p.retryAfter)
		if m.Status == http.StatusUnauthorized {
			sent.Header["WWW-Authenticate"] = challenge(p.cause)
		}
	}
	sent.Send(w, q.Request, q.id)
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
