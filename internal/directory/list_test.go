package directory_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/representation"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/match"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
	"github.com/rollcall-scim/rollcall/internal/store"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// shelf is a tenant with few users and groups, which are listed in all ways.
type shelf struct {
	*fixture
	raw           table.Table
	users, groups []scim.Resource // those that are live, as served, in the order of creation
	members       map[string][]string
	sized         map[string]int // the size of a record on a page, if it is not its own
	clock         func() time.Time
	compiled      map[string]directory.Query
}

func newShelf(t *testing.T) *shelf {
	t.Helper()
	raw := enginetest.Memory(t)
	s := &shelf{fixture: newFixtureFor(t, raw, "acme", 100), raw: raw, members: map[string][]string{}, compiled: map[string]directory.Query{}}
	s.clock = func() time.Time { return s.now }
	var users []*directory.User
	for _, who := range []struct{ name, more string }{
		{"dora@x", `,"title":"b"`},
		{"Anna@x", `,"title":"a","externalId":"e-anna","emails":[{"value":"team@x"},{"value":"Anna@x","primary":true}]`},
		{"hugo@x", `,"title":"a","externalId":"e-hugo"`},
		{"carl@x", `,"active":false,"emails":[{"value":"team@x"}]`},
		{"bert@x", `,"title":"b"`},
		{"emil@x", ``},
		{"anton@x", `,"title":"c","externalId":"e-anton"`},
	} {
		users = append(users, s.mustPost(user(`"userName":"`+who.name+`"`+who.more)))
	}
	s.mustRemove(users[2].ID)
	users = slices.Delete(users, 2, 3)
	var groups []*directory.Group
	for i, name := range []string{"Zoo", "art", "Bio", "Art 2", "Empty"} {
		var members []string
		for j, u := range users {
			if name != "Empty" && (j+i)%(i+2) == 0 {
				members = append(members, u.ID)
			}
		}
		id := s.mustPostGroup(fmt.Sprintf(`{"displayName":%q,"externalId":"g-%d","members":[%s]}`, name, i, values(members)))
		g, err := s.dir.Group(t.Context(), s.tenant, id)
		require.NoError(t, err)
		groups, s.members[id] = append(groups, g), slices.Sorted(slices.Values(members))
	}
	for _, u := range users {
		var in []*directory.Group
		for _, g := range groups {
			if slices.Contains(s.members[g.ID], u.ID) {
				in = append(in, g)
			}
		}
		s.users = append(s.users, served(t, func() (scim.Resource, error) { return s.documents().User(u, in) }))
	}
	for _, g := range groups {
		s.groups = append(s.groups, served(t, func() (scim.Resource, error) { return s.documents().Group(g, s.members[g.ID]) }))
	}
	return s
}

func served(t *testing.T, document func() (scim.Resource, error)) scim.Resource {
	t.Helper()
	r, err := document()
	require.NoError(t, err)
	return r
}

// UserSize and GroupSize make a record as large as the test wants it.
type sizes struct {
	*representation.Documents
	sized map[string]int
}

func (s sizes) UserSize(u *directory.User) directory.Size {
	return s.size(u.ID, s.Documents.UserSize(u))
}

func (s sizes) GroupSize(g *directory.Group) directory.Size {
	return s.size(g.ID, s.Documents.GroupSize(g))
}

func (s sizes) size(id string, own directory.Size) directory.Size {
	if n, ok := s.sized[id]; ok {
		return directory.Size{Plain: n, Printed: n}
	}
	return own
}

// over returns the directory over another table, with a limit of records to read.
func (s *shelf) over(engine table.Table, maxWalk int) *directory.Directory {
	return directory.New(directory.Config{
		Store: store.New(engine, newID, time.Now), Users: s.types, Groups: schema.GroupType(), Extension: extension,
		Documents: sizes{s.documents(), s.sized}, NewID: func(time.Time) string { return newID() }, Now: s.clock, MaxWalk: maxWalk,
	})
}

