package cause

import (
	"strings"

	"github.com/rollcall-scim/rollcall/internal/idp"
)

// screens are the words for each identity provider's screens, "" where they are
// unknown. {token} and {url} are the fields of the credentials, {mapping} determines
// the values that are sent, {retry} sends a user again, {push} a group, and {resume}
// everything that failed. The labels are those of the providers' documentation.
var screens = map[idp.Provider]*strings.Replacer{
	"": strings.NewReplacer(
		"{token}", "in the identity provider's provisioning settings",
		"{url}", "the base URL in the identity provider's provisioning settings",
		"{mapping}", "the attribute mapping in the identity provider",
		"{retry}", "provision the user again",
		"{push}", "push the group again",
		"{resume}", "provision again what failed",
	),
	idp.Okta: strings.NewReplacer(
		"{token}", "under Provisioning > Integration",
		"{url}", "the base URL under Provisioning > Integration",
		"{mapping}", "the attribute mapping under Provisioning > To App",
		"{retry}", "use Retry Selected for the user under Dashboard > Tasks",
		"{push}", "select Push now for the group under Push Groups",
		"{resume}", "use Retry Selected under Dashboard > Tasks",
	),
	idp.Entra: strings.NewReplacer(
		"{token}", "as Secret Token under Provisioning",
		"{url}", "the Tenant URL under Provisioning",
		"{mapping}", "the mapping under Provisioning > Attribute mapping",
		"{retry}", "use Provision on demand, or wait for the next cycle",
		"{push}", "wait for the next cycle, which sends the group again",
		"{resume}", "select Restart provisioning",
	),
	idp.OneLogin: strings.NewReplacer(
		"{token}", "as SCIM Bearer Token on the app's Configuration tab",
		"{url}", "the SCIM Base URL on the app's Configuration tab",
		"{mapping}", "the app's Parameters or SCIM JSON Template",
		"{retry}", "retry the user's task under Users > Provisioning",
		"{push}", "select More Actions > Reapply entitlement mappings in the app",
		"{resume}", "retry the failed tasks under Users > Provisioning",
	),
	idp.JumpCloud: strings.NewReplacer(
		"{token}", "as Token Key on the app's Identity Management tab",
		"{url}", "the Base URL on the app's Identity Management tab",
		"{mapping}", "the attribute mapping on the app's Identity Management tab",
		"{retry}", "provision the user again",
		"{push}", "push the group again",
		"{resume}", "provision again what failed",
	),
}

// newToken is the advice for a token that ended: Entra's job may be in quarantine by
// then, in which it tries once a day at last.
var newToken = texts{
	"":        "Create a new token and enter it {token}.",
	idp.Entra: "Create a new token, enter it {token} and select Test Connection. If the job is in quarantine, select Restart provisioning.",
}

// linkGroup is the advice for a group id that is gone. Okta keeps the id until the
// group is unlinked; Entra reads the id when it evaluates the group again, is answered
// 404, finds none by displayName and creates one.
var linkGroup = texts{
	"":            "In the identity provider, unlink the group and push it again: a new group is created.",
	idp.Okta:      "Under Push Groups, select Unlink pushed group, leave the group in the target app, and push it again: a new group is created.",
	idp.Entra:     "Select Restart provisioning: Entra looks the group up, does not find it and creates a new group with its members.",
	idp.OneLogin:  "Refresh the entitlements on the app's Provisioning tab, correct the app's Rules that set the group, and {push}.",
	idp.JumpCloud: "Remove the group from the app's User Groups tab, save, and add it again: a new group is created.",
}

// splitToRead is the advice for Okta, which reads a group with all of its members.
const splitToRead = "Split the group in Okta into smaller groups, so that the members of each fit into one answer."

// sendAgain is the advice where nothing is wrong with the request.
var sendAgain = texts{
	"":        "Send the request again.",
	idp.Okta:  "If it is shown under Dashboard > Tasks, use Retry Selected there.",
	idp.Entra: "Entra sends the request again in the next cycle; Provision on demand does it at once.",
}

