package sample

import (
	"testing"

	"github.com/rollcall-scim/rollcall/internal/table"
)

func TestSum(t *testing.T) {
	for _, c := range []struct {
		numbers []int
		want    int
		empty   bool
	}{
		{nil, 0, true},
		{[]int{0}, 0, false},
		{[]int{5}, 5, false},
		{[]int{-1, 2, 4}, 6, false},
		{[]int{1, 1, 1, 1}, 3, false},
	} {
		if got, err := TestedSum(c.numbers); got != c.want || (err != nil) != c.empty {
			t.Errorf("TestedSum(%v) = %d, %v", c.numbers, got, err)
		}
	}
}

func TestUntested(*testing.T) { _, _ = Untested([]int{1}) }

func TestMove(t *testing.T) {
	for _, condition := range TestedMove(table.Key{})[0].When {
		if condition.Kind == table.CondPresent {
			return
		}
	}
	t.Error("the item may be missing")
}

func TestEndless(*testing.T) { Endless(3) }

func TestShadowed(t *testing.T) {
	if shadowed(true) == nil || shadowed(false) != nil {
		t.Error("wrong")
	}
}
