// Package sample has one function for each kind of mutant. Its tests kill the mutants of
// the functions named Tested, and none of the others.
package sample

import (
	"errors"

	"github.com/rollcall-scim/rollcall/internal/table"
)

var errEmpty = errors.New("empty")

const most = 3

// TestedSum returns the sum of positive numbers, at most 3 of them.
func TestedSum(numbers []int) (int, error) {
	if len(numbers) == 0 {
		return 0, errEmpty
	}
	sum := 0
	for i, n := range numbers {
		if i >= most {
			break
		}
		if n < 0 {
			continue
		}
		sum += n
	}
	return sum, nil
}

// Untested is TestedSum, of which the test ignores the result.
func Untested(numbers []int) (int, error) {
	return TestedSum(numbers)
}

// Unreached is called by no test.
func Unreached(a, b bool) bool { return a && b }

// TestedMove has two conditions, of which the test tries one.
func TestedMove(key table.Key) []table.Op {
	return []table.Op{
		table.Delete(key, table.Present(), table.Is("version", table.Number(1))),
	}
}

// Endless ends only if n becomes 0.
func Endless(n int) {
	for n != 0 {
		n--
	}
}

// shadowed has a parameter with the name of a type: the mutant of its result would not
// compile.
func shadowed(error bool) (err error) {
	if error {
		return errEmpty
	}
	return nil
}
