package faults

import (
	"fmt"

	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
)

// names returns the names of users of the crowd.
func names(from, to int) []string {
	var all []string
	for i := from; i < to; i++ {
		all = append(all, fmt.Sprintf("u%d", i))
	}
	return all
}

func braced(names []string) []string {
	all := make([]string, len(names))
	for i, name := range names {
		all[i] = "{" + name + "}"
	}
	return all
}

func members(op string, names ...string) string {
	return fmt.Sprintf(`[{"op":%q,"path":"members","value":%s}]`, op, stage.Members(braced(names)...))
}

func addition(names ...string) string { return members("add", names...) }
func removal(names ...string) string  { return members("remove", names...) }

// group returns what creates the group {g} with users of the crowd.
func group(from, to int) func(w *world) {
	return func(w *world) { w.must("g", scim("POST", "/Groups", stage.Group("g", braced(names(from, to))...))) }
}

// groupWrites are the writes of identity providers to groups. Up to 30 members
// are one transaction.
func groupWrites() []write {
	id := "/Groups/{g}"
	body := func(name string, from, to int) string { return stage.Group(name, braced(names(from, to))...) }
	created, updated, deleted := []string{"created"}, []string{"updated"}, []string{"deleted"}
	parts := []string{"updated", "updated", "updated"} // the change, and two parts of up to 30 members
	return []write{
		{
			name: "POST /Groups of 3", crowd: 4, request: scim("POST", "/Groups", body("g", 0, 3)), status: 201, logged: created,
			others: []request{scim("POST", "/Groups", body("G", 1, 2)), scim("DELETE", "/Users/{u1}", "")},
		},
		{
			name: "POST /Groups of 40", crowd: 41, request: scim("POST", "/Groups", body("g", 0, 40)), status: 201, logged: created,
			others: []request{scim("POST", "/Groups", body("G", 1, 2)), scim("DELETE", "/Users/{u1}", "")},
		},
		{
			name: "PATCH adds 1", crowd: 5, before: group(0, 3), request: patch(id, addition("u3")), status: 200, logged: updated,
			others: []request{patch(id, removal("u3")), patch(id, addition("u3", "u4")), scim("DELETE", "/Users/{u3}", ""), scim("DELETE", id, "")},
		},
		{
			name: "PATCH adds 40", crowd: 44, before: group(0, 3), request: patch(id, addition(names(1, 43)...)), status: 200, logged: parts,
			others: []request{patch(id, removal("u1")), patch(id, addition("u5")), patch(id, set("displayName", `"h"`)), scim("DELETE", id, "")},
		},
		{
			name: "PATCH removes 1", crowd: 5, before: group(0, 4), request: patch(id, removal("u3")), status: 200, logged: updated,
			others: []request{patch(id, addition("u3", "u4")), patch(id, members("replace", "u1", "u3"))},
		},
		{
			name: "PATCH removes 40", crowd: 44, before: group(0, 43), request: patch(id, removal(names(3, 43)...)), status: 200, logged: parts,
			others: []request{patch(id, removal("u3")), patch(id, addition("u43")), scim("DELETE", "/Users/{u4}", "")},
		},
		{
			name: "PATCH renames", crowd: 4, before: group(0, 3), request: patch(id, set("displayName", `"h"`)), status: 200, logged: updated,
			others: []request{scim("POST", "/Groups", body("h", 0, 1)), patch(id, addition("u3")), patch(id, set("displayName", `"i"`))},
		},
		{
			name: "PATCH replaces by 3", crowd: 7, before: group(0, 4), request: patch(id, members("replace", "u3", "u4", "u5")), status: 200, logged: updated,
			others: []request{patch(id, addition("u6")), patch(id, removal("u0", "u3")), patch(id, members("replace", "u1"))},
		},
		{
			name: "PATCH replaces by 40", crowd: 45, before: group(0, 4), request: patch(id, members("replace", names(4, 44)...)), status: 200, logged: updated,
			others: []request{patch(id, addition("u44")), patch(id, removal("u0", "u4")), patch(id, members("replace", "u1"))},
		},
		{
			name: "PATCH clears 40", crowd: 41, before: group(0, 40), request: patch(id, `[{"op":"remove","path":"members"}]`), status: 200, logged: updated,
			others: []request{patch(id, addition("u40")), scim("DELETE", id, "")},
		},
		{
			name: "PUT of 4", crowd: 6, before: group(0, 3), request: scim("PUT", id, body("h", 1, 5)), status: 200, logged: updated,
			others: []request{patch(id, addition("u5")), patch(id, set("displayName", `"i"`))},
		},
		{
			name: "PUT of 40", crowd: 44, before: group(0, 3), request: scim("PUT", id, body("h", 3, 43)), status: 200, logged: updated,
			others: []request{patch(id, addition("u43")), patch(id, set("displayName", `"i"`)), scim("DELETE", "/Users/{u4}", "")},
		},
		{
			name: "PUT of 4 with If-Match", crowd: 6, before: group(0, 3), request: scim("PUT", id, body("h", 1, 5), "If-Match", `W/"1"`), status: 200, logged: updated,
			others: []request{patch(id, addition("u5"))},
		},
		{
			name: "DELETE of 3", crowd: 4, before: group(0, 3), request: scim("DELETE", id, ""), status: 204, logged: deleted,
			others: []request{patch(id, addition("u3")), scim("POST", "/Groups", body("g", 0, 1))},
		},
		{
			name: "DELETE of 40", crowd: 41, before: group(0, 40), request: scim("DELETE", id, ""), status: 204, logged: deleted,
			others: []request{patch(id, addition("u40")), scim("PUT", id, body("g", 0, 1))},
		},
	}
}
