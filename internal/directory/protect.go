package directory

import (
	"context"
	"fmt"
	"slices"

	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// MaxProtected is the largest number of protected users of a tenant. A change that
// takes many members out of a group at once is made under a condition for each of
// them, so that all of these must fit into one transaction.
const MaxProtected = 50

// Guarded are the protected users of a tenant, as they stand at a version: who
// takes many members out of a group at once looks here, and is refused when it has
// changed. A change of a few members asks the users themselves.
type Guarded struct {
	// Version counts the changes, 0 of a tenant that never protected anybody.
	Version int64
	IDs     []string
}

// GuardChange is what becomes of the protected users together with a change of one
// of them.
type GuardChange struct {
	Before Guarded
	After  []string
}

// ProtectedError refuses an identity provider what it may not do to a protected
// user.
type ProtectedError struct {
	ID string
	// Refused is what was asked for.
	Refused Refusal
}

// Refusal is what an identity provider may not do to a protected user.
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
	return "directory: a protected user is not " + string(e.Refused)
}

// ProtectedLimitError refuses to protect one more user.
type ProtectedLimitError struct{ Limit int }

// Error gives the limit.
func (e *ProtectedLimitError) Error() string {
	return fmt.Sprintf("directory: %d users are protected already", e.Limit)
}

// guard is what a change of a user does to the list of protected ones, nil when
// nothing. It costs a read only when the protection changes.
func (d *Directory) guard(ctx context.Context, t tenant.ID, before, after *User) (*GuardChange, error) {
	was, is := before != nil && before.Protected, after != nil && after.Protected
	if was == is {
		return nil, nil
	}
	now, err := d.store.Guarded(ctx, t)
	if err != nil {
		return nil, err
	}
	change := &GuardChange{Before: now}
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

// refuseProtected is the rule for what an identity provider asks of a protected
// user: userName, unique email, externalId, activity and type stay as they are.
// Another spelling that folds to the same is no change. A request that links the
// user fills what the record lacks.
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

// keep refuses a change that takes protected users out of a group, and makes it
// under what it was judged by: that no other user is protected meanwhile, and that
// none of those who would lose a membership gets one. It reads who is protected; a
// tenant that protects nobody pays for no more. leaving tells of the protected ones
// who would leave, if they are members.
func (w *groupWork) keep(ctx context.Context, c *GroupChange, guarded Guarded, leaving []string) error {
	c.Guard, c.Unless = &guarded, leaving
	if len(leaving) == 0 {
		return nil
	}
	member, _, err := w.d.store.Joined(ctx, w.tenant, c.Before.ID, c.Before.Epoch, leaving)
	if err != nil {
		return err
	}
	for _, id := range leaving {
		if member[id] {
			return &ProtectedError{ID: id, Refused: RefusedLeaving}
		}
	}
	return nil
}

// keepAll is keep of a group that is deleted. All members of a small one are known
// at its version, under which it is deleted.
func (w *groupWork) keepAll(ctx context.Context, c *GroupChange, guarded Guarded) error {
	if !c.Empty {
		return w.keep(ctx, c, guarded, guarded.IDs)
	}
	c.Guard = &guarded
	if kept := both(c.Remove, guarded.IDs); len(kept) > 0 {
		return &ProtectedError{ID: kept[0], Refused: RefusedLeaving}
	}
	return nil
}

// both are the ids of a list that another has too.
func both(ids, others []string) []string {
	if len(ids) == 0 || len(others) == 0 {
		return nil
	}
	in := setOf(others)
	var common []string
	for _, id := range ids {
		if in[id] {
			common = append(common, id)
		}
	}
	return common
}
