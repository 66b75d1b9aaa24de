package tabletest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/table"
)

// Promise is one property that every engine has. Its number never changes.
type Promise struct {
	Number string
	Name   string
	test   func(t *testing.T, tbl table.Table)
}

// String returns the name of the promise's subtest.
func (p Promise) String() string { return p.Number + " " + p.Name }

// Run checks all Promises of an engine. open creates an empty table, once for
// each.
func Run(t *testing.T, open func(t *testing.T) table.Table) {
	t.Helper()
	run(t, Promises, open)
}

// RunConcurrent checks all ConcurrentPromises of an engine. Calls that it
// refuses because of a conflict are sent again, as in production.
func RunConcurrent(t *testing.T, open func(t *testing.T) table.Table) {
	t.Helper()
	run(t, ConcurrentPromises, func(t *testing.T) table.Table { return table.Retrying(open(t)) })
}

func run(t *testing.T, promises []Promise, open func(t *testing.T) table.Table) {
	t.Helper()
	for _, p := range promises {
		t.Run(p.String(), func(t *testing.T) { p.test(t, open(t)) })
	}
}

// NewToken returns a token for a transaction.
func NewToken() string { return uuid.NewString() }

func write(t *testing.T, tbl table.Table, ops ...table.Op) error {
	t.Helper()
	return tbl.Write(t.Context(), table.Transaction{Token: NewToken(), Ops: ops})
}

func mustWrite(t *testing.T, tbl table.Table, ops ...table.Op) {
	t.Helper()
	require.NoError(t, write(t, tbl, ops...), "write")
}

// wantFailed expects a ConditionError for exactly these operations.
func wantFailed(t *testing.T, err error, ops ...int) []table.FailedCondition {
	t.Helper()
	var failed *table.ConditionError
	require.ErrorAsf(t, err, &failed, "got %v, want failed conditions of operations %v", err, ops)
	got := make([]int, len(failed.Failed))
	for i, f := range failed.Failed {
		got[i] = f.Op
	}
	require.Truef(t, slices.Equal(got, ops), "failed conditions of operations %v, want %v", got, ops)
	return failed.Failed
}

func wantLimit(t *testing.T, err error, op int, reason string) {
	t.Helper()
	var limit *table.LimitError
	if !errors.As(err, &limit) {
		t.Errorf("got %v, want it refused: %s", err, reason)
		return
	}
	assert.Equalf(t, table.LimitError{Op: op, Reason: reason}, *limit, "refused as %d %q, want %d %q", limit.Op, limit.Reason, op, reason)
}

// wantItem expects the table to have exactly this item under its key.
func wantItem(t *testing.T, tbl table.Table, want table.Item) {
	t.Helper()
	got, ok := read(t, tbl, want.Key)
	require.Truef(t, ok, "no item %q", want.Key)
	require.Empty(t, difference(want, got))
}

func wantAbsent(t *testing.T, tbl table.Table, keys ...table.Key) {
	t.Helper()
	for _, key := range keys {
		_, ok := read(t, tbl, key)
		require.Falsef(t, ok, "there is an item %q, want none", key)
	}
}

func read(t *testing.T, tbl table.Table, key table.Key) (table.Item, bool) {
	t.Helper()
	items, err := tbl.Get(t.Context(), key)
	require.NoError(t, err, "get")
	item, ok := items[key]
	return item, ok
}

// difference describes how two items differ, "" if they do not.
func difference(want, got table.Item) string {
	if want.Key != got.Key {
		return fmt.Sprintf("key %q, want %q", got.Key, want.Key)
	}
	if !maps.Equal(want.Attributes, got.Attributes) {
		return fmt.Sprintf("item %q: attributes %s, want %s", got.Key, brief(got.Attributes), brief(want.Attributes))
	}
	return ""
}

func brief(a table.Attributes) string {
	s := fmt.Sprintf("%v", a)
	if len(s) > 300 {
		s = s[:300] + "…"
	}
	return s
}

// pages reads a range to its end and returns its pages.
func pages(ctx context.Context, tbl table.Table, q table.Query) ([]table.Page, error) {
	var all []table.Page
	for {
		page, err := tbl.Query(ctx, q)
		if err != nil {
			return nil, err
		}
		all = append(all, page)
		if !page.More {
			return all, nil
		}
		if page.Last == q.After || len(all) > 10_000 {
			return nil, errors.New("tabletest: a walk that does not end")
		}
		q.After = page.Last
	}
}

// sorts reads a range to its end and returns its sort keys.
func sorts(t *testing.T, tbl table.Table, q table.Query) []string {
	t.Helper()
	all, err := pages(t.Context(), tbl, q)
	require.NoError(t, err, "query")
	var keys []string
	for _, page := range all {
		for _, item := range page.Items {
			require.Equalf(t, q.Partition, item.Partition, "query of %q returned an item of %q", q.Partition, item.Partition)
			keys = append(keys, item.Sort)
		}
	}
	return keys
}

func sortsOf(items []table.Item) []string {
	keys := make([]string, len(items))
	for i, item := range items {
		keys[i] = item.Sort
	}
	return keys
}

func wantSorts(t *testing.T, tbl table.Table, q table.Query, want ...string) {
	t.Helper()
	got := sorts(t, tbl, q)
	assert.Truef(t, slices.Equal(got, want), "query %+v: %q, want %q", q, got, want)
}

func key(sort string) table.Key { return table.Key{Partition: "T#acme#USERS", Sort: sort} }

func text(s string) table.Value  { return table.Text(s) }
func number(n int64) table.Value { return table.Number(n) }

func item(sort string, attributes table.Attributes) table.Item {
	return table.Item{Key: key(sort), Attributes: attributes}
}
