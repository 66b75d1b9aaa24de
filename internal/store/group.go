package store

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/journal"
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
	a[attrWork] = table.Text(g.PendingChange)
	if g.Owed {
		a[attrOwed] = flag(true)
	}
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
		ID:            item.Sort,
		Doc:           []byte(a.Text(attrDoc)),
		Version:       a.Number(attrVersion),
		Revision:      a.Number(attrRevision),
		Epoch:         a.Number(attrEpoch),
		Epochs:        a.Number(attrEpochs),
		Created:       timeOf(a, attrCreated),
		Modified:      timeOf(a, attrModified),
		Origin:        directory.Origin(a.Text(attrOrigin)),
		PendingChange: a.Text(attrWork),
		Held:          directory.Claims{},
		Owed:          a.Number(attrOwed) == 1,
		History:       decodeHistory(a),
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

// A change of a group is one transaction. Each condition settles a race:
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
//	protected     version is, for a set or a deletion   these against a protection
//	              not members, for the same             these against a join of one
//	marker        of a deletion in the application
//	old epoch     a task that ends its memberships
//	new set       unconditional: the ids, beside the log entry
//	log entry     absent                                no change without its entry

// CreateGroup creates a group with its members.
func (s *Store) CreateGroup(ctx context.Context, t tenant.ID, c directory.GroupCreation) error {
	g := c.Group
	item := groupItem(t, g)
	keepHistory(item.Attributes, nil, c.Entry)
	owed, flagged := owedOps(t, owedChange{id: g.ID, whole: true, skipped: c.Entry.Skipped, entry: c.Entry, expires: c.Expires}, nil)
	if flagged {
		item.Attributes[attrOwed] = flag(true)
	}
	operations := slices.Concat(
		[]operation{{Op: table.Put(item, table.Absent())}},
		claimOps(t, g.ID, directory.GroupKinds[:], nil, g.Held, g.Former, nil),
		memberOps(t, g, directory.MemberDelta{Add: c.Add, Unknown: c.Unknown}),
		[]operation{{Op: logOp(t, c.Entry, nil, c.Expires)}},
		owed,
	)
	if c.Staged {
		operations = append(operations, takeEpochOps(t, g.ID, g.Epoch)...)
		operations = append(operations, setOps(t, c.Entry.Key(), c.Members, c.Expires)...)
	}
	return s.commitCounted(ctx, t, c.NotAfter, operations, counts{groups: 1})
}

// UpdateGroup changes the document of a group, a few members, or both.
//
// A change that is Unchanged consists of conditions only: all hold at one
// moment, and nothing is written, except which members were skipped. The failures
// of a transaction do not prove that, because DynamoDB checks each item at a
// different time.
func (s *Store) UpdateGroup(ctx context.Context, t tenant.ID, c directory.GroupUpdate) error {
	operations := memberOps(t, c.After, c.MemberDelta)
	owed, flags, err := s.owedBeside(ctx, t, owedOf(c.GroupEdit, c.Add, c.AlreadyMembers, c.Remove, c.NotMembers))
	if err != nil {
		return err
	}
	operations = append(operations, owed...)
	switch {
	case c.Unchanged() && flags != nil:
		operations = append(operations, operation{
			Op: table.Update(groupKey(t, c.Before.ID), table.Change{Set: flags}, groupConditions(c.GroupEdit)...),
		})
	case c.Unchanged():
		operations = append(operations, operation{Op: table.Check(groupKey(t, c.Before.ID), groupConditions(c.GroupEdit)...)})
	default:
		operations = append(operations, editOps(t, c.GroupEdit, flags)...)
	}
	return s.commit(ctx, c.NotAfter, operations)
}

