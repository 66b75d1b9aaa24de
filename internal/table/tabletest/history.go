package tabletest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rollcall-scim/rollcall/internal/table"
)

// model is a table without an engine: the meaning of each call by package
// table.
type model struct {
	items  map[table.Key]table.Item
	tokens map[string]string // token → operations, of transactions that were applied
}

func (m *model) write(tx table.Transaction) error {
	ops := fmt.Sprint(tx.Ops)
	if was, ok := m.tokens[tx.Token]; ok {
		if was != ops {
			return table.ErrTokenReused
		}
		return nil
	}
	before := make([]*table.Item, len(tx.Ops))
	after := make([]*table.Item, len(tx.Ops))
	var failed []table.FailedCondition
	for i, op := range tx.Ops {
		if item, ok := m.items[op.Key]; ok {
			before[i] = &item
		}
		if slices.ContainsFunc(op.When, func(c table.Condition) bool { return !c.Holds(before[i]) }) {
			failed = append(failed, table.FailedCondition{Op: i, Item: before[i]})
		}
	}
	if failed != nil {
		return &table.ConditionError{Failed: failed}
	}
	for i, op := range tx.Ops {
		var err error
		if after[i], err = op.After(before[i]); err != nil {
			return err
		}
	}
	for i, op := range tx.Ops {
		if after[i] == nil {
			delete(m.items, op.Key)
		} else {
			m.items[op.Key] = *after[i]
		}
	}
	m.tokens[tx.Token] = ops
	return nil
}

func (m *model) query(q table.Query) []table.Item {
	var items []table.Item
	for k, item := range m.items {
		in := k.Partition == q.Partition && strings.HasPrefix(k.Sort, q.Prefix) &&
			k.Sort >= q.From && (q.To == "" || k.Sort <= q.To)
		if q.After != "" {
			in = in && (k.Sort > q.After) != q.Descending && k.Sort != q.After
		}
		if in {
			items = append(items, item)
		}
	}
	slices.SortFunc(items, func(a, b table.Item) int { return cmp.Compare(a.Sort, b.Sort) })
	if q.Descending {
		slices.Reverse(items)
	}
	return items
}

var (
	anyName   = rapid.SampledFrom([]string{"a", "b", "n", "m"})
	anySort   = rapid.SampledFrom([]string{"a", "aa", "ab", "b", "é"})
	anyNumber = rapid.SampledFrom([]int64{-10, -1, 0, 1, 2, 3, 100, 1 << 53})
	anyValue  = rapid.Custom(func(t *rapid.T) table.Value {
		if rapid.Bool().Draw(t, "number") {
			return number(anyNumber.Draw(t, "n"))
		}
		return text(rapid.SampledFrom([]string{"", "x", "1"}).Draw(t, "s"))
	})
	anyAttributes = rapid.Custom(func(t *rapid.T) table.Attributes {
		return rapid.MapOfN(anyName, anyValue, 0, 3).Draw(t, "attributes")
	})
	anyCondition = rapid.Custom(func(t *rapid.T) table.Condition {
		switch rapid.IntRange(0, 4).Draw(t, "condition") {
		case 0:
			return table.Absent()
		case 1:
			return table.Present()
		case 2:
			return table.Is(anyName.Draw(t, "attribute"), anyValue.Draw(t, "value"))
		case 3:
			return table.Under(anyName.Draw(t, "attribute"), anyNumber.Draw(t, "n"))
		default:
			return table.Below(rapid.SampledFrom([]string{"a", "n"}).Draw(t, "attribute"), rapid.SampledFrom([]string{"b", "m"}).Draw(t, "other"))
		}
	})
)

func drawOp(t *rapid.T, k table.Key) table.Op {
	when := rapid.SliceOfN(anyCondition, 0, 2).Draw(t, "when")
	switch rapid.IntRange(0, 4).Draw(t, "op") {
	case 0:
		return table.Delete(k, when...)
	case 1:
		return table.Check(k, append(when, anyCondition.Draw(t, "condition"))...)
	case 2, 3:
		return table.Put(table.Item{Key: k, Attributes: anyAttributes.Draw(t, "attributes")}, when...)
	default:
		change := table.Change{Set: table.Attributes{}, Add: map[string]int64{}}
		for _, name := range rapid.SliceOfNDistinct(anyName, 1, 3, rapid.ID[string]).Draw(t, "names") {
			switch rapid.IntRange(0, 2).Draw(t, "change") {
			case 0:
				change.Set[name] = anyValue.Draw(t, "value")
			case 1:
				change.Add[name] = anyNumber.Draw(t, "by")
			default:
				change.Remove = append(change.Remove, name)
			}
		}
		return table.Update(k, change, when...)
	}
}

