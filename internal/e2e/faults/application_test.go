package faults

import (
	"fmt"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/store"
)

// acme is the path of the tenant.
const acme = "/tenants/{tenant}"

// ownAnna creates anna in the application.
func ownAnna(w *world) {
	w.must("anna", admin("POST", acme+"/users", `{"userName":"anna@example.com","email":"a@example.com"}`))
}

// refusedAnna has anna refused for want of a seat, by the request {refused}.
func refusedAnna(w *world) {
	w.must("", admin("PATCH", acme, `{"maxSeats":0}`))
	a := w.healthy.send(w.t.Context(), post(anna))
	detail, _ := a.body["detail"].(string)
	_, request, _ := strings.Cut(detail, "(request ")
	w.ids["refused"] = strings.TrimSuffix(request, ")")
}

// applicationWrites are the writes of the application to users and groups.
func applicationWrites() []write {
	id := acme + "/users/{anna}"
	return []write{
		{
			name: "app creates a user", request: admin("POST", acme+"/users", `{"userName":"anna@example.com","email":"a@example.com"}`), status: 201, seats: 1, logged: []string{"created"},
			others: []request{post(anna), admin("PATCH", acme, `{"maxSeats":0}`)},
		},
		{
			name: "app changes a user", before: ownAnna, request: admin("PATCH", id, `{"userName":"anna2","email":"a2@example.com"}`), status: 200, seats: 1, logged: []string{"updated"},
			others: []request{patch("/Users/{anna}", set("displayName", `"Anna"`)), post(`"userName":"anna2"`)},
		},
		{
			name: "app deactivates a user", before: have(), request: admin("PATCH", id, `{"active":false}`), status: 200, seats: 0, logged: []string{"deactivated"},
			others: []request{patch("/Users/{anna}", deactivate), scim("DELETE", "/Users/{anna}", "")},
		},
		{
			name: "app converts a user", before: have(), request: admin("PATCH", id, `{"accountType":"reader"}`), status: 200, seats: 0, logged: []string{"updated"},
			others: []request{patch("/Users/{anna}", deactivate)},
		},
		{
			name: "app protects a user", before: have(), request: admin("PATCH", id, `{"protected":true}`), status: 200, seats: 1, logged: []string{"updated"},
			others: []request{patch("/Users/{anna}", deactivate), admin("PATCH", acme+"/users/{anna}", `{"active":false}`)},
		},
		{
			name: "app purges a user in 2 groups", before: inGroups(2), request: admin("DELETE", id, ""), status: 204, seats: 0, logged: []string{"purged"},
			others: []request{post(anna), patch("/Groups/{other}", addition("anna")), patch("/Users/{anna}", deactivate)},
		},
		{
			name: "app purges a user in 33 groups", before: func(w *world) { inGroups(33)(w); w.lateVersions = true }, request: admin("DELETE", id, ""), status: 204, seats: 0, logged: []string{"purged"},
			others: []request{post(anna), patch("/Groups/{other}", addition("anna"))},
		},
		{
			name: "app dismisses a failure", before: refusedAnna, request: admin("POST", acme+"/requests/{refused}/dismissal", `{"reason":"left"}`), status: 200, seats: 0, logged: []string{"dismissed"},
			others: []request{post(anna)},
		},
		{
			name: "app deletes a group", crowd: 5, before: group(0, 3), request: admin("DELETE", acme+"/groups/{g}", ""), status: 204, logged: []string{"deleted"},
			others: []request{patch("/Groups/{g}", addition("u3")), scim("DELETE", "/Groups/{g}", "")},
		},
	}
}

