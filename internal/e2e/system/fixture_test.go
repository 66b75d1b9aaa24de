package system

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/check/iam"
	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/logline"
	"github.com/rollcall-scim/rollcall/internal/store"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// A service is the whole service on some table, with one tenant. It is safe for
// concurrent use.
type service struct {
	t       *testing.T
	app     *app.App
	handler http.Handler
	table   table.Table
	tenant  tenant.ID
	token   string

	mu     sync.Mutex
	events map[string]map[string]any // by request id
}

// secrets matches tokens and their hashes.
var secrets = regexp.MustCompile(`rct_|rc[sx]_[a-z0-9-]+_|\b[0-9a-f]{64}\b`)

// Write receives the log: each line must be one event, without secrets.
func (s *service) Write(line []byte) (int, error) {
	assert.Falsef(s.t, secrets.Match(line), "a token or a hash is in the log: %s", line)
	event, err := stage.Event(line)
	if err != nil {
		return 0, fmt.Errorf("a log line is not JSON: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.events == nil {
		s.events = map[string]map[string]any{}
	}
	if id, ok := event["requestId"].(string); ok {
		s.events[id] = event
	}
	return len(line), nil
}

func newService(t *testing.T, engine table.Table, seats int64, o app.Options) *service {
	t.Helper()
	s := &service{t: t}
	s.start(engine, o)
	s.token = s.newTenant("acme", seats)
	var err error
	s.tenant, err = tenant.ParseID("acme")
	require.NoError(t, err)
	return s
}

// start assembles the service on a table.
func (s *service) start(engine table.Table, o app.Options) {
	s.t.Helper()
	var err error
	s.app, err = app.NewWith(calls.Table(engine), app.Config{BaseURL: "https://scim.test/scim/v2"}, logline.New(s), o)
	require.NoError(s.t, err)
	s.handler, s.table = iam.Handler(s.app.Handler(), routed), engine
}

// afterwards returns a time after which all running requests have ended.
func afterwards() time.Time { return time.Now().Add(2 * store.SweepAge) }

// newTenant creates a tenant and returns its token.
func (s *service) newTenant(name string, seats int64) string {
	s.t.Helper()
	_, text := stage.Tenant(s.t, s.app.Store, name, seats)
	return text
}

// An answer is a response, with the event that was logged for it.
type answer struct {
	status int
	header http.Header
	body   map[string]any
	event  map[string]any
}

func (s *service) send(method, path, body string, headers ...string) answer {
	r := httptest.NewRequestWithContext(s.t.Context(), method, "https://scim.test/scim/v2"+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+s.token)
	r.Header.Set("Content-Type", "application/scim+json")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	a := answer{status: w.Code, header: w.Header()}
	if w.Body.Len() > 0 {
		assert.NoErrorf(s.t, json.NewDecoder(plain(s.t, w)).Decode(&a.body), "%s %s", method, path)
	}
	if a.event = s.event(w.Header().Get("X-Request-Id")); a.event == nil {
		s.t.Errorf("%s %s: no event was logged", method, path)
	}
	return a
}

// plain returns the body of an answer, decompressed.
func plain(t *testing.T, w *httptest.ResponseRecorder) io.Reader {
	if w.Header().Get("Content-Encoding") != "gzip" {
		return bytes.NewReader(w.Body.Bytes())
	}
	r, err := gzip.NewReader(bytes.NewReader(w.Body.Bytes()))
	require.NoError(t, err)
	return r
}

// must sends a request that must succeed, and returns the resource's id.
func (s *service) must(status int, method, path, body string) string {
	s.t.Helper()
	a := s.send(method, path, body)
	require.Equalf(s.t, status, a.status, "%s %s %s: %d %v, want %d", method, path, body, a.status, a.body, status)
	id, _ := a.body["id"].(string)
	return id
}

// check fails the test if the tenant's data breaks an invariant, or the number
// of seats in use differs.
func (s *service) check(seats int64) {
	s.t.Helper()
	faults, err := s.app.Store.Audit(s.t.Context(), s.tenant)
	// On a slow machine a request leaves the cleaning to the sweep.
	if err == nil && slices.ContainsFunc(faults, func(f store.Fault) bool { return f.Unfinished }) {
		if _, err = s.app.Store.Sweep(iam.As(s.t.Context(), "SweepFunction"), 0); err == nil {
			faults, err = s.app.Store.Audit(s.t.Context(), s.tenant)
		}
	}
	require.NoError(s.t, err)
	for _, fault := range faults {
		s.t.Errorf("audit: %s", fault)
	}
	l := s.ledger()
	assert.Equalf(s.t, seats, l.Seats, "%d seats in use, want %d", l.Seats, seats)
}

// active counts the active users one by one, as a client does.
func (s *service) active() int64 {
	s.t.Helper()
	total, _ := s.send("GET", "/Users?count=0&filter=active+eq+true", "").body["totalResults"].(float64)
	return int64(total)
}

func (s *service) ledger() directory.Ledger {
	s.t.Helper()
	l, err := s.app.Store.Ledger(s.t.Context(), s.tenant)
	require.NoError(s.t, err)
	return l
}

// The bodies of requests.
var userBody, patchBody, groupBody = stage.User, stage.PatchList, stage.Group

const (
	deactivate = `[{"op":"replace","path":"active","value":false}]`
	activate   = `[{"op":"replace","path":"active","value":true}]`
)

// event returns the event of a request.
func (s *service) event(requestID string) map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.events[requestID]
}
