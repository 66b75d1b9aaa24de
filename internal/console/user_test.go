package console

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
)

func TestUsers_AreListedAndSearched(t *testing.T) {
	b := visitor(t, healthy())
	b.service.last()
	p := b.get("/console/t/acme/users").page()
	asked, _ := b.service.last()
	assert.Equal(t, []string{"GET " + acme + "/users?limit=50"}, asked)
	list := p.id(t, "users")
	list.says(t, "anna@example.com Anna A externalId 00u1 active Identity provider a seat", "ben@example.com b@example.com inactive protected Application nothing")
	assert.Equal(t, "/console/t/acme/users/u1", list.link(t, "anna@example.com"))
	assert.Equal(t, "/console/t/acme/log?subject=u1", list.link(t, "History"))
	p.id(t, "filters").says(t, "Filters")

	b.service.set("GET "+acme+"/users", adminwire.Users{Users: []adminwire.User{ben}, Next: "n1"})
	p = b.get("/console/t/acme/users?state=inactive&managedBy=app&after=n0").page()
	asked, _ = b.service.last()
	assert.Equal(t, []string{"GET " + acme + "/users?after=n0&limit=50&managedBy=app&state=inactive"}, asked)
	p.id(t, "filters").says(t, "Filters: Inactive, Application")
	assert.Equal(t, "/console/t/acme/users?after=n1&managedBy=app&state=inactive", p.id(t, "more").attrs["href"])
	assert.Equal(t, "/console/t/acme/users?managedBy=app&state=inactive", p.id(t, "first").attrs["href"])

	// A part of a long list without a match is not the end of the search.
	b.service.set("GET "+acme+"/users", adminwire.Users{Next: "n2"})
	p = b.get("/console/t/acme/users?state=inactive").page()
	p.id(t, "nobody").says(t, "search on")
	p.id(t, "more").says(t, "Search on")
}

// A name that no user has is explained: its provisioning fails, or nothing has the name.
func TestUsers_ExplainANameThatNoUserHas(t *testing.T) {
	answers := healthy()
	answers["GET "+acme+"/users"] = adminwire.Users{}
	b := visitor(t, answers)
	b.service.last()
	p := b.get("/console/t/acme/users?subject=+carol@example.com+").page()
	asked, _ := b.service.last()
	assert.Equal(t, []string{
		"GET " + acme + "/users?deleted=true&limit=50&subject=carol%40example.com",
		"GET " + acme + "/failed-users?limit=1&resourceType=User&subject=carol%40example.com",
	}, asked)
	p.id(t, "nobody").says(t, "its provisioning fails", "No free seat", "Deactivate a user, or buy more seats.")
	b.service.set("GET "+acme+"/failed-users", adminwire.FailedUsers{Nothing: &adminwire.Nothing{Reason: "unknown_subject", Detail: "Nothing has the name.", Similar: []string{"anna@example.com"}}})
	p = b.get("/console/t/acme/users?subject=ana@example.com").page()
	p.id(t, "nobody").says(t, "No user found", "Nothing has the name.")
	assert.Equal(t, "/console/t/acme/users?subject=anna%40example.com", p.id(t, "similar").link(t, "anna@example.com"))
	b.service.set("GET "+acme+"/users", adminwire.Users{})
	b.get("/console/t/acme/users").page().id(t, "nobody").says(t, "No users")
	a := b.get("/console/t/acme/users?subject=" + strings.Repeat("x", maxSubject+1))
	a.page().id(t, "subject-wrong").says(t, "at most 1,024 bytes")
	assert.Equal(t, http.StatusBadRequest, a.Code)
}

