package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/httpapi"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/logline"
	"github.com/rollcall-scim/rollcall/internal/representation"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// An application is the application's side of a service's tenant.
type application struct {
	s   *service
	dir *directory.Directory
}

func (s *service) application() application {
	return application{s, directory.New(directory.Config{
		Store: s.app.Store, Users: directory.Types("").User, Groups: schema.GroupType(), Extension: scim.RollcallURN,
		Documents: representation.New(schema.Types{User: directory.Types("").User, Group: schema.GroupType()}, baseURL),
		NewID:     func(time.Time) string { return uuid.Must(uuid.NewV7()).String() }, Now: time.Now,
	})}
}

func (a application) by() directory.Caller {
	return directory.Caller{
		RequestID: uuid.Must(uuid.NewV7()).String(), Settings: tenant.DefaultSettings(), Time: time.Now(),
		By: journal.ByApplication, Who: "Ada Admin",
	}
}

func (a application) modify(id string, c directory.AppChange) {
	a.s.t.Helper()
	_, err := a.dir.ModifyInApp(a.s.t.Context(), a.s.tenant, a.by(), id, nil, c)
	require.NoError(a.s.t, err)
}

// wantRefused compares a refusal and its event.
func wantRefused(t *testing.T, name string, a answer, status int, cause cause.Cause, details ...string) {
	t.Helper()
	detail, _ := a.body["detail"].(string)
	if a.status != status || a.event["cause"] != string(cause) || a.event["outcome"] != "failure" {
		t.Errorf("%s: %d %v, cause %v", name, a.status, a.body, a.event["cause"])
	}
	for _, part := range details {
		assert.Containsf(t, detail, part, "%s: detail %q has no %q", name, detail, part)
	}
	_, has := a.body["scimType"]
	assert.Falsef(t, has, "%s: scimType %v, want none", name, a.body["scimType"])
}

// A change of a protected user is refused with 403, and the detail says who can
// make it.
func TestProtected(t *testing.T) { enginetest.Run(t, testProtected) }

func testProtected(t *testing.T, open opener) {
	s := newService(t, open, 5)
	owner := s.mustCreate(`"userName":"owner"`)
	other := s.mustCreate(`"userName":"other"`)
	a := s.send("POST", "/Groups", groupBody(`"displayName":"admins","members":`+memberList(owner, other)))
	group, _ := a.body["id"].(string)
	yes, no := true, false
	s.application().modify(owner, directory.AppChange{Protected: &yes})
	for _, tt := range []struct{ name, method, path, body, what string }{
		{"deactivated", "PATCH", "/Users/" + owner, patchBody(`[{"op":"replace","path":"active","value":false}]`), "cannot be deactivated"},
		{"put inactive", "PUT", "/Users/" + owner, userBody(`"userName":"owner","active":false`), "cannot be deactivated"},
		{"deleted", "DELETE", "/Users/" + owner, "", "cannot be deleted"},
		{"renamed", "PATCH", "/Users/" + owner, patchBody(`[{"op":"replace","path":"userName","value":"x"}]`), "cannot be renamed"},
		{
			"demoted", "PATCH", "/Users/" + owner,
			patchBody(`[{"op":"replace","path":"` + scim.RollcallURN + `:isTeamAccount","value":false}]`), "cannot be made a Reader",
		},
		{"another email", "PATCH", "/Users/" + owner, patchBody(`[{"op":"add","path":"emails","value":[{"value":"evil@x.test"}]}]`), "cannot be given another unique email"},
		{"another externalId", "PUT", "/Users/" + owner, userBody(`"userName":"owner","externalId":"x"`), "cannot be given another externalId"},
		{"taken out", "PATCH", "/Groups/" + group, memberPatch("remove", owner), "cannot be taken out of a group"},
		{"replaced", "PUT", "/Groups/" + group, groupBody(`"displayName":"admins","members":` + memberList(other)), "cannot be taken out of a group"},
		{"cleared", "PATCH", "/Groups/" + group, patchBody(`[{"op":"remove","path":"members"}]`), "cannot be taken out of a group"},
		{"group deleted", "DELETE", "/Groups/" + group, "", "cannot be taken out of a group"},
	} {
		wantRefused(t, tt.name, s.send(tt.method, tt.path, tt.body), http.StatusForbidden, cause.Protected,
			tt.what, owner, "an owner of the application to unprotect")
	}
	// The same by Bulk. Each operation logs a line of its own.
	bulk := fmt.Sprintf(`{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[
		{"method":"PATCH","path":"/Users/%[1]s","data":%[3]s},{"method":"DELETE","path":"/Users/%[1]s"},
		{"method":"PATCH","path":"/Groups/%[2]s","data":%[4]s},{"method":"DELETE","path":"/Groups/%[2]s"},
		{"method":"PATCH","path":"/Users/%[1]s","data":%[5]s},{"method":"PUT","path":"/Users/%[1]s","data":%[6]s}]}`,
		owner, group, patchBody(`[{"op":"replace","path":"active","value":false}]`), memberPatch("remove", owner),
		patchBody(`[{"op":"add","value":{"emails":[{"value":"evil@x.test"}]}}]`), userBody(`"userName":"owner","externalId":"x"`))
	w := s.raw("POST", "/scim/v2/Bulk", bulk)
	n := strings.Count(w, "is protected in the application")
	assert.Truef(t, n == 6 && strings.Count(w, `"status":"403","response"`) == 6, "Bulk refuses %d of 6: %s", n, w)
	if a := s.send("PATCH", "/Groups/"+group, memberPatch("remove", other)); a.status != 200 {
		t.Errorf("another member leaves: %d %s", a.status, a.raw)
	}
	s.application().modify(owner, directory.AppChange{Protected: &no})
	for _, path := range []string{"/Groups/" + group, "/Users/" + owner} {
		a := s.send("DELETE", path, "")
		assert.Equalf(t, 204, a.status, "DELETE %s: %d %s", path, a.status, a.raw)
	}
}

