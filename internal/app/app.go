// Package app assembles the service: a table, the store, the directory, the
// handlers. It is the only package that knows all of them.
//
// Lambda functions link this package, so it has nothing that only `rollcall
// local` needs: the command opens package table/embedded.
package app

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/adminapi"
	"github.com/rollcall-scim/rollcall/internal/admindoc"
	"github.com/rollcall-scim/rollcall/internal/assertion"
	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/effect"
	"github.com/rollcall-scim/rollcall/internal/httpapi"
	"github.com/rollcall-scim/rollcall/internal/oauth"
	"github.com/rollcall-scim/rollcall/internal/provlog"
	"github.com/rollcall-scim/rollcall/internal/representation"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
	"github.com/rollcall-scim/rollcall/internal/store"
	"github.com/rollcall-scim/rollcall/internal/subscription"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/meter"
	"github.com/rollcall-scim/rollcall/internal/tenant"
	"github.com/rollcall-scim/rollcall/internal/throttle"
	"github.com/rollcall-scim/rollcall/internal/web"
	"github.com/rollcall-scim/rollcall/internal/webhook"
)

// A Config has the settings of a deployment.
type Config struct {
	// Table is the name of the DynamoDB table.
	Table string
	// BaseURL is the start of every location that is served; it ends in
	// /scim/v2.
	BaseURL string
	// ExtensionURN is the URN of the schema with isTeamAccount.
	ExtensionURN string
	// TenantRate is the number of requests a second that one tenant may send, to
	// all instances together; 0 means no limit.
	TenantRate int
	// LogSampleReads is N if one in N successful reads is logged; 0 and 1 mean all.
	LogSampleReads int
	// LedgerShards is how many shards the seat ledger of a tenant grows to: 1, 4, 16 or
	// 32; 0 means 32.
	LedgerShards int
	// JWKSHosts are the hosts from which the keys of identity providers are fetched; nil means
	// Microsoft's.
	JWKSHosts []string
	// LoopbackWebhooks allows endpoints of webhooks, and hosts of JWKSHosts, on this machine,
	// without TLS: only rollcall local does.
	LoopbackWebhooks bool
}

// DefaultJWKSHosts returns the hosts of Config.JWKSHosts unless a deployment names others: those
// of Microsoft's clouds.
func DefaultJWKSHosts() []string { return slices.Clone(assertion.DefaultHosts) }

// DefaultTenantRate is the default of TenantRate.
const DefaultTenantRate = 200

// ConfigFromEnv reads ROLLCALL_TABLE and ROLLCALL_BASE_URL, and, with defaults,
// ROLLCALL_EXTENSION_URN, ROLLCALL_TENANT_RATE, ROLLCALL_LOG_SAMPLE_READS,
// ROLLCALL_LEDGER_SHARDS and ROLLCALL_JWKS_HOSTS.
func ConfigFromEnv() (Config, error) {
	c := Config{
		Table:        os.Getenv("ROLLCALL_TABLE"),
		BaseURL:      os.Getenv("ROLLCALL_BASE_URL"),
		ExtensionURN: os.Getenv("ROLLCALL_EXTENSION_URN"),
		TenantRate:   DefaultTenantRate,
	}
	if text := os.Getenv("ROLLCALL_TENANT_RATE"); text != "" {
		perSecond, err := strconv.Atoi(text)
		if err != nil || perSecond == 0 {
			return Config{}, fmt.Errorf("ROLLCALL_TENANT_RATE is not a number of at least %d: requests a second", httpapi.MinRate)
		}
		c.TenantRate = perSecond
	}
	if text := os.Getenv("ROLLCALL_LOG_SAMPLE_READS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return Config{}, errors.New("ROLLCALL_LOG_SAMPLE_READS is not a number of at least 1: one in that many successful reads is logged")
		}
		c.LogSampleReads = n
	}
	if text := os.Getenv("ROLLCALL_LEDGER_SHARDS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n == 0 {
			return Config{}, errLedgerShards
		}
		c.LedgerShards = n
	}
	if text, ok := os.LookupEnv("ROLLCALL_JWKS_HOSTS"); ok {
		c.JWKSHosts = strings.FieldsFunc(text, func(r rune) bool { return r == ',' })
	}
	switch {
	case c.Table == "":
		return Config{}, errors.New("ROLLCALL_TABLE is not set: it names the DynamoDB table")
	case c.BaseURL == "":
		return Config{}, errors.New("ROLLCALL_BASE_URL is not set: it begins every location, and ends in " + httpapi.Prefix)
	}
	return c.checked()
}