// smallPages is a table whose pages have few items, as they have in DynamoDB if the items
// are large.
type smallPages struct {
	table.Table
	most int
}

func (p smallPages) Query(ctx context.Context, q table.Query) (table.Page, error) {
	if q.Limit == 0 || q.Limit > p.most {
		q.Limit = p.most
	}
	return p.Table.Query(ctx, q)
}

// knowing is a table that says of a page whether it is the last one. Most tables only know
// that when they have looked for the next one.
type knowing struct{ table.Table }

func (k knowing) Query(ctx context.Context, q table.Query) (table.Page, error) {
	page, err := k.Table.Query(ctx, q)
	if err != nil || !page.More {
		return page, err
	}
	q.After, q.Limit = page.Last, 1
	next, err := k.Table.Query(ctx, q)
	if len(next.Items) == 0 {
		page.More, page.Last = false, ""
	}
	return page, err
}

// A listing is a request for a list, except for the page.
type listing struct {
	of             string // users, groups or both
	filter, sortBy string
	descending     bool
}

func (l listing) String() string {
	return fmt.Sprintf("%s filter=%s sortBy=%s descending=%t", l.of, l.filter, l.sortBy, l.descending)
}

// A listed is the page that answers a listing.
type listed struct {
	ids            []string
	total          int
	uncounted      bool
	next, previous *directory.Cursor
}

// compile returns the listing's query for a type.
func (s *shelf) compile(l listing, of string) directory.Query {
	s.t.Helper()
	name := of + l.String()
	if q, ok := s.compiled[name]; ok {
		return q
	}
	rt, others := s.types, []*schema.ResourceType{schema.GroupType()}
	if of == "groups" {
		rt, others = schema.GroupType(), []*schema.ResourceType{s.types}
	}
	if l.of != "both" {
		others = nil
	}
	var q directory.Query
	if l.filter != "" {
		text := strings.NewReplacer("$USER", s.users[2]["id"].(string), "$GROUP", s.groups[1]["id"].(string)).Replace(l.filter)
		f, err := match.CompileFilterAcross(rt, others, text)
		require.NoError(s.t, err, text)
		q.Filter = f
	}
	if l.sortBy != "" {
		order := map[bool]string{true: "descending"}[l.descending]
		sort, err := match.CompileSort(rt, others, l.sortBy, order)
		require.NoError(s.t, err)
		q.Sort = &directory.Sort{Sort: sort}
	}
	s.compiled[name] = q
	return q
}

// ask returns a page of a listing.
func (s *shelf) ask(d *directory.Directory, by directory.Caller, l listing, startIndex, count int, at *directory.Cursor) (listed, error) {
	s.t.Helper()
	with := func(of string) directory.Query {
		q := s.compile(l, of)
		q.StartIndex, q.Count, q.Cursor = startIndex, count, at
		return q
	}
	switch l.of {
	case "users":
		found, err := d.Search(s.t.Context(), s.tenant, by, with("users"))
		return listedOf(found, func(u *directory.User) string { return u.ID }), err
	case "groups":
		found, err := d.SearchGroups(s.t.Context(), s.tenant, by, with("groups"))
		return listedOf(found, func(g *directory.Group) string { return g.ID }), err
	}
	found, err := d.SearchResources(s.t.Context(), s.tenant, by, with("users"), with("groups"))
	return listedOf(found, func(r directory.Resource) string {
		if r.User != nil {
			return r.User.ID
		}
		return r.Group.ID
	}), err
}

func listedOf[R any](found directory.Found[R], id func(R) string) listed {
	l := listed{total: found.Total, uncounted: found.Uncounted, next: found.Next, previous: found.Previous}
	for _, r := range found.Records {
		l.ids = append(l.ids, id(r))
	}
	return l
}

