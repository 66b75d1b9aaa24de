package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

const (
	// maxLimitChanges is how many transactions a change of limits sends when the number
	// of shards changes meanwhile.
	maxLimitChanges = 5
	// maxMerges is how many transactions merge the shards of a ledger: one for each,
	// and as many that meet a change of the shard.
	maxMerges = 2 * maxShards
	// maxRebalances is how many times a raised limit is divided among shards.
	maxRebalances = 5
)

// limits are the limits of a tenant.
type limits struct{ seats, readers int64 }

// ChangeTenant changes a tenant from one state to another. The condition is
// that settings and limits are as they were read: of two concurrent changes by
// administrators, one is decided again.
func (s *Store) ChangeTenant(ctx context.Context, before, after tenant.Tenant, now time.Time) error {
	encoded, err := encodeSettings(after.Settings)
	if err != nil {
		return err
	}
	settings := table.Update(tenantKey(before.ID), table.Change{Set: table.Attributes{attrSettings: table.Text(encoded)}}, sameSettings(before))
	return s.changeLimits(ctx, before.ID, now,
		limits{before.MaxSeats, before.MaxReaders}, limits{after.MaxSeats, after.MaxReaders}, settings)
}

// SetSeatLimit changes how many seats a tenant has. A limit below the use does
// not revoke a seat; none is granted until the use is below it.
func (s *Store) SetSeatLimit(ctx context.Context, t tenant.ID, limit int64, now time.Time) error {
	for range maxLimitChanges {
		item, ok, err := s.read(ctx, ledgerKey(t))
		if err != nil {
			return err
		}
		if !ok {
			return tenant.ErrNotFound
		}
		s.shards.learn(t, item.Attributes)
		seats, readers := decodeLimits(item.Attributes)
		err = s.changeLimits(ctx, t, now, limits{seats, readers}, limits{limit, readers})
		if !errors.Is(err, tenant.ErrChanged) {
			return err
		}
	}
	return fmt.Errorf("%w: the limits changed at each attempt", directory.ErrBusy)
}

// changeLimits changes the limits of a ledger, together with other operations. Each
// condition settles a race:
//
//	limits          as before, or their totals      two changes of the limits
//	second shard    absent, to change those of one  a change and a growth
//
// A raised limit is added to the first shard. For all other changes there must be
// one shard: others could grant a seat while the use is above a lowered limit.
func (s *Store) changeLimits(ctx context.Context, t tenant.ID, now time.Time, before, after limits, others ...table.Op) error {
	for range maxLimitChanges {
		n := s.shards.number(t)
		if n > 1 && !before.canRise(after) {
			if err := s.merge(ctx, t); err != nil {
				return err
			}
			n = 1
		}
		ops := append(others[:len(others):len(others)], before.ops(t, n, after)...)
		err := s.write(ctx, now.Add(journal.WriteTime), ops...)
		if err == nil {
			s.divide(ctx, t, before, after)
			return nil
		}
		var failed *table.ConditionError
		if !errors.As(err, &failed) {
			return writeError(err)
		}
		read, err := s.readShards(ctx, t)
		if err != nil {
			return err
		}
		// It is sent in another form only if the number of shards was another one.
		if len(read) == 0 || shardsOf(read[0].item.Attributes) == n || failed.Failed[0].Op < len(others) {
			return tenant.ErrChanged
		}
	}
	return tenant.ErrChanged
}

// canRise reports whether a change of limits only adds to them.
func (l limits) canRise(after limits) bool {
	rises := func(before, after int64) bool {
		return before == after || before < after && after != tenant.Unlimited
	}
	return rises(l.seats, after.seats) && rises(l.readers, after.readers)
}

