package adminapi

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/provlog"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// entryDocument is an entry of the log.
func entryDocument(e provlog.Entry, members []provlog.Member) map[string]any {
	by := "idp"
	if e.By == directory.ByApplication {
		by = "app"
	}
	document := map[string]any{
		"id": e.Key(), "requestId": e.RequestID, "time": instant(e.Time), "by": by, "outcome": string(e.Outcome),
		"operation": e.Operation, "resourceType": e.ResourceType,
	}
	for name, text := range map[string]string{
		"who": e.Who, "idp": e.IdP, "tokenId": e.TokenID, "idpRequestId": e.IdPRequestID, "bulkRequestId": e.BulkID,
		"action": string(e.Action), "resourceId": e.ResourceID, "subject": e.Subject, "externalId": e.ExternalID,
		"scimType": string(e.ScimType), "cause": string(e.Cause), "detail": e.Detail, "whatToDo": e.WhatToDo(),
	} {
		if text != "" {
			document[name] = text
		}
	}
	for name, list := range map[string][]string{
		"changed": e.Changed, "tolerances": e.Tolerances, "membersAdded": e.Added, "membersRemoved": e.Removed,
	} {
		if len(list) > 0 {
			document[name] = list
		}
	}
	if e.Cause != "" {
		document["documentation"] = e.Cause.Documentation()
	}
	if e.Outcome == provlog.Failure {
		document["status"] = e.Cause.Meaning().Status
	}
	if e.NewSet {
		document["membersSet"] = e.Size
	}
	if e.StandsFor > 1 {
		document["standsFor"] = e.StandsFor
	}
	if len(members) == 0 {
		for _, id := range e.Skipped {
			members = append(members, provlog.Member{ID: id})
		}
	}
	if len(members) > 0 {
		document["members"] = memberDocuments(members)
	}
	if seats := seatsDocument(e); len(seats) > 0 {
		document["seats"] = seats
	}
	return document
}

func memberDocuments(members []provlog.Member) []any {
	documents := make([]any, len(members))
	for i, m := range members {
		d := map[string]any{"id": m.ID}
		for name, text := range map[string]string{"subject": m.Subject, "state": m.State} {
			if text != "" {
				d[name] = text
			}
		}
		if m.Failing != nil {
			d["failure"] = failingDocument(*m.Failing)
		}
		documents[i] = d
	}
	return documents
}

// seatsDocument is the number of seats at the time of an entry, and its change.
func seatsDocument(e provlog.Entry) map[string]any {
	document := map[string]any{}
	if e.Seats != 0 {
		document["delta"] = e.Seats
	}
	if e.Readers != 0 {
		document["readersDelta"] = e.Readers
	}
	if !e.Counts.Read.IsZero() {
		document["used"], document["limit"], document["asOf"] = e.Counts.Seats, limitOf(e.Counts.SeatLimit), instant(e.Counts.Read)
	}
	return document
}

// failingDocument is a failing user or group.
func failingDocument(f provlog.Failing) map[string]any {
	return map[string]any{
		"resourceType": f.Type, "resourceId": emptyIsNull(f.ID), "subject": emptyIsNull(f.Name), "externalId": emptyIsNull(f.ExternalID),
		"operation": f.Operation, "idp": emptyIsNull(f.IdP), "cause": string(f.Cause), "detail": f.Detail,
		"whatToDo": f.WhatToDo(), "documentation": f.Cause.Documentation(),
		"firstFailure": instant(f.First), "lastFailure": instant(f.Last), "count": f.Count, "requestId": f.RequestID,
	}
}

// parseCause is the cause that the query names, "" for none.
func (q *request) parseCause() (cause.Cause, error) {
	c := cause.Cause(q.parameter("cause"))
	if c != "" && !slices.Contains(cause.Causes(), c) {
		return "", &problem{kind: kindInvalid, detail: "unknown cause; " + Prefix + "/causes lists all causes."}
	}
	return c, nil
}

