// Package watch finds out what a tenant must be told that no single change says: that its
// seats are full, or that a revoked token is still in use. It looks at the records of the
// table's stream, compares with what it reported last, and reports what is new as signals,
// which become events.
//
// It keeps nothing between two batches: a batch may come again, in whole or in part, and two
// may run at once.
package watch
