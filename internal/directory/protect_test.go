package directory_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

func isProtectedFrom(err error, what directory.Refusal, id string) bool {
	var e *directory.ProtectedError
	return errors.As(err, &e) && e.Refused == what && e.ID == id
}

func (f *fixture) protect(id string, on bool) {
	f.t.Helper()
	f.mustModifyInApp(id, directory.AppChange{Protected: &on})
}

func TestProtected_RefusesIdentityProviders(t *testing.T) {
	enginetest.Run(t, func(t *testing.T, open opener) {
		f := newFixture(t, open, 9, 9)
		u := f.mustPost(user(`"userName":"Ann","externalId":"e1","emails":[{"value":"ann@x.test"},{"value":"other@x.test"}]`))
		f.protect(u.ID, true)
		const same = `"userName":"Ann","externalId":"e1","emails":[{"value":"ann@x.test"}]`
		put := func(attributes string) func() error {
			return func() error {
				_, err := f.put(u.ID, user(attributes), nil)
				return err
			}
		}
		patch := func(operations string) func() error {
			return func() error {
				_, err := f.patch(u.ID, operations, nil)
				return err
			}
		}
		reader := fmt.Sprintf(`%q:{"isTeamAccount":false}`, extension)
		for _, c := range []struct {
			name string
			do   func() error
			want directory.Refusal
		}{
			{"DELETE", func() error { return f.remove(u.ID) }, directory.RefusedDeletion},
			{"PUT active=false", put(same + `,"active":false`), directory.RefusedDeactivation},
			{"PUT another userName", put(`"userName":"Anna","externalId":"e1","emails":[{"value":"ann@x.test"}]`), directory.RefusedRenaming},
			{"PUT as a Reader", put(same + `,` + reader), directory.RefusedReader},
			{"PUT another email", put(`"userName":"Ann","externalId":"e1","emails":[{"value":"evil@x.test"}]`), directory.RefusedEmail},
			{"PUT another primary email", put(`"userName":"Ann","externalId":"e1","emails":[{"value":"ann@x.test"},{"value":"other@x.test","primary":true}]`), directory.RefusedEmail},
			{"PUT without an email", put(`"userName":"Ann","externalId":"e1"`), directory.RefusedEmail},
			{"PUT another externalId", put(`"userName":"Ann","externalId":"E1","emails":[{"value":"ann@x.test"}]`), directory.RefusedExternalID},
			{"PUT without externalId", put(`"userName":"Ann","emails":[{"value":"ann@x.test"}]`), directory.RefusedExternalID},
			{"PATCH active=false", patch(`[{"op":"replace","path":"active","value":false}]`), directory.RefusedDeactivation},
			{"PATCH active=\"False\"", patch(`[{"op":"Replace","path":"active","value":"False"}]`), directory.RefusedDeactivation},
			{"PATCH another userName", patch(`[{"op":"add","path":"userName","value":"Anna"}]`), directory.RefusedRenaming},
			{"PATCH as a Reader", patch(`[{"op":"replace","value":{` + reader + `}}]`), directory.RefusedReader},
			{"PATCH another email", patch(`[{"op":"replace","path":"emails[value eq \"ann@x.test\"].value","value":"evil@x.test"}]`), directory.RefusedEmail},
			{"PATCH another email before it", patch(`[{"op":"add","path":"emails","value":[{"value":"evil@x.test","primary":true}]}]`), directory.RefusedEmail},
			{"PATCH no emails", patch(`[{"op":"remove","path":"emails"}]`), directory.RefusedEmail},
			{"PATCH another externalId", patch(`[{"op":"replace","value":{"externalId":"e2"}}]`), directory.RefusedExternalID},
			{"PATCH no externalId", patch(`[{"op":"remove","path":"externalId"}]`), directory.RefusedExternalID},
			{"PUT what may change", put(`"userName":"Ann","externalId":"e1","displayName":"A","emails":[{"value":"ANN@x.test"},{"value":"more@x.test"}]`), ""},
			{"PATCH the userName in another case", patch(`[{"op":"replace","path":"userName","value":"ANN"}]`), ""},
			{"PATCH active=true", patch(`[{"op":"replace","path":"active","value":true}]`), ""},
			{"PATCH a group's member", func() error {
				f.mustPostGroup(group("in", u.ID))
				return nil
			}, ""},
		} {
			before := f.read(u.ID)
			err := c.do()
			switch {
			case c.want == "" && err != nil, c.want != "" && !isProtectedFrom(err, c.want, u.ID):
				t.Errorf("%s: %v, want %q", c.name, err, c.want)
			case c.want != "" && f.read(u.ID).Version != before.Version:
				t.Errorf("%s changed the user", c.name)
			}
			f.check(1)
		}

		// The application may change a protected user. While such a user is
		// inactive, an identity provider cannot activate it by any request.
		off := f.mustModifyInApp(u.ID, directory.AppChange{Type: ptr(tenant.Reader), UserName: ptr("ann2"), Active: ptr(false)})
		assert.Truef(t, !off.Active && off.Protected, "changed by the application: %+v", off)
		asleep := f.mustPost(user(`"userName":"asleep","externalId":"e9"`))
		f.mustPatch(asleep.ID, deactivate)
		f.protect(asleep.ID, true)
		f.refusesToWake(asleep.ID)
		own := f.mustCreateInApp(directory.AppUser{UserName: "own", Email: "own@x.test", Protected: true})
		team := fmt.Sprintf(`%q:{"isTeamAccount":true}`, extension)
		_, err := f.post(user(`"userName":"other","emails":[{"value":"own@x.test"}],` + team))
		assert.Truef(t, isProtectedFrom(err, directory.RefusedRenaming, own.ID), "POST with another name links: %v", err)
		_, err = f.post(user(`"userName":"own","emails":[{"value":"evil@x.test"}],` + team))
		assert.Truef(t, isProtectedFrom(err, directory.RefusedEmail, own.ID), "POST with another email links: %v", err)
		r, err := f.post(user(`"userName":"own","externalId":"e2","emails":[{"value":"own@x.test"}],` + team))
		assert.Truef(t, err == nil && r.Action == journal.Linked && r.User.Protected, "POST links: %+v, %v", r, err)
		f.protect(u.ID, false)
		f.mustRemove(u.ID)
		f.check(1)
	})
}

