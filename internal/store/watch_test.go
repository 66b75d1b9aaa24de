package store

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/watch"
)

// told returns the types of all signals, the oldest first.
func (f *fixture) told() (types []string) {
	f.t.Helper()
	all := f.signals()
	slices.SortFunc(all, func(a, b journal.Signal) int { return a.Time.Compare(b.Time) })
	for _, s := range all {
		types = append(types, s.Type)
	}
	return types
}

// watched returns what is remembered of reports.
func (f *fixture) watched() (items []table.Item) {
	f.t.Helper()
	f.must(f.store.scan(f.t.Context(), watchKey(f.tenant, "").Partition, func(i table.Item) { items = append(items, i) }))
	return items
}

func (f *fixture) counts(seats, limit int64) {
	f.t.Helper()
	f.write(table.Update(ledgerKey(f.tenant), table.Change{Set: table.Attributes{attrSeats: table.Number(seats), attrSeatLimit: table.Number(limit)}}, table.Present()))
}

// Several feeds that look at one change at once report it once, and the other change after it.
func TestReport_TellsEachChangeOnce(t *testing.T) {
	enginetest.Run(t, func(t *testing.T, open func(t testing.TB) table.Table) {
		f := newFixture(t, table.Retrying(open(t)), time.Now().Truncate(time.Second))
		w := watch.New(f.store)
		look := func() {
			var all sync.WaitGroup
			for range 4 {
				all.Go(func() {
					_, err := w.Watch(t.Context(), []watch.Fact{{Tenant: f.tenant, Counts: true}})
					assert.NoError(t, err)
				})
			}
			all.Wait()
		}
		for _, seats := range []int64{5, 4, 5} {
			f.counts(seats, 5)
			look()
			f.pass(time.Second)
		}
		assert.Equal(t, []string{"seats.full", "seats.available", "seats.full"}, f.told())
		for _, s := range f.signals() {
			assert.Equal(t, "5", s.Details["seatLimit"])
		}
		for _, item := range f.watched() {
			assert.False(t, item.Attributes.Has(table.ExpiryName), "the state of the seats is kept")
		}
	})
}

