package store

import (
	"context"
	flags "flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/provlog"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/table/meter"
)

// logEntries is how many entries TestLog_OfAMillion reads: 1,000,000 in make soak.
var logEntries = flags.Int("log-entries", 250_000, "how many entries the long log has")

// millionth returns the key of an entry of a long log: one a second.
func millionth(i int) string {
	at := made.Add(time.Duration(i) * time.Second)
	return fmt.Sprintf("%s-7000-8000-%012d", provlog.FirstKey(at), i)
}

// longLog writes a log of n entries: the failures of a tenth of the users'
// requests, and every hundredth entry for one user, Walter. A thousand subjects
// are still failing.
func longLog(f *fixture, n int) {
	f.t.Helper()
	ctx := f.t.Context()
	expires := made.Add(10 * 365 * 24 * time.Hour)
	var ops []table.Op
	token := 0
	write := func(more ...table.Op) {
		if ops = append(ops, more...); len(ops) > 90 || len(more) == 0 && len(ops) > 0 {
			token++
			require.NoError(f.t, f.table.Write(ctx, table.Transaction{Token: fmt.Sprint("m", token), Ops: ops}))
			ops = ops[:0]
		}
	}
	var walter journal.History
	for i := range n {
		name := fmt.Sprintf("user%05d@example.com", i%20_000)
		e := journal.Entry{
			RequestID: millionth(i), Time: made.Add(time.Duration(i) * time.Second), IdP: "okta", TokenID: "k1",
			Operation: "modify", Action: journal.Updated, ResourceType: journal.TypeUser, ResourceID: fmt.Sprintf("u%05d", i%20_000),
			Subject: name, Changed: []string{"title"}, Outcome: journal.Success,
		}
		switch {
		case i%100 == 50:
			e.ResourceID, e.Subject = "walter", "walter@example.com"
			op := logOp(f.tenant, e, walter, expires)
			op.When = nil
			write(op)
			walter = walter.With(e.RequestID)
			continue
		case i%10 == 7:
			e.Outcome, e.Cause, e.Detail = journal.Failure, cause.Duplicate, "The userName belongs to another."
			e.Operation, e.Action, e.ResourceID = "create", "", ""
			e.About = journal.Subject{Type: journal.TypeUser, Name: name}
			if i%100_000 == 7 {
				e.Cause = cause.SeatLimit
			}
			write(table.Put(logItem(f.tenant, e, expires)), failureOp(f.tenant, e, expires), indexOp(f.tenant, e.About, e, expires))
			continue
		}
		write(table.Put(logItem(f.tenant, e, expires)))
	}
	for i := range 1000 {
		about := journal.Subject{Type: journal.TypeUser, Name: fmt.Sprintf("failing%04d@example.com", i)}
		write(failingOp(f.tenant, journal.Record{Fails: about, Expires: expires, Entry: &journal.Entry{
			RequestID: millionth(i), Time: made, Operation: "create", Subject: about.Name, Cause: cause.SeatLimit, Detail: "50 of 50 seats in use.",
		}}))
	}
	u := &directory.User{ID: "walter", Doc: []byte(`{"userName":"walter@example.com"}`), Version: 9, Linked: true, Active: true}
	item := userItem(f.tenant, u)
	for _, key := range walter {
		item.Attributes[linkPrefix+link(key)] = table.Number(1)
	}
	write(table.Put(item), table.Put(table.Item{
		Key:        reservationKey(f.tenant, directory.UserName, "walter@example.com"),
		Attributes: table.Attributes{attrHolder: table.Text("walter")},
	}))
	write()
}

