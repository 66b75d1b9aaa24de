package tabletest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/table"
)

// Promises are the contract of table.Table for one caller.
var Promises = []Promise{
	{"C01", "put then get returns the same item", putThenGet},
	{"C02", "an absent item has no entry", absentHasNoEntry},
	{"C03", "several keys are read at once", severalKeys},
	{"C04", "put replaces the whole item", putReplaces},
	{"C05", "empty texts and items without attributes are kept", emptyIsKept},
	{"C06", "whole numbers of 64 bits are kept", numbersAreKept},
	{"C07", "any text is kept in values, names and keys", textsAreKept},
	{"C08", "delete removes, and succeeds on an absent item", deleteRemoves},
	{"C09", "a write is seen by the reads that begin after it", readsAreConsistent},

	{"C10", "absent holds when there is no item", absentHolds},
	{"C11", "present holds when there is an item", presentHolds},
	{"C12", "is holds for the same value of the same kind", isHolds},
	{"C13", "below holds for two numbers in order", belowHolds},
	{"C14", "all conditions of an operation must hold", allMustHold},
	{"C15", "conditions look at the item before the transaction", conditionsLookBefore},
	{"C16", "every kind of operation takes every condition", everyKindTakesConditions},
	{"C17", "under holds for a number smaller than the given one", underHolds},

	{"C20", "update changes the attributes it names and no other", updateChangesNamed},
	{"C21", "update of an absent item creates it", updateMakes},
	{"C22", "add counts an absent number as zero and takes negative ones", addCounts},
	{"C23", "set may turn a text into a number and back", setChangesKind},
	{"C24", "an addition to a text is refused and nothing is applied", addToTextRefused},
	{"C25", "an update beyond 400 KB is refused and nothing is applied", growthRefused},

	{"C30", "nothing is applied when one condition fails", nothingApplied},
	{"C31", "every failed condition is reported in order with its item", allReported},
	{"C32", "a check guards the others and changes nothing", checkGuards},
	{"C33", "100 operations are one transaction", hundredOps},
	{"C34", "a transaction is not changed by sending it", argumentsUnchanged},

	{"C40", "the same transaction sent again succeeds and is applied once", appliedOnce},
	{"C41", "a transaction sent again leaves later changes alone", replayKeepsLater},
	{"C42", "a token with other operations is refused", tokenReused},
	{"C43", "a failed transaction does not use up its token", failureKeepsToken},

	{"C50", "items of a partition come in the order of the bytes of their sort keys", byteOrder},
	{"C51", "a prefix keeps the sort keys that begin with it", prefixKeeps},
	{"C52", "a range has both its ends, and either may be open", rangeInclusive},
	{"C53", "descending reads the same items backwards", descendingBackwards},
	{"C54", "after is exclusive and its item may be gone", afterDeleted},
	{"C55", "pages of any limit visit every item once", limitedPages},
	{"C56", "a page ends at 1 MB and the next one continues", bytePages},
	{"C57", "a partition shows nothing of another", partitionsApart},
	{"C58", "an empty range is an empty page", emptyRange},

	{"C60", "transactions that DynamoDB refuses are refused", refusedTransactions},
	{"C61", "reads that DynamoDB refuses are refused", refusedReads},
	{"C62", "queries that DynamoDB refuses are refused", refusedQueries},
	{"C63", "an item has at most 400 KB", itemBoundary},
	{"C64", "keys have at most 2,048 and 1,024 bytes", keyBoundary},
	{"C65", "a transaction has at most 4 MB", transactionBoundary},
	{"C66", "with an ended context nothing is written", endedContext},

	{"C70", "random histories behave as package table says", randomHistories},
}

func putThenGet(t *testing.T, tbl table.Table) {
	want := item("1", table.Attributes{"name": text("Ada"), "version": number(1)})
	mustWrite(t, tbl, table.Put(want))
	wantItem(t, tbl, want)
}

func absentHasNoEntry(t *testing.T, tbl table.Table) {
	items, err := tbl.Get(t.Context(), key("1"))
	require.Truef(t, err == nil && len(items) == 0, "got %v, %v; want no item and no error", items, err)
}

func severalKeys(t *testing.T, tbl table.Table) {
	var ops []table.Op
	var keys []table.Key
	for i := range 60 {
		k := table.Key{Partition: fmt.Sprintf("p%d", i%7), Sort: fmt.Sprintf("s%d", i)}
		ops = append(ops, table.Put(table.Item{Key: k, Attributes: table.Attributes{"n": number(int64(i))}}))
		keys = append(keys, k)
	}
	mustWrite(t, tbl, ops...)
	for i := range table.MaxGetKeys - len(keys) {
		keys = append(keys, table.Key{Partition: "none", Sort: fmt.Sprint(i)})
	}
	items, err := tbl.Get(t.Context(), keys...)
	require.NoError(t, err)
	assert.Lenf(t, items, 60, "%d items, want 60", len(items))
	for i, k := range keys[:60] {
		got := items[k]
		assert.Truef(t, got.Key == k && got.Attributes.Number("n") == int64(i), "item %d is %v", i, got)
	}
}

