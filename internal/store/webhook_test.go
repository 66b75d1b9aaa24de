package store

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/event"
	"github.com/rollcall-scim/rollcall/internal/subscription"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/table/tabletest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// endpointOf returns an endpoint with a secret.
func endpointOf(id string) subscription.Endpoint {
	return subscription.Endpoint{
		ID: id, URL: "https://" + id + ".example.com/hook", Secrets: []subscription.Secret{{Key: []byte("secret of " + id)}}, Version: 1,
	}
}

// endpoint registers an endpoint.
func (f *fixture) endpoint(id string) {
	f.t.Helper()
	read, err := f.store.Registrations(f.t.Context())
	f.must(err)
	f.must(f.store.CreateEndpoint(f.t.Context(), read, endpointOf(id)))
}

// delete deletes an endpoint.
func (f *fixture) deleteEndpoint(id string) {
	f.t.Helper()
	read, err := f.store.Registrations(f.t.Context())
	f.must(err)
	f.must(f.store.DeleteEndpoint(f.t.Context(), read, id))
}

func endpointDecisions() []decision {
	first := subscription.Registrations{}
	one := func(f *fixture) { f.endpoint("e1") }
	after := subscription.Registrations{Revision: 1}
	same := []settled{{registeredKey(), table.Is(attrRevision, table.Number(1)), "", "two changes of the registrations"}}
	changed := failsAs(subscription.ErrChanged)
	return []decision{
		{
			name: "the first endpoint", returned: changed,
			commit: func(f *fixture, s *Store) error {
				return s.CreateEndpoint(f.t.Context(), first, endpointOf("e1"))
			},
			conditions: []settled{{registeredKey(), table.Absent(), "", "two first endpoints"}},
		},
		{
			name: "another endpoint", returned: changed, given: one, conditions: same,
			commit: func(f *fixture, s *Store) error {
				return s.CreateEndpoint(f.t.Context(), after, endpointOf("e2"))
			},
		},
		{
			name: "a changed endpoint", returned: changed, given: one, conditions: same,
			commit: func(f *fixture, s *Store) error {
				return s.ChangeEndpoint(f.t.Context(), after, endpointOf("e1"), true)
			},
		},
		{
			name: "a deleted endpoint", returned: changed, given: one, conditions: same,
			commit: func(f *fixture, s *Store) error { return s.DeleteEndpoint(f.t.Context(), after, "e1") },
		},
	}
}

func TestEndpoint_IsReadAsWritten(t *testing.T) {
	enginetest.Run(t, func(t *testing.T, open func(t testing.TB) table.Table) {
		f := sweepFixture(t, table.Retrying(open(t)))
		ctx := t.Context()
		at := f.now().UTC()
		want := subscription.Endpoint{
			ID: "e1", URL: "https://app.example.com/hooks?a=b,c", Label: "billing, EU",
			Types: []event.Type{event.UserCreated, event.GroupDeleted}, Tenants: []tenant.ID{mustID(t, "acme"), mustID(t, "beta")},
			Secrets: []subscription.Secret{{Key: []byte{0, 1, 255}}, {Key: []byte{2}, End: at.Add(time.Hour)}},
			Created: at, Version: 7, Disabled: at.Add(time.Minute), Reason: "A person disabled it.",
		}
		read, err := f.store.Registrations(ctx)
		f.must(err)
		require.Empty(t, read.Endpoints)
		f.must(f.store.CreateEndpoint(ctx, read, want))
		got, ok, err := f.store.Endpoint(ctx, "e1")
		f.must(err)
		require.True(t, ok)
		require.Equal(t, want, got)
		all, err := f.store.Endpoints(ctx)
		f.must(err)
		require.Equal(t, []subscription.Endpoint{want}, all)
		_, ok, err = f.store.Endpoint(ctx, "e2")
		f.must(err)
		require.False(t, ok)
	})
}

// A change replaces the whole registration, and that of no other endpoint.
func TestEndpoint_IsReadAsChanged(t *testing.T) {
	enginetest.Run(t, func(t *testing.T, open func(t testing.TB) table.Table) {
		f := sweepFixture(t, table.Retrying(open(t)))
		f.endpoint("e1")
		f.endpoint("e2")
		at := f.now().UTC()
		for _, want := range []subscription.Endpoint{
			{
				ID: "e1", URL: "https://new.example.com/hook", Label: "new", Types: []event.Type{event.UserDeleted}, Tenants: []tenant.ID{mustID(t, "beta")},
				Secrets: []subscription.Secret{{Key: []byte("new")}, {Key: []byte("old"), End: at.Add(time.Hour)}},
				Created: at, Version: 2, Disabled: at, Reason: "A person disabled it.",
			},
			// Without what it had before.
			{ID: "e1", URL: "https://e1.example.com/hook", Secrets: []subscription.Secret{{Key: []byte("new")}}, Created: at, Version: 3},
		} {
			read, err := f.store.Registrations(t.Context())
			f.must(err)
			f.must(f.store.ChangeEndpoint(t.Context(), read, want, false))
			got, ok, err := f.store.Endpoint(t.Context(), "e1")
			f.must(err)
			require.True(t, ok)
			require.Equal(t, want, got)
			other, _, err := f.store.Endpoint(t.Context(), "e2")
			f.must(err)
			require.Equal(t, endpointOf("e2").URL, other.URL)
		}
	})
}

