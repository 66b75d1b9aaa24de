package directory_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// A POST links one of the application's users only if it is for the same
// person: the record has the same userName and unique email, or none.
func TestLink_ByPostKeepsIdentity(t *testing.T) {
	const team = `,"` + extension + `":{"isTeamAccount":true}`
	for _, tt := range []struct {
		name string
		own  directory.AppUser
		sent string
		// kind is the kind of the value that differs, "" if the user is linked.
		kind               directory.Kind
		recorded, reported string
		// email is the user's unique email afterwards.
		email string
	}{
		{"the same values", directory.AppUser{UserName: "ann", Email: "ann@x.test"}, `"userName":"ann","emails":[{"value":"ann@x.test"}]`, "", "", "", "ann@x.test"},
		{"another spelling", directory.AppUser{UserName: "ann", Email: "ann@x.test"}, `"userName":"ANN","emails":[{"value":"Ann@X.test"}]`, "", "", "", "Ann@X.test"},
		{"an additional email", directory.AppUser{UserName: "ann", Email: "ann@x.test"}, `"userName":"ann","emails":[{"value":"b@x.test"},{"value":"ann@x.test","primary":true}]`, "", "", "", "b@x.test"},
		{"no email", directory.AppUser{UserName: "ann", Email: "ann@x.test"}, `"userName":"ann","externalId":"e"`, "", "", "", "ann@x.test"},
		{"a blank email", directory.AppUser{UserName: "ann", Email: "ann@x.test"}, `"userName":"ann","emails":[{"value":" ","type":"work"}]`, "", "", "", "ann@x.test"},
		{"no email, userName is an address", directory.AppUser{UserName: "ann@x.test", Email: "a.b@x.test"}, `"userName":"ann@x.test"`, "", "", "", "a.b@x.test"},
		{"an email where the record has none", directory.AppUser{UserName: "ann"}, `"userName":"ann","emails":[{"value":"ann@x.test"}]`, "", "", "", "ann@x.test"},
		{"found by email, another userName", directory.AppUser{UserName: "ann", Email: "ann@x.test"}, `"userName":"eve","emails":[{"value":"ann@x.test"}]`, directory.UserName, "ann", "eve", ""},
		{"found by userName, another email", directory.AppUser{UserName: "ann", Email: "ann@x.test"}, `"userName":"ann","emails":[{"value":"eve@x.test"}]`, directory.Email, "ann@x.test", "eve@x.test", ""},
		{"another primary email", directory.AppUser{UserName: "ann", Email: "ann@x.test"}, `"userName":"ann","emails":[{"value":"ann@x.test"},{"value":"eve@x.test","primary":true}]`, directory.Email, "ann@x.test", "eve@x.test", ""},
		{"an email, and userName is an address", directory.AppUser{UserName: "ann@x.test"}, `"userName":"ann@x.test","emails":[{"value":"eve@x.test"}]`, directory.Email, "ann@x.test", "eve@x.test", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			enginetest.Run(t, func(t *testing.T, open opener) {
				f := newFixture(t, open, 9, 9)
				own := f.mustCreateInApp(tt.own)
				result, err := f.post(user(tt.sent + team))
				if tt.kind == "" {
					if err != nil || result.Action != journal.Linked || result.User.ID != own.ID || result.Warning != "" {
						t.Fatalf("POST = %+v, %v; want the user linked", result, err)
					}
					emails := object(t, result.User)["emails"].([]any)
					value := emails[0].(map[string]any)["value"]
					assert.Truef(t, value == tt.email, "email %v, want %q", value, tt.email)
					f.check(1)
					return
				}
				var e *directory.TakenError
				if !errors.As(err, &e) || e.Reason != directory.TakenDiffers || e.Kind != tt.kind || e.Recorded != tt.recorded || e.Value != tt.reported || e.HolderID != own.ID {
					t.Fatalf("POST = %+v, %v; want a TakenError because %s differs", e, err, tt.kind.Attribute())
				}
				if now := f.read(own.ID); now.Linked || now.Version != own.Version || string(now.Doc) != string(own.Doc) {
					t.Errorf("the refused request changed the user to %+v", now)
				}
				f.check(1)
			})
		})
	}
}

