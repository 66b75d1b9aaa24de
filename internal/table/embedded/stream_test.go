package embedded_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/embedded"
	"github.com/rollcall-scim/rollcall/internal/table/tabletest"
)

func TestStream_Contract(t *testing.T) {
	for name, open := range map[string]func() (*embedded.Table, error){
		"memory": embedded.Memory,
		"file":   func() (*embedded.Table, error) { return embedded.Open(filepath.Join(t.TempDir(), "rollcall.db")) },
	} {
		t.Run(name, func(t *testing.T) {
			tabletest.RunStream(t, func(t *testing.T) (table.Table, func(t *testing.T) []table.Record) {
				tbl, err := open()
				require.NoError(t, err)
				t.Cleanup(func() { closed(t, tbl) })
				require.NoError(t, tbl.KeepRecords(tabletest.StreamSuffix))
				return tbl, func(t *testing.T) []table.Record { t.Helper(); return all(t, tbl) }
			})
		})
	}
}

// all returns all records, and expects that pages have them too.
func all(t *testing.T, tbl *embedded.Table) []table.Record {
	t.Helper()
	whole, err := tbl.Records(t.Context(), "", embedded.StreamRecords)
	require.NoError(t, err)
	var paged []table.Record
	for after := ""; ; {
		page, err := tbl.Records(t.Context(), after, 2)
		require.NoError(t, err)
		if len(page) == 0 {
			break
		}
		paged, after = append(paged, page...), page[len(page)-1].Sequence
	}
	require.Equal(t, whole, paged)
	return whole
}

func add(t *testing.T, tbl table.Table, sort string) {
	t.Helper()
	item := table.Item{Key: table.Key{Partition: "T#acme#LOG", Sort: sort}, Attributes: table.Attributes{"n": table.Number(1)}}
	require.NoError(t, tbl.Write(t.Context(), table.Transaction{Token: tabletest.NewToken(), Ops: []table.Op{table.Put(item)}}))
}

func sorts(t *testing.T, tbl *embedded.Table) []string {
	t.Helper()
	names := []string{}
	for _, r := range all(t, tbl) {
		names = append(names, r.Key.Sort)
	}
	return names
}

func reopen(t *testing.T, path string) *embedded.Table {
	t.Helper()
	tbl, err := embedded.OpenExisting(path)
	require.NoError(t, err)
	return tbl
}

// A file without a stream, as an earlier version wrote it, gets one when it is wanted. From
// then on all that change it add to its stream, whether they want it or not.
func TestStream_IsKeptOnceWanted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rollcall.db")
	tbl, err := embedded.Open(path)
	require.NoError(t, err)
	add(t, tbl, "before")
	assert.Empty(t, all(t, tbl), "records that nobody wants")
	closed(t, tbl)

	tbl = reopen(t, path)
	require.NoError(t, tbl.KeepRecords("#LOG", "#SIGNALS"))
	require.NoError(t, tbl.KeepRecords("#LOG", "#SIGNALS"))
	add(t, tbl, "first")
	closed(t, tbl)

	tbl = reopen(t, path)
	add(t, tbl, "second")
	assert.Equal(t, []string{"first", "second"}, sorts(t, tbl))
	closed(t, tbl)
}

func TestStream_TrimmedRecordsDoNotComeAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rollcall.db")
	tbl, err := embedded.Open(path)
	require.NoError(t, err)
	require.NoError(t, tbl.KeepRecords("#LOG"))
	for i := range 5 {
		add(t, tbl, fmt.Sprint(i))
	}
	records := all(t, tbl)
	require.NoError(t, tbl.Trim(records[2].Sequence))
	require.NoError(t, tbl.Trim(records[0].Sequence), "an earlier one")
	assert.Equal(t, []string{"3", "4"}, sorts(t, tbl))
	closed(t, tbl)

	tbl = reopen(t, path)
	assert.Equal(t, []string{"3", "4"}, sorts(t, tbl))
	again := all(t, tbl)
	assert.Equal(t, records[3:], again, "a record has changed")
	require.NoError(t, tbl.Trim(again[1].Sequence))
	closed(t, tbl)
	tbl = reopen(t, path)
	assert.Empty(t, all(t, tbl))
	add(t, tbl, "5")
	assert.Greater(t, all(t, tbl)[0].Sequence, again[1].Sequence, "a sequence was used twice")
	closed(t, tbl)

	_, err = reopen(t, path).Records(t.Context(), "x", 1)
	require.Error(t, err)
}

