package httpapi

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/rollcall-scim/rollcall/internal/provlog"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// activity gathers what the overview shows of requests and the log does not have: when
// each identity provider sent its last accepted request, how often a refused token is
// used, how many requests there were with a warning. Most requests are only remembered;
// those that are due are written. Safe for concurrent use.
type activity struct {
	mu     sync.Mutex
	seen   map[sight]*sighting
	counts map[countOf]*counter
}

// sight is what is written apart from others: the last request of an identity provider
// with one of a tenant's tokens.
type sight struct {
	tenant     tenant.ID
	idp, token string
}

// sighting is what is known of one sight.
type sighting struct {
	// written is when it was last written, and change what was not written yet.
	written time.Time
	change  provlog.Change
}

// countOf is what is counted apart from others. A token is named where it is the token
// that is refused.
type countOf struct {
	tenant tenant.ID
	cause  provlog.Cause
	token  string
}

// counter counts requests that are not written yet.
type counter struct {
	limit *rate.Limiter
	count int64
	day   time.Time
	// least reports that some were lost.
	least bool
}

// seenEvery is how often it is written that an identity provider lives, at most. Writing
// it with every request would cost more than many a request.
const seenEvery = time.Minute

// observePatience is how long an answer waits for what was seen to be written, if the
// request itself was over sooner. What is not written by then is not known.
const observePatience = 500 * time.Millisecond

// observe writes what a request shows beside its entry in the log, and returns a
// function that waits for it: a Lambda function that has answered is stopped at once. A
// request without a proved token is not observed, nor is one for a tenant that is being
// deleted: nothing may be written that its deletion has passed already.
func (s *Service) observe(ctx context.Context, q *request, a *reply) (done func()) {
	if s.Journal == nil || q.grant.Tenant.IsZero() || q.grant.Settings.Ending {
		return func() {}
	}
	seen := s.activity.of(q, a)
	if seen.Empty() {
		return func() {}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), observePatience)
	written := make(chan struct{})
	go func() {
		defer close(written)
		defer func() { _ = recover() }() // it would end the process from here
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

// of remembers what a request shows, and returns what is to be written now.
func (a *activity) of(q *request, answer *reply) (due provlog.Activity) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.seen == nil || len(a.seen) >= maxLimited {
		a.seen = map[sight]*sighting{}
	}
	if a.counts == nil || len(a.counts) >= maxLimited {
		a.counts = map[countOf]*counter{}
	}
	cause := provlog.Cause(q.event.Cause)
	of := countOf{tenant: q.grant.Tenant, cause: cause}
	accepted := true
	switch {
	case answer.refusal == nil:
		if q.event.Outcome == outcomeWarning {
			due.Tallies = a.count(q, of)
		}
	case cause == provlog.TokenRevoked, cause == provlog.TokenExpired:
		of.token, accepted = q.grant.TokenID, false
		due.Tallies = a.count(q, of)
	case cause == provlog.SCIMDisabled, cause == provlog.RateLimit:
		accepted = false
		due.Tallies = a.count(q, of)
	}
	if accepted {
		due.Seen = a.see(q, answer)
	}
	return due
}

// see remembers an accepted request.
func (a *activity) see(q *request, answer *reply) []provlog.Seen {
	of := sight{tenant: q.grant.Tenant, idp: string(q.event.IdP), token: q.grant.TokenID}
	known, ok := a.seen[of]
	if !ok {
		known = &sighting{}
		a.seen[of] = known
	}
	// The operations of a bulk request are requests of their own; it has an entry of its
	// own when it is refused.
	if q.wantsChange() && (q.event.Operation != "bulk" || answer.refusal != nil) {
		known.change = provlog.Change{
			RequestID: q.id, Time: q.start, Operation: q.event.Operation, Outcome: provlog.Outcome(q.event.Outcome), Cause: provlog.Cause(q.event.Cause),
		}
	}
	if since := q.start.Sub(known.written); !known.written.IsZero() && since >= 0 && since < seenEvery {
		return nil
	}
	change := known.change
	known.written, known.change = q.start, provlog.Change{}
	return []provlog.Seen{{IdP: of.idp, Time: q.start, TokenID: of.token, Change: change}}
}

// count counts a request, and returns the count that is to be written.
func (a *activity) count(q *request, of countOf) []provlog.Tally {
	c, ok := a.counts[of]
	if !ok {
		c = &counter{limit: rate.NewLimiter(rate.Every(time.Minute), provlog.TallyBurst)}
		a.counts[of] = c
	}
	day := q.start.UTC().Truncate(24 * time.Hour)
	if !day.Equal(c.day) && of.token == "" {
		c.count, c.day = 0, day // what was left of another day is not known
	}
	c.count++
	if !c.limit.AllowN(q.start, 1) {
		return nil
	}
	tally := provlog.Tally{
		Cause: of.cause, TokenID: of.token, IdP: string(q.event.IdP), Last: q.start, Count: c.count, Least: c.least,
		Expires: q.start.Add(q.grant.Settings.LogRetention()),
	}
	if of.token == "" {
		tally.Day = day
		tally.Expires = q.start.Add(min(q.grant.Settings.LogRetention(), provlog.TallyKept))
	}
	c.count, c.least = 0, false
	return []provlog.Tally{tally}
}

// lost remembers that something could not be written: nobody knows whether it was. What
// is counted next is then the least, and an identity provider is seen again at once.
func (a *activity) lost(q *request, seen provlog.Activity) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, one := range seen.Seen {
		if known, ok := a.seen[sight{tenant: q.grant.Tenant, idp: one.IdP, token: one.TokenID}]; ok {
			known.written = time.Time{}
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
