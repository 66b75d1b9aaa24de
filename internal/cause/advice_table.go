package cause

import "github.com/rollcall-scim/rollcall/internal/idp"

// newToken is the advice for a token that ended: Entra's job may be in quarantine by
// then, and tries only once a day.
var newToken = texts{
	neutral: "Create a new token and enter it {token}.",
	entra:   "Create a new token, enter it {token} and select Test Connection. If the job is in quarantine, select Restart provisioning.",
}

// linkGroup is the advice for a group id that is gone. Okta keeps the id until the
// group is unlinked; Entra reads the id when it evaluates the group again, gets 404,
// finds no group with the displayName, and creates one.
var linkGroup = texts{
	neutral:   "In the identity provider, unlink the group and push it again: a new group is created.",
	okta:      "Under Push Groups, select Unlink pushed group, leave the group in the target app, and push it again: a new group is created.",
	entra:     "Select Restart provisioning: Entra looks the group up, does not find it and creates a new group with its members.",
	oneLogin:  "Refresh the entitlements on the app's Provisioning tab, correct the app's Rules that set the group, and {push}.",
	jumpCloud: "Remove the group from the app's User Groups tab, save, and add it again: a new group is created.",
}

// splitToRead is the advice for Okta, which reads a group with all of its members.
const splitToRead = "Split the group in Okta into smaller groups, so that the members of each fit into one answer."

// sendAgain is the advice where nothing is wrong with the request.
var sendAgain = texts{
	neutral: "Send the request again.",
	okta:    "If it is shown under Dashboard > Tasks, use Retry Selected there.",
	entra:   "Entra sends the request again in the next cycle; Provision on demand does it at once.",
}

// retrySafely is the advice where the change may have been made.
var retrySafely = texts{
	neutral: "Send the request again: a change is never made twice.",
	okta:    "If it is shown under Dashboard > Tasks, use Retry Selected there: a change is never made twice.",
	entra:   "Entra sends the request again in the next cycle: a change is never made twice.",
}