// plain evaluates a listing on all records.
func (s *shelf) plain(l listing) []string {
	type placed struct{ key, id string }
	var all []placed
	for _, of := range []struct {
		name      string
		resources []scim.Resource
	}{{"users", s.users}, {"groups", s.groups}} {
		if l.of != of.name && l.of != "both" {
			continue
		}
		q := s.compile(l, of.name)
		for _, r := range of.resources {
			if q.Filter != nil && !q.Filter.Match(r) {
				continue
			}
			p := placed{id: r["id"].(string)}
			if q.Sort != nil {
				p.key = q.Sort.Key(r)
			}
			all = append(all, p)
		}
	}
	if l.sortBy != "" {
		slices.SortFunc(all, func(a, b placed) int {
			n := strings.Compare(a.key+"\x00"+a.id, b.key+"\x00"+b.id)
			if l.descending {
				return -n
			}
			return n
		})
	}
	ids := make([]string, len(all))
	for i, p := range all {
		ids[i] = p.id
	}
	return ids
}

// hasKey reports whether the records that match are found by a key, or without reading any.
func (s *shelf) hasKey(l listing) bool {
	for _, of := range []string{"users", "groups"} {
		if l.of != of && l.of != "both" {
			continue
		}
		f := s.compile(l, of).Filter
		if f == nil {
			return false
		}
		if _, starts := f.StartsWith("userName"); !f.MatchesNothing() && len(f.Lookups()) == 0 && !starts {
			return false
		}
	}
	return true
}

// isWalked reports whether a listing by cursors reads the records in the order of the table
// until a page is full: it has no page before, and a page may be short.
func (s *shelf) isWalked(l listing) bool {
	kept := l.sortBy == "" || l.of != "both" && slices.Contains([]string{"userName", "displayName", "id", "meta.created"}, l.sortBy)
	return kept && l.filter != "" && !s.hasKey(l)
}

// isOfOneType reports whether only users, or only groups, can match the filter of a listing.
func (s *shelf) isOfOneType(l listing) bool {
	users, groups := s.compile(l, "users").Filter, s.compile(l, "groups").Filter
	return l.of == "both" && (users.MatchesNothing() || groups.MatchesNothing())
}

// listings are the lists of a kind of record, in all orders.
func listings() []listing {
	filters := map[string][]string{
		"users": {
			"", `title pr`, `title eq "b"`, `title eq "none"`, `userName eq "anna@x"`, `emails.value eq "team@x"`, `userName sw "an"`,
			`externalId eq "e-anna"`, `id eq "$USER"`, `groups.value eq "$GROUP"`, `groups.value eq "$GROUP" and title pr`,
			`groups.display sw "a"`, `not (groups.value eq "$GROUP")`, `groups.value eq "none"`,
		},
		"groups": {
			"", `displayName co "a"`, `displayName eq "zoo"`, `displayName eq "none"`, `externalId eq "g-1"`, `id eq "$GROUP"`,
			`members.value eq "$USER"`, `members.value eq "$USER" and displayName co "o"`, `members.type eq "User"`,
			`not (members.value eq "$USER")`, `members.value eq "none"`,
		},
		"both": {
			"", `externalId pr`, `externalId eq "g-1"`, `id eq "$USER"`, `id eq "$GROUP"`, `displayName co "a"`, `title pr`, `title eq "none"`,
			`userName eq "anna@x"`, `groups.value eq "$GROUP"`, `members.value eq "$USER"`,
		},
	}
	orders := map[string][]string{
		"users": {"", "userName", "title", "id"}, "groups": {"", "displayName", "externalId", "meta.created"}, "both": {"", "externalId", "id"},
	}
	var all []listing
	for _, of := range []string{"users", "groups", "both"} {
		for _, filter := range filters[of] {
			for _, sortBy := range orders[of] {
				all = append(all, listing{of, filter, sortBy, false})
				if sortBy != "" {
					all = append(all, listing{of, filter, sortBy, true})
				}
			}
		}
	}
	return all
}

