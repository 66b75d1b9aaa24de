package httpapi

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/provlog"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// A Journal keeps what the directory's changes do not keep of requests: those
// that failed or had nothing to change, and which subjects fail. Package store
// implements it.
type Journal interface {
	// WhoFails returns which of the subjects are failing.
	WhoFails(ctx context.Context, t tenant.ID, subjects ...journal.Subject) (map[journal.Subject]bool, error)
	// WhoAre returns the names of present and former users, by id.
	WhoAre(ctx context.Context, t tenant.ID, ids []string) (map[string]provlog.Who, error)
	// Record writes the whole record or nothing.
	Record(ctx context.Context, t tenant.ID, r journal.Record) error
	// Observe adds to what is known of a tenant's requests beside the log.
	Observe(ctx context.Context, t tenant.ID, a journal.Activity) error
}

// journalTime is how long an answer waits while its record is written.
const journalTime = 2 * time.Second

// overtime is how long after the end of a request's time its record may be written:
// the function itself ends soon after (Timeout in template.yaml). All operations of
// a bulk request share it: a hundred of them would otherwise wait two seconds each.
const overtime = time.Second

// outlast returns a context for a write that does not end with the request, whose
// own time may be over: it lasts for a time, and until overtime at most.
func outlast(ctx context.Context, longest time.Duration) (context.Context, context.CancelFunc) {
	own, limited := ctx.Deadline()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), longest)
	if !limited {
		return ctx, cancel
	}
	ctx, cancelOwn := context.WithDeadline(ctx, own.Add(overtime))
	return ctx, func() { cancelOwn(); cancel() }
}

// A lookout finds out, in parallel with a request, whether its subjects are
// failing, so that nothing is written for the many that never failed.
type lookout struct {
	subjects []journal.Subject
	done     chan struct{}
	fails    map[journal.Subject]bool
}

// watch starts to look up whether subjects are failing. It is called once, when
// the subject of a change is known, and never waits.
func (s *Service) watch(ctx context.Context, q *request, subjects ...journal.Subject) {
	subjects = slices.DeleteFunc(subjects, journal.Subject.IsZero)
	if s.Journal == nil || len(subjects) == 0 || q.lookout != nil {
		return
	}
	l := &lookout{subjects: subjects, done: make(chan struct{})}
	q.lookout = l
	go func() {
		defer close(l.done)
		defer func() {
			if recover() != nil { // unrecovered, it would end the process
				l.fails = nil
			}
		}()
		// In parallel with the request: its cost counts, its round trips add no
		// latency.
		beside, usage := table.WithUsage(ctx)
		// An unreadable record counts as "not failing": a failing subject that
		// is overlooked stays on the list of failures, where administrators
		// find it.
		l.fails, _ = s.Journal.WhoFails(beside, q.grant.Tenant, subjects...)
		spent := usage.Counts()
		spent.RoundTrips = 0
		table.Add(ctx, spent)
	}()
}

// known reports whether a subject was found to be failing.
func (l *lookout) known(subject journal.Subject) bool {
	if l == nil {
		return false
	}
	<-l.done
	return l.fails[subject]
}

// seen returns the subjects that were found to be failing.
func (l *lookout) seen() []journal.Subject {
	if l == nil {
		return nil
	}
	<-l.done
	return slices.DeleteFunc(slices.Clone(l.subjects), func(s journal.Subject) bool { return !l.fails[s] })
}

// record stores what the request's change has not stored: the entry of a failure
// or of a request that had nothing to change, and which subjects fail or no
// longer do. It is written before the answer is sent. If it cannot be written,
// the event says so and the answer stays the same. A request that proves no token
// causes no write.
func (s *Service) record(ctx context.Context, q *request, a *reply) {
	if s.Journal == nil || q.grant.Tenant.IsZero() || q.unkept {
		return
	}
	ctx, cancel := outlast(ctx, journalTime)
	defer cancel()
	if p := a.refusal; p != nil && p.cause == cause.UserNotFound && q.event.Operation.Changes() && q.event.Subject == "" && q.event.ResourceID != "" {
		// The name that the id had, if it can still be found.
		who, _ := s.Journal.WhoAre(ctx, q.grant.Tenant, []string{q.event.ResourceID})
		q.event.Subject = who[q.event.ResourceID].Subject
	}
	r, ok := q.recordOf(a, s.NewID, s.Now())
	if !ok {
		return
	}
	if err := s.Journal.Record(ctx, q.grant.Tenant, r); err != nil {
		q.event.JournalError = err
	}
}

