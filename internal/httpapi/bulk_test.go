package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/scimtest"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
	"github.com/rollcall-scim/rollcall/internal/web"
)

// A bulkAnswer is the answer to a bulk request, with the events of its
// operations in the order in which they ran.
type bulkAnswer struct {
	answer
	operations []scimtest.BulkResult
	events     []map[string]any
}

func (s *service) bulk(operations string) bulkAnswer {
	s.t.Helper()
	return s.sendBulk(scimtest.BulkBody("", operations))
}

func (s *service) sendBulk(body string) bulkAnswer {
	s.t.Helper()
	r := httptest.NewRequestWithContext(s.t.Context(), "POST", "https://elsewhere.example/scim/v2/Bulk", strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+s.token)
	r.Header.Set("Content-Type", "application/scim+json")
	r.Header.Set("User-Agent", "Okta SCIM Client 1.0.0")
	r.Header.Set(web.APIRequestHeader, "JKJaXmPLvHcESHA=")
	before := len(s.log.String())
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	a := bulkAnswer{answer: answer{status: w.Code, header: w.Header(), raw: w.Body.String()}}
	err := json.Unmarshal(w.Body.Bytes(), &a.body)
	require.NoErrorf(s.t, err, "the body is not JSON: %v: %s", err, a.raw)
	for line := range strings.Lines(s.log.String()[before:]) {
		var event map[string]any
		err := json.Unmarshal([]byte(line), &event)
		require.NoErrorf(s.t, err, "the event is not JSON: %v: %s", err, line)
		a.events = append(a.events, event)
	}
	require.NotEmpty(s.t, a.events, "nothing was logged")
	a.event, a.events = a.events[len(a.events)-1], a.events[:len(a.events)-1]
	id := w.Header().Get("X-Request-Id")
	assert.Truef(s.t, a.event["requestId"] == id && a.event["operation"] == "bulk", "the last event is %v, want that of the bulk request %s", a.event, id)
	if a.status != http.StatusOK {
		return a
	}
	var document struct {
		Schemas    []string
		Operations []scimtest.BulkResult
	}
	err = json.Unmarshal(w.Body.Bytes(), &document)
	require.NoErrorf(s.t, err, "the answer is not a bulk response: %v: %s", err, a.raw)
	if !slices.Equal(document.Schemas, []string{scim.BulkResponseURN}) || document.Operations == nil {
		s.t.Errorf("the answer is not a bulk response: %s", a.raw)
	}
	a.operations = document.Operations
	s.checkBulk(a)
	return a
}

// checkBulk checks what holds for every bulk response.
func (s *service) checkBulk(a bulkAnswer) {
	s.t.Helper()
	seen := map[any]bool{a.event["requestId"]: true}
	for _, e := range a.events {
		if e["event"] != "scim.request" || e["bulkRequestId"] != a.event["requestId"] || e["tenant"] != a.event["tenant"] ||
			e["tokenId"] != a.event["tokenId"] || e["idp"] != a.event["idp"] ||
			e["apiRequestId"] != "JKJaXmPLvHcESHA=" {
			s.t.Errorf("the event of an operation is not of this request: %v", e)
		}
		assert.Falsef(s.t, seen[e["requestId"]], "two events have one request id: %v", e)
		seen[e["requestId"]] = true
	}
	for i, o := range a.operations {
		failed := o.Status >= "400"
		if len(o.Status) != 3 || failed != (o.Response != nil) || failed && (o.Response["status"] != o.Status ||
			!slices.Equal(o.Response["schemas"].([]any), []any{any(scim.ErrorURN)})) {
			s.t.Errorf("operation %d: %+v", i+1, o)
		}
	}
}

// statuses returns the statuses of the operations, in order.
func (a bulkAnswer) statuses() string {
	var all []string
	for _, o := range a.operations {
		all = append(all, o.Status)
	}
	return strings.Join(all, " ")
}

// order returns the order in which the operations ran, numbered from 1, with
// their names.
func (a bulkAnswer) order() string {
	var all []string
	for _, e := range a.events {
		all = append(all, fmt.Sprintf("%v:%v", e["bulkOperation"], e["operation"]))
	}
	return strings.Join(all, " ")
}