// A list has exactly the records that match, in the order asked for: the pages by startIndex,
// each with the number of all, and those by cursors, forwards and backwards. It does not
// matter how many items the table returns at a time, and whether it knows the last one.
func TestLists_ArePlainEvaluation(t *testing.T) {
	s := newShelf(t)
	empty := 0
	for _, l := range listings() {
		if len(s.plain(l)) == 0 {
			empty++
		}
	}
	require.True(t, empty > 10 && empty < 100, "%d of %d lists are empty", empty, len(listings()))
	for name, engine := range map[string]table.Table{
		"pages of 1": smallPages{s.raw, 1}, "large pages": s.raw, "pages of 2, of which the last one is known": smallPages{knowing{s.raw}, 2},
	} {
		for _, of := range []string{"users", "groups", "both"} {
			t.Run(of+" in "+name, func(t *testing.T) {
				s.t = t
				d := s.over(engine, 0)
				for _, l := range listings() {
					if l.of != of {
						continue
					}
					want := s.plain(l)
					for _, count := range []int{0, 1, 2, 100} {
						s.checkPages(d, l, want, count)
						if count > 0 {
							s.checkCursors(d, l, want, count)
						}
					}
				}
			})
		}
	}
}

// Walks of one token through several lists at once do not disturb each other.
func TestLists_WalksAtOnce(t *testing.T) {
	s := newShelf(t)
	d := s.over(s.raw, 3) // a page that begins later than the fourth record needs a bookmark
	for start := 1; start <= len(s.users); start += 2 {
		for _, l := range listings() {
			if l.filter != "" || l.of == "both" || l.sortBy == "title" || l.sortBy == "externalId" {
				continue
			}
			want := s.plain(l)
			got, err := s.ask(d, s.by(), l, start, 2, nil)
			require.NoError(t, err, "%s from %d", l, start)
			require.Equal(t, want[min(start-1, len(want)):min(start+1, len(want))], append([]string{}, got.ids...), "%s from %d", l, start)
		}
	}
}

// checkPages compares pages by startIndex: one after the other, which is how bookmarks are
// found, and each by itself.
func (s *shelf) checkPages(d *directory.Directory, l listing, want []string, count int) {
	s.t.Helper()
	walker, other := s.by(), s.by()
	other.TokenID = "k2" // it finds no bookmark
	for start := 1; start <= len(want)+2; start++ {
		from := min(start-1, len(want))
		page := want[from:min(from+count, len(want))]
		for _, by := range []directory.Caller{walker, other} {
			got, err := s.ask(d, by, l, start, count, nil)
			require.NoError(s.t, err, "%s from %d count %d", l, start, count)
			require.Equal(s.t, page, append([]string{}, got.ids...), "%s from %d count %d", l, start, count)
			require.Equal(s.t, len(want), got.total, "%s from %d count %d: total", l, start, count)
			require.False(s.t, got.uncounted, "%s from %d", l, start)
			require.Nil(s.t, got.next, "%s from %d: a cursor that was not asked for", l, start)
			require.Nil(s.t, got.previous, "%s from %d: a cursor that was not asked for", l, start)
		}
	}
}

