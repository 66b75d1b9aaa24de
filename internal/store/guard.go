package store

import (
	"context"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// attrIDs are the protected users of a tenant, comma separated.
const attrIDs = "ids"

// Guarded reads the protected users: one item, absent while there never was one.
func (s *Store) Guarded(ctx context.Context, t tenant.ID) (directory.Guarded, error) {
	item, _, err := s.read(ctx, guardKey(t))
	return decodeGuarded(item), err
}

func decodeGuarded(item table.Item) directory.Guarded {
	return directory.Guarded{
		Version: item.Attributes.Number(attrVersion),
		IDs:     splitIDs(item.Attributes.Text(attrIDs)),
	}
}

// guardOps change the list of protected users together with one of them. Settles
// two changes of it, and one of it against a change that looked at it.
func guardOps(t tenant.ID, c *directory.GuardChange) []operation {
	if c == nil {
		return nil
	}
	return []operation{{Op: table.Put(table.Item{Key: guardKey(t), Attributes: table.Attributes{
		attrVersion: table.Number(c.Before.Version + 1),
		attrIDs:     table.Text(strings.Join(c.After, ",")),
	}}, guardSame(c.Before))}}
}

// guardSame holds while the protected users are those that were read.
func guardSame(g directory.Guarded) table.Condition {
	if g.Version == 0 {
		return table.Absent()
	}
	return table.Is(attrVersion, table.Number(g.Version))
}
