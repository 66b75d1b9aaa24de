package directory_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/match"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
	"github.com/rollcall-scim/rollcall/internal/store"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/table/tabletest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// world is a tenant with everything that may mislead a search: memberships
// under epochs that are not current, of a deleted group, and of a leaving user.
// It keeps its own record of the members.
type world struct {
	*fixture
	raw     table.Table
	users   []string
	groups  []string
	members map[string][]string // by group
	leaving string
}

// stopped returns the same directory in a process that is killed after some
// writes.
func (w *world) stopped(writes int) *fixture {
	f := *w.fixture
	f.store = store.New(table.Retrying(tabletest.NewFault(w.raw, 1, tabletest.FaultPlan{StopAfter: writes})), newID, time.Now)
	f.dir = f.directory(0)
	return &f
}

func newWorld(t *testing.T) *world {
	t.Helper()
	raw := enginetest.Memory(t)
	w := &world{fixture: newFixtureOn(t, table.Retrying(raw), 500, 50), raw: raw, members: map[string][]string{}}
	w.settings.DeletedUsers = tenant.DeletedReadable
	for i := range 80 {
		more := ""
		if i%3 == 0 {
			more = fmt.Sprintf(`,"externalId":"e-%d","emails":[{"value":"u%d@x","primary":true},{"value":"team@x","type":"other"}]`, i, i)
		}
		u := w.mustPost(user(fmt.Sprintf(`"userName":"U%d","active":%t%s`, i, i%2 == 0, more)))
		w.users = append(w.users, u.ID)
	}
	w.leaving = w.users[5]
	add := func(name, externalID string, members ...string) string {
		body := group(name, members...)
		if externalID != "" {
			body = strings.Replace(body, `"displayName"`, fmt.Sprintf(`"externalId":%q,"displayName"`, externalID), 1)
		}
		id := w.mustPostGroup(body)
		w.groups = append(w.groups, id)
		w.members[id] = members
		return id
	}
	for i := range 8 {
		var members []string
		for j, user := range w.users {
			if (j*7+i*5)%(i+2) == 0 && j < 20 {
				members = append(members, user)
			}
		}
		external := ""
		if i%2 == 0 {
			external = fmt.Sprint("g-", i)
		}
		add(fmt.Sprint("Group ", i), external, members...)
	}
	add("Void", "")

	renamed := add("Old name", "", w.users[:3]...)
	w.mustPatchGroup(renamed, `{"op":"replace","path":"displayName","value":"New name"},`+remove(w.users[0]))
	w.members[renamed] = w.users[1:3]

	// A whole new set; the old one is still stored.
	replaced := add("Replaced", "g-r", w.users[:40]...)
	_, err := w.stopped(4).patchGroup(replaced, replace(w.users[40:]...))
	require.NoError(t, err)
	w.members[replaced] = w.users[40:]
	// And back, which leaves two ended epochs in the table.
	back := add("Back", "", w.users[:40]...)
	w.mustPatchGroup(back, replace(w.users[40:]...))
	_, err = w.stopped(4).patchGroup(back, replace(w.users[:40]...))
	require.NoError(t, err)

	deleted := add("Deleted", "g-d", w.users[:40]...)
	_, err = w.stopped(1).dir.DeleteGroup(t.Context(), w.tenant, w.by(), deleted, nil)
	require.NoError(t, err)
	delete(w.members, deleted)

	// A deleted user that stays readable and is in more groups than end at
	// once.
	for i := range directory.MaxJoined {
		add(fmt.Sprint("Bulk ", i), "", w.leaving)
	}
	_ = w.stopped(1).remove(w.leaving) // the error says that the memberships have not ended
	for id, members := range w.members {
		w.members[id] = without(members, w.leaving)
	}
	w.checkWorld(deleted)
	return w
}

func without(ids []string, id string) []string {
	return slices.DeleteFunc(slices.Clone(ids), func(other string) bool { return other == id })
}

// checkWorld checks that the unfinished work is stored, and that the members
// are the recorded ones.
func (w *world) checkWorld(deleted string) {
	w.t.Helper()
	faults, err := w.store.Audit(context.Background(), w.tenant)
	require.NoError(w.t, err)
	unfinished := 0
	for _, fault := range faults {
		assert.Truef(w.t, fault.Unfinished, "audit: %s", fault)
		unfinished++
	}
	require.Truef(w.t, unfinished >= 4, "%d tasks are unfinished, want two sets, a group and a user: %v", unfinished, faults)
	for id, members := range w.members {
		got := w.fixture.members(id)
		require.Truef(w.t, slices.Equal(got, slices.Sorted(slices.Values(members))), "group %s has %d members, want %d", id, len(got), len(members))
	}
	g, err := w.store.Group(context.Background(), w.tenant, deleted)
	require.Truef(w.t, g == nil && err == nil, "the deleted group is found: %v, %v", g, err)
}

