package store

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/event"
	"github.com/rollcall-scim/rollcall/internal/subscription"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// acknowledged returns a settlement of an event that the endpoint acknowledged at a time.
func acknowledged(p subscription.Pending, at time.Time) subscription.Settlement {
	return subscription.Settlement{Pending: p, Delivery: subscription.Delivery{
		Endpoint: p.Endpoint, Event: p.Event, Tenant: p.Tenant, Type: p.Type, Resource: p.Resource, Committed: p.Committed,
		First: at, Delivered: at, Count: 1,
		Attempts: []subscription.Attempt{{Time: at, Duration: 30 * time.Millisecond, Status: 200, Answer: "ok"}},
	}}
}

// refusedOnce returns a settlement of an event whose first attempt failed at a time.
func refusedOnce(p subscription.Pending, at time.Time) subscription.Settlement {
	o := acknowledged(p, at)
	o.Delivery.Delivered, o.Delivery.Next = time.Time{}, at.Add(time.Minute)
	o.Delivery.Attempts[0] = subscription.Attempt{Time: at, Error: "the address refused the connection"}
	o.Pending.Attempts, o.Pending.First, o.Pending.Tried, o.Pending.Due = 1, at, at, o.Delivery.Next
	return o
}

// lease acquires the lease of an endpoint.
func (f *fixture) lease(endpoint, holder string) subscription.Lease {
	f.t.Helper()
	l, ok, err := f.store.AcquireLease(f.t.Context(), endpoint, holder, f.now().Add(time.Minute))
	f.must(err)
	require.True(f.t, ok)
	return l
}

// waits stores events that wait.
func (f *fixture) waits(events ...subscription.Pending) {
	f.t.Helper()
	f.must(f.store.Enqueue(f.t.Context(), events))
}

func TestLease_IsOfOneProcess(t *testing.T) {
	enginetest.Run(t, func(t *testing.T, open func(t testing.TB) table.Table) {
		f := outboxFixture(t, table.Retrying(open(t)))
		acquire := func(holder string) bool {
			t.Helper()
			_, ok, err := f.store.AcquireLease(t.Context(), "w1", holder, f.now().Add(time.Minute))
			f.must(err)
			return ok
		}
		require.False(t, acquire("a"), "the endpoint does not exist")
		f.endpoint("w1")
		first := f.lease("w1", "a")
		require.False(t, acquire("b"))
		f.pass(time.Minute + leaseSkew - time.Millisecond)
		require.False(t, acquire("b"), "the holder's clock may be behind")
		f.pass(time.Millisecond)
		second := f.lease("w1", "b")

		f.must(f.store.ReleaseLease(t.Context(), first))
		require.False(t, acquire("c"), "a lost lease is not released")
		second.Until = f.now().Add(time.Hour)
		f.must(f.store.Settle(t.Context(), second, subscription.Outcome{}))
		f.pass(2 * time.Minute)
		require.False(t, acquire("c"), "the lease was renewed")
		f.must(f.store.ReleaseLease(t.Context(), second))
		require.True(t, acquire("c"))
	})
}

// A process that was paused while it delivered, and lost its lease, stores nothing.
func TestSettle_RefusesALostLease(t *testing.T) {
	enginetest.Run(t, func(t *testing.T, open func(t testing.TB) table.Table) {
		f := outboxFixture(t, table.Retrying(open(t)))
		f.endpoint("w1")
		p := departure(pendingEvent(f.tenant, "w1", 1))
		f.waits(p)
		paused := f.lease("w1", "a")
		f.pass(2 * time.Minute)
		f.lease("w1", "b")
		failed := refusedOnce(p, f.now())
		err := f.store.Settle(t.Context(), paused, subscription.Outcome{Settled: []subscription.Settlement{failed}, State: &subscription.State{Failures: 1}})
		require.ErrorIs(t, err, subscription.ErrLease)
		require.Equal(t, []subscription.Pending{p}, f.pending("w1"))
		_, ok, err := f.store.Delivery(t.Context(), "w1", p.Event)
		require.NoError(t, err)
		require.False(t, ok)
		require.Empty(t, f.all("T#acme#OFFBOARDING"))
	})
}

