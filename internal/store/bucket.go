package store

import (
	"context"
	"errors"
	"time"

	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// attrSpent is the time up to which the tokens of a bucket are spent, in
// microseconds since 1970.
const attrSpent = "spent"

// bucketLife is how long an unused bucket is stored. It is full long before.
const bucketLife = 24 * time.Hour

// Spent reads the time up to which a tenant's tokens are spent. The cost of a bucket
// is not counted in that of the request that needs a token.
func (s *Store) Spent(ctx context.Context, t tenant.ID) (time.Time, error) {
	ctx, _ = table.WithUsage(ctx)
	item, _, err := s.read(ctx, bucketKey(t))
	return spentOf(&item), err
}

// Spend moves the time up to which a tenant's tokens are spent. The condition is that
// it is as it was read: two instances never lease the same tokens.
func (s *Store) Spend(ctx context.Context, t tenant.ID, from, to time.Time) (now time.Time, moved bool, err error) {
	ctx, _ = table.WithUsage(ctx)
	when := table.Absent()
	if !from.IsZero() {
		when = table.Is(attrSpent, table.Number(from.UnixMicro()))
	}
	err = s.write(ctx, time.Time{}, table.Put(table.Item{Key: bucketKey(t), Attributes: table.Attributes{
		attrSpent:        table.Number(to.UnixMicro()),
		table.ExpiryName: table.Number(to.Add(bucketLife).Unix()),
	}}, when))
	var failed *table.ConditionError
	switch {
	case err == nil:
		return to, true, nil
	case errors.As(err, &failed) && len(failed.Failed) == 1:
		return spentOf(failed.Failed[0].Item), false, nil
	}
	return time.Time{}, false, writeError(err)
}

func spentOf(item *table.Item) time.Time {
	if item == nil || !item.Attributes.Has(attrSpent) {
		return time.Time{}
	}
	return time.UnixMicro(item.Attributes.Number(attrSpent)).UTC()
}
