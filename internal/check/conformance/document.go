package conformance

import (
	"bytes"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/e2e/replay"
)

// Evidence is the material against which the requirements are checked.
type Evidence struct {
	// Proofs are the tests, by the requirements that they prove.
	Proofs map[string][]Proof
	// Lines are the ids of the replay's lines that are sent.
	Lines map[string]bool
	// Divergences is the text of docs/reference/scim-divergences.md.
	Divergences string
}

var citation = regexp.MustCompile(`RFC \d{4} §[\d.]*\d`)

// Check returns the claims that are not true: a requirement marked done without
// a test, one marked not done that has one, a test of an unknown requirement, a
// replay line that is not sent, a divergence that docs/reference/scim-divergences.md does
// not have.
func Check(sections []Section, e Evidence) []string {
	var faults []string
	known := make(map[string]bool)
	for _, s := range sections {
		if len(s.Requirements) == 0 {
			faults = append(faults, fmt.Sprintf("RFC %s §%s has no requirement", s.RFC, s.Number))
		}
		for _, q := range s.Requirements {
			known[q.ID] = true
			proofs := e.Proofs[q.ID]
			switch {
			case q.Standing == Done && len(proofs)+len(q.Replay) == 0:
				faults = append(faults, q.ID+" has neither a test nor a reason")
			case q.Standing == NotDone && len(q.Replay) > 0:
				faults = append(faults, q.ID+" is not done, and names "+q.Replay[0])
			case q.Standing == NotDone && len(proofs) > 0:
				faults = append(faults, fmt.Sprintf("%s is not done, and %s claims it", q.ID, proofs[0].At))
			case q.Standing == Diverges && !listed(q.Reason, e.Divergences):
				faults = append(faults, q.ID+" diverges, and cites no section that docs/reference/scim-divergences.md has")
			}
			for _, line := range q.Replay {
				if !e.Lines[line] {
					faults = append(faults, q.ID+" names "+line+", which the replay does not send")
				}
			}
		}
	}
	for id, proofs := range e.Proofs {
		if !known[id] {
			faults = append(faults, fmt.Sprintf("%s: unknown requirement %s", proofs[0].At, id))
		}
	}
	slices.Sort(faults)
	return faults
}

// listed reports whether a reason cites a section in the first column of the
// table of divergences.
func listed(reason, divergences string) bool {
	for _, cited := range citation.FindAllString(reason, -1) {
		for line := range strings.Lines(divergences) {
			first, _, _ := strings.Cut(strings.TrimPrefix(line, "| "), " |")
			if strings.HasPrefix(line, "| ") && slices.Contains(sectionsIn(first), cited) {
				return true
			}
		}
	}
	return false
}

// sectionsIn returns the sections that a cell names: RFC 7644 §3.3, §3.5 are
// two.
func sectionsIn(cell string) []string {
	rfc, rest, _ := strings.Cut(cell, " §")
	var all []string
	for number := range strings.SplitSeq(rest, ", §") {
		all = append(all, rfc+" §"+number)
	}
	return all
}

// A Page is a document about some standards.
type Page struct {
	// Name is its file, and requirements the one with the requirements.
	Name, requirements string
	title, about       string
}

// Pages are all documents.
var Pages = []Page{
	{
		"docs/reference/scim-conformance.md", "requirements.tsv", "Conformance to the SCIM standards",
		"Every requirement on a service provider in RFC 7643, RFC 7644 (with verified errata) and RFC 9865, and those of RFC 6750 that RFC 7644 §2 refers to.",
	},
	{
		"docs/reference/oauth-conformance.md", "oauth.tsv", "Conformance to the OAuth standards",
		"The requirements on an authorization server in the parts of RFC 6749, RFC 7523 and RFC 8414 that a [token endpoint](oauth.md) for client credentials needs. Those on the use of its tokens (RFC 6750) are in [scim-conformance.md](scim-conformance.md).",
	},
}

// preamble is the beginning of a page after its title.
const preamble = `
Of the requirements with MAY, only those that a client would notice are listed. Requirements on clients are left out.
The statements are our wording; the RFCs decide. The level ` + "`states`" + ` is a statement of an RFC without a keyword of RFC 2119.

This file is generated from [%[1]s](../../internal/check/conformance/%[1]s) and the tests. A test names the requirements that it proves in a comment, ` + "`// Covers: ID`" + `.
` + "`go generate .`" + ` writes the file, and a test fails if it is out of date.
A name like ` + "`httpapi.TestRefusals/no seat`" + ` is a test in internal/httpapi and a case of its table; ` + "`replay`" + ` is a line of internal/recording/requests.jsonl.

| standing | |
|---|---|
| done | a test fails when it is broken |
| **not done** | the reason says what happens instead |
| disclaimed | /ServiceProviderConfig says that the feature is not supported |
| diverges | intentionally; the reason is in [scim-divergences.md](scim-divergences.md) |
| does not arise | the situation cannot occur here |

`

