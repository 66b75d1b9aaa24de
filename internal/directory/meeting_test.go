package directory_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/table/tabletest"
)

// meetings are the requests that others meet.
var meetings = map[string]func(c *crowd) error{
	"delete": func(c *crowd) error { return c.remove(c.active) },
	"deactivate": func(c *crowd) error {
		_, err := c.patch(c.active, `[{"op":"replace","path":"active","value":false}]`, nil)
		return err
	},
	"create with the same names": func(c *crowd) error {
		_, err := c.post(user(`"userName":"new@x","externalId":"e-gone","emails":[{"value":"renamed@x","primary":true}]`))
		return err
	},
	"reactivate": func(c *crowd) error {
		_, err := c.patch(c.inactive, `[{"op":"replace","path":"active","value":true}]`, nil)
		return err
	},
	"take the application's user": func(c *crowd) error {
		_, err := c.modifyInApp(c.unlinked, directory.AppChange{UserName: ptr("app2@x"), Active: ptr(false)})
		return err
	},
	"protect": func(c *crowd) error {
		_, err := c.modifyInApp(c.member, directory.AppChange{Protected: ptr(true)})
		return err
	},
	"purge": func(c *crowd) error { return c.purge(c.gone) },
	"join and rename": func(c *crowd) error {
		_, err := c.patchGroup(c.group, `{"op":"replace","path":"displayName","value":"New"},`+add(c.active)+`,`+remove(c.people[0]))
		return err
	},
	"a new set of members": func(c *crowd) error { _, err := c.patchGroup(c.group, replace(c.active, c.people[1])); return err },
	"delete a group": func(c *crowd) error {
		_, err := c.dir.DeleteGroup(c.t.Context(), c.tenant, c.by(), c.group, nil)
		return err
	},
}

// ofUsers are the meetings that concern no member of a group.
var ofUsers = []string{"create with the same names", "reactivate", "take the application's user", "purge"}

func concernsGroups(name string) bool {
	return slices.ContainsFunc([]string{"group", "join", "leave", "members", "remove"}, func(part string) bool { return strings.Contains(name, part) })
}

// refusedRequests are requests that another one can let pass, or refuse for another reason.
var refusedRequests = map[string]func(c *crowd) error{
	"take a name with another version": func(c *crowd) error {
		_, err := c.put(c.member, user(`"userName":"active@x"`), directory.Versions{99})
		return err
	},
	"take a name": func(c *crowd) error { _, err := c.put(c.member, user(`"userName":"active@x"`), nil); return err },
	"create with a held email": func(c *crowd) error {
		_, err := c.post(user(`"userName":"new@x","emails":[{"value":"active@x","primary":true}]`))
		return err
	},
	"create with the names of two": func(c *crowd) error {
		_, err := c.post(user(`"userName":"gone@x","externalId":"e-inactive"`))
		return err
	},
	"take the name of a group with another version": func(c *crowd) error {
		_, err := c.dir.ModifyGroup(c.t.Context(), c.tenant, c.by(), c.empty, directory.Versions{99}, c.patchOf(`{"op":"replace","path":"displayName","value":"Staff"}`))
		return err
	},
	"take the name of a group": func(c *crowd) error {
		_, err := c.patchGroup(c.empty, `{"op":"replace","path":"displayName","value":"Staff"}`)
		return err
	},
	"take out a protected member": func(c *crowd) error { _, err := c.patchGroup(c.large, remove(c.protected, c.people[0])); return err },
	"remove by a filter that matches nobody": func(c *crowd) error {
		_, err := c.patchGroup(c.group, `{"op":"remove","path":"members[value eq \"`+c.active+`\"]"}`)
		return err
	},
	"delete a group with a protected member": func(c *crowd) error {
		_, err := c.dir.DeleteGroup(c.t.Context(), c.tenant, c.by(), c.large, nil)
		return err
	},
	"reactivate what the application deactivated": func(c *crowd) error {
		_, err := c.patch(c.unlinked, `[{"op":"replace","path":"active","value":true}]`, nil)
		return err
	},
	"only unknown members": func(c *crowd) error { _, err := c.patchGroup(c.group, replace(c.gone)); return err },
}

// Two requests of which one is made in the middle of the other, before any of its calls, have
// the outcomes and leave the state of one after the other, in one of the two orders.
func TestDirectory_MeetingRequestsHaveAnOrder(t *testing.T) {
	base := newCrowd(t, false)
	for name, request := range changeRequests {
		require.Equal(t, "done", answer(request(base.copied(t))), name)
	}
	requests := maps.Clone(changeRequests)
	maps.Copy(requests, refusedRequests)
	for name, request := range requests {
		t.Run(name, func(t *testing.T) {
			for other, meet := range meetings {
				if concernsGroups(name) && slices.Contains(ofUsers, other) {
					continue // they have nothing in common
				}
				testMeeting(t, base, other, request, meet)
			}
		})
	}
}

func testMeeting(t *testing.T, base *crowd, other string, request, meet func(c *crowd) error) {
	t.Helper()
	first, second := base.copied(t), base.copied(t)
	orders := []string{
		"request " + answer(request(first)) + ", other " + answer(meet(first)) + "\n",
		"", // below
	}
	met := answer(meet(second))
	orders[1] = "request " + answer(request(second)) + ", other " + met + "\n"
	first.settle()
	second.settle()
	orders[0] += first.state()
	orders[1] += second.state()
	for at, calls := int64(0), int64(1); at < calls; at++ {
		c := base.copied(t)
		working, met := c.dir, "not made"
		beside := *c
		f := *c.fixture
		beside.fixture = &f
		m := tabletest.NewMeeting(c.raw, at, func() { met = answer(meet(&beside)) })
		c.dir = c.on(m)
		got := answer(request(c))
		c.dir = working
		calls = max(m.Made(), at+1)
		if met == "not made" {
			break
		}
		c.settle()
		got = "request " + got + ", other " + met + "\n" + c.state()
		require.Contains(t, orders, got, "%s before call %d", other, at)
	}
}