// A PUT or PATCH by the user's id may change the identity while it links, and
// its log entry has the old and the new value; after that a rename is like any
// other.
func TestLink_ByIDWarnsOfChangedIdentity(t *testing.T) {
	for name, link := range map[string]func(f *fixture, id string) (directory.Result, error){
		"PUT": func(f *fixture, id string) (directory.Result, error) {
			return f.put(id, user(`"userName":"eve","emails":[{"value":"eve@x.test"}]`), nil)
		},
		"PATCH": func(f *fixture, id string) (directory.Result, error) {
			return f.patch(id, `[{"op":"replace","value":{"userName":"eve","emails":[{"value":"eve@x.test"}]}}]`, nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			enginetest.Run(t, func(t *testing.T, open opener) {
				f := newFixture(t, open, 9, 9)
				own := f.mustCreateInApp(directory.AppUser{UserName: "ann", Email: "ann@x.test"})
				result, err := link(f, own.ID)
				if err != nil || result.Warning != cause.IdentityChanged || result.Action != journal.Linked {
					t.Fatalf("%+v, %v; want a warning", result, err)
				}
				for _, value := range []string{`"ann"`, `"eve"`, `"ann@x.test"`, `"eve@x.test"`} {
					assert.Containsf(t, result.Detail, value, "the note %q does not have %s", result.Detail, value)
				}
				f.wantDetail(result.User, result.Detail)
				again, err := f.patch(own.ID, `[{"op":"replace","path":"userName","value":"ann"}]`, nil)
				assert.Truef(t, err == nil && again.Warning == "" && again.Detail == "", "rename after the link: %+v, %v", again, err)
				f.check(1)
			})
		})
	}
	f := newFixture(t, enginetest.Memory, 9, 9)
	own := f.mustCreateInApp(directory.AppUser{UserName: "ann"})
	result, err := f.put(own.ID, user(`"userName":"ANN","externalId":"e","emails":[{"value":"ann@x.test"}]`), nil)
	assert.Truef(t, err == nil && result.Warning == "", "a link that fills: %+v, %v; want no warning", result, err)
}

// wantDetail compares the detail in the newest entry of a user.
func (f *fixture) wantDetail(u *directory.User, want string) {
	f.t.Helper()
	key := f.read(u.ID).History[0]
	entries, err := f.store.Entries(f.t.Context(), f.tenant, []string{key})
	assert.Truef(f.t, err == nil && entries[key].Detail == want && entries[key].Cause != "", "entry %+v, %v; want the note %q", entries[key], err, want)
}

// A user that is found again with another externalId leaves the groups of the
// person who had the name before, unless the tenant's settings keep them.
func TestRehire(t *testing.T) {
	for _, groups := range []int{0, 1, directory.MaxRehired, directory.MaxRehired + 3} {
		for _, setting := range []tenant.Rehire{tenant.RehireWarn, tenant.RehireKeep, tenant.RehireRefuse} {
			if setting != tenant.RehireWarn && groups > 1 {
				continue
			}
			for name, back := range map[string]struct {
				do   func(f *fixture, id string) (directory.Result, error)
				kind directory.Kind
			}{
				"POST another": {func(f *fixture, _ string) (directory.Result, error) {
					return f.post(user(`"userName":"ann","externalId":"e2"`))
				}, directory.UserName},
				"POST none": {func(f *fixture, _ string) (directory.Result, error) { return f.post(user(`"userName":"ann"`)) }, directory.UserName},
				"PUT another": {func(f *fixture, id string) (directory.Result, error) {
					return f.put(id, user(`"userName":"ann","externalId":"e2","active":true`), nil)
				}, directory.ExternalID},
				"PUT none": {func(f *fixture, id string) (directory.Result, error) {
					return f.put(id, user(`"userName":"ann","active":true`), nil)
				}, directory.ExternalID},
				"PATCH another": {func(f *fixture, id string) (directory.Result, error) {
					return f.patch(id, `[{"op":"replace","value":{"externalId":"e2","active":true}}]`, nil)
				}, directory.ExternalID},
			} {
				engines := enginetest.Three()
				if groups > 1 && name != "POST another" { // many groups take seconds on DynamoDB
					engines = engines[:2]
				}
				t.Run(fmt.Sprintf("%s, %s, %d groups", setting, name, groups), func(t *testing.T) {
					enginetest.RunOn(t, engines, func(t *testing.T, open opener) {
						f := newFixture(t, open, 9, 9)
						f.settings.Rehire = setting
						u := f.mustPost(user(`"userName":"ann","externalId":"e1"`))
						other := f.mustPost(user(`"userName":"other"`))
						var ids []string
						for i := range groups {
							ids = append(ids, f.mustPostGroup(group(fmt.Sprintf("g%d", i), u.ID, other.ID)))
						}
						f.mustPatch(u.ID, deactivate)
						versions := map[string]int64{}
						for _, id := range ids {
							versions[id] = f.version(id)
						}
						result, err := back.do(f, u.ID)
						if setting == tenant.RehireRefuse {
							taken(t, err, directory.TakenRehire, back.kind)
							assert.False(t, f.read(u.ID).Active, "the refused request activated the user")
							f.check(1)
							return
						}
						if err != nil || result.Warning != cause.ExternalIDChanged || result.User.ID != u.ID || !result.User.Active || result.Detail == "" {
							t.Fatalf("%+v, %v; want a reactivation with a warning", result, err)
						}
						f.wantDetail(u, result.Detail)
						stays := setting == tenant.RehireKeep
						in, err := f.dir.GroupsOf(t.Context(), f.tenant, u.ID)
						assert.Truef(t, err == nil && (stays == (len(in) == groups && groups > 0) || groups == 0), "in %d groups, %v", len(in), err)
						for _, id := range ids {
							want := []string{u.ID, other.ID}
							if !stays {
								want = want[1:]
								assert.NotEqualf(t, versions[id], f.version(id), "the version of %s did not change", id)
							}
							f.wantMembers(id, want...)
						}
						f.sweep()
						// The user can join groups again.
						for _, id := range ids {
							f.mustPatchGroup(id, fmt.Sprintf(`{"op":"add","path":"members","value":[{"value":%q}]}`, u.ID))
							f.wantMembers(id, u.ID, other.ID)
						}
						f.check(2)
					})
				})
			}
		}
	}
}

