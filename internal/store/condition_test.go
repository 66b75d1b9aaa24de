package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// decision is a transaction of the store, with all its conditions.
type decision struct {
	name string
	// given creates the data before the decision.
	given func(f *fixture)
	// commit calls the store, whose write number nth, from 0, is the transaction.
	commit func(f *fixture, s *Store) error
	nth    int
	// has finds an operation by which the transaction is known, in place of its number.
	has func(op table.Op) bool
	// conditions are all conditions of the transaction. Without one of them, the race
	// that it settles is lost.
	conditions []settled
	// returned checks the error of commit when a condition did not hold. It is nil if the
	// store decides again, also with the same result.
	returned func(t *testing.T, err error)
}

// settled is a condition of a transaction, and the race that it settles.
type settled struct {
	// key is the item. A sort key that ends with * stands for all that begin so.
	key  table.Key
	when table.Condition
	// found is the finding that a commit reports if the condition does not hold, "" if
	// the error is not a commit's.
	found directory.Finding
	race  string
}

// TestConditions_EachSettlesItsRace changes, between a decision and its transaction, the one
// item that makes one condition false. The transaction is refused because of this condition
// alone. Every condition of every transaction has its row: a condition that no row names,
// and a row without a condition, fail too.
func TestConditions_EachSettlesItsRace(t *testing.T) {
	acme := mustID(t, "acme")
	for _, d := range slices.Concat(userDecisions(acme), groupDecisions(acme), partDecisions(acme), taskDecisions(acme), tenantDecisions(acme), ledgerDecisions(acme), tokenDecisions(acme), expiringDecisions(), logDecisions(acme), rebuildDecisions(acme), recountDecisions(acme), endpointDecisions(), redeliveryDecisions(), outboxDecisions(acme), portalDecisions(acme)) {
		t.Run(d.name, func(t *testing.T) {
			clean, _ := d.run(t, nil)
			require.NotNil(t, clean.tx, "the transaction was not written")
			require.NoError(t, clean.err, "the transaction is refused although all conditions hold")
			d.wantConditions(t, clean.tx.Ops)
			for _, c := range d.conditions {
				t.Run(c.race, func(t *testing.T) { d.wantSettled(t, c) })
			}
		})
	}
}

// wantConditions compares the conditions of the transaction with the rows.
func (d decision) wantConditions(t *testing.T, ops []table.Op) {
	t.Helper()
	missing := map[int]bool{}
	for i := range d.conditions {
		missing[i] = true
	}
	for _, op := range ops {
		for _, when := range op.When {
			row := slices.IndexFunc(d.conditions, func(c settled) bool { return c.is(op.Key) && c.when == when })
			if row < 0 {
				t.Errorf("no row for %s", condition(op.Key, when))
			}
			delete(missing, row)
		}
	}
	for i := range missing {
		t.Errorf("the transaction has no condition %s, which settles %s", condition(d.conditions[i].key, d.conditions[i].when), d.conditions[i].race)
	}
}

// wantSettled makes one condition false, and checks that the transaction is refused for
// this reason, and not sent again.
func (d decision) wantSettled(t *testing.T, c settled) {
	t.Helper()
	m, returned := d.run(t, &c)
	require.NotNil(t, m.tx)
	var failed *table.ConditionError
	require.ErrorAs(t, m.err, &failed, "the transaction was applied")
	require.Len(t, failed.Failed, 1, "other operations failed too")
	op := m.tx.Ops[failed.Failed[0].Op]
	require.True(t, c.is(op.Key), "the transaction was refused because of %s", op.Key)
	for _, when := range op.When {
		require.Equal(t, when != c.when, when.Holds(failed.Failed[0].Item), "%s", condition(op.Key, when))
	}
	if c.found != "" {
		var commit *directory.CommitError
		require.ErrorAs(t, returned, &commit)
		require.Len(t, commit.Failed, 1)
		require.Equal(t, c.found, commit.Failed[0].Found)
		if c.found == directory.ClaimHeld {
			require.Equal(t, winner, commit.Failed[0].ID, "the record that holds the claim")
		}
	}
	if d.returned != nil {
		require.False(t, m.again, "the transaction was sent again")
		d.returned(t, returned)
	}
}

