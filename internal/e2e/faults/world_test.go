package faults

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/adminapi"
	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/httpapi"
	"github.com/rollcall-scim/rollcall/internal/store"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/embedded"
	"github.com/rollcall-scim/rollcall/internal/tenant"
	"github.com/rollcall-scim/rollcall/internal/web"
)

// A clock is the time of a world. It moves when a retry waits, which then takes
// no time at all, and when it is moved. It begins in the past, so that no
// context's deadline, which is real, ends before it.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) read() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func (c *clock) sleep(ctx context.Context, d time.Duration) error {
	c.move(d)
	return ctx.Err()
}

// A world is a table with one tenant, and the names of what is in it.
type world struct {
	t      testing.TB
	engine engine
	table  table.Table
	clock  *clock
	tenant tenant.ID
	token  string
	// ids are the ids of users, groups and tokens by name, and the tenant's.
	// Requests have {name} in their place.
	ids map[string]string
	// made is the write that the world was made for.
	made write
	// healthy serves what is sent by must.
	healthy *instance
	// lateVersions leaves the versions of groups out of states: those of a deleted
	// user's groups move when a task ends its memberships, and readers do not see
	// the memberships before.
	lateVersions bool
	// looks is the path of another document that a state has.
	looks string
}

// An engine makes the tables of worlds.
type engine interface {
	// open returns a table, and a name for a new tenant in it.
	open(t testing.TB) (on table.Table, tenant string)
	// copy returns an independent copy of a table, or nil if the engine cannot.
	copy(t testing.TB, of table.Table) table.Table
	close(t testing.TB, on table.Table)
}

// inMemory is the embedded engine.
type inMemory struct{}

func (inMemory) open(t testing.TB) (table.Table, string) {
	memory, err := embedded.Memory()
	require.NoError(t, err)
	return memory, "acme"
}

func (inMemory) copy(t testing.TB, of table.Table) table.Table {
	memory, _ := of.(*embedded.Table)
	c, err := memory.Copy()
	require.NoError(t, err)
	return c
}

func (inMemory) close(t testing.TB, on table.Table) {
	memory, _ := on.(*embedded.Table)
	require.NoError(t, memory.Close())
}

const seats = 4

// newWorld returns a world with a tenant of four seats, a crowd of inactive
// users, {u0}, {u1} and so on, and what a write needs.
func newWorld(t testing.TB, on engine, made write) *world {
	t.Helper()
	w := &world{t: t, engine: on, made: made, clock: &clock{now: time.Now().Add(-time.Hour).Round(0)}}
	var name string
	w.table, name = on.open(t)
	w.ids = map[string]string{"tenant": name}
	w.start()
	w.tenant, w.token = stage.TenantWith(t, w.healthy.app.Store, name, seats, tenant.DefaultSettings(), w.clock.read())
	for i := range made.crowd {
		w.must(fmt.Sprintf("u%d", i), post(fmt.Sprintf(`"userName":"u%d","active":false`, i)))
	}
	if made.before != nil {
		made.before(w)
	}
	return w
}

// copy returns an independent copy of a world, or one that is made like it.
func (w *world) copy() *world {
	copied := w.engine.copy(w.t, w.table)
	if copied == nil {
		return newWorld(w.t, w.engine, w.made)
	}
	c := *w
	c.table, c.clock, c.ids = copied, &clock{now: w.clock.read()}, maps.Clone(w.ids)
	c.start()
	return &c
}

func (w *world) start() { w.healthy = w.instance(w.table, 0) }

func (w *world) close() { w.engine.close(w.t, w.table) }

// An instance is one process that serves a world.
type instance struct {
	world       *world
	app         *app.App
	scim, admin http.Handler
}