// retrySafely is the advice where the change may have been made.
var retrySafely = texts{
	"":        "Send the request again: a change is never made twice.",
	idp.Okta:  "If it is shown under Dashboard > Tasks, use Retry Selected there: a change is never made twice.",
	idp.Entra: "Entra sends the request again in the next cycle: a change is never made twice.",
}

// advices is the one table of advice. The error's detail, the log, the console, the
// command and the documents all take it from here.
var advices = map[Remedy]texts{
	// Credentials and addresses.
	Remedy(TokenMissing): {
		"":            "Enter the SCIM token of this tenant as a Bearer token {token}.",
		idp.Okta:      "Enter the SCIM token of this tenant {token}, and test the connection.",
		idp.Entra:     "Enter the SCIM token of this tenant {token}, select Test Connection and save.",
		idp.OneLogin:  "Enter the SCIM token of this tenant {token}, save, and enable the API connection.",
		idp.JumpCloud: "Enter the SCIM token of this tenant {token}, and test the connection.",
	},
	Remedy(TokenInvalid): {
		"":        "Copy the whole token again, without spaces or quotes, and enter it {token}.",
		idp.Okta:  "Copy the whole token again, without spaces or quotes, and enter it {token}. Only an app of the type Header Auth needs the word Bearer before it.",
		idp.Entra: "Copy the whole token again, without the word Bearer, and enter it {token}. If the field is empty, Entra sends a token of its own.",
	},
	TokenTwice:     {"": "Enter the token {token} without the word Bearer, which is added to it."},
	TokenColon:     {"": "Enter the token {token} without the word Bearer and the colon; where the whole header is asked for, enter \"Bearer TOKEN\" with a space."},
	TokenNoScheme:  {"": "Enter \"Bearer TOKEN\" where the identity provider asks for the whole header; otherwise choose bearer token as the authentication and enter the token {token}.", idp.Okta: "For an app of the type Header Auth, enter \"Bearer TOKEN\" {token}; for any other, set Authentication Mode to HTTP Header and enter the token."},
	TokenEmpty:     {"": "Enter the SCIM token of this tenant {token}."},
	TokenQuoted:    {"": "Enter the token {token} without anything around it."},
	TokenSpaced:    {"": "Copy the token again as one line, and enter it {token} without spaces."},
	TokenNotBearer: {"": "Choose bearer token as the authentication and enter the token {token}, so that \"Authorization: Bearer TOKEN\" is sent.", idp.Okta: "Set Authentication Mode to HTTP Header {token}, not Basic Auth, and enter the token."},
	Remedy(TokenUnknown): {
		"": "Check that the token and {url} belong to the same deployment; otherwise create a new token and enter it.",
	},
	Remedy(TokenRevoked):  newToken,
	Remedy(TokenExpired):  newToken,
	Remedy(TokenRepeated): {"": "Enter the token once {token}, and remove the second credential that a proxy or a header of your own adds."},
	Remedy(TokenExposed):  {"": "Remove the token from {mapping} or from the URL. Then rotate the token: other logs may contain it."},
	Remedy(SCIMDisabled):  {"": "Ask an owner of the application to turn SCIM provisioning on, then {resume}."},
	Remedy(NoRoute):       {"": "Correct {url}: it ends in /scim/v2, and /Users, /Groups and the other endpoints are added to it."},
	Remedy(ProtocolVersion): {
		"": "Correct {url}: it ends in /scim/v2.",
	},
	Remedy(MethodNotAllowed): {"": "Use one of the methods in the Allow header, and check {url}: it ends in /scim/v2."},
	Remedy(NotSupported):     plain("Read the user by id, or by a filter on userName."),
	Remedy(BadEvent):         plain("Send the request again, to the base URL of the service."),
	Remedy(MediaType):        plain("Send application/scim+json or application/json in UTF-8, without a content encoding."),

	// What is wrong with the request.
	Remedy(BodyTooLarge): plain("Send less in one request; a large group can be split."),
	Remedy(Validation):   {"": "Correct {mapping}, then {retry}."},
	InvalidGroup:         {"": "Correct the group or {mapping}, then {push}."},
	InvalidLookup: {
		"":        "Correct the query: the filter comes from the attribute by which the identity provider matches users and groups.",
		idp.Okta:  "Correct the query: Okta looks users up by the unique identifier field under Provisioning > Integration, and groups by displayName.",
		idp.Entra: "Correct the matching attribute under Provisioning > Attribute mapping: Entra looks users and groups up by it.",
	},
	InvalidQuery:            plain("Correct the query and send the request again."),
	InvalidSearch:           plain("Correct the search and send the request again."),
	InvalidCursor:           plain("Begin again with an empty cursor, then send each cursor as it was returned, with all other parameters unchanged."),
	InvalidBulk:             plain("Correct the bulk request and send it again."),
	InvalidOperation:        plain("The operation was not done; correct it and send it again."),
	InvalidForm:             plain("Send a request of the form that RFC 7644 describes."),
	InvalidPath:             plain("Correct the filter in the operation's path and send the request again."),
	TooMuch:                 plain("Send less in one request."),
	Remedy(SensitiveFilter): {"": "Remove the attribute from the filter.", idp.Entra: "Under Provisioning > Attribute mapping, choose other matching attributes: externalId and userName."},
	Remedy(DiscoveryFilter): plain("Read the endpoint without a filter, or by id."),
	Remedy(VersionMismatch): plain("Read the resource and send the change with its current version."),
	Remedy(SchemaNotFound):  plain("List /Schemas or /ResourceTypes to see what exists."),
	Remedy(WalkLimit): {
		"":        "Filter by id, userName, displayName, externalId, emails, members or groups with eq. To read everything, start with an empty cursor and follow nextCursor.",
		idp.Entra: "Under Provisioning > Attribute mapping, use externalId and userName as matching attributes: any other is searched user by user.",
	},
	WalkSort:               plain("Sort by userName, displayName, id or meta.created, or narrow the list with a filter."),
	Remedy(AnswerTooLarge): {"": "Ask for fewer resources with count, or for fewer attributes with attributes or excludedAttributes.", idp.Okta: splitToRead},
	AnswerPlain:            {"": "Ask for fewer resources with count, or for fewer attributes with attributes or excludedAttributes. Or send Accept-Encoding: gzip.", idp.Okta: splitToRead},
	AnswerGroups:           plain("Omit the groups with excludedAttributes=groups, or do not name them in attributes."),
	AnswerMembers:          {"": "Omit the members with excludedAttributes=members and read them page by page from /Users, with the filter groups.value eq and the group's id. Accept-Encoding: gzip returns four times as many.", idp.Okta: splitToRead},
	AnswerMembersZip:       {"": "Omit the members with excludedAttributes=members and read them page by page from /Users, with the filter groups.value eq and the group's id.", idp.Okta: splitToRead},

	// Users.
	Remedy(UserNotFound): {
		"":            "Remove the user from the app in the identity provider and assign the user again, so that it is looked up or created.",
		idp.Okta:      "Unassign the user from the app under Assignments and assign the user again: Okta looks the user up by userName, or creates it.",
		idp.Entra:     "Use Provision on demand for the user: Entra looks the user up by its matching attributes, or creates it. For many users, select Restart provisioning.",
		idp.OneLogin:  "Remove the app from the user and add it again: OneLogin looks the user up by userName, or creates it. For many users, select More Actions > Sync logins in the app.",
		idp.JumpCloud: "Remove the user from the groups on the app's User Groups tab and add the user again: JumpCloud looks the user up, or creates it.",
	},
	Remedy(Duplicate): {
		"":            "If it is the same person, match the existing user in the identity provider instead of creating one. Otherwise correct the value there.",
		idp.Okta:      "If it is the same person, select Import > Import Now and match the existing user. Otherwise correct the value in Okta, then {retry}.",
		idp.Entra:     "If it is the same person, make userName a matching attribute under Provisioning > Attribute mapping. Otherwise correct the value; then use Provision on demand.",
		idp.OneLogin:  "If it is the same person, select More Actions > Sync logins in the app to match the existing user. Otherwise correct the value, then {retry}.",
		idp.JumpCloud: "If it is the same person, give both the same userName, so that JumpCloud finds the existing user. Otherwise correct the value.",
	},
	DuplicateChange: {"": "Correct the value of one of the two users in the identity provider, then {retry}."},
	Remedy(DuplicateInactive): {
		"": "To reactivate the existing user, activate the user in the identity provider; otherwise correct the value. Then {retry}.",
	},
	Remedy(DuplicateSeveral):  {"": "Correct userName, email and externalId in the identity provider so that all are one user's, then {retry}."},
	Remedy(DuplicateOffInApp): {"": "Ask an owner of the application to reactivate the user there, then {retry}."},
	Remedy(DeactivatedInApp):  {"": "Ask an owner of the application to reactivate the user there, then {retry}."},
	Remedy(ExternalIDChanged): {
		"":        "Check that it is the same person: if so, add the user to the groups again. If not, have the old user renamed in the application and provision the new user again.",
		idp.Okta:  "Check that it is the same person: if so, select Push now for the user's groups under Push Groups. If not, have the old user renamed in the application, then unassign the new user and assign it again.",
		idp.Entra: "Check that it is the same person: if so, select Restart provisioning, which sends the groups again. If not, have the old user renamed in the application and use Provision on demand for the new one.",
	},
	Remedy(ExternalIDRefused): {
		"": "If it is the same person, ask an owner of the application to set \"rehire\" to \"warn\". If not, have the old user renamed there; then {retry}.",
	},
	Remedy(IdentityDiffers): {
		"":        "Correct the value in the identity provider, or have it changed in the application, then {retry}.",
		idp.Okta:  "Correct the value in Okta, or have it changed in the application, then {retry}. If the new value is right, select Import > Import Now and match the user.",
		idp.Entra: "Correct the value in Entra, or have it changed in the application, then {retry}. If the new value is right, add a matching attribute that finds the user.",
	},
	Remedy(IdentityChanged): {
		"": "Check that both are the same person. If not, have the value changed back in the application and correct {mapping}.",
	},
	Remedy(OwnUser): {
		"":        "Map \"Team account\" (isTeamAccount) to true, then {retry}: this links the user, who can be made a Reader afterwards.",
		idp.Okta:  "Select Import > Import Now and match the user, or map \"Team account\" to true and {retry}. Either links the user.",
		idp.Entra: "Make userName a matching attribute under Provisioning > Attribute mapping, or map isTeamAccount to true; then use Provision on demand. Either links the user.",
	},
	OwnReader: {
		"":           "Match the existing user in the identity provider instead of creating one; the next update links the user.",
		idp.Okta:     "Select Import > Import Now and match the user; the next update links the user.",
		idp.Entra:    "Make userName a matching attribute under Provisioning > Attribute mapping, then use Provision on demand, which links the user.",
		idp.OneLogin: "Select More Actions > Sync logins in the app to match the user; the next update links the user.",
	},
	Remedy(OwnUserConversion): {
		"":        "Map \"Team account\" (isTeamAccount) to true and {retry}, which links the user. Then set it to false to make the user a Reader.",
		idp.Okta:  "Set \"Team account\" to true for the user under Assignments, which links the user once Okta has sent it. Then set it to false to make the user a Reader.",
		idp.Entra: "Map isTeamAccount to true for the user under Provisioning > Attribute mapping and use Provision on demand, which links the user. Then set it to false to make the user a Reader.",
	},
	Remedy(Protected): {"": "Ask an owner of the application to unprotect the user there, or leave the user unchanged in the identity provider."},
	ProtectedMember:   {"": "Ask an owner of the application to unprotect the user there, or keep the user in the group in the identity provider."},
	Remedy(SeatLimit): {"": "Free a seat (deactivate a user or make one a Reader) or buy more seats, then {retry}."},
	Remedy(ReaderLimit): {
		"": "Deactivate a Reader or have the limit raised, then {retry}.",
	},
	Remedy(Tolerated): {"": "Correct {mapping}."},

	// Groups.
	Remedy(GroupNotFound): linkGroup,
	Remedy(GroupDeleted):  linkGroup,
	Remedy(DuplicateGroup): {
		"":           "Link that group in the identity provider, or rename one of the two.",
		idp.Okta:     "Select Import > Import Now, then Link Group for the existing group under Push Groups; or rename one of the two.",
		idp.Entra:    "Rename one of the two groups in Entra. If it is the same group, check that displayName is its matching attribute.",
		idp.OneLogin: "Refresh the entitlements on the app's Provisioning tab and choose the existing group in the app's Rules, or rename one of the two.",
	},
	Remedy(UnknownMembers): {
		"":            "Provision the users first, then {push}.",
		idp.Okta:      "Assign the users to the app under Assignments first, then {push}.",
		idp.Entra:     "Assign the users to the app under Users and groups first; the next cycle sends the group again.",
		idp.OneLogin:  "Add the app to the users first, then {push}.",
		idp.JumpCloud: "Add the users to a group on the app's User Groups tab first, then {push}.",
	},
	SkippedMembers: {
		"":            "Provision the users who were skipped, then {push}.",
		idp.Okta:      "Assign the users who were skipped to the app under Assignments, then {push}.",
		idp.Entra:     "Assign the users who were skipped to the app under Users and groups, then select Restart provisioning, which sends the members again.",
		idp.OneLogin:  "Add the app to the users who were skipped, then {push}.",
		idp.JumpCloud: "Add the users who were skipped to a group on the app's User Groups tab, then {push}.",
	},
	WholeSetUnknown: {
		"":            "Provision the users first, then {push}. To empty the group, send an empty list of members.",
		idp.Okta:      "Assign the users to the app under Assignments first, then {push}. To empty the group, remove all of its members.",
		idp.Entra:     "Assign the users to the app under Users and groups first; the next cycle sends the group again. To empty the group, remove all of its members.",
		idp.OneLogin:  "Add the app to the users first, then {push}. To empty the group, remove all of its members.",
		idp.JumpCloud: "Add the users to a group on the app's User Groups tab first, then {push}. To empty the group, remove all of its members.",
	},
	GroupInItself: {"": "Remove the group from its own members."},
	Remedy(MemberLimit): {
		"":            "Add or remove the members in several PATCH requests of at most 5,000 each; in an identity provider, split the group.",
		idp.Okta:      "Split the group in Okta into groups of at most 5,000 members, and push those under Push Groups.",
		idp.Entra:     "Split the group in Entra into groups of at most 5,000 members, and assign those under Users and groups.",
		idp.OneLogin:  "Split the group into groups of at most 5,000 members, and set those in the app's Rules.",
		idp.JumpCloud: "Split the group into groups of at most 5,000 members, and select those on the app's User Groups tab.",
	},

	// Load and faults.
	Remedy(Unfinished): {
		"":        "Nothing needs to be done; to send the request again is safe.",
		idp.Entra: "Nothing needs to be done; Entra sends the request again in the next cycle, which is safe.",
	},
	Remedy(RateLimit): {
		"":        "Send the request again after the time in Retry-After.",
		idp.Okta:  "Okta waits for the time in Retry-After and sends the request again. If it fails often, ask the operator of the application for a higher limit.",
		idp.Entra: "Entra sends the request again in the next cycle. If it fails often, ask the operator of the application for a higher limit.",
	},
	Remedy(Conflict):       sendAgain,
	Remedy(OutcomeUnknown): retrySafely,
	Remedy(StoreUnavailable): {
		"":        "Send the request again later; if it fails again, report the request id to the operator of the service.",
		idp.Okta:  "Use Retry Selected under Dashboard > Tasks later; if it fails again, report the request id to the operator of the service.",
		idp.Entra: "Entra sends the request again in the next cycle; if it fails again, report the request id to the operator of the service.",
	},
	Remedy(Internal): {
		"":        "Send the request again; if it fails again, report the request id.",
		idp.Okta:  "If it is shown under Dashboard > Tasks, use Retry Selected there; if it fails again, report the request id.",
		idp.Entra: "Use Provision on demand, or wait for the next cycle; if it fails again, report the request id.",
	},

	// Bulk requests, which identity providers do not send.
	Remedy(BulkLimit):     plain("Send the operations in several requests."),
	Remedy(BulkReference): plain("Correct the operation that it refers to, and send both again."),
	BulkCircle:            plain("Create the resource without the reference first."),
	BulkIncomplete:        plain("PATCH the resource with what it refers to."),
	Remedy(BulkTime):      plain("Send the operation again, with fewer others in one request."),
	Remedy(BulkPartial):   plain("Correct the operations that failed, and send those again."),
}
