package directory

import (
	"time"

	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// Entry is one entry of a tenant's log: it is written in the transaction of the
// change that it tells of, and is what the change feed serves. It holds names of
// attributes, never their values, but for the subject's userName and externalId.
type Entry struct {
	// RequestID is the request's UUIDv7: entries are in the order of requests.
	RequestID string
	Time      time.Time
	TokenID   string
	IdP       string
	// Operation is what the request asked for: create, replace, modify, delete.
	Operation string
	// Action is what was done.
	Action       Action
	ResourceType string
	ResourceID   string
	// Version is the record's version after the change.
	Version    int64
	UserName   string
	ExternalID string
	// Warning is a cause that did not stop the change, "" for none.
	Warning string
	// Changed are the names of the attributes that differ.
	Changed []string
	// Seats, Readers are what the change added to the counts.
	Seats, Readers int64
}

// Action is what a change did to a user.
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
}

// WriteTime is how long after its beginning a request may still write. With it
// a reader of the log knows that nothing older than this plus the clocks'
// difference is still to come.
const WriteTime = 8 * time.Second
