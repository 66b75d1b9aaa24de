package cause

import (
	"cmp"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/rollcall-scim/rollcall/internal/idp"
)

// A screen has the words for an identity provider's screens. The labels are those of
// the providers' own documentation; a field is "" where that has no certain label, and
// the neutral words stand in its place. In a text of the table of advice, a name in
// braces stands for a field: {token}, and {Token} at the beginning of a sentence.
type screen struct {
	// where says where the token is entered ({token}), and url names the field of the base
	// URL.
	where, url string
	// client and proof say where the client ID ({client}) and the client secret of an OAuth
	// client are entered, and endpoint names the field of the token endpoint.
	client, proof, endpoint string
	// mapping determines the values that are sent, and assign the users. scope
	// determines who is provisioned, and again takes a user out and in again.
	mapping, assign, scope, again string
	// retry sends a user again, push a group, and resume everything that failed.
	retry, push, resume string
	// test tries the credentials, and choose selects the right kind of them ({bearer}).
	test, choose string
	// headers are the headers that an administrator can add.
	headers string
}

// The keys of texts.
const (
	neutral   idp.Provider = ""
	okta                   = idp.Okta
	entra                  = idp.Entra
	oneLogin               = idp.OneLogin
	jumpCloud              = idp.JumpCloud
)

// screens are the words for each identity provider's screens, and the neutral ones.
var screens = map[idp.Provider]screen{
	neutral: {
		where:    "as a Bearer token in the identity provider's provisioning settings",
		url:      "the base URL in the identity provider's provisioning settings",
		client:   "as the client ID",
		proof:    "as the client secret",
		endpoint: "the token endpoint",
		mapping:  "the attribute mapping in the identity provider",
		assign:   "assign the users to the app",
		retry:    "provision the user again",
		push:     "push the group again",
		resume:   "provision again what failed",
		test:     "test the connection",
		choose:   "choose bearer token as the authentication",
		headers:  "the headers that you added",
		scope:    "the users and groups that are assigned to the app in the identity provider",
		again:    "remove the user from the app in the identity provider and assign the user again",
	},
	okta: {
		where:   "under Provisioning > Integration",
		url:     "the base URL under Provisioning > Integration",
		mapping: "the attribute mapping under Provisioning > To App",
		assign:  "assign the users to the app under Assignments",
		retry:   "use Retry Selected for the user under Dashboard > Tasks",
		push:    "select Push now for the group under Push Groups",
		resume:  "use Retry Selected under Dashboard > Tasks",
		choose:  "set Authentication Mode to HTTP Header",
		scope:   "the groups under Assignments",
		again:   "unassign the user from the app under Assignments and assign the user again",
	},
	entra: {
		where:    "as Secret Token under Provisioning",
		url:      "the Tenant URL under Provisioning",
		client:   "as Client Identifier under Provisioning",
		proof:    "as Client Secret under Provisioning",
		endpoint: "the Token Endpoint under Provisioning",
		mapping:  "the mapping under Provisioning > Attribute mapping",
		assign:   "assign the users to the app under Users and groups",
		retry:    "use Provision on demand, or wait for the next cycle",
		push:     "wait for the next cycle, which sends the group again",
		resume:   "select Restart provisioning",
		test:     "select Test Connection",
	},
	oneLogin: {
		where:   "as SCIM Bearer Token on the app's Configuration tab",
		url:     "the SCIM Base URL on the app's Configuration tab",
		mapping: "the app's Parameters or SCIM JSON Template",
		assign:  "add the app to the users",
		retry:   "retry the user's task under Users > Provisioning",
		push:    "select More Actions > Reapply entitlement mappings in the app",
		resume:  "retry the failed tasks under Users > Provisioning",
		headers: "Custom Headers on the app's Configuration tab",
		scope:   "the roles on the app's Access tab",
		again:   "remove the app from the user and add it again",
	},
	jumpCloud: {
		where:   "as Token Key on the app's Identity Management tab",
		url:     "the Base URL on the app's Identity Management tab",
		mapping: "the attribute mapping on the app's Identity Management tab",
		assign:  "add the users to a group on the app's User Groups tab",
		test:    "select Test Connection",
		scope:   "the groups on the app's User Groups tab",
		again:   "remove the user from the groups on the app's User Groups tab and add the user again",
	},
	idp.PingOne: {
		where:    "as OAuth Access Token of the connection under Integrations > Provisioning",
		url:      "the SCIM Base URL of the connection under Integrations > Provisioning",
		client:   "as OAuth Client ID of the connection under Integrations > Provisioning",
		proof:    "as OAuth Client Secret of the connection under Integrations > Provisioning",
		endpoint: "the OAuth Token Request of the connection under Integrations > Provisioning",
		mapping:  "the Attribute Mapping of the rule under Integrations > Provisioning",
		assign:   "include the users in the rule's User Filter under Integrations > Provisioning",
		retry:    "select Resync for the rule under Integrations > Provisioning",
		push:     "select Resync for the rule under Integrations > Provisioning",
		resume:   "select Resync for the rule under Integrations > Provisioning",
		test:     "select Test Connection",
		choose:   "set Authentication Method to OAuth 2 Bearer Token and Auth Type Header to Bearer",
		headers:  "Custom Header of the connection",
		scope:    "the rule's User Filter under Integrations > Provisioning",
		again:    "take the user out of the rule's User Filter under Integrations > Provisioning and include the user again",
	},
	idp.PingFederate: {
		where:    "as Access Token on the Target screen of the SP connection",
		client:   "as Client ID on the Target screen of the SP connection",
		proof:    "as Client Secret on the Target screen of the SP connection",
		endpoint: "the Token Request Endpoint on the Target screen of the SP connection",
		url:      "the SCIM URL on the Target screen of the SP connection",
		mapping:  "the channel's Attribute Mapping under Manage Channels",
		assign:   "include the users in the channel's Source Location",
		choose:   "set Authentication Method to OAuth 2 Bearer Token",
		scope:    "the channel's Source Location",
		again:    "take the user out of the channel's Source Location and include the user again",
	},
	idp.Google: {
		where:   "as Access token under the app's Autoprovisioning",
		url:     "the Endpoint URL under the app's Autoprovisioning",
		mapping: "the App attributes under the app's Autoprovisioning",
		assign:  "turn the app on for the users under User access",
		retry:   "wait for the next synchronization, which comes every few hours",
		resume:  "wait for the next synchronization, which comes every few hours",
		scope:   "the Provisioning scope under the app's Autoprovisioning",
		again:   "turn the app off for the user under User access, wait for the next synchronization, and turn it on again",
	},
	idp.SailPoint: {
		where:    "as API Token in the source's connection settings",
		mapping:  "the source's Create Profile (its provisioning policy)",
		url:      "the Base URL in the source's connection settings",
		client:   "as Client ID in the source's connection settings",
		proof:    "as Client Secret in the source's connection settings",
		endpoint: "the OAuth 2.0 Token URL in the source's connection settings",
		test:     "select Test Connection",
		choose:   "set Authentication Type to API Token",
		again:    "run an account aggregation of the source, which removes the lost account, and request the access again",
	},
	idp.Rippling: {
		where:   "as Bearer Token of the custom integration",
		url:     "the SCIM Base URL of the custom integration",
		mapping: "the Attribute Mappings of the custom integration",
		choose:  "set SCIM Authorization Method to Bearer Token",
		scope:   "the App Access Rules of the custom integration",
		again:   "remove the user from the custom integration and add the user again",
	},
	idp.CyberArk: {
		where:  "on the app's Provisioning tab",
		url:    "the SCIM Service URL on the app's Provisioning tab",
		test:   "select Verify",
		retry:  "run an outbound provisioning job",
		push:   "run an outbound provisioning job",
		resume: "run an outbound provisioning job",
	},
	idp.IBMVerify: {
		where:  "on the application's Account lifecycle tab",
		url:    "the SCIM Base URL on the application's Account lifecycle tab",
		choose: "choose OAuth Bearer Token as the authentication type",
	},
	idp.Oracle: {
		where:  "under Configure connectivity",
		url:    "the Base URI under Configure connectivity",
		choose: "add the app from the template GenericScim - Bearer Token",
	},
	idp.MiniOrange: {
		where:   "as Bearer Token under Authorization Configuration",
		url:     "the SCIM Base URL under Authorization Configuration",
		mapping: "the app's Attributes Mapping tab",
		test:    "select Test Connection",
	},
	idp.Authentik: {
		where:   "as Token of the SCIM provider",
		url:     "the URL of the SCIM provider",
		mapping: "the property mappings of the SCIM provider",
		retry:   "wait for the next full synchronization, which comes every hour",
		push:    "wait for the next full synchronization, which comes every hour",
		resume:  "wait for the next full synchronization, which comes every hour",
		choose:  "set the authentication mode to Static token",
		scope:   "the User filtering of the SCIM provider",
	},
}

