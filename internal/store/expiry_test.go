package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/provlog"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// TestExpired_IsNotRead reads everything that expires, a second before and at its time:
// DynamoDB removes an expired item days later, the embedded engine never.
func TestExpired_IsNotRead(t *testing.T) {
	f := newFixture(t, enginetest.Memory(t), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	ctx, life := t.Context(), time.Hour
	end := f.now().Add(life)
	dora := journal.Subject{Type: "User", Name: "dora"}
	f.must(f.store.Record(ctx, f.tenant, journal.Record{
		Entry: &journal.Entry{
			RequestID: "r1", Time: f.now(), Operation: journal.Create, Outcome: journal.Failure, Cause: cause.SeatLimit, ResourceType: "User", Subject: "dora", About: dora,
		},
		Expires: end, Fails: dora,
	}))
	f.group("g1")
	e := f.edit("g1")
	f.must(f.store.DeleteGroup(ctx, f.tenant, directory.GroupDeletion{
		Before: e.Before, Logged: e.Logged, Marker: &directory.DeletedGroup{ID: "g1", DisplayName: "G", Deleted: f.now(), Expires: end},
	}))
	mark := directory.Bookmark{TokenID: "k1", StartIndex: 101, Now: end.Add(-bookmarkTime)}
	f.must(f.store.SaveBookmark(ctx, f.tenant, mark, "u1"))
	f.must(f.store.Observe(ctx, f.tenant, journal.Activity{Tallies: []journal.Tally{{TokenID: "k1", Cause: cause.TokenRevoked, Count: 1, Last: f.now(), Expires: end}}}))

	span := provlog.Span{Limit: 10}
	reads := map[string]func() (int, error){
		"an entry by its name": func() (int, error) {
			entries, err := f.store.Entries(ctx, f.tenant, []string{"r1"})
			return len(entries), err
		},
		"entries in the order of time": func() (int, error) {
			page, err := f.store.EntryPage(ctx, f.tenant, span)
			n := 0
			for _, entry := range page.Items {
				if entry.RequestID == "r1" {
					n++
				}
			}
			return n, err
		},
		"failures": func() (int, error) {
			page, err := f.store.FailurePage(ctx, f.tenant, span)
			return len(page.Items), err
		},
		"entries of a subject": func() (int, error) {
			pages, err := f.store.SubjectPages(ctx, f.tenant, []journal.Subject{dora}, span)
			return len(pages[0].Items), err
		},
		"the marker of a deleted group": func() (int, error) {
			m, err := f.store.DeletedGroup(ctx, f.tenant, "g1")
			if m == nil {
				return 0, err
			}
			return 1, err
		},
		"markers": func() (int, error) {
			page, err := f.store.DeletedGroups(ctx, f.tenant, "", 10)
			return len(page.Records), err
		},
		"a page's bookmark": func() (int, error) {
			mark.Now = f.now()
			after, err := f.store.Bookmark(ctx, f.tenant, mark)
			return len(after) / 2, err
		},
		"a failing subject": func() (int, error) {
			failing, err := f.store.FailingOf(ctx, f.tenant, []journal.Subject{dora})
			return len(failing), err
		},
		"counted requests": func() (int, error) {
			a, err := f.store.Activity(ctx, f.tenant)
			return len(a.Tallies), err
		},
	}
	f.pass(life - time.Second)
	for name, read := range reads {
		n, err := read()
		f.must(err)
		require.Equal(t, 1, n, "%s, a second before the end", name)
	}
	f.pass(time.Second)
	for name, read := range reads {
		n, err := read()
		f.must(err)
		require.Zero(t, n, "%s, at the end", name)
	}
}
