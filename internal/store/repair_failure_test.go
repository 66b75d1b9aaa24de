package store

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/tabletest"
)

// A check or a repair of a damaged tenant of which any call fails is reported as failed: a
// damage that was not read would look like none. The next repair completes it.
func TestRepairs_ReportEachFailedCall(t *testing.T) {
	names := func(f *fixture) {
		f.names()
		f.group("g3", "u1", "u2")
		f.empty("g3")
		f.must(f.finishAll())
		f.write(
			table.Delete(f.nameAt("user", "u1")), table.Delete(f.nameAt("mail", "u1")), table.Delete(f.nameAt("user", "gone")),
			holder(f.nameAt("gname", "free"), "nobody"), holder(f.nameAt("ext", "u2"), "u1"), table.Delete(f.nameAt("gname", "g1")),
			table.Put(table.Item{Key: mailKey(f.tenant, "a@b.c", "u1")}))
	}
	ledger := func(f *fixture) {
		f.names()
		f.write(f.counted(0, attrSeats, 1)...)
	}
	by := Repairer{Who: "root@acme.test", Apply: true}
	for name, c := range map[string]struct {
		damage func(f *fixture)
		do     func(ctx context.Context, f *fixture, s *Store) error
		is     bool // it repairs
	}{
		"Audit":  {names, func(ctx context.Context, f *fixture, s *Store) error { _, err := s.Audit(ctx, f.tenant); return err }, false},
		"Verify": {names, func(ctx context.Context, f *fixture, s *Store) error { _, err := s.Verify(ctx, f.tenant); return err }, false},
		"Verify the ledger": {ledger, func(ctx context.Context, f *fixture, s *Store) error {
			_, err := s.Verify(ctx, f.tenant)
			return err
		}, false},
		"RebuildNames": {names, func(ctx context.Context, f *fixture, s *Store) error {
			_, err := s.RebuildNames(ctx, f.tenant, by)
			return err
		}, true},
		"Recount": {ledger, func(ctx context.Context, f *fixture, s *Store) error {
			_, err := s.Recount(ctx, f.tenant, by)
			return err
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			for at, calls := int64(-1), int64(0); at < calls; at++ {
				f := sweepFixture(t, testMemory(t))
				c.damage(f)
				count := tabletest.NewFailing(f.table, at, errCall)
				err := c.do(t.Context(), f, f.on(count))
				if at < 0 {
					f.must(err)
					calls = count.Made()
					require.Positive(t, calls)
				} else {
					require.ErrorIs(t, err, errCall, "call %d of %d", at, calls)
				}
				if c.is {
					f.must(c.do(t.Context(), f, f.store))
					f.wantNoFaults()
				}
			}
		})
	}
}

// finishAll finishes the unfinished work of the tenant.
func (f *fixture) finishAll() error {
	_, err := f.store.SweepNow(f.t.Context(), f.tenant)
	return err
}
