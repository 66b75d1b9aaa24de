package directory_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// app returns the application as a caller.
func (f *fixture) app() directory.Caller {
	by := f.by()
	by.TokenID, by.IdP, by.By, by.Who = "", "", journal.ByApplication, "root@acme.test"
	return by
}

func (f *fixture) mustCreateInApp(own directory.AppUser) *directory.User {
	f.t.Helper()
	if own.Origin == "" {
		own.Origin = directory.OriginManual
	}
	result, err := f.dir.CreateInApp(context.Background(), f.tenant, f.app(), own)
	require.NoErrorf(f.t, err, "CreateInApp %s", own.UserName)
	return result.User
}

func (f *fixture) modifyInApp(id string, c directory.AppChange) (directory.Result, error) {
	return f.dir.ModifyInApp(context.Background(), f.tenant, f.app(), id, nil, c)
}

func (f *fixture) mustModifyInApp(id string, c directory.AppChange) *directory.User {
	f.t.Helper()
	result, err := f.modifyInApp(id, c)
	require.NoError(f.t, err, "ModifyInApp")
	return result.User
}

func (f *fixture) purge(id string) error {
	_, err := f.dir.Purge(context.Background(), f.tenant, f.app(), id)
	return err
}

func ptr[T any](v T) *T { return &v }

func TestCreateInApp(t *testing.T) {
	enginetest.Run(t, func(t *testing.T, open opener) {
		f := newFixture(t, open, 2, 1)
		ann := f.mustCreateInApp(directory.AppUser{UserName: "Ann", Email: "ann@x.test", DisplayName: "Ann A", Origin: directory.OriginJIT})
		if ann.Linked || ann.Origin != directory.OriginJIT || !ann.Active || ann.Type != tenant.User || ann.DeactivatedBy != "" {
			t.Errorf("own user %+v", ann)
		}
		o := object(t, ann)
		assert.Truef(t, o["userName"] == "Ann" && o["displayName"] == "Ann A" && o["active"] == true, "document %v", o)
		f.mustCreateInApp(directory.AppUser{UserName: "rita", Type: tenant.Reader})
		off := f.mustCreateInApp(directory.AppUser{UserName: "off", Active: ptr(false)})
		assert.Equalf(t, journal.ByApplication, off.DeactivatedBy, "deactivated by %q", off.DeactivatedBy)
		f.mustCreateInApp(directory.AppUser{UserName: "bob"})
		f.check(2)

		gone := f.mustCreateInApp(directory.AppUser{UserName: "gone", Email: "gone@x.test", Active: ptr(false)})
		f.mustRemove(gone.ID)
		for _, c := range []struct {
			name string
			own  directory.AppUser
			want func(error) bool
		}{
			{"a taken userName", directory.AppUser{UserName: "ANN"}, isTakenAs(directory.TakenActive, directory.UserName)},
			{"a taken email", directory.AppUser{UserName: "z", Email: "ANN@x.test"}, isTakenAs(directory.TakenActive, directory.Email)},
			{"an inactive user's", directory.AppUser{UserName: "off"}, isTakenAs(directory.TakenInactive, directory.UserName)},
			{"taken before full", directory.AppUser{UserName: "bob"}, isTakenAs(directory.TakenActive, directory.UserName)},
			{"no seat", directory.AppUser{UserName: "new"}, isFullOf(tenant.User)},
			{"no Reader licence", directory.AppUser{UserName: "new", Type: tenant.Reader}, isFullOf(tenant.Reader)},
			{"no seat for the name of a deleted user", directory.AppUser{UserName: "gone"}, isFullOf(tenant.User)},
			{"no name", directory.AppUser{}, isInvalid},
			{"an unknown type", directory.AppUser{UserName: "new", Type: "guest"}, isInvalid},
			{"an unknown origin", directory.AppUser{UserName: "new", Origin: directory.OriginSCIM}, isInvalid},
		} {
			if c.own.Origin == "" {
				c.own.Origin = directory.OriginManual
			}
			_, err := f.dir.CreateInApp(t.Context(), f.tenant, f.app(), c.own)
			assert.Truef(t, c.want(err), "%s: %v", c.name, err)
		}
		f.check(2)

		again := f.mustCreateInApp(directory.AppUser{UserName: "gone", Active: ptr(false)})
		assert.Truef(t, again.ID != gone.ID && !again.Linked, "created %+v, with the deleted user %s", again, gone.ID)
		old, err := f.dir.AppUser(t.Context(), f.tenant, gone.ID)
		if err != nil || !old.Deleted || old.Held[directory.UserName] != "" || old.Held[directory.Email] != "gone@x.test" {
			t.Errorf("the deleted user is %+v, %v", old, err)
		}
		f.check(2)
	})
}

