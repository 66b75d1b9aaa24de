package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rollcall-scim/rollcall/internal/adminclient"
	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/guide"
	"github.com/rollcall-scim/rollcall/internal/scim"
)

// newInit returns the command that creates a tenant and a token, and prints
// what to enter in Okta and Entra.
func newInit() *cobra.Command {
	var a asking
	var tenant, seats, label string
	c := a.add(&cobra.Command{
		Use: "init --tenant ID", Short: "create a tenant and a token for Okta or Entra", Args: takes(0),
		Long: `Create a tenant and a token, and print what to enter in Okta or Entra.

An existing tenant keeps its settings, apart from the seats if they are given, and
gets one more token.`,
		Example: "  rollcall init --tenant acme --seats 50",
		RunE: func(c *cobra.Command, _ []string) error {
			if tenant == "" {
				return usageError{errors.New("--tenant ID is missing: the tenant to create")}
			}
			p, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			sent, err := settings(tenantSettings, true, nil)
			if seats != "" {
				sent, err = settings(tenantSettings, true, []string{"maxSeats=" + seats})
			}
			if err != nil {
				return err
			}
			t, err := call[adminwire.Tenant](c.Context(), p, http.MethodGet, tenantPath(tenant), nil, nil)
			var problem *adminclient.Problem
			switch {
			case errors.As(err, &problem) && problem.Status == http.StatusNotFound:
				t, err = call[adminwire.Tenant](c.Context(), p, http.MethodPut, tenantPath(tenant), nil, sent)
			case err == nil && len(sent) > 0:
				t, err = call[adminwire.Tenant](c.Context(), p, http.MethodPatch, tenantPath(tenant), nil, sent)
			}
			if err != nil {
				return err
			}
			token, err := call[adminwire.MintedToken](c.Context(), p, http.MethodPost, tenantPath(tenant, "tokens"), nil, adminwire.NewToken{Label: label})
			if err != nil {
				return err
			}
			return a.show(c, struct {
				Tenant adminwire.Tenant      `json:"tenant"`
				Token  adminwire.MintedToken `json:"token"`
			}{t, token}, func(w io.Writer) { printInit(w, t, token.Text) })
		},
	})
	c.Flags().StringVar(&tenant, "tenant", "", "`ID` of the tenant: lower-case letters, digits and inner hyphens")
	c.Flags().StringVar(&seats, "seats", "", "`NUMBER` of seats; a new tenant has no limit without it")
	c.Flags().StringVar(&label, "label", "rollcall init", "`TEXT` that names the token")
	return completes(c, false)
}

// initConnections are the connections whose values init prints.
var initConnections = [...]string{"okta", "entra-token"}

func printInit(w io.Writer, t adminwire.Tenant, token string) {
	limit := "no seat limit"
	if t.MaxSeats != nil {
		limit = text(*t.MaxSeats) + " seats"
	}
	fmt.Fprintf(w, "The tenant %s has %s. The token is shown only once.\n", text(t.ID), limit)
	given := guide.Given{guide.BaseURL: t.BaseURL, guide.Token: token}
	for _, id := range initConnections {
		product, connection, _ := guide.Find(id)
		for _, step := range connection.Steps {
			if len(step.Enter) == 0 {
				continue
			}
			fmt.Fprintf(w, "\n%s: %s\n", product.Name, guide.Plain(strings.TrimSuffix(step.Text[0], ":")))
			for _, v := range step.Enter {
				fmt.Fprintf(w, "  %-33s %s\n", v.Field, given.Of(v))
			}
		}
	}
	fmt.Fprintf(w, `
The attribute isTeamAccount has the namespace %s.
docs/how-to/connect-okta.md and docs/how-to/connect-entra.md describe the other steps.
`, scim.RollcallURN)
}
