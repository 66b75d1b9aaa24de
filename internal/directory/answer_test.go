package directory_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/provlog"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/match"
	"github.com/rollcall-scim/rollcall/internal/store"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/table/meter"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// newestEntry returns the newest log entry.
func (f *fixture) newestEntry() journal.Entry {
	f.t.Helper()
	entries := f.entries()
	require.NotEmpty(f.t, entries)
	return entries[0]
}

// entries returns the newest entries of the log, newest first.
func (f *fixture) entries() []journal.Entry {
	f.t.Helper()
	page, err := f.store.EntryPage(context.Background(), f.tenant, provlog.Span{Limit: 50})
	require.NoError(f.t, err)
	return page.Items
}

// Each change has one entry, which says who changed what, and when; the answer says the same
// of what was changed.
func TestDirectory_LogsWhatItAnswers(t *testing.T) {
	c := newCrowd(t, true)
	notices := []scim.Notice{{Kind: scim.NoticeFilterSpaces, Attribute: "filter"}}
	caller := func(by directory.Caller) directory.Caller {
		by.IdPRequestID, by.BulkID, by.Notices = "idp-1", "bulk-1", notices
		return by
	}
	ctx := t.Context()
	joins := func(id string, ids ...string) func(by directory.Caller) (any, error) {
		return func(by directory.Caller) (any, error) {
			return c.dir.ModifyGroup(ctx, c.tenant, by, id, nil, c.patchOf(add(ids...)))
		}
	}
	created := c.mustPostGroup(`{"displayName":"Logged","externalId":"e-logged"}`)
	for _, r := range []struct {
		name    string
		app     bool
		request func(by directory.Caller) (any, error)
		want    journal.Entry
		added   []string
		removed []string
	}{
		{"create", false, func(by directory.Caller) (any, error) {
			return c.dir.Provision(ctx, c.tenant, by, c.decode(user(`"userName":"logged@x","externalId":"e-u"`)))
		}, journal.Entry{
			Operation: journal.Create, Action: journal.Created, ResourceType: "User", Version: 1, Subject: "logged@x", ExternalID: "e-u",
			Changed: []string{"userName", "externalId", "active", extension + ":isTeamAccount"}, Seats: 1,
		}, nil, nil},
		{"create in the application", true, func(by directory.Caller) (any, error) {
			return c.dir.CreateInApp(ctx, c.tenant, by, directory.AppUser{UserName: "jit@x", Origin: directory.OriginJIT, Type: tenant.Reader})
		}, journal.Entry{
			Operation: journal.Create, Action: journal.Created, ResourceType: "User", Version: 1, Subject: "jit@x",
			Changed: []string{"userName", "active", extension + ":isTeamAccount"}, Readers: 1,
		}, nil, nil},
		{"modify", false, func(by directory.Caller) (any, error) {
			return c.dir.Modify(ctx, c.tenant, by, c.active, nil, c.patchOf(`{"op":"replace","path":"title","value":"x"}`))
		}, journal.Entry{
			Operation: journal.Modify, Action: journal.Updated, ResourceType: "User", Version: 2, Subject: "active@x", ExternalID: "e-active", Changed: []string{"title"},
		}, nil, nil},
		{"deactivate", false, func(by directory.Caller) (any, error) {
			return c.dir.Modify(ctx, c.tenant, by, c.active, nil, c.patchOf(`{"op":"replace","path":"active","value":false}`))
		}, journal.Entry{
			Operation: journal.Modify, Action: journal.Deactivated, ResourceType: "User", Version: 3, Subject: "active@x", ExternalID: "e-active", Changed: []string{"active"}, Seats: -1,
		}, nil, nil},
		{"make a Reader", true, func(by directory.Caller) (any, error) {
			return c.dir.ModifyInApp(ctx, c.tenant, by, c.member, nil, directory.AppChange{Type: ptr(tenant.Reader)})
		}, journal.Entry{
			Operation: journal.Modify, Action: journal.Updated, ResourceType: "User", Version: 2, Subject: "member@x", ExternalID: "e-member", Changed: []string{extension + ":isTeamAccount"}, Seats: -1, Readers: 1,
		}, nil, nil},
		{"rename an unlinked user", true, func(by directory.Caller) (any, error) {
			return c.dir.ModifyInApp(ctx, c.tenant, by, c.unlinked, nil, directory.AppChange{DisplayName: ptr("Other")})
		}, journal.Entry{
			Operation: journal.Modify, Action: journal.Updated, ResourceType: "User", Version: 2, Subject: "app@x", Changed: []string{"displayName"},
		}, nil, nil},
		{"protect", true, func(by directory.Caller) (any, error) {
			return c.dir.ModifyInApp(ctx, c.tenant, by, c.member, nil, directory.AppChange{Protected: ptr(true)})
		}, journal.Entry{
			Operation: journal.Modify, Action: journal.Updated, ResourceType: "User", Version: 3, Subject: "member@x", ExternalID: "e-member", Changed: []string{"protected"},
		}, nil, nil},
		{"delete", false, func(by directory.Caller) (any, error) { return c.dir.Delete(ctx, c.tenant, by, c.inactive, nil) }, journal.Entry{
			Operation: journal.Delete, Action: journal.Deleted, ResourceType: "User", Version: 2, Subject: "inactive@x", ExternalID: "e-inactive",
		}, nil, nil},
		{"purge", true, func(by directory.Caller) (any, error) { return c.dir.Purge(ctx, c.tenant, by, c.gone) }, journal.Entry{
			Operation: journal.Purge, Action: journal.Purged, ResourceType: "User", Version: 3, Subject: "gone@x", ExternalID: "e-gone",
		}, nil, nil},
		{"join", false, joins(created, c.people[0], c.people[1], "nobody"), journal.Entry{
			Operation: journal.Modify, Action: journal.Updated, ResourceType: "Group", Subject: "Logged", ExternalID: "e-logged", Changed: []string{"members"}, Skipped: []string{"nobody"},
			Outcome: journal.Warning, Cause: cause.UnknownMembers,
		}, c.people[:2], nil},
		{"leave and rename", false, func(by directory.Caller) (any, error) {
			return c.dir.ModifyGroup(ctx, c.tenant, by, created, nil, c.patchOf(`{"op":"replace","path":"displayName","value":"Renamed"},`+remove(c.people[0], c.people[5])))
		}, journal.Entry{
			Operation: journal.Modify, Action: journal.Updated, ResourceType: "Group", Subject: "Renamed", ExternalID: "e-logged", Changed: []string{"displayName", "members"},
		}, nil, c.people[:1]},
		{"create a group", false, func(by directory.Caller) (any, error) {
			return c.dir.ProvisionGroup(ctx, c.tenant, by, c.decodeGroup(group("Few", c.people[0], "no id/of a user")))
		}, journal.Entry{
			Operation: journal.Create, Action: journal.Created, ResourceType: "Group", Version: 1, Subject: "Few", Changed: []string{"displayName"},
			Skipped: []string{"no id/of a user"}, Outcome: journal.Warning, Cause: cause.UnknownMembers,
		}, c.people[:1], nil},
		{"create a group of many", false, func(by directory.Caller) (any, error) {
			return c.dir.ProvisionGroup(ctx, c.tenant, by, c.decodeGroup(group("New", c.people[:40]...)))
		}, journal.Entry{
			Operation: journal.Create, Action: journal.Created, ResourceType: "Group", Version: 1, Subject: "New", Changed: []string{"displayName"}, NewSet: true, Size: 40, Epoch: 1,
		}, nil, nil},
		{"a new set", false, func(by directory.Caller) (any, error) {
			return c.dir.ModifyGroup(ctx, c.tenant, by, c.many, nil, c.patchOf(replace(c.people[30:]...)))
		}, journal.Entry{
			Operation: journal.Modify, Action: journal.Updated, ResourceType: "Group", Subject: "Many", Changed: []string{"members"}, NewSet: true, Size: 40, Epoch: 2,
		}, nil, nil},
		{"delete a group", false, func(by directory.Caller) (any, error) { return c.dir.DeleteGroup(ctx, c.tenant, by, created, nil) }, journal.Entry{
			Operation: journal.Delete, Action: journal.Deleted, ResourceType: "Group", Version: 4, Subject: "Renamed", ExternalID: "e-logged",
		}, nil, nil},
	} {
		by := caller(c.by())
		if r.app {
			by = caller(c.app())
		}
		result, err := r.request(by)
		require.NoError(t, err, r.name)
		got := c.newestEntry()
		want := r.want
		want.RequestID, want.Time, want.TokenID, want.IdP, want.By, want.Who = by.RequestID, by.Time.UTC(), by.TokenID, by.IdP, by.By, by.Who
		want.IdPRequestID, want.BulkID = by.IdPRequestID, by.BulkID
		want.Tolerances = []string{"filter_spaces:filter"}
		if len(r.removed) > 0 {
			want.Tolerances = append(want.Tolerances, "removed_values:members")
		}
		if want.Outcome == "" {
			want.Outcome = journal.Success
		}
		want.Added, want.Removed = r.added, r.removed
		var action journal.Action
		var changed []string
		switch result := result.(type) {
		case directory.Result:
			action, changed, want.ResourceID = result.Action, result.Changed, result.User.ID
			require.Equal(t, []int64{want.Seats, want.Readers}, []int64{result.Seats, result.Readers}, r.name)
			if want.Action != journal.Purged {
				require.Equal(t, want.Version, result.User.Version, r.name)
				require.True(t, by.Time.Equal(result.User.Modified), r.name)
				require.Equal(t, want.Action == journal.Created, by.Time.Equal(result.User.Created), r.name)
			}
		case directory.GroupResult:
			action, changed, want.ResourceID = result.Action, result.Changed, result.Group.ID
			require.Equal(t, want.Skipped, result.Skipped, r.name)
			require.Equal(t, len(want.Removed) > 0 || len(r.removed) > 0, len(result.Notices) > 0, r.name)
			if !want.NewSet {
				require.Equal(t, []int{len(want.Added), len(want.Removed)}, []int{result.Added, result.Removed}, r.name)
			} else {
				left := -1 // unknown
				if want.Action == journal.Created {
					left = 0
				}
				require.Equal(t, []int{want.Size, left}, []int{result.Added, result.Removed}, r.name)
				set, err := c.store.SetOf(ctx, c.tenant, got.Key())
				require.NoError(t, err)
				_, members, err := c.dir.Members(ctx, c.tenant, result.Group.ID, 100)
				require.NoError(t, err)
				require.ElementsMatch(t, members, set, r.name)
			}
		}
		got.Earlier, got.Detail = nil, ""
		slices.Sort(got.Added)
		slices.Sort(got.Changed)
		slices.Sort(changed)
		slices.Sort(want.Changed)
		require.Equal(t, want, got, r.name)
		require.Equal(t, want.Action, action, r.name)
		require.Equal(t, want.Changed, changed, r.name)
	}
}

