package system

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/event"
	"github.com/rollcall-scim/rollcall/internal/subscription"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// endpoint registers an endpoint whose events the tests deliver.
func (s *service) endpoint(id string) {
	s.t.Helper()
	registered, err := s.app.Store.Registrations(s.t.Context())
	require.NoError(s.t, err)
	require.NoError(s.t, s.app.Store.CreateEndpoint(s.t.Context(), registered, subscription.Endpoint{
		ID: id, URL: "https://" + id + ".example.com", Created: time.Now(), Version: 1, Secrets: []subscription.Secret{{Key: make([]byte, 24)}},
		Types: []event.Type{event.UserDeactivated, event.UserDeleted, event.UserPurged},
	}))
}

// departures reads the evidence of a user.
func (s *service) departures(user string) []map[string]any {
	s.t.Helper()
	var all []map[string]any
	for _, d := range s.mustAdmin(http.StatusOK, "GET", "/tenants/acme/users/"+user+"/offboarding", "")["departures"].([]any) {
		all = append(all, d.(map[string]any))
	}
	return all
}

// at returns what came of a departure at an endpoint.
func at(departure map[string]any, endpoint string) map[string]any {
	for _, e := range departure["endpoints"].([]any) {
		if e := e.(map[string]any); e["webhookId"] == endpoint {
			return e
		}
	}
	return nil
}

// A user leaves: nobody is registered; then two endpoints are, of which one acknowledges; then
// both do. The evidence follows, and outlives the return and the purge of the user.
func TestOffboarding_ShowsWhoAcknowledged(t *testing.T) {
	for _, engine := range enginetest.Plain() {
		t.Run(engine.Name, func(t *testing.T) {
			s := newService(t, engine.Open(t), 5, app.Options{})
			active := func(user string, active bool) {
				s.must(http.StatusOK, "PATCH", "/Users/"+user, patchBody(fmt.Sprintf(`[{"op":"replace","value":{"active":%t}}]`, active)))
			}
			anna := s.must(http.StatusCreated, "POST", "/Users", userBody(`"userName":"anna"`))
			require.Empty(t, s.departures(anna))
			active(anna, false)
			d := s.departures(anna)
			require.Len(t, d, 1)
			require.Equal(t, "user.deactivated", d[0]["type"])
			require.Equal(t, false, d[0]["acknowledged"])
			require.Empty(t, d[0]["endpoints"])
			require.Contains(t, d[0]["notice"], "Nobody is notified")

			s.endpoint("works")
			s.endpoint("fails")
			ben := s.must(http.StatusCreated, "POST", "/Users", userBody(`"userName":"ben"`))
			active(ben, false)
			require.Equal(t, "pending", at(s.departures(ben)[0], "works")["state"])
			a := &application{status: map[string]int{"https://works.example.com": http.StatusOK, "https://fails.example.com": http.StatusServiceUnavailable}}
			s.handOn(t, a)
			s.deliver(t, a, "works")
			s.deliver(t, a, "fails")
			d = s.departures(ben)
			require.Len(t, d, 1)
			require.Equal(t, false, d[0]["acknowledged"])
			require.NotContains(t, d[0], "secondsToAcknowledge")
			require.Equal(t, "delivered", at(d[0], "works")["state"])
			require.Equal(t, "https://works.example.com", at(d[0], "works")["url"])
			require.Contains(t, at(d[0], "works"), "deliveredAt")
			require.Equal(t, "pending", at(d[0], "fails")["state"])
			require.Contains(t, at(d[0], "fails")["reason"], "503 Service Unavailable")
			require.InDelta(t, 1, at(d[0], "fails")["attempts"], 0)

			s.endpointGone(t, "fails")
			carl := s.must(http.StatusCreated, "POST", "/Users", userBody(`"userName":"carl"`))
			active(carl, false)
			s.handOn(t, a)
			s.deliver(t, a, "works")
			d = s.departures(carl)
			require.Equal(t, true, d[0]["acknowledged"])
			require.GreaterOrEqual(t, d[0]["secondsToAcknowledge"], 0.0)
			require.NotContains(t, d[0], "returnedAt")
			require.Contains(t, at(s.departures(ben)[0], "fails")["reason"], "deleted", "ben's departure was never acknowledged there")

			active(carl, true)
			require.Equal(t, http.StatusNoContent, s.send("DELETE", "/Users/"+carl, "").status)
			d = s.departures(carl)
			require.Len(t, d, 2)
			require.Equal(t, "user.deleted", d[0]["type"])
			require.Equal(t, "user.deactivated", d[1]["type"])
			require.Contains(t, d[1], "returnedAt")
			require.Equal(t, http.StatusNoContent, s.admin("DELETE", "/tenants/acme/users/"+carl, "").status)
			read := s.mustAdmin(http.StatusOK, "GET", "/tenants/acme/users/"+carl+"/offboarding", "")
			require.Equal(t, "gone", read["state"])
			purged := read["departures"].([]any)
			require.Len(t, purged, 3)
			require.Equal(t, "user.purged", purged[0].(map[string]any)["type"])
			require.Equal(t, "carl", purged[2].(map[string]any)["userName"])

			lines := strings.Split(s.csv("/tenants/acme/users/"+carl+"/offboarding?format=csv"), "\r\n")
			require.Len(t, lines, 5, "a heading, three departures, and the end")
			require.Contains(t, lines[3], ",works,https://works.example.com,delivered,")
			require.Equal(t, http.StatusBadRequest, s.admin("GET", "/tenants/acme/users/"+carl+"/offboarding?format=xml", "").status)
			require.Equal(t, http.StatusNotFound, s.admin("GET", "/tenants/acme/users/nobody/offboarding", "").status)
			require.Equal(t, http.StatusNotFound, s.admin("GET", "/tenants/acme/users/01900000-0000-7000-8000-00000000ffff/offboarding", "").status)
			require.Equal(t, http.StatusNotFound, s.admin("GET", "/tenants/none/users/"+carl+"/offboarding", "").status)
		})
	}
}

