package store

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/table/tabletest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// ledgerMachine is a tenant whose users take and free seats, one request after the other,
// in two processes that meet faults. A request's outcome is known: with several shards it
// must be what it is with one.
type ledgerMachine struct {
	*fixture
	// processes know the shards as each has read them last.
	processes []*Store
	held      map[string]directory.Holding
	created   int
	seats     int64
	readers   int64
	limits    limits
	groups    map[string]bool
	reached   map[string]int
}

func newLedgerMachine(t *rapid.T, tb testing.TB, reached map[string]int) *ledgerMachine {
	m := &ledgerMachine{
		held: map[string]directory.Holding{}, groups: map[string]bool{}, limits: limits{10, 10}, reached: reached,
	}
	m.fixture = newFixture(tb, enginetest.Memory(tb), time.Now())
	seed := rapid.Uint64().Draw(t, "seed")
	faulty := tabletest.NewFault(m.table, seed, tabletest.FaultPlan{
		WriteRates: map[tabletest.FaultKind]float64{
			tabletest.Throttled: 0.03, tabletest.Conflicting: 0.03, tabletest.AnswerLost: 0.06, tabletest.RequestLost: 0.03,
		},
		ReadRates: map[tabletest.FaultKind]float64{tabletest.Unavailable: 0.05},
	})
	conflicting := tabletest.NewConflict(faulty, tabletest.ConflictOptions{Rate: 0.2, Mixed: true, Seed: seed})
	for i := range 2 {
		retrying := table.Retrying(conflicting, table.RetryJitter(func(time.Duration) time.Duration { return 0 }))
		s := m.on(retrying)
		s.pick = rand.New(rand.NewPCG(seed, uint64(i))).Int64N
		m.processes = append(m.processes, s)
	}
	return m
}

func (m *ledgerMachine) process(t *rapid.T) *Store {
	return m.processes[rapid.IntRange(0, 1).Draw(t, "process")]
}

// change changes what a user holds, and checks the outcome.
func (m *ledgerMachine) change(t *rapid.T, id string, to directory.Holding) {
	was := m.held[id]
	set := func(u *directory.User) {
		u.Active, u.Type = to != directory.HoldsNothing, tenant.User
		if to == directory.HoldsReader {
			u.Type = tenant.Reader
		}
		u.Doc = fmt.Appendf(nil, `{"id":%q,"userName":%q,"active":%t}`, id, id, u.Active)
	}
	var c directory.Change
	if id == "" {
		m.created++
		id = fmt.Sprint("u", m.created)
		c.After = person(id)
		set(c.After)
		c.After.Doc = fmt.Appendf(nil, `{"id":%q,"userName":%q,"active":%t,"emails":[{"value":%q}],"externalId":%q}`, id, id, c.After.Active, id+"@example.com", id)
		c.After.Held[directory.ExternalID] = directory.HashExternalID(id)
	} else {
		c = m.changed(id, func(u *directory.User) {
			set(u)
			u.Doc = fmt.Appendf(nil, `{"id":%q,"userName":%q,"active":%t,"emails":[{"value":%q}],"externalId":%q}`, id, id, u.Active, id+"@example.com", id)
		})
	}
	c.Entry, c.Expires = m.entry("modify", "updated", "User", id), m.now().Add(time.Hour)
	m.commits(t, id, was, to, func(s *Store) error { return s.Commit(m.t.Context(), m.tenant, c) })
}

// commits sends a change until it is committed or refused for good, and checks that it is
// refused exactly if the limit is reached.
func (m *ledgerMachine) commits(t *rapid.T, id string, was, to directory.Holding, commit func(s *Store) error) {
	seats, readers := m.seats, m.readers
	for holding, n := range map[directory.Holding]int64{was: -1, to: 1} {
		if was == to {
			break
		}
		switch holding {
		case directory.HoldsSeat:
			seats += n
		case directory.HoldsReader:
			readers += n
		case directory.HoldsNothing:
		}
	}
	full := seats > m.seats && m.seats >= m.limits.seats || readers > m.readers && m.readers >= m.limits.readers
	s := m.process(t)
	var failed *directory.CommitError
	err := commit(s)
	for tries := 0; errors.As(err, &failed) && failed.Incomplete && tries < 50; tries++ {
		err = commit(s) // decided again
	}
	if full {
		require.ErrorAs(t, err, &failed, "a seat too many, %s of %+v", m, m.limits)
		require.Len(t, failed.Failed, 1)
		require.Equal(t, directory.LedgerFull, failed.Failed[0].Found)
		l := *failed.Failed[0].Ledger
		l.Moves = 0
		require.Equal(t, directory.Ledger{
			Seats: m.seats, SeatLimit: m.limits.seats, Readers: m.readers, ReaderLimit: m.limits.readers,
			Users: int64(len(m.held)), Groups: int64(len(m.groups)),
		}, l, "the counts of the refusal")
		m.reached["refused"]++
		if s.shards.number(m.tenant) > 1 {
			m.reached["refused by several shards"]++
		}
		return
	}
	require.NoError(t, err, "a wrong refusal: %s of %+v", m, m.limits)
	m.seats, m.readers = seats, readers
	m.held[id] = to
}

// String returns what is in use.
func (m *ledgerMachine) String() string {
	return fmt.Sprintf("%d seats, %d readers", m.seats, m.readers)
}

func (m *ledgerMachine) anyUser(t *rapid.T) string {
	if len(m.held) == 0 {
		t.Skip("no user")
	}
	return rapid.SampledFrom(slices.Sorted(maps.Keys(m.held))).Draw(t, "user")
}

