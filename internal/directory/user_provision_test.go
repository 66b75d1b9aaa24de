package directory_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/resource"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// user returns the body of a user with the attributes under test.
func user(attributes string) string {
	return `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],` + attributes + `}`
}

const (
	alice      = `"userName":"alice@example.com","externalId":"e-1","emails":[{"type":"work","primary":true,"value":"alice@example.com"}]`
	deactivate = `[{"op":"replace","path":"active","value":false}]`
	activate   = `[{"op":"replace","path":"active","value":true}]`
)

func reader(attributes string) string {
	return user(attributes + `,"` + extension + `":{"isTeamAccount":false}`)
}

func taken(t *testing.T, err error, reason directory.TakenReason, kind directory.Kind) {
	t.Helper()
	var e *directory.TakenError
	if !errors.As(err, &e) || e.Reason != reason || e.Kind != kind {
		t.Errorf("error = %v, want a TakenError, %s by %s", err, kind.Attribute(), reason)
	}
}

func full(t *testing.T, err error, used, limit int64) {
	t.Helper()
	var e *directory.FullError
	assert.Truef(t, errors.As(err, &e) && e.Used == used && e.Limit == limit, "error = %v, want a FullError with %d of %d", err, used, limit)
}

// Covers: 7644-3.3-7
func TestProvision_CreatesUnknownUser(t *testing.T) {
	enginetest.Run(t, testProvision_CreatesUnknownUser)
}

func testProvision_CreatesUnknownUser(t *testing.T, open opener) {
	f := newFixture(t, open, 2, 1)
	result, err := f.post(user(alice))
	require.NoError(t, err)
	u := result.User
	if result.Action != journal.Created || u.Version != 1 || !u.Active || !u.Linked || u.Origin != directory.OriginSCIM {
		t.Errorf("result = %+v, user %+v", result, u)
	}
	o := object(t, u)
	if o["active"] != true || o["id"] != u.ID || o[extension].(map[string]any)["isTeamAccount"] != true {
		t.Errorf("document = %s; active, id and isTeamAccount are always served", u.Doc)
	}
	f.check(1)
	l := f.ledger()
	assert.EqualValuesf(t, 1, l.Users, "%d users counted, want 1", l.Users)
}

func TestProvision_AtTheLimit(t *testing.T) { enginetest.Run(t, testProvision_AtTheLimit) }

func testProvision_AtTheLimit(t *testing.T, open opener) {
	f := newFixture(t, open, 1, 1)
	f.mustPost(user(`"userName":"first"`))
	_, err := f.post(user(`"userName":"second"`))
	full(t, err, 1, 1)
	f.check(1)
	assert.False(t, f.mustPost(user(`"userName":"off","active":false`)).Active, "a user created with active=false is active")
	f.mustPost(reader(`"userName":"reader"`))
	_, err = f.post(reader(`"userName":"reader-2"`))
	full(t, err, 1, 1)
	f.check(1)
	l := f.ledger()
	assert.Truef(t, l.Users == 3 && l.Readers == 1, "ledger = %+v, want 3 users and 1 reader", l)
}

func TestProvision_DefaultType(t *testing.T) { enginetest.Run(t, testProvision_DefaultType) }

func testProvision_DefaultType(t *testing.T, open opener) {
	f := newFixture(t, open, 1, 1)
	f.settings.DefaultAccountType = tenant.Reader
	u := f.mustPost(user(`"userName":"a"`))
	assert.Equalf(t, tenant.Reader, u.Type, "type = %s, want the tenant's default", u.Type)
	f.check(0)
}

// Reactivation by each of the three values, of a user deactivated in each way.
//
// Covers: 7644-3.3-6
func TestProvision_ReactivatesInactiveUser(t *testing.T) {
	enginetest.Run(t, testProvision_ReactivatesInactiveUser)
}

