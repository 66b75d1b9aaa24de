package httpapi

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/idp"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/representation"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/throttle"
	"github.com/rollcall-scim/rollcall/internal/web"
)

// A Config has what a Service is built from.
type Config struct {
	Directory     *directory.Directory
	Documents     *representation.Documents
	Authenticator *access.Authenticator
	// Types are the resource types that every tenant has.
	Types schema.Types
	// BaseURL is the start of every location, without a slash at its end. It is
	// configured, since the client chooses the Host header.
	BaseURL string
	Log     *slog.Logger
	// NewID returns request ids: UUIDv7, whose time orders the log.
	NewID func() string
	Now   func() time.Time
	// RequestTime is the time limit of a request; 0 means 18 seconds.
	RequestTime time.Duration
	// Journal keeps what the directory's changes do not keep of requests; nil
	// keeps nothing.
	Journal Journal
	// TenantRate is the number of requests a second that one tenant may send, and
	// twice as many at once; 0 means no limit.
	TenantRate int
	// SampleReads is N if one in N successful reads is logged; 0 and 1 mean all.
	SampleReads int
	// Buckets has the rates of tenants over all instances; nil limits this process
	// alone.
	Buckets throttle.Buckets
	// Spread returns a random time from zero to the given one, and spreads the calls of
	// instances; nil returns zero.
	Spread func(longest time.Duration) time.Duration
}

// A Service answers SCIM requests. It implements http.Handler and is safe for
// concurrent use.
type Service struct {
	Config
	router *router
	// bulkRouter finds the routes of the operations of bulk requests.
	bulkRouter *router
	// functions are the functions whose routes are served; none means all.
	functions []string
	// warm is set once the process has served a request.
	warm   atomic.Bool
	limits *throttle.Limiter
	// sampled chooses which of the requests that are refused before they are
	// read are logged.
	sampled journal.Sampler
	// activity counts requests, in addition to the log.
	activity activity
	// gzips has *gzip.Writer for reuse: a new one takes 1.2 MB.
	gzips sync.Pool
}

// New returns a Service that serves the routes of some functions, or all of
// them if none or that of /Bulk is named. It also knows the other routes, so
// that a wrong method gets 405 and a wrong path 404.
func New(c Config, functions ...string) *Service {
	if c.RequestTime == 0 {
		c.RequestTime = requestTime
	}
	return &Service{
		Config: c, router: newRouter(Routes()), bulkRouter: newRouter(bulkRoutes()), functions: functions,
		limits: throttle.New(c.TenantRate, c.Buckets).WithSpread(c.Spread),
	}
}

// MinRate is the lowest rate that a tenant can be limited to, in requests a
// second: identity providers need it.
const MinRate = 25

// A handler answers a matched and authenticated request.
type handler func(s *Service, ctx context.Context, r *request) (*reply, error)

// requestTime is the default time limit of a request. Writes end before it
// (journal.WriteTime), and API Gateway would stop waiting at 30 s.
const requestTime = 18 * time.Second

// ServeHTTP answers one request and logs its event.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), s.RequestTime)
	defer cancel()
	ctx, usage := table.WithUsage(ctx)
	q := &request{Request: r, id: s.NewID(), start: s.Now()}
	q.event = newEvent(q)
	q.event.ColdStart = !s.warm.Swap(true)

	answer, err := s.answer(ctx, q)
	if q.noted != nil {
		q.noted()
	}
	answer = s.conclude(ctx, q, answer, err)
	s.charge(ctx, q, usage)
	answer.send(w, q)
	s.log(ctx, q, answer, usage)
}

// conclude returns the answer to send, and keeps what the request's change has not
// kept of the request.
func (s *Service) conclude(ctx context.Context, q *request, answer *reply, err error) *reply {
	answer = s.fit(ctx, q, answer, err)
	observed := s.observe(ctx, q, answer)
	s.record(ctx, q, answer)
	observed()
	return answer
}

