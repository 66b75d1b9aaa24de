package httpapi

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/idp"
	"github.com/rollcall-scim/rollcall/internal/journal"
)

// Each kind of request is recognized by what was asked and done.
func TestEvent_Kind(t *testing.T) {
	for _, tt := range []struct {
		e       event
		refused bool
		want    journal.Kind
	}{
		{event{Operation: journal.List, Type: "User"}, false, journal.Lookups},
		{event{Operation: journal.List, Type: "User", imports: true}, false, journal.Imports},
		{event{Operation: journal.Read, Type: "Group"}, false, journal.Lookups},
		{event{Operation: journal.Search}, false, journal.Lookups},
		{event{Operation: journal.List}, true, ""},
		{event{Operation: journal.Discover}, false, ""},
		{event{Operation: journal.Create, Type: "User", Action: journal.Created}, false, journal.Creations},
		{event{Operation: journal.Create, Type: "User", Action: journal.Reactivated}, false, journal.Creations},
		{event{Operation: journal.Replace, Type: "User", Action: journal.Updated}, false, journal.Updates},
		{event{Operation: journal.Modify, Type: "User", Action: journal.Unchanged}, false, journal.Updates},
		{event{Operation: journal.Replace, Type: "User", Action: journal.Deactivated}, false, journal.Departures},
		{event{Operation: journal.Delete, Type: "User", Action: journal.Deleted}, false, journal.Departures},
		{event{Operation: journal.Create, Type: "Group", Action: journal.Created}, false, journal.Groups},
		{event{Operation: journal.Modify, Type: "Group"}, false, journal.Groups},
		{event{Operation: journal.Create, Type: "User", Cause: cause.SeatLimit}, true, journal.Refusals},
		{event{Operation: journal.Modify, Type: "Group", Cause: cause.GroupNotFound}, true, journal.GroupRefusals},
		{event{Operation: journal.Delete, Type: "User", Cause: cause.UserNotFound}, true, ""},
		{event{Operation: journal.Create, Type: "User", Cause: cause.RateLimit}, true, ""},
		{event{Operation: journal.Bulk}, false, ""},
		{event{}, false, ""},
	} {
		require.Equal(t, tt.want, tt.e.kind(tt.refused), "%+v", tt.e)
	}
}

// The first request of a kind on a day is written at once, whatever else was written; the
// others wait, are bounded in number, and none is lost.
func TestActivity_WritesTheFirstOfEachKind(t *testing.T) {
	var a activity
	start := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	send := func(at time.Duration, e event) []journal.Day {
		e.Outcome, e.IdP = journal.Success, idp.Okta
		q := &request{id: fmt.Sprint(at), start: start.Add(at), grant: access.Grant{Tenant: tenantID(t, "acme"), TokenID: "k"}, event: &e}
		return a.of(q, &reply{}).Days
	}
	create := event{Operation: journal.Create, Type: "User", Action: journal.Created}
	leave := event{Operation: journal.Modify, Type: "User", Action: journal.Deactivated}
	first := send(0, create)
	require.Len(t, first, 1)
	require.Equal(t, map[journal.Kind]int64{journal.Creations: 1}, first[0].Count)
	require.Equal(t, start.Truncate(24*time.Hour), first[0].Day)
	require.Equal(t, first[0].Day.Add(journal.DaysKept), first[0].Expires)
	for i := range 20 {
		require.Empty(t, send(time.Duration(i)*time.Second, create))
	}
	left := send(21*time.Second, leave)
	require.Len(t, left, 1)
	require.Equal(t, map[journal.Kind]int64{journal.Creations: 20, journal.Departures: 1}, left[0].Count)
	require.Equal(t, start.Add(21*time.Second), left[0].Last[journal.Departures])
	writes := 0
	for i := range 3600 {
		writes += len(send(time.Minute+time.Duration(i)*time.Second, leave))
	}
	require.LessOrEqual(t, writes, 1, "of departures it matters only that they come")
	require.Len(t, send(12*time.Hour, leave), 2, "another day begins again, and what was left of the last one is written")
}

// A write that may have failed is repeated for its kinds, and never counted twice.
func TestActivity_LostDaysAreWrittenAgain(t *testing.T) {
	var a activity
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	request := func(e event) *request {
		e.Outcome = journal.Success
		return &request{id: "r", start: now, grant: access.Grant{Tenant: tenantID(t, "acme"), TokenID: "k"}, event: &e}
	}
	leave := request(event{Operation: journal.Delete, Type: "User", Action: journal.Deleted})
	lost := a.of(leave, &reply{})
	a.lost(leave, lost)
	look := a.of(request(event{Operation: journal.Read, Type: "User"}), &reply{})
	require.Len(t, look.Days, 1)
	require.Equal(t, map[journal.Kind]int64{journal.Lookups: 1}, look.Days[0].Count)
	require.Contains(t, look.Days[0].Last, journal.Departures)
}
