package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

func newTenant() *cobra.Command {
	return parent("tenant", "make, read, change and delete tenants",
		tenantList(), tenantGet(), tenantPut(), tenantSet(), tenantUsage(), tenantDelete())
}

func tenantList() *cobra.Command {
	var a asking
	return a.add(&cobra.Command{
		Use: "list", Short: "list tenants", Args: takes(0),
		RunE: func(c *cobra.Command, _ []string) error {
			list, err := a.all(c, "/tenants", "tenants", nil)
			if err != nil {
				return err
			}
			return a.show(c, map[string]any{"tenants": list}, func(w io.Writer) {
				aligned(w, []string{"TENANT", "NAME", "SEATS", "READERS", "SCIM"}, members(list, "id", "displayName", "maxSeats", "maxReaders", "scimEnabled"))
			})
		},
	})
}

func tenantGet() *cobra.Command {
	var a asking
	return a.add(&cobra.Command{
		Use: "get TENANT", Short: "show a tenant's settings", Args: takes(1),
		RunE: func(c *cobra.Command, args []string) error {
			t, err := a.ask(c, http.MethodGet, tenantPath(args[0]), nil, nil)
			if err != nil {
				return err
			}
			return a.show(c, t, func(w io.Writer) { fields(w, t) })
		},
	})
}

const settingsHelp = `A SETTING is NAME=VALUE: displayName, maxSeats and maxReaders (a number, or null for
no limit), defaultAccountType (user, reader), unknownMembers (skip, refuse),
unknownAttributes (drop, refuse), deletedUsers (hidden, readable), rehire (warn,
keep, refuse), dialect (take, refuse), scimEnabled (true, false), logDays.`

// settings reads NAME=VALUE: a number, true, false and null are what they are in
// JSON, but for the name that people call the tenant.
func settings(args []string) (map[string]any, error) {
	sent := map[string]any{}
	for _, arg := range args {
		name, value, ok := strings.Cut(arg, "=")
		if !ok || name == "" {
			return nil, usageError{fmt.Errorf("%q is not NAME=VALUE", arg)}
		}
		if _, twice := sent[name]; twice {
			return nil, usageError{fmt.Errorf("%s is set twice", name)}
		}
		sent[name] = value
		if name == "displayName" {
			continue
		}
		if n, err := strconv.ParseInt(value, 10, 64); err == nil {
			sent[name] = n
		}
		switch value {
		case "true", "false":
			sent[name] = value == "true"
		case "null":
			sent[name] = nil
		}
	}
	return sent, nil
}

func tenantPut() *cobra.Command {
	return tenantWrite("put", "make a tenant, or give one these settings and no others", http.MethodPut)
}

func tenantSet() *cobra.Command {
	return tenantWrite("set", "change some settings of a tenant", http.MethodPatch)
}

func tenantWrite(name, short, method string) *cobra.Command {
	var a asking
	return a.add(&cobra.Command{
		Use: name + " TENANT [SETTING …]", Short: short, Long: short + ".\n\n" + settingsHelp,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 || method == http.MethodPatch && len(args) == 1 {
				return misused(c)
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			sent, err := settings(args[1:])
			if err != nil {
				return err
			}
			t, err := a.ask(c, method, tenantPath(args[0]), nil, sent)
			if err != nil {
				return err
			}
			return a.show(c, t, func(w io.Writer) { fields(w, t) })
		},
	})
}

func tenantUsage() *cobra.Command {
	var a asking
	return a.add(&cobra.Command{
		Use: "usage TENANT", Short: "show seats and readers in use", Args: takes(1),
		RunE: func(c *cobra.Command, args []string) error { return showUsage(&a, c, args[0]) },
	})
}

func tenantDelete() *cobra.Command {
	var a asking
	yes := false
	c := a.add(&cobra.Command{
		Use: "delete TENANT", Short: "delete a tenant and all it has, for good", Args: takes(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := confirm(c, yes, "This deletes all users, groups, tokens and the log of the tenant "+args[0]+" for good.", args[0]); err != nil {
				return err
			}
			answer, err := a.ask(c, http.MethodDelete, tenantPath(args[0]), url.Values{"confirm": {args[0]}}, nil)
			if err != nil {
				return err
			}
			return a.show(c, answer, func(w io.Writer) {
				fmt.Fprintf(w, "%s is being deleted; its id is free in some minutes.\n", args[0])
			})
		},
	})
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return c
}

// confirm asks whether to go on, which is said by typing a word.
func confirm(c *cobra.Command, yes bool, what, word string) error {
	if yes {
		return nil
	}
	f, ok := c.InOrStdin().(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return usageError{errors.New("it asks before it does that, and nobody is at the terminal: give --yes")}
	}
	fmt.Fprintf(c.ErrOrStderr(), "%s\nType %s to go on: ", what, word)
	line, _ := bufio.NewReader(f).ReadString('\n')
	if strings.TrimSpace(line) != word {
		return errors.New("nothing was done")
	}
	return nil
}
