package oauth

import (
	"context"
	"time"

	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// A Journal keeps log entries. Package store implements it.
type Journal interface {
	Record(ctx context.Context, t tenant.ID, r journal.Record) error
}

// recordTime is how long an answer waits while its entry is written.
const recordTime = 2 * time.Second

// record writes the entry of a refused request of an existing client: one a minute for each
// client and cause, so that nobody who knows a client's id can fill the log. It is written
// before the answer is sent. If it cannot be written, the event says so.
func (s *Service) record(ctx context.Context, q *request, p *problem) {
	t := q.client.Tenant
	// Nothing may be written of a tenant that its deletion has passed already.
	if s.Journal == nil || t.IsZero() || q.client.Settings.Ending || journal.RuleOf(p.cause).Entries != journal.OneAMinute {
		return
	}
	kept, standsFor := s.sampled.Take(t, p.cause, q.client.Client.ID, q.start)
	if !kept {
		return
	}
	e, now := q.event, s.Now()
	entry := &journal.Entry{
		RequestID: q.id, Time: q.start, TokenID: e.ClientID, IdP: e.IdP, Operation: e.Operation, Outcome: e.Outcome,
		Cause: p.cause, Remedy: p.remedy, Detail: e.Detail, StandsFor: standsFor, Unnamed: true, IdPRequestID: e.IdPRequestID,
	}
	if journal.Late(q.start, now) { // the log is ordered by id
		entry.ID, entry.Time = s.NewID(), now
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTime)
	defer cancel()
	e.JournalError = s.Journal.Record(ctx, t, journal.Record{
		Entry: entry, RequestID: q.id, Expires: q.start.Add(q.client.Settings.LogRetention()), NotAfter: entry.Time.Add(journal.WriteTime),
	})
}