// ReplaceMembers replaces all members of a group by a new set.
func (s *Store) ReplaceMembers(ctx context.Context, t tenant.ID, c directory.GroupNewSet) error {
	set := table.Attributes{attrEpoch: table.Number(c.After.Epoch)}
	owed, flags, err := s.owedBeside(ctx, t, owedOf(c.GroupEdit))
	if err != nil {
		return err
	}
	maps.Copy(set, flags)
	var operations []operation
	if c.Staged {
		operations = append(takeEpochOps(t, c.After.ID, c.After.Epoch), editOps(t, c.GroupEdit, set)...)
	} else {
		set[attrEpochs] = table.Number(c.After.Epochs)
		operations = editOps(t, c.GroupEdit, set, table.Is(attrEpochs, table.Number(c.Before.Epochs)))
	}
	return s.commit(ctx, c.NotAfter, slices.Concat(operations, owed, setOps(t, c.Entry.Key(), c.Members, c.Expires),
		endEpochOps(t, c.Before.ID, c.Before.Epoch, c.Entry.Time), protectedChecks(t, c.Before, c.Protected)))
}

// DeleteGroup deletes a group.
func (s *Store) DeleteGroup(ctx context.Context, t tenant.ID, c directory.GroupDeletion) error {
	g := c.Before
	same := groupConditions(directory.GroupEdit{Before: g, Document: true, Exact: c.Exact})
	operations := slices.Concat(
		[]operation{{Op: table.Delete(groupKey(t, g.ID), same...)}},
		claimOps(t, g.ID, directory.GroupKinds[:], g.Held, nil, nil, nil),
		protectedChecks(t, g, c.Protected),
		markerOps(t, c.Marker),
		[]operation{
			{Op: logOp(t, c.Entry, g.History, c.Expires)},
			{Op: indexOp(t, subjectOfRecord(c.Entry), c.Entry, c.Expires)},
		},
	)
	if g.Owed {
		operations = append(operations, operation{Op: table.Delete(owedKey(t, journal.TypeGroup, g.ID))})
	}
	if !c.Ends {
		operations = append(operations, endEpochOps(t, g.ID, g.Epoch, c.Entry.Time)...)
	}
	for _, user := range c.Members { // under the group's version: these are all members
		operations = append(operations, endOps(t, g.ID, g.Epoch, user)...)
	}
	return s.commitCounted(ctx, t, c.NotAfter, operations, counts{groups: -1})
}

// groupConditions returns the conditions that every change of an existing group has.
func groupConditions(e directory.GroupEdit) []table.Condition {
	same := []table.Condition{table.Is(attrEpoch, table.Number(e.Before.Epoch)), table.Is(attrWork, table.Text(""))}
	if e.Rewrites || e.Document {
		same = append(same, table.Is(attrRevision, table.Number(e.Before.Revision)))
	}
	if e.Exact {
		same = append(same, table.Is(attrVersion, table.Number(e.Before.Version)))
	}
	return same
}

// editOps change the item of a group and, with its document, its reservations,
// and write the log entry. set are attributes that they set besides.
func editOps(t tenant.ID, e directory.GroupEdit, set table.Attributes, when ...table.Condition) []operation {
	change := table.Change{
		Set: table.Attributes{attrModified: millis(e.After.Modified)},
		Add: map[string]int64{attrVersion: 1},
	}
	maps.Copy(change.Set, set)
	extendHistory(&change, e.Before.History, e.Entry)
	ops := []operation{{Op: logOp(t, e.Entry, e.Before.History, e.Expires)}}
	if e.Rewrites {
		maps.Copy(change.Set, groupDocument(e.After))
		for _, kind := range directory.GroupKinds {
			if _, ok := e.After.Held[kind]; !ok {
				change.Remove = append(change.Remove, heldAttribute(kind))
			}
		}
		ops = append(ops, claimOps(t, e.After.ID, directory.GroupKinds[:], e.Before.Held, e.After.Held, e.After.Former, nil)...)
	}
	same := append(groupConditions(e), when...)
	return append(ops, operation{Op: table.Update(groupKey(t, e.Before.ID), change, same...)})
}

// touchGroup increments a group's version for a change of its members.
func touchGroup(t tenant.ID, id string, at time.Time, set table.Attributes, when ...table.Condition) table.Op {
	if set == nil {
		set = table.Attributes{}
	}
	set[attrModified] = millis(at)
	return table.Update(groupKey(t, id), table.Change{Set: set, Add: map[string]int64{attrVersion: 1}}, when...)
}
