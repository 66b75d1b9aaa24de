package oauth

import (
	"context"
	"log/slog"
	"math"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/assertion"
	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/credential"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/throttle"
	"github.com/rollcall-scim/rollcall/internal/web"
)

// The paths.
const (
	EndpointPath = "/oauth2/token"
	MetadataPath = "/.well-known/oauth-authorization-server"
)

// issuerOf returns the name of the authorization server: the base URL of the SCIM endpoints
// without their path.
func issuerOf(baseURL, scimPath string) string { return strings.TrimSuffix(baseURL, scimPath) }

// TokenEndpoint returns the URL of the token endpoint, beside the SCIM endpoints with a base URL
// that ends in scimPath.
func TokenEndpoint(baseURL, scimPath string) string {
	return issuerOf(baseURL, scimPath) + EndpointPath
}

// A Config has what a Service is built from.
type Config struct {
	Issuer *access.Issuer
	// Keys reads the keys of federated issuers.
	Keys *assertion.Fetcher
	// BaseURL is that of the SCIM endpoints. It ends in SCIMPath, and without it is the
	// issuer's name.
	BaseURL  string
	SCIMPath string
	Log      *slog.Logger
	// NewID returns request ids: UUIDv7, whose time orders the log.
	NewID func() string
	Now   func() time.Time
	// RequestTime is the time limit of a request; 0 means 10 seconds.
	RequestTime time.Duration
	// Journal keeps the refusals for the administrators of the tenant; nil keeps nothing.
	Journal Journal
	// Limits has the rate of each tenant; nil means no limit.
	Limits *throttle.Limiter
}

// A Service answers token requests. It implements http.Handler and is safe for concurrent use.
type Service struct {
	Config
	router *web.Router[Route]
	issuer string
	// warm is set once the process has served a request.
	warm     atomic.Bool
	sampled  journal.Sampler
	attempts attempts
}

// A Route is a method and a path that are served.
type Route struct {
	Method, Path string
	handler      func(s *Service, ctx context.Context, q *request) (*web.Answer, error)
}

// Routes returns all routes.
func Routes() []Route {
	return []Route{
		{http.MethodPost, EndpointPath, (*Service).token},
		{http.MethodPost, EndpointPath + "/{client}", (*Service).token},
		{http.MethodGet, MetadataPath, (*Service).readMetadata},
	}
}

func (r *Route) pattern() (method, path string) { return r.Method, r.Path }

// New returns a Service.
func New(c Config) *Service {
	if c.RequestTime == 0 {
		c.RequestTime = requestTime
	}
	return &Service{
		Config: c, router: web.NewRouter(web.Exact, Routes(), (*Route).pattern), issuer: issuerOf(c.BaseURL, c.SCIMPath),
	}
}

// requestTime is the default time limit of a request. Identity providers wait longer.
const requestTime = 10 * time.Second

// A request is a request in progress.
type request struct {
	*http.Request
	id    string
	start time.Time
	// pathClient is the client's id in the path, or "".
	pathClient  string
	credentials credentials
	// claim stores that the assertion is used, nil if it may be used again.
	claim func(ctx context.Context) error
	// client is the registered client that the request names, proven or not.
	client access.Registration
	event  *event
}

// ServeHTTP answers one request and logs its event.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), s.RequestTime)
	defer cancel()
	ctx, usage := table.WithUsage(ctx)
	q := &request{Request: r, id: s.NewID(), start: s.Now()}
	q.event = newEvent(q)
	q.event.ColdStart = !s.warm.Swap(true)

	answer, err := s.answer(ctx, q)
	if err != nil {
		p := problemOf(err)
		answer = q.refuse(p)
		s.record(ctx, q, p)
	}
	answer.Send(w, r, q.id)
	if q.event.Outcome == journal.Success && !q.event.ColdStart {
		q.event.LambdaID = ""
	}
	q.event.Counts = usage.Counts()
	q.event.Finish(answer.Status, s.Now())
	q.event.Log(ctx, s.Log, false, q.event)
}