func TestRehire_SameOrNoExternalID(t *testing.T) {
	enginetest.Run(t, func(t *testing.T, open opener) {
		f := newFixture(t, open, 9, 9)
		f.settings.Rehire = tenant.RehireRefuse
		u := f.mustPost(user(`"userName":"ann"`))
		id := f.mustPostGroup(group("g", u.ID))
		f.mustPatch(u.ID, deactivate)
		// A record without an externalId takes the one that was sent: nothing differs.
		result, err := f.post(user(`"userName":"ann","externalId":"e1"`))
		assert.Truef(t, err == nil && result.Warning == "", "an externalId where there was none: %+v, %v", result, err)
		for range 2 {
			f.mustPatch(u.ID, deactivate)
			f.mustPatch(u.ID, activate)
			f.mustPatch(u.ID, deactivate)
			result, err := f.post(user(`"userName":"ann","externalId":"e1"`))
			assert.Truef(t, err == nil && result.Warning == "", "the same externalId: %+v, %v", result, err)
		}
		f.wantMembers(id, u.ID)
		// An active user's externalId may change: it is not a rehire.
		if result, err := f.put(u.ID, user(`"userName":"ann","externalId":"e2","active":true`), nil); err != nil || result.Warning != "" {
			t.Errorf("another externalId of an active user: %+v, %v", result, err)
		}
		f.mustRemove(u.ID)
		_, err = f.post(user(`"userName":"ann"`))
		taken(t, err, directory.TakenRehire, directory.UserName)
		f.check(0)
	})
}

// meanwhile runs a function once, before the first write after a test arms it.
type meanwhile struct {
	table.Table
	run func()
}

func (m *meanwhile) Write(ctx context.Context, tx table.Transaction) error {
	if run := m.run; run != nil {
		m.run = nil
		run()
	}
	return m.Table.Write(ctx, tx)
}

// An update of a user that is deleted meanwhile is ErrNotFound, even if another
// user has taken the wanted name since.
func TestUpdate_UserDeletedMeanwhile(t *testing.T) {
	enginetest.Run(t, func(t *testing.T, open opener) {
		for name, change := range map[string]func(f *fixture, id string) error{
			"PATCH": func(f *fixture, id string) error {
				_, err := f.patch(id, `[{"op":"replace","path":"userName","value":"new"}]`, nil)
				return err
			},
			"PUT": func(f *fixture, id string) error {
				_, err := f.put(id, user(`"userName":"new"`), nil)
				return err
			},
			"the application": func(f *fixture, id string) error {
				_, err := f.modifyInApp(id, directory.AppChange{UserName: ptr("new")})
				return err
			},
		} {
			m := &meanwhile{Table: open(t)}
			f := newFixtureOn(t, table.Retrying(m), 9, 9)
			id := f.mustPost(user(`"userName":"old"`)).ID
			m.run = func() {
				f.mustRemove(id)
				f.mustPost(user(`"userName":"new"`))
			}
			err := change(f, id)
			assert.ErrorIsf(t, err, directory.ErrNotFound, "%s = %v, want ErrNotFound", name, err)
			f.check(1)
		}
	})
}

// A value that its holder gave up before the holder was read is free.
func TestUpdate_TakesValueFreedMeanwhile(t *testing.T) {
	for name, change := range map[string]func(f *fixture, id string) error{
		"PATCH": func(f *fixture, id string) error {
			_, err := f.patch(id, `[{"op":"replace","path":"userName","value":"new"}]`, nil)
			return err
		},
		"the application": func(f *fixture, id string) error {
			_, err := f.modifyInApp(id, directory.AppChange{UserName: ptr("new")})
			return err
		},
	} {
		b := &between{Table: enginetest.Memory(t)}
		f := newFixtureOn(t, table.Retrying(b), 9, 9)
		id := f.mustPost(user(`"userName":"old"`)).ID
		other := f.mustPost(user(`"userName":"new"`)).ID
		b.run = func() { f.mustPatch(other, `[{"op":"replace","path":"userName","value":"else"}]`) }
		assert.NoErrorf(t, change(f, id), "%s", name)
		f.check(2)
	}
}