// Linking one of the application's users: a POST never changes the account
// type, and a PATCH that does is logged.
func TestLink(t *testing.T) { enginetest.Run(t, testLink) }

func testLink(t *testing.T, open opener) {
	s := newService(t, open, 5)
	own := s.application()
	result, err := own.dir.CreateInApp(t.Context(), s.tenant, own.by(), directory.AppUser{
		UserName: "jit@x.test", Email: "jit@x.test", Origin: directory.OriginJIT,
	})
	require.NoError(t, err)
	id := result.User.ID
	team := `,"` + scim.RollcallURN + `":{"isTeamAccount":true}`
	for _, tt := range []struct{ sent, recorded, reported string }{
		{`"userName":"mallory@evil.test","emails":[{"value":"jit@x.test"}]`, `userName "jit@x.test"`, `"mallory@evil.test"`},
		{`"userName":"JIT@x.test","emails":[{"value":"mallory@evil.test"}]`, `email "jit@x.test"`, `"mallory@evil.test"`},
	} {
		a := s.send("POST", "/Users", userBody(tt.sent+team))
		detail, _ := a.body["detail"].(string)
		if a.status != 409 || a.body["scimType"] != "uniqueness" || !strings.Contains(detail, tt.recorded) || !strings.Contains(detail, tt.reported) || !strings.Contains(detail, id) {
			t.Errorf("POST %s: %d %s", tt.sent, a.status, a.raw)
		}
		wantEvent(t, a, map[string]any{"outcome": "failure", "cause": "identity_differs", "scimType": "uniqueness"})
	}
	a := s.send("PATCH", "/Users/"+id, patchBody(`[{"op":"replace","path":"userName","value":"jit2@x.test"}]`))
	assert.Equalf(t, 200, a.status, "PATCH: %d %s", a.status, a.raw)
	wantEvent(t, a, map[string]any{
		"action": "linked", "outcome": "warning", "cause": "identity_changed",
		"detail": `Linking the user changed userName from "jit@x.test" to "jit2@x.test".`,
	})
}

// A name that looks like an existing one cannot become a second user or group,
// and misleading characters are refused, by every kind of request.
func TestLookalikes(t *testing.T) { enginetest.Run(t, testLookalikes) }

