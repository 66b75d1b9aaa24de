package system

import (
	"context"
	crand "crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/adminapi"
	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/event"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/logline"
	"github.com/rollcall-scim/rollcall/internal/store"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
	"github.com/rollcall-scim/rollcall/internal/web"
)

// A slowTable is a table at the end of a slow network: writes are applied as late as they may
// be, are refused for a while, or lose their answers, and reads take a while before and after.
// It is used in a bubble of testing/synctest.
type slowTable struct {
	table.Table
	late *lateness
}

// lateness is what all slow tables of a run have in common.
type lateness struct {
	mu     sync.Mutex
	random *rand.Rand
	// oldest is the greatest age of a log entry or signal at its commit, by the time in its
	// key, and ages counts those of more than 5 seconds.
	oldest time.Duration
	ages   int
	// last are the transactions, by token, that are applied as late as they may be: one in
	// eight of all in seen.
	seen, last map[string]bool
	// calls are the writes that the table has received and may still apply.
	calls sync.WaitGroup
}

func (l *lateness) between(least, most time.Duration) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return least + time.Duration(l.random.Int64N(int64(most-least)))
}

func (l *lateness) one(in int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.random.IntN(in) == 0
}

// isLast reports whether a transaction is one of those that are applied as late as they may be.
func (l *lateness) isLast(tx table.Transaction) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.seen[tx.Token] {
		l.last[tx.Token] = len(l.seen)%8 == 0
		l.seen[tx.Token] = true
	}
	return l.last[tx.Token]
}

// clientTimeout is how long the client of a table waits for an answer, as dynamo's does.
const clientTimeout = 2 * time.Second

func (s slowTable) Get(ctx context.Context, keys ...table.Key) (map[table.Key]table.Item, error) {
	time.Sleep(s.late.between(0, 60*time.Millisecond))
	defer time.Sleep(s.late.between(0, 60*time.Millisecond))
	return s.Table.Get(ctx, keys...)
}

func (s slowTable) Query(ctx context.Context, q table.Query) (table.Page, error) {
	time.Sleep(s.late.between(0, 60*time.Millisecond))
	defer time.Sleep(s.late.between(0, 60*time.Millisecond))
	return s.Table.Query(ctx, q)
}

func (s slowTable) Write(ctx context.Context, tx table.Transaction) error {
	if !writesSource(tx) {
		return s.Table.Write(ctx, tx)
	}
	last := s.late.isLast(tx)
	switch {
	case last && sourceAge(tx) < 5*time.Second, !last && s.late.one(2):
		time.Sleep(s.late.between(0, time.Second))
		return table.ErrThrottled
	case !last && s.late.one(6):
		return table.ErrConflict
	}
	takes := s.late.between(0, 100*time.Millisecond)
	switch {
	case last:
		takes = journal.LongestCall - time.Millisecond
	case s.late.one(3):
		takes = s.late.between(0, journal.LongestCall)
	}
	lost := s.late.one(10)
	applied := make(chan error, 1)
	s.late.calls.Go(func() {
		time.Sleep(takes)
		err := s.Table.Write(context.WithoutCancel(ctx), tx)
		if err == nil {
			s.late.committed(tx)
		}
		applied <- err
	})
	select {
	case err := <-applied:
		if err == nil && lost {
			return table.ErrUnknownOutcome
		}
		return err
	case <-time.After(clientTimeout):
		return table.ErrUnknownOutcome
	}
}

// writesSource reports whether a transaction writes a log entry or a signal.
func writesSource(tx table.Transaction) bool {
	return slices.ContainsFunc(tx.Ops, isSource)
}

func isSource(op table.Op) bool {
	return strings.HasSuffix(op.Key.Partition, "#LOG") || strings.HasSuffix(op.Key.Partition, "#SIGNALS")
}

// sourceAge returns the age of the first log entry or signal of a transaction, by the time in
// its key.
func sourceAge(tx table.Transaction) time.Duration {
	first := tx.Ops[slices.IndexFunc(tx.Ops, isSource)]
	return time.Since(event.Position{Key: first.Key.Sort}.Time())
}

// committed notes the age of what a transaction has written.
func (l *lateness) committed(tx table.Transaction) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, op := range tx.Ops {
		if !isSource(op) {
			continue
		}
		age := time.Since(event.Position{Key: op.Key.Sort}.Time())
		if l.oldest = max(l.oldest, age); age > 5*time.Second {
			l.ages++
		}
	}
}

// A lateInstance is an instance of the service with a clock of its own.
type lateInstance struct {
	app   *app.App
	now   func() time.Time
	token string
}