// An inactive user says which side made it inactive: only the application reactivates what the
// application deactivated. An active one says nothing.
func TestUser_SaysWhoDeactivatedIt(t *testing.T) {
	f := newFixture(t, enginetest.Memory, 5, 5)
	by := func(want journal.Actor, u *directory.User, step string) *directory.User {
		t.Helper()
		require.Equal(t, want, u.DeactivatedBy, step)
		require.Equal(t, want == "", u.Active, step)
		stored, err := f.dir.AppUser(t.Context(), f.tenant, u.ID)
		require.NoError(t, err)
		require.Equal(t, want, stored.DeactivatedBy, step)
		return stored
	}
	on, off := `[{"op":"replace","path":"active","value":true}]`, `[{"op":"replace","path":"active","value":false}]`
	u := by(journal.ByIdP, f.mustPost(user(`"userName":"ann@x","active":false`)), "created inactive")
	by("", f.mustPatch(u.ID, on), "reactivated")
	by(journal.ByIdP, f.mustPatch(u.ID, off), "deactivated")
	by("", f.mustPost(user(`"userName":"ann@x"`)), "created again")
	by(journal.ByApplication, f.mustModifyInApp(u.ID, directory.AppChange{Active: ptr(false)}), "deactivated by the application")
	_, err := f.patch(u.ID, on, nil)
	require.ErrorIs(t, err, directory.ErrDeactivatedInApp)
	by("", f.mustModifyInApp(u.ID, directory.AppChange{Active: ptr(true)}), "reactivated by the application")
	f.mustRemove(u.ID)
	deleted, err := f.dir.AppUser(t.Context(), f.tenant, u.ID)
	require.NoError(t, err)
	by(journal.ByIdP, deleted, "deleted")
	restored, err := f.post(user(`"userName":"ann@x","active":false`))
	require.NoError(t, err)
	by(journal.ByIdP, restored.User, "restored inactive")
	by(journal.ByApplication, f.mustModifyInApp(u.ID, directory.AppChange{Active: ptr(false)}), "taken over by the application")
	f.mustRemove(u.ID)
	deleted, err = f.dir.AppUser(t.Context(), f.tenant, u.ID)
	require.NoError(t, err)
	by(journal.ByApplication, deleted, "deleted after that")
	own := f.mustCreateInApp(directory.AppUser{UserName: "own@x", Active: ptr(false)})
	by(journal.ByApplication, own, "created inactive by the application")
}

