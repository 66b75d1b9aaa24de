package tabletest_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/embedded"
	"github.com/rollcall-scim/rollcall/internal/table/tabletest"
)

func memory(t *testing.T) table.Table {
	t.Helper()
	tbl, err := embedded.Memory()
	require.NoError(t, err)
	t.Cleanup(func() { _ = tbl.Close() })
	return tbl
}

func key(sort string) table.Key { return table.Key{Partition: "p", Sort: sort} }

func count(sort string) table.Op {
	return table.Update(key(sort), table.Change{Add: map[string]int64{"n": 1}})
}

func send(t *testing.T, tbl table.Table, ops ...table.Op) error {
	t.Helper()
	return tbl.Write(t.Context(), table.Transaction{Token: tabletest.NewToken(), Ops: ops})
}

func counted(t *testing.T, tbl table.Table, sort string) int64 {
	t.Helper()
	items, err := tbl.Get(t.Context(), key(sort))
	require.NoError(t, err)
	return items[key(sort)].Attributes.Number("n")
}

func TestPromises_HaveUniqueNumbers(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range slices.Concat(tabletest.Promises, tabletest.ConcurrentPromises) {
		assert.Truef(t, !seen[p.Number] && p.Name != "", "promise %q: its number is used twice, or it has no name", p)
		seen[p.Number] = true
	}
}

func TestConflict_RefusesOverlap(t *testing.T) {
	tbl := memory(t)
	c := tabletest.NewConflict(tbl, tabletest.ConflictOptions{
		Hold: 200 * time.Millisecond,
		Kind: func(k table.Key) string { kind, _, _ := strings.Cut(k.Sort, " "); return kind },
	})
	var wg sync.WaitGroup
	wg.Go(func() {
		assert.NoError(t, send(t, c, count("user 1"), count("ledger")))
	})
	time.Sleep(50 * time.Millisecond)
	err := send(t, c, count("user 2"), table.Check(key("ledger"), table.Absent()))
	assert.ErrorIsf(t, err, table.ErrConflict, "got %v, want ErrConflict", err)
	var conflict *table.ConflictError
	require.ErrorAs(t, err, &conflict)
	assert.Equal(t, []int{1}, conflict.Ops, "the operation on the item that is in use")
	assert.NoError(t, send(t, c, count("user 3")), "on an item of its own")
	wg.Wait()
	assert.EqualValues(t, 0, counted(t, tbl, "user 2"), "a refused transaction was applied")
	assert.NoError(t, send(t, c, count("ledger")), "afterwards")
	got := c.Report()
	assert.Truef(t, got.Overlaps["ledger"] == 1 && got.Total() == 1, "report %+v", got)
}

func TestConflict_SameTransactionTwiceIsInProgress(t *testing.T) {
	tbl := memory(t)
	c := tabletest.NewConflict(tbl, tabletest.ConflictOptions{Hold: 200 * time.Millisecond})
	tx := table.Transaction{Token: "t", Ops: []table.Op{count("1")}}
	var wg sync.WaitGroup
	wg.Go(func() {
		assert.NoError(t, c.Write(t.Context(), tx))
	})
	time.Sleep(50 * time.Millisecond)
	err := c.Write(t.Context(), tx)
	assert.ErrorIsf(t, err, table.ErrUnknownOutcome, "got %v, want ErrUnknownOutcome", err)
	wg.Wait()
	if err := c.Write(t.Context(), tx); err != nil || counted(t, tbl, "1") != 1 {
		t.Errorf("%v, counted %d", err, counted(t, tbl, "1"))
	}
}

func TestConflict_InjectsTheSameForASeed(t *testing.T) {
	run := func(seed uint64) (string, tabletest.ConflictReport) {
		c := tabletest.NewConflict(memory(t), tabletest.ConflictOptions{Rate: 0.3, Seed: seed})
		pattern := ""
		for range 200 {
			if err := send(t, c, count("1"), count("2")); errors.Is(err, table.ErrConflict) {
				pattern += "x"
			} else {
				pattern += "."
			}
		}
		return pattern, c.Report()
	}
	one, report := run(7)
	same, _ := run(7)
	other, _ := run(8)
	assert.True(t, one == same && one != other, "a seed does not decide the conflicts")
	n := strings.Count(one, "x")
	assert.Truef(t, n >= 30 && n <= 90 && report.Injected["item"] == n && len(report.Overlaps) == 0, "%d conflicts of 200, report %+v", n, report)
}

