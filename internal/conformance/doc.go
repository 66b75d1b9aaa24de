// Package conformance keeps docs/reference/scim-conformance.md: what the SCIM RFCs ask of
// a service provider, how rollcall stands to each of it, and which tests prove
// it.
//
// requirements.tsv has the requirements, in our own words. A test names those
// that it proves in a comment, // Covers: 7644-3.6-1, 7644-3.6-2, in front of
// its function, or in front of or behind a case of its table. Only a test that
// fails when the requirement is broken may claim it. The document is made of
// both:
//
//	go test ./internal/conformance -update
//
// Nothing that is deployed imports this package.
package conformance
