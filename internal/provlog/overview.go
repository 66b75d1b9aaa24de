package provlog

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// Overview is how a tenant's provisioning goes.
type Overview struct {
	// Health and Summary say it in a word and in a sentence; Notices are the reasons,
	// the most urgent first.
	Health  Health
	Summary string
	Notices []Notice
	// Failing is the number of users and groups that fail now, and FailingCauses how many
	// by each cause; More reports that there are others.
	Failing       int
	FailingCauses map[cause.Cause]int
	More          bool
	// LastSync are the newest requests of each identity provider that wanted to change
	// something, and LastSeen the times of their newest accepted requests, reads
	// included, to the minute.
	LastSync []Entry
	LastSeen []Seen
	// Warnings count the requests of the last days that succeeded with a warning, and
	// those that were refused before they were handled, by cause.
	Warnings []Tally
	// Spans are the failures of the last days, in equal spans from the oldest; Partial
	// reports that there were more than are counted, and the oldest spans lack them.
	Spans   []FailureSpan
	Partial bool
}

// FailureSpan counts the failures of a span of time by cause.
type FailureSpan struct {
	From, To time.Time
	Causes   map[cause.Cause]int
}

// About is what an overview has to know of a tenant beside its log.
type About struct {
	// Off reports that SCIM is turned off.
	Off bool
	// LogDays is how long entries are kept.
	LogDays int
	Tokens  []Token
}

// Token is a token of a tenant, without its secret.
type Token struct {
	ID, LastFour              string
	Created, Expires, Revoked time.Time
	// LastUsed is to the hour.
	LastUsed time.Time
}

// What an overview looks at.
const (
	overviewFailing = 200
	overviewNewest  = 200
	overviewSpan    = 6 * time.Hour
	overviewDays    = 7
	overviewSpans   = overviewDays * int(24*time.Hour/overviewSpan)
)

// Overview reads how provisioning goes.
func (l *Log) Overview(ctx context.Context, t tenant.ID, about About) (o Overview, err error) {
	failing, err := l.Failing(ctx, t, FailingQuery{Limit: overviewFailing})
	if err != nil {
		return o, err
	}
	o.Failing, o.More, o.FailingCauses = len(failing.Failing), failing.Next != "", map[cause.Cause]int{}
	for _, f := range failing.Failing {
		o.FailingCauses[f.Cause]++
	}
	known, err := l.source.Activity(ctx, t)
	if err != nil {
		return o, err
	}
	if err := l.lastSync(ctx, t, known.Seen, &o); err != nil {
		return o, err
	}
	unnamed, err := l.count(ctx, t, &o)
	if err != nil {
		return o, err
	}
	j := judgement{now: l.now().UTC(), about: about, seen: o.LastSeen, tallies: known.Tallies, unnamed: unnamed}
	j.judge(&o)
	return o, nil
}

// lastSync finds the newest request of each identity provider: among the newest entries,
// and for those that are not among them by what was seen of them, to the minute.
func (l *Log) lastSync(ctx context.Context, t tenant.ID, seen []Seen, o *Overview) error {
	newest, err := l.source.EntryPage(ctx, t, Span{Limit: overviewNewest})
	if err != nil {
		return err
	}
	entries := map[string]Entry{}
	times := map[string]Seen{}
	for _, s := range seen {
		times[s.IdP] = s
	}
	for _, e := range newest.Items {
		if e.By == directory.ByApplication || refusedEarly(e.Cause) || reads(e.Operation) {
			continue
		}
		if _, ok := entries[e.IdP]; !ok {
			entries[e.IdP] = e
		}
		if s := times[e.IdP]; s.Time.Before(e.Time) {
			times[e.IdP] = Seen{IdP: e.IdP, Time: e.Time, TokenID: e.TokenID, Change: s.Change}
		}
	}
	var keys []string
	for idp, s := range times {
		if _, ok := entries[idp]; !ok && s.Change.RequestID != "" {
			keys = append(keys, s.Change.RequestID)
		}
	}
	older, err := l.source.Entries(ctx, t, keys)
	if err != nil {
		return err
	}
	for idp, s := range times {
		c := s.Change
		if _, ok := entries[idp]; ok || c.RequestID == "" {
			continue
		}
		if e, ok := older[c.RequestID]; ok {
			entries[idp] = e
			continue
		}
		// Its entry has an id of its own, or is not kept any more.
		entries[idp] = Entry{
			Entry:   directory.Entry{RequestID: c.RequestID, Time: c.Time, IdP: idp, TokenID: s.TokenID, Operation: c.Operation},
			Outcome: c.Outcome, Cause: c.Cause,
		}
	}
	o.LastSync = slices.SortedFunc(maps.Values(entries), func(x, y Entry) int {
		if order := y.Time.Compare(x.Time); order != 0 {
			return order
		}
		return strings.Compare(x.IdP, y.IdP)
	})
	o.LastSeen = slices.SortedFunc(maps.Values(times), func(x, y Seen) int {
		if order := y.Time.Compare(x.Time); order != 0 {
			return order
		}
		return strings.Compare(x.IdP, y.IdP)
	})
	return nil
}

// reads reports whether an operation only reads: of those the log has what was refused.
func reads(operation string) bool {
	return operation == "list" || operation == "read" || operation == "search"
}

// refusedEarly reports whether requests of a cause are refused before they are handled:
// they are counted apart, and the log has some of them.
func refusedEarly(c cause.Cause) bool {
	return c == cause.TokenRevoked || c == cause.TokenExpired || c == cause.SCIMDisabled || c == cause.RateLimit
}

// unnamedTime is how long failures are recent that are of no single user or group.
const unnamedTime = 24 * time.Hour

// count counts the failures of the last days, and returns the recent ones that mark no
// user or group as failing.
func (l *Log) count(ctx context.Context, t tenant.ID, o *Overview) (unnamed []Tally, err error) {
	now := l.now().UTC()
	first := now.Truncate(24*time.Hour).AddDate(0, 0, 1-overviewDays)
	for i := range overviewSpans {
		from := first.Add(time.Duration(i) * overviewSpan)
		o.Spans = append(o.Spans, FailureSpan{From: from, To: from.Add(overviewSpan), Causes: map[cause.Cause]int{}})
	}
	recent := map[cause.Cause]Tally{}
	span := Span{From: first}
	for range maxPages {
		page, err := l.source.FailurePage(ctx, t, span)
		if err != nil {
			return nil, err
		}
		for _, ref := range page.Items {
			at := timeOfKey(ref.Key)
			if i := int(at.Sub(first) / overviewSpan); i >= 0 && i < overviewSpans {
				o.Spans[i].Causes[ref.Cause] += int(ref.Count)
			}
			if ref.Unnamed && !refusedEarly(ref.Cause) && now.Sub(at) < unnamedTime {
				known := recent[ref.Cause]
				recent[ref.Cause] = Tally{Cause: ref.Cause, Count: known.Count + ref.Count, Last: later(known.Last, at)}
			}
		}
		if !page.More {
			return sortedTallies(recent), nil
		}
		span.After = page.Last
	}
	o.Partial = true
	return sortedTallies(recent), nil
}

func later(x, y time.Time) time.Time {
	if x.After(y) {
		return x
	}
	return y
}

// sortedTallies are tallies by cause, the latest first.
func sortedTallies(by map[cause.Cause]Tally) []Tally {
	return slices.SortedFunc(maps.Values(by), func(x, y Tally) int {
		if order := y.Last.Compare(x.Last); order != 0 {
			return order
		}
		return strings.Compare(string(x.Cause), string(y.Cause))
	})
}
