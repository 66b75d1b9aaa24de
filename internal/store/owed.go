package store

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/credential"
	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/idp"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/provlog"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
	"github.com/rollcall-scim/rollcall/internal/text"
)

// An owed membership is one that an identity provider counts as done and that does not
// exist: the identity provider must push the group again. There are two kinds, each with an
// item in one partition:
//
//   - A group's item has the members sent that were no users. It is written in the
//     transaction in which they were skipped, and the group's flag says that it exists: only
//     changes of such a group write to it, at one operation each, to remove the members that
//     they name.
//   - A user's item says that groups are owed to the user, who lost them by a deletion or by
//     being hired again and is live now. The groups are attributes of the user's record,
//     because a join updates that record anyway, and removes its group there: the joins of
//     other users pay nothing.
//
// Readers check each membership against the records, so what is left of a deleted group or
// of a purged user is not seen, and they remove items that say nothing any more.

const (
	attrOwed     = "owe" // 1 of a group with owed members
	attrOwedMore = "owm" // of a group's item: skipped members that it has no room for; 1 of a user who left more groups than are named
	owedPrefix   = "x."  // + link of an id: an owed membership
)

const (
	// maxOwedOfGroup is how many skipped members the item of a group names, about 25 KB of
	// them, and maxOwedAtOnce how many one update of it adds: an expression of DynamoDB has
	// 4 KB.
	maxOwedOfGroup = 500
	maxOwedAtOnce  = 100
	// maxOwedName is the most bytes of an id that is not one of ours.
	maxOwedName = 64
)

// owedName returns the attribute of an owed membership, given the id of its other side. The
// id of a skipped member may be any text.
func owedName(id string) string {
	if name := link(id); name != id {
		return owedPrefix + name
	}
	return owedPrefix + owedForeign + text.Cut(credential.Redact(id), maxOwedName)
}

// owedForeign begins the name of an id that is not one of ours.
const owedForeign = "~"

func owedKey(t tenant.ID, kind, id string) table.Key {
	return table.Key{Partition: partition(t, "OWED"), Sort: kind + "#" + id}
}

// decodeOwed returns the ids that a record or an item names, in order.
func decodeOwed(a table.Attributes) []string {
	var ids []string
	for name := range a {
		short, ok := strings.CutPrefix(name, owedPrefix)
		if !ok {
			continue
		}
		if foreign, is := strings.CutPrefix(short, owedForeign); is {
			ids = append(ids, foreign)
		} else {
			ids = append(ids, linked(short))
		}
	}
	slices.Sort(ids)
	return ids
}

// owedChange is what a change of a group means for its owed members.
type owedChange struct {
	group *directory.Group // as it was before, nil of a new group
	// whole reports that the change states all members, stated are the members that it names
	// otherwise, and skipped those sent that are no users.
	whole           bool
	stated, skipped []string
	id              string
	entry           journal.Entry
	expires         time.Time
}

// owedOps returns the operations of a change on the owed members of its group, and whether
// the group has some afterwards. Without any before and after there is no operation. known
// is the item as it was read, or zero.
func owedOps(t tenant.ID, c owedChange, known table.Attributes) (ops []operation, flagged bool) {
	before := c.group != nil && c.group.Owed
	key := owedKey(t, journal.TypeGroup, c.id)
	set := table.Attributes{attrRequest: table.Text(c.entry.Key())}
	if len(c.skipped) > 0 {
		set = owedItem(c.entry, c.expires)
	}
	switch {
	case !before && len(c.skipped) == 0:
		return nil, false
	case c.whole && len(c.skipped) == 0:
		return []operation{{Op: table.Delete(key)}}, false
	case c.whole:
		set[attrOwedMore] = table.Number(nameSkipped(set, c.skipped, nil, maxOwedOfGroup))
		return []operation{{Op: table.Put(table.Item{Key: key, Attributes: set})}}, true
	}
	change := table.Change{Set: set}
	named := len(set)
	more := nameSkipped(set, c.skipped, known, min(maxOwedAtOnce, maxOwedOfGroup-len(decodeOwed(known))))
	if more > 0 {
		change.Add = map[string]int64{attrOwedMore: more}
	}
	for _, id := range c.stated {
		if name := owedName(id); !set.Has(name) && !slices.Contains(change.Remove, name) {
			change.Remove = append(change.Remove, name)
		}
	}
	if len(set) == named && len(change.Remove) == 0 && more == 0 {
		return nil, before
	}
	return []operation{{Op: table.Update(key, change)}}, true
}

