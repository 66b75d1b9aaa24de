package directory_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/scim/match"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
	"github.com/rollcall-scim/rollcall/internal/store"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/tabletest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// memberReads are the reads that show whether a user is in a group, each with its answer.
var memberReads = map[string]func(c *crowd, user, group string) (bool, error){
	"members": func(c *crowd, user, group string) (bool, error) {
		_, members, err := c.dir.Members(c.t.Context(), c.tenant, group, 100)
		return slices.Contains(members, user), err
	},
	"groups of the user": func(c *crowd, user, group string) (bool, error) {
		groups, err := c.dir.GroupsOf(c.t.Context(), c.tenant, user)
		return hasGroup(groups, group), err
	},
	"user and groups": func(c *crowd, user, group string) (bool, error) {
		_, groups, err := c.dir.UserAndGroups(c.t.Context(), c.tenant, user)
		return hasGroup(groups, group), err
	},
	"groups of users": func(c *crowd, user, group string) (bool, error) {
		users := make([]*directory.User, 2)
		for i, id := range []string{c.active, user} {
			u, err := c.dir.User(c.t.Context(), c.tenant, id)
			if err != nil {
				return false, err
			}
			users[i] = u
		}
		groups, err := c.dir.GroupsOfUsers(c.t.Context(), c.tenant, users)
		return hasGroup(groups[user], group), err
	},
	"users of the group": func(c *crowd, user, group string) (bool, error) {
		return c.findsUser(`groups.value eq "`+group+`"`, user)
	},
	"users of the group by another key": func(c *crowd, user, group string) (bool, error) {
		return c.findsUser(`id eq "`+user+`" and groups.value eq "`+group+`"`, user)
	},
	"users by the type of their groups": func(c *crowd, user, group string) (bool, error) {
		return c.findsUser(`id eq "`+user+`" and groups[type eq "direct" and value sw "`+group+`"]`, user)
	},
	"groups with the member": func(c *crowd, user, group string) (bool, error) {
		return c.findsGroup(`members.value eq "`+user+`"`, group)
	},
	"groups with the member by another key": func(c *crowd, user, group string) (bool, error) {
		return c.findsGroup(`id eq "`+group+`" and members.value eq "`+user+`"`, group)
	},
	"groups by the type of the member": func(c *crowd, user, group string) (bool, error) {
		return c.findsGroup(`id eq "`+group+`" and members[type eq "User" and value sw "`+user+`"]`, group)
	},
	"the answer to a PATCH of the user": func(c *crowd, user, group string) (bool, error) {
		c.shows = true
		r, err := c.patch(user, `[{"op":"replace","path":"title","value":"x"}]`, nil)
		return hasGroup(r.Groups, group), err
	},
	"the answer to a PATCH of the user that changes nothing": func(c *crowd, user, group string) (bool, error) {
		c.shows = true
		r, err := c.patch(user, `[{"op":"replace","path":"active","value":false}]`, nil)
		return hasGroup(r.Groups, group), err
	},
}

// ofTheUser are the reads that begin with the user, which may lack a group that the user is
// still to join.
var ofTheUser = []string{
	"groups of the user", "groups with the member", "user and groups", "groups of users", "users by the type of their groups",
	"the answer to a PATCH of the user", "the answer to a PATCH of the user that changes nothing",
}

func hasGroup(groups []*directory.Group, id string) bool {
	return slices.ContainsFunc(groups, func(g *directory.Group) bool { return g.ID == id })
}

func (c *crowd) findsUser(filter, id string) (bool, error) {
	found, err := c.search(filter, 1, 200)
	return slices.ContainsFunc(found.Records, func(u *directory.User) bool { return u.ID == id }), err
}

func (c *crowd) findsGroup(filter, id string) (bool, error) {
	compiled, err := match.CompileFilter(schema.GroupType(), filter)
	require.NoError(c.t, err)
	found, err := c.dir.SearchGroups(c.t.Context(), c.tenant, c.by(), directory.Query{Filter: compiled, StartIndex: 1, Count: 200})
	return hasGroup(found.Records, id), err
}

