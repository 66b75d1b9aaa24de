package scim

// MemberPlan is what changes of members come to.
type MemberPlan struct {
	// Reset tells that the members become exactly Add, whoever they were; Remove
	// is empty then.
	Reset bool
	// Add join and Remove leave, in the order in which the changes first name
	// them; nobody is in both. Some of Add may be members already, and some of
	// Remove none: they are listed all the same, so that the plan holds whatever
	// others do to the group meanwhile.
	Add, Remove []string
}

// NeedsMembers tells whether what changes come to depends on who is a member
// now: whether a filter must choose among all of them, before a change that
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

// PlanMembers puts changes together, each of which sees what those before it
// made. present are all the members; they are only looked at where NeedsMembers
// says so, and may be left out otherwise. ref is the $ref of the user with an id,
// for filters that ask for it. RFC 7644 §3.5.2
func PlanMembers(changes []MemberChange, present []string, ref func(id string) string) (MemberPlan, error) {
	s := memberSet{present: present, said: map[string]bool{}, ref: ref}
	for _, c := range changes {
		if err := s.apply(c); err != nil {
			return MemberPlan{}, inOperation(c.Number, err)
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

// memberSet is a set of members on its way.
type memberSet struct {
	// present are the members that nothing was said of, until a reset.
	present []string
	isHere  map[string]struct{}
	reset   bool
	// said tells of those whom the changes name whether they are members now;
	// order lists them.
	said  map[string]bool
	order []string
	ref   func(id string) string
	// work is what the filters cost so far.
	work int
}

// maxMemberWork bounds the members that the filters of one request look at: a
// thousand filters over 100,000 members must not take minutes. A dozen short
// ones may be.
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

// chosen are the ids that a change is about and that its filter matches.
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
		return &Error{TooMany, "the PATCH does more than one request may: send it in parts."}
	}
	return nil
}

// members are all who are members now.
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
