package directory

import (
	"slices"

	"github.com/rollcall-scim/rollcall/internal/scim"
)

// sendMembers notes what a request sends of a whole new set of members, of which one
// at least must be known. Ids of groups are unknown, and skipped; the group's own is
// refused, for whoever sends it means a circle.
func (w *groupWork) sendMembers(plan scim.MemberPlan) error {
	if plan.Reset {
		w.wanted = plan.Add
	}
	if slices.Contains(plan.Add, w.id) {
		w.note([]string{w.id})
		return &UnknownMembersError{IDs: []string{w.id}, Itself: true}
	}
	return nil
}

// nobodyKnown reports whether a whole new set of members was sent, and all of them
// turned out to be unknown. Such a set comes from stale or failed references: it
// would take everybody out of the group, and none of those who were sent in. An
// explicit clearing sends no members.
func (w *groupWork) nobodyKnown() bool {
	for _, id := range w.wanted {
		if !w.unknown[id] {
			return false
		}
	}
	return len(w.wanted) > 0
}
