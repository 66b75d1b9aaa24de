package directory

import (
	"time"

	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/scim"
)

// Group is a group's record. Its members are stored apart from it, one item
// each, so that a change of one member costs the same in a group of one and in
// one of 100,000. A record is never changed in place; a change creates another.
type Group struct {
	ID string
	// Doc is the resource as JSON without meta and members.
	Doc []byte
	// Version counts the changes of the group, including those of its members,
	// from 1.
	Version int64
	// Revision counts the changes of the document only: a rename is committed
	// under it, and is not disturbed by members joining meanwhile.
	Revision int64
	// Epoch is the set of memberships that counts. A whole new set is written
	// under a new epoch, which readers do not see until it becomes the group's.
	Epoch int64
	// Epochs is the number of epochs ever begun; the next epoch is one more.
	Epochs   int64
	Created  time.Time
	Modified time.Time
	Origin   Origin
	Held     Claims
	// Former are the new claims of a record to be written, in the form in which
	// an earlier version may have reserved them for another group.
	Former Claims
	// PendingChange names an accepted change of many members that is not
	// finished, or is "". Each request that reads the group and needs its
	// members finishes the change first.
	PendingChange string
	// Owed reports that members sent were skipped, and may still have to be
	// pushed again.
	Owed bool
	// History names the newest log entries of the group, as it was read.
	History journal.History
}

// Resource decodes the record's document.
func (g *Group) Resource() (scim.Resource, error) { return scim.DecodeStored(g.Doc) }

// UserMembership is a membership as seen from the user. It counts if the group exists
// and its current epoch is this one.
type UserMembership struct {
	Group string
	Epoch int64
}

// MaxShown is the largest number of members in the answer to a PATCH. Reading
// that many costs one read unit, the same as reading one, so the cost of a
// PATCH does not depend on the size of the group. A group that shrinks to
// MaxShown by the request itself may be answered without members: they were
// read beside the change.
const MaxShown = 30

// GroupResult is the result of an operation on a group.
type GroupResult struct {
	Group  *Group
	Action journal.Action
	// Changed are the names of the attributes that differ.
	Changed []string
	// Members are all members, if Shown: of a new group, and of a changed one
	// if they are at most MaxShown and the caller shows them.
	Members []string
	Shown   bool
	// Added and Removed count members. For a whole new set Added is its size,
	// and Removed is -1, unknown: the old members were not counted.
	Added, Removed int
	// Skipped are the ids sent that are not users. Nested reports that ids of groups
	// are among them.
	Skipped []string
	Nested  bool
	Notices []scim.Notice
	// Asked are the values on which the rules depend, of a request that failed.
	Asked journal.Asked
}
