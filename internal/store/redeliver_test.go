package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/event"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/subscription"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/table/tabletest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// idAt returns the id of a source: a UUIDv7 of a time.
func idAt(at time.Time, n int) string {
	ms := at.UnixMilli()
	return fmt.Sprintf("%08x-%04x-7000-8000-%012x", ms>>16, ms&0xffff, n)
}

// changesOf stores log entries of changes of users, a second apart, and returns the ids of
// their events.
func (f *fixture) changesOf(t tenant.ID, from time.Time, n int) (ids []string) {
	f.t.Helper()
	for i := range n {
		at := from.Add(time.Duration(i) * time.Second)
		e := journal.Entry{
			RequestID: idAt(at, int(f.ids.Add(1))), Time: at, Operation: journal.Modify, Action: journal.Updated, Outcome: journal.Success,
			ResourceType: journal.TypeUser, ResourceID: fmt.Sprint("u", i%3), Version: int64(i + 2),
		}
		f.write(table.Put(logItem(t, e, f.now().Add(1000*time.Hour))))
		ids = append(ids, e.RequestID)
	}
	return ids
}

// eventsOf returns the ids of the events that wait for an endpoint, in order.
func (f *fixture) eventsOf(endpoint string) (ids []string) {
	f.t.Helper()
	for _, item := range f.all(webhookPartition(endpoint, webhookPending)) {
		p, err := decodePending(endpoint, item)
		f.must(err)
		require.True(f.t, p.Redelivery)
		ids = append(ids, p.Event)
	}
	return ids
}

func redeliveryOf(from, to time.Time) subscription.Redelivery {
	return subscription.Redelivery{Endpoint: "e1", ID: idAt(to, 999), From: from, To: to}
}

func redeliveryDecisions() []decision {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	r := redeliveryOf(at.Add(-time.Hour), at)
	one := func(f *fixture) { f.endpoint("e1") }
	begun := func(f *fixture) {
		one(f)
		f.must(f.store.BeginRedelivery(f.t.Context(), r))
	}
	again := func(f *fixture, s *Store) error {
		_, _, err := s.Redeliver(f.t.Context(), "e1")
		return err
	}
	key := endpointDueKey("e1", taskAgain)
	same := []settled{{key, table.Is(attrRedelivery, table.Text(r.ID)), "", "a step and a later redelivery"}}
	return []decision{
		{
			name: "a redelivery that begins", returned: fails, given: one,
			commit: func(f *fixture, s *Store) error { return s.BeginRedelivery(f.t.Context(), r) },
			conditions: []settled{
				{key, table.Absent(), "", "two redeliveries to one endpoint"},
				{endpointKey("e1"), table.Present(), "", "a redelivery and the deletion of its endpoint"},
			},
		},
		{name: "a step of a redelivery", returned: leftToOthers, given: begun, commit: again, conditions: same},
		{name: "the end of a redelivery", returned: leftToOthers, given: begun, commit: again, nth: 1, conditions: same},
	}
}

func TestRedeliver_SendsTheEventsOfATime(t *testing.T) {
	enginetest.Run(t, func(t *testing.T, open func(t testing.TB) table.Table) {
		f := sweepFixture(t, table.Retrying(open(t)))
		beta, gamma := f.of("beta"), f.of("gamma")
		from := f.now().Add(-time.Hour).UTC()
		before := f.changesOf(f.tenant, from.Add(-time.Minute), 2)
		acme := f.changesOf(f.tenant, from, 130)
		other := f.changesOf(beta.tenant, from, 3)
		f.changesOf(gamma.tenant, from, 3)
		to := from.Add(129 * time.Second)
		e := endpointOf("e1")
		e.Tenants, e.Types = []tenant.ID{beta.tenant, f.tenant}, []event.Type{event.UserUpdated, event.UserDeleted}
		read, err := f.store.Registrations(t.Context())
		f.must(err)
		f.must(f.store.CreateEndpoint(t.Context(), read, e))

		f.must(f.store.BeginRedelivery(t.Context(), redeliveryOf(from, to)))
		require.ErrorIs(t, f.store.BeginRedelivery(t.Context(), redeliveryOf(from, to)), subscription.ErrRedelivering)
		r, complete, err := f.store.Redeliver(t.Context(), "e1")
		f.must(err)
		require.True(t, complete)
		require.EqualValues(t, 132, r.Events)
		want := slices.Sorted(slices.Values(slices.Concat(acme[:129], other)))
		require.Equal(t, want, f.eventsOf("e1"))
		require.NotContains(t, f.eventsOf("e1"), before[0])
		_, complete, err = f.store.Redeliver(t.Context(), "e1")
		f.must(err)
		require.True(t, complete, "nothing is left to do")
		require.Empty(t, f.all(duePartition))
	})
}

