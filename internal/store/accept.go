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
//
// A head counts the parts that are left: how many a reader sees is no proof, for
// DynamoDB shows the items of a transaction one after the other. It also holds the
// parts of a change that is not accepted yet against whoever takes them away for
// being left behind: of the two one comes through.

const (
	// partsPerWrite is how many parts are written down at once.
	partsPerWrite = 88
	// acceptOps are the operations that accept a change, beside its parts, its
	// reservations and the conditions of protected users: the group, the log entry,
	// the head and its name among the due tasks.
	acceptOps = 4
)

// AcceptMembers writes down a change of many members, and commits the rest of it
// together with its acceptance.
func (s *Store) AcceptMembers(ctx context.Context, t tenant.ID, c directory.GroupChange) error {
	task := directory.Task{Kind: directory.TaskMembers, Resource: c.Before.ID, Name: c.After.Work}
	name := taskSort(task)
	parts := partOps(t, name, c)
	beside := keepOps(t, c)
	if c.Rewrites {
		beside = append(beside, claimOps(t, c.After.ID, directory.GroupKinds[:], c.Before.Held, c.After.Held, c.After.Former, nil)...)
	}
	batches := partBatches(parts, table.MaxOps-acceptOps-len(beside))
	head := table.Item{Key: taskKey(t, name), Attributes: table.Attributes{
		attrTime: millis(s.now()), attrLeft: table.Number(int64(len(parts))), attrState: table.Text(stateStaged),
	}}
	staged := table.Is(attrState, table.Text(stateStaged))
	for i, batch := range batches[:len(batches)-1] {
		operations := slices.Clone(batch)
		if i == 0 {
			operations = append(operations, operation{Op: table.Put(head, table.Absent())}, operation{Op: dueOp(t, name, millis(s.now()))})
		} else {
			operations = append(operations, operation{Op: table.Check(head.Key, staged)})
		}
		if err := s.commit(ctx, c.NotAfter, operations); err != nil {
			return err
		}
	}
	change := groupUpdate(c)
	change.Set[attrWork] = table.Text(c.After.Work)
	operations := slices.Concat(
		batches[len(batches)-1],
		[]operation{
			{Op: table.Update(groupKey(t, c.Before.ID), change, groupConditions(c)...)},
			{Op: logOp(t, c.Entry, c.Before.History, c.Expires)},
		})
	if len(batches) == 1 {
		head.Attributes[attrState] = table.Text(stateAccepted)
		operations = append(operations, operation{Op: table.Put(head, table.Absent())}, operation{Op: dueOp(t, name, millis(s.now()))})
	} else {
		operations = append(operations, operation{Op: table.Update(head.Key,
			table.Change{Set: table.Attributes{attrState: table.Text(stateAccepted)}}, staged)})
	}
	err := s.commit(ctx, c.NotAfter, append(operations, beside...))
	var failed *directory.CommitError
	if errors.As(err, &failed) && len(batches) > 1 {
		// Not accepted: what was written down is nobody's. Should this fail, the
		// sweep finds it.
		_ = s.dropParts(ctx, t, task)
	}
	return err
}