func TestUser_ShowsTheRecordTheFailureAndTheHistory(t *testing.T) {
	b := visitor(t, healthy())
	p := b.get("/console/t/acme/users/u1").page()
	p.id(t, "now").says(t, "Failing: No free seat", "4 failures", "Deactivate a user, or buy more seats.")
	p.id(t, "facts").says(t, "Anna A", "00u1", "u1", "Identity provider", "by an identity provider", "a seat")
	p.id(t, "history").says(t, "failure", "No free seat")
	assert.Equal(t, "/console/t/acme/log?subject=u1", p.link(t, "Whole history in the log"))
	assert.True(t, p.has("deactivate") && p.has("protect") && !p.has("reactivate") && !p.has("unprotect"))
	p = b.get("/console/t/acme/users/u2").page()
	p.id(t, "facts").says(t, "in the application", "Deactivated by the application", "nothing")
	assert.True(t, p.has("reactivate") && p.has("unprotect") && !p.has("deactivate") && !p.has("protect"))
	b.service.set("GET "+acme+"/failed-users", adminwire.FailedUsers{})
	b.service.set("GET "+acme+"/log", adminwire.Log{})
	p = b.get("/console/t/acme/users/u1").page()
	p.id(t, "now").says(t, "did not fail")
	p.id(t, "no-history")
	assert.Equal(t, http.StatusNotFound, b.get("/console/t/acme/users/u9").Code)
}

// inputs returns what a browser sends of a form's input elements.
func inputs(form *element) url.Values {
	values := url.Values{}
	for _, f := range form.named("input") {
		values.Set(f.attrs["name"], f.attrs["value"])
	}
	return values
}

func TestUser_IsChangedOnceConfirmed(t *testing.T) {
	for _, tt := range []struct{ path, title, body, notice string }{
		{"u1/deactivate", "Deactivate the user", `{"active":false}`, "deactivated"},
		{"u1/protect", "Protect the user", `{"protected":true}`, "is protected"},
		{"u2/reactivate", "Reactivate the user", `{"active":true}`, "is active"},
		{"u2/unprotect", "End the protection", `{"protected":false}`, "no longer protected"},
	} {
		t.Run(tt.path, func(t *testing.T) {
			id, _, _ := strings.Cut(tt.path, "/")
			answers := healthy()
			answers["PATCH "+acme+"/users/"+id] = anna
			b := visitor(t, answers)
			path := "/console/t/acme/users/" + tt.path
			b.service.last()
			p := b.get(path).page()
			p.says(t, tt.title)
			asked, _ := b.service.last()
			assert.Equal(t, []string{"GET " + acme + "/users/" + id}, asked, "the question changes something")
			a := b.post(path, inputs(p.id(t, "confirm")))
			asked, body := b.service.last()
			require.Equal(t, http.StatusSeeOther, a.Code)
			assert.Equal(t, []string{"PATCH " + acme + "/users/" + id}, asked)
			assert.JSONEq(t, tt.body, body)
			b.get(a.Header().Get("Location")).page().id(t, "notice").says(t, tt.notice)
		})
	}
}

func TestUser_IsNotChangedByAnythingElse(t *testing.T) {
	answers := healthy()
	answers["PATCH "+acme+"/users/u1"] = refusal{http.StatusPreconditionFailed, "version-mismatch", "The user has changed since you read it; read it again."}
	b := visitor(t, answers)
	a := b.get("/console/t/acme/users/u1/reactivate")
	a.page().says(t, "Nothing to change")
	assert.Equal(t, http.StatusConflict, a.Code)
	b.service.last()
	for path, want := range map[string]int{"u1/eat": http.StatusNotFound, "u1/protect": http.StatusBadRequest} {
		assert.Equal(t, want, b.post("/console/t/acme/users/"+path, nil).Code, path)
	}
	asked, _ := b.service.last()
	assert.Empty(t, asked)
	a = b.post("/console/t/acme/users/u1/protect", url.Values{"version": {"6"}})
	a.page().says(t, "Changed meanwhile", "Nothing was changed")
	assert.Equal(t, http.StatusPreconditionFailed, a.Code)
}

// The summary has what the overview shows, in lines that a name cannot add to.
func TestOverview_HasASummaryToCopy(t *testing.T) {
	answers := healthy()
	o := answers["GET "+acme+"/overview"].(adminwire.Overview)
	o.State, o.Summary = "failing", "1 user fails."
	o.FailingCauses = map[string]int{"seat_limit": 1}
	o.Notices = []adminwire.Notice{{Level: "warning", Text: "The token expires soon.\n- forged", WhatToDo: "Rotate it."}}
	o.LastSeen = []adminwire.LastSeen{{IdP: "okta", Time: at(-3 * time.Minute)}}
	answers["GET "+acme+"/overview"] = o
	got := visitor(t, answers).get("/console/t/acme").page().id(t, "summary-text").text()
	assert.Equal(t, []string{
		"Provisioning of the tenant acme (Acme Ltd), 2026-07-14 12:00 UTC", "State: failing. 1 user fails.", "Failing now: 1 (No free seat 1)",
		"- The token expires soon.[U+000A]- forged Rotate it.", "43 of 50 seats in use; 1 reader in use, no limit; 1,234 users, 7 groups", "Last request of Okta: 2026-07-14 11:57:00 UTC",
	}, strings.Split(strings.TrimSpace(got), "\n"))
}

