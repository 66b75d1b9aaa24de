package provlog

import (
	"time"

	"github.com/rollcall-scim/rollcall/internal/cause"
)

// Activity is what one instance of the service has seen of a tenant's requests and the
// log does not have: that an identity provider lives, and how many requests of a kind
// there were.
type Activity struct {
	Seen    []Seen
	Tallies []Tally
}

// Empty reports whether there is nothing to write.
func (a Activity) Empty() bool { return len(a.Seen) == 0 && len(a.Tallies) == 0 }

// Seen is the last accepted request of an identity provider: one with a valid token,
// whatever became of it. An instance writes it once a minute at most.
type Seen struct {
	IdP string
	// Time and TokenID are those of the last request, one that only read included.
	Time    time.Time
	TokenID string
	// Change is the last request that wanted to change something, zero for none.
	Change Change
}

// Change is a request that wanted to change something, in the few words that are kept
// beside the log.
type Change struct {
	RequestID string
	Time      time.Time
	Operation string
	Outcome   Outcome
	Cause     cause.Cause
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
	IdP  string
	Last time.Time
	// Count is how many were counted; Least reports that there may have been others.
	Count int64
	Least bool
	// Expires is when it is forgotten.
	Expires time.Time
}

// TallyBurst is how many requests of one kind an instance counts each by itself. Of
// those that come faster than one a minute it counts several at once, once a minute, and
// those that it has not written yet are not known: a count of this many or more is the
// least.
const TallyBurst = 10

// tallyEvery is how long a request that is counted may not be written yet.
const tallyEvery = time.Minute

// TallyKept is how long the requests of a day are remembered: as long as the overview
// shows them.
const TallyKept = (overviewDays + 1) * 24 * time.Hour

// AtLeast reports whether there may have been more requests than Count.
func (t Tally) AtLeast() bool { return t.Least || t.Count >= TallyBurst }
