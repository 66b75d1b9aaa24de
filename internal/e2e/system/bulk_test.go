package system

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/scimtest"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/table/tabletest"
)

// A bulkAnswer is the answer to a bulk request, with the events of its
// operations in the order in which they ran.
type bulkAnswer struct {
	answer
	operations []scimtest.BulkResult
	done       []map[string]any
}

// bulk sends operations, and expects the status 200.
func (s *service) bulk(operations ...string) bulkAnswer {
	s.t.Helper()
	a := bulkAnswer{answer: s.send("POST", "/Bulk", scimtest.BulkBody("", operations...))}
	require.Equalf(s.t, http.StatusOK, a.status, "bulk: %d %v", a.status, a.body)
	text, err := json.Marshal(a.body["Operations"])
	require.NoError(s.t, err)
	err = json.Unmarshal(text, &a.operations)
	require.NoErrorf(s.t, err, "%v: %s", err, text)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.events {
		if e["bulkRequestId"] == a.event["requestId"] {
			a.done = append(a.done, e)
		}
	}
	// Ids are ordered by the time of their creation.
	slices.SortFunc(a.done, func(a, b map[string]any) int {
		return strings.Compare(a["requestId"].(string), b["requestId"].(string))
	})
	return a
}

func (a bulkAnswer) statuses() string {
	var all []string
	for _, o := range a.operations {
		all = append(all, o.Status)
	}
	return strings.Join(all, " ")
}

func (a bulkAnswer) causes() string {
	var all []string
	for _, e := range a.done {
		cause, _ := e["cause"].(string)
		all = append(all, fmt.Sprintf("%v:%s", e["bulkOperation"], cause))
	}
	return strings.Join(all, " ")
}

func bulkUser(bulkID, rest string) string {
	return `{"method":"POST","path":"/Users","bulkId":"` + bulkID + `","data":` + userBody(`"userName":"`+bulkID+`"`+rest) + `}`
}

func bulkManager(id string) string {
	return `,"` + scim.EnterpriseURN + `":{"manager":{"value":"` + id + `"}}`
}

func bulkGroup(bulkID string, members ...string) string {
	return `{"method":"POST","path":"/Groups","bulkId":"` + bulkID + `","data":` + groupBody(bulkID, members...) + `}`
}

func bulkChange(method, path, data string) string {
	if data != "" {
		data = `,"data":` + data
	}
	return `{"method":"` + method + `","path":"` + path + `"` + data + `}`
}

// everything returns the operations of a bulk request that writes every kind of
// item.
func everything(ids []string, group string) []string {
	return []string{
		bulkUser("a", `,"externalId":"e-a","emails":[{"value":"a@x","primary":true},{"value":"b@x"}]`+bulkManager("bulkId:b")),
		bulkUser("b", bulkManager("bulkId:a")),
		bulkGroup("g", "bulkId:a", "bulkId:b", ids[0]),
		bulkChange("PATCH", "/Users/"+ids[1], patchBody(`[{"op":"replace","path":"userName","value":"renamed"}]`)),
		bulkChange("PUT", "/Users/"+ids[2], userBody(`"userName":"replaced","active":false`)),
		bulkChange("DELETE", "/Users/"+ids[3], ""),
		bulkChange("PUT", "/Groups/"+group, groupBody("other", append(slices.Clone(ids[5:45]), "bulkId:a")...)),
		bulkChange("PATCH", "/Groups/"+group, memberPatch("remove", ids[5:40]...)),
		bulkChange("DELETE", "/Groups/bulkId:g", ""),
	}
}

const everythingDone = "201 201 201 200 200 204 200 200 204"

// prepareEverything creates what everything changes: 45 users, of which the
// fourth is in 33 groups.
func prepareEverything(t *testing.T, engine table.Table) (s *service, ids []string, group string) {
	t.Helper()
	s, ids = crowd(t, engine, 45)
	for i := range 32 {
		s.must(201, "POST", "/Groups", groupBody(fmt.Sprint("of the fourth ", i), ids[3]))
	}
	group = s.must(201, "POST", "/Groups", groupBody("group", ids[3], ids[4]))
	return s, ids, group
}

