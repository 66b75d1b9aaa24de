// Package assertion verifies the JSON Web Tokens by which OAuth clients prove themselves: client
// assertions that a client signs with its own key (private_key_jwt), and tokens of an identity
// provider that a client trusts (workload identity federation). It also fetches and keeps the
// keys of such an identity provider.
//
// It believes nothing that the assertion says of its own key, and takes RS256 and ES256 alone. It
// never decides which client an assertion is for, nor whether it was used before: package access
// does.
//
// RFC 7515, RFC 7517, RFC 7519, RFC 7523, RFC 8725
package assertion
