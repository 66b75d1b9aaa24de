package system

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// Two logins of one person at once, and two people for the last seat: one
// succeeds.
func TestApplicationUsers_Concurrent(t *testing.T) {
	enginetest.Each(t, enginetest.All()[:3], func(t *testing.T, engine enginetest.Engine) {
		s := newService(t, engine.Open(t), 1, app.Options{})
		for _, name := range []string{"same@example.com", "other%d@example.com"} {
			var made atomic.Int64
			var all sync.WaitGroup
			for i := range 12 {
				all.Go(func() {
					body := fmt.Sprintf(`{"userName":%q,"origin":"jit"}`, strings.ReplaceAll(name, "%d", fmt.Sprint(i)))
					switch a := s.admin("POST", "/tenants/acme/users", body); a.status {
					case 201:
						made.Add(1)
					case 403, 409, 503:
					default:
						t.Errorf("%s: %d %v", body, a.status, a.body)
					}
				})
			}
			all.Wait()
			if made.Load() != 1 {
				t.Errorf("%s: %d made", name, made.Load())
			}
			s.ask(200, "PATCH", "/tenants/acme", `{"maxSeats":2}`)
		}
		s.check(2)
	})
}

// A purged user is not found, its values are free, its groups are without it,
// and it does not come back.
func TestApplicationUsers_Purge(t *testing.T) {
	onBoth(t, 50, func(s *service, _ *clock) {
		body := userBody(`"userName":"a@example.com","externalId":"1","emails":[{"value":"a@example.com","primary":true},{"value":"b@example.com"}]`)
		purge := func(id string) {
			t.Helper()
			s.ask(204, "DELETE", "/tenants/acme/users/"+id, "")
			for _, a := range []answer{s.admin("GET", "/tenants/acme/users/"+id, ""), s.admin("DELETE", "/tenants/acme/users/"+id, ""), s.send("GET", "/Users/"+id, "")} {
				assert.Equalf(t, 404, a.status, "purged: %d %v", a.status, a.body)
			}
			a := s.send("GET", `/Users?filter=emails+eq+"b@example.com"`, "")
			assert.Truef(t, a.body["totalResults"] == 0.0, "found by its other email: %v", a.body)
		}
		for name, before := range map[string]func(id string){
			"active":   func(string) {},
			"inactive": func(id string) { s.must(200, "PATCH", "/Users/"+id, patchBody(deactivate)) },
			"deleted":  func(id string) { s.must(204, "DELETE", "/Users/"+id, "") },
			"protected": func(id string) {
				s.ask(200, "PATCH", "/tenants/acme/users/"+id, `{"protected":true}`)
			},
			"in a group": func(id string) { s.must(201, "POST", "/Groups", membersBody("G", []string{id})) },
			"in more groups than fit": func(id string) {
				for i := range 45 {
					s.must(201, "POST", "/Groups", membersBody(fmt.Sprintf("G%d", i), []string{id}))
				}
			},
		} {
			id := s.must(201, "POST", "/Users", body)
			before(id)
			purge(id)
			if again := s.must(201, "POST", "/Users", body); again == id {
				t.Errorf("%s: it came back", name)
			} else {
				purge(again)
			}
		}
		a := s.send("GET", "/Groups?count=200&attributes=members", "")
		assert.NotContainsf(t, fmt.Sprint(a.body), "value", "a group still has a member: %v", a.body)
		s.wantUsage(0, 0, 0, 46)
		s.check(0)
	})
}
