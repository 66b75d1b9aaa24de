package system

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// An account is a tenant with one identity provider, over weeks of a moved clock.
type account struct {
	*story
	agent string
	n     int
}

func newAccount(t *testing.T, agent, settings string) *account {
	t.Helper()
	return &account{story: newStory(t, enginetest.Memory, settings), agent: agent}
}

// as sends a request of the identity provider, which must be answered with a status.
func (a *account) as(status int, method, path, body string) answer {
	a.t.Helper()
	answer := a.send(method, path, body, "User-Agent", a.agent)
	require.Equal(a.t, status, answer.status, "%s %s: %v", method, path, answer.body)
	return answer
}

// join creates users, after looking for them.
func (a *account) join(n int) (last string) {
	a.t.Helper()
	for range n {
		a.n++
		a.as(200, "GET", fmt.Sprintf(`/Users?filter=userName+eq+"u%d@example.com"`, a.n), "")
		last, _ = a.as(201, "POST", "/Users", userBody(fmt.Sprintf(`"userName":"u%d@example.com","active":true`, a.n))).body["id"].(string)
	}
	return last
}

// days repeats something on so many days, and ends on the next one.
func (a *account) days(n int, do func()) {
	a.t.Helper()
	for range n {
		do()
		a.now = a.now.Add(24 * time.Hour)
	}
}

// notices returns the kinds of the overview's notices, with their text and advice.
func (a *account) notices() map[string]string {
	a.t.Helper()
	all := map[string]string{}
	for _, n := range a.mustAdmin(200, "GET", "/tenants/acme/overview", "")["notices"].([]any) {
		n := n.(map[string]any)
		what, _ := n["whatToDo"].(string)
		all[n["kind"].(string)] = n["text"].(string) + " " + what
	}
	return all
}

func (a *account) kinds() (kinds []string) {
	a.t.Helper()
	for kind := range a.notices() {
		kinds = append(kinds, kind)
	}
	return kinds
}

const (
	oktaAgent  = "Okta SCIM Client 1.0.0"
	entraAgent = "Microsoft.Azure.SyncFabric"
)

// Requests over weeks, of which some kind never comes: the overview says so after the time
// that the check waits, not before, and no longer when the kind comes.
func TestOverview_ShowsWhatIsAbsent(t *testing.T) {
	t.Run("a connection test alone", func(t *testing.T) {
		a := newAccount(t, oktaAgent, `{}`)
		a.as(200, "GET", "/Users?startIndex=1&count=2", "")
		a.now = a.now.Add(23 * time.Hour)
		require.Empty(t, a.kinds())
		a.now = a.now.Add(26 * time.Hour)
		require.Contains(t, a.notices()["users_absent"], "Enable Create Users under Provisioning > To App")
		a.join(1)
		require.Empty(t, a.kinds())
	})
	t.Run("no group", func(t *testing.T) {
		a := newAccount(t, entraAgent, `{}`)
		a.days(3, func() { a.join(5) })
		a.now = a.now.Add(12 * time.Hour)
		require.Contains(t, a.notices()["groups_absent"], "Provision Microsoft Entra ID Groups is enabled")
		a.as(201, "POST", "/Groups", groupBody("Staff"))
		require.Empty(t, a.kinds())
	})
	t.Run("only creations, and then a deactivation", func(t *testing.T) {
		a := newAccount(t, oktaAgent, `{}`)
		a.as(201, "POST", "/Groups", groupBody("Staff"))
		var last string
		a.days(14, func() { last = a.join(3) })
		require.Empty(t, a.kinds())
		a.days(15, func() { last = a.join(1) })
		require.Contains(t, a.notices()["only_creations"], "Update User Attributes and Deactivate Users")
		a.as(200, "PATCH", "/Users/"+last, patchBody(`[{"op":"replace","path":"nickName","value":"Al"}]`))
		require.Contains(t, a.notices()["deactivations_absent"], "Deactivate Users is enabled under Provisioning > To App")
		a.as(200, "PATCH", "/Users/"+last, patchBody(deactivate))
		require.Empty(t, a.kinds())
	})
	t.Run("no update", func(t *testing.T) {
		a := newAccount(t, oktaAgent, `{}`)
		a.as(201, "POST", "/Groups", groupBody("Staff"))
		last := ""
		for range 4 { // a count is written once a minute
			last = a.join(55)
			a.now = a.now.Add(time.Minute)
		}
		a.as(200, "PATCH", "/Users/"+last, patchBody(deactivate))
		a.days(29, func() { a.as(200, "GET", "/Users/"+last, "") })
		require.Contains(t, a.notices()["updates_absent"], "Update User Attributes is enabled")
		a.as(200, "PUT", "/Users/"+last, userBody(`"userName":"new@example.com"`))
		require.Empty(t, a.kinds())
	})
	t.Run("members who never come", func(t *testing.T) {
		a := newAccount(t, entraAgent, `{}`)
		for i := range 3 {
			a.as(201, "POST", "/Groups", groupBody(fmt.Sprint("G", i), "019b8d62-7a80-7000-8000-00000000abcd"))
		}
		require.NotContains(t, a.kinds(), "members_absent")
		a.now = a.now.Add(25 * time.Hour)
		require.Contains(t, a.notices()["members_absent"], "Sync all users and groups")
		a.join(1)
		require.NotContains(t, a.kinds(), "members_absent")
	})
	t.Run("silence", func(t *testing.T) {
		a := newAccount(t, entraAgent, `{}`)
		a.as(201, "POST", "/Groups", groupBody("Staff"))
		a.days(8, func() { a.join(1) })
		a.now = a.now.Add(47 * time.Hour)
		require.Empty(t, a.kinds())
		a.now = a.now.Add(2 * time.Hour)
		require.Contains(t, a.notices()["idp_silent"], "whether provisioning is stopped or in quarantine")
		a.join(1)
		require.Empty(t, a.kinds())
	})
	t.Run("no import", func(t *testing.T) {
		a := newAccount(t, oktaAgent, `{}`)
		a.own(`"userName":"own@example.com"`)
		a.as(409, "POST", "/Users", userBody(`"userName":"own@example.com"`))
		require.Contains(t, a.notices()["imports_absent"], "Select Import > Import Now")
		a.as(200, "GET", "/Users?startIndex=1&count=100", "")
		require.NotContains(t, a.kinds(), "imports_absent")
	})
}

