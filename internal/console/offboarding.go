package console

import (
	"strconv"
	"time"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
)

// departureRow is a change after which a user may no longer use the application.
type departureRow struct {
	Type, By, To string
	// Result says in words whether all webhooks acknowledged it, and Level is its color.
	Result, Level  string
	Notice         string
	When, Returned *When
	Endpoints      []departureDelivery
}

// departureDelivery is what came of a departure at a webhook.
type departureDelivery struct {
	URL, State, Level, Why string
	// At is when it was acknowledged, and Next when it is tried again.
	First, At, Next *When
	Attempts        int
}

// departureTypes are the types of departures in words.
var departureTypes = map[string]string{"user.deactivated": "deactivated", "user.deleted": "deleted", "user.purged": "purged"}

// deliveryLevels are the colors of the states of deliveries.
var deliveryLevels = map[string]string{"delivered": "good", "pending": "warn", "failed": "bad"}

// offboarding reads the departures of a user who is not active, newest first. They are for
// operators: the addresses of webhooks are the application's own.
func (c *site) offboarding(q *request, u adminwire.User) ([]departureRow, error) {
	if u.Active && !u.Deleted || !q.operates() {
		return nil, nil
	}
	o, err := q.client.Offboarding(q.Context(), q.tenant, u.ID)
	if err != nil {
		return nil, err
	}
	rows := make([]departureRow, len(o.Departures))
	for i, d := range o.Departures {
		rows[i] = newDepartureRow(q.at, d, c.now())
	}
	return rows, nil
}

func newDepartureRow(at home, d adminwire.Departure, now time.Time) departureRow {
	r := departureRow{
		Type: departureTypes[d.Type], By: idpName(d.Actor.Name), To: at.of("requests", d.RequestID), Notice: d.Notice,
		When: when(d.Committed, now), Returned: whenOf(d.ReturnedAt, now), Result: "not acknowledged by all", Level: "warn",
	}
	if d.Actor.Type == "application" {
		r.By = "the application"
		if d.Actor.Name != "" {
			r.By += ": " + d.Actor.Name
		}
	}
	switch {
	case d.Notice != "":
		r.Result = "nobody is notified"
	case d.SecondsToAcknowledge != nil:
		r.Result, r.Level = "acknowledged by all after "+strconv.FormatFloat(*d.SecondsToAcknowledge, 'f', 1, 64)+" s", "good"
	}
	for _, e := range d.Endpoints {
		row := departureDelivery{
			URL: e.URL, State: e.State, Level: deliveryLevels[e.State], Why: e.Reason, Attempts: e.Attempts,
			First: whenOf(e.FirstAttempt, now), At: whenOf(e.DeliveredAt, now), Next: whenOf(e.NextAttempt, now),
		}
		if row.URL == "" {
			row.URL = e.WebhookID
		}
		r.Endpoints = append(r.Endpoints, row)
	}
	return r
}
