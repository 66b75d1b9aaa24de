package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rollcall-scim/rollcall/internal/adminclient"
	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/errortext"
	"github.com/rollcall-scim/rollcall/internal/idp"
)

const explainLong = `Explain a request: what happened, why, what to do, and whether it is resolved.

REQUEST is a request ID, or the text of the error that an identity provider shows:
the text ends in the ID, "(request ID)". A text without the ID is compared with the
failed requests of the tenant, and its cause is recognized by its words or by its
HTTP status. '-' reads the text from standard input. Tokens in it are replaced before
it is sent.

'rollcall explain CAUSE' shows what a cause means, for example seat_limit.`

func newExplain() *cobra.Command {
	var a asking
	return completes(a.add(&cobra.Command{
		Use: "explain TENANT REQUEST", Short: "explain why a request failed, and whether it is resolved", Long: explainLong,
		Example: "  rollcall explain acme 019b8d62-7a80-7000-8000-0000000000f1\n  pbpaste | rollcall explain acme -\n  rollcall explain seat_limit",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return mistake("Usage: %s, or rollcall explain CAUSE", strings.TrimSuffix(c.UseLine(), " [flags]"))
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 1 {
				return a.explainCause(c, args[0])
			}
			pasted, err := pastedText(c.InOrStdin(), args[1:])
			if err != nil {
				return err
			}
			p, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			return a.explain(c, p, args[0], pasted)
		},
	}), false, func(ctx context.Context, before []string) []cobra.Completion {
		return append(a.tenants(ctx, before), causes(ctx, before)...)
	})
}

// maxPasted is the longest text that is read, in bytes.
const maxPasted = 1 << 20

// pastedText reads the text of an error.
func pastedText(stdin io.Reader, args []string) (string, error) {
	given := strings.Join(args, " ")
	if given == "-" {
		read, err := io.ReadAll(io.LimitReader(stdin, maxPasted))
		if err != nil {
			return "", err
		}
		given = string(read)
	}
	switch {
	case strings.TrimSpace(given) == "":
		return "", usageError{errors.New("the text is empty: paste the error that the identity provider shows")}
	case causeName.MatchString(given):
		return "", usageError{fmt.Errorf("%q looks like a cause, which has no tenant: rollcall explain %s", given, given)}
	}
	return given, nil
}

// uuids matches ids in a text: those of requests, users and groups.
var uuids = regexp.MustCompile(`(?i)[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}`)

// causeName matches the names of causes, which no error text looks like.
var causeName = regexp.MustCompile(`^[a-z]+(_[a-z]+)+$`)

// aloneLetters is the number of letters and digits in a text that has more than
// a request ID with its label.
const aloneLetters = 48

// explain explains a pasted text: by the request whose ID it contains, or else
// by the causes that its words suggest.
func (a *asking) explain(c *cobra.Command, p place, tenant, pasted string) error {
	text, redacted := errortext.Clean(pasted)
	if redacted {
		fmt.Fprintln(c.ErrOrStderr(), "rollcall: the text has a token of this service in it, which was not sent. Rotate the token: other programs may have the text.")
	}
	id := errortext.RequestID(text)
	if id != "" {
		x, err := call[adminwire.Explanation](c.Context(), p, http.MethodGet, tenantPath(tenant, "requests", id), nil, nil)
		var problem *adminclient.Problem
		unknown := errors.As(err, &problem) && problem.Status == http.StatusNotFound
		switch {
		case err == nil:
			return a.showExplanation(c, p, x, nil)
		case !unknown || len(errortext.Letters(text)) < aloneLetters:
			return err
		}
	}
	d, err := call[adminwire.Diagnosis](c.Context(), p, http.MethodPost, tenantPath(tenant, "explanations"), nil, adminwire.PastedText{Text: text})
	if err != nil {
		return err
	}
	if d.Explanation != nil {
		return a.showExplanation(c, p, *d.Explanation, &d)
	}
	if d.Found == "nothing" {
		if a.json {
			if err := a.show(c, d, nil); err != nil {
				return err
			}
		}
		return &adminclient.Problem{Status: http.StatusNotFound, Detail: strings.TrimSpace(d.Detail + " " + d.Missing)}
	}
	return a.show(c, d, func(w io.Writer) { a.printDiagnosis(w, tenant, d) })
}