// Entra's forecast, from requests: a revoked token, seats that run out, and the end of its
// retries. A success ends it.
func TestOverview_ForecastsEntra(t *testing.T) {
	a := newAccount(t, entraAgent, `{"maxSeats":3}`)
	a.as(201, "POST", "/Groups", groupBody("Staff"))
	a.days(3, func() { a.join(1) })
	var refused answer
	a.days(3, func() {
		for i := range 8 {
			refused = a.as(403, "POST", "/Users", userBody(fmt.Sprintf(`"userName":"more%d@example.com","active":true`, i)))
			a.now = a.now.Add(time.Minute)
		}
	})
	stops := a.notices()["sync_stops"]
	require.Contains(t, stops, "Entra will stop syncing this application on about ")
	require.Contains(t, stops, "No change was accepted since ")
	require.Contains(t, stops, "select Restart provisioning")
	for _, f := range a.failing() {
		require.Contains(t, f["retry"], "Entra usually sends it again at about ")
	}
	require.Contains(t, a.explain(refused)["failing"].(map[string]any)["retry"], "once a day until")
	a.now = a.now.Add(20 * 24 * time.Hour)
	require.Contains(t, a.notices()["retries_end"], "Entra will soon give up on 8 users and groups")

	token := a.mustAdmin(200, "GET", "/tenants/acme/tokens", "")["tokens"].([]any)[0].(map[string]any)
	a.mustAdmin(204, "DELETE", "/tenants/acme/tokens/"+token["id"].(string), "")
	a.later()
	a.as(401, "GET", "/Users", "")
	stops = a.notices()["sync_stops"]
	require.Contains(t, stops, "Its requests are refused (token_revoked): 1 request")
	require.Contains(t, stops, "It is probably in quarantine")
	a.token, _ = a.mustAdmin(201, "POST", "/tenants/acme/tokens", "")["token"].(string)
	a.mustAdmin(200, "PATCH", "/tenants/acme", `{"maxSeats":30}`)
	a.later()
	for i := range 8 {
		a.as(201, "POST", "/Users", userBody(fmt.Sprintf(`"userName":"more%d@example.com","active":true`, i)))
		a.now = a.now.Add(time.Minute)
	}
	for _, kind := range a.kinds() {
		require.False(t, strings.HasPrefix(kind, "sync") || strings.HasPrefix(kind, "retries"), kind)
	}
}

// The overview reads a bounded number of times, however many days and identity providers
// are recorded.
func TestOverview_ReadsAreBounded(t *testing.T) {
	s := newStory(t, func(t testing.TB) table.Table { return enginetest.Memory(t) }, `{}`)
	agents := []string{oktaAgent, entraAgent, "OneLogin", "JumpCloud"}
	for range 60 {
		for _, agent := range agents {
			s.send("GET", "/Users?count=1", "", "User-Agent", agent)
		}
		s.now = s.now.Add(24 * time.Hour)
	}
	o := s.admin("GET", "/tenants/acme/overview", "")
	require.Equal(t, 200, o.status)
	require.LessOrEqual(t, o.event["roundTrips"].(float64), 12.0)
	require.LessOrEqual(t, o.event["readUnits"].(float64), 60.0)
	t.Logf("%v round trips, %v RRU", o.event["roundTrips"], o.event["readUnits"])
}
