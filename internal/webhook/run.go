package webhook

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/rollcall-scim/rollcall/internal/event"
	"github.com/rollcall-scim/rollcall/internal/subscription"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

const (
	// parallelSends is how many requests an endpoint gets at once.
	parallelSends = 8
	// pageSize is how many waiting events are read at once, and half of it how few are in
	// memory before more are read.
	pageSize = 100
	// MaxInMemory is the most events of an endpoint that are in memory.
	MaxInMemory = pageSize + pageSize/2
)

// A run is the work of one call of Wake under one lease. Its fields are used by one goroutine;
// the attempts have goroutines of their own.
type run struct {
	d        *Deliverer
	endpoint subscription.Endpoint
	lease    subscription.Lease
	line     *line
	// end is after when no attempt begins, zero if there is no end.
	end time.Time
	// over reports that the call must end: the endpoint is paused, or time is up. next is
	// when another call has to follow this one, zero if others see to it: each call asks for
	// what it caused itself, so that many do not ask for the same.
	over bool
	next time.Time
	// fresh reports that the registration was read just now, deleted that the endpoint does
	// not exist any more.
	fresh, deleted bool
	// last is the Seq of the last event that was read.
	last string

	// state is how the endpoint does, stored how that is in the table.
	state, stored subscription.State
	// probing reports that the endpoint is tried after a pause.
	probing bool
	tried   int
	failure error

	// whole reports that all events that wait were read.
	whole bool
	// ready are events that may be sent. queued are those that wait for one of the same
	// resource that is busy: ready or on its way. held are the resources of which an event
	// waits for another attempt. loaded counts the events in memory, flying those on their
	// way.
	ready          []subscription.Pending
	queued         map[string][]subscription.Pending
	busy, held     map[string]bool
	loaded, flying int
	results        chan result
	settled        []subscription.Settlement
}

// A result is what came of an attempt.
type result struct {
	pending subscription.Pending
	// before is the delivery before the attempt.
	before  subscription.Delivery
	attempt subscription.Attempt
	// gone says why no attempt was made and none can be, in a sentence.
	gone string
	// own reports that the attempt failed before anything was sent.
	own bool
	// err is why no attempt was made: it is for a later call.
	err error
}

func newRun(d *Deliverer, e subscription.Endpoint, lease subscription.Lease, l *line) *run {
	return &run{d: d, endpoint: e, fresh: true, lease: lease, line: l, results: make(chan result, parallelSends)}
}

// deliver tries what may be tried, until nothing is left, or the call must end.
func (r *run) deliver(ctx context.Context) error {
	states, err := r.d.c.Registry.EndpointStates(ctx, []subscription.Endpoint{r.endpoint})
	if err != nil {
		return err
	}
	r.state, r.stored = states[0], states[0]
	for {
		if ok, err := r.refresh(ctx); err != nil || !ok {
			return err
		}
		r.fresh = true // for the first page
		if !r.endpoint.Disabled.IsZero() {
			return r.drop(ctx)
		}
		now := r.d.c.Now()
		if r.state.Paused.After(now) {
			r.over, r.line.PausedSeconds = true, r.state.Paused.Sub(now).Seconds()
			if !r.next.IsZero() { // this call has paused it
				r.next = r.state.Paused
			}
			return nil
		}
		before := r.tried
		if r.state.Paused.IsZero() {
			err = r.pass(ctx)
		} else {
			err = r.probe(ctx)
		}
		if err == nil && !r.state.Disabled.IsZero() {
			err = r.announce(ctx)
		}
		if err != nil || r.over || r.tried == before || r.emptied() {
			return err
		}
	}
}

// emptied reports whether all events that waited when they were read are settled. The call
// then looks for new ones from the beginning.
func (r *run) emptied() bool {
	if !r.whole || len(r.held) > 0 || !r.state.Paused.IsZero() || !r.state.Disabled.IsZero() {
		return false
	}
	r.last = ""
	return true
}

// refresh reads the registration again: a person may have changed it.
func (r *run) refresh(ctx context.Context) (ok bool, err error) {
	if r.fresh {
		r.fresh = false
		return true, nil
	}
	e, ok, err := r.d.c.Registry.Endpoint(ctx, r.endpoint.ID)
	if ok {
		r.endpoint = e
	}
	r.deleted = !ok && err == nil
	return ok, err
}

