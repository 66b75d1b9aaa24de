package main

import (
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
)

func newDismiss() *cobra.Command {
	var a asking
	var reason string
	c := a.add(&cobra.Command{
		Use: "dismiss TENANT SUBJECT", Short: "remove a failure from the list until it happens again",
		Example: "  rollcall dismiss acme dora@example.com --reason \"left the company\"",
		Long: `Dismiss the failure of a user or group, named by a whole name, externalId or id, or by the
id of the failed request. The failure leaves the list until the user or group fails again.
The log records the dismissal with its author and reason, and
'rollcall failures TENANT --dismissed' lists the dismissed failures.`,
		Args: takes(2),
		RunE: func(c *cobra.Command, args []string) error { return dismiss(&a, c, args[0], args[1], reason) },
	})
	c.Flags().StringVar(&reason, "reason", "", "why the failure needs no attention: one line of `TEXT`, at most 500 bytes")
	return completes(c, false, a.tenants)
}

func dismiss(a *asking, c *cobra.Command, tenant, subject, reason string) error {
	if reason == "" {
		return mistake("A reason is required: --reason TEXT. It is recorded in the log.")
	}
	p, err := a.connect(c.Context())
	if err != nil {
		return err
	}
	request, err := p.lastFailure(c, tenant, subject)
	switch {
	case err != nil && uuids.FindString(subject) == subject: // the id of a request
		request = subject
	case err != nil:
		return err
	}
	f, err := call[adminwire.FailedUser](c.Context(), p, http.MethodPost, tenantPath(tenant, "requests", request, "dismissal"), nil, adminwire.NewDismissal{Reason: reason})
	if err != nil {
		return err
	}
	return a.show(c, f, func(w io.Writer) {
		fmt.Fprintf(w, "Dismissed: the failure of %s %s. It is listed again if it happens again.\n", text(f.ResourceType), text(firstOf(f.Subject, f.ExternalID, f.ResourceID)))
	})
}

// lastFailure returns the id of the last failed request of a failing user or group.
func (p place) lastFailure(c *cobra.Command, tenant, subject string) (string, error) {
	found, err := call[adminwire.FailedUsers](c.Context(), p, http.MethodGet, tenantPath(tenant, "failed-users"), url.Values{"subject": {subject}}, nil)
	if err != nil {
		return "", err
	}
	f, err := one(found.FailedUsers, found.Next != "", subject, "failure", tenant, "name, externalId or id", func(f adminwire.FailedUser) (id, name string) {
		return f.RequestID, f.ResourceType + " " + firstOf(f.Subject, f.ExternalID, f.ResourceID)
	})
	return f.RequestID, err
}

// printDismissal prints the time, author and reason of a dismissal, nothing for nil.
func printDismissal(w io.Writer, d *adminwire.Dismissal) {
	if d == nil {
		return
	}
	labelled(w, "    ", [][2]string{{"dismissed", fmt.Sprintf("at %s by %s", text(d.Time), text(d.Who))}, {"reason", text(d.Reason)}})
}
