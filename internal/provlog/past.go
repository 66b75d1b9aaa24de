package provlog

import (
	"cmp"
	"slices"
	"time"

	"github.com/rollcall-scim/rollcall/internal/idp"
	"github.com/rollcall-scim/rollcall/internal/journal"
)

// The thresholds of the checks of what is absent, and of the forecast. They avoid alarms
// about tenants in which nothing is wrong: docs/reference/checks.md explains each, and a
// test compares its numbers.
const (
	// oneDay is the unit of what is recorded.
	oneDay = 24 * time.Hour
	// groupsFrom and groupsUntil are how long after the first user missing groups are
	// mentioned, and groupsUsers how many users there must be.
	groupsFrom, groupsUntil = 3 * oneDay, 30 * oneDay
	groupsUsers             = 10
	// joinTime is how long an identity provider is watched before missing deactivations and
	// updates are mentioned, and joiners how many users it must have created on joinDays
	// days, without the day on which it created most: where people join, others leave.
	joinTime = 28 * oneDay
	joiners  = 20
	joinDays = 5
	// userWeeks is how many weeks all created users together must have been here without
	// an update.
	userWeeks = 800
	// testedTime is how long a connection is tested without a user.
	testedTime = 2 * oneDay
	// skippedRequests is how many requests had members that are no users, and skippedTime
	// how long their users have had time to arrive.
	skippedRequests = 3
	skippedTime     = oneDay
	// silentDays is on how many days an identity provider must have been active, and
	// silentGaps how many times its longest pause it may be silent.
	silentDays = 7
	silentGaps = 2
	// silentPolling is how long one that polls is silent, silentEvents one that sends
	// changes when they happen, and silentOther any other; silentRetrying is for Entra
	// while users fail, which it sends again once a day.
	silentPolling, silentEvents, silentOther = 3 * oneDay, 14 * oneDay, 7 * oneDay
	silentRetrying                           = 2 * oneDay
	// presentTime is how recently an identity provider must have sent something for what
	// it does not do to matter.
	presentTime = 14 * oneDay
)

// A past is what an identity provider did on the days that are recorded.
type past struct {
	idp idp.Provider
	// days are sorted.
	days []journal.Day
	// last has the last request of each kind, count the least number of each.
	last  map[journal.Kind]time.Time
	count map[journal.Kind]int64
}

// pastsOf returns what each identity provider did. Programs of developers, and unknown
// senders, are left out: nothing is expected of them.
func pastsOf(recorded []journal.Day) []past {
	by := map[idp.Provider]*past{}
	for _, d := range recorded {
		if !d.IdP.IsProduct() {
			continue
		}
		p := by[d.IdP]
		if p == nil {
			p = &past{idp: d.IdP, last: map[journal.Kind]time.Time{}, count: map[journal.Kind]int64{}}
			by[d.IdP] = p
		}
		p.days = append(p.days, d)
		for kind, at := range d.Last {
			p.last[kind] = later(p.last[kind], at)
			p.count[kind] += max(d.Count[kind], 1)
		}
	}
	var all []past
	for _, p := range by {
		slices.SortFunc(p.days, func(x, y journal.Day) int { return x.Day.Compare(y.Day) })
		all = append(all, *p)
	}
	slices.SortFunc(all, func(x, y past) int { return cmp.Compare(x.idp, y.idp) })
	return all
}

// past returns what an identity provider did, zero if nothing is recorded of it.
func (j *judgement) past(p idp.Provider) past {
	at := slices.IndexFunc(j.pasts, func(known past) bool { return known.idp == p })
	if at < 0 {
		return past{}
	}
	return j.pasts[at]
}

// latest returns when the last request of one of some kinds came, zero if none did.
func (p past) latest(kinds ...journal.Kind) (at time.Time) {
	for _, k := range kinds {
		at = later(at, p.last[k])
	}
	return at
}

// did reports whether a request of one of some kinds came.
func (p past) did(kinds ...journal.Kind) bool { return !p.latest(kinds...).IsZero() }

// since returns the first day with a request of a kind, zero where there is none.
func (p past) since(kind journal.Kind) time.Time {
	for _, d := range p.days {
		if !d.Last[kind].IsZero() {
			return d.Day
		}
	}
	return time.Time{}
}

// joined returns how many users were created, and on how many days, without the day on which
// most were: the first synchronization of everyone.
func (p past) joined() (users int64, days int) {
	most := int64(0)
	for _, d := range p.days {
		if n := d.Count[journal.Creations]; !d.Last[journal.Creations].IsZero() {
			users, days, most = users+max(n, 1), days+1, max(most, n, 1)
		}
	}
	return users - most, max(days-1, 0)
}

// weeks returns how many weeks the created users have been here, together.
func (p past) weeks(now time.Time) float64 {
	sum := 0.0
	for _, d := range p.days {
		if !d.Last[journal.Creations].IsZero() {
			sum += float64(max(d.Count[journal.Creations], 1)) * now.Sub(d.Day).Hours() / (7 * 24)
		}
	}
	return sum
}

// pause returns the longest time between two days with requests.
func (p past) pause() time.Duration {
	longest := oneDay
	for i := 1; i < len(p.days); i++ {
		longest = max(longest, p.days[i].Day.Sub(p.days[i-1].Day))
	}
	return longest
}

// recent returns the requests of each kind since a time, to the day.
func (p past) recent(from time.Time) map[journal.Kind]int64 {
	n := map[journal.Kind]int64{}
	for _, d := range p.days {
		if d.Day.Add(oneDay).After(from) {
			for kind := range d.Last {
				n[kind] += max(d.Count[kind], 1)
			}
		}
	}
	return n
}
