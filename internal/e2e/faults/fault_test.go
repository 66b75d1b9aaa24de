package faults

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/tabletest"
)

// A fault is one way in which a request's call of the table fails.
type fault struct {
	// name is the head of its column.
	name string
	// at says where it is met.
	at place
	// write makes one attempt of a transaction meet the fault; nil for none.
	write func(ctx context.Context, f *faulty, tx table.Transaction) error
	// lasts is set if all later attempts and transactions meet it too.
	lasts bool
	// read is the error of a read.
	read error
	// skew is how far the clock of the process is ahead of the others.
	skew time.Duration
	// unseen is set if nobody sees the answer.
	unseen bool
	// unordered is set if its cells depend on which of two calls that run beside
	// each other comes first: they are tried, and not in the table.
	unordered bool
	// later is set if the transactions are sent again when the request has ended.
	later bool
}

// A place is where a request meets a fault.
type place int

const (
	// anywhere: the whole request.
	anywhere place = iota
	// beforeWrite: at each of its transactions.
	beforeWrite
	// beforeWriteOrEnd: the same, and after the last of them.
	beforeWriteOrEnd
	// atReads: at its reads of each kind of item.
	atReads
	// afterRead: after each of its reads.
	afterRead
)

// skew is by how much a clock differs.
const skew = 10 * time.Minute

var errCut = fmt.Errorf("%w: injected", table.ErrUnknownOutcome)

func refused(err error) func(context.Context, *faulty, table.Transaction) error {
	return func(context.Context, *faulty, table.Transaction) error { return fmt.Errorf("%w: injected", err) }
}

func answerLost(ctx context.Context, f *faulty, tx table.Transaction) error {
	// A transaction that is refused is answered: its condition failed before
	// the answer was lost, and fails again.
	_ = f.Table.Write(ctx, tx)
	return errCut
}

func ended(applied bool, with error) func(context.Context, *faulty, table.Transaction) error {
	return func(ctx context.Context, f *faulty, tx table.Transaction) error {
		if applied {
			_ = f.Table.Write(ctx, tx)
		}
		f.client.end(with)
		return fmt.Errorf("%w: %w", errCut, with)
	}
}

func sentTwice(ctx context.Context, f *faulty, tx table.Transaction) error {
	err := f.Table.Write(ctx, tx)
	if again := f.Table.Write(ctx, tx); err == nil && again != nil {
		f.wrong = append(f.wrong, fmt.Sprintf("the same transaction sent again fails: %v", again))
	}
	return err
}

func killed(_ context.Context, f *faulty, _ table.Transaction) error {
	f.stopped = true
	return tabletest.ErrStopped
}

func parked(ctx context.Context, f *faulty, tx table.Transaction) error {
	f.pass()
	return f.Table.Write(ctx, tx)
}

func swept(ctx context.Context, f *faulty, tx table.Transaction) error {
	f.sweep()
	return parked(ctx, f, tx)
}

// allFaults returns the columns of the table.
func allFaults() []fault {
	return []fault{
		{name: "throttled once", at: beforeWrite, write: refused(table.ErrThrottled)},
		{name: "throttled", at: beforeWrite, write: refused(table.ErrThrottled), lasts: true},
		{name: "conflict once", at: beforeWrite, write: refused(table.ErrConflict)},
		{name: "conflict", at: beforeWrite, write: refused(table.ErrConflict), lasts: true},
		{name: "answer lost once", at: beforeWrite, write: answerLost},
		{name: "answers lost", at: beforeWrite, write: answerLost, lasts: true},
		{name: "request lost once", at: beforeWrite, write: refused(table.ErrUnknownOutcome)},
		{name: "requests lost", at: beforeWrite, write: refused(table.ErrUnknownOutcome), lasts: true},
		{name: "no connection once", at: beforeWrite, write: refused(table.ErrNoConnection)},
		{name: "no connection", at: beforeWrite, write: refused(table.ErrNoConnection), lasts: true},
		{name: "timeout before", at: beforeWrite, write: ended(false, context.DeadlineExceeded)},
		{name: "timeout after", at: beforeWrite, write: ended(true, context.DeadlineExceeded)},
		{name: "client gone before", at: beforeWrite, write: ended(false, context.Canceled), unseen: true},
		{name: "client gone after", at: beforeWrite, write: ended(true, context.Canceled), unseen: true},
		{name: "killed", at: beforeWriteOrEnd, write: killed, lasts: true, unseen: true},
		{name: "read throttled once", at: atReads, read: table.ErrThrottled},
		{name: "reads fail", at: atReads, read: table.ErrUnavailable, lasts: true},
		{name: "sent twice", at: beforeWrite, write: sentTwice},
		{name: "sent again later", at: anywhere, later: true},
		{name: "swept meanwhile", at: beforeWrite, write: swept},
		{name: "clock ahead", at: beforeWrite, write: parked, skew: skew},
		{name: "clock behind", at: beforeWrite, write: parked, skew: -skew},
	}
}

