// Package attack holds hostile requests as a test of the whole service: each
// request, its one answer, and what must hold afterwards.
//
// A case is a line of testdata/cases.jsonl. It is sent through the gateway of
// rollcall local, which turns it into API Gateway's event, to the handlers of
// the Lambda functions; raw bytes go over a socket. Each case has an invariant
// in code, and fails without one. Some things must also hold for every case: no
// answer is a fault of the service unless the case says so, a refused request
// changes nothing, no log line and no stored entry contains a credential, no
// answer to an identity provider names an AWS account, and no item of another
// tenant is touched.
//
// The package has only tests, so no binary links it.
package attack
