package directory

import (
	"context"
	"fmt"
	"slices"

	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// MaxProtected is the largest number of protected users of a tenant. A change
// that removes many members of a group at once has a condition for each
// protected user, and all these conditions must fit into one transaction.
const MaxProtected = 50

// ProtectedList is the list of a tenant's protected users at a version. A change that
// removes many members of a group at once is checked against the list, and
// fails if the list has changed since. A change of a few members has a
// condition on each user instead.
type ProtectedList struct {
	// Version counts the changes, 0 for a tenant that never protected a user.
	Version int64
	IDs     []string
}

// ProtectedChange is a change of the list of protected users, committed together
// with the change of one of them.
type ProtectedChange struct {
	Before ProtectedList
	After  []string
}

// ProtectedCheck are the conditions of a change of many members, which was
// checked against the list of protected users: it is committed only if the list
// is the same, and if none of NotMembers has a membership under the group's
// epoch.
type ProtectedCheck struct {
	List       ProtectedList
	NotMembers []string
}

// ProtectedError refuses an identity provider's change of a protected user.
type ProtectedError struct {
	ID string
	// Refused is the refused change.
	Refused Refusal
}

// Refusal is a change that an identity provider may not make to a protected
// user.
type Refusal string

// The refusals.
const (
	RefusedDeactivation Refusal = "deactivated"
	RefusedActivation   Refusal = "activated"
	RefusedDeletion     Refusal = "deleted"
	RefusedRenaming     Refusal = "renamed"
	RefusedEmail        Refusal = "given another unique email"
	RefusedExternalID   Refusal = "given another externalId"
	RefusedReader       Refusal = "made a Reader"
	RefusedUser         Refusal = "made a User"
	RefusedLeaving      Refusal = "taken out of a group"
)

// Error says what was refused.
func (e *ProtectedError) Error() string {
	return "directory: a protected user cannot be " + string(e.Refused)
}

// ProtectedLimitError refuses to protect one more user.
type ProtectedLimitError struct{ Limit int }

// Error returns the limit.
func (e *ProtectedLimitError) Error() string {
	return fmt.Sprintf("directory: %d users are protected already", e.Limit)
}

// protectedChange returns the change of the list of protected users that goes with a
// change of a user, nil if there is none. It costs a read only if the
// protection changes.
func (d *Directory) protectedChange(ctx context.Context, t tenant.ID, before, after *User) (*ProtectedChange, error) {
	was, is := before != nil && before.Protected, after != nil && after.Protected
	if was == is {
		return nil, nil
	}
	now, err := d.store.ProtectedUsers(ctx, t)
	if err != nil {
		return nil, err
	}
	change := &ProtectedChange{Before: now}
	if is {
		change.After = append(slices.Clone(now.IDs), after.ID)
		slices.Sort(change.After)
		change.After = slices.Compact(change.After)
		if len(change.After) > MaxProtected {
			return nil, &ProtectedLimitError{Limit: MaxProtected}
		}
		return change, nil
	}
	change.After = without(now.IDs, []string{before.ID})
	return change, nil
}

// refuseProtected applies the rule for an identity provider's change of a
// protected user: userName, unique email, externalId, activity and type stay as
// they are. Another spelling that folds to the same value is not a change. A
// request that links the user fills in what the record lacks.
func refuseProtected(before, after *User, old, document scim.Resource) error {
	if !before.Protected {
		return nil
	}
	refuse := func(what Refusal) error { return &ProtectedError{ID: before.ID, Refused: what} }
	switch {
	case before.Active && !after.Active:
		return refuse(RefusedDeactivation)
	case before.Type != after.Type && after.Type == tenant.Reader:
		return refuse(RefusedReader)
	}
	links := !before.Linked && after.Linked
	for _, d := range identityDifferences(old, document, UserName, Email, ExternalID) {
		switch {
		case d.before == "" && links:
		case d.kind == Email:
			return refuse(RefusedEmail)
		case d.kind == ExternalID:
			return refuse(RefusedExternalID)
		default:
			return refuse(RefusedRenaming)
		}
	}
	switch {
	case before.Type != after.Type:
		return refuse(RefusedUser)
	case !before.Active && after.Active:
		return refuse(RefusedActivation)
	}
	return nil
}

// checkProtected refuses a change that removes protected users from a group,
// and returns the conditions that this decision relied on: that the list of
// protected users is the one read, and that none of the leaving ones becomes a
// member meanwhile. It reads their memberships; a tenant without protected
// users pays nothing more. leaving are the protected users that would leave if
// they are members.
func (w *groupWork) checkProtected(ctx context.Context, before *Group, list ProtectedList, leaving []string) (*ProtectedCheck, error) {
	check := &ProtectedCheck{List: list, NotMembers: leaving}
	if len(leaving) == 0 {
		return check, nil
	}
	member, _, err := w.d.store.Joined(ctx, w.tenant, before.ID, before.Epoch, leaving)
	if err != nil {
		return nil, err
	}
	for _, id := range leaving {
		if member[id] {
			return nil, &ProtectedError{ID: id, Refused: RefusedLeaving}
		}
	}
	return check, nil
}

// checkDeletion does for the deletion of a group what checkProtected does for
// other changes. All members of a small group are known at its version, under
// which it is deleted.
func (w *groupWork) checkDeletion(ctx context.Context, c GroupDeletion, list ProtectedList) (*ProtectedCheck, error) {
	if !c.Ends {
		return w.checkProtected(ctx, c.Before, list, list.IDs)
	}
	if kept := both(c.Members, list.IDs); len(kept) > 0 {
		return nil, &ProtectedError{ID: kept[0], Refused: RefusedLeaving}
	}
	return &ProtectedCheck{List: list}, nil
}
