// Package kinds has what mutants are made of.
package kinds

import (
	"errors"
	"fmt"
	"sync"

	"github.com/rollcall-scim/rollcall/internal/table"
)

const size = 4

type item struct {
	name  string
	count int
	next  *item
}

func (i item) String() string { return fmt.Sprint(i.count + 1) }

func conditions(a, b bool, n int) bool {
	if a || b && n > size {
		return true
	} else if !a {
		fmt.Println("b")
	}
	switch {
	case n == 1, a:
		return b
	}
	return n <= 2
}

func numbers(x, y int) int {
	x++
	y -= 1
	return min(x, y)*2 - len(make([]int, 0, x))
}

func loops(list []int) (n int, err error) {
	for _, v := range list {
		switch v {
		case 0:
			n++
		}
		if v > 7 {
			break
		}
	}
	for n < 3 {
		n += 3
	}
	return named(n)
}

func named(n int) (int, error) {
	if n < 0 {
		return -1, fmt.Errorf("%d < 0", n+1)
	}
	return n, errors.New("x")
}

func literals(mu *sync.Mutex, i *item) ([]string, map[string]int, table.Op) {
	mu.Lock()
	defer mu.Unlock()
	defer loops(nil)
	i.next = &item{name: "x", count: size, next: i}
	list := append([]string{"a", i.name}, "b", "c")
	op := table.Update(table.Key{}, table.Change{}, table.Absent(), table.Present())
	var ops []table.Op
	ops = append(ops, op)
	return list, map[string]int{"a": 1}, ops[0]
}
