package httpapi

import (
	"net/http"
	"slices"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/idp"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
	"github.com/rollcall-scim/rollcall/internal/web"
)

// An event is the one log line of a request, in the order of its fields: flat,
// and without a token, a password or a body.
type event struct {
	web.Event
	Outcome journal.Outcome `log:"outcome"`
	table.Counts
	ColdStart bool `log:"coldStart"`
	// LambdaID leads to the lines of Lambda, which logs no invocation that succeeds,
	// and APIRequestID to the line of API Gateway.
	LambdaID     string `log:"lambdaRequestId"`
	APIRequestID string `log:"apiRequestId"`
	TraceID      string `log:"traceId"`
	// BulkRequestID and BulkOperation, which counts from 1, identify an
	// operation of a bulk request.
	BulkRequestID string `log:"bulkRequestId"`
	BulkOperation int    `log:"bulkOperation"`
	Tenant        string `log:"tenant"`
	TokenID       string `log:"tokenId"`
	// claimed by an unknown token, so not verified
	ClaimedTenant string            `log:"claimedTenant"`
	ClaimedToken  string            `log:"claimedTokenId"`
	IdP           idp.Provider      `log:"idp"`
	IdPRequestID  string            `log:"idpRequestId"`
	Operation     journal.Operation `log:"operation"`
	Type          string            `log:"resourceType"`
	ResourceID    string            `log:"resourceId"`
	ExternalID    string            `log:"externalId"`
	Subject       string            `log:"subject"`
	Cause         cause.Cause       `log:"cause"`
	ScimType      scim.ErrorType    `log:"scimType"`
	Detail        string            `log:"detail"`
	Action        journal.Action    `log:"action"`
	Changed       []string          `log:"changed"`
	Notices       []string          `log:"notices"`
	Faults        []string          `log:"faults"`
	// Skipped has a question mark for each value that cannot be an id. concerned
	// are the values as they were sent: for the tenant's provisioning log.
	Skipped   []string `log:"membersSkipped"`
	concerned []string
	// asked are kept with a failing subject, and are not in the line.
	asked journal.Asked
	// remedy names advice about a warning that fits better than the cause's own.
	remedy         cause.Remedy
	MembersAdded   int   `log:"membersAdded"`
	MembersRemoved int   `log:"membersRemoved"`
	SeatDelta      int64 `log:"seatDelta"`
	ReaderDelta    int64 `log:"readerDelta"`
	*fullLedger
	// imports is set for a list of users without a filter.
	imports bool
	// of a bulk request: operations done, failed, and not answered
	BulkDone   int `log:"bulkDone"`
	BulkFailed int `log:"bulkFailed"`
	BulkLeft   int `log:"bulkLeft"`
	// Sampled is how many successful reads the line stands for, itself included, 0
	// if each has its line.
	Sampled int `log:"standsFor"`
	// Error is the fault of the service, JournalError why the request's entry
	// could not be kept.
	Error        error `log:"error"`
	JournalError error `log:"journalError"`
	// standsFor is the number of requests that a sampled entry of the provisioning log
	// stands for.
	standsFor int64
}

// A fullLedger has the counts by which a request was refused a seat.
type fullLedger struct {
	SeatsUsed int64 `log:"seatsUsed,always"`
	SeatLimit int64 `log:"seatLimit,always"`
}

// newEvent returns the event of a request that has just arrived.
func newEvent(q *request) *event {
	return &event{
		Event: web.NewEvent("scim.request", q.id, q.Method, q.start), Outcome: journal.Success,
		LambdaID: q.Header.Get(web.InvocationHeader), APIRequestID: q.Header.Get(web.APIRequestHeader), TraceID: web.TraceID(q.Header.Get(web.TraceHeader)),
		IdP: idp.FromUserAgent(q.UserAgent()), IdPRequestID: web.Correlation(q.Header),
	}
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
func (e *event) about(rt *schema.ResourceType, operation journal.Operation, id string) {
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
	e.Action = result.Action
	e.Changed = result.Changed
	e.SeatDelta, e.ReaderDelta = result.Seats, result.Readers
	e.ResourceID = result.User.ID
	if result.Warning != "" {
		e.Outcome, e.Cause, e.Detail = journal.Warning, result.Warning, result.Detail
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
		e.asked = result.Asked
		return err
	}
	e.didGroup(result)
	return nil
}

// didGroup records the result of a change to a group.
func (e *event) didGroup(result directory.GroupResult) {
	e.Action = result.Action
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
	if len(result.Skipped) > 0 && (e.Outcome == journal.Success || e.Cause == cause.Tolerated) {
		e.Outcome, e.Cause = journal.Warning, cause.UnknownMembers
		e.remedy = directory.RemedyOfMembers(result.Skipped, result.Nested)
	}
}

// tolerated records the deviations from the RFC that were accepted.
func (e *event) tolerated(notices []scim.Notice) {
	names, warns := journal.Tolerances(notices)
	for _, name := range names {
		if !slices.Contains(e.Notices, name) {
			e.Notices = append(e.Notices, name)
		}
	}
	if warns && e.Outcome == journal.Success {
		e.Outcome, e.Cause = journal.Warning, cause.Tolerated
	}
}

func (e *event) refuse(p *problem, detail string) {
	e.Outcome, e.Cause, e.Detail = journal.Failure, p.cause, detail
	e.ScimType = p.kind()
	if p.cause.Meaning().Status >= http.StatusInternalServerError {
		e.Error = p.internal
	}
	if p.ledger != nil && p.ledger.Type == tenant.User {
		e.fullLedger = &fullLedger{p.ledger.Used, p.ledger.Limit}
	}
}
