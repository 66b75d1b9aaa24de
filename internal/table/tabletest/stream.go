package tabletest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/table"
)

// StreamSuffix ends the names of the partitions that the streams of RunStream have.
const StreamSuffix = "#LOG"

// RunStream checks what the stream of an engine has of the changes of a table. open returns
// an empty table, and a function that returns all records of its stream so far.
func RunStream(t *testing.T, open func(t *testing.T) (tbl table.Table, records func(t *testing.T) []table.Record)) {
	t.Helper()
	tbl, records := open(t)
	// DynamoDB rounds the time down to the second, DynamoDB Local to the minute.
	start := time.Now().Add(-time.Minute - time.Second)
	key := func(sort string) table.Key { return table.Key{Partition: "T#acme" + StreamSuffix, Sort: sort} }
	entry := func(sort, name string, n int64) table.Item {
		return table.Item{Key: key(sort), Attributes: table.Attributes{"name": table.Text(name), "n": table.Number(n)}}
	}
	elsewhere := table.Key{Partition: "T#acme#USERS", Sort: "a"}

	first := table.Transaction{Token: NewToken(), Ops: []table.Op{table.Put(entry("a", "Änna", -1), table.Absent()), table.Put(table.Item{Key: elsewhere})}}
	require.NoError(t, tbl.Write(t.Context(), first))
	require.NoError(t, tbl.Write(t.Context(), first), "the same transaction again")
	var failed *table.ConditionError
	require.ErrorAs(t, write(t, tbl, table.Put(entry("a", "other", 2), table.Absent()), table.Put(entry("b", "b", 2))), &failed)
	mustWrite(t, tbl, table.Check(key("a"), table.Present()))
	mustWrite(t, tbl, table.Put(entry("a", "Änna", -1)), table.Delete(key("none"))) // changes nothing
	mustWrite(t, tbl, table.Update(key("a"), table.Change{Add: map[string]int64{"n": 5}, Remove: []string{"name"}}))
	mustWrite(t, tbl, table.Put(entry("b", "b", 1)), table.Put(entry("c", "c", 1)), table.Delete(key("a")))
	mustWrite(t, tbl, table.Put(entry("a", "again", 3)))

	got := records(t)
	of := map[string][]table.Record{}
	for i, r := range got {
		assert.NotEmpty(t, r.Sequence)
		require.NoError(t, r.Fault)
		assert.False(t, r.Time.Before(start) || r.Time.After(time.Now().Add(2*time.Second)), "the time %v", r.Time)
		for _, other := range got[:i] {
			assert.NotEqual(t, other.Sequence, r.Sequence, "two records have the same sequence")
		}
		r.Sequence, r.Time = "", time.Time{}
		of[r.Key.Sort] = append(of[r.Key.Sort], r)
	}
	inserted := func(item table.Item) table.Record {
		return table.Record{Inserted: true, Key: item.Key, Item: &item}
	}
	assert.Equal(t, map[string][]table.Record{
		"a": {
			inserted(entry("a", "Änna", -1)),
			{Key: key("a"), Item: &table.Item{Key: key("a"), Attributes: table.Attributes{"n": table.Number(4)}}},
			{Key: key("a")},
			inserted(entry("a", "again", 3)),
		},
		"b": {inserted(entry("b", "b", 1))},
		"c": {inserted(entry("c", "c", 1))},
	}, of)
}
