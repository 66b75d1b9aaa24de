package sim

import (
	"flag"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/table/embedded"
)

var (
	seedFlag    = flag.Int64("sim.seed", -1, "run only this seed")
	runsFlag    = flag.Int("sim.runs", 1000, "how many seeds to run")
	fromFlag    = flag.Uint64("sim.from", 1, "the first seed")
	longFlag    = flag.Bool("sim.long", false, "make every run several times as long")
	clientsFlag = flag.Int("sim.clients", 0, "the most identity providers of a tenant")
	stepsFlag   = flag.Int("sim.steps", 0, "the most that each of them does")
	traceFlag   = flag.Int("sim.trace", 200, "how many of the last events are shown of a seed that fails")
	stormFlag   = flag.Bool("sim.storm", false, "give one tenant of each run more requests than its rate")
	eventsFlag  = flag.Bool("sim.events", false, "make events of all commits (the test does so in every fourth run)")
	oauthFlag   = flag.Bool("sim.oauth", false, "let identity providers use access tokens (the test does so in every ninth run)")
	calmFlag    = flag.Bool("sim.calm", false, "leave out all faults")
)

// in runs a seed in a bubble of its own.
func in(t *testing.T, seed uint64, o Options) (r Result) {
	synctest.Test(t, func(*testing.T) { r = Run(seed, o) })
	return r
}

// TestSimulation runs many seeds, and explains the first that fails.
func TestSimulation(t *testing.T) {
	o := Options{Long: *longFlag, Clients: *clientsFlag, Steps: *stepsFlag, NoFaults: *calmFlag, Storm: *stormFlag, Events: *eventsFlag, OAuth: *oauthFlag}
	if *seedFlag >= 0 {
		o.Trace = *traceFlag
		report(t, in(t, uint64(*seedFlag), o), o)
		return
	}
	runs := *runsFlag
	if testing.Short() || raceDetector {
		runs /= 20
	}
	var next, histories, requests, commits atomic.Int64
	var failed sync.Map
	all := &total{reached: map[string]int{}}
	begun := time.Now()
	t.Run("seeds", func(t *testing.T) {
		for range runtime.GOMAXPROCS(0) {
			t.Run("worker", func(t *testing.T) {
				t.Parallel()
				defer debug.SetGCPercent(debug.SetGCPercent(400)) // a history leaves much behind, and needs little
				for n := next.Add(1) - 1; n < int64(runs) && !t.Failed(); n = next.Add(1) - 1 {
					o := o
					o.Events = o.Events || n%eventsEvery == 0
					o.OAuth = o.OAuth || n%eventsEvery == 1
					r := in(t, *fromFlag+uint64(n), o)
					histories.Add(1)
					requests.Add(int64(r.Requests))
					commits.Add(int64(r.Commits))
					all.add(r)
					if len(r.Failures) > 0 {
						failed.Store(r.Seed, o)
						t.Fail()
					}
				}
			})
		}
	})
	t.Logf("%d histories with %d requests and %d transactions in %s", histories.Load(), requests.Load(), commits.Load(), time.Since(begun).Round(time.Millisecond))
	t.Log(all)
	if runs >= 1000 && !t.Failed() && o.flags() == "" {
		for _, what := range mustReach {
			require.NotZero(t, all.reached[what], "%q never happened: the histories prove less than they should", what)
		}
		require.GreaterOrEqual(t, all.reached[mirrored], 5*runs, "mirrors have heard of too few changes")
	}
	failed.Range(func(seed, options any) bool {
		explain(t, seed.(uint64), options.(Options)) //nolint:forcetypeassert // stored above
		return true
	})
}

// eventsEvery is which of the runs make events of all commits, for mirrors: in the runs of
// make check they are of more than 5,000 changes, and of 1,000,000 in those of make soak. As many
// others have OAuth clients.
const eventsEvery = 9

