// Package provlog is what an administrator learns of a request: the closed list
// of causes, each with its status, its scimType and what to do about it.
//
// It holds no request and no response; package httpapi joins a cause with the
// particulars of a request.
package provlog

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

// Meaning is what a cause means to the identity provider and to its
// administrator.
type Meaning struct {
	// Status is the HTTP status, 0 for a cause that only warns.
	Status int
	// Type is the scimType, "" where RFC 7644 has none or where the fault
	// itself tells (Validation).
	Type scim.ErrorType
	// Summary says what it is, for the documentation.
	Summary string
	// Action says what to do, as the last sentence of an error's detail.
	Action string
	// RetryAfter is the value of the Retry-After header in seconds, 0 for none.
	RetryAfter int
}

// Meaning looks a cause up in the table. An unknown one means Internal.
func (c Cause) Meaning() Meaning {
	if m, ok := meanings[c]; ok {
		return m
	}
	return meanings[Internal]
}

// Causes lists all causes by name, for tests and documentation.
func Causes() []Cause { return slices.Sorted(maps.Keys(meanings)) }

var meanings = map[Cause]Meaning{
	TokenMissing: {
		Status: 401, Summary: "The request has no bearer token.",
		Action: "Set the SCIM token of this tenant as a Bearer token in the identity provider's provisioning settings.",
	},
	TokenInvalid: {
		Status: 401, Summary: "The credential is not a bearer token of this service: it was cut, altered, or sent under another scheme.",
		Action: "Copy the whole token again, without spaces or quotes, and send it as 'Authorization: Bearer TOKEN'.",
	},
	TokenUnknown: {
		Status: 401, Summary: "The token is well formed and not known here.",
		Action: "Check that the token and the base URL belong to the same deployment, or create a new token.",
	},
	TokenRevoked: {
		Status: 401, Summary: "The token was revoked.",
		Action: "Create a new token and put it into the identity provider's provisioning settings.",
	},
	TokenExpired: {
		Status: 401, Summary: "The token's time is over.",
		Action: "Create a new token and put it into the identity provider's provisioning settings.",
	},
	SCIMDisabled: {
		Status: 403, Summary: "Provisioning is turned off for this tenant.",
		Action: "Ask an owner of the application to turn SCIM provisioning on.",
	},
	TokenRepeated: {
		Status: 401, Summary: "The request has more than one credential.",
		Action: "Send the SCIM token of this tenant once, as 'Authorization: Bearer TOKEN'.",
	},
	TokenExposed: {
		Status: 400, Type: scim.InvalidValue, Summary: "A token of this service was sent as data, in the body or in the URL.",
		Action: "Take the token out of the attribute mapping, the filter or the URL that has it, and rotate the token: other logs may have it.",
	},
	NotSupported: {
		Status: 501, Summary: "The endpoint /Me is not supported: a token here belongs to a tenant, not to a user.",
		Action: "Read the user by its id, or by a filter on userName.",
	},
	ProtocolVersion: {
		Status: 400, Type: scim.InvalidVers, Summary: "The path asks for a version of SCIM that is not supported.",
		Action: "Check the base URL in the identity provider: it ends in /scim/v2.",
	},
	BadEvent: {
		Status: 400, Type: scim.InvalidSyntax, Summary: "The request did not reach the function as a whole event of an API Gateway HTTP API.",
		Action: "Send the request again, to the base URL of the service.",
	},
	NoRoute: {
		Status: 404, Summary: "There is no such SCIM endpoint.",
		Action: "Check the base URL in the identity provider: it ends in /scim/v2, and the identity provider adds /Users, /Groups and the other endpoints to it.",
	},
	MethodNotAllowed: {
		Status: 405, Summary: "The endpoint does not take this method.",
		Action: "Use one of the methods in the Allow header.",
	},
	MediaType: {
		Status: 415, Summary: "The body is of a media type that is not taken.",
		Action: "Send application/scim+json or application/json in UTF-8, without a content encoding.",
	},
	BodyTooLarge: {
		Status: 413, Summary: "The body is larger than 1 MiB.",
		Action: "Send less in one request.",
	},
	Validation: {
		Status: 400, Summary: "The request breaks a rule of SCIM or of the schemas; the scimType and the detail say which.",
		Action: "Correct the attribute mapping in the identity provider and provision the user again.",
	},
	SensitiveFilter: {
		Status: 403, Type: scim.Sensitive, Summary: "The filter asks for an attribute that is never shown.",
		Action: "Remove the attribute from the filter.",
	},
	DiscoveryFilter: {
		Status: 403, Summary: "A discovery endpoint was asked with a filter.",
		Action: "Read the endpoint without a filter, or by id.",
	},
	UserNotFound: {
		Status: 404, Summary: "No user of this tenant has the id; it may have been deleted.",
		Action: "Let the identity provider look the user up by userName or externalId and link it again.",
	},
	GroupNotFound: {
		Status: 404, Summary: "No group of this tenant has the id; it may have been deleted.",
		Action: "In the identity provider, unlink the group and push it again.",
	},
	GroupDeleted: {
		Status: 404, Summary: "The group was deleted in the application. No request brings it back.",
		Action: "In the identity provider, unlink the group and push it again, which creates a new group.",
	},
	DuplicateGroup: {
		Status: 409, Type: scim.NotUnique, Summary: "Another group has the displayName or externalId already.",
		Action: "Link that group in the identity provider, or rename one of the two.",
	},
	UnknownMembers: {
		Status: 400, Type: scim.InvalidValue,
		Summary: "Members were sent that are no users of this tenant. By default they are skipped, the others taken, and this only warns; a tenant may choose that it refuses. A whole new set of members in which nobody is known is always refused: it would empty the group.",
		Action:  "Provision the users first, then push the group again.",
	},
	MemberLimit: {
		Status: 400, Type: scim.TooMany, Summary: "The request changes more members than one request may.",
		Action: "Nothing was changed; add or remove the members in several PATCH requests of at most 5,000 each.",
	},
	AnswerTooLarge: {
		Status: 400, Type: scim.TooMany,
		Summary: "The answer is larger than the 6 MB that AWS Lambda returns. A change that was made is answered without the resource instead, and this only warns.",
		Action:  "Ask for fewer resources with count, or for fewer attributes with attributes or excludedAttributes.",
	},
	Unfinished: {
		Status: 503, Summary: "The change of many members was accepted and is not finished yet; it will be, by the next request for the group or in the background.",
		Action: "Send the request again: a change is never made twice.", RetryAfter: 2,
	},
	SchemaNotFound: {
		Status: 404, Summary: "No schema or resource type has the id.",
		Action: "List /Schemas or /ResourceTypes for what is there.",
	},
	Duplicate: {
		Status: 409, Type: scim.NotUnique, Summary: "An active user has the value already.",
		Action: "PATCH or PUT that user, or correct the value in the identity provider.",
	},
	DuplicateInactive: {
		Status: 409, Type: scim.NotUnique, Summary: "An inactive user has the value already, and the request does not activate it.",
		Action: "PATCH or PUT that user; POST it with active=true to reactivate it.",
	},
	DuplicateSeveral: {
		Status: 409, Type: scim.NotUnique, Summary: "The sent values belong to several inactive users.",
		Action: "Decide which of them is meant, and PATCH or PUT that user.",
	},
	DuplicateOffInApp: {
		Status: 409, Type: scim.NotUnique, Summary: "The user exists and was deactivated in the application.",
		Action: "Ask an owner of the application to reactivate the user there.",
	},
	ExternalIDChanged: {
		Summary: "A user was reactivated under another externalId than before, or without one: a rehire, or an address that was given to someone else. The user left all groups, unless the tenant keeps them.",
		Action:  "Check that it is the same person: if so, add the user to the groups again; if not, rename the old user and provision the new one again.",
	},
	ExternalIDRefused: {
		Status: 409, Type: scim.NotUnique, Summary: "The userName or email belongs to an inactive user with another externalId, and this tenant does not take that for the same person.",
		Action: "If it is the same person, PATCH the old user's externalId first; if not, rename the old user.",
	},
	IdentityDiffers: {
		Status: 409, Type: scim.NotUnique, Summary: "The user was created in the application, and the POST that would link it has another userName or email: linking by POST never changes who a user is.",
		Action: "Correct the value in the identity provider, or change it in the application; if it is the same person, a PUT or PATCH of the user's id links the user with the new value.",
	},
	IdentityChanged: {
		Summary: "A PUT or PATCH linked a user that was created in the application, and changed its userName or email; the detail names the old and the new value.",
		Action:  "Check that both are the same person; if not, change the value back in the application and correct the mapping in the identity provider.",
	},
	OwnUser: {
		Status: 409, Type: scim.NotUnique, Summary: "The user was made in the application and is not linked to the identity provider.",
		Action: "Link a User by POST with isTeamAccount=true, or by PUT or PATCH.",
	},
	OwnUserConversion: {
		Status: 409, Type: scim.NotUnique, Summary: "A User made in the application is not made a Reader by the request that links it.",
		Action: "Set isTeamAccount to true first, which links the user, then to false, which converts it.",
	},
	DeactivatedInApp: {
		Status: 403, Summary: "The user was deactivated in the application, and only the application reactivates it.",
		Action: "Ask an owner of the application to reactivate the user there.",
	},
	Protected: {
		Status: 403, Summary: "The user is protected in the application: an identity provider cannot activate, deactivate, delete or rename it, change its email or externalId, make it a User or a Reader, or take it out of a group.",
		Action: "Ask an owner of the application to unprotect the user there, or leave the user as it is in the identity provider.",
	},
	SeatLimit: {
		Status: 403, Summary: "All seats of the tenant are in use.",
		Action: "Deactivate a user, make one a Reader, or buy more seats; then provision the user again.",
	},
	ReaderLimit: {
		Status: 403, Summary: "All readers' places of the tenant are in use.",
		Action: "Deactivate a reader or raise the limit; then provision the user again.",
	},
	VersionMismatch: {
		Status: 412, Summary: "The resource is at another version than If-Match names.",
		Action: "Read the resource and send the change with its current version.",
	},
	WalkLimit: {
		Status: 400, Type: scim.TooMany, Summary: "The answer would need more records read than one request may.",
		Action: "Filter by id, userName, displayName, externalId, emails, members or groups with eq, or walk the list by cursors: begin with an empty cursor and follow nextCursor.",
	},
	RateLimit: {
		Status: 429, Summary: "The tenant makes more requests a second than it may; nothing was changed.",
		Action: "Send the request again after the time in Retry-After.", RetryAfter: 1,
	},
	Conflict: {
		Status: 503, Summary: "Too much happened at once; nothing was changed.",
		Action: "Send the request again.", RetryAfter: 1,
	},
	OutcomeUnknown: {
		Status: 503, Summary: "The database's answer was lost; the change may or may not have been made.",
		Action: "Send the request again: a change is never made twice.", RetryAfter: 2,
	},
	StoreUnavailable: {
		Status: 503, Summary: "The service's database cannot be reached or used. Nothing was changed.",
		Action: "Send the request again later; if it fails again, report the request id to the operator of the service.", RetryAfter: 5,
	},
	BulkLimit: {
		Status: 413, Summary: "The bulk request has more operations than maxOperations.",
		Action: "Nothing was done; send the operations in several requests.",
	},
	BulkReference: {
		Status: 409, Summary: "The operation refers by bulkId to another one of the bulk request that failed, or in a circle that cannot be opened.",
		Action: "Correct the operation that it refers to, and send both again.",
	},
	BulkTime: {
		Status: 503, Summary: "The time of the bulk request was over before the operation began.",
		Action: "Send the operation again, with fewer others in one request.", RetryAfter: 1,
	},
	BulkPartial: {
		Summary: "Some operations of the bulk request failed or were not tried; each that was answered has an event of its own.",
		Action:  "Correct the operations that failed, and send those again.",
	},
	Internal: {
		Status: 500, Summary: "An error of the service.",
		Action: "Send the request again; if it fails again, report the request id.",
	},
	Tolerated: {
		Summary: "Something in the request was not taken as it was sent: an attribute outside the schemas, at the wrong place, or a value kept or left out. The notices say which.",
		Action:  "Correct the attribute mapping in the identity provider.",
	},
}
