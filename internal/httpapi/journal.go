package httpapi

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/provlog"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// Journal keeps what the directory's changes do not keep of requests: those that
// failed or had nothing to change, and who fails. Implemented by package store.
type Journal interface {
	// WhoFails tells which subjects fail now.
	WhoFails(ctx context.Context, t tenant.ID, subjects ...provlog.Subject) (map[provlog.Subject]bool, error)
	// WhoAre tells who users are or were, by id.
	WhoAre(ctx context.Context, t tenant.ID, ids []string) (map[string]provlog.Who, error)
	// Note writes a note, or nothing.
	Note(ctx context.Context, t tenant.ID, n provlog.Note) error
}

// journalTime is how long an answer waits for its note to be written.
const journalTime = 2 * time.Second

// lookout finds out beside a request whether its subjects fail already, so that
// nothing is written for the many who never did.
type lookout struct {
	subjects []provlog.Subject
	done     chan struct{}
	fails    map[provlog.Subject]bool
}

// watch begins to look whether a subject fails. It is called once whom the request
// wants to change is known, and never waits.
func (s *Service) watch(ctx context.Context, q *request, subjects ...provlog.Subject) {
	subjects = slices.DeleteFunc(subjects, provlog.Subject.IsZero)
	if s.Journal == nil || len(subjects) == 0 || q.lookout != nil {
		return
	}
	l := &lookout{subjects: subjects, done: make(chan struct{})}
	q.lookout = l
	go func() {
		defer close(l.done)
		defer func() {
			if recover() != nil { // it would end the process from here
				l.fails = nil
			}
		}()
		// It is beside the request: what it costs is the request's, but no round trip.
		beside, usage := table.WithUsage(ctx)
		// Not known is as none: a failing subject that is overlooked now is found by
		// who reads the list.
		l.fails, _ = s.Journal.WhoFails(beside, q.grant.Tenant, subjects...)
		spent := usage.Counts()
		spent.RoundTrips = 0
		table.Add(ctx, spent)
	}()
}

// known tells whether a subject was seen to fail.
func (l *lookout) known(subject provlog.Subject) bool {
	if l == nil {
		return false
	}
	<-l.done
	return l.fails[subject]
}

// seen are the subjects that were seen to fail.
func (l *lookout) seen() []provlog.Subject {
	if l == nil {
		return nil
	}
	<-l.done
	return slices.DeleteFunc(slices.Clone(l.subjects), func(s provlog.Subject) bool { return !l.fails[s] })
}

// wantsChange tells whether a request wanted to change something, and so is in the
// log.
func (q *request) wantsChange() bool {
	switch q.event.Operation {
	case "create", "replace", "modify", "delete", "bulk":
		return true
	}
	return false
}

// note keeps of a request what its change has not: the entry of a failure, of a
// request that had nothing to change, and who fails now or does so no more. It is
// written before the answer; that it could not be is told by the event, and changes
// nothing of the answer. Who has not proved a token causes no write.
func (s *Service) note(ctx context.Context, q *request, a *reply) {
	if s.Journal == nil || q.grant.Tenant.IsZero() || q.unkept {
		return
	}
	// The request's own time may be over.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), journalTime)
	defer cancel()
	if p := a.refusal; p != nil && p.cause == provlog.UserNotFound && q.wantsChange() && q.event.Subject == "" && q.event.ResourceID != "" {
		// Whom the id meant while there was one, if it can be found out.
		who, _ := s.Journal.WhoAre(ctx, q.grant.Tenant, []string{q.event.ResourceID})
		q.event.Subject = who[q.event.ResourceID].Subject
	}
	n, ok := q.noteOf(a, s.NewID, s.Now())
	if !ok {
		return
	}
	if err := s.Journal.Note(ctx, q.grant.Tenant, n); err != nil {
		q.event.journal = err
	}
}

// noteOf is what there is to keep.
func (q *request) noteOf(a *reply, newID func() string, now time.Time) (n provlog.Note, ok bool) {
	e := q.event
	failed := a.refusal != nil
	switch {
	case failed && !q.tellsOfFailure(a.refusal):
		return n, false
	case failed:
		n.Entry = q.entry(a, newID, now)
		n.Fails = q.failing(a.refusal)
		n.Failed = q.lookout.known(n.Fails)
		for _, s := range q.lookout.seen() {
			if s != n.Fails { // who is known by id from now on
				n.Mended = append(n.Mended, s)
			}
		}
	case !q.wantsChange():
		return n, false
	default:
		n.Mended = q.mended()
		switch {
		case e.Action == string(directory.Unchanged), e.Operation == "bulk" && e.Outcome != outcomeSuccess:
			n.Entry = q.entry(a, newID, now)
			if len(n.Mended) == 0 {
				n.Entry.About = provlog.Subject{} // one of many like it, not to be looked for
			}
		case e.Cause == string(provlog.AnswerTooLarge): // known only behind the change
			n.Entry, n.Amends = q.entry(a, func() string { return "" }, q.start), true
		}
	}
	n.Expires = q.start.Add(q.grant.Settings.LogRetention())
	n.NotAfter = now.Add(directory.WriteTime)
	if n.Entry != nil {
		n.NotAfter = n.Entry.Time.Add(directory.WriteTime)
	}
	return n, n.Entry != nil || len(n.Mended) > 0
}