func isTakenAs(reason directory.TakenReason, kind directory.Kind) func(error) bool {
	return func(err error) bool {
		var e *directory.TakenError
		return errors.As(err, &e) && e.Reason == reason && e.Kind == kind && e.HolderID != "" && e.Value != ""
	}
}

func isFullOf(kind tenant.AccountType) func(error) bool {
	return func(err error) bool {
		var e *directory.FullError
		return errors.As(err, &e) && e.Type == kind && e.Used == e.Limit
	}
}

func isInvalid(err error) bool {
	var e *scim.Error
	return errors.As(err, &e)
}

func TestModifyInApp(t *testing.T) {
	enginetest.Run(t, func(t *testing.T, open opener) {
		f := newFixture(t, open, 2, 1)
		u := f.mustPost(user(`"userName":"ann","emails":[{"value":"ann@x.test","primary":true},{"value":"other@x.test"}]`))
		f.mustPost(user(`"userName":"bob"`))

		off := f.mustModifyInApp(u.ID, directory.AppChange{Active: ptr(false)})
		assert.Truef(t, !off.Active && off.DeactivatedBy == journal.ByApplication && off.Linked, "deactivated: %+v", off)
		f.check(1)
		if _, err := f.patch(u.ID, `[{"op":"replace","path":"active","value":true}]`, nil); !errors.Is(err, directory.ErrDeactivatedInApp) {
			t.Errorf("reactivation by the identity provider: %v", err)
		}
		if again, err := f.modifyInApp(u.ID, directory.AppChange{Active: ptr(false)}); err != nil || again.Action != journal.Unchanged || again.User.Version != off.Version {
			t.Errorf("deactivated twice: %+v, %v", again, err)
		}
		f.mustPost(user(`"userName":"eve"`))
		if _, err := f.modifyInApp(u.ID, directory.AppChange{Active: ptr(true)}); !isFullOf(tenant.User)(err) {
			t.Errorf("reactivated without a seat: %v", err)
		}
		reader := f.mustModifyInApp(u.ID, directory.AppChange{Active: ptr(true), Type: ptr(tenant.Reader)})
		assert.Truef(t, reader.Active && reader.Type == tenant.Reader && reader.DeactivatedBy == "", "reactivated as a Reader: %+v", reader)
		f.check(2)
		if _, err := f.modifyInApp(u.ID, directory.AppChange{Type: ptr(tenant.User)}); !isFullOf(tenant.User)(err) {
			t.Errorf("converted without a seat: %v", err)
		}
		l := f.ledger()
		assert.EqualValuesf(t, 1, l.Readers, "%d readers", l.Readers)

		named := f.mustModifyInApp(u.ID, directory.AppChange{UserName: ptr("Anna"), Email: ptr("other@x.test"), DisplayName: ptr("A")})
		r, err := named.Resource()
		require.NoError(t, err)
		if emails := r["emails"].([]any); r.Text("userName") != "Anna" || r.Text("displayName") != "A" || len(emails) != 1 ||
			directory.UniqueEmail(r) != "other@x.test" {
			t.Errorf("renamed: %v", r)
		}
		_, err = f.modifyInApp(u.ID, directory.AppChange{UserName: ptr("BOB")})
		assert.Truef(t, isTakenAs(directory.TakenActive, directory.UserName)(err), "renamed to a taken name: %v", err)
		if _, err := f.dir.ModifyInApp(t.Context(), f.tenant, f.app(), u.ID,
			directory.Versions{1}, directory.AppChange{DisplayName: ptr("B")}); !errors.Is(err, directory.ErrVersion) {
			t.Errorf("an old version: %v", err)
		}
		_, err = f.modifyInApp(u.ID, directory.AppChange{Type: ptr(tenant.AccountType("guest"))})
		assert.Truef(t, isInvalid(err), "an unknown type: %v", err)

		// The application can reactivate a user that the identity provider
		// deactivated, and can deactivate it itself.
		bob := f.mustPost(user(`"userName":"cat","active":false`))
		deactivated := f.mustModifyInApp(bob.ID, directory.AppChange{Active: ptr(false)})
		assert.Equalf(t, journal.ByApplication, deactivated.DeactivatedBy, "deactivated by %q", deactivated.DeactivatedBy)
		require.NoError(t, f.store.SetSeatLimit(t.Context(), f.tenant, 3, f.now))
		on := f.mustModifyInApp(bob.ID, directory.AppChange{Active: ptr(true)})
		assert.Truef(t, on.Active && on.DeactivatedBy == "", "reactivated: %+v", on)
		f.mustRemove(bob.ID)
		_, err = f.modifyInApp(bob.ID, directory.AppChange{Active: ptr(true)})
		assert.ErrorIs(t, err, directory.ErrNotFound, "a deleted user")
		f.check(2)
	})
}

