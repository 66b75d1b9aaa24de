package store

import (
	"context"
	"slices"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// Users reads a page of live users, by id or by userName.
func (s *Store) Users(ctx context.Context, t tenant.ID, r directory.Range) (directory.Page[*directory.User], error) {
	if r.Order.ByName {
		return pageByName(ctx, s, reservationKey(t, directory.UserName, "").Partition, r,
			func(ctx context.Context, ids []string) ([]*directory.User, error) { return s.LiveUsers(ctx, t, ids) },
			func(u *directory.User) (id, name string) { return u.ID, u.Held[directory.UserName] })
	}
	return pageByID(ctx, s, partition(t, "USERS"), r,
		func(item table.Item) *directory.User { return decodeUser(item, false) })
}

// Groups reads a page of groups, by id or by displayName.
func (s *Store) Groups(ctx context.Context, t tenant.ID, r directory.Range) (directory.Page[*directory.Group], error) {
	if r.Order.ByName {
		return pageByName(ctx, s, reservationKey(t, directory.GroupName, "").Partition, r,
			func(ctx context.Context, ids []string) ([]*directory.Group, error) { return s.GroupsByID(ctx, t, ids) },
			func(g *directory.Group) (id, name string) { return g.ID, g.Held[directory.GroupName] })
	}
	return pageByID(ctx, s, partition(t, "GROUPS"), r, decodeGroup)
}

// pageByID reads records in the order of their keys: one round trip.
func pageByID[R any](ctx context.Context, s *Store, in string, r directory.Range, decode func(table.Item) R) (directory.Page[R], error) {
	page, err := s.table.Query(ctx, table.Query{
		Partition: in, After: r.After, Limit: r.Limit, Descending: r.Order.Descending,
	})
	if err != nil {
		return directory.Page[R]{}, readError(err)
	}
	records := make([]R, len(page.Items))
	for i, item := range page.Items {
		records[i] = decode(item)
	}
	return directory.Page[R]{Records: records, More: page.More, Last: page.Last}, nil
}

// namesAtOnce is how many names are read for a page without a limit.
const namesAtOnce = 200

// pageByName reads names in their order, and then their holders: two round
// trips. A record that is deleted, or that has another name by now, is left
// out.
func pageByName[R any](ctx context.Context, s *Store, in string, r directory.Range,
	read func(ctx context.Context, ids []string) ([]R, error), names func(R) (id, name string),
) (directory.Page[R], error) {
	limit := r.Limit
	if limit == 0 {
		limit = namesAtOnce
	}
	page, err := s.table.Query(ctx, table.Query{
		Partition: in, After: r.After, Limit: limit, Descending: r.Order.Descending,
	})
	if err != nil {
		return directory.Page[R]{}, readError(err)
	}
	ids := make([]string, len(page.Items))
	for i, item := range page.Items {
		ids[i] = item.Attributes.Text(attrHolder)
	}
	// A holder that is renamed meanwhile has two names.
	holders, err := read(ctx, slices.Compact(slices.Sorted(slices.Values(ids))))
	if err != nil {
		return directory.Page[R]{}, err
	}
	byName := make(map[string]R, len(holders))
	for _, holder := range holders {
		_, name := names(holder)
		byName[name] = holder
	}
	records := make([]R, 0, len(holders))
	for i, item := range page.Items {
		holder, ok := byName[item.Sort]
		if !ok {
			continue
		}
		if id, _ := names(holder); id == ids[i] {
			records = append(records, holder)
		}
	}
	return directory.Page[R]{Records: records, More: page.More, Last: page.Last}, nil
}
