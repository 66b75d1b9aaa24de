package store

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/idp"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// joinOps begin a membership, under a condition on it: three operations.
func joinOps(t tenant.ID, group string, epoch int64, user string, when ...table.Condition) []operation {
	return []operation{
		means(table.Put(table.Item{Key: membershipKey(t, group, epoch, user)}, when...), directory.UserMember, user),
		{Op: table.Put(table.Item{Key: userMembershipKey(t, user, group, epoch)})},
		// More than a check that the user is live: a deletion that read the
		// user's memberships before this one began must find that it has begun.
		means(table.Update(userKey(t, user), table.Change{Add: map[string]int64{attrJoins: 1}, Remove: []string{owedName(group)}},
			table.Is(attrLeaving, flag(false))), directory.UserUnknown, user),
	}
}

// endOps end a membership, whether it exists or not.
func endOps(t tenant.ID, group string, epoch int64, user string) []operation {
	return []operation{
		{Op: table.Delete(membershipKey(t, group, epoch, user))},
		{Op: table.Delete(userMembershipKey(t, user, group, epoch))},
	}
}

// memberOps returns the joins and leaves of a change of a group, and conditions
// on the members that it leaves out. The conditions fail if another change makes
// one of these members join or leave, or restores a deleted user: without them
// "add a and b" concurrent with a set without a and b could end with only b.
func memberOps(t tenant.ID, g *directory.Group, m directory.MemberDelta) []operation {
	var ops []operation
	membership := func(user string) table.Key { return membershipKey(t, g.ID, g.Epoch, user) }
	for _, user := range m.Add {
		ops = append(ops, joinOps(t, g.ID, g.Epoch, user, table.Absent())...)
	}
	for _, user := range m.Remove {
		ops = append(ops,
			means(table.Delete(membership(user), table.Present()), directory.UserNotMember, user),
			operation{Op: table.Delete(userMembershipKey(t, user, g.ID, g.Epoch))},
			// Settles removing a member against its protection.
			means(table.Check(protectedKey(t, user), table.Absent()), directory.UserProtected, user))
	}
	for _, user := range m.AlreadyMembers {
		ops = append(ops, means(table.Check(membership(user), table.Present()), directory.UserNotMember, user))
	}
	for _, user := range m.NotMembers {
		ops = append(ops, means(table.Check(membership(user), table.Absent()), directory.UserMember, user))
	}
	for _, user := range m.Unknown {
		ops = append(ops, means(table.Check(userKey(t, user), table.Absent()), directory.UserKnown, user))
	}
	return ops
}

// leaveOps end a deleted user's memberships, and increment the versions of the
// groups that lose a member; more than fit are left to a task.
func leaveOps(t tenant.ID, c directory.Change) []operation {
	if c.Later {
		return leavingOps(t, c.After, c.Entry, c.Expires)
	}
	return endMembershipOps(t, c.After.ID, c.Leave, c.Gone, c.Entry)
}

// leavingOps leave a user's memberships to a task. The user of a reactivation stays, and each
// transaction of the task then writes an entry.
func leavingOps(t tenant.ID, u *directory.User, e journal.Entry, expires time.Time) []operation {
	a := table.Attributes{
		attrTime:   millis(e.Time),
		attrWhere:  flag(u.Deleted),
		attrPartOf: table.Text(e.RequestID),
	}
	if e.Ended {
		setTexts(a, map[string]string{
			attrTokenID: e.TokenID, attrIdP: string(e.IdP), attrBy: string(e.By), attrWho: cut(e.Who),
			attrOperation: string(e.Operation), attrSubject: cut(e.Subject), attrExternalID: cut(e.ExternalID),
		})
		a[attrKeep] = table.Number(int64(expires.Sub(e.Time) / time.Second))
	}
	return taskOps(t, directory.Task{Kind: directory.TaskUser, Resource: u.ID}, a)
}

// leaveLaterOps end memberships that were left to a task, with an entry unless the user is
// deleted: the entry of the deletion says it.
func (s *Store) leaveLaterOps(t tenant.ID, task directory.Task, item table.Item, memberships []directory.UserMembership, gone map[string]bool) (
	ops []operation, notAfter time.Time,
) {
	now, a := s.now(), item.Attributes
	ops = endMembershipOps(t, task.Resource, memberships, gone, journal.Entry{Time: now})
	groups := directory.GroupsLeft(memberships, gone)
	if !a.Has(attrKeep) || len(groups) == 0 {
		return ops, time.Time{}
	}
	e := journal.Entry{
		ID: s.newID(), RequestID: a.Text(attrPartOf), Time: now, TokenID: a.Text(attrTokenID), IdP: idp.Provider(a.Text(attrIdP)),
		By: journal.Actor(a.Text(attrBy)), Who: a.Text(attrWho), Operation: journal.Operation(a.Text(attrOperation)),
		Action: journal.Updated, Outcome: journal.Success, ResourceType: journal.TypeUser, ResourceID: task.Resource,
		Subject: a.Text(attrSubject), ExternalID: a.Text(attrExternalID), Changed: []string{"groups"}, Left: groups,
	}
	expires := now.Add(time.Duration(a.Number(attrKeep)) * time.Second)
	return append(ops, operation{Op: logOp(t, e, nil, expires)}, operation{Op: indexOp(t, subjectOfRecord(e), e, expires)}), now.Add(journal.WriteTime)
}

