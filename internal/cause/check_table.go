package cause

import (
	"maps"
	"slices"

	"github.com/rollcall-scim/rollcall/internal/idp"
)

// A Check names something that only the absence of requests shows, or what an identity
// provider will do next: a notice of the overview without a cause.
type Check string

// The checks.
const (
	GroupsAbsent        Check = "groups_absent"
	DeactivationsAbsent Check = "deactivations_absent"
	UpdatesAbsent       Check = "updates_absent"
	OnlyCreations       Check = "only_creations"
	UsersAbsent         Check = "users_absent"
	MembersAbsent       Check = "members_absent"
	IdPSilent           Check = "idp_silent"
	ImportsAbsent       Check = "imports_absent"
	SyncStops           Check = "sync_stops"
	RetriesEnd          Check = "retries_end"
)

// checks has what to look at for each check, and the settings that can be its reason, in
// the labels of the identity provider's own screens.
var checks = map[Check]texts{
	GroupsAbsent: {
		neutral:   "If groups should be here too, turn on their provisioning in the identity provider.",
		okta:      "If groups should be here too, add them under Push Groups: a group under Assignments provisions its users only.",
		entra:     "If groups should be here too, check under Provisioning > Attribute mapping that Provision Microsoft Entra ID Groups is enabled, and assign the groups under Users and groups.",
		oneLogin:  "If groups should be here too, include Groups in User Provisioning under Parameters, and set them in the app's Rules.",
		jumpCloud: "If groups should be here too, turn on the management of groups on the app's Identity Management tab, and select them on the User Groups tab.",
	},
	DeactivationsAbsent: {
		neutral:   "Check that the identity provider deactivates users who leave or lose the app; otherwise they keep their seats.",
		okta:      "Check that Deactivate Users is enabled under Provisioning > To App; otherwise users who lose the app keep their seats.",
		entra:     "Under Provisioning > Attribute mapping > Provision Microsoft Entra ID Users, check that Update and Delete are selected as Target Object Actions, and that IsSoftDeleted is mapped to active.",
		oneLogin:  "Check on the app's Provisioning tab which action is chosen for users who are deleted or lose the app: Suspend or Delete frees the seat, Do Nothing does not.",
		jumpCloud: "Check on the app's User Groups tab that users who leave are removed from the groups that give access; otherwise they keep their seats.",
	},
	UpdatesAbsent: {
		neutral: "Check that the identity provider sends changes of users, not only new users.",
		okta:    "Check that Update User Attributes is enabled under Provisioning > To App.",
		entra:   "Under Provisioning > Attribute mapping > Provision Microsoft Entra ID Users, check that Update is selected as a Target Object Action.",
	},
	OnlyCreations: {
		neutral: "Check that the identity provider also updates and deactivates users; otherwise users who leave keep their seats.",
		okta:    "Under Provisioning > To App, check that Update User Attributes and Deactivate Users are enabled, not only Create Users.",
		entra:   "Under Provisioning > Attribute mapping > Provision Microsoft Entra ID Users, check that Update and Delete are selected as Target Object Actions, not only Create.",
	},
	UsersAbsent: {
		neutral:   "Turn provisioning on in the identity provider, and {assign}.",
		okta:      "Enable Create Users under Provisioning > To App, then assign users under Assignments. Users who were assigned before need Provision User there.",
		entra:     "Assign users under Users and groups, then select Start provisioning. With the scope Sync only assigned users and groups nobody else is sent.",
		oneLogin:  "Enable provisioning on the app's Provisioning tab, and add the app to users. If an approval is required there, approve the tasks under Users > Provisioning.",
		jumpCloud: "Activate the integration on the app's Identity Management tab, and select groups of users on the User Groups tab.",
	},
	MembersAbsent: {
		neutral:   "Provision the members of the groups as users: {assign}.",
		okta:      "Assign the members to the app under Assignments: Push Groups sends a group and its members, but creates no user.",
		entra:     "Assign the members under Users and groups, or choose Sync all users and groups as the Scope under Provisioning > Settings. Members of groups in groups are never provisioned.",
		oneLogin:  "Add the app to the members of the groups.",
		jumpCloud: "Select groups that have these members on the app's User Groups tab.",
	},
	IdPSilent: {
		neutral:   "Check in the identity provider that provisioning is on and its token is the one of this tenant. Requests with an unknown token are not recorded.",
		okta:      "Check that the app is active, and that Provisioning > Integration has API integration enabled with the token of this tenant. Requests with an unknown token are not recorded.",
		entra:     "Under Provisioning > Overview, check whether provisioning is stopped or in quarantine, and test the Secret Token. Requests with an unknown token are not recorded.",
		oneLogin:  "Check that provisioning is enabled on the app's Provisioning tab, and the API status on its Configuration tab. Requests with an unknown token are not recorded.",
		jumpCloud: "Check on the app's Identity Management tab that the integration is active. Requests with an unknown token are not recorded.",
	},
	ImportsAbsent: {
		neutral: "Match these users in the identity provider with the accounts that exist.",
		okta:    "Select Import > Import Now, and match these users with the accounts that exist.",
	},
	SyncStops: {
		neutral: "Correct the cause, then {resume}.",
		entra:   "Correct the cause, then select Restart provisioning, which ends a quarantine. Provisioning > Overview shows whether there is one, and the Audit Logs since when (Activity: Quarantine).",
	},
	RetriesEnd: {
		neutral: "Correct the cause, then {resume}.",
		entra:   "Correct the cause before then. Afterwards use Provision on demand for the user, or Restart provisioning for all.",
	},
}

// Checks lists all checks by name.
func Checks() []Check { return slices.Sorted(maps.Keys(checks)) }

// Advice returns what to look at in an identity provider, "" for an unknown check.
func (c Check) Advice(p idp.Provider) string { return checks[c].advice(p) }
