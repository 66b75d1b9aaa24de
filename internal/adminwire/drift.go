package adminwire

import "time"

// A DriftQuery is the part of the list to read.
type DriftQuery struct {
	// How many users or groups to look at.
	Page
	Formatted
	// The time since which no identity provider has changed the user or group; 90 days
	// ago if left out. A time before the oldest entry of the log counts as that entry's.
	Since time.Time `json:"since,omitzero"`
}

// A DriftItem is a user or a group that the identity provider may not know, or has not changed
// for long.
type DriftItem struct {
	// not_linked: the application created the user, and no identity provider has pushed
	// it. no_request: no identity provider has changed it, or tried to, since the time.
	// That is usual for a user or group that does not change; requests that only read,
	// or that had nothing to change, do not count.
	Reason       string `json:"reason" jsonschema:"enum=not_linked,enum=no_request"`
	ResourceType string `json:"resourceType" jsonschema:"enum=User,enum=Group"`
	ResourceID   string `json:"resourceId"`
	// The userName or displayName.
	Subject    string         `json:"subject"`
	ExternalID NullableString `json:"externalId" jsonschema:"nullable"`
	// When it was last changed, by any side.
	Modified time.Time `json:"modified"`
}

// Drift is a page of users, then groups, that may differ from the identity provider's.
type Drift struct {
	Drift []DriftItem `json:"drift"`
	// The parameter after of the next page, which may be empty; absent on the last one.
	Next string `json:"next,omitzero"`
}