func endMembershipOps(t tenant.ID, user string, memberships []directory.UserMembership, gone map[string]bool, e journal.Entry) []operation {
	var ops []operation
	touched := map[string]bool{}
	for _, m := range memberships {
		ops = append(ops, endOps(t, m.Group, m.Epoch, user)...)
		if touched[m.Group] {
			continue
		}
		touched[m.Group] = true
		if gone[m.Group] {
			// Settles the end of a membership that was staged for a new group
			// against the creation of the group.
			ops = append(ops, operation{Op: table.Check(groupKey(t, m.Group), table.Absent())})
			continue
		}
		ops = append(ops, means(touchGroup(t, m.Group, e.Time, nil, table.Present()), directory.GroupGone, m.Group))
	}
	return ops
}

// MembershipsOf reads the memberships of a user, up to a limit.
func (s *Store) MembershipsOf(ctx context.Context, t tenant.ID, user string, limit int) ([]directory.UserMembership, error) {
	if !directory.ValidID(user) {
		return nil, nil
	}
	q := table.Query{Partition: userMembershipKey(t, user, "", 0).Partition}
	return collect(ctx, s, q, limit, func(item table.Item) (directory.UserMembership, bool) { return decodeUserMembership(item.Sort) })
}

func decodeUserMembership(sort string) (directory.UserMembership, bool) {
	group, text, ok := strings.Cut(sort, "#")
	epoch, err := strconv.ParseInt(text, 10, 64)
	return directory.UserMembership{Group: group, Epoch: epoch}, ok && err == nil
}

// Members reads a page of members of a group under an epoch.
func (s *Store) Members(ctx context.Context, t tenant.ID, group string, epoch int64, after string, limit int) (
	directory.Page[string], error,
) {
	page, err := s.table.Query(ctx, table.Query{
		Partition: membershipKey(t, group, epoch, "").Partition, After: after, Limit: limit,
	})
	if err != nil {
		return directory.Page[string]{}, readError(err)
	}
	ids := make([]string, len(page.Items))
	for i, item := range page.Items {
		ids[i] = item.Sort
	}
	return directory.Page[string]{Records: ids, More: page.More}, nil
}

// Leaving reads the users whose memberships are being ended.
func (s *Store) Leaving(ctx context.Context, t tenant.ID) (map[string]bool, error) {
	leaving := map[string]bool{}
	prefix := taskSort(directory.Task{Kind: directory.TaskUser})
	err := s.scanPrefix(ctx, partition(t, "TASKS"), prefix, func(item table.Item) {
		leaving[strings.TrimPrefix(item.Sort, prefix)] = true
	})
	return leaving, err
}

// Joined reads memberships, and whether their users are live, in parallel.
func (s *Store) Joined(ctx context.Context, t tenant.ID, group string, epoch int64, users []string) (
	member, live map[string]bool, err error,
) {
	member, live = map[string]bool{}, map[string]bool{}
	var keys []table.Key
	for _, user := range users {
		if directory.ValidID(user) {
			keys = append(keys, membershipKey(t, group, epoch, user), userKey(t, user))
		}
	}
	items, err := s.getAll(ctx, keys)
	if err != nil {
		return nil, nil, err
	}
	for _, user := range users {
		if !directory.ValidID(user) {
			continue
		}
		_, joined := items[membershipKey(t, group, epoch, user)]
		record, lives := items[userKey(t, user)]
		live[user] = lives
		// A deleted or leaving user is no longer a member, whatever is still to
		// be ended.
		member[user] = joined && lives && record.Attributes.Number(attrLeaving) == 0
	}
	return member, live, nil
}

// MembershipsOfUsers reads the memberships of users in parallel.
func (s *Store) MembershipsOfUsers(ctx context.Context, t tenant.ID, users []string, limit int) (map[string][]directory.UserMembership, error) {
	found := make([][]directory.UserMembership, len(users))
	err := parallel(table.Together(ctx), len(users), func(ctx context.Context, i int) (err error) {
		found[i], err = s.MembershipsOf(ctx, t, users[i], limit)
		return err
	})
	memberships := make(map[string][]directory.UserMembership, len(users))
	for i, user := range users {
		memberships[user] = found[i]
	}
	return memberships, err
}

// Memberships reads memberships, and whether their users are live, in parallel.
func (s *Store) Memberships(ctx context.Context, t tenant.ID, asked []directory.Membership) (map[directory.Membership]bool, error) {
	var keys []table.Key
	users := map[string]bool{}
	for _, m := range asked {
		keys = append(keys, membershipKey(t, m.Group, m.Epoch, m.User))
		if !users[m.User] {
			users[m.User] = true
			keys = append(keys, userKey(t, m.User))
		}
	}
	items, err := s.getAll(ctx, keys)
	if err != nil {
		return nil, err
	}
	there := make(map[directory.Membership]bool, len(asked))
	for _, m := range asked {
		user, lives := items[userKey(t, m.User)]
		_, member := items[membershipKey(t, m.Group, m.Epoch, m.User)]
		if member && lives && user.Attributes.Number(attrLeaving) == 0 {
			there[m] = true
		}
	}
	return there, nil
}