// allGroups returns all groups as filters see them, in the order of their ids.
func (w *world) allGroups() (ids []string, resources []scim.Resource) {
	w.t.Helper()
	page, err := w.store.Groups(context.Background(), w.tenant, directory.Range{})
	if err != nil || page.More || len(page.Records) != len(w.members) {
		w.t.Fatalf("%d groups, more %t, %v; want %d", len(page.Records), page.More, err, len(w.members))
	}
	for _, g := range page.Records {
		r, err := w.documents().Group(g, slices.Sorted(slices.Values(w.members[g.ID])))
		require.NoError(w.t, err)
		ids, resources = append(ids, g.ID), append(resources, r)
	}
	return ids, resources
}

// allUsers returns all users as filters see them, in the order of their ids.
func (w *world) allUsers() (ids []string, resources []scim.Resource) {
	w.t.Helper()
	groups, err := w.store.Groups(context.Background(), w.tenant, directory.Range{})
	require.NoError(w.t, err)
	page, err := w.store.Users(context.Background(), w.tenant, directory.Range{})
	if err != nil || page.More || len(page.Records) != len(w.users) {
		w.t.Fatalf("%d users, more %t, %v; want %d", len(page.Records), page.More, err, len(w.users))
	}
	for _, u := range page.Records {
		var in []*directory.Group
		for _, g := range groups.Records {
			if slices.Contains(w.members[g.ID], u.ID) {
				in = append(in, g)
			}
		}
		r, err := w.documents().User(u, in)
		require.NoError(w.t, err)
		ids, resources = append(ids, u.ID), append(resources, r)
	}
	return ids, resources
}

// filters draws filters from few terms, so that they often match.
func filters(depth int, term func(t *rapid.T) string) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		most := 7
		if depth == 0 {
			most = 2
		}
		under := func() string { return filters(depth-1, term).Draw(t, "operand") }
		switch rapid.IntRange(0, most).Draw(t, "kind") {
		case 3, 4, 5:
			return "(" + under() + ") and (" + under() + ")"
		case 6:
			return under() + " or " + under()
		case 7:
			return "not (" + under() + ")"
		}
		return term(t)
	})
}

// quoted draws one of some texts, sometimes in capitals.
func quoted(t *rapid.T, texts ...string) string {
	text := rapid.SampledFrom(texts).Draw(t, "text")
	if rapid.IntRange(0, 5).Draw(t, "capitals") == 0 {
		text = strings.ToUpper(text)
	}
	return `"` + text + `"`
}

func compared(t *rapid.T, name, value string) string {
	return name + " " + rapid.SampledFrom([]string{"eq", "eq", "eq", "eq", "ne", "co", "sw", "ew", "gt", "le"}).Draw(t, "op") + " " + value
}

// listTerm draws a term on members or groups.
func listTerm(t *rapid.T, name string, id func() string, others ...string) string {
	switch rapid.IntRange(0, 11).Draw(t, "of the list") {
	case 0, 1, 2:
		return name + " eq " + id()
	case 3:
		return compared(t, name+".value", id())
	case 4:
		return name + "[value eq " + id() + "]"
	case 5:
		return name + "[value eq " + id() + " and " + rapid.SampledFrom(others).Draw(t, "other") + "]"
	case 6:
		return name + "[value eq " + id() + " or value eq " + id() + "]"
	case 7:
		return name + "[not (value eq " + id() + ")]"
	case 8:
		return name + "[value eq " + id() + "]." + rapid.SampledFrom(others).Draw(t, "other")
	case 9:
		return name + "." + rapid.SampledFrom(others).Draw(t, "other")
	case 10:
		return name + rapid.SampledFrom([]string{" pr", " eq null", " ne null", ".value pr", ".display pr"}).Draw(t, "presence")
	}
	return compared(t, name+".$ref", id())
}

