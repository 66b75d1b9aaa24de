package contention

import (
	"slices"
	"time"
)

// The values of a grid of storms.
var (
	rates  = []int{25, 50, 75, 100, 200, 400, 800}
	holds  = []time.Duration{5 * time.Millisecond, 10 * time.Millisecond, 20 * time.Millisecond}
	shards = []int{1, 4, 16, 32, 0}
)

// Grid returns all storms of the table, row by row.
func Grid() (all []Storm) {
	for _, limited := range []bool{false, true} {
		for _, hold := range holds {
			for _, n := range shards {
				for _, rate := range rates {
					all = append(all, Storm{Rate: rate, Hold: hold, Shards: n, Limited: limited, Seed: 1})
				}
			}
		}
	}
	return all
}

// A series is the storms of a grid that differ only in their rate.
type series struct {
	Hold    time.Duration
	Shards  int
	Limited bool
}

func (s Storm) series() series { return series{s.Hold, s.Shards, s.Limited} }

// of returns the outcomes of a series by rate, the lowest first.
func (s series) of(all []Outcome) []Outcome {
	own := slices.DeleteFunc(slices.Clone(all), func(o Outcome) bool { return o.series() != s })
	slices.SortFunc(own, func(a, b Outcome) int { return a.Rate - b.Rate })
	return own
}

// sustainable returns the highest rate up to which every rate is sustained, 0 for
// none.
func (s series) sustainable(all []Outcome) int {
	best := 0
	for _, o := range s.of(all) {
		if !o.Sustained() {
			break
		}
		best = o.Rate
	}
	return best
}
