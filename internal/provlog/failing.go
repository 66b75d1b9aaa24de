package provlog

import (
	"context"
	"slices"

	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// FailingQuery says which of those who fail are wanted.
type FailingQuery struct {
	// Subject is a userName, displayName, externalId or id, "" for all.
	Subject string
	Cause   Cause
	Type    string
	// After is the Next of the page before.
	After string
	Limit int
}

// FailingFound is a page of those who fail, the latest failure first within it.
type FailingFound struct {
	Failing []Failing
	// Next continues the list, "" at its end.
	Next string
}

// Failing reads a page of those who fail now. Who was provisioned since, by another
// name or under another id, is left out and taken away.
func (l *Log) Failing(ctx context.Context, t tenant.ID, q FailingQuery) (found FailingFound, err error) {
	if q.Subject != "" {
		return l.failingSubject(ctx, t, q)
	}
	for range maxPages {
		page, err := l.source.FailingPage(ctx, t, q.After, q.Limit)
		if err != nil {
			return FailingFound{}, err
		}
		left, err := l.unsettled(ctx, t, page.Items)
		if err != nil {
			return FailingFound{}, err
		}
		// A page may have fewer than were wanted, and is not made up from the next: its
		// bound is what is read.
		for _, f := range left {
			if (q.Cause == "" || f.Cause == q.Cause) && (q.Type == "" || f.Type == q.Type) {
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

func latestFirst(failing []Failing) {
	slices.SortStableFunc(failing, func(x, y Failing) int { return y.Last.Compare(x.Last) })
}

// failingSubject are those whom a text means.
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
	var all []Failing
	for _, f := range failing {
		if (q.Cause == "" || f.Cause == q.Cause) && (q.Type == "" || f.Type == q.Type) {
			all = append(all, f)
		}
	}
	found.Failing, err = l.unsettled(ctx, t, all)
	latestFirst(found.Failing)
	return found, err
}

// failingByExternalID are those without a record who failed by their names, found by
// the externalId that they were sent with.
func (l *Log) failingByExternalID(ctx context.Context, t tenant.ID, id string) (map[Subject]Failing, error) {
	about := []Subject{{Type: TypeUser, ExternalID: id}, {Type: TypeGroup, ExternalID: id}}
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
	var subjects []Subject
	for _, e := range entries {
		subjects = append(subjects, Subject{Type: e.ResourceType, Name: e.Subject})
	}
	return l.source.FailingOf(ctx, t, subjects)
}

// unsettled are those who still fail; the others are taken away.
func (l *Log) unsettled(ctx context.Context, t tenant.ID, failing []Failing) ([]Failing, error) {
	settled, err := l.source.Settled(ctx, t, failing)
	if err != nil {
		return nil, err
	}
	var left []Failing
	var mended []Subject
	for i, f := range failing {
		if settled[i] {
			mended = append(mended, f.Subject)
		} else {
			left = append(left, f)
		}
	}
	for part := range slices.Chunk(mended, maxMended) {
		// Should it fail, the next reader does it.
		_ = l.source.Note(ctx, t, Note{Mended: part})
	}
	return left, nil
}

// maxMended is how many are taken away at once.
const maxMended = 50
