package directory_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

func version(n int64) directory.Versions {
	return directory.Versions{n}
}

func TestModify_MovesTheSeat(t *testing.T) { enginetest.Run(t, testModify_MovesTheSeat) }

func testModify_MovesTheSeat(t *testing.T, open opener) {
	f := newFixture(t, open, 1, 1)
	u := f.mustPost(user(alice))
	reader := `[{"op":"replace","path":"` + extension + `:isTeamAccount","value":"False"}]`
	member := `[{"op":"replace","value":{"` + extension + `":{"isTeamAccount":true}}}]`
	steps := []struct {
		name, patch    string
		seats, readers int64
		action         journal.Action
	}{
		{"to Reader", reader, 0, 1, journal.Updated},
		{"to Reader again", reader, 0, 1, journal.Unchanged},
		{"to User", member, 1, 0, journal.Updated},
		{"deactivated", deactivate, 0, 0, journal.Deactivated},
		{"deactivated again", deactivate, 0, 0, journal.Unchanged},
		{"Reader while inactive", reader, 0, 0, journal.Updated},
		{"activated", activate, 0, 1, journal.Reactivated},
	}
	for _, s := range steps {
		result, err := f.patch(u.ID, s.patch, nil)
		require.Truef(t, err == nil && result.Action == s.action, "%s: action %s, %v; want %s", s.name, result.Action, err, s.action)
		l := f.ledger()
		assert.Truef(t, l.Seats == s.seats && l.Readers == s.readers, "%s: ledger = %+v, want %d seats and %d readers", s.name, l, s.seats, s.readers)
	}
	f.check(0)
}

func TestModify_UnchangedIsNotWritten(t *testing.T) {
	enginetest.Run(t, testModify_UnchangedIsNotWritten)
}

func testModify_UnchangedIsNotWritten(t *testing.T, open opener) {
	f := newFixture(t, open, 1, 1)
	u := f.mustPost(user(alice + `,"displayName":"Alice"`))
	for _, p := range []string{
		`[]`, `[{"op":"replace","path":"displayName","value":"Alice"}]`, `[{"op":"remove","path":"title"}]`,
		`[{"op":"replace","path":"password","value":"n3w-Pass"}]`, activate,
	} {
		now := f.mustPatch(u.ID, p)
		assert.Truef(t, now.Version == 1 && now.Modified.Equal(u.Modified), "PATCH %s: version %d, want it unchanged", p, now.Version)
	}
	result, err := f.put(u.ID, user(alice+`,"displayName":"Alice"`), nil)
	assert.Truef(t, err == nil && result.User.Version == 1, "PUT of the same: version %d, %v; want it unchanged", result.User.Version, err)
}

func TestReplace_KeepsActiveAndTypeWhenOmitted(t *testing.T) {
	enginetest.Run(t, testReplace_KeepsActiveAndTypeWhenOmitted)
}

func testReplace_KeepsActiveAndTypeWhenOmitted(t *testing.T, open opener) {
	f := newFixture(t, open, 5, 5)
	u := f.mustPost(reader(alice + `,"nickName":"Al"`))
	f.mustPatch(u.ID, deactivate)
	result, err := f.put(u.ID, user(alice), nil)
	if err != nil || result.User.Active || result.User.Type != tenant.Reader {
		t.Errorf("PUT = %+v, %v; want it inactive and still a Reader", result.User, err)
	}
	assert.Nilf(t, object(t, result.User)["nickName"], "document = %s; want the omitted nickName cleared", result.User.Doc)
	f.check(0)
}

func TestUpdate_RenameFreesTheOldName(t *testing.T) {
	enginetest.Run(t, testUpdate_RenameFreesTheOldName)
}

func testUpdate_RenameFreesTheOldName(t *testing.T, open opener) {
	f := newFixture(t, open, 5, 5)
	u := f.mustPost(user(alice))
	f.mustPatch(u.ID, `[{"op":"replace","path":"userName","value":"anna@example.com"},
		{"op":"replace","path":"emails[type eq \"work\"].value","value":"anna@example.com"}]`)
	f.check(1)
	assert.NotEqual(t, u.ID, f.mustPost(user(`"userName":"alice@example.com"`)).ID, "the old name still finds the renamed user")
	f.check(2)
	if now := f.mustPatch(u.ID, `[{"op":"replace","path":"userName","value":"Anna@Example.com"}]`); object(t, now)["userName"] != "Anna@Example.com" {
		t.Error("a change of case only was not applied")
	}
	f.check(2)
}

