package directory_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/match"
	"github.com/rollcall-scim/rollcall/internal/scim/resource"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
	"github.com/rollcall-scim/rollcall/internal/store"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/table/tabletest"
)

// groupModel is groups as readers see them: names and sets of live users. It
// has no epochs, parts or tasks.
type groupModel struct {
	t       *rapid.T
	f       *fixture
	raw     table.Table
	users   []string
	deleted map[string]bool
	groups  map[string]map[string]bool
	order   []string
	kill    bool
	names   int
}

// TestGroups_AnyHistory creates groups and changes them in any order, and
// compares what readers see with the model after each step. The sets are below
// and above what fits into one transaction, so that all ways of changing
// members are used.
func TestGroups_AnyHistory(t *testing.T) {
	base := enginetest.Memory(t)
	rapid.Check(t, func(rt *rapid.T) { runGroupModel(t, rt, base, false) })
}

// TestGroups_AnyHistoryKilled runs the same in a process that is killed after any
// write: the next reader sees the state before the request, or the requested
// state.
func TestGroups_AnyHistoryKilled(t *testing.T) {
	base := enginetest.Memory(t)
	rapid.Check(t, func(rt *rapid.T) { runGroupModel(t, rt, base, true) })
}

const modelUsers = 45

func runGroupModel(t *testing.T, rt *rapid.T, raw table.Table, kill bool) {
	f := newFixtureFor(t, raw, newID()[:18], 100)
	m := &groupModel{
		t: rt, f: f, raw: raw, users: f.people(modelUsers), deleted: map[string]bool{},
		groups: map[string]map[string]bool{}, kill: kill,
	}
	for range rapid.IntRange(1, 12).Draw(rt, "steps") {
		m.step()
		m.compare()
	}
	m.sweep()
	faults, err := f.store.Audit(t.Context(), f.tenant)
	require.NoError(rt, err)
	for _, fault := range faults {
		rt.Errorf("audit: %s", fault)
	}
	m.compare()
}

// some draws users: none, one, a few, or more than fit into a transaction.
func (m *groupModel) some() []string {
	n := rapid.SampledFrom([]int{0, 1, 2, directory.MaxJoined, directory.MaxJoined + 1, 40}).Draw(m.t, "size")
	from := rapid.IntRange(0, modelUsers-1).Draw(m.t, "from")
	ids := make([]string, n)
	for i := range ids {
		ids[i] = m.users[(from+i)%modelUsers]
	}
	return ids
}

func (m *groupModel) group() string {
	if len(m.order) == 0 {
		return ""
	}
	return rapid.SampledFrom(m.order).Draw(m.t, "group")
}

func (m *groupModel) alive(ids []string) map[string]bool {
	set := map[string]bool{}
	for _, id := range ids {
		if !m.deleted[id] {
			set[id] = true
		}
	}
	return set
}

func (m *groupModel) step() {
	kinds := []string{"make", "add", "remove", "replace", "put", "clear", "mixed", "rename", "delete group", "delete user", "restore", "deactivate", "sweep"}
	kind := rapid.SampledFrom(kinds).Draw(m.t, "kind")
	id := m.group()
	was := m.groups[id]
	now := map[string]bool{}
	for user := range was {
		now[user] = true
	}
	switch kind {
	case "make":
		m.make()
		return
	case "delete user", "restore", "deactivate":
		m.user(kind)
		return
	case "sweep":
		m.sweep()
		return
	}
	if id == "" {
		return
	}
	ids := m.some()
	var patch string
	switch kind {
	case "add":
		patch = add(ids...)
	case "remove":
		patch = remove(ids...)
	case "replace":
		patch = replace(ids...)
	case "clear":
		patch = `{"op":"remove","path":"members"}`
	case "mixed":
		patch = add(ids...) + "," + remove(m.users[:5]...)
	case "rename":
		m.names++
		patch = fmt.Sprintf(`{"op":"replace","path":"displayName","value":"n%d"}`, m.names)
	}
	switch kind {
	case "add", "mixed":
		for user := range m.alive(ids) {
			now[user] = true
		}
	case "remove":
		for _, user := range ids {
			delete(now, user)
		}
	case "replace", "put":
		now = m.alive(ids)
	case "clear", "delete group":
		now = map[string]bool{}
	}
	// A whole new set in which no member is known changes nothing.
	refused := (kind == "replace" || kind == "put") && len(ids) > 0 && len(now) == 0
	if refused {
		now = maps.Clone(was)
	}
	if kind == "mixed" {
		for _, user := range m.users[:5] {
			delete(now, user)
		}
	}
	version := m.f.version(id)
	killed, err := m.run(func(d *directory.Directory) error {
		by := m.f.by()
		switch kind {
		case "put":
			m.names++
			body := group(fmt.Sprintf("n%d", m.names), ids...)
			_, err := d.ReplaceGroup(m.f.t.Context(), m.f.tenant, by, id, nil, m.f.decodeGroup(body))
			return err
		case "delete group":
			_, err := d.DeleteGroup(m.f.t.Context(), m.f.tenant, by, id, nil)
			return err
		}
		p, err := resource.DecodePatch([]byte(`{"schemas":["` + scim.PatchURN + `"],"Operations":[` + patch + `]}`))
		require.NoError(m.t, err)
		_, err = d.ModifyGroup(m.f.t.Context(), m.f.tenant, by, id, nil, p)
		return err
	})
	var unknown *directory.UnknownMembersError
	is := errors.As(err, &unknown) && unknown.Whole
	require.Truef(m.t, (killed || (err != nil) == refused) && (!is || refused), "%s of %d: %v", kind, len(ids), err)
	_, members, err := m.f.dir.Members(m.f.t.Context(), m.f.tenant, id, directory.MaxMembersRead)
	gone := errors.Is(err, directory.ErrNoGroup)
	switch {
	case kind == "delete group" && gone:
		delete(m.groups, id)
		m.order = slices.DeleteFunc(m.order, func(other string) bool { return other == id })
	case err != nil:
		m.t.Fatalf("members after %s: %v", kind, err)
	case kind != "delete group" && same(members, now):
		m.groups[id] = now
		moved := m.f.version(id) > version
		changed := !sameSets(was, now) || kind == "rename" || kind == "put" && !refused
		assert.Falsef(m.t, !killed && moved != changed, "%s of %d: version moved %t, want %t", kind, len(ids), moved, changed)
	case killed && same(members, was):
	default:
		m.t.Fatalf("%s of %d (killed %t): %d members, want %d or, killed, %d", kind, len(ids), killed, len(members), len(now), len(was))
	}
}

