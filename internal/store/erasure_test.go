package store

import (
	"context"
	"errors"
	flags "flag"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/embedded"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/table/tabletest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

var fullSize = flags.Bool("erasure-full", false, "delete a tenant of 200,000 users and a user of 10,000 groups: minutes, and 2 GB of disk")

// crowd is the size of a tenant: nine users in ten are in groups, one in twenty
// is deleted.
type crowd struct{ users, groups, memberships int }

// wave are writes that are sent to a table a hundred at a time.
type wave struct {
	f   *fixture
	ops []table.Op
	n   int
}

func (w *wave) put(ops ...table.Op) {
	for _, op := range ops {
		if w.ops = append(w.ops, op); len(w.ops) == table.MaxOps {
			w.end()
		}
	}
}

func (w *wave) end() {
	if len(w.ops) > 0 {
		w.n += len(w.ops)
		w.f.write(w.ops...)
		w.ops = nil
	}
}

func crowdUser(i int) string  { return fmt.Sprintf("c%06d", i) }
func crowdGroup(i int) string { return fmt.Sprintf("d%05d", i) }

// populate writes users and groups of a tenant as their creation stores them.
// It returns the number of items.
func (f *fixture) populate(c crowd) int {
	f.t.Helper()
	w := &wave{f: f}
	joiners := c.users * 9 / 10
	joined := make([]int64, c.users)
	for m := range c.memberships {
		group, user := m%c.groups, (m%c.groups*31+m/c.groups)%joiners
		joined[user]++
		w.put(table.Put(table.Item{Key: membershipKey(f.tenant, crowdGroup(group), 1, crowdUser(user))}),
			table.Put(table.Item{Key: userMembershipKey(f.tenant, crowdUser(user), crowdGroup(group), 1)}))
	}
	live := int64(0)
	for i := range c.users {
		id := crowdUser(i)
		u := &directory.User{
			ID: id, Version: 1, Created: f.now(), Modified: f.now(), Type: tenant.User, Joins: joined[i],
			Deleted: i >= joiners && i%2 == 0, DeactivatedBy: journal.ByIdP, Origin: directory.OriginSCIM,
			Doc: fmt.Appendf(nil, `{"active":false,"externalId":"e-%s","id":%q,"userName":%q,"emails":[{"value":"%s@example.com","primary":true},{"value":"%s@example.org"}]}`, id, id, id, id, id),
		}
		r, err := u.Resource()
		f.must(err)
		u.Held = directory.ClaimsOf(r)
		if !u.Deleted {
			live++
		}
		w.put(table.Put(userItem(f.tenant, u)), table.Put(logItem(f.tenant, f.entry("create", journal.Created, "User", id), f.now().Add(time.Hour))),
			table.Put(table.Item{Key: mailKey(f.tenant, id+"@example.org", id)}))
		for _, o := range claimOps(f.tenant, id, directory.Kinds[:], nil, u.Held, nil, nil) {
			w.put(o.Op)
		}
	}
	for i := range c.groups {
		g := &directory.Group{
			ID: crowdGroup(i), Doc: fmt.Appendf(nil, `{"displayName":"Crowd %d","id":%q}`, i, crowdGroup(i)),
			Version: 1, Revision: 1, Epoch: 1, Epochs: 1, Created: f.now(), Modified: f.now(), Origin: directory.OriginSCIM,
		}
		r, err := g.Resource()
		f.must(err)
		g.Held = directory.GroupClaimsOf(r)
		w.put(table.Put(groupItem(f.tenant, g)))
		for _, o := range claimOps(f.tenant, g.ID, directory.GroupKinds[:], nil, g.Held, nil, nil) {
			w.put(o.Op)
		}
	}
	w.end()
	count := countOp(f.tenant, 0, counts{users: live, groups: int64(c.groups)})
	f.write(count)
	return w.n
}

// allowance is a table on which a process may make a number of calls, and is
// killed at the next one.
type allowance struct {
	tabletest.Calls
	deletes atomic.Int64 // that were applied
}

func newAllowance(t table.Table, limit int64, kill context.CancelFunc) *allowance {
	return &allowance{Calls: tabletest.Calls{Table: t, Before: func(call int64) error {
		if call >= limit {
			kill()
			return fmt.Errorf("killed: %w", context.Canceled)
		}
		return nil
	}}}
}

func (a *allowance) Write(ctx context.Context, tx table.Transaction) error {
	err := a.Calls.Write(ctx, tx)
	for _, op := range tx.Ops {
		if op.Kind == table.OpDelete && err == nil {
			a.deletes.Add(1)
		}
	}
	return err
}

// sweepOf sweeps with an allowance of calls. ok is false if it was killed.
func (f *fixture) sweepOf(calls int) (swept Sweeping, ok bool) {
	f.t.Helper()
	swept, _, ok = f.sweepCounted(calls)
	return swept, ok
}

// sweepCounted does what sweepOf does, and returns how many items it deleted.
func (f *fixture) sweepCounted(calls int) (swept Sweeping, deleted int64, ok bool) {
	f.t.Helper()
	ctx, cancel := context.WithCancel(f.t.Context())
	defer cancel()
	a := newAllowance(f.table, int64(calls), cancel)
	s := f.on(a)
	s.units = 0
	swept, err := s.Sweep(ctx, SweepAge)
	require.Falsef(f.t, err != nil && !errors.Is(err, context.Canceled), "swept %+v, %v", swept, err)
	return swept, a.deletes.Load(), err == nil
}

// deletions returns how many items a tenant's deletion has counted.
func (f *fixture) deletions() int64 {
	f.t.Helper()
	item, _, err := f.store.read(f.t.Context(), taskKey(f.tenant, taskSort(tenantTask(f.tenant))))
	f.must(err)
	return item.Attributes.Number(attrDeletes)
}

// sweepUntilGone sweeps with an allowance each until the tenant is gone. Every
// sweep must make progress.
func (f *fixture) sweepUntilGone(calls int) (sweeps int) {
	f.t.Helper()
	for all := int64(0); ; {
		sweeps++
		swept, deleted, ok := f.sweepCounted(calls)
		if _, there, err := f.store.Tenant(f.t.Context(), f.tenant); err != nil || !there {
			f.must(err)
			return sweeps
		}
		all += deleted
		require.Truef(f.t, deleted != 0 && !ok, "sweep %d: %+v, %d items deleted", sweeps, swept, deleted)
		if noted := f.deletions(); noted > all || noted < all-int64(sweeps*purgeNoted*purgeBatch+messCalls*table.MaxOps) {
			f.t.Fatalf("the task counts %d deletions, there were %d", noted, all)
		}
		f.pass(5 * time.Minute)
	}
}

const (
	// sweepBegins is how many calls a sweep makes before it deletes anything:
	// its list of tasks, the task itself, a read for each finished step, and a
	// chunk of reads in advance.
	sweepBegins = 2 + 40 + purgeAhead + 2
	// messCalls is more than all other tasks of a mess take.
	messCalls = 120
)

// callsOf returns the most calls that the deletion of a crowd takes in one
// sweep.
func (c crowd) callsOf(items int) int {
	pages := items*700/table.MaxPageBytes + 60
	writes := items/purgeBatch + items/purgeBatch/purgeNoted
	return writes + c.groups + c.users + pages + messCalls
}

// Sweeps are limited by calls, not by time, so that the limit is exact.
func TestErasure_EndsInABoundedNumberOfSweeps(t *testing.T) {
	c := crowd{2000, 200, 10_000}
	f := sweepFixture(t, enginetest.Memory(t))
	items := f.populate(c)
	f.wantNoFaults()
	f.mess()
	f.fill()
	f.group("last", "p00")
	other := f.of("acme-2")
	other.people(3)
	other.group("g1", "p00", "p01")
	engine, ok := f.table.(*embedded.Table)
	require.Truef(t, ok, "a %T cannot be copied", f.table)
	for _, calls := range []int{150, 400, 2000} {
		t.Run(fmt.Sprint(calls, " calls a sweep"), func(t *testing.T) {
			copied, err := engine.Copy()
			f.must(err)
			defer copied.Close()
			w := newWitness(copied)
			g := *f
			g.t, g.table = t, w
			g.store = g.on(w)
			at := f.now()
			g.clock = newClock(at)
			late := g.late()
			g.end()
			for _, write := range late {
				write(t.Context()) // requests that are under way
			}
			swept, _ := g.sweepOf(1 << 30)
			require.Truef(t, swept.Finished == 0 && swept.Left != 0, "swept %+v, while requests may be under way", swept)
			g.pass(3 * time.Minute)
			bound := (c.callsOf(items)+calls-sweepBegins-1)/(calls-sweepBegins) + 1
			sweeps := g.sweepUntilGone(calls)
			t.Logf("%d items in %d sweeps of %d calls, at most %d", items, sweeps, calls, bound)
			assert.Truef(t, sweeps <= bound, "%d sweeps of %d calls each for %d items, want at most %d", sweeps, calls, items, bound)
			g.wantEmpty(c)
			left := w.lines(t, g.tenant, false)
			assert.Emptyf(t, left, "%d items are left: %q …", len(left), left[:min(len(left), 5)])
			faults, err := g.store.Audit(t.Context(), other.tenant)
			assert.Truef(t, err == nil && len(faults) == 0, "the other tenant: %v, %v", faults, err)
		})
	}
}

// wantEmpty checks every partition that a crowd has.
func (f *fixture) wantEmpty(c crowd) {
	f.t.Helper()
	names := append(recordPartitions(), "", "USERS", "GONE", "GROUPS", "TASKS")
	for i := range c.groups {
		names = append(names, "G#"+crowdGroup(i)+"#1")
	}
	for i := range c.users {
		names = append(names, "U#"+crowdUser(i))
	}
	for _, name := range names {
		page, err := f.store.table.Query(f.t.Context(), table.Query{Partition: partition(f.tenant, name), Limit: 1})
		f.must(err)
		require.Emptyf(f.t, page.Items, "there are items left in %q", name)
	}
}

// A sweep may be killed at any call, a read or a write: the next one continues,
// and another tenant loses nothing.
func TestErasure_KilledAtAnyCall(t *testing.T) {
	for i, engine := range enginetest.Plain() {
		t.Run(engine.Name, func(t *testing.T) {
			engine.Need(t)
			step := 1
			switch {
			case i > 0:
				step = 60 // DynamoDB Local makes fifteen transactions a second
			case raceDetector:
				step = 3
			}
			for at, killed := 1, true; killed; at += step {
				w := newWitness(engine.Open(t))
				f := sweepFixture(t, table.Retrying(w))
				f.populate(crowd{20, 3, 40})
				f.mess()
				f.fill()
				f.oneSided()
				other := f.of("acme-2")
				other.people(2)
				other.group("g1", "p00")
				others := w.lines(t, f.tenant, true)
				f.end()
				f.pass(3 * time.Minute)
				ctx, cancel := context.WithCancel(t.Context())
				on := newAllowance(f.table, int64(at), cancel)
				err := f.on(on).finishTenant(ctx, f.tenant, tenantTask(f.tenant))
				cancel()
				if killed = on.Made() > int64(at); killed != (err != nil) {
					t.Fatalf("killed at call %d: %v", at, err)
				}
				_, ok := f.sweepOf(1 << 30)
				require.True(t, ok, "the next sweep did not end")
				f.wantGone(t, w, others)
			}
		})
	}
}

// oneSided writes memberships that can be found by only one item: a group, a
// user, a task of a group, or a task of a user. They show the order of the
// deletions.
func (f *fixture) oneSided() {
	f.t.Helper()
	for _, key := range []table.Key{
		membershipKey(f.tenant, crowdGroup(0), 1, "ghost"), userMembershipKey(f.tenant, crowdUser(0), "nowhere", 1),
		membershipKey(f.tenant, "emptied", 1, "ghost"), userMembershipKey(f.tenant, "purged", "nowhere", 1),
	} {
		f.write(table.Put(table.Item{Key: key}))
	}
	purged := directory.Task{Kind: directory.TaskUser, Resource: "purged"}
	for _, o := range taskOps(f.tenant, purged, table.Attributes{attrTime: millis(f.now()), attrPartOf: table.Text("r")}) {
		f.write(o.Op)
	}
}

// A user in many groups is purged or deleted: sweeps that are killed at any
// call end the memberships, and the groups' versions change.
func TestErasure_OfOneUserKilledAtAnyCall(t *testing.T) {
	for _, purged := range []bool{false, true} {
		for i, engine := range enginetest.Plain() {
			t.Run(fmt.Sprint(engine.Name, " purged ", purged), func(t *testing.T) {
				engine.Need(t)
				step, groups := 1, 70
				if i > 0 {
					step, groups = 7, 40
				}
				for at, killed := 1, true; killed; at += step {
					f := sweepFixture(t, table.Retrying(engine.Open(t)))
					f.manyGroups(groups, purged)
					f.pass(2 * time.Minute)
					_, ok := f.sweepOf(at)
					killed = !ok
					if killed {
						f.sweepOf(1 << 30)
					}
					f.wantLeft(groups, purged)
				}
			})
		}
	}
}

// manyGroups creates a user of many groups, who is purged or deleted. One group
// has been deleted since.
func (f *fixture) manyGroups(groups int, purged bool) {
	f.t.Helper()
	f.users("many", "other")
	w := &wave{f: f}
	for i := range groups {
		g := &directory.Group{
			ID: crowdGroup(i), Doc: fmt.Appendf(nil, `{"displayName":"Crowd %d","id":%q}`, i, crowdGroup(i)),
			Version: 1, Revision: 1, Epoch: 1, Epochs: 1, Created: f.now(), Modified: f.now(), Origin: directory.OriginSCIM,
		}
		r, err := g.Resource()
		f.must(err)
		g.Held = directory.GroupClaimsOf(r)
		w.put(table.Put(groupItem(f.tenant, g)))
		for _, o := range claimOps(f.tenant, g.ID, directory.GroupKinds[:], nil, g.Held, nil, nil) {
			w.put(o.Op)
		}
		for _, user := range []string{"many", "other"} {
			w.put(table.Put(table.Item{Key: membershipKey(f.tenant, g.ID, 1, user)}), table.Put(table.Item{Key: userMembershipKey(f.tenant, user, g.ID, 1)}))
		}
	}
	w.end()
	count := countOp(f.tenant, 0, counts{groups: int64(groups)})
	f.write(count, table.Update(userKey(f.tenant, "many"), table.Change{Add: map[string]int64{attrJoins: int64(groups)}}),
		table.Update(userKey(f.tenant, "other"), table.Change{Add: map[string]int64{attrJoins: int64(groups)}}))
	if !purged {
		f.deleteUser("many")
		return
	}
	u, err := f.store.User(f.t.Context(), f.tenant, "many")
	f.must(err)
	f.must(f.store.Purge(f.t.Context(), f.tenant, directory.Change{
		Before: u, Later: true, Ends: true, Expires: f.now().Add(time.Hour), Entry: f.entry("delete", journal.Purged, "User", "many"),
	}))
}

// wantLeft checks the groups that a user left, and everything else.
func (f *fixture) wantLeft(groups int, purged bool) {
	f.t.Helper()
	f.wantNoFaults()
	n := len(f.all(userMembershipKey(f.tenant, "many", "", 0).Partition))
	assert.Truef(f.t, n == 0, "%d memberships are left", n)
	for i := range groups {
		g, err := f.store.Group(f.t.Context(), f.tenant, crowdGroup(i))
		f.must(err)
		assert.Truef(f.t, g.Version >= 2, "the version of %s did not change", g.ID)
		page, err := f.store.Members(f.t.Context(), f.tenant, g.ID, 1, "", 0)
		f.must(err)
		assert.Truef(f.t, slices.Equal(page.Records, []string{"other"}), "members of %s are %v", g.ID, page.Records)
	}
	l, err := f.store.Ledger(f.t.Context(), f.tenant)
	f.must(err)
	l.Moves = 0
	assert.Equal(f.t, (directory.Ledger{SeatLimit: 10, ReaderLimit: 10, Users: 1, Groups: int64(groups)}), l, "the ledger")
	records, err := f.store.Records(f.t.Context(), f.tenant, []string{"many"})
	f.must(err)
	assert.Equalf(f.t, purged, records["many"] == nil, "the record is %v", records["many"])
}

// The number of sweeps for a user of very many groups follows from their calls.
func TestErasure_OfOneUserInABoundedNumberOfSweeps(t *testing.T) {
	groups := 1000
	if *fullSize {
		groups = 10_000
	}
	for _, purged := range []bool{false, true} {
		f := sweepFixture(t, enginetest.Memory(t))
		f.manyGroups(groups, purged)
		const calls = 60
		// A step is a read and a write, for as many groups as fit into a
		// transaction.
		most := (2*(groups/directory.MaxJoined+1)+4)/(calls-4) + 1
		left, sweeps := groups, 0
		for left > 0 {
			sweeps++
			f.pass(5 * time.Minute)
			f.sweepOf(calls)
			now := len(f.all(userMembershipKey(f.tenant, "many", "", 0).Partition))
			require.Truef(t, now < left && sweeps <= most, "sweep %d: %d memberships are left, were %d; want an end after %d", sweeps, now, left, most)
			left = now
		}
		t.Logf("%d memberships in %d sweeps of %d calls, at most %d", groups, sweeps, calls, most)
		f.sweepOf(calls)
		f.wantLeft(groups, purged)
	}
}

// slow is a table on which each write takes some time.
type slow struct {
	table.Table
	takes time.Duration
}

func (s slow) Write(ctx context.Context, tx table.Transaction) error {
	select {
	case <-time.After(s.takes):
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", table.ErrUnknownOutcome, ctx.Err())
	}
	return s.Table.Write(ctx, tx)
}

// noting is a table that records when a tenant's last task was finished.
type noting struct {
	table.Table
	begun time.Time
	ended map[string]time.Duration
	units int
}

func (n *noting) Write(ctx context.Context, tx table.Transaction) error {
	err := n.Table.Write(ctx, tx)
	for _, op := range tx.Ops {
		n.units += leastUnits
		if err == nil && op.Key.Partition == duePartition && op.Kind == table.OpDelete {
			n.ended[op.Key.Sort] = time.Since(n.begun)
		}
	}
	return err
}

// The deletion of a large tenant delays no other tenant's task for longer than
// its turn, continues in later turns of the same sweep, and keeps to its pace.
func TestErasure_LeavesRoomForOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := sweepFixture(t, enginetest.Memory(t))
		f.populate(crowd{1500, 50, 4000})
		f.end()
		f.pass(2 * time.Minute)
		var names []string
		for i := range 8 {
			other := f.of(fmt.Sprint("other-", i))
			other.people(1)
			other.group("g1", "p00")
			other.empty("g1")
			names = append(names, other.tenant.String()+"#epoch#g1#1")
		}
		f.pass(2 * time.Minute)
		n := &noting{Table: slow{f.table, 20 * time.Millisecond}, begun: time.Now(), ended: map[string]time.Duration{}}
		swept, err := f.on(n).Sweep(t.Context(), SweepAge)
		elapsed := time.Since(n.begun)
		assert.Truef(t, err == nil && swept.Swept == (Swept{Finished: 9}) && swept.Left == 0, "swept %+v, %v", swept, err)
		for _, name := range names {
			at, ok := n.ended[name]
			assert.Truef(t, ok && at <= taskTime+time.Second, "%s was finished after %v, %t", name, at, ok)
		}
		assert.Truef(t, elapsed >= 2*taskTime, "all of it took %v: too short to test turns", elapsed)
		if most := float64(sweepBurst) + sweepUnits*elapsed.Seconds() + 400; float64(n.units) > most {
			t.Errorf("%d write units in %v, want at most %.0f", n.units, elapsed, most)
		}
		// The pace determines its duration, not the waiting between turns.
		if least := sweepUnits * (elapsed.Seconds() - 2); float64(n.units) < least {
			t.Errorf("%d write units in %v: it is slower than its pace", n.units, elapsed)
		}
	})
}

