// Package lambdahttp connects API Gateway with net/http: it serves the events
// of an HTTP API (payload format 2.0) with an http.Handler, so that the handler
// sees the request as the client sent it.
//
// It uses aws-lambda-go-api-proxy and corrects what that library and API
// Gateway change in a request: a decoded path, header values split at commas, a
// query string parsed and printed again. It knows nothing of users, tokens or
// tables, and it never fails an invocation: what cannot be served is answered
// with a SCIM error.
package lambdahttp

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"os"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/rollcall-scim/rollcall/internal/web"
)

// Event is an HTTP API's request, payload format 2.0.
type Event = events.APIGatewayV2HTTPRequest

// Response is an HTTP API's response, payload format 2.0.
type Response = events.APIGatewayV2HTTPResponse

// Function handles one event of Lambda.
type Function func(ctx context.Context, event Event) (Response, error)

// Authorize changes an event into one that API Gateway has authorized by IAM.
func Authorize(event *Event, arn string) {
	event.RequestContext.Authorizer = &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{
		IAM: &events.APIGatewayV2HTTPRequestContextAuthorizerIAMDescription{
			AccountID: event.RequestContext.AccountID, UserARN: arn,
		},
	}
}

// MaxResponseBytes is the largest answer a function may return; Lambda fails
// the invocation beyond it. An answer that is larger as JSON is replaced by a
// SCIM error that says what to request instead.
const MaxResponseBytes = 6 << 20

// Handler serves events with h. The Function it returns has no error, whatever
// the event contains and even if h panics: API Gateway would turn an error into
// a 500 without a SCIM body.
func Handler(h http.Handler) Function {
	return func(ctx context.Context, event Event) (Response, error) {
		r, fault := request(ctx, event)
		if fault != "" {
			return refuse(ctx, badEvent, "", string(fault), slog.String("apiRequestId", event.RequestContext.RequestID)), nil
		}
		w := newResponseWriter()
		if err := serve(h, w, r); err != nil {
			return refuse(ctx, panicked, "", "", slog.String("error", err.Error())), nil
		}
		response := w.response(ctx)
		if tooLarge(response) {
			// For handlers that do not know the limit. A handler that does
			// measures its answers: it can say more, and never refuses a
			// request that it has performed.
			return refuse(ctx, answerTooLarge, response.Headers[web.RequestIDHeader], "",
				slog.Int("answered", response.StatusCode), slog.Int("bytes", len(response.Body))), nil
		}
		return response, nil
	}
}

// Start serves Lambda's invocations with h. It does not return. Lines logged
// through slog or log from here on have the common form, and the id of the
// invocation.
func Start(h http.Handler) {
	Prepare()
	lambda.Start(invoker(Handler(h)))
}

// Prepare gives the lines logged through slog or log the common form, and the id of the
// invocation. The Start functions call it.
func Prepare() { slog.SetDefault(logger()) }

// StartTask serves Lambda's invocations with a task, whatever their payload. It
// does not return. Logs are as with Start; an error fails the invocation.
func StartTask(task func(ctx context.Context) error) {
	Prepare()
	lambda.Start(task)
}

// StartEvent serves Lambda's invocations with a task for an event that is not a
// request. It does not return. Logs and errors are as with StartTask.
func StartEvent[E any](task func(ctx context.Context, event E) error) {
	Prepare()
	lambda.Start(task)
}

// Fail ends a function that cannot start, with a line in its log that gives the
// reason.
func Fail(err error) {
	Prepare()
	slog.Error("the function cannot start", "error", err.Error())
	os.Exit(1)
}

// WithInvocation returns the context of one invocation, as Lambda's runtime
// creates it.
func WithInvocation(ctx context.Context, requestID, traceID string) context.Context {
	ctx = lambdacontext.NewContext(ctx, &lambdacontext.LambdaContext{AwsRequestID: requestID})
	return context.WithValue(ctx, traceKey, traceID) //nolint:staticcheck // aws-lambda-go's own key
}

// traceKey is the context key under which aws-lambda-go stores the trace id.
const traceKey = "x-amzn-trace-id"

// invoker decodes the event itself, so that a payload that is not an HTTP API
// event is answered and does not fail the invocation.
type invoker Function

// Invoke serves one event.
func (f invoker) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var event Event
	var response Response
	if err := json.Unmarshal(payload, &event); err != nil {
		response = refuse(ctx, badEvent, "", string(notAnEvent), slog.String("error", err.Error()))
	} else if response, err = f(ctx, event); err != nil {
		return nil, err
	}
	return encode(response)
}

// encode encodes a response without escaping <, > and &, which would take six
// bytes each.
func encode(response Response) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(response); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), nil
}

// tooLarge reports whether Lambda would refuse the response. JSON expands a
// byte to at most six, so a small body is not measured.
func tooLarge(response Response) bool {
	const room = 64 << 10 // status, headers, cookies
	if 6*len(response.Body) < MaxResponseBytes-room {
		return false
	}
	b, err := encode(response)
	return err != nil || len(b) > MaxResponseBytes
}

// serve runs the handler, and returns what happened if it panicked. The HTTP layer recovers
// its own panics; this is for the rest.
func serve(h http.Handler, w http.ResponseWriter, r *http.Request) (err error) {
	defer web.Recovered(&err)
	h.ServeHTTP(w, r)
	return nil
}