func postUser(bulkID, rest string) string {
	return `{"method":"POST","path":"/Users","bulkId":"` + bulkID + `","data":{"schemas":["` + scim.CoreUserURN + `"],"userName":"` + bulkID + `@x"` + rest + `}}`
}

func postGroup(bulkID string, members ...string) string {
	var list []string
	for _, m := range members {
		list = append(list, `{"value":"`+m+`"}`)
	}
	return `{"method":"POST","path":"/Groups","bulkId":"` + bulkID + `","data":{"schemas":["` + scim.CoreGroupURN + `"],"displayName":"` + bulkID +
		`","members":[` + strings.Join(list, ",") + `]}}`
}

func managerIs(id string) string {
	return `,"` + scim.EnterpriseURN + `":{"manager":{"value":"` + id + `"}}`
}

func patchOperation(path, operations string) string {
	return `{"method":"PATCH","path":"` + path + `","data":` + patchBody(operations) + `}`
}

// managerOf returns the id of a user's manager.
func (s *service) managerOf(id string) any {
	s.t.Helper()
	a := s.send("GET", "/Users/"+id, "")
	extension, _ := a.body[scim.EnterpriseURN].(map[string]any)
	manager, _ := extension["manager"].(map[string]any)
	return manager["value"]
}

// membersOf returns the ids of a group's members.
func (s *service) membersOf(id string) []string {
	s.t.Helper()
	var ids []string
	list, _ := s.send("GET", "/Groups/"+id, "").body["members"].([]any)
	for _, m := range list {
		ids = append(ids, m.(map[string]any)["value"].(string))
	}
	slices.Sort(ids)
	return ids
}

// Covers: 7644-3.7-1, 7644-3.7-2, 7644-3.7-4, 7644-3.7-6, 7644-3.7.3-1, 7644-3.7.3-2
func TestBulk_DoesEachOperation(t *testing.T) { enginetest.Run(t, testBulkEach) }

func testBulkEach(t *testing.T, open opener) {
	s := newService(t, open, 10)
	changed, removed := s.mustCreate(`"userName":"changed"`), s.mustCreate(`"userName":"removed"`)
	group := s.send("POST", "/Groups", `{"schemas":["`+scim.CoreGroupURN+`"],"displayName":"old","members":[{"value":"`+changed+`"}]}`).body["id"].(string)
	a := s.bulk(strings.Join([]string{
		postUser("new", ""),
		`{"method":"PUT","path":"/Users/` + changed + `","bulkId":"put","version":"W/\"1\"","data":` + userBody(`"userName":"changed","title":"t"`) + `}`,
		patchOperation("/users/"+changed, `[{"op":"add","path":"nickName","value":"n"}]`),
		`{"method":"DELETE","path":"/Users/` + removed + `"}`,
		patchOperation("/Groups/"+group, `[{"op":"add","path":"members","value":[{"value":"bulkId:new"}]}]`),
		postGroup("made", changed),
		`{"method":"PUT","path":"/Groups/` + group + `","data":{"schemas":["` + scim.CoreGroupURN + `"],"displayName":"other","members":[{"value":"bulkId:new"}]}}`,
		`{"method":"DELETE","path":"/Groups/bulkId:made"}`,
	}, ","))
	if a.status != 200 || a.statuses() != "201 200 200 204 200 201 200 204" {
		t.Fatalf("%d %s: %s", a.status, a.statuses(), a.raw)
	}
	made := a.operations[0]
	users, groups := baseURL+"/Users/", baseURL+"/Groups/"
	for i, want := range [][5]string{
		{"POST", "new", users + made.ID(), `W/"1"`, "201"},
		{"PUT", "put", users + changed, `W/"2"`, "200"},
		{"PATCH", "", users + changed, `W/"3"`, "200"},
		{"DELETE", "", users + removed, "", "204"},
		{"PATCH", "", groups + group, `W/"2"`, "200"},
		{"POST", "made", groups + a.operations[5].ID(), `W/"1"`, "201"},
		{"PUT", "", groups + group, `W/"3"`, "200"},
		{"DELETE", "", groups + a.operations[5].ID(), "", "204"},
	} {
		got := a.operations[i]
		assert.Equalf(t, want, [5]string{got.Method, got.BulkID, got.Location, got.Version, got.Status}, "operation %d", i+1)
		assert.Nilf(t, got.Response, "operation %d", i+1)
	}
	got := a.order()
	assert.Equalf(t, "1:create 2:replace 3:modify 4:delete 5:modify 6:create 7:replace 8:delete", got, "events %s", got)
	u := s.send("GET", "/Users/"+changed, "")
	assert.Truef(t, u.body["title"] == "t" && u.body["nickName"] == "n", "changed: %s", u.raw)
	assert.Equal(t, 404, s.send("GET", "/Users/"+removed, "").status, "removed")
	if got := s.membersOf(group); !slices.Equal(got, []string{made.ID()}) {
		t.Errorf("members %v, want %s", got, made.ID())
	}
	e := a.events[0]
	for name, want := range map[string]any{
		"method": "POST", "route": "POST /scim/v2/Users", "status": 201.0, "outcome": "success", "action": "created",
		"resourceType": "User", "resourceId": made.ID(), "subject": "new@x", "seatDelta": 1.0, "idp": "okta", "bulkOperation": 1.0,
	} {
		assert.Truef(t, e[name] == want, "event of the first: %s is %v, want %v", name, e[name], want)
	}
	if a.event["bulkDone"] != 8.0 || a.event["bulkFailed"] != nil || a.event["outcome"] != "success" || a.event["route"] != "POST /scim/v2/Bulk" {
		t.Errorf("event of the request: %v", a.event)
	}
}

