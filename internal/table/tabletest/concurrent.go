package tabletest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rollcall-scim/rollcall/internal/table"
)

// ConcurrentPromises are the contract of table.Table for many concurrent
// callers. That several items read by one Get belong to one moment is not part
// of it: DynamoDB does not promise it.
var ConcurrentPromises = []Promise{
	{"P01", "of many that put an absent item exactly one succeeds", oneWinner},
	{"P02", "a counter never passes its limit", counterBelowLimit},
	{"P03", "transfers keep the sum", transfersKeepSum},
	{"P04", "no increment of a version loop is lost", versionLoop},
	{"P05", "one transaction sent many times at once is applied once", replayedAtOnce},
	{"P06", "no read shows half an item", wholeItems},
	{"P07", "each writer reads its own writes", ownWrites},
}

// workers is enough to overlap, and few enough for every conflict to be settled
// by retries.
const workers = 8

// together runs f in all workers concurrently and waits for them.
func together(f func(worker int)) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for w := range workers {
		wg.Go(func() {
			<-start
			f(w)
		})
	}
	close(start)
	wg.Wait()
}

func send(ctx context.Context, tbl table.Table, ops ...table.Op) error {
	return tbl.Write(ctx, table.Transaction{Token: NewToken(), Ops: ops})
}

// conditionFailed distinguishes a failed condition from success, and reports
// anything else.
func conditionFailed(t *testing.T, err error) bool {
	t.Helper()
	var failed *table.ConditionError
	assert.Falsef(t, err != nil && !errors.As(err, &failed), "write: %v", err)
	return err != nil
}

func oneWinner(t *testing.T, tbl table.Table) {
	for round := range 5 {
		name := key(fmt.Sprint("name ", round))
		var won atomic.Int64
		together(func(w int) {
			err := send(t.Context(), tbl,
				table.Put(item(fmt.Sprintf("user %d %d", round, w), nil), table.Absent()),
				table.Put(table.Item{Key: name, Attributes: table.Attributes{"holder": number(int64(w))}}, table.Absent()),
			)
			if !conditionFailed(t, err) {
				won.Add(1)
			}
		})
		if won.Load() != 1 {
			t.Errorf("round %d: %d succeeded", round, won.Load())
		}
		users := sorts(t, tbl, table.Query{Partition: name.Partition, Prefix: fmt.Sprintf("user %d ", round)})
		assert.Lenf(t, users, 1, "round %d: %d users", round, len(users))
	}
}

func counterBelowLimit(t *testing.T, tbl table.Table) {
	const limit = 10
	ledger := item("ledger", table.Attributes{"used": number(0), "limit": number(limit)})
	mustWrite(t, tbl, table.Put(ledger))
	var accepted atomic.Int64
	together(func(w int) {
		for i := range 3 {
			err := send(t.Context(), tbl,
				table.Put(item(fmt.Sprintf("user %d %d", w, i), nil), table.Absent()),
				table.Update(ledger.Key, table.Change{Add: map[string]int64{"used": 1}}, table.Below("used", "limit")),
			)
			if !conditionFailed(t, err) {
				accepted.Add(1)
			}
		}
	})
	got, _ := read(t, tbl, ledger.Key)
	users := sorts(t, tbl, table.Query{Partition: ledger.Partition, Prefix: "user "})
	if accepted.Load() != limit || got.Attributes.Number("used") != limit || len(users) != limit {
		t.Errorf("%d succeeded, %d counted, %d users; the limit is %d",
			accepted.Load(), got.Attributes.Number("used"), len(users), limit)
	}
}

