package main

import (
	"fmt"
	"strings"
)

// A Mutant is one small change to a package.
type Mutant struct {
	ID   int    `json:"id"` // from 1 within its package, in one version of the source
	File string `json:"file"`
	Line int    `json:"line"`
	Func string `json:"func"` // Type.Method or Function, "" for a variable of the package
	Kind string `json:"kind"`
	// Source is the text that changes, cut to one line.
	Source string `json:"source"`
	// Nth distinguishes equal changes of one function, from 1.
	Nth int `json:"nth,omitempty"`
	// Condition reports that the change removes an operation of a transaction, or a
	// condition of one.
	Condition bool `json:"condition,omitempty"`

	Result Result `json:"result,omitempty"`
	Killer string `json:"killer,omitempty"` // PACKAGE.Test

	// tried reports that this run tried the mutant; its result may be of an earlier run.
	tried bool
}

// A Result is the outcome of a trial: killed, survived or unreached.
type Result string

// The results.
const (
	Killed    Result = "killed"
	Survived  Result = "survived"
	Unreached Result = "unreached" // no fast test gets there
)

// Name identifies the mutant independently of the lines before it.
func (m Mutant) Name() string {
	name := fmt.Sprintf("%s %s: %s: %s", m.File, m.Func, m.Kind, m.Source)
	if m.Nth > 1 {
		name += fmt.Sprintf(" (%d)", m.Nth)
	}
	return strings.Replace(name, "  ", " ", 1)
}

// number gives mutants of one name different ones.
func number(mutants []Mutant) {
	seen := map[string]int{}
	for i := range mutants {
		m := &mutants[i]
		m.Nth = 0
		key := m.Name()
		seen[key]++
		m.Nth = seen[key]
	}
}
