package store

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// hire creates an active user, through the transaction of a request.
func (f *fixture) hire(s *Store, id string) error {
	u := &directory.User{
		ID: id, Version: 1, Created: f.now(), Modified: f.now(), Type: tenant.User, Active: true, Origin: directory.OriginSCIM,
		Doc: fmt.Appendf(nil, `{"active":true,"id":%q,"userName":%q}`, id, id),
	}
	r, err := u.Resource()
	if err != nil {
		return err
	}
	u.Held = directory.ClaimsOf(r)
	e := f.entry(journal.Create, journal.Created, "User", id)
	return s.Commit(f.t.Context(), f.tenant, directory.Change{After: u, Entry: e, Expires: f.now()})
}

// ledgerFixture returns a tenant with two users with seats, one without, and a group; its
// limits are 10 seats and 10 readers.
func ledgerFixture(t testing.TB, on table.Table, shards int) *fixture {
	t.Helper()
	f := sweepFixture(t, on)
	f.users("u1")
	f.group("g1")
	for _, id := range []string{"a", "b"} {
		f.must(f.hire(f.store, id))
	}
	if shards > 1 {
		n, err := f.store.AddShards(t.Context(), f.tenant)
		f.must(err)
		require.Equal(t, shards, n)
	}
	f.wantNoFaults()
	return f
}

// counted adds to a count of a shard, as another program does.
func (f *fixture) counted(shard int, name string, n int64) []table.Op {
	return []table.Op{table.Update(shardKey(f.tenant, shard), table.Change{Add: map[string]int64{name: n}})}
}

func TestRecount_RepairsEachDamage(t *testing.T) {
	lost := directory.Ledger{Seats: 2, SeatLimit: 2, Users: 3, Groups: 1}
	kept := directory.Ledger{Seats: 2, SeatLimit: 10, ReaderLimit: 10, Users: 3, Groups: 1}
	for _, tt := range []struct {
		name   string
		shards int
		damage func(f *fixture) []table.Op
		want   directory.Ledger
	}{
		{"seats too high", 1, func(f *fixture) []table.Op { return f.counted(0, attrSeats, 3) }, kept},
		{"seats too low", 1, func(f *fixture) []table.Op { return f.counted(0, attrSeats, -2) }, kept},
		{"readers", 1, func(f *fixture) []table.Op { return f.counted(0, attrReaders, 1) }, kept},
		{"users", 1, func(f *fixture) []table.Op { return f.counted(0, attrUsers, -1) }, kept},
		{"groups", 1, func(f *fixture) []table.Op { return f.counted(0, attrGroups, 7) }, kept},
		{"seats of one of several shards", 4, func(f *fixture) []table.Op { return f.counted(2, attrSeats, 1) }, kept},
		{"a shard is missing", 4, func(f *fixture) []table.Op { return []table.Op{table.Delete(shardKey(f.tenant, 2))} }, kept},
		{"the last shard is missing", 4, func(f *fixture) []table.Op { return []table.Op{table.Delete(shardKey(f.tenant, 3))} }, kept},
		{"the first of several shards is missing", 4, func(f *fixture) []table.Op { return []table.Op{table.Delete(shardKey(f.tenant, 0))} }, lost},
		{"the only shard is missing", 1, func(f *fixture) []table.Op { return []table.Op{table.Delete(shardKey(f.tenant, 0))} }, lost},
		{"a part of a limit", 4, func(f *fixture) []table.Op { return f.counted(1, attrSeatLimit, 5) }, kept},
		{"the number of shards is lost", 4, func(f *fixture) []table.Op {
			return []table.Op{table.Update(shardKey(f.tenant, 0), table.Change{Remove: []string{attrShards}})}
		}, kept},
		{"a ledger of an earlier version", 1, func(f *fixture) []table.Op {
			return []table.Op{table.Update(shardKey(f.tenant, 0), table.Change{Remove: []string{attrMoves}, Add: map[string]int64{attrSeats: 1}})}
		}, kept},
	} {
		t.Run(tt.name, func(t *testing.T) {
			enginetest.RunOn(t, enginetest.Plain(), func(t *testing.T, open func(t testing.TB) table.Table) {
				f := ledgerFixture(t, table.Retrying(open(t)), tt.shards)
				f.write(tt.damage(f)...)
				before, err := f.store.Audit(t.Context(), f.tenant)
				require.NoError(t, err)
				require.NotEmpty(t, before)

				dry, err := f.store.Recount(t.Context(), f.tenant, Repairer{Who: "root"})
				require.NoError(t, err)
				assert.NotEmpty(t, dry.Faults)
				assert.Empty(t, dry.Entry)
				after, err := f.store.Audit(t.Context(), f.tenant)
				require.NoError(t, err)
				assert.Equal(t, before, after, "a dry run changes something")

				done, err := f.store.Recount(t.Context(), f.tenant, Repairer{Who: "root", Apply: true})
				require.NoError(t, err)
				assert.Equal(t, dry.Change, done.Change)
				f.wantNoFaults()
				l, err := f.store.Ledger(t.Context(), f.tenant)
				require.NoError(t, err)
				l.Moves = 0
				assert.Equal(t, tt.want, l)
				read, err := f.store.Entries(t.Context(), f.tenant, []string{done.Entry})
				require.NoError(t, err)
				e := read[done.Entry]
				assert.Equal(t, []any{journal.Repair, journal.Repaired, "root", done.Change}, []any{e.Operation, e.Action, e.Who, e.Detail})

				again, err := f.store.Recount(t.Context(), f.tenant, Repairer{Apply: true})
				require.NoError(t, err)
				assert.Equal(t, Recounted{}, again, "a sound ledger is written")
			})
		})
	}
}

