package contention

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// A Storm is one experiment: an identity provider creates users of one tenant.
type Storm struct {
	// Rate is how many creates arrive in a second.
	Rate int
	// Hold is how long a transaction is in progress.
	Hold time.Duration
	// Shards is how many shards the ledger has: 1, 4, 16 or 32, and no request adds
	// any; 0 is a ledger that begins with one and grows by itself.
	Shards int
	// Limited gives the tenant one seat for each ten creates less than there are
	// creates: the last ones must be refused.
	Limited bool
	// Moves says between which numbers of seats the limit goes up and down, once in
	// each Every.
	Moves Moves
	Every time.Duration
	// Creates is how many creates arrive; 0 is as many as in 10 seconds, at most
	// 2,000.
	Creates int
	Seed    uint64
}

// Moves are changes of a limit while creates arrive.
type Moves int

const (
	// Still is a limit that is not changed.
	Still Moves = iota
	// Above is a limit between the seats that all creates need and twice as many:
	// nobody may be refused.
	Above
	// Below is a limit between half of the tenant's first seats and all of them: it
	// will be below the use.
	Below
)

func (m Moves) seats(s Storm, random *rand.Rand) int64 {
	if m == Above {
		return int64(s.creates()) + random.Int64N(int64(s.creates()))
	}
	return s.seats()/2 + random.Int64N(s.seats()/2+1)
}

// The length of a storm.
const (
	stormTime    = 10 // seconds
	stormLargest = 2000
)

func (s Storm) creates() int {
	if s.Creates > 0 {
		return s.Creates
	}
	return min(s.Rate*stormTime, stormLargest)
}

func (s Storm) seats() int64 {
	switch {
	case s.Moves == Above:
		return int64(s.creates())
	case s.Limited:
		return int64(s.creates() * 9 / 10)
	}
	return tenant.Unlimited
}

// An Outcome is what came of a storm.
type Outcome struct {
	Storm
	// Writes is how many times the transaction of a create was sent, on average.
	Writes float64
	// P50, P99 and Longest are times from the arrival of a request to its answer.
	P50, P99, Longest time.Duration
	// Statuses count the answers.
	Statuses map[int]int
	// WrongRefusals are answers of 403 while a seat was free.
	WrongRefusals int
	// ExcessSeats are users beyond every limit that may have been in force, and Uncounted by how many the ledger
	// differs from the users.
	ExcessSeats, Uncounted int64
	// Conflicts count refused transactions by the kind of the item.
	Conflicts map[string]int
	// Instances is how many instances were needed.
	Instances int
	// LimitChanges is how many changes of the limit were answered with success.
	LimitChanges int
	// LastShards is how many shards the ledger has in the end.
	LastShards int
}

// Sustained reports whether the service keeps up with the rate.
func (o Outcome) Sustained() bool { return o.P99 < time.Second && o.Statuses[503] == 0 }

// Run runs a storm. It must be called in a bubble of testing/synctest.
func (s Storm) Run(ctx context.Context) (Outcome, error) {
	w, err := newWorld(ctx, s.Seed, s.Hold, s.seats())
	if err != nil {
		return Outcome{}, err
	}
	if err := w.addShards(ctx, s.Shards); err != nil {
		return Outcome{}, err
	}
	o := Outcome{Storm: s, Statuses: map[int]int{}}
	var mu sync.Mutex
	var times []time.Duration
	stop := w.startMoving(ctx, s, &o)
	w.arrive(s.creates(), s.Rate, func(i int) {
		begun := time.Now()
		got := w.send(ctx, "POST", "/Users", user(i))
		mu.Lock()
		defer mu.Unlock()
		o.Statuses[got.status]++
		times = append(times, got.took)
		if got.status == 403 && w.wasFree(begun) {
			o.WrongRefusals++
		}
	})
	stop()
	slices.Sort(times)
	o.P50, o.P99, o.Longest = at(times, 0.50), at(times, 0.99), at(times, 1)
	o.Writes = float64(w.creates) / float64(s.creates())
	o.Conflicts = w.conflict.Report().Overlaps
	o.Instances = w.started
	o.ExcessSeats = w.excess
	ledger, err := w.store.Ledger(ctx, w.tenant)
	o.LastShards = w.shards()
	o.Uncounted = max(ledger.Seats-int64(w.stored), int64(w.stored)-ledger.Seats)
	return o, err
}

// addShards gives the ledger a number of shards for good, unless it is 0.
func (w *world) addShards(ctx context.Context, n int) error {
	for w.shards() < n {
		if _, err := w.store.AddShards(ctx, w.tenant); err != nil {
			return fmt.Errorf("contention: %w", err)
		}
	}
	w.fixed = n > 0
	return nil
}

// shards returns how many shards the ledger has.
func (w *world) shards() (n int) {
	for _, item := range w.engine.Items() {
		if kind(item.Key) == "LEDGER" {
			n++
		}
	}
	return n
}

// startMoving begins to change the limit, if the storm does, and returns a function that
// ends it.
func (w *world) startMoving(ctx context.Context, s Storm, o *Outcome) (stop func()) {
	if s.Moves == Still {
		return func() {}
	}
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		o.LimitChanges = w.move(ctx, s, done)
	}()
	return func() {
		close(done)
		<-ended
	}
}

// wasFree reports whether a seat was free all the time since a request began: with
// every limit that may have been in force, fewer users are stored than it allows.
func (w *world) wasFree(begun time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return int64(w.stored) < w.lowest(begun)
}

// user returns the body of a create, as Entra sends it.
func user(i int) string {
	name := fmt.Sprintf("user%d", i)
	return stage.User(fmt.Sprintf(`"externalId":"%[1]s-7f3c","userName":"%[1]s@acme.example","active":true,`+
		`"emails":[{"primary":true,"type":"work","value":"%[1]s@acme.example"}],"displayName":"User %[1]s",`+
		`"name":{"formatted":"User %[1]s","familyName":"%[1]s","givenName":"User"},"title":"Engineer","preferredLanguage":"en-US"`, name))
}
