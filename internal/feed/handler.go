package feed

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/rollcall-scim/rollcall/internal/event"
	"github.com/rollcall-scim/rollcall/internal/logline"
	"github.com/rollcall-scim/rollcall/internal/subscription"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// A Config has what a Handler needs.
type Config struct {
	Decoder Decoder
	// Derive returns the events of a source: event.Of.
	Derive    func(tenant.ID, event.Source) []event.Draft
	Endpoints Endpoints
	Queue     Queue
	// Waker is nil for a deployment without webhooks: nothing is then stored for them.
	Waker Waker
	// Bus is nil for a deployment without one. Documents are read for it only: those of
	// webhooks are read at their delivery.
	Bus       Publisher
	Documents Documents
	// Watcher is nil if nothing is watched.
	Watcher Watcher
	Log     *slog.Logger
	// Quiet leaves out the log lines of batches from which nothing follows.
	Quiet bool
	Now   func() time.Time
	// Sleep waits between attempts at the bus; nil means the clock.
	Sleep func(context.Context, time.Duration) error
}

// A Handler hands the events of a stream's records on. It keeps nothing between two batches:
// what it stores is determined by the records alone, so that a batch may come again, in
// whole or in part.
type Handler struct{ c Config }

// NewHandler returns a Handler.
func NewHandler(c Config) *Handler {
	if c.Sleep == nil {
		c.Sleep = sleep
	}
	return &Handler{c}
}

// maxPortion is the largest number of waiting events that are stored, and of events that are
// published, before the next ones of a batch. It bounds memory, and what is done again after a
// failure.
const maxPortion = 100

// maxMembers is the largest number of members that the published events of a portion name, if
// they are of several changes: each is read.
const maxMembers = 2000

// wakeTime is how long a batch waits for its wake-ups.
const wakeTime = 2 * time.Second

// A change is what a record causes.
type change struct {
	key      table.Key
	sequence string
	drafts   []event.Draft
	pending  []subscription.Pending
}

// A batch has the fields of the log line of one batch.
type batch struct {
	Records   int `log:"records,always"`
	Events    int `log:"events,always"`
	Pending   int `log:"pending,always"`
	Published int `log:"published,always"`
	// Failed is the number of records that the stream has to send again: the first one that
	// failed and all after it.
	Failed     int           `log:"recordsFailed,always"`
	Poison     int           `log:"poison,always"`
	Duration   time.Duration `log:"durationMs,always"`
	Err        error         `log:"error"`
	WakeFailed error         `log:"wakeError"`
	wake       map[string]bool
}

// Handle hands on the events of records, in their order, and logs one line. After an error the
// records before the one that failed are done; that one, by its sequence, and all after it
// have to come again.
//
// A record that cannot be read, now or ever, is logged and counted, and the ones after it
// are handled.
func (h *Handler) Handle(ctx context.Context, records []table.Record) (failed string, err error) {
	start := h.c.Now()
	ctx, usage := table.WithUsage(ctx)
	b := &batch{Records: len(records), wake: map[string]bool{}}
	done, err := h.handle(ctx, records, b)
	h.wake(ctx, b)
	if err != nil {
		failed, b.Err, b.Failed = records[done].Sequence, err, len(records)-done
	}
	b.Duration = h.c.Now().Sub(start)
	h.log(ctx, b, usage.Counts())
	return failed, err
}

// handle returns how many records are done: all, if there is no error.
func (h *Handler) handle(ctx context.Context, records []table.Record, b *batch) (done int, err error) {
	changes, failure := h.read(ctx, records, b)
	if len(changes) > 0 {
		endpoints, err := h.endpoints(ctx)
		if err != nil {
			return indexOf(records, changes[0].sequence), fmt.Errorf("the endpoints cannot be read: %w", err)
		}
		for i := range changes {
			changes[i].address(endpoints)
			b.Events += len(changes[i].drafts)
		}
	}
	for len(changes) > 0 {
		n := portion(changes)
		handed, err := h.hand(ctx, changes[:n], b)
		if err != nil {
			return indexOf(records, changes[handed].sequence), err
		}
		changes = changes[n:]
	}
	done = len(records)
	if failure != nil {
		done, err = indexOf(records, failure.sequence), failure.err
	}
	if watched, fault := h.watch(ctx, records[:done]); fault != nil {
		return watched, fault
	}
	return done, err
}

