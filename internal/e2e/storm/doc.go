// Package storm sends more requests of one tenant than it may send, to several
// instances of the service on one table, and observes what the tenant gets, what
// the table's partitions cost, and what the other tenants notice.
//
// It runs in virtual time (testing/synctest): an instance serves one request at a
// time, as Lambda has it, and a call of the table takes some milliseconds. What
// only AWS can show, for example its own throttling, is not simulated.
package storm