// Covers: 7644-3.7.2-1, 7644-3.7.2-2, 7644-3.7-7
func TestBulk_ResolvesReferences(t *testing.T) { enginetest.Run(t, testBulkReferences) }

func testBulkReferences(t *testing.T, open opener) {
	s := newService(t, open, 10)
	a := s.bulk(strings.Join([]string{
		postGroup("team", "bulkId:report", "bulkId:boss"),
		patchOperation("/Groups/bulkId:team", `[{"op":"remove","path":"members[value eq \"bulkId:report\"]"}]`),
		postUser("report", managerIs("bulkId:boss")),
		postUser("boss", ""),
		`{"method":"DELETE","path":"/Users/bulkId:gone"}`,
		postUser("gone", ""),
	}, ","))
	if a.statuses() != "201 200 201 201 204 201" {
		t.Fatalf("%s: %s", a.statuses(), a.raw)
	}
	got := a.order()
	assert.Equalf(t, "4:create 3:create 1:create 2:modify 6:create 5:delete", got, "done in the order %s", got)
	team, report, boss := a.operations[0].ID(), a.operations[2].ID(), a.operations[3].ID()
	if got := s.managerOf(report); got != boss {
		t.Errorf("the manager is %v, want %s", got, boss)
	}
	if got := s.membersOf(team); !slices.Equal(got, []string{boss}) {
		t.Errorf("the members are %v, want %s", got, boss)
	}
	if a.operations[1].Location != a.operations[0].Location || a.operations[4].Location != a.operations[5].Location {
		t.Errorf("locations: %+v", a.operations)
	}
}

// Covers: 7644-3.7.1-1
func TestBulk_OpensCircles(t *testing.T) { enginetest.Run(t, testBulkCircles) }

func testBulkCircles(t *testing.T, open opener) {
	s := newService(t, open, 10)
	a := s.bulk(strings.Join([]string{
		postUser("a", managerIs("bulkId:b")), postUser("b", managerIs("bulkId:c")), postUser("c", managerIs("bulkId:a")),
		postUser("own", managerIs("bulkId:own")),
		postGroup("g", "bulkId:a", "bulkId:own"),
	}, ","))
	if a.statuses() != "201 201 201 201 201" {
		t.Fatalf("%s: %s", a.statuses(), a.raw)
	}
	got := a.order()
	assert.Equalf(t, "1:create 3:create 2:create 1:modify 4:create 4:modify 5:create", got, "done in the order %s", got)
	id := func(i int) string { return a.operations[i].ID() }
	for i, manager := range map[int]int{0: 1, 1: 2, 2: 0, 3: 3} {
		if got := s.managerOf(id(i)); got != id(manager) {
			t.Errorf("the manager of operation %d is %v, want %s", i+1, got, id(manager))
		}
	}
	// The version can be sent in If-Match.
	for i, want := range []string{`W/"2"`, `W/"1"`, `W/"1"`, `W/"2"`, `W/"1"`} {
		assert.Equalf(t, want, a.operations[i].Version, "operation %d has version", i+1)
	}
}

