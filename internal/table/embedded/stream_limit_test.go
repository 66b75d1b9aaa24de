package embedded

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/rollcall-scim/rollcall/internal/table"
)

func streamed(t *testing.T, tbl *Table) (sorts []string) {
	t.Helper()
	records, err := tbl.Records(t.Context(), "", StreamRecords)
	require.NoError(t, err)
	for _, r := range records {
		sorts = append(sorts, r.Key.Sort)
	}
	return sorts
}

// stored returns how many records are in the file.
func stored(t *testing.T, tbl *Table) (n int) {
	t.Helper()
	require.NoError(t, tbl.db.View(func(tx *bbolt.Tx) error { n = tx.Bucket(streamBucket).Stats().KeyN; return nil }))
	return n
}

func streaming(t *testing.T) *Table {
	t.Helper()
	tbl, err := Memory()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, tbl.Close()) })
	require.NoError(t, tbl.KeepRecords("#LOG"))
	return tbl
}

func logged(i int) table.Op {
	return table.Put(table.Item{Key: table.Key{Partition: "T#acme#LOG", Sort: fmt.Sprintf("%04d", i)}})
}

// A stream that nobody consumes keeps the newest records, up to a number and an age.
func TestStream_UnconsumedIsBounded(t *testing.T) {
	tbl := streaming(t)
	tbl.most = 50
	for i := range 500 {
		write(t, tbl, fmt.Sprint(i), logged(i))
	}
	kept := streamed(t, tbl)
	assert.LessOrEqual(t, len(kept), 52)
	assert.GreaterOrEqual(t, len(kept), 50)
	assert.Equal(t, "0499", kept[len(kept)-1])

	now := time.Now()
	tbl.now = func() time.Time { return now.Add(StreamAge + time.Minute) }
	write(t, tbl, "later", logged(500))
	assert.Equal(t, []string{"0500"}, streamed(t, tbl))
}

// What is trimmed leaves the file with the next writes, also with those that add no record,
// and each of them removes more than it adds.
func TestStream_TrimmedRecordsLeaveTheFile(t *testing.T) {
	tbl := streaming(t)
	for i := range 20 {
		var ops []table.Op
		for j := range table.MaxOps {
			ops = append(ops, logged(i*table.MaxOps+j))
		}
		write(t, tbl, fmt.Sprint(i), ops...)
	}
	require.Equal(t, 2000, stored(t, tbl))
	records, err := tbl.Records(t.Context(), "", StreamRecords)
	require.NoError(t, err)
	require.NoError(t, tbl.Trim(records[1989].Sequence))
	for i := range 6 {
		write(t, tbl, fmt.Sprint("other", i), table.Put(table.Item{Key: table.Key{Partition: "T#acme#USERS", Sort: "1"}}))
	}
	assert.Equal(t, 10, stored(t, tbl))
}

// A record that is no record makes the file a damaged one.
func TestOpen_RefusesDamagedRecords(t *testing.T) {
	item := table.Item{Key: table.Key{Partition: "T#acme#LOG", Sort: "1"}, Attributes: table.Attributes{"n": table.Number(1)}}
	good := encodeRecord(changed{key: item.Key, after: &item}, time.Now())
	gone := encodeRecord(changed{key: item.Key, before: &item}, time.Now())
	require.NoError(t, checkRecord(encodeSequence(1), good))
	require.NoError(t, checkRecord(encodeSequence(1), gone))
	unknown := bytes.Clone(good)
	unknown[timeSize] = 3
	for name, value := range map[string][]byte{
		"empty": nil, "cut off": good[:len(good)-1], "too long": append(bytes.Clone(good), 0), "only a time": good[:timeSize],
		"of no known kind": unknown, "removed, with more": append(bytes.Clone(gone), 0),
	} {
		require.Error(t, checkRecord(encodeSequence(1), value), name)
		_, err := decodeRecord(encodeSequence(1), value)
		require.Error(t, err, name)
	}
	require.Error(t, checkRecord([]byte("short"), good))
}
