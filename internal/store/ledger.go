package store

import (
	"context"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// The attributes of a ledger: counts and limits, all numbers. A tenant without
// a limit has tenant.Unlimited, so that "seats below seatLimit" is the
// condition of every grant.
const (
	attrSeats       = "seats"
	attrSeatLimit   = "seatLimit"
	attrReaders     = "readers"
	attrReaderLimit = "readerLimit"
	attrUsers       = "users"
	attrGroups      = "groups"
)

func ledgerItem(t tenant.ID, l directory.Ledger) table.Item {
	return table.Item{Key: ledgerKey(t), Attributes: table.Attributes{
		attrSeats:       table.Number(l.Seats),
		attrSeatLimit:   table.Number(l.SeatLimit),
		attrReaders:     table.Number(l.Readers),
		attrReaderLimit: table.Number(l.ReaderLimit),
		attrUsers:       table.Number(l.Users),
		attrGroups:      table.Number(l.Groups),
	}}
}

func decodeLedger(a table.Attributes) directory.Ledger {
	return directory.Ledger{
		Seats:       a.Number(attrSeats),
		SeatLimit:   a.Number(attrSeatLimit),
		Readers:     a.Number(attrReaders),
		ReaderLimit: a.Number(attrReaderLimit),
		Users:       a.Number(attrUsers),
		Groups:      a.Number(attrGroups),
	}
}

// ledgerOp updates the counts together with the change it belongs to. It
// settles the race for the last seat: of two requests, the second finds that no
// seat is free. ok is false if no count changes.
func ledgerOp(t tenant.ID, before, after *directory.User) (table.Op, bool) {
	add := map[string]int64{}
	move := func(name string, was, is bool) {
		switch {
		case is && !was:
			add[name] = 1
		case was && !is:
			add[name] = -1
		}
	}
	move(attrSeats, before.Holds() == directory.HoldsSeat, after.Holds() == directory.HoldsSeat)
	move(attrReaders, before.Holds() == directory.HoldsReader, after.Holds() == directory.HoldsReader)
	move(attrUsers, before.Live(), after.Live())
	return countOp(t, add)
}

func countOp(t tenant.ID, add map[string]int64) (table.Op, bool) {
	if len(add) == 0 {
		return table.Op{}, false
	}
	when := []table.Condition{table.Present()}
	if add[attrSeats] > 0 {
		when = []table.Condition{table.Below(attrSeats, attrSeatLimit)}
	}
	if add[attrReaders] > 0 {
		when = []table.Condition{table.Below(attrReaders, attrReaderLimit)}
	}
	return table.Update(ledgerKey(t), table.Change{Add: add}, when...), true
}

// Ledger reads a tenant's counts and limits.
func (s *Store) Ledger(ctx context.Context, t tenant.ID) (directory.Ledger, error) {
	item, _, err := s.read(ctx, ledgerKey(t))
	return decodeLedger(item.Attributes), err
}
