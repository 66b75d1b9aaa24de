package mirror

import "context"

// A Store keeps the rows of the mirror in the application's database. [SQL] is one on
// database/sql; an application that has tables of its own implements the interface.
type Store interface {
	// Update runs change in one transaction: if it returns an error, nothing of it is kept,
	// and Update returns that error. Changes of one tenant run one after another: what
	// change reads is not changed by others until the transaction has ended. In SQL, lock
	// the row of the tenant's cursor first.
	Update(ctx context.Context, tenant string, change func(Tx) error) error
}

// A Tx reads and writes the rows of one tenant in a transaction. A row that is not there is
// read as the zero row with its ids, without an error. A Put replaces the whole row.
type Tx interface {
	User(id string) (User, error)
	PutUser(u User) error
	Group(id string) (Group, error)
	PutGroup(g Group) error
	Membership(group, user string) (Membership, error)
	PutMembership(m Membership) error
	// Cursor is where the next pull begins, "" before the first.
	Cursor() (string, error)
	PutCursor(cursor string) error
}

// A Lister is a Tx that lists what the mirror has. Only [Reconcile] needs it.
type Lister interface {
	Tx
	// UserIDs and GroupIDs are those of all rows that are not purged or deleted.
	UserIDs() ([]string, error)
	GroupIDs() ([]string, error)
	// MemberIDs are the users whose membership of the group has Member set, whether
	// IsMember holds for them or not.
	MemberIDs(group string) ([]string, error)
}
