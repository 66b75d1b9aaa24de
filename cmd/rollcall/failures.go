package main

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/idp"
	"github.com/rollcall-scim/rollcall/internal/sheet"
)

// failuresOptions are the flags of rollcall failures.
type failuresOptions struct {
	asking
	subject, cause, kind string
	effects              bool
	seats                int
	csv                  bool
	dismissed            bool
}

func newFailures() *cobra.Command {
	var o failuresOptions
	c := o.add(&cobra.Command{
		Use: "failures TENANT", Short: "list the users and groups that fail now, why, and what to do",
		Example: "  rollcall failures acme\n  rollcall failures acme --cause seat_limit --type User\n  rollcall failures acme --effect",
		Long:    "Show what needs attention in a tenant, for example a revoked token in use, and the users\nand groups whose last request failed: why, since when, and what to do. A user or group\nleaves the list by itself once a request for it succeeds, and 'rollcall dismiss' takes it out.",
		Args:    takes(1),
		RunE:    func(c *cobra.Command, args []string) error { return o.run(c, args[0]) },
	})
	c.Flags().StringVar(&o.subject, "subject", "", "only this user or group: a whole `NAME`, externalId or id")
	c.Flags().StringVar(&o.cause, "cause", "", "only this `CAUSE`, for example seat_limit (docs/reference/causes.md)")
	c.Flags().StringVar(&o.kind, "type", "", "only this resource `TYPE`: User or Group")
	c.Flags().BoolVar(&o.effects, "effect", false, "list possible fixes: which users and groups succeed after each, and what to send again")
	c.Flags().IntVar(&o.seats, "seats", 0, "with --effect: what `N` more seats fix")
	csvFlag(c, &o.csv)
	c.Flags().BoolVar(&o.dismissed, "dismissed", false, "only dismissed failures ('rollcall dismiss'), each with its author and reason")
	return completes(c, false, o.tenants)
}

// Attention lists what needs attention in a tenant, as its overview does.
type Attention struct {
	State   string             `json:"state"`
	Summary string             `json:"summary"`
	Notices []adminwire.Notice `json:"notices"`
}

// failuresDocument is the output of rollcall failures.
type failuresDocument struct {
	adminwire.FailedUsers
	// Attention is nil for a search with filters.
	*Attention
}

func (o *failuresOptions) query() (url.Values, error) {
	query := url.Values{}
	err := oneWord(&o.kind, "type", resourceTypes)
	for name, value := range map[string]string{"subject": o.subject, "cause": o.cause, "resourceType": o.kind} {
		if value != "" {
			query.Set(name, value)
		}
	}
	switch {
	case err != nil:
	case o.effects && len(query) > 0:
		err = mistake("--effect considers all failures: leave out --subject, --cause and --type")
	case o.seats != 0 && !o.effects:
		err = mistake("--seats needs --effect")
	}
	if o.dismissed {
		query.Set("dismissed", "true")
	}
	return query, err
}

func (o *failuresOptions) run(c *cobra.Command, tenant string) error {
	query, err := o.query()
	if err != nil {
		return err
	}
	if o.csv {
		return writeCSV(&o.asking, c, sheet.FailedUsers, tenantPath(tenant, "failed-users"), "failedUsers", query, 0)
	}
	p, err := o.connect(c.Context())
	if err != nil {
		return err
	}
	if o.effects {
		return o.effect(c, p, tenant)
	}
	var document failuresDocument
	if len(query) == 0 { // as the notices are
		document.Attention = &Attention{}
	}
	path := tenantPath(tenant, "failed-users")
	if document.FailedUsers.FailedUsers, err = all[adminwire.FailedUser](c, p, path, "failedUsers", query); err != nil {
		return p.knowing(c.Context(), o.cause, err)
	}
	list := document.FailedUsers.FailedUsers
	if len(list) == 0 && !o.dismissed {
		query.Del("after")
		if document.FailedUsers, err = call[adminwire.FailedUsers](c.Context(), p, http.MethodGet, path, query, nil); err != nil {
			return err
		}
	}
	slices.SortStableFunc(list, func(x, y adminwire.FailedUser) int { return y.LastFailure.Compare(x.LastFailure) })
	if document.Attention != nil {
		if *document.Attention, err = call[Attention](c.Context(), p, http.MethodGet, tenantPath(tenant, "overview"), nil, nil); err != nil {
			return err
		}
	}
	return o.show(c, document, func(w io.Writer) { o.print(w, tenant, document, list) })
}