func TestPurge(t *testing.T) {
	enginetest.Run(t, func(t *testing.T, open opener) {
		for _, c := range []struct {
			name    string
			groups  int
			deleted bool
		}{
			{"in no group", 0, false},
			{"in as many groups as fit", directory.MaxPurged, false},
			{"in more groups than fit", directory.MaxPurged + 7, false},
			{"deleted", 2, true},
		} {
			t.Run(c.name, func(t *testing.T) {
				f := newFixture(t, open, 5, 5)
				emails := `{"value":"a@x.test","primary":true}`
				for i := range 19 {
					emails += fmt.Sprintf(`,{"value":"a%d@x.test"}`, i)
				}
				body := user(`"userName":"ann","externalId":"e","emails":[` + emails + `]`)
				u := f.mustPost(body)
				f.mustModifyInApp(u.ID, directory.AppChange{Protected: ptr(true)})
				for i := range c.groups {
					f.mustPostGroup(group(fmt.Sprintf("g%d", i), u.ID))
				}
				if c.deleted {
					f.mustModifyInApp(u.ID, directory.AppChange{Protected: ptr(false)})
					f.mustRemove(u.ID)
				}
				require.NoError(t, f.purge(u.ID))
				f.check(0)
				l := f.ledger()
				assert.EqualValuesf(t, 0, l.Users, "%d users", l.Users)
				_, err := f.dir.AppUser(t.Context(), f.tenant, u.ID)
				assert.ErrorIs(t, err, directory.ErrNotFound, "read")
				assert.ErrorIs(t, f.purge(u.ID), directory.ErrNotFound, "purged twice")
				again := f.mustPost(body)
				assert.Truef(t, again.ID != u.ID && again.Version == 1, "provisioned again as %+v", again)
				f.check(1)
			})
		}
	})
}

func TestAppUsers_PagesThroughLiveAndDeleted(t *testing.T) {
	enginetest.Run(t, func(t *testing.T, open opener) {
		f := newFixture(t, open, 20, 20)
		var live, deleted []string
		for i := range 9 {
			u := f.mustCreateInApp(directory.AppUser{UserName: fmt.Sprintf("u%d", i)})
			if i%2 == 1 {
				f.mustRemove(u.ID)
				deleted = append(deleted, u.ID)
				continue
			}
			live = append(live, u.ID)
		}
		for limit := 1; limit <= 10; limit++ {
			for _, withDeleted := range []bool{false, true} {
				want := live
				if withDeleted {
					want = append(append([]string{}, live...), deleted...)
				}
				var got []string
				q := directory.AppQuery{Limit: limit, Deleted: withDeleted}
				for pages := 0; ; pages++ {
					page, err := f.dir.AppUsers(t.Context(), f.tenant, q)
					require.NoError(t, err)
					require.Truef(t, len(page.Users) <= limit && pages <= 20, "page %d of %d users, limit %d", pages, len(page.Users), limit)
					for _, u := range page.Users {
						got = append(got, u.ID)
					}
					if q.After = page.Next; q.After == "" {
						break
					}
				}
				assert.Equalf(t, fmt.Sprint(want), fmt.Sprint(got), "limit %d, deleted %t: %v, want %v", limit, withDeleted, got, want)
			}
		}
	})
}

// Protecting users concurrently: each of them ends up in the list.
func TestModifyInApp_ProtectsConcurrently(t *testing.T) {
	enginetest.Run(t, func(t *testing.T, open opener) {
		f := newFixture(t, open, 99, 9)
		errs := make(chan error)
		const n = 4
		for i := range n {
			u := f.mustCreateInApp(directory.AppUser{UserName: fmt.Sprintf("u%d", i)})
			go func() {
				_, err := f.modifyInApp(u.ID, directory.AppChange{Protected: ptr(true)})
				errs <- err
			}()
		}
		for range n {
			assert.NoError(t, <-errs)
		}
		f.check(n)
		guarded, err := f.store.ProtectedUsers(t.Context(), f.tenant)
		assert.Truef(t, err == nil && len(guarded.IDs) == n && guarded.Version == n, "protected %+v, %v", guarded, err)
	})
}