func putReplaces(t *testing.T, tbl table.Table) {
	mustWrite(t, tbl, table.Put(item("1", table.Attributes{"a": text("x"), "b": text("y")})))
	want := item("1", table.Attributes{"c": text("z")})
	mustWrite(t, tbl, table.Put(want))
	wantItem(t, tbl, want)
}

func emptyIsKept(t *testing.T, tbl table.Table) {
	empty, bare := item("1", table.Attributes{"a": text("")}), item("2", nil)
	mustWrite(t, tbl, table.Put(empty), table.Put(bare))
	wantItem(t, tbl, empty)
	wantItem(t, tbl, bare)
	got, _ := read(t, tbl, key("1"))
	assert.True(t, got.Attributes.Has("a") && !got.Attributes.Has("b"), "Has must distinguish an empty text from a missing one")
	mustWrite(t, tbl, table.Update(key("2"), table.Change{Set: table.Attributes{"b": text("")}}, table.Present()))
	wantItem(t, tbl, item("2", table.Attributes{"b": text("")}))
}

func numbersAreKept(t *testing.T, tbl table.Table) {
	for i, n := range []int64{
		0, 1, -1, 10, -100, 1 << 53, 1<<53 + 1, -(1<<53 + 1), 1_000_000_000_000_000_000, math.MaxInt64, math.MinInt64,
	} {
		want := item(fmt.Sprint(i), table.Attributes{"n": number(n)})
		mustWrite(t, tbl, table.Put(want))
		wantItem(t, tbl, want)
	}
}

// texts are typical problems of stores: quotes, control characters, NUL, case
// pairs, composed and decomposed forms, characters beyond 16 bits, and
// DynamoDB's own words.
var texts = []string{
	"plain", `"quoted" \ back`, "tab\tand\nline", "nul\x00nul", "\x7f\u0080", "Straße", "STRASSE", "\u00e9", "e\u0301",
	"\u212a", "\ufffd", "\uffff", "😀", "日本語", " spaces ", "#name", ":value", "a.b[0]", "size", "ttl", "attribute_exists(pk)",
}

func textsAreKept(t *testing.T, tbl table.Table) {
	all := table.Attributes{}
	var ops []table.Op
	for _, s := range texts {
		all[s] = text(s)
		ops = append(ops, table.Put(table.Item{
			Key:        table.Key{Partition: "p" + s, Sort: s},
			Attributes: table.Attributes{"v": text(s)},
		}))
	}
	want := item("all", all)
	mustWrite(t, tbl, append(ops, table.Put(want))...)
	wantItem(t, tbl, want)
	for _, op := range ops {
		wantItem(t, tbl, table.Item{Key: op.Key, Attributes: op.Attributes})
	}
	change := table.Change{Set: table.Attributes{}}
	var conditions []table.Condition
	for _, s := range texts {
		change.Set[s] = text(s + "!")
		conditions = append(conditions, table.Is(s, text(s)))
		want.Attributes[s] = text(s + "!")
	}
	mustWrite(t, tbl, table.Update(want.Key, change, conditions...))
	wantItem(t, tbl, want)
	mustWrite(t, tbl, table.Update(want.Key, table.Change{Remove: texts}))
	wantItem(t, tbl, item("all", nil))
}

func deleteRemoves(t *testing.T, tbl table.Table) {
	mustWrite(t, tbl, table.Put(item("1", nil)), table.Put(item("2", nil)))
	mustWrite(t, tbl, table.Delete(key("1")), table.Delete(key("3")))
	wantAbsent(t, tbl, key("1"), key("3"))
	wantSorts(t, tbl, table.Query{Partition: key("").Partition}, "2")
}

func readsAreConsistent(t *testing.T, tbl table.Table) {
	for i := range 20 {
		mustWrite(t, tbl, table.Put(item("1", table.Attributes{"n": number(int64(i))})), table.Put(item("2", nil)))
		if got, _ := read(t, tbl, key("1")); got.Attributes.Number("n") != int64(i) {
			t.Fatalf("get after write %d returned %d", i, got.Attributes.Number("n"))
		}
		items, err := tbl.Get(t.Context(), key("2"), key("1"))
		require.Truef(t, err == nil && items[key("1")].Attributes.Number("n") == int64(i), "get of two after write %d returned %v, %v", i, items, err)
		page, err := tbl.Query(t.Context(), table.Query{Partition: key("").Partition, Limit: 1})
		if err != nil || len(page.Items) != 1 || page.Items[0].Attributes.Number("n") != int64(i) {
			t.Fatalf("query after write %d returned %v, %v", i, page, err)
		}
	}
}

