package storm

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

const (
	// latency is how long a call of the table takes, and handling how long an
	// instance is busy with a request beside its calls.
	latency, handling = 5 * time.Millisecond, time.Millisecond
)

// slow is a table whose calls take time. It counts the read units that Get costs
// the partitions of each tenant, in each second.
type slow struct {
	table.Table
	began time.Time

	mu    sync.Mutex
	reads map[string][]int
}

func (s *slow) Get(ctx context.Context, keys ...table.Key) (map[table.Key]table.Item, error) {
	s.mu.Lock()
	for _, key := range keys { // an item of these tests has less than 4 KB
		tenant, _, _ := strings.Cut(strings.TrimPrefix(key.Partition, "T#"), "#")
		second := int(time.Since(s.began) / time.Second)
		for len(s.reads[tenant]) <= second {
			s.reads[tenant] = append(s.reads[tenant], 0)
		}
		s.reads[tenant][second]++
	}
	s.mu.Unlock()
	time.Sleep(latency)
	return s.Table.Get(ctx, keys...)
}

func (s *slow) Query(ctx context.Context, q table.Query) (table.Page, error) {
	time.Sleep(latency)
	return s.Table.Query(ctx, q)
}

func (s *slow) Write(ctx context.Context, tx table.Transaction) error {
	time.Sleep(latency)
	return s.Table.Write(ctx, tx)
}

// fleet is several instances on one table. A request waits until one is free.
type fleet struct {
	table *slow
	apps  []*app.App
	free  chan http.Handler
	all   sync.WaitGroup
}

func newFleet(t *testing.T, instances, rate int) *fleet {
	t.Helper()
	f := &fleet{
		table: &slow{Table: enginetest.Memory(t), began: time.Now(), reads: map[string][]int{}},
		free:  make(chan http.Handler, instances),
	}
	for range instances {
		a, err := app.New(f.table, app.Config{BaseURL: "https://scim.test/scim/v2", TenantRate: rate}, slog.New(slog.DiscardHandler))
		require.NoError(t, err)
		f.apps = append(f.apps, a)
		f.free <- a.Handler()
	}
	return f
}

// answers are the answers to one client's requests.
type answers struct {
	mu       sync.Mutex
	statuses map[int]int
	seconds  map[int]int // those that were accepted, in each second
	took     []time.Duration
}

// send sends requests with tokens in turn, at a rate, for some time, each without
// waiting for the ones before.
func (f *fleet) send(t *testing.T, a *answers, rate int, during time.Duration, token func(i int) string) {
	a.statuses, a.seconds = map[int]int{}, map[int]int{}
	began := time.Now()
	f.all.Go(func() {
		for i := range int(during.Seconds() * float64(rate)) {
			time.Sleep(time.Until(began.Add(time.Duration(i) * time.Second / time.Duration(rate))))
			f.all.Go(func() { a.add(t, began, f.serve(t, token(i))) })
		}
	})
}

// one is an answer and how long its client waited.
type one struct {
	sent   time.Time
	answer *httptest.ResponseRecorder
	took   time.Duration
}

func (f *fleet) serve(t *testing.T, token string) one {
	o := one{sent: time.Now(), answer: httptest.NewRecorder()}
	handler := <-f.free
	time.Sleep(handling)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://scim.test/scim/v2/Users?filter=userName%20eq%20%22anna%22", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	handler.ServeHTTP(o.answer, r)
	f.free <- handler
	o.took = time.Since(o.sent)
	return o
}

func (a *answers) add(t *testing.T, began time.Time, o one) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.statuses[o.answer.Code]++
	a.took = append(a.took, o.took)
	switch o.answer.Code {
	case http.StatusOK:
		a.seconds[int(o.sent.Sub(began)/time.Second)]++
	case http.StatusTooManyRequests:
		seconds, err := strconv.Atoi(o.answer.Header().Get("Retry-After"))
		assert.NoError(t, err, "Retry-After is an integer")
		assert.GreaterOrEqual(t, seconds, 1)
		assert.Contains(t, o.answer.Body.String(), `"status":"429"`)
	case http.StatusUnauthorized:
		assert.Contains(t, o.answer.Header().Get("WWW-Authenticate"), "Bearer")
		assert.Contains(t, o.answer.Body.String(), `"status":"401"`)
	}
}

// p99 is the time within which 99 of 100 requests were answered.
func (a *answers) p99() time.Duration {
	slices.Sort(a.took)
	return a.took[len(a.took)*99/100]
}
