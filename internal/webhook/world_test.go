package webhook_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/event"
	"github.com/rollcall-scim/rollcall/internal/logline"
	"github.com/rollcall-scim/rollcall/internal/store"
	"github.com/rollcall-scim/rollcall/internal/subscription"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
	"github.com/rollcall-scim/rollcall/internal/webhook"
)

// A request is one that an endpoint got.
type request struct {
	endpoint, event string
	at              time.Time
}

// world has endpoints, the events that wait for them, and processes that deliver. It is in a
// bubble of virtual time.
type world struct {
	t     *testing.T
	table table.Table
	store *store.Store
	acme  tenant.ID
	// answer is what endpoints answer; nil is 200 at once.
	answer func(r request, attempt int) subscription.Attempt
	log    buffer

	mu   sync.Mutex
	got  []request
	woke map[string]int
	n    int
}

// buffer is a log of several processes.
type buffer struct {
	mu  sync.Mutex
	log bytes.Buffer
}

func (b *buffer) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.log.Write(line)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.log.String()
}

func (b *buffer) Reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.log.Reset()
}

// inBubble runs a test in virtual time.
func inBubble(t *testing.T, do func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { do(t, newWorld(t, enginetest.Memory(t))) })
}

func newWorld(t *testing.T, on table.Table) *world {
	t.Helper()
	acme, err := tenant.ParseID("acme")
	require.NoError(t, err)
	w := &world{t: t, table: on, acme: acme, woke: map[string]int{}}
	w.store = w.storeOn(on)
	require.NoError(t, w.store.CreateTenant(t.Context(), acme, tenant.DefaultSettings(), 10, 10, time.Now()))
	return w
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }

func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

func (w *world) storeOn(on table.Table) *store.Store {
	return store.New(table.Retrying(on), newID, now)
}

// endpoint registers an endpoint.
func (w *world) endpoint(id string, tenants ...tenant.ID) {
	w.t.Helper()
	read, err := w.store.Registrations(w.t.Context())
	require.NoError(w.t, err)
	require.NoError(w.t, w.store.CreateEndpoint(w.t.Context(), read, subscription.Endpoint{
		ID: id, URL: "https://" + id + ".example.com", Tenants: tenants, Version: 1, Created: now(), Secrets: []subscription.Secret{{Key: []byte(id)}},
	}))
}

// pending returns an event of a user that waits for an endpoint, after those before it.
func (w *world) pending(endpoint, user string) subscription.Pending {
	w.n++
	id := fmt.Sprintf("e%07d", w.n)
	return subscription.Pending{
		Endpoint: endpoint, Seq: id + "/" + id, Event: id, Key: id, Tenant: w.acme, Type: event.UserUpdated,
		Resource: "User#" + user, Committed: now(),
	}
}

// waits stores events that wait.
func (w *world) waits(events ...subscription.Pending) {
	w.t.Helper()
	for chunk := range slices.Chunk(events, 1000) {
		require.NoError(w.t, w.store.Enqueue(w.t.Context(), chunk))
	}
}

// left returns the events that wait for an endpoint.
func (w *world) left(endpoint string) []subscription.Pending {
	w.t.Helper()
	var all []subscription.Pending
	for after, more := "", true; more; {
		page, m, err := w.store.PendingPage(w.t.Context(), endpoint, after, 1000)
		require.NoError(w.t, err)
		if all, more = append(all, page...), m; len(page) > 0 {
			after = page[len(page)-1].Seq
		}
	}
	return all
}

// process returns a Deliverer on a table.
func (w *world) process(on table.Table, change ...func(*webhook.Config)) *webhook.Deliverer {
	s := w.storeOn(on)
	c := webhook.Config{
		Outbox: s, Registry: s, Events: plain{}, Sender: w, Waker: w, Log: slog.New(logline.Handler(&w.log, slog.LevelDebug)), Now: now, NewID: newID,
		Jitter: func(time.Duration) time.Duration { return 0 },
	}
	for _, change := range change {
		change(&c)
	}
	return webhook.New(c)
}

// plain are documents with what the waiting event has.
type plain struct{}

func (plain) Event(_ context.Context, p subscription.Pending) (adminwire.Event, error) {
	return adminwire.Event{ID: p.Event, Type: string(p.Type), Tenant: p.Tenant.String(), Time: p.Committed, Data: []byte("null")}, nil
}

// Send is what endpoints do with a request.
func (w *world) Send(_ context.Context, m webhook.Message) subscription.Attempt {
	id, _, _ := strings.Cut(strings.TrimPrefix(m.URL, "https://"), ".")
	r := request{id, m.ID, now()}
	w.mu.Lock()
	w.got = append(w.got, r)
	attempt := 0
	for _, other := range w.got {
		if other.endpoint == r.endpoint && other.event == r.event {
			attempt++
		}
	}
	answer := w.answer
	w.mu.Unlock()
	if answer == nil {
		return subscription.Attempt{Time: r.at, Status: 200}
	}
	a := answer(r, attempt)
	a.Time = r.at
	return a
}

// WakeAfter counts a wake-up that is lost.
func (w *world) WakeAfter(_ context.Context, endpoint string, _ time.Duration) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.woke[endpoint]++
	return nil
}

// requests returns how often an endpoint got each event, in the order of the first ones.
func (w *world) requests(endpoint string) (events []string, count map[string]int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	count = map[string]int{}
	for _, r := range w.got {
		if r.endpoint != endpoint {
			continue
		}
		if count[r.event]++; count[r.event] == 1 {
			events = append(events, r.event)
		}
	}
	return events, count
}

// live runs a Deliverer as a deployment does, for a time: each wake-up calls it after its
// delay, and Tick is called each minute.
func (w *world) live(d *webhook.Deliverer, alarm *timers, span time.Duration) {
	w.t.Helper()
	for end := now().Add(span); now().Before(end); {
		require.NoError(w.t, d.Tick(w.t.Context()))
		time.Sleep(time.Minute)
	}
	alarm.wait()
}

// timers are wake-ups at their time.
type timers struct {
	wake  func(ctx context.Context, endpoint string) error
	calls sync.WaitGroup
	errs  atomic.Int64
}

func (a *timers) WakeAfter(ctx context.Context, endpoint string, delay time.Duration) error {
	a.calls.Add(1)
	ctx = context.WithoutCancel(ctx)
	time.AfterFunc(delay, func() {
		defer a.calls.Done()
		if err := a.wake(ctx, endpoint); err != nil {
			a.errs.Add(1)
		}
	})
	return nil
}

func (a *timers) wait() { a.calls.Wait() }

// living returns a Deliverer whose wake-ups call it.
func (w *world) living(change ...func(*webhook.Config)) (*webhook.Deliverer, *timers) {
	alarm := &timers{}
	d := w.process(w.table, append(change, func(c *webhook.Config) { c.Waker = alarm })...)
	alarm.wake = d.Wake
	return d, alarm
}

// delivery reads what came of an event.
func (w *world) delivery(endpoint, event string) subscription.Delivery {
	w.t.Helper()
	d, ok, err := w.store.Delivery(w.t.Context(), endpoint, event)
	require.NoError(w.t, err)
	require.True(w.t, ok, "%s was not tried", event)
	return d
}
