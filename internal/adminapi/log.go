package adminapi

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/provlog"
	"github.com/rollcall-scim/rollcall/internal/setting"
	"github.com/rollcall-scim/rollcall/internal/sheet"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// entryDocument returns an entry of the log.
func entryDocument(e journal.Entry, members []provlog.Member) adminwire.Entry {
	document := adminwire.Entry{
		ID: e.Key(), RequestID: e.RequestID, Time: e.Time, By: "idp", Who: e.Who, IdP: string(e.IdP), TokenID: e.TokenID,
		IdPRequestID: e.IdPRequestID, BulkRequestID: e.BulkID, Operation: string(e.Operation), Action: string(e.Action),
		ResourceType: e.ResourceType, ResourceID: e.ResourceID, Subject: e.Subject, ExternalID: e.ExternalID,
		Outcome: string(e.Outcome), ScimType: string(e.ScimType), Cause: string(e.Cause), Detail: e.Detail, WhatToDo: e.WhatToDo(),
		Changed: e.Changed, Tolerances: e.Tolerances, Faults: setting.Names(e.Findings()), MembersAdded: e.Added, MembersRemoved: e.Removed,
		Members: listOf(members, memberDocument), Seats: seatsDocument(e),
	}
	if e.By == journal.ByApplication {
		document.By = "app"
	}
	if e.Cause != "" {
		document.Documentation = e.Cause.Documentation()
	}
	if e.Outcome == journal.Failure {
		document.Status = e.Cause.Meaning().Status
	}
	if e.NewSet {
		document.MembersSet = &e.Size
	}
	if e.StandsFor > 1 {
		document.StandsFor = e.StandsFor
	}
	if len(members) == 0 {
		document.Members = listOf(e.Skipped, func(id string) adminwire.Member { return adminwire.Member{ID: id} })
	}
	return document
}

// listedEntry returns an entry in a list, where nothing is read of its members.
func listedEntry(e journal.Entry) adminwire.Entry { return entryDocument(e, nil) }

func memberDocument(m provlog.Member) adminwire.Member {
	document := adminwire.Member{ID: m.ID, Subject: m.Subject, State: m.State}
	if m.Failing != nil {
		document.Failure = new(failingDocument(*m.Failing))
	}
	return document
}

// seatsDocument returns the number of seats at the time of an entry, and its change, or nil
// where neither is known.
func seatsDocument(e journal.Entry) *adminwire.Seats {
	read := !e.SeatCounts.Read.IsZero()
	if !read && e.Seats == 0 && e.Readers == 0 {
		return nil
	}
	document := &adminwire.Seats{Delta: e.Seats, ReadersDelta: e.Readers, AsOf: instant(e.SeatCounts.Read)}
	if read {
		document.Used, document.Limit = &e.SeatCounts.Seats, adminwire.Optional[int64]{Set: true, Value: limitOf(e.SeatCounts.SeatLimit)}
	}
	return document
}

// failingNow returns the documents of failing users and groups, with the retries to expect
// at a time.
func failingNow(now time.Time) func(journal.Failing) adminwire.FailedUser {
	return func(f journal.Failing) adminwire.FailedUser {
		document := failingDocument(f)
		document.Retry = provlog.Retry(f, now)
		return document
	}
}

// failingDocument returns a failing user or group.
func failingDocument(f journal.Failing) adminwire.FailedUser {
	document := adminwire.FailedUser{
		ResourceType: f.Type, ResourceID: adminwire.NullableString(f.ID), Subject: adminwire.NullableString(f.Name),
		ExternalID: adminwire.NullableString(f.ExternalID), Operation: string(f.Operation), IdP: adminwire.NullableString(f.IdP),
		Cause: string(f.Cause), Detail: f.Detail, WhatToDo: f.WhatToDo(), Documentation: f.Cause.Documentation(),
		FirstFailure: f.First, LastFailure: f.Last, Count: f.Count, RequestID: f.RequestID,
	}
	if d := f.Dismissal; !d.IsZero() {
		document.Dismissed = &adminwire.Dismissal{Time: d.Time, Who: d.Who, Reason: d.Reason}
	}
	return document
}

