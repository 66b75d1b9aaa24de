package main

import (
	_ "embed"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// acceptedText names the mutants that may survive, each with the reason. A line that is
// not indented names a mutant, with its package; the indented text after some of them is
// their reason. A name with a "*", which stands for any text, is a class: those of its
// mutants that survive are accepted, except for the mutants of transactions.
//
//go:embed accepted.txt
var acceptedText string

// An acceptance is a reason why some mutants may survive.
type acceptance struct {
	names  []string // PACKAGE NAME
	reason string
}

// parseAccepted parses acceptedText.
func parseAccepted(text string) ([]acceptance, error) {
	var all []acceptance
	seen := map[string]bool{}
	for i, line := range strings.Split(text, "\n") {
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "\t"):
			if len(all) == 0 {
				return nil, fmt.Errorf("line %d: a reason without a mutant", i+1)
			}
			last := &all[len(all)-1]
			last.reason = strings.TrimSpace(last.reason + " " + strings.TrimSpace(line))
		default:
			if seen[line] {
				return nil, fmt.Errorf("line %d: the same mutant twice", i+1)
			}
			seen[line] = true
			if len(all) == 0 || all[len(all)-1].reason != "" {
				all = append(all, acceptance{})
			}
			last := &all[len(all)-1]
			last.names = append(last.names, line)
		}
	}
	if len(all) > 0 && all[len(all)-1].reason == "" {
		return nil, fmt.Errorf("%q has no reason", all[len(all)-1].names[0])
	}
	return all, nil
}

// namesOf returns which mutants of a package are accepted by their names.
func namesOf(all []acceptance, name string) map[string]bool {
	names := map[string]bool{}
	for _, a := range all {
		for _, n := range a.names {
			if of, mutant, _ := strings.Cut(n, " "); of == name && !strings.Contains(mutant, "*") {
				names[mutant] = true
			}
		}
	}
	return names
}

// reasonsOf returns the reasons why mutants of a package are accepted, by their names: those
// named, and those of a class that no test kills. The faults are the classes without a mutant.
func reasonsOf(all []acceptance, name string, mutants []Mutant) (reasons map[string]string, faults []string) {
	reasons = map[string]string{}
	for _, a := range all {
		for _, n := range a.names {
			of, mutant, _ := strings.Cut(n, " ")
			if of != name {
				continue
			}
			if !strings.Contains(mutant, "*") {
				reasons[mutant] = a.reason
				continue
			}
			class, found := classOf(mutant), false
			for _, m := range mutants {
				if class.MatchString(m.Name()) && !m.Condition {
					found = true
					if m.Result != Killed {
						reasons[m.Name()] = a.reason
					}
				}
			}
			if !found {
				faults = append(faults, "accepted, but no mutant is of the class: "+mutant)
			}
		}
	}
	return reasons, faults
}

// classOf returns the names that a name with "*" stands for.
func classOf(name string) *regexp.Regexp {
	parts := strings.Split(name, "*")
	for i, part := range parts {
		parts[i] = regexp.QuoteMeta(part)
	}
	return regexp.MustCompile("^" + strings.Join(parts, ".*") + "$")
}

// stale returns what is wrong with the accepted mutants of a package: one that does not
// exist, or that a test kills.
func stale(accepted map[string]bool, mutants []Mutant) []string {
	var faults []string
	results := map[string]Result{}
	for _, m := range mutants {
		results[m.Name()] = m.Result
		if m.Result == Killed && accepted[m.Name()] {
			faults = append(faults, fmt.Sprintf("accepted, but killed by %s: %s", m.Killer, m.Name()))
		}
	}
	for name := range accepted {
		if _, ok := results[name]; !ok {
			faults = append(faults, "accepted, but there is no such mutant: "+name)
		}
	}
	slices.Sort(faults)
	return faults
}
