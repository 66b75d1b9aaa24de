package httpapi_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/logline"
	"github.com/rollcall-scim/rollcall/internal/store"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// inMemory returns the engines without a server, plain and with conflicts.
func inMemory() []enginetest.Engine { return enginetest.All()[:2] }

func groupBody(attributes string) string {
	return `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],` + attributes + `}`
}

func memberPatch(op string, ids ...string) string {
	return patchBody(fmt.Sprintf(`[{"op":%q,"path":"members","value":%s}]`, op, memberList(ids...)))
}

// people creates n inactive users, which need no seats, and returns their ids.
func (s *service) people(n int) []string {
	s.t.Helper()
	ids := make([]string, n)
	for i := range ids {
		ids[i] = s.mustCreate(fmt.Sprintf(`"userName":"p%05d","active":false`, i))
		s.log.Forget() // each request reads the whole log
	}
	return ids
}

func (s *service) mustGroup(name string, members ...string) string {
	s.t.Helper()
	a := s.send("POST", "/Groups", groupBody(fmt.Sprintf(`"displayName":%q,"members":%s`, name, memberList(members...))))
	require.Equalf(s.t, http.StatusCreated, a.status, "create group: %d %s", a.status, a.raw)
	return a.body["id"].(string)
}

// values returns the values of a list's elements, sorted, or nil if there is no
// list.
func values(list any) []string {
	elements, _ := list.([]any)
	var ids []string
	for _, e := range elements {
		element, _ := e.(map[string]any)
		id, _ := element["value"].(string)
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

func sorted(ids []string) []string { return slices.Sorted(slices.Values(ids)) }

// wantMembers compares a group's members with the wanted ones.
func (s *service) wantMembers(id string, want ...string) {
	s.t.Helper()
	got := values(s.send("GET", "/Groups/"+id, "").body["members"])
	assert.Truef(s.t, slices.Equal(got, sorted(want)), "the members are %q, want %q", got, want)
}

func (s *service) wantAudit() {
	s.t.Helper()
	faults, err := s.app.Store.Audit(s.t.Context(), s.tenant)
	// On a slow machine a request leaves the cleaning to the sweep.
	if err == nil && slices.ContainsFunc(faults, func(f store.Fault) bool { return f.Unfinished }) {
		if _, err = s.app.Store.Sweep(s.t.Context(), 0); err == nil {
			faults, err = s.app.Store.Audit(s.t.Context(), s.tenant)
		}
	}
	assert.Truef(s.t, err == nil && len(faults) == 0, "audit: %v, %v", faults, err)
}

// Every refusal of a request about groups: its error and its event.
//
// Covers: 7644-3.5.2-15, 7644-3.12-1, 7644-3.12-2, 7644-3.12-3
func TestGroups_Refusals(t *testing.T) { enginetest.RunOn(t, enginetest.Three(), testGroups_Refusals) }

func testGroups_Refusals(t *testing.T, open opener) {
	s := newService(t, open, 5)
	ids := s.people(3)
	a := s.send("POST", "/Groups", groupBody(`"displayName":"Engineering","externalId":"g-1","members":`+memberList(ids[:2]...)))
	eng, _ := a.body["id"].(string)
	sales := s.mustGroup("Sales", ids[2])
	none := "00000000-0000-7000-8000-000000000000"
	before := []string{s.send("GET", "/Groups/"+eng, "").raw, s.send("GET", "/Groups/"+sales, "").raw}

	many := make([]string, 0, 5001)
	for i := range cap(many) {
		many = append(many, fmt.Sprintf("00000000-0000-4000-8000-%012d", i))
	}
	grp001 := `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"big","members":[` +
		strings.Repeat(`{"value":"00000000-0000-4000-8000-000000000000"},`, 20000) + `{"value":"x"}]}`
	rename := func(to string) string {
		return patchBody(`[{"op":"replace","path":"displayName","value":"` + to + `"}]`)
	}
	// How each detail ends, by its cause.
	const (
		link   = "Link Group for the existing group under Push Groups"
		unlink = "Unlink pushed group"
		unname = "Rename one of the two groups"
		again  = "Read the resource and send the change with its current version."
	)
	tests := []struct {
		name, method, path, body string
		headers                  []string
		status                   int
		scimType                 string
		cause                    cause.Cause
		what, action             string // parts of the detail
		operation, id, subject   string // in the event
	}{
		// Covers: 7643-7-19, 7644-3.3-5, 7644-3.12-8, 7644-3.12-15
		{name: "POST, displayName taken", method: "POST", path: "/Groups", body: groupBody(`"displayName":"ENGINEERING ","externalId":"g-2"`), status: 409, scimType: "uniqueness", cause: cause.DuplicateGroup, what: `the displayName "ENGINEERING " belongs to the group ` + eng + ". Nothing was changed.", action: link, operation: "create", subject: "ENGINEERING "},
		{name: "POST, externalId taken", method: "POST", path: "/Groups", body: groupBody(`"displayName":"New","externalId":"g-1"`), status: 409, scimType: "uniqueness", cause: cause.DuplicateGroup, what: `the externalId "g-1" belongs to the group ` + eng, action: link, operation: "create", subject: "New"},
		{name: "POST, taken, with many members", method: "POST", path: "/Groups", body: groupBody(`"displayName":"engineering","members":` + memberList(many...)), status: 409, scimType: "uniqueness", cause: cause.DuplicateGroup, what: eng, action: link, operation: "create", subject: "engineering"},
		// Covers: 7643-4.2-1
		{name: "POST, no displayName", method: "POST", path: "/Groups", body: groupBody(`"externalId":"g-3"`), status: 400, scimType: "invalidValue", cause: cause.Validation, what: "displayName is required", operation: "create"},
		{name: "POST, blank displayName", method: "POST", path: "/Groups", body: groupBody(`"displayName":" "`), status: 400, scimType: "invalidValue", cause: cause.Validation, what: "displayName is required", operation: "create", subject: " "},
		{name: "POST, a member without an id", method: "POST", path: "/Groups", body: groupBody(`"displayName":"Nobody","members":[{"display":"Al"}]`), status: 400, scimType: "invalidValue", cause: cause.Validation, what: "member 1 has no value: send the id of a user", operation: "create", subject: "Nobody"},
		{name: "POST, a number for members", method: "POST", path: "/Groups", body: groupBody(`"displayName":"Number","members":1`), status: 400, scimType: "invalidValue", cause: cause.Validation, what: "members must be an array", operation: "create", subject: "Number"},
		{name: "POST, a user", method: "POST", path: "/Groups", body: userBody(`"userName":"u@x"`), status: 400, scimType: "invalidSyntax", cause: cause.Validation, what: "Group", action: "Nothing was changed", operation: "create", subject: "u@x"},
		{name: "POST, no JSON", method: "POST", path: "/Groups", body: `{"displayName":"x"`, status: 400, scimType: "invalidSyntax", cause: cause.Validation, operation: "create"},
		// Covers: 7644-3.12-14
		{name: "POST, 5,001 members", method: "POST", path: "/Groups", body: groupBody(`"displayName":"Many","members":` + memberList(many...)), status: 400, scimType: "tooMany", cause: cause.MemberLimit, what: "more than 5000 members", action: "into groups of at most 5,000 members", operation: "create", subject: "Many"},
		{name: "POST, 20,001 members (grp-001)", method: "POST", path: "/Groups", body: grp001, status: 400, scimType: "tooMany", cause: cause.Validation, what: "names 20001 members: at most 20000", action: "Send them in several PATCH requests. Nothing was changed.", operation: "create", subject: "big"},

		{name: "GET, unknown group", method: "GET", path: "/Groups/" + none, status: 404, cause: cause.GroupNotFound, what: "Group not found", action: unlink, operation: "read", id: none},
		{name: "GET, a user's id", method: "GET", path: "/Groups/" + ids[0], status: 404, cause: cause.GroupNotFound, action: unlink, operation: "read", id: ids[0]},
		{name: "GET, without members", method: "GET", path: "/Groups/" + none + "?excludedAttributes=members", status: 404, cause: cause.GroupNotFound, action: unlink, operation: "read", id: none},
		{name: "GET, with If-None-Match", method: "GET", path: "/Groups/" + none, headers: []string{"If-None-Match", "*"}, status: 404, cause: cause.GroupNotFound, action: unlink, operation: "read", id: none},
		{name: "GET, NUL in the id", method: "GET", path: "/Groups/" + eng + "%00", status: 404, cause: cause.GroupNotFound, action: unlink, operation: "read"},
		{name: "GET, delimiter in the id", method: "GET", path: "/Groups/" + eng + "%231", status: 404, cause: cause.GroupNotFound, action: unlink, operation: "read"},
		{name: "GET, slash in the id", method: "GET", path: "/Groups/..%2F" + eng, status: 404, cause: cause.GroupNotFound, action: unlink, operation: "read"},
		{name: "GET, long id", method: "GET", path: "/Groups/" + strings.Repeat("a", 65), status: 404, cause: cause.GroupNotFound, action: unlink, operation: "read"},
		{name: "PUT, unknown group", method: "PUT", path: "/Groups/" + none, body: groupBody(`"displayName":"Sales"`), status: 404, cause: cause.GroupNotFound, action: unlink, operation: "replace", id: none, subject: "Sales"},
		{name: "PATCH, unknown group", method: "PATCH", path: "/Groups/" + none, body: patchBody(`[{"op":"replace","value":{"id":"` + none + `","displayName":"X"}}]`), status: 404, cause: cause.GroupNotFound, action: unlink, operation: "modify", id: none},
		{name: "DELETE, unknown group", method: "DELETE", path: "/Groups/" + none, status: 404, cause: cause.GroupNotFound, action: unlink, operation: "delete", id: none},

		{name: "PATCH, displayName taken", method: "PATCH", path: "/Groups/" + sales, body: rename("engineering"), status: 409, scimType: "uniqueness", cause: cause.DuplicateGroup, what: `displayName "engineering" belongs to the group ` + eng, action: unname, operation: "modify", id: sales, subject: "Sales"},
		{name: "PATCH, taken, with members", method: "PATCH", path: "/Groups/" + sales, body: patchBody(`[{"op":"replace","value":{"displayName":"engineering","members":` + memberList(ids...) + `}}]`), status: 409, scimType: "uniqueness", cause: cause.DuplicateGroup, what: eng, action: unname, operation: "modify", id: sales, subject: "Sales"},
		{name: "PATCH, taken and stale", method: "PATCH", path: "/Groups/" + sales, body: rename("engineering"), headers: []string{"If-Match", `W/"9"`}, status: 409, scimType: "uniqueness", cause: cause.DuplicateGroup, what: eng, action: unname, operation: "modify", id: sales, subject: "Sales"},
		{name: "PUT, externalId taken", method: "PUT", path: "/Groups/" + sales, body: groupBody(`"displayName":"Sales","externalId":"g-1"`), status: 409, scimType: "uniqueness", cause: cause.DuplicateGroup, what: eng, action: link, operation: "replace", id: sales, subject: "Sales"},
		{name: "PUT, stale", method: "PUT", path: "/Groups/" + eng, body: groupBody(`"displayName":"Engineers"`), headers: []string{"If-Match", `W/"2"`}, status: 412, cause: cause.VersionMismatch, action: again, operation: "replace", id: eng, subject: "Engineers"},
		// Covers: 7644-3.12-9, 7644-3.14-4
		{name: "PATCH, stale", method: "PATCH", path: "/Groups/" + eng, body: memberPatch("add", ids[2]), headers: []string{"If-Match", `"0"`}, status: 412, cause: cause.VersionMismatch, action: again, operation: "modify", id: eng, subject: "Engineering"},
		{name: "PATCH, foreign tags", method: "PATCH", path: "/Groups/" + eng, body: memberPatch("remove", ids...), headers: []string{"If-Match", `"abc", W/"01"`}, status: 412, cause: cause.VersionMismatch, action: again, operation: "modify", id: eng, subject: "Engineering"},
		{name: "DELETE, stale", method: "DELETE", path: "/Groups/" + eng, headers: []string{"If-Match", `W/"2", W/"3"`}, status: 412, cause: cause.VersionMismatch, action: again, operation: "delete", id: eng, subject: "Engineering"},

		// Covers: 7643-3.1-6, 7643-7-12
		{name: "PATCH, another id", method: "PATCH", path: "/Groups/" + eng, body: patchBody(`[{"op":"replace","path":"id","value":"` + sales + `"}]`), status: 400, scimType: "mutability", cause: cause.Validation, what: "Operation 1: id", operation: "modify", id: eng, subject: "Engineering"},
		// Covers: 7644-3.5.2.2-7
		{name: "PATCH, no displayName", method: "PATCH", path: "/Groups/" + eng, body: patchBody(`[{"op":"remove","path":"displayName"}]`), status: 400, scimType: "mutability", cause: cause.Validation, what: "displayName is required", operation: "modify", id: eng, subject: "Engineering"},
		{name: "PATCH, unknown path", method: "PATCH", path: "/Groups/" + eng, body: patchBody(`[{"op":"add","path":"owners","value":"x"}]`), status: 400, scimType: "invalidPath", cause: cause.Validation, what: "Operation 1", operation: "modify", id: eng, subject: "Engineering"},
		// Covers: 7644-3.5.2.3-8
		{name: "PATCH, no member to replace", method: "PATCH", path: "/Groups/" + eng, body: patchBody(`[{"op":"replace","path":"members[value eq \"` + ids[2] + `\"]","value":{"value":"` + ids[0] + `"}}]`), status: 400, scimType: "noTarget", cause: cause.Validation, what: "Operation 1: members has no value that matches the path", operation: "modify", id: eng, subject: "Engineering"},
		// Covers: 7643-4.2-3
		{name: "PATCH, the ids of all", method: "PATCH", path: "/Groups/" + eng, body: patchBody(`[{"op":"remove","path":"members.value"}]`), status: 400, scimType: "mutability", cause: cause.Validation, what: "members.value cannot be changed", operation: "modify", id: eng, subject: "Engineering"},
		// Covers: 7644-3.5.2-14
		{name: "PATCH, good and bad", method: "PATCH", path: "/Groups/" + eng, body: patchBody(`[{"op":"add","path":"members","value":` + memberList(ids[2]) + `},{"op":"add","path":"nope","value":1}]`), status: 400, scimType: "invalidPath", cause: cause.Validation, what: "Operation 2", operation: "modify", id: eng, subject: "Engineering"},
		// Covers: 7644-3.5.2-3
		{name: "PATCH, no operations", method: "PATCH", path: "/Groups/" + eng, body: `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"]}`, status: 400, scimType: "invalidSyntax", cause: cause.Validation, what: "Operations must be an array", operation: "modify", id: eng},
		{name: "PATCH, media type", method: "PATCH", path: "/Groups/" + eng, body: `x`, headers: []string{"Content-Type", "text/plain"}, status: 415, cause: cause.MediaType, action: "application/scim+json", operation: "modify", id: eng},

		{name: "filter, unknown attribute", method: "GET", path: "/Groups?filter=userName+eq+%22a%22", status: 400, scimType: "invalidFilter", cause: cause.Validation, what: "position 1", action: "Okta looks groups up by displayName", operation: "list"},
		{name: "filter, unknown part", method: "GET", path: "/Groups?filter=members.nope+eq+%22a%22", status: 400, scimType: "invalidFilter", cause: cause.Validation, what: "nope", action: "Correct the query", operation: "list"},
		{name: "filter, wrong type", method: "GET", path: "/Groups?filter=displayName+eq+true", status: 400, scimType: "invalidFilter", cause: cause.Validation, action: "Correct the query", operation: "list"},
		{name: "filter, empty", method: "GET", path: "/Groups?filter=", status: 400, scimType: "invalidFilter", cause: cause.Validation, action: "Correct the query", operation: "list"},
		// Covers: 7644-3.9-4
		{name: "both projections", method: "GET", path: "/Groups?attributes=id&excludedAttributes=members", status: 400, scimType: "invalidValue", cause: cause.Validation, what: "exclude each other", action: "Correct the query", operation: "list"},
		{name: "count", method: "GET", path: "/Groups?count=ten", status: 400, scimType: "invalidValue", cause: cause.Validation, action: "Correct the query", operation: "list"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s.t = t
			a := s.send(tt.method, tt.path, tt.body, tt.headers...)
			require.Equalf(t, tt.status, a.status, "status %d, want %d: %.300s", a.status, tt.status, a.raw)
			wantRefusal(t, a, tt.scimType, tt.what, tt.action)
			want := map[string]any{
				"method": tt.method, "status": float64(tt.status), "outcome": "failure", "cause": string(tt.cause),
				"detail": a.body["detail"], "tenant": "acme", "resourceType": "Group", "operation": tt.operation,
				"resourceId": text(tt.id), "subject": text(tt.subject), "scimType": text(tt.scimType),
				"action": nil, "changed": nil, "membersAdded": nil, "membersRemoved": nil, "membersSkipped": nil,
			}
			wantEvent(t, a, want)
		})
	}
	s.t = t
	for i, id := range []string{eng, sales} {
		after := s.send("GET", "/Groups/"+id, "").raw
		assert.Equalf(t, before[i], after, "the refused requests changed a group: %s, was %s", after, before[i])
	}
	if a := s.send("GET", "/Groups", ""); a.body["totalResults"] != 2.0 {
		t.Errorf("%v groups, want 2", a.body["totalResults"])
	}
	s.wantAudit()
}

// text returns the field of an event for s: empty ones are left out.
func text(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// wantRefusal checks what a refusal says: what happened, what to do, and the id
// to quote.
func wantRefusal(t *testing.T, a answer, scimType, what, action string) {
	t.Helper()
	id := a.header.Get("X-Request-Id")
	assert.Equal(t, "[urn:ietf:params:scim:api:messages:2.0:Error]", fmt.Sprint(a.body["schemas"]), "schemas")
	assert.Truef(t, a.body["status"] == fmt.Sprint(a.status), "status in the body = %#v, want the string %d", a.body["status"], a.status)
	got, _ := a.body["scimType"].(string)
	assert.Equalf(t, scimType, got, "scimType = %q, want %q: %s", got, scimType, a.raw)
	detail, _ := a.body["detail"].(string)
	if !strings.Contains(detail, what) || !strings.Contains(detail, action) || !strings.HasSuffix(detail, " (request "+id+")") || len(detail) < 100 {
		t.Errorf("detail = %q, want %q, %q and the request %s in it", detail, what, action, id)
	}
	assert.Equal(t, "application/scim+json", a.header.Get("Content-Type"), "Content-Type")
	if a.header.Get("ETag") != "" || a.header.Get("Location") != "" {
		t.Errorf("ETag %q and Location %q of a refusal", a.header.Get("ETag"), a.header.Get("Location"))
	}
	assert.Truef(t, a.event["requestId"] == id, "event requestId = %v, want %s", a.event["requestId"], id)
}

// Covers: 7643-3.1-1, 7643-3.1-2, 7643-3.1-5, 7643-3.1-6, 7643-3.1-11, 7643-3.1-13, 7643-3.1-16, 7643-3.1-17, 7643-4.2-2, 7644-3.1-4, 7644-3.2-1
// Covers: 7644-3.3-1, 7644-3.3-2, 7644-3.3-4, 7644-3.3.1-1, 7644-3.4.1-1, 7644-3.5-1, 7644-3.5-2, 7644-3.5.1-6, 7644-3.5.2-16, 7644-3.5.2.1-7
// Covers: 7644-3.5.2.1-8, 7644-3.6-1, 7644-3.6-2, 7644-3.6-3, 7644-3.6-4, 7644-3.14-1, 7644-3.14-2, 7644-3.14-3
func TestGroups_LifeOfAGroup(t *testing.T) {
	enginetest.RunOn(t, enginetest.Three(), testGroups_LifeOfAGroup)
}

func testGroups_LifeOfAGroup(t *testing.T, open opener) {
	s := newService(t, open, 5)
	ids := s.people(4)
	body := groupBody(`"displayName":"Engineering","externalId":"g-1","id":"mine","meta":{"version":"x"},"members":` + memberList(ids[1], ids[0]))
	a := s.send("POST", "/Groups", body)
	id, _ := a.body["id"].(string)
	location := baseURL + "/Groups/" + id
	if a.status != 201 || !uuidv7.MatchString(id) || a.header.Get("Location") != location || a.header.Get("ETag") != `W/"1"` {
		t.Fatalf("POST: %d %v %s", a.status, a.header, a.raw)
	}
	got := values(a.body["members"])
	assert.Truef(t, slices.Equal(got, sorted(ids[:2])), "POST: members %q", got)
	meta, _ := a.body["meta"].(map[string]any)
	if meta["location"] != location || meta["resourceType"] != "Group" || meta["version"] != `W/"1"` || meta["created"] != meta["lastModified"] {
		t.Errorf("meta = %v", meta)
	}
	wantEvent(t, a, map[string]any{
		"tenant": "acme", "idp": "okta", "operation": "create", "action": "created", "resourceType": "Group",
		"resourceId": id, "subject": "Engineering", "externalId": "g-1", "outcome": "success", "cause": nil,
		"status": 201.0, "changed": "displayName,externalId", "membersAdded": 2.0, "membersRemoved": nil, "membersSkipped": nil,
		"route": "POST /scim/v2/Groups", "seatDelta": nil,
	})
	assert.Falsef(t, !strings.Contains(t.Name(), "conflicts") && a.event["retries"] != 0.0, "event retries = %v, want 0", a.event["retries"])

	a = s.send("GET", "/Groups/"+id, "")
	if a.status != 200 || a.body["displayName"] != "Engineering" || a.body["externalId"] != "g-1" || a.header.Get("ETag") != `W/"1"` {
		t.Errorf("GET: %d %s", a.status, a.raw)
	}
	members, _ := a.body["members"].([]any)
	require.Lenf(t, members, 2, "GET: members %v", members)
	for i, member := range members {
		want := fmt.Sprint(map[string]any{"value": ids[i], "$ref": baseURL + "/Users/" + ids[i], "type": "User"})
		assert.Equalf(t, want, fmt.Sprint(member), "member %d", i)
	}
	wantEvent(t, a, map[string]any{
		"operation": "read", "resourceType": "Group", "resourceId": id, "outcome": "success", "action": nil, "changed": nil,
	})
	if a = s.send("GET", "/Groups/"+id, "", "If-None-Match", `W/"1"`); a.status != 304 || a.raw != "" || a.header.Get("ETag") != `W/"1"` {
		t.Errorf("GET If-None-Match: %d %s", a.status, a.raw)
	}
	wantEvent(t, a, map[string]any{"operation": "read", "status": 304.0, "itemsRead": 1.0, "roundTrips": 1.0})
	if a = s.send("GET", "/Groups/"+id, "", "If-None-Match", `"7", "1"`); a.status != 304 {
		t.Errorf("GET If-None-Match of several: %d", a.status)
	}
	if a = s.send("GET", "/Groups/"+id, "", "If-None-Match", `W/"2"`); a.status != 200 || len(values(a.body["members"])) != 2 {
		t.Errorf("GET If-None-Match of another version: %d %s", a.status, a.raw)
	}

	// One member is added.
	a = s.send("PATCH", "/Groups/"+id, memberPatch("add", ids[2]), "If-Match", `W/"1"`)
	if a.status != 200 || a.header.Get("ETag") != `W/"2"` || !slices.Equal(values(a.body["members"]), sorted(ids[:3])) {
		t.Errorf("PATCH: %d %s", a.status, a.raw)
	}
	wantEvent(t, a, map[string]any{
		"operation": "modify", "action": "updated", "resourceId": id, "subject": "Engineering", "externalId": "g-1",
		"changed": "members", "membersAdded": 1.0, "membersRemoved": nil, "outcome": "success", "roundTrips": 2.0,
	})
	// Adding it again changes nothing.
	a = s.send("PATCH", "/Groups/"+id, memberPatch("add", ids[2]))
	if a.status != 200 || a.header.Get("ETag") != `W/"2"` || !slices.Equal(values(a.body["members"]), sorted(ids[:3])) {
		t.Errorf("PATCH again: %d %s", a.status, a.raw)
	}
	wantEvent(t, a, map[string]any{"action": "unchanged", "changed": nil, "membersAdded": nil, "outcome": "success"})
	if a = s.send("GET", "/Groups/"+id, "", "If-None-Match", `W/"1"`); a.status != 200 {
		t.Errorf("GET If-None-Match of the version before: %d", a.status)
	}

	// A PUT renames the group and replaces its members.
	a = s.send("PUT", "/Groups/"+id, groupBody(`"displayName":"Engineers","id":"other","meta":{"location":"x"},"members":`+memberList(ids[2], ids[3])))
	if a.status != 200 || a.header.Get("ETag") != `W/"3"` || a.body["id"] != id || a.body["displayName"] != "Engineers" ||
		a.body["externalId"] != nil || !slices.Equal(values(a.body["members"]), sorted(ids[2:])) {
		t.Errorf("PUT: %d %s", a.status, a.raw)
	}
	created := a.body["meta"].(map[string]any)["created"]
	assert.Truef(t, created == meta["created"], "created moved from %v to %v", meta["created"], created)
	wantEvent(t, a, map[string]any{
		"operation": "replace", "action": "updated", "resourceId": id, "subject": "Engineers",
		"changed": "displayName,externalId,members", "membersAdded": 1.0, "membersRemoved": 2.0,
	})
	// A client may send back what it read: nothing changes.
	a = s.send("PUT", "/Groups/"+id, a.raw, "If-Match", `"abc", W/"3"`)
	assert.Truef(t, a.status == 200 && a.header.Get("ETag") == `W/"3"`, "PUT of what was read: %d %s", a.status, a.raw)
	wantEvent(t, a, map[string]any{"operation": "replace", "action": "unchanged", "changed": nil, "membersAdded": nil, "membersRemoved": nil})
	// A PUT without members removes all members.
	a = s.send("PUT", "/Groups/"+id, groupBody(`"displayName":"Engineers"`), "If-Match", "*")
	assert.Truef(t, a.status == 200 && a.header.Get("ETag") == `W/"4"` && len(values(a.body["members"])) == 0, "PUT without members: %d %s", a.status, a.raw)
	removed := a.event["membersRemoved"]
	assert.Truef(t, removed == 2.0, "PUT without members: %v removed in the event", removed)
	if a = s.send("GET", "/Users/"+ids[2], ""); a.body["groups"] != nil {
		t.Errorf("a user is still in the group: %s", a.raw)
	}
	s.send("PATCH", "/Groups/"+id, memberPatch("add", ids...))

	if a = s.send("DELETE", "/Groups/"+id, "", "If-Match", `W/"5"`); a.status != 204 || a.raw != "" || a.header.Get("Content-Type") != "" {
		t.Errorf("DELETE: %d %s", a.status, a.raw)
	}
	wantEvent(t, a, map[string]any{
		"operation": "delete", "action": "deleted", "resourceType": "Group", "resourceId": id, "subject": "Engineers", "outcome": "success",
	})
	for _, again := range [][3]string{
		{"GET", "/Groups/" + id, ""},
		{"DELETE", "/Groups/" + id, ""},
		{"PUT", "/Groups/" + id, body},
		{"PATCH", "/Groups/" + id, memberPatch("add", ids[0])},
	} {
		a = s.send(again[0], again[1], again[2])
		assert.Truef(t, a.status == 404 && a.event["cause"] == string(cause.GroupNotFound), "%s after DELETE: %d", again[0], a.status)
		action := "push it again"
		if again[0] == "DELETE" {
			action = "gone here already"
		}
		wantRefusal(t, a, "", "was deleted", action)
	}
	for _, user := range ids {
		if a = s.send("GET", "/Users/"+user, ""); a.body["groups"] != nil {
			t.Errorf("a user is in the deleted group: %s", a.raw)
		}
	}
	if a = s.send("GET", "/Groups?filter=displayName+eq+%22Engineers%22", ""); a.body["totalResults"] != 0.0 {
		t.Errorf("filter after DELETE: %s", a.raw)
	}
	// The name is free again; it belongs to a new group.
	if a = s.send("POST", "/Groups", body); a.status != 201 || a.body["id"] == id {
		t.Errorf("POST after DELETE: %d %s", a.status, a.raw)
	}
	s.wantAudit()
}

// Covers: 7643-3.1-3, 7643-7-15, 7644-3.4.2.5-1, 7644-3.4.2.5-2, 7644-3.9-1, 7644-3.9-2, 7644-3.9-3
func TestGroups_Projections(t *testing.T) {
	s := newService(t, enginetest.Memory, 5)
	ids := s.people(3)
	id := s.mustGroup("Engineering", ids...)
	for query, want := range map[string]struct {
		keys    string // of the answer, sorted
		member  string // keys of a member
		items   float64
		trips   float64
		without bool // no member may be returned
	}{
		"":                                        {keys: "displayName id members meta schemas", member: "$ref type value"},
		"?excludedAttributes=members":             {keys: "displayName id meta schemas", without: true},
		"?excludedAttributes=members,meta":        {keys: "displayName id schemas", without: true},
		"?excludedAttributes=MEMBERS":             {keys: "displayName id meta schemas", without: true},
		"?excludedAttributes=members.$ref":        {keys: "displayName id members meta schemas", member: "type value"},
		"?attributes=displayName":                 {keys: "displayName id schemas", without: true},
		"?attributes=id,displayName,meta.version": {keys: "displayName id meta schemas", without: true},
		"?attributes=members":                     {keys: "id members schemas", member: "$ref type value"},
		"?attributes=members.value":               {keys: "id members schemas", member: "value"},
		"?attributes=urn:ietf:params:scim:schemas:core:2.0:Group:members.value": {keys: "id members schemas", member: "value"},
	} {
		a := s.send("GET", "/Groups/"+id+query, "")
		if a.status != 200 || keys(a.body) != want.keys {
			t.Errorf("GET %s: %d, %s; want %s", query, a.status, keys(a.body), want.keys)
		}
		members, _ := a.body["members"].([]any)
		if want.without {
			wantEvent(t, a, map[string]any{"itemsRead": 1.0, "roundTrips": 1.0})
			continue
		}
		if len(members) != 3 {
			t.Errorf("GET %s: %d members", query, len(members))
			continue
		}
		assert.Equalf(t, want.member, keys(members[0].(map[string]any)), "GET %s: a member has", query)
	}
	// The answers to changes are projected too.
	body := groupBody(`"displayName":"Other","members":` + memberList(ids...))
	a := s.send("POST", "/Groups?attributes=displayName", body)
	assert.Truef(t, a.status == 201 && keys(a.body) == "displayName id schemas" && a.header.Get("Location") != "", "POST: %d %s", a.status, a.raw)
	a = s.send("PUT", "/Groups/"+id+"?excludedAttributes=members", groupBody(`"displayName":"E","members":`+memberList(ids[0])))
	assert.Equalf(t, "displayName id meta schemas", keys(a.body), "PUT: %d %s", a.status, a.raw)
	a = s.send("PATCH", "/Groups/"+id+"?excludedAttributes=members", memberPatch("add", ids[1]))
	assert.Equalf(t, "displayName id meta schemas", keys(a.body), "PATCH: %d %s", a.status, a.raw)
	a = s.send("PATCH", "/Groups/"+id+"?attributes=displayName", memberPatch("add", ids[2]))
	assert.Equalf(t, "displayName id schemas", keys(a.body), "PATCH: %d %s", a.status, a.raw)
	s.wantMembers(id, ids...)
}

// keys returns the names in an object.
func keys(object map[string]any) string {
	names := make([]string, 0, len(object))
	for name := range object {
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// PATCH requests of identity providers, and their effects.
func TestGroups_Patch(t *testing.T) { enginetest.RunOn(t, enginetest.Three(), testGroups_Patch) }

func testGroups_Patch(t *testing.T, open opener) {
	s := newService(t, open, 5)
	ids := s.people(5)
	a, b, c, d := ids[0], ids[1], ids[2], ids[3]
	one := func(operation string) string { return "[" + operation + "]" }
	value := func(operation, list string) string { return one(`{` + operation + `,"value":` + list + `}`) }
	tests := []struct {
		name, operations string
		want             []string // members; they were a, b and c
		display          string   // "" is unchanged
		changed          string   // "" is nothing
		added, removed   int
		notices          string
	}{
		{name: "Entra adds", operations: value(`"op":"Add","path":"members"`, `[{"$ref":null,"value":"`+d+`"}]`), want: []string{a, b, c, d}, changed: "members", added: 1, notices: "operation_case:op"},
		{name: "Entra adds one twice (grp-002)", operations: value(`"op":"Add","path":"members"`, memberList(d, d)), want: []string{a, b, c, d}, changed: "members", added: 1, notices: "operation_case:op"},
		// Covers: 7644-3.5.2.2-4
		{name: "Entra removes", operations: value(`"op":"Remove","path":"members"`, `[{"$ref":null,"value":"`+b+`"}]`), want: []string{a, c}, changed: "members", removed: 1, notices: "removed_values:members,operation_case:op"},
		// Covers: 7644-3.5.2.2-5
		{name: "remove by filter", operations: one(`{"op":"remove","path":"members[value eq \"` + a + `\"]"}`), want: []string{b, c}, changed: "members", removed: 1},
		{name: "remove by another filter", operations: one(`{"op":"remove","path":"members[value ne \"` + a + `\" and type eq \"user\"]"}`), want: []string{a}, changed: "members", removed: 2},
		// Covers: 7644-3.5.2.2-9
		{name: "remove an absent member", operations: value(`"op":"Remove","path":"members"`, memberList(d)), want: []string{a, b, c}, notices: "removed_values:members,operation_case:op"},
		{name: "remove no member", operations: value(`"op":"remove","path":"members"`, `[]`), want: []string{a, b, c}},
		// Covers: 7644-3.5.2.2-3
		{name: "remove all", operations: one(`{"op":"remove","path":"members"}`), changed: "members", removed: 3},
		// Covers: 7644-3.5.2.3-1
		{name: "Okta renames", operations: value(`"op":"replace"`, `{"id":"{id}","displayName":"Renamed"}`), want: []string{a, b, c}, display: "Renamed", changed: "displayName"},
		{name: "Okta renames to the same", operations: value(`"op":"replace"`, `{"id":"{id}","displayName":"{name}"}`), want: []string{a, b, c}},
		{name: "rename in another case", operations: one(`{"op":"Replace","path":"displayName","value":"{NAME}"}`), want: []string{a, b, c}, display: "{NAME}", changed: "displayName", notices: "operation_case:op"},
		// Covers: 7644-3.5.2.3-3
		{name: "Okta replaces whole", operations: value(`"op":"replace","path":"members"`, `[{"value":"`+c+`","display":"c"},{"value":"`+d+`","display":"d"}]`), want: []string{c, d}, changed: "members", added: 1, removed: 2},
		{name: "replace by the same", operations: value(`"op":"replace","path":"members"`, memberList(c, a, b)), want: []string{a, b, c}},
		{name: "rename and replace", operations: value(`"op":"replace"`, `{"displayName":"Both","members":`+memberList(d)+`}`), want: []string{d}, display: "Both", changed: "displayName,members", added: 1, removed: 3},
		{name: "single object", operations: value(`"op":"add","path":"members"`, `{"value":"`+d+`"}`), want: []string{a, b, c, d}, changed: "members", added: 1, notices: "single_value:members"},
		{name: "wrapped", operations: value(`"op":"add","path":"members"`, `{"members":`+memberList(d)+`}`), want: []string{a, b, c, d}, changed: "members", added: 1, notices: "nested_value:members"},
		// Covers: 7644-3.5.2.1-2
		{name: "no path", operations: value(`"op":"add"`, `{"members":`+memberList(d)+`}`), want: []string{a, b, c, d}, changed: "members", added: 1},
		{name: "an address for an id", operations: value(`"op":"add","path":"members"`, `[{"$ref":"`+baseURL+`/Users/`+d+`"}]`), want: []string{a, b, c, d}, changed: "members", added: 1, notices: "value_from_reference:members"},
		{name: "one for another", operations: one(`{"op":"replace","path":"members[value eq \"` + a + `\"].value","value":"` + d + `"}`), want: []string{b, c, d}, changed: "members", added: 1, removed: 1},
		// Covers: 7643-2.5-2
		{name: "null clears", operations: value(`"op":"Replace","path":"members"`, `null`), changed: "members", removed: 3, notices: "operation_case:op"},
		{name: "null without a path clears", operations: value(`"op":"replace"`, `{"members":null}`), changed: "members", removed: 3},
		// Covers: 7643-2.5-2
		{name: "empty list clears", operations: value(`"op":"replace","path":"members"`, `[]`), changed: "members", removed: 3},
		{name: "no operations", operations: `[]`, want: []string{a, b, c}, notices: "no_operations:Operations"},
		// Covers: 7644-3.5.2-12
		{name: "one after the other", operations: `[{"op":"remove","path":"members"},{"op":"add","path":"members","value":` + memberList(a, d) + `},{"op":"remove","path":"members[value eq \"` + d + `\"]"}]`, want: []string{a}, changed: "members", removed: 2},
		{name: "out and in again", operations: `[{"op":"remove","path":"members","value":` + memberList(a) + `},{"op":"add","path":"members","value":` + memberList(a) + `}]`, want: []string{a, b, c}, notices: "removed_values:members"},
		{name: "externalId", operations: one(`{"op":"add","path":"externalId","value":"e-{id}"}`), want: []string{a, b, c}, changed: "externalId"},
		{name: "inactive members stay", operations: value(`"op":"add","path":"members"`, memberList(ids...)), want: ids, changed: "members", added: 2},
	}
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s.t = t
			name := fmt.Sprint("group ", i)
			id := s.mustGroup(name, a, b, c)
			fill := strings.NewReplacer("{id}", id, "{name}", name, "{NAME}", strings.ToUpper(name))
			got := s.send("PATCH", "/Groups/"+id, patchBody(fill.Replace(tt.operations)))
			version, action := `W/"2"`, "updated"
			if tt.changed == "" {
				version, action = `W/"1"`, "unchanged"
			}
			if got.status != 200 || got.body["id"] != id || got.header.Get("ETag") != version ||
				got.header.Get("Content-Type") != "application/scim+json" {
				t.Fatalf("%d %v %s, want 200 with version %s", got.status, got.header, got.raw, version)
			}
			members := values(got.body["members"])
			assert.Truef(t, slices.Equal(members, sorted(tt.want)), "the answer has the members %q, want %q", members, tt.want)
			display := name
			if tt.display != "" {
				display = fill.Replace(tt.display)
			}
			assert.Truef(t, got.body["displayName"] == display, "displayName %v, want %s", got.body["displayName"], display)
			number := func(n int) any {
				if n == 0 {
					return nil
				}
				return float64(n)
			}
			wantEvent(t, got, map[string]any{
				"operation": "modify", "action": action, "resourceType": "Group", "resourceId": id, "subject": display,
				"changed": text(tt.changed), "membersAdded": number(tt.added), "membersRemoved": number(tt.removed),
				"membersSkipped": nil, "notices": text(tt.notices), "outcome": "success", "cause": nil,
			})
			read := s.send("GET", "/Groups/"+id, "")
			if read.header.Get("ETag") != version || read.body["displayName"] != display {
				t.Errorf("read: version %s of %v, want %s of %s", read.header.Get("ETag"), read.body["displayName"], version, display)
			}
			members = values(read.body["members"])
			assert.Truef(t, slices.Equal(members, sorted(tt.want)), "read: members %q, want %q", members, tt.want)
			for _, user := range ids {
				in := slices.Contains(values(s.send("GET", "/Users/"+user, "").body["groups"]), id)
				assert.Equalf(t, slices.Contains(tt.want, user), in, "user %s is in the group", user)
			}
			assert.Equal(t, 204, s.send("DELETE", "/Groups/"+id, "").status, "DELETE")
		})
	}
	s.t = t
	s.wantAudit()
}

// A PATCH is answered with the group, with its members if they are few.
//
// Covers: 7644-3.5.2-17, 7644-3.5.2-18
func TestGroups_PatchShowsFewMembers(t *testing.T) {
	enginetest.RunOn(t, inMemory(), testGroups_PatchShowsFewMembers)
}

func testGroups_PatchShowsFewMembers(t *testing.T, open opener) {
	s := newService(t, open, 5)
	ids := s.people(45)
	const shown = directory.MaxShown
	for _, tt := range []struct {
		name          string
		before, after []string
		body          string
	}{
		{"one joins, as many as are shown", ids[:shown-1], ids[:shown], memberPatch("add", ids[shown-1])},
		{"one joins, one more than are shown", ids[:shown], ids[:shown+1], memberPatch("add", ids[shown])},
		{"one leaves, as many as are shown", ids[:shown+1], ids[:shown], memberPatch("remove", ids[shown])},
		{"ten leave, as many as are shown", ids[:shown+10], ids[:shown], memberPatch("remove", ids[shown:shown+10]...)},
		{"present members are added to a small group", ids[:shown], ids[:shown], memberPatch("add", ids[:3]...)},
		{"empty patch of a large group", ids[:shown+1], ids[:shown+1], patchBody(`[]`)},
		{"renamed", ids[:shown], ids[:shown], patchBody(`[{"op":"add","path":"externalId","value":"x"}]`)},
		{"renamed with many", ids[:shown+1], ids[:shown+1], patchBody(`[{"op":"add","path":"externalId","value":"y"}]`)},
		{"many join an empty group", nil, ids, memberPatch("add", ids...)},
		{"many leave, few remain", ids, ids[40:], memberPatch("remove", ids[:40]...)},
		{"a small set instead", ids, ids[:10], memberPatch("replace", ids[:10]...)},
		{"a large set instead", ids[:10], ids, memberPatch("replace", ids...)},
		{"cleared", ids, nil, patchBody(`[{"op":"remove","path":"members"}]`)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s.t = t
			id := s.mustGroup(tt.name, tt.before...)
			want := sorted(tt.after)
			if len(want) > shown {
				want = nil
			}
			a := s.send("PATCH", "/Groups/"+id, tt.body)
			got := values(a.body["members"])
			// A group that was too large before may be shown without members.
			if wasLarge := len(tt.before) > shown; a.status != 200 || !slices.Equal(got, want) && !(wasLarge && len(got) == 0) {
				t.Errorf("%d, %d members in the answer, want %d", a.status, len(got), len(want))
			}
			s.wantMembers(id, tt.after...)
			for _, query := range []string{"?attributes=members", "?attributes=members.value,displayName"} {
				if a := s.send("PATCH", "/Groups/"+id+query, patchBody(`[]`)); a.status != 200 || !slices.Equal(values(a.body["members"]), sorted(tt.after)) {
					t.Errorf("%s: %d, %d members in the answer, want %d", query, a.status, len(values(a.body["members"])), len(tt.after))
				}
			}
			// PUT returns all members, as GET does.
			if a := s.send("PUT", "/Groups/"+id, groupBody(fmt.Sprintf(`"displayName":%q,"members":%s`, tt.name, memberList(tt.after...)))); a.status != 200 ||
				!slices.Equal(values(a.body["members"]), sorted(tt.after)) {
				t.Errorf("PUT: %d, %d members in the answer, want %d", a.status, len(values(a.body["members"])), len(tt.after))
			}
		})
	}
	s.t = t
	s.wantAudit()
}

