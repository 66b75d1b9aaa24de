package directory_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// One address belongs to one person: the userName of one user is not accepted
// as the unique email of another, and the other way round, in any request.
func TestAddress_BelongsToOneUser(t *testing.T) {
	const (
		byName = `"userName":"a@x.test","emails":[{"value":"alias@x.test"}]`
		byMail = `"userName":"alias","emails":[{"value":"a@x.test"}]`
	)
	for _, tt := range []struct {
		first, second string
		kind, as      directory.Kind
	}{
		{byName, `"userName":"b","emails":[{"value":"A@x.test"}]`, directory.Email, directory.Address},
		{byMail, `"userName":"A@X.test"`, directory.Email, directory.Email},
		{byMail, `"userName":"A@X.test","emails":[{"value":"b@x.test"}]`, directory.Address, directory.Email},
		{byMail, `"userName":"b","emails":[{"value":"b@x.test"},{"value":"a@xn--x.test"},{"value":"a@x.test","primary":true}]`, directory.Email, directory.Email},
	} {
		for _, way := range []string{"POST", "PUT", "PATCH", "the application", "the application changes"} {
			t.Run(fmt.Sprintf("%s after %s, %s", tt.second, tt.first, way), func(t *testing.T) {
				enginetest.Run(t, func(t *testing.T, open opener) {
					f := newFixture(t, open, 9, 9)
					holder := f.mustPost(user(tt.first))
					other := f.mustPost(user(`"userName":"other"`))
					sent := f.decode(user(tt.second))
					name, mail := sent.Text("userName"), directory.UniqueEmail(sent)
					var err error
					switch way {
					case "POST":
						_, err = f.post(user(tt.second))
					case "PUT":
						_, err = f.put(other.ID, user(tt.second), nil)
					case "PATCH":
						_, err = f.patch(other.ID, `[{"op":"add","value":{`+tt.second+`}}]`, nil)
					case "the application":
						_, err = f.dir.CreateInApp(t.Context(), f.tenant, f.app(), directory.AppUser{UserName: name, Email: mail, Origin: directory.OriginManual})
					default:
						_, err = f.modifyInApp(other.ID, directory.AppChange{UserName: &name, Email: &mail})
					}
					var e *directory.TakenError
					if !errors.As(err, &e) || e.Reason != directory.TakenActive || e.HolderID != holder.ID || e.HeldAs != tt.as {
						t.Fatalf("%+v, %v; want a TakenError with holder %s", e, err, holder.ID)
					}
					assert.Falsef(t, way == "POST" && e.Kind != tt.kind, "the error names %s", e.Kind)
					assert.Equal(t, other.Version, f.read(other.ID).Version, "the refused request changed the user")
					f.check(2)
				})
			})
		}
	}
}

// A user may exchange its userName and email, and gives an address up to others
// when it changes to another one.
func TestAddress_MovesWithinOneUser(t *testing.T) {
	enginetest.Run(t, func(t *testing.T, open opener) {
		f := newFixture(t, open, 9, 9)
		u := f.mustPost(user(`"userName":"a@x.test","emails":[{"value":"b@x.test"}]`))
		for _, step := range []string{
			`{"userName":"b@x.test","emails":[{"value":"a@x.test"}]}`, `{"emails":[]}`, `{"emails":[{"value":"c@x.test"}]}`,
			`{"userName":"c@x.test"}`, `{"userName":"c"}`, `{"userName":"a@x.test","emails":[{"value":"b@x.test"}]}`,
		} {
			f.mustPatch(u.ID, `[{"op":"replace","value":`+step+`}]`)
			f.check(1)
		}
		v := f.mustPost(user(`"userName":"c@x.test","emails":[{"value":"d@x.test"}]`))
		f.mustPatch(u.ID, `[{"op":"replace","path":"userName","value":"e@x.test"}]`)
		f.mustPatch(v.ID, `[{"op":"replace","path":"emails","value":[{"value":"a@x.test"}]}]`)
		_, err := f.patch(u.ID, `[{"op":"replace","path":"userName","value":"a@x.test"}]`, nil)
		taken(t, err, directory.TakenActive, directory.Address)
		// An email that is another user's secondary one is free.
		f.mustPatch(u.ID, `[{"op":"add","path":"emails","value":[{"value":"a@x.test","type":"other"}]}]`)
		f.check(2)
		// Filters compare the named attribute only: an address as userName is
		// not an email.
		for filter, want := range map[string]int{
			`emails eq "c@x.test"`: 0, `userName eq "c@x.test"`: 1, `emails eq "a@x.test"`: 2, `userName eq "a@x.test"`: 0, `emails eq "e@x.test"`: 0,
		} {
			found, err := f.search(filter, 1, 9)
			assert.Truef(t, err == nil && found.Total == want, "%s finds %d, %v; want %d", filter, found.Total, err, want)
		}
	})
}

