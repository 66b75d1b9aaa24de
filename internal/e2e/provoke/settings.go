package provoke

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/idp"
	"github.com/rollcall-scim/rollcall/internal/setting"
)

// A FaultySetting is a faulty setting of an identity provider, with the request that
// the identity provider then sends.
type FaultySetting struct {
	// Name says what is set wrongly.
	Name string
	By   idp.Provider
	// Fault is the fault that the request shows.
	Fault setting.Fault
	// Says has the words that the advice must have: the screen, the attribute and the
	// correction, as the identity provider has them.
	Says []string
	// Do sends the request, on a Stage of its own.
	Do func(s *Stage, p idp.Provider) Answer
}

// FaultySettings are all of them.
var FaultySettings = slices.Concat(mappings, accountTypes, scopes)

// creating creates a user with further attributes.
func creating(more string) func(*Stage, idp.Provider) Answer {
	return func(s *Stage, p idp.Provider) Answer { return s.create(p, more) }
}

// withoutSeats sends a request to a tenant without free seats.
func withoutSeats(do func(*Stage, idp.Provider) Answer) func(*Stage, idp.Provider) Answer {
	return func(s *Stage, p idp.Provider) Answer {
		s.set(`{"maxSeats":0}`)
		return do(s, p)
	}
}

// changing changes a user by operations.
func changing(operations ...string) func(*Stage, idp.Provider) Answer {
	return func(s *Stage, p idp.Provider) Answer {
		id := s.must(s.create(p, "")).ID()
		return s.SendAs(p, "PATCH", "/Users/"+id, stage.Patch(operations...))
	}
}

// replacing sets one path, as Entra does.
func replacing(path, value string) func(*Stage, idp.Provider) Answer {
	return changing(fmt.Sprintf(`{"op":"Replace","path":%q,"value":%s}`, path, value))
}

// looking looks users up by a filter.
func looking(filter string) func(*Stage, idp.Provider) Answer {
	return func(s *Stage, p idp.Provider) Answer {
		return s.SendAs(p, "GET", "/Users?filter="+url.QueryEscape(filter), "")
	}
}

const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

// with creates a user with the usual body, in which old is replaced.
func with(old, replacement string) func(*Stage, idp.Provider) Answer {
	return func(s *Stage, p idp.Provider) Answer {
		body := newUser(p, alice, "")
		changed := strings.Replace(body, old, replacement, 1)
		require.NotEqualf(s.t, body, changed, "the body has no %s", old)
		return s.SendAs(p, "POST", "/Users", changed)
	}
}

// The screens with mappings.
const (
	entraMapping = "Provisioning > Attribute mapping"
	oktaMapping  = "Provisioning > To App > Attribute Mappings"
	oktaProfile  = "Directory > Profile Editor"
	template     = "SCIM JSON Template on the app's Configuration tab"
	signOn       = "Sign On > Credentials Details"
)

// mappings are the faulty settings of attribute mappings.
var mappings = slices.Concat(kinds, targets, values, absences, ofSchemas)

