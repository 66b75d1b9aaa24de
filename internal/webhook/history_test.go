package webhook_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/event"
	"github.com/rollcall-scim/rollcall/internal/subscription"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/webhook"
)

// Processes are killed, paused for longer than their lease, and called at the same time;
// records of the stream come again; endpoints fail by chance. Every event is acknowledged
// and settled, the first acknowledgements of one user are in order, and the record has a time
// at which the endpoint really acknowledged the event.
func TestWake_AnyHistory(t *testing.T) {
	for seed := range uint64(150) {
		synctest.Test(t, func(t *testing.T) { anyHistory(t, rand.New(rand.NewPCG(seed, 1))) })
		require.False(t, t.Failed(), "seed %d", seed)
	}
}

// history is a history of deliveries by chance.
type history struct {
	*world
	mu      sync.Mutex
	random  *rand.Rand
	stored  []subscription.Pending
	acked   map[string][]time.Time // by endpoint and event
	firsts  map[string][]string    // events by endpoint and user, in the order of the first acknowledgements
	running sync.WaitGroup
}

// chance returns a number below n.
func (h *history) chance(n int) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.random.IntN(n)
}

func anyHistory(t *testing.T, random *rand.Rand) {
	t.Helper()
	h := &history{world: newWorld(t, enginetest.Memory(t)), random: random, acked: map[string][]time.Time{}, firsts: map[string][]string{}}
	endpoints := []string{"w1", "w2"}
	users := map[string]string{}
	for _, e := range endpoints {
		h.endpoint(e)
	}
	healthy := false
	h.answer = func(r request, _ int) subscription.Attempt {
		chance := h.chance(20)
		if healthy {
			chance = 20
		}
		switch chance {
		case 0, 1:
			return subscription.Attempt{Status: 500}
		case 2:
			time.Sleep(10 * time.Second)
			return subscription.Attempt{Error: "no answer"}
		case 3:
			time.Sleep(2 * time.Minute) // the process is paused, and its answer comes late
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		key := r.endpoint + " " + r.event
		if h.acked[key] = append(h.acked[key], now()); len(h.acked[key]) == 1 {
			of := r.endpoint + " " + users[r.event]
			h.firsts[of] = append(h.firsts[of], r.event)
		}
		return subscription.Attempt{Status: 200, Duration: now().Sub(r.at)}
	}
	for range 40 {
		h.step(endpoints, users)
		time.Sleep(time.Duration(h.chance(5000)) * time.Millisecond)
	}
	h.running.Wait()
	healthy = true
	d, alarm := h.living()
	h.live(d, alarm, 3*time.Minute)
	time.Sleep(10 * time.Hour) // the longest wait for another attempt
	h.live(d, alarm, 3*time.Minute)
	h.check(endpoints)
}

// step does one thing of a history.
func (h *history) step(endpoints []string, users map[string]string) {
	e := endpoints[h.chance(len(endpoints))]
	switch h.chance(6) {
	case 0, 1, 2:
		p := h.pending(e, fmt.Sprint("u", h.chance(4)))
		if h.chance(4) == 0 {
			p.Type = event.UserDeactivated
		}
		h.mu.Lock()
		users[p.Event] = p.Resource
		h.mu.Unlock()
		h.stored = append(h.stored, p)
		h.waits(p)
	case 3:
		if len(h.stored) > 0 { // a record of the stream comes again
			h.waits(h.stored[h.chance(len(h.stored))])
		}
	default:
		m := &mortal{Table: h.table, to: h.world, at: 1 + h.chance(60), after: h.chance(2) == 0}
		d := h.process(m, func(c *webhook.Config) { c.Sender, c.Waker = m, h.world })
		ctx := context.WithoutCancel(h.t.Context())
		h.running.Go(func() { _ = d.Wake(ctx, e) }) // it may be killed
	}
}

// check compares what is stored with what the endpoints acknowledged.
func (h *history) check(endpoints []string) {
	h.t.Helper()
	for of, events := range h.firsts {
		require.IsIncreasing(h.t, append([]string{""}, events...), of)
	}
	for _, e := range endpoints {
		require.Empty(h.t, h.left(e))
		_, urgent, err := h.store.Oldest(h.t.Context(), e)
		require.NoError(h.t, err)
		require.Zero(h.t, urgent)
	}
	for _, p := range h.stored {
		got := h.delivery(p.Endpoint, p.Event)
		require.Contains(h.t, h.acked[p.Endpoint+" "+p.Event], got.Delivered, "%s", p.Event)
		require.True(h.t, got.Done())
		if p.Type.IsDeparture() {
			records, err := h.store.DepartureDeliveries(h.t.Context(), h.acme, p.Event)
			require.NoError(h.t, err)
			require.Len(h.t, records, 1)
			require.Contains(h.t, h.acked[p.Endpoint+" "+p.Event], records[0].Delivered)
		}
	}
}
