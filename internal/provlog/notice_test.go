package provlog

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/idp"
	"github.com/rollcall-scim/rollcall/internal/journal"
)

// TestJudge holds what the overview says of every combination of what can be known.
func TestJudge(t *testing.T) {
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	at := func(d time.Duration) time.Time { return now.Add(-d) }
	const (
		hour = time.Hour
		day  = 24 * time.Hour
	)
	live := Token{ID: "live", LastFour: "ab12", Created: at(100 * day), LastUsed: at(hour)}
	revoked := Token{ID: "gone", LastFour: "e020", Created: at(200 * day), Revoked: at(2 * hour), LastUsed: at(3 * hour)}
	expired := Token{ID: "over", LastFour: "9c4d", Created: at(200 * day), Expires: at(2 * hour), LastUsed: at(3 * hour)}
	used := func(id string, c cause.Cause, n int64, last time.Duration) journal.Tally {
		return journal.Tally{TokenID: id, Cause: c, IdP: "okta", Count: n, Last: at(last)}
	}
	counted := func(c cause.Cause, n int64, last time.Duration) journal.Tally {
		return journal.Tally{Day: at(last).Truncate(day), Cause: c, IdP: "okta", Count: n, Last: at(last)}
	}
	seen := func(from idp.Provider, token string, last time.Duration) journal.Seen {
		return journal.Seen{IdP: from, TokenID: token, Time: at(last)}
	}
	okta := seen("okta", "live", time.Minute)
	failed := func(n int) []FailureSpan { return []FailureSpan{{Causes: map[cause.Cause]int{cause.SeatLimit: n}}} }
	expires := func(in time.Duration, lastUsed time.Duration) Token {
		return Token{ID: "soon", LastFour: "7f3a", Created: at(90 * day), Expires: now.Add(in), LastUsed: at(lastUsed)}
	}
	client := Token{ID: "client", Client: "client", Label: "Entra production", Created: at(100 * day), LastUsed: at(hour)}
	endedClient := Token{ID: "ended", Client: "ended", Created: at(200 * day), Revoked: at(2 * hour), LastUsed: at(3 * hour)}
	static := Token{ID: "old", LastFour: "0a0a", Created: at(200 * day), LastUsed: at(3 * hour), Refused: true}
	secret := func(lastFour string, in, lastUsed time.Duration) Token {
		return Token{ID: lastFour, Client: "client", Label: "Entra production", LastFour: lastFour, Created: at(90*day - in), Expires: now.Add(in), LastUsed: at(lastUsed)}
	}
	for _, tt := range []struct {
		name    string
		j       judgement
		o       Overview
		health  Health
		summary string
		notices []string // kind, level and text
	}{
		{
			"all is well",
			judgement{about: About{Tokens: []Token{live}}, seen: []journal.Seen{okta}},
			Overview{},
			HealthOK, "No failures. Everything received with a valid token was applied.", nil,
		},
		{
			"what failed is provisioned since",
			judgement{about: About{Tokens: []Token{live}}, seen: []journal.Seen{okta}},
			Overview{Spans: failed(1234)},
			HealthOK, "No user or group fails now. 1,234 requests failed in the last 7 days.", nil,
		},
		{
			"more failed than is counted",
			judgement{about: About{Tokens: []Token{live}}, seen: []journal.Seen{okta}},
			Overview{Spans: failed(1), Partial: true},
			HealthOK, "No user or group fails now. At least 1 request failed in the last 7 days.", nil,
		},
		{
			"users fail",
			judgement{about: About{Tokens: []Token{live}}, seen: []journal.Seen{okta}},
			Overview{Failing: 3, Spans: failed(3)},
			HealthFailing, "3 users and groups fail now.", nil,
		},
		{
			"one user fails, of many",
			judgement{about: About{Tokens: []Token{live}}, seen: []journal.Seen{okta}},
			Overview{Failing: 1, More: true},
			HealthFailing, "At least 1 user or group fails now.", nil,
		},
		{
			"no token",
			judgement{},
			Overview{},
			HealthWaiting, "Nothing received yet.",
			[]string{"no_token info This tenant has no token yet. Create one, and enter it with the base URL in the identity provider."},
		},
		{
			"a revoked token that was never used",
			judgement{about: About{Tokens: []Token{{ID: "gone", Revoked: at(day)}}}},
			Overview{},
			HealthWaiting, "Nothing received yet.",
			[]string{"no_token info This tenant has no valid token. Create one, and enter it with the base URL in the identity provider."},
		},
		{
			"a token that was never used",
			judgement{about: About{Tokens: []Token{{ID: "new", LastFour: "ab12"}}}},
			Overview{},
			HealthWaiting, "Nothing received yet.",
			[]string{"nothing_received info No request has been received yet. Enter the base URL and the token in the identity provider, and test the connection there."},
		},
		{
			"a token that was used before anything was counted",
			judgement{about: About{Tokens: []Token{live}}},
			Overview{},
			HealthOK, "No failures. Everything received with a valid token was applied.", nil,
		},
		{
			"no token is left",
			judgement{about: About{Tokens: []Token{revoked, expired}}, seen: []journal.Seen{seen("okta", "gone", 3*hour)}},
			Overview{},
			HealthFailing, "Requests are refused now.",
			[]string{"no_valid_token error This tenant has no valid token: every request of an identity provider is refused until one is created."},
		},
		{
			"a client alone, with a static token that is refused and not used",
			judgement{about: About{Tokens: []Token{static, client}}, seen: []journal.Seen{seen("entra", "client", time.Minute)}},
			Overview{},
			HealthOK, "No failures. Everything received with a valid token was applied.", nil,
		},
		{
			"static tokens are refused, and no client can take their place",
			judgement{about: About{Tokens: []Token{static}}, seen: []journal.Seen{seen("okta", "old", 3*hour)}},
			Overview{},
			HealthFailing, "Requests are refused now.",
			[]string{"no_valid_token error This tenant refuses static tokens and has no valid client: every request of an identity provider is refused until one is created."},
		},
		{
			"the last client was revoked",
			judgement{about: About{Tokens: []Token{revoked, endedClient}}, seen: []journal.Seen{seen("entra", "ended", 3*hour)}},
			Overview{},
			HealthFailing, "Requests are refused now.",
			[]string{"no_valid_token error This tenant has no valid token or client: every request of an identity provider is refused until one is created."},
		},
		{
			"a refused static token is used",
			judgement{about: About{Tokens: []Token{static, client}}, tallies: []journal.Tally{used("old", cause.StaticRefused, 5, 10*time.Second)}},
			Overview{},
			HealthFailing, "Requests are refused now.",
			[]string{"token_refused error Provisioning has stopped: static token …0a0a, which this tenant refuses, was used 5 times, last 10 seconds ago."},
		},
		{
			"a revoked client is used",
			judgement{about: About{Tokens: []Token{live, endedClient}}, tallies: []journal.Tally{used("ended", cause.ClientRevoked, 5, 10*time.Second)}},
			Overview{},
			HealthFailing, "Requests are refused now.",
			[]string{"token_refused error Provisioning has stopped: revoked client ended was used 5 times, last 10 seconds ago."},
		},
		{
			"access tokens of an ended secret are used",
			judgement{about: About{Tokens: []Token{client}}, tallies: []journal.Tally{used("client", cause.AccessEnded, 5, 10*time.Second)}, seen: []journal.Seen{seen("okta", "client", time.Minute)}},
			Overview{},
			HealthFailing, "Requests are refused now.",
			[]string{"token_refused error Provisioning has stopped: access tokens of client Entra production, whose secret, federation or keys have ended, were used 5 times, last 10 seconds ago."},
		},
		{
			"an access token ended, and the client got another",
			judgement{about: About{Tokens: []Token{client}}, tallies: []journal.Tally{used("client", cause.AccessEnded, 1, 2*day)}, seen: []journal.Seen{seen("okta", "client", time.Minute)}},
			Overview{},
			HealthOK, "No failures. Everything received with a valid token was applied.", nil,
		},
		{
			"a secret in use expires soon",
			judgement{about: About{Tokens: []Token{client}, Secrets: []Token{secret("7f3a", 9*day, hour)}}, seen: []journal.Seen{seen("entra", "client", time.Minute)}},
			Overview{},
			HealthWarning, "No failures. There are warnings.",
			[]string{"token_expires warning Secret …7f3a of client Entra production expires on 9 December 2026 (in 9 days) and is in use: rotate it before then."},
		},
		{
			"a secret expires soon, and a newer one is in use",
			judgement{about: About{Tokens: []Token{client}, Secrets: []Token{secret("7f3a", 9*day, hour), secret("8b4c", 100*day, hour)}}, seen: []journal.Seen{seen("entra", "client", time.Minute)}},
			Overview{},
			HealthOK, "No failures. Everything received with a valid token was applied.", nil,
		},
		{
			"a revoked token is used",
			judgement{
				about: About{Tokens: []Token{revoked, {ID: "new", LastFour: "ab12"}}}, seen: []journal.Seen{seen("okta", "gone", 3*hour)},
				tallies: []journal.Tally{used("gone", cause.TokenRevoked, 5, 10*time.Second)},
			},
			Overview{},
			HealthFailing, "Requests are refused now.",
			[]string{"token_refused error Provisioning has stopped: revoked token …e020 was used 5 times, last 10 seconds ago."},
		},
		{
			"a revoked token is used often",
			judgement{
				about: About{Tokens: []Token{revoked, live}}, tallies: []journal.Tally{used("gone", cause.TokenRevoked, 10, 0)},
			},
			Overview{},
			HealthFailing, "Requests are refused now.",
			[]string{"token_refused error Provisioning has stopped: revoked token …e020 was used at least 10 times, last just now."},
		},
		{
			"a revoked token is used, and users fail",
			judgement{
				about: About{Tokens: []Token{revoked, live}}, tallies: []journal.Tally{used("gone", cause.TokenRevoked, 1, time.Second)},
			},
			Overview{Failing: 2},
			HealthFailing, "2 users and groups fail now.",
			[]string{"token_refused error Provisioning has stopped: revoked token …e020 was used 1 time, last 1 second ago."},
		},
		{
			"an expired token is used",
			judgement{
				about: About{Tokens: []Token{expired, live}}, tallies: []journal.Tally{used("over", cause.TokenExpired, 2, time.Minute)},
			},
			Overview{},
			HealthFailing, "Requests are refused now.",
			[]string{"token_refused error Provisioning has stopped: token …9c4d expired on 30 November 2026 and was used 2 times, last 1 minute ago."},
		},
		{
			"a revoked token of one identity provider, beside another's valid one",
			judgement{
				about: About{Tokens: []Token{revoked, live}}, seen: []journal.Seen{seen("entra", "live", time.Minute), seen("okta", "gone", 3*hour)},
				tallies: []journal.Tally{used("gone", cause.TokenRevoked, 5, 10*time.Second)},
			},
			Overview{},
			HealthFailing, "Requests are refused now.",
			[]string{"token_refused error Provisioning from Okta has stopped: revoked token …e020 was used 5 times, last 10 seconds ago."},
		},
		{
			"a revoked token of one identity provider, between two cycles of another",
			judgement{
				about: About{Tokens: []Token{revoked, live}}, seen: []journal.Seen{seen("entra", "live", 150*time.Minute), seen("okta", "gone", 3*hour)},
				tallies: []journal.Tally{used("gone", cause.TokenRevoked, 5, 10*time.Second)},
			},
			Overview{},
			HealthFailing, "Requests are refused now.",
			[]string{"token_refused error Provisioning from Okta has stopped: revoked token …e020 was used 5 times, last 10 seconds ago."},
		},
		{
			"a revoked token of one identity provider, long after another's last request",
			judgement{
				about: About{Tokens: []Token{revoked, live}}, seen: []journal.Seen{seen("entra", "live", 8*day), seen("okta", "gone", 3*hour)},
				tallies: []journal.Tally{used("gone", cause.TokenRevoked, 5, 10*time.Second)},
			},
			Overview{},
			HealthFailing, "Requests are refused now.",
			[]string{"token_refused error Provisioning has stopped: revoked token …e020 was used 5 times, last 10 seconds ago."},
		},
		{
			"revoked tokens of two identity providers",
			judgement{
				about: About{Tokens: []Token{revoked, {ID: "both", LastFour: "0b0b", Created: at(day), Revoked: at(hour)}, live}}, seen: []journal.Seen{seen("entra", "both", 150*time.Minute), seen("okta", "gone", 3*hour)},
				tallies: []journal.Tally{used("gone", cause.TokenRevoked, 5, 10*time.Second)},
			},
			Overview{},
			HealthFailing, "Requests are refused now.",
			[]string{"token_refused error Provisioning has stopped: revoked token …e020 was used 5 times, last 10 seconds ago."},
		},
		{
			"a revoked token that is used so often that its last uses are not written yet",
			judgement{
				about: About{Tokens: []Token{revoked, live}}, seen: []journal.Seen{seen("okta", "live", 10*time.Second)},
				tallies: []journal.Tally{used("gone", cause.TokenRevoked, 500, 40*time.Second)},
			},
			Overview{},
			HealthWarning, "No failures. There are warnings.",
			[]string{"token_refused_beside_valid warning Revoked token …e020 was used at least 500 times, last 40 seconds ago. These requests are refused; the last request with a valid token came 10 seconds ago."},
		},
		{
			"a revoked token beside a valid one of the same identity provider",
			judgement{
				about: About{Tokens: []Token{revoked, live}}, seen: []journal.Seen{okta},
				tallies: []journal.Tally{used("gone", cause.TokenRevoked, 5, 10*time.Second)},
			},
			Overview{},
			HealthWarning, "No failures. There are warnings.",
			[]string{"token_refused_beside_valid warning Revoked token …e020 was used 5 times, last 10 seconds ago. These requests are refused; the last request with a valid token came 1 minute ago."},
		},
		{
			"a valid token is used since, for a short time",
			judgement{
				about: About{Tokens: []Token{revoked, live}}, seen: []journal.Seen{okta},
				tallies: []journal.Tally{used("gone", cause.TokenRevoked, 5, 10*time.Minute)},
			},
			Overview{},
			HealthWarning, "No failures. There are warnings.",
			[]string{"token_refused_before warning Revoked token …e020 was used 5 times, last 10 minutes ago. Requests with a valid token have arrived since."},
		},
		{
			"a valid token is used since, for hours",
			judgement{
				about: About{Tokens: []Token{revoked, live}}, seen: []journal.Seen{okta},
				tallies: []journal.Tally{used("gone", cause.TokenRevoked, 5, 90*time.Minute)},
			},
			Overview{Spans: failed(5)},
			HealthOK, "No user or group fails now. 5 requests failed in the last 7 days.",
			[]string{"token_refused_before info Revoked token …e020 was used 5 times, last 1 hour ago. Requests with a valid token have arrived since."},
		},
		{
			"a valid token is used since, for days",
			judgement{
				about: About{Tokens: []Token{revoked, live}}, seen: []journal.Seen{okta}, tallies: []journal.Tally{used("gone", cause.TokenRevoked, 5, 25*hour)},
			},
			Overview{},
			HealthOK, "No failures. Everything received with a valid token was applied.", nil,
		},
		{
			"another identity provider has taken over, days ago",
			judgement{
				about: About{Tokens: []Token{revoked, live}}, seen: []journal.Seen{seen("entra", "live", time.Minute)}, tallies: []journal.Tally{used("gone", cause.TokenRevoked, 5, 25*hour)},
			},
			Overview{},
			HealthOK, "No failures. Everything received with a valid token was applied.", nil,
		},
		{
			"a refused token that nobody knows",
			judgement{about: About{Tokens: []Token{live}}, tallies: []journal.Tally{used("k3v7q2m5x6aw4rtn", cause.TokenRevoked, 1, 0)}},
			Overview{},
			HealthFailing, "Requests are refused now.",
			[]string{"token_refused error Provisioning has stopped: revoked token k3v7q2m5x6aw4rtn was used 1 time, last just now."},
		},
		{
			"SCIM is off",
			judgement{about: About{Off: true, Tokens: []Token{live}}},
			Overview{},
			HealthOff, "SCIM is turned off: every request is refused.",
			[]string{"scim_off error SCIM is turned off for this tenant: every request of an identity provider is refused with 403."},
		},
		{
			"SCIM is off, and requests come",
			judgement{
				about: About{Off: true, Tokens: []Token{live}}, tallies: []journal.Tally{counted(cause.SCIMDisabled, 3, 30*hour), counted(cause.SCIMDisabled, 4, time.Minute), counted(cause.SCIMDisabled, 99, 8*day)},
			},
			Overview{Failing: 7},
			HealthOff, "SCIM is turned off: every request is refused.",
			[]string{"scim_off error SCIM is turned off for this tenant: every request of an identity provider is refused with 403. 7 requests were refused in the last 7 days, most recently 1 minute ago."},
		},
		{
			"SCIM was off",
			judgement{about: About{Tokens: []Token{live}}, seen: []journal.Seen{okta}, tallies: []journal.Tally{counted(cause.SCIMDisabled, 3, hour)}},
			Overview{Spans: failed(1)},
			HealthOK, "No user or group fails now. 1 request failed in the last 7 days.", nil,
		},
		{
			"warnings",
			judgement{
				about: About{Tokens: []Token{live}}, seen: []journal.Seen{okta},
				tallies: []journal.Tally{counted(cause.UnknownMembers, 4, hour), counted(cause.Tolerated, 6, 2*hour), counted(cause.Tolerated, 6, 26*hour), counted(cause.BulkPartial, 1, 3*hour)},
			},
			Overview{},
			HealthWarning, "No failures. There are warnings.",
			[]string{
				"warnings warning Members that are not provisioned users were skipped in 4 requests in the last 7 days, most recently 1 hour ago.",
				"warnings warning Attributes or values were dropped or changed in 12 requests in the last 7 days, most recently 2 hours ago.",
				"warnings warning Operations failed or were not tried in 1 request in the last 7 days, most recently 3 hours ago.",
			},
		},
		{
			"warnings of a tenant that keeps its log for three days",
			judgement{
				about: About{Tokens: []Token{live}, LogDays: 3}, seen: []journal.Seen{okta}, tallies: []journal.Tally{counted(cause.Tolerated, 6, hour), counted(cause.Tolerated, 6, 5*day)},
			},
			Overview{},
			HealthWarning, "No failures. There are warnings.",
			[]string{"warnings warning Attributes or values were dropped or changed in 6 requests in the last 3 days, most recently 1 hour ago."},
		},
		{
			"too many requests",
			judgement{about: About{Tokens: []Token{live}}, seen: []journal.Seen{okta}, tallies: []journal.Tally{counted(cause.RateLimit, 40, hour)}},
			Overview{},
			HealthWarning, "No failures. There are warnings.",
			[]string{"rate_limited warning Rate limit exceeded: at least 40 requests were refused in the last 7 days, most recently 1 hour ago. Identity providers send such requests again later."},
		},
		{
			"too many requests, days ago",
			judgement{about: About{Tokens: []Token{live}}, seen: []journal.Seen{okta}, tallies: []journal.Tally{counted(cause.RateLimit, 4, 30*hour)}},
			Overview{},
			HealthOK, "No failures. Everything received with a valid token was applied.",
			[]string{"rate_limited info Rate limit exceeded: 4 requests were refused in the last 7 days, most recently 30 hours ago. Identity providers send such requests again later."},
		},
		{
			"reads are refused",
			judgement{
				about: About{Tokens: []Token{live}}, seen: []journal.Seen{okta}, unnamed: []journal.Tally{{Cause: cause.Validation, Count: 3, Last: at(5 * time.Minute)}},
			},
			Overview{Spans: failed(3)},
			HealthWarning, "No user or group fails now. 3 requests failed in the last 7 days.",
			[]string{"requests_refused warning 3 requests were refused in the last 24 hours, most recently 5 minutes ago, for a cause that concerns no single user or group (validation)."},
		},
		{
			"a token expires soon",
			judgement{about: About{Tokens: []Token{expires(9*day, hour)}}, seen: []journal.Seen{seen("okta", "soon", time.Minute)}},
			Overview{},
			HealthWarning, "No failures. There are warnings.",
			[]string{"token_expires warning Token …7f3a expires on 9 December 2026 (in 9 days) and is in use: rotate it before then."},
		},
		{
			"a token expires later",
			judgement{about: About{Tokens: []Token{expires(15*day, hour)}}},
			Overview{},
			HealthOK, "No failures. Everything received with a valid token was applied.", nil,
		},
		{
			"a token expires soon that is not in use",
			judgement{about: About{Tokens: []Token{live, expires(9*day, 9*day)}}},
			Overview{},
			HealthOK, "No failures. Everything received with a valid token was applied.", nil,
		},
		{
			"a token expires soon, and a newer one is in use",
			judgement{about: About{Tokens: []Token{expires(9*day, hour), {ID: "newer", Created: at(day), LastUsed: at(hour)}}}},
			Overview{},
			HealthOK, "No failures. Everything received with a valid token was applied.", nil,
		},
		{
			"a token expires soon, and a newer one is not used yet",
			judgement{about: About{Tokens: []Token{expires(9*day, hour), {ID: "newer", Created: at(day)}}}},
			Overview{},
			HealthWarning, "No failures. There are warnings.",
			[]string{"token_expires warning Token …7f3a expires on 9 December 2026 (in 9 days) and is in use: rotate it before then."},
		},
		{
			"the most urgent comes first",
			judgement{
				about: About{Off: true, Tokens: []Token{revoked}}, tallies: []journal.Tally{counted(cause.Tolerated, 1, hour), used("gone", cause.TokenRevoked, 1, hour)},
			},
			Overview{},
			HealthOff, "SCIM is turned off: every request is refused.",
			[]string{
				"scim_off error SCIM is turned off for this tenant: every request of an identity provider is refused with 403.",
				"token_refused error Provisioning has stopped: revoked token …e020 was used 1 time, last 1 hour ago.",
				"no_valid_token error This tenant has no valid token: every request of an identity provider is refused until one is created.",
				"warnings warning Attributes or values were dropped or changed in 1 request in the last 7 days, most recently 1 hour ago.",
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.j.now = now
			o := tt.o
			tt.j.judge(&o)
			var notices []string
			for _, n := range o.Notices {
				notices = append(notices, strings.Join([]string{string(n.Kind), string(n.Level), n.Text}, " "))
			}
			if o.Health != tt.health || o.Summary != tt.summary || !slices.Equal(notices, tt.notices) {
				t.Errorf("%s, %q,\n%q\nwant %s, %q,\n%q", o.Health, o.Summary, notices, tt.health, tt.summary, tt.notices)
			}
			if strings.Contains(o.Summary, "Everything received") && (o.Health != HealthOK || o.Failing > 0) {
				t.Errorf("%s, and all is said to be well", o.Health)
			}
		})
	}
}

