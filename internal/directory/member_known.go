package directory

import (
	"slices"

	"github.com/rollcall-scim/rollcall/internal/scim/resource"
)

// sendMembers checks the members that a request sends, and keeps those of a
// whole new set, of which at least one must be known. Ids of other groups are
// unknown and skipped. The group's own id is refused: it would make the group a
// member of itself.
func (w *groupWork) sendMembers(plan resource.MemberPlan) error {
	if plan.Reset {
		w.wanted = plan.Add
	}
	if slices.Contains(plan.Add, w.id) {
		w.addSkipped([]string{w.id})
		return &UnknownMembersError{IDs: []string{w.id}, Itself: true}
	}
	return nil
}

// nobodyKnown reports whether a whole new set of members was sent and all of
// them turned out to be unknown. Such a set comes from stale or failed
// references: it would remove all members and add none. A request that clears
// the members sends none.
func (w *groupWork) nobodyKnown() bool {
	for _, id := range w.wanted {
		if !w.unknown[id] {
			return false
		}
	}
	return len(w.wanted) > 0
}
