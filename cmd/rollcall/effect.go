package main

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
)

const checkLong = `Say what the last failed request of a user or group would do if it were sent again now:
whether it would succeed and what it would change, or why it would still be refused
and which record already has the name or id that it needs. Nothing is written.

The answer is decided from the stored values of the failed request. No values are stored
of a request that broke a rule of SCIM, so its result is unknown.

SUBJECT is a whole userName, displayName, externalId or id.`

func newCheck() *cobra.Command {
	var a asking
	return completes(a.add(&cobra.Command{
		Use: "check TENANT SUBJECT", Short: "say what a failed request would do now", Long: checkLong, Args: takes(2),
		Example: "  rollcall check acme anna@example.com",
		RunE: func(c *cobra.Command, args []string) error {
			p, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			query := url.Values{"subject": {args[1]}, "check": {"true"}}
			found, err := call[adminwire.FailedUsers](c.Context(), p, http.MethodGet, tenantPath(args[0], "failed-users"), query, nil)
			if err != nil {
				return err
			}
			return a.show(c, found, func(w io.Writer) {
				if len(found.FailedUsers) == 0 {
					printNothing(w, "No failure found.", found.Nothing, calledAs+" check "+shellWord(args[0]), a.server(), false)
					return
				}
				printBlocked(w, found.Blocked)
				for _, f := range found.FailedUsers {
					printCheck(w, f)
				}
			})
		},
	}), false, a.tenants)
}

// printBlocked prints why every request is refused now, nothing if that is not so.
func printBlocked(w io.Writer, why string) {
	if why != "" {
		paragraph(w, "Every request is refused now, whatever is fixed: "+text(why))
		fmt.Fprintln(w)
	}
}

// printCheck prints what the last failed request of a subject would do.
func printCheck(w io.Writer, f adminwire.FailedUser) {
	fmt.Fprintln(w, subjectText(f.ResourceType, f.Subject, f.ExternalID, f.ResourceID))
	rows := [][2]string{{"failed", text(f.Cause) + ", " + failedTimes(f)}}
	if f.Check != nil {
		rows = append(rows, [2]string{"now", text(f.Check.Text)})
		if f.Check.WhatToDo != "" {
			rows = append(rows, [2]string{"what to do", text(f.Check.WhatToDo)})
		}
		if f.Check.Holder != nil {
			rows = append(rows, [2]string{"held by", text(f.Check.Holder.Name) + " (" + text(f.Check.Holder.ID) + ")"})
		}
	}
	labelled(w, "  ", append(rows, [2]string{"request", text(f.RequestID)}))
}

// effect prints the effect of each possible fix.
func (o *failuresOptions) effect(c *cobra.Command, p place, tenant string) error {
	query := url.Values{"effect": {"true"}}
	if o.seats > 0 {
		query.Set("seats", strconv.Itoa(o.seats))
	}
	found, err := call[adminwire.FailedUsers](c.Context(), p, http.MethodGet, tenantPath(tenant, "failed-users"), query, nil)
	if err != nil {
		return err
	}
	return o.show(c, found, func(w io.Writer) {
		if len(found.Effects) == 0 {
			printNothing(w, "No failures found.", found.Nothing, calledAs+" failures "+shellWord(tenant), o.server(), false)
			return
		}
		printBlocked(w, found.Blocked)
		for _, e := range found.Effects {
			paragraph(w, text(e.Text))
			for _, on := range slices.Concat(e.Fixed, e.Open) {
				fmt.Fprintf(w, "  %s\n", subjectText(on.ResourceType, on.Subject, on.ExternalID, on.ResourceID))
			}
			for _, on := range e.Left {
				fmt.Fprintf(w, "  %s: not fixed\n", subjectText(on.ResourceType, on.Subject, on.ExternalID, on.ResourceID))
				labelled(w, "    ", [][2]string{{"then", text(on.Check.Text)}})
			}
			fmt.Fprintln(w)
		}
		if found.EffectsMore {
			paragraph(w, "More users and groups fail: only the first of them are considered.")
		}
	})
}
