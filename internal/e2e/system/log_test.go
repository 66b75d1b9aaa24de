package system

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/idp"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// log reads all pages of the log for a query, newest first, with limit entries
// each.
func (s *service) log(limit int, query string) []map[string]any {
	s.t.Helper()
	var entries []map[string]any
	for after := ""; ; {
		page := s.mustAdmin(200, "GET", fmt.Sprintf("/tenants/acme/log?limit=%d&after=%s&%s", limit, after, query), "")
		for _, e := range page["entries"].([]any) {
			entries = append(entries, e.(map[string]any))
		}
		var more bool
		if after, more = page["next"].(string); !more {
			return entries
		}
	}
}

// failing returns the failing subjects, by subject or id.
func (s *service) failing() map[string]map[string]any {
	s.t.Helper()
	failing := map[string]map[string]any{}
	for _, f := range s.mustAdmin(200, "GET", "/tenants/acme/failed-users", "")["failedUsers"].([]any) {
		f := f.(map[string]any)
		name, ok := f["subject"].(string)
		if !ok {
			name, _ = f["resourceId"].(string)
		}
		failing[name] = f
	}
	return failing
}

func (s *service) explain(a answer) map[string]any {
	s.t.Helper()
	return s.mustAdmin(200, "GET", "/tenants/acme/requests/"+a.header.Get("X-Request-Id"), "")
}

// brief returns an entry in a few words.
func brief(e map[string]any) string {
	text := fmt.Sprint(e["operation"], " ", e["outcome"])
	for _, name := range []string{"action", "cause"} {
		if v, ok := e[name]; ok {
			text += fmt.Sprint(" ", v)
		}
	}
	return text
}

func briefs(entries []map[string]any) []string {
	list := make([]string, len(entries))
	for i, e := range entries {
		list[i] = brief(e)
	}
	return list
}

func TestLog(t *testing.T) { enginetest.RunOn(t, enginetest.Plain(), testLog) }

// A user whose provisioning fails, from the first failure to the success.
func testLog(t *testing.T, open func(testing.TB) table.Table) {
	s := newStory(t, open, `{"maxSeats":1}`)
	okta := []string{"User-Agent", "Okta SCIM Client 1.0.0", "X-Okta-Request-Id", "okta-1"}
	holder := s.must(201, "POST", "/Users", userBody(`"userName":"holder@example.com","active":true`))
	body := userBody(`"userName":"New@example.com","externalId":"00u1new","active":true,"shoeSize":44`)
	refused := s.send("POST", "/Users", body, okta...)
	require.Equalf(t, 403, refused.status, "%d %v", refused.status, refused.body)
	whatToDo := cause.SeatLimit.Advice("", idp.Okta)
	x := s.explain(refused)
	entry := x["entries"].([]any)[0].(map[string]any)
	for name, want := range map[string]any{
		"requestId": refused.header.Get("X-Request-Id"), "idp": "okta", "idpRequestId": "okta-1", "operation": "create", "outcome": "failure",
		"cause": "seat_limit", "status": 403.0, "subject": "New@example.com", "externalId": "00u1new", "by": "idp",
		"detail": refused.body["detail"], "whatToDo": whatToDo, "resourceType": "User",
	} {
		assert.Truef(t, entry[name] == want, "%s is %v, want %v", name, entry[name], want)
	}
	got := fmt.Sprint(entry["tolerances"])
	assert.Equalf(t, "[unknown_attribute:shoeSize]", got, "tolerances %s", got)
	seats := entry["seats"].(map[string]any)
	assert.Truef(t, seats["used"] == 1.0 && seats["limit"] == 1.0, "seats then: %v", seats)
	assert.Truef(t, x["now"] == "failing" && x["failing"].(map[string]any)["count"] == 1.0, "now: %v", x)
	s.now = s.now.Add(time.Minute)
	s.send("POST", "/Users", body, okta...)
	failing := s.failing()
	f := failing["New@example.com"]
	require.Truef(t, len(failing) == 1 && f["count"] == 2.0 && f["firstFailure"] != f["lastFailure"] && f["whatToDo"] == whatToDo, "failing: %v", failing)
	// The fix.
	s.now = s.now.Add(time.Minute)
	s.must(200, "PATCH", "/Users/"+holder, patchBody(deactivate))
	made := s.send("POST", "/Users", body, okta...)
	require.Equalf(t, 201, made.status, "%d %v", made.status, made.body)
	assert.Empty(t, s.failing(), "failing after the success")
	if x = s.explain(refused); x["now"] != "fixed" || x["fixedBy"].(map[string]any)["requestId"] != made.header.Get("X-Request-Id") {
		t.Errorf("afterwards: %v", x)
	}
	e := s.explain(made)["entries"].([]any)[0].(map[string]any)
	assert.Truef(t, brief(e) == "create warning created tolerated" && e["seats"].(map[string]any)["delta"] == 1.0, "the success: %v", e)
	id := made.body["id"].(string)
	s.must(200, "PATCH", "/Users/"+id, patchBody(activate)) // nothing to change
	want := []string{"create warning created tolerated", "create failure seat_limit", "create failure seat_limit"}
	for _, subject := range []string{"new@EXAMPLE.com", "00u1new"} {
		for _, limit := range []int{50, 2, 1} {
			got := briefs(s.log(limit, "subject="+url.QueryEscape(subject)))
			assert.Truef(t, slices.Equal(got, want), "the history of %s by %d: %q", subject, limit, got)
		}
	}
	all := briefs(s.log(2, ""))
	if !slices.Equal(all, append([]string{"modify skipped unchanged", "create warning created tolerated", "modify success deactivated"}, append(want[1:], "create success created")...)) {
		t.Errorf("the log: %q", all)
	}
	for query, n := range map[string]int{
		"outcome=failure": 2, "cause=seat_limit": 2, "cause=tolerated": 1, "outcome=skipped": 1, "outcome=failure&cause=duplicate": 0, "resourceType=Group": 0,
	} {
		for _, limit := range []int{1, 50} {
			if got := s.log(limit, query); len(got) != n {
				t.Errorf("%s by %d: %q, want %d", query, limit, briefs(got), n)
			}
		}
	}
}

