package provlog

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/amount"
	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/idp"
	"github.com/rollcall-scim/rollcall/internal/journal"
)

// Health is how a tenant's provisioning goes, in a word.
type Health string

// The values of Health, the worst first: of those that hold it is the first one.
const (
	// HealthOff: SCIM is turned off.
	HealthOff Health = "off"
	// HealthFailing: requests are refused now, or users and groups fail.
	HealthFailing Health = "failing"
	// HealthWaiting: no identity provider has sent anything yet.
	HealthWaiting Health = "waiting"
	// HealthWarning: something needs attention.
	HealthWarning Health = "warning"
	// HealthOK: nothing does.
	HealthOK Health = "ok"
)

// Level is how urgent a notice is.
type Level string

// The levels.
const (
	LevelError   Level = "error"
	LevelWarning Level = "warning"
	LevelInfo    Level = "info"
)

// NoticeKind is the topic of a notice.
type NoticeKind string

// The kinds of notices, besides the checks of package cause.
const (
	// NoticeOff: SCIM is turned off.
	NoticeOff NoticeKind = "scim_off"
	// NoticeTokenRefused: a revoked or expired token is in use, and no valid one since.
	NoticeTokenRefused NoticeKind = "token_refused"
	// NoticeTokenBeside: a revoked or expired token is in use beside a valid one.
	NoticeTokenBeside NoticeKind = "token_refused_beside_valid"
	// NoticeTokenPast: a revoked or expired token was in use, and a valid one is since.
	NoticeTokenPast NoticeKind = "token_refused_before"
	// NoticeNoValidToken: the tokens that the tenant had in use are revoked or expired.
	NoticeNoValidToken NoticeKind = "no_valid_token"
	// NoticeNoToken: the tenant has no valid token, and never received a request.
	NoticeNoToken NoticeKind = "no_token"
	// NoticeUnused: there is a valid token, and none was ever used.
	NoticeUnused NoticeKind = "nothing_received"
	// NoticeTokenExpires: a token that is in use expires soon.
	NoticeTokenExpires NoticeKind = "token_expires"
	// NoticeRefused: recent requests that are of no single user or group were refused.
	NoticeRefused NoticeKind = "requests_refused"
	// NoticeRateLimit: requests were refused because there were too many.
	NoticeRateLimit NoticeKind = "rate_limited"
	// NoticeUnusual: unusually many users were deactivated or deleted within an hour.
	NoticeUnusual NoticeKind = "deactivations_unusual"
	// NoticeWarnings: requests succeeded with a warning.
	NoticeWarnings NoticeKind = "warnings"
)

// Notice is one thing about the provisioning that an administrator of the tenant
// should know.
type Notice struct {
	Kind  NoticeKind
	Level Level
	// Text is the notice in sentences.
	Text string
	// Cause is the cause of the requests that it is about, or "" if there is none;
	// Outcome is theirs in the log.
	Cause   cause.Cause
	Outcome journal.Outcome
	// Count is how many there were, 0 for a notice that counts nothing; AtLeast reports
	// that there may have been others. Last is the time of the last one.
	Count   int64
	AtLeast bool
	Last    time.Time
	IdP     idp.Provider
	// Token is the token that it is about, or zero if there is none.
	Token Token
	// newest is the newest of its requests, or zero if the cause says it all.
	newest journal.Entry
}

// WhatToDo returns what to do about the notice, or "" if its text says all.
func (n Notice) WhatToDo() string {
	if n.Kind == NoticeUnusual {
		return journal.UnusualAdvice
	}
	if text := cause.Check(n.Kind).Advice(n.IdP); text != "" {
		return text
	}
	if n.Cause == "" || n.Kind == NoticeTokenPast {
		return ""
	}
	if n.newest.RequestID != "" {
		return n.newest.WhatToDo()
	}
	return n.Cause.Advice("", n.IdP)
}

// Times of the notices.
const (
	// expiresSoon is how long before its end a token's end is announced.
	expiresSoon = 14 * 24 * time.Hour
	// recentlyRefused is how long a refused token is a warning after a valid one is used.
	recentlyRefused = time.Hour
	// pastRefused is how long it is shown at all.
	pastRefused = 24 * time.Hour
	// unusualShown is how long unusually many deactivations are shown.
	unusualShown = 24 * time.Hour
)

