package fuzz

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/rollcall-scim/rollcall/internal/table"
)

// A watch is a table that records every call. It is safe for concurrent use.
type watch struct {
	table.Table
	mu    sync.Mutex
	calls []call
	trips int
}

// A call is one call for one item or partition.
type call struct {
	write     bool // and it was applied
	partition string
	sort      string
	// values are the values that a write stores, printed.
	values string
}

func (w *watch) note(c ...call) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.trips++
	w.calls = append(w.calls, c...)
}

func (w *watch) Get(ctx context.Context, keys ...table.Key) (map[table.Key]table.Item, error) {
	calls := make([]call, len(keys))
	for i, key := range keys {
		calls[i] = call{partition: key.Partition, sort: key.Sort}
	}
	w.note(calls...)
	return w.Table.Get(ctx, keys...)
}

func (w *watch) Query(ctx context.Context, q table.Query) (table.Page, error) {
	w.note(call{partition: q.Partition})
	return w.Table.Query(ctx, q)
}

func (w *watch) Write(ctx context.Context, tx table.Transaction) error {
	err := w.Table.Write(ctx, tx)
	calls := make([]call, len(tx.Ops))
	for i, op := range tx.Ops {
		calls[i] = call{
			write: err == nil && op.Kind != table.OpCheck, partition: op.Key.Partition, sort: op.Key.Sort, values: fmt.Sprint(op.Attributes, op.Change),
		}
	}
	w.note(calls...)
	return err
}

// recorded reports whether a partition is written even for a refused request:
// the log, its index, the failing subjects, and the last use of tokens.
func recorded(partition string) bool {
	for _, suffix := range []string{"#LOG", "#SIGNALS", "#INDEX", "#FAILING", "#USED", "#MARKS"} {
		if strings.HasSuffix(partition, suffix) {
			return true
		}
	}
	return false
}

// tenantOf returns the tenant of a partition, "" for a shared one.
func tenantOf(partition string) string {
	rest, ok := strings.CutPrefix(partition, "T#")
	if !ok {
		return ""
	}
	name, _, _ := strings.Cut(rest, "#")
	return name
}