// By time, with the time of day: keys are made of it.
func TestLog_ByTime(t *testing.T) { enginetest.RunOn(t, enginetest.Plain(), testLogByTime) }

func testLogByTime(t *testing.T, open func(testing.TB) table.Table) {
	s := newService(t, open(t), 50, app.Options{})
	var times []time.Time
	for i := range 6 {
		times = append(times, time.Now())
		time.Sleep(2 * time.Millisecond)
		s.must(201, "POST", "/Users", userBody(fmt.Sprintf(`"userName":"u%d"`, i)))
		s.send("POST", "/Users", userBody(fmt.Sprintf(`"userName":"u%d"`, i)))
		time.Sleep(2 * time.Millisecond)
	}
	at := func(i int) string { return url.QueryEscape(times[i].UTC().Format(time.RFC3339Nano)) }
	for query, n := range map[string]int{
		"from=" + at(4): 4, "to=" + at(1): 2, "from=" + at(2) + "&to=" + at(3): 2, "from=" + at(3) + "&to=" + at(1): 0,
		"outcome=failure&from=" + at(4): 2, "outcome=failure&to=" + at(4): 4, "outcome=success&from=" + at(4): 2,
		"subject=u3&from=" + at(2): 2, "subject=u3&from=" + at(4): 0, "subject=u3&to=" + at(2): 0,
	} {
		for _, limit := range []int{1, 50} {
			if got := s.log(limit, query); len(got) != n {
				t.Errorf("%s by %d: %q, want %d", query, limit, briefs(got), n)
			}
		}
	}
}

// A request that wants no change leaves no entry, and an unauthenticated one
// least of all. One with a revoked token leaves an entry, and costs the request
// nothing else.
func TestLog_LeavesOutReads(t *testing.T) {
	s := newStory(t, enginetest.Memory, `{"maxSeats":5}`)
	id := s.must(201, "POST", "/Users", userBody(`"userName":"a"`))
	before := s.log(50, "")
	s.send("GET", "/Users/"+id, "")
	s.send("GET", `/Users?filter=userName+eq+"a"`, "")
	s.send("GET", "/Users/00000000-0000-7000-8000-000000000000", "")
	for _, header := range []string{"", "Basic eDp5", "Bearer rct_acme", "Bearer " + strings.Replace(s.token, s.token[25:27], "aa", 1)} {
		for _, method := range []string{"POST", "GET"} {
			a := s.send(method, "/Users", userBody(`"userName":"b"`), "Authorization", header)
			assert.Truef(t, a.status == 401 && a.event["writeUnits"] == 0.0, "%q: %d, %v WRU", header, a.status, a.event["writeUnits"])
		}
	}
	list := s.mustAdmin(200, "GET", "/tenants/acme/tokens", "")["tokens"].([]any)
	s.mustAdmin(204, "DELETE", "/tenants/acme/tokens/"+list[0].(map[string]any)["id"].(string), "")
	s.later()
	if a := s.send("POST", "/Users", userBody(`"userName":"b"`)); a.event["cause"] != "token_revoked" || a.event["writeUnits"].(float64) > 6 {
		t.Errorf("revoked: %v, %v WRU", a.event["cause"], a.event["writeUnits"])
	}
	a := s.send("POST", "/Users", userBody(`"userName":"b"`))
	assert.Truef(t, a.event["cause"] == "token_revoked" && a.event["writeUnits"] == 0.0, "revoked, again: %v, %v WRU", a.event["cause"], a.event["writeUnits"])
	if after := s.log(50, ""); len(after) != len(before)+1 || brief(after[0]) != "create failure token_revoked" {
		t.Errorf("the log has %q, had %q", briefs(after), briefs(before))
	}
	assert.Empty(t, s.failing(), "failing")
}

