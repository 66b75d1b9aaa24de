package app_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/rollcall-scim/rollcall"
	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/httpapi"
	"github.com/rollcall-scim/rollcall/internal/iam"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// calls compares every call of this package's tests with what template.yaml grants
// the function that makes it.
var calls = func() *iam.Recorder {
	r, err := iam.NewRecorder(rollcall.Template)
	if err != nil {
		panic(err)
	}
	return r
}()

// TestMain fails the run when a function needed what it is not granted, or, after
// all tests, is granted what it never needed.
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

// complete tells that no test was left out.
func complete() bool {
	for _, name := range []string{"test.run", "test.skip"} {
		if flag.Lookup(name).Value.String() != "" {
			return false
		}
	}
	return !testing.Short()
}

// routed names the function behind a path.
func routed(path string) string {
	path = strings.TrimPrefix(path, httpapi.Prefix)
	switch first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/"); strings.ToLower(first) {
	case "users", ".search":
		return "UsersFunction"
	case "groups":
		return "GroupsFunction"
	case "bulk":
		return "BulkFunction"
	}
	return "DiscoveryFunction"
}

// What no other test of this package asks for.
func TestGrants_OtherEmailsAndDiscovery(t *testing.T) {
	for _, engine := range enginetest.Plain() {
		t.Run(engine.Name, func(t *testing.T) {
			s := newService(t, engine.Open(t), 5, app.Options{})
			id := s.must(201, "POST", "/Users", userBody(`"userName":"a@example.com","emails":[{"value":"a@example.com","primary":true},{"value":"b@example.com"}]`))
			if a := s.send("GET", `/Users?filter=emails+eq+"b@example.com"`, ""); a.body["totalResults"] != 1.0 {
				t.Errorf("found by the other email: %d %v", a.status, a.body)
			}
			s.must(200, "PATCH", "/Users/"+id, patchBody(`[{"op":"remove","path":"emails[value eq \"b@example.com\"]"}]`))
			if a := s.send("GET", `/Users?filter=emails+eq+"b@example.com"`, ""); a.body["totalResults"] != 0.0 {
				t.Errorf("found by an email that is gone: %d %v", a.status, a.body)
			}
			discovery := &service{t: t, token: s.token, tenant: s.tenant}
			discovery.start(s.table, app.Options{}) // it has seen no token yet
			if a := discovery.send("GET", "/Schemas", ""); a.status != 200 {
				t.Errorf("schemas: %d", a.status)
			}
			s.check(1)
		})
	}
}
