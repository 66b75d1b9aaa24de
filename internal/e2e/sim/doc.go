// Package sim runs the whole service in one process, in virtual time, in an
// order that a seed decides: a simulation. The same seed gives the same run, to
// the last event.
//
// # What is simulated
//
// A world has one table, some instances of the service on it, and processes that
// use the service. An instance is what a process in production is: an app.App
// with its own caches and its own clock. A call of an instance to the table is
// not answered by the table but becomes an event. The scheduler runs one event
// at a time, each time when all goroutines are blocked (testing/synctest), and
// draws from the seed how long each call takes, whether it fails, and what is
// applied of it. So nothing depends on the order in which Go runs goroutines.
//
// The network between an instance and the table (wire.go) does what DynamoDB and
// a network may do: it delays, throttles, refuses overlapping transactions, tears
// the items of a batch apart in time, loses requests and answers, and delivers a
// transaction again later, with the same token. Instances crash in the middle
// of requests: their later calls never happen, and what they had cached is gone.
//
// Each seed draws its own mixture of faults, some of them none at all: a fault
// that is always on hides what happens without it.
//
// After a while all faults end (calm). From there on every client must finish
// within bounded time, and no answer may be a server error. Then the stored data
// is compared with the log, with the answers that clients received, and with the
// invariants of store.Audit, as `rollcall verify` does (check.go).
//
// # How to add a process
//
// A process is a function that world.spawn starts with a proc: its own
// randomness, sleep, and send. It must wait only by proc.sleep and proc.send
// (or by a call to a table of world.connect), because these are events; time.Sleep
// and goroutines of its own would let Go decide an order. A process that follows
// the log (an event feed), receives webhooks, or uses OAuth clients is one more
// function in a file of its own, started in world.populate; what must hold of it
// afterwards is one more function in world.check. A receiver outside of the service
// is a handler to which an instance's HTTP client is connected by events, as
// proc.send connects clients with instances.
//
// The ideas are those of FoundationDB's simulation (one process, one seed, faults at every
// interface, harsher than production) and TigerBeetle's VOPR (checks while
// running, then a phase without faults in which all must finish).
package sim
