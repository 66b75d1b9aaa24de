package store

import (
	"context"
	"slices"
	"time"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

const (
	// spreadTime is how long a request tries to add shards, or to move limits between
	// them. Neither must succeed: the next request tries it again.
	spreadTime = 500 * time.Millisecond
	// leastPart is the smallest average of free seats of a shard for which limits are
	// moved: below it, the last seats are taken where they are.
	leastPart = 4
	// maxReceivers is how many shards get a part of one shard's limit in one
	// transaction: the more items it has, the more conflicts it meets.
	maxReceivers = 7
	// maxFirstMoves bounds the random number from which a shard counts its writes: a
	// shard that was merged and added again must not pass for the one before.
	maxFirstMoves = 1 << 53
)

// growth returns how many shards a ledger of n gets.
func growth(n int) int {
	switch {
	case n < 4:
		return 4
	case n < 16:
		return 16
	}
	return maxShards
}

// grow adds shards to a ledger and divides the free seats and licences of the first
// one among it and them, in one transaction. It reports whether the ledger has
// more shards now. A ledger does not grow beyond WithShards, nor while its use is above
// a limit, nor if there is not enough of what is needed for each new shard. Each
// condition settles a race:
//
//	shard 0     shards is, of several               a growth and a merge
//	            limits are                          a growth and a change of the limits
//	            counts under the limits             a growth and the grants of what it gives away
//	new shards  absent                              two growths
func (s *Store) grow(ctx context.Context, t tenant.ID, read shards, needs directory.Holding) bool {
	if !read.isWhole() || len(read) >= s.mostShards {
		return false
	}
	n, first := len(read), read[0]
	to := growth(n)
	change := table.Change{Set: table.Attributes{attrShards: table.Number(int64(to))}, Add: map[string]int64{attrMoves: 1, attrFrees: 1}}
	var when []table.Condition
	if n == 1 {
		change.Set[attrSeatTotal], change.Set[attrReaderTotal] = table.Number(first.SeatLimit), table.Number(first.ReaderLimit)
	} else {
		when = append(when, table.Is(attrShards, table.Number(int64(n))))
	}
	part := directory.Ledger{SeatLimit: tenant.Unlimited, ReaderLimit: tenant.Unlimited}
	for _, kind := range []directory.Holding{directory.HoldsSeat, directory.HoldsReader} {
		count, name, limit := first.limit(kind)
		when = append(when, table.Is(name, table.Number(limit)))
		if limit == tenant.Unlimited {
			continue
		}
		free := first.free(kind)
		each := free / int64(to-n+1)
		if free < 0 || each == 0 && needs == kind {
			return false
		}
		given := each * int64(to-n)
		when = append(when, table.Under(count, limit-given+1))
		if given > 0 {
			change.Add[name] = -given
		}
		if kind == directory.HoldsSeat {
			part.SeatLimit = each
		} else {
			part.ReaderLimit = each
		}
	}
	ops := []table.Op{table.Update(ledgerKey(t), change, when...)}
	for i := n; i < to; i++ {
		item := ledgerItem(shardKey(t, i), part)
		item.Attributes[attrMoves] = table.Number(s.pick(maxFirstMoves))
		ops = append(ops, table.Put(item, table.Absent()))
	}
	return s.spread(ctx, ops) == nil
}

// even moves limits after a commit that found its shard full, and others not.
func (w *placing) even(ctx context.Context) {
	if w.uneven != nil {
		w.store.rebalance(ctx, w.tenant, w.uneven, w.counts.needs())
	}
}

// rebalance moves a part of the limit of the shard with the most free seats, or
// licences, to shards with few, and reports whether it has moved any. Each condition
// settles a race:
//
//	giving shard      limit is          two moves from one shard
//	                  count under       a move and the grants of what it gives away
//	receiving shards  present           a move and a merge
func (s *Store) rebalance(ctx context.Context, t tenant.ID, read shards, kind directory.Holding) bool {
	if kind == directory.HoldsNothing || len(read) < 2 {
		return false
	}
	sorted := slices.Clone(read)
	slices.SortStableFunc(sorted, func(a, b shard) int {
		switch x, y := a.free(kind), b.free(kind); {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	})
	donor := sorted[len(sorted)-1]
	count, name, limit := donor.limit(kind)
	if limit == tenant.Unlimited {
		return false
	}
	fair := max(0, read.free(kind)) / int64(len(read))
	if fair < leastPart {
		return false
	}
	var ops []table.Op
	var given int64
	for _, to := range sorted[:len(sorted)-1] {
		part := min(fair-to.free(kind), donor.free(kind)-fair-given)
		if to.free(kind) > fair/2 || part <= 0 || len(ops) == maxReceivers {
			break
		}
		given += part
		ops = append(ops, table.Update(shardKey(t, to.number),
			table.Change{Add: map[string]int64{name: part, attrMoves: 1, attrFrees: 1}}, table.Present()))
	}
	if given == 0 {
		return false
	}
	ops = append(ops, table.Update(shardKey(t, donor.number), table.Change{Add: map[string]int64{name: -given, attrMoves: 1}},
		table.Is(name, table.Number(limit)), table.Under(count, limit-given+1)))
	return s.spread(ctx, ops) == nil
}

// spread sends a transaction that may fail.
func (s *Store) spread(ctx context.Context, ops []table.Op) error {
	ctx, cancel := context.WithTimeout(ctx, spreadTime)
	defer cancel()
	return s.transact(ctx, table.Transaction{Ops: ops})
}

// AddShards adds shards to a ledger, as contention does, and returns how many it has.
func (s *Store) AddShards(ctx context.Context, t tenant.ID) (int, error) {
	read, err := s.readShards(ctx, t)
	if err != nil {
		return 0, err
	}
	if s.grow(ctx, t, read, directory.HoldsNothing) {
		read, err = s.readShards(ctx, t)
	}
	return len(read), err
}