// What the application asks for is checked as what an identity provider asks for is, and
// refused without a change.
func TestApplication_RefusesInvalidValues(t *testing.T) {
	c := newCrowd(t, false)
	before := c.state()
	for name, asked := range map[string]directory.AppUser{
		"no origin":        {UserName: "new@x"},
		"another origin":   {UserName: "new@x", Origin: directory.OriginSCIM},
		"no name":          {Origin: directory.OriginManual},
		"a blank name":     {UserName: " ", Origin: directory.OriginManual},
		"a blank email":    {UserName: "new@x", Email: " ", Origin: directory.OriginManual},
		"another type":     {UserName: "new@x", Type: "owner", Origin: directory.OriginManual},
		"a very long name": {UserName: strings.Repeat("x", 2000), Origin: directory.OriginManual},
	} {
		_, err := c.dir.CreateInApp(t.Context(), c.tenant, c.app(), asked)
		var refused *scim.Error
		require.ErrorAs(t, err, &refused, name)
	}
	for name, asked := range map[string]directory.AppChange{
		"no name":          {UserName: ptr("")},
		"a blank name":     {UserName: ptr(" ")},
		"no email":         {Email: ptr("")},
		"a blank email":    {Email: ptr(" ")},
		"another type":     {Type: ptr(tenant.AccountType("owner"))},
		"a very long name": {UserName: ptr(strings.Repeat("x", 2000))},
	} {
		_, err := c.modifyInApp(c.active, asked)
		var refused *scim.Error
		require.ErrorAs(t, err, &refused, name)
	}
	for _, id := range []string{newID(), c.gone, "no such/id", ""} {
		_, err := c.modifyInApp(id, directory.AppChange{Active: ptr(false)})
		require.ErrorIs(t, err, directory.ErrNotFound, id)
		if id != c.gone {
			require.ErrorIs(t, c.purge(id), directory.ErrNotFound, id)
		}
	}
	_, err := c.modifyInApp(c.active, directory.AppChange{UserName: ptr("member@x")})
	var taken *directory.TakenError
	require.ErrorAs(t, err, &taken)
	require.Equal(t, &directory.TakenError{Kind: directory.UserName, HeldAs: directory.UserName, Value: "member@x", Reason: directory.TakenActive, HolderID: c.member}, taken)
	require.Equal(t, before, c.state())
}

// Another unique email takes the place of the former one; no address is there twice, and the
// others stay.
func TestModifyInApp_ReplacesTheUniqueEmail(t *testing.T) {
	for before, want := range map[string]string{
		``:                                `[{"primary":true,"type":"work","value":"New@x"}]`,
		`{"value":"a@x"}`:                 `[{"value":"New@x"}]`,
		`{"value":"a@x"},{"value":"b@x"}`: `[{"value":"New@x"},{"value":"b@x"}]`,
		`{"value":"a@x"},{"value":"b@x","primary":true,"type":"home"},{"value":"new@x"}`: `[{"value":"a@x"},{"primary":true,"type":"home","value":"New@x"}]`,
	} {
		f := newFixture(t, enginetest.Memory, 5, 5)
		u := f.mustPost(user(`"userName":"name@x","emails":[` + before + `]`))
		after := f.mustModifyInApp(u.ID, directory.AppChange{Email: ptr("New@x")})
		got, err := json.Marshal(object(t, after)["emails"])
		require.NoError(t, err)
		require.JSONEq(t, want, string(got), "%s", before)
		f.check(1)
	}
}

