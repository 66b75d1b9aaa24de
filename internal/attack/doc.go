// Package attack holds hostile requests as a test of the whole service: what is
// sent, the one answer that is given, and what holds afterwards.
//
// A case is a line of testdata/cases.jsonl. It is sent through the gateway of
// rollcall local, which makes API Gateway's event of it, to the handlers of the
// Lambda functions; raw bytes go over a socket. Each case has an invariant in code:
// a case without one fails. Beside it some things hold of every case: no answer is
// a fault of the service unless the case says so, a refused request changes nothing,
// no log line and no stored entry has a credential in it, no answer to an identity
// provider names an AWS account, and the items of another tenant are not touched.
//
// The package has no code of its own and is linked by nothing.
package attack
