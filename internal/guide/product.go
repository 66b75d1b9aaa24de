package guide

import "github.com/rollcall-scim/rollcall/internal/idp"

// The steps that create a credential. The pages add the way to do it: a command in the
// documentation, a button in the portal.
var (
	createToken = Step{
		Title: "Create a token", Create: true,
		Text: []string{"The token is shown once: keep the page open until you have entered it."},
	}
	createSecret = Step{
		Title: "Create a client", Create: true,
		Text: []string{"The client secret is shown once: keep the page open until you have entered it. It expires after a year unless you choose another time, at most 3 years from now."},
	}
)

// fixed returns a text to enter, and choice one to select.
func fixed(field, text string) Value { return Value{Field: field, Kind: Fixed, Text: text} }

func choice(field, text string) Value { return Value{Field: field, Kind: Choice, Text: text} }

func okta() Product {
	return Product{
		ID: "okta", Provider: idp.Okta, Name: idp.Okta.Name(), Page: "connect-okta.md",
		Source: "Okta's own documentation of 2025",
		Connections: []Connection{{
			ID: "okta", Name: "Token", Credential: StaticToken,
			Steps: []Step{
				createToken,
				{Title: "Add an app that provisions by SCIM", Text: []string{
					"*Applications > Create App Integration*, SAML 2.0 or SWA, not OIDC. Then *General > App Settings > Edit*, set *Provisioning* to SCIM, and save.",
					"Or *Applications > Browse App Catalog*, \"SCIM 2.0 Test App (OAuth Bearer Token)\": there the fields of the next step are *Base URL* and *OAuth Bearer Token*.",
				}},
				{
					Title: "Enter the connection", Text: []string{"*Provisioning > Integration > Edit*:"},
					Enter: []Value{
						{Field: "SCIM connector base URL", Kind: BaseURL},
						fixed("Unique identifier field for users", "userName"),
						choice("Supported provisioning actions", "Import New Users and Profile Updates, Push New Users, Push Profile Updates, Push Groups"),
						choice("Authentication Mode", "HTTP Header"),
						{Field: "Authorization", Kind: Token},
					},
					After: []string{
						"Enter the token without the word Bearer: Okta adds it. In the app \"SCIM 2.0 Test App (Header Auth)\" enter the word before the token, because Okta sends that field as it is.",
						"Select *Test Connector Configuration*, then save.",
					},
				},
				{Title: "Turn provisioning on", Text: []string{"*Provisioning > To App > Edit*: enable *Create Users*, *Update User Attributes* and *Deactivate Users*, and save. Leave *Sync Password* off."}},
				{Title: "Check who a user is", Text: []string{
					"On the tab *Sign On*, *Application username format* determines the `userName`: choose one that is unique, for example *Okta username*.",
					"Under *Directory > Profile Editor*, in the app's user profile, map `user.getInternalProperty(\"id\")` to `externalId`: the id never changes, but an email address or a login does.",
				}},
				{Title: "Assign people", Text: []string{"*Assignments > Assign*: people or groups. A user who was assigned before step 4 has a red mark: select *Provision User*."}},
				{Title: "Push groups", Text: []string{
					"*Push Groups > Push Groups > Find groups by name*, select a group, keep *Push group memberships immediately*, and save.",
					"Assign the app to the members by another group: Okta does not support one group for both, and members get lost.",
				}},
			},
		}},
		Tries: Tries{
			Connected:   "Select *Test Connector Configuration* under *Provisioning > Integration*.",
			FirstUser:   "Assign the app to one person under *Assignments*.",
			GroupPush:   "Add a group under *Push Groups*, or select *Push now* for it.",
			Deactivated: "Unassign that person under *Assignments*. You can assign the person again afterwards.",
		},
		Expect: []string{
			"A user who is unassigned, suspended or deactivated becomes inactive and frees the seat; the record and its groups stay.",
			"A user who is assigned again becomes active again.",
			"While all seats are in use, a new user is refused: free a seat, then use *Retry Selected* under *Dashboard > Tasks*.",
		},
	}
}

