package directory_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// A POST that restores or links a user does not take an address from a deleted
// user, if an earlier version did not reserve the address for the user of the
// POST: a later request for the address finds the deleted user.
func TestProvision_KeepsAddressUnreservedByEarlierVersion(t *testing.T) {
	const user1 = `"userName":"ann@a.test","emails":[{"value":"bob@a.test"}]`
	const team = `,"` + scim.RollcallURN + `":{"isTeamAccount":true}`
	enginetest.Run(t, func(t *testing.T, open opener) {
		for name, c := range map[string]struct {
			own  bool
			sent string
		}{
			"taken back":            {false, user1},
			"linked":                {true, user1 + team},
			"linked without emails": {true, `"userName":"ann@a.test"` + team},
		} {
			raw := table.Retrying(open(t))
			f := newFixtureOn(t, raw, 99, 9)
			var u *directory.User
			if c.own {
				u = f.mustCreateInApp(directory.AppUser{UserName: "ann@a.test", Email: "bob@a.test", Origin: directory.OriginManual, Type: tenant.User})
			} else {
				u = f.mustPost(user(user1))
				f.mustPatch(u.ID, deactivate)
			}
			f.age(raw, "USERS", u.ID)
			gone := f.mustPost(user(`"userName":"gone","emails":[{"value":"ann@a.test"}]`))
			f.mustRemove(gone.ID)
			assert.Equalf(t, u.ID, f.mustPost(user(c.sent)).ID, "%s", name)
			if text, renewable := f.faults(); renewable != 1 || strings.Count(text, "\n") != 1 {
				t.Errorf("%s: %d of these faults are renewable, want only the address:\n%s", name, renewable, text)
			}
			back := f.mustPost(user(`"userName":"third","emails":[{"value":"ann@a.test"}]`))
			assert.Equalf(t, gone.ID, back.ID, "%s: the address found %s, want the deleted user %s", name, back.ID, gone.ID)
		}
	})
}

// Two deleted users have names that were different for an earlier version and
// are now the same: a request for one of the names restores one user, and the
// other loses its name. While one of them is live, its name is taken.
func TestFormer_TwoHoldersOfOneName(t *testing.T) {
	enginetest.Run(t, func(t *testing.T, open opener) {
		both := func() (f *fixture, ids []string) {
			raw := table.Retrying(open(t))
			f = newFixtureOn(t, raw, 99, 9)
			for _, name := range []string{"an\u200bn", "ann"} {
				u := f.mustPost(user(`"userName":"` + name + `"`))
				f.mustRemove(u.ID)
				f.age(raw, "GONE", u.ID)
				ids = append(ids, u.ID)
			}
			return f, ids
		}
		f, ids := both()
		text, renewable := f.faults()
		assert.Truef(t, renewable == 1 && strings.Count(text, "\n") == 1, "%d of these faults are renewable, want one:\n%s", renewable, text)
		assert.Equal(t, ids[1], f.mustPost(user(`"userName":"an`+"\u200b"+`n"`)).ID, "POST restores")
		held := f.read(ids[0]).Held
		assert.Emptyf(t, held, "the other user holds %v", held)
		_, err := f.post(user(`"userName":"an` + "\u200b" + `n"`))
		taken(t, err, directory.TakenActive, directory.UserName)
		f.check(1)

		f, ids = both()
		other := f.mustPost(user(`"userName":"other"`))
		f.mustPatch(other.ID, `[{"op":"replace","path":"userName","value":"an`+"\u200b"+`n"}]`)
		for _, id := range ids {
			held := f.read(id).Held
			assert.Emptyf(t, held, "%s holds %v after the rename", id, held)
		}
		f.check(1)

		f, ids = both()
		f.mustCreateInApp(directory.AppUser{UserName: "an\u200bn", Origin: directory.OriginManual})
		for _, id := range ids {
			held := f.read(id).Held
			assert.Emptyf(t, held, "%s holds %v after the application's POST", id, held)
		}
		f.check(1)
	})
}

// Emails in the form of an earlier version leave the index when the user is
// deleted, or when a change removes them from the user, whether they were
// renewed or not.
func TestFormer_EmailsLeaveTheIndex(t *testing.T) {
	enginetest.Run(t, func(t *testing.T, open opener) {
		var emails []string
		for i := range scim.MaxEmails {
			emails = append(emails, fmt.Sprintf(`{"value":"m%d@xn--bcher-kva.test"}`, i))
		}
		replace := func(emails ...string) string {
			return `[{"op":"replace","path":"emails","value":[` + strings.Join(emails, ",") + `]}]`
		}
		for name, change := range map[string]func(f *fixture, id string){
			"taken from the user": func(f *fixture, id string) { f.mustPatch(id, replace(emails[0], emails[1])) },
			"in another spelling": func(f *fixture, id string) {
				f.mustPatch(id, replace(emails[0], `{"value":"M1@bücher.test"}`))
				f.finds(`emails eq "m1@BÜCHER.test"`, id)
			},
			"restored with another externalId": func(f *fixture, id string) {
				f.mustPatch(id, deactivate)
				f.mustPatch(id, `[{"op":"replace","value":{"active":true,"externalId":"e-2","emails":[{"value":"new@a.test"}]}}]`)
			},
			"purged": func(f *fixture, id string) {
				_, err := f.dir.Purge(f.t.Context(), f.tenant, f.by(), id)
				require.NoError(f.t, err)
			},
		} {
			for _, renewed := range []bool{false, true} {
				raw := table.Retrying(open(t))
				f := newFixtureOn(t, raw, 99, 9)
				u := f.mustPost(user(`"userName":"ann","externalId":"e-1","emails":[` + strings.Join(emails, ",") + `]`))
				f.age(raw, "USERS", u.ID)
				if renewed {
					f.renew()
				}
				for i := range directory.MaxPurged {
					f.mustPostGroup(group(fmt.Sprint("g", i), u.ID))
				}
				change(f, u.ID)
				f.renew()
				text, _ := f.faults()
				assert.Emptyf(t, text, "%s, renewed %t:\n%s", name, renewed, text)
			}
		}
	})
}
