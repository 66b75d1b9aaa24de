package store

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/rollcall-scim/rollcall/internal/table"
)

const (
	// sweepUnits is how many write units a sweep uses in a second. One
	// partition of DynamoDB takes 1,000, and a table that was idle takes 4,000:
	// a deletion of any size leaves capacity for the requests of the other
	// tenants.
	sweepUnits = 1000
	// sweepBurst is how many it may use at once before it is slowed down:
	// nearly all sweeps need less.
	sweepBurst = 3 * sweepUnits
	// leastUnits is the least that an operation of a transaction uses.
	leastUnits = 2
)

// pace limits the writes of a sweep to a number of write units a second. A nil
// pace sets no limit. It is safe for concurrent use.
type pace struct {
	mu sync.Mutex
	// perSecond is 0 for a pace that only counts.
	perSecond float64
	left      float64
	at        time.Time // when left was computed
	writes    int
	deletes   int
}

type paceKey struct{}

// withPace returns a context whose writes keep to a pace.
func withPace(ctx context.Context, perSecond float64) (context.Context, *pace) {
	p := &pace{perSecond: perSecond, left: sweepBurst, at: time.Now()}
	return context.WithValue(ctx, paceKey{}, p), p
}

func paceOf(ctx context.Context) *pace {
	p, _ := ctx.Value(paceKey{}).(*pace)
	return p
}

// charge counts units that the size of a write does not show.
func (p *pace) charge(units int) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left -= float64(units)
}

// wait counts a write, and waits until it may be sent. It returns the error of
// a context that ended first.
func (p *pace) wait(ctx context.Context, ops []table.Op) error {
	if p == nil || p.perSecond == 0 {
		return nil
	}
	units := 0
	for _, op := range ops {
		units += unitsOf(table.Item{Key: op.Key, Attributes: op.Attributes})
	}
	p.mu.Lock()
	now := time.Now()
	p.left = min(p.left+now.Sub(p.at).Seconds()*p.perSecond, sweepBurst) - float64(units)
	p.at = now
	pause := time.Duration(-p.left / p.perSecond * float64(time.Second))
	p.mu.Unlock()
	if pause <= 0 {
		return nil
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("store: not written: %w", ctx.Err())
	}
}

// wrote counts a write that was applied.
func (p *pace) wrote(ops []table.Op) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.writes++
	for _, op := range ops {
		if op.Kind == table.OpDelete {
			p.deletes++
		}
	}
}

// applied returns how many writes were applied.
func (p *pace) applied() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.writes
}

// deleted returns how many items the writes deleted.
func (p *pace) deleted() int {
	if p == nil {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.deletes
}

// unitsOf returns what a transaction uses to write an item, or to delete it.
func unitsOf(item table.Item) int {
	const unit = 1 << 10
	return leastUnits * max(1, (table.Size(item)+unit-1)/unit)
}
