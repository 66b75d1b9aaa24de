package tenant_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/tenant"
)

var (
	noon      = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	errBroken = errors.New("the store is broken")
)

// memory keeps tenants in memory, with the conditions that Store describes. broken makes
// a call fail, by its name. before is called before each write, as another administrator
// might act.
type memory struct {
	tenants map[tenant.ID]tenant.Tenant
	broken  string
	before  func(m *memory)
	writes  int
	reads   int
}

func newMemory(of ...tenant.Tenant) *memory {
	m := &memory{tenants: map[tenant.ID]tenant.Tenant{}}
	for _, t := range of {
		m.tenants[t.ID] = t
	}
	return m
}

func (m *memory) write(name string) error {
	m.writes++
	if m.before != nil {
		m.before(m)
	}
	if m.broken == name {
		return errBroken
	}
	return nil
}

func (m *memory) CreateTenant(_ context.Context, id tenant.ID, settings tenant.Settings, seats, readers int64, now time.Time) error {
	if err := m.write("create"); err != nil {
		return err
	}
	if _, ok := m.tenants[id]; ok {
		return tenant.ErrExists
	}
	m.tenants[id] = tenant.Tenant{ID: id, Settings: settings, MaxSeats: seats, MaxReaders: readers, Created: now}
	return nil
}

func (m *memory) Tenant(_ context.Context, id tenant.ID) (tenant.Tenant, bool, error) {
	m.reads++
	if m.broken == "read" {
		return tenant.Tenant{}, false, errBroken
	}
	t, ok := m.tenants[id]
	return t, ok, nil
}

func (m *memory) Tenants(_ context.Context, after string, limit int) ([]tenant.Tenant, string, error) {
	if m.broken == "list" {
		return nil, "", errBroken
	}
	page := []tenant.Tenant{{MaxSeats: int64(limit)}}
	return page, after + "+", nil
}

func (m *memory) ChangeTenant(_ context.Context, before, after tenant.Tenant, now time.Time) error {
	if err := m.write("change"); err != nil {
		return err
	}
	if !now.Equal(noon) || m.tenants[before.ID].Version() != before.Version() {
		return tenant.ErrChanged
	}
	m.tenants[before.ID] = after
	return nil
}

func (m *memory) EndTenant(_ context.Context, before tenant.Tenant, now time.Time) error {
	if err := m.write("end"); err != nil {
		return err
	}
	if !now.Equal(noon) || m.tenants[before.ID].Version() != before.Version() {
		return tenant.ErrChanged
	}
	before.Settings.Ending = true
	m.tenants[before.ID] = before
	return nil
}

// seats sets the seats of acme, as another administrator does.
func (m *memory) seats(n int64) {
	t := m.tenants[acme(0).ID]
	t.MaxSeats = n
	m.tenants[t.ID] = t
}

func registry(m *memory) *tenant.Registry {
	return tenant.NewRegistry(m, func() time.Time { return noon })
}

// acme returns a tenant with some seats.
func acme(seats int64) tenant.Tenant {
	id, err := tenant.ParseID("acme")
	if err != nil {
		panic(err)
	}
	return tenant.Tenant{ID: id, Settings: tenant.DefaultSettings(), MaxSeats: seats, MaxReaders: 7, Created: noon.Add(-time.Hour)}
}

// moreSeats is a change to n seats.
func moreSeats(n int64) func(*tenant.Tenant) error {
	return func(t *tenant.Tenant) error { t.MaxSeats = n; return nil }
}

func TestVersion_DiffersByEachPartOfTheState(t *testing.T) {
	base := acme(5)
	versions := map[string]string{base.Version(): "the base"}
	for name, change := range map[string]func(*tenant.Tenant){
		"seats":             func(t *tenant.Tenant) { t.MaxSeats = 6 },
		"readers":           func(t *tenant.Tenant) { t.MaxReaders = 6 },
		"seats and readers": func(t *tenant.Tenant) { t.MaxSeats, t.MaxReaders = t.MaxReaders, t.MaxSeats },
		"digits moved":      func(t *tenant.Tenant) { t.MaxSeats, t.MaxReaders = 57, 0 },
		"name":              func(t *tenant.Tenant) { t.Settings.DisplayName = "Acme" },
		"disabled":          func(t *tenant.Tenant) { t.Settings.SCIMDisabled = true },
	} {
		changed := base
		change(&changed)
		require.Empty(t, versions[changed.Version()], "%s is a version of its own", name)
		versions[changed.Version()] = name
	}
	other := base
	other.Created, other.Stored = noon, "stored"
	require.Equal(t, base.Version(), other.Version(), "not a part of the state")
	require.Len(t, base.Version(), 16)
}

