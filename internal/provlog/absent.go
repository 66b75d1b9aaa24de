package provlog

import (
	"fmt"
	"time"

	"github.com/rollcall-scim/rollcall/internal/amount"
	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/idp"
	"github.com/rollcall-scim/rollcall/internal/journal"
)

// absent returns the notices of what no request shows: each has the facts in its text, and the
// settings that can be the reason in its advice.
func (j *judgement) absent() []Notice {
	if j.about.Off {
		return nil
	}
	var notices []Notice
	add := func(p idp.Provider, check cause.Check, level Level, format string, args ...any) {
		notices = append(notices, Notice{Kind: NoticeKind(check), Level: level, IdP: p, Text: fmt.Sprintf(format, args...)})
	}
	for _, p := range j.pasts {
		if text := j.silent(p); text != "" {
			add(p.idp, cause.IdPSilent, LevelWarning, "%s", text)
		}
		if j.now.Sub(j.seenLast(p.idp)) > presentTime {
			continue
		}
		if since := p.days[0].Day; !p.did(journal.Creations, journal.Updates, journal.Departures, journal.Groups, journal.Refusals, journal.GroupRefusals) && j.now.Sub(since) >= testedTime {
			add(p.idp, cause.UsersAbsent, LevelWarning, "%s has tested the connection or looked users up since %s, and has sent no user.", p.idp.Name(), date(since))
		}
		if check, text := j.unchanging(p); text != "" {
			level := LevelWarning
			if check == cause.UpdatesAbsent {
				level = LevelInfo
			}
			add(p.idp, check, level, "%s", text)
		}
		if text := j.withoutGroups(p); text != "" {
			add(p.idp, cause.GroupsAbsent, LevelInfo, "%s", text)
		}
		if text := j.withoutMembers(p); text != "" {
			add(p.idp, cause.MembersAbsent, LevelWarning, "%s", text)
		}
		if n := j.unmatched(p.idp); n > 0 && !p.did(journal.Imports) {
			add(p.idp, cause.ImportsAbsent, LevelInfo, "%s because the application has accounts for them, and %s has not imported users in the days that are recorded (since %s).",
				upper(plural(int64(n), "user fails", "users fail", false)), p.idp.Name(), date(p.days[0].Day))
		}
	}
	return notices
}

// seenLast returns when an identity provider sent its last request that was accepted.
func (j *judgement) seenLast(p idp.Provider) time.Time {
	var last time.Time
	for _, s := range j.seen {
		if s.IdP == p {
			last = later(last, s.Time)
		}
	}
	return later(last, j.past(p).latest(journal.Kinds[:]...))
}

// unchanging judges an identity provider that creates users, and does not change or
// deactivate any.
func (j *judgement) unchanging(p past) (check cause.Check, text string) {
	since := p.since(journal.Creations)
	if since.IsZero() || j.now.Sub(since) < joinTime || p.did(journal.Updates) && p.did(journal.Departures) {
		return "", ""
	}
	created, days := p.joined()
	joins := created >= joiners && days >= joinDays && !p.did(journal.Departures)
	still := p.weeks(j.now) >= userWeeks && !p.did(journal.Updates)
	name, age := p.idp.Name(), amount.Length(j.now.Sub(since))
	switch {
	case joins && !p.did(journal.Updates):
		return cause.OnlyCreations, fmt.Sprintf("%s has only created users in the last %s: at least %s, and no update or deactivation of any.", name, age, amount.Number(p.count[journal.Creations]))
	case joins:
		return cause.DeactivationsAbsent, fmt.Sprintf("%s has deactivated or deleted no user in the last %s, in which it has created at least %s.", name, age, amount.Number(p.count[journal.Creations]))
	case still:
		return cause.UpdatesAbsent, fmt.Sprintf("%s has updated no user in the last %s, after it created at least %s.", name, age, amount.Number(p.count[journal.Creations]))
	}
	return "", ""
}

// withoutGroups judges an identity provider that sends users and no group, in a tenant
// without groups.
func (j *judgement) withoutGroups(p past) string {
	since := p.since(journal.Creations)
	age := j.now.Sub(since)
	if since.IsZero() || age < groupsFrom || age >= groupsUntil || p.count[journal.Creations] < groupsUsers || j.about.Groups > 0 || p.did(journal.Groups, journal.GroupRefusals) {
		return ""
	}
	return fmt.Sprintf("%s has created users since %s, and has sent no group.", p.idp.Name(), date(since))
}

// withoutMembers judges an identity provider that sends groups whose members are skipped, and
// creates none of them.
func (j *judgement) withoutMembers(p past) string {
	skipped := j.sum(cause.UnknownMembers)
	if skipped.IdP != p.idp || skipped.Count < skippedRequests || j.now.Sub(skipped.Last) < skippedTime || p.last[journal.Creations].After(skipped.Last.Add(-skippedTime)) {
		return ""
	}
	return fmt.Sprintf("Members were skipped in %s%s because they are no users here, most recently %s; %s has created no user since.",
		plural(skipped.Count, "request", "requests", skipped.Least), j.within(), ago(j.now.Sub(skipped.Last)), p.idp.Name())
}

// unmatched returns how many users of an identity provider fail because the application has
// accounts for them. Only Okta imports users.
func (j *judgement) unmatched(p idp.Provider) (n int) {
	for _, f := range j.failing {
		if f.IdP == p && p == idp.Okta && (f.Cause == cause.OwnUser || f.Cause == cause.OwnUserConversion) {
			n++
		}
	}
	return n
}

// silent judges an identity provider that has stopped sending requests, by its own habit:
// one that has nothing to change sends nothing for a while, at weekends for example.
func (j *judgement) silent(p past) string {
	last := j.seenLast(p.idp)
	quiet := j.now.Sub(last)
	if last.IsZero() || len(p.days) < silentDays || j.refusedSince(p.idp, last) || quiet >= journal.DaysKept {
		return ""
	}
	limit := silentOther
	switch p.idp {
	case idp.Entra:
		limit = silentPolling
	case idp.Okta:
		limit = silentEvents
	}
	pause := p.pause()
	limit = max(limit, silentGaps*pause)
	retries := ""
	if n := j.fails(p.idp, last); n > 0 && p.idp == idp.Entra {
		limit = min(limit, silentRetrying)
		retries = fmt.Sprintf(" %s, which Entra usually sends again once a day.", upper(plural(int64(n), "user or group fails", "users and groups fail", false)))
	}
	if quiet < limit {
		return ""
	}
	return fmt.Sprintf("%s has sent nothing since %s (%s). Before, it sent requests on %s, at most %s apart.%s",
		p.idp.Name(), date(last), ago(quiet), amount.Count(int64(len(p.days)), "day"), amount.Count(int64(pause/oneDay), "day"), retries)
}

// refusedSince reports whether an identity provider was refused with a revoked or expired
// token since a time: then it is not silent.
func (j *judgement) refusedSince(p idp.Provider, at time.Time) bool {
	for _, t := range j.tallies {
		if t.TokenID != "" && t.IdP == p && t.Last.After(at) {
			return true
		}
	}
	return false
}

// fails returns how many users and groups of an identity provider fail that it would still send
// again at a time.
func (j *judgement) fails(p idp.Provider, at time.Time) (n int) {
	for _, f := range j.failing {
		if f.IdP == p && at.Sub(f.First) < entraRetries {
			n++
		}
	}
	return n
}
