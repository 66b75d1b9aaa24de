package conformance

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

// A Standing says whether rollcall meets a requirement.
type Standing string

// The standings. An empty field means Done; its reason is a remark.
const (
	Done       Standing = "done"
	NotDone    Standing = "not done"
	Disclaimed Standing = "disclaimed"     // by /ServiceProviderConfig
	Diverges   Standing = "diverges"       // on purpose, as docs/reference/scim-divergences.md says
	NoOccasion Standing = "does not arise" // the situation cannot occur here
)

var standings = []Standing{Done, NotDone, Disclaimed, Diverges, NoOccasion}

// States is the level of a statement about service providers that has none of
// the words of RFC 2119.
const States = "states"

var levels = []string{
	"MUST", "MUST NOT", "SHALL", "SHALL NOT", "REQUIRED", "SHOULD", "SHOULD NOT", "RECOMMENDED", "MAY", States,
}

// mandatory reports whether a level leaves no choice.
func mandatory(level string) bool { return slices.Contains(levels[:5], level) }

// A Requirement is one thing that an RFC requires of a service provider.
type Requirement struct {
	ID        string
	Level     string
	Statement string
	Standing  Standing
	// Reason is why a requirement is not simply done.
	Reason string
	// Replay are lines of internal/recording/requests.jsonl that prove it.
	Replay []string
}

// A Section is a section of an RFC.
type Section struct {
	RFC, Number, Title string
	Requirements       []Requirement
}

var heading = regexp.MustCompile(`^# (\d+)-(\S+) (.+)$`)

// ReadRequirements decodes requirements.tsv. A line "# 7644-3.6 Deleting"
// begins a section; below it is one requirement a line: id, level, statement,
// standing, reason and lines of the replay, separated by tabs. The last three
// may be left out. The ids of a section are numbered from 1.
func ReadRequirements(r io.Reader) ([]Section, error) {
	var sections []Section
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := lines.Text()
		if line == "" {
			continue
		}
		if m := heading.FindStringSubmatch(line); m != nil {
			sections = append(sections, Section{RFC: m[1], Number: m[2], Title: m[3]})
			continue
		}
		if len(sections) == 0 {
			return nil, fmt.Errorf("line %d is in no section", n)
		}
		s := &sections[len(sections)-1]
		q, err := readRequirement(line)
		if want := fmt.Sprintf("%s-%s-%d", s.RFC, s.Number, len(s.Requirements)+1); err == nil && q.ID != want {
			err = fmt.Errorf("the id is %s, and should be %s", q.ID, want)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		s.Requirements = append(s.Requirements, q)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("reading the requirements: %w", err)
	}
	return sections, nil
}

func readRequirement(line string) (Requirement, error) {
	fields := strings.Split(line, "\t")
	if len(fields) > 6 {
		return Requirement{}, fmt.Errorf("%d fields, at most 6 are allowed", len(fields))
	}
	fields = append(fields, make([]string, 6-len(fields))...)
	q := Requirement{
		ID: fields[0], Level: fields[1], Statement: fields[2],
		Standing: Standing(fields[3]), Reason: fields[4], Replay: strings.Fields(fields[5]),
	}
	if q.Standing == "" {
		q.Standing = Done
	}
	switch {
	case !slices.Contains(levels, q.Level):
		return q, fmt.Errorf("%s: unknown level %q", q.ID, q.Level)
	case q.Statement == "":
		return q, fmt.Errorf("%s says nothing", q.ID)
	case !slices.Contains(standings, q.Standing):
		return q, fmt.Errorf("%s: unknown standing %q", q.ID, q.Standing)
	case q.Standing != Done && q.Reason == "":
		return q, fmt.Errorf("%s is %s without a reason", q.ID, q.Standing)
	}
	return q, nil
}
