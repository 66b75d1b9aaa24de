package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/event"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/table/tabletest"
)

const aDay = 24 * time.Hour

// ending stores a token that ends after a time.
func (f *fixture) ending(id string, after time.Duration) {
	f.t.Helper()
	f.must(f.store.SaveToken(f.t.Context(), f.tenant, access.Record{ID: id, Hash: "h", LastFour: "abcd", Label: "okta", Created: f.now(), Expires: f.now().Add(after)}))
}

// warned returns the id and the days of each signal of a credential that ends, in order.
func (f *fixture) warned() []string {
	f.t.Helper()
	var all []string
	for _, s := range f.signals() {
		if s.Type == string(event.TokenExpiring) {
			all = append(all, s.Details["id"]+" "+s.Details["days"])
		}
	}
	slices.Sort(all)
	return all
}

// signal runs a sweep of credentials, and returns how many signals it wrote.
func (f *fixture) signal() int {
	f.t.Helper()
	n, err := f.store.SignalExpiring(f.t.Context())
	f.must(err)
	return n
}

// expiring returns the items of credentials that end.
func (f *fixture) expiring() []table.Item {
	return slices.DeleteFunc(f.all(expiringPartition), func(i table.Item) bool { return i.Key == searchKey() })
}

func TestSignalExpiring(t *testing.T) {
	enginetest.Run(t, func(t *testing.T, open func(t testing.TB) table.Table) {
		t.Run("at each date", func(t *testing.T) { testWarnings(t, sweepFixture(t, table.Retrying(open(t)))) })
		t.Run("of a secret", func(t *testing.T) { testSecretWarnings(t, sweepFixture(t, table.Retrying(open(t)))) })
		t.Run("of sweeps at once", func(t *testing.T) { testWarningsAtOnce(t, sweepFixture(t, table.Retrying(open(t)))) })
		t.Run("of an earlier version", func(t *testing.T) { testFormerTokens(t, sweepFixture(t, table.Retrying(open(t)))) })
	})
}

// A token causes one signal at each date that is ahead when it is created.
func testWarnings(t *testing.T, f *fixture) {
	f.ending("k40", 40*aDay)
	f.ending("k30", 30*aDay)
	f.ending("k05", 5*aDay)
	f.ending("k01", aDay)
	f.must(f.store.SaveToken(t.Context(), f.tenant, access.Record{ID: "kk", Hash: "h", Created: f.now()}))
	require.Len(t, f.expiring(), 3)
	require.Zero(t, f.signal())
	for _, step := range []struct {
		pass time.Duration
		want []string
	}{
		{4*aDay + warningDelay - time.Second, nil},
		{2 * time.Second, []string{"k05 1"}},
		{6 * aDay, []string{"k05 1", "k40 30"}},
		{13 * aDay, []string{"k05 1", "k30 7", "k40 30"}},
		{6 * aDay, []string{"k05 1", "k30 1", "k30 7", "k40 30"}},
		{5 * aDay, []string{"k05 1", "k30 1", "k30 7", "k40 30", "k40 7"}},
		{5 * aDay, []string{"k05 1", "k30 1", "k30 7", "k40 1", "k40 30", "k40 7"}},
	} {
		f.pass(step.pass)
		before := len(f.warned())
		wrote := f.signal()
		assert.Equal(t, step.want, f.warned())
		assert.Equal(t, len(step.want)-before, wrote)
		assert.Zero(t, f.signal(), "a date has a second signal")
	}
	assert.Empty(t, f.expiring(), "tokens without a date ahead have items")
	for _, s := range f.signals() {
		if s.Details["id"] != "k40" || s.Details["days"] != "1" {
			continue
		}
		assert.Equal(t, map[string]string{
			"credential": "token", "id": "k40", "label": "okta", "lastFour": "abcd", "days": "1",
			"expiresAt": s.Details["expiresAt"], "whatToDo": whatToDo[tokenCredential],
		}, s.Details)
		at, err := time.Parse(time.RFC3339, s.Details["expiresAt"])
		f.must(err)
		assert.Less(t, at.Sub(f.now()), aDay)
	}
}