// Reads that are refused for what they ask are logged: a sync begins with them.
func TestLog_HasRefusedReads(t *testing.T) {
	s := newStory(t, enginetest.Memory, `{"maxSeats":5}`)
	for cause, query := range map[string]string{"validation": "?filter=userName", "sensitive_filter": `?filter=password+eq+"x"`} {
		a := s.send("GET", "/Users"+query, "")
		e := s.explain(a)["entries"].([]any)[0].(map[string]any)
		assert.Equalf(t, "list failure "+cause, brief(e), "%s: %v", query, e)
	}
	assert.Empty(t, s.failing(), "a list marks no subject as failing")
}

// Requests that are refused in great numbers leave one entry a minute.
func TestLog_HasOneEntryAMinuteOfAFlood(t *testing.T) {
	s := newStory(t, enginetest.Memory, `{"maxSeats":5,"scimEnabled":false}`)
	for range 20 {
		a := s.send("POST", "/Users", userBody(`"userName":"a"`))
		require.Truef(t, a.event["cause"] == "scim_disabled", "%v", a.event)
		s.now = s.now.Add(10 * time.Second)
	}
	n := len(s.log(50, "cause=scim_disabled"))
	assert.Equalf(t, 4, n, "%d entries of 20 requests in 200 s, want 4", n)
}

// The warning of a group names the members that were not accepted, and why
// their own provisioning fails.
func TestLog_NamesTheMembersConcerned(t *testing.T) {
	enginetest.RunOn(t, enginetest.Plain(), testMembersConcerned)
}

func testMembersConcerned(t *testing.T, open func(testing.TB) table.Table) {
	s := newStory(t, open, `{"maxSeats":2}`)
	here := s.must(201, "POST", "/Users", userBody(`"userName":"here"`))
	gone := s.must(201, "POST", "/Users", userBody(`"userName":"gone"`))
	s.must(204, "DELETE", "/Users/"+gone, "")
	s.must(201, "POST", "/Users", userBody(`"userName":"other"`))
	s.send("PATCH", "/Users/"+gone, patchBody(activate)) // 404
	require.Equal(t, 403, s.send("POST", "/Users", userBody(`"userName":"late@example.com"`)).status)
	nobody := "019b8d62-7a80-7000-8000-00000000abcd"
	group := s.send("POST", "/Groups", groupBody("Staff", here, gone, "late@example.com", nobody))
	require.Truef(t, group.status == 201 && group.event["cause"] == "unknown_members", "%d %v", group.status, group.event)
	entry := s.explain(group)["entries"].([]any)[0].(map[string]any)
	got := map[string]string{}
	for _, m := range entry["members"].([]any) {
		m := m.(map[string]any)
		text := fmt.Sprint(m["state"], " ", m["subject"])
		if f, ok := m["failure"].(map[string]any); ok {
			text += fmt.Sprint(" ", f["cause"])
		}
		got[m["id"].(string)] = text
	}
	want := map[string]string{
		gone: "deleted gone user_not_found", "late@example.com": "unknown late@example.com seat_limit", nobody: "unknown <nil>",
	}
	assert.Equalf(t, fmt.Sprint(want), fmt.Sprint(got), "members %v, want %v", got, want)
	// A tenant can choose that the request is refused.
	s.mustAdmin(200, "PATCH", "/tenants/acme", `{"unknownMembers":"refuse"}`)
	s.later()
	a := s.send("PATCH", "/Groups/"+group.body["id"].(string), memberPatch("add", nobody))
	x := s.explain(a)
	if entry = x["entries"].([]any)[0].(map[string]any); brief(entry) != "modify failure unknown_members" || x["now"] != "failing" {
		t.Errorf("refused: %v", x)
	}
	m := entry["members"].([]any)[0].(map[string]any)
	assert.Truef(t, m["id"] == nobody && m["state"] == "unknown", "concerned users: %v", m)
	if f := s.failing()["Staff"]; f["resourceType"] != "Group" || f["cause"] != "unknown_members" {
		t.Errorf("the group fails: %v", s.failing())
	}
	s.must(200, "PATCH", "/Groups/"+group.body["id"].(string), memberPatch("remove", here))
	f, ok := s.failing()["Staff"]
	assert.Falsef(t, ok, "the group fails still: %v", f)
}

