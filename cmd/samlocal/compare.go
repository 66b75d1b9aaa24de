package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/e2e/replay"
)

// A tally counts passed and failed checks.
type tally struct{ passed, failed int }

func (t *tally) pass() { t.passed++ }

// fail counts a failure and prints it.
func (t *tally) fail(w io.Writer, what, why string) {
	t.failed++
	fmt.Fprintf(w, "FAIL %s\n     %s\n", what, strings.ReplaceAll(why, "\n", "\n     "))
}

// compare compares the results of the replay's lines under rollcall local and
// under SAM, in the same order. A line that passes under both passes. One with
// another result under SAM fails, unless it is a known difference.
func (t *tally) compare(w io.Writer, local, sam []replay.Result, all []difference) {
	same := 0
	for i, l := range local {
		s := sam[i]
		d, isKnown := known(all, l.ID)
		switch {
		case isKnown && s.Outcome == replay.Passed:
			t.fail(w, l.ID, "passes under SAM now: remove it from differences.go and docs/how-to/sam-local.md")
		case isKnown && l.Outcome == replay.Passed:
			fmt.Fprintf(w, "differs, as known: %s: %s\n", l.ID, d.name)
		case l.Outcome == replay.Passed && s.Outcome == replay.Passed:
			same++
			t.pass()
		case l.Outcome != s.Outcome:
			t.fail(w, l.ID, fmt.Sprintf("rollcall local: %s\nsam local: %s", ended(l), ended(s)))
		case l.Outcome == replay.Failed:
			t.fail(w, l.ID, "under both: "+ended(s))
		default:
			fmt.Fprintf(w, "%s under both: %s: %s\n", l.Outcome, l.ID, strings.Join(l.Reasons, "; "))
		}
	}
	fmt.Fprintf(w, "%d of %d lines of the replay pass under rollcall local and under sam local\n", same, len(local))
}

func ended(r replay.Result) string {
	return strings.TrimSpace(string(r.Outcome) + " " + strings.Join(r.Reasons, "\n"))
}

// answered compares the statuses of the answers to a known difference's request
// with those that it names.
func (t *tally) answered(w io.Writer, d difference, local, sam int) {
	switch {
	case local == d.local && sam == d.sam:
		t.pass()
	case local != d.local:
		t.fail(w, d.name, fmt.Sprintf("rollcall local answers %d, want %d", local, d.local))
	case sam == local:
		t.fail(w, d.name, fmt.Sprintf("is no longer a difference: both answer %d; remove it from differences.go and docs/how-to/sam-local.md", sam))
	default:
		t.fail(w, d.name, fmt.Sprintf("sam local answers %d, want %d", sam, d.sam))
	}
}