var errLedgerShards = errors.New("the largest number of shards of a ledger (ROLLCALL_LEDGER_SHARDS) is not 1, 4, 16 or 32")

func (c Config) checked() (Config, error) {
	if c.LedgerShards == 0 {
		c.LedgerShards = 32
	}
	if !slices.Contains([]int{1, 4, 16, 32}, c.LedgerShards) {
		return Config{}, errLedgerShards
	}
	if c.ExtensionURN == "" {
		c.ExtensionURN = scim.RollcallURN
	}
	if c.JWKSHosts == nil {
		c.JWKSHosts = DefaultJWKSHosts()
	}
	if !strings.HasPrefix(strings.ToLower(c.ExtensionURN), "urn:") {
		return Config{}, errors.New("the extension's name (ROLLCALL_EXTENSION_URN) is not a URN, which begins with urn")
	}
	for _, standard := range []string{scim.CoreUserURN, scim.CoreGroupURN, scim.EnterpriseURN} {
		if strings.EqualFold(c.ExtensionURN, standard) {
			return Config{}, fmt.Errorf("the extension (ROLLCALL_EXTENSION_URN) cannot have the URN %s: it is another schema's", standard)
		}
	}
	if c.TenantRate != 0 && c.TenantRate < httpapi.MinRate {
		return Config{}, fmt.Errorf("a tenant is held to %d requests a second (ROLLCALL_TENANT_RATE); identity providers need at least %d", c.TenantRate, httpapi.MinRate)
	}
	base, err := url.Parse(c.BaseURL)
	if err != nil || base.Host == "" || !strings.HasSuffix(base.Path, httpapi.Prefix) ||
		strings.ContainsAny(c.BaseURL, "?#") {
		return Config{}, errors.New("ROLLCALL_BASE_URL is not a URL that ends in " + httpapi.Prefix)
	}
	return c, nil
}

// An App is the service on one table.
type App struct {
	Store   *store.Store
	service httpapi.Config
	random  io.Reader // nil for crypto/rand

	jwksHosts        []string
	loopbackWebhooks bool
	sender           webhook.Sender // nil for HTTP
	waker            adminapi.Waker // nil if redeliveries wait for the schedule
	hasPortal        bool
	readsKeys        bool // credentials are marked with keys that others have created
}

// New assembles the service on a table. Conflicts, throttling and lost answers
// are retried here, above the meter, so that the event of a request has its
// real cost.
func New(t table.Table, c Config, log *slog.Logger) (*App, error) {
	return NewWith(t, c, log, Options{})
}

// Options are settings for tests, beside a deployment's Config.
type Options struct {
	// Now is the clock; nil means WallClock.
	Now func() time.Time
	// NewID returns the ids of requests; nil means UUIDv7s of the clock.
	NewID func() string
	// Random is the source of all ids, secrets and keys, for tests that repeat a
	// run, and NewToken that of the tokens of transactions. nil means crypto/rand,
	// as in every deployment.
	Random   io.Reader
	NewToken func() string
	// RequestTime is the time limit of a request.
	RequestTime time.Duration
	// MaxWalk is the largest number of records that one request reads without a key.
	MaxWalk int
	// Meter sets how capacity is counted.
	Meter []meter.Option
	// Sender sends to the endpoints of webhooks; nil means HTTPS.
	Sender webhook.Sender
	// Retry sets how long and how often calls of the table are retried.
	Retry []table.RetryOption
}

func (o Options) clock() func() time.Time {
	if o.Now == nil {
		return WallClock
	}
	return o.Now
}