func transfersKeepSum(t *testing.T, tbl table.Table) {
	const accounts, start = 4, 100
	account := func(i int) table.Key { return key(fmt.Sprint("account ", i%accounts)) }
	for i := range accounts {
		mustWrite(t, tbl, table.Put(table.Item{
			Key: account(i), Attributes: table.Attributes{"n": number(start), "zero": number(0)},
		}))
	}
	together(func(w int) {
		for i := range 5 {
			err := send(t.Context(), tbl,
				table.Update(account(w+i), table.Change{Add: map[string]int64{"n": -7}}, table.Below("zero", "n")),
				table.Update(account(w+i+1+w%3), table.Change{Add: map[string]int64{"n": 7}}),
			)
			conditionFailed(t, err)
		}
	})
	sum := int64(0)
	for i := range accounts {
		got, _ := read(t, tbl, account(i))
		sum += got.Attributes.Number("n")
	}
	assert.EqualValues(t, accounts*start, sum, "the sum")
}

func versionLoop(t *testing.T, tbl table.Table) {
	const each = 4
	doc := item("doc", table.Attributes{"version": number(0), "value": number(0)})
	mustWrite(t, tbl, table.Put(doc))
	together(func(int) {
		for range each {
			for {
				items, err := tbl.Get(t.Context(), doc.Key)
				if err != nil {
					t.Errorf("get: %v", err)
					return
				}
				a := items[doc.Key].Attributes
				v := a.Number("version")
				next := item("doc", table.Attributes{"version": number(v + 1), "value": number(a.Number("value") + 1)})
				if !conditionFailed(t, send(t.Context(), tbl, table.Put(next, table.Is("version", number(v))))) {
					break
				}
				if t.Failed() {
					return
				}
			}
		}
	})
	got, _ := read(t, tbl, doc.Key)
	if want := int64(workers * each); got.Attributes.Number("version") != want || got.Attributes.Number("value") != want {
		t.Errorf("version %d and value %d, want %d", got.Attributes.Number("version"), got.Attributes.Number("value"), want)
	}
}

func replayedAtOnce(t *testing.T, tbl table.Table) {
	for round := range 3 {
		k := key(fmt.Sprint("counter ", round))
		tx := table.Transaction{Token: NewToken(), Ops: []table.Op{
			table.Update(k, table.Change{Add: map[string]int64{"n": 1}}),
			table.Put(item(fmt.Sprint("once ", round), nil), table.Absent()),
		}}
		together(func(int) {
			assert.NoError(t, tbl.Write(t.Context(), tx), "write")
		})
		wantItem(t, tbl, table.Item{Key: k, Attributes: table.Attributes{"n": number(1)}})
	}
}

func wholeItems(t *testing.T, tbl table.Table) {
	pair := item("pair", table.Attributes{"a": number(0), "b": number(0)})
	mustWrite(t, tbl, table.Put(pair))
	torn := func(i table.Item) bool { return i.Attributes.Number("a") != i.Attributes.Number("b") }
	together(func(w int) {
		for i := range 8 {
			if w < 2 {
				assert.NoError(t, send(t.Context(), tbl, table.Update(pair.Key, table.Change{Add: map[string]int64{"a": 1, "b": 1}})), "write")
				continue
			}
			if i%2 == 0 {
				items, err := tbl.Get(t.Context(), pair.Key)
				assert.Truef(t, err == nil && !torn(items[pair.Key]), "get: %v, %v", items, err)
				continue
			}
			page, err := tbl.Query(t.Context(), table.Query{Partition: pair.Partition})
			assert.Truef(t, err == nil && len(page.Items) == 1 && !torn(page.Items[0]), "query: %v, %v", page, err)
		}
	})
	wantItem(t, tbl, item("pair", table.Attributes{"a": number(16), "b": number(16)}))
}

func ownWrites(t *testing.T, tbl table.Table) {
	together(func(w int) {
		k := key(fmt.Sprint("own ", w))
		for i := range int64(8) {
			if err := send(t.Context(), tbl, table.Put(table.Item{Key: k, Attributes: table.Attributes{"n": number(i)}})); err != nil {
				t.Errorf("write: %v", err)
				return
			}
			items, err := tbl.Get(t.Context(), k)
			assert.Truef(t, err == nil && items[k].Attributes.Number("n") == i, "get after write %d: %v, %v", i, items, err)
		}
	})
}
