package store

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/table/tabletest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// fixture is a store and one tenant, on a table and with a clock that other
// tenants may share.
type fixture struct {
	t      testing.TB
	table  table.Table
	store  *Store
	tenant tenant.ID
	clock  *fixtureClock
	ids    *atomic.Int64
	run    string // begins its ids: DynamoDB remembers those of other tests' transactions
}

// A fixtureClock moves by fixture.pass. Safe for concurrent use.
type fixtureClock struct {
	began  time.Time
	passed atomic.Int64
}

func newClock(at time.Time) *fixtureClock { return &fixtureClock{began: at} }

func (c *fixtureClock) now() time.Time { return c.began.Add(time.Duration(c.passed.Load())) }

func newFixture(t testing.TB, on table.Table, at time.Time) *fixture {
	t.Helper()
	return (&fixture{t: t, table: on, clock: newClock(at), ids: &atomic.Int64{}, run: rand.Text()[:8]}).of("acme")
}

// of returns the same table and clock with another, new tenant.
func (f *fixture) of(name string) *fixture {
	f.t.Helper()
	other := *f
	id, err := tenant.ParseID(name)
	f.must(err)
	other.tenant, other.store = id, f.on(f.table)
	f.must(other.store.CreateTenant(f.t.Context(), id, tenant.DefaultSettings(), 10, 10, f.now()))
	return &other
}

// on returns a store on another table, which may be a wrapper of this one.
func (f *fixture) on(t table.Table) *Store { return New(t, f.newID, f.now) }

func (f *fixture) now() time.Time { return f.clock.now() }

func (f *fixture) pass(d time.Duration) { f.clock.passed.Add(int64(d)) }

func (f *fixture) newID() string { return fmt.Sprint("id-", f.run, "-", f.ids.Add(1)) }

// must ends the test if a step that it depends on fails.
func (f *fixture) must(err error) {
	f.t.Helper()
	require.NoError(f.t, err)
}

// write writes to the table without the store.
func (f *fixture) write(ops ...table.Op) {
	f.t.Helper()
	f.must(f.table.Write(f.t.Context(), table.Transaction{Token: f.newID(), Ops: ops}))
}

// all reads a partition.
func (f *fixture) all(partition string) []table.Item {
	f.t.Helper()
	var items []table.Item
	f.must(f.store.scan(f.t.Context(), partition, func(i table.Item) { items = append(items, i) }))
	return items
}

// recorder is a table that records which items were written.
type recorder struct {
	table.Table
	written map[table.Key]bool
}

func (r *recorder) Write(ctx context.Context, tx table.Transaction) error {
	for _, op := range tx.Ops {
		if op.Kind != table.OpCheck {
			r.written[op.Key] = true
		}
	}
	return r.Table.Write(ctx, tx)
}

// lines returns the items that were written, as they are in the table now.
func (r *recorder) lines(t testing.TB) []string {
	t.Helper()
	var lines []string
	for key := range r.written {
		items, err := r.Get(t.Context(), key)
		require.NoError(t, err)
		item, ok := items[key]
		if !ok {
			lines = append(lines, key.Partition+" | "+key.Sort+" | gone")
			continue
		}
		lines = append(lines, line(item))
	}
	slices.Sort(lines)
	return lines
}

// line returns an item as text: partition, sort key, and the attributes by
// name, texts in quotes and numbers without.
func line(item table.Item) string {
	line := item.Partition + " | " + item.Sort + " |"
	for _, name := range slices.Sorted(maps.Keys(item.Attributes)) {
		if v := item.Attributes[name]; v.IsNumber() {
			line += fmt.Sprintf(" %s=%d", name, v.Number())
		} else {
			line += fmt.Sprintf(" %s=%q", name, v.Text())
		}
	}
	return line
}

// wantLines compares lines without regard to their order.
func wantLines(t testing.TB, got, want []string) {
	t.Helper()
	for _, line := range want {
		assert.Truef(t, slices.Contains(got, line), "missing: %s", line)
	}
	for _, line := range got {
		assert.Truef(t, slices.Contains(want, line), "found:   %s", line)
	}
	assert.Lenf(t, got, len(want), "%d items, want %d", len(got), len(want))
}

// made is when the groups of the layout are created: 1767323045678. They change
// a second later.
var made = time.UnixMilli(1767323045678).UTC()