// kinds are mappings of the wrong kind of value.
var kinds = []FaultySetting{
	{
		Name: "a text mapped to phoneNumbers", By: idp.Entra, Fault: setting.TextForPhones,
		Says: []string{entraMapping, "phoneNumbers gets a text", `Target attribute to phoneNumbers[type eq "mobile"].value for mobile`, `phoneNumbers[type eq "work"].value for telephoneNumber`},
		Do:   creating(`,"phoneNumbers":"+1 555 0100"`),
	},
	{
		Name: "External name phoneNumbers for a text", By: idp.Okta, Fault: setting.TextForPhones,
		Says: []string{oktaProfile, "External name to phoneNumbers.^[type=='mobile'].value", "phoneNumbers.^[primary==true].value"},
		Do:   creating(`,"phoneNumbers":"+1 555 0100"`),
	},
	{
		Name: "a text for phoneNumbers in the template", By: idp.OneLogin, Fault: setting.TextForPhones,
		Says: []string{template, `"phoneNumbers": [{"value": "{$parameters.NAME}", "type": "mobile"}]`, `the type "work"`},
		Do:   creating(`,"phoneNumbers":"+1 555 0100"`),
	},
	{
		Name: "a text mapped to addresses", By: idp.Entra, Fault: setting.TextForList,
		Says: []string{entraMapping, "addresses gets a text", `addresses[type eq "work"].streetAddress`},
		Do:   creating(`,"addresses":"1 Main Street"`),
	},
	{
		Name: "a text mapped to addresses", By: idp.Google, Fault: setting.TextForList,
		Says: []string{"App attributes under the app's Autoprovisioning", "addresses gets a text", `addresses[type eq "work"].streetAddress`},
		Do:   creating(`,"addresses":"1 Main Street"`),
	},
	{
		Name: "the display name mapped to name", By: idp.Entra, Fault: setting.TextForParts,
		Says: []string{entraMapping, "name gets a text", "name.givenName and name.familyName"},
		Do:   with(`"name":{"formatted":"Alice Archer","familyName":"Archer","givenName":"Alice"}`, `"name":"Alice Archer"`),
	},
	{
		Name: "External name name for a text", By: idp.Okta, Fault: setting.TextForParts,
		Says: []string{oktaProfile, "External name of each part", "name.givenName and name.familyName"},
		Do:   with(`"name":{"givenName":"Alice","familyName":"Archer"}`, `"name":"Alice Archer"`),
	},
	{
		Name: "accountEnabled as a word", By: idp.Entra, Fault: setting.ActiveNotBoolean,
		Says: []string{entraMapping, `Switch([IsSoftDeleted], , "False", "True", "True", "False")`},
		Do:   replacing("active", `"Enabled"`),
	},
	{
		Name: "an attribute of the profile for active", By: idp.Okta, Fault: setting.ActiveNotBoolean,
		Says: []string{oktaProfile, "remove the attribute with the External name active", "Deactivate Users"},
		Do:   with(`"active":true`, `"active":"ACTIVE"`),
	},
	{
		Name: "active between quotes", By: idp.OneLogin, Fault: setting.ActiveNotBoolean,
		Says: []string{template, `"active": true`},
		Do:   with(`"active":true`, `"active":"1"`),
	},
	{
		Name: "a list mapped to title", By: idp.Entra, Fault: setting.SeveralForOne,
		Says: []string{entraMapping, "title gets several values", "Item([NAME], 1)"},
		Do:   creating(`,"title":["Designer","Painter"]`),
	},
	{
		Name: "a list mapped to title", By: idp.Okta, Fault: setting.SeveralForOne,
		Says: []string{oktaMapping, "title gets several values", "Arrays.get(user.NAME, 0)"},
		Do:   creating(`,"title":["Designer","Painter"]`),
	},
	{
		Name: "a number for employeeNumber", By: idp.Okta, Fault: setting.OtherThanText,
		Says: []string{oktaProfile, "Data type of urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber to string"},
		Do:   creating(`,"` + enterprise + `":{"employeeNumber":4711}`),
	},
	{
		Name: "proxyAddresses mapped to emails", By: idp.Entra, Fault: setting.SeveralAddresses,
		Says: []string{entraMapping, "emails gets a text that is not one address", `emails[type eq "work"].value`, "Source attribute to mail"},
		Do:   with(`"emails":[{"primary":true,"type":"work","value":"alice@example.com"}]`, `"emails":"SMTP:alice@example.com;smtp:a@example.com"`),
	},
	{
		Name: "a description as title", By: idp.Entra, Fault: setting.TooLong,
		Says: []string{entraMapping, "value of title is too long", "Mid([NAME], 1, 200)"},
		Do:   func(s *Stage, p idp.Provider) Answer { return s.create(p, `,"title":"`+strings.Repeat("x", 9000)+`"`) },
	},
	{
		Name: "groups as a target", By: idp.Entra, Fault: setting.ReadOnlyTarget,
		Says: []string{entraMapping, "delete the mapping to groups", "Provision Microsoft Entra ID Groups"},
		Do:   replacing("groups", `[{"value":"g-1"}]`),
	},
	{
		Name: "groups in the app's profile", By: idp.Okta, Fault: setting.ReadOnlyTarget,
		Says: []string{oktaProfile, "External name groups", "Push Groups"},
		Do:   with(`"groups":[]`, `"groups":[{"value":"g-1"}]`),
	},
	{
		Name: "isTeamAccount as a word", By: idp.Entra, Fault: setting.NotBoolean,
		Says: []string{entraMapping, "isTeamAccount takes only True or False", "Switch([NAME]"},
		Do:   replacing("urn:ietf:params:scim:schemas:extension:rollcall:2.0:User:isTeamAccount", `"yes"`),
	},
	{
		Name: "SingleAppRoleAssignment mapped to roles", By: idp.Entra, Fault: setting.RolesAsText,
		Says: []string{entraMapping, "SingleAppRoleAssignment([appRoleAssignments])", `roles[primary eq "True"].value`, "AssertiveAppRoleAssignmentsComplex([appRoleAssignments])"},
		Do:   with(`"roles":[]`, `"roles":"Admin"`),
	},
	{
		Name: "AssertiveAppRoleAssignmentsComplex mapped to roles", By: idp.Entra, Fault: setting.RoleParts,
		Says: []string{entraMapping, "roles.id is not kept", "SingleAppRoleAssignment([appRoleAssignments])"},
		Do:   with(`"roles":[]`, `"roles":[{"id":"8a1e7c4e","value":"Admin","display":"Admin"}]`),
	},
	{
		Name: "the URN of groups in the template", By: idp.OneLogin, Fault: setting.WrongSchemas,
		Says: []string{template, `"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"]`},
		Do:   with("core:2.0:User", "core:2.0:Group"),
	},
	{
		Name: "a comma too many in the template", By: idp.OneLogin, Fault: setting.BadJSON,
		Says: []string{template, "correct what is not JSON"},
		Do:   with(`"active":true`, `"active":true,`),
	},
	{
		Name: "thumbnailPhoto mapped to photos", By: idp.Entra, Fault: setting.NotURL,
		Says: []string{entraMapping, "photos.value is no URL", "thumbnailPhoto"},
		Do:   creating(`,"photos":[{"type":"photo","value":"/9j/4AAQ SkZJRg"}]`),
	},
}

