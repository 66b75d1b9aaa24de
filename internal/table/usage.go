package table

import (
	"context"
	"sync"
)

// Usage is the cost of one request at the table. The meter and the retries add to
// the Usage of a call's context. It is safe for concurrent use.
type Usage struct {
	mu     sync.Mutex
	counts Counts
	groups map[*group]bool
}

// Counts are the figures of a Usage, in the order of a log line.
type Counts struct {
	// RoundTrips are sequential ones: calls of one group (see Together) that
	// run in parallel count once.
	RoundTrips int `log:"roundTrips,always"`
	// Retries are calls sent again after a conflict, a throttle or a lost
	// answer.
	Retries int `log:"retries"`
	// ItemsRead is the number of items that reads returned.
	ItemsRead int `log:"itemsRead"`
	// ReadUnits and WriteUnits are computed from item sizes by AWS's rules: a
	// consistent read is one unit per started 4 KB, a transactional write two
	// per started 1 KB.
	ReadUnits  float64 `log:"readUnits"`
	WriteUnits float64 `log:"writeUnits"`
}

// group marks calls that run in parallel. It is not empty, because pointers to
// empty structs may be equal.
type group struct{ _ byte }

type (
	usageKey struct{}
	groupKey struct{}
)

// WithUsage returns a context whose table calls are added to the Usage.
func WithUsage(ctx context.Context) (context.Context, *Usage) {
	u := &Usage{}
	return context.WithValue(ctx, usageKey{}, u), u
}

// Together returns a context whose calls are sent in parallel: whatever their
// number, they count as one sequential round trip. Inside a group it returns
// the same group.
func Together(ctx context.Context) context.Context {
	if ctx.Value(groupKey{}) != nil {
		return ctx
	}
	return context.WithValue(ctx, groupKey{}, &group{})
}

// Add adds to the Usage of the context, if it has one. A round trip in a group
// that was already counted is left out.
func Add(ctx context.Context, c Counts) {
	u, _ := ctx.Value(usageKey{}).(*Usage)
	if u == nil {
		return
	}
	g, _ := ctx.Value(groupKey{}).(*group)
	u.mu.Lock()
	defer u.mu.Unlock()
	if g != nil && c.RoundTrips > 0 {
		if u.groups[g] {
			c.RoundTrips = 0
		} else {
			if u.groups == nil {
				u.groups = make(map[*group]bool)
			}
			u.groups[g] = true
		}
	}
	u.counts.RoundTrips += c.RoundTrips
	u.counts.Retries += c.Retries
	u.counts.ReadUnits += c.ReadUnits
	u.counts.WriteUnits += c.WriteUnits
	u.counts.ItemsRead += c.ItemsRead
}

// Counts returns the figures so far.
func (u *Usage) Counts() Counts {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.counts
}
