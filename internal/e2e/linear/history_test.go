package linear

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/store"
	"github.com/rollcall-scim/rollcall/internal/table"
)

// A recorder records the requests of a history. It is safe for concurrent use.
type recorder struct {
	w *world

	mu sync.Mutex
	// stamps counts the stamps of each client since the gate gave out its last turn.
	stamps     map[int]int64
	turns      int64
	numbers    int
	operations []porcupine.Operation
	wrong      []string
	// reached counts what is no answer.
	reached counts
}

// An outcome says how the answer of a request is to be taken.
type outcome struct {
	// unknown reports that the request may take effect at any time after it was
	// sent, or never.
	unknown bool
	// wrong reports an answer that is never right.
	wrong  bool
	status int
}

func (r *recorder) next() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.numbers++
	return r.numbers
}

// now returns a stamp for a client. Requests take effect in turns of the gate only.
// Between two turns, clients act in an order that the seed does not determine: there,
// stamps are ordered by what each client did before, and then by client.
func (r *recorder) now(client int) int64 {
	turns := r.w.gate.turns()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.w.oneByOne {
		r.turns++
		return r.turns
	}
	if r.stamps == nil || turns != r.turns {
		r.stamps, r.turns = map[int]int64{}, turns
	}
	r.stamps[client]++
	return turns<<20 | r.stamps[client]<<8 | int64(client)
}

// renumber numbers the stamps from 1.
func (r *recorder) renumber() {
	var stamps []int64
	for _, o := range r.operations {
		stamps = append(stamps, o.Call, o.Return)
	}
	slices.Sort(stamps)
	stamps = slices.Compact(stamps)
	for i, o := range r.operations {
		call, _ := slices.BinarySearch(stamps, o.Call)
		r.operations[i].Call = int64(call) + 1
		if o.Return != math.MaxInt64 {
			answered, _ := slices.BinarySearch(stamps, o.Return)
			r.operations[i].Return = int64(answered) + 1
		}
	}
}

