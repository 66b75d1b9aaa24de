package mirror_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"

	"github.com/rollcall-scim/rollcall/mirror"
)

// A model is a directory as a consumer of events can observe it: each change is one commit
// that moves versions, memberships of many groups end one after the other, and an event is
// read in three steps (users, group, memberships) with other commits between them.
type model struct {
	random *rand.Rand
	users  map[string]*modelUser
	groups map[string]*modelGroup
	// ids are those of all users and groups that ever were.
	userIDs, groupIDs []string
	// events are those of all commits, in order.
	events []draft
	// log has the commits in words.
	log []string
}

type modelUser struct {
	version         int64
	active, deleted bool
	// leaving is set while memberships that have ended are still stored. Nobody joins then.
	leaving bool
	// announced reports that each membership that ends has an event.
	announced bool
}

type modelGroup struct {
	name                string
	version, generation int64
	// members has the stored memberships of each generation.
	members map[int64]map[string]bool
}

// A draft is an event without what is read when it is sent.
type draft struct {
	id, kind, resourceType, resource string
	version                          int64
	added, removed                   []string
	replaced, ended                  bool
}

func newModel(seed uint64) *model {
	return &model{random: rand.New(rand.NewPCG(seed, 0)), users: map[string]*modelUser{}, groups: map[string]*modelGroup{}}
}

func (m *model) chance(percent int) bool { return m.random.IntN(100) < percent }

func (m *model) emit(d draft) {
	d.id = "e" + strconv.Itoa(len(m.events))
	m.events = append(m.events, d)
	m.log = append(m.log, fmt.Sprintf("%s %s %s v%d +%v -%v replaced=%v ended=%v", d.id, d.kind, d.resource, d.version, d.added, d.removed, d.replaced, d.ended))
}

func (m *model) userEvent(kind, id string, version int64, ended bool) {
	m.emit(draft{kind: "user." + kind, resourceType: mirror.TypeUser, resource: id, version: version, ended: ended})
}

func (m *model) members(kind, id string, version int64, added, removed []string, replaced bool) {
	m.emit(draft{
		kind: "group." + kind, resourceType: mirror.TypeGroup, resource: id, version: version, added: added, removed: removed, replaced: replaced,
	})
}

// anyUser returns an id of a user that is stored, "" without one.
func (m *model) anyUser() string { return pick(m, slices.Sorted(maps.Keys(m.users))) }

func (m *model) anyGroup() string { return pick(m, slices.Sorted(maps.Keys(m.groups))) }

func pick(m *model, ids []string) string {
	if len(ids) == 0 {
		return ""
	}
	return ids[m.random.IntN(len(ids))]
}

// commit makes one change at random.
func (m *model) commit() {
	u, g := m.anyUser(), m.anyGroup()
	switch n := m.random.IntN(100); {
	case n < 8 && len(m.userIDs) < 8 || u == "":
		id := "u" + strconv.Itoa(len(m.userIDs))
		m.userIDs, m.users[id] = append(m.userIDs, id), &modelUser{version: 1, active: true}
		m.userEvent("created", id, 1, false)
	case n < 14 && len(m.groupIDs) < 4 || g == "":
		m.createGroup()
	case n < 40:
		m.commitUser(u)
	case n < 90:
		m.commitGroup(g)
	default:
		m.endOne()
	}
}

func (m *model) createGroup() {
	id := "g" + strconv.Itoa(len(m.groupIDs))
	g := &modelGroup{name: id, version: 1, generation: 1, members: map[int64]map[string]bool{1: {}}}
	m.groupIDs, m.groups[id] = append(m.groupIDs, id), g
	var added []string
	for _, u := range m.joiners(40) {
		g.members[1][u], added = true, append(added, u)
	}
	m.members("created", id, 1, added, nil, false)
}

// joiners returns some of the users who may join a group.
func (m *model) joiners(percent int) (ids []string) {
	for _, id := range m.userIDs {
		if u := m.users[id]; u != nil && !u.deleted && !u.leaving && m.chance(percent) {
			ids = append(ids, id)
		}
	}
	return ids
}

func (m *model) commitUser(id string) {
	u := m.users[id]
	kind, ended := "updated", false
	switch n := m.random.IntN(10); {
	case n == 0:
		m.purge(id)
		return
	case u.deleted && n < 7:
		m.finishLeaving(id)
		u.deleted, u.active, kind = false, true, "restored"
	case u.deleted:
	case n < 4:
		u.deleted, u.active, kind, ended = true, false, "deleted", m.chance(50)
		m.leave(id, m.chance(50), false)
	case !u.active && n < 8:
		u.active, kind, ended = true, "reactivated", m.chance(50)
		u.version++
		m.userEvent(kind, id, u.version, ended)
		if ended {
			m.leave(id, m.chance(50), true)
		}
		return
	case u.active && n < 8:
		u.active, kind = false, "deactivated"
	}
	u.version++
	m.userEvent(kind, id, u.version, ended)
}

// leave ends the memberships of a user, at once or one after the other.
func (m *model) leave(id string, later, announced bool) {
	u := m.users[id]
	u.leaving, u.announced = true, announced
	if !later {
		m.finishLeaving(id)
	}
}

func (m *model) finishLeaving(id string) {
	for m.users[id].leaving {
		m.endOneOf(id)
	}
}

// endOne does a step of work that outlives its change: a membership of a user who is leaving
// ends, or those of an earlier generation are removed.
func (m *model) endOne() {
	if g := m.groups[m.anyGroup()]; g != nil && m.chance(30) {
		maps.DeleteFunc(g.members, func(generation int64, _ map[string]bool) bool { return generation < g.generation })
		return
	}
	for _, id := range m.userIDs {
		if u := m.users[id]; u != nil && u.leaving {
			m.endOneOf(id)
			return
		}
	}
}

