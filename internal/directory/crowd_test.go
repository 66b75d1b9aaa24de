package directory_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/store"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/embedded"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// crowd is a tenant with users and groups in all states, and the ids that requests need.
type crowd struct {
	*fixture
	raw                                                       *embedded.Table
	active, inactive, gone, member, protected, unlinked, busy string
	group, empty, large, many                                 string
	people                                                    []string // inactive; the first 35 are in the group many
}

// newCrowd returns a crowd. Only a busy one has users in many groups, and groups with many
// members.
func newCrowd(t *testing.T, isBusy bool) *crowd {
	t.Helper()
	raw, err := embedded.Memory()
	require.NoError(t, err)
	t.Cleanup(func() { _ = raw.Close() })
	c := &crowd{fixture: newFixtureFor(t, raw, "acme", 100), raw: raw}
	post := func(name, more string) string {
		return c.mustPost(user(`"userName":"` + name + `@x","externalId":"e-` + name + `","emails":[{"value":"` + name + `@x","primary":true},{"value":"other-` + name + `@x"}]` + more)).ID
	}
	c.active, c.member, c.protected = post("active", ""), post("member", ""), post("protected", "")
	c.inactive = post("inactive", `,"active":false`)
	c.gone = post("gone", "")
	c.mustRemove(c.gone)
	c.unlinked = c.mustCreateInApp(directory.AppUser{UserName: "app@x", Email: "app@x", DisplayName: "App"}).ID
	most := 3
	if isBusy {
		most = 70
		c.busy = post("busy", `,"active":false`)
	}
	for i := range most {
		c.people = append(c.people, c.mustPost(user(fmt.Sprintf(`"userName":"p%02d","active":false`, i))).ID)
	}
	c.group = c.mustPostGroup(`{"displayName":"Staff","externalId":"e-staff","members":[` + values([]string{c.member, c.people[0], c.inactive}) + `]}`)
	c.empty = c.mustPostGroup(`{"displayName":"Empty"}`)
	c.large = c.mustPostGroup(`{"displayName":"Large","members":[` + values(c.people[:3]) + `]}`)
	c.protect(c.protected, true)
	c.mustPatchGroup(c.large, add(c.protected))
	if isBusy {
		c.many = c.mustPostGroup(`{"displayName":"Many","members":[` + values(c.people[:35]) + `]}`)
		for i := range directory.MaxJoined + 2 {
			c.mustPostGroup(fmt.Sprintf(`{"displayName":"Of busy %d","members":[%s]}`, i, values([]string{c.busy})))
		}
	}
	return c
}

// copied returns the crowd on a copy of its table.
func (c *crowd) copied(t *testing.T) *crowd {
	t.Helper()
	raw, err := c.raw.Copy()
	require.NoError(t, err)
	t.Cleanup(func() { _ = raw.Close() })
	f, other := *c.fixture, *c
	f.t, f.store = t, store.New(table.Retrying(raw), newID, time.Now)
	f.dir = f.directory(0)
	other.fixture, other.raw = &f, raw
	return &other
}