// A redelivery that is stopped at any call is continued by a sweep, and loses no event. The
// events of each user wait in the order of the changes.
func TestRedeliver_SurvivesBeingStoppedAtEachCall(t *testing.T) {
	for stop := int64(0); ; stop++ {
		f := sweepFixture(t, enginetest.Memory(t))
		f.endpoint("e1")
		from := f.now().Add(-time.Hour).UTC()
		want := f.changesOf(f.tenant, from, 120)
		f.must(f.store.BeginRedelivery(t.Context(), redeliveryOf(from, f.now())))
		failing := tabletest.NewFailing(f.table, stop, context.Canceled)
		_, _, err := f.on(failing).Redeliver(t.Context(), "e1")
		if err == nil {
			require.Greater(t, stop, int64(5))
			return
		}
		f.pass(SweepAge)
		swept, err := f.store.Sweep(t.Context(), SweepAge)
		f.must(err)
		require.Equal(t, 1, swept.Finished)
		require.Equal(t, want, f.eventsOf("e1"), "stopped at call %d", stop)
	}
}

func TestRedeliver_EndsWithItsEndpoint(t *testing.T) {
	for name, end := range map[string]func(f *fixture){
		"deleted": func(f *fixture) { f.deleteEndpoint("e1") },
		"disabled": func(f *fixture) {
			f.write(table.Put(endpointStateItem("e1", subscription.State{Disabled: f.now(), Reason: "x"})))
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := sweepFixture(t, enginetest.Memory(t))
			f.endpoint("e1")
			f.changesOf(f.tenant, f.now().Add(-time.Hour), 3)
			f.must(f.store.BeginRedelivery(t.Context(), redeliveryOf(f.now().Add(-2*time.Hour), f.now())))
			end(f)
			_, complete, err := f.store.Redeliver(t.Context(), "e1")
			f.must(err)
			require.True(t, complete)
			require.Empty(t, f.eventsOf("e1"))
			_, found, err := f.store.read(t.Context(), endpointDueKey("e1", taskAgain))
			f.must(err)
			require.False(t, found)
		})
	}
	f := sweepFixture(t, enginetest.Memory(t))
	require.ErrorIs(t, f.store.BeginRedelivery(t.Context(), redeliveryOf(f.now(), f.now())), subscription.ErrNotFound)
}

func TestRedeliverEvent_OnlyToAnEndpointThatGetsIt(t *testing.T) {
	f := sweepFixture(t, enginetest.Memory(t))
	beta := f.of("beta")
	f.endpoint("e1")
	ids := f.changesOf(f.tenant, f.now().Add(-time.Hour), 2)
	e, _, err := f.store.Endpoint(t.Context(), "e1")
	f.must(err)
	again := idAt(f.now(), 1)
	require.ErrorIs(t, f.store.RedeliverEvent(t.Context(), e, tenant.ID{}, ids[0], again), subscription.ErrNoEvent, "it was never sent")
	require.ErrorIs(t, f.store.RedeliverEvent(t.Context(), e, beta.tenant, ids[0], again), subscription.ErrNoEvent, "it is another tenant's")
	require.ErrorIs(t, f.store.RedeliverEvent(t.Context(), e, f.tenant, ids[0]+"-7", again), subscription.ErrNoEvent)
	f.must(f.store.RedeliverEvent(t.Context(), e, f.tenant, ids[0], again))
	require.Equal(t, ids[:1], f.eventsOf("e1"))

	l := f.lease("e1", "a")
	p := e.Pending(event.Draft{Key: ids[1], Type: event.UserUpdated, Tenant: f.tenant, Time: f.now()}, false, again)
	f.must(f.store.Settle(t.Context(), l, subscription.Outcome{Settled: []subscription.Settlement{acknowledged(p, f.now())}}))
	f.must(f.store.RedeliverEvent(t.Context(), e, tenant.ID{}, ids[1], idAt(f.now(), 2)))
	require.Equal(t, ids, f.eventsOf("e1"))
	limited := e
	limited.Tenants = []tenant.ID{beta.tenant}
	require.ErrorIs(t, f.store.RedeliverEvent(t.Context(), limited, f.tenant, ids[1], again), subscription.ErrNoEvent)
}

func TestSourceOfEvent(t *testing.T) {
	id := idAt(time.Now(), 7)
	for text, want := range map[string]string{id: id, id + "-3": id, id + "#2": id + "#2", id + "#2-11": id + "#2", "short": "short", "": ""} {
		require.Equal(t, want, sourceOfEvent(text))
	}
	require.Equal(t, id+"#2-11", event.Draft{Key: id + "#2", Part: 11}.ID())
	require.True(t, strings.HasPrefix(id, "0"))
}
