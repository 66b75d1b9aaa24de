package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcall-scim/rollcall"
	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/adminapi"
	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/dev/demo"
	"github.com/rollcall-scim/rollcall/internal/dev/local"
	"github.com/rollcall-scim/rollcall/internal/httpapi"
	"github.com/rollcall-scim/rollcall/internal/portal"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
	"github.com/rollcall-scim/rollcall/internal/store"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
	"github.com/rollcall-scim/rollcall/internal/web"
)

// A localOptions has the flags of rollcall local.
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
	jwksHosts []string
	demo      bool
	portal    portal.Config
}

const localLong = `Serve SCIM on this machine: the routes of template.yaml, each request as the event
that API Gateway makes of it, the handlers of the Lambda functions. A tenant is
created with a token, and both are printed.

The data is kept in memory and lost at the end, unless --data or --dynamodb says
where to keep it; a missing folder or table is created. Tokens are then kept too:
the next start uses them again. Work that requests left over is finished every few
minutes, as the deployed sweep does. Events are sent to webhooks within a second,
also to ones on this machine, without TLS too.

While the server runs, a state file in $XDG_STATE_HOME/rollcall, else
~/.local/state/rollcall (%LocalAppData%\rollcall on Windows), lets the other
commands of this user find it without a flag. The file has the server's tokens and
is readable by this user alone.`

