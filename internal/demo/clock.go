package demo

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// A Clock stands still but for Pass. It makes the ids of requests, which are in the
// order of its time. Safe for concurrent use.
type Clock struct {
	mu  sync.Mutex
	now time.Time
	ids uint16
}

// NewClock makes a Clock.
func NewClock(now time.Time) *Clock { return &Clock{now: now} }

// Now is the time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Pass lets time pass.
func (c *Clock) Pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Sleep lets time pass, and returns the context's error.
func (c *Clock) Sleep(ctx context.Context, d time.Duration) error {
	c.Pass(d)
	return ctx.Err()
}

// NewID makes a UUIDv7. RFC 9562 §5.7
func (c *Clock) NewID() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ids++
	return fmt.Sprintf("%08x-%04x-7%03x-8000-0000000000de", c.now.UnixMilli()>>16, c.now.UnixMilli()&0xffff, c.ids%0x1000)
}
