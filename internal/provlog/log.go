// Package provlog reads the provisioning log for administrators: it finds entries
// and failing subjects, explains a request or a pasted error, and sums up how
// provisioning goes. It writes no entry.
package provlog

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// Source reads the log and the records that it names. Package store implements it.
type Source interface {
	EntryReader
	RecordReader
	FailingSubjects
	OwedReader
}

// EntryReader reads the log. Keys are those of entries: UUIDv7s, in the order of time.
type EntryReader interface {
	// Entries reads entries by key; expired ones are left out.
	Entries(ctx context.Context, t tenant.ID, keys []string) (map[string]journal.Entry, error)
	// EntryPage reads a page of all entries, and FailurePage a page of the keys of
	// failures, newest first.
	EntryPage(ctx context.Context, t tenant.ID, s Span) (Page[journal.Entry], error)
	FailurePage(ctx context.Context, t tenant.ID, s Span) (Page[Ref], error)
	// SubjectPages reads the keys of the entries of subjects that no record links to,
	// newest first: one round trip.
	SubjectPages(ctx context.Context, t tenant.ID, about []journal.Subject, s Span) ([]Page[string], error)
	// Activity reads what was seen of a tenant's requests.
	Activity(ctx context.Context, t tenant.ID) (journal.Activity, error)
}

// RecordReader reads the users and groups that entries are about.
type RecordReader interface {
	// FindRecords reads the users and groups that have a text as id, userName,
	// displayName, primary email or externalId.
	FindRecords(ctx context.Context, t tenant.ID, text string) ([]Record, error)
	// NamesLike reads userNames, primary emails and displayNames of groups that begin
	// with a prefix, at most the given number of each, in the form in which names are
	// compared: one round trip.
	NamesLike(ctx context.Context, t tenant.ID, prefix string, limit int) ([]string, error)
	// LiveRecords reads, for each subject, the live records that have its id, its name
	// or its externalId.
	LiveRecords(ctx context.Context, t tenant.ID, subjects []journal.Subject) ([][]LiveRecord, error)
	// WhoAre reads the names and states of users, deleted ones too, by id.
	WhoAre(ctx context.Context, t tenant.ID, ids []string) (map[string]Who, error)
}

// FailingSubjects reads and removes failing subjects.
type FailingSubjects interface {
	// FailingPage reads a page of the failing subjects, in the order of their keys.
	FailingPage(ctx context.Context, t tenant.ID, after string, limit int) (Page[journal.Failing], error)
	// FailingOf reads which of some subjects are failing.
	FailingOf(ctx context.Context, t tenant.ID, subjects []journal.Subject) (map[journal.Subject]journal.Failing, error)
	// Record removes subjects that no longer fail.
	Record(ctx context.Context, t tenant.ID, r journal.Record) error
}

// Span is a part of the log, from its newest entry back.
type Span struct {
	// From and To are the earliest and the latest time, zero for no bound.
	From, To time.Time
	// After is the key after which the page begins, "" for the newest.
	After string
	// Limit is the largest number of items; 0 is as many as one round trip reads.
	Limit int
}

// Page is a page of items that a Source reads. While More, others may follow after
// Last.
type Page[E any] struct {
	Items []E
	Last  string
	More  bool
}

// Ref is the key and the cause of a failure.
type Ref struct {
	Key   string
	Cause cause.Cause
	// Count is the number of requests that it stands for, at least 1, and Unnamed
	// reports that it is not about a single user or group.
	Count   int64
	Unnamed bool
}

// LiveRecord is a live user or group, as far as it shows whether a subject still fails.
type LiveRecord struct {
	ID       string
	Modified time.Time
	// Linked reports that an identity provider manages the record, as it does every
	// group.
	Linked bool
}

// Record is a user or a group that a search finds.
type Record struct {
	Type, ID string
	History  journal.History
}

// Who is the name and the state of a user.
type Who struct {
	Subject string
	// State is active, inactive or deleted.
	State string
}

// Log answers the questions of administrators. Safe for concurrent use.
type Log struct {
	source Source
	now    func() time.Time
}

// NewLog returns a Log.
func NewLog(source Source, now func() time.Time) *Log { return &Log{source: source, now: now} }

// Query is a search of the log.
type Query struct {
	// Subject is a whole userName, displayName, primary email, externalId or id, ""
	// for all.
	Subject string
	Cause   cause.Cause
	Outcome journal.Outcome
	// Type is User or Group, "" for both.
	Type     string
	From, To time.Time
	// After is the Next of the page before.
	After string
	Limit int
}

