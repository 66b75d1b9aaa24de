package local

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/rollcall-scim/rollcall/internal/lambdahttp"
)

// A LambdaHandler is a function as Lambda would invoke it.
type LambdaHandler = lambdahttp.Function

// Limits of API Gateway and Lambda that clients and functions can reach.
const (
	// MaxEventBytes is the largest event that Lambda accepts; a larger one is
	// 413. A body sent as base64 reaches it at three quarters of that size. The
	// HTTP API itself would accept 10 MB.
	MaxEventBytes = 6 << 20
	// IntegrationTimeout is how long an HTTP API waits for a function; after
	// it, the answer is 503.
	IntegrationTimeout = 30 * time.Second
)

// A Gateway is an HTTP API on one machine.
type Gateway struct {
	router    *router
	functions map[string]LambdaHandler
	now       func() time.Time

	// Authorize stands in for AWS's signatures: it returns the ARN of a caller
	// that may use the routes with IAM authorization. Without it every caller
	// is refused.
	Authorize func(*http.Request) (arn string, ok bool)
}

// NewGateway returns a gateway that serves the routes with the functions, by
// logical id. A route without its function is an error; a function without a
// route is not.
func NewGateway(routes []Route, functions map[string]LambdaHandler) (*Gateway, error) {
	for _, r := range routes {
		if functions[r.Function] == nil {
			return nil, fmt.Errorf("the route %s needs the function %s, which does not exist", r.Key(), r.Function)
		}
	}
	return &Gateway{router: newRouter(routes), functions: functions, now: time.Now}, nil
}

// FromTemplate returns a gateway that serves the routes of a template with
// handlers by the folder of their function under functions/: UsersFunction is
// users.
func FromTemplate(template []byte, handler func(function string) http.Handler) (*Gateway, error) {
	routes, err := Routes(template)
	if err != nil {
		return nil, err
	}
	functions := make(map[string]LambdaHandler)
	for _, r := range routes {
		if functions[r.Function] == nil {
			folder := strings.ToLower(strings.TrimSuffix(r.Function, "Function"))
			functions[r.Function] = lambdahttp.Handler(handler(folder))
		}
	}
	return NewGateway(routes, functions)
}

// Route returns the route of a request, or no route if it has none.
func (g *Gateway) Route(method, escapedPath string) Route {
	route, _, _ := g.router.find(method, escapedPath)
	return route
}

// ServeHTTP answers a request through an event, exactly as a function sees it
// on Lambda: encoded as JSON and decoded again.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := readBody(w, r)
	switch {
	case errors.Is(err, errTooLarge):
		answer(w, http.StatusRequestEntityTooLarge, "Request Entity Too Large")
		return
	case err != nil:
		answer(w, http.StatusBadRequest, "Bad Request")
		return
	}
	route, parameters, ok := g.router.find(r.Method, r.URL.EscapedPath())
	if !ok {
		answer(w, http.StatusNotFound, "Not Found")
		return
	}
	sent := newEvent(r, body, route, parameters, g.now())
	if route.IAM && !g.authorize(r, &sent) {
		answer(w, http.StatusForbidden, "Forbidden")
		return
	}
	w.Header().Set("Apigw-Requestid", sent.RequestContext.RequestID)
	payload, err := json.Marshal(sent)
	if err != nil {
		fail(w, r, route, err)
		return
	}
	if len(payload) > MaxEventBytes {
		answer(w, http.StatusRequestEntityTooLarge, "Request Entity Too Large")
		return
	}
	var event lambdahttp.Event
	if err := json.Unmarshal(payload, &event); err != nil {
		fail(w, r, route, err)
		return
	}
	g.invoke(w, r, route, event)
}

// authorize sets the operator of an event, and reports whether the request has one.
func (g *Gateway) authorize(r *http.Request, sent *lambdahttp.Event) bool {
	if g.Authorize == nil {
		return false
	}
	operator, ok := g.Authorize(r)
	if !ok || operator == "" {
		return false
	}
	lambdahttp.Authorize(sent, operator)
	return true
}

// invoke answers a request with its function's response to an event.
func (g *Gateway) invoke(w http.ResponseWriter, r *http.Request, route Route, event lambdahttp.Event) {
	ctx, cancel := context.WithTimeout(r.Context(), IntegrationTimeout)
	defer cancel()
	ctx = lambdahttp.WithInvocation(ctx, uuid.NewString(), event.Headers["x-amzn-trace-id"])
	response, err := g.functions[route.Function](ctx, event)
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		answer(w, http.StatusServiceUnavailable, "Service Unavailable")
	case err != nil:
		fail(w, r, route, err)
	default:
		if err := write(w, response); err != nil {
			fail(w, r, route, err)
		}
	}
}

// errTooLarge: the body does not fit in an event.
var errTooLarge = errors.New("local: the body is too large for an event")

// readBody reads a request's body, but no more than an event can hold, so that
// a larger one is not processed. Lambda's limit is lower than API Gateway's: a
// text body is at least as long in the event, and one in base64 a third longer.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	limit := int64(MaxEventBytes)
	if !isText(r.Header.Get("Content-Type")) {
		limit = int64(base64.StdEncoding.DecodedLen(MaxEventBytes))
	}
	if r.ContentLength > limit {
		return nil, errTooLarge
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var beyond *http.MaxBytesError
	switch {
	case errors.As(err, &beyond):
		return nil, errTooLarge
	case err != nil:
		return nil, err
	case printedBody(r, body) > MaxEventBytes:
		return nil, errTooLarge
	}
	return body, nil
}

// printedBody returns the length of a body in an event.
func printedBody(r *http.Request, body []byte) int {
	if !isText(r.Header.Get("Content-Type")) || !utf8.Valid(body) {
		return base64.StdEncoding.EncodedLen(len(body))
	}
	n := len(body)
	for _, c := range body {
		switch {
		case c == '"' || c == '\\' || c == '\b' || c == '\f' || c == '\n' || c == '\r' || c == '\t':
			n++
		case c < ' ' || c == '<' || c == '>' || c == '&':
			n += len(`\u003c`) - 1
		}
	}
	return n
}

// write writes a function's response. It fails, and writes nothing, if API
// Gateway would not accept the response.
func write(w http.ResponseWriter, response lambdahttp.Response) error {
	if response.StatusCode < 200 || response.StatusCode > 599 {
		return fmt.Errorf("the function answered with status %d", response.StatusCode)
	}
	body := []byte(response.Body)
	if response.IsBase64Encoded {
		var err error
		if body, err = base64.StdEncoding.DecodeString(response.Body); err != nil {
			return fmt.Errorf("the function's answer is not base64: %w", err)
		}
	}
	for name, value := range response.Headers {
		w.Header().Set(name, value)
	}
	for _, cookie := range response.Cookies {
		w.Header().Add("Set-Cookie", cookie)
	}
	w.WriteHeader(response.StatusCode)
	// It fails if the client has disconnected.
	_, _ = w.Write(body)
	return nil
}

// fail answers for a function that failed; the reason goes into the log only.
func fail(w http.ResponseWriter, r *http.Request, route Route, err error) {
	slog.ErrorContext(r.Context(), "function failed", "function", route.Function, "route", route.Key(), "error", err.Error())
	answer(w, http.StatusInternalServerError, "Internal Server Error")
}

// answer writes an answer of API Gateway's own, in its form.
func answer(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"message":%q}`, message)
}
