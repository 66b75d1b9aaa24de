package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/provlog"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/table"
)

// Config is what a Service is made of.
type Config struct {
	Directory     *directory.Directory
	Authenticator *access.Authenticator
	// Types are the resource types as every tenant has them.
	Types scim.Types
	// BaseURL begins every location, without a slash at its end. It is
	// configured: a Host header is the client's to choose.
	BaseURL string
	Log     *slog.Logger
	// NewID makes request ids: UUIDv7, whose time orders the log.
	NewID func() string
	Now   func() time.Time
	// RequestTime is how long a request may take in all; 0 is the service's own
	// 18 seconds.
	RequestTime time.Duration
	// Journal keeps what the directory's changes do not keep of requests; nil is
	// nothing.
	Journal Journal
	// TenantRate is how many requests a second one tenant may make of this
	// process, with twice as many at once; 0 is any number.
	TenantRate int
}

// Service answers SCIM requests. It implements http.Handler and is safe for
// concurrent use.
type Service struct {
	Config
	routes []Route
	// functions are those whose routes are served, none for all.
	functions []string
	served    coldStart
	limits    *limiter
	// sampled are the requests that are kept of those who are refused before they are
	// heard.
	sampled sampler
	// gzips are *gzip.Writer to use again: a new one is 1.2 MB.
	gzips sync.Pool
}

// New makes a Service that serves the routes of some functions, all of them when
// none or the one of /Bulk is named. It knows the other routes too, so that a wrong
// method is 405, and a wrong path 404.
func New(c Config, functions ...string) *Service {
	if c.RequestTime == 0 {
		c.RequestTime = requestTime
	}
	return &Service{Config: c, routes: Routes(), functions: functions, limits: newLimiter(c.TenantRate)}
}

// handler answers a matched and authenticated request.
type handler func(s *Service, ctx context.Context, r *request) (*reply, error)

// requestTime is how long a request may take in all. Writes end before
// (directory.WriteTime); API Gateway would give up at 30 s.
const requestTime = 18 * time.Second

// ServeHTTP answers one request, and logs its event.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), s.RequestTime)
	defer cancel()
	ctx, usage := table.WithUsage(ctx)
	q := &request{Request: r, id: s.NewID(), start: s.Now()}
	q.event = newEvent(q, s.served.next())

	answer, err := s.answer(ctx, q)
	if q.noted != nil {
		q.noted()
	}
	answer = s.fit(ctx, q, answer, err)
	s.note(ctx, q, answer)
	s.send(w, q, answer)
	q.event.finish(answer.status, s.Now(), usage.Counts())
	q.event.log(context.WithoutCancel(ctx), s.Log)
}

// answer finds who asks and for what, and lets the route's handler answer. A
// panic becomes an error: its text goes into the log without the values that
// may be in it.
func (s *Service) answer(ctx context.Context, q *request) (answer *reply, err error) {
	defer recovered(&err)
	route, id, allowed := match(s.routes, q.Method, q.URL.EscapedPath())
	if route == nil || !s.serves(route) {
		if len(allowed) > 0 {
			return nil, &problem{cause: provlog.MethodNotAllowed, allow: allowed}
		}
		return nil, unserved(q.URL.EscapedPath())
	}
	q.route, q.pathID = route, id
	q.event.Route = route.Method + " " + route.Path
	if err := s.authenticate(ctx, q); err != nil {
		return nil, err
	}
	if err := exposedInURL(q.URL); err != nil {
		return nil, err
	}
	return route.handler(s, ctx, q)
}

// serves reports whether the route is one of those that the service serves.
func (s *Service) serves(route *Route) bool {
	return len(s.functions) == 0 || slices.ContainsFunc(s.functions, func(f string) bool { return serves(f, route.Function) })
}

// recovered makes a panic an error, when it is deferred.
func recovered(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("panic of type %T at %s", p, debug.Stack())
	}
}

// authenticate sets the request's grant. A public route needs no credential, but
// takes no wrong one, and none of a tenant that has SCIM turned off.
func (s *Service) authenticate(ctx context.Context, q *request) error {
	header := q.Header.Values("Authorization")
	if len(header) == 0 && q.route.Public {
		return nil
	}
	var value string
	if len(header) > 0 {
		value = header[0]
	}
	if repeated(header) || len(header) > 0 && hasQueryToken(q.URL) {
		return &problem{cause: provlog.TokenRepeated}
	}
	grant, err := s.Authenticator.Authenticate(ctx, value)
	if errors.Is(err, access.ErrUnknown) {
		q.event.ClaimedTenant, q.event.ClaimedToken = grant.Tenant.String(), grant.TokenID
		return err
	}
	q.grant = grant
	q.event.Tenant, q.event.TokenID = grant.Tenant.String(), grant.TokenID
	q.event.recognize(q.URL.RawQuery, grant.Label)
	if err == nil && !s.limits.allow(grant.Tenant, q.start) {
		err = &problem{cause: provlog.RateLimit}
	}
	q.unkept = !s.keeps(q, err)
	if err == nil {
		q.noted = s.Authenticator.Note(ctx, grant)
	}
	return err
}

// keeps tells whether the log may tell of a request: of who has proved a token, and of
// those who are refused before they are heard one a minute.
func (s *Service) keeps(q *request, err error) bool {
	if err == nil {
		return true
	}
	p := problemOf(err)
	if p.cause != provlog.RateLimit && p.cause != provlog.SCIMDisabled {
		return false
	}
	if q.event.Operation = bulkNames[q.Method]; q.route.Function == functionBulk {
		q.event.Operation = "bulk"
	}
	return s.sampled.take(q.grant.Tenant, q.start)
}

// repeated reports whether more than one credential was sent, of whatever schemes. API
// Gateway joins headers of one name by commas, which no token has in it. RFC 6750 §3.1
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

// hasQueryToken reports whether the query has a credential too, in the place that is not
// taken here. RFC 6750 §2.3
func hasQueryToken(u *url.URL) bool {
	return strings.Contains(u.RawQuery, "access") && u.Query().Has("access_token")
}

// caller is who asks, for the directory.
func (q *request) caller() directory.Caller {
	return directory.Caller{
		RequestID: q.id, Settings: q.grant.Settings, Time: q.start,
		TokenID: q.grant.TokenID, IdP: string(q.event.IdP), Types: q.grant.Types,
		Notices: q.notices, Counts: q.grant.Counts(), IdPRequestID: q.event.IdPRequestID, BulkID: q.event.BulkRequestID,
	}
}
