// Package cause has the closed list of causes: why a request was refused, or
// succeeded with a warning. Each cause has its status, its scimType, and what to
// do about it in each identity provider.
//
// It holds no request and no response; package httpapi joins a cause with the
// particulars of a request.
package cause

import (
	"maps"
	"slices"

	"github.com/rollcall-scim/rollcall/internal/scim"
)

// Cause names why a request was refused, or what made a success a warning. It is
// stable: log queries and documentation refer to it.
type Cause string

// The causes.
const (
	TokenMissing      Cause = "token_missing"
	TokenInvalid      Cause = "token_invalid"
	TokenUnknown      Cause = "token_unknown"
	TokenRevoked      Cause = "token_revoked"
	TokenExpired      Cause = "token_expired"
	SCIMDisabled      Cause = "scim_disabled"
	TokenRepeated     Cause = "token_repeated"
	TokenExposed      Cause = "token_exposed"
	StaticRefused     Cause = "static_token_refused"
	AccessExpired     Cause = "access_token_expired"
	AccessEnded       Cause = "access_token_ended"
	ClientUnknown     Cause = "client_unknown"
	ClientRevoked     Cause = "client_revoked"
	SecretUnknown     Cause = "secret_unknown"
	SecretExpired     Cause = "secret_expired"
	SecretRevoked     Cause = "secret_revoked"
	AssertionRefused  Cause = "assertion_refused"
	OAuthRequest      Cause = "oauth_request"
	GrantUnsupported  Cause = "grant_unsupported"
	BadEvent          Cause = "bad_event"
	NoRoute           Cause = "no_route"
	NotSupported      Cause = "not_supported"
	ProtocolVersion   Cause = "protocol_version"
	MethodNotAllowed  Cause = "method_not_allowed"
	MediaType         Cause = "media_type"
	BodyTooLarge      Cause = "body_too_large"
	Validation        Cause = "validation"
	SensitiveFilter   Cause = "sensitive_filter"
	DiscoveryFilter   Cause = "discovery_filter"
	UserNotFound      Cause = "user_not_found"
	GroupNotFound     Cause = "group_not_found"
	GroupDeleted      Cause = "group_deleted"
	SchemaNotFound    Cause = "schema_not_found"
	Duplicate         Cause = "duplicate"
	DuplicateInactive Cause = "duplicate_inactive"
	DuplicateSeveral  Cause = "duplicate_several"
	DuplicateGroup    Cause = "duplicate_group"
	UnknownMembers    Cause = "unknown_members"
	MemberLimit       Cause = "member_limit"
	AnswerTooLarge    Cause = "answer_too_large"
	Unfinished        Cause = "unfinished"
	DuplicateOffInApp Cause = "duplicate_deactivated_in_app"
	ExternalIDChanged Cause = "external_id_changed"
	ExternalIDRefused Cause = "external_id_refused"
	IdentityDiffers   Cause = "identity_differs"
	IdentityChanged   Cause = "identity_changed"
	OwnUser           Cause = "own_user"
	OwnUserConversion Cause = "own_user_conversion"
	DeactivatedInApp  Cause = "deactivated_in_app"
	Protected         Cause = "protected"
	SeatLimit         Cause = "seat_limit"
	ReaderLimit       Cause = "reader_limit"
	VersionMismatch   Cause = "version_mismatch"
	WalkLimit         Cause = "walk_limit"
	RateLimit         Cause = "rate_limit"
	Conflict          Cause = "conflict"
	OutcomeUnknown    Cause = "outcome_unknown"
	StoreUnavailable  Cause = "store_unavailable"
	BulkLimit         Cause = "bulk_limit"
	BulkReference     Cause = "bulk_reference"
	BulkTime          Cause = "bulk_time"
	BulkPartial       Cause = "bulk_partial"
	Internal          Cause = "internal"
	Tolerated         Cause = "tolerated"
)

// Meaning describes a cause to the identity provider and to its administrator.
type Meaning struct {
	// Status is the HTTP status, 0 for a cause that only warns.
	Status int
	// Type is the scimType, "" if RFC 7644 has none or if it depends on the
	// fault (Validation).
	Type scim.ErrorType
	// Summary says what it is, for the documentation.
	Summary string
	// Action is the neutral advice, for an unknown identity provider; Remedy.Advice has
	// that of the others.
	Action string
	// RetryAfter is the value of the Retry-After header in seconds, or 0 if there
	// is none.
	RetryAfter int
	// OAuth is the error of the token endpoint, "" for a cause that it does not have. Its
	// status is 400 if the request has no Authorization header. RFC 6749 §5.2
	OAuth string
}

// Meaning looks a cause up in the table. An unknown one means Internal.
func (c Cause) Meaning() Meaning {
	m, ok := meanings[c]
	if !ok {
		c, m = Internal, meanings[Internal]
	}
	m.Action = c.Remedy().Advice("")
	return m
}

