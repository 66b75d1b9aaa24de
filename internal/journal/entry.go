// Package journal has the facts of the provisioning log, each written once: what
// an entry says of a request, which users and groups fail, and what is counted
// besides. Every package that causes, stores, reads or shows entries uses these
// types. Its policy says which requests are recorded, and when.
//
// It neither stores nor reads an entry.
package journal

import (
	"slices"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/idp"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/setting"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// An Entry is one entry of a tenant's log: the result of one request that wanted
// to change something. A change writes its own entry, in its transaction; any
// other request gets one before it is answered. An entry holds the names of
// attributes, never their values, except the subject's userName and externalId,
// and what its detail says about the subject's identity.
type Entry struct {
	// RequestID is the request's UUIDv7: entries are in the order of requests.
	RequestID string
	// ID is the entry's own id, if it differs from the request's: a UUIDv7 of
	// the time at which a part of a long change was written, so that no entry
	// is written later than its id says.
	ID      string
	Time    time.Time
	TokenID string
	IdP     idp.Provider
	// By is ByApplication for what the application did, "" for an identity
	// provider; Who is the person that the application named.
	By  Actor
	Who string
	// Operation is the requested operation, and Action the resulting change.
	Operation    Operation
	Action       Action
	ResourceType string
	ResourceID   string
	// Version is the record's version after the change. It is 0 for a group
	// whose members changed: others may have joined since the group was read.
	Version int64
	// Subject is the userName, or the displayName of a group.
	Subject    string
	ExternalID string
	Outcome    Outcome
	// Cause is the cause of a failure or a warning, or "" if there is none.
	Cause    cause.Cause
	ScimType scim.ErrorType
	// Detail is the error that the identity provider received, or a sentence that
	// explains a warning, "" if the cause says it all.
	Detail string
	// Remedy names the advice that fits the particulars of the failure, "" for the
	// cause's own.
	Remedy cause.Remedy
	// Faults are the faulty settings that the request shows, most telling first.
	Faults []setting.Finding
	// About is the subject of a failure. Unnamed reports that the failure is not
	// about a single user or group, so that none is marked as failing.
	About   Subject
	Unnamed bool
	// Begins reports, of a failure, that its subject did not fail before.
	Begins bool
	// StandsFor is the number of requests that the entry stands for, 0 for
	// itself only.
	StandsFor int64
	// Changed are the names of the attributes that differ.
	Changed []string
	// Seats, Readers are the numbers that the change added to the counts.
	Seats, Readers int64
	// Added and Removed are the members that joined and left. NewSet reports
	// instead that the whole set was replaced, and Size is its new size: a
	// consumer of the log reads the group again.
	Added, Removed []string
	NewSet         bool
	Size           int
	// Epoch is the epoch of a whole new set. The ids of its members are stored beside
	// the entry.
	Epoch int64
	// Kept reports that a deleted user stays readable as an inactive one.
	Kept bool
	// Ended reports that a reactivation ended the memberships of the user. Left are the
	// groups that the user left in the transaction of the entry; of memberships that end
	// later each transaction has an entry, whose Version is 0.
	Ended bool
	Left  []string
	// Lost are the deleted users that lost a value to the record.
	Lost []Loss
	// Skipped are the ids of members sent that are not users, or of the users
	// that a refusal is about.
	Skipped []string
	// Tolerances name what was not accepted as it was sent, as kind:attribute.
	Tolerances []string
	// SeatCounts are the seats as last read before the request.
	SeatCounts tenant.SeatCounts
	// IdPRequestID is the identity provider's own id of the request, or "" if there
	// is none.
	IdPRequestID string
	// BulkID is the id of the bulk request that the operation belongs to, or "" if
	// there is none.
	BulkID string
	// Earlier are the previous entries of the same record, of an entry that was
	// read.
	Earlier History
}

// A Loss is the change of a deleted user that lost a unique value to another record.
type Loss struct {
	ID string
	// Version is the version of the deleted user after the change.
	Version int64
}

// Key returns the name of the entry among those of its tenant: its own id, or
// else the request's.
func (e Entry) Key() string {
	if e.ID != "" {
		return e.ID
	}
	return e.RequestID
}

// Warn records a cause that did not stop the change.
func (e *Entry) Warn(c cause.Cause) { e.Outcome, e.Cause = Warning, c }

// Skip records the members sent that are not users; the others were accepted.
func (e *Entry) Skip(ids []string) {
	e.Skipped = ids
	if len(ids) > 0 {
		e.Warn(cause.UnknownMembers)
	}
}

// Tolerate records what was not accepted as it was sent, which is a warning
// unless the entry has another.
func (e *Entry) Tolerate(notices []scim.Notice) {
	names, warns := Tolerances(notices)
	for _, name := range names {
		if !slices.Contains(e.Tolerances, name) {
			e.Tolerances = append(e.Tolerances, name)
		}
	}
	if warns && e.Cause == "" {
		e.Warn(cause.Tolerated)
	}
}

// Suspect records the faulty settings that the values of a request show, which is a
// warning if one of them is certain, unless the entry has another.
func (e *Entry) Suspect(findings []setting.Finding) {
	e.Faults = setting.Add(e.Faults, findings...)
	if setting.Warns(findings) && e.Cause == "" {
		e.Warn(cause.Tolerated)
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

// Findings returns the faulty settings that explain the entry: of those recorded, and
// of those that what was not accepted as it was sent shows.
func (e Entry) Findings() []setting.Finding {
	found := slices.Clone(e.Faults)
	if e.Outcome != Failure {
		found = append(setting.OfTolerances(e.Tolerances), found...)
	}
	var explaining []setting.Finding
	for _, f := range found {
		if f.Fault.Explains(e.Cause) {
			explaining = setting.Add(explaining, f)
		}
	}
	return explaining
}

// WhatHappened returns the detail of a failure without what to do and without the id of the
// request.
func (e Entry) WhatHappened() string {
	what, _, _ := strings.Cut(e.Detail, " (request ")
	what = strings.TrimSuffix(what, "…")
	if todo := e.WhatToDo(); todo != "" {
		what, _, _ = strings.Cut(what, todo)
	}
	return strings.TrimSpace(what)
}

// WhatToDo returns what to do in the identity provider that sent the request: which
// setting to change, if the request shows it, or else the advice about the cause; ""
// for an entry with neither.
func (e Entry) WhatToDo() string {
	again := ""
	switch {
	case e.Outcome != Failure:
	case e.ResourceType == TypeGroup:
		again = "Then {push}."
	default:
		again = "Then {retry}."
	}
	text := setting.Advice(e.Findings(), e.Cause, e.IdP, again)
	if e.Cause == "" || text != "" && (e.Outcome == Failure || e.Cause == cause.Tolerated) {
		return text
	}
	remedy := e.Remedy
	if e.Cause == cause.UnknownMembers && e.Outcome == Warning && remedy == "" {
		remedy = cause.SkippedMembers
	}
	// What was changed has to be checked, whatever the setting was.
	return strings.TrimSpace(text + " " + e.Cause.Advice(remedy, e.IdP))
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