// watch looks at records whose events were handed on. A fault of it keeps no event back, but
// the records come again.
func (h *Handler) watch(ctx context.Context, records []table.Record) (failed int, err error) {
	if h.c.Watcher == nil {
		return len(records), nil
	}
	if failed, err = h.c.Watcher.Watch(ctx, records); err != nil {
		return failed, fmt.Errorf("what the changes mean for the tenant cannot be reported: %w", err)
	}
	return failed, nil
}

// endpoints reads the endpoints for each batch: one that was registered before a change gets
// its event.
func (h *Handler) endpoints(ctx context.Context) ([]subscription.Endpoint, error) {
	if h.c.Waker == nil {
		return nil, nil
	}
	return h.c.Endpoints.Endpoints(ctx)
}

func indexOf(records []table.Record, sequence string) int {
	return slices.IndexFunc(records, func(r table.Record) bool { return r.Sequence == sequence })
}

// A failure is a record whose source cannot be read now.
type failure struct {
	sequence string
	err      error
}

// read returns what the records cause, up to the first one whose source cannot be read now.
func (h *Handler) read(ctx context.Context, records []table.Record, b *batch) ([]change, *failure) {
	var changes []change
	for _, r := range records {
		t, source, ok, err := h.decode(r)
		if err != nil {
			h.poisoned(ctx, r.Key, r.Sequence, err, b)
			continue
		}
		if !ok {
			continue
		}
		if e := source.Entry; e != nil && e.NewSet {
			if source, err = h.c.Decoder.ReadSet(ctx, t, source); err != nil {
				return changes, &failure{r.Sequence, fmt.Errorf("the new members of a group cannot be read: %w", err)}
			}
		}
		drafts, err := h.derive(t, source)
		if err != nil {
			h.poisoned(ctx, r.Key, r.Sequence, err, b)
			continue
		}
		if len(drafts) > 0 {
			changes = append(changes, newChange(r, source, drafts))
		}
	}
	return changes, nil
}

// decode returns the source of a record. Only what is new causes events: what is removed
// because its time is over, or written again, has caused its own.
func (h *Handler) decode(r table.Record) (t tenant.ID, source event.Source, ok bool, err error) {
	if r.Fault != nil {
		return t, source, false, r.Fault
	}
	if r.Item == nil || !r.Inserted {
		return t, source, false, nil
	}
	defer recovered(&err)
	return h.c.Decoder.DecodeSource(r)
}

// derive returns the events of a source.
func (h *Handler) derive(t tenant.ID, source event.Source) (drafts []event.Draft, err error) {
	defer recovered(&err)
	return h.c.Derive(t, source), nil
}

// recovered turns a panic into an error: a fault of ours in one record must not stop the
// records of all tenants after it. The panic's text may contain values of the record.
func recovered(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("panic of type %T", p)
	}
}

// poisoned logs a record that causes no event because it cannot be read, or whose event the
// bus can never take. Its item stays in the table, where its key finds it.
func (h *Handler) poisoned(ctx context.Context, key table.Key, sequence string, err error, b *batch) {
	b.Poison++
	h.c.Log.LogAttrs(ctx, slog.LevelError, "", slog.String("event", "feed.poison"),
		slog.String("partition", key.Partition), slog.String("sort", key.Sort), slog.String("sequence", sequence),
		slog.String("error", err.Error()))
}

