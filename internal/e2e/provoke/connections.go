package provoke

import (
	"cmp"
	"encoding/base64"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/idp"
)

// A Connection is a faulty credential or address in an identity provider, with the
// request that it sends then.
type Connection struct {
	Name   string
	Cause  cause.Cause
	Remedy cause.Remedy
	// Says has words of the advice for each identity provider: the label of the field,
	// and the correction. The advice for every other one names its field too.
	Says map[idp.Provider][]string
	// Header returns the Authorization header, nil for that of a valid token.
	Header func(s *Stage) string
	// Path is the path of the request, "" for that of a search for a user.
	Path string
	// Method is the method of the request, "" for GET.
	Method string
}

// By sends the request as an identity provider does.
func (c Connection) By(s *Stage, p idp.Provider) Answer {
	s.t.Helper()
	headers := []string{"User-Agent", p.Name()}
	if c.Header != nil {
		headers = append(headers, "Authorization", c.Header(s))
	}
	return s.SendTo(cmp.Or(c.Method, "GET"), cmp.Or(c.Path, "/scim/v2/Users?filter=userName+eq+%22alice%22"), "", headers...)
}

// bearer returns a header with a text in place of the token.
func bearer(text string) func(*Stage) string {
	return func(*Stage) string { return "Bearer " + text }
}

// tokenWith returns a header made from the valid token.
func tokenWith(made func(token string) string) func(*Stage) string {
	return func(s *Stage) string { return made(s.token) }
}

