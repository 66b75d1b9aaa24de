package web

import (
	"net/http"
	"strconv"
	"strings"
)

// An Answer is an answer before it is sent: a resource, a page, or what an API makes of an
// error.
type Answer struct {
	Status int
	// Body is nil for an answer without one; MediaType is its type.
	Body      []byte
	MediaType string
	// Header has the other headers, and takes precedence over those of every answer.
	Header map[string]string
	// Allow are the methods of the path, in a refusal of a method.
	Allow []string
	// RetryAfter is how many seconds to wait before the request is sent again, 0 if that
	// is unknown.
	RetryAfter int
}

// Redirect returns an answer that sends a browser to another address.
func Redirect(status int, to string) *Answer {
	return &Answer{Status: status, Header: map[string]string{"Location": to}}
}

// Send writes an answer. Every answer of an API is sent here: nothing keeps it, and nothing
// guesses its type. requestID is "" for an API without ids.
func (a *Answer) Send(w http.ResponseWriter, r *http.Request, requestID string) {
	h := w.Header()
	set := func(name, value string) {
		if value != "" {
			h.Set(name, value)
		}
	}
	set("Cache-Control", "no-store")
	set("X-Content-Type-Options", "nosniff")
	set(RequestIDHeader, requestID)
	set("Allow", strings.Join(a.Allow, ", "))
	if a.RetryAfter > 0 {
		set("Retry-After", strconv.Itoa(a.RetryAfter))
	}
	if a.Body != nil {
		set("Content-Type", a.MediaType)
		set("Content-Length", strconv.Itoa(len(a.Body)))
	}
	for name, value := range a.Header {
		set(name, value)
	}
	w.WriteHeader(a.Status)
	if a.Body != nil && r.Method != http.MethodHead {
		// It fails if the client has disconnected; the event has the request.
		_, _ = w.Write(a.Body)
	}
}