// tenantWrites are the writes to tenants, schemas, tokens and clients. They have no entry
// in a tenant's log.
func tenantWrites() []write {
	const schema = "urn:example:hr"
	document := func(name string) string {
		return fmt.Sprintf(`{"id":%q,"name":%q,"attributes":[{"name":"badge","type":"string"}]}`, schema, name)
	}
	putSchema := admin("PUT", acme+"/schemas/"+schema, document("A"))
	rotating := func(w *world) {
		w.must("old", admin("POST", acme+"/tokens", `{"label":"old"}`))
		w.must("new", admin("POST", acme+"/tokens/{old}/rotation", `{"label":"new"}`))
	}
	old := func(w *world) { w.must("old", admin("POST", acme+"/tokens", `{"label":"old"}`)) }
	rotation := acme + "/tokens/{old}/rotation"
	client := acme + "/clients/{client}"
	registered := func(w *world) { w.must("client", admin("POST", acme+"/clients", "")) }
	putFederation := admin("PUT", client+"/federation", `{"issuer":"i","subject":"s","audience":"a","jwksUri":"https://login.microsoftonline.com/common/discovery/v2.0/keys"}`)
	putKeys := admin("PUT", client+"/keys", `{"jwks":{"keys":[{"kty":"EC","crv":"P-256","kid":"1","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}}`)
	return []write{
		{
			name: "PUT tenant creates", before: func(w *world) { w.looks = "/tenants/globex" }, request: admin("PUT", "/tenants/globex", `{"maxSeats":3}`), status: 201, seats: -1,
			others: []request{admin("PUT", "/tenants/globex", `{"maxSeats":5}`), admin("PUT", "/tenants/globex", `{"maxSeats":3}`, "If-None-Match", "*")},
		},
		{
			name: "PATCH tenant, the limit", before: have(), request: admin("PATCH", acme, `{"maxSeats":1}`), status: 200, seats: 1,
			others: []request{post(`"userName":"other"`), admin("PATCH", acme, `{"maxSeats":9}`), admin("PATCH", acme, `{"logDays":3}`)},
		},
		{
			name: "PATCH tenant, a setting", before: have(), request: admin("PATCH", acme, `{"logDays":3}`), status: 200, seats: 1,
			others: []request{admin("PATCH", acme, `{"maxSeats":9}`), admin("PATCH", acme, `{"rehire":"keep"}`)},
		},
		{
			name: "DELETE tenant", before: have(), request: admin("DELETE", acme+"?confirm={tenant}", ""), status: 202, seats: -1,
			others: []request{post(`"userName":"other"`), admin("PATCH", acme, `{"maxSeats":9}`)},
		},
		{
			name: "PUT schema", request: putSchema, status: 201, seats: 0,
			others: []request{admin("PUT", acme+"/schemas/urn:example:b", `{"id":"urn:example:b","name":"B","attributes":[{"name":"b","type":"string"}]}`)},
		},
		{
			name: "DELETE schema", before: func(w *world) { w.must("", putSchema) }, request: admin("DELETE", acme+"/schemas/"+schema, ""), status: 204, seats: 0,
			others: []request{admin("PUT", acme+"/schemas/"+schema, document("C"))},
		},
		{
			name: "POST token", request: admin("POST", acme+"/tokens", `{"label":"new"}`), status: 201, seats: 0,
			others: []request{admin("DELETE", acme+"?confirm={tenant}", "")},
		},
		{
			name: "DELETE token", before: old, request: admin("DELETE", acme+"/tokens/{old}", ""), status: 204, seats: 0,
			others: []request{admin("POST", rotation, `{"label":"new"}`)},
		},
		{
			name: "POST rotation", before: old, request: admin("POST", rotation, `{"label":"new"}`), status: 201, seats: 0,
			others: []request{admin("DELETE", acme+"/tokens/{old}", "")},
		},
		{
			name: "PUT rotation", before: rotating, request: admin("PUT", rotation, ""), status: 204, seats: 0,
			others: []request{admin("DELETE", rotation, "")},
		},
		{
			name: "POST portal link", request: admin("POST", acme+"/portal-links", `{"actor":"Anna","permissions":["view"]}`), status: 201, seats: 0,
		},
		{
			name: "POST client", request: admin("POST", acme+"/clients", `{"label":"new"}`), status: 201, seats: 0,
		},
		{
			name: "PATCH client", before: registered, request: admin("PATCH", client, `{"label":"new"}`), status: 200, seats: 0,
		},
		{
			name: "DELETE client", before: registered, request: admin("DELETE", client, ""), status: 204, seats: 0,
			others: []request{admin("POST", client+"/secrets", "")},
		},
		{
			name: "POST secret", before: registered, request: admin("POST", client+"/secrets", `{"label":"new"}`), status: 201, seats: 0,
			others: []request{admin("DELETE", client+"/secrets/{clientSecret}", "")},
		},
		{
			name: "DELETE secret", before: registered, request: admin("DELETE", client+"/secrets/{clientSecret}", ""), status: 204, seats: 0,
		},
		{
			name: "PUT federation", before: registered, request: putFederation, status: 200, seats: 0,
		},
		{
			name: "DELETE federation", before: func(w *world) { registered(w); w.must("", putFederation) }, request: admin("DELETE", client+"/federation", ""), status: 204, seats: 0,
		},
		{
			name: "PUT keys", before: registered, request: putKeys, status: 200, seats: 0,
		},
		{
			name: "DELETE keys", before: func(w *world) { registered(w); w.must("", putKeys) }, request: admin("DELETE", client+"/keys", ""), status: 204, seats: 0,
		},
		{
			name: "DELETE rotation", before: rotating, request: admin("DELETE", rotation, ""), status: 204, seats: 0,
			others: []request{admin("PUT", rotation, "")},
		},
	}
}

