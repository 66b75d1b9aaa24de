package linear

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"
)

// A people is a set of users, by their number.
type people uint64

// span returns the users from one number on.
func span(from, count int) people { return (1<<count - 1) << from }

func (p people) count() int { return bits.OnesCount64(uint64(p)) }

func (p people) String() string {
	var parts []string
	for i := 0; i < 64; i++ {
		if p&(1<<i) == 0 {
			continue
		}
		from := i
		for i < 63 && p&(1<<(i+1)) != 0 {
			i++
		}
		if from == i {
			parts = append(parts, fmt.Sprint(i))
		} else {
			parts = append(parts, fmt.Sprint(from, "-", i))
		}
	}
	return "{" + strings.Join(parts, " ") + "}"
}

// A groupState is the groups of a tenant with its users, as the product defines
// them. It is never changed in place.
type groupState struct {
	groups []team // in the order of the requests that created them
	gone   people
	// owed are the requests that were done, and whose answers show what they read
	// afterwards, by their number.
	owed uint64
}

// A team is a group.
type team struct {
	by      int    // the request that created it
	id      string // "" while no answer has shown it
	name    int
	members people
	// version is the version, or the lowest that it can be: a change of many
	// members moves it by an unknown number.
	version int64
	exact   bool
}

func (t team) String() string {
	least := ""
	if !t.exact {
		least = "≥"
	}
	return fmt.Sprintf("g%d %sv%d name %d %s", t.by, least, t.version, t.name, t.members)
}

func (s *groupState) String() string {
	var b strings.Builder
	for _, t := range s.groups {
		fmt.Fprintf(&b, "%s; ", t)
	}
	return fmt.Sprintf("%sdeleted users %s", b.String(), s.gone)
}

func sameGroups(a, b any) bool {
	x, y := a.(*groupState), b.(*groupState)
	return x == y || x.gone == y.gone && x.owed == y.owed && slices.Equal(x.groups, y.groups)
}

// The kinds of request about groups, beside those about users.
const (
	doClear   = "clear"         // a PATCH that removes all members
	doSpare   = "spare"         // a PATCH that removes all members but one, by a filter
	doSwap    = "swap"          // a PATCH that replaces one member by another user
	doHead    = "GET head"      // a GET without members
	doLeave   = "DELETE user"   // a user
	doReturn  = "restore user"  // a POST of a deleted user
	sawGroup  = "saw group"     // the group in the answer to a PUT
	sawUser   = "saw in groups" // whether a user is in a group
	sawMember = "saw member"    // a member in the answer to a PATCH
)

// A groupCall is a request, or a part of one.
type groupCall struct {
	n               int
	kind            string
	id              string
	name            int // -1 for none
	add, remove     people
	ifMatch, ifNone int64
	user            int
}

func (c *groupCall) String() string {
	text := fmt.Sprintf("#%d %s", c.n, c.kind)
	if c.id != "" {
		text += " " + c.id[len(c.id)-4:]
	}
	if c.ifMatch != 0 {
		text += fmt.Sprint(" If-Match ", c.ifMatch)
	}
	if c.ifNone != 0 {
		text += fmt.Sprint(" If-None-Match ", c.ifNone)
	}
	if c.name >= 0 && (c.kind == doPost || c.kind == doPut || c.kind == doPatch) {
		text += fmt.Sprint(" name ", c.name)
	}
	if c.add != 0 {
		text += fmt.Sprint(" add ", c.add)
	}
	if c.remove != 0 {
		text += fmt.Sprint(" remove ", c.remove)
	}
	switch c.kind {
	case doLeave, doReturn, doSpare, sawUser, sawMember:
		text += fmt.Sprint(" user ", c.user)
	}
	return text
}

// large reports whether a change may take more than one transaction.
func (c *groupCall) large() bool {
	return c.kind == doPut || c.kind == doClear || c.kind == doSpare || (c.add|c.remove).count() > 30
}

