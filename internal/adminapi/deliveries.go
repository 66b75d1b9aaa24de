package adminapi

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/credential"
	"github.com/rollcall-scim/rollcall/internal/subscription"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// Deliveries are what waits for the endpoints of webhooks, and what came of it. Implemented by
// package store.
type Deliveries interface {
	// Delivery reads what came of an event; ok is false if it was not tried, or too long ago.
	Delivery(ctx context.Context, endpoint, event string) (d subscription.Delivery, ok bool, err error)
	// Deliveries reads a page of the events that were tried, newest first, before an event.
	Deliveries(ctx context.Context, endpoint, before string, limit int) (page []subscription.Delivery, more bool, err error)
	// Waiting reads a page of the events that wait, newest first, before a Seq.
	Waiting(ctx context.Context, endpoint, before string, limit int) (page []subscription.Pending, more bool, err error)
	// DepartureDeliveries reads what came of a departure at the endpoints to which it was sent.
	DepartureDeliveries(ctx context.Context, t tenant.ID, event string) ([]subscription.Delivery, error)
	// Oldest reads since when the oldest event waits for an endpoint, and the oldest
	// departure; zero if none waits.
	Oldest(ctx context.Context, endpoint string) (waiting, departure subscription.Wait, err error)
}

// The states of a delivery.
const (
	statePending   = "pending"
	stateDelivered = "delivered"
	stateFailed    = "failed"
)

// deliveryState returns the state of a delivery.
func deliveryState(d subscription.Delivery) string {
	switch {
	case d.GivenUp:
		return stateFailed
	case d.Done() && !d.Delivered.IsZero():
		return stateDelivered
	}
	return statePending
}

func deliveryDocument(d subscription.Delivery) adminwire.WebhookDelivery {
	document := adminwire.WebhookDelivery{
		EventID: d.Event, Type: string(d.Type), Tenant: d.Tenant.String(), State: deliveryState(d), Committed: d.Committed,
		DeliveredAt: instant(d.Delivered), NextAttempt: instant(d.Next), Reason: d.Reason, Count: d.Count,
		Attempts: listOf(d.Attempts, attemptDocument),
	}
	document.ResourceType, document.ResourceID, _ = strings.Cut(d.Resource, "#")
	return document
}

// attemptDocument returns an attempt. An endpoint may answer with anything, even with the
// secret that it was given.
func attemptDocument(a subscription.Attempt) adminwire.WebhookAttempt {
	return adminwire.WebhookAttempt{
		Time: a.Time, DurationMs: a.Duration.Milliseconds(), Status: a.Status,
		Error: credential.Redact(a.Error), Answer: credential.Redact(a.Answer),
	}
}

// A deliverySearch is what a request wants to read of the deliveries of an endpoint.
type deliverySearch struct {
	endpoint, state, event, after string
	tenant                        string
	limit                         int
}

// finds reports whether a request wants an event of a tenant.
func (d deliverySearch) finds(event string, of tenant.ID) bool {
	return (d.event == "" || event == d.event) && (d.tenant == "" || of.String() == d.tenant)
}

// deliverySearch reads the parameters of the query.
func (q *request) deliverySearch() (search deliverySearch, err error) {
	if search.limit, search.after, err = q.list(); err != nil {
		return search, err
	}
	search.state, search.event, search.tenant = q.parameter("state"), q.parameter("event"), q.parameter("tenant")
	switch search.state {
	case "", statePending, stateDelivered, stateFailed:
	default:
		return search, &problem{kind: kindInvalid, detail: "state is pending, delivered or failed."}
	}
	if search.tenant != "" {
		_, err = parseTenant(search.tenant)
	}
	return search, err
}

// listDeliveries: GET /webhooks/{webhook}/deliveries
func (s *Service) listDeliveries(ctx context.Context, q *request) (*reply, error) {
	search, err := q.deliverySearch()
	if err != nil {
		return nil, err
	}
	e, err := s.webhook(ctx, q)
	if err != nil {
		return nil, err
	}
	search.endpoint = e.ID
	var page adminwire.WebhookDeliveries
	switch {
	case search.state == statePending:
		page, err = s.waiting(ctx, search)
	case search.event != "":
		page, err = s.delivery(ctx, search)
	default:
		page, err = walk(ctx, search, s.Deliveries.Deliveries, func(d subscription.Delivery) (string, *adminwire.WebhookDelivery) {
			document := deliveryDocument(d)
			if !search.finds(d.Event, d.Tenant) || search.state != "" && document.State != search.state {
				return d.Event, nil
			}
			return d.Event, &document
		})
	}
	if err != nil {
		return nil, err
	}
	return ok(page)
}

