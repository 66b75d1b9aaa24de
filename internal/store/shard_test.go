package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/table/meter"
	"github.com/rollcall-scim/rollcall/internal/table/tabletest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

func TestGrowth(t *testing.T) {
	for n, want := range map[int]int{1: 4, 2: 4, 3: 4, 4: 16, 15: 16, 16: 32, 31: 32, 32: 32} {
		assert.Equal(t, want, growth(n), "%d shards", n)
	}
}

func TestShards_ChooseInProportionToTheFreeSeats(t *testing.T) {
	r := shards{
		{number: 0, Ledger: directory.Ledger{Seats: 5, SeatLimit: 5}},
		{number: 1, Ledger: directory.Ledger{Seats: 2, SeatLimit: 5, Readers: 1, ReaderLimit: 1}},
		{number: 2, Ledger: directory.Ledger{Seats: -4, SeatLimit: -3, ReaderLimit: 1}},
	}
	at := func(n int64) func(int64) int64 { return func(int64) int64 { return n } }
	for _, tt := range []struct {
		kind   directory.Holding
		at     int64
		number int
		ok     bool
	}{
		{directory.HoldsSeat, 0, 1, true},
		{directory.HoldsSeat, 2, 1, true},
		{directory.HoldsSeat, 3, 2, true},
		{directory.HoldsReader, 0, 2, true},
		{directory.HoldsNothing, 0, 0, true},
	} {
		number, ok := r.choose(tt.kind, at(tt.at))
		assert.Equal(t, tt.number, number, "%q at %d", tt.kind, tt.at)
		assert.Equal(t, tt.ok, ok, "%q at %d", tt.kind, tt.at)
	}
	number, ok := r[:1].choose(directory.HoldsSeat, at(0))
	assert.False(t, ok, "no seat is free")
	assert.Zero(t, number)
	_, ok = shards(nil).choose(directory.HoldsNothing, at(0))
	assert.False(t, ok, "there is no shard")
}

func TestKnownShards_AreBounded(t *testing.T) {
	var k knownShards
	four := table.Attributes{attrShards: table.Number(4)}
	for i := range 2*maxKnown + 1 {
		k.learn(mustID(t, fmt.Sprint("t", i)), four)
		require.LessOrEqual(t, len(k.of), maxKnown)
	}
	last := mustID(t, fmt.Sprint("t", 2*maxKnown))
	assert.Equal(t, 4, k.number(last))
	k.setFull(last, directory.HoldsSeat, "print")
	assert.Equal(t, "print", k.full(last, directory.HoldsSeat))
	assert.Empty(t, k.full(last, directory.HoldsReader))
	k.learn(last, four)
	assert.Equal(t, "print", k.full(last, directory.HoldsSeat), "nothing new was learned")
	k.learn(last, table.Attributes{attrShards: table.Number(16)})
	assert.Empty(t, k.full(last, directory.HoldsSeat), "of other shards")
	k.forget(last)
	assert.Equal(t, 1, k.number(last))
}

// half is a table whose reads show one half of a transaction for a while.
type half struct {
	table.Table
	stale map[table.Key]table.Item
	reads int
}

func (h *half) Query(ctx context.Context, q table.Query) (table.Page, error) {
	page, err := h.Table.Query(ctx, q)
	if h.reads--; h.reads >= 0 {
		for i, item := range page.Items {
			if stale, ok := h.stale[item.Key]; ok {
				page.Items[i] = stale
			}
		}
	}
	return page, err
}

// A free seat that is being moved is in neither shard for a reader that sees the giving
// one after the move, and the receiving one before it.
func TestCommit_IsNotRefusedForASeatThatMoves(t *testing.T) {
	f := newFixture(t, enginetest.Memory(t), time.Now())
	f.split(4)
	for i, s := range f.shards() { // one seat is free, in shard 3
		seats := s.SeatLimit
		if i == 3 {
			seats--
		}
		f.write(set(shardKey(f.tenant, i), attrSeats, table.Number(seats))...)
	}
	receives := f.shards()[2].item
	move := func(shard int, n int64) table.Op {
		return table.Update(shardKey(f.tenant, shard), table.Change{Add: map[string]int64{attrSeatLimit: n, attrMoves: 1}})
	}
	f.write(move(3, -1), move(2, 1))
	h := &half{Table: f.table, stale: map[table.Key]table.Item{receives.Key: receives}, reads: 5}
	s := f.on(h)
	s.pick = func(int64) int64 { return 0 }
	s.shards.learn(f.tenant, f.shards()[0].item.Attributes)
	require.NoError(t, f.commitUser(s, directory.Change{After: person("u1")}), "a wrong refusal")
	require.EqualValues(t, 10, f.shards().sum().Seats)
}