func TestBulk_ReportsACircleThatFails(t *testing.T) { enginetest.Run(t, testBulkCircleFails) }

func testBulkCircleFails(t *testing.T, open opener) {
	s := newService(t, open, 10)
	s.mustCreate(`"userName":"b@x"`)
	// b exists already, so a cannot have b as manager.
	a := s.bulk(postUser("a", managerIs("bulkId:b")) + `,` + postUser("b", managerIs("bulkId:a")))
	if a.statuses() != "409 409" {
		t.Fatalf("%s: %s", a.statuses(), a.raw)
	}
	first := a.operations[0]
	if first.Location == "" || first.Version != `W/"1"` || !strings.Contains(first.Detail(), "was created with the id "+first.ID()) || !strings.Contains(first.Detail(), `"b"`) {
		t.Errorf("the one that was created: %+v", first)
	}
	got := s.send("GET", "/Users/"+first.ID(), "")
	assert.Truef(t, got.status == 200 && s.managerOf(first.ID()) == nil, "it does not exist without its manager: %s", got.raw)
	assert.Truef(t, a.operations[1].Location == "" && a.operations[1].Response["scimType"] == "uniqueness", "the one that was there: %+v", a.operations[1])
	last := a.events[2]
	assert.Truef(t, last["cause"] == "bulk_reference" && last["bulkOperation"] == 1.0 && last["resourceId"] == first.ID(), "event: %v", last)
	// An attribute that cannot be set afterwards.
	a = s.bulk(`{"method":"POST","path":"/Users","bulkId":"c","data":{"userName":"bulkId:d"}},` + postUser("d", managerIs("bulkId:c")))
	if a.statuses() != "409 409" || a.events[0]["cause"] != "bulk_reference" || !strings.Contains(a.operations[0].Detail(), "userName") {
		t.Errorf("circle through userName: %s", a.raw)
	}
}

// Covers: 7644-3.7-2, 7644-3.7-3, 7644-3.7-5
func TestBulk_ContinuesAfterFailures(t *testing.T) { enginetest.Run(t, testBulkFailures) }