// answer finds the route and lets its handler answer.
func (s *Service) answer(ctx context.Context, q *request) (answer *web.Answer, err error) {
	defer web.Recovered(&err)
	route, values, allowed := s.router.Find(q.Method, q.URL.EscapedPath())
	switch {
	case route == nil && len(allowed) > 0:
		return nil, &problem{
			code: invalidRequest, status: http.StatusMethodNotAllowed, cause: cause.MethodNotAllowed, allow: allowed,
			what: "The method is not allowed here.", todo: "Send " + allowed[0] + ".",
		}
	case route == nil:
		return nil, &problem{code: invalidRequest, status: http.StatusNotFound, cause: cause.NoRoute, what: "Unknown endpoint.", todo: "The token endpoint is " + s.issuer + EndpointPath + "."}
	}
	q.event.Route, q.pathClient = route.Method+" "+route.Path, values["client"]
	return route.handler(s, ctx, q)
}

// clientCredentials is the only grant. RFC 6749 §4.4
const clientCredentials = "client_credentials"

// A tokenDocument is the body of a success. There is no scope: it is the one that was asked
// for. RFC 6749 §5.1
type tokenDocument struct {
	Token   string `json:"access_token"`
	Type    string `json:"token_type"`
	Expires int64  `json:"expires_in"`
}

// token answers POST /oauth2/token.
func (s *Service) token(ctx context.Context, q *request) (*web.Answer, error) {
	if exposedInURL(q.Request) {
		return nil, &problem{cause: cause.OAuthRequest, remedy: cause.RequestInURL}
	}
	f, err := readForm(q.Request)
	if err != nil {
		return nil, err
	}
	switch grant, sent := f["grant_type"]; {
	case !sent:
		return nil, malformed("The parameter grant_type is missing in the body of the token request.")
	case grant != clientCredentials:
		return nil, &problem{cause: cause.GrantUnsupported}
	}
	proof, err := s.authenticate(ctx, q, f)
	if err != nil {
		return nil, err
	}
	if q.client.Settings.SCIMDisabled {
		return nil, access.ErrDisabled
	}
	if s.Limits != nil {
		if wait, ok := s.Limits.Take(ctx, q.client.Tenant, s.Now()); !ok {
			return nil, &problem{
				code: unavailable, status: http.StatusTooManyRequests, cause: cause.RateLimit, retryAfter: int(math.Ceil(wait.Seconds())),
			}
		}
	}
	if q.claim != nil { // only now: the assertion of a request that is refused above can be sent again
		if err := q.claim(ctx); err != nil {
			s.attempts.failed(q.credentials.client, q.client, s.Now())
			return nil, err
		}
	}
	text, life, err := s.Issuer.Issue(q.client, proof)
	if err != nil {
		return nil, err
	}
	return jsonAnswer(&web.Answer{Status: http.StatusOK}, tokenDocument{Token: text, Type: "Bearer", Expires: int64(life / time.Second)}), nil
}

// exposedInURL reports whether the URL has a secret. RFC 6749 §2.3.1
func exposedInURL(r *http.Request) bool {
	query := r.URL.Query()
	return query.Has("client_secret") || query.Has("client_assertion") || credential.In(r.URL.Path) || credential.In(unescaped(r.URL.RawQuery))
}

// authenticate sets the client of the request, and returns what the client has proven.
func (s *Service) authenticate(ctx context.Context, q *request, f form) (access.Proof, error) {
	var err error
	q.credentials, err = readCredentials(q.Request, f, q.pathClient)
	c := &q.credentials
	q.event.Method = c.method
	switch {
	case err != nil:
		return access.Proof{}, err
	case c.method == "":
		return access.Proof{}, &problem{code: invalidClient, cause: cause.OAuthRequest, remedy: cause.RequestNoProof}
	case c.client == "" && c.claimsErr != nil:
		return access.Proof{}, c.claimsErr
	case c.client == "":
		return access.Proof{}, malformed("The token request has no client_id.")
	}
	found, err := s.find(ctx, c.client)
	if err != nil {
		q.event.claimed(found)
		return access.Proof{}, err
	}
	q.client = found
	q.event.found(found)
	proof, err := s.prove(ctx, q)
	if err != nil {
		s.attempts.failed(c.client, found, s.Now())
	}
	return proof, err
}

// prove returns what the client proves itself by.
func (s *Service) prove(ctx context.Context, q *request) (access.Proof, error) {
	if q.credentials.assertion != "" {
		return s.checkAssertion(ctx, q)
	}
	proof, secret, err := s.Issuer.CheckSecret(q.client, q.credentials.secret)
	q.event.Credential = secret.ID
	return proof, err
}
