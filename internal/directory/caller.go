package directory

import (
	"time"

	"github.com/rollcall-scim/rollcall/internal/idp"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
	"github.com/rollcall-scim/rollcall/internal/setting"
	"github.com/rollcall-scim/rollcall/internal/tenant"
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
	IdP     idp.Provider
	// Types are the tenant's resource types. The zero Types stand for the
	// built-in ones; attributes of the tenant's own schemas then stay as they
	// are, unchecked.
	Types schema.Types
	// By is ByApplication when the application asks. Who is the person that the
	// application acts for, as the application names them. The name is recorded in
	// the log, and shown to identity providers that request a group deleted by that
	// person.
	By  journal.Actor
	Who string
	// Notices are the tolerances applied to the request before it came here.
	Notices []scim.Notice
	// Faults are the faulty settings that the values of the request show.
	Faults []setting.Finding
	// SeatCounts are the tenant's seats as last read.
	SeatCounts tenant.SeatCounts
	// IdPRequestID and BulkID are those of the Entry.
	IdPRequestID, BulkID string
	// ShowGroups reports whether the answer shows the user's groups.
	ShowGroups bool
	// ShowMembers reports whether the answer shows the group's members, if
	// there are few (MaxShown).
	ShowMembers bool
}

// entry returns the log entry of the caller's request, without the subject.
func (by Caller) entry(operation journal.Operation, action journal.Action) journal.Entry {
	e := journal.Entry{
		RequestID: by.RequestID, Time: by.Time, TokenID: by.TokenID, IdP: by.IdP, By: by.By, Who: by.Who,
		Operation: operation, Action: action, Outcome: journal.Success, SeatCounts: by.SeatCounts, IdPRequestID: by.IdPRequestID, BulkID: by.BulkID,
	}
	e.Tolerate(by.Notices)
	e.Suspect(by.Faults)
	return e
}
