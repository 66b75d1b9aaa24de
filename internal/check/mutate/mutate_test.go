package main

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const sample = "check/mutate/testdata/sample"

// The tests of the sample kill what they hold and nothing else.
func TestHunt_KillsWhatTheTestsHold(t *testing.T) {
	g, err := generate("./testdata/sample")
	require.NoError(t, err)
	require.Equal(t, 1, g.dropped, "the mutant of a shadowed type does not compile")
	r := &run{name: "sample", workers: 2, dir: t.TempDir(), out: t.TempDir(), began: time.Now()}
	var all []*Mutant
	for i := range g.mutants {
		all = append(all, &g.mutants[i])
	}
	require.NoError(t, r.hunt(t.Context(), g, all, []string{sample}))

	got := map[string]Result{}
	for _, m := range g.mutants {
		got[m.Name()] = m.Result
		switch m.Func {
		case "Unreached":
			require.Equal(t, Unreached, m.Result, m.Name())
		case "TestedSum", "shadowed":
			require.Equal(t, m.Result == Survived, equivalent[m.Name()], "%s %s", m.Result, m.Name())
		}
	}
	for name, want := range map[string]Result{
		"sample.go Untested: return zero of result 1: TestedSum(numbers)":       Survived,
		"sample.go Untested: return no error of result 2: TestedSum(numbers)":   Survived,
		"sample.go TestedMove: without: table.Present()":                        Killed,
		"sample.go TestedMove: without: table.Is(\"version\", table.Number(1))": Survived,
		"sample.go Endless: remove: n--":                                        Killed,
		"sample.go Endless: arithmetic: n--":                                    Killed,
		"sample.go TestedSum: without: numbers":                                 "",
		"sample.go Unreached: && to ||: a && b":                                 Unreached,
	} {
		require.Equal(t, want, got[name], name)
	}
}

// equivalent are the mutants of TestedSum that change nothing: a zero is left out or added,
// and all later numbers are left out one by one.
var equivalent = map[string]bool{
	"sample.go TestedSum: boundary: n < 0": true,
	"sample.go TestedSum: continue: break": true,
	"sample.go TestedSum: one more: 0 (4)": true,
}

// Each kind of mutant is found: mutants.txt has those of the package beside it, read by a
// person.
func TestGenerate_HasEachKind(t *testing.T) {
	g, err := generate("./testdata/kinds")
	require.NoError(t, err)
	require.Zero(t, g.dropped)
	want, err := os.ReadFile("testdata/kinds/mutants.txt")
	require.NoError(t, err)
	require.Equal(t, strings.Split(string(want), "\n"), strings.Split(listOf(g.mutants), "\n"))
}

// A test whose cases reach less than it does stays a test of its own.
func TestKeepWhole_KeepsWhatCasesLack(t *testing.T) {
	all := []test{
		{Name: "TestA", Divided: true, Reached: []int{1, 2}},
		{Name: "TestA/x", Reached: []int{1}},
		{Name: "TestA/y", Reached: []int{2}},
		{Name: "TestB", Divided: true, Reached: []int{1, 2}},
		{Name: "TestB/x", Reached: []int{1}},
		{Name: "TestB/y", Reached: []int{2}, Failed: true},
	}
	keepWhole(all)
	require.True(t, all[0].Divided)
	require.False(t, all[3].Divided)
}

func TestApply_NestsEdits(t *testing.T) {
	source := "a && b == c"
	text, places := apply(source, []edit{
		{start: 0, end: 11, open: "f(", close: ")"},
		{start: 2, end: 4, open: ",", replace: true},
		{start: 0, end: 1, open: "not(", close: ")"},
		{start: 5, end: 11, open: "x(", close: ")"},
		{start: 5, end: 11, open: "y(", close: ")"},
	})
	require.Equal(t, "f(not(a) , x(y(b == c)))", text)
	require.Len(t, places, 9)
	require.Equal(t, "f(", text[places[0].start:places[0].end])
}

func TestParseAccepted_NeedsReasons(t *testing.T) {
	all, err := parseAccepted("# a comment\nstore a.go F: remove: x\nstore a.go F: remove: y\n\tBecause\n\tof z.\n\ndirectory b.go G: never: z\n\tOther.\n")
	require.NoError(t, err)
	require.Equal(t, []acceptance{
		{names: []string{"store a.go F: remove: x", "store a.go F: remove: y"}, reason: "Because of z."},
		{names: []string{"directory b.go G: never: z"}, reason: "Other."},
	}, all)
	require.Equal(t, map[string]bool{"b.go G: never: z": true}, namesOf(all, "directory"))
	for _, bad := range []string{"\treason\n", "store a\n", "store a\nstore a\n\tTwice.\n"} {
		_, err := parseAccepted(bad)
		require.Error(t, err, bad)
	}
}

