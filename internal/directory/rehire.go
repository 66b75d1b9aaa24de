package directory

import (
	"context"
	"fmt"
	"slices"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// MaxRehired is the largest number of memberships that end in the transaction
// of a reactivation: each takes at most three of the hundred operations of a
// transaction, and a record with new values and emails, the groups owed to it, and
// deleted records that lose values to it, takes 56.
const MaxRehired = 14

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

// remedyOfRehire returns the advice about a user who is found again by a request with
// another externalId: if the request has none, it is not mapped.
func remedyOfRehire(sent scim.Resource) cause.Remedy {
	if sent.Text("externalId") == "" {
		return cause.ExternalIDMissing
	}
	return ""
}

// leaveGroups makes a rehire end the user's memberships, and says so in the log.
func (w *userWork) leaveGroups(ctx context.Context, made *decision) error {
	c := &made.change
	if err := w.endMemberships(ctx, c, c.fitting(MaxRehired)); err != nil {
		return err
	}
	if len(c.Leave) > 0 {
		c.Entry.Ended = true
		if !c.Later {
			c.Entry.Left = GroupsLeft(c.Leave, c.Gone)
		}
		c.Entry.Changed = append(c.Entry.Changed, "groups")
		made.result.Changed = c.Entry.Changed
		made.warn(c.Entry.Cause, c.Entry.Remedy, c.Entry.Detail+" Groups left: "+leftGroups(c.Leave, c.Later)+".")
	}
	return nil
}

// fitting returns how many memberships end in the transaction of a change. most
// is the number for a record without emails in the form of an earlier version.
func (c *Change) fitting(most int) int {
	const ends = 3 // operations of a membership
	more := max(0, len(c.OtherBefore)-(scim.MaxEmails-1))
	return most - (more+ends-1)/ends
}

// GroupsLeft lists the groups of memberships that end, without those that no longer
// exist.
func GroupsLeft(memberships []UserMembership, gone map[string]bool) []string {
	return slices.DeleteFunc(groupsIn(memberships), func(id string) bool { return gone[id] })
}

// leftGroups counts the groups of memberships that end.
func leftGroups(memberships []UserMembership, more bool) string {
	n := fmt.Sprint(len(groupsIn(memberships)))
	if more {
		return n + " and more"
	}
	return n
}
