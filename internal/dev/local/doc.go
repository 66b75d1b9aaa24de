// Package local is API Gateway on a developer's machine: it reads the routes of
// the deployment's template, turns HTTP requests into the events of an HTTP
// API, and invokes the same functions as Lambda does.
//
// It behaves as AWS does wherever a function could see a difference: a decoded
// path, lower-case header names, joined header values, bodies in base64, limits
// of size, answers of API Gateway's own. It authenticates no caller, limits no
// rates and terminates no TLS; no deployed function contains it.
package local