// pass reads all events that wait, in order, and tries those that may be tried.
func (r *run) pass(ctx context.Context) error {
	r.reset()
	more := true
	for {
		for more && r.open(ctx) && r.loaded < pageSize/2 && len(r.held) < MaxHeld {
			var err error
			if more, err = r.read(ctx); err != nil {
				return r.stop(err)
			}
		}
		if err := r.renew(ctx); err != nil {
			return r.stop(err)
		}
		r.start(ctx)
		if r.flying == 0 {
			break
		}
		r.collect()
		r.start(ctx)
		if err := r.settle(ctx); err != nil {
			return r.stop(err)
		}
	}
	r.line.Held, r.whole = len(r.held), !more
	// What is after too many held resources is for a later call.
	r.over = r.over || len(r.held) >= MaxHeld
	r.interrupt()
	return r.failure
}

// interrupt ends the call if its time is up.
func (r *run) interrupt() {
	if r.late() {
		r.line.Interrupted, r.over, r.next = true, true, r.d.c.Now()
	}
}

// probe tries one event after a pause: of the first ones of their resources one that was
// tried least. So an event that no endpoint would take does not keep a working one paused.
func (r *run) probe(ctx context.Context) error {
	r.reset()
	page, _, err := r.d.c.Outbox.PendingPage(ctx, r.endpoint.ID, "", pageSize)
	if err != nil || len(page) == 0 {
		return err
	}
	first := map[string]bool{}
	var chosen *subscription.Pending
	for i, p := range page {
		key := resourceOf(p)
		if !first[key] && (chosen == nil || p.Attempts < chosen.Attempts) {
			chosen = &page[i]
		}
		first[key] = true
	}
	r.probing = true
	defer func() { r.probing = false }()
	r.busy[resourceOf(*chosen)] = true
	r.ready, r.loaded = append(r.ready, *chosen), 1
	if err := r.renew(ctx); err != nil {
		return err
	}
	if r.start(ctx); r.flying > 0 {
		r.collect()
	}
	r.interrupt()
	return errors.Join(r.settle(ctx), r.failure)
}

// reset forgets the events in memory.
func (r *run) reset() {
	r.ready, r.loaded, r.last, r.whole = nil, 0, "", false
	r.queued, r.busy, r.held = map[string][]subscription.Pending{}, map[string]bool{}, map[string]bool{}
}

// read reads a page of events. It reports whether others may follow.
func (r *run) read(ctx context.Context) (more bool, err error) {
	if ok, err := r.refresh(ctx); err != nil || !ok {
		return false, err
	}
	page, more, err := r.d.c.Outbox.PendingPage(ctx, r.endpoint.ID, r.last, pageSize)
	for _, p := range page {
		r.take(p)
		r.last = p.Seq
	}
	return more && len(page) > 0, err
}

// take puts an event where it waits.
func (r *run) take(p subscription.Pending) {
	key := resourceOf(p)
	switch wait := r.due(p).Sub(r.d.c.Now()); {
	case r.held[key]:
	case wait > 0:
		if r.held[key] = true; wait <= soon {
			r.follow(p.Due)
		}
	case r.busy[key]:
		r.queued[key] = append(r.queued[key], p)
		r.loaded++
	default:
		r.busy[key] = true
		r.ready = append(r.ready, p)
		r.loaded++
	}
}

// resourceOf names what has an order: events of one resource are sent one after another, and
// one about a tenant for itself.
func resourceOf(p subscription.Pending) string {
	if p.Resource == "" {
		return p.Seq
	}
	return p.Tenant.String() + "#" + p.Resource
}

// due returns when an event may be tried. What failed before the endpoint worked again may be
// tried at once.
func (r *run) due(p subscription.Pending) time.Time {
	if p.Tried.Before(r.state.Recovered) {
		return time.Time{}
	}
	return p.Due
}

// soon is how near an attempt is that a call asks for although another one has caused it: the
// one that did may have asked for an earlier attempt only.
const soon = 10 * time.Second

// follow asks for another call at a time.
func (r *run) follow(at time.Time) {
	if r.next.IsZero() || at.Before(r.next) {
		r.next = at
	}
}

// open reports whether attempts may begin.
func (r *run) open(ctx context.Context) bool {
	return r.failure == nil && ctx.Err() == nil && !r.late() && !r.deleted && r.endpoint.Disabled.IsZero() && r.state.Disabled.IsZero() &&
		(r.state.Paused.IsZero() || r.probing)
}

// late reports whether there is no time for another attempt.
func (r *run) late() bool { return !r.end.IsZero() && r.d.c.Now().After(r.end) }

