package kill

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A person is a user of one client.
type person struct {
	id, title string // the id is "" until the client has read it
	active    bool
}

// A team is a group of one client.
type team struct {
	id, name string
	members  map[string]bool // userNames
}

// A state is all that one client has stored. Each client has its own users and groups, and
// decides alone which of its users are in the group that all clients of a tenant share. So
// the state that must be found is known whatever the others do.
type state struct {
	users  map[string]person // by userName
	gone   map[string]string // ids of deleted users by userName
	groups map[string]team   // by the first part of their names
	shared map[string]bool   // userNames in the shared group
}

func newState() state {
	return state{users: map[string]person{}, gone: map[string]string{}, groups: map[string]team{}, shared: map[string]bool{}}
}

func (s state) clone() state {
	c := state{users: maps.Clone(s.users), gone: maps.Clone(s.gone), groups: maps.Clone(s.groups), shared: maps.Clone(s.shared)}
	for key, g := range c.groups {
		g.members = maps.Clone(g.members)
		c.groups[key] = g
	}
	return c
}

// differences returns what another state has differently. An id that one of the two does
// not know is not compared.
func (s state) differences(other state) []string {
	var found []string
	for _, name := range either(s.users, other.users) {
		a, inA := s.users[name]
		b, inB := other.users[name]
		switch {
		case !inB:
			found = append(found, "user "+name+" is missing")
		case !inA:
			found = append(found, "user "+name+" should not exist")
		case a.title != b.title || a.active != b.active:
			found = append(found, fmt.Sprintf("user %s has title %q, active %t; want %q, %t", name, b.title, b.active, a.title, a.active))
		case a.id != b.id && a.id != "" && b.id != "":
			found = append(found, fmt.Sprintf("user %s has the id %s, want %s", name, b.id, a.id))
		}
	}
	for _, key := range either(s.groups, other.groups) {
		a, inA := s.groups[key]
		b, inB := other.groups[key]
		switch {
		case !inB:
			found = append(found, "group "+key+" is missing")
		case !inA:
			found = append(found, "group "+key+" should not exist")
		case a.name != b.name:
			found = append(found, fmt.Sprintf("group %s is named %q, want %q", key, b.name, a.name))
		case a.id != b.id && a.id != "" && b.id != "":
			found = append(found, fmt.Sprintf("group %s has the id %s, want %s", key, b.id, a.id))
		default:
			found = append(found, memberDifferences("group "+key, a.members, b.members)...)
		}
	}
	return append(found, memberDifferences("the shared group", s.shared, other.shared)...)
}

func memberDifferences(group string, want, got map[string]bool) []string {
	var missing, surplus []string
	for _, name := range either(want, got) {
		switch {
		case !got[name]:
			missing = append(missing, name)
		case !want[name]:
			surplus = append(surplus, name)
		}
	}
	if len(missing)+len(surplus) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%s has %d members, want %d: without %s, with %s", group, len(got), len(want), shortList(missing), shortList(surplus))}
}

func shortList(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	if len(names) > 3 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:3], ", "), len(names)-3)
	}
	return strings.Join(names, ", ")
}

// either returns the keys of two maps, sorted.
func either[V any](a, b map[string]V) []string {
	keys := slices.AppendSeq(slices.Collect(maps.Keys(a)), maps.Keys(b))
	slices.Sort(keys)
	return slices.Compact(keys)
}

// adopt takes over the ids that were read.
func (s *state) adopt(read state) {
	for name, p := range s.users {
		if p.id == "" {
			p.id = read.users[name].id
			s.users[name] = p
		}
	}
	for key, g := range s.groups {
		if g.id == "" {
			g.id = read.groups[key].id
			s.groups[key] = g
		}
	}
}

// forget removes a user from the state, as a DELETE does.
func (s *state) forget(name string) {
	s.gone[name] = s.users[name].id
	delete(s.users, name)
	delete(s.shared, name)
	for _, g := range s.groups {
		delete(g.members, name)
	}
}