// layoutFixture has the users u1, u2 and u3, with only those parts of their
// items that groups need.
func layoutFixture(t testing.TB) *fixture {
	t.Helper()
	f := newFixture(t, enginetest.Memory(t), made)
	for _, id := range []string{"u1", "u2", "u3"} {
		f.write(table.Put(table.Item{Key: userKey(f.tenant, id), Attributes: table.Attributes{
			attrVersion: table.Number(1), attrJoins: table.Number(0), attrLeaving: flag(false),
		}}))
	}
	return f
}

func staff() *directory.Group {
	return &directory.Group{
		ID: "g1", Doc: []byte(`{"id":"g1"}`), Version: 1, Revision: 1, Epoch: 1, Epochs: 1,
		Created: made, Modified: made, Origin: directory.OriginSCIM,
		Held: directory.Claims{directory.GroupName: "staff", directory.GroupExternalID: "hash"},
	}
}

// makeStaff returns the creation of the group.
func (f *fixture) makeStaff(members ...string) directory.GroupCreation {
	return directory.GroupCreation{Group: staff(), Add: members, Logged: f.logged(journal.Entry{
		RequestID: "r0", Time: f.now(), TokenID: "k1", IdP: "okta", Operation: "create", Action: journal.Created, Outcome: journal.Success,
		ResourceType: "Group", ResourceID: "g1", Version: 1, Subject: "Staff", ExternalID: "e-1",
		Changed: []string{"displayName", "externalId"}, Added: members,
	})}
}

// logged returns an entry that is kept for an hour.
func (f *fixture) logged(e journal.Entry) directory.Logged {
	return directory.Logged{Entry: e, Expires: f.now().Add(time.Hour)}
}

// staff creates the group, and lets a second pass.
func (f *fixture) staff(members ...string) {
	f.t.Helper()
	f.must(f.store.CreateGroup(f.t.Context(), f.tenant, f.makeStaff(members...)))
	f.pass(time.Second)
}

// change returns what each change of the group has.
func (f *fixture) change() directory.GroupEdit {
	after := staff()
	after.Version, after.Revision, after.Modified = 2, 2, f.now()
	return directory.GroupEdit{Before: staff(), After: after, Logged: f.logged(journal.Entry{
		RequestID: "r1", Time: f.now(), TokenID: "k1", IdP: "okta", Operation: "modify", Action: journal.Updated, Outcome: journal.Success,
		ResourceType: "Group", ResourceID: "g1", Subject: "Staff", Changed: []string{"members"},
	})}
}

// accepted returns a change that is applied in parts.
func (f *fixture) accepted(add, remove []string) directory.GroupAcceptance {
	e := f.change()
	e.After.PendingChange = "w1"
	return directory.GroupAcceptance{GroupEdit: e, Add: add, Remove: remove}
}

// newSet returns a change to a whole new set of members.
func (f *fixture) newSet(members ...string) directory.GroupNewSet {
	e := f.change()
	e.After.Epoch, e.After.Epochs = 2, 2
	e.Entry.NewSet, e.Entry.Size, e.Entry.Epoch = true, len(members), 2
	return directory.GroupNewSet{GroupEdit: e, Staged: len(members) > 0, Members: members}
}

// deletion returns the deletion of the group.
func (f *fixture) deletion(members ...string) directory.GroupDeletion {
	e := f.change()
	c := directory.GroupDeletion{Before: e.Before, Exact: true, Ends: len(members) > 0, Members: members, Logged: e.Logged}
	c.Entry.Operation, c.Entry.Action, c.Entry.Version, c.Entry.Changed = "delete", journal.Deleted, 2, nil
	return c
}

// leaves returns the deletion of u1, which has many memberships.
func (f *fixture) leaves(hidden bool) directory.Change {
	return directory.Change{
		Before: &directory.User{ID: "u1", Version: 1, Joins: 1, Type: tenant.User},
		After: &directory.User{
			ID: "u1", Version: 2, Joins: 1, Type: tenant.User, DeactivatedBy: journal.ByIdP, Origin: directory.OriginSCIM,
			Deleted: hidden, Leaving: true,
		},
		Ends: true, Later: true, Expires: f.now().Add(time.Hour),
		Entry: journal.Entry{
			RequestID: "r1", Time: f.now(), Operation: "delete", Action: journal.Deleted, Outcome: journal.Success,
			ResourceType: "User", ResourceID: "u1", Version: 2,
		},
	}
}

func (f *fixture) stage(s *Store, members ...string) error {
	if err := s.BeginEpoch(f.t.Context(), f.tenant, "g1", staff(), 2, f.now().Add(time.Minute)); err != nil {
		return err
	}
	_, err := s.StageMembers(f.t.Context(), f.tenant, "g1", 2, members)
	return err
}