// instance starts a process on a table, with a clock that differs from the
// others.
func (w *world) instance(on table.Table, skew time.Duration) *instance {
	now := func() time.Time { return w.clock.read().Add(skew) }
	a, err := app.NewWith(on, app.Config{BaseURL: "https://scim.test/scim/v2"}, slog.New(slog.DiscardHandler), app.Options{
		Now: now, NewID: func() string { return idAt(now()) }, RequestTime: time.Hour,
		Retry: []table.RetryOption{
			table.RetryClock(now, w.clock.sleep), table.RetryJitter(func(longest time.Duration) time.Duration { return longest }),
		},
	})
	require.NoError(w.t, err)
	return &instance{world: w, app: a, scim: a.Handler(), admin: a.WithPortal().AdminHandler()}
}

// idAt returns a UUIDv7 of a time.
func idAt(at time.Time) string {
	id := uuid.New()
	binary.BigEndian.PutUint64(id[:8], uint64(at.UnixMilli())<<16|0x7000|uint64(id[6])<<8&0xf00|uint64(id[7]))
	return id.String()
}

// A request is one request to the service, or a sweep.
type request struct {
	side         side
	method, path string
	body         string
	headers      []string
}

// A side says what a request is sent to.
type side int

const (
	toSCIM side = iota
	toAdmin
	toSweep
)

func scim(method, path, body string, headers ...string) request {
	return request{toSCIM, method, path, body, headers}
}

func admin(method, path, body string, headers ...string) request {
	return request{toAdmin, method, path, body, headers}
}

// sweepNow is a sweep that is later than all requests.
func sweepNow() request { return request{side: toSweep, method: "sweep"} }

func (r request) String() string { return strings.TrimSpace(r.method + " " + r.path) }

// An answer is what a client sees of a request. A sweep that leaves nothing is
// 200, another one 503.
type answer struct {
	status     int
	body       map[string]any
	retryAfter string
	id         string // of the request
}

func (a answer) acknowledged() bool {
	return a.status != 0 && a.status != http.StatusServiceUnavailable
}

// send sends a request to a process.
func (i *instance) send(ctx context.Context, r request) answer {
	if r.side == toSweep {
		swept, err := i.app.Store.Sweep(ctx, store.SweepAge)
		if err != nil || swept.Left > 0 {
			return answer{status: http.StatusServiceUnavailable, retryAfter: "300"}
		}
		return answer{status: http.StatusOK}
	}
	handler, prefix := i.scim, httpapi.Prefix
	if r.side == toAdmin {
		handler, prefix = i.admin, adminapi.Prefix
	}
	q := httptest.NewRequestWithContext(ctx, r.method, "https://scim.test"+prefix+i.world.fill(r.path), strings.NewReader(i.world.fill(r.body)))
	q.Header.Set("Authorization", "Bearer "+i.world.token)
	q.Header.Set(web.OperatorHeader, "arn:aws:iam::123456789012:user/owner")
	for n := 0; n < len(r.headers); n += 2 {
		q.Header.Set(r.headers[n], r.headers[n+1])
	}
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, q)
	a := answer{status: recorder.Code, retryAfter: recorder.Header().Get("Retry-After"), id: recorder.Header().Get("X-Request-Id")}
	if recorder.Body.Len() > 0 {
		if err := json.Unmarshal(recorder.Body.Bytes(), &a.body); err != nil {
			panic(fmt.Sprintf("%s: %v", r, err))
		}
	}
	return a
}

// fill replaces the {names} in a text by their ids.
func (w *world) fill(text string) string {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(text, "{")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		name, after, _ := strings.Cut(rest, "}")
		if id, known := w.ids[name]; known {
			b.WriteString(id)
			text = after
			continue
		}
		b.WriteString("{")
		text = rest
	}
}

// must sends a request that must succeed, and gives the name to the resource in
// its answer.
func (w *world) must(name string, r request) {
	w.t.Helper()
	a := w.healthy.send(w.t.Context(), r)
	require.Less(w.t, a.status, 300, "%s: %v", r, a.body)
	if name != "" {
		w.ids[name], _ = a.body["id"].(string)
		if id, ok := a.body["clientId"].(string); ok {
			w.ids[name] = id
			w.ids[name+"Secret"], _ = a.body["secretId"].(string)
		}
	}
}