// A sweep reports what is left: how many tasks, how old, and for how long they
// made no progress. A task that no sweep worked on goes before one that
// continues.
func TestSweep_ReportsWhatIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := sweepFixture(t, enginetest.Memory(t))
		f.populate(crowd{300, 10, 600})
		f.end()
		f.pass(10 * time.Minute)
		sweepFor := func(on table.Table, all time.Duration) Sweeping {
			t.Helper()
			ctx, cancel := context.WithTimeout(t.Context(), all)
			defer cancel()
			s := f.on(on)
			swept, err := s.Sweep(ctx, SweepAge)
			assert.False(t, err != nil && !errors.Is(err, context.DeadlineExceeded), err)
			return swept
		}
		// It is stopped in the first turn: its progress is not recorded.
		swept := sweepFor(slow{f.table, 2 * time.Second}, 5*time.Second)
		if swept.Swept != (Swept{Young: 1}) || swept.Advanced != 1 || swept.Left != 1 || swept.Oldest != 10*time.Minute || swept.Stalled != 0 {
			t.Errorf("swept %+v, want one advanced task", swept)
		}
		// It is stopped in the second turn.
		swept = sweepFor(slow{f.table, 2 * time.Second}, taskTime+5*time.Second)
		if swept.Swept != (Swept{Young: 1}) || swept.Advanced != 1 || swept.Left != 1 || swept.Oldest != 10*time.Minute || swept.Stalled != 0 {
			t.Errorf("swept %+v, want one advanced task", swept)
		}
		f.pass(7 * time.Minute)
		other := f.of("other")
		other.people(1)
		other.group("g1", "p00")
		other.empty("g1")
		f.pass(time.Minute)
		for range 20 {
			due, err := f.store.due(t.Context(), "")
			require.Truef(t, err == nil && len(due) == 2 && due[0].name == "other#epoch#g1#1" && !due[1].moved.IsZero(), "due are %v, %v", due, err)
		}
		// No task advances on a table that does not answer.
		swept = sweepFor(&around{Table: f.table, through: stuck{}, items: func(k table.Key) bool { return k.Partition != duePartition }}, time.Minute)
		if swept.Swept != (Swept{Young: 2}) || swept.Advanced != 0 || swept.Left != 2 || swept.Oldest != 18*time.Minute || swept.Stalled != 8*time.Minute {
			t.Errorf("swept %+v, want no progress", swept)
		}
		if swept, ok := f.sweepOf(1 << 30); !ok || swept.Finished != 2 || swept.Left+int(swept.Oldest)+int(swept.Stalled) != 0 {
			t.Errorf("swept %+v, want no task left", swept)
		}
	})
}

// The full size, by make erasure-full: it takes minutes.
func TestErasure_FullSize(t *testing.T) {
	if !*fullSize {
		t.Skip("make erasure-full runs it")
	}
	c := crowd{200_000, 20_000, 1_000_000}
	f := sweepFixture(t, enginetest.Memory(t))
	begun := time.Now()
	items := f.populate(c)
	t.Logf("%d items written in %v", items, time.Since(begun).Round(time.Second))
	f.end()
	f.pass(2 * time.Minute)
	// At the pace of a deployed sweep a transaction of 99 deletions takes a
	// fifth of a second; with the reads, 4 minutes are about 1,500 calls.
	const calls = 1500
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	begun = time.Now()
	sweeps := f.sweepUntilGone(calls)
	elapsed := time.Since(begun)
	runtime.ReadMemStats(&after)
	bound := c.callsOf(items)/(calls-sweepBegins) + 1
	t.Logf("%d items deleted in %d sweeps of %d calls (at most %d) and %v; heap %d MB", items, sweeps, calls, bound, elapsed.Round(time.Second), after.HeapSys>>20)
	assert.Truef(t, sweeps <= bound, "%d sweeps, want at most %d", sweeps, bound)
	f.wantEmpty(c)
}
