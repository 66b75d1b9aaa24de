package system

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/check/iam"
	"github.com/rollcall-scim/rollcall/internal/event"
	"github.com/rollcall-scim/rollcall/internal/store"
	"github.com/rollcall-scim/rollcall/internal/subscription"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
	"github.com/rollcall-scim/rollcall/internal/webhook"
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

// A receiver is an application that answers each request with a status.
type receiver struct {
	status int
	got    []webhook.Message
}

func (r *receiver) Send(_ context.Context, m webhook.Message) subscription.Attempt {
	r.got = append(r.got, m)
	return subscription.Attempt{Time: m.Time, Duration: 20 * time.Millisecond, Status: r.status, Answer: "thanks"}
}

// idsOf returns a source of ids of a clock: the log is in the order of the ids of requests.
func idsOf(now func() time.Time) func() string {
	return func() string {
		id := uuid.Must(uuid.NewV7())
		binary.BigEndian.PutUint64(id[:8], uint64(now().UnixMilli())<<16|uint64(binary.BigEndian.Uint16(id[6:8])))
		return id.String()
	}
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

// A test is sent at once, signed with the secrets of the endpoint, and reported with what came
// of it. It leaves no trace in how the endpoint does.
func TestWebhooks_TestIsSentAtOnce(t *testing.T) {
	r := &receiver{status: 204}
	s := newService(t, enginetest.Memory(t), 5, app.Options{Sender: r})
	path, secret := s.register(`{"url":"https://app.example.com/hook","types":["user.deleted"]}`)
	tested := s.mustAdmin(200, "POST", path+"/test", "")
	require.Equal(t, true, tested["delivered"])
	require.Equal(t, 204.0, tested["attempt"].(map[string]any)["status"])
	require.Len(t, r.got, 1)
	require.Equal(t, "https://app.example.com/hook", r.got[0].URL)
	require.Equal(t, tested["eventId"], r.got[0].ID)
	require.Len(t, r.got[0].Keys, 1)
	require.Equal(t, secret, subscription.Secret{Key: r.got[0].Keys[0]}.Text())
	var sent adminwire.Event
	require.NoError(t, json.Unmarshal(r.got[0].Body, &sent))
	require.Equal(t, string(event.WebhookTest), sent.Type)
	require.Equal(t, tested["eventId"], sent.ID)

	s.mustAdmin(201, "POST", path+"/secret", "")
	s.mustAdmin(200, "PATCH", path, `{"disabled":true}`)
	r.status = 500
	tested = s.mustAdmin(200, "POST", path+"/test", "")
	require.Equal(t, false, tested["delivered"])
	require.Len(t, r.got[1].Keys, 2, "both secrets sign during a rotation")
	require.NotContains(t, s.mustAdmin(200, "GET", path, ""), "failingSince")
	require.Empty(t, s.listed(path, url.Values{}))
	require.Equal(t, 404, s.admin("POST", "/webhooks/none/test", "").status)
	require.Len(t, r.got, 2)
}

func TestWebhooks_Redeliver(t *testing.T) {
	enginetest.RunOn(t, enginetest.Plain(), func(t *testing.T, open func(testing.TB) table.Table) {
		now := afterwards().Truncate(time.Millisecond)
		clock := func() time.Time { return now }
		s := newService(t, open(t), 5, app.Options{Now: clock, NewID: idsOf(clock)})
		s.newTenant("beta", 5)
		path, _ := s.register(`{"url":"https://app.example.com/hook","tenants":["acme"],"types":["user.created"]}`)
		from := now
		for _, name := range []string{"ann", "bob"} {
			now = now.Add(time.Second)
			s.must(201, "POST", "/Users", userBody(fmt.Sprintf(`"userName":%q`, name)))
		}
		s.mustAdmin(201, "POST", "/tenants/beta/users", `{"userName":"carl"}`)
		now = now.Add(time.Minute)
		span := func(from, to time.Time) string {
			return fmt.Sprintf(`{"from":%q,"to":%q}`, from.Format(time.RFC3339Nano), to.Format(time.RFC3339Nano))
		}
		done := s.mustAdmin(202, "POST", path+"/redeliver", span(from, now))
		require.Equal(t, map[string]any{"events": 2.0, "complete": true}, done)
		waiting := s.listed(path, url.Values{"state": {"pending"}})
		require.Len(t, waiting, 2)
		require.Equal(t, 0.0, s.mustAdmin(202, "POST", path+"/redeliver", span(from.Add(-time.Hour), from))["events"])
		require.Equal(t, 2.0, s.mustAdmin(202, "POST", path+"/redeliver", span(from, now.Add(time.Hour)))["events"], "to is now at the latest")
		s.mustAdmin(202, "POST", path+"/redeliver", fmt.Sprintf(`{"eventId":%q,"tenant":"acme"}`, waiting[0]))
		for body, want := range map[string]int{
			`{}`: 400, `{"from":null}`: 400, `{"to":"2026-01-01T00:00:00Z"}`: 400, `{"tenant":"acme"}`: 400,
			`{"eventId":"x","from":"2026-01-01T00:00:00Z"}`: 400, `{"from":"yesterday"}`: 400,
			span(now, now): 400, span(now.Add(time.Hour), now.Add(2*time.Hour)): 400, span(now.Add(-32*24*time.Hour), now): 400,
			`{"eventId":"none"}`: 404, `{"eventId":"none","tenant":"acme"}`: 404, `{"eventId":"a","tenant":"nobody"}`: 400,
			fmt.Sprintf(`{"eventId":%q,"tenant":"beta"}`, waiting[0]): 404,
		} {
			a := s.admin("POST", path+"/redeliver", body)
			require.Equal(t, want, a.status, "%s: %v", body, a.body)
		}
		s.mustAdmin(200, "PATCH", path, `{"disabled":true}`)
		require.Equal(t, 409, s.admin("POST", path+"/redeliver", span(from, now)).status)
		require.Equal(t, 404, s.admin("POST", "/webhooks/none/redeliver", span(from, now)).status)
	})
}

// wakeUps are the endpoints that were woken.
type wakeUps struct {
	got  []string
	fail error
}

func (w *wakeUps) Wake(_ context.Context, endpoints []string) error {
	w.got = append(w.got, endpoints...)
	return w.fail
}

// A redelivery wakes the deliveries to its endpoint. A wake-up that fails is left to the schedule.
func TestWebhooks_RedeliveryWakesDeliveries(t *testing.T) {
	now := afterwards().Truncate(time.Millisecond)
	clock := func() time.Time { return now }
	s := newService(t, enginetest.Memory(t), 5, app.Options{Now: clock, NewID: idsOf(clock)})
	woken := &wakeUps{}
	s.app.WithWaker(woken)
	path, _ := s.register(`{"url":"https://app.example.com/hook","types":["user.created"]}`)
	from := now
	now = now.Add(time.Second)
	s.must(201, "POST", "/Users", userBody(`"userName":"ann"`))
	now = now.Add(time.Minute)
	require.Equal(t, 400, s.admin("POST", path+"/redeliver", `{}`).status)
	require.Empty(t, woken.got)
	body := fmt.Sprintf(`{"from":%q}`, from.Format(time.RFC3339Nano))
	s.mustAdmin(202, "POST", path+"/redeliver", body)
	require.Equal(t, []string{path[len("/webhooks/"):]}, woken.got)
	waiting := s.listed(path, url.Values{"state": {"pending"}})
	woken.fail = errors.New("the queue does not answer")
	one := s.admin("POST", path+"/redeliver", fmt.Sprintf(`{"eventId":%q,"tenant":"acme"}`, waiting[0]))
	require.Equal(t, 202, one.status)
	require.Len(t, woken.got, 2)
}

// What a request has no time for is found by the sweep, with the rights of its role.
func TestWebhooks_SweepCompletesARedelivery(t *testing.T) {
	now := afterwards().Truncate(time.Millisecond)
	clock := func() time.Time { return now }
	s := newService(t, enginetest.Memory(t), 5, app.Options{Now: clock, NewID: idsOf(clock)})
	path, _ := s.register(`{"url":"https://app.example.com/hook"}`)
	from := now
	now = now.Add(time.Second)
	user := s.must(201, "POST", "/Users", userBody(`"userName":"ann"`))
	require.Equal(t, 204, s.send("DELETE", "/Users/"+user, "").status)
	now = now.Add(time.Minute)
	require.NoError(t, s.app.Store.BeginRedelivery(t.Context(), subscription.Redelivery{
		Endpoint: path[len("/webhooks/"):], ID: "01a00000-0000-7000-8000-000000000000", From: from, To: now,
	}))
	a := s.admin("POST", path+"/redeliver", fmt.Sprintf(`{"from":%q}`, from.Format(time.RFC3339Nano)))
	require.Equal(t, 409, a.status)
	require.Contains(t, a.body["detail"], "wait some minutes")
	now = now.Add(store.SweepAge)
	require.NoError(t, s.app.Sweep(iam.As(t.Context(), "SweepFunction")))
	require.Len(t, s.listed(path, url.Values{"state": {"pending"}}), 2)
}