// Covers: 7643-7-19
func TestUpdate_TakenValues(t *testing.T) { enginetest.Run(t, testUpdate_TakenValues) }

func testUpdate_TakenValues(t *testing.T, open opener) {
	for name, tt := range map[string]struct {
		change string
		kind   directory.Kind
	}{
		"userName":   {`[{"op":"replace","path":"userName","value":"BOB"}]`, directory.UserName},
		"email":      {`[{"op":"replace","path":"emails","value":[{"value":"bob@x"}]}]`, directory.Email},
		"externalId": {`[{"op":"replace","path":"externalId","value":"e-bob"}]`, directory.ExternalID},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, open, 5, 5)
			bob := f.mustPost(user(`"userName":"bob","externalId":"e-bob","emails":[{"value":"bob@x"}]`))
			u := f.mustPost(user(alice))
			_, err := f.patch(u.ID, tt.change, nil)
			taken(t, err, directory.TakenActive, tt.kind)

			f.mustPatch(bob.ID, deactivate)
			_, err = f.patch(u.ID, tt.change, nil)
			taken(t, err, directory.TakenInactive, tt.kind)
			f.check(1)

			f.mustRemove(bob.ID)
			assert.Equal(t, u.ID, f.mustPatch(u.ID, tt.change).ID, "the deleted holder kept the value")
			f.check(1)
		})
	}
}

func TestUpdate_TakesAllValuesOfOneDeletedHolder(t *testing.T) {
	enginetest.Run(t, testUpdate_TakesAllValuesOfOneDeletedHolder)
}

func testUpdate_TakesAllValuesOfOneDeletedHolder(t *testing.T, open opener) {
	f := newFixture(t, open, 5, 5)
	bob := f.mustPost(user(`"userName":"bob","externalId":"e-bob","emails":[{"value":"bob@x"}]`))
	u := f.mustPost(user(alice))
	f.mustRemove(bob.ID)
	f.mustPatch(u.ID, `[{"op":"replace","value":{"userName":"bob","externalId":"e-bob","emails":[{"value":"bob@x"}]}}]`)
	f.check(1)
	other := f.mustPost(user(`"userName":"alice@example.com","externalId":"e-1"`))
	assert.True(t, other.ID != u.ID && other.ID != bob.ID, "a freed name finds an old record")
	f.check(2)
}

// Covers: 7644-3.14-4
func TestUpdate_Preconditions(t *testing.T) { enginetest.Run(t, testUpdate_Preconditions) }

func testUpdate_Preconditions(t *testing.T, open opener) {
	f := newFixture(t, open, 1, 1)
	u := f.mustPost(user(alice))
	f.mustPost(user(`"userName":"off","active":false`))
	title := `[{"op":"replace","path":"title","value":"x"}]`
	if _, err := f.patch(u.ID, title, version(7)); !errors.Is(err, directory.ErrVersion) {
		t.Errorf("another version: %v, want ErrVersion", err)
	}
	if _, err := f.patch(u.ID, title, directory.Versions{}); !errors.Is(err, directory.ErrVersion) {
		t.Errorf("an unknown tag: %v, want ErrVersion", err)
	}
	if result, err := f.patch(u.ID, title, version(1)); err != nil || result.User.Version != 2 {
		t.Errorf("the current version: %+v, %v; want the user changed", result.User, err)
	}
	if _, err := f.put(u.ID, user(alice), nil); err != nil {
		t.Errorf("*: %v", err)
	}
	_, err := f.dir.Delete(t.Context(), f.tenant, f.by(), u.ID, version(1))
	assert.ErrorIsf(t, err, directory.ErrVersion, "DELETE of another version: %v, want ErrVersion", err)
	f.check(1)
}

// Errors of uniqueness are reported before a missing seat, and that before the
// version.
func TestUpdate_OrderOfErrors(t *testing.T) { enginetest.Run(t, testUpdate_OrderOfErrors) }

func testUpdate_OrderOfErrors(t *testing.T, open opener) {
	f := newFixture(t, open, 1, 1)
	f.mustPost(user(alice))
	off := f.mustPost(user(`"userName":"off","active":false`))
	all := `[{"op":"replace","value":{"active":true,"userName":"alice@example.com"}}]`
	for name, match := range map[string]directory.Versions{"held": version(1), "stale": version(9)} {
		_, err := f.patch(off.ID, all, match)
		taken(t, err, directory.TakenActive, directory.UserName)
		_, err = f.patch(off.ID, activate, match)
		full(t, err, 1, 1)
		_ = name
	}
	_, err := f.patch(off.ID, `[{"op":"add","path":"title","value":"x"}]`, version(9))
	assert.ErrorIsf(t, err, directory.ErrVersion, "error = %v, want ErrVersion", err)
	f.check(1)
}

