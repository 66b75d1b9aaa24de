package system

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/table/meter"
)

// budgetUser returns a user with one email whose stored document has about 1.5
// KB.
func budgetUser(i int) string {
	return userBody(fmt.Sprintf(`"userName":"user%04d@example.com","externalId":"00u1a2b3c4d5e6f7%04d",
		"name":{"givenName":"Given","familyName":"Family"},"active":true,
		"emails":[{"type":"work","primary":true,"value":"user%04d@example.com"}],"title":%q`,
		i, i, i, strings.Repeat("t", 1064)))
}

// TestBudgets checks the cost of each operation with token and tenant cached:
// the numbers of the design, for a user of 1.5 KB with one email.
func TestBudgets(t *testing.T) {
	enginetest.Each(t, enginetest.Plain(), func(t *testing.T, engine enginetest.Engine) {
		testBudgets(t, engine.Open(t))
	})
}

func testBudgets(t *testing.T, engine table.Table) {
	s := newService(t, engine, 1000, app.Options{Meter: []meter.Option{meter.Exact}})
	// fresh starts another instance, which has seen no user, and reads token and tenant.
	fresh := func() {
		s.start(engine, app.Options{Meter: []meter.Option{meter.Exact}})
		s.send("GET", "/Users?count=0", "")
	}
	fresh()
	spend := func(name string, a answer, status int, trips, reads, writes float64) {
		t.Helper()
		require.Equalf(t, status, a.status, "%s: %d %v", name, a.status, a.body)
		got := a.event["roundTrips"].(float64)
		assert.Truef(t, got == trips, "%s: %v round trips, want %v", name, got, trips)
		if got := a.event["readUnits"].(float64); got > reads {
			t.Errorf("%s: %v read units, want at most %v", name, got, reads)
		}
		if got := a.event["writeUnits"].(float64); got > writes {
			t.Errorf("%s: %v write units, want at most %v", name, got, writes)
		}
		t.Logf("%-28s %v round trips, %v RRU, %v WRU", name, a.event["roundTrips"], a.event["readUnits"], a.event["writeUnits"])
	}

	a := s.send("POST", "/Users", budgetUser(0))
	spend("POST", a, 201, 1, 1, 14)
	id, _ := a.body["id"].(string)
	u, err := s.app.Store.User(t.Context(), s.tenant, id)
	require.Truef(t, err == nil && len(u.Doc) >= 1450 && len(u.Doc) <= 1536, "the document has %d bytes (%v); the budgets are for 1.5 KB", len(u.Doc), err)
	spend("POST of an active user", s.send("POST", "/Users", budgetUser(0)), 409, 3, 4, 14+8)
	spend("POST of an active user, again", s.send("POST", "/Users", budgetUser(0)), 409, 2, 5, 8)
	s.must(200, "PATCH", "/Users/"+id, patchBody(`[{"op":"replace","path":"nickName","value":"Bo"}]`)) // the user no longer fails

	spend("GET", s.send("GET", "/Users/"+id, ""), 200, 1, 2, 0)
	for _, filter := range []string{
		`userName+eq+"user0000@example.com"`, `externalId+eq+"00u1a2b3c4d5e6f70000"`, `emails+eq+"user0000@example.com"`,
		`emails%5Btype+eq+"work"%5D.value+eq+"user0000@example.com"`,
	} {
		a := s.send("GET", "/Users?filter="+filter, "")
		spend("filter "+filter[:10], a, 200, 2, 3, 0)
		assert.Truef(t, a.body["totalResults"] == 1.0, "filter %s finds %v", filter, a.body["totalResults"])
	}
	spend("filter that finds nobody", s.send("GET", `/Users?filter=userName+eq+"nobody"`, ""), 200, 1, 1, 0)

	spend("PATCH", s.send("PATCH", "/Users/"+id, patchBody(`[{"op":"replace","path":"nickName","value":"Al"}]`)), 200, 2, 3, 8)
	spend("PATCH of nothing", s.send("PATCH", "/Users/"+id, patchBody(`[{"op":"replace","path":"nickName","value":"Al"}]`)), 200, 2, 3, 2)
	spend("PUT", s.send("PUT", "/Users/"+id, budgetUser(0)), 200, 2, 3, 8)
	spend("PATCH active=false", s.send("PATCH", "/Users/"+id, patchBody(deactivate)), 200, 2, 3, 8)
	spend("PATCH active=true", s.send("PATCH", "/Users/"+id, patchBody(activate)), 200, 2, 3, 8)
	const found = `/Users?filter=userName+eq+"user0000@example.com"`
	s.must(200, "PATCH", "/Users/"+id, patchBody(deactivate))
	fresh()
	spend("reactivation", s.send("POST", "/Users", budgetUser(0)), 200, 4, 4, 30)
	s.must(200, "PATCH", "/Users/"+id, patchBody(deactivate))
	s.send("GET", found, "")
	spend("reactivation after a search", s.send("POST", "/Users", budgetUser(0)), 200, 3, 5, 12)
	spend("DELETE", s.send("DELETE", "/Users/"+id, ""), 204, 2, 2, 12)
	fresh()
	spend("restoration", s.send("POST", "/Users", budgetUser(0)), 200, 4, 4, 30)
	s.must(204, "DELETE", "/Users/"+id, "")
	s.send("GET", found, "")
	spend("restoration after a search", s.send("POST", "/Users", budgetUser(0)), 200, 3, 5, 16)

	const users = 330
	for i := 1; i < users; i++ {
		s.must(201, "POST", "/Users", budgetUser(i))
	}
	for start := 1; start < users; start += 100 {
		a := s.send("GET", fmt.Sprintf("/Users?startIndex=%d&count=100", start), "")
		trips := 3.0
		if start == 1 || start > 300 { // the first page needs no bookmark, the last leaves none
			trips = 2
		}
		spend(fmt.Sprintf("list from %d", start), a, 200, trips, 48, 2)
		if a.body["totalResults"] != float64(users) || a.body["itemsPerPage"] != float64(min(100, users+1-start)) {
			t.Errorf("list from %d: %v of %v", start, a.body["itemsPerPage"], a.body["totalResults"])
		}
	}
	s.check(users)
}
