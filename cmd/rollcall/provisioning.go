package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcall-scim/rollcall/internal/adminclient"
	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/sheet"
)

const logLong = `Show a tenant's provisioning log, newest entries first: the result of each change
request, with failures, warnings, and requests that had nothing to change.

--subject shows the history of one user or group. --since and --until are a time, for
example 2026-01-31T12:00:00Z, or how long ago: 90m, 2h, 3d.

'rollcall explain TENANT REQUEST' explains one entry.`

// logOptions are the flags of rollcall log.
type logOptions struct {
	asking
	subject, cause, outcome, kind, since, until string
	limit                                       int
	csv                                         bool
}

func newLog() *cobra.Command {
	var o logOptions
	c := o.add(&cobra.Command{
		Use: "log TENANT", Short: "show the provisioning log, newest entries first", Long: logLong, Args: takes(1),
		Example: "  rollcall log acme --subject ann@example.com --since 3d\n  rollcall log acme --outcome failure --cause seat_limit",
		RunE:    func(c *cobra.Command, args []string) error { return o.run(c, args[0]) },
	})
	f := c.Flags()
	f.StringVar(&o.subject, "subject", "", "only entries of this user or group: a whole `NAME`, email, externalId or id")
	f.StringVar(&o.cause, "cause", "", "only entries with this `CAUSE`, for example seat_limit (docs/reference/causes.md)")
	f.StringVar(&o.outcome, "outcome", "", "only entries with this `OUTCOME`: success, warning, failure or skipped")
	f.StringVar(&o.kind, "type", "", "only this resource `TYPE`: User or Group")
	f.StringVar(&o.since, "since", "", "only entries since this `TIME`")
	f.StringVar(&o.until, "until", "", "only entries until this `TIME`")
	f.IntVar(&o.limit, "limit", 50, "at most this `NUMBER` of entries; --csv prints all without it")
	csvFlag(c, &o.csv)
	return completes(c, false, o.tenants)
}

// The words that --outcome and --type accept.
var (
	outcomes      = []string{"success", "warning", "failure", "skipped"}
	resourceTypes = []string{"User", "Group"}
)

// oneWord checks that a flag has one of its words, in any case of letters.
func oneWord(value *string, name string, words []string) error {
	for _, word := range words {
		if *value == "" || strings.EqualFold(*value, word) {
			if *value != "" {
				*value = word
			}
			return nil
		}
	}
	return usageError{errors.New(unknown(name, *value, words))}
}

func (o *logOptions) query(now time.Time) (url.Values, error) {
	query := url.Values{}
	if err := oneWord(&o.outcome, "outcome", outcomes); err != nil {
		return nil, err
	}
	if err := oneWord(&o.kind, "type", resourceTypes); err != nil {
		return nil, err
	}
	for name, value := range map[string]string{
		"subject": o.subject, "cause": o.cause, "outcome": o.outcome, "resourceType": o.kind,
	} {
		if value != "" {
			query.Set(name, value)
		}
	}
	for name, value := range map[string]string{"from": o.since, "to": o.until} {
		if value == "" {
			continue
		}
		at, err := parseMoment(value, now)
		if err != nil {
			return nil, usageError{err}
		}
		query.Set(name, at.UTC().Format(time.RFC3339Nano))
	}
	if o.limit < 1 {
		return nil, usageError{errors.New("--limit must be a number from 1")}
	}
	return query, nil
}

func (o *logOptions) run(c *cobra.Command, tenant string) error {
	query, err := o.query(time.Now())
	if err != nil {
		return err
	}
	if o.csv {
		most := 0
		if c.Flags().Changed("limit") {
			most = o.limit
		}
		return writeCSV(&o.asking, c, sheet.Log, tenantPath(tenant, "log"), "entries", query, most)
	}
	p, err := o.connect(c.Context())
	if err != nil {
		return err
	}
	var document adminwire.Log
	for {
		query.Set("limit", strconv.Itoa(min(o.limit-len(document.Entries), 200)))
		page, err := call[adminwire.Log](c.Context(), p, http.MethodGet, tenantPath(tenant, "log"), query, nil)
		if err != nil {
			return p.knowing(c.Context(), o.cause, err)
		}
		document.Entries = append(document.Entries, page.Entries...)
		document.Nothing, document.SearchedTo = page.Nothing, page.SearchedTo
		if page.Next == "" || len(document.Entries) >= o.limit {
			break
		}
		query.Set("after", page.Next)
	}
	return o.show(c, document, func(w io.Writer) {
		if len(document.Entries) == 0 {
			printNothing(w, "No entries found.", document.Nothing, calledAs+" log "+shellWord(tenant), o.server(), o.filtered())
			if document.SearchedTo != nil {
				fmt.Fprintf(w, "Searched down to %[1]s; older entries: --until %[1]s.\n", text(document.SearchedTo))
			}
			return
		}
		printTable(w, logColumns, logRows(document.Entries))
		if document.SearchedTo != nil {
			paragraph(w, "")
			paragraph(w, fmt.Sprintf("There are older entries: add --until %s, or a higher --limit.", text(document.SearchedTo)))
		}
	})
}

