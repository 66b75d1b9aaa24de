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
	days   map[dayOf]*journal.Day
	// kinds has when the requests of a kind were last written.
	kinds map[kindOf]time.Time
}

// A dayOf is the key of an identity provider's requests that are not written yet.
type dayOf struct {
	tenant tenant.ID
	idp    idp.Provider
}

// A kindOf is the key of a kind of an identity provider's requests on a day.
type kindOf struct {
	dayOf
	day  time.Time
	kind journal.Kind
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
	if a.days == nil || len(a.days) >= maxLimited || len(a.kinds) >= maxLimited {
		a.days, a.kinds = map[dayOf]*journal.Day{}, map[kindOf]time.Time{}
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
		due.Days = a.day(q, refused)
	}
	return due
}

// day counts an accepted request by its kind, and returns the requests that must be written:
// all that are not written yet, as soon as those of one kind are due. The first request of a
// kind on a day is written at once, so that none is missed.
func (a *activity) day(q *request, refused bool) []journal.Day {
	kind := q.event.kind(refused)
	if kind == "" {
		return nil
	}
	of, today := dayOf{q.grant.Tenant, q.event.IdP}, q.start.UTC().Truncate(24*time.Hour)
	d, ok := a.days[of]
	var due []journal.Day
	if ok && !d.Day.Equal(today) { // what was left of another day
		due, ok = append(due, *d), false
	}
	if !ok {
		d = a.begin(of, today)
	}
	d.Last[kind] = q.start
	d.Count[kind]++
	written, ok := a.kinds[kindOf{of, today, kind}]
	if since := q.start.Sub(written); ok && since >= 0 && since < kind.Interval() {
		return due
	}
	for kind := range d.Last {
		a.kinds[kindOf{of, today, kind}] = q.start
	}
	delete(a.days, of)
	return append(due, *d)
}

// begin begins to count the requests of a day.
func (a *activity) begin(of dayOf, day time.Time) *journal.Day {
	d := &journal.Day{IdP: of.idp, Day: day, Expires: day.Add(journal.DaysKept), Last: map[journal.Kind]time.Time{}, Count: map[journal.Kind]int64{}}
	a.days[of] = d
	return d
}

// kind returns the kind of an accepted request, or "" for one that no check needs.
func (e *event) kind(refused bool) journal.Kind {
	switch {
	case e.Operation.Reads():
		switch {
		case refused, e.Operation == journal.Discover:
			return ""
		case e.imports:
			return journal.Imports
		}
		return journal.Lookups
	case !e.Operation.Changes(), e.Operation == journal.Bulk, refused && !journal.MarksFailing(e.Operation, e.Cause):
		return ""
	case e.Type == journal.TypeGroup && refused:
		return journal.GroupRefusals
	case e.Type == journal.TypeGroup:
		return journal.Groups
	case refused:
		return journal.Refusals
	case e.Operation == journal.Create:
		return journal.Creations
	case e.Action == journal.Deactivated, e.Action == journal.Deleted:
		return journal.Departures
	}
	return journal.Updates
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
	for _, day := range seen.Days {
		a.lostDay(dayOf{q.grant.Tenant, day.IdP}, day)
	}
	for _, tally := range seen.Tallies {
		if c, ok := a.counts[countOf{tenant: q.grant.Tenant, cause: tally.Cause, token: tally.TokenID}]; ok {
			c.least = true
		}
	}
}

// lostDay keeps the kinds of a day that may not have been written, so that they are written
// again with the next request of one of them. Their numbers are lost: they may be counted already,
// and a count must not be too high.
func (a *activity) lostDay(of dayOf, lost journal.Day) {
	d, ok := a.days[of]
	if !ok {
		d = a.begin(of, lost.Day)
	}
	if !d.Day.Equal(lost.Day) {
		return
	}
	for kind, at := range lost.Last {
		if d.Last[kind].Before(at) {
			d.Last[kind] = at
		}
		delete(a.kinds, kindOf{of, lost.Day, kind})
	}
}
