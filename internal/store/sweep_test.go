package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/table/tabletest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// sweepFixture returns a tenant without users, with a clock that is never earlier
// than the real one, which table.Retrying uses.
func sweepFixture(t testing.TB, on table.Table) *fixture {
	t.Helper()
	return newFixture(t, on, time.Now().Add(time.Minute).Truncate(time.Millisecond))
}

// users creates inactive users, who need no seats, as their creation stores
// them, without log entries.
func (f *fixture) users(ids ...string) {
	f.t.Helper()
	for chunk := range slices.Chunk(ids, 30) {
		count := countOp(f.tenant, 0, counts{users: int64(len(chunk))})
		ops := []table.Op{count}
		for _, id := range chunk {
			u := &directory.User{
				ID: id, Doc: fmt.Appendf(nil, `{"active":false,"externalId":"e-%s","id":%q,"userName":%q}`, id, id, id),
				Version: 1, Created: f.now(), Modified: f.now(), Type: tenant.User, DeactivatedBy: journal.ByIdP, Origin: directory.OriginSCIM,
			}
			r, err := u.Resource()
			f.must(err)
			u.Held = directory.ClaimsOf(r)
			c := directory.Change{After: u}
			for _, o := range slices.Concat(recordOps(f.tenant, c), userClaimOps(f.tenant, c)) {
				ops = append(ops, o.Op)
			}
		}
		f.write(ops...)
	}
}

func (f *fixture) people(n int) []string {
	f.t.Helper()
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("p%02d", i)
	}
	f.users(ids...)
	return ids
}

func (f *fixture) entry(operation journal.Operation, action journal.Action, of, id string) journal.Entry {
	return journal.Entry{
		RequestID: f.newID(), Time: f.now(), TokenID: "k1", IdP: "okta",
		Operation: operation, Action: action, Outcome: journal.Success, ResourceType: of, ResourceID: id,
	}
}

// group creates a group with members.
func (f *fixture) group(id string, members ...string) {
	f.t.Helper()
	g := &directory.Group{
		ID: id, Doc: fmt.Appendf(nil, `{"displayName":"Group %s","externalId":"e-%s","id":%q}`, id, id, id),
		Version: 1, Revision: 1, Epoch: 1, Epochs: 1, Created: f.now(), Modified: f.now(), Origin: directory.OriginSCIM,
	}
	r, err := g.Resource()
	f.must(err)
	g.Held = directory.GroupClaimsOf(r)
	f.must(f.store.CreateGroup(f.t.Context(), f.tenant, directory.GroupCreation{
		Group: g, Add: members, Logged: f.logged(f.entry("create", journal.Created, "Group", id)),
	}))
}

// edit returns the part that all changes of a group in its current state share.
func (f *fixture) edit(id string) directory.GroupEdit {
	f.t.Helper()
	before, err := f.store.Group(f.t.Context(), f.tenant, id)
	f.must(err)
	after := *before
	after.Version, after.Modified = before.Version+1, f.now()
	return directory.GroupEdit{
		Before: before, After: &after, Logged: f.logged(f.entry("modify", journal.Updated, "Group", id)),
	}
}

// empty removes all members from a group, and leaves their memberships unended.
func (f *fixture) empty(id string) {
	f.t.Helper()
	f.must(f.store.ReplaceMembers(f.t.Context(), f.tenant, emptied(f.edit(id))))
}

// emptied returns the removal of all members.
func emptied(e directory.GroupEdit) directory.GroupNewSet {
	e.After.Epochs = e.Before.Epochs + 1
	e.After.Epoch = e.After.Epochs
	return directory.GroupNewSet{GroupEdit: e}
}

// accepting returns a change that is accepted under a name.
func accepting(e directory.GroupEdit, name string, add, remove []string) directory.GroupAcceptance {
	e.After.PendingChange = name
	return directory.GroupAcceptance{GroupEdit: e, Add: add, Remove: remove}
}

// manyMembers returns the ids of more members than one transaction accepts.
func manyMembers() []string {
	ids := make([]string, partsPerWrite*directory.MaxJoined+1)
	for i := range ids {
		ids[i] = fmt.Sprint("m", i)
	}
	return ids
}