// judgement has the facts that decide a tenant's health.
type judgement struct {
	now   time.Time
	about About
	seen  []journal.Seen
	// tallies are the counted requests by cause, unnamed the recent failures that
	// belong to no user or group.
	tallies, unnamed []journal.Tally
	// recorded are the requests of each identity provider by day, failing the users and groups
	// that fail, as far as they are read.
	recorded []journal.Day
	failing  []journal.Failing
	// pasts are the requests of recorded by identity provider; judge sets it.
	pasts []past
}

// judge sets the health, the summary, the notices and the warnings of an overview.
func (j *judgement) judge(o *Overview) {
	j.pasts = pastsOf(j.recorded)
	o.Notices = slices.Concat(j.whole(), j.unusual(o), j.refusedTokens(), j.lack(), j.forecast(), j.refused(), j.warnings(o), j.absent(), j.expiring())
	slices.SortStableFunc(o.Notices, func(x, y Notice) int { return x.Level.rank() - y.Level.rank() })
	o.Health = j.health(o)
	o.Summary = j.summary(o)
}

func (l Level) rank() int { return slices.Index([]Level{LevelError, LevelWarning, LevelInfo}, l) }

// unusual returns the notice of unusually many deactivations of the last day.
func (j *judgement) unusual(o *Overview) []Notice {
	u := j.about.Unusual
	if u.At.IsZero() || j.now.Sub(u.At) > unusualShown {
		return nil
	}
	o.Unusual = u
	return []Notice{{
		Kind: NoticeUnusual, Level: LevelWarning, Count: u.Count, Last: u.At,
		Text: fmt.Sprintf("Identity providers deactivated or deleted %s of %s within an hour, until %s %s UTC.",
			amount.Number(u.Count), amount.Count(u.ActiveUsers, "active user"), date(u.At), u.At.UTC().Format("15:04")),
	}}
}

func (j *judgement) health(o *Overview) Health {
	has := func(l Level) bool { return slices.ContainsFunc(o.Notices, func(n Notice) bool { return n.Level == l }) }
	switch {
	case j.about.Off:
		return HealthOff
	case o.Failing > 0, o.More, has(LevelError):
		return HealthFailing
	case slices.ContainsFunc(o.Notices, func(n Notice) bool { return n.Kind == NoticeNoToken || n.Kind == NoticeUnused }):
		return HealthWaiting
	case has(LevelWarning):
		return HealthWarning
	}
	return HealthOK
}

func (j *judgement) summary(o *Overview) string {
	failed := 0
	for _, span := range o.Spans {
		for _, n := range span.Causes {
			failed += n
		}
	}
	switch {
	case o.Health == HealthOff:
		return "SCIM is turned off: every request is refused."
	case o.Failing > 0:
		return upper(plural(int64(o.Failing), "user or group fails now", "users and groups fail now", o.More)) + "."
	case o.Health == HealthFailing:
		return "Requests are refused now."
	case o.Health == HealthWaiting:
		return "Nothing received yet."
	case o.Health == HealthWarning && failed == 0:
		return "No failures. There are warnings."
	case failed > 0:
		return "No user or group fails now. " + upper(plural(int64(failed), "request failed", "requests failed", o.Partial)) + j.within() + "."
	}
	return "No failures. Everything received with a valid token was applied."
}

// days returns how many days the overview shows.
func (j *judgement) days() int {
	if j.about.LogDays > 0 {
		return min(journal.ShownDays, j.about.LogDays)
	}
	return journal.ShownDays
}

// within returns the length of time that the overview shows, in words.
func (j *judgement) within() string {
	if j.days() == 1 {
		return " since yesterday"
	}
	return fmt.Sprintf(" in the last %d days", j.days())
}

// whole returns the notices of what holds for all requests.
func (j *judgement) whole() []Notice {
	if !j.about.Off {
		return nil
	}
	n := Notice{Kind: NoticeOff, Level: LevelError, Cause: cause.SCIMDisabled, Outcome: journal.Failure, Text: "SCIM is turned off for this tenant: every request of an identity provider is refused with 403."}
	if t := j.sum(cause.SCIMDisabled); t.Count > 0 {
		n.count(t, t.Least)
		n.Text += " " + upper(plural(t.Count, "request was refused", "requests were refused", n.AtLeast)) + j.within() + ", most recently " + ago(j.now.Sub(t.Last)) + "."
	}
	return []Notice{n}
}

