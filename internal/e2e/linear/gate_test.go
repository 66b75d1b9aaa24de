package linear

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing/synctest"
	"time"

	"github.com/rollcall-scim/rollcall/internal/table"
)

// A gate lets the calls to the table go one at a time, and chooses by a seed
// which one is next. It works in a bubble of synctest: the next call is chosen
// when everybody waits for the gate or for time to pass.
type gate struct {
	random *rand.Rand

	mu sync.Mutex
	// slow is the share of turns before which some time passes.
	slow    float64
	waiting []*turn
	arrived chan struct{}
	// passed is the number of turns so far, and trace what they were, if kept.
	passed int
	keep   bool
	trace  []string
}

// A turn is a call that waits for the gate.
type turn struct {
	client int
	what   string
	open   chan struct{}
}

func newGate(seed uint64) *gate {
	return &gate{random: rand.New(rand.NewPCG(seed, 10)), arrived: make(chan struct{}, 1)}
}

func (g *gate) setSlowness(share float64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.slow = share
}

func (g *gate) slowness() float64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.slow
}

// turns returns the number of turns so far.
func (g *gate) turns() int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return int64(g.passed)
}

// end returns the number of turns so far and what they were, and keeps no more of them.
func (g *gate) end() (turns int, trace []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.keep = false
	return g.passed, g.trace
}

// pass waits until it is the caller's turn, or returns the error of its context.
func (g *gate) pass(ctx context.Context, what string) error {
	t := &turn{client: callOf(ctx).client, what: what, open: make(chan struct{})}
	g.mu.Lock()
	g.waiting = append(g.waiting, t)
	g.mu.Unlock()
	select {
	case g.arrived <- struct{}{}:
	default:
	}
	select {
	case <-t.open:
		return nil
	case <-ctx.Done():
		g.mu.Lock()
		defer g.mu.Unlock()
		g.waiting = slices.DeleteFunc(g.waiting, func(other *turn) bool { return other == t })
		return ctx.Err()
	}
}

// run gives out turns until all is done and nobody waits.
func (g *gate) run(done <-chan struct{}) {
	for {
		synctest.Wait()
		if slow := g.slowness(); slow > 0 && g.random.Float64() < slow {
			// Mostly moments, sometimes longer than any request takes.
			time.Sleep(time.Duration(g.random.Int64N(int64(10*time.Millisecond) << g.random.IntN(12))))
			synctest.Wait()
		}
		if t := g.next(); t != nil {
			close(t.open)
			continue
		}
		select {
		case <-g.arrived:
		case <-done:
			synctest.Wait()
			if g.idle() {
				return
			}
		}
	}
}

func (g *gate) idle() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.waiting) == 0
}

// next removes one of the waiting turns. They are ordered first: the order in
// which they came is not the seed's.
func (g *gate) next() *turn {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.waiting) == 0 {
		return nil
	}
	slices.SortStableFunc(g.waiting, func(a, b *turn) int {
		return cmp.Or(cmp.Compare(a.client, b.client), cmp.Compare(a.what, b.what))
	})
	i := g.random.IntN(len(g.waiting))
	t := g.waiting[i]
	g.waiting = slices.Delete(g.waiting, i, i+1)
	g.passed++
	if g.keep {
		g.trace = append(g.trace, fmt.Sprint(t.client, " ", t.what))
	}
	return t
}

// A call is a request in progress: its context carries it to the table.
type call struct {
	client int

	mu sync.Mutex
	// left is the number of calls to the table after which the process of the
	// request is killed, and patience the number after which the client goes;
	// negative for never.
	left, patience int
	leave          context.CancelFunc
}

type callKey struct{}

func (c *call) in(ctx context.Context) context.Context { return context.WithValue(ctx, callKey{}, c) }

// callOf returns the call of a context; without one it is nobody's.
func callOf(ctx context.Context) *call {
	if c, ok := ctx.Value(callKey{}).(*call); ok {
		return c
	}
	return &call{left: -1, patience: -1}
}

// errKilled is the error of every call of a process that was killed.
var errKilled = errors.New("linear: the process was killed")

// step counts a call to the table.
func (c *call) step() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.patience == 0 {
		c.leave()
	}
	c.patience--
	if c.left == 0 {
		return errKilled
	}
	c.left--
	return nil
}

// A turned table makes every call wait for its turn before it begins.
type turned struct {
	gate *gate
	next table.Table
}

