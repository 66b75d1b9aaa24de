package system

import (
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/event"
	"github.com/rollcall-scim/rollcall/internal/subscription"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// sent stores what came of events at an endpoint, as deliveries do.
func (s *service) sent(endpoint string, at time.Time, settled ...subscription.Settlement) {
	s.t.Helper()
	l, ok, err := s.app.Store.AcquireLease(s.t.Context(), endpoint, "test", at.Add(time.Minute))
	require.NoError(s.t, err)
	require.True(s.t, ok)
	require.NoError(s.t, s.app.Store.Settle(s.t.Context(), l, subscription.Outcome{Settled: settled}))
	require.NoError(s.t, s.app.Store.ReleaseLease(s.t.Context(), l))
}

// listed returns the ids of the events of all pages of a list of deliveries.
func (s *service) listed(path string, query url.Values) (ids []string) {
	s.t.Helper()
	for range 100 {
		page := s.mustAdmin(200, "GET", path+"/deliveries?"+query.Encode(), "")
		for _, d := range page["deliveries"].([]any) {
			ids = append(ids, d.(map[string]any)["eventId"].(string))
		}
		next, more := page["next"].(string)
		if !more {
			return ids
		}
		query.Set("after", next)
	}
	s.t.Fatal("the list does not end")
	return nil
}

func TestDeliveries_ListedNewestFirst(t *testing.T) {
	enginetest.RunOn(t, enginetest.Plain(), func(t *testing.T, open func(testing.TB) table.Table) {
		now := afterwards().Truncate(time.Millisecond)
		s := newService(t, open(t), 5, app.Options{Now: func() time.Time { return now }})
		s.newTenant("beta", 5)
		beta, err := tenant.ParseID("beta")
		require.NoError(t, err)
		path, _ := s.register(`{"url":"https://app.example.com/hook"}`)
		other, _ := s.register(`{"url":"https://app.example.com/other"}`)
		endpoint := path[len("/webhooks/"):]
		ids := make([]string, 9)
		var settled []subscription.Settlement
		for i := range ids {
			ids[i] = fmt.Sprintf("0190000%d-0000-7000-8000-000000000000", i)
			p := subscription.Pending{
				Endpoint: endpoint, Seq: ids[i] + "/" + ids[i], Tenant: s.tenant, Event: ids[i], Key: ids[i], Type: event.UserUpdated,
				Resource: "User#u1", Committed: now,
			}
			if i%2 == 1 {
				p.Tenant = beta
			}
			require.NoError(t, s.app.Store.Enqueue(t.Context(), []subscription.Pending{p}))
			d := subscription.Delivery{
				Endpoint: endpoint, Event: p.Event, Tenant: p.Tenant, Type: p.Type, Resource: p.Resource, Committed: now, Count: 1,
				Attempts: []subscription.Attempt{{Time: now, Duration: time.Second, Status: 200, Answer: "your secret is whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}},
			}
			switch i / 3 {
			case 0:
				d.Delivered = now
			case 1:
				d.GivenUp, d.Reason = true, "All attempts failed."
			case 2:
				if i == 8 {
					continue // it was not tried
				}
				d.Next, p.Attempts, p.Due = now.Add(time.Minute), 1, now.Add(time.Minute)
			}
			settled = append(settled, subscription.Settlement{Pending: p, Delivery: d})
		}
		s.sent(endpoint, now, settled...)

		newest := func(of ...int) (want []string) {
			for _, i := range of {
				want = append(want, ids[i])
			}
			return want
		}
		for _, tt := range []struct {
			query string
			want  []string
		}{
			{"", newest(7, 6, 5, 4, 3, 2, 1, 0)},
			{"limit=3", newest(7, 6, 5, 4, 3, 2, 1, 0)},
			{"state=delivered", newest(2, 1, 0)},
			{"state=failed&limit=1", newest(5, 4, 3)},
			{"state=pending", newest(8, 7, 6)},
			{"state=pending&limit=1", newest(8, 7, 6)},
			{"tenant=beta&limit=2", newest(7, 5, 3, 1)},
			{"tenant=beta&state=pending", newest(7)},
			{"tenant=nobody", nil},
			{"event=" + ids[4], newest(4)},
			{"event=" + ids[4] + "&state=delivered", nil},
			{"event=" + ids[4] + "&tenant=beta", nil},
			{"event=" + ids[8] + "&state=pending", newest(8)},
			{"event=none", nil},
			{"event=%00", nil},
		} {
			query, err := url.ParseQuery(tt.query)
			require.NoError(t, err)
			require.Equal(t, tt.want, s.listed(path, query), tt.query)
		}
		require.Empty(t, s.listed(other, url.Values{}))

		first := s.mustAdmin(200, "GET", path+"/deliveries?limit=1&state=failed", "")["deliveries"].([]any)[0].(map[string]any)
		require.Equal(t, "failed", first["state"])
		require.Equal(t, "All attempts failed.", first["reason"])
		require.Equal(t, "u1", first["resourceId"])
		attempt := first["attempts"].([]any)[0].(map[string]any)
		require.Equal(t, 1000.0, attempt["durationMs"])
		require.Equal(t, "your secret is [token]", attempt["answer"])
		waiting := s.mustAdmin(200, "GET", path+"/deliveries?state=pending", "")["deliveries"].([]any)
		require.Empty(t, waiting[0].(map[string]any)["attempts"])
		require.Len(t, waiting[1].(map[string]any)["attempts"], 1)

		require.Equal(t, 400, s.admin("GET", path+"/deliveries?state=lost", "").status)
		require.Equal(t, 400, s.admin("GET", path+"/deliveries?limit=0", "").status)
		require.Equal(t, 400, s.admin("GET", path+"/deliveries?after=%25", "").status)
		require.Equal(t, 400, s.admin("GET", path+"/deliveries?tenant=Bad", "").status)
		require.Equal(t, 404, s.admin("GET", "/webhooks/none/deliveries", "").status)
	})
}
