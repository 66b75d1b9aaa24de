package store

import (
	"context"

	"github.com/rollcall-scim/rollcall/internal/table"
)

// auditGuard compares the protected users with their list, and with the item of
// each.
func (s *Store) auditGuard(ctx context.Context, a *audit) error {
	guarded, err := s.Guarded(ctx, a.tenant)
	if err != nil {
		return err
	}
	listed, marked := map[string]bool{}, map[string]bool{}
	for _, id := range guarded.IDs {
		listed[id] = true
	}
	err = s.scan(ctx, guardKey(a.tenant).Partition, func(i table.Item) { marked[i.Sort] = true })
	if err != nil {
		return err
	}
	delete(marked, guardKey(a.tenant).Sort)
	for id, u := range a.records {
		switch is := u.Protected && u.Live(); {
		case is != listed[id]:
			a.fault("user "+id, "is protected or not, and listed otherwise")
		case is != marked[id]:
			a.fault("user "+id, "is protected or not, and the item that says so otherwise")
		}
		delete(listed, id)
		delete(marked, id)
	}
	for id := range listed {
		a.fault("user "+id, "is listed as protected and is not there")
	}
	for id := range marked {
		a.fault("user "+id, "is said to be protected and is not there")
	}
	return nil
}

// auditMarkers looks for groups that are there and remembered as deleted.
func (s *Store) auditMarkers(ctx context.Context, a *audit) error {
	return s.scan(ctx, markerKey(a.tenant, "").Partition, func(i table.Item) {
		if a.groups[i.Sort] != nil {
			a.fault("group "+i.Sort, "is there and remembered as deleted in the application")
		}
	})
}