// stepwise is a table whose reads of several items read one item after another,
// from the last to the first, as DynamoDB may. It calls meanwhile once, after
// the first item.
type stepwise struct {
	table.Table
	meanwhile func()
}

func (s *stepwise) Get(ctx context.Context, keys ...table.Key) (map[table.Key]table.Item, error) {
	all := map[table.Key]table.Item{}
	for _, key := range slices.Backward(keys) {
		items, err := s.Table.Get(ctx, key)
		if err != nil {
			return nil, err
		}
		maps.Copy(all, items)
		if do := s.meanwhile; do != nil {
			s.meanwhile = nil
			do()
		}
	}
	return all, nil
}

// A deletion moves the record while it is read: the application finds it.
func TestApplication_FindsAUserThatIsDeletedMeanwhile(t *testing.T) {
	enginetest.Run(t, func(t *testing.T, open opener) {
		engine := open(t)
		f := newFixtureOn(t, engine, 9, 9)
		u := f.mustPost(user(`"userName":"anna"`))
		on := &stepwise{Table: engine, meanwhile: func() { require.NoError(t, f.remove(u.ID)) }}
		read, err := f.on(on).AppUser(t.Context(), f.tenant, u.ID)
		require.NoError(t, err)
		assert.Truef(t, on.meanwhile == nil && read.Deleted, "read %+v, deleted meanwhile: %t", read, on.meanwhile == nil)
	})
}

// The log names the user that another request deletes after it was read.
func TestUsers_DeletedMeanwhileAreNamed(t *testing.T) {
	for name, change := range map[string]func(d *directory.Directory, f *fixture, id string) (directory.Result, error){
		"DELETE": func(d *directory.Directory, f *fixture, id string) (directory.Result, error) {
			return d.Delete(t.Context(), f.tenant, f.by(), id, nil)
		},
		"PUT": func(d *directory.Directory, f *fixture, id string) (directory.Result, error) {
			return d.Replace(t.Context(), f.tenant, f.by(), id, nil, f.decode(user(`"userName":"berta"`)))
		},
	} {
		enginetest.Run(t, func(t *testing.T, open opener) {
			engine := open(t)
			f := newFixtureOn(t, engine, 9, 9)
			u := f.mustPost(user(`"userName":"anna"`))
			on := &stepwise{Table: engine, meanwhile: func() { require.NoError(t, f.remove(u.ID)) }}
			result, err := change(f.on(on), f, u.ID)
			assert.Truef(t, errors.Is(err, directory.ErrNotFound) && result.User != nil && result.User.ID == u.ID, "%s: %v, user %v", name, err, result.User)
		})
	}
}

// A purge and, concurrently, everything an identity provider does to the user:
// in any order nothing of the user is left, unless it was provisioned again.
func TestPurge_BesideOtherRequests(t *testing.T) {
	enginetest.Run(t, func(t *testing.T, open opener) {
		f := newFixture(t, open, 9, 9)
		for round := range 4 {
			body := user(fmt.Sprintf(`"userName":"u%d","emails":[{"value":"u%d@x.test"},{"value":"other@x.test"}]`, round, round))
			u := f.mustPost(body)
			id := f.mustPostGroup(group(fmt.Sprintf("g%d", round)))
			together := []func() error{
				func() error { return f.purge(u.ID) },
				func() error { _, err := f.patchGroup(id, add(u.ID)); return err },
				func() error {
					_, err := f.patch(u.ID, `[{"op":"replace","path":"userName","value":"renamed"}]`, nil)
					return err
				},
				func() error { return f.remove(u.ID) },
				func() error { _, err := f.modifyInApp(u.ID, directory.AppChange{Protected: ptr(true)}); return err },
				func() error { _, err := f.post(body); return err },
			}
			errs := make([]chan error, len(together))
			for i, do := range together {
				errs[i] = make(chan error, 1)
				go func() { errs[i] <- do() }()
			}
			for i := range errs {
				err := <-errs[i]
				var taken *directory.TakenError
				var protected *directory.ProtectedError
				switch {
				case err == nil, errors.Is(err, directory.ErrNotFound) && i > 0, errors.As(err, &taken), errors.As(err, &protected),
					errors.Is(err, directory.ErrBusy):
				default:
					t.Errorf("%d: %v", i, err)
				}
			}
			f.sweep()
			f.check(f.ledger().Seats)
			err := f.purge(u.ID)
			assert.False(t, err != nil && !errors.Is(err, directory.ErrNotFound), err)
			f.sweep()
			f.check(f.ledger().Seats)
			f.wantMembers(id)
		}
	})
}
