package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// ErrMoving says that a ledger was not recounted, because requests changed it during
// each reading of the records.
var ErrMoving = errors.New("requests changed the counts during each reading of the records")

// Recounted is the result of Recount.
type Recounted struct {
	// Faults are what is wrong with the ledger; without any, nothing is written.
	Faults []string
	// Change is what there was, and what there is then.
	Change string
	// Entry is the entry of the log, "" if nothing was written.
	Entry string
}

// Recount sets the counts of a tenant's ledger to those of its records, in one shard.
//
// It is exact. Every change of a record that is counted writes a shard in the same
// transaction, and each write of a shard changes its moves. If two countings have the
// same result, and no shard moved from before the first until the transaction, the
// counts are those of the records at that moment: the transaction requires each shard
// as it was read. A single counting would not do: for a moment after a transaction its
// write of the ledger may be visible, and that of the record not yet.
//
//	shard 0       moves is, or absent     a recount and any change that is counted
//	              counts, limits are      the same, by a version that writes no moves
//	other shards  moves is                the same; a recount and a merge
//	tenant        settings are            a recount and the deletion of the tenant
//	log entry     absent                  no change without its entry
//
// The limits stay. Those of a ledger whose first shard is lost are lost too: nothing
// is granted until they are set again.
func (s *Store) Recount(ctx context.Context, t tenant.ID, by Repairer) (Recounted, error) {
	for range maxCounts {
		found, ok, err := s.Tenant(ctx, t)
		switch {
		case err != nil:
			return Recounted{}, err
		case !ok:
			return Recounted{}, tenant.ErrNotFound
		case found.Settings.Ending:
			return Recounted{}, tenant.ErrEnding
		}
		c, exact, err := s.countTwice(ctx, t)
		if err != nil {
			return Recounted{}, err
		}
		if !exact {
			continue
		}
		done := c.recounted(t)
		if len(done.Faults) == 0 || !by.Apply {
			return done, nil
		}
		if first := c.after; len(first) > 0 && first[0].number == 0 && !first[0].item.Attributes.Has(attrMoves) {
			// An earlier version stored it.
			if err := s.beginMoves(ctx, t); err != nil {
				return Recounted{}, err
			}
			continue
		}
		done.Entry, err = s.setCounts(ctx, found, c, done, by)
		var failed *directory.CommitError
		if !errors.As(err, &failed) {
			return done, err
		}
	}
	return Recounted{}, ErrMoving
}

// countTwice counts the records twice. The counts are exact if both have the same
// result and no shard of the ledger moved.
func (s *Store) countTwice(ctx context.Context, t tenant.ID) (c counting, exact bool, err error) {
	if c, err = s.count(ctx, t); err != nil || !c.still() {
		return c, false, err
	}
	again, err := s.count(ctx, t)
	return again, err == nil && again.same(c), err
}

// same reports whether another counting has the same result, and no shard moved in
// either.
func (c *counting) same(other counting) bool {
	return c.still() && other.still() && c.before.print() == other.after.print() && c.counts == other.counts
}

// beginMoves begins to count the writes of a ledger of an earlier version.
func (s *Store) beginMoves(ctx context.Context, t tenant.ID) error {
	return s.attempt(ctx, operation{Op: table.Update(ledgerKey(t), table.Change{Add: map[string]int64{attrMoves: 1}}, table.Present())})
}

// recounted describes what is wrong with the ledger.
func (c *counting) recounted(t tenant.ID) Recounted {
	a := newAudit(t)
	a.counts = c.counts
	a.shards(c.ledger(), true)
	var r Recounted
	for _, f := range append(a.faults, c.faults()...) {
		r.Faults = append(r.Faults, f.Problem)
	}
	if len(r.Faults) > 0 {
		l := c.recount()
		r.Change = fmt.Sprintf("%s: set to %d seats, %d readers, %d users and %d groups in one shard",
			strings.Join(r.Faults, ", "), l.Seats, l.Readers, l.Users, l.Groups)
		if len(c.ledger()) == 0 {
			r.Change += "; the limits are lost with the first shard: set them again"
		}
	}
	return r
}

// ledger returns the shards, none if the first one is lost.
func (c *counting) ledger() shards {
	if len(c.after) == 0 || c.after[0].number != 0 {
		return nil
	}
	return c.after
}

// recount returns the ledger that the tenant should have.
func (c *counting) recount() directory.Ledger {
	l := c.counts
	// Nothing is granted below a limit that is lost.
	l.SeatLimit, l.ReaderLimit = l.Seats, l.Readers
	read := c.ledger()
	if len(read) == 0 {
		return l
	}
	first := read[0].item.Attributes
	l.SeatLimit, l.ReaderLimit = read[0].SeatLimit, read[0].ReaderLimit
	if len(read) > 1 || shardsOf(first) > 1 {
		sum := read.sum()
		l.SeatLimit, l.ReaderLimit = sum.SeatLimit, sum.ReaderLimit
	}
	if first.Has(attrSeatTotal) {
		l.SeatLimit = first.Number(attrSeatTotal)
	}
	if first.Has(attrReaderTotal) {
		l.ReaderLimit = first.Number(attrReaderTotal)
	}
	return l
}

// setCounts writes a ledger of one shard, and returns the entry of the log.
func (s *Store) setCounts(ctx context.Context, t tenant.Tenant, c counting, r Recounted, by Repairer) (string, error) {
	l, was := c.recount(), c.after.sum()
	e := journal.Entry{
		RequestID: s.newID(), Time: s.now(), By: journal.ByApplication, Who: by.Who,
		Operation: journal.Repair, Action: journal.Repaired, Outcome: journal.Success,
		ResourceType: journal.TypeTenant, ResourceID: t.ID.String(), Detail: r.Change,
		Seats: l.Seats - was.Seats, Readers: l.Readers - was.Readers,
	}
	item := ledgerItem(ledgerKey(t.ID), l)
	first := table.Put(item, table.Absent())
	others := c.after
	if len(c.ledger()) > 0 {
		delete(item.Attributes, attrMoves)
		first = table.Update(item.Key, table.Change{
			Set: item.Attributes, Add: map[string]int64{attrMoves: 1}, Remove: []string{attrShards, attrSeatTotal, attrReaderTotal},
		}, append(c.after[0].sameCounts(), table.Is(attrMoves, table.Number(c.after[0].moves())))...)
		others = c.after[1:]
	}
	operations := []operation{
		{Op: table.Check(tenantKey(t.ID), sameSettings(t))},
		{Op: first},
		{Op: logOp(t.ID, e, nil, e.Time.Add(t.Settings.LogRetention()))},
	}
	for _, other := range others {
		operations = append(operations, operation{Op: table.Delete(shardKey(t.ID, other.number), table.Is(attrMoves, table.Number(other.moves())))})
	}
	if err := s.commit(ctx, s.now().Add(journal.WriteTime), operations); err != nil {
		return "", err
	}
	s.shards.forget(t.ID)
	return e.Key(), nil
}

// sameCounts returns the conditions that counts and limits are as read.
func (s shard) sameCounts() (when []table.Condition) {
	for _, name := range []string{attrSeats, attrSeatLimit, attrReaders, attrReaderLimit, attrUsers, attrGroups} {
		if a := s.item.Attributes; a.Has(name) {
			when = append(when, table.Is(name, table.Number(a.Number(name))))
		}
	}
	return when
}

// moves returns the number of writes of the shard.
func (s shard) moves() int64 { return s.item.Attributes.Number(attrMoves) }
