package cause

import (
	"maps"

	"github.com/rollcall-scim/rollcall/internal/idp"
)

// The remedies for faulty credentials and addresses: what is entered in the fields of an
// identity provider's connection.
const (
	TokenTwice        Remedy = "token_invalid.twice"
	TokenColon        Remedy = "token_invalid.colon"
	TokenNoScheme     Remedy = "token_invalid.no_scheme"
	TokenEmpty        Remedy = "token_invalid.empty"
	TokenQuoted       Remedy = "token_invalid.quoted"
	TokenSpaced       Remedy = "token_invalid.spaced"
	TokenNotBearer    Remedy = "token_invalid.not_bearer"
	TokenCut          Remedy = "token_invalid.cut"
	TokenOfID         Remedy = "token_invalid.id"
	TokenOfEntra      Remedy = "token_invalid.entra"
	TokenJWT          Remedy = "token_invalid.jwt"
	TokenOfOkta       Remedy = "token_invalid.okta"
	TokenBasic        Remedy = "token_invalid.basic"
	TokenGUID         Remedy = "token_invalid.guid"
	TokenClientSecret Remedy = "token_invalid.client_secret"
	TokenURL          Remedy = "token_invalid.url"
	TokenMasked       Remedy = "token_invalid.masked"
	TokenHeaderName   Remedy = "token_invalid.header_name"
	TokenForeign      Remedy = "token_invalid.foreign"
	TokenOwnSecret    Remedy = "token_invalid.own_secret"
	TokenOwnClient    Remedy = "token_invalid.own_client"
	TokenAccessCut    Remedy = "token_invalid.access_cut"
	TokenElsewhere    Remedy = "token_unknown.deployment"
	TokenInURL        Remedy = "token_missing.url"
	AddressTwice      Remedy = "no_route.twice"
	AddressResource   Remedy = "no_route.resource"
	AddressVersion    Remedy = "no_route.version"
	AddressPrefix     Remedy = "no_route.prefix"
	AddressExtra      Remedy = "no_route.extra"
	AddressAdmin      Remedy = "no_route.admin"
	AddressPage       Remedy = "no_route.page"
	AddressQuery      Remedy = "no_route.query"
	AddressBase       Remedy = "method_not_allowed.base"
)

// A fault is one faulty setting: what a request with it shows, in one sentence, and what
// to do in each identity provider.
type fault struct {
	what   string
	advice texts
}

// Happened returns what a request with the fault shows, "" for a remedy whose failures
// are described with the values of the request.
func (r Remedy) Happened() string { return faults[r].what }

// faults are all remedies with what a request shows: those of connections and of token
// requests.
var faults = func() map[Remedy]fault {
	all := maps.Clone(connection)
	maps.Copy(all, requests)
	return all
}()

