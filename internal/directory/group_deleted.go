package directory

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// MarkerTime is how long a group that was deleted in the application is
// remembered by its id. Identity providers keep asking for it as long as it is
// linked there, and many do so once a quarter. After that the group is not
// found.
const MarkerTime = 365 * 24 * time.Hour

// DeletedGroup is the marker of a group that was deleted in the
// application.
type DeletedGroup struct {
	ID          string
	DisplayName string
	Deleted     time.Time
	// Who deleted it, as recorded for the application: the person it named, or
	// else the operator who signed the request. DeletedBy returns the name to
	// show to identity providers.
	Who string
	// Expires is when the marker may be removed.
	Expires time.Time
}

// DeletedBy returns who deleted the group, in words for an identity provider's
// administrator: the person that the application named, or else the
// application. The ARN of an AWS operator is internal to another company's
// account and is not shown.
func (g DeletedGroup) DeletedBy() string {
	if g.Who == "" || strings.Contains(strings.ToLower(g.Who), "arn:") {
		return "the application"
	}
	return g.Who
}

// GroupDeletedError is ErrNoGroup for a group that was deleted in the
// application.
type GroupDeletedError struct{ Group DeletedGroup }

// Error says when the group was deleted.
func (e *GroupDeletedError) Error() string {
	return fmt.Sprintf("directory: group %s was deleted in the application at %s", e.Group.ID, e.Group.Deleted.UTC().Format(time.RFC3339))
}

// Is reports that the error is an ErrNoGroup.
func (e *GroupDeletedError) Is(target error) bool { return target == ErrNoGroup }

// noGroup returns the error for a group that does not exist. The marker is read
// only then, so that requests for existing groups cost no more.
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

// DeleteGroupInApp deletes a group as the application does: at once and for
// good, with or without protected members. Its names become free. A marker
// under its id remains for MarkerTime, so that an identity provider that keeps
// pushing the group learns what happened: no request restores it, and pushing
// it again creates another group.
func (d *Directory) DeleteGroupInApp(ctx context.Context, t tenant.ID, by Caller, id string) (GroupResult, error) {
	by.By = journal.ByApplication
	return d.deleteGroup(ctx, t, by, id, nil)
}

// DeletedGroups reads a page of the markers of groups that were deleted in the
// application, in the order in which the groups were created.
func (d *Directory) DeletedGroups(ctx context.Context, t tenant.ID, after string, limit int) (Page[DeletedGroup], error) {
	return d.store.DeletedGroups(ctx, t, after, limit)
}
