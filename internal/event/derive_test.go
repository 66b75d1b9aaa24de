package event_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/event"
	"github.com/rollcall-scim/rollcall/internal/idp"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

var (
	operations = []journal.Operation{
		journal.Create, journal.Replace, journal.Modify, journal.Delete, journal.Purge, journal.Bulk, journal.Repair, journal.Dismiss,
		journal.Read, journal.List, journal.Search, journal.Discover,
	}
	actions = []journal.Action{
		"", journal.Created, journal.Reactivated, journal.Restored, journal.Linked, journal.Updated, journal.Deactivated, journal.Deleted,
		journal.Purged, journal.Unchanged, journal.Repaired, journal.Dismissed,
	}
)

// caused are the events of what was done, as the documentation promises them.
var caused = map[string]map[journal.Action]event.Type{
	journal.TypeUser: {
		journal.Created: "user.created", journal.Reactivated: "user.reactivated", journal.Restored: "user.restored", journal.Linked: "user.linked",
		journal.Updated: "user.updated", journal.Deactivated: "user.deactivated", journal.Deleted: "user.deleted", journal.Purged: "user.purged",
		journal.Repaired: "user.updated",
	},
	journal.TypeGroup: {
		journal.Created: "group.created", journal.Updated: "group.updated", journal.Deleted: "group.deleted", journal.Repaired: "group.updated",
	},
}

func acme(t *testing.T) tenant.ID {
	t.Helper()
	id, err := tenant.ParseID("acme")
	require.NoError(t, err)
	return id
}

// entry returns an entry of an identity provider.
func entry(operation journal.Operation, action journal.Action, of, id string) journal.Entry {
	return journal.Entry{
		RequestID: "r1", Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), IdP: idp.Okta, Operation: operation, Action: action,
		ResourceType: of, ResourceID: id, Version: 7, Subject: "name", ExternalID: "ext", Outcome: journal.Success, Changed: []string{"title"},
	}
}

// Each combination of what an entry can say, whether a request causes it or not, causes
// exactly the event of what was done: no outcome and no cause hides a change, and nothing but
// a change makes one.
func TestOf_CausesTheEventOfWhatWasDone(t *testing.T) {
	for _, operation := range operations {
		for _, action := range actions {
			for _, outcome := range journal.Outcomes {
				for _, by := range []journal.Actor{"", journal.ByIdP, journal.ByApplication} {
					for _, of := range []string{journal.TypeUser, journal.TypeGroup, journal.TypeTenant, ""} {
						e := entry(operation, action, of, "x1")
						e.Outcome, e.By, e.Who, e.Cause = outcome, by, "Dana", cause.Tolerated
						name := fmt.Sprint(operation, " ", action, " ", outcome, " ", by, " ", of)
						drafts := event.Of(acme(t), event.Source{Entry: &e})
						kind, changes := caused[of][action]
						if !changes {
							require.Empty(t, drafts, name)
							continue
						}
						require.Len(t, drafts, 1, name)
						d := drafts[0]
						require.Equal(t, []any{kind, "r1", "r1", acme(t), by, "okta", "Dana", e.Time}, []any{d.Type, d.ID(), d.RequestID, d.Tenant, d.By, d.IdP, d.Who, d.Time}, name)
						require.Equal(t, journal.Subject{Type: of, ID: "x1", Name: "name", ExternalID: "ext"}, d.Subject, name)
						require.Equal(t, action == journal.Deleted && of == journal.TypeUser || action == journal.Purged, d.Ended, name)
						require.NotEmpty(t, d.SCIMEvent, name)
					}
				}
			}
		}
	}
}

// summary is what a test expects of an event.
func summary(d event.Draft) string {
	s := fmt.Sprintf("%s %s %s#%s v%d %v", d.ID(), d.Type, d.Subject.Type, d.Subject.ID, d.Version, d.Changed)
	if len(d.Added)+len(d.Removed) > 0 {
		s += fmt.Sprintf(" +%d -%d", len(d.Added), len(d.Removed))
	}
	if d.Replaced {
		s += " replaced"
	}
	if d.Generation > 0 {
		s += fmt.Sprintf(" g%d", d.Generation)
	}
	if d.Ended {
		s += " ended"
	}
	return s
}

// ids returns some ids of users.
func ids(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprint("u", i)
	}
	return all
}

