package adminapi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/credential"
	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/event"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/provlog"
	"github.com/rollcall-scim/rollcall/internal/sheet"
	"github.com/rollcall-scim/rollcall/internal/subscription"
)

const (
	// maxDepartures is how many departures of a user one answer has.
	maxDepartures = 8
	// departureEntries is how many entries of the user's history are searched for them.
	departureEntries = 200
	// enqueueTime is within which a committed event waits for its endpoints, unless the feed
	// is late, which has an alarm of its own.
	enqueueTime = 15 * time.Minute
)

// readOffboarding: GET /tenants/{tenant}/users/{user}/offboarding, of purged users too. It
// reads one page of the user's history, the record of each departure, and of each endpoint
// without a record what waits for it.
func (s *Service) readOffboarding(ctx context.Context, q *request) (*reply, error) {
	t, err := s.tenantOf(ctx, q)
	if err != nil {
		return nil, err
	}
	id := q.about("user")
	document := adminwire.Offboarding{UserID: id, State: "gone"}
	u, err := s.Directory.AppUser(ctx, q.tenant, id)
	switch {
	case err == nil:
		document.State = u.State()
	case !errors.Is(err, directory.ErrNotFound), !directory.ValidID(id):
		return nil, err
	}
	found, err := s.Provisioning.Find(ctx, q.tenant, provlog.Query{Subject: id, Type: journal.TypeUser, Limit: departureEntries})
	if err != nil {
		return nil, err
	}
	departures := departuresOf(q, id, found.Entries)
	if len(departures) == 0 && document.State == "gone" {
		return nil, &problem{kind: kindNotFound, detail: fmt.Sprintf(
			"The user does not exist, and the log has no departure of one with this id. It keeps entries of this tenant for %d days; the path takes the id, not the userName.",
			int(t.Settings.LogRetention().Hours()/24))}
	}
	if len(departures) == maxDepartures || found.Next == "" {
		found.SearchedTo = time.Time{}
	}
	document.SearchedTo = instant(found.SearchedTo)
	if document.Departures, err = s.delivered(ctx, q, departures); err != nil {
		return nil, err
	}
	return inFormat(q, sheet.Offboarding, sheet.OffboardingRows(document), "", document)
}

// A departure is an event after which somebody may no longer use the application.
type departure struct {
	event.Draft
	entry journal.Entry
	// returned is when the user came back, zero if that was not.
	returned time.Time
}

// departuresOf returns the departures of a user among entries, both newest first.
func departuresOf(q *request, id string, entries []journal.Entry) []departure {
	var departures []departure
	var returned time.Time
	for _, e := range entries {
		for _, d := range slices.Backward(event.Of(q.tenant, event.Source{Entry: &e})) {
			switch {
			case d.Subject != (journal.Subject{Type: journal.TypeUser, ID: id, Name: d.Subject.Name, ExternalID: d.Subject.ExternalID}):
			case d.Type == event.UserReactivated, d.Type == event.UserRestored:
				returned = d.Time
			case d.Type.IsDeparture() && len(departures) < maxDepartures:
				departures = append(departures, departure{d, e, returned})
			}
		}
	}
	return departures
}

// delivered returns the documents of departures, with what came of each.
func (s *Service) delivered(ctx context.Context, q *request, departures []departure) ([]adminwire.Departure, error) {
	documents := make([]adminwire.Departure, len(departures))
	if len(departures) == 0 {
		return documents, nil
	}
	endpoints, err := s.Webhooks.Endpoints(ctx)
	if err != nil {
		return nil, err
	}
	n := notified{endpoints: endpoints, now: q.start, oldest: map[string]time.Time{}}
	for i, d := range departures {
		records, err := s.Deliveries.DepartureDeliveries(ctx, q.tenant, d.ID())
		if err != nil {
			return nil, err
		}
		for _, e := range n.unrecorded(d, records) {
			if _, known := n.oldest[e.ID]; known {
				continue
			}
			_, waits, err := s.Deliveries.Oldest(ctx, e.ID)
			if err != nil {
				return nil, err
			}
			n.oldest[e.ID] = waits.Committed
		}
		documents[i] = n.document(d, records)
	}
	return documents, nil
}

// notified is what is known of the endpoints that departures are sent to.
type notified struct {
	endpoints []subscription.Observed
	now       time.Time
	// oldest is when the oldest departure that waits for an endpoint was committed, zero if
	// none waits.
	oldest map[string]time.Time
}

