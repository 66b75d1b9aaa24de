package main

import (
	"flag"
	"fmt"
	"hash/fnv"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var seed = flag.String("mutate.seed", "", "chooses the sample of mutants; the commit, if empty")

// leastKnown is the share of the mutants of transactions whose test is known, in percent. The
// others are those of the changes since the last run.
const leastKnown = 95

// Fifteen mutants of the store's transactions are tried in each run: the tests that killers.txt
// names fail with each of them, and pass without.
func TestConditions_AreHeldByTests(t *testing.T) {
	g, err := generate("../../store")
	require.NoError(t, err)
	chosen, byName := chosenKills(t, knownKills(t, g.mutants)), map[string]int{}
	for _, m := range g.mutants {
		byName[m.Name()] = m.ID
	}
	folders, undisturbed := []string{}, map[string][]string{}
	for _, k := range chosen {
		folder, names := k.tests()
		if undisturbed[folder] == nil {
			folders = append(folders, folder)
		}
		for _, name := range names {
			if !slices.Contains(undisturbed[folder], name) {
				undisturbed[folder] = append(undisturbed[folder], name)
			}
		}
	}
	compiled, err := compile(g, t.TempDir(), folders)
	require.NoError(t, err)
	binaries := map[string]*binary{}
	for _, b := range compiled {
		binaries[b.name] = b
		o, err := b.run(t.Context(), undisturbed[b.name], patience)
		require.NoError(t, err)
		require.False(t, o.failed, o.output)
	}
	var mu sync.Mutex
	each(len(chosen), 2, func(i int) {
		k := chosen[i]
		folder, names := k.tests()
		o, err := binaries[folder].run(t.Context(), names, patience, fmt.Sprintf("MUTATE_ON=%d", byName[k.mutant]))
		mu.Lock()
		defer mu.Unlock()
		assert.NoError(t, err)
		assert.True(t, o.failed, "%s passes although %s", k.test, k.mutant)
	})
}

// knownKills returns the kills of the store's mutants. It fails if one of them is of a mutant
// that does not exist any more, or if too few mutants of transactions have one.
func knownKills(t *testing.T, mutants []Mutant) []kill {
	t.Helper()
	all, err := parseAccepted(acceptedText)
	require.NoError(t, err)
	accepted := namesOf(all, "store")
	without := map[string]bool{}
	for _, m := range mutants {
		if m.Condition && !accepted[m.Name()] {
			without[m.Name()] = true
		}
	}
	conditions := len(without)
	var stale []string
	kills := parseKillers(killersText)
	for _, k := range kills {
		if k.pkg != "store" || !without[k.mutant] {
			stale = append(stale, k.mutant)
		}
		delete(without, k.mutant)
	}
	require.Empty(t, stale, "killers.txt names mutants that do not exist any more, are accepted, or are there twice: remove their lines, and run make mutate PKG=store with -match for those of the new code")
	require.LessOrEqual(t, 100*len(without), (100-leastKnown)*conditions, "too many mutants of transactions have no test in killers.txt: run make mutate PKG=store with -match for %v", without)
	return kills
}

// chosenKills returns fifteen of the kills, chosen by the seed.
func chosenKills(t *testing.T, kills []kill) []kill {
	t.Helper()
	by := *seed
	if by == "" {
		by = commit(t)
	}
	t.Logf("fifteen of %d mutants, chosen by -mutate.seed=%s", len(kills), by)
	h := fnv.New64a()
	_, _ = h.Write([]byte(by))
	return choose(kills, 15, h.Sum64())
}

// commit returns the hash of the commit, or the day where there is no repository.
func commit(t *testing.T) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "git", "rev-parse", "--short", "HEAD").Output()
	if err != nil {
		return time.Now().UTC().Format(time.DateOnly)
	}
	return strings.TrimSpace(string(out))
}

// A run of some mutants replaces their kills and keeps the others.
func TestWriteKillers_KeepsWhatWasNotTried(t *testing.T) {
	of := func(function string, result Result, tried bool) Mutant {
		return Mutant{Func: function, Condition: true, Result: result, Killer: "store.TestNew", tried: tried}
	}
	mutants := []Mutant{
		of("Untried", "", false), of("Again", Killed, true), of("TakenOver", Killed, false),
		of("Unknown", Killed, false), of("Survivor", Survived, true),
	}
	write := func(allTests bool) map[string]string {
		file := filepath.Join(t.TempDir(), "killers.txt")
		var before []kill
		for _, function := range []string{"Untried", "Again", "TakenOver", "Survivor", "Gone"} {
			before = append(before, kill{"store", of(function, "", false).Name(), "store.TestOld"})
		}
		before = append(before, kill{"tenant", "other", "tenant.TestOld"})
		require.NoError(t, os.WriteFile(file, []byte(formatKillers(before)), 0o600))
		require.NoError(t, writeKillers(file, "store", mutants, allTests))
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		tests := map[string]string{}
		for _, k := range parseKillers(string(text)) {
			tests[strings.Trim(k.mutant, " :")] = k.test
		}
		return tests
	}
	want := map[string]string{
		"Untried": "store.TestOld", "Again": "store.TestNew", "TakenOver": "store.TestOld",
		"Unknown": "store.TestNew", "other": "tenant.TestOld",
	}
	require.Equal(t, want, write(true))
	want["Survivor"] = "store.TestOld"
	require.Equal(t, want, write(false), "another test may kill it")
}

func TestKill_HasItsTests(t *testing.T) {
	for test, want := range map[string][]string{
		"store.TestA/a_case,_with_a_comma":                 {"TestA/a_case,_with_a_comma"},
		"store.one of TestA/a_case,_with_a_comma, TestB/b": {"TestA/a_case,_with_a_comma", "TestB/b"},
		"store.TestA (without end)":                        {"TestA"},
	} {
		folder, names := kill{test: test}.tests()
		require.Equal(t, "store", folder)
		require.Equal(t, want, names)
	}
}

func TestKillers_ReadBackAsWritten(t *testing.T) {
	kills := []kill{{"store", "a.go F: remove: x", "store.TestA"}, {"store", "b.go G: never: y", "store.TestA"}, {"tenant", "c.go H: never: z", "store.TestB/case"}}
	require.Equal(t, kills, parseKillers(formatKillers([]kill{kills[2], kills[0], kills[1]})))
	require.Len(t, choose(kills, 2, 1), 2)
	require.Equal(t, choose(kills, 3, 7), choose(kills, 3, 7))
	require.Len(t, choose(kills, 9, 7), 3)
}
