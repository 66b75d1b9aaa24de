// Package store keeps the directory in one table: every key, every item and
// every transaction is built here and nowhere else.
//
// It makes no decisions. A change comes from package directory and becomes one
// transaction of conditional operations. Each operation carries what its failed
// condition means, so that a taken name, a missing seat and a lost race are
// distinguished by the position of the operation that failed.
package store
