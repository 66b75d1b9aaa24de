package provlog

import (
	"fmt"
	"time"

	"github.com/rollcall-scim/rollcall/internal/amount"
	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/idp"
	"github.com/rollcall-scim/rollcall/internal/journal"
)

// What Microsoft documents of Entra's quarantine and retries ("Quarantine status in
// Microsoft Entra Application Provisioning", March 2025).
const (
	// entraStops is how long a job stays in quarantine before it is disabled.
	entraStops = 28 * oneDay
	// entraRetries is how long a failed object is sent again: after entraFirst, and from
	// the third time on every day.
	entraRetries = 28 * oneDay
	// entraLeast failures begin an evaluation. A job goes into quarantine above entraShare
	// percent of failures, or above entraMost. References, as of members, do not count for
	// these two; entraAll failures of any kind do.
	entraLeast = 5_000
	entraShare = 40
	entraMost  = 40_000
	entraAll   = 60_000
)

// entraFirst are the first times, after a failure, at which Entra sends an object again.
var entraFirst = [...]time.Duration{6 * time.Hour, 12 * time.Hour, oneDay}

// When the forecast begins.
const (
	// nearLeast is how many refused changes of users are worth a warning before Entra
	// evaluates them.
	nearLeast = 1_000
	// allRefused is how many changes must be refused in succession, for longer than
	// allTime, to count as "most or all calls fail".
	allRefused = 20
	allTime    = oneDay
	// retriesEnd is how long before the end of its retries a failure is mentioned.
	retriesEnd = 7 * oneDay
)

// forecast returns the notices of what Entra will do if nothing changes. Each is computed from
// recorded facts, which its text names; whether a job is in quarantine only Entra knows.
func (j *judgement) forecast() []Notice {
	var notices []Notice
	for _, f := range []func() (Notice, bool){j.refusedJob, j.failingJob, j.endingRetries} {
		if n, ok := f(); ok {
			n.IdP = idp.Entra
			notices = append(notices, n)
		}
	}
	return notices
}

// stops says when a job that is refused since a time is turned off.
func (j *judgement) stops(since time.Time) string {
	end := since.Add(entraStops)
	if j.now.Before(end) {
		return fmt.Sprintf("Entra will stop syncing this application on about %s, four weeks after the first refusal, unless a request succeeds before.", date(end))
	}
	return fmt.Sprintf("Entra has probably stopped syncing this application on about %s: it turns a job off after four weeks in quarantine.", date(end))
}

// refusedJob is the forecast for a job all of whose requests are refused: with a revoked or
// expired token, or because SCIM is off. For that Entra needs no number of failures.
func (j *judgement) refusedJob() (Notice, bool) {
	last := j.seenLast(idp.Entra)
	var refused journal.Tally
	for _, t := range append([]journal.Tally{j.sum(cause.SCIMDisabled)}, j.tallies...) {
		whole := t.TokenID != "" || t.Cause == cause.SCIMDisabled && j.about.Off && t.Day.IsZero()
		if whole && t.IdP == idp.Entra && t.Last.After(last) && t.Last.After(refused.Last) {
			refused = t
		}
	}
	if refused.Count == 0 {
		return Notice{}, false
	}
	n := Notice{Kind: NoticeKind(cause.SyncStops), Level: LevelError}
	n.count(refused, refused.AtLeast())
	facts := fmt.Sprintf("Its requests are refused (%s): %s, most recently %s", refused.Cause, plural(n.Count, "request", "requests", n.AtLeast), ago(j.now.Sub(n.Last)))
	since := last
	if ended := j.token(refused.TokenID); refused.TokenID != "" {
		since = later(since, ended.Revoked)
		if refused.Cause == cause.TokenExpired {
			since = later(last, ended.Expires)
		}
	}
	if since.IsZero() {
		n.Text = "Entra has probably put this application into quarantine, in which it comes down to one cycle a day, and stops syncing it after four weeks. " + facts + "."
		return n, true
	}
	n.Text = fmt.Sprintf("%s %s, and none was accepted since %s. It is probably in quarantine, with fewer cycles, down to one a day.", j.stops(since), facts, date(since))
	return n, true
}