func testLookalikes(t *testing.T, open opener) {
	s := newService(t, open, 50)
	s.mustCreate(`"userName":"ign@example.com","emails":[{"value":"mail@bücher.example"}]`)
	other := s.mustCreate(`"userName":"other"`)
	if a := s.send("POST", "/Groups", groupBody(`"displayName":"Admins"`)); a.status != 201 {
		t.Fatal(a.raw)
	}
	crew, _ := s.send("POST", "/Groups", groupBody(`"displayName":"Crew"`)).body["id"].(string)
	names := map[string]int{
		"i\u034fgn@example.com": 409, "ig\u3164n@example.com": 409, "ig\u17b4n@example.com": 409, "ig\U000e0101n@example.com": 409,
		"ig\u180bn@example.com": 409, "ig\u200bn@example.com": 409, "ig\u2800n@example.com": 409, "ign@example\u3002com": 409,
		"ign@EXAMPLE.com.": 409, "mail@xn--bcher-kva.example": 409,
		"ig\u202en@example.com": 400, "ig\u200fn@example.com": 400, "ig\u009bn@example.com": 400, "ig\tn@example.com": 400, "\u200b\u2800": 400,
	}
	for name, status := range names {
		quoted, _ := json.Marshal(name)
		for _, tt := range []struct{ method, path, body string }{
			{"POST", "/Users", userBody(`"userName":` + string(quoted))},
			{"POST", "/Users", userBody(`"userName":"new","emails":[{"value":` + string(quoted) + `}]`)},
			{"PUT", "/Users/" + other, userBody(`"userName":` + string(quoted))},
			{"PATCH", "/Users/" + other, patchBody(`[{"op":"replace","path":"userName","value":` + string(quoted) + `}]`)},
			{"PATCH", "/Users/" + other, patchBody(`[{"op":"add","value":{"emails":[{"value":` + string(quoted) + `}]}}]`)},
		} {
			a := s.send(tt.method, tt.path, tt.body)
			want, cause := "uniqueness", "duplicate"
			if status == 400 {
				want, cause = "invalidValue", "validation"
			}
			assert.Truef(t, a.status == status && a.body["scimType"] == want, "%s %s %+q: %d %s, want %d", tt.method, tt.path, name, a.status, a.raw, status)
			wantEvent(t, a, map[string]any{"outcome": "failure", "cause": cause})
		}
	}
	for name, status := range map[string]int{"Adm\u200bins": 409, "\u2060Admins\ufe0f": 409, "Ad\u009b31mmins": 400, "Ad\u2066mins": 400, "Ad\nmins": 400, "\u200b": 400} {
		quoted, _ := json.Marshal(name)
		for _, a := range []answer{
			s.send("POST", "/Groups", groupBody(`"displayName":`+string(quoted))),
			s.send("PUT", "/Groups/"+crew, groupBody(`"displayName":`+string(quoted))),
			s.send("PATCH", "/Groups/"+crew, patchBody(`[{"op":"replace","path":"displayName","value":`+string(quoted)+`}]`)),
		} {
			assert.Equalf(t, status, a.status, "a group %+q: %d %s, want %d", name, a.status, a.raw, status)
		}
	}
	// The same by Bulk, and by the application.
	bulk := `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[
		{"method":"POST","path":"/Users","bulkId":"a","data":` + userBody(`"userName":"ig\u200bn@example.com"`) + `},
		{"method":"POST","path":"/Groups","bulkId":"b","data":` + groupBody(`"displayName":"Ad\u009bmins"`) + `}]}`
	w := s.raw("POST", "/scim/v2/Bulk", bulk)
	assert.Truef(t, strings.Contains(w, `"status":"409"`) && strings.Contains(w, `"status":"400"`), "Bulk: %s", w)
	own := s.application()
	for _, name := range []string{"ig\u200bn@example.com", "ig\u202en@example.com", "\u200b"} {
		_, err := own.dir.CreateInApp(t.Context(), s.tenant, own.by(), directory.AppUser{UserName: name, Origin: directory.OriginManual})
		assert.Errorf(t, err, "the application creates %+q", name)
	}
	// Filters compare names in the same way.
	for filter, want := range map[string]float64{
		`userName eq "ig` + "\u200b" + `n@example.com"`: 1, `userName sw "ig` + "\u034f" + `n@ex"`: 1, `userName co "n@example` + "\u3002" + `"`: 1,
		`emails eq "MAIL@xn--bcher-kva.example"`: 1, `emails.value ew "xn--bcher-kva.example"`: 1, `displayName eq "x"`: 0,
	} {
		a := s.send("GET", "/Users?filter="+url.QueryEscape(filter), "")
		assert.Truef(t, a.body["totalResults"] == want, "%+q: %s", filter, a.raw)
	}
	// One user's userName as the email of another: the detail names the holder
	// and the attribute.
	a := s.send("POST", "/Users", userBody(`"userName":"new","emails":[{"value":"IGN@example.com"}]`))
	if detail, _ := a.body["detail"].(string); a.status != 409 || !strings.Contains(detail, `the email "IGN@example.com" is the userName of the active user `) {
		t.Errorf("an email that is a userName: %d %s", a.status, a.raw)
	}
}

