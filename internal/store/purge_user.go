package store

import (
	"context"
	"slices"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// Purge removes a record in one transaction:
//
//	record        version is, and joins is      settles it against any other change, and against a join
//	reservations  held by the record            those that a deleted record lost are another's
//	mails         unconditional                 an index of candidates
//	ledger        present
//	memberships   unconditional; their groups' versions change; a task ends what does not fit
//	protected     version is                    of a protected user
//	log entry     absent                        no change without its entry
//	index         of the entry, to which no record leads any more
//	failing       unconditional                 a purged user is no longer failing
//	owed          unconditional                 and is not pushed again
func (s *Store) Purge(ctx context.Context, t tenant.ID, c directory.Change) error {
	u := c.Before
	operations := slices.Concat(
		[]operation{{Op: table.Delete(recordKey(t, u),
			table.Is(attrVersion, table.Number(u.Version)), table.Is(attrJoins, table.Number(u.Joins)))}},
		claimOps(t, u.ID, directory.Kinds[:], u.Held, nil, nil, nil),
		protectedOps(t, c.Protected),
		[]operation{
			{Op: logOp(t, c.Entry, u.History, c.Expires)},
			{Op: indexOp(t, subjectOfRecord(c.Entry), c.Entry, c.Expires)},
			{Op: table.Delete(failingKey(t, subjectName(subjectOfRecord(c.Entry))))},
			{Op: table.Delete(owedKey(t, journal.TypeUser, u.ID))},
		},
	)
	for _, mail := range c.OtherBefore {
		operations = append(operations, operation{Op: table.Delete(mailKey(t, mail, u.ID))})
	}
	if c.Later {
		operations = append(operations, leavingOps(t, u, c.Entry, c.Expires)...)
	} else {
		operations = append(operations, endMembershipOps(t, u.ID, c.Leave, c.Gone, c.Entry)...)
	}
	return s.commitCounted(ctx, t, c.NotAfter, operations, countsOf(u, nil))
}

// DeletedUsers reads a page of deleted users, in the order of their ids.
func (s *Store) DeletedUsers(ctx context.Context, t tenant.ID, r directory.Range) (directory.Page[*directory.User], error) {
	return pageByID(ctx, s, partition(t, "GONE"), r,
		func(item table.Item) *directory.User { return decodeUser(item, true) })
}
