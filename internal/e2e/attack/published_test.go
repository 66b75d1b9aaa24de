package attack

import (
	"fmt"
	"hash/crc32"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/adminapi"
	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/httpapi"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// The tests of this file are the vulnerabilities that were published of other SCIM services
// and that no case has yet. docs/threat-model.md says of which.

// published returns a world with a tenant that has a user and a group.
func published(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, enginetest.Memory(t))
	w.begin()
	w.fill("{T1_USER}{T1_OTHER_USER}{T1_GROUP}")
	return w
}

// scim sends a request of the tenant's identity provider.
func (w *world) scim(method, path, body string) answer {
	return w.send(w.request(method, "/scim/v2"+path, w.vars["T1_TOKEN"], body))
}

// An externalId is a text of the identity provider: one that is the id of a user, of a group
// or a small number finds, changes and becomes nobody else. CVE-2025-41115
func TestPublished_ExternalIDIsNoID(t *testing.T) {
	w := published(t)
	alice, group := w.vars["T1_USER"], w.vars["T1_GROUP"]
	before := w.scim("GET", "/Users/"+alice, "").body
	for i, external := range []string{alice, strings.ToUpper(alice), group, w.vars["T2_USER"], "1", "0", "-1", "admin", w.vars["T1"]} {
		made := w.scim("POST", "/Users", userBody(fmt.Sprintf(`"userName":"new%d@example.com","externalId":%q`, i, external)))
		require.Equal(t, http.StatusCreated, made.status, "%s: %s", external, made.body)
		id, _ := made.document()["id"].(string)
		assert.NotEqual(t, external, id)
		if external != alice {
			assert.Equal(t, http.StatusNotFound, w.scim("DELETE", "/Users/"+url.PathEscape(external), "").status, external)
		}
		assert.Equal(t, external, made.document()["externalId"])
		found := w.scim("GET", "/Users?filter="+url.QueryEscape(fmt.Sprintf("externalId eq %q", external)), "").document()
		assert.EqualValues(t, 1, found["totalResults"], "found by %s", external)
		assert.Contains(t, fmt.Sprint(found["Resources"]), id)
	}
	assert.Equal(t, before, w.scim("GET", "/Users/"+alice, "").body)
	// Nor does a member's value name a user by externalId or userName.
	for _, member := range []string{"1", "new4@example.com", "ann@example.com"} {
		a := w.scim("PATCH", "/Groups/"+group, stage.Patch(`{"op":"add","path":"members","value":[{"value":"`+member+`"}]}`))
		assert.Less(t, a.status, 500, a.body)
		assert.NotContains(t, w.scim("GET", "/Groups/"+group, "").body, `"`+member+`"`)
	}
}

// Each route needs a credential, whatever is in its place: none, an empty one, a scheme alone,
// or the text of a missing setting. CVE-2025-4210, and an empty secret that matches an empty
// credential.
func TestPublished_EveryRouteNeedsACredential(t *testing.T) {
	w := published(t)
	none := []string{"", " ", "Bearer", "Bearer ", "Bearer  ", "bearer", "Basic", "Basic Og==", "Bearer null", "Bearer undefined", "Bearer ''", "Bearer ,", "Negotiate", "Bearer {token}"}
	for _, r := range httpapi.Routes() {
		if r.Public {
			continue
		}
		for _, credential := range none {
			path := strings.ReplaceAll(r.Path, "{id}", w.vars["T1_USER"])
			request := w.request(r.Method, path, "", userBody(`"userName":"intruder@example.com"`))
			if credential != "" {
				request.Header.Set("Authorization", credential)
			}
			w.watch.take()
			a := w.send(request)
			assert.Equal(t, http.StatusUnauthorized, a.status, "%s %s with %q: %s", r.Method, path, credential, a.body)
			assert.Empty(t, w.watch.take(), "%s %s with %q reads or writes", r.Method, path, credential)
		}
	}
	for _, r := range adminapi.Routes() {
		path := strings.NewReplacer("{tenant}", w.vars["T1"], "{user}", w.vars["T1_USER"], "{group}", w.vars["T1_GROUP"], "{token}", "a", "{schema}", "urn:x", "{request}", "x").Replace(r.Path)
		for _, credential := range append(none, "Bearer "+w.vars["T1_TOKEN"]) {
			request := w.request(r.Method, path, "", `{}`)
			if credential != "" {
				request.Header.Set("Authorization", credential)
			}
			w.watch.take()
			a := w.send(request)
			assert.Contains(t, []int{http.StatusUnauthorized, http.StatusForbidden}, a.status, "%s %s with %q: %s", r.Method, path, credential, a.body)
			assert.Empty(t, w.watch.take(), "%s %s with %q reads or writes", r.Method, path, credential)
		}
	}
}

