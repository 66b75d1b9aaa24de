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
// ledger is compared only if it did not change while the records were read;
// otherwise the records alone are counted again.
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
	for n := 1; !counted.conclusive() && n < maxCounts; n++ {
		if counted, err = s.count(ctx, t); err != nil {
			return Verified{}, err
		}
	}
	v := Verified{Faults: faults, Counts: counted.counts, Ledger: counted.after, Moving: !counted.conclusive()}
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

// counting has the counts of the records, with the ledger before they were read
// and after.
type counting struct {
	before, counts, after directory.Ledger
}

// still reports whether no request changed the ledger while the records were
// read.
func (c *counting) still() bool { return c.before == c.after && !c.after.Approximate }

// conclusive reports whether the counts can be compared with the ledger.
func (c *counting) conclusive() bool { return c.still() || len(c.faults()) == 0 }

// count counts the records of a tenant.
func (s *Store) count(ctx context.Context, t tenant.ID) (c counting, err error) {
	if c.before, err = s.Ledger(ctx, t); err != nil {
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
	c.after, err = s.Ledger(ctx, t)
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
	for _, of := range []struct {
		name      string
		got, want int64
	}{
		{"seats", c.after.Seats, c.counts.Seats},
		{"readers", c.after.Readers, c.counts.Readers},
		{"users", c.after.Users, c.counts.Users},
		{"groups", c.after.Groups, c.counts.Groups},
	} {
		if of.got != of.want {
			faults = append(faults, Fault{Item: "ledger", Problem: fmt.Sprintf("counts %d %s, there are %d", of.got, of.name, of.want)})
		}
	}
	return faults
}
