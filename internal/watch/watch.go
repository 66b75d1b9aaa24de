package watch

import (
	"context"
	"errors"
	"time"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// ErrReported says that something else was reported meanwhile.
var ErrReported = errors.New("watch: reported meanwhile")

// A Fact is what a record of a batch says that may have to be reported.
type Fact struct {
	// Record is the index of the record in its batch.
	Record int
	Tenant tenant.ID
	// Counts reports that the tenant's seats or its limit changed.
	Counts bool
	// Entry is a new entry of the log with a cause, or of a user who departs, nil otherwise.
	Entry *journal.Entry
}

// A Report is what a tenant is told, and what is remembered of it.
type Report struct {
	// Name is what the report is about.
	Name string
	// Before is what was remembered, "" for nothing; After replaces it until a time, zero
	// for ever.
	Before, After string
	Until         time.Time
	// Signal has no type if something is only remembered.
	Signal journal.Signal
}

// A Store has what is watched, and what was reported. Package store implements it.
type Store interface {
	Ledger(ctx context.Context, t tenant.ID) (directory.Ledger, error)
	// Watched returns what is remembered under a name, "" for nothing.
	Watched(ctx context.Context, t tenant.ID, name string) (string, error)
	// Report stores a signal and what is remembered of it in one transaction.
	// ErrReported: what is remembered is not what it was before. Nothing is stored for
	// a tenant that does not exist or is being deleted.
	Report(ctx context.Context, t tenant.ID, r Report) error
	// Credential returns a token or a client; ok is false if there is none.
	Credential(ctx context.Context, t tenant.ID, id string) (c Credential, ok bool, err error)
	// Deactivated reads from the log the users that identity providers deactivated or
	// deleted from one time to another.
	Deactivated(ctx context.Context, t tenant.ID, from, to time.Time) (Deactivated, error)
}

// A Credential is a token or an OAuth client of a tenant.
type Credential struct {
	// Client reports that it is a client.
	Client          bool
	Label, LastFour string
	// Ended is when it was revoked or expired, zero if it is live.
	Ended time.Time
}

// A Watcher looks at facts. It is safe for concurrent use.
type Watcher struct {
	store        Store
	unusualFound func(ctx context.Context, t tenant.ID, count, active int64) // nil for nobody
}

// New returns a Watcher.
func New(s Store) *Watcher { return &Watcher{store: s} }

// OnUnusual sets what is called after unusual deactivations were reported: how many there were,
// and how many users were active before. Call it before the Watcher is used.
func (w *Watcher) OnUnusual(found func(ctx context.Context, t tenant.ID, count, active int64)) *Watcher {
	w.unusualFound = found
	return w
}

// seen is what the records of a batch say of a tenant.
type seen struct {
	tenant tenant.ID
	// first is the index of the tenant's first record.
	first   int
	counts  bool
	entries []*journal.Entry
}

// Watch reports what is new by the facts of a batch, in the order of its records. After an
// error, the record with the index failed and all after it have to come again.
func (w *Watcher) Watch(ctx context.Context, facts []Fact) (failed int, err error) {
	for _, s := range group(facts) {
		if fault := w.look(ctx, s); fault != nil && (err == nil || s.first < failed) {
			failed, err = s.first, fault
		}
	}
	return failed, err
}

// group returns what facts say of each tenant.
func group(facts []Fact) []*seen {
	var all []*seen
	of := map[tenant.ID]*seen{}
	for _, fact := range facts {
		s := of[fact.Tenant]
		if s == nil {
			s = &seen{tenant: fact.Tenant, first: fact.Record}
			of[fact.Tenant] = s
			all = append(all, s)
		}
		s.counts = s.counts || fact.Counts
		if fact.Entry != nil {
			s.entries = append(s.entries, fact.Entry)
		}
	}
	return all
}

// look reports what is new of one tenant.
func (w *Watcher) look(ctx context.Context, s *seen) error {
	var faults []error
	if s.counts {
		faults = append(faults, w.again(func() error { return w.seats(ctx, s.tenant) }))
	}
	var departed []*journal.Entry
	for _, e := range s.entries {
		if refused[e.Cause] {
			faults = append(faults, w.again(func() error { return w.credential(ctx, s.tenant, e) }))
		}
		if e.Departs() {
			departed = append(departed, e)
		}
	}
	if len(departed) > 0 {
		faults = append(faults, w.again(func() error { return w.deactivations(ctx, s.tenant, departed) }))
	}
	return errors.Join(faults...)
}

// maxRounds is how often something is looked at because something else was reported meanwhile.
const maxRounds = 4

// again looks again while something else is reported meanwhile.
func (w *Watcher) again(look func() error) (err error) {
	for range maxRounds {
		if err = look(); !errors.Is(err, ErrReported) {
			return err
		}
	}
	return err
}
