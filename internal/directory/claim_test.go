package directory_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// A user has one unique email: the primary one, else the first of type work, else the first,
// else a userName that is an address. The others are found, each once, and may be shared.
func TestEmails_UniqueAndOthers(t *testing.T) {
	f := newFixture(t, enginetest.Memory, 5, 5)
	for emails, want := range map[string]struct {
		unique string
		others []string
	}{
		``:                                {"name@x", nil},
		`{"value":"A@x"}`:                 {"A@x", nil},
		`{"value":"a@x"},{"value":"b@x"}`: {"a@x", []string{"b@x"}},
		`{"value":"a@x"},{"value":"b@x","type":"WORK"},{"value":"c@x","type":"work"}`:                                {"b@x", []string{"a@x", "c@x"}},
		`{"value":"a@x","type":"work"},{"value":"b@x","primary":true},{"value":"c@x"}`:                               {"b@x", []string{"a@x", "c@x"}},
		`{"value":"a@x","type":"home"},{"value":"b@x","type":"other"}`:                                               {"a@x", []string{"b@x"}},
		`{"value":"b@x","type":"work"},{"value":"B@X","type":"home"},{"value":"C@x"},{"value":"c@x","type":"other"}`: {"b@x", []string{"c@x"}},
	} {
		r := f.decode(user(`"userName":"name@x","emails":[` + emails + `]`))
		assert.Equal(t, want.unique, directory.UniqueEmail(r), "%s", emails)
		others := directory.OtherEmails(r)
		slices.Sort(others)
		assert.Equal(t, want.others, others, "%s", emails)
		claims := directory.ClaimsOf(r)
		assert.Equal(t, directory.FoldName(want.unique), claims[directory.Email], "%s", emails)
		address := "name@x"
		if want.unique == "name@x" {
			address = "" // the same address
		}
		assert.Equal(t, address, claims[directory.Address], "%s", emails)
	}
	r := f.decode(user(`"userName":"name"`))
	assert.Empty(t, directory.UniqueEmail(r))
	assert.Equal(t, directory.Claims{directory.UserName: "name"}, directory.ClaimsOf(r))
}

// A user who would become another person's account is refused if the tenant wants that, with
// the record that holds the values.
func TestRehire_RefusesAnotherPerson(t *testing.T) {
	f := newFixture(t, enginetest.Memory, 5, 5)
	f.settings.Rehire = tenant.RehireRefuse
	u := f.mustPost(user(`"userName":"ann@x","externalId":"e1","active":false`))
	_, err := f.put(u.ID, user(`"userName":"ann@x","externalId":"e2","active":true`), nil)
	require.Equal(t, &directory.TakenError{Kind: directory.ExternalID, Value: "e2", Reason: directory.TakenRehire, HolderID: u.ID}, err)
	_, err = f.post(user(`"userName":"ann@x","externalId":"e2"`))
	require.Equal(t, &directory.TakenError{Kind: directory.UserName, HeldAs: directory.UserName, Value: "ann@x", Reason: directory.TakenRehire, HolderID: u.ID}, err)
	f.mustRemove(u.ID)
	_, err = f.post(user(`"userName":"ann@x","externalId":"e2"`))
	require.Equal(t, &directory.TakenError{Kind: directory.UserName, HeldAs: directory.UserName, Value: "ann@x", Reason: directory.TakenRehire, HolderID: u.ID}, err)
	result, err := f.post(user(`"userName":"ann@x","externalId":"e1"`))
	require.NoError(t, err)
	require.Equal(t, []any{u.ID, cause.Cause("")}, []any{result.User.ID, result.Warning}, "the same person")
}

// A group is at rest if no change of its members is in progress, in it or in a user of the
// tenant.
func TestResting_KnowsUnfinishedWork(t *testing.T) {
	c := newCrowd(t, true)
	resting := func(c *crowd, id string) bool {
		g, resting, err := c.dir.Resting(t.Context(), c.tenant, id)
		require.NoError(t, err)
		require.Equal(t, id, g.ID)
		return resting
	}
	require.True(t, resting(c, c.many))
	deleted := c.copied(t)
	deleted.stoppedAfter(1, func() { _ = deleted.remove(deleted.busy) })
	require.False(t, resting(deleted, deleted.many), "a user is leaving groups")
	deleted.settle()
	require.True(t, resting(deleted, deleted.many))
	joined := c.copied(t)
	for stop := 1; ; stop++ {
		joined = c.copied(t)
		joined.stoppedAfter(stop, func() { _, _ = joined.patchGroup(joined.many, add(joined.people[35:70]...)) })
		g, err := joined.store.Group(t.Context(), joined.tenant, joined.many)
		require.NoError(t, err)
		if g.PendingChange != "" {
			break
		}
		require.Less(t, stop, 10)
	}
	require.False(t, resting(joined, joined.many), "members are joining")
	require.True(t, resting(joined, joined.group))
	_, _, err := c.dir.Resting(t.Context(), c.tenant, newID())
	require.ErrorIs(t, err, directory.ErrNoGroup)
}

// A request for an inactive user does not link the application's user of the name.
func TestLink_NeedsAnActiveUser(t *testing.T) {
	f := newFixture(t, enginetest.Memory, 5, 5)
	own := f.mustCreateInApp(directory.AppUser{UserName: "own@x", Email: "own@x"})
	const same = `"userName":"own@x","emails":[{"value":"own@x","primary":true}],"` + extension + `":{"isTeamAccount":true}`
	_, err := f.post(user(same + `,"active":false`))
	require.Equal(t, &directory.TakenError{Kind: directory.UserName, HeldAs: directory.UserName, Value: "own@x", Reason: directory.TakenActive, HolderID: own.ID}, err)
	f.mustModifyInApp(own.ID, directory.AppChange{Active: ptr(false)})
	_, err = f.post(user(same + `,"active":false`))
	require.Equal(t, &directory.TakenError{Kind: directory.UserName, HeldAs: directory.UserName, Value: "own@x", Reason: directory.TakenInactive, HolderID: own.ID}, err)
	stored, err := f.dir.AppUser(t.Context(), f.tenant, own.ID)
	require.NoError(t, err)
	require.False(t, stored.Linked)
}

// A group that is deleted in the application leaves a marker, whoever the caller says that it
// is; the marker names nobody but a person of the application.
func TestDeleteGroupInApp_IsTheApplications(t *testing.T) {
	f := newFixture(t, enginetest.Memory, 5, 5)
	for who, want := range map[string]string{"": "the application", "arn:aws:iam::1:user/x": "the application", "root@acme.test": "root@acme.test"} {
		id := f.mustPostGroup(group("Staff"))
		by := f.by()
		by.Who = who
		_, err := f.dir.DeleteGroupInApp(t.Context(), f.tenant, by, id)
		require.NoError(t, err)
		marker, err := f.store.DeletedGroup(t.Context(), f.tenant, id)
		require.NoError(t, err)
		require.NotNil(t, marker)
		require.Equal(t, want, marker.DeletedBy())
		require.Equal(t, journal.ByApplication, f.newestEntry().By)
	}
}