func testProvision_ReactivatesInactiveUser(t *testing.T, open opener) {
	found := map[string]string{
		"by userName":   `"userName":"ALICE@example.com","displayName":"Again"`,
		"by email":      `"userName":"renamed","displayName":"Again","emails":[{"value":"Alice@Example.com"}]`,
		"by externalId": `"userName":"renamed","displayName":"Again","externalId":"e-1"`,
	}
	ways := map[string]struct {
		end    func(f *fixture, u *directory.User)
		action journal.Action
	}{
		"patched": {func(f *fixture, u *directory.User) { f.mustPatch(u.ID, deactivate) }, journal.Reactivated},
		"put": {func(f *fixture, u *directory.User) {
			_, err := f.put(u.ID, user(alice+`,"active":false`), nil)
			require.NoError(f.t, err)
		}, journal.Reactivated},
		"deleted": {func(f *fixture, u *directory.User) { f.mustRemove(u.ID) }, journal.Restored},
	}
	for way, end := range ways {
		for by, sent := range found {
			t.Run(way+", "+by, func(t *testing.T) {
				f := newFixture(t, open, 5, 5)
				u := f.mustPost(user(alice + `,"nickName":"old"`))
				end.end(f, u)
				f.check(0)
				result, err := f.post(user(sent))
				require.NoError(t, err)
				o := object(t, result.User)
				if result.Action != end.action || result.User.ID != u.ID || !result.User.Active {
					t.Errorf("action %s, user %+v; want %s in place", result.Action, result.User, end.action)
				}
				assert.Truef(t, o["displayName"] == "Again" && o["nickName"] == nil, "document = %s; want the attributes that were sent", result.User.Doc)
				if !result.User.Created.Equal(u.Created) || result.User.Version <= u.Version {
					t.Errorf("created %v, version %d; want the old creation and a new version", result.User.Created, result.User.Version)
				}
				f.check(1)
			})
		}
	}
}

func TestProvision_ReactivatesUserMadeInactive(t *testing.T) {
	enginetest.Run(t, testProvision_ReactivatesUserMadeInactive)
}

func testProvision_ReactivatesUserMadeInactive(t *testing.T, open opener) {
	f := newFixture(t, open, 1, 1)
	u := f.mustPost(user(alice + `,"active":false`))
	f.check(0)
	again := f.mustPost(user(alice))
	assert.Truef(t, again.ID == u.ID && again.Active, "user = %+v, want %s active", again, u.ID)
	f.check(1)
}

func TestProvision_ReactivationNeedsASeat(t *testing.T) {
	enginetest.Run(t, testProvision_ReactivationNeedsASeat)
}

func testProvision_ReactivationNeedsASeat(t *testing.T, open opener) {
	f := newFixture(t, open, 1, 1)
	u := f.mustPost(user(alice))
	f.mustPatch(u.ID, deactivate)
	f.mustPost(user(`"userName":"other"`))
	_, err := f.post(user(alice))
	full(t, err, 1, 1)
	_, err = f.patch(u.ID, activate, nil)
	full(t, err, 1, 1)
	_, err = f.put(u.ID, user(alice+`,"active":true`), nil)
	full(t, err, 1, 1)
	f.check(1)
	now, err := f.dir.User(t.Context(), f.tenant, u.ID)
	assert.Truef(t, err == nil && !now.Active && now.Version == 2, "after the refusals: %+v, %v; want it inactive and unchanged", now, err)
}

// Covers: 7643-4.1.1-2, 7643-7-19
func TestProvision_RefusesActiveUser(t *testing.T) {
	enginetest.Run(t, testProvision_RefusesActiveUser)
}

func testProvision_RefusesActiveUser(t *testing.T, open opener) {
	for name, tt := range map[string]struct {
		sent string
		kind directory.Kind
	}{
		"userName":                  {`"userName":"ALICE@EXAMPLE.COM"`, directory.UserName},
		"email":                     {`"userName":"other","emails":[{"value":"alice@example.com"}]`, directory.Email},
		"userName that is an email": {`"userName":"alice2","emails":[{"value":" ALICE@example.com "}]`, directory.Email},
		"externalId":                {`"userName":"other","externalId":"e-1"`, directory.ExternalID},
		"inactive":                  {`"userName":"alice@example.com","active":false`, directory.UserName},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, open, 5, 5)
			u := f.mustPost(user(alice))
			_, err := f.post(user(tt.sent))
			taken(t, err, directory.TakenActive, tt.kind)
			now, err := f.dir.User(t.Context(), f.tenant, u.ID)
			assert.Truef(t, err == nil && now.Version == 1, "the user changed: %+v, %v", now, err)
			f.check(1)
		})
	}
	t.Run("externalId is exact", func(t *testing.T) {
		f := newFixture(t, open, 5, 5)
		f.mustPost(user(alice))
		f.mustPost(user(`"userName":"other","externalId":"E-1"`))
		f.check(2)
	})
}

