package store

import (
	"context"
	"errors"

	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// The attributes of a failing subject that was dismissed.
const (
	attrDismissed   = "dreq" // the failed request
	attrDismissedAt = "dat"  // when
	attrDismissedBy = "dby"  // by whom
	attrDismissedAs = "dwhy" // the reason
)

// decodeDismissal returns the dismissal of a failing subject. One that failed again since is
// not dismissed, whichever version of the service has counted the failure.
func decodeDismissal(a table.Attributes) journal.Dismissal {
	if a.Text(attrDismissed) == "" || a.Text(attrDismissed) != a.Text(attrRequest) {
		return journal.Dismissal{}
	}
	return journal.Dismissal{
		RequestID: a.Text(attrRequest), Time: timeOf(a, attrDismissedAt), Who: a.Text(attrDismissedBy), Reason: a.Text(attrDismissedAs),
	}
}

// Dismiss marks the subject of a failure as dismissed, and returns it as it was: two round
// trips to find it, and one transaction.
//
//	failing subject   its last failed request is the dismissed one
//	log entry         absent
//	index             of the entry
//
// A request that fails meanwhile is not dismissed with it: the administrator has not seen it.
func (s *Store) Dismiss(ctx context.Context, t tenant.ID, d journal.Dismissal) (journal.Failing, error) {
	failing, name, err := s.failedBy(ctx, t, d.RequestID)
	if err != nil {
		return failing, err
	}
	e := d.Entry(failing)
	logged := logItem(t, e, d.Expires)
	logged.Attributes[attrAbout] = table.Text(name)
	err = s.write(ctx, d.Time.Add(journal.WriteTime),
		table.Update(failingKey(t, name), table.Change{Set: table.Attributes{
			attrDismissed: table.Text(d.RequestID), attrDismissedAt: millis(d.Time),
			attrDismissedBy: table.Text(cut(d.Who)), attrDismissedAs: table.Text(d.Reason),
		}}, table.Is(attrRequest, table.Text(d.RequestID))),
		table.Put(logged, table.Absent()),
		table.Put(table.Item{
			Key: indexKey(t, indexSubject+name+"#", e.Key()), Attributes: table.Attributes{table.ExpiryName: table.Number(d.Expires.Unix())},
		}))
	var failed *table.ConditionError
	if errors.As(err, &failed) {
		if _, _, again := s.failedBy(ctx, t, d.RequestID); again != nil {
			return failing, again
		}
	}
	failing.Dismissal = d
	return failing, writeError(err)
}

// failedBy reads the subject that fails by a request, and its name among the failing ones.
func (s *Store) failedBy(ctx context.Context, t tenant.ID, request string) (f journal.Failing, name string, err error) {
	entry, ok, err := s.read(ctx, logKey(t, request, 0))
	if err != nil {
		return f, "", err
	}
	name = entry.Attributes.Text(attrAbout)
	if !ok || name == "" || entry.Attributes.Text(attrOutcome) != string(journal.Failure) || expired(entry.Attributes, s.now()) {
		return f, "", journal.ErrNotFailing
	}
	item, ok, err := s.read(ctx, failingKey(t, name))
	switch {
	case err != nil:
		return f, "", err
	case !ok, expired(item.Attributes, s.now()):
		return f, "", journal.ErrNotFailing
	case item.Attributes.Text(attrRequest) != request:
		return f, "", journal.ErrFailedAgain
	}
	return decodeFailing(item), name, nil
}