var anyHolding = rapid.SampledFrom([]directory.Holding{
	directory.HoldsSeat, directory.HoldsSeat, directory.HoldsSeat, directory.HoldsReader, directory.HoldsReader, directory.HoldsNothing,
})

// limit changes the limits, as an administrator does who has read them.
func (m *ledgerMachine) limit(t *rapid.T, after limits) {
	s := m.process(t)
	before, ok, err := s.Tenant(m.t.Context(), m.tenant)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, m.limits, limits{before.MaxSeats, before.MaxReaders}, "the limits as read")
	changed := before
	changed.MaxSeats, changed.MaxReaders = after.seats, after.readers
	err = s.ChangeTenant(m.t.Context(), before, changed, m.now())
	for tries := 0; errors.Is(err, tenant.ErrChanged) && tries < 50; tries++ {
		err = s.ChangeTenant(m.t.Context(), before, changed, m.now())
	}
	require.NoError(t, err)
	m.limits = after
}

// check compares the ledger with the requests, and each shard with its part.
func (m *ledgerMachine) check(t *rapid.T) {
	want := directory.Ledger{
		Seats: m.seats, SeatLimit: m.limits.seats, Readers: m.readers, ReaderLimit: m.limits.readers,
		Users: int64(len(m.held)), Groups: int64(len(m.groups)),
	}
	for _, s := range append(m.processes, m.store) {
		got, err := s.Ledger(m.t.Context(), m.tenant)
		require.NoError(t, err)
		got.Moves = 0
		require.Equal(t, want, got)
	}
	read := m.fixture.shards()
	require.True(t, read.isWhole(), "the shards are %v", read)
	m.reached[fmt.Sprint(len(read), " shards")]++
	for _, s := range read {
		if s.Seats < 0 {
			m.reached["a shard below nothing"]++
		}
		require.True(t, len(read) == 1 || s.free(directory.HoldsSeat) >= 0 && s.free(directory.HoldsReader) >= 0, "shard %d is above its limit", s.number)
	}
}

// TestLedger_OfShardsIsThatOfOne runs histories of one request after the other against a
// ledger of any number of shards: each is refused exactly if it is refused by a ledger of
// one, and the counts and limits are the same.
func TestLedger_OfShardsIsThatOfOne(t *testing.T) {
	reached := map[string]int{}
	history := func(rt *rapid.T) {
		m := newLedgerMachine(rt, t, reached)
		anyLimit := rapid.OneOf(rapid.Int64Range(0, 40), rapid.Just(int64(tenant.Unlimited)))
		rt.Repeat(map[string]func(*rapid.T){
			"":        m.check,
			"create":  func(t *rapid.T) { m.change(t, "", anyHolding.Draw(t, "as")) },
			"create2": func(t *rapid.T) { m.change(t, "", anyHolding.Draw(t, "as")) },
			"change":  func(t *rapid.T) { m.change(t, m.anyUser(t), anyHolding.Draw(t, "as")) },
			"change2": func(t *rapid.T) { m.change(t, m.anyUser(t), anyHolding.Draw(t, "as")) },
			"purge": func(t *rapid.T) {
				id := m.anyUser(t)
				c := m.changed(id, func(*directory.User) {})
				c.After, c.Entry, c.Expires = nil, m.entry("delete", "purged", "User", id), m.now().Add(time.Hour)
				m.commits(t, id, m.held[id], directory.HoldsNothing, func(s *Store) error { return s.Purge(m.t.Context(), m.tenant, c) })
				delete(m.held, id)
			},
			"limits": func(t *rapid.T) {
				m.limit(t, limits{anyLimit.Draw(t, "seats"), anyLimit.Draw(t, "readers")})
			},
			"raise": func(t *rapid.T) {
				after := m.limits
				if after.seats != tenant.Unlimited {
					after.seats += rapid.Int64Range(0, 200).Draw(t, "more seats")
				}
				m.limit(t, after)
			},
			"grow": func(t *rapid.T) {
				_, err := m.process(t).AddShards(m.t.Context(), m.tenant)
				require.NoError(t, err)
			},
			"merge": func(t *rapid.T) {
				if rapid.IntRange(0, 3).Draw(t, "rarely") == 0 {
					require.NoError(t, m.process(t).merge(m.t.Context(), m.tenant))
				}
			},
			"move": func(t *rapid.T) {
				kind := rapid.SampledFrom([]directory.Holding{directory.HoldsSeat, directory.HoldsReader}).Draw(t, "of")
				if m.process(t).rebalance(m.t.Context(), m.tenant, m.fixture.shards(), kind) {
					m.reached["moved"]++
				}
			},
		})
		faults, err := m.store.Audit(m.t.Context(), m.tenant)
		require.NoError(rt, err)
		require.Empty(rt, faults)
	}
	wanted := []string{"refused", "refused by several shards", "1 shards", "4 shards", "16 shards", "32 shards", "a shard below nothing", "moved"}
	missing := func(what string) bool { return reached[what] == 0 }
	rapid.Check(t, history)
	// Few histories move free seats between shards: there are more until one does.
	for round := 0; round < 20 && slices.ContainsFunc(wanted, missing); round++ {
		rapid.Check(t, history)
	}
	require.False(t, slices.ContainsFunc(wanted, missing), "no history has one of %q: %v", wanted, reached)
	t.Log(reached)
}
