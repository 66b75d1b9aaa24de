package stream_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// The application learns that the last seat is taken, that one is free again, and that a
// revoked token is still in use.
func TestDeliverEvents_TellsOfSeatsAndOfEndedTokens(t *testing.T) {
	for name, open := range streams() {
		t.Run(name, func(t *testing.T) {
			tbl, s := open(t)
			c := newClient(t, tbl, "acme")
			r := newReceiver(t)
			r.register(t, c.app.Store, "e-all")
			defer delivering(t, tbl, s)()
			until := func(kind string) webhookEvent {
				t.Helper()
				for {
					if e := r.next(t); e.Type == kind {
						return e
					}
				}
			}
			registry := tenant.NewRegistry(c.app.Store, time.Now)
			of := stage.ID(t, "acme")
			limit := func(seats int64) {
				t.Helper()
				_, err := registry.Change(t.Context(), of, func(tenant.Tenant) bool { return true }, func(one *tenant.Tenant) error {
					one.MaxSeats = seats
					return nil
				})
				require.NoError(t, err)
			}
			limit(2)
			c.create(t, "one@example.com")
			last := c.create(t, "two@example.com")
			full := until("seats.full")
			assert.Equal(t, map[string]string{"seats": "2", "seatLimit": "2"}, full.Details)
			assert.Equal(t, "acme", full.Tenant)
			c.do(t, http.MethodPatch, "/Users/"+last, stage.Patch(`{"op":"replace","path":"active","value":false}`))
			assert.Equal(t, map[string]string{"seats": "1", "seatLimit": "2"}, until("seats.available").Details)
			limit(1)
			assert.Equal(t, map[string]string{"seats": "1", "seatLimit": "1"}, until("seats.full").Details)
			limit(tenant.Unlimited)
			assert.Equal(t, map[string]string{"seats": "1"}, until("seats.available").Details)

			tokens := access.NewKeeper(c.app.Store, time.Now)
			text, record, err := tokens.Mint(t.Context(), of, access.Wanted{Label: "old"})
			require.NoError(t, err)
			require.NoError(t, tokens.Revoke(t.Context(), of, record.ID))
			ended := *c
			ended.token = text
			assert.Equal(t, http.StatusUnauthorized, ended.send(t, http.MethodGet, "/Users", "").Code)
			told := until("token.refused").Details
			assert.Equal(t, []string{"token", record.ID, "token_revoked", "old", record.LastFour},
				[]string{told["credential"], told["id"], told["cause"], told["label"], told["lastFour"]})
			assert.NotEmpty(t, told["whatToDo"])
			assert.NotEmpty(t, told["endedAt"])
		})
	}
}