// Covers: 7644-3.6-1
func TestDelete_HidesAndKeeps(t *testing.T) { enginetest.Run(t, testDelete_HidesAndKeeps) }

func testDelete_HidesAndKeeps(t *testing.T, open opener) {
	f := newFixture(t, open, 5, 5)
	u := f.mustPost(user(alice))
	f.mustRemove(u.ID)
	f.check(0)
	l := f.ledger()
	assert.EqualValuesf(t, 0, l.Users, "%d users counted, want 0", l.Users)
	_, err := f.dir.User(t.Context(), f.tenant, u.ID)
	assert.ErrorIsf(t, err, directory.ErrNotFound, "read = %v, want ErrNotFound", err)
	for name, err := range map[string]error{
		"DELETE": f.remove(u.ID),
		"PATCH":  func() error { _, err := f.patch(u.ID, activate, nil); return err }(),
		"PUT":    func() error { _, err := f.put(u.ID, user(alice), nil); return err }(),
	} {
		assert.ErrorIsf(t, err, directory.ErrNotFound, "%s of a deleted user = %v, want ErrNotFound", name, err)
	}
}

func TestDelete_ReadableIfTenantChooses(t *testing.T) {
	enginetest.Run(t, testDelete_ReadableIfTenantChooses)
}

func testDelete_ReadableIfTenantChooses(t *testing.T, open opener) {
	f := newFixture(t, open, 5, 5)
	f.settings.DeletedUsers = tenant.DeletedReadable
	u := f.mustPost(user(alice))
	f.mustRemove(u.ID)
	now, err := f.dir.User(t.Context(), f.tenant, u.ID)
	assert.Truef(t, err == nil && !now.Active, "read = %+v, %v; want it readable and inactive", now, err)
	f.check(0)
	f.mustRemove(u.ID)
	again := f.mustPost(user(alice))
	assert.Truef(t, again.ID == u.ID && again.Active, "POST = %+v, want it reactivated", again)
	f.check(1)
}

func TestUpdate_SeatLimitBelowUse(t *testing.T) { enginetest.Run(t, testUpdate_SeatLimitBelowUse) }

func testUpdate_SeatLimitBelowUse(t *testing.T, open opener) {
	f := newFixture(t, open, 3, 3)
	var ids []string
	for _, name := range []string{"a", "b", "c"} {
		ids = append(ids, f.mustPost(user(`"userName":"`+name+`"`)).ID)
	}
	require.NoError(t, f.store.SetSeatLimit(t.Context(), f.tenant, 1, f.now))
	f.check(3)
	f.mustPatch(ids[0], deactivate)
	_, err := f.patch(ids[0], activate, nil)
	full(t, err, 2, 1)
	f.mustPatch(ids[1], deactivate)
	f.mustPatch(ids[2], deactivate)
	f.mustPatch(ids[0], activate)
	f.check(1)
}

func TestModify_UnknownAttributes(t *testing.T) { enginetest.Run(t, testModify_UnknownAttributes) }

func testModify_UnknownAttributes(t *testing.T, open opener) {
	f := newFixture(t, open, 5, 5)
	u := f.mustPost(user(alice))
	patch := `[{"op":"replace","value":{"title":"x","shoeSize":"44"}}]`
	f.settings.UnknownAttributes = tenant.UnknownRefuse
	var invalid *scim.Error
	if _, err := f.patch(u.ID, patch, nil); !errors.As(err, &invalid) {
		t.Errorf("error = %v, want a refusal", err)
	}
	now, _ := f.dir.User(t.Context(), f.tenant, u.ID)
	assert.EqualValues(t, 1, now.Version, "a refused PATCH changed the user")
	f.settings.UnknownAttributes = tenant.UnknownDrop
	result, err := f.patch(u.ID, patch, nil)
	if err != nil || len(result.Notices) != 1 || result.Notices[0].Kind != scim.NoticeUnknownAttribute {
		t.Errorf("PATCH = %+v, %v; want it accepted with a notice", result.Notices, err)
	}
}
