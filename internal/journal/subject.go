package journal

import (
	"time"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/idp"
	"github.com/rollcall-scim/rollcall/internal/setting"
)

// The resource types of subjects.
const (
	TypeUser  = "User"
	TypeGroup = "Group"
	// TypeTenant is the type of an entry about no record.
	TypeTenant = "Tenant"
)

// A Subject is the user or group of a request, as far as it is known before the
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
	Operation Operation
	IdP       idp.Provider
	Cause     cause.Cause
	Detail    string
	Remedy    cause.Remedy
	Faults    []setting.Finding
	First     time.Time
	Last      time.Time
	Count     int64
	// RequestID is the id of the last failed request.
	RequestID string
	// Asked are the values of the last failed request that the rules depend on.
	Asked Asked
	// Dismissal is zero unless an administrator dismissed the failure since.
	Dismissal Dismissal
}

// WhatToDo returns what to do in the identity provider that sent the last
// request.
func (f Failing) WhatToDo() string { return f.Entry().WhatToDo() }

// Entry returns the last failure of the subject, as far as it is kept with it.
func (f Failing) Entry() Entry {
	return Entry{
		RequestID: f.RequestID, Time: f.Last, IdP: f.IdP, Operation: f.Operation,
		ResourceType: f.Type, ResourceID: f.ID, Subject: f.Name, ExternalID: f.ExternalID,
		Outcome: Failure, Cause: f.Cause, Detail: f.Detail, Remedy: f.Remedy, Faults: f.Faults, About: f.Subject,
	}
}

// A Record is the data stored about a request in addition to the data that its
// change stores.
type Record struct {
	// Entry is an entry to write, or nil if there is none.
	Entry *Entry
	// Amends means that the request's change has written the entry already, and
	// that its outcome and cause become those of Entry.
	Amends  bool
	Expires time.Time
	// NotAfter is the latest time at which it may be written.
	NotAfter time.Time
	// Fails is the subject to mark as failing, or zero if there is none. Failed
	// means that the subject was already known to fail.
	Fails  Subject
	Failed bool
	// Asked are the values to keep with the failing subject.
	Asked Asked
	// Resolved are the subjects that no longer fail, and RequestID is the request that
	// succeeded, "" if it is not known. Provisioned is the record that they are now, zero
	// if that is not known. If Expires is zero, the signals are kept as log entries are.
	Resolved    []Subject
	RequestID   string
	Provisioned Subject
	// Renamed are subjects that fail by a name and are the one that Fails: they are removed,
	// and nothing begins or ends.
	Renamed []Subject
}