// accept accepts a change of a group's members, and applies none of its parts.
func (f *fixture) accept(id string, add, remove []string) {
	f.t.Helper()
	f.must(f.store.AcceptMembers(f.t.Context(), f.tenant, accepting(f.edit(id), "w1", add, remove)))
}

// stageSet stages a set of members that no request takes, for two minutes.
func (f *fixture) stageSet(id string, members ...string) {
	f.t.Helper()
	before, err := f.store.Group(f.t.Context(), f.tenant, id)
	f.must(err)
	f.must(f.store.BeginEpoch(f.t.Context(), f.tenant, id, before, before.Epochs+1, f.now().Add(2*time.Minute)))
	_, err = f.store.StageMembers(f.t.Context(), f.tenant, id, before.Epochs+1, members)
	f.must(err)
}

// writeParts stores the parts of a change of more than one transaction, and is
// killed after a number of writes.
func (f *fixture) writeParts(e directory.GroupEdit, writes int) {
	f.t.Helper()
	c := accepting(e, "w1", manyMembers(), nil)
	s := f.on(tabletest.NewFault(f.table, 1, tabletest.FaultPlan{StopAfter: writes}))
	require.Error(f.t, s.AcceptMembers(f.t.Context(), f.tenant, c), "the change was accepted")
}

// deleteUser deletes a user, and leaves the memberships unended.
func (f *fixture) deleteUser(id string) {
	f.t.Helper()
	before, err := f.store.User(f.t.Context(), f.tenant, id)
	f.must(err)
	after := *before
	after.Version, after.Deleted, after.Leaving = before.Version+1, true, true
	f.must(f.store.Commit(f.t.Context(), f.tenant, directory.Change{
		Before: before, After: &after, Ends: true, Later: true, Expires: f.now().Add(time.Hour),
		Entry: f.entry("delete", journal.Deleted, "User", id),
	}))
}

// restoreUser restores a deleted user.
func (f *fixture) restoreUser(id string) {
	f.t.Helper()
	records, err := f.store.Records(f.t.Context(), f.tenant, []string{id})
	f.must(err)
	after := *records[id]
	after.Version, after.Deleted = after.Version+1, false
	f.must(f.store.Commit(f.t.Context(), f.tenant, directory.Change{
		Before: records[id], After: &after, Expires: f.now().Add(time.Hour),
		Entry: f.entry("create", journal.Restored, "User", id),
	}))
}

// mess is a tenant with an unfinished task of every kind.
type mess struct {
	*fixture
	people []string
}

// taskNames are the tasks in a mess, by the group or user that they concern.
var taskNames = map[string]string{
	"emptied": "epoch#emptied#1", "staged": "epoch#staged#2", "changed": "members#changed#w1", "parts": "members#parts#w1", "leaver": "user#leaver",
}

// tasks is the number of tasks in a mess.
var tasks = len(taskNames)

func (f *fixture) mess() *mess {
	f.t.Helper()
	m := &mess{fixture: f, people: f.people(36)}
	f.users("leaver")
	for _, id := range []string{"emptied", "staged", "parts", "changed"} {
		f.group(id, m.people[:3]...)
	}
	f.group("left-1", "leaver")
	f.group("left-2", "leaver", m.people[0])
	f.empty("emptied")
	f.stageSet("staged", m.people[2:5]...)
	f.writeParts(f.edit("parts"), 1)
	f.accept("changed", m.people[3:], m.people[:1])
	f.deleteUser("leaver")
	return m
}

