package sim

import (
	"bytes"
	"errors"
	"fmt"
	"hash"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing/synctest"
	"time"

	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/tabletest"
)

// Options are the choices of a run that do not come from its seed.
type Options struct {
	// Table is what the instances' table is, given the simulation's own: itself,
	// or a wrapper that does something wrong. nil is the table itself.
	Table func(table.Table) table.Table
	// Engine is the engine; nil is the simulation's own.
	Engine table.Table
	// Clients, Steps limit the identity providers of each tenant and what each
	// of them does; 0 is as many as the seed draws. NoFaults leaves out all
	// faults and crashes. A failing seed is made smaller with them.
	Clients, Steps int
	NoFaults       bool
	// Long makes the run several times as long.
	Long bool
	// Crowds gives every identity provider a crowd, and every tenant two of them:
	// large changes of groups, by two at once.
	Crowds bool
	// Storm gives one tenant more requests than its rate.
	Storm bool
	// Events makes events of all commits, for readers and receivers.
	Events bool
	// OAuth lets identity providers use access tokens of OAuth clients, next to static tokens.
	OAuth bool
	// Trace is how many of the last events are kept, 0 for none. With it the
	// events are hashed.
	Trace int
}

// A Result is the outcome of a run.
type Result struct {
	Seed     uint64
	Failures []string
	// Requests, Commits and Events count what happened.
	Requests, Commits, Events int
	// Statuses count the answers.
	Statuses map[int]int
	// Reached counts what a run must come to now and then, or it proves little.
	Reached map[string]int
	// Trace has the last events, and Hash is of all of them, if Options.Trace is
	// set.
	Trace []string
	Hash  uint64
}

// A world is one run.
type world struct {
	options   Options
	seed      uint64
	scheduler *scheduler
	random    *rand.Rand // the scheduler's
	// engine has the data. table is how the instances see it, which differs if
	// the run is sabotaged.
	engine, table table.Table
	faults        faults
	// patience is how long clients wait for an answer while there are faults.
	patience time.Duration
	// calm is when all faults ended, zero before.
	calm      time.Time
	open      map[table.Key]string // items of transactions in progress → token
	applied   map[string]bool      // tokens of applied transactions
	lost      map[string]bool      // deleted users that lost a name to another
	commits   int
	started   int
	reached   map[string]int
	instances []*instance
	// programs are connections to the table that serve nobody, and damages counts what was
	// written to it by nothing of the product.
	programs []*instance
	damages  int
	// rate is that of each tenant, and storm whether one of them sends more.
	rate         int
	storm        bool
	leases       []lease
	bucketFaults []bucketFault
	requests     []*request
	customers    []*customer
	operator     *operator
	// outlet is nil without Options.Events. settled reports that nothing more is committed,
	// and delivered that all events are. behind counts the processes that end only then.
	outlet             *outlet
	settled, delivered bool
	behind             atomic.Int64
	// running counts the processes, working those of them that are clients with
	// steps left.
	running atomic.Int64
	// over is closed at the end: processes that still wait end.
	over    chan struct{}
	working atomic.Int64

	mu       sync.Mutex
	failures []string
	events   int
	trace    []string
	hash     hash.Hash64
}

// maxFailures is how many failures a run reports.
const maxFailures = 12

// bound is the virtual time within which all clients finish after the faults
// have ended.
const bound = 30 * time.Minute

// Run runs one simulation. It must be called in a bubble of testing/synctest.
func Run(seed uint64, o Options) Result {
	w := newWorld(seed, o)
	w.populate()
	ended := w.scheduler.run(func() bool { return w.running.Load() == 0 || w.overdue() }, time.Hour)
	if !ended || w.overdue() {
		w.fail("the clients do not finish: %d of them are waiting", w.running.Load())
	} else {
		w.drain()
		w.check()
	}
	w.end()
	r := Result{
		Seed: seed, Failures: w.failures, Requests: len(w.requests), Commits: w.commits, Events: w.events,
		Statuses: map[int]int{}, Reached: w.reached, Trace: w.trace,
	}
	for _, request := range w.requests {
		if request.got != nil {
			r.Statuses[request.got.status]++
		}
	}
	if w.hash != nil {
		r.Hash = w.hash.Sum64()
	}
	return r
}