func testBulkFailures(t *testing.T, open opener) {
	s := newService(t, open, 3)
	holder := s.mustCreate(`"userName":"taken@x"`)
	nobody := "019b8d62-7a80-7000-8000-00000000ffff"
	for _, c := range []struct{ name, operation, status, scimType, cause, says string }{
		{"a duplicate", postUser("taken", ""), "409", "uniqueness", "duplicate", holder},
		{"no seat", postUser("third", ""), "403", "", "seat_limit", "3 of 3 seats"},
		{"bad data", `{"method":"POST","path":"/Users","bulkId":"x","data":{"userName":7}}`, "400", "invalidValue", "validation", "userName"},
		{"an unknown user", `{"method":"DELETE","path":"/Users/` + nobody + `"}`, "404", "", "user_not_found", ""},
		{"an unknown group", patchOperation("/Groups/"+nobody, `[{"op":"replace","path":"displayName","value":"x"}]`), "404", "", "group_not_found", ""},
		{"another version", `{"method":"DELETE","path":"/Users/` + holder + `","version":"W/\"7\""}`, "412", "", "version_mismatch", ""},
		{"a version that is no entity tag", `{"method":"DELETE","path":"/Users/` + holder + `","version":""}`, "400", "invalidValue", "validation", "entity tag"},
		{"a version of commas", `{"method":"DELETE","path":"/Users/` + holder + `","version":" , "}`, "400", "invalidValue", "validation", "entity tag"},
		{"a reference to a failed operation", patchOperation("/Groups/bulkId:taken", `[]`) + `,` + postUser("taken", ""), "409", "", "bulk_reference", `"taken"`},
		{"refers to nothing", postUser("y", managerIs("bulkId:nobody")), "400", "invalidValue", "validation", `"nobody"`},
		{"no method", `{"path":"/Users/` + holder + `"}`, "400", "invalidValue", "validation", "method"},
		{"GET", `{"method":"GET","path":"/Users/` + holder + `"}`, "400", "invalidValue", "validation", "method"},
		{"a HEAD", `{"method":"HEAD","path":"/Users/` + holder + `"}`, "400", "invalidValue", "validation", "method"},
		{"a long method", `{"method":"` + strings.Repeat("P", 4000) + `","path":"/Users/` + holder + `"}`, "400", "invalidValue", "validation", "method"},
		{"no bulkId", `{"method":"POST","path":"/Users","data":{"userName":"z"}}`, "400", "invalidValue", "validation", "bulkId"},
		{"POST to a resource", `{"method":"POST","path":"/Users/` + holder + `","bulkId":"x","data":{}}`, "405", "", "method_not_allowed", "PUT, PATCH, DELETE"},
		{"DELETE of all", `{"method":"DELETE","path":"/Users"}`, "405", "", "method_not_allowed", "POST"},
		{"/Bulk", `{"method":"POST","path":"/Bulk","bulkId":"x","data":{"Operations":[]}}`, "400", "invalidSyntax", "validation", "/Users"},
		{"/Me", `{"method":"DELETE","path":"/Me"}`, "400", "invalidSyntax", "validation", "/Users"},
		{"/.search", `{"method":"POST","path":"/.search","bulkId":"x","data":{}}`, "400", "invalidSyntax", "validation", "/Users"},
		{"a search of users", `{"method":"POST","path":"/Users/.search","bulkId":"x","data":{}}`, "405", "", "method_not_allowed", "PUT"},
		{"a URL", `{"method":"DELETE","path":"` + baseURL + `/Users/` + holder + `"}`, "400", "invalidSyntax", "validation", "relative to the base URL"},
		{"without the slash", `{"method":"DELETE","path":"Users/` + holder + `"}`, "400", "invalidSyntax", "validation", "relative to the base URL"},
		{"a query", `{"method":"POST","path":"/Users?attributes=id","bulkId":"x","data":{}}`, "400", "invalidSyntax", "validation", "query"},
		{"a query after an id", `{"method":"DELETE","path":"/Users/` + holder + `?attributes=id"}`, "400", "invalidSyntax", "validation", "query"},
		{"a fragment after an id", `{"method":"DELETE","path":"/Users/` + holder + `#name"}`, "400", "invalidSyntax", "validation", "fragment"},
		{"up the path", `{"method":"DELETE","path":"/Groups/../Users/` + holder + `"}`, "400", "invalidSyntax", "validation", "/Users"},
		{"an encoded slash", `{"method":"DELETE","path":"/Users/..%2FUsers%2F` + holder + `"}`, "404", "", "user_not_found", ""},
		{"the wrong resource", `{"method":"DELETE","path":"/Groups/` + holder + `"}`, "404", "", "group_not_found", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.t = t
			// One successful operation comes before it and one after it.
			around := patchOperation("/Users/"+holder, `[{"op":"replace","path":"title","value":"`+c.name+`"}]`)
			if c.cause == "seat_limit" {
				around += `,` + postUser("first", "") + `,` + postUser("second", "")
			}
			a := s.bulk(around + `,` + c.operation + `,` + patchOperation("/Users/"+holder, `[{"op":"remove","path":"title"}]`))
			at := strings.Count(around, `"method"`)
			require.Truef(t, a.status == 200 && len(a.operations) > at+1, "%d %s", a.status, a.raw)
			got := a.operations[at]
			kind, _ := got.Response["scimType"].(string)
			if got.Status != c.status || kind != c.scimType || !strings.Contains(got.Detail(), c.says) {
				t.Errorf("%+v, want %s %s with %q", got, c.status, c.scimType, c.says)
			}
			assert.Truef(t, a.operations[0].Status == "200" && a.operations[len(a.operations)-1].Status == "200", "the others: %s", a.raw)
			// The location of a failed operation is in the answer, except for a
			// POST.
			if got.Method != "POST" && slices.Contains([]string{"404", "412"}, got.Status) != (got.Location != "") && c.scimType != "invalidValue" {
				t.Errorf("location %q", got.Location)
			}
			i := slices.IndexFunc(a.events, func(e map[string]any) bool { return e["bulkOperation"] == float64(at+1) })
			if e := a.events[i]; e["cause"] != c.cause || e["outcome"] != "failure" || !strings.HasSuffix(got.Detail(), "(request "+e["requestId"].(string)+")") {
				t.Errorf("event %v, want cause %s; detail %s", e, c.cause, got.Detail())
			}
			assert.Truef(t, a.event["outcome"] == "warning" && a.event["cause"] == "bulk_partial", "event of the request: %v", a.event)
			if c.cause == "seat_limit" {
				for _, name := range []string{"first", "second"} {
					found := s.send("GET", `/Users?filter=userName+eq+"`+name+`@x"`, "").body["Resources"].([]any)
					s.send("DELETE", "/Users/"+found[0].(map[string]any)["id"].(string), "")
				}
			}
		})
	}
	s.t = t
	assert.Equal(t, 200, s.send("GET", "/Users/"+holder, "").status, "the user that no operation deletes")
}

