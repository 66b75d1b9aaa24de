package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/idp"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// A change of more members than one transaction takes is accepted first: its
// members are stored in parts of one transaction each, and the group names the
// change. From then on it will be applied, even if the request ends early. Each
// part is applied in one transaction that also deletes the part, so that it is
// applied exactly once, by any of the requests. The last part clears the name
// in the group.
//
// A head item counts the parts that are left. The number of parts that a reader
// sees is no proof, because DynamoDB shows the items of a transaction one after
// the other. The acceptance of a change and a sweep that deletes its parts as
// abandoned both have a condition on the head: exactly one of the two is
// committed.

const (
	// partsPerWrite is how many parts are stored in one transaction.
	partsPerWrite = 88
	// headOps are the operations on the head of a change and on its name among
	// the due tasks.
	headOps = 2
)

// AcceptMembers stores a change of many members in parts, and commits the rest
// of the change together with its acceptance.
func (s *Store) AcceptMembers(ctx context.Context, t tenant.ID, c directory.GroupAcceptance) error {
	task := directory.Task{Kind: directory.TaskMembers, Resource: c.Before.ID, Name: c.After.PendingChange}
	name := taskSort(task)
	parts := partOps(t, name, c)
	set := table.Attributes{attrWork: table.Text(c.After.PendingChange)}
	owed, flags, err := s.owedBeside(ctx, t, owedOf(c.GroupEdit))
	if err != nil {
		return err
	}
	maps.Copy(set, flags)
	edit := slices.Concat(editOps(t, c.GroupEdit, set), protectedChecks(t, c.Before, c.Protected), owed)
	batches := partBatches(parts, table.MaxOps-headOps-len(edit))
	head := taskKey(t, name)
	begin := func(state string) []operation {
		return []operation{
			{Op: table.Put(table.Item{Key: head, Attributes: table.Attributes{
				attrTime: millis(s.now()), attrLeft: table.Number(int64(len(parts))), attrState: table.Text(state),
			}}, table.Absent())},
			{Op: dueOp(t, name, millis(s.now()))},
		}
	}
	last := len(batches) - 1
	if last == 0 {
		return s.commit(ctx, c.NotAfter, slices.Concat(batches[0], edit, begin(stateAccepted)))
	}
	staged := table.Is(attrState, table.Text(stateStaged))
	beside := begin(stateStaged)
	for _, batch := range batches[:last] {
		if err := s.commit(ctx, c.NotAfter, slices.Concat(batch, beside)); err != nil {
			return err
		}
		beside = []operation{{Op: table.Check(head, staged)}}
	}
	accept := operation{Op: table.Update(head, table.Change{Set: table.Attributes{attrState: table.Text(stateAccepted)}}, staged)}
	err = s.commit(ctx, c.NotAfter, append(slices.Concat(batches[last], edit), accept))
	var failed *directory.CommitError
	if errors.As(err, &failed) {
		// Not accepted: the stored parts are abandoned. If deleting them fails,
		// the sweep finds them.
		_ = s.dropParts(ctx, t, task)
	}
	return err
}

// partBatches divides the parts of a change among transactions. The last one
// has room for fewer, because it has a condition for each protected user that
// the change must not remove.
func partBatches(parts []operation, room int) [][]operation {
	batches := slices.Collect(slices.Chunk(parts, partsPerWrite))
	if end := len(batches) - 1; len(batches[end]) > room {
		last := batches[end]
		batches = append(batches[:end], last[:len(last)-room], last[len(last)-room:])
	}
	return batches
}