// A change of many members is answered with the version that the group has
// afterwards.
func TestGroups_VersionOfManyMembers(t *testing.T) {
	s := newService(t, enginetest.Memory, 5)
	ids := s.people(130)
	id := s.mustGroup("many")
	for _, body := range []string{
		memberPatch("add", ids[:100]...), memberPatch("remove", ids[:60]...), memberPatch("replace", ids...), memberPatch("replace", ids[:2]...),
	} {
		a := s.send("PATCH", "/Groups/"+id, body)
		got, want := a.header.Get("ETag"), s.send("GET", "/Groups/"+id, "").header.Get("ETag")
		assert.Truef(t, a.status == 200 && got == want, "PATCH: %d with version %s, then the group has %s", a.status, got, want)
	}
}

func TestGroups_UnknownMembers(t *testing.T) {
	enginetest.RunOn(t, enginetest.Three(), testGroups_UnknownMembers)
}

func testGroups_UnknownMembers(t *testing.T, open opener) {
	s := newService(t, open, 5)
	ids := s.people(40)
	gone := s.mustCreate(`"userName":"gone","active":false`)
	s.send("DELETE", "/Users/"+gone, "")
	stranger := "00000000-0000-7000-8000-000000000000"
	id := s.mustGroup("g", ids[0])
	for _, tt := range []struct {
		name, method, path, body string
		status                   int
		skipped, action          string
		members                  int
	}{
		{"POST", "POST", "/Groups", groupBody(`"displayName":"POST","members":` + memberList(ids[0], stranger, "999", gone)), 201, "", "created", 1},
		{"POST of an unknown member alone", "POST", "/Groups", groupBody(`"displayName":"nobody","members":` + memberList(stranger)), 201, stranger, "created", 0},
		{"POST of many", "POST", "/Groups", groupBody(`"displayName":"many","members":` + memberList(append([]string{stranger}, ids...)...)), 201, stranger, "created", 40},
		{"PATCH", "PATCH", "/Groups/" + id, memberPatch("add", ids[1], stranger), 200, stranger, "updated", 2},
		{"PATCH, okta-g09", "PATCH", "/Groups/" + id, memberPatch("add", ids[2], "999"), 200, "999", "updated", 3},
		{"PATCH of an unknown member alone", "PATCH", "/Groups/" + id, memberPatch("add", gone), 200, gone, "unchanged", 3},
		{"PATCH, an invalid id", "PATCH", "/Groups/" + id, memberPatch("add", "no such/id", ids[3]), 200, "?", "updated", 4},
		{"PATCH of many", "PATCH", "/Groups/" + id, memberPatch("add", append([]string{stranger}, ids...)...), 200, stranger, "updated", 40},
		{"PATCH that removes", "PATCH", "/Groups/" + id, memberPatch("remove", stranger, ids[0]), 200, "", "updated", 39},
		{"replace", "PATCH", "/Groups/" + id, memberPatch("replace", stranger, ids[0], ids[1]), 200, stranger, "updated", 2},
		{"replace by many", "PATCH", "/Groups/" + id, memberPatch("replace", append([]string{stranger}, ids...)...), 200, stranger, "updated", 40},
		{"PUT", "PUT", "/Groups/" + id, groupBody(`"displayName":"g","members":` + memberList(ids[0], stranger)), 200, stranger, "updated", 1},
		{"PUT of the same", "PUT", "/Groups/" + id, groupBody(`"displayName":"g","members":` + memberList(ids[0], stranger)), 200, stranger, "unchanged", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s.t = t
			a := s.send(tt.method, tt.path, tt.body)
			require.Truef(t, a.status == tt.status && !strings.Contains(a.raw, stranger) && !strings.Contains(a.raw, gone), "%d %s", a.status, a.raw)
			if read := s.send("GET", "/Groups/"+a.body["id"].(string), ""); len(values(read.body["members"])) != tt.members {
				t.Errorf("%d members, want %d", len(values(read.body["members"])), tt.members)
			}
			want := map[string]any{"action": tt.action, "outcome": "warning", "cause": string(cause.UnknownMembers), "membersSkipped": tt.skipped, "detail": nil}
			switch tt.name {
			case "POST": // in any order
				delete(want, "membersSkipped")
				skipped, _ := a.event["membersSkipped"].(string)
				if got := strings.Join(sorted(strings.Split(skipped, ",")), ","); got != strings.Join(sorted([]string{stranger, "999", gone}), ",") {
					t.Errorf("membersSkipped = %s", skipped)
				}
			case "PATCH that removes": // a user that is not a member may be removed
				want = map[string]any{"action": "updated", "outcome": "success", "cause": nil, "membersSkipped": nil, "membersRemoved": 1.0}
			}
			wantEvent(t, a, want)
		})
	}
	s.t = t
	var strangers []string
	for i := range 25 {
		strangers = append(strangers, fmt.Sprintf("00000000-0000-7000-8000-%012d", i))
	}
	a := s.send("PATCH", "/Groups/"+id, memberPatch("add", strangers...))
	skipped, _ := a.event["membersSkipped"].(string)
	assert.Truef(t, strings.Count(skipped, ",") == 20 && strings.HasSuffix(skipped, ",…"), "of 25 skipped members the event names %s", skipped)
	s.wantAudit()
}