func (m *model) endOneOf(id string) {
	u := m.users[id]
	for _, group := range m.groupIDs {
		if g := m.groups[group]; g != nil && g.current()[id] {
			delete(g.current(), id)
			g.version++
			if u.announced {
				m.members("members_changed", group, 0, nil, []string{id}, false)
			}
			return
		}
	}
	u.leaving = false
}

func (m *model) purge(id string) {
	version := m.users[id].version + 1
	m.leave(id, false, false)
	delete(m.users, id)
	m.userEvent("purged", id, version, false)
}

func (g *modelGroup) current() map[string]bool { return g.members[g.generation] }

func (m *model) commitGroup(id string) {
	g := m.groups[id]
	switch n := m.random.IntN(20); {
	case n == 0:
		delete(m.groups, id)
		m.members("deleted", id, g.version+1, nil, nil, false)
	case n < 3:
		g.version++
		g.name = id + " at " + strconv.FormatInt(g.version, 10)
		m.members("updated", id, g.version, nil, nil, false)
	case n < 6:
		m.newSet(id)
	default:
		var added, removed []string
		for _, u := range m.joiners(50) {
			if g.current()[u] {
				delete(g.current(), u)
				removed = append(removed, u)
			} else {
				g.current()[u] = true
				added = append(added, u)
			}
		}
		g.version++
		m.members("members_changed", id, 0, added, removed, false)
	}
}

// newSet replaces all members, in up to three events.
func (m *model) newSet(id string) {
	g := m.groups[id]
	g.generation++
	g.version++
	g.members[g.generation] = map[string]bool{}
	parts := make([][]string, 1+m.random.IntN(3))
	for _, u := range m.joiners(50) {
		g.current()[u] = true
		i := m.random.IntN(len(parts))
		parts[i] = append(parts[i], u)
	}
	for _, part := range parts {
		m.members("members_changed", id, 0, part, nil, true)
	}
}

// A reading is an event of which some is read.
type reading struct {
	draft
	step  int
	event mirror.Event
	users map[string]modelUser
	group *modelGroup
}

// read reads the next of users, group and memberships. It reports whether the event is
// complete.
func (m *model) read(r *reading) bool {
	switch r.step++; r.step {
	case 1:
		r.users = map[string]modelUser{}
		for _, id := range slices.Concat(r.added, r.removed, []string{r.resource}) {
			if u := m.users[id]; u != nil {
				r.users[id] = *u
			}
		}
	case 2:
		if g := m.groups[r.resource]; g != nil {
			r.group = &modelGroup{name: g.name, version: g.version, generation: g.generation, members: g.members}
		}
	default:
		r.event = r.document()
		return true
	}
	return false
}

func (r *reading) document() mirror.Event {
	e := mirror.Event{
		ID: r.id, Type: r.kind, Tenant: tenant, MembershipsEnded: r.ended, Data: json.RawMessage("null"),
		Resource: &mirror.Resource{Type: r.resourceType, ID: r.resource, Version: r.version},
	}
	if u, ok := r.users[r.resource]; ok {
		e.Data = userDocument(r.resource, u)
	}
	if r.group != nil {
		e.Data = groupDocument(r.resource, r.group)
		if r.version == 0 {
			e.Resource.Version = r.group.version
		}
	}
	if r.kind == "group.created" || r.kind == "group.members_changed" {
		e.Members = &mirror.Members{Added: r.added, Removed: r.removed, Replaced: r.replaced}
		if r.group == nil {
			return e
		}
		e.Members.Generation = r.group.generation
		for _, id := range slices.Concat(r.added, r.removed) {
			if !r.group.current()[id] {
				continue
			}
			// What is stored of a user who is deleted or leaving may have ended, or may have
			// begun since the user was read.
			member := mirror.Member{ID: id}
			if u, ok := r.users[id]; ok && !u.deleted && !u.leaving {
				member.Version = u.version
			}
			e.Members.Current = append(e.Members.Current, member)
		}
	}
	return e
}

func userDocument(id string, u modelUser) json.RawMessage {
	return marshal(map[string]any{
		"id": id, "userName": id + "@example.com", "email": nil, "displayName": id + " at " + strconv.FormatInt(u.version, 10),
		"active": u.active, "deleted": u.deleted, "version": u.version, "unknown": map[string]any{"to": "us"},
	})
}

func groupDocument(id string, g *modelGroup) json.RawMessage {
	return marshal(map[string]any{"id": id, "displayName": g.name, "version": g.version, "generation": g.generation})
}

func marshal(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

const tenant = "acme"

// content returns the directory as contentOf returns the mirror. The version of a group is left
// out of both: it moves without an event when the deletion of a user ends a membership.
func (m *model) content() content {
	c := content{Users: []wantUser{}, Groups: []wantGroup{}, Members: [][2]string{}}
	for _, id := range slices.Sorted(maps.Keys(m.users)) {
		u := m.users[id]
		c.Users = append(c.Users, wantUser{id, id + "@example.com", id + " at " + strconv.FormatInt(u.version, 10), u.active, u.deleted, u.version})
	}
	for _, id := range slices.Sorted(maps.Keys(m.groups)) {
		g := m.groups[id]
		c.Groups = append(c.Groups, wantGroup{id, g.name})
		for _, user := range slices.Sorted(maps.Keys(g.current())) {
			if u := m.users[user]; u != nil && !u.deleted && !u.leaving {
				c.Members = append(c.Members, [2]string{id, user})
			}
		}
	}
	return c
}
