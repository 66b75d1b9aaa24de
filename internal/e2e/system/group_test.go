package system

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/table/meter"
)

// Two hundred concurrent additions of one member to one group, and fifty
// removals: exactly the expected members, whatever conflicts.
func TestGroup_ConcurrentMembers(t *testing.T) {
	enginetest.Each(t, enginetest.Three(), func(t *testing.T, engine enginetest.Engine) {
		const joining, leaving, staying = 200, 50, 10
		s, ids := crowd(t, engine.Open(t), joining+leaving+staying)
		id := s.must(201, "POST", "/Groups", groupBody("busy", ids[joining:]...))
		got := s.atOnce(joining+leaving, func(i int) (string, string, string) {
			if i < joining {
				return "PATCH", "/Groups/" + id, memberPatch("add", ids[i])
			}
			if i%2 == 0 {
				return "PATCH", "/Groups/" + id, memberPatch("remove", ids[i])
			}
			return "PATCH", "/Groups/" + id, patchBody(fmt.Sprintf(`[{"op":"remove","path":"members[value eq \"%s\"]"}]`, ids[i]))
		})
		wantStatuses(t, got, map[int]int{200: joining + leaving})
		want := slices.Sorted(slices.Values(slices.Concat(ids[:joining], ids[joining+leaving:])))
		members := s.membersOf(id)
		assert.Truef(t, slices.Equal(members, want), "%d members, want %d", len(members), len(want))
		a := s.send("GET", "/Groups/"+id+"?excludedAttributes=members", "")
		if got, want := a.header.Get("ETag"), fmt.Sprintf(`W/"%d"`, 1+joining+leaving+openingChanges); got != want {
			t.Errorf("version %s, want %s: one for each change", got, want)
		}
		s.check(0)
		if engine.Conflicts != nil {
			overlaps, injected, recovered := engine.Conflicts.Totals()
			t.Logf("%d overlapping writes and %d others refused, %d came through", overlaps, injected, recovered)
			assert.NotEqual(t, 0, overlaps, "nothing overlapped: the race proves nothing")
		}
	})
}

// openingChanges is the number of changes that a new group of sixty members
// needs after its creation: none, since they are staged.
const openingChanges = 0

// Concurrent changes of whole sets, of many members and of one, renames, and
// deletions of users and of the group: in any order, both directions agree and
// nothing is left over.
func TestGroup_ConcurrentChanges(t *testing.T) {
	enginetest.Each(t, enginetest.Three(), func(t *testing.T, engine enginetest.Engine) {
		rounds, people := size(6, 2), 150
		if strings.HasPrefix(engine.Name, "dynamodb") {
			rounds, people = 1, 80
		}
		for round := range rounds {
			s, ids := crowd(t, engine.Open(t), people)
			half := people / 2
			id := s.must(201, "POST", "/Groups", groupBody("g", ids[:half]...))
			other := s.must(201, "POST", "/Groups", groupBody("other", ids...))
			got := s.atOnce(16, func(i int) (string, string, string) {
				switch i {
				case 0:
					return "PATCH", "/Groups/" + id, memberPatch("replace", ids[half:]...)
				case 1:
					return "PATCH", "/Groups/" + id, memberPatch("add", ids[10:]...)
				case 2:
					return "PATCH", "/Groups/" + id, memberPatch("remove", ids[:half+20]...)
				case 3:
					return "PUT", "/Groups/" + id, groupBody(fmt.Sprint("renamed", round), ids[5:half]...)
				case 4:
					return "PATCH", "/Groups/" + id, patchBody(`[{"op":"remove","path":"members"}]`)
				case 5:
					return "DELETE", "/Groups/" + other, ""
				case 6, 7, 8:
					return "DELETE", "/Users/" + ids[i], ""
				case 9:
					return "PATCH", "/Groups/" + id, patchBody(fmt.Sprintf(`[{"op":"replace","path":"displayName","value":"again%d"}]`, round))
				case 10:
					return "GET", "/Groups/" + id, ""
				case 11:
					return "GET", "/Users/" + ids[half], ""
				}
				return "PATCH", "/Groups/" + id, memberPatch("add", ids[i])
			})
			for status, n := range got {
				assert.Truef(t, (status < 500 || status == 503) && status != 400 && status != 409, "%d answers %d", n, status)
			}
			members := s.membersOf(id)
			for _, gone := range ids[6:9] {
				assert.Falsef(t, slices.Contains(members, gone), "the deleted user %s is a member", gone)
			}
			late := s.on(t, s.table, app.Options{Now: afterwards})
			late.sweep()
			s.check(0)
		}
	})
}

