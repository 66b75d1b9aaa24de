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
	f.must(f.store.AddClient(t.Context(), f.tenant, access.Client{ID: "c1", Label: "Entra", SigningKey: []byte("key"), Version: 1, Revoked: f.now()}))
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
