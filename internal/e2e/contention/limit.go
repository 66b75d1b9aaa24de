package contention

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/adminapi"
	"github.com/rollcall-scim/rollcall/internal/web"
)

// A limit is a number of seats, and the time in which it may have been in force: from
// the request that set it to the answer to the next one.
type limit struct {
	seats       int64
	from, until time.Time // until is zero while it is in force
}

// setLimit records that a limit may be in force from now on. The ones before may be
// too, until limitIsSet.
func (w *world) setLimit(seats int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.limits = append(w.limits, limit{seats: seats, from: time.Now()})
}

// limitIsSet records that only the last limit is in force, or that it may not be if it
// was not answered with success.
func (w *world) limitIsSet() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range w.limits[:len(w.limits)-1] {
		if w.limits[i].until.IsZero() {
			w.limits[i].until = time.Now()
		}
	}
}

// highest returns the highest limit that may be in force now, and lowest the lowest
// that may have been since a time. The world is locked.
func (w *world) highest() (seats int64) {
	for _, l := range w.limits {
		if l.until.IsZero() {
			seats = max(seats, l.seats)
		}
	}
	return seats
}

func (w *world) lowest(since time.Time) int64 {
	seats := w.highest()
	for _, l := range w.limits {
		if l.until.IsZero() || l.until.After(since) {
			seats = min(seats, l.seats)
		}
	}
	return seats
}

// move changes the limit of a storm again and again, until done is closed.
func (w *world) move(ctx context.Context, s Storm, done <-chan struct{}) (changes int) {
	random := w.stream(adminInstance + 1)
	admin := &instance{world: w, number: adminInstance}
	admin.connect(admin)
	for {
		select {
		case <-done:
			return changes
		case <-time.After(s.Every):
		}
		seats := s.Moves.seats(s, random)
		w.setLimit(seats)
		r := httptest.NewRequestWithContext(ctx, "PATCH", host+adminapi.Prefix+"/tenants/acme", strings.NewReader(fmt.Sprintf(`{"maxSeats":%d}`, seats)))
		r.Header.Set(web.OperatorHeader, "arn:aws:iam::123456789012:role/application")
		r.Header.Set("Content-Type", "application/json")
		recorded := httptest.NewRecorder()
		admin.app.AdminHandler().ServeHTTP(recorded, r)
		if recorded.Code == 200 {
			changes++
			w.limitIsSet()
		}
	}
}

// adminInstance is the number of the instance of the admin API: its ids and waits are
// of its own.
const adminInstance = 1 << 20
