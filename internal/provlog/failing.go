package provlog

import (
	"context"
	"slices"
	"time"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// FailingQuery is a search of the failing subjects.
type FailingQuery struct {
	// Subject is a whole userName, displayName, primary email, externalId or id, ""
	// for all.
	Subject string
	Cause   cause.Cause
	Type    string
	// Dismissed says what is wanted of the dismissed ones.
	Dismissed Dismissed
	// After is the Next of the page before.
	After string
	Limit int
}

// Dismissed is a choice of failing subjects by whether they were dismissed.
type Dismissed int

// The choices.
const (
	WithoutDismissed Dismissed = iota
	OnlyDismissed
	WithDismissed
)

// matches reports whether a failing subject matches the filters of the search.
func (q FailingQuery) matches(f journal.Failing) bool {
	return (q.Cause == "" || f.Cause == q.Cause) && (q.Type == "" || f.Type == q.Type) &&
		(q.Dismissed == WithDismissed || f.Dismissal.IsZero() == (q.Dismissed == WithoutDismissed))
}

// FailingFound is a page of failing subjects, the latest failure first.
type FailingFound struct {
	Failing []journal.Failing
	// Next continues the list, "" at its end.
	Next string
}

// Failing reads a page of the failing subjects. Subjects that have been provisioned
// since, by another name or under another id, are left out and removed.
func (l *Log) Failing(ctx context.Context, t tenant.ID, q FailingQuery) (found FailingFound, err error) {
	if q.Subject != "" {
		return l.failingSubject(ctx, t, q)
	}
	for range maxPages {
		page, err := l.source.FailingPage(ctx, t, q.After, q.Limit)
		if err != nil {
			return FailingFound{}, err
		}
		left, err := l.stillFailing(ctx, t, page.Items)
		if err != nil {
			return FailingFound{}, err
		}
		// A page may have fewer subjects than its limit: the limit bounds what is read.
		for _, f := range left {
			if q.matches(f) {
				found.Failing = append(found.Failing, f)
			}
		}
		if found.Next = page.Last; !page.More {
			found.Next = ""
		}
		if len(found.Failing) > 0 || found.Next == "" {
			break
		}
		q.After = found.Next
	}
	latestFirst(found.Failing)
	return found, nil
}

func latestFirst(failing []journal.Failing) {
	slices.SortStableFunc(failing, func(x, y journal.Failing) int { return y.Last.Compare(x.Last) })
}

// failingSubject finds the failing subjects with a name or an id.
func (l *Log) failingSubject(ctx context.Context, t tenant.ID, q FailingQuery) (found FailingFound, err error) {
	records, err := l.source.FindRecords(ctx, t, q.Subject)
	if err != nil {
		return FailingFound{}, err
	}
	subjects := subjectsOf(q.Subject, records)
	failing, err := l.source.FailingOf(ctx, t, subjects)
	if err == nil && len(failing) == 0 {
		failing, err = l.failingByExternalID(ctx, t, q.Subject)
	}
	if err != nil {
		return FailingFound{}, err
	}
	var all []journal.Failing
	for _, f := range failing {
		if q.matches(f) {
			all = append(all, f)
		}
	}
	found.Failing, err = l.stillFailing(ctx, t, all)
	latestFirst(found.Failing)
	return found, err
}

// failingByExternalID finds failing subjects without a record by the externalId that
// they were sent with.
func (l *Log) failingByExternalID(ctx context.Context, t tenant.ID, id string) (map[journal.Subject]journal.Failing, error) {
	about := []journal.Subject{{Type: journal.TypeUser, ExternalID: id}, {Type: journal.TypeGroup, ExternalID: id}}
	pages, err := l.source.SubjectPages(ctx, t, about, Span{Limit: 1})
	if err != nil {
		return nil, err
	}
	var keys []string
	for _, page := range pages {
		keys = append(keys, page.Items...)
	}
	entries, err := l.source.Entries(ctx, t, keys)
	if err != nil {
		return nil, err
	}
	var subjects []journal.Subject
	for _, e := range entries {
		subjects = append(subjects, journal.Subject{Type: e.ResourceType, Name: e.Subject})
	}
	return l.source.FailingOf(ctx, t, subjects)
}

// stillFailing returns the subjects that still fail, and removes the others.
func (l *Log) stillFailing(ctx context.Context, t tenant.ID, failing []journal.Failing) ([]journal.Failing, error) {
	subjects := make([]journal.Subject, len(failing))
	for i, f := range failing {
		subjects[i] = f.Subject
	}
	records, err := l.source.LiveRecords(ctx, t, subjects)
	if err != nil {
		return nil, err
	}
	var left []journal.Failing
	var provisioned []journal.Subject
	for i, f := range failing {
		if resolved(f, records[i]) {
			provisioned = append(provisioned, f.Subject)
		} else {
			left = append(left, f)
		}
	}
	for part := range slices.Chunk(provisioned, maxResolved) {
		// If it fails, the next read does it.
		_ = l.source.Record(ctx, t, journal.Record{Resolved: part})
	}
	return left, nil
}

// resolved reports whether a failing subject has been provisioned since by a request
// that named it differently: under an id, if it failed by its name, or under another id.
// A record that exists under its id stops failing by its own next success. found are the
// live records that have the subject's id, name or externalId.
func resolved(f journal.Failing, found []LiveRecord) bool {
	if slices.ContainsFunc(found, func(r LiveRecord) bool { return r.ID == f.ID }) {
		return false
	}
	since := f.Last.Add(-time.Millisecond)
	return slices.ContainsFunc(found, func(r LiveRecord) bool { return r.Linked && r.Modified.After(since) })
}

// maxResolved is how many subjects are removed at once, each by two operations of a
// transaction.
const maxResolved = 50
