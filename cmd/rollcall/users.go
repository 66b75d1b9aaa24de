package main

import (
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
)

const userHelp = "USER is a user's id, or the whole userName, externalId or email of one user."

func newUsers() *cobra.Command {
	return parent("users", "a tenant's users as the application sees them",
		userList(), userGet(), userCreate(), userSet(),
		userChange("deactivate", "deactivate a user and free the seat",
			"Only the application reactivates the user: identity providers cannot.", adminwire.UserChange{Active: adminwire.Of(false)}),
		userChange("reactivate", "reactivate a user, who takes a seat again", "", adminwire.UserChange{Active: adminwire.Of(true)}),
		userChange("protect", "protect a user against changes by identity providers",
			"An identity provider cannot deactivate, delete, rename or demote a protected user.", adminwire.UserChange{Protected: adminwire.Of(true)}),
		userChange("unprotect", "end the protection of a user", "", adminwire.UserChange{Protected: adminwire.Of(false)}),
		userOffboarding(), userPurge())
}

func userList() *cobra.Command {
	var a asking
	var subject, state, managedBy string
	deleted := false
	c := a.add(&cobra.Command{
		Use: "list TENANT", Short: "list users, with their state and origin", Args: takes(1),
		Example: "  rollcall users list acme\n  rollcall users list acme --subject ann@example.com --deleted\n  rollcall users list acme --state inactive --managed-by idp",
		RunE: func(c *cobra.Command, args []string) error {
			query := url.Values{}
			if deleted {
				query.Set("deleted", "true")
			}
			for name, value := range map[string]string{"subject": subject, "state": state, "managedBy": managedBy} {
				if value != "" {
					query.Set(name, value)
				}
			}
			list, err := connectAndRead[adminwire.User](&a, c, tenantPath(args[0], "users"), "users", query)
			if err != nil {
				return err
			}
			return a.show(c, adminwire.Users{Users: list}, func(w io.Writer) {
				rows := make([][]string, len(list))
				for i, u := range list {
					rows[i] = []string{
						text(u.UserName), userState(u), text(u.AccountType), text(u.Holds), yesNo(u.SCIMManaged),
						yesNo(u.Protected), text(u.Origin), text(u.ID),
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
	c.Flags().StringVar(&state, "state", "", "`STATE`: only users that are active, inactive or deleted")
	c.Flags().StringVar(&managedBy, "managed-by", "", "`WHO`: only users that an identity provider (idp) or the application (app) manages")
	return completes(c, false, a.tenants)
}

// userState returns in one word whether a user is active.
func userState(u adminwire.User) string {
	switch {
	case u.Deleted:
		return "deleted"
	case u.Active:
		return "active"
	}
	return "inactive"
}

func yesNo(v bool) string {
	if v {
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
			return a.show(c, u, func(w io.Writer) { fields(w, u, nil) })
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
			body := adminwire.NewUser{UserName: args[1], Email: email, DisplayName: name}
			if origin != "" {
				body.Origin = adminwire.Of(origin)
			}
			if kind != "" {
				body.AccountType = adminwire.Of(kind)
			}
			u, err := connectAndCall[adminwire.User](&a, c, http.MethodPost, tenantPath(args[0], "users"), nil, body)
			if err != nil {
				return err
			}
			return a.show(c, u, func(w io.Writer) { fields(w, u, nil) })
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

func userChange(name, short, about string, body adminwire.UserChange) *cobra.Command {
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

// changeUser changes a live user, and prints it. body is an adminwire.UserChange or its
// members.
func (a *asking) changeUser(c *cobra.Command, tenant, user string, body any) error {
	p, err := a.connect(c.Context())
	if err != nil {
		return err
	}
	found, err := p.user(c.Context(), tenant, user, false)
	if err != nil {
		return err
	}
	u, err := call[adminwire.User](c.Context(), p, http.MethodPatch, tenantPath(tenant, "users", found.ID), nil, body)
	if err != nil {
		return err
	}
	return a.show(c, u, func(w io.Writer) { fields(w, u, nil) })
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
			return a.remove(c, args[0], yes, func(p place) (removal, error) {
				u, err := p.user(c.Context(), args[0], args[1], true)
				return removal{
					list: "users", document: deleted{ID: u.ID, UserName: u.UserName}, name: u.UserName,
					what: fmt.Sprintf("This deletes the %s user %s (%s) for good, with names and memberships.", userState(u), text(u.UserName), text(u.ID)),
					done: "User %s (%s) is deleted for good.\n",
				}, err
			})
		},
	}), &yes), false, a.tenants)
}

// A removal is a record that a command deletes after a confirmation.
type removal struct {
	// list is the segment of the path, and name the name that confirms.
	list, name string
	document   deleted
	what, done string
}

// deleted is the output of a command that deleted a record.
type deleted struct {
	ID          string `json:"id"`
	UserName    string `json:"userName,omitzero"`
	DisplayName string `json:"displayName,omitzero"`
}

// remove deletes the record that is found, after asking with its name.
func (a *asking) remove(c *cobra.Command, tenant string, yes bool, find func(place) (removal, error)) error {
	p, err := a.connect(c.Context())
	if err != nil {
		return err
	}
	r, err := find(p)
	if err != nil {
		return err
	}
	id := r.document.ID
	if err := confirm(c, yes, r.what, typable(r.name, id)); err != nil {
		return err
	}
	if _, err := p.do(c.Context(), http.MethodDelete, tenantPath(tenant, r.list, id), nil, nil); err != nil {
		return err
	}
	return a.show(c, r.document, func(w io.Writer) { fmt.Fprintf(w, r.done, text(r.name), id) })
}