// The overview says that all is well only when nothing is refused: the test tries
// every combination of the facts that decide it.
func TestJudge_NeverSaysAllIsWellWhileRequestsAreRefused(t *testing.T) {
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	token := Token{ID: "live", LastUsed: now}
	facts := []struct {
		name string
		set  func(j *judgement, o *Overview)
	}{
		{"users fail", func(_ *judgement, o *Overview) { o.Failing = 1 }},
		{"more fail", func(_ *judgement, o *Overview) { o.More = true }},
		{"SCIM is off", func(j *judgement, _ *Overview) { j.about.Off = true }},
		{"a revoked token is used", func(j *judgement, _ *Overview) {
			j.tallies = append(j.tallies, journal.Tally{TokenID: "gone", Cause: cause.TokenRevoked, Count: 1, Last: now})
		}},
		{"an expired token is used", func(j *judgement, _ *Overview) {
			j.tallies = append(j.tallies, journal.Tally{TokenID: "over", Cause: cause.TokenExpired, Count: 1, Last: now})
		}},
		{"there were warnings", func(j *judgement, _ *Overview) {
			j.tallies = append(j.tallies, journal.Tally{Day: now.Truncate(24 * time.Hour), Cause: cause.Tolerated, Count: 1, Last: now})
		}},
		{"there were too many requests", func(j *judgement, _ *Overview) {
			j.tallies = append(j.tallies, journal.Tally{Day: now.Truncate(24 * time.Hour), Cause: cause.RateLimit, Count: 1, Last: now})
		}},
		{"reads are refused", func(j *judgement, _ *Overview) {
			j.unnamed = append(j.unnamed, journal.Tally{Cause: cause.Validation, Count: 1, Last: now})
		}},
		{"no token is valid", func(j *judgement, _ *Overview) { j.about.Tokens = []Token{{ID: "gone", Revoked: now, LastUsed: now}} }},
	}
	for set := range 1 << len(facts) {
		j := judgement{now: now, about: About{Tokens: []Token{token}}}
		var o Overview
		var names []string
		for i, f := range facts {
			if set&(1<<i) != 0 {
				f.set(&j, &o)
				names = append(names, f.name)
			}
		}
		j.judge(&o)
		well := o.Health == HealthOK || strings.HasPrefix(o.Summary, "No failures. Everything")
		assert.Equalf(t, set == 0, well, "%q: %s, %q", names, o.Health, o.Summary)
		assert.Falsef(t, o.Health != HealthOK && o.Failing == 0 && !o.More && len(o.Notices) == 0, "%q: %s without a reason", names, o.Health)
	}
}
