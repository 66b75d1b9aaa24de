package tail_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/embedded"
	"github.com/rollcall-scim/rollcall/internal/table/tabletest"
	"github.com/rollcall-scim/rollcall/internal/table/tail"
)

func tailed(t *testing.T) *tail.Table {
	t.Helper()
	tbl, err := embedded.Memory()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, tbl.Close()) })
	return tail.New(tbl, time.Now, "#LOG", "#LEDGER")
}

func write(t *testing.T, tbl table.Table, ops ...table.Op) error {
	t.Helper()
	return tbl.Write(t.Context(), table.Transaction{Token: tabletest.NewToken(), Ops: ops})
}

func item(partition, sort string) table.Item {
	return table.Item{Key: table.Key{Partition: partition, Sort: sort}, Attributes: table.Attributes{"n": table.Number(1)}}
}

func sorts(t *testing.T, tbl *tail.Table, after string) (names []string) {
	t.Helper()
	records, err := tbl.Records(t.Context(), after, 100)
	require.NoError(t, err)
	for _, r := range records {
		names = append(names, r.Key.Sort)
	}
	return names
}

func TestWrite_AddsRecordsOfAppliedTransactions(t *testing.T) {
	tbl := tailed(t)
	require.NoError(t, write(t, tbl, table.Put(item("T#acme#LOG", "1"), table.Absent()), table.Put(item("T#acme#USERS", "u"))))
	var failed *table.ConditionError
	require.True(t, errors.As(write(t, tbl, table.Put(item("T#acme#LOG", "1"), table.Absent()), table.Put(item("T#acme#LOG", "2"))), &failed))
	ledger := table.Key{Partition: "T#acme#LEDGER", Sort: "0"}
	require.NoError(t, write(t, tbl, table.Update(ledger, table.Change{Add: map[string]int64{"seats": 2}})))
	require.NoError(t, write(t, tbl, table.Check(ledger, table.Present())))
	require.NoError(t, write(t, tbl, table.Delete(ledger)))
	records, err := tbl.Records(t.Context(), "", 100)
	require.NoError(t, err)
	require.Len(t, records, 3)
	one := item("T#acme#LOG", "1")
	assert.Equal(t, &one, records[0].Item)
	assert.True(t, records[0].Inserted)
	assert.False(t, records[0].Time.IsZero())
	assert.Equal(t, &table.Item{Key: ledger, Attributes: table.Attributes{"seats": table.Number(2)}}, records[1].Item)
	assert.False(t, records[1].Inserted)
	assert.Nil(t, records[2].Item)
	assert.Equal(t, ledger, records[2].Key)
}

func TestRecords_AreReadInPagesAndTrimmed(t *testing.T) {
	tbl := tailed(t)
	assert.Empty(t, sorts(t, tbl, ""))
	for i := range 5 {
		require.NoError(t, write(t, tbl, table.Put(item("T#acme#LOG", fmt.Sprint(i)))))
	}
	<-tbl.Changed()
	page, err := tbl.Records(t.Context(), "", 2)
	require.NoError(t, err)
	require.Len(t, page, 2)
	assert.Equal(t, []string{"2", "3", "4"}, sorts(t, tbl, page[1].Sequence))
	require.NoError(t, tbl.Trim(page[0].Sequence))
	assert.Equal(t, []string{"1", "2", "3", "4"}, sorts(t, tbl, ""))
	require.Error(t, tbl.Trim("x"))
}

// What nobody consumes is bounded.
func TestRecords_KeepsTheNewest(t *testing.T) {
	tbl := tailed(t)
	for i := range tail.MaxRecords/table.MaxOps + 1 {
		var ops []table.Op
		for j := range table.MaxOps {
			ops = append(ops, table.Put(item("T#acme#LOG", fmt.Sprintf("%06d", i*table.MaxOps+j))))
		}
		require.NoError(t, write(t, tbl, ops...))
	}
	records, err := tbl.Records(t.Context(), "", 2*tail.MaxRecords)
	require.NoError(t, err)
	require.Len(t, records, tail.MaxRecords)
	assert.Equal(t, fmt.Sprintf("%06d", table.MaxOps), records[0].Key.Sort)
}