// Found is a page of entries, newest first.
type Found struct {
	Entries []journal.Entry
	// Next continues the list, "" at its end.
	Next string
	// SearchedTo is the time back to which the log was searched, zero at its end.
	SearchedTo time.Time
}

// The bounds of one page: any search of a log of any length takes at most this many
// round trips. SearchedTo says how far the page went, and the next page continues
// there.
const (
	maxPages = 5
	maxLinks = 24
)

// matches reports whether an entry matches the filters of the search.
func (q Query) matches(e journal.Entry) bool {
	return (q.Cause == "" || e.Cause == q.Cause) && (q.Outcome == "" || e.Outcome == q.Outcome) &&
		(q.Type == "" || e.ResourceType == q.Type) &&
		(q.From.IsZero() || !e.Time.Before(q.From.Truncate(time.Millisecond))) && (q.To.IsZero() || !e.Time.After(q.To))
}

// Find reads a page of the log.
func (l *Log) Find(ctx context.Context, t tenant.ID, q Query) (Found, error) {
	switch {
	case q.Subject != "":
		return l.ofSubject(ctx, t, q)
	case q.Outcome == journal.Failure, q.Outcome == "" && q.Cause != "" && q.Cause.Meaning().Status != 0 && !q.Cause.Warns():
		return l.failures(ctx, t, q)
	}
	return l.all(ctx, t, q)
}

// all reads the whole log.
func (l *Log) all(ctx context.Context, t tenant.ID, q Query) (found Found, err error) {
	span := Span{From: q.From, To: q.To, After: q.After}
	if q.Cause == "" && q.Outcome == "" && q.Type == "" {
		span.Limit = q.Limit
	}
	for range maxPages {
		page, err := l.source.EntryPage(ctx, t, span)
		if err != nil {
			return Found{}, err
		}
		for _, e := range page.Items {
			span.After = e.Key()
			if q.matches(e) {
				found.Entries = append(found.Entries, e)
			}
			found.SearchedTo = e.Time
			if len(found.Entries) == q.Limit {
				found.Next = span.After
				return found, nil
			}
		}
		if !page.More {
			found.SearchedTo = time.Time{}
			return found, nil
		}
		span.After = page.Last
	}
	found.Next = span.After
	return found, nil
}

// failures reads the failures only.
func (l *Log) failures(ctx context.Context, t tenant.ID, q Query) (found Found, err error) {
	span := Span{From: q.From, To: q.To, After: q.After}
	if q.Cause == "" && q.Type == "" {
		span.Limit = q.Limit
	}
	var keys []string
	for range maxPages {
		page, err := l.source.FailurePage(ctx, t, span)
		if err != nil {
			return Found{}, err
		}
		more := page.More
		for _, ref := range page.Items {
			if len(keys) == q.Limit {
				more = true
				break
			}
			span.After = ref.Key
			if q.Cause == "" || ref.Cause == q.Cause {
				keys = append(keys, ref.Key)
			}
		}
		if !more {
			span.After = ""
			break
		}
		if len(keys) == q.Limit {
			break
		}
		span.After = page.Last
	}
	entries, err := l.source.Entries(ctx, t, keys)
	if err != nil {
		return Found{}, err
	}
	for _, key := range keys {
		if e, ok := entries[key]; ok && q.matches(e) {
			found.Entries = append(found.Entries, e)
		}
	}
	if found.Next = span.After; found.Next != "" {
		found.SearchedTo = timeOfKey(found.Next)
	}
	return found, nil
}

// subjectsOf returns the names under which the entries of a searched subject are kept.
func subjectsOf(text string, records []Record) []journal.Subject {
	var subjects []journal.Subject
	for _, r := range records {
		subjects = append(subjects, journal.Subject{Type: r.Type, ID: r.ID})
	}
	for _, kind := range []string{journal.TypeUser, journal.TypeGroup} {
		if directory.ValidID(text) {
			subjects = append(subjects, journal.Subject{Type: kind, ID: text})
		}
		subjects = append(subjects, journal.Subject{Type: kind, Name: text}, journal.Subject{Type: kind, ExternalID: text})
	}
	slices.SortFunc(subjects, func(x, y journal.Subject) int {
		return strings.Compare(x.Type+"\x00"+x.ID+"\x00"+x.Name+"\x00"+x.ExternalID, y.Type+"\x00"+y.ID+"\x00"+y.Name+"\x00"+y.ExternalID)
	})
	return slices.Compact(subjects)
}