// Each request that needs the document of a damaged record fails: the record is neither left
// out nor found.
func TestLists_ReportDamagedRecords(t *testing.T) {
	s := newShelf(t)
	damaged := []string{s.users[1]["id"].(string), s.groups[1]["id"].(string)}
	cut := table.Change{Set: table.Attributes{"doc": table.Text(`{"userName":"anna@x"`)}}
	require.NoError(t, s.raw.Write(t.Context(), table.Transaction{Token: "t", Ops: []table.Op{
		table.Update(table.Key{Partition: "T#acme#USERS", Sort: damaged[0]}, cut), table.Update(table.Key{Partition: "T#acme#GROUPS", Sort: damaged[1]}, cut),
	}}))
	refused := 0
	for _, l := range listings() {
		isDecided := l.of != "both" && (l.filter == `groups.value eq "$GROUP"` || l.filter == `members.value eq "$USER"`) && l.sortBy == ""
		kept := l.sortBy == "" || l.of != "both" && slices.Contains([]string{"userName", "displayName", "id", "meta.created"}, l.sortBy)
		want := s.plain(l)
		hits := slices.Contains(want, damaged[0]) || slices.Contains(want, damaged[1])
		if l.of == "both" || isDecided || l.filter == "" && kept || s.hasKey(l) && !hits {
			continue
		}
		refused++
		for _, at := range []*directory.Cursor{nil, {}} {
			_, err := s.ask(s.over(s.raw, 0), s.by(), l, 1, 100, at)
			require.Error(t, err, "%s", l)
		}
	}
	require.Greater(t, refused, 60)
	own := s.mustCreateInApp(directory.AppUser{UserName: "own@x"})
	require.NoError(t, s.raw.Write(t.Context(), table.Transaction{Token: "t2", Ops: []table.Op{table.Update(table.Key{Partition: "T#acme#USERS", Sort: own.ID}, cut)}}))
	for name, read := range map[string]func() error{
		"link": func() error {
			_, err := s.post(user(`"userName":"own@x","` + extension + `":{"isTeamAccount":true}`))
			return err
		},
		"AppUsers by a text": func() error {
			_, err := s.dir.MatchUsers(t.Context(), s.tenant, "anna@x", directory.AppQuery{Limit: 5})
			return err
		},
		"groups by a text": func() error { _, err := s.dir.MatchGroups(t.Context(), s.tenant, "art"); return err },
		"modify": func() error {
			_, err := s.patch(damaged[0], `[{"op":"replace","path":"title","value":"x"}]`, nil)
			return err
		},
		"delete":                 func() error { return s.remove(damaged[0]) },
		"purge":                  func() error { return s.purge(damaged[0]) },
		"modify in the app":      func() error { _, err := s.modifyInApp(damaged[0], directory.AppChange{Active: ptr(false)}); return err },
		"modify a group":         func() error { _, err := s.patchGroup(damaged[1], add(damaged[0])); return err },
		"replace a group":        func() error { _, err := s.putGroup(damaged[1], group("art")); return err },
		"delete a group":         func() error { _, err := s.dir.DeleteGroup(t.Context(), s.tenant, s.by(), damaged[1], nil); return err },
		"create with its values": func() error { _, err := s.post(user(`"userName":"anna@x","externalId":"e-anna"`)); return err },
	} {
		require.Error(t, read(), name)
	}
}

// The pages of the application's list have all users once, the live ones before the deleted
// ones, and end with the last one.
func TestAppUsers_PagesOfAnySize(t *testing.T) {
	raw := enginetest.Memory(t)
	f := newFixtureFor(t, raw, "acme", 50)
	var live, deleted []string
	for i := range 7 {
		id := f.mustPost(user(fmt.Sprintf(`"userName":"u%d"`, i))).ID
		if i%3 == 1 {
			f.mustRemove(id)
			deleted = append(deleted, id)
		} else {
			live = append(live, id)
		}
	}
	for limit := -1; limit <= 9; limit++ {
		for n := range 4 {
			all := n%2 == 1
			d := f.dir
			if n > 1 {
				d = f.on(knowing{raw})
			}
			want := slices.Clone(live)
			if all {
				want = append(want, deleted...)
			}
			var got []string
			q := directory.AppQuery{Limit: limit, Deleted: all}
			for pages := 1; ; pages++ {
				page, err := d.AppUsers(t.Context(), f.tenant, q)
				require.NoError(t, err)
				require.LessOrEqual(t, len(page.Users), max(limit, 1))
				for _, u := range page.Users {
					got = append(got, u.ID)
				}
				if q.After = page.Next; page.Next == "" {
					break
				}
				require.Less(t, pages, 20, "limit %d: a walk without end", limit)
			}
			require.Equal(t, want, got, "limit %d, deleted %t", limit, all)
		}
	}
}

// A text finds the users and groups whose id, name, externalId or email it is, and no others:
// not those that had it, nor those that an index still names.
func TestMatch_FindsByEachIdentifier(t *testing.T) {
	c := newCrowd(t, false)
	c.mustPatch(c.active, `[{"op":"replace","path":"emails","value":[{"value":"shared@x","primary":true},{"value":"two@x"}]}]`)
	c.mustPatch(c.member, `[{"op":"add","path":"emails","value":[{"value":"two@x"}]}]`)
	c.mustPatch(c.people[0], `[{"op":"add","path":"emails","value":[{"value":"p0@x","primary":true},{"value":"other-gone@x"}]}]`)
	staff, err := c.dir.Group(t.Context(), c.tenant, c.group)
	require.NoError(t, err)
	for text, want := range map[string][]string{
		c.active: {c.active}, "ACTIVE@X": {c.active}, " active@x ": {c.active}, "e-active": {c.active}, "E-ACTIVE": nil, "shared@x": {c.active},
		"other-active@x": nil, "two@x": {c.active, c.member}, "gone@x": {c.gone}, "other-gone@x": {c.gone, c.people[0]}, "e-gone": {c.gone}, c.gone: {c.gone},
		"": nil, " ": nil, "nobody": nil, newID(): nil, "Staff": nil, c.group: nil,
	} {
		slices.Sort(want)
		for n := range 4 {
			deleted := n%2 == 1
			var got, after []string
			for q := (directory.AppQuery{Limit: n/2*4 + 1, Deleted: deleted}); ; q.After = after[len(after)-1] {
				page, err := c.dir.MatchUsers(t.Context(), c.tenant, text, q)
				require.NoError(t, err)
				for _, u := range page.Users {
					got = append(got, u.ID)
				}
				if page.Next == "" {
					break
				}
				after = append(after, page.Next)
				require.Less(t, len(after), 10)
			}
			only := slices.DeleteFunc(slices.Clone(want), func(id string) bool { return id == c.gone && !deleted })
			require.Equal(t, append([]string{}, only...), append([]string{}, got...), "%q, deleted %t", text, deleted)
		}
	}
	for text, want := range map[string]bool{
		c.group: true, "STAFF": true, " staff": true, "e-staff": true, "E-STAFF": false, "": false, " ": false, "Sta": false, c.active: false, newID(): false,
	} {
		got, err := c.dir.MatchGroups(t.Context(), c.tenant, text)
		require.NoError(t, err)
		if want {
			require.Equal(t, []*directory.Group{staff}, got, "%q", text)
		} else {
			require.Empty(t, got, "%q", text)
		}
	}
}

