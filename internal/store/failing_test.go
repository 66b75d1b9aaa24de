package store

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/provlog"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// A subject fails from its first failure on, and no longer after a success; others are not
// affected.
func TestRecord_MarksAndResolvesFailingSubjects(t *testing.T) {
	f := newFixture(t, enginetest.Memory(t), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	dora, emil := journal.Subject{Type: journal.TypeUser, Name: "dora"}, journal.Subject{Type: journal.TypeUser, Name: "emil"}
	fails := func(s journal.Subject, request string, failed bool) {
		e := journal.Entry{
			RequestID: request, Time: f.now(), Operation: journal.Create, Outcome: journal.Failure, Cause: cause.SeatLimit,
			ResourceType: journal.TypeUser, Subject: s.Name, Detail: "No seat.", About: s,
		}
		f.must(f.store.Record(t.Context(), f.tenant, journal.Record{Entry: &e, Expires: f.now().Add(time.Hour), Fails: s, Failed: failed}))
	}
	failing := func() map[string]int64 {
		page, err := f.store.FailingPage(t.Context(), f.tenant, "", 10)
		f.must(err)
		counts := map[string]int64{}
		for _, one := range page.Items {
			counts[one.Name] = one.Count
		}
		return counts
	}
	fails(dora, "r1", false)
	fails(emil, "r2", false)
	fails(dora, "r3", true)
	require.Equal(t, map[string]int64{"dora": 2, "emil": 1}, failing())
	known, err := f.store.WhoFails(t.Context(), f.tenant, dora, emil, journal.Subject{Type: journal.TypeUser, Name: "fred"})
	f.must(err)
	require.Equal(t, map[journal.Subject]bool{dora: true, emil: true}, known)

	f.must(f.store.Record(t.Context(), f.tenant, journal.Record{Resolved: []journal.Subject{dora}}))
	require.Equal(t, map[string]int64{"emil": 1}, failing())
	f.must(f.store.Record(t.Context(), f.tenant, journal.Record{}))
	require.Equal(t, map[string]int64{"emil": 1}, failing(), "a record without a fact writes nothing")

	failures, err := f.store.FailurePage(t.Context(), f.tenant, provlog.Span{Limit: 10})
	f.must(err)
	require.Equal(t, []provlog.Ref{
		{Key: "r3", Cause: cause.SeatLimit, Count: 1}, {Key: "r2", Cause: cause.SeatLimit, Count: 1}, {Key: "r1", Cause: cause.SeatLimit, Count: 1},
	}, failures.Items, "newest first, resolved or not")
	pages, err := f.store.SubjectPages(t.Context(), f.tenant, []journal.Subject{dora, emil}, provlog.Span{Limit: 10})
	f.must(err)
	require.Equal(t, []string{"r3", "r1"}, pages[0].Items)
	require.Equal(t, []string{"r2"}, pages[1].Items)
}

// A dismissal ends with the next failure, and what failed by a name is kept for 30 days, what
// failed with a record as long as its entry.
func TestDismiss_EndsWithTheNextFailure(t *testing.T) {
	f := newFixture(t, enginetest.Memory(t), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	keep := 90 * 24 * time.Hour
	fails := func(s journal.Subject, request string, failed bool) {
		e := journal.Entry{
			RequestID: request, Time: f.now(), Operation: journal.Create, Outcome: journal.Failure, Cause: cause.SeatLimit,
			ResourceType: s.Type, ResourceID: s.ID, Subject: s.Name, About: s,
		}
		f.must(f.store.Record(t.Context(), f.tenant, journal.Record{Entry: &e, Expires: f.now().Add(keep), Fails: s, Failed: failed}))
	}
	failing := func() []journal.Failing {
		page, err := f.store.FailingPage(t.Context(), f.tenant, "", 10)
		f.must(err)
		return page.Items
	}
	dora := journal.Subject{Type: journal.TypeUser, Name: "dora"}
	fails(dora, "r1", false)
	d := journal.Dismissal{RequestID: "r1", Time: f.now(), Who: "Dana", Reason: "left", ID: "r2", Expires: f.now().Add(keep)}
	done, err := f.store.Dismiss(t.Context(), f.tenant, d)
	f.must(err)
	require.Equal(t, "dora", done.Name)
	d.ID, d.Expires = "", time.Time{}
	require.Equal(t, d, failing()[0].Dismissal)
	pages, err := f.store.SubjectPages(t.Context(), f.tenant, []journal.Subject{dora}, provlog.Span{Limit: 10})
	f.must(err)
	require.Equal(t, []string{"r2", "r1"}, pages[0].Items, "the dismissal is in the subject's history")

	_, err = f.store.Dismiss(t.Context(), f.tenant, journal.Dismissal{RequestID: "r9", Time: f.now(), ID: "r3"})
	require.ErrorIs(t, err, journal.ErrNotFailing)
	fails(dora, "r4", true)
	require.True(t, failing()[0].Dismissal.IsZero())
	require.EqualValues(t, 2, failing()[0].Count)
	_, err = f.store.Dismiss(t.Context(), f.tenant, journal.Dismissal{RequestID: "r1", Time: f.now(), ID: "r5"})
	require.ErrorIs(t, err, journal.ErrFailedAgain)

	fails(journal.Subject{Type: journal.TypeUser, ID: "u1"}, "r6", false)
	require.Len(t, failing(), 2)
	f.pass(journal.NamedFailureKept)
	require.Len(t, failing(), 1)
	require.Equal(t, "u1", failing()[0].ID)
}

// The entry of a purge is found by the user's id, although no record leads to it any more.
func TestPurge_LeavesAnEntryThatIsFound(t *testing.T) {
	f := newFixture(t, enginetest.Memory(t), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	f.create(person("u1"))
	subject := journal.Subject{Type: journal.TypeUser, ID: "u1"}
	e := f.entry(journal.Modify, journal.Updated, "User", "u1")
	e.Outcome, e.Cause, e.About = journal.Failure, cause.SeatLimit, subject
	f.must(f.store.Record(t.Context(), f.tenant, journal.Record{Entry: &e, Expires: f.now().Add(time.Hour), Fails: subject}))

	f.must(f.commitUser(f.store, directory.Change{Before: f.changed("u1", func(*directory.User) {}).Before}))
	pages, err := f.store.SubjectPages(t.Context(), f.tenant, []journal.Subject{subject}, provlog.Span{Limit: 10})
	f.must(err)
	require.Len(t, pages, 1)
	require.Contains(t, fmt.Sprint(pages[0].Items), "r1")
	known, err := f.store.WhoFails(t.Context(), f.tenant, subject)
	f.must(err)
	require.Empty(t, known, "a purged user is no longer failing")
}

// A tenant is listed from its creation on, in the order of ids.
func TestTenants_ListsWhatWasCreated(t *testing.T) {
	f := newFixture(t, enginetest.Memory(t), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	for _, name := range []string{"gamma", "beta"} {
		f.must(f.store.CreateTenant(t.Context(), mustID(t, name), tenant.DefaultSettings(), 5, 6, f.now()))
	}
	var listed []string
	after := ""
	for {
		page, next, err := f.store.Tenants(t.Context(), after, 2)
		f.must(err)
		for _, one := range page {
			listed = append(listed, one.ID.String())
			if one.ID != f.tenant {
				require.Equal(t, []int64{5, 6}, []int64{one.MaxSeats, one.MaxReaders})
				require.True(t, f.now().Equal(one.Created))
				require.Equal(t, tenant.DefaultSettings(), one.Settings)
			}
		}
		if after = next; next == "" {
			break
		}
	}
	require.Equal(t, []string{"acme", "beta", "gamma"}, listed)
	for _, id := range listed {
		err := f.store.CreateTenant(t.Context(), mustID(t, id), tenant.DefaultSettings(), 1, 1, f.now())
		require.ErrorIs(t, err, tenant.ErrExists)
	}
}
