package directory_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/scim/match"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/tabletest"
)

var errCall = errors.New("the call failed")

// breaking is a table of which one call fails, number at from 0.
type breaking struct {
	*tabletest.Calls
	at     int64
	writes atomic.Int64 // those applied before the failure
}

func newBreaking(t table.Table, at int64) *breaking {
	return &breaking{Calls: tabletest.NewFailing(t, at, errCall), at: at}
}

func (b *breaking) Write(ctx context.Context, tx table.Transaction) error {
	err := b.Calls.Write(ctx, tx)
	if err == nil && b.Made() <= b.at {
		b.writes.Add(1)
	}
	return err
}

// A change of which a call fails is reported as failed unless it was made, and is made as a
// whole or not at all, whatever the answer shows.
func TestDirectory_ReportsEachFailedCallOfAChange(t *testing.T) {
	for isBusy, requests := range map[bool]map[string]func(c *crowd) error{false: changeRequests, true: manyRequests} {
		base := newCrowd(t, isBusy)
		before := base.state()
		for name, request := range requests {
			for _, shows := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, shown %t", name, shows), func(t *testing.T) { testFailedCalls(t, base, before, request, shows) })
			}
		}
	}
}

func testFailedCalls(t *testing.T, base *crowd, before string, request func(c *crowd) error, shows bool) {
	after := ""
	for at, calls := int64(-1), int64(0); at < calls; at++ {
		c := base.copied(t)
		c.shows = shows
		b := newBreaking(c.raw, at)
		working := c.dir
		c.dir = c.on(b)
		err := request(c)
		c.dir = working
		c.settle()
		got := c.state()
		switch {
		case at < 0:
			require.NoError(t, err)
			calls, after = b.Made(), got
			require.NotZero(t, calls)
		case b.writes.Load() == 0 && !shows: // what is shown is read beside a write
			require.ErrorIs(t, err, errCall, "call %d of %d", at, calls)
			require.Equal(t, before, got, "call %d of %d", at, calls)
		case err == nil:
			require.Equal(t, after, got, "call %d of %d", at, calls)
		case got == after && after != before:
			var unfinished *directory.UnfinishedError
			require.True(t, errors.Is(err, directory.ErrUnresolved) || errors.As(err, &unfinished),
				"call %d of %d: the change was made, and the answer is that nothing was changed: %v", at, calls, err)
		default:
			require.Equal(t, before, got, "call %d of %d: %v", at, calls, err)
		}
	}
}

// readRequests are requests that read from a crowd.
var readRequests = map[string]func(c *crowd) error{
	"user":             func(c *crowd) error { _, err := c.dir.User(c.t.Context(), c.tenant, c.active); return err },
	"user and groups":  func(c *crowd) error { _, _, err := c.dir.UserAndGroups(c.t.Context(), c.tenant, c.member); return err },
	"groups of a user": func(c *crowd) error { _, err := c.dir.GroupsOf(c.t.Context(), c.tenant, c.member); return err },
	"groups of users": func(c *crowd) error {
		u, err := c.dir.User(c.t.Context(), c.tenant, c.member)
		if err != nil {
			return err
		}
		_, err = c.dir.GroupsOfUsers(c.t.Context(), c.tenant, []*directory.User{u})
		return err
	},
	"user of the application": func(c *crowd) error { _, err := c.dir.AppUser(c.t.Context(), c.tenant, c.gone); return err },
	"users of the application": func(c *crowd) error {
		_, err := c.dir.AppUsers(c.t.Context(), c.tenant, directory.AppQuery{Limit: 200, Deleted: true})
		return err
	},
	"users like a text": func(c *crowd) error {
		_, err := c.dir.MatchUsers(c.t.Context(), c.tenant, "active@x", directory.AppQuery{Limit: 5, Deleted: true})
		return err
	},
	"groups like a text": func(c *crowd) error { _, err := c.dir.MatchGroups(c.t.Context(), c.tenant, "Staff"); return err },
	"group":              func(c *crowd) error { _, err := c.dir.Group(c.t.Context(), c.tenant, c.group); return err },
	"resting group":      func(c *crowd) error { _, _, err := c.dir.Resting(c.t.Context(), c.tenant, c.group); return err },
	"members":            func(c *crowd) error { _, _, err := c.dir.Members(c.t.Context(), c.tenant, c.group, 10); return err },
	"deleted groups":     func(c *crowd) error { _, err := c.dir.DeletedGroups(c.t.Context(), c.tenant, "", 10); return err },
}

// userFilters and groupFilters are answered in different ways: by a key, by a list, and by
// the groups.
var (
	userFilters = []string{
		"", `userName eq "active@x"`, `externalId eq "e-active"`, `emails eq "other-active@x"`, `id eq "ID"`, `title pr`,
		`userName sw "a"`, `groups.value eq "GROUP"`, `userName eq "active@x" or externalId eq "e-member"`,
	}
	groupFilters = []string{"", `displayName eq "Staff"`, `externalId eq "e-staff"`, `id eq "GROUP"`, `displayName co "a"`, `members.value eq "ID"`, `members[value eq "ID"]`}
)