func (n *Notice) count(t journal.Tally, least bool) {
	n.Count, n.AtLeast, n.Last, n.IdP = t.Count, least, t.Last, t.IdP
}

// sum adds the tallies of a cause in the days shown.
func (j *judgement) sum(c cause.Cause) (all journal.Tally) {
	first := j.now.Truncate(24*time.Hour).AddDate(0, 0, min(1-j.days(), -1))
	for _, t := range j.tallies {
		if t.TokenID != "" || t.Cause != c || t.Day.Before(first) {
			continue
		}
		// The sum is exact if the count of each day is, and no day is forgotten.
		all.Cause, all.Least = c, all.Least || t.AtLeast() || j.days() == 1
		all.Count += t.Count
		if t.Last.After(all.Last) {
			all.Last, all.IdP = t.Last, t.IdP
		}
	}
	return all
}

// refusedTokens returns the notices of revoked and expired tokens that are still used,
// the latest first.
func (j *judgement) refusedTokens() []Notice {
	var notices []Notice
	for _, t := range j.tallies {
		if t.TokenID == "" {
			continue
		}
		if n, ok := j.refusedToken(t); ok {
			notices = append(notices, n)
		}
	}
	slices.SortFunc(notices, func(x, y Notice) int {
		if order := y.Last.Compare(x.Last); order != 0 {
			return order
		}
		return strings.Compare(x.Token.ID, y.Token.ID)
	})
	return notices
}

// refusedToken returns the notice of one refused token. Whether provisioning has
// stopped is judged by the identity provider that uses it: others may have valid tokens.
func (j *judgement) refusedToken(t journal.Tally) (Notice, bool) {
	token := j.token(t.TokenID)
	n := Notice{Level: LevelError, Kind: NoticeTokenRefused, Cause: t.Cause, Outcome: journal.Failure, Token: token}
	n.count(t, t.AtLeast())
	ended := token.Revoked
	if t.Cause == cause.TokenExpired {
		ended = token.Expires
	}
	what := token.use(t.Cause, fmt.Sprintf("used %s, last %s", times(t.Count, n.AtLeast), ago(j.now.Sub(t.Last))))
	same, other := j.valid(t)
	// The last uses of a token that is used often are not written yet.
	unwritten := time.Duration(0)
	if n.AtLeast {
		unwritten = journal.Interval
	}
	switch {
	case !same.IsZero() && !same.Before(t.Last.Add(unwritten)), !other.IsZero() && other.Sub(t.Last) >= pastRefused:
		if j.now.Sub(t.Last) >= pastRefused {
			return Notice{}, false
		}
		n.Kind, n.Level = NoticeTokenPast, LevelInfo
		if j.now.Sub(t.Last) < recentlyRefused {
			n.Level = LevelWarning
		}
		n.Text = upper(what) + ". Requests with a valid token have arrived since."
	case same.After(ended) && !ended.IsZero():
		n.Kind, n.Level = NoticeTokenBeside, LevelWarning
		n.Text = fmt.Sprintf("%s. These requests are refused; the last request with a valid token came %s.", upper(what), ago(j.now.Sub(same)))
	case other.After(ended) && !ended.IsZero(), j.others(t):
		n.Text = fmt.Sprintf("Provisioning from %s has stopped: %s.", idpName(t.IdP), what)
	default:
		n.Text = "Provisioning has stopped: " + what + "."
	}
	return n, true
}

// valid returns when a valid token was last used by the identity provider of a refused
// one, and by any.
func (j *judgement) valid(t journal.Tally) (same, other time.Time) {
	for _, s := range j.seen {
		// A client whose access tokens have ended gets others, which have its id.
		if s.TokenID == t.TokenID && t.Cause != cause.AccessEnded {
			continue
		}
		other = later(other, s.Time)
		if s.IdP == t.IdP {
			same = later(same, s.Time)
		}
	}
	return same, other
}

// others reports whether another identity provider than that of a refused token has a
// token that is valid and was in use: it may only be between two of its cycles.
func (j *judgement) others(t journal.Tally) bool {
	return slices.ContainsFunc(j.seen, func(s journal.Seen) bool {
		token := j.token(s.TokenID)
		return s.IdP != t.IdP && s.TokenID != t.TokenID && !token.Created.IsZero() && token.live(j.now) && j.now.Sub(s.Time) < journal.ShownDays*24*time.Hour
	})
}

