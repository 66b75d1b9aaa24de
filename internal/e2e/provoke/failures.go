package provoke

import (
	"fmt"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/idp"
)

// A Failure is a failure that administrators meet, with the requests that
// identity providers really send.
type Failure struct {
	Name  string
	Cause cause.Cause
	// Says has the words that the advice must have for each identity provider: the
	// screen, and the remedy there.
	Says map[idp.Provider][]string
	// By provokes it on a Stage of its own, as an identity provider.
	By func(s *Stage, p idp.Provider) Answer
}

// userAgents are words in the user agents of the identity providers, by which they are
// recognized. Microsoft documents none.
var userAgents = map[idp.Provider]string{
	idp.Okta: "Okta SCIM Client 1.0.0", idp.Entra: "Microsoft.Azure.SyncFabric", idp.OneLogin: "OneLogin", idp.JumpCloud: "JumpCloud",
	idp.Google: "Google-Auto-Provisioning", idp.Ping: "Ping", idp.PingOne: "PingOne", idp.PingFederate: "PingFederate", idp.SailPoint: "SailPoint", idp.Rippling: "Rippling",
}

// SendAs sends a request with the identity provider's user agent.
func (s *Stage) SendAs(p idp.Provider, method, path, body string, headers ...string) Answer {
	s.t.Helper()
	return s.Send(method, path, body, append([]string{"User-Agent", userAgents[p]}, headers...)...)
}

// newUser returns the body with which an identity provider creates a user.
func newUser(p idp.Provider, userName, more string) string {
	if p == idp.Entra {
		return fmt.Sprintf(`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],`+
			`"externalId":"0a21f0f2-%[1]s","userName":%[1]q,"active":true,"displayName":"Alice Archer",`+
			`"emails":[{"primary":true,"type":"work","value":%[1]q}],"meta":{"resourceType":"User"},`+
			`"name":{"formatted":"Alice Archer","familyName":"Archer","givenName":"Alice"},"roles":[]%[2]s}`, userName, more)
	}
	return fmt.Sprintf(`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":%[1]q,"name":{"givenName":"Alice","familyName":"Archer"},`+
		`"emails":[{"primary":true,"value":%[1]q,"type":"work"}],"displayName":"Alice Archer","locale":"en-US","externalId":"00u-%[1]s",`+
		`"groups":[],"password":"1mz050nq","active":true%[2]s}`, userName, more)
}

const alice = "alice@example.com"

// create creates a user as an identity provider does.
func (s *Stage) create(p idp.Provider, more string, headers ...string) Answer {
	s.t.Helper()
	return s.SendAs(p, "POST", "/Users", newUser(p, alice, more), headers...)
}

// deactivate deactivates a user as an identity provider does.
func (s *Stage) deactivate(p idp.Provider, id, active string) Answer {
	s.t.Helper()
	if p == idp.Entra {
		return s.SendAs(p, "PATCH", "/Users/"+id, stage.Patch(fmt.Sprintf(`{"op":"Replace","path":"active","value":%q}`, active)))
	}
	return s.SendAs(p, "PATCH", "/Users/"+id, stage.Patch(fmt.Sprintf(`{"op":"replace","value":{"active":%q}}`, active)))
}

// pushMembers adds members, or sends the whole set, as an identity provider
// does.
func (s *Stage) pushMembers(p idp.Provider, group string, whole bool, ids ...string) Answer {
	s.t.Helper()
	list := ""
	for i, id := range ids {
		if i > 0 {
			list += ","
		}
		if p == idp.Entra {
			list += fmt.Sprintf(`{"$ref":null,"value":%q}`, id)
		} else {
			list += fmt.Sprintf(`{"value":%q,"display":"someone"}`, id)
		}
	}
	op := "add"
	if whole {
		op = "replace"
	}
	if p == idp.Entra {
		op = strings.ToUpper(op[:1]) + op[1:]
	}
	return s.SendAs(p, "PATCH", "/Groups/"+group, stage.Patch(fmt.Sprintf(`{"op":%q,"path":"members","value":[%s]}`, op, list)))
}

// both returns the words of the advice in Okta and in Entra.
func both(okta, entra []string) map[idp.Provider][]string {
	return map[idp.Provider][]string{idp.Okta: okta, idp.Entra: entra}
}

