package cause

import "github.com/rollcall-scim/rollcall/internal/idp"

// The remedies for refused token requests. Those of assertions have the names of the
// reasons of package assertion.
const (
	ClientMalformed      Remedy = "client_unknown.malformed"
	SecretForeign        Remedy = "secret_unknown.foreign"
	SecretCut            Remedy = "secret_unknown.cut"
	RequestNoProof       Remedy = "oauth_request.no_authentication"
	RequestTwoMethods    Remedy = "oauth_request.two_methods"
	RequestInURL         Remedy = "oauth_request.url"
	RequestForm          Remedy = "oauth_request.form"
	AssertionNone        Remedy = "assertion_refused.none"
	AssertionSize        Remedy = "assertion_refused.size"
	AssertionMalformed   Remedy = "assertion_refused.malformed"
	AssertionAlgorithm   Remedy = "assertion_refused.algorithm"
	AssertionHeader      Remedy = "assertion_refused.header"
	AssertionKey         Remedy = "assertion_refused.key"
	AssertionWeakKey     Remedy = "assertion_refused.weak_key"
	AssertionSignature   Remedy = "assertion_refused.signature"
	AssertionIssuer      Remedy = "assertion_refused.issuer"
	AssertionSubject     Remedy = "assertion_refused.subject"
	AssertionAudience    Remedy = "assertion_refused.audience"
	AssertionExpired     Remedy = "assertion_refused.expired"
	AssertionEarly       Remedy = "assertion_refused.early"
	AssertionLife        Remedy = "assertion_refused.life"
	AssertionReplayed    Remedy = "assertion_refused.replayed"
	AssertionHost        Remedy = "assertion_refused.host"
	AssertionUnreachable Remedy = "assertion_refused.unreachable"
	AssertionKeys        Remedy = "assertion_refused.keys"
)

// The advice about the values of a federation, which an administrator has copied from the
// identity provider.
var (
	copyFederation = "Copy issuer, subject, audience and JWKS URI again from the identity provider into the federation of the client."
	copyFromEntra  = "Copy Issuer, JWKS URL, Subject and Audience again from the app's Connectivity page in Entra into the federation of the client."
)