func TestOf_EntriesOfSeveralEvents(t *testing.T) {
	user := func(action journal.Action, change func(*journal.Entry)) journal.Entry {
		e := entry(journal.Modify, action, journal.TypeUser, "u1")
		change(&e)
		return e
	}
	group := func(action journal.Action, change func(*journal.Entry)) journal.Entry {
		e := entry(journal.Modify, action, journal.TypeGroup, "g1")
		e.Version = 0
		change(&e)
		return e
	}
	newSet := func(size int, changed ...string) func(*journal.Entry) {
		return func(e *journal.Entry) { e.NewSet, e.Size, e.Epoch, e.Changed = true, size, 4, changed }
	}
	for name, c := range map[string]struct {
		entry journal.Entry
		// set is how many ids of a new set are read, each of which an event names; unnamed
		// those that none names.
		set, unnamed int
		want         []string
	}{
		"a rehire": {
			entry: user(journal.Reactivated, func(e *journal.Entry) { e.Ended, e.Left = true, []string{"g1", "g2"} }),
			want: []string{
				"r1 user.reactivated User#u1 v7 [title] ended", "r1-1 group.members_changed Group#g1 v0 [] +0 -1", "r1-2 group.members_changed Group#g2 v0 [] +0 -1",
			},
		},
		"a rehire from many groups": {
			entry: user(journal.Reactivated, func(e *journal.Entry) { e.Ended = true }), want: []string{"r1 user.reactivated User#u1 v7 [title] ended"},
		},
		"memberships that a task ends": {
			entry: user(journal.Updated, func(e *journal.Entry) { e.ID, e.Version, e.Left = "t1", 0, []string{"g1"} }),
			want:  []string{"t1 group.members_changed Group#g1 v0 [] +0 -1"},
		},
		"a deletion of a user who stays readable": {
			entry: user(journal.Deleted, func(e *journal.Entry) { e.Kept = true }), want: []string{"r1 user.deactivated User#u1 v7 [title] ended"},
		},
		"values that deleted users lose": {
			entry: user(journal.Created, func(e *journal.Entry) { e.Lost = []journal.Loss{{ID: "u8", Version: 3}, {ID: "u9", Version: 5}} }),
			want:  []string{"r1 user.created User#u1 v7 [title]", "r1-1 user.updated User#u8 v3 []", "r1-2 user.updated User#u9 v5 []"},
		},
		"a repair of a stray item": {
			entry: user(journal.Repaired, func(e *journal.Entry) { e.Version = 0 }),
		},
		"a repair of a stray item of a group": {
			entry: group(journal.Repaired, func(*journal.Entry) {}),
		},
		"a group with members": {
			entry: group(journal.Created, func(e *journal.Entry) { e.Version, e.Added = 1, ids(2) }), want: []string{"r1 group.created Group#g1 v1 [title] +2 -0"},
		},
		"a group with many members": {
			entry: group(journal.Created, newSet(2001, "displayName")), set: 2001,
			want: []string{
				"r1 group.created Group#g1 v0 [displayName] +1000 -0 g4", "r1-1 group.members_changed Group#g1 v0 [] +1000 -0 g4",
				"r1-2 group.members_changed Group#g1 v0 [] +1 -0 g4",
			},
		},
		"a change of members": {
			entry: group(journal.Updated, func(e *journal.Entry) { e.Changed, e.Added, e.Removed = []string{"members"}, ids(2), ids(1) }),
			want:  []string{"r1 group.members_changed Group#g1 v0 [] +2 -1"},
		},
		"a change of the name and of members": {
			entry: group(journal.Updated, func(e *journal.Entry) { e.Changed, e.Added = []string{"displayName", "members"}, ids(2) }),
			want:  []string{"r1 group.updated Group#g1 v0 [displayName]", "r1-1 group.members_changed Group#g1 v0 [] +2 -0"},
		},
		"an accepted change of many members": {
			entry: group(journal.Updated, func(e *journal.Entry) { e.Changed = []string{"members"} }), want: []string{"r1 group.members_changed Group#g1 v0 []"},
		},
		"a change of which the log has no names": {
			entry: group(journal.Updated, func(e *journal.Entry) { e.Changed = nil }), want: []string{"r1 group.updated Group#g1 v0 []"},
		},
		"a whole new set": {
			entry: group(journal.Updated, newSet(1000, "members")), set: 1000, want: []string{"r1 group.members_changed Group#g1 v0 [] +1000 -0 replaced g4"},
		},
		"a large new set and a name": {
			entry: group(journal.Updated, newSet(1001, "displayName", "members")), set: 1001,
			want: []string{
				"r1 group.updated Group#g1 v0 [displayName]", "r1-1 group.members_changed Group#g1 v0 [] +1000 -0 replaced g4",
				"r1-2 group.members_changed Group#g1 v0 [] +1 -0 replaced g4",
			},
		},
		"an emptied group": {
			entry: group(journal.Updated, newSet(0, "members")), want: []string{"r1 group.members_changed Group#g1 v0 [] replaced g4"},
		},
		"a new set that an earlier version wrote": {
			entry: group(journal.Updated, func(e *journal.Entry) { newSet(5, "members")(e); e.Epoch = 0 }), want: []string{"r1 group.members_changed Group#g1 v0 []"},
		},
		"a new set that has expired before its entry": {
			entry: group(journal.Updated, newSet(5, "members")), want: []string{"r1 group.members_changed Group#g1 v0 []"},
		},
		"a new set of which a part has expired": {
			entry: group(journal.Updated, newSet(1500, "members")), unnamed: 1000, want: []string{"r1 group.members_changed Group#g1 v0 []"},
		},
		"a change whose answer was too large": {
			entry: user(journal.Updated, func(e *journal.Entry) { e.Outcome, e.Cause = journal.Failure, cause.AnswerTooLarge }),
			want:  []string{"r1 user.updated User#u1 v7 [title]"},
		},
	} {
		var got []string
		all := ids(c.set + c.unnamed)
		members := 0
		for i, d := range event.Of(acme(t), event.Source{Entry: &c.entry, Set: all}) {
			require.Equal(t, i, d.Part, name)
			if len(d.Added) > 0 && c.set > 0 {
				require.Equal(t, all[members:members+len(d.Added)], d.Added, name)
				members += len(d.Added)
			}
			got = append(got, summary(d))
		}
		require.Equal(t, c.want, got, name)
		require.Equal(t, c.set, members, name)
	}
}

