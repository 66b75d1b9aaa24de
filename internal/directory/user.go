package directory

import (
	"time"

	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// User is a user's record: the document that is served, and what the service
// keeps beside it. A record is never changed in place; a change creates
// another.
type User struct {
	ID string
	// Doc is the resource as JSON without meta and groups, ready to be served.
	Doc []byte
	// Version counts the changes of the record, from 1.
	Version  int64
	Created  time.Time
	Modified time.Time
	// Active is the document's active attribute; false in a deleted record.
	Active bool
	// Type is the account type that isTeamAccount stands for.
	Type tenant.AccountType
	// Deleted records are hidden from readers and keep their claims until
	// another record wants them.
	Deleted bool
	// DeactivatedBy is the side that made the record inactive; empty while it is
	// active. Only the application reactivates what the application
	// deactivated.
	DeactivatedBy journal.Actor
	// Origin is how the record was created.
	Origin Origin
	// Linked reports whether an identity provider manages the user.
	Linked bool
	// Protected users cannot be changed by identity providers in ways that
	// refuseProtected lists; an owner of the tenant is one, for example.
	Protected bool
	// Held are the claims that the record holds: those of its document, less
	// what a deleted record has lost.
	Held Claims
	// Former are the new claims of a record to be written, in the form in which
	// an earlier version may have reserved them for another user.
	Former Claims
	// Joins counts the memberships ever begun. It is not part of the version. A
	// DELETE requires the count it read: of the deletion and a membership that
	// begins at the same time, exactly one is committed.
	Joins int64
	// Leaving reports that memberships the user had when it was deleted are
	// still to be ended. Readers see none of them, and none begins.
	Leaving bool
	// Owed are the groups that the user left by a deletion or by being hired
	// again, and has not joined since: the identity provider must push them
	// again. They are at most maxOwed; OwedMore reports that there were others.
	Owed     []string
	OwedMore bool
	// History names the newest log entries of the record, as it was read.
	History journal.History
}

// Origin is how a record was created.
type Origin string

// The origins.
const (
	OriginSCIM   Origin = "scim"
	OriginManual Origin = "manual"
	OriginJIT    Origin = "jit"
)

// Resource decodes the record's document.
func (u *User) Resource() (scim.Resource, error) { return scim.DecodeStored(u.Doc) }

// Live reports whether readers see the record. Nil is not live.
func (u *User) Live() bool { return u != nil && !u.Deleted }

// State returns whether the user is active, inactive or deleted, in that word.
func (u *User) State() string {
	switch {
	case u.Deleted:
		return "deleted"
	case u.Active:
		return "active"
	}
	return "inactive"
}

// claims reports whether a record to be written takes a value from others: it
// holds the value, or the value is the earlier form of one that it begins to
// hold.
func (u *User) claims(kind Kind, value string) bool {
	_, now := u.Held.As(kind, value)
	_, former := u.Former.As(kind, value)
	return now || former
}