// Warns reports whether a request can succeed with the cause, as a warning.
func (c Cause) Warns() bool {
	return c.Meaning().Status == 0 || c == UnknownMembers || c == AnswerTooLarge
}

// OnlyOAuth reports whether only the token endpoint refuses requests with the cause: no SCIM
// request has it.
func (c Cause) OnlyOAuth() bool { return c.Meaning().OAuth != "" && c != ClientRevoked }

// documentURL is where the causes are explained.
const documentURL = "https://github.com/rollcall-scim/rollcall/blob/main/docs/reference/causes.md"

// Documentation returns the address of the paragraph that explains the cause.
func (c Cause) Documentation() string { return documentURL + "#" + string(c) }

// Causes lists all causes by name, for tests and documentation.
func Causes() []Cause { return slices.Sorted(maps.Keys(meanings)) }

// invalidClient is the error of a client that has not authenticated. RFC 6749 §5.2
const invalidClient = "invalid_client"

var meanings = map[Cause]Meaning{
	TokenMissing:  {Status: 401, Summary: "The request has no token."},
	TokenInvalid:  {Status: 401, Summary: `Invalid token: incomplete, changed, or not sent as "Bearer".`},
	TokenUnknown:  {Status: 401, Summary: "Unknown token: it is well formed, but not one of this service."},
	TokenRevoked:  {Status: 401, Summary: "This token was revoked."},
	TokenExpired:  {Status: 401, Summary: "This token has expired."},
	TokenRepeated: {Status: 401, Summary: "The request has more than one credential."},
	TokenExposed: {
		Status: 400, Type: scim.InvalidValue, Summary: "A token of this service was sent as data, in the body or in the URL.",
	},
	StaticRefused: {
		Status: 401, Summary: "This tenant takes no static tokens, only access tokens of OAuth clients. The token is valid otherwise.",
	},
	AccessExpired: {
		Status: 401, Summary: "This access token has expired; the identity provider gets another one from the token endpoint.",
	},
	AccessEnded: {
		Status: 401, Summary: "This access token has ended: the client secret, federation or keys by which the client got it were revoked, removed or replaced.",
	},
	ClientUnknown: {Status: 401, OAuth: invalidClient, Summary: "Unknown client: no client of this service has the client ID."},
	ClientRevoked: {Status: 401, OAuth: invalidClient, Summary: "This OAuth client was revoked."},
	SecretUnknown: {Status: 401, OAuth: invalidClient, Summary: "Wrong client secret: it is not one of this client."},
	SecretExpired: {Status: 401, OAuth: invalidClient, Summary: "This client secret has expired."},
	SecretRevoked: {Status: 401, OAuth: invalidClient, Summary: "This client secret was revoked."},
	AssertionRefused: {
		Status: 401, OAuth: invalidClient, Summary: "The client assertion does not prove the client: its issuer, subject, audience, time or signature is not the expected one.",
	},
	OAuthRequest: {
		Status: 400, OAuth: "invalid_request", Summary: "The token request is malformed: a parameter is missing, repeated or invalid, or the client authenticates in no supported way or in several.",
	},
	GrantUnsupported: {
		Status: 400, OAuth: "unsupported_grant_type", Summary: "The token request has another grant_type than client_credentials.",
	},
	SCIMDisabled: {Status: 403, Summary: "SCIM provisioning is turned off for this tenant."},
	NotSupported: {
		Status: 501, Summary: "/Me is not supported: a token belongs to a tenant, not to a user.",
	},
	ProtocolVersion: {Status: 400, Type: scim.InvalidVers, Summary: "The SCIM version in the path is not supported."},
	BadEvent: {
		Status: 400, Type: scim.InvalidSyntax, Summary: "The request did not reach the function as a whole event of an API Gateway HTTP API.",
	},
	NoRoute:          {Status: 404, Summary: "Unknown SCIM endpoint."},
	MethodNotAllowed: {Status: 405, Summary: "Method not allowed."},
	MediaType:        {Status: 415, Summary: "Unsupported media type."},
	BodyTooLarge:     {Status: 413, Summary: "The request body exceeds 1 MiB."},
	Validation: {
		Status: 400, Summary: "The request breaks a rule of SCIM or of the schemas; the scimType and the detail say which.",
	},
	SensitiveFilter: {Status: 403, Type: scim.Sensitive, Summary: "The filter names an attribute that is never returned."},
	DiscoveryFilter: {Status: 403, Summary: "A discovery endpoint does not take a filter."},
	UserNotFound:    {Status: 404, Summary: "User not found: no user has this id, or the user was deleted."},
	GroupNotFound:   {Status: 404, Summary: "Group not found: no group has this id, or the group was deleted."},
	GroupDeleted:    {Status: 404, Summary: "The group was deleted in the application. No request restores it."},
	SchemaNotFound:  {Status: 404, Summary: "Schema or resource type not found."},
	Duplicate:       {Status: 409, Type: scim.NotUnique, Summary: "This user exists: an active user has the userName, email or externalId."},
	DuplicateInactive: {
		Status: 409, Type: scim.NotUnique, Summary: "This user exists: an inactive user has the userName, email or externalId, and the request does not activate the user.",
	},
	DuplicateSeveral: {
		Status: 409, Type: scim.NotUnique, Summary: "The userName, email and externalId sent belong to several inactive users.",
	},
	DuplicateOffInApp: {
		Status: 409, Type: scim.NotUnique, Summary: "This user exists and was deactivated in the application.",
	},
	DuplicateGroup: {
		Status: 409, Type: scim.NotUnique, Summary: "This group exists: another group has the displayName or externalId.",
	},
	UnknownMembers: {
		Status: 400, Type: scim.InvalidValue,
		Summary: "Members were sent that are not provisioned users. They are skipped and the others are added, with a warning; a tenant can have such requests refused. A whole new set of members in which every member is unknown is always refused, because it would empty the group.",
	},
	MemberLimit: {Status: 400, Type: scim.TooMany, Summary: "The request changes more than 5,000 members."},
	AnswerTooLarge: {
		Status: 400, Type: scim.TooMany,
		Summary: "The answer exceeds 6 MB, which is the most that AWS Lambda returns. A change that was made is answered without the resource instead, with a warning.",
	},
	Unfinished: {
		Status: 503, Summary: "The change of many members was accepted and is not finished yet: the next request for the group finishes it, or the background does.", RetryAfter: 2,
	},
	ExternalIDChanged: {
		Summary: "A user was reactivated with another externalId than before, or without one: a rehire, or an address that was given to another person. The user left all groups, unless the tenant keeps them.",
	},
	ExternalIDRefused: {
		Status: 409, Type: scim.NotUnique, Summary: "The userName or email belongs to an inactive user with another externalId, and this tenant does not take the two for the same person.",
	},
	IdentityDiffers: {
		Status: 409, Type: scim.NotUnique, Summary: "The user has an account in the application with another userName or email, and a user is not linked by POST when they differ.",
	},
	IdentityChanged: {
		Summary: "A PUT or PATCH linked a user that was created in the application and changed the userName or email; the detail has the old and the new value.",
	},
	OwnUser: {
		Status: 409, Type: scim.NotUnique, Summary: "User already available in the project: the user has an account in the application and is not linked to the identity provider.",
	},
	OwnUserConversion: {
		Status: 409, Type: scim.NotUnique, Summary: "User already available in the project: the user has an account in the application and cannot be linked and made a Reader in one request.",
	},
	DeactivatedInApp: {
		Status: 403, Summary: "The user was deactivated in the application and can be reactivated only there.",
	},
	Protected: {
		Status: 403, Summary: "The user is protected in the application: an identity provider cannot activate, deactivate, delete or rename the user, change the email or externalId, convert between User and Reader, or remove the user from a group.",
	},
	SeatLimit:       {Status: 403, Summary: "All seats of the tenant are in use."},
	ReaderLimit:     {Status: 403, Summary: "All Reader licences are in use."},
	VersionMismatch: {Status: 412, Summary: "The resource has changed since you read it."},
	WalkLimit: {
		Status: 400, Type: scim.TooMany, Summary: "The request needs more records read than one request may read.",
	},
	RateLimit: {Status: 429, Summary: "Rate limit exceeded; nothing was changed.", RetryAfter: 1},
	Conflict: {
		Status: 503, Summary: "The service was busy; nothing was changed. It is safe to retry.", RetryAfter: 1,
	},
	OutcomeUnknown: {
		Status: 503, Summary: "The database's answer was lost; the change may or may not have been made.", RetryAfter: 2,
	},
	StoreUnavailable: {
		Status: 503, Summary: "The service's database cannot be reached or used. Nothing was changed.", RetryAfter: 5,
	},
	BulkLimit: {Status: 413, Summary: "The bulk request has more operations than maxOperations."},
	BulkReference: {
		Status: 409, Summary: "The operation refers by bulkId to another operation of the bulk request that failed, or the references form a circle that cannot be resolved.",
	},
	BulkTime: {
		Status: 503, Summary: "The time of the bulk request ended before the operation began.", RetryAfter: 1,
	},
	BulkPartial: {
		Summary: "Some operations of the bulk request failed or were not tried; each that was answered has an event of its own.",
	},
	Internal: {Status: 500, Summary: "Internal error of the service."},
	Tolerated: {
		Summary: "Accepted with changes: an attribute is not in the schemas or was sent in the wrong place, or a value was kept or left out. The notices say which.",
	},
}