// sweep sweeps when the time of all requests so far is over.
func (m *groupModel) sweep() {
	later := store.New(m.raw, newID, func() time.Time { return time.Now().Add(time.Hour) })
	_, err := later.SweepTenant(m.f.t.Context(), m.f.tenant, store.SweepAge)
	require.NoError(m.t, err)
}

// make creates a group. If it is killed, the group exists whole or not at all.
func (m *groupModel) make() {
	ids := m.some()
	m.names++
	name := fmt.Sprintf("n%d", m.names)
	killed, err := m.run(func(d *directory.Directory) error {
		_, err := d.ProvisionGroup(m.f.t.Context(), m.f.tenant, m.f.by(), m.f.decodeGroup(group(name, ids...)))
		return err
	})
	require.Falsef(m.t, err != nil && !killed, "POST of %d: %v", len(ids), err)
	filter, err := match.CompileFilter(schema.GroupType(), fmt.Sprintf(`displayName eq %q`, name))
	require.NoError(m.t, err)
	found, err := m.f.dir.SearchGroups(m.f.t.Context(), m.f.tenant, m.f.by(), directory.Query{Filter: filter, StartIndex: 1, Count: 10})
	require.Truef(m.t, err == nil && found.Total <= 1 && (found.Total != 0 || killed), "POST: found %d times: %v", found.Total, err)
	for _, g := range found.Records {
		m.order = append(m.order, g.ID)
		m.groups[g.ID] = m.alive(ids)
	}
}

// user deletes, restores or deactivates a user.
func (m *groupModel) user(kind string) {
	id := rapid.SampledFrom(m.users).Draw(m.t, "user")
	if m.deleted[id] != (kind == "restore") {
		return
	}
	name := m.f.nameOf(id)
	killed, err := m.run(func(d *directory.Directory) error {
		by := m.f.by()
		switch kind {
		case "delete user":
			_, err := d.Delete(m.f.t.Context(), m.f.tenant, by, id, nil)
			return err
		case "restore":
			_, err := d.Provision(m.f.t.Context(), m.f.tenant, by, m.f.decode(user(`"userName":"`+name+`"`)))
			return err
		}
		p, err := resource.DecodePatch([]byte(`{"schemas":["` + scim.PatchURN + `"],"Operations":[{"op":"replace","path":"title","value":"x"}]}`))
		require.NoError(m.t, err)
		_, err = d.Modify(m.f.t.Context(), m.f.tenant, by, id, nil, p)
		return err
	})
	require.Falsef(m.t, err != nil && !killed, "%s: %v", kind, err)
	u, err := m.f.store.User(m.f.t.Context(), m.f.tenant, id)
	require.NoError(m.t, err)
	if m.deleted[id] = !u.Live(); m.deleted[id] {
		for _, members := range m.groups {
			delete(members, id)
		}
	}
}

// run runs a request in a process that may be killed after one of its writes.
func (m *groupModel) run(request func(d *directory.Directory) error) (killed bool, err error) {
	if !m.kill || !rapid.Bool().Draw(m.t, "killed") {
		return false, request(m.f.dir)
	}
	stop := rapid.IntRange(1, 6).Draw(m.t, "killed after write")
	fault := tabletest.NewFault(m.raw, 1, tabletest.FaultPlan{StopAfter: stop})
	return true, request(m.f.on(table.Retrying(fault)))
}

// compare checks every group and some users.
func (m *groupModel) compare() {
	for id, want := range m.groups {
		_, members, err := m.f.dir.Members(m.f.t.Context(), m.f.tenant, id, directory.MaxMembersRead)
		require.Truef(m.t, err == nil && same(members, want), "group %s has %d members, want %d: %v", id, len(members), len(want), err)
	}
	for _, user := range []string{m.users[0], m.users[7], m.users[modelUsers-1]} {
		groups, err := m.f.dir.GroupsOf(m.f.t.Context(), m.f.tenant, user)
		require.NoError(m.t, err)
		in := 0
		for _, members := range m.groups {
			if members[user] {
				in++
			}
		}
		require.Lenf(m.t, groups, in, "user %s is in %d groups, want %d", user, len(groups), in)
	}
}

func same(ids []string, set map[string]bool) bool {
	for _, id := range ids {
		if !set[id] {
			return false
		}
	}
	return len(ids) == len(set)
}

func sameSets(a, b map[string]bool) bool {
	for id := range a {
		if !b[id] {
			return false
		}
	}
	return len(a) == len(b)
}