func TestBulk_HasLogEntries(t *testing.T) {
	for _, engine := range enginetest.Plain() {
		t.Run(engine.Name, func(t *testing.T) {
			s, ids, group := prepareEverything(t, engine.Open(t))
			a := s.bulk(everything(ids, group)...)
			if a.statuses() != everythingDone {
				t.Fatalf("%s: %v", a.statuses(), a.body)
			}
			s.check(2)
			page, err := s.table.Query(t.Context(), table.Query{Partition: "T#acme#LOG"})
			require.NoError(t, err)
			entries := map[string]bool{}
			for _, item := range page.Items {
				id, _, _ := strings.Cut(item.Key.Sort, "#")
				entries[id] = true
			}
			assert.False(t, entries[a.event["requestId"].(string)], "the bulk request itself has an entry")
			for _, e := range a.done {
				assert.Truef(t, entries[e["requestId"].(string)], "no entry of %v", e)
			}
			// Every read and write is counted in the event of one operation.
			for _, e := range a.done {
				assert.Truef(t, e["roundTrips"] != 0.0 && e["writeUnits"] != 0.0, "operation %v cost nothing: %v", e["bulkOperation"], e)
			}
			assert.Truef(t, a.event["writeUnits"] == 0.0, "the bulk request counts what its operations count: %v", a.event)
		})
	}
}

// A function without the token in its cache reads it once for all operations.
func TestBulk_WithAColdCache(t *testing.T) {
	for _, engine := range enginetest.Plain() {
		t.Run(engine.Name, func(t *testing.T) {
			s := newService(t, engine.Open(t), 5, app.Options{})
			a := s.on(t, s.table, app.Options{}).bulk(bulkUser("a", ""), bulkUser("b", ""))
			// That the token exists, and the token with its tenant.
			if a.statuses() != "201 201" || a.event["roundTrips"] != 2.0 || a.done[0]["roundTrips"] != 1.0 {
				t.Errorf("%s, %v, %v", a.statuses(), a.event, a.done)
			}
		})
	}
}

// Every write of a bulk request meets each fault in turn: the answer and the
// data are the same as without the fault.
func TestBulk_Faults(t *testing.T) {
	for _, kind := range atTheInterface() {
		if strings.HasPrefix(kind.name, "dynamodb") && !strings.HasSuffix(kind.name, string(tabletest.AnswerLost)) {
			continue // a fault before the engine is the same on both
		}
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			engine, arm, happened := kind.open(t)
			s, ids := crowd(t, engine, 4)
			for n := 1; ; n++ {
				s.t = t
				holder := s.must(201, "POST", "/Users", userBody(fmt.Sprintf(`"userName":"taken %d","active":false`, n)))
				group := s.must(201, "POST", "/Groups", groupBody(fmt.Sprint("group ", n), ids[0]))
				user := func(id, rest string) string {
					return `{"method":"POST","path":"/Users","bulkId":"` + id + `","data":` + userBody(fmt.Sprintf(`"userName":"%s %d","active":false`, id, n)+rest) + `}`
				}
				arm(n)
				a := s.bulk(
					user("a", bulkManager("bulkId:b")), user("b", bulkManager("bulkId:a")),
					user("taken", ""),
					bulkChange("PATCH", "/Groups/"+group, memberPatch("add", "bulkId:a")),
					bulkChange("PATCH", "/Users/bulkId:b", patchBody(`[{"op":"replace","path":"title","value":"t"}]`)),
					bulkChange("DELETE", "/Users/"+holder, ""),
				)
				times := happened()
				arm(0)
				if a.statuses() != "201 201 409 200 200 204" {
					t.Fatalf("write %d: %s: %v", n, a.statuses(), a.body)
				}
				got := a.operations[0].Version + a.operations[4].Version
				assert.Equalf(t, `W/"2"W/"2"`, got, "write %d: versions %s: each was changed once", n, got)
				if got := valuesOf(s.send("GET", "/Groups/"+group, "").body["members"]); !slices.Contains(got, a.operations[0].ID()) || len(got) != 2 {
					t.Errorf("write %d: members %v", n, got)
				}
				if times == 0 {
					assert.Truef(t, n >= 7, "%d writes only", n-1)
					break
				}
			}
			s.check(0)
		})
	}
}

