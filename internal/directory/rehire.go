package directory

import (
	"context"
	"fmt"

	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// MaxRehired is the largest number of memberships that end in the transaction
// of a reactivation: each takes at most three of its hundred operations, and a
// record with new values, emails and losers takes 55.
const MaxRehired = 15

// noteRehire returns the note about the groups of a user who is found again
// with another externalId, as far as known before they are read.
func noteRehire(s tenant.Settings, u *User) string {
	switch {
	case u.Deleted:
		return "The externalId differs from the one that the user had."
	case s.Rehire == tenant.RehireKeep:
		return "The externalId differs from the one that the user had; the user stays in its groups."
	}
	return "The externalId differs from the one that the user had; the user leaves its groups."
}

// endMemberships makes a change end the user's memberships: in its transaction
// or, if they do not fit, by a task. Readers see none of them from the change
// on. again reports that memberships of an earlier change had to be ended
// first, and the request must be decided again.
func (d *Directory) endMemberships(ctx context.Context, t tenant.ID, c *Change, r *Result, gone map[string]bool) (again bool, err error) {
	u := c.Before
	if u.Leaving {
		_, err := d.store.Finish(ctx, t, leavingTask(u.ID))
		return true, err
	}
	// After the read of the user, never beside it: the change requires the
	// number of memberships that had begun by then.
	var mirrors []Mirror
	most := c.fitting(MaxRehired)
	if u.Joins > 0 {
		if mirrors, err = d.store.Mirrors(ctx, t, u.ID, most+1); err != nil {
			return false, err
		}
	}
	later := len(mirrors) > most
	c.Ends, c.Leave, c.Later, c.Gone = true, mirrors, later, gone
	c.After.Leaving = later
	if len(mirrors) > 0 {
		c.Entry.Changed = append(c.Entry.Changed, "groups")
		r.Changed = c.Entry.Changed
		c.Entry.Note += " Groups left: " + leftGroups(mirrors, later) + "."
		r.Note = c.Entry.Note
	}
	return false, nil
}

// fitting returns how many memberships end in the transaction of a change. most
// is the number for a record without emails in the form of an earlier version.
func (c *Change) fitting(most int) int {
	const ends = 3 // operations of a membership
	more := max(0, len(c.OtherBefore)-(scim.MaxEmails-1))
	return most - (more+ends-1)/ends
}

// leftGroups counts the groups of memberships that end.
func leftGroups(mirrors []Mirror, more bool) string {
	n := fmt.Sprint(len(groupsIn(mirrors)))
	if more {
		return n + " and more"
	}
	return n
}

// finishEnded ends the memberships that did not fit into a committed change.
// Nobody sees them any more; what this request does not finish, the next one or
// the sweep does.
func (d *Directory) finishEnded(ctx context.Context, t tenant.ID, c Change) {
	if c.Later {
		d.finishSoon(ctx, t, leavingTask(c.Before.ID))
	}
}

// noteGone adds the groups that no longer exist; memberships in them end
// without updating the group.
func noteGone(gone map[string]bool, failed *CommitError) {
	for _, id := range failed.Gone {
		gone[id] = true
	}
}