func TestTenant_IsReadOrNotFound(t *testing.T) {
	got, err := registry(newMemory(acme(5))).Tenant(t.Context(), acme(0).ID)
	require.NoError(t, err)
	require.Equal(t, acme(5), got)
	_, err = registry(newMemory()).Tenant(t.Context(), acme(0).ID)
	require.ErrorIs(t, err, tenant.ErrNotFound)
	_, err = registry(&memory{broken: "read"}).Tenant(t.Context(), acme(0).ID)
	require.ErrorIs(t, err, errBroken)
}

func TestTenants_PassesOnThePage(t *testing.T) {
	page, next, err := registry(newMemory()).Tenants(t.Context(), "b", 3)
	require.NoError(t, err)
	require.Equal(t, []tenant.Tenant{{MaxSeats: 3}}, page)
	require.Equal(t, "b+", next)
	_, _, err = registry(&memory{broken: "list"}).Tenants(t.Context(), "b", 3)
	require.ErrorIs(t, err, errBroken)
}

func TestPut_CreatesATenant(t *testing.T) {
	m := newMemory()
	got, created, err := registry(m).Put(t.Context(), acme(5), nil)
	require.NoError(t, err)
	require.True(t, created)
	want := acme(5)
	want.Created = noon
	require.Equal(t, want, got)
	require.Equal(t, want, m.tenants[want.ID])
}

func TestPut_ReplacesTheState(t *testing.T) {
	m := newMemory(acme(5))
	wanted := acme(9)
	wanted.MaxReaders, wanted.Settings.DisplayName = 3, "Acme"
	got, created, err := registry(m).Put(t.Context(), wanted, nil)
	require.NoError(t, err)
	require.False(t, created)
	require.Equal(t, wanted, got)
	require.Equal(t, wanted, m.tenants[wanted.ID], "and its creation is not later")
}

// Another request creates the tenant between the read and the write: the wanted state
// replaces its.
func TestPut_AfterAConcurrentCreation(t *testing.T) {
	m := newMemory()
	m.before = func(m *memory) {
		m.before = nil
		m.tenants[acme(0).ID] = acme(1)
	}
	got, created, err := registry(m).Put(t.Context(), acme(5), nil)
	require.NoError(t, err)
	require.False(t, created)
	require.Equal(t, int64(5), got.MaxSeats)
	require.Equal(t, int64(5), m.tenants[acme(0).ID].MaxSeats)
}

func TestPut_GivesUpAfterFiveAttempts(t *testing.T) {
	m := newMemory()
	m.before = func(m *memory) { m.tenants[acme(0).ID] = acme(1) }
	// It is gone again whenever it is read.
	gone := &vanishing{m}
	got, created, err := tenant.NewRegistry(gone, func() time.Time { return noon }).Put(t.Context(), acme(5), nil)
	require.ErrorIs(t, err, tenant.ErrBusy)
	require.False(t, created)
	require.Zero(t, got)
	require.Equal(t, 5, m.writes)
}

// vanishing is a memory whose reads find nothing.
type vanishing struct{ *memory }

func (v *vanishing) Tenant(context.Context, tenant.ID) (tenant.Tenant, bool, error) {
	return tenant.Tenant{}, false, nil
}

func TestPut_ReportsFailures(t *testing.T) {
	for _, broken := range []string{"read", "create"} {
		m := newMemory()
		m.broken = broken
		got, created, err := registry(m).Put(t.Context(), acme(5), nil)
		require.ErrorIs(t, err, errBroken, broken)
		require.False(t, created)
		require.Zero(t, got)
		require.LessOrEqual(t, m.writes, 1, "it is not tried again")
	}
	_, _, err := registry(newMemory(acme(1))).Put(t.Context(), acme(5), func(tenant.Tenant) bool { return false })
	require.ErrorIs(t, err, tenant.ErrVersion)
}

func TestChange_WritesTheChangedState(t *testing.T) {
	m := newMemory(acme(5))
	got, err := registry(m).Change(t.Context(), acme(0).ID, func(t tenant.Tenant) bool { return t.MaxSeats == 5 }, moreSeats(6))
	require.NoError(t, err)
	require.Equal(t, acme(6), got)
	require.Equal(t, acme(6), m.tenants[got.ID])
	require.Equal(t, 1, m.writes)
}

func TestChange_WritesNothingIfNothingChanges(t *testing.T) {
	m := newMemory(acme(5))
	got, err := registry(m).Change(t.Context(), acme(0).ID, nil, moreSeats(5))
	require.NoError(t, err)
	require.Equal(t, acme(5), got)
	require.Zero(t, m.writes)
}

