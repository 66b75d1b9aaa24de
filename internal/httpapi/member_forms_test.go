package httpapi_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// A whole new set of members without any known user is refused, in every form
// and position in which it can be sent, and neither the members nor the name
// change. If one member is known, the others are skipped.
func TestGroups_RefuseASetOfUnknownMembers(t *testing.T) {
	enginetest.Run(t, testGroups_RefuseASetOfUnknownMembers)
}

func testGroups_RefuseASetOfUnknownMembers(t *testing.T, open opener) {
	s := newService(t, open, 5)
	ids := s.people(3)
	id, other := s.mustGroup("g", ids[0], ids[1]), s.mustGroup("other")
	empty := s.mustGroup("empty")
	stranger := "00000000-0000-7000-8000-000000000000"
	replace := func(value string) string {
		return patchBody(`[{"op":"replace","path":"displayName","value":"renamed"},{"op":"replace","path":"members","value":` + value + `}]`)
	}
	many := make([]string, 40)
	for i := range many {
		many[i] = fmt.Sprintf("00000000-0000-4000-8000-%012d", i)
	}
	bodies := map[string]string{
		"one":               replace(memberList(stranger)),
		"two":               replace(memberList(stranger, "nobody")),
		"no id at all":      replace(memberList("no such/id")),
		"many":              replace(memberList(many...)),
		"a group":           replace(memberList(other)),
		"a group by type":   replace(`[{"value":"` + other + `","type":"Group"}]`),
		"a group by $ref":   replace(`[{"$ref":"../Groups/` + other + `"}]`),
		"one object":        replace(`{"value":"` + stranger + `"}`),
		"an id":             replace(`"` + stranger + `"`),
		"ids":               replace(`["` + stranger + `"]`),
		"JSON in a string":  replace(`"[{\"value\":\"` + stranger + `\"}]"`),
		"broken JSON":       replace(`"[{\"value\":\"` + stranger + `\"}"`),
		"without a path":    patchBody(`[{"op":"replace","value":{"displayName":"renamed","members":` + memberList(stranger) + `}}]`),
		"the value as text": patchBody(`[{"op":"replace","value":"{\"displayName\":\"renamed\",\"members\":[{\"value\":\"` + stranger + `\"}]}"}]`),
		"remove, then add":  patchBody(`[{"op":"remove","path":"members"},{"op":"add","path":"members","value":` + memberList(stranger) + `}]`),
		"the core URN":      patchBody(`[{"op":"replace","path":"` + scim.CoreGroupURN + `","value":{"displayName":"renamed","members":` + memberList(stranger) + `}}]`),
	}
	for name, body := range bodies {
		for _, target := range []string{id, empty} {
			t.Run(name, func(t *testing.T) {
				s.t = t
				before := s.send("GET", "/Groups/"+target, "").raw
				a := s.send("PATCH", "/Groups/"+target, body)
				wantNobodyKnown(t, a, strings.HasPrefix(name, "a group"))
				after := s.send("GET", "/Groups/"+target, "").raw
				assert.Equalf(t, before, after, "the refused request changed\n%s\ninto\n%s", before, after)
			})
		}
	}
	s.t = t
	before := s.send("GET", "/Groups/"+id, "").raw
	a := s.send("PUT", "/Groups/"+id, groupBody(`"displayName":"renamed","members":`+memberList(stranger)))
	wantNobodyKnown(t, a, false)
	bulk := s.bulk(`{"method":"PUT","path":"/Groups/` + id + `","data":` + groupBody(`"displayName":"renamed","members":`+memberList(stranger)) + `},` +
		`{"method":"PATCH","path":"/Groups/` + id + `","data":` + bodies["one"] + `}`)
	got := bulk.statuses()
	assert.Equalf(t, "400 400", got, "by Bulk: %s, want 400 twice", got)
	after := s.send("GET", "/Groups/"+id, "").raw
	assert.Equalf(t, before, after, "the refused requests changed\n%s\ninto\n%s", before, after)

	// A group is never its own member, not even beside others.
	for _, body := range []string{memberPatch("add", id), memberPatch("replace", ids[0], id)} {
		a := s.send("PATCH", "/Groups/"+id, body)
		wantRefusal(t, a, "invalidValue", "The group was sent as a member of itself", "Remove the group from its own members.")
		wantEvent(t, a, map[string]any{"outcome": "failure", "cause": string(cause.UnknownMembers), "membersSkipped": id, "changed": nil})
	}
	s.wantMembers(id, ids[0], ids[1])

	// If one member is known, the others are skipped. A new group may be empty,
	// and an empty list removes all members.
	a = s.send("PATCH", "/Groups/"+id, memberPatch("replace", stranger, ids[2]))
	wantEvent(t, a, map[string]any{"outcome": "warning", "cause": string(cause.UnknownMembers), "membersSkipped": stranger})
	s.wantMembers(id, ids[2])
	a = s.send("POST", "/Groups", groupBody(`"displayName":"new","members":`+memberList(stranger, other)))
	wantEvent(t, a, map[string]any{"outcome": "warning", "cause": string(cause.UnknownMembers), "membersSkipped": stranger + "," + other})
	for _, none := range []string{`[]`, `null`, `""`, `{}`} {
		a := s.send("PATCH", "/Groups/"+id, patchBody(`[{"op":"replace","path":"members","value":`+memberList(ids[0])+`}]`))
		require.Equal(t, 200, a.status, a.raw)
		a = s.send("PATCH", "/Groups/"+id, patchBody(`[{"op":"replace","path":"members","value":`+none+`}]`))
		assert.Equalf(t, 200, a.status, "%s does not empty the group: %d %s", none, a.status, a.raw)
		s.wantMembers(id)
	}
	s.wantAudit()
}

