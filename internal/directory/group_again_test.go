package directory_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/provlog"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/resource"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// meddled is a table that runs a function before each write.
type meddled struct {
	table.Table
	mu     sync.Mutex // of the numbers
	writes int
	ops    int // of the largest transaction
	before func(write int, tx table.Transaction)
}

func (m *meddled) Write(ctx context.Context, tx table.Transaction) error {
	m.mu.Lock()
	m.writes++
	m.ops = max(m.ops, len(tx.Ops))
	write := m.writes
	m.mu.Unlock()
	if m.before != nil {
		m.before(write, tx)
	}
	return m.Table.Write(ctx, tx)
}

// meddle returns a fixture and a second instance of it on a meddled table.
func meddle(t *testing.T) (f *fixture, d *directory.Directory, m *meddled) {
	t.Helper()
	raw := enginetest.Memory(t)
	f = newFixture(t, func(testing.TB) table.Table { return raw }, 0, 0)
	m = &meddled{Table: raw}
	return f, f.on(table.Retrying(m)), m
}

func (f *fixture) patchBy(d *directory.Directory, id, operations string) (directory.GroupResult, error) {
	f.t.Helper()
	patch, err := resource.DecodePatch([]byte(`{"schemas":["` + scim.PatchURN + `"],"Operations":[` + operations + `]}`))
	require.NoError(f.t, err)
	return d.ModifyGroup(context.Background(), f.tenant, f.by(), id, nil, patch)
}

// A change is given up after a bounded number of tries, and leaves no trace, if
// the state of its member changes after every read.
func TestGroup_DecidesABoundedNumberOfTimes(t *testing.T) {
	f, d, m := meddle(t)
	ids := f.people(2)
	id := f.mustPostGroup(group("g"))
	m.before = func(_ int, tx table.Transaction) {
		for _, op := range tx.Ops {
			if !strings.Contains(op.Key.Partition, "#G#"+id) || op.Key.Sort != ids[0] {
				continue
			}
			if op.Kind == table.OpCheck { // the check that a user is a member
				f.mustPatchGroup(id, remove(ids[0]))
			} else {
				f.mustPatchGroup(id, add(ids[0]))
			}
		}
	}
	_, err := f.patchBy(d, id, add(ids...))
	assert.ErrorIsf(t, err, directory.ErrBusy, "%v, want ErrBusy", err)
	assert.Truef(t, m.writes <= 25, "sent %d times", m.writes)
	assert.False(t, slices.Contains(f.members(id), ids[1]), "the refused request was applied in part")
}

// A request changes nothing only if that was true at one moment: here one of
// several leaving members joins again while they are looked up.
func TestGroup_UnchangedAtOneMoment(t *testing.T) {
	for name, many := range map[string]int{"few": 2, "as many as fit": directory.MaxJoined, "many": directory.MaxJoined + 1} {
		t.Run(name, func(t *testing.T) {
			f, d, m := meddle(t)
			ids := f.people(many)
			id := f.mustPostGroup(group("g", ids...))
			m.before = func(write int, _ table.Transaction) {
				if write == 2 { // the first finds the absent members, the second checks the others
					f.mustPatchGroup(id, remove(ids[0]))
				}
			}
			if many > directory.MaxJoined {
				// Nothing is written; the group is read again.
				meddling := &meddledRead{Table: m.Table, in: "#G#" + id, after: func() { f.mustPatchGroup(id, remove(ids[0])) }}
				d = f.on(table.Retrying(meddling))
			}
			result, err := f.patchBy(d, id, add(ids...))
			assert.Truef(t, err == nil && result.Action == journal.Updated && result.Added == 1, "%v: %s, %d added", err, result.Action, result.Added)
			f.wantMembers(id, ids...)
			assert.Truef(t, m.ops <= table.MaxOps, "a transaction of %d operations", m.ops)
			f.check(0)
		})
	}
}

