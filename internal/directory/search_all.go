package directory

import (
	"context"
	"slices"

	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// Resource is a user or a group.
type Resource struct {
	User  *User
	Group *Group
}

// SearchResources lists users and groups in one list: the users first, or both in one
// order. The two queries differ only in the types that their filters and orders
// are compiled for. In a walk by cursors only a sorted list has previous pages.
// RFC 7644 §3.4.2.1
func (d *Directory) SearchResources(ctx context.Context, t tenant.ID, by Caller, ofUsers, ofGroups Query) (Found[Resource], error) {
	all := resourceSearch{d: d, tenant: t, by: by, users: ofUsers, groups: ofGroups}
	switch {
	case ofUsers.Sort != nil && ofUsers.Count > 0:
		return all.sorted(ctx)
	case ofUsers.Cursor != nil && ofUsers.Count > 0:
		return all.step(ctx)
	}
	return all.page(ctx)
}

// resourceSearch is one request for users and groups.
type resourceSearch struct {
	d             *Directory
	tenant        tenant.ID
	by            Caller
	users, groups Query
}

func (a *resourceSearch) findUsers(ctx context.Context, q Query) (Found[*User], error) {
	if q.Filter != nil && q.Filter.MatchesNothing() {
		return Found[*User]{}, nil
	}
	return a.d.Search(ctx, a.tenant, a.by, q)
}

// findGroups finds the groups that fit on a page after the given users.
func (a *resourceSearch) findGroups(ctx context.Context, q Query, after []*User) (Found[*Group], error) {
	if q.Filter != nil && q.Filter.MatchesNothing() {
		return Found[*Group]{}, nil
	}
	l, err := a.d.groupList(ctx, a.tenant, a.by, q)
	if err != nil {
		return Found[*Group]{}, err
	}
	for _, u := range after {
		l.used = l.used.plus(a.d.documents.UserSize(u))
	}
	return l.run(ctx)
}

// page returns a page by startIndex.
func (a *resourceSearch) page(ctx context.Context) (Found[Resource], error) {
	users, err := a.findUsers(ctx, a.users)
	if err != nil {
		return Found[Resource]{}, err
	}
	// A page of users that ended early, or is full, has no room for groups:
	// only their number is read.
	q := a.groups
	q.StartIndex, q.Count = max(a.users.StartIndex-users.Total, 1), 0
	if a.users.StartIndex+len(users.Records) > users.Total {
		q.Count = a.users.Count - len(users.Records)
	}
	groups, err := a.findGroups(ctx, q, users.Records)
	if err != nil {
		return Found[Resource]{}, err
	}
	return Found[Resource]{Records: resourcesOf(users.Records, groups.Records), Total: users.Total + groups.Total}, nil
}

func resourcesOf(users []*User, groups []*Group) []Resource {
	records := make([]Resource, 0, len(users)+len(groups))
	for _, u := range users {
		records = append(records, Resource{User: u})
	}
	for _, g := range groups {
		records = append(records, Resource{Group: g})
	}
	return records
}

// step returns a page in a walk by cursors: the users, and after the last of
// them the groups.
func (a *resourceSearch) step(ctx context.Context) (Found[Resource], error) {
	at := *a.users.Cursor
	inGroups := at.Of == a.d.groups.Name
	at.Of = ""
	var users Found[*User]
	groupsAt := &Cursor{}
	if inGroups {
		groupsAt = &at
		total, counted, err := a.total(ctx, a.users, func(l Ledger) int64 { return l.Users })
		if err != nil {
			return Found[Resource]{}, err
		}
		users.Total, users.Uncounted = total, !counted
	} else {
		q := a.users
		q.Cursor = &at
		var err error
		if users, err = a.findUsers(ctx, q); err != nil {
			return Found[Resource]{}, err
		}
	}
	q := a.groups
	q.Cursor, q.Count = groupsAt, a.users.Count-len(users.Records)
	if users.Next != nil || q.Count == 0 {
		total, counted, err := a.total(ctx, a.groups, func(l Ledger) int64 { return l.Groups })
		found := Found[Resource]{
			Records: resourcesOf(users.Records, nil), Total: users.Total + total,
			Uncounted: users.Uncounted || !counted, Next: users.Next,
		}
		if users.Next == nil && (!counted || total > 0) {
			found.Next = &Cursor{Of: a.d.groups.Name}
		}
		return found, err
	}
	groups, err := a.findGroups(ctx, q, users.Records)
	if err != nil {
		return Found[Resource]{}, err
	}
	found := Found[Resource]{
		Records: resourcesOf(users.Records, groups.Records), Total: users.Total + groups.Total,
		Uncounted: users.Uncounted || groups.Uncounted, Next: groups.Next,
	}
	if found.Next != nil {
		found.Next.Of = a.d.groups.Name
	}
	return found, nil
}

// total returns the number of records of the type that the page does not show,
// if it is known without reading them.
func (a *resourceSearch) total(ctx context.Context, q Query, of func(Ledger) int64) (total int, counted bool, err error) {
	switch {
	case q.Filter == nil:
		ledger, err := a.d.store.Ledger(ctx, a.tenant)
		return int(of(ledger)), true, err
	case q.Filter.MatchesNothing():
		return 0, true, nil
	}
	return 0, false, nil
}

// sorted returns a page of both in one order: all of them are read.
func (a *resourceSearch) sorted(ctx context.Context) (Found[Resource], error) {
	users, err := a.d.userList(ctx, a.tenant, a.by, a.users)
	if err != nil {
		return Found[Resource]{}, err
	}
	haveUsers, err := users.gatherAll(ctx)
	if err != nil {
		return Found[Resource]{}, err
	}
	groups, err := a.d.groupList(ctx, a.tenant, a.by, a.groups)
	if err != nil {
		return Found[Resource]{}, err
	}
	haveGroups, err := groups.gatherAll(ctx)
	if err != nil {
		return Found[Resource]{}, err
	}
	positions := slices.Concat(haveUsers.positions, haveGroups.positions)
	slices.SortFunc(positions, a.users.Sort.inOrder)
	isUser := make(map[string]bool, len(haveUsers.positions))
	for _, p := range haveUsers.positions {
		isUser[p.id] = true
	}
	at := func(p position) Resource { return Resource{User: haveUsers.kept[p.id], Group: haveGroups.kept[p.id]} }
	from, to, err := onPage(positions, a.users, func(batch []position) error {
		ofUsers, ofGroups := split(batch, func(p position) bool { return isUser[p.id] })
		if err := haveUsers.read(ctx, users, ofUsers); err != nil {
			return err
		}
		return haveGroups.read(ctx, groups, ofGroups)
	}, func(p position) (Size, bool) { return a.d.resourceSize(at(p)) })
	if err != nil {
		return Found[Resource]{}, err
	}
	found := Found[Resource]{Total: len(positions)}
	for _, p := range positions[from:to] {
		if r := at(p); r != (Resource{}) { // otherwise deleted meanwhile
			found.Records = append(found.Records, r)
		}
	}
	if a.users.Cursor != nil {
		found.Next, found.Previous = around(positions, from, to)
	}
	return found, nil
}

// split returns the positions for which first is true, and the others.
func split(positions []position, first func(position) bool) (ones, others []position) {
	for _, p := range positions {
		if first(p) {
			ones = append(ones, p)
		} else {
			others = append(others, p)
		}
	}
	return ones, others
}

// resourceSize returns what a record takes on a page, and false if the record no
// longer exists.
func (d *Directory) resourceSize(r Resource) (Size, bool) {
	switch {
	case r.User != nil:
		return d.documents.UserSize(r.User), true
	case r.Group != nil:
		return d.documents.GroupSize(r.Group), true
	}
	return Size{}, false
}

// gatherAll gathers all records that match, none if the filter can only match
// another type.
func (l *list[R]) gatherAll(ctx context.Context) (*gathered[R], error) {
	if l.query.Filter != nil && l.query.Filter.MatchesNothing() {
		return &gathered[R]{kept: map[string]R{}}, nil
	}
	l.order = Order{} // it is sorted afterwards
	return l.gather(ctx)
}
