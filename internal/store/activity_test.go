package store

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// What several instances have seen is one whole: counts are added, the last request is
// the last one, and what is known of a change is not lost to a read.
func TestObserve(t *testing.T) { enginetest.RunOn(t, enginetest.Plain(), testObserve) }

func testObserve(t *testing.T, open func(testing.TB) table.Table) {
	f := newFixture(t, open(t), made)
	ctx := t.Context()
	observe := func(a journal.Activity) {
		t.Helper()
		require.NoError(t, f.store.Observe(ctx, f.tenant, a))
	}
	day := made.UTC().Truncate(24 * time.Hour)
	later := made.Add(time.Minute)
	expires := made.Add(24 * time.Hour)
	if a, err := f.store.Activity(ctx, f.tenant); err != nil || !a.Empty() {
		t.Fatalf("before: %+v, %v", a, err)
	}
	observe(journal.Activity{})
	change := journal.Entry{RequestID: "r1", Time: made, Operation: "create", Outcome: journal.Failure, Cause: cause.Duplicate}
	observe(journal.Activity{Seen: []journal.Seen{{IdP: "okta", Time: made, TokenID: "k1", Change: change}, {IdP: "", Time: made, TokenID: "k2"}}})
	observe(journal.Activity{
		Seen: []journal.Seen{{IdP: "okta", Time: later, TokenID: "k2"}},
		Tallies: []journal.Tally{
			{Cause: cause.TokenRevoked, TokenID: "k0", IdP: "okta", Last: made, Count: 3, Expires: expires},
			{Cause: cause.Tolerated, Day: day, IdP: "entra", Last: made, Count: 1, Least: true, Expires: expires},
		},
	})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			err := f.store.Observe(ctx, f.tenant, journal.Activity{Tallies: []journal.Tally{
				{Cause: cause.TokenRevoked, TokenID: "k0", IdP: "entra", Last: later, Count: 2, Expires: expires},
			}})
			assert.NoError(t, err)
		})
	}
	all.Wait()
	if err := f.store.Used(ctx, f.tenant, "k1", time.Time{}, made); err != nil { // is no part of it
		t.Fatal(err)
	}
	a, err := f.store.Activity(ctx, f.tenant)
	require.NoError(t, err)
	slices.SortFunc(a.Tallies, func(x, y journal.Tally) int { return strings.Compare(string(x.Cause), string(y.Cause)) })
	wantSeen := []journal.Seen{{IdP: "", Time: made.UTC(), TokenID: "k2"}, {IdP: "okta", Time: later.UTC(), TokenID: "k2", Change: change}}
	wantSeen[1].Change.Time, wantSeen[1].Change.IdP, wantSeen[1].Change.TokenID = made.UTC(), "okta", "k2"
	wantSeen[0].Change.TokenID = "k2"
	assert.Equal(t, wantSeen, a.Seen, "seen")
	wantTallies := []journal.Tally{
		{Cause: cause.TokenRevoked, TokenID: "k0", IdP: "entra", Last: later.UTC(), Count: 19},
		{Cause: cause.Tolerated, Day: day, IdP: "entra", Last: made.UTC(), Count: 1, Least: true},
	}
	assert.Truef(t, slices.Equal(a.Tallies, wantTallies), "counted %+v, want %+v", a.Tallies, wantTallies)
	f.pass(25 * time.Hour)
	if a, err = f.store.Activity(ctx, f.tenant); err != nil || len(a.Seen) != 2 || len(a.Tallies) != 0 {
		t.Errorf("a day later: %+v, %v", a, err)
	}
}

// The requests of an identity provider on a day are counted by kind, by several instances at
// once, and forgotten with the day.
func TestObserve_CountsTheKindsOfADay(t *testing.T) {
	enginetest.RunOn(t, enginetest.Plain(), func(t *testing.T, open func(testing.TB) table.Table) {
		made := time.Now().Truncate(time.Millisecond) // DynamoDB expires what is older
		f := newFixture(t, open(t), made)
		today := made.UTC().Truncate(24 * time.Hour)
		day := func(kind journal.Kind, n int64, day time.Time) journal.Activity {
			return journal.Activity{Days: []journal.Day{{
				IdP: "okta", Day: day, Last: map[journal.Kind]time.Time{kind: made}, Count: map[journal.Kind]int64{kind: n}, Expires: day.Add(journal.DaysKept),
			}}}
		}
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() { assert.NoError(t, f.store.Observe(t.Context(), f.tenant, day(journal.Creations, 2, today))) })
		}
		all.Wait()
		f.must(f.store.Observe(t.Context(), f.tenant, day(journal.Departures, 0, today)))
		f.must(f.store.Observe(t.Context(), f.tenant, day(journal.Lookups, 1, today.AddDate(0, 0, 1))))
		a, err := f.store.Activity(t.Context(), f.tenant)
		f.must(err)
		require.Equal(t, []journal.Day{
			{
				IdP: "okta", Day: today, Last: map[journal.Kind]time.Time{journal.Creations: made.UTC(), journal.Departures: made.UTC()},
				Count: map[journal.Kind]int64{journal.Creations: 8, journal.Departures: 0},
			},
			{IdP: "okta", Day: today.AddDate(0, 0, 1), Last: map[journal.Kind]time.Time{journal.Lookups: made.UTC()}, Count: map[journal.Kind]int64{journal.Lookups: 1}},
		}, a.Days)
		f.pass(journal.DaysKept)
		a, err = f.store.Activity(t.Context(), f.tenant)
		f.must(err)
		require.Len(t, a.Days, 1, "the first day is over")
	})
}
