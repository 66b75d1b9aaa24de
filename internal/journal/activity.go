package journal

import (
	"time"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/idp"
)

// Activity has the facts that one instance of the service saw in a tenant's requests and the
// log does not have: the last request of each identity provider, and the numbers of
// requests of some causes and kinds.
type Activity struct {
	Seen    []Seen
	Tallies []Tally
	Days    []Day
}

// Empty reports whether there is nothing to write.
func (a Activity) Empty() bool { return len(a.Seen)+len(a.Tallies)+len(a.Days) == 0 }

// Seen is the last accepted request of an identity provider: one with a valid token,
// whether it succeeded or not. An instance writes it once a minute at most.
type Seen struct {
	IdP idp.Provider
	// Time and TokenID are those of the last request, one that only read included.
	Time    time.Time
	TokenID string
	// Change is the last request that wanted to change something, or zero if there
	// is none: its RequestID, Time, Operation, Outcome and Cause.
	Change Entry
}

// Tally counts the requests of one kind: those with a token that is refused, or those of
// a cause on one day.
type Tally struct {
	Cause cause.Cause
	// TokenID is the refused token, of TokenRevoked and TokenExpired alone: they are
	// counted by token.
	TokenID string
	// Day is when the day began in UTC on which requests of any other cause were counted.
	Day time.Time
	// IdP and Last are those of the last request counted.
	IdP  idp.Provider
	Last time.Time
	// Count is how many were counted; Least reports that there may have been others.
	Count int64
	Least bool
	// Expires is when it is forgotten.
	Expires time.Time
}

// AtLeast reports whether there may have been more requests than Count.
func (t Tally) AtLeast() bool { return t.Least || t.Count >= TallyBurst }