// A search finds exactly the records that match its filter, whichever term is
// looked up by key.
func TestSearchGroups_IsPlainEvaluation(t *testing.T) {
	w := newWorld(t)
	ids, resources := w.allGroups()
	few := slices.Concat(w.users[:6], w.users[39:42], []string{"nobody", "no such/id", ""})
	term := func(t *rapid.T) string {
		user := func() string { return quoted(t, few...) }
		switch rapid.IntRange(0, 9).Draw(t, "term") {
		case 0:
			return compared(t, "displayName", quoted(t, "Group 1", "Group", "Void", "New name", "Old name", "Replaced", "Deleted", "Bulk 7", ""))
		case 1:
			return compared(t, "externalId", quoted(t, "g-0", "g-2", "g-r", "g-d", "g", ""))
		case 2:
			return compared(t, "id", quoted(t, append(slices.Clone(w.groups[:14]), "no such/id", "")...))
		case 3:
			return rapid.SampledFrom([]string{
				`externalId pr`, `meta.version eq "W/\"1\""`, `meta.resourceType eq "Group"`, `meta.lastModified gt "2020-01-01T00:00:00Z"`,
			}).Draw(t, "plain")
		}
		return listTerm(t, "members", user, `type eq "user"`, `type ne "User"`, `type eq "Group"`, `display pr`, `$ref pr`, `value sw "0"`)
	}
	compare(t, w, schema.GroupType(), term, ids, resources, func(q directory.Query) ([]string, int, error) {
		found, err := w.dir.SearchGroups(context.Background(), w.tenant, w.by(), q)
		got := make([]string, len(found.Records))
		for i, g := range found.Records {
			got[i] = g.ID
		}
		return got, found.Total, err
	})
}

func TestSearch_ByGroupsIsPlainEvaluation(t *testing.T) {
	w := newWorld(t)
	ids, resources := w.allUsers()
	few := slices.Concat(w.groups[:14], []string{"none", "no such/id", ""})
	term := func(t *rapid.T) string {
		group := func() string { return quoted(t, few...) }
		switch rapid.IntRange(0, 9).Draw(t, "term") {
		case 0:
			return compared(t, "userName", quoted(t, "u0", "u3", "u5", "u41", "u", ""))
		case 1:
			return compared(t, "externalId", quoted(t, "e-3", "e-39", "e", ""))
		case 2:
			return compared(t, "id", quoted(t, w.users[0], w.users[3], w.leaving, w.users[40], "no such/id"))
		case 3:
			return rapid.SampledFrom([]string{
				`active eq true`, `active ne true`, `emails eq "team@x"`, `emails.value eq "u3@x"`, `emails[type eq "other"].value eq "TEAM@x"`, `externalId pr`,
			}).Draw(t, "plain")
		}
		return listTerm(t, "groups", group, `type eq "direct"`, `type ne "direct"`, `display eq "group 1"`, `display sw "B"`, `$ref pr`, `value ne "x"`)
	}
	compare(t, w, w.types, term, ids, resources, func(q directory.Query) ([]string, int, error) {
		found, err := w.dir.Search(context.Background(), w.tenant, w.by(), q)
		got := make([]string, len(found.Records))
		for i, u := range found.Records {
			got[i] = u.ID
		}
		return got, found.Total, err
	})
}

// compare searches with drawn filters, and evaluates each filter on all
// records.
func compare(t *testing.T, w *world, rt *schema.ResourceType, term func(t *rapid.T) string, ids []string, resources []scim.Resource,
	search func(q directory.Query) (got []string, total int, err error),
) {
	t.Helper()
	searches, some, keyed := 0, 0, 0
	rapid.Check(t, func(t *rapid.T) {
		for range 6 {
			text := filters(2, term).Draw(t, "filter")
			f, err := match.CompileFilter(rt, text)
			require.NoErrorf(t, err, "%s", text)
			var want []string
			for i, r := range resources {
				if f.Match(r) {
					want = append(want, ids[i])
				}
			}
			q := directory.Query{Filter: f, StartIndex: rapid.IntRange(1, 4).Draw(t, "startIndex"), Count: rapid.SampledFrom([]int{0, 1, 5, 200}).Draw(t, "count")}
			got, total, err := search(q)
			from := min(q.StartIndex-1, len(want))
			if page := want[from:min(from+q.Count, len(want))]; err != nil || total != len(want) || !slices.Equal(got, page) {
				t.Fatalf("%s from %d, %d at most: %d found of %d, %v; want %d of %d\n%q\n%q",
					text, q.StartIndex, q.Count, len(got), total, err, len(page), len(want), got, page)
			}
			searches++
			if len(want) > 0 && len(want) < len(ids) {
				some++
			}
			if len(f.Lookups()) > 0 {
				keyed++
			}
		}
	})
	t.Logf("%d searches, %d of them found some and not all, %d had a term that a key answers", searches, some, keyed)
	assert.True(t, 5*some >= searches && 5*keyed >= searches, "the drawn filters match too little or too much to prove anything")
	w.t = t
	after, _ := w.store.Audit(t.Context(), w.tenant)
	assert.Truef(t, len(after) >= 4, "the searches finished the unfinished work: %v", after)
}
