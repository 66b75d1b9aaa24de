package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/rollcall-scim/rollcall/internal/adminapi"
	"github.com/rollcall-scim/rollcall/internal/adminclient"
	"github.com/rollcall-scim/rollcall/internal/console"
	"github.com/rollcall-scim/rollcall/internal/dev/local"
)

const consoleLong = `Serve the console on this machine: web pages that show which users fail, why, what to
do, and whether it is resolved. The printed link works once, within ten minutes; the
browser that opens it has the rights of this command. Ctrl-C ends the console.`

func newConsole() *cobra.Command {
	var a asking
	var listen, tenant string
	c := a.add(&cobra.Command{
		Use: "console", Short: "show failures, the log and tokens in a browser", Long: consoleLong, Args: takes(0),
		Example: "  rollcall console --tenant acme\n  rollcall console --listen 127.0.0.1:8090",
		RunE: func(c *cobra.Command, _ []string) error {
			if a.json {
				return usageError{errors.New("console has no --json: it serves web pages")}
			}
			if err := ownAddress(c.Context(), listen); err != nil {
				return err
			}
			p, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			return serveConsole(c.Context(), p, a.service(), listen, tenant, c.OutOrStdout(), c.ErrOrStderr())
		},
	})
	c.Flags().StringVar(&listen, "listen", "127.0.0.1:0", "`HOST:PORT` to listen on, of this machine alone; port 0 takes a free one")
	c.Flags().StringVar(&tenant, "tenant", "", "`ID` of the tenant to begin with")
	_ = c.Flags().MarkHidden("json") // refused: it serves pages
	completesFlag(c, "tenant", a.tenants)
	return completes(c, false)
}

// service returns the name of the service for the page.
func (a *asking) service() string {
	if a.stack != "" {
		return "stack " + a.stack
	}
	return "this machine"
}

// ownAddress returns an error unless only this machine can reach an address.
func ownAddress(ctx context.Context, listen string) error {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return usageError{fmt.Errorf("--listen %q is not HOST:PORT, for example 127.0.0.1:8090", listen)}
	}
	var resolver net.Resolver
	ips := []net.IP{net.ParseIP(host)}
	if ips[0] == nil && host != "" {
		if ips, err = resolver.LookupIP(ctx, "ip", host); err != nil || len(ips) == 0 {
			return usageError{fmt.Errorf("--listen %s: host not found; give a loopback address, for example 127.0.0.1:8090", listen)}
		}
	}
	for _, ip := range ips {
		if !ip.IsLoopback() {
			return usageError{fmt.Errorf("--listen %s would show the console to other machines, with your rights: give a loopback address, for example 127.0.0.1:8090", listen)}
		}
	}
	return nil
}

// serveConsole serves the console of a service until ctx ends.
func serveConsole(ctx context.Context, p place, service, listen, tenant string, stdout, stderr io.Writer) error {
	logger := slog.New(logHandler(stderr))
	var served *console.Console
	return local.Serve(ctx, local.ServerConfig{
		Listen: listen,
		Build: func(address string) (handler http.Handler, err error) {
			served, err = console.New(console.Config{Client: p.client, Address: address, Place: service, Log: logger})
			return served, err
		},
		Ready: func(address string) error {
			fmt.Fprintf(stdout, "The console of %s is at\n\n  %s\n\nThe link works once, for ten minutes. Ctrl-C stops the console.\n",
				service, consoleURL(served, address, tenant))
			return nil
		},
	})
}

// consoleURL returns a link to a console that works once.
func consoleURL(c *console.Console, address, tenant string) string {
	return "http://" + address + c.Link(tenant)
}

// withConsole serves the console beside a service of this machine. It calls the
// service over the network with the admin token, as any client does. A service
// that listens on one address that other machines reach gets no console.
func withConsole(service http.Handler, address string, started *info, logger *slog.Logger) (http.Handler, error) {
	near, ok := nearAddress(address)
	if !ok {
		return service, nil
	}
	client, err := adminclient.New("http://"+near+adminapi.Prefix, adminclient.Bearer(started.AdminToken))
	if err != nil {
		return nil, err
	}
	c, err := console.New(console.Config{Client: client, Address: address, Place: "this machine", Log: logger})
	if err != nil {
		return nil, err
	}
	started.ConsoleURL = consoleURL(c, near, started.Tenant)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if console.Has(r.URL.Path) {
			c.ServeHTTP(w, r)
			return
		}
		service.ServeHTTP(w, r)
	}), nil
}

// nearAddress returns the loopback address at which this machine reaches a
// listener, and false for a listener on one address that other machines reach.
func nearAddress(address string) (near string, ok bool) {
	host, port, err := net.SplitHostPort(address)
	ip := net.ParseIP(host)
	switch {
	case err != nil || ip == nil:
		return "", false
	case ip.IsUnspecified():
		return net.JoinHostPort("127.0.0.1", port), true
	}
	return address, ip.IsLoopback()
}

// orNone returns a text, or a dash.
func orNone(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
