package watch_test

import (
	"context"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/tenant"
	"github.com/rollcall-scim/rollcall/internal/watch"
)

// A leaver is what a test's identity provider does to the active users of a tenant.
type leaver struct {
	*fake
	t      *testing.T
	tenant tenant.ID
	w      *watch.Watcher
	users  int
	told   []int64
}

func newLeaver(t *testing.T, active int64) *leaver {
	t.Helper()
	acme := of(t, "acme")
	f := newFake(t, active, active)
	l := &leaver{fake: f, t: t, tenant: acme}
	l.w = watch.New(f).OnUnusual(func(_ context.Context, _ tenant.ID, count, _ int64) { l.told = append(l.told, count) })
	return l
}

// entry returns the entry of the deactivation of another user at minutes after noon.
func (l *leaver) entry(minutes int) *journal.Entry {
	l.users++
	return &journal.Entry{
		RequestID: fmt.Sprintf("r%05d", l.users), Time: noon.Add(time.Duration(minutes) * time.Minute), TokenID: "k" + strconv.Itoa(l.users%5), IdP: "okta",
		ResourceType: journal.TypeUser, ResourceID: fmt.Sprint("u", l.users), Action: journal.Deactivated, Seats: -1,
	}
}

// leave deactivates users at minutes after noon, in batches of ten.
func (l *leaver) leave(minutes, n int) {
	var entries []*journal.Entry
	for range n {
		entries = append(entries, l.entry(minutes))
	}
	ledger := l.ledgers[l.tenant]
	ledger.Seats -= int64(n)
	l.ledgers[l.tenant] = ledger
	l.log = append(l.log, entries...)
	l.batches(entries...)
}

func (l *leaver) batches(entries ...*journal.Entry) {
	l.t.Helper()
	var facts []watch.Fact
	for i, e := range entries {
		facts = append(facts, watch.Fact{Record: i % 10, Tenant: l.tenant, Entry: e})
		if len(facts) == 10 || i == len(entries)-1 {
			_, err := l.w.Watch(l.t.Context(), facts)
			require.NoError(l.t, err)
			facts = nil
		}
	}
}

func TestWatch_ReportsUnusualDeactivations(t *testing.T) {
	for _, tt := range []struct {
		active int64
		n      int
		want   int
	}{
		{100, 20, 0},
		{100, 21, 1},
		{21, 21, 1},
		{20, 20, 0},
		{200, 20, 0},
		{200, 21, 1},
		{210, 21, 0},
		{1000, 100, 0},
		{1000, 101, 1},
		{1009, 100, 0},
		{1010, 101, 0},
		{1010, 102, 1},
	} {
		l := newLeaver(t, tt.active)
		for left := tt.n; left > 0; left -= 7 { // 35 minutes at most
			l.leave(min(59, tt.n-left), min(7, left))
		}
		assert.Len(t, l.reports, tt.want, "%d of %d", tt.n, tt.active)
		assert.Len(t, l.told, tt.want)
		if tt.want == 1 {
			assert.Equal(t, "deactivations.unusual", l.reports[0].Signal.Type)
			assert.Equal(t, strconv.FormatInt(tt.active, 10), l.reports[0].Signal.Details["activeUsers"])
		}
	}
}

func TestWatch_NamesWhatDeactivated(t *testing.T) {
	l := newLeaver(t, 100)
	l.leave(3, 21)
	require.Len(t, l.reports, 1)
	assert.Equal(t, map[string]string{
		"count": "21", "activeUsers": "100", "since": "2026-12-01T12:03:00Z", "whatToDo": journal.UnusualAdvice,
		"credentialIds": "k1, k0, k2", "credentials": "label of k1, label of k0, label of k2", "identityProviders": "okta",
	}, l.reports[0].Signal.Details)
	said, ok := watch.ParseDeactivations(l.said["acme"+watch.DeactivationsName])
	require.True(t, ok)
	at := noon.Add(3 * time.Minute)
	assert.Equal(t, journal.UnusualDeactivations{At: at, Since: at, Count: 21, ActiveUsers: 100}, said)
}

