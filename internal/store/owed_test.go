package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// wantOwed compares the ids in the owed item of a record, nil for no item.
func (f *fixture) wantOwed(kind, id string, want ...string) {
	f.t.Helper()
	item, ok, err := f.store.read(f.t.Context(), owedKey(f.tenant, kind, id))
	f.must(err)
	require.Equal(f.t, want != nil, ok)
	require.Equal(f.t, want, decodeOwed(item.Attributes))
}

// Each kind of change of a group writes or removes its skipped members with itself.
func TestOwed_OfGroupFollowsEachChange(t *testing.T) {
	f := newFixture(t, enginetest.Memory(t), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	f.users("a")
	c := f.makeStaff("a")
	c.Entry.Skip([]string{"x"})
	c.Group.Owed = true
	f.must(f.store.CreateGroup(t.Context(), f.tenant, c))
	f.wantOwed(journal.TypeGroup, "g1", "x")

	// edit returns the next change, which skips some members.
	edit := func(whole bool, skipped ...string) directory.GroupEdit {
		f.pass(time.Second)
		e := f.edit("g1")
		e.Whole = whole
		e.Entry.Skip(skipped)
		return e
	}
	f.must(f.store.UpdateGroup(t.Context(), f.tenant, directory.GroupUpdate{
		GroupEdit: edit(false, "y"), MemberDelta: directory.MemberDelta{NotMembers: []string{"x"}},
	}))
	f.wantOwed(journal.TypeGroup, "g1", "y")
	f.must(f.store.ReplaceMembers(t.Context(), f.tenant, emptied(edit(true, "z"))))
	f.wantOwed(journal.TypeGroup, "g1", "z")
	f.must(f.store.ReplaceMembers(t.Context(), f.tenant, emptied(edit(true))))
	f.wantOwed(journal.TypeGroup, "g1")

	f.must(f.store.ReplaceMembers(t.Context(), f.tenant, emptied(edit(true, "v"))))
	e := edit(false)
	require.True(t, e.Before.Owed)
	f.must(f.store.DeleteGroup(t.Context(), f.tenant, directory.GroupDeletion{Before: e.Before, Exact: true, Logged: e.Logged}))
	f.wantOwed(journal.TypeGroup, "g1")
}

// A change in parts writes the members that it skips when it is accepted.
func TestOwed_OfGroupIsWrittenWithAnAcceptance(t *testing.T) {
	f := newFixture(t, enginetest.Memory(t), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	f.users("a", "b")
	f.group("g1", "a")
	e := f.edit("g1")
	e.Entry.Skip([]string{"x"})
	f.must(f.store.AcceptMembers(t.Context(), f.tenant, accepting(e, "w1", []string{"b"}, nil)))
	f.wantOwed(journal.TypeGroup, "g1", "x")
}

// A part of an accepted change removes the members that it names from those that the group is
// owed, and adds the ones that it skips itself.
func TestOwed_OfGroupFollowsEachPart(t *testing.T) {
	f := newFixture(t, enginetest.Memory(t), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	f.users("a", "b")
	f.group("g1", "a")
	e := f.edit("g1")
	e.Entry.Skip([]string{"b", "x"}) // b was created in the meantime
	f.must(f.store.AcceptMembers(t.Context(), f.tenant, accepting(e, "w1", []string{"b", "gone"}, nil)))
	f.wantOwed(journal.TypeGroup, "g1", "b", "x")
	unknown, err := f.store.Finish(t.Context(), f.tenant, directory.Task{Kind: directory.TaskMembers, Resource: "g1", Name: "w1"})
	f.must(err)
	require.Equal(t, []string{"gone"}, unknown)
	f.wantOwed(journal.TypeGroup, "g1", "gone", "x")
}

// A user who returns without groups is listed with them, until the purge.
func TestOwed_OfUserFromReturnToPurge(t *testing.T) {
	f := newFixture(t, enginetest.Memory(t), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	f.create(person("u1"))
	f.remove("u1")
	f.wantOwed(journal.TypeUser, "u1")
	c := f.changed("u1", func(u *directory.User) { u.Deleted, u.Owed = false, []string{"g1"} })
	f.must(f.commitUser(f.store, c))
	f.wantOwed(journal.TypeUser, "u1", "g1")
	before := f.changed("u1", func(*directory.User) {}).Before
	f.must(f.store.Purge(t.Context(), f.tenant, directory.Change{
		Before: before, Entry: f.entry(journal.Purge, journal.Purged, "User", "u1"), Expires: f.now().Add(time.Hour),
	}))
	f.wantOwed(journal.TypeUser, "u1")
}