func absentHolds(t *testing.T, tbl table.Table) {
	mustWrite(t, tbl, table.Put(item("1", nil), table.Absent()))
	wantFailed(t, write(t, tbl, table.Put(item("1", nil), table.Absent())), 0)
	mustWrite(t, tbl, table.Delete(key("1")))
	mustWrite(t, tbl, table.Put(item("1", nil), table.Absent()))
}

func presentHolds(t *testing.T, tbl table.Table) {
	f := wantFailed(t, write(t, tbl, table.Put(item("1", nil), table.Present())), 0)
	assert.Nilf(t, f[0].Item, "an item %v, want none", f[0].Item)
	wantAbsent(t, tbl, key("1"))
	mustWrite(t, tbl, table.Put(item("1", nil)))
	mustWrite(t, tbl, table.Put(item("1", nil), table.Present()))
}

// held sends a check and reports whether its conditions held.
func held(t *testing.T, tbl table.Table, k table.Key, conditions ...table.Condition) bool {
	t.Helper()
	err := write(t, tbl, table.Check(k, conditions...))
	var failed *table.ConditionError
	require.Falsef(t, err != nil && !errors.As(err, &failed), "check: %v", err)
	return err == nil
}

func isHolds(t *testing.T, tbl table.Table) {
	mustWrite(t, tbl, table.Put(item("1", table.Attributes{
		"text": text("7"), "number": number(7), "empty": text(""), "zero": number(0), "large": number(1<<53 + 1),
	})))
	for _, c := range []struct {
		attribute string
		value     table.Value
		want      bool
	}{
		{"text", text("7"), true},
		{"text", number(7), false},
		{"text", text("7 "), false},
		{"number", number(7), true},
		{"number", number(-7), false},
		{"number", text("7"), false},
		{"empty", text(""), true},
		{"empty", number(0), false},
		{"zero", number(0), true},
		{"zero", text(""), false},
		{"large", number(1<<53 + 1), true},
		{"large", number(1 << 53), false},
		{"none", text(""), false},
		{"none", number(0), false},
	} {
		assert.Equalf(t, c.want, held(t, tbl, key("1"), table.Is(c.attribute, c.value)), "%s is %v", c.attribute, c.value)
	}
	assert.False(t, held(t, tbl, key("2"), table.Is("text", text(""))), "is holds for an absent item")
}

func belowHolds(t *testing.T, tbl table.Table) {
	mustWrite(t, tbl, table.Put(item("1", table.Attributes{
		"neg": number(-2), "zero": number(0), "nine": number(9), "ten": number(10), "same": number(10),
		"max": number(math.MaxInt64), "a": text("a"), "b": text("b"), "text9": text("9"),
	})))
	for _, c := range []struct {
		attribute, other string
		want             bool
	}{
		{"nine", "ten", true},
		{"ten", "nine", false},
		{"ten", "same", false},
		{"neg", "zero", true},
		{"zero", "neg", false},
		{"ten", "max", true},
		{"a", "b", false}, // texts are not ordered here
		{"text9", "ten", false},
		{"nine", "b", false},
		{"nine", "none", false},
		{"none", "ten", false},
	} {
		assert.Equalf(t, c.want, held(t, tbl, key("1"), table.Below(c.attribute, c.other)), "%s below %s", c.attribute, c.other)
	}
	assert.False(t, held(t, tbl, key("2"), table.Below("neg", "zero")), "below holds for an absent item")
}

func underHolds(t *testing.T, tbl table.Table) {
	mustWrite(t, tbl, table.Put(item("1", table.Attributes{
		"neg": number(-2), "zero": number(0), "nine": number(9), "max": number(math.MaxInt64), "text": text("1"), "empty": text(""),
	})))
	for _, c := range []struct {
		attribute string
		number    int64
		want      bool
	}{
		{"nine", 10, true},
		{"nine", 9, false},
		{"nine", 8, false},
		{"nine", math.MaxInt64, true},
		{"max", math.MaxInt64, false},
		{"zero", -1, false},
		{"neg", -1, true},
		{"neg", -2, false},
		{"text", 10, false}, // texts are not numbers
		{"empty", 10, false},
		{"none", 10, false},
	} {
		assert.Equalf(t, c.want, held(t, tbl, key("1"), table.Under(c.attribute, c.number)), "%s under %d", c.attribute, c.number)
	}
	assert.False(t, held(t, tbl, key("2"), table.Under("neg", 10)), "under holds for an absent item")
}

func allMustHold(t *testing.T, tbl table.Table) {
	mustWrite(t, tbl, table.Put(item("1", table.Attributes{"a": text("x"), "n": number(1), "m": number(2)})))
	all := []table.Condition{table.Present(), table.Is("a", text("x")), table.Is("n", number(1)), table.Below("n", "m"), table.Under("m", 3)}
	assert.True(t, held(t, tbl, key("1"), all...), "five true conditions do not hold together")
	for i, wrong := range []table.Condition{table.Absent(), table.Is("a", text("y")), table.Is("n", number(2)), table.Below("m", "n"), table.Under("m", 2)} {
		some := slices.Clone(all)
		some[i] = wrong
		assert.Falsef(t, held(t, tbl, key("1"), some...), "conditions hold though number %d is false", i)
	}
}

