package tenant

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strconv"
	"time"
)

// Tenant is a tenant as the application sees it: its choices, and the limits that
// its ledger keeps.
type Tenant struct {
	ID       ID
	Settings Settings
	// MaxSeats and MaxReaders are Unlimited for none.
	MaxSeats, MaxReaders int64
	Created              time.Time
	// Stored are the settings as the store keeps them: a change is made under
	// them.
	Stored string
	// Deletion is how far the deletion of the tenant is; the zero value while none is
	// under way, or none of it is done.
	Deletion Deletion
}

// Deletion is the progress of a tenant's deletion.
type Deletion struct {
	// Items is how many items were deleted so far, at least, and At when the last was.
	Items int64
	At    time.Time
}

// Version names the state of settings and limits. Two states are the same if and
// only if their versions are.
func (t Tenant) Version() string {
	settings, _ := json.Marshal(t.Settings) // texts, numbers and booleans cannot fail
	sum := sha256.Sum256([]byte(string(settings) + "\n" + strconv.FormatInt(t.MaxSeats, 10) + "\n" + strconv.FormatInt(t.MaxReaders, 10)))
	return hex.EncodeToString(sum[:8])
}

// The errors of a Registry.
var (
	// ErrExists: a tenant of the id is there already.
	ErrExists = errors.New("tenant: it exists")
	// ErrNotFound: there is no tenant of the id.
	ErrNotFound = errors.New("tenant: not found")
	// ErrChanged: the tenant is not what the change was made of.
	ErrChanged = errors.New("tenant: changed meanwhile")
	// ErrVersion: the tenant is at another version than the request names.
	ErrVersion = errors.New("tenant: version differs")
	// ErrEnding: the tenant is being deleted.
	ErrEnding = errors.New("tenant: being deleted")
	// ErrBusy: others changed the tenant each time that a change was made.
	ErrBusy = errors.New("tenant: busy")
)

// Store keeps tenants. Implemented by package store.
type Store interface {
	// CreateTenant makes a tenant with its ledger, or is ErrExists.
	CreateTenant(ctx context.Context, t ID, settings Settings, seatLimit, readerLimit int64, now time.Time) error
	// Tenant reads a tenant with its limits; ok is false when there is none.
	Tenant(ctx context.Context, t ID) (found Tenant, ok bool, err error)
	// Tenants reads a page of tenants behind an id, in the order of ids, and the
	// id behind which the next page begins, "" behind the last.
	Tenants(ctx context.Context, after string, limit int) (page []Tenant, next string, err error)
	// ChangeTenant makes one state another, or is ErrChanged when it is not the
	// state that was read.
	ChangeTenant(ctx context.Context, before, after Tenant, now time.Time) error
	// EndTenant turns a tenant off for good and leaves all that is stored of it
	// to a task, or is ErrChanged.
	EndTenant(ctx context.Context, before Tenant, now time.Time) error
}

// Registry is all tenants, and the rules by which they change. Safe for concurrent
// use.
type Registry struct {
	store Store
	now   func() time.Time
}

// NewRegistry makes a Registry.
func NewRegistry(s Store, now func() time.Time) *Registry { return &Registry{store: s, now: now} }

// maxDecisions is how often a change is made anew because another came first.
const maxDecisions = 5

// Tenant reads one tenant.
func (r *Registry) Tenant(ctx context.Context, id ID) (Tenant, error) {
	t, ok, err := r.store.Tenant(ctx, id)
	if err == nil && !ok {
		err = ErrNotFound
	}
	return t, err
}

// Tenants reads a page of tenants.
func (r *Registry) Tenants(ctx context.Context, after string, limit int) (page []Tenant, next string, err error) {
	return r.store.Tenants(ctx, after, limit)
}

// Put makes a tenant what is wanted, new or not: of two at once either comes
// second and stays.
func (r *Registry) Put(ctx context.Context, wanted Tenant, match func(Tenant) bool) (t Tenant, created bool, err error) {
	for range maxDecisions {
		t, err := r.Change(ctx, wanted.ID, match, func(t *Tenant) error {
			t.Settings, t.MaxSeats, t.MaxReaders = wanted.Settings, wanted.MaxSeats, wanted.MaxReaders
			return nil
		})
		if !errors.Is(err, ErrNotFound) {
			return t, false, err
		}
		err = r.store.CreateTenant(ctx, wanted.ID, wanted.Settings, wanted.MaxSeats, wanted.MaxReaders, r.now())
		if err == nil {
			t, err = r.Tenant(ctx, wanted.ID)
			return t, true, err
		}
		if !errors.Is(err, ErrExists) {
			return Tenant{}, false, err
		}
	}
	return Tenant{}, false, ErrBusy
}

// Change reads a tenant, applies a change and writes it, if the tenant is still
// what was read: of two administrators who change different settings at once both
// come through. match tells whether a state is one that the request may act on, nil
// for any.
func (r *Registry) Change(ctx context.Context, id ID, match func(Tenant) bool, apply func(*Tenant) error) (Tenant, error) {
	for range maxDecisions {
		before, err := r.Tenant(ctx, id)
		if err != nil {
			return Tenant{}, err
		}
		if before.Settings.Ending {
			return Tenant{}, ErrEnding
		}
		if match != nil && !match(before) {
			return Tenant{}, ErrVersion
		}
		after := before
		if err := apply(&after); err != nil {
			return Tenant{}, err
		}
		if after.Version() == before.Version() {
			return before, nil
		}
		err = r.store.ChangeTenant(ctx, before, after, r.now())
		if !errors.Is(err, ErrChanged) {
			return after, err
		}
	}
	return Tenant{}, ErrBusy
}

// End deletes a tenant and all that is stored of it: the tenant takes no request
// from here on, and the rest is done by a task. Asked again it changes nothing.
func (r *Registry) End(ctx context.Context, id ID) error {
	for range maxDecisions {
		before, err := r.Tenant(ctx, id)
		if err != nil || before.Settings.Ending {
			return err
		}
		if err := r.store.EndTenant(ctx, before, r.now()); !errors.Is(err, ErrChanged) {
			return err
		}
	}
	return ErrBusy
}