// filters reads the filters that all searches have, "" for those that are absent.
func (q *request) filters(subject *string, c *cause.Cause, resourceType *string) error {
	const longest = 1024
	*subject, *c, *resourceType = q.parameter("subject"), cause.Cause(q.parameter("cause")), q.parameter("resourceType")
	var detail string
	switch {
	case len(*subject) > longest || strings.ContainsRune(*subject, 0):
		detail = fmt.Sprintf("subject must be a userName, displayName, email, externalId or id of at most %d bytes.", longest)
	case *c != "" && !slices.Contains(cause.Causes(), *c):
		detail = "unknown cause; " + Prefix + "/causes lists all causes."
	case *resourceType != "" && *resourceType != journal.TypeUser && *resourceType != journal.TypeGroup:
		detail = "resourceType must be User or Group."
	default:
		return nil
	}
	return &problem{kind: kindInvalid, detail: detail}
}

// moment reads a time in the query, or zero if there is none.
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
	if query.Limit, err = q.count(); err != nil {
		return query, err
	}
	if query.After, err = openPosition(q.parameter("after"), maxLogPosition); err != nil || !provlog.IsCursor(query.After) {
		return query, errNoPosition
	}
	if err := q.filters(&query.Subject, &query.Cause, &query.Type); err != nil {
		return query, err
	}
	query.Outcome = journal.Outcome(q.parameter("outcome"))
	if query.Outcome != "" && !slices.Contains(journal.Outcomes[:], query.Outcome) {
		return query, &problem{kind: kindInvalid, detail: "outcome must be success, warning, failure or skipped."}
	}
	if query.From, err = q.moment("from"); err != nil {
		return query, err
	}
	query.To, err = q.moment("to")
	return query, err
}

// maxLogPosition is the longest position in the log, in bytes: a history continues at several
// entries.
const maxLogPosition = 1024

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
	page := adminwire.Log{Entries: listOf(found.Entries, listedEntry), Next: sealPosition(found.Next)}
	if found.Next != "" {
		page.SearchedTo = instant(found.SearchedTo)
	} else if len(found.Entries) == 0 && query.After == "" {
		n, err := s.Provisioning.WhyNothing(ctx, q.tenant, query, t.Settings.LogRetention())
		if err != nil {
			return nil, err
		}
		page.Nothing = searched{Query: query, settings: t.Settings, now: q.start}.nothingDocument(n)
	}
	return inFormat(q, sheet.Log, page.Entries, page.Next, page)
}

// listFailed: GET /tenants/{tenant}/failed-users lists the failing users and
// groups.
func (s *Service) listFailed(ctx context.Context, q *request) (*reply, error) {
	var query provlog.FailingQuery
	var err error
	if query.Limit, query.After, err = q.list(); err != nil {
		return nil, err
	}
	if err := q.filters(&query.Subject, &query.Cause, &query.Type); err != nil {
		return nil, err
	}
	foreseen, err := q.foreseen()
	if err != nil {
		return nil, err
	}
	dismissed, err := q.flag("dismissed")
	if err != nil {
		return nil, err
	}
	if dismissed {
		query.Dismissed = provlog.OnlyDismissed
	}
	t, err := s.tenantOf(ctx, q)
	if err != nil {
		return nil, err
	}
	found, err := s.Provisioning.Failing(ctx, q.tenant, query)
	if err != nil {
		return nil, err
	}
	page := adminwire.FailedUsers{FailedUsers: listOf(found.Failing, failingNow(q.start)), Next: sealPosition(found.Next)}
	if err := s.foresee(ctx, foreseen, t, found.Failing, query.After == "", &page); err != nil {
		return nil, err
	}
	if len(found.Failing) == 0 && found.Next == "" && query.After == "" && !dismissed {
		n, err := s.Provisioning.WhyNoneFails(ctx, q.tenant, query)
		if err != nil {
			return nil, err
		}
		page.Nothing = searched{
			Query: provlog.Query{Subject: query.Subject, Cause: query.Cause, Type: query.Type}, failing: true, settings: t.Settings, now: q.start,
		}.nothingDocument(n)
	}
	return inFormat(q, sheet.FailedUsers, page.FailedUsers, page.Next, page)
}

