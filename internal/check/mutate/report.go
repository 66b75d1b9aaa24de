package main

import (
	"fmt"
	"io"
)

// least is the share of mutants that must be killed in each package, in percent.
const least = 85

// A score counts the mutants of a package by their result.
type score struct {
	all, killed, accepted, open, untried          int
	conditions, openConditions, untriedConditions int
}

func scoreOf(accepted map[string]bool, mutants []Mutant) score {
	s := score{all: len(mutants)}
	for _, m := range mutants {
		isOpen := false
		switch {
		case m.Result == "":
			s.untried++
			s.all--
		case m.Result == Killed:
			s.killed++
		case accepted[m.Name()]:
			s.accepted++
		default:
			s.open++
			isOpen = true
		}
		switch {
		case !m.Condition:
		case m.Result == "":
			s.untriedConditions++
		default:
			s.conditions++
			if isOpen {
				s.openConditions++
			}
		}
	}
	return s
}

// percent is the share of killed mutants among those that are not accepted.
func (s score) percent() float64 {
	return 100 * float64(s.killed) / float64(max(1, s.all-s.accepted))
}

// report prints the survivors of a package and its score, and returns whether the score
// is high enough and every condition is killed or accepted. A run of a part of the mutants may
// leave conditions untried.
func report(w io.Writer, name string, accepted map[string]bool, mutants []Mutant, part bool) bool {
	for _, m := range mutants {
		if m.Result != "" && m.Result != Killed && !accepted[m.Name()] {
			fmt.Fprintf(w, "%-9s internal/%s/%s:%d: %s\n", m.Result, name, m.File, m.Line, m.Name())
		}
	}
	faults := stale(accepted, mutants)
	for _, fault := range faults {
		fmt.Fprintln(w, fault)
	}
	s := scoreOf(accepted, mutants)
	for _, m := range mutants {
		switch {
		case !m.Condition || m.Result == Killed:
		case m.Result == "":
			if !part {
				fmt.Fprintf(w, "a condition that was not tried: internal/%s/%s:%d: %s\n", name, m.File, m.Line, m.Name())
			}
		case !accepted[m.Name()]:
			fmt.Fprintf(w, "a condition that no fast test holds: internal/%s/%s:%d: %s\n", name, m.File, m.Line, m.Name())
		}
	}
	if s.untried > 0 {
		fmt.Fprintf(w, "%s: a part: %d mutants were not tried, %d of them of transactions\n", name, s.untried, s.untriedConditions)
	}
	fmt.Fprintf(w, "%s: %.1f %% killed of %d mutants that are not accepted with a reason; %d are, %d survive; %d of transactions, of which %d survive without a reason\n",
		name, s.percent(), s.all-s.accepted, s.accepted, s.open, s.conditions, s.openConditions)
	return s.percent() >= least && s.openConditions == 0 && (part || s.untriedConditions == 0) && len(faults) == 0
}
