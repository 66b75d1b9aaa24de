package store

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/table"
)

func (a *audit) group(g *directory.Group) {
	item := "group " + g.ID
	n := a.add(audited{id: g.ID, group: true})
	a.groups[g.ID] = auditedGroup{record: n, epoch: g.Epoch, epochs: g.Epochs, pending: g.PendingChange, owed: g.Owed}
	a.counts.Groups++
	r, err := g.Resource()
	if err != nil {
		a.fault(item, "has a document that does not decode")
		return
	}
	a.claim(n, g.Held, directory.GroupClaimsOf(r), directory.FormerGroupClaims(r), true)
	if g.Epoch < 1 || g.Epoch > g.Epochs {
		a.fault(item, "is at epoch %d of %d", g.Epoch, g.Epochs)
	}
}

// auditTasks reports unfinished tasks, and unfinished work without a task.
func (s *Store) auditTasks(ctx context.Context, a *audit) error {
	var err error
	if a.tasks, err = s.tasks(ctx, a.tenant); err != nil {
		return err
	}
	due := map[string]bool{}
	prefix := a.tenant.String() + "#"
	err = s.scanPrefix(ctx, duePartition, prefix, func(i table.Item) { due[strings.TrimPrefix(i.Sort, prefix)] = true })
	if err != nil {
		return err
	}
	for task := range a.tasks {
		name := taskSort(task)
		a.faults = append(a.faults, Fault{Item: "task " + name, Problem: "is not finished", Unfinished: true})
		if !due[name] {
			a.fault("task "+name, "is not listed as due: no sweep finds it")
		}
		delete(due, name)
	}
	for name := range due {
		a.faults = append(a.faults, Fault{Item: "task " + name, Problem: "is listed as due and does not exist", Unfinished: true})
	}
	for u := range a.people() {
		if u.leaving && !a.hasTask(directory.Task{Kind: directory.TaskUser, Resource: u.id}) {
			a.fault("user "+u.id, "is leaving its groups, and has no task")
		}
	}
	for id, g := range a.groups {
		if g.pending != "" && !a.hasTask(directory.Task{Kind: directory.TaskMembers, Resource: id, Name: g.pending}) {
			a.fault("group "+id, "names an accepted change that has no parts left")
		}
	}
	return nil
}

func (a *audit) hasTask(task directory.Task) bool {
	return a.tasks[task]
}

// auditMembers compares the memberships of groups with the memberships of users,
// page by page: a tenant may have more than fit in memory.
func (s *Store) auditMembers(ctx context.Context, a *audit) error {
	for _, id := range slices.Sorted(maps.Keys(a.groups)) {
		g := a.groups[id]
		for epoch := int64(1); epoch <= g.epochs; epoch++ {
			if epoch == g.epoch {
				if err := s.auditGroup(ctx, a, id, epoch); err != nil {
					return err
				}
				continue
			}
			left, err := s.Members(ctx, a.tenant, id, epoch, "", 1)
			if err != nil {
				return err
			}
			if len(left.Records) > 0 && !a.hasTask(epochTask(id, epoch)) {
				a.fault("group "+id, "has memberships of the old epoch %d, and no task ends them", epoch)
			}
		}
	}
	users := slices.Collect(a.people())
	return parallel(ctx, len(users), func(ctx context.Context, i int) error {
		return s.auditUserMemberships(ctx, a, users[i])
	})
}

func (s *Store) auditGroup(ctx context.Context, a *audit, group string, epoch int64) error {
	return s.scanBatches(ctx, membershipKey(a.tenant, group, epoch, "").Partition, func(items []table.Item) error {
		keys := make([]table.Key, len(items))
		for i, item := range items {
			keys[i] = userMembershipKey(a.tenant, item.Sort, group, epoch)
		}
		memberships, err := s.getAll(ctx, keys)
		if err != nil {
			return err
		}
		for i, item := range items {
			if _, ok := memberships[keys[i]]; !ok {
				a.fault("group "+group, "has the member %s, whose mirror is missing", item.Sort)
			}
			u, known := a.known(item.Sort)
			if known && (u.live() || u.leaving) {
				continue
			}
			if a.hasTask(directory.Task{Kind: directory.TaskUser, Resource: item.Sort}) {
				continue // purged, and its memberships are being ended
			}
			a.fault("group "+group, "has the member %s, who is not a live user", item.Sort)
		}
		return nil
	})
}

func (s *Store) auditUserMemberships(ctx context.Context, a *audit, u audited) error {
	user := u.id
	return s.scanBatches(ctx, userMembershipKey(a.tenant, user, "", 0).Partition, func(items []table.Item) error {
		var keys []table.Key
		for _, item := range items {
			m, ok := decodeUserMembership(item.Sort)
			if !ok {
				a.fault("user "+user, "has a membership that cannot be read")
				continue
			}
			switch g, exists := a.groups[m.Group]; {
			case exists && g.epoch == m.Epoch:
				keys = append(keys, membershipKey(a.tenant, m.Group, m.Epoch, user))
			case a.hasTask(epochTask(m.Group, m.Epoch)):
			case u.leaving:
			case !exists:
				a.fault("user "+user, "is a member of group %s, which does not exist", m.Group)
			default:
				a.fault("user "+user, "is a member of group %s in the old epoch %d", m.Group, m.Epoch)
			}
		}
		memberships, err := s.getAll(ctx, keys)
		if err != nil {
			return err
		}
		for _, key := range keys {
			if _, ok := memberships[key]; !ok {
				a.fault("user "+user, "has a mirror of a membership that does not exist: %s", key.Partition)
			}
		}
		return nil
	})
}

// scanBatches visits the items of a partition, a hundred at a time.
func (s *Store) scanBatches(ctx context.Context, name string, visit func([]table.Item) error) error {
	q := table.Query{Partition: name}
	for {
		page, err := s.table.Query(ctx, q)
		if err != nil {
			return readError(err)
		}
		for batch := range slices.Chunk(page.Items, table.MaxGetKeys) {
			if err := visit(batch); err != nil {
				return err
			}
		}
		if !page.More {
			return nil
		}
		q.After = page.Last
	}
}