// endpointGone deletes the registration of an endpoint.
func (s *service) endpointGone(t *testing.T, id string) {
	t.Helper()
	registered, err := s.app.Store.Registrations(t.Context())
	require.NoError(t, err)
	require.NoError(t, s.app.Store.DeleteEndpoint(t.Context(), registered, id))
}

// maxDepartures is how many departures an answer has.
const maxDepartures = 8

// A user who comes and goes, and as many webhooks as there may be, cost a bounded number of
// reads: the eight latest departures are in the answer.
func TestOffboarding_ReadsAreBounded(t *testing.T) {
	s := newService(t, enginetest.Memory(t), 5, app.Options{})
	for i := range subscription.MaxEndpoints {
		s.endpoint(fmt.Sprintf("w%02d", i))
	}
	user := s.must(http.StatusCreated, "POST", "/Users", userBody(`"userName":"anna"`))
	for i := range 60 {
		s.must(http.StatusOK, "PATCH", "/Users/"+user, patchBody(fmt.Sprintf(`[{"op":"replace","value":{"active":%t}}]`, i%2 == 1)))
	}
	answer := s.admin("GET", "/tenants/acme/users/"+user+"/offboarding", "")
	require.Equal(t, http.StatusOK, answer.status)
	departures := answer.body["departures"].([]any)
	require.Len(t, departures, maxDepartures)
	require.NotContains(t, answer.body, "searchedTo")
	for i := range departures[1:] {
		require.Greater(t, departures[i].(map[string]any)["eventId"], departures[i+1].(map[string]any)["eventId"])
	}
	line := answer.event
	require.LessOrEqual(t, line["roundTrips"], 1.0*subscription.MaxEndpoints+maxDepartures+20)
	require.LessOrEqual(t, line["readUnits"], 300.0)
}
