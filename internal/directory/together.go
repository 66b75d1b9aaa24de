package directory

import (
	"context"
	"fmt"

	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// readBoth reads two things side by side: one round trip. Either may be the
// older.
func readBoth[A, B any](ctx context.Context, s Store,
	readA func(context.Context) (A, error), readB func(context.Context) (B, error),
) (a A, b B, err error) {
	err = s.Together(ctx,
		func(ctx context.Context) (err error) { a, err = readA(ctx); return err },
		func(ctx context.Context) (err error) { b, err = readB(ctx); return err })
	return a, b, err
}

// commitBeside commits a change side by side with a read. If only the read
// fails, the error is ErrUnresolved: the change was made.
func (d *Directory) commitBeside(ctx context.Context, commit, read func(context.Context) error) error {
	var failed error
	err := d.store.Together(ctx, func(ctx context.Context) error { failed = commit(ctx); return nil }, read)
	if failed == nil && err != nil {
		failed = fmt.Errorf("%w: %w", ErrUnresolved, err)
	}
	return failed
}

// userAndMemberships reads a live user and its memberships, up to one more than
// MaxGroupsRead: one round trip.
func (d *Directory) userAndMemberships(ctx context.Context, t tenant.ID, id string) (*User, []UserMembership, error) {
	return readBoth(ctx, d.store,
		func(ctx context.Context) (*User, error) { return d.store.User(ctx, t, id) },
		func(ctx context.Context) ([]UserMembership, error) {
			return d.store.MembershipsOf(ctx, t, id, MaxGroupsRead+1)
		})
}

// membersAndLeaving reads the first members of an epoch, and the users whose
// memberships are being ended: one round trip.
func (d *Directory) membersAndLeaving(ctx context.Context, t tenant.ID, group string, epoch int64, limit int) (
	Page[string], map[string]bool, error,
) {
	return readBoth(ctx, d.store,
		func(ctx context.Context) (Page[string], error) {
			return d.store.Members(ctx, t, group, epoch, "", limit)
		},
		func(ctx context.Context) (map[string]bool, error) { return d.store.Leaving(ctx, t) })
}

// commitAndGroups commits a change, and reads groups beside it.
func (d *Directory) commitAndGroups(ctx context.Context, t tenant.ID, c Change, ids []string) (groups []*Group, err error) {
	commit := func(ctx context.Context) error { return d.store.Commit(ctx, t, c) }
	if len(ids) == 0 {
		return nil, commit(ctx)
	}
	err = d.commitBeside(ctx, commit, func(ctx context.Context) (err error) {
		groups, err = d.store.GroupsByID(ctx, t, ids)
		return err
	})
	return groups, err
}
