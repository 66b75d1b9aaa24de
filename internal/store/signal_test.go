package store

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/event"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/provlog"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// signals reads all signals of the tenant that have not expired.
func (f *fixture) signals() []journal.Signal {
	f.t.Helper()
	page, err := logPage(f.t.Context(), f.store, newest(partition(f.tenant, signalsName), "", provlog.Span{Limit: 100}), "", decodeSignal)
	f.must(err)
	return page.Items
}

// fails records a failure of a subject, and reports whether its entry says that it begins.
func (f *fixture) fails(request string, failed bool, s journal.Subject, renamed ...journal.Subject) bool {
	f.t.Helper()
	e := journal.Entry{
		RequestID: request, Time: f.now(), Operation: journal.Create, Outcome: journal.Failure, Cause: cause.SeatLimit,
		ResourceType: s.Type, ResourceID: s.ID, Subject: s.Name, About: s,
	}
	f.must(f.store.Record(f.t.Context(), f.tenant, journal.Record{
		Entry: &e, Expires: f.now().Add(time.Hour), Fails: s, Failed: failed, Renamed: renamed,
	}))
	entries, err := f.store.Entries(f.t.Context(), f.tenant, []string{request})
	f.must(err)
	return entries[request].Begins
}

// Of the failures of a subject, the first begins, whatever the request knew; a failure under
// an id goes on from one under a name.
func TestRecord_BeginsOnce(t *testing.T) {
	f := newFixture(t, enginetest.Memory(t), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	dora, u1 := journal.Subject{Type: journal.TypeUser, Name: "dora"}, journal.Subject{Type: journal.TypeUser, ID: "u1"}
	require.True(t, f.fails("r1", true, dora), "the subject was resolved after the request looked")
	require.False(t, f.fails("r2", false, dora), "another request failed first")
	require.False(t, f.fails("r3", true, dora))
	require.False(t, f.fails("r4", false, u1, dora), "known by its id from now on")
	require.True(t, f.fails("r5", false, dora), "the name fails again, of another user")
	f.must(f.store.Record(t.Context(), f.tenant, journal.Record{Resolved: []journal.Subject{u1}}))
	require.True(t, f.fails("r6", false, u1, journal.Subject{Type: journal.TypeUser, Name: "emil"}), "what it began under was resolved meanwhile")
	require.Len(t, f.signals(), 1, "a failure that goes on under an id is not fixed")
}

// Each subject that no longer fails has one signal, although several requests resolve it at
// once. It names the record, and is kept as long as the tenant keeps its log.
func TestRecord_SignalsEachFixOnce(t *testing.T) {
	enginetest.Run(t, func(t *testing.T, open func(t testing.TB) table.Table) {
		f := newFixture(t, table.Retrying(open(t)), time.Now().Truncate(time.Second))
		dora, u1 := journal.Subject{Type: journal.TypeUser, Name: "dora"}, journal.Subject{Type: journal.TypeUser, ID: "u1"}
		f.fails("r1", false, dora)
		f.fails("r2", false, u1)
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				f.must(f.store.Record(t.Context(), f.tenant, journal.Record{Resolved: []journal.Subject{dora, u1, {Type: journal.TypeUser, ID: "never"}}}))
			})
		}
		group.Wait()
		signals := f.signals()
		require.Len(t, signals, 2)
		for _, s := range signals {
			require.Equal(t, string(event.ProvisioningFixed), s.Type)
			require.Contains(t, []journal.Subject{dora, u1}, s.Subject)
		}

		f.fails("r3", false, dora)
		named := journal.Subject{Type: journal.TypeUser, ID: "u2", Name: "dora", ExternalID: "e2"}
		f.must(f.store.Record(t.Context(), f.tenant, journal.Record{Resolved: []journal.Subject{dora}, Provisioned: named, RequestID: "r4"}))
		signals = slices.DeleteFunc(f.signals(), func(s journal.Signal) bool { return s.RequestID == "" })
		require.Len(t, signals, 1)
		require.Equal(t, []any{named, "r4", f.now().UTC()}, []any{signals[0].Subject, signals[0].RequestID, signals[0].Time.UTC()})

		found, _, err := f.store.Tenant(t.Context(), f.tenant)
		f.must(err)
		f.pass(found.Settings.LogRetention() - time.Second)
		require.Len(t, f.signals(), 3)
		f.pass(time.Second)
		require.Empty(t, f.signals())
	})
}