// TestGroups_AreStoredAs pins all that each change of a group writes: stored data
// outlives the code that wrote it.
func TestGroups_AreStoredAs(t *testing.T) {
	ctx := t.Context()
	tests := []struct {
		name string
		// given creates the data before the change; do is the change whose writes are
		// pinned.
		given func(f *fixture)
		do    func(f *fixture, s *Store) error
		want  []string
	}{
		{
			name:  "made",
			given: func(*fixture) {},
			do:    func(f *fixture, s *Store) error { return s.CreateGroup(ctx, f.tenant, f.makeStaff("u1")) },
			want: []string{
				`T#acme#G#g1#1 | u1 |`,
				`T#acme#GROUPS | g1 | crt=1767323045678 doc="{\"id\":\"g1\"}" epoch=1 epochs=1 h.r0=1 held.gext="hash" held.gname="staff" mod=1767323045678 org="scim" rev=1 ver=1 work=""`,
				`T#acme#LEDGER | 0 | groups=1 moves=1 readerLimit=10 readers=0 seatLimit=10 seats=0 users=0`,
				`T#acme#LOG | r0 | at=1767323045678 attrs="displayName,externalId" did="created" ext="e-1" idp="okta" madd="u1" name="Staff" op="create" out="success" rid="g1" rt="Group" tok="k1" ttl=1767326645 ver=1`,
				`T#acme#NAMES#gext | hash | uid="g1"`,
				`T#acme#NAMES#gname | staff | uid="g1"`,
				`T#acme#U#u1 | g1#1 |`,
				`T#acme#USERS | u1 | jn=1 lv=0 ver=1`,
			},
		},
		{
			name:  "members join and leave",
			given: func(f *fixture) { f.staff("u1") },
			do: func(f *fixture, s *Store) error {
				c := directory.GroupUpdate{GroupEdit: f.change()}
				c.Add, c.Remove = []string{"u2"}, []string{"u1"}
				c.Entry.Added, c.Entry.Removed = c.Add, c.Remove
				c.Entry.Skip([]string{"u8", "u9"})
				return s.UpdateGroup(ctx, f.tenant, c)
			},
			want: []string{
				`T#acme#G#g1#1 | u1 | gone`,
				`T#acme#G#g1#1 | u2 |`,
				`T#acme#GROUPS | g1 | crt=1767323045678 doc="{\"id\":\"g1\"}" epoch=1 epochs=1 h.r0=1 h.r1=1 held.gext="hash" held.gname="staff" mod=1767323046678 org="scim" owe=1 rev=1 ver=2 work=""`,
				`T#acme#OWED | Group#g1 | at=1767323046678 idp="okta" req="r1" ttl=1767326646 x.~u8=1 x.~u9=1`,
				`T#acme#LOG | r1 | at=1767323046678 attrs="members" cause="unknown_members" did="updated" idp="okta" madd="u2" mrem="u1" name="Staff" op="modify" out="warning" rid="g1" rt="Group" skip="u8,u9" tok="k1" ttl=1767326646 ver=0`,
				`T#acme#U#u1 | g1#1 | gone`,
				`T#acme#U#u2 | g1#1 |`,
				`T#acme#USERS | u2 | jn=1 lv=0 ver=1`,
			},
		},
		{
			name:  "renamed",
			given: func(f *fixture) { f.staff() },
			do: func(f *fixture, s *Store) error {
				c := directory.GroupUpdate{GroupEdit: f.change()}
				c.Rewrites, c.Exact = true, true
				c.After.Doc, c.After.Held = []byte(`{"id":"g1","x":1}`), directory.Claims{directory.GroupName: "crew"}
				c.Entry.Subject, c.Entry.Changed = "Crew", []string{"displayName", "externalId"}
				return s.UpdateGroup(ctx, f.tenant, c)
			},
			want: []string{
				`T#acme#GROUPS | g1 | crt=1767323045678 doc="{\"id\":\"g1\",\"x\":1}" epoch=1 epochs=1 h.r0=1 h.r1=1 held.gname="crew" mod=1767323046678 org="scim" rev=2 ver=2 work=""`,
				`T#acme#LOG | r1 | at=1767323046678 attrs="displayName,externalId" did="updated" idp="okta" name="Crew" op="modify" out="success" rid="g1" rt="Group" tok="k1" ttl=1767326646 ver=0`,
				`T#acme#NAMES#gext | hash | gone`,
				`T#acme#NAMES#gname | crew | uid="g1"`,
				`T#acme#NAMES#gname | staff | gone`,
			},
		},
		{
			name:  "emptied",
			given: func(f *fixture) { f.staff("u1") },
			do:    func(f *fixture, s *Store) error { return s.ReplaceMembers(ctx, f.tenant, f.newSet()) },
			want: []string{
				`DUE | acme#epoch#g1#1 | at=1767323046678`,
				`T#acme#GROUPS | g1 | crt=1767323045678 doc="{\"id\":\"g1\"}" epoch=2 epochs=2 h.r0=1 h.r1=1 held.gext="hash" held.gname="staff" mod=1767323046678 org="scim" rev=1 ver=2 work=""`,
				`T#acme#LOG | r1 | at=1767323046678 attrs="members" did="updated" epoch=2 idp="okta" mset=0 name="Staff" op="modify" out="success" rid="g1" rt="Group" tok="k1" ttl=1767326646 ver=0`,
				`T#acme#TASKS | epoch#g1#1 | at=1767323046678 state="ending"`,
			},
		},
		{
			name:  "a set is staged",
			given: func(f *fixture) { f.staff("u1") },
			do:    func(f *fixture, s *Store) error { return f.stage(s, "u2") },
			want: []string{
				`DUE | acme#epoch#g1#2 | at=1767323046678`,
				`T#acme#G#g1#2 | u2 |`,
				`T#acme#GROUPS | g1 | crt=1767323045678 doc="{\"id\":\"g1\"}" epoch=1 epochs=2 h.r0=1 held.gext="hash" held.gname="staff" mod=1767323045678 org="scim" rev=1 ver=1 work=""`,
				`T#acme#TASKS | epoch#g1#2 | at=1767323046678 state="staged" until=1767323106678`,
				`T#acme#TASKS | epoch#g1#2#0 |`,
				`T#acme#TASKS | epoch#g1#2#1 |`,
				`T#acme#TASKS | epoch#g1#2#2 |`,
				`T#acme#TASKS | epoch#g1#2#3 |`,
				`T#acme#U#u2 | g1#2 |`,
				`T#acme#USERS | u2 | jn=1 lv=0 ver=1`,
			},
		},
		{
			name:  "a set is staged for a group that is not made",
			given: func(f *fixture) { f.pass(time.Second) },
			do: func(f *fixture, s *Store) error {
				return s.BeginEpoch(ctx, f.tenant, "g1", nil, 1, f.now().Add(time.Minute))
			},
			want: []string{
				`DUE | acme#epoch#g1#1 | at=1767323046678`,
				`T#acme#TASKS | epoch#g1#1 | at=1767323046678 state="staged" until=1767323106678`,
				`T#acme#TASKS | epoch#g1#1#0 |`,
				`T#acme#TASKS | epoch#g1#1#1 |`,
				`T#acme#TASKS | epoch#g1#1#2 |`,
				`T#acme#TASKS | epoch#g1#1#3 |`,
			},
		},
		{
			name:  "a staged set is given up",
			given: func(f *fixture) { f.staff("u1"); f.must(f.stage(f.store, "u2")) },
			do:    func(f *fixture, s *Store) error { return s.GiveUpEpoch(ctx, f.tenant, "g1", 2) },
			want: []string{
				`DUE | acme#epoch#g1#2 | gone`,
				`T#acme#G#g1#2 | u2 | gone`,
				`T#acme#TASKS | epoch#g1#2 | gone`,
				`T#acme#TASKS | epoch#g1#2#0 | gone`,
				`T#acme#TASKS | epoch#g1#2#1 | gone`,
				`T#acme#TASKS | epoch#g1#2#2 | gone`,
				`T#acme#TASKS | epoch#g1#2#3 | gone`,
				`T#acme#U#u2 | g1#2 | gone`,
			},
		},
		{
			name:  "a staged set is the group's",
			given: func(f *fixture) { f.staff("u1"); f.must(f.stage(f.store, "u2", "u3")) },
			do:    func(f *fixture, s *Store) error { return s.ReplaceMembers(ctx, f.tenant, f.newSet("u2", "u3")) },
			want: []string{
				`DUE | acme#epoch#g1#1 | at=1767323046678`,
				`DUE | acme#epoch#g1#2 | gone`,
				`T#acme#GROUPS | g1 | crt=1767323045678 doc="{\"id\":\"g1\"}" epoch=2 epochs=2 h.r0=1 h.r1=1 held.gext="hash" held.gname="staff" mod=1767323046678 org="scim" rev=1 ver=2 work=""`,
				`T#acme#LOG | r1 | at=1767323046678 attrs="members" did="updated" epoch=2 idp="okta" mset=2 name="Staff" op="modify" out="success" rid="g1" rt="Group" tok="k1" ttl=1767326646 ver=0`,
				`T#acme#SETS | r1#0001 | madd="u2,u3" ttl=1767326646`,
				`T#acme#TASKS | epoch#g1#1 | at=1767323046678 state="ending"`,
				`T#acme#TASKS | epoch#g1#2 | gone`,
				`T#acme#TASKS | epoch#g1#2#0 | gone`,
				`T#acme#TASKS | epoch#g1#2#1 | gone`,
				`T#acme#TASKS | epoch#g1#2#2 | gone`,
				`T#acme#TASKS | epoch#g1#2#3 | gone`,
			},
		},
		{
			name:  "a change is accepted",
			given: func(f *fixture) { f.staff("u1") },
			do: func(f *fixture, s *Store) error {
				return s.AcceptMembers(ctx, f.tenant, f.accepted([]string{"u2", "u3"}, []string{"u1"}))
			},
			want: []string{
				`DUE | acme#members#g1#w1 | at=1767323046678`,
				`T#acme#GROUPS | g1 | crt=1767323045678 doc="{\"id\":\"g1\"}" epoch=1 epochs=1 h.r0=1 h.r1=1 held.gext="hash" held.gname="staff" mod=1767323046678 org="scim" rev=1 ver=2 work="w1"`,
				`T#acme#LOG | r1 | at=1767323046678 attrs="members" did="updated" idp="okta" name="Staff" op="modify" out="success" rid="g1" rt="Group" tok="k1" ttl=1767326646 ver=0`,
				`T#acme#TASKS | members#g1#w1 | at=1767323046678 left=1 state="accepted"`,
				`T#acme#TASKS | members#g1#w1#0000 | at=1767323046678 idp="okta" keep=3600 madd="u2,u3" mrem="u1" name="Staff" of="r1" op="modify" rt="Group" tok="k1"`,
			},
		},
		{
			name: "a part of an accepted change is made",
			given: func(f *fixture) {
				f.staff("u1")
				f.must(f.store.AcceptMembers(ctx, f.tenant, f.accepted([]string{"u2", "u3"}, []string{"u1"})))
				f.pass(time.Second)
			},
			do: func(f *fixture, s *Store) error {
				_, err := s.Finish(ctx, f.tenant, directory.Task{Kind: directory.TaskMembers, Resource: "g1", Name: "w1"})
				return err
			},
			want: []string{
				`DUE | acme#members#g1#w1 | gone`,
				`T#acme#G#g1#1 | u1 | gone`,
				`T#acme#G#g1#1 | u2 |`,
				`T#acme#G#g1#1 | u3 |`,
				`T#acme#GROUPS | g1 | crt=1767323045678 doc="{\"id\":\"g1\"}" epoch=1 epochs=1 h.n-1=1 h.r0=1 h.r1=1 held.gext="hash" held.gname="staff" mod=1767323047678 org="scim" rev=1 ver=3 work=""`,
				`T#acme#LOG | n-1 | at=1767323047678 attrs="members" did="updated" idp="okta" madd="u2,u3" mrem="u1" name="Staff" of="r1" op="modify" out="success" prev="r1,r0" rid="g1" rt="Group" tok="k1" ttl=1767326647 ver=0`,
				`T#acme#TASKS | members#g1#w1 | gone`,
				`T#acme#TASKS | members#g1#w1#0000 | gone`,
				`T#acme#U#u1 | g1#1 | gone`,
				`T#acme#U#u2 | g1#1 |`,
				`T#acme#U#u3 | g1#1 |`,
				`T#acme#USERS | u2 | jn=1 lv=0 ver=1`,
				`T#acme#USERS | u3 | jn=1 lv=0 ver=1`,
			},
		},
		{
			name:  "deleted with its members",
			given: func(f *fixture) { f.staff("u1") },
			do:    func(f *fixture, s *Store) error { return s.DeleteGroup(ctx, f.tenant, f.deletion("u1")) },
			want: []string{
				`T#acme#G#g1#1 | u1 | gone`,
				`T#acme#GROUPS | g1 | gone`,
				`T#acme#INDEX | S#Group#g1#r1 | ttl=1767326646`,
				`T#acme#LEDGER | 0 | groups=0 moves=2 readerLimit=10 readers=0 seatLimit=10 seats=0 users=0`,
				`T#acme#LOG | r1 | at=1767323046678 did="deleted" idp="okta" name="Staff" op="delete" out="success" rid="g1" rt="Group" tok="k1" ttl=1767326646 ver=2`,
				`T#acme#NAMES#gext | hash | gone`,
				`T#acme#NAMES#gname | staff | gone`,
				`T#acme#U#u1 | g1#1 | gone`,
			},
		},
		{
			name:  "deleted, its members left to a task",
			given: func(f *fixture) { f.staff("u1") },
			do:    func(f *fixture, s *Store) error { return s.DeleteGroup(ctx, f.tenant, f.deletion()) },
			want: []string{
				`DUE | acme#epoch#g1#1 | at=1767323046678`,
				`T#acme#GROUPS | g1 | gone`,
				`T#acme#INDEX | S#Group#g1#r1 | ttl=1767326646`,
				`T#acme#LEDGER | 0 | groups=0 moves=2 readerLimit=10 readers=0 seatLimit=10 seats=0 users=0`,
				`T#acme#LOG | r1 | at=1767323046678 did="deleted" idp="okta" name="Staff" op="delete" out="success" rid="g1" rt="Group" tok="k1" ttl=1767326646 ver=2`,
				`T#acme#NAMES#gext | hash | gone`,
				`T#acme#NAMES#gname | staff | gone`,
				`T#acme#TASKS | epoch#g1#1 | at=1767323046678 state="ending"`,
			},
		},
		{
			name:  "a user of many groups is deleted",
			given: func(f *fixture) { f.staff("u1") },
			do:    func(f *fixture, s *Store) error { return s.Commit(ctx, f.tenant, f.leaves(true)) },
			want: []string{
				`DUE | acme#user#u1 | at=1767323046678`,
				`T#acme#GONE | u1 | act=0 crt=0 doc="" h.r1=1 jn=1 lnk=0 lv=1 mod=0 off="scim" org="scim" typ="user" ver=2`,
				`T#acme#LEDGER | 0 | groups=1 moves=2 readerLimit=10 readers=0 seatLimit=10 seats=0 users=-1`,
				`T#acme#LOG | r1 | at=1767323046678 did="deleted" op="delete" out="success" rid="u1" rt="User" ttl=1767326646 ver=2`,
				`T#acme#TASKS | user#u1 | at=1767323046678 gone=1 of="r1"`,
				`T#acme#USERS | u1 | gone`,
			},
		},
		{
			name:  "a user of many groups is deleted and can be read",
			given: func(f *fixture) { f.staff("u1") },
			do:    func(f *fixture, s *Store) error { return s.Commit(ctx, f.tenant, f.leaves(false)) },
			want: []string{
				`DUE | acme#user#u1 | at=1767323046678`,
				`T#acme#LOG | r1 | at=1767323046678 did="deleted" op="delete" out="success" rid="u1" rt="User" ttl=1767326646 ver=2`,
				`T#acme#TASKS | user#u1 | at=1767323046678 gone=0 of="r1"`,
				`T#acme#USERS | u1 | act=0 crt=0 doc="" h.r1=1 jn=1 lnk=0 lv=1 mod=0 off="scim" org="scim" typ="user" ver=2`,
			},
		},
		{
			name:  "the memberships of a deleted user are ended",
			given: func(f *fixture) { f.staff("u1"); f.must(f.store.Commit(ctx, f.tenant, f.leaves(true))) },
			do: func(f *fixture, s *Store) error {
				_, err := s.Finish(ctx, f.tenant, directory.Task{Kind: directory.TaskUser, Resource: "u1"})
				return err
			},
			want: []string{
				`DUE | acme#user#u1 | gone`,
				`T#acme#G#g1#1 | u1 | gone`,
				`T#acme#GONE | u1 | act=0 crt=0 doc="" h.r1=1 jn=1 lnk=0 lv=0 mod=0 off="scim" org="scim" typ="user" ver=2`,
				`T#acme#GROUPS | g1 | crt=1767323045678 doc="{\"id\":\"g1\"}" epoch=1 epochs=1 h.r0=1 held.gext="hash" held.gname="staff" mod=1767323046678 org="scim" rev=1 ver=2 work=""`,
				`T#acme#TASKS | user#u1 | gone`,
				`T#acme#U#u1 | g1#1 | gone`,
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := layoutFixture(t)
			tt.given(f)
			r := &recorder{Table: f.table, written: map[table.Key]bool{}}
			n := 0
			s := New(r, func() string { n++; return fmt.Sprint("n-", n) }, f.now)
			require.NoError(t, tt.do(f, s))
			wantLines(t, r.lines(t), tt.want)
		})
	}
}

