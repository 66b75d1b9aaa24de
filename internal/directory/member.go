package directory

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// Group reads one group.
func (d *Directory) Group(ctx context.Context, t tenant.ID, id string) (*Group, error) {
	g, err := d.store.Group(ctx, t, id)
	if err == nil && g == nil {
		err = d.noGroup(ctx, t, id)
	}
	return g, err
}

// Resting reads a group, and reports whether its version covers all its
// members: no change is in progress, and no memberships are being ended.
func (d *Directory) Resting(ctx context.Context, t tenant.ID, id string) (g *Group, resting bool, err error) {
	g, leaving, err := readBoth(ctx, d.store,
		func(ctx context.Context) (*Group, error) { return d.store.Group(ctx, t, id) },
		func(ctx context.Context) (map[string]bool, error) { return d.store.Leaving(ctx, t) })
	if err == nil && g == nil {
		err = d.noGroup(ctx, t, id)
	}
	return g, err == nil && g.PendingChange == "" && len(leaving) == 0, err
}

// groupAtRest reads a group whose members are not being changed: an accepted
// change that its request did not finish is finished first.
func (d *Directory) groupAtRest(ctx context.Context, t tenant.ID, id string) (*Group, error) {
	return d.atRest(ctx, t, func() (*Group, error) { return d.Group(ctx, t, id) })
}

// groupAtRestAndProtected does what groupAtRest does, and reads the protected
// users in the same round trip.
func (d *Directory) groupAtRestAndProtected(ctx context.Context, t tenant.ID, id string) (*Group, ProtectedList, error) {
	var list ProtectedList
	g, err := d.atRest(ctx, t, func() (g *Group, err error) {
		g, list, err = readBoth(ctx, d.store,
			func(ctx context.Context) (*Group, error) { return d.store.Group(ctx, t, id) },
			func(ctx context.Context) (ProtectedList, error) { return d.store.ProtectedUsers(ctx, t) })
		if err == nil && g == nil {
			err = d.noGroup(ctx, t, id)
		}
		return g, err
	})
	return g, list, err
}

func (d *Directory) atRest(ctx context.Context, t tenant.ID, read func() (*Group, error)) (*Group, error) {
	for {
		g, err := read()
		if err != nil || g.PendingChange == "" {
			return g, err
		}
		if _, err := d.store.Finish(ctx, t, g.changeTask()); err != nil {
			return nil, err
		}
	}
}

func (g *Group) changeTask() Task {
	return Task{Kind: TaskMembers, Resource: g.ID, Name: g.PendingChange}
}

// rereads is how often members are read again because they changed while they
// were read, and rereadsOfFew how often in a group of at most fewMembers, or in one
// that gets one new set of members after the other.
const (
	rereads      = 3
	rereadsOfFew = 20
	fewMembers   = 1000
)

// Members reads a group and all its members, in the order of their ids. More
// than the limit are a *TooManyError.
//
// The members are those of one moment: if the group's version changed while
// they were read, they are read again. For a group that keeps changing the
// error is ErrBusy; with more than fewMembers the answer may instead mix two
// moments of one epoch, and its version is then the earlier one.
func (d *Directory) Members(ctx context.Context, t tenant.ID, id string, limit int) (*Group, []string, error) {
	g, err := d.groupAtRest(ctx, t, id)
	if err != nil {
		return nil, nil, err
	}
	for try := 1; ; try++ {
		// The leaving users are read before the group is read again: if a
		// user's memberships ended in between, the group's version changed.
		members, leaving, err := d.membersOf(ctx, t, g, limit)
		if err != nil {
			return nil, nil, err
		}
		again, err := d.store.Group(ctx, t, id)
		few := len(members) <= fewMembers
		switch {
		case err != nil:
			return nil, nil, err
		case again == nil:
			return nil, nil, d.noGroup(ctx, t, id)
		case again.Version == g.Version, !few && again.Epoch == g.Epoch && again.PendingChange == "" && try >= rereads:
			return g, staying(members, leaving), nil
		case try > rereadsOfFew:
			return nil, nil, ErrBusy
		}
		if g = again; g.PendingChange == "" {
			continue
		}
		if g, err = d.groupAtRest(ctx, t, id); err != nil {
			return nil, nil, err
		}
	}
}

