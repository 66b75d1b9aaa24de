package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"
)

const userHelp = "USER is a user's id, or the whole userName, externalId or email of one user."

func newUsers() *cobra.Command {
	return parent("users", "a tenant's users as the application sees them",
		userList(), userGet(), userCreate(), userSet(),
		userChange("deactivate", "deactivate a user and free the seat",
			"Only the application reactivates the user: identity providers cannot.", map[string]any{"active": false}),
		userChange("reactivate", "reactivate a user, who takes a seat again", "", map[string]any{"active": true}),
		userChange("protect", "protect a user against changes by identity providers",
			"An identity provider cannot deactivate, delete, rename or demote a protected user.", map[string]any{"protected": true}),
		userChange("unprotect", "end the protection of a user", "", map[string]any{"protected": false}),
		userPurge())
}

func userList() *cobra.Command {
	var a asking
	var subject string
	deleted := false
	c := a.add(&cobra.Command{
		Use: "list TENANT", Short: "list users, with their state and origin", Args: takes(1),
		Example: "  rollcall users list acme\n  rollcall users list acme --subject ann@example.com --deleted",
		RunE: func(c *cobra.Command, args []string) error {
			query := url.Values{}
			if deleted {
				query.Set("deleted", "true")
			}
			if subject != "" {
				query.Set("subject", subject)
			}
			list, err := a.all(c, tenantPath(args[0], "users"), "users", query)
			if err != nil {
				return err
			}
			return a.show(c, map[string]any{"users": list}, func(w io.Writer) {
				rows := make([][]string, len(list))
				for i, v := range list {
					u, _ := v.(map[string]any)
					rows[i] = []string{
						text(u["userName"]), userState(u), text(u["accountType"]), text(u["holds"]), yesNo(u["scimManaged"]),
						yesNo(u["protected"]), text(u["origin"]), text(u["id"]),
					}
				}
				printList(w, "users", []column{
					{"USER", stays},
					{"STATE", stays},
					{"TYPE", stays},
					{"HOLDS", left},
					{"SCIM", stays},
					{"PROTECTED", stays},
					{"ORIGIN", left},
					{"ID", left},
				}, rows)
			})
		},
	})
	c.Flags().StringVar(&subject, "subject", "", "`TEXT`: only users with this id, userName, externalId or email")
	c.Flags().BoolVar(&deleted, "deleted", false, "list deleted users too")
	return completes(c, false, a.tenants)
}

// userState returns in one word whether a user is active.
func userState(u map[string]any) string {
	switch {
	case u["deleted"] == true:
		return "deleted"
	case u["active"] == true:
		return "active"
	}
	return "inactive"
}

func yesNo(v any) string {
	if v == true {
		return "yes"
	}
	return "no"
}

func userGet() *cobra.Command {
	var a asking
	return completes(a.add(&cobra.Command{
		Use: "get TENANT USER", Short: "show a user, a deleted one too", Args: takes(2),
		Long: "Show a user, a deleted one too.\n\n" + userHelp, Example: "  rollcall users get acme ann@example.com",
		RunE: func(c *cobra.Command, args []string) error {
			p, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			u, err := p.user(c.Context(), args[0], args[1], true)
			if err != nil {
				return err
			}
			return a.show(c, u, func(w io.Writer) { fields(w, u) })
		},
	}), false, a.tenants)
}

func userCreate() *cobra.Command {
	var a asking
	var email, name, origin, kind string
	c := a.add(&cobra.Command{
		Use: "create TENANT USERNAME", Short: "create a user in the application, who takes a seat", Args: takes(2),
		Long:    "Create a user in the application, who takes a seat. No identity provider manages the\nuser until one links it.",
		Example: "  rollcall users create acme ann@example.com --name \"Ann Archer\"",
		RunE: func(c *cobra.Command, args []string) error {
			body := map[string]any{"userName": args[1]}
			for member, value := range map[string]string{"email": email, "displayName": name, "origin": origin, "accountType": kind} {
				if value != "" {
					body[member] = value
				}
			}
			u, err := a.ask(c, http.MethodPost, tenantPath(args[0], "users"), nil, body)
			if err != nil {
				return err
			}
			return a.show(c, u, func(w io.Writer) { fields(w, u) })
		},
	})
	c.Flags().StringVar(&email, "email", "", "`ADDRESS` of the user")
	c.Flags().StringVar(&name, "name", "", "`NAME` that is displayed")
	c.Flags().StringVar(&origin, "origin", "", "`ORIGIN`: manual, or jit for one created at the first login (default manual)")
	c.Flags().StringVar(&kind, "type", "", "account `TYPE`: user, who holds a seat, or reader (default: the tenant's)")
	completesFlag(c, "type", oneOf("user", "reader"))
	return completes(c, false, a.tenants)
}

