package main

import (
	_ "embed"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
)

// killersText names a test for each mutant of a transaction that a test kills. A run of
// the package writes it.
//
//go:embed killers.txt
var killersText string

const killersFile = "internal/check/mutate/killers.txt"

// A kill is a mutant and the test that notices it.
type kill struct{ pkg, mutant, test string }

// tests returns the folder of the test below internal, and its name. Where a run of several
// tests did not show which of them failed, it returns all of them.
func (k kill) tests() (folder string, names []string) {
	folder, name, _ := strings.Cut(strings.TrimSuffix(k.test, endless), ".")
	if several, ok := strings.CutPrefix(name, oneOf); ok {
		return folder, strings.Split(several, ", ")
	}
	return folder, []string{name}
}

// What the name of a test that kills a mutant begins or ends with.
const (
	oneOf   = "one of "        // several tests ran, and the output names none
	endless = " (without end)" // it did not fail but did not end either
)

// parseKillers parses killersText: a line for each test, with its mutants indented below.
func parseKillers(text string) []kill {
	var kills []kill
	test := ""
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "\t"):
			pkg, mutant, _ := strings.Cut(strings.TrimPrefix(line, "\t"), " ")
			kills = append(kills, kill{pkg, mutant, test})
		default:
			test = line
		}
	}
	return kills
}

// formatKillers is the reverse of parseKillers.
func formatKillers(kills []kill) string {
	kills = slices.Clone(kills)
	slices.SortStableFunc(kills, func(a, b kill) int { return strings.Compare(a.test, b.test) })
	var b strings.Builder
	b.WriteString("# The tests that notice when an operation or a condition of a transaction is left out,\n" +
		"# each with the mutants that it kills. make mutate PKG=store writes this file.\n")
	test := ""
	for _, k := range kills {
		if k.test != test {
			test = k.test
			fmt.Fprintf(&b, "\n%s\n", test)
		}
		fmt.Fprintf(&b, "\t%s %s\n", k.pkg, k.mutant)
	}
	return b.String()
}

// writeKillers writes the kills of a run to a file of kills. Those of mutants that were not
// tried stay as they are, and so do those of survivors if not all tests had their turn; those
// of mutants that do not exist any more are removed.
func writeKillers(file, name string, mutants []Mutant, allTests bool) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var kills []kill
	before := map[string]kill{}
	for _, k := range parseKillers(string(text)) {
		if k.pkg == name {
			before[k.mutant] = k
		} else {
			kills = append(kills, k)
		}
	}
	for _, m := range mutants {
		if !m.Condition {
			continue
		}
		known, isKnown := before[m.Name()]
		switch {
		case m.Result == Killed && (m.tried || !isKnown):
			kills = append(kills, kill{name, m.Name(), m.Killer})
		case isKnown && !(m.tried && allTests):
			kills = append(kills, known)
		}
	}
	return os.WriteFile(file, []byte(formatKillers(kills)), 0o600)
}

// choose returns some of the kills, the same for the same seed.
func choose(kills []kill, n int, seed uint64) []kill {
	kills = slices.Clone(kills)
	random := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // G404: the same sample in each run
	random.Shuffle(len(kills), func(i, j int) { kills[i], kills[j] = kills[j], kills[i] })
	return kills[:min(n, len(kills))]
}
