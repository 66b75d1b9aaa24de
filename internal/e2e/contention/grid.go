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

// A series is the storms of a grid that differ only in their rate.
type series struct {
	Hold    time.Duration
	Shards  int
	Limited bool
}

// grid returns all series of the table, in its order.
func grid() (all []series) {
	for _, limited := range []bool{false, true} {
		for _, hold := range holds {
			for _, n := range shards {
				all = append(all, series{Hold: hold, Shards: n, Limited: limited})
			}
		}
	}
	return all
}

// storm returns the storm of a rate.
func (s series) storm(rate int) Storm {
	return Storm{Rate: rate, Hold: s.Hold, Shards: s.Shards, Limited: s.Limited, Seed: 1}
}

func (s Storm) series() series { return series{s.Hold, s.Shards, s.Limited} }

// enough is how many rates of a series are tried that it does not sustain: higher ones
// show nothing new, and take minutes.
const enough = 2

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