// hooked is a table with requests of others, before each query and each write.
type hooked struct {
	table.Table

	calls atomic.Int64
	do    func(n int64)
	write func() // nil, or only before each write
}

func (h *hooked) Query(ctx context.Context, q table.Query) (table.Page, error) {
	h.do(h.calls.Add(1))
	return h.Table.Query(ctx, q)
}

func (h *hooked) Write(ctx context.Context, tx table.Transaction) error {
	h.do(h.calls.Add(1))
	if h.write != nil {
		h.write()
	}
	return h.Table.Write(ctx, tx)
}

// One request at any point of a recount: the counts are exact afterwards.
func TestRecount_IsExactWhateverRequestComesBetween(t *testing.T) {
	requests := map[string]func(f *fixture){
		"a user is created": func(f *fixture) { f.must(f.hire(f.store, "new")) },
		"a user is deleted": func(f *fixture) { f.deleteUser("u1") },
		"one is created, one deleted": func(f *fixture) {
			f.must(f.hire(f.store, "new"))
			f.deleteUser("u1")
		},
		"a group is created":   func(f *fixture) { f.group("g2") },
		"shards are added":     func(f *fixture) { _, err := f.store.AddShards(f.t.Context(), f.tenant); f.must(err) },
		"shards are merged":    func(f *fixture) { f.must(f.store.merge(f.t.Context(), f.tenant)) },
		"the limit is changed": func(f *fixture) { f.must(f.store.SetSeatLimit(f.t.Context(), f.tenant, 7, f.now())) },
		"an older version creates a user": func(f *fixture) {
			f.must(f.hire(f.store, "new"))
			f.write(table.Update(shardKey(f.tenant, 0), table.Change{Add: map[string]int64{attrMoves: -1}}))
		},
		"another recount is done": func(f *fixture) {
			_, err := f.store.Recount(f.t.Context(), f.tenant, Repairer{Apply: true})
			f.must(err)
		},
	}
	for name, request := range requests {
		for _, shards := range []int{1, 4} {
			t.Run(fmt.Sprintf("%s, %d shards", name, shards), func(t *testing.T) {
				for at, met := int64(1), true; met; at++ {
					f := ledgerFixture(t, enginetest.Memory(t), shards)
					f.write(f.counted(0, attrSeats, 3)...)
					h := &hooked{Table: f.table}
					h.do = func(n int64) {
						if n == at {
							request(f)
						}
					}
					_, err := f.on(h).Recount(t.Context(), f.tenant, Repairer{Apply: true})
					require.NoErrorf(t, err, "before call %d", at)
					met = h.calls.Load() >= at
					faults, err := f.store.Audit(t.Context(), f.tenant)
					require.NoError(t, err)
					for _, fault := range faults {
						assert.Truef(t, fault.Unfinished, "before call %d: %s", at, fault)
					}
				}
			})
		}
	}
}