// The parts that Entra's connections have in common.
var (
	entraApp = Step{Title: "Add an enterprise application", Text: []string{
		"As an Application Administrator, at `https://entra.microsoft.com`: *Entra ID > Enterprise apps > New application*. Select the application in the gallery, or *Create your own application*, \"Integrate any other application you don't find in the gallery\".",
	}}
	entraMappings = Step{Title: "Change two attribute mappings", Text: []string{
		"*Attribute mapping > Provision Microsoft Entra ID Users*: leave *Create*, *Update* and *Delete* on, and keep the mapping to `active`: without it nobody who leaves frees a seat.",
		"Change the *Source attribute* of `externalId` to `objectId`, which never changes. Set its *Match objects using this attribute* to Yes with the precedence 1, and give `userName` the precedence 2 before.",
	}}
	entraStart = Step{Title: "Start", Text: []string{
		"Under *Users and groups* assign people and groups, then select *Start provisioning*. *Provision on demand* sends one user or group at once; a cycle comes every 40 minutes.",
	}}
	entraURL = Value{Field: "Tenant URL", Kind: BaseURL, After: "?aadOptscim062020"}
)

func entra() Product {
	return Product{
		ID: "entra", Provider: idp.Entra, Name: idp.Entra.Name(), Page: "connect-entra.md",
		Source:      "Microsoft's own documentation of 2025 and 2026",
		Connections: []Connection{entraOAuth(), entraFederation(), entraToken()},
		Tries: Tries{
			Connected:   "Select *Test Connection* under *Provisioning*.",
			FirstUser:   "Use *Provision on demand* for one person who is assigned under *Users and groups*.",
			GroupPush:   "Assign a group under *Users and groups*, and use *Provision on demand* for it or wait for the next cycle.",
			Deactivated: "Remove that person under *Users and groups*, and wait for the next cycle, or use *Provision on demand* for the person. You can assign the person again afterwards.",
		},
		Expect: []string{
			"A user who is unassigned, out of scope, blocked from signing in or deleted becomes inactive and frees the seat.",
			"Entra deletes a user for good 30 days after the deletion in the directory.",
			"The first cycle takes longer than those after it. Entra sends a failed change again in later cycles, less and less often.",
		},
	}
}

func entraOAuth() Connection {
	return Connection{
		ID: "entra-oauth", Name: "OAuth client credentials", Credential: ClientSecret,
		When: "For an application of Microsoft's gallery, and wherever *Provisioning* offers the OAuth2 client credentials grant.",
		Steps: []Step{
			createSecret, entraApp,
			{
				Title: "Enter the connection", Text: []string{"*Provisioning > New configuration*, with the authentication method *OAuth2 client credentials grant*:"},
				Enter: []Value{
					entraURL,
					{Field: "Token Endpoint", Kind: TokenEndpoint},
					{Field: "Client Identifier", Kind: ClientID},
					{Field: "Client Secret", Kind: Secret},
				},
				After: []string{"Select *Test Connection*, then *Create*."},
			},
			entraMappings, entraStart,
		},
	}
}

func entraFederation() Connection {
	return Connection{
		ID: "entra-federation", Name: "Workload identity federation", Credential: Federation,
		When: "Where *Provisioning* offers workload identity: Entra signs a token for each request to the token endpoint, so there is no secret to keep or rotate.",
		Steps: []Step{
			entraApp,
			{
				Title: "Register a workload identity",
				Text:  []string{"*Provisioning > New configuration*: select workload identity as the authentication method, and register a workload identity there. Entra shows these four values, which the next step takes:"},
				Take: []Value{
					{Field: "Issuer", Kind: Issuer},
					{Field: "Subject", Kind: Subject},
					{Field: "Audience", Kind: Audience},
					{Field: "JWKS URL", Kind: KeysURL},
				},
			},
			{Title: "Create a client", Create: true, Text: []string{
				"Enter the four values exactly as Entra shows them. The audience may end in `/.default`: the form without it is accepted too.",
			}},
			{
				Title: "Enter the connection", Text: []string{"In the same configuration:"},
				Enter: []Value{entraURL, {Field: "Token Endpoint", Kind: TokenEndpoint}, {Field: "Client Identifier", Kind: ClientID}},
				After: []string{"Select *Test Connection*, then *Create*."},
			},
			entraMappings, entraStart,
		},
	}
}

func entraToken() Connection {
	return Connection{
		ID: "entra-token", Name: "Token, in an app of your own", Credential: StaticToken,
		When: "For an app outside the gallery whose *Provisioning* asks for a secret token.",
		Steps: []Step{
			createToken, entraApp,
			{
				Title: "Enter the connection", Text: []string{"*Provisioning > New configuration*:"},
				Enter: []Value{entraURL, {Field: "Secret Token", Kind: Token}},
				After: []string{"Enter the token without the word Bearer. Select *Test Connection*, then *Create*."},
			},
			entraMappings, entraStart,
		},
	}
}