// owedItem returns the attributes of an owed item that is written now. The request is that
// of its last write: an item is removed only as it was read.
func owedItem(e journal.Entry, expires time.Time) table.Attributes {
	return table.Attributes{
		attrTime: millis(e.Time), attrIdP: table.Text(string(e.IdP)), attrRequest: table.Text(e.Key()), table.ExpiryName: table.Number(expires.Unix()),
	}
}

// nameSkipped names skipped members that are not known yet, as many as there is room for,
// and returns the number of others.
func nameSkipped(set table.Attributes, skipped []string, known table.Attributes, room int) (more int64) {
	for _, id := range skipped {
		switch name := owedName(id); {
		case known.Has(name) || set.Has(name):
		case room > 0:
			room--
			set[name] = table.Number(1)
		default:
			more++
		}
	}
	return more
}

// owedOfGroup reads the owed members of a group if a change may add to them.
func (s *Store) owedOfGroup(ctx context.Context, t tenant.ID, c owedChange) (table.Attributes, error) {
	if c.group == nil || !c.group.Owed || c.whole || len(c.skipped) == 0 {
		return nil, nil
	}
	item, _, err := s.read(ctx, owedKey(t, journal.TypeGroup, c.id))
	return item.Attributes, err
}

// owedBeside returns the operations on the owed members of a group beside a change of it,
// and the attributes of the group that then differ, nil for none.
func (s *Store) owedBeside(ctx context.Context, t tenant.ID, c owedChange) (ops []operation, set table.Attributes, err error) {
	known, err := s.owedOfGroup(ctx, t, c)
	if err != nil {
		return nil, nil, err
	}
	ops, flagged := owedOps(t, c, known)
	if len(ops) > 0 {
		// The flag is set even if the group had it when it was read: the item may have
		// been removed meanwhile, with the flag.
		set = table.Attributes{attrOwed: flag(flagged)}
	}
	return ops, set, nil
}

// owedOf returns what an edit of a group means for its owed members.
func owedOf(e directory.GroupEdit, stated ...[]string) owedChange {
	return owedChange{
		group: e.Before, id: e.Before.ID, whole: e.Whole, stated: slices.Concat(e.Foreign, slices.Concat(stated...)), skipped: e.Entry.Skipped, entry: e.Entry, expires: e.Expires,
	}
}

// keepOwed adds the groups that are owed to a user to a record that is written whole, or
// when its memberships end: otherwise joins remove them while the record is changed.
func keepOwed(a table.Attributes, u *directory.User) {
	for _, group := range u.Owed {
		a[owedName(group)] = table.Number(1)
	}
	if u.OwedMore {
		a[attrOwedMore] = flag(true)
	}
}

// owedUserOps returns the operation that lists a user to whom a change makes groups owed: a
// user who is restored without them, or one who loses them and stays, for example by being
// hired again.
func owedUserOps(t tenant.ID, c directory.Change) []operation {
	u := c.After
	if c.Before == nil || !u.Live() || len(u.Owed) == 0 || c.Before.Live() && !c.Ends {
		return nil
	}
	a := owedItem(c.Entry, c.Expires)
	keepOwed(a, u)
	return []operation{{Op: table.Put(table.Item{Key: owedKey(t, journal.TypeUser, u.ID), Attributes: a})}}
}

// maxOwedUsers is how many users a change that states all members of a group looks at.
const maxOwedUsers = 200

// OwedGroups reads the users to whom groups are owed, with the groups.
func (s *Store) OwedGroups(ctx context.Context, t tenant.ID) (map[string][]string, error) {
	prefix := owedKey(t, journal.TypeUser, "").Sort
	page, err := s.table.Query(ctx, table.Query{Partition: partition(t, "OWED"), Prefix: prefix, Limit: maxOwedUsers})
	owed := make(map[string][]string, len(page.Items))
	for _, item := range page.Items {
		owed[strings.TrimPrefix(item.Sort, prefix)] = decodeOwed(item.Attributes)
	}
	return owed, readError(err)
}

