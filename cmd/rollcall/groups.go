package main

import (
	"fmt"
	"io"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
)

const groupHelp = "GROUP is a group's id, or the whole displayName or externalId of one group."

func newGroups() *cobra.Command {
	return parent("groups", "a tenant's groups as the application sees them",
		groupList(), groupGet(), groupMembers(), groupDelete(), groupsDeleted())
}

func groupList() *cobra.Command {
	var a asking
	var subject string
	c := a.add(&cobra.Command{
		Use: "list TENANT", Short: "list groups", Args: takes(1),
		Example: "  rollcall groups list acme\n  rollcall groups list acme --subject Engineering",
		RunE: func(c *cobra.Command, args []string) error {
			query := url.Values{}
			if subject != "" {
				query.Set("subject", subject)
			}
			list, err := connectAndRead[adminwire.Group](&a, c, tenantPath(args[0], "groups"), "groups", query)
			if err != nil {
				return err
			}
			return a.show(c, adminwire.Groups{Groups: list}, func(w io.Writer) {
				rows := make([][]string, len(list))
				for i, g := range list {
					rows[i] = []string{text(g.DisplayName), text(g.Origin), text(g.ExternalID), text(g.ID)}
				}
				printList(w, "groups", []column{{"GROUP", stays}, {"ORIGIN", left}, {"EXTERNAL ID", below}, {"ID", below}}, rows)
			})
		},
	})
	c.Flags().StringVar(&subject, "subject", "", "`TEXT`: only groups with this id, displayName or externalId")
	return completes(c, false, a.tenants)
}

func groupGet() *cobra.Command {
	var a asking
	return completes(a.add(&cobra.Command{
		Use: "get TENANT GROUP", Short: "show a group", Args: takes(2),
		Long: "Show a group.\n\n" + groupHelp, Example: "  rollcall groups get acme Engineering",
		RunE: func(c *cobra.Command, args []string) error {
			p, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			g, err := p.group(c.Context(), args[0], args[1])
			if err != nil {
				return err
			}
			return a.show(c, g, func(w io.Writer) { fields(w, g, nil) })
		},
	}), false, a.tenants, a.groups)
}

func groupMembers() *cobra.Command {
	var a asking
	return completes(a.add(&cobra.Command{
		Use: "members TENANT GROUP", Short: "list the members of a group, and which of them fail", Args: takes(2),
		Long:    "List the members of a group, each with the cause of its failure if its own provisioning fails.\n\n" + groupHelp,
		Example: "  rollcall groups members acme Engineering",
		RunE: func(c *cobra.Command, args []string) error {
			p, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			g, err := p.group(c.Context(), args[0], args[1])
			if err != nil {
				return err
			}
			list, err := all[adminwire.Member](c, p, tenantPath(args[0], "groups", g.ID, "members"), "members", nil)
			if err != nil {
				return err
			}
			return a.show(c, adminwire.GroupMembers{Group: g, Members: list}, func(w io.Writer) {
				rows := make([][]string, len(list))
				for i, m := range list {
					failure := ""
					if m.Failure != nil {
						failure = text(m.Failure.Cause)
					}
					rows[i] = []string{text(m.Subject), text(m.State), failure, text(m.ID)}
				}
				printList(w, "members", []column{{"MEMBER", stays}, {"STATE", stays}, {"FAILURE", stays}, {"ID", left}}, rows)
			})
		},
	}), false, a.tenants, a.groups)
}

func groupsDeleted() *cobra.Command {
	var a asking
	return completes(a.add(&cobra.Command{
		Use: "deleted TENANT", Short: "list groups that were deleted in the application", Args: takes(1),
		Example: "  rollcall groups deleted acme",
		RunE: func(c *cobra.Command, args []string) error {
			list, err := connectAndRead[adminwire.DeletedGroup](&a, c, tenantPath(args[0], "deleted-groups"), "deletedGroups", nil)
			if err != nil {
				return err
			}
			return a.show(c, adminwire.DeletedGroups{DeletedGroups: list}, func(w io.Writer) {
				rows := make([][]string, len(list))
				for i, g := range list {
					rows[i] = []string{text(g.DisplayName), seconds(g.DeletedAt), text(g.DeletedBy), text(g.ID)}
				}
				printList(w, "deleted groups", []column{{"GROUP", stays}, {"DELETED", stays}, {"DELETED BY", below}, {"ID", below}}, rows)
			})
		},
	}), false, a.tenants)
}

func groupDelete() *cobra.Command {
	var a asking
	yes := false
	return completes(addYes(a.add(&cobra.Command{
		Use: "delete TENANT GROUP", Short: "delete a group in the application", Args: takes(2),
		Long: `Delete a group in the application. Requests of identity providers for it are refused,
with the way to push it again, until the marker is a year old.

` + groupHelp + `

The command asks for confirmation. Without a terminal it needs --yes.`,
		Example: "  rollcall groups delete acme Engineering\n  rollcall groups delete acme Engineering --yes",
		RunE: func(c *cobra.Command, args []string) error {
			if err := askable(c, yes); err != nil {
				return err
			}
			return a.remove(c, args[0], yes, func(p place) (removal, error) {
				g, err := p.group(c.Context(), args[0], args[1])
				return removal{
					list: "groups", document: deleted{ID: g.ID, DisplayName: g.DisplayName}, name: g.DisplayName,
					what: fmt.Sprintf("This deletes the group %s (%s) and its memberships. An identity provider that manages it gets errors until it is unlinked there and pushed again.", text(g.DisplayName), text(g.ID)),
					done: "Group %s (%s) is deleted.\n",
				}, err
			})
		},
	}), &yes), false, a.tenants, a.groups)
}
