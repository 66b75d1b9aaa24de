package setting

import (
	"slices"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/idp"
)

// The faults of the scope: accounts are provisioned that are not the tenant's people. They
// explain only a lack of seats: while seats are free, such an account does no harm.
const (
	GuestInScope   Fault = "guest_in_scope"
	ServiceInScope Fault = "service_account_in_scope"
)

// scopeFaults are the faults of the scope.
func scopeFaults() map[Fault]row {
	return map[Fault]row{
		GuestInScope: {
			means: "A guest of the directory, with #EXT# in the name, is provisioned, and no seat is free.", explains: []cause.Cause{cause.SeatLimit}, sample: "userName",
			neutral: "The user is a guest (#EXT#): take guests out of {scope}, or free a seat or buy more seats.",
			in: map[idp.Provider]string{
				idp.Entra: "The user is a guest (#EXT#): under Provisioning > Attribute mapping > Provision Microsoft Entra ID Users, add a scoping filter under Source Object Scope with userType EQUALS Member; or free a seat or buy more seats.",
			},
		},
		ServiceInScope: {
			means: "An account whose name suggests a service account or a shared mailbox is provisioned, and no seat is free.", explains: []cause.Cause{cause.SeatLimit}, sample: "userName",
			neutral: "The name suggests a service account or a shared mailbox: if the account is one, take it out of {scope}. Otherwise free a seat or buy more seats.",
			in: map[idp.Provider]string{
				idp.Okta:  "The name suggests a service account or a shared mailbox: if the account is one, remove it from the app under Assignments, or from the group that is assigned there. Otherwise free a seat or buy more seats.",
				idp.Entra: "The name suggests a service account or a shared mailbox: if the account is one, remove it under Users and groups, or from the group that is assigned there. Otherwise free a seat or buy more seats.",
			},
		},
	}
}

// The names that people usually do not have.
var (
	serviceNames    = []string{"noreply", "no-reply", "info", "support", "sales", "office", "helpdesk", "mailbox", "postmaster", "scanner", "reception", "billing", "accounting"}
	servicePrefixes = []string{"svc-", "svc_", "svc.", "service-", "service_", "sa-", "room-", "shared-"}
)

// OfScope returns the fault of the scope that the name of a user shows.
func OfScope(userName string) (Finding, bool) {
	name := strings.ToLower(userName)
	if strings.Contains(name, "#ext#") {
		return Of(GuestInScope, "userName"), true
	}
	local, _, _ := strings.Cut(name, "@")
	if slices.Contains(serviceNames, local) || slices.ContainsFunc(servicePrefixes, func(p string) bool { return strings.HasPrefix(local, p) }) {
		return Of(ServiceInScope, "userName"), true
	}
	return Finding{}, false
}
