package directory

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// Errors of the directory's operations that carry no data.
var (
	// ErrNotFound: no live user has the id.
	ErrNotFound = errors.New("directory: user not found")
	// ErrNoGroup: no group has the id.
	ErrNoGroup = errors.New("directory: group not found")
	// ErrStale: what a step was decided on has changed; the step is decided
	// again.
	ErrStale = errors.New("directory: stale")
	// ErrVersion: If-Match does not name the record's version.
	ErrVersion = errors.New("directory: version differs")
	// ErrDeactivatedInApp: the application deactivated the user, and only the
	// application can reactivate it.
	ErrDeactivatedInApp = errors.New("directory: deactivated in the application")
	// ErrBusy: the request lost every race, or was throttled until its time ran
	// out. Nothing was changed.
	ErrBusy = errors.New("directory: busy")
	// ErrUnreachable: the store cannot be reached, or its storage fails. Nothing
	// was changed.
	ErrUnreachable = errors.New("directory: the store cannot be reached")
	// ErrUnresolved: the answer of the write was lost and the request's time
	// ran out: the write may or may not have been applied.
	ErrUnresolved = errors.New("directory: outcome unknown")
)

// TakenError refuses a value that another record claims.
type TakenError struct {
	Kind Kind
	// Value is the value as it was sent, "" if several records hold several
	// values.
	Value string
	// HeldAs is the kind under which the holder claims the value: the email of
	// a request may be the userName of another user.
	HeldAs Kind
	// Reason is why the value is refused.
	Reason TakenReason
	// HolderID is the id of the record that holds the value.
	HolderID string
	// Recorded is the holder's value, with TakenDiffers.
	Recorded string
	// Conversion reports, with TakenUnlinked, that the request would have made
	// an unlinked User a Reader.
	Conversion bool
	// Reader reports, with TakenUnlinked, that the holder is a Reader, which no
	// POST links.
	Reader bool
	// NoExternalID reports, with TakenRehire, that the request has no externalId.
	NoExternalID bool
}

// TakenReason is why a taken value is refused.
type TakenReason string

// The reasons.
const (
	// TakenActive: the holder is an active user.
	TakenActive TakenReason = "active"
	// TakenInactive: the holder is inactive and the request does not activate
	// it: a PUT, a PATCH, or a POST with active=false.
	TakenInactive TakenReason = "inactive"
	// TakenSeveral: several users hold the values, so that the request does not
	// identify one of them.
	TakenSeveral TakenReason = "several"
	// TakenByApp: the holder was deactivated in the application.
	TakenByApp TakenReason = "deactivated_in_app"
	// TakenDiffers: the holder is an unlinked user, and the request that would
	// link it has another userName or unique email.
	TakenDiffers TakenReason = "differs"
	// TakenRehire: the holder has another externalId, and the tenant does not
	// accept that as the same person. With Kind ExternalID the holder is the
	// user of the request itself, which a PUT or PATCH activates.
	TakenRehire TakenReason = "rehire"
	// TakenGroup: the holder is another group.
	TakenGroup TakenReason = "group"
	// TakenUnlinked: the holder is an unlinked user, and its account type or the
	// request's does not allow the link.
	TakenUnlinked TakenReason = "own_user"
)

// Error names the attribute; the value itself is personal data.
func (e *TakenError) Error() string {
	return fmt.Sprintf("directory: %s taken: %s", e.Kind.Attribute(), e.Reason)
}

// FullError refuses a change that needs a seat or a Reader licence when none is
// left.
type FullError struct {
	Type  tenant.AccountType
	Used  int64
	Limit int64
	// Action is what the request would have done: created, reactivated or restored
	// the user, or, with any other action, converted it.
	Action journal.Action
}

// Error returns the count and the limit.
func (e *FullError) Error() string {
	return fmt.Sprintf("directory: %d of %d %s licences in use", e.Used, e.Limit, e.Type)
}

// ConvertError refuses to make an unlinked User a Reader in the request that
// would link it.
type ConvertError struct{ ID string }

// Error says what was refused.
func (e *ConvertError) Error() string {
	return "directory: a request that links a user cannot convert it"
}

// TooManyError refuses a read that would exceed its limit.
type TooManyError struct {
	// Sought is the purpose of the read: "filter", "sortBy", "startIndex", or
	// "members" of one group. It is "comparisons" if not the number of items
	// exceeds the limit but the work of the filter on them.
	Sought string
	// Limit is the largest number of items that one request reads, or of units of
	// work that its filter may cost.
	Limit int
	// Terms is the number of comparisons in the filter, if their work is too much.
	Terms int
}

