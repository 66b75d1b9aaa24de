package meter_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/embedded"
	"github.com/rollcall-scim/rollcall/internal/table/meter"
	"github.com/rollcall-scim/rollcall/internal/table/tabletest"
)

func memory(t *testing.T) table.Table {
	t.Helper()
	tbl, err := embedded.Memory()
	require.NoError(t, err)
	t.Cleanup(func() { _ = tbl.Close() })
	return tbl
}

// sized returns an item of exactly this size.
func sized(sort string, size int) table.Item {
	i := table.Item{Key: table.Key{Partition: "p", Sort: sort}, Attributes: table.Attributes{"a": table.Text("")}}
	i.Attributes["a"] = table.Text(strings.Repeat("x", size-table.Size(i)))
	return i
}

func write(ctx context.Context, tbl table.Table, ops ...table.Op) error {
	return tbl.Write(ctx, table.Transaction{Token: tabletest.NewToken(), Ops: ops})
}

// cost returns what f adds to the usage of its context.
func cost(t *testing.T, f func(ctx context.Context)) table.Counts {
	t.Helper()
	ctx, usage := table.WithUsage(t.Context())
	f(ctx)
	return usage.Counts()
}

func TestMeter_KeepsTheContract(t *testing.T) {
	for name, options := range map[string][]meter.Option{"estimate": nil, "exact": {meter.Exact}} {
		t.Run(name, func(t *testing.T) {
			tabletest.Run(t, func(t *testing.T) table.Table { return meter.New(memory(t), options...) })
		})
	}
}

func TestMeter_Reads(t *testing.T) {
	tbl := memory(t)
	for name, size := range map[string]int{"1": 4096, "2": 4097, "3": 100, "4": 12000} {
		require.NoError(t, write(t.Context(), tbl, table.Put(sized(name, size))))
	}
	m := meter.New(tbl)
	key := func(s string) table.Key { return table.Key{Partition: "p", Sort: s} }
	get := func(keys ...table.Key) func(context.Context) error {
		return func(ctx context.Context) error { _, err := m.Get(ctx, keys...); return err }
	}
	query := func(q table.Query) func(context.Context) error {
		return func(ctx context.Context) error { _, err := m.Query(ctx, q); return err }
	}
	for name, c := range map[string]struct {
		read func(context.Context) error
		want table.Counts
	}{
		"4 KB":                 {get(key("1")), table.Counts{RoundTrips: 1, ReadUnits: 1, ItemsRead: 1}},
		"one byte more":        {get(key("2")), table.Counts{RoundTrips: 1, ReadUnits: 2, ItemsRead: 1}},
		"absent":               {get(key("9")), table.Counts{RoundTrips: 1, ReadUnits: 1}},
		"several":              {get(key("1"), key("2"), key("3"), key("9")), table.Counts{RoundTrips: 1, ReadUnits: 1 + 2 + 1 + 1, ItemsRead: 3}},
		"query, sizes summed":  {query(table.Query{Partition: "p"}), table.Counts{RoundTrips: 1, ReadUnits: 5, ItemsRead: 4}}, // 20,293 bytes
		"query that finds one": {query(table.Query{Partition: "p", From: "3", To: "3"}), table.Counts{RoundTrips: 1, ReadUnits: 1, ItemsRead: 1}},
		"query of nothing":     {query(table.Query{Partition: "q"}), table.Counts{RoundTrips: 1, ReadUnits: 1}},
		"refused, never sent":  {query(table.Query{}), table.Counts{}},
	} {
		got := cost(t, func(ctx context.Context) { _ = c.read(ctx) })
		assert.Truef(t, got == c.want, "%s: %+v, want %+v", name, got, c.want)
	}
}

