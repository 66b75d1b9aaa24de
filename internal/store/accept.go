package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// A change of more members than one transaction takes is accepted first: its
// members are written down in parts of a transaction each, and the group names
// the change. From then on it will be made, whatever becomes of the request:
// each part is one transaction that takes the part away, so that it is made once
// whoever makes it, and the last one takes the name from the group.

// partsPerWrite is how many parts are written down at once.
const partsPerWrite = 90

// AcceptMembers writes down a change of many members, and commits the rest of it
// together with its acceptance.
func (s *Store) AcceptMembers(ctx context.Context, t tenant.ID, c directory.GroupChange) error {
	task := directory.Task{Kind: directory.TaskMembers, Resource: c.Before.ID, Name: c.After.Work}
	name := taskSort(task)
	parts := partOps(t, name, c)
	batches := slices.Collect(slices.Chunk(parts, partsPerWrite))
	for i, batch := range batches[:len(batches)-1] {
		if i == 0 {
			batch = append(slices.Clone(batch), operation{Op: dueOp(t, name, millis(s.now()))})
		}
		if err := s.commit(ctx, c.NotAfter, batch); err != nil {
			return err
		}
	}
	change := groupUpdate(c)
	change.Set[attrWork] = table.Text(c.After.Work)
	when := append(groupConditions(c), table.Is(attrWork, table.Text("")))
	operations := slices.Concat(
		batches[len(batches)-1],
		[]operation{
			{Op: dueOp(t, name, millis(s.now()))},
			{Op: table.Update(groupKey(t, c.Before.ID), change, when...)},
			{Op: table.Put(logItem(t, c.Entry, c.Expires), table.Absent())},
		})
	if c.Rewrites {
		operations = append(operations, claimOps(t, c.After.ID, directory.GroupKinds[:], c.Before.Held, c.After.Held, nil)...)
	}
	err := s.commit(ctx, c.NotAfter, operations)
	var failed *directory.CommitError
	if errors.As(err, &failed) && len(batches) > 1 {
		// Not accepted: what was written down is nobody's. Should this fail, the
		// sweep finds it.
		_ = s.dropParts(ctx, t, task)
	}
	return err
}

// partOps are the parts of a change, in its order: those who leave behind those
// who join, which are other people.
func partOps(t tenant.ID, name string, c directory.GroupChange) []operation {
	type member struct {
		id   string
		join bool
	}
	members := make([]member, 0, len(c.Add)+len(c.Remove))
	for _, id := range c.Add {
		members = append(members, member{id, true})
	}
	for _, id := range c.Remove {
		members = append(members, member{id, false})
	}
	var ops []operation
	for chunk := range slices.Chunk(members, directory.MaxJoined) {
		var add, remove []string
		for _, m := range chunk {
			if m.join {
				add = append(add, m.id)
			} else {
				remove = append(remove, m.id)
			}
		}
		a := table.Attributes{
			attrTime: millis(c.Entry.Time), attrPartOf: table.Text(c.Entry.RequestID),
			attrTokenID: table.Text(c.Entry.TokenID), attrIdP: table.Text(c.Entry.IdP),
			attrOperation: table.Text(c.Entry.Operation), attrSubject: table.Text(c.Entry.Subject),
			attrResourceType: table.Text(c.Entry.ResourceType),
			attrAdded:        table.Text(strings.Join(add, ",")), attrRemoved: table.Text(strings.Join(remove, ",")),
			attrKeep: table.Number(int64(c.Expires.Sub(c.Entry.Time) / time.Second)),
		}
		ops = append(ops, operation{Op: table.Put(table.Item{
			Key: taskKey(t, fmt.Sprintf("%s#%04d", name, len(ops))), Attributes: a,
		}, table.Absent())})
	}
	return ops
}

// finishMembers makes the parts of an accepted change that are left.
func (s *Store) finishMembers(ctx context.Context, t tenant.ID, task directory.Task) ([]string, error) {
	var unknown []string
	for empty := 0; ; {
		var group *directory.Group
		var parts table.Page
		err := together(ctx,
			func(ctx context.Context) (err error) { group, err = s.Group(ctx, t, task.Resource); return err },
			func(ctx context.Context) (err error) { parts, err = s.parts(ctx, t, task, 2); return err })
		if err != nil {
			return unknown, err
		}
		if group == nil || group.Work != task.Name {
			return unknown, s.finishUnclaimed(ctx, t, task, parts)
		}
		if len(parts.Items) == 0 {
			// Between the two reads the last part was made. Only in a table that
			// somebody else wrote to does it go on.
			if empty++; empty > 3 {
				return unknown, s.forget(ctx, t, task, group)
			}
			continue
		}
		skipped, err := s.makePart(ctx, t, task, group, parts.Items[0], len(parts.Items) == 1)
		unknown = append(unknown, skipped...)
		if err != nil && !errors.Is(err, directory.ErrStale) {
			return unknown, err
		}
	}
}

