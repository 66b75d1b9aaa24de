package watch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/logline"
	"github.com/rollcall-scim/rollcall/internal/store"
	"github.com/rollcall-scim/rollcall/internal/subscription"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// loggedFields returns the fields that the service logs, by event.
func loggedFields(t *testing.T) map[string]map[string]bool {
	t.Helper()
	all := map[string]map[string]bool{}
	for _, line := range log(t) {
		event, _ := line["event"].(string)
		if all[event] == nil {
			all[event] = map[string]bool{}
		}
		for field := range line {
			all[event][field] = true
		}
	}
	return all
}

// loggedMetrics returns the metrics that CloudWatch derives from the log, each
// with its dimensions.
func loggedMetrics(t *testing.T) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	for _, line := range log(t) {
		b, err := json.Marshal(line["_aws"])
		require.NoError(t, err)
		var metadata struct {
			CloudWatchMetrics []struct {
				Namespace  string
				Dimensions [][]string
				Metrics    []struct{ Name string }
			}
		}
		require.NoError(t, json.Unmarshal(b, &metadata))
		for _, d := range metadata.CloudWatchMetrics {
			assert.Equalf(t, logline.Namespace, d.Namespace, "namespace %s", d.Namespace)
			for _, m := range d.Metrics {
				for _, dimensions := range d.Dimensions {
					all[m.Name+" by "+strings.Join(dimensions, ",")] = true
				}
			}
		}
	}
	return all
}