// resourceType is the type that the query names, "" for none.
func (q *request) resourceType() (string, error) {
	switch kind := q.parameter("resourceType"); kind {
	case "", provlog.TypeUser, provlog.TypeGroup:
		return kind, nil
	}
	return "", &problem{kind: kindInvalid, detail: "resourceType must be User or Group."}
}

// subject is the name or id that the query searches for, "" for none.
func (q *request) subject() (string, error) {
	const longest = 1024
	text := q.parameter("subject")
	if len(text) > longest || strings.ContainsRune(text, 0) {
		return "", &problem{kind: kindInvalid, detail: fmt.Sprintf("subject must be a userName, displayName, email, externalId or id of at most %d bytes.", longest)}
	}
	return text, nil
}

// moment is a time of the query, zero for none.
func (q *request) moment(name string) (time.Time, error) {
	text := q.parameter(name)
	if text == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || at.Year() < 1970 || at.Year() > 9999 {
		return time.Time{}, &problem{kind: kindInvalid, detail: name + " must be a time, for example 2026-01-31T12:00:00Z."}
	}
	return at, nil
}

// logQuery reads the parameters of a search of the log.
func (q *request) logQuery() (query provlog.Query, err error) {
	if err := q.known("limit", "after", "subject", "cause", "outcome", "resourceType", "from", "to"); err != nil {
		return query, err
	}
	if query.Limit, err = q.count(); err != nil {
		return query, err
	}
	if query.After, err = openPlace(q.parameter("after"), maxLogPlace); err != nil || !provlog.IsPlace(query.After) {
		return query, errNoPlace
	}
	if query.Subject, err = q.subject(); err != nil {
		return query, err
	}
	if query.Cause, err = q.parseCause(); err != nil {
		return query, err
	}
	if query.Type, err = q.resourceType(); err != nil {
		return query, err
	}
	query.Outcome = provlog.Outcome(q.parameter("outcome"))
	if query.Outcome != "" && !slices.Contains(provlog.Outcomes[:], query.Outcome) {
		return query, &problem{kind: kindInvalid, detail: "outcome must be success, warning, failure or skipped."}
	}
	if query.From, err = q.moment("from"); err != nil {
		return query, err
	}
	query.To, err = q.moment("to")
	return query, err
}

// maxLogPlace is the longest place in the log, in bytes: a history continues at several
// entries.
const maxLogPlace = 1024

// listLog: GET /tenants/{tenant}/log lists the provisioning log, newest first.
func (s *Service) listLog(ctx context.Context, q *request) (*reply, error) {
	query, err := q.logQuery()
	if err != nil {
		return nil, err
	}
	t, err := s.tenantOf(ctx, q)
	if err != nil {
		return nil, err
	}
	found, err := s.Provisioning.Find(ctx, q.tenant, query)
	if err != nil {
		return nil, err
	}
	documents := make([]any, len(found.Entries))
	for i, e := range found.Entries {
		documents[i] = entryDocument(e, nil)
	}
	list := map[string]any{"entries": documents}
	if found.Next != "" {
		list["next"] = sealPlace(found.Next)
		if !found.SearchedTo.IsZero() {
			list["searchedTo"] = instant(found.SearchedTo)
		}
	} else if len(found.Entries) == 0 && query.After == "" {
		n, err := s.Provisioning.WhyNothing(ctx, q.tenant, query, t.Settings.LogRetention())
		if err != nil {
			return nil, err
		}
		list["nothing"] = searched{Query: query, settings: t.Settings, now: q.start}.nothingDocument(n)
	}
	return ok(list)
}

