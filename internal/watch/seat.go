package watch

import (
	"context"
	"strconv"

	"github.com/rollcall-scim/rollcall/internal/event"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// What is remembered of a tenant's seats.
const (
	seatsName = "SEATS"
	seatsFull = "full"
	seatsFree = "free"
)

// seats reports that all seats of a tenant are in use, or that one is free again, if that is
// not what was reported last, until nothing is new. It reads what is true now, so that seats
// that are full for a moment between two looks are not reported. After a report it looks again:
// another look may have found in the meantime that nothing was new, which is not true any more.
// It gives up after a few looks: of a tenant that ends, nothing is remembered.
//
// Counts of several shards that change while they are read are left to the record of that
// change, which is still to come.
func (w *Watcher) seats(ctx context.Context, t tenant.ID) error {
	for range maxRounds {
		if reported, err := w.seatsOnce(ctx, t); err != nil || !reported {
			return err
		}
	}
	return nil
}

// seatsOnce looks once, and returns whether it reported something.
func (w *Watcher) seatsOnce(ctx context.Context, t tenant.ID) (reported bool, err error) {
	was, err := w.store.Watched(ctx, t, seatsName)
	if err != nil {
		return false, err
	}
	l, err := w.store.Ledger(ctx, t)
	if err != nil || l.Approximate {
		return false, err
	}
	full := l.SeatLimit < tenant.Unlimited && l.Seats >= l.SeatLimit
	if full == (was == seatsFull) {
		return false, nil
	}
	kind, now := event.SeatsFull, seatsFull
	if !full {
		kind, now = event.SeatsAvailable, seatsFree
	}
	details := map[string]string{"seats": strconv.FormatInt(l.Seats, 10)}
	if l.SeatLimit < tenant.Unlimited {
		details["seatLimit"] = strconv.FormatInt(l.SeatLimit, 10)
	}
	err = w.store.Report(ctx, t, Report{
		Name: seatsName, Before: was, After: now, Signal: journal.Signal{Type: string(kind), Details: details},
	})
	return err == nil, err
}