func TestReport_RequiresScoreConditionsAndReasons(t *testing.T) {
	mutants := make([]Mutant, 20)
	for i := range mutants {
		mutants[i] = Mutant{File: "a.go", Func: "F", Kind: "remove", Source: "x", Result: Killed}
	}
	number(mutants)
	passes := func() (bool, string) {
		var out bytes.Buffer
		ok := report(&out, "store", map[string]bool{mutants[0].Name(): true}, mutants, false)
		return ok, out.String()
	}
	ok, out := passes()
	require.False(t, ok, "an accepted mutant is killed")
	require.Contains(t, out, "accepted, but killed")

	mutants[0].Result = Survived
	ok, out = passes()
	require.True(t, ok, out)
	require.Contains(t, out, "100.0 % killed of 19 mutants that are not accepted with a reason; 1 are, 0 survive")

	mutants[1].Result = Unreached
	ok, out = passes()
	require.True(t, ok, out)
	require.Contains(t, out, "internal/store/a.go:0: a.go F: remove: x (2)")
	mutants[1].Condition = true
	ok, _ = passes()
	require.False(t, ok, "a condition survives without a reason")
	mutants[1].Condition = false

	mutants[2].Result, mutants[3].Result = Survived, Survived
	ok, out = passes()
	require.False(t, ok, out)
	require.Contains(t, out, "84.2 %")
}

// A run takes over what the last one killed, by the names of the mutants.
func TestRun_GoesOnWithTheSurvivors(t *testing.T) {
	r := &run{name: "store", again: true, out: t.TempDir()}
	require.NoError(t, r.earlier(nil), "there was no run")
	last := []Mutant{{Func: "F", Result: Killed, Killer: "T", ID: 1}, {Func: "G", Result: Survived, ID: 2}}
	require.NoError(t, r.save(last))
	now := []Mutant{{Func: "G", ID: 1}, {Func: "F", ID: 3}, {Func: "H", ID: 4}}
	require.NoError(t, r.earlier(now))
	require.Equal(t, []Mutant{{Func: "G", ID: 1}, {Func: "F", ID: 3, Result: Killed, Killer: "T"}, {Func: "H", ID: 4}}, now)
}

// A run of a part keeps the results of the other mutants.
func TestRun_KeepsTheResultsOfOthers(t *testing.T) {
	r := &run{name: "store", out: t.TempDir()}
	require.NoError(t, r.save([]Mutant{{Func: "F", Result: Killed, Killer: "T"}, {Func: "G", Result: Killed, Killer: "T"}, {Func: "gone", Result: Killed}}))
	require.NoError(t, r.save([]Mutant{{Func: "F"}, {Func: "G", Result: Survived}, {Func: "H", Result: Unreached}}))
	last, err := r.last()
	require.NoError(t, err)
	require.Equal(t, map[string]Mutant{
		Mutant{Func: "F"}.Name(): {Func: "F", Result: Killed, Killer: "T"},
		Mutant{Func: "G"}.Name(): {Func: "G", Result: Survived},
		Mutant{Func: "H"}.Name(): {Func: "H", Result: Unreached},
	}, last)
}

// A condition without a result is a fault of a whole run.
func TestReport_RequiresThatConditionsAreTried(t *testing.T) {
	mutants := []Mutant{{Func: "F", Condition: true}, {Func: "G", Result: Killed, Condition: true}, {Func: "H"}}
	var out bytes.Buffer
	require.False(t, report(&out, "store", nil, mutants, false))
	require.Contains(t, out.String(), "a condition that was not tried: internal/store/:0:  F")
	out.Reset()
	require.True(t, report(&out, "store", nil, mutants, true), out.String())
	require.Contains(t, out.String(), "2 mutants were not tried, 1 of them of transactions")
	require.Contains(t, out.String(), "1 of transactions, of which 0 survive")
}

// A run that ends early leaves the mutant at which it was without a result.
func TestHunt_KeepsNoResultOfAnEndedTest(t *testing.T) {
	g, err := generate("./testdata/sample")
	require.NoError(t, err)
	binaries, err := compile(g, t.TempDir(), []string{sample})
	require.NoError(t, err)
	m := &g.mutants[0]
	h := newHunt([]test{{binary: binaries[0], Name: "TestSum", reaches: map[int]bool{m.ID: true}}}, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	h.one(ctx, m)
	require.Empty(t, m.Result)
	require.False(t, m.tried)
}
