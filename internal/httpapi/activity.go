package httpapi

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/idp"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// An activity collects what the overview shows and the log does not have: the
// time of each identity provider's last accepted request, how often refused
// tokens are used, and the number of requests with a warning. Most requests are
// only counted in memory; some are written. It is safe for concurrent use.
type activity struct {
	mu     sync.Mutex
	seen   map[sight]*sighting
	counts map[countOf]*counter
}

// A sight is an item of its own: the last request of an identity provider with
// one of a tenant's tokens.
type sight struct {
	tenant tenant.ID
	idp    idp.Provider
	token  string
}

// A sighting is the state of one sight.
type sighting struct {
	// written is the time of the last write, changed the time of the last change that
	// was written, and change is not written yet.
	written, changed time.Time
	change           journal.Entry
}

// A countOf is the key of a counter. token is set if the token is refused.
type countOf struct {
	tenant tenant.ID
	cause  cause.Cause
	token  string
}

// A counter counts requests that are not written yet.
type counter struct {
	limit *rate.Limiter
	count int64
	day   time.Time
	// least is set if some counts were lost.
	least bool
}

// observePatience is how long an answer waits for the write of its activity, if
// the request itself has ended before. What is not written by then counts as
// lost.
const observePatience = 500 * time.Millisecond

// observe writes the activity that a request shows beside its log entry, and
// returns a function that waits for the write: a Lambda function is stopped as
// soon as it has answered. An unauthenticated request is not observed, nor is
// one for a tenant that is being deleted: nothing may be written where the
// deletion has passed already.
func (s *Service) observe(ctx context.Context, q *request, a *reply) (done func()) {
	if s.Journal == nil || q.grant.Tenant.IsZero() || q.grant.Settings.Ending {
		return func() {}
	}
	seen := s.activity.of(q, a)
	if seen.Empty() {
		return func() {}
	}
	ctx, cancel := outlast(ctx, observePatience)
	written := make(chan struct{})
	go func() {
		defer close(written)
		defer func() { _ = recover() }() // unrecovered, it would end the process
		if err := s.Journal.Observe(ctx, q.grant.Tenant, seen); err != nil {
			s.activity.lost(q, seen)
		}
	}()
	return func() {
		defer cancel()
		select {
		case <-written:
		case <-ctx.Done():
		}
	}
}

// maxLimited bounds what one process remembers of tenants; beyond it all begin again.
const maxLimited = 10_000

// of records what a request shows, and returns what must be written now.
func (a *activity) of(q *request, answer *reply) (due journal.Activity) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.seen == nil || len(a.seen) >= maxLimited {
		a.seen = map[sight]*sighting{}
	}
	if a.counts == nil || len(a.counts) >= maxLimited {
		a.counts = map[countOf]*counter{}
	}
	of := countOf{tenant: q.grant.Tenant, cause: q.event.Cause}
	rule := journal.RuleOf(of.cause)
	refused := answer.refusal != nil
	if refused && rule.Counted == journal.ByToken {
		of.token = q.grant.TokenID
	}
	if refused && rule.Counted != journal.NotCounted || !refused && q.event.Outcome == journal.Warning {
		due.Tallies = a.count(q, of)
	}
	if !refused || rule.Entries != journal.OneAMinute {
		due.Seen = a.see(q, answer)
	}
	return due
}

// see records an accepted request.
func (a *activity) see(q *request, answer *reply) []journal.Seen {
	of := sight{tenant: q.grant.Tenant, idp: q.event.IdP, token: q.grant.TokenID}
	known, ok := a.seen[of]
	if !ok {
		known = &sighting{}
		a.seen[of] = known
	}
	// The operations of a bulk request are requests of their own; the bulk
	// request has its own entry if it is refused.
	changes := q.event.Operation.Changes() && (q.event.Operation != journal.Bulk || answer.refusal != nil)
	if changes {
		known.change = journal.Entry{
			RequestID: q.id, Time: q.start, Operation: q.event.Operation, Outcome: q.event.Outcome, Cause: q.event.Cause,
		}
	}
	recent := func(at time.Time) bool {
		since := q.start.Sub(at)
		return !at.IsZero() && since >= 0 && since < journal.Interval
	}
	// A change comes right after the read that looks for its subject, and this instance may
	// not live until the next request: it does not wait, unless one was just written.
	if recent(known.written) && (!changes || recent(known.changed)) {
		return nil
	}
	change := known.change
	switch {
	case change.RequestID == "":
	case recent(change.Time):
		known.changed = change.Time
	default:
		change = journal.Entry{} // another instance may have written a later one since
	}
	known.written, known.change = q.start, journal.Entry{}
	return []journal.Seen{{IdP: of.idp, Time: q.start, TokenID: of.token, Change: change}}
}

// count counts a request, and returns the count that must be written.
func (a *activity) count(q *request, of countOf) []journal.Tally {
	c, ok := a.counts[of]
	if !ok {
		c = &counter{limit: rate.NewLimiter(rate.Every(journal.Interval), journal.TallyBurst)}
		a.counts[of] = c
	}
	day := q.start.UTC().Truncate(24 * time.Hour)
	if !day.Equal(c.day) && of.token == "" {
		c.count, c.day = 0, day // the rest of another day is unknown
	}
	c.count++
	if !c.limit.AllowN(q.start, 1) {
		return nil
	}
	tally := journal.Tally{
		Cause: of.cause, TokenID: of.token, IdP: q.event.IdP, Last: q.start, Count: c.count, Least: c.least,
		Expires: q.start.Add(q.grant.Settings.LogRetention()),
	}
	if of.token == "" {
		tally.Day = day
		tally.Expires = q.start.Add(min(q.grant.Settings.LogRetention(), journal.TallyKept))
	}
	c.count, c.least = 0, false
	return []journal.Tally{tally}
}

// lost records that a write failed, or may have failed. The next count is then
// a minimum, and the identity provider is written again at once.
func (a *activity) lost(q *request, seen journal.Activity) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, one := range seen.Seen {
		if known, ok := a.seen[sight{tenant: q.grant.Tenant, idp: one.IdP, token: one.TokenID}]; ok {
			known.written, known.changed = time.Time{}, time.Time{}
			if known.change.RequestID == "" {
				known.change = one.Change
			}
		}
	}
	for _, tally := range seen.Tallies {
		if c, ok := a.counts[countOf{tenant: q.grant.Tenant, cause: tally.Cause, token: tally.TokenID}]; ok {
			c.least = true
		}
	}
}
