package directory_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// spy is a store that counts the calls which only some requests need.
type spy struct {
	directory.Store
	mu   sync.Mutex
	made map[string]int
}

func (s *spy) count(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.made[name]++
}

func (s *spy) Memberships(ctx context.Context, t tenant.ID, asked []directory.Membership) (map[directory.Membership]bool, error) {
	s.count("memberships")
	return s.Store.Memberships(ctx, t, asked)
}

func (s *spy) MembershipsOf(ctx context.Context, t tenant.ID, id string, limit int) ([]directory.UserMembership, error) {
	s.count("memberships of a user")
	return s.Store.MembershipsOf(ctx, t, id, limit)
}

func (s *spy) MembershipsOfUsers(ctx context.Context, t tenant.ID, users []string, limit int) (map[string][]directory.UserMembership, error) {
	s.count("memberships of users")
	return s.Store.MembershipsOfUsers(ctx, t, users, limit)
}

func (s *spy) UpdateGroup(ctx context.Context, t tenant.ID, c directory.GroupUpdate) error {
	s.count("update of a group")
	return s.Store.UpdateGroup(ctx, t, c)
}

func (s *spy) CreateGroup(ctx context.Context, t tenant.ID, c directory.GroupCreation) error {
	s.count("creation of a group")
	return s.Store.CreateGroup(ctx, t, c)
}

func (s *spy) StageMembers(ctx context.Context, t tenant.ID, group string, epoch int64, users []string) ([]string, error) {
	s.count("staged members")
	return s.Store.StageMembers(ctx, t, group, epoch, users)
}

func (s *spy) ReplaceMembers(ctx context.Context, t tenant.ID, c directory.GroupNewSet) error {
	s.count("new set")
	return s.Store.ReplaceMembers(ctx, t, c)
}

func (s *spy) AcceptMembers(ctx context.Context, t tenant.ID, c directory.GroupAcceptance) error {
	s.count("accepted change")
	return s.Store.AcceptMembers(ctx, t, c)
}

func (s *spy) DeleteGroup(ctx context.Context, t tenant.ID, c directory.GroupDeletion) error {
	s.count("deletion of a group")
	return s.Store.DeleteGroup(ctx, t, c)
}

func (s *spy) Finish(ctx context.Context, t tenant.ID, task directory.Task) ([]string, error) {
	s.count("finished task")
	return s.Store.Finish(ctx, t, task)
}

// spied makes a request and returns the calls that it needed.
func (f *fixture) spied(request func() error) map[string]int {
	f.t.Helper()
	s := &spy{Store: f.store, made: map[string]int{}}
	working := f.dir
	f.dir = f.onStore(s)
	err := request()
	f.dir = working
	require.NoError(f.t, err)
	return s.made
}

// A change of a group takes as few transactions as its size allows.
func TestGroups_ChangeInOneTransactionIfSmall(t *testing.T) {
	f := newFixture(t, enginetest.Memory, 50, 50)
	people := f.people(directory.MaxJoined + 1)
	for _, n := range []int{0, 1, directory.MaxJoined, directory.MaxJoined + 1} {
		created := map[string]int{"creation of a group": 1}
		deleted := map[string]int{"deletion of a group": 1}
		if n > directory.MaxJoined {
			created["staged members"], deleted["finished task"] = 1, 1
		}
		var id string
		require.Equal(t, created, f.spied(func() error {
			r, err := f.postGroup(group(fmt.Sprint("Of ", n), people[:n]...))
			id = r.Group.ID
			return err
		}), "a group of %d is created", n)
		f.wantMembers(id, people[:n]...)
		require.Equal(t, deleted, f.spied(func() error {
			_, err := f.dir.DeleteGroup(t.Context(), f.tenant, f.by(), id, nil)
			return err
		}), "a group of %d is deleted", n)
		f.check(0)
	}
	id := f.mustPostGroup(group("Staff", people[:2]...))
	for n, want := range map[int]int{1: 1, 2: 2} {
		// The conditions show that one member is there; that several are there is checked at
		// one moment.
		require.Equal(t, map[string]int{"update of a group": want}, f.spied(func() error {
			_, err := f.patchGroup(id, add(people[:n]...))
			return err
		}), "%d members who are there join", n)
	}
}

// A set of members replaces another one by the difference if that is small: then the answer
// knows how many joined and left, and the log names them.
func TestReplaceMembers_BySmallDifference(t *testing.T) {
	const most = directory.MaxJoined
	for _, c := range []struct {
		before, join, leave int
		how                 string
	}{
		{0, 1, 0, "update of a group"},
		{0, most, 0, "update of a group"},
		{0, most + 1, 0, "new set"},
		{most, 0, most, "update of a group"},
		{most + 1, 0, most + 1, "new set"},
		{20, 10, 20, "update of a group"},
		{20, 11, 20, "new set"},
		{2*most + 2, 0, 1, "update of a group"},
		{3*most + 3, 0, most + 1, "accepted change"},
		{3 * most, 0, most + 1, "new set"},
	} {
		f := newFixture(t, enginetest.Memory, 50, 50)
		people := f.people(c.before + c.join)
		id := f.mustPostGroup(group("Staff", people[:c.before]...))
		after := people[c.leave:]
		var r directory.GroupResult
		made := f.spied(func() (err error) { r, err = f.patchGroup(id, replace(after...)); return err })
		require.Equal(t, 1, made[c.how], "%+v: %v", c, made)
		if c.how == "new set" {
			require.Equal(t, []int{len(after), -1}, []int{r.Added, r.Removed}, "%+v", c)
		} else {
			require.Equal(t, []int{c.join, c.leave}, []int{r.Added, r.Removed}, "%+v", c)
		}
		require.Equal(t, []string{"members"}, r.Changed, "%+v", c)
		require.Equal(t, f.version(id), r.Group.Version, "%+v: the version of the answer", c)
		f.wantMembers(id, after...)
		f.check(0)
	}
}