// WallClock returns the time of day without the monotonic clock reading. The
// monotonic clock of a frozen Lambda function may stop while time passes: what
// is cached for ten seconds would be cached for as long as the function was
// frozen.
func WallClock() time.Time { return time.Now().Round(0) }

// NewWith does what New does, with options for tests.
func NewWith(t table.Table, c Config, log *slog.Logger, o Options) (*App, error) {
	c, err := c.checked()
	if err != nil {
		return nil, err
	}
	s, now := NewStore(t, o).WithShards(c.LedgerShards), o.clock()
	requestID := o.NewID
	if requestID == nil {
		requestID = o.ids()
	}
	types := directory.Types(c.ExtensionURN)
	documents := representation.New(types, c.BaseURL)
	return &App{
		Store: s,
		service: httpapi.Config{
			Directory: directory.New(directory.Config{
				Store: s, Users: types.User, Groups: types.Group, Extension: c.ExtensionURN, Documents: documents, NewID: o.idAt, Now: now,
				MaxWalk: o.MaxWalk,
			}),
			Documents:     documents,
			Authenticator: access.NewAuthenticator(s, now).WithTypes(types).WithKeys(s),
			Types:         types,
			BaseURL:       c.BaseURL,
			Log:           log,
			Journal:       s,
			NewID:         requestID,
			RequestTime:   o.RequestTime,
			TenantRate:    c.TenantRate,
			SampleReads:   c.LogSampleReads,
			Buckets:       s,
			Spread:        o.spread(),
			Now:           now,
		},
		random: o.Random, jwksHosts: c.JWKSHosts, loopbackWebhooks: c.LoopbackWebhooks, sender: o.Sender,
	}, nil
}

// Types returns the resource types that every tenant has; a tenant's schema is
// checked against them.
func (a *App) Types() schema.Types { return a.service.Types }

// NewStore returns the store alone, for commands that serve nothing.
func NewStore(t table.Table, o Options) *store.Store {
	s := store.New(table.Retrying(meter.New(t, o.Meter...), o.Retry...), o.ids(), o.clock())
	if o.Random != nil {
		s.WithRandom(o.Random, o.NewToken)
	}
	return s
}

// Handler serves the SCIM routes of the named functions, or of all if none is
// named.
func (a *App) Handler(functions ...string) http.Handler { return httpapi.New(a.service, functions...) }

// WithWaker sets what starts deliveries after the admin API has stored events for an endpoint.
// Call it before AdminHandler. nil leaves them to the schedule.
func (a *App) WithWaker(w adminapi.Waker) *App {
	a.waker = w
	return a
}

// AdminHandler serves the admin API.
func (a *App) AdminHandler() http.Handler {
	tokens := access.NewKeeper(a.Store, a.service.Now).WithKeys(a.Store)
	clients := access.NewClients(a.Store, a.service.Now).WithKeys(a.Store)
	webhooks := subscription.NewRegistry(a.Store, a.service.NewID, a.service.Now)
	documents := admindoc.NewReader(a.Store)
	if a.readsKeys {
		tokens.Settled()
		clients.Settled()
	}
	var porter *access.Porter
	if a.hasPortal {
		porter = a.Porter()
	}
	sender := a.sender
	if sender == nil {
		sender = webhook.NewHTTP(a.loopbackWebhooks, a.service.Now)
	}
	if a.random != nil {
		tokens.WithRandom(a.random)
		clients.WithRandom(a.random)
		webhooks.WithRandom(a.random)
	}
	return adminapi.New(adminapi.Config{
		Tenants: tenant.NewRegistry(a.Store, a.service.Now), Tokens: tokens, Clients: clients, JWKSHosts: a.jwksHosts, Store: a.Store,
		Provisioning: provlog.NewLog(a.Store, a.service.Now), Effects: effect.NewForecaster(a.service.Directory, httpapi.Refused, a.service.Now),
		Events: documents, Directory: a.service.Directory, Webhooks: webhooks, LoopbackWebhooks: a.loopbackWebhooks, Deliveries: a.Store,
		Redeliveries: a.Store, Tester: &webhook.Tester{Documents: documents, Sender: sender, Now: a.service.Now}, Waker: a.waker,
		Porter: porter, PortalURL: a.Origin() + web.PortalPrefix + "/open",
		Types: a.service.Types, BaseURL: a.service.BaseURL, TokenEndpoint: oauth.TokenEndpoint(a.service.BaseURL, httpapi.Prefix),
		Log: a.service.Log, NewID: a.service.NewID, Now: a.service.Now, RequestTime: a.service.RequestTime,
	})
}

