package resource

import "github.com/rollcall-scim/rollcall/internal/scim"

// MemberPlan is the combined effect of several changes of members.
type MemberPlan struct {
	// Reset reports that the members become exactly Add, whatever they were;
	// Remove is then empty.
	Reset bool
	// Add join and Remove leave, in the order in which the changes first name
	// them; no id is in both. Some of Add may be members already, and some of
	// Remove not: they are listed in any case, so that the plan is right
	// whatever other requests do to the group meanwhile.
	Add, Remove []string
}

// NeedsMembers reports whether the effect of changes depends on the current
// members: whether a filter must select among all of them, before a change that
// replaces them.
func NeedsMembers(changes []MemberChange) bool {
	needs := false
	for _, c := range changes {
		switch c.Kind {
		case MembersReplace:
			return false
		case MembersSwap:
			return true
		case MembersRemoveWhere:
			needs = needs || c.IDs == nil
		}
	}
	return needs
}

// PlanMembers combines changes, each of which sees the result of those before
// it. present are all members; they are used only if NeedsMembers is true, and
// may be nil otherwise. ref returns the $ref of the user with an id, for
// filters that compare it. RFC 7644 §3.5.2
func PlanMembers(changes []MemberChange, present []string, ref func(id string) string) (MemberPlan, error) {
	s := memberSet{present: present, said: map[string]bool{}, ref: ref}
	for _, c := range changes {
		if err := s.apply(c); err != nil {
			return MemberPlan{}, scim.InOperation(c.Number, err)
		}
	}
	p := MemberPlan{Reset: s.reset}
	for _, id := range s.order {
		switch {
		case s.said[id]:
			p.Add = append(p.Add, id)
		case !s.reset:
			p.Remove = append(p.Remove, id)
		}
	}
	return p, nil
}

// memberSet is a set of members while changes are applied.
type memberSet struct {
	// present are the members that no change has named, until a reset.
	present []string
	isHere  map[string]struct{}
	reset   bool
	// said records, for each id that the changes name, whether it is a member
	// now; order lists these ids.
	said  map[string]bool
	order []string
	ref   func(id string) string
	// work is the cost of the filters so far.
	work int
}

// maxMemberWork limits the work of the filters of one request: a thousand
// filters over 100,000 members must not take minutes. A dozen short ones fit.
const maxMemberWork = 8 << 20

func (s *memberSet) apply(c MemberChange) error {
	switch c.Kind {
	case MembersAdd, MembersRemove:
		for _, id := range c.IDs {
			s.say(id, c.Kind == MembersAdd)
		}
		return nil
	case MembersReplace:
		s.present, s.isHere, s.reset = nil, nil, true
		s.order, s.said = nil, make(map[string]bool, len(c.IDs))
		for _, id := range c.IDs {
			s.say(id, true)
		}
		return nil
	}
	chosen, err := s.chosen(c)
	if err != nil {
		return err
	}
	found, stays := false, false
	for _, id := range chosen {
		switch {
		case c.Kind == MembersRemoveWhere:
			s.say(id, false)
		case !s.has(id):
		case id == c.Joins:
			found, stays = true, true
		default:
			found = true
			s.say(id, false)
		}
	}
	switch {
	case c.Kind == MembersRemoveWhere || stays:
		return nil
	case !found:
		return noMember()
	}
	s.say(c.Joins, true)
	return nil
}

func (s *memberSet) say(id string, isMember bool) {
	if _, ok := s.said[id]; !ok {
		s.order = append(s.order, id)
	}
	s.said[id] = isMember
}

func (s *memberSet) has(id string) bool {
	if is, ok := s.said[id]; ok {
		return is
	}
	if s.isHere == nil {
		s.isHere = make(map[string]struct{}, len(s.present))
		for _, id := range s.present {
			s.isHere[id] = struct{}{}
		}
	}
	_, ok := s.isHere[id]
	return ok
}

// chosen returns the ids that a change concerns and that its filter matches.
func (s *memberSet) chosen(c MemberChange) ([]string, error) {
	ids := c.IDs
	if ids == nil {
		if err := s.spend(len(s.order) + len(s.present)); err != nil {
			return nil, err
		}
		ids = s.members()
	}
	if c.Matches == nil {
		return ids, nil
	}
	var chosen []string
	element := map[string]any{"type": "User"}
	for _, id := range ids {
		if err := s.spend(1 + c.cost + len(id)/64); err != nil {
			return nil, err
		}
		element["value"], element["$ref"] = id, s.ref(id)
		if c.Matches(element) {
			chosen = append(chosen, id)
		}
	}
	return chosen, nil
}

func (s *memberSet) spend(work int) error {
	if s.work += work; s.work > maxMemberWork {
		return &scim.Error{Type: scim.TooMany, Detail: "the PATCH is too large for one request: split it into several."}
	}
	return nil
}

// members returns all current members.
func (s *memberSet) members() []string {
	ids := make([]string, 0, len(s.order)+len(s.present))
	for _, id := range s.order {
		if s.said[id] {
			ids = append(ids, id)
		}
	}
	for _, id := range s.present {
		if _, ok := s.said[id]; !ok {
			ids = append(ids, id)
		}
	}
	return ids
}
