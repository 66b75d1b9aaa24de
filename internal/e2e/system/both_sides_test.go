package system

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// A clock is a clock that a test moves, also while requests are running.
type clock struct {
	mu    sync.Mutex
	ahead time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

func (c *clock) move(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += by
}

// onBoth runs a test on both engines, with a tenant of some seats.
func onBoth(t *testing.T, seats int64, test func(s *service, c *clock)) {
	t.Helper()
	enginetest.Each(t, enginetest.Plain(), func(t *testing.T, engine enginetest.Engine) {
		c := &clock{}
		test(newService(t, engine.Open(t), seats, app.Options{Now: c.now}), c)
	})
}

// ask sends a request to the admin API that must be answered with status.
func (s *service) ask(status int, method, path, body string, headers ...string) answer {
	s.t.Helper()
	a := s.admin(method, path, body, headers...)
	require.Equalf(s.t, status, a.status, "%s %s %s: %d %v, want %d", method, path, body, a.status, a.body, status)
	return a
}

// wantUsage fails the test unless the tenant's usage is as given.
func (s *service) wantUsage(seats, readers, users, groups int) {
	s.t.Helper()
	got := s.ask(200, "GET", "/tenants/acme/usage", "").body
	used := func(name string) any { return got[name].(map[string]any)["used"] }
	text := fmt.Sprint(used("seats"), used("readers"), got["users"], got["groups"])
	assert.Equal(s.t, fmt.Sprint(seats, readers, users, groups), text, "seats, readers, users and groups")
}

// wantRefused fails the test unless an answer to an identity provider is the
// wanted refusal, with its cause in the log and a detail for its administrator.
func (s *service) wantRefused(a answer, status int, cause string, says ...string) {
	s.t.Helper()
	detail, _ := a.body["detail"].(string)
	if a.status != status || a.event["cause"] != cause {
		s.t.Errorf("status %d, cause %v, want %d, %s: %v", a.status, a.event["cause"], status, cause, a.body)
	}
	for _, text := range append(says, a.header.Get("X-Request-Id")) {
		assert.Containsf(s.t, detail, text, "the detail does not say %q", text)
	}
}

// makeOwn creates a user by the application.
func (s *service) makeOwn(attributes string) string {
	s.t.Helper()
	id, _ := s.ask(201, "POST", "/tenants/acme/users", `{`+attributes+`}`).body["id"].(string)
	return id
}

// seenUser returns a user as the application sees it.
func (s *service) seenUser(id string) map[string]any {
	s.t.Helper()
	return s.ask(200, "GET", "/tenants/acme/users/"+id, "").body
}

// setTenant changes the tenant's settings, and advances the clock until no
// instance has the old ones cached.
func (s *service) setTenant(c *clock, settings string) {
	s.t.Helper()
	s.ask(200, "PATCH", "/tenants/acme", settings)
	c.move(11 * time.Second)
}

// team returns the extension with isTeamAccount.
func team(value string) string {
	return `"` + scim.RollcallURN + `":{"isTeamAccount":` + value + `}`
}

func setTeam(value string) string {
	return patchBody(`[{"op":"replace","path":"` + scim.RollcallURN + `:isTeamAccount","value":` + value + `}]`)
}

// isProblem reports whether an answer of the admin API is a problem of a kind.
func isProblem(a answer, kind string) bool {
	text, _ := a.body["type"].(string)
	return strings.HasSuffix(text, "#"+kind)
}
