package cost

import (
	"fmt"
	"net/url"
	"strings"
)

// An operation is one kind of request whose cost is measured.
type operation struct {
	name string
	// what describes it on the page.
	what string
	// prepare brings the tenant into the state in which the request arrives. It may
	// be nil.
	prepare func(b *bench)
	request func(b *bench) request
	status  int
}

// request is a SCIM request; the address is relative to the base URL.
type request struct{ method, address, body string }

const (
	userSchema  = "urn:ietf:params:scim:schemas:core:2.0:User"
	groupSchema = "urn:ietf:params:scim:schemas:core:2.0:Group"
	patchSchema = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
)

// user returns the body of a user with one email. Its stored document has 1.5
// KB, as in the budgets of TestBudgets; title tells two versions of it apart.
func user(name, title string) string {
	return fmt.Sprintf(`{"schemas":[%q],"userName":"%s@example.com","externalId":"00u1a2b3c4d5e6f%s",`+
		`"name":{"givenName":"Given","familyName":"Family"},"active":true,`+
		`"emails":[{"type":"work","primary":true,"value":"%s@example.com"}],"title":%q}`,
		userSchema, name, name, name, title+strings.Repeat("t", 1064-len(title)))
}

func group(name string) string {
	return fmt.Sprintf(`{"schemas":[%q],"displayName":%q,"externalId":"8aa1a0c0-%s"}`, groupSchema, name, name)
}

func patch(operations string) string {
	return fmt.Sprintf(`{"schemas":[%q],"Operations":[%s]}`, patchSchema, operations)
}

func filter(attribute, value string) string {
	return "?filter=" + url.QueryEscape(fmt.Sprintf("%s eq %q", attribute, value))
}

func set(path, value string) string {
	return patch(fmt.Sprintf(`{"op":"Replace","path":%q,"value":%s}`, path, value))
}

func join(id string) string {
	return patch(fmt.Sprintf(`{"op":"Add","path":"members","value":[{"value":%q}]}`, id))
}

func leave(id string) string {
	return patch(fmt.Sprintf(`{"op":"Remove","path":"members[value eq \"%s\"]"}`, id))
}

// The names of the operations, for the models of traffic.
const (
	findUser       = "find a user"
	findNobody     = "find nobody"
	readUser       = "read a user"
	createUser     = "create a user"
	changeUser     = "change a user"
	changeNothing  = "change nothing (PATCH)"
	replaceUser    = "replace a user"
	replaceSame    = "replace by the same (PUT)"
	deactivateUser = "deactivate"
	activateUser   = "activate"
	reactivateUser = "create an inactive user again"
	restoreUser    = "create a deleted user again"
	deleteUser     = "delete a user"
	deleteAgain    = "delete a deleted user"
	createActive   = "create an active user"
	createAgain    = "create it once more"
	createAnew     = "create it on another instance"
	createFull     = "create without a free seat"
	createFullMore = "create another without a free seat"
	listUsers      = "list 100 users"
	findGroup      = "find a group"
	readGroup      = "read a group, no members"
	createGroup    = "create a group"
	joinGroup      = "a member joins"
	joinAgain      = "a present member joins"
	leaveGroup     = "a member leaves"
	unauthorized   = "invalid token"
)

// operations returns all operations, in the order in which they are measured.
func operations() []operation {
	return append(userOperations(), append(refusedOperations(), groupOperations()...)...)
}

