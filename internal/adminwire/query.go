package adminwire

import "time"

// A Page is the part of a list to read.
type Page struct {
	// How many to return at most.
	Limit int `json:"limit,omitzero" jsonschema:"minimum=1,maximum=200,default=50"`
	// The next of the page before.
	After string `json:"after,omitzero"`
}

// A LogQuery is a search of the log.
type LogQuery struct {
	Page
	Formatted
	// A whole userName, displayName, primary email, externalId or id: only the history of
	// that user or group.
	Subject string `json:"subject,omitzero"`
	// One of /causes.
	Cause string `json:"cause,omitzero"`
	// The outcome of the requests.
	Outcome string `json:"outcome,omitzero" jsonschema:"enum=success,enum=warning,enum=failure,enum=skipped"`
	// The type of resource.
	ResourceType string `json:"resourceType,omitzero" jsonschema:"enum=User,enum=Group"`
	// The earliest time.
	From time.Time `json:"from,omitzero"`
	// The latest time.
	To time.Time `json:"to,omitzero"`
}

// A FailedUsersQuery is a search of the failing users and groups.
type FailedUsersQuery struct {
	Page
	Formatted
	// A whole userName, displayName, primary email, externalId or id: only that user or
	// group.
	Subject string `json:"subject,omitzero"`
	// One of /causes.
	Cause string `json:"cause,omitzero"`
	// The type of resource.
	ResourceType string `json:"resourceType,omitzero" jsonschema:"enum=User,enum=Group"`
	// true adds what the last request of each would do now. Nothing is written.
	Check string `json:"check,omitzero" jsonschema:"enum=true,enum=false"`
	// true adds the effects of the possible fixes. Nothing is written.
	Effect string `json:"effect,omitzero" jsonschema:"enum=true,enum=false"`
	// With effect=true, the number of seats that the fix adds; if left out, as many as the
	// failing users need.
	Seats int `json:"seats,omitzero" jsonschema:"minimum=1,maximum=100000"`
	// true lists the dismissed failures instead of the others.
	Dismissed string `json:"dismissed,omitzero" jsonschema:"enum=true,enum=false"`
}

// A RequestQuery says what to read of a request.
type RequestQuery struct {
	// true adds what the subject's last failed request would do now. Nothing is written.
	Check string `json:"check,omitzero" jsonschema:"enum=true,enum=false"`
}

// A UsersQuery is a search of the users.
type UsersQuery struct {
	Page
	// true lists the deleted ones too, after the others.
	Deleted string `json:"deleted,omitzero" jsonschema:"enum=true,enum=false"`
	// An id, userName, externalId or email: only the users who have it, in the order of
	// their ids.
	Subject string `json:"subject,omitzero"`
	// Only the users in this state. A page of a state may have fewer users than its limit,
	// even none, while others follow: next continues.
	State string `json:"state,omitzero" jsonschema:"enum=active,enum=inactive,enum=deleted"`
	// Only the users that an identity provider manages, or only those of the application.
	ManagedBy string `json:"managedBy,omitzero" jsonschema:"enum=idp,enum=app"`
}

// A GroupsQuery is a search of the groups.
type GroupsQuery struct {
	Page
	// An id, displayName or externalId: only the groups that have it.
	Subject string `json:"subject,omitzero"`
}

// A Confirmation confirms the deletion of a tenant.
type Confirmation struct {
	// The tenant's id once more.
	Confirm string `json:"confirm,omitzero"`
}

// A Match is the condition of a change.
type Match struct {
	// The version that the change is for.
	IfMatch string `json:"If-Match,omitzero" in:"header"`
}

// A TenantMatch is the condition of creating or changing a tenant.
type TenantMatch struct {
	// * creates the tenant, and is refused with 412 for one that exists.
	IfNoneMatch string `json:"If-None-Match,omitzero" in:"header" jsonschema:"enum=*"`
	Match
}
