// Package tabletest is the contract of table.Table as a suite that any engine runs:
// Run for what one caller sees, RunConcurrent for what many do at once.
//
// It also has what makes an engine behave as DynamoDB does on a bad day: Conflict,
// for engines that never refuse a transaction for another one; Fault and
// FaultTransport, which lose requests and answers; and Dynamo, a fresh table in
// DynamoDB Local.
//
// It is for tests. No program links it.
package tabletest