// delivery returns the delivery of one event.
func (s *Service) delivery(ctx context.Context, search deliverySearch) (page adminwire.WebhookDeliveries, err error) {
	page.Deliveries = []adminwire.WebhookDelivery{}
	if !isKey(search.event) {
		return page, nil
	}
	d, ok, err := s.Deliveries.Delivery(ctx, search.endpoint, search.event)
	if err != nil || !ok || !search.finds(d.Event, d.Tenant) {
		return page, err
	}
	if document := deliveryDocument(d); search.state == "" || document.State == search.state {
		page.Deliveries = append(page.Deliveries, document)
	}
	return page, nil
}

// isKey reports whether a text can be an event's id. Any other could not be a key of the
// table.
func isKey(text string) bool {
	return text != "" && len(text) <= maxPosition && isLine(text, maxPosition)
}

// waiting returns the events that wait, each with its attempts.
func (s *Service) waiting(ctx context.Context, search deliverySearch) (adminwire.WebhookDeliveries, error) {
	page, err := walk(ctx, search, s.Deliveries.Waiting, func(p subscription.Pending) (string, *adminwire.WebhookDelivery) {
		if !search.finds(p.Event, p.Tenant) {
			return p.Seq, nil
		}
		document := deliveryDocument(subscription.Delivery{
			Event: p.Event, Tenant: p.Tenant, Type: p.Type, Resource: p.Resource, Committed: p.Committed, Next: p.Due, Count: p.Attempts,
		})
		return p.Seq, &document
	})
	if err != nil {
		return page, err
	}
	for i, waits := range page.Deliveries {
		if waits.Count == 0 {
			continue
		}
		tried, ok, err := s.Deliveries.Delivery(ctx, search.endpoint, waits.EventID)
		if err != nil {
			return page, err
		}
		if ok {
			page.Deliveries[i].Attempts = listOf(tried.Attempts, attemptDocument)
		}
	}
	return page, nil
}

// How many items one request reads for a page of deliveries, at most.
const (
	deliveryReads    = 5
	deliveriesAtOnce = 200
)

// walk reads pages until it has found as many deliveries as wanted, or has read enough.
// document returns an item's key, and its document if it is wanted.
func walk[I any](ctx context.Context, search deliverySearch,
	read func(ctx context.Context, endpoint, before string, limit int) ([]I, bool, error),
	document func(I) (key string, wanted *adminwire.WebhookDelivery),
) (adminwire.WebhookDeliveries, error) {
	page := adminwire.WebhookDeliveries{Deliveries: []adminwire.WebhookDelivery{}}
	atOnce := deliveriesAtOnce
	if search.state == "" && search.tenant == "" && search.event == "" {
		atOnce = search.limit
	}
	at := search.after
	for range deliveryReads {
		items, more, err := read(ctx, search.endpoint, at, atOnce)
		if err != nil {
			return page, err
		}
		for i, item := range items {
			key, wanted := document(item)
			if at = key; wanted == nil {
				continue
			}
			page.Deliveries = append(page.Deliveries, *wanted)
			if len(page.Deliveries) == search.limit {
				if more || i < len(items)-1 {
					page.Next = sealPosition(at)
				}
				return page, nil
			}
		}
		if !more || len(items) == 0 {
			return page, nil
		}
	}
	page.Next = sealPosition(at)
	return page, nil
}

// A Tester sends an event to an endpoint at once, before all that waits for it. Implemented by
// package webhook.
type Tester interface {
	// Test sends an event of its own type, with the given id, and returns what came of it.
	Test(ctx context.Context, e subscription.Endpoint, id string) (subscription.Attempt, error)
}

// testWebhook: POST /webhooks/{webhook}/test. A disabled endpoint can be tested too, before it
// is enabled.
func (s *Service) testWebhook(ctx context.Context, q *request) (*reply, error) {
	e, err := s.webhook(ctx, q)
	if err != nil {
		return nil, err
	}
	q.action = "tested"
	id := s.NewID()
	attempt, err := s.Tester.Test(ctx, e.Endpoint, id)
	if err != nil {
		return nil, err
	}
	return ok(adminwire.WebhookTest{EventID: id, Delivered: attempt.Status/100 == 2, Attempt: attemptDocument(attempt)})
}

// Redeliveries send events to an endpoint again. Implemented by package store.
type Redeliveries interface {
	// BeginRedelivery stores a redelivery, or returns subscription.ErrRedelivering.
	BeginRedelivery(ctx context.Context, r subscription.Redelivery) error
	// Redeliver continues it until it is complete or the context ends.
	Redeliver(ctx context.Context, endpoint string) (r subscription.Redelivery, complete bool, err error)
	// RedeliverEvent sends one event again, or returns subscription.ErrNoEvent. t is zero for
	// an event that the endpoint was sent before.
	RedeliverEvent(ctx context.Context, e subscription.Endpoint, t tenant.ID, id, again string) error
}

