package system

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/check/iam"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// The application reads, among the events, that a token ends in 30, 7 and 1 days. A token that is
// rotated meanwhile has a successor with dates of its own.
func TestPull_WarnsBeforeATokenEnds(t *testing.T) {
	enginetest.Each(t, enginetest.Plain(), func(t *testing.T, engine enginetest.Engine) {
		s, clock := pulling(t, engine.Open(t))
		ends := clock.now().Add(10 * 24 * time.Hour).UTC().Truncate(time.Second)
		made := s.mustAdmin(201, "POST", "/tenants/acme/tokens", `{"label":"Okta","expiresAt":"`+ends.Format(time.RFC3339)+`"}`)
		later := ends.Add(30 * 24 * time.Hour).Format(time.RFC3339)
		s.mustAdmin(201, "POST", "/tenants/acme/tokens/"+made["id"].(string)+"/rotation", `{"expiresAt":"`+later+`"}`)
		sweep := func(pass time.Duration) {
			clock.pass(pass)
			for range 2 {
				require.NoError(t, s.app.Sweep(iam.As(t.Context(), "SweepFunction")))
			}
		}
		sweep(0)
		sweep(3*24*time.Hour + 2*time.Minute)
		sweep(6 * 24 * time.Hour)
		sweep(24 * time.Hour)
		clock.settled()
		events, _ := s.pull("", "types=token.expiring")
		var got []string
		for _, e := range events {
			d := e["details"].(map[string]any)
			got = append(got, d["days"].(string)+" "+d["expiresAt"].(string))
		}
		require.Equal(t, []string{"7 " + ends.Format(time.RFC3339), "1 " + ends.Format(time.RFC3339), "30 " + later}, got)
		first := events[0]
		require.Nil(t, first["resource"])
		details := first["details"].(map[string]any)
		require.Equal(t, []any{"token", made["id"], "Okta", made["lastFour"]}, []any{details["credential"], details["id"], details["label"], details["lastFour"]})
		text, err := json.Marshal(first)
		require.NoError(t, err)
		require.NotContains(t, string(text), made["token"])
	})
}
