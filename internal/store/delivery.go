package store

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/event"
	"github.com/rollcall-scim/rollcall/internal/subscription"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// The attributes of a delivery, besides those of a waiting event, and of a lease.
const (
	attrDelivered = "acked"    // when the endpoint acknowledged it
	attrGivenUp   = "gaveup"   // 1 if no attempt follows
	attrNextTry   = "next"     // when it is tried again
	attrTried     = "attempts" // JSON of storedAttempt, the oldest first
	attrLeaseOf   = "holder"   // the process that has the lease
)

// sentTime is how long a delivery is remembered.
const sentTime = 30 * 24 * time.Hour

// storedAttempt is the stored form of a subscription.Attempt.
type storedAttempt struct {
	Time   int64  `json:"at"` // milliseconds since 1970
	Took   int64  `json:"ms"`
	Status int    `json:"status,omitempty"`
	Error  string `json:"error,omitempty"`
	Answer string `json:"answer,omitempty"`
}

func leaseKey(endpoint string) table.Key {
	return table.Key{Partition: webhookPartition(endpoint, webhookState), Sort: "LEASE"}
}

// offboardingKey returns the key of the record of a departure at an endpoint: when it was
// committed, first sent and acknowledged.
func offboardingKey(t tenant.ID, event, endpoint string) table.Key {
	return table.Key{Partition: partition(t, "OFFBOARDING"), Sort: event + "#" + endpoint}
}

// leaseSkew is for how long an ended lease is left to its holder, whose clock may be behind.
const leaseSkew = 5 * time.Second

// AcquireLease gives the right to deliver to an endpoint to a holder, unless another one has
// it. The conditions are that the lease is as it was read, so that of two processes one gets
// it, and that the endpoint exists: what is stored of a deleted one is being erased.
func (s *Store) AcquireLease(ctx context.Context, endpoint, holder string, until time.Time) (subscription.Lease, bool, error) {
	key := leaseKey(endpoint)
	item, held, err := s.read(ctx, key)
	if err != nil {
		return subscription.Lease{}, false, err
	}
	when := []table.Condition{table.Absent()}
	if held {
		if s.now().Before(timeOf(item.Attributes, attrUntil).Add(leaseSkew)) {
			return subscription.Lease{}, false, nil
		}
		when = []table.Condition{
			table.Is(attrLeaseOf, item.Attributes[attrLeaseOf]),
			table.Is(attrUntil, item.Attributes[attrUntil]),
		}
	}
	err = s.write(ctx, time.Time{},
		table.Put(table.Item{Key: key, Attributes: table.Attributes{
			attrLeaseOf: table.Text(holder), attrUntil: millis(until),
		}}, when...),
		table.Check(endpointKey(endpoint), table.Present()))
	var failed *table.ConditionError
	if errors.As(err, &failed) {
		return subscription.Lease{}, false, nil
	}
	return subscription.Lease{Endpoint: endpoint, Holder: holder, Until: until}, err == nil, writeError(err)
}

// ReleaseLease gives a lease back. One that is another process's by now stays.
func (s *Store) ReleaseLease(ctx context.Context, l subscription.Lease) error {
	err := s.write(ctx, time.Time{}, table.Delete(leaseKey(l.Endpoint), table.Is(attrLeaseOf, table.Text(l.Holder))))
	var failed *table.ConditionError
	if errors.As(err, &failed) {
		return nil
	}
	return writeError(err)
}

// Settle stores an outcome in one transaction, and renews the lease until its time. The
// condition is that the lease is still the holder's, so that a process that was paused
// settles nothing that another one has settled since. It returns subscription.ErrLease if
// the lease is lost.
//
// Nothing may be stored of a tenant that is deleted. The tenants of departures are read, and
// the transaction is not sent later than settleTime after that: a sweep begins to delete a
// tenant SweepAge after it was ended. So the function that delivers needs no right to the
// items of tenants.
func (s *Store) Settle(ctx context.Context, l subscription.Lease, o subscription.Outcome) error {
	ops := []table.Op{table.Update(leaseKey(l.Endpoint), table.Change{Set: table.Attributes{attrUntil: millis(l.Until)}},
		table.Is(attrLeaseOf, table.Text(l.Holder)))}
	for _, settled := range o.Settled {
		ops = append(ops, settleOps(settled, s.now().Add(sentTime))...)
	}
	if o.State != nil {
		ops = append(ops, table.Put(endpointStateItem(l.Endpoint, *o.State)))
	}
	for _, p := range o.Notices {
		ops = append(ops, enqueueOps(p)...)
	}
	notAfter := s.now().Add(settleTime)
	departures, err := s.departureOps(ctx, o.Settled)
	if err != nil {
		return err
	}
	err = s.write(ctx, notAfter, append(ops, departures...)...)
	var failed *table.ConditionError
	if !errors.As(err, &failed) {
		return writeError(err)
	}
	if slices.ContainsFunc(failed.Failed, func(f table.FailedCondition) bool { return f.Op == 0 }) {
		return subscription.ErrLease
	}
	return directory.ErrBusy
}