// Covers: 7644-3.7-5
func TestBulk_FailOnErrors(t *testing.T) { enginetest.Run(t, testBulkFailOnErrors) }

func testBulkFailOnErrors(t *testing.T, open opener) {
	s := newService(t, open, 20)
	s.mustCreate(`"userName":"taken@x"`)
	bad := func(id string) string {
		return `{"method":"POST","path":"/Users","bulkId":"` + id + `","data":{"userName":"taken@x"}}`
	}
	for _, c := range []struct {
		name, limit, operations, statuses string
		left                              any
	}{
		{"1 ends at the first", `"failOnErrors":1,`, postUser("a1", "") + `,` + bad("x") + `,` + postUser("a2", ""), "201 409", 1.0},
		{"2 ends at the second", `"failOnErrors":2,`, bad("x") + `,` + postUser("b1", "") + `,` + bad("y") + `,` + postUser("b2", "") + `,` + bad("z"), "409 201 409", 2.0},
		{"not reached", `"failOnErrors":3,`, bad("x") + `,` + bad("y") + `,` + postUser("c1", ""), "409 409 201", nil},
		{"0 means none", `"failOnErrors":0,`, bad("x") + `,` + bad("y") + `,` + postUser("d1", ""), "409 409 201", nil},
		{"null means none", `"failOnErrors":null,`, bad("x") + `,` + postUser("e1", ""), "409 201", nil},
		{"faults of form count", `"failOnErrors":1,`, `{"method":"GET","path":"/Users"},` + postUser("f1", ""), "400", 1.0},
		{
			"an open circle is reported", `"failOnErrors":1,`,
			postUser("g1", managerIs("bulkId:g2")) + `,` + `{"method":"POST","path":"/Users","bulkId":"g2","data":{"userName":"taken@x"` + managerIs("bulkId:g1") + `}},` + postUser("g3", ""),
			"409 409", 1.0,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.t = t
			a := s.sendBulk(scimtest.BulkBody(c.limit, c.operations))
			if a.status != 200 || a.statuses() != c.statuses || a.event["bulkLeft"] != c.left {
				t.Errorf("%d %s, %v left; want %s, %v left: %s", a.status, a.statuses(), a.event["bulkLeft"], c.statuses, c.left, a.raw)
			}
		})
	}
	s.t = t
	for name, want := range map[string]float64{"a1": 1, "a2": 0, "b1": 1, "b2": 0, "c1": 1, "d1": 1, "e1": 1, "f1": 0, "g1": 1, "g3": 0} {
		got := s.send("GET", `/Users?filter=userName+eq+"`+name+`@x"`, "").body["totalResults"]
		assert.Truef(t, got == want, "%v users have the name %s, want %v", got, name, want)
	}
}

// Covers: 7644-3.7.4-1, 7644-3.7.4-2
func TestBulk_Limits(t *testing.T) { enginetest.Run(t, testBulkLimits) }

