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

// Tenant is a tenant as the application sees it: its settings, and the limits
// in its ledger.
type Tenant struct {
	ID       ID
	Settings Settings
	// MaxSeats and MaxReaders are Unlimited if there is no limit.
	MaxSeats, MaxReaders int64
	Created              time.Time
	// CursorKey is the tenant's secret that seals its cursors.
	CursorKey []byte
	// Stored are the settings as the store has them: a change requires that
	// they are unchanged.
	Stored string
	// Deletion is the progress of the tenant's deletion; the zero value if none
	// has begun, or if nothing was deleted yet.
	Deletion Deletion
}

// Deletion is the progress of a tenant's deletion.
type Deletion struct {
	// Items is how many items were deleted so far, at least, and At when the
	// last was.
	Items int64
	At    time.Time
}

// Version names the state of settings and limits. Two states are equal if and
// only if their versions are.
func (t Tenant) Version() string {
	settings, _ := json.Marshal(t.Settings) // strings, numbers and booleans cannot fail
	sum := sha256.Sum256([]byte(string(settings) + "\n" + strconv.FormatInt(t.MaxSeats, 10) + "\n" + strconv.FormatInt(t.MaxReaders, 10)))
	return hex.EncodeToString(sum[:8])
}

// The errors of a Registry.
var (
	// ErrExists: a tenant with the id exists already.
	ErrExists = errors.New("tenant: exists already")
	// ErrNotFound: no tenant has the id.
	ErrNotFound = errors.New("tenant: not found")
	// ErrChanged: the tenant has changed since the change was decided.
	ErrChanged = errors.New("tenant: changed meanwhile")
	// ErrVersion: the request names another version than the tenant's.
	ErrVersion = errors.New("tenant: version differs")
	// ErrEnding: the tenant is being deleted.
	ErrEnding = errors.New("tenant: being deleted")
	// ErrBusy: others changed the tenant at each attempt of a change.
	ErrBusy = errors.New("tenant: busy")
)

// Store keeps tenants. Package store implements it.
type Store interface {
	// CreateTenant creates a tenant with its ledger, or returns ErrExists.
	CreateTenant(ctx context.Context, t ID, settings Settings, seatLimit, readerLimit int64, now time.Time) error
	// Tenant reads a tenant with its limits; ok is false if it does not exist.
	Tenant(ctx context.Context, t ID) (found Tenant, ok bool, err error)
	// Tenants reads a page of tenants after an id, in the order of ids, and the
	// id after which the next page begins, "" on the last page.
	Tenants(ctx context.Context, after string, limit int) (page []Tenant, next string, err error)
	// ChangeTenant replaces one state by another, or returns ErrChanged if the
	// stored state is not before.
	ChangeTenant(ctx context.Context, before, after Tenant, now time.Time) error
	// EndTenant disables a tenant for good and leaves all that is stored of it
	// to a task, or returns ErrChanged.
	EndTenant(ctx context.Context, before Tenant, now time.Time) error
}

// Registry is all tenants, and the rules by which they change. It is safe for
// concurrent use.
type Registry struct {
	store Store
	now   func() time.Time
}

// NewRegistry returns a Registry.
func NewRegistry(s Store, now func() time.Time) *Registry { return &Registry{store: s, now: now} }

// maxDecisions is how often a change is decided again because another came
// first.
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

// Put creates a tenant with the wanted state, or changes an existing tenant to
// it: of two concurrent requests the second one wins.
func (r *Registry) Put(ctx context.Context, wanted Tenant, match func(Tenant) bool) (t Tenant, created bool, err error) {
	for range maxDecisions {
		t, err := r.Change(ctx, wanted.ID, match, func(t *Tenant) error {
			t.Settings, t.MaxSeats, t.MaxReaders = wanted.Settings, wanted.MaxSeats, wanted.MaxReaders
			return nil
		})
		if !errors.Is(err, ErrNotFound) {
			return t, false, err
		}
		now := r.now()
		err = r.store.CreateTenant(ctx, wanted.ID, wanted.Settings, wanted.MaxSeats, wanted.MaxReaders, now)
		if err == nil {
			// It is not read again: the tenant exists, whatever a read returns.
			return Tenant{
				ID: wanted.ID, Settings: wanted.Settings, MaxSeats: wanted.MaxSeats, MaxReaders: wanted.MaxReaders, Created: now,
			}, true, nil
		}
		if !errors.Is(err, ErrExists) {
			return Tenant{}, false, err
		}
	}
	return Tenant{}, false, ErrBusy
}

// Change reads a tenant, applies a change and writes it if the tenant is still
// the one read: if two administrators change different settings concurrently,
// both changes take effect. match reports whether the request may act on a
// state; nil accepts any.
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
		after.Settings.rememberRetention(before.Settings, r.now())
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

// End deletes a tenant and all that is stored of it: the tenant accepts no
// request from here on, and a task does the rest. Called again it changes
// nothing.
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
