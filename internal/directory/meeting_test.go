package directory_test

import (
	"context"
	"hash/fnv"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/table"
)

// meeting is a table on which another request is made before one call, number at from 0.
type meeting struct {
	table.Table
	at    int64
	other func()
	calls atomic.Int64
}

func (m *meeting) next() {
	if m.calls.Add(1)-1 == m.at {
		m.other()
	}
}

func (m *meeting) Get(ctx context.Context, keys ...table.Key) (map[table.Key]table.Item, error) {
	m.next()
	return m.Table.Get(ctx, keys...)
}

func (m *meeting) Query(ctx context.Context, q table.Query) (table.Page, error) {
	m.next()
	return m.Table.Query(ctx, q)
}

func (m *meeting) Write(ctx context.Context, tx table.Transaction) error {
	m.next()
	return m.Table.Write(ctx, tx)
}

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

// Two requests of which one is made in the middle of the other, before any of its calls, have
// the outcomes and leave the state of one after the other, in one of the two orders.
func TestDirectory_MeetingRequestsHaveAnOrder(t *testing.T) {
	base := newCrowd(t, false)
	alone := map[string]bool{}
	for name, request := range changeRequests {
		alone[name] = answer(request(base.copied(t))) == "done"
	}
	for name, request := range changeRequests {
		require.True(t, alone[name], name)
		t.Run(name, func(t *testing.T) {
			for other, meet := range meetings {
				if h := fnv.New32a(); func() bool { _, _ = h.Write([]byte(name + other)); return h.Sum32()%2 == 0 }() {
					continue // half of the pairs are enough for each run
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
		m := &meeting{Table: c.raw, at: at, other: func() { met = answer(meet(&beside)) }}
		c.dir = c.on(m)
		got := answer(request(c))
		c.dir = working
		calls = max(m.calls.Load(), at+1)
		if met == "not made" {
			break
		}
		c.settle()
		got = "request " + got + ", other " + met + "\n" + c.state()
		require.Contains(t, orders, got, "%s before call %d", other, at)
	}
}
