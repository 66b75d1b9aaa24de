package setting

import "github.com/rollcall-scim/rollcall/internal/idp"

// The faults that the absence of a value shows.
const (
	MissingUserName  Fault = "missing_user_name"
	MissingGroupName Fault = "missing_group_name"
	MissingValue     Fault = "missing_value"
)

// absentFaults are the faults that the absence of a value shows.
var absentFaults = map[Fault]row{
	MissingUserName: {
		means: "userName is not sent: it is not mapped, or its source is empty for this user.", explains: refused, sample: "userName",
		neutral: "{At}, map the name with which the user signs in to userName; if it is mapped, the user has no value there.",
		in: map[idp.Provider]string{
			idp.Okta:     "Under Sign On > Credentials Details, set Application username format to Okta username or Email. If it is custom, its expression is empty for this user.",
			idp.Entra:    "{At}, map userPrincipalName to userName. If another attribute is mapped, for example mail, it is empty for this user: fill it in, or use Coalesce([mail], [userPrincipalName]).",
			idp.OneLogin: "On the app's Parameters tab, set SCIM Username to Email, and write \"userName\": \"{$parameters.scimusername}\" in the SCIM JSON Template on the Configuration tab.",
		},
	},
	MissingGroupName: {
		means: "The displayName of a group is not sent.", explains: refused, sample: "displayName",
		neutral: "{At} for groups, map the group's name to displayName.",
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
}
