package store

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/embedded"
	"github.com/rollcall-scim/rollcall/internal/table/tabletest"
)

// copyOf returns the fixture on a copy of its table.
func (f *fixture) copyOf(t *testing.T, raw *embedded.Table) *fixture {
	t.Helper()
	other, err := raw.Copy()
	f.must(err)
	t.Cleanup(func() { _ = other.Close() })
	same := *f
	same.t, same.table, same.clock = t, other, newClock(f.now())
	same.store = same.on(other)
	return &same
}

// A sweep of which any call fails says so, and the next one finishes what is left, whatever
// kind of work it is: nothing is taken for done that is not.
func TestSweep_ReportsEachFailedCall(t *testing.T) {
	for name, world := range map[string]struct {
		given func(f *fixture)
		gone  bool
	}{
		"a task of every kind":             {func(f *fixture) { f.mess(); f.pass(time.Hour) }, false},
		"young tasks":                      {func(f *fixture) { f.mess() }, false},
		"a user leaving many groups":       {func(f *fixture) { f.manyGroups(directory.MaxJoined+3, false); f.pass(time.Hour) }, false},
		"a purged user of many groups":     {func(f *fixture) { f.manyGroups(directory.MaxJoined+3, true); f.pass(time.Hour) }, false},
		"a deleted tenant":                 {func(f *fixture) { full(f); f.end(); f.pass(time.Hour) }, true},
		"a deleted tenant of many members": {func(f *fixture) { f.manyGroups(60, false); f.end(); f.pass(time.Hour) }, true},
		"a deleted tenant with its mess":   {func(f *fixture) { f.mess(); f.end(); f.pass(time.Hour) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			raw, err := embedded.Memory()
			require.NoError(t, err)
			t.Cleanup(func() { _ = raw.Close() })
			f := newFixture(t, raw, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
			world.given(f)
			whole := f.copyOf(t, raw)
			count := tabletest.NewFailing(whole.table, -1, errCall)
			_, err = whole.on(count).SweepNow(t.Context(), f.tenant)
			require.NoError(t, err)
			for at := range count.Made() {
				broken := f.copyOf(t, raw)
				b := tabletest.NewFailing(broken.table, at, errCall)
				swept, err := broken.on(b).SweepNow(t.Context(), f.tenant)
				if b.Made() <= at {
					continue // a sweep takes its tasks in any order
				}
				require.ErrorIs(t, err, errCall, "call %d of %d: %+v", at, count.Made(), swept)
				_, err = broken.store.SweepNow(t.Context(), f.tenant)
				require.NoError(t, err)
				if world.gone {
					_, ok, err := broken.store.Tenant(t.Context(), f.tenant)
					require.NoError(t, err)
					require.False(t, ok)
					continue
				}
				faults, err := broken.store.Audit(t.Context(), f.tenant)
				require.NoError(t, err)
				require.Empty(t, faults, "call %d of %d", at, count.Made())
			}
		})
	}
}

// The name of a task without its task, and the lanes of its epoch, are removed by a sweep: a
// restored backup may have them.
func TestSweep_RemovesWhatIsLeftOfATask(t *testing.T) {
	f := newFixture(t, testMemory(t), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	f.group("g1")
	task := epochTask("g1", 2)
	f.write(
		dueOp(f.tenant, taskSort(task), millis(f.now())),
		table.Put(table.Item{Key: laneKey(f.tenant, task, 0)}), table.Put(table.Item{Key: laneKey(f.tenant, task, parallelWrites-1)}))
	f.pass(time.Hour)
	_, err := f.store.SweepNow(t.Context(), f.tenant)
	f.must(err)
	require.Empty(t, f.all(partition(f.tenant, "TASKS")))
	require.Empty(t, f.all(duePartition))
	require.Empty(t, mustAudit(t, f))
}

// A page by name without a limit has all names of a round trip, and further ones follow.
func TestUsers_ByNameWithoutALimit(t *testing.T) {
	f := newFixture(t, testMemory(t), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	var ops []string
	for i := range 7 {
		id := fmt.Sprintf("u%d", i)
		f.create(person(id))
		ops = append(ops, id)
	}
	f.group("g2")
	f.group("g1")
	for _, limit := range []int{0, 7, 100} {
		for _, descending := range []bool{false, true} {
			order := directory.Order{ByName: true, Descending: descending}
			users, err := f.store.Users(t.Context(), f.tenant, directory.Range{Order: order, Limit: limit})
			f.must(err)
			require.Len(t, users.Records, len(ops))
			first, last := users.Records[0].ID, users.Records[len(ops)-1].ID
			if descending {
				first, last = last, first
			}
			require.Equal(t, []string{ops[0], ops[len(ops)-1]}, []string{first, last})
			groups, err := f.store.Groups(t.Context(), f.tenant, directory.Range{Order: order, Limit: limit})
			f.must(err)
			require.Len(t, groups.Records, 2)
			require.Equal(t, descending, groups.Records[0].ID == "g2")
		}
	}
}
