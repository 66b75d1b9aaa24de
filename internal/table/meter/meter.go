// Package meter counts what the calls of a table cost: round trips, items, and
// capacity computed from the sizes of items by AWS's documented rules, which
// are the same on every engine.
//
// It wraps an engine directly, beneath table.Retrying, so that every call that
// is really sent counts. It never changes an answer, and it is not a bill: what
// AWS charges for a transaction sent twice with one token, or refused for a
// conflict, is not documented to the unit.
package meter

import (
	"context"
	"errors"

	"github.com/rollcall-scim/rollcall/internal/table"
)

// New returns the table with a meter: each call adds to the table.Usage of its
// context, whether it succeeds or not.
//
//   - A read costs one unit per started 4 KB: of each item for Get (an absent
//     one counts as one unit), of all items together for Query (at least one
//     unit).
//   - A write costs two units per started KB of the larger of the item before
//     and after it, for every operation including a Check, whether or not the
//     conditions held.
//   - A call that was throttled, or did not reach the table, costs a round trip
//     and no units; one that was refused by its form was never sent and costs
//     nothing.
//
// A meter sees operations, not the stored items. For a Put it counts the new
// item, for an Update the attributes it sets, for a Delete or Check 1 KB. That
// is a lower bound, and exact for items of up to 1 KB; Exact counts real sizes.
func New(t table.Table, options ...Option) table.Table {
	m := &meter{table: t}
	for _, o := range options {
		o(m)
	}
	return m
}

// Option changes how a meter counts.
type Option func(*meter)

// Exact reads, uncounted, the items of a transaction before it, and counts
// their real sizes. It is for tests of budgets: it costs a read for every
// write, and under concurrent writes to the same item it may see another item
// than the write does.
func Exact(m *meter) { m.exact = true }

const (
	readUnit  = 4 << 10 // bytes
	writeUnit = 1 << 10 // bytes
)

type meter struct {
	table table.Table
	exact bool
}

// Get calls the table, and counts the call.
func (m *meter) Get(ctx context.Context, keys ...table.Key) (map[table.Key]table.Item, error) {
	items, err := m.table.Get(ctx, keys...)
	if neverSent(err) {
		return items, err
	}
	c := table.Counts{RoundTrips: 1, ItemsRead: len(items)}
	if err == nil {
		c.ReadUnits = getUnits(keys, items)
	}
	table.Add(ctx, c)
	return items, err
}

// Query calls the table, and counts the call.
func (m *meter) Query(ctx context.Context, q table.Query) (table.Page, error) {
	page, err := m.table.Query(ctx, q)
	if neverSent(err) {
		return page, err
	}
	c := table.Counts{RoundTrips: 1, ItemsRead: len(page.Items)}
	if err == nil {
		c.ReadUnits = queryUnits(page)
	}
	table.Add(ctx, c)
	return page, err
}

// Write calls the table, and counts the call.
func (m *meter) Write(ctx context.Context, tx table.Transaction) error {
	before := m.before(ctx, tx)
	err := m.table.Write(ctx, tx)
	if neverSent(err) {
		return err
	}
	c := table.Counts{RoundTrips: 1}
	if !errors.Is(err, table.ErrThrottled) && !errors.Is(err, table.ErrUnreachable) && !errors.Is(err, table.ErrTokenReused) {
		for _, op := range tx.Ops {
			c.WriteUnits += 2 * units(size(op, before), writeUnit)
		}
	}
	table.Add(ctx, c)
	return err
}

// before reads the items of the transaction before it, nil unless the meter is
// exact.
func (m *meter) before(ctx context.Context, tx table.Transaction) map[table.Key]table.Item {
	if !m.exact || table.CheckTransaction(tx) != nil {
		return nil
	}
	keys := make([]table.Key, len(tx.Ops))
	for i, op := range tx.Ops {
		keys[i] = op.Key
	}
	items, err := table.Retrying(m.table).Get(context.WithoutCancel(ctx), keys...)
	if err != nil {
		return nil // the write gets the same error and reports it
	}
	return items
}

// size returns the larger of an operation's item before and after it.
func size(op table.Op, before map[table.Key]table.Item) int {
	n := 0
	var met *table.Item
	if item, ok := before[op.Key]; ok {
		met = &item
		n = table.Size(item)
	}
	if after, err := op.After(met); err == nil && after != nil {
		n = max(n, table.Size(*after))
	}
	return n
}

// getUnits returns what a Get uses.
func getUnits(keys []table.Key, items map[table.Key]table.Item) float64 {
	used := float64(len(keys) - len(items))
	for _, item := range items {
		used += units(table.Size(item), readUnit)
	}
	return used
}

// queryUnits returns what a Query uses.
func queryUnits(page table.Page) float64 {
	size := 0
	for _, item := range page.Items {
		size += table.Size(item)
	}
	return units(size, readUnit)
}

// units returns the started units of a size, at least one.
func units(size, unit int) float64 {
	return float64(max(1, (size+unit-1)/unit))
}

// neverSent reports whether an engine returned the error before it sent
// anything.
func neverSent(err error) bool {
	var limit *table.LimitError
	return errors.As(err, &limit)
}