// checkCursors walks forwards by cursors, and back from each page.
func (s *shelf) checkCursors(d *directory.Directory, l listing, want []string, count int) {
	s.t.Helper()
	at, walked := &directory.Cursor{}, []string{}
	for pages := 0; at != nil; pages++ {
		require.LessOrEqual(s.t, pages, 20, "%s count %d: a walk without end", l, count)
		got, err := s.ask(d, s.by(), l, 1, count, at)
		require.NoError(s.t, err, "%s count %d", l, count)
		from := len(walked)
		walked = append(walked, got.ids...)
		require.LessOrEqual(s.t, len(walked), len(want), "%s count %d", l, count)
		require.Equal(s.t, want[:len(walked)], walked, "%s count %d", l, count)
		require.LessOrEqual(s.t, len(got.ids), count, "%s count %d", l, count)
		if !got.uncounted {
			require.Equal(s.t, len(want), got.total, "%s count %d: total", l, count)
		}
		if whole := from == 0 && got.next == nil; s.isWalked(l) || l.filter == "" || l.of != "both" || whole || s.isOfOneType(l) {
			require.Equal(s.t, s.isWalked(l), got.uncounted, "%s count %d: counted", l, count)
		}
		if !s.isWalked(l) {
			require.Len(s.t, got.ids, min(count, len(want)-from), "%s count %d: a short page", l, count)
			more := len(walked) < len(want)
			if more || l.of != "both" || l.sortBy != "" || l.filter == "" { // otherwise the groups may have no match
				require.Equal(s.t, more, got.next != nil, "%s count %d: the next page after %d of %d", l, count, len(walked), len(want))
			}
		}
		s.checkBack(d, l, want, count, from, got)
		at = got.next
	}
	require.Equal(s.t, want, walked, "%s count %d", l, count)
}

// checkBack compares the page before one that begins at a place.
func (s *shelf) checkBack(d *directory.Directory, l listing, want []string, count, from int, page listed) {
	s.t.Helper()
	goesBack := !s.isWalked(l) && (l.sortBy != "" || l.of != "both")
	require.Equal(s.t, goesBack && from > 0 && len(page.ids) > 0, page.previous != nil, "%s count %d: the page before %d", l, count, from)
	if page.previous == nil {
		return
	}
	back, err := s.ask(d, s.by(), l, 1, count, page.previous)
	require.NoError(s.t, err, "%s count %d", l, count)
	first := max(from-count, 0)
	require.Equal(s.t, want[first:from], back.ids, "%s count %d: the page before %d", l, count, from)
	require.Equal(s.t, first > 0, back.previous != nil, "%s count %d: the page before %d", l, count, first)
	again, err := s.ask(d, s.by(), l, 1, count, back.next)
	require.NoError(s.t, err, "%s count %d", l, count)
	require.Equal(s.t, page.ids, again.ids, "%s count %d: back and forwards again", l, count)
}

// A list of which any read fails is reported as failed, at each page: a part of an answer
// would look like the whole. A bookmark that cannot be saved only makes the next page slower.
func TestLists_ReportEachFailedRead(t *testing.T) {
	s := newShelf(t)
	for _, l := range listings() {
		for name, page := range map[string]struct {
			start, count int
			at           *directory.Cursor
		}{
			"count": {1, 0, nil}, "first": {1, 2, nil}, "later": {2, 2, nil}, "walk": {1, 2, &directory.Cursor{}},
			"after a user":  {1, 2, &directory.Cursor{ID: s.users[0]["id"].(string), Key: "a"}},
			"after a group": {1, 2, &directory.Cursor{ID: s.groups[0]["id"].(string), Key: "a", Of: "Group"}},
		} {
			reads := int64(1)
			for at := int64(-1); at < reads; at++ {
				b := &breakingReads{newBreaking(smallPages{s.raw, 3}, at)}
				_, err := s.ask(s.over(b, 0), s.by(), l, page.start, page.count, page.at)
				if at < 0 {
					require.NoError(t, err, "%s: %s", l, name)
					reads = b.Made()
					continue
				}
				require.ErrorIs(t, err, errCall, "%s: %s: read %d of %d", l, name, at, reads)
			}
		}
	}
}

// breakingReads is a breaking table on which no write fails.
type breakingReads struct{ *breaking }

func (b *breakingReads) Write(ctx context.Context, tx table.Transaction) error {
	return b.Table.Write(ctx, tx)
}