func oneLogin() Product {
	return Product{
		ID: "onelogin", Provider: idp.OneLogin, Name: idp.OneLogin.Name(), Page: "connect-onelogin.md",
		Source: "OneLogin's documentation, and of setup guides that other vendors published until 2026",
		Connections: []Connection{{
			ID: "onelogin", Name: "Token", Credential: StaticToken,
			Steps: []Step{
				createToken,
				{Title: "Add an app", Text: []string{"*Applications > Applications > Add App*: search for SCIM, select \"SCIM Provisioner with SAML (SCIM v2 Enterprise)\", enter a name, and save."}},
				{
					Title: "Enter the connection", Text: []string{"On the tab *Configuration*:"},
					Enter: []Value{{Field: "SCIM Base URL", Kind: BaseURL}, {Field: "SCIM Bearer Token", Kind: Token}},
					After: []string{
						"Leave the other fields of the tab, *Custom Headers* among them, as they are. In the *SCIM JSON Template* keep `userName`, `name`, `emails` and `active`.",
						"Under *API Connection* or *API Status* select *Enable*: OneLogin sends its first request. Save.",
					},
				},
				{Title: "Choose the userName", Text: []string{"On the tab *Parameters*, set *SCIM Username* to a value that is unique, for example *Email*."}},
				{Title: "Turn provisioning on", Text: []string{
					"On the tab *Provisioning*, select *Enable provisioning*. Clear *Create user*, *Delete user* and *Update user* if these should not wait for an approval.",
					"For users who are deleted in OneLogin or lose the app choose *Suspend* or *Delete*: with *Do Nothing* they keep their seats. Save.",
				}},
				{Title: "Send groups", Text: []string{
					"On the tab *Parameters*, open *Groups*, select *Include in User Provisioning*, and save.",
					"On the tab *Rules*, add a rule with the action *Set Groups in* this app, for example from roles.",
				}},
				{Title: "Give people the app", Text: []string{"Add a role on the tab *Access*, or add the app to a user under *Users*. Where an approval is required, approve the task under *Users > Provisioning*."}},
			},
		}},
		Tries: Tries{
			Connected:   "Select *Enable* under *API Connection* on the tab *Configuration*; if it is enabled, disable it and enable it again.",
			FirstUser:   "Add the app to one user, and approve the task under *Users > Provisioning* if one waits there.",
			GroupPush:   "Select *More Actions > Reapply entitlement mappings* in the app, after adding a rule that sets groups.",
			Deactivated: "Remove the app from that user. You can add it again afterwards.",
		},
		Expect: []string{
			"*Users > Provisioning* shows the state of each task, and the error of a failed one.",
			"A user who loses the app is deactivated or deleted, as the tab *Provisioning* says. With *Do Nothing* the user keeps the seat.",
		},
	}
}

func jumpCloud() Product {
	return Product{
		ID: "jumpcloud", Provider: idp.JumpCloud, Name: idp.JumpCloud.Name(), Page: "connect-jumpcloud.md",
		Source: "JumpCloud's documentation, and of setup guides that other vendors published until 2026",
		Connections: []Connection{{
			ID: "jumpcloud", Name: "Token", Credential: StaticToken,
			Steps: []Step{
				createToken,
				{Title: "Add an app", Text: []string{"*SSO Applications > Add New Application > Custom Application*: select *Export users to this app (Identity Management)*, enter a name, save the application, and configure it."}},
				{
					Title: "Enter the connection", Text: []string{"On the tab *Identity Management*:"},
					Enter: []Value{choice("SCIM Version", "SCIM 2.0"), {Field: "Base URL", Kind: BaseURL}, {Field: "Token Key", Kind: Token}},
					After: []string{
						"As *Test User Email* enter the address of a user of your directory.",
						"To send groups, select the management of user groups and group membership. Select *Test Connection*, then *Activate*, and save.",
					},
				},
				{Title: "Select groups of users", Text: []string{"On the tab *User Groups*, select the groups whose members should be provisioned, and save."}},
			},
		}},
		Tries: Tries{
			Connected:   "Select *Test Connection* on the tab *Identity Management*.",
			FirstUser:   "Add one user to a group that is selected on the tab *User Groups*.",
			GroupPush:   "Turn on the management of groups on the tab *Identity Management*, and select a group on the tab *User Groups*.",
			Deactivated: "Remove that user from the groups that are selected on the tab *User Groups*. You can add the user again afterwards.",
		},
		Expect: []string{
			"The connection test may create the test user, who then takes a seat: look at the users afterwards.",
			"A user who is in none of the selected groups any more becomes inactive and frees the seat.",
		},
	}
}

