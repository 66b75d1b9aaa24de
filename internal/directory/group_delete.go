package directory

import (
	"context"

	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// DeleteGroup handles a DELETE: the group is gone for good, and its memberships
// end. RFC 7644 §3.6
//
// A group with a protected member is not deleted: its deletion would remove
// that member.
func (d *Directory) DeleteGroup(ctx context.Context, t tenant.ID, by Caller, id string, match Versions) (GroupResult, error) {
	return d.deleteGroup(ctx, t, by, id, match)
}

func (d *Directory) deleteGroup(ctx context.Context, t tenant.ID, by Caller, id string, match Versions) (GroupResult, error) {
	w := d.newGroupWork(t, by, journal.Delete, id, match)
	w.asked = journal.Asked{}
	return w.run(func(try int) (GroupResult, error) {
		before, list, err := d.groupAtRestAndProtected(ctx, t, id)
		if err != nil {
			return GroupResult{}, err
		}
		w.last = before
		if !match.Allow(before.Version) {
			return GroupResult{}, ErrVersion
		}
		document, err := before.Resource()
		if err != nil {
			return GroupResult{}, err
		}
		c := GroupDeletion{Before: before, Exact: match != nil, Logged: w.logged(w.entry(journal.Deleted, before, document))}
		c.Entry.Version = before.Version + 1
		// A few members end with the group, unless they keep changing.
		if try < maxDecisions-2 {
			if c.Members, c.Ends, err = w.present(ctx, before, MaxJoined); err != nil {
				return GroupResult{}, err
			}
			c.Exact = c.Exact || c.Ends
		}
		if by.By == journal.ByApplication {
			c.Marker = &DeletedGroup{
				ID: id, DisplayName: document.Text("displayName"), Deleted: by.Time, Who: by.Who, Expires: by.Time.Add(MarkerTime),
			}
		} else if c.Protected, err = w.checkDeletion(ctx, c, list); err != nil {
			return GroupResult{}, err
		}
		err = d.store.DeleteGroup(ctx, t, c)
		if _, again := retryable(err); again {
			return GroupResult{}, ErrStale
		}
		if err == nil && !c.Ends {
			d.finishSoon(ctx, t, epochTask(before)) // no reader sees them any more
		}
		return GroupResult{Group: before, Action: journal.Deleted}, err
	})
}