// MemberPage reads a group and a page of its members, in the order of their ids, after an
// id. Unlike Members it reads no second time: a member that joins or leaves meanwhile may
// be there or not. Two round trips.
func (d *Directory) MemberPage(ctx context.Context, t tenant.ID, id, after string, limit int) (*Group, Page[string], error) {
	g, err := d.Group(ctx, t, id)
	if err != nil {
		return nil, Page[string]{}, err
	}
	page, leaving, err := readBoth(ctx, d.store,
		func(ctx context.Context) (Page[string], error) {
			return d.store.Members(ctx, t, id, g.Epoch, after, limit)
		},
		func(ctx context.Context) (map[string]bool, error) { return d.store.Leaving(ctx, t) })
	if err != nil {
		return nil, Page[string]{}, err
	}
	if len(page.Records) > 0 {
		page.Last = page.Records[len(page.Records)-1]
	}
	page.Records = staying(page.Records, leaving)
	return g, page, nil
}

// membersOf reads the members of a group, and which of them are leaving: their
// memberships are being ended, but are still there.
func (d *Directory) membersOf(ctx context.Context, t tenant.ID, g *Group, limit int) (
	members []string, leaving map[string]bool, err error,
) {
	page, leaving, err := d.membersAndLeaving(ctx, t, g.ID, g.Epoch, limit+1)
	for {
		if err != nil {
			return nil, nil, err
		}
		members = append(members, page.Records...)
		if len(members) > limit {
			return nil, nil, &TooManyError{Sought: "members", Limit: limit}
		}
		if !page.More || len(page.Records) == 0 {
			return members, leaving, nil
		}
		page, err = d.store.Members(ctx, t, g.ID, g.Epoch, members[len(members)-1], limit+1-len(members))
	}
}

// staying returns the members whose memberships are not being ended.
func staying(members []string, leaving map[string]bool) []string {
	return slices.DeleteFunc(members, func(id string) bool { return leaving[id] })
}

// UserAndGroups reads one live user and its groups: one round trip, two if
// there are any.
func (d *Directory) UserAndGroups(ctx context.Context, t tenant.ID, id string) (*User, []*Group, error) {
	u, memberships, err := d.userAndMemberships(ctx, t, id)
	if err != nil {
		return nil, nil, err
	}
	if u == nil {
		return nil, nil, ErrNotFound
	}
	groups, err := d.currentGroups(ctx, t, u, memberships)
	return u, groups, err
}

// GroupsOf reads the groups of a live user, none if the user is unknown.
func (d *Directory) GroupsOf(ctx context.Context, t tenant.ID, user string) ([]*Group, error) {
	u, memberships, err := d.userAndMemberships(ctx, t, user)
	if err != nil || u == nil {
		return nil, err
	}
	return d.currentGroups(ctx, t, u, memberships)
}

// currentGroups returns the groups of a user's memberships that count.
func (d *Directory) currentGroups(ctx context.Context, t tenant.ID, u *User, memberships []UserMembership) ([]*Group, error) {
	if u.Leaving || len(memberships) == 0 {
		return nil, nil
	}
	if len(memberships) > MaxGroupsRead {
		return nil, &TooManyError{Sought: "groups", Limit: MaxGroupsRead}
	}
	groups, err := d.store.GroupsByID(ctx, t, groupsIn(memberships))
	if err != nil {
		return nil, err
	}
	for try := 0; try < rereads && unsettled(groups, memberships); try++ {
		// The unfinished part of the change may add or remove the user.
		if groups, err = d.groupsAtRest(ctx, t, groups); err != nil {
			return nil, err
		}
		if _, memberships, err = d.userAndMemberships(ctx, t, u.ID); err != nil {
			return nil, err
		}
		before := groups
		if groups, err = d.store.GroupsByID(ctx, t, groupsIn(memberships)); err != nil {
			return nil, err
		}
		if sameSets(before, groups) {
			break
		}
	}
	return current(groups, memberships), nil
}

