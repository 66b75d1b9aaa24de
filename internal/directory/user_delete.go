package directory

import (
	"context"
	"errors"

	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// Delete handles a DELETE: the record is kept and hidden, its seat is freed,
// its memberships end, and its names stay reserved until another record wants
// them. A tenant may choose that it stays readable as inactive. RFC 7644 §3.6
//
// The memberships end in the same transaction or, if they do not fit, by a
// task: readers see none of them from the first transaction on.
func (d *Directory) Delete(ctx context.Context, t tenant.ID, by Caller, id string, match Versions) (Result, error) {
	w := d.newUserWork(t, by, journal.Delete)
	w.asked = journal.Asked{}
	return w.run(ctx, func(ctx context.Context) (decision, error) {
		before, old, err := w.live(ctx, id)
		switch {
		case err != nil:
			return decision{}, err
		case before.Protected:
			return decision{}, &ProtectedError{ID: id, Refused: RefusedDeletion}
		case !match.Allow(before.Version):
			return decision{}, ErrVersion
		}
		after := *before
		after.Version, after.Modified, after.Active = before.Version+1, by.Time, false
		after.Linked = true
		after.Deleted = by.Settings.DeletedUsers != tenant.DeletedReadable
		if after.DeactivatedBy == "" {
			after.DeactivatedBy = journal.ByIdP
		}
		record, document := d.record(by, old, after)
		made := w.change(journal.Deleted, before, record, [2]scim.Resource{old, document}, nil)
		made.change.Entry.Kept = !after.Deleted
		if err := w.endMemberships(ctx, &made.change, MaxJoined); err != nil {
			return decision{}, err
		}
		if !before.Active && !after.Deleted && len(made.change.Leave) == 0 {
			return decision{result: Result{User: before, Action: journal.Unchanged}}, nil
		}
		return made, nil
	})
}

// MaxPurged is the largest number of memberships that end in the transaction of
// a purge: each takes at most three of its hundred operations, and a record
// with its values, emails and entries takes 31.
const MaxPurged = 23

// Purge removes a user for good: the record, live or deleted, the values it
// claims, its emails and its memberships; its seat is freed. Only the
// application can purge. The log keeps its entries about the user until they
// expire.
//
// Memberships that do not fit are ended by a task: nobody sees them from the
// first transaction on. A second Purge continues what the first left, and
// returns ErrNotFound.
func (d *Directory) Purge(ctx context.Context, t tenant.ID, by Caller, id string) (Result, error) {
	if !ValidID(id) {
		return Result{}, ErrNotFound
	}
	w := d.newUserWork(t, by, journal.Purge)
	return w.run(ctx, func(ctx context.Context) (made decision, err error) {
		w.user, err = d.AppUser(ctx, t, id)
		if err != nil {
			if errors.Is(err, ErrNotFound) {
				d.finishSoon(ctx, t, leavingTask(id))
			}
			return decision{}, err
		}
		old, err := w.user.Resource()
		if err != nil {
			return decision{}, err
		}
		made = w.change(journal.Purged, w.user, nil, [2]scim.Resource{old, nil}, nil)
		if err := w.endMemberships(ctx, &made.change, made.change.fitting(MaxPurged)); err != nil {
			return decision{}, err
		}
		made.change.Protected, err = d.protectedChange(ctx, t, w.user, nil)
		return made, err
	})
}
