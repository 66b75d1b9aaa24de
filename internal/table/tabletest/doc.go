// Package tabletest is the contract of table.Table as a suite that any engine
// runs: Run for one caller, RunConcurrent for many at once.
//
// It also has wrappers that make an engine fail as DynamoDB can: Conflict, for
// engines that never refuse a transaction because of another one; Fault and
// FaultTransport, which lose requests and answers; and Dynamo, a new table in
// DynamoDB Local. Calls counts the calls of a table, and does something before them.
//
// It is for tests. No program links it.
package tabletest
