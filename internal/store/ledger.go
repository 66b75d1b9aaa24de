package store

import (
	"context"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// The attributes of a shard of a ledger: counts and limits, all numbers. A tenant
// without a limit has tenant.Unlimited in every shard, so that "seats below
// seatLimit" is the condition of every grant.
//
// A count is the sum over all shards. In one shard it may be negative: a seat that
// was taken in one may be freed in another. A limit is divided among the shards,
// and no part is less than the use of its shard: so the free seats of a tenant
// are the sum of those of its shards, and each shard grants its own. Only a
// ledger of one shard may be above its limit, after the limit was lowered.
const (
	attrSeats       = "seats"
	attrSeatLimit   = "seatLimit"
	attrReaders     = "readers"
	attrReaderLimit = "readerLimit"
	attrUsers       = "users"
	attrGroups      = "groups"
	// attrMoves counts the writes of a shard, from a random number: a shard with the same
	// number at two times did not change between them, and was not merged and added again.
	attrMoves = "moves"
	// attrFrees counts those of them that may have freed a seat or a licence in the
	// shard, or changed the number of shards: a full shard with the same number at two
	// times was full between them.
	attrFrees = "frees"
)

// The attributes of the first shard of a ledger that has several.
const (
	attrShards      = "shards" // how many there are, numbered from 0; absent means 1
	attrSeatTotal   = "seatTotal"
	attrReaderTotal = "readerTotal" // the limits of all shards together
)

func ledgerItem(key table.Key, l directory.Ledger) table.Item {
	return table.Item{Key: key, Attributes: table.Attributes{
		attrSeats:       table.Number(l.Seats),
		attrSeatLimit:   table.Number(l.SeatLimit),
		attrReaders:     table.Number(l.Readers),
		attrReaderLimit: table.Number(l.ReaderLimit),
		attrUsers:       table.Number(l.Users),
		attrGroups:      table.Number(l.Groups),
		attrMoves:       table.Number(0),
	}}
}

func decodeLedger(a table.Attributes) directory.Ledger {
	return directory.Ledger{
		Seats:       a.Number(attrSeats),
		SeatLimit:   a.Number(attrSeatLimit),
		Readers:     a.Number(attrReaders),
		ReaderLimit: a.Number(attrReaderLimit),
		Users:       a.Number(attrUsers),
		Groups:      a.Number(attrGroups),
		Moves:       a.Number(attrMoves),
	}
}

// decodeLimits returns the limits of a tenant, given the first shard of its
// ledger.
func decodeLimits(first table.Attributes) (seats, readers int64) {
	if shardsOf(first) > 1 {
		return first.Number(attrSeatTotal), first.Number(attrReaderTotal)
	}
	return first.Number(attrSeatLimit), first.Number(attrReaderLimit)
}

// shardsOf returns how many shards a ledger has, given the first one.
func shardsOf(first table.Attributes) int {
	return max(1, int(first.Number(attrShards)))
}

// counts are what a change adds to a ledger.
type counts struct {
	seats, readers, users, groups int64
}

// countsOf returns what a change of a user adds to the ledger.
func countsOf(before, after *directory.User) counts {
	added := func(was, is bool) int64 {
		switch {
		case is && !was:
			return 1
		case was && !is:
			return -1
		}
		return 0
	}
	return counts{
		seats:   added(before.Holds() == directory.HoldsSeat, after.Holds() == directory.HoldsSeat),
		readers: added(before.Holds() == directory.HoldsReader, after.Holds() == directory.HoldsReader),
		users:   added(before.Live(), after.Live()),
	}
}

// countOp updates a shard together with the change that it belongs to. It settles
// the race for the last seat: of two requests, the second finds that no seat is
// free.
func countOp(t tenant.ID, shard int, c counts) table.Op {
	when := []table.Condition{table.Present()}
	if c.seats > 0 {
		when = []table.Condition{table.Below(attrSeats, attrSeatLimit)}
	}
	if c.readers > 0 {
		when = []table.Condition{table.Below(attrReaders, attrReaderLimit)}
	}
	return table.Update(shardKey(t, shard), table.Change{Add: c.add()}, when...)
}

// add returns the attributes that change, with the count of the writes.
func (c counts) add() map[string]int64 {
	add := map[string]int64{attrMoves: 1}
	if c.seats < 0 || c.readers < 0 {
		add[attrFrees] = 1
	}
	for name, n := range map[string]int64{attrSeats: c.seats, attrReaders: c.readers, attrUsers: c.users, attrGroups: c.groups} {
		if n != 0 {
			add[name] = n
		}
	}
	return add
}

// maxSnapshots is how many pairs of reads Ledger compares.
const maxSnapshots = 4

// Ledger reads a tenant's counts and limits. Those of several shards are read
// until two reads are equal: what they show was true between them.
func (s *Store) Ledger(ctx context.Context, t tenant.ID) (directory.Ledger, error) {
	if s.shards.number(t) == 1 {
		item, _, err := s.read(ctx, ledgerKey(t))
		if err != nil || s.shards.learn(t, item.Attributes) == 1 {
			return decodeLedger(item.Attributes), err
		}
	}
	read, still, err := s.snapshot(ctx, t, maxSnapshots)
	l := read.sum()
	if len(read) > 0 { // parts that are moving may add up to another limit
		l.SeatLimit, l.ReaderLimit = decodeLimits(read[0].item.Attributes)
	}
	l.Approximate = len(read) > 0 && !(still && read.isWhole())
	return l, err
}

// snapshot reads the shards of a ledger until two reads are equal: then they are of
// one moment, between the two. still reports whether they are.
func (s *Store) snapshot(ctx context.Context, t tenant.ID, tries int) (read shards, still bool, err error) {
	read, err = s.readShards(ctx, t)
	for range tries {
		if err != nil || len(read) == 0 || read.isOne() {
			return read, true, err
		}
		before := read.print()
		if read, err = s.readShards(ctx, t); err == nil && read.print() == before {
			return read, true, nil
		}
	}
	return read, false, err
}