// A POST finds an inactive or deleted user by its address, whether that is the
// user's userName or its email; a deleted user loses the address to another
// one.
func TestAddress_FindsInactiveAndDeletedUsers(t *testing.T) {
	enginetest.Run(t, func(t *testing.T, open opener) {
		const own = `"userName":"a@x.test","emails":[{"value":"alias@x.test"}]`
		for name, sent := range map[string]string{
			"email is the userName": `"userName":"new","emails":[{"value":"A@x.test"}]`,
			"userName is the email": `"userName":"ALIAS@x.test"`,
			"exchanged":             `"userName":"alias@x.test","emails":[{"value":"a@x.test"}]`,
		} {
			for _, deleted := range []bool{false, true} {
				f := newFixture(t, open, 9, 9)
				u := f.mustPost(user(own))
				if deleted {
					f.mustRemove(u.ID)
				} else {
					f.mustPatch(u.ID, deactivate)
				}
				again := f.mustPost(user(sent))
				assert.Truef(t, again.ID == u.ID && again.Active, "%s, deleted %t: %+v, want %s", name, deleted, again, u.ID)
				f.check(1)
			}
		}
		f := newFixture(t, open, 9, 9)
		u := f.mustPost(user(own))
		f.mustRemove(u.ID)
		other := f.mustPost(user(`"userName":"other"`))
		f.mustPatch(other.ID, `[{"op":"add","path":"emails","value":[{"value":"a@x.test"}]}]`)
		_, ok := f.read(u.ID).Held[directory.Address]
		assert.False(t, ok, "the deleted user still has the address")
		f.check(1)
		_, err := f.post(user(own))
		taken(t, err, directory.TakenActive, directory.Address)
		back := f.mustPost(user(`"userName":"alias@x.test"`))
		assert.Equalf(t, u.ID, back.ID, "the deleted user is not found by the value it kept: %+v", back)
		f.check(2)
	})
}

// Of several concurrent requests for one address, as userName and as email,
// exactly one succeeds.
func TestAddress_Race(t *testing.T) {
	enginetest.Run(t, func(t *testing.T, open opener) {
		for round := range 6 {
			f := newFixture(t, open, 99, 9)
			u := f.mustPost(user(`"userName":"u"`))
			v := f.mustPost(user(`"userName":"v","emails":[{"value":"v@x.test"}]`))
			wanted := []func() error{
				func() error {
					_, err := f.post(user(`"userName":"a@x.test","emails":[{"value":"b@x.test"}]`))
					return err
				},
				func() error { _, err := f.post(user(`"userName":"c","emails":[{"value":"a@x.test"}]`)); return err },
				func() error {
					_, err := f.patch(u.ID, `[{"op":"add","path":"emails","value":[{"value":"A@x.test"}]}]`, nil)
					return err
				},
				func() error {
					_, err := f.patch(v.ID, `[{"op":"replace","path":"userName","value":"A@X.test"}]`, nil)
					return err
				},
			}
			if round%2 == 1 {
				wanted = wanted[:2]
			}
			errs := make([]error, len(wanted))
			var all sync.WaitGroup
			for i, want := range wanted {
				all.Go(func() {
					for errs[i] = want(); errors.Is(errs[i], directory.ErrBusy); errs[i] = want() { // as Retry-After says
					}
				})
			}
			all.Wait()
			got := 0
			for _, err := range errs {
				var e *directory.TakenError
				switch {
				case err == nil:
					got++
				case !errors.As(err, &e):
					t.Errorf("%v", err)
				}
			}
			assert.Equalf(t, 1, got, "%d got the address: %v", got, errs)
			f.check(f.active())
		}
	})
}
