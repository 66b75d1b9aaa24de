package app

import (
	"context"
	"sync"
	"time"
)

// A Bell wakes deliveries in this process, as a queue does in a deployment. At most one
// delivery to an endpoint runs at a time, and a wake-up during it causes one more after it.
type Bell struct {
	mu      sync.Mutex
	deliver func(ctx context.Context, endpoint string) error // it logs its errors
	ctx     context.Context                                  //nolint:containedctx // that of the process: deliveries outlive the wake-up
	ringing map[string]bool                                  // the endpoints being delivered to; true if they are to be again
	timers  map[*time.Timer]bool
	runs    sync.WaitGroup
}

// NewBell returns a Bell. Before Deliver is called it wakes nothing: what waits then is found
// by the first look at all endpoints. Its deliveries end with the context.
func NewBell(ctx context.Context) *Bell {
	return &Bell{
		deliver: func(context.Context, string) error { return nil }, ctx: ctx, ringing: map[string]bool{}, timers: map[*time.Timer]bool{},
	}
}

// Deliver sets what a wake-up does.
func (b *Bell) Deliver(deliver func(ctx context.Context, endpoint string) error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.deliver = deliver
}

// Wake implements feed.Waker and adminapi.Waker.
func (b *Bell) Wake(_ context.Context, endpoints []string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ctx.Err() != nil {
		return nil
	}
	for _, endpoint := range endpoints {
		if _, running := b.ringing[endpoint]; running {
			b.ringing[endpoint] = true
			continue
		}
		b.ringing[endpoint] = false
		deliver := b.deliver
		b.runs.Go(func() { b.run(endpoint, deliver) })
	}
	return nil
}

// WakeAfter wakes deliveries to an endpoint after a delay.
func (b *Bell) WakeAfter(ctx context.Context, endpoint string, delay time.Duration) error {
	if delay <= 0 {
		return b.Wake(ctx, []string{endpoint})
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	var timer *time.Timer
	timer = time.AfterFunc(delay, func() {
		b.mu.Lock()
		delete(b.timers, timer)
		b.mu.Unlock()
		_ = b.Wake(ctx, []string{endpoint}) // never fails
	})
	b.timers[timer] = true
	return nil
}

func (b *Bell) run(endpoint string, deliver func(ctx context.Context, endpoint string) error) {
	for again := true; again; {
		_ = deliver(b.ctx, endpoint)
		b.mu.Lock()
		if again = b.ringing[endpoint] && b.ctx.Err() == nil; again {
			b.ringing[endpoint] = false
		} else {
			delete(b.ringing, endpoint)
		}
		b.mu.Unlock()
	}
}

// Wait waits for the deliveries in progress, after the Bell's context has ended.
func (b *Bell) Wait() {
	b.mu.Lock()
	for timer := range b.timers {
		timer.Stop()
	}
	b.mu.Unlock()
	b.runs.Wait()
}
