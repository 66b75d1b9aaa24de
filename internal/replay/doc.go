// Package replay sends the recorded requests of identity providers to a service
// and checks its answers: a [Case] is a line of requests.jsonl, with
// the steps that set it up and the checks of everything its notes state.
//
// It speaks SCIM over HTTP and nothing else, so that the same lines run in a
// process, on every engine, and against any server that answers. It knows
// neither the service's packages nor its storage, and never reads what a request
// with a bearer token would not be shown; the one exception, the event that is
// logged of a request, is a check that a server far away leaves open, and the
// result says so.
package replay