// TestLog_OfAMillion: however long the log, an administrator's queries take a
// limited number of round trips, and consecutive pages are complete.
func TestLog_OfAMillion(t *testing.T) {
	size := *logEntries
	if raceDetector {
		size = min(size, 50_000) // the detector takes minutes for more
	}
	f := newFixture(t, enginetest.Memory(t), made)
	longLog(f, size)
	f.pass(time.Duration(size) * time.Second)
	metered := New(meter.New(f.table), f.newID, f.now)
	log := provlog.NewLog(metered, f.now)
	within := func(name string, most int, do func(ctx context.Context) error) {
		t.Helper()
		ctx, usage := table.WithUsage(t.Context())
		require.NoErrorf(t, do(ctx), "%s", name)
		c := usage.Counts()
		if !strings.HasPrefix(name, "page") {
			t.Logf("%-36s %d round trips, %v RRU", name, c.RoundTrips, c.ReadUnits)
		}
		assert.Truef(t, c.RoundTrips <= most, "%s takes %d round trips, at most %d", name, c.RoundTrips, most)
	}
	find := func(name string, most int, q provlog.Query, check func(provlog.Found)) {
		t.Helper()
		within(name, most, func(ctx context.Context) error {
			found, err := log.Find(ctx, f.tenant, q)
			if err == nil {
				check(found)
			}
			return err
		})
	}
	count := func(want int) func(provlog.Found) {
		return func(found provlog.Found) {
			t.Helper()
			assert.Truef(t, len(found.Entries) == want && found.Next != "", "%d entries, next %q, want %d", len(found.Entries), found.Next, want)
		}
	}
	find("the newest page", 1, provlog.Query{Limit: 50}, count(50))
	find("the newest failures", 2, provlog.Query{Limit: 50, Outcome: journal.Failure}, count(50))
	find("by a cause", 6, provlog.Query{Limit: 50, Cause: cause.SeatLimit}, func(found provlog.Found) {
		assert.Truef(t, (found.Next != "" || len(found.Entries) != 0) && (found.Next == "" || !found.SearchedTo.IsZero()), "%+v", found)
	})
	find("by a cause that nothing has", 6, provlog.Query{Limit: 50, Cause: cause.Tolerated}, func(found provlog.Found) {
		if len(found.Entries) != 0 || found.Next == "" || found.SearchedTo.IsZero() {
			t.Errorf("%d entries, next %q, searched to %v", len(found.Entries), found.Next, found.SearchedTo)
		}
	})
	find("an hour long ago", 1, provlog.Query{Limit: 50, From: made.Add(time.Hour), To: made.Add(2 * time.Hour)}, count(50))
	find("a user's history", 2+1+8, provlog.Query{Limit: 50, Subject: "walter@example.com"}, count(50))
	find("the history of who is no user", 4, provlog.Query{Limit: 2, Subject: "user00007@example.com"}, count(2))

	// All of the history, page by page.
	var keys []string
	q := provlog.Query{Limit: 200, Subject: "walter"}
	pages := 0
	for {
		within(fmt.Sprintf("page %d of the history", pages+1), 2+1+24, func(ctx context.Context) error {
			found, err := log.Find(ctx, f.tenant, q)
			for _, e := range found.Entries {
				keys = append(keys, e.Key())
			}
			q.After = found.Next
			return err
		})
		if pages++; q.After == "" || pages > size {
			break
		}
	}
	if len(keys) != size/100 || !slices.IsSortedFunc(keys, func(x, y string) int { return strings.Compare(y, x) }) {
		t.Errorf("%d entries in %d pages, want %d, the newest first", len(keys), pages, size/100)
	}
	within("failed users", 3, func(ctx context.Context) error {
		found, err := log.Failing(ctx, f.tenant, provlog.FailingQuery{Limit: 50})
		assert.Truef(t, len(found.Failing) == 50 && found.Next != "", "%d fail, next %q", len(found.Failing), found.Next)
		return err
	})
	within("one request", 12, func(ctx context.Context) error {
		x, err := log.Explain(ctx, f.tenant, millionth(7))
		assert.Falsef(t, err == nil && (len(x.Entries) != 1 || x.Now != provlog.Fixed), "%+v", x)
		return err
	})
	diagnose := func(name, text string, most int, want provlog.Match) {
		t.Helper()
		within(name, most, func(ctx context.Context) error {
			d, err := log.Diagnose(ctx, f.tenant, text)
			if d.Match != want || d.Searched > 400 {
				t.Errorf("%s: by %q among %d, %d requests, causes %v", name, d.Match, d.Searched, len(d.Requests), d.Causes)
			}
			return err
		})
	}
	diagnose("a text without a match", "Failed to create User 'zed@x.example' by 'yan@x.example' (request "+millionth(3)[:11]+"…", 30, "")
	diagnose("a text of a user far down the list", "Failed to create User 'failing0999@example.com'", 30, provlog.BySubject)
	diagnose("a text of many", "50 of 50 seats in use.", 30, provlog.ByText)
	for _, tt := range []struct {
		name string
		q    provlog.Query
		want provlog.Reason
	}{
		{"no subject of this name", provlog.Query{Subject: "user99999@example.com"}, provlog.UnknownSubject},
		{"a subject without such an entry", provlog.Query{Subject: "walter@example.com", Cause: cause.Duplicate}, provlog.OtherEntries},
		{"no entry in that time", provlog.Query{To: made.Add(-time.Hour), Outcome: journal.Warning}, provlog.NoMatch},
	} {
		within("why nothing: "+tt.name, 20, func(ctx context.Context) error {
			n, err := log.WhyNothing(ctx, f.tenant, tt.q, 10*365*24*time.Hour)
			assert.Equalf(t, tt.want, n.Reason, "%s: %+v", tt.name, n)
			return err
		})
	}
	within("the overview", 12, func(ctx context.Context) error {
		o, err := log.Overview(ctx, f.tenant, provlog.About{})
		assert.Truef(t, o.Failing == 200 && o.More && len(o.LastSync) == 1, "%d fail, more %t, %d synced", o.Failing, o.More, len(o.LastSync))
		total := 0
		for _, span := range o.Spans {
			for _, n := range span.Causes {
				total += n
			}
		}
		assert.NotEqual(t, 0, total, "no failures are counted")
		return err
	})
}
