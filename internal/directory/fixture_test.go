package directory_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/representation"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/resource"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
	"github.com/rollcall-scim/rollcall/internal/store"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

const extension = scim.RollcallURN

// fixture is a directory with one tenant on a table in memory.
type fixture struct {
	t        testing.TB
	dir      *directory.Directory
	store    *store.Store
	tenant   tenant.ID
	settings tenant.Settings
	now      time.Time
	types    *schema.ResourceType
	shows    bool // answers show groups and members
}

// opener creates an empty table.
type opener = func(t testing.TB) table.Table

func newFixture(t testing.TB, open opener, seats, readers int64) *fixture {
	t.Helper()
	return newFixtureOn(t, table.Retrying(open(t)), seats, readers)
}

func newFixtureOn(t testing.TB, engine table.Table, seats, readers int64) *fixture {
	t.Helper()
	return newFixtureOf(t, engine, "acme", seats, readers)
}

// newFixtureFor returns a directory with a new tenant on a shared table.
func newFixtureFor(t testing.TB, raw table.Table, name string, seats int64) *fixture {
	t.Helper()
	return newFixtureOf(t, table.Retrying(raw), name, seats, seats)
}

func newFixtureOf(t testing.TB, engine table.Table, name string, seats, readers int64) *fixture {
	t.Helper()
	f := newFixtureWithout(t, engine, name)
	require.NoError(t, f.store.CreateTenant(t.Context(), f.tenant, f.settings, seats, readers, f.now))
	return f
}

// newFixtureWithout returns a directory on a table that already has its tenant.
func newFixtureWithout(t testing.TB, engine table.Table, name string) *fixture {
	t.Helper()
	id, err := tenant.ParseID(name)
	require.NoError(t, err)
	f := &fixture{
		t: t, tenant: id, settings: tenant.DefaultSettings(), now: time.Now(),
		store: store.New(engine, newID, time.Now), types: directory.Types(extension).User,
	}
	f.dir = f.directory(0)
	return f
}

func (f *fixture) directory(maxWalk int) *directory.Directory {
	return directory.New(directory.Config{
		Store: f.store, Users: f.types, Groups: schema.GroupType(), Extension: extension, Documents: f.documents(),
		NewID: func(time.Time) string { return newID() }, Now: func() time.Time { return f.now }, MaxWalk: maxWalk,
	})
}

// storeOn returns a store on another table.
func (f *fixture) storeOn(engine table.Table) *store.Store {
	return store.New(table.Retrying(engine), newID, time.Now)
}

// onStore returns the same directory on another store.
func (f *fixture) onStore(s directory.Store) *directory.Directory {
	return directory.New(directory.Config{
		Store: s, Users: f.types, Groups: schema.GroupType(), Extension: extension, Documents: f.documents(),
		NewID: func(time.Time) string { return newID() }, Now: func() time.Time { return f.now },
	})
}

func (f *fixture) documents() *representation.Documents {
	return representation.New(schema.Types{User: f.types, Group: schema.GroupType()}, "https://scim.test/scim/v2")
}

// on returns the same directory on another table.
func (f *fixture) on(engine table.Table) *directory.Directory {
	other := *f
	other.store = store.New(engine, newID, time.Now)
	return other.directory(0)
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }

func (f *fixture) by() directory.Caller {
	return directory.Caller{RequestID: newID(), Settings: f.settings, Time: time.Now().Truncate(time.Millisecond), TokenID: "k1", IdP: "okta", ShowGroups: f.shows, ShowMembers: f.shows}
}

func (f *fixture) decode(body string) scim.Resource {
	f.t.Helper()
	r, _, err := resource.Decode(f.types, []byte(body))
	require.NoErrorf(f.t, err, "decode %s", body)
	return r
}

func (f *fixture) post(body string) (directory.Result, error) {
	f.t.Helper()
	return f.dir.Provision(context.Background(), f.tenant, f.by(), f.decode(body))
}

func (f *fixture) mustPost(body string) *directory.User {
	f.t.Helper()
	result, err := f.post(body)
	require.NoErrorf(f.t, err, "POST %s", body)
	return result.User
}

