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

// ProtectedUsers reads the list of protected users: one item, absent if there
// never was one.
func (s *Store) ProtectedUsers(ctx context.Context, t tenant.ID) (directory.ProtectedList, error) {
	item, _, err := s.read(ctx, protectedListKey(t))
	return decodeProtected(item), err
}

// protectedChecks returns the conditions under which a change of many members of a
// group was allowed. They fail if a user becomes protected meanwhile, or a
// protected user joins.
func protectedChecks(t tenant.ID, g *directory.Group, c *directory.ProtectedCheck) []operation {
	if c == nil {
		return nil
	}
	ops := []operation{{Op: table.Check(protectedListKey(t), sameList(c.List))}}
	for _, user := range c.NotMembers {
		ops = append(ops, operation{Op: table.Check(membershipKey(t, g.ID, g.Epoch, user), table.Absent())})
	}
	return ops
}

func decodeProtected(item table.Item) directory.ProtectedList {
	return directory.ProtectedList{
		Version: item.Attributes.Number(attrVersion),
		IDs:     splitIDs(item.Attributes.Text(attrIDs)),
	}
}

// protectedOps change the list of protected users, and the protected items of
// the users that the change adds or removes. The condition on the list fails
// after another change of the list; a change of many members has the same
// condition. A change of a few members has a condition on the protected item
// instead.
func protectedOps(t tenant.ID, c *directory.ProtectedChange) []operation {
	if c == nil {
		return nil
	}
	ops := []operation{{Op: table.Put(table.Item{Key: protectedListKey(t), Attributes: table.Attributes{
		attrVersion: table.Number(c.Before.Version + 1),
		attrIDs:     table.Text(strings.Join(c.After, ",")),
	}}, sameList(c.Before))}}
	for _, id := range c.After {
		if !slices.Contains(c.Before.IDs, id) {
			ops = append(ops, operation{Op: table.Put(table.Item{Key: protectedKey(t, id)})})
		}
	}
	for _, id := range c.Before.IDs {
		if !slices.Contains(c.After, id) {
			ops = append(ops, operation{Op: table.Delete(protectedKey(t, id))})
		}
	}
	return ops
}

// sameList holds while the list of protected users is as it was read.
func sameList(l directory.ProtectedList) table.Condition {
	if l.Version == 0 {
		return table.Absent()
	}
	return table.Is(attrVersion, table.Number(l.Version))
}
