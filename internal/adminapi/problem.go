package adminapi

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// reply is an answer before it is sent.
type reply struct {
	status    int
	body      []byte
	mediaType string
	header    map[string]string
	// cause, detail and internal are for the log.
	cause, detail, internal string
}

// ok answers with a document.
func ok(document any) (*reply, error) { return answer(http.StatusOK, document, nil) }

func answer(status int, document any, header map[string]string) (*reply, error) {
	body, err := json.Marshal(document, json.Deterministic(true))
	if err != nil {
		return nil, err
	}
	return &reply{status: status, body: body, mediaType: "application/json", header: header}, nil
}

func noContent() *reply { return &reply{status: http.StatusNoContent} }

// problem is why a request is refused. RFC 9457
type problem struct {
	kind   kind
	detail string
	allow  []string
}

// Error names the kind.
func (p *problem) Error() string { return "adminapi: " + string(p.kind) }

// kind is the closed list of problems: the last segment of a problem's type.
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
	kindBusy       kind = "busy"
	kindUnresolved kind = "outcome-unknown"
	kindStore      kind = "store-unavailable"
	kindInternal   kind = "internal"
)

// kinds are the status and the title of each kind.
var kinds = map[kind]struct {
	status int
	title  string
}{
	kindSyntax:     {http.StatusBadRequest, "The request does not decode"},
	kindInvalid:    {http.StatusBadRequest, "A value is not taken"},
	kindConfirm:    {http.StatusBadRequest, "The request must be confirmed"},
	kindUnsigned:   {http.StatusForbidden, "Nobody was authorized"},
	kindNoRoute:    {http.StatusNotFound, "There is no such resource"},
	kindNotFound:   {http.StatusNotFound, "It is not there"},
	kindMethod:     {http.StatusMethodNotAllowed, "The method is not taken"},
	kindMedia:      {http.StatusUnsupportedMediaType, "The media type is not taken"},
	kindTooLarge:   {http.StatusRequestEntityTooLarge, "The body is too large"},
	kindTaken:      {http.StatusConflict, "Another one has the value"},
	kindState:      {http.StatusConflict, "It is not in the state for that"},
	kindSeats:      {http.StatusConflict, "No seat is free"},
	kindVersion:    {http.StatusPreconditionFailed, "It is at another version"},
	kindBusy:       {http.StatusServiceUnavailable, "Too much happened at once; nothing was changed"},
	kindUnresolved: {http.StatusServiceUnavailable, "Whether the change was made is not known"},
	kindStore:      {http.StatusServiceUnavailable, "The service's database cannot be reached or used"},
	kindInternal:   {http.StatusInternalServerError, "An error of the service"},
}

var errUnsigned = &problem{
	kind:   kindUnsigned,
	detail: "The request came to the administrator's API without being authorized: sign it for AWS (SigV4, service execute-api), or send the admin token that rollcall local printed.",
}

// problemType begins the type of a problem: where it is explained.
const problemType = "https://github.com/rollcall-scim/rollcall/blob/main/docs/admin-api.md#"

// refuse makes the answer to an error.
func (q *request) refuse(err error) *reply {
	p := problemOf(err)
	m := kinds[p.kind]
	detail := p.detail
	if detail == "" {
		detail = m.title + "."
	}
	header := map[string]string{}
	if len(p.allow) > 0 {
		header["Allow"] = strings.Join(p.allow, ", ")
	}
	if m.status == http.StatusServiceUnavailable {
		header["Retry-After"] = "1"
	}
	a, encodeErr := answer(m.status, map[string]any{
		"type": problemType + string(p.kind), "title": m.title,
		"status": m.status, "detail": detail, "requestId": q.id,
	}, header)
	if encodeErr != nil {
		a = &reply{status: http.StatusInternalServerError}
	}
	a.mediaType = "application/problem+json"
	a.cause, a.detail = string(p.kind), detail
	if m.status >= http.StatusInternalServerError {
		a.internal = err.Error()
	}
	return a
}

// problemOf is the one mapper from the errors of the inner packages.
func problemOf(err error) *problem {
	var (
		known   *problem
		invalid *scim.Error
		taken   *directory.TakenError
		full    *directory.FullError
		convert *directory.ConvertError
		guarded *directory.ProtectedLimitError
		deleted *directory.GroupDeletedError
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
		return &problem{kind: kindState, detail: fmt.Sprintf("%d users are protected, which is the most; unprotect one first.", guarded.Limit)}
	case errors.As(err, &deleted):
		return &problem{kind: kindNotFound, detail: "The group was deleted on " + fmt.Sprint(instant(deleted.Group.Deleted)) + "; …/deleted-groups says by whom."}
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
		what = "readers' places"
	}
	return fmt.Sprintf("%d of %d %s in use; nothing was changed. Raise the limit, or deactivate somebody first.", e.Used, e.Limit, what)
}

// sentinels are the errors without particulars. An error can wrap several: the
// first here is the one that is told.
var sentinels = [...]struct {
	err    error
	kind   kind
	detail string
}{
	{tenant.ErrNotFound, kindNotFound, "Tenant not found; PUT creates one."},
	{tenant.ErrVersion, kindVersion, "The tenant is at another version than If-Match names; read it again."},
	{tenant.ErrEnding, kindState, "The tenant is being deleted; its id is free when that is done."},
	{tenant.ErrBusy, kindBusy, "Send the request again."},
	{access.ErrNoToken, kindNotFound, "Token not found."},
	{access.ErrTooManyTokens, kindState, "The tenant has as many live tokens as it may; revoke one first."},
	{access.ErrRotation, kindState, "The token is not in the state for that: a live token's rotation is started, and one that was started is completed or cancelled."},
	{access.ErrPast, kindInvalid, "expiresAt is not in the future; leave it out for a token without an end."},
	{directory.ErrNotFound, kindNotFound, "User not found."},
	{directory.ErrNoGroup, kindNotFound, "Group not found."},
	{directory.ErrVersion, kindVersion, "The user is at another version than If-Match names; read it again."},
	{directory.ErrUnresolved, kindUnresolved, "The database's answer was lost. Send the request again: a change is never made twice."},
	{directory.ErrUnreachable, kindStore, "Nothing was changed. The service's log has the address that was tried, and why it failed."},
	{directory.ErrBusy, kindBusy, "Send the request again."},
	{context.DeadlineExceeded, kindBusy, "Send the request again."},
	{context.Canceled, kindBusy, "Send the request again."},
}

// etag is the header that names a version.
func etag(version int64, more ...map[string]string) map[string]string {
	header := map[string]string{"ETag": `W/"` + strconv.FormatInt(version, 10) + `"`}
	for _, m := range more {
		maps.Copy(header, m)
	}
	return header
}