// wantTidy checks what becomes of a mess: every task was finished, each part of
// a change applied once.
func (m *mess) wantTidy() {
	m.t.Helper()
	faults, err := m.store.Audit(m.t.Context(), m.tenant)
	m.must(err)
	for _, fault := range faults {
		m.t.Errorf("%s: %s", m.tenant, fault)
	}
	for id, want := range map[string][]string{
		"emptied": nil, "staged": m.people[:3], "parts": m.people[:3], "changed": m.people[1:], "left-1": nil, "left-2": m.people[:1],
	} {
		m.wantMembers(id, want)
	}
	for _, key := range []table.Key{membershipKey(m.tenant, "emptied", 1, ""), membershipKey(m.tenant, "staged", 2, ""), userMembershipKey(m.tenant, "leaver", "", 0)} {
		left := m.all(key.Partition)
		assert.Emptyf(m.t, left, "%d items are left in %s", len(left), key.Partition)
	}
	var joined, left []string
	for _, item := range m.all(partition(m.tenant, "LOG")) {
		if item.Attributes.Has(attrPartOf) {
			joined = append(joined, splitIDs(item.Attributes.Text(attrAdded))...)
			left = append(left, splitIDs(item.Attributes.Text(attrRemoved))...)
		}
	}
	slices.Sort(joined)
	if !slices.Equal(joined, m.people[3:]) || !slices.Equal(left, m.people[:1]) {
		m.t.Errorf("the log has %v joined and %v left, want %v and %v", joined, left, m.people[3:], m.people[:1])
	}
	changed, err := m.store.Group(m.t.Context(), m.tenant, "changed")
	m.must(err)
	if changed.Version != 4 { // made, accepted, and two parts
		m.t.Errorf("the changed group is at version %d, want 4", changed.Version)
	}
}

func (f *fixture) wantMembers(group string, want []string) {
	f.t.Helper()
	g, err := f.store.Group(f.t.Context(), f.tenant, group)
	f.must(err)
	page, err := f.store.Members(f.t.Context(), f.tenant, group, g.Epoch, "", 0)
	f.must(err)
	assert.Truef(f.t, slices.Equal(page.Records, want), "members of %s are %v, want %v", group, page.Records, want)
}

// wantSweep sweeps without an error and checks its result.
func (f *fixture) wantSweep(age time.Duration, want Swept) {
	f.t.Helper()
	got, err := f.store.Sweep(f.t.Context(), age)
	assert.Truef(f.t, err == nil && got.Swept == want, "swept %+v, %v, want %+v", got, err, want)
}

func TestSweep_LeavesYoungTasks(t *testing.T) {
	f := sweepFixture(t, enginetest.Memory(t))
	m := f.mess()
	f.pass(SweepAge - time.Millisecond)
	r := &recorder{Table: f.table, written: map[table.Key]bool{}}
	swept, err := f.on(r).Sweep(t.Context(), SweepAge)
	assert.Truef(t, err == nil && swept.Swept == (Swept{Young: tasks}), "swept %+v, %v, want %d young", swept, err, tasks)
	if len(r.written) > 0 {
		t.Errorf("a sweep of young tasks writes %v", r.lines(t))
	}
	f.pass(time.Millisecond)
	f.wantSweep(SweepAge, Swept{Finished: tasks - 1, Young: 1}) // the staged set has its own time
	f.pass(time.Minute)
	f.wantSweep(SweepAge, Swept{Finished: 1})
	f.wantSweep(0, Swept{})
	m.wantTidy()
}

func TestSweep_RemovesStagedSetWhenItsTimeIsOver(t *testing.T) {
	f := sweepFixture(t, enginetest.Memory(t))
	ids := f.people(60)
	f.group("g1", ids[:2]...)
	before := f.edit("g1")
	f.stageSet("g1", ids...)
	// The same for a group that does not exist yet.
	f.must(f.store.BeginEpoch(t.Context(), f.tenant, "g2", nil, 1, f.now().Add(2*time.Minute)))
	_, err := f.store.StageMembers(t.Context(), f.tenant, "g2", 1, ids[:40])
	f.must(err)

	f.pass(2*time.Minute - time.Millisecond)
	f.wantSweep(SweepAge, Swept{Young: 2})
	for group, want := range map[string]int{"G#g1#2": 60, "G#g2#1": 40} {
		n := len(f.all(partition(f.tenant, group)))
		assert.Equalf(t, want, n, "%d memberships are left in %s before their time is over, want %d", n, group, want)
	}
	f.pass(time.Millisecond)
	f.wantSweep(SweepAge, Swept{Finished: 2})
	for _, name := range []string{"G#g1#2", "G#g2#1", "TASKS", "U#" + ids[59]} {
		left := f.all(partition(f.tenant, name))
		assert.Emptyf(t, left, "%d items are left in %s", len(left), name)
	}
	f.wantMembers("g1", ids[:2])
	f.wantNoFaults()

	// The request that staged it comes too late.
	_, err = f.store.StageMembers(t.Context(), f.tenant, "g1", 2, ids)
	assert.ErrorIs(t, err, directory.ErrStale, "members are staged after the end")
	before.After.Epoch, before.After.Epochs = 2, 2
	late := directory.GroupNewSet{GroupEdit: before, Staged: true}
	var failed *directory.CommitError
	err = f.store.ReplaceMembers(t.Context(), f.tenant, late)
	assert.Truef(t, errors.As(err, &failed) && failed.Stale(), "the set is taken after its end: %v", err)
	f.wantNoFaults()
}

