package system

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// A story is a tenant whose owner and identity provider act in turn, each over
// HTTP only.
type story struct {
	*service
	now time.Time
}

func newStory(t *testing.T, open func(testing.TB) table.Table, settings string) *story {
	t.Helper()
	s := &story{now: time.Now().Truncate(time.Millisecond)}
	s.service = newApplication(t, open(t), app.Options{Now: func() time.Time { return s.now }})
	s.mustAdmin(201, "PUT", "/tenants/acme", settings)
	s.token, _ = s.mustAdmin(201, "POST", "/tenants/acme/tokens", "")["token"].(string)
	return s
}

// later advances the clock until no cached settings or tokens are used.
func (s *story) later() { s.now = s.now.Add(access.CacheTime + time.Second) }

// usage fails the test unless the seats and Reader licences in use are as
// given.
func (s *story) usage(when string, seats, readers float64) {
	s.t.Helper()
	u := s.mustAdmin(200, "GET", "/tenants/acme/usage", "")
	got, of := u["seats"].(map[string]any)["used"], u["readers"].(map[string]any)["used"]
	assert.Truef(s.t, got == seats && of == readers, "%s: %v seats and %v readers in use, want %v and %v", when, got, of, seats, readers)
}

// refused sends a SCIM request that must be refused with a detail that has a
// text. It returns the detail.
func (s *story) refused(status int, cause, method, path, body string, says ...string) {
	s.t.Helper()
	a := s.send(method, path, body)
	detail, _ := a.body["detail"].(string)
	if a.status != status || a.event["cause"] != cause {
		s.t.Errorf("%s %s: %d, cause %v: %v, want %d, %s", method, path, a.status, a.event["cause"], a.body, status, cause)
	}
	for _, text := range append(says, "(request "+a.header.Get("X-Request-Id")+")") {
		assert.Containsf(s.t, detail, text, "%s %s: the detail does not say %q", method, path, text)
	}
}

// own creates a user by the application.
func (s *story) own(attributes string) string {
	s.t.Helper()
	id, _ := s.mustAdmin(201, "POST", "/tenants/acme/users", "{"+attributes+"}")["id"].(string)
	return id
}

func (s *story) seen(id string) map[string]any {
	s.t.Helper()
	return s.mustAdmin(200, "GET", "/tenants/acme/users/"+id, "")
}

func teamAccount(is bool) string {
	return fmt.Sprintf(`"schemas":[%q,%q],%q:{"isTeamAccount":%t}`, scim.CoreUserURN, scim.RollcallURN, scim.RollcallURN, is)
}

func setTeamAccount(is bool) string {
	return patchBody(fmt.Sprintf(`[{"op":"replace","path":"%s:isTeamAccount","value":%t}]`, scim.RollcallURN, is))
}

// The problems that administrators of other products report.
func TestReportedProblems(t *testing.T) {
	for name, story := range map[string]func(*testing.T, func(testing.TB) table.Table){
		"the user exists":                 storyExists,
		"the seat limit":                  storySeats,
		"lowering the limit":              storyLower,
		"PATCH against DELETE":            storyPatchOrDelete,
		"available in the project":        storyAvailable,
		"deactivated in the application":  storyDeactivated,
		"a group deleted in the app":      storyGroup,
		"a group pushed without a seat":   storyGroupWithoutSeat,
		"SCIM off and on":                 storyOff,
		"a protected owner":               storyProtected,
		"a user deleted for good":         storyPurge,
		"a token that was revoked":        storyToken,
		"readers by default, and limited": storyReaders,
	} {
		t.Run(name, func(t *testing.T) { enginetest.RunOn(t, enginetest.Plain(), story) })
	}
}

