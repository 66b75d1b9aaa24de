package directory_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/scim/match"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

var errCall = errors.New("the call failed")

// breaking is a table of which one call fails, number at from 0.
type breaking struct {
	table.Table
	at     int64
	calls  atomic.Int64
	writes atomic.Int64 // those applied before the failure
}

func (b *breaking) fails() error {
	if b.calls.Add(1)-1 == b.at {
		return errCall
	}
	return nil
}

func (b *breaking) Get(ctx context.Context, keys ...table.Key) (map[table.Key]table.Item, error) {
	if err := b.fails(); err != nil {
		return nil, err
	}
	return b.Table.Get(ctx, keys...)
}

func (b *breaking) Query(ctx context.Context, q table.Query) (table.Page, error) {
	if err := b.fails(); err != nil {
		return table.Page{}, err
	}
	return b.Table.Query(ctx, q)
}

func (b *breaking) Write(ctx context.Context, tx table.Transaction) error {
	if err := b.fails(); err != nil {
		return err
	}
	err := b.Table.Write(ctx, tx)
	if err == nil && b.calls.Load() <= b.at {
		b.writes.Add(1)
	}
	return err
}

// crowd is a tenant with users and groups in all states, and the ids that requests need.
type crowd struct {
	*fixture
	raw                                                 table.Table
	active, inactive, gone, member, protected, unlinked string
	group, empty, large                                 string
}

func newCrowd(t *testing.T) *crowd {
	raw := enginetest.Memory(t)
	c := &crowd{fixture: newFixtureFor(t, raw, "acme", 100), raw: raw}
	post := func(name, more string) string {
		return c.mustPost(user(`"userName":"` + name + `@x","externalId":"e-` + name + `","emails":[{"value":"` + name + `@x","primary":true},{"value":"other-` + name + `@x"}]` + more)).ID
	}
	c.active, c.member, c.protected = post("active", ""), post("member", ""), post("protected", "")
	c.inactive = post("inactive", `,"active":false`)
	c.gone = post("gone", "")
	c.mustRemove(c.gone)
	c.unlinked = c.mustCreateInApp(directory.AppUser{UserName: "app@x", Email: "app@x", DisplayName: "App"}).ID
	people := c.people(3)
	c.group = c.mustPostGroup(`{"displayName":"Staff","externalId":"e-staff","members":[` + values([]string{c.member, people[0]}) + `]}`)
	c.empty = c.mustPostGroup(`{"displayName":"Empty"}`)
	c.large = c.mustPostGroup(`{"displayName":"Large","members":[` + values(people) + `]}`)
	c.protect(c.protected, true)
	c.mustPatchGroup(c.large, add(c.protected))
	return c
}

