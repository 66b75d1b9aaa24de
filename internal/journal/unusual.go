package journal

import "time"

// UnusualDeactivations says that unusually many users were deactivated or deleted by identity
// providers within an hour.
type UnusualDeactivations struct {
	// At is the time of the last of them when it was found out, and Since that of the first.
	At, Since time.Time
	// Count is how many users they are, and ActiveUsers how many were active before.
	Count, ActiveUsers int64
}

// UnusualAdvice is what to do about unusually many deactivations.
const UnusualAdvice = "Check in the identity provider whether the assignment or the scope of the application was changed by mistake. " +
	"If it was, stop provisioning there first, then correct it and start provisioning again: users that are assigned again are reactivated in place. " +
	"If the deactivations are intended, nothing is to be done."

// EndsActivity reports whether the action makes a user inactive or deletes the user.
func (a Action) EndsActivity() bool { return a == Deactivated || a == Deleted }

// Departs reports whether the entry is of an active user whom an identity provider deactivated
// or deleted.
func (e Entry) Departs() bool {
	return e.By != ByApplication && e.ResourceType == TypeUser && e.Action.EndsActivity() && e.Seats+e.Readers < 0
}
