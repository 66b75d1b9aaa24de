package directory

import (
	"context"

	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// MaxPurged is the largest number of memberships that end in the transaction of
// a purge: each takes at most three of its hundred operations, and a record
// with its values, emails and entries takes 30.
const MaxPurged = 23

// Purge removes a user for good: the record, live or deleted, the values it
// claims, its emails and its memberships; its seat is freed. Only the
// application can purge. The log keeps its entries about the user until they
// expire.
//
// Memberships that do not fit are ended by a task: nobody sees them from the
// first transaction on. A second Purge continues what the first left, and
// returns ErrNotFound.
func (d *Directory) Purge(ctx context.Context, t tenant.ID, by Caller, id string) (result Result, err error) {
	if !ValidID(id) {
		return Result{}, ErrNotFound
	}
	gone := map[string]bool{}
	for range maxDecisions {
		before, err := d.OwnUser(ctx, t, id)
		if err != nil {
			if err == ErrNotFound { //nolint:errorlint // OwnUser's own
				d.finishSoon(ctx, t, leavingTask(id))
			}
			return Result{}, err
		}
		if before.Leaving {
			if _, err := d.store.Finish(ctx, t, leavingTask(id)); err != nil {
				return Result{User: before}, err
			}
			continue
		}
		old, err := before.Resource()
		if err != nil {
			return Result{User: before}, err
		}
		change, result := d.change(by, "purge", Purged, before, before, [2]scim.Resource{old, old}, nil, "", "")
		change.Entry.Seats, change.Entry.Readers = holdingDelta(before, nil)
		change.Entry.Version, change.Entry.Changed = before.Version+1, nil
		result.Seats, result.Readers, result.Changed = change.Entry.Seats, change.Entry.Readers, nil
		change.After, change.Ends = nil, true
		change.OtherBefore = indexed(old, nil)
		var mirrors []Mirror
		most := change.fitting(MaxPurged)
		if before.Joins > 0 && !before.Deleted {
			if mirrors, err = d.store.Mirrors(ctx, t, id, most+1); err != nil {
				return Result{User: before}, err
			}
		}
		change.Leave, change.Later, change.Gone = mirrors, len(mirrors) > most, gone
		if change.Guard, err = d.guard(ctx, t, before, nil); err != nil {
			return Result{User: before}, err
		}
		err = d.store.Purge(ctx, t, change)
		failed, again := retryable(err)
		if again {
			noteGone(gone, failed)
			continue
		}
		if err == nil && change.Later {
			d.finishSoon(ctx, t, leavingTask(id))
		}
		return result, err
	}
	return Result{}, ErrBusy
}
