package system

import (
	"crypto/rand"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/event"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// A movedClock is the time of day, moved.
type movedClock struct{ by atomic.Int64 }

func (c *movedClock) now() time.Time { return time.Now().Add(time.Duration(c.by.Load())).Round(0) }

func (c *movedClock) pass(d time.Duration) { c.by.Add(int64(d)) }

// settled moves the clock until all that was written is old enough to be read.
func (c *movedClock) settled() { c.pass(journal.SettleTime + time.Second) }

// eventPage reads a page of the events of acme.
func (s *service) eventPage(after, query string) map[string]any {
	s.t.Helper()
	return s.mustAdmin(200, "GET", "/tenants/acme/events?after="+url.QueryEscape(after)+"&"+query, "")
}

// pull follows next from a position until there is no more, and returns the events and where
// it ended.
func (s *service) pull(after, query string) (events []map[string]any, next string) {
	s.t.Helper()
	for range 1000 {
		page := s.eventPage(after, query)
		for _, e := range page["events"].([]any) {
			events = append(events, e.(map[string]any))
		}
		after = page["next"].(string)
		if page["more"] != true {
			return events, after
		}
	}
	s.t.Fatal("the events do not end")
	return nil, ""
}

// eventLine returns an event in a few words.
func eventLine(e map[string]any) string {
	line := e["type"].(string)
	if r, ok := e["resource"].(map[string]any); ok {
		if name, ok := r["userName"].(string); ok {
			line += " " + name
		}
		if name, ok := r["displayName"].(string); ok {
			line += " " + name
		}
		line += fmt.Sprintf(" v%v", r["version"])
	}
	if m, ok := e["members"].(map[string]any); ok {
		line += fmt.Sprintf(" +%d-%d=%d", len(m["added"].([]any)), len(m["removed"].([]any)), len(m["current"].([]any)))
	}
	return line
}

func eventLines(events []map[string]any) []string {
	lines := make([]string, len(events))
	for i, e := range events {
		lines[i] = eventLine(e)
	}
	return lines
}

func eventIDs(events []map[string]any) []string {
	ids := make([]string, len(events))
	for i, e := range events {
		ids[i] = e["id"].(string)
	}
	return ids
}

func pulling(t *testing.T, engine table.Table) (*service, *movedClock) {
	t.Helper()
	clock := &movedClock{}
	// With a source of randomness ids are of the clock's time.
	s := newService(t, engine, 10_000, app.Options{Now: clock.now, Random: rand.Reader})
	return s, clock
}

func TestPull_HasEachChangeInOrder(t *testing.T) {
	enginetest.Each(t, enginetest.Plain(), func(t *testing.T, engine enginetest.Engine) {
		s, clock := pulling(t, engine.Open(t))
		ann := s.must(201, "POST", "/Users", userBody(`"userName":"ann@example.com","externalId":"x1"`))
		bo := s.must(201, "POST", "/Users", userBody(`"userName":"bo@example.com"`))
		g := s.must(201, "POST", "/Groups", groupBody("Team", ann, bo))
		s.must(200, "PATCH", "/Users/"+ann, patchBody(`[{"op":"replace","path":"title","value":"Dr."}]`))
		s.must(200, "PATCH", "/Users/"+ann, patchBody(deactivate))
		s.must(204, "DELETE", "/Users/"+bo, "")
		s.mustAdmin(204, "DELETE", "/tenants/acme/groups/"+g, "")
		require.Equal(t, 400, s.send("POST", "/Users", userBody(`"userName":""`)).status)

		early := s.eventPage("", "")
		assert.Empty(t, early["events"], "all is younger than 15 seconds")
		assert.Equal(t, false, early["more"])
		clock.settled()
		events, next := s.pull(early["next"].(string), "")
		assert.Equal(t, []string{
			"user.created ann@example.com v1", "user.created bo@example.com v1", "group.created Team v1 +2-0=0",
			"user.updated ann@example.com v2", "user.deactivated ann@example.com v3", "user.deleted bo@example.com v2", "group.deleted Team v3",
		}, eventLines(events)[:7])
		created := events[0]
		assert.Equal(t, map[string]any{"type": "User", "id": ann, "version": 1.0, "externalId": "x1", "userName": "ann@example.com"}, created["resource"])
		assert.Equal(t, 3.0, created["data"].(map[string]any)["version"], "data is as it is now")
		assert.Equal(t, "idp", created["actor"].(map[string]any)["type"])
		assert.Equal(t, "acme", created["tenant"])
		assert.Equal(t, true, events[5]["data"].(map[string]any)["deleted"])
		assert.Equal(t, true, events[5]["membershipsEnded"])
		assert.Equal(t, map[string]any{"type": "application", "name": operator}, events[6]["actor"])
		assert.Nil(t, events[6]["data"])

		again, same := s.pull(next, "")
		assert.Empty(t, again)
		assert.NotEmpty(t, same)
		s.mustAdmin(204, "DELETE", "/tenants/acme/users/"+bo, "")
		clock.settled()
		later, _ := s.pull(same, "")
		require.Equal(t, []string{"user.purged bo@example.com v3"}, eventLines(later))
		assert.Nil(t, later[0]["data"])

		// A request of two events.
		crew := s.must(201, "POST", "/Groups", groupBody("Crew"))
		s.must(200, "PATCH", "/Groups/"+crew, patchBody(`[{"op":"replace","path":"displayName","value":"Staff"},{"op":"add","path":"members","value":[{"value":"`+ann+`"}]}]`))
		clock.settled()
		all, _ := s.pull("", "")
		assert.Equal(t, []string{"group.updated Staff v2", "group.members_changed Staff v2 +1-0=1"}, eventLines(all)[len(all)-2:])
		for _, limit := range []int{1, 2, 3, 500} {
			paged, _ := s.pull("", fmt.Sprintf("limit=%d", limit))
			assert.Equal(t, eventIDs(all), eventIDs(paged), limit)
		}
		newest := eventIDs(all)
		slices.Reverse(newest)
		for _, limit := range []int{1, 2, 3, 500} {
			paged, _ := s.pull("", fmt.Sprintf("newest=true&limit=%d", limit))
			assert.Equal(t, newest, eventIDs(paged), limit)
		}
		last, _ := s.pull("", "newest=true&types=user.deactivated,user.purged&limit=1")
		assert.Equal(t, []string{"user.purged bo@example.com v3", "user.deactivated ann@example.com v3"}, eventLines(last))
		// A cursor is of one order: read in the other one, it would skip events without notice.
		for query, of := range map[string]string{"newest=true": "", "newest=false": "newest=true"} {
			next := url.QueryEscape(s.eventPage("", of+"&limit=1")["next"].(string))
			assert.Equal(t, 400, s.admin("GET", "/tenants/acme/events?after="+next+"&"+query, "").status, query)
		}
		assert.Equal(t, 400, s.admin("GET", "/tenants/acme/events?newest=yes", "").status)
		departures, _ := s.pull("", "types=user.deactivated,user.deleted,user.purged&limit=1")
		assert.Equal(t, []string{"user.deactivated ann@example.com v3", "user.deleted bo@example.com v2", "user.purged bo@example.com v3"}, eventLines(departures))
		// A position serves any types.
		page := s.eventPage("", "types=user.deactivated&limit=1")
		rest, _ := s.pull(page["next"].(string), "")
		assert.Equal(t, eventIDs(all)[len(all)-len(rest):], eventIDs(rest))
		assert.NotContains(t, eventLines(rest), "user.created bo@example.com v1")
	})
}

func TestPull_RefusesOtherCursorsTypesAndLimits(t *testing.T) {
	s, clock := pulling(t, enginetest.Memory(t))
	s.must(201, "POST", "/Users", userBody(`"userName":"ann@example.com"`))
	s.newTenant("other", 5)
	clock.settled()
	mine := s.eventPage("", "")["next"].(string)
	theirs := s.mustAdmin(200, "GET", "/tenants/other/events", "")["next"].(string)
	require.NotEqual(t, mine, theirs)
	flipped := []byte(mine)
	flipped[len(flipped)-2] ^= 1
	for _, bad := range []string{theirs, string(flipped), mine[1:], mine + "A", "MDE5YjhkNjI", "x", mine[:10] + "%0A" + mine[10:]} {
		a := s.admin("GET", "/tenants/acme/events?after="+bad, "")
		require.Equal(t, 400, a.status, bad)
		require.Contains(t, a.body["detail"], "next of a page of this tenant's events")
	}
	for _, bad := range []string{"limit=0", "limit=501", "limit=x", "types=user.createt", "types=user.created,", "type=user.created"} {
		require.Equal(t, 400, s.admin("GET", "/tenants/acme/events?"+bad, "").status, bad)
	}
	require.Contains(t, s.admin("GET", "/tenants/acme/events?types=no", "").body["detail"], "user.purged")
	require.Equal(t, 404, s.admin("GET", "/tenants/nobody/events", "").status)
}

// A reader that was away for longer than the log is kept learns it, and where to continue: it
// misses no event without notice, also if the retention was made longer meanwhile.
func TestPull_SaysThatACursorIsTooOld(t *testing.T) {
	s, clock := pulling(t, enginetest.Memory(t))
	const day = 24 * time.Hour
	s.mustAdmin(200, "PATCH", "/tenants/acme", `{"logDays":10}`)
	s.must(201, "POST", "/Users", userBody(`"userName":"ann@example.com"`))
	clock.settled()
	_, next := s.pull("", "")
	s.must(201, "POST", "/Users", userBody(`"userName":"bo@example.com"`))
	clock.pass(9 * day)
	events, _ := s.pull(next, "")
	require.Len(t, events, 1)
	s.mustAdmin(200, "PATCH", "/tenants/acme", `{"logDays":100}`)
	clock.pass(2 * day)
	a := s.admin("GET", "/tenants/acme/events?after="+next, "")
	require.Equal(t, 410, a.status)
	require.True(t, strings.HasSuffix(a.body["type"].(string), "#cursor-expired"))
	require.Contains(t, a.body["detail"], "list all users and groups")
	s.must(201, "POST", "/Users", userBody(`"userName":"cy@example.com"`))
	clock.settled()
	events, quiet := s.pull(a.body["next"].(string), "")
	require.Equal(t, []string{"user.created cy@example.com v1"}, eventLines(events))
	// The cursor of a reader who follows does not become old while nothing changes.
	for range 4 {
		clock.pass(60 * day)
		events, quiet = s.pull(quiet, "")
		require.Empty(t, events)
	}
}

func TestPull_SearchesABoundedNumberOfEntries(t *testing.T) {
	s, clock := pulling(t, enginetest.Memory(t))
	id := s.must(201, "POST", "/Users", userBody(`"userName":"ann@example.com"`))
	for i := range 2100 {
		s.must(200, "PATCH", "/Users/"+id, patchBody(fmt.Sprintf(`[{"op":"replace","path":"title","value":"%d"}]`, i)))
	}
	s.must(204, "DELETE", "/Users/"+id, "")
	clock.settled()
	a := s.admin("GET", "/tenants/acme/events?types=user.deleted", "")
	require.Equal(t, 200, a.status)
	require.Empty(t, a.body["events"])
	require.Equal(t, true, a.body["more"])
	require.LessOrEqual(t, a.event["roundTrips"], 9.0)
	events, _ := s.pull("", "types=user.deleted")
	require.Len(t, events, 1)
}

// An event type of the list is one that a request can ask for.
func TestPull_TakesEachType(t *testing.T) {
	s, _ := pulling(t, enginetest.Memory(t))
	for _, kind := range event.Types() {
		s.mustAdmin(200, "GET", "/tenants/acme/events?types="+string(kind), "")
	}
}

// TestBudgets_OfEvents checks the cost of a page of events: a read of each user, group and
// membership that it names, and of the entries.
func TestBudgets_OfEvents(t *testing.T) {
	enginetest.Each(t, enginetest.Plain(), func(t *testing.T, engine enginetest.Engine) {
		s, clock := pulling(t, engine.Open(t))
		spend := func(name, query string, events int, trips, reads float64) {
			t.Helper()
			a := s.admin("GET", "/tenants/acme/events?"+query, "")
			require.Equal(t, 200, a.status)
			require.Len(t, a.body["events"], events, name)
			t.Logf("%-24s %v round trips, %v RRU", name, a.event["roundTrips"], a.event["readUnits"])
			require.LessOrEqual(t, a.event["roundTrips"], trips, name)
			require.LessOrEqual(t, a.event["readUnits"], reads, name)
		}
		spend("nothing new", "", 0, 2, 4)
		ids := make([]string, 100)
		for i := range ids {
			ids[i] = s.must(201, "POST", "/Users", budgetUser(i))
		}
		clock.settled()
		spend("100 users", "", 100, 3, 115)
		spend("1 user", "limit=1", 1, 3, 5)
		after := s.eventPage("", "")["next"].(string)
		g := s.must(201, "POST", "/Groups", groupBody("Team"))
		s.must(200, "PATCH", "/Groups/"+g, memberPatch("add", ids[:30]...))
		s.must(204, "DELETE", "/Users/"+ids[99], "")
		clock.settled()
		spend("30 members", "types=group.members_changed&after="+after, 1, 5, 66)
		spend("a deleted user", "types=user.deleted&after="+after, 1, 4, 8)
	})
}

// A page ends before its answer is larger than Lambda's answers may be.
func TestPull_EndsBeforeAnAnswerIsTooLarge(t *testing.T) {
	s, clock := pulling(t, enginetest.Memory(t))
	const users = 300
	name := strings.Repeat(`"`, 8192) // four bytes each in Lambda's answer
	for i := range users {
		if i == users/2 {
			name = strings.Repeat("\u2028", 8192/3)
		}
		s.must(201, "POST", "/Users", userBody(fmt.Sprintf(`"userName":"u%d","displayName":%q`, i, name)))
	}
	clock.settled()
	after, pages, ids := "", 0, map[string]bool{}
	for more := true; more; pages++ {
		page := s.eventPage(after, "limit=500")
		text, err := adminwire.Marshal(page)
		require.NoError(t, err)
		printed, err := adminwire.Marshal(string(text))
		require.NoError(t, err)
		require.Less(t, len(printed), 6_000_000)
		for _, e := range page["events"].([]any) {
			ids[e.(map[string]any)["id"].(string)] = true
		}
		after, more = page["next"].(string), page["more"] == true
	}
	require.Len(t, ids, users)
	require.GreaterOrEqual(t, pages, 2)
}

// An event whose record is damaged says so, and those after it are listed.
func TestPull_IsNotStoppedByADamagedRecord(t *testing.T) {
	enginetest.Each(t, enginetest.Plain(), func(t *testing.T, engine enginetest.Engine) {
		s, clock := pulling(t, engine.Open(t))
		ann := s.must(201, "POST", "/Users", userBody(`"userName":"ann@example.com"`))
		s.must(201, "POST", "/Users", userBody(`"userName":"bo@example.com"`))
		require.NoError(t, s.table.Write(t.Context(), table.Transaction{Token: "damage-" + ann[:20], Ops: []table.Op{
			table.Update(table.Key{Partition: "T#acme#USERS", Sort: ann}, table.Change{Set: table.Attributes{"doc": table.Text(`{"userName":`)}}, table.Present()),
		}}))
		clock.settled()
		events, _ := s.pull("", "")
		require.Equal(t, []string{"user.created ann@example.com v1", "user.created bo@example.com v1"}, eventLines(events))
		require.Equal(t, true, events[0]["unreadable"])
		require.Nil(t, events[0]["data"])
		require.NotNil(t, events[1]["data"])
		require.Nil(t, events[1]["unreadable"])
	})
}