// A request for another version is refused with what is in its way besides: a taken value,
// then a missing seat, so that the administrator does not fix the version in vain.
func TestRefusal_OfAnotherVersion(t *testing.T) {
	other := directory.Versions{99}
	for _, kind := range []tenant.AccountType{tenant.User, tenant.Reader} {
		for free := range 2 {
			f := newFixture(t, enginetest.Memory, 2, 2)
			team := fmt.Sprintf(`,%q:{"isTeamAccount":%t}`, extension, kind == tenant.User)
			idle := f.mustPost(user(`"userName":"idle@x","active":false` + team))
			for i := range 2 - free {
				f.mustPost(user(fmt.Sprintf(`"userName":"u%d@x"%s`, i, team)))
			}
			_, err := f.put(idle.ID, user(`"userName":"idle@x","active":true`), other)
			if free > 0 {
				require.ErrorIs(t, err, directory.ErrVersion)
			} else {
				require.Equal(t, &directory.FullError{Type: kind, Used: 2, Limit: 2, Action: journal.Reactivated}, err)
			}
			_, err = f.put(idle.ID, user(`"userName":"u0@x","active":true`), other)
			var taken *directory.TakenError
			require.ErrorAs(t, err, &taken)
			require.Equal(t, "u0@x", taken.Value)
			_, err = f.put(idle.ID, user(`"userName":"u\u034f0@x","active":true`), other)
			require.ErrorAs(t, err, &taken, "a name that an earlier version held to be another one")
			require.Equal(t, "u\u034f0@x", taken.Value)
			_, err = f.put(idle.ID, user(`"userName":"idle@x","active":false,"title":"x"`), other)
			require.ErrorIs(t, err, directory.ErrVersion, "nothing else is in the way")
		}
	}
	f := newFixture(t, enginetest.Memory, 5, 5)
	id := f.mustPostGroup(`{"displayName":"One"}`)
	f.mustPostGroup(`{"displayName":"Two"}`)
	modify := func(match directory.Versions, operations string) error {
		_, err := f.dir.ModifyGroup(t.Context(), f.tenant, f.by(), id, match, f.patchOf(operations))
		return err
	}
	require.ErrorIs(t, modify(other, `{"op":"replace","path":"displayName","value":"Three"}`), directory.ErrVersion)
	var taken *directory.TakenError
	require.ErrorAs(t, modify(other, `{"op":"replace","path":"displayName","value":"Two"}`), &taken)
	require.ErrorAs(t, modify(other, `{"op":"replace","path":"displayName","value":"T\u034fwo"}`), &taken)
	require.NoError(t, modify(directory.Versions{1}, `{"op":"replace","path":"displayName","value":"Three"}`))
	_, err := f.dir.DeleteGroup(t.Context(), f.tenant, f.by(), id, other)
	require.ErrorIs(t, err, directory.ErrVersion)
	_, err = f.dir.ReplaceGroup(t.Context(), f.tenant, f.by(), id, other, f.decodeGroup(`{"displayName":"Four"}`))
	require.ErrorIs(t, err, directory.ErrVersion)
	_, err = f.dir.DeleteGroup(t.Context(), f.tenant, f.by(), id, directory.Versions{1, 2})
	require.NoError(t, err)
}

// A user who returns with another externalId gets a warning that says what became of the
// groups.
func TestRehire_SaysWhatBecameOfTheGroups(t *testing.T) {
	for _, c := range []struct {
		policy  tenant.Rehire
		deleted bool
		groups  int
		want    string
	}{
		{tenant.RehireKeep, false, 2, "The externalId differs from the one that the user had; the user stays in its groups."},
		{tenant.RehireKeep, true, 2, "The externalId differs from the one that the user had."},
		{tenant.RehireWarn, false, 0, "The externalId differs from the one that the user had; the user leaves its groups."},
		{tenant.RehireWarn, false, 2, "The externalId differs from the one that the user had; the user leaves its groups. Groups left: 2."},
		{tenant.RehireWarn, false, directory.MaxRehired, fmt.Sprintf("The externalId differs from the one that the user had; the user leaves its groups. Groups left: %d.", directory.MaxRehired)},
		{tenant.RehireWarn, false, directory.MaxRehired + 2, fmt.Sprintf("The externalId differs from the one that the user had; the user leaves its groups. Groups left: %d and more.", directory.MaxRehired+1)},
		{tenant.RehireWarn, true, 2, "The externalId differs from the one that the user had."},
	} {
		for _, by := range []string{"POST", "PUT"} {
			if by == "PUT" && c.deleted {
				continue
			}
			f := newFixture(t, enginetest.Memory, 50, 50)
			f.settings.Rehire = c.policy
			u := f.mustPost(user(`"userName":"ann@x","externalId":"e1","active":false`))
			for i := range c.groups {
				f.mustPostGroup(group(fmt.Sprint("G", i), u.ID))
			}
			if c.deleted {
				f.mustRemove(u.ID)
			}
			body := user(`"userName":"ann@x","externalId":"e2","active":true`)
			result, err := f.post(body)
			if by == "PUT" {
				f = newFixture(t, enginetest.Memory, 50, 50)
				f.settings.Rehire = c.policy
				u = f.mustPost(user(`"userName":"ann@x","externalId":"e1","active":false`))
				for i := range c.groups {
					f.mustPostGroup(group(fmt.Sprint("G", i), u.ID))
				}
				result, err = f.put(u.ID, body, nil)
			}
			require.NoError(t, err)
			assert.Equal(t, cause.ExternalIDChanged, result.Warning, "%+v", c)
			assert.Equal(t, c.want, result.Detail, "%+v by %s", c, by)
			entries := f.entries()
			e := entries[slices.IndexFunc(entries, func(e journal.Entry) bool { return e.ID == "" })] // others are of the task
			assert.Equal(t, []any{cause.ExternalIDChanged, c.want, journal.Warning}, []any{e.Cause, e.Detail, e.Outcome}, "%+v", c)
			in, err := f.dir.GroupsOf(t.Context(), f.tenant, u.ID)
			require.NoError(t, err)
			left := c.groups
			if c.deleted || c.policy == tenant.RehireWarn {
				left = 0
			}
			assert.Len(t, in, left, "%+v", c)
		}
	}
}