// query returns a query of a crowd, whose one page has all that match: a page of several
// saves a bookmark, without which a search goes on.
func (c *crowd) query(of *schema.ResourceType, filter string) directory.Query {
	q := directory.Query{StartIndex: 1, Count: 100}
	if filter != "" {
		compiled, err := match.CompileFilter(of, strings.NewReplacer("ID", c.member, "GROUP", c.group).Replace(filter))
		require.NoError(c.t, err, filter)
		q.Filter = compiled
	}
	return q
}

// A read of which any call fails is reported as failed: a part of an answer would look
// like the whole.
func TestDirectory_ReportsEachFailedCallOfARead(t *testing.T) {
	c := newCrowd(t, false)
	working := c.dir
	try := func(name string, read func(c *crowd) error) {
		t.Run(name, func(t *testing.T) {
			whole := newBreaking(c.raw, -1)
			c.dir = c.on(whole)
			require.NoError(t, read(c))
			require.NotZero(t, whole.Made())
			for at := range whole.Made() {
				c.dir = c.on(newBreaking(c.raw, at))
				require.ErrorIs(t, read(c), errCall, "call %d of %d", at, whole.Made())
			}
			c.dir = working
		})
	}
	for name, read := range readRequests {
		try(name, read)
	}
	for _, filter := range userFilters {
		try("users "+filter, func(c *crowd) error {
			_, err := c.dir.Search(c.t.Context(), c.tenant, c.by(), c.query(c.types, filter))
			return err
		})
	}
	for _, filter := range groupFilters {
		try("groups "+filter, func(c *crowd) error {
			_, err := c.dir.SearchGroups(c.t.Context(), c.tenant, c.by(), c.query(schema.GroupType(), filter))
			return err
		})
	}
	try("users and groups", func(c *crowd) error {
		_, err := c.dir.SearchResources(c.t.Context(), c.tenant, c.by(), c.query(c.types, `externalId pr`), c.query(schema.GroupType(), `externalId pr`))
		return err
	})
}

// A change of a group is answered with the version that the group has, also if a call fails
// after the change was made: it is the client's next If-Match.
func TestGroup_AnswersHaveItsVersion(t *testing.T) {
	base := newCrowd(t, true)
	for name, operations := range map[string]string{
		"few join": add(base.active), "many join": add(base.people[35:70]...), "many leave": remove(base.people[1:34]...),
		"a new set": replace(base.people[34:]...), "rename": `{"op":"replace","path":"displayName","value":"Other"}`,
	} {
		for at, calls := int64(-1), int64(0); at < calls; at++ {
			c := base.copied(t)
			b := newBreaking(c.raw, at)
			r, err := c.patchBy(c.on(b), c.many, operations)
			if at < 0 {
				require.NoError(t, err, name)
				calls = b.Made()
			}
			if err == nil {
				require.Equal(t, c.version(c.many), r.Group.Version, "%s: call %d of %d", name, at, calls)
			}
		}
	}
}

// An answer shows all groups of a user, and the members of a group: if they cannot be read
// beside the change, it is an error that says that the change was made. A request that changed
// nothing does not say so.
func TestAnswers_AreWholeOrSayThatTheChangeWasMade(t *testing.T) {
	base := newCrowd(t, false)
	before := base.state()
	for name, request := range map[string]func(c *crowd, d *directory.Directory) (int, error){
		"a user": func(c *crowd, d *directory.Directory) (int, error) {
			r, err := d.Modify(t.Context(), c.tenant, c.by(), c.member, nil, c.patchOf(`{"op":"replace","path":"title","value":"x"}`))
			return len(r.Groups), err
		},
		"a group": func(c *crowd, d *directory.Directory) (int, error) {
			r, err := c.patchBy(d, c.group, `{"op":"replace","path":"displayName","value":"Other"}`)
			return len(r.Members), err
		},
	} {
		for _, stays := range []bool{false, true} {
			want := 0
			for at, calls := int64(-1), int64(0); at < calls; at++ {
				c := base.copied(t)
				c.shows = true
				broken := &tabletest.Calls{Table: c.raw, Before: func(call int64) error {
					if at >= 0 && (call == at || stays && call > at) {
						return errCall
					}
					return nil
				}}
				shown, err := request(c, c.on(broken))
				made := c.state() != before
				switch {
				case at < 0:
					require.NoError(t, err, name)
					calls, want = broken.Made(), shown
					require.Positive(t, want, name)
				case err == nil:
					require.Equal(t, want, shown, "%s: call %d of %d: a part of the answer", name, at, calls)
				default:
					require.ErrorIs(t, err, errCall, "%s: call %d of %d", name, at, calls)
					require.Equal(t, made, errors.Is(err, directory.ErrUnresolved), "%s: call %d of %d: made %t, %v", name, at, calls, made, err)
				}
			}
		}
	}
}