// partOps returns the parts of a change in order: first those who join, then
// those who leave, which are different users.
func partOps(t tenant.ID, name string, c directory.GroupAcceptance) []operation {
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
			attrTokenID: table.Text(c.Entry.TokenID), attrIdP: table.Text(string(c.Entry.IdP)),
			attrOperation: table.Text(string(c.Entry.Operation)), attrSubject: table.Text(c.Entry.Subject),
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

// applyParts applies the remaining parts of an accepted change.
func (s *Store) applyParts(ctx context.Context, t tenant.ID, task directory.Task) ([]string, error) {
	var unknown []string
	for unseen := 0; ; {
		var items map[table.Key]table.Item
		var parts table.Page
		group, head := groupKey(t, task.Resource), taskKey(t, taskSort(task))
		err := s.Together(ctx,
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
			// The last part was applied between the two reads, or is not
			// visible yet.
			if unseen++; unseen > maxUnseen {
				return unknown, fmt.Errorf("%w: the parts of a change are not visible yet", directory.ErrBusy)
			}
			continue
		}
		skipped, err := s.applyPart(ctx, t, task, decodeGroup(found), parts.Items[0], left)
		unknown = append(unknown, skipped...)
		if err != nil && !errors.Is(err, directory.ErrStale) {
			return unknown, err
		}
	}
}

// maxUnseen is how often parts are looked for without finding any.
const maxUnseen = 20

// forgetWork clears the name of a change in its group if nothing of the change
// is left. Only a table that was written to by other software is in that state.
func (s *Store) forgetWork(ctx context.Context, t tenant.ID, task directory.Task) error {
	return s.attempt(ctx,
		operation{Op: touchGroup(t, task.Resource, s.now(), table.Attributes{attrWork: table.Text("")}, table.Is(attrWork, table.Text(task.Name)))},
		operation{Op: table.Check(taskKey(t, taskSort(task)), table.Absent())},
		operation{Op: table.Delete(dueKey(t, taskSort(task)))})
}

func (s *Store) parts(ctx context.Context, t tenant.ID, task directory.Task, limit int) (table.Page, error) {
	page, err := s.table.Query(ctx, table.Query{
		Partition: partition(t, "TASKS"), Prefix: taskSort(task) + "#", Limit: limit,
	})
	return page, readError(err)
}

// applyPart applies one part of an accepted change; left is the number of
// remaining parts. directory.ErrStale: another request applied it, or the group
// changed.
func (s *Store) applyPart(ctx context.Context, t tenant.ID, task directory.Task, group *directory.Group, part table.Item, left int64) ([]string, error) {
	a := part.Attributes
	now := s.now()
	add, remove, err := s.membersDue(ctx, t, group, a)
	if err != nil {
		return nil, err
	}
	entry := journal.Entry{
		ID: s.newID(), RequestID: a.Text(attrPartOf), Time: now, TokenID: a.Text(attrTokenID), IdP: idp.Provider(a.Text(attrIdP)),
		Operation: journal.Operation(a.Text(attrOperation)), Action: journal.Updated, Outcome: journal.Success, ResourceType: a.Text(attrResourceType), ResourceID: group.ID,
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
	return s.join(ctx, t, add, now.Add(journal.WriteTime), func(users []string) []operation {
		entry.Added = users
		entry.Skip(outside(add, users))
		owed, flagged := owedOps(t, owedChange{
			group: group, id: group.ID, stated: slices.Concat(splitIDs(a.Text(attrAdded)), splitIDs(a.Text(attrRemoved))),
			skipped: outside(add, users), entry: entry, expires: expires,
		}, nil)
		set := maps.Clone(set)
		if len(owed) > 0 {
			set[attrOwed] = flag(flagged)
		}
		touch := touchGroup(t, group.ID, now, set,
			table.Is(attrEpoch, table.Number(group.Epoch)), table.Is(attrWork, table.Text(task.Name)))
		operations := append(slices.Clone(after), operation{Op: table.Delete(part.Key, table.Present())})
		extendHistory(&touch.Change, group.History, entry)
		operations = append(operations, operation{Op: logOp(t, entry, group.History, expires)}, operation{Op: touch})
		operations = append(operations, owed...)
		for _, user := range users {
			operations = append(operations, joinOps(t, group.ID, group.Epoch, user)...)
		}
		for _, user := range entry.Removed {
			operations = append(operations, endOps(t, group.ID, group.Epoch, user)...)
		}
		return operations
	})
}

// membersDue returns the members of a part that join and leave. For a loose
// part their memberships are read first: while the group names the change,
// nothing else changes them.
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

// outside returns the ids of a list that another list does not contain.
func outside(ids, others []string) []string {
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return slices.Contains(others, id) })
}

func splitIDs(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, ",")
}

// finishUnclaimed deletes parts of a change that no group names: their request
// was refused or ended before the change was accepted. Young parts may still be
// accepted.
func (s *Store) finishUnclaimed(ctx context.Context, t tenant.ID, task directory.Task, head table.Item) error {
	until := timeOf(head.Attributes, attrTime).Add(unclaimedTime)
	switch {
	case head.Attributes == nil:
		return s.forgetDue(ctx, t, task)
	case head.Attributes.Text(attrState) == stateStaged && s.now().Before(until):
		return youngUntil(until)
	case head.Attributes.Text(attrState) == stateAccepted:
		// Accepted and no longer named: it was finished between the two reads.
		return s.forgetDue(ctx, t, task)
	}
	return s.dropParts(ctx, t, task)
}

// dropParts deletes the parts of a change that was not accepted, and ensures
// that it is not accepted any more.
func (s *Store) dropParts(ctx context.Context, t tenant.ID, task directory.Task) error {
	head := taskKey(t, taskSort(task))
	if err := s.attempt(ctx, endStagedOp(head)); err != nil {
		return err
	}
	ending := table.Is(attrState, table.Text(stateEnding))
	for {
		parts, err := s.parts(ctx, t, task, partsPerWrite)
		if err != nil {
			return err
		}
		if len(parts.Items) == 0 {
			return s.attempt(ctx, doneOps(t, task, ending)...) // unless accepted after all, or deleted by another request
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