// meddledRead is a table that runs a function once, after the first read of
// items in a partition whose name contains a text.
type meddledRead struct {
	table.Table
	in    string
	after func()
}

func (m *meddledRead) Get(ctx context.Context, keys ...table.Key) (map[table.Key]table.Item, error) {
	items, err := m.Table.Get(ctx, keys...)
	if after := m.after; after != nil && slices.ContainsFunc(keys, func(k table.Key) bool { return strings.Contains(k.Partition, m.in) }) {
		m.after = nil
		after()
	}
	return items, err
}

// Many members join a group that keeps changing: each time the change is to be
// accepted, another user has just joined. Members that were already present are
// not counted.
func TestGroup_ManyJoinWhileOthersJoin(t *testing.T) {
	f, d, m := meddle(t)
	ids, others := f.people(40), f.people(60)
	id := f.mustPostGroup(group("g", ids[:20]...))
	joined := 0
	m.before = func(int, table.Transaction) {
		f.mustPatchGroup(id, add(others[joined]))
		joined++
	}
	result, err := f.patchBy(d, id, add(ids...))
	assert.Truef(t, err == nil && result.Added == 20 && len(result.Skipped) == 0, "%v: %d added, %d skipped", err, result.Added, len(result.Skipped))
	f.wantMembers(id, slices.Concat(ids, others[:joined])...)
	result, err = f.patchBy(d, id, remove(append(slices.Clone(ids), others[58])...))
	assert.Truef(t, err == nil && result.Removed == 40, "%v: %d removed, want 40", err, result.Removed)
	f.wantMembers(id, others[:joined]...)
	f.check(0)
}

// A rename and members, half of them present, fit into one transaction, with
// a condition for each member that is left out.
func TestGroup_SkippedMembersFitIntoOneTransaction(t *testing.T) {
	f, d, m := meddle(t)
	ids := f.people(directory.MaxJoined)
	id := f.mustPostGroup(group("g", ids[:15]...))
	operations := `{"op":"replace","value":{"displayName":"h","externalId":"e"}},` + add(ids[10:]...) + "," + remove(ids[:10]...)
	_, err := f.patchBy(d, id, operations)
	require.NoError(t, err)
	assert.Truef(t, m.writes == 2 && m.ops <= table.MaxOps, "%d transactions of at most %d operations", m.writes, m.ops)
	f.wantMembers(id, ids[10:]...)
	f.check(0)
}

// One of many members joins by another request while their change is decided: it is counted
// once, and joins once.
func TestGroup_ManyJoinWhileOneOfThemJoins(t *testing.T) {
	f, d, m := meddle(t)
	ids := f.people(40)
	id := f.mustPostGroup(group("g"))
	m.before = func(write int, _ table.Transaction) {
		if write == 1 {
			f.mustPatchGroup(id, add(ids[39]))
		}
	}
	result, err := f.patchBy(d, id, add(ids...))
	require.NoError(t, err)
	require.Equal(t, 39, result.Added)
	f.wantMembers(id, ids...)
	f.check(0)
}

// A change of a group that keeps changing is accepted as it was sent if it names as many
// members as one request may change; a larger one is answered as busy.
func TestGroup_AcceptsAsManyMembersAsMayChange(t *testing.T) {
	for more := range 2 {
		f, d, m := meddle(t)
		others := f.people(8)
		ids := f.people(1 + more)
		id := f.mustPostGroup(group("g", ids[1:]...)) // a member who is there does not count
		for len(ids) < directory.MaxMembers+more {
			ids = append(ids, newID())
		}
		joined := 0
		m.before = func(int, table.Transaction) {
			f.mustPatchGroup(id, add(others[min(joined, 7)]))
			joined++
		}
		result, err := f.patchBy(d, id, add(ids...))
		if more > 0 {
			require.ErrorIs(t, err, directory.ErrBusy)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, 1, result.Added)
		require.Len(t, result.Skipped, directory.MaxMembers-1)
	}
}