func (f *fixture) wantNoFaults() {
	f.t.Helper()
	faults, err := f.store.Audit(f.t.Context(), f.tenant)
	f.must(err)
	for _, fault := range faults {
		f.t.Error(fault)
	}
}

func TestSweep_RemovesPartsThatWereNotAccepted(t *testing.T) {
	for _, tt := range []struct {
		name    string
		refused bool // the group is not what the request read
		writes  int
		young   bool
	}{
		{"killed before it is accepted", false, 1, true},
		{"killed before it is refused", true, 1, true},
		{"killed when it is refused", true, 2, true},
		{"killed when its end is marked", true, 3, false},
		{"killed when its parts are gone", true, 4, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := sweepFixture(t, enginetest.Memory(t))
			f.group("g1")
			c := f.edit("g1")
			if tt.refused {
				f.empty("g1")
				f.wantSweep(0, Swept{Finished: 1})
			}
			f.writeParts(c, tt.writes)
			if tt.young {
				// A sweep of tasks of any age leaves them too: they may still
				// be accepted.
				f.pass(time.Minute - time.Millisecond)
				f.wantSweep(0, Swept{Young: 1})
				n := len(f.all(partition(f.tenant, "TASKS")))
				assert.Equalf(t, 1+partsPerWrite, n, "%d items of the task are left, want %d", n, 1+partsPerWrite)
				f.pass(time.Millisecond)
			}
			f.wantSweep(0, Swept{Finished: 1})
			f.wantSweep(0, Swept{})
			f.wantNoFaults()
		})
	}
}

// around is a table that passes calls for some of its items to another table.
type around struct {
	table.Table
	through table.Table
	items   func(table.Key) bool
}

func (a *around) Get(ctx context.Context, keys ...table.Key) (map[table.Key]table.Item, error) {
	if slices.ContainsFunc(keys, a.items) {
		return a.through.Get(ctx, keys...)
	}
	return a.Table.Get(ctx, keys...)
}

func (a *around) Query(ctx context.Context, q table.Query) (table.Page, error) {
	if a.items(table.Key{Partition: q.Partition, Sort: q.Prefix}) {
		return a.through.Query(ctx, q)
	}
	return a.Table.Query(ctx, q)
}

func (a *around) Write(ctx context.Context, tx table.Transaction) error {
	if slices.ContainsFunc(tx.Ops, func(op table.Op) bool { return a.items(op.Key) }) {
		return a.through.Write(ctx, tx)
	}
	return a.Table.Write(ctx, tx)
}

// itemsOf reports which items belong to one task of a mess: its own, and those
// it writes.
func itemsOf(name string) func(table.Key) bool {
	of := "#" + name + "#"
	return func(k table.Key) bool {
		return k.Partition != duePartition && strings.Contains("#"+k.Partition+"#"+k.Sort+"#", of)
	}
}

