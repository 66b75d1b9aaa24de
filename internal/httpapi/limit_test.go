package httpapi_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/httpapi"
	"github.com/rollcall-scim/rollcall/internal/logline"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// A tenant that exceeds its rate is refused, does not affect other tenants, and
// is served again a second later.
func TestLimit_HoldsEachTenant(t *testing.T) {
	now := time.Now()
	s := newService(t, enginetest.Memory, 5)
	engine := enginetest.Memory(t)
	var err error
	if s.app, err = app.NewWith(engine, app.Config{BaseURL: baseURL, TenantRate: httpapi.MinRate},
		logline.New(s.log), app.Options{Now: func() time.Time { return now }}); err != nil {
		t.Fatal(err)
	}
	s.handler = s.app.Handler()
	tokens := map[string]string{}
	for _, name := range []string{"busy", "calm"} {
		_, token := stage.TenantWith(t, s.app.Store, name, 200, tenant.DefaultSettings(), now)
		tokens[name] = token
	}
	s.token = tokens["busy"]
	for i := range 2 * httpapi.MinRate {
		a := s.send("GET", "/Users?count=1", "")
		require.Equalf(t, 200, a.status, "request %d: %d %s", i+1, a.status, a.raw)
	}
	before := s.send("POST", "/Users", userBody(`"userName":"a"`))
	if before.status != 429 || before.header.Get("Retry-After") != "1" || before.body["status"] != "429" || before.body["scimType"] != nil ||
		!strings.Contains(before.body["detail"].(string), "Retry-After") || before.event["cause"] != "rate_limit" || before.event["tenant"] != "busy" {
		t.Errorf("%d %v %s %v", before.status, before.header, before.raw, before.event)
	}
	trips := before.event["roundTrips"]
	assert.Truef(t, trips == 1.0, "the first refused request cost %v round trips, want 1: it is logged", trips)
	trips = s.send("POST", "/Users", userBody(`"userName":"a"`)).event["roundTrips"]
	assert.Truef(t, trips == 0.0, "another refused request cost %v round trips", trips)
	// A request without a token, or with a wrong one, learns nothing of the
	// rate.
	assert.Equal(t, 401, s.send("GET", "/Users", "", "Authorization", "").status, "no token")
	s.token = tokens["calm"]
	assert.Equal(t, 200, s.send("GET", "/Users", "").status, "another tenant")
	s.token = tokens["busy"]
	now = now.Add(time.Second)
	for i := range httpapi.MinRate {
		a := s.send("GET", "/Users?count=1", "")
		require.Truef(t, a.status == 200 && a.body["totalResults"] == 0.0, "request %d of the next second: %d %s", i+1, a.status, a.raw)
	}
	assert.Equal(t, 429, s.send("GET", "/Users", "").status, "over the rate again")
}

// The operations of a bulk request count as requests. They are all done; the
// tenant's next requests wait.
func TestLimit_CountsOperationsOfBulkRequests(t *testing.T) {
	now := time.Now()
	engine := enginetest.Memory(t)
	s := newServiceOn(t, engine, 5, tenant.DefaultSettings())
	limited, err := app.NewWith(engine, app.Config{BaseURL: baseURL, TenantRate: httpapi.MinRate},
		logline.New(s.log), app.Options{Now: func() time.Time { return now }})
	require.NoError(t, err)
	s.handler = limited.Handler()
	// With the 50 requests saved in two seconds, the tenant owes 51 afterwards.
	a := s.bulk(strings.TrimSuffix(strings.Repeat(`{"method":"DELETE","path":"/Users/nobody"},`, 100), ","))
	if a.statuses() != strings.TrimSpace(strings.Repeat("404 ", 100)) {
		t.Fatalf("%s", a.statuses())
	}
	for seconds, want := range []int{429, 429, 429, 200} {
		assert.Equalf(t, want, s.send("GET", "/Users?count=1", "").status, "%d s later", seconds)
		now = now.Add(time.Second)
	}
}