// token returns a token by its id, with the id alone if the token is unknown.
func (j *judgement) token(id string) Token {
	for _, t := range j.about.Tokens {
		if t.ID == id {
			return t
		}
	}
	return Token{ID: id}
}

// name returns the text by which every page shows the token or the client.
func (t Token) name() string {
	switch {
	case t.Client != "" && t.Label != "":
		return t.Label
	case t.Client != "" || t.LastFour == "":
		return t.ID
	}
	return "…" + t.LastFour
}

// use returns what happened to a token or a client that was used and refused.
func (t Token) use(c cause.Cause, used string) string {
	switch c {
	case cause.TokenExpired:
		return fmt.Sprintf("token %s expired on %s and was %s", t.name(), date(t.Expires), used)
	case cause.StaticRefused:
		return fmt.Sprintf("static token %s, which this tenant refuses, was %s", t.name(), used)
	case cause.ClientRevoked:
		return fmt.Sprintf("revoked client %s was %s", t.name(), used)
	case cause.AccessEnded:
		return fmt.Sprintf("access tokens of client %s, whose secret, federation or keys have ended, were %s", t.name(), used)
	}
	return fmt.Sprintf("revoked token %s was %s", t.name(), used)
}

// whole names a token, or a secret with its client.
func (t Token) whole() string {
	if t.Client != "" {
		return fmt.Sprintf("secret …%s of client %s", t.LastFour, t.name())
	}
	return "token " + t.name()
}

// live reports whether the token is valid, or the client can get access tokens.
func (t Token) live(now time.Time) bool {
	return !t.Refused && t.Revoked.IsZero() && (t.Expires.IsZero() || now.Before(t.Expires))
}

// received reports whether anything was ever received with a token of the tenant.
func (j *judgement) received() bool {
	return len(j.seen)+len(j.tallies) > 0 || slices.ContainsFunc(j.about.Tokens, func(t Token) bool { return !t.LastUsed.IsZero() })
}

// lack returns the notices of a tenant that cannot send requests, or has sent none yet.
func (j *judgement) lack() []Notice {
	live := slices.ContainsFunc(j.about.Tokens, func(t Token) bool { return t.live(j.now) })
	switch {
	case !live && j.received():
		what := "has no valid token"
		switch {
		case slices.ContainsFunc(j.about.Tokens, func(t Token) bool { return t.Refused }):
			what = "refuses static tokens and has no valid client"
		case slices.ContainsFunc(j.about.Tokens, func(t Token) bool { return t.Client != "" }):
			what = "has no valid token or client"
		}
		return []Notice{{Kind: NoticeNoValidToken, Level: LevelError, Text: "This tenant " + what + ": every request of an identity provider is refused until one is created."}}
	case !live:
		what := "no token yet"
		if len(j.about.Tokens) > 0 {
			what = "no valid token"
		}
		return []Notice{{Kind: NoticeNoToken, Level: LevelInfo, Text: "This tenant has " + what + ". Create one, and enter it with the base URL in the identity provider."}}
	case !j.received():
		return []Notice{{Kind: NoticeUnused, Level: LevelInfo, Text: "No request has been received yet. Enter the base URL and the token in the identity provider, and test the connection there."}}
	}
	return nil
}

// refused returns the notices of recent requests that were refused and mark no user or
// group as failing.
func (j *judgement) refused() []Notice {
	var notices []Notice
	for _, t := range j.unnamed {
		notices = append(notices, Notice{
			Kind: NoticeRefused, Level: LevelWarning, Cause: t.Cause, Outcome: journal.Failure, Count: t.Count, AtLeast: t.Least, Last: t.Last,
			Text: fmt.Sprintf("%s refused in the last 24 hours, most recently %s, for a cause that concerns no single user or group (%s).",
				upper(plural(t.Count, "request was", "requests were", t.Least)), ago(j.now.Sub(t.Last)), t.Cause),
		})
	}
	if t := j.sum(cause.RateLimit); t.Count > 0 && !j.about.Off {
		n := Notice{Kind: NoticeRateLimit, Level: LevelInfo, Cause: cause.RateLimit, Outcome: journal.Failure}
		if j.now.Sub(t.Last) < unnamedTime {
			n.Level = LevelWarning
		}
		n.count(t, t.Least)
		n.Text = fmt.Sprintf("Rate limit exceeded: %s%s, most recently %s. Identity providers send such requests again later.",
			plural(t.Count, "request was refused", "requests were refused", n.AtLeast), j.within(), ago(j.now.Sub(t.Last)))
		notices = append(notices, n)
	}
	return notices
}

