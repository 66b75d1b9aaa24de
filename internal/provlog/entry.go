package provlog

import (
	"time"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/idp"
	"github.com/rollcall-scim/rollcall/internal/scim"
)

// Outcome is how a request ended.
type Outcome string

// The outcomes.
const (
	Success Outcome = "success"
	// Warning is a success of which something was not as it was meant.
	Warning Outcome = "warning"
	Failure Outcome = "failure"
	// Skipped is a success that had nothing to change.
	Skipped Outcome = "skipped"
)

// Outcomes are all outcomes.
var Outcomes = [...]Outcome{Success, Warning, Failure, Skipped}

// Entry is one entry of a tenant's provisioning log: what became of one request that
// wanted to change something. That of a change is written by the change itself; that
// of any other request before the answer.
type Entry struct {
	directory.Entry
	Outcome  Outcome
	Cause    Cause
	ScimType scim.ErrorType
	// Detail is what the identity provider was told of a failure.
	Detail string
	// Remedy names the advice that fits the particulars of the failure, "" for the
	// cause's own.
	Remedy Remedy
	// About is whom a failure is of.
	About Subject
	// StandsFor is how many requests the entry stands for, 0 for itself alone: of those
	// that are refused before they are handled the log has one a minute of each cause.
	StandsFor int64
	// Unnamed reports that a failure is of no single user or group, so that nobody is
	// marked as failing by it.
	Unnamed bool
	// Earlier are the entries before it of the same record.
	Earlier directory.History
}

// WhatToDo is what to do in the identity provider that sent the request, "" for an
// entry without a cause.
func (e Entry) WhatToDo() string {
	if e.Cause == "" {
		return ""
	}
	remedy := e.Remedy
	if e.Cause == UnknownMembers && e.Outcome == Warning {
		remedy = SkippedMembers
	}
	return e.Cause.Advice(remedy, idp.Provider(e.IdP))
}

// Subject is whom a request is about, as far as it can be known before it is done: a
// record by its id, or one that is still to be by its name.
type Subject struct {
	// Type is the resource type, User or Group.
	Type string
	ID   string
	// Name is the userName or displayName, and ExternalID the externalId, of a subject
	// without an id.
	Name, ExternalID string
}

// IsZero tells that nobody is known.
func (s Subject) IsZero() bool { return s.ID == "" && s.Name == "" && s.ExternalID == "" }

// Failing is a subject whose provisioning fails now: its last request failed.
type Failing struct {
	Subject
	// Subject's Name and ExternalID are known of one with an id too, for display.
	Operation string
	IdP       string
	Cause     Cause
	Detail    string
	Remedy    Remedy
	First     time.Time
	Last      time.Time
	Count     int64
	// RequestID is the last request that failed.
	RequestID string
}

// WhatToDo is what to do in the identity provider that sent the last request.
func (f Failing) WhatToDo() string { return f.Cause.Advice(f.Remedy, idp.Provider(f.IdP)) }

// Note is what is kept of a request beside what its change has kept itself.
type Note struct {
	// Entry is an entry to write, nil for none.
	Entry *Entry
	// Amends tells that the request's change has written the entry already, and that
	// its outcome and cause are to be those of Entry.
	Amends  bool
	Expires time.Time
	// NotAfter is the latest time at which it may be written.
	NotAfter time.Time
	// Fails is who fails from now on, zero for nobody; Failed tells that the subject
	// was known to fail.
	Fails  Subject
	Failed bool
	// Mended are subjects who fail no more.
	Mended []Subject
}
