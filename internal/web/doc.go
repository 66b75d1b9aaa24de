// Package web is what every HTTP API of the service has in common: it finds the route of a
// request, recovers from panics, reads bodies, sends answers, and logs one event for each
// request. Each API keeps its own routes, its own documents of errors, and its own fields of
// the event.
//
// It knows no tenant, user or table: everything that is deployed may import it.
package web