func google() Product {
	return Product{
		ID: "google", Provider: idp.Google, Name: idp.Google.Name(), Page: "connect-google-workspace.md",
		Source: "Google's documentation of automated user provisioning, and of setup guides that other vendors published until 2026",
		Connections: []Connection{{
			ID: "google", Name: "Token", Credential: StaticToken,
			When: "Google provisions only apps of its catalog: those whose page has *Autoprovisioning*.",
			Steps: []Step{
				createToken,
				{Title: "Open the app", Text: []string{"In the Admin console, *Apps > Web and mobile apps*: open the app, whose single sign-on must be set up, and find *Autoprovisioning*. An app without this section cannot be provisioned by Google."}},
				{
					Title: "Enter the connection", Text: []string{"*Autoprovisioning > Configure autoprovisioning*:"},
					Enter: []Value{{Field: "Access token", Kind: Token}, {Field: "Endpoint URL", Kind: BaseURL}},
					After: []string{"On the next page check the *App attributes*: every attribute with an asterisk needs a mapping."},
				},
				{Title: "Choose who is provisioned", Text: []string{
					"Limit the *Provisioning scope* to groups if not everybody with the app should be provisioned. Google sends no groups themselves.",
					"Under *Deprovisioning* choose the actions for users who lose the app, are suspended or are deleted, and the time after which each comes: until then such a user keeps the seat.",
				}},
				{Title: "Turn it on", Text: []string{"Select *Finish*, set *Autoprovisioning* to active, and turn the app on under *User access*."}},
			},
		}},
		Tries: Tries{
			Connected:   "Finish the configuration under *Autoprovisioning*, and set it to active.",
			FirstUser:   "Turn the app on for one user under *User access*, and wait for the next synchronization, which comes every few hours.",
			Deactivated: "Turn the app off for that user under *User access*, and wait for the time chosen under *Deprovisioning*. You can turn it on again afterwards.",
		},
		Expect: []string{
			"Google synchronizes every few hours, so a check may take until the next day.",
			"Google sends users only, no groups.",
		},
	}
}

// pingOneConnection are the fields that PingOne's ways to connect have in common.
func pingOneConnection(method string, credential ...Value) Step {
	values := []Value{
		{Field: "SCIM Base URL", Kind: BaseURL},
		fixed("Users Resource", "/Users"), choice("SCIM Version", "2.0"), fixed("Groups Resource", "/Groups"),
		choice("Authentication Method", method),
	}
	return Step{
		Title: "Add a connection", Text: []string{"*Integrations > Provisioning*, the plus sign, *New connection*: select *Identity Store*, then *SCIM Outbound*, enter a name, and on *Configure authentication*:"},
		Enter: append(values, credential...), After: []string{"Select *Test Connection*, continue, finish, and turn the connection on."},
	}
}