// run commits the decision in a new table. Before its transaction is applied, a condition
// becomes false.
func (d decision) run(t *testing.T, broken *settled) (*meddler, error) {
	t.Helper()
	f := newFixture(t, enginetest.Memory(t), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	f.store.pick = func(int64) int64 { return 0 } // the first count of the writes of a shard
	if d.given != nil {
		d.given(f)
	}
	m := &meddler{Table: f.table, f: f, nth: d.nth, has: d.has, broken: broken}
	return m, d.commit(f, f.on(m))
}

// is reports whether the row is about an item.
func (c settled) is(key table.Key) bool {
	if prefix, ok := strings.CutSuffix(c.key.Sort, "*"); ok {
		return key.Partition == c.key.Partition && strings.HasPrefix(key.Sort, prefix)
	}
	return key == c.key
}

// winner is the holder of what another request has reserved.
const winner = "winner"

// falsify makes the condition false, as the other request of the race does.
func (c settled) falsify(key table.Key) table.Op {
	switch c.when.Kind {
	case table.CondAbsent:
		return table.Put(table.Item{Key: key, Attributes: table.Attributes{attrHolder: table.Text(winner)}})
	case table.CondPresent:
		return table.Delete(key)
	case table.CondUnder:
		return table.Update(key, table.Change{Set: table.Attributes{c.when.Attribute: c.when.Value}})
	case table.CondBelow:
		full := table.Number(3)
		return table.Update(key, table.Change{Set: table.Attributes{c.when.Attribute: full, c.when.Other: full}})
	default:
		other := table.Text(c.when.Value.Text() + " of another request")
		if c.when.Value.IsNumber() {
			other = table.Number(c.when.Value.Number() + 1)
		}
		return table.Update(key, table.Change{Set: table.Attributes{c.when.Attribute: other}})
	}
}

func condition(key table.Key, c table.Condition) string {
	names := map[table.ConditionKind]string{table.CondAbsent: "absent", table.CondPresent: "present", table.CondIs: "is", table.CondBelow: "below", table.CondUnder: "under"}
	return fmt.Sprintf("%s %s: %s %s %v %s", key.Partition, key.Sort, c.Attribute, names[c.Kind], c.Value, c.Other)
}

// meddler is a table in which another request is faster than one transaction.
type meddler struct {
	table.Table
	f      *fixture
	nth    int
	has    func(op table.Op) bool
	broken *settled

	mu     sync.Mutex
	writes int
	tx     *table.Transaction // the transaction, and its error
	err    error
	again  bool // the same operations were sent once more
}

func (m *meddler) Write(ctx context.Context, tx table.Transaction) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	is := m.writes == m.nth
	if m.has != nil {
		is = m.tx == nil && slices.ContainsFunc(tx.Ops, m.has)
	}
	if m.writes++; !is {
		m.again = m.again || m.tx != nil && reflect.DeepEqual(m.tx.Ops, tx.Ops)
		return m.Table.Write(ctx, tx)
	}
	if m.tx = &tx; m.broken != nil {
		if i := slices.IndexFunc(tx.Ops, func(op table.Op) bool { return m.broken.is(op.Key) && slices.Contains(op.When, m.broken.when) }); i >= 0 {
			m.f.write(m.broken.falsify(tx.Ops[i].Key))
		} else if !strings.HasSuffix(m.broken.key.Sort, "*") {
			m.f.write(m.broken.falsify(m.broken.key))
		}
	}
	m.err = m.Table.Write(ctx, tx)
	return m.err
}

// The outcomes of a decision whose transaction was refused.

func refused(t *testing.T, err error) {
	t.Helper()
	var commit *directory.CommitError
	require.ErrorAs(t, err, &commit)
}

func fails(t *testing.T, err error) { t.Helper(); require.Error(t, err) }

// leftToOthers: another request has done the work.
func leftToOthers(t *testing.T, err error) { t.Helper(); require.NoError(t, err) }

func failsAs(want ...error) func(t *testing.T, err error) {
	return func(t *testing.T, err error) {
		t.Helper()
		require.True(t, slices.ContainsFunc(want, func(one error) bool { return errors.Is(err, one) }), "%v is none of %v", err, want)
	}
}

// person returns a new active user with a claim of each kind.
func person(id string) *directory.User {
	at := time.UnixMilli(1767323045678).UTC()
	return &directory.User{
		ID: id, Doc: fmt.Appendf(nil, `{"id":%q,"userName":%q}`, id, id), Version: 1, Created: at, Modified: at,
		Active: true, Type: tenant.User, Origin: directory.OriginSCIM, Linked: true,
		Held: directory.Claims{directory.UserName: id, directory.Email: id + "@example.com", directory.ExternalID: "hash of " + id},
	}
}