// A merge adds what it has read. A shard that was merged by another one meanwhile, and added
// again, has other counts and limits, though as few writes.
func TestMerge_KnowsAShardThatWasAddedAgain(t *testing.T) {
	f := newFixture(t, enginetest.Memory(t), time.Now())
	f.split(4)
	stale := f.shards()
	require.NoError(t, f.store.merge(t.Context(), f.tenant))
	f.write(set(ledgerKey(f.tenant), attrSeatLimit, table.Number(stale.sum().SeatLimit+40))...)
	f.split(4)
	again := f.shards()
	require.NotEqual(t, stale[1].SeatLimit, again[1].SeatLimit)
	err := f.store.write(t.Context(), time.Now().Add(time.Second), stale.mergeOps(f.tenant, 3)...)
	var failed *table.ConditionError
	require.ErrorAs(t, err, &failed)
	require.Equal(t, again.print(), f.shards().print(), "nothing was merged")
}

// A refusal by several shards costs one transaction and one read, once the process has
// seen them full; one of a ledger of one shard costs the transaction.
func TestCommit_RefusalCosts(t *testing.T) {
	for shards, want := range map[int]int{1: 1, 4: 2} {
		f := newFixture(t, enginetest.Memory(t), time.Now())
		if shards > 1 {
			f.split(shards)
		}
		for _, s := range f.shards() {
			f.write(set(shardKey(f.tenant, s.number), attrSeats, table.Number(s.SeatLimit))...)
		}
		s := f.on(meter.New(f.table))
		var trips []int
		for i := range 3 {
			ctx, usage := table.WithUsage(t.Context())
			c := directory.Change{After: person(fmt.Sprint("u", i)), Entry: f.entry("create", "created", "User", "u"), Expires: f.now()}
			var failed *directory.CommitError
			require.ErrorAs(t, s.Commit(ctx, f.tenant, c), &failed)
			require.Equal(t, directory.LedgerFull, failed.Failed[0].Found)
			require.EqualValues(t, 10, failed.Failed[0].Ledger.Seats)
			require.EqualValues(t, 10, failed.Failed[0].Ledger.SeatLimit)
			trips = append(trips, usage.Counts().RoundTrips)
		}
		require.Equal(t, want, trips[2], "%d shards: %v", shards, trips)
	}
}

// full makes the four shards of a ledger full, and returns a process that has seen it. Its
// commits call meanwhile before each of their transactions, which it counts.
func (f *fixture) full(meanwhile func()) (create func(id string) error, sent *int) {
	f.t.Helper()
	f.split(4)
	for _, s := range f.shards() {
		f.write(set(shardKey(f.tenant, s.number), attrSeats, table.Number(s.SeatLimit))...)
	}
	sent = new(int)
	h := &hooked{Table: f.table}
	s := f.on(h)
	create = func(id string) error { return f.commitUser(s, directory.Change{After: person(id)}) }
	h.do = func(int64) {}
	var failed *directory.CommitError
	require.ErrorAs(f.t, create("first"), &failed)
	h.write = func() { *sent++; meanwhile() }
	return create, sent
}

// A refusal is proved by one transaction and one read, whatever else is counted meanwhile,
// unless a seat was freed and taken again.
func TestCommit_RefusalIsProvedWhileOtherCountsMove(t *testing.T) {
	for name, tt := range map[string]struct {
		moves []counts // one after the other, in shard 1
		sent  int
	}{
		"groups":                       {[]counts{{groups: 1}}, 1},
		"users without a seat":         {[]counts{{users: 1}, {users: -1}}, 1},
		"Readers":                      {[]counts{{readers: 1, users: 1}}, 1},
		"a seat is freed and taken":    {[]counts{{seats: -1}, {seats: 1}}, maxUnproved + 1},
		"a User is a Reader meanwhile": {[]counts{{seats: -1, readers: 1}, {seats: 1, readers: -1}}, maxUnproved + 1},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, enginetest.Memory(t), time.Now())
			create, sent := f.full(func() {
				for _, c := range tt.moves {
					f.write(countOp(f.tenant, 1, c))
				}
			})
			err := create("u1")
			require.Equal(t, tt.sent, *sent, "transactions")
			if tt.sent > 1 {
				require.ErrorIs(t, err, directory.ErrBusy)
				return
			}
			var failed *directory.CommitError
			require.ErrorAs(t, err, &failed)
			require.Equal(t, directory.LedgerFull, failed.Failed[0].Found)
		})
	}
}