// requests is the table of refused token requests, with what each shows.
var requests = map[Remedy]fault{
	ClientMalformed: {
		"Unknown client: the client ID is not one of this service.",
		texts{neutral: "Copy the client ID of this tenant and enter it {client}: it begins with rcc_."},
	},
	SecretForeign: {
		"Wrong client secret: it is not one of this service.",
		texts{
			neutral: "Copy the client secret and enter it {secret}: it begins with rcs_. A SCIM token, which begins with rct, is no client secret.",
			entra:   "Copy the client secret and enter it {secret}: it begins with rcs_. A secret of an app registration is not one of this service.",
		},
	},
	SecretCut: {
		"Wrong client secret: it begins as one of this service, and is cut off or changed.",
		texts{neutral: "Copy the whole client secret again, from rcs_ to its last character, and enter it {secret}. If it is lost, add a secret to the client: it is shown only once."},
	},
	RequestNoProof: {
		"The token request has no client authentication.",
		texts{neutral: "Enter the client ID {client} and the client secret {secret}."},
	},
	RequestTwoMethods: {
		"The token request authenticates the client in several ways.",
		texts{neutral: "Send the client secret either in the Authorization header or in the body, or a client assertion alone."},
	},
	RequestInURL: {
		"The token request has a credential in its URL.",
		texts{neutral: "Remove the parameters from {endpoint}, so that they are sent in the body. Then replace the client secret: logs may contain the URL."},
	},
	RequestForm: {
		"The token request is not a form.",
		texts{neutral: "Send the parameters as application/x-www-form-urlencoded in the body of a POST request."},
	},
	AssertionNone: {
		"The client has neither a federation nor keys, so it takes no client assertion.",
		texts{
			neutral: "Set up the federation or the keys of the client, or let the identity provider send a client secret.",
			entra:   "Set up the federation of the client with Issuer, JWKS URL, Subject and Audience from the app's Connectivity page in Entra, or choose client credentials there.",
		},
	},
	AssertionSize:      {"The client assertion is longer than 16 KB.", texts{neutral: "Remove claims from the assertion: issuer, subject, audience and times are enough."}},
	AssertionMalformed: {"The client assertion is not a signed JSON Web Token with the claims that are needed.", texts{neutral: "Send a JSON Web Token in the compact form, with iss, sub, aud and exp, and with each name once."}},
	AssertionAlgorithm: {
		"The client assertion is signed with another algorithm than RS256 or ES256.",
		texts{neutral: "Sign the assertion with RS256 and an RSA key, or with ES256 and a P-256 key."},
	},
	AssertionHeader: {
		"The header of the client assertion has its own key, or a critical extension.",
		texts{neutral: "Remove jwk, jku, x5u, x5c and crit from the header of the assertion: the key is chosen by kid, from those of the client."},
	},
	AssertionKey: {
		"The key of the client assertion is not among the keys of the client or its federation.",
		texts{
			neutral: "Set the keys of the client again, with the kid that the assertion names. With federation, check that the JWKS URI is that of the issuer.",
			entra:   "Copy the JWKS URL again from the app's Connectivity page in Entra into the federation of the client.",
		},
	},
	AssertionWeakKey: {
		"The key of the client assertion is too weak, or not meant for its algorithm.",
		texts{neutral: "Use an RSA key of 2048 bits or more, or a P-256 key, whose use is sig and whose alg is that of the assertion."},
	},
	AssertionSignature: {
		"The signature of the client assertion is not valid.",
		texts{neutral: "Sign the assertion with the private key that belongs to the kid in its header, and send it unchanged."},
	},
	AssertionIssuer:   {"The client assertion has another issuer than is expected.", texts{neutral: copyFederation, entra: copyFromEntra}},
	AssertionSubject:  {"The client assertion has another subject than is expected.", texts{neutral: copyFederation, entra: copyFromEntra}},
	AssertionAudience: {"The client assertion is for another audience.", texts{neutral: copyFederation + " With keys of the client, the audience is the address of the token endpoint.", entra: copyFromEntra}},
	AssertionExpired:  {"The client assertion has expired.", texts{neutral: "Send a new assertion with each token request, and check the clock of the identity provider."}},
	AssertionEarly:    {"The client assertion is not valid yet.", texts{neutral: "Check the clock of the identity provider: it is ahead by more than a minute."}},
	AssertionLife:     {"The client assertion is valid for longer than 24 hours.", texts{neutral: "Let exp be at most 24 hours after iat, better a few minutes."}},
	AssertionReplayed: {"The client assertion was used before.", texts{neutral: "Send a new assertion with each token request, with a jti of its own."}},
	AssertionHost: {
		"The host of the federation's keys is not one from which this deployment reads keys.",
		texts{neutral: "Ask the operator of the service to allow the host (JwksHosts), or correct the JWKS URI of the federation."},
	},
	AssertionUnreachable: {
		"The keys of the federation could not be read.",
		texts{neutral: "Send the request again later. If it fails again, check that the JWKS URI of the federation can be read by anyone."},
	},
	AssertionKeys: {
		"The keys of the client or its federation are not a valid JSON Web Key Set.",
		texts{neutral: "Correct the JWKS URI of the federation, or the keys of the client: a set of at most 50 keys, each with a kid of its own, and of at most 64 KB."},
	},
}

// newSecret is the advice for a client secret that ended.
var newSecret = texts{
	neutral:     "Add a secret to the client and enter it {secret}.",
	entra:       "Add a secret to the client, enter it {secret} and select Test Connection. If the job is in quarantine, select Restart provisioning.",
	idp.PingOne: "Add a secret to the client, enter it {secret} and select Test Connection.",
}

// newClient is the advice for a client that is unknown or revoked.
var newClient = texts{
	neutral: "Create a client, and enter its ID {client} and its secret {secret}.",
	entra:   "Create a client, enter its ID {client} and its secret {secret}, and select Test Connection. If the job is in quarantine, select Restart provisioning.",
}

