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

// The attributes of a tenant's task that show the progress of its deletion.
const (
	attrStep    = "step"    // the name of the current step
	attrDeletes = "deletes" // how many items were deleted so far, at least
	attrMoved   = "moved"   // when the last of them was deleted; of a due task, when a sweep last got further with it
)

// endingTime is how long the deletion of a tenant waits: by then the requests
// have ended that began while the tenant was still cached as enabled.
const endingTime = 45 * time.Second

// finishTenant deletes all that is stored of a tenant, and the tenant's own
// item last. It may be stopped at any point: the next call continues.
//
// Every transaction requires the task as it was read: a delayed call must not
// delete anything of a tenant that was created again under the same id.
func (s *Store) finishTenant(ctx context.Context, t tenant.ID, task directory.Task) error {
	key := taskKey(t, taskSort(task))
	item, ok, err := s.read(ctx, key)
	if err != nil {
		return err
	}
	if !ok {
		return s.forgetDue(ctx, t, task)
	}
	if until := timeOf(item.Attributes, attrTime).Add(endingTime); s.now().Before(until) {
		return youngUntil(until)
	}
	same := table.Is(attrTime, item.Attributes[attrTime])
	p := &purge{store: s, tenant: t, task: key, same: same}
	err = p.all(ctx)
	if err == nil {
		err = s.commit(ctx, time.Time{}, append(doneOps(t, task, same),
			operation{Op: table.Delete(tenantKey(t))}, operation{Op: table.Delete(listedKey(t))}))
	}
	if errors.Is(stale(err), directory.ErrStale) {
		return nil // finished by another request
	}
	return err
}

// purge is the deletion of one tenant, as long as its task is the same.
//
// It is one sequence of deletions, a transaction at a time, in which an item
// that leads to others comes after them. What is left is therefore its
// progress: a call that begins again finds at the start of each partition what
// was not deleted yet. The progress in the task is only for observers, and is
// written after the work.
//
// One transaction at a time is fast enough for the pace of a sweep; parallel
// transactions would conflict on the task's item.
type purge struct {
	store  *Store
	tenant tenant.ID
	task   table.Key
	same   table.Condition
	step   string
	// pending are the next items to delete, in order.
	pending []table.Item
	// unnoted is how many deletions, and batches how many transactions of them,
	// there were since the task was written.
	unnoted, batches int
}

const (
	// purgeBatch is how many items one transaction deletes, besides its check
	// of the task.
	purgeBatch = table.MaxOps - 1
	// purgeNoted is the number of transactions after which the task is written:
	// about every two seconds, at the pace of a sweep.
	purgeNoted = 10
)

// purgeAhead is how many users or groups have the first page of their
// memberships read in advance, a few at a time. For most users there are none
// left to delete, because they were deleted with the groups, so reading one
// user after another would take longer than the deletions.
const purgeAhead = 16

// purgeStep is a part of a deletion.
type purgeStep struct {
	name string
	do   func(context.Context) error
}

// all deletes everything except the tenant's own item, its name in the list of
// tenants, and the task.
func (p *purge) all(ctx context.Context) error {
	t := p.tenant
	tasks := func(kind directory.TaskKind) string { return string(kind) + "#" }
	steps := []purgeStep{
		// Accepted changes first: a sweep that applies one would let members
		// join after the groups' members were deleted.
		{"changes", p.partition(partition(t, "TASKS"), tasks(directory.TaskMembers))},
		{"epochs", p.leading(partition(t, "TASKS"), tasks(directory.TaskEpoch), p.epochOfTask)},
		{"leaving", p.leading(partition(t, "TASKS"), tasks(directory.TaskUser), p.userOfTask)},
		{"groups", p.leading(partition(t, "GROUPS"), "", p.epochOfGroup)},
		{"users", p.leading(partition(t, "USERS"), "", p.userOfRecord)},
		{"deleted users", p.leading(partition(t, "GONE"), "", p.userOfRecord)},
	}
	for _, name := range recordPartitions() {
		steps = append(steps, purgeStep{"records", p.partition(partition(t, name), "")})
	}
	own := taskSort(tenantTask(t))
	steps = append(steps,
		purgeStep{"tasks", p.partition(partition(t, "TASKS"), "", own)},
		purgeStep{"tasks", p.partition(duePartition, t.String()+"#", dueKey(t, own).Sort)},
		purgeStep{"tokens", p.credentials})
	for _, step := range steps {
		p.step = step.name
		if err := step.do(ctx); err != nil {
			return err
		}
		// A later step may read what this one is about to delete.
		if err := p.flush(ctx, 1); err != nil {
			return err
		}
	}
	return p.note(ctx)
}

// recordPartitions returns the tenant's partitions that have a fixed name and
// lead to no others. The rest is found from users, groups and tasks.
func recordPartitions() []string {
	names := []string{"MAILS", "LEDGER", logName, signalsName, "SETS", "INDEX", "MARKS", "FAILING", "USED", "RATE", "GUARD", "MARKERS", "OWED", "OFFBOARDING", "JTI", "WATCH", portalName}
	for _, kind := range slices.Concat(directory.Kinds[:], directory.GroupKinds[:]) {
		names = append(names, "NAMES#"+string(kind))
	}
	return names
}

// delete adds items to the sequence of deletions.
func (p *purge) delete(ctx context.Context, items ...table.Item) error {
	p.pending = append(p.pending, items...)
	return p.flush(ctx, purgeBatch)
}