// A change of more parts than a transaction holds: its head and the names of
// its parts, before and after it is accepted.
func TestGroups_ManyPartsAreStoredAs(t *testing.T) {
	for _, tt := range []struct {
		name       string
		writes     int
		head       string
		parts      int
		first, end string
	}{
		{"staged", 1, `T#acme#TASKS | members#g1#w1 | at=1767323046678 left=89 state="staged"`, 88, "members#g1#w1#0000", "members#g1#w1#0087"},
		{"accepted", 2, `T#acme#TASKS | members#g1#w1 | at=1767323046678 left=89 state="accepted"`, 89, "members#g1#w1#0000", "members#g1#w1#0088"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := layoutFixture(t)
			f.staff()
			members := make([]string, 88*directory.MaxJoined+1)
			for i := range members {
				members[i] = fmt.Sprint("m", i)
			}
			s := f.on(tabletest.NewFault(f.table, 1, tabletest.FaultPlan{StopAfter: tt.writes}))
			_ = s.AcceptMembers(t.Context(), f.tenant, f.accepted(members, nil))
			tasks := f.all("T#acme#TASKS")
			got := line(tasks[0])
			assert.Equalf(t, tt.head, got, "head\n%s, want\n%s", got, tt.head)
			parts := tasks[1:]
			if n := len(parts); n != tt.parts || parts[0].Sort != tt.first || parts[n-1].Sort != tt.end {
				t.Errorf("%d parts from %s to %s, want %d from %s to %s", n, parts[0].Sort, parts[n-1].Sort, tt.parts, tt.first, tt.end)
			}
			assert.Equal(t, strings.Join(members[:30], ","), parts[0].Attributes.Text("madd"), "the first part is of")
			due := f.all("DUE")
			assert.Truef(t, len(due) == 1 && line(due[0]) == `DUE | acme#members#g1#w1 | at=1767323046678`, "due are %v", due)
		})
	}
}

