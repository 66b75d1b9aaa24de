package provlog

import (
	"context"
	"time"

	"github.com/rollcall-scim/rollcall/internal/idp"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// OwedReader reads memberships that an identity provider must push again.
type OwedReader interface {
	// OwedPage reads a page of what is stored of owed memberships, groups first.
	OwedPage(ctx context.Context, t tenant.ID, after string, limit int) (Page[Owed], error)
	// OwedStates reads what is known now of owed memberships.
	OwedStates(ctx context.Context, t tenant.ID, owed []OwedMembership) (OwedStates, error)
	// RemoveOwed removes what is stored if it is as it was read; exists reports that its
	// group exists.
	RemoveOwed(ctx context.Context, t tenant.ID, o Owed, exists bool) error
}

// Owed is what is stored of the owed memberships of a group or a user.
type Owed struct {
	// Type is Group, with the skipped members as Others, or User, with the groups that the
	// user left.
	Type, ID string
	Others   []string
	// More is the number of skipped members that are not named.
	More int64
	// Since is when the last of them began to be owed, and IdP the identity provider that
	// sent the request.
	Since   time.Time
	IdP     idp.Provider
	Request string
}

// OwedMembership is a user in a group.
type OwedMembership struct{ Group, User string }

// OwedStates is what is known of owed memberships: the groups that exist, the users, live or
// deleted, and the memberships that exist.
type OwedStates struct {
	Groups map[string]OwedGroup
	Users  map[string]OwedUser
	Exist  map[OwedMembership]bool
}

// OwedGroup is a group with an owed membership.
type OwedGroup struct {
	Name  string
	Epoch int64
}

// OwedUser is a user with an owed membership.
type OwedUser struct {
	Name         string
	Live, Active bool
	// Groups are those that the record names as owed; More reports that there are others.
	Groups []string
	More   bool
}
