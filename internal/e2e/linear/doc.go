// Package linear checks that concurrent requests have an order: that the answers
// of the whole service, from several instances on one table, are those of a
// sequential model to which the same requests came one after another.
//
// A seed determines a history: the requests of several clients, which of their
// calls to the table goes next, the faults that the calls meet, and the time that
// passes. So a seed that fails fails again, step by step.
//
// It is for tests: nothing imports it.
package linear
