// Package fuzz sends whole requests of any bytes to the service: API Gateway's
// events, through the conversion that Lambda functions use, to the handlers of
// the functions, on a table with two tenants.
//
// Every answer must be one of the protocol and none a fault of the service; a
// refused request changes nothing; no item of another tenant is touched; each
// request has one well-formed line in the log, without credentials; and the
// work of a request is bounded.
//
// The seeds are the events under events/, the recorded requests of identity
// providers, and the hostile requests of package attack. The package has only
// tests, so no binary links it.
package fuzz