func storyExists(t *testing.T, open func(testing.TB) table.Table) {
	s := newStory(t, open, `{"maxSeats":5}`)
	active := s.must(201, "POST", "/Users", userBody(`"userName":"ann@x"`))
	s.refused(409, "duplicate", "POST", "/Users", userBody(`"userName":"ANN@x"`), active, "match the existing user")
	s.must(200, "PATCH", "/Users/"+active, patchBody(deactivate))
	s.usage("deactivated", 0, 0)
	again := s.must(200, "POST", "/Users", userBody(`"userName":"ann@x","title":"back"`))
	assert.Equalf(t, active, again, "reactivated as %s, was %s", again, active)
	s.usage("reactivated", 1, 0)
	for origin, link := range map[string]string{"manual": http.MethodPut, "jit": http.MethodPatch} {
		id := s.own(fmt.Sprintf(`"userName":"%s@x","email":"%s@x","origin":"%s","accountType":"user"`, origin, origin, origin))
		u := s.seen(id)
		assert.Truef(t, u["origin"] == origin && u["scimManaged"] == false && u["holds"] == "seat", "made: %v", u)
		s.refused(409, "own_user", "POST", "/Users", userBody(`"userName":"`+origin+`@x"`), "already available in the project")
		body := userBody(`"userName":"` + origin + `@x","externalId":"e-` + origin + `"`)
		if link == http.MethodPatch {
			body = patchBody(`[{"op":"add","path":"externalId","value":"e-` + origin + `"}]`)
		}
		s.must(200, link, "/Users/"+id, body)
		u = s.seen(id)
		assert.Truef(t, u["scimManaged"] == true && u["origin"] == origin && u["externalId"] == "e-"+origin, "linked: %v", u)
		s.refused(409, "duplicate", "POST", "/Users", userBody(`"userName":"`+origin+`@x"`))
	}
	s.usage("linked", 3, 0)
}

func storySeats(t *testing.T, open func(testing.TB) table.Table) {
	s := newStory(t, open, `{"maxSeats":1}`)
	s.must(201, "POST", "/Users", userBody(`"userName":"a"`))
	s.refused(403, "seat_limit", "POST", "/Users", userBody(`"userName":"b"`), "1 of 1 seats in use")
	a := s.admin("POST", "/tenants/acme/users", `{"userName":"b"}`)
	assert.Truef(t, a.status == 409 && strings.Contains(a.body["detail"].(string), "1 of 1 seats"), "the application at the limit: %d %v", a.status, a.body)
	s.must(201, "POST", "/Users", `{`+teamAccount(false)+`,"userName":"r"}`)
	s.usage("at the limit", 1, 1)
	s.mustAdmin(200, "PATCH", "/tenants/acme", `{"maxSeats":2}`)
	s.must(201, "POST", "/Users", userBody(`"userName":"b"`))
	s.usage("raised", 2, 1)
}

func storyLower(t *testing.T, open func(testing.TB) table.Table) {
	s := newStory(t, open, `{"maxSeats":3}`)
	var ids []string
	for i := range 3 {
		ids = append(ids, s.must(201, "POST", "/Users", userBody(fmt.Sprintf(`"userName":"u%d"`, i))))
	}
	s.mustAdmin(200, "PATCH", "/tenants/acme", `{"maxSeats":1}`)
	s.usage("lowered", 3, 0)
	for i, id := range ids {
		s.must(200, "PATCH", "/Users/"+id, patchBody(deactivate))
		s.usage("freed", float64(2-i), 0)
		if i < 2 {
			s.refused(403, "seat_limit", "POST", "/Users", userBody(`"userName":"new"`))
		}
	}
	s.must(201, "POST", "/Users", userBody(`"userName":"new"`))
	s.refused(403, "seat_limit", "PATCH", "/Users/"+ids[0], patchBody(activate))
	s.usage("at the lower limit", 1, 0)
}

func storyPatchOrDelete(t *testing.T, open func(testing.TB) table.Table) {
	s := newStory(t, open, `{"maxSeats":2}`)
	kept := s.must(201, "POST", "/Users", userBody(`"userName":"kept"`))
	gone := s.must(201, "POST", "/Users", userBody(`"userName":"gone"`))
	group := s.must(201, "POST", "/Groups", groupBody("crew", kept, gone))
	s.must(200, "PATCH", "/Users/"+kept, patchBody(deactivate))
	s.must(204, "DELETE", "/Users/"+gone, "")
	s.usage("both off", 0, 0)
	a := s.send("GET", "/Users/"+kept, "")
	assert.Truef(t, a.status == 200 && a.body["active"] == false, "deactivated: %d %v", a.status, a.body)
	assert.Equal(t, 404, s.send("GET", "/Users/"+gone, "").status, "deleted")
	members := s.membersOf(group)
	assert.Truef(t, len(members) == 1 && members[0] == kept, "members: %v", members)
	u := s.seen(gone)
	assert.Truef(t, u["deleted"] == true && u["deactivatedBy"] == "scim", "the application sees: %v", u)
	list := s.mustAdmin(200, "GET", "/tenants/acme/users", "")["users"].([]any)
	assert.Lenf(t, list, 1, "the list: %v", list)
	list = s.mustAdmin(200, "GET", "/tenants/acme/users?deleted=true", "")["users"].([]any)
	assert.Lenf(t, list, 2, "the list with the deleted: %v", list)
	for _, name := range []string{"kept", "gone"} {
		s.must(200, "POST", "/Users", userBody(`"userName":"`+name+`"`))
	}
	s.usage("both back", 2, 0)
	members = s.membersOf(group)
	assert.Truef(t, len(members) == 1 && members[0] == kept, "a deleted user came back into the group: %v", members)
}

