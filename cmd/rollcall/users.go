package main

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"
)

func newUsers() *cobra.Command {
	return parent("users", "the tenant's users as the application sees them",
		userList(), userGet(), userCreate(), userSet(),
		userChange("deactivate", "free the seat; only the application reactivates the user", map[string]any{"active": false}),
		userChange("reactivate", "take a seat again", map[string]any{"active": true}),
		userChange("protect", "keep identity providers from deactivating, deleting, renaming and demoting the user", map[string]any{"protected": true}),
		userChange("unprotect", "let identity providers do so again", map[string]any{"protected": false}),
		userPurge())
}

func userList() *cobra.Command {
	var a asking
	deleted := false
	c := a.add(&cobra.Command{
		Use: "list TENANT", Short: "list users, and what SCIM manages of them", Args: takes(1),
		RunE: func(c *cobra.Command, args []string) error {
			query := url.Values{}
			if deleted {
				query.Set("deleted", "true")
			}
			list, err := a.all(c, tenantPath(args[0], "users"), "users", query)
			if err != nil {
				return err
			}
			return a.show(c, map[string]any{"users": list}, func(w io.Writer) {
				aligned(w, []string{"ID", "USER", "TYPE", "ACTIVE", "HOLDS", "ORIGIN", "SCIM", "PROTECTED", "DELETED"},
					members(list, "id", "userName", "accountType", "active", "holds", "origin", "scimManaged", "protected", "deleted"))
			})
		},
	})
	c.Flags().BoolVar(&deleted, "deleted", false, "list deleted users too")
	return c
}

func userGet() *cobra.Command {
	var a asking
	return a.add(&cobra.Command{
		Use: "get TENANT USER", Short: "show a user by id, a deleted one too", Args: takes(2),
		RunE: func(c *cobra.Command, args []string) error {
			return a.userAnswer(c, http.MethodGet, tenantPath(args[0], "users", args[1]), nil)
		},
	})
}

func (a *asking) userAnswer(c *cobra.Command, method, path string, body any) error {
	u, err := a.ask(c, method, path, nil, body)
	if err != nil {
		return err
	}
	return a.show(c, u, func(w io.Writer) { fields(w, u) })
}

func userCreate() *cobra.Command {
	var a asking
	var email, name, origin, kind string
	c := a.add(&cobra.Command{
		Use: "create TENANT USERNAME", Short: "make a user of the application's own, who takes a seat", Args: takes(2),
		RunE: func(c *cobra.Command, args []string) error {
			body := map[string]any{"userName": args[1]}
			for member, value := range map[string]string{"email": email, "displayName": name, "origin": origin, "accountType": kind} {
				if value != "" {
					body[member] = value
				}
			}
			return a.userAnswer(c, http.MethodPost, tenantPath(args[0], "users"), body)
		},
	})
	c.Flags().StringVar(&email, "email", "", "`ADDRESS` of the user")
	c.Flags().StringVar(&name, "name", "", "`NAME` that is displayed")
	c.Flags().StringVar(&origin, "origin", "", "manual or jit")
	c.Flags().StringVar(&kind, "type", "", "user, who holds a seat, or reader")
	return c
}

func userSet() *cobra.Command {
	var a asking
	return a.add(&cobra.Command{
		Use: "set TENANT USER SETTING …", Short: "change a user",
		Long: "Change a user.\n\nA SETTING is NAME=VALUE: userName, email, displayName, accountType (user, reader), active, protected.",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) < 3 {
				return misused(c)
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			body := map[string]any{}
			for _, arg := range args[2:] {
				name, value, ok := strings.Cut(arg, "=")
				if !ok {
					return usageError{fmt.Errorf("%q is not NAME=VALUE", arg)}
				}
				body[name] = value
				if name == "active" || name == "protected" {
					if value != "true" && value != "false" {
						return usageError{fmt.Errorf("%s is true or false", name)}
					}
					body[name] = value == "true"
				}
			}
			return a.userAnswer(c, http.MethodPatch, tenantPath(args[0], "users", args[1]), body)
		},
	})
}

func userChange(name, short string, body map[string]any) *cobra.Command {
	var a asking
	return a.add(&cobra.Command{
		Use: name + " TENANT USER", Short: short, Args: takes(2),
		RunE: func(c *cobra.Command, args []string) error {
			return a.userAnswer(c, http.MethodPatch, tenantPath(args[0], "users", args[1]), body)
		},
	})
}

func userPurge() *cobra.Command {
	var a asking
	yes := false
	c := a.add(&cobra.Command{
		Use: "purge TENANT USER", Short: "delete a user for good", Args: takes(2),
		RunE: func(c *cobra.Command, args []string) error {
			if err := confirm(c, yes, "This deletes the record of the user "+args[1]+" for good, with its names and memberships.", args[1]); err != nil {
				return err
			}
			if _, err := a.ask(c, http.MethodDelete, tenantPath(args[0], "users", args[1]), nil, nil); err != nil {
				return err
			}
			return a.show(c, map[string]any{"id": args[1]}, func(w io.Writer) { fmt.Fprintf(w, "%s is deleted for good.\n", args[1]) })
		},
	})
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return c
}
