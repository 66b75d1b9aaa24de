package cause

// The remedies for wrong settings of lifecycle, groups, seats and account types in the
// identity provider.
const (
	DuplicateEmail        Remedy = "duplicate.email"
	DuplicateExternalID   Remedy = "duplicate.external_id"
	InactiveChange        Remedy = "duplicate_inactive.change"
	UserGone              Remedy = "user_not_found.gone"
	GroupGone             Remedy = "group_not_found.gone"
	IdentityUserName      Remedy = "identity_differs.user_name"
	ExternalIDMissing     Remedy = "external_id_changed.missing"
	RefusedIDMissing      Remedy = "external_id_refused.missing"
	ProtectedDeactivation Remedy = "protected.deactivation"
	ProtectedIdentity     Remedy = "protected.identity"
	ProtectedType         Remedy = "protected.type"
	SeatReactivation      Remedy = "seat_limit.reactivation"
	SeatConversion        Remedy = "seat_limit.conversion"
	ReaderConversion      Remedy = "reader_limit.conversion"
	GroupRename           Remedy = "duplicate_group.rename"
	GroupExternalID       Remedy = "duplicate_group.external_id"
	NestedGroup           Remedy = "unknown_members.nested"
	MembersByName         Remedy = "unknown_members.names"
	GroupTooLarge         Remedy = "body_too_large.group"
)

// particulars say when these remedies are given, for the documentation. Each continues the
// word "If".
var particulars = map[Remedy]string{
	DuplicateEmail:        "the email is that of another user",
	DuplicateExternalID:   "the externalId is that of another user",
	InactiveChange:        "the request changes a user",
	UserGone:              "the request deletes the user",
	GroupGone:             "the request deletes the group",
	IdentityUserName:      "the userName differs, so that the user was found by the email",
	ExternalIDMissing:     "the request has no externalId",
	RefusedIDMissing:      "the request has no externalId",
	ProtectedDeactivation: "the request deactivates or deletes the user",
	ProtectedIdentity:     "the request changes the userName, the email or the externalId",
	ProtectedType:         "the request makes the user a Reader or a User",
	SeatReactivation:      "the request reactivates a user",
	SeatConversion:        "the request makes a Reader a User",
	ReaderConversion:      "the request makes a User a Reader",
	GroupRename:           "the request renames a group",
	GroupExternalID:       "the externalId is that of another group",
	NestedGroup:           "a member is a group",
	MembersByName:         "a member is an address, not an id",
	GroupTooLarge:         "the request is about a group",
}