// A tenant can choose that unknown members refuse the request.
func TestGroups_UnknownMembersOfAStrictTenant(t *testing.T) {
	enginetest.RunOn(t, inMemory(), testGroups_UnknownMembersOfAStrictTenant)
}

func testGroups_UnknownMembersOfAStrictTenant(t *testing.T, open opener) {
	settings := tenant.DefaultSettings()
	settings.UnknownMembers = tenant.UnknownMembersRefuse
	s := newServiceOn(t, open(t), 5, settings)
	ids := s.people(40)
	id := s.mustGroup("g", ids[0])
	stranger := "00000000-0000-7000-8000-000000000000"
	for name, r := range map[string][3]string{
		"POST":           {"POST", "/Groups", groupBody(`"displayName":"x","members":` + memberList(ids[1], stranger))},
		"POST of many":   {"POST", "/Groups", groupBody(`"displayName":"x","members":` + memberList(append([]string{stranger}, ids...)...))},
		"PATCH":          {"PATCH", "/Groups/" + id, memberPatch("add", ids[1], stranger)},
		"PATCH of many":  {"PATCH", "/Groups/" + id, memberPatch("add", append([]string{stranger}, ids...)...)},
		"replace":        {"PATCH", "/Groups/" + id, memberPatch("replace", ids[1], stranger)},
		"new set":        {"PATCH", "/Groups/" + id, memberPatch("replace", append([]string{stranger}, ids...)...)},
		"rename and add": {"PATCH", "/Groups/" + id, patchBody(`[{"op":"replace","value":{"displayName":"x","members":` + memberList(stranger) + `}}]`)},
		"PUT":            {"PUT", "/Groups/" + id, groupBody(`"displayName":"x","members":` + memberList(stranger))},
	} {
		t.Run(name, func(t *testing.T) {
			s.t = t
			a := s.send(r[0], r[1], r[2])
			require.Equalf(t, 400, a.status, "%d %s", a.status, a.raw)
			wantRefusal(t, a, "invalidValue", "1 member is not a provisioned user: "+stranger+".",
				"Assign the users to the app under Assignments first")
			wantEvent(t, a, map[string]any{
				"outcome": "failure", "cause": string(cause.UnknownMembers), "membersSkipped": stranger, "resourceType": "Group",
				"action": nil, "membersAdded": nil, "changed": nil,
			})
		})
	}
	s.t = t
	s.wantMembers(id, ids[0])
	a := s.send("GET", "/Groups/"+id, "")
	assert.Equalf(t, `W/"1"`, a.header.Get("ETag"), "the refused requests moved the version to %s", a.header.Get("ETag"))
	a = s.send("PATCH", "/Groups/"+id, memberPatch("remove", stranger))
	assert.Truef(t, a.status == 200 && a.event["action"] == "unchanged", "removing a user that is not a member: %d %s", a.status, a.raw)
	if a := s.send("POST", "/Groups", groupBody(`"displayName":"x","members":[{"value":"no such/id"}]`)); a.status != 400 || a.event["membersSkipped"] != "?" || strings.Contains(a.raw, "no such") {
		t.Errorf("an id that no user can have: %d %s", a.status, a.raw)
	}
	s.wantAudit()
}