// Failures are the failures that administrators meet most.
var Failures = []Failure{
	{
		Name: "no seat", Cause: cause.SeatLimit,
		Says: both([]string{"buy more seats", "Retry Selected", "Dashboard > Tasks"}, []string{"buy more seats", "Provision on demand"}),
		By:   withoutSeats(creating("")),
	},
	{
		Name: "duplicate", Cause: cause.Duplicate,
		Says: both([]string{"Import > Import Now", "match the existing user"}, []string{"make userName a matching attribute", "Provision on demand"}),
		By: func(s *Stage, p idp.Provider) Answer {
			s.user(`"userName":"` + alice + `"`)
			return s.create(p, "")
		},
	},
	{
		Name: "invalid token", Cause: cause.TokenInvalid,
		Says: both([]string{"Copy the whole token again", "Provisioning > Integration"}, []string{"Copy the whole token again", "Secret Token under Provisioning"}),
		By: func(s *Stage, p idp.Provider) Answer {
			return s.create(p, "", "Authorization", "Bearer rct_acme_cut")
		},
	},
	{
		Name: "revoked token", Cause: cause.TokenRevoked,
		Says: both([]string{"Create a new token", "Provisioning > Integration"}, []string{"Create a new token", "Secret Token", "Test Connection"}),
		By: func(s *Stage, p idp.Provider) Answer {
			id, text := minted(s, "")
			s.must(s.Ask("DELETE", "/tenants/acme/tokens/"+id, ""))
			return s.create(p, "", "Authorization", "Bearer "+text)
		},
	},
	{
		Name: "expired token", Cause: cause.TokenExpired,
		Says: both([]string{"Create a new token", "Provisioning > Integration"}, []string{"Create a new token", "Secret Token", "Restart provisioning"}),
		By: func(s *Stage, p idp.Provider) Answer {
			_, text := minted(s, fmt.Sprintf(`{"expiresAt":%q}`, s.Now().Add(time.Minute).UTC().Format(time.RFC3339)))
			s.Pass(2 * time.Minute)
			return s.create(p, "", "Authorization", "Bearer "+text)
		},
	},
	{
		Name: "group deleted", Cause: cause.GroupDeleted,
		Says: both([]string{"Unlink pushed group", "push it again", "a new group is created"}, []string{"Restart provisioning", "creates a new group"}),
		By: func(s *Stage, p idp.Provider) Answer {
			id := s.DeletedGroup(p, "Design")
			if p == idp.Entra {
				return s.SendAs(p, "PATCH", "/Groups/"+id, stage.Patch(`{"op":"Replace","path":"displayName","value":"Design team"}`))
			}
			return s.SendAs(p, "PATCH", "/Groups/"+id, stage.Patch(fmt.Sprintf(`{"op":"replace","value":{"id":%q,"displayName":"Design team"}}`, id)))
		},
	},
	{
		Name: "unknown member", Cause: cause.UnknownMembers,
		Says: both([]string{"under Assignments first", "Push now"}, []string{"under Users and groups first", "next cycle"}),
		By: func(s *Stage, p idp.Provider) Answer {
			s.set(`{"unknownMembers":"refuse"}`)
			group := s.must(s.SendAs(p, "POST", "/Groups", stage.Group("Design"))).ID()
			return s.pushMembers(p, group, false, nobody)
		},
	},
	{
		Name: "every member unknown", Cause: cause.UnknownMembers,
		Says: both([]string{"under Assignments first", "Push now", "To empty the group"}, []string{"under Users and groups first", "To empty the group"}),
		By: func(s *Stage, p idp.Provider) Answer {
			group := s.must(s.SendAs(p, "POST", "/Groups", stage.Group("Design"))).ID()
			s.must(s.pushMembers(p, group, false, s.user(`"userName":"bob"`)))
			return s.pushMembers(p, group, true, nobody)
		},
	},
	{
		Name: "the application's own user", Cause: cause.OwnUser,
		Says: both([]string{"Import > Import Now", "links the user"}, []string{"matching attribute", "Provision on demand", "links the user"}),
		By: func(s *Stage, p idp.Provider) Answer {
			s.must(s.Ask("POST", "/tenants/acme/users", `{"userName":"`+alice+`","email":"`+alice+`"}`))
			return s.create(p, "")
		},
	},
	{
		Name: "the application's own user as a Reader", Cause: cause.OwnUserConversion,
		Says: both([]string{"\"Team account\" to true", "under Assignments", "Then set it to false"}, []string{"isTeamAccount to true", "Attribute mapping", "Then set it to false"}),
		By: func(s *Stage, p idp.Provider) Answer {
			id := s.must(s.Ask("POST", "/tenants/acme/users", `{"userName":"`+alice+`","email":"`+alice+`"}`)).ID()
			if p == idp.Entra {
				return s.SendAs(p, "PATCH", "/Users/"+id, stage.Patch(`{"op":"Add","path":"externalId","value":"e-1"}`,
					`{"op":"Add","path":"urn:ietf:params:scim:schemas:extension:rollcall:2.0:User:isTeamAccount","value":"False"}`))
			}
			return s.SendAs(p, "PUT", "/Users/"+id, newUser(p, alice, `,"urn:ietf:params:scim:schemas:extension:rollcall:2.0:User":{"isTeamAccount":false}`))
		},
	},
	{
		Name: "SCIM turned off", Cause: cause.SCIMDisabled,
		Says: both([]string{"turn SCIM provisioning on", "Retry Selected"}, []string{"turn SCIM provisioning on", "Restart provisioning"}),
		By: func(s *Stage, p idp.Provider) Answer {
			s.set(`{"scimEnabled":false}`)
			return s.create(p, "")
		},
	},
	{
		Name: "protected user", Cause: cause.Protected,
		Says: both([]string{"unprotect the user there"}, []string{"unprotect the user there"}),
		By: func(s *Stage, p idp.Provider) Answer {
			id := s.must(s.create(p, "")).ID()
			s.must(s.Ask("PATCH", "/tenants/acme/users/"+id, `{"protected":true}`))
			return s.deactivate(p, id, "False")
		},
	},
	{
		Name: "protected member", Cause: cause.Protected,
		Says: both([]string{"unprotect the user there", "keep the user in the group"}, []string{"unprotect the user there", "keep the user in the group"}),
		By: func(s *Stage, p idp.Provider) Answer {
			id := s.must(s.create(p, "")).ID()
			s.must(s.Ask("PATCH", "/tenants/acme/users/"+id, `{"protected":true}`))
			group := s.must(s.SendAs(p, "POST", "/Groups", stage.Group("Design", id))).ID()
			if p == idp.Entra {
				return s.SendAs(p, "PATCH", "/Groups/"+group, stage.Patch(fmt.Sprintf(`{"op":"Remove","path":"members","value":[{"value":%q}]}`, id)))
			}
			return s.SendAs(p, "PATCH", "/Groups/"+group, stage.Patch(fmt.Sprintf(`{"op":"remove","path":"members[value eq \"%s\"]"}`, id)))
		},
	},
	{
		Name: "invalid value", Cause: cause.Validation,
		Says: both([]string{"Provisioning > To App > Attribute Mappings", "isTeamAccount takes only true or false", "Data type to boolean", "Retry Selected"}, []string{"Provisioning > Attribute mapping", "isTeamAccount takes only True or False", "Provision on demand"}),
		By: func(s *Stage, p idp.Provider) Answer {
			return s.create(p, `,"urn:ietf:params:scim:schemas:extension:rollcall:2.0:User":{"isTeamAccount":"yes"}`)
		},
	},
	{
		Name: "too many members", Cause: cause.MemberLimit,
		Says: both([]string{"at most 5,000 members", "Push Groups"}, []string{"at most 5,000 members", "Users and groups"}),
		By: func(s *Stage, p idp.Provider) Answer {
			group := s.must(s.SendAs(p, "POST", "/Groups", stage.Group("Design"))).ID()
			return s.pushMembers(p, group, false, many(5001, func(i int) string { return fmt.Sprintf("019b8d62-7a80-7000-8000-%012x", i+1) })...)
		},
	},
	{
		Name: "rate limit", Cause: cause.RateLimit,
		Says: both([]string{"Okta waits for the time in Retry-After"}, []string{"in the next cycle"}),
		By: func(s *Stage, p idp.Provider) Answer {
			s.stop()
			for range 2 * tenantRate { // the largest burst
				s.SendAs(p, "GET", "/ServiceProviderConfig", "")
			}
			return s.create(p, "")
		},
	},
}

// DeletedGroup returns the id of a group that an identity provider created and
// the application deleted.
func (s *Stage) DeletedGroup(p idp.Provider, name string) string {
	s.t.Helper()
	id := s.must(s.SendAs(p, "POST", "/Groups", stage.Group(name))).ID()
	s.must(s.Ask("DELETE", "/tenants/acme/groups/"+id, ""))
	return id
}
