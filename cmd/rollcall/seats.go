package main

import (
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/amount"
)

func newSeats() *cobra.Command {
	var show, set asking
	return parent("seats", "show and set the number of seats of a tenant",
		completes(show.add(&cobra.Command{
			Use: "show TENANT", Short: "show seats and readers in use, users and groups", Args: takes(1),
			Example: "  rollcall seats show acme",
			RunE:    func(c *cobra.Command, args []string) error { return showUsage(&show, c, args[0]) },
		}), false, show.tenants),
		completes(set.add(&cobra.Command{
			Use: "set TENANT NUMBER", Short: "set the number of seats; null is no limit", Args: takes(2),
			Long: `Set the number of seats; null is no limit.

A limit below the number in use deactivates no user. New seats are refused until
fewer seats than the limit are in use.`,
			Example: "  rollcall seats set acme 60\n  rollcall seats set acme null",
			RunE: func(c *cobra.Command, args []string) error {
				sent, err := settings(tenantSettings, true, []string{"maxSeats=" + args[1]})
				if err != nil {
					return err
				}
				if _, err := connectAndCall[adminwire.Tenant](&set, c, http.MethodPatch, tenantPath(args[0]), nil, sent); err != nil {
					return err
				}
				return showUsage(&set, c, args[0])
			},
		}), false, set.tenants))
}

func showUsage(a *asking, c *cobra.Command, tenant string) error {
	p, err := a.connect(c.Context())
	if err != nil {
		return err
	}
	u, err := call[adminwire.Usage](c.Context(), p, http.MethodGet, tenantPath(tenant, "usage"), nil, nil)
	if err != nil {
		return err
	}
	var found adminwire.FailedUsers
	if !a.json && (isFull(u.Seats) || isFull(u.Readers)) {
		found, err = call[adminwire.FailedUsers](c.Context(), p, http.MethodGet, tenantPath(tenant, "failed-users"), url.Values{"effect": {"true"}, "limit": {"1"}}, nil)
		if err != nil {
			return err
		}
	}
	return a.show(c, u, func(w io.Writer) {
		of := func(name string, n adminwire.Count) []string { return []string{name, text(n.Used), limitText(n.Limit)} }
		aligned(w, []string{"", "IN USE", "LIMIT"}, [][]string{of("seats", u.Seats), of("readers", u.Readers)})
		fmt.Fprintf(w, "%s, %s\n", amount.Count(u.Users, "user"), amount.Count(u.Groups, "group"))
		for _, e := range found.Effects {
			if e.Fix == "seats" || e.Fix == "readers" {
				paragraph(w, text(e.Text))
			}
		}
	})
}

// isFull reports whether no licence is free.
func isFull(n adminwire.Count) bool { return n.Limit != nil && n.Used >= *n.Limit }
