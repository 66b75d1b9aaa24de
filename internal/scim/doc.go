// Package scim has what the packages below it share: JSON values and resources,
// errors and notices, the documents of the protocol and its limits. Together
// they are RFC 7643 and RFC 7644 as values and pure functions. Each imports only
// this package and those before it:
//
//	filter    the grammar of filters and paths
//	fold      the form in which values are compared without regard to case
//	schema    schemas, resource types, and what a name in a request means
//	match     filters and orders that are valid for a resource type
//	resource  decoding, encoding, PATCH, PUT, members and projection
//	bulk      bulk requests
//
// They do no I/O, keep no state, and know no HTTP, no storage and none of
// the product's rules: its schemas are data that callers add.
package scim