// newLateInstance returns an instance whose clock is wrong.
func newLateInstance(t *testing.T, engine table.Table, l *lateness, token string) *lateInstance {
	t.Helper()
	return newInstanceAt(t, slowTable{engine, l}, l.between(-journal.ClockDifference/2, journal.ClockDifference/2), token)
}

// newInstanceAt returns an instance with a clock that is wrong by some time.
func newInstanceAt(t *testing.T, on table.Table, wrong time.Duration, token string) *lateInstance {
	t.Helper()
	in := &lateInstance{now: func() time.Time { return time.Now().Add(wrong).Round(0) }, token: token}
	wait := func(ctx context.Context, d time.Duration) error {
		select {
		case <-time.After(d):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	var err error
	in.app, err = app.NewWith(on, app.Config{BaseURL: "https://scim.test/scim/v2"}, logline.New(io.Discard),
		app.Options{Now: in.now, Random: crand.Reader, Retry: []table.RetryOption{table.RetryClock(in.now, wait)}})
	require.NoError(t, err)
	return in
}

// send sends a request that may fail, and returns the id of the resource in the answer.
func (in *lateInstance) send(t *testing.T, method, path, body string) (id string) {
	r := httptest.NewRequestWithContext(t.Context(), method, "https://scim.test/scim/v2"+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+in.token)
	r.Header.Set("Content-Type", "application/scim+json")
	w := httptest.NewRecorder()
	in.app.Handler().ServeHTTP(w, r)
	var resource struct{ ID string }
	if w.Code < http.StatusMultipleChoices {
		_ = json.Unmarshal(w.Body.Bytes(), &resource) // no answer has no id
	}
	return resource.ID
}

// writeLate sends some requests, through changing instances: of users, of groups with few members
// and with so many that tasks write entries of their own, and in bulk, where entries get late
// ids. It writes signals too.
func writeLate(t *testing.T, l *lateness, instances []*lateInstance, acme tenant.ID, crowd []string, name string) {
	pick := func() *lateInstance { return instances[l.between(0, time.Duration(len(instances)))] }
	var users []string
	for i := range 5 {
		if id := pick().send(t, "POST", "/Users", userBody(fmt.Sprintf(`"userName":"%s%d"`, name, i))); id != "" {
			users = append(users, id)
		}
	}
	group := pick().send(t, "POST", "/Groups", groupBody(name))
	for range 4 {
		switch l.between(0, 6) {
		case 0:
			pick().send(t, "PATCH", "/Groups/"+group, memberPatch("add", users...))
		case 1:
			operations := make([]string, 6)
			for i := range operations {
				operations[i] = fmt.Sprintf(`{"method":"POST","path":"/Users","bulkId":"b%d","data":%s}`, i, userBody(fmt.Sprintf(`"userName":"%s-%d-%d"`, name, l.between(0, 1<<30), i)))
			}
			pick().send(t, "POST", "/Bulk", stage.Bulk(operations...))
		case 2:
			pick().send(t, "POST", "/Users", userBody(`"userName":""`)) // refused, with an entry
		case 3:
			_ = pick().app.Store.AddSignals(t.Context(), acme, time.Hour, journal.Signal{Type: string(event.SeatsFull)}) // it may fail
		case 4:
			if len(users) > 0 {
				pick().send(t, "DELETE", "/Users/"+users[0], "")
			}
		case 5:
			pick().send(t, "PATCH", "/Groups/"+group, memberPatch("add", crowd...)) // a task in parts
		}
		time.Sleep(l.between(0, 2*time.Second))
	}
}

// follow reads events until it is told to stop and has then caught up, and returns their ids.
func (in *lateInstance) follow(t *testing.T, l *lateness, written <-chan struct{}) (ids []string) {
	after, stopping := "", time.Time{}
	for {
		r := httptest.NewRequestWithContext(t.Context(), "GET", "https://scim.test"+adminapi.Prefix+"/tenants/acme/events?limit=20&after="+url.QueryEscape(after), nil)
		r.Header.Set(web.OperatorHeader, operator)
		w := httptest.NewRecorder()
		in.app.AdminHandler().ServeHTTP(w, r)
		var page struct {
			Events     []struct{ ID string }
			Next       string
			More       bool
			CaughtUpTo time.Time
		}
		if w.Code == http.StatusOK && json.Unmarshal(w.Body.Bytes(), &page) == nil {
			for _, e := range page.Events {
				ids = append(ids, e.ID)
			}
			after = page.Next
			if !stopping.IsZero() && page.CaughtUpTo.After(stopping) && !page.More {
				return ids
			}
		}
		select {
		case <-written:
			stopping, written = time.Now().Add(journal.ClockDifference), nil
		default:
		}
		time.Sleep(l.between(100*time.Millisecond, time.Second))
	}
}

// allEvents returns the ids of the events of all that is stored.
func allEvents(t *testing.T, s *store.Store, acme tenant.ID) (ids []string) {
	position := event.Position{}
	for more := true; more; {
		page, err := s.Sources(t.Context(), acme, position, time.Now().Add(time.Hour), 100)
		require.NoError(t, err)
		for _, source := range page.Sources {
			for _, d := range event.Of(acme, source) {
				ids = append(ids, d.ID())
			}
		}
		position, more = event.Position{Key: page.To}, page.More
	}
	return ids
}

func runLate(t *testing.T, seed uint64, engine table.Table) *lateness {
	l := &lateness{random: rand.New(rand.NewPCG(seed, 7)), seen: map[string]bool{}, last: map[string]bool{}}
	fast := app.NewStore(engine, app.Options{Random: crand.Reader})
	id, token := stage.Tenant(t, fast, "acme", 10_000)
	crowd := make([]string, 40)
	for i := range crowd {
		crowd[i] = newInstanceAt(t, engine, 0, token).send(t, "POST", "/Users", userBody(fmt.Sprintf(`"userName":"crowd%d"`, i)))
	}
	var instances []*lateInstance
	for range 4 {
		instances = append(instances, newLateInstance(t, engine, l, token))
	}
	written := make(chan struct{})
	var readers, writers sync.WaitGroup
	read := make([][]string, 2)
	for i := range read {
		readers.Go(func() { read[i] = newLateInstance(t, engine, l, token).follow(t, l, written) })
	}
	for i := range 6 {
		writers.Go(func() { writeLate(t, l, instances, id, crowd, fmt.Sprint("w", i)) })
	}
	writers.Wait()
	l.calls.Wait()
	close(written)
	readers.Wait()
	want := allEvents(t, fast, id)
	for _, got := range read {
		require.ElementsMatch(t, want, got, "seed %d", seed)
		require.True(t, slices.IsSorted(got), "seed %d", seed)
	}
	require.Greater(t, len(want), 20, seed)
	return l
}

// An outsideTable is a table whose calls are made outside of the bubble in which it is used: they
// take real time, in which the time of the bubble stands still.
type outsideTable struct {
	table.Table
	calls chan func()
	// idle are channels that were made outside, as those that wait for a call must be.
	idle chan chan struct{}
}

func newOutsideTable(t *testing.T, on table.Table) outsideTable {
	const atOnce = 8
	o := outsideTable{Table: on, calls: make(chan func()), idle: make(chan chan struct{}, atOnce)}
	for range atOnce {
		o.idle <- make(chan struct{}, 1)
		go func() {
			for call := range o.calls {
				call()
			}
		}()
	}
	t.Cleanup(func() { close(o.calls) })
	return o
}

func (o outsideTable) call(do func(ctx context.Context)) {
	done := <-o.idle
	o.calls <- func() { do(context.Background()); done <- struct{}{} }
	<-done
	o.idle <- done
}

func (o outsideTable) Get(_ context.Context, keys ...table.Key) (items map[table.Key]table.Item, err error) {
	o.call(func(ctx context.Context) { items, err = o.Table.Get(ctx, keys...) })
	return items, err
}

func (o outsideTable) Query(_ context.Context, q table.Query) (page table.Page, err error) {
	o.call(func(ctx context.Context) { page, err = o.Table.Query(ctx, q) })
	return page, err
}

func (o outsideTable) Write(_ context.Context, tx table.Transaction) (err error) {
	o.call(func(ctx context.Context) { err = o.Table.Write(ctx, tx) })
	return err
}

// A reader that follows next misses no commit, however slow the writers are and however their
// clocks differ, and reads no event twice.
func TestPull_MissesNoLateCommit(t *testing.T) {
	enginetest.Each(t, enginetest.Plain(), func(t *testing.T, engine enginetest.Engine) {
		seeds := uint64(20)
		if engine.Name == "dynamodb" { // a hundred times slower
			seeds = 1
		}
		var oldest time.Duration
		ages := 0
		for seed := range seeds {
			outside := newOutsideTable(t, engine.Open(t))
			synctest.Test(t, func(t *testing.T) {
				l := runLate(t, seed, outside)
				oldest, ages = max(oldest, l.oldest), ages+l.ages
			})
		}
		t.Logf("%d entries were committed more than 5 s after the time in their keys, the last one %v after it", ages, oldest)
		require.Positive(t, ages)
		require.Greater(t, oldest, 10*time.Second, "the writers were not slow enough")
	})
}
