package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/rollcall-scim/rollcall/internal/adminclient"
	"github.com/rollcall-scim/rollcall/internal/adminwire"
)

func newTenant() *cobra.Command {
	return parent("tenant", "create, read, change and delete tenants",
		tenantList(), tenantGet(), tenantCreate(), tenantSet(), tenantPut(), tenantUsage(), tenantDelete())
}

func tenantList() *cobra.Command {
	var a asking
	return a.add(&cobra.Command{
		Use: "list", Short: "list tenants and their limits", Args: takes(0),
		Example: "  rollcall tenant list\n  rollcall tenant list --json",
		RunE: func(c *cobra.Command, _ []string) error {
			list, err := connectAndRead[adminwire.Tenant](&a, c, "/tenants", "tenants", nil)
			if err != nil {
				return err
			}
			return a.show(c, adminwire.Tenants{Tenants: list}, func(w io.Writer) {
				rows := make([][]string, len(list))
				for i, t := range list {
					rows[i] = []string{text(t.ID), text(t.DisplayName), limitText(t.MaxSeats), limitText(t.MaxReaders), scimState(t)}
				}
				printList(w, "tenants", []column{{"TENANT", stays}, {"NAME", below}, {"SEAT LIMIT", stays}, {"READER LIMIT", below}, {"SCIM", stays}}, rows)
			})
		},
	})
}

// limitText returns a limit as a table shows it.
func limitText(limit *int64) string {
	if limit == nil {
		return "no limit"
	}
	return text(*limit)
}

// scimState reports in a word whether a tenant's identity providers are served.
func scimState(t adminwire.Tenant) string {
	switch {
	case t.Deleting:
		return "being deleted"
	case t.SCIMEnabled:
		return "on"
	}
	return "off"
}

func tenantGet() *cobra.Command {
	var a asking
	return completes(a.add(&cobra.Command{
		Use: "get TENANT", Short: "show a tenant's settings", Args: takes(1),
		Example: "  rollcall tenant get acme",
		RunE: func(c *cobra.Command, args []string) error {
			t, err := connectAndCall[adminwire.Tenant](&a, c, http.MethodGet, tenantPath(args[0]), nil, nil)
			if err != nil {
				return err
			}
			return a.show(c, t, func(w io.Writer) { printTenant(w, t) })
		},
	}), false, a.tenants)
}

// printTenant prints a tenant's settings by the names that `tenant set` takes.
func printTenant(w io.Writer, t adminwire.Tenant) {
	fields(w, t, map[string]string{"maxSeats": limitText(t.MaxSeats), "maxReaders": limitText(t.MaxReaders)})
}

func tenantCreate() *cobra.Command {
	var a asking
	flags := map[string]*string{}
	c := a.add(&cobra.Command{
		Use: "create TENANT [SETTING ...]", Short: "create a tenant; fails if it exists", Args: between(1, many),
		Long: "Create a tenant. An existing tenant is left as it is, with exit status 4:\n'rollcall tenant set' changes it.\n\n" +
			"Settings are given as flags or as NAME=VALUE:" + settingsHelp(tenantSettings, true),
		Example: `  rollcall tenant create acme --seats 50 --display-name "Acme Inc"
  rollcall tenant create acme --seats 50 dialect=refuse logDays=30`,
		RunE: func(c *cobra.Command, args []string) error {
			given := args[1:]
			for _, f := range tenantFlags {
				if c.Flags().Changed(f.flag) {
					given = append(given, f.setting+"="+*flags[f.flag])
				}
			}
			sent, err := settings(tenantSettings, true, given)
			if err != nil {
				return err
			}
			p, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			t, err := p.create(c.Context(), tenantPath(args[0]), sent)
			var problem *adminclient.Problem
			if errors.As(err, &problem) && problem.Status == http.StatusPreconditionFailed {
				problem.Detail = fmt.Sprintf("The tenant %s already exists; nothing was changed. 'rollcall tenant set' changes its settings.", args[0])
			}
			if err != nil {
				return err
			}
			return a.show(c, t, func(w io.Writer) { a.printCreated(w, t) })
		},
	})
	for _, f := range tenantFlags {
		flags[f.flag] = c.Flags().String(f.flag, "", f.usage)
	}
	return completes(c, true, nil, settingNames(tenantSettings))
}

