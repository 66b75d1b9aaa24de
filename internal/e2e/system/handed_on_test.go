package system

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/admindoc"
	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/check/iam"
	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/feed"
	"github.com/rollcall-scim/rollcall/internal/subscription"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
	"github.com/rollcall-scim/rollcall/internal/webhook"
)

// An application is what events are sent to: the endpoints of webhooks by URL, and a bus.
type application struct {
	status    map[string]int
	delivered []string // URLs
	published []feed.Message
}

func (a *application) Send(_ context.Context, m webhook.Message) subscription.Attempt {
	a.delivered = append(a.delivered, m.URL)
	return subscription.Attempt{Time: m.Time, Status: a.status[m.URL]}
}

func (a *application) Publish(_ context.Context, messages []feed.Message) (refused []int, err error) {
	a.published = append(a.published, messages...)
	return nil, nil
}

// The functions feed and deliver are granted all that they do for an endpoint that works, for one that
// is gone, and for a bus; and the sweep what is left of a deleted endpoint.
func TestGrants_EventsAreHandedOn(t *testing.T) {
	for _, engine := range enginetest.Plain() {
		t.Run(engine.Name, func(t *testing.T) {
			s := newService(t, engine.Open(t), 5, app.Options{})
			for _, id := range []string{"works", "gone"} {
				registered, err := s.app.Store.Registrations(t.Context())
				require.NoError(t, err)
				require.NoError(t, s.app.Store.CreateEndpoint(t.Context(), registered, subscription.Endpoint{
					ID: id, URL: "https://" + id + ".example.com", Created: time.Now(), Version: 1, Secrets: []subscription.Secret{{Key: make([]byte, 24)}},
				}))
			}
			anna := s.must(http.StatusCreated, "POST", "/Users", userBody(`"userName":"anna"`))
			s.must(http.StatusCreated, "POST", "/Groups", groupBody(`"displayName":"g","members":[{"value":"`+anna+`"}]`))
			s.must(http.StatusOK, "PATCH", "/Users/"+anna, patchBody(`[{"op":"replace","value":{"active":false}}]`))
			// Nobody has a seat, and there is none: the feed reports that.
			_, err := tenant.NewRegistry(s.app.Store, time.Now).Change(t.Context(), stage.ID(t, "acme"), func(tenant.Tenant) bool { return true },
				func(one *tenant.Tenant) error { one.MaxSeats = 0; return nil })
			require.NoError(t, err)
			a := &application{status: map[string]int{"https://works.example.com": http.StatusNoContent, "https://gone.example.com": http.StatusGone}}
			records := s.handOn(t, a)
			assert.Len(t, a.published, 3)

			s.deliver(t, a, "works")
			assert.Equal(t, []string{"https://works.example.com", "https://works.example.com", "https://works.example.com"}, a.delivered)
			s.deliver(t, a, "gone")
			endpoints, err := s.app.Store.Endpoints(t.Context())
			require.NoError(t, err)
			assert.True(t, slices.ContainsFunc(endpoints, func(e subscription.Endpoint) bool { return e.ID == "gone" && !e.Disabled.IsZero() }), "410 disables")

			// The records come again: what was delivered is left out.
			sent := len(a.delivered)
			s.handOn(t, a)
			s.deliver(t, a, "works")
			assert.Len(t, a.delivered[sent:], 1, "the notice about the other endpoint alone; %d records", records)

			registered, err := s.app.Store.Registrations(t.Context())
			require.NoError(t, err)
			require.NoError(t, s.app.Store.DeleteEndpoint(t.Context(), registered, "works"))
			later := app.NewStore(calls.Table(s.table), app.Options{Now: func() time.Time { return time.Now().Add(time.Hour) }})
			_, err = later.Sweep(iam.As(t.Context(), "SweepFunction"), 0)
			require.NoError(t, err)
			left, _, err := later.PendingPage(t.Context(), "works", "", 10)
			require.NoError(t, err)
			assert.Empty(t, left)
			s.check(0)
		})
	}
}

// handOn passes the log and the ledger to the feed, as its function, and returns the number of
// records.
func (s *service) handOn(t *testing.T, a *application) int {
	t.Helper()
	var records []table.Record
	for _, partition := range []string{"T#acme#LOG", "T#acme#LEDGER"} {
		page, err := s.table.Query(t.Context(), table.Query{Partition: partition, Limit: 100})
		require.NoError(t, err)
		for _, item := range page.Items {
			records = append(records, table.Record{
				Sequence: strconv.Itoa(len(records) + 1), Inserted: partition == "T#acme#LOG", Key: item.Key, Item: &item, Time: time.Now(),
			})
		}
	}
	engine := calls.Table(s.table)
	out := app.Outlets{Waker: asleep{}, Bus: a, Documents: admindoc.NewReader(app.NewStore(engine, app.Options{}))}
	_, err := app.NewFeed(engine, slog.New(slog.DiscardHandler), out, app.Options{}).Handle(iam.As(t.Context(), "FeedFunction"), records)
	require.NoError(t, err)
	return len(records)
}

// deliver delivers to an endpoint, as the function.
func (s *service) deliver(t *testing.T, a *application, endpoint string) {
	t.Helper()
	st := app.NewStore(calls.Table(s.table), app.Options{})
	deliverer := webhook.New(webhook.Config{
		Outbox: st, Registry: st, Events: webhook.NewEvents(st, admindoc.NewReader(st)), Sender: a, Waker: asleep{},
		Log: slog.New(slog.DiscardHandler), Now: time.Now, NewID: func() string { return uuid.Must(uuid.NewV7()).String() },
	})
	ctx := iam.As(t.Context(), "DeliverFunction")
	require.NoError(t, deliverer.Tick(ctx))
	require.NoError(t, deliverer.Wake(ctx, endpoint))
}
