package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/table"
)

// Store keeps the directory of all tenants in one table. It implements
// directory.Store and access.Source. Safe for concurrent use.
type Store struct {
	table table.Table
	// newToken makes the token of a transaction: one for each decision.
	newToken func() string
}

// New makes a Store on a table that retries what may be retried
// (table.Retrying).
func New(t table.Table, newToken func() string) *Store {
	return &Store{table: t, newToken: newToken}
}

// readError turns a table's answer to a read into the directory's.
func readError(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, table.ErrThrottled) || errors.Is(err, table.ErrUnavailable) ||
		errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%w: %w", directory.ErrBusy, err)
	}
	return err
}

// writeError turns a table's answer to a write, other than a failed condition,
// into the directory's. What is not known to be unapplied is unresolved.
func writeError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, table.ErrUnknownOutcome):
		return fmt.Errorf("%w: %w", directory.ErrUnresolved, err)
	case errors.Is(err, table.ErrConflict), errors.Is(err, table.ErrThrottled),
		errors.Is(err, table.ErrTooLate), errors.Is(err, table.ErrTokenReused):
		return fmt.Errorf("%w: %w", directory.ErrBusy, err)
	}
	return err
}

// read is a Get of one item; ok is false when there is none.
func (s *Store) read(ctx context.Context, key table.Key) (table.Item, bool, error) {
	items, err := s.table.Get(ctx, key)
	item, ok := items[key]
	return item, ok, readError(err)
}

// write sends the operations of one decision.
func (s *Store) write(ctx context.Context, notAfter time.Time, ops ...table.Op) error {
	return s.table.Write(ctx, table.Transaction{Token: s.newToken(), NotAfter: notAfter, Ops: ops})
}

func millis(t time.Time) table.Value {
	if t.IsZero() {
		return table.Number(0)
	}
	return table.Number(t.UnixMilli())
}

func timeOf(a table.Attributes, name string) time.Time {
	ms := a.Number(name)
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// expired tells that an item's time to live is over: DynamoDB removes it days
// later, the embedded engine never.
func expired(a table.Attributes, now time.Time) bool {
	return a.Has(table.ExpiryName) && a.Number(table.ExpiryName) <= now.Unix()
}
