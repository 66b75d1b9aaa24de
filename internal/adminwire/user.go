package adminwire

import "time"

// A NewUser is a user to create in the application.
type NewUser struct {
	UserName    string           `json:"userName"`
	Email       string           `json:"email,omitzero" jsonschema:"nullable"`
	DisplayName string           `json:"displayName,omitzero" jsonschema:"nullable"`
	Origin      Optional[string] `json:"origin,omitzero" jsonschema:"nullable,enum=manual,enum=jit,default=manual"`
	// The tenant's defaultAccountType if it is left out.
	AccountType Optional[string] `json:"accountType,omitzero" jsonschema:"nullable,enum=user,enum=reader"`
	Active      *bool            `json:"active,omitzero" jsonschema:"nullable,default=true"`
	Protected   bool             `json:"protected,omitzero" jsonschema:"nullable,default=false"`
}

// A UserChange has the members of a user to change.
type UserChange struct {
	UserName    Optional[string] `json:"userName,omitzero"`
	Email       Optional[string] `json:"email,omitzero"`
	DisplayName Optional[string] `json:"displayName,omitzero" jsonschema:"nullable"`
	AccountType Optional[string] `json:"accountType,omitzero" jsonschema:"enum=user,enum=reader"`
	Active      Optional[bool]   `json:"active,omitzero"`
	Protected   Optional[bool]   `json:"protected,omitzero" jsonschema:"nullable"`
}

// A User is a user as the application sees it.
type User struct {
	ID          string         `json:"id"`
	UserName    string         `json:"userName"`
	Email       NullableString `json:"email" jsonschema:"nullable"`
	DisplayName NullableString `json:"displayName" jsonschema:"nullable"`
	ExternalID  NullableString `json:"externalId" jsonschema:"nullable"`
	Origin      string         `json:"origin" jsonschema:"enum=scim,enum=manual,enum=jit"`
	// Whether an identity provider manages the user.
	SCIMManaged   bool           `json:"scimManaged"`
	AccountType   string         `json:"accountType" jsonschema:"enum=user,enum=reader"`
	Active        bool           `json:"active"`
	DeactivatedBy NullableString `json:"deactivatedBy" jsonschema:"nullable,enum=scim,enum=app"`
	Deleted       bool           `json:"deleted"`
	// Whether identity providers may not deactivate, delete, rename or demote the user, or
	// remove it from a group.
	Protected bool `json:"protected"`
	// What the user takes from the tenant's limits.
	Holds    NullableString `json:"holds" jsonschema:"nullable,enum=seat,enum=reader"`
	Version  int64          `json:"version"`
	Created  *time.Time     `json:"created"`
	Modified *time.Time     `json:"modified"`
}

// Users is a page of users.
type Users struct {
	Users []User `json:"users"`
	// The parameter after of the next page; absent on the last one.
	Next string `json:"next,omitzero"`
}

// A Group is a group as the application sees it.
type Group struct {
	ID          string         `json:"id"`
	DisplayName string         `json:"displayName"`
	ExternalID  NullableString `json:"externalId" jsonschema:"nullable"`
	Origin      string         `json:"origin"`
	Version     int64          `json:"version"`
	// Each replacement of all members begins a generation: memberships of an earlier one
	// have ended.
	Generation int64      `json:"generation"`
	Created    *time.Time `json:"created"`
	Modified   *time.Time `json:"modified"`
}

// Groups is a page of groups.
type Groups struct {
	Groups []Group `json:"groups"`
	// The parameter after of the next page; absent on the last one.
	Next string `json:"next,omitzero"`
}

// GroupMembers is a page of the members of a group.
type GroupMembers struct {
	Group Group `json:"group"`
	// In the order of their ids. Each with the failure of its own provisioning, if it
	// fails.
	Members []Member `json:"members"`
	// The parameter after of the next page; absent on the last one.
	Next string `json:"next,omitzero"`
}

// A DeletedGroup is the marker of a group that the application deleted.
type DeletedGroup struct {
	ID          string         `json:"id"`
	DisplayName string         `json:"displayName"`
	DeletedAt   *time.Time     `json:"deletedAt"`
	DeletedBy   NullableString `json:"deletedBy" jsonschema:"nullable"`
}

// DeletedGroups is a page of markers.
type DeletedGroups struct {
	DeletedGroups []DeletedGroup `json:"deletedGroups"`
	// The parameter after of the next page; absent on the last one.
	Next string `json:"next,omitzero"`
}