// partBatches divides the parts of a change among transactions, of which the last has
// room for fewer: each protected user whom the change must not take out is a condition
// beside them.
func partBatches(parts []operation, room int) [][]operation {
	batches := slices.Collect(slices.Chunk(parts, partsPerWrite))
	if end := len(batches) - 1; len(batches[end]) > room {
		last := batches[end]
		batches = append(batches[:end], last[:len(last)-room], last[len(last)-room:])
	}
	return batches
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
		if c.Loose {
			a[attrLoose] = flag(true)
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
	for unseen := 0; ; {
		var items map[table.Key]table.Item
		var parts table.Page
		group, head := groupKey(t, task.Resource), taskKey(t, taskSort(task))
		err := together(ctx,
			func(ctx context.Context) (err error) {
				items, err = s.getAll(ctx, []table.Key{group, head})
				return err
			},
			func(ctx context.Context) (err error) { parts, err = s.parts(ctx, t, task, 1); return err })
		if err != nil {
			return unknown, err
		}
		found, ok := items[group]
		if !ok || found.Attributes.Text(attrWork) != task.Name {
			return unknown, s.finishUnclaimed(ctx, t, task, items[head])
		}
		left := items[head].Attributes.Number(attrLeft)
		if left == 0 {
			return unknown, s.forgetWork(ctx, t, task)
		}
		if len(parts.Items) == 0 {
			// The last part was made between the two reads, or is not shown yet.
			if unseen++; unseen > maxUnseen {
				return unknown, fmt.Errorf("%w: the parts of a change are not to be seen", directory.ErrBusy)
			}
			continue
		}
		skipped, err := s.makePart(ctx, t, task, decodeGroup(found), parts.Items[0], left)
		unknown = append(unknown, skipped...)
		if err != nil && !errors.Is(err, directory.ErrStale) {
			return unknown, err
		}
	}
}

// maxUnseen is how often parts are looked for in vain.
const maxUnseen = 20

// forgetWork takes the name of a change from its group of which nothing is left,
// as only a table has it that somebody else wrote to.
func (s *Store) forgetWork(ctx context.Context, t tenant.ID, task directory.Task) error {
	err := stale(s.commit(ctx, time.Time{}, []operation{
		{Op: touchGroup(t, task.Resource, s.now(), table.Attributes{attrWork: table.Text("")}, table.Is(attrWork, table.Text(task.Name)))},
		{Op: table.Check(taskKey(t, taskSort(task)), table.Absent())},
		{Op: table.Delete(dueKey(t, taskSort(task)))},
	}))
	if errors.Is(err, directory.ErrStale) {
		return nil // the last part was made between two reads
	}
	return err
}

func (s *Store) parts(ctx context.Context, t tenant.ID, task directory.Task, limit int) (table.Page, error) {
	page, err := s.table.Query(ctx, table.Query{
		Partition: partition(t, "TASKS"), Prefix: taskSort(task) + "#", Limit: limit,
	})
	return page, readError(err)
}

// makePart makes one part of an accepted change of which some are left.
// directory.ErrStale: another made it, or the group changed.
func (s *Store) makePart(ctx context.Context, t tenant.ID, task directory.Task, group *directory.Group, part table.Item, left int64) ([]string, error) {
	a := part.Attributes
	now := s.now()
	add, remove, err := s.membersDue(ctx, t, group, a)
	if err != nil {
		return nil, err
	}
	entry := directory.Entry{
		ID: s.newID(), RequestID: a.Text(attrPartOf), Time: now, TokenID: a.Text(attrTokenID), IdP: a.Text(attrIdP),
		Operation: a.Text(attrOperation), Action: directory.Updated, ResourceType: a.Text(attrResourceType), ResourceID: group.ID,
		Subject: a.Text(attrSubject), Changed: []string{"members"}, Removed: remove,
	}
	name := taskSort(task)
	set := table.Attributes{}
	count := table.Is(attrLeft, table.Number(left))
	after := []operation{{Op: table.Update(taskKey(t, name), table.Change{Add: map[string]int64{attrLeft: -1}}, count)}}
	if left == 1 {
		set[attrWork] = table.Text("")
		after = doneOps(t, task, count)
	}
	expires := now.Add(time.Duration(a.Number(attrKeep)) * time.Second)
	return s.join(ctx, t, add, now.Add(directory.WriteTime), func(users []string) []operation {
		entry.Added = users
		touch := touchGroup(t, group.ID, now, set,
			table.Is(attrEpoch, table.Number(group.Epoch)), table.Is(attrWork, table.Text(task.Name)))
		operations := append(slices.Clone(after), operation{Op: table.Delete(part.Key, table.Present())})
		if len(users)+len(remove) > 0 {
			extendHistory(&touch.Change, group.History, entry)
			operations = append(operations, operation{Op: logOp(t, entry, group.History, expires)})
		}
		operations = append(operations, operation{Op: touch})
		for _, user := range users {
			operations = append(operations, joinOps(t, group.ID, group.Epoch, user)...)
		}
		for _, user := range entry.Removed {
			operations = append(operations, endOps(t, group.ID, group.Epoch, user)...)
		}
		return operations
	})
}

// membersDue are the members of a part who join and leave. Of a part that is loose they
// are read first: while the group names the change nobody else changes them.
func (s *Store) membersDue(ctx context.Context, t tenant.ID, group *directory.Group, part table.Attributes) (add, remove []string, err error) {
	add, remove = splitIDs(part.Text(attrAdded)), splitIDs(part.Text(attrRemoved))
	if part.Number(attrLoose) == 0 {
		return add, remove, nil
	}
	member, _, err := s.Joined(ctx, t, group.ID, group.Epoch, slices.Concat(add, remove))
	add = slices.DeleteFunc(add, func(id string) bool { return member[id] })
	remove = slices.DeleteFunc(remove, func(id string) bool { return !member[id] })
	return add, remove, err
}

func splitIDs(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, ",")
}

// finishUnclaimed takes parts away that no group knows of: their request was
// refused or ended before it was accepted. Young ones may be about to be accepted.
func (s *Store) finishUnclaimed(ctx context.Context, t tenant.ID, task directory.Task, head table.Item) error {
	until := timeOf(head.Attributes, attrTime).Add(unclaimedTime)
	switch {
	case head.Attributes == nil:
		return s.forgetDue(ctx, t, task)
	case head.Attributes.Text(attrState) == stateStaged && s.now().Before(until):
		return youngUntil(until)
	case head.Attributes.Text(attrState) == stateAccepted:
		// Accepted and not named: it was finished between the two reads.
		return s.forgetDue(ctx, t, task)
	}
	return s.dropParts(ctx, t, task)
}

// dropParts takes the parts away of a change that was not accepted, and sees to it
// that it is not accepted any more.
func (s *Store) dropParts(ctx context.Context, t tenant.ID, task directory.Task) error {
	head := taskKey(t, taskSort(task))
	err := stale(s.commit(ctx, time.Time{}, []operation{{Op: table.Update(head,
		table.Change{Set: table.Attributes{attrState: table.Text(stateEnding)}},
		table.Is(attrState, table.Text(stateStaged)))}}))
	if err != nil && !errors.Is(err, directory.ErrStale) {
		return err
	}
	ending := table.Is(attrState, table.Text(stateEnding))
	for {
		parts, err := s.parts(ctx, t, task, partsPerWrite)
		if err != nil {
			return err
		}
		if len(parts.Items) == 0 {
			err = stale(s.commit(ctx, time.Time{}, doneOps(t, task, ending)))
			if errors.Is(err, directory.ErrStale) {
				return nil // accepted after all, or taken away by another
			}
			return err
		}
		operations := []operation{{Op: table.Check(head, ending)}}
		for _, part := range parts.Items {
			operations = append(operations, operation{Op: table.Delete(part.Key)})
		}
		err = stale(s.commit(ctx, time.Time{}, operations))
		if errors.Is(err, directory.ErrStale) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
