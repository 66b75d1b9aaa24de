package provoke

import (
	"github.com/rollcall-scim/rollcall/internal/idp"
	"github.com/rollcall-scim/rollcall/internal/setting"
)

// scopes are the faulty settings of who is provisioned.
var scopes = []FaultySetting{
	{
		Name: "guests are in scope", By: idp.Entra, Fault: setting.GuestInScope,
		Says: []string{"Source Object Scope", "userType EQUALS Member", "Provision on demand"}, Do: withoutSeatsFor("bob_fabrikam.com#EXT#@contoso.onmicrosoft.com"),
	},
	{
		Name: "guests are in scope", By: idp.PingOne, Fault: setting.GuestInScope,
		Says: []string{"take guests out of the rule's User Filter"}, Do: withoutSeatsFor("bob_fabrikam.com#EXT#@contoso.onmicrosoft.com"),
	},
	{
		Name: "a service account is in scope", By: idp.Okta, Fault: setting.ServiceInScope,
		Says: []string{"under Assignments", "service account", "Retry Selected"}, Do: withoutSeatsFor("svc-backup@example.com"),
	},
	{
		Name: "a shared mailbox is in scope", By: idp.Entra, Fault: setting.ServiceInScope,
		Says: []string{"Users and groups", "shared mailbox"}, Do: withoutSeatsFor("info@example.com"),
	},
	{
		Name: "a shared mailbox is in scope", By: idp.Google, Fault: setting.ServiceInScope,
		Says: []string{"Provisioning scope", "shared mailbox"}, Do: withoutSeatsFor("support@example.com"),
	},
}

// withoutSeatsFor creates a user in a tenant that has no free seat.
func withoutSeatsFor(userName string) func(*Stage, idp.Provider) Answer {
	return func(s *Stage, p idp.Provider) Answer {
		s.set(`{"maxSeats":0}`)
		return s.Send("POST", "/Users", newUser(p, userName, ""), "User-Agent", p.Name())
	}
}
