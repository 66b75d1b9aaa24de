package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/idp"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// An event is the one log line of a request: flat, and without a token, a
// password or a body. Its fields are described in docs/reference/log-events.md, and log
// queries depend on their names.
type event struct {
	RequestID, Method, Route string
	LambdaID, TraceID        string
	IdPRequestID             string
	Tenant, TokenID          string
	IdP                      idp.Provider
	// claimed by an unknown token, so not verified
	ClaimedTenant, ClaimedToken string
	Operation, Type, ResourceID string
	ExternalID, Subject         string
	Outcome, Cause, Detail      string
	ScimType, Action            string
	Status                      int
	Changed, Notices, Skipped   []string
	// concerned are the values of Skipped as they were sent: for the tenant's
	// provisioning log, not for the log line.
	concerned      []string
	MembersAdded   int
	MembersRemoved int
	// BulkRequestID and BulkOperation, which counts from 1, identify an
	// operation of a bulk request.
	BulkRequestID string
	BulkOperation int
	// of a bulk request: operations done, failed, and not answered
	BulkDone, BulkFailed, BulkLeft int
	SeatDelta, ReaderDelta         int64
	SeatsUsed, SeatLimit           int64
	RoundTrips, Retries            int
	ItemsRead                      int
	ReadUnits, WriteUnits          float64
	Duration                       time.Duration
	ColdStart                      bool
	start                          time.Time
	internal                       error
	// standsFor is how many requests the entry of a sampled one stands for.
	standsFor int64
	// journal is why the request's entry could not be kept, nil when it was.
	journal error
}

// A coldStart reports whether a request is the first of its process.
type coldStart struct{ seen atomic.Bool }

func (c *coldStart) next() bool { return !c.seen.Swap(true) }

// The outcomes of a request.
const (
	outcomeSuccess = "success"
	outcomeWarning = "warning"
	outcomeFailure = "failure"
)

// The headers with the ids of the Lambda runtime. Package lambdahttp sets them,
// and removes those that a client sent.
const (
	headerLambdaID = "Lambda-Runtime-Aws-Request-Id"
	headerTraceID  = "X-Amzn-Trace-Id"
)

func newEvent(q *request, cold bool) *event {
	return &event{
		RequestID: q.id, Method: methodName(q.Method), ColdStart: cold, start: q.start,
		LambdaID: q.Header.Get(headerLambdaID), TraceID: traceID(q.Header.Get(headerTraceID)),
		IdP: idp.FromUserAgent(q.UserAgent()), IdPRequestID: correlation(q.Header), Outcome: outcomeSuccess,
	}
}

// methodName returns a known method, and "other" for any other, which is the
// client's text.
func methodName(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodOptions, http.MethodTrace, http.MethodConnect:
		return method
	}
	return "other"
}

// traceID returns the id of the trace in X-Ray's header, without the fields of
// a segment.
func traceID(header string) string {
	for part := range strings.SplitSeq(header, ";") {
		if root, ok := strings.CutPrefix(part, "Root="); ok {
			return root
		}
	}
	return ""
}

// entraFlag is the parameter at the end of the Tenant URL in Microsoft's
// documentation.
const entraFlag = "aadOptscim062020"

// recognize identifies a sender whose user agent is unknown, by Entra's flag in
// the URL or by the label of the token. Microsoft documents no user agent for
// Entra.
func (e *event) recognize(rawQuery, label string) {
	if e.IdP != "" && e.IdP != idp.Other {
		return
	}
	if strings.Contains(rawQuery, entraFlag) {
		e.IdP = idp.Entra
	} else if p := idp.FromLabel(label); p != "" {
		e.IdP = p
	}
}

// about records what the request was for.
func (e *event) about(rt *scim.ResourceType, operation, id string) {
	e.Operation, e.Type = operation, rt.Name
	if directory.ValidID(id) { // any other is the client's text, and identifies no resource
		e.ResourceID = id
	}
}

// named records the names of the user, for requests that have only an id: an
// administrator searches for them when the request failed.
func (e *event) named(u *directory.User) {
	if u == nil || e.Subject != "" {
		return
	}
	if r, err := u.Resource(); err == nil {
		e.Subject, e.ExternalID = r.Subject()
	}
}

// did records the result of a change to a user.
func (e *event) did(result directory.Result) {
	e.Action = string(result.Action)
	e.Changed = result.Changed
	e.SeatDelta, e.ReaderDelta = result.Seats, result.Readers
	e.ResourceID = result.User.ID
	if result.Warning != "" {
		e.Outcome, e.Cause, e.Detail = outcomeWarning, result.Warning, result.Note
	}
	e.tolerated(result.Notices)
}

// changedGroup records the result of a change to a group, or the group of a
// failed request. It returns err.
func (e *event) changedGroup(result directory.GroupResult, err error) error {
	if g := result.Group; g != nil && e.Subject == "" {
		if r, err := g.Resource(); err == nil {
			e.Subject, e.ExternalID = r.Subject()
		}
	}
	if err != nil {
		e.skipped(result)
		return err
	}
	e.didGroup(result)
	return nil
}

// didGroup records the result of a change to a group.
func (e *event) didGroup(result directory.GroupResult) {
	e.Action = string(result.Action)
	e.Changed = result.Changed
	e.MembersAdded, e.MembersRemoved = result.Added, result.Removed
	e.ResourceID = result.Group.ID
	e.skipped(result)
	e.tolerated(result.Notices)
}