func newLocal() *cobra.Command {
	o := localOptions{engineFlags: engineFlags{create: true}}
	c := &cobra.Command{
		Use: "local", Short: "serve SCIM on this machine", Long: localLong, Args: noArguments,
		Example: `  rollcall local
  rollcall local --demo
  rollcall local --data ~/rollcall-data --listen 127.0.0.1:9000`,
		RunE: func(c *cobra.Command, _ []string) error {
			o.seatsSet = c.Flags().Changed("seats")
			if err := o.check(); err != nil {
				return err
			}
			return o.run(c.Context(), c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	flags := c.Flags()
	flags.SortFlags = false
	flags.StringVar(&o.listen, "listen", "127.0.0.1:8080", "`HOST:PORT` to listen on; port 0 takes a free one")
	o.register(flags)
	flags.BoolVar(&o.memory, "memory", false, "keep the data in memory (the default)")
	flags.StringVar(&o.tenant, "tenant", "acme", "`ID` of the tenant")
	flags.Int64Var(&o.seats, "seats", 50, "`NUMBER` of seats of the tenant; without the flag an existing tenant keeps its own")
	flags.BoolVar(&o.demo, "demo", false, "fill the new tenant with a week of provisioning by Okta and Entra, with failures to look at")
	flags.StringVar(&o.info, "info", "", "also write {baseUrl, token, adminUrl, adminToken, tenant, pid, consoleUrl, key} to this `FILE`, for this user alone, once requests are answered")
	flags.StringVar(&o.extension, "extension", "", "`URN` of the schema extension that has isTeamAccount")
	flags.IntVar(&o.rate, "rate", app.DefaultTenantRate, "`NUMBER` of requests a second that a tenant may make, beyond which it gets 429; 0 is any number")
	flags.StringArrayVar(&o.jwksHosts, "jwks-host", nil, "also read the keys of assertions from this `HOST:PORT`, on this machine without TLS too (docs/reference/oauth.md); may be given again")
	brand := &o.portal.Brand
	flags.StringVar(&brand.Name, "portal-name", portal.DefaultName, "`NAME` of your product in the customer's portal")
	flags.StringVar(&brand.Logo, "portal-logo", "", "https `URL` of its logo there")
	flags.StringVar(&brand.Color, "portal-color", "", "`#RRGGBB` of links and buttons there")
	flags.StringVar(&brand.Support, "portal-support", "", "https or mailto `URL` of your support there")
	flags.StringArrayVar(&o.schemas, "schema", nil, "register the schema in this `FILE` for the tenant (docs/reference/tenant-schemas.md); may be given again")
	return c
}

// noArguments refuses arguments: local has only flags.
func noArguments(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError{fmt.Errorf("%q is not a flag; '%s --help' lists them", args[0], c.CommandPath())}
	}
	return nil
}

// check returns an error for flags that cannot be used as they are.
func (o localOptions) check() error {
	chosen := 0
	for _, is := range []bool{o.data != "", o.memory, o.endpoint != ""} {
		if is {
			chosen++
		}
	}
	switch {
	case chosen > 1:
		return usageError{errors.New("--data, --memory and --dynamodb exclude each other: choose one")}
	case o.rate < 0 || o.rate > 0 && o.rate < httpapi.MinRate:
		return usageError{fmt.Errorf("--rate is 0, or a number from %d", httpapi.MinRate)}
	case o.demo && o.seatsSet:
		return usageError{fmt.Errorf("--demo has %d seats: leave out --seats", demo.Seats)}
	case o.seats < 0 || o.seats > tenant.Unlimited:
		return usageError{fmt.Errorf("--seats is a number from 0 to %d", int64(tenant.Unlimited))}
	case slices.ContainsFunc(o.jwksHosts, func(host string) bool { return host == "" || strings.ContainsAny(host, "/ ,@") }):
		return usageError{errors.New("--jwks-host is HOST or HOST:PORT, for example 127.0.0.1:9000")}
	}
	return nil
}

// An info is the content of the file of --info. It has tokens, so only its
// owner may read the file.
type info struct {
	BaseURL    string `json:"baseUrl"`
	Token      string `json:"token"`
	AdminURL   string `json:"adminUrl"`
	AdminToken string `json:"adminToken"`
	Tenant     string `json:"tenant"`
	PID        int    `json:"pid"`
	// ConsoleURL is a link to the console that works once, for ten minutes; ""
	// if no console is served.
	ConsoleURL string `json:"consoleUrl,omitempty"`
}

// A serving is a server that is starting.
type serving struct {
	info
	app *app.App
	// bell wakes deliveries.
	bell *app.Bell
	// listens is the address that the server listens on, which may be every address
	// of this machine.
	listens string
	// seats is the tenant's seat limit.
	seats int64
	// demo is the newest failure of --demo, zero without it.
	demo demo.Story
	// state is the content of the state file, and path its path, "" without
	// one.
	state state
	path  string
}

func (o localOptions) run(ctx context.Context, stdout, stderr io.Writer) error {
	t, err := tenant.ParseID(o.tenant)
	if err != nil {
		return usageError{fmt.Errorf("--tenant %q: %w", o.tenant, err)}
	}
	opened, err := o.open(ctx, openMemory)
	if err != nil {
		return err
	}
	defer opened.close()
	stream, err := opened.stream()
	if err != nil {
		return err
	}
	logger := slog.New(logHandler(stderr))
	slog.SetDefault(logger)

	// Sweeps and deliveries end before the table is closed.
	var work sync.WaitGroup
	defer work.Wait()
	ctx, stop := context.WithCancel(ctx)
	defer stop()

	var s serving
	var written []string
	defer func() {
		for _, path := range written {
			_ = os.Remove(path)
		}
	}()
	return local.Serve(ctx, local.ServerConfig{
		Listen: o.listen,
		Build: func(address string) (handler http.Handler, err error) {
			s, handler, err = o.build(ctx, opened, t, address, logger)
			return handler, err
		},
		Ready: func(string) error {
			if path := s.writeState(ctx, logger); path != "" {
				s.path, written = path, append(written, path)
			}
			if o.info != "" {
				if err := writeInfo(o.info, infoFile{s.info, s.state.Key}); err != nil {
					return err
				}
				written = append(written, o.info)
			}
			printStart(stdout, s, opened.place)
			work.Go(func() { s.app.SweepEvery(ctx, app.SweepInterval) })
			work.Go(func() { app.DeliverEvents(ctx, s.bell, opened.Table, stream, logger) })
			return nil
		},
	})
}

// build assembles the service on an open table, and creates its tenant.
func (o localOptions) build(ctx context.Context, opened engine, t tenant.ID, address string, logger *slog.Logger) (serving, http.Handler, error) {
	near, reached := nearAddress(address)
	if !reached {
		near = address
	}
	s := serving{listens: address, info: info{
		BaseURL: "http://" + near + httpapi.Prefix, AdminURL: "http://" + near + adminapi.Prefix,
		Tenant: t.String(), PID: os.Getpid(),
	}}
	a, visited, err := o.assemble(opened.Table, s.BaseURL, logger)
	if err != nil {
		return s, nil, err
	}
	s.bell = app.NewBell(ctx)
	s.app = a.WithWaker(s.bell)
	kept, err := o.tokenFolder()
	if err != nil {
		logger.Warn("tokens are not kept for the next start", "error", err.Error())
	}
	if o.demo {
		s.Token, s.demo, err = o.play(ctx, opened.Table, s.BaseURL, t, kept)
	} else {
		s.Token, err = seed(ctx, a.Store, t, o, kept, time.Now)
	}
	if err != nil {
		return s, nil, err
	}
	if err := putSchemas(ctx, a, t, o.schemas); err != nil {
		return s, nil, err
	}
	ledger, err := a.Store.Ledger(ctx, t)
	if err != nil {
		return s, nil, err
	}
	s.seats = ledger.SeatLimit
	if s.AdminToken, err = adminToken(kept); err != nil {
		return s, nil, err
	}
	gateway, err := local.FromTemplate(rollcall.Template, portal.Functions(a, visited))
	if err != nil {
		return s, nil, err
	}
	gateway.Authorize = operator(s.AdminToken)
	handler, err := withConsole(gateway, address, &s.info, logger)
	if err != nil || !reached {
		return s, handler, err
	}
	s.state = stateOf(s.info, o.whereData())
	return s, s.state.withProof(handler), nil
}

// assemble returns the service and the customer's portal on a table.
func (o localOptions) assemble(on table.Table, baseURL string, logger *slog.Logger) (*app.App, http.Handler, error) {
	config := app.Config{
		BaseURL: baseURL, ExtensionURN: o.extension, TenantRate: o.rate, LoopbackWebhooks: true, JWKSHosts: append(app.DefaultJWKSHosts(), o.jwksHosts...),
	}
	a, err := app.New(on, config, logger)
	if err != nil {
		return nil, nil, err
	}
	visited, err := portal.Local(on, config, o.portal, logger, app.Options{})
	return a.WithPortal(), visited, err
}

// whereData returns where the data is, for the choice among several servers.
func (o localOptions) whereData() string {
	switch {
	case o.data != "":
		if whole, err := filepath.Abs(o.data); err == nil {
			return "in " + whole
		}
		return "in " + o.data
	case o.endpoint != "":
		return "in table " + o.table + " at " + o.endpoint
	}
	return "in memory"
}

// writeState writes the state file and returns its path. A failure is only a
// warning: the server works without the file.
func (s serving) writeState(ctx context.Context, logger *slog.Logger) string {
	if s.state.Key == "" {
		logger.Warn("no state file was written: without TLS, commands reach a server on this machine only, and it does not listen there; listen on 127.0.0.1 or 0.0.0.0")
		return ""
	}
	// The files of servers that were killed are removed.
	if _, err := servers(ctx); err != nil {
		logger.Warn("the state files of other servers cannot be read", "error", err.Error())
	}
	path, err := s.state.write()
	if err != nil {
		logger.Warn("no state file was written: other commands need --info FILE, or ROLLCALL_ADMIN_URL and ROLLCALL_ADMIN_TOKEN", "error", err.Error())
		return ""
	}
	return path
}

// tokenFolder returns the folder that keeps the tokens for the next start: the
// data folder, or, for a DynamoDB, one that belongs to its table. It is "" if
// nothing is kept.
func (o localOptions) tokenFolder() (string, error) {
	switch {
	case o.data != "":
		return o.data, nil
	case o.endpoint == "":
		return "", nil
	}
	folder, err := makeStateFolder()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(o.endpoint + "\n" + o.table))
	kept := filepath.Join(folder, "tokens-"+hex.EncodeToString(sum[:8]))
	if err := os.Mkdir(kept, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	if err := private(kept, fs.ModeDir); err != nil {
		return "", err
	}
	return kept, nil
}

// seed creates the tenant if it is new, and returns a token for it. An existing
// tenant keeps its seats unless the flag is given. The token of the last start
// is used again if it was kept, so that an identity provider stays connected.
func seed(ctx context.Context, s *store.Store, t tenant.ID, o localOptions, folder string, clock func() time.Time) (string, error) {
	now := clock()
	err := s.CreateTenant(ctx, t, tenant.DefaultSettings(), o.seats, tenant.Unlimited, now)
	existing := errors.Is(err, store.ErrTenantExists)
	switch {
	case existing && o.demo:
		return "", fmt.Errorf("--demo fills a new tenant only, and %s has data here: leave out --demo, or choose another --tenant", t)
	case existing:
		err = nil
		if o.seatsSet {
			err = s.SetSeatLimit(ctx, t, o.seats, now)
		}
	}
	if err != nil {
		return "", fmt.Errorf("the tenant %s cannot be created: %w", t, err)
	}
	kept := ""
	if folder != "" {
		kept = filepath.Join(folder, tokenFile(t.String()))
		if token := keptToken(kept); token != "" && existing {
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
		if err := writePrivate(kept, []byte(token+"\n")); err != nil {
			return "", fmt.Errorf("the token cannot be kept in %s: %w", folder, err)
		}
	}
	return token, nil
}

// play seeds the tenant and fills it with the demo's week, which ends now.
func (o localOptions) play(ctx context.Context, on table.Table, baseURL string, t tenant.ID, folder string) (token string, story demo.Story, err error) {
	clock := demo.NewClock(time.Now().Add(-demo.Length))
	a, err := app.NewWith(on, app.Config{BaseURL: baseURL, ExtensionURN: o.extension}, slog.New(slog.DiscardHandler), app.Options{
		Now: clock.Now, NewID: clock.NewID, Retry: []table.RetryOption{table.RetryClock(clock.Now, clock.Sleep)},
	})
	if err != nil {
		return "", story, err
	}
	if token, err = seed(ctx, a.Store, t, o, folder, clock.Now); err != nil {
		return "", story, err
	}
	admin := a.AdminHandler()
	story, err = demo.Fill(ctx, demo.Service{
		SCIM: a.Handler(), Tenant: t.String(), Pass: clock.Pass,
		Admin: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Header.Set(web.OperatorHeader, localOperator)
			admin.ServeHTTP(w, r)
		}),
	})
	return token, story, err
}

// tokenFile returns the name of the file in the folder of the data that keeps a tenant's token.
func tokenFile(tenant string) string { return "token-" + tenant }

// putSchemas registers the schemas of --schema for a tenant.
func putSchemas(ctx context.Context, a *app.App, t tenant.ID, files []string) error {
	for _, file := range files {
		document, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("--schema: %w", err)
		}
		schema, err := schema.ParseRegistration(document)
		if err == nil {
			_, err = a.Store.PutSchema(ctx, t, a.Types(), schema, time.Now())
		}
		if err != nil {
			return fmt.Errorf("--schema %s: %w", file, err)
		}
	}
	return nil
}