// A change of many members that was stopped at any of its writes is seen by each read as a
// whole or not at all: all members who join or leave get the same answer.
func TestReads_SeeAStoppedChangeAsAWhole(t *testing.T) {
	base := newCrowd(t, true)
	for name, request := range map[string]func(c *crowd) error{
		"join":      func(c *crowd) error { _, err := c.patchGroup(c.group, add(c.people[35:70]...)); return err },
		"leave":     func(c *crowd) error { _, err := c.patchGroup(c.many, remove(c.people[1:34]...)); return err },
		"a new set": func(c *crowd) error { _, err := c.patchGroup(c.many, replace(c.people[34:]...)); return err },
		"deletion":  func(c *crowd) error { return c.remove(c.busy) },
	} {
		t.Run(name, func(t *testing.T) {
			pending, whole := 0, 0
			for stop := 1; stop <= 8; stop++ {
				stopped := base.copied(t)
				var err error
				stopped.stoppedAfter(stop, func() { err = request(stopped) })
				for _, id := range []string{stopped.group, stopped.many} {
					if g, err := stopped.store.Group(t.Context(), stopped.tenant, id); err == nil && g.PendingChange != "" {
						pending++
					}
				}
				if stopped.isSeenWhole(t, name, stop) {
					whole++
				}
				if err == nil {
					break
				}
			}
			require.Positive(t, whole, "the change was never seen")
			if name == "join" || name == "leave" {
				require.Positive(t, pending, "no change was stopped after it was accepted")
			}
		})
	}
}

// stoppedAfter makes a request in a process that is killed after some writes.
func (c *crowd) stoppedAfter(writes int, request func()) {
	working := c.dir
	f := *c.fixture
	f.store = store.New(table.Retrying(tabletest.NewFault(c.raw, 1, tabletest.FaultPlan{StopAfter: writes})), newID, time.Now)
	c.dir = f.directory(0)
	request()
	c.dir = working
}

// isSeenWhole reports whether the change is seen, and fails if reads differ.
func (c *crowd) isSeenWhole(t *testing.T, change string, stop int) bool {
	t.Helper()
	in := map[string]struct {
		group         string
		before, after bool
		users         []string
	}{
		"join":      {c.group, false, true, []string{c.people[35], c.people[69]}},
		"leave":     {c.many, true, false, []string{c.people[1], c.people[33]}},
		"a new set": {c.many, false, true, []string{c.people[35], c.people[69]}},
	}[change]
	if change == "deletion" {
		_, groups, err := c.copied(t).dir.UserAndGroups(t.Context(), c.tenant, c.busy)
		require.True(t, err != nil || len(groups) == directory.MaxJoined+2, "stopped after %d writes: %d groups, %v", stop, len(groups), err)
		found, err := c.copied(t).findsGroup(`members.value eq "`+c.busy+`"`, c.group)
		require.NoError(t, err)
		require.False(t, found)
		return true
	}
	state, first := "", true
	for name, read := range memberReads {
		for _, user := range in.users {
			one := c.copied(t)
			is, err := read(one, user, in.group)
			require.NoError(t, err, "%s after %d writes", name, stop)
			if change != "leave" && !is && slices.Contains(ofTheUser, name) {
				continue
			}
			if got := map[bool]string{in.before: "before", in.after: "after"}[is]; first {
				state, first = got, false
			} else {
				require.Equal(t, state, got, "%s after %d writes", name, stop)
			}
		}
	}
	return state == "after"
}

