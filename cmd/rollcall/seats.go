package main

import (
	"fmt"
	"io"
	"net/http"

	"github.com/spf13/cobra"
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
				if _, err := set.ask(c, http.MethodPatch, tenantPath(args[0]), nil, sent); err != nil {
					return err
				}
				return showUsage(&set, c, args[0])
			},
		}), false, set.tenants))
}

func showUsage(a *asking, c *cobra.Command, tenant string) error {
	u, err := a.ask(c, http.MethodGet, tenantPath(tenant, "usage"), nil, nil)
	if err != nil {
		return err
	}
	return a.show(c, u, func(w io.Writer) {
		of := func(name string) []string {
			count, _ := u[name].(map[string]any)
			return []string{name, text(count["used"]), limitText(count["limit"])}
		}
		aligned(w, []string{"", "IN USE", "LIMIT"}, [][]string{of("seats"), of("readers")})
		fmt.Fprintf(w, "%s, %s\n", counted(u["users"], "user"), counted(u["groups"], "group"))
	})
}

// counted returns a number with its noun.
func counted(n any, what string) string {
	if text(n) == "1" {
		return "1 " + what
	}
	return text(n) + " " + what + "s"
}