// connection is the table of faulty credentials and addresses.
var connection = map[Remedy]fault{
	TokenTwice: {
		"Invalid token: the Authorization header has the word Bearer twice.",
		texts{
			neutral: "Enter the token {token} without the word Bearer, which is added to it.",
			okta:    "Enter the token {token} without the word Bearer, which is added to it. Only an app of the type Header Auth needs the word.",
		},
	},
	TokenColon: {
		"Invalid token: the Authorization header has a colon after the word Bearer.",
		texts{
			neutral: "Enter the token {token} without the word Bearer and the colon; where the whole header is asked for, enter \"Bearer TOKEN\" with a space.",
			entra:   "Enter the token {token} without the word Bearer and the colon, {test} and save.",
		},
	},
	TokenNoScheme: {
		"Invalid token: the Authorization header has the token without the word Bearer.",
		texts{
			neutral:     "{Bearer} and enter the token {token}; where the whole header is asked for, enter \"Bearer TOKEN\".",
			okta:        "For an app of the type Header Auth, enter \"Bearer TOKEN\" {token}; for any other, set Authentication Mode to HTTP Header and enter the token.",
			idp.PingOne: "Set Authentication Method to OAuth 2 Bearer Token and Auth Type Header to Bearer, and enter the token {token}; in a Custom Header, enter \"Bearer TOKEN\".",
		},
	},
	TokenEmpty: {
		"Invalid token: the Authorization header has the word Bearer and no token.",
		texts{neutral: "Enter the SCIM token of this tenant {token}, and {test}."},
	},
	TokenQuoted: {
		"Invalid token: it was sent with quotes or brackets.",
		texts{neutral: "Enter the token {token} without anything around it."},
	},
	TokenSpaced: {
		"Invalid token: it was sent with spaces, line breaks or invisible characters in it.",
		texts{neutral: "Copy the token again as one line, and enter it {token} without spaces."},
	},
	TokenNotBearer: {
		"Invalid token: it was sent under another scheme than Bearer.",
		texts{
			neutral: "{Bearer} and enter the token {token}, so that \"Authorization: Bearer TOKEN\" is sent.",
			okta:    "Set Authentication Mode to HTTP Header {token}, not Basic Auth, and enter the token.",
		},
	},
	TokenCut: {
		"Invalid token: it begins as a token of this service, and is cut off or changed.",
		texts{
			neutral: "Copy the whole token again, from rct to its last character, and enter it {token}. If it is lost, create a new one: it is shown only once.",
		},
	},
	TokenOfID: {
		"Invalid token: the id of a token was sent in place of the token.",
		texts{neutral: "Enter the token itself {token}: it begins with rct and is shown only once. If it is lost, create a new one."},
	},
	TokenOfEntra: {
		"Invalid token: it names Microsoft Entra ID as its issuer, which sends such a token when it has no other.",
		texts{
			neutral: "Enter the SCIM token of this tenant {token}, and {test}. With workload identity federation, such a token is sent to the token endpoint of this service, not to the base URL.",
			entra:   "The field Secret Token under Provisioning is empty: enter the SCIM token of this tenant there, {test} and save. With workload identity federation, correct the Token Endpoint.",
		},
	},
	TokenJWT: {
		"Invalid token: it is a JSON Web Token, and no token of this service is one.",
		texts{
			neutral:          "{Bearer} and enter the SCIM token of this tenant {token}: it begins with rct. If OAuth client credentials are set there, correct {endpoint}: only this service issues its tokens.",
			okta:             "Set Authentication Mode to HTTP Header {token}, not OAuth 2, which in Okta needs a person to sign in. Enter the SCIM token of this tenant, which begins with rct.",
			entra:            "Enter the SCIM token of this tenant {token}: it begins with rct. In an app with OAuth, correct the Token Endpoint: only this service issues its tokens.",
			idp.PingOne:      "With OAuth 2 Client Credentials, correct {endpoint}: only this service issues its tokens. With OAuth 2 Bearer Token, enter the SCIM token of this tenant {token}.",
			idp.PingFederate: "With OAuth 2 Client Credentials, correct {endpoint}: only this service issues its tokens. With OAuth 2 Bearer Token, enter the SCIM token of this tenant {token}.",
			idp.Authentik:    "{Bearer} and enter the SCIM token of this tenant {token}: it begins with rct.",
		},
	},
	TokenOfOkta: {
		"Invalid token: it is an API token of Okta, which opens Okta and not this service.",
		texts{
			neutral: "Enter the SCIM token of this tenant {token}: it begins with rct. Then revoke the API token, which was sent to another service.",
			okta:    "Enter the SCIM token of this tenant {token}: it begins with rct. Then revoke the API token under Security > API > Tokens: it was sent to another service.",
		},
	},
	TokenBasic: {
		"Invalid token: a user name and a password were sent, with the scheme Basic.",
		texts{
			neutral: "{Bearer} and enter the SCIM token of this tenant {token}, so that \"Authorization: Bearer TOKEN\" is sent.",
			okta:    "Set Authentication Mode to HTTP Header {token}, not Basic Auth, and enter the SCIM token of this tenant.",
		},
	},
	TokenGUID: {
		"Invalid token: an id was sent in place of the token.",
		texts{
			neutral:  "Enter the SCIM token of this tenant {token}: it begins with rct, and is not the id of an app, a tenant or a secret. With OAuth, the client ID of this service begins with rcc_.",
			entra:    "Enter the SCIM token of this tenant {token}: it begins with rct, and is not the Application ID, the Tenant ID or the Secret ID of an app registration.",
			oneLogin: "Enter the SCIM token of this tenant {token}: it begins with rct, and is not the Client ID or Client Secret of an OpenID app or of the API Credentials.",
		},
	},
	TokenClientSecret: {
		"Invalid token: a client secret of an app registration was sent in place of the token.",
		texts{
			neutral: "Enter the SCIM token of this tenant {token}: it begins with rct; with OAuth, the client secret of this service, which begins with rcs_. Then delete the client secret, which was sent to another service.",
			entra:   "Enter the SCIM token of this tenant {token}: it begins with rct. Then delete the client secret under Certificates & secrets: it was sent to another service. The one of this service begins with rcs_.",
		},
	},
	TokenURL: {
		"Invalid token: an address was sent in place of the token.",
		texts{
			neutral: "Enter the SCIM token of this tenant {token}, and the address ending in /scim/v2 as {url}.",
			okta:    "Enter the SCIM token of this tenant as the authorization {token}, and the address ending in /scim/v2 as the base URL.",
			entra:   "Enter the SCIM token of this tenant {token}, and the address ending in /scim/v2 as Tenant URL.",
		},
	},
	TokenMasked: {
		"Invalid token: only the characters that hide a secret on a screen were sent.",
		texts{neutral: "Enter the token itself {token}, not the dots that stand for it. If it is lost, create a new one: it is shown only once."},
	},
	TokenHeaderName: {
		"Invalid token: the name of the Authorization header was sent with its value.",
		texts{neutral: "Enter the token alone {token}, without the words Authorization and Bearer."},
	},
	TokenForeign: {
		"Invalid token: it begins neither with rct nor with rcx, as the tokens of this service do.",
		texts{
			neutral: "Copy the SCIM token of this tenant and enter it {token}, in place of another product's token or key.",
			okta:    "Copy the SCIM token of this tenant and enter it {token}, in place of another product's token or key. Authentication Mode must be HTTP Header, not OAuth 2.",
		},
	},
	TokenOwnSecret: {
		"Invalid token: the secret of an OAuth client was sent in place of the token.",
		texts{
			neutral:          "Where OAuth client credentials can be chosen, enter it {secret}, and correct {endpoint}. Otherwise enter the SCIM token of this tenant {token}: it begins with rct.",
			okta:             "Enter the SCIM token of this tenant {token}: it begins with rct. Okta cannot use a client secret.",
			entra:            "Enter the SCIM token of this tenant {token}: it begins with rct. A client secret belongs into Client Secret, in an app that has this field.",
			idp.PingOne:      "Set Authentication Method to OAuth 2 Client Credentials, and enter it as OAuth Client Secret. With OAuth 2 Bearer Token, enter the SCIM token of this tenant {token}.",
			idp.PingFederate: "Set Authentication Method to OAuth 2 Client Credentials, and enter it as Client Secret. With OAuth 2 Bearer Token, enter the SCIM token of this tenant {token}.",
		},
	},
	TokenOwnClient: {
		"Invalid token: the ID of an OAuth client was sent in place of the token.",
		texts{
			neutral:          "Where OAuth client credentials can be chosen, enter it {client}, with the client secret and the token endpoint. Otherwise enter the SCIM token of this tenant {token}: it begins with rct.",
			okta:             "Enter the SCIM token of this tenant {token}: it begins with rct. Okta cannot use a client ID.",
			entra:            "Enter the SCIM token of this tenant {token}: it begins with rct. A client ID belongs into Client Identifier, in an app that has this field.",
			idp.PingOne:      "Set Authentication Method to OAuth 2 Client Credentials, and enter it as OAuth Client ID. With OAuth 2 Bearer Token, enter the SCIM token of this tenant {token}.",
			idp.PingFederate: "Set Authentication Method to OAuth 2 Client Credentials, and enter it as Client ID. With OAuth 2 Bearer Token, enter the SCIM token of this tenant {token}.",
		},
	},
	TokenAccessCut: {
		"Invalid token: it begins as an access token of this service, and is cut off or changed.",
		texts{
			neutral: "Send the access token as the token endpoint returned it. Where a token is entered by hand, enter the SCIM token of this tenant, which begins with rct: an access token lasts an hour.",
		},
	},
	TokenElsewhere: {
		"Unknown token: another deployment of the service has created it, for example one of another region or stage.",
		texts{neutral: "Correct {url}, or create a token in this deployment and enter it {token}: both must be of the same deployment."},
	},
	TokenInURL: {
		"The request has no token in the Authorization header, and one in its URL.",
		texts{neutral: "Remove the token from {url} and enter it {token}. Then rotate it: logs may contain the URL."},
	},
	AddressTwice: {
		"Unknown SCIM endpoint: the path has /scim or /v2 twice.",
		texts{neutral: "Correct {url}: it has /scim/v2 once, at its end."},
	},
	AddressResource: {
		"Unknown SCIM endpoint: the path has two resources, one after the other, so the base URL ends in one.",
		texts{
			neutral:     "Remove the resource from {url}: it ends in /scim/v2, without /Users and without /Groups, which are added to it.",
			idp.PingOne: "Remove the resource from {url}: it ends in /scim/v2. /Users belongs into Users Resource, and /Groups into Groups Resource.",
			idp.Oracle:  "Remove the resource from {url}: it is /scim/v2.",
		},
	},
	AddressVersion: {
		"Unknown SCIM endpoint: the path lacks the version /v2 after /scim.",
		texts{neutral: "Add the version to {url}: it ends in /scim/v2."},
	},
	AddressPrefix: {
		"Unknown SCIM endpoint: the path does not begin with /scim/v2.",
		texts{neutral: "Correct {url}: after the name of the host it ends in /scim/v2."},
	},
	AddressExtra: {
		"Unknown SCIM endpoint: the path has a part before /scim/v2, or between it and the resource.",
		texts{neutral: "Remove that part from {url}: it ends in /scim/v2, right after the host. No app, tenant or stage is named there: the token names the tenant."},
	},
	AddressAdmin: {
		"Unknown SCIM endpoint: the path is one of the admin API.",
		texts{neutral: "Enter the address that ends in /scim/v2 as {url}, not that of the admin API."},
	},
	AddressPage: {
		"Unknown SCIM endpoint: the path is one of a web page.",
		texts{neutral: "Enter the address that ends in /scim/v2 as {url}, not that of a page in the browser."},
	},
	AddressQuery: {
		"Unknown SCIM endpoint: the resource stands after a question mark, so the base URL has a query.",
		texts{neutral: "Remove the question mark and what follows it from {url}: it ends in /scim/v2."},
	},
	AddressBase: {
		"Method not allowed: the path is the base URL, without a resource.",
		texts{
			neutral:     "Let {url} end in /scim/v2, and enter /Users and /Groups where the identity provider asks for the resources.",
			entra:       "Let {url} end in /scim/v2, with nothing but ?aadOptscim062020 after it.",
			idp.PingOne: "Let {url} end in /scim/v2, and enter /Users as Users Resource and /Groups as Groups Resource.",
		},
	},
}