// Generate returns a page, made from the requirements and the tests in the repository's tree, and
// the claims of all pages that are not true.
func Generate(tree fs.FS, page Page) (document []byte, faults []string, err error) {
	var sections, all []Section
	for _, p := range Pages {
		requirements, err := fs.ReadFile(tree, "internal/check/conformance/"+p.requirements)
		if err != nil {
			return nil, nil, err
		}
		read, err := ReadRequirements(bytes.NewReader(requirements))
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", p.requirements, err)
		}
		if all = append(all, read...); p.Name == page.Name {
			sections = read
		}
	}
	divergences, err := fs.ReadFile(tree, "docs/reference/scim-divergences.md")
	if err != nil {
		return nil, nil, err
	}
	internal, err := fs.Sub(tree, "internal")
	if err != nil {
		return nil, nil, err
	}
	proofs, faults, err := Proofs(internal)
	if err != nil {
		return nil, nil, err
	}
	cases, err := replay.Cases()
	if err != nil {
		return nil, nil, err
	}
	lines := make(map[string]bool)
	for _, c := range cases {
		lines[c.ID] = c.Waits == nil
	}
	faults = append(faults, Check(all, Evidence{Proofs: proofs, Lines: lines, Divergences: string(divergences)})...)
	return Document(page, sections, proofs), faults, nil
}

// Document returns a page.
func Document(page Page, sections []Section, proofs map[string][]Proof) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n%s", page.title, page.about)
	fmt.Fprintf(&b, preamble, page.requirements)
	summary(&b, sections)
	rfc := ""
	for _, s := range sections {
		if s.RFC != rfc {
			rfc = s.RFC
			fmt.Fprintf(&b, "\n## RFC %s\n", rfc)
		}
		fmt.Fprintf(&b, "\n### RFC %s §%s %s\n\n| id | level | what | standing | proof |\n|---|---|---|---|---|\n", s.RFC, s.Number, s.Title)
		for _, q := range s.Requirements {
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n",
				q.ID, q.Level, cell(q.Statement), standing(q), proofCell(q, proofs[q.ID]))
		}
	}
	return []byte(b.String())
}

// summary counts the requirements by RFC and standing.
func summary(b *strings.Builder, sections []Section) {
	type counts struct {
		all, notDoneMust int
		by               map[Standing]int
	}
	var rfcs []string
	of := make(map[string]*counts)
	total := &counts{by: make(map[Standing]int)}
	for _, s := range sections {
		c := of[s.RFC]
		if c == nil {
			c = &counts{by: make(map[Standing]int)}
			of[s.RFC] = c
			rfcs = append(rfcs, s.RFC)
		}
		for _, q := range s.Requirements {
			for _, c := range []*counts{c, total} {
				c.all++
				c.by[q.Standing]++
				if q.Standing == NotDone && mandatory(q.Level) {
					c.notDoneMust++
				}
			}
		}
	}
	b.WriteString("| | requirements | done | diverges | disclaimed | does not arise | not done | of these MUST, SHALL, REQUIRED |\n|---|---|---|---|---|---|---|---|\n")
	row := func(name string, c *counts) {
		fmt.Fprintf(b, "| %s | %d | %d | %d | %d | %d | %d | %d |\n", name, c.all,
			c.by[Done], c.by[Diverges], c.by[Disclaimed], c.by[NoOccasion], c.by[NotDone], c.notDoneMust)
	}
	for _, rfc := range rfcs {
		row("RFC "+rfc, of[rfc])
	}
	row("all", total)
}

func standing(q Requirement) string {
	name := string(q.Standing)
	switch q.Standing {
	case NotDone:
		name = "**" + name + "**"
	case Diverges:
		name = "[" + name + "](scim-divergences.md)"
	}
	if q.Reason == "" {
		return name
	}
	return name + ": " + cell(q.Reason)
}

// maxCase is the longest name of a case shown, in characters.
const maxCase = 60

func proofCell(q Requirement, proofs []Proof) string {
	var all []string
	for _, p := range proofs {
		name := p.Test
		if p.Case != "" {
			short := []rune(strings.Join(strings.Fields(p.Case), " "))
			if len(short) > maxCase {
				short = append(short[:maxCase], '…')
			}
			name += "/" + string(short)
		}
		all = append(all, "`"+cell(strings.ReplaceAll(name, "`", "'"))+"`")
	}
	for _, line := range q.Replay {
		all = append(all, "replay `"+line+"`")
	}
	return strings.Join(all, "<br>")
}

// cell escapes text for a table.
func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
