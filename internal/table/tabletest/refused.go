package tabletest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rollcall-scim/rollcall/internal/table"
)

const notUTF8 = "\xff"

func refusedTransactions(t *testing.T, tbl table.Table) { //nolint:funlen // a table
	mustWrite(t, tbl, table.Put(item("kept", nil)))
	put := table.Put(item("1", nil))
	many := make([]table.Op, table.MaxOps+1)
	for i := range many {
		many[i] = table.Put(item(fmt.Sprint(i), nil))
	}
	wide := table.Attributes{}
	for i := range 301 {
		wide[fmt.Sprint("a", i)] = number(1)
	}
	var conditions []table.Condition
	for range 51 {
		conditions = append(conditions, table.Present())
	}
	one := func(op table.Op) table.Transaction {
		return table.Transaction{Token: NewToken(), Ops: []table.Op{table.Delete(key("kept")), op}}
	}
	at := func(partition, sort string) table.Op {
		return table.Put(table.Item{Key: table.Key{Partition: partition, Sort: sort}})
	}
	named := func(name string) table.Op { return table.Put(item("1", table.Attributes{name: text("")})) }
	set := func(name string) table.Op {
		return table.Update(key("1"), table.Change{Set: table.Attributes{name: text("")}})
	}
	for name, c := range map[string]struct {
		tx     table.Transaction
		op     int
		reason string
	}{
		"no token":            {table.Transaction{Ops: []table.Op{put}}, -1, "no token"},
		"token too long":      {table.Transaction{Token: strings.Repeat("t", 37), Ops: []table.Op{put}}, -1, "a token of more than 36 bytes"},
		"token not UTF-8":     {table.Transaction{Token: notUTF8, Ops: []table.Op{put}}, -1, "a token that is not UTF-8"},
		"no operation":        {table.Transaction{Token: NewToken()}, -1, "no operation"},
		"101 operations":      {table.Transaction{Token: NewToken(), Ops: many}, -1, "more than 100 operations"},
		"one item twice":      {table.Transaction{Token: NewToken(), Ops: []table.Op{put, table.Check(key("1"), table.Absent())}}, 1, "two operations on one item"},
		"no kind":             {one(table.Op{Key: key("1")}), 1, "an operation without a kind"},
		"no partition":        {one(at("", "s")), 1, "an empty partition key"},
		"no sort key":         {one(at("p", "")), 1, "an empty sort key"},
		"partition too long":  {one(at(strings.Repeat("p", table.MaxPartitionSize+1), "s")), 1, "a partition key of more than 2,048 bytes"},
		"sort key too long":   {one(at("p", strings.Repeat("s", table.MaxSortSize+1))), 1, "a sort key of more than 1,024 bytes"},
		"key not UTF-8":       {one(at("p", notUTF8)), 1, "a text that is not UTF-8"},
		"partition not UTF-8": {one(at(notUTF8, "s")), 1, "a text that is not UTF-8"},
		"value not UTF-8":     {one(table.Put(item("1", table.Attributes{"a": text(notUTF8)}))), 1, "a text that is not UTF-8"},
		"name not UTF-8":      {one(named(notUTF8)), 1, "a text that is not UTF-8"},
		"no name":             {one(named("")), 1, "an attribute without a name"},
		"name of a key":       {one(named("pk")), 1, "an attribute with the name of a key"},
		"name too long":       {one(named(strings.Repeat("n", 65536))), 1, "an attribute's name of more than 64 KB"},
		"set without a name":  {one(set("")), 1, "an attribute without a name"},
		"set a key":           {one(set("sk")), 1, "an attribute with the name of a key"},
		"add to a key":        {one(table.Update(key("1"), table.Change{Add: map[string]int64{"pk": 1}})), 1, "an attribute with the name of a key"},
		"remove a key":        {one(table.Update(key("1"), table.Change{Remove: []string{"sk"}})), 1, "an attribute with the name of a key"},
		"set and add":         {one(table.Update(key("1"), table.Change{Set: table.Attributes{"a": number(1)}, Add: map[string]int64{"a": 1}})), 1, "an update that names an attribute twice"},
		"remove twice":        {one(table.Update(key("1"), table.Change{Remove: []string{"a", "a"}})), 1, "an update that names an attribute twice"},
		"no change":           {one(table.Update(key("1"), table.Change{})), 1, "an update without a change"},
		"301 attributes":      {one(table.Update(key("1"), table.Change{Set: wide})), 1, "an update of more than 300 attributes"},
		"set too large":       {one(table.Update(key("1"), table.Change{Set: table.Attributes{"a": text(strings.Repeat("x", table.MaxItem))}})), 1, table.ReasonItemSize},
		"check of nothing":    {one(table.Check(key("1"))), 1, "a check without a condition"},
		"no condition kind":   {one(table.Delete(key("1"), table.Condition{})), 1, "a condition without a kind"},
		"51 conditions":       {one(table.Delete(key("1"), conditions...)), 1, "more than 50 conditions"},
		"is without a name":   {one(table.Delete(key("1"), table.Is("", text("")))), 1, "an attribute without a name"},
		"is of a key":         {one(table.Delete(key("1"), table.Is("pk", text("")))), 1, "an attribute with the name of a key"},
		"is too large":        {one(table.Delete(key("1"), table.Is("a", text(strings.Repeat("x", table.MaxItem+1))))), 1, table.ReasonItemSize},
		"below without name":  {one(table.Delete(key("1"), table.Below("a", ""))), 1, "an attribute without a name"},
		"under without name":  {one(table.Delete(key("1"), table.Under("", 1))), 1, "an attribute without a name"},
		"under a text":        {one(table.Delete(key("1"), table.Condition{Kind: table.CondUnder, Attribute: "a", Value: text("1")})), 1, "a comparison with a text"},
		"below itself":        {one(table.Delete(key("1"), table.Below("a", "a"))), 1, "a comparison of an attribute with itself"},
	} {
		t.Run(name, func(t *testing.T) { wantLimit(t, tbl.Write(t.Context(), c.tx), c.op, c.reason) })
	}
	wantSorts(t, tbl, table.Query{Partition: key("").Partition}, "kept")
}