// No more than 5,000 members can be added or removed at once; users that are
// members already do not count.
func TestGroups_ManyMembers(t *testing.T) {
	s := newService(t, enginetest.Memory, 5)
	ids := s.people(directory.MaxMembers + 3)
	most := ids[:directory.MaxMembers]
	id := s.mustGroup("many", most...)
	refused := func(what string, a answer) {
		t.Helper()
		require.Truef(t, a.status == 400 && a.event["cause"] == string(cause.MemberLimit), "%s: %d, cause %v: %.300s", what, a.status, a.event["cause"], a.raw)
		wantRefusal(t, a, "tooMany", "The request would change more than 5000 members.",
			"Nothing was changed. Split the group in Okta into groups of at most 5,000 members")
		wantEvent(t, a, map[string]any{"action": nil, "membersAdded": nil, "membersRemoved": nil, "outcome": "failure"})
	}
	refused("POST", s.send("POST", "/Groups", groupBody(`"displayName":"more","members":`+memberList(ids...))))
	empty := s.mustGroup("empty")
	refused("PATCH", s.send("PATCH", "/Groups/"+empty, memberPatch("add", ids...)))
	refused("replace", s.send("PATCH", "/Groups/"+empty, memberPatch("replace", ids...)))
	refused("PUT", s.send("PUT", "/Groups/"+empty, groupBody(`"displayName":"empty","members":`+memberList(ids...))))
	s.wantMembers(empty)

	a := s.send("PATCH", "/Groups/"+id, memberPatch("add", ids...))
	if a.status != 200 || a.event["membersAdded"] != 3.0 || a.body["members"] != nil {
		t.Errorf("three new ones beside 5,000 members: %d, %v added", a.status, a.event["membersAdded"])
	}
	a = s.send("PUT", "/Groups/"+id, groupBody(`"displayName":"many","members":`+memberList(ids[1:]...)))
	if a.status != 200 || a.event["membersRemoved"] != 1.0 || len(values(a.body["members"])) != len(ids)-1 {
		t.Errorf("one leaves by PUT: %d, %v removed", a.status, a.event["membersRemoved"])
	}
	s.send("PATCH", "/Groups/"+id, memberPatch("add", ids[0]))
	refused("remove", s.send("PATCH", "/Groups/"+id, memberPatch("remove", ids...)))
	// Removing all members is not limited: they are not counted.
	if a = s.send("PATCH", "/Groups/"+id, patchBody(`[{"op":"remove","path":"members"}]`)); a.status != 200 || a.event["membersRemoved"] != -1.0 || a.event["changed"] != "members" {
		t.Errorf("remove all: %d, %v removed", a.status, a.event["membersRemoved"])
	}
	s.wantMembers(id)
	s.wantAudit()
}