// print prints what needs attention, and the list of failures.
func (o *failuresOptions) print(w io.Writer, tenant string, document failuresDocument, list []adminwire.FailedUser) {
	if document.Attention != nil {
		o.printNotices(w, tenant, *document.Attention)
	}
	switch {
	case len(list) > 0:
		if document.Attention != nil {
			fmt.Fprintln(w)
		}
		o.printFailures(w, tenant, list)
	case o.dismissed:
		fmt.Fprintln(w, "No failure is dismissed.")
	case document.Attention == nil:
		printNothing(w, "No failures found.", document.Nothing, calledAs+" failures "+shellWord(tenant), o.server(), o.cause+o.kind != "")
	}
}

// printNotices prints the state of a tenant's provisioning, and what needs attention, each
// with the command that lists its requests: requests may be refused even if no user
// fails.
func (a *asking) printNotices(w io.Writer, tenant string, attention Attention) {
	fmt.Fprintln(w, text(attention.Summary))
	for _, n := range attention.Notices {
		fmt.Fprintln(w)
		paragraph(w, text(n.Level)+": "+text(n.Text))
		var rows [][2]string
		if n.WhatToDo != "" {
			rows = append(rows, [2]string{"what to do", text(n.WhatToDo)})
		}
		if n.Cause != "" {
			list := fmt.Sprintf("%s log %s --cause %s", calledAs, shellWord(tenant), text(n.Cause))
			if n.Outcome != "" {
				list += " --outcome " + text(n.Outcome)
			}
			rows = append(rows, [2]string{"requests", list + a.server()})
		}
		labelled(w, "  ", rows)
	}
}

// printFailures prints the failing subjects in groups with the same advice, the
// latest failure first, in all and in each group.
func (a *asking) printFailures(w io.Writer, tenant string, list []adminwire.FailedUser) {
	type advice struct{ cause, whatToDo string }
	alike := map[advice][]adminwire.FailedUser{}
	var order []advice
	for _, f := range list {
		key := advice{f.Cause, f.WhatToDo}
		if alike[key] == nil {
			order = append(order, key)
		}
		alike[key] = append(alike[key], f)
	}
	for _, key := range order {
		fmt.Fprintf(w, "%s: %d\n", failureHeading(alike[key]), len(alike[key]))
		labelled(w, "  ", [][2]string{
			{"what to do", text(key.whatToDo)}, {"documentation", text(alike[key][0].Documentation)},
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
func failureHeading(failures []adminwire.FailedUser) string {
	cause, provider := text(failures[0].Cause), failures[0].IdP
	for _, f := range failures {
		if f.IdP != provider {
			return cause
		}
	}
	if provider != "" && provider != adminwire.NullableString(idp.Other) {
		return cause + ", " + idp.Provider(provider).Name()
	}
	return cause
}

// failedTimes says how often and when a user or group failed.
func failedTimes(f adminwire.FailedUser) string {
	if f.Count == 1 {
		return "once, at " + text(f.LastFailure)
	}
	return fmt.Sprintf("%d times, from %s to %s", f.Count, text(f.FirstFailure), text(f.LastFailure))
}

// subjectText returns the type of a user or group, and its name or, without one, an id.
func subjectText(resourceType string, name, externalID, id adminwire.NullableString) string {
	return text(resourceType) + " " + cut(text(firstOf(name, externalID, id)))
}

func printFailure(w io.Writer, f adminwire.FailedUser) {
	fmt.Fprintf(w, "\n  %s\n", subjectText(f.ResourceType, f.Subject, f.ExternalID, f.ResourceID))
	rows := [][2]string{
		{"what happened", text(happened(f.Detail, f.RequestID, f.WhatToDo))}, {"failed", failedTimes(f)}, {"request", text(f.RequestID)},
	}
	if f.Retry != "" {
		rows = append(rows, [2]string{"sent again", text(f.Retry)})
	}
	labelled(w, "    ", rows)
	printDismissal(w, f.Dismissed)
}

// happened returns the detail of a failure without the advice and the id at its
// end.
func happened(detail, requestID, whatToDo string) string {
	return strings.TrimSuffix(strings.TrimSuffix(detail, " (request "+requestID+")"), " "+whatToDo)
}
