package directory

import (
	"slices"
	"time"

	"github.com/rollcall-scim/rollcall/internal/journal"
)

// Logged is the log entry of a change, which is committed with it or not at
// all.
type Logged struct {
	Entry journal.Entry
	// Expires is when the log entry may be removed.
	Expires time.Time
	// NotAfter is the latest time at which the change may be sent.
	NotAfter time.Time
}

// GroupCreation creates a group. Its members join in the same transaction, or
// were written under its epoch before.
type GroupCreation struct {
	Group *Group
	// Add are the members, at most MaxJoined; Unknown were to be members and
	// are not users. The group is created only if both are still right.
	Add, Unknown []string
	// Staged reports that the members, Members, were written under the group's epoch.
	Staged  bool
	Members []string
	Logged
}

// GroupEdit is the part that all changes of an existing group share: its
// document before and after, and the conditions on the group. It is committed
// only if the group's epoch is still Before's, and no other change of it is
// unfinished.
type GroupEdit struct {
	Before, After *Group
	// Rewrites reports that the document or the claims differ.
	Rewrites bool
	// Document reports that the request concerns the document, even if the
	// document stays as it is: the change is committed only at Before's
	// revision.
	Document bool
	// Exact commits the change only at Before's version.
	Exact bool
	// Whole reports that the request states all members of the group: no other
	// is owed to it afterwards than those that were skipped.
	Whole bool
	// Foreign are the members that were to leave and cannot be users: they may be
	// owed to the group.
	Foreign []string
	Logged
}

// GroupUpdate changes the document of a group, a few members, or both.
type GroupUpdate struct {
	GroupEdit
	MemberDelta
}

// GroupNewSet replaces all members of a group by a new set under After's epoch.
// A task ends the memberships of the old epoch.
type GroupNewSet struct {
	GroupEdit
	// Staged reports that the members, Members, were written under the new epoch,
	// otherwise it is empty.
	Staged    bool
	Members   []string
	Protected *ProtectedCheck
}

// GroupAcceptance changes the document of a group, and stores a change of any
// number of its members, which is applied in parts: After's PendingChange names it.
type GroupAcceptance struct {
	GroupEdit
	Add, Remove []string
	// Loose reports that Add and Remove are as sent: members that do not change
	// are left out when their part is applied.
	Loose bool
	// Protected is nil if no member leaves.
	Protected *ProtectedCheck
}

// GroupDeletion deletes a group. It is committed only at Before's revision, and
// under the conditions of a GroupEdit.
type GroupDeletion struct {
	Before *Group
	// Exact commits the deletion only at Before's version.
	Exact bool
	// Ends reports that Members are all members and end with the group;
	// otherwise a task ends them.
	Ends    bool
	Members []string
	// Protected is nil for the application, which may delete any group. Marker
	// remains of a group that the application deletes.
	Protected *ProtectedCheck
	Marker    *DeletedGroup
	Logged
}

// MemberDelta are the members that join and leave in one transaction, and those
// that were to and do not: they are left out, and the change is committed only
// if that is still right. All together they are at most MaxJoined.
type MemberDelta struct {
	Add, Remove []string
	// AlreadyMembers were to join and are members, NotMembers were to leave and
	// are not members, and Unknown were to join and are not users.
	AlreadyMembers, NotMembers, Unknown []string
}

// Unchanged reports whether the change leaves the group as it is: committing it
// only checks that its conditions hold, all at one moment.
func (c *GroupUpdate) Unchanged() bool { return !c.Rewrites && len(c.Add)+len(c.Remove) == 0 }

// Owes reports whether the change adds to the owed members of the group, or may
// remove some, even if it changes nothing else.
func (c *GroupUpdate) Owes() bool {
	return len(c.Entry.Skipped) > 0 || c.Before.Owed && (c.Whole || len(c.AlreadyMembers)+len(c.NotMembers)+len(c.Foreign) > 0)
}

// seenAtOnce reports whether the evidence that nothing changes was read at one
// moment: the group as it was read, or one member that was found present, or
// absent, while the group's epoch was current. An epoch does not return, so
// there was a moment during the request at which both were true.
func (c *GroupUpdate) seenAtOnce() bool {
	switch len(c.AlreadyMembers) + len(c.NotMembers) + len(c.Unknown) {
	case 0:
		return true
	case 1:
		return !c.Document && !c.Exact
	}
	return false
}

// correct adjusts the members to what failed: which of them are members, and
// which ids are users.
func (m *MemberDelta) correct(failed *CommitError) {
	unknown, known := failed.IDs(UserUnknown), failed.IDs(UserKnown)
	absent, members := failed.IDs(UserNotMember), failed.IDs(UserMember)
	// A leaving user was a member, and is to become one again.
	present := without(members, slices.Concat(failed.IDs(UserLeaving), unknown))
	was := *m
	m.Add = slices.Concat(
		without(was.Add, slices.Concat(present, unknown)), both(was.AlreadyMembers, absent), both(was.Unknown, known))
	m.Remove = slices.Concat(without(was.Remove, absent), both(was.NotMembers, members))
	m.AlreadyMembers = slices.Concat(without(was.AlreadyMembers, absent), both(was.Add, present))
	m.NotMembers = slices.Concat(without(was.NotMembers, members), both(was.Remove, absent))
	m.Unknown = slices.Concat(without(was.Unknown, known), both(was.Add, unknown))
}
