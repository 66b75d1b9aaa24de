package kill

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/store"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/embedded"
	"github.com/rollcall-scim/rollcall/internal/table/tabletest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

var (
	soakMinutes = flag.Float64("soak.minutes", 0.1, "how long the soak runs (make soak)")
	soakTenants = flag.Int("soak.tenants", 20, "the number of tenants in the soak, with two clients each")
	soakRate    = flag.Float64("soak.rate", 150, "change requests a second in the soak")
)

// The shares of calls of the table that fail: on usual instances retries hide nearly all of
// it, and on the rough ones, which give up early, clients get a 503.
var (
	usual = tabletest.FaultPlan{
		WriteRates: map[tabletest.FaultKind]float64{
			tabletest.Throttled: 0.02, tabletest.Conflicting: 0.02, tabletest.AnswerLost: 0.01, tabletest.RequestLost: 0.01,
		},
		ReadRates: map[tabletest.FaultKind]float64{tabletest.Throttled: 0.01, tabletest.Unavailable: 0.01},
	}
	rough = tabletest.FaultPlan{
		WriteRates: map[tabletest.FaultKind]float64{
			tabletest.Throttled: 0.2, tabletest.Conflicting: 0.1, tabletest.AnswerLost: 0.15, tabletest.RequestLost: 0.1,
		},
		ReadRates: map[tabletest.FaultKind]float64{tabletest.Throttled: 0.05, tabletest.Unavailable: 0.05},
	}
)

// A mortal is an instance whose table stops after a number of writes: what the process
// would have done next is not done, and nobody gets an answer.
type mortal struct {
	instance
	fault *tabletest.Fault
	stop  int // 0 for one that lives as long as the soak
}

func (m *mortal) dead() bool { return m.stop > 0 && m.fault.Writes() >= m.stop }

var errDead = errors.New("the instance is dead")

// A pool is the instances that serve the same table. A dead one is replaced.
type pool struct {
	t      testing.TB
	engine *embedded.Table
	all    []*mortal

	mu       sync.Mutex
	random   *rand.Rand
	conflict *tabletest.Conflict
	kills    int
	faults   map[string]int
}

func newPool(t testing.TB, engine *embedded.Table, size int) *pool {
	p := &pool{t: t, engine: engine, all: make([]*mortal, size), random: rand.New(rand.NewPCG(*seed, 5)), faults: map[string]int{}}
	p.renew()
	for i := range p.all {
		p.start(i)
	}
	return p
}

// renew replaces the engine that conflicts, which remembers all transactions. It is called
// while nothing is written.
func (p *pool) renew() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conflict != nil {
		p.faults["overlap"] += p.conflict.Report().Total()
	}
	p.conflict = tabletest.NewConflict(p.engine, tabletest.ConflictOptions{Hold: time.Millisecond, Mixed: true})
}

// Get, Query and Write are those of the current engine.

func (p *pool) current() table.Table {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.conflict
}

func (p *pool) Get(ctx context.Context, keys ...table.Key) (map[table.Key]table.Item, error) {
	return p.current().Get(ctx, keys...)
}

func (p *pool) Query(ctx context.Context, q table.Query) (table.Page, error) {
	return p.current().Query(ctx, q)
}

func (p *pool) Write(ctx context.Context, tx table.Transaction) error {
	return p.current().Write(ctx, tx)
}

// start starts an instance in a place. Those in the first half of the places are never
// killed, so that what they keep in memory can grow. The caller holds the lock.
func (p *pool) start(i int) {
	m := &mortal{}
	plan, options := usual, app.Options{}
	if i >= len(p.all)/2 {
		plan.StopAfter = 30 + p.random.IntN(300)
		m.stop = plan.StopAfter
	}
	if i%3 == 2 {
		plan.WriteRates, plan.ReadRates = rough.WriteRates, rough.ReadRates
		options.Retry = []table.RetryOption{table.RetryFor(40 * time.Millisecond)}
	}
	m.fault = tabletest.NewFault(p, p.random.Uint64(), plan)
	m.instance = newInstance(p.t, m.fault, io.Discard, options)
	p.all[i] = m
}

// count adds the faults that an instance met.
func (p *pool) count(m *mortal) {
	for kind, n := range m.fault.Report() {
		p.faults[string(kind)] += n
	}
}

// serving draws an instance.
func (p *pool) serving() (int, *mortal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := p.random.IntN(len(p.all))
	return i, p.all[i]
}

// bury replaces a dead instance, once.
func (p *pool) bury(i int, m *mortal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.all[i] == m {
		p.kills++
		p.count(m)
		p.start(i)
	}
}