// The details of a request lead to the user or group that it is about.
func TestExplain_LeadsToThePageOfTheSubject(t *testing.T) {
	answers := healthy()
	entry := carolsEntry
	for kind, want := range map[string]string{"User": "/console/t/acme/users/x1", "Group": "/console/t/acme/groups/x1"} {
		entry.ResourceType, entry.ResourceID = kind, "x1"
		answers["GET "+acme+"/requests/"+failedID] = adminwire.Explanation{RequestID: failedID, Entries: []adminwire.Entry{entry}}
		answers["GET "+acme+"/tokens"] = refusal{http.StatusForbidden, "not-authorized", ""}
		p := visitor(t, answers).get("/console/t/acme/requests/" + failedID).page()
		assert.Equal(t, want, p.link(t, "Open this "+strings.ToLower(kind)))
		p.says(t, "Token tok1")
	}
}

func TestGroup_ShowsMembersAndTheirFailures(t *testing.T) {
	b := visitor(t, healthy())
	to := b.get("/console/t/acme/groups").page().id(t, "groups").link(t, "Sales")
	require.Equal(t, "/console/t/acme/groups/g1", to)
	b.service.last()
	p := b.get(to).page()
	asked, _ := b.service.last()
	assert.Equal(t, []string{
		"GET " + acme + "/groups/g1/members?limit=50", "GET " + acme + "/failed-users?limit=1&resourceType=Group&subject=g1", "GET " + acme + "/log?limit=20&subject=g1",
	}, asked)
	p.id(t, "group-name").says(t, "Sales")
	p.id(t, "members").says(t, "anna@example.com active Not failing.", "ben@example.com inactive Fails: No free seat")
	assert.Equal(t, "/console/t/acme/users/u2", p.id(t, "members").link(t, "ben@example.com"))
	p.id(t, "history").says(t, "failure")
	b.service.set("GET "+acme+"/groups/g1/members", adminwire.GroupMembers{Group: adminwire.Group{ID: "g1", DisplayName: "Sales"}, Next: "n1"})
	p = b.get(to + "?after=n0").page()
	p.id(t, "no-members").says(t, "No more members")
	assert.Equal(t, to+"?after=n1", p.id(t, "more").attrs["href"])
	assert.Equal(t, http.StatusNotFound, b.get("/console/t/acme/groups/g9").Code)
}

func TestSettings_AreShownReviewedAndChanged(t *testing.T) {
	answers := healthy()
	answers["PATCH "+acme] = nil
	b := visitor(t, answers)
	p := b.get("/console/t/acme/settings").page()
	form := inputs(p.id(t, "settings"))
	for _, f := range p.id(t, "settings").named("select") {
		i := slices.IndexFunc(f.named("option"), func(o *element) bool { return o.attrs["selected"] != "" })
		form.Set(f.attrs["name"], f.named("option")[i].attrs["value"])
	}
	assert.Equal(t, "50", form.Get("maxSeats"))
	assert.Empty(t, form.Get("maxReaders"))
	assert.Equal(t, "warn", form.Get("rehire"))
	p.id(t, "tenant-facts").says(t, "https://scim.example/scim/v2", "acme")

	// A form that changes nothing changes nothing.
	b.service.last()
	a := b.post("/console/t/acme/settings", form)
	asked, _ := b.service.last()
	assert.Equal(t, []string{"GET " + acme}, asked)
	b.get(a.Header().Get("Location")).page().id(t, "notice").says(t, "Nothing was changed")

	// A change is shown before it is made.
	form.Set("maxSeats", "60")
	form.Set("maxReaders", "5")
	form.Set("scimEnabled", "false")
	form.Set("displayName", "O'Hara & Co")
	b.service.last()
	p = b.post("/console/t/acme/settings", form).page()
	asked, _ = b.service.last()
	assert.Equal(t, []string{"GET " + acme}, asked, "the review changes something")
	p.id(t, "changes").says(t, "Seats 50 60", "Reader licences no limit 5", "SCIM On Off", "Name Acme Ltd O'Hara & Co")
	p.says(t, "New users can take a seat at once.", "Nobody is deactivated.", "refused within 10 seconds")
	p.says(t, `rollcall tenant set acme maxSeats=60 maxReaders=5 scimEnabled=false displayName='O'\''Hara & Co'`)
	a = b.post("/console/t/acme/settings", inputs(p.id(t, "confirm")))
	asked, body := b.service.last()
	require.Equal(t, http.StatusSeeOther, a.Code)
	assert.Equal(t, []string{"GET " + acme, "PATCH " + acme}, asked)
	assert.JSONEq(t, `{"maxSeats":60,"maxReaders":5,"scimEnabled":false,"displayName":"O'Hara & Co"}`, body)
	b.get(a.Header().Get("Location")).page().id(t, "notice").says(t, "Settings changed")
}

