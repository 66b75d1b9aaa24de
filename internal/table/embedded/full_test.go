//go:build unix && !solaris && !aix

package embedded

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/table"
)

// limitFiles makes every write beyond a size fail, as on a full disk.
func limitFiles(t *testing.T, size uint64) {
	t.Helper()
	var limit syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit))
	limit.Cur = min(size, limit.Max)
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit))
}

// limited marks the process whose files are limited.
const limited = "ROLLCALL_TEST_LIMITED"

// A write without room on the disk is table.ErrStorage, and nothing of it is
// applied. Reads keep working, and writes too once there is room again.
//
// The limit applies to a process, and would affect what the test binary itself
// writes, so it runs in a separate process.
func TestTable_SurvivesAFullDisk(t *testing.T) {
	if os.Getenv(limited) == "" {
		child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestTable_SurvivesAFullDisk$", "-test.v")
		child.Env = append(os.Environ(), limited+"=1")
		said, err := child.CombinedOutput()
		assert.Truef(t, err == nil && strings.Contains(string(said), "--- PASS: TestTable_SurvivesAFullDisk"), "%v:\n%s", err, said)
		return
	}
	path := put(t, nil)
	tbl, err := Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { limitFiles(t, math.MaxUint64) })
	large := func(i int) table.Item {
		return table.Item{Key: table.Key{Partition: "p", Sort: fmt.Sprintf("%04d", i)}, Attributes: table.Attributes{"doc": table.Text(strings.Repeat("x", 3000))}}
	}
	written := map[int]bool{}
	attempt := func(i int) error {
		err := tbl.Write(t.Context(), table.Transaction{Token: fmt.Sprint("t", i), Ops: []table.Op{
			table.Put(large(i)), table.Update(table.Key{Partition: "p", Sort: "count"}, table.Change{Add: map[string]int64{"n": 1}}),
		}})
		if err == nil {
			written[i] = true
		}
		return err
	}
	check := func(tbl *Table) {
		t.Helper()
		page, err := tbl.Query(t.Context(), table.Query{Partition: "p"})
		require.NoError(t, err)
		if len(page.Items) != len(written)+1 || page.Items[len(page.Items)-1].Attributes.Number("n") != int64(len(written)) {
			t.Fatalf("%d items, want %d and their count", len(page.Items), len(written))
		}
	}
	failures := 0
	for i := range 120 {
		info, err := os.Stat(path)
		require.NoError(t, err)
		// Room for all, for what fits into the file as it is, and for a part of it.
		room := []uint64{math.MaxUint64, uint64(info.Size()), uint64(info.Size()) / 2}[min(i/20, 1+i%2)]
		limitFiles(t, room)
		if err := attempt(i); err != nil {
			failures++
			require.ErrorIsf(t, err, table.ErrStorage, "write %d", i)
		}
		check(tbl)
	}
	assert.Truef(t, failures >= 5 && len(written) >= 5, "%d writes failed, and %d did not: both outcomes must occur", failures, len(written))
	limitFiles(t, math.MaxUint64)
	for i := range 120 {
		if err := attempt(i); err != nil { // those that were applied are so once
			t.Errorf("write %d with room again: %v", i, err)
		}
	}
	check(tbl)
	require.NoError(t, tbl.Close())
	tbl, err = OpenExisting(path)
	require.NoError(t, err)
	check(tbl)
	require.NoError(t, tbl.Close())
}
