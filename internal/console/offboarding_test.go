package console

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
)

// The page of a user who is not active shows each departure, and what each webhook said.
func TestUser_ShowsWhoAcknowledgedTheDeparture(t *testing.T) {
	b := visitor(t, healthy())
	out := b.get("/console/t/acme/users/u2").page().id(t, "offboarding")
	out.says(t, "deactivated", "not acknowledged by all", "by the application: <i>dana</i>")
	out.says(t, "https://app.example.com/hooks/rollcall delivered", "1 attempt, the first")
	out.says(t, "w9 failed", "The webhook was deleted before it acknowledged the event.")
	out.says(t, "acknowledged by all after 1.2 s", "by Okta", "The user came back")
	out.says(t, "nobody is notified", "Nobody is notified.")
	require.Len(t, out.named("h3"), 3)

	b.service.set("GET "+acme+"/users/u2/offboarding", adminwire.Offboarding{})
	require.False(t, b.get("/console/t/acme/users/u2").page().has("offboarding"))
	b.service.last()
	require.False(t, b.get("/console/t/acme/users/u1").page().has("offboarding"))
	asked, _ := b.service.last()
	require.NotContains(t, asked, "GET "+acme+"/users/u1/offboarding", "an active user")
}
