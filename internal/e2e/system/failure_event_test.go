package system

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// A user whose provisioning fails by one rule after the other, first under a name and then
// under an id, begins to fail once, and is fixed once.
func TestPull_HasEachFailureAndFixOnce(t *testing.T) {
	enginetest.Each(t, enginetest.Plain(), func(t *testing.T, engine enginetest.Engine) {
		s, clock := pulling(t, engine.Open(t))
		s.must(201, "POST", "/Users", userBody(`"userName":"holder@example.com"`))
		s.mustAdmin(200, "PATCH", "/tenants/acme", `{"maxSeats":1}`)
		dora := userBody(`"userName":"dora@example.com"`)
		for range 2 {
			require.Equal(t, 403, s.send("POST", "/Users", dora).status)
		}
		made := s.mustAdmin(201, "POST", "/tenants/acme/users", `{"userName":"dora@example.com","origin":"manual","active":false}`)
		id := made["id"].(string)
		require.Equal(t, 409, s.send("POST", "/Users", dora).status)
		require.Equal(t, 403, s.send("PATCH", "/Users/"+id, patchBody(activate)).status)
		title := patchBody(`[{"op":"replace","path":"title","value":"Dr."}]`)
		s.must(200, "PATCH", "/Users/"+id, title)
		s.must(200, "PATCH", "/Users/"+id, title)
		clock.settled()
		events, _ := s.pull("", "types=provisioning.failing,provisioning.fixed")
		require.Len(t, events, 2, "%v", eventLines(events))
		failing, fixed := events[0], events[1]
		require.Equal(t, []any{"provisioning.failing", "dora@example.com", "seat_limit"},
			[]any{failing["type"], failing["resource"].(map[string]any)["userName"], failing["details"].(map[string]any)["cause"]})
		require.Equal(t, []any{"provisioning.fixed", "dora@example.com", id},
			[]any{fixed["type"], fixed["resource"].(map[string]any)["userName"], fixed["resource"].(map[string]any)["id"]})
	})
}