// unsettled reports whether the groups of memberships must be read again: a
// change of a group is unfinished, or it has a newer set of members than the
// memberships, which were read before.
//
// The reads are made in vain for a user that a new set of members left out, as
// long as the former membership is stored.
func unsettled(groups []*Group, memberships []UserMembership) bool {
	have := setOf(memberships)
	return slices.ContainsFunc(groups, func(g *Group) bool {
		return g.PendingChange != "" || !have[UserMembership{Group: g.ID, Epoch: g.Epoch}]
	})
}

// sameSets reports whether each of the groups has the set of members that it had
// before, and no unfinished change.
func sameSets(before, groups []*Group) bool {
	epochs := make(map[string]int64, len(before))
	for _, g := range before {
		epochs[g.ID] = g.Epoch
	}
	return !slices.ContainsFunc(groups, func(g *Group) bool { return g.PendingChange != "" || epochs[g.ID] != g.Epoch })
}

// current returns the groups of the memberships that count: those under the
// group's current epoch.
func current(groups []*Group, memberships []UserMembership) []*Group {
	have := setOf(memberships)
	counts := make([]*Group, 0, len(groups))
	for _, g := range groups {
		if have[UserMembership{Group: g.ID, Epoch: g.Epoch}] {
			counts = append(counts, g)
		}
	}
	return counts
}

// groupsIn lists the groups of memberships, each once.
func groupsIn(memberships []UserMembership) []string {
	ids := make([]string, 0, len(memberships))
	for _, m := range memberships { // in the order of groups, so that equal ones are adjacent
		if len(ids) == 0 || ids[len(ids)-1] != m.Group {
			ids = append(ids, m.Group)
		}
	}
	return ids
}

// GroupsOfUsers reads the groups of several users, two round trips for all.
func (d *Directory) GroupsOfUsers(ctx context.Context, t tenant.ID, users []*User) (map[string][]*Group, error) {
	ids := make([]string, len(users))
	for i, u := range users {
		ids[i] = u.ID
	}
	memberships, groups, err := d.groupsOfUsers(ctx, t, ids)
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(groups, func(g *Group) bool { return g.PendingChange != "" }) {
		if _, err := d.groupsAtRest(ctx, t, groups); err != nil {
			return nil, err
		}
		if memberships, groups, err = d.groupsOfUsers(ctx, t, ids); err != nil {
			return nil, err
		}
	}
	of := make(map[string][]*Group, len(users))
	for _, u := range users {
		if !u.Leaving {
			of[u.ID] = current(groups, memberships[u.ID])
		}
	}
	return of, nil
}

func (d *Directory) groupsOfUsers(ctx context.Context, t tenant.ID, users []string) (map[string][]UserMembership, []*Group, error) {
	memberships, err := d.store.MembershipsOfUsers(ctx, t, users, maxGroupsEach+1)
	if err != nil {
		return nil, nil, err
	}
	var all []UserMembership
	for _, m := range memberships {
		if len(m) > maxGroupsEach {
			return nil, nil, &TooManyError{Sought: "groups", Limit: maxGroupsEach}
		}
		all = append(all, m...)
	}
	slices.SortFunc(all, func(a, b UserMembership) int { return strings.Compare(a.Group, b.Group) })
	groups, err := d.store.GroupsByID(ctx, t, groupsIn(all))
	return memberships, groups, err
}

// groupsAtRest returns the groups with their unfinished changes finished; a group
// that was deleted meanwhile is left out.
func (d *Directory) groupsAtRest(ctx context.Context, t tenant.ID, groups []*Group) ([]*Group, error) {
	all := make([]*Group, 0, len(groups))
	for _, g := range groups {
		if g.PendingChange != "" {
			var err error
			if g, err = d.groupAtRest(ctx, t, g.ID); errors.Is(err, ErrNoGroup) {
				continue
			} else if err != nil {
				return nil, err
			}
		}
		all = append(all, g)
	}
	return all, nil
}

