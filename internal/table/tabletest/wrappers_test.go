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
		if seen[p.Number] || p.Name == "" {
			t.Errorf("promise %q: its number is used twice, or it has no name", p)
		}
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
		if err := send(t, c, count("user 1"), count("ledger")); err != nil {
			t.Error(err)
		}
	})
	time.Sleep(50 * time.Millisecond)
	if err := send(t, c, count("user 2"), table.Check(key("ledger"), table.Absent())); !errors.Is(err, table.ErrConflict) {
		t.Errorf("got %v, want ErrConflict", err)
	}
	if err := send(t, c, count("user 3")); err != nil {
		t.Errorf("on an item of its own: %v", err)
	}
	wg.Wait()
	if got := counted(t, tbl, "user 2"); got != 0 {
		t.Error("a refused transaction was applied")
	}
	if err := send(t, c, count("ledger")); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	if got := c.Report(); got.Overlaps["ledger"] != 1 || got.Total() != 1 {
		t.Errorf("report %+v", got)
	}
}

func TestConflict_SameTransactionTwiceIsInProgress(t *testing.T) {
	tbl := memory(t)
	c := tabletest.NewConflict(tbl, tabletest.ConflictOptions{Hold: 200 * time.Millisecond})
	tx := table.Transaction{Token: "t", Ops: []table.Op{count("1")}}
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := c.Write(t.Context(), tx); err != nil {
			t.Error(err)
		}
	})
	time.Sleep(50 * time.Millisecond)
	if err := c.Write(t.Context(), tx); !errors.Is(err, table.ErrUnknownOutcome) {
		t.Errorf("got %v, want ErrUnknownOutcome", err)
	}
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
	if one != same || one == other {
		t.Error("a seed does not decide the conflicts")
	}
	if n := strings.Count(one, "x"); n < 30 || n > 90 || report.Injected["item"] != n || len(report.Overlaps) != 0 {
		t.Errorf("%d conflicts of 200, report %+v", n, report)
	}
}

func TestConflict_CountsRecoveries(t *testing.T) {
	tbl := memory(t)
	c := tabletest.NewConflict(tbl, tabletest.ConflictOptions{Rate: 0.5, Seed: 1})
	r := table.Retrying(c, table.RetryJitter(func(time.Duration) time.Duration { return 0 }))
	for range 50 {
		require.NoError(t, send(t, r, count("1")))
	}
	report := c.Report()
	if got := counted(t, tbl, "1"); got != 50 || report.Recovered["item"] == 0 || report.Recovered["item"] > report.Injected["item"] {
		t.Errorf("counted %d, report %+v", got, report)
	}
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
		if err := send(t, f, count("other")); err != nil {
			t.Errorf("%s: the first write: %v", kind, err)
		}
		if err := f.Write(t.Context(), tx); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", kind, err, c.want)
		}
		if got := counted(t, tbl, "1"); got != c.applied {
			t.Errorf("%s: applied %d times, want %d", kind, got, c.applied)
		}
		if err := f.Write(t.Context(), tx); err != nil {
			t.Errorf("%s: sent again: %v", kind, err)
		}
		if got := counted(t, tbl, "1"); got != 1 {
			t.Errorf("%s: applied %d times after it was sent again", kind, got)
		}
		if got, want := f.Report(), map[tabletest.FaultKind]int{kind: 1}; !maps.Equal(got, want) {
			t.Errorf("%s: report %v", kind, got)
		}
	}
}

func TestFault_PlannedReads(t *testing.T) {
	f := tabletest.NewFault(memory(t), 1, tabletest.FaultPlan{Reads: map[int]tabletest.FaultKind{
		1: tabletest.Throttled, 2: tabletest.Unavailable,
	}})
	if _, err := f.Get(t.Context(), key("1")); !errors.Is(err, table.ErrThrottled) {
		t.Errorf("first: %v", err)
	}
	if _, err := f.Query(t.Context(), table.Query{Partition: "p"}); !errors.Is(err, table.ErrUnavailable) {
		t.Errorf("second: %v", err)
	}
	if _, err := f.Get(t.Context(), key("1")); err != nil {
		t.Errorf("third: %v", err)
	}
}

func TestFault_Stop(t *testing.T) {
	tbl := memory(t)
	f := tabletest.NewFault(tbl, 1, tabletest.FaultPlan{StopAfter: 2})
	for i, want := range []error{nil, nil, tabletest.ErrStopped, tabletest.ErrStopped} {
		if err := send(t, table.Retrying(f), count(fmt.Sprint(i))); !errors.Is(err, want) || (want == nil && err != nil) {
			t.Errorf("write %d: %v, want %v", i+1, err, want)
		}
	}
	if _, err := f.Get(t.Context(), key("0")); !errors.Is(err, tabletest.ErrStopped) {
		t.Errorf("read: %v", err)
	}
	for i, want := range []int64{1, 1, 0, 0} {
		if got := counted(t, tbl, fmt.Sprint(i)); got != want {
			t.Errorf("write %d was applied %d times, want %d", i+1, got, want)
		}
	}
}
