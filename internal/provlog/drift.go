package provlog

import (
	"context"
	"time"

	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// Quiet returns which of some records, by id, no identity provider has changed since a time,
// or tried to. Requests that only read have no entry, and the entries of those that had
// nothing to change are found by no subject: neither is known.
//
// It reads the newest entries of each record, at most journal.MaxHistory. A record that the
// application has changed more often since then counts as not quiet.
func (l *Log) Quiet(ctx context.Context, t tenant.ID, records []Record, since time.Time) (map[string]bool, error) {
	keys := map[string][]string{}
	var subjects []journal.Subject
	for _, r := range records {
		keys[r.ID] = recent(r.History, since)
		subjects = append(subjects, journal.Subject{Type: r.Type, ID: r.ID})
	}
	pages, err := l.source.SubjectPages(ctx, t, subjects, Span{From: since, Limit: journal.MaxHistory})
	if err != nil {
		return nil, err
	}
	var wanted []string
	for i, r := range records {
		keys[r.ID] = append(keys[r.ID], pages[i].Items...)
		wanted = append(wanted, keys[r.ID]...)
	}
	entries, err := l.source.Entries(ctx, t, wanted)
	if err != nil {
		return nil, err
	}
	quiet := map[string]bool{}
	for i, r := range records {
		quiet[r.ID] = len(recent(r.History, since)) < journal.MaxHistory && !pages[i].More
		for _, key := range keys[r.ID] {
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