// crowded is a store whose ledger says that there are many users.
type crowded struct{ *store.Store }

func (crowded) Ledger(context.Context, tenant.ID) (directory.Ledger, error) {
	return directory.Ledger{Users: 1_000_000, Groups: 1_000_000}, nil
}

// The documented limits are those that apply: exactly as many are accepted.
func TestLimits_AreExact(t *testing.T) {
	f := newFixture(t, enginetest.Memory, 50, 50)
	d := f.onStore(crowded{f.store})
	_, err := d.Search(t.Context(), f.tenant, f.by(), directory.Query{StartIndex: directory.MaxWalk + 1, Count: 1})
	require.NoError(t, err)
	_, err = d.Search(t.Context(), f.tenant, f.by(), directory.Query{StartIndex: directory.MaxWalk + 2, Count: 1})
	require.Equal(t, &directory.TooManyError{Sought: "startIndex", Limit: directory.MaxWalk}, err)

	u := f.mustPost(user(`"userName":"ann@x"`)).ID
	id := f.mustPostGroup(group("Staff", u))
	strangers := make([]string, directory.MaxMembers+1)
	for i := range strangers {
		strangers[i] = newID()
	}
	tooMany := &directory.MembersError{Limit: directory.MaxMembers}
	for n, want := range map[int]error{directory.MaxMembers: nil, directory.MaxMembers + 1: tooMany} {
		r, err := f.patchGroup(id, add(strangers[:n]...))
		require.Equal(t, want, err, "%d join", n)
		if want == nil {
			require.Len(t, r.Skipped, n)
			_, err = f.patchGroup(id, add(append(strangers[:n:n], u)...))
			require.NoError(t, err, "a member who is there does not count")
		}
		_, err = f.putGroup(id, group("Staff", append(strangers[:n-1:n-1], u)...))
		require.NoError(t, err, "a PUT with %d, of whom one is there", n)
		r, err = f.postGroup(group(fmt.Sprint("Of ", n), strangers[:n]...))
		require.Equal(t, want, err, "a group of %d", n)
		if want == nil {
			require.Len(t, r.Skipped, n)
			require.Empty(t, r.Members)
		}
		_, err = f.patchGroup(id, replace(strangers[:n]...))
		var unknown *directory.UnknownMembersError
		if want == nil {
			require.ErrorAs(t, err, &unknown)
			require.True(t, unknown.Whole)
			require.Len(t, unknown.IDs, n)
		} else {
			require.Equal(t, want, err, "a new set of %d", n)
		}
	}
	require.Equal(t, []string{u}, f.members(id))
}

// everybody is a store in which each id is that of a live user.
type everybody struct{ *store.Store }

func (everybody) Joined(_ context.Context, _ tenant.ID, _ string, _ int64, users []string) (member, live map[string]bool, err error) {
	live = map[string]bool{}
	for _, id := range users {
		live[id] = true
	}
	return nil, live, nil
}

// A set of more members than a request may send is refused with the limit, even if one of
// them is there already.
func TestReplaceMembers_RefusesASetOfTooMany(t *testing.T) {
	f := newFixture(t, enginetest.Memory, 50, 50)
	ids := f.people(1)
	id := f.mustPostGroup(group("Staff", ids...))
	for range directory.MaxMembers {
		ids = append(ids, newID())
	}
	_, err := f.patchBy(f.onStore(everybody{f.store}), id, replace(ids...))
	require.Equal(t, &directory.MembersError{Limit: directory.MaxMembers}, err)
}

// An id has 1 to 64 letters, digits, hyphens and underscores.
func TestValidID_IsWhatAnIDMayBe(t *testing.T) {
	const chars = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for c := range 256 {
		id := "x" + string([]byte{byte(c)}) + "y"
		require.Equal(t, strings.IndexByte(chars, byte(c)) >= 0, directory.ValidID(id), "%q", id)
	}
	for n, want := range map[int]bool{0: false, 1: true, 64: true, 65: false} {
		require.Equal(t, want, directory.ValidID(strings.Repeat("x", n)), "%d characters", n)
	}
}

// The longest name that a record can hold is found; a longer one is not looked up.
func TestSearch_FindsTheLongestName(t *testing.T) {
	raw := enginetest.Memory(t)
	f := newFixtureFor(t, raw, "acme", 50)
	longest := strings.Repeat("n", directory.MaxClaim)
	id := f.mustPost(user(`"userName":"` + longest + `"`)).ID
	found, err := f.search(`userName eq "`+longest+`"`, 1, 10)
	require.NoError(t, err)
	require.Len(t, found.Records, 1)
	require.Equal(t, id, found.Records[0].ID)
	count := newBreaking(raw, -1)
	f.dir = f.on(count)
	found, err = f.search(`userName eq "`+longest+`n"`, 1, 10)
	require.NoError(t, err)
	require.Empty(t, found.Records)
	require.Zero(t, count.Made(), "calls of the table")
}