func userSet() *cobra.Command {
	var a asking
	return completes(a.add(&cobra.Command{
		Use: "set TENANT USER SETTING ...", Short: "change a user", Args: between(3, many),
		Long:    "Change a user. " + userHelp + "\n\nA SETTING is NAME=VALUE:" + settingsHelp(userSettings, false),
		Example: "  rollcall users set acme ann@example.com accountType=reader",
		RunE: func(c *cobra.Command, args []string) error {
			body, err := settings(userSettings, false, args[2:])
			if err != nil {
				return err
			}
			return a.changeUser(c, args[0], args[1], body)
		},
	}), true, a.tenants, nil, settingNames(userSettings))
}

func userChange(name, short, about string, body map[string]any) *cobra.Command {
	var a asking
	long := sentence(short)
	if about != "" {
		long += "\n" + about
	}
	return completes(a.add(&cobra.Command{
		Use: name + " TENANT USER", Short: short, Long: long + "\n\n" + userHelp, Args: takes(2),
		Example: "  rollcall users " + name + " acme ann@example.com",
		RunE:    func(c *cobra.Command, args []string) error { return a.changeUser(c, args[0], args[1], body) },
	}), false, a.tenants)
}

// changeUser changes a live user, and prints it.
func (a *asking) changeUser(c *cobra.Command, tenant, user string, body map[string]any) error {
	p, err := a.connect(c.Context())
	if err != nil {
		return err
	}
	found, err := p.user(c.Context(), tenant, user, false)
	if err != nil {
		return err
	}
	u, err := p.ask(c.Context(), http.MethodPatch, tenantPath(tenant, "users", member(found, "id")), nil, body)
	if err != nil {
		return err
	}
	return a.show(c, u, func(w io.Writer) { fields(w, u) })
}

func userPurge() *cobra.Command {
	var a asking
	yes := false
	return completes(addYes(a.add(&cobra.Command{
		Use: "purge TENANT USER", Short: "delete a user for good, a deleted one too", Args: takes(2),
		Long: "Delete a user for good: the record, its names and its memberships.\n\n" + userHelp +
			"\n\nThe command asks for confirmation. Without a terminal it needs --yes.",
		Example: "  rollcall users purge acme ann@example.com\n  rollcall users purge acme ann@example.com --yes",
		RunE: func(c *cobra.Command, args []string) error {
			if err := askable(c, yes); err != nil {
				return err
			}
			return a.remove(c, removal{
				tenant: args[0], list: "users", yes: yes, name: "userName",
				find: func(ctx context.Context, p place) (map[string]any, error) { return p.user(ctx, args[0], args[1], true) },
				what: func(u map[string]any) string {
					return fmt.Sprintf("This deletes the %s user %s (%s) for good, with names and memberships.", userState(u), text(u["userName"]), text(u["id"]))
				},
				done: "User %s (%s) is deleted for good.\n",
			})
		},
	}), &yes), false, a.tenants)
}

// A removal is a record that a command deletes after a confirmation.
type removal struct {
	// list is the segment of the path, name the member that names the record.
	tenant, list, name string
	yes                bool
	find               func(ctx context.Context, p place) (map[string]any, error)
	what               func(record map[string]any) string
	done               string
}

// remove deletes the record that is found, after asking with its name.
func (a *asking) remove(c *cobra.Command, r removal) error {
	p, err := a.connect(c.Context())
	if err != nil {
		return err
	}
	found, err := r.find(c.Context(), p)
	if err != nil {
		return err
	}
	id, name := member(found, "id"), member(found, r.name)
	if err := confirm(c, r.yes, r.what(found), typable(name, id)); err != nil {
		return err
	}
	if _, err := p.ask(c.Context(), http.MethodDelete, tenantPath(r.tenant, r.list, id), nil, nil); err != nil {
		return err
	}
	return a.show(c, map[string]any{"id": id, r.name: name}, func(w io.Writer) { fmt.Fprintf(w, r.done, text(name), id) })
}