// A change of any size is accepted while a tenant has the largest number of
// protected users, none of them a member.
func TestAcceptMembers_BesideManyProtected(t *testing.T) {
	for _, parts := range []int{1, 45, 46, 88, 89, 88 + 46, 2 * 88} {
		f := layoutFixture(t)
		f.staff()
		members := make([]string, parts*directory.MaxJoined)
		for i := range members {
			members[i] = fmt.Sprint("m", i)
		}
		c := f.accepted(nil, members)
		c.Loose, c.Protected = true, &directory.ProtectedCheck{NotMembers: members[:min(len(members), directory.MaxProtected)]}
		f.must(f.store.AcceptMembers(t.Context(), f.tenant, c))
		tasks := f.all("T#acme#TASKS")
		if want := fmt.Sprintf(`T#acme#TASKS | members#g1#w1 | at=1767323046678 left=%d state="accepted"`, parts); line(tasks[0]) != want || len(tasks) != parts+1 {
			t.Errorf("%d tasks, the head %s, want %s", len(tasks), line(tasks[0]), want)
		}
	}
}

func TestGroups_ReadBackAsWritten(t *testing.T) {
	f := layoutFixture(t)
	full, bare := staff(), staff()
	full.Doc, full.Version, full.Revision, full.Epoch, full.Epochs = []byte(`{"displayName":"É\u0000","id":"g1"}`), 5, 4, 3, 7
	full.Modified, full.Origin, full.PendingChange = made.Add(time.Minute), directory.OriginManual, "w1"
	bare.Held, bare.Origin, bare.Created, bare.Modified = directory.Claims{}, "", time.Time{}, time.Time{}
	for _, want := range []*directory.Group{full, bare} {
		f.write(table.Put(groupItem(f.tenant, want)))
		got, err := f.store.Group(t.Context(), f.tenant, want.ID)
		assert.Truef(t, err == nil && reflect.DeepEqual(got, want), "read %+v, %v\nwritten %+v", got, err, want)
	}

	for _, want := range []directory.UserMembership{{Group: "g1", Epoch: 1}, {Group: "a-b_c", Epoch: 1 << 60}} {
		got, ok := decodeUserMembership(userMembershipKey(f.tenant, "u1", want.Group, want.Epoch).Sort)
		assert.Truef(t, ok && got == want, "read %+v, %t, written %+v", got, ok, want)
	}
	for _, want := range []directory.Task{
		{Kind: directory.TaskEpoch, Resource: "g1", Name: "12"},
		{Kind: directory.TaskMembers, Resource: "g1", Name: "w1"},
		{Kind: directory.TaskMembers, Resource: "g1", Name: "w1#0003"},
		{Kind: directory.TaskUser, Resource: "u1"},
	} {
		got, ok := parseTask(taskSort(want))
		assert.Truef(t, ok && got == want, "read %+v, %t, written %+v", got, ok, want)
	}
	group, epoch, ok := epochOf(epochTask("g1", 12))
	assert.Truef(t, ok && group == "g1" && epoch == 12, "read epoch %d of %q, %t, written 12 of g1", epoch, group, ok)
}

