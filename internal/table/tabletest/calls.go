package tabletest

import (
	"context"
	"sync/atomic"

	"github.com/rollcall-scim/rollcall/internal/table"
)

// Calls is a table that counts its calls, and does something before them. It is safe for
// concurrent use if Before is.
type Calls struct {
	table.Table
	// Before is called before each call, with the number of the call from 0, unless it is
	// nil. If it returns an error, this is the answer, and the call is not made.
	Before func(call int64) error

	made atomic.Int64
}

// NewFailing returns a table of which one call fails with an error, number at from 0. If at
// is below 0, none does.
func NewFailing(t table.Table, at int64, err error) *Calls {
	return &Calls{Table: t, Before: func(call int64) error {
		if call == at {
			return err
		}
		return nil
	}}
}

// NewMeeting returns a table on which something else is done before one call, number at
// from 0.
func NewMeeting(t table.Table, at int64, other func()) *Calls {
	return &Calls{Table: t, Before: func(call int64) error {
		if call == at {
			other()
		}
		return nil
	}}
}

// Made returns the number of calls so far, with those that failed before they were made.
func (c *Calls) Made() int64 { return c.made.Load() }

func (c *Calls) before() error {
	call := c.made.Add(1) - 1
	if c.Before == nil {
		return nil
	}
	return c.Before(call)
}

// Get calls the table.
func (c *Calls) Get(ctx context.Context, keys ...table.Key) (map[table.Key]table.Item, error) {
	if err := c.before(); err != nil {
		return nil, err
	}
	return c.Table.Get(ctx, keys...)
}

// Query calls the table.
func (c *Calls) Query(ctx context.Context, q table.Query) (table.Page, error) {
	if err := c.before(); err != nil {
		return table.Page{}, err
	}
	return c.Table.Query(ctx, q)
}

// Write calls the table.
func (c *Calls) Write(ctx context.Context, tx table.Transaction) error {
	if err := c.before(); err != nil {
		return err
	}
	return c.Table.Write(ctx, tx)
}