// A user that returns with another externalId is answered without groups, and
// the event says so.
func TestRehire(t *testing.T) { enginetest.Run(t, testRehire) }

func testRehire(t *testing.T, open opener) {
	s := newService(t, open, 5)
	id := s.mustCreate(`"userName":"old@x.test","externalId":"OLD"`)
	group := s.send("POST", "/Groups", groupBody(`"displayName":"admins","members":`+memberList(id)))
	s.send("PATCH", "/Users/"+id, patchBody(`[{"op":"replace","path":"active","value":false}]`))
	a := s.send("POST", "/Users", userBody(`"userName":"old@x.test","externalId":"NEW"`))
	assert.Truef(t, a.status == 200 && a.body["id"] == id && !strings.Contains(a.raw, `"groups"`), "POST: %d %s", a.status, a.raw)
	wantEvent(t, a, map[string]any{
		"action": "reactivated", "outcome": "warning", "cause": "external_id_changed", "seatDelta": 1.0,
		"detail": "The externalId differs from the one that the user had; the user leaves its groups. Groups left: 1.",
	})
	read := s.send("GET", "/Groups/"+group.body["id"].(string), "")
	if strings.Contains(read.raw, id) || read.body["meta"].(map[string]any)["version"] == group.body["meta"].(map[string]any)["version"] {
		t.Errorf("the group afterwards: %s", read.raw)
	}
	// The same by PATCH as by POST.
	s.send("PATCH", "/Groups/"+group.body["id"].(string), memberPatch("add", id))
	s.send("PATCH", "/Users/"+id, patchBody(`[{"op":"replace","path":"active","value":false}]`))
	a = s.send("PATCH", "/Users/"+id, patchBody(`[{"op":"replace","value":{"active":true,"externalId":"OTHER"}}]`))
	assert.Truef(t, a.status == 200 && !strings.Contains(a.raw, `"groups"`), "PATCH: %d %s", a.status, a.raw)
	wantEvent(t, a, map[string]any{"outcome": "warning", "cause": "external_id_changed"})
}

// A group that the application deleted: every request to its id says when, who
// deleted it and what to do. Pushing the group again creates a new one.
func TestGroupDeletedInTheApplication(t *testing.T) {
	enginetest.Run(t, testGroupDeletedInTheApplication)
}

func testGroupDeletedInTheApplication(t *testing.T, open opener) {
	s := newService(t, open, 1)
	ann := s.mustCreate(`"userName":"ann"`) // and no seat is left
	body := groupBody(`"displayName":"Sales","externalId":"e-1","members":` + memberList(ann))
	a := s.send("POST", "/Groups", body)
	id, _ := a.body["id"].(string)
	own := s.application()
	by := own.by()
	_, err := own.dir.DeleteGroupInApp(t.Context(), s.tenant, by, id)
	require.NoError(t, err)
	for _, tt := range []struct{ name, method, query, body string }{
		{"GET", "GET", "", ""},
		{"GET without members", "GET", "?excludedAttributes=members", ""},
		{"PUT", "PUT", "", body},
		{"PATCH of the name", "PATCH", "", patchBody(`[{"op":"replace","path":"displayName","value":"S"}]`)},
		{"PATCH adds", "PATCH", "", memberPatch("add", ann)},
		{"PATCH removes", "PATCH", "", memberPatch("remove", ann)},
		{"DELETE", "DELETE", "", ""},
	} {
		wantRefused(t, tt.name, s.send(tt.method, "/Groups/"+id+tt.query, tt.body), http.StatusNotFound, cause.GroupDeleted,
			`The group "Sales" was deleted in the application on `+by.Time.UTC().Format("2006-01-02 at 15:04:05 UTC")+" by Ada Admin.",
			"push it again")
	}
	wantRefused(t, "an id that never was", s.send("GET", "/Groups/none", ""), http.StatusNotFound, cause.GroupNotFound, "push it again")
	a = s.send("POST", "/Groups", body)
	again, _ := a.body["id"].(string)
	assert.Truef(t, a.status == 201 && again != id, "pushed again: %d %s", a.status, a.raw)
	if a := s.send("GET", "/Users/"+ann, ""); !strings.Contains(a.raw, `"display":"Sales"`) || strings.Contains(a.raw, id) {
		t.Errorf("the member: %s", a.raw)
	}
}

