package sim

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/tabletest"
)

// errCrashed is the error of every call of an instance that has crashed. It only
// ends the goroutines of the instance: nobody sees what they do from then on.
var errCrashed = errors.New("sim: the instance has crashed")

// attempt is how long an instance waits for the answer to one call, as the
// SDK's client does. The request may still arrive later.
//
// The odd nanoseconds keep its end apart from time limits of the service that
// begin at the same moment: synctest fires timers of one moment in any order.
const attempt = 2*time.Second - 137

// longest is the longest time that a request to the table is under way. With
// journal.WriteTime and the difference of the clocks it stays below the 15
// seconds after which the log is complete.
const longest = 4 * time.Second

// faults are the rates, 0 to 1, at which calls to the table fail in one run.
type faults struct {
	Throttled, NoConnection float64
	// Lost and Unanswered are requests and answers that never arrive.
	Lost, Unanswered float64
	// Conflict is the share of writes that meet a transaction of nobody we know;
	// Mixed is the share of conflicts that are reported together with those
	// conditions that do not hold.
	Conflict, Mixed float64
	// Again is the share of writes that arrive a second time.
	Again float64
	// Torn is the share of batches whose items are read at different times.
	Torn float64
	// Slow is the share of calls that take up to longest.
	Slow float64
	// Usual is the longest time that any other call takes on each way, and Hold
	// that for which a transaction is in progress.
	Usual, Hold time.Duration
}

// drawFaults draws the faults of a run. Each kind is absent from half of the
// runs, so that rare faults are not hidden by frequent ones. A quarter of the runs
// has so many that requests fail.
func drawFaults(random *rand.Rand) faults {
	storm := 1.0
	if random.IntN(4) == 0 {
		storm = 4
	}
	rate := func(most float64) float64 {
		if random.IntN(2) == 0 {
			return 0
		}
		return min(1, storm*most*random.Float64())
	}
	return faults{
		Throttled: rate(0.1), NoConnection: rate(0.03), Lost: rate(0.06), Unanswered: rate(0.08),
		Conflict: rate(0.15), Mixed: rate(1), Again: rate(0.2), Torn: rate(1), Slow: rate(0.06),
		Usual: time.Duration(1+random.IntN(60)) * time.Millisecond,
		Hold:  time.Duration(1+random.IntN(30)) * time.Millisecond,
	}
}

// calmed are the same times without faults.
func (f faults) calmed() faults {
	return faults{Usual: f.Usual, Hold: f.Hold, Mixed: f.Mixed, Torn: f.Torn}
}

// A wire is the table as an instance sees it, at the other end of a network.
type wire struct{ in *instance }

// Get is table.Table.Get.
func (w wire) Get(ctx context.Context, keys ...table.Key) (map[table.Key]table.Item, error) {
	if err := table.CheckGet(keys...); err != nil {
		return nil, err
	}
	keys = slices.SortedFunc(slices.Values(keys), compareKeys)
	out := w.send(ctx, &call{kind: callGet, keys: keys})
	return out.items, out.err
}

// Query is table.Table.Query.
func (w wire) Query(ctx context.Context, q table.Query) (table.Page, error) {
	if err := table.CheckQuery(q); err != nil {
		return table.Page{}, err
	}
	out := w.send(ctx, &call{kind: callQuery, query: q})
	return out.page, out.err
}

// Write is table.Table.Write.
func (w wire) Write(ctx context.Context, tx table.Transaction) error {
	if err := table.CheckTransaction(tx); err != nil {
		return err
	}
	// position has the operations' places in the instance's order.
	position := make([]int, len(tx.Ops))
	for i := range position {
		position[i] = i
	}
	slices.SortFunc(position, func(i, j int) int { return compareKeys(tx.Ops[i].Key, tx.Ops[j].Key) })
	sorted := tx
	sorted.Ops = make([]table.Op, len(tx.Ops))
	for to, from := range position {
		sorted.Ops[to] = tx.Ops[from]
	}
	err := w.send(ctx, &call{kind: callWrite, tx: sorted}).err
	var failed *table.ConditionError
	if !errors.As(err, &failed) {
		return err
	}
	back := &table.ConditionError{Incomplete: failed.Incomplete}
	for _, f := range failed.Failed {
		back.Failed = append(back.Failed, table.FailedCondition{Op: position[f.Op], Item: f.Item})
	}
	slices.SortFunc(back.Failed, func(a, b table.FailedCondition) int { return a.Op - b.Op })
	return back
}

// compareKeys orders keys. The order in which an instance names items has no meaning,
// and may be that of a map: the network has one of its own.
func compareKeys(a, b table.Key) int {
	return cmp.Or(strings.Compare(a.Partition, b.Partition), strings.Compare(a.Sort, b.Sort))
}

// callKind is a method of table.Table.
type callKind string

