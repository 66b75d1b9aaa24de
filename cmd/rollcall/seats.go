package main

import (
	"fmt"
	"io"
	"net/http"

	"github.com/spf13/cobra"
)

func newSeats() *cobra.Command {
	var show, set asking
	return parent("seats", "show and set how many seats a tenant has",
		show.add(&cobra.Command{
			Use: "show TENANT", Short: "show seats and readers in use", Args: takes(1),
			RunE: func(c *cobra.Command, args []string) error { return showUsage(&show, c, args[0]) },
		}),
		set.add(&cobra.Command{
			Use: "set TENANT NUMBER", Short: "set the number of seats; null is no limit", Args: takes(2),
			Long: "Set the number of seats; null is no limit.\n\nA number below the use takes no seat from anybody; none is granted until the use is below it.",
			RunE: func(c *cobra.Command, args []string) error {
				sent, err := settings([]string{"maxSeats=" + args[1]})
				if err != nil {
					return err
				}
				if _, err := set.ask(c, http.MethodPatch, tenantPath(args[0]), nil, sent); err != nil {
					return err
				}
				return showUsage(&set, c, args[0])
			},
		}))
}

func showUsage(a *asking, c *cobra.Command, tenant string) error {
	u, err := a.ask(c, http.MethodGet, tenantPath(tenant, "usage"), nil, nil)
	if err != nil {
		return err
	}
	return a.show(c, u, func(w io.Writer) {
		of := func(name string) []string {
			count, _ := u[name].(map[string]any)
			limit := text(count["limit"])
			if count["limit"] == nil {
				limit = "no limit"
			}
			return []string{name, text(count["used"]), limit}
		}
		aligned(w, []string{"", "IN USE", "OF"}, [][]string{of("seats"), of("readers")})
		fmt.Fprintf(w, "%s users, %s groups\n", text(u["users"]), text(u["groups"]))
	})
}
