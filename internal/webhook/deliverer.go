package webhook

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/rollcall-scim/rollcall/internal/subscription"
	"github.com/rollcall-scim/rollcall/internal/table"
)

// An Outbox keeps the events that wait for endpoints. Package store implements it.
type Outbox interface {
	// AcquireLease gives the right to deliver to an endpoint to a holder; ok is false if
	// another one has it, or the endpoint does not exist.
	AcquireLease(ctx context.Context, endpoint, holder string, until time.Time) (l subscription.Lease, ok bool, err error)
	ReleaseLease(ctx context.Context, l subscription.Lease) error
	// PendingPage reads the events that wait, in order, after a Seq.
	PendingPage(ctx context.Context, endpoint, after string, limit int) (page []subscription.Pending, more bool, err error)
	// Settle stores what came of events, and renews the lease until its time. It returns
	// subscription.ErrLease if the lease is lost.
	Settle(ctx context.Context, l subscription.Lease, o subscription.Outcome) error
	// Delivery reads what came of an event before.
	Delivery(ctx context.Context, endpoint, event string) (d subscription.Delivery, ok bool, err error)
	// Oldest reads since when the oldest event waits, and the oldest departure.
	Oldest(ctx context.Context, endpoint string) (waiting, urgent subscription.Wait, err error)
}

// A Registry has the endpoints. Package store implements it.
type Registry interface {
	// Endpoints reads all endpoints, disabled ones too.
	Endpoints(ctx context.Context) ([]subscription.Endpoint, error)
	Endpoint(ctx context.Context, id string) (e subscription.Endpoint, ok bool, err error)
	EndpointStates(ctx context.Context, endpoints []subscription.Endpoint) ([]subscription.State, error)
}

// A Sender sends one request. HTTP is one.
type Sender interface {
	Send(ctx context.Context, m Message) subscription.Attempt
}

// A Waker calls Wake for an endpoint after a delay. A wake-up may be lost: Tick finds what
// waits.
type Waker interface {
	WakeAfter(ctx context.Context, endpoint string, delay time.Duration) error
}

// A Config has what a Deliverer needs.
type Config struct {
	Outbox   Outbox
	Registry Registry
	Events   Events
	Sender   Sender
	Waker    Waker
	Log      *slog.Logger
	Now      func() time.Time
	// NewID creates UUIDv7s.
	NewID func() string
	// Jitter returns a time between zero and the given one; nil is by chance.
	Jitter func(longest time.Duration) time.Duration
}

// A Deliverer delivers the events that wait for endpoints. It is safe for concurrent use:
// at one time only one call delivers to an endpoint, in this process or another.
type Deliverer struct{ c Config }

// New returns a Deliverer.
func New(c Config) *Deliverer {
	if c.Jitter == nil {
		// Spreads load; no secret depends on it.
		c.Jitter = func(longest time.Duration) time.Duration { return rand.N(longest + 1) } //nolint:gosec // see above
	}
	return &Deliverer{c}
}

const (
	// leaseTime is how long a lease is good without a renewal: longer than one attempt,
	// with all reads and writes before and after it.
	leaseTime = time.Minute
	// renewTime is how much of a lease must be left before anything is sent.
	renewTime = leaseTime / 2
	// runMargin is how much of the time of a call is left for what was begun: the time of
	// one attempt, and of storing what came of it.
	runMargin = 20 * time.Second
	// longestWake is the longest delay of a wake-up; Tick takes care of later ones.
	longestWake = 15 * time.Minute
)

// Wake delivers what waits for an endpoint and may be tried now, in order for each user and
// group, and logs one line if there was something to do. If another call is delivering to the
// endpoint, that one finds what waits. An error means that it should be called again.
func (d *Deliverer) Wake(ctx context.Context, endpoint string) error {
	ctx, usage := table.WithUsage(ctx)
	l := &line{Endpoint: endpoint}
	start := d.c.Now()
	err := d.wake(ctx, endpoint, l)
	l.Duration, l.Used, l.Err = d.c.Now().Sub(start), usage.Counts(), err
	d.log(ctx, l)
	return err
}

