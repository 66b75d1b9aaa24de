package adminapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
	"github.com/rollcall-scim/rollcall/internal/subscription"
	"github.com/rollcall-scim/rollcall/internal/tenant"
	"github.com/rollcall-scim/rollcall/internal/web"
)

// A reply is an answer before it is sent.
type reply = web.Answer

// ok answers with a document.
func ok(document any) (*reply, error) { return answer(http.StatusOK, document, nil) }

func answer(status int, document any, header map[string]string) (*reply, error) {
	body, err := adminwire.Marshal(document)
	if err != nil {
		return nil, err
	}
	return &reply{Status: status, Body: body, MediaType: "application/json", Header: header}, nil
}

func noContent() *reply { return &reply{Status: http.StatusNoContent} }

// A problem is the reason for refusing a request. RFC 9457
type problem struct {
	kind   kind
	detail string
	allow  []string
	// next is where a list of events continues.
	next string
}

// Error returns the kind.
func (p *problem) Error() string { return "adminapi: " + string(p.kind) }

// A kind is a kind of problem: the last segment of the problem's type.
type kind string

const (
	kindSyntax     kind = "invalid-syntax"
	kindInvalid    kind = "invalid-value"
	kindConfirm    kind = "confirmation-needed"
	kindUnsigned   kind = "not-authorized"
	kindNoRoute    kind = "no-such-resource"
	kindNotFound   kind = "not-found"
	kindMethod     kind = "method-not-allowed"
	kindMedia      kind = "media-type"
	kindTooLarge   kind = "body-too-large"
	kindTaken      kind = "taken"
	kindState      kind = "wrong-state"
	kindSeats      kind = "no-free-seat"
	kindVersion    kind = "version-mismatch"
	kindExpired    kind = "cursor-expired"
	kindBusy       kind = "busy"
	kindUnresolved kind = "outcome-unknown"
	kindStore      kind = "store-unavailable"
	kindInternal   kind = "internal"
)

// kinds has the status and the title of each kind.
var kinds = map[kind]struct {
	status int
	title  string
}{
	kindSyntax:     {http.StatusBadRequest, "Invalid syntax"},
	kindInvalid:    {http.StatusBadRequest, "Invalid value"},
	kindConfirm:    {http.StatusBadRequest, "Confirmation required"},
	kindUnsigned:   {http.StatusForbidden, "Not authorized"},
	kindNoRoute:    {http.StatusNotFound, "Unknown resource"},
	kindNotFound:   {http.StatusNotFound, "Not found"},
	kindMethod:     {http.StatusMethodNotAllowed, "Method not allowed"},
	kindMedia:      {http.StatusUnsupportedMediaType, "Unsupported media type"},
	kindTooLarge:   {http.StatusRequestEntityTooLarge, "Request body too large"},
	kindTaken:      {http.StatusConflict, "Value already in use"},
	kindState:      {http.StatusConflict, "Not possible in this state"},
	kindSeats:      {http.StatusConflict, "No free seat"},
	kindVersion:    {http.StatusPreconditionFailed, "The resource has changed"},
	kindExpired:    {http.StatusGone, "The cursor is older than the log"},
	kindBusy:       {http.StatusServiceUnavailable, "The service was busy; nothing was changed"},
	kindUnresolved: {http.StatusServiceUnavailable, "Outcome unknown"},
	kindStore:      {http.StatusServiceUnavailable, "The service's database cannot be reached or used"},
	kindInternal:   {http.StatusInternalServerError, "Internal error of the service"},
}

var errUnsigned = &problem{
	kind:   kindUnsigned,
	detail: "The request is not authorized: sign it for AWS (SigV4, service execute-api), or send the admin token that rollcall local printed.",
}

// problemType begins the type of a problem: the address of its explanation.
const problemType = "https://github.com/rollcall-scim/rollcall/blob/main/docs/reference/admin-api.md#"

// refuse returns the answer to an error, and records it in the event.
func (q *request) refuse(err error) *reply {
	p := problemOf(err)
	m := kinds[p.kind]
	detail := p.detail
	if detail == "" {
		detail = m.title + "."
	}
	q.event.Outcome, q.event.Cause, q.event.Detail = "failure", p.kind, detail
	if m.status >= http.StatusInternalServerError {
		q.event.Error = err
	}
	a, err := answer(m.status, adminwire.Problem{
		Type: problemType + string(p.kind), Title: m.title, Status: m.status, Detail: detail, RequestID: q.id, Next: p.next,
	}, nil)
	if err != nil {
		return &reply{Status: http.StatusInternalServerError}
	}
	a.MediaType, a.Allow = "application/problem+json", p.allow
	if m.status == http.StatusServiceUnavailable {
		a.RetryAfter = 1
	}
	return a
}