// TestGroup_CostsTheSameAtAnySize: the cost of changing one member does not
// depend on the number of members, and a request without members reads none.
func TestGroup_CostsTheSameAtAnySize(t *testing.T) {
	enginetest.Each(t, enginetest.Plain(), func(t *testing.T, engine enginetest.Engine) {
		raw := engine.Open(t)
		sizes := []int{1, 1000, 100_000}
		if engine.Name == "dynamodb" {
			sizes = []int{1, 200, 2000} // 100,000 take it a minute to store
		}
		now := time.Now() // it stands still: the token is read once
		s := newService(t, raw, 10, app.Options{Now: func() time.Time { return now }, Meter: []meter.Option{meter.Exact}})
		user := s.must(201, "POST", "/Users", budgetUser(0))
		type cost struct{ trips, reads, writes float64 }
		of := func(a answer, status int) cost {
			t.Helper()
			require.Equalf(t, status, a.status, "%d %v", a.status, a.body)
			return cost{a.event["roundTrips"].(float64), a.event["readUnits"].(float64), a.event["writeUnits"].(float64)}
		}
		costs := map[string][]cost{}
		for _, size := range sizes {
			id := s.must(201, "POST", "/Groups", groupBody(fmt.Sprintf("group of %06d", size)))
			seed(t, raw, id, size)
			costs["add"] = append(costs["add"], of(s.send("PATCH", "/Groups/"+id, memberPatch("add", user)), 200))
			costs["add again"] = append(costs["add again"], of(s.send("PATCH", "/Groups/"+id, memberPatch("add", user)), 200))
			costs["is a member"] = append(costs["is a member"], of(s.send("GET",
				"/Groups?filter="+url.QueryEscape(fmt.Sprintf(`id eq %q and members eq %q`, id, user)), ""), 200))
			a := s.send("GET", "/Groups?filter="+url.QueryEscape(fmt.Sprintf(`members eq %q`, user)), "")
			assert.Truef(t, a.body["totalResults"] == 1.0, "%v groups have the user, want 1", a.body["totalResults"])
			costs["of a member"] = append(costs["of a member"], of(a, 200))
			costs["remove"] = append(costs["remove"], of(s.send("PATCH", "/Groups/"+id, memberPatch("remove", user)), 200))
			costs["rename"] = append(costs["rename"], of(s.send("PATCH", "/Groups/"+id,
				patchBody(fmt.Sprintf(`[{"op":"replace","path":"displayName","value":"renamed to %06d"}]`, size))), 200))
			a = s.send("GET", "/Groups/"+id+"?excludedAttributes=members", "")
			n := a.event["itemsRead"]
			assert.Truef(t, n == 1.0, "a group without its members takes %v items read", n)
			costs["GET without members"] = append(costs["GET without members"], of(a, 200))
			a = s.send("GET", "/Groups?filter="+url.QueryEscape(fmt.Sprintf(`displayName eq "renamed to %06d"`, size)), "")
			if a.body["totalResults"] != 1.0 || a.event["itemsRead"].(float64) > 2 {
				t.Errorf("a lookup by name finds %v, with %v items read", a.body["totalResults"], a.event["itemsRead"])
			}
			costs["by name"] = append(costs["by name"], of(a, 200))
		}
		a := s.send("GET", "/Groups", "")
		if a.body["totalResults"] != float64(len(sizes)) || a.event["itemsRead"].(float64) > float64(len(sizes)+1) {
			t.Errorf("a list of %v groups reads %v items", a.body["totalResults"], a.event["itemsRead"])
		}
		most := map[string]cost{
			"add": {2, 4, 12}, "add again": {3, 4, 12 + 2}, "remove": {2, 4, 12}, "rename": {2, 4, 12},
			"GET without members": {1, 1, 0}, "by name": {2, 2, 0}, "is a member": {2, 3, 0}, "of a member": {2, 3, 0},
		}
		for name, each := range costs {
			t.Logf("%-20s %v", name, each[0])
			for i, c := range each {
				assert.Truef(t, c == each[0], "%s: %v in a group of %d, %v in one of %d", name, c, sizes[i], each[0], sizes[0])
			}
			if m := most[name]; each[0].trips > m.trips || each[0].reads > m.reads || each[0].writes > m.writes {
				t.Errorf("%s costs %v, at most %v", name, each[0], m)
			}
		}
	})
}

