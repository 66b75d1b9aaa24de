package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/provlog"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/tabletest"
)

// A change that was accepted as it was sent leaves out the members that do not change, and
// names those that are no users; the log names who joined and left.
func TestAcceptMembers_AsSentLeavesOutWhatDoesNotChange(t *testing.T) {
	f := newFixture(t, testMemory(t), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	f.users("a", "b", "c", "d")
	f.group("g1", "a", "b")
	c := accepting(f.edit("g1"), "w1", []string{"a", "c", "stranger"}, []string{"b", "d"})
	c.Loose = true
	f.must(f.store.AcceptMembers(t.Context(), f.tenant, c))
	unknown, err := f.store.Finish(t.Context(), f.tenant, directory.Task{Kind: directory.TaskMembers, Resource: "g1", Name: "w1"})
	f.must(err)
	require.Equal(t, []string{"stranger"}, unknown)
	members, err := f.store.Members(t.Context(), f.tenant, "g1", 1, "", 10)
	f.must(err)
	require.Equal(t, []string{"a", "c"}, members.Records)
	page, err := f.store.EntryPage(t.Context(), f.tenant, provlog.Span{Limit: 10})
	f.must(err)
	at := slices.IndexFunc(page.Items, func(e journal.Entry) bool { return len(e.Removed) > 0 })
	require.GreaterOrEqual(t, at, 0)
	require.Equal(t, []string{"c"}, page.Items[at].Added)
	require.Equal(t, []string{"b"}, page.Items[at].Removed)
	f.wantNoFaults()
}

// Users whose former memberships are still ending join when these have ended. If that
// fails, so does the change.
func TestJoin_EndsFormerMembershipsFirst(t *testing.T) {
	for name, join := range map[string]func(f *fixture, s *Store) error{
		"staged": func(f *fixture, s *Store) error {
			before, err := f.store.Group(t.Context(), f.tenant, "g2")
			f.must(err)
			f.must(f.store.BeginEpoch(t.Context(), f.tenant, "g2", before, 2, f.now().Add(time.Minute)))
			_, err = s.StageMembers(t.Context(), f.tenant, "g2", 2, []string{"a", "u1"})
			return err
		},
		"in parts": func(f *fixture, s *Store) error {
			f.must(f.store.AcceptMembers(t.Context(), f.tenant, accepting(f.edit("g2"), "w1", []string{"a", "u1"}, nil)))
			_, err := s.Finish(t.Context(), f.tenant, directory.Task{Kind: directory.TaskMembers, Resource: "g2", Name: "w1"})
			return err
		},
	} {
		for at, calls := int64(-1), int64(0); at < calls; at++ {
			f := newFixture(t, testMemory(t), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
			f.users("a")
			f.create(person("u1"))
			f.group("g1", "u1")
			f.group("g2")
			c := f.changed("u1", func(u *directory.User) { u.Active = false })
			c.Ends, c.Later = true, true
			f.must(f.commitUser(f.store, c)) // deleted, and still readable
			broken := &tabletest.Calls{Table: f.table, Before: func(call int64) error {
				if at >= 0 && call >= at { // from then on
					return errCall
				}
				return nil
			}}
			err := join(f, f.on(broken))
			if at >= 0 {
				require.ErrorIs(t, err, errCall, "%s: call %d of %d", name, at, calls)
				continue
			}
			f.must(err)
			calls = broken.Made()
			memberships, err := f.store.MembershipsOf(t.Context(), f.tenant, "u1", 5)
			f.must(err)
			require.Len(t, memberships, 1, name)
			require.Equal(t, "g2", memberships[0].Group, name)
		}
	}
}

// A deletion of a tenant of which a call fails is reported as failed, and the next one
// completes it.
func TestEndTenant_ReportsEachFailedCall(t *testing.T) {
	for at, calls := int64(-1), int64(0); at < calls; at++ {
		w := newWitness(testMemory(t))
		f := newFixture(t, w, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
		f.mess()
		f.fill()
		// Memberships that are stored on one side only.
		f.write(table.Put(table.Item{Key: membershipKey(f.tenant, "parts", 1, "stranger")}), table.Put(table.Item{Key: userMembershipKey(f.tenant, "p00", "nogroup", 1)}))
		f.end()
		f.pass(time.Hour)
		count := tabletest.NewFailing(f.table, at, errCall)
		err := f.on(count).finishTenant(t.Context(), f.tenant, tenantTask(f.tenant))
		if at >= 0 {
			require.ErrorIs(t, err, errCall, "call %d of %d", at, calls)
			f.must(f.store.finishTenant(t.Context(), f.tenant, tenantTask(f.tenant)))
		} else {
			f.must(err)
			calls = count.Made()
		}
		require.Empty(t, w.lines(t, f.tenant, false), "call %d of %d", at, calls)
	}
}

// A sweep says how many items it deleted.
func TestSweep_CountsWhatItDeletes(t *testing.T) {
	f := newFixture(t, testMemory(t), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	people := f.people(3)
	f.group("g1", people...)
	f.empty("g1")
	swept, err := f.store.SweepNow(t.Context(), f.tenant)
	f.must(err)
	require.Equal(t, Swept{Finished: 1}, swept.Swept)
	require.Equal(t, 2*len(people)+2, swept.Deleted, "three memberships from both sides, and the task with its name")
}

// The backlog is the number of due tasks, the age of the oldest one, and for how long one
// made no progress.
func TestBacklog_IsThatOfAllTenants(t *testing.T) {
	f := newFixture(t, testMemory(t), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	b, err := f.store.Backlog(t.Context())
	f.must(err)
	require.Equal(t, Backlog{}, b)
	other := f.of("beta")
	f.write(
		dueOp(f.tenant, "epoch#g1#1", millis(f.now().Add(-time.Hour))),
		dueOp(other.tenant, "epoch#g1#2", millis(f.now().Add(-time.Minute))),
		table.Put(table.Item{Key: dueKey(other.tenant, "epoch#g1#3"), Attributes: table.Attributes{
			attrTime: millis(f.now().Add(-3 * time.Hour)), attrMoved: millis(f.now().Add(-time.Second)),
		}}))
	b, err = f.store.Backlog(t.Context())
	f.must(err)
	require.Equal(t, Backlog{Due: 3, Oldest: 3 * time.Hour, Stalled: time.Hour}, b)
}

// A task that its request is still working on is no error for another request.
func TestFinish_LeavesYoungTasksAlone(t *testing.T) {
	f := newFixture(t, testMemory(t), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	f.users("a", "b")
	f.group("g1", "a")
	f.stageSet("g1", "b")
	task := directory.Task{Kind: directory.TaskEpoch, Resource: "g1", Name: "2"}
	_, err := f.store.Finish(t.Context(), f.tenant, task)
	f.must(err)
	left, err := f.store.Members(t.Context(), f.tenant, "g1", 2, "", 5)
	f.must(err)
	require.Equal(t, []string{"b"}, left.Records)
	f.pass(time.Hour)
	_, err = f.store.Finish(t.Context(), f.tenant, task)
	f.must(err)
	f.wantNoFaults()
}

// endless is a table whose partitions never end.
type endless struct{ table.Table }

func (endless) Query(_ context.Context, q table.Query) (table.Page, error) {
	page := table.Page{More: true}
	from := 0
	if q.After != "" {
		_, _ = fmt.Sscanf(strings.TrimPrefix(q.After, q.Prefix), "u%d", &from)
		from++
	}
	for i := range 3000 { // what fits on a page, whatever the limit is
		page.Last = fmt.Sprint(q.Prefix, "u", from+i)
		page.Items = append(page.Items, table.Item{Key: table.Key{Partition: q.Partition, Sort: page.Last}})
	}
	return page, nil
}

// The holders of an email are read up to one more than a search may read: then it is refused.
func TestEmailHolders_AreLimited(t *testing.T) {
	f := newFixture(t, testMemory(t), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	holders, err := f.on(endless{f.table}).EmailHolders(t.Context(), f.tenant, "team@example.com")
	f.must(err)
	require.Len(t, holders, directory.MaxWalk+1)
	require.Equal(t, "u0", holders[0])
	require.Equal(t, fmt.Sprint("u", directory.MaxWalk), holders[directory.MaxWalk])
}

// Members that turned out to be no users are named also if the change could not be completed:
// its request says so, and the next one only finishes the rest.
func TestFinish_NamesStrangersBesideAnError(t *testing.T) {
	named := 0
	for at, calls := int64(-1), int64(0); at < calls; at++ {
		f := newFixture(t, testMemory(t), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
		people := f.people(40)
		f.group("g1")
		f.must(f.store.AcceptMembers(t.Context(), f.tenant, accepting(f.edit("g1"), "w1", append([]string{"stranger"}, people...), nil)))
		count := tabletest.NewFailing(f.table, at, errCall)
		unknown, err := f.on(count).Finish(t.Context(), f.tenant, directory.Task{Kind: directory.TaskMembers, Resource: "g1", Name: "w1"})
		if at < 0 {
			f.must(err)
			calls = count.Made()
		} else {
			require.ErrorIs(t, err, errCall)
		}
		joined, err := f.store.Members(t.Context(), f.tenant, "g1", 1, "", 100)
		f.must(err)
		if len(joined.Records) > 0 { // its part was applied
			require.Equal(t, []string{"stranger"}, unknown, "call %d of %d", at, calls)
			named++
		}
	}
	require.Greater(t, named, 2)
}

// A user whose unique email an index lists besides holds it once.
func TestEmailHolders_HasEachHolderOnce(t *testing.T) {
	f := newFixture(t, testMemory(t), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	f.create(person("u1"))
	f.create(person("u2"))
	for _, id := range []string{"u1", "u2"} {
		f.write(table.Put(table.Item{Key: mailKey(f.tenant, "u1@example.com", id)}))
	}
	holders, err := f.store.EmailHolders(t.Context(), f.tenant, "u1@example.com")
	f.must(err)
	require.ElementsMatch(t, []string{"u1", "u2"}, holders)
}
