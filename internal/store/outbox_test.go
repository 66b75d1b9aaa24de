package store

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/event"
	"github.com/rollcall-scim/rollcall/internal/subscription"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// pendingEvent returns an event of a user that waits for an endpoint.
func pendingEvent(t tenant.ID, endpoint string, n int) subscription.Pending {
	id := fmt.Sprintf("e%04d", n)
	return subscription.Pending{
		Endpoint: endpoint, Seq: fmt.Sprintf("s%04d/%s", n, id), Tenant: t, Event: id, Key: id, Type: event.UserUpdated,
		Resource: fmt.Sprint("User#u", n), Committed: time.Date(2026, 1, 2, 3, 4, n, 0, time.UTC),
	}
}

func departure(p subscription.Pending) subscription.Pending {
	p.Type = event.UserDeactivated
	return p
}

// pending reads all events that wait for an endpoint.
func (f *fixture) pending(endpoint string) []subscription.Pending {
	f.t.Helper()
	all, more, err := f.store.PendingPage(f.t.Context(), endpoint, "", 0)
	f.must(err)
	require.False(f.t, more)
	return all
}

func TestEnqueue_StoresEachEventOnce(t *testing.T) {
	enginetest.Run(t, func(t *testing.T, open func(t testing.TB) table.Table) {
		f := outboxFixture(t, table.Retrying(open(t)))
		full := pendingEvent(f.tenant, "w1", 2)
		full.Part, full.Signal, full.Redelivery, full.Attempts = 3, true, true, 2
		full.First, full.Tried, full.Due = f.now(), f.now().Add(time.Second), f.now().Add(time.Minute)
		own := pendingEvent(tenant.ID{}, "w1", 4)
		own.Details = map[string]string{"webhook": "w2"}
		events := []subscription.Pending{departure(pendingEvent(f.tenant, "w1", 1)), full, pendingEvent(f.tenant, "w1", 3), own}

		f.must(f.store.Enqueue(t.Context(), events[:2]))
		require.Equal(t, events[:2], f.pending("w1"))
		again := events[0]
		again.Attempts = 7
		f.must(f.store.Enqueue(t.Context(), []subscription.Pending{again, events[2], events[2], full, events[3]}))
		require.Equal(t, events, f.pending("w1"), "those stored already stay as they are")
		require.Len(t, f.all("W#w1#URGENT"), 1, "the departure")
		require.Equal(t, events[0].Seq, f.all("W#w1#URGENT")[0].Sort)
		f.must(f.store.Enqueue(t.Context(), nil))
	})
}

// More events than a transaction takes are stored in order, and a page has as many as wanted.
func TestEnqueue_StoresMoreThanATransaction(t *testing.T) {
	f := newFixture(t, enginetest.Memory(t), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	var events []subscription.Pending
	for n := range 2*maxEnqueued + 1 {
		events = append(events, departure(pendingEvent(f.tenant, "w1", n)))
	}
	f.must(f.store.Enqueue(t.Context(), events))
	require.Equal(t, events, f.pending("w1"))
	page, more, err := f.store.PendingPage(t.Context(), "w1", events[9].Seq, 5)
	require.NoError(t, err)
	require.True(t, more)
	require.Equal(t, events[10:15], page)
}

// A record of the stream that comes again after the event was sent costs a read.
func TestEnqueue_LeavesOutWhatWasSent(t *testing.T) {
	enginetest.Run(t, func(t *testing.T, open func(t testing.TB) table.Table) {
		f := outboxFixture(t, table.Retrying(open(t)))
		first, second, again := pendingEvent(f.tenant, "w1", 1), pendingEvent(f.tenant, "w1", 2), pendingEvent(f.tenant, "w1", 3)
		again.Event, again.Redelivery = first.Event, true
		f.write(table.Put(table.Item{Key: sentKey("w1", first.Event), Attributes: table.Attributes{}}))
		elsewhere := first
		elsewhere.Endpoint = "w2"
		f.must(f.store.Enqueue(t.Context(), []subscription.Pending{first, second, again, elsewhere}))
		require.Equal(t, []subscription.Pending{second, again}, f.pending("w1"))
		require.Equal(t, []subscription.Pending{elsewhere}, f.pending("w2"))
	})
}

func outboxDecisions(t tenant.ID) []decision {
	first := departure(pendingEvent(t, "w1", 1))
	exists := settled{endpointKey("w1"), table.Present(), "", "a lease and the deletion of the endpoint"}
	held := settled{leaseKey("w1"), table.Is(attrLeaseOf, table.Text("a")), "", "a paused process and its successor"}
	acquire := func(f *fixture, s *Store) error {
		_, ok, err := s.AcquireLease(f.t.Context(), "w1", "b", f.now().Add(time.Minute))
		if err == nil && !ok {
			return subscription.ErrLease
		}
		return err
	}
	lost := failsAs(subscription.ErrLease)
	leased := func(f *fixture) {
		f.endpoint("w1")
		f.lease("w1", "a")
	}
	mine := subscription.Lease{Endpoint: "w1", Holder: "a"}
	return []decision{
		{
			name:       "an event that waits",
			commit:     func(f *fixture, s *Store) error { return s.Enqueue(f.t.Context(), []subscription.Pending{first}) },
			conditions: []settled{{pendingKey("w1", first.Seq), table.Absent(), "", "two records of one event"}},
		},
		{
			name: "the first lease of an endpoint", returned: lost, commit: acquire,
			given:      func(f *fixture) { f.endpoint("w1") },
			conditions: []settled{{leaseKey("w1"), table.Absent(), "", "two first leases of an endpoint"}, exists},
		},
		{
			name: "a lease that has ended", returned: lost, commit: acquire,
			given: func(f *fixture) {
				leased(f)
				f.pass(time.Minute + leaseSkew)
			},
			conditions: []settled{
				{leaseKey("w1"), table.Is(attrLeaseOf, table.Text("a")), "", "two successors of a lease"},
				{leaseKey("w1"), table.Is(attrUntil, table.Number(time.Date(2026, 1, 2, 3, 5, 5, 0, time.UTC).UnixMilli())), "", "a successor and a renewal"},
				exists,
			},
		},
		{
			name: "a lease that is released", returned: leftToOthers, given: leased,
			commit:     func(f *fixture, s *Store) error { return s.ReleaseLease(f.t.Context(), mine) },
			conditions: []settled{held},
		},
		{
			name: "an acknowledged event", returned: lost, given: leased,
			commit: func(f *fixture, s *Store) error {
				p := pendingEvent(t, "w1", 1)
				return s.Settle(f.t.Context(), mine, subscription.Outcome{Settled: []subscription.Settlement{acknowledged(p, f.now())}})
			},
			conditions: []settled{held},
		},
		{
			name: "an acknowledged departure", given: leased,
			commit: func(f *fixture, s *Store) error {
				err := s.Settle(f.t.Context(), mine, subscription.Outcome{Settled: []subscription.Settlement{acknowledged(first, f.now())}})
				if errors.Is(err, subscription.ErrLease) {
					return nil
				}
				return err
			},
			conditions: []settled{
				held,
			},
		},
	}
}

// outboxFixture returns a fixture whose clock is about right, as retries need it, and in UTC.
func outboxFixture(t testing.TB, on table.Table) *fixture {
	t.Helper()
	return newFixture(t, on, time.Now().Add(time.Minute).Truncate(time.Millisecond).UTC())
}