func TestProvision_InactiveTwice(t *testing.T) { enginetest.Run(t, testProvision_InactiveTwice) }

func testProvision_InactiveTwice(t *testing.T, open opener) {
	f := newFixture(t, open, 5, 5)
	u := f.mustPost(user(alice))
	f.mustPatch(u.ID, deactivate)
	_, err := f.post(user(alice + `,"active":false`))
	taken(t, err, directory.TakenInactive, directory.UserName)

	f.mustRemove(u.ID)
	result, err := f.post(user(alice + `,"active":false`))
	if err != nil || result.Action != journal.Restored || result.User.Active || result.User.ID != u.ID {
		t.Errorf("POST active=false of a deleted user = %+v, %v; want it restored inactive", result, err)
	}
	f.check(0)
	l := f.ledger()
	assert.EqualValuesf(t, 1, l.Users, "%d users counted, want 1", l.Users)
}

func TestProvision_DeactivatedInApplication(t *testing.T) {
	enginetest.Run(t, testProvision_DeactivatedInApplication)
}

func testProvision_DeactivatedInApplication(t *testing.T, open opener) {
	f := newFixture(t, open, 5, 5)
	u := f.offInApp(f.mustPost(user(alice)))
	_, err := f.post(user(alice))
	taken(t, err, directory.TakenByApp, directory.UserName)
	_, err = f.patch(u.ID, activate, nil)
	assert.ErrorIsf(t, err, directory.ErrDeactivatedInApp, "PATCH active=true = %v, want ErrDeactivatedInApp", err)
	_, err = f.put(u.ID, user(alice+`,"active":true`), nil)
	assert.ErrorIsf(t, err, directory.ErrDeactivatedInApp, "PUT active=true = %v, want ErrDeactivatedInApp", err)
	f.mustPatch(u.ID, `[{"op":"replace","path":"title","value":"still editable"}]`)

	f.mustRemove(u.ID)
	_, err = f.post(user(alice))
	taken(t, err, directory.TakenByApp, directory.UserName)
	f.check(0)
}

func TestProvision_SeveralHolders(t *testing.T) { enginetest.Run(t, testProvision_SeveralHolders) }

func testProvision_SeveralHolders(t *testing.T, open opener) {
	two := user(`"userName":"ann","externalId":"e-bob"`)
	setUp := func(t *testing.T) (*fixture, *directory.User, *directory.User) {
		f := newFixture(t, open, 5, 5)
		return f, f.mustPost(user(`"userName":"ann"`)), f.mustPost(user(`"userName":"bob","externalId":"e-bob"`))
	}
	t.Run("one is active", func(t *testing.T) {
		f, ann, _ := setUp(t)
		f.mustPatch(ann.ID, deactivate)
		_, err := f.post(two)
		taken(t, err, directory.TakenActive, directory.ExternalID)
		f.check(1)
	})
	t.Run("both are inactive", func(t *testing.T) {
		f, ann, bob := setUp(t)
		f.mustPatch(ann.ID, deactivate)
		f.mustPatch(bob.ID, deactivate)
		_, err := f.post(two)
		taken(t, err, directory.TakenSeveral, directory.UserName)
		f.check(0)
	})
	t.Run("inactive before deleted", func(t *testing.T) {
		f, ann, bob := setUp(t)
		f.mustPatch(ann.ID, deactivate)
		f.mustRemove(bob.ID)
		result, err := f.post(two)
		require.Truef(t, err == nil && result.User.ID == ann.ID, "POST = %+v, %v; want ann reactivated", result, err)
		f.check(1)
		// Bob lost the externalId, and is still found by his userName.
		restored := f.mustPost(user(`"userName":"bob"`))
		if restored.ID != bob.ID || object(t, restored)["externalId"] != nil {
			t.Errorf("user = %s %s, want bob without his externalId", restored.ID, restored.Doc)
		}
		f.check(2)
	})
	t.Run("both are deleted, externalId decides", func(t *testing.T) {
		f, ann, bob := setUp(t)
		f.mustRemove(ann.ID)
		f.mustRemove(bob.ID)
		result, err := f.post(two)
		require.Truef(t, err == nil && result.User.ID == bob.ID && result.Action == journal.Restored, "POST = %+v, %v; want bob restored", result, err)
		f.check(1)
		assert.NotEqual(t, ann.ID, f.mustPost(user(`"userName":"ann2"`)).ID, "ann was found by a name she never had")
		f.check(2)
	})
}