// A path with any character escaped, once or twice, needs a credential as well, and never leads
// to the application's side. CVE-2026-32130
func TestPublished_EscapedPathsNeedACredential(t *testing.T) {
	w, sent := published(t), 0
	for _, path := range []string{"/scim/v2/Users", "/scim/v2/Users/" + w.vars["T1_USER"], "/scim/v2/Groups", "/scim/v2/Schemas", "/admin/v1/tenants/" + w.vars["T1"] + "/users"} {
		for i := range path {
			for _, escaped := range []string{
				path[:i] + fmt.Sprintf("%%%02X", path[i]) + path[i+1:], path[:i] + fmt.Sprintf("%%%02x", path[i]) + path[i+1:],
				path[:i] + fmt.Sprintf("%%25%02X", path[i]) + path[i+1:], path[:i] + "%2F" + path[i:], path[:i] + ";" + path[i:], path[:i] + "//" + path[i:], path[:i] + "/./" + path[i:],
			} {
				request, err := newRequest("GET", escaped, "")
				if err != nil {
					continue // no server hands it over
				}
				sent++
				w.watch.take()
				a := w.send(request)
				assert.Contains(t, []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusBadRequest}, a.status, "%s: %d %s", escaped, a.status, a.body)
				assert.Empty(t, w.watch.take(), "%s reads", escaped)
			}
		}
	}
	assert.Greater(t, sent, 700)
}

// A name of JavaScript's prototypes in a path, or among the values of a change, is the name of
// an unknown attribute, and no other user has it afterwards. CVE-2026-48170
func TestPublished_PrototypesAreNames(t *testing.T) {
	w := published(t)
	alice, bob := w.vars["T1_USER"], w.vars["T1_OTHER_USER"]
	before := w.scim("GET", "/Users/"+bob, "").body
	for _, operation := range []string{
		`{"op":"replace","path":"__proto__.isAdmin","value":true}`,
		`{"op":"add","path":"constructor.prototype.isAdmin","value":true}`,
		`{"op":"add","value":{"__proto__.isAdmin":true}}`,
		`{"op":"add","value":{"__proto__":{"isAdmin":true}}}`,
		`{"op":"replace","path":"name","value":{"__proto__.isAdmin":true,"givenName":"A"}}`,
		`{"op":"add","path":"emails[type eq \"work\"].__proto__.isAdmin","value":true}`,
		`{"op":"add","path":"emails","value":[{"value":"a@example.com","__proto__":{"isAdmin":true}}]}`,
	} {
		a := w.scim("PATCH", "/Users/"+alice, stage.Patch(operation))
		assert.Less(t, a.status, 500, "%s: %s", operation, a.body)
		for _, id := range []string{alice, bob} {
			assert.NotContains(t, w.scim("GET", "/Users/"+id, "").body, "isAdmin", operation)
		}
	}
	assert.Equal(t, before, w.scim("GET", "/Users/"+bob, "").body)
}

