package table_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rollcall-scim/rollcall/internal/table"
)

// The suite checks the same sizes against an engine: see promise C63.
func TestSize(t *testing.T) {
	key := table.Key{Partition: "ab", Sort: "c"} // with their names: 4 + 3
	const bare = 7
	for name, c := range map[string]struct {
		attributes table.Attributes
		want       int
	}{
		"key alone":            {nil, bare},
		"text":                 {table.Attributes{"name": table.Text("Ada")}, bare + 4 + 3},
		"empty text":           {table.Attributes{"a": table.Text("")}, bare + 1},
		"text in UTF-8":        {table.Attributes{"é": table.Text("😀")}, bare + 2 + 4},
		"zero":                 {table.Attributes{"n": table.Number(0)}, bare + 1 + 1},
		"one digit":            {table.Attributes{"n": table.Number(7)}, bare + 1 + 2},
		"two digits":           {table.Attributes{"n": table.Number(42)}, bare + 1 + 2},
		"three digits":         {table.Attributes{"n": table.Number(123)}, bare + 1 + 3},
		"trailing zeros":       {table.Attributes{"n": table.Number(1_000_000)}, bare + 1 + 2},
		"zeros in the middle":  {table.Attributes{"n": table.Number(1001)}, bare + 1 + 3},
		"negative":             {table.Attributes{"n": table.Number(-42)}, bare + 1 + 3},
		"largest":              {table.Attributes{"n": table.Number(math.MaxInt64)}, bare + 1 + 11},
		"smallest":             {table.Attributes{"n": table.Number(math.MinInt64)}, bare + 1 + 12},
		"several are added up": {table.Attributes{"a": table.Text("x"), "n": table.Number(1)}, bare + 2 + 3},
	} {
		assert.Equalf(t, c.want, table.Size(table.Item{Key: key, Attributes: c.attributes}), "%s", name)
	}
}

func TestAfter_RefusesSumBeyond64Bits(t *testing.T) {
	key := table.Key{Partition: "p", Sort: "s"}
	for _, c := range []struct {
		was, by int64
		ok      bool
	}{
		{math.MaxInt64 - 1, 1, true},
		{math.MaxInt64, 1, false},
		{math.MinInt64 + 1, -1, true},
		{math.MinInt64, -1, false},
		{math.MaxInt64, math.MinInt64, true},
	} {
		before := table.Item{Key: key, Attributes: table.Attributes{"n": table.Number(c.was)}}
		after, err := table.Update(key, table.Change{Add: map[string]int64{"n": c.by}}).After(&before)
		assert.Equalf(t, c.ok, err == nil, "%d + %d: %v", c.was, c.by, err)
		if c.ok && after.Attributes.Number("n") != c.was+c.by {
			t.Errorf("%d + %d is %d", c.was, c.by, after.Attributes.Number("n"))
		}
		assert.Equal(t, c.was, before.Attributes.Number("n"), "the item before was changed")
	}
}