// A client is a request's context, which can end as if by itself.
type client struct {
	context.Context
	mu   sync.Mutex
	err  error
	done chan struct{}
	then []func()
}

func newClient(ctx context.Context) *client { return &client{Context: ctx, done: make(chan struct{})} }

func (c *client) end(err error) {
	c.mu.Lock()
	if c.err != nil {
		c.mu.Unlock()
		return
	}
	c.err = err
	close(c.done)
	then := c.then
	c.mu.Unlock()
	for _, f := range then {
		f()
	}
}

// AfterFunc makes contexts that are derived from this one end together with it,
// not soon after.
func (c *client) AfterFunc(f func()) (stop func() bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.then = append(c.then, f)
	return func() bool { return false }
}

func (c *client) Done() <-chan struct{} { return c.done }

func (c *client) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// A faulty is the table of one process, which meets one fault. Calls take turns.
type faulty struct {
	table.Table
	fault fault
	// nth is the transaction that meets the fault, or the read, from 1.
	nth int
	// kind is the kind of the items whose reads meet it.
	kind   string
	client *client
	// meanwhile is what happens when the fault was met the first time: the
	// process then waits for it. It is nil if nothing happens.
	meanwhile func()
	// sweep is a sweep by another process.
	sweep func()

	mu      sync.Mutex
	tokens  []string // of the transactions so far
	read    int      // how many reads there were
	kinds   map[string]bool
	applied []table.Transaction
	met     int
	stopped bool
	wrong   []string
}

// pass lets what happens meanwhile happen, once.
func (f *faulty) pass() {
	if f.meanwhile != nil {
		happens := f.meanwhile
		f.meanwhile = nil
		happens()
	}
}

func (f *faulty) Write(ctx context.Context, tx table.Transaction) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stopped {
		return tabletest.ErrStopped
	}
	if beside(tx) {
		return f.Table.Write(ctx, tx)
	}
	again := slices.Contains(f.tokens, tx.Token)
	if !again {
		f.tokens = append(f.tokens, tx.Token)
	}
	n := slices.Index(f.tokens, tx.Token) + 1
	var err error
	if f.fault.write != nil && f.nth > 0 && (n == f.nth && !again || f.fault.lasts && len(f.tokens) >= f.nth) {
		f.met++
		err = f.fault.write(ctx, f, tx)
		f.pass()
	} else {
		err = f.Table.Write(ctx, tx)
	}
	if err == nil {
		f.applied = append(f.applied, tx)
	}
	return err
}

func (f *faulty) Get(ctx context.Context, keys ...table.Key) (map[table.Key]table.Item, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	kinds := make([]string, len(keys))
	for i, key := range keys {
		kinds[i] = kindOf(key.Partition)
	}
	if err := f.meetRead(kinds...); err != nil {
		return nil, err
	}
	items, err := f.Table.Get(ctx, keys...)
	f.afterRead()
	return items, err
}

func (f *faulty) Query(ctx context.Context, q table.Query) (table.Page, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.meetRead(kindOf(q.Partition)); err != nil {
		return table.Page{}, err
	}
	page, err := f.Table.Query(ctx, q)
	f.afterRead()
	return page, err
}

func (f *faulty) meetRead(kinds ...string) error {
	if f.stopped {
		return tabletest.ErrStopped
	}
	if f.kinds == nil {
		f.kinds = map[string]bool{}
	}
	for _, kind := range kinds {
		f.kinds[kind] = true
	}
	if f.fault.at != atReads || !slices.Contains(kinds, f.kind) || f.met > 0 && !f.fault.lasts {
		return nil
	}
	f.met++
	f.pass()
	return fmt.Errorf("%w: injected", f.fault.read)
}

// afterRead parks the process after its n-th read.
func (f *faulty) afterRead() {
	f.read++
	if f.fault.at == afterRead && f.read == f.nth {
		f.met++
		f.pass()
	}
}

// readKinds returns the kinds of items that were read.
func (f *faulty) readKinds() []string { return slices.Sorted(maps.Keys(f.kinds)) }

// kindOf returns the kind of the items of a partition.
func kindOf(partition string) string {
	parts := strings.Split(partition, "#")
	switch {
	case len(parts) == 1:
		return parts[0]
	case len(parts) == 2:
		return "TENANT"
	}
	return parts[2]
}

// beside reports whether a transaction only records when a token was used, or
// counts requests: it is written beside a request, and is no part of it.
func beside(tx table.Transaction) bool {
	return !slices.ContainsFunc(tx.Ops, func(op table.Op) bool { k := kindOf(op.Key.Partition); return k != "USED" && k != "MARKS" })
}