func TestStream_SignalsNewRecords(t *testing.T) {
	tbl, err := embedded.Memory()
	require.NoError(t, err)
	t.Cleanup(func() { closed(t, tbl) })
	require.NoError(t, tbl.KeepRecords("#LOG"))
	signalled := func() bool {
		select {
		case <-tbl.Changed():
			return true
		default:
			return false
		}
	}
	assert.False(t, signalled())
	add(t, tbl, "1")
	add(t, tbl, "2")
	assert.True(t, signalled(), "no signal")
	assert.False(t, signalled(), "a signal for each transaction")
	mustWrite(t, tbl, table.Put(table.Item{Key: table.Key{Partition: "T#acme#USERS", Sort: "1"}}))
	assert.False(t, signalled(), "a signal for another partition")
}

func mustWrite(t *testing.T, tbl table.Table, ops ...table.Op) {
	t.Helper()
	require.NoError(t, tbl.Write(t.Context(), table.Transaction{Token: tabletest.NewToken(), Ops: ops}))
}

// The environment variable that makes the test binary a process that writes until it is
// killed.
const writerVariable = "ROLLCALL_TEST_STREAM_WRITER"

// After a kill the stream has exactly the records of the transactions in the file: none is
// lost, and none is made up.
func TestStream_HasWhatWasWrittenAfterKill(t *testing.T) {
	if path := os.Getenv(writerVariable); path != "" {
		writeUntilKilled(t, path)
		return
	}
	path := filepath.Join(t.TempDir(), "rollcall.db")
	for round := range 3 {
		c := exec.Command(os.Args[0], "-test.run=^TestStream_HasWhatWasWrittenAfterKill$")
		c.Env = append(os.Environ(), writerVariable+"="+path)
		out, err := c.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, c.Start())
		for range 40 + round { // a line for each write
			_, err := fmt.Fscanln(out, new(string))
			require.NoError(t, err)
		}
		require.NoError(t, c.Process.Kill())
		_ = c.Wait() // killed
	}
	tbl := reopen(t, path)
	defer closed(t, tbl)
	page, err := tbl.Query(t.Context(), table.Query{Partition: "T#acme#LOG"})
	require.NoError(t, err)
	written := []string{}
	for _, item := range page.Items {
		written = append(written, item.Sort)
	}
	assert.GreaterOrEqual(t, len(written), 120)
	streamed := sorts(t, tbl)
	assert.Subset(t, written, streamed, "the stream has what was not written")
	assert.Equal(t, written[len(written)-len(streamed):], streamed, "the stream has a gap")
	// Each process trims the first ten records of its own.
	assert.LessOrEqual(t, len(streamed), len(written)-20, "what was trimmed has come back")
}

func writeUntilKilled(t *testing.T, path string) {
	t.Helper()
	tbl, err := embedded.Open(path)
	require.NoError(t, err)
	require.NoError(t, tbl.KeepRecords("#LOG"))
	page, err := tbl.Query(t.Context(), table.Query{Partition: "T#acme#LOG"})
	require.NoError(t, err)
	for i := len(page.Items); ; i++ {
		add(t, tbl, fmt.Sprintf("%06d", i))
		if i == len(page.Items)+9 {
			records := all(t, tbl)
			require.NoError(t, tbl.Trim(records[len(records)-1].Sequence))
		}
		fmt.Println(i)
	}
}