// unrecorded returns the endpoints that get a departure, and have no record of it. An
// endpoint that was disabled when it was committed does not get it.
func (n notified) unrecorded(d departure, records []subscription.Delivery) []subscription.Observed {
	return slices.DeleteFunc(slices.Clone(n.endpoints), func(e subscription.Observed) bool {
		enabled := e.Endpoint
		if enabled.Disabled.After(d.Time) {
			enabled.Disabled = time.Time{}
		}
		return e.Created.After(d.Time) || !enabled.Wants(d.Tenant, d.Type) ||
			slices.ContainsFunc(records, func(r subscription.Delivery) bool { return r.Endpoint == e.ID })
	})
}

// document returns a departure, with what came of it.
func (n notified) document(d departure, records []subscription.Delivery) adminwire.Departure {
	document := adminwire.Departure{
		EventID: d.ID(), Type: string(d.Type), UserName: d.Subject.Name, Committed: d.Time, RequestID: d.RequestID,
		Actor: adminwire.EventActor{Type: "idp", Name: d.IdP}, IdPRequestID: d.entry.IdPRequestID, ReturnedAt: instant(d.returned),
		Endpoints: []adminwire.DepartureDelivery{},
	}
	if d.By == journal.ByApplication {
		document.Actor = adminwire.EventActor{Type: "application", Name: d.Who}
	}
	var last time.Time
	for _, r := range records {
		document.Endpoints = append(document.Endpoints, n.recorded(r))
		if r.Delivered.After(last) {
			last = r.Delivered
		}
	}
	for _, e := range n.unrecorded(d, records) {
		document.Endpoints = append(document.Endpoints, n.waiting(d, e))
	}
	slices.SortFunc(document.Endpoints, func(a, b adminwire.DepartureDelivery) int { return cmp.Compare(a.WebhookID, b.WebhookID) })
	if len(document.Endpoints) == 0 {
		document.Notice = "Nobody is notified: no webhook was registered for such events of the tenant. The application learns of it only if it reads the list of events, or the user."
		return document
	}
	document.Acknowledged = !slices.ContainsFunc(document.Endpoints, func(e adminwire.DepartureDelivery) bool { return e.State != stateDelivered })
	if document.Acknowledged {
		document.SecondsToAcknowledge = new(max(last.Sub(d.Time).Seconds(), 0))
	}
	return document
}

// recorded returns a departure that was tried at an endpoint. One that was acknowledged stays
// so, whatever became of the endpoint.
func (n notified) recorded(r subscription.Delivery) adminwire.DepartureDelivery {
	document := adminwire.DepartureDelivery{
		WebhookID: r.Endpoint, State: deliveryState(r), Reason: r.Reason,
		FirstAttempt: instant(r.First), DeliveredAt: instant(r.Delivered), NextAttempt: instant(r.Next), Attempts: r.Count,
	}
	if !r.Delivered.IsZero() {
		document.State, document.Reason, document.NextAttempt = stateDelivered, "", nil
	}
	i := slices.IndexFunc(n.endpoints, func(e subscription.Observed) bool { return e.ID == r.Endpoint })
	switch {
	case i >= 0:
		document.URL, document.Label = n.endpoints[i].URL, n.endpoints[i].Label
	case document.State == statePending:
		document.State, document.Reason, document.NextAttempt = stateFailed, "The webhook was deleted before it acknowledged the event.", nil
	}
	if document.State == statePending && len(r.Attempts) > 0 {
		document.Reason = met(r.Attempts[len(r.Attempts)-1])
	}
	return document
}

// met says what an attempt that failed met.
func met(a subscription.Attempt) string {
	if a.Status == 0 {
		return credential.Redact(a.Error)
	}
	return fmt.Sprintf("The last attempt was answered with %d %s.", a.Status, http.StatusText(a.Status))
}

// waiting returns a departure that has no record at an endpoint: it waits, or was never sent.
func (n notified) waiting(d departure, e subscription.Observed) adminwire.DepartureDelivery {
	document := adminwire.DepartureDelivery{WebhookID: e.ID, URL: e.URL, Label: e.Label, State: statePending}
	oldest := n.oldest[e.ID]
	switch {
	case !e.Disabled.IsZero():
		document.State, document.Reason = stateFailed, "The webhook was disabled before the event was sent: "+e.Reason
	case n.now.Before(d.Time.Add(enqueueTime)):
	case oldest.IsZero(), oldest.After(d.Time):
		document.State, document.Reason = stateFailed, "The event was not sent and does not wait: the webhook was disabled, or did not get such events, when it was committed. Send it again with a redelivery."
	}
	return document
}
