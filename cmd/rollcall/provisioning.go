package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcall-scim/rollcall/internal/adminclient"
	"github.com/rollcall-scim/rollcall/internal/errortext"
	"github.com/rollcall-scim/rollcall/internal/idp"
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
	f.IntVar(&o.limit, "limit", 50, "at most this `NUMBER` of entries")
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
	p, err := o.connect(c.Context())
	if err != nil {
		return err
	}
	entries, searched := []any{}, ""
	var nothing map[string]any
	for {
		query.Set("limit", strconv.Itoa(min(o.limit-len(entries), 200)))
		page, err := p.ask(c.Context(), http.MethodGet, tenantPath(tenant, "log"), query, nil)
		if err != nil {
			return p.knowing(c.Context(), o.cause, err)
		}
		part, _ := page["entries"].([]any)
		entries = append(entries, part...)
		if reason, ok := page["nothing"].(map[string]any); ok {
			nothing = reason
		}
		next, more := page["next"].(string)
		searched, _ = page["searchedTo"].(string)
		if !more || len(entries) >= o.limit {
			break
		}
		query.Set("after", next)
	}
	document := map[string]any{"entries": entries}
	if searched != "" {
		document["searchedTo"] = searched
	}
	if nothing != nil {
		document["nothing"] = nothing
	}
	return o.show(c, document, func(w io.Writer) {
		if len(entries) == 0 {
			printNothing(w, "No entries found.", nothing, calledAs+" log "+shellWord(tenant), o.server(), o.filtered())
			if searched != "" {
				fmt.Fprintf(w, "Searched down to %s; older entries: --until %s.\n", visible(searched), visible(searched))
			}
			return
		}
		printTable(w, logColumns, logRows(entries))
		if searched != "" {
			paragraph(w, "")
			paragraph(w, fmt.Sprintf("There are older entries: add --until %s, or a higher --limit.", visible(searched)))
		}
	})
}

// filtered reports whether the search has filters beside its subject.
func (o *logOptions) filtered() bool {
	return o.cause+o.outcome+o.kind+o.since+o.until != ""
}