// settleTime is how long an outcome may be written after its tenants were read: well below
// SweepAge.
const settleTime = 8 * time.Second

// settleOps store what came of an event.
func settleOps(settled subscription.Settlement, expires time.Time) []table.Op {
	p, d := settled.Pending, settled.Delivery
	item := deliveryItem(sentKey(d.Endpoint, d.Event), d)
	item.Attributes[table.ExpiryName] = table.Number(expires.Unix())
	ops := []table.Op{table.Put(item)}
	if !d.Done() {
		return append(ops, table.Put(pendingItem(p)))
	}
	ops = append(ops, table.Delete(pendingKey(p.Endpoint, p.Seq)))
	if p.Type.IsDeparture() {
		ops = append(ops, table.Delete(urgentKey(p.Endpoint, p.Seq)))
	}
	return ops
}

// departureOps store the records of departures of tenants that are not being deleted. A
// departure that was acknowledged before keeps its record.
func (s *Store) departureOps(ctx context.Context, all []subscription.Settlement) ([]table.Op, error) {
	departures := slices.DeleteFunc(slices.Clone(all), func(o subscription.Settlement) bool {
		return !o.Delivery.Type.IsDeparture() || o.Delivery.Tenant.IsZero()
	})
	if len(departures) == 0 {
		return nil, nil
	}
	var keys []table.Key
	for _, o := range departures {
		keys = append(keys, offboardingKey(o.Delivery.Tenant, o.Delivery.Event, o.Delivery.Endpoint), tenantKey(o.Delivery.Tenant))
	}
	slices.SortFunc(keys, func(a, b table.Key) int {
		return cmp.Or(strings.Compare(a.Partition, b.Partition), strings.Compare(a.Sort, b.Sort))
	})
	items, err := s.getAll(ctx, slices.Compact(keys))
	if err != nil {
		return nil, err
	}
	var ops []table.Op
	for _, o := range departures {
		t := o.Delivery.Tenant
		key := offboardingKey(t, o.Delivery.Event, o.Delivery.Endpoint)
		if items[key].Attributes.Has(attrDelivered) {
			continue
		}
		stored, ok := items[tenantKey(t)]
		if !ok {
			continue
		}
		owner, err := decodeTenant(t, stored, table.Item{})
		if err != nil {
			return nil, err
		}
		if owner.Settings.Ending {
			continue
		}
		item := deliveryItem(key, o.Delivery)
		item.Attributes[table.ExpiryName] = table.Number(o.Delivery.Committed.Add(owner.Settings.LogRetention()).Unix())
		ops = append(ops, table.Put(item))
	}
	return ops, nil
}

func deliveryItem(key table.Key, d subscription.Delivery) table.Item {
	a := table.Attributes{
		attrEvent: table.Text(d.Event), attrEventType: table.Text(string(d.Type)), attrTime: millis(d.Committed),
		attrAttempts: table.Number(int64(d.Count)),
	}
	setTexts(a, map[string]string{
		attrOf: d.Tenant.String(), attrSubjectKey: d.Resource, attrReason: d.Reason, attrTried: joinAttempts(d.Attempts),
	})
	setNumbers(a, map[string]int64{
		attrFirstTry: millis(d.First).Number(), attrDelivered: millis(d.Delivered).Number(),
		attrGivenUp: flag(d.GivenUp).Number(), attrNextTry: millis(d.Next).Number(),
	})
	return table.Item{Key: key, Attributes: a}
}

func decodeDelivery(endpoint string, item table.Item) (subscription.Delivery, error) {
	a := item.Attributes
	of, err := storedTenant(a)
	if err != nil {
		return subscription.Delivery{}, fmt.Errorf("store: the delivery of %s: %w", a.Text(attrEvent), err)
	}
	attempts, err := splitAttempts(a.Text(attrTried))
	if err != nil {
		return subscription.Delivery{}, fmt.Errorf("store: attempts of the delivery of %s: %w", a.Text(attrEvent), err)
	}
	return subscription.Delivery{
		Endpoint: endpoint, Event: a.Text(attrEvent), Tenant: of, Type: event.Type(a.Text(attrEventType)),
		Resource: a.Text(attrSubjectKey), Committed: timeOf(a, attrTime), First: timeOf(a, attrFirstTry),
		Delivered: timeOf(a, attrDelivered), GivenUp: a.Number(attrGivenUp) == 1, Reason: a.Text(attrReason),
		Next: timeOf(a, attrNextTry), Attempts: attempts, Count: int(a.Number(attrAttempts)),
	}, nil
}

