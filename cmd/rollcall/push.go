package main

import (
	"fmt"
	"io"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/sheet"
)

func newPushAgain() *cobra.Command {
	var a asking
	var asCSV bool
	c := a.add(&cobra.Command{
		Use: "push-again TENANT", Short: "list groups and members that must be pushed again",
		Example: "  rollcall push-again acme\n  rollcall push-again acme --csv",
		Long: "List what the identity provider counts as done although it is missing here: members that were\n" +
			"skipped, groups that a user lost when deleted or hired again, and groups that were refused.\n" +
			"Each leaves the list by itself once it is pushed.",
		Args: takes(1),
		RunE: func(c *cobra.Command, args []string) error {
			path := tenantPath(args[0], "push-again")
			if asCSV {
				return writeCSV(&a, c, sheet.PushAgain, path, "pushAgain", nil, 0)
			}
			list, err := connectAndRead[adminwire.PushAgainItem](&a, c, path, "pushAgain", nil)
			if err != nil {
				return err
			}
			return a.show(c, adminwire.PushAgain{PushAgain: list}, func(w io.Writer) { printPushAgain(w, list) })
		},
	})
	csvFlag(c, &asCSV)
	return completes(c, false, a.tenants)
}

// csvFlag adds the flag --csv to a command that lists rows.
func csvFlag(c *cobra.Command, asCSV *bool) {
	c.Flags().BoolVar(asCSV, "csv", false, "print the whole list as CSV")
	c.MarkFlagsMutuallyExclusive("csv", "json")
}

// writeCSV prints a list as CSV, at most as many rows as given, or all for 0. It writes each
// page before it reads the next one: a list may be longer than fits into memory.
func writeCSV[R any](a *asking, c *cobra.Command, form sheet.Sheet[R], path, name string, query url.Values, most int) error {
	p, err := a.connect(c.Context())
	if err != nil {
		return err
	}
	var w *sheet.Writer[R]
	written := 0
	return eachPage(c, p, path, name, query, func(rows []R) (more bool, err error) {
		if w == nil { // an error of the first request leaves the output empty
			if w, err = form.To(c.OutOrStdout()); err != nil {
				return false, err
			}
		}
		if most > 0 {
			rows = rows[:min(len(rows), most-written)]
		}
		written += len(rows)
		return most == 0 || written < most, w.Write(rows)
	})
}

// pushReasons are the reasons in words.
var pushReasons = map[string]string{
	"member_skipped": "skipped member", "groups_lost": "lost group", "group_refused": "refused group",
}

// printPushAgain prints the list in a table, and the advice for each identity provider once.
func printPushAgain(w io.Writer, list []adminwire.PushAgainItem) {
	if len(list) == 0 {
		fmt.Fprintln(w, "Nothing must be pushed again.")
		return
	}
	rows := make([][]string, len(list))
	var advice []string
	seen := map[string]bool{}
	for i, item := range list {
		reason := text(pushReasons[item.Reason])
		if item.Others > 0 {
			reason += fmt.Sprintf(" (and at least %d more)", item.Others)
		}
		rows[i] = []string{
			cut(text(firstOf(item.Group, string(item.GroupID)))), cut(text(firstOf(item.User, item.UserID))), text(item.UserState), reason, text(item.Since), text(item.IdP),
			text(item.SentWithoutAsking), text(item.GroupID), text(item.UserID),
		}
		if !seen[item.WhatToDo] {
			seen[item.WhatToDo] = true
			advice = append(advice, item.WhatToDo)
		}
	}
	printTable(w, []column{
		{"GROUP", stays},
		{"USER", stays},
		{"STATE", below},
		{"REASON", below},
		{"SINCE", below},
		{"IDP", left},
		{"SENT WITHOUT ASKING", left},
		{"GROUP ID", left},
		{"USER ID", left},
	}, rows)
	fmt.Fprintln(w)
	for _, one := range advice {
		labelled(w, "", [][2]string{{"what to do", text(one)}})
	}
}