// refusesToWake checks that no request activates a protected user.
func (f *fixture) refusesToWake(id string) {
	f.t.Helper()
	for name, do := range map[string]func() error{
		"POST": func() error { _, err := f.post(user(`"userName":"asleep","externalId":"e9"`)); return err },
		"PATCH": func() error {
			_, err := f.patch(id, activate, nil)
			return err
		},
		"PUT": func() error {
			_, err := f.put(id, user(`"userName":"asleep","externalId":"e9","active":true`), nil)
			return err
		},
	} {
		err := do()
		assert.Truef(f.t, isProtectedFrom(err, directory.RefusedActivation, id), "%s activates: %v", name, err)
	}
}

// A protected user of the application is linked by a PUT or PATCH that agrees
// with the record, which fills in missing values; after that nothing is filled
// in any more.
func TestProtected_LinkFills(t *testing.T) {
	enginetest.Run(t, func(t *testing.T, open opener) {
		for name, link := range map[string]func(f *fixture, id string) error{
			"PUT": func(f *fixture, id string) error {
				_, err := f.put(id, user(`"userName":"own","externalId":"e1","emails":[{"value":"own@x.test"}]`), nil)
				return err
			},
			"PATCH": func(f *fixture, id string) error {
				_, err := f.patch(id, `[{"op":"add","value":{"externalId":"e1","emails":[{"value":"own@x.test"}]}}]`, nil)
				return err
			},
			"POST": func(f *fixture, _ string) error {
				_, err := f.post(user(`"userName":"own","externalId":"e1","emails":[{"value":"own@x.test"}]` + teamAccount(true)))
				return err
			},
		} {
			f := newFixture(t, open, 9, 9)
			id := f.mustCreateInApp(directory.AppUser{UserName: "own", Protected: true}).ID
			assert.NoErrorf(t, link(f, id), "%s", name)
			o := object(t, f.read(id))
			assert.Truef(t, o["externalId"] == "e1" && o["emails"] != nil, "%s: %v, want the value filled in", name, o)
			f.check(1)
		}
		f := newFixture(t, open, 9, 9)
		id := f.mustCreateInApp(directory.AppUser{UserName: "own", Protected: true}).ID
		f.mustPatch(id, `[{"op":"add","path":"title","value":"x"}]`)
		_, err := f.patch(id, `[{"op":"add","path":"externalId","value":"e1"}]`, nil)
		assert.Truef(t, isProtectedFrom(err, directory.RefusedExternalID, id), "an externalId sent after the link: %v", err)
		f.check(1)
	})
}

