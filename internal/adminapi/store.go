package adminapi

import (
	"context"
	"time"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/event"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// Store keeps the data of a tenant itself. Implemented by package store.
type Store interface {
	// Ledger reads the tenant's counts.
	Ledger(ctx context.Context, t tenant.ID) (directory.Ledger, error)
	// UnusualDeactivations returns the last report of unusually many deactivations; ok is
	// false if there was none.
	UnusualDeactivations(ctx context.Context, t tenant.ID) (u journal.UnusualDeactivations, ok bool, err error)
	// Schemas are the schemas that the tenant has registered; PutSchema registers a
	// schema or replaces the schema with the same URN, RemoveSchema removes one.
	Schemas(ctx context.Context, t tenant.ID) (schema.Registrations, error)
	PutSchema(ctx context.Context, t tenant.ID, base schema.Types, schema schema.Registration, now time.Time) (replaced bool, err error)
	// Dismiss removes the subject of a failure from the list of failures until it fails
	// again, and returns the subject.
	Dismiss(ctx context.Context, t tenant.ID, d journal.Dismissal) (journal.Failing, error)
	RemoveSchema(ctx context.Context, t tenant.ID, urn string, now time.Time) error
	Sources
}

// Sources reads what events are derived from.
type Sources interface {
	// Sources reads the sources of events after a position whose keys are older than a time,
	// at most limit log entries and as many signals.
	Sources(ctx context.Context, t tenant.ID, after event.Position, until time.Time, limit int) (event.Page, error)
	// NewestSources reads sources the newest first, before a position, of which Part events of
	// its source are before it; the zero Position is after the newest one.
	NewestSources(ctx context.Context, t tenant.ID, before event.Position, until time.Time, limit int) (event.Page, error)
}