// lifecycleAdvices are the texts of these remedies.
var lifecycleAdvices = map[Remedy]texts{
	// Users.
	DuplicateEmail: {
		neutral:   "If it is the same person, match the existing user in the identity provider. If several users have this address, map each user's own address to the email, not a constant.",
		okta:      "If it is the same person, select Import > Import Now and match the user. If several users have this address, map user.email to the email under Provisioning > To App, not a constant or a shared address.",
		entra:     "If it is the same person, make emails[type eq \"work\"].value a matching attribute under Provisioning > Attribute mapping. If several users have this address, map each user's own to it: mail or userPrincipalName.",
		oneLogin:  "If it is the same person, select More Actions > Sync logins in the app to match the user. If several users have this address, put each user's own email into the SCIM JSON Template, not a constant.",
		jumpCloud: "If it is the same person, give both the same userName, so that JumpCloud finds the existing user. Otherwise give each user a Company Email of their own in JumpCloud.",
	},
	DuplicateExternalID: {
		neutral:  "Map an id to externalId that never changes and that no two users share, not a name or an address. If it is the same person, match the existing user instead.",
		okta:     "Map user.getInternalProperty(\"id\") to externalId under Provisioning > To App, not a name or an address. If it is the same person, select Import > Import Now and match the user.",
		entra:    "Map objectId to externalId under Provisioning > Attribute mapping: mailNickname, the default, is not unique. If it is the same person, make externalId a matching attribute.",
		oneLogin: "Put the user's OneLogin id into externalId in the SCIM JSON Template, not a name or an address. If it is the same person, select More Actions > Sync logins in the app to match the user.",
	},
	InactiveChange: {
		neutral: "Correct the value in the identity provider, or have the inactive user renamed or removed in the application. Then {retry}.",
		okta:    "Correct the value in Okta (Application username format on the app's Sign On tab determines the userName), or have the inactive user renamed or removed in the application. Then {retry}.",
		entra:   "Correct the value in Entra or the mapping under Provisioning > Attribute mapping, or have the inactive user renamed or removed in the application. Then {retry}.",
	},
	UserGone: {
		neutral: "Nothing needs to be done: the user is gone here already.",
	},
	GroupGone: {
		neutral: "Nothing needs to be done: the group is gone here already.",
		okta:    "The group is gone here already: if Okta still shows it, select Unlink pushed group under Push Groups, and leave the group in the target app.",
	},
	IdentityUserName: {
		neutral:  "Correct the userName in the identity provider, or have it changed in the application, then {retry}.",
		okta:     "Correct Application username format on the app's Sign On tab, or have the userName changed in the application, then {retry}. If the new userName is right, select Import > Import Now and match the user.",
		entra:    "If the new userName is right, make emails[type eq \"work\"].value a matching attribute under Provisioning > Attribute mapping, which finds the user. Otherwise correct the mapping of userName; then use Provision on demand.",
		oneLogin: "Correct SCIM Username under Parameters, or have the userName changed in the application, then {retry}. If the new userName is right, select More Actions > Sync logins in the app to match the user.",
	},
	ExternalIDMissing: {
		neutral:  "The request has no externalId: map the identity provider's own id of a user to it, so that people are told apart. If it is the same person, add the user to the groups again.",
		okta:     "The request has no externalId: map user.getInternalProperty(\"id\") to it in the app's Profile Editor. If it is the same person, select Push now for the user's groups under Push Groups.",
		entra:    "The request has no externalId: map objectId to it under Provisioning > Attribute mapping. If it is the same person, select Restart provisioning, which sends the groups again.",
		oneLogin: "The request has no externalId: put the user's OneLogin id into externalId in the SCIM JSON Template. If it is the same person, select More Actions > Reapply entitlement mappings in the app.",
	},
	RefusedIDMissing: {
		neutral:  "The request has no externalId: map the identity provider's own id of a user to it, so that the user is recognized, then {retry}.",
		okta:     "The request has no externalId: map user.getInternalProperty(\"id\") to it in the app's Profile Editor, then {retry}.",
		entra:    "The request has no externalId: map objectId to it under Provisioning > Attribute mapping, then {retry}.",
		oneLogin: "The request has no externalId: put the user's OneLogin id into externalId in the SCIM JSON Template, then {retry}.",
	},
	ProtectedDeactivation: {
		neutral:   "The user stays active in the application. Assign the user to the app again, or ask an owner of the application to unprotect the user there, then {retry}.",
		okta:      "The user stays active: assign the user to the app again under Assignments. Or ask an owner of the application to unprotect the user there, then {retry}.",
		entra:     "The user stays active: assign the user to the app again under Users and groups. Or ask an owner of the application to unprotect the user there; then {retry}.",
		oneLogin:  "The user stays active: add the app to the user again. Or ask an owner of the application to unprotect the user there, then {retry}.",
		jumpCloud: "The user stays active: add the user to a group on the app's User Groups tab again. Or ask an owner of the application to unprotect the user there.",
	},
	ProtectedIdentity: {
		neutral: "Set the value back in the identity provider or in {mapping}. Or ask an owner of the application to unprotect the user there, then {retry}.",
	},
	ProtectedType: {
		neutral: "Set \"Team account\" (isTeamAccount) back in {mapping}. Or ask an owner of the application to unprotect the user there, then {retry}.",
		okta:    "Set \"Team account\" back for the user under Assignments. Or ask an owner of the application to unprotect the user there, then {retry}.",
	},

	// Seats and account types.
	SeatReactivation: {
		neutral: "An inactive user holds no seat: free one (deactivate a user or make one a Reader) or buy more seats, then {retry}.",
	},
	SeatConversion: {
		neutral:  "Free a seat or buy more seats, then {retry}. If the user should stay a Reader, set \"Team account\" (isTeamAccount) to false in {mapping}.",
		okta:     "Free a seat or buy more seats, then {retry}. If the user should stay a Reader, set \"Team account\" to false for the user under Assignments.",
		entra:    "Free a seat or buy more seats, then {retry}. If the user should stay a Reader, map isTeamAccount to False for the user under Provisioning > Attribute mapping.",
		oneLogin: "Free a seat or buy more seats, then {retry}. If the user should stay a Reader, set isTeamAccount to false in the app's Parameters.",
	},
	ReaderConversion: {
		neutral:  "Deactivate a Reader or have the limit raised, then {retry}. If the user should stay a User, set \"Team account\" (isTeamAccount) to true in {mapping}.",
		okta:     "Deactivate a Reader or have the limit raised, then {retry}. If the user should stay a User, set \"Team account\" to true for the user under Assignments.",
		entra:    "Deactivate a Reader or have the limit raised, then {retry}. If the user should stay a User, map isTeamAccount to True for the user under Provisioning > Attribute mapping.",
		oneLogin: "Deactivate a Reader or have the limit raised, then {retry}. If the user should stay a User, set isTeamAccount to true in the app's Parameters.",
	},

	// Groups.
	GroupRename: {
		neutral:   "Rename one of the two groups, in the identity provider or in the application, then {push}.",
		okta:      "Rename one of the two groups in Okta or in the application, then {push}. To keep the application's names, clear \"Rename app groups to match group name in Okta\" in the settings of Push Groups.",
		entra:     "Rename one of the two groups in Entra or in the application; the next cycle sends the name again.",
		jumpCloud: "Rename one of the two groups in JumpCloud or in the application, then save the group on the app's User Groups tab.",
	},
	GroupExternalID: {
		neutral: "Map an id to the group's externalId that no two groups share, or link the existing group in the identity provider.",
		okta:    "Map an id to the group's externalId that no two groups share, or select Import > Import Now, then Link Group for the existing group under Push Groups.",
		entra:   "Map objectId to externalId under Provisioning > Attribute mapping > Provision Microsoft Entra ID Groups, or make externalId a matching attribute there.",
	},
	NestedGroup: {
		neutral:   "The group contains another group, and members are users: add the users of the inner group to this group itself, then {push}.",
		okta:      "The group contains another group, and members are users: add the users of the inner group to this group itself, then {push}.",
		entra:     "The group contains another group, and Entra does not provision nested members: add the users of the inner group to this group itself, and assign both groups under Users and groups. Then select Restart provisioning, which sends the members again.",
		jumpCloud: "The group contains another group, and members are users: add the users of the inner group to this group itself, and save the app's User Groups tab.",
	},
	MembersByName: {
		neutral: "Members were sent by address: the value of a member is the id that this service returned for the user. Correct how the identity provider sends members, then {push}.",
		okta:    "Members were sent by address: the value of a member is the id that this service returned for the user. Select Import > Import Now and match the users, then {push}.",
		entra:   "Members were sent by address, in place of the ids that this service returned. Map members to members under Provisioning > Attribute mapping > Provision Microsoft Entra ID Groups, then select Restart provisioning.",
	},
	GroupTooLarge: {
		neutral:   "Split the group into smaller groups, of at most 5,000 members each, then {push}.",
		okta:      "Split the group in Okta into groups of at most 5,000 members, and push those under Push Groups.",
		entra:     "Split the group in Entra into groups of at most 5,000 members, and assign those under Users and groups.",
		oneLogin:  "Split the group into groups of at most 5,000 members, and set those in the app's Rules.",
		jumpCloud: "Split the group into groups of at most 5,000 members, and select those on the app's User Groups tab.",
	},
}
