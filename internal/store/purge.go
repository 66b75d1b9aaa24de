package store

import (
	"context"
	"slices"
	"time"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

func tenantTask(t tenant.ID) directory.Task {
	return directory.Task{Kind: directory.TaskTenant, Resource: t.String()}
}

// endingTime is how long a tenant that is being deleted is left alone: by then the
// requests are over that began while it was still believed to be on.
const endingTime = 45 * time.Second

// finishTenant takes away all that is stored of a tenant. What leads to other items
// goes behind them, and the tenant's own item last, so that it may be left at any
// point and gone on with.
func (s *Store) finishTenant(ctx context.Context, t tenant.ID, task directory.Task) error {
	item, ok, err := s.read(ctx, taskKey(t, taskSort(task)))
	if err != nil {
		return err
	}
	if !ok {
		return s.forgetDue(ctx, t, task)
	}
	if s.now().Sub(timeOf(item.Attributes, attrTime)) < endingTime {
		return errYoung
	}
	if err := s.purgeMemberships(ctx, t); err != nil {
		return err
	}
	for _, name := range recordPartitions() {
		if err := s.purge(ctx, partition(t, name), ""); err != nil {
			return err
		}
	}
	own := taskSort(task)
	if err := s.purge(ctx, partition(t, "TASKS"), "", own); err != nil {
		return err
	}
	if err := s.purge(ctx, duePartition, t.String()+"#", dueKey(t, own).Sort); err != nil {
		return err
	}
	if err := s.purge(ctx, partition(t, ""), "", tenantKey(t).Sort); err != nil {
		return err
	}
	return s.commit(ctx, time.Time{}, append(doneOps(t, task),
		operation{Op: table.Delete(tenantKey(t))}, operation{Op: table.Delete(listedKey(t))}))
}

// recordPartitions are those of a tenant that have a name of their own. The others
// are found from users, groups and tasks.
func recordPartitions() []string {
	names := []string{"USERS", "GONE", "GROUPS", "MAILS", "LEDGER", "LOG", "MARKS", "FAILING", "USED", "GUARD", "MARKERS"}
	for _, kind := range slices.Concat(directory.Kinds[:], directory.GroupKinds[:]) {
		names = append(names, "NAMES#"+string(kind))
	}
	return names
}

// purgeMemberships takes away the partitions that users, groups and unfinished tasks
// lead to.
func (s *Store) purgeMemberships(ctx context.Context, t tenant.ID) error {
	var partitions []string
	groups := func(item table.Item) {
		g := decodeGroup(item)
		for epoch := int64(1); epoch <= g.Epochs; epoch++ {
			partitions = append(partitions, membershipKey(t, g.ID, epoch, "").Partition)
		}
	}
	users := func(item table.Item) { partitions = append(partitions, mirrorKey(t, item.Sort, "", 0).Partition) }
	tasks := func(item table.Item) {
		task, _ := parseTask(item.Sort)
		if group, epoch, ok := epochOf(task); ok && task.Kind == directory.TaskEpoch {
			partitions = append(partitions, membershipKey(t, group, epoch, "").Partition)
		}
		if task.Kind == directory.TaskUser {
			partitions = append(partitions, mirrorKey(t, task.Resource, "", 0).Partition)
		}
	}
	for name, visit := range map[string]func(table.Item){"GROUPS": groups, "USERS": users, "GONE": users, "TASKS": tasks} {
		if err := s.scan(ctx, partition(t, name), visit); err != nil {
			return err
		}
	}
	return parallel(ctx, len(partitions), func(ctx context.Context, i int) error {
		return s.purge(ctx, partitions[i], "")
	})
}

// purge deletes the items of a partition that begin with a prefix, but for some.
func (s *Store) purge(ctx context.Context, name, prefix string, keep ...string) error {
	q := table.Query{Partition: name, Prefix: prefix}
	for {
		page, err := s.table.Query(ctx, q)
		if err != nil {
			return readError(err)
		}
		items := slices.DeleteFunc(page.Items, func(i table.Item) bool { return slices.Contains(keep, i.Sort) })
		batches := slices.Collect(slices.Chunk(items, table.MaxOps))
		err = parallel(ctx, len(batches), func(ctx context.Context, i int) error {
			ops := make([]table.Op, len(batches[i]))
			for j, item := range batches[i] {
				ops[j] = table.Delete(item.Key)
			}
			return writeError(s.write(ctx, time.Time{}, ops...))
		})
		if err != nil {
			return err
		}
		if !page.More {
			return nil
		}
		q.After = page.Last
	}
}