func (t turned) begin(ctx context.Context, what string) error {
	if err := callOf(ctx).step(); err != nil {
		return err
	}
	return t.gate.pass(ctx, what)
}

func (t turned) Get(ctx context.Context, keys ...table.Key) (map[table.Key]table.Item, error) {
	if err := t.begin(ctx, nameGet(keys)); err != nil {
		return nil, err
	}
	return t.next.Get(ctx, keys...)
}

func (t turned) Query(ctx context.Context, q table.Query) (table.Page, error) {
	if err := t.begin(ctx, "query "+q.Partition+" "+q.From+q.Prefix); err != nil {
		return table.Page{}, err
	}
	return t.next.Query(ctx, q)
}

func (t turned) Write(ctx context.Context, tx table.Transaction) error {
	if err := t.begin(ctx, nameWrite(tx)); err != nil {
		return err
	}
	return t.next.Write(ctx, tx)
}

func nameGet(keys []table.Key) string {
	name := "get"
	for _, k := range keys {
		name = max(name, "get "+k.Partition+" "+k.Sort)
	}
	return name
}

func nameWrite(tx table.Transaction) string {
	name := "write"
	for _, op := range tx.Ops {
		name = max(name, "write "+op.Key.Partition+" "+op.Key.Sort)
	}
	return name
}

// A wire carries calls to an engine: each takes its turn once more, so that
// others overlap it. It keeps the contract of table.Table, and gives nothing
// beyond it: items that are read together are of different moments, and a write
// may be applied after its caller has given up.
type wire struct {
	gate   *gate
	engine table.Table
	random *rand.Rand
	// torn is the share of reads in two parts, and late that of the writes whose
	// callers give up at once.
	torn, late float64
	on         *atomic.Bool // whether calls are torn and late

	mu       sync.Mutex
	inFlight map[string]bool // tokens
}

func (w *wire) draw(share float64) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.on.Load() && share > 0 && w.random.Float64() < share
}

func (w *wire) part(n int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return 1 + w.random.IntN(n)
}

func (w *wire) Get(ctx context.Context, keys ...table.Key) (map[table.Key]table.Item, error) {
	first := keys
	if len(keys) > 1 && w.draw(w.torn) {
		first = keys[:w.part(len(keys)-1)]
	}
	items, err := w.engine.Get(ctx, first...)
	if err != nil || len(first) == len(keys) {
		return items, err
	}
	if err := w.gate.pass(ctx, "rest of "+nameGet(keys)); err != nil {
		return nil, err
	}
	rest, err := w.engine.Get(ctx, keys[len(first):]...)
	for k, item := range rest {
		items[k] = item
	}
	return items, err
}

func (w *wire) Query(ctx context.Context, q table.Query) (table.Page, error) {
	if q.Limit == 1 || !w.draw(w.torn) {
		return w.engine.Query(ctx, q)
	}
	most := 8
	if q.Limit > 0 {
		most = min(most, q.Limit-1)
	}
	first := q
	first.Limit = w.part(most)
	page, err := w.engine.Query(ctx, first)
	if err != nil || !page.More {
		return page, err
	}
	if err := w.gate.pass(ctx, "rest of query "+q.Partition); err != nil {
		return table.Page{}, err
	}
	q.After = page.Last
	if q.Limit > 0 {
		q.Limit -= len(page.Items)
	}
	rest, err := w.engine.Query(ctx, q)
	rest.Items = append(page.Items, rest.Items...)
	return rest, err
}

func (w *wire) Write(ctx context.Context, tx table.Transaction) error {
	w.mu.Lock()
	if w.inFlight[tx.Token] {
		w.mu.Unlock()
		return fmt.Errorf("%w: in progress", table.ErrUnknownOutcome)
	}
	w.inFlight[tx.Token] = true
	w.mu.Unlock()
	done := make(chan error, 1)
	apart := context.WithoutCancel(ctx)
	go func() {
		err := w.gate.pass(apart, "end of "+nameWrite(tx))
		if err == nil {
			err = w.engine.Write(apart, tx)
		}
		w.mu.Lock()
		delete(w.inFlight, tx.Token)
		w.mu.Unlock()
		done <- err
	}()
	if w.draw(w.late) {
		return fmt.Errorf("%w: late", table.ErrUnknownOutcome)
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", table.ErrUnknownOutcome, ctx.Err())
	}
}
