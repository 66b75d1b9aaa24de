package directory

import (
	"errors"
	"fmt"

	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// Errors of the directory's operations that carry nothing but themselves.
var (
	// ErrNotFound: no live user has the id.
	ErrNotFound = errors.New("directory: no such user")
	// ErrNoGroup: no group has the id.
	ErrNoGroup = errors.New("directory: no such group")
	// ErrStale: what a step was decided on has changed; it is decided again.
	ErrStale = errors.New("directory: stale")
	// ErrVersion: the record's version is none that If-Match names.
	ErrVersion = errors.New("directory: version differs")
	// ErrDeactivatedInApp: the application deactivated the user, and only the
	// application reactivates it.
	ErrDeactivatedInApp = errors.New("directory: deactivated in the application")
	// ErrBusy: the request lost every race or was throttled until its time was
	// over. Nothing was changed.
	ErrBusy = errors.New("directory: busy")
	// ErrUnresolved: the answer of the write was lost and did not come until
	// the request's time was over: it may or may not have been applied.
	ErrUnresolved = errors.New("directory: outcome unknown")
)

// TakenError refuses a value that another record keeps unique.
type TakenError struct {
	Kind Kind
	// Value is the value as it was sent, "" when several records hold several.
	Value string
	// HeldAs is the kind under which the record holds it: the email of a request may be
	// the userName of another user.
	HeldAs Kind
	// Reason tells the cases apart.
	Reason TakenReason
	// HolderID is the record that holds it.
	HolderID string
	// Recorded is, with TakenDiffers, the record's value.
	Recorded string
	// Conversion tells, with TakenOwn, that the request would have made the
	// application's own User a Reader.
	Conversion bool
}

// TakenReason tells why a taken value ends the request.
type TakenReason string

// The reasons.
const (
	// TakenActive: the holder is an active user.
	TakenActive TakenReason = "active"
	// TakenInactive: the holder is inactive and the request does not make it
	// active: a PUT, a PATCH, or a POST with active=false.
	TakenInactive TakenReason = "inactive"
	// TakenSeveral: the values are held by several users; no one of them can be
	// meant.
	TakenSeveral TakenReason = "several"
	// TakenByApp: the holder was deactivated in the application.
	TakenByApp TakenReason = "deactivated_in_app"
	// TakenDiffers: the holder is the application's own user, and the request that
	// would link it has another userName or unique email.
	TakenDiffers TakenReason = "differs"
	// TakenRehire: the holder has another externalId, and the tenant refuses to
	// take that for the same person. Of Kind ExternalID it is the user of the request
	// itself, which a PUT or PATCH activates.
	TakenRehire TakenReason = "rehire"
	// TakenGroup: the holder is another group.
	TakenGroup TakenReason = "group"
	// TakenOwn: the holder is the application's own user, of a type that the
	// request may not link.
	TakenOwn TakenReason = "own_user"
)

// Error names the kind of value; the value itself is personal data.
func (e *TakenError) Error() string {
	return fmt.Sprintf("directory: %s taken: %s", e.Kind.Attribute(), e.Reason)
}

// FullError refuses a change that needs a seat, or a reader's place, when none
// is free.
type FullError struct {
	Type  tenant.AccountType
	Used  int64
	Limit int64
}

// Error gives the count and the limit.
func (e *FullError) Error() string {
	return fmt.Sprintf("directory: %d of %d %s places in use", e.Used, e.Limit, e.Type)
}

// ConvertError refuses to make the application's own User a Reader in the
// request that would link it.
type ConvertError struct{ ID string }

// Error says what was refused.
func (e *ConvertError) Error() string {
	return "directory: the application's own user is not converted while it is linked"
}

// TooManyError refuses a read that would walk too far.
type TooManyError struct {
	// Sought is what the walk was for: "filter", "sortBy", "startIndex", or
	// "members" of one group.
	Sought string
	// Limit is the number of items that one request reads at most.
	Limit int
}

// Error gives the limit.
func (e *TooManyError) Error() string {
	return fmt.Sprintf("directory: %s needs more than %d items read", e.Sought, e.Limit)
}

// MembersError refuses a change of more members than one request may change.
type MembersError struct{ Limit int }

// Error gives the limit.
func (e *MembersError) Error() string {
	return fmt.Sprintf("directory: more than %d members change", e.Limit)
}

// UnknownMembersError refuses members that are no user's: for a tenant that chose
// so, and a whole new set of members in which nobody is known.
type UnknownMembersError struct {
	IDs []string
	// Whole reports that they are all the members sent for a whole new set.
	Whole bool
	// Itself reports that the group was sent as a member of itself.
	Itself bool
}

// Error gives the number.
func (e *UnknownMembersError) Error() string {
	return fmt.Sprintf("directory: %d members are no users", len(e.IDs))
}

// UnfinishedError tells that a change was accepted and could not be brought to
// its end in the request's time: it will be, by whoever comes next.
type UnfinishedError struct{ Err error }

// Error says what stood in the way.
func (e *UnfinishedError) Error() string {
	return "directory: accepted, not finished: " + e.Err.Error()
}

// Unwrap is what stood in the way.
func (e *UnfinishedError) Unwrap() error { return e.Err }

// CommitError is what a Store answers when conditions of a change did not hold:
// nothing was applied. Several can fail at once; the directory reads them in
// the order uniqueness, seats, version.
type CommitError struct {
	// Holders names the record that holds each claim that was to be free, and
	// is not; under Kind.Former, the one that holds it in the form of an earlier
	// version.
	Holders map[Kind]string
	// Full is the ledger when it had no place left.
	Full *Ledger
	// Stale tells that a record is not at the version the change began with, or
	// that not every condition was judged: read again before deciding.
	Stale bool
	// Unjudged reports that Stale is true only because not every condition was
	// judged: the failures listed here are real.
	Unjudged bool
	// Present are in the group and were taken not to be; Absent are not and were
	// taken to be.
	Present, Absent []string
	// Unknown are members that were to join and are no live user's; Known were taken
	// for unknown and are users; Leaving are users whose old memberships must be
	// ended first.
	Unknown, Known, Leaving []string
	// Protected are members who were to leave and are protected.
	Protected []string
	// Gone are groups that a user was to leave and that are not there.
	Gone []string
}

// Error says which conditions did not hold.
func (e *CommitError) Error() string {
	return fmt.Sprintf("directory: not committed: %d claims held, full %t, stale %t, %d members present, %d absent, %d unknown, %d leaving",
		len(e.Holders), e.Full != nil, e.Stale, len(e.Present), len(e.Absent), len(e.Unknown), len(e.Leaving))
}