// A part of a limit that moved, and a growth with a merge, free what was full.
func TestCommit_RefusalIsNotProvedByAnotherLedger(t *testing.T) {
	for name, change := range map[string]func(f *fixture){
		"the limit is raised": func(f *fixture) {
			f.must(f.store.SetSeatLimit(f.t.Context(), f.tenant, 14, f.now()))
		},
		"the shards are merged and added again": func(f *fixture) {
			f.must(f.store.merge(f.t.Context(), f.tenant))
			f.split(4)
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, enginetest.Memory(t), time.Now())
			f.split(4)
			before := f.shards()
			change(f)
			require.NotEqual(t, before[0].item.Attributes.Number(attrFrees), f.shards()[0].item.Attributes.Number(attrFrees))
			require.NotEqual(t, before.fullPrint(directory.HoldsSeat), f.shards().fullPrint(directory.HoldsSeat))
		})
	}
	f := newFixture(t, enginetest.Memory(t), time.Now())
	f.must(f.store.SetSeatLimit(t.Context(), f.tenant, 1000, f.now()))
	f.split(4)
	f.write(table.Update(shardKey(f.tenant, 1), table.Change{Add: map[string]int64{attrSeats: f.shards()[1].SeatLimit, attrMoves: 1}}))
	before := f.shards()
	require.True(t, f.store.rebalance(t.Context(), f.tenant, before, directory.HoldsSeat))
	require.Greater(t, f.shards()[1].item.Attributes.Number(attrFrees), before[1].item.Attributes.Number(attrFrees))
}

// contention sends creates at a rate to a ledger whose item is held for 10 ms by each
// transaction, and returns how long each took, and how many failed.
func contention(t *testing.T, seats int64, perSecond, requests int) (f *fixture, took []time.Duration, failed int) {
	t.Helper()
	f = newFixture(t, enginetest.Memory(t), time.Now())
	f.must(f.store.SetSeatLimit(t.Context(), f.tenant, seats, f.now()))
	conflicting := tabletest.NewConflict(f.table, tabletest.ConflictOptions{Hold: 10 * time.Millisecond})
	processes := make([]*Store, 8)
	for i := range processes {
		processes[i] = f.on(table.Retrying(conflicting))
	}
	var mu sync.Mutex
	var all sync.WaitGroup
	arrivals := rand.New(rand.NewPCG(1, 2))
	for i := range requests {
		time.Sleep(time.Duration(arrivals.ExpFloat64() * float64(time.Second) / float64(perSecond)))
		all.Go(func() {
			begun := time.Now()
			id := fmt.Sprint("u", i)
			err := processes[i%len(processes)].Commit(t.Context(), f.tenant, directory.Change{
				After: person(id), Entry: f.entry("create", "created", "User", id), Expires: f.now().Add(time.Hour), NotAfter: begun.Add(8 * time.Second),
			})
			mu.Lock()
			defer mu.Unlock()
			took = append(took, time.Since(begun))
			if err != nil {
				failed++
				assert.ErrorIs(t, err, directory.ErrBusy)
			}
		})
	}
	all.Wait()
	slices.Sort(took)
	return f, took, failed
}

// At 200 creates a second, each of which holds the ledger's item for 10 ms, one item is
// asked for twice what it can do. The ledger grows while they arrive.
func TestLedger_GrowsUnderContention(t *testing.T) {
	const requests = 2000
	for name, seats := range map[string]int64{"unlimited": tenant.Unlimited, "limited": 3 * requests} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, took, failed := contention(t, seats, 200, requests)
				t.Logf("p50 %s, p99 %s, longest %s, %d shards, %d failed", took[requests/2], took[requests*99/100], took[requests-1], len(f.shards()), failed)
				assert.Zero(t, failed)
				assert.Less(t, took[requests*99/100], time.Second, "the 99th percentile")
				assert.GreaterOrEqual(t, len(f.shards()), 16)
				assert.EqualValues(t, requests, f.shards().sum().Seats)
				assert.True(t, f.shards().isWhole())
			})
		})
	}
}

