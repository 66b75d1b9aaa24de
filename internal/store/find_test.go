package store

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/provlog"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

func testMemory(t *testing.T) table.Table {
	t.Helper()
	return enginetest.Memory(t)
}

// findable is a tenant with records that are found by what they hold.
func findable(t *testing.T) *fixture {
	t.Helper()
	f := newFixture(t, testMemory(t), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	for _, id := range []string{"u1", "u2"} {
		u := person(id)
		u.Held = directory.Claims{
			directory.UserName: "name of " + id, directory.Email: id + "@example.com", directory.ExternalID: directory.HashExternalID("ext " + id),
		}
		u.Linked = id == "u1"
		f.create(u)
	}
	f.remove("u2")
	for _, id := range []string{"g1"} {
		g := &directory.Group{
			ID: id, Doc: []byte(`{"displayName":"Group"}`), Version: 1, Revision: 1, Epoch: 1, Epochs: 1, Created: f.now(), Modified: f.now(),
			Held: directory.Claims{directory.GroupName: "group", directory.GroupExternalID: directory.HashExternalID("ext g1")},
		}
		f.must(f.store.CreateGroup(t.Context(), f.tenant, directory.GroupCreation{
			Group: g, Logged: directory.Logged{Entry: journal.Entry{RequestID: f.newID(), Time: f.now(), ResourceType: journal.TypeGroup, ResourceID: id}, Expires: f.now().Add(time.Hour)},
		}))
	}
	return f
}

// A text of an administrator finds the records whose id, name, email or externalId it is, also
// the deleted ones, each with its newest log entries.
func TestFindRecords_ByEachIdentifier(t *testing.T) {
	f := findable(t)
	for text, want := range map[string][]string{
		"u1": {"User u1"}, "u2": {"User u2"}, "g1": {"Group g1"}, "NAME of u1": {"User u1"}, "name of u2": {"User u2"}, "Group": {"Group g1"},
		"U1@example.com": {"User u1"}, "u2@example.com": {"User u2"}, "ext u1": {"User u1"}, "ext u2": {"User u2"}, "ext g1": {"Group g1"}, "EXT u1": nil,
		"nobody": nil, "": nil, " ": nil, "no such/id": nil, strings.Repeat("x", 1025): nil, strings.Repeat("x", 1024): nil,
	} {
		records, err := f.store.FindRecords(t.Context(), f.tenant, text)
		require.NoError(t, err, "%.40q", text)
		var got []string
		for _, r := range records {
			got = append(got, r.Type+" "+r.ID)
			require.NotEmpty(t, r.History, "%s has its log entries", r.ID)
		}
		slices.Sort(got)
		require.Equal(t, want, got, "%.40q", text)
	}
}

// A failing subject is found again by its id, its name or its externalId, among the live
// records of its type.
func TestLiveRecords_ByEachIdentifier(t *testing.T) {
	f := findable(t)
	user := provlog.LiveRecord{ID: "u1", Modified: person("u1").Modified, Linked: true}
	group := provlog.LiveRecord{ID: "g1", Modified: f.now(), Linked: true}
	long := strings.Repeat("x", 1024)
	subjects := []journal.Subject{
		{Type: journal.TypeUser, ID: "u1"},
		{Type: journal.TypeUser, Name: "Name of U1"},
		{Type: journal.TypeUser, ExternalID: "ext u1"},
		{Type: journal.TypeUser, ID: "u1", Name: "name of u1", ExternalID: "ext u1"},
		{Type: journal.TypeGroup, ID: "g1"},
		{Type: journal.TypeGroup, Name: "GROUP"},
		{Type: journal.TypeGroup, ExternalID: "ext g1"},
		{Type: journal.TypeUser, ID: "u2"},
		{Type: journal.TypeUser, Name: "name of u2"},
		{Type: journal.TypeUser, ID: "g1", Name: "group", ExternalID: "ext g1"},
		{Type: journal.TypeGroup, ID: "u1", Name: "name of u1", ExternalID: "ext u1"},
		{Type: journal.TypeUser, Name: long},
		{Type: journal.TypeUser, Name: long + "x"},
		{Type: journal.TypeUser},
	}
	got, err := f.store.LiveRecords(t.Context(), f.tenant, subjects)
	f.must(err)
	users, groups := []provlog.LiveRecord{user}, []provlog.LiveRecord{group}
	want := [][]provlog.LiveRecord{users, users, users, {user, user, user}, groups, groups, groups, nil, nil, nil, nil, nil, nil, nil}
	require.Equal(t, len(want), len(got))
	for i := range want {
		for j := range got[i] {
			got[i][j].Modified = got[i][j].Modified.UTC()
		}
		require.Equal(t, len(want[i]), len(got[i]), "%+v: %+v", subjects[i], got[i])
		for j := range want[i] {
			require.Equal(t, want[i][j].ID, got[i][j].ID)
			require.Equal(t, want[i][j].Linked, got[i][j].Linked)
			require.False(t, got[i][j].Modified.IsZero())
		}
	}
}

// Any key of a log entry is found again by its link; that of a request takes 22 bytes.
func TestLinks_NameTheirEntries(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var h journal.History
		for range rapid.IntRange(0, journal.MaxHistory).Draw(t, "entries") {
			key := rapid.OneOf(
				rapid.Custom(func(t *rapid.T) string {
					return uuid.Must(uuid.FromBytes(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))).String()
				}),
				// A key that is no UUID has not the length of a link.
				rapid.StringMatching(`[a-z0-9-]{1,40}`).Filter(func(s string) bool { return len(s) != 22 }),
				rapid.Just("019A0000-0000-7000-8000-000000000000"),
			).Draw(t, "key")
			l := link(key)
			require.Equal(t, key, linked(l))
			if id, err := uuid.Parse(key); err == nil && id.String() == key {
				require.Len(t, l, 22)
			}
			h = append(h, key)
		}
		require.Equal(t, len(h), len(splitLinks(joinLinks(h))))
		for i, key := range splitLinks(joinLinks(h)) {
			require.Equal(t, h[i], key)
		}
	})
}

// Numbers in keys are decimal: keys are stored, and never change.
func TestKeys_HaveDecimalNumbers(t *testing.T) {
	acme := mustID(t, "acme")
	require.Equal(t, table.Key{Partition: "T#acme#G#g#1234567890", Sort: "u"}, membershipKey(acme, "g", 1234567890, "u"))
	require.Equal(t, table.Key{Partition: "T#acme#U#u", Sort: "g#1234567890"}, userMembershipKey(acme, "u", "g", 1234567890))
	require.Equal(t, "r#1234567890", logKey(acme, "r", 1234567890).Sort)
	require.True(t, strings.HasSuffix(markKey(acme, "k", "", "", 1234567890).Sort, "#1234567890"))
	m, ok := decodeUserMembership("g#1234567890")
	require.True(t, ok)
	require.Equal(t, directory.UserMembership{Group: "g", Epoch: 1234567890}, m)
}
