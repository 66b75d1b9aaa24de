package directory_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/resource"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// people creates inactive users, who need no seats, and returns their ids.
func (f *fixture) people(n int) []string {
	f.t.Helper()
	ids := make([]string, n)
	for i := range ids {
		ids[i] = f.mustPost(user(fmt.Sprintf(`"userName":"p%d-%s","active":false`, i, newID()[24:]))).ID
	}
	return ids
}

func group(name string, members ...string) string {
	return fmt.Sprintf(`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":%q,"members":[%s]}`, name, values(members))
}

func values(ids []string) string {
	var b strings.Builder
	for i, id := range ids {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"value":%q}`, id)
	}
	return b.String()
}

func (f *fixture) decodeGroup(body string) scim.Resource {
	f.t.Helper()
	r, _, err := resource.Decode(schema.GroupType(), []byte(body))
	require.NoErrorf(f.t, err, "decode %.200s", body)
	return r
}

func (f *fixture) postGroup(body string) (directory.GroupResult, error) {
	f.t.Helper()
	return f.dir.ProvisionGroup(context.Background(), f.tenant, f.by(), f.decodeGroup(body))
}

func (f *fixture) mustPostGroup(body string) string {
	f.t.Helper()
	r, err := f.postGroup(body)
	require.NoErrorf(f.t, err, "POST %.200s", body)
	return r.Group.ID
}

func (f *fixture) putGroup(id, body string) (directory.GroupResult, error) {
	f.t.Helper()
	return f.dir.ReplaceGroup(context.Background(), f.tenant, f.by(), id, nil, f.decodeGroup(body))
}

func (f *fixture) patchGroup(id, operations string) (directory.GroupResult, error) {
	f.t.Helper()
	patch, err := resource.DecodePatch([]byte(`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[` + operations + `]}`))
	require.NoErrorf(f.t, err, "decode %.200s", operations)
	return f.dir.ModifyGroup(context.Background(), f.tenant, f.by(), id, nil, patch)
}

func (f *fixture) mustPatchGroup(id, operations string) directory.GroupResult {
	f.t.Helper()
	r, err := f.patchGroup(id, operations)
	require.NoErrorf(f.t, err, "PATCH %.200s", operations)
	return r
}

func (f *fixture) members(id string) []string {
	f.t.Helper()
	_, members, err := f.dir.Members(context.Background(), f.tenant, id, directory.MaxMembersRead)
	require.NoErrorf(f.t, err, "members of %s", id)
	return members
}

// wantMembers compares the members with those wanted, and reads the groups of
// the users too.
func (f *fixture) wantMembers(id string, want ...string) {
	f.t.Helper()
	want = slices.Clone(want)
	slices.Sort(want)
	got := f.members(id)
	assert.Truef(f.t, slices.Equal(got, want), "%d members, want %d:\n%.300v\n%.300v", len(got), len(want), got, want)
	for i, user := range want {
		if i > 20 {
			break
		}
		assert.Truef(f.t, slices.Contains(f.groupsOf(user), id), "user %s does not have the group", user)
	}
}

func (f *fixture) groupsOf(user string) []string {
	f.t.Helper()
	groups, err := f.dir.GroupsOf(context.Background(), f.tenant, user)
	require.NoErrorf(f.t, err, "groups of %s", user)
	ids := make([]string, len(groups))
	for i, g := range groups {
		ids[i] = g.ID
	}
	return ids
}

func (f *fixture) version(id string) int64 {
	f.t.Helper()
	g, err := f.dir.Group(context.Background(), f.tenant, id)
	require.NoError(f.t, err)
	return g.Version
}

func add(ids ...string) string { return `{"op":"add","path":"members","value":[` + values(ids) + `]}` }

func remove(ids ...string) string {
	return `{"op":"remove","path":"members","value":[` + values(ids) + `]}`
}

func replace(ids ...string) string {
	return `{"op":"replace","path":"members","value":[` + values(ids) + `]}`
}

func TestGroups(t *testing.T) { enginetest.RunOn(t, enginetest.Three(), testGroups) }

func testGroups(t *testing.T, open opener) {
	f := newFixture(t, open, 50, 50)
	ids := f.people(80)
	t.Run("created with members", func(t *testing.T) {
		for _, n := range []int{0, 1, directory.MaxJoined, directory.MaxJoined + 1, 80} {
			r, err := f.postGroup(group(fmt.Sprint("made ", n), ids[:n]...))
			require.Truef(t, err == nil && r.Action == journal.Created && r.Added == n && len(r.Members) == n, "%d members: %+v, %v", n, r, err)
			f.wantMembers(r.Group.ID, ids[:n]...)
		}
	})
	t.Run("few join and leave", func(t *testing.T) {
		id := f.mustPostGroup(group("few", ids[:3]...))
		version := f.version(id)
		r := f.mustPatchGroup(id, add(ids[2], ids[3]))
		assert.Truef(t, r.Added == 1 && r.Action == journal.Updated, "add of one new of two = %+v", r)
		f.wantMembers(id, ids[:4]...)
		r = f.mustPatchGroup(id, remove(ids[0], ids[9]))
		assert.Equalf(t, 1, r.Removed, "remove of one present of two = %+v", r)
		f.wantMembers(id, ids[1:4]...)
		assert.Equal(t, version+2, f.version(id), "version")
		for _, nothing := range []string{add(ids[1]), remove(ids[0]), replace(ids[1:4]...), ""} {
			r := f.mustPatchGroup(id, nothing)
			assert.Equalf(t, journal.Unchanged, r.Action, "%s = %+v", nothing, r)
		}
		got := f.version(id)
		assert.Equalf(t, version+2, got, "version %d after a change of nothing, want %d", got, version+2)
		f.mustPatchGroup(id, `{"op":"remove","path":"members[value eq \"`+ids[1]+`\"]"}`)
		f.wantMembers(id, ids[2:4]...)
		f.mustPatchGroup(id, `{"op":"replace","value":{"id":"`+id+`","displayName":"many","members":[`+values(ids[5:7])+`]}}`)
		f.wantMembers(id, ids[5:7]...)
		f.mustPatchGroup(id, `{"op":"remove","path":"members[type eq \"User\"]"}`)
		f.wantMembers(id)
	})
	t.Run("many join and leave", func(t *testing.T) {
		id := f.mustPostGroup(group("lots", ids[:5]...))
		r := f.mustPatchGroup(id, add(ids[:60]...))
		assert.Equalf(t, 55, r.Added, "%d added, want 55", r.Added)
		f.wantMembers(id, ids[:60]...)
		f.mustPatchGroup(id, remove(ids[10:50]...)+","+add(ids[60:]...))
		f.wantMembers(id, slices.Concat(ids[:10], ids[50:])...)
	})
	t.Run("a whole new set", func(t *testing.T) {
		id := f.mustPostGroup(group("whole", ids[:40]...))
		f.mustPatchGroup(id, replace(ids[35:75]...)) // under a new epoch
		f.wantMembers(id, ids[35:75]...)
		f.mustPatchGroup(id, replace(ids[30:70]...)) // as a difference of 10
		f.wantMembers(id, ids[30:70]...)
		f.mustPatchGroup(id, replace(append(slices.Clone(ids[:28]), ids[30:70]...)...))  // as a difference of 28
		f.mustPatchGroup(id, replace(append(slices.Clone(ids[8:28]), ids[30:80]...)...)) // as a difference of 18
		f.wantMembers(id, append(slices.Clone(ids[8:28]), ids[30:80]...)...)
		f.mustPatchGroup(id, `{"op":"remove","path":"members"}`)
		f.wantMembers(id)
		_, err := f.putGroup(id, group("whole", ids[:2]...))
		require.NoError(t, err)
		f.wantMembers(id, ids[:2]...)
		_, err = f.putGroup(id, group("renamed", ids[:40]...))
		require.NoError(t, err)
		f.wantMembers(id, ids[:40]...)
		_, err = f.putGroup(id, `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"renamed"}`)
		require.NoError(t, err)
		f.wantMembers(id)
	})
	t.Run("unknown members", func(t *testing.T) {
		id := f.mustPostGroup(group("unknown", ids[0], "999", "no such/id"))
		f.wantMembers(id, ids[0])
		r := f.mustPatchGroup(id, add(append([]string{"nobody", newID()}, ids[:60]...)...))
		assert.Lenf(t, r.Skipped, 2, "skipped %v, want two", r.Skipped)
		f.wantMembers(id, ids[:60]...)
		f.settings.UnknownMembers = tenant.UnknownMembersRefuse
		defer func() { f.settings.UnknownMembers = tenant.UnknownMembersSkip }()
		var unknown *directory.UnknownMembersError
		for _, patch := range []string{add(ids[70], "nobody"), add(append([]string{"nobody"}, ids[60:]...)...), replace("nobody", ids[0])} {
			_, err := f.patchGroup(id, patch)
			assert.Truef(t, errors.As(err, &unknown) && slices.Equal(unknown.IDs, []string{"nobody"}), "for a strict tenant: %v", err)
		}
		// Several parts of joins and leaves, in which only a few join.
		stranger := newID()
		_, err := f.patchGroup(id, replace(append([]string{stranger}, ids[11:]...)...))
		assert.Truef(t, errors.As(err, &unknown) && slices.Equal(unknown.IDs, []string{stranger}), "for a strict tenant: %v", err)
		f.wantMembers(id, ids[:60]...)
	})
	t.Run("names are unique", func(t *testing.T) {
		f.mustPostGroup(group("Taken"))
		id := f.mustPostGroup(`{"displayName":"free","externalId":"g-1"}`)
		var taken *directory.TakenError
		for _, body := range []string{group("tAKEN "), `{"displayName":"x","externalId":"g-1"}`, group("taken", ids...)} {
			_, err := f.postGroup(body)
			assert.Truef(t, errors.As(err, &taken) && taken.Reason == directory.TakenGroup, "POST %.80s = %v", body, err)
		}
		for _, patch := range []string{
			`{"op":"replace","path":"displayName","value":"TAKEN"}`,
			`{"op":"replace","path":"displayName","value":"TAKEN"},` + add(ids...),
			`{"op":"replace","path":"displayName","value":"TAKEN"},` + replace(ids...),
		} {
			_, err := f.patchGroup(id, patch)
			assert.Truef(t, errors.As(err, &taken) && taken.Value == "TAKEN", "PATCH %.80s = %v", patch, err)
		}
		f.wantMembers(id)
		f.mustPatchGroup(id, `{"op":"replace","path":"displayName","value":"FREE"}`)
		_, err := f.dir.DeleteGroup(t.Context(), f.tenant, f.by(), id, nil)
		require.NoError(t, err)
		f.mustPostGroup(`{"displayName":"free","externalId":"g-1"}`)
	})
	t.Run("deleted", func(t *testing.T) {
		for _, n := range []int{0, 3, 40} {
			id := f.mustPostGroup(group(fmt.Sprint("deleted ", n), ids[:n]...))
			_, err := f.dir.DeleteGroup(t.Context(), f.tenant, f.by(), id, nil)
			require.NoError(t, err)
			_, _, err = f.dir.Members(t.Context(), f.tenant, id, 10)
			assert.ErrorIs(t, err, directory.ErrNoGroup, "reading it")
			assert.False(t, n > 0 && slices.Contains(f.groupsOf(ids[0]), id), "a user is still in it")
			_, err = f.patchGroup(id, add(ids[0]))
			assert.ErrorIs(t, err, directory.ErrNoGroup, "PATCH")
		}
	})
	t.Run("too many", func(t *testing.T) {
		many := make([]string, directory.MaxMembers+1)
		for i := range many {
			many[i] = newID()
		}
		var limit *directory.MembersError
		_, err := f.postGroup(group("too many", many...))
		assert.ErrorAs(t, err, &limit, "POST")
		id := f.mustPostGroup(group("too many", ids[0]))
		for _, patch := range []string{add(many...), replace(many...), replace(many[:10]...) + "," + add(many...)} {
			_, err := f.patchGroup(id, patch)
			assert.ErrorAsf(t, err, &limit, "PATCH %.40s", patch)
		}
		f.wantMembers(id, ids[0])
	})
	f.sweep()
	f.check(0)
}

// sweep finishes what requests had no time for: an engine may be slow.
func (f *fixture) sweep() {
	f.t.Helper()
	_, err := f.store.SweepTenant(context.Background(), f.tenant, 0)
	require.NoError(f.t, err)
}

func TestGroups_DeletedUser(t *testing.T) {
	enginetest.RunOn(t, enginetest.Three(), testUserWhoIsDeleted)
}

func testUserWhoIsDeleted(t *testing.T, open opener) {
	for _, deleted := range []tenant.DeletedUsers{tenant.DeletedHidden, tenant.DeletedReadable} {
		for _, n := range []int{2, directory.MaxJoined + 1} {
			f := newFixture(t, open, 50, 50)
			f.settings.DeletedUsers = deleted
			ids := f.people(2)
			groups := make([]string, n)
			for i := range groups {
				groups[i] = f.mustPostGroup(group(fmt.Sprint("g", i), ids...))
			}
			version := f.version(groups[0])
			f.mustRemove(ids[0])
			got := f.groupsOf(ids[0])
			assert.Emptyf(t, got, "deleted, the user is in %d groups", len(got))
			for _, id := range groups {
				f.wantMembers(id, ids[1])
			}
			assert.True(t, f.version(groups[0]) > version, "the group's version did not move")
			f.sweep()
			f.check(0)
			back, err := f.post(user(`"userName":"` + f.nameOf(ids[0]) + `"`))
			require.Truef(t, err == nil && back.User.ID == ids[0], "POST = %+v, %v", back, err)
			got = f.groupsOf(ids[0])
			assert.Emptyf(t, got, "back, the user is in %d groups", len(got))
			f.mustPatchGroup(groups[0], add(ids[0]))
			f.wantMembers(groups[0], ids...)
			f.check(1)
		}
	}
}

// nameOf returns the userName of a record, live or deleted.
func (f *fixture) nameOf(id string) string {
	f.t.Helper()
	records, err := f.store.Records(context.Background(), f.tenant, []string{id})
	require.Truef(f.t, err == nil && records[id] != nil, "no record %s: %v", id, err)
	r, err := records[id].Resource()
	require.NoError(f.t, err)
	return r.Text("userName")
}
