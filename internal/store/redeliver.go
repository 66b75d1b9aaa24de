package store

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/event"
	"github.com/rollcall-scim/rollcall/internal/subscription"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// The attributes of a task that sends events again, besides attrTime. Its progress is the
// tenant that it has come to (attrOf) and the key of the last source (attrSource) there.
const (
	attrRedelivery = "id"
	attrFrom       = "from" // milliseconds since 1970
	attrTo         = "to"   // milliseconds since 1970
	attrFound      = "n"    // events that wait, so far
)

// taskAgain is the task of an endpoint that sends events again. An endpoint has at most one:
// what one request causes is bounded by what is stored, and so is what all of them cause.
const taskAgain = "again"

// redeliveredAtOnce is how many sources one step reads of each partition.
const redeliveredAtOnce = 100

// BeginRedelivery stores a redelivery, which a call of Redeliver or a sweep continues. The
// conditions are that the endpoint exists, and that no other one is under way
// (subscription.ErrRedelivering).
func (s *Store) BeginRedelivery(ctx context.Context, r subscription.Redelivery) error {
	item := table.Item{Key: endpointDueKey(r.Endpoint, taskAgain), Attributes: table.Attributes{
		attrTime: millis(s.now()), attrRedelivery: table.Text(r.ID), attrFrom: millis(r.From), attrTo: millis(r.To),
	}}
	err := s.write(ctx, time.Time{}, table.Put(item, table.Absent()), table.Check(endpointKey(r.Endpoint), table.Present()))
	var failed *table.ConditionError
	if errors.As(err, &failed) {
		if failed.Failed[0].Op == 1 {
			return subscription.ErrNotFound
		}
		return subscription.ErrRedelivering
	}
	return writeError(err)
}

// Redeliver continues the redelivery to an endpoint until it is complete or the context ends,
// and returns it as it stands. It may be stopped at any point: each step stores its events
// before its progress, and to store an event again changes nothing while it waits.
func (s *Store) Redeliver(ctx context.Context, endpoint string) (r subscription.Redelivery, complete bool, err error) {
	key := endpointDueKey(endpoint, taskAgain)
	for {
		item, ok, err := s.read(ctx, key)
		if err != nil || !ok {
			return r, err == nil, err
		}
		a := item.Attributes
		r = subscription.Redelivery{
			Endpoint: endpoint, ID: a.Text(attrRedelivery), From: timeOf(a, attrFrom), To: timeOf(a, attrTo), Events: a.Number(attrFound),
		}
		more, err := s.redeliverStep(ctx, r, item)
		if err != nil {
			return r, false, err
		}
		if r.Events += more.found; more.end {
			return r, true, nil
		}
	}
}

// redelivered is what a step has done.
type redelivered struct {
	found int64
	end   bool
}

// redeliverStep stores the events of one page of sources, and then the progress. Its condition
// is that the redelivery is the one that was read, and no later one.
func (s *Store) redeliverStep(ctx context.Context, r subscription.Redelivery, item table.Item) (done redelivered, err error) {
	same := table.Is(attrRedelivery, table.Text(r.ID))
	end := func() (redelivered, error) {
		done.end = true
		return done, s.redeliveryWrote(s.write(ctx, time.Time{}, table.Delete(item.Key, same)))
	}
	e, ok, err := s.Endpoint(ctx, r.Endpoint)
	if err != nil {
		return done, err
	}
	if !ok || !e.Disabled.IsZero() {
		return end()
	}
	t, after, err := s.redeliveryPlace(ctx, e, r, item.Attributes)
	if err != nil {
		return done, err
	}
	if t.IsZero() {
		return end()
	}
	page, err := s.Sources(ctx, t, after, r.To, redeliveredAtOnce)
	if err != nil {
		return done, err
	}
	var waiting []subscription.Pending
	for _, source := range page.Sources {
		for _, d := range event.Of(t, source) {
			if e.Wants(t, d.Type) {
				waiting = append(waiting, e.Pending(d, source.Signal != nil, r.ID))
			}
		}
	}
	if err := s.Enqueue(ctx, waiting); err != nil {
		return done, err
	}
	done.found = int64(len(waiting))
	// The end of a tenant is a place after all its keys: the next step finds the next tenant.
	at := page.To
	if !page.More {
		at = endOfTenant
	}
	return done, s.redeliveryWrote(s.write(ctx, time.Time{}, table.Update(item.Key, table.Change{
		Set: table.Attributes{attrOf: table.Text(t.String()), attrSource: table.Text(at)},
		Add: map[string]int64{attrFound: done.found},
	}, same)))
}

// endOfTenant is after every key of a source.
const endOfTenant = "~"

// redeliveryWrote leaves the work to the process that was faster.
func (s *Store) redeliveryWrote(err error) error {
	var failed *table.ConditionError
	if errors.As(err, &failed) {
		return nil
	}
	return writeError(err)
}

// redeliveryPlace returns the tenant whose events come next, zero after the last one, and the
// position after which they begin.
func (s *Store) redeliveryPlace(ctx context.Context, e subscription.Endpoint, r subscription.Redelivery, a table.Attributes) (tenant.ID, event.Position, error) {
	reached, err := storedTenant(a)
	if err != nil {
		return tenant.ID{}, event.Position{}, err
	}
	if key := a.Text(attrSource); key != "" && key != endOfTenant {
		return reached, event.Position{Key: key}, nil
	}
	next, err := s.tenantAfter(ctx, e, reached.String())
	return next, event.PositionBefore(r.From), err
}

// tenantAfter returns the first tenant after a name whose events an endpoint gets, zero for
// none.
func (s *Store) tenantAfter(ctx context.Context, e subscription.Endpoint, name string) (tenant.ID, error) {
	if len(e.Tenants) > 0 {
		tenants := slices.SortedFunc(slices.Values(e.Tenants), func(a, b tenant.ID) int { return strings.Compare(a.String(), b.String()) })
		for _, t := range tenants {
			if t.String() > name {
				return t, nil
			}
		}
		return tenant.ID{}, nil
	}
	names, _, err := s.TenantNames(ctx, name, 1)
	if err != nil || len(names) == 0 {
		return tenant.ID{}, err
	}
	return tenant.ParseID(names[0])
}

// RedeliverEvent sends one event to an endpoint again; again is a UUIDv7. t is zero for an
// event that the endpoint was sent before. It returns subscription.ErrNoEvent for one that is
// not stored any more, and for one that the endpoint does not get.
func (s *Store) RedeliverEvent(ctx context.Context, e subscription.Endpoint, t tenant.ID, id, again string) error {
	if t.IsZero() {
		sent, ok, err := s.Delivery(ctx, e.ID, id)
		if err != nil {
			return err
		}
		if !ok || sent.Tenant.IsZero() {
			return subscription.ErrNoEvent
		}
		t = sent.Tenant
	}
	for _, signal := range []bool{false, true} {
		source, ok, err := s.SourceAt(ctx, t, sourceOfEvent(id), signal)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		for _, d := range event.Of(t, source) {
			if d.ID() == id && e.Wants(t, d.Type) {
				return s.Enqueue(ctx, []subscription.Pending{e.Pending(d, signal, again)})
			}
		}
	}
	return subscription.ErrNoEvent
}

// sourceOfEvent returns the key of the source of an event: its id without the number that all
// but the first event of a source have. A key is a UUID, and for a part of an entry its number.
func sourceOfEvent(id string) string {
	const uuid = 36
	if len(id) <= uuid {
		return id
	}
	key, _, _ := strings.Cut(id[uuid:], "-")
	return id[:uuid] + key
}