// What looks like an expression is text, in answers and in the log. CVE-2021-21479
func TestPublished_ExpressionsAreText(t *testing.T) {
	w := published(t)
	for _, expression := range []string{`${7777*7}`, `#{7777*7}`, `{{7777*7}}`, `%{7777*7}`, `<%= 7777*7 %>`, `*{7777*7}`, `$(expr 7777 \\* 7)`, "`expr 7777 \\\\* 7`"} {
		w.log.take()
		var all []answer
		for _, body := range []string{`"userName":"` + expression + `"`, `"userName":"` + expression + `","active":"` + expression + `"`, `"userName":"e@example.com","` + expression + `":1`, `"userName":"e@example.com","schemas":["` + expression + `"]`} {
			all = append(all, w.scim("POST", "/Users", userBody(body)))
		}
		plain := strings.ReplaceAll(expression, `\\`, `\`)
		all = append(all, w.scim("GET", "/Users?filter="+url.QueryEscape(plain+` eq "x"`), ""), w.scim("GET", "/Users?sortBy="+url.QueryEscape(plain), ""))
		lines, faults := w.log.take()
		assert.Empty(t, faults)
		for _, a := range all {
			assert.Less(t, a.status, 500, a.body)
			assert.NotContains(t, a.body, "54439", "%s is evaluated", expression)
		}
		assert.NotContains(t, fmt.Sprint(lines), "54439", "%s is evaluated", expression)
	}
}

// The removal of some members with a list of them, as older clients send it, leaves the
// others in the group.
func TestPublished_RemovalOfSomeMembersLeavesTheOthers(t *testing.T) {
	w := published(t)
	alice, bob := w.vars["T1_USER"], w.vars["T1_OTHER_USER"]
	for i, operation := range []string{
		`{"op":"remove","path":"members","value":[{"value":"` + alice + `"}]}`,
		`{"op":"Remove","path":"members","value":{"value":"` + alice + `"}}`,
		`{"op":"remove","path":"members[value eq \"` + alice + `\"]"}`,
		`{"op":"remove","path":"members","value":[{"value":"nobody"}]}`,
	} {
		group := w.group(fmt.Sprint("Group ", i), alice, bob)
		a := w.scim("PATCH", "/Groups/"+group, stage.Patch(operation))
		require.Less(t, a.status, 400, "%s: %s", operation, a.body)
		assert.Contains(t, w.scim("GET", "/Groups/"+group, "").body, bob, operation)
	}
}

// Who can change a user's email by SCIM changes that of the own tenant's user only, and never
// that of a user who exists in another tenant under the same name. CVE-2022-1680
func TestPublished_EmailsOfAnotherTenantStay(t *testing.T) {
	w := published(t)
	victimName := w.vars["T2_USERNAME"]
	made := w.scim("POST", "/Users", userBody(`"userName":"`+victimName+`","emails":[{"value":"`+victimName+`","primary":true}]`))
	require.Equal(t, http.StatusCreated, made.status, made.body)
	id, _ := made.document()["id"].(string)
	assert.NotEqual(t, w.vars["T2_USER"], id)
	for _, r := range []struct{ method, path, body string }{
		{"PATCH", "/Users/" + id, stage.Patch(`{"op":"replace","path":"emails","value":[{"value":"attacker@example.net","primary":true}]}`)},
		{"PATCH", "/Users/" + id, stage.Patch(`{"op":"replace","path":"userName","value":"attacker@example.net"}`)},
		{"PUT", "/Users/" + id, userBody(`"id":"` + w.vars["T2_USER"] + `","userName":"attacker2@example.net"`)},
		{"DELETE", "/Users/" + id, ""},
	} {
		a := w.scim(r.method, r.path, r.body)
		assert.Less(t, a.status, 300, "%s: %s", r.body, a.body)
		assert.Equal(t, w.victimWas, w.send(w.request("GET", "/scim/v2/Users/"+w.vars["T2_USER"], w.vars["T2_TOKEN"], "")).body)
	}
	for _, method := range []string{"GET", "PUT", "PATCH", "DELETE"} {
		a := w.scim(method, "/Users/"+w.vars["T2_USER"], userBody(`"userName":"attacker3@example.net"`))
		assert.Contains(t, []int{http.StatusNotFound, http.StatusBadRequest}, a.status, "%s: %s", method, a.body)
	}
	assert.Equal(t, w.victimWas, w.send(w.request("GET", "/scim/v2/Users/"+w.vars["T2_USER"], w.vars["T2_TOKEN"], "")).body)
}

// A credential with a wrong secret gets the same answer whether its token and its tenant
// exist or not.
func TestPublished_WrongSecretsRevealNoTenant(t *testing.T) {
	w := published(t)
	minted, _ := access.Mint(stage.ID(t, w.vars["T1"]))
	parts, other := strings.Split(w.vars["T1_TOKEN"], "_"), strings.Split(minted, "_")
	wrongSecret := strings.Join([]string{parts[0], parts[1], parts[2], other[3]}, "_")
	wrongSecret += fmt.Sprintf("_%08x", crc32.ChecksumIEEE([]byte(wrongSecret)))
	_, err := access.Parse(wrongSecret)
	require.NoError(t, err, "its form and checksum are right")
	stranger, _ := access.Mint(stage.ID(t, "no-such-tenant"))
	answers := map[string]string{}
	for name, token := range map[string]string{"a wrong secret": wrongSecret, "an unknown token": minted, "an unknown tenant": stranger} {
		for _, path := range []string{"/scim/v2/Users", "/scim/v2/ServiceProviderConfig"} {
			a := w.send(w.request("GET", path, token, ""))
			require.Equal(t, http.StatusUnauthorized, a.status, a.body)
			id := a.header.Get("X-Request-Id")
			header := a.header.Clone()
			header.Del("X-Request-Id")
			header.Del("Date")
			header.Del("Apigw-Requestid")
			answers[strings.ReplaceAll(fmt.Sprint(a.body, header), id, "ID")] += name + " of " + path + "; "
		}
	}
	assert.Len(t, answers, 1, "%v", answers)
}