// A user whose deletion was stopped is in no group any more, for each request that meets it:
// the answer shows none, the rest of the memberships end, and the user may join again.
func TestUsers_WhoseMembershipsAreStillEnding(t *testing.T) {
	base := newCrowd(t, true)
	again := user(`"userName":"busy@x","externalId":"e-busy"`)
	for name, c := range map[string]struct {
		readable bool // the stopped deletion leaves the user readable
		request  func(c *crowd) (directory.Result, error)
	}{
		"PATCH": {true, func(c *crowd) (directory.Result, error) {
			return c.patch(c.busy, `[{"op":"replace","path":"title","value":"x"}]`, nil)
		}},
		"PATCH without a change": {true, func(c *crowd) (directory.Result, error) {
			return c.patch(c.busy, `[{"op":"replace","path":"active","value":false}]`, nil)
		}},
		"POST":           {true, func(c *crowd) (directory.Result, error) { return c.post(again) }},
		"POST of a gone": {false, func(c *crowd) (directory.Result, error) { return c.post(again) }},
		"DELETE that hides": {true, func(c *crowd) (directory.Result, error) {
			c.settings.DeletedUsers = tenant.DeletedHidden
			return c.dir.Delete(t.Context(), c.tenant, c.by(), c.busy, nil)
		}},
		"DELETE again": {true, func(c *crowd) (directory.Result, error) {
			return c.dir.Delete(t.Context(), c.tenant, c.by(), c.busy, nil)
		}},
		"purge": {true, func(c *crowd) (directory.Result, error) { return c.dir.Purge(t.Context(), c.tenant, c.app(), c.busy) }},
		"purge of a gone": {false, func(c *crowd) (directory.Result, error) {
			return c.dir.Purge(t.Context(), c.tenant, c.app(), c.busy)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			c1 := base.copied(t)
			if c.readable {
				c1.settings.DeletedUsers = tenant.DeletedReadable
			}
			c1.stoppedAfter(1, func() { _ = c1.remove(c1.busy) })
			left, err := c1.store.MembershipsOf(t.Context(), c1.tenant, c1.busy, 100)
			require.NoError(t, err)
			require.NotEmpty(t, left, "the deletion was not stopped")
			c1.shows = true
			result, err := c.request(c1)
			require.NoError(t, err)
			require.Empty(t, result.Groups)
			require.Empty(t, c1.groupsOf(c1.busy))
			c1.settle()
			u, err := c1.dir.User(t.Context(), c1.tenant, c1.busy)
			if err == nil {
				require.False(t, u.Leaving)
				c1.mustPatchGroup(c1.empty, add(c1.busy))
				require.Equal(t, []string{c1.empty}, c1.groupsOf(c1.busy))
			}
			c1.settle()
		})
	}
}

// A purge that was stopped is continued by the next one, which does not find the user.
func TestPurge_ContinuesAStoppedOne(t *testing.T) {
	c := newCrowd(t, true)
	c.stoppedAfter(1, func() { _ = c.purge(c.busy) })
	left := func() int {
		memberships, err := c.store.MembershipsOf(t.Context(), c.tenant, c.busy, 100)
		require.NoError(t, err)
		return len(memberships)
	}
	require.Positive(t, left(), "the purge was not stopped")
	require.ErrorIs(t, c.purge(c.busy), directory.ErrNotFound)
	require.Zero(t, left())
	c.check(c.ledger().Seats)
}

// A read of a group whose change was stopped finishes the change: it reports each call that
// fails, or has the whole answer.
func TestReads_ReportEachFailedCallOfAStoppedChange(t *testing.T) {
	base := newCrowd(t, true)
	var stopped *crowd
	for stop := 1; ; stop++ {
		stopped = base.copied(t)
		stopped.stoppedAfter(stop, func() { _, _ = stopped.patchGroup(stopped.many, remove(stopped.people[1:34]...)) })
		if g, err := stopped.store.Group(t.Context(), stopped.tenant, stopped.many); err == nil && g.PendingChange != "" {
			break
		}
		require.Less(t, stop, 10)
	}
	for name, read := range memberReads {
		t.Run(name, func(t *testing.T) {
			for at, calls := int64(-1), int64(0); at < calls; at++ {
				c := stopped.copied(t)
				b := newBreaking(c.raw, at)
				c.dir = c.on(b)
				is, err := read(c, c.people[33], c.many)
				if at < 0 {
					calls = b.Made()
				}
				if err != nil {
					require.ErrorIs(t, err, errCall, "call %d of %d", at, calls)
					continue
				}
				require.False(t, is, "call %d of %d: half of a change", at, calls)
			}
		})
	}
}
