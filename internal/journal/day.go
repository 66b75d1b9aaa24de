package journal

import (
	"time"

	"github.com/rollcall-scim/rollcall/internal/idp"
)

// A Kind is a kind of request of an identity provider. The overview finds out by them what
// an identity provider does not do, and which part of its changes is refused.
type Kind string

// The kinds. Refused requests are of the last two alone.
const (
	// Lookups read a user or group, or search for some; Imports list users without a filter.
	Lookups Kind = "look"
	Imports Kind = "import"
	// Creations are creates of users, and of users who were found again.
	Creations Kind = "create"
	// Updates are the other changes of users, also those that change nothing; Departures
	// deactivate or delete.
	Updates    Kind = "update"
	Departures Kind = "leave"
	// Groups are changes of groups.
	Groups Kind = "group"
	// Refusals are refused changes of users, and GroupRefusals those of groups.
	Refusals      Kind = "refuse"
	GroupRefusals Kind = "refgroup"
)

// Kinds are all kinds.
var Kinds = [...]Kind{Lookups, Imports, Creations, Updates, Departures, Groups, Refusals, GroupRefusals}

// Interval returns how often requests of the kind are written, at most, after the first one.
// Of most kinds it matters only that they come; changes of users are compared by number.
func (k Kind) Interval() time.Duration {
	switch k {
	case Creations, Updates, Refusals, GroupRefusals:
		return Interval
	}
	return time.Hour
}

// A Day has the requests of an identity provider on a day, by kind.
type Day struct {
	IdP idp.Provider
	// Day is when the day began in UTC.
	Day time.Time
	// Last has the time of the last request of each kind that came, and Count how many
	// came at least: requests that an instance has not written yet are not counted.
	Last  map[Kind]time.Time
	Count map[Kind]int64
	// Expires is when it is forgotten.
	Expires time.Time
}

// DaysKept is how long the requests of a day are remembered: eight weeks, in which somebody
// leaves or changes in any tenant of some size, and the four weeks after which Entra stops.
const DaysKept = 57 * 24 * time.Hour
