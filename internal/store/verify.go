package store

import (
	"context"
	"fmt"
	"slices"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// Verified is the result of Verify.
type Verified struct {
	Faults []Fault
	// Counts are the numbers of the records, Ledger the stored ones.
	Counts, Ledger directory.Ledger
	// Moving reports that requests changed the ledger during each reading of the
	// records, so that the two could not be compared.
	Moving bool
}

// maxCounts is how often the records are counted at most.
const maxCounts = 4

// Verify does what Audit does for a tenant that is in use. A change that
// happens between the reads of two items looks like a fault, and a second
// reading does not find it again: a fault counts if both readings have it. The
// ledger differs from the records only if two countings in a row have the same
// result, and no shard of it was written meanwhile.
func (s *Store) Verify(ctx context.Context, t tenant.ID) (Verified, error) {
	a, err := s.audit(ctx, t)
	if err != nil {
		return Verified{}, err
	}
	counted, faults := a.counting, a.all(nil)
	if len(faults) > 0 {
		again, err := s.audit(ctx, t)
		if err != nil {
			return Verified{}, err
		}
		counted, faults = again.counting, both(faults, again.all(nil))
	}
	moving := false
	for n := 1; len(counted.faults()) > 0; n++ {
		again, err := s.count(ctx, t)
		if err != nil {
			return Verified{}, err
		}
		exact := again.same(counted)
		if counted = again; exact {
			break
		}
		if n == maxCounts {
			moving = true
			break
		}
	}
	v := Verified{Faults: faults, Counts: counted.counts, Ledger: counted.after.sum(), Moving: moving}
	if !v.Moving {
		v.Faults = inOrder(append(counted.faults(), faults...))
	}
	return v, nil
}

// both returns the faults of one reading that another one has too.
func both(one, other []Fault) []Fault {
	has := make(map[Fault]bool, len(other))
	for _, f := range other {
		has[f] = true
	}
	return slices.DeleteFunc(one, func(f Fault) bool { return !has[f] })
}

// counting has the counts of the records, with the shards of the ledger before they
// were read and after.
type counting struct {
	counts        directory.Ledger
	before, after shards
}

// still reports whether no request changed the ledger while the records were
// read.
func (c *counting) still() bool { return c.before.print() == c.after.print() }

// count counts the records of a tenant.
func (s *Store) count(ctx context.Context, t tenant.ID) (c counting, err error) {
	if c.before, err = s.scanShards(ctx, t); err != nil {
		return c, err
	}
	for _, in := range []struct {
		partition string
		visit     func(table.Item)
	}{
		{partition(t, "USERS"), func(i table.Item) { c.user(decodeUser(i, false)) }},
		{partition(t, "GONE"), func(i table.Item) { c.user(decodeUser(i, true)) }},
		{partition(t, "GROUPS"), func(table.Item) { c.counts.Groups++ }},
	} {
		if err := s.scan(ctx, in.partition, in.visit); err != nil {
			return c, err
		}
	}
	c.after, err = s.scanShards(ctx, t)
	return c, err
}

// user counts a user.
func (c *counting) user(u *directory.User) {
	if u.Live() {
		c.counts.Users++
	}
	switch u.Holds() {
	case directory.HoldsSeat:
		c.counts.Seats++
	case directory.HoldsReader:
		c.counts.Readers++
	case directory.HoldsNothing:
	}
}

// faults compares the ledger with the counts of the records.
func (c *counting) faults() (faults []Fault) {
	stored := c.after.sum()
	for _, of := range []struct {
		name      string
		got, want int64
	}{
		{"seats", stored.Seats, c.counts.Seats},
		{"readers", stored.Readers, c.counts.Readers},
		{"users", stored.Users, c.counts.Users},
		{"groups", stored.Groups, c.counts.Groups},
	} {
		if of.got != of.want {
			faults = append(faults, Fault{Item: "ledger", Problem: fmt.Sprintf("counts %d %s, there are %d", of.got, of.name, of.want)})
		}
	}
	return faults
}