func conditionsLookBefore(t *testing.T, tbl table.Table) {
	mustWrite(t, tbl, table.Put(item("1", table.Attributes{"v": number(1)})))
	mustWrite(t, tbl,
		table.Update(key("1"), table.Change{Add: map[string]int64{"v": 1}}, table.Is("v", number(1))),
		table.Put(item("2", nil), table.Absent()),
	)
	wantFailed(t, write(t, tbl,
		table.Update(key("1"), table.Change{Set: table.Attributes{"v": number(9)}}, table.Is("v", number(9)))), 0)
	wantItem(t, tbl, item("1", table.Attributes{"v": number(2)}))
}

func everyKindTakesConditions(t *testing.T, tbl table.Table) {
	attributes := table.Attributes{"n": number(1), "m": number(2)}
	for name, op := range map[string]func(k table.Key, when ...table.Condition) table.Op{
		"put": func(k table.Key, when ...table.Condition) table.Op {
			return table.Put(table.Item{Key: k, Attributes: table.Attributes{"put": number(1)}}, when...)
		},
		"update": func(k table.Key, when ...table.Condition) table.Op {
			return table.Update(k, table.Change{Set: table.Attributes{"set": text("x")}, Add: map[string]int64{"n": 1}, Remove: []string{"m"}}, when...)
		},
		"delete": table.Delete,
		"check":  table.Check,
	} {
		for i, c := range []struct {
			when   table.Condition
			there  bool // whether there is an item
			failed bool
		}{
			{table.Absent(), false, false},
			{table.Absent(), true, true},
			{table.Present(), true, false},
			{table.Present(), false, true},
			{table.Is("n", number(1)), true, false},
			{table.Is("n", number(2)), true, true},
			{table.Is("n", number(1)), false, true},
			{table.Below("n", "m"), true, false},
			{table.Below("m", "n"), true, true},
			{table.Below("n", "m"), false, true},
			{table.Under("n", 2), true, false},
			{table.Under("n", 1), true, true},
			{table.Under("n", 2), false, true},
		} {
			k := key(fmt.Sprintf("%s %d", name, i))
			if c.there {
				mustWrite(t, tbl, table.Put(table.Item{Key: k, Attributes: attributes}))
			}
			err := write(t, tbl, op(k, c.when))
			if !c.failed {
				assert.NoErrorf(t, err, "%s, condition %d", name, i)
				continue
			}
			f := wantFailed(t, err, 0)
			assert.Equalf(t, c.there, f[0].Item != nil, "%s, condition %d: reports item %v, there was one", name, i, f[0].Item)
		}
	}
}

func updateChangesNamed(t *testing.T, tbl table.Table) {
	mustWrite(t, tbl, table.Put(item("1", table.Attributes{
		"kept": text("k"), "set": text("old"), "added": number(5), "removed": text("r"), "size": number(1),
	})))
	mustWrite(t, tbl, table.Update(key("1"), table.Change{
		Set:    table.Attributes{"set": text("new"), "made": number(3)},
		Add:    map[string]int64{"added": -7, "count": 2},
		Remove: []string{"removed", "none"},
	}))
	wantItem(t, tbl, item("1", table.Attributes{
		"kept": text("k"), "set": text("new"), "made": number(3), "added": number(-2), "count": number(2), "size": number(1),
	}))
}

func updateMakes(t *testing.T, tbl table.Table) {
	mustWrite(t, tbl,
		table.Update(key("1"), table.Change{Set: table.Attributes{"a": text("x")}}),
		table.Update(key("2"), table.Change{Add: map[string]int64{"n": 4}}),
		table.Update(key("3"), table.Change{Remove: []string{"a"}}),
		table.Update(key("4"), table.Change{Set: table.Attributes{"a": text("x")}}, table.Absent()),
	)
	wantItem(t, tbl, item("1", table.Attributes{"a": text("x")}))
	wantItem(t, tbl, item("2", table.Attributes{"n": number(4)}))
	wantItem(t, tbl, item("3", nil))
	wantItem(t, tbl, item("4", table.Attributes{"a": text("x")}))
	wantFailed(t, write(t, tbl, table.Update(key("5"), table.Change{Remove: []string{"a"}}, table.Present())), 0)
	wantAbsent(t, tbl, key("5"))
}

func addCounts(t *testing.T, tbl table.Table) {
	for _, by := range []int64{0, 5, -8, 1 << 53, 1} {
		mustWrite(t, tbl, table.Update(key("1"), table.Change{Add: map[string]int64{"n": by}}))
	}
	wantItem(t, tbl, item("1", table.Attributes{"n": number(1<<53 - 2)}))
}

