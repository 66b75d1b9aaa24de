// Package tail gives a table without a stream one of what this process writes. It is for
// `rollcall local` on DynamoDB Local, whose own streams make every write slower: they look
// through the records of all streams that the server ever had.
//
// The records are in memory. A process that is killed loses those that are not consumed yet,
// and other processes' changes have none.
package tail

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rollcall-scim/rollcall/internal/table"
)

// MaxRecords is the number of records that are kept for a consumer.
const MaxRecords = 10_000

// A Table is a table with a stream. It is safe for concurrent use.
type Table struct {
	table.Table
	now      func() time.Time
	suffixes []string
	changed  chan struct{}

	mu      sync.Mutex
	records []table.Record
	last    uint64
}

// New returns a table with the records of all partitions that end in one of the suffixes. now
// is the clock of the records.
func New(t table.Table, now func() time.Time, suffixes ...string) *Table {
	return &Table{Table: t, now: now, suffixes: suffixes, changed: make(chan struct{}, 1)}
}

// Write calls the table, and adds records of the transaction if it was applied. A put counts
// as an insertion: entries of logs are never written again.
func (t *Table) Write(ctx context.Context, tx table.Transaction) error {
	if err := t.Table.Write(ctx, tx); err != nil {
		return err
	}
	if records := t.recordsOf(ctx, tx); len(records) > 0 {
		t.add(records)
	}
	return nil
}

// recordsOf returns the records of a transaction that was applied. The item after an update is
// read: it has the update, and possibly later ones.
func (t *Table) recordsOf(ctx context.Context, tx table.Transaction) []table.Record {
	var records []table.Record
	for _, op := range tx.Ops {
		if op.Kind == table.OpCheck || !slices.ContainsFunc(t.suffixes, func(suffix string) bool { return strings.HasSuffix(op.Key.Partition, suffix) }) {
			continue
		}
		r := table.Record{Key: op.Key, Inserted: op.Kind == table.OpPut, Time: t.now()}
		switch op.Kind {
		case table.OpPut:
			r.Item = &table.Item{Key: op.Key, Attributes: op.Attributes}
		case table.OpUpdate:
			items, err := t.Get(ctx, op.Key)
			item, ok := items[op.Key]
			if err != nil || !ok {
				continue
			}
			r.Item = &item
		}
		records = append(records, r)
	}
	return records
}

func (t *Table) add(records []table.Record) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, r := range records {
		t.last++
		r.Sequence = sequence(t.last)
		t.records = append(t.records, r)
	}
	if over := len(t.records) - MaxRecords; over > 0 {
		t.records = slices.Delete(t.records, 0, over)
	}
	select {
	case t.changed <- struct{}{}:
	default: // the consumer has not taken the last one yet
	}
}

func sequence(n uint64) string { return fmt.Sprintf("%020d", n) }

// Records returns up to limit records after the one with the given sequence, oldest first;
// after "" those that are not trimmed.
func (t *Table) Records(_ context.Context, after string, limit int) ([]table.Record, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	begin, _ := slices.BinarySearchFunc(t.records, after+"\x00", func(r table.Record, after string) int { return strings.Compare(r.Sequence, after) })
	return slices.Clone(t.records[begin:min(begin+limit, len(t.records))]), nil
}

// Trim removes the records up to the one with the given sequence.
func (t *Table) Trim(upTo string) error {
	n, err := strconv.ParseUint(upTo, 10, 64)
	if err != nil {
		return fmt.Errorf("tail: %q is no sequence of a record", upTo)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.records = slices.DeleteFunc(t.records, func(r table.Record) bool { return r.Sequence <= sequence(n) })
	return nil
}

// Changed receives a value after a transaction that added records. It is for one consumer.
func (t *Table) Changed() <-chan struct{} { return t.changed }
