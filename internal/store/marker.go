package store

import (
	"context"
	"time"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// markerOps store the marker of a group that the application deletes, in the
// transaction that deletes it.
func markerOps(t tenant.ID, m *directory.DeletedGroup) []operation {
	if m == nil {
		return nil
	}
	return []operation{{Op: table.Put(table.Item{Key: markerKey(t, m.ID), Attributes: table.Attributes{
		attrSubject:      table.Text(cut(m.DisplayName)),
		attrTime:         millis(m.Deleted),
		attrWho:          table.Text(cut(m.Who)),
		table.ExpiryName: table.Number(m.Expires.Unix()),
	}})}}
}

func decodeMarker(item table.Item) directory.DeletedGroup {
	a := item.Attributes
	return directory.DeletedGroup{
		ID: item.Sort, DisplayName: a.Text(attrSubject), Deleted: timeOf(a, attrTime), Who: a.Text(attrWho),
		Expires: time.Unix(a.Number(table.ExpiryName), 0).UTC(),
	}
}

// DeletedGroup reads the marker of a group that the application deleted, nil if
// there is none.
func (s *Store) DeletedGroup(ctx context.Context, t tenant.ID, id string) (*directory.DeletedGroup, error) {
	if !directory.ValidID(id) {
		return nil, nil
	}
	item, ok, err := s.read(ctx, markerKey(t, id))
	if err != nil || !ok || expired(item.Attributes, s.now()) {
		return nil, err
	}
	m := decodeMarker(item)
	return &m, nil
}

// DeletedGroups reads a page of markers, by id.
func (s *Store) DeletedGroups(ctx context.Context, t tenant.ID, after string, limit int) (directory.Page[directory.DeletedGroup], error) {
	page, err := s.table.Query(ctx, table.Query{Partition: markerKey(t, "").Partition, After: after, Limit: limit})
	if err != nil {
		return directory.Page[directory.DeletedGroup]{}, readError(err)
	}
	found := directory.Page[directory.DeletedGroup]{More: page.More, Last: page.Last}
	for _, item := range page.Items {
		if !expired(item.Attributes, s.now()) {
			found.Records = append(found.Records, decodeMarker(item))
		}
	}
	return found, nil
}
