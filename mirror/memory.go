package mirror

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
)

// Memory is a store in memory, for tests. The zero Memory is empty. It is safe for concurrent
// use.
type Memory struct {
	mu      sync.Mutex
	tenants map[string]*memoryTx
}

type memoryTx struct {
	users       map[string]User
	groups      map[string]Group
	memberships map[[2]string]Membership
	cursor      string
}

// Update runs change on a copy of the tenant's rows, and keeps the copy if it succeeds.
func (s *Memory) Update(ctx context.Context, tenant string, change func(Tx) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	tx := s.tenant(tenant).clone()
	if err := change(tx); err != nil {
		return err
	}
	s.tenants[tenant] = tx
	return nil
}

func (s *Memory) tenant(id string) *memoryTx {
	if s.tenants == nil {
		s.tenants = map[string]*memoryTx{}
	}
	if s.tenants[id] == nil {
		s.tenants[id] = &memoryTx{users: map[string]User{}, groups: map[string]Group{}, memberships: map[[2]string]Membership{}}
	}
	return s.tenants[id]
}

// Users returns the users of a tenant that are not purged, in the order of their ids.
func (s *Memory) Users(tenant string) []User {
	s.mu.Lock()
	defer s.mu.Unlock()
	var users []User
	for _, u := range s.tenant(tenant).users {
		if !u.Purged && u.Version > 0 {
			users = append(users, u)
		}
	}
	slices.SortFunc(users, func(a, b User) int { return cmp.Compare(a.ID, b.ID) })
	return users
}

// Groups returns the groups of a tenant that are not deleted, in the order of their ids.
func (s *Memory) Groups(tenant string) []Group {
	s.mu.Lock()
	defer s.mu.Unlock()
	var groups []Group
	for _, g := range s.tenant(tenant).groups {
		if !g.Deleted && g.Version > 0 {
			groups = append(groups, g)
		}
	}
	slices.SortFunc(groups, func(a, b Group) int { return cmp.Compare(a.ID, b.ID) })
	return groups
}

// Members returns the ids of the members of a group, in order.
func (s *Memory) Members(tenant, group string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tenant(tenant)
	var members []string
	for _, m := range t.memberships {
		if m.Group == group && IsMember(t.users[m.User], t.groups[group], m) {
			members = append(members, m.User)
		}
	}
	slices.Sort(members)
	return members
}

func (t *memoryTx) clone() *memoryTx {
	return &memoryTx{users: maps.Clone(t.users), groups: maps.Clone(t.groups), memberships: maps.Clone(t.memberships), cursor: t.cursor}
}

func (t *memoryTx) User(id string) (User, error) {
	u := t.users[id]
	u.ID = id
	return u, nil
}

func (t *memoryTx) PutUser(u User) error {
	t.users[u.ID] = u
	return nil
}

func (t *memoryTx) Group(id string) (Group, error) {
	g := t.groups[id]
	g.ID = id
	return g, nil
}

func (t *memoryTx) PutGroup(g Group) error {
	t.groups[g.ID] = g
	return nil
}

func (t *memoryTx) Membership(group, user string) (Membership, error) {
	m := t.memberships[[2]string{group, user}]
	m.Group, m.User = group, user
	return m, nil
}

func (t *memoryTx) PutMembership(m Membership) error {
	t.memberships[[2]string{m.Group, m.User}] = m
	return nil
}

func (t *memoryTx) Cursor() (string, error) { return t.cursor, nil }

func (t *memoryTx) PutCursor(cursor string) error {
	t.cursor = cursor
	return nil
}

func (t *memoryTx) UserIDs() (ids []string, err error) {
	for id, u := range t.users {
		if !u.Purged {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

func (t *memoryTx) GroupIDs() (ids []string, err error) {
	for id, g := range t.groups {
		if !g.Deleted {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

func (t *memoryTx) MemberIDs(group string) (ids []string, err error) {
	for _, m := range t.memberships {
		if m.Group == group && m.Member {
			ids = append(ids, m.User)
		}
	}
	return ids, nil
}
