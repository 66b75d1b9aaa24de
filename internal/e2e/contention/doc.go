// Package contention measures what happens to requests that need one item at the
// same time: creates of one tenant, which all count in its ledger, joins of one
// group, which all move its version, and the transactions that one request sends
// in parallel.
//
// # What is simulated
//
// Requests arrive at random times (Poisson) whether earlier ones are answered or
// not, as from an identity provider that does not wait. Each is served by an
// instance of its own, as by Lambda: a free one, or a new one, with its own
// caches. An instance is the whole service (app.App), from the handler to the
// store; only the table is replaced by one in memory (tabletest.Memory) that
// conflicts as DynamoDB does (tabletest.Conflict): while a transaction is in
// progress, which takes the time of the hold, every other one that touches one of its
// items is refused with a conflict, and package table sends it again later.
//
// A call takes 1 to 3 ms besides the hold. Nothing else takes time: neither the
// processor's work, nor the start of an instance, nor API Gateway. DynamoDB's
// capacity has no limit. So the numbers compare versions of the service, and show where a
// rate is too high; they are no forecast of the latency in AWS.
//
// # Why it repeats
//
// All time is virtual (testing/synctest), every draw comes from a seed, and no two
// calls happen at the same nanosecond (clock). So a seed has the same result on
// every machine, and a test may require a latency.
package contention