// log logs the request's event.
func (s *Service) log(ctx context.Context, q *request, answer *reply, usage *table.Usage) {
	if q.event.Outcome == journal.Success && !q.event.ColdStart {
		q.event.LambdaID = ""
	}
	q.event.Counts = usage.Counts()
	q.event.Finish(answer.status, s.Now())
	if s.sample(q.event) {
		q.event.Log(ctx, s.Log, q.event.Outcome != journal.Success, q.event)
	}
}

// slowTime is the duration from which a read is logged in any case. The saved query
// slow-requests has the same.
const slowTime = 500 * time.Millisecond

// sample reports whether the request has a log line. Of successful reads with nothing
// unusual, one in SampleReads has, chosen by the random end of its id: each instance would
// choose its first one by a count.
func (s *Service) sample(e *event) bool {
	unusual := e.Outcome != journal.Success || len(e.Notices) > 0 || e.Retries > 0 || e.ColdStart || e.Duration > slowTime
	if s.SampleReads <= 1 || !e.Operation.Reads() || unusual {
		return true
	}
	random, err := strconv.ParseUint(e.RequestID[max(0, len(e.RequestID)-12):], 16, 64)
	if err != nil {
		return true
	}
	e.Sampled = s.SampleReads
	return random%uint64(s.SampleReads) == 0
}

// answer matches and authenticates the request, and calls the route's handler.
func (s *Service) answer(ctx context.Context, q *request) (answer *reply, err error) {
	defer web.Recovered(&err)
	route, values, allowed := s.router.Find(q.Method, q.URL.EscapedPath())
	if route == nil || !s.serves(route) {
		if len(allowed) > 0 {
			return nil, notAllowed(q.Method, q.URL, allowed)
		}
		return nil, unserved(q.URL.EscapedPath())
	}
	q.route, q.pathID = route, values["id"]
	q.event.Route = route.Method + " " + route.Path
	if err := s.authenticate(ctx, q); err != nil {
		return nil, err
	}
	if err := exposedInURL(q.URL); err != nil {
		return nil, err
	}
	if p := misled(route, q.pathID, q.URL); p != nil {
		return nil, p
	}
	return route.handler(s, ctx, q)
}

// The work that a token of the tenant's rate pays for, beside the request itself.
// docs/reference/limits.md has the list.
const (
	tokenReads  = 50     // read units
	tokenWrites = 100    // write units
	tokenWork   = 50_000 // units of a filter's work
)

// charge takes tokens for the work that an accepted request has done.
func (s *Service) charge(ctx context.Context, q *request, usage *table.Usage) {
	if !q.accepted {
		return
	}
	work, c := 0, usage.Counts()
	for _, f := range q.filters {
		work += f.Work()
	}
	s.limits.Charge(ctx, q.grant.Tenant, s.Now(), int(c.ReadUnits/tokenReads)+int(c.WriteUnits/tokenWrites)+work/tokenWork)
}

// serves reports whether this service serves the route.
func (s *Service) serves(route *Route) bool {
	return len(s.functions) == 0 || slices.ContainsFunc(s.functions, func(f string) bool { return serves(f, route.Function) })
}

// authenticate sets the request's grant. A public route needs no credential,
// but refuses an invalid one and one of a tenant that has SCIM disabled.
func (s *Service) authenticate(ctx context.Context, q *request) error {
	header := q.Header.Values("Authorization")
	if len(header) == 0 && q.route.Public {
		return nil
	}
	var value string
	if len(header) > 0 {
		value = header[0]
	}
	if value == "" && (hasQueryToken(q.URL) || exposedInURL(q.URL) != nil) {
		return &problem{cause: cause.TokenMissing, remedy: cause.TokenInURL}
	}
	if repeated(header) || len(header) > 0 && hasQueryToken(q.URL) {
		return &problem{cause: cause.TokenRepeated}
	}
	grant, err := s.Authenticator.Authenticate(ctx, value)
	if !proved(err) {
		// The grant has what the credential claims: nothing is written for it.
		q.event.ClaimedTenant, q.event.ClaimedToken = grant.Tenant.String(), grant.TokenID
		q.event.recognize(q.URL.RawQuery, "")
		if errors.Is(err, access.ErrEntra) && (q.event.IdP == "" || q.event.IdP == idp.Other) {
			q.event.IdP = idp.Entra
		}
		q.unkept = true
		return err
	}
	q.grant = grant
	q.event.Tenant, q.event.TokenID = grant.Tenant.String(), grant.TokenID
	q.event.recognize(q.URL.RawQuery, grant.Label)
	if err == nil {
		// Not as of the start: other instances may have leased since.
		if wait, ok := s.limits.Take(ctx, grant.Tenant, s.Now()); !ok {
			err = &problem{cause: cause.RateLimit, retryAfter: int(math.Ceil(wait.Seconds()))}
		}
	}
	q.accepted = err == nil
	q.unkept = !s.keeps(q, err)
	if err == nil {
		q.noted = s.Authenticator.RecordUse(ctx, grant)
	}
	return err
}

