package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// ErrOutside reports that a call would have reached an item outside of its tenant. It is a fault
// of the program, and nothing was read or written.
var ErrOutside = errors.New("store: an item outside of the tenant")

// withinKey is the key of the tenant in a context.
type withinKey struct{}

// Within returns a context whose calls of a confined table may reach the items of a tenant.
func Within(ctx context.Context, t tenant.ID) context.Context {
	return context.WithValue(ctx, withinKey{}, t)
}

// Confined returns a table of which a call reaches only the items of the tenant of its context
// (Within), whatever the code above it asks for. of returns the table as the tenant may use it:
// on AWS with credentials that reach no other one. Two things are not the tenant's own: the keys
// of the deployment, which anyone may read, from common, and the items by which a sweep
// finds the tenant's credentials before they end, which may only be written.
func Confined(common table.Table, of func(ctx context.Context, t tenant.ID) (table.Table, error)) table.Table {
	return confined{common, of}
}

type confined struct {
	common table.Table
	of     func(ctx context.Context, t tenant.ID) (table.Table, error)
}

// Get implements table.Table.
func (c confined) Get(ctx context.Context, keys ...table.Key) (map[table.Key]table.Item, error) {
	if len(keys) == 1 && keys[0] == tokenKeysKey() {
		return c.common.Get(ctx, keys...)
	}
	for _, key := range keys {
		if !isWithin(ctx, key.Partition) {
			return nil, outsideError(key.Partition)
		}
	}
	t, err := c.table(ctx)
	if err != nil {
		return nil, err
	}
	return t.Get(ctx, keys...)
}

// Query implements table.Table.
func (c confined) Query(ctx context.Context, q table.Query) (table.Page, error) {
	if !isWithin(ctx, q.Partition) {
		return table.Page{}, outsideError(q.Partition)
	}
	t, err := c.table(ctx)
	if err != nil {
		return table.Page{}, err
	}
	return t.Query(ctx, q)
}

// Write implements table.Table.
func (c confined) Write(ctx context.Context, tx table.Transaction) error {
	for _, op := range tx.Ops {
		if !isWithin(ctx, op.Key.Partition) && !isExpiring(ctx, op) {
			return outsideError(op.Key.Partition)
		}
	}
	t, err := c.table(ctx)
	if err != nil {
		return err
	}
	return t.Write(ctx, tx)
}

// table returns the table of the context's tenant.
func (c confined) table(ctx context.Context) (table.Table, error) {
	t, ok := ctx.Value(withinKey{}).(tenant.ID)
	if !ok {
		return nil, outsideError("")
	}
	return c.of(ctx, t)
}

// isWithin reports whether a partition belongs to the context's tenant.
func isWithin(ctx context.Context, name string) bool {
	t, ok := ctx.Value(withinKey{}).(tenant.ID)
	if !ok || t.IsZero() {
		return false
	}
	own := partition(t, "")
	return name == own || strings.HasPrefix(name, own+"#")
}

// isExpiring reports whether an operation writes, without a look, an item by which a sweep finds
// a credential of the context's tenant.
func isExpiring(ctx context.Context, op table.Op) bool {
	t, ok := ctx.Value(withinKey{}).(tenant.ID)
	if !ok || op.Key.Partition != expiringPartition || op.Kind != table.OpPut && op.Kind != table.OpDelete {
		return false
	}
	_, name, ok := strings.Cut(op.Key.Sort, "#")
	return ok && strings.HasPrefix(name, t.String()+"#")
}

// outsideError names no more of a partition than its beginning, in which nobody's data is.
func outsideError(partition string) error {
	kind, _, _ := strings.Cut(partition, "#")
	return fmt.Errorf("%w: %s", ErrOutside, kind)
}
