package linear

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/adminapi"
	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/embedded"
	"github.com/rollcall-scim/rollcall/internal/table/tabletest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
	"github.com/rollcall-scim/rollcall/internal/web"
)

// A mix has the faults that the calls to the table meet, by their share of the calls.
type mix struct {
	name string
	// conflicts makes overlapping writes fail, and a share of all others.
	conflicts float64
	faults    tabletest.FaultPlan
	torn      float64
	late      float64
	slow      float64
	// killed and gone are the shares of requests whose process is killed, and of
	// those whose client does not wait for the answer.
	killed, gone float64
}

// mixes are the kinds of history. Those without faults show the plain races.
var mixes = []mix{
	{name: "plain"},
	{name: "torn reads", torn: 0.5, slow: 0.01},
	{name: "conflicts", conflicts: 0.15, torn: 0.1},
	{
		name: "faults", torn: 0.2, late: 0.03, slow: 0.02, killed: 0.04, gone: 0.04,
		faults: tabletest.FaultPlan{
			WriteRates: map[tabletest.FaultKind]float64{
				tabletest.AnswerLost: 0.05, tabletest.RequestLost: 0.05, tabletest.Throttled: 0.05,
			},
			ReadRates: map[tabletest.FaultKind]float64{tabletest.Throttled: 0.03, tabletest.Unavailable: 0.03},
		},
	},
	{
		name: "conflicts and faults", conflicts: 0.1, torn: 0.3, late: 0.05, slow: 0.04, killed: 0.06, gone: 0.06,
		faults: tabletest.FaultPlan{
			WriteRates: map[tabletest.FaultKind]float64{tabletest.AnswerLost: 0.12, tabletest.RequestLost: 0.08},
			ReadRates:  map[tabletest.FaultKind]float64{tabletest.Throttled: 0.05},
		},
	},
}

// noise is a source of random bytes that a seed determines. It is safe for
// concurrent use.
type noise struct {
	mu     sync.Mutex
	source *rand.ChaCha8
}

func newNoise(seed uint64, use string) *noise {
	var key [32]byte
	copy(key[:], fmt.Sprint(use, " ", seed))
	return &noise{source: rand.NewChaCha8(key)}
}

func (n *noise) Read(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.source.Read(p)
}

// token returns a token for a transaction.
func (n *noise) token() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return fmt.Sprintf("%016x%016x", n.source.Uint64(), n.source.Uint64())
}

func (n *noise) upTo(longest time.Duration) time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	return time.Duration(n.source.Uint64() % uint64(longest+1))
}

// A world is the service: two instances with caches of their own, on one table.
type world struct {
	t    testing.TB
	gate *gate
	// oneByOne reports that one request runs at a time, without the gate.
	oneByOne bool
	table    table.Table
	// ids, tokens and jitter are the random parts of ids, the tokens of transactions
	// and the waits between retries.
	ids, tokens, jitter *noise
	// calm is whether calls meet nothing: at the beginning and at the end.
	calm bool

	tenant tenant.ID
	token  string
	// crowd are the ids of users that were there before.
	crowd []string

	mu        sync.Mutex
	instances [2]*instance
}

type instance struct {
	app         *app.App
	scim, admin http.Handler
}

// newWorld assembles the service with one tenant. engine is the table, nil for a
// new one in memory; broken wraps the table that the service sees.
func newWorld(t testing.TB, seed uint64, m mix, engine table.Table, name string, broken func(table.Table) table.Table) *world {
	w := &world{t: t, gate: newGate(seed), ids: newNoise(seed, "ids"), tokens: newNoise(seed, "tokens"), jitter: newNoise(seed, "jitter"), calm: true, tenant: stage.ID(t, name)}
	if engine == nil {
		memory, err := embedded.Memory()
		require.NoError(t, err)
		t.Cleanup(func() { _ = memory.Close() })
		engine = memory
	}
	rough := &atomic.Bool{}
	below := &wire{
		gate: w.gate, engine: engine, random: rand.New(rand.NewPCG(seed, 11)), torn: m.torn, late: m.late, on: rough,
		inFlight: map[string]bool{},
	}
	var above table.Table = below
	above = tabletest.NewFault(above, seed, m.faults)
	above = tabletest.NewConflict(above, tabletest.ConflictOptions{Rate: m.conflicts, Mixed: true, Seed: seed})
	if m.conflicts == 0 {
		above = tabletest.NewFault(below, seed, m.faults)
	}
	w.table = turned{gate: w.gate, next: &weather{calm: below, rough: above, w: w, on: rough}}
	if broken != nil {
		w.table = broken(w.table)
	}
	w.instances = [2]*instance{w.newInstance(), w.newInstance()}
	return w
}

// newQuietWorld assembles the service on a table without a gate.
func newQuietWorld(t testing.TB, seed uint64, quiet table.Table) *world {
	w := &world{t: t, gate: newGate(seed), oneByOne: true, ids: newNoise(seed, "ids"), tokens: newNoise(seed, "tokens"), jitter: newNoise(seed, "jitter"), tenant: stage.ID(t, "acme"), table: quiet}
	w.instances = [2]*instance{w.newInstance(), w.newInstance()}
	return w
}