// A Waker starts the deliveries to some endpoints. A wake-up may be lost: the schedule of
// deliveries finds what waits.
type Waker interface {
	Wake(ctx context.Context, endpoints []string) error
}

const (
	// wakeTime is how long a request waits for its wake-up.
	wakeTime = 2 * time.Second
	// maxRedelivered is the longest time whose events one request sends again.
	maxRedelivered = 31 * 24 * time.Hour
	// workTime is how long a request works on it. The sweep continues.
	workTime = 5 * time.Second
)

// redeliver: POST /webhooks/{webhook}/redeliver
func (s *Service) redeliver(ctx context.Context, q *request) (*reply, error) {
	var body adminwire.Redelivery
	if err := q.decode(&body); err != nil {
		return nil, err
	}
	one := body.EventID != "" || body.Tenant != ""
	if one == (body.From != nil || body.To != nil) {
		return nil, &problem{kind: kindInvalid, detail: "Send either from, and to if the time has an end, or eventId."}
	}
	e, err := s.webhook(ctx, q)
	if err != nil {
		return nil, err
	}
	if !e.Disabled.IsZero() {
		return nil, subscription.ErrDisabled
	}
	q.action = "redelivered"
	if one {
		return s.redeliverOne(ctx, e.Endpoint, body)
	}
	return s.redeliverTime(ctx, q, e.Endpoint, body)
}

// redeliverOne sends one event again.
func (s *Service) redeliverOne(ctx context.Context, e subscription.Endpoint, body adminwire.Redelivery) (*reply, error) {
	if !isKey(body.EventID) {
		return nil, &problem{kind: kindInvalid, detail: "eventId is the id of an event, as the list of deliveries has it."}
	}
	var of []tenant.ID
	if body.Tenant != "" {
		var err error
		if of, err = s.parseTenants(ctx, []string{body.Tenant}); err != nil {
			return nil, err
		}
	}
	if err := s.Redeliveries.RedeliverEvent(ctx, e, append(of, tenant.ID{})[0], body.EventID, s.NewID()); err != nil {
		return nil, err
	}
	s.wake(ctx, e.ID)
	return answer(http.StatusAccepted, adminwire.Redelivering{Events: 1, Complete: true}, nil)
}

// redeliverTime sends the events of a time again, as many as it finds in a few seconds. The
// sweep finds the others.
func (s *Service) redeliverTime(ctx context.Context, q *request, e subscription.Endpoint, body adminwire.Redelivery) (*reply, error) {
	r := subscription.Redelivery{Endpoint: e.ID, ID: s.NewID(), To: q.start}
	switch {
	case body.From == nil:
		return nil, &problem{kind: kindInvalid, detail: "from is missing: the first time whose events are sent."}
	case body.To != nil && body.To.Before(q.start): // what is later is sent anyway
		r.To = *body.To
	}
	if r.From = *body.From; !r.From.Before(r.To) {
		return nil, &problem{kind: kindInvalid, detail: "from must be before to, and in the past."}
	}
	if r.To.Sub(r.From) > maxRedelivered {
		return nil, &problem{kind: kindInvalid, detail: "The time is longer than 31 days. Send shorter ones, one after another; a reader that missed more lists all users and groups."}
	}
	if err := s.Redeliveries.BeginRedelivery(ctx, r); err != nil {
		return nil, err
	}
	short, cancel := context.WithTimeout(ctx, workTime)
	defer cancel()
	r, complete, err := s.Redeliveries.Redeliver(short, e.ID)
	// Also after a failure: some of the events may wait.
	s.wake(ctx, e.ID)
	if err != nil && short.Err() == nil {
		return nil, err
	}
	return answer(http.StatusAccepted, adminwire.Redelivering{Events: r.Events, Complete: complete && err == nil}, nil)
}

// wake starts the deliveries to an endpoint, for which events were stored. A failure only
// delays them until the next schedule.
func (s *Service) wake(ctx context.Context, endpoint string) {
	if s.Waker == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), wakeTime)
	defer cancel()
	if err := s.Waker.Wake(ctx, []string{endpoint}); err != nil {
		s.Log.LogAttrs(ctx, slog.LevelWarn, "", slog.String("event", "webhook.wake"), slog.String("endpoint", endpoint), slog.String("error", err.Error()))
	}
}