// Advised are the identity providers whose screens the advice names.
var Advised = [...]idp.Provider{
	okta, entra, oneLogin, jumpCloud, idp.PingOne, idp.PingFederate, idp.Google, idp.SailPoint, idp.Rippling,
	idp.CyberArk, idp.IBMVerify, idp.Oracle, idp.MiniOrange, idp.Authentik,
}

// words has, for each identity provider, what stands in place of the names in braces.
var words = sync.OnceValue(func() map[idp.Provider]*strings.Replacer {
	of := make(map[idp.Provider]*strings.Replacer, len(screens))
	for p, s := range screens {
		of[p] = s.replacer(screens[neutral])
	}
	return of
})

// replacer replaces the names in braces by the words of the screen, or else by the neutral
// ones.
func (s screen) replacer(none screen) *strings.Replacer {
	var pairs []string
	for name, words := range map[string]string{
		"token": cmp.Or(s.where, none.where), "url": cmp.Or(s.url, none.url),
		"client": cmp.Or(s.client, none.client), "secret": cmp.Or(s.proof, none.proof), "endpoint": cmp.Or(s.endpoint, none.endpoint),
		"mapping": cmp.Or(s.mapping, none.mapping), "assign": cmp.Or(s.assign, none.assign),
		"scope": cmp.Or(s.scope, none.scope), "again": cmp.Or(s.again, none.again),
		"retry": cmp.Or(s.retry, none.retry), "push": cmp.Or(s.push, none.push), "resume": cmp.Or(s.resume, none.resume),
		"test": cmp.Or(s.test, none.test), "bearer": cmp.Or(s.choose, none.choose), "headers": cmp.Or(s.headers, none.headers),
	} {
		pairs = append(pairs, "{"+name+"}", words, "{"+capital(name)+"}", capital(words))
	}
	return strings.NewReplacer(pairs...)
}

// capital returns a text with its first letter in upper case.
func capital(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + text[size:]
}
