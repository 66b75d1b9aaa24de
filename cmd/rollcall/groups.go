package main

import (
	"fmt"
	"io"
	"net/http"

	"github.com/spf13/cobra"
)

func newGroups() *cobra.Command {
	return parent("groups", "the tenant's groups as the application sees them",
		groupList("list TENANT", "list groups", "groups", "groups", []string{"ID", "GROUP", "EXTERNAL ID", "ORIGIN"}, "id", "displayName", "externalId", "origin"),
		groupList("deleted TENANT", "list groups that the application deleted", "deleted-groups", "deletedGroups",
			[]string{"ID", "GROUP", "DELETED", "BY"}, "id", "displayName", "deletedAt", "deletedBy"),
		groupDelete())
}

func groupList(use, short, segment, name string, headings []string, columns ...string) *cobra.Command {
	var a asking
	return a.add(&cobra.Command{
		Use: use, Short: short, Args: takes(1),
		RunE: func(c *cobra.Command, args []string) error {
			list, err := a.all(c, tenantPath(args[0], segment), name, nil)
			if err != nil {
				return err
			}
			return a.show(c, map[string]any{name: list}, func(w io.Writer) { aligned(w, headings, members(list, columns...)) })
		},
	})
}

func groupDelete() *cobra.Command {
	var a asking
	yes := false
	c := a.add(&cobra.Command{
		Use: "delete TENANT GROUP", Short: "delete a group in the application; identity providers are told", Args: takes(2),
		RunE: func(c *cobra.Command, args []string) error {
			if err := confirm(c, yes, "This deletes the group "+args[1]+"; an identity provider has to unlink it and push it again.", args[1]); err != nil {
				return err
			}
			if _, err := a.ask(c, http.MethodDelete, tenantPath(args[0], "groups", args[1]), nil, nil); err != nil {
				return err
			}
			return a.show(c, map[string]any{"id": args[1]}, func(w io.Writer) { fmt.Fprintf(w, "%s is deleted.\n", args[1]) })
		},
	})
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return c
}
