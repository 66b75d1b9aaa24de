// Package scim is RFC 7643 and RFC 7644 as values and pure functions: schemas,
// decoding, filter matching, PATCH, projection and list documents.
//
// It does no I/O, keeps no state, and knows no HTTP, no storage and none of
// rollcall's own rules (seats, soft deletion, uniqueness).
package scim