// The secret of a client causes signals too, of a rotation each half its own.
func testSecretWarnings(t *testing.T, f *fixture) {
	clients := access.NewClients(f.store, f.now)
	c, _, first, err := clients.Create(t.Context(), f.tenant, access.ClientWanted{Label: "Entra", Expires: f.now().Add(8 * aDay)})
	f.must(err)
	_, second, err := clients.AddSecret(t.Context(), f.tenant, c.ID, access.SecretWanted{Expires: f.now().Add(9 * aDay)})
	f.must(err)
	require.Len(t, f.expiring(), 2)
	f.pass(aDay + warningDelay)
	require.Equal(t, 1, f.signal())
	require.Equal(t, []string{first.ID + " 7"}, f.warned())
	require.Equal(t, c.ID, f.signals()[0].Details["client"])
	require.Equal(t, "Entra", f.signals()[0].Details["label"])
	f.must(clients.EndSecret(t.Context(), f.tenant, c.ID, second.ID))
	f.pass(aDay)
	require.Zero(t, f.signal(), "a revoked secret warns")
	require.Len(t, f.expiring(), 1)
	f.must(clients.Revoke(t.Context(), f.tenant, c.ID))
	f.pass(6 * aDay)
	require.Zero(t, f.signal(), "a revoked client warns")
	require.Empty(t, f.expiring())
}

// Of several sweeps at once, one writes the signal.
func testWarningsAtOnce(t *testing.T, f *fixture) {
	for i := range 5 {
		f.ending(fmt.Sprint("k", i), 8*aDay)
	}
	f.pass(aDay + warningDelay)
	var group sync.WaitGroup
	total := make([]int, 4)
	for i := range total {
		group.Go(func() {
			n, err := f.store.SignalExpiring(t.Context())
			f.must(err)
			total[i] = n
		})
	}
	group.Wait()
	require.Equal(t, []string{"k0 7", "k1 7", "k2 7", "k3 7", "k4 7"}, f.warned())
	require.Equal(t, 5, total[0]+total[1]+total[2]+total[3])
	require.Len(t, f.expiring(), 5)
}

// A token that an earlier version stored gets its item by the search, once for all tenants.
func testFormerTokens(t *testing.T, f *fixture) {
	other := f.of("globex")
	for _, f := range []*fixture{f, other} {
		f.ending("k1", 40*aDay)
		f.ending("k2", 40*aDay)
		f.must(f.store.RevokeToken(t.Context(), f.tenant, "k2", f.now()))
	}
	for _, i := range f.expiring() {
		f.write(table.Delete(i.Key))
	}
	require.Zero(t, f.signal())
	require.Len(t, f.expiring(), 2, "each live token has an item")
	f.pass(10*aDay + warningDelay)
	require.Equal(t, 2, f.signal())
	require.Equal(t, []string{"k1 30"}, f.warned())
	require.Equal(t, []string{"k1 30"}, other.warned())
}

// The search reads at most searchTenants tenants in a sweep, all of them one after another,
// and then rests for a day.
func TestSignalExpiring_SearchesAllTenants(t *testing.T) {
	f := sweepFixture(t, enginetest.Memory(t))
	f.ending("k1", 40*aDay)
	for n := range searchTenants + 20 {
		other := f.of(fmt.Sprintf("t%03d", n))
		other.ending("k1", 40*aDay)
	}
	forget := func() {
		for _, i := range f.expiring() {
			f.write(table.Delete(i.Key))
		}
	}
	forget()
	f.signal()
	require.Len(t, f.expiring(), searchTenants)
	f.signal()
	require.Len(t, f.expiring(), searchTenants+21)
	forget()
	f.pass(searchPause - time.Second)
	f.signal()
	require.Empty(t, f.expiring(), "the search does not rest")
	f.pass(time.Second)
	f.signal()
	require.Len(t, f.expiring(), searchTenants)
}

// A sweep that comes late writes one signal of the dates that are over, and none of a token
// that has expired, was revoked, or does not exist.
func TestSignalExpiring_LateOrWithoutAToken(t *testing.T) {
	f := sweepFixture(t, enginetest.Memory(t))
	f.ending("late", 40*aDay)
	f.ending("revoked", 40*aDay)
	f.ending("expired", 32*aDay)
	f.ending("gone", 40*aDay)
	f.must(f.store.RevokeToken(t.Context(), f.tenant, "revoked", f.now()))
	f.write(table.Delete(tokenKey(f.tenant, "gone")))
	f.pass(34 * aDay)
	require.Equal(t, 1, f.signal())
	require.Equal(t, []string{"late 7"}, f.warned())
	require.Len(t, f.expiring(), 1)
}