// filtered reports whether the search has filters beside its subject.
func (o *logOptions) filtered() bool {
	return o.cause+o.outcome+o.kind+o.since+o.until != ""
}

// printNothing prints why a search found nothing, and the commands to try next.
func printNothing(w io.Writer, what string, nothing *adminwire.Nothing, command, server string, filtered bool) {
	fmt.Fprintln(w, what)
	if nothing == nil {
		return
	}
	paragraph(w, text(nothing.Detail))
	for _, name := range nothing.Similar {
		fmt.Fprintf(w, "Did you mean: %s --subject %s%s\n", command, shellWord(text(name)), server)
	}
	switch reason := nothing.Reason; {
	case filtered && (reason == "other_entries" || reason == "no_match"):
		fmt.Fprintln(w, "Try again without the other flags.")
	case reason == "empty" || reason == "unknown_subject":
		paragraph(w, "Requests that only read, and those without a token of the tenant, are in the log lines only (docs/reference/log-events.md).")
	}
}

// paragraph prints a text in lines that fit the output.
func paragraph(w io.Writer, s string) {
	for _, line := range folded(s, columns(w)) {
		fmt.Fprintln(w, line)
	}
}

// knowing returns a refusal, with the known causes if the refusal was for an
// unknown cause.
func (p place) knowing(ctx context.Context, cause string, refused error) error {
	var problem *adminclient.Problem
	if cause == "" || !errors.As(refused, &problem) || problem.Status != http.StatusBadRequest {
		return refused
	}
	if _, err := p.cause(ctx, cause); err != nil {
		return err
	}
	return refused
}

// cause reads what a cause means.
func (p place) cause(ctx context.Context, name string) (adminwire.Cause, error) {
	answer, err := call[adminwire.Causes](ctx, p, http.MethodGet, "/causes", nil, nil)
	if err != nil {
		return adminwire.Cause{}, err
	}
	var names []string
	for _, c := range answer.Causes {
		if c.Cause == name {
			return c, nil
		}
		names = append(names, c.Cause)
	}
	refused := unknown("cause", name, names)
	if !strings.HasSuffix(refused, "?") {
		refused += "."
	}
	return adminwire.Cause{}, mistake("%s docs/reference/causes.md lists the causes", refused)
}

// summaries reads what every cause means.
func (p place) summaries(ctx context.Context) (map[string]string, error) {
	answer, err := call[adminwire.Causes](ctx, p, http.MethodGet, "/causes", nil, nil)
	meanings := make(map[string]string, len(answer.Causes))
	for _, c := range answer.Causes {
		meanings[c.Cause] = c.Summary
	}
	return meanings, err
}

// logColumns are the columns of a list of log entries.
var logColumns = []column{
	{"TIME", stays}, {"OUTCOME", stays}, {"OPERATION", stays}, {"SUBJECT", stays}, {"CAUSE", below}, {"REQUEST", below},
}

func logRows(entries []adminwire.Entry) [][]string {
	rows := make([][]string, len(entries))
	for i, e := range entries {
		rows[i] = []string{
			seconds(e.Time), text(e.Outcome), text(firstOf(e.Action, e.Operation)), text(subjectOf(e)), text(e.Cause), text(e.RequestID),
		}
	}
	return rows
}

// subjectOf returns the subject of an entry, in words that people know.
func subjectOf(e adminwire.Entry) string { return firstOf(e.Subject, e.ExternalID, e.ResourceID) }

// firstOf returns the first text that is not empty.
func firstOf[S ~string](texts ...S) string {
	for _, s := range texts {
		if s != "" {
			return string(s)
		}
	}
	return ""
}

// parseAge reads a length of time, for example 2h or 3d.
func parseAge(s string) (time.Duration, bool) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n >= 0 && n <= mostDays {
			return time.Duration(n) * 24 * time.Hour, true
		}
	}
	d, err := time.ParseDuration(s)
	return d, err == nil && d >= 0
}

// mostDays is the longest length of time, in days: about a hundred years.
const mostDays = 36_525

// parseMoment reads a time, or how long ago it was.
func parseMoment(s string, now time.Time) (time.Time, error) {
	if age, ok := parseAge(s); ok {
		return now.Add(-age), nil
	}
	for _, form := range []string{time.RFC3339Nano, "2006-01-02T15:04", time.DateOnly} {
		if at, err := time.Parse(form, s); err == nil {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a time: give a time, for example 2026-01-31T12:00:00Z, or how long ago it was, for example 2h or 3d", s)
}