// readRequest: GET /tenants/{tenant}/requests/{request} explains one request.
func (s *Service) readRequest(ctx context.Context, q *request) (*reply, error) {
	t, err := s.tenantOf(ctx, q)
	if err != nil {
		return nil, err
	}
	check, err := q.flag("check")
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
	document := explanationDocument(x, q.start)
	if check && x.Failing != nil {
		verdicts, err := s.Effects.Check(ctx, t, []journal.Failing{*x.Failing})
		if err != nil {
			return nil, err
		}
		document.Failing.Check = new(checkDocument(verdicts[0], *x.Failing))
	}
	return ok(document)
}

// explanationDocument returns the explanation of one request.
func explanationDocument(x provlog.Explanation, now time.Time) adminwire.Explanation {
	document := adminwire.Explanation{RequestID: x.RequestID, Now: string(x.Now), Entries: listOf(x.Entries, func(e journal.Entry) adminwire.Entry {
		return entryDocument(e, x.Members[e.Key()])
	})}
	if x.Failing != nil {
		document.Failing = new(failingNow(now)(*x.Failing))
	}
	if x.FixedBy != nil {
		document.FixedBy = new(listedEntry(*x.FixedBy))
	}
	return document
}

// noEntry returns the problem of a request that is not in the log: it says why, and where
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
	clients, err := s.Clients.Clients(ctx, q.tenant)
	if err != nil {
		return nil, err
	}
	about := aboutTenant(t, tokens, clients, s.Now())
	about.Groups = l.Groups
	if about.Unusual, _, err = s.Store.UnusualDeactivations(ctx, q.tenant); err != nil {
		return nil, err
	}
	o, err := s.Provisioning.Overview(ctx, q.tenant, about)
	if err != nil {
		return nil, err
	}
	return ok(overviewDocument(q.tenant, o, usageDocument(l)))
}

func overviewDocument(t tenant.ID, o provlog.Overview, u adminwire.Usage) adminwire.Overview {
	document := adminwire.Overview{
		State: string(o.Health), Summary: o.Summary, Notices: listOf(o.Notices, func(n provlog.Notice) adminwire.Notice { return noticeDocument(t, n) }),
		Seats: u.Seats, Readers: u.Readers, Users: u.Users, Groups: u.Groups,
		Failing: o.Failing, FailingMore: o.More, FailingCauses: byName(o.FailingCauses),
		LastSync: listOf(o.LastSync, listedEntry),
		LastSeen: listOf(o.LastSeen, func(s journal.Seen) adminwire.LastSeen {
			return adminwire.LastSeen{IdP: adminwire.NullableString(s.IdP), Time: s.Time, TokenID: s.TokenID}
		}),
		Warnings: listOf(o.Warnings, func(t journal.Tally) adminwire.WarningCount {
			return adminwire.WarningCount{Cause: string(t.Cause), Count: t.Count, AtLeast: t.Least, Last: t.Last}
		}),
		Failures: listOf(o.Spans, func(s provlog.FailureSpan) adminwire.FailureSpan {
			return adminwire.FailureSpan{From: s.From, To: s.To, Causes: byName(s.Causes)}
		}),
		FailuresPartial: o.Partial,
	}
	if n := o.Unusual; !n.At.IsZero() {
		document.UnusualDeactivations = &adminwire.UnusualDeactivations{Count: n.Count, ActiveUsers: n.ActiveUsers, Since: n.Since, Until: n.At}
	}
	return document
}

// byName returns counts of causes by their names.
func byName(counts map[cause.Cause]int) map[string]int {
	named := make(map[string]int, len(counts))
	for c, n := range counts {
		named[string(c)] = n
	}
	return named
}

