package system

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// A token that the admin API creates works at once in every function, and a token with
// another mark costs none of them a read, with the answer of any other bad token.
func TestTokens_AreMarkedByTheDeployment(t *testing.T) {
	enginetest.Run(t, func(t *testing.T, open func(t testing.TB) table.Table) {
		engine := open(t)
		s := newService(t, engine, 5, app.Options{})
		made := s.ask(201, "POST", "/tenants/acme/tokens", `{"label":"Okta"}`).body["token"].(string)
		other := "0"
		if strings.HasSuffix(made, "0") {
			other = "1"
		}
		forged := made[:len(made)-1] + other
		for _, request := range []struct{ method, path, body string }{
			{"GET", "/Users?count=0", ""},
			{"GET", "/Groups?count=0", ""},
			{"GET", "/ServiceProviderConfig", ""},
			{"POST", "/Bulk", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[]}`},
		} {
			s.start(engine, app.Options{}) // an instance that has read nothing
			s.token = made
			a := s.send(request.method, request.path, request.body)
			require.Equal(t, 200, a.status, "%s: %v", request.path, a.body)
			s.token = forged
			a = s.send(request.method, request.path, request.body)
			assert.Equal(t, 401, a.status, request.path)
			assert.Equal(t, "token_invalid", a.event["cause"], request.path)
			assert.Contains(t, a.header.Get("WWW-Authenticate"), "Bearer")
			assert.Equal(t, []any{0.0, 0.0}, []any{a.event["roundTrips"], a.event["readUnits"]}, request.path)
			assert.Equal(t, []any{"acme", nil}, []any{a.event["claimedTenant"], a.event["tenant"]}, request.path)
		}
	})
}