// An endpoint that is deleted while a process delivers to it gets nothing stored again.
func TestSettle_RefusesADeletedEndpoint(t *testing.T) {
	f := sweepFixture(t, enginetest.Memory(t))
	f.endpoint("w1")
	p := pendingEvent(f.tenant, "w1", 1)
	f.waits(p)
	l := f.lease("w1", "a")
	f.deleteEndpoint("w1")
	f.pass(erasingTime)
	_, err := f.store.Sweep(t.Context(), 0)
	f.must(err)
	err = f.store.Settle(t.Context(), l, subscription.Outcome{Settled: []subscription.Settlement{refusedOnce(p, f.now())}})
	require.ErrorIs(t, err, subscription.ErrLease)
	for _, name := range []string{"PENDING", "SENT", "STATE", "URGENT"} {
		require.Empty(t, f.all("W#w1#"+name), name)
	}
	_, ok, err := f.store.AcquireLease(t.Context(), "w1", "b", f.now().Add(time.Minute))
	f.must(err)
	require.False(t, ok)
}

func TestSettle_StoresWhatCameOfEvents(t *testing.T) {
	enginetest.Run(t, func(t *testing.T, open func(t testing.TB) table.Table) {
		f := outboxFixture(t, table.Retrying(open(t)))
		f.endpoint("w1")
		left, changed := departure(pendingEvent(f.tenant, "w1", 1)), pendingEvent(f.tenant, "w1", 2)
		f.waits(left, changed, pendingEvent(f.tenant, "w1", 3))
		waiting, urgent, err := f.store.Oldest(t.Context(), "w1")
		f.must(err)
		require.Equal(t, []time.Time{left.Committed, left.Committed}, []time.Time{waiting.Since, urgent.Since})

		l := f.lease("w1", "a")
		failed := refusedOnce(left, f.now())
		state := subscription.State{
			FailingSince: f.now(), Failures: 1, Streak: 1, Pauses: 2, Paused: f.now().Add(time.Second),
			Recovered: f.now().Add(-time.Hour), LastSuccess: f.now().Add(-time.Minute),
		}
		notice := pendingEvent(tenant.ID{}, "w2", 9)
		notice.Type, notice.Resource, notice.Details = event.WebhookDisabled, "", map[string]string{"webhook": "w1"}
		f.must(f.store.Settle(t.Context(), l, subscription.Outcome{
			Settled: []subscription.Settlement{failed, acknowledged(changed, f.now())}, State: &state, Notices: []subscription.Pending{notice},
		}))
		require.Equal(t, []subscription.Pending{failed.Pending, pendingEvent(f.tenant, "w1", 3)}, f.pending("w1"))
		require.Equal(t, []subscription.Pending{notice}, f.pending("w2"))
		states, err := f.store.EndpointStates(t.Context(), []subscription.Endpoint{{ID: "w1"}})
		f.must(err)
		require.Equal(t, []subscription.State{state}, states)
		page, more, err := f.store.Deliveries(t.Context(), "w1", "", 10)
		f.must(err)
		require.False(t, more)
		require.Equal(t, []subscription.Delivery{acknowledged(changed, f.now()).Delivery, failed.Delivery}, page, "newest first")
		older, _, err := f.store.Deliveries(t.Context(), "w1", changed.Event, 10)
		f.must(err)
		require.Equal(t, page[1:], older)
		waiting, urgent, err = f.store.Oldest(t.Context(), "w1")
		f.must(err)
		require.Equal(t, []time.Time{left.Committed, left.Committed}, []time.Time{waiting.Since, urgent.Since}, "it still waits")

		f.must(f.store.Settle(t.Context(), l, subscription.Outcome{Settled: []subscription.Settlement{acknowledged(left, f.now())}}))
		waiting, urgent, err = f.store.Oldest(t.Context(), "w1")
		f.must(err)
		require.Equal(t, pendingEvent(f.tenant, "w1", 3).Committed, waiting.Committed)
		require.Zero(t, urgent)
		f.pass(sentTime)
		page, _, err = f.store.Deliveries(t.Context(), "w1", "", 10)
		f.must(err)
		require.Empty(t, page, "expired")
	})
}