// A list that has to read more records than one request may read is refused, with the limit;
// one that reads exactly as many is answered. A walk by cursors ends a page there instead.
func TestLists_ReadAtMostTheLimit(t *testing.T) {
	s := newShelf(t)
	for _, most := range []int{1, 1000} {
		over := map[bool]int{true: 1}[most == 1] // nothing shows that the last item is the last
		for _, l := range []listing{
			{"users", `title pr`, "", false},
			{"users", "", "title", false},
			{"users", `title pr`, "userName", false},
			{"users", `emails.value eq "team@x"`, "", false},
			{"users", `emails.value eq "team@x"`, "title", false},
			{"groups", `displayName co "a"`, "", false},
			{"groups", "", "externalId", false},
		} {
			reads := len(s.users)
			switch {
			case s.hasKey(l):
				reads = len(s.plain(l))
			case l.of == "groups":
				reads = len(s.groups)
			}
			got, err := s.ask(s.over(smallPages{s.raw, most}, reads+over), s.by(), l, 1, 100, nil)
			require.NoError(t, err, "%s", l)
			require.Equal(t, s.plain(l), got.ids, "%s", l)
			_, err = s.ask(s.over(smallPages{s.raw, most}, reads-1), s.by(), l, 1, 100, nil)
			sought := "filter"
			if !s.isWalked(l) && !s.hasKey(l) {
				sought = "sortBy"
			}
			require.Equal(t, &directory.TooManyError{Sought: sought, Limit: reads - 1}, err, "%s", l)
			s.checkCursorsWithin(most, l, reads > 2)
		}
		// Where a page begins is looked for within the limit, too.
		l := listing{"users", "", "", false}
		_, err := s.ask(s.over(smallPages{s.raw, most}, 3), s.by(), l, 4, 1, nil)
		require.NoError(t, err)
		other := s.by()
		other.TokenID = "k2" // it has no bookmark
		_, err = s.ask(s.over(smallPages{s.raw, most}, 3), other, l, 5, 1, nil)
		require.Equal(t, &directory.TooManyError{Sought: "startIndex", Limit: 3}, err)
	}
}

// checkCursorsWithin walks by cursors with a filter, and a limit that is smaller than the
// number of records: pages are short, and together they have all.
func (s *shelf) checkCursorsWithin(most int, l listing, isOver bool) {
	s.t.Helper()
	d := s.over(smallPages{s.raw, most}, 2)
	if !s.isWalked(l) {
		_, err := s.ask(d, s.by(), l, 1, 2, &directory.Cursor{})
		require.Equal(s.t, isOver, err != nil, "%s: %v", l, err)
		return
	}
	walked := []string{}
	for at := (&directory.Cursor{}); at != nil; {
		got, err := s.ask(d, s.by(), l, 1, 100, at)
		require.NoError(s.t, err, "%s", l)
		require.LessOrEqual(s.t, len(got.ids), max(2, most), "%s: more than were read", l)
		walked, at = append(walked, got.ids...), got.next
	}
	require.Equal(s.t, s.plain(l), walked, "%s", l)
}

// A list ends when its time is over: with an error, or with the page as it is then, and the
// cursor after it.
func TestLists_EndInTime(t *testing.T) {
	s := newShelf(t)
	s.clock = func() time.Time { s.now = s.now.Add(time.Second); return s.now } // each look takes a second
	for _, l := range listings() {
		want := s.plain(l)
		d := s.over(smallPages{s.raw, 1}, 0)
		got, err := s.ask(d, s.by(), l, 1, 100, nil)
		if err == nil {
			require.Subset(t, want, got.ids, "%s", l)
			require.True(t, got.total >= len(want) && (got.total == len(want) || l.filter == ""), "%s: %d of %d, a part of the answer looks like the whole", l, got.total, len(want))
		} else {
			var tooMany *directory.TooManyError
			require.ErrorAs(t, err, &tooMany, "%s", l)
			require.Contains(t, []string{"filter", "sortBy"}, tooMany.Sought, "%s", l)
		}
		if l.of == "users" && l.filter == `title pr` && l.sortBy == "" {
			require.Error(t, err, "%s takes more than five seconds", l)
			walked, pages := []string{}, 0
			for at := (&directory.Cursor{}); at != nil; pages++ {
				got, err := s.ask(d, s.by(), l, 1, 100, at)
				require.NoError(t, err)
				walked, at = append(walked, got.ids...), got.next
			}
			require.Equal(t, want, walked)
			require.Greater(t, pages, 1)
		}
	}
}

