package feed_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rollcall-scim/rollcall/internal/event"
	"github.com/rollcall-scim/rollcall/internal/subscription"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// A stream that sends batches again, in whole and in part, past any failure, brings each
// endpoint exactly the events that it wants, in the order of the stream for each user, and no
// event of a tenant that it is not for.
func TestHandle_EachEndpointGetsExactlyWhatItWants(t *testing.T) {
	tenants := []string{"acme", "other", "third"}
	types := []event.Type{event.UserCreated, event.UserUpdated, event.UserDeactivated, event.GroupUpdated}
	rapid.Check(t, func(r *rapid.T) {
		s := newSurroundings(t)
		for i := range rapid.IntRange(0, 5).Draw(r, "endpoints") {
			e := subscription.Endpoint{ID: fmt.Sprint("e", i), Types: rapid.SliceOfNDistinct(rapid.SampledFrom(types), 0, 3, rapid.ID).Draw(r, "types")}
			for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom(tenants), 0, 2, rapid.ID).Draw(r, "tenants") {
				e.Tenants = append(e.Tenants, of(t, name))
			}
			if rapid.IntRange(0, 4).Draw(r, "disabled") == 0 {
				e.Disabled = began
			}
			s.endpoints = append(s.endpoints, e)
		}
		var stream []table.Record
		poison := map[string]bool{}
		for i := range rapid.IntRange(0, 30).Draw(r, "records") {
			key := fmt.Sprintf("k%02d", rapid.IntRange(0, 99).Draw(r, "request")*100+i)
			next := record(i, rapid.SampledFrom(tenants).Draw(r, "tenant"), key, rapid.SampledFrom([]string{"u1", "u2"}).Draw(r, "user"),
				rapid.SampledFrom(types).Draw(r, "type"), rapid.IntRange(0, 3).Draw(r, "parts"))
			if rapid.IntRange(0, 9).Draw(r, "poison") == 0 {
				next.Item.Attributes["damaged"], poison[key] = table.Number(1), true
			}
			stream = append(stream, next)
		}
		drain(t, r, s, stream)
		for _, e := range s.endpoints {
			require.Equal(t, wanted(t, e, stream, poison), s.waiting(e.ID), "endpoint %+v", e)
		}
		for _, p := range s.enqueued {
			i := slices.IndexFunc(s.endpoints, func(e subscription.Endpoint) bool { return e.ID == p.Endpoint })
			limits := s.endpoints[i].Tenants
			require.True(t, len(limits) == 0 || slices.Contains(limits, p.Tenant), "an event of %s for %+v", p.Tenant, s.endpoints[i])
		}
	})
}

// drain handles a stream in batches as Lambda does: a failed batch comes again from the failed
// record on, and any batch may come again. Faults pass after a few attempts.
func drain(t *testing.T, r *rapid.T, s *surroundings, stream []table.Record) {
	t.Helper()
	for begin, tries := 0, 0; begin < len(stream); tries++ {
		end := min(len(stream), begin+rapid.IntRange(1, 10).Draw(r, "batch"))
		s.unqueued, s.unread, s.refusals = map[string]bool{}, map[string]bool{}, map[string]int{}
		if tries < 60 {
			fault := stream[rapid.IntRange(begin, end-1).Draw(r, "fault")].Key.Sort
			switch rapid.IntRange(0, 5).Draw(r, "kind") {
			case 0:
				s.unqueued[fault] = true
			case 1:
				s.unread[fault] = true
			case 2:
				s.refusals[fault] = 10
			}
		}
		failed, err := s.handler.Handle(t.Context(), stream[begin:end])
		switch {
		case err != nil:
			begin = slices.IndexFunc(stream, func(r table.Record) bool { return r.Sequence == failed })
			require.GreaterOrEqual(t, begin, 0, "an unknown record %q failed", failed)
		case rapid.IntRange(0, 4).Draw(r, "again") == 0 && tries < 60:
		default:
			begin = end
		}
	}
}

// wanted returns the ids of the events that an endpoint wants, in the order of the stream.
func wanted(t *testing.T, e subscription.Endpoint, stream []table.Record, poison map[string]bool) (ids []string) {
	t.Helper()
	for _, r := range stream {
		if poison[r.Key.Sort] || !e.Disabled.IsZero() {
			continue
		}
		a := r.Item.Attributes
		if len(e.Types) > 0 && !slices.Contains(e.Types, event.Type(a.Text("type"))) {
			continue
		}
		if !slices.ContainsFunc(append([]tenant.ID{}, e.Tenants...), func(id tenant.ID) bool { return "T#"+id.String()+"#LOG" == r.Key.Partition }) && len(e.Tenants) > 0 {
			continue
		}
		for part := range int(a.Number("parts")) {
			ids = append(ids, event.Draft{Key: r.Key.Sort, Part: part}.ID())
		}
	}
	return ids
}

// waiting returns the ids of the events that wait for an endpoint, by their Seq.
func (s *surroundings) waiting(endpoint string) (ids []string) {
	var waiting []subscription.Pending
	for _, p := range s.queued {
		if p.Endpoint == endpoint {
			waiting = append(waiting, p)
		}
	}
	slices.SortFunc(waiting, func(a, b subscription.Pending) int {
		if a.Seq < b.Seq {
			return -1
		}
		return 1
	})
	for _, p := range waiting {
		ids = append(ids, p.Event)
	}
	return ids
}
