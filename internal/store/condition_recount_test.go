package store

import (
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// recountDecisions are the transactions of Recount.
func recountDecisions(t tenant.ID) []decision {
	recount := func(f *fixture, s *Store) error {
		_, err := s.Recount(f.t.Context(), f.tenant, Repairer{Apply: true})
		return err
	}
	damaged := func(shards int, ops ...table.Op) func(f *fixture) {
		return func(f *fixture) {
			f.users("u1")
			if shards > 1 {
				_, err := f.store.AddShards(f.t.Context(), f.tenant)
				f.must(err)
			}
			f.write(append(f.counted(shards-1, attrSeats, 1), ops...)...)
		}
	}
	settings, _ := encodeSettings(tenant.DefaultSettings())
	lives := settled{tenantKey(t), table.Is(attrSettings, table.Text(settings)), "", "a recount and the deletion of the tenant"}
	entry := settled{logKey(t, "id-*", 0), table.Absent(), "", "two entries under one name"}
	moves := func(shard int, n int64) settled {
		return settled{shardKey(t, shard), table.Is(attrMoves, table.Number(n)), "", "a recount and a change that is counted"}
	}
	// same are the rows of the counts and limits of the first shard, in their order.
	same := func(seats, seatLimit, readers, readerLimit, users, groups int64) (rows []settled) {
		names := []string{attrSeats, attrSeatLimit, attrReaders, attrReaderLimit, attrUsers, attrGroups}
		for i, n := range []int64{seats, seatLimit, readers, readerLimit, users, groups} {
			race := "a recount and a version that writes no moves, " + names[i]
			rows = append(rows, settled{shardKey(t, 0), table.Is(names[i], table.Number(n)), "", race})
		}
		return rows
	}
	return []decision{
		{
			name: "a recount of one shard", given: damaged(1), commit: recount,
			conditions: append(same(1, 10, 0, 10, 1, 0), lives, entry, moves(0, 1)),
		},
		{
			name: "a recount of several shards", given: damaged(4), commit: recount,
			conditions: append(same(0, 4, 0, 4, 1, 0), lives, entry, moves(0, 2), moves(1, 0), moves(2, 0), moves(3, 0)),
		},
		{
			name: "a recount without the first shard", given: damaged(4, table.Delete(shardKey(t, 0))), commit: recount,
			conditions: []settled{
				lives, entry, {shardKey(t, 0), table.Absent(), "", "two recounts of a lost shard"}, moves(1, 0), moves(2, 0), moves(3, 0),
			},
		},
		{
			name: "a recount of a ledger of an earlier version", commit: recount,
			given: func(f *fixture) {
				f.write(table.Update(shardKey(t, 0), table.Change{Remove: []string{attrMoves}, Add: map[string]int64{attrSeats: 1}}))
			},
			conditions: []settled{{shardKey(t, 0), table.Present(), "", "a recount and the end of the ledger"}},
		},
	}
}
