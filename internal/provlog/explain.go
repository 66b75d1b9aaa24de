package provlog

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// ErrNoEntry reports that the log has no entry of a request.
var ErrNoEntry = errors.New("provlog: no entry of the request")

// Explanation describes one request.
type Explanation struct {
	RequestID string
	Entries   []journal.Entry
	// Members are the members that a group's failure or warning is about, by the key of
	// the entry.
	Members map[string][]Member
	// Now reports whether the failure is resolved.
	Now State
	// Failing is the subject's failure now, or nil if there is none.
	Failing *journal.Failing
	// FixedBy is the first success after the failure, nil where it is not known.
	FixedBy *journal.Entry
}

// State is the state of a failure now.
type State string

// The states; a request that did not fail has none.
const (
	StillFailing State = "failing"
	Fixed        State = "fixed"
	// Forgotten: no request has named the subject for so long that it is no longer listed.
	Forgotten State = "forgotten"
)

// Member is a member that a group's failure or warning is about.
type Member struct {
	ID string
	Who
	// Failing is the failure of the member's own provisioning, or nil if there is
	// none.
	Failing *journal.Failing
}

// partTime is the longest time from a request to the entry of its last part.
const partTime = 20 * time.Second

// Explain reads what is known of one request, or returns ErrNoEntry.
func (l *Log) Explain(ctx context.Context, t tenant.ID, id string) (Explanation, error) {
	x := Explanation{RequestID: id, Members: map[string][]Member{}}
	if !IsRequestID(id) {
		return x, ErrNoEntry
	}
	entries, err := l.source.Entries(ctx, t, []string{id})
	if err != nil {
		return x, err
	}
	first, ok := entries[id]
	if ok {
		x.Entries = append(x.Entries, first)
	}
	if !ok || first.Operation == "bulk" || hasParts(first) {
		parts, err := l.parts(ctx, t, id)
		if err != nil {
			return x, err
		}
		x.Entries = append(x.Entries, parts...)
	}
	if len(x.Entries) == 0 {
		return x, ErrNoEntry
	}
	for _, e := range x.Entries {
		members, err := l.members(ctx, t, e.Skipped)
		if err != nil {
			return x, err
		}
		if len(members) > 0 {
			x.Members[e.Key()] = members
		}
	}
	return x, l.since(ctx, t, &x)
}

// hasParts reports whether a request may have further entries with ids of their own:
// many members are added or removed in parts.
func hasParts(e journal.Entry) bool {
	return e.ResourceType == journal.TypeGroup && slices.Contains(e.Changed, "members") && !e.NewSet && len(e.Added)+len(e.Removed) == 0
}

// parts returns the entries that name a request, oldest first.
func (l *Log) parts(ctx context.Context, t tenant.ID, id string) ([]journal.Entry, error) {
	from := timeOfKey(id)
	span := Span{From: from, To: from.Add(partTime)}
	var parts []journal.Entry
	for range maxPages {
		page, err := l.source.EntryPage(ctx, t, span)
		if err != nil {
			return nil, err
		}
		for _, e := range page.Items {
			if e.Key() != id && (e.RequestID == id || e.BulkID == id) {
				parts = append(parts, e)
			}
		}
		if !page.More {
			break
		}
		span.After = page.Last
	}
	slices.Reverse(parts)
	return parts, nil
}

// members reads the names and states of the members that an entry names, and the
// failures of their own provisioning.
func (l *Log) members(ctx context.Context, t tenant.ID, ids []string) ([]Member, error) {
	ids = slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return id == "" || id == "…" })
	// An identity provider may have sent a name or its own id instead of our id.
	return l.membersAs(ctx, t, ids, func(id string) []journal.Subject {
		return []journal.Subject{{Type: journal.TypeUser, ID: id}, {Type: journal.TypeUser, Name: id}, {Type: journal.TypeUser, ExternalID: id}}
	})
}

// Members reads the names and the states of members, and the failures of their own
// provisioning, by their ids: two round trips for each hundred.
func (l *Log) Members(ctx context.Context, t tenant.ID, ids []string) ([]Member, error) {
	return l.membersAs(ctx, t, ids, func(id string) []journal.Subject { return []journal.Subject{{Type: journal.TypeUser, ID: id}} })
}

// membersAs reads members that fail under one of their names.
func (l *Log) membersAs(ctx context.Context, t tenant.ID, ids []string, names func(id string) []journal.Subject) ([]Member, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	who, err := l.source.WhoAre(ctx, t, ids)
	if err != nil {
		return nil, err
	}
	var subjects []journal.Subject
	for _, id := range ids {
		subjects = append(subjects, names(id)...)
	}
	failing, err := l.source.FailingOf(ctx, t, subjects)
	if err != nil {
		return nil, err
	}
	members := make([]Member, 0, len(ids))
	for _, id := range ids {
		m := Member{ID: id, Who: who[id]}
		if m.State == "" {
			m.State = "unknown"
		}
		for _, s := range names(id) {
			if f, ok := failing[s]; ok && m.Failing == nil {
				m.Failing = &f
				if m.Subject == "" {
					m.Subject = f.Name
				}
			}
		}
		members = append(members, m)
	}
	return members, nil
}

// since finds out the state of the first failure among the entries.
func (l *Log) since(ctx context.Context, t tenant.ID, x *Explanation) error {
	at := slices.IndexFunc(x.Entries, func(e journal.Entry) bool { return e.Outcome == journal.Failure && e.About.Type != "" })
	if at < 0 {
		return nil
	}
	failed := x.Entries[at]
	text := failed.ResourceID
	if text == "" {
		// The record that has the value, even if the request had another name for it.
		text = failed.About.ID
	}
	if text == "" {
		text = failed.Subject
	}
	if text == "" {
		text = failed.ExternalID
	}
	found, err := l.Failing(ctx, t, FailingQuery{Subject: text, Type: failed.ResourceType, Dismissed: WithDismissed})
	if err != nil {
		return err
	}
	if len(found.Failing) > 0 {
		x.Now, x.Failing = StillFailing, &found.Failing[0]
		return nil
	}
	x.Now = Fixed
	later, err := l.Find(ctx, t, Query{Subject: text, From: failed.Time, Limit: maxLater})
	if err != nil {
		return err
	}
	for _, e := range later.Entries { // newest first: the last one stays
		if e.Outcome != journal.Failure && e.Operation != journal.Dismiss && e.Key() > failed.Key() {
			x.FixedBy = &e
		}
	}
	if x.FixedBy == nil && failed.About.ID == "" && l.now().Sub(failed.Time) >= journal.NamedFailureKept {
		x.Now = Forgotten
	}
	return nil
}

// maxLater is how many entries after a failure are searched for the success.
const maxLater = 50
