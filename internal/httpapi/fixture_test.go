package httpapi_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/logline"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

const baseURL = "https://scim.test/scim/v2"

// A service is the whole service on a table in memory, with one tenant.
type service struct {
	t       *testing.T
	app     *app.App
	handler http.Handler
	tenant  tenant.ID
	token   string
	log     *stage.Log
}

// An opener returns an empty table.
type opener = func(t testing.TB) table.Table

func newService(t *testing.T, open opener, seats int64) *service {
	t.Helper()
	return newServiceOn(t, open(t), seats, tenant.DefaultSettings())
}

func newServiceOn(t *testing.T, engine table.Table, seats int64, settings tenant.Settings) *service {
	t.Helper()
	s := &service{t: t, log: &stage.Log{}}
	var err error
	s.app, err = app.New(engine, app.Config{BaseURL: baseURL}, logline.New(s.log))
	require.NoError(t, err)
	s.tenant, s.token = stage.TenantWith(t, s.app.Store, "acme", seats, settings, time.Now())
	s.handler = s.app.Handler()
	return s
}

// An answer is a response, with the event that was logged for it.
type answer struct {
	status int
	header http.Header
	body   map[string]any
	raw    string
	event  map[string]any
}

// send sends a request to a path below the base path. headers are names and
// values in turn; an empty Authorization sends none.
func (s *service) send(method, path, body string, headers ...string) answer {
	s.t.Helper()
	return s.sendRaw(method, "/scim/v2"+path, strings.NewReader(body), headers...)
}

func (s *service) sendRaw(method, target string, body io.Reader, headers ...string) answer {
	s.t.Helper()
	r := httptest.NewRequestWithContext(s.t.Context(), method, "/", body)
	u, err := url.Parse("https://elsewhere.example" + target)
	require.NoError(s.t, err)
	r.URL, r.RequestURI = u, target
	r.Header.Set("Authorization", "Bearer "+s.token)
	r.Header.Set("Content-Type", "application/scim+json")
	r.Header.Set("User-Agent", "Okta SCIM Client 1.0.0")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Del(headers[i])
		if headers[i+1] != "" {
			r.Header.Set(headers[i], headers[i+1])
		}
	}
	before := len(s.log.String())
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)

	a := answer{status: w.Code, header: w.Header(), raw: w.Body.String()}
	if a.raw != "" {
		err := json.Unmarshal(w.Body.Bytes(), &a.body)
		require.NoErrorf(s.t, err, "%s %s: the body is not JSON: %v: %s", method, target, err, a.raw)
	}
	logged := strings.TrimSuffix(s.log.String()[before:], "\n")
	assert.Equalf(s.t, 0, strings.Count(logged, "\n"), "%s %s: logged more than one line: %s", method, target, logged)
	a.event, err = stage.Event([]byte(logged))
	require.NoErrorf(s.t, err, "%s %s: the event is not JSON: %v: %s", method, target, err, logged)
	return a
}

func (s *service) mustCreate(attributes string) string {
	s.t.Helper()
	a := s.send("POST", "/Users", userBody(attributes))
	require.Equalf(s.t, http.StatusCreated, a.status, "create: %d %s", a.status, a.raw)
	return a.body["id"].(string)
}

// The bodies of requests.
var (
	userBody, patchBody = stage.User, stage.PatchList
	memberList          = stage.Members
)
