package browsertest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/event"
	"github.com/rollcall-scim/rollcall/internal/subscription"
)

// deliveries stores what came of events at an endpoint: one was delivered, and one fails.
func deliveries(t *testing.T, s *served, endpoint string) {
	t.Helper()
	ctx, now := t.Context(), s.Now()
	settled := []subscription.Settlement{}
	for i, id := range []string{"01900001-0000-7000-8000-000000000000", "01900002-0000-7000-8000-000000000000"} {
		p := subscription.Pending{
			Endpoint: endpoint, Seq: id + "/" + id, Tenant: stage.ID(t, "acme"), Event: id, Key: id, Type: event.UserDeactivated, Resource: "User#" + id, Committed: now,
		}
		require.NoError(t, s.App.Store.Enqueue(ctx, []subscription.Pending{p}))
		d := subscription.Delivery{
			Endpoint: endpoint, Event: id, Tenant: p.Tenant, Type: p.Type, Resource: p.Resource, Committed: now, Delivered: now, Count: 1,
			Attempts: []subscription.Attempt{{Time: now, Duration: 40 * time.Millisecond, Status: 204}},
		}
		if i == 1 {
			p.Attempts, p.Due = 1, now.Add(time.Minute)
			d.Delivered, d.Next = time.Time{}, now.Add(time.Minute)
			d.Attempts[0].Status, d.Attempts[0].Answer = 500, "<h1>Internal error</h1>"
		}
		settled = append(settled, subscription.Settlement{Pending: p, Delivery: d})
	}
	lease, ok, err := s.App.Store.AcquireLease(ctx, endpoint, "test", now.Add(time.Minute))
	require.NoError(t, err)
	require.True(t, ok)
	require.NoError(t, s.App.Store.Settle(ctx, lease, subscription.Outcome{
		Settled: settled, State: &subscription.State{FailingSince: now, Failures: 1, LastSuccess: now},
	}))
}
