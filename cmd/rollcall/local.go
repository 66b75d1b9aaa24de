package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/spf13/pflag"

	"github.com/rollcall-scim/rollcall"
	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/adminapi"
	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/httpapi"
	"github.com/rollcall-scim/rollcall/internal/local"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/store"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// localOptions are the flags of rollcall local.
type localOptions struct {
	engineFlags
	listen    string
	memory    bool
	tenant    string
	seats     int64
	seatsSet  bool
	info      string
	extension string
	schemas   []string
	rate      int
}

const localUsage = `rollcall local serves SCIM on this machine: the routes of template.yaml, each
request as the event that API Gateway would make of it, the handlers of the
Lambda functions. It makes a tenant with a token, and prints both.

Usage:
  rollcall local [flags]

Data is kept in memory and gone at the end, unless --data or --dynamodb says
where to keep it; a folder or a table that is not there is made. Work that
requests left over is finished every few minutes, as the deployed sweep does.

Flags:
`

func parseLocal(args []string, stderr io.Writer) (localOptions, error) {
	o := localOptions{engineFlags: engineFlags{create: true}}
	flags := pflag.NewFlagSet("rollcall local", pflag.ContinueOnError)
	o.register(flags)
	flags.StringVar(&o.listen, "listen", "127.0.0.1:8080", "`HOST:PORT` to listen on; port 0 takes a free one")
	flags.BoolVar(&o.memory, "memory", false, "keep the data in memory (the default)")
	flags.StringVar(&o.tenant, "tenant", "acme", "`ID` of the tenant")
	flags.Int64Var(&o.seats, "seats", 50, "`NUMBER` of seats the tenant has; without the flag a tenant that is there keeps its own")
	flags.StringVar(&o.info, "info", "", "write {baseUrl, token, adminUrl, adminToken, tenant, pid, consoleUrl} to this `FILE`, for this user alone, once requests are answered")
	flags.StringVar(&o.extension, "extension", "", "`URN` of the schema extension that has isTeamAccount")
	flags.IntVar(&o.rate, "rate", app.DefaultTenantRate, "`NUMBER` of requests a second that a tenant may make, beyond which it gets 429; 0 is any number")
	flags.StringArrayVar(&o.schemas, "schema", nil, "register the schema in this `FILE` for the tenant (docs/tenant-schemas.md); may be given again")
	if err := parse(flags, localUsage, args, stderr); err != nil {
		return o, err
	}
	o.seatsSet = flags.Changed("seats")
	chosen := 0
	for _, is := range []bool{o.data != "", o.memory, o.endpoint != ""} {
		if is {
			chosen++
		}
	}
	switch {
	case chosen > 1:
		return o, usageError{errors.New("--data, --memory and --dynamodb exclude each other: choose one")}
	case o.rate < 0 || o.rate > 0 && o.rate < httpapi.MinRate:
		return o, usageError{fmt.Errorf("--rate is 0, or a number from %d", httpapi.MinRate)}
	case o.seats < 0 || o.seats > tenant.Unlimited:
		return o, usageError{fmt.Errorf("--seats is a number from 0 to %d", int64(tenant.Unlimited))}
	}
	return o, nil
}

// info is what --info writes. The tokens are in it, so the file is its owner's.
type info struct {
	BaseURL    string `json:"baseUrl"`
	Token      string `json:"token"`
	AdminURL   string `json:"adminUrl"`
	AdminToken string `json:"adminToken"`
	Tenant     string `json:"tenant"`
	PID        int    `json:"pid"`
	// ConsoleURL is a link to the console that is good once, for ten minutes; "" where
	// no console is served.
	ConsoleURL string `json:"consoleUrl,omitempty"`
}

func runLocal(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parseLocal(args, stderr)
	if err != nil {
		return err
	}
	t, err := tenant.ParseID(o.tenant)
	if err != nil {
		return usageError{fmt.Errorf("--tenant %q: %w", o.tenant, err)}
	}
	opened, err := o.open(ctx, openMemory)
	if err != nil {
		return err
	}
	defer opened.close()
	logger := slog.New(logHandler(stderr))
	slog.SetDefault(logger)

	// Sweeps end before the table is closed.
	var sweeps sync.WaitGroup
	defer sweeps.Wait()
	ctx, stop := context.WithCancel(ctx)
	defer stop()

	var service *app.App
	var started info
	var seats int64
	written := false
	err = local.Serve(ctx, local.ServerConfig{
		Listen: o.listen,
		Build: func(address string) (http.Handler, error) {
			started = info{
				BaseURL: "http://" + address + httpapi.Prefix, AdminURL: "http://" + address + adminapi.Prefix,
				Tenant: t.String(), PID: os.Getpid(),
			}
			a, err := app.New(opened.Table, app.Config{BaseURL: started.BaseURL, ExtensionURN: o.extension, TenantRate: o.rate}, logger)
			if err != nil {
				return nil, err
			}
			if started.Token, err = seed(ctx, a.Store, t, o); err != nil {
				return nil, err
			}
			if err := putSchemas(ctx, a, t, o.schemas); err != nil {
				return nil, err
			}
			ledger, err := a.Store.Ledger(ctx, t)
			if err != nil {
				return nil, err
			}
			if started.AdminToken, err = o.adminToken(); err != nil {
				return nil, err
			}
			service, seats = a, ledger.SeatLimit
			gateway, err := local.FromTemplate(rollcall.Template, func(function string) http.Handler { return a.FunctionHandler(function) })
			if err != nil {
				return nil, err
			}
			gateway.Authorize = operator(started.AdminToken)
			return withConsole(gateway, address, &started, logger)
		},
		Ready: func(string) error {
			if err := writeInfo(o.info, started); err != nil {
				return err
			}
			written = o.info != ""
			printStart(stdout, started, opened.place, seats)
			sweeps.Go(func() { service.SweepEvery(ctx, app.SweepInterval) })
			return nil
		},
	})
	if written {
		_ = os.Remove(o.info)
	}
	return err
}