// commitUser commits a change of a user, whose request is r1.
func (f *fixture) commitUser(s *Store, c directory.Change) error {
	c.Entry, c.Expires = f.entry("modify", "updated", "User", "u1"), f.now().Add(time.Hour)
	c.Entry.RequestID = "r1"
	if c.After == nil {
		return s.Purge(f.t.Context(), f.tenant, c)
	}
	return s.Commit(f.t.Context(), f.tenant, c)
}

// create stores a new user.
func (f *fixture) create(u *directory.User) {
	f.t.Helper()
	f.must(f.store.Commit(f.t.Context(), f.tenant, directory.Change{After: u, Entry: f.entry("create", "created", "User", u.ID), Expires: f.now().Add(time.Hour)}))
}

// changed returns the change of a stored user.
func (f *fixture) changed(id string, change func(*directory.User)) directory.Change {
	f.t.Helper()
	records, err := f.store.Records(f.t.Context(), f.tenant, []string{id})
	f.must(err)
	before := records[id]
	require.NotNil(f.t, before)
	after := *before
	after.Held = maps.Clone(before.Held)
	after.Version++
	change(&after)
	return directory.Change{Before: before, After: &after}
}

// remove deletes a stored user, who is in no group.
func (f *fixture) remove(id string) {
	f.t.Helper()
	c := f.changed(id, func(u *directory.User) { u.Deleted, u.Active = true, false })
	c.Entry, c.Expires = f.entry("delete", "deleted", "User", id), f.now().Add(time.Hour)
	f.must(f.store.Commit(f.t.Context(), f.tenant, c))
}

// guard protects a stored user.
func (f *fixture) guard(id string) {
	f.t.Helper()
	list, err := f.store.ProtectedUsers(f.t.Context(), f.tenant)
	f.must(err)
	c := f.changed(id, func(u *directory.User) { u.Protected = true })
	c.Protected = &directory.ProtectedChange{Before: list, After: append(list.IDs, id)}
	c.Entry, c.Expires = f.entry("modify", "updated", "User", id), f.now().Add(time.Hour)
	f.must(f.store.Commit(f.t.Context(), f.tenant, c))
}

