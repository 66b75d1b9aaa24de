package store

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/table"
)

// betweenReads is a table with requests of others: do is called before each
// query, with its number.
type betweenReads struct {
	table.Table

	queries atomic.Int64
	do      func(n int64)
}

func (b *betweenReads) Query(ctx context.Context, q table.Query) (table.Page, error) {
	b.do(b.queries.Add(1))
	return b.Table.Query(ctx, q)
}

// A request at any point of a reading looks like a fault to Audit, and is none
// for Verify.
func TestVerify_RequestsMeanwhileAreNoFaults(t *testing.T) {
	looked := 0 // like faults
	for at, met := int64(1), true; met; at++ {
		for name, request := range map[string]func(f *fixture){
			"creates":  func(f *fixture) { f.users("u3"); f.group("g4", "u3") },
			"deletes":  func(f *fixture) { f.deleteUser("u1") },
			"restores": func(f *fixture) { f.restoreUser("gone") },
		} {
			f := auditFixture(t)
			once := func(n int64) {
				if n == at {
					request(f)
				}
			}
			faults, err := f.on(&betweenReads{Table: f.table, do: once}).Audit(t.Context(), f.tenant)
			require.NoError(t, err)
			for _, fault := range faults {
				if !fault.Unfinished {
					looked++
				}
			}

			f = auditFixture(t)
			b := &betweenReads{Table: f.table, do: once}
			v, err := f.on(b).Verify(t.Context(), f.tenant)
			require.NoError(t, err)
			for _, fault := range v.Faults {
				assert.Truef(t, fault.Unfinished, "%s before query %d: %s", name, at, fault)
			}
			assert.Falsef(t, v.Moving, "%s before query %d", name, at)
			assert.Equalf(t, v.Counts.Users, v.Ledger.Users, "%s before query %d", name, at)
			met = b.queries.Load() >= at
		}
	}
	assert.Positive(t, looked, "no request looked like a fault: the test shows nothing")
}

// A fault is found among any number of requests, and counts that requests change
// all the time are not compared.
func TestVerify_FindsFaultsOfATenantInUse(t *testing.T) {
	f := auditFixture(t)
	f.write(table.Delete(reservationKey(f.tenant, directory.GroupName, "group g2")))
	f.write(set(ledgerKey(f.tenant), attrSeats, table.Number(7))...)
	b := &betweenReads{Table: f.table, do: func(n int64) { f.users(fmt.Sprint("new", n)) }}
	v, err := f.on(b).Verify(t.Context(), f.tenant)
	require.NoError(t, err)
	assert.True(t, v.Moving)
	wantFaults(t, v.Faults, []Fault{{Item: "record g2", Problem: "has no reservation in T#acme#NAMES#gname"}})

	// As soon as the requests stop, the counts are compared.
	quiet := int64(40)
	b = &betweenReads{Table: f.table, do: func(n int64) {
		if n < quiet {
			f.users(fmt.Sprint("newer", n))
		}
	}}
	v, err = f.on(b).Verify(t.Context(), f.tenant)
	require.NoError(t, err)
	assert.Greater(t, b.queries.Load(), quiet)
	assert.False(t, v.Moving)
	wantFaults(t, v.Faults, []Fault{
		{Item: "ledger", Problem: "counts 7 seats, there are 0"},
		{Item: "record g2", Problem: "has no reservation in T#acme#NAMES#gname"},
	})
}

func TestVerify_SoundTenantIsReadOnce(t *testing.T) {
	f := auditFixture(t)
	single, twice := &betweenReads{Table: f.table, do: func(int64) {}}, &betweenReads{Table: f.table, do: func(int64) {}}
	_, err := f.on(single).Audit(t.Context(), f.tenant)
	require.NoError(t, err)
	v, err := f.on(twice).Verify(t.Context(), f.tenant)
	require.NoError(t, err)
	assert.Equal(t, single.queries.Load(), twice.queries.Load())
	assert.Equal(t, int64(2), v.Counts.Users)
}
