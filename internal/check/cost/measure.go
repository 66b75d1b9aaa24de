package cost

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/logline"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/embedded"
	"github.com/rollcall-scim/rollcall/internal/table/meter"
	"github.com/rollcall-scim/rollcall/internal/tenant"
	"github.com/rollcall-scim/rollcall/internal/web"
)

// Used is what one request uses.
type Used struct {
	Operation string `json:"operation"`
	// RoundTrips are sequential ones.
	RoundTrips int     `json:"roundTrips"`
	ReadUnits  float64 `json:"readUnits"`
	WriteUnits float64 `json:"writeUnits"`
	// EventBytes is the length of the request's log line, 0 if it has none.
	EventBytes int `json:"eventBytes"`
	// AnswerBytes is the length of the answer's body.
	AnswerBytes int `json:"answerBytes"`
}

// Measured has what every operation uses.
type Measured struct {
	Operations []Used `json:"operations"`
	// First is what a tenant's first request in a minute uses on an instance of a
	// function, beyond what the next one uses: the token, the tenant, and what the
	// overview shows.
	First Used `json:"first"`
}

// Of returns what an operation uses.
func (m Measured) Of(operation string) Used {
	for _, u := range m.Operations {
		if u.Operation == operation {
			return u
		}
	}
	panic("cost: no such operation: " + operation) // the models name constants of this package
}

// Measure performs each operation and returns what it uses. Two calls return the
// same.
func Measure() (Measured, error) {
	b, err := newBench()
	if err != nil {
		return Measured{}, err
	}
	defer b.close()
	var m Measured
	b.createAnn()
	b.must("POST", "/Groups", group("Design"))
	b.now = b.now.Add(time.Minute + time.Second) // the instance reads the token again, and notes the time
	first, next := b.measure(operations()[0]), b.measure(operations()[0])
	m.First = Used{Operation: "first request of a tenant", RoundTrips: first.RoundTrips - next.RoundTrips, ReadUnits: first.ReadUnits - next.ReadUnits, WriteUnits: first.WriteUnits - next.WriteUnits}
	b.must("POST", "/Users", user("warm", "a")) // the minute's first change is noted
	b.table.steady = true
	for _, o := range operations() {
		if o.prepare != nil {
			o.prepare(b)
		}
		m.Operations = append(m.Operations, b.measure(o))
	}
	return m, errors.Join(b.errs...)
}

// bench is the service on a table in memory, with one tenant. It collects errors
// instead of returning them: the operations are a list of data.
type bench struct {
	engine  io.Closer
	table   *counted
	app     *app.App
	handler http.Handler
	log     bytes.Buffer
	now     time.Time
	random  io.Reader
	tokens  atomic.Int64
	tenant  tenant.ID
	token   string
	ids     map[string]string
	errs    []error
}

func newBench() (*bench, error) {
	engine, err := embedded.Memory()
	if err != nil {
		return nil, err
	}
	b := &bench{engine: engine, table: &counted{Table: meter.New(engine, meter.Exact)}, ids: map[string]string{}, now: time.Now().Round(time.Second)}
	b.random = rand.NewChaCha8([32]byte{1})
	b.restart()
	if b.tenant, err = tenant.ParseID("acme"); err != nil {
		return nil, err
	}
	ctx := context.Background()
	if err := b.app.Store.CreateTenant(ctx, b.tenant, tenant.DefaultSettings(), seats, tenant.Unlimited, b.now); err != nil {
		return nil, err
	}
	token, record := access.Mint(b.tenant)
	record.Created = b.now
	if err := b.app.Store.SaveToken(ctx, b.tenant, record); err != nil {
		return nil, err
	}
	b.token = token
	return b, errors.Join(b.errs...)
}

// seats is the limit of the tenant.
const seats = 1000

// restart starts a new instance of the functions.
func (b *bench) restart() {
	log := slog.New(logline.Counted(logline.Handler(&b.log, slog.LevelInfo), "rollcall"))
	a, err := app.NewWith(b.table, app.Config{BaseURL: "https://scim.example.com/scim/v2"}, log, b.options())
	if err != nil {
		b.failed(err)
		return
	}
	b.app, b.handler = a, a.Handler()
}

func (b *bench) options() app.Options {
	return app.Options{
		Now: func() time.Time { return b.now }, Random: b.random,
		NewToken: func() string { b.tokens.Add(1); return fmt.Sprintf("token-%d", b.tokens.Load()) },
	}
}

func (b *bench) close() { _ = b.engine.Close() }

func (b *bench) failed(err error) {
	if err != nil {
		b.errs = append(b.errs, err)
	}
}

// send sends a request.
func (b *bench) send(q request) *httptest.ResponseRecorder {
	b.now = b.now.Add(time.Millisecond)
	r := httptest.NewRequestWithContext(context.Background(), q.method, "https://scim.example.com/scim/v2"+q.address, strings.NewReader(q.body))
	token := b.token
	if strings.Contains(q.address, "token=none") {
		token = strings.Replace(token, "rct_", "rct_x", 1)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/scim+json")
	r.Header.Set("User-Agent", "Okta SCIM Client 1.0.0")
	r.Header.Set(web.InvocationHeader, "6d68ca91-49c9-448d-89b8-7ca3e6dc66aa")
	r.Header.Set(web.APIRequestHeader, "JKJaXmPLvHcESHA=")
	r.Header.Set(web.TraceHeader, "Root=1-62e900b2-710d76f009d6e7785905449a;Parent=0efbd19962d95b05;Sampled=0")
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, r)
	return w
}

