package store

import (
	"context"
	"slices"

	"github.com/rollcall-scim/rollcall/internal/table"
)

// pages visits a query page by page, until visit returns an error or false.
func (s *Store) pages(ctx context.Context, q table.Query, visit func([]table.Item) (more bool, err error)) error {
	for {
		page, err := s.table.Query(ctx, q)
		if err != nil {
			return readError(err)
		}
		if more, err := visit(page.Items); err != nil || !more || !page.More {
			return err
		}
		q.After = page.Last
	}
}

// scan visits every item of a partition.
func (s *Store) scan(ctx context.Context, name string, visit func(table.Item)) error {
	return s.scanPrefix(ctx, name, "", visit)
}

func (s *Store) scanPrefix(ctx context.Context, name, prefix string, visit func(table.Item)) error {
	return s.pages(ctx, table.Query{Partition: name, Prefix: prefix}, func(items []table.Item) (bool, error) {
		for _, item := range items {
			visit(item)
		}
		return true, nil
	})
}

// each visits the items of a partition for which picks is true, a few at a
// time.
func (s *Store) each(ctx context.Context, name string, picks func(table.Item) bool, visit func(context.Context, table.Item) error) error {
	return s.pages(ctx, table.Query{Partition: name}, func(items []table.Item) (bool, error) {
		picked := slices.DeleteFunc(slices.Clone(items), func(i table.Item) bool { return !picks(i) })
		return true, parallel(ctx, len(picked), func(ctx context.Context, i int) error { return visit(ctx, picked[i]) })
	})
}

// collect decodes the items of a query, up to a limit. Those for which decode
// returns false are left out.
func collect[R any](ctx context.Context, s *Store, q table.Query, limit int, decode func(table.Item) (R, bool)) (all []R, err error) {
	q.Limit = limit
	err = s.pages(ctx, q, func(items []table.Item) (bool, error) {
		for _, item := range items {
			if r, ok := decode(item); ok && len(all) < limit {
				all = append(all, r)
			}
		}
		return len(all) < limit, nil
	})
	return all, err
}