// wake delivers until nothing is left to do now.
func (d *Deliverer) wake(ctx context.Context, id string, l *line) error {
	for {
		r, err := d.begin(ctx, id, l)
		if r == nil || err != nil {
			return err
		}
		err = r.deliver(ctx)
		// Also after a failure: the next call need not wait until the lease ends.
		released := d.c.Outbox.ReleaseLease(context.WithoutCancel(ctx), r.lease)
		if errors.Is(err, subscription.ErrLease) {
			l.Lost = true
			return nil
		}
		if err = errors.Join(err, released); err != nil {
			return err
		}
		if r.over {
			return d.wakeAgain(ctx, r)
		}
		// An event that was stored while the lease was held has been left to this call.
		late, _, err := d.c.Outbox.PendingPage(ctx, id, r.last, 1)
		if err != nil {
			return err
		}
		if len(late) == 0 {
			return d.wakeAgain(ctx, r)
		}
	}
}

// wakeAgain asks for the next call, if there is something to do later.
func (d *Deliverer) wakeAgain(ctx context.Context, r *run) error {
	if r.next.IsZero() {
		return nil
	}
	delay := max(r.next.Sub(d.c.Now()), 0)
	if delay > longestWake {
		return nil
	}
	return d.c.Waker.WakeAfter(ctx, r.endpoint.ID, delay)
}

// begin acquires the lease of an endpoint. It returns nil if there is nothing to do.
func (d *Deliverer) begin(ctx context.Context, id string, l *line) (*run, error) {
	e, ok, err := d.c.Registry.Endpoint(ctx, id)
	if err != nil || !ok {
		return nil, err
	}
	// While it is paused, the wake-ups of new events cost two reads.
	states, err := d.c.Registry.EndpointStates(ctx, []subscription.Endpoint{e})
	if err != nil || e.Disabled.IsZero() && states[0].Paused.After(d.c.Now()) {
		return nil, err
	}
	lease, ok, err := d.c.Outbox.AcquireLease(ctx, id, d.c.NewID(), d.c.Now().Add(leaseTime))
	if err != nil || !ok {
		l.Busy = !ok && err == nil
		return nil, err
	}
	r := newRun(d, e, lease, l)
	if end, ok := ctx.Deadline(); ok {
		r.end = end.Add(-runMargin)
	}
	return r, nil
}

// Tick wakes the endpoints for which something waits, as after a wake-up that was lost or a
// pause, and logs one line about all endpoints.
func (d *Deliverer) Tick(ctx context.Context) error {
	ctx, usage := table.WithUsage(ctx)
	o := &overview{}
	start := d.c.Now()
	err := d.tick(ctx, o)
	o.Duration, o.Used, o.Err = d.c.Now().Sub(start), usage.Counts(), err
	d.logOverview(ctx, o)
	return err
}

func (d *Deliverer) tick(ctx context.Context, o *overview) error {
	endpoints, err := d.c.Registry.Endpoints(ctx)
	if err != nil || len(endpoints) == 0 {
		return err
	}
	states, err := d.c.Registry.EndpointStates(ctx, endpoints)
	if err != nil {
		return err
	}
	now := d.c.Now()
	var failed error
	for i, e := range endpoints {
		waiting, urgent, err := d.c.Outbox.Oldest(ctx, e.ID)
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		// An event that somebody asked for again does not count as waiting since its commit.
		o.add(e, states[i], waiting.Since, urgent.Since, now)
		if !waiting.Since.IsZero() && (!e.Disabled.IsZero() || !states[i].Paused.After(now)) {
			failed = errors.Join(failed, d.c.Waker.WakeAfter(ctx, e.ID, 0))
		}
	}
	return failed
}
