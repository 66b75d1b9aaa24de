package system

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// What an identity provider may do to a protected user, and what it may not.
func TestProtection(t *testing.T) {
	onBoth(t, 100, func(s *service, _ *clock) {
		owner := s.must(201, "POST", "/Users", userBody(`"userName":"owner@example.com","externalId":"o"`))
		var others []string
		for i := range 40 {
			others = append(others, s.must(201, "POST", "/Users", userBody(fmt.Sprintf(`"userName":"u%d"`, i))))
		}
		all := append([]string{owner}, others...)
		small := s.must(201, "POST", "/Groups", membersBody("small", all[:3]))
		large := s.must(201, "POST", "/Groups", membersBody("large", all))
		without := s.must(201, "POST", "/Groups", membersBody("without", others))
		remove := func(ids ...string) string {
			var values []string
			for _, id := range ids {
				values = append(values, `{"value":"`+id+`"}`)
			}
			return patchBody(`[{"op":"remove","path":"members","value":[` + strings.Join(values, ",") + `]}]`)
		}
		forbidden := []struct{ name, method, path, body, says string }{
			{"deactivated by PATCH", "PATCH", "/Users/" + owner, patchBody(deactivate), "deactivated"},
			{"deactivated by PUT", "PUT", "/Users/" + owner, userBody(`"userName":"owner@example.com","active":false`), "deactivated"},
			{"deleted", "DELETE", "/Users/" + owner, "", "deleted"},
			{"renamed by PATCH", "PATCH", "/Users/" + owner, patchBody(`[{"op":"replace","path":"userName","value":"x"}]`), "renamed"},
			{"renamed by PUT", "PUT", "/Users/" + owner, userBody(`"userName":"other@example.com"`), "renamed"},
			{"demoted", "PATCH", "/Users/" + owner, setTeam("false"), "made a Reader"},
			{"removed", "PATCH", "/Groups/" + small, remove(owner), "taken out of a group"},
			{"removed by a path", "PATCH", "/Groups/" + small, patchBody(`[{"op":"remove","path":"members[value eq \"` + owner + `\"]"}]`), "taken out of a group"},
			{"removed with others", "PATCH", "/Groups/" + small, remove(others[0], owner), "taken out of a group"},
			{"removed with many", "PATCH", "/Groups/" + large, remove(all...), "taken out of a group"},
			{"clear-all", "PATCH", "/Groups/" + small, patchBody(`[{"op":"remove","path":"members"}]`), "taken out of a group"},
			{"clear-all of many", "PATCH", "/Groups/" + large, patchBody(`[{"op":"remove","path":"members"}]`), "taken out of a group"},
			{"replaced by PATCH", "PATCH", "/Groups/" + small, patchBody(`[{"op":"replace","path":"members","value":[]}]`), "taken out of a group"},
			{"left out by PUT", "PUT", "/Groups/" + small, membersBody("small", others[:1]), "taken out of a group"},
			{"left out by PUT of many", "PUT", "/Groups/" + large, membersBody("large", others[:20]), "taken out of a group"},
			{"group deleted", "DELETE", "/Groups/" + small, "", "taken out of a group"},
			{"large group deleted", "DELETE", "/Groups/" + large, "", "taken out of a group"},
		}
		s.ask(200, "PATCH", "/tenants/acme/users/"+owner, `{"protected":true}`)
		for _, f := range forbidden {
			a := s.send(f.method, f.path, f.body)
			s.wantRefused(a, 403, "protected", owner, "cannot be "+f.says, "nothing was changed", "sk an owner of the application")
		}
		u := s.seenUser(owner)
		assert.Truef(t, u["active"] == true && u["accountType"] == "user" && u["userName"] == "owner@example.com", "the owner is %v", u)
		got := len(s.send("GET", "/Groups/"+large, "").body["members"].([]any))
		assert.Equalf(t, 41, got, "the large group has %d members", got)
		got = len(s.send("GET", "/Groups/"+small, "").body["members"].([]any))
		assert.Equalf(t, 3, got, "the small group has %d members", got)
		// Other changes work as before.
		s.must(200, "PATCH", "/Users/"+owner, patchBody(`[{"op":"replace","path":"title","value":"Owner"}]`))
		s.must(200, "PATCH", "/Groups/"+small, remove(others[0]))
		s.must(200, "PATCH", "/Groups/"+without, remove(owner, others[0])) // not a member there
		s.must(200, "PUT", "/Groups/"+large, membersBody("large", all[:22]))
		s.must(204, "DELETE", "/Groups/"+without, "")
		// The application may do all of it, whether the user is protected or
		// not.
		s.ask(200, "PATCH", "/tenants/acme/users/"+owner, `{"active":false}`)
		s.ask(200, "PATCH", "/tenants/acme/users/"+owner, `{"active":true,"accountType":"reader"}`)
		s.ask(200, "PATCH", "/tenants/acme/users/"+owner, `{"accountType":"user"}`)
		s.ask(204, "DELETE", "/tenants/acme/groups/"+large, "")
		s.check(41)
		// And so may an identity provider, once the protection has ended.
		s.ask(200, "PATCH", "/tenants/acme/users/"+owner, `{"protected":false}`)
		for _, f := range forbidden {
			if !strings.Contains(f.path, large) && !strings.Contains(f.name, "group") && f.name != "deleted" {
				a := s.send(f.method, f.path, f.body)
				assert.Equalf(t, 200, a.status, "%s without protection: %d %v", f.name, a.status, a.body)
			}
		}
		s.must(204, "DELETE", "/Groups/"+small, "")
		s.must(204, "DELETE", "/Users/"+owner, "")
		s.check(40)
	})
}