// changeRequests are requests that change something in a crowd.
var changeRequests = map[string]func(c *crowd) error{
	"create":                func(c *crowd) error { _, err := c.post(user(`"userName":"new@x","externalId":"e-new"`)); return err },
	"create a deleted user": func(c *crowd) error { _, err := c.post(user(`"userName":"gone@x","externalId":"e-gone"`)); return err },
	"create an inactive user": func(c *crowd) error {
		_, err := c.post(user(`"userName":"inactive@x","externalId":"e-inactive"`))
		return err
	},
	"create with values of a deleted user": func(c *crowd) error {
		_, err := c.post(user(`"userName":"new@x","externalId":"e-gone"`))
		return err
	},
	"create the application's user": func(c *crowd) error {
		_, err := c.post(user(`"userName":"app@x","externalId":"e-app"`))
		return ignoreTaken(err)
	},
	"replace": func(c *crowd) error {
		_, err := c.put(c.active, user(`"userName":"renamed@x","title":"boss"`), nil)
		return err
	},
	"replace with values of a deleted user": func(c *crowd) error {
		_, err := c.put(c.active, user(`"userName":"gone@x","externalId":"e-active"`), nil)
		return err
	},
	"modify": func(c *crowd) error {
		_, err := c.patch(c.active, `[{"op":"replace","path":"title","value":"x"}]`, nil)
		return err
	},
	"modify without change": func(c *crowd) error {
		_, err := c.patch(c.active, `[{"op":"replace","path":"active","value":true}]`, nil)
		return err
	},
	"deactivate": func(c *crowd) error {
		_, err := c.patch(c.member, `[{"op":"replace","path":"active","value":false}]`, nil)
		return err
	},
	"delete":          func(c *crowd) error { return c.remove(c.active) },
	"delete a member": func(c *crowd) error { return c.remove(c.member) },
	"create in the application": func(c *crowd) error {
		_, err := c.dir.CreateInApp(c.t.Context(), c.tenant, c.app(), directory.AppUser{UserName: "jit@x", Email: "jit@x", Origin: directory.OriginJIT, Protected: true})
		return err
	},
	"modify in the application": func(c *crowd) error {
		_, err := c.modifyInApp(c.active, directory.AppChange{Protected: ptr(true), DisplayName: ptr("A"), Type: ptr(tenant.Reader)})
		return err
	},
	"purge":                func(c *crowd) error { return c.purge(c.member) },
	"purge a deleted user": func(c *crowd) error { return c.purge(c.gone) },
	"create a group": func(c *crowd) error {
		_, err := c.postGroup(`{"displayName":"New","members":[` + values([]string{c.active, "nobody"}) + `]}`)
		return err
	},
	"create a group again": func(c *crowd) error {
		_, err := c.postGroup(`{"displayName":"Staff","externalId":"e-staff","members":[` + values([]string{c.active}) + `]}`)
		return ignoreTaken(err)
	},
	"replace a group": func(c *crowd) error {
		_, err := c.putGroup(c.group, `{"displayName":"Renamed","members":[`+values([]string{c.active})+`]}`)
		return err
	},
	"rename a group": func(c *crowd) error {
		_, err := c.patchGroup(c.group, `{"op":"replace","path":"displayName","value":"New name"}`)
		return err
	},
	"join":                 func(c *crowd) error { _, err := c.patchGroup(c.group, add(c.active, c.member, "nobody")); return err },
	"leave":                func(c *crowd) error { _, err := c.patchGroup(c.group, remove(c.member, c.active)); return err },
	"a new set of members": func(c *crowd) error { _, err := c.patchGroup(c.group, replace(c.active)); return err },
	"remove all":           func(c *crowd) error { _, err := c.patchGroup(c.group, `{"op":"remove","path":"members"}`); return err },
	"delete a group": func(c *crowd) error {
		_, err := c.dir.DeleteGroup(c.t.Context(), c.tenant, c.by(), c.group, nil)
		return err
	},
	"delete an empty group": func(c *crowd) error {
		_, err := c.dir.DeleteGroupInApp(c.t.Context(), c.tenant, c.app(), c.empty)
		return err
	},
}

// ignoreTaken makes a refusal because of an existing record no failure.
func ignoreTaken(err error) error {
	var taken *directory.TakenError
	if errors.As(err, &taken) {
		return nil
	}
	return err
}

// A change of which a call fails is reported as failed unless it was stored before, and
// leaves a sound tenant.
func TestDirectory_ReportsEachFailedCallOfAChange(t *testing.T) {
	for name, request := range changeRequests {
		t.Run(name, func(t *testing.T) {
			for at, calls := int64(-1), int64(0); at < calls; at++ {
				c := newCrowd(t)
				seats := c.ledger().Seats
				b := &breaking{Table: c.raw, at: at}
				working := c.dir
				c.dir = c.on(b)
				err := request(c)
				c.dir = working
				if at < 0 {
					require.NoError(t, err)
					calls = b.calls.Load()
					require.NotZero(t, calls)
					continue
				}
				if b.writes.Load() == 0 {
					require.ErrorIs(t, err, errCall, "call %d of %d", at, calls)
					c.check(seats)
				} else {
					c.check(c.ledger().Seats)
				}
			}
		})
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
	c := newCrowd(t)
	working := c.dir
	try := func(name string, read func(c *crowd) error) {
		t.Run(name, func(t *testing.T) {
			whole := &breaking{Table: c.raw, at: -1}
			c.dir = c.on(whole)
			require.NoError(t, read(c))
			require.NotZero(t, whole.calls.Load())
			for at := range whole.calls.Load() {
				c.dir = c.on(&breaking{Table: c.raw, at: at})
				require.ErrorIs(t, read(c), errCall, "call %d of %d", at, whole.calls.Load())
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
