// Package feed reads the records of the table's stream, and hands the events that they cause
// to the webhooks and to the bus. It may get a record again, and may be stopped at any point:
// an event is handed on at least once.
//
// It neither reads the table itself nor sends requests to the application.
package feed
