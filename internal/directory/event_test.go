package directory_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/event"
	"github.com/rollcall-scim/rollcall/internal/store"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// Every commit of a history has exactly one entry from which its events are derived, and
// every event its commit: each is compared with what readers see before and after it.
func TestEvents_AreOfCommits(t *testing.T) {
	enginetest.Each(t, enginetest.Plain(), func(t *testing.T, e enginetest.Engine) {
		t.Helper()
		requests, seeds := 250, uint64(3)
		if e.Name != "embedded" {
			requests, seeds = 25, 1 // each look at the tenant is several round trips
		}
		events := map[event.Type]int{}
		for seed := range seeds {
			h := newEventful(t, e.Open(t), seed)
			for range requests {
				h.request()
			}
			h.end()
			for kind, n := range h.observer.events {
				events[kind] += n
			}
		}
		if e.Name == "embedded" {
			for _, kind := range event.Types()[:12] {
				require.Positive(t, events[kind], "no %s in the history", kind)
			}
		}
	})
}

// eventful is a history of requests chosen by a seed, of a directory whose commits are
// compared with their events.
type eventful struct {
	*fixture
	observer *observer
	raw      table.Table
	random   *rand.Rand
	seed     uint64
	users    []string
	groups   []string
	names    int
	text     []string // the last requests
}

func newEventful(t *testing.T, raw table.Table, seed uint64) *eventful {
	t.Helper()
	f := newFixtureFor(t, raw, "acme", 1000)
	w := &observer{Table: raw, t: t, tenant: f.tenant, reads: f.store, events: map[event.Type]int{}}
	w.before = w.look()
	watched := *f
	watched.store = store.New(table.Retrying(w), newID, time.Now)
	watched.dir = watched.directory(0)
	return &eventful{fixture: &watched, observer: w, raw: raw, random: rand.New(rand.NewPCG(seed, 1)), seed: seed}
}

// pick returns one of some ids, "" of none. Newer ones are more likely.
func (h *eventful) pick(ids []string) string {
	if len(ids) == 0 {
		return ""
	}
	if h.random.IntN(2) == 0 {
		ids = ids[max(0, len(ids)-4):]
	}
	return ids[h.random.IntN(len(ids))]
}

// some returns some of the users, in any order.
func (h *eventful) some(most int) []string {
	ids := slices.Clone(h.users)
	h.random.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	return ids[:h.random.IntN(min(most, len(ids))+1)]
}

// body returns the document of a user with one of few names and ids.
func (h *eventful) body() string {
	n := h.random.IntN(12)
	return user(fmt.Sprintf(`"userName":"u%d@x","externalId":"e%d","active":%t,"title":"t%d","emails":[{"value":"m%d@x"}]`,
		n, n+20*h.random.IntN(2), h.random.IntN(3) > 0, h.random.IntN(3), h.random.IntN(14)))
}

// request sends one request, which may be refused. It fails if a commit and its events differ.
func (h *eventful) request() {
	h.t.Helper()
	h.settings.DeletedUsers = tenant.DeletedHidden
	if h.random.IntN(3) == 0 {
		h.settings.DeletedUsers = tenant.DeletedReadable
	}
	choices := slices.Concat(h.userRequests(), h.groupRequests(), h.otherRequests())
	c := choices[h.random.IntN(len(choices))]
	err := c.send(context.Background())
	h.text = append(h.text, fmt.Sprintf("%s: %v", c.name, err))
	h.wantNoFault()
}

func (h *eventful) wantNoFault() {
	h.t.Helper()
	if len(h.observer.faults) > 0 {
		h.t.Fatalf("seed %d, after %q:\n%s", h.seed, h.text[max(0, len(h.text)-3):], h.observer.faults[0])
	}
}

// end finishes what is left, and compares the directory with itself.
func (h *eventful) end() {
	h.t.Helper()
	h.sweep()
	h.wantNoFault()
	text, _ := h.faults()
	require.Empty(h.t, text)
}

type choice struct {
	name string
	send func(ctx context.Context) error
}

func (h *eventful) userRequests() []choice {
	made := func(r directory.Result, err error) error {
		if err == nil && r.User != nil && !slices.Contains(h.users, r.User.ID) {
			h.users = append(h.users, r.User.ID)
		}
		return err
	}
	post := choice{"POST user", func(context.Context) error { return made(h.post(h.body())) }}
	create := choice{"create in the application", func(ctx context.Context) error {
		active := h.random.IntN(2) == 0
		n := h.random.IntN(12)
		return made(h.dir.CreateInApp(ctx, h.tenant, h.app(), directory.AppUser{
			UserName: fmt.Sprintf("u%d@x", n), Email: fmt.Sprintf("m%d@x", n), Origin: directory.OriginManual, Active: &active, Protected: h.random.IntN(6) == 0,
		}))
	}}
	if len(h.users) == 0 {
		return []choice{post, post, create}
	}
	id := h.pick(h.users)
	return []choice{
		post, post, post, create,
		{"PUT user", func(context.Context) error { return made(h.put(id, h.body(), nil)) }},
		{"PATCH active", func(context.Context) error {
			_, err := h.patch(id, fmt.Sprintf(`[{"op":"replace","path":"active","value":%t}]`, h.random.IntN(2) == 0), nil)
			return err
		}},
		{"PATCH nothing", func(context.Context) error { _, err := h.patch(id, `[]`, nil); return err }},
		{"DELETE user", func(context.Context) error { return h.remove(id) }},
		{"change in the application", func(context.Context) error {
			active, protected := h.random.IntN(2) == 0, h.random.IntN(3) == 0
			kind := tenant.Reader
			_, err := h.modifyInApp(id, [...]directory.AppChange{{Active: &active}, {Protected: &protected}, {Type: &kind}}[h.random.IntN(3)])
			return err
		}},
		{"purge", func(context.Context) error {
			if h.random.IntN(3) > 0 {
				return nil
			}
			return h.purge(id)
		}},
	}
}

