package replaytest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/scim"
)

// A reasons has the numbered notes of a document.
type reasons []string

func (r *reasons) number(reason string) string {
	if !slices.Contains(*r, reason) {
		*r = append(*r, reason)
	}
	return fmt.Sprintf("[%d]", slices.Index(*r, reason)+1)
}

// Document returns docs/reference/dialect-places.md, made from the tables.
func Document() []byte { return []byte(document(tables())) }

// document returns the table as Markdown.
func document(table []tolerance) string {
	var b strings.Builder
	var notes reasons
	b.WriteString(`# Where each form is accepted

Written by ` + "`go generate`" + ` from the table of a test.
The test sends a request for every cell with *accepted* or an error. It checks the effect, the notices in the event, and the answer to a strict tenant, whose settings ` + "`dialect`, `unknownAttributes` and `unknownMembers` are `refuse`" + `.
[What identity providers send](idp-quirks.md) explains each notice.

- *accepted*: the request has its effect. A notice is given if it differs from the one of the row.
- a scimType: every tenant gets a 400 with it, and nothing changes. The number is the reason.
- –: the form cannot occur there. The number is the reason.
- *strict*: the answer to a strict tenant where other tenants get *accepted* with a notice. Without a notice the RFCs have the form, and a strict tenant accepts it too.

| form | notice | strict |`)
	for p := range places {
		fmt.Fprintf(&b, " %s |", placeNames[p])
	}
	b.WriteString("\n|" + strings.Repeat("---|", int(places)+3) + "\n")
	for _, of := range table {
		strict := "accepted"
		if len(of.notices) > 0 {
			strict = code(string(scim.Notice{Kind: of.notices[0]}.Refusal().Type))
		} else if !of.takes() {
			strict = "the same"
		}
		fmt.Fprintf(&b, "| %s | %s | %s |", strings.ReplaceAll(of.sent, "|", "\\|"), codes(of.notices), strict)
		for p := range places {
			fmt.Fprintf(&b, " %s |", of.cells[p].text(of, &notes))
		}
		b.WriteString("\n")
	}
	documentSpellings(&b, &notes)
	b.WriteString("\n## Reasons\n\n")
	for i, reason := range notes {
		fmt.Fprintf(&b, "%d. %s\n", i+1, reason)
	}
	return b.String()
}

// documentSpellings writes the table of the forms that are not in a body.
func documentSpellings(b *strings.Builder, notes *reasons) {
	b.WriteString(`
## Paths, parameters and headers

They have no notices, and a strict tenant accepts them too: none of them changes the meaning of a request. *served* means the same answer as to the plain form of the request.

| form |`)
	for e := range endpoints {
		fmt.Fprintf(b, " %s |", endpointNames[e])
	}
	b.WriteString("\n|" + strings.Repeat("---|", int(endpoints)+1) + "\n")
	requests := plainRequests()
	for _, s := range spellings() {
		fmt.Fprintf(b, "| %s |", s.sent)
		for e := range endpoints {
			var text string
			if slices.ContainsFunc(requests[e], func(q plainRequest) bool { return s.applies(e, q) }) {
				text = s.text(notes)
			} else {
				text = "– " + notes.number(s.never)
			}
			fmt.Fprintf(b, " %s |", text)
		}
		b.WriteString("\n")
	}
}

// text returns the document's text about a spelling, for a place where it can
// occur.
func (s spelling) text(notes *reasons) string {
	switch {
	case s.status == 0:
		return "served"
	case s.scimType == "":
		return fmt.Sprintf("%d %s", s.status, notes.number(s.reason))
	}
	return fmt.Sprintf("%d %s %s", s.status, code(s.scimType), notes.number(s.reason))
}

func (of tolerance) takes() bool {
	for _, c := range of.cells {
		if slices.ContainsFunc(c.tries, func(t try) bool { return t.reason == "" }) {
			return true
		}
	}
	return false
}

// text returns the document's text about a cell.
func (c cell) text(of tolerance, notes *reasons) string {
	if c.never != "" {
		return "– " + notes.number(c.never)
	}
	var parts []string
	for _, t := range c.tries {
		part := "accepted"
		var others []string
		for _, kind := range t.kinds(of) {
			if !slices.Contains(of.notices, kind) {
				others = append(others, kind)
			}
		}
		switch {
		case t.reason != "":
			part = code(t.scimType) + " " + notes.number(t.reason)
		case len(others) > 0 && !c.derived:
			part = "accepted (" + codes(others) + ")"
		case len(t.kinds(of)) == 0 && len(of.notices) > 0 && !c.derived:
			part = "accepted, no notice"
		}
		if !slices.Contains(parts, part) {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, "; ")
}

func code(text string) string { return "`" + text + "`" }

func codes(texts []string) string {
	var all []string
	for _, text := range texts {
		all = append(all, code(text))
	}
	return strings.Join(all, ", ")
}