// PortalVariable is the variable that says whether a deployment serves the customer's portal: on or
// off.
const PortalVariable = "ROLLCALL_PORTAL"

// WithPortal says that the deployment serves the customer's portal, so that the admin API makes
// links to it. Call it before AdminHandler.
func (a *App) WithPortal() *App {
	a.hasPortal = true
	return a
}

// SettleKeys leaves it to others to create the keys that mark credentials. Call it before
// AdminHandler and Porter.
func (a *App) SettleKeys() { a.readsKeys = true }

// Porter returns what makes links to the customer's portal, and lets their holders in.
func (a *App) Porter() *access.Porter {
	p := access.NewPorter(a.Store, a.Store, a.service.Now)
	if a.random != nil {
		p.WithRandom(a.random)
	}
	if a.readsKeys {
		p.Settled()
	}
	return p
}

// Origin returns the scheme and host of the base URL.
func (a *App) Origin() string {
	base, _ := url.Parse(a.service.BaseURL) // it was checked
	return base.Scheme + "://" + base.Host
}

// OAuthHandler serves the token endpoint and its metadata.
func (a *App) OAuthHandler() http.Handler {
	c := a.service
	return oauth.New(oauth.Config{
		Issuer: access.NewIssuer(a.Store, c.Now), Keys: assertion.NewFetcher(a.jwksHosts, a.loopbackWebhooks, c.Now),
		BaseURL: c.BaseURL, SCIMPath: httpapi.Prefix, Log: c.Log, NewID: c.NewID, Now: c.Now,
		RequestTime: c.RequestTime, Journal: a.Store, Limits: throttle.New(c.TenantRate, c.Buckets).WithSpread(c.Spread),
	})
}

// FunctionHandler returns the handler of a function by its folder, for programs
// that serve all of them. A deployed function uses Users, Groups and the like,
// so that it links no more than it needs.
func (a *App) FunctionHandler(folder string) http.Handler {
	switch folder {
	case "admin":
		return a.AdminHandler()
	case "oauth":
		return a.OAuthHandler()
	}
	return a.Handler(folder)
}

// newID returns a UUIDv7: ids are ordered by the time of their creation.
func newID() string { return uuid.Must(uuid.NewV7()).String() }

// spread returns a random time up to a longest one; nil for tests that repeat a run.
func (o Options) spread() func(time.Duration) time.Duration {
	if o.Random != nil {
		return nil
	}
	return func(longest time.Duration) time.Duration { return rand.N(longest + 1) } //nolint:gosec // spreads load
}

// ids returns the source of the ids of requests and of transactions.
func (o Options) ids() func() string {
	if o.Random == nil {
		return newID
	}
	now := o.clock()
	return func() string { return o.idAt(now()) }
}

// idAt returns a UUIDv7 of a time.
func (o Options) idAt(made time.Time) string {
	if o.Random == nil {
		return newIDAt(made)
	}
	return idOf(made, uuid.Must(uuid.NewRandomFromReader(o.Random)))
}

// newIDAt returns a UUIDv7 of a time, with its fraction of a millisecond:
// records that a request creates have the request's time, and the order of the
// requests. RFC 9562 §5.7, §6.2 method 3
func newIDAt(made time.Time) string { return idOf(made, uuid.New()) }

// idOf turns a random UUID into a UUIDv7 with the given time.
func idOf(made time.Time, id uuid.UUID) string {
	fraction := made.Nanosecond() % int(time.Millisecond) << 12 / int(time.Millisecond)
	at := uint64(made.UnixMilli())<<16 | 0x7000 | uint64(fraction) //nolint:gosec // G115: the time is after 1970
	binary.BigEndian.PutUint64(id[:8], at)
	return id.String()
}
