package webhook_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/event"
	"github.com/rollcall-scim/rollcall/internal/subscription"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/webhook"
)

var errKilled = errors.New("the process was killed")

// mortal is a process that is killed at one of its calls, of the table or of an endpoint:
// before it, or after it and before its answer. From then on it does nothing.
type mortal struct {
	table.Table
	to     webhook.Sender
	at     int
	after  bool
	mu     sync.Mutex
	calls  int
	killed bool
}

// call makes a call unless the process is killed before it, and reports whether it lives.
func (m *mortal) call(do func()) error {
	m.mu.Lock()
	m.calls++
	now := m.calls == m.at
	dead := m.killed || now && !m.after
	m.killed = m.killed || now
	m.mu.Unlock()
	if dead {
		return errKilled
	}
	do()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.killed {
		return errKilled
	}
	return nil
}

func (m *mortal) Get(ctx context.Context, keys ...table.Key) (items map[table.Key]table.Item, err error) {
	if killed := m.call(func() { items, err = m.Table.Get(ctx, keys...) }); killed != nil {
		return nil, killed
	}
	return items, err
}

func (m *mortal) Query(ctx context.Context, q table.Query) (page table.Page, err error) {
	if killed := m.call(func() { page, err = m.Table.Query(ctx, q) }); killed != nil {
		return table.Page{}, killed
	}
	return page, err
}

func (m *mortal) Write(ctx context.Context, tx table.Transaction) (err error) {
	if killed := m.call(func() { err = m.Table.Write(ctx, tx) }); killed != nil {
		return killed
	}
	return err
}

// Send sends a request. That of a killed process is answered, and nobody hears it.
func (m *mortal) Send(ctx context.Context, msg webhook.Message) (a subscription.Attempt) {
	if killed := m.call(func() { a = m.to.Send(ctx, msg) }); killed != nil {
		return subscription.Attempt{Time: now(), Error: killed.Error()}
	}
	return a
}

// A process is killed at each of its calls in turn, and another one takes over. Every event
// is acknowledged, those of one user in order, and each has one record of it.
func TestWake_KilledAnywhereLosesNothing(t *testing.T) {
	for at := 1; ; at++ {
		survived := false
		for _, after := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) { survived = killAt(t, at, after) })
		}
		if survived {
			t.Logf("killed at each of %d calls, before and after it", at-1)
			require.Greater(t, at, 60)
			return
		}
		require.Less(t, at, 1000)
	}
}

func killAt(t *testing.T, at int, after bool) (survived bool) {
	t.Helper()
	w := newWorld(t, enginetest.Memory(t))
	w.endpoint("w1")
	w.endpoint("w2")
	acked := map[string]int{}
	w.answer = func(r request, attempt int) subscription.Attempt {
		// Each third event is acknowledged at its second attempt.
		if r.event[len(r.event)-1]%3 == 0 && attempt == 1 {
			return subscription.Attempt{Status: 500}
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		acked[r.event]++
		return subscription.Attempt{Status: 200}
	}
	user := map[string]string{}
	for n := range 24 {
		p := w.pending("w1", fmt.Sprint("u", n%10))
		if n%4 == 0 {
			p.Type = event.UserDeactivated
		}
		user[p.Event] = p.Resource
		w.waits(p)
	}
	m := &mortal{Table: w.table, to: w, at: at, after: after}
	first := &timers{}
	d := w.process(m, func(c *webhook.Config) { c.Sender, c.Waker = m, first })
	first.wake = func(ctx context.Context, id string) error { _ = d.Wake(ctx, id); return nil } // it may be killed
	_ = d.Wake(t.Context(), "w1")
	first.wait()

	successor, alarm := w.living()
	w.live(successor, alarm, 5*time.Minute)
	require.Empty(t, w.left("w1"), "killed at call %d", at)
	events, _ := w.requests("w1")
	last := map[string]string{}
	for _, e := range events {
		require.Less(t, last[user[e]], e, "killed at call %d: out of order", at)
		last[user[e]] = e
	}
	page, more, err := w.store.Deliveries(t.Context(), "w1", "", 100)
	require.NoError(t, err)
	require.False(t, more)
	require.Len(t, page, 24)
	for _, got := range page {
		require.Positive(t, acked[got.Event], "killed at call %d: %s is settled and was not acknowledged", at, got.Event)
		require.NotZero(t, got.Delivered, "killed at call %d", at)
		require.True(t, got.Done())
		if got.Type.IsDeparture() {
			records, err := w.store.DepartureDeliveries(t.Context(), w.acme, got.Event)
			require.NoError(t, err)
			require.Len(t, records, 1)
			require.Equal(t, got.Delivered, records[0].Delivered)
			require.False(t, records[0].First.IsZero() || records[0].First.Before(records[0].Committed))
		}
	}
	_, urgent, err := w.store.Oldest(t.Context(), "w1")
	require.NoError(t, err)
	require.Zero(t, urgent)
	return !m.killed
}

// A process that is paused while a request is on its way, for longer than its lease, settles
// nothing: its successor has done it.
func TestWake_PausedProcessSettlesNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.endpoint("w1")
		w.waits(w.pending("w1", "u1"), w.pending("w1", "u1"))
		w.answer = func(r request, attempt int) subscription.Attempt {
			if r.event == "e0000001" && attempt == 1 {
				time.Sleep(5 * time.Minute)
				return subscription.Attempt{Error: "paused"}
			}
			return subscription.Attempt{Status: 200}
		}
		done := make(chan error)
		go func() { done <- w.process(w.table).Wake(t.Context(), "w1") }()
		time.Sleep(2 * time.Minute)
		require.NoError(t, w.process(w.table).Wake(t.Context(), "w1"))
		want := w.delivery("w1", "e0000001")
		require.NotZero(t, want.Delivered)
		require.NoError(t, <-done)
		require.Equal(t, want, w.delivery("w1", "e0000001"))
		require.Empty(t, w.left("w1"))
		require.Contains(t, w.log.String(), `"lost":true`)
	})
}
