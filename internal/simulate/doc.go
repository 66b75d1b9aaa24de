// Package simulate sends what an identity provider sends, in its order and with
// its retries: [Run] plays a scenario, for example the first synchronization, and
// [Provoke] sends the requests that have one cause. It works with any SCIM server.
//
// The requests are those of package recording, with users and groups of the
// simulation in place of the recorded ones. The package checks nothing and knows
// no admin API; it reports what was answered.
package simulate
