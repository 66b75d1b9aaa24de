package mirror_test

import (
	"flag"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/mirror"
)

var histories = flag.Int("histories", 4000, "how many histories the mirror is compared with")

// Whatever is changed, and whenever and however often its events are read and arrive: in the
// end the mirror is the directory.
func TestApply_MirrorEqualsTheDirectoryAfterAnyHistory(t *testing.T) {
	for seed := range uint64(*histories) {
		m := newModel(seed)
		arrived := m.play(20 + m.random.IntN(60))
		s := &mirror.Memory{}
		for _, e := range arrived {
			require.NoError(t, mirror.Apply(t.Context(), s, e))
		}
		if want, got := m.content(), contentOf(s); !assert.ObjectsAreEqual(want, got) {
			t.Fatalf("seed %d: the directory has\n%s\n\nand the mirror\n%s\n\nafter\n%s\n\n%s", seed, marshal(want), marshal(got), strings.Join(m.log, "\n"), marshal(arrived))
		}
	}
}

// play commits changes, and returns their events as they arrive: each is read in steps
// between commits, at any time after its own; some arrive twice, read at different times; all
// in any order. Those that were lost are read again at the end.
func (m *model) play(commits int) (arrived []mirror.Event) {
	var open []*reading
	begun := 0
	for i := 0; i < commits || begun < len(m.events) || len(open) > 0; i++ {
		if i < commits {
			m.commit()
		}
		for begun < len(m.events) && m.chance(60) {
			for range 1 + m.random.IntN(2) {
				open = append(open, &reading{draft: m.events[begun]})
			}
			begun++
		}
		for range m.random.IntN(4) {
			if len(open) == 0 {
				break
			}
			n := m.random.IntN(len(open))
			if m.read(open[n]) {
				arrived = append(arrived, open[n].event)
				open[n] = open[len(open)-1]
				open = open[:len(open)-1]
			}
		}
	}
	m.random.Shuffle(len(arrived), func(i, j int) { arrived[i], arrived[j] = arrived[j], arrived[i] })
	lost := m.random.IntN(len(arrived)/2 + 1)
	came := map[string]bool{}
	for _, e := range arrived[lost:] {
		came[e.ID] = true
	}
	rest := arrived[lost:]
	for _, d := range m.events {
		if !came[d.id] {
			r := &reading{draft: d}
			for !m.read(r) {
			}
			rest = append(rest, r.event)
		}
	}
	return rest
}
