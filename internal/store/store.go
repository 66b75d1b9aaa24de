package store

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	mathrand "math/rand/v2"
	"slices"
	"time"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/table"
)

// Store keeps the directory of all tenants in one table. It implements
// directory.Store and access.Source. It is safe for concurrent use.
type Store struct {
	table table.Table
	// newID creates the ids of log entries that are not a request's, and newToken
	// the token of a transaction, one for each decision.
	newID, newToken func() string
	now             func() time.Time
	// units is how many write units a sweep uses in a second, 0 for no limit.
	units float64
	// random is the source of the keys that sign cursors.
	random io.Reader
	// shuffle chooses the order in which a sweep takes tasks. It spreads work; no
	// secret depends on it.
	shuffle func(n int, swap func(i, j int))
	// pick chooses one of n shards. It spreads load; no secret depends on it.
	pick   func(n int64) int64
	shards knownShards
	// mostShards is how many shards a ledger grows to.
	mostShards int
}

// New returns a Store on a table that retries what may be retried
// (table.Retrying). newID creates UUIDv7s.
func New(t table.Table, newID func() string, now func() time.Time) *Store {
	return &Store{
		table: t, newID: newID, newToken: newID, now: now, units: sweepUnits, random: rand.Reader,
		shuffle: mathrand.Shuffle,
		pick:    mathrand.Int64N, mostShards: maxShards,
	}
}

// WithShards sets to how many shards a ledger grows: 1, 4, 16 or 32. A ledger that has
// more keeps them. Call it before the Store is used.
func (s *Store) WithShards(most int) *Store {
	s.mostShards = most
	return s
}

// WithRandom replaces the sources of randomness, for tests that repeat a run:
// transactions that are sent in parallel draw their tokens in any order, and have
// a source of their own, unless newToken is nil. Call it before the Store is used.
func (s *Store) WithRandom(random io.Reader, newToken func() string) *Store {
	s.random = random
	if newToken != nil {
		s.newToken = newToken
	}
	next := func() *mathrand.Rand {
		var seed [32]byte
		_, _ = io.ReadFull(random, seed[:])            // any order, and any shard, will do
		return mathrand.New(mathrand.NewChaCha8(seed)) //nolint:gosec // spreads work
	}
	s.shuffle = func(n int, swap func(i, j int)) { next().Shuffle(n, swap) }
	s.pick = func(n int64) int64 { return next().Int64N(n) }
	return s
}

// readError converts the table's error of a read into an error of the
// directory.
func readError(err error) error {
	if err == nil {
		return nil
	}
	late := errors.Is(err, context.DeadlineExceeded)
	switch {
	case unreachable(err), errors.Is(err, table.ErrUnavailable) && !late && !errors.Is(err, context.Canceled):
		return fmt.Errorf("%w: %w", directory.ErrUnreachable, err)
	case errors.Is(err, table.ErrThrottled), errors.Is(err, table.ErrUnavailable), late:
		return fmt.Errorf("%w: %w", directory.ErrBusy, err)
	}
	return err
}

// writeError converts the table's error of a write, other than a failed
// condition, into an error of the directory. A write that may have been applied
// becomes an unresolved error.
func writeError(err error) error {
	switch {
	case errors.Is(err, table.ErrUnknownOutcome):
		return fmt.Errorf("%w: %w", directory.ErrUnresolved, err)
	case unreachable(err):
		return fmt.Errorf("%w: %w", directory.ErrUnreachable, err)
	case errors.Is(err, table.ErrConflict), errors.Is(err, table.ErrThrottled),
		errors.Is(err, table.ErrTooLate), errors.Is(err, table.ErrTokenReused):
		return fmt.Errorf("%w: %w", directory.ErrBusy, err)
	}
	return err
}

// unreachable reports whether a call failed because of the table itself, and not because
// of the request or its time.
func unreachable(err error) bool {
	return errors.Is(err, table.ErrUnreachable) || errors.Is(err, table.ErrStorage)
}

// read reads one item; ok is false if there is none.
func (s *Store) read(ctx context.Context, key table.Key) (table.Item, bool, error) {
	items, err := s.table.Get(ctx, key)
	item, ok := items[key]
	return item, ok, readError(err)
}

// getAll reads any number of items, a hundred a call, in parallel.
func (s *Store) getAll(ctx context.Context, keys []table.Key) (map[table.Key]table.Item, error) {
	batches := slices.Collect(slices.Chunk(keys, table.MaxGetKeys))
	found := make([]map[table.Key]table.Item, len(batches))
	err := parallel(table.Together(ctx), len(batches), func(ctx context.Context, i int) (err error) {
		found[i], err = s.table.Get(ctx, batches[i]...)
		return readError(err)
	})
	if err != nil {
		return nil, err
	}
	if len(found) == 1 {
		return found[0], nil
	}
	all := make(map[table.Key]table.Item, len(keys))
	for _, items := range found {
		maps.Copy(all, items)
	}
	return all, nil
}

// write sends the operations of one decision.
func (s *Store) write(ctx context.Context, notAfter time.Time, ops ...table.Op) error {
	return s.transact(ctx, table.Transaction{NotAfter: notAfter, Ops: ops})
}

// transact sends a transaction with a token of its own.
func (s *Store) transact(ctx context.Context, tx table.Transaction) error {
	p := paceOf(ctx)
	if err := p.wait(ctx, tx.Ops); err != nil {
		return err
	}
	tx.Token = s.newToken()
	err := s.table.Write(ctx, tx)
	if err == nil {
		p.wrote(tx.Ops)
	}
	return err
}

func millis(t time.Time) table.Value {
	if t.IsZero() {
		return table.Number(0)
	}
	return table.Number(t.UnixMilli())
}

func timeOf(a table.Attributes, name string) time.Time { return timeAt(a.Number(name)) }

// timeAt returns a stored time, zero for 0.
func timeAt(millis int64) time.Time {
	if millis == 0 {
		return time.Time{}
	}
	return time.UnixMilli(millis).UTC()
}

// encode returns a value of our own types as JSON: texts and numbers, which cannot fail.
func encode(value any) string {
	encoded, _ := json.Marshal(value)
	return string(encoded)
}

// expired reports that an item's time to live has passed: DynamoDB removes it
// days later, the embedded engine never.
func expired(a table.Attributes, now time.Time) bool {
	return a.Has(table.ExpiryName) && a.Number(table.ExpiryName) <= now.Unix()
}