func storyAvailable(t *testing.T, open func(testing.TB) table.Table) {
	s := newStory(t, open, `{"maxSeats":1}`)
	id := s.own(`"userName":"a@x"`)
	s.usage("made", 1, 0)
	reader := `{` + teamAccount(false) + `,"userName":"a@x"}`
	s.refused(409, "own_user_conversion", "POST", "/Users", reader, "already available in the project", "Then set it to false")
	s.refused(409, "own_user_conversion", "PATCH", "/Users/"+id, setTeamAccount(false), "Then set it to false")
	s.usage("refused", 1, 0)
	s.must(200, "PATCH", "/Users/"+id, setTeamAccount(true))
	s.usage("linked", 1, 0)
	u := s.seen(id)
	assert.Truef(t, u["scimManaged"] == true && u["accountType"] == "user", "linked: %v", u)
	s.must(200, "PATCH", "/Users/"+id, setTeamAccount(false))
	s.usage("converted", 0, 1)
	s.must(201, "POST", "/Users", userBody(`"userName":"b@x"`))
	s.refused(403, "seat_limit", "PATCH", "/Users/"+id, setTeamAccount(true))
	s.usage("the seat is another's", 1, 1)
}

func storyDeactivated(t *testing.T, open func(testing.TB) table.Table) {
	s := newStory(t, open, `{"maxSeats":1}`)
	id := s.must(201, "POST", "/Users", userBody(`"userName":"a"`))
	path := "/tenants/acme/users/" + id
	u := s.mustAdmin(200, "PATCH", path, `{"active":false}`)
	assert.Truef(t, u["deactivatedBy"] == "app" && u["holds"] == nil, "deactivated: %v", u)
	s.usage("deactivated", 0, 0)
	s.refused(409, "duplicate_deactivated_in_app", "POST", "/Users", userBody(`"userName":"a"`), "in the application")
	s.refused(403, "deactivated_in_app", "PATCH", "/Users/"+id, patchBody(activate))
	s.refused(403, "deactivated_in_app", "PUT", "/Users/"+id, userBody(`"userName":"a","active":true`))
	s.must(200, "PUT", "/Users/"+id, userBody(`"userName":"a","title":"x"`))
	s.mustAdmin(200, "PATCH", path, `{"active":true}`)
	s.usage("reactivated", 1, 0)
	s.must(200, "PATCH", "/Users/"+id, patchBody(deactivate))
	s.own(`"userName":"b"`)
	a := s.admin("PATCH", path, `{"active":true}`)
	assert.Equalf(t, 409, a.status, "without a seat: %d %v", a.status, a.body)
	version := s.admin("GET", path, "").header.Get("ETag")
	assert.Equal(t, 412, s.admin("PATCH", path, `{"displayName":"A"}`, "If-Match", `W/"1"`).status, "an old version")
	a = s.admin("PATCH", path, `{"displayName":"A","email":"a@x"}`, "If-Match", version)
	assert.Truef(t, a.status == 200 && a.body["displayName"] == "A" && a.body["email"] == "a@x", "the version of now: %d %v", a.status, a.body)
}

