package setting

import (
	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/idp"
)

// The faults that the absence of a value shows.
const (
	MissingUserName    Fault = "missing_user_name"
	MissingGroupName   Fault = "missing_group_name"
	MissingValue       Fault = "missing_value"
	MissingEmails      Fault = "missing_emails"
	NoWorkEmail        Fault = "no_work_email"
	MissingExternalID  Fault = "missing_external_id"
	MissingActive      Fault = "missing_active"
	MissingNames       Fault = "missing_names"
	MissingDisplayName Fault = "missing_display_name"
)

// possible is for what an administrator may have intended: such a fault explains only
// requests that succeeded without a warning.
var possible = []cause.Cause{none}

// absentFaults are the faults that the absence of a value shows.
func absentFaults() map[Fault]row { //nolint:funlen // a table
	return map[Fault]row{
		MissingUserName: {
			means: "userName is not sent: it is not mapped, or its source is empty for this user.", explains: refused, sample: "userName",
			neutral: "{At}, map to userName the name with which the user signs in; if userName is mapped already, its source is empty for this user.",
			in: map[idp.Provider]string{
				idp.Okta:     "Under Sign On > Credentials Details, set Application username format to Okta username or Email. If it is custom, its expression is empty for this user.",
				idp.Entra:    "{At}, map userPrincipalName to userName. If another attribute is mapped, for example mail, it is empty for this user: fill it in, or use Coalesce([mail], [userPrincipalName]).",
				idp.OneLogin: "On the app's Parameters tab, set SCIM Username to Email, and write \"userName\": \"{$parameters.scimusername}\" in the SCIM JSON Template on the Configuration tab.",
			},
		},
		MissingGroupName: {
			means: "The displayName of a group is not sent.", explains: refused, sample: "displayName",
			neutral: "In the mapping of groups, map the group's name to displayName.",
			in: map[idp.Provider]string{
				idp.Okta:  "Under Push Groups, unlink the group and push it again by name: Okta sends its name as displayName.",
				idp.Entra: "{At} > Provision Microsoft Entra ID Groups, map displayName to displayName.",
			},
		},
		MissingValue: {
			means: "An attribute that a schema of the tenant requires is not sent.", explains: refused, sample: "urn:example:hr:1.0:User:grade",
			neutral: "{At}, map a value that is never empty to {attribute}; or ask an owner of the application to make it optional.",
			in: map[idp.Provider]string{
				idp.Okta:  "{Define}, add {local} with the External namespace {urn} and Attribute required, and map a value that is never empty; or ask an owner of the application to make it optional.",
				idp.Entra: "{At}, map a value to {attribute}, with a Default value if null (optional); or ask an owner of the application to make it optional.",
			},
		},
		MissingEmails: {
			means: "A user is created without an email address: emails is not mapped, or its source is empty for this user.", explains: possible, sample: "emails",
			neutral: "The user has no email address here: in {mapping}, map the address to {target}; if it is mapped already, its source is empty for this user.",
			in: map[idp.Provider]string{
				idp.Okta:     "The user has no email address here: {define}, add an attribute with the External name emails.^[primary==true].value, and map user.email to it.",
				idp.Entra:    "The user has no email address here: under Provisioning > Attribute mapping, map mail to {target}. If it is mapped, mail is empty for this user.",
				idp.OneLogin: "The user has no email address here: {define}, write \"emails\": [{\"value\": \"{$user.email}\", \"type\": \"work\", \"primary\": true}].",
			},
		},
		NoWorkEmail: {
			means: "No email address of a user is primary or of the type work.", explains: possible, sample: "emails",
			neutral: "{At}, map the user's main address to {target}, or map primary true for it: no address sent is primary or of the type work.",
			in: map[idp.Provider]string{
				idp.Okta:     "{Define}, change the External name of the user's main address to emails.^[primary==true].value: no address sent is primary or of the type work.",
				idp.Entra:    "{At}, change the Target attribute of mail to {target}: no address sent is primary or of the type work.",
				idp.OneLogin: "{Define}, write \"type\": \"work\" and \"primary\": true for the user's main address: no address sent has either.",
			},
		},
		MissingExternalID: {
			means: "A user is sent without externalId, which distinguishes a returning person from a new one.", explains: possible, sample: "externalId",
			neutral: "{At}, map an id that never changes to externalId: without it, a returning person cannot be distinguished from a new one.",
			in: map[idp.Provider]string{
				idp.Okta:     "{Define}, restore the attribute externalId of the app's profile, which Okta fills with the id of its user: without it, a returning person cannot be distinguished from a new one.",
				idp.Entra:    "{At}, map objectId to externalId: without it, a returning person cannot be distinguished from a new one.",
				idp.OneLogin: "{Define}, write \"externalId\": \"{$user.id}\": without it, a returning person cannot be distinguished from a new one.",
			},
		},
		MissingActive: {
			means: "active is not sent, so the identity provider cannot deactivate users.", explains: possible, sample: "active",
			neutral: "{At}, map to active whether the user may sign in: without it, users are never deactivated here.",
			in: map[idp.Provider]string{
				idp.Entra:    "{At}, map the expression Switch([IsSoftDeleted], , \"False\", \"True\", \"True\", \"False\") to active: without it, users are never deactivated here.",
				idp.OneLogin: "On the app's Provisioning tab, set the action for deleted users and suspended accounts to Suspend, so that active is sent.",
			},
		},
		MissingNames: {
			means: "A user is sent without any name of the person.", explains: possible, sample: "name",
			neutral: "{At}, map the given and the family name to name.givenName and name.familyName, and the whole name to displayName.",
			in: map[idp.Provider]string{
				idp.Okta:  "{At}, map user.firstName to givenName, user.lastName to familyName and user.displayName to displayName, for Create and update.",
				idp.Entra: "{At}, map givenName to name.givenName, surname to name.familyName and displayName to displayName.",
			},
		},
		MissingDisplayName: {
			means: "A user is sent without displayName.", explains: possible, sample: "displayName",
			neutral: "{At}, map the user's whole name to displayName.",
			in: map[idp.Provider]string{
				idp.Okta:  "{At}, map user.displayName to displayName, or the expression user.firstName + \" \" + user.lastName.",
				idp.Entra: "{At}, map displayName to displayName.",
			},
		},
	}
}
