package journal_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/idp"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/scim"
)

func TestEntry_IsNamedByItsOwnIDOrItsRequests(t *testing.T) {
	require.Equal(t, "request", journal.Entry{RequestID: "request"}.Key())
	require.Equal(t, "own", journal.Entry{RequestID: "request", ID: "own"}.Key())
}

func TestEntry_WarnsOfSkippedMembers(t *testing.T) {
	e := journal.Entry{Outcome: journal.Success}
	e.Skip(nil)
	require.Equal(t, journal.Entry{Outcome: journal.Success}, e, "nobody was skipped")
	for _, ids := range [][]string{{"a"}, {"a", "b"}} {
		e := journal.Entry{Outcome: journal.Success}
		e.Skip(ids)
		require.Equal(t, journal.Entry{Outcome: journal.Warning, Cause: cause.UnknownMembers, Skipped: ids}, e)
	}
}

// notice returns a notice about an attribute.
func notice(kind, attribute string) scim.Notice { return scim.Notice{Kind: kind, Attribute: attribute} }

// A notice warns if the value was not accepted as it was meant, and only then.
func TestTolerances_WarnOfValuesNotAccepted(t *testing.T) {
	warns := map[string]bool{
		scim.NoticeUnknownAttribute: true, scim.NoticeAmbiguous: true, scim.NoticeUnknownPath: true,
		scim.NoticeTopLevel: true, scim.NoticeSecondPrimary: true, scim.NoticeKept: true,
	}
	for _, kind := range []string{
		scim.NoticeUnknownAttribute, scim.NoticeAmbiguous, scim.NoticeUnknownPath, scim.NoticeTopLevel,
		scim.NoticeSecondPrimary, scim.NoticeKept, scim.NoticeStringBoolean, scim.NoticeStringNumber,
	} {
		names, warn := journal.Tolerances([]scim.Notice{notice(kind, "x")})
		require.Equal(t, []string{kind + ":x"}, names)
		require.Equal(t, warns[kind], warn, kind)
	}
}

func TestTolerances_NameEachOnce(t *testing.T) {
	names, warn := journal.Tolerances([]scim.Notice{
		notice(scim.NoticeStringBoolean, "active"), notice(scim.NoticeStringBoolean, "active"), notice(scim.NoticeKept, "emails"), notice(scim.NoticeStringBoolean, "primary"),
	})
	require.Equal(t, []string{scim.NoticeStringBoolean + ":active", scim.NoticeKept + ":emails", scim.NoticeStringBoolean + ":primary"}, names)
	require.True(t, warn, "a later notice warns")
	names, warn = journal.Tolerances(nil)
	require.Empty(t, names)
	require.False(t, warn)
}

func TestEntry_RecordsTolerances(t *testing.T) {
	quiet := []scim.Notice{notice(scim.NoticeStringBoolean, "active")}
	loud := append(quiet, notice(scim.NoticeKept, "emails"))

	e := journal.Entry{Outcome: journal.Success}
	e.Tolerate(quiet)
	e.Tolerate(quiet)
	require.Equal(t, journal.Entry{Outcome: journal.Success, Tolerances: []string{scim.NoticeStringBoolean + ":active"}}, e, "named once, without a warning")
	e.Tolerate(loud)
	require.Equal(t, journal.Entry{
		Outcome: journal.Warning, Cause: cause.Tolerated, Tolerances: []string{scim.NoticeStringBoolean + ":active", scim.NoticeKept + ":emails"},
	}, e)

	e = journal.Entry{}
	e.Warn(cause.UnknownMembers)
	e.Tolerate(loud)
	require.Equal(t, cause.UnknownMembers, e.Cause, "the first warning stays")
	require.Len(t, e.Tolerances, 2)
}

func TestEntry_AdvisesByOutcome(t *testing.T) {
	require.Empty(t, journal.Entry{IdP: idp.Okta, Remedy: cause.SkippedMembers}.WhatToDo(), "no cause, no advice")
	refused := journal.Entry{IdP: idp.Okta, Cause: cause.UnknownMembers, Outcome: journal.Failure}
	skipped := refused
	skipped.Outcome = journal.Warning
	require.Equal(t, cause.UnknownMembers.Advice("", idp.Okta), refused.WhatToDo())
	require.Equal(t, cause.UnknownMembers.Advice(cause.SkippedMembers, idp.Okta), skipped.WhatToDo())
	require.NotEqual(t, refused.WhatToDo(), skipped.WhatToDo())

	other := journal.Entry{IdP: idp.Entra, Cause: cause.Duplicate, Outcome: journal.Warning}
	require.Equal(t, cause.Duplicate.Advice("", idp.Entra), other.WhatToDo())
	for _, r := range cause.Remedies() {
		e := journal.Entry{IdP: idp.Okta, Cause: cause.Duplicate, Remedy: r, Outcome: journal.Failure}
		require.Equal(t, cause.Duplicate.Advice(r, idp.Okta), e.WhatToDo())
	}
}

func TestHistory_HasTheNewestEntries(t *testing.T) {
	var h journal.History
	for _, key := range []string{"3", "1", "2", "3"} {
		h = h.With(key)
	}
	require.Equal(t, journal.History{"3", "2", "1"}, h, "in order, each once")
	for i := range journal.MaxHistory {
		h = h.With(fmt.Sprint(4 + i%6))
	}
	require.Equal(t, journal.History{"9", "8", "7", "6", "5", "4", "3", "2"}, h)
	require.Len(t, h, journal.MaxHistory)
	require.Equal(t, h, h.With("1"), "an entry older than all of a full history")
}

func TestFailing_IsShownAsItsLastFailure(t *testing.T) {
	at := time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
	f := journal.Failing{
		Subject:   journal.Subject{Type: journal.TypeUser, ID: "id", Name: "dora", ExternalID: "x1"},
		Operation: journal.Create, IdP: idp.Okta, Cause: cause.SeatLimit, Detail: "No seat.", Remedy: cause.SkippedMembers,
		First: at.Add(-time.Hour), Last: at, Count: 3, RequestID: "request",
	}
	require.Equal(t, journal.Entry{
		RequestID: "request", Time: at, IdP: idp.Okta, Operation: journal.Create, ResourceType: journal.TypeUser, ResourceID: "id",
		Subject: "dora", ExternalID: "x1", Outcome: journal.Failure, Cause: cause.SeatLimit, Detail: "No seat.",
		Remedy: cause.SkippedMembers, About: f.Subject,
	}, f.Entry())
	require.Equal(t, cause.SeatLimit.Advice(cause.SkippedMembers, idp.Okta), f.WhatToDo())
}

func TestSubject_IsZeroWithoutAnyName(t *testing.T) {
	require.True(t, journal.Subject{Type: journal.TypeUser}.IsZero(), "a type alone names nobody")
	for _, s := range []journal.Subject{{ID: "x"}, {Name: "x"}, {ExternalID: "x"}} {
		require.False(t, s.IsZero(), "%+v", s)
	}
}

func TestActivity_IsEmptyWithoutFacts(t *testing.T) {
	require.True(t, journal.Activity{}.Empty())
	require.False(t, journal.Activity{Seen: []journal.Seen{{}}}.Empty())
	require.False(t, journal.Activity{Tallies: []journal.Tally{{}}}.Empty())
}

func TestTally_IsALowerBoundFromABurst(t *testing.T) {
	require.False(t, journal.Tally{Count: journal.TallyBurst - 1}.AtLeast())
	require.True(t, journal.Tally{Count: journal.TallyBurst}.AtLeast())
	require.True(t, journal.Tally{Count: 1, Least: true}.AtLeast())
}