func storyGroup(t *testing.T, open func(testing.TB) table.Table) {
	s := newStory(t, open, `{"maxSeats":2}`)
	user := s.must(201, "POST", "/Users", userBody(`"userName":"a"`))
	id := s.must(201, "POST", "/Groups", groupBody("Sales", user))
	list := s.mustAdmin(200, "GET", "/tenants/acme/groups", "")["groups"].([]any)
	assert.Lenf(t, list, 1, "the list: %v", list)
	g := s.mustAdmin(200, "GET", "/tenants/acme/groups/"+id, "")
	assert.Truef(t, g["displayName"] == "Sales", "the group: %v", g)
	s.mustAdmin(204, "DELETE", "/tenants/acme/groups/"+id, "")
	day := s.now.UTC().Format("2006-01-02")
	for _, r := range [][2]string{
		{"GET", ""},
		{"PUT", groupBody("Sales", user)},
		{"PATCH", patchBody(`[{"op":"add","path":"members","value":[{"value":"` + user + `"}]}]`)},
		{"DELETE", ""},
	} {
		s.refused(404, "group_deleted", r[0], "/Groups/"+id, r[1], day, "by the application", "Sales", "unlink the group", "push it again")
	}
	assert.Equal(t, 404, s.admin("GET", "/tenants/acme/groups/"+id, "").status, "the application reads it")
	markers := s.mustAdmin(200, "GET", "/tenants/acme/deleted-groups", "")["deletedGroups"].([]any)
	if len(markers) != 1 || markers[0].(map[string]any)["deletedBy"] != operator || markers[0].(map[string]any)["displayName"] != "Sales" {
		t.Errorf("the markers: %v", markers)
	}
	again := s.must(201, "POST", "/Groups", groupBody("Sales", user))
	assert.NotEqual(t, id, again, "the group came back under its id")
	s.refused(404, "group_deleted", "GET", "/Groups/"+id, "")
	members := s.membersOf(again)
	assert.Lenf(t, members, 1, "pushed again: %v", members)
}

func storyGroupWithoutSeat(t *testing.T, open func(testing.TB) table.Table) {
	s := newStory(t, open, `{"maxSeats":1}`)
	user := s.must(201, "POST", "/Users", userBody(`"userName":"a"`))
	s.refused(403, "seat_limit", "POST", "/Users", userBody(`"userName":"b"`))
	a := s.send("POST", "/Groups", groupBody("Sales", user, "nobody-who-could-not-be-provisioned"))
	if a.status != 201 || a.event["outcome"] != "warning" || a.event["cause"] != "unknown_members" ||
		a.event["membersSkipped"] != "nobody-who-could-not-be-provisioned" {
		t.Fatalf("pushed: %d %v %v", a.status, a.body, a.event)
	}
	id, _ := a.body["id"].(string)
	s.mustAdmin(204, "DELETE", "/tenants/acme/groups/"+id, "")
	again := s.must(201, "POST", "/Groups", groupBody("Sales", user))
	members := s.membersOf(again)
	assert.Truef(t, len(members) == 1 && members[0] == user, "pushed again at the limit: %v", members)
	s.usage("at the end", 1, 0)
}

func storyOff(t *testing.T, open func(testing.TB) table.Table) {
	s := newStory(t, open, `{"maxSeats":2}`)
	user := s.must(201, "POST", "/Users", userBody(`"userName":"a"`))
	group := s.must(201, "POST", "/Groups", groupBody("g", user))
	s.mustAdmin(200, "PATCH", "/tenants/acme", `{"scimEnabled":false}`)
	s.later()
	for _, r := range [][3]string{
		{"GET", "/Users", ""},
		{"POST", "/Users", userBody(`"userName":"b"`)},
		{"PATCH", "/Users/" + user, patchBody(deactivate)},
		{"DELETE", "/Groups/" + group, ""},
		{"GET", "/Schemas", ""},
		{"POST", "/Bulk", `{"schemas":["` + scim.BulkRequestURN + `"],"Operations":[]}`},
	} {
		s.refused(403, "scim_disabled", r[0], r[1], r[2], "turned off", "owner of the application")
	}
	s.mustAdmin(204, "DELETE", "/tenants/acme/groups/"+group, "")
	s.mustAdmin(200, "PATCH", "/tenants/acme/users/"+user, `{"active":false}`)
	s.mustAdmin(200, "PATCH", "/tenants/acme", `{"scimEnabled":true}`)
	s.later()
	s.refused(404, "group_deleted", "GET", "/Groups/"+group, "")
	a := s.send("GET", "/Users/"+user, "")
	assert.Truef(t, a.status == 200 && a.body["active"] == false && a.body["groups"] == nil, "turned on again: %d %v", a.status, a.body)
}