// Memberships are read for answers that show them, and not for the others.
func TestRequests_ReadMembershipsOnlyToShowThem(t *testing.T) {
	c := newCrowd(t, false)
	for name, request := range map[string]func(c *crowd) error{
		"POST of an inactive user": func(c *crowd) error {
			_, err := c.post(user(`"userName":"inactive@x","externalId":"e-inactive"`))
			return err
		},
		"PUT": func(c *crowd) error {
			_, err := c.put(c.inactive, user(`"userName":"inactive@x","externalId":"e-inactive","title":"x"`), nil)
			return err
		},
		"PATCH": func(c *crowd) error {
			_, err := c.patch(c.inactive, `[{"op":"replace","path":"title","value":"y"}]`, nil)
			return err
		},
	} {
		for _, shows := range []bool{false, true} {
			one := c.copied(t)
			one.shows = shows
			made := one.spied(func() error { return request(one) })
			require.Equal(t, shows, made["memberships of a user"]+made["memberships of users"] > 0, "%s, shown %t: %v", name, shows, made)
		}
	}
	// A key that finds the records has read their memberships.
	s := newShelf(t)
	for _, l := range []listing{
		{"users", `groups.value eq "$GROUP" and title pr`, "", false}, {"groups", `members.value eq "$USER" and displayName pr`, "", false},
	} {
		made := s.spied(func() error {
			got, err := s.ask(s.dir, s.by(), l, 1, 100, nil)
			require.Equal(t, s.plain(l), got.ids)
			return err
		})
		require.Zero(t, made["memberships"], "%s: %v", l, made)
	}
}

// restless is a store in which a group changes before each read of it.
type restless struct {
	directory.Store
	size  int // its members
	reads int
	pages int
	// change changes the group, given the number of the read from 1.
	change func(g *directory.Group, read int)
}

func (r *restless) Group(ctx context.Context, t tenant.ID, id string) (*directory.Group, error) {
	g, err := r.Store.Group(ctx, t, id)
	if err != nil {
		return nil, err
	}
	changed := *g
	r.reads++
	r.change(&changed, r.reads)
	return &changed, nil
}

func (r *restless) Members(context.Context, tenant.ID, string, int64, string, int) (directory.Page[string], error) {
	r.pages++
	page := directory.Page[string]{Records: make([]string, r.size)}
	for i := range page.Records {
		page.Records[i] = fmt.Sprintf("u%07d", i)
	}
	return page, nil
}

// Members are those of one moment. A group that changes during each reading is answered as
// busy, however it changes; only many members of one set may be of two moments.
func TestMembers_AreOfOneMoment(t *testing.T) {
	f := newFixture(t, enginetest.Memory, 50, 50)
	id := f.mustPostGroup(group("Staff"))
	version := func(g *directory.Group, read int) { g.Version += int64(read) }
	once := func(g *directory.Group, read int) { g.Version += int64(min(read, 2)) }
	epoch := func(g *directory.Group, read int) { g.Version, g.Epoch = g.Version+int64(read), g.Epoch+int64(read) }
	for _, c := range []struct {
		name   string
		size   int
		change func(g *directory.Group, read int)
		want   error
		pages  int
	}{
		{"few, at rest", 1000, func(*directory.Group, int) {}, nil, 1},
		{"none", 0, func(*directory.Group, int) {}, nil, 1},
		{"few, changed once", 1000, once, nil, 2},
		{"few, changed all the time", 1000, version, directory.ErrBusy, 21},
		{"many, changed all the time", 1001, version, nil, 3},
		{"many, in a new set each time", 1001, epoch, directory.ErrBusy, 21},
	} {
		s := &restless{Store: f.store, size: c.size, change: c.change}
		g, members, err := f.onStore(s).Members(t.Context(), f.tenant, id, directory.MaxMembersRead)
		require.ErrorIs(t, err, c.want, c.name)
		require.Equal(t, c.pages, s.pages, "%s: pages of members", c.name)
		if c.want == nil {
			require.Len(t, members, c.size, c.name)
			require.Equal(t, id, g.ID, c.name)
		}
	}
}

// A change of many members that is refused for a taken name says so only if the group is
// still there: of a group that was deleted meanwhile it says that.
func TestGroup_TakenNameOfADeletedGroup(t *testing.T) {
	for name, n := range map[string]int{"few members": 2, "many members": directory.MaxJoined + 5} {
		f, d, m := meddle(t)
		people := f.people(n)
		id := f.mustPostGroup(group("Staff"))
		m.before = func(write int, _ table.Transaction) {
			if write == 1 {
				_, err := f.dir.DeleteGroup(t.Context(), f.tenant, f.by(), id, nil)
				require.NoError(t, err)
				f.mustPostGroup(group("Taken"))
			}
		}
		_, err := f.patchBy(d, id, `{"op":"replace","path":"displayName","value":"Taken"},`+add(people...))
		require.ErrorIs(t, err, directory.ErrNoGroup, name)
	}
}
