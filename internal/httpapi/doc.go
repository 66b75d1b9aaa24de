// Package httpapi serves RFC 7644 over net/http: routes, media types, entity
// tags, one mapper from errors to error documents, one function that sends
// answers, and one event for each request.
//
// It holds no rule about users, which are package directory's. It takes the
// tenant from the bearer token, never from the request.
package httpapi