// Requests all the time: the recount either is exact or refuses, and succeeds when they
// stop.
func TestRecount_UnderTrafficIsExactOrRefused(t *testing.T) {
	f := ledgerFixture(t, table.Retrying(enginetest.Memory(t)), 4)
	f.must(f.store.SetSeatLimit(t.Context(), f.tenant, 100_000, f.now()))
	f.write(f.counted(0, attrSeats, 3)...)
	refused := 0
	for range 5 {
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		for range 4 {
			running.Go(func() {
				for ctx.Err() == nil {
					assert.NoError(t, f.hire(f.store, f.newID()))
				}
			})
		}
		done, err := f.store.Recount(t.Context(), f.tenant, Repairer{Apply: true})
		stop()
		running.Wait()
		if err != nil {
			require.ErrorIs(t, err, ErrMoving)
			refused++
			continue
		}
		if done.Entry != "" {
			f.wantNoFaults()
		}
	}
	t.Logf("%d of 5 refused", refused)
	_, err := f.store.Recount(t.Context(), f.tenant, Repairer{Apply: true})
	require.NoError(t, err)
	f.wantNoFaults()
}

// late is a table on which the users of one transaction are visible after its write of the
// ledger: the first reads of the users do not have them.
type late struct {
	table.Table

	hidden string
	left   int
}

func (l *late) Query(ctx context.Context, q table.Query) (table.Page, error) {
	page, err := l.Table.Query(ctx, q)
	if len(page.Items) > 0 && page.Items[0].Partition == "T#acme#USERS" && l.left > 0 {
		l.left--
		var seen []table.Item
		for _, item := range page.Items {
			if item.Sort != l.hidden {
				seen = append(seen, item)
			}
		}
		page.Items = seen
	}
	return page, err
}

// DynamoDB shows the items of a transaction one after the other: a user that is not
// visible yet, and is counted already, is not lost.
func TestRecount_CountsAUserThatIsNotVisibleYet(t *testing.T) {
	f := ledgerFixture(t, enginetest.Memory(t), 1)
	f.write(f.counted(0, attrSeats, 3)...)
	done, err := f.on(&late{Table: f.table, hidden: "b", left: 1}).Recount(t.Context(), f.tenant, Repairer{Apply: true})
	require.NoError(t, err)
	assert.NotEmpty(t, done.Entry)
	f.wantNoFaults()

	v, err := f.on(&late{Table: f.table, hidden: "b", left: 1}).Verify(t.Context(), f.tenant)
	require.NoError(t, err)
	assert.Empty(t, v.Faults)
}

func TestRecount_RefusesATenantThatEnds(t *testing.T) {
	f := ledgerFixture(t, enginetest.Memory(t), 1)
	f.end()
	_, err := f.store.Recount(t.Context(), f.tenant, Repairer{Apply: true})
	require.ErrorIs(t, err, tenant.ErrEnding)
	_, err = f.store.Recount(t.Context(), mustID(t, "globex"), Repairer{Apply: true})
	require.ErrorIs(t, err, tenant.ErrNotFound)
}

// A recount is a change of the ledger by the application, which the log names.
func TestRecount_IsLogged(t *testing.T) {
	for _, shards := range []int{1, 4} {
		f := ledgerFixture(t, testMemory(t), shards)
		f.write(f.counted(0, attrSeats, 3)...)
		before := f.ledgerMoves()
		done, err := f.store.Recount(t.Context(), f.tenant, Repairer{Who: "root@acme.test", Apply: true})
		f.must(err)
		require.NotEqual(t, before, f.ledgerMoves(), "a request that read the ledger before must not find it as it was")
		read, err := f.store.Entries(t.Context(), f.tenant, []string{done.Entry})
		f.must(err)
		e := read[done.Entry]
		require.Equal(t, []any{journal.ByApplication, "root@acme.test", journal.Repair, journal.Repaired, int64(-3), int64(0)},
			[]any{e.By, e.Who, e.Operation, e.Action, e.Seats, e.Readers})
		f.must(f.hire(f.store, "c"))
		f.wantNoFaults()
	}
}

// ledgerMoves returns the number of writes of the first shard.
func (f *fixture) ledgerMoves() int64 {
	f.t.Helper()
	return f.shards()[0].moves()
}

// A higher limit of several shards is spread over them.
func TestChangeTenant_SpreadsAHigherLimit(t *testing.T) {
	f := ledgerFixture(t, testMemory(t), 4)
	before, ok, err := f.store.Tenant(t.Context(), f.tenant)
	f.must(err)
	require.True(t, ok)
	after := before
	after.MaxSeats, after.MaxReaders = 4000, 8000
	f.must(f.store.ChangeTenant(t.Context(), before, after, f.now()))
	for _, s := range f.shards() {
		require.GreaterOrEqual(t, s.item.Attributes.Number(attrSeatLimit), int64(500), "shard %d", s.number)
		require.GreaterOrEqual(t, s.item.Attributes.Number(attrReaderLimit), int64(1000), "shard %d", s.number)
	}
	f.wantNoFaults()
}
