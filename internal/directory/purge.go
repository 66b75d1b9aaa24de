package directory

import (
	"context"
	"errors"

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
func (d *Directory) Purge(ctx context.Context, t tenant.ID, by Caller, id string) (Result, error) {
	if !ValidID(id) {
		return Result{}, ErrNotFound
	}
	w := d.newUserWork(t, by, "purge")
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
		made = w.change(Purged, w.user, nil, [2]scim.Resource{old, nil}, nil)
		if err := w.endMemberships(ctx, &made.change, made.change.fitting(MaxPurged)); err != nil {
			return decision{}, err
		}
		made.change.Guard, err = d.guard(ctx, t, w.user, nil)
		return made, err
	})
}
