// Package oauth is the token endpoint for identity providers: it authenticates a client of a
// tenant and issues an access token for the SCIM endpoints, and serves the metadata of the
// authorization server. One log event, oauth.token, is written for each request.
//
//	POST /oauth2/token            grant_type=client_credentials
//	POST /oauth2/token/{client}   the same, for identity providers that send no client_id
//	GET  /.well-known/oauth-authorization-server
//
// An answer reveals nothing of a client to a caller that has not proven to be it: an unknown
// client, a wrong secret and a revoked client get the same text. The tenant's provisioning log
// has the real cause.
//
// It never creates, changes or revokes a client, and it decides no SCIM request.
// RFC 6749 §4.4, RFC 7523 §2.2, RFC 8414
package oauth
