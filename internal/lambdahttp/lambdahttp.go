// Package lambdahttp stands between API Gateway and net/http: it serves the
// events of an HTTP API (payload format 2.0) with an http.Handler, so that the
// handler sees the request as the client sent it.
//
// It stands on aws-lambda-go-api-proxy and puts right what that library and
// API Gateway do to a request on its way: a decoded path, header values split
// at commas, a query string parsed and printed again. It knows nothing of
// users, tokens or tables, and it never fails an invocation: what cannot be
// served is answered with a SCIM error.
package lambdahttp

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"runtime/debug"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

// Event is an HTTP API's request, payload format 2.0.
type Event = events.APIGatewayV2HTTPRequest

// Response is an HTTP API's response, payload format 2.0.
type Response = events.APIGatewayV2HTTPResponse

// Function is what Lambda invokes with an event.
type Function func(ctx context.Context, event Event) (Response, error)

// The headers that tell the handler which invocation it serves. A client's own
// are removed: their values are always Lambda's.
const (
	RequestIDHeader = "Lambda-Runtime-Aws-Request-Id"
	TraceIDHeader   = "X-Amzn-Trace-Id"
)

// OperatorHeader tells the handler of a route that API Gateway authorizes by IAM
// who was authorized: the ARN of a user or a role. A client's own is removed.
const OperatorHeader = "Lambda-Authorizer-Iam-Arn"

// Authorize makes an event one that API Gateway has authorized by IAM.
func Authorize(event *Event, arn string) {
	event.RequestContext.Authorizer = &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{
		IAM: &events.APIGatewayV2HTTPRequestContextAuthorizerIAMDescription{
			AccountID: event.RequestContext.AccountID, UserARN: arn,
		},
	}
}

// MaxResponseBytes is the largest answer a function may return; Lambda fails
// the invocation beyond it. An answer that is larger as JSON is replaced by a
// SCIM error that says what to ask for instead.
const MaxResponseBytes = 6 << 20

// Handler serves events with h. The Function it returns has no error, whatever
// the event holds and even when h panics: API Gateway would make a 500 without
// a SCIM body of it.
func Handler(h http.Handler) Function {
	return func(ctx context.Context, event Event) (Response, error) {
		r, fault := request(ctx, event)
		if fault != "" {
			return refuse(ctx, badEvent, "", string(fault), slog.String("apiRequestId", event.RequestContext.RequestID)), nil
		}
		w := newResponseWriter()
		if fault := serve(h, w, r); fault != nil {
			return refuse(ctx, panicked, "", "", fault...), nil
		}
		response := w.response(ctx)
		if tooLarge(response) {
			// For handlers that do not know the limit. One that does measures its
			// answers: it can say more, and never refuses what it has done.
			return refuse(ctx, answerTooLarge, response.Headers[headerRequestID], "",
				slog.Int("answered", response.StatusCode), slog.Int("bytes", len(response.Body))), nil
		}
		return response, nil
	}
}

// Start serves Lambda's invocations with h. It does not return. What is logged
// through slog or log from here on has the form of all lines, and the id of the
// invocation.
func Start(h http.Handler) {
	slog.SetDefault(logger())
	lambda.Start(invoker(Handler(h)))
}

// StartTask serves Lambda's invocations with a task, whatever they are invoked
// with. It does not return. Logs are as with Start; an error fails the invocation.
func StartTask(task func(ctx context.Context) error) {
	slog.SetDefault(logger())
	lambda.Start(task)
}

// Fail ends a function that cannot start, with a line in its log that says why.
func Fail(err error) {
	slog.SetDefault(logger())
	slog.Error("the function cannot start", "error", err.Error())
	os.Exit(1)
}

// WithInvocation is the context of one invocation, as Lambda's runtime makes
// it.
func WithInvocation(ctx context.Context, requestID, traceID string) context.Context {
	ctx = lambdacontext.NewContext(ctx, &lambdacontext.LambdaContext{AwsRequestID: requestID})
	return context.WithValue(ctx, traceKey, traceID) //nolint:staticcheck // aws-lambda-go's own key
}

// traceKey is the context key under which aws-lambda-go leaves the trace id.
const traceKey = "x-amzn-trace-id"

// invoker decodes the event itself, so that one which is no HTTP API event is
// answered and does not fail the invocation.
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

// encode prints a response without escaping <, > and &, which would make every
// one of them six bytes.
func encode(response Response) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(response); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), nil
}

// tooLarge tells whether Lambda would refuse the response. JSON makes at most
// six bytes of one, so a small body is not measured.
func tooLarge(response Response) bool {
	const room = 64 << 10 // status, headers, cookies
	if 6*len(response.Body) < MaxResponseBytes-room {
		return false
	}
	b, err := encode(response)
	return err != nil || len(b) > MaxResponseBytes
}

// serve runs the handler, and returns what became of it when it did not come to
// its end: the text of a panic is not among it, for a value of the request may be
// in it. The HTTP layer recovers its own panics; this is for the rest.
func serve(h http.Handler, w http.ResponseWriter, r *http.Request) (fault []slog.Attr) {
	defer func() {
		if v := recover(); v != nil {
			fault = []slog.Attr{slog.String("error", fmt.Sprintf("panic of type %T at %s", v, debug.Stack()))}
		}
	}()
	h.ServeHTTP(w, r)
	return nil
}