// A list can be read page by page to its end, with an exact total.
//
// Covers: 7643-5-9, 7643-7-17, 7644-3.4.2-3, 7644-3.4.2-4, 7644-3.4.2-6, 7644-3.4.2-7, 7644-3.4.2.4-4, 7644-3.4.2.4-6
func TestGroups_Lists(t *testing.T) {
	enginetest.RunOn(t, inMemory(), testGroups_Lists)
}

func testGroups_Lists(t *testing.T, open opener) {
	const total = 250
	s := newService(t, open, 5)
	ids := s.people(3)
	var want []string
	for i := range total {
		want = append(want, s.mustGroup(fmt.Sprintf("group %03d", i), ids[:i%4]...))
	}
	walk := func(query string, count, most int, deleted ...string) {
		t.Helper()
		var walked []string
		for start := 1; len(walked) < total; {
			a := s.send("GET", fmt.Sprintf("/Groups?count=%d&startIndex=%d%s", count, start, query), "")
			resources, _ := a.body["Resources"].([]any)
			if a.status != 200 || a.body["totalResults"] != float64(total) || a.body["startIndex"] != float64(start) ||
				a.body["itemsPerPage"] != float64(len(resources)) || len(resources) == 0 || len(resources) > most {
				t.Fatalf("%s from %d: %d, %d groups of %v", query, start, a.status, len(resources), a.body["totalResults"])
			}
			for i, r := range resources {
				group := r.(map[string]any)
				id := group["id"].(string)
				walked = append(walked, id)
				members := []string{}
				if strings.Contains(query, "members") && !strings.Contains(query, "excluded") {
					members = ids[:(start+i-1)%4]
				}
				if got := values(group["members"]); !slices.Equal(got, members) && len(got)+len(members) > 0 {
					t.Fatalf("%s: group %d has the members %q, want %q", query, start+i, got, members)
				}
			}
			wantEvent(t, a, map[string]any{"operation": "list", "resourceType": "Group", "outcome": "success"})
			start += len(resources)
		}
		assert.Truef(t, slices.Equal(walked, want), "%s: walked %d groups in another order", query, len(walked))
	}
	walk("", 100, 100)
	walk("", 37, 37)
	walk("&excludedAttributes=members", 200, 200)
	walk("&attributes=members", 20, 20)
	walk("&attributes=members", 200, 20)
	walk("&attributes=displayName,members.value", 7, 7)
	walk("&filter=displayName+sw+%22GROUP%22", 100, 100)
	walk("&filter=displayName+sw+%22group%22&attributes=members", 100, 20)

	a := s.send("GET", "/Groups", "")
	got, _ := a.body["Resources"].([]any)
	assert.Truef(t, len(got) == 100 && a.body["totalResults"] == float64(total), "a list without count has %d of %v", len(got), a.body["totalResults"])
	// Members that are not returned are not read (grp-005).
	for _, query := range []string{"?count=50", "?count=50&excludedAttributes=members", "?count=50&attributes=displayName"} {
		if a = s.send("GET", "/Groups"+query, ""); a.event["itemsRead"].(float64) > 52 {
			t.Errorf("%s: %v items read", query, a.event["itemsRead"])
		}
	}
	for query, want := range map[string]struct{ start, items float64 }{
		"?count=0":                      {1, 0},
		"?count=0&attributes=members":   {1, 0},
		"?startIndex=250&count=5":       {250, 1},
		"?startIndex=251":               {251, 0},
		"?startIndex=9999&count=-3":     {9999, 0},
		"?startIndex=-1&count=99999999": {1, 250},
	} {
		a = s.send("GET", "/Groups"+query, "")
		resources, there := a.body["Resources"].([]any)
		if a.status != 200 || a.body["totalResults"] != float64(total) || a.body["startIndex"] != want.start || a.body["itemsPerPage"] != want.items ||
			!there || float64(len(resources)) != want.items {
			t.Errorf("%s: %d, start %v, %v items of %v, Resources %t", query, a.status, a.body["startIndex"], a.body["itemsPerPage"], a.body["totalResults"], there)
		}
	}
}

