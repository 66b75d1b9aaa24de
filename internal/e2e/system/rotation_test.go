package system

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// What can be done with a token at each point of a rotation.
func TestTokens_Rotation(t *testing.T) {
	onBoth(t, 5, func(s *service, _ *clock) {
		mint := func() string { return s.ask(201, "POST", "/tenants/acme/tokens", "").body["id"].(string) }
		at := func(id string) string { return "/tenants/acme/tokens/" + id }
		token := func(id string) map[string]any {
			t.Helper()
			for _, one := range s.ask(200, "GET", "/tenants/acme/tokens", "").body["tokens"].([]any) {
				if one := one.(map[string]any); one["id"] == id {
					return one
				}
			}
			t.Fatalf("the token %s is not listed", id)
			return nil
		}
		states := func(name string, want map[string]string) {
			t.Helper()
			for id, state := range want {
				if got := token(id); got["state"] != state || got["replacedBy"] != nil || got["replaces"] != nil {
					t.Errorf("%s: %v, want %s and no rotation", name, got, state)
				}
			}
		}
		conflicts := func(name string, a answer) {
			t.Helper()
			assert.Truef(t, a.status == http.StatusConflict && isProblem(a, "wrong-state"), "%s: %d %v", name, a.status, a.body)
		}
		for _, tt := range []struct {
			name, oldState, newState string
			end                      func(old, next string) answer
		}{
			{"completed", "revoked", "live", func(old, _ string) answer { return s.admin("PUT", at(old)+"/rotation", "") }},
			{"cancelled", "live", "revoked", func(old, _ string) answer { return s.admin("DELETE", at(old)+"/rotation", "") }},
			{"old revoked", "revoked", "live", func(old, _ string) answer { return s.admin("DELETE", at(old), "") }},
			{"new revoked", "live", "revoked", func(_, next string) answer { return s.admin("DELETE", at(next), "") }},
		} {
			old := mint()
			conflicts(tt.name+", completed before it began", s.admin("PUT", at(old)+"/rotation", ""))
			next := s.ask(201, "POST", at(old)+"/rotation", `{"label":"next"}`).body["id"].(string)
			conflicts(tt.name+", begun twice", s.admin("POST", at(old)+"/rotation", ""))
			conflicts(tt.name+", the new one rotated", s.admin("POST", at(next)+"/rotation", ""))
			conflicts(tt.name+", the new one completed", s.admin("PUT", at(next)+"/rotation", ""))
			a := tt.end(old, next)
			assert.Equalf(t, 204, a.status, "%s: %d %v", tt.name, a.status, a.body)
			states(tt.name, map[string]string{old: tt.oldState, next: tt.newState})
			conflicts(tt.name+", ended twice", s.admin("PUT", at(old)+"/rotation", ""))
			for _, id := range []string{old, next} {
				s.ask(204, "DELETE", at(id), "")
			}
		}
		revoked := mint()
		s.ask(204, "DELETE", at(revoked), "")
		conflicts("a revoked token rotated", s.admin("POST", at(revoked)+"/rotation", ""))

		// Twenty concurrent ends of one rotation: one succeeds.
		old := mint()
		next := s.ask(201, "POST", at(old)+"/rotation", "").body["id"].(string)
		var ended atomic.Int64
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				if s.admin([]string{"PUT", "DELETE"}[i%2], at(old)+"/rotation", "").status == 204 {
					ended.Add(1)
				}
			})
		}
		all.Wait()
		if ended.Load() != 1 {
			t.Errorf("%d ends of one rotation", ended.Load())
		}
		live := 0
		for _, id := range []string{old, next} {
			if token(id)["state"] == "live" {
				live++
			}
		}
		assert.Equalf(t, 1, live, "%d of the two tokens live", live)
	})
}

// Recording the use of a token costs the request nothing.
func TestTokens_LastUsedCostsTheRequestNothing(t *testing.T) {
	engine := enginetest.Memory(t)
	s := newService(t, engine, 5, app.Options{})
	a := s.send("GET", "/Users?count=0", "")
	got := a.event["roundTrips"]
	assert.Truef(t, got == 3.0, "the first request: %v round trips, want 3: that the token exists, the token, and the count", got)
	got = a.event["writeUnits"]
	assert.Truef(t, got == 0.0, "the first request: %v write units", got)
}
