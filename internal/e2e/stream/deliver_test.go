package stream_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/dev/fixture"
	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/feed"
	"github.com/rollcall-scim/rollcall/internal/store"
	"github.com/rollcall-scim/rollcall/internal/subscription"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/embedded"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/table/tail"
)

// A webhookEvent is what an endpoint got.
type webhookEvent struct {
	ID, Type, Tenant string
	Resource         struct {
		ID, UserName string
		Version      int64
	}
	Details map[string]string
	at      time.Time
}

// A receiver is an endpoint of the application on this machine.
type receiver struct {
	*httptest.Server
	events chan webhookEvent
}

func newReceiver(t testing.TB) *receiver {
	t.Helper()
	r := &receiver{events: make(chan webhookEvent, 10_000)}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		body, _ := io.ReadAll(request.Body)
		e := webhookEvent{at: time.Now()}
		if json.Unmarshal(body, &e) != nil || request.Header.Get("Webhook-Signature") == "" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		r.events <- e
	}))
	t.Cleanup(r.Close)
	return r
}

// register registers the receiver for a tenant, or for all without one.
func (r *receiver) register(t testing.TB, s *store.Store, id string, tenants ...string) {
	t.Helper()
	registered, err := s.Registrations(t.Context())
	require.NoError(t, err)
	e := subscription.Endpoint{ID: id, URL: r.URL, Secrets: []subscription.Secret{{Key: []byte("a secret of twenty-four bytes")}}, Created: time.Now(), Version: 1}
	for _, name := range tenants {
		e.Tenants = append(e.Tenants, stage.ID(t, name))
	}
	require.NoError(t, s.CreateEndpoint(t.Context(), registered, e))
}

// next returns the next event. The test's own time limit is the only one.
func (r *receiver) next(t testing.TB) webhookEvent {
	t.Helper()
	select {
	case e := <-r.events:
		return e
	case <-t.Context().Done():
		require.Fail(t, "no event")
		return webhookEvent{}
	}
}

// delivering delivers events until the test calls stop.
func delivering(t testing.TB, tbl table.Table, s feed.Stream) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var done sync.WaitGroup
	done.Go(func() { app.DeliverEvents(ctx, app.NewBell(ctx), tbl, s, slog.New(slog.DiscardHandler)) })
	return func() { cancel(); done.Wait() }
}

// A client sends SCIM requests of a tenant to the service on a table.
type client struct {
	app     *app.App
	handler http.Handler
	token   string
}

func newClient(t testing.TB, tbl table.Table, tenant string) *client {
	t.Helper()
	a, err := app.New(tbl, app.Config{BaseURL: fixture.BaseURL}, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	_, token := stage.Tenant(t, a.Store, tenant, 1_000_000)
	return &client{a, a.Handler(), token}
}

// send returns the answer to a request.
func (c *client) send(t testing.TB, method, path, body string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, "https://scim.example.com/scim/v2"+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+c.token)
	w := httptest.NewRecorder()
	c.handler.ServeHTTP(w, r)
	return w
}

func (c *client) do(t testing.TB, method, path, body string) (id string) {
	t.Helper()
	w := c.send(t, method, path, body)
	require.Less(t, w.Code, 300, w.Body)
	var created struct{ ID string }
	if w.Body.Len() > 0 {
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &created))
	}
	return created.ID
}

func (c *client) create(t testing.TB, name string) (id string) {
	t.Helper()
	return c.do(t, http.MethodPost, "/Users", stage.User(fmt.Sprintf(`"userName":%q,"active":true`, name)))
}

func (c *client) rename(t testing.TB, id, name string) {
	t.Helper()
	c.do(t, http.MethodPatch, "/Users/"+id, stage.Patch(fmt.Sprintf(`{"op":"replace","path":"displayName","value":%q}`, name)))
}

// streams are the tables of rollcall local: in memory, in a file, and in DynamoDB.
func streams() map[string]func(t *testing.T) (table.Table, feed.Stream) {
	kept := func(tbl *embedded.Table, err error) func(t *testing.T) (table.Table, feed.Stream) {
		return func(t *testing.T) (table.Table, feed.Stream) {
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, tbl.Close()) })
			require.NoError(t, tbl.KeepRecords(app.StreamSuffixes...))
			return tbl, tbl
		}
	}
	return map[string]func(t *testing.T) (table.Table, feed.Stream){
		"memory": func(t *testing.T) (table.Table, feed.Stream) { return kept(embedded.Memory())(t) },
		"data": func(t *testing.T) (table.Table, feed.Stream) {
			return kept(embedded.Open(filepath.Join(t.TempDir(), "rollcall.db")))(t)
		},
		"dynamodb": func(t *testing.T) (table.Table, feed.Stream) {
			engine := enginetest.Plain()[1]
			engine.Need(t)
			tbl := tail.New(engine.Open(t), time.Now, app.StreamSuffixes...)
			return tbl, tbl
		},
	}
}