// advices is the one table of advice. The error's detail, the log, the console, the
// command and the documents all take it from here.
var advices = joined(lifecycleAdvices, oauthAdvices, map[Remedy]texts{
	// Credentials and addresses.
	Remedy(TokenMissing): {
		neutral:  "Enter the SCIM token of this tenant {token}, and {test}.",
		entra:    "Enter the SCIM token of this tenant {token}, {test} and save.",
		oneLogin: "Enter the SCIM token of this tenant {token}, save, and enable the API connection.",
	},
	Remedy(TokenInvalid): {
		neutral: "Copy the whole token again, without spaces or quotes, and enter it {token}.",
		okta:    "Copy the whole token again, without spaces or quotes, and enter it {token}. Only an app of the type Header Auth needs the word Bearer before it.",
		entra:   "Copy the whole token again, without the word Bearer, and enter it {token}. If the field is empty, Entra sends a token of its own.",
	},
	Remedy(TokenUnknown): {
		neutral: "Check that the token and {url} belong to the same deployment; otherwise create a new token and enter it.",
	},
	Remedy(TokenRevoked): newToken,
	Remedy(TokenExpired): newToken,
	Remedy(TokenRepeated): {
		neutral:     "Enter the token once {token}, and remove the second credential from {headers} or from the proxy that adds it.",
		oneLogin:    "Enter the token once {token}, and remove the line with Authorization from Custom Headers.",
		idp.PingOne: "Enter the token once {token}, and remove the Custom Header of the connection.",
	},
	Remedy(TokenExposed): {neutral: "Remove the token from {mapping} or from the URL. Then rotate the token: other logs may contain it."},
	Remedy(SCIMDisabled): {neutral: "Ask an owner of the application to turn SCIM provisioning on, then {resume}."},
	Remedy(NoRoute):      {neutral: "Correct {url}: it ends in /scim/v2, and /Users, /Groups and the other endpoints are added to it."},
	Remedy(ProtocolVersion): {
		neutral: "Correct {url}: it ends in /scim/v2.",
	},
	Remedy(MethodNotAllowed): {neutral: "Use one of the methods in the Allow header, and check {url}: it ends in /scim/v2."},
	Remedy(NotSupported):     {neutral: "Read the user by id, or by a filter on userName."},
	Remedy(BadEvent):         {neutral: "Send the request again, to the base URL of the service."},
	Remedy(MediaType): {
		neutral:       "Send application/scim+json or application/json in UTF-8, without a content encoding. If Content-Type is set in {headers}, remove it.",
		oneLogin:      "Remove the line with Content-Type from {headers}: OneLogin sends the right one by itself.",
		idp.SailPoint: "Leave the Content-type header empty in the connection settings of the source, so that application/scim+json is sent.",
	},

	// What is wrong with the request.
	Remedy(BodyTooLarge): {neutral: "Send less in one request; a large group can be split."},
	Remedy(Validation):   {neutral: "Correct {mapping}, then {retry}."},
	InvalidGroup:         {neutral: "Correct the group or {mapping}, then {push}."},
	InvalidLookup: {
		neutral: "Correct the query: the filter comes from the attribute by which the identity provider matches users and groups.",
		okta:    "Correct the query: Okta looks users up by the unique identifier field under Provisioning > Integration, and groups by displayName.",
		entra:   "Correct the matching attribute under Provisioning > Attribute mapping: Entra looks users and groups up by it.",
	},
	InvalidQuery:     {neutral: "Correct the query and send the request again."},
	InvalidSearch:    {neutral: "Correct the search and send the request again."},
	InvalidCursor:    {neutral: "Begin again with an empty cursor, then send each cursor as it was returned, with all other parameters unchanged."},
	InvalidBulk:      {neutral: "Correct the bulk request and send it again."},
	InvalidOperation: {neutral: "The operation was not done; correct it and send it again."},
	InvalidForm: {
		neutral:  "Send a request of the form that RFC 7644 describes.",
		oneLogin: "Check that the SCIM JSON Template on the app's Configuration tab is valid JSON, with quotes around each name and text.",
	},
	InvalidPath:             {neutral: "Correct the filter in the operation's path and send the request again."},
	TooMuch:                 {neutral: "Send less in one request."},
	Remedy(SensitiveFilter): {neutral: "Remove the attribute from the filter.", entra: "Under Provisioning > Attribute mapping, choose other matching attributes: externalId and userName."},
	Remedy(DiscoveryFilter): {neutral: "Read the endpoint without a filter, or by id."},
	Remedy(VersionMismatch): {neutral: "Read the resource and send the change with its current version."},
	Remedy(SchemaNotFound):  {neutral: "List /Schemas or /ResourceTypes to see what exists."},
	Remedy(WalkLimit): {
		neutral: "Filter by id, userName, displayName, externalId, emails, members or groups with eq. To read everything, start with an empty cursor and follow nextCursor.",
		entra:   "Under Provisioning > Attribute mapping, use externalId and userName as matching attributes: any other is searched user by user.",
	},
	WalkFilter: {
		neutral: "Join an eq on id, userName, externalId or emails, or an sw on userName, to the filter by and, so that few users are read; or send fewer comparisons in each request; or start with an empty cursor and follow nextCursor.",
		entra:   "Under Provisioning > Attribute mapping, use externalId and userName as matching attributes: any other is searched user by user.",
	},
	WalkSort:               {neutral: "Sort by userName, displayName, id or meta.created, or narrow the list with a filter."},
	Remedy(AnswerTooLarge): {neutral: "Ask for fewer resources with count, or for fewer attributes with attributes or excludedAttributes.", okta: splitToRead},
	AnswerPlain:            {neutral: "Ask for fewer resources with count, or for fewer attributes with attributes or excludedAttributes. Or send Accept-Encoding: gzip.", okta: splitToRead},
	AnswerGroups:           {neutral: "Omit the groups with excludedAttributes=groups, or do not name them in attributes."},
	AnswerMembers:          {neutral: "Omit the members with excludedAttributes=members and read them page by page from /Users, with the filter groups.value eq and the group's id. Accept-Encoding: gzip returns four times as many.", okta: splitToRead},
	AnswerMembersZip:       {neutral: "Omit the members with excludedAttributes=members and read them page by page from /Users, with the filter groups.value eq and the group's id.", okta: splitToRead},

	// Users.
	Remedy(UserNotFound): {
		neutral:   "{Again}, so that the user is looked up or created.",
		okta:      "Unassign the user from the app under Assignments and assign the user again: Okta looks the user up by userName, or creates it.",
		entra:     "Use Provision on demand for the user: Entra looks the user up by its matching attributes, or creates it. For many users, select Restart provisioning.",
		oneLogin:  "Remove the app from the user and add it again: OneLogin looks the user up by userName, or creates it. For many users, select More Actions > Sync logins in the app.",
		jumpCloud: "Remove the user from the groups on the app's User Groups tab and add the user again: JumpCloud looks the user up, or creates it.",
	},
	Remedy(Duplicate): {
		neutral:   "If it is the same person, match the existing user in the identity provider instead of creating one. Otherwise correct the value there.",
		okta:      "If it is the same person, select Import > Import Now and match the existing user. Otherwise correct the value in Okta, then {retry}.",
		entra:     "If it is the same person, make userName a matching attribute under Provisioning > Attribute mapping. Otherwise correct the value; then use Provision on demand.",
		oneLogin:  "If it is the same person, select More Actions > Sync logins in the app to match the existing user. Otherwise correct the value, then {retry}.",
		jumpCloud: "If it is the same person, give both the same userName, so that JumpCloud finds the existing user. Otherwise correct the value.",
	},
	DuplicateChange: {
		neutral:  "Correct the value of one of the two users in the identity provider, then {retry}.",
		okta:     "Correct the value of one of the two users in Okta; Application username format on the app's Sign On tab determines the userName. Then {retry}.",
		entra:    "Correct the value of one of the two users in Entra, or the mapping under Provisioning > Attribute mapping if it gives both the same value. Then {retry}.",
		oneLogin: "Correct the value of one of the two users in OneLogin, or the app's Parameters if they give both the same value. Then {retry}.",
	},
	Remedy(DuplicateInactive): {
		neutral:  "If it is the same person, match the existing user in the identity provider; to reactivate the user, activate it there. Otherwise correct the value, then {retry}.",
		okta:     "If it is the same person, select Import > Import Now and match the user; assigning the user under Assignments reactivates it. Otherwise correct the value in Okta, then {retry}.",
		entra:    "If it is the same person, make userName a matching attribute under Provisioning > Attribute mapping; enabling and assigning the user in Entra reactivates it. Otherwise correct the value, then use Provision on demand.",
		oneLogin: "If it is the same person, select More Actions > Sync logins in the app to match the user; activating the user in OneLogin reactivates it. Otherwise correct the value, then {retry}.",
	},
	Remedy(DuplicateSeveral): {
		neutral: "Correct userName, email and externalId in the identity provider so that all are one user's, then {retry}.",
		okta:    "Correct userName, email and externalId under Provisioning > To App so that all are one user's: user.getInternalProperty(\"id\") is the externalId. Then {retry}.",
		entra:   "Correct userName, email and externalId under Provisioning > Attribute mapping so that all are one user's: objectId is the externalId. Then {retry}.",
	},
	Remedy(DuplicateOffInApp): {neutral: "Ask an owner of the application to reactivate the user there, then {retry}."},
	Remedy(DeactivatedInApp):  {neutral: "Ask an owner of the application to reactivate the user there, then {retry}."},
	Remedy(ExternalIDChanged): {
		neutral: "Check that it is the same person: if so, add the user to the groups again. If not, have the old user renamed in the application and provision the new user again.",
		okta:    "Check that it is the same person: if so, select Push now for the user's groups under Push Groups. If not, have the old user renamed in the application, then unassign the new user and assign it again.",
		entra:   "Check that it is the same person: if so, select Restart provisioning, which sends the groups again. If not, have the old user renamed in the application and use Provision on demand for the new one.",
	},
	Remedy(ExternalIDRefused): {
		neutral: "If it is the same person, ask an owner of the application to set \"rehire\" to \"warn\". If not, have the old user renamed there; then {retry}.",
	},
	Remedy(IdentityDiffers): {
		neutral: "Correct the value in the identity provider, or have it changed in the application, then {retry}.",
		okta:    "Correct the value in Okta, or have it changed in the application, then {retry}. If the new value is right, select Import > Import Now and match the user.",
		entra:   "Correct the value in Entra, or have it changed in the application, then {retry}. If the new value is right, add a matching attribute that finds the user.",
	},
	Remedy(IdentityChanged): {
		neutral: "Check that both are the same person. If not, have the value changed back in the application and correct {mapping}.",
	},
	Remedy(OwnUser): {
		neutral:    "Map \"Team account\" (isTeamAccount) to true, then {retry}: this links the user, who can be made a Reader afterwards.",
		okta:       "Select Import > Import Now and match the user, or map \"Team account\" to true and {retry}. Either links the user.",
		entra:      "Make userName a matching attribute under Provisioning > Attribute mapping, or map isTeamAccount to true; then use Provision on demand. Either links the user.",
		oneLogin:   "Select More Actions > Sync logins in the app to match the user, or set isTeamAccount to true in the SCIM JSON Template and {retry}. Either links the user.",
		jumpCloud:  "Give the user the same userName in JumpCloud and in the application. Then remove the user from the groups on the app's User Groups tab and add the user again: JumpCloud finds and links the user.",
		idp.Google: "Give the user the same userName in Google and in the application: Google finds and links the user at the next synchronization.",
	},
	OwnReader: {
		neutral:    "Match the existing user in the identity provider instead of creating one; the next update links the user.",
		okta:       "Select Import > Import Now and match the user; the next update links the user.",
		entra:      "Make userName a matching attribute under Provisioning > Attribute mapping, then use Provision on demand, which links the user.",
		oneLogin:   "Select More Actions > Sync logins in the app to match the user; the next update links the user.",
		jumpCloud:  "Give the user the same userName in JumpCloud and in the application. Then remove the user from the groups on the app's User Groups tab and add the user again: JumpCloud finds and links the user.",
		idp.Google: "Give the user the same userName in Google and in the application: Google finds and links the user at the next synchronization.",
	},
	Remedy(OwnUserConversion): {
		neutral: "Map \"Team account\" (isTeamAccount) to true and {retry}, which links the user. Then set it to false to make the user a Reader.",
		okta:    "Set \"Team account\" to true for the user under Assignments, which links the user once Okta has sent it. Then set it to false to make the user a Reader.",
		entra:   "Map isTeamAccount to true for the user under Provisioning > Attribute mapping and use Provision on demand, which links the user. Then set it to false to make the user a Reader.",
	},
	Remedy(Protected): {neutral: "Ask an owner of the application to unprotect the user there, or leave the user unchanged in the identity provider."},
	ProtectedMember:   {neutral: "Ask an owner of the application to unprotect the user there, or keep the user in the group in the identity provider."},
	Remedy(SeatLimit): {
		neutral: "Free a seat (deactivate a user or make one a Reader) or buy more seats, then {retry}. If too many people are provisioned, narrow {scope}.",
		okta:    "Free a seat (deactivate a user or make one a Reader) or buy more seats, then {retry}. If too many people are provisioned, assign a smaller group than Everyone under Assignments.",
		entra:   "Free a seat (deactivate a user or make one a Reader) or buy more seats, then {retry}. If too many people are provisioned, set Scope under Provisioning > Settings to Sync only assigned users and groups.",
	},
	Remedy(ReaderLimit): {
		neutral:  "Deactivate a Reader or have the limit raised, then {retry}. If the user should be a User, set \"Team account\" (isTeamAccount) to true in {mapping}.",
		okta:     "Deactivate a Reader or have the limit raised, then {retry}. If the user should be a User, set \"Team account\" to true for the user under Assignments.",
		entra:    "Deactivate a Reader or have the limit raised, then {retry}. If the user should be a User, map isTeamAccount to True for the user under Provisioning > Attribute mapping.",
		oneLogin: "Deactivate a Reader or have the limit raised, then {retry}. If the user should be a User, set isTeamAccount to true in the app's Parameters.",
	},
	Remedy(Tolerated): {neutral: "Correct {mapping}."},

	// Groups.
	Remedy(GroupNotFound): linkGroup,
	Remedy(GroupDeleted):  linkGroup,
	Remedy(DuplicateGroup): {
		neutral:   "Link that group in the identity provider, or rename one of the two.",
		okta:      "Select Import > Import Now, then Link Group for the existing group under Push Groups; or rename one of the two.",
		entra:     "Rename one of the two groups in Entra. If it is the same group, check under Provisioning > Attribute mapping > Provision Microsoft Entra ID Groups that displayName is its matching attribute.",
		oneLogin:  "Refresh the entitlements on the app's Provisioning tab and choose the existing group in the app's Rules, or rename one of the two.",
		jumpCloud: "If it is the same group, remove it from the app's User Groups tab, save, and add it again: JumpCloud takes over a group of the same name. Otherwise rename one of the two.",
	},
	Remedy(UnknownMembers): {
		neutral:   "Provision the users first: {assign}. Then {push}.",
		okta:      "Assign the users to the app under Assignments first, then {push}.",
		entra:     "Assign the users to the app under Users and groups first; the next cycle sends the group again.",
		oneLogin:  "Add the app to the users first, then {push}.",
		jumpCloud: "Add the users to a group on the app's User Groups tab first, then {push}.",
	},
	SkippedMembers: {
		neutral:   "Provision the users who were skipped: {assign}. Then {push}.",
		okta:      "Assign the users who were skipped to the app under Assignments, then {push}. If this group also assigns the app, push another group: Okta does not support one for both.",
		entra:     "Assign the users who were skipped to the app under Users and groups, then select Restart provisioning, which sends the members again.",
		oneLogin:  "Add the app to the users who were skipped, then {push}.",
		jumpCloud: "Add the users who were skipped to a group on the app's User Groups tab, then {push}.",
	},
	PushAgain: {
		neutral: "The user exists and is not in the group: {push}.",
		entra:   "The user exists and is not in the group: select Restart provisioning, which sends the members again.",
	},
	WholeSetUnknown: {
		neutral:   "Provision the users first: {assign}, then {push}. To empty the group, send an empty list of members.",
		okta:      "Assign the users to the app under Assignments first, then {push}. To empty the group, remove all of its members.",
		entra:     "Assign the users to the app under Users and groups first; the next cycle sends the group again. To empty the group, remove all of its members.",
		oneLogin:  "Add the app to the users first, then {push}. To empty the group, remove all of its members.",
		jumpCloud: "Add the users to a group on the app's User Groups tab first, then {push}. To empty the group, remove all of its members.",
	},
	GroupInItself: {neutral: "Remove the group from its own members."},
	Remedy(MemberLimit): {
		neutral:   "Add or remove the members in several PATCH requests of at most 5,000 each; in an identity provider, split the group.",
		okta:      "Split the group in Okta into groups of at most 5,000 members, and push those under Push Groups.",
		entra:     "Split the group in Entra into groups of at most 5,000 members, and assign those under Users and groups.",
		oneLogin:  "Split the group into groups of at most 5,000 members, and set those in the app's Rules.",
		jumpCloud: "Split the group into groups of at most 5,000 members, and select those on the app's User Groups tab.",
	},

	// Load and faults.
	Remedy(Unfinished): {
		neutral: "Nothing needs to be done; to send the request again is safe.",
		entra:   "Nothing needs to be done; Entra sends the request again in the next cycle, which is safe.",
	},
	Remedy(RateLimit): {
		neutral: "Send the request again after the time in Retry-After.",
		okta:    "Okta waits for the time in Retry-After and sends the request again. If it fails often, ask the operator of the application for a higher limit.",
		entra:   "Entra sends the request again in the next cycle. If it fails often, ask the operator of the application for a higher limit.",
	},
	Remedy(Conflict):       sendAgain,
	Remedy(OutcomeUnknown): retrySafely,
	Remedy(StoreUnavailable): {
		neutral: "Send the request again later; if it fails again, report the request id to the operator of the service.",
		okta:    "Use Retry Selected under Dashboard > Tasks later; if it fails again, report the request id to the operator of the service.",
		entra:   "Entra sends the request again in the next cycle; if it fails again, report the request id to the operator of the service.",
	},
	Remedy(Internal): {
		neutral: "Send the request again; if it fails again, report the request id.",
		okta:    "If it is shown under Dashboard > Tasks, use Retry Selected there; if it fails again, report the request id.",
		entra:   "Use Provision on demand, or wait for the next cycle; if it fails again, report the request id.",
	},

	// Bulk requests, which identity providers do not send.
	Remedy(BulkLimit):     {neutral: "Send the operations in several requests."},
	Remedy(BulkReference): {neutral: "Correct the operation that it refers to, and send both again."},
	BulkCircle:            {neutral: "Create the resource without the reference first."},
	BulkIncomplete:        {neutral: "PATCH the resource with what it refers to."},
	Remedy(BulkTime):      {neutral: "Send the operation again, with fewer others in one request."},
	Remedy(BulkPartial):   {neutral: "Correct the operations that failed, and send those again."},
})
