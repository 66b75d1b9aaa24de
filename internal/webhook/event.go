package webhook

import (
	"context"
	"errors"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/event"
	"github.com/rollcall-scim/rollcall/internal/subscription"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// ErrGone reports that the source of an event is not stored any more.
var ErrGone = errors.New("webhook: the source of the event has expired")

// Events makes the documents of waiting events.
type Events interface {
	// Event returns the document of an event with what is true now. It returns ErrGone if
	// the event's source has expired.
	Event(ctx context.Context, p subscription.Pending) (adminwire.Event, error)
}

// Sources keeps what events are derived from. Package store implements it.
type Sources interface {
	// SourceAt reads one source; ok is false if it has expired.
	SourceAt(ctx context.Context, t tenant.ID, key string, signal bool) (source event.Source, ok bool, err error)
}

// Documents makes the documents of a tenant's events. Package admindoc implements it.
type Documents interface {
	Events(ctx context.Context, t tenant.ID, drafts []event.Draft) ([]adminwire.Event, error)
}

// NewEvents returns Events that derives each event from its source again, and adds what is
// true now.
func NewEvents(s Sources, d Documents) Events { return &derived{s, d} }

type derived struct {
	sources   Sources
	documents Documents
}

// Event returns the document of an event.
func (e *derived) Event(ctx context.Context, p subscription.Pending) (adminwire.Event, error) {
	draft := p.Draft()
	if p.HasSource() {
		source, ok, err := e.sources.SourceAt(ctx, p.Tenant, p.Key, p.Signal)
		if err != nil {
			return adminwire.Event{}, err
		}
		drafts := event.Of(p.Tenant, source)
		if !ok || p.Part >= len(drafts) {
			return adminwire.Event{}, ErrGone
		}
		draft = drafts[p.Part]
	}
	documents, err := e.documents.Events(ctx, p.Tenant, []event.Draft{draft})
	if err != nil {
		return adminwire.Event{}, err
	}
	return documents[0], nil
}
