package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A run replaces the survivors of its package, and keeps those of the others.
func TestWriteSurvivors_ReplacesThoseOfThePackage(t *testing.T) {
	file := filepath.Join(t.TempDir(), "survivors.txt")
	of := func(function string, result Result) Mutant {
		return Mutant{File: "a.go", Func: function, Kind: "remove", Source: "x", Result: result}
	}
	require.NoError(t, writeSurvivors(file, "store", nil, []Mutant{of("F", Survived)}))
	require.NoError(t, writeSurvivors(file, "access", nil, []Mutant{of("G", Unreached)}))
	reasons := map[string]string{"a.go H: remove: x": "It is only faster."}
	mutants := []Mutant{of("K", Killed), of("J", Survived), of("I", Unreached), of("H", Survived), of("untried", "")}
	require.NoError(t, writeSurvivors(file, "store", reasons, mutants))
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	day := time.Now().Format(time.DateOnly)
	require.Equal(t, survivorsHead+`
access: 1 of 1 mutants ran, 1 survived, on `+day+`
	No fast test notices them.
		a.go G: remove: x

store: 4 of 5 mutants ran, 3 survived, on `+day+`
	It is only faster.
		a.go H: remove: x
	No fast test notices them.
		a.go I: remove: x
		a.go J: remove: x
`, string(text))
}

// A class accepts those of its mutants that no test kills, and no condition of a transaction.
func TestReasonsOf_AcceptsClasses(t *testing.T) {
	all, err := parseAccepted("store a.go *: one more: most\n\tA bound.\n\nstore b.go *\n\tNone.\n\nstore a.go F: remove: x\n\tOne.\n")
	require.NoError(t, err)
	of := func(function string, result Result, condition bool) Mutant {
		return Mutant{File: "a.go", Func: function, Kind: "one more", Source: "most", Result: result, Condition: condition}
	}
	reasons, faults := reasonsOf(all, "store", []Mutant{of("F", Survived, false), of("G", Killed, false), of("H", Survived, true)})
	require.Equal(t, map[string]string{"a.go F: one more: most": "A bound.", "a.go F: remove: x": "One."}, reasons)
	require.Equal(t, []string{"accepted, but no mutant is of the class: b.go *"}, faults)
}

// A sample has no mutants of transactions, and is the same for the same order.
func TestChosen_IsASample(t *testing.T) {
	mutants := make([]Mutant, 50)
	for i := range mutants {
		mutants[i] = Mutant{ID: i, Condition: i%2 == 0}
	}
	r := &run{match: classOf("*"), sample: 10, order: 3}
	first := r.chosen(mutants)
	require.Len(t, first, 10)
	for _, m := range first {
		require.False(t, m.Condition)
	}
	require.Equal(t, first, r.chosen(mutants))
	r.order = 4
	require.NotEqual(t, first, r.chosen(mutants))
}
