package scim

// The URNs of schemas and messages. RFC 7643 §10.3; RFC 7644 §8.2
const (
	CoreUserURN     = "urn:ietf:params:scim:schemas:core:2.0:User"
	CoreGroupURN    = "urn:ietf:params:scim:schemas:core:2.0:Group"
	EnterpriseURN   = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	SchemaURN       = "urn:ietf:params:scim:schemas:core:2.0:Schema"
	ResourceTypeURN = "urn:ietf:params:scim:schemas:core:2.0:ResourceType"
	ServiceURN      = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"

	ErrorURN        = "urn:ietf:params:scim:api:messages:2.0:Error"
	ListURN         = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
	PatchURN        = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
	SearchURN       = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
	BulkRequestURN  = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
	BulkResponseURN = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"

	// RollcallURN is the URN of the service's own extension of users, unless the
	// deployment configures another one.
	RollcallURN = "urn:ietf:params:scim:schemas:extension:rollcall:2.0:User"
)