// The last seats are taken where they are, and none is refused while one is free.
func TestLedger_GrantsAllSeatsUnderContention(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const seats = 500
		f := newFixture(t, enginetest.Memory(t), time.Now())
		f.must(f.store.SetSeatLimit(t.Context(), f.tenant, seats, f.now()))
		f.split(16)
		s := f.on(table.Retrying(tabletest.NewConflict(f.table, tabletest.ConflictOptions{Hold: time.Millisecond})))
		var mu sync.Mutex
		var all sync.WaitGroup
		outcomes := map[string]int{}
		for i := range seats + 50 {
			if time.Sleep(3 * time.Millisecond); i == seats {
				all.Wait()
				require.Equal(t, map[string]int{"created": seats}, outcomes)
			}
			all.Go(func() {
				id := fmt.Sprint("u", i)
				err := s.Commit(t.Context(), f.tenant, directory.Change{After: person(id), Entry: f.entry("create", "created", "User", id), Expires: f.now().Add(time.Hour)})
				var failed *directory.CommitError
				outcome := "created"
				switch {
				case errors.As(err, &failed) && failed.Has(directory.LedgerFull):
					outcome = "full"
				case err != nil:
					outcome = err.Error()
				}
				mu.Lock()
				defer mu.Unlock()
				outcomes[outcome]++
			})
		}
		all.Wait()
		require.Equal(t, map[string]int{"created": seats, "full": 50}, outcomes)
	})
}

// A ledger above its limit does not grow: a seat that is freed in a new shard would be
// granted.
func TestAddShards_NotAboveTheLimit(t *testing.T) {
	f := newFixture(t, enginetest.Memory(t), time.Now())
	f.write(set(ledgerKey(f.tenant), attrSeats, table.Number(11))...)
	n, err := f.store.AddShards(t.Context(), f.tenant)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	f.write(set(ledgerKey(f.tenant), attrSeats, table.Number(10))...)
	n, err = f.store.AddShards(t.Context(), f.tenant)
	require.NoError(t, err)
	require.Equal(t, 4, n)
}

// A limit is that of the tenant while a part of it moves between two shards.
func TestLedger_HasTheLimitWhileAPartMoves(t *testing.T) {
	f := newFixture(t, enginetest.Memory(t), time.Now())
	f.split(4)
	receives := f.shards()[2].item
	move := func(shard int, n int64) table.Op {
		return table.Update(shardKey(f.tenant, shard), table.Change{Add: map[string]int64{attrSeatLimit: n, attrReaderLimit: n, attrMoves: 1}})
	}
	f.write(move(3, -1), move(2, 1))
	h := &half{Table: f.table, stale: map[table.Key]table.Item{receives.Key: receives}, reads: 12}
	l, err := f.on(h).Ledger(t.Context(), f.tenant)
	require.NoError(t, err)
	require.True(t, l.Approximate)
	require.Equal(t, []int64{10, 10}, []int64{l.SeatLimit, l.ReaderLimit})
}

// A ledger grows no further than the deployment allows, and keeps the shards that it has.
func TestAddShards_NotBeyondTheDeploymentsNumber(t *testing.T) {
	for most, want := range map[int][]int{1: {1, 1}, 4: {4, 4}, 16: {4, 16, 16}, 32: {4, 16, 32, 32}} {
		f := newFixture(t, enginetest.Memory(t), time.Now())
		f.must(f.store.SetSeatLimit(t.Context(), f.tenant, 1000, f.now()))
		s := f.on(f.table).WithShards(most)
		var got []int
		for range want {
			n, err := s.AddShards(t.Context(), f.tenant)
			f.must(err)
			got = append(got, n)
		}
		require.Equal(t, want, got, "%d at most", most)
		n, err := f.on(f.table).WithShards(1).AddShards(t.Context(), f.tenant)
		f.must(err)
		require.Equal(t, want[len(want)-1], n)
	}
}

