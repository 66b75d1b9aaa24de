package store

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// operation is one operation of a commit, with what its failed condition means.
type operation struct {
	table.Op
	meaning meaning
	kind    directory.Kind // of a claim
	id      string         // of the member or group that it concerns
}

type meaning int

const (
	// 0, stale: a record is not what the decision was made on. It is the
	// meaning of an operation that sets no other.
	_ meaning = iota
	// meansHeld: another record holds the claim.
	meansHeld
	// meansFull: the ledger has no seat or Reader licence left.
	meansFull
	// meansPresent: the user is a member, and was expected not to be.
	meansPresent
	// meansAbsent: the user is not a member, and was expected to be.
	meansAbsent
	// meansKnown: the user is live, and was expected to be unknown.
	meansKnown
	// meansNoUser: the joining user is not live, or is leaving.
	meansNoUser
	// meansProtected: the leaving user is protected.
	meansProtected
	// meansNoGroup: the group does not exist.
	meansNoGroup
)

// Commit commits a change as one transaction. Each condition settles a race:
//
//	record        absent, or version is Before's        two changes of one user
//	reservations  absent, or held by the losing record  two users of one name
//	mails         unconditional: an index of candidates
//	ledger        seats below seatLimit                 two users of the last seat
//	losers        version is                            a loss against a restore
//	memberships   joins is                              a deletion against a join
//	guard         version is                            two changes of the list of protected users
//	log entry     absent                                no change without its entry
func (s *Store) Commit(ctx context.Context, t tenant.ID, c directory.Change) error {
	operations := slices.Concat(
		recordOps(t, c),
		userClaimOps(t, c),
		mailOps(t, c),
		transferOps(t, c.Transfers),
		leaveOps(t, c),
		guardOps(t, c.Guard),
		[]operation{{Op: logOp(t, c.Entry, historyOf(c.Before), c.Expires)}},
	)
	if op, ok := ledgerOp(t, c.Before, c.After); ok {
		operations = append(operations, operation{Op: op, meaning: meansFull})
	}
	return s.commit(ctx, c.NotAfter, operations)
}

// commit sends operations as one transaction, and returns what its failure
// means.
func (s *Store) commit(ctx context.Context, notAfter time.Time, operations []operation) error {
	ops := make([]table.Op, len(operations))
	for i, o := range operations {
		ops[i] = o.Op
	}
	err := s.write(ctx, notAfter, ops...)
	var failed *table.ConditionError
	if !errors.As(err, &failed) {
		return writeError(err)
	}
	return explain(operations, failed)
}

// explain turns the operations that failed into what they mean.
func explain(operations []operation, failed *table.ConditionError) *directory.CommitError {
	// An unchecked condition may have failed: that it is not reported proves
	// nothing.
	e := &directory.CommitError{Holders: map[directory.Kind]string{}}
	for _, f := range failed.Failed {
		o := operations[f.Op]
		switch {
		case o.meaning == meansAbsent:
			e.Absent = append(e.Absent, o.id)
		case o.meaning == meansNoUser && f.Item == nil:
			e.Unknown = append(e.Unknown, o.id)
		case o.meaning == meansNoUser:
			e.Leaving = append(e.Leaving, o.id)
		case o.meaning == meansProtected:
			e.Protected = append(e.Protected, o.id)
		case o.meaning == meansNoGroup:
			e.Gone = append(e.Gone, o.id)
		case o.meaning == meansKnown:
			e.Known = append(e.Known, o.id)
		case f.Item == nil:
			e.Stale = true
		case o.meaning == meansPresent:
			e.Present = append(e.Present, o.id)
		case o.meaning == meansHeld:
			e.Holders[o.kind] = f.Item.Attributes.Text(attrHolder)
		case o.meaning == meansFull:
			l := decodeLedger(f.Item.Attributes)
			e.Full = &l
		default:
			e.Stale = true
		}
	}
	e.Unjudged = failed.Incomplete && !e.Stale
	e.Stale = e.Stale || failed.Incomplete
	return e
}