// oauthAdvices are the advice about tokens, clients and token requests.
var oauthAdvices = map[Remedy]texts{
	Remedy(StaticRefused): {
		neutral:          "Enter the ID of an OAuth client {client}, its secret, and the address ending in /oauth2/token as {endpoint}. Where that is not possible, ask an owner of the application to allow static tokens.",
		okta:             "Ask an owner of the application to allow static tokens: Okta sends nothing else with Authentication Mode set to HTTP Header.",
		entra:            "Enter Client Identifier, Client Secret and Token Endpoint under Provisioning in place of the Secret Token. In an app without these fields, ask an owner of the application to allow static tokens.",
		oneLogin:         "Ask an owner of the application to allow static tokens: the SCIM Bearer Token is one.",
		idp.PingOne:      "Set Authentication Method to OAuth 2 Client Credentials, with OAuth Client ID, OAuth Client Secret, and the address ending in /oauth2/token as OAuth Token Request.",
		idp.PingFederate: "Set Authentication Method to OAuth 2 Client Credentials, with Client ID, Client Secret, and the address ending in /oauth2/token as Token Request Endpoint.",
		idp.Oracle:       "Add the app from the template GenericScim - Client Credentials, with the ID and the secret of an OAuth client, and the address ending in /oauth2/token.",
	},
	Remedy(AccessExpired): {
		neutral: "Nothing needs to be done if the identity provider gets access tokens by itself. One that was entered by hand lasts an hour: enter the SCIM token of this tenant {token} instead, which begins with rct.",
		entra:   "Nothing needs to be done: Entra gets a new one and sends the request again. If it was entered as Secret Token, enter the SCIM token of this tenant there, which begins with rct.",
	},
	Remedy(AccessEnded): {
		neutral: "Nothing needs to be done if the identity provider has the new secret: it gets a new access token. Otherwise add a secret to the client and enter it {secret}.",
		entra:   "Nothing needs to be done if Entra has the new secret: it gets a new access token. Otherwise add a secret to the client, enter it {secret} and select Test Connection.",
	},
	Remedy(ClientUnknown): {
		neutral: "Copy the client ID of this tenant again and enter it {client}. Check that it and {endpoint} belong to the same deployment.",
	},
	Remedy(ClientRevoked): newClient,
	Remedy(SecretUnknown): {
		neutral: "Copy the whole client secret again and enter it {secret}. If it is lost, add a secret to the client: it is shown only once.",
	},
	Remedy(SecretExpired): newSecret,
	Remedy(SecretRevoked): newSecret,
	Remedy(AssertionRefused): {
		neutral: copyFederation,
		entra:   copyFromEntra,
	},
	Remedy(OAuthRequest): {
		neutral:     "Send grant_type=client_credentials with the client ID and the client secret as a form, each parameter once, in a POST request to the address ending in /oauth2/token.",
		entra:       "Check that the Token Endpoint under Provisioning ends in /oauth2/token, without a question mark, and select Test Connection.",
		idp.PingOne: "Check that {endpoint} ends in /oauth2/token, without a question mark, and select Test Connection.",
	},
	Remedy(GrantUnsupported): {
		neutral:          "Choose client credentials as the OAuth grant type in the identity provider's provisioning settings.",
		okta:             "Set Authentication Mode to HTTP Header under Provisioning > Integration and enter the SCIM token of this tenant: OAuth 2 of Okta is another grant.",
		entra:            "Choose OAuth2 client credentials grant or workload identity as the authentication method under Provisioning.",
		idp.PingOne:      "Set Authentication Method to OAuth 2 Client Credentials.",
		idp.PingFederate: "Set Authentication Method to OAuth 2 Client Credentials.",
		idp.Oracle:       "Add the app from the template GenericScim - Client Credentials.",
		idp.SailPoint:    "Set Grant Type to Client Credentials in the source's connection settings.",
	},
}

// requestParticulars say when these remedies are given, for the documentation.
var requestParticulars = map[Remedy]string{
	ClientMalformed:      "the text is not a client ID of this service",
	SecretForeign:        "the text is not a client secret of this service",
	SecretCut:            "the client secret is cut off or changed",
	RequestNoProof:       "the request has no client authentication",
	RequestTwoMethods:    "the request has two ways of client authentication",
	RequestInURL:         "a credential is in the URL",
	RequestForm:          "the body is not a form",
	AssertionNone:        "the client has neither a federation nor keys",
	AssertionSize:        "the assertion is longer than 16 KB",
	AssertionMalformed:   "it is not a signed JSON Web Token, or a claim is missing",
	AssertionAlgorithm:   "its algorithm is neither RS256 nor ES256",
	AssertionHeader:      "its header has a key, an address of a key, or crit",
	AssertionKey:         "no key has its kid",
	AssertionWeakKey:     "the key is too weak or not meant for the algorithm",
	AssertionSignature:   "its signature is not valid",
	AssertionIssuer:      "its issuer is another",
	AssertionSubject:     "its subject is another",
	AssertionAudience:    "its audience is another",
	AssertionExpired:     "it has expired",
	AssertionEarly:       "it is not valid yet",
	AssertionLife:        "it is valid for longer than 24 hours",
	AssertionReplayed:    "it was used before",
	AssertionHost:        "the host of the keys is not allowed",
	AssertionUnreachable: "the keys could not be read",
	AssertionKeys:        "the keys are not a valid set",
}