// A tenant's limits are read from one item, whatever the number of shards.
func TestTenant_LimitsOfSeveralShards(t *testing.T) {
	f := newFixture(t, enginetest.Memory(t), time.Now())
	f.split(32)
	m := meter.New(f.table)
	ctx, usage := table.WithUsage(t.Context())
	read, ok, err := f.on(m).Tenant(ctx, f.tenant)
	require.NoError(t, err)
	require.True(t, ok)
	require.EqualValues(t, 10, read.MaxSeats)
	require.EqualValues(t, 10, read.MaxReaders)
	require.Equal(t, 1, usage.Counts().RoundTrips)
	page, _, err := f.store.Tenants(t.Context(), "", 10)
	require.NoError(t, err)
	require.EqualValues(t, 10, page[0].MaxSeats)
	require.True(t, strings.HasPrefix(page[0].ID.String(), "acme"))
}

// The shards of a ledger on both engines: grown, full, raised, used in any of them, and
// merged for a lower limit.
func TestLedger_Shards(t *testing.T) {
	enginetest.RunOn(t, enginetest.Three(), func(t *testing.T, open func(t testing.TB) table.Table) {
		t.Helper()
		f := newFixture(t, table.Retrying(open(t)), time.Now())
		f.store = New(f.table, f.newID, time.Now) // it may take longer than a write may wait
		f.split(16)
		want := func(seats, limit int64, number int) {
			t.Helper()
			l, err := f.store.Ledger(t.Context(), f.tenant)
			f.must(err)
			l.Moves = 0
			require.Equal(t, directory.Ledger{Seats: seats, SeatLimit: limit, ReaderLimit: 10, Users: 12}, l)
			require.Len(t, f.shards(), number)
		}
		create := func(i int) error {
			id := fmt.Sprint("u", i)
			c := directory.Change{After: person(id), Entry: f.entry("create", "created", "User", id), Expires: f.now().Add(time.Hour)}
			c.After.Doc = fmt.Appendf(nil, `{"id":%q,"userName":%q,"active":true,"emails":[{"value":"%s@example.com"}],"externalId":%q}`, id, id, id, id)
			c.After.Held[directory.ExternalID] = directory.HashExternalID(id)
			err := f.store.Commit(t.Context(), f.tenant, c)
			var failed *directory.CommitError
			for errors.As(err, &failed) && failed.Incomplete {
				err = f.store.Commit(t.Context(), f.tenant, c)
			}
			return err
		}
		for i := range 10 {
			require.NoError(t, create(i))
		}
		var failed *directory.CommitError
		require.ErrorAs(t, create(10), &failed)
		require.True(t, failed.Has(directory.LedgerFull))
		f.must(f.store.SetSeatLimit(t.Context(), f.tenant, 200, time.Now()))
		require.NoError(t, create(10))
		require.NoError(t, create(11))
		want(12, 200, 16)
		f.must(f.store.SetSeatLimit(t.Context(), f.tenant, 5, time.Now()))
		want(12, 5, 1)
		require.ErrorAs(t, create(12), &failed)
		require.True(t, failed.Has(directory.LedgerFull))
		faults, err := f.store.Audit(t.Context(), f.tenant)
		f.must(err)
		require.Empty(t, faults)
	})
}

// However many shards a ledger has, a token is read in one round trip. The first shard
// of several does not have the tenant's counts.
func TestAccess_CountsTheSeatsOfOneShard(t *testing.T) {
	f := newFixture(t, enginetest.Memory(t), time.Now())
	f.must(f.store.SaveToken(t.Context(), f.tenant, access.Record{ID: "k1", Hash: "h", LastFour: "abcd"}))
	f.create(person("u1"))
	for _, shards := range []int{1, 4} {
		if shards > 1 {
			f.split(shards)
		}
		s := f.on(meter.New(f.table))
		ctx, usage := table.WithUsage(t.Context())
		owner, _, ok, err := s.Access(ctx, f.tenant, "k1")
		f.must(err)
		require.True(t, ok)
		require.Equal(t, shards == 1, owner.Counted)
		if owner.Counted {
			require.Equal(t, []int64{1, 10}, []int64{owner.Seats, owner.SeatLimit})
		}
		require.Equal(t, 1, usage.Counts().RoundTrips)
		require.Equal(t, shards, s.shards.number(f.tenant), "the shards are known from the token's read")
	}
}