// servedWithGroups returns users as filters see them, including their groups.
func (d *Directory) servedWithGroups(ctx context.Context, t tenant.ID, users []*User) ([]scim.Resource, error) {
	groups, err := d.GroupsOfUsers(ctx, t, users)
	if err != nil {
		return nil, err
	}
	return served(users, func(u *User) (scim.Resource, error) {
		return d.documents.User(u, groups[u.ID])
	})
}

// servedInGroups returns users as filters see them, with their groups limited
// to the named ones: the filter compares no others. Users found by the key of
// one group are known to be its members.
func (d *Directory) servedInGroups(ctx context.Context, t tenant.ID, users []*User, groups []string, found string) ([]scim.Resource, error) {
	known, err := d.store.GroupsByID(ctx, t, distinctTexts(groups))
	if err == nil {
		known, err = d.groupsAtRest(ctx, t, known)
	}
	if err != nil {
		return nil, err
	}
	var asked []Membership
	for _, g := range known {
		for _, u := range users {
			asked = append(asked, Membership{Group: g.ID, Epoch: g.Epoch, User: u.ID})
		}
	}
	var there map[Membership]bool
	if len(groups) > 1 || found != "groups.value" {
		if there, err = d.store.Memberships(ctx, t, asked); err != nil {
			return nil, err
		}
	}
	return served(users, func(u *User) (scim.Resource, error) {
		var in []*Group
		for _, g := range known {
			if !u.Leaving && (there == nil || there[Membership{Group: g.ID, Epoch: g.Epoch, User: u.ID}]) {
				in = append(in, g)
			}
		}
		return d.documents.User(u, in)
	})
}

// servedWithMembers returns groups as filters see them, including their
// members.
func (d *Directory) servedWithMembers(ctx context.Context, t tenant.ID, groups []*Group) ([]scim.Resource, error) {
	left := d.maxWalk
	end := d.now().Add(d.walkTime)
	return served(groups, func(g *Group) (scim.Resource, error) {
		_, members, err := d.Members(ctx, t, g.ID, left)
		var tooMany *TooManyError
		switch {
		case errors.As(err, &tooMany), d.now().After(end):
			return nil, &TooManyError{Sought: "filter", Limit: d.maxWalk}
		case errors.Is(err, ErrNoGroup): // deleted while the others were read
		case err != nil:
			return nil, err
		}
		left -= len(members)
		if len(members) == 0 {
			members = nil
		}
		return d.documents.Group(g, members)
	})
}

// servedOfMembers returns groups as filters see them, with their members
// limited to the named users: the filter compares no others.
func (d *Directory) servedOfMembers(ctx context.Context, t tenant.ID, groups []*Group, users []string, found string) ([]scim.Resource, error) {
	groups = slices.Clone(groups)
	users = slices.DeleteFunc(distinctTexts(users), func(id string) bool { return !ValidID(id) })
	if len(users) == 1 && found == "members.value" {
		return served(groups, func(g *Group) (scim.Resource, error) { return d.documents.Group(g, users) })
	}
	var asked []Membership
	for i, g := range groups {
		if g.PendingChange != "" {
			switch now, err := d.groupAtRest(ctx, t, g.ID); {
			case errors.Is(err, ErrNoGroup): // it has no members any more
				continue
			case err != nil:
				return nil, err
			default:
				groups[i] = now
			}
		}
		for _, user := range users {
			asked = append(asked, Membership{Group: g.ID, Epoch: groups[i].Epoch, User: user})
		}
	}
	there, err := d.store.Memberships(ctx, t, asked)
	if err != nil {
		return nil, err
	}
	return served(groups, func(g *Group) (scim.Resource, error) {
		members := slices.DeleteFunc(slices.Clone(users), func(user string) bool {
			return !there[Membership{Group: g.ID, Epoch: g.Epoch, User: user}]
		})
		if len(members) == 0 {
			members = nil
		}
		return d.documents.Group(g, members)
	})
}

func errorOr(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}