// log returns the log of a service with successes, refusals, warnings, a bulk
// request, conflicts, an unreachable table, a sweep that leaves a task, one
// that finishes it, and one that cannot read; and unusually many deletions.
func log(t *testing.T) []map[string]any {
	t.Helper()
	var buf bytes.Buffer
	logger := slog.New(logline.Counted(logline.Handler(&buf, slog.LevelInfo), "prod"))
	engine := &failing{Table: enginetest.Memory(t)}
	var ahead time.Duration
	a, err := app.NewWith(engine, app.Config{BaseURL: "https://scim.test/scim/v2"}, logger, app.Options{
		Now:   func() time.Time { return time.Now().Round(0).Add(ahead) },
		Retry: []table.RetryOption{table.RetryFor(50 * time.Millisecond)},
	})
	require.NoError(t, err)
	id, token := stage.Tenant(t, a.Store, "acme", 1)
	stranger, _ := access.Mint(id)
	handler := a.Handler()
	send := func(token, method, path, body string) map[string]any {
		t.Helper()
		r := httptest.NewRequestWithContext(t.Context(), method, "/scim/v2"+path, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("User-Agent", "Okta SCIM Client 1.0.0")
		r.Header.Set("X-Request-Id", "theirs")
		r.Header.Set("Lambda-Runtime-Aws-Request-Id", "8f5e")
		r.Header.Set("X-Amzn-Trace-Id", "Root=1-2-3")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		var answer map[string]any
		if w.Body.Len() > 0 {
			err := json.Unmarshal(w.Body.Bytes(), &answer)
			require.NoErrorf(t, err, "%s %s: %v in %s", method, path, err, w.Body)
		}
		return answer
	}
	const user, group = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],`, `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],`
	made := send(token, http.MethodPost, "/Users", user+`"userName":"a","externalId":"1","shoeSize":44}`)
	of, _ := made["id"].(string)
	send(token, http.MethodPost, "/Users", user+`"userName":"b"}`) // no seat
	send(token, http.MethodPost, "/Users", user+`"userName":"a"}`)
	send(token, http.MethodPost, "/Groups", group+`"displayName":"g","members":[{"value":"`+of+`"},{"value":"nobody"}]}`)
	send(stranger, http.MethodGet, "/Users", "")
	send(token, http.MethodPatch, "/Users/"+of, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[`+
		`{"op":"replace","value":{"active":false,"urn:ietf:params:scim:schemas:extension:rollcall:2.0:User":{"isTeamAccount":false}}}]}`)
	send(token, http.MethodPut, "/Users/"+of, user+`"userName":"a","active":true,"urn:ietf:params:scim:schemas:extension:rollcall:2.0:User":{"isTeamAccount":false}}`)
	bulk := `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"failOnErrors":1,"Operations":[` +
		`{"method":"POST","path":"/Groups","bulkId":"1","data":` + group + `"displayName":"h"}},` +
		`{"method":"POST","path":"/Groups","bulkId":"2","data":` + group + `"displayName":"h"}},` +
		`{"method":"POST","path":"/Groups","bulkId":"3","data":` + group + `"displayName":"i"}}]}`
	send(token, http.MethodPost, "/Bulk", bulk)
	requestTokens(t, a, id)
	many, manyToken := stage.Tenant(t, a.Store, "many", 100)
	for n := range 21 {
		made := send(manyToken, http.MethodPost, "/Users", fmt.Sprintf(`%s"userName":"u%d"}`, user, n))
		send(manyToken, http.MethodDelete, "/Users/"+made["id"].(string), "")
	}
	engine.conflicts = 2
	send(token, http.MethodPatch, "/Users/"+of, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[`+
		`{"op":"replace","path":"displayName","value":"x"}]}`)
	left, err := tenant.ParseID("left")
	require.NoError(t, err)
	require.NoError(t, a.Store.CreateTenant(t.Context(), left, tenant.DefaultSettings(), 1, 1, time.Now()))
	require.NoError(t, tenant.NewRegistry(a.Store, time.Now).End(t.Context(), left))
	assert.NoError(t, a.Sweep(t.Context()))
	ahead = 2 * store.SweepAge // the tenant's deletion is due
	assert.NoError(t, a.Sweep(t.Context()))
	events := &events{engine, logger, func() time.Time { return time.Now().Add(ahead) }}
	require.NoError(t, a.Store.CreateEndpoint(t.Context(), subscription.Registrations{}, subscription.Endpoint{
		ID: "w1", URL: "https://127.0.0.1:1/hook", Created: events.now(), Version: 1, Secrets: []subscription.Secret{{Key: []byte("0123456789abcdef01234567")}},
	}))
	events.feed(t, many)
	events.feed(t, id)
	events.deliver(t)
	ahead = 4 * 24 * time.Hour // an endpoint that has failed for three days is disabled
	events.deliver(t)
	engine.conflicts = 1 << 30
	send(token, http.MethodDelete, "/Users/"+of, "")
	engine.unread = table.ErrUnavailable
	assert.Error(t, a.Sweep(t.Context()), "a sweep of an unreadable table succeeds")

	var all []map[string]any
	for line := range strings.Lines(buf.String()) {
		var fields map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &fields))
		all = append(all, fields)
	}
	return all
}

// requestTokens sends token requests: one with the secret of a client, one with a wrong one, one
// of an unknown client.
func requestTokens(t *testing.T, a *app.App, id tenant.ID) {
	t.Helper()
	client, secret, _, err := access.NewClients(a.Store, time.Now).Create(t.Context(), id, access.ClientWanted{Label: "Okta"})
	require.NoError(t, err)
	for _, credentials := range [][2]string{{client.ID, secret}, {client.ID, "wrong"}, {strings.Repeat("a", 16), secret}} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/oauth2/token", strings.NewReader("grant_type=client_credentials"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.SetBasicAuth(access.ClientID(id, credentials[0]), credentials[1])
		a.OAuthHandler().ServeHTTP(httptest.NewRecorder(), r)
	}
}

// An events has the functions that hand events on.
type events struct {
	engine *failing
	log    *slog.Logger
	now    func() time.Time
}

func (e *events) options() app.Options {
	return app.Options{Now: e.now, Retry: []table.RetryOption{table.RetryFor(50 * time.Millisecond)}}
}

// A sleeper is not woken, and says so to the feed.
type sleeper struct{}

func (sleeper) Wake(context.Context, []string) error                   { return errors.New("asleep") }
func (sleeper) WakeAfter(context.Context, string, time.Duration) error { return nil }

// feed hands on the log of a tenant and a damaged entry, to an endpoint that refuses all, and a batch
// that has to come again.
func (e *events) feed(t *testing.T, id tenant.ID) {
	t.Helper()
	page, err := e.engine.Query(t.Context(), table.Query{Partition: "T#" + id.String() + "#LOG", Limit: 100})
	require.NoError(t, err)
	damaged := table.Item{Key: table.Key{Partition: "T#" + id.String() + "#LOG", Sort: "damaged"}}
	var records []table.Record
	for i, item := range append(page.Items, damaged) {
		records = append(records, table.Record{Sequence: strconv.Itoa(i + 1), Inserted: true, Key: item.Key, Item: &item, Time: e.now()})
	}
	handler := app.NewFeed(e.engine, e.log, app.Outlets{Waker: sleeper{}}, e.options())
	_, err = handler.Handle(t.Context(), records)
	require.NoError(t, err)
	e.engine.unread = table.ErrUnavailable
	_, err = handler.Handle(t.Context(), records)
	require.Error(t, err)
	e.engine.unread = nil
}

// deliver delivers what waits, and fails to read it once.
func (e *events) deliver(t *testing.T) {
	t.Helper()
	deliverer := app.NewDeliverer(e.engine, e.log, sleeper{}, false, e.options())
	require.NoError(t, deliverer.Wake(t.Context(), "w1"))
	_ = deliverer.Tick(t.Context()) // what it logs matters
	e.engine.unread = table.ErrUnavailable
	_ = deliverer.Wake(t.Context(), "w1")
	e.engine.unread = nil
}

// A failing is a table whose next writes meet conflicts, and whose reads fail.
type failing struct {
	table.Table
	conflicts int
	unread    error
}

// Write meets a conflict as long as any are left.
func (f *failing) Write(ctx context.Context, tx table.Transaction) error {
	if f.conflicts > 0 {
		f.conflicts--
		return table.ErrConflict
	}
	return f.Table.Write(ctx, tx)
}

// Query fails.
func (f *failing) Query(ctx context.Context, q table.Query) (table.Page, error) {
	if f.unread != nil {
		return table.Page{}, f.unread
	}
	return f.Table.Query(ctx, q)
}