// The record of a departure has when it was committed, first sent and acknowledged. Sending
// it again does not change when it was acknowledged.
func TestSettle_KeepsTheFirstAcknowledgementOfADeparture(t *testing.T) {
	enginetest.Run(t, func(t *testing.T, open func(t testing.TB) table.Table) {
		f := outboxFixture(t, table.Retrying(open(t)))
		f.endpoint("w1")
		p := departure(pendingEvent(f.tenant, "w1", 1))
		p.Committed = f.now()
		l := f.lease("w1", "a")
		settle := func(o subscription.Settlement) {
			t.Helper()
			f.must(f.store.Settle(t.Context(), l, subscription.Outcome{Settled: []subscription.Settlement{o}}))
		}
		records := func() []subscription.Delivery {
			t.Helper()
			all, err := f.store.DepartureDeliveries(t.Context(), f.tenant, p.Event)
			f.must(err)
			return all
		}
		failed := refusedOnce(p, f.now())
		settle(failed)
		require.Equal(t, []subscription.Delivery{failed.Delivery}, records())
		f.pass(time.Minute)
		done := acknowledged(p, f.now())
		done.Delivery.First = failed.Delivery.First
		settle(done)
		require.Equal(t, []subscription.Delivery{done.Delivery}, records())
		f.pass(time.Hour)
		settle(acknowledged(p, f.now()))
		require.Equal(t, []subscription.Delivery{done.Delivery}, records(), "the first acknowledgement counts")
		f.pass(tenant.DefaultSettings().LogRetention())
		require.Empty(t, records(), "it is kept as long as the log")
	})
}

// A paused process writes nothing of a tenant that a sweep has deleted meanwhile: what it has read of
// the tenant is good for less time than a sweep waits.
func TestSettle_WritesNothingOfATenantLate(t *testing.T) {
	engine := &latest{Table: enginetest.Memory(t)}
	f := newFixture(t, engine, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	f.endpoint("w1")
	l := f.lease("w1", "a")
	p := departure(pendingEvent(f.tenant, "w1", 1))
	engine.notAfter = time.Time{}
	f.must(f.store.Settle(t.Context(), l, subscription.Outcome{Settled: []subscription.Settlement{acknowledged(p, f.now())}}))
	require.Len(t, f.all("T#acme#OFFBOARDING"), 1)
	require.Equal(t, f.now().Add(settleTime), engine.notAfter)
	require.Less(t, settleTime, SweepAge/2)
}

// A latest keeps until when the last transaction may be sent.
type latest struct {
	table.Table
	notAfter time.Time
}

func (l *latest) Write(ctx context.Context, tx table.Transaction) error {
	l.notAfter = tx.NotAfter
	return l.Table.Write(ctx, tx)
}

// Nothing is stored of a tenant that is deleted, or that never was.
func TestSettle_StoresNothingOfADeletedTenant(t *testing.T) {
	f := newFixture(t, enginetest.Memory(t), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	f.endpoint("w1")
	ending, _, err := f.store.Tenant(t.Context(), f.tenant)
	f.must(err)
	f.must(f.store.EndTenant(t.Context(), ending, f.now()))
	l := f.lease("w1", "a")
	of, other := departure(pendingEvent(f.tenant, "w1", 1)), departure(pendingEvent(mustID(t, "unknown"), "w1", 2))
	f.must(f.store.Settle(t.Context(), l, subscription.Outcome{Settled: []subscription.Settlement{acknowledged(of, f.now()), acknowledged(other, f.now())}}))
	require.Empty(t, f.all("T#acme#OFFBOARDING"))
	require.Empty(t, f.all("T#unknown#OFFBOARDING"))
	require.Len(t, f.all("W#w1#SENT"), 2)
}
