package oauth

import (
	"net/http"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/idp"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/logline"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/web"
)

// An event is the one log line of a request, in the order of its fields: flat, and without a
// secret, an assertion or a token.
type event struct {
	web.Event
	Outcome journal.Outcome `log:"outcome"`
	table.Counts
	ColdStart    bool   `log:"coldStart"`
	LambdaID     string `log:"lambdaRequestId"`
	APIRequestID string `log:"apiRequestId"`
	TraceID      string `log:"traceId"`
	// Tenant and ClientID are those of a client that exists, and ClaimedTenant and
	// ClaimedClient what an unknown one claims.
	Tenant        string `log:"tenant"`
	ClientID      string `log:"clientId"`
	ClaimedTenant string `log:"claimedTenant"`
	ClaimedClient string `log:"claimedClientId"`
	// Method is how the client authenticated, and Credential what it proved: the id of a
	// secret, "federation" or "keys".
	Method       method            `log:"clientAuth"`
	Credential   string            `log:"credential"`
	IdP          idp.Provider      `log:"idp"`
	IdPRequestID string            `log:"idpRequestId"`
	Operation    journal.Operation `log:"operation"`
	Cause        cause.Cause       `log:"cause"`
	Code         code              `log:"oauthError"`
	Detail       string            `log:"detail"`
	// Error is the fault of the service, JournalError why the request's entry could not be
	// kept.
	Error        error `log:"error"`
	JournalError error `log:"journalError"`
}

// newEvent returns the event of a request that has just arrived.
func newEvent(q *request) *event {
	return &event{
		Event: web.NewEvent(logline.OAuth, q.id, q.Method, q.start), Outcome: journal.Success, Operation: journal.Token,
		LambdaID: q.Header.Get(web.InvocationHeader), APIRequestID: q.Header.Get(web.APIRequestHeader), TraceID: web.TraceID(q.Header.Get(web.TraceHeader)),
		IdP: idp.FromUserAgent(q.UserAgent()), IdPRequestID: web.Correlation(q.Header),
	}
}

// claimed records the client that the request names, of which nothing is known.
func (e *event) claimed(r access.Registration) {
	e.ClaimedTenant, e.ClaimedClient = r.Tenant.String(), r.Client.ID
}

// found records the client of the request, which exists.
func (e *event) found(r access.Registration) {
	e.Tenant, e.ClientID = r.Tenant.String(), r.Client.ID
	if e.IdP == "" || e.IdP == idp.Other {
		if p := idp.FromLabel(r.Client.Label); p != "" {
			e.IdP = p
		}
	}
}

// refuse records why the request is refused.
func (e *event) refuse(p *problem, detail string) {
	e.Outcome, e.Cause, e.Code, e.Detail = journal.Failure, p.cause, p.code, detail
	if p.status >= http.StatusInternalServerError {
		e.Error = p.internal
	}
}
