// Package httpapi is RFC 7644 over net/http: routes, media types, entity tags,
// one mapper from errors to error documents, one sender, and one event for each
// request.
//
// It decides nothing about users: that is package directory's. It reads the
// tenant from the bearer token, never from the request.
package httpapi
