package adminapi

import (
	"context"
	"strings"

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