func newWorld(seed uint64, o Options) *world {
	random := rand.New(rand.NewPCG(seed, 0x5eed)) //nolint:gosec // repeatable on purpose
	w := &world{
		options: o, seed: seed, random: random, scheduler: newScheduler(random),
		open: map[table.Key]string{}, applied: map[string]bool{}, lost: map[string]bool{}, over: make(chan struct{}),
		reached: map[string]int{},
	}
	w.engine = o.Engine
	if w.engine == nil {
		w.engine = tabletest.NewMemory()
	}
	w.table = w.engine
	if o.Table != nil {
		w.table = o.Table(w.engine)
	}
	w.faults, w.patience = drawFaults(random), patience
	if random.IntN(3) == 0 {
		w.patience = 500*time.Millisecond + time.Duration(random.Int64N(int64(5*time.Second)))
	}
	w.limitRate()
	if o.NoFaults {
		w.faults = w.faults.calmed()
	}
	if o.Trace > 0 {
		w.hash = fnv.New64a()
	}
	return w
}

// overdue reports whether the faults ended too long ago.
func (w *world) overdue() bool { return !w.calm.IsZero() && time.Since(w.calm) > bound }

// drain lets everything end that is still under way: requests whose clients have
// given up, and copies of transactions.
func (w *world) drain() {
	w.scheduler.run(func() bool { return len(w.scheduler.queue) == 0 }, time.Minute)
}

// end ends all goroutines of the bubble, whatever their state.
func (w *world) end() {
	for _, in := range slices.Concat(w.instances, w.programs) {
		if !in.hasEnded() { // a program that has crashed has
			close(in.ended)
		}
	}
	close(w.over)
	synctest.Wait()
}

// quiet ends all faults, for good.
func (w *world) quiet() {
	if !w.calm.IsZero() {
		return
	}
	w.record("all faults end")
	w.calm = time.Now()
	w.faults = w.faults.calmed()
	for _, in := range w.instances {
		in.clogUntil = time.Time{}
	}
	for len(w.instances) < 2 {
		w.instances = append(w.instances, w.start())
	}
}

// lostAnswers is the share of answers that do not reach the client.
func (w *world) lostAnswers() float64 { return w.faults.Unanswered / 4 }

// fail records a failure.
func (w *world) fail(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.failures) < maxFailures {
		w.failures = append(w.failures, fmt.Sprintf(format, args...))
	}
	if w.hash != nil {
		w.trace = append(w.trace, "FAILURE: "+fmt.Sprintf(format, args...))
	}
}

// record adds an event to the trace.
func (w *world) record(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events++
	if w.hash == nil {
		return
	}
	line := time.Now().UTC().Format("15:04:05.000000000 ") + fmt.Sprintf(format, args...)
	_, _ = w.hash.Write([]byte(line))
	if w.trace = append(w.trace, line); len(w.trace) > 2*w.options.Trace {
		w.trace = slices.Clone(w.trace[len(w.trace)-w.options.Trace:])
	}
}

// note adds an event of a call to the trace.
func (w *world) note(c *call, what string, err error) {
	if w.hash == nil {
		w.events++
		return
	}
	var b bytes.Buffer
	b.WriteString("instance " + strconv.Itoa(c.in.number) + ", request " + strconv.Itoa(c.request.number()) + ", " + what + " " + string(c.kind) + ": ")
	if err != nil {
		b.WriteString(err.Error())
		var failed *table.ConditionError
		if errors.As(err, &failed) && failed.Incomplete {
			b.WriteString(", others unchecked")
		}
	} else {
		b.WriteString("done")
	}
	switch c.kind {
	case callGet:
		fmt.Fprintf(&b, " %q", c.keys)
	case callQuery:
		fmt.Fprintf(&b, " %+v", c.query)
	case callWrite:
		if what != "answer" {
			b.WriteByte('\n')
			for _, op := range c.tx.Ops {
				b.WriteString("\t")
				tabletest.PrintOp(&b, op)
			}
		}
	}
	w.record("%s", b.String())
}