func pingOne() Product {
	rule := Step{Title: "Add a rule", Text: []string{
		"*Integrations > Provisioning*, the plus sign, *New rule*: select the connection, and save.",
		"Include people by the rule's *User Filter*. Under *Attribute Mapping* map *User ID* to `externalId`: the id never changes, but a username does.",
		"To send groups, open the rule's *Configuration > Group Provisioning*, select *Add Groups*, and save. Then turn the rule on.",
	}}
	return Product{
		ID: "pingone", Provider: idp.PingOne, Name: idp.PingOne.Name(), Page: "connect-pingone.md",
		Source: "Ping Identity's own documentation of PingOne, read in 2026",
		Connections: []Connection{
			{
				ID: "pingone-oauth", Name: "OAuth client credentials", Credential: ClientSecret,
				When: "The way to prefer: the tokens last an hour, and the secret can be changed without a pause.",
				Steps: []Step{createSecret, pingOneConnection(
					"OAuth 2 Client Credentials", Value{Field: "OAuth Token Request", Kind: TokenEndpoint},
					Value{Field: "OAuth Client ID", Kind: ClientID}, Value{Field: "OAuth Client Secret", Kind: Secret}, choice("Auth Type Header", "Bearer"),
				), rule},
			},
			{
				ID: "pingone-token", Name: "Token", Credential: StaticToken,
				When: "Where a token is to be kept in PingOne instead.",
				Steps: []Step{createToken, pingOneConnection(
					"OAuth 2 Bearer Token", Value{Field: "OAuth Access Token", Kind: Token}, choice("Auth Type Header", "Bearer"),
				), rule},
			},
		},
		Tries: Tries{
			Connected:   "Select *Test Connection* in the connection under *Integrations > Provisioning*.",
			FirstUser:   "Include one user in the rule's *User Filter*, and turn the rule on.",
			GroupPush:   "Select *Add Groups* under the rule's *Configuration > Group Provisioning*.",
			Deactivated: "Take that user out of the rule's *User Filter*. You can include the user again afterwards.",
		},
		Expect: []string{
			"PingOne disables or deletes a user who leaves the rule, as the connection's deprovisioning action says.",
			"A group of the same name that exists already gets the members that PingOne has.",
		},
	}
}

// pingFederateTarget are the fields that PingFederate's ways to connect have in common.
func pingFederateTarget(method string, credential ...Value) Step {
	values := []Value{{Field: "SCIM URL", Kind: BaseURL}, choice("SCIM Version", "2.0"), choice("Authentication Method", method)}
	return Step{
		Title: "Enter the target", Text: []string{"On the *Target* screen of *Outbound Provisioning*:"},
		Enter: append(values, credential...),
		After: []string{"PingFederate tries the credentials when you activate the channel and the connection."},
	}
}

func pingFederate() Product {
	connection := Step{Title: "Add a connection", Text: []string{"*Applications > Integration > SP Connections > Create Connection*: use the template *SCIM Provisioner*, the connection type *Outbound Provisioning*, and enter a name."}}
	channel := Step{Title: "Add a channel and activate", Text: []string{
		"Under *Manage Channels* add a channel: include people and groups by its *Source Location*, and complete its *Attribute Mapping*. Map an attribute that never changes to `externalId`.",
		"Activate the channel, then turn the connection on under *Activation & Summary*, and save.",
	}}
	return Product{
		ID: "pingfederate", Provider: idp.PingFederate, Name: idp.PingFederate.Name(), Page: "connect-pingfederate.md",
		Source: "Ping Identity's own documentation of PingFederate's SCIM Provisioner, read in 2026",
		Connections: []Connection{
			{
				ID: "pingfederate-oauth", Name: "OAuth client credentials", Credential: ClientSecret,
				When: "The way to prefer: the tokens last an hour, and the secret can be changed without a pause.",
				Steps: []Step{createSecret, connection, pingFederateTarget(
					"OAuth 2 Client Credentials", Value{Field: "Token Request Endpoint", Kind: TokenEndpoint},
					Value{Field: "Client ID", Kind: ClientID}, Value{Field: "Client Secret", Kind: Secret},
				), channel},
			},
			{
				ID: "pingfederate-token", Name: "Token", Credential: StaticToken,
				When:  "Where a token is to be kept in PingFederate instead.",
				Steps: []Step{createToken, connection, pingFederateTarget("OAuth 2 Bearer Token", Value{Field: "Access Token", Kind: Token}), channel},
			},
		},
		Tries: Tries{
			Connected:   "Activate the channel and the connection.",
			FirstUser:   "Include one user in the channel's *Source Location*.",
			GroupPush:   "Include a group in the channel's *Source Location*.",
			Deactivated: "Take that user out of the channel's *Source Location*. You can include the user again afterwards.",
		},
		Expect: []string{
			"PingFederate provisions at the interval that is set for its provisioner, so a check may take that long.",
			"A user who leaves the source is disabled or deleted, as the *Provisioning Options* say.",
		},
	}
}

// anotherUsers is the last step of the connections of any other identity provider.
var anotherUsers = Step{Title: "Choose who is provisioned", Text: []string{
	"Assign the app to people and groups. Map an attribute that never changes to `externalId`, a unique login name to `userName`, and the state of the account to `active`.",
	"Turn on creation, updates and deactivation of users, and the provisioning of groups if there is a choice.",
}}