// showExplanation shows the explanation of a request. If the request was found
// by a text without its ID, d is the diagnosis of the text; otherwise d is nil.
func (a *asking) showExplanation(c *cobra.Command, p place, x adminwire.Explanation, d *adminwire.Diagnosis) error {
	why, err := p.summaries(c.Context())
	if err != nil {
		return err
	}
	document := any(x)
	if d != nil {
		document = d
	}
	return a.show(c, document, func(w io.Writer) {
		if d != nil {
			paragraph(w, text(d.Detail))
			fmt.Fprintln(w)
		}
		printExplanation(w, x, why)
	})
}

// printDiagnosis prints the requests and the causes that may belong to a text.
func (a *asking) printDiagnosis(w io.Writer, tenant string, d adminwire.Diagnosis) {
	paragraph(w, text(d.Detail))
	if len(d.Requests) > 0 {
		fmt.Fprintln(w)
		printTable(w, logColumns, logRows(d.Requests))
		if d.More.Or(false) {
			fmt.Fprintf(w, "There are others: %s log %s --outcome failure%s\n", calledAs, shellWord(tenant), a.server())
		}
	}
	for _, m := range d.Causes {
		fmt.Fprintln(w)
		labelled(w, "", [][2]string{{"cause", text(m.Cause)}, {"what it means", text(m.Summary)}, {"what to do", text(m.WhatToDo)}})
	}
	if d.Missing != "" {
		fmt.Fprintln(w)
		paragraph(w, visible(d.Missing))
	}
}

func (a *asking) explainCause(c *cobra.Command, name string) error {
	if name == "-" || strings.Contains(name, " ") || errortext.RequestID(name) != "" {
		return usageError{errors.New("which tenant is the request of? Usage: rollcall explain TENANT REQUEST")}
	}
	p, err := a.connect(c.Context())
	if err != nil {
		return err
	}
	m, err := p.cause(c.Context(), name)
	if err != nil {
		return err
	}
	return a.show(c, m, func(w io.Writer) { printCause(w, m) })
}

func printCause(w io.Writer, m adminwire.Cause) {
	answered := "it only warns"
	if m.Status != 0 {
		answered = text(m.Status)
		if m.ScimType != "" {
			answered += " " + text(m.ScimType)
		}
	}
	where := "in the provisioning log: " + calledAs + " log TENANT --cause " + text(m.Cause)
	if m.Where != "log" {
		where = `in the log lines alone: the queries "Token failures" and "Everything about one request" in CloudWatch`
	}
	rows := append([][2]string{
		{"cause", text(m.Cause)},
		{"what it means", text(m.Summary)},
	}, adviceRows(m)...)
	for _, of := range m.Settings {
		rows = append(rows, [2]string{"setting " + text(of.Fault), text(of.Summary)})
	}
	labelled(w, "", append(rows, [][2]string{
		{"answered with", answered},
		{"its requests are", where},
		{"documentation", text(m.Documentation)},
	}...))
}

// adviceRows returns what to do about a cause: first for each identity provider
// with advice of its own, and then for all others.
func adviceRows(m adminwire.Cause) [][2]string {
	var rows [][2]string
	for _, provider := range slices.Sorted(maps.Keys(m.Advice)) {
		if what := m.Advice[provider]; what != m.WhatToDo {
			rows = append(rows, [2]string{"in " + idp.Provider(provider).Name(), text(what)})
		}
	}
	if len(rows) == 0 {
		return [][2]string{{"what to do", text(m.WhatToDo)}}
	}
	return append(rows, [2]string{"in any other", text(m.WhatToDo)})
}

