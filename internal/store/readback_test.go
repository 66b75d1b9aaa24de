package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/idp"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/provlog"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// A deleted user that loses a value has another version, so that a restore that read it
// before decides again, and no longer holds the value.
func TestCommit_TransferChangesTheLoser(t *testing.T) {
	f := newFixture(t, enginetest.Memory(t), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	f.create(person("u1"))
	f.remove("u1")
	gone := f.changed("u1", func(*directory.User) {}).Before
	u := person("u2")
	u.Held = directory.Claims{directory.UserName: "u1"}
	f.must(f.commitUser(f.store, directory.Change{After: u, Transfers: []directory.Transfer{
		{Kind: directory.UserName, From: gone, Value: "u1"}, {Kind: directory.Email, From: gone, Value: "u1@example.com"},
	}}))
	records, err := f.store.Records(t.Context(), f.tenant, []string{"u1", "u2"})
	f.must(err)
	require.Equal(t, gone.Version+1, records["u1"].Version)
	require.Equal(t, directory.Claims{directory.ExternalID: "hash of u1"}, records["u1"].Held)
	holders, err := f.store.Holders(t.Context(), f.tenant, directory.Claims{directory.UserName: "u1", directory.ExternalID: "hash of u1"})
	f.must(err)
	require.Equal(t, map[directory.Kind]string{directory.UserName: "u2", directory.ExternalID: "u1"}, holders)
}

// A failing subject is read with all that its last failure recorded, and with the time of
// its first one.
func TestFailingPage_HasTheLastFailure(t *testing.T) {
	f := newFixture(t, enginetest.Memory(t), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	first := f.now()
	dora := journal.Subject{Type: journal.TypeUser, Name: "dora", ExternalID: "x1"}
	for _, request := range []string{"r1", "r2", "r3"} {
		e := journal.Entry{
			RequestID: request, Time: f.now(), IdP: idp.Okta, Operation: journal.Replace, Outcome: journal.Failure, Cause: cause.SeatLimit,
			ResourceType: journal.TypeUser, Subject: "dora", ExternalID: "x1", Detail: "No seat.", Remedy: cause.SkippedMembers, About: dora,
		}
		f.must(f.store.Record(t.Context(), f.tenant, journal.Record{
			Entry: &e, Expires: first.Add(24 * time.Hour), Fails: dora, Failed: request != "r1",
			Asked: journal.Asked{journal.AskedUserName: "d&=ora " + request, journal.AskedEmail: ""},
		}))
		f.pass(time.Minute)
	}
	page, err := f.store.FailingPage(t.Context(), f.tenant, "", 10)
	f.must(err)
	require.Len(t, page.Items, 1)
	got := page.Items[0]
	require.True(t, first.Equal(got.First))
	require.True(t, first.Add(2*time.Minute).Equal(got.Last))
	got.First, got.Last = time.Time{}, time.Time{}
	require.Equal(t, journal.Failing{
		Subject: dora, Operation: journal.Replace, IdP: idp.Okta, Cause: cause.SeatLimit, Detail: "No seat.", Remedy: cause.SkippedMembers,
		Count: 3, RequestID: "r3", Asked: journal.Asked{journal.AskedUserName: "d&=ora r3", journal.AskedEmail: ""},
	}, got)
	byID, err := f.store.FailingOf(t.Context(), f.tenant, []journal.Subject{dora, {Type: journal.TypeUser, ID: "u1"}})
	f.must(err)
	require.Len(t, byID, 1)
}

// Ids in the log are shown by the names and states of users, deleted ones too.
func TestWhoAre_NamesUsers(t *testing.T) {
	f := newFixture(t, enginetest.Memory(t), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	for _, id := range []string{"u1", "u2", "u3"} {
		f.create(person(id))
	}
	f.remove("u2")
	c := f.changed("u3", func(u *directory.User) { u.Active = false })
	f.must(f.commitUser(f.store, c))
	f.group("g1", "u1")
	known, err := f.store.WhoAre(t.Context(), f.tenant, []string{"u1", "u2", "u3", "u1", "g1", "nobody", ""})
	f.must(err)
	require.Equal(t, map[string]provlog.Who{
		"u1": {Subject: "u1", State: "active"}, "u2": {Subject: "u2", State: "deleted"}, "u3": {Subject: "u3", State: "inactive"},
	}, known)
}

// A request with a token gets the tenant's settings, keys and counts with it; a token of
// another tenant, or of none, is unknown.
func TestAccess_ReadsTenantAndToken(t *testing.T) {
	f := newFixture(t, enginetest.Memory(t), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	f.create(person("u1"))
	record := access.Record{ID: "k1", Hash: "h", LastFour: "abcd", Label: "Okta", Created: f.now()}
	f.must(f.store.SaveToken(t.Context(), f.tenant, record))
	used := f.now().Add(time.Minute)
	f.must(f.store.Used(t.Context(), f.tenant, "k1", time.Time{}, used))

	owner, got, ok, err := f.store.Access(t.Context(), f.tenant, "k1")
	f.must(err)
	require.True(t, ok)
	ledger, err := f.store.Ledger(t.Context(), f.tenant)
	f.must(err)
	require.True(t, owner.Counted)
	require.Equal(t, []int64{1, ledger.SeatLimit}, []int64{owner.Seats, owner.SeatLimit})
	require.Equal(t, tenant.DefaultSettings(), owner.Settings)
	require.Len(t, owner.CursorKey, 32)
	require.True(t, used.Equal(got.LastUsed))
	require.True(t, f.now().Equal(got.Created))
	got.LastUsed, got.Created, record.Created = time.Time{}, time.Time{}, time.Time{}
	require.Equal(t, record, got)

	other := f.of("beta")
	for _, c := range []struct {
		of tenant.ID
		id string
	}{{other.tenant, "k1"}, {f.tenant, "k2"}, {mustID(t, "nobody"), "k1"}} {
		_, _, ok, err := f.store.Access(t.Context(), c.of, c.id)
		f.must(err)
		require.False(t, ok, "%s of %s", c.id, c.of)
	}
}

// A tenant that is being deleted is disabled, for good and for SCIM, from the first moment.
func TestEndTenant_DisablesTheTenant(t *testing.T) {
	f := newFixture(t, enginetest.Memory(t), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	before, ok, err := f.store.Tenant(t.Context(), f.tenant)
	f.must(err)
	require.True(t, ok)
	f.must(f.store.EndTenant(t.Context(), before, f.now()))
	after, ok, err := f.store.Tenant(t.Context(), f.tenant)
	f.must(err)
	require.True(t, ok, "until everything is deleted")
	want := before.Settings
	want.Ending, want.SCIMDisabled = true, true
	require.Equal(t, want, after.Settings)
	require.ErrorIs(t, f.store.ChangeTenant(t.Context(), before, before, f.now()), tenant.ErrChanged)
}

// A token is read with the time of its last use.
func TestToken_HasItsLastUse(t *testing.T) {
	f := newFixture(t, enginetest.Memory(t), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	f.must(f.store.SaveToken(t.Context(), f.tenant, access.Record{ID: "k1", Hash: "h", LastFour: "abcd", Created: f.now()}))
	f.must(f.store.Used(t.Context(), f.tenant, "k1", time.Time{}, f.now()))
	one, ok, err := f.store.Token(t.Context(), f.tenant, "k1")
	f.must(err)
	require.True(t, ok)
	require.True(t, f.now().Equal(one.LastUsed))
	all, err := f.store.Tokens(t.Context(), f.tenant)
	f.must(err)
	require.Equal(t, []access.Record{one}, all)
}