// aboutTenant returns the settings, tokens and clients of a tenant that its overview shows.
func aboutTenant(t tenant.Tenant, tokens []access.Record, clients []access.Client, now time.Time) provlog.About {
	about := provlog.About{Off: t.Settings.SCIMDisabled, LogDays: t.Settings.LogDays}
	for _, r := range tokens {
		about.Tokens = append(about.Tokens, provlog.Token{
			ID: r.ID, LastFour: r.LastFour, Created: r.Created, Expires: r.Expires, Revoked: r.Revoked, LastUsed: r.LastUsed,
			Refused: t.Settings.StaticTokens == tenant.StaticRefuse,
		})
	}
	for _, c := range clients {
		about.Tokens = append(about.Tokens, aboutClient(c, now))
		for _, secret := range c.Secrets {
			about.Secrets = append(about.Secrets, provlog.Token{
				ID: secret.ID, Client: c.ID, Label: c.Label, LastFour: secret.LastFour,
				Created: secret.Created, Expires: secret.Expires, Revoked: later(secret.Revoked, c.Revoked), LastUsed: secret.LastUsed,
			})
		}
	}
	return about
}

// aboutClient returns a client as a token: it expires with its last secret, unless it needs
// none.
func aboutClient(c access.Client, now time.Time) provlog.Token {
	about := provlog.Token{ID: c.ID, Client: c.ID, Label: c.Label, Created: c.Created, Revoked: c.Revoked, LastUsed: c.LastUsed}
	if c.Federation != nil || c.Keys != nil {
		return about
	}
	about.Expires = now // without a secret it gets no access token
	for _, secret := range c.Secrets {
		about.LastUsed = later(about.LastUsed, secret.LastUsed)
		if secret.Live(now) {
			about.Expires = later(about.Expires, secret.Expires)
		}
	}
	return about
}

// later returns the later of two times.
func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// noticeDocument returns a notice of the overview.
func noticeDocument(t tenant.ID, n provlog.Notice) adminwire.Notice {
	document := adminwire.Notice{
		Kind: string(n.Kind), Level: string(n.Level), Text: n.Text, Cause: string(n.Cause), Outcome: string(n.Outcome), IdP: string(n.IdP),
		TokenID: n.Token.ID, TokenLastFour: n.Token.LastFour, ExpiresAt: instant(n.Token.Expires), WhatToDo: n.WhatToDo(),
	}
	if n.Token.Client != "" {
		document.ClientID = access.ClientID(t, n.Token.Client)
	}
	if n.Count > 0 {
		document.Count, document.AtLeast, document.Last = n.Count, adminwire.Of(n.AtLeast), instant(n.Last)
	}
	if n.Cause != "" {
		document.Documentation = n.Cause.Documentation()
	}
	return document
}

// listCauses: GET /causes lists the meanings of all causes.
func (s *Service) listCauses(context.Context, *request) (*reply, error) {
	return ok(adminwire.Causes{Causes: listOf(cause.Causes(), causeDocument)})
}

// where returns the place of requests with a cause.
func where(c cause.Cause) string {
	if journal.RuleOf(c).Entries == journal.None {
		return "cloudwatch"
	}
	return "log"
}

// alwaysAdvised is how many of the advised identity providers are in every cause's
// document, as the API promises.
const alwaysAdvised = 4

// causeDocument returns the meaning of a cause.
func causeDocument(c cause.Cause) adminwire.Cause {
	m := c.Meaning()
	document := adminwire.Cause{
		Cause: string(c), Status: m.Status, ScimType: adminwire.NullableString(m.Type), Summary: m.Summary, WhatToDo: m.Action,
		Advice: make(map[string]string, len(cause.Advised)), Documentation: c.Documentation(), Where: where(c),
	}
	for i, p := range cause.Advised {
		if text := c.Advice("", p); i < alwaysAdvised || text != m.Action {
			document.Advice[string(p)] = text
		}
	}
	for _, f := range setting.Faults() {
		if f.Explains(c) {
			document.Settings = append(document.Settings, adminwire.Setting{Fault: string(f), Summary: f.Means()})
		}
	}
	return document
}