func printExplanation(w io.Writer, x adminwire.Explanation, why map[string]string) {
	for i, e := range x.Entries {
		if i > 0 {
			fmt.Fprintln(w)
		}
		printEntry(w, e, why[e.Cause])
	}
	switch {
	case x.Now == "failing" && x.Failing != nil:
		fmt.Fprintf(w, "\nStill failing: failed %s (last request %s).\n", failedTimes(*x.Failing), text(x.Failing.RequestID))
		printDismissal(w, x.Failing.Dismissed)
	case x.Now == "forgotten":
		fmt.Fprintln(w, "\nNothing with this name was sent for 30 days: the failure is no longer listed.")
	case x.Now == "fixed" && x.FixedBy == nil:
		fmt.Fprintln(w, "\nResolved: no longer failing.")
	case x.Now == "fixed":
		fmt.Fprintf(w, "\nResolved at %s by request %s.\n", text(x.FixedBy.Time), text(x.FixedBy.RequestID))
	}
}

// printEntry prints an entry and the meaning of its cause, the most important
// lines first.
func printEntry(w io.Writer, e adminwire.Entry, why string) {
	fmt.Fprintf(w, "%s of %s %s: %s\n", text(e.Operation), text(e.ResourceType), text(subjectOf(e)), text(e.Outcome))
	labelled(w, "  ", entryRows(e, why))
	for _, m := range e.Members {
		fmt.Fprintf(w, "  member %s: %s", text(m.ID), text(m.State))
		if m.Subject != "" {
			fmt.Fprintf(w, ", %s", text(m.Subject))
		}
		if f := m.Failure; f != nil {
			fmt.Fprintf(w, "; fails itself: %s What to do: %s", text(f.Detail), text(f.WhatToDo))
		}
		fmt.Fprintln(w)
	}
}

// entryRows returns what an entry has, with labels.
func entryRows(e adminwire.Entry, why string) [][2]string {
	var rows [][2]string
	add := func(label string, values ...string) {
		texts := make([]string, len(values))
		for i, value := range values {
			texts[i] = text(value)
		}
		if joined := strings.Join(texts, ", "); joined != "" && joined != "-" {
			rows = append(rows, [2]string{label, joined})
		}
	}
	number := func(n int) string {
		if n == 0 {
			return ""
		}
		return strconv.Itoa(n)
	}
	provider := e.IdP
	if provider != "" {
		provider = idp.Provider(provider).Name()
	}
	add("what happened", firstOf(happened(e.Detail, e.RequestID, e.WhatToDo), e.Detail))
	add("why", why)
	add("what to do", e.WhatToDo)
	add("cause", e.Cause)
	add("documentation", e.Documentation)
	add("result", e.Action)
	add("time", text(e.Time))
	add("identity provider", provider)
	add("identity provider request ID", e.IdPRequestID)
	add("on behalf of", e.Who)
	add("token", e.TokenID)
	add("request", e.RequestID)
	add("bulk request", e.BulkRequestID)
	add("status", number(e.Status))
	add("scimType", e.ScimType)
	add("id", e.ResourceID)
	add("externalId", e.ExternalID)
	add("changed", e.Changed...)
	add("accepted with changes", e.Tolerances...)
	add("members added", e.MembersAdded...)
	add("members removed", e.MembersRemoved...)
	if e.MembersSet != nil {
		add("members now", text(*e.MembersSet))
	}
	if e.Seats != nil {
		add("seats at the time", seatsThen(*e.Seats))
	}
	return rows
}

func seatsThen(seats adminwire.Seats) string {
	said := ""
	if seats.Used != nil {
		said = fmt.Sprintf("%d of %s in use, as of %s", *seats.Used, limitText(seats.Limit.Value), text(seats.AsOf))
	}
	if seats.Delta != 0 {
		said = strings.TrimPrefix(fmt.Sprintf("%s; changed by %d", said, seats.Delta), "; ")
	}
	return said
}