// send lets some instance serve a request. There is no answer if it dies meanwhile; a read
// is then sent again.
func (p *pool) send(ctx context.Context, method, path, token, agent, body string) (answer, error) {
	for {
		i, m := p.serving()
		got, err := m.send(ctx, method, path, token, agent, body)
		if !m.dead() {
			return got, err
		}
		p.bury(i, m)
		if method != "GET" {
			return answer{}, errDead
		}
	}
}

// A sample is a measurement while no request is in progress.
type sample struct {
	at         time.Duration
	requests   int
	heap       uint64 // bytes in use after a collection
	anonymous  uint64 // resident bytes that no file backs
	resident   uint64 // all resident bytes, with the pages of the data file
	goroutines int
}

func measure(began time.Time, requests int) sample {
	runtime.GC()
	runtime.GC() // what finalizers freed
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return sample{
		at: time.Since(began), requests: requests, heap: m.HeapAlloc,
		anonymous: status("RssAnon"), resident: status("VmRSS"), goroutines: runtime.NumGoroutine(),
	}
}

// status returns a size in bytes that Linux has of this process, 0 elsewhere.
func status(name string) uint64 {
	file, err := os.Open("/proc/self/status")
	if err != nil {
		return 0
	}
	defer func() { _ = file.Close() }()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if fields := strings.Fields(lines.Text()); len(fields) == 3 && fields[0] == name+":" {
			kilobytes, _ := strconv.ParseUint(fields[1], 10, 64)
			return kilobytes << 10
		}
	}
	return 0
}

const megabyte = 1 << 20

// The bounds of the soak: how much more the last third of its samples may have than the
// first third. The first sample is left out: caches and pools are filled until then.
const (
	heapGrowth      = 8 * megabyte
	residentGrowth  = 48 * megabyte
	goroutineGrowth = 5
)

// growth returns what grew beyond its bound.
func growth(samples []sample) (grown []string) {
	if len(samples) < 4 {
		return []string{fmt.Sprintf("%d samples are too few to compare", len(samples))}
	}
	samples = samples[1:]
	third := (len(samples) + 2) / 3
	for _, c := range []struct {
		name  string
		of    func(sample) uint64
		bound uint64
	}{
		{"heap bytes", func(s sample) uint64 { return s.heap }, heapGrowth},
		{"resident bytes", func(s sample) uint64 { return s.anonymous }, residentGrowth},
		{"goroutines", func(s sample) uint64 { return uint64(s.goroutines) }, goroutineGrowth},
	} {
		first, last := middle(samples[:third], c.of), middle(samples[len(samples)-third:], c.of)
		if last > first+c.bound {
			grown = append(grown, fmt.Sprintf("%s grew from %d to %d, the bound is %d more", c.name, first, last, c.bound))
		}
	}
	return grown
}