// targets are mappings to the wrong attribute.
var targets = []FaultySetting{
	{
		Name: "mobile as a target", By: idp.Entra, Fault: setting.WrongTarget,
		Says: []string{entraMapping, "mobile is mapped", `Target attribute of this mapping to phoneNumbers[type eq "mobile"].value`},
		Do:   creating(`,"mobile":"+1 555 0100"`),
	},
	{
		Name: "External name mobilePhone", By: idp.Okta, Fault: setting.WrongTarget,
		Says: []string{oktaProfile, "mobilePhone is mapped", "External name to phoneNumbers.^[type=='mobile'].value"},
		Do:   creating(`,"mobilePhone":"+1 555 0100"`),
	},
	{
		Name: "phoneNumbers.mobile as a target", By: idp.Entra, Fault: setting.WrongTarget,
		Says: []string{entraMapping, "phoneNumbers.mobile", `phoneNumbers[type eq "mobile"].value`},
		Do:   replacing("phoneNumbers.mobile", `"+1 555 0100"`),
	},
	{
		Name: "emails.work as a target", By: idp.Entra, Fault: setting.WrongTarget,
		Says: []string{entraMapping, "emails.work", `emails[type eq "work"].value`},
		Do:   replacing("emails.work", `"alice@example.com"`),
	},
	{
		Name: "a typing error in a target", By: idp.Entra, Fault: setting.WrongTarget,
		Says: []string{entraMapping, "displyName is mapped", "Target attribute of this mapping to displayName"},
		Do:   creating(`,"displyName":"Alice"`),
	},
	{
		Name: "firstName in the template", By: idp.OneLogin, Fault: setting.WrongTarget,
		Says: []string{template, "firstName is mapped", "name.givenName"},
		Do:   creating(`,"firstName":"Alice"`),
	},
	{
		Name: "phone as an attribute", By: idp.PingOne, Fault: setting.WrongTarget,
		Says: []string{"Attribute Mapping of the rule under Integrations > Provisioning", "phone is mapped", `phoneNumbers[type eq "work"].value`},
		Do:   creating(`,"phone":"+1 555 0100"`),
	},
	{
		Name: "firstname as an attribute", By: idp.JumpCloud, Fault: setting.WrongTarget,
		Says: []string{"Identity Management tab", "firstname is mapped", "name.givenName"},
		Do:   creating(`,"firstname":"Alice"`),
	},
	{
		Name: "single quotes in a target", By: idp.Entra, Fault: setting.BadPath,
		Says: []string{entraMapping, "phoneNumbers[type eq 'mobile'].value is no valid target", `Target attribute of this mapping to phoneNumbers[type eq "mobile"].value`},
		Do:   replacing("phoneNumbers[type eq 'mobile'].value", `"+1 555 0100"`),
	},
	{
		Name: "no quotes in a target", By: idp.Entra, Fault: setting.BadPath,
		Says: []string{entraMapping, `Target attribute of this mapping to emails[type eq "work"].value`},
		Do:   replacing("emails[type eq work].value", `"alice@example.com"`),
	},
	{
		Name: "department without the URN", By: idp.Entra, Fault: setting.MissingURN,
		Says: []string{entraMapping, "department is mapped without the URN", enterprise + ":department"},
		Do:   creating(`,"department":"Design"`),
	},
	{
		Name: "department without an External namespace", By: idp.Okta, Fault: setting.MissingURN,
		Says: []string{oktaProfile, "department is mapped without the URN", "External namespace " + enterprise},
		Do:   creating(`,"department":"Design"`),
	},
	{
		Name: "costCenter at the top of the template", By: idp.OneLogin, Fault: setting.MissingURN,
		Says: []string{template, "costCenter is mapped without the URN", enterprise + ":costCenter"},
		Do:   creating(`,"costCenter":"4711"`),
	},
	{
		Name: "manager without the URN", By: idp.Entra, Fault: setting.MissingURN,
		Says: []string{entraMapping, "manager is mapped without the URN", enterprise + ":manager"},
		Do:   replacing("manager", `"019b8d62-7a80-7000-8000-00000000dead"`),
	},
	{
		Name: "isTeamAccount without the URN", By: idp.Okta, Fault: setting.MissingURN,
		Says: []string{oktaProfile, "isTeamAccount", "External namespace urn:ietf:params:scim:schemas:extension:rollcall:2.0:User"},
		Do:   creating(`,"isTeamAccount":true`),
	},
	{
		Name: "a dot after the URN", By: idp.Entra, Fault: setting.DottedURN,
		Says: []string{entraMapping, "must be a colon", enterprise + ":department"},
		Do:   replacing(enterprise+".department", `"Design"`),
	},
	{
		Name: "Microsoft's example of an extension", By: idp.Entra, Fault: setting.PlaceholderURN,
		Says: []string{"Attribute mapping > Show advanced options > Edit attribute list", "CustomExtensionName", "Microsoft's example"},
		Do:   replacing("urn:ietf:params:scim:schemas:extension:CustomExtensionName:2.0:User:badge", `"B-7"`),
	},
	{
		Name: "an attribute of no schema", By: idp.Okta, Fault: setting.NoSuchTarget,
		Says: []string{oktaProfile, "delete badgeColour, which no schema has", "External namespace"},
		Do:   creating(`,"badgeColour":"blue"`),
	},
	{
		Name: "an attribute of no schema", By: idp.Entra, Fault: setting.NoSuchTarget,
		Says: []string{entraMapping, "delete the mapping to badgeColour, which no schema has", "Edit attribute list"},
		Do:   creating(`,"badgeColour":"blue"`),
	},
	{
		Name: "two primary emails", By: idp.Okta, Fault: setting.SeveralPrimary,
		Says: []string{oktaProfile, "emails.^[primary==true]", ".^[type=='home']"},
		Do: with(`"emails":[{"primary":true,"value":"alice@example.com","type":"work"}]`,
			`"emails":[{"primary":true,"value":"alice@example.com","type":"work"},{"primary":true,"value":"a@home.test","type":"home"}]`),
	},
	{
		Name: "active mapped to an empty value", By: idp.Entra, Fault: setting.AlwaysSet,
		Says: []string{entraMapping, "active is sent without a value", "Default value if null (optional)"},
		Do:   changing(`{"op":"Remove","path":"active"}`),
	},
	{
		Name: "mail as the matching attribute", By: idp.Entra, Fault: setting.WrongLookup,
		Says: []string{entraMapping, "edit the mapping of mail", "Match objects using this attribute", "userName or externalId"},
		Do:   looking(`mail eq "alice@example.com"`),
	},
	{
		Name: "login as the unique identifier", By: idp.Okta, Fault: setting.WrongLookup,
		Says: []string{"Provisioning > Integration", "Unique identifier field for users to userName", "login"},
		Do:   looking(`login eq "alice@example.com"`),
	},
}

