// Package provoke provokes every cause of the table, through HTTP only, on a
// service with a table whose answers can be replaced by errors. Tests use it to
// check that an administrator finds each of them, wherever they look.
package provoke

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/adminapi"
	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/logline"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
	"github.com/rollcall-scim/rollcall/internal/web"
)

// A Stage is a service with one tenant, acme.
type Stage struct {
	t     testing.TB
	App   *app.App
	scim  http.Handler
	admin http.Handler
	token string
	// TokenID is the id of the identity provider's token.
	TokenID string
	tenant  tenant.ID
	table   *spoiled
	log     stage.Log
	mu      sync.Mutex
	ahead   time.Duration
	// stopped is when the clock was stopped, zero while it runs.
	stopped time.Time
	// ids counts the ids of a stage whose clock was stopped from the beginning.
	ids     uint16
	counted bool
}

// Operator is the caller of the admin API.
const Operator = "arn:aws:iam::123456789012:user/owner"

// MaxWalk is the number of records that a request may read without a key.
const MaxWalk = 10

// tenantRate is the rate limit of a stage, in requests a second.
const tenantRate = 200

// New returns a Stage on a table. Its tenant has the given number of seats.
func New(t testing.TB, on table.Table, seats int64) *Stage {
	t.Helper()
	return set(&Stage{t: t, table: &spoiled{Table: on}}, seats)
}

// NewAt returns a Stage whose clock is stopped at a time and moves only by
// Pass. The ids of its requests are the same in every run.
func NewAt(t testing.TB, on table.Table, seats int64, at time.Time) *Stage {
	t.Helper()
	return set(&Stage{t: t, table: &spoiled{Table: on}, stopped: at, counted: true}, seats)
}

func set(s *Stage, seats int64) *Stage {
	t := s.t
	t.Helper()
	retry := []table.RetryOption{table.RetryFor(20 * time.Millisecond)}
	if s.counted { // retries do not wait in real time
		retry = append(retry, table.RetryClock(s.Now, func(ctx context.Context, d time.Duration) error {
			s.Pass(d)
			return ctx.Err()
		}))
	}
	var err error
	s.App, err = app.NewWith(s.table, app.Config{BaseURL: "https://scim.test/scim/v2", TenantRate: tenantRate},
		logline.New(io.MultiWriter(t.Output(), &s.log)), app.Options{Now: s.Now, NewID: s.newID, MaxWalk: MaxWalk, Retry: retry})
	require.NoError(t, err)
	s.scim, s.admin = s.App.Handler(), s.App.AdminHandler()
	s.tenant, s.token = stage.TenantWith(t, s.App.Store, "acme", seats, tenant.DefaultSettings(), s.Now())
	token, err := access.Parse(s.token)
	require.NoError(t, err)
	s.TokenID = token.ID
	return s
}

// Line returns the event of a SCIM request, nil if there is none.
func (s *Stage) Line(requestID string) map[string]any {
	for text := range strings.Lines(s.log.String()) {
		var line map[string]any
		if json.Unmarshal([]byte(text), &line) == nil && line["requestId"] == requestID && line["event"] == "scim.request" {
			return line
		}
	}
	return nil
}

// Now returns the time on the stage.
func (s *Stage) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.stopped.IsZero() {
		return s.stopped.Add(s.ahead)
	}
	return time.Now().Add(s.ahead)
}

// stop stops the clock.
func (s *Stage) stop() {
	now := s.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = now.Add(-s.ahead)
}

// newID returns an id of the stage's time.
func (s *Stage) newID() string {
	if s.counted {
		now := s.Now()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.ids++
		return fmt.Sprintf("%08x-%04x-7%03x-8000-0000000000ab", now.UnixMilli()>>16, now.UnixMilli()&0xffff, s.ids%0x1000)
	}
	id := uuid.Must(uuid.NewV7())
	binary.BigEndian.PutUint64(id[:8], binary.BigEndian.Uint64(id[:8])+uint64(s.passed().Milliseconds())<<16) //nolint:gosec // G115: time passes forward
	return id.String()
}

