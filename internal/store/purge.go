package store

import (
	"context"
	"errors"
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
//
// Every transaction is under the task as it was read: whoever was held up must not
// take anything from a tenant that was made again under the id meanwhile.
func (s *Store) finishTenant(ctx context.Context, t tenant.ID, task directory.Task) error {
	key := taskKey(t, taskSort(task))
	item, ok, err := s.read(ctx, key)
	if err != nil {
		return err
	}
	if !ok {
		return s.forgetDue(ctx, t, task)
	}
	if s.now().Sub(timeOf(item.Attributes, attrTime)) < endingTime {
		return errYoung
	}
	same := table.Is(attrTime, item.Attributes[attrTime])
	p := purge{store: s, tenant: t, same: table.Check(key, same)}
	err = p.all(ctx)
	if err == nil {
		err = s.commit(ctx, time.Time{}, append(doneOps(t, task, same),
			operation{Op: table.Delete(tenantKey(t))}, operation{Op: table.Delete(listedKey(t))}))
	}
	if errors.Is(stale(err), directory.ErrStale) {
		return nil // done by another
	}
	return err
}

// purge is the end of one tenant, as long as its task is the same.
type purge struct {
	store  *Store
	tenant tenant.ID
	same   table.Op
}

// all takes away everything but the tenant's own item, its name among all, and the
// task.
func (p purge) all(ctx context.Context) error {
	t := p.tenant
	// Accepted changes first: whoever else is at one would let members join behind
	// the purge of memberships, and nothing leads to those when users are gone.
	if err := p.partition(ctx, partition(t, "TASKS"), string(directory.TaskMembers)+"#"); err != nil {
		return err
	}
	if err := p.memberships(ctx); err != nil {
		return err
	}
	for _, name := range recordPartitions() {
		if err := p.partition(ctx, partition(t, name), ""); err != nil {
			return err
		}
	}
	own := taskSort(tenantTask(t))
	if err := p.partition(ctx, partition(t, "TASKS"), "", own); err != nil {
		return err
	}
	if err := p.partition(ctx, duePartition, t.String()+"#", dueKey(t, own).Sort); err != nil {
		return err
	}
	return p.partition(ctx, partition(t, ""), "", tenantKey(t).Sort)
}

// recordPartitions are those of a tenant that have a name of their own. The others
// are found from users, groups and tasks.
func recordPartitions() []string {
	names := []string{"USERS", "GONE", "GROUPS", "MAILS", "LEDGER", "LOG", "INDEX", "MARKS", "FAILING", "USED", "GUARD", "MARKERS"}
	for _, kind := range slices.Concat(directory.Kinds[:], directory.GroupKinds[:]) {
		names = append(names, "NAMES#"+string(kind))
	}
	return names
}

// memberships takes away the partitions that users, groups and unfinished tasks lead
// to.
func (p purge) memberships(ctx context.Context) error {
	t := p.tenant
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
		if err := p.store.scan(ctx, partition(t, name), visit); err != nil {
			return err
		}
	}
	return parallel(ctx, len(partitions), func(ctx context.Context, i int) error {
		return p.partition(ctx, partitions[i], "")
	})
}

// partition deletes the items of a partition that begin with a prefix, but for some.
func (p purge) partition(ctx context.Context, name, prefix string, keep ...string) error {
	q := table.Query{Partition: name, Prefix: prefix}
	for {
		page, err := p.store.table.Query(ctx, q)
		if err != nil {
			return readError(err)
		}
		items := slices.DeleteFunc(page.Items, func(i table.Item) bool { return slices.Contains(keep, i.Sort) })
		batches := slices.Collect(slices.Chunk(items, table.MaxOps-1))
		err = parallel(ctx, len(batches), func(ctx context.Context, i int) error {
			ops := []operation{{Op: p.same}}
			for _, item := range batches[i] {
				ops = append(ops, operation{Op: table.Delete(item.Key)})
			}
			return p.store.commit(ctx, time.Time{}, ops)
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