func TestMeter_Writes(t *testing.T) {
	small, large := sized("small", 1024), sized("large", 3000) // 1 and 3 KB started
	absent := table.Key{Partition: "p", Sort: "absent"}
	set := table.Change{Set: table.Attributes{"b": table.Text("1")}}
	grow := table.Change{Set: table.Attributes{"b": table.Text(strings.Repeat("x", 2000))}}
	for name, c := range map[string]struct {
		ops      []table.Op
		exact    float64
		estimate float64
	}{
		"put":                          {[]table.Op{table.Put(sized("new", 1024))}, 2, 2},
		"put, one byte more":           {[]table.Op{table.Put(sized("new", 1025))}, 4, 4},
		"put over a larger item":       {[]table.Op{table.Put(sized("large", 100))}, 6, 2},
		"put over a smaller item":      {[]table.Op{table.Put(sized("small", 3000))}, 6, 6},
		"update":                       {[]table.Op{table.Update(large.Key, set)}, 6, 2},
		"update that fills a new KB":   {[]table.Op{table.Update(small.Key, set)}, 4, 2},
		"update that grows":            {[]table.Op{table.Update(small.Key, grow)}, 6, 4},
		"update of an absent item":     {[]table.Op{table.Update(absent, grow)}, 4, 4},
		"delete":                       {[]table.Op{table.Delete(large.Key)}, 6, 2},
		"delete of an absent item":     {[]table.Op{table.Delete(absent)}, 2, 2},
		"check":                        {[]table.Op{table.Check(large.Key, table.Present())}, 6, 2},
		"check of an absent item":      {[]table.Op{table.Check(absent, table.Absent())}, 2, 2},
		"failed condition costs too":   {[]table.Op{table.Delete(large.Key, table.Absent())}, 6, 2},
		"cancelled with all the rest":  {[]table.Op{table.Delete(absent, table.Present()), table.Put(sized("new", 1025))}, 6, 6},
		"operations are added up":      {[]table.Op{table.Delete(large.Key), table.Delete(small.Key), table.Put(sized("n", 100))}, 10, 6},
		"refused, never sent":          {[]table.Op{table.Check(large.Key)}, 0, 0},
		"addition counts the sum size": {[]table.Op{table.Update(small.Key, table.Change{Add: map[string]int64{"n": 1}})}, 4, 2},
	} {
		t.Run(name, func(t *testing.T) {
			for _, m := range []struct {
				options []meter.Option
				want    float64
			}{{[]meter.Option{meter.Exact}, c.exact}, {nil, c.estimate}} {
				tbl := memory(t)
				require.NoError(t, write(t.Context(), tbl, table.Put(small), table.Put(large)))
				got := cost(t, func(ctx context.Context) { _ = write(ctx, meter.New(tbl, m.options...), c.ops...) })
				want := table.Counts{WriteUnits: m.want}
				if m.want > 0 {
					want.RoundTrips = 1
				}
				assert.Truef(t, got == want, "%d options: %+v, want %+v", len(m.options), got, want)
			}
		})
	}
}

func TestMeter_CountsEveryAttempt(t *testing.T) {
	item := sized("1", 1024)
	f := tabletest.NewFault(memory(t), 1, tabletest.FaultPlan{
		Writes: map[int]tabletest.FaultKind{1: tabletest.Throttled, 2: tabletest.Conflicting, 3: tabletest.AnswerLost},
		Reads:  map[int]tabletest.FaultKind{1: tabletest.Unavailable},
	})
	tbl := table.Retrying(meter.New(f))
	got := cost(t, func(ctx context.Context) {
		assert.NoError(t, write(ctx, tbl, table.Put(item, table.Absent())))
	})
	// The throttled attempt costs no units; the cancelled and the lost one do.
	want := (table.Counts{RoundTrips: 4, Retries: 3, WriteUnits: 6})
	assert.Truef(t, got == want, "write: %+v, want %+v", got, want)
	got = cost(t, func(ctx context.Context) {
		_, err := tbl.Get(ctx, item.Key)
		assert.NoError(t, err)
	})
	want = (table.Counts{RoundTrips: 2, Retries: 1, ReadUnits: 1, ItemsRead: 1})
	assert.Truef(t, got == want, "read: %+v, want %+v", got, want)
}

func TestMeter_ParallelCallsAreOneRoundTrip(t *testing.T) {
	m := meter.New(memory(t))
	got := cost(t, func(ctx context.Context) {
		side := table.Together(ctx)
		for i := range 3 {
			_, _ = m.Get(side, table.Key{Partition: "p", Sort: fmt.Sprint(i)})
		}
		_, _ = m.Get(ctx, table.Key{Partition: "p", Sort: "last"})
	})
	want := (table.Counts{RoundTrips: 2, ReadUnits: 4})
	assert.Truef(t, got == want, "%+v, want %+v", got, want)
}
