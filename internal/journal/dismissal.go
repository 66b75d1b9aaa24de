package journal

import (
	"errors"
	"time"
)

// The refusals of a dismissal.
var (
	// ErrNotFailing reports that no user or group fails by the request.
	ErrNotFailing = errors.New("journal: the request is no current failure of a user or group")
	// ErrFailedAgain reports that the user or group has failed again since.
	ErrFailedAgain = errors.New("journal: a later request failed as well")
)

// A Dismissal takes a failing subject out of the list of failures until it fails again.
type Dismissal struct {
	// RequestID is the id of the last failed request, as in Failing.
	RequestID string
	Time      time.Time
	// Who is the person or operator who dismissed it, Reason why.
	Who, Reason string
	// ID is the id of the request that dismisses it, and Expires when that request's
	// entry may be removed; both are zero in a failing subject that was read.
	ID      string
	Expires time.Time
}

// IsZero reports whether the subject is not dismissed.
func (d Dismissal) IsZero() bool { return d.Time.IsZero() }

// Entry returns the log entry of the dismissal of a failing subject.
func (d Dismissal) Entry(f Failing) Entry {
	return Entry{
		RequestID: d.ID, Time: d.Time, By: ByApplication, Who: d.Who, Operation: Dismiss, Action: Dismissed,
		ResourceType: f.Type, ResourceID: f.ID, Subject: f.Name, ExternalID: f.ExternalID,
		Outcome: Success, Detail: d.Reason,
	}
}

// NamedFailureKept is how long a failure without a record is remembered: a subject that is
// known by a name alone may never be sent again, and no request can then resolve it.
const NamedFailureKept = 30 * 24 * time.Hour

// FailureExpires returns when a failing subject is forgotten unless it fails again. The
// entries of its failures are kept until the given time.
func FailureExpires(s Subject, failed, entries time.Time) time.Time {
	if s.ID != "" {
		return entries
	}
	if end := failed.Add(NamedFailureKept); end.Before(entries) {
		return end
	}
	return entries
}
