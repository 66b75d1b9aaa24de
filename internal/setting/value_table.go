package setting

import (
	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/idp"
)

// The faults that a value shows: no person's attribute has such a value.
const (
	ExpressionAsText Fault = "expression_as_text"
	NameAsText       Fault = "name_as_text"
	FillerValue      Fault = "filler_value"
	ExampleValue     Fault = "example_value"
	ShortUserName    Fault = "short_user_name"
	IDAsUserName     Fault = "id_as_user_name"
	AddressAsID      Fault = "address_as_external_id"
	CreatedInactive  Fault = "created_inactive"
	ManagerNotID     Fault = "manager_not_id"
	PasswordMapped   Fault = "password_mapped"
	LocaleForm       Fault = "locale_form"
	LanguageForm     Fault = "language_form"
	TimezoneForm     Fault = "timezone_form"
	NotURL           Fault = "not_url"
	RolesAsText      Fault = "roles_as_text"
)

// doubtful are the causes that a doubtful value explains. Several users can have the same
// one, so it also explains duplicates.
var doubtful = []cause.Cause{cause.Validation, cause.Tolerated, cause.Duplicate, cause.DuplicateInactive, cause.DuplicateSeveral, cause.IdentityDiffers}

// valueFaults are the faults that values show.
func valueFaults() map[Fault]row { //nolint:funlen // a table
	return map[Fault]row{
		ExpressionAsText: {
			means: "An expression or a placeholder is sent in place of its result.", explains: doubtful, warns: true, sample: "userName",
			neutral: "{At}, {attribute} gets an expression as a text: map an attribute of the user to it, and not a constant.",
			in: map[idp.Provider]string{
				idp.Okta:     "{At}, {attribute} gets an expression as a text: choose Expression and enter it without quotes or braces, or Map from Okta Profile and {source}.",
				idp.Entra:    "{At}, {attribute} gets an expression as a text: set its Mapping type to Direct with the Source attribute {source}, or to Expression, not Constant.",
				idp.OneLogin: "{Define}, {attribute} has a macro that OneLogin does not know: write one with braces and a dollar sign, for example {source}.",
			},
		},
		NameAsText: {
			means: "The name of an attribute is sent as its value.", explains: doubtful, warns: true, sample: "displayName",
			neutral: "{At}, {attribute} gets the name of an attribute as a text: map the attribute itself to it, and not a constant.",
			in: map[idp.Provider]string{
				idp.Okta:  "{At}, {attribute} gets the name of an attribute as a text: choose Map from Okta Profile and {source}, not Same value for all users.",
				idp.Entra: "{At}, {attribute} gets the name of an attribute as a text: set its Mapping type to Direct with the Source attribute {source}, not Constant.",
			},
		},
		FillerValue: {
			means: "A word that stands for an empty value, for example null or N/A, is sent as a text.", explains: doubtful, warns: true, sample: "title",
			neutral: "{At}, {attribute} gets a word for no value: leave the value empty in the user's profile, or map an expression that is empty then.",
			in: map[idp.Provider]string{
				idp.Okta:  "{At}, {attribute} gets a word for no value: clear it in the user's profile under Directory > People, and correct the expression of the mapping so that it returns nothing.",
				idp.Entra: "{At}, {attribute} gets a word for no value: empty Default value if null (optional) of the mapping, or correct its expression.",
			},
		},
		ExampleValue: {
			means: "An example value from the documentation of a product is sent for a user.", explains: doubtful, warns: true, sample: "emails.value",
			neutral: "{At}, {attribute} gets the value of an example: map an attribute of the user to it, and not a constant.",
			in: map[idp.Provider]string{
				idp.Okta:  "{At}, {attribute} gets the value of an example: choose Map from Okta Profile and {source}, not Same value for all users.",
				idp.Entra: "{At}, {attribute} gets the value of an example: set its Mapping type to Direct with the Source attribute {source}, not Constant.",
			},
		},
		ShortUserName: {
			means: "userName is the part of the address before the @, for example from mailNickname.", explains: possible, sample: "userName",
			neutral: "{At}, userName is only the first part of the address: map the whole address to it, if users sign in to the application with their address.",
			in: map[idp.Provider]string{
				idp.Okta:     "Under Sign On > Credentials Details, set Application username format to Email or Okta username: userName is only the first part of the address.",
				idp.Entra:    "{At}, change the Source attribute of userName from mailNickname to userPrincipalName: userName is only the first part of the address.",
				idp.OneLogin: "On the app's Parameters tab, set SCIM Username to Email: userName is only the first part of the address.",
			},
		},
		IDAsUserName: {
			means: "userName is an id or the name of an account in a directory, not the name with which the user signs in.", explains: possible, sample: "userName",
			neutral: "{At}, userName is an id: map to it the address with which the user signs in.",
			in: map[idp.Provider]string{
				idp.Okta:     "Under Sign On > Credentials Details, set Application username format to Email or Okta username: userName is an id.",
				idp.Entra:    "{At}, change the Source attribute of userName to userPrincipalName, and map objectId to externalId: userName is an id.",
				idp.OneLogin: "On the app's Parameters tab, set SCIM Username to Email: userName is an id.",
			},
		},
		AddressAsID: {
			means: "externalId is an address, which can change with the person's name and can later be given to another person.", explains: []cause.Cause{none, cause.ExternalIDChanged, cause.ExternalIDRefused, cause.DuplicateSeveral}, sample: "externalId",
			neutral: "{At}, externalId is an address, which can change: map an id that never changes to it.",
			in: map[idp.Provider]string{
				idp.Okta:     "{At}, externalId is an address, which can change: remove this mapping; Okta sends the id of its user by itself.",
				idp.Entra:    "{At}, externalId is an address, which can change: change the Source attribute of externalId to objectId.",
				idp.OneLogin: "{Define}, externalId is an address, which can change: write \"externalId\": \"{$user.id}\".",
			},
		},
		CreatedInactive: {
			means: "A user is created with active false: active is inverted or a constant, or the user is disabled.", explains: possible, sample: "active",
			neutral: "The user was created inactive. If the user may sign in, active is inverted in {mapping}, or a constant: map whether the user may sign in.",
			in: map[idp.Provider]string{
				idp.Okta:     "The user was created inactive. If the user is active in Okta, delete the attribute with the External name active under Directory > Profile Editor: Okta sends active by itself.",
				idp.Entra:    "The user was created inactive. If Account enabled is set for the user, active is inverted under Provisioning > Attribute mapping: use Switch([IsSoftDeleted], , \"False\", \"True\", \"True\", \"False\").",
				idp.OneLogin: "The user was created inactive. If the user is active in OneLogin, correct \"active\" in the SCIM JSON Template on the app's Configuration tab, or leave it out.",
			},
		},
		ManagerNotID: {
			means: "A manager is sent as a name, an address or an id of the identity provider.", explains: []cause.Cause{none}, sample: "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value",
			neutral: "{At}, manager.value is not the id of a user here: map a reference to the manager, and assign the manager to the app too; or remove the mapping.",
			in: map[idp.Provider]string{
				idp.Okta:     "{Define}, manager.value must be the id of a user in this service, which Okta does not know: delete the attribute, or use it only as a text in the application.",
				idp.Entra:    "{At}, change the Source attribute to manager itself, with the Target attribute urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager, and assign the manager under Users and groups: a name or an address was sent.",
				idp.OneLogin: "{Define}, write \"manager\": {\"value\": \"{$parameters.external_manager_id}\"}: a name or an address was sent.",
			},
		},
		PasswordMapped: {
			means: "A password is sent, which the service never keeps.", explains: possible, sample: "password",
			neutral: "{At}, remove the mapping to password: it is checked and never stored, and users sign in by single sign-on.",
			in: map[idp.Provider]string{
				idp.Okta:     "Under Provisioning > To App, disable Sync Password: a password is never stored here, and users sign in by single sign-on.",
				idp.Entra:    "{At}, delete the mapping to password: it is never stored here, and users sign in by single sign-on.",
				idp.OneLogin: "{Define}, remove password: it is never stored here, and users sign in by single sign-on.",
			},
		},
		LocaleForm: {
			means: "locale is not the code of a language and a country, for example en-US.", explains: possible, sample: "locale",
			neutral: "{At}, map the code of a language and a country to locale, for example en-US.",
			in: map[idp.Provider]string{
				idp.Okta:  "{At}, map user.locale to locale, and enter values of the form en_US in the users' profiles under Directory > People.",
				idp.Entra: "{At}, map preferredLanguage to locale, or an expression that returns the form en-US, for example Switch([NAME], , \"English\", \"en-US\").",
			},
		},
		LanguageForm: {
			means: "preferredLanguage is not a language tag, for example en-US.", explains: possible, sample: "preferredLanguage",
			neutral: "{At}, map a value of the form en-US to preferredLanguage.",
			in: map[idp.Provider]string{
				idp.Okta:  "{At}, map user.preferredLanguage to preferredLanguage, and enter values of the form en-US in the users' profiles under Directory > People.",
				idp.Entra: "{At}, map preferredLanguage to preferredLanguage, or an expression that returns the form en-US, for example Switch([NAME], , \"English\", \"en-US\").",
			},
		},
		TimezoneForm: {
			means: "timezone is not the IANA name of a time zone, for example America/Los_Angeles.", explains: possible, sample: "timezone",
			neutral: "{At}, map a value of the form America/Los_Angeles to timezone.",
			in: map[idp.Provider]string{
				idp.Okta:  "{At}, map user.timezone to timezone, and enter values of the form America/Los_Angeles in the users' profiles under Directory > People.",
				idp.Entra: "{At}, map an expression that returns the form America/Los_Angeles to timezone, for example Switch([NAME], , \"Pacific Standard Time\", \"America/Los_Angeles\").",
			},
		},
		NotURL: {
			means: "A value that must be a URL is not one, for example the data of a picture in photos.", explains: []cause.Cause{none, cause.Validation}, sample: "photos.value",
			neutral: "{At}, {attribute} is no URL: map the address of the picture to it, not its data, or remove the mapping.",
			in: map[idp.Provider]string{
				idp.Okta:     "{At}, {attribute} is no URL: map user.profileUrl or an attribute with the address of the picture to it, or remove the mapping.",
				idp.Entra:    "{At}, {attribute} is no URL: delete this mapping, because thumbnailPhoto is the data of a picture, or choose a Source attribute with its address.",
				idp.OneLogin: "{Define}, {attribute} is no URL: write a macro with the address of the picture, or remove it.",
			},
		},
		RolesAsText: {
			means: "roles gets a text in place of a list, for example from SingleAppRoleAssignment in Entra.", explains: []cause.Cause{none, cause.Validation}, sample: "roles",
			neutral: "{At}, roles gets a text, but it is a list: map the role to {target}.",
			in: map[idp.Provider]string{
				idp.Okta:     "{Define}, roles gets a text, but it is a list: change the External name to roles.^[primary==true].value.",
				idp.Entra:    "{At}, roles gets a text: with SingleAppRoleAssignment([appRoleAssignments]) change the Target attribute to {target}; for several roles map AssertiveAppRoleAssignmentsComplex([appRoleAssignments]) to roles.",
				idp.OneLogin: "{Define}, roles gets a text: write \"roles\": [{\"value\": \"{$parameters.NAME}\", \"primary\": true}].",
			},
		},
	}
}