func setChangesKind(t *testing.T, tbl table.Table) {
	mustWrite(t, tbl, table.Put(item("1", table.Attributes{"a": text("1"), "b": number(1)})))
	mustWrite(t, tbl, table.Update(key("1"), table.Change{Set: table.Attributes{"a": number(2), "b": text("2")}}))
	wantItem(t, tbl, item("1", table.Attributes{"a": number(2), "b": text("2")}))
}

func addToTextRefused(t *testing.T, tbl table.Table) {
	mustWrite(t, tbl, table.Put(item("1", table.Attributes{"a": text("1")})))
	err := write(t, tbl, table.Put(item("2", nil)), table.Update(key("1"), table.Change{Add: map[string]int64{"a": 1}}))
	wantLimit(t, err, 1, table.ReasonNotNumber)
	wantAbsent(t, tbl, key("2"))
	wantItem(t, tbl, item("1", table.Attributes{"a": text("1")}))
}

func growthRefused(t *testing.T, tbl table.Table) {
	full := filled("1", table.MaxItem)
	mustWrite(t, tbl, table.Put(full))
	err := write(t, tbl, table.Put(item("2", nil)), table.Update(key("1"), table.Change{Set: table.Attributes{"b": text("")}}))
	wantLimit(t, err, 1, table.ReasonItemSize)
	wantAbsent(t, tbl, key("2"))
	wantItem(t, tbl, full)
}

// filled returns an item of exactly this size.
func filled(sort string, size int) table.Item {
	i := item(sort, table.Attributes{"fill": text("")})
	i.Attributes["fill"] = text(strings.Repeat("x", size-table.Size(i)))
	return i
}

func nothingApplied(t *testing.T, tbl table.Table) {
	kept := item("kept", table.Attributes{"n": number(1)})
	mustWrite(t, tbl, table.Put(kept), table.Put(item("held", nil)))
	for i := range 5 { // the failing one is first, in the middle and last
		ops := []table.Op{
			table.Put(item("new", nil)),
			table.Update(key("kept"), table.Change{Add: map[string]int64{"n": 1}}),
			table.Delete(key("held")),
			table.Update(key("made"), table.Change{Set: table.Attributes{"a": text("x")}}),
		}
		ops = slices.Insert(ops, i, table.Check(key("none"), table.Present()))
		wantFailed(t, write(t, tbl, ops...), i)
		wantItem(t, tbl, kept)
		wantItem(t, tbl, item("held", nil))
		wantAbsent(t, tbl, key("new"), key("made"))
	}
}

func allReported(t *testing.T, tbl table.Table) {
	one := item("1", table.Attributes{"holder": text("ada"), "n": number(3), "empty": text("")})
	two := item("2", nil)
	mustWrite(t, tbl, table.Put(one), table.Put(two))
	failed := wantFailed(t, write(t, tbl,
		table.Put(item("fine", nil), table.Absent()),
		table.Put(item("1", nil), table.Absent()),
		table.Update(key("3"), table.Change{Add: map[string]int64{"n": 1}}, table.Present()),
		table.Put(item("unconditional", nil)),
		table.Delete(key("2"), table.Is("holder", text("bob"))),
		table.Check(key("4"), table.Below("n", "m")),
	), 1, 2, 4, 5)
	for i, want := range []*table.Item{&one, nil, &two, nil} {
		got := failed[i].Item
		switch {
		case want == nil && got == nil:
		case want == nil || got == nil:
			t.Errorf("failed condition %d has item %v, want %v", i, got, want)
		default:
			assert.Emptyf(t, difference(*want, *got), "failed condition %d", i)
		}
	}
}

func checkGuards(t *testing.T, tbl table.Table) {
	guard := item("guard", table.Attributes{"v": number(1)})
	mustWrite(t, tbl, table.Put(guard))
	mustWrite(t, tbl, table.Check(key("guard"), table.Is("v", number(1))), table.Put(item("1", nil)))
	mustWrite(t, tbl, table.Check(key("none"), table.Absent()), table.Put(item("2", nil)))
	wantFailed(t, write(t, tbl, table.Check(key("guard"), table.Is("v", number(2))), table.Put(item("3", nil))), 0)
	wantItem(t, tbl, guard)
	wantSorts(t, tbl, table.Query{Partition: guard.Partition}, "1", "2", "guard")
}

func hundredOps(t *testing.T, tbl table.Table) {
	var ops []table.Op
	for i := range table.MaxOps {
		ops = append(ops, table.Put(item(fmt.Sprintf("%03d", i), nil), table.Absent()))
	}
	mustWrite(t, tbl, ops...)
	got := sorts(t, tbl, table.Query{Partition: key("").Partition})
	assert.Lenf(t, got, table.MaxOps, "%d items, want %d", len(got), table.MaxOps)
	want := make([]int, table.MaxOps)
	for i := range want {
		want[i] = i
	}
	wantFailed(t, write(t, tbl, ops...), want...)
}