// Each part of a list looks at the time: the members of the groups that one filter compares,
// and the way to the record where a page begins.
func TestLists_EndInTimeInEachPart(t *testing.T) {
	s := newShelf(t)
	s.clock = func() time.Time { s.now = s.now.Add(3 * time.Second); return s.now }
	_, err := s.ask(s.over(s.raw, 0), s.by(), listing{"groups", `members.type eq "User"`, "", false}, 1, 100, nil)
	require.Equal(t, &directory.TooManyError{Sought: "filter", Limit: directory.MaxWalk}, err)
	last := len(s.users)
	for start := 4; start <= last; start++ {
		_, err = s.ask(s.over(smallPages{s.raw, 1}, 0), s.by(), listing{"users", "", "", false}, start, 1, nil)
		require.Equal(t, &directory.TooManyError{Sought: "startIndex", Limit: directory.MaxWalk}, err, "from %d", start)
	}
	s.clock = func() time.Time { return s.now }
	got, err := s.ask(s.over(smallPages{s.raw, 1}, 0), s.by(), listing{"users", "", "", false}, last, 1, nil)
	require.NoError(t, err)
	require.Equal(t, []string{s.users[last-1]["id"].(string)}, got.ids)
}

// The number of records is known without reading them, however many there are, and whatever
// their order is.
func TestLists_CountsReadNoRecords(t *testing.T) {
	s := newShelf(t)
	for _, l := range listings() {
		if l.filter != "" {
			continue
		}
		for _, at := range []*directory.Cursor{nil, {}} {
			count := newBreaking(s.raw, -1)
			got, err := s.ask(s.over(count, 1), s.by(), l, 1, 0, at)
			require.NoError(t, err, "%s", l)
			require.Equal(t, len(s.plain(l)), got.total, "%s", l)
			require.LessOrEqual(t, count.Made(), int64(2), "%s: calls of the table", l)
		}
	}
}

// A sorted list reads each record once.
func TestLists_SortedReadEachRecordOnce(t *testing.T) {
	s := newShelf(t)
	for _, l := range []listing{{"users", "", "title", false}, {"users", "", "title", true}, {"groups", "", "externalId", false}} {
		for _, at := range []*directory.Cursor{nil, {}} {
			count := newBreaking(s.raw, -1)
			got, err := s.ask(s.over(count, 0), s.by(), l, 1, 100, at)
			require.NoError(t, err, "%s", l)
			require.Equal(t, s.plain(l), got.ids, "%s", l)
			require.Equal(t, int64(1), count.Made(), "%s: calls of the table", l)
		}
	}
}

// late is a store whose ledger does not count the newest users, or counts users that are
// deleted while a page is read.
type late struct {
	*store.Store
	users int64
}

func (l late) Ledger(context.Context, tenant.ID) (directory.Ledger, error) {
	return directory.Ledger{Users: l.users}, nil
}

