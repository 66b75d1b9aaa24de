package store

import (
	"context"
	"slices"
	"time"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// The attributes of a group's item, besides those that it shares with a user's.
const (
	attrRevision = "rev"    // from 1, one more with each change of the document
	attrEpoch    = "epoch"  // under which its members are stored
	attrEpochs   = "epochs" // how many were ever begun
	attrWork     = "work"   // the accepted change that is not finished, or ""
)

func groupItem(t tenant.ID, g *directory.Group) table.Item {
	a := groupDocument(g)
	a[attrVersion] = table.Number(g.Version)
	a[attrCreated] = millis(g.Created)
	a[attrModified] = millis(g.Modified)
	a[attrEpoch] = table.Number(g.Epoch)
	a[attrEpochs] = table.Number(g.Epochs)
	a[attrOrigin] = table.Text(string(g.Origin))
	a[attrWork] = table.Text(g.Work)
	return table.Item{Key: groupKey(t, g.ID), Attributes: a}
}

// groupDocument returns the attributes that a change of the document sets.
func groupDocument(g *directory.Group) table.Attributes {
	a := table.Attributes{
		attrDoc:      table.Text(string(g.Doc)),
		attrRevision: table.Number(g.Revision),
	}
	for kind, value := range g.Held {
		a[heldAttribute(kind)] = table.Text(value)
	}
	return a
}

func decodeGroup(item table.Item) *directory.Group {
	a := item.Attributes
	g := &directory.Group{
		ID:       item.Sort,
		Doc:      []byte(a.Text(attrDoc)),
		Version:  a.Number(attrVersion),
		Revision: a.Number(attrRevision),
		Epoch:    a.Number(attrEpoch),
		Epochs:   a.Number(attrEpochs),
		Created:  timeOf(a, attrCreated),
		Modified: timeOf(a, attrModified),
		Origin:   directory.Origin(a.Text(attrOrigin)),
		Work:     a.Text(attrWork),
		Held:     directory.Claims{},
		History:  decodeHistory(a),
	}
	for _, kind := range directory.GroupKinds {
		if a.Has(heldAttribute(kind)) {
			g.Held[kind] = a.Text(heldAttribute(kind))
		}
	}
	return g
}

// Group reads a group: one round trip.
func (s *Store) Group(ctx context.Context, t tenant.ID, id string) (*directory.Group, error) {
	if !directory.ValidID(id) {
		return nil, nil
	}
	item, ok, err := s.read(ctx, groupKey(t, id))
	if err != nil || !ok {
		return nil, err
	}
	return decodeGroup(item), nil
}

// GroupsByID reads groups by id: one round trip for each hundred, in parallel.
func (s *Store) GroupsByID(ctx context.Context, t tenant.ID, ids []string) ([]*directory.Group, error) {
	keys := make([]table.Key, 0, len(ids))
	for _, id := range ids {
		if directory.ValidID(id) {
			keys = append(keys, groupKey(t, id))
		}
	}
	items, err := s.getAll(ctx, keys)
	if err != nil {
		return nil, err
	}
	groups := make([]*directory.Group, 0, len(items))
	for _, key := range keys {
		if item, ok := items[key]; ok {
			groups = append(groups, decodeGroup(item))
		}
	}
	return groups, nil
}

// CommitGroup commits a change of a group as one transaction. Each condition
// settles a race:
//
//	group         absent, or epoch is Before's          a member against a whole new set
//	              and no work is accepted               a change against an unfinished one in parts
//	              and revision is, for the document     two renames; also if it stays as it is
//	              and version is: with If-Match, and    two writers who both read the members
//	              for a decision made on the members
//	reservations  absent                                two groups of one name
//	membership    absent to join, present to leave it   reports which members change
//	              present or absent, if left out        two changes of the same members
//	mirror        unconditional: it follows the membership
//	user          live, and not leaving                 a join against a deletion
//	              absent, if skipped as unknown         a join against the return of a user
//	user          not protected, to leave it            a leave against a protection
//	guard         version is, for a set or a deletion   these against a protection
//	protected     not members, for the same             these against a join of one
//	marker        of a deletion in the application
//	old epoch     a task that ends its memberships
//	log entry     absent                                no change without its entry
//
// A change that is Unchanged consists of these conditions only: all hold at one
// moment, and nothing is written. The failures of a transaction do not prove
// that, because DynamoDB checks each item at a different time.
func (s *Store) CommitGroup(ctx context.Context, t tenant.ID, c directory.GroupChange) error {
	if c.Unchanged() {
		same := operation{Op: table.Check(groupKey(t, c.Before.ID), groupConditions(c)...)}
		return s.commit(ctx, c.NotAfter, append(leftOutOps(t, c), same))
	}
	operations := groupOps(t, c)
	switch {
	case c.After == nil:
		for _, user := range c.Remove { // under the group's version: these are all members
			operations = append(operations, endOps(t, c.Before.ID, c.Before.Epoch, user)...)
		}
		if !c.Empty {
			operations = append(operations, endEpochOps(t, c.Before.ID, c.Before.Epoch, c.Entry.Time)...)
		}
	case c.NewEpoch:
		if c.Staged {
			operations = append(operations, takeEpochOps(t, c.After.ID, c.After.Epoch)...)
		}
		if c.Before != nil {
			operations = append(operations, endEpochOps(t, c.Before.ID, c.Before.Epoch, c.Entry.Time)...)
		}
	default:
		operations = slices.Concat(operations, memberOps(t, c), leftOutOps(t, c))
	}
	operations = append(operations, keepOps(t, c)...)
	operations = append(operations, markerOps(t, c.Marker)...)
	var earlier directory.History
	if c.Before != nil {
		earlier = c.Before.History
	}
	operations = append(operations, operation{Op: logOp(t, c.Entry, earlier, c.Expires)})
	if c.After == nil {
		operations = append(operations, operation{Op: indexOp(t, subjectOfRecord(c.Entry), c.Entry, c.Expires)})
	}
	return s.commit(ctx, c.NotAfter, operations)
}

// groupOps are the operations on the group's own item, its reservations, and
// the count of groups.
func groupOps(t tenant.ID, c directory.GroupChange) []operation {
	var ops []operation
	id, held, holds, former := "", directory.Claims(nil), directory.Claims(nil), directory.Claims(nil)
	if c.Before != nil {
		id, held = c.Before.ID, c.Before.Held
	}
	if c.After != nil {
		id, holds, former = c.After.ID, c.After.Held, c.After.Former
	}
	count := map[string]int64{}
	switch {
	case c.Before == nil:
		count[attrGroups] = 1
		item := groupItem(t, c.After)
		keepHistory(item.Attributes, nil, c.Entry)
		ops = append(ops, operation{Op: table.Put(item, table.Absent())})
	case c.After == nil:
		count[attrGroups] = -1
		ops = append(ops, operation{Op: table.Delete(groupKey(t, id), groupConditions(c)...)})
	default:
		ops = append(ops, operation{Op: table.Update(groupKey(t, id), groupUpdate(c), groupConditions(c)...)})
	}
	if c.Before == nil || c.After == nil || c.Rewrites {
		ops = append(ops, claimOps(t, id, directory.GroupKinds[:], held, holds, former, nil)...)
	}
	if op, ok := countOp(t, count); ok {
		ops = append(ops, operation{Op: op})
	}
	return ops
}

func groupConditions(c directory.GroupChange) []table.Condition {
	when := []table.Condition{table.Is(attrEpoch, table.Number(c.Before.Epoch)), table.Is(attrWork, table.Text(""))}
	if c.Rewrites || c.Document || c.After == nil {
		when = append(when, table.Is(attrRevision, table.Number(c.Before.Revision)))
	}
	if c.Exact {
		when = append(when, table.Is(attrVersion, table.Number(c.Before.Version)))
	}
	if c.NewEpoch && !c.Staged {
		when = append(when, table.Is(attrEpochs, table.Number(c.Before.Epochs)))
	}
	return when
}

func groupUpdate(c directory.GroupChange) table.Change {
	change := table.Change{
		Set: table.Attributes{attrModified: millis(c.After.Modified)},
		Add: map[string]int64{attrVersion: 1},
	}
	if c.Rewrites {
		for name, value := range groupDocument(c.After) {
			change.Set[name] = value
		}
		for _, kind := range directory.GroupKinds {
			if _, ok := c.After.Held[kind]; !ok {
				change.Remove = append(change.Remove, heldAttribute(kind))
			}
		}
	}
	extendHistory(&change, c.Before.History, c.Entry)
	if c.NewEpoch {
		change.Set[attrEpoch] = table.Number(c.After.Epoch)
		if !c.Staged {
			change.Set[attrEpochs] = table.Number(c.After.Epochs)
		}
	}
	return change
}

// touchGroup increments a group's version for a change of its members.
func touchGroup(t tenant.ID, id string, at time.Time, set table.Attributes, when ...table.Condition) table.Op {
	if set == nil {
		set = table.Attributes{}
	}
	set[attrModified] = millis(at)
	return table.Update(groupKey(t, id), table.Change{Set: set, Add: map[string]int64{attrVersion: 1}}, when...)
}
