package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall"
	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/httpapi"
	"github.com/rollcall-scim/rollcall/internal/local"
	"github.com/rollcall-scim/rollcall/internal/store"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/dynamo"
	"github.com/rollcall-scim/rollcall/internal/table/embedded"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// localOptions are the flags of rollcall local.
type localOptions struct {
	listen    string
	data      string
	memory    bool
	endpoint  string
	table     string
	tenant    string
	seats     int64
	seatsSet  bool
	info      string
	extension string
}

const localUsage = `rollcall local serves SCIM on this machine: the routes of template.yaml, each
request as the event that API Gateway would make of it, the handlers of the
Lambda functions. It makes a tenant with a token, and prints both.

Usage:
  rollcall local [flags]

Data is kept in memory and gone at the end, unless --data or --dynamodb says
where to keep it.

Flags:
`

func parseLocal(args []string, stderr io.Writer) (localOptions, error) {
	var o localOptions
	flags := flag.NewFlagSet("rollcall local", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&o.listen, "listen", "127.0.0.1:8080", "`HOST:PORT` to listen on; port 0 takes a free one")
	flags.StringVar(&o.data, "data", "", "keep the data in this `DIR`, over restarts")
	flags.BoolVar(&o.memory, "memory", false, "keep the data in memory (the default)")
	flags.StringVar(&o.endpoint, "dynamodb", "", "keep the data in DynamoDB at this `ENDPOINT`, such as http://127.0.0.1:8000; makes the table when it is absent")
	flags.StringVar(&o.table, "table", "rollcall", "`NAME` of the DynamoDB table")
	flags.StringVar(&o.tenant, "tenant", "acme", "`ID` of the tenant")
	flags.Int64Var(&o.seats, "seats", 50, "`NUMBER` of seats the tenant has; without the flag a tenant that is there keeps its own")
	flags.StringVar(&o.info, "info", "", "write {baseUrl, token, tenant, pid} to this `FILE`, for this user alone, once requests are answered")
	flags.StringVar(&o.extension, "extension", "", "`URN` of the schema extension that has isTeamAccount")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprint(stderr, localUsage)
			flags.SetOutput(stderr)
			flags.PrintDefaults()
			return o, err
		}
		return o, usageError{fmt.Errorf("%w; 'rollcall local --help' lists the flags", err)}
	}
	empty := ""
	flags.Visit(func(f *flag.Flag) {
		o.seatsSet = o.seatsSet || f.Name == "seats"
		if f.Value.String() == "" {
			empty = f.Name
		}
	})
	chosen := 0
	for _, is := range []bool{o.data != "", o.memory, o.endpoint != ""} {
		if is {
			chosen++
		}
	}
	switch {
	case empty != "":
		return o, usageError{fmt.Errorf("--%s is empty: give it a value, or leave it out", empty)}
	case flags.NArg() > 0:
		return o, usageError{fmt.Errorf("%q is not a flag; 'rollcall local --help' lists them", flags.Arg(0))}
	case chosen > 1:
		return o, usageError{errors.New("--data, --memory and --dynamodb exclude each other: choose one")}
	case o.seats < 0 || o.seats > tenant.Unlimited:
		return o, usageError{fmt.Errorf("--seats is a number from 0 to %d", int64(tenant.Unlimited))}
	}
	return o, nil
}

// info is what --info writes. The token is in it, so the file is its owner's.
type info struct {
	BaseURL string `json:"baseUrl"`
	Token   string `json:"token"`
	Tenant  string `json:"tenant"`
	PID     int    `json:"pid"`
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
	engine, kept, closeEngine, err := openEngine(ctx, o)
	if err != nil {
		return err
	}
	defer closeEngine()
	logger := slog.New(logHandler(stderr))
	slog.SetDefault(logger)

	var started info
	var seats int64
	written := false
	err = local.Serve(ctx, local.ServerConfig{
		Listen: o.listen,
		Build: func(address string) (http.Handler, error) {
			started = info{BaseURL: "http://" + address + httpapi.Prefix, Tenant: t.String(), PID: os.Getpid()}
			a, err := app.New(engine, app.Config{BaseURL: started.BaseURL, ExtensionURN: o.extension}, logger)
			if err != nil {
				return nil, err
			}
			if started.Token, err = seed(ctx, a.Store, t, o); err != nil {
				return nil, err
			}
			ledger, err := a.Store.Ledger(ctx, t)
			if err != nil {
				return nil, err
			}
			seats = ledger.SeatLimit
			return local.FromTemplate(rollcall.Template, func(function string) http.Handler { return a.Handler(function) })
		},
		Ready: func(string) error {
			if err := writeInfo(o.info, started); err != nil {
				return err
			}
			written = o.info != ""
			printStart(stdout, started, kept, seats)
			return nil
		},
	})
	if written {
		_ = os.Remove(o.info)
	}
	return err
}

// openEngine opens the table that the flags name, and says where the data is.
func openEngine(ctx context.Context, o localOptions) (engine table.Table, kept string, closeEngine func(), err error) {
	switch {
	case o.endpoint != "":
		client, err := dynamo.NewLocalClient(ctx, o.endpoint)
		if err != nil {
			return nil, "", nil, fmt.Errorf("--dynamodb %s: %w", o.endpoint, err)
		}
		reach, cancel := context.WithTimeout(ctx, 15*time.Second)
		defer cancel()
		if err := dynamo.CreateTable(reach, client, o.table); err != nil {
			return nil, "", nil, fmt.Errorf("no DynamoDB answers at %s: start it, or give another --dynamodb ENDPOINT (%w)", o.endpoint, err)
		}
		return dynamo.New(client, o.table), "table " + o.table + " at " + o.endpoint, func() {}, nil
	case o.data != "":
		if err := os.MkdirAll(o.data, 0o700); err != nil {
			return nil, "", nil, fmt.Errorf("the folder %s cannot be made: choose another with --data DIR (%w)", o.data, err)
		}
		path := filepath.Join(o.data, "rollcall.db")
		t, err := embedded.Open(path)
		if err != nil {
			return nil, "", nil, fmt.Errorf("the data in %s cannot be opened: %w; choose another folder with --data DIR", o.data, err)
		}
		return t, path, func() { _ = t.Close() }, nil
	}
	t, err := embedded.Memory()
	if err != nil {
		return nil, "", nil, fmt.Errorf("no memory engine: %w", err)
	}
	return t, "in memory, gone at the end; --data DIR keeps it", func() { _ = t.Close() }, nil
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
		kept = filepath.Join(o.data, "token-"+t.String())
		if text, err := os.ReadFile(kept); err == nil {
			token := strings.TrimSpace(string(text))
			grant, err := access.NewAuthenticator(s, time.Now).Authenticate(ctx, "Bearer "+token)
			if err == nil && grant.Tenant == t {
				return token, nil
			}
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

func printStart(w io.Writer, i info, kept string, seats int64) {
	fmt.Fprintf(w, `rollcall serves SCIM 2.0 for the tenant %s, with %d seats.

  base URL  %s
  token     %s
  data      %s

Try it:

  curl -s -H 'Authorization: Bearer %s' '%s/Users'

Ctrl-C stops it.
`, i.Tenant, seats, i.BaseURL, i.Token, kept, i.Token, i.BaseURL)
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
