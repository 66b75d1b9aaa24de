package provlog

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/idp"
	"github.com/rollcall-scim/rollcall/internal/journal"
)

// today is the time of these tests, a Monday.
var today = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// on returns the requests of an identity provider so many days ago.
func on(p idp.Provider, ago int, counts map[journal.Kind]int64) journal.Day {
	at := today.AddDate(0, 0, -ago)
	d := journal.Day{IdP: p, Day: at.Truncate(oneDay), Last: map[journal.Kind]time.Time{}, Count: counts}
	for kind := range counts {
		d.Last[kind] = at
	}
	return d
}

// each returns the same requests on several days, from the first to the last.
func each(p idp.Provider, first, last, every int, counts map[journal.Kind]int64) (days []journal.Day) {
	for ago := first; ago >= last; ago -= every {
		days = append(days, on(p, ago, counts))
	}
	return days
}

type counts = map[journal.Kind]int64

// wantNotice fails the test unless a judgement has one such notice, which begins so, or none
// if want is empty.
func wantNotice(t *testing.T, j judgement, want string) {
	t.Helper()
	got := kindsOf(j)
	if want == "" {
		require.Empty(t, got)
		return
	}
	require.Len(t, got, 1)
	require.True(t, strings.HasPrefix(got[0], want), "%q, want %q", got[0], want)
}

// kindsOf returns the notices that a judgement has of some kinds, each as its kind, level and
// text.
func kindsOf(j judgement) []string {
	j.now = today
	if j.about.Tokens == nil {
		j.about.Tokens = []Token{{ID: "live", LastUsed: today}}
	}
	var o Overview
	j.judge(&o)
	var all []string
	for _, n := range o.Notices {
		if cause.Check(n.Kind).Advice(n.IdP) != "" {
			all = append(all, string(n.Kind)+" "+string(n.Level)+" "+n.Text)
		}
	}
	return all
}