// mustReach is what happens in some of a thousand histories.
var mustReach = []string{
	"throttled", "no connection", "a request is lost", "an answer is lost", "an answer does not reach its client",
	"two transactions overlap", "a conflict beside a failed condition", "a transaction arrives again", "a batch is read at two times",
	"an instance crashes", "an instance crashes in the middle of a request", "an instance is cut off", "a write of a crashed instance is applied",
	"a change of the ledger is refused", "a user is protected",
	"a ledger gets a shard", "a shard is merged", "a change of a ledger in shards", "refused: no seats are left", "refused: no readers are left",
	"a recount is refused", "a recount repairs a ledger", "a recount finds a sound ledger",
	"refused: the rate", "a rebuild repairs a reservation", "a rebuild finds sound reservations",
	"an event is pulled", "an event is delivered", "a mirror is compared", "a record of the stream comes again", "a batch of the stream fails",
	"an access token is issued", "a client gets no access token", "an access token is accepted", "an ended access token is refused",
	"an application loses an event", "an acknowledgement is lost", "a deliverer crashes",
	"a task of the kind members is begun", "a task of the kind members is finished", "a task of the kind epoch is begun", "a task of the kind epoch is finished",
	"a task of the kind tenant is begun", "a task of the kind tenant is finished",
	"status 200", "status 201", "status 204", "status 400", "status 401", "status 403", "status 404", "status 409", "status 503",
}

// A total is the sum of what many runs came to.
type total struct {
	mu      sync.Mutex
	reached map[string]int
}

func (a *total) add(r Result) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for what, n := range r.Reached {
		a.reached[what] += n
	}
	for status, n := range r.Statuses {
		a.reached[fmt.Sprint("status ", status)] += n
	}
}

// String returns the sums, one a line.
func (a *total) String() string {
	var b strings.Builder
	for _, what := range keys(a.reached) {
		fmt.Fprintf(&b, "\n\t%8d  %s", a.reached[what], what)
	}
	return b.String()
}

// explain repeats a failing seed in a smaller form, if it fails in one.
func explain(t *testing.T, seed uint64, o Options) {
	t.Helper()
	smallest, size := o, in(t, seed, o).Requests
	for _, steps := range []int{0, 1, 2, 4, 6} {
		for _, clients := range []int{0, 1} {
			for _, calm := range []bool{false, true} {
				small := o
				small.Steps, small.Clients, small.NoFaults = steps, clients, calm
				if r := in(t, seed, small); len(r.Failures) > 0 && r.Requests < size {
					smallest, size = small, r.Requests
				}
			}
		}
	}
	smallest.Trace = *traceFlag
	report(t, in(t, seed, smallest), smallest)
}

// report fails the test with what a run found.
func report(t *testing.T, r Result, o Options) {
	t.Helper()
	if len(r.Failures) == 0 {
		t.Logf("seed %d: %d requests, %d transactions, answers %v, %v", r.Seed, r.Requests, r.Commits, r.Statuses, r.Reached)
		return
	}
	t.Errorf("seed %d fails:\n\n\t%s\n\nThe last events:\n%s\n\nTo repeat it: go test ./internal/e2e/sim -run 'TestSimulation$' -sim.seed=%d%s -v",
		r.Seed, strings.Join(r.Failures, "\n\t"), strings.Join(r.Trace, "\n"), r.Seed, o.flags())
}

func (o Options) flags() (text string) {
	if o.Long {
		text += " -sim.long"
	}
	if o.Storm {
		text += " -sim.storm"
	}
	if o.Events {
		text += " -sim.events"
	}
	if o.OAuth {
		text += " -sim.oauth"
	}
	if o.NoFaults {
		text += " -sim.calm"
	}
	if o.Clients > 0 {
		text += fmt.Sprintf(" -sim.clients=%d", o.Clients)
	}
	if o.Steps > 0 {
		text += fmt.Sprintf(" -sim.steps=%d", o.Steps)
	}
	return text
}

// Two runs of a seed have the same events, to the last one, on either engine.
func TestSimulation_SameSeedSameRun(t *testing.T) {
	seen := map[uint64]bool{}
	for seed := range uint64(20) {
		events, oauth := seed%4 == 1, seed%4 == 2
		first, again := in(t, seed, Options{Trace: 400, Events: events, OAuth: oauth}), in(t, seed, Options{Trace: 400, Events: events, OAuth: oauth})
		require.Equal(t, first, again, "seed %d", seed)
		require.False(t, seen[first.Hash])
		seen[first.Hash] = true
		if seed >= 4 {
			continue
		}
		engine, err := embedded.Memory()
		require.NoError(t, err)
		onFile := in(t, seed, Options{Trace: 400, Events: events, OAuth: oauth, Engine: engine})
		require.Equal(t, first.Hash, onFile.Hash, "seed %d on the embedded engine", seed)
		require.NoError(t, engine.Close())
	}
}
