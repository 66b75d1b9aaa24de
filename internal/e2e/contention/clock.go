package contention

import (
	"context"
	"sync"
	"time"
)

// A clock gives every event of a world a time of its own. Go runs goroutines that
// wake at the same time in any order, so that two events at one time would make a
// run different from the next.
type clock struct {
	mu    sync.Mutex
	taken map[time.Time]bool
}

func newClock() *clock { return &clock{taken: map[time.Time]bool{}} }

// sleep waits for about a time, until an event may happen, and another one after
// each of the given times. It returns the error of a context that ended first.
func (c *clock) sleep(ctx context.Context, d time.Duration, then ...time.Duration) error {
	timer := time.NewTimer(time.Until(c.take(d, then)))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// take reserves the time of an event, and of those after it.
func (c *clock) take(d time.Duration, then []time.Duration) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := time.Now().Add(d)
	for !c.isFree(at, then) {
		at = at.Add(1)
	}
	c.taken[at] = true
	for _, later := range then {
		c.taken[at.Add(later)] = true
	}
	return at
}

func (c *clock) isFree(at time.Time, then []time.Duration) bool {
	free := !c.taken[at]
	for _, later := range then {
		free = free && !c.taken[at.Add(later)]
	}
	return free
}