// renew renews the lease if too little of it is left for an attempt.
func (r *run) renew(ctx context.Context) error {
	if r.d.c.Now().Add(renewTime).Before(r.lease.Until) {
		return nil
	}
	return r.store(ctx, subscription.Outcome{})
}

// start begins attempts, as many as may be made at once.
func (r *run) start(ctx context.Context) {
	for len(r.ready) > 0 && r.flying < parallelSends && r.open(ctx) {
		p, e := r.ready[0], r.endpoint
		r.ready = r.ready[1:]
		r.flying++
		r.tried++
		go func() { r.results <- r.d.attempt(ctx, e, p) }()
	}
}

// collect waits for the result of an attempt, and takes those that are there too.
func (r *run) collect() {
	r.finish(<-r.results)
	for r.flying > 0 {
		select {
		case res := <-r.results:
			r.finish(res)
		default:
			return
		}
	}
}

// finish decides what follows from a result.
func (r *run) finish(res result) {
	r.flying--
	r.loaded--
	key := resourceOf(res.pending)
	if res.err != nil {
		r.failure = errors.Join(r.failure, res.err)
		return
	}
	s := r.judge(res)
	r.settled = append(r.settled, s)
	if !s.Delivery.Done() {
		r.loaded -= len(r.queued[key])
		delete(r.queued, key)
		r.held[key] = true
		r.follow(s.Pending.Due)
	}
	if next := r.queued[key]; len(next) > 0 {
		r.ready, r.queued[key] = append(r.ready, next[0]), next[1:]
		return
	}
	delete(r.queued, key)
	delete(r.busy, key)
}

// judge decides whether an event is delivered, tried again or given up, and what that says of
// the endpoint.
func (r *run) judge(res result) subscription.Settlement {
	p, d := res.pending, res.before
	if res.gone != "" {
		r.line.GivenUp++
		return giveUp(p, d, res.gone)
	}
	d.Attempts = append(slices.Clone(d.Attempts), res.attempt)
	d.Attempts = d.Attempts[max(len(d.Attempts)-subscription.MaxAttemptsKept, 0):]
	d.Count++
	if d.First.IsZero() {
		d.First = res.attempt.Time
	}
	if p.First.IsZero() {
		p.First = res.attempt.Time
	}
	p.Attempts, p.Tried = p.Attempts+1, res.attempt.Time
	if acknowledges(res.attempt) {
		r.succeeded()
		d.Next, d.GivenUp, d.Reason = time.Time{}, false, ""
		if d.Delivered.IsZero() {
			d.Delivered = res.attempt.Time.Add(res.attempt.Duration)
		}
		return subscription.Settlement{Pending: p, Delivery: d}
	}
	r.line.Failed++
	if !res.own {
		r.failed(res)
	}
	if p.Attempts >= MaxAttempts && !r.probing && (res.own || r.state.LastSuccess.After(p.First)) {
		r.line.GivenUp++
		return giveUp(p, d, fmt.Sprintf("The endpoint acknowledged others, but not this event in %d attempts.", p.Attempts))
	}
	p.Due = r.d.c.Now().Add(r.d.delay(p.Attempts))
	d.Next, d.GivenUp, d.Reason = p.Due, false, ""
	return subscription.Settlement{Pending: p, Delivery: d}
}

// giveUp returns the settlement of an event that is not tried again.
func giveUp(p subscription.Pending, d subscription.Delivery, reason string) subscription.Settlement {
	d.Next, d.GivenUp, d.Reason = time.Time{}, true, reason
	return subscription.Settlement{Pending: p, Delivery: d}
}

// acknowledges reports whether an answer is a 2xx.
func acknowledges(a subscription.Attempt) bool { return a.Status >= 200 && a.Status <= 299 }

// succeeded records that the endpoint works.
func (r *run) succeeded() {
	r.line.Delivered++
	now := r.d.c.Now()
	back := r.state.Recovered
	if !r.state.Paused.IsZero() {
		back = now
	}
	r.state = subscription.State{LastSuccess: now, Recovered: back, Disabled: r.state.Disabled, Reason: r.state.Reason}
	r.probing = false
}

