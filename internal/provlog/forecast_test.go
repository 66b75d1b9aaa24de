package provlog

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/idp"
	"github.com/rollcall-scim/rollcall/internal/journal"
)

// The forecast follows Entra's documented thresholds, a little below and above each, and
// says so only of Entra.
func TestForecast(t *testing.T) {
	at := func(ago int) time.Time { return today.AddDate(0, 0, -ago) }
	revoked := func(p idp.Provider, ago int) judgement {
		return judgement{
			about:   About{Tokens: []Token{{ID: "gone", LastFour: "e020", Revoked: at(ago), LastUsed: at(ago)}, {ID: "live", LastUsed: at(ago)}}, Groups: 1},
			seen:    []journal.Seen{{IdP: p, Time: at(ago + 1), TokenID: "gone"}},
			tallies: []journal.Tally{{TokenID: "gone", Cause: cause.TokenRevoked, IdP: p, Count: 4, Last: today.Add(-time.Hour)}},
		}
	}
	share := func(p idp.Provider, refused, groups, done int64) judgement {
		return judgement{about: About{Groups: 1}, recorded: []journal.Day{on(p, 1, counts{journal.Refusals: refused, journal.GroupRefusals: groups, journal.Updates: done, journal.Departures: 1})}}
	}
	allRefused := func(p idp.Provider, n int64, lastGood int) judgement {
		return judgement{about: About{Groups: 1}, recorded: []journal.Day{on(p, lastGood, counts{journal.Updates: 5}), on(p, 1, counts{journal.Refusals: n}), on(p, 0, counts{journal.Refusals: 1})}}
	}
	ending := func(p idp.Provider, ago int) judgement {
		return judgement{failing: []journal.Failing{{IdP: p, First: at(ago), Last: at(1)}, {IdP: p, First: at(2), Last: at(1)}}}
	}
	off := judgement{about: About{Off: true}, seen: []journal.Seen{{IdP: idp.Entra, Time: at(9), TokenID: "live"}}, tallies: []journal.Tally{{Cause: cause.SCIMDisabled, IdP: idp.Entra, Day: today.Truncate(oneDay), Count: 9, Last: today}}}
	for _, tt := range []struct {
		name string
		j    judgement
		want string // "" for none
	}{
		{"a revoked token", revoked(idp.Entra, 3), "sync_stops error Entra will stop syncing this application on about 25 December 2026, four weeks after the first refusal, unless a request succeeds before. Its requests are refused (token_revoked): 4 requests, most recently 1 hour ago, and none was accepted since 27 November 2026. It is probably in quarantine"},
		{"a token that was revoked weeks ago", revoked(idp.Entra, 29), "sync_stops error Entra has probably stopped syncing this application on about 29 November 2026"},
		{"a revoked token of Okta", revoked(idp.Okta, 3), ""},
		{"SCIM is off", off, "sync_stops error Entra will stop syncing this application on about 19 December 2026"},

		{"4,999 failures", share(idp.Entra, 4_999, 0, 100), "sync_stops warning Entra will put this application into quarantine if this goes on, and stop syncing it after four weeks there. At least 4,999 of 5,100 changes of users were refused in the last 7 days (98%)"},
		{"5,000 failures", share(idp.Entra, 5_000, 0, 100), "sync_stops error Entra has probably put this application into quarantine, and stops syncing it after four weeks there. At least 5,000 of 5,101 changes"},
		{"5,000 failures of Okta", share(idp.Okta, 5_000, 0, 100), ""},
		{"40% of failures", share(idp.Entra, 10_000, 0, 14_999), ""},
		{"41% of failures", share(idp.Entra, 10_250, 0, 14_749), "sync_stops error"},
		{"40,000 failures", share(idp.Entra, 40_000, 0, 200_000), ""},
		{"40,001 failures", share(idp.Entra, 40_001, 0, 200_000), "sync_stops error"},
		{"60,000 failures with references", share(idp.Entra, 30_000, 30_000, 100_000), ""},
		{"60,001 failures with references", share(idp.Entra, 30_000, 30_001, 100_000), "sync_stops error"},
		{"999 failures", share(idp.Entra, 999, 0, 100), ""},

		{"all are refused", allRefused(idp.Entra, 20, 5), "sync_stops warning Entra will stop syncing this application on about 23 December 2026, four weeks after the first refusal, unless a request succeeds before. No change was accepted since 25 November 2026"},
		{"all are refused since yesterday", allRefused(idp.Entra, 20, 1), ""},
		{"few are refused", allRefused(idp.Entra, 18, 5), ""},
		{"all are refused of Okta", allRefused(idp.Okta, 20, 5), ""},

		{"the last week of retries", ending(idp.Entra, 22), "retries_end warning Entra will soon give up on 1 user or group that first failed before 9 November 2026: it sends a failed object again for 28 days, for the oldest of them until about 6 December 2026."},
		{"the third week of retries", ending(idp.Entra, 20), ""},
		{"retries that are over", ending(idp.Entra, 28), ""},
		{"retries of Okta", ending(idp.Okta, 22), ""},
	} {
		t.Run(tt.name, func(t *testing.T) { wantNotice(t, tt.j, tt.want) })
	}
}

// A failure says when its identity provider sends the change again: Entra by its documented
// schedule, Okta not by itself, and the others say nothing.
func TestRetry(t *testing.T) {
	first := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		last, now time.Duration
		want      string
	}{
		{0, time.Hour, "at about 18:00 UTC on 30 November"},
		{0, 7 * time.Hour, "at about 00:00 UTC on 1 December"},
		{6*time.Hour + time.Minute, 7 * time.Hour, "at about 00:00 UTC on 1 December"},
		{12*time.Hour + time.Minute, 13 * time.Hour, "at about 12:00 UTC on 1 December"},
		{24*time.Hour + time.Minute, 25 * time.Hour, "at about 12:00 UTC on 2 December, and then once a day until 28 December 2026."},
		{27*oneDay + time.Minute, 27*oneDay + time.Hour, "at about 12:00 UTC on 28 December"},
		{27*oneDay + time.Minute, 28 * oneDay, "does not send it again by itself"},
		{40 * oneDay, 41 * oneDay, "does not send it again by itself"},
	} {
		got := Retry(journal.Failing{IdP: idp.Entra, First: first, Last: first.Add(tt.last)}, first.Add(tt.now))
		require.Contains(t, got, tt.want)
	}
	require.Contains(t, Retry(journal.Failing{IdP: idp.Okta, Cause: cause.SeatLimit}, first), "Dashboard > Tasks")
	require.Contains(t, Retry(journal.Failing{IdP: idp.Okta, Cause: cause.RateLimit}, first), "Retry-After")
	for _, p := range []idp.Provider{"", idp.Other, idp.OneLogin, idp.JumpCloud, idp.Google} {
		require.Empty(t, Retry(journal.Failing{IdP: p, First: first, Last: first}, first))
	}
}