// Covers: 7644-3.4.2.2-1
func TestGroups_Filters(t *testing.T) { enginetest.RunOn(t, enginetest.Three(), testGroups_Filters) }

func testGroups_Filters(t *testing.T, open opener) {
	s := newService(t, open, 5)
	ids := s.people(3)
	a, b := ids[0], ids[1]
	eng := s.send("POST", "/Groups", groupBody(`"displayName":"Engineering","externalId":"g-Eng","members":`+memberList(a, b))).body["id"].(string)
	s.mustGroup("Sales", a)
	s.mustGroup("Void")
	for filter, want := range map[string]string{
		`displayName eq "Engineering"`:                                   "Engineering",
		`displayName eq "ENGINEERING"`:                                   "Engineering",
		`DISPLAYNAME Eq " engineering "`:                                 "Engineering",
		`displayName eq "Engineer"`:                                      "",
		`displayName eq ""`:                                              "",
		`urn:ietf:params:scim:schemas:core:2.0:Group:displayName eq "x"`: "",
		`displayName sw "e"`:                                             "Engineering",
		`displayName co "A"`:                                             "Sales",
		`displayName ne "Sales"`:                                         "Engineering Void",
		`displayName gt "engineering"`:                                   "Sales Void",
		`externalId eq "g-Eng"`:                                          "Engineering",
		`externalId eq "g-eng"`:                                          "",
		`externalId pr`:                                                  "Engineering",
		`not (externalId pr)`:                                            "Sales Void",
		`id eq "` + eng + `"`:                                            "Engineering",
		`id eq "` + strings.ToUpper(eng) + `"`:                           "",
		`id eq "no/such id"`:                                             "",
		`meta.resourceType eq "Group" and displayName pr`:                "Engineering Sales Void",
		`meta.resourceType eq "User"`:                                    "",
		`members eq "` + a + `"`:                                         "Engineering Sales",
		`members.value eq "` + b + `"`:                                   "Engineering",
		`members[value eq "` + a + `"]`:                                  "Engineering Sales",
		`members[value eq "` + a + `" and type eq "user"]`:               "Engineering Sales",
		`members[value eq "` + a + `" and type eq "Group"]`:              "",
		`members[value eq "` + a + `" and value eq "` + b + `"]`:         "",
		`members eq "` + a + `" and members eq "` + b + `"`:              "Engineering",
		`members eq "` + a + `" and not (members eq "` + b + `")`:        "Sales",
		`members eq "` + a + `" or displayName eq "Void"`:                "Engineering Sales Void",
		`members eq "` + ids[2] + `"`:                                    "",
		`members eq "` + strings.ToUpper(a) + `"`:                        "",
		`members eq "00000000-0000-7000-8000-000000000000"`:              "",
		`members eq "no such/id"`:                                        "",
		`members eq "no such/id" and members eq "` + a + `"`:             "",
		`id eq "` + eng + `" and members eq "` + a + `"`:                 "Engineering",
		`id eq "` + eng + `" and members eq "` + ids[2] + `"`:            "",
		`members eq "` + a + `" and displayName eq "sales"`:              "Sales",
		`members pr`:                   "Engineering Sales",
		`not (members pr)`:             "Void",
		`members eq null`:              "Void",
		`not (members eq "` + b + `")`: "Sales Void",
		`members.value co "-"`:         "Engineering Sales",
		`members.type eq "User"`:       "Engineering Sales",
		`members.$ref eq "` + baseURL + `/Users/` + b + `"`: "Engineering",
		`members.display pr`:                                              "",
		`members[value ne "` + a + `"]`:                                   "Engineering",
		`(displayName eq "void" or members eq "` + b + `") and id pr`:     "Engineering Void",
		`displayName eq "engineering" and not (externalId eq "g-Eng")`:    "",
		`displayName eq "engineering" and displayName eq "sales"`:         "",
		`members eq "` + a + `" and members pr and displayName sw "sale"`: "Sales",
	} {
		got := s.send("GET", "/Groups?attributes=displayName&filter="+url.QueryEscape(filter), "")
		resources, _ := got.body["Resources"].([]any)
		var names []string
		for _, r := range resources {
			names = append(names, r.(map[string]any)["displayName"].(string))
		}
		if got.status != 200 || strings.Join(names, " ") != want || got.body["totalResults"] != float64(len(names)) {
			t.Errorf("%s: %d, %q of %v; want %q", filter, got.status, names, got.body["totalResults"], want)
		}
		// All members are returned, whichever of them the filter matches.
		got = s.send("GET", "/Groups?attributes=members,displayName&filter="+url.QueryEscape(filter), "")
		resources, _ = got.body["Resources"].([]any)
		for _, r := range resources {
			group := r.(map[string]any)
			all := map[any][]string{"Engineering": {a, b}, "Sales": {a}}[group["displayName"]]
			members := values(group["members"])
			assert.Truef(t, slices.Equal(members, all), "%s: %v is shown with the members %q, want %q", filter, group["displayName"], members, all)
		}
	}
	// A filter on a key reads only what it finds.
	for filter, most := range map[string]float64{
		`displayName eq "engineering"`:                   2,
		`externalId eq "g-Eng"`:                          2,
		`id eq "` + eng + `"`:                            1,
		`id eq "` + eng + `" and members eq "` + b + `"`: 3,
		`members eq "` + a + `"`:                         5,
	} {
		if got := s.send("GET", "/Groups?filter="+url.QueryEscape(filter), ""); got.event["itemsRead"].(float64) > most {
			t.Errorf("%s: %v items read, at most %v", filter, got.event["itemsRead"], most)
		}
	}
}

