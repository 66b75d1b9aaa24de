package faults

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func allWrites() []write {
	return slices.Concat(userWrites(), groupWrites(), applicationWrites(), tenantWrites(), sweepWrites(), refusedWrites())
}

// TestTable tries every write with every fault at each of its transactions. What
// an answer acknowledges is there, with its entry; what it does not is there
// wholly or not at all; the same request sent again leads to the state that was
// wanted; and verify finds nothing.
func TestTable(t *testing.T) {
	for _, w := range allWrites() {
		t.Run(strings.ReplaceAll(w.name, "/", "_"), func(t *testing.T) {
			t.Parallel()
			s := newStudy(t, w, nil)
			kinds := s.kinds()
			for _, f := range allFaults() {
				words, wrong := s.trials(f, kinds, s.alone)
				assert.Empty(t, strings.Join(wrong, "\n"))
				t.Logf("%s: %s", f.name, strings.Join(words, ", "))
			}
		})
	}
}