// ops change the limits of a ledger of n shards.
func (l limits) ops(t tenant.ID, n int, after limits) []table.Op {
	if n > 1 {
		var same []table.Condition
		add := map[string]int64{attrMoves: 1, attrFrees: 1}
		for _, c := range []struct {
			limit, total  string
			before, after int64
		}{
			{attrSeatLimit, attrSeatTotal, l.seats, after.seats},
			{attrReaderLimit, attrReaderTotal, l.readers, after.readers},
		} {
			same = append(same, table.Is(c.total, table.Number(c.before)))
			if c.before != c.after {
				add[c.limit], add[c.total] = c.after-c.before, c.after-c.before
			}
		}
		return []table.Op{table.Update(ledgerKey(t), table.Change{Add: add}, same...)}
	}
	ops := []table.Op{table.Update(ledgerKey(t), table.Change{
		Set: table.Attributes{attrSeatLimit: table.Number(after.seats), attrReaderLimit: table.Number(after.readers)},
		Add: map[string]int64{attrMoves: 1},
	}, table.Is(attrSeatLimit, table.Number(l.seats)), table.Is(attrReaderLimit, table.Number(l.readers)))}
	if l != after {
		ops = append(ops, table.Check(shardKey(t, 1), table.Absent()))
	}
	return ops
}

// divide moves a raised limit from the first shard to the others.
func (s *Store) divide(ctx context.Context, t tenant.ID, before, after limits) {
	if s.shards.number(t) == 1 {
		return
	}
	for _, c := range []struct {
		kind  directory.Holding
		rises bool
	}{{directory.HoldsSeat, before.seats < after.seats}, {directory.HoldsReader, before.readers < after.readers}} {
		for n := 0; c.rises && n < maxRebalances; n++ {
			read, err := s.readShards(ctx, t)
			if err != nil || !s.rebalance(ctx, t, read, c.kind) {
				break
			}
		}
	}
}

// merge adds the shards of a ledger to the first one, the last ones first, and
// deletes them: as many as possible in one transaction, and fewer while they change.
// Each condition settles a race:
//
//	merged shards  moves is    a merge and a change of the counts
//	shard 0        shards is   two merges, a merge and a growth
func (s *Store) merge(ctx context.Context, t tenant.ID) error {
	most := maxShards
	for range maxMerges {
		read, err := s.readShards(ctx, t)
		if err != nil || len(read) == 0 || read.isOne() {
			return err
		}
		if !read.isNumbered() {
			continue
		}
		most = min(most, len(read)-1)
		err = s.write(ctx, s.now().Add(journal.WriteTime), read.mergeOps(t, most)...)
		var failed *table.ConditionError
		switch {
		case err == nil:
		case errors.As(err, &failed):
			most = max(1, most/2)
		default:
			return writeError(err)
		}
	}
	return fmt.Errorf("%w: the shards of the ledger changed at each attempt to merge them", directory.ErrBusy)
}

// mergeOps merge the last shards, so many, into the first one.
func (r shards) mergeOps(t tenant.ID, most int) []table.Op {
	left := len(r) - most
	merged := r[left:]
	l := merged.sum()
	add := counts{l.Seats, l.Readers, l.Users, l.Groups}.add()
	add[attrFrees] = 1
	if l.SeatLimit != tenant.Unlimited && l.SeatLimit != 0 {
		add[attrSeatLimit] = l.SeatLimit
	}
	if l.ReaderLimit != tenant.Unlimited && l.ReaderLimit != 0 {
		add[attrReaderLimit] = l.ReaderLimit
	}
	change := table.Change{Add: add, Set: table.Attributes{attrShards: table.Number(int64(left))}}
	if left == 1 {
		change.Set, change.Remove = nil, []string{attrShards, attrSeatTotal, attrReaderTotal}
	}
	ops := []table.Op{table.Update(ledgerKey(t), change, table.Is(attrShards, table.Number(int64(len(r)))))}
	for _, s := range merged {
		ops = append(ops, table.Delete(shardKey(t, s.number), table.Is(attrMoves, table.Number(s.item.Attributes.Number(attrMoves)))))
	}
	return ops
}