// Signals are read as they were given, with an id and a time of their write, until they expire.
func TestAddSignals_AreReadBack(t *testing.T) {
	f := newFixture(t, enginetest.Memory(t), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	given := []journal.Signal{
		{Type: string(event.SeatsFull), Details: map[string]string{"limit": "5", "used": "5"}},
		{Type: string(event.TokenRefused), RequestID: "r1", Subject: journal.Subject{Type: journal.TypeUser, ID: "u1", Name: "dora", ExternalID: "e1"}},
	}
	f.must(f.store.AddSignals(t.Context(), f.tenant, time.Hour, given...))
	f.must(f.store.AddSignals(t.Context(), f.tenant, time.Hour))
	read := f.signals()
	require.Len(t, read, 2)
	for i := range read {
		require.NotEmpty(t, read[i].ID)
		require.True(t, f.now().Equal(read[i].Time))
		read[i].ID, read[i].Time = "", time.Time{}
	}
	require.ElementsMatch(t, given, read)
	f.pass(time.Hour)
	require.Empty(t, f.signals())
}

// A dismissal and a purge are no fixes.
func TestDismissAndPurge_SignalNothing(t *testing.T) {
	f := newFixture(t, enginetest.Memory(t), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	f.create(person("u1"))
	f.fails("r0", false, journal.Subject{Type: journal.TypeUser, ID: "u1"})
	_, err := f.store.Dismiss(t.Context(), f.tenant, journal.Dismissal{RequestID: "r0", Time: f.now(), Who: "Dana", ID: "r9", Expires: f.now().Add(time.Hour)})
	f.must(err)
	c := f.changed("u1", func(*directory.User) {})
	c.After = nil
	f.must(f.commitUser(f.store, c))
	known, err := f.store.WhoFails(t.Context(), f.tenant, journal.Subject{Type: journal.TypeUser, ID: "u1"})
	f.must(err)
	require.Empty(t, known)
	require.Empty(t, f.signals())
}

// The largest new set fits into one transaction with all that can be beside it: a new name
// and externalId, former forms of both, every protected user, and skipped members.
func TestReplaceMembers_LargestSetFits(t *testing.T) {
	f := newFixture(t, enginetest.Memory(t), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	f.staff()
	members := make([]string, directory.MaxMembers)
	for i := range members {
		members[i] = uuid.NewString()
	}
	c := f.newSet(members...)
	c.Rewrites, c.Exact, c.Whole = true, true, true
	c.After.Held = directory.Claims{directory.GroupName: "crew", directory.GroupExternalID: "other"}
	c.After.Former = directory.Claims{directory.GroupName: "former", directory.GroupExternalID: "earlier"}
	c.Entry.Skip([]string{uuid.NewString()})
	c.Protected = &directory.ProtectedCheck{}
	for range directory.MaxProtected {
		c.Protected.NotMembers = append(c.Protected.NotMembers, uuid.NewString())
	}
	seen := &largest{Table: f.table}
	err := f.on(seen).ReplaceMembers(t.Context(), f.tenant, c)
	refused(t, err) // its epoch was not staged: by a condition, and not by a limit
	require.LessOrEqual(t, seen.ops, table.MaxOps)
	require.GreaterOrEqual(t, seen.ops, directory.MaxProtected+directory.MaxMembers/setSize)
	require.Less(t, seen.bytes, 1<<20, "of 4 MB")
}

// largest has the number of operations and the bytes of the items of a transaction.
type largest struct {
	table.Table
	ops, bytes int
}

func (l *largest) Write(ctx context.Context, tx table.Transaction) error {
	l.ops = max(l.ops, len(tx.Ops))
	bytes := 0
	for _, op := range tx.Ops {
		bytes += table.Size(table.Item{Key: op.Key, Attributes: op.Attributes})
	}
	l.bytes = max(l.bytes, bytes)
	return l.Table.Write(ctx, tx)
}