// printStart prints what a person needs to use the server. Everything but
// values to copy fits into 80 columns.
func printStart(w io.Writer, s serving, kept string) {
	fmt.Fprintf(w, "rollcall serves SCIM 2.0 for the tenant %s, with %d seats.\n\n", s.Tenant, s.seats)
	for _, line := range [][2]string{
		{"base URL", s.BaseURL},
		{"token", s.Token},
		{"admin URL", s.AdminURL},
		{"admin token", s.AdminToken},
		{"console", orNone(s.ConsoleURL)},
		{"data", kept},
		{"state file", orNone(s.path)},
	} {
		fmt.Fprintf(w, "  %-11s  %s\n", line[0], line[1])
	}
	fmt.Fprint(w, "\n", commandHint(s), plainHint(s.listens), "Ctrl-C stops the server.\n")
}

// commandHint returns commands that work in another terminal as printed.
func commandHint(s serving) string {
	me := program()
	if s.path != "" && s.demo.Request != "" {
		return fmt.Sprintf(`The tenant has a week of provisioning by Okta and Entra. Look first at the
console; then, in another terminal%[5]s, run

  %[1]s failures %[2]s
  %[1]s log %[2]s --subject %[3]s
  %[1]s explain %[2]s %[4]s

`, me, s.Tenant, s.demo.Subject, s.demo.Request, inFolder()) + consoleHint(s.info, me)
	}
	hint := `Without a state file, other commands need ROLLCALL_ADMIN_URL and
ROLLCALL_ADMIN_TOKEN, as printed above.

`
	if s.path != "" {
		hint = fmt.Sprintf(`Try it in another terminal%[4]s. The state file lets commands find
this server without a flag:

  TOKEN=$(%[1]s token create %[2]s --quiet)
  curl -s %[3]s/Users -H "Authorization: Bearer $TOKEN"
  %[1]s failures %[2]s

`, me, s.Tenant, s.BaseURL, inFolder())
	}
	return hint + consoleHint(s.info, me)
}

