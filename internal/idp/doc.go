// Package idp sends a SCIM server what identity providers really send, and
// checks everything that the answers must be. The requests are in
// requests.jsonl, one a line, with their set-up steps and coded checks; a line
// that waits for something the service does not do yet says for what.
//
// It knows rollcall by HTTP alone: any running server can be replayed against.
// It never prints a token.
package idp