func TestSweep_FinishesTheOthersWhenOneFails(t *testing.T) {
	faults := map[string]tabletest.FaultPlan{
		"writes throttled":     {WriteRates: map[tabletest.FaultKind]float64{tabletest.Throttled: 1}},
		"requests lost":        {WriteRates: map[tabletest.FaultKind]float64{tabletest.RequestLost: 1}},
		"answers lost":         {WriteRates: map[tabletest.FaultKind]float64{tabletest.AnswerLost: 1}},
		"reads without answer": {ReadRates: map[tabletest.FaultKind]float64{tabletest.Unavailable: 1}},
	}
	reasons := map[string]error{
		"writes throttled": directory.ErrBusy, "requests lost": directory.ErrUnresolved,
		"answers lost": directory.ErrUnresolved, "reads without answer": directory.ErrUnreachable,
	}
	for about, task := range taskNames {
		for name, plan := range faults {
			t.Run(task+" "+name, func(t *testing.T) {
				f := sweepFixture(t, enginetest.Memory(t))
				m := f.mess()
				f.pass(2 * time.Minute)
				s := f.on(&around{Table: f.table, through: tabletest.NewFault(f.table, 1, plan), items: itemsOf(about)})
				swept, err := s.Sweep(t.Context(), SweepAge)
				assert.Equalf(t, Swept{Finished: tasks - 1, Failed: 1}, swept.Swept, "swept %+v, want %d finished and 1 failed", swept, tasks-1)
				if err == nil || strings.Count(err.Error(), "task acme#") != 1 || !strings.Contains(err.Error(), "task acme#"+task+": ") ||
					!errors.Is(err, reasons[name]) {
					t.Errorf("reported %q, want why %s failed", err, task)
				}
				for _, item := range f.all(duePartition) {
					assert.Equalf(t, "acme#"+task, item.Sort, "%s is left too", item.Sort)
				}
				f.wantSweep(SweepAge, Swept{Finished: 1})
				m.wantTidy()
			})
		}
	}
}

// An unknown name among the due tasks is reported, and does not delay the
// others.
func TestSweep_ReportsNamesOfNoTask(t *testing.T) {
	f := sweepFixture(t, enginetest.Memory(t))
	m := f.mess()
	f.write(table.Put(table.Item{Key: taskKey(f.tenant, "epoch#g1#x"), Attributes: table.Attributes{attrState: table.Text(stateEnding)}}))
	names := []string{"ACME#epoch#g1#1", "acme", "acme#epoch", "acme#other#g1", "acme#epoch#g1#x"}
	for _, name := range names {
		f.write(table.Put(table.Item{Key: table.Key{Partition: duePartition, Sort: name}}))
	}
	f.pass(2 * time.Minute)
	swept, err := f.store.Sweep(t.Context(), SweepAge)
	if swept.Swept != (Swept{Finished: tasks, Failed: len(names)}) || err == nil {
		t.Errorf("swept %+v, %v, want %d finished and %d failed", swept, err, tasks, len(names))
	}
	f.write(table.Delete(taskKey(f.tenant, "epoch#g1#x")))
	for _, name := range names {
		f.write(table.Delete(table.Key{Partition: duePartition, Sort: name}))
	}
	m.wantTidy()
}

// A purge may remove the record of a user whose memberships are still being
// ended.
func TestSweep_EndsTaskOfAUserWhoIsPurged(t *testing.T) {
	f := sweepFixture(t, enginetest.Memory(t))
	f.mess()
	f.write(table.Delete(goneKey(f.tenant, "leaver")))
	f.pass(2 * time.Minute)
	f.wantSweep(SweepAge, Swept{Finished: tasks})
	f.wantSweep(SweepAge, Swept{})
	left := slices.Concat(f.all(partition(f.tenant, "TASKS")), f.all(duePartition))
	assert.Emptyf(t, left, "left are %v", left)
}

// A due name without its task, and a record that waits for a missing task, are
// repaired.
func TestSweep_ForgetsNamesWithoutTask(t *testing.T) {
	f := sweepFixture(t, enginetest.Memory(t))
	f.people(1)
	f.group("g1", "p00")
	names := []string{"epoch#g1#1", "epoch#gone#4", "members#g1#w1", "members#g1#w2", "members#gone#w1", "user#p00", "user#nobody"}
	for _, name := range names {
		f.write(dueOp(f.tenant, name, millis(f.now())))
	}
	f.write(
		table.Update(groupKey(f.tenant, "g1"), table.Change{Set: table.Attributes{attrWork: table.Text("w1")}}),
		table.Update(userKey(f.tenant, "p00"), table.Change{Set: table.Attributes{attrLeaving: flag(true)}}),
	)
	f.wantSweep(0, Swept{Finished: len(names)})
	f.wantMembers("g1", []string{"p00"})
	f.wantNoFaults()
	f.wantSweep(0, Swept{})
}

