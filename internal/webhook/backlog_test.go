package webhook_test

import (
	"context"
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"testing/synctest"

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
				require.NoError(t, err)
				require.Greater(t, n, last[n%users], "out of order, or twice")
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
	tenants := []string{"acme", "beta", "gamma"}
	rapid.Check(t, func(rt *rapid.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, enginetest.Memory(t))
			var ids []tenant.ID
			for _, name := range tenants {
				id, err := tenant.ParseID(name)
				require.NoError(t, err)
				ids = append(ids, id)
				if name != "acme" {
					require.NoError(t, w.store.CreateTenant(t.Context(), id, tenant.DefaultSettings(), 1, 1, now()))
				}
			}
			limits := func() (some []tenant.ID) {
				for _, i := range rapid.SliceOfNDistinct(rapid.IntRange(0, 2), 0, 2, rapid.ID).Draw(rt, "tenants") {
					some = append(some, ids[i])
				}
				return some
			}
			endpoints := []string{"w1", "w2", "w3"}
			for _, e := range endpoints {
				w.endpoint(e, limits()...)
			}
			of := map[string]tenant.ID{}
			sent := map[string]bool{}
			w.answer = func(r request, attempt int) subscription.Attempt {
				e, _, err := w.store.Endpoint(t.Context(), r.endpoint)
				require.NoError(t, err)
				w.mu.Lock()
				defer w.mu.Unlock()
				require.True(t, len(e.Tenants) == 0 || e.Wants(of[r.event], event.UserUpdated), "%s got an event of %s", r.endpoint, of[r.event])
				sent[r.event] = true
				if attempt == 1 && of[r.event] == ids[1] {
					return subscription.Attempt{Status: 500}
				}
				return subscription.Attempt{Status: 200}
			}
			d, alarm := w.living()
			stored := 0
			for range rapid.IntRange(1, 12).Draw(rt, "steps") {
				e := rapid.SampledFrom(endpoints).Draw(rt, "endpoint")
				switch rapid.SampledFrom([]string{"event", "event", "change", "deliver"}).Draw(rt, "step") {
				case "event":
					p := w.pending(e, "u1")
					p.Tenant = ids[rapid.IntRange(0, 2).Draw(rt, "of")]
					of[p.Event] = p.Tenant
					if read, _, err := w.store.Endpoint(t.Context(), e); err == nil && read.Wants(p.Tenant, p.Type) {
						stored++
						w.waits(p)
					}
				case "change":
					read, err := w.store.Registrations(t.Context())
					require.NoError(t, err)
					changed, _ := read.Find(e)
					changed.Tenants = limits()
					require.NoError(t, w.store.ChangeEndpoint(t.Context(), read, changed, false))
				case "deliver":
					require.NoError(t, d.Wake(t.Context(), e))
				}
			}
			w.live(d, alarm, 3*time.Minute)
			for _, e := range endpoints {
				require.Empty(t, w.left(e))
			}
			rt.Logf("%d stored, %d sent", stored, len(sent))
		})
	})
}