// state describes the users and groups of the crowd, without what differs from run to run.
func (c *crowd) state() string {
	c.t.Helper()
	ctx := context.Background()
	var lines []string
	name := map[string]string{}
	for q := (directory.AppQuery{Limit: directory.MaxAppCount, Deleted: true}); ; {
		page, err := c.dir.AppUsers(ctx, c.tenant, q)
		require.NoError(c.t, err)
		for _, u := range page.Users {
			r, err := u.Resource()
			require.NoError(c.t, err)
			name[u.ID] = r.Text("userName")
			held := make([]string, 0, len(u.Held))
			for kind := range u.Held {
				held = append(held, string(kind))
			}
			slices.Sort(held)
			lines = append(lines, fmt.Sprint("user ", r.Text("userName"), " ", r.Text("externalId"), " ", r.Text("title"), " ", r.Text("displayName"),
				" emails ", r["emails"], " version ", u.Version, " active ", u.Active, " by ", u.DeactivatedBy, " ", u.Type, " deleted ", u.Deleted,
				" linked ", u.Linked, " protected ", u.Protected, " holds ", held))
		}
		if q.After = page.Next; page.Next == "" {
			break
		}
	}
	groups, err := c.store.Groups(ctx, c.tenant, directory.Range{})
	require.NoError(c.t, err)
	for _, g := range groups.Records {
		r, err := g.Resource()
		require.NoError(c.t, err)
		var members []string
		for _, id := range c.members(g.ID) {
			members = append(members, name[id])
		}
		slices.Sort(members)
		lines = append(lines, fmt.Sprint("group ", r.Text("displayName"), " ", r.Text("externalId"), " members ", members))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// settle finishes the unfinished work, and requires that the tenant is sound.
func (c *crowd) settle() {
	c.t.Helper()
	_, err := c.store.SweepNow(context.Background(), c.tenant)
	require.NoError(c.t, err)
	c.check(c.ledger().Seats)
}

// answer describes the answer to a request, without what differs from run to run.
func answer(err error) string {
	var taken *directory.TakenError
	switch {
	case err == nil:
		return "done"
	case errors.As(err, &taken):
		return "taken: " + string(taken.Reason) // of several taken values any may be named
	}
	return err.Error()
}

// changeRequests are requests that change something in a crowd, those of manyRequests in a
// busy one: what is too much for one transaction.
var changeRequests = map[string]func(c *crowd) error{
	"create":                func(c *crowd) error { _, err := c.post(user(`"userName":"new@x","externalId":"e-new"`)); return err },
	"create a deleted user": func(c *crowd) error { _, err := c.post(user(`"userName":"gone@x","externalId":"e-gone"`)); return err },
	"create an inactive user": func(c *crowd) error {
		_, err := c.post(user(`"userName":"inactive@x","externalId":"e-inactive"`))
		return err
	},
	"create an inactive user as another person": func(c *crowd) error {
		_, err := c.post(user(`"userName":"inactive@x","externalId":"e-other"`))
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
	"link the application's user": func(c *crowd) error {
		_, err := c.post(user(`"userName":"app@x","externalId":"e-app","emails":[{"value":"app@x","primary":true}],"` + extension + `":{"isTeamAccount":true}`))
		return err
	},
	"replace": func(c *crowd) error {
		_, err := c.put(c.active, user(`"userName":"renamed@x","title":"boss"`), nil)
		return err
	},
	"replace another version": func(c *crowd) error {
		_, err := c.put(c.inactive, user(`"userName":"renamed@x","active":true`), directory.Versions{99})
		return ignore(err, directory.ErrVersion)
	},
	"replace another version by a name of two forms": func(c *crowd) error {
		_, err := c.put(c.inactive, user(`"userName":"re\u034fnamed@x","active":true`), directory.Versions{99})
		return ignore(err, directory.ErrVersion)
	},
	"replace by a name of two forms": func(c *crowd) error {
		_, err := c.put(c.active, user(`"userName":"re\u034fnamed@x"`), nil)
		return err
	},
	"replace with values of a deleted user": func(c *crowd) error {
		_, err := c.put(c.active, user(`"userName":"gone@x","externalId":"e-active"`), nil)
		return err
	},
	"reactivate as another person": func(c *crowd) error {
		_, err := c.put(c.inactive, user(`"userName":"inactive@x","externalId":"e-other","active":true`), nil)
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
	"create in the application with values of a deleted user": func(c *crowd) error {
		_, err := c.dir.CreateInApp(c.t.Context(), c.tenant, c.app(), directory.AppUser{UserName: "gone@x", Email: "gone@x", Origin: directory.OriginManual})
		return err
	},
	"modify in the application": func(c *crowd) error {
		_, err := c.modifyInApp(c.active, directory.AppChange{Protected: ptr(true), DisplayName: ptr("A"), Type: ptr(tenant.Reader)})
		return err
	},
	"rename in the application": func(c *crowd) error {
		_, err := c.modifyInApp(c.active, directory.AppChange{UserName: ptr("gone@x"), Email: ptr("gone@x"), Active: ptr(false)})
		return err
	},
	"purge":                  func(c *crowd) error { return c.purge(c.member) },
	"purge a deleted user":   func(c *crowd) error { return c.purge(c.gone) },
	"purge a protected user": func(c *crowd) error { return c.purge(c.protected) },
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
	"replace a group as it is": func(c *crowd) error {
		_, err := c.putGroup(c.group, `{"displayName":"Staff","externalId":"e-staff","members":[`+values([]string{c.member, c.people[0], c.inactive})+`]}`)
		return err
	},
	"rename a group": func(c *crowd) error {
		_, err := c.patchGroup(c.group, `{"op":"replace","path":"displayName","value":"New name"}`)
		return err
	},
	"join":           func(c *crowd) error { _, err := c.patchGroup(c.group, add(c.active, c.member, newID())); return err },
	"join and clear": func(c *crowd) error { _, err := c.patchGroup(c.empty, add(c.active)); return err },
	"leave":          func(c *crowd) error { _, err := c.patchGroup(c.group, remove(c.member, c.active)); return err },
	"leave by a filter": func(c *crowd) error {
		_, err := c.patchGroup(c.group, `{"op":"remove","path":"members[not (value eq \"`+c.member+`\")]"}`)
		return err
	},
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

var manyRequests = map[string]func(c *crowd) error{
	"create a group of many": func(c *crowd) error {
		_, err := c.postGroup(`{"displayName":"New","members":[` + values(append([]string{newID()}, c.people[:40]...)) + `]}`)
		return err
	},
	"many join": func(c *crowd) error {
		_, err := c.patchGroup(c.group, add(append(c.people[:40:40], newID())...))
		return err
	},
	"many leave": func(c *crowd) error { _, err := c.patchGroup(c.many, remove(c.people[:34]...)); return err },
	"many change": func(c *crowd) error {
		_, err := c.patchGroup(c.many, remove(c.people[:20]...)+","+add(c.people[40:60]...))
		return err
	},
	"many join a renamed group": func(c *crowd) error {
		_, err := c.patchGroup(c.group, `{"op":"replace","path":"displayName","value":"New name"},`+add(c.people[:40]...))
		return err
	},
	"many join again":   func(c *crowd) error { _, err := c.patchGroup(c.many, add(c.people[:35]...)); return err },
	"a new set of many": func(c *crowd) error { _, err := c.patchGroup(c.many, replace(c.people[30:]...)); return err },
	"a new set of few":  func(c *crowd) error { _, err := c.patchGroup(c.many, replace(c.people[40])); return err },
	"replace a group by few": func(c *crowd) error {
		_, err := c.putGroup(c.many, `{"displayName":"Many","members":[`+values(c.people[:33])+`]}`)
		return err
	},
	"remove many": func(c *crowd) error { _, err := c.patchGroup(c.many, `{"op":"remove","path":"members"}`); return err },
	"delete a group of many": func(c *crowd) error {
		_, err := c.dir.DeleteGroup(c.t.Context(), c.tenant, c.by(), c.many, nil)
		return err
	},
	"delete a user in many groups": func(c *crowd) error { return c.remove(c.busy) },
	"purge a user in many groups":  func(c *crowd) error { return c.purge(c.busy) },
	"reactivate a user in many groups as another person": func(c *crowd) error {
		_, err := c.post(user(`"userName":"busy@x","externalId":"e-other"`))
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

func ignore(err, expected error) error {
	if errors.Is(err, expected) {
		return nil
	}
	return err
}