func (f *fixture) put(id, body string, match directory.Versions) (directory.Result, error) {
	f.t.Helper()
	return f.dir.Replace(context.Background(), f.tenant, f.by(), id, match, f.decode(body))
}

// patchOf returns a patch of operations.
func (f *fixture) patchOf(operations string) *resource.Patch {
	f.t.Helper()
	p, err := resource.DecodePatch([]byte(`{"schemas":["` + scim.PatchURN + `"],"Operations":[` + operations + `]}`))
	require.NoErrorf(f.t, err, "decode %.200s", operations)
	return p
}

func (f *fixture) patch(id, operations string, match directory.Versions) (directory.Result, error) {
	f.t.Helper()
	p, err := resource.DecodePatch([]byte(`{"schemas":["` + scim.PatchURN + `"],"Operations":` + operations + `}`))
	require.NoErrorf(f.t, err, "decode %s", operations)
	return f.dir.Modify(context.Background(), f.tenant, f.by(), id, match, p)
}

func (f *fixture) mustPatch(id, operations string) *directory.User {
	f.t.Helper()
	result, err := f.patch(id, operations, nil)
	require.NoErrorf(f.t, err, "PATCH %s", operations)
	return result.User
}

func (f *fixture) remove(id string) error {
	_, err := f.dir.Delete(context.Background(), f.tenant, f.by(), id, nil)
	return err
}

func (f *fixture) mustRemove(id string) {
	f.t.Helper()
	require.NoError(f.t, f.remove(id), "DELETE")
}

func (f *fixture) ledger() directory.Ledger {
	f.t.Helper()
	l, err := f.store.Ledger(context.Background(), f.tenant)
	require.NoError(f.t, err)
	return l
}

// check fails the test if the tenant's data breaks an invariant, or the number
// of seats is not the wanted one.
func (f *fixture) check(seats int64) {
	f.t.Helper()
	faults, err := f.store.Audit(context.Background(), f.tenant)
	require.NoError(f.t, err)
	for _, fault := range faults {
		f.t.Errorf("audit: %s", fault)
	}
	l := f.ledger()
	assert.Equalf(f.t, seats, l.Seats, "%d seats in use, want %d", l.Seats, seats)
}

// own stores one of the application's own users, which no SCIM request creates.
func (f *fixture) own(body string, active bool, kind tenant.AccountType) *directory.User {
	f.t.Helper()
	r := f.decode(body)
	u := &directory.User{
		ID: newID(), Version: 1, Created: f.now, Modified: f.now, Active: active, Type: kind,
		Origin: directory.OriginManual, Held: directory.ClaimsOf(r),
	}
	if !active {
		u.DeactivatedBy = journal.ByApplication
	}
	r["id"], r["active"] = u.ID, active
	r[extension] = map[string]any{"isTeamAccount": kind == tenant.User}
	u.Doc = resource.Encode(f.types, r)
	f.commit(directory.Change{After: u, OtherAfter: directory.OtherEmails(r)})
	return u
}

// offInApp deactivates a user as the application would.
func (f *fixture) offInApp(u *directory.User) *directory.User {
	f.t.Helper()
	r, err := u.Resource()
	require.NoError(f.t, err)
	after := *u
	after.Active, after.DeactivatedBy, after.Version = false, journal.ByApplication, u.Version+1
	r["active"] = false
	after.Doc = resource.Encode(f.types, r)
	f.commit(directory.Change{Before: u, After: &after})
	return &after
}

func (f *fixture) commit(c directory.Change) {
	f.t.Helper()
	c.Entry = journal.Entry{RequestID: newID(), Time: f.now, ResourceID: c.After.ID}
	c.Expires = f.now.Add(time.Hour)
	require.NoError(f.t, f.store.Commit(context.Background(), f.tenant, c))
}

// object returns a user's document, decoded.
func object(t testing.TB, u *directory.User) map[string]any {
	t.Helper()
	var o map[string]any
	require.NoError(t, json.Unmarshal(u.Doc, &o))
	return o
}
