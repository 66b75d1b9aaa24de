package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

const (
	// maxAttempts is how many transactions one commit sends when other requests
	// take the free seats of the shards that it chooses. At each attempt another
	// request has made progress.
	maxAttempts = 32
	// maxLeft is how many times a commit leaves a shard because of conflicts on it.
	maxLeft = 3
	// maxUnproved is how many times a commit finds all shards full without a proof that
	// they were all the time.
	maxUnproved = 6
)

// placing is a commit that changes a ledger, in progress: its choice of a shard.
type placing struct {
	store    *Store
	tenant   tenant.ID
	counts   counts
	notAfter time.Time
	// shard is the chosen shard, of as many as known.
	shard, known int
	// left is how many times it has left a shard because of conflicts.
	left int
	// unproved is how many times it has found all shards full without a proof.
	unproved int
	// uneven are the shards as read when the chosen one was full and others were not.
	uneven shards
}

// commitCounted sends operations as one transaction that also changes the counts of
// the ledger, in any of its shards.
//
//   - If others are changing the shard, it adds shards to the ledger, or chooses
//     another one.
//   - If the shard is full, and this is all that refuses the transaction, it chooses
//     one with free seats.
//   - If none is free, the refusal must be true at one moment: all shards were full
//     before and after the transaction that was refused for nothing else, and none
//     was freed in between.
func (s *Store) commitCounted(ctx context.Context, t tenant.ID, notAfter time.Time, operations []operation, c counts) error {
	if c == (counts{}) {
		return s.commit(ctx, notAfter, operations)
	}
	w := &placing{store: s, tenant: t, counts: c, notAfter: notAfter, known: s.shards.number(t)}
	if w.known > 1 {
		w.shard = int(s.pick(int64(w.known)))
	}
	for attempt := range maxAttempts {
		if attempt > 0 {
			table.Add(ctx, table.Counts{Retries: 1})
		}
		full := s.shards.full(t, c.needs())
		err := w.send(ctx, operations)
		var failed *table.ConditionError
		switch {
		case err == nil:
			w.even(ctx)
			return nil
		case errors.As(err, &failed):
			if err := w.refused(ctx, operations, failed, full); err != nil {
				return err
			}
		case w.left < maxLeft && conflictsOn(err, len(operations)):
			if err := w.leave(ctx); err != nil {
				return err
			}
		default:
			return writeError(err)
		}
	}
	return fmt.Errorf("%w: the shards of the ledger changed at each attempt", directory.ErrBusy)
}

// send sends the operations together with that on the chosen shard.
func (w *placing) send(ctx context.Context, operations []operation) error {
	ops := make([]table.Op, 0, len(operations)+1)
	for _, o := range operations {
		ops = append(ops, o.Op)
	}
	tx := table.Transaction{NotAfter: w.notAfter, Ops: append(ops, countOp(w.tenant, w.shard, w.counts))}
	if w.left < maxLeft {
		tx.Movable = len(tx.Ops)
	}
	return w.store.transact(ctx, tx)
}

// conflictsOn reports whether an error is a conflict on an operation.
func conflictsOn(err error, op int) bool {
	var conflict *table.ConflictError
	return errors.As(err, &conflict) && slices.Contains(conflict.Ops, op)
}

// refused returns the error of a refused transaction, nil if it is to be sent again.
// full is the print of the full shards from before the transaction.
func (w *placing) refused(ctx context.Context, operations []operation, failed *table.ConditionError, full string) error {
	i := slices.IndexFunc(failed.Failed, func(f table.FailedCondition) bool { return f.Op == len(operations) })
	if i < 0 {
		return explain(operations, failed)
	}
	counted := operation{failed: directory.FailedCondition{Found: directory.LedgerFull}}
	item := failed.Failed[i].Item
	if w.shard == 0 && (item == nil || w.store.shards.learn(w.tenant, item.Attributes) == 1) {
		// There is no other shard.
		return explain(append(slices.Clone(operations), counted), failed)
	}
	if len(failed.Failed) > 1 {
		// What another shard would have answered is not known, and not needed: the
		// other findings lead to another decision.
		others := *failed
		others.Failed = slices.Delete(slices.Clone(failed.Failed), i, i+1)
		if item == nil {
			w.store.shards.forget(w.tenant)
		}
		return explain(operations, &others)
	}
	read, err := w.store.readShards(ctx, w.tenant)
	if err != nil {
		return err
	}
	if len(read) == 0 {
		return &directory.CommitError{Failed: []directory.FailedCondition{{Found: directory.RecordChanged}}}
	}
	kind := w.counts.needs()
	var ok bool
	w.known = len(read)
	if w.shard, ok = read.choose(kind, w.store.pick); ok {
		w.uneven = read
		return nil
	}
	now := read.fullPrint(kind)
	if !read.isWhole() || now != full {
		w.store.shards.setFull(w.tenant, kind, now)
		if w.unproved++; w.unproved > maxUnproved {
			return fmt.Errorf("%w: seats were freed and taken at each attempt", directory.ErrBusy)
		}
		return nil
	}
	l := read.sum()
	return &directory.CommitError{
		Failed:     []directory.FailedCondition{{Found: directory.LedgerFull, Ledger: &l}},
		Incomplete: failed.Incomplete,
	}
}

// leave chooses another shard after conflicts on this one, and adds shards if the
// ledger has no more than this process knew.
func (w *placing) leave(ctx context.Context) error {
	w.left++
	read, err := w.store.readShards(ctx, w.tenant)
	if err != nil {
		return err
	}
	if len(read) <= w.known && w.store.grow(ctx, w.tenant, read, w.counts.needs()) {
		if read, err = w.store.readShards(ctx, w.tenant); err != nil {
			return err
		}
	}
	if len(read) == 0 {
		return nil // the tenant is gone, as the transaction finds
	}
	w.known = len(read)
	others := slices.DeleteFunc(slices.Clone(read), func(s shard) bool { return s.number == w.shard })
	if shard, ok := others.choose(w.counts.needs(), w.store.pick); ok {
		w.shard = shard
	}
	return nil
}
