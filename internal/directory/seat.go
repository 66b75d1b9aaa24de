package directory

import (
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// Ledger is a tenant's count of what it pays for, with its limits: the only
// place where a limit is kept.
type Ledger struct {
	Seats       int64
	SeatLimit   int64
	Readers     int64
	ReaderLimit int64
	// Users counts live users, active or not; Groups counts groups.
	Users  int64
	Groups int64
	// Approximate reports that the counts are of different moments, because they
	// changed at each attempt to read them: they prove nothing.
	Approximate bool
	// Moves counts the changes of a ledger that is one item: with the same number at
	// two times, it did not change between them. It is 0 if that is not known.
	Moves int64
}

// Holding is the kind of licence that a record holds in the tenant's ledger.
type Holding string

// The holdings. Each record counts as exactly one of them.
const (
	HoldsNothing Holding = ""
	HoldsSeat    Holding = "seat"
	HoldsReader  Holding = "reader"
)

// Holds returns what the record counts as: an active User holds a seat, an
// active Reader a Reader licence, all others nothing. Nil holds nothing.
func (u *User) Holds() Holding {
	switch {
	case u == nil || !u.Active || u.Deleted:
		return HoldsNothing
	case u.Type == tenant.Reader:
		return HoldsReader
	default:
		return HoldsSeat
	}
}

// holdingDelta returns what a change adds to the ledger's seats and readers.
func holdingDelta(before, after *User) (seats, readers int64) {
	count := func(u *User, h Holding) int64 {
		if u.Holds() == h {
			return 1
		}
		return 0
	}
	return count(after, HoldsSeat) - count(before, HoldsSeat),
		count(after, HoldsReader) - count(before, HoldsReader)
}

// full returns the error for a ledger with no seat or Reader licence left for a
// change of so many seats.
func full(l *Ledger, seats int64, action journal.Action) error {
	if seats > 0 {
		return &FullError{Type: tenant.User, Used: l.Seats, Limit: l.SeatLimit, Action: action}
	}
	return &FullError{Type: tenant.Reader, Used: l.Readers, Limit: l.ReaderLimit, Action: action}
}
