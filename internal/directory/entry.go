package directory

import (
	"time"

	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// Entry is one entry of a tenant's log: it is written in the transaction of the
// change that it tells of, and is what the change feed serves. It holds names of
// attributes, never their values, but for the subject's userName and externalId.
type Entry struct {
	// RequestID is the request's UUIDv7: entries are in the order of requests.
	RequestID string
	// ID is the entry's own id, where it is not the request's: a UUIDv7 of the
	// time at which a part of a long change is written, so that no entry comes
	// later than its id says.
	ID      string
	Time    time.Time
	TokenID string
	IdP     string
	// By is ByApplication for what the application did, "" for an identity
	// provider; Who is whom the application named.
	By  Actor
	Who string
	// Operation is what the request asked for: create, replace, modify, delete,
	// purge.
	Operation string
	// Action is what was done.
	Action       Action
	ResourceType string
	ResourceID   string
	// Version is the record's version after the change; 0 of a group whose
	// members changed: others may have joined since it was read.
	Version int64
	// Subject is the userName, or the displayName of a group.
	Subject    string
	ExternalID string
	// Warning is a cause that did not stop the change, "" for none.
	Warning string
	// Changed are the names of the attributes that differ.
	Changed []string
	// Seats, Readers are what the change added to the counts.
	Seats, Readers int64
	// Added and Removed are the members that this entry tells of. NewSet tells
	// of a whole new set instead, and Size its size: who follows the log reads
	// the group again.
	Added, Removed []string
	NewSet         bool
	Size           int
	// Skipped are ids of members that are no user's.
	Skipped []string
}

// Action is what a change did to a user or a group.
type Action string

// The actions. One request does one of them.
const (
	Created     Action = "created"
	Reactivated Action = "reactivated"
	Restored    Action = "restored"
	Linked      Action = "linked"
	Updated     Action = "updated"
	Deactivated Action = "deactivated"
	Deleted     Action = "deleted"
	Purged      Action = "purged"
	Unchanged   Action = "unchanged"
)

// Caller is who asks, by which request, and under which of the tenant's
// settings.
type Caller struct {
	RequestID string
	Settings  tenant.Settings
	// Time is when the request began: the time of what it changes.
	Time    time.Time
	TokenID string
	IdP     string
	// Types are the resource types as the tenant has them. The zero Types stand for
	// those that every tenant has; what a tenant's own schemas keep stays untouched
	// then, and is not checked.
	Types scim.Types
	// By is ByApplication when the application asks, and Who is on whose behalf,
	// as the application names them: it stands in the log, and is told of a group
	// that was deleted.
	By  Actor
	Who string
	// ShowGroups tells that the answer shows the user's groups.
	ShowGroups bool
	// ShowMembers tells that the answer shows the group's members, if they are
	// few (MaxShown).
	ShowMembers bool
}

// WriteTime is how long after its beginning a request may still write. With it
// a reader of the log knows that nothing older than this plus the clocks'
// difference is still to come.
const WriteTime = 8 * time.Second