// An endpoint that failures disabled is disabled for all readers. Enabling it deletes its
// failures.
func TestEndpoint_DisabledByFailuresUntilEnabled(t *testing.T) {
	f := sweepFixture(t, enginetest.Memory(t))
	ctx := t.Context()
	f.endpoint("e1")
	f.endpoint("e2")
	at := f.now().UTC()
	failed := subscription.State{
		FailingSince: at, Failures: 9, Paused: at, LastSuccess: at, Disabled: at, Reason: "It failed for 3 days.",
	}
	f.write(table.Put(endpointStateItem("e1", failed)))
	all, err := f.store.Endpoints(ctx)
	f.must(err)
	require.Len(t, all, 2)
	require.Equal(t, failed.Disabled, all[0].Disabled)
	require.Equal(t, failed.Reason, all[0].Reason)
	require.Zero(t, all[1].Disabled)
	one, _, err := f.store.Endpoint(ctx, "e1")
	f.must(err)
	require.Equal(t, all[0], one)
	states, err := f.store.EndpointStates(ctx, all)
	f.must(err)
	require.Equal(t, []subscription.State{failed, {}}, states)

	registry := subscription.NewRegistry(f.store, f.newID, f.now)
	enabled, err := registry.Change(ctx, "e1", 0, func(e *subscription.Endpoint) { e.Disabled, e.Reason = time.Time{}, "" })
	f.must(err)
	require.Zero(t, enabled.Disabled)
	require.Zero(t, enabled.State)
	one, _, err = f.store.Endpoint(ctx, "e1")
	f.must(err)
	require.Zero(t, one.Disabled)
	require.Empty(t, f.all(endpointStateKey("e1").Partition))
}

// fillEndpoint stores items in each partition of an endpoint.
func (f *fixture) fillEndpoint(id string, each int) {
	f.t.Helper()
	for _, name := range []string{webhookPending, webhookSent, webhookState, webhookUrgent} {
		for chunk := range slices.Chunk(make([]int, each), table.MaxOps) {
			ops := make([]table.Op, len(chunk))
			for i := range ops {
				ops[i] = table.Put(table.Item{Key: table.Key{Partition: webhookPartition(id, name), Sort: fmt.Sprint("i", f.ids.Add(1))}})
			}
			f.write(ops...)
		}
	}
}

// leftOf counts the items of an endpoint.
func (f *fixture) leftOf(id string) (n int) {
	f.t.Helper()
	for _, name := range []string{webhookPending, webhookSent, webhookState, webhookUrgent} {
		n += len(f.all(webhookPartition(id, name)))
	}
	return n
}

// What is stored of a deleted endpoint is deleted by sweeps, each of which may end at any
// call. That of others stays.
func TestSweep_ErasesDeletedEndpoint(t *testing.T) {
	f := sweepFixture(t, enginetest.Memory(t))
	f.endpoint("e1")
	f.endpoint("e2")
	const each = 250
	f.fillEndpoint("e1", each)
	f.fillEndpoint("e2", 1)
	f.deleteEndpoint("e1")
	_, ok, err := f.store.Endpoint(t.Context(), "e1")
	f.must(err)
	require.False(t, ok)

	f.pass(erasingTime - time.Millisecond)
	swept, err := f.store.Sweep(t.Context(), SweepAge)
	f.must(err)
	require.Equal(t, 1, swept.Young, "requests that began before the deletion may still write")
	require.Equal(t, 4*each, f.leftOf("e1"))

	f.pass(time.Millisecond)
	sweeps := 0
	for f.leftOf("e1") > 0 {
		before := f.leftOf("e1")
		require.Less(t, sweeps, 100)
		// A few calls succeed; the sweep is then ended.
		ended := tabletest.NewFailing(f.table, 6, context.Canceled)
		_, _ = f.on(ended).Sweep(t.Context(), SweepAge)
		require.Less(t, f.leftOf("e1"), before, "a sweep made no progress")
		sweeps++
	}
	require.Greater(t, sweeps, 3)
	swept, err = f.store.Sweep(t.Context(), SweepAge)
	f.must(err)
	require.Equal(t, 1, swept.Finished)
	require.Empty(t, f.all(duePartition))
	require.Equal(t, 4, f.leftOf("e2"))
}

func TestSweep_NamesUnknownTaskOfEndpoint(t *testing.T) {
	f := sweepFixture(t, enginetest.Memory(t))
	f.write(table.Put(table.Item{Key: endpointDueKey("e1", "dance"), Attributes: table.Attributes{attrTime: millis(f.now())}}))
	f.pass(time.Hour)
	_, err := f.store.Sweep(t.Context(), SweepAge)
	require.ErrorContains(t, err, "dance")
}