func TestProvision_Rehire(t *testing.T) { enginetest.Run(t, testProvision_Rehire) }

func testProvision_Rehire(t *testing.T, open opener) {
	again := user(`"userName":"alice@example.com","externalId":"e-2"`)
	f := newFixture(t, open, 5, 5)
	u := f.mustPost(user(alice))
	f.mustRemove(u.ID)
	f.settings.Rehire = tenant.RehireRefuse
	_, err := f.post(again)
	taken(t, err, directory.TakenRehire, directory.UserName)

	f.settings.Rehire = tenant.RehireWarn
	result, err := f.post(again)
	if err != nil || result.Warning != cause.ExternalIDChanged || result.User.ID != u.ID {
		t.Errorf("POST = %+v, %v; want a reactivation with a warning", result, err)
	}
	f.check(1)
	// The old externalId is free.
	f.mustPost(user(`"userName":"other","externalId":"e-1"`))
	f.check(2)
}

func TestProvision_ReportsUniquenessBeforeSeats(t *testing.T) {
	enginetest.Run(t, testProvision_ReportsUniquenessBeforeSeats)
}

func testProvision_ReportsUniquenessBeforeSeats(t *testing.T, open opener) {
	f := newFixture(t, open, 1, 1)
	f.mustPost(user(alice))
	_, err := f.post(user(`"userName":"alice@example.com","externalId":"new"`))
	taken(t, err, directory.TakenActive, directory.UserName)
	f.check(1)
}

// Covers: 7643-4.1.1-3, 7644-7.8-1
func TestProvision_NamesFoldAlike(t *testing.T) { enginetest.Run(t, testProvision_NamesFoldAlike) }

func testProvision_NamesFoldAlike(t *testing.T, open opener) {
	for name, pair := range map[string][2]string{
		"case":       {"strasse@x", "STRASSE@X"},
		"sharp s":    {"straße@x", "strasse@x"},
		"kelvin":     {"\u212aate@x", "kate@x"},
		"full width": {"\uff41dmin@x", "admin@x"},
		"composed":   {"re\u0301ne@x", "r\u00e9ne@x"},
		"spaces":     {"bob@x", "bob@x "},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, open, 5, 5)
			f.mustPost(user(`"userName":"` + pair[0] + `"`))
			_, err := f.post(user(`"userName":"` + pair[1] + `"`))
			taken(t, err, directory.TakenActive, directory.UserName)
		})
	}
	f := newFixture(t, open, 5, 5)
	for _, name := range []string{"irem@x", "\u0131rem@x", "\u0130rem@x", "adm\u0456n@x", "admin@x"} {
		f.mustPost(user(`"userName":"` + name + `"`))
	}
	f.check(5)
}

func TestProvision_OtherEmailsAreNotUnique(t *testing.T) {
	enginetest.Run(t, testProvision_OtherEmailsAreNotUnique)
}

func testProvision_OtherEmailsAreNotUnique(t *testing.T, open opener) {
	f := newFixture(t, open, 5, 5)
	f.mustPost(user(`"userName":"a","emails":[{"value":"a@x","primary":true},{"value":"team@x","type":"other"}]`))
	f.mustPost(user(`"userName":"b","emails":[{"value":"b@x","primary":true},{"value":"team@x","type":"other"}]`))
	f.check(2)
	_, err := f.post(user(`"userName":"c","emails":[{"value":"a@x"}]`))
	taken(t, err, directory.TakenActive, directory.Email)
	assert.Containsf(t, err.Error(), "emails", "error %v does not name the attribute", err)
}

// between runs a function once: after the first write with a failed condition,
// before the next read.
type between struct {
	table.Table
	run func()
}

func (b *between) Write(ctx context.Context, tx table.Transaction) error {
	err := b.Table.Write(ctx, tx)
	var failed *table.ConditionError
	if run := b.run; run != nil && errors.As(err, &failed) {
		b.run = nil
		run()
	}
	return err
}

