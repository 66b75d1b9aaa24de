package embedded_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/embedded"
)

// BenchmarkWrite_Stream measures what the stream costs a write of five items, of which one has
// a record, without a stream, with one, and with one that is consumed.
func BenchmarkWrite_Stream(b *testing.B) {
	for _, kind := range []string{"none", "kept", "consumed"} {
		b.Run(kind, func(b *testing.B) {
			tbl, err := embedded.Memory()
			require.NoError(b, err)
			defer func() { require.NoError(b, tbl.Close()) }()
			if kind != "none" {
				require.NoError(b, tbl.KeepRecords("#LOG"))
			}
			item := func(partition, sort string) table.Op {
				return table.Put(table.Item{Key: table.Key{Partition: partition, Sort: sort}, Attributes: table.Attributes{"doc": table.Text(fmt.Sprintf("%400s", sort))}})
			}
			for n := 0; b.Loop(); n++ {
				sort := fmt.Sprintf("%08d", n)
				ops := []table.Op{item("T#acme#LOG", sort)}
				for i := range 4 {
					ops = append(ops, item(fmt.Sprint("T#acme#", i), sort))
				}
				require.NoError(b, tbl.Write(b.Context(), table.Transaction{Token: sort, Ops: ops}))
				if kind == "consumed" {
					require.NoError(b, tbl.Trim(fmt.Sprintf("%020d", n+1)))
				}
			}
		})
	}
}
