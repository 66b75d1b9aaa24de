// Package conformance generates docs/reference/scim-conformance.md: what the SCIM RFCs
// require of a service provider, whether rollcall meets each requirement, and which
// tests prove it.
//
// requirements.tsv has the requirements, in our own words. A test names those
// that it proves in a comment, // Covers: 7644-3.6-1, 7644-3.6-2, before its
// function, or before or on the line of a case in its table. Only a test that
// fails when the requirement is broken may claim it. The document is generated
// from both:
//
//	go generate .
//
// Nothing that is deployed imports this package.
package conformance
