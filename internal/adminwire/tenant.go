package adminwire

import "time"

// TenantSettings are the settings of a tenant to change. A setting that is null gets its
// default.
type TenantSettings struct {
	// The id of the path, if it is there.
	ID Optional[string] `json:"id,omitzero"`
	// The name of the tenant that people read.
	DisplayName Optional[string] `json:"displayName,omitzero" jsonschema:"nullable,maxLength=200"`
	// The number of seats that the tenant has; null is no limit, which is the default. A
	// limit below the number in use deactivates nobody.
	MaxSeats Optional[int64] `json:"maxSeats,omitzero" jsonschema:"nullable,minimum=0"`
	// The number of Reader licences that the tenant has; null is no limit, which is the
	// default.
	MaxReaders Optional[int64] `json:"maxReaders,omitzero" jsonschema:"nullable,minimum=0"`
	// The account type of a user who is created without one.
	DefaultAccountType Optional[string] `json:"defaultAccountType,omitzero" jsonschema:"nullable,enum=user,enum=reader,default=user"`
	// What happens to members of a group that are not users of the tenant.
	UnknownMembers Optional[string] `json:"unknownMembers,omitzero" jsonschema:"nullable,enum=skip,enum=refuse,default=skip"`
	// What happens to attributes outside the schemas.
	UnknownAttributes Optional[string] `json:"unknownAttributes,omitzero" jsonschema:"nullable,enum=drop,enum=refuse,default=drop"`
	// Whether a user deleted through SCIM is hidden, or stays readable as inactive.
	DeletedUsers Optional[string] `json:"deletedUsers,omitzero" jsonschema:"nullable,enum=hidden,enum=readable,default=hidden"`
	// What a reactivation under another externalId, or without one where the record has
	// one, does: warn reactivates and ends the memberships, keep reactivates with them,
	// refuse answers 409. With warn and keep the log entry is a warning.
	Rehire Optional[string] `json:"rehire,omitzero" jsonschema:"nullable,enum=warn,enum=keep,enum=refuse,default=warn"`
	// What happens to requests that deviate from the RFCs in ways known of identity
	// providers.
	Dialect Optional[string] `json:"dialect,omitzero" jsonschema:"nullable,enum=take,enum=refuse,default=take"`
	// Whether requests with a token that the identity provider keeps are accepted, or only
	// those with an access token of an OAuth client.
	StaticTokens Optional[string] `json:"staticTokens,omitzero" jsonschema:"nullable,enum=take,enum=refuse,default=take"`
	// Whether requests of identity providers are served.
	SCIMEnabled Optional[bool] `json:"scimEnabled,omitzero" jsonschema:"nullable,default=true"`
	// How many days log entries are kept.
	LogDays Optional[int64] `json:"logDays,omitzero" jsonschema:"nullable,minimum=1,maximum=3650,default=90"`
}

// A Tenant is a tenant with its settings.
type Tenant struct {
	ID string `json:"id"`
	// The name of the tenant that people read.
	DisplayName string `json:"displayName" jsonschema:"maxLength=200"`
	// The number of seats that the tenant has; null is no limit.
	MaxSeats *int64 `json:"maxSeats" jsonschema:"nullable,minimum=0"`
	// The number of Reader licences that the tenant has; null is no limit.
	MaxReaders *int64 `json:"maxReaders" jsonschema:"nullable,minimum=0"`
	// The account type of a user who is created without one.
	DefaultAccountType string `json:"defaultAccountType" jsonschema:"enum=user,enum=reader"`
	// What happens to members of a group that are not users of the tenant.
	UnknownMembers string `json:"unknownMembers" jsonschema:"enum=skip,enum=refuse"`
	// What happens to attributes outside the schemas.
	UnknownAttributes string `json:"unknownAttributes" jsonschema:"enum=drop,enum=refuse"`
	// Whether a user deleted through SCIM is hidden, or stays readable as inactive.
	DeletedUsers string `json:"deletedUsers" jsonschema:"enum=hidden,enum=readable"`
	// What a reactivation under another externalId does (see TenantSettings).
	Rehire string `json:"rehire" jsonschema:"enum=warn,enum=keep,enum=refuse"`
	// What happens to requests that deviate from the RFCs in ways known of identity
	// providers.
	Dialect string `json:"dialect" jsonschema:"enum=take,enum=refuse"`
	// Whether requests with a token that the identity provider keeps are accepted, or only
	// those with an access token of an OAuth client.
	StaticTokens string `json:"staticTokens" jsonschema:"enum=take,enum=refuse"`
	// Whether requests of identity providers are served.
	SCIMEnabled bool `json:"scimEnabled"`
	// How many days log entries are kept.
	LogDays int       `json:"logDays" jsonschema:"minimum=1,maximum=3650"`
	Version string    `json:"version"`
	Created time.Time `json:"created"`
	// Present while the tenant is being deleted.
	Deleting bool `json:"deleting,omitzero" jsonschema_extras:"const=true"`
	// While the tenant is being deleted: how many stored items are deleted so far, at
	// least.
	ItemsDeleted int64 `json:"itemsDeleted,omitzero" jsonschema:"minimum=1"`
	// While the tenant is being deleted: when the deletion last progressed.
	ProgressAt *time.Time `json:"progressAt,omitzero"`
	// The base URL to enter in the identity provider.
	BaseURL string `json:"scimBaseUrl" jsonschema:"format=uri"`
}

// Tenants is a page of tenants.
type Tenants struct {
	Tenants []Tenant `json:"tenants"`
	// The parameter after of the next page; absent on the last one.
	Next string `json:"next,omitzero"`
}

// Deleting is the answer to the deletion of a tenant.
type Deleting struct {
	ID       string `json:"id"`
	Deleting bool   `json:"deleting" jsonschema_extras:"const=true"`
}

// A Count is a number in use and its limit.
type Count struct {
	Used int64 `json:"used"`
	// null is no limit.
	Limit *int64 `json:"limit" jsonschema:"nullable"`
}

// Usage has the counts of a tenant.
type Usage struct {
	Seats   Count `json:"seats"`
	Readers Count `json:"readers"`
	Users   int64 `json:"users"`
	Groups  int64 `json:"groups"`
}

// A Schema is a schema that a tenant has registered.
type Schema struct {
	ResourceType string `json:"resourceType" jsonschema:"enum=User,enum=Group"`
	Required     bool   `json:"required"`
	// A schema as in RFC 7643 §7.
	Schema map[string]any `json:"schema"`
}

// Schemas are the schemas of a tenant.
type Schemas struct {
	Schemas []Schema `json:"schemas"`
}

// A NewSchema is a schema to register, with the resource type that it extends. A schema
// alone, as in RFC 7643 §7, extends User.
type NewSchema struct {
	ResourceType string `json:"resourceType,omitzero" jsonschema:"enum=User,enum=Group,default=User"`
	Required     bool   `json:"required,omitzero" jsonschema:"default=false"`
	// A schema as in RFC 7643 §7.
	Schema map[string]any `json:"schema"`
}
