package main

import (
	"fmt"
	"io"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/sheet"
)

func newDrift() *cobra.Command {
	var a asking
	var since string
	var asCSV bool
	c := a.add(&cobra.Command{
		Use: "drift TENANT", Short: "list users and groups that the identity provider may not know",
		Example: "  rollcall drift acme\n  rollcall drift acme --since 30d --csv",
		Long: "List active users that the application created and no identity provider has pushed, and users\n" +
			"and groups for which no identity provider has sent a change request for a long time. The latter\n" +
			"is usual where nothing changes: compare them with the identity provider's assignments.",
		Args: takes(1),
		RunE: func(c *cobra.Command, args []string) error {
			at, err := parseMoment(since, time.Now())
			if err != nil {
				return usageError{err}
			}
			query := url.Values{"since": {at.UTC().Format(time.RFC3339Nano)}}
			path := tenantPath(args[0], "drift")
			if asCSV {
				return writeCSV(&a, c, sheet.Drift, path, "drift", query, 0)
			}
			list, err := connectAndRead[adminwire.DriftItem](&a, c, path, "drift", query)
			if err != nil {
				return err
			}
			return a.show(c, adminwire.Drift{Drift: list}, func(w io.Writer) { printDrift(w, list) })
		},
	})
	c.Flags().StringVar(&since, "since", "90d", "no change request since this `TIME`")
	csvFlag(c, &asCSV)
	return completes(c, false, a.tenants)
}

func printDrift(w io.Writer, list []adminwire.DriftItem) {
	reasons := map[string]string{"not_linked": "never pushed", "no_request": "no change request"}
	rows := make([][]string, len(list))
	for i, d := range list {
		rows[i] = []string{cut(text(d.Subject)), text(d.ResourceType), text(reasons[d.Reason]), text(d.Modified), text(d.ExternalID), text(d.ResourceID)}
	}
	if len(rows) == 0 {
		fmt.Fprintln(w, "No drift found.")
		return
	}
	printTable(w, []column{{"USER OR GROUP", stays}, {"TYPE", stays}, {"REASON", below}, {"LAST CHANGED", below}, {"EXTERNAL ID", left}, {"ID", left}}, rows)
}