func refusedReads(t *testing.T, tbl table.Table) {
	many := make([]table.Key, table.MaxGetKeys+1)
	for i := range many {
		many[i] = key(fmt.Sprint(i))
	}
	for name, c := range map[string]struct {
		keys   []table.Key
		op     int
		reason string
	}{
		"no key":        {nil, -1, "no key"},
		"101 keys":      {many, -1, "more than 100 keys"},
		"one key twice": {[]table.Key{key("1"), key("2"), key("1")}, 2, "the same key twice"},
		"empty sort":    {[]table.Key{key("1"), {Partition: "p"}}, 1, "an empty sort key"},
		"empty":         {[]table.Key{{Sort: "s"}}, 0, "an empty partition key"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := tbl.Get(t.Context(), c.keys...)
			wantLimit(t, err, c.op, c.reason)
		})
	}
}

func refusedQueries(t *testing.T, tbl table.Table) {
	long := strings.Repeat("s", table.MaxSortSize+1)
	for name, c := range map[string]struct {
		q      table.Query
		reason string
	}{
		"no partition":     {table.Query{}, "an empty partition key"},
		"long partition":   {table.Query{Partition: strings.Repeat("p", table.MaxPartitionSize+1)}, "a partition key of more than 2,048 bytes"},
		"long prefix":      {table.Query{Partition: "p", Prefix: long}, "a sort key of more than 1,024 bytes"},
		"long after":       {table.Query{Partition: "p", After: long}, "a sort key of more than 1,024 bytes"},
		"not UTF-8":        {table.Query{Partition: "p", From: notUTF8}, "a text that is not UTF-8"},
		"negative limit":   {table.Query{Partition: "p", Limit: -1}, "a negative limit"},
		"prefix and from":  {table.Query{Partition: "p", Prefix: "a", From: "a"}, "a prefix together with a range"},
		"prefix and to":    {table.Query{Partition: "p", Prefix: "a", To: "a"}, "a prefix together with a range"},
		"backward range":   {table.Query{Partition: "p", From: "b", To: "a"}, "a range that ends before it begins"},
		"after not prefix": {table.Query{Partition: "p", Prefix: "a", After: "b"}, "a page that begins outside the range"},
		"after below from": {table.Query{Partition: "p", From: "b", After: "a"}, "a page that begins outside the range"},
		"after above to":   {table.Query{Partition: "p", To: "b", After: "c"}, "a page that begins outside the range"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := tbl.Query(t.Context(), c.q)
			wantLimit(t, err, -1, c.reason)
		})
	}
}

func itemBoundary(t *testing.T, tbl table.Table) {
	full := filled("1", table.MaxItem)
	mustWrite(t, tbl, table.Put(full))
	wantItem(t, tbl, full)
	wantLimit(t, write(t, tbl, table.Put(filled("1", table.MaxItem+1))), 0, table.ReasonItemSize)
	// The boundary shows how the size of a number is counted.
	for _, n := range []int64{0, 9, -9, 12, 123, -1234, 1200, 1 << 53} {
		i := item("n", table.Attributes{"n": number(n), "fill": text("")})
		i.Attributes["fill"] = text(strings.Repeat("x", table.MaxItem-table.Size(i)))
		mustWrite(t, tbl, table.Put(i))
		i.Attributes["fill"] = text(i.Attributes.Text("fill") + "x")
		wantLimit(t, write(t, tbl, table.Put(i)), 0, table.ReasonItemSize)
	}
}

func keyBoundary(t *testing.T, tbl table.Table) {
	long := table.Item{Key: table.Key{
		Partition: strings.Repeat("p", table.MaxPartitionSize), Sort: strings.Repeat("s", table.MaxSortSize),
	}}
	short := table.Item{Key: table.Key{Partition: "p", Sort: "s"}}
	mustWrite(t, tbl, table.Put(long), table.Put(short))
	wantItem(t, tbl, long)
	wantItem(t, tbl, short)
	wantSorts(t, tbl, table.Query{Partition: long.Partition}, long.Sort)
	wantSorts(t, tbl, table.Query{Partition: long.Partition, Prefix: long.Sort}, long.Sort)
	wantSorts(t, tbl, table.Query{Partition: long.Partition, After: long.Sort})
}

func transactionBoundary(t *testing.T, tbl table.Table) {
	var ops []table.Op
	left := table.MaxTransaction
	for i := 0; left > 0; i++ {
		size := min(left, table.MaxItem)
		ops = append(ops, table.Put(filled(fmt.Sprintf("%02d", i), size)))
		left -= size
	}
	over := append([]table.Op(nil), ops...)
	over[len(over)-1] = table.Put(filled("last", table.Size(table.Item{
		Key: ops[len(ops)-1].Key, Attributes: ops[len(ops)-1].Attributes,
	})+1))
	wantLimit(t, write(t, tbl, over...), -1, "items of more than 4 MB in all")
	wantSorts(t, tbl, table.Query{Partition: key("").Partition})
	mustWrite(t, tbl, ops...)
	got := sorts(t, tbl, table.Query{Partition: key("").Partition})
	assert.Lenf(t, got, len(ops), "%d items, want %d", len(got), len(ops))
}