// Whatever changes between the looks, what is told alternates, and what was told last is true.
func TestReport_OfSeatsIsTrueInTheEnd(t *testing.T) {
	all := newFixture(t, enginetest.Memory(t), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	runs := 0
	rapid.Check(t, func(rt *rapid.T) {
		runs++
		f := all.of(fmt.Sprint("run-", runs))
		w := watch.New(f.store)
		var seats, limit int64 = 0, 3
		for range rapid.IntRange(1, 30).Draw(rt, "steps") {
			f.pass(time.Second)
			switch rapid.IntRange(0, 3).Draw(rt, "step") {
			case 0:
				seats++
			case 1:
				seats = max(0, seats-1)
			case 2:
				limit = rapid.Int64Range(0, 4).Draw(rt, "limit")
			default:
				_, err := w.Watch(t.Context(), []watch.Fact{{Tenant: f.tenant, Counts: true}})
				require.NoError(rt, err)
				continue
			}
			f.counts(seats, limit)
		}
		_, err := w.Watch(t.Context(), []watch.Fact{{Tenant: f.tenant, Counts: true}})
		require.NoError(rt, err)
		told := f.told()
		for i, kind := range told {
			require.Equal(rt, []string{"seats.full", "seats.available"}[i%2], kind)
		}
		require.Equal(rt, seats >= limit, len(told)%2 == 1)
	})
}

// The use of an ended token is told with the token, and is forgotten when no record of it can
// come again.
func TestReport_NamesTheCredential(t *testing.T) {
	f := newFixture(t, enginetest.Memory(t), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	w := watch.New(f.store)
	f.must(f.store.SaveToken(t.Context(), f.tenant, access.Record{ID: "k1", Hash: "h", LastFour: "abcd", Label: "Okta", Created: f.now()}))
	f.must(f.store.SaveToken(t.Context(), f.tenant, access.Record{ID: "k2", Hash: "h", LastFour: "abcd", Created: f.now(), Expires: f.now().Add(-time.Hour)}))
	f.must(f.store.RevokeToken(t.Context(), f.tenant, "k1", f.now()))
	f.must(f.store.AddClient(t.Context(), f.tenant, access.Client{ID: "c1", Label: "Entra", SigningKey: []byte("key"), Version: 1, Revoked: f.now()}, access.Roster{}))
	var facts []watch.Fact
	for id, c := range map[string]cause.Cause{"k1": cause.TokenRevoked, "k2": cause.TokenExpired, "c1": cause.ClientRevoked, "none": cause.TokenRevoked} {
		facts = append(facts, watch.Fact{Tenant: f.tenant, Entry: &journal.Entry{RequestID: "r" + id, Time: f.now(), TokenID: id, Cause: c}})
	}
	_, err := w.Watch(t.Context(), facts)
	require.NoError(t, err)
	got := map[string][]string{}
	for _, s := range f.signals() {
		got[s.Details["id"]] = []string{s.Details["credential"], s.Details["label"], s.Details["lastFour"], s.Details["endedAt"]}
	}
	assert.Equal(t, map[string][]string{
		"k1": {"token", "Okta", "abcd", "2026-01-02T03:04:05Z"}, "k2": {"token", "", "abcd", "2026-01-02T02:04:05Z"}, "c1": {"client", "Entra", "", "2026-01-02T03:04:05Z"},
	}, got)
	for _, item := range f.watched() {
		assert.True(t, item.Attributes.Has(table.ExpiryName), item.Sort)
	}
}

// A tenant that is being deleted is told nothing: a signal would stay.
func TestReport_StoresNothingForATenantThatEnds(t *testing.T) {
	f := newFixture(t, enginetest.Memory(t), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	f.counts(5, 5)
	before, _, err := f.store.Tenant(t.Context(), f.tenant)
	f.must(err)
	f.must(f.store.EndTenant(t.Context(), before, f.now()))
	for _, id := range []string{"acme", "nobody"} {
		_, err = watch.New(f.store).Watch(t.Context(), []watch.Fact{{Tenant: mustID(t, id), Counts: true}})
		require.NoError(t, err)
	}
	assert.Empty(t, f.signals())
}

// departs stores the entry of the deactivation of a user, under a key of its time.
func (f *fixture) departs(n int, change func(*journal.Entry)) journal.Entry {
	f.t.Helper()
	ms := fmt.Sprintf("%012x", f.now().UnixMilli())
	e := f.entry(journal.Modify, journal.Deactivated, journal.TypeUser, fmt.Sprint("u", n))
	e.RequestID, e.Seats = fmt.Sprintf("%s-%s-7000-8000-%012d", ms[:8], ms[8:], n), -1
	if change != nil {
		change(&e)
	}
	f.write(table.Put(logItem(f.tenant, e, f.now().Add(time.Hour)), table.Absent()))
	return e
}

// Several feeds that get one batch with unusual deactivations at once, and again later, report
// them once; a batch from which nothing follows is only remembered.
func TestReport_TellsOfUnusualDeactivationsOnce(t *testing.T) {
	enginetest.Run(t, func(t *testing.T, open func(t testing.TB) table.Table) {
		f := newFixture(t, table.Retrying(open(t)), time.Now().Truncate(time.Second))
		f.counts(79, 100)
		w := watch.New(f.store)
		var facts []watch.Fact
		for n := range 21 {
			e := f.departs(n, nil)
			facts = append(facts, watch.Fact{Record: n, Tenant: f.tenant, Entry: &e})
		}
		_, err := w.Watch(t.Context(), facts[:5])
		f.must(err)
		require.Empty(t, f.told())
		require.Len(t, f.watched(), 1)
		_, ok, err := f.store.UnusualDeactivations(t.Context(), f.tenant)
		require.True(t, err == nil && !ok)
		for range 2 {
			var all sync.WaitGroup
			for range 3 {
				all.Go(func() {
					_, err := w.Watch(t.Context(), facts)
					assert.NoError(t, err)
				})
			}
			all.Wait()
			require.Equal(t, []string{"deactivations.unusual"}, f.told())
		}
		u, ok, err := f.store.UnusualDeactivations(t.Context(), f.tenant)
		f.must(err)
		require.True(t, ok)
		require.Equal(t, []int64{21, 100}, []int64{u.Count, u.ActiveUsers})
		require.True(t, u.Since.Equal(f.now()) && u.At.Equal(f.now()))
	})
}

// The log is read for a time, each user once, without what is not counted, and not endlessly.
func TestDeactivated(t *testing.T) {
	f := newFixture(t, enginetest.Memory(t), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	f.departs(1, nil)
	f.pass(time.Second)
	from := f.now()
	f.departs(2, nil)
	f.departs(3, func(e *journal.Entry) { e.By = journal.ByApplication })
	f.departs(4, func(e *journal.Entry) { e.Action, e.Seats = journal.Deleted, 0 })
	f.pass(time.Minute)
	again := f.departs(5, func(e *journal.Entry) { e.ResourceID, e.TokenID = "u2", "k2" })
	to := f.now()
	f.pass(time.Second)
	f.departs(6, nil)
	d, err := f.store.Deactivated(t.Context(), f.tenant, from, to)
	f.must(err)
	require.Equal(t, watch.Deactivated{Users: map[string]watch.Deactivation{"u2": {At: again.Time.UTC(), TokenID: "k2", IdP: "okta"}}}, d)
	for most, cut := range map[int]bool{3: true, 4: false, 5: false} {
		d, err = f.store.deactivated(t.Context(), f.tenant, from, to, most)
		f.must(err)
		require.Equal(t, cut, d.Cut, most)
	}
}
