package directory

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// MarkerTime is how long a group that was deleted in the application is remembered
// by its id: identity providers that linked it ask for it as long as they do, and
// many ask once a quarter. Later they are told that there is no such group.
const MarkerTime = 365 * 24 * time.Hour

// DeletedGroup is what is remembered of a group that was deleted in the
// application.
type DeletedGroup struct {
	ID          string
	DisplayName string
	Deleted     time.Time
	// Who deleted it, for the application: the person that it named, or else the
	// operator who signed. Told is the name for identity providers.
	Who string
	// Expires is when it is forgotten.
	Expires time.Time
}

// theApplication is the name of whoever acts on the application's side and was not
// named by it.
const theApplication = "the application"

// Told is who deleted the group, in the words of an identity provider's administrator:
// the person that the application named, or the application. An operator of AWS is a
// name inside of somebody else's account.
func (g DeletedGroup) Told() string {
	if g.Who == "" || strings.Contains(strings.ToLower(g.Who), "arn:") {
		return theApplication
	}
	return g.Who
}

// GroupDeletedError is ErrNoGroup of a group that was deleted in the application.
type GroupDeletedError struct{ Group DeletedGroup }

// Error says when it was deleted.
func (e *GroupDeletedError) Error() string {
	return fmt.Sprintf("directory: group %s was deleted in the application at %s", e.Group.ID, formatTime(e.Group.Deleted))
}

// Is tells that there is no such group.
func (e *GroupDeletedError) Is(target error) bool { return target == ErrNoGroup }

// noGroup is why a group is not there: whether the application deleted it is read
// only now, so that a group that is there costs no more.
func (d *Directory) noGroup(ctx context.Context, t tenant.ID, id string) error {
	marker, err := d.store.DeletedGroup(ctx, t, id)
	switch {
	case err != nil:
		return err
	case marker == nil:
		return ErrNoGroup
	}
	return &GroupDeletedError{Group: *marker}
}

// DeleteGroupInApp deletes a group as the application does: at once and for good,
// protected members or not. Its names are free. A marker under its id stays for
// MarkerTime, so that an identity provider that goes on pushing it is told what
// happened: no request brings it back, and the group that is pushed again is
// another one.
func (d *Directory) DeleteGroupInApp(ctx context.Context, t tenant.ID, by Caller, id string) (GroupResult, error) {
	by.By = ByApplication
	return d.deleteGroup(ctx, t, by, id, Precondition{})
}

// DeletedGroups reads a page of the markers of groups that were deleted in the
// application, in the order in which the groups were made.
func (d *Directory) DeletedGroups(ctx context.Context, t tenant.ID, after string, limit int) (Page[DeletedGroup], error) {
	return d.store.DeletedGroups(ctx, t, after, limit)
}
