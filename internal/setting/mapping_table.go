package setting

import (
	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/idp"
	"github.com/rollcall-scim/rollcall/internal/scim"
)

// The faults of a mapping: what kind of value is mapped, and where to.
const (
	TextForList      Fault = "text_for_list"
	TextForParts     Fault = "text_for_parts"
	SeveralForOne    Fault = "several_for_one"
	OtherThanText    Fault = "other_than_text"
	NotBoolean       Fault = "not_boolean"
	ActiveNotBoolean Fault = "active_not_boolean"
	NotNumber        Fault = "not_number"
	NotDate          Fault = "not_date"
	NotBinary        Fault = "not_binary"
	TooLong          Fault = "too_long"
	HiddenCharacters Fault = "hidden_characters"
	SeveralAddresses Fault = "several_addresses"
	SentTwice        Fault = "sent_twice"
	ReadOnlyTarget   Fault = "read_only_target"
	WrongTarget      Fault = "wrong_target"
	NoSuchTarget     Fault = "no_such_target"
	PlaceholderURN   Fault = "placeholder_urn"
	MissingURN       Fault = "missing_urn"
	DottedURN        Fault = "dotted_urn"
	BadPath          Fault = "bad_path"
	SeveralPrimary   Fault = "several_primary"
	AlwaysSet        Fault = "always_set"
	WrongLookup      Fault = "wrong_lookup"
	WrongGroupLookup Fault = "wrong_group_lookup"
	TextForPhones    Fault = "text_for_phones"
	SetOnce          Fault = "set_once"
	NoValueAtTarget  Fault = "no_value_at_target"
	WrongSchemas     Fault = "wrong_schemas"
	BadJSON          Fault = "bad_json"
	RoleParts        Fault = "role_parts"
)

// The causes that faults of a mapping explain. With refused, the value is refused; with
// changed, it can also be accepted with changes; with success, also without any.
var (
	refused = []cause.Cause{cause.Validation}
	changed = []cause.Cause{cause.Validation, cause.Tolerated}
	success = []cause.Cause{cause.Validation, cause.Tolerated, none}
)

// changeTarget returns a row with the correction of a mapping to a wrong target. what says
// what is wrong with the target.
func changeTarget(r row, what string) row {
	r.neutral = "{At}, " + what + ": map the value to {target} instead."
	r.in = map[idp.Provider]string{
		idp.Okta:     "{Define}, " + what + ": change its External name to {local} with the External namespace {urn}, or add such an attribute and map it.",
		idp.Entra:    "{At}, " + what + ": change the Target attribute of this mapping to {target}.",
		idp.OneLogin: "{Define}, " + what + ": write {target} instead.",
	}
	return r
}