// JWTOf returns a JSON Web Token of an issuer, without a valid signature.
func JWTOf(issuer string) string {
	part := base64.RawURLEncoding.EncodeToString
	return part([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + part([]byte(`{"iss":"`+issuer+`","aud":"x"}`)) + ".c2lnbmF0dXJl"
}

const guid = "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef"

// Connections are the faulty credentials and addresses that administrators enter most.
var Connections = []Connection{
	{
		Name: "the word Bearer typed too", Cause: cause.TokenInvalid, Remedy: cause.TokenTwice,
		Header: tokenWith(func(token string) string { return "Bearer Bearer " + token }),
		Says: map[idp.Provider][]string{
			idp.Okta: {"Provisioning > Integration", "without the word Bearer", "Header Auth"}, idp.Entra: {"Secret Token", "without the word Bearer"},
			idp.OneLogin: {"SCIM Bearer Token", "without the word Bearer"}, idp.PingOne: {"OAuth Access Token", "without the word Bearer"},
		},
	},
	{
		Name: "a colon after Bearer", Cause: cause.TokenInvalid, Remedy: cause.TokenColon,
		Header: tokenWith(func(token string) string { return "Bearer: " + token }),
		Says:   map[idp.Provider][]string{idp.Okta: {"Provisioning > Integration", "colon"}, idp.Entra: {"Secret Token", "colon"}},
	},
	{
		Name: "the token as the whole header", Cause: cause.TokenInvalid, Remedy: cause.TokenNoScheme,
		Header: tokenWith(func(token string) string { return token }),
		Says: map[idp.Provider][]string{
			idp.Okta: {"Header Auth", `"Bearer TOKEN"`, "Authentication Mode to HTTP Header"}, idp.PingOne: {"Auth Type Header to Bearer", "Custom Header"},
			idp.SailPoint: {"Authentication Type to API Token"}, idp.Rippling: {"SCIM Authorization Method to Bearer Token"},
		},
	},
	{
		Name: "the header's name in the field", Cause: cause.TokenInvalid, Remedy: cause.TokenHeaderName,
		Header: tokenWith(func(token string) string { return "Bearer Authorization: Bearer " + token }),
		Says:   map[idp.Provider][]string{idp.Okta: {"without the words Authorization and Bearer"}, idp.JumpCloud: {"Token Key", "without the words Authorization"}},
	},
	{
		Name: "an empty field", Cause: cause.TokenInvalid, Remedy: cause.TokenEmpty,
		Header: func(*Stage) string { return "Bearer " },
		Says:   map[idp.Provider][]string{idp.Okta: {"Enter the SCIM token"}, idp.JumpCloud: {"Token Key", "Test Connection"}, idp.CyberArk: {"Provisioning tab", "select Verify"}},
	},
	{
		Name: "Secret Token empty in Entra", Cause: cause.TokenInvalid, Remedy: cause.TokenOfEntra,
		Header: bearer(JWTOf("https://sts.windows.net/" + guid + "/")),
		Says:   map[idp.Provider][]string{idp.Entra: {"Secret Token under Provisioning is empty", "select Test Connection and save"}},
	},
	{
		Name: "quotes around the token", Cause: cause.TokenInvalid, Remedy: cause.TokenQuoted,
		Header: tokenWith(func(token string) string { return `Bearer "` + token + `"` }),
		Says:   map[idp.Provider][]string{idp.Okta: {"without anything around it"}, idp.Google: {"Access token", "Autoprovisioning"}},
	},
	{
		Name: "a line break in the token", Cause: cause.TokenInvalid, Remedy: cause.TokenSpaced,
		Header: tokenWith(func(token string) string { return "Bearer " + token[:40] + " " + token[40:] }),
		Says:   map[idp.Provider][]string{idp.Okta: {"as one line"}, idp.Entra: {"Secret Token", "as one line"}},
	},
	{
		Name: "a token cut off", Cause: cause.TokenInvalid, Remedy: cause.TokenCut,
		Header: tokenWith(func(token string) string { return "Bearer " + token[:len(token)-9] }),
		Says: map[idp.Provider][]string{
			idp.Okta: {"from rct to its last character", "Provisioning > Integration"}, idp.Entra: {"Secret Token", "from rct"},
			idp.PingFederate: {"Access Token on the Target screen"},
		},
	},
	{
		Name: "the id of the token", Cause: cause.TokenInvalid, Remedy: cause.TokenOfID,
		Header: func(s *Stage) string { return "Bearer " + s.TokenID },
		Says:   map[idp.Provider][]string{idp.Okta: {"the token itself", "rct"}, idp.Entra: {"Secret Token", "the token itself"}},
	},
	{
		Name: "another product's JWT", Cause: cause.TokenInvalid, Remedy: cause.TokenJWT,
		Header: bearer(JWTOf("https://acme.okta.com/oauth2/default")),
		Says: map[idp.Provider][]string{
			idp.Okta: {"Authentication Mode to HTTP Header", "not OAuth 2"}, idp.Entra: {"Secret Token"},
			idp.PingOne: {"OAuth 2 Bearer Token", "OAuth 2 Client Credentials", "OAuth Token Request"}, idp.Authentik: {"Static token"},
		},
	},
	{
		Name: "an Okta API token", Cause: cause.TokenInvalid, Remedy: cause.TokenOfOkta,
		Header: func(*Stage) string { return "SSWS 00" + strings.Repeat("aB3_", 10) },
		Says:   map[idp.Provider][]string{idp.Okta: {"Security > API > Tokens", "revoke"}, idp.Entra: {"Secret Token", "revoke"}},
	},
	{
		Name: "an Okta API token as Bearer", Cause: cause.TokenInvalid, Remedy: cause.TokenOfOkta,
		Header: bearer("00" + strings.Repeat("aB3_", 10)),
		Says:   map[idp.Provider][]string{idp.Okta: {"Security > API > Tokens", "revoke"}},
	},
	{
		Name: "Basic Auth", Cause: cause.TokenInvalid, Remedy: cause.TokenBasic,
		Header: func(*Stage) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte("acme:secret")) },
		Says: map[idp.Provider][]string{
			idp.Okta: {"Authentication Mode to HTTP Header", "not Basic Auth"}, idp.PingOne: {"Authentication Method to OAuth 2 Bearer Token"},
			idp.SailPoint: {"Authentication Type to API Token"}, idp.Oracle: {"GenericScim - Bearer Token"}, idp.IBMVerify: {"OAuth Bearer Token"},
		},
	},
	{
		Name: "a GUID", Cause: cause.TokenInvalid, Remedy: cause.TokenGUID, Header: bearer(guid),
		Says: map[idp.Provider][]string{
			idp.Okta: {"not the id of"}, idp.Entra: {"Secret Token", "the Secret ID of an app registration"}, idp.OneLogin: {"SCIM Bearer Token", "Client Secret"},
		},
	},
	{
		Name: "a client secret", Cause: cause.TokenInvalid, Remedy: cause.TokenClientSecret,
		Header: bearer("abc8Q~" + strings.Repeat("x", 34)),
		Says:   map[idp.Provider][]string{idp.Entra: {"Secret Token", "Certificates & secrets"}},
	},
	{
		Name: "the secret of an OAuth client", Cause: cause.TokenInvalid, Remedy: cause.TokenOwnSecret,
		Header: tokenWith(func(token string) string { return "Bearer rcs" + token[3:] }),
		Says: map[idp.Provider][]string{
			idp.Okta: {"Provisioning > Integration", "begins with rct"}, idp.Entra: {"Secret Token", "Client Secret"}, idp.PingOne: {"OAuth 2 Client Credentials", "OAuth Client Secret"},
		},
	},
	{
		Name: "the ID of an OAuth client", Cause: cause.TokenInvalid, Remedy: cause.TokenOwnClient,
		Header: func(s *Stage) string { return "Bearer " + access.ClientID(s.tenant, s.TokenID) },
		Says: map[idp.Provider][]string{
			idp.Okta: {"Provisioning > Integration", "begins with rct"}, idp.Entra: {"Secret Token", "Client Identifier"}, idp.PingOne: {"OAuth 2 Client Credentials", "OAuth Client ID"},
		},
	},
	{
		Name: "an access token cut off", Cause: cause.TokenInvalid, Remedy: cause.TokenAccessCut,
		Header: func(s *Stage) string {
			_, text := accessToken(s)
			return "Bearer " + text[:len(text)-9]
		},
		Says: map[idp.Provider][]string{idp.Okta: {"an access token lasts an hour"}, idp.Entra: {"an access token lasts an hour"}},
	},
	{
		Name: "the address in the field of the token", Cause: cause.TokenInvalid, Remedy: cause.TokenURL,
		Header: bearer("https://scim.test/scim/v2"),
		Says:   map[idp.Provider][]string{idp.Okta: {"Provisioning > Integration", "/scim/v2 as the base URL"}, idp.Entra: {"Secret Token", "/scim/v2 as Tenant URL"}, idp.OneLogin: {"SCIM Bearer Token", "SCIM Base URL"}},
	},
	{
		Name: "dots copied from the screen", Cause: cause.TokenInvalid, Remedy: cause.TokenMasked, Header: bearer("••••••••••••"),
		Says: map[idp.Provider][]string{idp.Okta: {"not the dots"}, idp.MiniOrange: {"Authorization Configuration", "not the dots"}},
	},
	{
		Name: "another product's key", Cause: cause.TokenInvalid, Remedy: cause.TokenForeign, Header: bearer("sk_live_4242424242424242"),
		Says: map[idp.Provider][]string{idp.Okta: {"Authentication Mode must be HTTP Header"}, idp.Entra: {"Secret Token", "another product's"}},
	},
	{
		Name: "a token of another deployment", Cause: cause.TokenUnknown, Remedy: cause.TokenElsewhere,
		Header: func(s *Stage) string {
			_, marked := minted(s, "")
			end := strings.LastIndex(marked, "_") + 1
			return "Bearer " + marked[:end] + "ffffffff" + marked[end+8:]
		},
		Says: map[idp.Provider][]string{idp.Okta: {"the base URL under Provisioning > Integration", "same deployment"}, idp.Entra: {"Tenant URL", "Secret Token"}},
	},
	{
		Name: "a token that is not known", Cause: cause.TokenUnknown,
		Header: func(s *Stage) string {
			text, _ := access.Mint(s.tenant)
			return "Bearer " + text
		},
		Says: map[idp.Provider][]string{idp.Okta: {"the base URL under Provisioning > Integration", "same deployment"}, idp.Entra: {"Tenant URL", "create a new token"}},
	},
	{
		Name: "no token", Cause: cause.TokenMissing, Header: func(*Stage) string { return "" },
		Says: map[idp.Provider][]string{idp.Okta: {"Provisioning > Integration"}, idp.Entra: {"Secret Token", "Test Connection"}, idp.OneLogin: {"SCIM Bearer Token", "enable the API connection"}},
	},
	{
		Name: "the token in the URL", Cause: cause.TokenMissing, Remedy: cause.TokenInURL, Header: func(*Stage) string { return "" },
		Path: "/scim/v2/Users?access_token=x",
		Says: map[idp.Provider][]string{idp.Okta: {"base URL under Provisioning > Integration", "rotate it"}, idp.Entra: {"Tenant URL", "Secret Token", "rotate it"}},
	},
	{
		Name: "a second credential among the headers", Cause: cause.TokenRepeated,
		Header: tokenWith(func(token string) string { return "Bearer " + token + ",Bearer " + token }),
		Says:   map[idp.Provider][]string{idp.Okta: {"once"}, idp.OneLogin: {"SCIM Bearer Token", "Custom Headers"}, idp.PingOne: {"OAuth Access Token", "Custom Header"}},
	},
	{
		Name: "the base URL ends in /Users", Cause: cause.NoRoute, Remedy: cause.AddressResource, Path: "/scim/v2/Users/Users?filter=userName+eq+%22alice%22",
		Says: map[idp.Provider][]string{idp.Okta: {"the base URL under Provisioning > Integration", "Remove the resource"}, idp.Entra: {"the Tenant URL under Provisioning", "Remove the resource"}, idp.PingOne: {"Users Resource", "Groups Resource"}, idp.OneLogin: {"SCIM Base URL"}},
	},
	{
		Name: "the base URL ends in /Users, and a group is pushed", Cause: cause.NoRoute, Remedy: cause.AddressResource, Method: "POST", Path: "/scim/v2/Users/Groups",
		Says: map[idp.Provider][]string{idp.Okta: {"the base URL under Provisioning > Integration", "Remove the resource"}, idp.Entra: {"the Tenant URL under Provisioning", "Remove the resource"}},
	},
	{
		Name: "the base URL ends in /Users, and a user is read", Cause: cause.NoRoute, Remedy: cause.AddressResource, Path: "/scim/v2/Users/Users/019b8d62-7a80-7000-8000-00000000dead",
		Says: map[idp.Provider][]string{idp.Okta: {"the base URL under Provisioning > Integration", "Remove the resource"}, idp.Entra: {"the Tenant URL under Provisioning", "Remove the resource"}},
	},
	{
		Name: "the base URL has no version", Cause: cause.NoRoute, Remedy: cause.AddressVersion, Path: "/scim/Users?filter=userName+eq+%22alice%22",
		Says: map[idp.Provider][]string{idp.Okta: {"the base URL under Provisioning > Integration", "Add the version"}, idp.Entra: {"the Tenant URL under Provisioning", "Add the version"}, idp.Google: {"Endpoint URL", "Add the version"}},
	},
	{
		Name: "the base URL is the host alone", Cause: cause.NoRoute, Remedy: cause.AddressPrefix, Path: "/Users?filter=userName+eq+%22alice%22",
		Says: map[idp.Provider][]string{idp.Okta: {"the base URL under Provisioning > Integration", "ends in /scim/v2"}, idp.Entra: {"the Tenant URL under Provisioning", "ends in /scim/v2"}},
	},
	{
		Name: "the base URL has no /scim", Cause: cause.NoRoute, Remedy: cause.AddressPrefix, Path: "/v2/Users?filter=userName+eq+%22alice%22",
		Says: map[idp.Provider][]string{idp.Okta: {"the base URL under Provisioning > Integration", "ends in /scim/v2"}, idp.Entra: {"the Tenant URL under Provisioning", "ends in /scim/v2"}},
	},
	{
		Name: "the path of the base URL is there twice", Cause: cause.NoRoute, Remedy: cause.AddressTwice, Path: "/scim/v2/scim/v2/Users?filter=userName+eq+%22alice%22",
		Says: map[idp.Provider][]string{idp.Okta: {"the base URL under Provisioning > Integration", "once, at its end"}, idp.Entra: {"the Tenant URL under Provisioning", "once, at its end"}, idp.JumpCloud: {"the Base URL on the app's Identity Management tab"}},
	},
	{
		Name: "the version is there twice", Cause: cause.NoRoute, Remedy: cause.AddressTwice, Path: "/scim/v2/v2/Users?filter=userName+eq+%22alice%22",
		Says: map[idp.Provider][]string{idp.Okta: {"the base URL under Provisioning > Integration", "once, at its end"}, idp.Entra: {"the Tenant URL under Provisioning", "once, at its end"}},
	},
	{
		Name: "a tenant after the base URL", Cause: cause.NoRoute, Remedy: cause.AddressExtra, Path: "/scim/v2/acme/Users?filter=userName+eq+%22alice%22",
		Says: map[idp.Provider][]string{idp.Okta: {"the base URL under Provisioning > Integration", "the token names the tenant"}, idp.Entra: {"the Tenant URL under Provisioning", "the token names the tenant"}},
	},
	{
		Name: "a placeholder left in the base URL", Cause: cause.NoRoute, Remedy: cause.AddressExtra, Path: "/scim/v2/%7Bapp%7D/Users?filter=userName+eq+%22alice%22",
		Says: map[idp.Provider][]string{idp.Okta: {"the base URL under Provisioning > Integration", "Remove that part"}, idp.Entra: {"the Tenant URL under Provisioning", "Remove that part"}},
	},
	{
		Name: "a stage before the base URL", Cause: cause.NoRoute, Remedy: cause.AddressExtra, Path: "/prod/scim/v2/Users?filter=userName+eq+%22alice%22",
		Says: map[idp.Provider][]string{idp.Okta: {"the base URL under Provisioning > Integration", "No app, tenant or stage"}, idp.Entra: {"the Tenant URL under Provisioning", "No app, tenant or stage"}},
	},
	{
		Name: "the address of the admin API", Cause: cause.NoRoute, Remedy: cause.AddressAdmin, Path: "/admin/v1/Users?filter=userName+eq+%22alice%22",
		Says: map[idp.Provider][]string{idp.Okta: {"the base URL under Provisioning > Integration", "not that of the admin API"}, idp.Entra: {"the Tenant URL under Provisioning", "not that of the admin API"}},
	},
	{
		Name: "the address of the console", Cause: cause.NoRoute, Remedy: cause.AddressPage, Path: "/console/t/acme/Users?filter=userName+eq+%22alice%22",
		Says: map[idp.Provider][]string{idp.Okta: {"the base URL under Provisioning > Integration", "not that of a page"}, idp.Entra: {"the Tenant URL under Provisioning", "not that of a page"}},
	},
	{
		Name: "a query in the base URL", Cause: cause.NoRoute, Remedy: cause.AddressQuery, Path: "/scim/v2?version=2/Users?filter=userName+eq+%22alice%22",
		Says: map[idp.Provider][]string{idp.Okta: {"the base URL under Provisioning > Integration", "Remove the question mark"}, idp.Entra: {"the Tenant URL under Provisioning", "Remove the question mark"}, idp.OneLogin: {"SCIM Base URL", "question mark"}},
	},
	{
		Name: "a query in the base URL, and a user is created", Cause: cause.NoRoute, Remedy: cause.AddressQuery, Method: "POST", Path: "/scim/v2?aadOptscim062020/Users",
		Says: map[idp.Provider][]string{idp.Okta: {"the base URL under Provisioning > Integration", "Remove the question mark"}, idp.Entra: {"the Tenant URL under Provisioning", "Remove the question mark"}},
	},
	{
		Name: "no resource after the base URL", Cause: cause.MethodNotAllowed, Remedy: cause.AddressBase, Method: "POST", Path: "/scim/v2",
		Says: map[idp.Provider][]string{idp.Okta: {"the base URL under Provisioning > Integration", "end in /scim/v2"}, idp.Entra: {"the Tenant URL under Provisioning", "aadOptscim062020"}, idp.PingOne: {"Users Resource"}},
	},
	{
		Name: "version 1 of the protocol", Cause: cause.ProtocolVersion, Path: "/scim/v1/Users",
		Says: map[idp.Provider][]string{idp.Okta: {"the base URL under Provisioning > Integration", "ends in /scim/v2"}, idp.Entra: {"the Tenant URL under Provisioning", "ends in /scim/v2"}},
	},
	{
		Name: "version 1.1 of the protocol", Cause: cause.ProtocolVersion, Path: "/scim/v1.1/Users",
		Says: map[idp.Provider][]string{idp.Okta: {"the base URL under Provisioning > Integration", "ends in /scim/v2"}, idp.Entra: {"the Tenant URL under Provisioning", "ends in /scim/v2"}},
	},
}
