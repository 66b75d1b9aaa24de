package journal_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/journal"
)

// The policy as a reader of the documentation expects it: the causes of each kind of
// entry. All others have an entry for each request.
var (
	neverLogged = []cause.Cause{
		cause.TokenMissing, cause.TokenInvalid, cause.TokenUnknown, cause.TokenRepeated, cause.BadEvent, cause.NoRoute,
		cause.NotSupported, cause.ProtocolVersion, cause.MethodNotAllowed, cause.SchemaNotFound, cause.DiscoveryFilter,
		cause.AccessExpired, cause.ClientUnknown,
	}
	changesLogged  = []cause.Cause{cause.UserNotFound, cause.GroupNotFound, cause.GroupDeleted}
	countedByToken = []cause.Cause{cause.TokenRevoked, cause.TokenExpired, cause.StaticRefused, cause.AccessEnded, cause.ClientRevoked}
	countedByDay   = []cause.Cause{cause.SCIMDisabled, cause.RateLimit}
	// The token endpoint counts nothing.
	notCounted      = []cause.Cause{cause.SecretUnknown, cause.SecretExpired, cause.SecretRevoked, cause.AssertionRefused, cause.OAuthRequest, cause.GrantUnsupported}
	loggedByMinute  = slices.Concat(countedByToken, countedByDay, notCounted)
	changes         = []journal.Operation{journal.Create, journal.Replace, journal.Modify, journal.Delete, journal.Purge, journal.Bulk}
	readOperations  = []journal.Operation{journal.Read, journal.List, journal.Search, journal.Discover}
	unauthenticated = journal.Operation("")
)

func TestRuleOf_HasARuleForEachCause(t *testing.T) {
	for _, c := range cause.Causes() {
		want := journal.Rule{}
		switch {
		case slices.Contains(neverLogged, c):
			want.Entries = journal.None
		case slices.Contains(changesLogged, c):
			want.Entries = journal.EachChange
		case slices.Contains(countedByToken, c):
			want = journal.Rule{Entries: journal.OneAMinute, Counted: journal.ByToken}
		case slices.Contains(notCounted, c):
			want.Entries = journal.OneAMinute
		case slices.Contains(countedByDay, c):
			want = journal.Rule{Entries: journal.OneAMinute, Counted: journal.ByDay}
		}
		require.Equal(t, want, journal.RuleOf(c), c)
	}
}

func TestDocumented_SaysWhichRequestsHaveNoEntry(t *testing.T) {
	for _, c := range cause.Causes() {
		text := journal.Documented(c)
		switch {
		case slices.Contains(neverLogged, c):
			require.Contains(t, text, "only in the log lines", c)
		case slices.Contains(loggedByMinute, c):
			require.Contains(t, text, "one of them a minute", c)
			require.Equal(t, !slices.Contains(notCounted, c), strings.Contains(text, "how many there were"), c)
		default:
			require.Empty(t, text, c)
		}
	}
}

func TestOperation_ReadsOrChanges(t *testing.T) {
	for _, o := range changes {
		require.True(t, o.Changes() && !o.Reads(), o)
	}
	for _, o := range readOperations {
		require.True(t, o.Reads() && !o.Changes(), o)
	}
	require.False(t, unauthenticated.Reads() || unauthenticated.Changes(), "no operation")
}

// A refused change is recorded whatever the cause: a request that has none is refused
// before its operation is known.
func TestRecords_RefusedChangesAndQueries(t *testing.T) {
	for _, c := range cause.Causes() {
		for _, o := range changes {
			require.True(t, journal.Records(o, c), "%s, %s", o, c)
		}
		require.False(t, journal.Records(unauthenticated, c), c)
		for _, o := range readOperations {
			want := !slices.Contains(neverLogged, c) && !slices.Contains(changesLogged, c)
			require.Equal(t, want, journal.Records(o, c), "%s, %s", o, c)
		}
	}
}

func TestMarksFailing_SubjectsOfRefusedChanges(t *testing.T) {
	for _, c := range cause.Causes() {
		for _, o := range slices.Concat(changes, readOperations, []journal.Operation{unauthenticated}) {
			want := o.Changes() && o != journal.Bulk && !slices.Contains(loggedByMinute, c) &&
				!(o == journal.Delete && slices.Contains(changesLogged, c))
			require.Equal(t, want, journal.MarksFailing(o, c), "%s, %s", o, c)
		}
	}
}

// An entry gets a late id as soon as its request has taken more than two seconds: a
// reader of the log waits no longer for an older entry.
func TestLate_AfterAQuarterOfTheTimeToWrite(t *testing.T) {
	began := time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
	require.False(t, journal.Late(began, began.Add(2*time.Second)))
	require.True(t, journal.Late(began, began.Add(2*time.Second+1)))
	require.Equal(t, 8*time.Second, journal.WriteTime)
	require.Equal(t, 8*24*time.Hour, journal.TallyKept)
}

// 15 seconds are part of the documentation of the events, and a write may take all of it: it
// is sent as late as it may be, by an instance whose clock is as wrong as it may be, and the
// table takes as long as it may.
func TestSettleTime_CoversTheSlowestWrite(t *testing.T) {
	require.Equal(t, 15*time.Second, journal.SettleTime)
	require.GreaterOrEqual(t, journal.SettleTime, journal.WriteTime+journal.ClockDifference+journal.LongestCall)
	require.Equal(t, 2*time.Second, journal.ClockDifference)
}

func TestMayBeChanged_OnlyIfTheOutcomeIsOpen(t *testing.T) {
	for _, c := range cause.Causes() {
		require.Equal(t, c == cause.Unfinished || c == cause.OutcomeUnknown, journal.MayBeChanged(c), c)
	}
}