func storyProtected(t *testing.T, open func(testing.TB) table.Table) {
	s := newStory(t, open, `{"maxSeats":3}`)
	id := s.must(201, "POST", "/Users", userBody(`"userName":"owner"`))
	group := s.must(201, "POST", "/Groups", groupBody("g", id))
	path := "/tenants/acme/users/" + id
	u := s.mustAdmin(200, "PATCH", path, `{"protected":true}`)
	assert.Truef(t, u["protected"] == true, "protected: %v", u)
	for _, r := range [][3]string{
		{"PATCH", "/Users/" + id, patchBody(deactivate)},
		{"PUT", "/Users/" + id, userBody(`"userName":"owner","active":false`)},
		{"DELETE", "/Users/" + id, ""},
		{"PATCH", "/Users/" + id, patchBody(`[{"op":"replace","path":"userName","value":"other"}]`)},
		{"PATCH", "/Users/" + id, setTeamAccount(false)},
		{"PATCH", "/Groups/" + group, patchBody(`[{"op":"remove","path":"members[value eq \"` + id + `\"]"}]`)},
		{"PATCH", "/Groups/" + group, patchBody(`[{"op":"remove","path":"members"}]`)},
		{"PUT", "/Groups/" + group, groupBody("g")},
	} {
		s.refused(403, "protected", r[0], r[1], r[2], id, "owner of the application", "unprotect")
	}
	a := s.send("POST", "/Bulk", fmt.Sprintf(`{"schemas":[%q],"Operations":[{"method":"DELETE","path":"/Users/%s"}]}`, scim.BulkRequestURN, id))
	operations, _ := a.body["Operations"].([]any)
	assert.Truef(t, len(operations) == 1 && operations[0].(map[string]any)["status"] == "403", "by bulk: %v", a.body)
	s.must(200, "PATCH", "/Users/"+id, patchBody(`[{"op":"replace","path":"title","value":"CEO"}]`))
	members := s.membersOf(group)
	assert.Lenf(t, members, 1, "members: %v", members)
	s.mustAdmin(200, "PATCH", path, `{"protected":false}`)
	s.must(200, "PATCH", "/Users/"+id, patchBody(deactivate))
	s.usage("unprotected", 0, 0)
}

func storyPurge(t *testing.T, open func(testing.TB) table.Table) {
	s := newStory(t, open, `{"maxSeats":3}`)
	live := s.must(201, "POST", "/Users", userBody(`"userName":"a@x","externalId":"e","emails":[{"value":"a@x"},{"value":"b@x"}]`))
	gone := s.must(201, "POST", "/Users", userBody(`"userName":"gone"`))
	s.must(201, "POST", "/Groups", groupBody("g", live, gone))
	s.must(204, "DELETE", "/Users/"+gone, "")
	for _, id := range []string{live, gone} {
		s.mustAdmin(204, "DELETE", "/tenants/acme/users/"+id, "")
		assert.Equal(t, 404, s.admin("GET", "/tenants/acme/users/"+id, "").status, "purged")
		assert.Equal(t, 404, s.admin("DELETE", "/tenants/acme/users/"+id, "").status, "purged twice")
	}
	s.usage("purged", 0, 0)
	assert.NotEqual(t, live, s.must(201, "POST", "/Users", userBody(`"userName":"a@x","externalId":"e"`)), "the record came back")
	s.must(201, "POST", "/Users", userBody(`"userName":"gone"`))
}

func storyToken(t *testing.T, open func(testing.TB) table.Table) {
	s := newStory(t, open, `{}`)
	minted := s.mustAdmin(201, "POST", "/tenants/acme/tokens", `{"label":"Entra"}`)
	s.token = minted["token"].(string)
	s.must(200, "GET", "/Users", "")
	s.mustAdmin(204, "DELETE", "/tenants/acme/tokens/"+minted["id"].(string), "")
	s.later()
	s.refused(401, "token_revoked", "GET", "/Users", "", "revoked", "new token")
	s.token = "rct_acme_nonsense"
	s.refused(401, "token_invalid", "GET", "/Users", "", "Copy the whole token")
}

func storyReaders(t *testing.T, open func(testing.TB) table.Table) {
	s := newStory(t, open, `{"maxSeats":0,"maxReaders":1,"defaultAccountType":"reader"}`)
	s.must(201, "POST", "/Users", userBody(`"userName":"a"`))
	s.usage("by default", 0, 1)
	s.refused(403, "reader_limit", "POST", "/Users", userBody(`"userName":"b"`), "1 of 1")
	assert.Equal(t, 409, s.admin("POST", "/tenants/acme/users", `{"userName":"b"}`).status, "the application at the limit")
	s.must(201, "POST", "/Users", userBody(`"userName":"off","active":false`))
	s.usage("one more, inactive", 0, 1)
}