func (s *Stage) passed() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ahead
}

// Pass advances the clock.
func (s *Stage) Pass(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ahead += d
}

// Token returns the identity provider's token.
func (s *Stage) Token() string { return s.token }

// SCIM returns the handler of SCIM requests.
func (s *Stage) SCIM() http.Handler { return s.scim }

// Admin returns the handler of the admin API.
func (s *Stage) Admin() http.Handler { return s.admin }

// An Answer is the answer to a request.
type Answer struct {
	Status    int
	RequestID string
	Detail    string
	Body      map[string]any
}

// ID returns the id of the resource in the answer.
func (a Answer) ID() string {
	id, _ := a.Body["id"].(string)
	return id
}

// Send sends a SCIM request as an identity provider does; headers are names and
// values in turn.
func (s *Stage) Send(method, path, body string, headers ...string) Answer {
	s.t.Helper()
	if !strings.HasPrefix(path, "/scim/") {
		path = "/scim/v2" + path
	}
	return s.SendTo(method, path, body, headers...)
}

// SendTo sends a request to a path as it stands, which need not be a path of SCIM.
func (s *Stage) SendTo(method, path, body string, headers ...string) Answer {
	s.t.Helper()
	r := httptest.NewRequestWithContext(s.t.Context(), method, "https://scim.test"+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+s.token)
	r.Header.Set("Content-Type", "application/scim+json")
	r.Header.Set("User-Agent", "Okta SCIM Client 1.0.0")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return s.serve(s.scim, r)
}

// Ask sends a request to the admin API.
func (s *Stage) Ask(method, path, body string) Answer {
	s.t.Helper()
	r := httptest.NewRequestWithContext(s.t.Context(), method, "https://scim.test"+adminapi.Prefix+path, strings.NewReader(body))
	r.Header.Set(web.OperatorHeader, Operator)
	return s.serve(s.admin, r)
}

func (s *Stage) serve(h http.Handler, r *http.Request) Answer {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	a := Answer{Status: w.Code, RequestID: w.Header().Get("X-Request-Id")}
	if w.Body.Len() > 0 {
		assert.NoErrorf(s.t, json.Unmarshal(w.Body.Bytes(), &a.Body), "%s %s", r.Method, r.URL)
	}
	a.Detail, _ = a.Body["detail"].(string)
	return a
}

// must fails the test if an answer is not a success.
func (s *Stage) must(a Answer) Answer {
	s.t.Helper()
	require.Truef(s.t, a.Status < 300, "%d %v", a.Status, a.Body)
	return a
}

// user creates a user with a name and other attributes.
func (s *Stage) user(attributes string) string {
	s.t.Helper()
	return s.must(s.Send("POST", "/Users", stage.User(attributes))).ID()
}

// set changes the tenant's settings, effective at once.
func (s *Stage) set(settings string) {
	s.t.Helper()
	s.must(s.Ask("PATCH", "/tenants/acme", settings))
	s.Pass(access.CacheTime + time.Second)
}

// A spoiled is a table that answers some writes with an error.
type spoiled struct {
	table.Table
	mu sync.Mutex
	// spoil is called before each write; its error is the answer.
	spoil func(tx table.Transaction) error
}

func (t *spoiled) set(spoil func(tx table.Transaction) error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.spoil = spoil
}

// Write returns the error of spoil, or writes.
func (t *spoiled) Write(ctx context.Context, tx table.Transaction) error {
	t.mu.Lock()
	spoil := t.spoil
	t.mu.Unlock()
	if spoil != nil {
		if err := spoil(tx); err != nil {
			return err
		}
	}
	return t.Table.Write(ctx, tx)
}

// spoiling calls do while writes to a partition are answered with an error.
func (s *Stage) spoiling(partition string, err error, do func() Answer) Answer {
	s.table.set(func(tx table.Transaction) error {
		for _, op := range tx.Ops {
			if strings.Contains(op.Key.Partition, partition) {
				return err
			}
		}
		return nil
	})
	defer s.table.set(nil)
	return do()
}