func TestSweep_AtOnceFinishesEverythingOnce(t *testing.T) {
	// DynamoDB Local never lets transactions conflict: it would show nothing
	// more.
	enginetest.RunOn(t, enginetest.All()[:2], func(t *testing.T, open func(t testing.TB) table.Table) {
		for range 3 {
			f := sweepFixture(t, table.Retrying(open(t)))
			m := f.mess()
			f.pass(2 * time.Minute)
			var swept [2]Sweeping
			var errs [2]error
			var both sync.WaitGroup
			for i := range swept {
				both.Go(func() { swept[i], errs[i] = f.store.Sweep(t.Context(), SweepAge) })
			}
			both.Wait()
			for i := range swept {
				assert.Truef(t, errs[i] == nil && swept[i].Failed == 0 && swept[i].Young == 0, "swept %+v, %v", swept[i], errs[i])
			}
			n := swept[0].Finished + swept[1].Finished
			assert.Truef(t, n >= tasks, "%d tasks were finished of %d", n, tasks)
			m.wantTidy()
		}
	})
}

// ending is a table that ends a context after what is written.
type ending struct {
	table.Table
	end func()
}

func (e *ending) Write(ctx context.Context, tx table.Transaction) error {
	err := e.Table.Write(ctx, tx)
	if err == nil {
		e.end()
	}
	return err
}

// overtake sweeps a mess, and lets something happen before one of the calls
// about a task. ok is false if the task does not take that many.
func (m *mess) overtake(about string, call int32, before func()) (ok bool) {
	m.t.Helper()
	o := tabletest.NewMeeting(m.table, int64(call)-1, before)
	swept, err := m.on(&around{Table: m.table, through: o, items: itemsOf(about)}).Sweep(m.t.Context(), SweepAge)
	assert.Truef(m.t, err == nil && swept.Failed+swept.Young == 0, "overtaken before call %d: swept %+v, %v", call, swept, err)
	return o.Made() >= int64(call)
}

// Between any two steps of a sweep another one makes the same step, or finishes
// everything.
func TestSweep_OvertakenFinishesEverythingOnce(t *testing.T) {
	for about, name := range taskNames {
		for _, all := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s all %t", name, all), func(t *testing.T) {
				for call := int32(1); !t.Failed(); call++ {
					f := sweepFixture(t, enginetest.Memory(t))
					m := f.mess()
					f.pass(2 * time.Minute)
					ok := m.overtake(about, call, func() {
						if all {
							f.wantSweep(SweepAge, Swept{Finished: len(f.all(duePartition))})
							return
						}
						ctx, cancel := context.WithCancel(t.Context())
						defer cancel()
						task, _ := parseTask(name)
						_, err := f.on(&ending{f.table, cancel}).finish(ctx, f.tenant, task)
						assert.Falsef(t, err != nil && !errors.Is(err, context.Canceled), "step before call %d: %v", call, err)
					})
					m.wantTidy()
					if !ok {
						assert.Truef(t, call >= 4, "the task takes %d calls", call-1)
						return
					}
				}
			})
		}
	}
}

// A delayed sweep must not end memberships that begin after the task: the user
// is restored, and joins a group again.
func TestSweep_HeldUpLeavesLaterMemberships(t *testing.T) {
	for call := int32(1); !t.Failed(); call++ {
		f := sweepFixture(t, enginetest.Memory(t))
		m := f.mess()
		f.pass(2 * time.Minute)
		ok := m.overtake("leaver", call, func() {
			_, err := f.store.Finish(t.Context(), f.tenant, directory.Task{Kind: directory.TaskUser, Resource: "leaver"})
			assert.NoError(t, err)
			f.restoreUser("leaver")
			c := directory.GroupUpdate{GroupEdit: f.edit("left-1")}
			c.Add = []string{"leaver"}
			f.must(f.store.UpdateGroup(t.Context(), f.tenant, c))
		})
		if !ok {
			assert.Truef(t, call >= 4, "the task takes %d calls", call-1)
			return
		}
		f.wantMembers("left-1", []string{"leaver"})
		f.wantNoFaults()
	}
}