func TestGroups_PathsAndMethods(t *testing.T) {
	s := newService(t, enginetest.Memory, 5)
	ids := s.people(1)
	a := s.send("POST", "/groups", groupBody(`"displayName":"lower"`))
	id, _ := a.body["id"].(string)
	if a.status != 201 || a.header.Get("Location") != baseURL+"/Groups/"+id || a.event["route"] != "POST /scim/v2/Groups" {
		t.Fatalf("POST: %d %s %s", a.status, a.header.Get("Location"), a.raw)
	}
	if a = s.send("PATCH", "/groups/"+id, memberPatch("add", ids...)); a.status != 200 {
		t.Errorf("PATCH: %d", a.status)
	}
	if a = s.send("PUT", "/groups/"+id, groupBody(`"displayName":"lower case","members":`+memberList(ids...))); a.status != 200 {
		t.Errorf("PUT: %d", a.status)
	}
	for _, path := range []string{"/groups/", "/Groups/"} {
		if a = s.send("GET", path+id, ""); a.status != 200 || len(values(a.body["members"])) != 1 ||
			a.body["meta"].(map[string]any)["location"] != baseURL+"/Groups/"+id {
			t.Errorf("GET %s: %d %s", path, a.status, a.raw)
		}
	}
	if a = s.send("GET", "/groups?filter=displayName+eq+%22LOWER+CASE%22", ""); a.body["totalResults"] != 1.0 {
		t.Errorf("list: %d %s", a.status, a.raw)
	}
	for _, path := range []string{"/Groups", "/groups", "/Groups/" + id, "/groups/" + id} {
		allow, wrong := "GET, HEAD, POST", []string{"PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"}
		if strings.HasSuffix(path, id) {
			allow, wrong = "GET, HEAD, PUT, PATCH, DELETE", []string{"POST", "OPTIONS"}
		}
		for _, method := range wrong {
			a = s.send(method, path, "")
			assert.Truef(t, a.status == 405 && a.header.Get("Allow") == allow, "%s %s: %d, Allow %q", method, path, a.status, a.header.Get("Allow"))
			wantRefusal(t, a, "", "Method not allowed", "Use one of the methods in the Allow header")
			wantEvent(t, a, map[string]any{"cause": string(cause.MethodNotAllowed)})
		}
	}
	for _, path := range []string{"/Groups/" + id + "/members", "/%47roups", "/Groups/" + id + "%2F/x"} {
		if a = s.send("GET", path, ""); a.status != 404 || a.event["cause"] != string(cause.NoRoute) {
			t.Errorf("GET %s: %d", path, a.status)
		}
	}
	if a = s.send("DELETE", "/groups/"+id, ""); a.status != 204 {
		t.Errorf("DELETE: %d", a.status)
	}
	if a = s.send("GET", "/Groups", "", "Authorization", ""); a.status != 401 || a.header.Get("WWW-Authenticate") == "" {
		t.Errorf("without a token: %d", a.status)
	}
}

// A tenant sees no groups of another tenant, and cannot add another tenant's
// users (ten-006).
//
// Covers: 7643-9.3-1, 7644-2-2, 7644-2-3, 7644-6.1-1
func TestGroups_TenantsAreApart(t *testing.T) {
	enginetest.RunOn(t, enginetest.Three(), testGroups_TenantsAreApart)
}

func testGroups_TenantsAreApart(t *testing.T, open opener) {
	s := newService(t, open, 5)
	ids := s.people(2)
	id := s.mustGroup("Engineering", ids...)
	before := s.send("GET", "/Groups/"+id, "").raw

	other, token := stage.Tenant(t, s.app.Store, "acme-2", 5)
	as := []string{"Authorization", "Bearer " + token, "X-Tenant-Id", "acme"}
	theirs := s.send("POST", "/Users", userBody(`"userName":"theirs","active":false`), as...).body["id"].(string)

	for _, r := range [][3]string{
		{"GET", "/Groups/" + id, ""},
		{"GET", "/Groups/" + id + "?excludedAttributes=members", ""},
		{"PUT", "/Groups/" + id, groupBody(`"displayName":"Engineering"`)},
		{"PATCH", "/Groups/" + id, memberPatch("add", theirs)},
		{"PATCH", "/Groups/" + id, patchBody(`[{"op":"remove","path":"members"}]`)},
		{"DELETE", "/Groups/" + id, ""},
	} {
		a := s.send(r[0], r[1], r[2], as...)
		if a.status != 404 || a.event["tenant"] != "acme-2" || a.event["cause"] != string(cause.GroupNotFound) ||
			strings.Contains(a.raw, "Engineering") || a.event["subject"] == "Engineering" && r[0] != "PUT" {
			t.Errorf("%s of another tenant's group: %d for tenant %v: %s", r[0], a.status, a.event["tenant"], a.raw)
		}
	}
	for _, filter := range []string{
		`id eq "` + id + `"`, `displayName eq "Engineering"`, `displayName pr`, `members eq "` + ids[0] + `"`, `members pr`,
		`id eq "` + id + `" and members eq "` + ids[0] + `"`,
	} {
		a := s.send("GET", "/Groups?filter="+url.QueryEscape(filter), "", as...)
		assert.Truef(t, a.status == 200 && a.body["totalResults"] == 0.0, "filter %s: %d %s", filter, a.status, a.raw)
	}
	for _, filter := range []string{`groups eq "` + id + `"`, `groups.value eq "` + id + `" and id eq "` + theirs + `"`} {
		a := s.send("GET", "/Users?filter="+url.QueryEscape(filter), "", as...)
		assert.Truef(t, a.status == 200 && a.body["totalResults"] == 0.0, "filter %s: %d %s", filter, a.status, a.raw)
	}
	if a := s.send("GET", "/Groups", "", as...); a.body["totalResults"] != 0.0 {
		t.Errorf("the other tenant's list: %s", a.raw)
	}

	// The same name and externalId are free in the other tenant, and a user of
	// the first is unknown there.
	a := s.send("POST", "/Groups", groupBody(`"displayName":"Engineering","members":`+memberList(ids[0], theirs)), as...)
	mine, _ := a.body["id"].(string)
	if a.status != 201 || !slices.Equal(values(a.body["members"]), []string{theirs}) || strings.Contains(a.raw, ids[0]) {
		t.Fatalf("POST: %d %s", a.status, a.raw)
	}
	wantEvent(t, a, map[string]any{"tenant": "acme-2", "outcome": "warning", "cause": "unknown_members", "membersSkipped": ids[0], "membersAdded": 1.0})
	for _, r := range [][2]string{
		{"PATCH", memberPatch("add", ids[0])},
		{"PATCH", memberPatch("replace", ids[0], theirs)},
		{"PATCH", patchBody(`[{"op":"replace","path":"members[value eq \"` + theirs + `\"].value","value":"` + theirs + `"},{"op":"add","path":"members","value":[{"$ref":"` + baseURL + `/Users/` + ids[0] + `"}]}]`)},
		{"PUT", groupBody(`"displayName":"Engineering","members":` + memberList(ids[0], theirs))},
	} {
		a = s.send(r[0], "/Groups/"+mine, r[1], as...)
		if a.status != 200 || !slices.Equal(values(a.body["members"]), []string{theirs}) || strings.Contains(a.raw, ids[0]) {
			t.Errorf("%s with a foreign member: %d %s", r[0], a.status, a.raw)
		}
		wantEvent(t, a, map[string]any{"action": "unchanged", "outcome": "warning", "cause": "unknown_members", "membersSkipped": ids[0]})
	}
	a = s.send("GET", "/Groups/"+mine, "", as...)
	assert.Truef(t, a.header.Get("ETag") == `W/"1"` && !strings.Contains(a.raw, ids[0]), "GET: %s", a.raw)
	if a = s.send("GET", "/Users/"+ids[0], ""); !slices.Equal(values(a.body["groups"]), []string{id}) {
		t.Errorf("the foreign user is in %v", a.body["groups"])
	}
	after := s.send("GET", "/Groups/"+id, "").raw
	assert.Equalf(t, before, after, "the group changed: %s, was %s", after, before)
	s.wantAudit()
	faults, err := s.app.Store.Audit(t.Context(), other)
	assert.Truef(t, err == nil && len(faults) == 0, "audit of the other tenant: %v, %v", faults, err)
}

// Answers about users have the user's groups.
//
// Covers: 7643-4.1.2-6, 7643-4.1.2-7, 7643-4.1.2-8, 7644-3.5.1-6, 7644-3.5.2.2-8
func TestUsers_Groups(t *testing.T) { enginetest.RunOn(t, enginetest.Three(), testUsers_Groups) }