// failed records that the endpoint did not acknowledge an event, and pauses or disables it.
func (r *run) failed(res result) {
	now, s := r.d.c.Now(), &r.state
	s.Failures++
	if s.FailingSince.IsZero() {
		s.FailingSince = now
	}
	if res.pending.Attempts == 0 {
		s.Streak++
	}
	switch {
	case r.probing:
		s.Pauses++
		s.Paused = now.Add(r.d.delay(s.Pauses))
	case s.Streak >= MaxStreak && s.Paused.IsZero():
		s.Pauses = 1
		s.Paused = now.Add(r.d.delay(1))
	}
	switch {
	case res.attempt.Status == 410:
		r.disable("The endpoint answered 410 (Gone): it wants no more events.")
	case now.Sub(s.FailingSince) >= FailingTime:
		r.disable("The endpoint has acknowledged no event for 3 days.")
	}
}

// disable disables the endpoint.
func (r *run) disable(reason string) {
	if r.state.Disabled.IsZero() {
		r.state.Disabled, r.state.Reason, r.line.Disabled = r.d.c.Now(), reason, reason
	}
}

// settle stores the results.
func (r *run) settle(ctx context.Context) error {
	for chunk := range slices.Chunk(r.settled, subscription.MaxSettled) {
		if err := r.store(ctx, subscription.Outcome{Settled: chunk, State: r.changed()}); err != nil {
			return err
		}
	}
	r.settled = nil
	return nil
}

// lastSuccessTime is how old the stored time of the last success may be.
const lastSuccessTime = time.Minute

// changed returns the state if it must be stored now. An endpoint is disabled by a transaction
// of its own, with the notices of it.
func (r *run) changed() *subscription.State {
	same := r.state
	same.LastSuccess = r.stored.LastSuccess
	if same == r.stored && r.state.LastSuccess.Sub(r.stored.LastSuccess) < lastSuccessTime || !r.state.Disabled.IsZero() {
		return nil
	}
	return &r.state
}

// store stores an outcome, and renews the lease.
func (r *run) store(ctx context.Context, o subscription.Outcome) error {
	lease := r.lease
	lease.Until = r.d.c.Now().Add(leaseTime)
	// Also if the call was cancelled: what was acknowledged need not be sent again.
	if err := r.d.c.Outbox.Settle(context.WithoutCancel(ctx), lease, o); err != nil {
		return err
	}
	r.lease = lease
	if o.State != nil {
		r.stored = *o.State
	}
	return nil
}

// announce stores that the endpoint is disabled, in one transaction with the events about it
// for the others, and wakes these.
func (r *run) announce(ctx context.Context) error {
	endpoints, err := r.d.c.Registry.Endpoints(ctx)
	if err != nil {
		return err
	}
	now, id := r.d.c.Now(), r.d.c.NewID()
	var notices []subscription.Pending
	for _, e := range endpoints {
		if e.ID != r.endpoint.ID && e.Wants(tenant.ID{}, event.WebhookDisabled) {
			notices = append(notices, subscription.Pending{
				Endpoint: e.ID, Seq: id + "/" + id, Event: id, Key: id, Type: event.WebhookDisabled, Committed: now,
				Details: map[string]string{"webhook": r.endpoint.ID, "label": r.endpoint.Label, "reason": r.state.Reason},
			})
		}
	}
	state := r.state
	if err := r.store(ctx, subscription.Outcome{State: &state, Notices: notices}); err != nil {
		return err
	}
	for _, p := range notices {
		// Tick finds it if the wake-up is lost.
		if err := r.d.c.Waker.WakeAfter(ctx, p.Endpoint, 0); err != nil {
			r.d.c.Log.LogAttrs(ctx, slog.LevelWarn, "", slog.String("event", eventWake), slog.String("endpoint", p.Endpoint), slog.String("error", err.Error()))
		}
	}
	return nil
}

// drop gives up what waits for a disabled endpoint: once enabled, it gets events from then on.
func (r *run) drop(ctx context.Context) error {
	r.reset()
	for ctx.Err() == nil && !r.late() {
		page, _, err := r.d.c.Outbox.PendingPage(ctx, r.endpoint.ID, "", subscription.MaxSettled)
		if err != nil || len(page) == 0 {
			return err
		}
		var o subscription.Outcome
		for _, p := range page {
			before, err := r.d.before(ctx, p)
			if err != nil {
				return err
			}
			o.Settled = append(o.Settled, giveUp(p, before, "The endpoint is disabled. "+r.endpoint.Reason))
			r.last = p.Seq
		}
		if err := r.store(ctx, o); err != nil {
			return err
		}
		r.line.Dropped += len(page)
	}
	r.interrupt()
	return ctx.Err()
}

// stop waits for the attempts that are on their way, whose results are lost: their events are
// tried again.
func (r *run) stop(err error) error {
	for ; r.flying > 0; r.flying-- {
		<-r.results
	}
	return err
}