// must sends a request that must succeed, and returns the answer.
func (b *bench) must(method, address, body string) map[string]any {
	w := b.send(request{method, address, body})
	if w.Code >= http.StatusBadRequest {
		b.failed(fmt.Errorf("%s %s: %d %s", method, address, w.Code, w.Body))
	}
	var answer map[string]any
	if w.Body.Len() > 0 && w.Header().Get("Content-Encoding") == "" {
		b.failed(json.Unmarshal(w.Body.Bytes(), &answer))
	}
	return answer
}

// createAnn creates that user, or creates it again.
func (b *bench) createAnn() {
	b.ids["ann"], _ = b.must("POST", "/Users", user("ann", "a"))["id"].(string)
}

// ann returns the id of the user in most operations.
func (b *bench) ann() string { return b.ids["ann"] }

// group returns the id of a group.
func (b *bench) group(name string) string {
	if b.ids[name] == "" {
		found := b.must("GET", "/Groups"+filter("displayName", name), "")
		list, _ := found["Resources"].([]any)
		if len(list) != 1 {
			b.failed(fmt.Errorf("no group %s: %v", name, found))
			return ""
		}
		one, _ := list[0].(map[string]any)
		b.ids[name], _ = one["id"].(string)
	}
	return b.ids[name]
}

// fill creates users until there are this many.
func (b *bench) fill(users int) {
	for i := range users {
		b.must("POST", "/Users", user(fmt.Sprintf("user%04d", i), "a"))
	}
}

// full lowers the limit to the seats in use.
func (b *bench) full() {
	b.restartWarm("warm full")
	ctx := context.Background()
	l, err := b.app.Store.Ledger(ctx, b.tenant)
	b.failed(err)
	b.failed(b.app.Store.SetSeatLimit(ctx, b.tenant, l.Seats, b.now))
}

// restartWarm starts a new instance that has served a change already.
func (b *bench) restartWarm(name string) {
	b.restart()
	b.must("POST", "/Users", user(strings.ReplaceAll(name, " ", "."), "a"))
}

// measure performs an operation, and returns what it uses.
func (b *bench) measure(o operation) Used {
	q := o.request(b)
	b.table.reset()
	b.log.Reset()
	w := b.send(q)
	if w.Code != o.status {
		b.failed(fmt.Errorf("%s: %d %s, want %d", o.name, w.Code, w.Body, o.status))
	}
	used := b.table.used()
	trips, line, err := logged(b.log.String())
	if err != nil {
		b.failed(fmt.Errorf("%s: %w", o.name, err))
	}
	return Used{
		Operation: o.name, RoundTrips: trips, ReadUnits: used.ReadUnits, WriteUnits: used.WriteUnits,
		EventBytes: line, AnswerBytes: w.Body.Len(),
	}
}

// duration matches the duration in a log line, which is 0 by the clock of the
// bench.
var duration = regexp.MustCompile(`"durationMs":[0-9.]+`)

// logged returns the sequential round trips in the line of a request, and the
// length of the line with a usual duration.
func logged(log string) (trips, size int, err error) {
	if log == "" {
		return 0, 0, nil
	}
	if strings.Count(log, "\n") != 1 {
		return 0, 0, fmt.Errorf("the request has more than one line: %s", log)
	}
	var event struct{ RoundTrips int }
	err = json.Unmarshal([]byte(log), &event)
	log = duration.ReplaceAllString(strings.TrimSuffix(log, "\n"), `"durationMs":12.345`)
	return event.RoundTrips, len(log), err
}

// counted counts all that is sent to a table, also what is not part of a
// request's own log line.
type counted struct {
	table.Table
	mu    sync.Mutex
	total table.Counts
	// steady leaves out what is written for the overview, at most once a minute: Measured
	// has it as part of the first request.
	steady bool
}

func (c *counted) reset() { c.mu.Lock(); defer c.mu.Unlock(); c.total = table.Counts{} }

func (c *counted) used() table.Counts { c.mu.Lock(); defer c.mu.Unlock(); return c.total }

func (c *counted) add(u *table.Usage) {
	n := u.Counts()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.total.RoundTrips += n.RoundTrips
	c.total.ReadUnits += n.ReadUnits
	c.total.WriteUnits += n.WriteUnits
}

// Get counts a read.
func (c *counted) Get(ctx context.Context, keys ...table.Key) (map[table.Key]table.Item, error) {
	ctx, u := table.WithUsage(ctx)
	defer c.add(u)
	return c.Table.Get(ctx, keys...)
}

// Query counts a read.
func (c *counted) Query(ctx context.Context, q table.Query) (table.Page, error) {
	ctx, u := table.WithUsage(ctx)
	defer c.add(u)
	return c.Table.Query(ctx, q)
}

// Write counts a transaction.
func (c *counted) Write(ctx context.Context, tx table.Transaction) error {
	if c.steady && !slices.ContainsFunc(tx.Ops, func(op table.Op) bool { return !strings.HasSuffix(op.Key.Partition, "#USED") }) {
		return c.Table.Write(ctx, tx)
	}
	ctx, u := table.WithUsage(ctx)
	defer c.add(u)
	return c.Table.Write(ctx, tx)
}
