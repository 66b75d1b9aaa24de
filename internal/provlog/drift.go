package provlog

import (
	"context"
	"slices"
	"time"

	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// Quiet returns, by id, which of some records no identity provider has changed, or tried to
// change, since a time. It does not know of requests that only read, which have no entry, or
// of those that had nothing to change, whose entries are not found by their subject.
//
// It reads the newest entries of each record, at most journal.MaxHistory. A record that the
// application has changed more often since then counts as not quiet.
func (l *Log) Quiet(ctx context.Context, t tenant.ID, records []Record, since time.Time) (map[string]bool, error) {
	keys := make([][]string, len(records))
	subjects := make([]journal.Subject, len(records))
	for i, r := range records {
		keys[i], subjects[i] = recent(r.History, since), journal.Subject{Type: r.Type, ID: r.ID}
	}
	pages, err := l.source.SubjectPages(ctx, t, subjects, Span{From: since, Limit: journal.MaxHistory})
	if err != nil {
		return nil, err
	}
	quiet := map[string]bool{}
	for i, r := range records {
		quiet[r.ID] = len(keys[i]) < journal.MaxHistory && !pages[i].More
		keys[i] = append(keys[i], pages[i].Items...)
	}
	entries, err := l.source.Entries(ctx, t, slices.Concat(keys...))
	if err != nil {
		return nil, err
	}
	for i, r := range records {
		for _, key := range keys[i] {
			if e, ok := entries[key]; ok && e.By != journal.ByApplication {
				quiet[r.ID] = false
			}
		}
	}
	return quiet, nil
}

// recent returns the keys of entries since a time.
func recent(h journal.History, since time.Time) []string {
	var keys []string
	for _, key := range h {
		if !timeOfKey(key).Before(since) {
			keys = append(keys, key)
		}
	}
	return keys
}