func TestSweep_InterruptedLosesNothing(t *testing.T) {
	f := sweepFixture(t, enginetest.Memory(t))
	m := f.mess()
	f.pass(2 * time.Minute)
	sweeps := 0
	for ; sweeps < 100; sweeps++ {
		ctx, cancel := context.WithCancel(t.Context())
		swept, err := f.on(&ending{f.table, cancel}).Sweep(ctx, SweepAge)
		cancel()
		if err == nil {
			break
		}
		require.Truef(t, errors.Is(err, context.Canceled) && swept.Failed <= 1, "sweep %d continues after its end: %+v, %v", sweeps, swept, err)
	}
	assert.Truef(t, sweeps >= 2*tasks && sweeps != 100, "%d sweeps were interrupted, each after a write, want a few for each task", sweeps)
	m.wantTidy()
}

func TestSweep_ReportsThatItsTimeIsOver(t *testing.T) {
	f := sweepFixture(t, enginetest.Memory(t))
	m := f.mess()
	f.pass(2 * time.Minute)
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	over, cancel := context.WithDeadline(t.Context(), time.Now())
	defer cancel()
	for want, ctx := range map[error]context.Context{context.Canceled: canceled, context.DeadlineExceeded: over} {
		swept, err := f.store.Sweep(ctx, SweepAge)
		assert.Truef(t, errors.Is(err, want) && swept.Finished == 0, "swept %+v, %v, want %v", swept, err, want)
	}
	f.wantSweep(SweepAge, Swept{Finished: tasks})
	m.wantTidy()
}

// stuck is a table that never answers.
type stuck struct{}

func (stuck) Get(ctx context.Context, _ ...table.Key) (map[table.Key]table.Item, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func (stuck) Query(ctx context.Context, _ table.Query) (table.Page, error) {
	<-ctx.Done()
	return table.Page{}, ctx.Err()
}

func (stuck) Write(ctx context.Context, _ table.Transaction) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestSweep_LeavesLongTaskToTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := sweepFixture(t, enginetest.Memory(t))
		m := f.mess()
		f.pass(2 * time.Minute)
		begun := time.Now()
		s := f.on(&around{Table: f.table, through: stuck{}, items: itemsOf("changed")})
		swept, err := s.Sweep(t.Context(), SweepAge)
		assert.Truef(t, err == nil && swept.Swept == (Swept{Finished: tasks - 1, Young: 1}), "swept %+v, %v, want %d finished and 1 left", swept, err, tasks-1)
		assert.Equal(t, taskTime, time.Since(begun), "it took")
		f.wantSweep(SweepAge, Swept{Finished: 1})
		m.wantTidy()
	})
}

// paged is a table that lists two due names a page.
type paged struct{ table.Table }

func (p paged) Query(ctx context.Context, q table.Query) (table.Page, error) {
	if q.Partition == duePartition {
		q.Limit = 2
	}
	return p.Table.Query(ctx, q)
}

func TestSweep_FinishesTasksOfAllTenants(t *testing.T) {
	acme := sweepFixture(t, paged{enginetest.Memory(t)})
	first := acme.mess()
	var others []*mess
	for _, name := range []string{"acme-1", "acme1", "globex"} {
		others = append(others, acme.of(name).mess())
	}
	acme.pass(2 * time.Minute)
	swept, err := acme.store.SweepTenant(t.Context(), acme.tenant, SweepAge)
	assert.Truef(t, err == nil && swept.Swept == (Swept{Finished: tasks}), "swept %+v, %v of one tenant, want %d finished", swept, err, tasks)
	first.wantTidy()
	for _, m := range others {
		left, err := m.store.tasks(t.Context(), m.tenant)
		assert.Truef(t, err == nil && len(left) == tasks, "%s has %d tasks, %v, want %d", m.tenant, len(left), err, tasks)
	}
	acme.wantSweep(SweepAge, Swept{Finished: tasks * len(others)})
	for _, m := range append(others, first) {
		m.wantTidy()
	}
}