// A protected user stays in its groups, small and large, whatever request would
// remove it; other members may leave.
func TestProtected_StaysInGroups(t *testing.T) {
	enginetest.Run(t, func(t *testing.T, open opener) {
		const many = directory.MaxJoined + 5
		f := newFixture(t, open, 9, 9)
		owner := f.mustPost(user(`"userName":"owner"`)).ID
		other := f.mustPost(user(`"userName":"other owner"`)).ID
		people := f.people(2 * many)
		f.protect(owner, true)
		f.protect(other, true)
		n := len(people)
		require.True(t, n >= 2*many, n)
		for _, c := range []struct {
			name    string
			members []string
		}{
			{"a small group", append([]string{owner}, people[:3]...)},
			{"a large group", append([]string{owner}, people[:many]...)},
		} {
			t.Run(c.name, func(t *testing.T) {
				id := f.mustPostGroup(group(c.name, c.members...))
				rest := c.members[1:]
				fresh := people[many:]
				refused := map[string]func() error{
					"PATCH removes it by filter": func() error {
						_, err := f.patchGroup(id, fmt.Sprintf(`{"op":"remove","path":"members[value eq \"%s\"]"}`, owner))
						return err
					},
					"PATCH removes it by value, among others": func() error {
						_, err := f.patchGroup(id, fmt.Sprintf(`{"op":"remove","path":"members","value":[%s]}`, values([]string{rest[0], owner})))
						return err
					},
					"PATCH removes it alone, and many join": func() error {
						_, err := f.patchGroup(id, remove(owner)+","+add(fresh...))
						return err
					},
					"PATCH removes all by name": func() error {
						_, err := f.patchGroup(id, fmt.Sprintf(`{"op":"remove","path":"members","value":[%s]}`, values(c.members)))
						return err
					},
					"PATCH clears": func() error {
						_, err := f.patchGroup(id, `{"op":"remove","path":"members"}`)
						return err
					},
					"PATCH replaces by a few": func() error {
						_, err := f.patchGroup(id, fmt.Sprintf(`{"op":"replace","path":"members","value":[%s]}`, values(rest[:2])))
						return err
					},
					"PATCH replaces by many": func() error {
						_, err := f.patchGroup(id, fmt.Sprintf(`{"op":"replace","path":"members","value":[%s]}`, values(fresh)))
						return err
					},
					"PATCH swaps it": func() error {
						_, err := f.patchGroup(id, fmt.Sprintf(`{"op":"replace","path":"members[value eq \"%s\"].value","value":%q}`, owner, fresh[0]))
						return err
					},
					"PUT without members": func() error { _, err := f.putGroup(id, group(c.name)); return err },
					"PUT with others":     func() error { _, err := f.putGroup(id, group(c.name, fresh...)); return err },
					"DELETE": func() error {
						_, err := f.dir.DeleteGroup(t.Context(), f.tenant, f.by(), id, nil)
						return err
					},
				}
				for name, do := range refused {
					version := f.version(id)
					err := do()
					assert.Truef(t, isProtectedFrom(err, directory.RefusedLeaving, owner), "%s: %v", name, err)
					assert.Equalf(t, version, f.version(id), "%s changed the group", name)
					f.wantMembers(id, c.members...)
				}
				// Protected users that are not members, or that stay, do not
				// prevent a change.
				f.mustPatchGroup(id, fmt.Sprintf(`{"op":"remove","path":"members","value":[%s]}`, values([]string{rest[0], other})))
				f.wantMembers(id, append([]string{owner}, rest[1:]...)...)
				f.mustPatchGroup(id, fmt.Sprintf(`{"op":"replace","path":"members","value":[%s]}`, values(append([]string{owner}, fresh...))))
				f.wantMembers(id, append([]string{owner}, fresh...)...)
				f.mustPatchGroup(id, fmt.Sprintf(`{"op":"remove","path":"members","value":[%s]}`, values(fresh)))
				f.wantMembers(id, owner)
				_, err := f.dir.DeleteGroupInApp(t.Context(), f.tenant, f.app(), id)
				assert.NoError(t, err, "deleted in the application")
				f.sweep()
				f.check(2)
			})
		}
	})
}

