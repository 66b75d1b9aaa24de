package directory

import (
	"context"
	"time"

	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// Store keeps the records of all tenants. Implemented by package store. All
// reads are consistent: what an acknowledged Commit wrote is read by every call
// that begins after it. Asked for no ids or no claims, a read answers nothing and
// costs nothing.
//
// Reads return ErrBusy when the table gave no answer in time.
type Store interface {
	GroupStore

	// User reads a live user, nil when there is none.
	User(ctx context.Context, t tenant.ID, id string) (*User, error)
	// Mirrors reads the memberships of a user, as many as a limit. Behind a read of
	// the user they are all that had begun by then.
	Mirrors(ctx context.Context, t tenant.ID, id string, limit int) ([]Mirror, error)
	// UserAndMirrors reads a live user and its memberships in one round trip: either
	// may be the older. It stops behind MaxGroupsRead memberships.
	UserAndMirrors(ctx context.Context, t tenant.ID, id string) (*User, []Mirror, error)
	// LiveUsers reads live users by id, in the order of the ids; those that are
	// not live are left out.
	LiveUsers(ctx context.Context, t tenant.ID, ids []string) ([]*User, error)
	// Records reads users by id, live or deleted; an unknown id has no entry.
	Records(ctx context.Context, t tenant.ID, ids []string) (map[string]*User, error)
	// RecordsAndMirrors reads their memberships too, in one round trip.
	RecordsAndMirrors(ctx context.Context, t tenant.ID, ids []string) (map[string]*User, map[string][]Mirror, error)
	// Holders tells which record holds each of the claims.
	Holders(ctx context.Context, t tenant.ID, claims Claims) (map[Kind]string, error)
	// NameHolders lists the ids of records whose folded userName begins with a text,
	// in the order of the names, at most as many as a limit.
	NameHolders(ctx context.Context, t tenant.ID, prefix string, limit int) ([]string, error)
	// EmailHolders lists the ids of records that may have the folded email,
	// unique or other. Some of them may be deleted or have it no more.
	EmailHolders(ctx context.Context, t tenant.ID, folded string) ([]string, error)
	// Users reads a page of live users. By name it reads the names first, and then
	// the users: two round trips.
	Users(ctx context.Context, t tenant.ID, r Range) (Page[*User], error)
	// Ledger reads the tenant's counts.
	Ledger(ctx context.Context, t tenant.ID) (Ledger, error)
	// LedgerAndUsers is Ledger and Users in one round trip.
	LedgerAndUsers(ctx context.Context, t tenant.ID, r Range) (Ledger, Page[*User], error)
	// LedgerAndBookmark reads the counts and the id behind which a page begins,
	// "" when that is not known (any more), in one round trip.
	LedgerAndBookmark(ctx context.Context, t tenant.ID, mark Bookmark) (Ledger, string, error)
	// SaveBookmark remembers behind which id a page begins. Losing it costs
	// a walk, nothing else.
	SaveBookmark(ctx context.Context, t tenant.ID, mark Bookmark, after string) error
	// Commit applies a change with its log entry, or nothing: *CommitError,
	// ErrBusy, or ErrUnresolved.
	Commit(ctx context.Context, t tenant.ID, c Change) error
	// CommitAndGroups is Commit, and reads groups beside it: one round trip. When
	// the groups alone could not be read it is ErrUnresolved: the change was made.
	CommitAndGroups(ctx context.Context, t tenant.ID, c Change, ids []string) ([]*Group, error)
	// Purge removes Before's record for good, with all that it holds: After is nil.
	// Answers as Commit does.
	Purge(ctx context.Context, t tenant.ID, c Change) error
	// DeletedUsers reads a page of deleted users, by id.
	DeletedUsers(ctx context.Context, t tenant.ID, r Range) (Page[*User], error)
	// Guarded reads the protected users.
	Guarded(ctx context.Context, t tenant.ID) (Guarded, error)
}

// Page is a page of records.
type Page[R any] struct {
	Records []R
	// More tells that further records may follow: behind Last, the place of the
	// last record, or of a name whose holder is deleted.
	More bool
	Last string
}

// Bookmark names a page of a walk by startIndex: the walk belongs to one token,
// one type of resource, one filter and one order.
type Bookmark struct {
	TokenID string
	// Of is the resource type, "" for users.
	Of     string
	Filter string
	// Order is what the records are sorted by, "" for the order of creation.
	Order      string
	StartIndex int
	// Now is the time by which the bookmark's age is judged.
	Now time.Time
}

// Change is a decision: a record before and after, committed only if the record
// is still at Before's version and every claim that After adds is free.
type Change struct {
	// Before is nil for a new record.
	Before *User
	After  *User
	// Lose are claims that deleted records give up to After, each with the
	// record as it was read.
	Lose []Loss
	// Ends tells that the user's memberships end: Leave are those that end with
	// the change, and the change is made only if none has begun since Before
	// was read. With Later there are more than fit: a task ends them all.
	Ends  bool
	Leave []Mirror
	Later bool
	// Gone are groups of Leave that are not there any more: their memberships
	// end, and no group's version moves.
	Gone map[string]bool
	// Guard is nil unless the user begins or ceases to be protected: the change is
	// made only if the protected users are still those of its Before.
	Guard *GuardChange
	// OtherBefore and OtherAfter are the folded emails beside the unique one,
	// of the documents before and after.
	OtherBefore, OtherAfter []string
	Entry                   Entry
	// Expires is when the log entry may be forgotten.
	Expires time.Time
	// NotAfter is the latest time at which the change may be sent.
	NotAfter time.Time
}

// Loss is one claim taken from one deleted record.
type Loss struct {
	Kind   Kind
	Loser  *User
	Losing string
}

// GroupStore keeps the groups of all tenants and their members.
type GroupStore interface {
	// Group reads a group, nil when there is none.
	Group(ctx context.Context, t tenant.ID, id string) (*Group, error)
	// GroupsByID reads groups by id, in the order of the ids; those that are not
	// there are left out.
	GroupsByID(ctx context.Context, t tenant.ID, ids []string) ([]*Group, error)
	// GroupAndGuarded reads a group, nil when there is none, and the protected users:
	// one round trip.
	GroupAndGuarded(ctx context.Context, t tenant.ID, id string) (*Group, Guarded, error)
	// DeletedGroup reads the marker of a group that the application deleted, nil
	// when there is none; DeletedGroups a page of them, by id.
	DeletedGroup(ctx context.Context, t tenant.ID, id string) (*DeletedGroup, error)
	DeletedGroups(ctx context.Context, t tenant.ID, after string, limit int) (Page[DeletedGroup], error)
	// Groups reads a page of groups, as Users does of users.
	Groups(ctx context.Context, t tenant.ID, r Range) (Page[*Group], error)
	// LedgerAndGroups is Ledger and Groups in one round trip.
	LedgerAndGroups(ctx context.Context, t tenant.ID, r Range) (Ledger, Page[*Group], error)
	// Members reads the ids of a page of members under an epoch, in the order of
	// ids.
	Members(ctx context.Context, t tenant.ID, group string, epoch int64, after string, limit int) (Page[string], error)
	// GroupAndLeaving reads a group again, and the users whose memberships are
	// being ended, in one round trip.
	GroupAndLeaving(ctx context.Context, t tenant.ID, id string) (*Group, map[string]bool, error)
	// MirrorsOf reads the memberships of users, as many as a limit of each, side by
	// side.
	MirrorsOf(ctx context.Context, t tenant.ID, users []string, limit int) (map[string][]Mirror, error)
	// Memberships tells which memberships are there, of live users who are not
	// leaving.
	Memberships(ctx context.Context, t tenant.ID, asked []Membership) (map[Membership]bool, error)
	// Joined tells which users have a membership under an epoch that is not being
	// ended, and which of them can have one: those that live. One round trip for each hundred, side
	// by side.
	Joined(ctx context.Context, t tenant.ID, group string, epoch int64, users []string) (member, live map[string]bool, err error)
	// CommitGroup applies a change of a group with its log entry, or nothing:
	// *CommitError, ErrBusy, or ErrUnresolved. Of a change that is Unchanged it
	// checks the conditions, and writes nothing.
	CommitGroup(ctx context.Context, t tenant.ID, c GroupChange) error
	// CommitGroupAndMembers is CommitGroup, and reads the first members beside it,
	// and whose memberships are being ended: one round trip. The members are
	// those from before the change or from after it. When they alone could not be
	// read it is ErrUnresolved: the change was made.
	CommitGroupAndMembers(ctx context.Context, t tenant.ID, c GroupChange, limit int) (Page[string], map[string]bool, error)
	// MembersAndLeaving reads the first members, and the users whose memberships
	// are being ended, in one round trip.
	MembersAndLeaving(ctx context.Context, t tenant.ID, group string, epoch int64, limit int) (Page[string], map[string]bool, error)
	// GiveUpEpoch ends the memberships of an epoch that was begun and will not be
	// the group's.
	GiveUpEpoch(ctx context.Context, t tenant.ID, group string, epoch int64) error
	// BeginEpoch makes room for a set of members that no reader sees. The group
	// is nil while it is not made yet. ErrStale: another epoch was begun.
	BeginEpoch(ctx context.Context, t tenant.ID, id string, group *Group, epoch int64, until time.Time) error
	// StageMembers writes members under an epoch that was begun, and returns
	// those that are no live user's, which are left out. ErrStale: the epoch
	// was given up meanwhile.
	StageMembers(ctx context.Context, t tenant.ID, group string, epoch int64, users []string) (unknown []string, err error)
	// AcceptMembers applies the document of a change, and accepts its members to
	// be changed a few at a time: once accepted, they are, by whoever comes.
	AcceptMembers(ctx context.Context, t tenant.ID, c GroupChange) error
	// Finish brings a task to its end. It may be called at any time by anybody,
	// at once too. It returns members that turned out to be no live user's.
	Finish(ctx context.Context, t tenant.ID, task Task) (unknown []string, err error)
}

// GroupChange is a decision about a group. It is committed only if the group's
// epoch is still Before's; a change of the document also under its revision.
type GroupChange struct {
	// Before is nil for a new group.
	Before *Group
	// After is nil for a group that is deleted.
	After *Group
	// Rewrites tells that the document or the claims differ.
	Rewrites bool
	// Document reports that the request concerns the document, even where it leaves
	// the document as it is: the change is made only at Before's revision.
	Document bool
	// Exact makes the change only at Before's version.
	Exact bool
	// Add and Remove are members, at most MaxJoined together unless they are
	// accepted.
	Add, Remove []string
	// Kept are members who were to join and are members already, Missing are no
	// members and were to leave, and Unknown were to join and are no users. They
	// are left out of Add and Remove, and the change is made only if that is still
	// right: with Add and Remove they are at most MaxJoined.
	Kept, Missing, Unknown []string
	// Loose reports, of an accepted change, that Add and Remove are as sent: those
	// for whom nothing changes are left out when they are due.
	Loose bool
	// NewEpoch makes After's epoch the group's; Staged tells that its members
	// were written under it, otherwise it is empty. The members of the old one
	// are ended by a task.
	NewEpoch, Staged bool
	// Guard are the protected users by which a change of many members was judged,
	// nil where each who leaves is asked: it is made only if they still are, and if
	// none of Unless has a membership under Before's epoch.
	Guard  *Guarded
	Unless []string
	// Marker is what stays of a group that the application deletes.
	Marker *DeletedGroup
	// Empty tells, of a deletion, that Remove are all members.
	Empty   bool
	Entry   Entry
	Expires time.Time
	// NotAfter is the latest time at which the change may be sent.
	NotAfter time.Time
}

// Unchanged reports whether the change leaves the group as it is: committing it
// only checks that its conditions hold, all at one moment.
func (c *GroupChange) Unchanged() bool {
	return c.Before != nil && c.After != nil && !c.Rewrites && !c.NewEpoch && len(c.Add)+len(c.Remove) == 0
}

// Membership is a member of a group under one of its epochs.
type Membership struct {
	Group string
	Epoch int64
	User  string
}

// MaxJoined is the largest number of members that join or leave in one
// transaction: a member who joins or leaves is three of its hundred operations,
// one who is left out is one, and a group's own are seven.
const MaxJoined = 30

// Task names work that outlives its transaction.
type Task struct {
	// Resource is the id of the group, the user or the tenant; Name the epoch, or
	// the accepted change.
	Kind     TaskKind
	Resource string
	Name     string
}

// TaskKind is a kind of task.
type TaskKind string

// The kinds of task.
const (
	// TaskEpoch ends the memberships of one epoch of a group: one that was
	// given up, or the last of a deleted group.
	TaskEpoch TaskKind = "epoch"
	// TaskMembers is an accepted change of many members.
	TaskMembers TaskKind = "members"
	// TaskUser ends the memberships of a deleted user.
	TaskUser TaskKind = "user"
	// TaskTenant takes away all that is stored of a deleted tenant.
	TaskTenant TaskKind = "tenant"
)
