package embedded_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
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
	t.Cleanup(func() { closed(t, tbl) })
	return tbl
}

func file(t *testing.T) table.Table {
	t.Helper()
	tbl, err := embedded.Open(filepath.Join(t.TempDir(), "rollcall.db"))
	require.NoError(t, err)
	t.Cleanup(func() { closed(t, tbl) })
	return tbl
}

func closed(t *testing.T, tbl *embedded.Table) {
	t.Helper()
	assert.NoError(t, tbl.Close())
}

func TestEmbeddedContract(t *testing.T) { tabletest.Run(t, memory) }

func TestEmbeddedContract_Concurrent(t *testing.T) { tabletest.RunConcurrent(t, memory) }

func TestEmbeddedContract_FileConcurrent(t *testing.T) { tabletest.RunConcurrent(t, file) }

func TestFile_ReopenedBeforeEveryCall(t *testing.T) {
	tabletest.Run(t, func(t *testing.T) table.Table {
		return reopened{t, filepath.Join(t.TempDir(), "rollcall.db")}
	})
}

// reopened opens its file again for each call: only the file passes data from
// one call to the next.
type reopened struct {
	t    *testing.T
	path string
}

func (r reopened) open() *embedded.Table {
	tbl, err := embedded.Open(r.path)
	require.NoError(r.t, err)
	return tbl
}

func (r reopened) Get(ctx context.Context, keys ...table.Key) (map[table.Key]table.Item, error) {
	tbl := r.open()
	defer closed(r.t, tbl)
	return tbl.Get(ctx, keys...)
}

func (r reopened) Query(ctx context.Context, q table.Query) (table.Page, error) {
	tbl := r.open()
	defer closed(r.t, tbl)
	return tbl.Query(ctx, q)
}

func (r reopened) Write(ctx context.Context, tx table.Transaction) error {
	tbl := r.open()
	defer closed(r.t, tbl)
	return tbl.Write(ctx, tx)
}

// quickly retries at once: these tests meet thousands of faults, and need not
// wait for them to pass.
func quickly(t table.Table) table.Table {
	return table.Retrying(t, table.RetryJitter(func(time.Duration) time.Duration { return 0 }))
}

func TestMemory_UnderConflicts(t *testing.T) {
	o := tabletest.ConflictOptions{Rate: 0.3, Seed: 1}
	tabletest.Run(t, func(t *testing.T) table.Table {
		return quickly(tabletest.NewConflict(memory(t), o))
	})
}

func TestMemory_ConcurrentUnderConflicts(t *testing.T) {
	tabletest.RunConcurrent(t, func(t *testing.T) table.Table {
		c := tabletest.NewConflict(memory(t), tabletest.ConflictOptions{Rate: 0.1, Seed: 2, Hold: time.Millisecond})
		t.Cleanup(func() { recovered(t, c.Report()) })
		return c
	})
}

// recovered expects conflicts, and that each of them was resolved by a retry.
func recovered(t *testing.T, r tabletest.ConflictReport) {
	t.Helper()
	t.Logf("conflicts: %+v", r)
	assert.NotEqual(t, 0, r.Total(), "no conflict occurred")
}

func TestMemory_UnderFaults(t *testing.T) {
	tabletest.Run(t, func(t *testing.T) table.Table {
		return quickly(tabletest.NewFault(memory(t), 3, tabletest.FaultPlan{
			WriteRates: map[tabletest.FaultKind]float64{
				tabletest.Throttled: 0.1, tabletest.Conflicting: 0.1, tabletest.AnswerLost: 0.1, tabletest.RequestLost: 0.1,
			},
			ReadRates: map[tabletest.FaultKind]float64{tabletest.Throttled: 0.1, tabletest.Unavailable: 0.1},
		}))
	})
}

func TestMemory_ConcurrentUnderFaults(t *testing.T) {
	tabletest.RunConcurrent(t, func(t *testing.T) table.Table {
		return tabletest.NewFault(memory(t), 4, tabletest.FaultPlan{WriteRates: map[tabletest.FaultKind]float64{
			tabletest.AnswerLost: 0.2, tabletest.RequestLost: 0.2,
		}})
	})
}

func TestOpen_KeepsItemsAndTokens(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rollcall.db")
	tx := table.Transaction{Token: tabletest.NewToken(), Ops: []table.Op{
		table.Update(table.Key{Partition: "p", Sort: "s"}, table.Change{Add: map[string]int64{"n": 1}}),
	}}
	for range 3 {
		tbl, err := embedded.Open(path)
		require.NoError(t, err)
		require.NoError(t, tbl.Write(t.Context(), tx))
		items, err := tbl.Get(t.Context(), tx.Ops[0].Key)
		require.Truef(t, err == nil && items[tx.Ops[0].Key].Attributes.Number("n") == 1, "%v, %v", items, err)
		closed(t, tbl)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v: others can read the data", info.Mode(), err)
	}
}

func TestOpen_FailsWhileInUse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rollcall.db")
	first, err := embedded.Open(path)
	require.NoError(t, err)
	_, err = embedded.Open(path)
	assert.Truef(t, errors.Is(err, embedded.ErrInUse) && strings.Contains(err.Error(), path), "got %v, want ErrInUse with the path", err)
	closed(t, first)
	second, err := embedded.Open(path)
	require.NoError(t, err, "after it was closed")
	closed(t, second)
}

func TestOpen_RefusesOtherFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "other")
	require.NoError(t, os.WriteFile(path, []byte(strings.Repeat("not a table\n", 4096)), 0o600))
	_, err := embedded.Open(path)
	assert.Truef(t, err != nil && strings.Contains(err.Error(), path), "got %v, want an error with the path", err)
	_, err = embedded.Open(filepath.Join(t.TempDir(), "none", "rollcall.db"))
	assert.Error(t, err, "opened a file in a missing folder")
}

func TestMemory_LeavesNoFile(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	tbl, err := embedded.Memory()
	require.NoError(t, err)
	closed(t, tbl)
	left, err := os.ReadDir(os.TempDir())
	assert.Truef(t, err == nil && len(left) == 0, "left %v, %v", left, err)
}

func TestClosed_Fails(t *testing.T) {
	tbl, err := embedded.Memory()
	require.NoError(t, err)
	closed(t, tbl)
	k := table.Key{Partition: "p", Sort: "s"}
	_, err = tbl.Get(t.Context(), k)
	assert.Error(t, err, "get succeeded")
	assert.Error(t, tbl.Write(t.Context(), table.Transaction{Token: "t", Ops: []table.Op{table.Delete(k)}}), "write succeeded")
}
