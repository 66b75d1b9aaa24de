package web

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/rollcall-scim/rollcall/internal/logline"
)

// An Event is the part of a request's log line that every API has. The event of an API is a
// struct that embeds it and has the API's own fields after it, in the order of the line
// (logline.Fields). docs/reference/log-events.md describes the fields; log queries depend on
// their names.
type Event struct {
	Name      string `log:"event"`
	RequestID string `log:"requestId"`
	// Method is "other" for an unknown method, which is the client's text.
	Method   string        `log:"method"`
	Status   int           `log:"status"`
	Duration time.Duration `log:"durationMs,always"`
	// Route is the method and the path of the route, with names in place of the path's
	// values. The path itself is not logged.
	Route string `log:"route"`
	start time.Time
}

// NewEvent returns the event of a request that has just arrived.
func NewEvent(name, requestID, method string, now time.Time) Event {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodOptions, http.MethodTrace, http.MethodConnect:
	default:
		method = "other"
	}
	return Event{Name: name, RequestID: requestID, Method: method, start: now}
}

// Finish records the status of the answer, and how long it took.
func (e *Event) Finish(status int, now time.Time) {
	e.Status, e.Duration = status, now.Sub(e.start)
}

// Log logs whole, the event that begins with e: as an error for a fault of the service, as a
// warning for a refusal (501 included) and for a success with a warning.
func (e *Event) Log(ctx context.Context, log *slog.Logger, warned bool, whole any) {
	level := slog.LevelInfo
	switch {
	case e.Status >= http.StatusInternalServerError && e.Status != http.StatusNotImplemented:
		level = slog.LevelError
	case warned || e.Status >= http.StatusBadRequest:
		level = slog.LevelWarn
	}
	log.LogAttrs(context.WithoutCancel(ctx), level, "", logline.Fields(whole)...)
}
