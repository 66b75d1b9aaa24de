package directory

import (
	"time"

	"github.com/rollcall-scim/rollcall/internal/scim"
)

// Group is a group's record. Its members are kept apart from it, an item each, so
// that a change of one member costs the same in a group of one and in one of
// 100,000. A record is never changed in place; a change makes another.
type Group struct {
	ID string
	// Doc is the resource as JSON without meta and members.
	Doc []byte
	// Version counts the changes of the group, those of its members included,
	// from 1.
	Version int64
	// Revision counts the changes of the document alone: a rename is made under
	// it, and is not disturbed by members who join meanwhile.
	Revision int64
	// Epoch is the set of memberships that counts. A whole new set is written
	// under a new epoch, which readers do not see before it is the group's.
	Epoch int64
	// Epochs is the number of epochs ever begun; the next one is one more.
	Epochs   int64
	Created  time.Time
	Modified time.Time
	Origin   Origin
	Held     Claims
	// Former are, of a group that is to be written, new claims of it in the form in
	// which an earlier version may have reserved them for another one.
	Former Claims
	// Work names the change of many members that was accepted and is not done
	// yet, "" for none. Whoever meets it finishes it first.
	Work string
	// History names the newest log entries of the group, as it was read.
	History History
}

// Resource decodes the record's document.
func (g *Group) Resource() (scim.Resource, error) { return scim.Decode(g.Doc) }

// Mirror is a membership as it is seen from the user. It counts when the group
// is there and the epoch is the group's.
type Mirror struct {
	Group string
	Epoch int64
}

// MaxShown is the largest number of members in the answer to a PATCH. Reading so
// many costs one read unit, as reading one does: what a PATCH costs does not
// depend on the size of the group. One that shrinks to so many by the request
// itself may come without them: they were read beside it.
const MaxShown = 30

// GroupResult is what an operation did to a group.
type GroupResult struct {
	Group  *Group
	Action Action
	// Changed are the names of the attributes that differ.
	Changed []string
	// Members are all members, if Shown: of a group just made, and of one that
	// was changed when they are at most MaxShown and the caller shows them.
	Members []string
	Shown   bool
	// Added and Removed count members. Of a whole new set Added is its size, and
	// Removed is not known (-1): nobody counted who was there.
	Added, Removed int
	// Skipped are the ids sent that are no user's.
	Skipped []string
	Notices []scim.Notice
}