func TestSettings_OfEachKindAreSent(t *testing.T) {
	answers := healthy()
	answers["PATCH "+acme] = nil
	b := visitor(t, answers)
	for name, tt := range map[string]struct{ value, body string }{
		"maxSeats": {"", `{"maxSeats":null}`}, "maxReaders": {"0", `{"maxReaders":0}`}, "defaultAccountType": {"reader", `{"defaultAccountType":"reader"}`},
		"scimEnabled": {"false", `{"scimEnabled":false}`}, "unknownMembers": {"refuse", `{"unknownMembers":"refuse"}`}, "unknownAttributes": {"refuse", `{"unknownAttributes":"refuse"}`},
		"dialect": {"refuse", `{"dialect":"refuse"}`}, "staticTokens": {"refuse", `{"staticTokens":"refuse"}`}, "rehire": {"keep", `{"rehire":"keep"}`}, "deletedUsers": {"readable", `{"deletedUsers":"readable"}`},
		"displayName": {"", `{"displayName":""}`}, "logDays": {"30", `{"logDays":30}`},
	} {
		b.service.last()
		a := b.post("/console/t/acme/settings", url.Values{"version": {"v1"}, "confirmed": {"yes"}, name: {tt.value}})
		_, body := b.service.last()
		assert.Equal(t, http.StatusSeeOther, a.Code, name)
		assert.JSONEq(t, tt.body, body, name)
	}
	assert.Len(t, allSettings(), 12, "a setting is not tested")
}

func TestSettings_RefuseWhatIsInvalidOrOutdated(t *testing.T) {
	b := visitor(t, healthy())
	for _, tt := range []struct{ name, value, says string }{
		{"maxSeats", "many", "whole number"},
		{"maxSeats", "-1", "whole number"},
		{"maxReaders", "1.5", "whole number"},
		{"logDays", "0", "whole number"},
		{"logDays", "", "whole number"},
		{"logDays", "3651", "whole number"},
		{"rehire", "forget", "Choose one"},
		{"scimEnabled", "", "Choose one"},
		{"displayName", strings.Repeat("x", 201), "at most 200 bytes"},
		{"displayName", "turned\u202e", "without invisible"},
	} {
		b.service.last()
		a := b.post("/console/t/acme/settings", url.Values{"version": {"v1"}, "confirmed": {"yes"}, tt.name: {tt.value}})
		asked, _ := b.service.last()
		p := a.page()
		assert.Equal(t, http.StatusBadRequest, a.Code)
		assert.Equal(t, []string{"GET " + acme}, asked)
		p.id(t, tt.name+"-wrong").says(t, tt.says)
		assert.Equal(t, "true", p.id(t, tt.name).attrs["aria-invalid"])
	}
	b.service.last()
	a := b.post("/console/t/acme/settings", url.Values{"version": {"v0"}, "confirmed": {"yes"}, "maxSeats": {"60"}})
	asked, _ := b.service.last()
	a.page().says(t, "Changed meanwhile")
	assert.Equal(t, http.StatusPreconditionFailed, a.Code)
	assert.Equal(t, []string{"GET " + acme}, asked)
}