// ofSubject reads the history of a searched subject: the entries that its records link
// to, one after the other, and those that no record links to, in the order of time.
func (l *Log) ofSubject(ctx context.Context, t tenant.ID, q Query) (found Found, err error) {
	records, err := l.source.FindRecords(ctx, t, q.Subject)
	if err != nil {
		return Found{}, err
	}
	h := history{log: l, tenant: t, read: map[string]journal.Entry{}, seen: map[string]bool{}}
	last, pending, begun := openPlace(q.After)
	h.before = last
	h.add(pending)
	if !begun {
		for _, r := range records {
			h.add(r.History)
		}
	}
	span := Span{From: q.From, To: q.To, After: last, Limit: q.Limit + 1}
	cut, err := h.index(ctx, subjectsOf(q.Subject, records), span)
	if err != nil {
		return Found{}, err
	}
	for len(found.Entries) < q.Limit && len(h.pending) > 0 {
		key := h.pending[0]
		if cut != "" && key < cut {
			break // others of the index come before it
		}
		e, ok, err := h.entry(ctx, key)
		if err != nil {
			return Found{}, err
		}
		if !ok {
			break
		}
		h.pending = h.pending[1:]
		if last == "" || key < last {
			last = key
		}
		if e.Key() == "" {
			continue // it has expired
		}
		h.add(e.Earlier)
		if q.matches(e) {
			found.Entries = append(found.Entries, e)
		}
	}
	if len(h.pending) > 0 || cut != "" {
		found.Next, found.SearchedTo = placeOf(last, h.chained()), timeOfKey(last)
	}
	return found, nil
}

// entry returns the entry of a key, empty if it has expired; ok is false if too many
// links had to be followed before.
func (h *history) entry(ctx context.Context, key string) (e journal.Entry, ok bool, err error) {
	if _, read := h.read[key]; !read {
		if h.trips == maxLinks {
			return e, false, nil
		}
		if err := h.fetch(ctx); err != nil {
			return e, false, err
		}
	}
	return h.read[key], true, nil
}

// history collects the entries of one subject.
type history struct {
	log    *Log
	tenant tenant.ID
	// pending are the keys still to be read, newest first; those in the index can be
	// found again.
	pending []string
	indexed map[string]bool
	seen    map[string]bool
	// before is the last key of the page before, or "" if there is none: entries
	// that are not older were on that page. An entry may link to a newer one that
	// was written earlier.
	before string
	read   map[string]journal.Entry
	trips  int
}

func (h *history) add(keys []string) {
	for _, key := range keys {
		if !h.seen[key] && (h.before == "" || key < h.before) {
			h.seen[key] = true
			h.pending = append(h.pending, key)
		}
	}
	slices.SortFunc(h.pending, func(x, y string) int { return strings.Compare(y, x) })
}

// index adds the entries of subjects in the index. cut is the key below which others
// may not have been read, or "" if there is none.
func (h *history) index(ctx context.Context, subjects []journal.Subject, span Span) (cut string, err error) {
	h.indexed = map[string]bool{}
	pages, err := h.log.source.SubjectPages(ctx, h.tenant, subjects, span)
	if err != nil {
		return "", err
	}
	for _, page := range pages {
		for _, key := range page.Items {
			h.indexed[key] = true
		}
		h.add(page.Items)
		if page.More {
			cut = max(cut, page.Last)
		}
	}
	return cut, nil
}

// fetch reads the next pending entries.
func (h *history) fetch(ctx context.Context) error {
	const most = 25
	var keys []string
	for _, key := range h.pending {
		if _, read := h.read[key]; !read && len(keys) < most {
			keys = append(keys, key)
		}
	}
	entries, err := h.log.source.Entries(ctx, h.tenant, keys)
	h.trips++
	for _, key := range keys {
		h.read[key] = entries[key] // zero for an expired one, so that it is not read again
	}
	return err
}

// chained returns the pending keys that only records link to.
func (h *history) chained() []string {
	var keys []string
	for _, key := range h.pending {
		if !h.indexed[key] && len(keys) < 2*journal.MaxHistory {
			keys = append(keys, key)
		}
	}
	return keys
}

// placeOf encodes where a history continues: after an entry, with the pending keys.
func placeOf(last string, pending []string) string {
	return strings.Join(append([]string{last}, pending...), ".")
}

func openPlace(place string) (last string, pending []string, begun bool) {
	if place == "" {
		return "", nil, false
	}
	keys := strings.Split(place, ".")
	return keys[0], keys[1:], true
}
