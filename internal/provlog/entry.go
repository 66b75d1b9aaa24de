package provlog

import (
	"time"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/idp"
	"github.com/rollcall-scim/rollcall/internal/scim"
)

// An Outcome is how a request ended.
type Outcome string

// The outcomes.
const (
	Success Outcome = "success"
	// Warning is a success that was not exactly what the request asked for.
	Warning Outcome = "warning"
	Failure Outcome = "failure"
	// Skipped is a success that had nothing to change.
	Skipped Outcome = "skipped"
)

// Outcomes are all outcomes.
var Outcomes = [...]Outcome{Success, Warning, Failure, Skipped}

// An Entry is one entry of a tenant's provisioning log: the result of one
// request that wanted to change something. A change writes its own entry; any
// other request gets one before it is answered.
type Entry struct {
	directory.Entry
	Outcome  Outcome
	Cause    cause.Cause
	ScimType scim.ErrorType
	// Detail is the error that the identity provider received.
	Detail string
	// Remedy names the advice that fits the particulars of the failure, "" for the
	// cause's own.
	Remedy cause.Remedy
	// About is the subject of a failure.
	About Subject
	// StandsFor is the number of requests that the entry stands for, 0 for
	// itself only: requests refused before they are handled have one entry a
	// minute for each cause.
	StandsFor int64
	// Unnamed reports that a failure is not about a single user or group, so
	// that none is marked as failing.
	Unnamed bool
	// Earlier are the previous entries of the same record.
	Earlier directory.History
}

// WhatToDo is what to do in the identity provider that sent the request, "" for an
// entry without a cause.
func (e Entry) WhatToDo() string {
	if e.Cause == "" {
		return ""
	}
	remedy := e.Remedy
	if e.Cause == cause.UnknownMembers && e.Outcome == Warning {
		remedy = cause.SkippedMembers
	}
	return e.Cause.Advice(remedy, idp.Provider(e.IdP))
}

// A Subject is what a request is about, as far as it is known before the
// request is done: a record by its id, or a future one by its name.
type Subject struct {
	// Type is the resource type, User or Group.
	Type string
	ID   string
	// Name is the userName or displayName, and ExternalID the externalId, of a subject
	// without an id.
	Name, ExternalID string
}

// IsZero reports whether the subject is unknown.
func (s Subject) IsZero() bool { return s.ID == "" && s.Name == "" && s.ExternalID == "" }

// A Failing is a subject whose provisioning fails: its last request failed.
type Failing struct {
	Subject
	// The Subject's Name and ExternalID are set, for display, even if it has an
	// id.
	Operation string
	IdP       string
	Cause     cause.Cause
	Detail    string
	Remedy    cause.Remedy
	First     time.Time
	Last      time.Time
	Count     int64
	// RequestID is the id of the last failed request.
	RequestID string
}

// WhatToDo is what to do in the identity provider that sent the last request.
func (f Failing) WhatToDo() string { return f.Cause.Advice(f.Remedy, idp.Provider(f.IdP)) }

// A Note is what is stored of a request beside what its change has stored
// itself.
type Note struct {
	// Entry is an entry to write, nil for none.
	Entry *Entry
	// Amends means that the request's change has written the entry already, and
	// that its outcome and cause become those of Entry.
	Amends  bool
	Expires time.Time
	// NotAfter is the latest time at which it may be written.
	NotAfter time.Time
	// Fails is the subject to mark as failing, zero for none. Failed means that
	// the subject was already known to fail.
	Fails  Subject
	Failed bool
	// Mended are the subjects that no longer fail.
	Mended []Subject
}