func newChange(r table.Record, source event.Source, drafts []event.Draft) change {
	c := change{key: r.Key, sequence: r.Sequence, drafts: drafts}
	for _, d := range drafts {
		c.pending = append(c.pending, subscription.Pending{
			Seq: order(r, d), Tenant: d.Tenant, Event: d.ID(), Key: d.Key, Part: d.Part, Signal: source.Signal != nil,
			Type: d.Type, Resource: resource(d), Committed: d.Time,
		})
	}
	return c
}

func resource(d event.Draft) string {
	if d.Subject.Type == "" || d.Subject.ID == "" {
		return ""
	}
	return d.Subject.Type + "#" + d.Subject.ID
}

// address replaces the events of a change by one for each endpoint that wants it.
func (c *change) address(endpoints []subscription.Endpoint) {
	events := c.pending
	c.pending = nil
	for _, p := range events {
		for _, e := range endpoints {
			if e.Wants(p.Tenant, p.Type) {
				p.Endpoint = e.ID
				c.pending = append(c.pending, p)
			}
		}
	}
}

// portion returns how many of the changes are handed on next: at least one.
func portion(changes []change) int {
	events, pending, members := 0, 0, 0
	for n, c := range changes {
		events, pending = events+len(c.drafts), pending+len(c.pending)
		for _, d := range c.drafts {
			members += len(d.Added) + len(d.Removed)
		}
		if n > 0 && (events > maxPortion || pending > maxPortion || members > maxMembers) {
			return n
		}
	}
	return len(changes)
}

// hand publishes and enqueues the events of changes, and returns how many changes are done.
// Those that the bus does not take are not enqueued either: while it fails, they would be
// sent to the endpoints at each attempt.
func (h *Handler) hand(ctx context.Context, changes []change, b *batch) (done int, err error) {
	published, failure := h.publish(ctx, changes, b)
	done, err = h.enqueue(ctx, changes[:published], b)
	if err == nil {
		err = failure
	}
	return done, err
}

// enqueue stores the waiting events of changes. If they cannot be stored together, it stores
// those of one change after another, up to the one that fails.
func (h *Handler) enqueue(ctx context.Context, changes []change, b *batch) (done int, err error) {
	if err = h.store(ctx, changes, b); err == nil {
		return len(changes), nil
	}
	if len(changes) == 1 || ctx.Err() != nil {
		return 0, err
	}
	for i := range changes {
		if err := h.store(ctx, changes[i:i+1], b); err != nil {
			return i, err
		}
	}
	return len(changes), nil
}

func (h *Handler) store(ctx context.Context, changes []change, b *batch) error {
	var pending []subscription.Pending
	for _, c := range changes {
		pending = append(pending, c.pending...)
	}
	if len(pending) == 0 {
		return nil
	}
	if err := h.c.Queue.Enqueue(ctx, pending); err != nil {
		return fmt.Errorf("events for webhooks cannot be stored: %w", err)
	}
	b.Pending += len(pending)
	for _, p := range pending {
		b.wake[p.Endpoint] = true
	}
	return nil
}

// wake starts the deliveries of what was stored, also if the time of the batch is over. A
// failure only delays them until the next schedule.
func (h *Handler) wake(ctx context.Context, b *batch) {
	if len(b.wake) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), wakeTime)
	defer cancel()
	b.WakeFailed = h.c.Waker.Wake(ctx, slices.Sorted(maps.Keys(b.wake)))
}

func (h *Handler) log(ctx context.Context, b *batch, used table.Counts) {
	level := slog.LevelInfo
	switch {
	case h.c.Quiet && b.Err == nil && b.Poison+b.Pending+b.Published == 0:
		return
	case b.Err != nil:
		level = slog.LevelError
	case b.Poison > 0 || b.WakeFailed != nil:
		level = slog.LevelWarn
	}
	attrs := append([]slog.Attr{slog.String("event", "feed")}, logline.Fields(b)...)
	h.c.Log.LogAttrs(ctx, level, "", append(attrs, logline.Fields(used)...)...)
}
