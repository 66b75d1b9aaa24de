package kill

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/embedded"
)

// A trial is a tenant with one client, on which the checks themselves are tried.
type trial struct {
	t      *testing.T
	engine *embedded.Table
	tenancy
}

func newTrial(t *testing.T) *trial {
	t.Helper()
	engine, err := embedded.Memory()
	require.NoError(t, err)
	t.Cleanup(func() { _ = engine.Close() })
	since := time.Now()
	i := newInstance(t, engine, io.Discard, app.Options{})
	// The client of scim-client sends bulk requests; those of others occur below.
	return &trial{t, engine, *newTenancy(i.open(t, "acme"), since, 0, len(dialects), 7, mostUser)}
}

func (r *trial) on(engine table.Table) instance {
	return newInstance(r.t, engine, io.Discard, app.Options{})
}

// copied returns the tenancy with copies of what its clients know, to be checked against
// another table.
func (r *trial) copied() *tenancy {
	c := r.tenancy
	c.clients = slices.Clone(c.clients)
	for i, own := range c.clients {
		one := *own
		one.state, one.acknowledged = own.state.clone(), maps.Clone(own.acknowledged)
		c.clients[i] = &one
	}
	return &c
}

func (r *trial) faults(engine table.Table) string {
	i := r.on(engine)
	return strings.Join(r.copied().check(r.t.Context(), i, i), "\n")
}

// Each kind of acknowledged change is missed if it is lost: the checks find nothing where it
// is, and a fault in a copy of the table from before.
func TestCheck_NoticesALostChangeOfEachKind(t *testing.T) {
	t.Parallel()
	r := newTrial(t)
	tried := map[string]int{}
	names := map[string]bool{}
	for _, k := range kinds {
		names[k.name] = true
	}
	for step := 0; len(tried) < len(names) && step < 4000; step++ {
		c := r.clients[step%len(r.clients)]
		next := c.next(c.state)
		if tried[next.kind] > 0 {
			require.True(t, c.do(t.Context(), r.on(r.engine), next), "%v", c.faults)
			continue
		}
		before, err := r.engine.Copy()
		require.NoError(t, err)
		require.True(t, c.do(t.Context(), r.on(r.engine), next), "%s: %v", next.kind, c.faults)
		assert.Empty(t, r.faults(r.engine), "after %s", next.kind)
		assert.Contains(t, r.faults(before), "differs from the acknowledged state", "without %s", next.kind)
		tried[next.kind]++
		require.NoError(t, before.Close())
	}
	assert.Len(t, tried, len(names), "%v", tried)
}

// grown returns a trial whose first client has users, and a group of some of them.
func grown(t *testing.T, members int) (r *trial, c *client, key string) {
	t.Helper()
	r = newTrial(t)
	c = r.clients[0]
	for range 40 {
		next, _ := c.create(c.state)
		require.True(t, c.do(t.Context(), r.on(r.engine), next))
	}
	for len(c.state.groups) == 0 || len(c.state.groups[key].members) < members {
		next, ok := c.createGroup(c.state)
		require.True(t, ok)
		require.True(t, c.do(t.Context(), r.on(r.engine), next))
		for key = range next.after[0].groups {
			if len(next.after[0].groups[key].members) >= members {
				break
			}
		}
	}
	require.Empty(t, r.faults(r.engine))
	return r, c, key
}

// What a crash or a mistake could leave behind is a fault each.
func TestCheck_NoticesWhatACrashCouldLeave(t *testing.T) {
	t.Parallel()
	r, c, key := grown(t, 30)
	group := c.state.groups[key]
	members := slices.Sorted(maps.Keys(group.members))
	user := c.state.users[members[0]]
	lose := func(t *testing.T, engine table.Table, ops ...table.Op) {
		require.NoError(t, engine.Write(t.Context(), table.Transaction{Token: uuid.NewString(), Ops: ops}))
	}
	// unanswered lets the client believe that it sent a replace of all members.
	unanswered := func(c *client) {
		after := c.state.clone()
		g := after.groups[key]
		g.members = setOf(members[:2])
		after.groups[key] = g
		replace := change{kind: "replace", after: []state{after}}
		c.doubt(replace, replace.possible(c.state))
	}
	for name, tt := range map[string]struct {
		damage func(t *testing.T, on *embedded.Table, c *client)
		want   string
	}{
		"an unanswered replace that removed one member": {func(t *testing.T, on *embedded.Table, c *client) {
			unanswered(c)
			got, err := r.on(on).send(t.Context(), "PATCH", "/Groups/"+group.id, c.token, "", stage.Patch(
				fmt.Sprintf(`{"op":"remove","path":"members[value eq \"%s\"]"}`, user.id)))
			require.NoError(t, err)
			require.Equal(t, 200, got.status)
		}, "which was not acknowledged"},
		"a lost log entry": {func(t *testing.T, on *embedded.Table, c *client) {
			for id := range c.acknowledged {
				lose(t, on, table.Delete(table.Key{Partition: "T#acme#LOG", Sort: id}))
				return
			}
		}, "the log has no entry of request"},
		"a change that nobody sent": {func(t *testing.T, on *embedded.Table, c *client) {
			got, err := r.on(on).send(t.Context(), "PATCH", "/Users/"+user.id, c.token, "", stage.Patch(`{"op":"replace","path":"nickName","value":"x"}`))
			require.NoError(t, err)
			require.Equal(t, 200, got.status)
		}, "there were"},
		"a seat counted twice": {func(t *testing.T, on *embedded.Table, _ *client) {
			lose(t, on, table.Update(table.Key{Partition: "T#acme#LEDGER", Sort: "0"}, table.Change{Add: map[string]int64{"seats": 1}}))
		}, "seats in use"},
		"a user of nobody": {func(t *testing.T, on *embedded.Table, c *client) {
			got, err := r.on(on).send(t.Context(), "POST", "/Users", c.token, "", stage.User(`"userName":"other@example.com"`))
			require.NoError(t, err)
			require.Equal(t, 201, got.status)
		}, "should not exist"},
		"a membership lost": {func(t *testing.T, on *embedded.Table, _ *client) {
			page, err := on.Query(t.Context(), table.Query{Partition: "T#acme#G#" + group.id + "#1"})
			require.NoError(t, err)
			require.NotEmpty(t, page.Items)
			lose(t, on, table.Delete(page.Items[0].Key))
		}, "members, want"},
	} {
		t.Run(name, func(t *testing.T) {
			damaged, err := r.engine.Copy()
			require.NoError(t, err)
			defer func() { require.NoError(t, damaged.Close()) }()
			copied := r.copied()
			tt.damage(t, damaged, copied.clients[0])
			i := r.on(damaged)
			assert.Contains(t, strings.Join(copied.check(t.Context(), i, i), "\n"), tt.want)
		})
	}
	// An unanswered change that is whole or absent is no fault.
	for _, applied := range []bool{false, true} {
		copied := r.copied()
		unanswered(copied.clients[0])
		engine, err := r.engine.Copy()
		require.NoError(t, err)
		if applied {
			got, err := r.on(engine).send(t.Context(), "PATCH", "/Groups/"+group.id, c.token, "", stage.Patch(
				fmt.Sprintf(`{"op":"replace","path":"members","value":%s}`, stage.Members(ids(c.state, members[:2])...))))
			require.NoError(t, err)
			require.Equal(t, 200, got.status)
		}
		i := r.on(engine)
		assert.Empty(t, copied.check(t.Context(), i, i), "applied %t", applied)
		require.NoError(t, engine.Close())
	}
}
