package replaytest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall"
	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/dev/local"
	"github.com/rollcall-scim/rollcall/internal/e2e/replay"
	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/logline"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// The recorded requests, on both engines, through the gateway and the events
// that Lambda would get.
func TestService_AnswersWhatIdentityProvidersSend(t *testing.T) {
	runAll(t, enginetest.Plain(), tenant.DefaultSettings())
}

// The same requests to strict tenants: those that deviate from the RFCs are
// refused and change nothing, and the form of the RFCs has the same effect.
func TestService_AnswersStrictly(t *testing.T) {
	runAll(t, enginetest.Plain()[:1], strictSettings()) // what is refused does not depend on the engine
}

// strictSettings returns the settings of a strict tenant.
func strictSettings() tenant.Settings {
	settings := tenant.DefaultSettings()
	settings.Dialects, settings.UnknownAttributes, settings.UnknownMembers = tenant.DialectsRefuse, tenant.UnknownRefuse, tenant.UnknownMembersRefuse
	return settings
}

func runAll(t *testing.T, engines []enginetest.Engine, settings tenant.Settings) {
	t.Helper()
	cases, err := replay.Cases()
	require.NoError(t, err)
	enginetest.Each(t, engines, func(t *testing.T, engine enginetest.Engine) {
		newService(t, engine, settings, testRate).runAll(t, cases)
	})
}

const base = "https://scim.test/scim/v2"

// testRate is the rate limit of a tenant: low enough to be exceeded on a slow
// engine too.
const testRate = 60

// A service is the whole service on some engine. It is safe for concurrent use.
type service struct {
	app      *app.App
	gateway  http.Handler
	settings tenant.Settings // of each tenant

	mu         sync.Mutex
	events     map[string][]byte
	operations map[string][][]byte
	tenants    int
}

// newService assembles the service on its own table, with a gateway that has
// the routes of the template.
func newService(t *testing.T, engine enginetest.Engine, settings tenant.Settings, rate int) *service {
	t.Helper()
	s := &service{settings: settings, events: make(map[string][]byte), operations: make(map[string][][]byte)}
	var err error
	s.app, err = app.New(engine.Open(t), app.Config{BaseURL: base, TenantRate: rate}, logline.New(s))
	require.NoError(t, err)
	s.gateway, err = local.FromTemplate(rollcall.Template, func(function string) http.Handler { return s.app.FunctionHandler(function) })
	require.NoError(t, err)
	return s
}

func (s *service) target() replay.Target {
	return replay.Target{
		Client: direct{s.gateway}, Base: base, Event: s.event,
		Strict: s.settings.Dialects == tenant.DialectsRefuse,
	}
}

func (s *service) newTenant(t *testing.T, seats int64) string {
	t.Helper()
	s.mu.Lock()
	s.tenants++
	name := fmt.Sprintf("t%d", s.tenants)
	s.mu.Unlock()
	_, text := stage.TenantWith(t, s.app.Store, name, seats, s.settings, time.Now())
	return text
}

// addSchemas registers schemas for the newest tenant.
func (s *service) addSchemas(t *testing.T, documents ...string) {
	t.Helper()
	id, err := tenant.ParseID(fmt.Sprintf("t%d", s.tenants))
	require.NoError(t, err)
	for _, document := range documents {
		schema, err := schema.ParseRegistration([]byte(document))
		require.NoErrorf(t, err, "%s", document)
		_, err = s.app.Store.PutSchema(t.Context(), id, s.app.Types(), schema, time.Now())
		require.NoError(t, err)
	}
}

// Write receives the log: each line is one event.
func (s *service) Write(line []byte) (int, error) {
	var event struct{ RequestID, BulkRequestID string }
	if err := json.Unmarshal(line, &event); err != nil {
		return 0, fmt.Errorf("a log line is not JSON: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events[event.RequestID] = bytes.Clone(line)
	if event.BulkRequestID != "" {
		s.operations[event.BulkRequestID] = append(s.operations[event.BulkRequestID], bytes.Clone(line))
	}
	return len(line), nil
}

// event returns the event of a request. That of a bulk request has the events
// of its operations in a field.
func (s *service) event(requestID string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	event, operations := s.events[requestID], s.operations[requestID]
	if event == nil || operations == nil {
		return event
	}
	return slices.Concat([]byte(`{"operations":[`), bytes.Join(operations, []byte(",")), []byte(`],`), event[1:])
}

// lineSeats is the number of seats of each tenant: more than any line takes, and
// few enough to be filled quickly.
const lineSeats = 12

// runAll runs each case as a subtest named by its id, one after another, each in
// a new tenant. A case that waits for a capability is skipped with its reason; one
// that cannot be run fails, since nothing is missing here.
func (s *service) runAll(t *testing.T, cases []replay.Case) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.ID, func(t *testing.T) {
			target := s.target()
			target.Shared = false
			if c.Waits == nil {
				target.Token = s.newTenant(t, lineSeats)
				if c.NeedsOther() {
					target.Other = s.newTenant(t, lineSeats)
				}
			}
			result := replay.Run(t.Context(), target, c)
			for _, what := range result.Unseen {
				t.Logf("not checked: %s", what)
			}
			switch result.Outcome {
			case replay.Passed:
			case replay.Waiting:
				t.Skipf("waits for %s", result.Reasons[0])
			default:
				for _, reason := range result.Reasons {
					t.Errorf("%s: %s", result.Outcome, reason)
				}
				t.Logf("%s %s: %s", c.Method, c.Path, c.Expect.Notes)
			}
		})
	}
}

// A direct is a client of a handler in the same process. The handler sees the
// request line as sent, as in a server.
type direct struct{ http.Handler }

// Do answers a request.
func (d direct) Do(q *http.Request) (*http.Response, error) {
	if err := q.Context().Err(); err != nil {
		return nil, err
	}
	line := q.URL.RequestURI()
	parsed, err := url.ParseRequestURI(line)
	if err != nil {
		return nil, err
	}
	received := q.Clone(q.Context())
	received.URL, received.RequestURI, received.Host = parsed, line, q.URL.Host
	received.RemoteAddr = "192.0.2.1:1234"
	if received.Body == nil {
		received.Body = http.NoBody
	}
	w := httptest.NewRecorder()
	d.ServeHTTP(w, received)
	if w.Code == 0 {
		return nil, errors.New("the handler did not answer")
	}
	answer := w.Result()
	body := w.Body.Bytes()
	answer.Body = io.NopCloser(bytes.NewReader(body))
	return answer, nil
}
