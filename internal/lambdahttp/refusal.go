package lambdahttp

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/google/uuid"

	"github.com/rollcall-scim/rollcall/internal/logline"
	"github.com/rollcall-scim/rollcall/internal/web"
)

// reason describes why this package answers instead of the handler. Cause,
// status and scimType are as in the table of package cause; a test compares
// them.
type reason struct {
	cause    string
	status   int
	scimType string
	what     string
	action   string
}

var (
	badEvent = reason{
		cause: "bad_event", status: http.StatusBadRequest, scimType: "invalidSyntax",
		action: "Send the request again, to the base URL of the service.",
	}
	panicked = reason{
		cause: "internal", status: http.StatusInternalServerError,
		what:   "Internal error of the service.",
		action: "Send the request again; if it fails again, report the request id.",
	}
	answerTooLarge = reason{
		cause: "answer_too_large", status: http.StatusBadRequest, scimType: "tooMany",
		what:   "The answer exceeds 6 MB, the most that can be returned.",
		action: "Ask for fewer resources with count, or for fewer attributes with attributes or excludedAttributes.",
	}
)

// refuse answers with a SCIM error and logs it as the event of a request, with
// a request id in both: the handler's if it has set one. what says what happened,
// "" for the text of the reason. RFC 7644 §3.12
func refuse(ctx context.Context, why reason, id, what string, more ...slog.Attr) Response {
	if what == "" {
		what = why.what
	}
	if id == "" {
		id = uuid.Must(uuid.NewV7()).String()
	}
	detail := what + " " + why.action + " (request " + id + ")"

	level := slog.LevelWarn
	if why.status >= http.StatusInternalServerError {
		level = slog.LevelError
	}
	slog.LogAttrs(ctx, level, "", append([]slog.Attr{
		slog.String("event", "scim.request"), slog.String("requestId", id),
		slog.Int("status", why.status), slog.String("outcome", "failure"),
		slog.String("cause", why.cause), slog.String("scimType", why.scimType), slog.String("detail", detail),
	}, more...)...)

	body, _ := json.Marshal(struct { // strings cannot fail
		Schemas  []string `json:"schemas"`
		Status   string   `json:"status"`
		SCIMType string   `json:"scimType,omitempty"`
		Detail   string   `json:"detail"`
	}{[]string{"urn:ietf:params:scim:api:messages:2.0:Error"}, strconv.Itoa(why.status), why.scimType, detail})
	return Response{
		StatusCode: why.status,
		Headers: map[string]string{
			"Content-Type": "application/scim+json", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", web.RequestIDHeader: id,
		},
		Body: string(body),
	}
}

// logger logs in the common form, with the ids of the invocation.
func logger() *slog.Logger { return slog.New(&invoked{logline.ForFunction()}) }

// invoked adds the ids of the invocation and of its trace to the lines that
// belong to one.
type invoked struct{ slog.Handler }

// Handle adds the ids under the names that they have in a request's event.
func (h *invoked) Handle(ctx context.Context, r slog.Record) error {
	if invocation, ok := lambdacontext.FromContext(ctx); ok && invocation.AwsRequestID != "" {
		r.AddAttrs(slog.String("lambdaRequestId", invocation.AwsRequestID))
	}
	header, _ := ctx.Value(traceKey).(string)
	if id := web.TraceID(header); id != "" {
		r.AddAttrs(slog.String("traceId", id))
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs returns a handler that adds the ids too.
func (h *invoked) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &invoked{h.Handler.WithAttrs(attrs)}
}

// WithGroup returns a handler that adds the ids within the group.
func (h *invoked) WithGroup(name string) slog.Handler { return &invoked{h.Handler.WithGroup(name)} }
