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
		Use: "dismiss TENANT SUBJECT", Short: "take a failure out of the list until it happens again",
		Example: "  rollcall dismiss acme dora@example.com --reason \"left the company\"",
		Long: `Dismiss the failure of a user or group: a whole name, externalId or id, or the id of the
request that failed. It leaves the list of failures, and is there again as soon as it
fails again. The log has the dismissal, with its reason and the name of its author;
'rollcall failures TENANT --dismissed' lists what is dismissed.`,
		Args: takes(2),
		RunE: func(c *cobra.Command, args []string) error { return dismiss(&a, c, args[0], args[1], reason) },
	})
	c.Flags().StringVar(&reason, "reason", "", "why it needs no attention: one line of `TEXT`, of at most 500 bytes")
	return completes(c, false, a.tenants)
}

func dismiss(a *asking, c *cobra.Command, tenant, subject, reason string) error {
	if reason == "" {
		return mistake("A reason is required: --reason TEXT. The log has it.")
	}
	p, err := a.connect(c.Context())
	if err != nil {
		return err
	}
	request := subject
	if uuids.FindString(subject) != subject {
		if request, err = p.lastFailure(c, tenant, subject); err != nil {
			return err
		}
	} else if found, err := p.lastFailure(c, tenant, subject); err == nil { // the id of a user or group
		request = found
	}
	f, err := call[adminwire.FailedUser](c.Context(), p, http.MethodPost, tenantPath(tenant, "requests", request, "dismissal"), nil, adminwire.NewDismissal{Reason: reason})
	if err != nil {
		return err
	}
	return a.show(c, f, func(w io.Writer) {
		fmt.Fprintf(w, "Dismissed: the failure of %s %s. It is listed again if it fails again.\n", text(f.ResourceType), text(firstOf(f.Subject, f.ExternalID, f.ResourceID)))
	})
}

// lastFailure finds the last failed request of a failing user or group.
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

// printDismissal prints when, by whom and why a failure was dismissed, if it was.
func printDismissal(w io.Writer, d *adminwire.Dismissal) {
	if d == nil {
		return
	}
	labelled(w, "    ", [][2]string{{"dismissed", fmt.Sprintf("at %s by %s", text(d.Time), text(d.Who))}, {"reason", text(d.Reason)}})
}