func testBulkLimits(t *testing.T, open opener) {
	s := newService(t, open, 500)
	config := s.send("GET", "/ServiceProviderConfig", "").body["bulk"].(map[string]any)
	limit, size := int(config["maxOperations"].(float64)), int(config["maxPayloadSize"].(float64))
	require.Truef(t, config["supported"] == true && limit > 0 && size > 0, "ServiceProviderConfig: %v", config)
	var users []string
	for i := range limit + 1 {
		users = append(users, postUser(fmt.Sprintf("u%03d", i), ""))
	}
	a := s.bulk(strings.Join(users, ","))
	if detail, _ := a.body["detail"].(string); a.status != 413 || a.body["status"] != "413" || !strings.Contains(detail, fmt.Sprintf("maxOperations (%d)", limit)) {
		t.Errorf("one too many: %d %s", a.status, a.raw)
	}
	assert.Truef(t, a.event["cause"] == "bulk_limit" && len(a.events) == 0, "events: %v, %v", a.event, a.events)
	n := s.send("GET", "/Users", "").body["totalResults"]
	assert.Truef(t, n == 0.0, "%v users exist", n)
	a = s.bulk(strings.Join(users[:limit], ","))
	if a.status != 200 || a.statuses() != strings.TrimSpace(strings.Repeat("201 ", limit)) {
		t.Errorf("as many as allowed: %d %s", a.status, a.statuses())
	}

	body := scimtest.BulkBody("", `{"method":"DELETE","path":"/Users/1"}`)
	a = s.sendBulk(body + strings.Repeat(" ", size-len(body)))
	assert.Equalf(t, 200, a.status, "as large as allowed: %d %s", a.status, a.raw)
	a = s.sendBulk(body + strings.Repeat(" ", size-len(body)+1))
	if detail, _ := a.body["detail"].(string); a.status != 413 || !strings.Contains(detail, fmt.Sprintf("maxPayloadSize (%d bytes)", size)) || a.event["cause"] != "body_too_large" {
		t.Errorf("a byte too large: %d %s", a.status, a.raw)
	}
}

func TestBulk_RefusesTheWholeRequest(t *testing.T) {
	s := newService(t, enginetest.Memory, 5)
	good := postUser("a", "")
	for _, c := range []struct{ name, body, scimType, says string }{
		{"no JSON", `{`, "invalidSyntax", ""},
		{"empty", ``, "invalidSyntax", "empty"},
		{"no operations", `{"schemas":["` + scim.BulkRequestURN + `"]}`, "invalidSyntax", "Operations"},
		{"another schema", `{"schemas":["` + scim.PatchURN + `"],"Operations":[` + good + `]}`, "invalidSyntax", scim.BulkRequestURN},
		{"a bulkId twice", scimtest.BulkBody("", good+`,`+good), "invalidValue", "operations 1 and 2"},
		{"a name twice", scimtest.BulkBody("", good[:len(good)-1]+`,"METHOD":"POST"}`), "invalidSyntax", "twice"},
		{"failOnErrors below 0", scimtest.BulkBody(`"failOnErrors":-1,`, good), "invalidValue", "failOnErrors"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.t = t
			a := s.sendBulk(c.body)
			if detail, _ := a.body["detail"].(string); a.status != 400 || a.body["scimType"] != c.scimType || !strings.Contains(detail, c.says) || len(a.events) > 0 {
				t.Errorf("%d %s", a.status, a.raw)
			}
		})
	}
	s.t = t
	n := s.send("GET", "/Users", "").body["totalResults"]
	assert.Truef(t, n == 0.0, "%v users exist", n)
	for _, c := range []struct {
		name, method string
		headers      []string
		status       int
	}{
		{"without a token", "POST", []string{"Authorization", ""}, 401},
		{"as a form", "POST", []string{"Content-Type", "application/x-www-form-urlencoded"}, 415},
		{"GET", "GET", nil, 405},
		{"PUT", "PUT", nil, 405},
	} {
		a := s.send(c.method, "/Bulk", scimtest.BulkBody("", good), c.headers...)
		assert.Equalf(t, c.status, a.status, "%s: %d %s, want %d", c.name, a.status, a.raw, c.status)
	}
	a := s.sendBulk(scimtest.BulkBody("", ""))
	assert.Truef(t, a.status == 200 && len(a.operations) == 0 && a.event["notices"] == "no_operations:Operations", "no operations: %s, %v", a.raw, a.event)
}