// problemOf maps the errors of the inner packages to problems.
func problemOf(err error) *problem {
	var (
		known   *problem
		invalid *scim.Error
		taken   *directory.TakenError
		full    *directory.FullError
		convert *directory.ConvertError
		guarded *directory.ProtectedLimitError
		deleted *directory.GroupDeletedError

		registered *subscription.TakenError
	)
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &invalid):
		return &problem{kind: kindInvalid, detail: invalid.Detail}
	case errors.As(err, &taken):
		return &problem{kind: kindTaken, detail: fmt.Sprintf("The %s belongs to another user, %s.", taken.Kind.Attribute(), taken.HolderID)}
	case errors.As(err, &full):
		return &problem{kind: kindSeats, detail: seatsDetail(full)}
	case errors.As(err, &guarded):
		return &problem{kind: kindState, detail: fmt.Sprintf("At most %d users can be protected; unprotect one first.", guarded.Limit)}
	case errors.As(err, &deleted):
		return &problem{kind: kindNotFound, detail: "The group was deleted on " + adminwire.FormatTime(deleted.Group.Deleted) + "; …/deleted-groups says by whom."}
	case errors.As(err, &registered):
		return &problem{kind: kindTaken, detail: fmt.Sprintf("The URL is that of the webhook %s: change that one, or get a new secret for it (POST …/secret).", registered.Holder)}
	case errors.As(err, &convert):
		return &problem{kind: kindState, detail: "The user cannot be converted by this request."}
	}
	for _, known := range sentinels {
		if errors.Is(err, known.err) {
			return &problem{kind: known.kind, detail: known.detail}
		}
	}
	return &problem{kind: kindInternal}
}

func seatsDetail(e *directory.FullError) string {
	what := "seats"
	if e.Type == tenant.Reader {
		what = "Reader licences"
	}
	return fmt.Sprintf("%d of %d %s in use; nothing was changed. Raise the limit, or deactivate a user first.", e.Used, e.Limit, what)
}

// sentinels are the errors without particulars. An error can wrap several: the first
// in this list counts.
var sentinels = [...]struct {
	err    error
	kind   kind
	detail string
}{
	{tenant.ErrNotFound, kindNotFound, "Tenant not found."},
	{tenant.ErrVersion, kindVersion, "The tenant has changed since you read it; read it again."},
	{tenant.ErrEnding, kindState, "The tenant is being deleted; its id can be used again afterwards."},
	{tenant.ErrBusy, kindBusy, "It is safe to send the request again."},
	{schema.ErrNotRegistered, kindNotFound, errNoSchema.detail},
	{access.ErrNoToken, kindNotFound, "Token not found."},
	{access.ErrTooManyTokens, kindState, "The tenant has the largest number of live tokens; revoke one first."},
	{access.ErrRotation, kindState, "The token's state does not allow this: a rotation is started for a live token, and completed or cancelled after that."},
	{access.ErrLinkTime, kindInvalid, "minutes must be 1 to 60: for so long the link works. Without it, it works for 10 minutes."},
	{access.ErrPast, kindInvalid, "expiresAt must be in the future; leave it out for a token that never expires."},
	{access.ErrNoClient, kindNotFound, "Client not found."},
	{access.ErrNoSecret, kindNotFound, "The client has no such secret."},
	{access.ErrClientRevoked, kindState, "The client is revoked and cannot be changed; create another one."},
	{access.ErrTooManyClients, kindState, "The tenant has the largest number of clients that are not revoked; revoke one first."},
	{access.ErrTooManySecrets, kindState, "The client has the largest number of live secrets; revoke one first."},
	{access.ErrTooFar, kindInvalid, "expiresAt must be at most 3 years from now; a secret without it expires in a year."},
	{access.ErrClientChanged, kindBusy, "It is safe to send the request again."},
	{access.ErrKeys, kindBusy, "It is safe to send the request again."},
	{journal.ErrNotFailing, kindState, "The request is not a current failure of a user or group: a later request succeeded, the log no longer has it, or it concerns no single user or group."},
	{journal.ErrFailedAgain, kindState, "The user or group has failed again since; read the list of failures again."},
	{subscription.ErrNotFound, kindNotFound, "Webhook not found; GET /webhooks lists them."},
	{subscription.ErrVersion, kindVersion, "The webhook has changed since you read it; read it again."},
	{subscription.ErrTooMany, kindState, "There are as many webhooks as a deployment can have; delete one that is not needed first."},
	{subscription.ErrDisabled, kindState, "The webhook is disabled; enable it first."},
	{subscription.ErrRedelivering, kindState, "An earlier redelivery to this webhook is not complete; wait some minutes until it is."},
	{subscription.ErrNoEvent, kindNotFound, "The event is not in the log any more, or the webhook does not get it. For an event that was never sent to it, send its tenant too."},
	{subscription.ErrBusy, kindBusy, "It is safe to send the request again."},
	{directory.ErrNotFound, kindNotFound, "User not found."},
	{directory.ErrNoGroup, kindNotFound, "Group not found."},
	{directory.ErrVersion, kindVersion, "The user has changed since you read it; read it again."},
	{directory.ErrUnresolved, kindUnresolved, "The database's answer was lost. It is safe to send the request again: a change is never made twice."},
	{directory.ErrUnreachable, kindStore, "Nothing was changed. The service's log has the address that was tried, and why it failed."},
	{directory.ErrBusy, kindBusy, "It is safe to send the request again."},
	{context.DeadlineExceeded, kindBusy, "It is safe to send the request again."},
	{context.Canceled, kindBusy, "It is safe to send the request again."},
}

// etag returns the header that names a version.
func etag(version int64) map[string]string {
	return map[string]string{"ETag": `W/"` + strconv.FormatInt(version, 10) + `"`}
}