// tellsOfFailure tells whether a failure is kept: of all requests that wanted to
// change something, and of reads that were refused for what they asked. That nobody
// was found is an answer that identity providers ask for.
func (q *request) tellsOfFailure(p *problem) bool {
	if q.wantsChange() {
		return true
	}
	switch p.cause {
	case provlog.UserNotFound, provlog.GroupNotFound, provlog.GroupDeleted, provlog.SchemaNotFound, provlog.DiscoveryFilter:
		return false
	}
	return q.event.Operation != ""
}

// entry is the entry of a request that its change has not written.
func (q *request) entry(a *reply, newID func() string, now time.Time) *provlog.Entry {
	e := q.event
	entry := &provlog.Entry{
		Entry: directory.Entry{
			RequestID: q.id, Time: q.start, TokenID: e.TokenID, IdP: string(e.IdP), Operation: e.Operation,
			ResourceType: e.Type, ResourceID: e.ResourceID, Subject: e.Subject, ExternalID: e.ExternalID,
			Skipped: e.concerned, Tolerances: e.Notices, Counts: q.grant.Counts(), IdPRequestID: e.IdPRequestID, BulkID: e.BulkRequestID,
		},
		Outcome: provlog.Outcome(e.Outcome), Cause: provlog.Cause(e.Cause), ScimType: scim.ErrorType(e.ScimType),
		Detail: e.Detail,
	}
	if p := a.refusal; p != nil {
		entry.Remedy, entry.About = p.remedy, q.failing(p)
		if l := p.ledger; l != nil && l.Type == tenant.User {
			entry.Counts = tenant.Counts{Seats: l.Used, SeatLimit: l.Limit, Read: now}
		}
		if p.remedy == provlog.ProtectedMember {
			entry.Skipped = append(entry.Skipped, p.users...)
		}
	} else {
		entry.Action = directory.Action(e.Action)
		entry.About = q.subject()
		if e.Action == string(directory.Unchanged) {
			entry.Outcome = provlog.Skipped
			if e.Outcome == outcomeWarning {
				entry.Outcome = provlog.Warning
			}
		}
	}
	// The log is read in the order of ids: what is written late has an id of its own, as
	// has what stands beside the entry of a change that may have been made.
	late := now.Sub(q.start) > directory.WriteTime/4
	if late || entry.Cause == provlog.Unfinished || entry.Cause == provlog.OutcomeUnknown {
		if entry.ID = newID(); entry.ID != "" {
			entry.Time = now
		}
	}
	return entry
}

// subject is whom the request is about.
func (q *request) subject() provlog.Subject {
	e := q.event
	switch {
	case e.ResourceID != "":
		return provlog.Subject{Type: e.Type, ID: e.ResourceID}
	case e.Subject == "" && e.ExternalID == "":
		return provlog.Subject{}
	}
	return provlog.Subject{Type: e.Type, Name: e.Subject, ExternalID: e.ExternalID}
}

// failing is who fails by a problem, zero where nobody does: a request for no one, a
// deletion of who is gone, and a refusal for haste.
func (q *request) failing(p *problem) provlog.Subject {
	switch {
	case !q.wantsChange() || q.event.Operation == "bulk",
		p.cause == provlog.RateLimit, p.cause == provlog.SCIMDisabled,
		q.event.Operation == "delete" && (p.cause == provlog.UserNotFound || p.cause == provlog.GroupNotFound || p.cause == provlog.GroupDeleted):
		return provlog.Subject{}
	case p.holder != "" && q.event.ResourceID == "":
		return provlog.Subject{Type: q.event.Type, ID: p.holder}
	}
	return q.subject()
}

// mended are those who failed and do so no more: whom the request was about. A user
// who was found again by a POST may have failed by the id, which was not known.
func (q *request) mended() []provlog.Subject {
	mended := q.lookout.seen()
	switch directory.Action(q.event.Action) {
	case directory.Reactivated, directory.Restored, directory.Linked:
		if q.Method == http.MethodPost {
			mended = append(mended, provlog.Subject{Type: q.event.Type, ID: q.event.ResourceID})
		}
	}
	return mended
}

// sampler lets one of many through in a while: of requests that are refused in great
// numbers for one reason, the log is to tell, and not to cost more than they are worth.
// Safe for concurrent use.
type sampler struct {
	mu   sync.Mutex
	last map[tenant.ID]time.Time
}

// sampleTime is how long one of them stands for the others.
const sampleTime = time.Minute

// take tells whether this one is kept.
func (s *sampler) take(t tenant.ID, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last, ok := s.last[t]; ok && now.Sub(last) < sampleTime {
		return false
	}
	if s.last == nil || len(s.last) >= maxLimited {
		s.last = map[tenant.ID]time.Time{}
	}
	s.last[t] = now
	return true
}
