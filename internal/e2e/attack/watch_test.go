package attack

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"

	"github.com/rollcall-scim/rollcall/internal/table"
)

// A watch is a table that records every call and can be made to fail. It is
// safe for concurrent use.
type watch struct {
	table.Table
	mu    sync.Mutex
	calls []call
	// fail is called with each write of a user; nil for no fault.
	fail func(write func() error) error
}

// A call is one call for one item or partition.
type call struct {
	write     bool
	partition string
	sort      string
	// values are the values that a write stores, printed.
	values string
}

func (w *watch) note(c ...call) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = append(w.calls, c...)
}

// take returns the calls since the last take.
func (w *watch) take() []call {
	w.mu.Lock()
	defer w.mu.Unlock()
	calls := w.calls
	w.calls = nil
	return calls
}

func (w *watch) Get(ctx context.Context, keys ...table.Key) (map[table.Key]table.Item, error) {
	for _, key := range keys {
		w.note(call{partition: key.Partition, sort: key.Sort})
	}
	return w.Table.Get(ctx, keys...)
}

func (w *watch) Query(ctx context.Context, q table.Query) (table.Page, error) {
	w.note(call{partition: q.Partition})
	return w.Table.Query(ctx, q)
}

func (w *watch) Write(ctx context.Context, tx table.Transaction) error {
	write := func() error { return w.Table.Write(ctx, tx) }
	w.mu.Lock()
	fail := w.fail
	w.mu.Unlock()
	var err error
	if fail != nil && slices.ContainsFunc(tx.Ops, func(op table.Op) bool { return strings.HasSuffix(op.Key.Partition, "#USERS") }) {
		err = fail(write)
	} else {
		err = write()
	}
	if err == nil {
		for _, op := range tx.Ops {
			if op.Kind != table.OpCheck {
				w.note(call{write: true, partition: op.Key.Partition, sort: op.Key.Sort, values: fmt.Sprint(op.Attributes, op.Change)})
			}
		}
	}
	return err
}

// faults are the ways in which the table fails in cases.
var faults = map[string]func() func(write func() error) error{
	// The second operation's condition failed and the third conflicted, once:
	// no record holds the value, so the directory decides again.
	"cancelled": func() func(func() error) error {
		return once(func(func() error) error {
			return &table.ConditionError{Failed: []table.FailedCondition{{Op: 1}}, Incomplete: true}
		})
	},
	// The write was applied and its answer lost; when it is sent again, the
	// table answers that its token belongs to another transaction.
	"token reused": func() func(func() error) error {
		n := 0
		return func(write func() error) error {
			switch n++; n {
			case 1:
				_ = write() // the answer that is lost
				return table.ErrUnknownOutcome
			case 2:
				return table.ErrTokenReused
			}
			return write()
		}
	},
	// The table throttles every write.
	"throttled": func() func(func() error) error {
		return func(func() error) error { return table.ErrThrottled }
	},
	// The write was applied and its answer lost.
	"answer lost": func() func(func() error) error {
		return once(func(write func() error) error {
			_ = write() // the answer that is lost
			return table.ErrUnknownOutcome
		})
	},
}

// once fails the first write.
func once(fail func(write func() error) error) func(func() error) error {
	failed := false
	return func(write func() error) error {
		if failed {
			return write()
		}
		failed = true
		return fail(write)
	}
}

// credential matches what a line of the log may not have: the beginning of one
// of our tokens or client secrets, or a SHA-256. Advice names the prefix of a secret alone.
var credential = regexp.MustCompile(`rct_|rca_|rc[sx]_[a-z0-9]|\b[0-9a-f]{64}\b`)

// A lines receives the log. It is safe for concurrent use.
type lines struct {
	mu     sync.Mutex
	all    []map[string]any
	faults []string
}

// Write receives one line, which must be one JSON object without a credential
// and without invisible characters.
func (l *lines) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var event map[string]any
	switch err := json.Unmarshal(line, &event); {
	case err != nil || bytes.Count(line, []byte("\n")) != 1:
		l.faults = append(l.faults, fmt.Sprintf("a log line is not one JSON object: %q", line))
	case bytes.IndexFunc(bytes.TrimSuffix(line, []byte("\n")), func(r rune) bool { return !unicode.IsPrint(r) }) >= 0:
		l.faults = append(l.faults, fmt.Sprintf("a log line has an invisible character: %q", line))
	case credential.Match(line):
		l.faults = append(l.faults, fmt.Sprintf("a credential is in the log: %s", line))
	}
	l.all = append(l.all, event)
	return len(line), nil
}

// take returns the lines since the last take, and their faults.
func (l *lines) take() (all []map[string]any, faults []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	all, faults, l.all, l.faults = l.all, l.faults, nil, nil
	return all, faults
}

// logPartition reports whether a partition is written even for a refused request: the
// log, its index, the failing subjects, and the last use of tokens.
func logPartition(partition string) bool {
	for _, suffix := range []string{"#LOG", "#SIGNALS", "#INDEX", "#FAILING", "#USED", "#MARKS"} {
		if strings.HasSuffix(partition, suffix) {
			return true
		}
	}
	return false
}

// of reports whether a partition is a tenant's.
func of(tenant, partition string) bool {
	return partition == "T#"+tenant || strings.HasPrefix(partition, "T#"+tenant+"#")
}