// record sends a request and records when it was sent and answered. The end of
// one with an unknown outcome is that of time: what never takes effect then comes
// last.
func (r *recorder) record(client int, input any, send func() (any, outcome)) {
	op := porcupine.Operation{ClientId: client, Input: input, Call: r.now(client)}
	output, how := send()
	op.Output, op.Return = output, r.now(client)
	if how.unknown {
		op.Return = math.MaxInt64
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.operations = append(r.operations, op)
	if how.wrong {
		r.wrong = append(r.wrong, fmt.Sprint(input, " → ", output))
	}
}

// add records an operation that was part of another one.
func (r *recorder) add(op porcupine.Operation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.operations = append(r.operations, op)
}

// reach counts something that is no answer.
func (r *recorder) reach(what string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.reached == nil {
		r.reached = counts{}
	}
	r.reached[what]++
}

// readable lists the requests in the order in which they were sent.
func (r *recorder) readable() string {
	var b strings.Builder
	ops := slices.Clone(r.operations)
	slices.SortFunc(ops, func(a, b porcupine.Operation) int { return int(a.Call - b.Call) })
	for _, op := range ops {
		end := fmt.Sprint(op.Return)
		if op.Return == math.MaxInt64 {
			end = "?"
		}
		fmt.Fprintf(&b, "  client %d, %d to %s: %v → %v\n", op.ClientId, op.Call, end, op.Input, op.Output)
	}
	return b.String()
}

// A program is the requests of a kind of history.
type program interface {
	// begin makes what the history begins with, by requests before all others.
	begin(first *client, r *rand.Rand)
	// run sends the requests of one client.
	run(c *client, requests int)
	// end reads the result, after all others.
	end(last *client)
	// tidy makes everything as it was at the beginning.
	tidy(last *client)
	history() *recorder
}

// A subject is a kind of history.
type subject struct {
	name string
	// seats is the limit at the beginning.
	seats func(r *rand.Rand) int
	// open returns a history on a world, and model the model that it must fit.
	open  func(w *world) program
	model func(p program, seats int) porcupine.Model
	// clients and requests bound what is sent.
	clients, requests int
	// least has how often each kind of answer occurs in a thousand histories, at least.
	least counts
}

// A result is a history that was run.
type result struct {
	seed  uint64
	mix   string
	check porcupine.CheckResult
	info  porcupine.LinearizationInfo
	model porcupine.Model
	*recorder
	faults []store.Fault
	turns  int
	trace  []string
}

func (r *result) failed() bool {
	return r.check != porcupine.Ok || len(r.wrong) > 0 || len(r.faults) > 0
}

// A start is a table that has a tenant with users, before the requests of a history.
type start struct {
	engine table.Table
	token  string
	crowd  []string
}

// options change how a history is run.
type options struct {
	// start returns what the history begins with, nil for nothing.
	start func(t testing.TB) start
	// shared reports that the next history begins with what this one leaves.
	shared bool
	// slow reports that the number of histories is -linear.dynamodb.
	slow bool
	// tenant is the tenant's name; without one each seed has its own.
	tenant string
	broken func(table.Table) table.Table
	keep   bool // the trace
	mixes  []mix
}

// checkTime bounds the search for an order of one history.
const checkTime = 30 * time.Second

// undecided is reported of a history whose search took longer.
var undecided = fmt.Sprintf("undecided: the search for an order of the requests did not end within %s; there may be one", checkTime)

// run runs the history of a seed, and checks it.
func (s subject) run(t *testing.T, seed uint64, o options) *result {
	out := &result{seed: seed}
	var p program
	var seats int
	synctest.Test(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(seed, 12))
		m := o.mixes[seed%uint64(len(o.mixes))]
		var from start
		if o.start != nil {
			from = o.start(t)
		}
		if o.tenant == "" {
			o.tenant = fmt.Sprint("t", seed)
		}
		w := newWorld(t, seed, m, from.engine, o.tenant, o.broken)
		w.token, w.crowd = from.token, from.crowd
		w.gate.keep = o.keep
		seats = s.seats(random)
		clients, requests := 2+random.IntN(s.clients-1), 1+random.IntN(s.requests)
		done := make(chan struct{})
		go func() {
			defer close(done)
			ctx := context.Background()
			w.begin(ctx, int64(seats))
			p = s.open(w)
			first := &client{w: w, number: 0, random: random}
			p.begin(first, random)
			w.setCalm(false, m.slow)
			var wait sync.WaitGroup
			for i := range clients {
				c := &client{w: w, number: i + 1, instance: i % 2, random: rand.New(rand.NewPCG(seed, uint64(100+i))), mix: &m}
				wait.Go(func() {
					if w.gate.pass((&call{client: c.number}).in(ctx), "start") == nil {
						p.run(c, requests)
					}
				})
			}
			wait.Wait()
			w.setCalm(true, 0)
			p.end(first)
			if o.shared {
				p.tidy(first)
			}
			time.Sleep(10 * time.Minute) // what was staged may be given up by then
			_, err := w.instance(0).app.Store.Sweep(ctx, 0)
			require.NoError(t, err)
			out.turns, out.trace = w.gate.end() // an audit reads in no certain order
			out.faults, err = w.instance(0).app.Store.Audit(ctx, w.tenant)
			require.NoError(t, err)
		}()
		w.gate.run(done)
		out.mix = m.name
	})
	out.recorder = p.history()
	out.renumber()
	out.model = s.model(p, seats)
	out.check, out.info = porcupine.CheckOperationsVerbose(out.model, out.operations, checkTime)
	return out
}

// picture writes porcupine's picture of a history, and returns its path.
func picture(t *testing.T, m porcupine.Model, info porcupine.LinearizationInfo, name string) string {
	t.Helper()
	dir := filepath.Join(os.TempDir(), "rollcall-linear")
	require.NoError(t, os.MkdirAll(dir, 0o700))
	file := strings.Map(func(r rune) rune {
		if strings.ContainsRune("/ {}:,", r) {
			return '-'
		}
		return r
	}, t.Name()+"-"+name+".html")
	path := filepath.Join(dir, file)
	require.NoError(t, porcupine.VisualizePath(m, info, path))
	return path
}

// report fails the test with all that is needed to understand a history, and to
// run it again.
func (r *result) report(t *testing.T) {
	t.Helper()
	path := picture(t, r.model, r.info, fmt.Sprint(r.seed))
	var why []string
	switch r.check {
	case porcupine.Illegal:
		why = append(why, "no order of the requests explains the answers")
	case porcupine.Unknown:
		why = append(why, undecided)
	}
	for _, wrong := range r.wrong {
		why = append(why, "internal error: "+wrong)
	}
	for _, fault := range r.faults {
		why = append(why, fmt.Sprint("audit: ", fault))
	}
	t.Errorf("seed %d (%s): %s\n%sagain:   go test ./internal/e2e/linear -run '^%s$' -linear.seed=%d\npicture: %s",
		r.seed, r.mix, strings.Join(why, "; "), r.readable(), strings.ReplaceAll(t.Name(), "/", "$/^"), r.seed, path)
}
