package directory

import (
	"slices"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// Entry is one entry of a tenant's log. It is written in the transaction of the
// change it describes, and the change feed serves it. It holds the names of
// attributes, never their values, except the subject's userName and externalId,
// and what a warning says about the subject's identity.
type Entry struct {
	// RequestID is the request's UUIDv7: entries are in the order of requests.
	RequestID string
	// ID is the entry's own id, if it differs from the request's: a UUIDv7 of
	// the time at which a part of a long change was written, so that no entry
	// is written later than its id says.
	ID      string
	Time    time.Time
	TokenID string
	IdP     string
	// By is ByApplication for what the application did, "" for an identity
	// provider; Who is the person that the application named.
	By  Actor
	Who string
	// Operation is what the request asked for: create, replace, modify, delete,
	// purge.
	Operation string
	// Action is what was done.
	Action       Action
	ResourceType string
	ResourceID   string
	// Version is the record's version after the change. It is 0 for a group
	// whose members changed: others may have joined since the group was read.
	Version int64
	// Subject is the userName, or the displayName of a group.
	Subject    string
	ExternalID string
	// Warning is a cause that did not stop the change, "" for none.
	Warning string
	// Note explains the warning in a sentence, "" if the cause says it all.
	Note string
	// Changed are the names of the attributes that differ.
	Changed []string
	// Seats, Readers are what the change added to the counts.
	Seats, Readers int64
	// Added and Removed are the members that joined and left. NewSet reports
	// instead that the whole set was replaced, and Size is its new size: a
	// consumer of the log reads the group again.
	Added, Removed []string
	NewSet         bool
	Size           int
	// Skipped are the ids of members sent that are not users.
	Skipped []string
	// Tolerances name what was not accepted as it was sent, as kind:attribute.
	Tolerances []string
	// Counts are the seats as last read before the request.
	Counts tenant.Counts
	// IdPRequestID is the identity provider's own id of the request, "" for
	// none.
	IdPRequestID string
	// BulkID is the id of the bulk request that the operation belongs to, ""
	// for none.
	BulkID string
}

// Key returns the name of the entry among those of its tenant: its own id, or
// else the request's.
func (e Entry) Key() string {
	if e.ID != "" {
		return e.ID
	}
	return e.RequestID
}

// tolerate records what was not accepted as it was sent. It sets the entry's
// warning unless the entry has another.
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

// Tolerances returns the names of notices. warn reports whether one of them
// means that a value was not accepted as it was meant, so that an attribute
// mapping needs correcting. The dialects that an administrator cannot change do
// not warn.
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

// History names the newest log entries of a record, newest first. Each entry in
// turn names those before it, so that the history of one record is read without
// reading the whole log.
type History []string

// MaxHistory is how many entries a record names.
const MaxHistory = 8

// With returns the history with another entry: the newest MaxHistory of them.
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

// Caller is who sends a request, which request it is, and the tenant's
// settings.
type Caller struct {
	RequestID string
	Settings  tenant.Settings
	// Time is when the request began, and the modification time of what it
	// changes.
	Time    time.Time
	TokenID string
	IdP     string
	// Types are the tenant's resource types. The zero Types stand for the
	// built-in ones; attributes of the tenant's own schemas then stay as they
	// are, unchecked.
	Types scim.Types
	// By is ByApplication when the application asks. Who is the person it acts
	// for, as the application names them: it is recorded in the log, and shown
	// to identity providers that ask for a group deleted by that person.
	By  Actor
	Who string
	// Notices are the tolerances applied to the request before it came here.
	Notices []scim.Notice
	// Counts are the tenant's seats as last read.
	Counts tenant.Counts
	// IdPRequestID and BulkID are those of the Entry.
	IdPRequestID, BulkID string
	// ShowGroups reports whether the answer shows the user's groups.
	ShowGroups bool
	// ShowMembers reports whether the answer shows the group's members, if
	// there are few (MaxShown).
	ShowMembers bool
}

// entry returns the log entry of the caller's request, without the subject.
func (by Caller) entry(operation string, action Action) Entry {
	e := Entry{
		RequestID: by.RequestID, Time: by.Time, TokenID: by.TokenID, IdP: by.IdP, By: by.By, Who: by.Who,
		Operation: operation, Action: action, Counts: by.Counts, IdPRequestID: by.IdPRequestID, BulkID: by.BulkID,
	}
	e.tolerate(by.Notices)
	return e
}

// WriteTime is how long after its beginning a request may still write. A reader
// of the log therefore knows that no entry older than WriteTime plus the
// difference between the clocks is still to come.
const WriteTime = 8 * time.Second