// ForgetOwed removes a group from those that are owed to users. Users to whom it is not owed
// cost a read.
func (s *Store) ForgetOwed(ctx context.Context, t tenant.ID, group string, users []string) error {
	keys := make([]table.Key, 0, len(users))
	for _, user := range users {
		if directory.ValidID(user) {
			keys = append(keys, userKey(t, user))
		}
	}
	items, err := s.getAll(ctx, keys)
	if err != nil {
		return err
	}
	name := owedName(group)
	for _, key := range keys {
		if !items[key].Attributes.Has(name) {
			continue
		}
		// A user who is deleted meanwhile has no record here any more.
		err := s.attempt(ctx, operation{Op: table.Update(key, table.Change{Remove: []string{name}}, table.Present())})
		if err != nil {
			return err
		}
	}
	return nil
}

// OwedPage reads a page of the items of owed memberships.
func (s *Store) OwedPage(ctx context.Context, t tenant.ID, after string, limit int) (provlog.Page[provlog.Owed], error) {
	page, err := s.table.Query(ctx, table.Query{Partition: partition(t, "OWED"), After: after, Limit: limit})
	if err != nil {
		return provlog.Page[provlog.Owed]{}, readError(err)
	}
	found := provlog.Page[provlog.Owed]{More: page.More, Last: page.Last}
	for _, item := range page.Items {
		a := item.Attributes
		if expired(a, s.now()) {
			continue
		}
		o := provlog.Owed{
			Since: timeOf(a, attrTime), IdP: idp.Provider(a.Text(attrIdP)), More: a.Number(attrOwedMore), Request: a.Text(attrRequest),
		}
		o.Type, o.ID, _ = strings.Cut(item.Sort, "#")
		o.Others = decodeOwed(a)
		found.Items = append(found.Items, o)
	}
	return found, nil
}

// OwedStates reads what is known now of owed memberships: their groups and users, and which
// of them exist.
func (s *Store) OwedStates(ctx context.Context, t tenant.ID, owed []provlog.OwedMembership) (provlog.OwedStates, error) {
	states := provlog.OwedStates{Groups: map[string]provlog.OwedGroup{}, Users: map[string]provlog.OwedUser{}, Exist: map[provlog.OwedMembership]bool{}}
	items, err := s.getAll(ctx, owedKeys(t, owed))
	if err != nil {
		return states, err
	}
	for key, item := range items {
		switch _, live := items[userKey(t, key.Sort)]; {
		case key == groupKey(t, key.Sort):
			g := decodeGroup(item)
			if r, err := g.Resource(); err == nil { // verify reports another
				states.Groups[g.ID] = provlog.OwedGroup{Name: r.Text("displayName"), Epoch: g.Epoch}
			}
		case key == userKey(t, key.Sort), !live:
			states.Users[key.Sort] = owedUser(item, !live)
		}
	}
	var members []table.Key
	for _, m := range owed {
		if g, exists := states.Groups[m.Group]; exists && states.Users[m.User].Live {
			members = append(members, membershipKey(t, m.Group, g.Epoch, m.User))
		}
	}
	joined, err := s.getAll(ctx, distinctKeys(members, nil)) // one may be owed as skipped and as lost
	for _, m := range owed {
		_, states.Exist[m] = joined[membershipKey(t, m.Group, states.Groups[m.Group].Epoch, m.User)]
	}
	return states, err
}

// owedKeys returns the keys of the groups and users of owed memberships, each once.
func owedKeys(t tenant.ID, owed []provlog.OwedMembership) []table.Key {
	var keys []table.Key
	for _, m := range owed {
		keys = append(keys, groupKey(t, m.Group))
		if directory.ValidID(m.User) {
			keys = append(keys, userKey(t, m.User), goneKey(t, m.User))
		}
	}
	return distinctKeys(keys, nil)
}

func owedUser(item table.Item, deleted bool) provlog.OwedUser {
	u := decodeUser(item, deleted)
	user := provlog.OwedUser{Live: !deleted, Active: u.Active, Groups: u.Owed, More: u.OwedMore}
	if r, err := u.Resource(); err == nil {
		user.Name = r.Text("userName")
	}
	return user
}

// RemoveOwed removes an item that names no owed membership any more, and the flag of its
// group. An item that was written since it was read stays.
func (s *Store) RemoveOwed(ctx context.Context, t tenant.ID, o provlog.Owed, exists bool) error {
	key := owedKey(t, o.Type, o.ID)
	operations := []operation{{Op: table.Delete(key, table.Is(attrRequest, table.Text(o.Request)))}}
	if exists && o.Type == journal.TypeGroup {
		operations = append(operations, operation{
			Op: table.Update(groupKey(t, o.ID), table.Change{Set: table.Attributes{attrOwed: flag(false)}}, table.Present()),
		})
	}
	return s.attempt(ctx, operations...)
}