// warnings returns the notices of requests that succeeded with a warning, and are counted
// in the overview.
func (j *judgement) warnings(o *Overview) []Notice {
	by := map[cause.Cause]journal.Tally{}
	for _, t := range j.tallies {
		if t.TokenID == "" && journal.RuleOf(t.Cause).Entries != journal.OneAMinute {
			if all := j.sum(t.Cause); all.Count > 0 {
				by[t.Cause] = all
			}
		}
	}
	o.Warnings = sortedTallies(by)
	var notices []Notice
	for _, t := range o.Warnings {
		n := Notice{Kind: NoticeWarnings, Level: LevelWarning, Cause: t.Cause, Outcome: journal.Warning}
		n.count(t, t.Least)
		if t.Cause == cause.Tolerated {
			n.newest = o.tolerated
		}
		what := "%s with a warning"
		if text, ok := warningTexts[t.Cause]; ok {
			what = text
		}
		n.Text = upper(fmt.Sprintf(what, plural(t.Count, "request", "requests", n.AtLeast))) + fmt.Sprintf("%s, most recently %s.", j.within(), ago(j.now.Sub(t.Last)))
		notices = append(notices, n)
	}
	return notices
}

// warningTexts say what a warning means for the requests that had it.
var warningTexts = map[cause.Cause]string{
	cause.UnknownMembers:    "Members that are not provisioned users were skipped in %s",
	cause.Tolerated:         "Attributes or values were dropped or changed in %s",
	cause.ExternalIDChanged: "Users were reactivated under another externalId by %s",
	cause.IdentityChanged:   "Users of the application were linked under another userName or email by %s",
	cause.AnswerTooLarge:    "The resource was too large for the answer to %s",
	cause.BulkPartial:       "Operations failed or were not tried in %s",
}

// expiring returns the notices of static tokens and of clients' secrets that are in use and
// expire soon, unless a newer one is in use.
func (j *judgement) expiring() []Notice {
	var notices []Notice
	static := slices.DeleteFunc(slices.Clone(j.about.Tokens), func(t Token) bool { return t.Client != "" })
	for _, t := range slices.Concat(static, j.about.Secrets) {
		left := t.Expires.Sub(j.now)
		if t.Expires.IsZero() || !t.live(j.now) || left > expiresSoon || !j.inUse(t) {
			continue
		}
		others := static
		if t.Client != "" {
			others = j.about.Secrets
		}
		if slices.ContainsFunc(others, func(other Token) bool {
			return other.Client == t.Client && other.Created.After(t.Created) && other.live(j.now) && (other.Expires.IsZero() || other.Expires.After(t.Expires)) && j.inUse(other)
		}) {
			continue
		}
		notices = append(notices, Notice{
			Kind: NoticeTokenExpires, Level: LevelWarning, Token: t,
			Text: fmt.Sprintf("%s expires on %s (in %s) and is in use: rotate it before then.", upper(t.whole()), date(t.Expires), amount.Length(left)),
		})
	}
	return notices
}

// inUse reports whether a token was used in the days shown.
func (j *judgement) inUse(t Token) bool {
	recent := func(at time.Time) bool { return !at.IsZero() && j.now.Sub(at) < journal.ShownDays*24*time.Hour }
	return recent(t.LastUsed) || slices.ContainsFunc(j.seen, func(s journal.Seen) bool { return s.TokenID == t.ID && recent(s.Time) })
}

// idpName returns an identity provider's name as a sentence has it.
func idpName(p idp.Provider) string {
	if p != "" && p != idp.Other {
		return p.Name()
	}
	return "one client"
}

// plural returns a number with the noun that it counts.
func plural(n int64, one, many string, atLeast bool) string {
	text := fmt.Sprintf("%s %s", amount.Number(n), many)
	if n == 1 {
		text = "1 " + one
	}
	if atLeast {
		return "at least " + text
	}
	return text
}

// times returns how often something was done, in words.
func times(n int64, atLeast bool) string { return plural(n, "time", "times", atLeast) }

// ago says how long ago something was.
func ago(d time.Duration) string {
	if d < time.Second {
		return "just now"
	}
	return amount.Length(d) + " ago"
}

func date(t time.Time) string { return t.UTC().Format("2 January 2006") }

func upper(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