// mappingFaults are the faults of the kind and the target of a mapping.
func mappingFaults() map[Fault]row { //nolint:funlen // a table
	return map[Fault]row{
		TextForList: changeTarget(row{
			means: "A text is mapped to an attribute that is a list of values, for example phone numbers.", explains: success, sample: "phoneNumbers",
		}, "{attribute} gets a text, but it is a list of values"),
		WrongTarget: changeTarget(row{
			means: "The target of a mapping does not exist under this name; another attribute is meant.", explains: changed, sample: "mobile",
		}, "{attribute} is mapped, but there is no such attribute"),
		MissingURN: changeTarget(row{
			means: "An attribute of an extension is mapped without the URN of its schema.", explains: success, sample: "department",
		}, "{local} is mapped without the URN of its schema"),
		DottedURN: changeTarget(row{
			means: "There is a dot between the URN of a schema and the attribute, in place of a colon.", explains: success, sample: "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
		}, "{local} is mapped with a dot after the URN of its schema, which must be a colon"),
		BadPath: changeTarget(row{
			means: "The target of a mapping is not a valid path, for example because of quotes or a type in its brackets.", explains: changed, sample: `phoneNumbers[type eq mobile].value`,
		}, "{attribute} is no valid target"),
		NoValueAtTarget: changeTarget(row{
			means: "The target of a mapping selects a whole value that the user does not have, so it cannot be changed.", explains: refused, sample: "emails",
		}, "the target selects a value of {attribute} that the user does not have"),
		TextForParts: {
			means: "A text is mapped to an attribute that has parts, for example name.", explains: refused, sample: "name",
			neutral: "{At}, {attribute} gets a text, but it has parts: remove this mapping, and map its parts, for example name.givenName and name.familyName.",
			in: map[idp.Provider]string{
				idp.Okta:     "{Define}, {attribute} is one text, but it has parts: use attributes with the External name of each part, for example name.givenName and name.familyName, and map them.",
				idp.OneLogin: `{Define}, {attribute} is one text, but it has parts: write "name": {"givenName": "{$user.firstname}", "familyName": "{$user.lastname}"}.`,
			},
		},
		SeveralForOne: {
			means: "Several values are mapped to an attribute that has one.", explains: refused, sample: "title",
			neutral: "{At}, {attribute} gets several values, but it takes one: map a single value to it.",
			in: map[idp.Provider]string{
				idp.Okta:  "{At}, {attribute} gets several values, but it takes one: map one by the expression Arrays.get(user.NAME, 0), or set its Data type to string under Directory > Profile Editor.",
				idp.Entra: "{At}, {attribute} gets several values, but it takes one: map one by the expression Item([NAME], 1), or choose another Source attribute.",
			},
		},
		OtherThanText: {
			means: "A number, a boolean or an object is mapped to a text attribute.", explains: refused, sample: "title",
			neutral: "{At}, {attribute} gets a value that is not a text: map a text to it.",
			in: map[idp.Provider]string{
				idp.Okta:     "{Define}, set the Data type of {attribute} to string.",
				idp.Entra:    "{Define}, set the Type of {attribute} to String.",
				idp.OneLogin: "{Define}, write the value of {attribute} between quotes.",
			},
		},
		NotBoolean: {
			means: "A boolean attribute gets a value that is neither true nor false, for example yes.", explains: refused, sample: "urn:ietf:params:scim:schemas:extension:rollcall:2.0:User:isTeamAccount",
			neutral: "{At}, {local} takes only true or false: map a value of that kind to it.",
			in: map[idp.Provider]string{
				idp.Okta:     "{At}, {local} takes only true or false: set its Data type to boolean under Directory > Profile Editor, and map an expression to it, for example user.NAME == \"yes\".",
				idp.Entra:    "{At}, {local} takes only True or False: map an expression to it, for example Switch([NAME], \"False\", \"yes\", \"True\").",
				idp.OneLogin: "{Define}, {local} takes only true or false: write one of them, without quotes.",
			},
		},
		ActiveNotBoolean: {
			means: "active gets a value that is neither true nor false.", explains: refused, sample: "active",
			neutral: "{At}, active takes only true or false: map to it whether the user may sign in.",
			in: map[idp.Provider]string{
				idp.Okta:     "{Define}, remove the attribute with the External name active: Okta sends it by itself, if Deactivate Users is enabled under Provisioning > To App.",
				idp.Entra:    "{At}, active takes only True or False: map the expression Switch([IsSoftDeleted], , \"False\", \"True\", \"True\", \"False\") to it.",
				idp.OneLogin: "{Define}, write \"active\": true, without quotes around true, or leave active out.",
			},
		},
		NotNumber: {
			means: "A number attribute gets a value that is not a number.", explains: refused, sample: "urn:example:hr:1.0:User:grade",
			neutral: "{At}, {local} takes only numbers: map a number to it.",
			in: map[idp.Provider]string{
				idp.Okta:  "{Define}, set the Data type of {local} to integer or number, and map a number to it.",
				idp.Entra: "{Define}, set the Type of {local} to Integer, and map a number to it.",
			},
		},
		NotDate: {
			means: "A date attribute gets a value in another format.", explains: refused, sample: "urn:example:hr:1.0:User:hired",
			neutral: "{At}, {local} takes a time of the form 2026-01-23T04:56:22Z: map one to it.",
			in: map[idp.Provider]string{
				idp.Okta:  "{At}, {local} takes a time of the form 2026-01-23T04:56:22Z: map the expression Time.fromStringToIso8601(user.NAME) or another one of this form to it.",
				idp.Entra: "{At}, {local} takes a time of the form 2026-01-23T04:56:22Z: map the expression FormatDateTime([NAME], , \"M/d/yyyy\", \"yyyy-MM-ddTHH:mm:ssZ\") to it.",
			},
		},
		NotBinary: {
			means: "A certificate or another binary value is not in base64.", explains: refused, sample: "x509Certificates.value",
			neutral: "{At}, {attribute} takes one value in base64: map such a value to it, or remove the mapping.",
		},
		TooLong: {
			means: "A value is longer than the service stores.", explains: refused, sample: "displayName",
			neutral: "{At}, the value of {attribute} is too long: map a shorter one, or correct it in the user's profile.",
			in: map[idp.Provider]string{
				idp.Okta:  "{At}, the value of {attribute} is too long: map an expression that cuts it, for example substring(user.NAME, 0, 200), or correct the user's profile.",
				idp.Entra: "{At}, the value of {attribute} is too long: map an expression that cuts it, for example Mid([NAME], 1, 200), or correct the user's profile.",
			},
		},
		HiddenCharacters: {
			means: "A value has invisible characters, or no visible ones.", explains: refused, sample: "userName",
			neutral: "Type the value of {attribute} again in the identity provider, without copying it; or remove invisible characters in {mapping}.",
			in: map[idp.Provider]string{
				idp.Okta:  "Type the value of {attribute} again under Directory > People or Directory > Groups, without copying it; or remove invisible characters by an expression in {mapping}.",
				idp.Entra: "Type the value of {attribute} again in the properties of the user or group, without copying it; or remove invisible characters by the expression Replace in {mapping}.",
			},
		},
		SeveralAddresses: {
			means: "A text that is not one email address is mapped to emails.", explains: refused, sample: "emails",
			neutral: "{At}, emails gets a text that is not one address: map each address to {target} or another type.",
			in: map[idp.Provider]string{
				idp.Okta:  "{Define}, emails gets a text that is not one address: use an attribute with the External name {target} for each address.",
				idp.Entra: "{At}, emails gets a text that is not one address: change the Target attribute to {target}, and the Source attribute to mail.",
			},
		},
		SentTwice: {
			means: "Two mappings have the same target.", explains: refused, sample: "name",
			neutral: "{At}, two mappings have the target {attribute}: remove one of them.",
			in: map[idp.Provider]string{
				idp.Okta:     "{Define}, two attributes have the External name {attribute}, or one is a part of the other: delete one of them.",
				idp.OneLogin: "{Define}, {attribute} is written twice: remove one.",
			},
		},
		ReadOnlyTarget: {
			means: "A value is mapped to an attribute that only the service sets, for example groups.", explains: success, sample: "groups",
			neutral: "{At}, remove the mapping to {attribute}: only this service sets it.",
			in: map[idp.Provider]string{
				idp.Okta:     "{Define}, delete the attribute with the External name {attribute}: only this service sets it. Groups are sent under Push Groups.",
				idp.Entra:    "{At}, delete the mapping to {attribute}: only this service sets it. Groups have a mapping of their own, Provision Microsoft Entra ID Groups.",
				idp.OneLogin: "{Define}, remove {attribute}: only this service sets it.",
			},
		},
		NoSuchTarget: {
			means: "The target of a mapping is not in any schema of the tenant.", explains: changed, sample: "shoeSize",
			neutral: "{At}, remove the mapping to {attribute}, which no schema has; or ask an owner of the application to add it to a schema, and use the URN of that schema.",
			in: map[idp.Provider]string{
				idp.Okta:     "{Define}, delete {attribute}, which no schema has; or ask an owner of the application for a schema with it, and enter the URN of that schema as External namespace.",
				idp.Entra:    "{At}, delete the mapping to {attribute}, which no schema has; or ask an owner of the application for a schema with it, and use the URN of that schema under Edit attribute list.",
				idp.OneLogin: "{Define}, remove {attribute}, which no schema has; or ask an owner of the application for a schema with it, and write it within the URN of that schema.",
			},
		},
		PlaceholderURN: {
			means: "The target of a mapping has a URN from an example in the documentation of a product.", explains: changed, sample: "urn:ietf:params:scim:schemas:extension:CustomExtensionName:2.0:User:badge",
			neutral: "{At}, the target {attribute} has the URN of an example: use the URN of a schema that the application has, or remove the mapping.",
			in: map[idp.Provider]string{
				idp.Okta:  "{Define}, {attribute} has the External namespace of an example: enter a URN of the application, for isTeamAccount " + scim.RollcallURN + ", or delete the attribute.",
				idp.Entra: "{Define}, {attribute} has the URN of Microsoft's example: add the attribute with the URN of a schema that the application has, and map to that; or delete the mapping.",
			},
		},
		SeveralPrimary: {
			means: "More than one value of an attribute is primary.", explains: changed, sample: "emails",
			neutral: "{At}, more than one value of {attribute} is primary: map primary true for only one of them.",
			in: map[idp.Provider]string{
				idp.Okta:     "{Define}, several attributes have an External name with {attribute}.^[primary==true]: keep it for one, and use .^[type=='home'] or another type for the others.",
				idp.Entra:    "{At}, several mappings set {attribute}[…].primary or have primary eq true in the Target attribute: keep that for one, and use [type eq \"home\"] or another type for the others.",
				idp.OneLogin: "{Define}, write \"primary\": true for one value of {attribute}, and leave it out in the others.",
			},
		},
		AlwaysSet: {
			means: "A mapping removes the value of an attribute that must always have one.", explains: changed, sample: "active",
			neutral: "{At}, {local} is sent without a value, but it must always have one: map a value that is never empty to it.",
			in: map[idp.Provider]string{
				idp.Okta:  "{At}, {local} is sent without a value, but it must always have one: map an expression that is never empty to it, for example user.NAME != null ? user.NAME : false.",
				idp.Entra: "{At}, {local} is sent without a value, but it must always have one: enter a Default value if null (optional) for it.",
			},
		},
		WrongSchemas: {
			means: "schemas lists the schema of another kind of resource.", explains: refused, sample: "schemas",
			neutral: "In the template of the request, write the URN of the core schema into schemas: urn:ietf:params:scim:schemas:core:2.0:User for users, and urn:ietf:params:scim:schemas:core:2.0:Group for groups.",
			in: map[idp.Provider]string{
				idp.OneLogin: "{Define}, write \"schemas\": [\"urn:ietf:params:scim:schemas:core:2.0:User\"].",
			},
		},
		BadJSON: {
			means: "The body of the request is not valid JSON, for example because of a comma or a quote.", explains: refused,
			neutral: "Correct the JSON of the request at the place that the detail names, for example a comma, a quote, a bracket or a name that occurs twice.",
			in: map[idp.Provider]string{
				idp.OneLogin: "{Define}, correct what is not JSON, for example a comma, a quote, a bracket or a name that occurs twice.",
			},
		},
		RoleParts: {
			means: "roles gets parts that are not kept, for example the id of an app role.", explains: changed, lasts: true, sample: "roles.id",
			neutral: "{At}, {attribute} is not kept: map the value of the role to roles[primary eq \"True\"].value. Nothing else is lost.",
			in: map[idp.Provider]string{
				idp.Okta:     "{Define}, {attribute} is not kept: change the External name to roles.^[primary==true].value. Nothing else is lost.",
				idp.Entra:    "{At}, {attribute} is not kept: for one role map SingleAppRoleAssignment([appRoleAssignments]) to roles[primary eq \"True\"].value. For several roles it can stay: nothing else is lost.",
				idp.OneLogin: "{Define}, {attribute} is not kept: write \"value\" for the role. Nothing else is lost.",
			},
		},
		SetOnce: {
			means: "A mapping changes an attribute that can be set only once.", explains: refused, sample: "urn:example:hr:1.0:User:badge",
			neutral: "{At}, send {attribute} only when a user is created: its value cannot be changed.",
			in: map[idp.Provider]string{
				idp.Okta:  "{At}, set Apply on of {attribute} to Create: its value cannot be changed.",
				idp.Entra: "{At}, set Apply this mapping of {attribute} to Only during object creation: its value cannot be changed.",
			},
		},
		WrongLookup: {
			means: "Users are matched by an attribute by which the service cannot look them up.", explains: []cause.Cause{cause.Validation, cause.WalkLimit}, lasts: true, sample: "mail",
			neutral: "Choose userName or externalId as the attribute by which the identity provider matches users, in place of {attribute}.",
			in: map[idp.Provider]string{
				idp.Okta:  "Under Provisioning > Integration, set Unique identifier field for users to userName, in place of {attribute}.",
				idp.Entra: "Under Provisioning > Attribute mapping, edit the mapping of {attribute}: set Match objects using this attribute to No, and to Yes for userName or externalId.",
			},
		},
		TextForPhones: {
			means: "A text is mapped to phoneNumbers, which is a list of numbers.", explains: success, sample: "phoneNumbers",
			neutral: "{At}, phoneNumbers gets a text, but it is a list: map a mobile number to phoneNumbers[type eq \"mobile\"].value, and another one to phoneNumbers[type eq \"work\"].value.",
			in: map[idp.Provider]string{
				idp.Okta:     "{Define}, phoneNumbers is one text, but it is a list: change the External name to phoneNumbers.^[type=='mobile'].value for user.mobilePhone, or to phoneNumbers.^[primary==true].value for user.primaryPhone.",
				idp.Entra:    "{At}, phoneNumbers gets a text, but it is a list: change the Target attribute to phoneNumbers[type eq \"mobile\"].value for mobile, or to phoneNumbers[type eq \"work\"].value for telephoneNumber.",
				idp.OneLogin: "{Define}, phoneNumbers is one text, but it is a list: write \"phoneNumbers\": [{\"value\": \"{$parameters.NAME}\", \"type\": \"mobile\"}], or the type \"work\".",
			},
		},
		WrongGroupLookup: {
			means: "Groups are matched by an attribute that the service's groups do not have.", explains: refused, lasts: true, sample: "mail",
			neutral: "Choose displayName as the attribute by which the identity provider matches groups, in place of {attribute}.",
			in: map[idp.Provider]string{
				idp.Okta:  "Okta looks groups up by displayName: add them by name under Push Groups, and remove what looks them up by {attribute}.",
				idp.Entra: "{At} > Provision Microsoft Entra ID Groups, edit the mapping of {attribute}: set Match objects using this attribute to No, and to Yes for displayName.",
			},
		},
	}
}