// middle returns the median of a measurement.
func middle(samples []sample, of func(sample) uint64) uint64 {
	var all []uint64
	for _, s := range samples {
		all = append(all, of(s))
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// Growth beyond its bound is noticed, and noise is not.
func TestGrowth(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		at   func(i int) sample
		want int
	}{
		"steady":                             {func(i int) sample { return sample{heap: 20<<20 + uint64(i%3)<<20, goroutines: 4 + i%2} }, 0},
		"a heap that grows by 1 MB a sample": {func(i int) sample { return sample{heap: uint64(20+i) << 20} }, 1},
		"a goroutine left a sample":          {func(i int) sample { return sample{goroutines: 4 + i} }, 1},
		"memory that is not given back":      {func(i int) sample { return sample{anonymous: uint64(i) << 22} }, 1},
	} {
		t.Run(name, func(t *testing.T) {
			var samples []sample
			for i := range 30 {
				samples = append(samples, tt.at(i))
			}
			assert.Len(t, growth(samples), tt.want)
		})
	}
	assert.NotEmpty(t, growth(make([]sample, 3)))
}

// A soak is a run of the soak.
type soak struct {
	pool    *pool
	healthy instance
	all     []*tenancy
	limit   *rate.Limiter
}

// round lets all clients send changes for some time. A client without an acknowledgement
// reads what is there before it goes on.
func (s *soak) round(t *testing.T, d time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	var group sync.WaitGroup
	for _, own := range s.all {
		for _, c := range own.clients {
			group.Go(func() {
				for s.limit.Wait(ctx) == nil {
					if c.step(t.Context(), s.pool) {
						continue
					}
					read, _, err := reader{c.account, s.pool}.read(t.Context(), c.prefix)
					if err != nil {
						c.fault("%v", err)
						return
					}
					c.settle(read[c.prefix])
				}
			})
		}
	}
	// As on its schedule, but more often: while requests are in progress.
	sweep := time.NewTicker(5 * time.Second)
	defer sweep.Stop()
	for {
		select {
		case <-sweep.C:
			_, err := s.healthy.app.Store.Sweep(t.Context(), store.SweepAge)
			assert.NoError(t, err)
		case <-ctx.Done():
			group.Wait()
			return
		}
	}
}

// answers returns the number of answers by outcome.
func (s *soak) answers() (all int, by map[string]int) {
	by = map[string]int{}
	for _, own := range s.all {
		for _, c := range own.clients {
			for status, n := range c.answers {
				name := strconv.Itoa(status)
				if status < 0 {
					name = "no answer"
				}
				by[name] += n
				all += n
			}
		}
	}
	return all, by
}

// TestSoak lets the clients of many tenants change users and groups through several
// instances on one table, with throttles, conflicts, lost requests and answers, and kills
// of instances. Every so often all stop: each tenant must have what its clients know, and
// memory and goroutines are measured, which may not grow. At the end the audit of each
// tenant finds nothing.
func TestSoak(t *testing.T) {
	if testing.Short() {
		t.Skip("make check runs it for some seconds, make soak for half an hour")
	}
	engine, err := embedded.Memory()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, engine.Close()) })
	s := &soak{pool: newPool(t, engine, 6), healthy: newInstance(t, engine, io.Discard, app.Options{}), limit: rate.NewLimiter(rate.Limit(*soakRate), 10)}
	for i := range *soakTenants {
		since := time.Now()
		s.all = append(s.all, newTenancy(s.healthy.open(t, fmt.Sprintf("tenant-%02d", i)), since, 2*i, 2, *seed, mostUser))
	}
	fill(t, s.healthy, s.all)

	length := time.Duration(*soakMinutes * float64(time.Minute))
	// A sample a minute, and in a short soak eight.
	every := min(time.Minute, length/8)
	began := time.Now()
	var samples []sample
	for time.Since(began) < length && !t.Failed() {
		s.round(t, every)
		for _, own := range s.all {
			for _, fault := range own.check(t.Context(), s.healthy, s.healthy) {
				t.Errorf("after %s: %s", time.Since(began).Round(time.Second), fault)
			}
		}
		s.pool.renew()
		requests, _ := s.answers()
		samples = append(samples, measure(began, requests))
	}
	s.audit(t)
	s.report(t, samples)
	if *soakMinutes >= 10 {
		assert.Empty(t, growth(samples))
	}
}

// audit finishes what is left over, and verifies each tenant.
func (s *soak) audit(t *testing.T) {
	t.Helper()
	for _, own := range s.all {
		id, err := tenant.ParseID(own.tenant)
		require.NoError(t, err)
		_, err = s.healthy.app.Store.SweepNow(t.Context(), id)
		require.NoError(t, err)
		faults, err := s.healthy.app.Store.Audit(t.Context(), id)
		require.NoError(t, err)
		assert.Empty(t, faults, own.tenant)
	}
}

// report logs the tables of docs/testing.md.
func (s *soak) report(t *testing.T, samples []sample) {
	t.Helper()
	all, by := s.answers()
	for _, m := range s.pool.all {
		s.pool.count(m)
	}
	s.pool.renew()
	lines := []string{
		fmt.Sprintf("%d tenants, %d change requests, %d instances killed", len(s.all), all, s.pool.kills),
		"", "| outcome | requests |", "|---|---|",
	}
	for _, name := range slices.Sorted(maps.Keys(by)) {
		lines = append(lines, fmt.Sprintf("| %s | %d |", name, by[name]))
	}
	lines = append(lines, "", "| fault | calls of the table |", "|---|---|")
	for _, name := range slices.Sorted(maps.Keys(s.pool.faults)) {
		lines = append(lines, fmt.Sprintf("| %s | %d |", name, s.pool.faults[name]))
	}
	lines = append(lines, "", "| after | requests | heap | resident, not of a file | resident | goroutines |", "|---|---|---|---|---|---|")
	for _, m := range samples {
		lines = append(lines, fmt.Sprintf("| %s | %d | %.1f MB | %.1f MB | %.1f MB | %d |", m.at.Round(time.Second), m.requests,
			float64(m.heap)/megabyte, float64(m.anonymous)/megabyte, float64(m.resident)/megabyte, m.goroutines))
	}
	t.Log("\n" + strings.Join(lines, "\n"))
	assert.Positive(t, s.pool.kills, "no instance was killed")
	assert.Positive(t, by["503"]+by["no answer"], "every request was acknowledged: the faults prove nothing")
}
