package system

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rollcall-scim/rollcall/internal/adminapi"
)

// Logs and identity providers name the person that the application names.
// Without a name, logs have the operator who signed the request, and identity
// providers read "the application".
func TestAdmin_Actor(t *testing.T) {
	onBoth(t, 5, func(s *service, _ *clock) {
		for _, tt := range []struct{ sent, shown string }{
			{"", "the application"}, {operator, "the application"}, {"Dana Ówner (dana@acme.example)", "Dana Ówner (dana@acme.example)"}, {"  Dana  ", "Dana"}, {strings.Repeat("x", 128), strings.Repeat("x", 128)},
		} {
			group := s.must(201, "POST", "/Groups", groupBody("G"))
			a := s.ask(204, "DELETE", "/tenants/acme/groups/"+group, "", adminapi.ActorHeader, tt.sent)
			if logged, _ := a.event["actor"].(string); logged != strings.TrimSpace(tt.sent) || a.event["operator"] != operator {
				t.Errorf("%q: the log has the actor %q and the operator %v", tt.sent, logged, a.event["operator"])
			}
			s.wantRefused(s.send("GET", "/Groups/"+group, ""), 404, "group_deleted", " by "+tt.shown)
		}
		group := s.must(201, "POST", "/Groups", groupBody("G"))
		for _, bad := range []string{strings.Repeat("x", 129), "a\x01b", "a\u2028b", "\xff"} {
			a := s.admin("DELETE", "/tenants/acme/groups/"+group, "", adminapi.ActorHeader, bad)
			assert.Truef(t, a.status == 400 && isProblem(a, "invalid-value") && a.event["actor"] == nil, "%q: %d %v", bad, a.status, a.body)
		}
		s.must(200, "GET", "/Groups/"+group, "")
	})
}