// failingJob is the forecast for a job whose changes are refused in great part, or
// altogether.
func (j *judgement) failingJob() (Notice, bool) {
	p := j.past(idp.Entra)
	recent := p.recent(j.now.Add(-journal.ShownDays * oneDay))
	refused, groups := recent[journal.Refusals], recent[journal.GroupRefusals]
	done := recent[journal.Creations] + recent[journal.Updates] + recent[journal.Departures]
	if refused+groups == 0 || j.about.Off {
		return Notice{}, false
	}
	percent := 100 * refused / max(refused+done, 1)
	facts := fmt.Sprintf("At least %s of %s changes of users were refused in the last %d days (%d%%)", amount.Number(refused), amount.Number(refused+done), journal.ShownDays, percent)
	n := Notice{Kind: NoticeKind(cause.SyncStops), Level: LevelWarning}
	accepted := p.latest(journal.Creations, journal.Updates, journal.Departures, journal.Groups)
	last := p.latest(journal.Refusals, journal.GroupRefusals)
	switch {
	case refused >= entraLeast && percent > entraShare, refused > entraMost, refused+groups > entraAll:
		n.Level = LevelError
		n.Text = fmt.Sprintf("Entra has probably put this application into quarantine, and stops syncing it after four weeks there. %s; it does so from %s failures on if they are more than %d%%.", facts, amount.Number(entraLeast), entraShare)
	case refused >= nearLeast && percent > entraShare:
		n.Text = fmt.Sprintf("Entra will put this application into quarantine if this goes on, and stop syncing it after four weeks there. %s; it does so from %s failures on if they are more than %d%%.", facts, amount.Number(entraLeast), entraShare)
	case refused+groups >= allRefused && !accepted.IsZero() && j.now.Sub(accepted) >= allTime && last.After(accepted) && j.refusedAll(p, accepted):
		n.Text = fmt.Sprintf("%s No change was accepted since %s, and Entra puts an application into quarantine whose requests consistently fail.", j.stops(accepted), date(accepted))
	default:
		return Notice{}, false
	}
	n.Count, n.AtLeast, n.Last = refused+groups, true, last
	return n, true
}

// refusedAll reports whether enough changes were refused on the whole days since a time, in
// which none was accepted.
func (j *judgement) refusedAll(p past, since time.Time) bool {
	n := p.recent(since.Truncate(oneDay).Add(oneDay))
	return n[journal.Refusals]+n[journal.GroupRefusals] >= allRefused
}

// endingRetries is the forecast for users and groups that Entra soon sends no more.
func (j *judgement) endingRetries() (Notice, bool) {
	var first time.Time
	n := Notice{Kind: NoticeKind(cause.RetriesEnd), Level: LevelWarning}
	for _, f := range j.failing {
		left := f.First.Add(entraRetries).Sub(j.now)
		if f.IdP != idp.Entra || left <= 0 || left > retriesEnd {
			continue
		}
		n.Count++
		if n.Last = later(n.Last, f.Last); first.IsZero() || f.First.Before(first) {
			first = f.First
		}
	}
	if n.Count == 0 {
		return n, false
	}
	n.Text = fmt.Sprintf("Entra will soon give up on %s that first failed before %s: it sends a failed object again for 28 days, for the oldest of them until about %s.",
		plural(n.Count, "user or group", "users and groups", false), date(j.now.Add(retriesEnd-entraRetries)), date(first.Add(entraRetries)))
	return n, true
}

// Retry says whether and when the identity provider sends a failed change again by itself, "" where
// that is not documented.
func Retry(f journal.Failing, now time.Time) string {
	switch f.IdP {
	case idp.Okta:
		if f.Cause == cause.RateLimit {
			return "Okta sends it again after the time in Retry-After, up to ten times; then it is a task under Dashboard > Tasks."
		}
		return "Okta does not send it again by itself: it waits under Dashboard > Tasks."
	case idp.Entra:
		end := f.First.Add(entraRetries)
		from := later(f.Last, now)
		next := f.First.Add(oneDay + from.Sub(f.First).Truncate(oneDay))
		for _, d := range entraFirst {
			if at := f.First.Add(d); at.After(from) {
				next = at
				break
			}
		}
		if next.After(end) {
			return "Entra has sent it for 28 days, and usually does not send it again by itself."
		}
		return fmt.Sprintf("Entra usually sends it again at about %s, and then once a day until %s.", next.UTC().Format("15:04 UTC on 2 January"), date(end))
	}
	return ""
}