// A groupAnswer is the answer to a groupCall, decoded.
type groupAnswer struct {
	answer
	// accepted reports a change that was accepted and is not finished.
	accepted bool
	// id, name and members are those shown, if showsMembers or showsName.
	id                      string
	name                    int
	members                 people
	showsName, showsMembers bool
	// owes reports that another operation has what the answer shows.
	owes bool
}

func (a *groupAnswer) String() string {
	switch {
	case a.unknown:
		return "unknown outcome"
	case a.refused:
		return "503, nothing was changed"
	case a.accepted:
		return "503, accepted"
	}
	text := fmt.Sprint(a.status)
	if a.etag != 0 {
		text += fmt.Sprint(" v", a.etag)
	}
	if a.showsName {
		text += fmt.Sprintf(" %s name %d", a.id[len(a.id)-4:], a.name)
	}
	if a.showsMembers {
		text += fmt.Sprint(" ", a.members)
	}
	return text
}

func (s *groupState) byID(id string) int {
	return slices.IndexFunc(s.groups, func(t team) bool { return t.id == id })
}

// with returns the state in which a group is another one.
func (s *groupState) with(i int, t team) *groupState {
	next := *s
	next.groups = slices.Clone(s.groups)
	next.groups[i] = t
	return &next
}

func (s *groupState) taken(name, except int) bool {
	return slices.ContainsFunc(s.groups, func(t team) bool { return t.name == name && (except < 0 || t.by != s.groups[except].by) })
}

// step reports whether an answer fits a state, and returns the next one.
func (s *groupState) step(c *groupCall, a *groupAnswer) (bool, *groupState) {
	if a.refused {
		return true, s
	}
	switch c.kind {
	case doLeave, doReturn:
		return s.changeUser(c, a)
	case doPost:
		return s.post(c, a)
	case sawGroup:
		if s.owed&(1<<c.n) == 0 {
			return false, s
		}
		next := *s
		next.owed &^= 1 << c.n
		s = &next
	case sawUser, sawMember:
		i := s.byID(c.id)
		return a.showsMembers == (i >= 0 && s.groups[i].members&(1<<c.user) != 0), s
	}
	i := s.byID(c.id)
	if i < 0 {
		return a.unknown || a.status == 404, s
	}
	switch c.kind {
	case doGet, sawGroup, doHead:
		return s.read(i, c, a)
	default:
		return s.change(i, c, a)
	}
}

func (s *groupState) changeUser(c *groupCall, a *groupAnswer) (bool, *groupState) {
	who := people(1) << c.user
	if gone := s.gone&who != 0; gone == (c.kind == doLeave) {
		return a.unknown || a.status == map[bool]int{true: 404, false: 409}[gone], s
	}
	next := *s
	next.gone ^= who
	next.groups = slices.Clone(s.groups)
	for i := range next.groups {
		t := &next.groups[i]
		switch {
		case t.members&who != 0:
			t.members, t.version = t.members&^who, t.version+1
		case c.kind == doLeave:
			// A membership in a set that was replaced, or that was staged, may not be
			// ended yet: that it ends moves the version too.
			t.exact = false
		}
	}
	return a.unknown || a.status == map[string]int{doLeave: 204, doReturn: 200}[c.kind], &next
}

func (s *groupState) post(c *groupCall, a *groupAnswer) (bool, *groupState) {
	if s.taken(c.name, -1) {
		return a.unknown || a.status == 409, s
	}
	t := team{by: c.n, name: c.name, members: c.add &^ s.gone, version: 1, exact: true}
	if !a.unknown && !a.accepted {
		switch {
		case a.status != 201:
			return false, s
		case !a.owes && (a.etag != 1 || a.showsMembers && a.members != t.members):
			return false, s
		}
		t.id = a.id
	}
	at, _ := slices.BinarySearchFunc(s.groups, t.by, func(t team, by int) int { return t.by - by })
	next := *s
	next.groups = slices.Insert(slices.Clone(s.groups), at, t)
	if a.owes {
		next.owed |= 1 << c.n
	}
	return true, &next
}