func another() Product {
	return Product{
		ID: "another", Name: "Another identity provider", Page: "connect-another-identity-provider.md",
		Source:      "SCIM 2.0 and OAuth 2.0: each product has names of its own",
		Connections: []Connection{anotherToken(), anotherOAuth(), anotherKey(), anotherFederation()},
		Tries: Tries{
			Connected:   "Test the connection, or start the provisioning.",
			FirstUser:   "Assign the app to one person.",
			GroupPush:   "Assign or push one group.",
			Deactivated: "Remove that person from the app. You can assign the person again afterwards.",
		},
		Expect: []string{
			"A user who is deactivated or deleted frees the seat.",
			"Forms of requests that deviate from SCIM and are known of other products are accepted.",
		},
	}
}

func anotherToken() Connection {
	return Connection{
		ID: "another-token", Name: "Token", Credential: StaticToken,
		When: "For a product that takes one token, often called API token, bearer token or access token.",
		Steps: []Step{createToken, {
			Title: "Enter the connection", Text: []string{"Choose SCIM 2.0 and bearer token, and enter:"},
			Enter: []Value{{Field: "Base URL", Kind: BaseURL}, {Field: "Token", Kind: Token}},
			After: []string{
				"If the product asks for the whole header *Authorization*, enter the word Bearer and a space before the token.",
				"If it asks for the addresses of users and groups, add `/Users` and `/Groups` to the base URL.",
			},
		}, anotherUsers},
	}
}

func anotherOAuth() Connection {
	return Connection{
		ID: "another-oauth", Name: "OAuth client credentials", Credential: ClientSecret,
		When: "For a product that gets its tokens with a client ID and a client secret.",
		Steps: []Step{createSecret, {
			Title: "Enter the connection", Text: []string{"Choose SCIM 2.0 and the grant *client credentials*, and enter:"},
			Enter: []Value{
				{Field: "Base URL", Kind: BaseURL},
				{Field: "Token endpoint", Kind: TokenEndpoint},
				{Field: "Client ID", Kind: ClientID},
				{Field: "Client secret", Kind: Secret},
			},
			After: []string{"The credentials are accepted in the header or in the body of the token request, but not in both. No scope is needed."},
		}, anotherUsers},
	}
}

func anotherKey() Connection {
	return Connection{
		ID: "another-key", Name: "Signed assertions with a key of its own", Credential: ClientKey,
		When: "For a product that authenticates by `private_key_jwt` (RFC 7523).",
		Steps: []Step{
			{Title: "Copy the public keys", Text: []string{"Create a key in the product, RSA of at least 2048 bits or EC on P-256, and copy its public keys as a JSON Web Key Set."}},
			{Title: "Create a client", Create: true, Text: []string{"Enter the public keys; private keys are refused."}},
			{
				Title: "Enter the connection", Text: []string{"Choose SCIM 2.0 and `private_key_jwt`, and enter:"},
				Enter: []Value{
					{Field: "Base URL", Kind: BaseURL},
					{Field: "Token endpoint", Kind: TokenEndpoint},
					{Field: "Client ID", Kind: ClientID},
					{Field: "Issuer (iss)", Kind: ClientID},
					{Field: "Subject (sub)", Kind: ClientID},
					{Field: "Audience (aud)", Kind: TokenEndpoint},
				},
			},
			anotherUsers,
		},
	}
}

func anotherFederation() Connection {
	return Connection{
		ID: "another-federation", Name: "Workload identity federation", Credential: Federation,
		When: "For a product that authenticates with tokens of its own platform.",
		Steps: []Step{
			{
				Title: "Find the platform's values", Text: []string{"In a token of the platform, or in its documentation, find:"},
				Take: []Value{
					{Field: "Issuer (iss)", Kind: Issuer},
					{Field: "Subject (sub)", Kind: Subject},
					{Field: "Audience (aud)", Kind: Audience},
					{Field: "URL of the keys (JWKS)", Kind: KeysURL},
				},
			},
			{Title: "Create a client", Create: true, Text: []string{"Enter the four values exactly. The operator of the service must allow the host of the keys."}},
			{
				Title: "Enter the connection", Text: []string{"Choose SCIM 2.0 and client credentials with an assertion, and enter:"},
				Enter: []Value{{Field: "Base URL", Kind: BaseURL}, {Field: "Token endpoint", Kind: TokenEndpoint}, {Field: "Client ID", Kind: ClientID}},
			},
			anotherUsers,
		},
	}
}
