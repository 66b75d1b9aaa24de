package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/idp"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/provlog"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/tabletest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

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

// pageReadings are the readings that return what one page of the table has: their caller asks
// for the next.
var pageReadings = []string{
	"Users", "DeletedUsers", "Groups", "Members", "DeletedGroups", "Tenants", "EntryPage", "FailurePage", "SubjectPages", "FailingPage", "NamesLike",
	"MembershipsOf", "MembershipsOfUsers", "Sweep", "SweepTenant",
}

// What is read does not depend on how many items a page of the table has.
func TestStore_ReadsAllPages(t *testing.T) {
	f := newFixture(t, testMemory(t), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	full(f)
	compared := 0
	for _, r := range readings() {
		if slices.Contains(pageReadings, r.name) {
			continue
		}
		want, err := r.read(t.Context(), f.store, f.tenant)
		f.must(err)
		for most := 1; most <= 2; most++ {
			got, err := r.read(t.Context(), f.on(smallPages{f.table, most}), f.tenant)
			f.must(err)
			require.Equal(t, want, got, "%s in pages of %d", r.name, most)
		}
		compared++
	}
	require.Greater(t, compared, 20)
	s := f.on(smallPages{f.table, 1})
	for user, want := range map[string]int{"a": 2, "b": 1, "c": 0} {
		for limit := 1; limit <= 3; limit++ {
			memberships, err := s.MembershipsOf(t.Context(), f.tenant, user, limit)
			f.must(err)
			require.Len(t, memberships, min(want, limit), "%s, at most %d", user, limit)
		}
		of, err := s.MembershipsOfUsers(t.Context(), f.tenant, []string{"a", "b", "c"}, 5)
		f.must(err)
		require.Len(t, of[user], want)
	}
}

// A sweep finishes everything, however many items a page of the table has.
func TestSweep_ReadsAllPages(t *testing.T) {
	for most := 1; most <= 3; most++ {
		f := newFixture(t, testMemory(t), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
		m := f.mess()
		f.pass(time.Hour)
		_, err := m.on(smallPages{f.table, most}).SweepNow(t.Context(), f.tenant)
		f.must(err)
		m.wantTidy()

		f = newFixture(t, testMemory(t), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
		other := f.of("beta")
		f.mess()
		full(other)
		w := newWitness(f.table)
		f.end()
		f.pass(time.Hour)
		_, err = f.on(smallPages{w, most}).SweepNow(t.Context(), f.tenant)
		f.must(err)
		for _, name := range append(recordPartitions(), "", "TASKS", "USERS", "GONE", "GROUPS", "G#changed#1", "G#staged#2", "G#emptied#1", "U#leaver") {
			require.Empty(t, f.all(partition(f.tenant, name)), "%q in pages of %d", name, most)
		}
		faults, err := other.store.Audit(t.Context(), other.tenant)
		f.must(err)
		require.Equal(t, mustAudit(t, other), faults)
		require.Empty(t, f.all(duePartition))
	}
}

func mustAudit(t *testing.T, f *fixture) []Fault {
	t.Helper()
	faults, err := f.store.Audit(t.Context(), f.tenant)
	require.NoError(t, err)
	return faults
}

// A log entry is read with all that was recorded, a failure's too.
func TestEntries_ReadBackAsWritten(t *testing.T) {
	f := newFixture(t, testMemory(t), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	whole := journal.Entry{
		RequestID: "r1", ID: "r1-late", Time: f.now(), TokenID: "k1", IdP: idp.Okta, By: journal.ByApplication, Who: "root@acme.test",
		Operation: journal.Modify, Action: journal.Updated, ResourceType: journal.TypeUser, ResourceID: "u1", Version: 7, Subject: "anna", ExternalID: "e1",
		Outcome: journal.Failure, Cause: cause.SeatLimit, ScimType: scim.InvalidValue, Detail: "No seat.", Remedy: cause.SkippedMembers,
		About: journal.Subject{Type: journal.TypeUser, ID: "u1"}, StandsFor: 3, Changed: []string{"title", "active"}, Seats: -1, Readers: 1,
		Added: []string{"a", "b"}, Removed: []string{"c"}, NewSet: true, Size: 12, Epoch: 4, Skipped: []string{"x", "y"}, Tolerances: []string{"kind:attribute"},
		SeatCounts: tenant.SeatCounts{Seats: 5, SeatLimit: 9, Read: f.now()}, IdPRequestID: "i1", BulkID: "b1", Begins: true, Kept: true, Ended: true,
		Left: []string{"g1", "g2"}, Lost: []journal.Loss{{ID: "u8", Version: 3}, {ID: "u9", Version: 12}},
	}
	one := whole
	one.RequestID, one.ID, one.StandsFor, one.SeatCounts, one.NewSet, one.Size, one.Epoch = "r2", "", 0, tenant.SeatCounts{}, false, 0, 0
	one.Begins, one.Kept, one.Ended, one.Left, one.Lost = false, false, false, nil, nil
	empty := whole
	empty.RequestID, empty.ID, empty.Size = "r3", "", 0
	two := one
	two.RequestID, two.StandsFor, two.Unnamed, two.About = "r5", 2, true, journal.Subject{}
	named := one
	named.RequestID, named.About = "r4", journal.Subject{Type: journal.TypeUser, Name: "dora", ExternalID: "e9"}
	for _, e := range []journal.Entry{whole, one, empty, named, two} {
		f.must(f.store.Record(t.Context(), f.tenant, journal.Record{Entry: &e, Expires: f.now().Add(time.Hour)}))
		read, err := f.store.Entries(t.Context(), f.tenant, []string{e.Key(), "other"})
		f.must(err)
		require.Len(t, read, 1)
		want := e
		want.Unnamed = false // only the index of failures has it
		if want.SeatCounts != (tenant.SeatCounts{}) {
			want.SeatCounts.Seats += want.Seats // as it was after the change
		}
		if want.About.ID == "" && !want.About.IsZero() {
			want.About = journal.Subject{Type: journal.TypeUser} // its name is stored as a hash
		}
		require.Equal(t, want, read[e.Key()])
	}
	for subject, keys := range map[journal.Subject][]string{
		{Type: journal.TypeUser, ID: "u1"}:         {"r3", "r2", "r1-late"},
		{Type: journal.TypeUser, Name: "DORA"}:     {"r4"},
		{Type: journal.TypeUser, ExternalID: "e9"}: {"r4"},
		{Type: journal.TypeUser, ExternalID: "e8"}: nil,
		{Type: journal.TypeGroup, Name: "dora"}:    nil,
	} {
		pages, err := f.store.SubjectPages(t.Context(), f.tenant, []journal.Subject{subject}, provlog.Span{})
		f.must(err)
		require.Equal(t, keys, pages[0].Items, "%+v", subject)
	}
	failures, err := f.store.FailurePage(t.Context(), f.tenant, provlog.Span{})
	f.must(err)
	counts := map[string]int64{}
	for _, r := range failures.Items {
		require.Equal(t, cause.SeatLimit, r.Cause)
		require.Equal(t, r.Key == "r5", r.Unnamed, r.Key)
		counts[r.Key] = r.Count
	}
	require.Equal(t, map[string]int64{"r1-late": 3, "r2": 1, "r3": 3, "r4": 1, "r5": 2}, counts)
	f.pass(2 * time.Hour)
	read, err := f.store.Entries(t.Context(), f.tenant, []string{"r2"})
	f.must(err)
	require.Empty(t, read, "it has expired")
}

// A long list in an entry is cut at a name, and says that it was cut.
func TestJoinNames_CutsAtAName(t *testing.T) {
	for _, size := range []int{1, 7, 100} {
		name := strings.Repeat("n", size)
		for n := 0; n*(size+1) < 2*maxChangedSize; n++ {
			names := slices.Repeat([]string{name}, n)
			got := splitIDs(joinNames(names))
			last := len(got) - 1
			if last >= 0 && got[last] == "…" {
				require.Less(t, last, n)
				require.Greater(t, (last+1)*(size+1), maxChangedSize-1, "%d names of %d: cut too early", n, size)
				require.Equal(t, names[:last], append([]string{}, got[:last]...))
			} else {
				require.Equal(t, names, append([]string{}, got...))
			}
			require.LessOrEqual(t, len(joinNames(names)), maxChangedSize+size+len(",…"))
		}
	}
	require.Equal(t, "…", joinNames([]string{strings.Repeat("n", maxChangedSize+1)}))
}

// A tenant whose settings cannot be read is an error wherever it is read: a default setting in
// their place might let somebody in.
func TestTenant_WithDamagedSettingsIsAnError(t *testing.T) {
	f := newFixture(t, testMemory(t), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	full(f)
	f.write(set(tenantKey(f.tenant), attrSettings, table.Text("{"))...)
	_, _, err := f.store.Tenant(t.Context(), f.tenant)
	require.Error(t, err)
	_, _, _, err = f.store.Access(t.Context(), f.tenant, "k1")
	require.Error(t, err)
}

// The list of tenants has all of them once, in pages of any size.
func TestTenants_PagesOfAnySize(t *testing.T) {
	f := newFixture(t, testMemory(t), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	want := []string{"acme"}
	for i := range 5 {
		name := fmt.Sprint("t", i)
		f.of(name)
		want = append(want, name)
	}
	for limit := 1; limit <= 8; limit++ {
		var got []string
		for after := ""; ; {
			page, next, err := f.store.Tenants(t.Context(), after, limit)
			f.must(err)
			require.LessOrEqual(t, len(page), limit)
			for _, one := range page {
				got = append(got, one.ID.String())
			}
			if after = next; next == "" {
				break
			}
			require.LessOrEqual(t, len(got), len(want))
		}
		require.Equal(t, want, got, "pages of %d", limit)
	}
}

// The names of tenants are listed in pages of any size, and a tenant that is deleted between
// two reads is left out.
func TestTenants_WithoutThoseThatAreGone(t *testing.T) {
	f := newFixture(t, testMemory(t), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	full(f)
	f.of("beta")
	f.of("gamma")
	for limit := 1; limit <= 4; limit++ {
		var got []string
		for after := ""; ; {
			names, next, err := f.store.TenantNames(t.Context(), after, limit)
			f.must(err)
			require.LessOrEqual(t, len(names), limit)
			got = append(got, names...)
			if after = next; next == "" {
				break
			}
			require.LessOrEqual(t, len(got), 3)
		}
		require.Equal(t, []string{"acme", "beta", "gamma"}, got)
	}
	f.write(table.Delete(tenantKey(f.tenant)))
	page, _, err := f.store.Tenants(t.Context(), "", 10)
	f.must(err)
	require.Len(t, page, 2)
	_, _, ok, err := f.store.Access(t.Context(), f.tenant, "k1")
	f.must(err)
	require.False(t, ok, "a token of a tenant that is gone")
	for _, id := range []string{"k9"} {
		_, ok, err := f.store.Token(t.Context(), f.tenant, id)
		f.must(err)
		require.False(t, ok)
	}
}

// userSpoils are direct writes that damage the users of a tenant, each with the faults that
// must then be reported.
var userSpoils = map[string]struct {
	spoil func(f *fixture) []table.Op
	want  []string
}{
	"a document is no JSON": {
		func(f *fixture) []table.Op { return set(userKey(f.tenant, "u1"), attrDoc, table.Text("{")) },
		[]string{"user u1: has a document that does not decode"},
	},
	"the activity differs": {
		func(f *fixture) []table.Op { return set(userKey(f.tenant, "u1"), attrActive, table.Number(1)) },
		[]string{"user u1: is active in one place and inactive in another"},
	},
	"both live and deleted": {
		func(f *fixture) []table.Op {
			item := userItem(f.tenant, mustUser(f, "u1"))
			item.Key = goneKey(f.tenant, "u1")
			return []table.Op{table.Put(item)}
		},
		[]string{"user u1: is both live and deleted"},
	},
	"a reservation without a record": {
		func(f *fixture) []table.Op {
			return set(reservationKey(f.tenant, directory.UserName, "nobody"), attrHolder, table.Text("u1"))
		},
		[]string{"reservation of u1: names a record that does not hold it"},
	},
	"a reservation of another": {
		func(f *fixture) []table.Op {
			return set(reservationKey(f.tenant, directory.UserName, mustUser(f, "u1").Held[directory.UserName]), attrHolder, table.Text("u2"))
		},
		[]string{"reservation of u2: is held by u1"},
	},
	"no reservation": {
		func(f *fixture) []table.Op {
			return []table.Op{table.Delete(reservationKey(f.tenant, directory.UserName, mustUser(f, "u1").Held[directory.UserName]))}
		},
		[]string{"record u1: has no reservation in T#acme#NAMES#user"},
	},
	"an email in the index only": {
		func(f *fixture) []table.Op {
			return []table.Op{table.Put(table.Item{Key: mailKey(f.tenant, "nobody@x", "u1")})}
		},
		[]string{"email of user u1: is in the index and not in the document"},
	},
	"a ledger of seats": {
		func(f *fixture) []table.Op { return set(ledgerKey(f.tenant), attrSeats, table.Number(99)) },
		[]string{"ledger: counts 99 seats, there are"},
	},
	"a ledger of readers": {
		func(f *fixture) []table.Op { return set(ledgerKey(f.tenant), attrReaders, table.Number(99)) },
		[]string{"ledger: counts 99 readers, there are 0"},
	},
	"a ledger of users": {
		func(f *fixture) []table.Op { return set(ledgerKey(f.tenant), attrUsers, table.Number(99)) },
		[]string{"ledger: counts 99 users, there are"},
	},
	"a ledger of groups": {
		func(f *fixture) []table.Op { return set(ledgerKey(f.tenant), attrGroups, table.Number(99)) },
		[]string{"ledger: counts 99 groups, there are 3"},
	},
}

func mustUser(f *fixture, id string) *directory.User {
	f.t.Helper()
	u, err := f.store.User(f.t.Context(), f.tenant, id)
	f.must(err)
	require.NotNil(f.t, u)
	return u
}

func TestAudit_FindsEveryFaultOfUsers(t *testing.T) {
	for name, c := range userSpoils {
		t.Run(name, func(t *testing.T) {
			f := auditFixture(t)
			f.write(c.spoil(f)...)
			for _, s := range []*Store{f.store, f.on(smallPages{f.table, 1})} {
				faults, err := s.Audit(t.Context(), f.tenant)
				f.must(err)
				var got []string
				for _, fault := range faults {
					assert.False(t, fault.Unfinished || fault.Renewable, "%s", fault)
					got = append(got, fault.String())
				}
				for _, want := range c.want {
					assert.True(t, slices.ContainsFunc(got, func(g string) bool { return strings.HasPrefix(g, want) }), "%q has no %q", got, want)
				}
			}
		})
	}
}

// Reads and writes that cannot be made are told apart by what the caller may do then.
func TestStore_ReadsNothingForNothing(t *testing.T) {
	f := newFixture(t, tabletest.NewFailing(testMemory(t), -1, errCall), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	full(f)
	b := tabletest.NewFailing(f.table, 0, errCall)
	s := f.on(b)
	ctx := t.Context()
	for name, read := range map[string]func() (any, error){
		"LiveUsers":          func() (any, error) { return s.LiveUsers(ctx, f.tenant, nil) },
		"Records":            func() (any, error) { return s.Records(ctx, f.tenant, nil) },
		"Holders":            func() (any, error) { return s.Holders(ctx, f.tenant, nil) },
		"GroupsByID":         func() (any, error) { return s.GroupsByID(ctx, f.tenant, nil) },
		"Memberships":        func() (any, error) { return s.Memberships(ctx, f.tenant, nil) },
		"MembershipsOfUsers": func() (any, error) { return s.MembershipsOfUsers(ctx, f.tenant, nil, 5) },
		"Entries":            func() (any, error) { return s.Entries(ctx, f.tenant, nil) },
		"WhoAre":             func() (any, error) { return s.WhoAre(ctx, f.tenant, nil) },
		"User":               func() (any, error) { return s.User(ctx, f.tenant, "no such/id") },
		"Group":              func() (any, error) { return s.Group(ctx, f.tenant, "no such/id") },
		"NamesLike":          func() (any, error) { return s.NamesLike(ctx, f.tenant, "", 5) },
		"NamesLike too long": func() (any, error) { return s.NamesLike(ctx, f.tenant, strings.Repeat("n", maxSought+1), 5) },
		"DeletedGroup":       func() (any, error) { return s.DeletedGroup(ctx, f.tenant, "no such/id") },
	} {
		got, err := read()
		require.False(t, errors.Is(err, errCall), "%s: asked for nothing, it reads the table", name)
		require.NoError(t, err, name)
		require.Empty(t, got, name)
	}
	require.Zero(t, b.Made())
}

// An entry whose request failed after its change says so.
func TestRecord_AmendsAnEntry(t *testing.T) {
	f := newFixture(t, testMemory(t), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	e := f.entry(journal.Modify, journal.Updated, journal.TypeUser, "u1")
	f.must(f.store.Record(t.Context(), f.tenant, journal.Record{Entry: &e, Expires: f.now().Add(time.Hour)}))
	e.Outcome, e.Cause = journal.Warning, cause.UnknownMembers
	f.must(f.store.Record(t.Context(), f.tenant, journal.Record{Entry: &e, Amends: true}))
	read, err := f.store.Entries(t.Context(), f.tenant, []string{e.Key()})
	f.must(err)
	require.Equal(t, e, read[e.Key()])
}

// Each write of a ledger is counted, and each that may free a seat or a licence.
func TestCounts_CountWritesAndWhatTheyFree(t *testing.T) {
	for c, frees := range map[counts]bool{
		{seats: 1, users: 1}: false, {seats: -1, users: -1}: true, {readers: -1}: true, {seats: 1, readers: -1}: true, {seats: -1, readers: 1}: true,
		{users: -1}: false, {groups: -1}: false, {readers: 1}: false,
	} {
		add := c.add()
		require.Equal(t, int64(1), add[attrMoves], "%+v", c)
		require.Equal(t, frees, add[attrFrees] == 1, "%+v", c)
	}
}