const (
	callGet   callKind = "get"
	callQuery callKind = "query"
	callWrite callKind = "write"
)

// A call is one call of an instance to the table.
type call struct {
	world *world
	in    *instance
	// request is the request of a client that it belongs to.
	request *request
	kind    callKind
	keys    []table.Key
	query   table.Query
	tx      table.Transaction

	done chan outcome
	// answered is set once the instance has got an answer, or has given up.
	// Only the scheduler uses it.
	answered bool
	faults   faults
	// failed reports that a call about a bucket had no answer for the instance.
	failed atomic.Bool
}

// An outcome is what a call returns.
type outcome struct {
	items map[table.Key]table.Item
	page  table.Page
	err   error
}

func (w wire) send(ctx context.Context, c *call) outcome {
	c.in, c.world, c.done = w.in, w.in.world, make(chan outcome, 1)
	c.request = requestOf(ctx)
	if ctx.Err() != nil {
		return outcome{err: c.unsent(ctx.Err())}
	}
	if w.in.hasEnded() {
		return outcome{err: errCrashed}
	}
	c.world.scheduler.post(&event{name: c.name, plan: c.plan, run: c.arrive})
	select {
	case out := <-c.done:
		return out
	case <-w.in.ended:
		return outcome{err: errCrashed}
	case <-ctx.Done():
		w.in.takeTurn(func() string { return "cancelled " + c.name() })
		c.leaveUnknown()
		c.noteBucket(ctx.Err())
		return outcome{err: fmt.Errorf("%w: %w", c.lost(), ctx.Err())}
	}
}

// leaveUnknown records that the request may have written what it does not know of.
func (c *call) leaveUnknown() {
	if c.kind == callWrite && c.request != nil {
		c.request.unknown.Store(true)
	}
}

// lost is the error of a call without an answer.
func (c *call) lost() error {
	if c.kind == callWrite {
		return table.ErrUnknownOutcome
	}
	return table.ErrUnavailable
}

func (c *call) unsent(why error) error {
	if c.kind == callWrite {
		return fmt.Errorf("sim: not written: %w", why)
	}
	return fmt.Errorf("%w: %w", table.ErrUnavailable, why)
}

// name orders calls of one moment by what they are. The token of a transaction
// is left out: goroutines that run in parallel draw tokens in any order.
func (c *call) name() string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "call %06d %03d %s ", c.request.number(), c.in.number, c.kind)
	switch c.kind {
	case callGet:
		fmt.Fprintf(&b, "%q", c.keys)
	case callQuery:
		fmt.Fprintf(&b, "%+v", c.query)
	case callWrite:
		for _, op := range c.tx.Ops {
			tabletest.PrintOp(&b, op)
		}
	}
	return b.String()
}

// plan draws how long the request is under way.
func (c *call) plan(random *rand.Rand) time.Duration {
	if c.faults = c.world.faults; c.in.reliable {
		c.faults = c.faults.calmed()
	}
	c.noteCounted()
	way := c.way(random)
	switch x := random.Float64(); {
	case x < c.faults.Lost:
		c.world.reached["a request is lost"]++
		c.world.scheduler.after(c.patience(random), func() { c.giveUp("request lost") })
		return forever
	case way > attempt:
		c.world.scheduler.after(attempt, func() { c.giveUp("no answer yet") })
	}
	if c.kind == callWrite && random.Float64() < c.faults.Again {
		late := c.way(random) + time.Duration(random.Int64N(int64(longest)))
		c.world.scheduler.after(min(late, longest), func() { c.arriveAgain() })
	}
	return way
}

// forever is the delay of what never happens. Such events are dropped.
const forever = time.Duration(-1)

// way draws how long one way takes.
func (c *call) way(random *rand.Rand) time.Duration {
	most := c.faults.Usual
	if random.Float64() < c.faults.Slow {
		most = longest
	}
	return min(time.Duration(random.Int64N(int64(most)))+c.in.clogged(time.Now()), longest)
}

func (c *call) patience(random *rand.Rand) time.Duration {
	return attempt - time.Duration(random.Int64N(int64(attempt/4)))
}

// giveUp answers the instance that the outcome is unknown, as if no answer came.
func (c *call) giveUp(why string) {
	if c.answered {
		return
	}
	c.leaveUnknown()
	c.answer(outcome{err: fmt.Errorf("%w: %s", c.lost(), why)})
}

// arrive is the arrival of the request at the table.
func (c *call) arrive() {
	random, now := c.world.random, c.faults
	switch x := random.Float64(); {
	case x < now.Throttled:
		c.world.reached["throttled"]++
		c.reply(outcome{err: fmt.Errorf("%w: injected", table.ErrThrottled)})
		return
	case x < now.Throttled+now.NoConnection:
		c.world.reached["no connection"]++
		c.reply(outcome{err: fmt.Errorf("%w: injected", table.ErrNoConnection)})
		return
	}
	switch c.kind {
	case callGet:
		c.get(random)
	case callQuery:
		page, err := c.world.table.Query(background, c.query)
		c.reply(outcome{page: page, err: err})
	case callWrite:
		c.begin(c.reply)
	}
}

