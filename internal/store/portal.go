package store

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// The attributes of links to the portal and of its sessions, besides attrHash, attrWho,
// attrCreated and attrExpires.
const (
	attrSetup  = "setup" // 1: the person may connect identity providers
	attrReturn = "back"  // where the portal leads back to
)

// portalName is the name of the partition with the portal's links and sessions.
const portalName = "PORTAL"

func linkKey(t tenant.ID, id string) table.Key {
	return table.Key{Partition: partition(t, portalName), Sort: "LINK#" + id}
}

func sessionKey(t tenant.ID, id string) table.Key {
	return table.Key{Partition: partition(t, portalName), Sort: "SESSION#" + id}
}

// wrongKey returns the key of the count of links that do not work, which an address has tried in
// a span of time.
func wrongKey(t tenant.ID, address string, span int64) table.Key {
	return table.Key{Partition: partition(t, portalName), Sort: "WRONG#" + address + "#" + strconv.FormatInt(span, 10)}
}

// AddLink implements access.VisitStore. As for a token, the condition on the tenant refuses a
// link of a tenant that is being deleted.
func (s *Store) AddLink(ctx context.Context, t tenant.ID, link access.Visit) error {
	err := s.write(ctx, s.now().Add(journal.WriteTime),
		table.Put(visitItem(linkKey(t, link.ID), link), table.Absent()), table.Check(tenantKey(t), table.Present()))
	var failed *table.ConditionError
	if errors.As(err, &failed) {
		return tenant.ErrNotFound
	}
	return writeError(err)
}

// Link implements access.VisitStore, in one round trip.
func (s *Store) Link(ctx context.Context, t tenant.ID, id, address string, span int64) (link access.Visit, wrong int, ok bool, err error) {
	items, err := s.table.Get(ctx, linkKey(t, id), wrongKey(t, address, span), tenantKey(t))
	if err != nil {
		return access.Visit{}, 0, false, readError(err)
	}
	link, ok, err = visitOf(t, items, linkKey(t, id), id)
	return link, int(items[wrongKey(t, address, span)].Attributes.Number(attrCount)), ok, err
}

// CountWrong implements access.VisitStore.
func (s *Store) CountWrong(ctx context.Context, t tenant.ID, address string, span int64, until time.Time) error {
	err := s.write(ctx, s.now().Add(journal.WriteTime), table.Update(wrongKey(t, address, span), table.Change{
		Set: table.Attributes{table.ExpiryName: table.Number(until.Unix())}, Add: map[string]int64{attrCount: 1},
	}), table.Check(tenantKey(t), table.Present()))
	var failed *table.ConditionError
	if errors.As(err, &failed) {
		return nil // nothing is stored of a tenant that is gone
	}
	return writeError(err)
}

// OpenLink implements access.VisitStore. The condition on the link settles the race of two
// requests with it.
func (s *Store) OpenLink(ctx context.Context, t tenant.ID, link string, session access.Visit) error {
	err := s.write(ctx, s.now().Add(journal.WriteTime),
		table.Delete(linkKey(t, link), table.Present()), table.Put(visitItem(sessionKey(t, session.ID), session), table.Absent()),
		table.Check(tenantKey(t), table.Present()))
	var failed *table.ConditionError
	if errors.As(err, &failed) {
		return access.ErrNoLink
	}
	return writeError(err)
}

// Session implements access.VisitStore.
func (s *Store) Session(ctx context.Context, t tenant.ID, id string) (session access.Visit, ok bool, err error) {
	items, err := s.table.Get(ctx, sessionKey(t, id), tenantKey(t))
	if err != nil {
		return access.Visit{}, false, readError(err)
	}
	return visitOf(t, items, sessionKey(t, id), id)
}

// visitOf returns a link or a session; ok is false if it does not exist, or if its tenant is being
// deleted or was created after it: then it is of an earlier tenant with the same id.
func visitOf(t tenant.ID, items map[table.Key]table.Item, key table.Key, id string) (v access.Visit, ok bool, err error) {
	item, exists := items[key]
	owner, owned := items[tenantKey(t)]
	if !exists || !owned {
		return access.Visit{}, false, nil
	}
	settings, err := decodeSettings(t, owner.Attributes.Text(attrSettings))
	v = decodeVisit(id, item.Attributes)
	earliest := timeOf(owner.Attributes, attrCreated).Add(-journal.ClockDifference) // of another instance
	return v, err == nil && !settings.Ending && !v.Created.Before(earliest), err
}

// EndSession implements access.VisitStore.
func (s *Store) EndSession(ctx context.Context, t tenant.ID, id string) error {
	return writeError(s.write(ctx, s.now().Add(journal.WriteTime), table.Delete(sessionKey(t, id))))
}

func visitItem(key table.Key, v access.Visit) table.Item {
	a := table.Attributes{
		attrHash: table.Text(v.Hash), attrWho: table.Text(v.Actor), attrCreated: millis(v.Created), attrExpires: millis(v.Expires),
		table.ExpiryName: table.Number(v.Expires.Unix() + 1),
	}
	if v.Setup {
		a[attrSetup] = table.Number(1)
	}
	if v.ReturnURL != "" {
		a[attrReturn] = table.Text(v.ReturnURL)
	}
	return table.Item{Key: key, Attributes: a}
}

func decodeVisit(id string, a table.Attributes) access.Visit {
	return access.Visit{
		Visitor: access.Visitor{Actor: a.Text(attrWho), Setup: a.Number(attrSetup) == 1, ReturnURL: a.Text(attrReturn)},
		ID:      id, Hash: a.Text(attrHash), Created: timeOf(a, attrCreated), Expires: timeOf(a, attrExpires),
	}
}