func TestGroups_MembersReadBackAsWritten(t *testing.T) {
	f := layoutFixture(t)
	f.staff("u1", "u2")
	page, err := f.store.Members(t.Context(), f.tenant, "g1", 1, "", 10)
	if want := []string{"u1", "u2"}; err != nil || page.More || !slices.Equal(page.Records, want) {
		t.Errorf("members = %+v, %v, want %v", page, err, want)
	}
	memberships, err := f.store.MembershipsOf(t.Context(), f.tenant, "u2", 10)
	if want := []directory.UserMembership{{Group: "g1", Epoch: 1}}; err != nil || !slices.Equal(memberships, want) {
		t.Errorf("memberships = %+v, %v, want %v", memberships, err, want)
	}
	f.must(f.stage(f.store, "u3"))
	f.must(f.store.AcceptMembers(t.Context(), f.tenant, f.accepted([]string{"u3"}, []string{"u1"})))
	tasks, err := f.store.tasks(t.Context(), f.tenant)
	want := []directory.Task{
		{Kind: directory.TaskEpoch, Resource: "g1", Name: "2"},
		{Kind: directory.TaskMembers, Resource: "g1", Name: "w1"},
	}
	assert.Truef(t, len(tasks) == len(want) && err == nil, "%d tasks, want %d: %v, %v", len(tasks), len(want), tasks, err)
	for _, task := range want {
		_, ok := tasks[task]
		assert.Truef(t, ok, "%+v is not among %v", task, tasks)
	}
}