// consoleHint says how the link to the console is used.
func consoleHint(i info, me string) string {
	if i.ConsoleURL == "" {
		return ""
	}
	return fmt.Sprintf("The console link works once, for ten minutes; for another one, run\n'%s console'.\n", me)
}

// inFolder says that the printed commands are relative to the working folder, "" when
// they are not.
func inFolder() string {
	if filepath.IsAbs(os.Args[0]) || filepath.Base(os.Args[0]) == os.Args[0] {
		return ""
	}
	return ", in this folder"
}

// program returns the name by which this program was called.
func program() string { return shellWord(os.Args[0]) }

// plainHint warns of an address that other machines reach: nothing is encrypted on the
// way there.
func plainHint(listens string) string {
	host, _, err := net.SplitHostPort(listens)
	if err != nil {
		return ""
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsLoopback() {
		return ""
	}
	return "WARNING: other machines reach " + listens + ", and tokens travel to it in plain HTTP, which others can read:\n" +
		"listen on 127.0.0.1, or let only a proxy with TLS reach it.\n"
}

// infoFile is the file of --info. Key lets a command check that the server wrote the
// file, as the key of a state file does; it is "" if the server does not listen on this
// machine's own addresses.
type infoFile struct {
	info
	Key string `json:"key,omitempty"`
}

// writeInfo writes the file of --info.
func writeInfo(path string, i infoFile) error {
	encoded, err := json.Marshal(i)
	if err != nil {
		return err
	}
	if err := writePrivate(path, append(encoded, '\n')); err != nil {
		return fmt.Errorf("%s cannot be written: choose another --info FILE (%w)", path, err)
	}
	return nil
}
