// Package enginetest provides the tables that everything above package table is
// tested on: both engines, plain and with conflicting transactions.
package enginetest

import (
	"flag"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/embedded"
	"github.com/rollcall-scim/rollcall/internal/table/tabletest"
)

// Engine is a kind of table.
type Engine struct {
	// Name is "embedded" or "dynamodb", possibly followed by " with conflicts".
	Name string
	// Open creates an empty table, which is deleted when the test ends.
	Open func(t testing.TB) table.Table
	// Conflicts are those that the tables of this engine caused, nil for an
	// engine whose transactions never conflict.
	Conflicts *Conflicts
	// need fails or skips a test whose server is missing.
	need func(t testing.TB)
}

// Need begins a test on the engine: without the server that it needs the test
// fails in CI, and is skipped elsewhere.
func (e Engine) Need(t testing.TB) {
	t.Helper()
	if e.need != nil {
		e.need(t)
	}
}

// Plain returns the two plain engines.
func Plain() []Engine {
	return []Engine{
		{Name: "embedded", Open: Memory},
		{Name: "dynamodb", Open: tabletest.Dynamo, need: func(t testing.TB) { t.Helper(); tabletest.Endpoint(t) }},
	}
}

// All returns the two plain engines, and both with conflicts.
func All() []Engine {
	var all []Engine
	for _, e := range Plain() {
		c := &Conflicts{}
		all = append(all, e, Engine{Name: e.Name + " with conflicts", Open: c.wrap(e.Open), Conflicts: c, need: e.need})
	}
	return all
}

// Three returns the embedded engine, plain and with conflicts, and plain
// DynamoDB. Conflicts are created above the engine, and are the same on both.
func Three() []Engine { return All()[:3] }

// every lets Run test on DynamoDB with conflicts too.
var every = flag.Bool("engines.all", false, "test on DynamoDB with conflicts too (make soak)")

// Run runs a test on the engines of Three, or all with -engines.all.
func Run(t *testing.T, test func(t *testing.T, open func(t testing.TB) table.Table)) {
	t.Helper()
	engines := Three()
	if *every {
		engines = All()
	}
	RunOn(t, engines, test)
}

// RunOn runs a test on some engines.
func RunOn(t *testing.T, engines []Engine, test func(t *testing.T, open func(t testing.TB) table.Table)) {
	t.Helper()
	Each(t, engines, func(t *testing.T, e Engine) { t.Helper(); test(t, e.Open) })
}

// Each runs a test with each engine.
func Each(t *testing.T, engines []Engine, test func(t *testing.T, e Engine)) {
	t.Helper()
	for _, e := range engines {
		t.Run(e.Name, func(t *testing.T) {
			e.Need(t)
			test(t, e)
		})
	}
}

// Memory returns an embedded table.
func Memory(t testing.TB) table.Table {
	t.Helper()
	e, err := embedded.Memory()
	require.NoError(t, err)
	t.Cleanup(func() { _ = e.Close() })
	return e
}

// Conflicts collects the conflict engines of one test. It is safe for
// concurrent use.
type Conflicts struct {
	mu   sync.Mutex
	made []*tabletest.Conflict
}

// conflictRate is the share of writes that meet an injected conflict, and hold
// the time for which each write stays open for real ones.
const (
	conflictRate = 0.15
	hold         = time.Millisecond
)

// wrap makes tables conflict as DynamoDB does: overlapping writes of one item,
// and some injected conflicts.
func (c *Conflicts) wrap(open func(t testing.TB) table.Table) func(t testing.TB) table.Table {
	return func(t testing.TB) table.Table {
		t.Helper()
		e := open(t)
		c.mu.Lock()
		defer c.mu.Unlock()
		made := tabletest.NewConflict(e, tabletest.ConflictOptions{Hold: hold, Rate: conflictRate, Mixed: true, Seed: uint64(len(c.made))})
		c.made = append(c.made, made)
		return made
	}
}

// Totals returns the conflicts of all tables, and the writes that succeeded
// after one.
func (c *Conflicts) Totals() (overlaps, injected, recovered int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, made := range c.made {
		r := made.Report()
		overlaps += r.Overlaps["item"]
		injected += r.Injected["item"]
		recovered += r.Recovered["item"]
	}
	return overlaps, injected, recovered
}
