package adminapi

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/event"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/subscription"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// The evidence of one departure says of each webhook what is known, and never more.
func TestNotified_SaysWhatIsKnown(t *testing.T) {
	acme, err := tenant.ParseID("acme")
	require.NoError(t, err)
	beta, err := tenant.ParseID("beta")
	require.NoError(t, err)
	at := time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC)
	d := departure{Draft: event.Draft{Key: "k", Type: event.UserDeactivated, Time: at, Tenant: acme, IdP: "okta", RequestID: "r"}, entry: journal.Entry{IdPRequestID: "x"}}
	hook := func(change func(*subscription.Endpoint)) subscription.Observed {
		e := subscription.Endpoint{ID: "w", URL: "https://w.example.com", Created: at.Add(-time.Hour)}
		if change != nil {
			change(&e)
		}
		return subscription.Observed{Endpoint: e}
	}
	plain := hook(nil)
	tried := []subscription.Attempt{{Status: 500}, {Status: 503}}
	const none = ""
	for name, tt := range map[string]struct {
		endpoint     subscription.Observed
		record       *subscription.Delivery
		oldest, now  time.Time
		state        string // "" for an endpoint that is left out
		acknowledged bool
		reason       string
	}{
		"acknowledged": {endpoint: plain, record: &subscription.Delivery{Delivered: at.Add(3 * time.Second)}, state: "delivered", acknowledged: true},
		"acknowledged before it was tried again": {
			endpoint: plain, record: &subscription.Delivery{Delivered: at.Add(3 * time.Second), Next: at.Add(time.Hour)}, state: "delivered", acknowledged: true,
		},
		"acknowledged, then deleted":        {record: &subscription.Delivery{Delivered: at.Add(3 * time.Second)}, endpoint: hook(func(e *subscription.Endpoint) { e.ID = "other"; e.Created = at.Add(time.Second) }), state: "delivered", acknowledged: true},
		"tried again":                       {endpoint: plain, record: &subscription.Delivery{Next: at.Add(time.Hour), Attempts: tried}, state: "pending", reason: "503 Service Unavailable"},
		"without an answer":                 {endpoint: plain, record: &subscription.Delivery{Next: at.Add(time.Hour), Attempts: []subscription.Attempt{{Error: "No connection."}}}, state: "pending", reason: "No connection."},
		"given up":                          {endpoint: plain, record: &subscription.Delivery{GivenUp: true, Reason: "All attempts failed."}, state: "failed", reason: "All attempts failed."},
		"deleted before an acknowledgement": {record: &subscription.Delivery{Next: at.Add(time.Hour)}, endpoint: hook(func(e *subscription.Endpoint) { e.ID = "other"; e.Created = at.Add(time.Second) }), state: "failed", reason: "was deleted"},
		"not tried yet":                     {endpoint: plain, now: at.Add(time.Minute), state: "pending"},
		"waits for long":                    {endpoint: plain, now: at.Add(time.Hour), oldest: at, state: "pending"},
		"waits after older ones":            {endpoint: plain, now: at.Add(time.Hour), oldest: at.Add(-time.Hour), state: "pending"},
		"never sent":                        {endpoint: plain, now: at.Add(time.Hour), state: "failed", reason: "redelivery"},
		"never sent, later ones wait":       {endpoint: plain, now: at.Add(time.Hour), oldest: at.Add(time.Second), state: "failed", reason: "redelivery"},
		"disabled since":                    {endpoint: hook(func(e *subscription.Endpoint) { e.Disabled, e.Reason = at.Add(time.Second), "It answered 410." }), now: at.Add(time.Minute), state: "failed", reason: "410"},
		"disabled before":                   {endpoint: hook(func(e *subscription.Endpoint) { e.Disabled = at.Add(-time.Second) })},
		"registered later":                  {endpoint: hook(func(e *subscription.Endpoint) { e.Created = at.Add(time.Second) })},
		"of another tenant":                 {endpoint: hook(func(e *subscription.Endpoint) { e.Tenants = []tenant.ID{beta} })},
		"of other types":                    {endpoint: hook(func(e *subscription.Endpoint) { e.Types = []event.Type{event.UserDeleted} })},
		"of the tenant and type": {endpoint: hook(func(e *subscription.Endpoint) {
			e.Tenants, e.Types = []tenant.ID{acme}, []event.Type{event.UserDeactivated}
		}), now: at, state: "pending"},
	} {
		t.Run(name, func(t *testing.T) {
			var records []subscription.Delivery
			if tt.record != nil {
				tt.record.Endpoint = "w"
				records = append(records, *tt.record)
			}
			n := notified{endpoints: []subscription.Observed{tt.endpoint}, now: tt.now, oldest: map[string]time.Time{"w": tt.oldest}}
			document := n.document(d, records)
			require.Equal(t, tt.acknowledged, document.Acknowledged)
			if tt.state == none {
				require.Empty(t, document.Endpoints)
				require.Contains(t, document.Notice, "Nobody is notified")
				return
			}
			require.Len(t, document.Endpoints, 1)
			require.Empty(t, document.Notice)
			require.Equal(t, tt.state, document.Endpoints[0].State)
			require.Contains(t, document.Endpoints[0].Reason, tt.reason)
			require.Equal(t, tt.reason == "", document.Endpoints[0].Reason == "")
			if tt.acknowledged {
				require.InDelta(t, 3, *document.SecondsToAcknowledge, 0)
			} else {
				require.Nil(t, document.SecondsToAcknowledge)
			}
		})
	}
}

// One webhook that has not acknowledged is enough; the last acknowledgement counts.
func TestNotified_WaitsForTheLastWebhook(t *testing.T) {
	at := time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC)
	d := departure{Draft: event.Draft{Key: "k", Type: event.UserPurged, Time: at, By: journal.ByApplication, Who: "eve"}}
	n := notified{now: at}
	first, last := subscription.Delivery{Endpoint: "b", Delivered: at.Add(2 * time.Second)}, subscription.Delivery{Endpoint: "a", Delivered: at.Add(9 * time.Second)}
	document := n.document(d, []subscription.Delivery{first, last})
	require.True(t, document.Acknowledged)
	require.InDelta(t, 9, *document.SecondsToAcknowledge, 0)
	require.Equal(t, "a", document.Endpoints[0].WebhookID)
	require.Equal(t, "application", document.Actor.Type)
	require.Equal(t, "eve", document.Actor.Name)
	last.Delivered, last.Next = time.Time{}, at.Add(time.Minute)
	document = n.document(d, []subscription.Delivery{first, last})
	require.False(t, document.Acknowledged)
	require.Nil(t, document.SecondsToAcknowledge)
}
