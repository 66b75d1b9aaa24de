package store

import (
	"context"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/table"
)

// auditGuard compares the protected users with their list, and with the item of
// each.
func (s *Store) auditGuard(ctx context.Context, a *audit) error {
	guarded, err := s.ProtectedUsers(ctx, a.tenant)
	if err != nil {
		return err
	}
	listed, marked := map[string]bool{}, map[string]bool{}
	for _, id := range guarded.IDs {
		listed[id] = true
	}
	err = s.scan(ctx, protectedListKey(a.tenant).Partition, func(i table.Item) { marked[i.Sort] = true })
	if err != nil {
		return err
	}
	delete(marked, protectedListKey(a.tenant).Sort)
	for u := range a.people() {
		id := u.id
		switch is := u.protected && u.live(); {
		case is != listed[id]:
			a.fault("user "+id, "differs in protection from the list of protected users")
		case is != marked[id]:
			a.fault("user "+id, "differs in protection from its guard item")
		}
		delete(listed, id)
		delete(marked, id)
	}
	for id := range listed {
		a.fault("user "+id, "is listed as protected and does not exist")
	}
	for id := range marked {
		a.fault("user "+id, "has a guard item and does not exist")
	}
	return nil
}

// auditMarkers reports existing groups that have a marker as deleted.
func (s *Store) auditMarkers(ctx context.Context, a *audit) error {
	return s.scan(ctx, markerKey(a.tenant, "").Partition, func(i table.Item) {
		if _, exists := a.groups[i.Sort]; exists {
			a.fault("group "+i.Sort, "exists and has a marker as deleted in the application")
		}
	})
}

// auditOwed compares the items of owed memberships with the records. What is owed to a group
// that does not exist any more is removed by the next reader.
func (s *Store) auditOwed(ctx context.Context, a *audit) error {
	return s.scan(ctx, owedKey(a.tenant, "", "").Partition, func(i table.Item) {
		kind, id, _ := strings.Cut(i.Sort, "#")
		switch g, exists := a.groups[id]; {
		case kind == journal.TypeGroup && exists && !g.owed:
			a.fault("group "+id, "has owed members and does not say so")
		case kind == journal.TypeUser:
			if _, known := a.known(id); !known {
				a.fault("user "+id, "has an item of owed groups and does not exist")
			}
		}
	})
}