func TestBulk_StrictTenantRefusesDialects(t *testing.T) {
	settings := tenant.DefaultSettings()
	settings.Dialects, settings.UnknownAttributes = tenant.DialectsRefuse, tenant.UnknownRefuse
	s := newServiceOn(t, enginetest.Memory(t), 5, settings)
	for _, c := range []struct{ name, body, says string }{
		{"data as text", scimtest.BulkBody("", `{"method":"POST","path":"/Users","bulkId":"a","data":"{\"userName\":\"a\"}"}`), "JSON in a string"},
		{"an unknown name", scimtest.BulkBody("", `{"method":"DELETE","path":"/Users/1","maxResourceLevel":1}`), "maxResourceLevel"},
		{"no operations", scimtest.BulkBody("", ""), "at least one operation"},
		{"no schemas", `{"Operations":[` + postUser("a", "") + `]}`, "schemas"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.t = t
			a := s.sendBulk(c.body)
			detail, _ := a.body["detail"].(string)
			assert.Truef(t, a.status == 400 && strings.Contains(detail, c.says), "%d %s", a.status, a.raw)
		})
	}
	s.t = t
	// The attributes within an operation are checked by that operation only.
	a := s.bulk(postUser("a", `,"shoeSize":44`) + `,` + postUser("b", ""))
	assert.Equalf(t, "400 201", a.statuses(), "%s", a.raw)
}

func TestBulk_AcceptsOlderClientsOfTheSCIMSDK(t *testing.T) {
	s := newService(t, enginetest.Memory, 5)
	a := s.bulk(`{"method":"POST","path":"/Users","bulkId":"a","data":"{\"userName\":\"a\"}","maxResourceLevel":0}`)
	if a.statuses() != "201" || a.event["notices"] != "unknown_attribute:Operations.maxResourceLevel,stringified_value:Operations.data" {
		t.Errorf("%s, %v", a.raw, a.event)
	}
}

// A circle of users without a userName: the error of the first names the
// missing attribute, and that of the second says that the first was not
// created.
func TestBulk_ReportsACircleOfInvalidUsers(t *testing.T) {
	s := newService(t, enginetest.Memory, 5)
	user := func(id, manager string) string {
		return `{"method":"POST","path":"/Users","bulkId":"` + id + `","data":{"manager":{"value":"bulkId:` + manager + `"}}}`
	}
	a := s.bulk(user("a", "b") + `,` + user("b", "a"))
	if a.statuses() != "400 409" || !strings.Contains(a.operations[0].Detail(), "userName") || !strings.Contains(a.operations[1].Detail(), "a") {
		t.Errorf("%s", a.raw)
	}
}

func TestBulk_KeepsTenantsApart(t *testing.T) { enginetest.Run(t, testBulkTenants) }

func testBulkTenants(t *testing.T, open opener) {
	s := newService(t, open, 5)
	theirs := s.mustCreate(`"userName":"theirs"`)
	_, token := stage.Tenant(t, s.app.Store, "other", 5)
	first := s.token
	s.token = token
	a := s.bulk(strings.Join([]string{
		`{"method":"DELETE","path":"/Users/` + theirs + `"}`,
		patchOperation("/Users/"+theirs, `[{"op":"replace","path":"active","value":false}]`),
		postUser("mine", ""), postGroup("g", theirs, "bulkId:mine"),
	}, ","))
	if a.statuses() != "404 404 201 201" || a.event["tenant"] != "other" {
		t.Errorf("%s: %s", a.statuses(), a.raw)
	}
	got := s.membersOf(a.operations[3].ID())
	assert.Truef(t, slices.Equal(got, []string{a.operations[2].ID()}), "members %v", got)
	s.token = first
	if a := s.send("GET", "/Users", ""); a.body["totalResults"] != 1.0 || !strings.Contains(a.raw, `"active":true`) {
		t.Errorf("the first tenant has %s", a.raw)
	}
}

// A hundred operations that each repeat what was sent give the largest answer.
func TestBulk_AnswerAlwaysFits(t *testing.T) {
	s := newService(t, enginetest.Memory, 500)
	long := strings.Repeat(`\"`, 128/2)
	var operations []string
	for i := range scim.MaxBulkOperations {
		id := fmt.Sprintf("%03d", i)
		operations = append(operations, `{"method":"PUT","path":"/Users/`+id+strings.Repeat("x", 9000)+`","bulkId":"`+long+`","data":{}}`)
	}
	a := s.bulk(strings.Join(operations, ","))
	require.Truef(t, a.status == 200 && len(a.operations) == scim.MaxBulkOperations, "%d, %d bytes", a.status, len(a.raw))
	for _, e := range a.events {
		require.NotContainsf(t, fmt.Sprint(e), "xxxx", "an event repeats the path: %v", e)
	}
}