// With SCIM disabled every request of the tenant gets 403. Enabled again,
// everything works as before, and changes made meanwhile remain.
func TestSCIMOffAndOn(t *testing.T) { enginetest.Run(t, testSCIMOffAndOn) }

func testSCIMOffAndOn(t *testing.T, open opener) {
	engine := open(t)
	s := newServiceOn(t, engine, 5, tenant.DefaultSettings())
	ann := s.mustCreate(`"userName":"ann"`)
	bob := s.mustCreate(`"userName":"bob"`)
	a := s.send("POST", "/Groups", groupBody(`"displayName":"Sales","members":`+memberList(ann, bob)))
	group, _ := a.body["id"].(string)
	before := s.send("GET", "/Users/"+ann, "").raw

	s.turn(engine, false)
	for _, route := range httpapi.Routes() {
		path := strings.TrimPrefix(strings.ReplaceAll(route.Path, "{id}", ann), httpapi.Prefix)
		if strings.HasPrefix(strings.ToLower(path), "/groups") {
			path = strings.ReplaceAll(path, ann, group)
		}
		a := s.send(route.Method, path, userBody(`"userName":"new"`))
		wantRefused(t, route.Method+" "+path, a, http.StatusForbidden, cause.SCIMDisabled,
			"SCIM provisioning is turned off for this tenant.", "Ask an owner of the application to turn SCIM provisioning on, ")
	}
	own, no := s.application(), false
	own.modify(bob, directory.AppChange{Active: &no})
	_, err := own.dir.DeleteGroupInApp(t.Context(), s.tenant, own.by(), group)
	require.NoError(t, err)

	s.turn(engine, true)
	if now := s.send("GET", "/Users/"+bob, ""); now.status != 200 || now.body["active"] != false || strings.Contains(now.raw, "Sales") {
		t.Errorf("a user that was deactivated meanwhile: %d %s", now.status, now.raw)
	}
	now := s.send("GET", "/Users/"+ann, "").raw
	assert.Truef(t, !strings.Contains(now, "Sales") && strings.Contains(before, "Sales"), "the group's member: %s, was %s", now, before)
	wantRefused(t, "the group", s.send("GET", "/Groups/"+group, ""), http.StatusNotFound, cause.GroupDeleted, "push it again")
	if a := s.send("GET", "/Users", ""); a.status != 200 || fmt.Sprint(a.body["totalResults"]) != "2" {
		t.Errorf("users: %d %s", a.status, a.raw)
	}
}

// turn enables or disables SCIM, as seen by an instance without a cache.
func (s *service) turn(engine table.Table, on bool) {
	s.t.Helper()
	settings := tenant.DefaultSettings()
	settings.SCIMDisabled = !on
	encoded, err := json.Marshal(settings)
	require.NoError(s.t, err)
	key := table.Key{Partition: "T#acme", Sort: "TENANT"}
	change := table.Change{Set: table.Attributes{"settings": table.Text(string(encoded))}}
	err = table.Retrying(engine).Write(s.t.Context(), table.Transaction{Token: uuid.NewString(), Ops: []table.Op{table.Update(key, change, table.Present())}})
	require.NoError(s.t, err)
	fresh, err := app.New(engine, app.Config{BaseURL: baseURL}, logline.New(s.log))
	require.NoError(s.t, err)
	s.app, s.handler = fresh, fresh.Handler()
}

// raw returns the body of an answer to a request that logs several lines.
func (s *service) raw(method, target, body string) string {
	s.t.Helper()
	r := httptest.NewRequestWithContext(s.t.Context(), method, target, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+s.token)
	r.Header.Set("Content-Type", "application/scim+json")
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w.Body.String()
}