// An operation of a bulk request costs what it costs alone: its work too.
func TestLimit_ChargesTheWorkOfBulkOperations(t *testing.T) {
	now := time.Now()
	engine := enginetest.Memory(t)
	s := newServiceOn(t, engine, 1000, tenant.DefaultSettings())
	members := s.people(600)
	// owed returns how many seconds a tenant is refused after a request.
	owed := func(send func()) (seconds int) {
		limited, err := app.NewWith(engine, app.Config{BaseURL: baseURL, TenantRate: httpapi.MinRate},
			logline.New(s.log), app.Options{Now: func() time.Time { return now }})
		require.NoError(t, err)
		s.handler = limited.Handler()
		now = now.Add(time.Hour)
		send()
		for s.send("GET", "/Users?count=1", "").status == 429 {
			now, seconds = now.Add(time.Second), seconds+1
			require.Less(t, seconds, 60)
		}
		return seconds
	}
	alone := owed(func() {
		require.Equal(t, 201, s.send("POST", "/Groups", stage.Group("alone", members...)).status)
	})
	bulk := owed(func() {
		a := s.bulk(`{"method":"POST","path":"/Groups","bulkId":"g","data":` + stage.Group("bulk", members...) + `}`)
		require.Equal(t, "201", a.statuses())
	})
	require.Positive(t, alone)
	require.GreaterOrEqual(t, bulk, alone)
}

// slowOnce is a table whose first read takes a while.
type slowOnce struct {
	table.Table
	meanwhile func()
}

func (s *slowOnce) Get(ctx context.Context, keys ...table.Key) (map[table.Key]table.Item, error) {
	if meanwhile := s.meanwhile; meanwhile != nil {
		s.meanwhile = nil
		meanwhile()
	}
	return s.Table.Get(ctx, keys...)
}

// clocked are instances with one clock, at the lowest rate.
type clocked struct {
	*service
	now time.Time
}

// instance starts an instance, and returns how a request is sent to it.
func (c *clocked) instance(on table.Table) func(method, path, body string) int {
	a, err := app.NewWith(on, app.Config{BaseURL: baseURL, TenantRate: httpapi.MinRate},
		slog.New(slog.DiscardHandler), app.Options{Now: func() time.Time { return c.now }})
	require.NoError(c.t, err)
	handler := a.Handler()
	return func(method, path, body string) int {
		r := httptest.NewRequestWithContext(c.t.Context(), method, baseURL+path, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+c.token)
		r.Header.Set("Content-Type", "application/scim+json")
		answered := httptest.NewRecorder()
		handler.ServeHTTP(answered, r)
		return answered.Code
	}
}

// A request counts from when its token is read. At its start, what another instance has
// leased since would be in the future, and the bucket empty.
func TestLimit_CountsFromWhenTheTokenIsRead(t *testing.T) {
	engine := enginetest.Memory(t)
	s := &clocked{newServiceOn(t, engine, 5, tenant.DefaultSettings()), time.Now()}
	slow := &slowOnce{Table: engine}
	one, other := s.instance(slow), s.instance(engine)
	slow.meanwhile = func() {
		s.now = s.now.Add(5 * time.Second)
		assert.Equal(t, 200, one("GET", "/Users", ""), "without a lease")
		for range 3 {
			assert.Equal(t, 200, other("GET", "/Users", ""))
		}
	}
	assert.Equal(t, 200, one("GET", "/Users", ""))
}

// The work of a long request is charged when it is done. At its start, a bucket that is
// spent up to now would be too far ahead to be believed, and would be filled.
func TestLimit_LongRequestDoesNotFillTheBucket(t *testing.T) {
	engine := enginetest.Memory(t)
	s := &clocked{newServiceOn(t, engine, 100, tenant.DefaultSettings()), time.Now()}
	var ids []string
	for i := range 90 {
		a := s.send("POST", "/Users", userBody(fmt.Sprintf(`"userName":"u%d"`, i)))
		ids = append(ids, a.body["id"].(string))
	}
	slow := &slowOnce{Table: engine}
	one, other, third := s.instance(slow), s.instance(engine), s.instance(engine)
	slow.meanwhile = func() {
		s.now = s.now.Add(12 * time.Second)
		for other("GET", "/Users?count=1", "") == 200 {
			continue
		}
	}
	assert.Equal(t, 201, one("POST", "/Groups", stage.Group("large", ids...)))
	assert.Equal(t, 200, third("GET", "/Users?count=1", ""), "without a lease")
	assert.Equal(t, 429, third("GET", "/Users?count=1", ""))
}

func TestLimit_IsNeverUnder25(t *testing.T) {
	_, err := app.New(enginetest.Memory(t), app.Config{BaseURL: baseURL, TenantRate: 24}, slog.Default())
	assert.Error(t, err, "24 a second is accepted")
}