func testUsers_Groups(t *testing.T, open opener) {
	s := newService(t, open, 5)
	body := userBody(`"userName":"alice","externalId":"e-1"`)
	id := s.mustCreate(`"userName":"alice","externalId":"e-1"`)
	lone := s.mustCreate(`"userName":"bob"`)
	eng, sales := s.mustGroup("Engineering", id), s.mustGroup("Sales", id)
	both := []string{eng, sales}
	version := func(a answer) string { return a.header.Get("ETag") }

	a := s.send("GET", "/Users/"+id, "")
	groups, _ := a.body["groups"].([]any)
	require.Truef(t, a.status == 200 && len(groups) == 2 && version(a) == `W/"1"`, "GET: %d %s", a.status, a.raw)
	want := fmt.Sprint(map[string]any{"value": eng, "$ref": baseURL + "/Groups/" + eng, "display": "Engineering", "type": "direct"})
	assert.Equal(t, want, fmt.Sprint(groups[0]), "a group of the user")
	whole := a.event
	without := s.send("GET", "/Users/"+id+"?excludedAttributes=groups", "")
	if without.body["groups"] != nil || without.event["roundTrips"].(float64) != whole["roundTrips"].(float64)-1 ||
		without.event["itemsRead"] != 1.0 || whole["itemsRead"] != 5.0 {
		t.Errorf("without groups: %v round trips for %v items, with them %v for %v", without.event["roundTrips"],
			without.event["itemsRead"], whole["roundTrips"], whole["itemsRead"])
	}
	if a = s.send("GET", "/Users/"+id+"?attributes=userName", ""); a.body["groups"] != nil || a.event["itemsRead"] != 1.0 {
		t.Errorf("attributes=userName: %v items, %s", a.event["itemsRead"], a.raw)
	}
	if a = s.send("GET", "/Users/"+id+"?attributes=groups.display", ""); strings.Contains(a.raw, eng) || !strings.Contains(a.raw, `"groups":[{"display":"Engineering"},{"display":"Sales"}]`) {
		t.Errorf("attributes=groups.display: %s", a.raw)
	}
	if a = s.send("GET", "/Users/"+lone, ""); a.event["roundTrips"] != 1.0 || a.body["groups"] != nil {
		t.Errorf("a user without groups: %v round trips, %s", a.event["roundTrips"], a.raw)
	}

	// The IdP cannot change them through the user (okta-014).
	for name, a := range map[string]answer{
		"PUT, no groups":    s.send("PUT", "/Users/"+id, userBody(`"userName":"alice","externalId":"e-1","groups":[]`)),
		"PUT, other groups": s.send("PUT", "/Users/"+id, userBody(`"userName":"alice","externalId":"e-1","groups":[{"value":"`+eng+`"}]`)),
		"PUT, none":         s.send("PUT", "/Users/"+id, body),
		"PATCH, rest":       s.send("PATCH", "/Users/"+id, patchBody(`[{"op":"replace","value":{"groups":[],"displayName":"Al"}}]`)),
	} {
		assert.Truef(t, a.status == 200 && slices.Equal(values(a.body["groups"]), both), "%s: %d, groups %v", name, a.status, a.body["groups"])
	}
	if a = s.send("PATCH", "/Users/"+id, patchBody(`[{"op":"remove","path":"groups"}]`)); a.status != 400 || a.body["scimType"] != "mutability" {
		t.Errorf("PATCH of groups: %d %s", a.status, a.raw)
	}
	a = s.send("PATCH", "/Users/"+id+"?excludedAttributes=groups", patchBody(`[{"op":"replace","path":"active","value":false}]`))
	assert.Truef(t, a.status == 200 && a.body["groups"] == nil, "PATCH without groups: %d %s", a.status, a.raw)
	a = s.send("POST", "/Users", body)
	assert.Truef(t, a.status == 200 && a.body["id"] == id && slices.Equal(values(a.body["groups"]), both), "POST that reactivates: %d %s", a.status, a.raw)
	last := version(a)
	s.send("PATCH", "/Groups/"+sales, patchBody(`[{"op":"replace","path":"displayName","value":"Sales EMEA"}]`))
	s.send("PATCH", "/Groups/"+eng, memberPatch("remove", id))
	a = s.send("GET", "/Users/"+id, "")
	if version(a) != last || !strings.Contains(a.raw, `"display":"Sales EMEA"`) || !slices.Equal(values(a.body["groups"]), []string{sales}) {
		t.Errorf("after a rename: version %s, %s; want %s", version(a), a.raw, last)
	}
	if a = s.send("GET", "/Users/"+id, "", "If-None-Match", last); a.status != 304 {
		t.Errorf("GET If-None-Match: %d", a.status)
	}
	s.send("PATCH", "/Groups/"+eng, memberPatch("add", id, lone))

	for filter, want := range map[string]string{
		`groups eq "` + eng + `"`:                                        "alice bob",
		`groups.value eq "` + eng + `"`:                                  "alice bob",
		`groups[value eq "` + sales + `"]`:                               "alice",
		`groups[value eq "` + eng + `" and display eq "engineering"]`:    "alice bob",
		`groups.value eq "` + sales + `" and active eq true`:             "alice",
		`groups.value eq "` + eng + `" and userName eq "BOB"`:            "bob",
		`groups.value eq "` + sales + `" and userName eq "bob"`:          "",
		`groups eq "` + eng + `" and groups eq "` + sales + `"`:          "alice",
		`groups eq "` + eng + `" and not (groups eq "` + sales + `")`:    "bob",
		`groups.display eq "sales emea"`:                                 "alice",
		`groups pr and userName sw "b"`:                                  "bob",
		`not (groups pr)`:                                                "",
		`groups.value eq "00000000-0000-7000-8000-000000000000"`:         "",
		`groups.value eq "no such/id"`:                                   "",
		`groups.value eq "` + strings.ToUpper(eng) + `"`:                 "",
		`groups.$ref ew "` + sales + `"`:                                 "alice",
		`groups.value eq "` + eng + `" or userName eq "alice"`:           "alice bob",
		`id eq "` + lone + `" and groups.value eq "` + eng + `"`:         "bob",
		`id eq "` + lone + `" and groups.value eq "` + sales + `"`:       "",
		`groups.type eq "direct" and groups.value eq "` + sales + `"`:    "alice",
		`groups.value eq "` + sales + `" and groups.display eq "nobody"`: "",
	} {
		a := s.send("GET", "/Users?filter="+url.QueryEscape(filter), "")
		resources, _ := a.body["Resources"].([]any)
		var names []string
		for _, r := range resources {
			user := r.(map[string]any)
			names = append(names, user["userName"].(string))
			assert.Nilf(t, user["groups"], "%s: a list shows groups that were not asked for", filter)
		}
		if a.status != 200 || strings.Join(names, " ") != want || a.body["totalResults"] != float64(len(names)) {
			t.Errorf("%s: %d, %q of %v; want %q", filter, a.status, names, a.body["totalResults"], want)
		}
	}
	if a = s.send("DELETE", "/Users/"+id, ""); a.status != 204 {
		t.Errorf("DELETE: %d", a.status)
	}
	s.wantMembers(eng, lone)
	if a = s.send("POST", "/Users", body); a.status != 200 || a.body["groups"] != nil || a.body["id"] != id {
		t.Errorf("POST that restores: %d %s", a.status, a.raw)
	}
	s.wantAudit()
}

// A list includes groups only if attributes names them, on smaller pages.
//
// Covers: 7643-7-17, 7644-3.4.2.4-5
func TestUsers_ListsWithGroups(t *testing.T) {
	s := newService(t, enginetest.Memory, 5)
	ids := s.people(45)
	eng, sales := s.mustGroup("Engineering", ids...), s.mustGroup("Sales", ids[:7]...)
	for _, query := range []string{
		"attributes=groups", "attributes=userName,groups.value", "attributes=groups&filter=userName+sw+%22p%22",
		"attributes=groups&filter=groups.value+eq+%22" + eng + "%22",
	} {
		var walked []string
		for start := 1; start <= len(ids); {
			a := s.send("GET", fmt.Sprintf("/Users?count=100&startIndex=%d&%s", start, query), "")
			resources, _ := a.body["Resources"].([]any)
			if a.status != 200 || a.body["totalResults"] != float64(len(ids)) || len(resources) != min(20, len(ids)+1-start) {
				t.Fatalf("%s from %d: %d, %d users of %v", query, start, a.status, len(resources), a.body["totalResults"])
			}
			for i, r := range resources {
				user := r.(map[string]any)
				walked = append(walked, user["id"].(string))
				want := []string{eng}
				if start+i <= 7 {
					want = []string{eng, sales}
				}
				got := values(user["groups"])
				assert.Truef(t, slices.Equal(got, want), "%s: user %d is in %q, want %q", query, start+i, got, want)
			}
			start += len(resources)
		}
		assert.Truef(t, slices.Equal(walked, ids), "%s: walked %d users", query, len(walked))
	}
	for _, query := range []string{"", "?excludedAttributes=groups", "?attributes=userName"} {
		a := s.send("GET", "/Users"+query, "")
		if resources, _ := a.body["Resources"].([]any); len(resources) != len(ids) || strings.Contains(a.raw, eng) || a.event["itemsRead"].(float64) > float64(len(ids)+1) {
			t.Errorf("%s: %d users, %v items read", query, len(resources), a.event["itemsRead"])
		}
	}
}

// A before is a table that calls a function before the first query of a
// partition.
type before struct {
	table.Table
	partition string
	do        func()
	done      atomic.Bool
}

func (b *before) Query(ctx context.Context, q table.Query) (table.Page, error) {
	if b.do != nil && strings.Contains(q.Partition, b.partition) && !b.done.Swap(true) {
		b.do()
	}
	return b.Table.Query(ctx, q)
}

// A list succeeds even if one of its groups is deleted while its members are
// read.
func TestGroups_ListWhileAGroupIsDeleted(t *testing.T) {
	for _, query := range []string{"?attributes=members", "?filter=members+pr", "?filter=not+(members.type+eq+%22x%22)"} {
		b := &before{Table: enginetest.Memory(t)}
		s := newServiceOn(t, b, 5, tenant.DefaultSettings())
		ids := s.people(2)
		stays, goes := s.mustGroup("stays", ids...), s.mustGroup("goes", ids...)
		b.partition, b.do = "#G#"+goes, func() {
			other := &service{t: t, token: s.token, log: &stage.Log{}}
			beside, err := app.New(b.Table, app.Config{BaseURL: baseURL}, logline.New(other.log))
			require.NoError(t, err)
			other.handler = beside.Handler()
			a := other.send("DELETE", "/Groups/"+goes, "")
			assert.Equalf(t, 204, a.status, "DELETE: %d %s", a.status, a.raw)
		}
		a := s.send("GET", "/Groups"+query, "")
		resources, _ := a.body["Resources"].([]any)
		assert.Truef(t, a.status == 200 && len(resources) != 0 && resources[0].(map[string]any)["id"] == stays, "%s: %d %s", query, a.status, a.raw)
		assert.Truef(t, b.done.Load(), "%s: the group was not deleted in between", query)
	}
}
