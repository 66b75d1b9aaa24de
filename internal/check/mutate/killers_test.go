package main

import (
	"flag"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var seed = flag.Uint64("mutate.seed", 1, "the seed of the sample of mutants")

// Forty mutants of the store's transactions are tried in each run: the test that
// killers.txt names fails with each of them, and passes without.
func TestConditions_AreHeldByTests(t *testing.T) {
	g, err := generate("../../store")
	require.NoError(t, err)
	ids := map[string]int{}
	for _, m := range g.mutants {
		ids[m.Name()] = m.ID
	}
	var known []kill
	all := 0
	for _, k := range parseKillers(killersText) {
		if k.pkg != "store" {
			continue
		}
		all++
		if _, ok := ids[k.mutant]; ok && strings.HasPrefix(k.test, "store.") && !strings.Contains(k.test, "one of") {
			known = append(known, k)
		}
	}
	require.Greater(t, len(known), all/2, "killers.txt names mutants that do not exist any more: run make mutate PKG=store ARGS=-again")

	binaries, err := compile(g, t.TempDir(), []string{"store"})
	require.NoError(t, err)
	store := binaries[0]
	chosen := choose(known, 40, *seed)
	var tests []string
	for _, k := range chosen {
		if name := strings.TrimPrefix(k.test, "store."); !strings.Contains(strings.Join(tests, "|"), name) {
			tests = append(tests, name)
		}
	}
	o, err := store.run(t.Context(), tests, patience)
	require.NoError(t, err)
	require.False(t, o.failed, o.output)
	var mu sync.Mutex
	each(len(chosen), 2, func(i int) {
		k := chosen[i]
		o, err := store.run(t.Context(), []string{strings.TrimPrefix(k.test, "store.")}, patience, fmt.Sprintf("MUTATE_ON=%d", ids[k.mutant]))
		mu.Lock()
		defer mu.Unlock()
		assert.NoError(t, err)
		assert.True(t, o.failed, "%s passes although %s", k.test, k.mutant)
	})
}

func TestKillers_ReadBackAsWritten(t *testing.T) {
	kills := []kill{{"store", "a.go F: remove: x", "store.TestA"}, {"store", "b.go G: never: y", "store.TestA"}, {"tenant", "c.go H: never: z", "store.TestB/case"}}
	require.Equal(t, kills, parseKillers(formatKillers([]kill{kills[2], kills[0], kills[1]})))
	require.Len(t, choose(kills, 2, 1), 2)
	require.Equal(t, choose(kills, 3, 7), choose(kills, 3, 7))
	require.Len(t, choose(kills, 9, 7), 3)
}