func userDecisions(t tenant.ID) []decision {
	const changed, held = directory.RecordChanged, directory.ClaimHeld
	name := func(v string) table.Key { return reservationKey(t, directory.UserName, v) }
	mail, ext := reservationKey(t, directory.Email, "u1@example.com"), reservationKey(t, directory.ExternalID, "hash of u1")
	version := func(n int64) table.Condition { return table.Is(attrVersion, table.Number(n)) }
	joins := func(n int64) table.Condition { return table.Is(attrJoins, table.Number(n)) }
	holder := func(id string) table.Condition { return table.Is(attrHolder, table.Text(id)) }
	seat := settled{ledgerKey(t), table.Below(attrSeats, attrSeatLimit), directory.LedgerFull, "two users of the last seat"}
	counted := settled{ledgerKey(t), table.Present(), changed, "a count of a tenant that is being deleted"}
	logged := settled{logKey(t, "r1", 0), table.Absent(), changed, "two entries under one name"}
	inGroup := func(f *fixture) { f.create(person("u1")); f.group("g1", "u1") }
	removed := func(f *fixture) { f.create(person("u1")); f.remove("u1") }
	leaving := func(f *fixture, change func(*directory.User)) directory.Change {
		c := f.changed("u1", change)
		c.Ends, c.Leave = true, []directory.UserMembership{{Group: "g1", Epoch: 1}}
		return c
	}
	return []decision{
		{
			name: "a new user", returned: refused,
			commit: func(f *fixture, s *Store) error {
				u := person("u1")
				u.Former = directory.Claims{directory.UserName: "former"}
				return f.commitUser(s, directory.Change{After: u})
			},
			conditions: []settled{
				{userKey(t, "u1"), table.Absent(), changed, "two users of one id"},
				{name("u1"), table.Absent(), held, "two users of one userName"},
				{mail, table.Absent(), held, "two users of one email"},
				{ext, table.Absent(), held, "two users of one externalId"},
				{name("former"), table.Absent(), held, "a userName and its earlier form"},
				seat, logged,
			},
		},
		{
			name: "a new user whose userName is another address", returned: refused,
			commit: func(f *fixture, s *Store) error {
				u := person("u1")
				u.Held = directory.Claims{directory.UserName: "a@example.com", directory.Address: "a@example.com"}
				return f.commitUser(s, directory.Change{After: u})
			},
			conditions: []settled{
				{userKey(t, "u1"), table.Absent(), changed, "two users of one id"},
				{name("a@example.com"), table.Absent(), held, "two users of one userName"},
				{reservationKey(t, directory.Email, "a@example.com"), table.Absent(), held, "a userName and another user's email"},
				seat, logged,
			},
		},
		{
			name: "a new Reader", returned: refused,
			commit: func(f *fixture, s *Store) error {
				u := person("u1")
				u.Type, u.Held = tenant.Reader, directory.Claims{directory.UserName: "u1"}
				return f.commitUser(s, directory.Change{After: u})
			},
			conditions: []settled{
				{userKey(t, "u1"), table.Absent(), changed, "two users of one id"},
				{name("u1"), table.Absent(), held, "two users of one userName"},
				{ledgerKey(t), table.Below(attrReaders, attrReaderLimit), directory.LedgerFull, "two Readers of the last licence"},
				logged,
			},
		},
		{
			name: "a Reader becomes a User", returned: refused,
			given: func(f *fixture) { u := person("u1"); u.Type = tenant.Reader; f.create(u) },
			commit: func(f *fixture, s *Store) error {
				return f.commitUser(s, f.changed("u1", func(u *directory.User) { u.Type = tenant.User }))
			},
			conditions: []settled{{userKey(t, "u1"), version(1), changed, "two changes of one user"}, seat, logged},
		},
		{
			name: "a renamed user that is deactivated", returned: refused,
			given: func(f *fixture) { f.create(person("u1")) },
			commit: func(f *fixture, s *Store) error {
				return f.commitUser(s, f.changed("u1", func(u *directory.User) { u.Active, u.Held[directory.UserName] = false, "new" }))
			},
			conditions: []settled{
				{userKey(t, "u1"), version(1), changed, "two changes of one user"},
				{name("u1"), holder("u1"), changed, "a name given up that another user holds by now"},
				{name("new"), table.Absent(), held, "two users of one new userName"},
				counted, logged,
			},
		},
		{
			name: "a deleted user, with its memberships", returned: refused, given: inGroup,
			commit: func(f *fixture, s *Store) error {
				return f.commitUser(s, leaving(f, func(u *directory.User) { u.Deleted, u.Active = true, false }))
			},
			conditions: []settled{
				{userKey(t, "u1"), version(1), changed, "two changes of one user"},
				{userKey(t, "u1"), joins(1), changed, "a deletion and a join"},
				{goneKey(t, "u1"), table.Absent(), changed, "two deletions of one user"},
				{groupKey(t, "g1"), table.Present(), directory.GroupGone, "a user and a group that are deleted"},
				counted, logged,
			},
		},
		{
			name: "a deleted user, with a membership of a group that is gone", returned: refused,
			given: func(f *fixture) { inGroup(f); f.write(table.Delete(groupKey(t, "g1"))) },
			commit: func(f *fixture, s *Store) error {
				c := leaving(f, func(u *directory.User) { u.Deleted, u.Active = true, false })
				c.Gone = map[string]bool{"g1": true}
				return f.commitUser(s, c)
			},
			conditions: []settled{
				{userKey(t, "u1"), version(1), changed, "two changes of one user"},
				{userKey(t, "u1"), joins(1), changed, "a deletion and a join"},
				{goneKey(t, "u1"), table.Absent(), changed, "two deletions of one user"},
				{groupKey(t, "g1"), table.Absent(), changed, "a deletion and the creation of the group"},
				counted, logged,
			},
		},
		{
			name: "a user that keeps its place and loses its memberships", returned: refused, given: inGroup,
			commit: func(f *fixture, s *Store) error {
				c := leaving(f, func(u *directory.User) { u.Leaving = true })
				c.Later = true
				return f.commitUser(s, c)
			},
			conditions: []settled{
				{userKey(t, "u1"), version(1), changed, "two changes of one user"},
				{userKey(t, "u1"), joins(1), changed, "the end of all memberships and a join"},
				logged,
			},
		},
		{
			name: "a restored user", returned: refused, given: removed,
			commit: func(f *fixture, s *Store) error {
				return f.commitUser(s, f.changed("u1", func(u *directory.User) { u.Deleted, u.Active = false, true }))
			},
			conditions: []settled{
				{goneKey(t, "u1"), version(2), changed, "two changes of one deleted user"},
				{userKey(t, "u1"), table.Absent(), changed, "two restores of one user"},
				seat, logged,
			},
		},
		{
			name: "a new user with the names of a deleted one", returned: refused, given: removed,
			commit: func(f *fixture, s *Store) error {
				gone := f.changed("u1", func(*directory.User) {}).Before
				u := person("u2")
				u.Held, u.Former = directory.Claims{directory.UserName: "u1"}, directory.Claims{directory.Email: "u1@example.com"}
				return f.commitUser(s, directory.Change{After: u, Transfers: []directory.Transfer{
					{Kind: directory.UserName, From: gone, Value: "u1"}, {Kind: directory.Email, From: gone, Value: "u1@example.com"},
				}})
			},
			conditions: []settled{
				{userKey(t, "u2"), table.Absent(), changed, "two users of one id"},
				{name("u1"), holder("u1"), changed, "two users who take one name"},
				{mail, holder("u1"), changed, "two users who take one name in its earlier form"},
				{goneKey(t, "u1"), version(2), changed, "a name that is taken and its user that is restored"},
				seat, logged,
			},
		},
		{
			name: "the first protected user", returned: refused,
			given: func(f *fixture) { f.create(person("u1")) },
			commit: func(f *fixture, s *Store) error {
				c := f.changed("u1", func(u *directory.User) { u.Protected = true })
				c.Protected = &directory.ProtectedChange{After: []string{"u1"}}
				return f.commitUser(s, c)
			},
			conditions: []settled{
				{userKey(t, "u1"), version(1), changed, "two changes of one user"},
				{protectedListKey(t), table.Absent(), changed, "two users who are protected first"},
				logged,
			},
		},
		{
			name: "a user that is no longer protected", returned: refused,
			given: func(f *fixture) { f.create(person("u1")); f.guard("u1") },
			commit: func(f *fixture, s *Store) error {
				list, err := f.store.ProtectedUsers(f.t.Context(), f.tenant)
				f.must(err)
				c := f.changed("u1", func(u *directory.User) { u.Protected = false })
				c.Protected = &directory.ProtectedChange{Before: list}
				return f.commitUser(s, c)
			},
			conditions: []settled{
				{userKey(t, "u1"), version(2), changed, "two changes of one user"},
				{protectedListKey(t), version(1), changed, "two changes of the list of protected users"},
				logged,
			},
		},
		{
			name: "a purged user", returned: refused,
			given: func(f *fixture) { inGroup(f); f.guard("u1") },
			commit: func(f *fixture, s *Store) error {
				list, err := f.store.ProtectedUsers(f.t.Context(), f.tenant)
				f.must(err)
				c := leaving(f, func(*directory.User) {})
				c.After, c.Protected = nil, &directory.ProtectedChange{Before: list}
				return f.commitUser(s, c)
			},
			conditions: []settled{
				{userKey(t, "u1"), version(2), changed, "a purge and a change"},
				{userKey(t, "u1"), joins(1), changed, "a purge and a join"},
				{name("u1"), holder("u1"), changed, "a userName that another user holds by now"},
				{mail, holder("u1"), changed, "an email that another user holds by now"},
				{ext, holder("u1"), changed, "an externalId that another user holds by now"},
				{protectedListKey(t), version(1), changed, "a purge and a change of the list of protected users"},
				{groupKey(t, "g1"), table.Present(), directory.GroupGone, "a user that is purged and a group that is deleted"},
				counted, logged,
			},
		},
		{
			name: "a purged user with too many memberships", returned: refused, given: inGroup,
			commit: func(f *fixture, s *Store) error {
				c := leaving(f, func(*directory.User) {})
				c.After, c.Later, c.Before.Held = nil, true, nil
				return f.commitUser(s, c)
			},
			conditions: []settled{
				{userKey(t, "u1"), version(1), changed, "a purge and a change"},
				{userKey(t, "u1"), joins(1), changed, "a purge and a join"},
				counted, logged,
			},
		},
	}
}