func argumentsUnchanged(t *testing.T, tbl table.Table) {
	token := NewToken()
	build := func() table.Transaction {
		return table.Transaction{Token: token, Ops: []table.Op{
			table.Put(item("1", table.Attributes{"a": text("x")}), table.Absent()),
			table.Update(key("2"), table.Change{
				Set: table.Attributes{"a": text("x")}, Add: map[string]int64{"n": 1}, Remove: []string{"z", "b"},
			}),
			table.Check(key("3"), table.Absent()),
		}}
	}
	tx := build()
	require.NoError(t, tbl.Write(t.Context(), tx))
	if want, got := fmt.Sprint(build()), fmt.Sprint(tx); want != got {
		t.Errorf("sending changed the transaction to %s from %s", got, want)
	}
	// What was stored is a copy too.
	tx.Ops[0].Attributes["a"] = text("changed")
	wantItem(t, tbl, item("1", table.Attributes{"a": text("x")}))
	got, _ := read(t, tbl, key("1"))
	got.Attributes["a"] = text("changed")
	wantItem(t, tbl, item("1", table.Attributes{"a": text("x")}))
}

func appliedOnce(t *testing.T, tbl table.Table) {
	tx := table.Transaction{Token: NewToken(), Ops: []table.Op{
		table.Update(key("1"), table.Change{Add: map[string]int64{"n": 1}}),
		table.Put(item("2", nil), table.Absent()), // would fail the second time
		table.Check(key("3"), table.Absent()),
	}}
	for range 3 {
		require.NoError(t, tbl.Write(t.Context(), tx))
	}
	wantItem(t, tbl, item("1", table.Attributes{"n": number(1)}))
}

func replayKeepsLater(t *testing.T, tbl table.Table) {
	tx := table.Transaction{Token: NewToken(), Ops: []table.Op{table.Put(item("1", table.Attributes{"by": text("first")}))}}
	require.NoError(t, tbl.Write(t.Context(), tx))
	later := item("1", table.Attributes{"by": text("later")})
	mustWrite(t, tbl, table.Put(later))
	require.NoError(t, tbl.Write(t.Context(), tx))
	wantItem(t, tbl, later)
	mustWrite(t, tbl, table.Delete(key("1")))
	require.NoError(t, tbl.Write(t.Context(), tx))
	wantAbsent(t, tbl, key("1"))
}

func tokenReused(t *testing.T, tbl table.Table) {
	base := func() []table.Op {
		return []table.Op{
			table.Put(item("1", table.Attributes{"a": text("x")})),
			table.Update(key("2"), table.Change{Add: map[string]int64{"n": 1}}),
			table.Check(key("3"), table.Absent()),
		}
	}
	tx := table.Transaction{Token: NewToken(), Ops: base()}
	require.NoError(t, tbl.Write(t.Context(), tx))
	for name, change := range map[string]func(ops []table.Op) []table.Op{
		"another value":     func(ops []table.Op) []table.Op { ops[0].Attributes["a"] = text("y"); return ops },
		"another kind":      func(ops []table.Op) []table.Op { ops[0].Attributes["a"] = number(1); return ops },
		"another key":       func(ops []table.Op) []table.Op { ops[0].Key = key("9"); return ops },
		"another addition":  func(ops []table.Op) []table.Op { ops[1].Change.Add["n"] = 2; return ops },
		"another condition": func(ops []table.Op) []table.Op { ops[2].When[0] = table.Present(); return ops },
		"one more":          func(ops []table.Op) []table.Op { return append(ops, table.Delete(key("4"))) },
		"one less":          func(ops []table.Op) []table.Op { return ops[:2] },
		"other operations":  func([]table.Op) []table.Op { return []table.Op{table.Delete(key("1"))} },
	} {
		err := tbl.Write(t.Context(), table.Transaction{Token: tx.Token, Ops: change(base())})
		assert.ErrorIsf(t, err, table.ErrTokenReused, "%s: got %v, want ErrTokenReused", name, err)
	}
	wantItem(t, tbl, item("1", table.Attributes{"a": text("x")}))
	wantItem(t, tbl, item("2", table.Attributes{"n": number(1)}))
	assert.NoError(t, tbl.Write(t.Context(), tx), "the first transaction again")
}

func failureKeepsToken(t *testing.T, tbl table.Table) {
	tx := table.Transaction{Token: NewToken(), Ops: []table.Op{
		table.Put(item("1", table.Attributes{"a": text("x")}), table.Absent()),
		table.Update(key("2"), table.Change{Add: map[string]int64{"n": 1}}),
	}}
	mustWrite(t, tbl, table.Put(item("1", nil)))
	wantFailed(t, tbl.Write(t.Context(), tx), 0)
	wantAbsent(t, tbl, key("2"))
	mustWrite(t, tbl, table.Delete(key("1")))
	for range 2 {
		require.NoError(t, tbl.Write(t.Context(), tx), "the same transaction, once its condition holds")
	}
	wantItem(t, tbl, item("2", table.Attributes{"n": number(1)}))
}