// maxSkipped is how many skipped members an event names.
const maxSkipped = 20

// skipped records the members that are not users. A value that cannot be a
// user's id is the client's text, and is left out.
func (e *event) skipped(result directory.GroupResult) {
	for i, id := range result.Skipped {
		if i == maxSkipped {
			e.Skipped, e.concerned = append(e.Skipped, "…"), append(e.concerned, "…")
			break
		}
		e.concerned = append(e.concerned, id)
		if !directory.ValidID(id) {
			id = "?"
		}
		e.Skipped = append(e.Skipped, id)
	}
	if len(result.Skipped) > 0 && (e.Outcome == outcomeSuccess || e.Cause == string(cause.Tolerated)) {
		e.Outcome, e.Cause = outcomeWarning, directory.WarnUnknownMembers
	}
}

// tolerated records the deviations from the RFC that were accepted.
func (e *event) tolerated(notices []scim.Notice) {
	names, warns := directory.Tolerances(notices)
	for _, name := range names {
		if !slices.Contains(e.Notices, name) {
			e.Notices = append(e.Notices, name)
		}
	}
	if warns && e.Outcome == outcomeSuccess {
		e.Outcome, e.Cause = outcomeWarning, string(cause.Tolerated)
	}
}

func (e *event) refuse(p *problem, detail string) {
	e.Outcome, e.Cause, e.Detail = outcomeFailure, string(p.cause), detail
	e.ScimType = string(p.kind())
	e.internal = p.internal
	if p.ledger != nil && p.ledger.Type == tenant.User {
		e.SeatsUsed, e.SeatLimit = p.ledger.Used, p.ledger.Limit
	}
}

func (e *event) finish(status int, now time.Time, used table.Counts) {
	e.Status, e.Duration = status, now.Sub(e.start)
	e.RoundTrips, e.Retries, e.ItemsRead = used.RoundTrips, used.Retries, used.ItemsRead
	e.ReadUnits, e.WriteUnits = used.ReadUnits, used.WriteUnits
}

// log writes the event: as an error for a fault of the service, as a warning
// for a refusal (501 included) or a tolerance.
func (e *event) log(ctx context.Context, logger *slog.Logger) {
	level := slog.LevelInfo
	switch {
	case e.Status >= 500 && e.Status != http.StatusNotImplemented:
		level = slog.LevelError
	case e.Outcome != outcomeSuccess:
		level = slog.LevelWarn
	}
	attrs := []slog.Attr{
		slog.String("event", "scim.request"),
		slog.String("requestId", e.RequestID),
		slog.String("method", e.Method),
		slog.Int("status", e.Status),
		slog.String("outcome", e.Outcome),
		slog.Float64("durationMs", float64(e.Duration.Microseconds())/1000),
		slog.Int("roundTrips", e.RoundTrips),
		slog.Int("retries", e.Retries),
		slog.Int("itemsRead", e.ItemsRead),
		slog.Float64("readUnits", e.ReadUnits),
		slog.Float64("writeUnits", e.WriteUnits),
		slog.Bool("coldStart", e.ColdStart),
	}
	for _, f := range [...][2]string{
		{"route", e.Route},
		{"lambdaRequestId", e.LambdaID},
		{"traceId", e.TraceID},
		{"bulkRequestId", e.BulkRequestID},
		{"tenant", e.Tenant},
		{"tokenId", e.TokenID},
		{"claimedTenant", e.ClaimedTenant},
		{"claimedTokenId", e.ClaimedToken},
		{"idp", string(e.IdP)},
		{"idpRequestId", e.IdPRequestID},
		{"operation", e.Operation},
		{"resourceType", e.Type},
		{"resourceId", e.ResourceID},
		{"externalId", e.ExternalID},
		{"subject", e.Subject},
		{"cause", e.Cause},
		{"scimType", e.ScimType},
		{"detail", e.Detail},
		{"action", e.Action},
		{"changed", strings.Join(e.Changed, ",")},
		{"notices", strings.Join(e.Notices, ",")},
		{"membersSkipped", strings.Join(e.Skipped, ",")},
	} {
		if f[1] != "" {
			attrs = append(attrs, slog.String(f[0], f[1]))
		}
	}
	for name, n := range map[string]int64{
		"seatDelta": e.SeatDelta, "readerDelta": e.ReaderDelta,
		"membersAdded": int64(e.MembersAdded), "membersRemoved": int64(e.MembersRemoved),
		"bulkOperation": int64(e.BulkOperation),
		"bulkDone":      int64(e.BulkDone), "bulkFailed": int64(e.BulkFailed), "bulkLeft": int64(e.BulkLeft),
	} {
		if n != 0 {
			attrs = append(attrs, slog.Int64(name, n))
		}
	}
	if e.SeatLimit != 0 || e.SeatsUsed != 0 {
		attrs = append(attrs, slog.Int64("seatsUsed", e.SeatsUsed), slog.Int64("seatLimit", e.SeatLimit))
	}
	if e.internal != nil && e.Status >= 500 {
		attrs = append(attrs, slog.String("error", e.internal.Error()))
	}
	if e.journal != nil {
		attrs = append(attrs, slog.String("journalError", e.journal.Error()))
	}
	logger.LogAttrs(ctx, level, "scim.request", attrs...)
}