// printNothing prints why a search found nothing, and the commands to try next.
func printNothing(w io.Writer, what string, nothing map[string]any, command, server string, filtered bool) {
	fmt.Fprintln(w, what)
	if nothing == nil {
		return
	}
	paragraph(w, text(nothing["detail"]))
	similar, _ := nothing["similar"].([]any)
	for _, name := range similar {
		fmt.Fprintf(w, "Did you mean: %s --subject %s%s\n", command, shellWord(text(name)), server)
	}
	switch reason := member(nothing, "reason"); {
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

// knowing returns a refusal, with the known causes if it was for an unknown
// one.
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
func (p place) cause(ctx context.Context, name string) (map[string]any, error) {
	answer, err := p.ask(ctx, http.MethodGet, "/causes", nil, nil)
	if err != nil {
		return nil, err
	}
	causes, _ := answer["causes"].([]any)
	var names []string
	for _, v := range causes {
		if member(v, "cause") == name {
			m, _ := v.(map[string]any)
			return m, nil
		}
		names = append(names, member(v, "cause"))
	}
	refused := unknown("cause", name, names)
	if !strings.HasSuffix(refused, "?") {
		refused += "."
	}
	return nil, mistake("%s docs/reference/causes.md lists the causes", refused)
}

// summaries reads what every cause means.
func (p place) summaries(ctx context.Context) (map[string]string, error) {
	answer, err := p.ask(ctx, http.MethodGet, "/causes", nil, nil)
	if err != nil {
		return nil, err
	}
	causes, _ := answer["causes"].([]any)
	meanings := make(map[string]string, len(causes))
	for _, v := range causes {
		meanings[member(v, "cause")] = member(v, "summary")
	}
	return meanings, nil
}

// logColumns are the columns of a list of log entries.
var logColumns = []column{
	{"TIME", stays}, {"OUTCOME", stays}, {"OPERATION", stays}, {"SUBJECT", stays}, {"CAUSE", below}, {"REQUEST", below},
}

func logRows(entries []any) [][]string {
	rows := make([][]string, len(entries))
	for i, v := range entries {
		e, _ := v.(map[string]any)
		what := e["action"]
		if what == nil {
			what = e["operation"]
		}
		rows[i] = []string{seconds(e["time"]), text(e["outcome"]), text(what), text(who(e)), text(e["cause"]), text(e["requestId"])}
	}
	return rows
}

// who returns the subject of an entry or a failure, in words that people know.
func who(e map[string]any) string {
	for _, name := range []string{"subject", "externalId", "resourceId"} {
		if s, _ := e[name].(string); s != "" {
			return s
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

func newFailures() *cobra.Command {
	var a asking
	var subject, cause, kind string
	c := a.add(&cobra.Command{
		Use: "failures TENANT", Short: "list the users and groups that fail now, why, and what to do",
		Example: "  rollcall failures acme\n  rollcall failures acme --cause seat_limit --type User",
		Long:    "Show what needs attention in a tenant, for example a revoked token in use, and the users\nand groups whose last request failed: why, since when, and what to do. A user or group\nleaves the list by itself once a request for it succeeds.",
		Args:    takes(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := oneWord(&kind, "type", resourceTypes); err != nil {
				return err
			}
			query := url.Values{}
			for name, value := range map[string]string{"subject": subject, "cause": cause, "resourceType": kind} {
				if value != "" {
					query.Set(name, value)
				}
			}
			whole := len(query) == 0
			p, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			path := tenantPath(args[0], "failed-users")
			list, err := p.all(c, path, "failedUsers", query)
			if err != nil {
				return p.knowing(c.Context(), cause, err)
			}
			var nothing map[string]any
			if len(list) == 0 {
				query.Del("after")
				page, err := p.ask(c.Context(), http.MethodGet, path, query, nil)
				if err != nil {
					return err
				}
				nothing, _ = page["nothing"].(map[string]any)
			}
			slices.SortStableFunc(list, func(x, y any) int { return strings.Compare(member(y, "lastFailure"), member(x, "lastFailure")) })
			document := map[string]any{"failedUsers": list}
			if nothing != nil {
				document["nothing"] = nothing
			}
			if whole { // as the notices are
				overview, err := p.ask(c.Context(), http.MethodGet, tenantPath(args[0], "overview"), nil, nil)
				if err != nil {
					return err
				}
				for _, name := range []string{"state", "summary", "notices"} {
					document[name] = overview[name]
				}
			}
			return a.show(c, document, func(w io.Writer) {
				a.printNotices(w, args[0], document)
				switch {
				case len(list) > 0:
					if whole {
						fmt.Fprintln(w)
					}
					a.printFailures(w, args[0], list)
				case !whole:
					printNothing(w, "No failures found.", nothing, calledAs+" failures "+shellWord(args[0]), a.server(), cause+kind != "")
				}
			})
		},
	})
	c.Flags().StringVar(&subject, "subject", "", "only this user or group: a whole `NAME`, externalId or id")
	c.Flags().StringVar(&cause, "cause", "", "only this `CAUSE`, for example seat_limit (docs/reference/causes.md)")
	c.Flags().StringVar(&kind, "type", "", "only this resource `TYPE`: User or Group")
	return completes(c, false, a.tenants)
}

func member(document any, name string) string {
	d, _ := document.(map[string]any)
	s, _ := d[name].(string)
	return s
}

// printNotices prints the state of a tenant's provisioning, and what needs attention, each
// with the command that lists its requests: requests may be refused even if no user
// fails.
func (a *asking) printNotices(w io.Writer, tenant string, overview map[string]any) {
	if overview["summary"] == nil {
		return
	}
	fmt.Fprintln(w, text(overview["summary"]))
	notices, _ := overview["notices"].([]any)
	for _, v := range notices {
		fmt.Fprintln(w)
		paragraph(w, text(member(v, "level"))+": "+text(member(v, "text")))
		var rows [][2]string
		if todo := member(v, "whatToDo"); todo != "" {
			rows = append(rows, [2]string{"what to do", text(todo)})
		}
		if cause := member(v, "cause"); cause != "" {
			list := fmt.Sprintf("%s log %s --cause %s", calledAs, shellWord(tenant), text(cause))
			if outcome := member(v, "outcome"); outcome != "" {
				list += " --outcome " + text(outcome)
			}
			rows = append(rows, [2]string{"requests", list + a.server()})
		}
		labelled(w, "  ", rows)
	}
}

// printFailures prints the failing subjects in groups with the same advice, the
// latest failure first, in all and in each group.
func (a *asking) printFailures(w io.Writer, tenant string, list []any) {
	alike := map[[2]string][]map[string]any{}
	var order [][2]string
	for _, v := range list {
		f, _ := v.(map[string]any)
		key := [2]string{member(f, "cause"), member(f, "whatToDo")}
		if alike[key] == nil {
			order = append(order, key)
		}
		alike[key] = append(alike[key], f)
	}
	for _, key := range order {
		fmt.Fprintf(w, "%s: %d\n", failureHeading(alike[key]), len(alike[key]))
		labelled(w, "  ", [][2]string{
			{"what to do", text(key[1])}, {"documentation", text(alike[key][0]["documentation"])},
		})
		for _, f := range alike[key] {
			printFailure(w, f)
		}
		fmt.Fprintln(w)
	}
	fail := "fail"
	if len(list) == 1 {
		fail = "fails"
	}
	paragraph(w, fmt.Sprintf("%d %s. '%s explain %s REQUEST%s' explains one request.", len(list), fail, calledAs, shellWord(tenant), a.server()))
}

// failureHeading returns the cause of failures with the same advice, and the
// identity provider of the advice if all are from one.
func failureHeading(failures []map[string]any) string {
	cause, provider := text(failures[0]["cause"]), member(failures[0], "idp")
	for _, f := range failures {
		if member(f, "idp") != provider {
			return cause
		}
	}
	if provider != "" && provider != string(idp.Other) {
		return cause + ", " + idp.Provider(provider).Name()
	}
	return cause
}

// failedTimes says how often and when a user or group failed.
func failedTimes(f map[string]any) string {
	if fmt.Sprint(f["count"]) == "1" {
		return "once, at " + text(f["lastFailure"])
	}
	return fmt.Sprintf("%s times, from %s to %s", text(f["count"]), text(f["firstFailure"]), text(f["lastFailure"]))
}

func printFailure(w io.Writer, f map[string]any) {
	fmt.Fprintf(w, "\n  %s %s\n", text(f["resourceType"]), cut(text(who(f))))
	labelled(w, "    ", [][2]string{{"what happened", text(happened(f))}, {"failed", failedTimes(f)}, {"request", text(f["requestId"])}})
}

// happened returns the detail of a failure without the advice and the id at its
// end.
func happened(f map[string]any) string {
	detail := strings.TrimSuffix(member(f, "detail"), " (request "+member(f, "requestId")+")")
	return strings.TrimSuffix(detail, " "+member(f, "whatToDo"))
}

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

// explain shows what a pasted text means: the request whose ID it has, or else
// what it is recognized by.
func (a *asking) explain(c *cobra.Command, p place, tenant, pasted string) error {
	text, redacted := errortext.Clean(pasted)
	if redacted {
		fmt.Fprintln(c.ErrOrStderr(), "rollcall: the text has a token of this service in it, which was not sent. Rotate the token: other programs may have the text.")
	}
	id := errortext.RequestID(text)
	if id != "" {
		x, err := p.ask(c.Context(), http.MethodGet, tenantPath(tenant, "requests", id), nil, nil)
		var problem *adminclient.Problem
		unknown := errors.As(err, &problem) && problem.Status == http.StatusNotFound
		switch {
		case err == nil:
			return a.showExplanation(c, p, x, nil)
		case !unknown || len(errortext.Letters(text)) < aloneLetters:
			return err
		}
	}
	d, err := p.ask(c.Context(), http.MethodPost, tenantPath(tenant, "explanations"), nil, map[string]any{"text": text})
	if err != nil {
		return err
	}
	if x, ok := d["explanation"].(map[string]any); ok {
		return a.showExplanation(c, p, x, d)
	}
	if member(d, "found") == "nothing" {
		if a.json {
			if err := a.show(c, d, nil); err != nil {
				return err
			}
		}
		return &adminclient.Problem{Status: http.StatusNotFound, Detail: strings.TrimSpace(member(d, "detail") + " " + member(d, "missing"))}
	}
	return a.show(c, d, func(w io.Writer) { a.printDiagnosis(w, tenant, d) })
}

// showExplanation shows the explanation of a request, and, if its ID was not
// given, how it was found: d, or nil.
func (a *asking) showExplanation(c *cobra.Command, p place, x, d map[string]any) error {
	why, err := p.summaries(c.Context())
	if err != nil {
		return err
	}
	document := x
	if d != nil {
		document = d
	}
	return a.show(c, document, func(w io.Writer) {
		if d != nil {
			paragraph(w, text(d["detail"]))
			fmt.Fprintln(w)
		}
		printExplanation(w, x, why)
	})
}

// printDiagnosis prints the requests and the causes that a text may be of.
func (a *asking) printDiagnosis(w io.Writer, tenant string, d map[string]any) {
	paragraph(w, text(d["detail"]))
	if requests, _ := d["requests"].([]any); len(requests) > 0 {
		fmt.Fprintln(w)
		printTable(w, logColumns, logRows(requests))
		if d["more"] == true {
			fmt.Fprintf(w, "There are others: %s log %s --outcome failure%s\n", calledAs, shellWord(tenant), a.server())
		}
	}
	causes, _ := d["causes"].([]any)
	for _, v := range causes {
		m, _ := v.(map[string]any)
		fmt.Fprintln(w)
		labelled(w, "", [][2]string{{"cause", text(m["cause"])}, {"what it means", text(m["summary"])}, {"what to do", text(m["whatToDo"])}})
	}
	if missing := member(d, "missing"); missing != "" {
		fmt.Fprintln(w)
		paragraph(w, visible(missing))
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

func printCause(w io.Writer, m map[string]any) {
	answered := "it only warns"
	if status := fmt.Sprint(m["status"]); status != "0" {
		answered = status
		if t := text(m["scimType"]); t != "-" {
			answered += " " + t
		}
	}
	where := "in the provisioning log: " + calledAs + " log TENANT --cause " + text(m["cause"])
	if m["where"] != "log" {
		where = `in the log lines alone: the queries "Token failures" and "Everything about one request" in CloudWatch`
	}
	rows := append([][2]string{
		{"cause", text(m["cause"])},
		{"what it means", text(m["summary"])},
	}, adviceRows(m)...)
	labelled(w, "", append(rows, [][2]string{
		{"answered with", answered},
		{"its requests are", where},
		{"documentation", text(m["documentation"])},
	}...))
}

// adviceRows returns what to do about a cause: first in each identity provider
// that differs, and then in the others.
func adviceRows(m map[string]any) [][2]string {
	neutral := text(m["whatToDo"])
	var rows [][2]string
	advice, _ := m["advice"].(map[string]any)
	for _, provider := range slices.Sorted(maps.Keys(advice)) {
		if what := text(advice[provider]); what != neutral {
			rows = append(rows, [2]string{"in " + idp.Provider(provider).Name(), what})
		}
	}
	if len(rows) == 0 {
		return [][2]string{{"what to do", neutral}}
	}
	return append(rows, [2]string{"in any other", neutral})
}

func printExplanation(w io.Writer, x map[string]any, why map[string]string) {
	entries, _ := x["entries"].([]any)
	for i, v := range entries {
		e, _ := v.(map[string]any)
		if i > 0 {
			fmt.Fprintln(w)
		}
		printEntry(w, e, why[text(e["cause"])])
	}
	switch x["now"] {
	case "failing":
		f, _ := x["failing"].(map[string]any)
		fmt.Fprintf(w, "\nStill failing: failed %s (last request %s).\n", failedTimes(f), text(f["requestId"]))
	case "fixed":
		by, _ := x["fixedBy"].(map[string]any)
		if by == nil {
			fmt.Fprintln(w, "\nResolved: no longer failing.")
			return
		}
		fmt.Fprintf(w, "\nResolved at %s by request %s.\n", text(by["time"]), text(by["requestId"]))
	}
}

// printEntry prints all of an entry, and what its cause means, what matters first.
func printEntry(w io.Writer, e map[string]any, why string) {
	fmt.Fprintf(w, "%s of %s %s: %s\n", text(e["operation"]), text(e["resourceType"]), text(who(e)), text(e["outcome"]))
	var rows [][2]string
	for _, f := range [][2]string{
		{"what happened", "detail"},
		{"what to do", "whatToDo"},
		{"cause", "cause"},
		{"documentation", "documentation"},
		{"result", "action"},
		{"time", "time"},
		{"identity provider", "idp"},
		{"identity provider request ID", "idpRequestId"},
		{"on behalf of", "who"},
		{"token", "tokenId"},
		{"request", "requestId"},
		{"bulk request", "bulkRequestId"},
		{"status", "status"},
		{"scimType", "scimType"},
		{"id", "resourceId"},
		{"externalId", "externalId"},
		{"changed", "changed"},
		{"accepted with changes", "tolerances"},
		{"members added", "membersAdded"},
		{"members removed", "membersRemoved"},
		{"members now", "membersSet"},
	} {
		if f[1] == "whatToDo" && why != "" {
			rows = append(rows, [2]string{"why", why})
		}
		v := e[f[1]]
		switch f[1] {
		case "detail":
			if said := happened(e); said != "" {
				v = said
			}
		case "idp":
			if provider := member(e, "idp"); provider != "" {
				v = idp.Provider(provider).Name()
			}
		}
		if v != nil {
			rows = append(rows, [2]string{f[0], listed(v)})
		}
	}
	if seats, ok := e["seats"].(map[string]any); ok {
		rows = append(rows, [2]string{"seats at the time", seatsThen(seats)})
	}
	labelled(w, "  ", rows)
	members, _ := e["members"].([]any)
	for _, v := range members {
		m, _ := v.(map[string]any)
		fmt.Fprintf(w, "  member %s: %s", text(m["id"]), text(m["state"]))
		if s, _ := m["subject"].(string); s != "" {
			fmt.Fprintf(w, ", %s", text(s))
		}
		if f, ok := m["failure"].(map[string]any); ok {
			fmt.Fprintf(w, "; fails itself: %s What to do: %s", text(f["detail"]), text(f["whatToDo"]))
		}
		fmt.Fprintln(w)
	}
}

func seatsThen(seats map[string]any) string {
	said := ""
	if seats["used"] != nil {
		limit := "no limit"
		if seats["limit"] != nil {
			limit = text(seats["limit"])
		}
		said = fmt.Sprintf("%s of %s in use, as of %s", text(seats["used"]), limit, text(seats["asOf"]))
	}
	if seats["delta"] != nil {
		said = strings.TrimPrefix(said+fmt.Sprintf("; changed by %s", text(seats["delta"])), "; ")
	}
	return said
}

// listed is a value, or the values of a list.
func listed(v any) string {
	list, ok := v.([]any)
	if !ok {
		return text(v)
	}
	texts := make([]string, len(list))
	for i, one := range list {
		texts[i] = text(one)
	}
	return strings.Join(texts, ", ")
}
