package provoke

import (
	"github.com/rollcall-scim/rollcall/internal/idp"
	"github.com/rollcall-scim/rollcall/internal/setting"
)

// scopes are the faulty settings of who is provisioned.
var scopes = []FaultySetting{
	{
		Name: "guests are in scope", By: idp.Entra, Fault: setting.GuestInScope,
		Says: []string{"Source Object Scope", "userType EQUALS Member", "Provision on demand"}, Do: withoutSeats(named("bob_fabrikam.com#EXT#@contoso.onmicrosoft.com")),
	},
	{
		Name: "guests are in scope", By: idp.PingOne, Fault: setting.GuestInScope,
		Says: []string{"take guests out of the rule's User Filter"}, Do: withoutSeats(named("bob_fabrikam.com#EXT#@contoso.onmicrosoft.com")),
	},
	{
		Name: "a service account is in scope", By: idp.Okta, Fault: setting.ServiceInScope,
		Says: []string{"under Assignments", "service account", "Retry Selected"}, Do: withoutSeats(named("svc-backup@example.com")),
	},
	{
		Name: "a shared mailbox is in scope", By: idp.Entra, Fault: setting.ServiceInScope,
		Says: []string{"Users and groups", "shared mailbox"}, Do: withoutSeats(named("info@example.com")),
	},
	{
		Name: "a shared mailbox is in scope", By: idp.Google, Fault: setting.ServiceInScope,
		Says: []string{"Provisioning scope", "shared mailbox"}, Do: withoutSeats(named("support@example.com")),
	},
}

// named creates a user with a userName.
func named(userName string) func(*Stage, idp.Provider) Answer {
	return func(s *Stage, p idp.Provider) Answer {
		return s.SendAs(p, "POST", "/Users", newUser(p, userName, ""))
	}
}