func (h *eventful) groupRequests() []choice {
	post := choice{"POST group", func(context.Context) error {
		h.names++
		r, err := h.postGroup(group(fmt.Sprint("g", h.names), h.some(20)...))
		if err == nil {
			h.groups = append(h.groups, r.Group.ID)
		}
		return err
	}}
	if len(h.groups) == 0 || len(h.users) == 0 {
		return []choice{post}
	}
	id, popular := h.pick(h.groups), h.pick(h.users)
	patch := func(name, operations string) choice {
		return choice{name, func(context.Context) error { _, err := h.patchGroup(id, operations); return err }}
	}
	return []choice{
		post, patch("add", add(h.some(10)...)), patch("remove", remove(append(h.some(5), newID())...)), patch("replace", replace(h.some(30)...)),
		patch("rename and add", fmt.Sprintf(`{"op":"replace","path":"displayName","value":"n%d"},`, h.random.IntN(20))+add(h.some(3)...)),
		{"PUT group", func(context.Context) error {
			_, err := h.putGroup(id, group(fmt.Sprint("n", h.random.IntN(20)), h.some(20)...))
			return err
		}},
		{"DELETE group", func(ctx context.Context) error {
			by := h.by()
			if h.random.IntN(2) == 0 {
				by = h.app()
			}
			_, err := h.dir.DeleteGroup(ctx, h.tenant, by, id, nil)
			return err
		}},
		{"a user in more groups than a transaction takes, who may be hired again", func(context.Context) error {
			if h.random.IntN(3) > 0 {
				return nil
			}
			for i := range directory.MaxJoined + 3 {
				h.names++
				r, err := h.postGroup(group(fmt.Sprint("g", h.names, "-", i), popular))
				if err != nil {
					return err
				}
				h.groups = append(h.groups, r.Group.ID)
			}
			u, err := h.observer.reads.User(h.t.Context(), h.tenant, popular)
			if err != nil || u == nil || h.random.IntN(3) == 0 {
				return err
			}
			_, _ = h.patch(popular, `[{"op":"replace","path":"active","value":false}]`, nil)
			h.names++
			_, err = h.patch(popular, fmt.Sprintf(`[{"op":"replace","value":{"active":true,"externalId":"again%d"}}]`, h.names), nil)
			return err
		}},
		{"a new set of many members", func(context.Context) error {
			if len(h.users) < 90 {
				h.users = append(h.users, h.people(directory.MaxJoined+10)...)
			}
			_, err := h.patchGroup(id, replace(h.users[:min(len(h.users), directory.MaxJoined+10)]...))
			return err
		}},
		{"many join and leave", func(context.Context) error {
			_, err := h.patchGroup(id, [...]string{add(h.users...), remove(h.users...)}[h.random.IntN(2)])
			return err
		}},
		{"a new group of many members", func(context.Context) error {
			h.names++
			r, err := h.postGroup(group(fmt.Sprint("g", h.names), h.users...))
			if err == nil {
				h.groups = append(h.groups, r.Group.ID)
			}
			return err
		}},
	}
}

func (h *eventful) otherRequests() []choice {
	return []choice{
		{"sweep", func(ctx context.Context) error { _, err := h.store.SweepTenant(ctx, h.tenant, 0); return err }},
		{"renew what an earlier version stored", func(ctx context.Context) error {
			if u, err := h.observer.reads.User(ctx, h.tenant, h.pick(h.users)); u != nil && err == nil {
				h.age(h.raw, "USERS", u.ID)
			}
			_, err := h.store.RenewNames(ctx, h.tenant)
			return err
		}},
		{"rebuild what is damaged", func(ctx context.Context) error {
			u, err := h.observer.reads.User(ctx, h.tenant, h.pick(h.users))
			if u != nil && err == nil {
				name := table.Key{Partition: "T#acme#NAMES#" + string(directory.UserName), Sort: u.Held[directory.UserName]}
				damage := table.Delete(name)
				if h.random.IntN(2) == 0 { // a name that nobody has
					name.Sort = "stray@x"
					damage = table.Put(table.Item{Key: name, Attributes: table.Attributes{"uid": table.Text(u.ID)}})
				}
				err = h.raw.Write(ctx, table.Transaction{Token: newID(), Ops: []table.Op{damage}})
			}
			require.NoError(h.t, err)
			_, err = h.store.RebuildNames(ctx, h.tenant, store.Repairer{Who: "root", Apply: true})
			return err
		}},
	}
}