// proved reports whether the result of Authenticate is that of a secret that was checked
// and is right, though its token may be refused. Of a table that did not answer it proves
// nothing.
func proved(err error) bool {
	return err == nil || slices.ContainsFunc(provedErrors, func(known error) bool { return errors.Is(err, known) })
}

// provedErrors are the errors that only a caller with a token of this service gets.
var provedErrors = []error{
	access.ErrRevoked, access.ErrExpired, access.ErrDisabled,
	access.ErrStaticRefused, access.ErrAccessExpired, access.ErrProofEnded, access.ErrClientRevoked,
}

// keeps reports whether the request may be logged. Only requests with a proved token
// are; of those that are refused before they are handled, one a minute of each cause.
func (s *Service) keeps(q *request, err error) bool {
	if err == nil {
		return true
	}
	p := problemOf(err)
	if journal.RuleOf(p.cause).Entries != journal.OneAMinute {
		return false
	}
	// Nothing may be written of a tenant that its deletion has passed already.
	if q.event.Operation = q.unhandled(); q.event.Operation == "" || q.grant.Settings.Ending {
		return false
	}
	var kept bool
	kept, q.event.standsFor = s.sampled.Take(q.grant.Tenant, p.cause, "", q.start)
	return kept
}

// unhandled returns the operation of a request that reaches no handler, or "" if the
// request is not for a user or a group.
func (q *request) unhandled() journal.Operation {
	switch q.route.Function {
	case functionBulk:
		return journal.Bulk
	case functionUsers, functionGroups:
	default:
		return ""
	}
	switch {
	case q.Method != http.MethodGet && q.Method != http.MethodHead:
		if strings.HasSuffix(q.route.Path, "/.search") {
			return journal.Search
		}
		return bulkNames[q.Method]
	case q.pathID != "":
		return journal.Read
	}
	return journal.List
}

// repeated reports whether more than one credential was sent, in whatever
// schemes. API Gateway joins headers of one name by commas, which no token
// contains. RFC 6750 §3.1
func repeated(header []string) bool {
	n := 0
	for _, value := range header {
		for credential := range strings.SplitSeq(value, ",") {
			scheme, _, more := strings.Cut(strings.TrimSpace(credential), " ")
			if len(header) > 1 || more || strings.EqualFold(scheme, "Bearer") {
				n++
			}
		}
	}
	return n > 1
}

// hasQueryToken reports whether the query has a credential too, where this
// service does not accept one. RFC 6750 §2.3
func hasQueryToken(u *url.URL) bool {
	return strings.Contains(u.RawQuery, "access") && u.Query().Has("access_token")
}

// caller returns the sender of the request, for the directory.
func (q *request) caller() directory.Caller {
	return directory.Caller{
		RequestID: q.id, Settings: q.grant.Settings, Time: q.start,
		TokenID: q.grant.TokenID, IdP: q.event.IdP, Types: q.grant.Types,
		Notices: q.notices, Faults: q.faults, SeatCounts: q.grant.SeatCounts(), IdPRequestID: q.event.IdPRequestID, BulkID: q.event.BulkRequestID,
	}
}