// seed stores members of a group as package store does (its tests hold the
// keys): creating them one by one would take minutes.
func seed(t *testing.T, raw table.Table, group string, n int) {
	t.Helper()
	ops := make([]table.Op, 0, table.MaxOps)
	for i := range n {
		ops = append(ops, table.Put(table.Item{Key: table.Key{
			Partition: "T#acme#G#" + group + "#1", Sort: fmt.Sprintf("00000000-0000-7000-8000-%012d", i),
		}}))
		if len(ops) == table.MaxOps || i == n-1 {
			require.NoError(t, raw.Write(context.Background(), table.Transaction{Token: fmt.Sprintf("%s%d", group[20:], i), Ops: ops}))
			ops = ops[:0]
		}
	}
}

// A user's groups cost one round trip without any and two with some; none is
// shown after a deletion, all after a reactivation.
func TestGroup_InAUsersGroups(t *testing.T) {
	enginetest.Each(t, enginetest.Plain(), func(t *testing.T, engine enginetest.Engine) {
		s := newService(t, engine.Open(t), 10, app.Options{Meter: []meter.Option{meter.Exact}})
		body := budgetUser(0)
		user := s.must(201, "POST", "/Users", body)
		groups := make([]string, 5)
		for i := range groups {
			groups[i] = s.must(201, "POST", "/Groups", groupBody(fmt.Sprint("g", i), user))
		}
		in := func(want ...string) {
			t.Helper()
			got := s.groupsOf(user)
			assert.Truef(t, slices.Equal(got, want), "the user is in %v, want %v", got, want)
			for _, id := range groups {
				is := slices.Contains(want, id)
				assert.Equal(t, is, slices.Contains(s.membersOf(id), user), "the group has the user")
			}
		}
		a := s.send("GET", "/Users/"+user, "")
		if trips, reads := a.event["roundTrips"].(float64), a.event["readUnits"].(float64); trips != 2 || reads > 2+5 {
			t.Errorf("GET of a user in five groups: %v round trips, %v RRU", trips, reads)
		}
		first := a.body["groups"].([]any)[0].(map[string]any)
		if first["display"] != "g0" || first["type"] != "direct" || first["$ref"] != "https://scim.test/scim/v2/Groups/"+groups[0] {
			t.Errorf("a group of the user is %v", first)
		}
		version := a.header.Get("ETag")
		in(groups...)
		s.must(200, "PATCH", "/Groups/"+groups[0], patchBody(`[{"op":"replace","path":"displayName","value":"new name"}]`))
		a = s.send("PATCH", "/Users/"+user, patchBody(deactivate))
		got := a.body["groups"].([]any)[0].(map[string]any)["display"]
		assert.Truef(t, got == "new name", "the group is shown as %v", got)
		trips := a.event["roundTrips"].(float64)
		assert.Truef(t, trips == 2, "PATCH of a user in groups: %v round trips", trips)
		in(groups...)
		a = s.send("PATCH", "/Users/"+user, patchBody(activate))
		if got := valuesOf(a.body["groups"]); !slices.Equal(got, groups) {
			t.Errorf("reactivated by PATCH, the user is in %v", got)
		}
		s.must(200, "PATCH", "/Users/"+user, patchBody(deactivate))
		if got := valuesOf(s.send("POST", "/Users", body).body["groups"]); !slices.Equal(got, groups) {
			t.Errorf("reactivated by POST, the user is in %v", got)
		}
		s.must(200, "PATCH", "/Groups/"+groups[1], memberPatch("remove", user))
		in(groups[0], groups[2], groups[3], groups[4])
		if got := s.send("GET", "/Users/"+user+"?attributes=userName", "").header.Get("ETag"); got == version {
			t.Error("the user's version did not move by its own changes")
		}
		a = s.send("GET", "/Users", "")
		assert.Nil(t, a.body["Resources"].([]any)[0].(map[string]any)["groups"], "a list shows groups that were not asked for")
		a = s.send("GET", "/Users?attributes=groups", "")
		r := a.body["Resources"].([]any)[0].(map[string]any)
		assert.Lenf(t, valuesOf(r["groups"]), 4, "a list that names groups shows %v", r)
		a = s.send("DELETE", "/Users/"+user, "")
		// The memberships are read after the user, never in parallel:
		// decision 0008.
		if trips, writes := a.event["roundTrips"].(float64), a.event["writeUnits"].(float64); trips != 3 || writes > 12+6*4 {
			t.Errorf("DELETE of a user in four groups: %v round trips, %v WRU", trips, writes)
		}
		assert.Empty(t, s.membersOf(groups[0]), "the deleted user is a member")
		a = s.send("POST", "/Users", body)
		assert.Truef(t, a.body["id"] == user && a.body["groups"] == nil, "restored, the user is %v in %v", a.body["id"], a.body["groups"])
		in()
		s.check(1)
	})
}
