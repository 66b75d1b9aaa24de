package contention

import (
	"encoding/xml"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	docs    = flag.String("docs", "", "run the whole grid, and write its tables and chart into this folder")
	oneHold = flag.Duration("hold", 0, "run only the part of the grid with this hold")
)

// The experiment of the page: every storm of the grid, and crowds. Without -docs it is
// a few storms, and nothing is written.
func TestGrid(t *testing.T) {
	if *oneHold > 0 {
		holds = []time.Duration{*oneHold}
	}
	series, rates, crowds, members := grid(), rates, crowds(), 5000
	if *docs == "" {
		series, rates, crowds, members = series[:1], rates[:2], crowds[:1], 100
	}
	outcomes := run(t, series, rates)
	joined := make([]Joined, len(crowds))
	for i, c := range crowds {
		joined[i] = crowd(t, c)
	}
	tables, chart := Markdown(outcomes, joined, alone(t, hold, members)), Chart(outcomes)
	require.Equal(t, len(outcomes)+1, strings.Count(Text(outcomes), "\n"))
	require.Contains(t, tables, fmt.Sprintf("| unlimited | %v | 1 | 25 |", holds[0]))
	require.NoError(t, xml.Unmarshal([]byte(chart), new(struct{})))
	if *docs == "" {
		return
	}
	fmt.Print(Text(outcomes))
	page := filepath.Join(*docs, "reference", "contention.md")
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	head, _, found := strings.Cut(string(text), generated)
	require.Truef(t, found, "%s has no line %q", page, generated)
	require.NoError(t, os.WriteFile(page, []byte(head+generated+"\n\n"+tables), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(*docs, "images", "contention.svg"), []byte(chart), 0o600))
}

// run runs the storms of series, side by side, and returns the outcomes in order.
func run(t *testing.T, all []series, rates []int) []Outcome {
	t.Helper()
	outcomes := make([][]Outcome, len(all))
	var next atomic.Int64
	t.Run("storms", func(t *testing.T) {
		for range runtime.GOMAXPROCS(0) {
			t.Run("worker", func(t *testing.T) {
				t.Parallel()
				for i := int(next.Add(1)) - 1; i < len(all); i = int(next.Add(1)) - 1 {
					outcomes[i] = runSeries(t, all[i], rates)
				}
			})
		}
	})
	return slices.Concat(outcomes...)
}

// runSeries runs the storms of a series until enough rates are not sustained.
func runSeries(t *testing.T, s series, rates []int) (outcomes []Outcome) {
	t.Helper()
	lost := 0
	for _, rate := range rates {
		o := storm(t, s.storm(rate))
		outcomes = append(outcomes, o)
		if !o.Sustained() {
			lost++
		}
		if lost == enough {
			break
		}
	}
	return outcomes
}

func crowds() (all []Crowd) {
	for _, hold := range holds {
		all = append(all, Crowd{Joins: 200, Hold: hold, Seed: 1})
	}
	return all
}

// generated is the line after which the page is written by TestGrid.
const generated = "<!-- make bench-contention writes what follows -->"

// storm runs a storm, and requires what must hold in each.
func storm(t *testing.T, s Storm) (o Outcome) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var err error
		o, err = s.Run(t.Context())
		require.NoErrorf(t, err, "%+v", s)
	})
	assert.Zerof(t, o.WrongRefusals, "%+v: refused while a seat was free", o)
	assert.Zerof(t, o.ExcessSeats, "%+v: seats beyond the limit", o)
	assert.Zerof(t, o.Uncounted, "%+v: the ledger differs from the users", o)
	answered := 0
	for status, n := range o.Statuses {
		answered += n
		assert.Containsf(t, []int{201, 403, 503}, status, "%+v: an answer", o)
	}
	assert.Equalf(t, s.creates(), answered, "%+v: answers", o)
	if s.Limited && s.Moves == Still && o.Statuses[503] == 0 {
		assert.Equalf(t, s.seats(), int64(o.Statuses[201]), "%+v: seats are left", o)
	}
	return o
}