// Each check says what is absent when all of its facts hold, and nothing when one does not.
func TestAbsent(t *testing.T) {
	join := counts{journal.Lookups: 9, journal.Creations: 5}
	whole := counts{journal.Lookups: 9, journal.Creations: 5, journal.Updates: 3, journal.Departures: 1, journal.Groups: 1}
	more := func(days []journal.Day, others ...journal.Day) []journal.Day { return append(days, others...) }
	skipped := func(count int64, hours int) []journal.Tally {
		return []journal.Tally{{Cause: cause.UnknownMembers, IdP: idp.Entra, Day: today.Truncate(oneDay), Count: count, Last: today.Add(-time.Duration(hours) * time.Hour)}}
	}
	fails := func(p idp.Provider, c cause.Cause, ago int) []journal.Failing {
		at := today.AddDate(0, 0, -ago)
		return []journal.Failing{{Subject: journal.Subject{Type: "User", Name: "a"}, IdP: p, Cause: c, First: at, Last: at}}
	}
	for _, tt := range []struct {
		name string
		j    judgement
		want string // "" for none
	}{
		{"nothing is recorded", judgement{}, ""},
		{"all is well", judgement{recorded: each(idp.Okta, 50, 0, 3, whole)}, ""},

		{"no group", judgement{recorded: each(idp.Okta, 5, 0, 1, counts{journal.Creations: 2})}, "groups_absent info Okta has created users since 25 November 2026, and has sent no group."},
		{"no group, but some are here", judgement{recorded: each(idp.Okta, 5, 0, 1, counts{journal.Creations: 2}), about: About{Groups: 1}}, ""},
		{"no group for two days", judgement{recorded: each(idp.Okta, 2, 0, 1, counts{journal.Creations: 9})}, ""},
		{"no group of few users", judgement{recorded: each(idp.Okta, 5, 0, 1, counts{journal.Creations: 1})}, ""},
		{"a group was sent", judgement{recorded: more(each(idp.Okta, 5, 0, 1, counts{journal.Creations: 2}), on(idp.Okta, 0, counts{journal.Creations: 1, journal.Groups: 1}))}, ""},
		{"a group was refused", judgement{recorded: more(each(idp.Okta, 5, 1, 1, counts{journal.Creations: 3}), on(idp.Okta, 0, counts{journal.GroupRefusals: 1}))}, ""},
		{"no group, as for months", judgement{recorded: each(idp.Okta, 40, 0, 1, counts{journal.Creations: 2, journal.Updates: 1, journal.Departures: 1})}, ""},

		{"only creations", judgement{recorded: each(idp.Okta, 40, 0, 4, join), about: About{Groups: 1}}, "only_creations warning Okta has only created users in the last 40 days: at least 55, and no update or deactivation of any."},
		{"only creations for three weeks", judgement{recorded: each(idp.Okta, 20, 0, 2, join), about: About{Groups: 1}}, ""},
		{"only creations on one day", judgement{recorded: more([]journal.Day{on(idp.Okta, 40, counts{journal.Creations: 100})}, each(idp.Okta, 39, 0, 3, counts{journal.Lookups: 1})...), about: About{Groups: 1}}, ""},
		{"no deactivation", judgement{recorded: more(each(idp.Entra, 40, 0, 4, join), on(idp.Entra, 3, counts{journal.Updates: 1})), about: About{Groups: 1}}, "deactivations_absent warning Microsoft Entra ID has deactivated or deleted no user in the last 40 days, in which it has created at least 55."},
		{"one deactivation", judgement{recorded: more(each(idp.Entra, 40, 0, 4, join), on(idp.Entra, 3, counts{journal.Updates: 1, journal.Departures: 1})), about: About{Groups: 1}}, ""},
		{"no deactivation in a small team", judgement{recorded: more(each(idp.Entra, 40, 0, 4, counts{journal.Creations: 1}), on(idp.Entra, 3, counts{journal.Updates: 1})), about: About{Groups: 1}}, ""},
		{"no update", judgement{recorded: more([]journal.Day{on(idp.Okta, 40, counts{journal.Creations: 200})}, each(idp.Okta, 39, 0, 3, counts{journal.Lookups: 1, journal.Departures: 1})...), about: About{Groups: 1}}, "updates_absent info Okta has updated no user in the last 40 days, after it created at least 200."},
		{"no update of few users", judgement{recorded: more([]journal.Day{on(idp.Okta, 40, counts{journal.Creations: 20})}, each(idp.Okta, 39, 0, 3, counts{journal.Lookups: 1, journal.Departures: 1})...), about: About{Groups: 1}}, ""},
		{"only creations of one that was replaced", judgement{recorded: each(idp.Okta, 50, 15, 1, join), seen: []journal.Seen{{IdP: idp.Okta, Time: today.AddDate(0, 0, -13), TokenID: "live"}}, about: About{Groups: 1}}, "only_creations"},

		{"the connection test alone", judgement{recorded: []journal.Day{on(idp.Okta, 2, counts{journal.Lookups: 3})}}, "users_absent warning Okta has tested the connection or looked users up since 28 November 2026, and has sent no user."},
		{"the connection test of today", judgement{recorded: []journal.Day{on(idp.Okta, 1, counts{journal.Lookups: 3})}}, ""},
		{"the connection test, and a user", judgement{recorded: []journal.Day{on(idp.Okta, 2, counts{journal.Lookups: 3}), on(idp.Okta, 1, counts{journal.Creations: 1})}}, ""},
		{"the connection test, and a refused user", judgement{recorded: []journal.Day{on(idp.Okta, 2, counts{journal.Lookups: 3}), on(idp.Okta, 1, counts{journal.Refusals: 1})}}, ""},
		{"the connection test of a program", judgement{recorded: []journal.Day{on(idp.Curl, 2, counts{journal.Lookups: 3}), on(idp.Other, 2, counts{journal.Lookups: 3}), on("", 2, counts{journal.Lookups: 3})}}, ""},

		{"members who never come", judgement{recorded: []journal.Day{on(idp.Entra, 2, counts{journal.Groups: 3})}, tallies: skipped(3, 30)}, "members_absent warning Members were skipped in 3 requests in the last 7 days because they are no users here, most recently 30 hours ago; Microsoft Entra ID has created no user since."},
		{"members who may still come", judgement{recorded: []journal.Day{on(idp.Entra, 0, counts{journal.Groups: 3})}, tallies: skipped(3, 20)}, ""},
		{"few members who never come", judgement{recorded: []journal.Day{on(idp.Entra, 2, counts{journal.Groups: 3})}, tallies: skipped(2, 30)}, ""},
		{"members who came", judgement{recorded: []journal.Day{on(idp.Entra, 2, counts{journal.Groups: 3}), on(idp.Entra, 0, counts{journal.Creations: 3})}, tallies: skipped(3, 30)}, ""},

		{"silent Entra", judgement{recorded: each(idp.Entra, 30, 4, 1, whole)}, "idp_silent warning Microsoft Entra ID has sent nothing since 26 November 2026 (4 days ago). Before, it sent requests on 27 days, at most 1 day apart."},
		{"silent Entra, over the weekend", judgement{recorded: each(idp.Entra, 30, 2, 1, whole)}, ""},
		{"silent Entra that often pauses", judgement{recorded: each(idp.Entra, 40, 4, 3, whole)}, ""},
		{"silent Entra that was hardly used", judgement{recorded: each(idp.Entra, 9, 4, 1, whole)}, ""},
		{"silent Entra while a user fails", judgement{recorded: each(idp.Entra, 30, 2, 1, whole), failing: fails(idp.Entra, cause.SeatLimit, 5)}, "idp_silent warning Microsoft Entra ID has sent nothing since 28 November 2026 (2 days ago). Before, it sent requests on 29 days, at most 1 day apart. 1 user or group fails, which Entra usually sends again once a day."},
		{"silent Okta", judgement{recorded: each(idp.Okta, 40, 15, 1, whole)}, "idp_silent warning Okta has sent nothing since 15 November 2026 (15 days ago)."},
		{"silent Okta without changes for a week", judgement{recorded: each(idp.Okta, 40, 8, 1, whole)}, ""},
		{"silent OneLogin", judgement{recorded: each(idp.OneLogin, 40, 8, 1, whole)}, "idp_silent warning OneLogin has sent nothing"},
		{"Entra whose token is revoked", judgement{recorded: each(idp.Entra, 30, 4, 1, whole), tallies: []journal.Tally{{TokenID: "gone", Cause: cause.TokenRevoked, IdP: idp.Entra, Count: 3, Last: today}}}, "sync_stops"},

		{"accounts that are never imported", judgement{recorded: each(idp.Okta, 5, 0, 1, whole), failing: fails(idp.Okta, cause.OwnUser, 1)}, "imports_absent info 1 user fails because the application has accounts for them, and Okta has not imported users in the days that are recorded (since 25 November 2026)."},
		{"accounts that were imported", judgement{recorded: more(each(idp.Okta, 5, 1, 1, whole), on(idp.Okta, 0, counts{journal.Imports: 1, journal.Groups: 1})), failing: fails(idp.Okta, cause.OwnUser, 1)}, ""},
		{"users who fail for another cause", judgement{recorded: each(idp.Okta, 5, 0, 1, whole), failing: fails(idp.Okta, cause.SeatLimit, 1)}, ""},
		{"accounts of another identity provider", judgement{recorded: each(idp.Entra, 5, 0, 1, whole), failing: fails(idp.Entra, cause.OwnUser, 1)}, ""},

		{"nothing is judged while SCIM is off", judgement{recorded: each(idp.Entra, 30, 4, 1, join), about: About{Off: true}}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) { wantNotice(t, tt.j, tt.want) })
	}
}

// Every notice of absence and forecast has advice for every identity provider.
func TestChecks_AreNoticesWithAdvice(t *testing.T) {
	for _, c := range cause.Checks() {
		for _, p := range append(cause.Advised[:], "") {
			n := Notice{Kind: NoticeKind(c), IdP: p}
			require.Equal(t, c.Advice(p), n.WhatToDo())
			require.NotEmpty(t, n.WhatToDo())
		}
	}
}