func userOperations() []operation {
	one := func(b *bench) string { return "/Users/" + b.ann() }
	deactivate := func(b *bench) { b.must("PATCH", one(b), set("active", "false")) }
	activate := func(b *bench) { b.must("PATCH", one(b), set("active", "true")) }
	remove := func(b *bench) { b.must("DELETE", one(b), "") }
	return []operation{
		{findUser, "`GET /Users?filter=userName eq …`, found", nil, func(*bench) request {
			return request{"GET", "/Users" + filter("userName", "ann@example.com"), ""}
		}, 200},
		{findNobody, "the same, not found", nil, func(*bench) request {
			return request{"GET", "/Users" + filter("userName", "nobody@example.com"), ""}
		}, 200},
		{readUser, "`GET /Users/{id}`", nil, func(b *bench) request { return request{"GET", one(b), ""} }, 200},
		{createUser, "`POST /Users`, 201", nil, func(*bench) request { return request{"POST", "/Users", user("new", "a")} }, 201},
		{changeUser, "`PATCH` of one attribute", nil, func(b *bench) request { return request{"PATCH", one(b), set("nickName", `"Al"`)} }, 200},
		{changeNothing, "the same again", nil, func(b *bench) request { return request{"PATCH", one(b), set("nickName", `"Al"`)} }, 200},
		{replaceUser, "`PUT` with a change", nil, func(b *bench) request { return request{"PUT", one(b), user("ann", "b")} }, 200},
		{replaceSame, "the same again", nil, func(b *bench) request { return request{"PUT", one(b), user("ann", "b")} }, 200},
		{deactivateUser, "`PATCH active=false`", nil, func(b *bench) request { return request{"PATCH", one(b), set("active", "false")} }, 200},
		{activateUser, "`PATCH active=true`", nil, func(b *bench) request { return request{"PATCH", one(b), set("active", "true")} }, 200},
		{reactivateUser, "`POST`, 200", deactivate, func(*bench) request { return request{"POST", "/Users", user("ann", "c")} }, 200},
		{deleteUser, "`DELETE /Users/{id}`", nil, func(b *bench) request { return request{"DELETE", one(b), ""} }, 204},
		{deleteAgain, "the same again, 404", nil, func(b *bench) request { return request{"DELETE", one(b), ""} }, 404},
		{restoreUser, "`POST`, 200", func(b *bench) { b.createAnn(); remove(b) }, func(*bench) request {
			return request{"POST", "/Users", user("ann", "d")}
		}, 200},
		{listUsers, "`GET /Users?startIndex=101&count=100`", func(b *bench) { activate(b); b.fill(330); b.must("GET", "/Users?startIndex=1&count=100", "") }, func(*bench) request {
			return request{"GET", "/Users?startIndex=101&count=100", ""}
		}, 200},
	}
}

func refusedOperations() []operation {
	return []operation{
		{createActive, "`POST`, 409", nil, func(*bench) request { return request{"POST", "/Users", user("ann", "e")} }, 409},
		{createAgain, "the same again, as identity providers do", nil, func(*bench) request { return request{"POST", "/Users", user("ann", "e")} }, 409},
		{createAnew, "the same again, where no search came before", func(b *bench) { b.restartWarm("warm anew") }, func(*bench) request {
			return request{"POST", "/Users", user("ann", "e")}
		}, 409},
		{createFull, "`POST`, 403", func(b *bench) { b.full() }, func(*bench) request { return request{"POST", "/Users", user("bob", "a")} }, 403},
		{createFullMore, "`POST` of the next user, 403", nil, func(*bench) request { return request{"POST", "/Users", user("carl", "a")} }, 403},
		{unauthorized, "401", nil, func(*bench) request { return request{"GET", "/Users?token=none", ""} }, 401},
	}
}

func groupOperations() []operation {
	team := func(b *bench) string { return "/Groups/" + b.group("Design") }
	return []operation{
		{createGroup, "`POST /Groups`", nil, func(*bench) request { return request{"POST", "/Groups", group("Other")} }, 201},
		{findGroup, "`GET /Groups?excludedAttributes=members&filter=displayName eq …`", nil, func(b *bench) request {
			b.group("Design")
			return request{"GET", "/Groups" + filter("displayName", "Design") + "&excludedAttributes=members", ""}
		}, 200},
		{readGroup, "`GET /Groups/{id}?excludedAttributes=members`", nil, func(b *bench) request { return request{"GET", team(b) + "?excludedAttributes=members", ""} }, 200},
		{joinGroup, "`PATCH` that adds one member", nil, func(b *bench) request { return request{"PATCH", team(b), join(b.ann())} }, 200},
		{joinAgain, "the same again", nil, func(b *bench) request { return request{"PATCH", team(b), join(b.ann())} }, 200},
		{leaveGroup, "`PATCH` that removes one member", nil, func(b *bench) request { return request{"PATCH", team(b), leave(b.ann())} }, 200},
	}
}
