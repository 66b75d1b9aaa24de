package store

import (
	"context"
	"errors"
	"time"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/provlog"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
	"github.com/rollcall-scim/rollcall/internal/watch"
)

const attrReported = "said" // what is remembered of a report

// FactOf returns what a record says that may have to be reported; ok is false for any other
// record. An entry of the log is one if it has a cause, or is of a user who departs.
func FactOf(r table.Record) (fact watch.Fact, ok bool) {
	if r.Item == nil || r.Fault != nil {
		return fact, false
	}
	name, of, ok := splitPartition(r.Key.Partition)
	if !ok {
		return fact, false
	}
	t, err := tenant.ParseID(name)
	if err != nil {
		return fact, false
	}
	switch {
	case of == "LEDGER":
		return watch.Fact{Tenant: t, Counts: true}, true
	case of == logName && r.Inserted && mayBeReported(r.Item.Attributes):
		e := decodeEntry(*r.Item)
		return watch.Fact{Tenant: t, Entry: &e}, e.Cause != "" || e.Departs()
	}
	return fact, false
}

// mayBeReported reports whether an entry has a cause or ends a user's activity. Most entries do
// not, and need not be decoded.
func mayBeReported(entry table.Attributes) bool {
	return entry.Text(attrCause) != "" || journal.Action(entry.Text(attrAction)).EndsActivity()
}

// Watched implements watch.Store.
func (s *Store) Watched(ctx context.Context, t tenant.ID, name string) (string, error) {
	item, _, err := s.read(ctx, watchKey(t, name))
	return item.Attributes.Text(attrReported), err
}

// Report implements watch.Store. The condition on what is remembered settles the race of two
// looks at one change. The deletion of a tenant begins long after the last write that began
// while it was not ending (endingTime), so that it finds this one.
func (s *Store) Report(ctx context.Context, t tenant.ID, r watch.Report) error {
	now := s.now()
	item, ok, err := s.read(ctx, tenantKey(t))
	if err != nil || !ok {
		return err
	}
	settings, err := decodeSettings(t, item.Attributes.Text(attrSettings))
	if err != nil || settings.Ending {
		return err
	}
	r.Signal.ID, r.Signal.Time = s.newID(), now
	state := table.Attributes{attrReported: table.Text(r.After)}
	if !r.Until.IsZero() {
		state[table.ExpiryName] = table.Number(r.Until.Unix())
	}
	when := table.Absent()
	if r.Before != "" {
		when = table.Is(attrReported, table.Text(r.Before))
	}
	ops := []table.Op{table.Put(table.Item{Key: watchKey(t, r.Name), Attributes: state}, when)}
	if r.Signal.Type != "" {
		ops = append(ops, signalOp(t, r.Signal, now.Add(settings.LogRetention())))
	}
	err = s.write(ctx, now.Add(journal.WriteTime), ops...)
	var failed *table.ConditionError
	if errors.As(err, &failed) {
		return watch.ErrReported
	}
	return writeError(err)
}

// Credential implements watch.Store.
func (s *Store) Credential(ctx context.Context, t tenant.ID, id string) (watch.Credential, bool, error) {
	items, err := s.table.Get(ctx, tokenKey(t, id), clientKey(t, id))
	if err != nil {
		return watch.Credential{}, false, readError(err)
	}
	if item, ok := items[tokenKey(t, id)]; ok {
		r := decodeToken(id, item.Attributes, nil)
		return watch.Credential{Label: r.Label, LastFour: r.LastFour, Ended: ended(r, s.now())}, true, nil
	}
	item, ok := items[clientKey(t, id)]
	if !ok {
		return watch.Credential{}, false, nil
	}
	c, err := decodeClient(id, item.Attributes)
	return watch.Credential{Client: true, Label: c.Label, Ended: c.Revoked}, err == nil, err
}

// maxHour is how many entries of the log are read at most to count the deactivations of an hour:
// about 5,000 read units.
const maxHour = 20_000

// Deactivated implements watch.Store, newest first.
func (s *Store) Deactivated(ctx context.Context, t tenant.ID, from, to time.Time) (watch.Deactivated, error) {
	return s.deactivated(ctx, t, from, to, maxHour)
}

// deactivated reads at most about a number of entries.
func (s *Store) deactivated(ctx context.Context, t tenant.ID, from, to time.Time, most int) (watch.Deactivated, error) {
	d := watch.Deactivated{Users: map[string]watch.Deactivation{}}
	read := 0
	q := newest(partition(t, logName), "", provlog.Span{From: from, To: to, Limit: min(most, 1000)})
	err := s.pages(ctx, q, func(items []table.Item) (bool, error) {
		read += len(items)
		d.Cut = read > most
		for _, item := range items {
			e := decodeEntry(item)
			if _, known := d.Users[e.ResourceID]; !known && e.Departs() {
				d.Users[e.ResourceID] = watch.Deactivation{At: e.Time, TokenID: e.TokenID, IdP: string(e.IdP)}
			}
		}
		return !d.Cut, nil
	})
	return d, err
}

// UnusualDeactivations returns the last report of unusual deactivations; ok is false if there
// was none.
func (s *Store) UnusualDeactivations(ctx context.Context, t tenant.ID) (u journal.UnusualDeactivations, ok bool, err error) {
	said, err := s.Watched(ctx, t, watch.DeactivationsName)
	u, ok = watch.ParseDeactivations(said)
	return u, ok && err == nil, err
}

// ended returns when a token was revoked or expired, zero for a live one.
func ended(r access.Record, now time.Time) time.Time {
	switch {
	case r.Live(now):
		return time.Time{}
	case !r.Revoked.IsZero():
		return r.Revoked
	}
	return r.Expires
}
