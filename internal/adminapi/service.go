package adminapi

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/provlog"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
	"github.com/rollcall-scim/rollcall/internal/web"
)

// Config configures a Service.
type Config struct {
	Tenants *tenant.Registry
	Tokens  *access.Keeper
	Store   Store
	// Provisioning is the log of the tenants' requests.
	Provisioning *provlog.Log
	Directory    *directory.Directory
	// Types are the resource types as every tenant has them.
	Types scim.Types
	// BaseURL is that of the SCIM endpoints, which identity providers are given.
	BaseURL string
	Log     *slog.Logger
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

// OperatorHeader is the header in which package lambdahttp names the authorized
// identity; a client's own header is dropped there.
const OperatorHeader = "Lambda-Authorizer-Iam-Arn"

// ServeHTTP answers one request, and logs its event.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), s.RequestTime)
	defer cancel()
	ctx, usage := table.WithUsage(ctx)
	q := &request{Request: r, id: s.NewID(), start: s.Now(), operator: r.Header.Get(OperatorHeader)}
	answer, err := s.answer(ctx, q)
	if err != nil || answer == nil {
		answer = q.refuse(err)
	}
	s.send(w, q, answer)
	s.log(context.WithoutCancel(ctx), q, answer, usage.Counts())
}

// answer finds the route and lets its handler answer. A panic becomes an error:
// its text goes into the log without the values that may be in it.
func (s *Service) answer(ctx context.Context, q *request) (answer *reply, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic of type %T at %s", p, debug.Stack())
		}
	}()
	if q.operator == "" {
		return nil, errUnsigned
	}
	route, parameters, allowed := s.router.Find(q.Method, q.URL.EscapedPath())
	if route == nil {
		if len(allowed) > 0 {
			return nil, &problem{kind: kindMethod, detail: "The resource does not support " + methodName(q.Method) + ".", allow: allowed}
		}
		return nil, &problem{kind: kindNoRoute, detail: "Unknown resource; " + Prefix + "/openapi.json lists them all."}
	}
	q.route, q.parameters = route, parameters
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
	return route.handler(s, ctx, q)
}

// send writes an answer.
func (s *Service) send(w http.ResponseWriter, q *request, a *reply) {
	h := w.Header()
	h.Set("X-Request-Id", q.id)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	for name, value := range a.header {
		h.Set(name, value)
	}
	if a.body != nil {
		h.Set("Content-Type", a.mediaType)
	}
	w.WriteHeader(a.status)
	if q.Method != http.MethodHead {
		// A client that has gone gets nothing.
		_, _ = w.Write(a.body)
	}
}

// log writes the one line of a request: the operator, the change and its cost. Values
// that were sent are not in it.
func (s *Service) log(ctx context.Context, q *request, a *reply, used table.Counts) {
	level := slog.LevelInfo
	outcome := "success"
	switch {
	case a.status >= 500:
		level, outcome = slog.LevelError, "failure"
	case a.status >= 400:
		level, outcome = slog.LevelWarn, "failure"
	}
	attrs := []slog.Attr{
		slog.String("event", "admin.request"),
		slog.String("requestId", q.id),
		slog.String("method", methodName(q.Method)),
		slog.Int("status", a.status),
		slog.String("outcome", outcome),
		slog.Float64("durationMs", float64(s.Now().Sub(q.start).Microseconds())/1000),
		slog.Int("roundTrips", used.RoundTrips),
		slog.Int("retries", used.Retries),
		slog.Float64("readUnits", used.ReadUnits),
		slog.Float64("writeUnits", used.WriteUnits),
	}
	route := ""
	if q.route != nil {
		route = q.route.Method + " " + q.route.Path
	}
	for _, f := range [...][2]string{
		{"route", route},
		{"operator", q.operator},
		{"actor", q.actor},
		{"tenant", q.tenant.String()},
		{"resourceId", q.resource},
		{"action", q.action},
		{"cause", a.cause},
		{"detail", a.detail},
		{"error", a.internal},
	} {
		if f[1] != "" {
			attrs = append(attrs, slog.String(f[0], f[1]))
		}
	}
	s.Log.LogAttrs(ctx, level, "admin.request", attrs...)
}

// methodName is a known method; any other is the client's text, which is not shown.
func methodName(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	}
	return "this method"
}