// randomHistories compares an engine with the model, each history in partitions
// of its own.
func randomHistories(t *testing.T, tbl table.Table) {
	run := NewToken()
	history := 0
	ctx := t.Context()
	rapid.Check(t, func(t *rapid.T) {
		history++
		partitions := []string{fmt.Sprintf("%s#%d", run, history), fmt.Sprintf("%s#%d#", run, history)}
		m := &model{items: map[table.Key]table.Item{}, tokens: map[string]string{}}
		var sent []table.Transaction
		draw := func() table.Transaction {
			tx := table.Transaction{Token: NewToken()}
			keys := rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) table.Key {
				return table.Key{Partition: rapid.SampledFrom(partitions).Draw(t, "partition"), Sort: anySort.Draw(t, "sort")}
			}), 1, 4, rapid.ID[table.Key]).Draw(t, "keys")
			for _, k := range keys {
				tx.Ops = append(tx.Ops, drawOp(t, k))
			}
			return tx
		}
		t.Repeat(map[string]func(*rapid.T){
			"write": func(*rapid.T) {
				tx := draw()
				sent = append(sent, tx)
				m.compareWrite(ctx, t, tbl, tx)
			},
			"again": func(t *rapid.T) {
				if len(sent) == 0 {
					t.Skip("nothing was sent")
				}
				m.compareWrite(ctx, t, tbl, rapid.SampledFrom(sent).Draw(t, "sent"))
			},
			"query": func(t *rapid.T) { m.compareQuery(ctx, t, tbl, drawQuery(t, partitions)) },
		})
		for _, p := range partitions {
			m.compareQuery(ctx, t, tbl, table.Query{Partition: p})
		}
	})
}

func drawQuery(t *rapid.T, partitions []string) table.Query {
	q := table.Query{
		Partition:  rapid.SampledFrom(partitions).Draw(t, "partition"),
		Descending: rapid.Bool().Draw(t, "descending"),
		Limit:      rapid.IntRange(0, 3).Draw(t, "limit"),
	}
	bound := rapid.SampledFrom([]string{"", "a", "aa", "b", "é"})
	if rapid.Bool().Draw(t, "prefixed") {
		q.Prefix = bound.Draw(t, "prefix")
	} else {
		q.From, q.To = bound.Draw(t, "from"), bound.Draw(t, "to")
		if q.To != "" && q.From > q.To {
			q.From, q.To = q.To, q.From
		}
	}
	q.After = bound.Draw(t, "after")
	if table.CheckQuery(q) != nil {
		q.After = ""
	}
	return q
}

func (m *model) compareWrite(ctx context.Context, t *rapid.T, tbl table.Table, tx table.Transaction) {
	want, got := m.write(tx), tbl.Write(ctx, tx)
	var failed, alsoFailed *table.ConditionError
	var refused, alsoRefused *table.LimitError
	switch {
	case want == nil && got == nil:
	case errors.Is(want, table.ErrTokenReused) && errors.Is(got, table.ErrTokenReused):
	case errors.As(want, &failed) && errors.As(got, &alsoFailed):
		require.Lenf(t, failed.Failed, len(alsoFailed.Failed), "%v, want %v", got, want)
		for i, w := range failed.Failed {
			g := alsoFailed.Failed[i]
			require.Truef(t, g.Op == w.Op && (g.Item == nil) == (w.Item == nil), "failed condition %d: %v, want %v", i, g, w)
			if w.Item != nil {
				require.Emptyf(t, difference(*w.Item, *g.Item), "failed condition %d", i)
			}
		}
	case errors.As(want, &failed) && errors.As(got, &alsoRefused):
		// DynamoDB Local checks additions to texts before it checks conditions.
		require.Equalf(t, table.ReasonNotNumber, alsoRefused.Reason, "%v, want %v", got, want)
	case errors.As(want, &refused) && errors.As(got, &alsoRefused):
		require.Equalf(t, alsoRefused.Reason, refused.Reason, "%v, want %v", got, want)
	default:
		t.Fatalf("write: %v, want %v", got, want)
	}
}

func (m *model) compareQuery(ctx context.Context, t *rapid.T, tbl table.Table, q table.Query) {
	all, err := pages(ctx, tbl, q)
	require.NoErrorf(t, err, "query %+v", q)
	var got []table.Item
	for _, page := range all {
		got = append(got, page.Items...)
	}
	want := m.query(q)
	require.Lenf(t, got, len(want), "query %+v: %d items, want %d", q, len(got), len(want))
	for i := range want {
		require.Emptyf(t, difference(want[i], got[i]), "query %+v", q)
	}
}