// Each change reaches the endpoints that want it, of each user in order of its version, and
// only those of its tenant.
func TestDeliverEvents_BringsEachChangeToItsEndpoints(t *testing.T) {
	for name, open := range streams() {
		t.Run(name, func(t *testing.T) {
			tbl, s := open(t)
			acme, other := newClient(t, tbl, "acme"), newClient(t, tbl, "other")
			ofAll, ofOther := newReceiver(t), newReceiver(t)
			ofAll.register(t, acme.app.Store, "e-all")
			ofOther.register(t, acme.app.Store, "e-other", "other")
			defer delivering(t, tbl, s)()
			var ids []string
			for i := range 3 {
				id := acme.create(t, fmt.Sprintf("user%d@example.com", i))
				ids = append(ids, id)
				for j := range 4 {
					acme.rename(t, id, fmt.Sprint("name ", j))
				}
			}
			last := other.create(t, "last@example.com")
			versions := map[string][]int64{}
			for range 16 {
				e := ofAll.next(t)
				versions[e.Resource.ID] = append(versions[e.Resource.ID], e.Resource.Version)
			}
			for _, id := range ids {
				assert.Equal(t, []int64{1, 2, 3, 4, 5}, versions[id])
			}
			assert.Equal(t, []int64{1}, versions[last])
			e := ofOther.next(t)
			assert.Equal(t, "other", e.Tenant)
			assert.Empty(t, ofOther.events, "an event of another tenant")
		})
	}
}

// What changes while nothing is delivered, also before a restart, is delivered later.
func TestDeliverEvents_ContinuesAfterARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rollcall.db")
	tbl, err := embedded.Open(path)
	require.NoError(t, err)
	require.NoError(t, tbl.KeepRecords(app.StreamSuffixes...))
	c, r := newClient(t, tbl, "acme"), newReceiver(t)
	r.register(t, c.app.Store, "e1")
	stop := delivering(t, tbl, tbl)
	first := c.create(t, "first@example.com")
	assert.Equal(t, first, r.next(t).Resource.ID)
	stop()
	second := c.create(t, "second@example.com")
	require.NoError(t, tbl.Close())

	tbl, err = embedded.OpenExisting(path)
	require.NoError(t, err)
	defer func() { require.NoError(t, tbl.Close()) }()
	defer delivering(t, tbl, tbl)()
	got := r.next(t).Resource.ID
	if got == first { // acknowledged as the deliveries ended
		got = r.next(t).Resource.ID
	}
	assert.Equal(t, second, got)
}

// BenchmarkDeliverEvents_Latency measures the time from the answer to a change, which its
// commit precedes, to its arrival at an endpoint on this machine: once one change after
// another, and once with a hundred in flight. The promise is 1 s at the 99th percentile.
func BenchmarkDeliverEvents_Latency(b *testing.B) {
	for name, open := range map[string]func() (*embedded.Table, error){
		"memory": embedded.Memory,
		"data":   func() (*embedded.Table, error) { return embedded.Open(filepath.Join(b.TempDir(), "rollcall.db")) },
	} {
		for _, burst := range []int{1, 100} {
			b.Run(fmt.Sprintf("%s/%d", name, burst), func(b *testing.B) {
				tbl, err := open()
				require.NoError(b, err)
				defer func() { require.NoError(b, tbl.Close()) }()
				require.NoError(b, tbl.KeepRecords(app.StreamSuffixes...))
				c, r := newClient(b, tbl, "acme"), newReceiver(b)
				r.register(b, c.app.Store, "e1")
				defer delivering(b, tbl, tbl)()
				var latencies []time.Duration
				for n := 0; b.Loop(); n++ {
					committed := map[string]time.Time{}
					for i := range burst {
						id := c.create(b, fmt.Sprintf("user%d-%d@example.com", n, i))
						committed[id] = time.Now()
					}
					for range burst {
						e := r.next(b)
						latencies = append(latencies, max(e.at.Sub(committed[e.Resource.ID]), 0))
					}
				}
				slices.Sort(latencies)
				b.ReportMetric(float64(latencies[len(latencies)/2].Microseconds())/1000, "p50-ms")
				b.ReportMetric(float64(latencies[len(latencies)*99/100].Microseconds())/1000, "p99-ms")
			})
		}
	}
}
