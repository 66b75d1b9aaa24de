package directory_test

import "slices"

// call is a request of a history: when it was sent and answered, by one clock, and
// what it does to the state if it takes effect there. step reports whether the
// answer is the one that the state calls for.
type call[S comparable] struct {
	text       string
	begin, end int64
	step       func(S) (S, bool)
}

// linear reports whether a history of few calls has an order in which every answer is
// right: one that keeps a call that was answered before another was sent in front of
// it.
func linear[S comparable](start S, calls []call[S]) bool {
	type place struct {
		left  uint64
		state S
	}
	failed := map[place]bool{}
	var from func(p place) bool
	from = func(p place) bool {
		if p.left == 0 {
			return true
		}
		if failed[p] {
			return false
		}
		first := int64(1<<63 - 1) // the earliest answer to a call that is left
		for i, c := range calls {
			if p.left&(1<<i) != 0 {
				first = min(first, c.end)
			}
		}
		for i, c := range calls {
			if p.left&(1<<i) == 0 || c.begin > first {
				continue
			}
			if next, right := c.step(p.state); right && from(place{p.left &^ (1 << i), next}) {
				return true
			}
		}
		failed[p] = true
		return false
	}
	return from(place{left: 1<<len(calls) - 1, state: start})
}

// inOrder are the calls of a history as they were sent.
func inOrder[S comparable](calls []call[S]) []call[S] {
	return slices.SortedFunc(slices.Values(calls), func(a, b call[S]) int { return int(a.begin - b.begin) })
}
