package watch

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/event"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// Deactivations within deactivationSpan are unusual if they are more than usualDeactivations and
// more than one in usualShare of the active users. They are reported once in a span.
const (
	deactivationSpan   = time.Hour
	usualDeactivations = 20
	usualShare         = 10
	// bucketTime is the time that is counted together.
	bucketTime = 5 * time.Minute
	// deactivationsKept is how long counts are remembered: longer than a record may come
	// again, and than a report is shown.
	deactivationsKept = 26 * time.Hour
	// maxNamed is how many credentials a report names.
	maxNamed = 3
)

// DeactivationsName is the name under which deactivations are remembered.
const DeactivationsName = "DEACTIVATIONS"

// Deactivated are the users that identity providers deactivated or deleted in a time.
type Deactivated struct {
	// Users has each user once, with its last entry.
	Users map[string]Deactivation
	// Cut reports that there may be others: the log has more entries than are read.
	Cut bool
}

// A Deactivation is the end of a user's activity.
type Deactivation struct {
	At      time.Time
	TokenID string
	IdP     string
}

// deactivations is what is remembered of a tenant's deactivations.
type deactivations struct {
	// Counts are the deactivations by the number of their bucket since 1970. A batch that
	// comes again is counted again.
	Counts map[int64]int64 `json:"n,omitempty"`
	// Last is the last report, nil if there was none.
	Last *unusual `json:"last,omitempty"`
}

// unusual is the stored form of journal.UnusualDeactivations. Times are milliseconds since 1970.
type unusual struct {
	At     int64 `json:"at"`
	Since  int64 `json:"since"`
	Count  int64 `json:"n"`
	Active int64 `json:"active"`
}

// ParseDeactivations returns the last report of what is remembered; ok is false if there is none.
func ParseDeactivations(said string) (u journal.UnusualDeactivations, ok bool) {
	last := parseDeactivations(said).Last
	if last == nil {
		return u, false
	}
	return journal.UnusualDeactivations{
		At: time.UnixMilli(last.At).UTC(), Since: time.UnixMilli(last.Since).UTC(), Count: last.Count, ActiveUsers: last.Active,
	}, true
}

// parseDeactivations returns what is remembered, nothing if it cannot be read: the counts begin
// again.
func parseDeactivations(said string) deactivations {
	var d deactivations
	if json.Unmarshal([]byte(said), &d) != nil {
		return deactivations{}
	}
	return d
}

func (d *deactivations) text() string {
	text, _ := json.Marshal(d) // numbers
	return string(text)
}

func bucketOf(at time.Time) int64 { return at.Unix() / int64(bucketTime/time.Second) }

// add counts a deactivation.
func (d *deactivations) add(at time.Time) {
	if d.Counts == nil {
		d.Counts = map[int64]int64{}
	}
	d.Counts[bucketOf(at)]++
}

// sum forgets what was counted before a span, and returns the rest.
func (d *deactivations) sum(until time.Time) (n int64) {
	first := bucketOf(until.Add(-deactivationSpan))
	maps.DeleteFunc(d.Counts, func(bucket, _ int64) bool { return bucket < first })
	for _, count := range d.Counts {
		n += count
	}
	return n
}

// exceeds reports whether so many deactivations are unusual for a tenant in which so many users
// are active after them.
func exceeds(n, active int64) bool { return n > usualDeactivations && n*usualShare > active+n }

// deactivations counts entries, and reports unusually many. The counts are approximate, and only
// say when the log is read: of a whole hour, unless it has too many entries.
func (w *Watcher) deactivations(ctx context.Context, t tenant.ID, entries []*journal.Entry) error {
	was, err := w.store.Watched(ctx, t, DeactivationsName)
	if err != nil {
		return err
	}
	d := parseDeactivations(was)
	var latest time.Time
	for _, e := range entries {
		d.add(e.Time)
		if e.Time.After(latest) {
			latest = e.Time
		}
	}
	report := Report{Name: DeactivationsName, Before: was, Until: latest.Add(deactivationsKept)}
	if found, ok, err := w.unusual(ctx, t, &d, latest); err != nil {
		return err
	} else if ok {
		if report.Signal, err = w.unusualSignal(ctx, t, found, d.Last); err != nil {
			return err
		}
	}
	report.After = d.text()
	if err := w.store.Report(ctx, t, report); err != nil {
		return err
	}
	if report.Signal.Type != "" && w.unusualFound != nil {
		w.unusualFound(ctx, t, d.Last.Count, d.Last.Active)
	}
	return nil
}

// unusual finds out whether the deactivations up to a time are unusual, and sets the last report
// and, if the log says otherwise, the counts.
func (w *Watcher) unusual(ctx context.Context, t tenant.ID, d *deactivations, latest time.Time) (found Deactivated, ok bool, err error) {
	sum := d.sum(latest)
	if sum <= usualDeactivations || d.Last != nil && latest.Before(time.UnixMilli(d.Last.At).Add(deactivationSpan)) {
		return found, false, nil
	}
	l, err := w.store.Ledger(ctx, t)
	active := l.Seats + l.Readers
	if err != nil || !exceeds(sum, active) {
		return found, false, err
	}
	found, err = w.store.Deactivated(ctx, t, latest.Add(-deactivationSpan), latest)
	if err != nil {
		return found, false, err
	}
	n, since := int64(len(found.Users)), latest
	if found.Cut {
		n = max(n, sum)
	}
	counts := map[int64]int64{}
	for _, u := range found.Users {
		counts[bucketOf(u.At)]++
		if u.At.Before(since) {
			since = u.At
		}
	}
	if !found.Cut {
		d.Counts = counts
	}
	if !exceeds(n, active) {
		return found, false, nil
	}
	d.Last = &unusual{At: latest.UnixMilli(), Since: since.UnixMilli(), Count: n, Active: active + n}
	return found, true, nil
}

// unusualSignal returns the signal of unusual deactivations.
func (w *Watcher) unusualSignal(ctx context.Context, t tenant.ID, found Deactivated, u *unusual) (journal.Signal, error) {
	byToken, providers := map[string]int{}, map[string]bool{}
	for _, user := range found.Users {
		byToken[user.TokenID]++
		if user.IdP != "" {
			providers[user.IdP] = true
		}
	}
	ids := slices.SortedFunc(maps.Keys(byToken), func(x, y string) int {
		return cmp.Or(byToken[y]-byToken[x], cmp.Compare(x, y))
	})
	ids = ids[:min(len(ids), maxNamed)]
	var names []string
	for _, id := range ids {
		c, ok, err := w.store.Credential(ctx, t, id)
		if err != nil {
			return journal.Signal{}, err
		}
		if ok && c.Label != "" {
			names = append(names, c.Label)
		}
	}
	details := map[string]string{
		"count": strconv.FormatInt(u.Count, 10), "activeUsers": strconv.FormatInt(u.Active, 10),
		"since": time.UnixMilli(u.Since).UTC().Format(time.RFC3339), "whatToDo": journal.UnusualAdvice,
	}
	for name, values := range map[string][]string{
		"credentialIds": ids, "credentials": names, "identityProviders": slices.Sorted(maps.Keys(providers)),
	} {
		if len(values) > 0 {
			details[name] = strings.Join(values, ", ")
		}
	}
	if found.Cut {
		details["approximate"] = "true"
	}
	return journal.Signal{Type: string(event.DeactivationsUnusual), Details: details}, nil
}
