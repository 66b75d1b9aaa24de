package provlog

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/idp"
	"github.com/rollcall-scim/rollcall/internal/journal"
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
	LastSync []journal.Entry
	LastSeen []journal.Seen
	// Warnings count the requests of the last days that succeeded with a warning, and
	// those that were refused before they were handled, by cause.
	Warnings []journal.Tally
	// tolerated is the newest request that was accepted with changes, among the newest
	// requests, or zero.
	tolerated journal.Entry
	// Spans are the failures of the last days, in equal spans from the oldest; Partial
	// reports that there were more than are counted, and the oldest spans lack them.
	Spans   []FailureSpan
	Partial bool
	// Unusual are unusually many deactivations of the last day, zero if there were none.
	Unusual journal.UnusualDeactivations
}

// FailureSpan counts the failures of a span of time by cause.
type FailureSpan struct {
	From, To time.Time
	Causes   map[cause.Cause]int
}

// About has the facts about a tenant that an overview needs in addition to the
// log.
type About struct {
	// Off reports that SCIM is turned off.
	Off bool
	// LogDays is how long entries are kept.
	LogDays int
	// Tokens are the static tokens and the OAuth clients, and Secrets those of the clients.
	Tokens, Secrets []Token
	// Groups is the number of groups.
	Groups int64
	// Unusual are the last deactivations that were unusually many, zero if there were none.
	Unusual journal.UnusualDeactivations
}

// Token is a static token of a tenant, an OAuth client, or a secret of one, without the text
// that is secret.
type Token struct {
	ID, LastFour              string
	Created, Expires, Revoked time.Time
	// Client is the id of the client, "" for a static token, and Label the client's label.
	Client, Label string
	// Refused reports that the tenant takes no static tokens, so that the token is refused
	// although it is valid.
	Refused bool
	// LastUsed is to the hour.
	LastUsed time.Time
}

// What an overview looks at.
const (
	overviewFailing = 200
	overviewNewest  = 200
	overviewSpan    = 6 * time.Hour
	overviewSpans   = journal.ShownDays * int(24*time.Hour/overviewSpan)
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
	j := judgement{now: l.now().UTC(), about: about, seen: o.LastSeen, tallies: known.Tallies, unnamed: unnamed, recorded: known.Days, failing: failing.Failing}
	j.judge(&o)
	return o, nil
}

// lastSync finds the newest request of each identity provider: among the newest entries,
// and for those that are not among them by what was seen of them, to the minute.
func (l *Log) lastSync(ctx context.Context, t tenant.ID, seen []journal.Seen, o *Overview) error {
	newest, err := l.source.EntryPage(ctx, t, Span{Limit: overviewNewest})
	if err != nil {
		return err
	}
	times := map[idp.Provider]journal.Seen{}
	for _, s := range seen {
		times[s.IdP] = s
	}
	entries := map[idp.Provider]journal.Entry{}
	for _, e := range newest.Items {
		if o.tolerated.RequestID == "" && e.Cause == cause.Tolerated {
			o.tolerated = e
		}
		if e.By == journal.ByApplication || journal.RuleOf(e.Cause).Entries == journal.OneAMinute || e.Operation.Reads() {
			continue
		}
		if _, ok := entries[e.IdP]; !ok {
			entries[e.IdP] = e
		}
		if s := times[e.IdP]; s.Time.Before(e.Time) {
			times[e.IdP] = journal.Seen{IdP: e.IdP, Time: e.Time, TokenID: e.TokenID, Change: s.Change}
		}
	}
	if err := l.olderChanges(ctx, t, times, entries); err != nil {
		return err
	}
	o.LastSync = slices.SortedFunc(maps.Values(entries), func(x, y journal.Entry) int {
		return cmp.Or(y.Time.Compare(x.Time), cmp.Compare(x.IdP, y.IdP))
	})
	o.LastSeen = slices.SortedFunc(maps.Values(times), func(x, y journal.Seen) int {
		return cmp.Or(y.Time.Compare(x.Time), cmp.Compare(x.IdP, y.IdP))
	})
	return nil
}

// olderChanges adds the last changes of the identity providers that have no entry
// among the newest.
func (l *Log) olderChanges(ctx context.Context, t tenant.ID, times map[idp.Provider]journal.Seen, entries map[idp.Provider]journal.Entry) error {
	changes := map[idp.Provider]journal.Entry{}
	var keys []string
	for provider, s := range times {
		if _, ok := entries[provider]; !ok && s.Change.RequestID != "" {
			changes[provider] = s.Change
			keys = append(keys, s.Change.RequestID)
		}
	}
	older, err := l.source.Entries(ctx, t, keys)
	for provider, change := range changes {
		entries[provider] = change // its entry has an id of its own, or has expired
		if e, ok := older[change.RequestID]; ok {
			entries[provider] = e
		}
	}
	return err
}

// unnamedTime is how long failures are recent that are of no single user or group.
const unnamedTime = 24 * time.Hour

// count counts the failures of the last days, and returns the recent ones that mark no
// user or group as failing.
func (l *Log) count(ctx context.Context, t tenant.ID, o *Overview) (unnamed []journal.Tally, err error) {
	now := l.now().UTC()
	first := now.Truncate(24*time.Hour).AddDate(0, 0, 1-journal.ShownDays)
	for i := range overviewSpans {
		from := first.Add(time.Duration(i) * overviewSpan)
		o.Spans = append(o.Spans, FailureSpan{From: from, To: from.Add(overviewSpan), Causes: map[cause.Cause]int{}})
	}
	recent := map[cause.Cause]journal.Tally{}
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
			if ref.Unnamed && journal.RuleOf(ref.Cause).Entries != journal.OneAMinute && now.Sub(at) < unnamedTime {
				known := recent[ref.Cause]
				recent[ref.Cause] = journal.Tally{Cause: ref.Cause, Count: known.Count + ref.Count, Last: later(known.Last, at)}
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

// sortedTallies returns the tallies of all causes, the latest first.
func sortedTallies(by map[cause.Cause]journal.Tally) []journal.Tally {
	return slices.SortedFunc(maps.Values(by), func(x, y journal.Tally) int {
		return cmp.Or(y.Last.Compare(x.Last), cmp.Compare(x.Cause, y.Cause))
	})
}
