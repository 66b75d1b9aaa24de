package tabletest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/rollcall-scim/rollcall/internal/table"
)

// FaultKind is one way in which a call fails.
type FaultKind string

// The faults.
const (
	// Throttled: refused, nothing applied. For writes and reads.
	Throttled FaultKind = "throttled"
	// Conflicting: a write refused because of another one, nothing applied.
	Conflicting FaultKind = "conflicting"
	// AnswerLost: a write applied, its answer lost.
	AnswerLost FaultKind = "answer lost"
	// RequestLost: a write that never arrived, which looks the same to the
	// caller.
	RequestLost FaultKind = "request lost"
	// Unavailable: a read without an answer.
	Unavailable FaultKind = "unavailable"
)

// ErrStopped is the error of every call after FaultPlan.StopAfter writes.
var ErrStopped = errors.New("tabletest: the process was stopped")

// FaultPlan says which calls fail. Calls are counted from 1, each attempt
// separately.
type FaultPlan struct {
	// Writes and Reads name the faults of single calls.
	Writes map[int]FaultKind
	Reads  map[int]FaultKind
	// WriteRates and ReadRates are the shares of all other calls that meet a
	// fault, 0 to 1 together.
	WriteRates map[FaultKind]float64
	ReadRates  map[FaultKind]float64
	// StopAfter is the number of writes that reach the table, 0 for no limit.
	// After them every call fails with ErrStopped, as if the process had been
	// killed: what it would have done next is not done.
	StopAfter int
}

// Fault is a table that loses requests and answers as a network does.
type Fault struct {
	table table.Table
	plan  FaultPlan

	mu     sync.Mutex
	random *rand.Rand
	writes int
	reads  int
	report map[FaultKind]int
}

// NewFault returns a faulty table. The same seed, plan and calls meet the same
// faults.
func NewFault(t table.Table, seed uint64, plan FaultPlan) *Fault {
	return &Fault{
		table: t, plan: plan,
		random: rand.New(rand.NewPCG(seed, 2)), //nolint:gosec // repeatable on purpose
		report: map[FaultKind]int{},
	}
}

// Report counts the faults so far.
func (f *Fault) Report() map[FaultKind]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.report)
}

// Writes returns the number of writes so far, including faulty ones and those
// after the stop.
func (f *Fault) Writes() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.writes
}

// Get implements table.Table.
func (f *Fault) Get(ctx context.Context, keys ...table.Key) (map[table.Key]table.Item, error) {
	if err := f.read(); err != nil {
		return nil, err
	}
	return f.table.Get(ctx, keys...)
}

// Query implements table.Table.
func (f *Fault) Query(ctx context.Context, q table.Query) (table.Page, error) {
	if err := f.read(); err != nil {
		return table.Page{}, err
	}
	return f.table.Query(ctx, q)
}

func (f *Fault) read() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.plan.StopAfter > 0 && f.writes >= f.plan.StopAfter {
		return ErrStopped
	}
	f.reads++
	kind := draw(f.random, f.plan.Reads[f.reads], f.plan.ReadRates)
	if kind == "" {
		return nil
	}
	f.report[kind]++
	if kind == Throttled {
		return fmt.Errorf("%w: injected", table.ErrThrottled)
	}
	return fmt.Errorf("%w: injected", table.ErrUnavailable)
}

// Write implements table.Table.
func (f *Fault) Write(ctx context.Context, tx table.Transaction) error {
	f.mu.Lock()
	f.writes++
	if f.plan.StopAfter > 0 && f.writes > f.plan.StopAfter {
		f.mu.Unlock()
		return ErrStopped
	}
	kind := draw(f.random, f.plan.Writes[f.writes], f.plan.WriteRates)
	if kind != "" {
		f.report[kind]++
	}
	f.mu.Unlock()
	switch kind {
	case "":
		return f.table.Write(ctx, tx)
	case Throttled:
		return fmt.Errorf("%w: injected", table.ErrThrottled)
	case Conflicting:
		return fmt.Errorf("%w: injected", table.ErrConflict)
	case AnswerLost:
		_ = f.table.Write(ctx, tx) // the answer that is lost
	}
	return fmt.Errorf("%w: injected", table.ErrUnknownOutcome)
}

// draw returns the planned fault, or a random one by its rate. It draws one
// number for each call, so that a plan does not shift the faults of other
// calls.
func draw[K ~string](random *rand.Rand, planned K, rates map[K]float64) K {
	x := random.Float64()
	if planned != "" {
		return planned
	}
	for _, kind := range slices.Sorted(maps.Keys(rates)) {
		if x -= rates[kind]; x < 0 {
			return kind
		}
	}
	return ""
}