// Error returns the limit.
func (e *TooManyError) Error() string {
	return fmt.Sprintf("directory: %s needs more than %d items read", e.Sought, e.Limit)
}

// MembersError refuses a change of more members than one request may change.
type MembersError struct{ Limit int }

// Error returns the limit.
func (e *MembersError) Error() string {
	return fmt.Sprintf("directory: more than %d members change", e.Limit)
}

// UnknownMembersError refuses members that are not users: when the tenant
// refuses unknown members, and when no member of a whole new set is known.
type UnknownMembersError struct {
	IDs []string
	// Whole reports that they are all the members sent for a whole new set.
	Whole bool
	// Itself reports that the group was sent as a member of itself, and Groups that
	// other groups were sent as members.
	Itself, Groups bool
}

// Error returns the number.
func (e *UnknownMembersError) Error() string {
	return fmt.Sprintf("directory: %d members are not users", len(e.IDs))
}

// UnfinishedError reports that a change was accepted and could not be finished
// in the request's time: a later request or the sweep finishes it.
type UnfinishedError struct{ Err error }

// Error returns what prevented it.
func (e *UnfinishedError) Error() string {
	return "directory: accepted, not finished: " + e.Err.Error()
}

// Unwrap returns what prevented it.
func (e *UnfinishedError) Unwrap() error { return e.Err }

// CommitError is the error of a Store when conditions of a change did not hold:
// nothing was applied. Several can fail at once; the directory reads them in
// the order uniqueness, seats, version.
type CommitError struct {
	Failed []FailedCondition
	// Incomplete reports that not every condition was checked: others may have
	// failed too.
	Incomplete bool
}

// FailedCondition is a condition of a change that did not hold.
type FailedCondition struct {
	Found Finding
	// ID is the user or the group that was found so; of a held claim, the
	// record that holds it.
	ID string
	// Claim is the kind of a held claim; Kind.Former, if the record holds it in
	// the form of an earlier version.
	Claim Kind
	// Ledger is the full ledger.
	Ledger *Ledger
}

// Finding is the result of checking a condition.
type Finding string

// The findings.
const (
	// RecordChanged: a record is not at the version the change began with. It
	// is read again before the next decision.
	RecordChanged Finding = "record changed"
	// ClaimHeld: another record holds a claim that was expected to be free.
	ClaimHeld Finding = "claim held"
	// LedgerFull: no seat or Reader licence is left.
	LedgerFull Finding = "ledger full"
	// UserMember and UserNotMember: the user was expected not to be a member,
	// or to be one.
	UserMember    Finding = "already a member"
	UserNotMember Finding = "not a member"
	// UserUnknown: a joining user is not a live user. UserKnown: a live user
	// was expected to be unknown. UserLeaving: old memberships of a joining
	// user must be ended first.
	UserUnknown Finding = "unknown user"
	UserKnown   Finding = "known user"
	UserLeaving Finding = "leaving user"
	// UserProtected: a leaving member is protected.
	UserProtected Finding = "protected user"
	// GroupGone: a group that a user was to leave no longer exists.
	GroupGone Finding = "group gone"
)

// Error lists what was found, without ids.
func (e *CommitError) Error() string {
	found := make([]string, len(e.Failed))
	for i, f := range e.Failed {
		found[i] = string(f.Found)
	}
	return fmt.Sprintf("directory: not committed: %s (incomplete %t)", strings.Join(found, ", "), e.Incomplete)
}

// Has reports whether something was found.
func (e *CommitError) Has(found Finding) bool {
	return slices.ContainsFunc(e.Failed, func(f FailedCondition) bool { return f.Found == found })
}

// Stale reports that what the change was decided on must be read again: a
// record changed, or may have changed.
func (e *CommitError) Stale() bool { return e.Incomplete || e.Has(RecordChanged) }

// IDs returns the ids of those found so.
func (e *CommitError) IDs(found Finding) []string {
	var ids []string
	for _, f := range e.Failed {
		if f.Found == found {
			ids = append(ids, f.ID)
		}
	}
	return ids
}

// Holders returns the record that holds each claim that was expected to be
// free.
func (e *CommitError) Holders() map[Kind]string {
	holders := map[Kind]string{}
	for _, f := range e.Failed {
		if f.Found == ClaimHeld {
			holders[f.Claim] = f.ID
		}
	}
	return holders
}
