package tabletest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/rollcall-scim/rollcall/internal/table"
)

// Conflict is a table on which overlapping transactions on one item fail as
// DynamoDB's do: the later one with table.ErrConflict, nothing of it applied.
// Engines that let writes take turns, for example DynamoDB Local, never show
// this.
//
// It keeps the whole contract of table.Table, for a caller that retries after a
// conflict (table.Retrying).
type Conflict struct {
	table   table.Table
	options ConflictOptions

	mu     sync.Mutex
	random *rand.Rand
	open   map[table.Key]string // items of writes in progress → token
	hit    map[string]string    // tokens refused so far → kind of the item
	sent   map[string]bool      // tokens that reached the table
	report ConflictReport
}

// ConflictOptions say how often transactions conflict.
type ConflictOptions struct {
	// Hold is the time for which each write stays open, so that others overlap
	// it.
	Hold time.Duration
	// Rate is the share of writes that meet an injected conflict, 0 to 1, in
	// the order of Seed.
	Rate float64
	Seed uint64
	// Mixed checks the conditions of the operations that did not conflict, as
	// DynamoDB does: the transaction then fails with a ConditionError that is
	// incomplete. Without it every conflict is table.ErrConflict.
	Mixed bool
	// Kind names the kind of an item in the report; without it all are "item".
	Kind func(table.Key) string
}

// ConflictReport counts conflicts by the kind of the item that conflicted.
type ConflictReport struct {
	Overlaps  map[string]int // with a write that was really in progress
	Injected  map[string]int // injected
	Recovered map[string]int // transactions that were answered after a conflict
}

// Total returns the number of conflicts.
func (r ConflictReport) Total() int {
	n := 0
	for _, kinds := range []map[string]int{r.Overlaps, r.Injected} {
		for _, k := range kinds {
			n += k
		}
	}
	return n
}

// NewConflict returns a table that conflicts.
func NewConflict(t table.Table, o ConflictOptions) *Conflict {
	if o.Kind == nil {
		o.Kind = func(table.Key) string { return "item" }
	}
	return &Conflict{
		table: t, options: o,
		random: rand.New(rand.NewPCG(o.Seed, 1)), //nolint:gosec // repeatable on purpose
		open:   map[table.Key]string{},
		hit:    map[string]string{},
		sent:   map[string]bool{},
		report: newConflictReport(),
	}
}

func newConflictReport() ConflictReport {
	return ConflictReport{Overlaps: map[string]int{}, Injected: map[string]int{}, Recovered: map[string]int{}}
}

// Report returns the conflicts so far.
func (c *Conflict) Report() ConflictReport {
	c.mu.Lock()
	defer c.mu.Unlock()
	return ConflictReport{
		Overlaps: maps.Clone(c.report.Overlaps), Injected: maps.Clone(c.report.Injected), Recovered: maps.Clone(c.report.Recovered),
	}
}

// Get implements table.Table. Reads never conflict.
func (c *Conflict) Get(ctx context.Context, keys ...table.Key) (map[table.Key]table.Item, error) {
	return c.table.Get(ctx, keys...)
}

// Query implements table.Table.
func (c *Conflict) Query(ctx context.Context, q table.Query) (table.Page, error) {
	return c.table.Query(ctx, q)
}

// Write implements table.Table. It refuses a transaction while another one touches
// one of its items.
func (c *Conflict) Write(ctx context.Context, tx table.Transaction) error {
	if err := table.CheckTransaction(tx); err != nil {
		return err
	}
	if op, err := c.enter(tx); err != nil {
		if c.options.Mixed && errors.Is(err, table.ErrConflict) && !c.sentBefore(tx.Token) {
			return c.judge(ctx, tx, op, err)
		}
		return err
	}
	defer c.leave(tx)
	hold(ctx, c.options.Hold)
	err := c.table.Write(ctx, tx)
	c.settle(tx)
	return err
}

// sentBefore reports whether a transaction reached the table: it may have been
// applied, and DynamoDB then answers its token before it checks a condition.
func (c *Conflict) sentBefore(token string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sent[token]
}

// judge returns which conditions of a refused transaction do not hold, except
// for the operation that conflicted.
func (c *Conflict) judge(ctx context.Context, tx table.Transaction, conflicted int, conflict error) error {
	keys := make([]table.Key, len(tx.Ops))
	for i, op := range tx.Ops {
		keys[i] = op.Key
	}
	items, err := c.table.Get(ctx, keys...)
	if err != nil {
		return conflict
	}
	failed := &table.ConditionError{Incomplete: true}
	for i, op := range tx.Ops {
		var item *table.Item
		if found, ok := items[op.Key]; ok {
			item = &found
		}
		holds := true
		for _, condition := range op.When {
			holds = holds && condition.Holds(item)
		}
		if i != conflicted && !holds {
			failed.Failed = append(failed.Failed, table.FailedCondition{Op: i, Item: item})
		}
	}
	if len(failed.Failed) == 0 {
		return conflict
	}
	return failed
}

// enter opens the items of a transaction, or refuses it for one of its
// operations.
func (c *Conflict) enter(tx table.Transaction) (op int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, op := range tx.Ops {
		switch token, busy := c.open[op.Key]; {
		case busy && token == tx.Token:
			// The same transaction, sent while it is in progress.
			return 0, fmt.Errorf("%w: in progress", table.ErrUnknownOutcome)
		case busy:
			return i, c.refuse(tx, i, c.report.Overlaps)
		}
	}
	if c.random.Float64() < c.options.Rate {
		op := c.random.IntN(len(tx.Ops))
		return op, c.refuse(tx, op, c.report.Injected)
	}
	for _, op := range tx.Ops {
		c.open[op.Key] = tx.Token
	}
	c.sent[tx.Token] = true
	return 0, nil
}

func (c *Conflict) refuse(tx table.Transaction, op int, count map[string]int) error {
	kind := c.options.Kind(tx.Ops[op].Key)
	count[kind]++
	c.hit[tx.Token] = kind
	return &table.ConflictError{Ops: []int{op}}
}

func (c *Conflict) leave(tx table.Transaction) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, op := range tx.Ops {
		delete(c.open, op.Key)
	}
}

// settle counts a transaction that succeeded after a conflict.
func (c *Conflict) settle(tx table.Transaction) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if kind, ok := c.hit[tx.Token]; ok {
		c.report.Recovered[kind]++
		delete(c.hit, tx.Token)
	}
}

func hold(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
