// Package replaytest runs the recorded requests of identity providers as tests
// of a service in the same process. Each line has its own tenant, so every byte
// is sent as recorded.
package replaytest

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/rollcall-scim/rollcall/internal/e2e/replay"
)

// A Fixture is a service under test, on some engine.
type Fixture interface {
	// Target returns how to reach the service and where its events are. Its
	// tokens are ignored.
	Target() replay.Target
	// NewTenant creates a tenant without users and with this many seats, and
	// returns a token for it. It fails the test if it cannot.
	NewTenant(t *testing.T, seats int64) (token string)
}

// seats is the number of seats of each tenant: more than any line takes, and
// few enough to be filled quickly.
const seats = 12

// RunAll runs each case as a subtest named by its id. open is called once; the
// cases run one after another, each in a new tenant. A case that waits for a
// capability is skipped with its reason; one that cannot be run fails, since
// nothing is missing here.
func RunAll(t *testing.T, cases []replay.Case, open func(t *testing.T) Fixture) {
	t.Helper()
	fixture := open(t)
	for _, c := range cases {
		t.Run(c.ID, func(t *testing.T) {
			target := fixture.Target()
			target.Shared = false
			if c.Waits == nil {
				target.Token = fixture.NewTenant(t, seats)
				if c.NeedsOther() {
					target.Other = fixture.NewTenant(t, seats)
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

// Handler returns a client of a handler in the same process. The handler sees
// the request line as sent, as in a server.
func Handler(h http.Handler) replay.Doer { return handler{h} }

type handler struct{ http.Handler }

// Do answers a request.
func (h handler) Do(q *http.Request) (*http.Response, error) {
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
	h.ServeHTTP(w, received)
	if w.Code == 0 {
		return nil, errors.New("the handler did not answer")
	}
	answer := w.Result()
	body := w.Body.Bytes()
	answer.Body = io.NopCloser(bytes.NewReader(body))
	return answer, nil
}
