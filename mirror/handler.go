package mirror

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"
)

// MaxBody is the largest event that a Handler accepts unless it says otherwise.
const MaxBody = 1 << 20

// A Handler receives events as webhooks, and applies them. It answers 204 once the store has
// applied the event, or had it already; after any other answer rollcall sends it again.
//
//	| answer | when |
//	| 204 | applied, or an event that changes nothing |
//	| 400 | the event is malformed |
//	| 401 | no signature by a secret, or its time is more than Tolerance from now |
//	| 405 | not a POST |
//	| 413 | larger than MaxBody |
//	| 503 | the store, Then, or the secrets failed |
type Handler struct {
	Store Store
	// Secrets returns the secrets of the endpoint, whsec_…: during a rotation both.
	Secrets func(ctx context.Context) ([]string, error)
	// Then is called after an event was applied, and may be nil. It runs again when the event
	// is delivered again. After an error the event is sent again.
	Then func(ctx context.Context, e Event) error
	// Failed is called with the reason of each answer but 204, and may be nil.
	Failed func(r *http.Request, err error)
	// MaxBody is the largest body, 0 for the constant of that name. Now is time.Now if it is
	// nil.
	MaxBody int64
	Now     func() time.Time
}

// FixedSecrets returns a function for a Handler's Secrets that returns always the same ones.
func FixedSecrets(secrets ...string) func(context.Context) ([]string, error) {
	return func(context.Context) ([]string, error) { return secrets, nil }
}

// ServeHTTP receives an event.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	status, err := h.receive(w, r)
	if err != nil && h.Failed != nil {
		h.Failed(r, err)
	}
	if status == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", http.MethodPost)
	}
	w.WriteHeader(status)
}

func (h *Handler) receive(w http.ResponseWriter, r *http.Request) (status int, err error) {
	if r.Method != http.MethodPost {
		return http.StatusMethodNotAllowed, errors.New("mirror: the request is no POST")
	}
	limit := h.MaxBody
	if limit == 0 {
		limit = MaxBody
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if err != nil {
		if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
			return http.StatusRequestEntityTooLarge, err
		}
		return http.StatusBadRequest, err
	}
	secrets, err := h.Secrets(r.Context())
	if err != nil {
		return http.StatusServiceUnavailable, err
	}
	if err := Verify(r.Header, body, secrets, h.now()); err != nil {
		return http.StatusUnauthorized, err
	}
	e, err := DecodeEvent(body)
	if err != nil {
		return http.StatusBadRequest, err
	}
	switch err := Apply(r.Context(), h.Store, e); {
	case errors.Is(err, ErrMalformed):
		return http.StatusBadRequest, err
	case err != nil:
		return http.StatusServiceUnavailable, err
	}
	if h.Then != nil {
		if err := h.Then(r.Context(), e); err != nil {
			return http.StatusServiceUnavailable, err
		}
	}
	return http.StatusNoContent, nil
}

func (h *Handler) now() time.Time {
	if h.Now == nil {
		return time.Now()
	}
	return h.Now()
}