// A POST does not change a user who was renamed after the reservation was read.
func TestProvision_IgnoresHolderRenamedMeanwhile(t *testing.T) {
	for name, tt := range map[string]struct {
		meanwhile string
		action    journal.Action
	}{
		"renamed":                 {`[{"op":"replace","path":"userName","value":"new"}]`, journal.Created},
		"renamed and activated":   {`[{"op":"replace","value":{"userName":"new","active":true}}]`, journal.Created},
		"other attribute changed": {`[{"op":"replace","path":"title","value":"x"}]`, journal.Reactivated},
	} {
		t.Run(name, func(t *testing.T) {
			b := &between{Table: enginetest.Memory(t)}
			f := newFixtureOn(t, table.Retrying(b), 5, 5)
			u := f.mustPost(user(`"userName":"old"`))
			f.mustPatch(u.ID, deactivate)
			b.run = func() { f.mustPatch(u.ID, tt.meanwhile) }
			result, err := f.post(user(`"userName":"old"`))
			if err != nil || result.Action != tt.action || (result.User.ID == u.ID) != (tt.action == journal.Reactivated) {
				t.Errorf("POST = %s of %s, %v; want %s", result.Action, result.User.ID, err, tt.action)
			}
			if tt.action == journal.Created {
				found, err := f.search(`userName eq "new"`, 1, 1)
				assert.Truef(t, err == nil && found.Total == 1, "the acknowledged rename is lost: %d, %v", found.Total, err)
			}
			f.check(f.active())
		})
	}
}

// active counts the active Users one by one.
func (f *fixture) active() (n int64) {
	f.t.Helper()
	found, err := f.search("", 1, 200)
	require.NoError(f.t, err)
	for _, u := range found.Records {
		if u.Holds() == directory.HoldsSeat {
			n++
		}
	}
	return n
}

func TestProvision_BlankEmailIsNoClaim(t *testing.T) {
	enginetest.Run(t, testProvision_BlankEmailIsNoClaim)
}

func testProvision_BlankEmailIsNoClaim(t *testing.T, open opener) {
	f := newFixture(t, open, 5, 5)
	for i, blank := range []string{" ", "\u00a0", "\t"} {
		r, _, err := resource.Decode(f.types, []byte(user(fmt.Sprintf(`"userName":"u%d","emails":[{"value":"%s","primary":true}]`, i, blank))))
		if err != nil {
			continue // a refusal is correct too
		}
		_, err = f.dir.Provision(t.Context(), f.tenant, f.by(), r)
		assert.NoErrorf(t, err, "email %q", blank)
	}
	f.check(f.active())
}

// Any user that was accepted can be deactivated, however large the resource is.
func TestUpdate_LargestUserCanBeDeactivated(t *testing.T) {
	f := newFixture(t, enginetest.Memory, 5, 5)
	accepted := 0
	for size := scim.MaxResource - 900; size < scim.MaxResource; size += 7 {
		roles := make([]string, 8)
		for i := range roles {
			roles[i] = fmt.Sprintf(`{"value":"%d%s"}`, i, strings.Repeat("r", size/8-10))
		}
		r, _, err := resource.Decode(f.types, []byte(user(fmt.Sprintf(`"userName":"u%d","roles":[%s]`, size, strings.Join(roles, ",")))))
		if err != nil {
			break
		}
		accepted++
		result, err := f.dir.Provision(t.Context(), f.tenant, f.by(), r)
		require.NoErrorf(t, err, "%d", size)
		for _, change := range []string{deactivate, `[{"op":"replace","path":"` + extension + `:isTeamAccount","value":false}]`} {
			_, err := f.patch(result.User.ID, change, nil)
			require.NoErrorf(t, err, "%d bytes: PATCH %s", len(result.User.Doc), change)
		}
	}
	assert.NotEqual(t, 0, accepted, "no user of nearly the largest size was accepted")
	f.check(0)
}

// The application's own user that an IdP deleted is restored by a POST.
func TestProvision_UnlinkedUserDeletedByTheIdP(t *testing.T) {
	f := newFixture(t, enginetest.Memory, 5, 5)
	f.settings.DeletedUsers = tenant.DeletedReadable
	u := f.own(user(alice), true, tenant.User)
	f.mustRemove(u.ID)
	again := f.mustPost(user(alice))
	assert.Truef(t, again.ID == u.ID && again.Active, "POST = %+v, want the user active again", again)
	f.check(1)
}