func TestChange_Refuses(t *testing.T) {
	ending := acme(5)
	ending.Settings.Ending = true
	accept := func(tenant.Tenant) bool { return true }
	for name, c := range map[string]struct {
		store *memory
		match func(tenant.Tenant) bool
		apply func(*tenant.Tenant) error
		want  error
	}{
		"an unknown tenant":    {newMemory(), accept, moreSeats(6), tenant.ErrNotFound},
		"one being deleted":    {newMemory(ending), accept, moreSeats(6), tenant.ErrEnding},
		"another version":      {newMemory(acme(5)), func(tenant.Tenant) bool { return false }, moreSeats(6), tenant.ErrVersion},
		"an invalid change":    {newMemory(acme(5)), accept, func(*tenant.Tenant) error { return errBroken }, errBroken},
		"without a read":       {&memory{broken: "read"}, accept, moreSeats(6), errBroken},
		"another write's fate": {&memory{broken: "change", tenants: newMemory(acme(5)).tenants}, accept, moreSeats(6), errBroken},
	} {
		got, err := registry(c.store).Change(t.Context(), acme(0).ID, c.match, c.apply)
		require.ErrorIs(t, err, c.want, name)
		if name != "another write's fate" {
			require.Zero(t, got, name)
			require.Zero(t, c.store.writes, name)
		}
		for _, kept := range c.store.tenants {
			require.Equal(t, int64(5), kept.MaxSeats, name)
		}
	}
}

// Two administrators change different settings at once: both changes take effect.
func TestChange_DecidesAgainAfterAnother(t *testing.T) {
	m := newMemory(acme(5))
	m.before = func(m *memory) {
		m.before = nil
		m.seats(50)
	}
	got, err := registry(m).Change(t.Context(), acme(0).ID, nil, func(t *tenant.Tenant) error { t.MaxReaders = 1; return nil })
	require.NoError(t, err)
	require.Equal(t, int64(50), got.MaxSeats)
	require.Equal(t, int64(1), got.MaxReaders)
	require.Equal(t, got, m.tenants[got.ID])
}

func TestChange_GivesUpAfterFiveAttempts(t *testing.T) {
	m := newMemory(acme(5))
	m.before = func(m *memory) { m.seats(int64(100 + m.writes)) }
	got, err := registry(m).Change(t.Context(), acme(0).ID, nil, moreSeats(6))
	require.ErrorIs(t, err, tenant.ErrBusy)
	require.Zero(t, got)
	require.Equal(t, 5, m.writes)
	require.Equal(t, 5, m.reads)
}

func TestEnd_DisablesTheTenantOnce(t *testing.T) {
	m := newMemory(acme(5))
	require.NoError(t, registry(m).End(t.Context(), acme(0).ID))
	require.True(t, m.tenants[acme(0).ID].Settings.Ending)
	require.NoError(t, registry(m).End(t.Context(), acme(0).ID), "called again")
	require.Equal(t, 1, m.writes)
}

func TestEnd_ReportsFailures(t *testing.T) {
	require.ErrorIs(t, registry(newMemory()).End(t.Context(), acme(0).ID), tenant.ErrNotFound)
	m := newMemory(acme(5))
	m.broken = "end"
	require.ErrorIs(t, registry(m).End(t.Context(), acme(0).ID), errBroken)
	require.Equal(t, 1, m.writes)
}

func TestEnd_DecidesAgainAfterAnother(t *testing.T) {
	m := newMemory(acme(5))
	m.before = func(m *memory) {
		m.before = nil
		m.seats(50)
	}
	require.NoError(t, registry(m).End(t.Context(), acme(0).ID))
	require.True(t, m.tenants[acme(0).ID].Settings.Ending)
	require.Equal(t, 2, m.writes)

	m = newMemory(acme(5))
	m.before = func(m *memory) { m.seats(int64(100 + m.writes)) }
	require.ErrorIs(t, registry(m).End(t.Context(), acme(0).ID), tenant.ErrBusy)
	require.Equal(t, 5, m.writes)
}

func TestParseID_AcceptsTheWholeAlphabet(t *testing.T) {
	for _, good := range []string{"az", "09", "a-z", "0-9", "z", "9"} {
		id, err := tenant.ParseID(good)
		require.NoError(t, err)
		require.Equal(t, good, id.String())
	}
	for _, c := range "`{/:@[AZ_. \x00\x7fé" {
		id, err := tenant.ParseID("a" + string(c) + "b")
		require.ErrorIs(t, err, tenant.ErrInvalidID, "%q", c)
		require.True(t, id.IsZero())
	}
}

func TestDefaultSettings_AcceptWhatIdentityProvidersSend(t *testing.T) {
	require.Equal(t, tenant.Settings{
		DefaultAccountType: tenant.User, DeletedUsers: tenant.DeletedHidden, Rehire: tenant.RehireWarn,
		UnknownAttributes: tenant.UnknownDrop, UnknownMembers: tenant.UnknownMembersSkip, Dialects: tenant.DialectsTake,
		StaticTokens: tenant.StaticTake, LogDays: 90,
	}, tenant.DefaultSettings())
	require.Equal(t, 36*time.Hour*20, tenant.Settings{LogDays: 30}.LogRetention())
}