// values are mappings whose value is not a person's.
var values = []FaultySetting{
	{
		Name: "userName from a constant with brackets", By: idp.Entra, Fault: setting.ExpressionAsText,
		Says: []string{entraMapping, "userName gets an expression", "Mapping type to Direct", "Source attribute userPrincipalName"},
		Do:   named("[userPrincipalName]"),
	},
	{
		Name: "an expression as the same value for all", By: idp.Okta, Fault: setting.ExpressionAsText,
		Says: []string{oktaMapping, "title gets an expression", "choose Expression"},
		Do:   creating(`,"title":"user.title"`),
	},
	{
		Name: "an unknown macro", By: idp.OneLogin, Fault: setting.ExpressionAsText,
		Says: []string{template, "title has a macro that OneLogin does not know"},
		Do:   creating(`,"title":"{$user.job}"`),
	},
	{
		Name: "Switch as a constant", By: idp.Entra, Fault: setting.ExpressionAsText,
		Says: []string{entraMapping, "title gets an expression", "to Expression, not Constant"},
		Do:   creating(`,"title":"Switch([jobTitle], \"None\", \"1\", \"One\")"`),
	},
	{
		Name: "the name of an attribute as a constant", By: idp.Entra, Fault: setting.NameAsText,
		Says: []string{entraMapping, "displayName gets the name of an attribute", "Mapping type to Direct", "Source attribute displayName", "not Constant"},
		Do:   with(`"displayName":"Alice Archer"`, `"displayName":"displayName"`),
	},
	{
		Name: "null as a text", By: idp.Okta, Fault: setting.FillerValue,
		Says: []string{oktaMapping, "title gets a word for no value", "Directory > People"},
		Do:   creating(`,"title":"null"`),
	},
	{
		Name: "N/A as the default value", By: idp.Entra, Fault: setting.FillerValue,
		Says: []string{entraMapping, "title gets a word for no value", "Default value if null (optional)"},
		Do:   creating(`,"title":"N/A"`),
	},
	{
		Name: "userName from mailNickname", By: idp.Entra, Fault: setting.ShortUserName,
		Says: []string{entraMapping, "Source attribute of userName from mailNickname to userPrincipalName"},
		Do:   with(`"userName":"alice@example.com"`, `"userName":"alice"`),
	},
	{
		Name: "a custom username format without the domain", By: idp.Okta, Fault: setting.ShortUserName,
		Says: []string{signOn, "Application username format to Email"},
		Do:   with(`"userName":"alice@example.com"`, `"userName":"alice"`),
	},
	{
		Name: "userName from objectId", By: idp.Entra, Fault: setting.IDAsUserName,
		Says: []string{entraMapping, "Source attribute of userName to userPrincipalName", "objectId to externalId"},
		Do:   with(`"userName":"alice@example.com"`, `"userName":"0a21f0f2-8d2a-4f8e-9b1c-2f3a4b5c6d7e"`),
	},
	{
		Name: "externalId from mail", By: idp.Entra, Fault: setting.AddressAsID,
		Says: []string{entraMapping, "Source attribute of externalId to objectId"},
		Do:   with(`"externalId":"0a21f0f2-alice@example.com"`, `"externalId":"alice@example.com"`),
	},
	{
		Name: "active inverted", By: idp.Entra, Fault: setting.CreatedInactive,
		Says: []string{entraMapping, "The user was created inactive", "Account enabled", "Switch([IsSoftDeleted]"},
		Do:   with(`"active":true`, `"active":false`),
	},
	{
		Name: "the manager's name", By: idp.Entra, Fault: setting.ManagerNotID,
		Says: []string{entraMapping, "Source attribute to manager", enterprise + ":manager", "Users and groups"},
		Do:   creating(`,"` + enterprise + `":{"manager":{"value":"Bob Baker"}}`),
	},
	{
		Name: "password as a target", By: idp.Entra, Fault: setting.PasswordMapped,
		Says: []string{entraMapping, "delete the mapping to password"},
		Do:   creating(`,"password":"Abc-123456"`),
	},
	{
		Name: "the name of a language as locale", By: idp.Entra, Fault: setting.LocaleForm,
		Says: []string{entraMapping, "en-US", "to locale"},
		Do:   creating(`,"locale":"English (United States)"`),
	},
	{
		Name: "the name of a language as preferredLanguage", By: idp.Okta, Fault: setting.LanguageForm,
		Says: []string{oktaMapping, "user.preferredLanguage to preferredLanguage", "en-US"},
		Do:   creating(`,"preferredLanguage":"German"`),
	},
	{
		Name: "a time zone of Windows", By: idp.Entra, Fault: setting.TimezoneForm,
		Says: []string{entraMapping, "America/Los_Angeles", "to timezone"},
		Do:   creating(`,"timezone":"Pacific Standard Time"`),
	},
}

