package directory

import (
	"context"
	"time"

	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// Store keeps the records of all tenants: it has one interface for each role.
// Package store implements it. All reads are consistent: every call that begins
// after an acknowledged commit reads what it wrote. Asked for no ids or no
// claims, a read returns nothing and costs nothing.
//
// Reads return ErrBusy if the table gave no answer in time. Reads and writes
// return ErrUnreachable if the table cannot be reached; nothing was changed
// then. A commit applies a change with its log entry, or nothing: *CommitError,
// ErrBusy, or ErrUnresolved.
type Store interface {
	UserReader
	ClaimReader
	GroupReader
	MembershipReader
	TenantReader
	Bookmarks
	UserChanges
	GroupChanges
	Tasks
	OwedMemberships

	// Together runs calls of this Store side by side and waits for all of them:
	// one round trip. What they read may be of different moments. It returns
	// their errors joined.
	Together(ctx context.Context, calls ...func(context.Context) error) error
}

// UserReader reads users.
type UserReader interface {
	// User reads a live user, nil if there is none.
	User(ctx context.Context, t tenant.ID, id string) (*User, error)
	// LiveUsers reads live users by id, in the order of the ids; those that are
	// not live are left out.
	LiveUsers(ctx context.Context, t tenant.ID, ids []string) ([]*User, error)
	// Records reads users by id, live or deleted; an unknown id has no entry.
	Records(ctx context.Context, t tenant.ID, ids []string) (map[string]*User, error)
	// Users reads a page of live users. By name it reads the names first, and
	// then the users: two round trips.
	Users(ctx context.Context, t tenant.ID, r Range) (Page[*User], error)
	// DeletedUsers reads a page of deleted users, by id.
	DeletedUsers(ctx context.Context, t tenant.ID, r Range) (Page[*User], error)
}

// ClaimReader finds the records that hold values.
type ClaimReader interface {
	// Holders reads which record holds each of the claims.
	Holders(ctx context.Context, t tenant.ID, claims Claims) (map[Kind]string, error)
	// NameHolders lists the ids of records whose folded userName begins with a
	// text, in the order of the names, up to a limit.
	NameHolders(ctx context.Context, t tenant.ID, prefix string, limit int) ([]string, error)
	// EmailHolders lists the ids of records that may have the folded email,
	// unique or other. Some of them may be deleted or no longer have it.
	EmailHolders(ctx context.Context, t tenant.ID, folded string) ([]string, error)
}

// GroupReader reads groups.
type GroupReader interface {
	// Group reads a group, nil if there is none.
	Group(ctx context.Context, t tenant.ID, id string) (*Group, error)
	// GroupsByID reads groups by id, in the order of the ids; unknown ids are
	// left out.
	GroupsByID(ctx context.Context, t tenant.ID, ids []string) ([]*Group, error)
	// Groups reads a page of groups, as Users does of users.
	Groups(ctx context.Context, t tenant.ID, r Range) (Page[*Group], error)
	// DeletedGroup reads the marker of a group that the application deleted,
	// nil if there is none; DeletedGroups reads a page of markers, by id.
	DeletedGroup(ctx context.Context, t tenant.ID, id string) (*DeletedGroup, error)
	DeletedGroups(ctx context.Context, t tenant.ID, after string, limit int) (Page[DeletedGroup], error)
}

// MembershipReader reads who is a member of what.
type MembershipReader interface {
	// MembershipsOf reads the memberships of a user, up to a limit. Read after the
	// user, they include all that had begun by then.
	MembershipsOf(ctx context.Context, t tenant.ID, id string, limit int) ([]UserMembership, error)
	// MembershipsOfUsers reads the memberships of several users in parallel, up to a
	// limit of each.
	MembershipsOfUsers(ctx context.Context, t tenant.ID, users []string, limit int) (map[string][]UserMembership, error)
	// Members reads the ids of a page of members under an epoch, in the order
	// of ids.
	Members(ctx context.Context, t tenant.ID, group string, epoch int64, after string, limit int) (Page[string], error)
	// Memberships reads which of the memberships exist, of live users who are
	// not leaving.
	Memberships(ctx context.Context, t tenant.ID, asked []Membership) (map[Membership]bool, error)
	// Joined reads which users have a membership under an epoch that is not
	// being ended, and which of them are live and so can have one. One round
	// trip for each hundred users, in parallel.
	Joined(ctx context.Context, t tenant.ID, group string, epoch int64, users []string) (member, live map[string]bool, err error)
	// Leaving reads the users whose memberships are being ended.
	Leaving(ctx context.Context, t tenant.ID) (map[string]bool, error)
}

// TenantReader reads what is kept once for a tenant.
type TenantReader interface {
	// Ledger reads the tenant's counts.
	Ledger(ctx context.Context, t tenant.ID) (Ledger, error)
	// ProtectedUsers reads the list of protected users.
	ProtectedUsers(ctx context.Context, t tenant.ID) (ProtectedList, error)
}

// Bookmarks keeps where pages begin.
type Bookmarks interface {
	// Bookmark reads the id after which a page begins, "" if that is not known
	// (any more).
	Bookmark(ctx context.Context, t tenant.ID, mark Bookmark) (after string, err error)
	// SaveBookmark stores the id after which a page begins. Losing it costs a
	// walk, nothing else.
	SaveBookmark(ctx context.Context, t tenant.ID, mark Bookmark, after string) error
}

// UserChanges commits changes of users.
type UserChanges interface {
	Commit(ctx context.Context, t tenant.ID, c Change) error
	// Purge removes Before's record for good, with all that it holds: After is
	// nil.
	Purge(ctx context.Context, t tenant.ID, c Change) error
}

// GroupChanges commits changes of groups.
type GroupChanges interface {
	CreateGroup(ctx context.Context, t tenant.ID, c GroupCreation) error
	// UpdateGroup commits a change of the document or of a few members. If it is
	// Unchanged, it only checks the conditions.
	UpdateGroup(ctx context.Context, t tenant.ID, c GroupUpdate) error
	ReplaceMembers(ctx context.Context, t tenant.ID, c GroupNewSet) error
	// AcceptMembers applies the document of a change, and stores its members as
	// an accepted change: from then on, any request or the sweep may finish it,
	// a few members at a time.
	AcceptMembers(ctx context.Context, t tenant.ID, c GroupAcceptance) error
	DeleteGroup(ctx context.Context, t tenant.ID, c GroupDeletion) error
}

// OwedMemberships keeps which groups an identity provider must push again for users
// who lost them. A deletion and a hiring write it, and joins remove it, each with its
// own change.
type OwedMemberships interface {
	// OwedGroups reads the live users to whom groups are owed, some hundred at most,
	// with the groups.
	OwedGroups(ctx context.Context, t tenant.ID) (map[string][]string, error)
	// ForgetOwed removes a group from those that are owed to users.
	ForgetOwed(ctx context.Context, t tenant.ID, group string, users []string) error
}

// Tasks works on what outlives one transaction.
type Tasks interface {
	// BeginEpoch prepares a set of members that no reader sees. group is nil if
	// it does not exist yet. ErrStale: another epoch was begun.
	BeginEpoch(ctx context.Context, t tenant.ID, id string, group *Group, epoch int64, until time.Time) error
	// StageMembers writes members under an epoch that was begun, and returns the
	// ids that do not belong to live users, which are left out. ErrStale: the epoch
	// was given up meanwhile.
	StageMembers(ctx context.Context, t tenant.ID, group string, epoch int64, users []string) (unknown []string, err error)
	// GiveUpEpoch ends the memberships of an epoch that was begun and will not
	// become the group's.
	GiveUpEpoch(ctx context.Context, t tenant.ID, group string, epoch int64) error
	// Finish completes a task. Any caller may call it at any time, also
	// concurrently. It returns members that turned out not to be live users.
	Finish(ctx context.Context, t tenant.ID, task Task) (unknown []string, err error)
}

// Page is a page of records.
type Page[R any] struct {
	Records []R
	// More reports that further records may follow after Last, the position of
	// the last record, or of a name whose holder is deleted.
	More bool
	Last string
}

// Bookmark names a page of a walk by startIndex: the walk belongs to one token,
// one resource type and one order. A list with a filter has no bookmarks.
type Bookmark struct {
	TokenID string
	// Of is the resource type, "" for users.
	Of string
	// Order names the attribute that the records are sorted by, "" for the order of
	// creation.
	Order      string
	StartIndex int
	// Now is the time by which the bookmark's age is judged.
	Now time.Time
}

// Change is a decision: a record before and after. It is committed only if the
// record is still at Before's version and every claim that After adds is free.
type Change struct {
	// Before is nil for a new record.
	Before *User
	After  *User
	// Transfers are claims that pass from deleted records to After, each with
	// the record as it was read.
	Transfers []Transfer
	// Ends reports that the user's memberships end. Leave are those that end
	// with the change, which is committed only if none has begun since Before
	// was read. With Later there are more than fit: a task ends them all.
	Ends  bool
	Leave []UserMembership
	Later bool
	// Gone are groups of Leave that no longer exist: their memberships end, and
	// no group's version changes.
	Gone map[string]bool
	// Protected is nil unless the user becomes protected or ceases to be: the
	// change is committed only if the list of protected users is still
	// Protected's Before.
	Protected *ProtectedChange
	// OtherBefore and OtherAfter are the folded emails other than the unique
	// one, of the documents before and after.
	OtherBefore, OtherAfter []string
	Entry                   journal.Entry
	// Expires is when the log entry may be removed.
	Expires time.Time
	// NotAfter is the latest time at which the change may be sent.
	NotAfter time.Time
}

// Transfer is a claim that passes from a deleted record to another one.
type Transfer struct {
	Kind  Kind
	From  *User
	Value string
}

// Membership is a member of a group under one of its epochs.
type Membership struct {
	Group string
	Epoch int64
	User  string
}

// MaxJoined is the largest number of members that join or leave in one
// transaction: a member who joins or leaves takes three of its hundred
// operations, one who is left out takes one, and the group itself seven.
const MaxJoined = 30