// A user that failed under its name is resolved when it is provisioned under an
// id, and a group that failed under its id when it is pushed again.
func TestLog_FailuresResolvedUnderAnotherName(t *testing.T) {
	s := newStory(t, enginetest.Memory, `{"maxSeats":0}`)
	s.send("POST", "/Users", userBody(`"userName":"jit@example.com"`))
	s.mustAdmin(200, "PATCH", "/tenants/acme", `{"maxSeats":5}`)
	id := s.own(`"userName":"jit@example.com","origin":"jit"`)
	if len(s.failing()) != 1 {
		t.Errorf("the application made the user, no identity provider has it: %v", s.failing())
	}
	s.now = s.now.Add(time.Second)
	s.must(200, "PATCH", "/Users/"+id, patchBody(`[{"op":"replace","path":"displayName","value":"J"}]`))
	if len(s.failing()) != 0 {
		t.Errorf("linked by a PATCH: %v", s.failing())
	}
	group := s.must(201, "POST", "/Groups", groupBody("Sales"))
	s.mustAdmin(204, "DELETE", "/tenants/acme/groups/"+group, "")
	a := s.send("PATCH", "/Groups/"+group, memberPatch("add", id))
	if a.event["cause"] != "group_deleted" || len(s.failing()) != 1 {
		t.Fatalf("%v, failing %v", a.event, s.failing())
	}
	s.now = s.now.Add(time.Second)
	s.must(201, "POST", "/Groups", groupBody("Sales", id))
	if len(s.failing()) != 0 {
		t.Errorf("pushed again: %v", s.failing())
	}
	x := s.explain(a)
	assert.Truef(t, x["now"] == "fixed", "%v", x)
}

// Subjects that no key can hold, or that are not names at all, are found and
// explained like others.
func TestLog_FindsExtremeNames(t *testing.T) {
	enginetest.RunOn(t, enginetest.Plain(), testLogOfNames)
}

