package system

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// Every setting takes effect in the identity provider's requests.
func TestTenants_SettingsTakeEffect(t *testing.T) {
	onBoth(t, 20, func(s *service, c *clock) {
		group := func(name string) string {
			return `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"` + name + `","members":[{"value":"nobody"}]}`
		}
		s.must(201, "POST", "/Groups", group("skipped"))
		s.must(201, "POST", "/Users", userBody(`"userName":"a","shoe":1`))
		s.setTenant(c, `{"unknownMembers":"refuse","unknownAttributes":"refuse","deletedUsers":"readable","defaultAccountType":"reader","rehire":"refuse"}`)
		s.wantRefused(s.send("POST", "/Groups", group("refused")), 400, "unknown_members")
		s.wantRefused(s.send("POST", "/Users", userBody(`"userName":"b","shoe":1`)), 400, "validation")
		b := s.must(201, "POST", "/Users", userBody(`"userName":"b","externalId":"1"`))
		u := s.seenUser(b)
		assert.Truef(t, u["accountType"] == "reader", "made as %v", u)
		s.must(204, "DELETE", "/Users/"+b, "")
		a := s.send("GET", "/Users/"+b, "")
		assert.Truef(t, a.status == 200 && a.body["active"] == false, "deleted: %d %v", a.status, a.body)
		s.wantRefused(s.send("POST", "/Users", userBody(`"userName":"b","externalId":"2"`)), 409, "external_id_refused")
		s.setTenant(c, `{"dialect":"refuse"}`)
		s.wantRefused(s.send("PATCH", "/Users/"+b, patchBody(`[{"op":"Replace","path":"active","value":"False"}]`)), 400, "validation")
	})
}

// Concurrent changes of different settings all succeed.
func TestTenants_KeepConcurrentChanges(t *testing.T) {
	enginetest.Each(t, enginetest.All()[:3], func(t *testing.T, engine enginetest.Engine) {
		s := newService(t, engine.Open(t), 5, app.Options{})
		want := map[string]any{
			"displayName": "A", "maxSeats": 11.0, "maxReaders": 12.0, "unknownMembers": "refuse", "dialect": "refuse",
		}
		var all sync.WaitGroup
		for name, value := range want {
			all.Go(func() {
				body := fmt.Sprintf(`{%q:%#v}`, name, value)
				for range 20 {
					if a := s.admin("PATCH", "/tenants/acme", body); a.status == 200 {
						return
					} else if a.status != 503 {
						t.Errorf("%s: %d %v", body, a.status, a.body)
						return
					}
				}
				t.Errorf("%s never came through", body)
			})
		}
		all.Wait()
		got := s.ask(200, "GET", "/tenants/acme", "").body
		for name, value := range want {
			assert.Truef(t, got[name] == value, "%s is %v, want %v", name, got[name], value)
		}
	})
}