// An item that cannot be read is an error, and delays no other.
func TestSignalExpiring_DamagedItem(t *testing.T) {
	f := sweepFixture(t, enginetest.Memory(t))
	f.ending("k1", 8*aDay)
	for _, name := range []string{"acme", "Acme#token#k1", "acme#token"} {
		f.write(table.Put(table.Item{Key: expiringKey(f.now(), name)}))
	}
	f.pass(aDay + warningDelay)
	n, err := f.store.SignalExpiring(t.Context())
	require.Equal(t, 1, n)
	require.ErrorContains(t, err, "invalid name of a credential")
	require.Equal(t, []string{"k1 7"}, f.warned())
}

// A sweep that is killed at any write leaves each date with one signal.
func TestSignalExpiring_KilledAnywhere(t *testing.T) {
	for stop, killed := 1, true; killed; stop++ {
		f := sweepFixture(t, enginetest.Memory(t))
		for _, id := range []string{"k1", "k2", "k3"} {
			f.ending(id, 8*aDay)
		}
		f.pass(aDay + warningDelay)
		_, err := f.on(tabletest.NewFault(f.table, 1, tabletest.FaultPlan{StopAfter: stop})).SignalExpiring(t.Context())
		killed = errors.Is(err, tabletest.ErrStopped)
		f.signal()
		require.Equal(t, []string{"k1 7", "k2 7", "k3 7"}, f.warned())
		require.Len(t, f.expiring(), 3)
	}
}

// A punctual table applies no transaction after its time, by the tests' clock.
type punctual struct {
	table.Table
	now func() time.Time
}

func (p *punctual) Write(ctx context.Context, tx table.Transaction) error {
	if !tx.NotAfter.IsZero() && p.now().After(tx.NotAfter) {
		return table.ErrTooLate
	}
	return p.Table.Write(ctx, tx)
}

// A sweep beside the deletion of a tenant leaves nothing of the tenant, wherever they meet.
func TestSignalExpiring_BesideTheDeletionOfTheTenant(t *testing.T) {
	given := func() (*fixture, *witness) {
		w := newWitness(enginetest.Memory(t))
		f := sweepFixture(t, table.Retrying(w))
		f.ending("k1", 8*aDay)
		f.must(f.store.AddClient(t.Context(), f.tenant, access.Client{ID: "c1", Version: 1, Secrets: []access.Secret{{ID: "s1", Expires: f.now().Add(8 * aDay)}}}, access.Roster{}))
		f.pass(aDay + warningDelay)
		return f, w
	}
	for at, met := int64(1), true; met; at++ {
		f, w := given()
		m := &meeting{Table: &punctual{f.table, f.now}, at: at, do: func() {
			f.end()
			f.pass(SweepAge)
			f.must(f.store.finishTenant(t.Context(), f.tenant, tenantTask(f.tenant)))
		}}
		_, _ = f.on(m).SignalExpiring(t.Context()) // it may be too late
		if met = m.writes.Load() >= at; met {
			require.Empty(t, w.lines(t, f.tenant, false), "the deletion was before write %d of the sweep", at)
		}
	}
	for at, met := int64(1), true; met; at++ {
		f, w := given()
		f.end()
		f.pass(SweepAge)
		m := &meeting{Table: f.table, at: at, do: func() { f.signal() }}
		f.must(f.on(m).finishTenant(t.Context(), f.tenant, tenantTask(f.tenant)))
		require.Empty(t, w.lines(t, f.tenant, false), "the sweep was before write %d of the deletion", at)
		met = m.writes.Load() >= at
	}
}

// expiringDecisions are the transactions of credentials that end.
func expiringDecisions() []decision {
	at := time.Date(2026, 1, 12, 3, 4, 5, 0, time.UTC)
	first := expiringKey(at, "acme#token#k1")
	sweep := func(f *fixture, s *Store) error {
		_, err := s.SignalExpiring(f.t.Context())
		return err
	}
	return []decision{
		{
			name: "the signal of a token that ends", returned: leftToOthers, commit: sweep,
			given:      func(f *fixture) { f.ending("k1", 40*aDay); f.pass(10*aDay + warningDelay) },
			conditions: []settled{{first, table.Present(), "", "two sweeps at one date"}},
		},
		{
			name: "the item of a token of an earlier version", returned: leftToOthers, commit: sweep,
			given: func(f *fixture) {
				f.ending("k1", 40*aDay)
				f.write(table.Delete(first))
			},
			conditions: []settled{{first, table.Absent(), "", "two searches at once"}},
		},
	}
}