// listFailed: GET /tenants/{tenant}/failed-users lists the failing users and
// groups.
func (s *Service) listFailed(ctx context.Context, q *request) (*reply, error) {
	var query provlog.FailingQuery
	var err error
	if query.Limit, query.After, err = q.list("subject", "cause", "resourceType"); err != nil {
		return nil, err
	}
	if query.Subject, err = q.subject(); err != nil {
		return nil, err
	}
	if query.Cause, err = q.parseCause(); err != nil {
		return nil, err
	}
	if query.Type, err = q.resourceType(); err != nil {
		return nil, err
	}
	t, err := s.tenantOf(ctx, q)
	if err != nil {
		return nil, err
	}
	found, err := s.Provisioning.Failing(ctx, q.tenant, query)
	if err != nil {
		return nil, err
	}
	documents := make([]any, len(found.Failing))
	for i, f := range found.Failing {
		documents[i] = failingDocument(f)
	}
	list := pageDocument("failedUsers", documents, found.Next)
	if len(found.Failing) == 0 && found.Next == "" && query.After == "" {
		n, err := s.Provisioning.WhyNoneFails(ctx, q.tenant, query)
		if err != nil {
			return nil, err
		}
		list["nothing"] = searched{
			Query: provlog.Query{Subject: query.Subject, Cause: query.Cause, Type: query.Type}, failing: true, settings: t.Settings, now: q.start,
		}.nothingDocument(n)
	}
	return ok(list)
}

// readRequest: GET /tenants/{tenant}/requests/{request} explains one request.
func (s *Service) readRequest(ctx context.Context, q *request) (*reply, error) {
	if err := q.known(); err != nil {
		return nil, err
	}
	t, err := s.tenantOf(ctx, q)
	if err != nil {
		return nil, err
	}
	id := q.parameters["request"]
	x, err := s.Provisioning.Explain(ctx, q.tenant, id)
	if errors.Is(err, provlog.ErrNoEntry) {
		return nil, noEntry(id, t.Settings)
	}
	if err != nil {
		return nil, err
	}
	return ok(explanationDocument(x))
}

// explanationDocument is what is known of one request.
func explanationDocument(x provlog.Explanation) map[string]any {
	documents := make([]any, len(x.Entries))
	for i, e := range x.Entries {
		documents[i] = entryDocument(e, x.Members[e.Key()])
	}
	document := map[string]any{"requestId": x.RequestID, "entries": documents}
	if x.Now != "" {
		document["now"] = string(x.Now)
	}
	if x.Failing != nil {
		document["failing"] = failingDocument(*x.Failing)
	}
	if x.FixedBy != nil {
		document["fixedBy"] = entryDocument(*x.FixedBy, nil)
	}
	return document
}

// noEntry is the problem of a request that is not in the log: it says why, and where
// else to look.
func noEntry(id string, settings tenant.Settings) *problem {
	if !provlog.IsRequestID(id) {
		return &problem{kind: kindNotFound, detail: "Not a request id: it is in the header X-Request-Id, and at the end of each error's detail."}
	}
	return &problem{kind: kindNotFound, detail: fmt.Sprintf(
		"Request not found in the log. The log keeps change requests of this tenant for %d days; not those that only read, nor those without a token of the tenant. "+
			"Of requests refused for a revoked or expired token, for the rate limit, or because SCIM is off it has one a minute. "+
			"The query \"Everything about one request\" in CloudWatch Logs Insights has them all.", int(settings.LogRetention().Hours()/24))}
}