// tenantFlags are the settings that `tenant create` takes as flags.
var tenantFlags = []struct{ flag, setting, usage string }{
	{"display-name", "displayName", "`NAME` that people read"},
	{"seats", "maxSeats", "`NUMBER` of seats; no limit if it is left out"},
	{"readers", "maxReaders", "`NUMBER` of readers; no limit if it is left out"},
	{"account-type", "defaultAccountType", "`TYPE` of new users that none is sent for: user or reader"},
}

func (a *asking) printCreated(w io.Writer, t adminwire.Tenant) {
	fmt.Fprintf(w, "Tenant %s created.\n\n", text(t.ID))
	labelled(w, "  ", [][2]string{
		{"SCIM base URL", text(t.BaseURL)}, {"seat limit", limitText(t.MaxSeats)}, {"reader limit", limitText(t.MaxReaders)},
	})
	fmt.Fprintf(w, "\nNext, create a token for its identity provider:\n\n  %s token create %s --label \"Okta production\"%s\n", calledAs, text(t.ID), a.server())
}

// server returns the flags that select the service, for the next command.
func (a *asking) server() string {
	for _, f := range [][2]string{{"info", a.info}, {"stack", a.stack}, {"admin-url", a.url}} {
		if f[1] != "" {
			return " --" + f[0] + " " + shellWord(f[1])
		}
	}
	return ""
}

func tenantPut() *cobra.Command {
	return tenantWrite("put", "create a tenant, or reset all its settings to these", http.MethodPut,
		"A setting that is left out gets its default. Tokens, schemas, users and groups stay.",
		"  rollcall tenant put acme maxSeats=50", 1)
}

func tenantSet() *cobra.Command {
	return tenantWrite("set", "change some settings of a tenant", http.MethodPatch,
		"Other settings stay as they are; null resets a setting to its default.",
		"  rollcall tenant set acme maxSeats=60 scimEnabled=false\n  rollcall tenant set acme maxSeats=null", 2)
}

func tenantWrite(name, short, method, about, example string, least int) *cobra.Command {
	var a asking
	use := " TENANT SETTING ..."
	if least == 1 {
		use = " TENANT [SETTING ...]"
	}
	return completes(a.add(&cobra.Command{
		Use: name + use, Short: short, Args: between(least, many), Example: example,
		Long: sentence(short) + " " + about + "\n\nA SETTING is NAME=VALUE:" + settingsHelp(tenantSettings, true),
		RunE: func(c *cobra.Command, args []string) error {
			sent, err := settings(tenantSettings, true, args[1:])
			if err != nil {
				return err
			}
			t, err := connectAndCall[adminwire.Tenant](&a, c, method, tenantPath(args[0]), nil, sent)
			if err != nil {
				return err
			}
			return a.show(c, t, func(w io.Writer) { printTenant(w, t) })
		},
	}), true, a.tenants, settingNames(tenantSettings))
}

func tenantUsage() *cobra.Command {
	var a asking
	return completes(a.add(&cobra.Command{
		Use: "usage TENANT", Short: "show seats and readers in use, users and groups", Args: takes(1),
		Example: "  rollcall tenant usage acme",
		RunE:    func(c *cobra.Command, args []string) error { return showUsage(&a, c, args[0]) },
	}), false, a.tenants)
}

func tenantDelete() *cobra.Command {
	var a asking
	yes := false
	return completes(addYes(a.add(&cobra.Command{
		Use: "delete TENANT", Short: "delete a tenant and all its data for good", Args: takes(1),
		Long: `Delete a tenant for good: its users, groups, tokens, schemas and log. Its requests
are refused at once; its data is deleted within some minutes.

The command asks for confirmation. Without a terminal it needs --yes.`,
		Example: "  rollcall tenant delete acme\n  rollcall tenant delete acme --yes",
		RunE: func(c *cobra.Command, args []string) error {
			if err := confirm(c, yes, "This deletes the tenant "+visible(args[0])+" for good: all its users, groups, tokens and schemas, and its log.", args[0]); err != nil {
				return err
			}
			answer, err := connectAndCall[adminwire.Deleting](&a, c, http.MethodDelete, tenantPath(args[0]), url.Values{"confirm": {args[0]}}, nil)
			if err != nil {
				return err
			}
			return a.show(c, answer, func(w io.Writer) {
				fmt.Fprintf(w, "Tenant %s is being deleted. Its id can be used again in some minutes.\n", args[0])
			})
		},
	}), &yes), false, a.tenants)
}