// webhookWrites are the writes to the endpoints of webhooks, which belong to no tenant.
func webhookWrites() []write {
	const url = `{"url":"https://app.example.com/events"}`
	registered := func(w *world) { w.must("hook", admin("POST", "/webhooks", url)) }
	hook := "/webhooks/{hook}"
	return []write{
		{
			name: "POST webhook", request: admin("POST", "/webhooks", url), status: 201, seats: 0,
			others: []request{admin("POST", "/webhooks", `{"url":"https://other.example.com/events"}`)},
		},
		{
			name: "PATCH webhook", before: registered, request: admin("PATCH", hook, `{"label":"new"}`), status: 200, seats: 0,
			others: []request{admin("PATCH", hook, `{"disabled":true}`), admin("DELETE", hook, "")},
		},
		{
			name: "DELETE webhook", before: registered, request: admin("DELETE", hook, ""), status: 204, seats: 0,
			others: []request{admin("PATCH", hook, `{"label":"new"}`)},
		},
		{
			name: "POST webhook's secret", before: registered, request: admin("POST", hook+"/secret", ""), status: 201, seats: 0,
			others: []request{admin("DELETE", hook, "")},
		},
	}
}

// sweepWrites are the tasks of a sweep. What it does is not seen by readers; it
// is left over or not.
func sweepWrites() []write {
	left := func(before func(w *world), writes int, r request) func(w *world) {
		return func(w *world) {
			before(w)
			// A process that is killed after some of its writes leaves them over.
			w.instance(&faulty{Table: w.table, fault: fault{at: beforeWrite, write: killed}, nth: writes + 1, client: newClient(w.t.Context())}, 0).send(w.t.Context(), r)
			w.clock.move(2*skew + store.SweepAge)
		}
	}
	late := func(before func(w *world)) func(w *world) {
		return func(w *world) { w.lateVersions = true; before(w) }
	}
	return []write{
		{
			name: "sweep, memberships of a deleted user", before: late(left(inGroups(33), 1, scim("DELETE", "/Users/{anna}", ""))), request: sweepNow(), status: 200, seats: 0,
			others: []request{post(anna), sweepNow()},
		},
		{
			name: "sweep, members before a replacement", crowd: 45, before: left(group(0, 4), 3, patch("/Groups/{g}", members("replace", names(4, 44)...))), request: sweepNow(), status: 200,
			others: []request{patch("/Groups/{g}", addition("u0")), sweepNow()},
		},
		{
			name: "sweep, a replacement that was not completed", crowd: 45, before: left(group(0, 4), 2, patch("/Groups/{g}", members("replace", names(4, 44)...))), request: sweepNow(), status: 200,
			others: []request{patch("/Groups/{g}", members("replace", names(4, 44)...)), sweepNow()},
		},
		{
			name: "sweep, an addition of 40", crowd: 44, before: left(group(0, 3), 1, patch("/Groups/{g}", addition(names(1, 43)...))), request: sweepNow(), status: 200,
			others: []request{patch("/Groups/{g}", removal("u1")), sweepNow()},
		},
		{
			name: "sweep, a tenant's deletion", crowd: 3, before: func(w *world) {
				have(admin("DELETE", acme+"?confirm={tenant}", ""))(w)
				w.clock.move(2*skew + store.SweepAge)
			}, request: sweepNow(), status: 200, seats: -1,
			others: []request{sweepNow(), admin("DELETE", acme+"?confirm={tenant}", "")},
		},
	}
}

// refusedWrites are requests that change nothing, and are logged.
func refusedWrites() []write {
	return []write{
		{
			name: "409, refused", before: have(), request: post(`"userName":"anna@example.com"`), status: 409, seats: 1, refusal: true,
			others: []request{scim("DELETE", "/Users/{anna}", "")},
		},
		{
			name: "403, refused", before: func(w *world) { have()(w); w.must("", admin("PATCH", acme, `{"maxSeats":1}`)) }, request: post(`"userName":"other"`), status: 403, seats: 1, refusal: true,
			others: []request{patch("/Users/{anna}", deactivate), admin("PATCH", acme, `{"maxSeats":2}`)},
		},
		{
			name: "404, refused", request: patch("/Users/unknown", deactivate), status: 404, seats: 0, refusal: true,
		},
		{
			name: "400, refused", before: have(), request: scim("PUT", "/Users/{anna}", stage.User(`"userName":1`)), status: 400, seats: 1, refusal: true,
		},
		{
			name: "200, nothing to change", before: have(), request: patch("/Users/{anna}", activate), status: 200, seats: 1, refusal: true,
			others: []request{patch("/Users/{anna}", deactivate)},
		},
	}
}
