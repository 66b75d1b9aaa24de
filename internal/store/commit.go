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

// operation is one operation of a commit.
type operation struct {
	table.Op
	// failed describes the meaning of a failed condition. If it sets no other
	// field, a record has changed since the decision.
	failed directory.FailedCondition
}

// means returns an operation whose failed condition is a finding about a user
// or a group.
func means(op table.Op, found directory.Finding, id string) operation {
	return operation{Op: op, failed: directory.FailedCondition{Found: found, ID: id}}
}

// Commit commits a change as one transaction. Each condition settles a race:
//
//	record        absent, or version is Before's        two changes of one user
//	reservations  absent, or held by the losing record  two users of one name
//	mails         unconditional: an index of candidates
//	ledger        seats below seatLimit                 two users of the last seat
//	losers        version is                            a loss against a restore
//	memberships   joins is                              a deletion against a join
//	groups left   present, or absent as found before    a deletion against the creation of a group
//	protected     version is                            two changes of the list of protected users
//	log entry     absent                                no change without its entry
func (s *Store) Commit(ctx context.Context, t tenant.ID, c directory.Change) error {
	operations := slices.Concat(
		recordOps(t, c),
		userClaimOps(t, c),
		mailOps(t, c),
		transferOps(t, c.Transfers),
		leaveOps(t, c),
		owedUserOps(t, c),
		protectedOps(t, c.Protected),
		[]operation{{Op: logOp(t, c.Entry, historyOf(c.Before), c.Expires)}},
	)
	return s.commitCounted(ctx, t, c.NotAfter, operations, countsOf(c.Before, c.After))
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
	e := &directory.CommitError{Incomplete: failed.Incomplete}
	for _, f := range failed.Failed {
		e.Failed = append(e.Failed, operations[f.Op].explain(f.Item))
	}
	return e
}

// explain returns what the failed condition of the operation means. item is the
// item at that time, nil if it did not exist.
func (o operation) explain(item *table.Item) directory.FailedCondition {
	f := o.failed
	switch f.Found {
	case directory.UserUnknown:
		if item != nil {
			f.Found = directory.UserLeaving
		}
	case directory.ClaimHeld, directory.LedgerFull, directory.UserMember, "":
		if item == nil || f.Found == "" {
			return directory.FailedCondition{Found: directory.RecordChanged}
		}
		if f.Found == directory.ClaimHeld {
			f.ID = item.Attributes.Text(attrHolder)
		}
		if f.Found == directory.LedgerFull {
			l := decodeLedger(item.Attributes)
			f.Ledger = &l
		}
	}
	return f
}

// held returns an operation whose failed condition means that another record
// holds a claim.
func held(op table.Op, claim directory.Kind) operation {
	return operation{Op: op, failed: directory.FailedCondition{Found: directory.ClaimHeld, Claim: claim}}
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
		if c.Ends {
			keepOwed(op.Change.Set, after)
		}
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
	var before directory.Claims
	if c.Before != nil {
		before = c.Before.Held
	}
	losers := map[table.Key]string{}
	for _, moved := range c.Transfers {
		losers[reservationKey(t, moved.Kind, moved.Value)] = moved.From.ID
	}
	return claimOps(t, c.After.ID, directory.Kinds[:], before, c.After.Held, c.After.Former, losers)
}

// claimOps change the reservations of a record by the difference of their keys:
// a key that stays is not written, whatever its kind. A value that the record
// begins to hold must not be reserved in its former form either.
func claimOps(t tenant.ID, id string, kinds []directory.Kind, before, after, former directory.Claims,
	losers map[table.Key]string,
) []operation {
	var ops []operation
	holds, toHold := reservationKeys(t, before), reservationKeys(t, after)
	for _, kind := range kinds {
		was, had := before[kind]
		if key := reservationKey(t, kind, was); had && !toHold[key] {
			ops = append(ops, operation{Op: table.Delete(key, table.Is(attrHolder, table.Text(id)))})
		}
		if is, has := after[kind]; has {
			key := reservationKey(t, kind, is)
			item := table.Item{Key: key, Attributes: table.Attributes{attrHolder: table.Text(id)}}
			switch loser := losers[key]; {
			case holds[key]:
			case loser != "":
				ops = append(ops, operation{Op: table.Put(item, table.Is(attrHolder, table.Text(loser)))})
			default:
				ops = append(ops, held(table.Put(item, table.Absent()), kind))
			}
		}
		if earlier, has := former[kind]; has {
			key := reservationKey(t, kind, earlier)
			switch loser := losers[key]; {
			case holds[key] || toHold[key]:
			case loser != "":
				ops = append(ops, operation{Op: table.Delete(key, table.Is(attrHolder, table.Text(loser)))})
			default:
				ops = append(ops, held(table.Check(key, table.Absent()), kind.Former()))
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
