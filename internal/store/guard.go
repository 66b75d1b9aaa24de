package store

import (
	"context"
	"slices"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// attrIDs are the protected users of a tenant, comma separated.
const attrIDs = "ids"

// Guarded reads the list of protected users: one item, absent if there never
// was one.
func (s *Store) Guarded(ctx context.Context, t tenant.ID) (directory.Guarded, error) {
	item, _, err := s.read(ctx, guardKey(t))
	return decodeGuarded(item), err
}

// keepOps are the conditions under which a change of many members was allowed.
// They settle it against a user that becomes protected meanwhile, and against a
// protected user that joins.
func keepOps(t tenant.ID, c directory.GroupChange) []operation {
	if c.Guard == nil {
		return nil
	}
	ops := []operation{{Op: table.Check(guardKey(t), guardSame(*c.Guard))}}
	for _, user := range c.Unless {
		ops = append(ops, operation{Op: table.Check(membershipKey(t, c.Before.ID, c.Before.Epoch, user), table.Absent())})
	}
	return ops
}

func decodeGuarded(item table.Item) directory.Guarded {
	return directory.Guarded{
		Version: item.Attributes.Number(attrVersion),
		IDs:     splitIDs(item.Attributes.Text(attrIDs)),
	}
}

// guardOps change the list of protected users together with one of them, and
// the guard item of that user, on which a change of a few members has its only
// such condition. The list settles two changes of it, and one of them against a
// change of many members that read it.
func guardOps(t tenant.ID, c *directory.GuardChange) []operation {
	if c == nil {
		return nil
	}
	ops := []operation{{Op: table.Put(table.Item{Key: guardKey(t), Attributes: table.Attributes{
		attrVersion: table.Number(c.Before.Version + 1),
		attrIDs:     table.Text(strings.Join(c.After, ",")),
	}}, guardSame(c.Before))}}
	for _, id := range c.After {
		if !slices.Contains(c.Before.IDs, id) {
			ops = append(ops, operation{Op: table.Put(table.Item{Key: guardedKey(t, id)})})
		}
	}
	for _, id := range c.Before.IDs {
		if !slices.Contains(c.After, id) {
			ops = append(ops, operation{Op: table.Delete(guardedKey(t, id))})
		}
	}
	return ops
}

// guardSame holds while the list of protected users is the one that was read.
func guardSame(g directory.Guarded) table.Condition {
	if g.Version == 0 {
		return table.Absent()
	}
	return table.Is(attrVersion, table.Number(g.Version))
}
