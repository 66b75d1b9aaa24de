package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
)

func newPortal() *cobra.Command {
	return parent("portal", "let a customer's administrator into the portal", portalLink())
}

const portalLinkLong = `Create a link that opens the customer's portal once, for one person: pages that show
which users fail, why, and what to do in the identity provider. With --setup the person
can also connect an identity provider, and create and rotate its credentials.

Whoever opens the link first is in, for two hours: give it to that person alone. Your
application creates such links by itself (docs/how-to/add-the-portal.md).`

// linkFlags are the flags of a command that creates a link to the portal.
type linkFlags struct {
	asking
	actor, returnURL string
	minutes          int
	setup, open      bool
}

func portalLink() *cobra.Command {
	var o linkFlags
	c := o.add(&cobra.Command{
		Use: "link TENANT", Short: "create a link that opens the portal once", Long: portalLinkLong, Args: takes(1),
		Example: "  rollcall portal link acme --actor anna@acme.example\n  rollcall portal link acme --actor anna@acme.example --setup --open",
		RunE:    func(c *cobra.Command, args []string) error { return o.create(c, args[0]) },
	})
	c.Flags().StringVar(&o.actor, "actor", "", "`NAME` of the person, as the log shows it; required")
	c.Flags().BoolVar(&o.setup, "setup", false, "the person may also connect an identity provider")
	c.Flags().StringVar(&o.returnURL, "return-url", "", "https `URL` that the portal leads back to")
	c.Flags().IntVar(&o.minutes, "minutes", 0, "`NUMBER` of minutes for which the link works, 1 to 60; 10 without it")
	c.Flags().BoolVar(&o.open, "open", false, "open the link in the browser of this machine")
	return completes(c, false, o.tenants)
}

// create creates a link to the portal of a tenant.
func (o *linkFlags) create(c *cobra.Command, tenant string) error {
	if o.actor == "" {
		return mistake("--actor is missing: it names the person whom the link is for, for example --actor anna@acme.example")
	}
	body := adminwire.NewPortalLink{Actor: o.actor, Permissions: []string{"view"}, ReturnURL: o.returnURL}
	if o.setup {
		body.Permissions = append(body.Permissions, "setup")
	}
	if c.Flags().Changed("minutes") {
		body.Minutes = adminwire.Of(o.minutes)
	}
	link, err := connectAndCall[adminwire.PortalLink](&o.asking, c, http.MethodPost, tenantPath(tenant, "portal-links"), nil, body)
	if err != nil {
		return err
	}
	err = o.show(c, link, func(w io.Writer) {
		fmt.Fprintf(w, "%s\n\nThe link works once, until %s. Give it to %s alone.\n", visible(link.URL), seconds(link.ExpiresAt), visible(o.actor))
	})
	if err != nil || !o.open {
		return err
	}
	return openInBrowser(c.Context(), runtime.GOOS, link.URL)
}

// openInBrowser opens the URL of a web page in the browser of this machine. The error has no URL:
// it may be a secret.
func openInBrowser(ctx context.Context, system, address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return errors.New("the service's link is not the URL of a web page: it is not opened")
	}
	command := []string{"xdg-open"}
	switch system {
	case "darwin":
		command = []string{"open"}
	case "windows":
		command = []string{"rundll32", "url.dll,FileProtocolHandler"}
	}
	opener := exec.CommandContext(ctx, command[0], append(command[1:], u.String())...) //nolint:gosec // G204: the URL of a web page is one argument
	if err := opener.Run(); err != nil {
		return fmt.Errorf("the browser does not open (%s: %w): open the link yourself", command[0], err)
	}
	return nil
}