// seed makes the tenant, if it is new, and sees to a token. A tenant that is there
// keeps its seats unless the flag is given. With --data the token
// of the last start is used again, so that an identity provider stays connected.
func seed(ctx context.Context, s *store.Store, t tenant.ID, o localOptions) (string, error) {
	now := time.Now()
	err := s.CreateTenant(ctx, t, tenant.DefaultSettings(), o.seats, tenant.Unlimited, now)
	if errors.Is(err, store.ErrTenantExists) {
		err = nil
		if o.seatsSet {
			err = s.SetSeatLimit(ctx, t, o.seats, now)
		}
	}
	if err != nil {
		return "", fmt.Errorf("the tenant %s cannot be made: %w", t, err)
	}
	kept := ""
	if o.data != "" {
		kept = filepath.Join(o.data, tokenFile(t.String()))
		if text, err := os.ReadFile(kept); err == nil {
			token := strings.TrimSpace(string(text))
			grant, err := access.NewAuthenticator(s, time.Now).Authenticate(ctx, "Bearer "+token)
			if err == nil && grant.Tenant == t {
				return token, nil
			}
			slog.Warn("the token of the last start is not accepted any more; a new one was created", "file", kept)
		}
	}
	token, record := access.Mint(t)
	record.Label, record.Created = "rollcall local", now
	if err := s.SaveToken(ctx, t, record); err != nil {
		return "", fmt.Errorf("the token cannot be saved: %w", err)
	}
	if kept != "" {
		if err := os.WriteFile(kept, []byte(token+"\n"), 0o600); err != nil {
			return "", fmt.Errorf("the token cannot be kept in %s: %w", o.data, err)
		}
	}
	return token, nil
}

// tokenFile is the file in the folder of the data that keeps a tenant's token.
func tokenFile(tenant string) string { return "token-" + tenant }

// putSchemas registers the schemas of --schema for a tenant.
func putSchemas(ctx context.Context, a *app.App, t tenant.ID, files []string) error {
	for _, file := range files {
		document, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("--schema: %w", err)
		}
		schema, err := scim.ParseTenantSchema(document)
		if err == nil {
			err = a.Store.PutSchema(ctx, t, a.Types(), schema, time.Now())
		}
		if err != nil {
			return fmt.Errorf("--schema %s: %w", file, err)
		}
	}
	return nil
}

func printStart(w io.Writer, i info, kept string, seats int64) {
	fmt.Fprintf(w, `rollcall serves SCIM 2.0 for the tenant %s, with %d seats.

  base URL     %s
  token        %s
  admin URL    %s
  admin token  %s
  console      %s
  data         %s

Try it:

  curl -s -H 'Authorization: Bearer %s' '%s/Users'

%s%sCtrl-C stops it.
`, i.Tenant, seats, i.BaseURL, i.Token, i.AdminURL, i.AdminToken, orNone(i.ConsoleURL), kept, i.Token, i.BaseURL, consoleHint(i), plainHint(i))
}

// plainHint warns of an address that other machines reach: nothing is encrypted on the
// way there.
func plainHint(i info) string {
	base, err := url.Parse(i.BaseURL)
	if err != nil {
		return ""
	}
	if ip := net.ParseIP(base.Hostname()); ip != nil && ip.IsLoopback() {
		return ""
	}
	return "WARNING: other machines reach " + base.Host + ", and tokens travel to it in plain HTTP, which others can read:\n" +
		"listen on 127.0.0.1, or let only a proxy with TLS reach it.\n"
}

// writeInfo writes the file of --info in one step: a reader finds it whole or
// not at all.
func writeInfo(path string, i info) error {
	if path == "" {
		return nil
	}
	encoded, err := json.Marshal(i)
	if err != nil {
		return err
	}
	temporary, err := os.CreateTemp(filepath.Dir(path), ".rollcall-info-*") // mode 0600
	if err != nil {
		return fmt.Errorf("%s cannot be written: choose another --info FILE (%w)", path, err)
	}
	defer func() { _ = os.Remove(temporary.Name()) }()
	_, err = temporary.Write(append(encoded, '\n'))
	if err := errors.Join(err, temporary.Close()); err != nil {
		return fmt.Errorf("%s cannot be written: choose another --info FILE (%w)", path, err)
	}
	if err := os.Rename(temporary.Name(), path); err != nil {
		return fmt.Errorf("%s cannot be written: choose another --info FILE (%w)", path, err)
	}
	return nil
}
