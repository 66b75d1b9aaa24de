// Package replay sends the recorded requests of identity providers to a service
// and checks its answers: a [Case] is a line of package recording, with the steps
// that set it up and the checks of everything its notes state.
//
// It speaks only SCIM over HTTP, so that the same lines run in a process, on
// every engine, and against any server. It knows neither the service's packages
// nor its storage, and sees only what a bearer token may read. The one
// exception is the event of a request: a check of it is skipped on a server
// that does not show its log, and the result says so.
package replay
