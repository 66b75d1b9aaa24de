package store

import (
	"fmt"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// split gives the ledger so many shards.
func (f *fixture) split(want int) {
	f.t.Helper()
	n := 1
	for tries := 0; n < want && tries < 50; tries++ { // a slow table takes too long for one
		var err error
		n, err = f.store.AddShards(f.t.Context(), f.tenant)
		f.must(err)
	}
	require.Equal(f.t, want, n, "the ledger does not grow")
}

// shards reads the shards of the ledger.
func (f *fixture) shards() shards {
	f.t.Helper()
	read, err := f.store.readShards(f.t.Context(), f.tenant)
	f.must(err)
	return read
}

// ledgerDecisions are the changes of the shards of a ledger. The tenant has ten seats and
// ten licences.
func ledgerDecisions(t tenant.ID) []decision {
	is := func(name string, n int64) table.Condition { return table.Is(name, table.Number(n)) }
	first := func(when table.Condition, race string) settled { return settled{ledgerKey(t), when, "", race} }
	grow := func(f *fixture, s *Store) error { _, err := s.AddShards(f.t.Context(), f.tenant); return err }
	limit := func(n int64) func(f *fixture, s *Store) error {
		return func(f *fixture, s *Store) error {
			_, err := s.Ledger(f.t.Context(), f.tenant)
			f.must(err)
			return s.SetSeatLimit(f.t.Context(), f.tenant, n, f.now())
		}
	}
	four := func(f *fixture) { f.split(4) }
	added := func(from, to int) (rows []settled) {
		for i := from; i < to; i++ {
			rows = append(rows, settled{shardKey(t, i), table.Absent(), "", fmt.Sprint("two growths, at shard ", i)})
		}
		return rows
	}
	return []decision{
		{
			name: "more shards of a ledger of one", commit: grow, returned: leftToOthers,
			conditions: append(added(1, 4),
				first(is(attrSeatLimit, 10), "a growth and a change of the seats"),
				first(is(attrReaderLimit, 10), "a growth and a change of the Readers' licences"),
				first(table.Under(attrSeats, 5), "a growth and the grants of the seats that it gives away"),
				first(table.Under(attrReaders, 5), "a growth and the grants of the licences that it gives away"),
			),
		},
		{
			name: "more shards of a ledger of four", given: four, commit: grow, returned: leftToOthers,
			conditions: append(added(4, 16),
				first(is(attrShards, 4), "a growth and a merge"),
				first(is(attrSeatLimit, 4), "a growth and a change of the seats"),
				first(is(attrReaderLimit, 4), "a growth and a change of the Readers' licences"),
				first(table.Under(attrSeats, 5), "a growth and the grants of the seats that it gives away"),
				first(table.Under(attrReaders, 5), "a growth and the grants of the licences that it gives away"),
			),
		},
		{
			name: "a part of a limit that moves", returned: leftToOthers,
			given: func(f *fixture) {
				f.split(4)
				f.must(f.store.SetSeatLimit(f.t.Context(), f.tenant, 12, f.now()))
				f.write(table.Update(shardKey(t, 3), table.Change{Add: map[string]int64{attrSeats: -20, attrMoves: 1}}))
			},
			commit: func(f *fixture, s *Store) error {
				read, err := s.readShards(f.t.Context(), f.tenant)
				s.rebalance(f.t.Context(), f.tenant, read, directory.HoldsSeat)
				return err
			},
			conditions: []settled{
				{shardKey(t, 3), is(attrSeatLimit, 2), "", "two moves from one shard"},
				{shardKey(t, 3), table.Under(attrSeats, -9), "", "a move and the grants of what it gives away"},
				{shardKey(t, 1), table.Present(), "", "a move and a merge"},
				{shardKey(t, 2), table.Present(), "", "a move and a merge of another shard"},
			},
		},
		{
			name: "a merge of shards", given: four, commit: limit(5),
			conditions: []settled{
				first(is(attrShards, 4), "two merges"),
				{shardKey(t, 1), is(attrMoves, 0), "", "a merge and a change of the counts"},
				{shardKey(t, 2), is(attrMoves, 0), "", "a merge and a change of the counts of another shard"},
				{shardKey(t, 3), is(attrMoves, 0), "", "a merge and a change of the counts of the last shard"},
			},
		},
		{
			name: "a seat limit of several shards", given: four, commit: limit(15),
			conditions: []settled{
				first(is(attrSeatTotal, 10), "two changes of the seats"),
				first(is(attrReaderTotal, 10), "two changes of the Readers' licences"),
			},
		},
		{
			name: "a seat limit", commit: limit(5),
			conditions: []settled{
				first(is(attrSeatLimit, 10), "two changes of the seats"),
				first(is(attrReaderLimit, 10), "two changes of the Readers' licences"),
				{shardKey(t, 1), table.Absent(), "", "a limit and a growth"},
			},
		},
	}
}
