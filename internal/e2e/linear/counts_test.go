package linear

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// counts are numbers of answers. The name of a kind of request counts those that were
// done, a status or another outcome all answers of it.
type counts map[string]int

// add counts the answers of a history.
func (c counts) add(r *recorder) {
	for _, op := range r.operations {
		outcome := op.Output.(interface{ outcome() string }).outcome()
		if strings.HasPrefix(outcome, "2") {
			outcome = op.Input.(interface{ request() string }).request()
		}
		c[outcome]++
	}
	for what, n := range r.reached {
		c[what] += n
	}
}

func (c *userCall) request() string  { return c.kind }
func (c *groupCall) request() string { return c.kind }

// outcome returns the status of an answer, or what stands for it.
func (a *answer) outcome() string {
	switch {
	case a.unknown:
		return "unknown outcome"
	case a.refused:
		return "nothing was changed"
	}
	return fmt.Sprint(a.status)
}

func (a *groupAnswer) outcome() string {
	if a.accepted {
		return "accepted"
	}
	return a.answer.outcome()
}

// String returns the counts, one a line.
func (c counts) String() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(c)) {
		fmt.Fprintf(&b, "\n\t%8d  %s", c[name], name)
	}
	return b.String()
}

// atLeast fails the test if something happened less often than in a thousand histories,
// in proportion: answers of which none does anything fit every history.
func (c counts) atLeast(t *testing.T, inThousand counts, histories int) {
	t.Helper()
	few := 1
	if histories < 100 {
		few = 4 // their numbers scatter
	}
	for name, least := range inThousand {
		assert.GreaterOrEqual(t, c[name], least*histories/1000/few, "%q in %d histories: they prove less than they should", name, histories)
	}
}