// get reads a batch, of which DynamoDB only promises that each item is read
// after the call began.
func (c *call) get(random *rand.Rand) {
	if len(c.keys) < 2 || random.Float64() >= c.faults.Torn {
		items, err := c.world.table.Get(background, c.keys...)
		c.reply(outcome{items: items, err: err})
		return
	}
	c.world.reached["a batch is read at two times"]++
	cut := 1 + random.IntN(len(c.keys)-1)
	first, err := c.world.table.Get(background, c.keys[:cut]...)
	if err != nil {
		c.reply(outcome{err: err})
		return
	}
	c.world.scheduler.after(time.Duration(random.Int64N(int64(c.faults.Usual))), func() {
		rest, err := c.world.table.Get(background, c.keys[cut:]...)
		for key, item := range rest {
			first[key] = item
		}
		c.reply(outcome{items: first, err: err})
	})
}

// begin begins a transaction: it is in progress for a while, in which others on
// the same items are refused.
func (c *call) begin(reply func(outcome)) {
	w, random := c.world, c.world.random
	for i, op := range c.tx.Ops {
		switch token, busy := w.open[op.Key]; {
		case busy && token == c.tx.Token:
			w.reached["a transaction meets itself"]++
			reply(outcome{err: fmt.Errorf("%w: in progress", table.ErrUnknownOutcome)})
			return
		case busy:
			w.reached["two transactions overlap"]++
			reply(outcome{err: c.conflict(i)})
			return
		}
	}
	if random.Float64() < c.faults.Conflict {
		reply(outcome{err: c.conflict(random.IntN(len(c.tx.Ops)))})
		return
	}
	for _, op := range c.tx.Ops {
		w.open[op.Key] = c.tx.Token
	}
	w.scheduler.after(time.Duration(random.Int64N(int64(c.faults.Hold))), func() {
		for _, op := range c.tx.Ops {
			delete(w.open, op.Key)
		}
		reply(outcome{err: c.commit()})
	})
}

// conflict returns the error of a transaction one of whose operations conflicts.
// DynamoDB may check the conditions of the others.
func (c *call) conflict(op int) error {
	w := c.world
	conflict := &table.ConflictError{Ops: []int{op}}
	if w.random.Float64() >= c.faults.Mixed || w.applied[c.tx.Token] {
		return conflict
	}
	keys := make([]table.Key, len(c.tx.Ops))
	for i, op := range c.tx.Ops {
		keys[i] = op.Key
	}
	items, err := w.table.Get(background, keys...)
	if err != nil {
		return conflict
	}
	failed := &table.ConditionError{Incomplete: true}
	for i, o := range c.tx.Ops {
		var item *table.Item
		if found, ok := items[o.Key]; ok {
			item = &found
		}
		for _, condition := range o.When {
			if i != op && !condition.Holds(item) {
				failed.Failed = append(failed.Failed, table.FailedCondition{Op: i, Item: item})
				break
			}
		}
	}
	if len(failed.Failed) == 0 {
		return conflict
	}
	w.reached["a conflict beside a failed condition"]++
	return failed
}

// commit applies the transaction.
func (c *call) commit() error {
	w := c.world
	before := w.recordsOf(c.tx)
	err := w.table.Write(background, c.tx)
	w.note(c, "commit", err)
	w.count(c.tx, err)
	switch {
	case err != nil:
	case w.applied[c.tx.Token]:
		w.reached["a transaction arrives again"]++
	default:
		w.applied[c.tx.Token] = true
		c.noteLease()
		if c.in.hasEnded() {
			w.reached["a write of a crashed instance is applied"]++
		}
		w.committed(c, before)
	}
	return err
}

// arriveAgain is the arrival of a second copy of the request.
func (c *call) arriveAgain() {
	c.world.note(c, "again", nil)
	c.leaveUnknown()
	c.begin(func(outcome) {})
}

// reply sends an answer.
func (c *call) reply(out outcome) {
	random := c.world.random
	if random.Float64() < c.faults.Unanswered {
		c.world.reached["an answer is lost"]++
		c.world.scheduler.after(c.patience(random), func() { c.giveUp("answer lost") })
		return
	}
	way := c.way(random)
	if way > attempt {
		c.world.scheduler.after(attempt, func() { c.giveUp("no answer yet") })
		return
	}
	c.world.scheduler.after(way, func() {
		if !c.answered {
			c.answer(out)
		}
	})
}

// answer lets the instance continue.
func (c *call) answer(out outcome) {
	c.answered = true
	c.noteBucket(out.err)
	c.world.note(c, "answer", out.err)
	c.done <- out
}

var background = context.Background()
