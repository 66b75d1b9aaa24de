package faults

import (
	"fmt"

	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
)

const (
	deactivate = `[{"op":"replace","path":"active","value":false}]`
	activate   = `[{"op":"replace","path":"active","value":true}]`
	extension  = "urn:ietf:params:scim:schemas:extension:rollcall:2.0:User"
)

func patch(path, operations string, headers ...string) request {
	return scim("PATCH", path, stage.PatchList(operations), headers...)
}

func set(attribute, value string) string {
	return fmt.Sprintf(`[{"op":"replace","path":%q,"value":%s}]`, attribute, value)
}

func post(members string) request { return scim("POST", "/Users", stage.User(members)) }

const anna = `"userName":"anna@example.com","externalId":"e-1","title":"x","emails":[{"value":"a@example.com","primary":true},{"value":"b@example.com"}]`

// have returns what is needed before a write: an active anna, and what requests
// make of her.
func have(requests ...request) func(w *world) {
	return func(w *world) {
		w.must("anna", post(anna))
		for _, r := range requests {
			w.must("", r)
		}
	}
}

// userWrites are the writes of identity providers to users. The tenant has four
// seats.
func userWrites() []write {
	id := "/Users/{anna}"
	full := func(w *world) { // one seat is left
		for i := range seats - 1 {
			w.must("", post(fmt.Sprintf(`"userName":"full%d"`, i)))
		}
	}
	return []write{
		{
			name: "POST /Users", request: post(anna), status: 201, seats: 1, logged: []string{"created"},
			others: []request{post(`"userName":"A@example.com"`), admin("PATCH", acme, `{"maxSeats":0}`)},
		},
		{
			name: "POST /Users, the last seat", before: full, request: post(anna), status: 201, seats: seats, logged: []string{"created"},
			others: []request{post(`"userName":"other"`), admin("PATCH", acme, `{"maxSeats":3}`)},
		},
		{
			name: "POST /Users, a Reader", before: full, request: post(anna + `,"` + extension + `":{"isTeamAccount":false}`), status: 201, seats: 3, logged: []string{"created"},
			others: []request{admin("POST", acme+"/users", `{"userName":"anna@example.com"}`)},
		},
		{
			name: "POST /Users reactivates", before: have(patch(id, deactivate)), request: post(anna + `,"nickName":"y"`), status: 200, seats: 1, logged: []string{"reactivated"},
			others: []request{patch(id, activate), scim("DELETE", id, ""), admin("PATCH", acme+"/users/{anna}", `{"active":false}`)},
		},
		{
			name: "POST /Users restores", before: have(scim("DELETE", id, "")), request: post(anna), status: 200, seats: 1, logged: []string{"restored"},
			others: []request{post(`"userName":"other","emails":[{"value":"a@example.com"}]`), admin("DELETE", acme+"/users/{anna}", "")},
		},
		{
			name: "POST /Users links", before: func(w *world) {
				w.must("anna", admin("POST", acme+"/users", `{"userName":"anna@example.com","email":"a@example.com"}`))
			}, request: post(anna + `,"` + extension + `":{"isTeamAccount":true}`), status: 200, seats: 1, logged: []string{"linked"},
			others: []request{admin("PATCH", acme+"/users/{anna}", `{"email":"c@example.com"}`), admin("DELETE", acme+"/users/{anna}", "")},
		},
		{
			name: "PUT /Users/{id}", before: have(), request: scim("PUT", id, stage.User(`"userName":"anna@example.com","externalId":"e-1","title":"z"`)), status: 200, seats: 1, logged: []string{"updated"},
			others: []request{patch(id, set("nickName", `"an"`)), scim("DELETE", id, "")},
		},
		{
			name: "PUT /Users/{id} with If-Match", before: have(), request: scim("PUT", id, stage.User(`"userName":"anna@example.com","title":"z"`), "If-Match", `W/"1"`), status: 200, seats: 1, logged: []string{"updated"},
			others: []request{patch(id, set("nickName", `"an"`), "If-Match", `W/"1"`)},
		},
		{
			name: "PATCH /Users/{id}, a name", before: have(), request: patch(id, set("displayName", `"Anna"`)), status: 200, seats: 1, logged: []string{"updated"},
			others: []request{patch(id, deactivate), patch(id, set("nickName", `"an"`))},
		},
		{
			name: "PATCH /Users/{id}, userName of a deleted user", before: func(w *world) {
				have()(w)
				w.must("bert", post(`"userName":"bert","externalId":"e-2"`))
				w.must("", scim("DELETE", "/Users/{bert}", ""))
			}, request: patch(id, set("userName", `"bert"`)), status: 200, seats: 1, logged: []string{"updated"},
			others: []request{post(`"userName":"bert","externalId":"e-2"`), admin("DELETE", acme+"/users/{bert}", "")},
		},
		{
			name: "PATCH /Users/{id} deactivates", before: have(), request: patch(id, deactivate), status: 200, seats: 0, logged: []string{"deactivated"},
			others: []request{patch(id, set("displayName", `"Anna"`)), scim("DELETE", id, "")},
		},
		{
			name: "PATCH /Users/{id} activates", before: func(w *world) { have(patch(id, deactivate))(w); full(w) }, request: patch(id, activate), status: 200, seats: seats, logged: []string{"reactivated"},
			others: []request{post(`"userName":"other"`), post(anna)},
		},
		{
			name: "PATCH /Users/{id} makes a Reader", before: have(), request: patch(id, set(extension+":isTeamAccount", "false")), status: 200, seats: 0, logged: []string{"updated"},
			others: []request{patch(id, deactivate), admin("PATCH", acme+"/users/{anna}", `{"accountType":"user","displayName":"A"}`)},
		},
		{
			name: "PATCH /Users/{id} makes a User", before: func(w *world) { have(patch(id, set(extension+":isTeamAccount", "false")))(w); full(w) }, request: patch(id, set(extension+":isTeamAccount", "true")), status: 200, seats: seats, logged: []string{"updated"},
			others: []request{post(`"userName":"other"`), patch(id, deactivate)},
		},
		{
			name: "DELETE /Users/{id}", before: have(), request: scim("DELETE", id, ""), status: 204, seats: 0, logged: []string{"deleted"},
			others: []request{patch(id, set("displayName", `"Anna"`)), post(anna)},
		},
		{
			name: "DELETE /Users/{id}, in 2 groups", before: inGroups(2), request: scim("DELETE", id, ""), status: 204, seats: 0, logged: []string{"deleted"},
			others: []request{patch("/Groups/{g0}", removal("anna")), patch("/Groups/{other}", addition("anna")), scim("DELETE", "/Groups/{g1}", "")},
		},
		{
			name: "DELETE /Users/{id}, in 33 groups", before: func(w *world) { inGroups(33)(w); w.lateVersions = true }, request: scim("DELETE", id, ""), status: 204, seats: 0, logged: []string{"deleted"},
			others: []request{patch("/Groups/{other}", addition("anna")), post(anna)},
		},
		bulk(),
	}
}

// inGroups returns what gives anna this many groups; {other} is one without her.
func inGroups(n int) func(w *world) {
	return func(w *world) {
		have()(w)
		for i := range n {
			w.must(fmt.Sprintf("g%d", i), scim("POST", "/Groups", stage.Group(fmt.Sprintf("g%d", i), "{anna}")))
		}
		w.must("other", scim("POST", "/Groups", stage.Group("other")))
	}
}

func bulk() write {
	name := stage.PatchList(set("displayName", `"Anna"`))
	return write{
		name: "POST /Bulk of 3", before: have(), status: 200, seats: 2, logged: []string{"created", "created", "updated"},
		request: scim("POST", "/Bulk", stage.Bulk(
			`{"method":"POST","path":"/Users","bulkId":"1","data":`+stage.User(`"userName":"bert"`)+`}`,
			`{"method":"PATCH","path":"/Users/{anna}","data":`+name+`}`,
			`{"method":"POST","path":"/Groups","bulkId":"2","data":`+stage.Group("g")+`}`)),
		operations: []request{post(`"userName":"bert"`), scim("PATCH", "/Users/{anna}", name), scim("POST", "/Groups", stage.Group("g"))},
	}
}