// Members are live users, whose ids are UUIDs; other ids that were sent may be
// anything.
func TestLogItem_OfGroupStaysWithinItsBudget(t *testing.T) {
	long := strings.Repeat("é", 4000)
	ids := slices.Repeat([]string{strings.Repeat("i", 36)}, directory.MaxJoined)
	unknown := slices.Repeat([]string{strings.Repeat("x", 64)}, 1000)
	acme := mustID(t, strings.Repeat("t", 63))
	for _, own := range []string{"", strings.Repeat("n", 36)} {
		for _, tt := range []struct {
			add, remove, skipped []string
			limit                int
		}{
			{nil, nil, nil, 1024},
			{ids[:1], nil, nil, 1024},
			{nil, ids[:1], nil, 1024},
			{ids[:1], nil, unknown, 1024},
			{ids, nil, nil, 2048},
			{nil, ids, nil, 2048},
			{ids[:15], ids[15:], unknown, 2048},
		} {
			e := journal.Entry{
				RequestID: strings.Repeat("r", 36), ID: own, Time: made, TokenID: strings.Repeat("k", 16), IdP: "sailpoint",
				Operation: "replace", Action: journal.Updated, ResourceType: "Group", ResourceID: strings.Repeat("i", 36),
				Version: 1 << 40, Subject: long, ExternalID: long, Changed: []string{"displayName", "externalId", "members"},
				Outcome: journal.Success, Added: tt.add, Removed: tt.remove,
			}
			e.Skip(tt.skipped)
			item := logItem(acme, e, made)
			if size := table.Size(item); size > tt.limit {
				t.Errorf("%d join, %d leave, %d skipped: %d bytes, want at most %d", len(tt.add), len(tt.remove), len(tt.skipped), size, tt.limit)
			}
			got := item.Attributes.Text("madd")
			assert.Equalf(t, strings.Join(tt.add, ","), got, "%d who join are recorded as %q", len(tt.add), got)
		}
	}
}
