package admindoc_test

import (
	"context"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/admindoc"
	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/event"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// records is a Store of records in memory. calls are its reads, in order; between runs before
// each.
type records struct {
	users   map[string]*directory.User
	groups  map[string]*directory.Group
	stored  map[directory.Membership]bool
	calls   []string
	between func(call string)
}

func (r *records) called(name string) {
	r.calls = append(r.calls, name)
	if r.between != nil {
		r.between(name)
	}
}

func (r *records) UsersNow(_ context.Context, _ tenant.ID, subjects, members []string) (map[string]*directory.User, error) {
	r.called("users")
	found := map[string]*directory.User{}
	for _, id := range slices.Concat(subjects, members) {
		if u := r.users[id]; u != nil && (!u.Deleted || slices.Contains(subjects, id)) {
			found[id] = u
		}
	}
	return found, nil
}

func (r *records) GroupsByID(_ context.Context, _ tenant.ID, ids []string) (found []*directory.Group, err error) {
	r.called("groups")
	for _, id := range ids {
		if g := r.groups[id]; g != nil {
			found = append(found, g)
		}
	}
	return found, nil
}

func (r *records) StoredMemberships(_ context.Context, _ tenant.ID, asked []directory.Membership) (map[directory.Membership]bool, error) {
	r.called("memberships")
	stored := map[directory.Membership]bool{}
	for _, m := range asked {
		stored[m] = r.stored[m]
	}
	return stored, nil
}

func user(id string, version int64) *directory.User {
	return &directory.User{ID: id, Version: version, Active: true, Doc: []byte(`{"userName":"` + id + `@example.com"}`)}
}

func group(id string, version, epoch int64) *directory.Group {
	return &directory.Group{ID: id, Version: version, Epoch: epoch, Doc: []byte(`{"displayName":"` + id + `"}`)}
}

func subject(kind, id string) journal.Subject {
	return journal.Subject{Type: kind, ID: id, Name: "name of " + id}
}

func eventsOf(t *testing.T, r *records, drafts ...event.Draft) []adminwire.Event {
	t.Helper()
	acme, err := tenant.ParseID("acme")
	require.NoError(t, err)
	for i := range drafts {
		drafts[i].Tenant, drafts[i].Key = acme, "019b8d62-7a80-7000-8000-000000000001"
	}
	events, err := admindoc.NewReader(r).Events(t.Context(), acme, drafts)
	require.NoError(t, err)
	require.Len(t, events, len(drafts))
	return events
}

// dataOf returns the members of an event's data.
func dataOf(t *testing.T, e adminwire.Event) map[string]any {
	t.Helper()
	var data map[string]any
	require.NoError(t, json.Unmarshal(e.Data, &data))
	return data
}

func TestEvents_HaveTheResourceAsItIsNow(t *testing.T) {
	gone := user("gone", 4)
	gone.Deleted, gone.Active = true, false
	r := &records{users: map[string]*directory.User{"ann": user("ann", 7), "gone": gone}, groups: map[string]*directory.Group{"g": group("g", 3, 1)}}
	events := eventsOf(t, r,
		event.Draft{Type: event.UserCreated, Subject: subject("User", "ann"), Version: 1, IdP: "okta", SCIMEvent: "urn:x"},
		event.Draft{Type: event.UserDeleted, Subject: subject("User", "gone"), Version: 4, By: journal.ByApplication, Who: "Bo"},
		event.Draft{Type: event.UserPurged, Subject: subject("User", "purged"), Version: 9},
		event.Draft{Type: event.GroupUpdated, Subject: subject("Group", "g")},
		event.Draft{Type: event.GroupDeleted, Subject: subject("Group", "no"), Version: 5},
		event.Draft{Type: event.SeatsFull, Details: map[string]string{"limit": "5"}},
		event.Draft{Type: event.ProvisioningFailing, Subject: journal.Subject{Type: "User", Name: "new"}, IdP: "entra"},
	)
	require.Equal(t, []string{"users", "groups"}, r.calls)
	require.Equal(t, 7.0, dataOf(t, events[0])["version"])
	require.Equal(t, adminwire.EventResource{Type: "User", ID: "ann", Version: 1, UserName: "name of ann"}, *events[0].Resource)
	require.Equal(t, adminwire.EventActor{Type: "idp", Name: "okta"}, events[0].Actor)
	require.Equal(t, "urn:x", events[0].SCIMEvent)
	require.Equal(t, true, dataOf(t, events[1])["deleted"])
	require.Equal(t, adminwire.EventActor{Type: "application", Name: "Bo"}, events[1].Actor)
	require.Equal(t, "null", string(events[2].Data))
	require.Equal(t, int64(9), events[2].Resource.Version)
	require.Equal(t, int64(3), events[3].Resource.Version) // not known before
	require.Equal(t, "null", string(events[4].Data))
	require.Nil(t, events[5].Resource)
	require.Equal(t, adminwire.EventActor{Type: "rollcall"}, events[5].Actor)
	require.Equal(t, "null", string(events[6].Data))
	require.Empty(t, events[6].Resource.ID)
	for _, e := range events {
		require.False(t, e.Unreadable)
		require.Nil(t, e.Members)
	}
}

func TestEvents_SayWhoIsMemberNow(t *testing.T) {
	leaving, gone := user("leaving", 2), user("gone", 3)
	leaving.Leaving, gone.Deleted = true, true
	r := &records{
		users:  map[string]*directory.User{"in": user("in", 5), "back": user("back", 6), "out": user("out", 7), "leaving": leaving, "gone": gone},
		groups: map[string]*directory.Group{"g": group("g", 9, 4)},
		stored: map[directory.Membership]bool{},
	}
	for _, id := range []string{"in", "back", "leaving", "gone"} {
		r.stored[directory.Membership{Group: "g", Epoch: 4, User: id}] = true
	}
	r.stored[directory.Membership{Group: "g", Epoch: 3, User: "out"}] = true // of an earlier epoch
	events := eventsOf(t, r,
		event.Draft{
			Type: event.GroupMembersChanged, Subject: subject("Group", "g"),
			Added: []string{"in", "leaving", "gone", "unknown", "not an id"}, Removed: []string{"back", "out", "in"}, Generation: 2, Replaced: true,
		},
		event.Draft{Type: event.GroupMembersChanged, Subject: subject("Group", "no"), Added: []string{"in"}, Generation: 8},
		event.Draft{Type: event.GroupCreated, Subject: subject("Group", "g")},
	)
	require.Equal(t, []string{"users", "groups", "memberships"}, r.calls)
	require.Equal(t, []adminwire.EventMember{{ID: "in", Version: 5}, {ID: "leaving"}, {ID: "gone"}, {ID: "back", Version: 6}}, events[0].Members.Current)
	require.Equal(t, int64(4), events[0].Members.Generation)
	require.True(t, events[0].Members.Replaced)
	require.Equal(t, int64(9), events[0].Resource.Version)
	require.Empty(t, events[1].Members.Current)
	require.Equal(t, int64(8), events[1].Members.Generation)
	require.Zero(t, events[1].Resource.Version)
	require.Equal(t, &adminwire.EventMembers{Added: []string{}, Removed: []string{}, Generation: 4, Current: []adminwire.EventMember{}}, events[2].Members)
}

// A user who is deleted and comes back between two reads is reported with the version from
// before, so that the deletion ends the membership whenever its event comes. A version read
// last would say that the user was a member after the deletion.
func TestEvents_ReportNoMembershipWithAVersionReadAfterIt(t *testing.T) {
	m := directory.Membership{Group: "g", Epoch: 1, User: "ann"}
	r := &records{
		users: map[string]*directory.User{"ann": user("ann", 1)}, groups: map[string]*directory.Group{"g": group("g", 2, 1)},
		stored: map[directory.Membership]bool{m: true},
	}
	changed := map[string]func(){
		"groups":      func() { r.users["ann"] = user("ann", 3) },  // deleted and restored: 2, 3
		"memberships": func() { r.groups["g"] = group("g", 4, 1) }, // others joined
	}
	r.between = func(call string) {
		if change := changed[call]; change != nil {
			change()
		}
	}
	events := eventsOf(t, r, event.Draft{Type: event.GroupMembersChanged, Subject: subject("Group", "g"), Added: []string{"ann"}})
	require.Equal(t, []adminwire.EventMember{{ID: "ann", Version: 1}}, events[0].Members.Current)
	require.Equal(t, 2.0, dataOf(t, events[0])["version"])
}

// A user who is deleted when it is read may be restored and a member again by the time the
// group is read: to say "no member" at the version of the group would be wrong.
func TestEvents_ReportMembershipThatBeganAfterTheUserWasRead(t *testing.T) {
	ann := user("ann", 2)
	ann.Deleted = true
	r := &records{
		users: map[string]*directory.User{"ann": ann}, groups: map[string]*directory.Group{"g": group("g", 2, 1)},
		stored: map[directory.Membership]bool{},
	}
	r.between = func(call string) {
		if call == "groups" {
			r.users["ann"], r.groups["g"] = user("ann", 3), group("g", 3, 1)
			r.stored[directory.Membership{Group: "g", Epoch: 1, User: "ann"}] = true
		}
	}
	events := eventsOf(t, r, event.Draft{Type: event.GroupMembersChanged, Subject: subject("Group", "g"), Added: []string{"ann"}})
	require.Equal(t, []adminwire.EventMember{{ID: "ann"}}, events[0].Members.Current)
	require.Equal(t, 3.0, dataOf(t, events[0])["version"])
}

func TestEvents_DamagedRecordIsUnreadableAndStopsNoOther(t *testing.T) {
	damaged, broken := user("damaged", 2), group("broken", 3, 1)
	damaged.Doc, broken.Doc = []byte(`{"userName":`), nil
	r := &records{
		users: map[string]*directory.User{"damaged": damaged, "ann": user("ann", 1)}, groups: map[string]*directory.Group{"broken": broken},
		stored: map[directory.Membership]bool{{Group: "broken", Epoch: 1, User: "damaged"}: true},
	}
	events := eventsOf(t, r,
		event.Draft{Type: event.UserUpdated, Subject: subject("User", "damaged"), Version: 2},
		event.Draft{Type: event.GroupMembersChanged, Subject: subject("Group", "broken"), Added: []string{"damaged"}},
		event.Draft{Type: event.UserUpdated, Subject: subject("User", "ann"), Version: 1},
	)
	require.True(t, events[0].Unreadable)
	require.Equal(t, "null", string(events[0].Data))
	require.True(t, events[1].Unreadable)
	require.Equal(t, []adminwire.EventMember{{ID: "damaged", Version: 2}}, events[1].Members.Current)
	require.False(t, events[2].Unreadable)
	require.Equal(t, "ann@example.com", dataOf(t, events[2])["userName"])
}

func TestEvents_OfADeploymentReadNothing(t *testing.T) {
	r := &records{}
	events, err := admindoc.NewReader(r).Events(t.Context(), tenant.ID{}, []event.Draft{{Key: "k", Type: event.WebhookDisabled, Time: time.Unix(1, 0)}})
	require.NoError(t, err)
	require.Empty(t, r.calls)
	require.Empty(t, events[0].Tenant)
}
