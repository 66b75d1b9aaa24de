package directory_test

import "slices"

// call is a request of a history: when it was sent and answered, by one clock,
// and its effect on the state. step reports whether the answer fits the state
// in which the request takes effect.
type call[S comparable] struct {
	text       string
	begin, end int64
	step       func(S) (S, bool)
}

// linear reports whether a history of few calls has an order that explains
// every answer and in which a call that was answered before another was sent
// comes before it.
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
		first := int64(1<<63 - 1) // the earliest answer to a remaining call
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

// inOrder returns the calls of a history in the order in which they were sent.
func inOrder[S comparable](calls []call[S]) []call[S] {
	return slices.SortedFunc(slices.Values(calls), func(a, b call[S]) int { return int(a.begin - b.begin) })
}