// A tenant refuses the tolerances that it has chosen to refuse, and no others.
func TestCheckNotices_RefusesByKind(t *testing.T) {
	for kind, by := range map[string]struct{ unknown, dialects bool }{
		scim.NoticeUnknownAttribute: {true, false}, scim.NoticeAmbiguous: {true, false}, scim.NoticeUnknownPath: {true, true},
		scim.NoticeStringBoolean: {false, true}, scim.NoticeFilterSpaces: {false, true},
	} {
		for n := range 4 {
			settings := tenant.DefaultSettings()
			unknown, dialects := n%2 == 1, n > 1
			if unknown {
				settings.UnknownAttributes = tenant.UnknownRefuse
			}
			if dialects {
				settings.Dialects = tenant.DialectsRefuse
			}
			err := directory.CheckNotices(settings, []scim.Notice{{Kind: kind, Attribute: "title"}})
			require.Equal(t, unknown && by.unknown || dialects && by.dialects, err != nil, "%s, unknown %t, dialects %t: %v", kind, unknown, dialects, err)
		}
	}
	require.NoError(t, directory.CheckNotices(tenant.Settings{UnknownAttributes: tenant.UnknownRefuse, Dialects: tenant.DialectsRefuse}, nil))
}

// vast is a store in which a group has many members, and a user is in many groups.
type vast struct {
	*store.Store
	members, groups int
}

func (v vast) Members(_ context.Context, _ tenant.ID, _ string, _ int64, after string, limit int) (directory.Page[string], error) {
	from := 0
	if after != "" {
		_, _ = fmt.Sscanf(after, "u%d", &from)
		from++
	}
	to := min(from+min(limit, 50_000), v.members)
	page := directory.Page[string]{More: to < v.members}
	for i := from; i < to; i++ {
		page.Records = append(page.Records, fmt.Sprintf("u%07d", i))
	}
	return page, nil
}

func (v vast) MembershipsOf(_ context.Context, _ tenant.ID, _ string, limit int) ([]directory.UserMembership, error) {
	memberships := make([]directory.UserMembership, min(v.groups, limit))
	for i := range memberships {
		memberships[i] = directory.UserMembership{Group: fmt.Sprintf("g%07d", i), Epoch: 1}
	}
	return memberships, nil
}

func (v vast) MembershipsOfUsers(ctx context.Context, t tenant.ID, users []string, limit int) (map[string][]directory.UserMembership, error) {
	of := map[string][]directory.UserMembership{}
	for _, user := range users {
		of[user], _ = v.MembershipsOf(ctx, t, user, limit)
	}
	return of, nil
}

// As many members and groups are read as documented, and one more is an error that says so: a
// part would look like all.
func TestLimits_OfMembersAndGroupsRead(t *testing.T) {
	f := newFixture(t, enginetest.Memory, 50, 50)
	u := f.mustPost(user(`"userName":"ann@x"`))
	id := f.mustPostGroup(group("Staff", u.ID))
	over := func(members, groups int) *directory.Directory {
		return f.onStore(vast{f.store, members, groups})
	}
	for more := range 2 {
		check := func(name string, limit int, err error) {
			t.Helper()
			if more == 0 {
				require.NoError(t, err, name)
				return
			}
			var tooMany *directory.TooManyError
			require.ErrorAs(t, err, &tooMany, name)
			require.Equal(t, limit, tooMany.Limit, name)
		}
		for _, limit := range []int{1, 7, directory.MaxMembersRead} {
			_, members, err := over(limit+more, 0).Members(t.Context(), f.tenant, id, limit)
			check("members", limit, err)
			require.Len(t, members, limit*(1-more))
		}
		compiled, err := match.CompileFilter(f.types, `groups.value eq "`+id+`"`)
		require.NoError(t, err)
		found, err := over(directory.MaxMembersRead+more, 0).Search(t.Context(), f.tenant, f.by(), directory.Query{Filter: compiled, StartIndex: 1, Count: 0})
		check("users of a group", directory.MaxMembersRead, err)
		require.Equal(t, directory.MaxMembersRead*(1-more), found.Total)
		if more > 0 {
			_, err = f.patchBy(over(directory.MaxMembersRead+1, 0), id, `{"op":"remove","path":"members[not (value eq \"`+u.ID+`\")]"}`)
			check("members that a filter in a path compares", directory.MaxMembersRead, err)
		}
		d := over(1, directory.MaxGroupsRead+more)
		_, err = d.GroupsOf(t.Context(), f.tenant, u.ID)
		check("groups of a user", directory.MaxGroupsRead, err)
		_, _, err = d.UserAndGroups(t.Context(), f.tenant, u.ID)
		check("a user and its groups", directory.MaxGroupsRead, err)
		_, err = over(1, 1000+more).GroupsOfUsers(t.Context(), f.tenant, []*directory.User{u})
		check("groups of users", 1000, err)
	}
}

// A group whose set is replaced often leaves nothing of the former sets, nor does its deletion.
func TestNewSets_LeaveNothing(t *testing.T) {
	f := newFixture(t, enginetest.Memory, 50, 50)
	people := f.people(70)
	id := f.mustPostGroup(group("Staff", people[:35]...))
	for i := range 12 {
		set := people[35*(i%2):][:35]
		f.mustPatchGroup(id, replace(set...))
		require.Equal(t, slices.Sorted(slices.Values(set)), f.members(id))
		f.check(0)
	}
	_, err := f.dir.DeleteGroup(t.Context(), f.tenant, f.by(), id, nil)
	require.NoError(t, err)
	f.check(0)
	for _, person := range []string{people[0], people[69]} {
		memberships, err := f.store.MembershipsOf(t.Context(), f.tenant, person, 100)
		require.NoError(t, err)
		require.Empty(t, memberships)
	}
}

// Answers show the members of a group up to MaxShown, whatever they were before.
func TestModifyGroup_ShowsUpToMaxShown(t *testing.T) {
	f := newFixture(t, enginetest.Memory, 50, 50)
	f.shows = true
	people := f.people(directory.MaxShown + 2)
	slices.Sort(people)
	id := f.mustPostGroup(group("Staff", people[0]))
	for _, n := range []int{1, 2, directory.MaxShown - 1, directory.MaxShown, directory.MaxShown + 1, directory.MaxShown + 2} {
		for _, body := range []string{add(people[:n]...), replace(people[:n]...)} {
			r := f.mustPatchGroup(id, body)
			require.Equal(t, n <= directory.MaxShown, r.Shown, "%d members", n)
			if r.Shown {
				require.Equal(t, people[:n], r.Members)
			} else {
				require.Empty(t, r.Members)
			}
		}
	}
	// A group that shrinks to so few may be answered without its members, and never with others.
	r := f.mustPatchGroup(id, remove(people[2:]...))
	require.True(t, !r.Shown || slices.Equal(people[:2], r.Members), "%q", r.Members)
	r = f.mustPatchGroup(id, remove(people[1]))
	require.Equal(t, people[:1], r.Members)
}