// A POST that finds a protected user does not rename, convert or activate it.
func TestProtection_OfAUserThatAPOSTFinds(t *testing.T) {
	onBoth(t, 10, func(s *service, _ *clock) {
		own := s.makeOwn(`"userName":"a@example.com","email":"a@work.example","protected":true`)
		emails := `"emails":[{"value":"a@work.example","primary":true}]`
		s.wantRefused(s.send("POST", "/Users", userBody(`"userName":"b@example.com",`+emails+`,`+team("true"))), 403, "protected", own, "cannot be renamed")
		u := s.seenUser(own)
		assert.Truef(t, u["scimManaged"] == false, "after the refusal %v", u)
		s.must(200, "POST", "/Users", userBody(`"userName":"a@example.com",`+emails+`,`+team("true")))
		c := s.must(201, "POST", "/Users", userBody(`"userName":"c"`))
		s.must(200, "PATCH", "/Users/"+c, patchBody(deactivate))
		s.ask(200, "PATCH", "/tenants/acme/users/"+c, `{"protected":true}`)
		s.wantRefused(s.send("POST", "/Users", userBody(`"userName":"c",`+team("false"))), 403, "protected", c, "cannot be made a Reader")
		s.wantRefused(s.send("POST", "/Users", userBody(`"userName":"c"`)), 403, "protected", c, "cannot be activated")
		s.check(1)
	})
}

// A protection and a removal at once: the second one sees the first, so a
// protected user has left a group only if it left before the protection.
func TestProtection_ConcurrentWithARemoval(t *testing.T) {
	enginetest.Each(t, enginetest.All()[:3], func(t *testing.T, engine enginetest.Engine) {
		s := newService(t, engine.Open(t), 500, app.Options{})
		var many []string
		for i := range 32 {
			many = append(many, s.must(201, "POST", "/Users", userBody(fmt.Sprintf(`"userName":"u%d"`, i))))
		}
		for round := range 6 {
			owner := s.must(201, "POST", "/Users", userBody(fmt.Sprintf(`"userName":"owner%d"`, round)))
			group := s.must(201, "POST", "/Groups", membersBody(fmt.Sprintf("G%d", round), append([]string{owner}, many...)))
			bodies := []string{
				patchBody(`[{"op":"remove","path":"members","value":[{"value":"` + owner + `"}]}]`),
				patchBody(`[{"op":"remove","path":"members"}]`),
			}
			var removal answer
			var all sync.WaitGroup
			all.Go(func() { removal = s.send("PATCH", "/Groups/"+group, bodies[round%2]) })
			all.Go(func() {
				a := s.admin("PATCH", "/tenants/acme/users/"+owner, `{"protected":true}`)
				assert.Equalf(t, 200, a.status, "protected: %d %v", a.status, a.body)
			})
			all.Wait()
			in := strings.Contains(fmt.Sprint(s.send("GET", "/Groups/"+group, "").body["members"]), owner)
			if removal.status == 200 && in || removal.status == 403 && !in {
				t.Errorf("the removal was %d, and the owner is a member: %t", removal.status, in)
			}
			assert.Falsef(t, removal.status != 200 && removal.status != 403 && removal.status != 503, "the removal: %d %v", removal.status, removal.body)
		}
		s.check(38)
	})
}