// absences are mappings that are missing, or whose source is empty.
var absences = []FaultySetting{
	{
		Name: "no userName", By: idp.Okta, Fault: setting.MissingUserName,
		Says: []string{signOn, "Application username format", "empty for this user"},
		Do:   with(`"userName":"alice@example.com",`, ``),
	},
	{
		Name: "userName from an empty mail", By: idp.Entra, Fault: setting.MissingUserName,
		Says: []string{entraMapping, "map userPrincipalName to userName", "Coalesce([mail], [userPrincipalName])"},
		Do:   with(`"userName":"alice@example.com"`, `"userName":""`),
	},
	{
		Name: "no userName in the template", By: idp.OneLogin, Fault: setting.MissingUserName,
		Says: []string{"Parameters tab", "SCIM Username to Email", "scimusername"},
		Do:   with(`"userName":"alice@example.com",`, ``),
	},
	{
		Name: "no emails", By: idp.Entra, Fault: setting.MissingEmails,
		Says: []string{entraMapping, `map mail to emails[type eq "work"].value`, "mail is empty for this user"},
		Do:   with(`"emails":[{"primary":true,"type":"work","value":"alice@example.com"}],`, ``),
	},
	{
		Name: "no emails", By: idp.Okta, Fault: setting.MissingEmails,
		Says: []string{"Directory > Profile Editor", "emails.^[primary==true].value", "user.email"},
		Do:   with(`"emails":[{"primary":true,"value":"alice@example.com","type":"work"}],`, ``),
	},
	{
		Name: "an email of no type", By: idp.Entra, Fault: setting.NoWorkEmail,
		Says: []string{entraMapping, `Target attribute of mail to emails[type eq "work"].value`},
		Do:   with(`{"primary":true,"type":"work","value"`, `{"type":"other","value"`),
	},
	{
		Name: "no externalId", By: idp.Entra, Fault: setting.MissingExternalID,
		Says: []string{entraMapping, "map objectId to externalId"},
		Do:   with(`"externalId":"0a21f0f2-alice@example.com",`, ``),
	},
	{
		Name: "no active", By: idp.Entra, Fault: setting.MissingActive,
		Says: []string{entraMapping, "Switch([IsSoftDeleted]", "never deactivated"},
		Do:   with(`"active":true,`, ``),
	},
	{
		Name: "no displayName", By: idp.Entra, Fault: setting.MissingDisplayName,
		Says: []string{entraMapping, "map displayName to displayName"},
		Do:   with(`"displayName":"Alice Archer",`, ``),
	},
	{
		Name: "no names", By: idp.Okta, Fault: setting.MissingNames,
		Says: []string{oktaMapping, "user.firstName to givenName", "user.displayName to displayName"},
		Do:   with(`"name":{"givenName":"Alice","familyName":"Archer"},"emails":[{"primary":true,"value":"alice@example.com","type":"work"}],"displayName":"Alice Archer"`, `"emails":[{"primary":true,"value":"alice@example.com","type":"work"}]`),
	},
}