func TestConflict_CountsRecoveries(t *testing.T) {
	tbl := memory(t)
	c := tabletest.NewConflict(tbl, tabletest.ConflictOptions{Rate: 0.5, Seed: 1})
	r := table.Retrying(c, table.RetryJitter(func(time.Duration) time.Duration { return 0 }))
	for range 50 {
		require.NoError(t, send(t, r, count("1")))
	}
	report := c.Report()
	got := counted(t, tbl, "1")
	assert.Truef(t, got == 50 && report.Recovered["item"] != 0 && report.Recovered["item"] <= report.Injected["item"], "counted %d, report %+v", got, report)
}

func TestFault_PlannedWrites(t *testing.T) {
	for kind, c := range map[tabletest.FaultKind]struct {
		want    error
		applied int64
	}{
		tabletest.Throttled:   {table.ErrThrottled, 0},
		tabletest.Conflicting: {table.ErrConflict, 0},
		tabletest.AnswerLost:  {table.ErrUnknownOutcome, 1},
		tabletest.RequestLost: {table.ErrUnknownOutcome, 0},
	} {
		tbl := memory(t)
		f := tabletest.NewFault(tbl, 1, tabletest.FaultPlan{Writes: map[int]tabletest.FaultKind{2: kind}})
		tx := table.Transaction{Token: "t", Ops: []table.Op{count("1")}}
		assert.NoErrorf(t, send(t, f, count("other")), "%s: the first write", kind)
		assert.ErrorIsf(t, f.Write(t.Context(), tx), c.want, "%s", kind)
		got := counted(t, tbl, "1")
		assert.Equalf(t, c.applied, got, "%s: applied %d times, want %d", kind, got, c.applied)
		assert.NoErrorf(t, f.Write(t.Context(), tx), "%s: sent again", kind)
		got = counted(t, tbl, "1")
		assert.EqualValuesf(t, 1, got, "%s: applied %d times after it was sent again", kind, got)
		if got, want := f.Report(), map[tabletest.FaultKind]int{kind: 1}; !maps.Equal(got, want) {
			t.Errorf("%s: report %v", kind, got)
		}
	}
}

func TestFault_PlannedReads(t *testing.T) {
	f := tabletest.NewFault(memory(t), 1, tabletest.FaultPlan{Reads: map[int]tabletest.FaultKind{
		1: tabletest.Throttled, 2: tabletest.Unavailable,
	}})
	_, err := f.Get(t.Context(), key("1"))
	assert.ErrorIs(t, err, table.ErrThrottled, "first")
	_, err = f.Query(t.Context(), table.Query{Partition: "p"})
	assert.ErrorIs(t, err, table.ErrUnavailable, "second")
	_, err = f.Get(t.Context(), key("1"))
	assert.NoError(t, err, "third")
}

func TestFault_Stop(t *testing.T) {
	tbl := memory(t)
	f := tabletest.NewFault(tbl, 1, tabletest.FaultPlan{StopAfter: 2})
	for i, want := range []error{nil, nil, tabletest.ErrStopped, tabletest.ErrStopped} {
		err := send(t, table.Retrying(f), count(fmt.Sprint(i)))
		assert.Truef(t, errors.Is(err, want) && (want != nil || err == nil), "write %d: %v, want %v", i+1, err, want)
	}
	_, err := f.Get(t.Context(), key("0"))
	assert.ErrorIs(t, err, tabletest.ErrStopped, "read")
	for i, want := range []int64{1, 1, 0, 0} {
		got := counted(t, tbl, fmt.Sprint(i))
		assert.Equalf(t, want, got, "write %d was applied %d times, want %d", i+1, got, want)
	}
}