// seedSorts stores items with these sort keys in the usual partition.
func seedSorts(t *testing.T, tbl table.Table, keys ...string) {
	t.Helper()
	for some := range slices.Chunk(keys, table.MaxOps) {
		var ops []table.Op
		for _, k := range some {
			ops = append(ops, table.Put(item(k, nil)))
		}
		mustWrite(t, tbl, ops...)
	}
}

func byteOrder(t *testing.T, tbl table.Table) {
	// UTF-8 bytes order U+FFFD before an emoji; 16-bit units would not.
	want := []string{"\x00", "\x00\x00", "\x01", "-", "10", "9", "A", "Z", "a", "a\x00", "aa", "b", "\x7f", "é", "ÿ", "Ā", "日", "\ufffd", "\uffff", "😀", "\U0010ffff"}
	mixed := slices.Clone(want)
	slices.Reverse(mixed)
	mixed[0], mixed[7] = mixed[7], mixed[0]
	seedSorts(t, tbl, mixed...)
	require.True(t, slices.IsSorted(want), "the test's own order is wrong")
	wantSorts(t, tbl, table.Query{Partition: key("").Partition}, want...)
}

func prefixKeeps(t *testing.T, tbl table.Table) {
	seedSorts(t, tbl, "a", "ab", "ab\x00", "abc", "ab\U0010ffff", "ac", "b", "é", "éa", "ê")
	p := key("").Partition
	wantSorts(t, tbl, table.Query{Partition: p, Prefix: "ab"}, "ab", "ab\x00", "abc", "ab\U0010ffff")
	wantSorts(t, tbl, table.Query{Partition: p, Prefix: "ab", Descending: true}, "ab\U0010ffff", "abc", "ab\x00", "ab")
	wantSorts(t, tbl, table.Query{Partition: p, Prefix: "é"}, "é", "éa")
	wantSorts(t, tbl, table.Query{Partition: p, Prefix: "b"}, "b")
	wantSorts(t, tbl, table.Query{Partition: p, Prefix: "ba"})
	wantSorts(t, tbl, table.Query{Partition: p, Prefix: "ab", After: "ab\x00"}, "abc", "ab\U0010ffff")
	wantSorts(t, tbl, table.Query{Partition: p, Prefix: "ab", After: "abb", Descending: true}, "ab\x00", "ab")
}

func rangeInclusive(t *testing.T, tbl table.Table) {
	seedSorts(t, tbl, "a", "b", "c", "d", "e")
	p := key("").Partition
	for _, c := range []struct {
		from, to string
		want     string
	}{
		{"b", "d", "b c d"},
		{"", "c", "a b c"},
		{"c", "", "c d e"},
		{"c", "c", "c"},
		{"bb", "dd", "c d"},
		{"x", "", ""},
		{"", "A", ""},
		{"cc", "cz", ""},
		{"", "", "a b c d e"},
	} {
		want := strings.Fields(c.want)
		wantSorts(t, tbl, table.Query{Partition: p, From: c.from, To: c.to}, want...)
		wantSorts(t, tbl, table.Query{Partition: p, From: c.from, To: c.to, Limit: 2}, want...)
		slices.Reverse(want)
		wantSorts(t, tbl, table.Query{Partition: p, From: c.from, To: c.to, Descending: true}, want...)
		wantSorts(t, tbl, table.Query{Partition: p, From: c.from, To: c.to, Descending: true, Limit: 1}, want...)
	}
}

func descendingBackwards(t *testing.T, tbl table.Table) {
	seedSorts(t, tbl, "a", "b", "c", "d")
	p := key("").Partition
	wantSorts(t, tbl, table.Query{Partition: p, Descending: true}, "d", "c", "b", "a")
	wantSorts(t, tbl, table.Query{Partition: p, Descending: true, After: "c"}, "b", "a")
	wantSorts(t, tbl, table.Query{Partition: p, Descending: true, After: "zz"}, "d", "c", "b", "a")
	wantSorts(t, tbl, table.Query{Partition: p, Descending: true, After: "a"})
	page, err := tbl.Query(t.Context(), table.Query{Partition: p, Descending: true, Limit: 1})
	assert.Truef(t, err == nil && len(page.Items) == 1 && page.Items[0].Sort == "d" && page.More && page.Last == "d", "the last item: %+v, %v", page, err)
}

func afterDeleted(t *testing.T, tbl table.Table) {
	seedSorts(t, tbl, "a", "b", "c", "d")
	p := key("").Partition
	wantSorts(t, tbl, table.Query{Partition: p, After: "b"}, "c", "d")
	mustWrite(t, tbl, table.Delete(key("b")))
	wantSorts(t, tbl, table.Query{Partition: p, After: "b"}, "c", "d")
	wantSorts(t, tbl, table.Query{Partition: p, After: "b", Descending: true}, "a")
	wantSorts(t, tbl, table.Query{Partition: p, After: "bb"}, "c", "d")
	wantSorts(t, tbl, table.Query{Partition: p, From: "a", To: "d", After: "a"}, "c", "d")
	wantSorts(t, tbl, table.Query{Partition: p, From: "a", To: "d", After: "d"})
	wantSorts(t, tbl, table.Query{Partition: p, From: "a", To: "d", After: "a", Descending: true})
	wantSorts(t, tbl, table.Query{Partition: p, After: "d"})
}

