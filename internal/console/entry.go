package console

import (
	"net/url"
	"time"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
)

// entryRow is an entry of the log as a row.
type entryRow struct {
	When       *When
	Outcome    string
	Operation  string
	Type       string
	Subject    string
	SubjectTo  string
	Cause      string
	CauseTo    string
	IdP        string
	Who        string
	Status     int
	ID         string
	To         string
	ExternalID string
	ResourceID string
	BulkTo     string
}

func newEntryRow(at home, e adminwire.Entry, now time.Time) entryRow {
	r := entryRow{
		When: when(e.Time, now), Outcome: e.Outcome, Operation: doing(e), Type: e.ResourceType,
		Subject: firstOf(e.Subject, e.ExternalID, e.ResourceID), SubjectTo: historyOf(at, e.ResourceID, e.Subject, e.ExternalID),
		Cause: e.Cause, IdP: idpName(e.IdP), Status: e.Status, ID: e.RequestID, To: at.of("requests", e.RequestID),
		ExternalID: e.ExternalID, ResourceID: e.ResourceID,
	}
	if e.Cause != "" {
		r.CauseTo = at.address("causes", e.Cause)
	}
	if e.BulkRequestID != "" {
		r.BulkTo = at.of("requests", e.BulkRequestID)
	}
	if e.By == "app" {
		r.IdP, r.Who = "The application", e.Who
	}
	return r
}

// doing returns the action of an entry, or its operation where nothing was changed.
func doing(e adminwire.Entry) string {
	about := kind(e.ResourceType)
	if e.Action != "" {
		return about + " " + nameText(e.Action).String()
	}
	return nameText(e.Operation).String() + " " + about
}

// historyOf returns the address of a subject's entries in the log: by id where it has one.
func historyOf(at home, id, name, externalID string) string {
	subject := firstOf(id, name, externalID)
	if subject == "" || len(subject) > maxSubject {
		return ""
	}
	return at.find(url.Values{"subject": {subject}}, "log")
}

// firstOf returns the first text that is not empty.
func firstOf(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}
