package provlog

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// Reason is why a search found nothing.
type Reason string

// The reasons.
const (
	// NothingYet: there is nothing to search: no entry, or no failing subject.
	NothingYet Reason = "empty"
	// NoMatch: there are entries or failing subjects, and none matches the filters.
	NoMatch Reason = "no_match"
	// UnknownSubject: no user, group or entry has the subject's name.
	UnknownSubject Reason = "unknown_subject"
	// NoEntry: the subject is a user or a group of the tenant, and has no entry.
	NoEntry Reason = "no_entry"
	// OtherEntries: the subject has entries, and none matches the filters.
	OtherEntries Reason = "other_entries"
	// NotFailing: the subject is known and does not fail.
	NotFailing Reason = "not_failing"
	// BeforeRetention: the time searched ends before the oldest entry that is kept.
	BeforeRetention Reason = "before_retention"
)

// Nothing says why a search found nothing.
type Nothing struct {
	Reason Reason
	// Newest is the time of the subject's newest entry, zero where none is known.
	Newest time.Time
	// Similar are names like the subject's, in the form in which names are compared.
	Similar []string
}

// maxSimilar is how many similar names are offered.
const maxSimilar = 5

// WhyNothing finds out why Find found nothing from the beginning of the log. Entries
// are kept for the retention.
func (l *Log) WhyNothing(ctx context.Context, t tenant.ID, q Query, retention time.Duration) (Nothing, error) {
	if !q.To.IsZero() && q.To.Before(l.now().Add(-retention)) {
		return Nothing{Reason: BeforeRetention}, nil
	}
	if q.Subject != "" {
		n, err := l.subjectKnown(ctx, t, q.Subject)
		if err == nil && n.Reason == NotFailing {
			if n.Reason = OtherEntries; n.Newest.IsZero() {
				n.Reason = NoEntry
			}
		}
		return n, err
	}
	page, err := l.source.EntryPage(ctx, t, Span{Limit: 1})
	if err != nil {
		return Nothing{}, err
	}
	if len(page.Items) == 0 && !page.More {
		return Nothing{Reason: NothingYet}, nil
	}
	return Nothing{Reason: NoMatch}, nil
}

// WhyNoneFails finds out why Failing found nothing from the beginning of the list.
func (l *Log) WhyNoneFails(ctx context.Context, t tenant.ID, q FailingQuery) (Nothing, error) {
	found, err := l.Failing(ctx, t, FailingQuery{Subject: q.Subject, Limit: maxAlike})
	switch {
	case err != nil:
		return Nothing{}, err
	case len(found.Failing) > 0, found.Next != "":
		return Nothing{Reason: NoMatch}, nil
	case q.Subject != "":
		return l.subjectKnown(ctx, t, q.Subject)
	}
	return Nothing{Reason: NothingYet}, nil
}

// subjectKnown reports a subject as NotFailing, with its newest entry, or as
// UnknownSubject, with names like it.
func (l *Log) subjectKnown(ctx context.Context, t tenant.ID, text string) (Nothing, error) {
	found, err := l.Find(ctx, t, Query{Subject: text, Limit: 1})
	if err != nil {
		return Nothing{}, err
	}
	if len(found.Entries) > 0 {
		return Nothing{Reason: NotFailing, Newest: found.Entries[0].Time}, nil
	}
	records, err := l.source.FindRecords(ctx, t, text)
	if err != nil {
		return Nothing{}, err
	}
	if len(records) > 0 || found.Next != "" {
		return Nothing{Reason: NotFailing}, nil
	}
	similar, err := l.similar(ctx, t, text)
	return Nothing{Reason: UnknownSubject, Similar: similar}, err
}

// similar finds names like a text: of users and groups those that begin with it or
// with its part before the @, else those that begin alike and differ in two
// characters at most; of failing subjects, who may have no record, those that have it
// in them. It takes four round trips at most.
func (l *Log) similar(ctx context.Context, t tenant.ID, text string) ([]string, error) {
	folded := directory.FoldName(text)
	if len([]rune(folded)) < 2 {
		return nil, nil
	}
	var names []string
	local, _, isAddress := strings.Cut(folded, "@")
	prefixes := []string{folded}
	if isAddress && len([]rune(local)) > 1 {
		prefixes = append(prefixes, local+"@")
	}
	for _, prefix := range prefixes {
		found, err := l.source.NamesLike(ctx, t, prefix, maxSimilar)
		if err != nil {
			return nil, err
		}
		if names = found; len(names) > 0 {
			break
		}
	}
	if len(names) == 0 {
		found, err := l.source.NamesLike(ctx, t, string([]rune(folded)[:2]), maxAlike)
		if err != nil {
			return nil, err
		}
		names = slices.DeleteFunc(found, func(name string) bool { return distance(name, folded) > maxDistance })
	}
	failing, err := l.source.FailingPage(ctx, t, "", maxAlike)
	if err != nil {
		return nil, err
	}
	for _, f := range failing.Items {
		if name := directory.FoldName(f.Name); strings.Contains(name, folded) || distance(name, folded) <= maxDistance {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	return names[:min(len(names), maxSimilar)], nil
}

const (
	// maxAlike is how many names are compared with a name that is not found.
	maxAlike = 100
	// maxDistance is in how many characters a similar name may differ.
	maxDistance = 2
	// maxCompared is the longest name that is compared character by character.
	maxCompared = 128
)

// distance returns the number of characters to insert, remove or replace between two
// names: a number above maxDistance where it is certainly more than that.
func distance(x, y string) int {
	a, b := []rune(x), []rune(y)
	if len(a) > maxCompared || len(b) > maxCompared || len(a)-len(b) > maxDistance || len(b)-len(a) > maxDistance {
		return maxDistance + 1
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range a {
		diagonal := row[0]
		row[0] = i + 1
		for j := range b {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