// read judges a GET.
func (s *groupState) read(i int, c *groupCall, a *groupAnswer) (bool, *groupState) {
	t := s.groups[i]
	known := a.etag == t.version || !t.exact && a.etag > t.version
	switch {
	case a.unknown:
		return true, s
	case a.status == 304:
		return known && a.etag == c.ifNone, s.with(i, t.at(a.etag, true))
	case a.status != 200 || !known || a.name != t.name || a.id != t.id:
		return false, s
	case c.ifNone == a.etag && t.exact:
		return false, s
	case c.kind == doHead:
		return true, s.with(i, t.at(a.etag, t.exact))
	}
	return a.showsMembers && a.members == t.members, s.with(i, t.at(a.etag, true))
}

// at returns the group at a version.
func (t team) at(version int64, exact bool) team {
	t.version, t.exact = version, exact
	return t
}

// wanted returns what a request makes of a group, and the statuses with which it
// may be refused.
func (s *groupState) wanted(i int, c *groupCall, a *groupAnswer) (after team, refused []int) {
	was := s.groups[i]
	after = was
	if c.name >= 0 && (c.kind == doPut || c.kind == doPatch) {
		after.name = c.name
	}
	if s.taken(after.name, i) && after.name != was.name {
		refused = append(refused, 409)
	}
	switch c.kind {
	case doPut:
		after.members = c.add &^ s.gone
		if c.add != 0 && after.members == 0 && !(a.status == 200 && (was.members|c.add).count() > 30) {
			// A large set is judged when it is staged: its users may be deleted by the
			// time at which it counts.
			refused = append(refused, 400)
		}
	case doPatch:
		after.members = (was.members | c.add) &^ c.remove &^ s.gone
	case doClear:
		after.members = 0
	case doSpare:
		after.members = was.members & (1 << c.user)
	case doSwap:
		if was.members&c.remove == 0 {
			refused = append(refused, 400)
		}
		after.members = (was.members&^c.remove | c.add) &^ s.gone
	}
	return after, refused
}

// change judges a request that changes a group.
func (s *groupState) change(i int, c *groupCall, a *groupAnswer) (bool, *groupState) {
	was := s.groups[i]
	stale := c.ifMatch != 0 && c.ifMatch != was.version
	mayStale := stale || c.ifMatch != 0 && !was.exact
	if c.ifMatch > was.version && !was.exact {
		stale = false // it may be the version
	}
	if c.kind == doDelete {
		if a.unknown {
			return true, s.ended(i, stale)
		}
		if a.status == 412 {
			return mayStale, s
		}
		return a.status == 204 && !stale, s.ended(i, false)
	}
	after, refused := s.wanted(i, c, a)
	changed := after.name != was.name || after.members != was.members
	if changed {
		after.version++
		after.exact = was.exact && !c.large()
	}
	if !changed && c.large() {
		// In a group that changes all the time it is accepted as it was sent, and
		// moves the version.
		after.exact = false
	}
	next := s.with(i, after)
	switch {
	case a.unknown && (stale || len(refused) > 0):
		return true, s
	case a.unknown, a.accepted:
		return len(refused) == 0 && !stale, next
	case slices.Contains(refused, a.status):
		return true, s
	case a.status == 412:
		return mayStale, s // also of a taken name, which is read at a moment of its own
	case a.status != 200 || len(refused) > 0 || stale:
		return false, s
	}
	if c.ifMatch != 0 && !was.exact && changed {
		next.groups[i].version, next.groups[i].exact = c.ifMatch+1, !c.large()
	}
	if a.owes {
		next.owed |= 1 << c.n
		return true, next
	}
	// The version in the answer is that of the group as it was read, or one more: an
	// earlier one than the group's if others changed it meanwhile.
	if t := &next.groups[i]; !c.large() {
		if a.etag > t.version && t.exact {
			return false, s
		}
		t.version = max(t.version, a.etag)
	}
	return true, next
}

func (s *groupState) ended(i int, not bool) *groupState {
	if not {
		return s
	}
	next := *s
	next.groups = slices.Delete(slices.Clone(s.groups), i, i+1)
	return &next
}
