package store

import (
	"context"
	"errors"
	"slices"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// operation is one operation of a commit, with what its failed condition means.
type operation struct {
	table.Op
	meaning meaning
	kind    directory.Kind // of a claim
}

type meaning int

const (
	// 0, stale: a record is not what the decision was made on. It is what an
	// operation means unless it says otherwise.
	_ meaning = iota
	// meansHeld: the claim is another record's.
	meansHeld
	// meansFull: no place left in the ledger.
	meansFull
)

// Commit makes a change one transaction:
//
//	record        absent, or version is Before's        settles two changes of one user
//	reservations  absent, or held by the losing record  settles two users of one name
//	mails         unconditional: an index of candidates
//	ledger        seats below seatLimit                 settles two users of the last seat
//	losers        version is                            settles a loss against a restore
//	log entry     absent                                no change without its entry
func (s *Store) Commit(ctx context.Context, t tenant.ID, c directory.Change) error {
	operations := slices.Concat(
		recordOps(t, c.Before, c.After),
		claimOps(t, c),
		mailOps(t, c),
		lossOps(t, c.Lose),
		[]operation{{Op: table.Put(logItem(t, c.Entry, c.Expires), table.Absent())}},
	)
	if op, ok := ledgerOp(t, c.Before, c.After); ok {
		operations = append(operations, operation{Op: op, meaning: meansFull})
	}
	ops := make([]table.Op, len(operations))
	for i, o := range operations {
		ops[i] = o.Op
	}
	err := s.write(ctx, c.NotAfter, ops...)
	var failed *table.ConditionError
	if !errors.As(err, &failed) {
		return writeError(err)
	}
	return explain(operations, failed)
}

// explain turns the operations that failed into what they mean.
func explain(operations []operation, failed *table.ConditionError) *directory.CommitError {
	// What was not judged may have changed: nothing is concluded from its silence.
	e := &directory.CommitError{Holders: map[directory.Kind]string{}, Stale: failed.Incomplete}
	for _, f := range failed.Failed {
		o := operations[f.Op]
		switch {
		case f.Item == nil:
			e.Stale = true
		case o.meaning == meansHeld:
			e.Holders[o.kind] = f.Item.Attributes.Text(attrHolder)
		case o.meaning == meansFull:
			l := decodeLedger(f.Item.Attributes)
			e.Full = &l
		default:
			e.Stale = true
		}
	}
	return e
}

// recordOps stores the record, and moves it when it is deleted or restored.
func recordOps(t tenant.ID, before, after *directory.User) []operation {
	put := userItem(t, after)
	if before == nil {
		return []operation{{Op: table.Put(put, table.Absent())}}
	}
	same := table.Is(attrVersion, table.Number(before.Version))
	if before.Deleted == after.Deleted {
		return []operation{{Op: table.Put(put, same)}}
	}
	return []operation{
		{Op: table.Delete(recordKey(t, before), same)},
		{Op: table.Put(put, table.Absent())},
	}
}

// claimOps changes the reservations by the difference of the claims: what stays
// the same is not written.
func claimOps(t tenant.ID, c directory.Change) []operation {
	var held directory.Claims
	if c.Before != nil {
		held = c.Before.Held
	}
	var ops []operation
	for _, kind := range directory.Kinds {
		was, had := held[kind]
		is, has := c.After.Held[kind]
		if had && has && was == is {
			continue
		}
		if had {
			ops = append(ops, operation{
				Op: table.Delete(reservationKey(t, kind, was), table.Is(attrHolder, table.Text(c.After.ID))),
			})
		}
		if !has {
			continue
		}
		item := table.Item{
			Key:        reservationKey(t, kind, is),
			Attributes: table.Attributes{attrHolder: table.Text(c.After.ID)},
		}
		if loser := loserOf(c.Lose, kind); loser != "" {
			ops = append(ops, operation{Op: table.Put(item, table.Is(attrHolder, table.Text(loser)))})
			continue
		}
		ops = append(ops, operation{Op: table.Put(item, table.Absent()), meaning: meansHeld, kind: kind})
	}
	return ops
}

func loserOf(lose []directory.Loss, kind directory.Kind) string {
	for _, l := range lose {
		if l.Kind == kind {
			return l.Loser.ID
		}
	}
	return ""
}

// mailOps changes the index of other emails. Its entries name candidates only,
// so they need no condition.
func mailOps(t tenant.ID, c directory.Change) []operation {
	var ops []operation
	id := c.After.ID
	for _, mail := range c.OtherBefore {
		if !slices.Contains(c.OtherAfter, mail) {
			ops = append(ops, operation{Op: table.Delete(mailKey(t, mail, id))})
		}
	}
	for _, mail := range c.OtherAfter {
		if !slices.Contains(c.OtherBefore, mail) {
			ops = append(ops, operation{Op: table.Put(table.Item{Key: mailKey(t, mail, id)})})
		}
	}
	return ops
}

// lossOps takes claims from deleted records, one operation a record. Its version
// moves, so that a restore that read it before decides again.
func lossOps(t tenant.ID, lose []directory.Loss) []operation {
	var ops []operation
	at := map[string]int{}
	for _, l := range lose {
		i, ok := at[l.Loser.ID]
		if !ok {
			i = len(ops)
			at[l.Loser.ID] = i
			ops = append(ops, operation{Op: table.Update(goneKey(t, l.Loser.ID),
				table.Change{Add: map[string]int64{attrVersion: 1}},
				table.Is(attrVersion, table.Number(l.Loser.Version)))})
		}
		ops[i].Change.Remove = append(ops[i].Change.Remove, heldAttribute(l.Kind))
	}
	return ops
}
