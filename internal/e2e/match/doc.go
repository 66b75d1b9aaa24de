// Package match compares JSON with what is expected of it: whole values, in which texts
// may have placeholders, and the words of matchers. The replay of identity providers'
// requests and the events of functions use it.
//
// It knows nothing of requests or the service.
package match