// recordOf returns the record of a request, and whether there is anything to store.
func (q *request) recordOf(a *reply, newID func() string, now time.Time) (r journal.Record, ok bool) {
	e := q.event
	failed := a.refusal != nil
	switch {
	case failed && !journal.Records(e.Operation, e.Cause):
		return r, false
	case failed:
		r.Entry = q.entry(a, newID, now)
		r.Fails, r.Asked = q.failing(a.refusal), e.asked
		r.Entry.Unnamed = r.Fails.IsZero() && e.Operation != journal.Delete
		r.Failed = q.lookout.known(r.Fails)
		for _, s := range q.lookout.seen() {
			if s != r.Fails && s.ID == "" { // from now on known by its id
				r.Renamed = append(r.Renamed, s)
			}
		}
	case !q.event.Operation.Changes():
		return r, false
	default:
		r.Resolved = q.resolved()
		r.Provisioned = journal.Subject{Type: e.Type, ID: e.ResourceID, Name: e.Subject, ExternalID: e.ExternalID}
		switch {
		case e.Action == journal.Unchanged, e.Operation == journal.Bulk && e.Outcome != journal.Success:
			r.Entry = q.entry(a, newID, now)
			if len(r.Resolved) == 0 {
				r.Entry.About = journal.Subject{} // one of many like it: not indexed by subject
			}
		case e.Cause == cause.AnswerTooLarge: // known only after the change
			r.Entry, r.Amends = q.entry(a, func() string { return "" }, q.start), true
		}
	}
	r.RequestID = q.id
	r.Expires = q.start.Add(q.grant.Settings.LogRetention())
	r.NotAfter = now.Add(journal.WriteTime)
	if r.Entry != nil {
		r.NotAfter = r.Entry.Time.Add(journal.WriteTime)
	}
	return r, r.Entry != nil || len(r.Resolved) > 0
}

// entry returns the entry of a request whose change has not written one.
func (q *request) entry(a *reply, newID func() string, now time.Time) *journal.Entry {
	e := q.event
	entry := &journal.Entry{
		RequestID: q.id, Time: q.start, TokenID: e.TokenID, IdP: e.IdP, Operation: e.Operation,
		ResourceType: e.Type, ResourceID: e.ResourceID, Subject: e.Subject, ExternalID: e.ExternalID,
		Outcome: e.Outcome, Cause: e.Cause, ScimType: e.ScimType, Detail: e.Detail, StandsFor: e.standsFor,
		Skipped: e.concerned, Tolerances: e.Notices, Faults: q.faults, SeatCounts: q.grant.SeatCounts(), IdPRequestID: e.IdPRequestID, BulkID: e.BulkRequestID,
	}
	if p := a.refusal; p != nil {
		entry.Remedy, entry.Faults, entry.About = p.remedy, p.faults, q.failing(p)
		if l := p.ledger; l != nil && l.Type == tenant.User {
			entry.SeatCounts = tenant.SeatCounts{Seats: l.Used, SeatLimit: l.Limit, Read: now}
		}
		if p.remedy == cause.ProtectedMember {
			entry.Skipped = append(entry.Skipped, p.users...)
		}
	} else {
		entry.Action, entry.Remedy = e.Action, e.remedy
		entry.About = q.subject()
		if e.Action == journal.Unchanged {
			entry.Outcome = journal.Skipped
			if e.Outcome == journal.Warning {
				entry.Outcome = journal.Warning
			}
		}
	}
	// The log is ordered by id. An entry written late gets an id of its own, as
	// does one that stands beside the entry of a change that may have been
	// made.
	if journal.Late(q.start, now) || journal.MayBeChanged(entry.Cause) {
		if entry.ID = newID(); entry.ID != "" {
			entry.Time = now
		}
	}
	return entry
}

// subject returns the subject of the request.
func (q *request) subject() journal.Subject {
	e := q.event
	switch {
	case e.ResourceID != "":
		return journal.Subject{Type: e.Type, ID: e.ResourceID}
	case e.Subject == "" && e.ExternalID == "":
		return journal.Subject{}
	}
	return journal.Subject{Type: e.Type, Name: e.Subject, ExternalID: e.ExternalID}
}

// failing returns the subject to mark as failing, or zero: for a request
// without a subject, the deletion of an unknown resource, and a refusal
// before the request is handled.
func (q *request) failing(p *problem) journal.Subject {
	switch {
	case !journal.MarksFailing(q.event.Operation, p.cause):
		return journal.Subject{}
	case p.holder != "" && q.event.ResourceID == "":
		return journal.Subject{Type: q.event.Type, ID: p.holder}
	}
	return q.subject()
}

// resolved returns the subjects that no longer fail. A user that a POST found
// again may have failed under the id, which the request did not have.
func (q *request) resolved() []journal.Subject {
	resolved := slices.DeleteFunc(q.lookout.seen(), func(s journal.Subject) bool { return s.ID != "" && s.ID != q.event.ResourceID })
	switch q.event.Action {
	case journal.Reactivated, journal.Restored, journal.Linked:
		if found := (journal.Subject{Type: q.event.Type, ID: q.event.ResourceID}); q.Method == http.MethodPost && !slices.Contains(resolved, found) {
			resolved = append(resolved, found)
		}
	}
	return resolved
}
