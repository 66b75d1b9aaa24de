package system

import (
	"context"
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall"
	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/check/iam"
	"github.com/rollcall-scim/rollcall/internal/dev/local"
	"github.com/rollcall-scim/rollcall/internal/lambdahttp"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// calls compares every call in this package's tests with what template.yaml
// grants to the calling function.
var calls = func() *iam.Recorder {
	r, err := iam.NewRecorder(rollcall.Template)
	if err != nil {
		panic(err)
	}
	return r
}()

// TestMain fails the run if a function needed a permission that it does not have, or,
// after all tests, has a permission that it never used.
func TestMain(m *testing.M) {
	code := m.Run()
	var faults []string
	if flag.Lookup("test.list").Value.String() == "" {
		faults = calls.Refused()
		if code == 0 && complete() {
			faults = append(faults, calls.Unused()...)
		}
	}
	for _, fault := range faults {
		fmt.Printf("--- FAIL: template.yaml: %s\n", fault)
		code = 1
	}
	os.Exit(code)
}

// complete reports whether all tests ran.
func complete() bool {
	for _, name := range []string{"test.run", "test.skip"} {
		if flag.Lookup(name).Value.String() != "" {
			return false
		}
	}
	return !testing.Short()
}

// gateway has the routes of the template.
var gateway = func() *local.Gateway {
	handlers := map[string]local.LambdaHandler{}
	routes, err := local.Routes(rollcall.Template)
	if err != nil {
		panic(err)
	}
	for _, r := range routes {
		handlers[r.Function] = func(context.Context, lambdahttp.Event) (lambdahttp.Response, error) {
			return lambdahttp.Response{}, nil
		}
	}
	g, err := local.NewGateway(routes, handlers)
	if err != nil {
		panic(err)
	}
	return g
}()

// routed returns the name of the function to which API Gateway sends a request.
func routed(method, escapedPath string) string { return gateway.Route(method, escapedPath).Function }

// A request whose path has no route is served by the function of /Bulk, which
// therefore needs the grants for bookmarks too.
func TestGrants_OtherSpellings(t *testing.T) {
	for _, engine := range enginetest.Plain() {
		t.Run(engine.Name, func(t *testing.T) {
			s := newService(t, engine.Open(t), 5, app.Options{})
			for _, path := range []string{"/Users/", "//groups", "/SCHEMAS", "/USERS/x", "/.Search"} {
				got := routed("GET", "/scim/v2"+path)
				assert.Equalf(t, "BulkFunction", got, "%s goes to %s", path, got)
			}
			for _, name := range []string{"a", "b", "c"} {
				s.must(201, "POST", "/Users/", userBody(`"userName":"`+name+`","active":false`))
			}
			for _, query := range []string{"count=1", "count=1&startIndex=2", "count=1&startIndex=3"} {
				a := s.send("GET", "/USERS?"+query, "")
				assert.Truef(t, a.status == 200 && a.body["itemsPerPage"] == 1.0, "%s: %d %v", query, a.status, a.body)
			}
			s.check(0)
		})
	}
}

// Each function authenticates requests of a tenant whose ledger has several shards, with
// a token that it has not seen yet.
func TestGrants_LedgerOfSeveralShards(t *testing.T) {
	enginetest.Run(t, func(t *testing.T, open func(t testing.TB) table.Table) {
		t.Helper()
		s := newService(t, open(t), 50, app.Options{})
		n, err := s.app.Store.AddShards(t.Context(), s.tenant)
		require.NoError(t, err)
		require.Equal(t, 4, n)
		for path, want := range map[string]int{"/ServiceProviderConfig": 200, "/Schemas": 200, "/Users": 200, "/Groups": 200, "/Bulk": 405} {
			instance := &service{t: t, token: s.token, tenant: s.tenant}
			instance.start(s.table, app.Options{})
			assert.Equal(t, want, instance.send("GET", path, "").status, path)
		}
		s.must(201, "POST", "/Users", userBody(`"userName":"a"`))
		s.check(1)
	})
}

// Calls that no other test of this package makes.
func TestGrants_OtherEmailsAndDiscovery(t *testing.T) {
	for _, engine := range enginetest.Plain() {
		t.Run(engine.Name, func(t *testing.T) {
			s := newService(t, engine.Open(t), 5, app.Options{})
			id := s.must(201, "POST", "/Users", userBody(`"userName":"a@example.com","emails":[{"value":"a@example.com","primary":true},{"value":"b@example.com"}]`))
			a := s.send("GET", `/Users?filter=emails+eq+"b@example.com"`, "")
			assert.Truef(t, a.body["totalResults"] == 1.0, "found by the other email: %d %v", a.status, a.body)
			s.must(200, "PATCH", "/Users/"+id, patchBody(`[{"op":"remove","path":"emails[value eq \"b@example.com\"]"}]`))
			a = s.send("GET", `/Users?filter=emails+eq+"b@example.com"`, "")
			assert.Truef(t, a.body["totalResults"] == 0.0, "found by a former email: %d %v", a.status, a.body)
			discovery := &service{t: t, token: s.token, tenant: s.tenant}
			discovery.start(s.table, app.Options{}) // it has seen no token yet
			assert.Equal(t, 200, discovery.send("GET", "/Schemas", "").status, "schemas")
			s.check(1)
		})
	}
}
