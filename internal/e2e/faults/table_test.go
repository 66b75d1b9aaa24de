package faults

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func allWrites() []write {
	return slices.Concat(userWrites(), groupWrites(), applicationWrites(), tenantWrites(), webhookWrites(), sweepWrites(), refusedWrites())
}

// meanwhile returns the requests that run while the write does: the same one, and
// those that contradict it. The operations of a bulk request are requests of
// their own, and have rows of their own.
func (w write) meanwhile() []request {
	if w.operations != nil {
		return nil
	}
	return append([]request{w.request}, w.others...)
}

func named(t *testing.T, name string) write {
	t.Helper()
	all := allWrites()
	i := slices.IndexFunc(all, func(w write) bool { return w.name == name })
	require.GreaterOrEqual(t, i, 0, name)
	return all[i]
}

func faultNamed(t *testing.T, name string) fault {
	t.Helper()
	all := append(waits(), allFaults()...)
	i := slices.IndexFunc(all, func(f fault) bool { return f.name == name })
	require.GreaterOrEqual(t, i, 0, name)
	return all[i]
}

// TestTable tries every write with every fault at each of its transactions,
// alone and while another request runs: the same one, or one that contradicts
// it. What an answer acknowledges is there, with its entry; what it does not is
// there wholly or not at all; two requests lead to what they lead to one after
// the other; the same request sent again leads to the state that was wanted; and
// verify finds nothing.
func TestTable(t *testing.T) {
	p := &page{}
	t.Run("writes", func(t *testing.T) {
		for i, w := range allWrites() {
			if raceEnabled && i%12 != 0 {
				continue // make check runs all of them without the race detector
			}
			t.Run(strings.ReplaceAll(w.name, "/", "_"), func(t *testing.T) {
				t.Parallel()
				s := newStudy(t, inMemory{}, w)
				kinds := s.kinds()
				p.add(row{write: i, cells: cells(t, s, kinds, allFaults(), s.alone)})
				for j, other := range w.meanwhile() {
					pair := s.newPair(other)
					require.Empty(t, pair.wrong())
					p.add(row{write: i, other: j + 1, cells: cells(t, s, kinds, pairFaults(), pair.together)})
				}
			})
		}
	})
	p.compare(t)
}

// cells tries a request with some faults.
func cells(t *testing.T, s *study, kinds []string, faults []fault, try func(trial) result) []string {
	t.Helper()
	var all []string
	for _, f := range faults {
		words, wrong := s.trials(f, kinds, try)
		assert.Empty(t, strings.Join(wrong, "\n"))
		all = append(all, strings.Join(words, ", "))
	}
	return all
}
