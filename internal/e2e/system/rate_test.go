package system

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/check/iam"
	"github.com/rollcall-scim/rollcall/internal/httpapi"
	"github.com/rollcall-scim/rollcall/internal/logline"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// All functions, and all instances of them, share a tenant's bucket; its tokens are no
// part of the cost of a request.
func TestRate_IsSharedByTheInstances(t *testing.T) {
	enginetest.Run(t, func(t *testing.T, open func(t testing.TB) table.Table) {
		engine, now := open(t), time.Now()
		s := newService(t, engine, 5, app.Options{})
		accepted, refused := 0, 0
		for _, path := range []string{"/Users?count=0", "/Groups?count=0", "/ServiceProviderConfig", "/Bulk"} {
			a, err := app.NewWith(calls.Table(engine), app.Config{BaseURL: "https://scim.test/scim/v2", TenantRate: httpapi.MinRate},
				logline.New(s), app.Options{Now: func() time.Time { return now }})
			require.NoError(t, err)
			s.handler = iam.Handler(a.Handler(), routed)
			method, body, requests := "GET", "", 12
			if path == "/Bulk" { // the last one spends what the others left
				requests = 2 * httpapi.MinRate
				method, body = "POST", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[]}`
			}
			for i := range requests {
				answer := s.send(method, path, body)
				if i > 0 {
					trips, _ := answer.event["roundTrips"].(float64)
					retries, _ := answer.event["retries"].(float64)
					assert.LessOrEqual(t, trips-retries, 1.0, path)
				}
				if answer.status == 429 {
					assert.Contains(t, []string{"1", "2"}, answer.header.Get("Retry-After"))
					refused++
					break
				}
				require.Equal(t, 200, answer.status, "%s: %v", path, answer.body)
				accepted++
			}
		}
		assert.Equal(t, 1, refused, "the bucket is empty in the end")
		assert.GreaterOrEqual(t, accepted, 2*httpapi.MinRate-3, "a token may be left in each of the other instances")
		assert.LessOrEqual(t, accepted, 2*httpapi.MinRate+4*(httpapi.MinRate/20+1))
	})
}