func wantNobodyKnown(t *testing.T, a answer, nested bool) {
	t.Helper()
	action := "To empty the group, remove all of its members."
	if nested {
		action = "add the users of the inner group to this group itself"
	}
	wantRefusal(t, a, "invalidValue", "None of the members sent is a provisioned user", action)
	wantEvent(t, a, map[string]any{
		"outcome": "failure", "cause": string(cause.UnknownMembers), "action": nil, "membersAdded": nil, "membersRemoved": nil, "changed": nil,
	})
}

// A member is the user with the id, whatever type is sent with it. A group's id
// is skipped like an unknown one in every position, and refused for a tenant
// that refuses unknown members.
func TestGroups_MembersOfAnyType(t *testing.T) {
	enginetest.Run(t, testGroups_MembersOfAnyType)
}

func testGroups_MembersOfAnyType(t *testing.T, open opener) {
	s := newService(t, open, 5)
	ids := s.people(2)
	child := s.mustGroup("child", ids[1])
	strict := tenant.DefaultSettings()
	strict.UnknownMembers = tenant.UnknownMembersRefuse
	forms := map[string]func(id, typed string) (method, path, body string){
		"POST": func(_, members string) (string, string, string) {
			return "POST", "/Groups", groupBody(`"displayName":"posted","members":` + members)
		},
		"PUT": func(id, members string) (string, string, string) {
			return "PUT", "/Groups/" + id, groupBody(`"displayName":"put","members":` + members)
		},
		"add": func(id, members string) (string, string, string) {
			return "PATCH", "/Groups/" + id, patchBody(`[{"op":"add","path":"members","value":` + members + `}]`)
		},
		"replace": func(id, members string) (string, string, string) {
			return "PATCH", "/Groups/" + id, patchBody(`[{"op":"replace","path":"members","value":` + members + `}]`)
		},
		"without a path": func(id, members string) (string, string, string) {
			return "PATCH", "/Groups/" + id, patchBody(`[{"op":"add","value":{"members":` + members + `}}]`)
		},
	}
	for name, form := range forms {
		for _, kind := range []string{"value", "direct", "Group", "User", "urn:x"} {
			t.Run(name+" of type "+kind, func(t *testing.T) {
				s.t = t
				id := s.mustGroup("g " + name + kind)
				method, path, body := form(id, `[{"value":"`+ids[0]+`","type":"`+kind+`"},{"value":"`+child+`","type":"`+kind+`"},{"$ref":"../Groups/`+child+`"}]`)
				a := s.send(method, path, body)
				require.Falsef(t, a.status != 200 && a.status != 201, "%d %s", a.status, a.raw)
				wantEvent(t, a, map[string]any{"outcome": "warning", "cause": string(cause.UnknownMembers), "membersSkipped": child})
				s.wantMembers(a.body["id"].(string), ids[0])
				if a := s.send("DELETE", "/Groups/"+a.body["id"].(string), ""); a.status != 204 {
					t.Fatal(a.raw)
				}
			})
		}
	}
	s.t = t
	a := s.send("PATCH", "/Groups/"+child, patchBody(`[{"op":"add","path":"members[value eq \"`+ids[0]+`\" and type eq \"Group\"]","value":{"value":"`+ids[0]+`"}},`+
		`{"op":"remove","path":"members","value":[{"value":"`+ids[1]+`","type":"Group"}]}]`))
	require.Equal(t, 200, a.status, a.raw)
	s.wantMembers(child, ids[0])
	s.wantAudit()

	refusing := newServiceOn(t, open(t), 5, strict)
	nested := refusing.mustGroup("child")
	target := refusing.mustGroup("g")
	for name, form := range forms {
		method, path, body := form(target, `[{"value":"`+nested+`","type":"Group"}]`)
		if a := refusing.send(method, path, body); a.status != 400 || a.event["cause"] != string(cause.UnknownMembers) {
			t.Errorf("%s of a group for a tenant that refuses unknown members: %d %s", name, a.status, a.raw)
		}
	}
}