// readOverview: GET /tenants/{tenant}/overview is the state of a tenant's
// provisioning.
func (s *Service) readOverview(ctx context.Context, q *request) (*reply, error) {
	if err := q.known(); err != nil {
		return nil, err
	}
	t, err := s.tenantOf(ctx, q)
	if err != nil {
		return nil, err
	}
	l, err := s.Store.Ledger(ctx, q.tenant)
	if err != nil {
		return nil, err
	}
	tokens, err := s.Tokens.Tokens(ctx, q.tenant)
	if err != nil {
		return nil, err
	}
	o, err := s.Provisioning.Overview(ctx, q.tenant, aboutTenant(t, tokens))
	if err != nil {
		return nil, err
	}
	document := usageDocument(l)
	document["state"], document["summary"], document["notices"] = string(o.Health), o.Summary, listOf(o.Notices, noticeDocument)
	document["failing"], document["failingMore"], document["failingCauses"] = o.Failing, o.More, o.FailingCauses
	document["lastSync"] = listOf(o.LastSync, func(e provlog.Entry) any { return entryDocument(e, nil) })
	document["lastSeen"] = listOf(o.LastSeen, func(s provlog.Seen) any {
		return map[string]any{"idp": emptyIsNull(s.IdP), "time": instant(s.Time), "tokenId": s.TokenID}
	})
	document["warnings"] = listOf(o.Warnings, func(t provlog.Tally) any {
		return map[string]any{"cause": string(t.Cause), "count": t.Count, "atLeast": t.Least, "last": instant(t.Last)}
	})
	document["failures"] = listOf(o.Spans, func(s provlog.FailureSpan) any {
		return map[string]any{"from": instant(s.From), "to": instant(s.To), "causes": s.Causes}
	})
	document["failuresPartial"] = o.Partial
	return ok(document)
}

// adviceDocument is what to do about a cause in each identity provider whose screens are
// known, by the names that entries have in idp.
func adviceDocument(c cause.Cause) map[string]any {
	advice := make(map[string]any, len(cause.Advised))
	for _, p := range cause.Advised {
		advice[string(p)] = c.Advice("", p)
	}
	return advice
}

// aboutTenant is what the overview has to know of a tenant beside its log.
func aboutTenant(t tenant.Tenant, tokens []access.Record) provlog.About {
	about := provlog.About{Off: t.Settings.SCIMDisabled, LogDays: t.Settings.LogDays}
	for _, r := range tokens {
		about.Tokens = append(about.Tokens, provlog.Token{
			ID: r.ID, LastFour: r.LastFour, Created: r.Created, Expires: r.Expires, Revoked: r.Revoked, LastUsed: r.LastUsed,
		})
	}
	return about
}

// noticeDocument is a notice of the overview.
func noticeDocument(n provlog.Notice) any {
	document := map[string]any{"kind": string(n.Kind), "level": string(n.Level), "text": n.Text}
	for name, text := range map[string]string{
		"cause": string(n.Cause), "outcome": string(n.Outcome), "idp": n.IdP, "tokenId": n.Token.ID, "tokenLastFour": n.Token.LastFour, "whatToDo": n.WhatToDo(),
	} {
		if text != "" {
			document[name] = text
		}
	}
	if n.Count > 0 {
		document["count"], document["atLeast"], document["last"] = n.Count, n.AtLeast, instant(n.Last)
	}
	if n.Cause != "" {
		document["documentation"] = n.Cause.Documentation()
	}
	if !n.Token.Expires.IsZero() {
		document["expiresAt"] = instant(n.Token.Expires)
	}
	return document
}

// listOf are the documents of a list, which is never null.
func listOf[E any](list []E, document func(E) any) []any {
	documents := make([]any, len(list))
	for i, e := range list {
		documents[i] = document(e)
	}
	return documents
}

// listCauses: GET /causes lists the meanings of all causes.
func (s *Service) listCauses(_ context.Context, q *request) (*reply, error) {
	if err := q.known(); err != nil {
		return nil, err
	}
	documents := []any{}
	for _, c := range cause.Causes() {
		documents = append(documents, causeDocument(c))
	}
	return page("causes", documents, "")
}

// causeDocument is the meaning of a cause.
func causeDocument(c cause.Cause) map[string]any {
	m := c.Meaning()
	return map[string]any{
		"cause": string(c), "status": m.Status, "scimType": emptyIsNull(string(m.Type)),
		"summary": m.Summary, "whatToDo": m.Action, "advice": adviceDocument(c), "documentation": c.Documentation(), "where": string(c.Where()),
	}
}
