package directory

import (
	"slices"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// Entry is one entry of a tenant's log: it is written in the transaction of the
// change that it tells of, and is what the change feed serves. It holds names of
// attributes, never their values, but for the subject's userName and externalId, and
// for what a warning says of who a user is.
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
	// Note says what the warning is about, in a sentence, "" where the cause says all.
	Note string
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
	// Tolerances are what was not taken as it was sent: kind:attribute.
	Tolerances []string
	// Counts are the seats as they were last read before the request.
	Counts tenant.Counts
	// IdPRequestID is the identity provider's own id of the request, "" for none.
	IdPRequestID string
	// BulkID is the bulk request whose operation this is, "" for none.
	BulkID string
}

// Key names the entry among those of its tenant: its own id, or the request's.
func (e Entry) Key() string {
	if e.ID != "" {
		return e.ID
	}
	return e.RequestID
}

// tolerate notes what was not taken as it was sent. It is the warning of an entry
// that has no other.
func (e *Entry) tolerate(notices []scim.Notice) {
	names, warns := Tolerances(notices)
	for _, name := range names {
		if !slices.Contains(e.Tolerances, name) {
			e.Tolerances = append(e.Tolerances, name)
		}
	}
	if warns && e.Warning == "" {
		e.Warning = WarnTolerated
	}
}

// Tolerances are notices by their names. They warn when something sent was not taken
// as it was meant: an attribute mapping to correct. The dialects that identity
// providers cannot help do not.
func Tolerances(notices []scim.Notice) (names []string, warn bool) {
	for _, n := range notices {
		name := n.Kind + ":" + n.Attribute
		if slices.Contains(names, name) {
			continue
		}
		names = append(names, name)
		switch n.Kind {
		case scim.NoticeUnknownAttribute, scim.NoticeAmbiguous, scim.NoticeUnknownPath, scim.NoticeTopLevel,
			scim.NoticeSecondPrimary, scim.NoticeKept:
			warn = true
		}
	}
	return names, warn
}

// History names the newest log entries of a record, the newest first: each entry
// names those before it in turn, so that the history of one record is read without
// the log of all.
type History []string

// MaxHistory is how many entries a record names.
const MaxHistory = 8

// With is the history with another entry: the newest MaxHistory of them.
func (h History) With(key string) History {
	with := append(History{key}, h...)
	slices.SortFunc(with, func(x, y string) int { return strings.Compare(y, x) })
	with = slices.Compact(with)
	return with[:min(len(with), MaxHistory)]
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
	// Notices are what was tolerated in the request before it came here.
	Notices []scim.Notice
	// Counts are the tenant's seats as they were last read.
	Counts tenant.Counts
	// IdPRequestID and BulkID are those of an Entry.
	IdPRequestID, BulkID string
	// ShowGroups tells that the answer shows the user's groups.
	ShowGroups bool
	// ShowMembers tells that the answer shows the group's members, if they are
	// few (MaxShown).
	ShowMembers bool
}

// entry begins the log entry of what the caller asks for.
func (by Caller) entry(operation string, action Action) Entry {
	e := Entry{
		RequestID: by.RequestID, Time: by.Time, TokenID: by.TokenID, IdP: by.IdP, By: by.By, Who: by.Who,
		Operation: operation, Action: action, Counts: by.Counts, IdPRequestID: by.IdPRequestID, BulkID: by.BulkID,
	}
	e.tolerate(by.Notices)
	return e
}

// WriteTime is how long after its beginning a request may still write. With it
// a reader of the log knows that nothing older than this plus the clocks'
// difference is still to come.
const WriteTime = 8 * time.Second