// A page never has a record beyond its total: clients end their walk there.
func TestSearch_TotalCoversThePage(t *testing.T) {
	f := newFixture(t, enginetest.Memory, 50, 50)
	f.people(6)
	for counted, wants := range map[int64][]int{0: {3, 5, 6}, 6: {6, 6, 6}, 9: {9, 9, 9}} {
		d := f.onStore(late{f.store, counted})
		for i, want := range wants {
			found, err := d.Search(t.Context(), f.tenant, f.by(), directory.Query{StartIndex: 2*i + 1, Count: 2})
			require.NoError(t, err)
			require.Len(t, found.Records, 2)
			require.Equal(t, want, found.Total, "%d counted, page %d", counted, i)
		}
		found, err := d.Search(t.Context(), f.tenant, f.by(), directory.Query{StartIndex: 1, Count: 100})
		require.NoError(t, err)
		require.Len(t, found.Records, 6)
		require.Equal(t, max(6, int(counted)), found.Total)
		found, err = d.Search(t.Context(), f.tenant, f.by(), directory.Query{StartIndex: 8, Count: 2})
		require.NoError(t, err)
		require.Empty(t, found.Records, "%d counted: a page after the last record", counted)
		require.Equal(t, int(counted), found.Total)
	}
}

// A page is never larger than an answer may be, and has at least one record, however large:
// the pages together have all records.
func TestLists_PagesFit(t *testing.T) {
	s := newShelf(t)
	s.sized = map[string]int{}
	for i, r := range slices.Concat(s.users, s.groups) {
		s.sized[r["id"].(string)] = []int{directory.MaxPageBytes / 3, directory.MaxPageBytes / 2, 10, 2 * directory.MaxPageBytes}[i%4]
	}
	for _, most := range []int{1, 1000} {
		d := s.over(smallPages{s.raw, most}, 0)
		for _, l := range listings() {
			want := s.plain(l)
			fits := func(got listed) {
				size := 0
				for _, id := range got.ids {
					size += s.sized[id]
				}
				require.True(t, len(got.ids) == 1 || size < directory.MaxPageBytes, "%s: a page of %d records has %d bytes", l, len(got.ids), size)
			}
			walked := []string{}
			var last listed
			for at, pages := (&directory.Cursor{}), 0; at != nil; pages++ {
				require.LessOrEqual(t, pages, 20, "%s: a walk without end", l)
				got, err := s.ask(d, s.by(), l, 1, 100, at)
				require.NoError(t, err, "%s", l)
				fits(got)
				walked, at, last = append(walked, got.ids...), got.next, got
			}
			require.Equal(t, want, walked, "%s by cursors", l)
			for before := len(want) - len(last.ids); last.previous != nil; before -= len(last.ids) {
				got, err := s.ask(d, s.by(), l, 1, 100, last.previous)
				require.NoError(t, err, "%s", l)
				require.NotEmpty(t, got.ids, "%s backwards", l)
				fits(got)
				require.Equal(t, want[before-len(got.ids):before], got.ids, "%s backwards", l)
				last = got
				require.Equal(t, before > len(got.ids), got.previous != nil, "%s backwards", l)
			}
			walked = []string{}
			for len(walked) < len(want) {
				got, err := s.ask(d, s.by(), l, len(walked)+1, 100, nil)
				require.NoError(t, err, "%s", l)
				require.NotEmpty(t, got.ids, "%s: an empty page means the end", l)
				fits(got)
				walked = append(walked, got.ids...)
			}
			require.Equal(t, want, walked, "%s by startIndex", l)
		}
	}
}

// A page of users and groups that are found by a key is not larger than an answer may be
// either.
func TestSearchResources_PagesOfAKeyFit(t *testing.T) {
	s := newShelf(t)
	u := s.mustPost(user(`"userName":"both@x","externalId":"both"`)).ID
	g := s.mustPostGroup(`{"displayName":"Both","externalId":"both"}`)
	s.sized = map[string]int{u: directory.MaxPageBytes * 2 / 3, g: directory.MaxPageBytes * 2 / 3}
	for start, want := range [][]string{{u}, {g}, nil} {
		got, err := s.ask(s.over(s.raw, 0), s.by(), listing{"both", `externalId eq "both"`, "", false}, start+1, 100, nil)
		require.NoError(t, err)
		require.Equal(t, want, got.ids, "from %d", start+1)
		require.Equal(t, 2, got.total)
	}
}