// The first failure of a subject is an event with the reason; any other is none.
func TestOf_FirstFailure(t *testing.T) {
	e := entry(journal.Create, "", journal.TypeUser, "")
	e.Outcome, e.Cause, e.Detail, e.About = journal.Failure, cause.SeatLimit, "50 of 50 seats in use.", journal.Subject{Type: journal.TypeUser, ID: "u3"}
	require.Empty(t, event.Of(acme(t), event.Source{Entry: &e}))
	e.Begins = true
	drafts := event.Of(acme(t), event.Source{Entry: &e})
	require.Len(t, drafts, 1)
	require.Equal(t, "r1 provisioning.failing User#u3 v0 []", summary(drafts[0]))
	require.Equal(t, map[string]string{"operation": "create", "cause": "seat_limit", "detail": "50 of 50 seats in use.", "whatToDo": e.WhatToDo()}, drafts[0].Details)
	require.Empty(t, drafts[0].SCIMEvent)
}

func TestOf_Signal(t *testing.T) {
	s := journal.Signal{
		ID: "s1", Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Type: "seats.full", RequestID: "r1", Details: map[string]string{"limit": "5"},
		Subject: journal.Subject{Type: journal.TypeUser, Name: "dora"},
	}
	require.Equal(t, []event.Draft{{
		Key: "s1", Type: event.SeatsFull, Time: s.Time, Tenant: acme(t), Subject: s.Subject, RequestID: "r1", Details: s.Details,
	}}, event.Of(acme(t), event.Source{Signal: &s}))
	require.Empty(t, event.Of(acme(t), event.Source{}))
}

// The URIs are those of RFC 9967: a PUT has its own, and an event of a type has one if it is
// about a change.
func TestOf_URIsOfRFC9967(t *testing.T) {
	const prefix = "urn:ietf:params:scim:event:prov:"
	for _, c := range []struct {
		operation journal.Operation
		action    journal.Action
		of        string
		want      string
	}{
		{journal.Create, journal.Created, journal.TypeUser, "create:notice"},
		{journal.Replace, journal.Updated, journal.TypeUser, "put:notice"},
		{journal.Modify, journal.Updated, journal.TypeUser, "patch:notice"},
		{journal.Replace, journal.Deactivated, journal.TypeUser, "deactivate"},
		{journal.Create, journal.Reactivated, journal.TypeUser, "activate"},
		{journal.Create, journal.Restored, journal.TypeUser, "create:notice"},
		{journal.Delete, journal.Deleted, journal.TypeUser, "delete"},
		{journal.Purge, journal.Purged, journal.TypeUser, "delete"},
		{journal.Replace, journal.Linked, journal.TypeUser, "put:notice"},
		{journal.Create, journal.Created, journal.TypeGroup, "create:notice"},
		{journal.Replace, journal.Updated, journal.TypeGroup, "put:notice"},
		{journal.Delete, journal.Deleted, journal.TypeGroup, "delete"},
	} {
		e := entry(c.operation, c.action, c.of, "x1")
		require.Equal(t, prefix+c.want, event.Of(acme(t), event.Source{Entry: &e})[0].SCIMEvent, "%+v", c)
	}
	kept := entry(journal.Delete, journal.Deleted, journal.TypeUser, "u1")
	kept.Kept = true
	require.Equal(t, prefix+"deactivate", event.Of(acme(t), event.Source{Entry: &kept})[0].SCIMEvent)
}

// All types are known by their names, each once, and nothing else is.
func TestParseType_KnowsAllTypes(t *testing.T) {
	seen := map[event.Type]bool{}
	for _, kind := range event.Types() {
		parsed, ok := event.ParseType(string(kind))
		require.True(t, ok)
		require.Equal(t, kind, parsed)
		require.False(t, seen[kind], kind)
		seen[kind] = true
	}
	for _, of := range caused {
		for _, kind := range of {
			require.True(t, seen[kind], kind)
		}
	}
	for _, name := range []string{"", "user", "User.created", "user.created "} {
		_, ok := event.ParseType(name)
		require.False(t, ok, name)
	}
}