func TestProtected_AreLimited(t *testing.T) {
	enginetest.Run(t, func(t *testing.T, open opener) {
		f := newFixture(t, open, 99, 9)
		for i := range directory.MaxProtected {
			f.mustCreateInApp(directory.AppUser{UserName: fmt.Sprintf("u%d", i), Protected: true})
		}
		_, err := f.dir.CreateInApp(t.Context(), f.tenant, f.app(), directory.AppUser{
			UserName: "more", Origin: directory.OriginJIT, Protected: true,
		})
		require.Equal(t, &directory.ProtectedLimitError{Limit: directory.MaxProtected}, err, "one more")
		// The largest number of them fits into the change that clears a large
		// group.
		id := f.mustPostGroup(group("large", f.people(directory.MaxJoined+1)...))
		f.mustPatchGroup(id, `{"op":"remove","path":"members"}`)
		f.wantMembers(id)
		id = f.mustPostGroup(group("to be deleted", f.people(directory.MaxJoined+1)...))
		_, err = f.dir.DeleteGroup(t.Context(), f.tenant, f.by(), id, nil)
		assert.NoError(t, err)
		f.sweep()
		f.check(directory.MaxProtected)
	})
}

// Protecting a member and clearing its group concurrently: if it was protected
// first, it is still a member.
func TestProtected_BesideAClear(t *testing.T) {
	enginetest.Run(t, func(t *testing.T, open opener) {
		for _, size := range []int{3, directory.MaxJoined + 3} {
			for range 4 {
				f := newFixture(t, open, 9, 9)
				owner := f.mustPost(user(`"userName":"owner"`)).ID
				id := f.mustPostGroup(group("g", append([]string{owner}, f.people(size)...)...))
				done := make(chan error)
				go func() {
					_, err := f.modifyInApp(owner, directory.AppChange{Protected: ptr(true)})
					done <- err
				}()
				_, cleared := f.patchGroup(id, `{"op":"remove","path":"members"}`)
				require.NoError(t, <-done)
				_, again := f.patchGroup(id, `{"op":"remove","path":"members"}`)
				switch {
				case cleared == nil && again == nil:
					f.wantMembers(id)
				case isProtectedFrom(cleared, directory.RefusedLeaving, owner) && isProtectedFrom(again, directory.RefusedLeaving, owner):
					if len(f.members(id)) != size+1 {
						t.Errorf("%d members", len(f.members(id)))
					}
				default:
					t.Errorf("cleared: %v, again: %v", cleared, again)
				}
				f.sweep()
				f.check(1)
			}
		}
	})
}

func (f *fixture) read(id string) *directory.User {
	f.t.Helper()
	u, err := f.dir.AppUser(f.t.Context(), f.tenant, id)
	require.NoError(f.t, err)
	return u
}

// A protected Reader stays what it is: an identity provider changes other attributes, and makes
// it neither a User nor anything else.
func TestProtected_ReaderMayChange(t *testing.T) {
	f := newFixture(t, enginetest.Memory, 9, 9)
	id := f.mustPost(reader(`"userName":"reader"`)).ID
	f.protect(id, true)
	f.mustPatch(id, `[{"op":"replace","path":"title","value":"x"}]`)
	require.Equal(t, "x", object(t, f.read(id))["title"])
	_, err := f.patch(id, `[{"op":"replace","path":"`+extension+`:isTeamAccount","value":true}]`, nil)
	require.True(t, isProtectedFrom(err, directory.RefusedUser, id), "%v", err)
}