func joinAttempts(attempts []subscription.Attempt) string {
	if len(attempts) == 0 {
		return ""
	}
	stored := make([]storedAttempt, len(attempts))
	for i, t := range attempts {
		stored[i] = storedAttempt{t.Time.UnixMilli(), t.Duration.Milliseconds(), t.Status, t.Error, t.Answer}
	}
	return encode(stored)
}

func splitAttempts(text string) ([]subscription.Attempt, error) {
	if text == "" {
		return nil, nil
	}
	var stored []storedAttempt
	if err := json.Unmarshal([]byte(text), &stored); err != nil {
		return nil, err
	}
	attempts := make([]subscription.Attempt, len(stored))
	for i, t := range stored {
		attempts[i] = subscription.Attempt{
			Time: time.UnixMilli(t.Time).UTC(), Duration: time.Duration(t.Took) * time.Millisecond,
			Status: t.Status, Error: t.Error, Answer: t.Answer,
		}
	}
	return attempts, nil
}

// Delivery reads what came of an event at an endpoint; ok is false if it was not tried yet,
// or too long ago.
func (s *Store) Delivery(ctx context.Context, endpoint, event string) (d subscription.Delivery, ok bool, err error) {
	item, ok, err := s.read(ctx, sentKey(endpoint, event))
	if err != nil || !ok || expired(item.Attributes, s.now()) {
		return subscription.Delivery{}, false, err
	}
	d, err = decodeDelivery(endpoint, item)
	return d, err == nil, err
}

// Deliveries reads a page of the events that were tried at an endpoint, newest first, from
// the first one before an event: one round trip. More reports that older ones may follow.
func (s *Store) Deliveries(ctx context.Context, endpoint, before string, limit int) (page []subscription.Delivery, more bool, err error) {
	read, err := s.table.Query(ctx, table.Query{
		Partition: webhookPartition(endpoint, webhookSent), After: before, Limit: limit, Descending: true,
	})
	if err != nil {
		return nil, false, readError(err)
	}
	for _, item := range read.Items {
		if expired(item.Attributes, s.now()) {
			continue
		}
		d, err := decodeDelivery(endpoint, item)
		if err != nil {
			return nil, false, err
		}
		page = append(page, d)
	}
	return page, read.More, nil
}

// DepartureDeliveries reads what came of a departure at the endpoints to which it was sent.
func (s *Store) DepartureDeliveries(ctx context.Context, t tenant.ID, event string) (all []subscription.Delivery, err error) {
	q := table.Query{Partition: offboardingKey(t, event, "").Partition, Prefix: event + "#"}
	err = s.pages(ctx, q, func(items []table.Item) (bool, error) {
		for _, item := range items {
			if expired(item.Attributes, s.now()) {
				continue
			}
			d, err := decodeDelivery(strings.TrimPrefix(item.Sort, q.Prefix), item)
			if err != nil {
				return false, err
			}
			all = append(all, d)
		}
		return true, nil
	})
	return all, err
}

// Oldest reads since when the oldest event waits for an endpoint, and the oldest departure;
// zero if none waits. It is one round trip.
func (s *Store) Oldest(ctx context.Context, endpoint string) (waiting, urgent subscription.Wait, err error) {
	first := func(name string, oldest *subscription.Wait) func(context.Context) error {
		return func(ctx context.Context) error {
			page, err := s.table.Query(ctx, table.Query{Partition: webhookPartition(endpoint, name), Limit: 1})
			if err == nil && len(page.Items) > 0 {
				*oldest = waitOf(page.Items[0])
			}
			return readError(err)
		}
	}
	err = s.Together(ctx, first(webhookPending, &waiting), first(webhookUrgent, &urgent))
	return waiting, urgent, err
}

// waitOf returns since when a waiting event waits. The key of one that somebody asked for again
// begins with the time of that request.
func waitOf(item table.Item) subscription.Wait {
	committed := timeOf(item.Attributes, attrTime)
	w := subscription.Wait{Committed: committed, Since: committed}
	if asked := (event.Position{Key: item.Sort}).Time(); item.Attributes.Number(attrAgain) == 1 && !asked.IsZero() {
		w.Since = asked
	}
	return w
}