// forget takes the name of a change from its group of which nothing is left.
func (s *Store) forget(ctx context.Context, t tenant.ID, task directory.Task, group *directory.Group) error {
	return stale(s.commit(ctx, time.Time{}, []operation{
		{Op: touchGroup(t, group.ID, s.now(), table.Attributes{attrWork: table.Text("")}, table.Is(attrWork, table.Text(task.Name)))},
		{Op: table.Delete(dueKey(t, taskSort(task)))},
	}))
}

func (s *Store) parts(ctx context.Context, t tenant.ID, task directory.Task, limit int) (table.Page, error) {
	page, err := s.table.Query(ctx, table.Query{
		Partition: partition(t, "TASKS"), Prefix: taskSort(task) + "#", Limit: limit,
	})
	return page, readError(err)
}

// makePart makes one part of an accepted change. directory.ErrStale: another
// made it, or the group changed.
func (s *Store) makePart(ctx context.Context, t tenant.ID, task directory.Task, group *directory.Group, part table.Item, last bool) ([]string, error) {
	a := part.Attributes
	now := s.now()
	entry := directory.Entry{
		ID: s.newID(), RequestID: a.Text(attrPartOf), Time: now, TokenID: a.Text(attrTokenID), IdP: a.Text(attrIdP),
		Operation: a.Text(attrOperation), Action: directory.Updated, ResourceType: a.Text(attrResourceType), ResourceID: group.ID,
		Subject: a.Text(attrSubject), Changed: []string{"members"}, Removed: splitIDs(a.Text(attrRemoved)),
	}
	set := table.Attributes{}
	if last {
		set[attrWork] = table.Text("")
	}
	expires := now.Add(time.Duration(a.Number(attrKeep)) * time.Second)
	return s.join(ctx, t, splitIDs(a.Text(attrAdded)), now.Add(directory.WriteTime), func(users []string) []operation {
		entry.Added = users
		operations := []operation{
			{Op: table.Delete(part.Key, table.Present())},
			{Op: touchGroup(t, group.ID, now, set,
				table.Is(attrEpoch, table.Number(group.Epoch)), table.Is(attrWork, table.Text(task.Name)))},
			{Op: table.Put(logItem(t, entry, expires), table.Absent())},
		}
		if last {
			operations = append(operations, operation{Op: table.Delete(dueKey(t, taskSort(task)))})
		}
		for _, user := range users {
			operations = append(operations, joinOps(t, group.ID, group.Epoch, user)...)
		}
		for _, user := range entry.Removed {
			operations = append(operations, endOps(t, group.ID, group.Epoch, user)...)
		}
		return operations
	})
}

func splitIDs(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, ",")
}

// finishUnclaimed takes parts away that no group knows of: their request was
// refused or ended before it was accepted, or the group was deleted. Young ones
// may be about to be accepted.
func (s *Store) finishUnclaimed(ctx context.Context, t tenant.ID, task directory.Task, parts table.Page) error {
	name := taskSort(task)
	if len(parts.Items) == 0 {
		item, ok, err := s.read(ctx, dueKey(t, name))
		if err != nil || !ok {
			return err
		}
		if s.now().Sub(timeOf(item.Attributes, attrTime)) < unclaimedTime {
			return errYoung
		}
		return s.commit(ctx, time.Time{}, []operation{{Op: table.Delete(dueKey(t, name))}})
	}
	if s.now().Sub(timeOf(parts.Items[0].Attributes, attrTime)) < unclaimedTime {
		return errYoung
	}
	return s.dropParts(ctx, t, task)
}

func (s *Store) dropParts(ctx context.Context, t tenant.ID, task directory.Task) error {
	for {
		parts, err := s.parts(ctx, t, task, partsPerWrite)
		if err != nil {
			return err
		}
		operations := []operation{}
		for _, part := range parts.Items {
			operations = append(operations, operation{Op: table.Delete(part.Key)})
		}
		if !parts.More {
			operations = append(operations, operation{Op: table.Delete(dueKey(t, taskSort(task)))})
		}
		if err := s.commit(ctx, time.Time{}, operations); err != nil || !parts.More {
			return err
		}
	}
}