// The table fails part-way: the operations done before are reported as done,
// the others fail one by one, as do those that refer to them.
func TestBulk_OutagePartWay(t *testing.T) {
	for _, tt := range []struct {
		name     string
		kind     tabletest.FaultKind
		statuses string
		causes   string
	}{
		{"throttled", tabletest.Throttled, "503 201 503 409", "1: 2: 1:conflict 3:conflict 4:bulk_reference"},
		{"answers lost", tabletest.AnswerLost, "503 201 503 409", "1: 2: 1:outcome_unknown 3:outcome_unknown 4:bulk_reference"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := &later{Table: enginetest.Memory(t)}
			s := newService(t, l, 10, app.Options{Retry: []table.RetryOption{table.RetryFor(100 * time.Millisecond)}})
			s.send("GET", "/Users?count=0", "")
			healthy := l.Table
			writes := map[int]tabletest.FaultKind{}
			for n := 3; n < 1000; n++ { // the first two of the circle succeed
				writes[n] = tt.kind
			}
			l.Table = useApart{tabletest.NewFault(healthy, 1, tabletest.FaultPlan{Writes: writes}), healthy}
			a := s.bulk(
				bulkUser("a", bulkManager("bulkId:b")), bulkUser("b", bulkManager("bulkId:a")),
				bulkUser("c", ""), bulkGroup("g", "bulkId:a", "bulkId:c"),
			)
			l.Table = healthy
			if a.statuses() != tt.statuses || a.causes() != tt.causes {
				t.Errorf("%s, %s; want %s, %s", a.statuses(), a.causes(), tt.statuses, tt.causes)
			}
			first := a.operations[0]
			detail, _ := first.Response["detail"].(string)
			assert.Containsf(t, detail, "was created with the id "+first.ID(), "the circle's first: %+v", first)
			got := s.send("GET", "/Users/"+first.ID(), "").status
			assert.Equalf(t, 200, got, "the circle's first is %d", got)
			s.check(s.active())
		})
	}
}

// A useApart is a table that records which tokens are in use in another one: that is
// written beside the request, and would be counted among its writes.
type useApart struct {
	table.Table
	use table.Table
}

func (u useApart) Write(ctx context.Context, tx table.Transaction) error {
	if showsUse(tx) {
		return u.use.Write(ctx, tx)
	}
	return u.Table.Write(ctx, tx)
}

// Time runs out part-way: the operations done are reported, and so are those
// not started, which can be sent again unchanged.
func TestBulk_TimeoutPartWay(t *testing.T) {
	for _, engine := range enginetest.Plain() {
		t.Run(engine.Name, func(t *testing.T) {
			var mu sync.Mutex
			var passed time.Duration
			now := func() time.Time {
				mu.Lock()
				defer mu.Unlock()
				return time.Now().Add(passed)
			}
			h := &hooked{Table: engine.Open(t)}
			s := newService(t, h, 10, app.Options{Now: now})
			s.send("GET", "/Users?count=0", "")
			writes := 0
			h.write = func(do func() error) error {
				err := do()
				if writes++; writes == 2 {
					mu.Lock()
					defer mu.Unlock()
					passed += 9 * time.Second
				}
				return err
			}
			operations := []string{
				bulkUser("a", bulkManager("bulkId:b")), bulkUser("b", bulkManager("bulkId:a")),
				bulkUser("c", ""), bulkGroup("g", "bulkId:a", "bulkId:c"), bulkChange("DELETE", "/Users/bulkId:c", ""),
			}
			a := s.bulk(operations...)
			if a.statuses() != "503 201 503 503 503" || a.causes() != "1: 2: 1:bulk_time 3:bulk_time 4:bulk_time 5:bulk_time" {
				t.Fatalf("%s, %s: %v", a.statuses(), a.causes(), a.body)
			}
			assert.Truef(t, a.event["bulkDone"] == 1.0 && a.event["bulkFailed"] == 4.0 && a.event["cause"] == "bulk_partial", "event: %v", a.event)
			first := a.operations[0]
			detail, _ := first.Response["detail"].(string)
			assert.Truef(t, first.Version == `W/"1"` && strings.Contains(detail, "was created with the id "+first.ID()), "the one that was begun: %+v", first)
			detail, _ = a.operations[2].Response["detail"].(string)
			assert.Containsf(t, detail, "before the operation began. Send the operation again", "one that was not: %s", detail)
			writes = -1 // the first removes its failure
			again := s.bulk(operations[2], bulkGroup("g", first.ID(), "bulkId:c"), operations[4])
			if again.statuses() != "201 201 503" {
				t.Errorf("again: %s: %v", again.statuses(), again.body)
			}
			h.write = nil
			if again = s.bulk(bulkGroup("h", first.ID()), bulkChange("DELETE", "/Users/"+again.operations[0].ID(), "")); again.statuses() != "201 204" {
				t.Errorf("in the end: %v", again.body)
			}
			s.check(2)
		})
	}
}

