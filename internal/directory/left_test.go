package directory_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/provlog"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// A rehire names each group that the user leaves, in its own entry or in those of the task:
// without one of them a consumer of the log keeps a membership that has ended.
func TestRehire_NamesEachGroupThatTheUserLeaves(t *testing.T) {
	for _, groups := range []int{0, 1, directory.MaxRehired, directory.MaxRehired + 1, directory.MaxJoined + 3} {
		f := newFixture(t, enginetest.Memory, 50, 50)
		u := f.mustPost(user(`"userName":"ann@x","externalId":"e1","active":false`))
		var in []string
		for i := range groups {
			in = append(in, f.mustPostGroup(group(fmt.Sprint("G", i), u.ID)))
		}
		_, err := f.post(user(`"userName":"ann@x","externalId":"e2","active":true`))
		require.NoError(t, err)
		entries := f.entries()
		of := slices.IndexFunc(entries, func(e journal.Entry) bool { return e.Action == journal.Reactivated })
		rehire := entries[of]
		require.Equal(t, groups > 0, rehire.Ended, "%d groups", groups)
		left := slices.Clone(rehire.Left)
		require.Equal(t, groups > directory.MaxRehired, len(left) < groups, "%d groups", groups)
		for _, e := range entries {
			if e.RequestID == rehire.RequestID && e.ID != "" {
				require.Equal(t, []any{journal.Updated, "User", u.ID, int64(0), rehire.TokenID, rehire.IdP, "ann@x", []string{"groups"}},
					[]any{e.Action, e.ResourceType, e.ResourceID, e.Version, e.TokenID, e.IdP, e.Subject, e.Changed})
				left = append(left, e.Left...)
			}
		}
		require.ElementsMatch(t, in, left, "%d groups", groups)
		found := f.history(u.ID)
		for _, e := range entries {
			if e.ResourceID == u.ID {
				require.Contains(t, found, e.Key(), "the user's history has the entry")
			}
		}
		f.check(1)
	}
}

// A deletion says whether the user stays readable; it names no groups, also not later: all
// memberships end with it.
func TestDelete_SaysWhetherTheUserStaysReadable(t *testing.T) {
	for _, readable := range []bool{false, true} {
		f := newFixture(t, enginetest.Memory, 50, 50)
		if readable {
			f.settings.DeletedUsers = tenant.DeletedReadable
		}
		u := f.mustPost(user(`"userName":"ann@x"`))
		for i := range directory.MaxJoined + 3 {
			f.mustPostGroup(group(fmt.Sprint("G", i), u.ID))
		}
		f.mustRemove(u.ID)
		e := f.newestEntry()
		require.Equal(t, []any{journal.Deleted, readable, false}, []any{e.Action, e.Kept, e.Ended})
		require.Empty(t, e.Left)
		f.check(0)
	}
}

// An entry names the deleted users that lose a value to the record, with their new versions.
func TestTransfer_IsInTheEntry(t *testing.T) {
	f := newFixture(t, enginetest.Memory, 50, 50)
	one := f.mustPost(user(`"userName":"ann@x","emails":[{"value":"a@x"}]`))
	two := f.mustPost(user(`"userName":"bob@x","emails":[{"value":"b@x"}]`))
	f.mustRemove(one.ID)
	f.mustRemove(two.ID)
	_, err := f.dir.CreateInApp(t.Context(), f.tenant, f.app(), directory.AppUser{UserName: "ann@x", Email: "b@x", Origin: directory.OriginManual})
	require.NoError(t, err)
	want := []journal.Loss{{ID: one.ID, Version: 3}, {ID: two.ID, Version: 3}}
	require.ElementsMatch(t, want, f.newestEntry().Lost)
	for _, loss := range want {
		u, err := f.dir.AppUser(t.Context(), f.tenant, loss.ID)
		require.NoError(t, err)
		require.Equal(t, loss.Version, u.Version)
	}
}

// history returns the keys of the entries to which a user's record and the index lead.
func (f *fixture) history(id string) []string {
	f.t.Helper()
	u, err := f.dir.AppUser(context.Background(), f.tenant, id)
	require.NoError(f.t, err)
	pages, err := f.store.SubjectPages(context.Background(), f.tenant, []journal.Subject{{Type: journal.TypeUser, ID: id}}, provlog.Span{Limit: 50})
	require.NoError(f.t, err)
	var earlier []string
	if entries, err := f.store.Entries(context.Background(), f.tenant, u.History); err == nil {
		for _, e := range entries {
			earlier = append(earlier, e.Earlier...)
		}
	}
	return slices.Concat(u.History, earlier, pages[0].Items)
}