// flush deletes pending items while there are at least as many as given.
func (p *purge) flush(ctx context.Context, least int) error {
	for len(p.pending) >= least {
		batch := p.pending[:min(len(p.pending), purgeBatch)]
		ops := []operation{{Op: table.Check(p.task, p.same)}}
		large := 0
		for _, item := range batch {
			ops = append(ops, operation{Op: table.Delete(item.Key)})
			large += unitsOf(item) - leastUnits
		}
		paceOf(ctx).charge(large)
		if err := p.store.commit(ctx, time.Time{}, ops); err != nil {
			return err
		}
		p.unnoted += len(batch)
		p.pending = append(p.pending[:0], p.pending[len(batch):]...)
		if p.batches++; p.batches%purgeNoted == 0 {
			if err := p.note(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// note writes the progress to the task. It is a separate transaction: in one
// with deletions, the role of the sweep would need permission to update
// whatever it deletes.
func (p *purge) note(ctx context.Context) error {
	if p.unnoted == 0 {
		return nil
	}
	err := p.store.commit(ctx, time.Time{}, []operation{{Op: table.Update(p.task, table.Change{
		Set: table.Attributes{attrStep: table.Text(p.step), attrMoved: millis(p.store.now())},
		Add: map[string]int64{attrDeletes: int64(p.unnoted)},
	}, p.same)}})
	p.unnoted = 0
	return err
}

// partition deletes the items of a partition that begin with a prefix, except
// for those to keep.
func (p *purge) partition(name, prefix string, keep ...string) func(context.Context) error {
	return func(ctx context.Context) error {
		return p.pages(ctx, table.Query{Partition: name, Prefix: prefix}, func(items []table.Item) error {
			return p.delete(ctx, slices.DeleteFunc(items, func(i table.Item) bool { return slices.Contains(keep, i.Sort) })...)
		})
	}
}

// pages visits a query page by page. Items before an After were visited already.
func (p *purge) pages(ctx context.Context, q table.Query, visit func([]table.Item) error) error {
	return p.store.pages(ctx, q, func(items []table.Item) (bool, error) { return true, visit(items) })
}

// led is a partition of memberships that an item leads to, and how to find the
// other side of each. The zero value means that there is none.
type led struct {
	partition string
	pair      func(sort string) (table.Key, bool)
}

// leading deletes the items of a partition that begin with a prefix, each after
// the memberships that it leads to.
func (p *purge) leading(name, prefix string, to func(table.Item) led) func(context.Context) error {
	return func(ctx context.Context) error {
		return p.pages(ctx, table.Query{Partition: name, Prefix: prefix}, func(items []table.Item) error {
			for chunk := range slices.Chunk(items, purgeAhead) {
				if err := p.leadingItems(ctx, chunk, to); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

func (p *purge) leadingItems(ctx context.Context, items []table.Item, to func(table.Item) led) error {
	leads := make([]led, len(items))
	first := make([]table.Page, len(items))
	var asked []int
	for i, item := range items {
		if leads[i] = to(item); leads[i].partition != "" {
			asked = append(asked, i)
		}
	}
	err := parallel(table.Together(ctx), len(asked), func(ctx context.Context, n int) (err error) {
		i := asked[n]
		first[i], err = p.store.table.Query(ctx, table.Query{Partition: leads[i].partition, Limit: purgeBatch})
		return readError(err)
	})
	if err != nil {
		return err
	}
	for i, item := range items {
		if err := p.memberships(ctx, leads[i], first[i]); err != nil {
			return err
		}
		if err := p.delete(ctx, item); err != nil {
			return err
		}
	}
	return nil
}

// memberships deletes memberships from both sides, given their first page.
func (p *purge) memberships(ctx context.Context, l led, page table.Page) error {
	both := func(items []table.Item) error {
		for _, item := range items {
			pair, ok := l.pair(item.Sort)
			if ok {
				if err := p.delete(ctx, table.Item{Key: pair}); err != nil {
					return err
				}
			}
			if err := p.delete(ctx, item); err != nil {
				return err
			}
		}
		return nil
	}
	if err := both(page.Items); err != nil || !page.More {
		return err
	}
	return p.pages(ctx, table.Query{Partition: l.partition, After: page.Last}, both)
}

// ofEpoch leads to the members of a group under an epoch.
func (p *purge) ofEpoch(group string, epoch int64) led {
	return led{membershipKey(p.tenant, group, epoch, "").Partition, func(user string) (table.Key, bool) {
		return userMembershipKey(p.tenant, user, group, epoch), true
	}}
}

// ofUser leads to the memberships of a user.
func (p *purge) ofUser(user string) led {
	return led{userMembershipKey(p.tenant, user, "", 0).Partition, func(sort string) (table.Key, bool) {
		m, ok := decodeUserMembership(sort)
		return membershipKey(p.tenant, m.Group, m.Epoch, user), ok
	}}
}

// epochOfGroup leads to the members that a group has. Its other epochs have a
// task each; if one has none, the users lead to its members.
func (p *purge) epochOfGroup(item table.Item) led {
	return p.ofEpoch(item.Sort, item.Attributes.Number(attrEpoch))
}

func (p *purge) epochOfTask(item table.Item) led {
	task, _ := parseTask(item.Sort)
	group, epoch, ok := epochOf(task)
	if !ok {
		return led{}
	}
	return p.ofEpoch(group, epoch)
}

// userOfRecord leads to nothing if the user never joined a group: this saves a
// read for most users of many tenants.
func (p *purge) userOfRecord(item table.Item) led {
	if item.Attributes.Number(attrJoins) == 0 {
		return led{}
	}
	return p.ofUser(item.Sort)
}

func (p *purge) userOfTask(item table.Item) led {
	task, _ := parseTask(item.Sort)
	return p.ofUser(task.Resource)
}