// crowd lets users join a group, and requires what must hold in each crowd.
func crowd(t *testing.T, c Crowd) (j Joined) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var err error
		j, err = c.Run(t.Context())
		require.NoErrorf(t, err, "%+v", c)
	})
	assert.Equalf(t, map[int]int{200: c.Joins}, j.Statuses, "%+v: answers", j)
	assert.Equalf(t, c.Joins, j.Members, "%+v: members", j)
	assert.Equalf(t, int64(c.Joins), j.Versions, "%+v: each join is a version of its own", j)
	return j
}

const hold = 10 * time.Millisecond

// The rate that Entra asks of a service for one tenant, with a limit that is reached.
func TestStorm_SustainsTheRateOfEntra(t *testing.T) {
	for _, limited := range []bool{false, true} {
		o := storm(t, Storm{Rate: 25, Hold: hold, Shards: 1, Limited: limited, Seed: 1})
		assert.Truef(t, o.Sustained(), "%+v", o)
	}
}

// A ledger that begins with one shard grows in the storm, and then sustains more than
// eight times what one shard does.
func TestStorm_GrowsTheLedger(t *testing.T) {
	assert.False(t, storm(t, Storm{Rate: 100, Hold: hold, Shards: 1, Creates: 1000, Seed: 1}).Sustained(), "one shard sustains 100 a second")
	for _, limited := range []bool{false, true} {
		for _, rate := range []int{200, 800} {
			o := storm(t, Storm{Rate: rate, Hold: hold, Limited: limited, Creates: 1600, Seed: 1})
			assert.Truef(t, o.Sustained(), "%+v", o)
			assert.Greaterf(t, o.LastShards, 4, "%+v", o)
		}
	}
}

// The limit goes up and down in the storm: nobody is refused while a seat is free, and
// nobody gets one that no limit allows. While it stays above the use, the rate is
// sustained; a limit below the use can exist in one shard only.
func TestStorm_LimitsMove(t *testing.T) {
	for _, every := range []time.Duration{250 * time.Millisecond, time.Second} {
		above := storm(t, Storm{Rate: 200, Hold: hold, Limited: true, Moves: Above, Every: every, Creates: 1000, Seed: 1})
		assert.Truef(t, above.Sustained(), "%+v", above)
		assert.NotZerof(t, above.LimitChanges, "%+v", above)
		below := storm(t, Storm{Rate: 100, Hold: hold, Limited: true, Moves: Below, Every: every, Creates: 1000, Seed: 1})
		assert.NotZerof(t, below.LimitChanges, "%+v", below)
		assert.NotZerof(t, below.Statuses[403], "%+v", below)
	}
}

// Close to the capacity of one item the slowest creates still take less than a second,
// and above it, 100 a second, the item is used: few requests are given up.
func TestStorm_DoesNotCollapseAtTheCapacityOfOneItem(t *testing.T) {
	below := storm(t, Storm{Rate: 75, Hold: hold, Shards: 1, Seed: 1})
	assert.Truef(t, below.Sustained(), "%+v", below)
	above := storm(t, Storm{Rate: 110, Hold: hold, Shards: 1, Creates: 1100, Seed: 1})
	assert.Greaterf(t, above.Statuses[201], 1000, "%+v", above)
}

// A seed has one result: else a latency of virtual time could not be required.
func TestStorm_RepeatsWithItsSeed(t *testing.T) {
	s := Storm{Rate: 100, Hold: hold, Shards: 1, Limited: true, Creates: 300, Seed: 1}
	first := storm(t, s)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	require.Equal(t, first, storm(t, s))
	s.Seed = 2
	require.NotEqual(t, first.P99, storm(t, s).P99)
}

// Every join of a crowd is answered with success, in its time.
func TestCrowd_AllJoin(t *testing.T) {
	j := crowd(t, Crowd{Joins: 200, Hold: hold, Seed: 1})
	assert.Lessf(t, j.Longest, 8*time.Second, "%+v", j)
}

// Nothing that the service does in several transactions conflicts with itself.
func TestAlone_MeetsNoConflict(t *testing.T) {
	for _, w := range alone(t, hold, 5000) {
		assert.Emptyf(t, w.Conflicts, "%s: conflicts of its own making", w.Name)
	}
}

// alone does everything alone.
func alone(t *testing.T, hold time.Duration, users int) (all []Work) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var err error
		all, err = Alone(t.Context(), hold, users)
		require.NoError(t, err)
	})
	return all
}