// registered sends a user of a tenant with a schema of its own.
func registered(values string) func(*Stage, idp.Provider) Answer {
	return func(s *Stage, p idp.Provider) Answer {
		s.must(s.Ask("PUT", "/tenants/acme/schemas/urn:acme:hr:1.0:User", `{"id":"urn:acme:hr:1.0:User","name":"HR","attributes":[`+
			`{"name":"grade","type":"integer","required":true},{"name":"hired","type":"dateTime"},{"name":"badge","type":"string","mutability":"immutable"}]}`))
		s.Pass(access.CacheTime + time.Second)
		return s.create(p, `,"urn:acme:hr:1.0:User":`+values)
	}
}

// ofSchemas are mappings that show only with a schema of the tenant, and those of groups.
var ofSchemas = []FaultySetting{
	{
		Name: "a word for a number", By: idp.Entra, Fault: setting.NotNumber,
		Says: []string{"Edit attribute list", "Type of grade to Integer"},
		Do:   registered(`{"grade":"seven"}`),
	},
	{
		Name: "a word for a number", By: idp.Okta, Fault: setting.NotNumber,
		Says: []string{oktaProfile, "Data type of grade to integer or number"},
		Do:   registered(`{"grade":"seven"}`),
	},
	{
		Name: "a date in another form", By: idp.Entra, Fault: setting.NotDate,
		Says: []string{entraMapping, "hired takes a time of the form", "FormatDateTime([NAME]"},
		Do:   registered(`{"grade":7,"hired":"1/31/2026"}`),
	},
	{
		Name: "a required attribute of the tenant without a value", By: idp.Okta, Fault: setting.MissingValue,
		Says: []string{oktaProfile, "add grade with the External namespace urn:acme:hr:1.0:User"},
		Do:   registered(`{"hired":"2026-01-31T00:00:00Z"}`),
	},
	{
		Name: "an attribute that is set once, mapped for always", By: idp.Entra, Fault: setting.SetOnce,
		Says: []string{entraMapping, "Apply this mapping", "badge to Only during object creation"},
		Do: func(s *Stage, p idp.Provider) Answer {
			id := s.must(registered(`{"grade":7,"badge":"B-7"}`)(s, p)).ID()
			return s.SendAs(p, "PATCH", "/Users/"+id, stage.Patch(`{"op":"Replace","path":"urn:acme:hr:1.0:User:badge","value":"B-8"}`))
		},
	},
	{
		Name: "a whole email as a target", By: idp.Entra, Fault: setting.NoValueAtTarget,
		Says: []string{entraMapping, `Target attribute of this mapping to emails[type eq "work"].value`},
		Do:   replacing(`emails[type eq "home"]`, `{"value":"a@home.test"}`),
	},
	{
		Name: "two certificates in one value", By: idp.Entra, Fault: setting.NotBinary,
		Says: []string{entraMapping, "x509Certificates.value takes one value in base64"},
		Do:   creating(`,"x509Certificates":[{"value":"not base64!"}]`),
	},
	{
		Name: "two mappings to the given name", By: idp.OneLogin, Fault: setting.SentTwice,
		Says: []string{template, "name.givenName is written twice"},
		Do:   creating(`,"name.givenName":"Alicia"`),
	},
	{
		Name: "a userName copied from a document", By: idp.Entra, Fault: setting.HiddenCharacters,
		Says: []string{entraMapping, "userName", "expression Replace"},
		Do:   with(`"userName":"alice@example.com"`, `"userName":"alice\u202e@example.com"`),
	},
	{
		Name: "the example of a documentation", By: idp.Okta, Fault: setting.ExampleValue,
		Says: []string{oktaMapping, "emails.value gets the value of an example", "user.email, not Same value for all users"},
		Do:   with(`"value":"alice@example.com"`, `"value":"user@example.com"`),
	},
	{
		Name: "no displayName for groups", By: idp.Entra, Fault: setting.MissingGroupName,
		Says: []string{entraMapping + " > Provision Microsoft Entra ID Groups", "map displayName to displayName"},
		Do: func(s *Stage, p idp.Provider) Answer {
			return s.SendAs(p, "POST", "/Groups", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"externalId":"g-1"}`)
		},
	},
}
