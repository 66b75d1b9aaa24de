package directory

import (
	"context"
	"slices"
)

// maxOwed is the largest number of groups that a record names as owed: those of a
// deletion, and as many of earlier ones. They take less than 2 KB.
const maxOwed = 2 * (MaxJoined + 1)

// owe adds groups that a user leaves to those that are owed to it. more reports that
// there are others.
func (u *User) owe(groups []string, more bool) {
	all := slices.Concat(groups, without(u.Owed, groups))
	u.OwedMore = u.OwedMore || more || len(all) > maxOwed
	u.Owed = all[:min(len(all), maxOwed)]
	slices.Sort(u.Owed)
}

// forgetOwed removes the group of a request from those that are owed to users: to users who
// were to leave it, and, if the request states all members, to users who are not among them.
// An error does not fail the request: the next request removes the same.
func (w *groupWork) forgetOwed(ctx context.Context) {
	users := w.absent
	for user, groups := range w.owed {
		if slices.Contains(groups, w.id) && !slices.Contains(w.wanted, user) {
			users = append(users, user)
		}
	}
	if len(users) > 0 {
		_ = w.d.store.ForgetOwed(ctx, w.tenant, w.id, users)
	}
}