// A weather is a table that meets faults only while it is not calm.
type weather struct {
	calm, rough table.Table
	w           *world
	on          *atomic.Bool
}

func (t *weather) now() table.Table {
	t.w.mu.Lock()
	defer t.w.mu.Unlock()
	if t.on.Store(!t.w.calm); t.w.calm {
		return t.calm
	}
	return t.rough
}

func (t *weather) Get(ctx context.Context, keys ...table.Key) (map[table.Key]table.Item, error) {
	return t.now().Get(ctx, keys...)
}

func (t *weather) Query(ctx context.Context, q table.Query) (table.Page, error) {
	return t.now().Query(ctx, q)
}

func (t *weather) Write(ctx context.Context, tx table.Transaction) error {
	return t.now().Write(ctx, tx)
}

func (w *world) setCalm(calm bool, slow float64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calm = calm
	w.gate.setSlowness(slow)
}

func (w *world) newInstance() *instance {
	a, err := app.NewWith(w.table, app.Config{BaseURL: "https://scim.test/scim/v2"}, slog.New(slog.DiscardHandler), app.Options{
		Random: w.ids, NewToken: w.tokens.token, Retry: []table.RetryOption{table.RetryJitter(w.jitter.upTo)},
	})
	require.NoError(w.t, err)
	return &instance{app: a, scim: a.Handler(), admin: a.AdminHandler()}
}

func (w *world) instance(i int) *instance {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.instances[i]
}

// restart replaces an instance by one with empty caches.
func (w *world) restart(i int) {
	fresh := w.newInstance()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.instances[i] = fresh
}

// begin creates the tenant.
func (w *world) begin(ctx context.Context, seats int64) {
	if w.token != "" {
		return
	}
	s := w.instance(0).app.Store
	now := time.Now()
	require.NoError(w.t, s.CreateTenant(ctx, w.tenant, tenant.DefaultSettings(), seats, tenant.Unlimited, now))
	text, record, err := access.NewKeeper(s, time.Now).WithRandom(w.ids).Mint(ctx, w.tenant, access.Wanted{})
	require.NoError(w.t, err)
	// Else the first requests record the use of the token beside their own work, in
	// an order that no seed determines.
	require.NoError(w.t, s.Used(ctx, w.tenant, record.ID, time.Time{}, now))
	w.token = text
}

// A client sends requests to one instance, one after another.
type client struct {
	w        *world
	number   int
	instance int
	random   *rand.Rand
	mix      *mix
}

// An answer has what a client knows of a request after it.
type answer struct {
	status int
	etag   int64
	body   []byte
	// unknown reports that the request may have been done, or may be done yet;
	// refused that it had no effect because the service was busy.
	unknown, refused bool
}

// broken reports an answer that is never right. A 503 is judged by the model.
func (a *answer) broken() bool {
	return a.status >= http.StatusInternalServerError && a.status != http.StatusServiceUnavailable
}

// send sends a request to the SCIM API, or to the admin API if the path begins
// with its prefix.
func (c *client) send(method, path, body string, headers ...string) answer {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	request := &call{client: c.number, left: -1, patience: -1, leave: cancel}
	killed := false
	if c.mix != nil {
		if killed = c.random.Float64() < c.mix.killed; killed {
			request.left = c.random.IntN(6)
		}
		if c.random.Float64() < c.mix.gone {
			request.patience = c.random.IntN(6)
		}
	}
	to := c.w.instance(c.instance)
	handler, base := to.scim, "https://scim.test/scim/v2"
	if strings.HasPrefix(path, adminapi.Prefix) {
		handler, base = to.admin, "https://scim.test"
	}
	r := httptest.NewRequestWithContext(request.in(ctx), method, base+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+c.w.token)
	r.Header.Set("Content-Type", "application/scim+json")
	r.Header.Set(web.OperatorHeader, "arn:aws:iam::123456789012:user/owner")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, r)
	a := answer{status: recorder.Code, body: recorder.Body.Bytes(), etag: version(recorder.Header().Get("ETag"))}
	request.mu.Lock()
	died := killed && request.left == 0
	request.mu.Unlock()
	if died {
		c.w.restart(c.instance)
		return answer{unknown: true, status: 0}
	}
	if a.status == http.StatusServiceUnavailable {
		a.refused = bytes.Contains(bytes.ToLower(a.body), []byte("nothing was changed"))
		a.unknown = !a.refused
	}
	return a
}

// version returns the number in an entity tag, 0 if there is none.
func version(tag string) int64 {
	n, _ := strconv.ParseInt(strings.Trim(strings.TrimPrefix(tag, "W/"), `"`), 10, 64)
	return n
}

func tag(version int64) string { return fmt.Sprintf(`W/"%d"`, version) }

func (c *client) decode(a answer, to any) {
	if err := json.Unmarshal(a.body, to); err != nil {
		c.w.t.Errorf("an answer that is not JSON: %v: %s", err, a.body)
	}
}