func testLogOfNames(t *testing.T, open func(testing.TB) table.Table) {
	s := newStory(t, open, `{"maxSeats":0,"unknownMembers":"refuse"}`)
	for name, subject := range map[string]string{
		"folded to eleven times the size": strings.Repeat("\ufdfa", 42), "a kilobyte of it": strings.Repeat("\ufdfa", 340),
		"long": strings.Repeat("x", 5000), "one letter": "x", "separators": "a#b~c.d,e|f", "a line": "a\nb\x00c", "a space": " ",
	} {
		quoted, err := json.Marshal(subject)
		require.NoError(t, err)
		for _, a := range []answer{
			s.send("POST", "/Users", userBody(fmt.Sprintf(`"userName":%s,"externalId":%s`, quoted, quoted))),
			s.send("POST", "/Groups", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"g `+name+`","members":[{"value":`+string(quoted)+`}]}`),
		} {
			require.Truef(t, a.status < 500 && a.status >= 400, "%s: %d %v", name, a.status, a.body)
			assert.Nilf(t, a.event["journalError"], "%s", name)
			s.explain(a)
		}
		for _, path := range []string{"log", "failed-users"} {
			a := s.admin("GET", "/tenants/acme/"+path+"?subject="+url.QueryEscape(subject), "")
			assert.Falsef(t, a.status != 200 && a.status != 400, "%s: %s: %d %v", name, path, a.status, a.body)
		}
		s.mustAdmin(200, "GET", "/tenants/acme/failed-users", "")
		s.mustAdmin(200, "GET", "/tenants/acme/overview", "")
	}
	a := s.send("POST", "/Groups", groupBody("Staff", "anna@example.com"))
	entry := s.explain(a)["entries"].([]any)[0].(map[string]any)
	m, ok := entry["members"].([]any)
	assert.Truef(t, ok && m[0].(map[string]any)["id"] == "anna@example.com", "concerned users: %v", entry)
}

// A purged user no longer fails, and its history has the purge and everything
// before it.
func TestLog_AfterAPurge(t *testing.T) {
	s := newStory(t, enginetest.Memory, `{"maxSeats":5}`)
	id := s.must(201, "POST", "/Users", userBody(`"userName":"a"`))
	s.send("POST", "/Users", userBody(`"userName":"a"`))
	if f := s.failing()["a"]; f["cause"] != "duplicate" {
		t.Fatalf("failing: %v", s.failing())
	}
	s.mustAdmin(204, "DELETE", "/tenants/acme/users/"+id, "")
	assert.Empty(t, s.failing(), "failing")
	want := []string{"purge success purged", "create failure duplicate", "create success created"}
	got := briefs(s.log(50, "subject="+id))
	assert.Truef(t, slices.Equal(got, want), "the history: %q", got)
}

// The history of a record is complete, however long it is and however it is
// paged.
func TestLog_HistoryOfARecord(t *testing.T) { enginetest.RunOn(t, enginetest.Plain(), testHistory) }

func testHistory(t *testing.T, open func(testing.TB) table.Table) {
	s := newStory(t, open, `{"maxSeats":5}`)
	user := s.must(201, "POST", "/Users", userBody(`"userName":"a"`))
	group := s.must(201, "POST", "/Groups", groupBody("g"))
	want := []string{"created"}
	for i := range 30 {
		s.now = s.now.Add(time.Second)
		op, action := "add", "updated"
		if i%2 == 1 {
			op = "remove"
		}
		s.must(200, "PATCH", "/Groups/"+group, memberPatch(op, user))
		if i%5 == 4 { // not in the record, but in the index
			s.send("PATCH", "/Groups/"+group, `{"schemas":[]`)
			want = append([]string{action}, want...)
			action = "<nil>"
		}
		want = append([]string{action}, want...)
	}
	s.now = s.now.Add(time.Second)
	s.must(204, "DELETE", "/Groups/"+group, "")
	want = append([]string{"deleted"}, want...)
	for _, limit := range []int{1, 7, 50} {
		var got []string
		for _, e := range s.log(limit, "subject="+group) {
			got = append(got, fmt.Sprint(e["action"]))
		}
		assert.Truef(t, slices.Equal(got, want), "by %d: %d entries %q, want %d %q", limit, len(got), got, len(want), want)
	}
}

// Members that are added concurrently each leave an entry: none is lost, as
// long as there are no more of them between two reads of a record than it has
// room for.
func TestLog_HistoryOfAGroupWithConcurrentChanges(t *testing.T) {
	enginetest.RunOn(t, enginetest.Plain(), testHistorySideBySide)
}

func testHistorySideBySide(t *testing.T, open func(testing.TB) table.Table) {
	s := newService(t, open(t), 100, app.Options{})
	group := s.must(201, "POST", "/Groups", groupBody("g"))
	var users []string
	for i := range 24 {
		users = append(users, s.must(201, "POST", "/Users", userBody(fmt.Sprintf(`"userName":"u%d"`, i))))
	}
	want := map[string]bool{}
	for round := range slices.Chunk(users, 4) {
		ids := make([]string, len(round))
		var all sync.WaitGroup
		for i, user := range round {
			all.Go(func() {
				a := s.send("PATCH", "/Groups/"+group, memberPatch("add", user))
				assert.Equalf(t, 200, a.status, "%d %v", a.status, a.body)
				ids[i] = a.header.Get("X-Request-Id")
			})
		}
		all.Wait()
		for _, id := range ids {
			want[id] = true
		}
	}
	for _, limit := range []int{1, 3, 50} {
		got := map[string]bool{}
		for _, e := range s.log(limit, "subject="+group) {
			id := e["requestId"].(string)
			assert.Falsef(t, got[id], "by %d: %s is listed twice", limit, id)
			got[id] = true
		}
		for id := range want {
			assert.Truef(t, got[id], "by %d: %s is not listed", limit, id)
		}
		assert.Lenf(t, got, len(want)+1, "by %d: %d entries, want %d", limit, len(got), len(want)+1)
	}
}
