package event

import "github.com/rollcall-scim/rollcall/internal/journal"

// The URIs of RFC 9967 for the changes of resources. The events have no values of attributes
// of SCIM, as those that end in "full" have.
const (
	scimCreate     = "urn:ietf:params:scim:event:prov:create:notice"
	scimPut        = "urn:ietf:params:scim:event:prov:put:notice"
	scimPatch      = "urn:ietf:params:scim:event:prov:patch:notice"
	scimDelete     = "urn:ietf:params:scim:event:prov:delete"
	scimActivate   = "urn:ietf:params:scim:event:prov:activate"
	scimDeactivate = "urn:ietf:params:scim:event:prov:deactivate"
)

// A Kind describes the events of a type.
type Kind struct {
	Type Type
	// About is the resource type of the subject: User, Group, "" for the tenant or the
	// deployment, and "User or Group".
	About string
	// Cause says what causes it, in sentences.
	Cause string
	// Fields are the members of the event besides those that all have, in words.
	Fields string
	// SCIM is the URI of RFC 9967, "" for none. A change by a PUT has its own.
	SCIM string
	Put  bool
}

// kinds are all types of event, in the order in which documents list them.
var kinds = []Kind{
	{
		Type: UserCreated, About: journal.TypeUser, SCIM: scimCreate,
		Cause:  "A user was created by an identity provider or the application. `data.active` says whether the user is active.",
		Fields: "`changed`",
	},
	{
		Type: UserUpdated, About: journal.TypeUser, SCIM: scimPatch, Put: true,
		Cause: "Attributes, the account type (`isTeamAccount`) or the protection (`protected`) of a user changed, or the side that keeps an inactive user inactive. " +
			"Also: a deleted user lost its userName, email or externalId to another user, and a repair by `rollcall verify --repair` changed the record; both change the version, and only the first changes what the application sees (`data.holds`).",
		Fields: "`changed`, empty if a deleted user lost a value",
	},
	{
		Type: UserDeactivated, About: journal.TypeUser, SCIM: scimDeactivate,
		Cause: "An active user became inactive. In a tenant that keeps deleted users readable (`deletedUsers: readable`) also: an identity provider deleted the user; " +
			"then `membershipsEnded` is true.",
		Fields: "`changed`, `membershipsEnded`",
	},
	{
		Type: UserReactivated, About: journal.TypeUser, SCIM: scimActivate,
		Cause: "An inactive user became active: one that was deactivated, or created inactive. If the identity provider sent another externalId and the tenant has `rehire: warn`, " +
			"`membershipsEnded` is true, and each group that the user left has a `group.members_changed`.",
		Fields: "`changed`, `membershipsEnded`",
	},
	{
		Type: UserDeleted, About: journal.TypeUser, SCIM: scimDelete,
		Cause:  "An identity provider deleted a user. The record is kept, hidden from identity providers; all memberships end with it, without events of the groups.",
		Fields: "`membershipsEnded`, always true",
	},
	{
		Type: UserRestored, About: journal.TypeUser, SCIM: scimCreate,
		Cause:  "A deleted user exists again, because an identity provider sent it again. It has no memberships. `data.active` says whether it is active.",
		Fields: "`changed`",
	},
	{
		Type: UserPurged, About: journal.TypeUser, SCIM: scimDelete,
		Cause:  "The application removed a user for good. All memberships end with it, without events of the groups. `data` is null.",
		Fields: "`membershipsEnded`, always true",
	},
	{
		Type: UserLinked, About: journal.TypeUser, SCIM: scimPatch, Put: true,
		Cause:  "An identity provider took over a user that the application had created. If the same request also deactivates or reactivates the user, the event is that of the activity; `data.scimManaged` says that the user is linked.",
		Fields: "`changed`",
	},
	{
		Type: GroupCreated, About: journal.TypeGroup, SCIM: scimCreate,
		Cause:  "A group was created. Beyond 1,000 members, further ones are in `group.members_changed` of the same request.",
		Fields: "`changed`, `members.added`",
	},
	{
		Type: GroupUpdated, About: journal.TypeGroup, SCIM: scimPatch, Put: true,
		Cause:  "Attributes of a group changed. If the same request also changes members, they are in a second event. A repair by `rollcall verify --repair` is one too: only the version changes.",
		Fields: "`changed`",
	},
	{
		Type: GroupMembersChanged, About: journal.TypeGroup, SCIM: scimPatch, Put: true,
		Cause: "Members joined or left. A change of more than 30 members is several events: one without ids when it is accepted, and one for each part of 30. " +
			"A replacement of all members is one event for each 1,000 of the new members, with `members.replaced`.",
		Fields: "`members.added`, `members.removed`, `members.replaced`",
	},
	{
		Type: GroupDeleted, About: journal.TypeGroup, SCIM: scimDelete,
		Cause:  "An identity provider or the application deleted a group, and with it all memberships. `data` is null.",
		Fields: "",
	},
	{
		Type: ProvisioningFailing, About: "User or Group",
		Cause:  "A change of a user or group was refused, and the one before was not: provisioning of the user or group begins to fail. Further failures of it cause no event.",
		Fields: "`details`: `operation`, `cause`, `detail`, `whatToDo`; `resource` without an id if the user or group does not exist",
	},
	{
		Type: ProvisioningFixed, About: "User or Group",
		Cause:  "A user or group whose provisioning failed was provisioned. A dismissed failure, a purge and the end of the log's retention cause none.",
		Fields: "`resource` as in the failure, with the id if it is known now",
	},
	{
		Type:   SeatsFull,
		Cause:  "All seats of the tenant are in use: no further user can take one. Also after the limit was lowered. Seats that are full only for a moment may cause none.",
		Fields: "`details`: `seats`, `seatLimit`",
	},
	{
		Type: SeatsAvailable, Cause: "A seat is free again after `seats.full`, or the limit was raised or removed.",
		Fields: "`details`: `seats`, `seatLimit` unless it was removed",
	},
	{
		Type: TokenExpiring,
		Cause: "A token or the secret of an OAuth client ends in 30, 7 or 1 days: one event for each of the three, unless it was created later or is revoked. " +
			"If the sweep was off for longer, only the latest of them.",
		Fields: "`details`: `credential` (`token` or `clientSecret`), `id`, `client` (of a secret), `label`, `lastFour`, `expiresAt`, `days` (30, 7 or 1), `whatToDo`",
	},
	{
		Type: TokenRefused, Cause: "A revoked or expired token, or an OAuth client whose credential has ended, is still in use: at most once an hour for each token or client.",
		Fields: "`details`: `credential` (`token` or `client`), `id`, `label`, `cause`, `identityProvider`, `whatToDo`; `lastFour` of a token; `endedAt` of a token or a revoked client",
	},
	{
		Type: DeactivationsUnusual,
		Cause: "Identity providers deactivated or deleted more than 20 active users within an hour, and more than 10 % of the active users: at most once an hour while it goes on. " +
			"What the application does is not counted.",
		Fields: "`details`: `count`, `activeUsers` (before), `since` (the first of them), `credentialIds` and `credentials` (labels) of up to three tokens or clients, `identityProviders`, `whatToDo`; " +
			"`approximate` if the log of the hour is too long to be counted",
	},
	{Type: WebhookDisabled, Cause: "rollcall disabled an endpoint, because it answered 410 or failed for 3 days. Sent to the other endpoints.", Fields: "`details`"},
	{Type: WebhookTest, Cause: "Somebody asked for a test of an endpoint. Sent to that endpoint only, and not in the list of events.", Fields: "`details`"},
}

// Types returns all types, in the order of the documents.
func Types() []Type {
	types := make([]Type, len(kinds))
	for i, k := range kinds {
		types[i] = k.Type
	}
	return types
}

// ParseType returns the type of a name; ok is false for an unknown one.
func ParseType(name string) (t Type, ok bool) {
	k := kindOf(Type(name))
	return k.Type, k.Type != ""
}

// kindOf returns the description of a type, zero for an unknown one.
func kindOf(t Type) Kind {
	for _, k := range kinds {
		if k.Type == t {
			return k
		}
	}
	return Kind{}
}

// scimEvent returns the URI of RFC 9967 of an event of the type, caused by a request.
func (t Type) scimEvent(operation journal.Operation) string {
	k := kindOf(t)
	if k.Put && operation == journal.Replace {
		return scimPut
	}
	return k.SCIM
}
