// Package local is API Gateway on a developer's machine: it reads the routes
// of the deployment's template, turns HTTP requests into the events that an
// HTTP API makes of them, and invokes the same functions as Lambda does.
//
// It is true to AWS where a function could tell the difference: a decoded
// path, lower-case header names, joined header values, bodies in base64,
// limits of size, answers of API Gateway's own. It authenticates nobody,
// limits no rates and terminates no TLS; no deployed function contains it.
package local
