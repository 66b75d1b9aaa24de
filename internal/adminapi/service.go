package adminapi

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/admindoc"
	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/effect"
	"github.com/rollcall-scim/rollcall/internal/provlog"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
	"github.com/rollcall-scim/rollcall/internal/subscription"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
	"github.com/rollcall-scim/rollcall/internal/web"
)

// Config configures a Service.
type Config struct {
	Tenants *tenant.Registry
	Tokens  *access.Keeper
	// Clients are the OAuth clients of tenants, and JWKSHosts the hosts from which keys of
	// issuers are fetched, in lower case, with the port unless it is that of https.
	Clients   *access.Clients
	JWKSHosts []string
	Store     Store
	// Provisioning is the log of the tenants' requests.
	Provisioning *provlog.Log
	// Effects decides what failed requests would do now, and what each fix would change.
	Effects *effect.Forecaster
	// Events makes the documents of events.
	Events    *admindoc.Reader
	Directory *directory.Directory
	// Webhooks are the endpoints of the application that get events. LoopbackWebhooks allows
	// those on this machine, without TLS: for rollcall local.
	Webhooks         *subscription.Registry
	LoopbackWebhooks bool
	Deliveries       Deliveries
	Redeliveries     Redeliveries
	Tester           Tester
	// Waker is nil for a service that leaves deliveries to the schedule.
	Waker Waker
	// Types are the resource types as every tenant has them.
	Types schema.Types
	// Porter makes links to the customer's portal, which is at PortalURL; nil if there is none.
	Porter    *access.Porter
	PortalURL string
	// BaseURL is that of the SCIM endpoints, which identity providers are given.
	BaseURL string
	// TokenEndpoint is where OAuth clients get access tokens.
	TokenEndpoint string
	Log           *slog.Logger
	// NewID returns a new request id, a UUIDv7.
	NewID func() string
	Now   func() time.Time
	// RequestTime is how long a request may take in all; 0 is the service's own
	// 18 seconds.
	RequestTime time.Duration
}

// Service answers the application's requests. It implements http.Handler and is
// safe for concurrent use.
type Service struct {
	Config
	router *web.Router[Route]
}

// New returns a Service.
func New(c Config) *Service {
	if c.RequestTime == 0 {
		c.RequestTime = requestTime
	}
	return &Service{Config: c, router: web.NewRouter(web.Exact, Routes(), (*Route).pattern)}
}

const requestTime = 18 * time.Second

// ServeHTTP answers one request, and logs its event.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), s.RequestTime)
	defer cancel()
	ctx, usage := table.WithUsage(ctx)
	q := &request{Request: r, id: s.NewID(), start: s.Now(), operator: r.Header.Get(web.OperatorHeader)}
	q.event = &requestEvent{Event: web.NewEvent("admin.request", q.id, q.Method, q.start), Outcome: "success", Operator: q.operator}
	answer, err := s.answer(ctx, q)
	if err != nil {
		answer = q.refuse(err)
	}
	answer.Send(w, r, q.id)
	q.event.Counts = usage.Counts()
	q.event.Actor, q.event.Tenant, q.event.ResourceID, q.event.Action = q.actor, q.tenant.String(), q.resource, q.action
	q.event.Finish(answer.Status, s.Now())
	q.event.Log(ctx, s.Log, false, q.event)
}

// answer finds the route and lets its handler answer.
func (s *Service) answer(ctx context.Context, q *request) (answer *reply, err error) {
	defer web.Recovered(&err)
	if q.operator == "" {
		return nil, errUnsigned
	}
	route, parameters, allowed := s.router.Find(q.Method, q.URL.EscapedPath())
	if route == nil {
		if len(allowed) > 0 {
			return nil, &problem{kind: kindMethod, detail: "The resource does not support " + q.event.methodName() + ".", allow: allowed}
		}
		return nil, &problem{kind: kindNoRoute, detail: "Unknown resource; " + Prefix + "/openapi.json lists them all."}
	}
	q.event.Route, q.parameters = route.Method+" "+route.Path, parameters
	if err := q.readActor(); err != nil {
		return nil, err
	}
	if err := q.exposedInURL(); err != nil {
		return nil, err
	}
	if name, ok := parameters["tenant"]; ok {
		if q.tenant, err = parseTenant(name); err != nil {
			return nil, err
		}
	}
	if err := q.readQuery(route.queryNames()); err != nil {
		return nil, err
	}
	return route.handler(s, ctx, q)
}

// A requestEvent is the log line of a request: the operator, the change and its cost. Values that
// were sent are not in it.
type requestEvent struct {
	web.Event
	Outcome string `log:"outcome"`
	table.Counts
	Operator   string `log:"operator"`
	Actor      string `log:"actor"`
	Tenant     string `log:"tenant"`
	ResourceID string `log:"resourceId"`
	Action     string `log:"action"`
	Cause      kind   `log:"cause"`
	Detail     string `log:"detail"`
	Error      error  `log:"error"`
}

// methodName returns the request's method in a detail.
func (e *requestEvent) methodName() string {
	if e.Method == "other" {
		return "this method"
	}
	return e.Method
}