// The answer to a change that was accepted as it was sent names the attributes that its entry
// in the log names.
func TestGroup_AcceptedChangeIsLoggedAsAnswered(t *testing.T) {
	f, d, m := meddle(t)
	ids, others := f.people(40), f.people(9)
	id := f.mustPostGroup(group("g", ids...))
	joined := 0
	m.before = func(int, table.Transaction) {
		f.mustPatchGroup(id, add(others[min(joined, 8)]))
		joined++
	}
	result, err := f.patchBy(d, id, `{"op":"replace","path":"displayName","value":"h"},`+add(ids...))
	require.NoError(t, err)
	page, err := f.store.EntryPage(t.Context(), f.tenant, provlog.Span{Limit: 50})
	require.NoError(t, err)
	at := slices.IndexFunc(page.Items, func(e journal.Entry) bool {
		return slices.Contains(e.Changed, "displayName") && e.Action == journal.Updated
	})
	require.GreaterOrEqual(t, at, 0)
	require.Equal(t, page.Items[at].Changed, result.Changed)
	f.check(0)
}

// A group that changes while it is deleted is deleted unless the request names a version.
func TestDeleteGroup_WithAVersionMeetsAChange(t *testing.T) {
	for _, n := range []int{3, directory.MaxJoined + 5} {
		for _, named := range []bool{false, true} {
			f, d, m := meddle(t)
			ids := f.people(n + 1)
			id := f.mustPostGroup(group("g", ids[:n]...))
			var match directory.Versions
			if named {
				match = directory.Versions{f.version(id)}
			}
			m.before = func(write int, _ table.Transaction) {
				if write == 1 {
					f.mustPatchGroup(id, add(ids[n]))
				}
			}
			_, err := d.DeleteGroup(t.Context(), f.tenant, f.by(), id, match)
			if named {
				require.ErrorIs(t, err, directory.ErrVersion, "%d members", n)
				f.wantMembers(id, ids...)
				continue
			}
			require.NoError(t, err, "%d members", n)
			_, err = f.dir.Group(t.Context(), f.tenant, id)
			require.ErrorIs(t, err, directory.ErrNoGroup)
			f.sweep()
			f.check(0)
		}
	}
}

// A set that replaces the members is the whole set, whoever joins while the difference is
// worked out.
func TestReplaceMembers_WhileAnotherJoins(t *testing.T) {
	for name, c := range map[string]struct{ before, leave int }{
		"a small difference": {5, 2}, "a large difference": {100, 35}, "a new set": {50, 40},
	} {
		f, d, m := meddle(t)
		ids := f.people(c.before + 1)
		id := f.mustPostGroup(group("g", ids[:c.before]...))
		m.before = func(write int, _ table.Transaction) {
			if write == 1 {
				f.mustPatchGroup(id, add(ids[c.before]))
			}
		}
		_, err := f.patchBy(d, id, replace(ids[c.leave:c.before]...))
		require.NoError(t, err, name)
		f.wantMembers(id, ids[c.leave:c.before]...)
		f.sweep()
		f.check(0)
	}
}

// Many ids that are no users join a group that keeps changing: there is nothing to accept.
func TestGroup_StrangersJoinAGroupThatKeepsChanging(t *testing.T) {
	f, d, m := meddle(t)
	others, strangers := f.people(9), make([]string, 40)
	for i := range strangers {
		strangers[i] = newID()
	}
	id := f.mustPostGroup(group("g"))
	joined := 0
	m.before = func(int, table.Transaction) {
		f.mustPatchGroup(id, add(others[min(joined, 8)]))
		joined++
	}
	_, err := f.patchBy(d, id, `{"op":"replace","path":"displayName","value":"h"},`+add(strangers...))
	require.True(t, err == nil || errors.Is(err, directory.ErrBusy), "%v", err)
	f.wantMembers(id, others[:joined]...)
	f.check(0)
}
