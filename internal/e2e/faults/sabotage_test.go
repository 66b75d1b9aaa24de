package faults

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/table"
)

// A breaker is a table that breaks a promise.
type breaker struct {
	table.Table
	write func(ctx context.Context, t table.Table, tx table.Transaction) error
}

func (b breaker) Write(ctx context.Context, tx table.Transaction) error {
	return b.write(ctx, b.Table, tx)
}

// without returns a write that leaves operations out.
func without(out func(op table.Op) bool) func(context.Context, table.Table, table.Transaction) error {
	return func(ctx context.Context, t table.Table, tx table.Transaction) error {
		tx.Ops = slices.DeleteFunc(slices.Clone(tx.Ops), out)
		if len(tx.Ops) == 0 {
			return nil
		}
		return t.Write(ctx, tx)
	}
}

// unconditional returns a write without the conditions of operations.
func unconditional(of func(op table.Op) bool) func(context.Context, table.Table, table.Transaction) error {
	return func(ctx context.Context, t table.Table, tx table.Transaction) error {
		tx.Ops = slices.Clone(tx.Ops)
		for i := range tx.Ops {
			if of(tx.Ops[i]) {
				tx.Ops[i].When = nil
			}
		}
		tx.Ops = slices.DeleteFunc(tx.Ops, func(op table.Op) bool { return op.Kind == table.OpCheck && op.When == nil })
		return t.Write(ctx, tx)
	}
}

func in(kinds ...string) func(op table.Op) bool {
	return func(op table.Op) bool { return slices.Contains(kinds, kindOf(op.Key.Partition)) }
}

// TestTable_NoticesABrokenPromise breaks one promise of the table or of the
// store at a time: a cell must show it.
func TestTable_NoticesABrokenPromise(t *testing.T) {
	for _, tt := range []struct {
		promise, write, fault string
		other                 int // of the requests that run meanwhile, from 1
		broken                func(context.Context, table.Table, table.Transaction) error
	}{
		{
			promise: "a transaction has its log entry", write: "PATCH /Users/{id} deactivates", fault: "throttled once",
			broken: without(in("LOG")),
		},
		{
			promise: "the ledger counts the seat", write: "PATCH /Users/{id} deactivates", fault: "conflict once",
			broken: without(in("LEDGER")),
		},
		{
			promise: "the seat is counted once", write: "PATCH /Users/{id} deactivates", fault: "answer lost once",
			broken: func(ctx context.Context, t table.Table, tx table.Transaction) error {
				for i, op := range tx.Ops {
					if in("LEDGER")(op) {
						_ = t.Write(ctx, table.Transaction{Token: "x" + tx.Token[1:], Ops: tx.Ops[i : i+1]})
					}
				}
				return t.Write(ctx, tx)
			},
		},
		{
			promise: "what is acknowledged is there", write: "POST /Users", fault: "sent twice",
			broken: func(context.Context, table.Table, table.Transaction) error {
				return nil
			},
		},
		{
			promise: "a transaction is whole", write: "PATCH adds 1", fault: "throttled once",
			broken: without(in("U")),
		},
		{
			promise: "a lost answer is not a second change", write: "PATCH adds 1", fault: "answer lost once",
			broken: func(ctx context.Context, t table.Table, tx table.Transaction) error {
				if err := t.Write(ctx, tx); err != nil {
					return err
				}
				tx.Token = "x" + tx.Token[1:]
				for i := range tx.Ops {
					tx.Ops[i].When = nil
				}
				tx.Ops = slices.DeleteFunc(tx.Ops, func(op table.Op) bool { return op.Kind == table.OpCheck })
				return t.Write(ctx, tx)
			},
		},
		{
			promise: "a request that is refused changes nothing", write: "POST /Users", fault: "throttled",
			broken: func(ctx context.Context, t table.Table, tx table.Transaction) error {
				_ = t.Write(ctx, tx)
				return table.ErrThrottled
			},
		},
		{
			promise: "unfinished work has a task", write: "DELETE /Users/{id}, in 33 groups", fault: "killed",
			broken: without(in("TASKS", "DUE")),
		},
		{
			promise: "one user has a name", write: "POST /Users", other: 1, fault: "waits before a write",
			broken: unconditional(in("NAMES")),
		},
		{
			promise: "a version is written once", write: "PATCH /Users/{id}, a name", other: 1, fault: "waits before a write",
			broken: unconditional(in("USERS")),
		},
		{
			promise: "the last seat is taken once", write: "POST /Users, the last seat", other: 1, fault: "waits before a write",
			broken: unconditional(in("LEDGER")),
		},
		{
			promise: "a member joins a group that exists", write: "PATCH adds 1", other: 4, fault: "waits before a write",
			broken: unconditional(in("GROUPS")),
		},
	} {
		t.Run(strings.ReplaceAll(tt.promise, " ", "_"), func(t *testing.T) {
			t.Parallel()
			s := newStudy(t, inMemory{}, named(t, tt.write))
			f := faultNamed(t, tt.fault)
			wrongWith := func(broken func(context.Context, table.Table, table.Transaction) error) []string {
				s.broken = nil
				if broken != nil {
					s.broken = func(t table.Table) table.Table { return breaker{t, broken} }
				}
				try := s.alone
				if tt.other > 0 {
					try = s.newPair(s.others[tt.other-1]).together
				}
				_, wrong := s.trials(f, s.kinds(), try)
				return wrong
			}
			require.Empty(t, wrongWith(nil))
			require.NotEmpty(t, wrongWith(tt.broken), "nobody noticed")
		})
	}
}
