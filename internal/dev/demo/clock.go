package demo

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// A Clock moves only by Pass. It creates the ids of requests, ordered by its
// time. It is safe for concurrent use.
type Clock struct {
	mu  sync.Mutex
	now time.Time
	ids uint16
}

// NewClock returns a Clock.
func NewClock(now time.Time) *Clock { return &Clock{now: now} }

// Now returns the time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Pass advances the clock.
func (c *Clock) Pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Sleep advances the clock, and returns the context's error.
func (c *Clock) Sleep(ctx context.Context, d time.Duration) error {
	c.Pass(d)
	return ctx.Err()
}

// NewID returns a UUIDv7. RFC 9562 §5.7
func (c *Clock) NewID() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ids++
	return fmt.Sprintf("%08x-%04x-7%03x-8000-0000000000de", c.now.UnixMilli()>>16, c.now.UnixMilli()&0xffff, c.ids%0x1000)
}