func limitedPages(t *testing.T, tbl table.Table) {
	var want []string
	for i := range 23 {
		want = append(want, fmt.Sprintf("%02d", i))
	}
	seedSorts(t, tbl, want...)
	p := key("").Partition
	for _, limit := range []int{1, 2, 7, 22, 23, 24, 1000} {
		for _, descending := range []bool{false, true} {
			q := table.Query{Partition: p, Limit: limit, Descending: descending}
			all, err := pages(t.Context(), tbl, q)
			require.NoError(t, err)
			var got []string
			for _, page := range all {
				n := len(page.Items)
				if n > limit || page.More && (n < limit || page.Last != page.Items[n-1].Sort) {
					t.Errorf("limit %d: a page of %d items, the last %q, more %t", limit, n, page.Last, page.More)
				}
				got = append(got, sortsOf(page.Items)...)
			}
			if descending {
				slices.Reverse(got)
			}
			assert.Truef(t, slices.Equal(got, want), "limit %d, descending %v: %q", limit, descending, got)
		}
	}
}

func bytePages(t *testing.T, tbl table.Table) {
	var want []string
	for i := range 9 {
		i := filled(fmt.Sprint(i), 300<<10)
		want = append(want, i.Sort)
		mustWrite(t, tbl, table.Put(i))
	}
	for _, descending := range []bool{false, true} {
		all, err := pages(t.Context(), tbl, table.Query{Partition: key("").Partition, Descending: descending})
		require.NoError(t, err)
		var got []string
		for i, page := range all {
			size := 0
			for _, item := range page.Items {
				got = append(got, item.Sort)
				size += table.Size(item)
			}
			if size >= table.MaxPageBytes+table.MaxItem || (page.More && size < table.MaxPageBytes-table.MaxItem) {
				t.Errorf("page %d has %d bytes", i, size)
			}
			assert.Falsef(t, page.More && size == 0, "page %d is empty, and more after it", i)
		}
		if descending {
			slices.Reverse(got)
		}
		assert.Truef(t, slices.Equal(got, want) && len(all) >= 3, "descending %v: %q in %d pages", descending, got, len(all))
	}
}

func partitionsApart(t *testing.T, tbl table.Table) {
	partitions := []string{"T#a", "T#a#", "T#a#USERS", "T#a#USERS2", "T#aa", "T#b", "T#", "t#a", "T#a\x00", "T#é"}
	for i, p := range partitions {
		mustWrite(t, tbl,
			table.Put(table.Item{Key: table.Key{Partition: p, Sort: "1"}, Attributes: table.Attributes{"n": number(int64(i))}}),
			table.Put(table.Item{Key: table.Key{Partition: p, Sort: "#USERS1"}}),
		)
	}
	for i, p := range partitions {
		wantSorts(t, tbl, table.Query{Partition: p}, "#USERS1", "1")
		wantSorts(t, tbl, table.Query{Partition: p, Descending: true, Limit: 1}, "1", "#USERS1")
		wantItem(t, tbl, table.Item{Key: table.Key{Partition: p, Sort: "1"}, Attributes: table.Attributes{"n": number(int64(i))}})
	}
	mustWrite(t, tbl, table.Delete(table.Key{Partition: "T#a", Sort: "1"}))
	wantSorts(t, tbl, table.Query{Partition: "T#a"}, "#USERS1")
	wantSorts(t, tbl, table.Query{Partition: "T#a#"}, "#USERS1", "1")
}

func emptyRange(t *testing.T, tbl table.Table) {
	for _, q := range []table.Query{
		{Partition: "none"},
		{Partition: "none", Descending: true},
		{Partition: "none", Prefix: "a"},
		{Partition: "none", From: "a", To: "b"},
		{Partition: "none", After: "x", Limit: 3},
	} {
		page, err := tbl.Query(t.Context(), q)
		assert.Truef(t, err == nil && len(page.Items) == 0 && !page.More && page.Last == "", "query %+v: %+v, %v", q, page, err)
	}
}

func endedContext(t *testing.T, tbl table.Table) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := tbl.Write(ctx, table.Transaction{Token: NewToken(), Ops: []table.Op{table.Put(item("1", nil))}})
	assert.ErrorIs(t, err, context.Canceled, "write")
	_, err = tbl.Get(ctx, key("1"))
	assert.ErrorIs(t, err, context.Canceled, "get")
	_, err = tbl.Query(ctx, table.Query{Partition: "p"})
	assert.ErrorIs(t, err, context.Canceled, "query")
	wantAbsent(t, tbl, key("1"))
}