// recordOps store the record, and move it if it is deleted or restored.
func recordOps(t tenant.ID, c directory.Change) []operation {
	before, after := c.Before, c.After
	if before == nil {
		item := userItem(t, after)
		keepHistory(item.Attributes, nil, c.Entry)
		return []operation{{Op: table.Put(item, table.Absent())}}
	}
	same := []table.Condition{table.Is(attrVersion, table.Number(before.Version))}
	if c.Ends {
		same = append(same, table.Is(attrJoins, table.Number(before.Joins)))
	}
	if before.Deleted == after.Deleted {
		op := userUpdate(t, after, same...)
		extendHistory(&op.Change, before.History, c.Entry)
		if c.Later {
			op.Change.Set[attrLeaving] = flag(true)
		}
		return []operation{{Op: op}}
	}
	item := userItem(t, after)
	keepHistory(item.Attributes, before.History, c.Entry)
	return []operation{
		{Op: table.Delete(recordKey(t, before), same...)},
		{Op: table.Put(item, table.Absent())},
	}
}

// userClaimOps change a user's reservations.
func userClaimOps(t tenant.ID, c directory.Change) []operation {
	var held directory.Claims
	if c.Before != nil {
		held = c.Before.Held
	}
	losers := map[table.Key]string{}
	for _, moved := range c.Transfers {
		losers[reservationKey(t, moved.Kind, moved.Value)] = moved.From.ID
	}
	return claimOps(t, c.After.ID, directory.Kinds[:], held, c.After.Held, c.After.Former, losers)
}

// claimOps change the reservations of a record by the difference of their keys:
// a key that stays is not written, whatever its kind. A value that the record
// begins to hold must not be reserved in its former form either.
func claimOps(t tenant.ID, id string, kinds []directory.Kind, before, after, former directory.Claims,
	losers map[table.Key]string,
) []operation {
	var ops []operation
	held, holds := reservationKeys(t, before), reservationKeys(t, after)
	for _, kind := range kinds {
		was, had := before[kind]
		if key := reservationKey(t, kind, was); had && !holds[key] {
			ops = append(ops, operation{Op: table.Delete(key, table.Is(attrHolder, table.Text(id)))})
		}
		if is, has := after[kind]; has {
			key := reservationKey(t, kind, is)
			item := table.Item{Key: key, Attributes: table.Attributes{attrHolder: table.Text(id)}}
			switch loser := losers[key]; {
			case held[key]:
			case loser != "":
				ops = append(ops, operation{Op: table.Put(item, table.Is(attrHolder, table.Text(loser)))})
			default:
				ops = append(ops, operation{Op: table.Put(item, table.Absent()), meaning: meansHeld, kind: kind})
			}
		}
		if earlier, has := former[kind]; has {
			key := reservationKey(t, kind, earlier)
			switch loser := losers[key]; {
			case held[key] || holds[key]:
			case loser != "":
				ops = append(ops, operation{Op: table.Delete(key, table.Is(attrHolder, table.Text(loser)))})
			default:
				ops = append(ops, operation{Op: table.Check(key, table.Absent()), meaning: meansHeld, kind: kind.Former()})
			}
		}
	}
	return ops
}

func reservationKeys(t tenant.ID, claims directory.Claims) map[table.Key]bool {
	keys := make(map[table.Key]bool, len(claims))
	for kind, value := range claims {
		keys[reservationKey(t, kind, value)] = true
	}
	return keys
}

// mailOps change the index of other emails. Its entries only name candidates,
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

// transferOps remove claims from deleted records, one operation per record. Its
// version changes, so that a restore that read it before decides again.
func transferOps(t tenant.ID, transfers []directory.Transfer) []operation {
	var ops []operation
	at := map[string]int{}
	for _, moved := range transfers {
		i, ok := at[moved.From.ID]
		if !ok {
			i = len(ops)
			at[moved.From.ID] = i
			ops = append(ops, operation{Op: table.Update(goneKey(t, moved.From.ID),
				table.Change{Add: map[string]int64{attrVersion: 1}},
				table.Is(attrVersion, table.Number(moved.From.Version)))})
		}
		ops[i].Change.Remove = append(ops[i].Change.Remove, heldAttribute(moved.Kind))
	}
	return ops
}