// A search by key works however many records there are, and reads no more than it finds.
func TestSearch_ByKeyReadsWhatItFinds(t *testing.T) {
	s := newShelf(t)
	keyed := 0
	for _, l := range listings() {
		want := s.plain(l)
		if !s.hasKey(l) || l.of == "both" || strings.Contains(l.filter, " and ") {
			continue
		}
		keyed++
		got, err := s.ask(s.over(s.raw, max(len(want), 1)), s.by(), l, 1, 100, nil)
		require.NoError(t, err, "%s", l)
		require.Equal(t, want, append([]string{}, got.ids...), "%s", l)
		count := newBreaking(s.raw, -1)
		_, err = s.ask(s.over(count, 0), s.by(), l, 1, 100, nil)
		require.NoError(t, err)
		assert.LessOrEqual(t, count.Made(), int64(7), "%s: calls of the table", l)
	}
	require.Greater(t, keyed, 40)
}

// A page of wanted users has all of them once, whatever its size and wherever it ends; the
// deleted ones come alone where only they are wanted.
func TestAppUsers_PagesOfWantedUsers(t *testing.T) {
	f := newFixture(t, enginetest.Memory, 50, 50)
	var wanted, deleted []string
	for i := range 12 {
		id := f.mustPost(user(fmt.Sprintf(`"userName":"u%d"`, i))).ID
		switch i % 4 {
		case 1:
			f.mustModifyInApp(id, directory.AppChange{Active: ptr(false)})
			wanted = append(wanted, id)
		case 2:
			f.mustRemove(id)
			deleted = append(deleted, id)
		}
	}
	for name, tt := range map[string]struct {
		query directory.AppQuery
		want  []string
	}{
		"inactive":             {directory.AppQuery{Wanted: func(u *directory.User) bool { return !u.Active && !u.Deleted }}, wanted},
		"inactive and deleted": {directory.AppQuery{Deleted: true, Wanted: func(u *directory.User) bool { return !u.Active || u.Deleted }}, slices.Concat(wanted, deleted)},
		"deleted":              {directory.AppQuery{OnlyDeleted: true, Wanted: func(u *directory.User) bool { return u.Deleted }}, deleted},
		"nobody":               {directory.AppQuery{Deleted: true, Wanted: func(*directory.User) bool { return false }}, nil},
	} {
		for limit := 1; limit <= 7; limit++ {
			var got []string
			q := tt.query
			q.Limit = limit
			for pages := 1; ; pages++ {
				page, err := f.dir.AppUsers(t.Context(), f.tenant, q)
				require.NoError(t, err)
				require.LessOrEqual(t, len(page.Users), limit)
				for _, u := range page.Users {
					got = append(got, u.ID)
				}
				if q.After = page.Next; page.Next == "" {
					break
				}
				require.Less(t, pages, 20, "limit %d: a walk without end", limit)
			}
			assert.Equal(t, tt.want, got, "%s, limit %d", name, limit)
		}
	}
}

// A page of rare users ends after a bounded number of reads, and its Next continues.
func TestAppUsers_ReadsABoundedNumberForAPage(t *testing.T) {
	engine := enginetest.Memory(t)
	f := newFixtureOn(t, engine, 2000, 50)
	metered := f.on(meter.New(engine))
	last := ""
	for i := range 1201 {
		last = f.mustCreateInApp(directory.AppUser{UserName: fmt.Sprintf("u%d", i)}).ID
	}
	ctx, usage := table.WithUsage(t.Context())
	q := directory.AppQuery{Limit: 50, Wanted: func(u *directory.User) bool { return u.ID == last }}
	page, err := metered.AppUsers(ctx, f.tenant, q)
	require.NoError(t, err)
	assert.Empty(t, page.Users)
	assert.NotEmpty(t, page.Next)
	assert.EqualValues(t, 5, usage.Counts().RoundTrips)
	q.After = page.Next
	page, err = f.dir.AppUsers(ctx, f.tenant, q)
	require.NoError(t, err)
	require.Len(t, page.Users, 1)
	assert.Empty(t, page.Next)
}

// The pages of a group's members have each member once, and take two round trips each.
func TestMemberPage_PagesOfAnySize(t *testing.T) {
	engine := enginetest.Memory(t)
	f := newFixtureOn(t, engine, 50, 50)
	metered := f.on(meter.New(engine))
	var ids []string
	for i := range 7 {
		ids = append(ids, f.mustPost(user(fmt.Sprintf(`"userName":"u%d"`, i))).ID)
	}
	g := f.mustPostGroup(group("Sales", ids...))
	slices.Sort(ids)
	for limit := 1; limit <= 8; limit++ {
		var got []string
		for after := ""; ; {
			ctx, usage := table.WithUsage(t.Context())
			found, page, err := metered.MemberPage(ctx, f.tenant, g, after, limit)
			require.NoError(t, err)
			assert.Equal(t, g, found.ID)
			assert.LessOrEqual(t, len(page.Records), limit)
			assert.EqualValues(t, 2, usage.Counts().RoundTrips)
			got = append(got, page.Records...)
			if !page.More {
				break
			}
			after = page.Last
		}
		assert.Equal(t, ids, got, "limit %d", limit)
	}
	_, _, err := f.dir.MemberPage(t.Context(), f.tenant, newID(), "", 5)
	assert.ErrorIs(t, err, directory.ErrNoGroup)
}