// Batches that come again are counted again, and the log says otherwise.
func TestWatch_VerifiesDeactivationsInTheLog(t *testing.T) {
	l := newLeaver(t, 100)
	l.leave(0, 12)
	for range 5 {
		l.batches(l.log...)
	}
	assert.Empty(t, l.reports)
	assert.Positive(t, l.looks)
	before := l.looks
	l.leave(5, 8) // 20 in all, as the counts say since the log was read
	assert.LessOrEqual(t, l.looks, before+1)
	assert.Empty(t, l.reports)
	l.leave(6, 1)
	assert.Len(t, l.reports, 1)
	assert.Equal(t, "21", l.reports[0].Signal.Details["count"])
}

// One user who is deactivated again and again is one.
func TestWatch_CountsAUserOnce(t *testing.T) {
	l := newLeaver(t, 100)
	for i := range 40 {
		e := l.entry(i)
		e.ResourceID = "u1"
		l.log = append(l.log, e)
		l.batches(e)
	}
	assert.Empty(t, l.reports)
}

// What goes on is reported once an hour, and what is over is not.
func TestWatch_ReportsUnusualDeactivationsOnceAnHour(t *testing.T) {
	l := newLeaver(t, 400)
	for minute := range 180 {
		l.leave(minute, 1)
	}
	var at []string
	for _, r := range l.reports {
		at = append(at, r.Signal.Details["since"])
	}
	assert.Len(t, at, 3, at)
	l.leave(1000, 10)
	assert.Len(t, l.reports, 3)
}

// Nothing that is spread over more than an hour is unusual.
func TestWatch_ReportsNoSpreadDeactivations(t *testing.T) {
	l := newLeaver(t, 60)
	for minute := 0; minute < 600; minute += 11 {
		l.leave(minute, 1)
	}
	assert.Empty(t, l.reports)
	assert.LessOrEqual(t, l.looks, 60)
}

// The log of an hour that is too long is not counted: the rough counts decide.
func TestWatch_ReportsRoughCountsOfALongLog(t *testing.T) {
	l := newLeaver(t, 100)
	l.cut = true
	l.leave(0, 10)
	l.log = nil
	l.leave(1, 11)
	require.Len(t, l.reports, 1)
	assert.Equal(t, "21", l.reports[0].Signal.Details["count"])
	assert.Equal(t, "true", l.reports[0].Signal.Details["approximate"])
}

// What the application does, what concerns users who were inactive, and groups are not counted.
func TestWatch_CountsDeactivationsOfIdentityProviders(t *testing.T) {
	for name, change := range map[string]func(*journal.Entry){
		"the application":           func(e *journal.Entry) { e.By = journal.ByApplication },
		"a deleted inactive user":   func(e *journal.Entry) { e.Action, e.Seats = journal.Deleted, 0 },
		"a group":                   func(e *journal.Entry) { e.ResourceType = journal.TypeGroup },
		"a user who becomes Reader": func(e *journal.Entry) { e.Action, e.Readers = journal.Updated, 1 },
		"a reactivation":            func(e *journal.Entry) { e.Action, e.Seats = journal.Reactivated, 1 },
	} {
		l := newLeaver(t, 100)
		for range 40 {
			e := l.entry(0)
			change(e)
			l.log = append(l.log, e)
		}
		l.batches(l.log...)
		assert.Empty(t, l.reports, name)
		assert.Empty(t, l.said, name)
	}
	for name, change := range map[string]func(*journal.Entry){
		"a deleted user":     func(e *journal.Entry) { e.Action = journal.Deleted },
		"a user kept":        func(e *journal.Entry) { e.Action, e.Kept = journal.Deleted, true },
		"a Reader":           func(e *journal.Entry) { e.Seats, e.Readers = 0, -1 },
		"another IdP's user": func(e *journal.Entry) { e.IdP = "" },
	} {
		l := newLeaver(t, 100)
		l.ledgers[l.tenant] = directory.Ledger{Seats: 50, Readers: 29}
		for range 21 {
			e := l.entry(0)
			change(e)
			l.log = append(l.log, e)
		}
		l.batches(l.log...)
		assert.Len(t, l.reports, 1, name)
	}
}

// What is remembered and cannot be read is counted from the beginning.
func TestWatch_ForgetsDamagedCounts(t *testing.T) {
	l := newLeaver(t, 100)
	l.said["acme"+watch.DeactivationsName] = "{"
	l.leave(0, 21)
	assert.Len(t, l.reports, 1)
	_, ok := watch.ParseDeactivations("x")
	assert.False(t, ok)
}
