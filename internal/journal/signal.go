package journal

import "time"

// A Signal is a fact about a tenant's provisioning that is no change of a user or group, for
// example that all seats are in use. It is stored beside the log, and becomes an event.
type Signal struct {
	// ID is a UUIDv7 of the time at which it was written: the readers of events never find
	// it before one that is older.
	ID   string
	Time time.Time
	// Type is the type of the event, as package event names it.
	Type string
	// Subject is the user or group concerned, zero for none.
	Subject Subject
	// RequestID is the request that caused it, or "".
	RequestID string
	// Details has what else is known, by name: texts without secrets, at most 1 KB together.
	Details map[string]string
}
