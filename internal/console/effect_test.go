package console

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
)

func TestFailed_ShowsWhatAFixBrings(t *testing.T) {
	b := visitor(t, healthy())
	on := func(name, then string) adminwire.EffectOn {
		return adminwire.EffectOn{ResourceType: "User", Subject: adminwire.NullableString(name), RequestID: failedID, Check: adminwire.Check{Result: "fails", Text: then}}
	}
	b.service.set("GET /tenants/acme/failed-users", adminwire.FailedUsers{
		FailedUsers: []adminwire.FailedUser{{Subject: "carol@example.com", RequestID: failedID, Cause: "seat_limit"}},
		Effects: []adminwire.Effect{{
			Fix: "seats", Text: "2 more seats fix 1 of 2 users. Then push the group Design again.",
			Fixed: []adminwire.EffectOn{on("carol@example.com", "")}, Left: []adminwire.EffectOn{on("dave@example.com", "It is then a duplicate.")},
		}},
		Blocked: "SCIM is off.",
	})
	b.service.last()
	p := b.get("/console/t/acme/failed").page()
	asked, _ := b.service.last()
	assert.Contains(t, asked, "GET /tenants/acme/failed-users?effect=true&limit=50")
	shown := p.id(t, "effects")
	shown.says(t, "What a fix brings", "2 more seats fix 1 of 2 users.", "carol@example.com", "Not fixed by this:", "dave@example.com", "It is then a duplicate.", "SCIM is off.")
	assert.Equal(t, "/console/t/acme/requests/"+failedID, shown.link(t, "carol@example.com"))
	b.get("/console/t/acme/failed?cause=seat_limit")
	asked, _ = b.service.last()
	assert.Contains(t, asked, "GET /tenants/acme/failed-users?cause=seat_limit&limit=50", "a search does not read the effects")
}

func TestExplain_ChecksAgain(t *testing.T) {
	b := visitor(t, healthy())
	failing := adminwire.FailedUser{ResourceType: "User", Subject: "carol@example.com", RequestID: failedID, Cause: "duplicate", Count: 1}
	x := adminwire.Explanation{RequestID: failedID, Now: "failing", Failing: &failing, Entries: []adminwire.Entry{{RequestID: failedID, Outcome: "failure", Cause: "duplicate", ResourceType: "User", Subject: "carol@example.com"}}}
	b.service.set("GET /tenants/acme/requests/"+failedID, x)
	path := "/console/t/acme/requests/" + failedID
	p := b.get(path).page()
	form := p.id(t, "check")
	assert.Equal(t, path+"/check", form.attrs["action"])
	failing.Check = &adminwire.Check{
		Result: "fails", Text: "It would still be refused: this user exists.", WhatToDo: "Match the user.",
		Holder: &adminwire.Holder{ResourceType: "User", ID: "u7", Name: "carol", State: "active"},
	}
	b.service.set("GET /tenants/acme/requests/"+failedID, x)
	b.service.last()
	a := b.post(path+"/check", nil)
	require.Equal(t, http.StatusOK, a.Code)
	asked, _ := b.service.last()
	assert.Contains(t, asked, "GET /tenants/acme/requests/"+failedID+"?check=true")
	checked := a.page().id(t, "checked")
	checked.says(t, "still refused", "It would still be refused: this user exists.", "Match the user.", "Held by carol", "active", "Checked 2026-07-14 12:00:00 UTC")
	assert.Equal(t, "/console/t/acme/users/u7", checked.link(t, "carol"))
}

func TestOverview_SaysWhatMoreSeatsFix(t *testing.T) {
	b := visitor(t, healthy())
	b.service.set("GET /tenants/acme/overview", adminwire.Overview{State: "failing", Failing: 2, FailingCauses: map[string]int{"seat_limit": 2}})
	b.service.set("GET /tenants/acme/failed-users", adminwire.FailedUsers{Effects: []adminwire.Effect{{Fix: "retry", Text: "Nothing."}, {Fix: "seats", Text: "2 more seats fix 2 users."}}})
	p := b.get("/console/t/acme").page()
	p.id(t, "seats-effect").says(t, "2 more seats fix 2 users.", "Failed users")
	b.service.set("GET /tenants/acme/overview", adminwire.Overview{State: "failing", Failing: 2, FailingCauses: map[string]int{"duplicate": 2}})
	b.service.last()
	b.get("/console/t/acme")
	asked, _ := b.service.last()
	assert.NotContains(t, asked, "GET /tenants/acme/failed-users?effect=true&limit=1")
}
