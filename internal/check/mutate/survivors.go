package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"
)

const survivorsFile = "internal/check/mutate/survivors.txt"

const survivorsHead = "# The mutants that survived the last run of each package, or of a sample of it, by reason.\n" +
	"# make mutate writes this file.\n"

// noReason stands for the reason of the survivors that are not accepted.
const noReason = "No fast test notices them."

// writeSurvivors writes the survivors of a run to a file, in place of those of an earlier run
// of the package.
func writeSurvivors(file, name string, reasons map[string]string, mutants []Mutant) error {
	text, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	sections := survivorSections(string(text))
	sections[name] = survivorsOf(name, reasons, mutants, time.Now())
	var b strings.Builder
	b.WriteString(survivorsHead)
	for _, name := range slices.Sorted(maps.Keys(sections)) {
		b.WriteString("\n" + sections[name])
	}
	return os.WriteFile(file, []byte(b.String()), 0o600)
}

// survivorSections splits a file of survivors by package.
func survivorSections(text string) map[string]string {
	sections, name := map[string]string{}, ""
	for line := range strings.Lines(text) {
		if line[0] != '\t' && line[0] != '#' && line[0] != '\n' {
			name, _, _ = strings.Cut(line, ":")
		}
		if name != "" && line != "\n" {
			sections[name] += line
		}
	}
	return sections
}

// survivorsOf lists the survivors of a package, by reason.
func survivorsOf(name string, reasons map[string]string, mutants []Mutant, now time.Time) string {
	tried, killed := 0, 0
	byReason := map[string][]string{}
	for _, m := range mutants {
		switch m.Result {
		case "":
			continue
		case Killed:
			killed++
		default:
			reason := noReason
			if reasons[m.Name()] != "" {
				reason = reasons[m.Name()]
			}
			byReason[reason] = append(byReason[reason], m.Name())
		}
		tried++
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d of %d mutants ran, %d survived, on %s\n", name, tried, len(mutants), tried-killed, now.Format(time.DateOnly))
	for _, reason := range slices.Sorted(maps.Keys(byReason)) {
		fmt.Fprintf(&b, "\t%s\n", reason)
		slices.Sort(byReason[reason])
		for _, m := range byReason[reason] {
			fmt.Fprintf(&b, "\t\t%s\n", m)
		}
	}
	return b.String()
}
