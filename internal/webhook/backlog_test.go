package webhook_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/event"
	"github.com/rollcall-scim/rollcall/internal/subscription"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
	"github.com/rollcall-scim/rollcall/internal/webhook"
)

// backlog is how many events wait in TestWake_Backlog: 1,000,000 in make soak.
var backlog = flag.Int("backlog", 20_000, "how many events wait for an endpoint")

// measured is an outbox that counts the events that are in memory.
type measured struct {
	webhook.Outbox
	loaded, most, settled int
}

func (m *measured) PendingPage(ctx context.Context, endpoint, after string, limit int) ([]subscription.Pending, bool, error) {
	page, more, err := m.Outbox.PendingPage(ctx, endpoint, after, limit)
	m.loaded += len(page)
	m.most = max(m.most, m.loaded)
	return page, more, err
}

func (m *measured) Settle(ctx context.Context, l subscription.Lease, o subscription.Outcome) error {
	err := m.Outbox.Settle(ctx, l, o)
	m.loaded -= len(o.Settled)
	m.settled += len(o.Settled)
	return err
}

// A backlog is delivered in order for each user, each event once, with a bounded number of
// events in memory.
func TestWake_Backlog(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.endpoint("w1")
		const users = 500
		last, got := make([]int, users), 0
		store := w.storeOn(w.table)
		outbox := &measured{Outbox: store}
		d := w.process(w.table, func(c *webhook.Config) {
			c.Outbox = outbox
			c.Sender = sender(func(m webhook.Message) subscription.Attempt {
				time.Sleep(time.Millisecond)
				w.mu.Lock()
				defer w.mu.Unlock()
				var n int
				_, err := fmt.Sscanf(m.ID, "e%d", &n)
				assert.NoError(t, err)
				assert.Greater(t, n, last[n%users], "out of order, or twice")
				last[n%users] = n
				got++
				return subscription.Attempt{Time: now(), Status: 200}
			})
		})
		for n := 0; n < *backlog; {
			var some []subscription.Pending
			for ; len(some) < 1000 && n < *backlog; n++ {
				some = append(some, w.pending("w1", fmt.Sprint("u", (n+1)%users)))
			}
			require.NoError(t, store.Enqueue(t.Context(), some))
		}
		require.NoError(t, d.Wake(t.Context(), "w1"))
		require.Equal(t, *backlog, got)
		require.Equal(t, *backlog, outbox.settled)
		waiting, _, err := store.Oldest(t.Context(), "w1")
		require.NoError(t, err)
		require.Zero(t, waiting)
		// One batch of results may be on its way to the table.
		require.LessOrEqual(t, outbox.most, webhook.MaxInMemory+subscription.MaxSettled)
		t.Logf("%d events, at most %d in memory", got, outbox.most)
	})
}

// sender is a Sender.
type sender func(m webhook.Message) subscription.Attempt

func (s sender) Send(_ context.Context, m webhook.Message) subscription.Attempt { return s(m) }

// Whatever is registered, changed, disabled and stored: no request to an endpoint that is
// limited to tenants has an event of another tenant. Also not if the registration is changed
// after the event was stored for it.
func TestWake_SendsNoEventOfAnotherTenant(t *testing.T) {
	for seed := range uint64(200) {
		synctest.Test(t, func(t *testing.T) { keepsTenantsApart(t, rand.New(rand.NewPCG(seed, 0))) })
		require.False(t, t.Failed(), "seed %d", seed)
	}
}

func keepsTenantsApart(t *testing.T, random *rand.Rand) {
	t.Helper()
	w := newWorld(t, enginetest.Memory(t))
	ids := []tenant.ID{w.acme}
	for _, name := range []string{"beta", "gamma"} {
		id, err := tenant.ParseID(name)
		require.NoError(t, err)
		ids = append(ids, id)
		require.NoError(t, w.store.CreateTenant(t.Context(), id, tenant.DefaultSettings(), 1, 1, now()))
	}
	limits := func() (some []tenant.ID) {
		for _, i := range random.Perm(3)[:random.IntN(3)] {
			some = append(some, ids[i])
		}
		return some
	}
	endpoints := []string{"w1", "w2", "w3"}
	for _, e := range endpoints {
		w.endpoint(e, limits()...)
	}
	of := map[string]tenant.ID{}
	w.answer = func(r request, attempt int) subscription.Attempt {
		e, _, err := w.store.Endpoint(t.Context(), r.endpoint)
		assert.NoError(t, err)
		assert.True(t, e.Wants(of[r.event], event.UserUpdated), "%s got an event of %s", r.endpoint, of[r.event])
		if attempt == 1 && of[r.event] == ids[1] {
			return subscription.Attempt{Status: 500}
		}
		return subscription.Attempt{Status: 200}
	}
	d, alarm := w.living()
	for range 20 {
		e := endpoints[random.IntN(len(endpoints))]
		read, err := w.store.Registrations(t.Context())
		require.NoError(t, err)
		registered, _ := read.Find(e)
		switch random.IntN(5) {
		case 0, 1, 2:
			p := w.pending(e, "u1")
			p.Tenant = ids[random.IntN(len(ids))]
			if of[p.Event] = p.Tenant; registered.Wants(p.Tenant, p.Type) {
				w.waits(p)
			}
		case 3:
			registered.Tenants = limits()
			require.NoError(t, w.store.ChangeEndpoint(t.Context(), read, registered, false))
		default:
			require.NoError(t, d.Wake(t.Context(), e))
		}
		alarm.wait() // so that no attempt is made while the next step changes an endpoint
	}
	w.live(d, alarm, 3*time.Minute)
	got := 0
	for _, e := range endpoints {
		require.Empty(t, w.left(e))
		events, _ := w.requests(e)
		got += len(events)
	}
	require.Positive(t, got)
}