// Writes end 8 s after the start of their own operation, however long the bulk
// request has been running.
func TestBulk_EachOperationHasItsOwnTimeToWrite(t *testing.T) {
	var passed time.Duration
	begun := time.Now()
	h := &hooked{Table: enginetest.Memory(t)}
	s := newService(t, h, 10, app.Options{Now: func() time.Time { return begun.Add(passed) }})
	s.send("GET", "/Users?count=0", "")
	h.write = func(do func() error) error { defer func() { passed += 4 * time.Second }(); return do() }
	a := s.bulk(bulkUser("a", ""), bulkUser("b", ""), bulkUser("c", ""), bulkUser("d", ""))
	if a.statuses() != "201 201 201 503" {
		t.Errorf("%s: %v", a.statuses(), a.body)
	}
	s.check(3)
}

// If the client disconnects, the remaining operations are not done, and the log
// says so.
func TestBulk_ClientGone(t *testing.T) {
	h := &hooked{Table: enginetest.Memory(t)}
	s := newService(t, h, 10, app.Options{})
	s.send("GET", "/Users?count=0", "")
	r := httptest.NewRequestWithContext(t.Context(), "POST", "https://scim.test/scim/v2/Bulk", strings.NewReader(scimtest.BulkBody("", bulkUser("a", ""), bulkUser("b", ""))))
	r.Header.Set("Authorization", "Bearer "+s.token)
	ctx, leave := context.WithCancel(r.Context())
	h.write = func(do func() error) error { defer leave(); return do() }
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r.WithContext(ctx))
	h.write = nil
	e := s.event(w.Header().Get("X-Request-Id"))
	assert.Truef(t, w.Code == 200 && e["bulkDone"] == 1.0 && e["bulkFailed"] == 1.0, "%d %s, %v", w.Code, w.Body, e)
	s.check(1)
}

// Two concurrent bulk requests with the same users: each user is created once.
func TestBulk_TwoConcurrent(t *testing.T) {
	enginetest.Each(t, enginetest.All(), func(t *testing.T, engine enginetest.Engine) {
		s := newService(t, engine.Open(t), 100, app.Options{})
		var operations []string
		for i := range 10 {
			operations = append(operations, bulkUser(fmt.Sprint("u", i), bulkManager(fmt.Sprint("bulkId:u", (i+1)%10))))
		}
		answers := make([]bulkAnswer, 2)
		var wait sync.WaitGroup
		for i := range answers {
			wait.Go(func() { answers[i] = s.bulk(operations...) })
		}
		wait.Wait()
		made := map[string]int{}
		for _, a := range answers {
			for _, o := range a.operations {
				switch {
				case o.Location != "":
					made[o.BulkID]++
				case o.Status != "409":
					t.Errorf("%+v", o)
				}
			}
		}
		for i := range 10 {
			n := made[fmt.Sprint("u", i)]
			assert.Equalf(t, 1, n, "u%d was made %d times", i, n)
		}
		s.check(10)
	})
}
